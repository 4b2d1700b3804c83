"""Filters that select the citations of a fact and show them as sentences."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language_info

from dates.text import by_sources
from sources.models import Citation, Source, date_and_bound
from sources.passages import fragment
from sources.proofs import FieldProof, Proofs
from sources.quotes import claim, in_source, with_source

register = template.Library()
NOT_KNOWN = format_html('<span class="unsaid">{}</span>', "no consta")
register.filter(claim)
register.filter(in_source)
register.filter(with_source)


@dataclass(frozen=True, slots=True)
class Proof:
    """The citations that quote a sentence of a source, and what they say instead if they
    contradict."""

    citations: list[Citation]
    claims: list[str]

    @property
    def source(self) -> Source:
        return self.citations[0].source

    @property
    def sentence(self) -> SafeString:
        """The sentence with the quoted words marked."""
        first, pieces, at = self.citations[0], list[tuple[str, str]](), 0
        sentence = first.prefix + first.exact + first.suffix
        start = first.position - len(first.prefix)
        for begin, end in sorted(citation.span for citation in self.citations):
            begin, end = max(begin - start, at), end - start
            if begin < end:
                pieces.append((sentence[at:begin], sentence[begin:end]))
                at = end
        marked = format_html_join("", "{}<mark>{}</mark>", pieces)
        return format_html("{}{}", marked, sentence[at:])

    def __str__(self) -> str:
        """The numbers of its citations: «3, 7»."""
        return ", ".join(str(citation.number) for citation in self.citations)


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
def proofs(citations: Iterable[Citation]) -> list[Proof]:
    """The quoted sentences without repetition, each with a citation of each passage in it."""
    sentences = defaultdict[tuple[int, int, int], list[Citation]](list)
    for citation in citations:
        start = citation.position - len(citation.prefix)
        end = citation.span[1] + len(citation.suffix)
        sentences[citation.source_id, start, end].append(citation)
    return [
        Proof(
            list({citation.number: citation for citation in quoting}.values()),
            list(dict.fromkeys(claim(c) for c in quoting if c.contradicts and c.says)),
        )
        for quoting in sentences.values()
    ]


@register.filter
def supporting(citations: Iterable[Citation]) -> list[Citation]:
    return [citation for citation in citations if not citation.contradicts]


@register.filter
def contradicting(citations: Iterable[Citation]) -> list[Citation]:
    return [citation for citation in citations if citation.contradicts]


@register.filter
def cited_words(citations: Iterable[Citation]) -> list[tuple[Citation, str]]:
    """A citation of each passage, by source, with its words: «Cita 3». If the record quotes several
    sources, the last citation of a source names it: «Cita 5, en «Acta 12»»."""
    groups = defaultdict[int, list[Citation]](list)
    for citation in {(c.passage, c.contradicts): c for c in citations}.values():
        groups[citation.source_id].append(citation)
    named = {group[-1] for group in groups.values()} if by_sources("", "several") else set()
    return [
        (c, f"{with_source(c) if c in named else c}{' (contradice)' if c.contradicts else ''}")
        for group in groups.values()
        for c in group
    ]


@register.filter
def by_source(citations: Iterable[Citation]) -> list[tuple[Source, list[int]]]:
    """The quoted sources, each with the numbers of its citations."""
    numbers = defaultdict[Source, dict[int, None]](dict)
    for citation in citations:
        numbers[citation.source][citation.number] = None
    return [(source, sorted(of_source)) for source, of_source in numbers.items()]


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


def _fact(citation: Citation) -> str:
    return date_and_bound(citation.field)[0]
