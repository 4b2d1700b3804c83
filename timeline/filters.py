"""The timeline's filters: links with counts, each count holding for the other filters chosen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.db.models import Count
from django.http import Http404, HttpRequest
from django.urls import reverse

from organizations.models import Organization
from timeline.models import Event, EventQuerySet

UNDATED = "sin-fecha"
ORGANIZATIONS_SHOWN = 12


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
        names = ("ano", "categoria", "organizacion")
        self.every = events
        self.chosen = {name: value for name in names if (value := request.GET.get(name))}
        self.organization = self._organization()
        self._check("ano", {year or UNDATED for year, *_ in self._counts}, "del año")
        self._check("categoria", Event.Category.values, "de la categoría")

    def _organization(self) -> Organization | None:
        slug = self.chosen.get("organizacion")
        found = slug and Organization.objects.visible_to(None).filter(slug=slug).first()
        if slug and not found:
            raise Http404(f"El registro no nombra a ninguna organización «{slug[:60]}».")
        return found or None

    def _check(self, name: str, known: set[str] | list[str], what: str) -> None:
        if (value := self.chosen.get(name)) and value not in known:
            raise Http404(f"No consta ningún acontecimiento {what} «{value[:60]}».")

    @cached_property
    def _counts(self) -> list[tuple[str, str, int, int]]:
        return self.every.counts_by_year_and_category(self.organization)

    def events(self, but: str = "") -> EventQuerySet:
        """Those that all filters let through, the one named `but` left aside."""
        chosen = {name: value for name, value in self.chosen.items() if name != but}
        events = self.every
        if year := chosen.get("ano"):
            events = events.in_year("" if year == UNDATED else year)
        if category := chosen.get("categoria"):
            events = events.filter(category=category)
        if "organizacion" in chosen:
            events = events.filter(organizations=self.organization)
        return events

    def total(self, dated: bool = False) -> int:
        """How many events there are whatever is chosen."""
        return sum(count for year, _category, count, _naming in self._counts if year or not dated)

    def count(self, **instead: str | None) -> int:
        """How many are let through, with other choices `instead`."""
        chosen = self.chosen | instead
        year, category = chosen.get("ano"), chosen.get("categoria")
        return sum(
            naming
            for a_year, a_category, _all, naming in self._counts
            if year in (None, a_year or UNDATED) and category in (None, a_category)
        )

    def url(self, **instead: str | None) -> str:
        chosen = {name: value for name, value in (self.chosen | instead).items() if value}
        address = reverse("timeline:event_list")
        return f"{address}?{urlencode(chosen)}" if chosen else address

    def groups(self) -> dict[str, list[Choice]]:
        """The choices of each filter, by its title."""
        years = sorted({year for year, *_ in self._counts} - {""}) + [UNDATED]
        labels = {UNDATED: "sin fecha"}
        found = {
            "Año": self._choices("ano", {year: labels.get(year, year) for year in years}),
            "Categoría": self._choices("categoria", dict(Event.Category.choices)),
            "Organización": list(self._organizations()),
        }
        return {title: choices for title, choices in found.items() if choices}

    def _choices(self, name: str, labels: dict[str, str]) -> list[Choice]:
        counts = {value: self.count(**{name: value}) for value in labels}
        chosen = self.chosen.get(name)
        return [
            self._choice(name, value, text, counts[value])
            for value, text in labels.items()
            if counts[value] or value == chosen
        ]

    def _choice(self, name: str, value: str, text: str, count: int) -> Choice:
        is_chosen = self.chosen.get(name) == value
        return Choice(text, count, self.url(**{name: None if is_chosen else value}), is_chosen)

    def _organizations(self) -> Iterator[Choice]:
        named = Organization.objects.visible_to(None).filter(
            events__in=self.events(but="organizacion").order_by()
        )
        counted = named.annotate(event_count=Count("events")).order_by("-event_count", "name")
        for organization in counted.only("slug", "name", "short_name")[:ORGANIZATIONS_SHOWN]:
            yield self._choice(
                "organizacion", organization.slug, str(organization), organization.event_count
            )

    def chips(self) -> list[tuple[str, str]]:
        """What is chosen, in words, with the address that lets it go."""
        words: dict[str, Callable[[str], str]] = {
            "ano": lambda year: "Sin fecha" if year == UNDATED else f"Año: {year}",
            "categoria": lambda category: f"Categoría: {Event.Category(category).label}",
            "organizacion": lambda _slug: f"Organización: {self.organization}",
        }
        return [(words[n](value), self.url(**{n: None})) for n, value in self.chosen.items()]
