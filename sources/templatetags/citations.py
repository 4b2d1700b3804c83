"""Filters that select the citations of a fact and show them as sentences."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language_info

from dates.text import by_sources
from sources.models import Citation, Source, date_and_bound
from sources.proofs import FieldProof, Proofs
from sources.quotes import claim, in_source, with_source
from sources.reading import Passage, Proven, proven
from texts.passages import fragment

register = template.Library()
NOT_KNOWN = format_html('<span class="unsaid">{}</span>', "no consta")
register.filter(claim)
register.filter(proven)
register.filter(in_source)
register.filter(with_source)


@dataclass(frozen=True, slots=True)
class Note:
    """The quoted words of a sentence of a source, and what they say instead if they contradict."""

    citations: list[Citation]
    whole: str = ""
    """The anchor of the note with the whole sentence, if it stands higher on the page."""

    @property
    def source(self) -> Source:
        return self.citations[0].source

    @property
    def claims(self) -> list[str]:
        """What the contradictions say: «15 de diciembre de 2020»."""
        against = (claim(c) for c in self.citations if c.contradicts and c.says)
        return list(dict.fromkeys(against))

    @property
    def words(self) -> str:
        """The quoted words alone: «… … …» if the sentence has words between them."""
        return " … ".join(quoted for _before, quoted in self._pieces())

    @property
    def sentence(self) -> SafeString:
        """The sentence with the quoted words marked."""
        pieces, first = self._pieces(), self.citations[0]
        length = sum(len(before) + len(quoted) for before, quoted in pieces)
        marked = format_html_join("", "{}<mark>{}</mark>", pieces)
        return format_html("{}{}", marked, (first.prefix + first.exact + first.suffix)[length:])

    def _pieces(self) -> list[tuple[str, str]]:
        """The quoted words, each with the words before it. Overlapping quotes are one piece."""
        first, pieces, at = self.citations[0], list[tuple[str, str]](), 0
        sentence = first.prefix + first.exact + first.suffix
        start, spans = first.position - len(first.prefix), list[tuple[int, int]]()
        for begin, end in sorted(citation.span for citation in self.citations):
            if spans and begin <= spans[-1][1]:
                begin, end = spans[-1][0], max(end, spans.pop()[1])
            spans.append((begin, end))
        for begin, end in spans:
            pieces.append((sentence[at : begin - start], sentence[begin - start : end - start]))
            at = end - start
        return pieces


@dataclass(slots=True)
class Noted:
    """The passages and sentences whose notes stand higher on the page."""

    passages: set[tuple[Any, ...]] = field(default_factory=set)
    sentences: dict[tuple[int, int, int], str] = field(default_factory=dict)

    def add(self, citations: Iterable[Citation]) -> tuple[list[Note], list[Citation]]:
        """The notes of citations that are new to the page, and the citations that are not."""
        notes, again = [], []
        for sentence, quoting in _by_sentence(citations).items():
            new = [c for c in quoting if (c.passage, c.contradicts) not in self.passages]
            again += [c for c in quoting if c not in new]
            if new:
                notes.append(Note(new, self.sentences.get(sentence, "")))
                self.sentences.setdefault(sentence, note_anchor(new[0]))
            self.passages.update((c.passage, c.contradicts) for c in new)
        return notes, again


@register.inclusion_tag("partials/_notes.html", takes_context=True)
def notes(context: Any, citations: Iterable[Citation], open: bool = False) -> dict[str, Any]:
    """The numbered notes of a fact. A sentence stands in full once on a page, words once. `open`
    notes are not folded on a phone."""
    citations = list(citations)
    noted: Noted = vars(context.request).setdefault("noted", Noted())
    against, contested = noted.add(contradicting(citations))
    proof, again = noted.add(supporting(citations))
    return {
        "notes": [*against, *proof],
        "open": open,
        "again": [*contested, *again],
        "sources": by_source(citations if several() else supporting(citations) or citations),
    }


@register.filter
def superscripts(citations: Iterable[Citation]) -> SafeString:
    """The numbers after a fact: each leads to its note on the same page."""
    by_passage = {citation.passage: citation for citation in supporting(citations)}
    proof = [by_passage[passage] for passage in sorted(by_passage)]
    rows = ((note_anchor(c), with_source(c) if several() else c, c.number) for c in proof)
    links = format_html_join(" ", '<a href="#{}" aria-label="{}">{}</a>', rows)
    return format_html("<sup>{}</sup>", links) if links else links


@register.filter
def note_anchor(citation: Citation) -> str:
    """«n3»; with the source after it if the record quotes several."""
    return f"n{citation.number}" + (f"-{citation.source.slug}" if several() else "")


@register.filter
def or_unknown(value: Any) -> Any:
    """The value of a property of a source, or «no consta»."""
    return value or NOT_KNOWN


@register.filter
def lang(source: Source | None) -> SafeString:
    """The attribute `lang` of words of the source, if the page has another language."""
    page = settings.LANGUAGE_CODE.partition("-")[0]
    tag = source.language if source else ""
    is_other = tag and tag.lower().partition("-")[0] != page
    return format_html(' lang="{}"', tag) if is_other else SafeString()


@register.filter
def place_address(citation: Citation) -> str:
    """The address of the page or time of a quote, in the published source or in its original."""
    address = citation.source.url.partition("#")[0] or citation.source.original_address
    return f"{address}#{fragment(citation.locator)}" if address else ""


@register.filter
def language_name(tag: str) -> str:
    """«inglés» for `en`; the tag itself if it is rare."""
    try:
        return str(get_language_info(tag)["name_translated"]).lower()
    except KeyError:
        return tag


@register.filter
def supporting(citations: Iterable[Citation]) -> list[Citation]:
    return [citation for citation in citations if not citation.contradicts]


@register.filter
def contradicting(citations: Iterable[Citation]) -> list[Citation]:
    return [citation for citation in citations if citation.contradicts]


@register.filter
def by_source(citations: Iterable[Citation]) -> list[tuple[Source, list[int]]]:
    """The quoted sources, each with the numbers of its citations."""
    numbers = defaultdict[Source, dict[int, None]](dict)
    for citation in citations:
        numbers[citation.source][citation.number] = None
    return [(source, sorted(of_source)) for source, of_source in numbers.items()]


@register.filter
def are_cut(passages: Iterable[Passage]) -> bool:
    return any(passage.is_cut for passage in passages)


@register.filter
def record_count(lines: Iterable[Proven]) -> int:
    return sum(len(line.records) for line in lines)


@register.filter
def beside(proofs: Proofs | str, name: str) -> FieldProof | None:
    """The proof of a field of a form; None on a form of a record that takes no citations."""
    return proofs.get(name) if isinstance(proofs, Proofs) else None


@register.filter
def about(citations: Iterable[Citation], names: str) -> list[Citation]:
    """The citations of these fields and of the bounds of these dates."""
    return [citation for citation in citations if _fact(citation) in names.split()]


@register.filter
def proving(citations: Iterable[Citation], names: str) -> list[Citation]:
    """The citations of these fields; if none supports them, those of the whole record; else
    all."""
    proof = supporting(citations)
    whole = [citation for citation in proof if not citation.field]
    return [*(about(proof, names) or whole or proof), *about(contradicting(citations), names)]


@register.filter
def besides(citations: Iterable[Citation], names: str) -> list[Citation]:
    """The citations of the whole record and of all other fields."""
    return [citation for citation in citations if _fact(citation) not in names.split()]


def several() -> bool:
    """Whether the record quotes several sources."""
    return bool(by_sources("", "several"))


def _by_sentence(citations: Iterable[Citation]) -> dict[tuple[int, int, int], list[Citation]]:
    """The citations by quoted sentence, one of each passage."""
    sentences = defaultdict[tuple[int, int, int], dict[int, Citation]](dict)
    for citation in citations:
        start = citation.position - len(citation.prefix)
        end = citation.span[1] + len(citation.suffix)
        sentences[citation.source_id, start, end].setdefault(citation.number, citation)
    return {sentence: [*quoting.values()] for sentence, quoting in sentences.items()}


def _fact(citation: Citation) -> str:
    return date_and_bound(citation.field)[0]
