"""Hits as a page shows them: the words found, marked in the original text, and the passage around
them with the paragraph that it stands in."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from record.pages import in_words
from record.publishing import Record
from record.richtext import plain_lines
from search.finding import Found
from search.kinds import Kind
from search.query import Query, Term
from search.words import stems_of, words_of
from sources.models import Source
from timeline.models import Statement
from timeline.paragraphs import unmarked

WIDTH, BEFORE = 240, 70  # characters of a passage, and of those before the first word found
PLACES = 3
Placed = tuple[int, str]
"""A paragraph's number on the page of its record, 0 where it has none, and its text."""


class Piece(NamedTuple):
    text: str
    marked: bool = False


class Mark(NamedTuple):
    start: int
    end: int
    term: Term


@dataclass(slots=True)
class Hit:
    """`places` are the numbers of the paragraphs that have any of the words, at most PLACES, and
    `other_places` how many more there are."""

    kind: Kind
    tier: int
    record: Record
    title: list[Piece]
    passage: list[Piece]
    places: list[int] = field(default_factory=list)
    other_places: int = 0

    @property
    def others(self) -> str:
        return in_words(self.other_places) if self.other_places else ""

    @property
    def when(self) -> Any:
        return getattr(self.record, "when", None)


def hits_of(found: Sequence[Found], query: Query) -> list[Hit]:
    """In the same order; what was withdrawn meanwhile is left out."""
    keys: dict[Kind, list[int]] = defaultdict(list)
    for one in found:
        keys[one.kind].append(one.key)
    records, bodies = {}, {}
    for kind, some in keys.items():
        shown = kind.model.objects.visible_to(None).filter(pk__in=some)
        shown = shown.select_related(*kind.shown_with) if kind.shown_with else shown
        records |= {(kind, record.pk): record for record in shown}
        bodies |= {(kind, pk): body for pk, body in _numbered(kind, records, some).items()}
    return [
        _hit(one, records[one.kind, one.key], bodies.get((one.kind, one.key)), query.wanted)
        for one in found
        if (one.kind, one.key) in records
    ]


def _numbered(kind: Kind, records: dict, keys: list[int]) -> dict[int, list[Placed]]:
    """The paragraphs of those records whose pages number them."""
    here = [record for key in keys if (record := records.get((kind, key)))]
    if kind.model is Source:
        return {source.pk: _blocks(source) for source in here}
    if kind.model is not Statement:
        return {}
    cited = Source.objects.visible_to(None).filter(citations__statement__in=here).order_by()
    pairs = set(cited.values_list("citations__statement", "pk"))
    public = Source.objects.visible_to(None)
    sources = list(public.filter(pk__in={pk for _, pk in pairs})) if pairs else []
    return {
        one.pk: _paragraphs(one, [source for source in sources if (one.pk, source.pk) in pairs])
        for one in here
    }


def _blocks(source: Source) -> list[Placed]:
    blocks = source.passages.blocks
    return [(n, source.passages.text[b.start : b.end]) for n, b in enumerate(blocks, 1)]


def _paragraphs(statement: Statement, sources: list[Source]) -> list[Placed]:
    return [
        (number, one.text if one.is_list else " ".join(plain_lines(one.html)))
        for number, one in enumerate(unmarked(statement, sources), 1)
    ]


def _hit(found: Found, record: Record, numbered: list[Placed] | None, terms: tuple) -> Hit:
    title, names, summary = found.kind.heads(record)
    title = title or str(record)
    placed = [(0, text) for text in found.kind.body(record)] if numbered is None else numbered
    also = f"También: {'; '.join(names)}" if names else ""
    texts = [(0, also), (0, summary), *placed]
    marked = [(number, text, marks(text, terms)) for number, text in texts]
    _, best, some = max(marked, key=lambda one: len({mark.term for mark in one[2]}))
    if not some:
        best = next((text for _, text in texts[1:] if text), "")
    places = [number for number, _, some in marked if number and some]
    return Hit(
        found.kind, found.tier, record, pieces(title, marks(title, terms)), excerpt(best, some),
        places[:PLACES], len(places[PLACES:]),
    )  # fmt: skip


def marks(text: str, terms: Iterable[Term]) -> list[Mark]:
    """Where the terms stand in a text, in order, none overlapping."""
    stems = stems_of(text)
    if not any(term[0] in stems for term in terms):
        return []
    words = list(words_of(text))
    found = [
        Mark(words[n].start, words[n + len(term) - 1].end, term)
        for term in terms
        for n, stem in enumerate(stems)
        if stem == term[0] and tuple(stems[n : n + len(term)]) == term
    ]
    kept: list[Mark] = []
    for mark in sorted(found, key=lambda mark: (mark.start, -mark.end)):
        if not kept or mark.start >= kept[-1].end:
            kept.append(mark)
    return kept


def pieces(text: str, found: Iterable[Mark], start: int = 0, end: int | None = None) -> list[Piece]:
    """The text from `start` to `end`, split at its marks."""
    end, split = len(text) if end is None else end, []
    for mark in found:
        if mark.start >= start and mark.end <= end:
            split += [Piece(text[start : mark.start]), Piece(text[mark.start : mark.end], True)]
            start = mark.end
    return [piece for piece in (*split, Piece(text[start:end])) if piece.text]


def excerpt(text: str, found: list[Mark]) -> list[Piece]:
    """Some WIDTH characters of a text, whole words, where most of the terms stand together."""
    start, end = _window(text, found)
    cut = pieces(text, found, start, end)
    return [*[Piece("…")] * (start > 0), *cut, *[Piece("…")] * (end < len(text))]


def _window(text: str, found: list[Mark]) -> tuple[int, int]:
    def together(mark: Mark) -> int:
        near = (other for other in found if 0 <= other.start - mark.start < WIDTH - BEFORE)
        return len({other.term for other in near})

    first = max(found, key=together) if found else Mark(0, 0, ())
    start, end = max(0, first.start - BEFORE), max(first.end, first.start - BEFORE + WIDTH)
    if start:
        start = min(text.find(" ", start, first.start) + 1 or first.start, first.start)
    if end < len(text):
        end = max(text.rfind(" ", first.end, end), first.end)
        end -= text[first.end : end][-1:] in (",", ";", ":")
    return start, min(end, len(text))
