"""Pages of a long list that cost the same wherever they are: each begins at a record's key, which
an index finds, and not at a number that rows have to be counted up to.

A list is one or more stretches, one after the other, each in the order of an index. A key is what
a record has in the fields of that order: `2015-02-01~2015-02-28~firma-del-acuerdo`. It holds
whatever becomes of the record, and its first parts alone say where to begin: `2015`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db import models
from django.db.models import F, Func, Q, QuerySet, Value
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.http import Http404, HttpRequest
from django.utils import timezone

from record.prepared import NOW, prepared_for
from record.publishing import Record, visible

FROM, BEFORE, BETWEEN = "desde", "antes", "~"
DAY = re.compile(r"\d{4}(-\d{2}){0,2}", re.ASCII)
SLUG = re.compile(r"[-\w]{1,120}", re.ASCII)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)
Read = Callable[[QuerySet], QuerySet]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records in the order of an index, `order`, whose first field is between `first` and `last`.
    Its keys begin with `word`. Links within it say `ahead` and `back`; those into it, `into`."""

    order: tuple[str, ...]
    first: str = ""
    last: str = ""
    only: Q = field(default_factory=Q)
    word: str = ""
    ahead: str = "Más recientes"
    back: str = "Más antiguos"
    into: str = "Con fecha"

    def key(self, record: models.Model) -> str:
        values = (str(getattr(record, name)) for name in self.order)
        return BETWEEN.join([self.word, *values] if self.word else values)

    def read(self, text: str, model: type[models.Model]) -> tuple[Any, ...] | None:
        """The values of a key of this stretch, or of its first parts; None if it is none."""
        word, parts = self.word, text.split(BETWEEN)
        if (word and (parts.pop(0) != word or not parts)) or len(parts) > len(self.order):
            return None
        fields = [model._meta.get_field(name) for name in self.order]
        if not all(_form(f).fullmatch(part) for f, part in zip(fields, parts, strict=False)):
            return None
        return tuple(f.to_python(part) for f, part in zip(fields, parts, strict=False))

    def records(self, every: QuerySet, key: tuple[Any, ...], back: bool) -> QuerySet:
        """From `key` on or, going back, those before it, nearest first. Never two bounds on one
        side: databases may begin at the weaker and walk all the way to the other."""
        lower, upper = (self.first,) * bool(self.first), (self.last,) * bool(self.last)
        if back:
            upper = min(filter(None, (key, upper)), default=())
        else:
            lower = max(lower, key)
        found = every.filter(self.only)
        if lower:
            found = found.filter(GreaterThanOrEqual(*self._rows(lower)))
        if upper:
            found = found.filter(LessThan(*self._rows(upper)))
        return found.order_by(*(f"-{name}" if back else name for name in self.order))

    def _rows(self, values: tuple[Any, ...]) -> tuple["Row", "Row"]:
        names = self.order[: len(values)]
        return Row(*map(F, names)), Row(*map(Value, values))


@prepared_for
def _beginning(stretch: Stretch, model: type[Record], read: Read, most: int) -> QuerySet:
    """Of all that visitors see."""
    every = read(model.objects.filter(visible(model, NOW)))
    return stretch.records(every, (), back=False)[:most]


class Row(Func):
    """`(a, b, c)`, which both databases compare from left to right, along an index."""

    template = "(%(expressions)s)"
    output_field = models.TextField()


def _form(one: models.Field) -> re.Pattern[str]:
    if isinstance(one, models.AutoField):
        return NUMBER
    return SLUG if isinstance(one, models.SlugField) else DAY


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another page: its address, and what it is called."""

    url: str
    name: str


@dataclass(slots=True)
class KeyedPage:
    """`address` is its own, the same however one came to it; the first page's bears no key."""

    records: list[Any]
    address: str
    before: Link | None
    after: Link | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list a key points; without `values`, to the beginning."""

    text: str = ""
    stretch: int = 0
    values: tuple[Any, ...] = ()


class Walk:
    """A list that is walked in its stretches, one after the other, forwards or back."""

    def __init__(
        self,
        listed: QuerySet | type[Record],
        stretches: Sequence[Stretch],
        read: Read = QuerySet.all,
    ) -> None:
        """Of the records `listed` or, given their model, of all that visitors see; `read` makes of
        these what is to be known of each."""
        self.listed, self.stretches, self.read = listed, stretches, read
        self.is_whole = isinstance(listed, type)
        self.model = listed if self.is_whole else listed.model

    @cached_property
    def every(self) -> QuerySet:
        """The first page of a whole list, which is asked for most, does without."""
        return self.read(self.model.objects.visible_to(None) if self.is_whole else self.listed)

    def place(self, text: str) -> Place:
        """What a key says; Http404, in Spanish, when it says nothing."""
        for number, stretch in enumerate(self.stretches):
            if values := stretch.read(text, self.model):
                return Place(text, number, values)
        raise Http404(f"En esta lista ninguna página empieza en «{text[:60]}».")

    def take(self, most: int, place: Place, back: bool = False) -> list[tuple[Stretch, Any]]:
        """At most so many records, from a place on or before it, with their stretches."""
        found: list[tuple[Stretch, Any]] = []
        numbers = range(len(self.stretches))
        ahead = numbers[place.stretch :: -1] if back else numbers[place.stretch :]
        for number in ahead:
            stretch = self.stretches[number]
            key = place.values if number == place.stretch else ()
            if self.is_whole and not key and not back:
                some = _beginning(stretch, self.model, self.read, most)(now=timezone.now())
            else:
                some = stretch.records(self.every, key, back)
            found += [(stretch, record) for record in some[: most - len(found)]]
            if len(found) == most:
                break
        return found


def keyed_page(
    request: HttpRequest,
    walk: Walk,
    size: int,
    query: Mapping[str, str] | None = None,
) -> KeyedPage:
    """The page that `?desde=` or `?antes=` asks for, else the first; `query` goes with its ways."""
    start, end = (request.GET.get(name, "") for name in (FROM, BEFORE))
    if start and end:
        raise Http404(
            "Una página empieza «desde» un lugar o termina «antes» de otro, no ambas cosas."
        )
    place = Place()
    if start or end:
        place = walk.place(start or end)
    found = walk.take(size + 1, place, back=bool(end))
    shown, beyond = found[:size], found[size:]
    if end:
        shown.reverse()
        before, after = beyond, walk.take(1, place)
    else:
        before, after = walk.take(1, place, back=True) if start else [], beyond
    return _page(shown, before, after, place, dict(query or {}))


def _page(
    shown: list[tuple[Stretch, Any]],
    before: list[tuple[Stretch, Any]],
    after: list[tuple[Stretch, Any]],
    place: Place,
    query: dict[str, str],
) -> KeyedPage:
    def address(**key: str) -> str:
        return "?" + urlencode(query | key, safe=BETWEEN) if query | key else ""

    here = shown[0][0].key(shown[0][1]) if shown else place.text
    earlier = later = None
    for stretch, _record in before[:1]:
        same = not shown or stretch == shown[0][0]
        earlier = Link(address(**{BEFORE: here}), stretch.back if same else stretch.into)
    for stretch, record in after[:1]:
        same = not shown or stretch == shown[-1][0]
        url = address(**{FROM: stretch.key(record)})
        later = Link(url, stretch.ahead if same else stretch.into)
    own = address(**{FROM: here}) if earlier else address()
    return KeyedPage([record for _stretch, record in shown], own, earlier, later)
