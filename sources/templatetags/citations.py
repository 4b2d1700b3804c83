"""Which of a record's citations stand beside which of its facts, and how they are read."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django import template

from sources.models import Citation

register = template.Library()


@dataclass(frozen=True, slots=True)
class Proof:
    """A sentence of a source with the citations that quote it; each piece: words, and whether they
    are quoted."""

    pieces: list[tuple[str, bool]]
    citations: list[Citation]


@register.filter
def proofs(citations: Iterable[Citation]) -> list[Proof]:
    """Each sentence once, and in it each passage once, whatever number of citations quote it."""
    sentences = defaultdict(dict)
    for citation in citations:
        start = citation.position - len(citation.prefix)
        sentences[citation.source_id, start, _sentence(citation)][citation.number] = citation
    return [
        Proof(_pieces(sentence, start, found.values()), list(found.values()))
        for (_source, start, sentence), found in sentences.items()
    ]


def _sentence(citation: Citation) -> str:
    return citation.prefix + citation.exact + citation.suffix


def _pieces(sentence: str, start: int, found: Iterable[Citation]) -> list[tuple[str, bool]]:
    pieces, at = [], 0
    for first, end in sorted(citation.span for citation in found):
        first, end = max(first - start, at), end - start
        if first < end:
            pieces += [(sentence[at:first], False), (sentence[first:end], True)]
            at = end
    return [*pieces, (sentence[at:], False)]


@register.filter
def about(citations: Iterable[Citation], names: str) -> tuple[Citation, ...]:
    """Those that support one of these fields, a date's bounds included."""
    wanted = names.split()
    return tuple(citation for citation in citations if _fact(citation) in wanted)


@register.filter
def proving(citations: Iterable[Citation], names: str) -> tuple[Citation, ...]:
    """Those about one of these fields or, where there are none, about the whole record, or all."""
    whole = tuple(citation for citation in citations if not citation.field)
    return about(citations, names) or whole or tuple(citations)


@register.filter
def besides(citations: Iterable[Citation], names: str) -> tuple[Citation, ...]:
    """All but those: of the whole record, and of every other field."""
    unwanted = names.split()
    return tuple(citation for citation in citations if _fact(citation) not in unwanted)


def _fact(citation: Citation) -> str:
    return citation.field.removesuffix("_earliest").removesuffix("_latest")
