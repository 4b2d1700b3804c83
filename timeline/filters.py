"""The filters of the lists of events and statements, with the number of records of each option."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.http import Http404, HttpRequest
from django.urls import reverse

from organizations.models import Organization
from record.publishing import Record
from timeline import years
from timeline.models import Event, EventOrganization, Statement
from timeline.vocabulary import EventCategory

UNDATED = "sin-fecha"
MOST_NAMED = 24  # organizations offered as filters


FilterLink = tuple[str, str, str, bool]
"""The text, the number of records, the address that sets or unsets the filter, and whether it is
set."""


class Filters:
    """The filters in a query string. Raises Http404 for a value without public records, and for two
    values of the same filter."""

    model: type[Record]
    url_name: str
    place: str
    titles: dict[str, str]
    related: dict[str, tuple[type[Record], str]]
    """The filters whose values are slugs, each with their model and the lookup from `model`."""

    def __init__(self, request: HttpRequest) -> None:
        self.path = reverse(self.url_name)
        self.every: Any = self.model.objects.visible_to(None)
        values = {name: self._value(request, name) for name in self.titles}
        self.chosen = {name: value for name, value in values.items() if value}
        self.meant = {name: self.meaning(name, self.chosen[name]) for name in self.chosen}

    def _value(self, request: HttpRequest, name: str) -> str:
        values = sorted(set(filter(None, request.GET.getlist(name))))
        if len(values) > 1:
            title = self.titles[name].lower()
            raise Http404(f"De cada filtro se elige un valor; aquí hay varios de {title}.")
        return values[0] if values else ""

    def meaning(self, name: str, value: str) -> tuple[str, Q]:
        """The text of a value, and its condition. Raises Http404 if no public record has it."""
        if name in self.related:
            model, lookup = self.related[name]
            if record := model.objects.visible_to(None).filter(slug=value).first():
                return str(record), Q(**{lookup: record})
        raise Http404(f"En {self.place} no hay {self.titles[name].lower()} «{value[:60]}».")

    def records(self, but: str = "") -> Any:
        """The public records that match all filters except `but`: a queryset of `model`."""
        return self.every.filter(*(q for name, (_words, q) in self.meant.items() if name != but))

    def url(self, **changes: str) -> str:
        """The address of the first page with changed filters; an empty value unsets a filter."""
        chosen = {name: value for name, value in (self.chosen | changes).items() if value}
        return f"{self.path}{'?' if chosen else ''}{urlencode(chosen)}"

    @property
    def query(self) -> str:
        return urlencode(self.chosen)

    @property
    def chips(self) -> list[tuple[str, str]]:
        """The text of each chosen filter, and the address that unsets it."""
        return [
            (f"{self.titles[name]}: {words}", self.url(**{name: ""}))
            for name, (words, _condition) in self.meant.items()
        ]

    @property
    def words(self) -> str:
        """«Año: 2017; Categoría: acuerdo»; empty when no filter is set."""
        return "; ".join(text for text, _url in self.chips)


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
        "categoria": (EventCategory, "category"),
        "organizacion": (Organization, "organizations"),
        "pronunciamiento": (Statement, "statements"),
    }

    def meaning(self, name: str, value: str) -> tuple[str, Q]:
        if name == "anio" and (value == UNDATED or years.SPAN.fullmatch(value)):
            undated, (first, last) = value == UNDATED, years.days(value)
            condition = Q(sort_day="") if undated else Q(sort_day__gte=first, sort_day__lt=last)
            if self.every.filter(condition).exists():
                return "sin fecha" if undated else years.words(value), condition
        return super().meaning(name, value)

    @property
    def year(self) -> str:
        """The chosen year or span of years."""
        year = self.chosen.get("anio", "")
        return "" if year == UNDATED else year

    @cached_property
    def by_year(self) -> dict[str, tuple[int, int]]:
        """`counts_by_year` of the events of all years."""
        counts: dict[str, tuple[int, int]] = self.records(but="anio").counts_by_year()
        return counts

    @property
    def undated(self) -> int:
        return sum(self.by_year.get("", ()))

    @cached_property
    def ways_out(self) -> list[FilterLink]:
        """The links that unset a filter and lead to records."""
        counts = [self.records(but=name).count() for name in self.chosen]
        chips = zip(self.chips, counts, strict=True)
        return [(text, f"{count:,}", url, False) for (text, url), count in chips if count]

    def groups(self) -> list[tuple[str, list[FilterLink]]]:
        """The title and the links of each filter."""
        return [(title, list(self._links(name))) for name, title in self.titles.items()]

    def _links(self, name: str) -> Iterator[FilterLink]:
        for value, text, count in self._options(name):
            is_chosen = value == self.chosen.get(name)
            if count or is_chosen:
                url = self.url(**{name: "" if is_chosen else value})
                yield text, f"{count:,}", url, is_chosen

    def _options(self, name: str) -> Iterator[tuple[str, str, int]]:
        """The values of a filter, each with its text and its number of events."""
        if name in self.chosen and name in ("organizacion", "pronunciamiento"):
            yield self.chosen[name], self.meant[name][0], self.records().count()
        if name == "anio":
            for span in years.offered(filter(None, self.by_year), self.year):
                numbers = (sum(n) for year, n in self.by_year.items() if years.has(span, year))
                yield span, years.words(span), sum(numbers)
            yield UNDATED, "sin fecha", self.undated
        elif name == "categoria":
            events = self.records(but=name).order_by()
            counts = dict(events.values_list("category").annotate(Count("pk")))
            for category in EventCategory.objects.all():
                yield category.slug, str(category), counts.get(category.pk, 0)
        elif name == "organizacion":
            yield from self._organizations()

    def _organizations(self) -> list[tuple[str, str, int]]:
        """The most frequent organizations. With a join in place of two queries, SQLite takes twice
        the time."""
        events = self.records(but="organizacion").order_by().values("pk")
        links = EventOrganization.objects.filter(event__in=events).values_list("organization")
        counts = dict(links.annotate(Count("pk")))
        others = Organization.objects.visible_to(None).exclude(slug=self.chosen.get("organizacion"))
        named = (
            others.filter(pk__in=counts)
            .order_by("name")
            .values_list("pk", "slug", "short_name", "name")
        )
        options = [(slug, short or name, counts[key]) for key, slug, short, name in named]
        return sorted(options, key=lambda option: -option[2])[:MOST_NAMED]
