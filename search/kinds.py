"""The searched fields of each kind of record, in the order of the tiers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dates.edtf import parse
from organizations.models import Membership, Organization, RepresentationTerm
from record.publishing import Record
from record.richtext import plain_lines
from sources.models import Source
from timeline.models import Event, Statement

Heads = tuple[str, list[str], str]
"""Title, other names, summary."""


@dataclass(frozen=True)
class Kind:
    """A kind of record: `letter` is its name in the index, `name` in addresses, `singular` and
    `plural` on screen; `shown_with` are the relations that a hit displays."""

    letter: str
    name: str
    singular: str
    plural: str
    model: type[Record]
    heads: Callable[[Any], Heads]
    body: Callable[[Any], list[str]]
    """The texts of the paragraphs."""
    day: Callable[[Any], str] = lambda record: ""
    shown_with: tuple[str, ...] = ()


def _organization(record: Organization) -> Heads:
    values = (identifier.value for identifier in record.identifiers_list)
    names = [*filter(None, [record.short_name]), *record.other_names_list, *values]
    return record.name, names, record.summary


def _titled(record: Event | Statement) -> Heads:
    return record.title, [], record.summary


def _source(record: Source) -> Heads:
    return record.title, [], record.publisher


def _note(record: Membership | RepresentationTerm) -> Heads:
    """Empty: the title contains only the name of the organization, which is a hit of its own."""
    return "", [], ""


def _published(record: Source) -> str:
    """The day of a source, as `sort_day` of events and statements."""
    date = parse(record.published)
    return date.earliest or (date.latest if date else "")


KINDS = (
    Kind("o", "organizaciones", "organización", "organizaciones", Organization, _organization,
         lambda record: plain_lines(record.description)),
    Kind("m", "membresias", "membresía", "membresías", Membership, _note,
         lambda record: [record.note], shown_with=("organization",)),
    Kind("r", "representacion", "periodo de representación", "periodos de representación",
         RepresentationTerm, _note, lambda record: [record.note], shown_with=("organization",)),
    Kind("e", "eventos", "acontecimiento", "acontecimientos", Event, _titled,
         lambda record: plain_lines(record.body), lambda record: record.sort_day),
    Kind("p", "pronunciamientos", "pronunciamiento", "pronunciamientos", Statement, _titled,
         lambda record: plain_lines(record.body), lambda record: record.sort_day),
    Kind("f", "fuentes", "fuente", "fuentes", Source, _source,
         lambda record: record.text.splitlines(), _published),
)  # fmt: skip
BY_LETTER = {kind.letter: kind for kind in KINDS}
BY_NAME = {kind.name: kind for kind in KINDS}
BY_MODEL: dict[type[Record], Kind] = {kind.model: kind for kind in KINDS}
