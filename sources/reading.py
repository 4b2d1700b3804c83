"""The text of a source on its page: marked passages, each number with the facts that it
supports."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet, Window
from django.db.models.functions import RowNumber

from dates.text import fold
from record.publishing import Record, RecordQuerySet
from sources.models import SUPPORTED, Citation, Source, supported_model
from texts.passages import MarkedBlock

FACTS = 60  # citations of one passage that a page of the source lists
SHORT_NAMES = {"organization": "ficha", "representationterm": "periodo"}
OWNERS = ("membership__organization", "representation_term__organization")
LONG_TEXTS = ("organization__description", "event__body", "statement__body")
ORDER = ("event", "statement", "organization")


class Passage(NamedTuple):
    """The records that a quote supports or contradicts, each with the name of its kind, by owner:
    an organization, an event or a statement. `total` is the number of its citations, of which the
    page may list fewer."""

    number: int
    facts: dict[Record, list[tuple[str, Record]]]
    total: int

    @property
    def is_cut(self) -> bool:
        return self.total > FACTS


@dataclass(slots=True)
class Proven:
    """An organization, an event or a statement, with its records that the passages of a paragraph
    support, each with its kind, and the numbers of these passages."""

    whom: Record
    records: dict[Record, str]
    numbers: list[int]


def proven(passages: Iterable[Passage]) -> list[Proven]:
    """The records beside a paragraph, events first."""
    lines: dict[Record, Proven] = {}
    for passage in passages:
        for whom, records in passage.facts.items():
            line = lines.setdefault(whom, Proven(whom, {}, []))
            line.records |= {record: kind for kind, record in records}
            line.numbers.append(passage.number)
    return sorted(lines.values(), key=lambda line: ORDER.index(str(line.whom._meta.model_name)))


def of_passages(
    citations: RecordQuerySet[Citation], sources: Iterable[Source]
) -> QuerySet[Citation]:
    """The first FACTS + 1 citations of each passage of these sources, with the records that they
    support, without the long texts of these."""
    place = Window(RowNumber(), partition_by=["source", "number"], order_by="pk")
    ranked = citations.filter(source__in=sources).annotate(place=place).order_by()
    first = ranked.filter(place__lte=FACTS + 1).values("pk")
    return with_records(Citation.objects.filter(pk__in=first)).order_by("number", "pk")


def with_records(citations: QuerySet[Citation]) -> QuerySet[Citation]:
    """The citations with the records that they support, without the long texts of these."""
    return citations.select_related(*SUPPORTED, *OWNERS).defer(*LONG_TEXTS)


def totals_of(
    visible: RecordQuerySet[Citation], citations: Iterable[Citation]
) -> dict[tuple[int, int], int]:
    """The numbers of visible citations of the passages that have more than FACTS."""
    listed = Counter(citation.passage for citation in citations)
    cut = {passage for passage, count in listed.items() if count > FACTS}
    if not cut:
        return {}
    sources, numbers = zip(*cut, strict=True)
    every = visible.filter(source__in=sources, number__in=numbers).order_by()
    counts = every.values_list("source", "number").annotate(Count("pk"))
    return {(source, number): count for source, number, count in counts}


def passages_by_number(
    citations: Iterable[Citation], totals: dict[tuple[int, int], int]
) -> dict[int, Passage]:
    quotes: dict[int, list[Citation]] = defaultdict(list)
    for citation in citations:
        quotes[citation.number].append(citation)
    return {
        number: Passage(
            number, _by_owner(quoted[:FACTS]), totals.get(quoted[0].passage, len(quoted))
        )
        for number, quoted in quotes.items()
    }


def _by_owner(citations: Iterable[Citation]) -> dict[Record, list[tuple[str, Record]]]:
    """Groups the records by owner: organizations first, each kind by name. A record that is
    contradicted says so."""
    stances: dict[Any, bool] = {c.record: c.contradicts for c in citations}
    kinds = [supported_model(name) for name in SUPPORTED]
    facts: dict[Record, list[tuple[str, Record]]] = defaultdict(list)
    for record in sorted(stances, key=lambda record: kinds.index(type(record))):
        meta = record._meta
        word = SHORT_NAMES.get(str(meta.model_name), str(meta.verbose_name))
        word = f"contradice: {word}" if stances[record] else word
        facts[getattr(record, "organization", record)].append((word, record))
    return dict(sorted(facts.items(), key=lambda i: (kinds.index(type(i[0])), fold(str(i[0])))))


def marked_blocks(source: Source, citations: Iterable[Citation]) -> list[MarkedBlock]:
    return source.passages.marked({citation.number: citation.span for citation in citations})


def paragraphs(
    source: Source, citations: list[Citation], totals: dict[tuple[int, int], int]
) -> Iterator[tuple[list[MarkedBlock], list[Passage]]]:
    """The text in order: each block, or all items of a list, with the passages that end in it."""
    passages, blocks = passages_by_number(citations, totals), marked_blocks(source, citations)
    for _key, group in groupby(blocks, key=lambda b: b.kind if b.kind == "item" else b.number):
        together = list(group)
        yield together, [passages[number] for block in together for number in block.numbers]
