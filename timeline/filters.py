"""The timeline's filters: links with counts, each count holding for the other filters chosen."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.http import Http404, HttpRequest
from django.urls import reverse

from organizations.models import Organization
from record.publishing import Record
from timeline.models import Event, EventQuerySet, Statement, StatementQuerySet

TITLES = {
    "ano": "Año",
    "categoria": "Categoría",
    "organizacion": "Organización",
    "pronunciamiento": "Pronunciamiento",
}
UNDATED = "sin-fecha"
ORGANIZATIONS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """`url` chooses it or, where it is the one chosen, lets it go."""

    text: str
    count: int
    url: str
    chosen: bool


class Filters:
    """What a request chooses among `events`; Http404, in Spanish, for what the record lacks."""

    def __init__(self, events: EventQuerySet, request: HttpRequest) -> None:
        self.chosen = {name: value for name in TITLES if (value := request.GET.get(name))}
        self._unfiltered = events
        statement = _named(Statement, self.chosen.get("pronunciamiento"))
        self.every = events = events.filter(statements=statement) if statement else events
        self.organization = _named(Organization, self.chosen.get("organizacion"))
        self._counts = events.counts_by_year_and_category(self.organization)
        years = sorted({year for year, *_ in self._counts if year})
        self._labels = {
            "ano": {year: year for year in years} | {UNDATED: "sin fecha"},
            "categoria": dict(Event.Category.choices),
            "organizacion": {o.slug: str(o) for o in [self.organization] if o},
            "pronunciamiento": {s.slug: str(s) for s in [statement] if s},
        }
        for name, value in self.chosen.items():
            if value not in self._labels[name]:
                raise Http404(
                    f"En la línea de tiempo no hay {TITLES[name].lower()} «{value[:60]}»."
                )

    def events(self, but: str = "") -> EventQuerySet:
        """Those that all filters let through, the one named `but` left aside."""
        chosen = self.chosen | {but: None}
        events = self.every
        if year := chosen.get("ano"):
            events = events.in_year("" if year == UNDATED else year)
        if category := chosen.get("categoria"):
            events = events.filter(category=category)
        if chosen.get("organizacion"):
            events = events.filter(organizations=self.organization)
        return events

    def total(self, dated: bool = False) -> int:
        """How many events there are whatever is chosen."""
        if "pronunciamiento" in self.chosen:
            every = self._unfiltered
            return (every.exclude(sort_day="") if dated else every).count()
        return sum(count for year, _category, count, _naming in self._counts if year or not dated)

    def count(self, **instead: str) -> int:
        """How many are let through, with other choices `instead`."""
        chosen = self.chosen | instead
        return sum(
            naming
            for year, category, _all, naming in self._counts
            if chosen.get("ano") in (None, year or UNDATED)
            and chosen.get("categoria") in (None, category)
        )

    def groups(self) -> dict[str, list[Choice]]:
        """The choices of each filter, by its title."""
        return {title: list(self._choices(name)) for name, title in TITLES.items()}

    def _choices(self, name: str) -> Iterator[Choice]:
        choices = [(v, text, self.count(**{name: v})) for v, text in self._labels[name].items()]
        if name == "organizacion":
            choices += self._organizations()
        for value, text, count in choices:
            chosen = self.chosen.get(name) == value
            if count or chosen:
                yield Choice(text, count, self._url(name, "" if chosen else value), chosen)

    def _url(self, name: str, value: str) -> str:
        chosen = {name: value for name, value in (self.chosen | {name: value}).items() if value}
        return f"{reverse('timeline:event_list')}{'?' if chosen else ''}{urlencode(chosen)}"

    def _organizations(self) -> Iterator[tuple[str, str, int]]:
        """Those that most of the events name, the chosen one apart: slug, name, how many."""
        events = self.events(but="organizacion").order_by()
        named = Organization.objects.visible_to(None).filter(events__in=events)
        others = named.exclude(slug=self.chosen.get("organizacion", ""))
        counted = others.annotate(event_count=Count("events")).order_by("-event_count", "name")
        for organization in counted.only("slug", "name", "short_name")[:ORGANIZATIONS_SHOWN]:
            yield organization.slug, str(organization), organization.event_count


def chosen_statements(
    request: HttpRequest,
) -> tuple[StatementQuerySet, Organization | Event | None, str]:
    """The statements that name the organization, or tell the event, that a request asks for; that
    record; and what it is, in a word. Http404, in Spanish, for what the record lacks."""
    every = Statement.objects.visible_to(None)
    for name, model in (("organizacion", Organization), ("acontecimiento", Event)):
        if slug := request.GET.get(name):
            chosen, title = _named(model, slug), model._meta.verbose_name
            if chosen is None:
                raise Http404(f"En los pronunciamientos no hay {title} «{slug[:60]}».")
            return every.filter(**{f"{model._meta.model_name}s": chosen}), chosen, title
    return every, None, ""


def _named(model: type[Record], slug: str | None) -> Any:
    """The record with that slug that everybody may see."""
    return model.objects.visible_to(None).filter(slug=slug).first() if slug else None
