"""What is searched of each kind of record, field by field, in the order of the tiers."""

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
    """`letter` names it in the index, `name` in addresses, `one` and `many` on screen; `shown_with`
    are the relations that a hit's words come from."""

    letter: str
    name: str
    one: str
    many: str
    model: type[Record]
    heads: Callable[[Any], Heads]
    body: Callable[[Any], list[str]]
    """A text a paragraph."""
    day: Callable[[Any], str] = lambda record: ""
    shown_with: tuple[str, ...] = ()


def _organization(one: Organization) -> Heads:
    return one.name, [*filter(None, [one.short_name]), *one.other_names_list], one.summary


def _told(one: Event | Statement) -> Heads:
    return one.title, [], one.summary


def _note(one: Membership | RepresentationTerm) -> Heads:
    """Their titles are made of the organization's name, which is found by itself."""
    return "", [], ""


def _published(one: Source) -> str:
    """As `sort_day` has it for events and statements."""
    date = parse(one.published)
    return date.earliest or (date.latest if date else "")


KINDS = (
    Kind("o", "organizaciones", "organización", "organizaciones", Organization, _organization,
         lambda one: plain_lines(one.description)),
    Kind("m", "membresias", "membresía", "membresías", Membership, _note,
         lambda one: [one.note], shown_with=("organization",)),
    Kind("r", "representacion", "periodo de representación", "periodos de representación",
         RepresentationTerm, _note, lambda one: [one.note], shown_with=("organization",)),
    Kind("e", "eventos", "acontecimiento", "acontecimientos", Event, _told,
         lambda one: plain_lines(one.body), lambda one: one.sort_day),
    Kind("p", "pronunciamientos", "pronunciamiento", "pronunciamientos", Statement, _told,
         lambda one: plain_lines(one.body), lambda one: one.sort_day),
    Kind("f", "fuentes", "fuente", "fuentes", Source, lambda one: (one.title, [], one.publisher),
         lambda one: one.text.splitlines(), _published),
)  # fmt: skip
BY_LETTER = {kind.letter: kind for kind in KINDS}
BY_NAME = {kind.name: kind for kind in KINDS}
BY_MODEL: dict[type[Record], Kind] = {kind.model: kind for kind in KINDS}
