"""The filters of the lists of events and statements, with the number of records behind each."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse

from organizations.models import Organization
from record.publishing import Record
from timeline import years
from timeline.models import Event, EventQuerySet, Statement

UNDATED = "sin-fecha"
MOST_NAMED = 24  # organizations offered as filters


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that sets a filter, or unsets it if `chosen`."""

    text: str
    count: int
    url: str
    chosen: bool = False

    @property
    def number(self) -> str:
        return f"{self.count:,}"


class Filters:
    """The filters set by a request's query string. Raises Http404 for a value that matches nothing
    public, and for two values of one filter."""

    model: type[Record]
    url_name: str
    place: str
    titles: dict[str, str]
    related: dict[str, tuple[type[Record], str]]
    """By filter, the model whose slugs are its values, and the lookup from `model`."""

    def __init__(self, request: HttpRequest) -> None:
        self.every: QuerySet = self.model.objects.visible_to(None)
        self.chosen = {name: value for name in self.titles if (value := self._one(request, name))}
        self.words_of: dict[str, str] = {}
        self.conditions = {name: self.condition(name, self.chosen[name]) for name in self.chosen}

    def _one(self, request: HttpRequest, name: str) -> str:
        values = sorted(set(filter(None, request.GET.getlist(name))))
        if len(values) > 1:
            title = self.titles[name].lower()
            raise Http404(f"De cada filtro se elige un valor; aquí hay varios de {title}.")
        return values[0] if values else ""

    def condition(self, name: str, value: str) -> Q:
        if name in self.related:
            model, lookup = self.related[name]
            if record := model.objects.visible_to(None).filter(slug=value).first():
                self.words_of[name] = str(record)
                return Q(**{lookup: record})
        raise Http404(f"En {self.place} no hay {self.titles[name].lower()} «{value[:60]}».")

    def records(self, but: str = "") -> QuerySet:
        """The public records that match all filters except `but`."""
        return self.every.filter(*(q for name, q in self.conditions.items() if name != but))

    def url(self, **changes: str) -> str:
        """The address of the first page with some filters changed; an empty value unsets one."""
        chosen = {name: value for name, value in (self.chosen | changes).items() if value}
        return f"{reverse(self.url_name)}{'?' if chosen else ''}{urlencode(chosen)}"

    @property
    def query(self) -> str:
        return urlencode(self.chosen)

    @property
    def chips(self) -> list[Choice]:
        """Links that unset each filter, with the number of records without it."""
        return [
            Choice(f"{self.titles[name]}: {self.words_of[name]}", self.without(name), url, True)
            for name, url in ((name, self.url(**{name: ""})) for name in self.chosen)
        ]

    def without(self, name: str) -> int:
        return self.records(but=name).count()

    @property
    def words(self) -> str:
        """«Año: 2017; Categoría: acuerdo»; empty when no filter is set."""
        return "; ".join(f"{self.titles[name]}: {self.words_of[name]}" for name in self.chosen)


class StatementFilters(Filters):
    model = Statement
    url_name = "timeline:statement_list"
    place = "los pronunciamientos"
    titles = {"organizacion": "Organización", "acontecimiento": "Acontecimiento"}
    related = {"organizacion": (Organization, "organizations"), "acontecimiento": (Event, "events")}


