"""What the timeline's filters let through, and counts of it, each holding for the other filters
chosen, and none of them costing more than counting MOST events."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import OuterRef, QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse

from freshness.stamp import remembered
from organizations.models import Organization
from record.keyset import Stretch
from record.pages import MOST, BoundedCount, bounded_counts, sentence
from record.publishing import Record
from timeline import years
from timeline.choices import TITLES, UNDATED, Choices, Counts, Tallies
from timeline.models import (
    CATEGORIES,
    EVENTS_BY_TIME,
    OFTEN,
    Event,
    EventOrganization,
    EventQuerySet,
    Statement,
    StatementQuerySet,
)

ALONE = {"organizacion", "pronunciamiento"}  # what the tallies of years and categories hold for
LOOKED_AT = 2 * MOST  # events, at most, for the organizations that they name
VERY_OFTEN = 10 * MOST  # mentions, from which MOST of them are counted sooner along all events


class Filters:
    """What a request chooses of what everybody may see; Http404, in Spanish, for what the record
    lacks."""

    def __init__(self, request: HttpRequest) -> None:
        self.chosen = {name: value for name in TITLES if (value := _one(request, name))}
        self.year = self.chosen.get("anio", "")
        self.organization = self._organization()
        self.statement = _named(Statement, self.chosen.get("pronunciamiento"))
        known = {
            "anio": self.year == UNDATED or years.is_span(self.year),
            "categoria": self.chosen.get("categoria") in CATEGORIES,
            "organizacion": self.organization is not None,
            "pronunciamiento": self.statement is not None,
        }
        self._refuse([name for name in self.chosen if not known[name]])
        if self.year and not self._only({"anio"}).exists():
            self._refuse(["anio"])

    def _refuse(self, unknown: list[str]) -> None:
        for name in unknown:
            value = self.chosen[name][:60]
            raise Http404(f"En la línea de tiempo no hay {TITLES[name].lower()} «{value}».")

    @cached_property
    def every(self) -> EventQuerySet:
        return Event.objects.visible_to(None)

    def _organization(self) -> Organization | None:
        """The one chosen, with its `mentions`, OFTEN + 1 if more."""
        if not (slug := self.chosen.get("organizacion")):
            return None
        links = EventOrganization.objects.filter(organization=OuterRef("pk"))
        mentions = BoundedCount(links, most=OFTEN)
        named = Organization.objects.visible_to(None).annotate(mentions=mentions)
        return named.filter(slug=slug).first()

    def _combinations(self) -> set[frozenset[str]]:
        """Of filters, those whose events are to be counted: none, all, all but one, some alone."""
        chosen = frozenset(self.chosen)
        alone = {chosen & {"anio"}, chosen & ALONE}
        return {frozenset(), chosen, *alone, *(chosen - {name} for name in chosen)}

    def _only(self, names: Collection[str], often: bool | None = None) -> EventQuerySet:
        """Those that the chosen filters of these names let through."""
        events = self.every
        if "anio" in names:
            events = events.in_year("" if self.year == UNDATED else self.year)
        if "categoria" in names:
            events = events.filter(category=self.chosen["categoria"])
        if "organizacion" in names:
            often = self.organization.mentions > OFTEN if often is None else often
            events = events.naming(self.organization, often)
        if "pronunciamiento" in names:
            events = events.filter(statements=self.statement)
        return events

    def events(self, but: str = "") -> EventQuerySet:
        """Those that all filters let through, the one named `but` left aside."""
        return self._only(self.chosen.keys() - {but})

    @property
    def stretches(self) -> list[Stretch]:
        """The parts of the timeline in which `events("anio")` are those that stand in its year."""
        dated, undated = EVENTS_BY_TIME
        if not self.year:
            return [dated, undated]
        if self.year == UNDATED:
            return [undated]
        first, last = years.days(self.year)
        return [replace(dated, first=first, last=last)]

    @cached_property
    def counts(self) -> Counts:
        return remembered(f"timeline?{urlencode(sorted(self.chosen.items()))}", self._count)

    @property
    def choices(self) -> Choices:
        records = {"organizacion": self.organization, "pronunciamiento": self.statement}
        names = tuple((name, str(record)) for name, record in records.items() if record)
        return Choices(tuple(self.chosen.items()), names, self.counts)

    def _count(self) -> Counts:
        mentions = self._mentions()
        lists = {n: self._only(n, mentions > VERY_OFTEN) for n in self._combinations()}
        sizes = bounded_counts(lists)
        looked_at = self.events(but="organizacion").order_by()
        chosen = frozenset(self.chosen)
        size = sizes[chosen - {"organizacion"}]
        return Counts(
            sizes[frozenset()],
            sizes[chosen],
            tuple((name, sizes[chosen - {name}]) for name in self.chosen),
            self._tallies(sizes, mentions),
            tuple(self._named(looked_at[:LOOKED_AT])),
            size <= MOST or not looked_at[LOOKED_AT : LOOKED_AT + 1].exists(),
        )

    def _mentions(self) -> int:
        """Of the organization chosen, VERY_OFTEN + 1 if more."""
        links = EventOrganization.objects.filter(organization=self.organization)
        mentions = links.order_by().values_list(BoundedCount(links, most=VERY_OFTEN))[:1]
        return next(iter(mentions), [0])[0] if self.organization else 0

    def _tallies(self, sizes: dict[frozenset[str], int], mentions: int) -> Tallies:
        alone = frozenset(self.chosen) & ALONE
        if sizes[alone] <= MOST:
            return self._grouped(self._only(alone, mentions > VERY_OFTEN))
        if not self.organization:
            return self._bounded()
        # Who names it is not in the index of a year: counting each choice would ask of every event.
        links = EventOrganization.objects.filter(organization=self.organization)
        looked_at = links.order_by("event").values("event")[:LOOKED_AT]
        events = self._only(alone - {"organizacion"}).filter(pk__in=looked_at)
        return self._grouped(events, partial=mentions > LOOKED_AT)

    def _grouped(self, events: EventQuerySet, partial: bool = False) -> Tallies:
        """Few enough to group them all; `partial` where there are more."""
        rows = events.counts_by_year_and_category()
        by_year, by_category = {False: Counter(), True: Counter()}, Counter()
        for year, category, bounded, count in rows:
            if self.chosen.get("categoria") in (None, category):
                by_year[bounded][year] += count
            if self._has(year):
                by_category[category] += count
        dated = {year for year, *_ in rows if year}
        found = tuple(
            (span, *(_sum_within(span, by_year[bounded]) for bounded in (False, True)))
            for span in years.offered(dated, self._span)
        )
        categories = tuple((name, by_category[name]) for name in CATEGORIES)
        return Tallies(found, by_year[False][""], categories, partial=partial)

    def _bounded(self) -> Tallies:
        """Too many to group: each choice counted for itself, up to MOST, all in one query."""
        of_years, of_categories = self.events(but="anio"), self.events(but="categoria")
        spans = years.offered(self.every.first_and_last_year(), self._span)
        lists: dict[str, QuerySet] = {span: of_years.in_year(span) for span in spans}
        lists |= {name: of_categories.filter(category=name) for name in CATEGORIES}
        found = bounded_counts(lists | {UNDATED: of_years.in_year("")})
        categories = tuple((name, found[name]) for name in CATEGORIES)
        of_spans = tuple((span, found[span], 0) for span in spans)
        return Tallies(of_spans, found[UNDATED], categories, unsplit=True)

    @property
    def _span(self) -> str:
        return "" if self.year == UNDATED else self.year

    def _has(self, year: str) -> bool:
        """Whether the filter by year lets those of `year` through, `''` being the undated."""
        return not self.year or (years.has(self.year, year) if year else self.year == UNDATED)

    def _named(self, looked_at: EventQuerySet) -> Iterator[tuple[str, str, int]]:
        others = Organization.objects.visible_to(None)
        others = others.exclude(slug=self.chosen.get("organizacion", ""))
        for one, count in EventOrganization.objects.most_named(looked_at, others):
            yield one.slug, str(one), count


STATEMENT_FILTERS: dict[str, type[Record]] = {"organizacion": Organization, "acontecimiento": Event}


class StatementFilters:
    """What a request chooses among `statements`: by name, the organization that they name and the
    event that they tell. Http404, in Spanish, for what the record lacks."""

    def __init__(self, statements: StatementQuerySet, request: HttpRequest) -> None:
        self.statements = statements
        self.records = dict(_chosen_records(request))
        for record in self.records.values():
            self.statements = self.statements.filter(**{f"{record._meta.model_name}s": record})
        self.chosen = {name: record.slug for name, record in self.records.items()}

    def let_go(self) -> list[tuple[str, str]]:
        """Of each chosen, what it is, and the address of the list without it."""
        return [
            (f"{sentence(record._meta.verbose_name)}: {record}", self._url_without(name))
            for name, record in self.records.items()
        ]

    @property
    def words(self) -> str:
        """«Organización: IEC; Acontecimiento: Se firma»; empty when nothing is chosen."""
        return "; ".join(text for text, _url in self.let_go())

    def _url_without(self, name: str) -> str:
        others = urlencode({other: slug for other, slug in self.chosen.items() if other != name})
        return f"{reverse('timeline:statement_list')}{'?' if others else ''}{others}"


def _chosen_records(request: HttpRequest) -> Iterator[tuple[str, Record]]:
    for name, model in STATEMENT_FILTERS.items():
        if slug := request.GET.get(name):
            if not (record := _named(model, slug)):
                title = model._meta.verbose_name
                raise Http404(f"En los pronunciamientos no hay {title} «{slug[:60]}».")
            yield name, record


def _named(model: type[Record], slug: str | None) -> Any:
    """The record with that slug that everybody may see."""
    return model.objects.visible_to(None).filter(slug=slug).first() if slug else None


def _one(request: HttpRequest, name: str) -> str:
    """What a request gives for `name`; Http404 for two different things."""
    values = sorted(set(filter(None, request.GET.getlist(name))))
    if len(values) > 1:
        raise Http404(
            f"De cada filtro se elige un valor; aquí hay varios de {TITLES[name].lower()}."
        )
    return values[0] if values else ""


def _sum_within(span: str, by_year: Counter) -> int:
    return sum(count for year, count in by_year.items() if year and years.has(span, year))
