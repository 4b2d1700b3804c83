"""The filters of the lists of events and statements, with the number of records of each option."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q
from django.http import Http404, HttpRequest
from django.urls import reverse

from dates.text import fold
from editing.pickers import LONGEST_NAME, NOWHERE, distance, entries_of, other_name, words_of
from organizations.models import Organization
from record.publishing import Record
from timeline import years
from timeline.models import Event, Statement
from timeline.vocabulary import ALONE, EventCategory

UNDATED = "sin-fecha"
NEWEST, OLDEST = "reciente", "antiguo"
FEW, MOST_NAMED = 12, 24  # organizations offered as filters: all at once, by a typed name

FilterLink = tuple[str, str, str, bool]
"""The text, the number of records, the address that sets or unsets the filter, and whether it is
set."""


class Filters:
    """The filters in a query string, and the order of the list. Raises Http404 for a value without
    public records, and for two values of the same filter."""

    model: type[Event | Statement]
    url_name: str
    place: str
    titles: dict[str, str]
    related: dict[str, tuple[type[Record], str]]
    """The filters whose values are slugs, each with their model and the lookup from `model`."""

    def __init__(self, request: HttpRequest) -> None:
        self.path = reverse(self.url_name)
        self.every: Any = self.model.objects.visible_to(None)
        self.typed = request.GET.get("nombre", "")[:LONGEST_NAME].strip()
        self.order = request.GET.get("orden", "")
        if self.order not in ("", NEWEST, OLDEST):
            raise Http404(f"Una lista va de lo más «{NEWEST}» o de lo más «{OLDEST}».")
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
        if name == "anio" and (value == UNDATED or years.SPAN.fullmatch(value)):
            is_dated = value != UNDATED
            condition = years.within(value, self.model.dated_by) if is_dated else Q(sort_day="")
            if self.every.filter(condition).exists():
                return years.words(value) if is_dated else "sin fecha", condition
        elif name == "papel" and value in self.parts and "organizacion" in self.chosen:
            return ALONE[value], Q(**{f"{self.rows}__part": self.parts[value]})
        elif name in self.related:
            model, lookup = self.related[name]
            if record := model.objects.visible_to(None).filter(slug=value).first():
                return str(record), Q(**{lookup: record})
        raise Http404(f"En {self.place} no hay {self.titles[name].lower()} «{value[:60]}».")

    @property
    def rows(self) -> str:
        """The lookup of the table of parts."""
        return str(self.model.organizations.through._meta.model_name)

    @property
    def parts(self) -> dict[str, str]:
        """The parts of an organization, by their words in addresses: `convocan`."""
        field: Any = self.model.organizations.through._meta.get_field("part")
        return {label: part for part, label in field.choices}

    def records(self, but: str = "") -> Any:
        """The public records that match all filters except `but`: a queryset of `model`. The part
        is of the chosen organization."""
        unset = {but, "papel"} if but == "organizacion" else {but}
        kept = (q for name, (_words, q) in self.meant.items() if name not in unset)
        return self.every.filter(*kept)

    def url(self, **changes: str) -> str:
        """The address of the first page with changed filters; an empty value unsets a filter."""
        chosen = {name: value for name, value in (self.chosen | changes).items() if value}
        if "organizacion" not in chosen:
            chosen.pop("papel", None)
        chosen |= {"orden": self.order} if self.order and "orden" not in changes else {}
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

    # Time

    @property
    def year(self) -> str:
        """The chosen year or span of years, or the year of the chosen month."""
        year = self.chosen.get("anio", "").partition("-")[0]
        return year if year != "sin" else ""

    @cached_property
    def by_year(self) -> dict[str, tuple[int, int]]:
        """`counts_by_year` of the records of all years."""
        counts: dict[str, tuple[int, int]] = self.records(but="anio").counts_by_year()
        return counts

    @property
    def undated(self) -> int:
        return sum(self.by_year.get("", ()))

    def _in_span(self, span: str) -> int:
        return sum(sum(n) for year, n in self.by_year.items() if years.has(span, year))

    @cached_property
    def total(self) -> int:
        """The number of all public records of the model."""
        is_whole = not self.chosen.keys() - {"anio"}
        return sum(map(sum, self.by_year.values())) if is_whole else self.every.count()

    @cached_property
    def count(self) -> int:
        span = self.chosen.get("anio", "")
        if span == UNDATED:
            return self.undated
        if "-" in span:
            number: int = self.records().count()
            return number
        return self._in_span(span) if span else sum(map(sum, self.by_year.values()))

    def newest_first(self, on_a_page: int) -> bool:
        """Whether the list begins with the newest record, as lists of several pages do."""
        return self.order == NEWEST or (not self.order and self.total > on_a_page)

    def other_order(self, on_a_page: int) -> tuple[str, str]:
        """The text and the address of the same list from its other end."""
        if self.newest_first(on_a_page):
            return "Del más antiguo al más nuevo", self.url(orden=OLDEST)
        return "Del más nuevo al más antiguo", self.url(orden=NEWEST)

    def by_month(self, year: str) -> dict[str, tuple[int, int]]:
        """`counts_by_month` of the records of a year, in order."""
        counts = self.records(but="anio").counts_by_month(year)
        return dict(sorted(counts.items()))

    def months(self, year: str) -> list[FilterLink]:
        """The links to the months of a year: «enero», «sin mes»."""
        counts = self.by_month(year) if year else {}
        options = ((month, years.month_words(month), sum(n)) for month, n in counts.items())
        return list(self._links("anio", options, year))

    # Options

    @cached_property
    def ways_out(self) -> list[FilterLink]:
        """The links that unset a filter and lead to records."""
        counts = [self.records(but=name).count() for name in self.chosen]
        chips = zip(self.chips, counts, strict=True)
        return [(text, f"{count:,}", url, False) for (text, url), count in chips if count]

    def groups(self) -> list[tuple[str, list[FilterLink]]]:
        """The title and the links of each filter but the organization."""
        names = [name for name in self.titles if name != "organizacion"]
        return [(self.titles[name], list(self._links(name, self._options(name)))) for name in names]

    def _links(
        self, name: str, options: Iterable[tuple[str, str, int]], wider: str = ""
    ) -> Iterator[FilterLink]:
        """The links of the options with records; the chosen one goes back to the `wider` value."""
        for value, text, count in options:
            is_chosen = value == self.chosen.get(name)
            if count or is_chosen:
                url = self.url(**{name: wider if is_chosen else value})
                yield text, f"{count:,}", url, is_chosen

    def _rows(self, but: str) -> Any:
        """The organizations of the records that match all filters except `but`, with their parts.
        With a join in place of a subquery, SQLite takes twice the time."""
        rows, records = self.model.organizations.through, self.records(but=but)
        return rows.objects.filter(**{f"{rows.of}__in": records.order_by().values("pk")})

    def _options(self, name: str) -> Iterator[tuple[str, str, int]]:
        """The values of a filter, each with its text and its number of records."""
        if name == "anio":
            for span in years.offered(filter(None, self.by_year), self.year):
                yield span, years.words(span), self._in_span(span)
            yield UNDATED, "sin fecha", self.undated
        elif name == "papel" and "organizacion" in self.chosen:
            rows = self._rows(but="papel").filter(organization__slug=self.chosen["organizacion"])
            counts = dict(rows.values_list("part").annotate(Count("pk")))
            for value, part in self.parts.items():
                if len(counts) > 1 or name in self.chosen:
                    yield value, ALONE[value], counts.get(part, 0)
        elif name in self.chosen:
            yield self.chosen[name], self.meant[name][0], self.count

    @cached_property
    def organizations(self) -> list[FilterLink]:
        """The links to the organizations that the records name: the nearest to the typed name or,
        without one, the most frequent."""
        most = MOST_NAMED if self.typed else FEW
        return list(self._links("organizacion", self._named[:most]))

    @property
    def more_organizations(self) -> int:
        return len(self._named) - len(self.organizations)

    @cached_property
    def _named(self) -> list[tuple[str, str, int]]:
        """The slug, the full name and the number of records of each organization whose names match
        the typed one."""
        rows = self._rows(but="organizacion")
        if part := self.parts.get(self.chosen.get("papel", "")):
            rows = rows.filter(part=part)
        counts = dict(rows.values_list("organization").annotate(Count("pk")))
        words, chosen = words_of(self.typed), self.chosen.get("organizacion")
        named = Organization.objects.visible_to(None).filter(pk__in=counts)
        near = ((distance(words, entry.words), entry) for entry in entries_of(named))
        options = [
            (entry.slug != chosen, far, -counts[entry.key], fold(label), entry.slug, label)
            for far, entry in near
            if far < NOWHERE and (label := _full_name(entry.names, words))
        ]
        return [(slug, label, -fewer) for _, _, fewer, _, slug, label in sorted(options)]


def _full_name(names: str, words: str) -> str:
    """«Instituto de Estudios Cívicos (IEC)», and the other name that holds the typed words."""
    name, short, *_others = names.split("\n")
    label = f"{name} ({short})" if short else name
    also = other_name(label, names, words)
    return f"{label}, también «{also}»" if also else label


class StatementFilters(Filters):
    model = Statement
    url_name = "timeline:statement_list"
    place = "los pronunciamientos"
    titles = {
        "anio": "Año",
        "organizacion": "Organización",
        "papel": "Papel",
        "acontecimiento": "Acontecimiento",
    }
    related = {
        "organizacion": (Organization, "statementorganization__organization"),
        "acontecimiento": (Event, "events"),
    }


class EventFilters(Filters):
    model = Event
    url_name = "timeline:event_list"
    place = "la línea de tiempo"
    titles = {
        "anio": "Año",
        "categoria": "Categoría",
        "organizacion": "Organización",
        "papel": "Papel",
        "pronunciamiento": "Pronunciamiento",
    }
    related = {
        "categoria": (EventCategory, "category"),
        "organizacion": (Organization, "eventorganization__organization"),
        "pronunciamiento": (Statement, "statements"),
    }

    def _options(self, name: str) -> Iterator[tuple[str, str, int]]:
        if name != "categoria":
            yield from super()._options(name)
            return
        events = self.records(but=name).order_by()
        counts = dict(events.values_list("category").annotate(Count("pk")))
        for category in EventCategory.objects.all():
            yield category.slug, str(category), counts.get(category.pk, 0)