class EventFilters(Filters):
    model = Event
    url_name = "timeline:event_list"
    place = "la línea de tiempo"
    titles = {
        "anio": "Año",
        "categoria": "Categoría",
        "organizacion": "Organización",
        "pronunciamiento": "Pronunciamiento",
    }
    related = {
        "organizacion": (Organization, "organizations"),
        "pronunciamiento": (Statement, "statements"),
    }

    @property
    def year(self) -> str:
        return self.chosen.get("anio", "")

    def condition(self, name: str, value: str) -> Q:
        if name == "categoria" and value in Event.Category:
            self.words_of[name] = str(Event.Category(value).label)
            return Q(category=value)
        if name == "anio" and (value == UNDATED or years.is_span(value)):
            undated, (first, last) = value == UNDATED, years.days(value)
            condition = Q(sort_day="") if undated else Q(sort_day__gte=first, sort_day__lt=last)
            if self.every.filter(condition).exists():
                self.words_of[name] = "sin fecha" if undated else years.words(value)
                return condition
        return super().condition(name, value)

    @cached_property
    def rows(self) -> list[tuple[str, str, bool, int]]:
        """Numbers of events by year, category and precision, under the filters that are neither
        year nor category. All counts of years and categories come from this one query."""
        conditions = (self.conditions[name] for name in self.related if name in self.chosen)
        events: EventQuerySet = self.every.filter(*conditions)
        return events.counts_by_year_and_category()

    @cached_property
    def by_year(self) -> dict[str, list[int]]:
        """By year (`""`: undated), the events of the chosen category: with a date, with bounds."""
        counts: dict[str, list[int]] = {}
        for year, category, bounded, count in self.rows:
            if self.chosen.get("categoria") in (None, category):
                counts.setdefault(year, [0, 0])[bounded] += count
        return counts

    @cached_property
    def by_category(self) -> Counter[str]:
        """By category, the events of the chosen year."""
        counts: Counter[str] = Counter()
        for year, category, _bounded, count in self.rows:
            if self.has_year(year):
                counts[category] += count
        return counts

    def has_year(self, year: str) -> bool:
        if not self.year or self.year == UNDATED:
            return not self.year or not year
        return bool(year) and years.has(self.year, year)

    @cached_property
    def total(self) -> int:
        """The number of public events, whatever the filters."""
        if self.chosen.keys() & self.related:
            return self.every.count()
        return sum(count for *_names, count in self.rows)

    @cached_property
    def found(self) -> int:
        """The number of events that match all filters."""
        return sum(sum(both) for year, both in self.by_year.items() if self.has_year(year))

    @property
    def undated(self) -> int:
        return sum(self.by_year.get("", ()))

    def without(self, name: str) -> int:
        if name in self.related:
            return super().without(name)
        if name == "anio":
            return sum(map(sum, self.by_year.values()))
        return self.by_category.total()

    @property
    def ways_out(self) -> list[Choice]:
        """The links that unset one filter and find something."""
        return [chip for chip in self.chips if chip.count]

    @property
    def groups(self) -> list[tuple[str, list[Choice]]]:
        """The choices of each filter under its title."""
        return [(title, list(self._choices(name))) for name, title in self.titles.items()]

    def _choices(self, name: str) -> Iterator[Choice]:
        chosen = self.chosen.get(name)
        if name in self.related and chosen:
            yield Choice(self.words_of[name], self.found, self.url(**{name: ""}), True)
        for value, text, count in self._options(name):
            if value == chosen:
                yield Choice(text, self.found, self.url(**{name: ""}), True)
            elif count:
                yield Choice(text, count, self.url(**{name: value}))

    def _options(self, name: str) -> Iterator[tuple[str, str, int]]:
        """The values of a filter, each with its text and the number of its events."""
        if name == "anio":
            yield from self._years()
            yield UNDATED, "sin fecha", self.undated
        elif name == "categoria":
            yield from ((*choice, self.by_category[choice[0]]) for choice in Event.Category.choices)
        elif name == "organizacion":
            for organization in self._most_named():
                yield organization.slug, str(organization), organization.event_count

    def _years(self) -> Iterator[tuple[str, str, int]]:
        dated = {year for year, *_counts in self.rows if year}
        for span in years.offered(dated, "" if self.year == UNDATED else self.year):
            counts = (sum(both) for year, both in self.by_year.items() if years.has(span, year))
            yield span, years.words(span), sum(counts)

    def _most_named(self) -> QuerySet[Organization]:
        events = self.records(but="organizacion").order_by().values("pk")
        others = Organization.objects.visible_to(None).exclude(slug=self.chosen.get("organizacion"))
        named = others.filter(events__in=events).annotate(event_count=Count("events"))
        named = named.order_by("-event_count", "name")
        return named.only("slug", "name", "short_name")[:MOST_NAMED]
