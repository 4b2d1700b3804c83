"""The text of a source on its page: marked passages, each number with the facts that it
supports."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

from dates.text import fold
from record.publishing import Record
from sources.models import FACTS, SUPPORTED, Citation, Source, supported_model
from sources.passages import MarkedBlock

SHORT_NAMES = {"organization": "ficha", "representationterm": "periodo"}


class Passage(NamedTuple):
    """The records that a quote supports, each with the name of its kind, grouped by organization,
    event or statement. `cut` if there are more records than the page lists."""

    number: int
    facts: dict[Record, list[tuple[str, Record]]]
    cut: bool


def passages_by_number(citations: Iterable[Citation]) -> dict[int, Passage]:
    records: dict[int, list[Any]] = defaultdict(list)
    for citation in citations:
        records[citation.number].append(citation.record)
    return {
        number: Passage(number, _by_owner(quoted[:FACTS]), len(quoted) > FACTS)
        for number, quoted in records.items()
    }


def _by_owner(records: Iterable[Record]) -> dict[Record, list[tuple[str, Record]]]:
    """Groups the records by owner: organizations first, each kind by name."""
    kinds = [supported_model(name) for name in SUPPORTED]
    facts: dict[Record, list[tuple[str, Record]]] = defaultdict(list)
    for record in sorted(dict.fromkeys(records), key=lambda record: kinds.index(type(record))):
        meta = record._meta
        word = SHORT_NAMES.get(str(meta.model_name), str(meta.verbose_name))
        facts[getattr(record, "organization", record)].append((word, record))
    return dict(sorted(facts.items(), key=lambda i: (kinds.index(type(i[0])), fold(str(i[0])))))


def marked_blocks(source: Source, citations: Iterable[Citation]) -> list[MarkedBlock]:
    return source.passages.marked({citation.number: citation.span for citation in citations})


def paragraphs(
    source: Source, citations: list[Citation]
) -> Iterator[tuple[list[MarkedBlock], list[Passage]]]:
    """The text in order: each block, or all items of a list, with the passages that end in it."""
    passages, blocks = passages_by_number(citations), marked_blocks(source, citations)
    for _key, group in groupby(blocks, key=lambda b: b.kind if b.kind == "item" else b.number):
        together = list(group)
        yield together, [passages[number] for block in together for number in block.numbers]
