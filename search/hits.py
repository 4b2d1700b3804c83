"""The hits of a search: the words, marked in the original text, with the passage around them and
the number of its paragraph."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from record.pages import in_words
from record.proof import with_proof
from record.publishing import Record
from record.richtext import plain_lines
from search.kinds import Kind
from search.models import Entry
from search.query import Query, Term, Terms
from sources.models import Source
from texts.words import words_of
from timeline.models import Statement
from timeline.paragraphs import paragraphs

WIDTH, BEFORE = 240, 70  # characters of a passage, and of its part before the first word
PLACES = 3
Placed = tuple[int, str]
"""The number of a paragraph on the page of its record, or 0, and its text."""


class Fragment(NamedTuple):
    text: str
    marked: bool = False


class Highlight(NamedTuple):
    start: int
    end: int
    term: Term


@dataclass(slots=True)
class Hit:
    """A record with the words marked. `places` are the numbers of the first paragraphs that contain
    one of the words, at most PLACES; `others` is the number of further ones in Spanish, or
    empty."""

    kind: Kind
    tier: int
    record: Record
    title: list[Fragment]
    dates: list[Fragment]
    passage: list[Fragment]
    places: list[int]
    others: str


def hits_of(entries: Iterable[Entry], query: Query) -> list[Hit]:
    """A hit for each entry, in the same order, without records withdrawn since."""
    entries, keys = list(entries), defaultdict(list)
    for entry in entries:
        keys[entry.of_kind].append(entry.key)
    records: dict[tuple[Kind, int], Record] = {}
    bodies: dict[tuple[Kind, int], list[Placed]] = {}
    for kind, kind_keys in keys.items():
        public = kind.model.objects.visible_to(None)
        public = public.select_related(*kind.shown_with) if kind.shown_with else public
        visible = with_proof(public).in_bulk(kind_keys)
        records |= {(kind, key): record for key, record in visible.items()}
        bodies |= {(kind, key): body for key, body in _numbered(kind, visible.values()).items()}
    return [
        _hit(entry, records[place], bodies.get(place), query.terms)
        for entry in entries
        if (place := (entry.of_kind, entry.key)) in records
    ]


def _numbered(kind: Kind, records: Iterable[Any]) -> dict[int, list[Placed]]:
    """The paragraphs of sources and statements, whose pages number them, by primary key."""
    if kind.model is Source:
        return {source.pk: _blocks(source) for source in records}
    return _statement_paragraphs(list(records)) if kind.model is Statement else {}


def _statement_paragraphs(statements: list[Statement]) -> dict[int, list[Placed]]:
    cited = Source.objects.visible_to(None).filter(citations__statement__in=statements).order_by()
    pairs = set(cited.values_list("citations__statement", "pk"))
    public = Source.objects.visible_to(None)
    sources = list(public.filter(pk__in={pk for _, pk in pairs})) if pairs else []
    cited_by = {
        statement.pk: [source for source in sources if (statement.pk, source.pk) in pairs]
        for statement in statements
    }
    return {
        statement.pk: _paragraphs(statement, cited_by[statement.pk]) for statement in statements
    }


def _blocks(source: Source) -> list[Placed]:
    blocks = source.passages.blocks
    return [(n, source.passages.text[b.start : b.end]) for n, b in enumerate(blocks, 1)]


def _paragraphs(statement: Statement, sources: list[Source]) -> list[Placed]:
    return [
        (number, paragraph.text if paragraph.is_list else " ".join(plain_lines(paragraph.html)))
        for number, paragraph in enumerate(paragraphs(statement, sources), 1)
    ]


def _hit(entry: Entry, record: Record, numbered: list[Placed] | None, terms: Terms) -> Hit:
    kind = entry.of_kind
    title, names, summary = kind.heads(record)
    title = title or str(record)
    placed = [(0, text) for text in kind.body(record)] if numbered is None else numbered
    also = f"También: {'; '.join(names)}" if names else ""
    texts = [(0, also), (0, summary), *placed]
    marked = [(number, text, marks(text, terms)) for number, text in texts]
    _, best, best_marks = max(marked, key=lambda text: len({mark.term for mark in text[2]}))
    if not best_marks:
        best = next((text for _, text in texts[1:] if text), "")
    places = [number for number, _, text_marks in marked if number and text_marks]
    others = in_words(len(places) - PLACES) if len(places) > PLACES else ""
    dates = kind.period(record).when
    return Hit(
        kind, entry.tier, record, pieces(title, marks(title, terms)),
        pieces(dates, marks(dates, terms)), excerpt(best, best_marks), places[:PLACES], others,
    )  # fmt: skip


def marks(text: str, terms: Iterable[Term]) -> list[Highlight]:
    """The places of the terms in a text, in order and without overlaps."""
    words = list(words_of(text))
    stems = tuple(word.stem for word in words)
    places = [
        Highlight(words[n].start, words[n + len(term) - 1].end, term)
        for term in terms
        for n in range(len(words))
        if stems[n : n + len(term)] == term
    ]
    kept: list[Highlight] = []
    for mark in sorted(places, key=lambda mark: (mark.start, -mark.end)):
        if not kept or mark.start >= kept[-1].end:
            kept.append(mark)
    return kept


def pieces(
    text: str, marks: Iterable[Highlight], start: int = 0, end: int | None = None
) -> list[Fragment]:
    """The text from `start` to `end`, split at its marks."""
    end, split = len(text) if end is None else end, []
    for mark in marks:
        if mark.start >= start and mark.end <= end:
            split += [
                Fragment(text[start : mark.start]),
                Fragment(text[mark.start : mark.end], True),
            ]
            start = mark.end
    return [piece for piece in (*split, Fragment(text[start:end])) if piece.text]


def excerpt(text: str, marks: list[Highlight]) -> list[Fragment]:
    """About WIDTH characters of a text, in whole words, around the place with the most terms."""
    start, end = _window(text, marks)
    cut = pieces(text, marks, start, end)
    return [*[Fragment("…")] * (start > 0), *cut, *[Fragment("…")] * (end < len(text))]


def _window(text: str, marks: list[Highlight]) -> tuple[int, int]:
    def together(mark: Highlight) -> int:
        near = (other for other in marks if 0 <= other.start - mark.start < WIDTH - BEFORE)
        return len({other.term for other in near})

    first = max(marks, key=together) if marks else Highlight(0, 0, ())
    start, end = max(0, first.start - BEFORE), max(first.end, first.start - BEFORE + WIDTH)
    if start:
        start = min(text.find(" ", start, first.start) + 1 or first.start, first.start)
    if end < len(text):
        end = max(text.rfind(" ", first.end, end), first.end)
        end -= text[first.end : end][-1:] in (",", ";", ":")
    return start, min(end, len(text))
