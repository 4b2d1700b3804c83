"""What is searched of each kind of record, field by field, in the order of the tiers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from organizations.models import Membership, Organization, RepresentationTerm
from record.dates import parse
from record.publishing import Record
from record.richtext import plain_lines
from sources.models import Source
from timeline.models import Event, Statement

Fields = tuple[list[str], list[str], list[str], list[str]]
"""The texts of title, other names, summary and body, a text a paragraph."""


@dataclass(frozen=True)
class Kind:
    """`letter` names it in the index, `name` in addresses, `one` and `many` on screen; `shown_with`
    are the relations that a hit's words come from."""

    letter: str
    name: str
    one: str
    many: str
    model: type[Record]
    fields: Callable[[Any], Fields]
    day: Callable[[Any], str] = lambda record: ""
    shown_with: tuple[str, ...] = ()


def _organization(one: Organization) -> Fields:
    names = [*filter(None, [one.short_name]), *one.other_names_list]
    return [one.name], names, [one.summary], plain_lines(one.description)


def _told(one: Event | Statement) -> Fields:
    return [one.title], [], [one.summary], plain_lines(one.body)


def _source(one: Source) -> Fields:
    return [one.title], [], [one.publisher], one.text.splitlines()


def _note(one: Membership | RepresentationTerm) -> Fields:
    """Their titles are made of the organization's name, which is found by itself."""
    return [], [], [], [one.note]


def _published(one: Source) -> str:
    """As `sort_day` has it for events and statements."""
    date = parse(one.published)
    return (date.earliest if date.lower else date.latest) if date else ""


KINDS = (
    Kind("o", "organizaciones", "organización", "organizaciones", Organization, _organization),
    Kind("m", "membresias", "membresía", "membresías", Membership, _note,
         shown_with=("organization",)),
    Kind("r", "representacion", "periodo de representación", "periodos de representación",
         RepresentationTerm, _note, shown_with=("organization",)),
    Kind("e", "eventos", "acontecimiento", "acontecimientos", Event, _told, lambda e: e.sort_day),
    Kind("p", "pronunciamientos", "pronunciamiento", "pronunciamientos", Statement, _told,
         lambda s: s.sort_day),
    Kind("f", "fuentes", "fuente", "fuentes", Source, _source, _published),
)  # fmt: skip
BY_LETTER = {kind.letter: kind for kind in KINDS}
BY_NAME = {kind.name: kind for kind in KINDS}
BY_MODEL: dict[type[Record], Kind] = {kind.model: kind for kind in KINDS}
