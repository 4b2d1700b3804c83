"""Hits as a page shows them: the words found, marked in the original text, and the passage around
them with the paragraph that it stands in."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from record.pages import in_words
from record.publishing import Record
from record.richtext import plain_lines
from search.kinds import Kind
from search.models import Entry
from search.query import Query, Term
from search.words import words_of
from sources.models import Source
from timeline.models import Statement
from timeline.paragraphs import paragraphs

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
    """`places` are the numbers of at most PLACES paragraphs that have any of the words; `others` is
    the number of the other paragraphs that have, in words, empty for none."""

    kind: Kind
    tier: int
    record: Record
    title: list[Piece]
    passage: list[Piece]
    places: list[int]
    others: str


def hits_of(entries: Iterable[Entry], query: Query) -> list[Hit]:
    """A hit per entry, in the same order, without records that were withdrawn meanwhile."""
    entries, keys = list(entries), defaultdict(list)
    for entry in entries:
        keys[entry.of_kind].append(entry.key)
    records, bodies = {}, {}
    for kind, some in keys.items():
        public = kind.model.objects.visible_to(None)
        public = public.select_related(*kind.shown_with) if kind.shown_with else public
        shown = public.in_bulk(some)
        records |= {(kind, key): record for key, record in shown.items()}
        bodies |= {(kind, key): body for key, body in _numbered(kind, shown.values()).items()}
    return [
        _hit(entry, records[place], bodies.get(place), query.wanted)
        for entry in entries
        if (place := (entry.of_kind, entry.key)) in records
    ]


def _numbered(kind: Kind, records: Iterable[Record]) -> dict[int, list[Placed]]:
    """The paragraphs of sources and statements, whose pages number them, by primary key."""
    if kind.model is Source:
        return {source.pk: _blocks(source) for source in records}
    if kind.model is not Statement:
        return {}
    cited = Source.objects.visible_to(None).filter(citations__statement__in=records).order_by()
    pairs = set(cited.values_list("citations__statement", "pk"))
    public = Source.objects.visible_to(None)
    sources = list(public.filter(pk__in={pk for _, pk in pairs})) if pairs else []
    return {
        one.pk: _paragraphs(one, [source for source in sources if (one.pk, source.pk) in pairs])
        for one in records
    }


def _blocks(source: Source) -> list[Placed]:
    blocks = source.passages.blocks
    return [(n, source.passages.text[b.start : b.end]) for n, b in enumerate(blocks, 1)]


def _paragraphs(statement: Statement, sources: list[Source]) -> list[Placed]:
    return [
        (number, one.text if one.is_list else " ".join(plain_lines(one.html)))
        for number, one in enumerate(paragraphs(statement, sources), 1)
    ]


def _hit(entry: Entry, record: Record, numbered: list[Placed] | None, terms: tuple) -> Hit:
    kind = entry.of_kind
    title, names, summary = kind.heads(record)
    title = title or str(record)
    placed = [(0, text) for text in kind.body(record)] if numbered is None else numbered
    also = f"También: {'; '.join(names)}" if names else ""
    texts = [(0, also), (0, summary), *placed]
    marked = [(number, text, marks(text, terms)) for number, text in texts]
    _, best, some = max(marked, key=lambda one: len({mark.term for mark in one[2]}))
    if not some:
        best = next((text for _, text in texts[1:] if text), "")
    places = [number for number, _, some in marked if number and some]
    others = in_words(len(places) - PLACES) if len(places) > PLACES else ""
    return Hit(
        kind, entry.tier, record, pieces(title, marks(title, terms)), excerpt(best, some),
        places[:PLACES], others,
    )  # fmt: skip


def marks(text: str, terms: Iterable[Term]) -> list[Mark]:
    """Where the terms stand in a text, in order, none overlapping."""
    words = list(words_of(text))
    stems = tuple(word.stem for word in words)
    found = [
        Mark(words[n].start, words[n + len(term) - 1].end, term)
        for term in terms
        for n in range(len(words))
        if stems[n : n + len(term)] == term
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
