"""A source's text as pages show it: marked passages, each number with the facts it supports."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from dates.text import fold
from record.publishing import Record
from sources.models import FACTS, SUPPORTED, Citation, Source
from sources.passages import MarkedBlock

SHORT_NAMES = {"organization": "ficha", "representationterm": "periodo"}


class Passage(NamedTuple):
    """The records that the words with one number support, each with a word for its kind, by
    organization, event or statement. `cut`: the page lists only the first."""

    number: int
    facts: dict[Record, list[tuple[str, Record]]]
    cut: bool


def passages_by_number(citations: Iterable[Citation]) -> dict[int, Passage]:
    records = defaultdict(list)
    for citation in citations:
        records[citation.number].append(citation.record)
    return {
        number: Passage(number, _by_owner(quoted[:FACTS]), len(quoted) > FACTS)
        for number, quoted in records.items()
    }


def _by_owner(records: Iterable[Record]) -> dict[Record, list[tuple[str, Record]]]:
    """Organizations first, each kind by name."""
    kinds = [Citation._meta.get_field(name).related_model for name in SUPPORTED]
    facts = defaultdict(list)
    for record in sorted(dict.fromkeys(records), key=lambda record: kinds.index(type(record))):
        word = SHORT_NAMES.get(record._meta.model_name, record._meta.verbose_name)
        facts[getattr(record, "organization", record)].append((word, record))
    return dict(sorted(facts.items(), key=lambda i: (kinds.index(type(i[0])), fold(str(i[0])))))


def marked_blocks(source: Source, citations: Iterable[Citation]) -> list[MarkedBlock]:
    return source.passages.marked({citation.number: citation.span for citation in citations})


def paragraphs(
    source: Source, citations: list[Citation]
) -> Iterator[tuple[list[MarkedBlock], list[Passage]]]:
    """The whole text, in order: a block, or all items of a list, with the passages that end in
    it."""
    passages, blocks = passages_by_number(citations), marked_blocks(source, citations)
    for _key, group in groupby(blocks, key=lambda b: b.kind if b.kind == "item" else b.number):
        together = list(group)
        yield together, [passages[number] for block in together for number in block.numbers]
