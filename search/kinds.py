"""The searched fields of each kind of record, in the order of the tiers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dates.edtf import in_words, parse
from dates.periods import Period
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
    period: Callable[[Any], Period] = lambda record: Period()
    shown_with: tuple[str, ...] = ()

    def dates(self, record: Any) -> list[str]:
        """The dates of a record in words, as precise as both bounds of a date allow; the labels of
        its dates; and the years that it certainly covers. Memberships have no such years: most
        members cover the same years, and `/al/2016/` lists the members."""
        period = self.period(record)
        days = period.certain_days if self.model is not Membership else None
        years = range(days[0].year, days[1].year + 1) if days else ()
        dates = [in_words(date.shared) for date in (period.start, period.end) if date.shared]
        labels = [getattr(record, f"{name}label", "") for name in ("date_", "start_", "end_")]
        return [*dates, *(f"{year:04}" for year in years), *filter(None, labels)]


def _organization(record: Organization) -> Heads:
    values = (identifier.value for identifier in record.identifiers_list)
    names = [*filter(None, [record.short_name]), *record.other_names_list, *values]
    return record.name, names, record.summary


def _titled(record: Event | Statement) -> Heads:
    return record.title, [], record.summary


def _source(record: Source) -> Heads:
    return record.title, [], record.publisher


def _membership(record: Membership) -> Heads:
    """Empty: the title contains only the name of the organization, which is a hit of its own."""
    return "", [], ""


def _term(record: RepresentationTerm) -> Heads:
    return str(record), [], ""


def _published(record: Source) -> str:
    """The day of a source, as `sort_day` of events and statements."""
    date = parse(record.published)
    return date.earliest or (date.latest if date else "")


def _period(record: Any) -> Period:
    period: Period = record.period
    return period


KINDS = (
    Kind("o", "organizaciones", "organización", "organizaciones", Organization, _organization,
         lambda record: plain_lines(record.description)),
    Kind("m", "membresias", "membresía", "membresías", Membership, _membership,
         lambda record: [record.note], period=_period, shown_with=("organization",)),
    Kind("r", "representacion", "periodo de representación", "periodos de representación",
         RepresentationTerm, _term, lambda record: [record.note], period=_period,
         shown_with=("organization",)),
    Kind("e", "eventos", "acontecimiento", "acontecimientos", Event, _titled,
         lambda record: plain_lines(record.body), lambda record: record.sort_day, _period),
    Kind("p", "pronunciamientos", "pronunciamiento", "pronunciamientos", Statement, _titled,
         lambda record: plain_lines(record.body), lambda record: record.sort_day, _period),
    Kind("f", "fuentes", "fuente", "fuentes", Source, _source,
         lambda record: record.text.splitlines(), _published,
         lambda record: Period(parse(record.published))),
)  # fmt: skip
BY_LETTER = {kind.letter: kind for kind in KINDS}
BY_NAME = {kind.name: kind for kind in KINDS}
BY_MODEL: dict[type[Record], Kind] = {kind.model: kind for kind in KINDS}
