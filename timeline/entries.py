"""Events and statements as lists show them: as values, so that equal ones are written once."""

from typing import NamedTuple

from organizations.names import Named
from record.dates import EDTF, parse
from record.pages import address
from record.periods import Period
from sources.quotes import Quote


class Entry(NamedTuple):
    """What a list shows of an event, as values."""

    slug: str
    title: str
    summary: str
    start: str
    end: str
    date_label: str
    category: str
    names: tuple[Named, ...]
    quotes: tuple[Quote, ...]

    @property
    def when(self) -> EDTF:
        return parse(self.start)

    @property
    def period(self) -> Period:
        return Period(parse(self.start), parse(self.end))

    def get_absolute_url(self) -> str:
        return address("timeline:event_detail", self.slug)


class StatementEntry(NamedTuple):
    """What a list shows of a statement, as values."""

    slug: str
    title: str
    kind: str
    date: str
    date_label: str

    @property
    def when(self) -> EDTF:
        return parse(self.date)

    def get_absolute_url(self) -> str:
        return address("timeline:statement_detail", self.slug)
