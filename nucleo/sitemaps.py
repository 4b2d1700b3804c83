"""Every public page for search engines, each with the moment of the last change of what it shows:
the one that stands at its foot. A sitemap's cost is bounded by its length, whatever the record's:
of pages that show the first of very many things, the moment is not said.
"""

from copy import copy
from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib import sitemaps
from django.contrib.sitemaps import views
from django.core.paginator import Page, Paginator
from django.db.models import Count, Max, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import resolve, reverse
from django.utils.functional import cached_property

from organizations.models import Membership, Organization, RepresentationTerm
from organizations.views import RELATED
from record.pages import BoundedCount
from record.publishing import Record, RecordQuerySet
from sources.models import FACTS as LISTED
from sources.models import Citation, Source
from timeline.models import Event, EventOrganization, Statement

ON_A_SITEMAP = 2_000
LOOKED_AT = 500  # citations of a source
PAGES = (
    "home", "organizations:organization_list", "organizations:representation",
    "timeline:event_list", "timeline:statement_list", "sources:source_list", "exchange:open_data",
    "as_of_form", "about",
)  # fmt: skip
Moments = dict[int, datetime]
SAVED, PUBLIC = "updated_at", ("updated_at", "publish_at")


def _of(path: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{path}__{name}" for name in names)


# What a page shows beside its record: a model, the way from it to the record, and the moments that
# come along with each of its rows.
CITED = (SAVED, *_of("source", *PUBLIC))
FACTS = (
    *CITED,
    *_of("organization", *PUBLIC),
    *_of("membership", SAVED),
    *_of("membership__organization", *PUBLIC),
    *_of("representation_term", SAVED),
    *_of("representation_term__organization", *PUBLIC),
    *_of("event", *PUBLIC),
    *_of("statement", *PUBLIC),
)
EVENT = (
    (Citation, "event", CITED),
    (Organization, "events", PUBLIC),
    (Statement, "events", PUBLIC),
)
STATEMENT = (
    (Citation, "statement", CITED),
    (Organization, "statements", PUBLIC),
    (Event, "statements", PUBLIC),
)
ORGANIZATION = (
    (Membership, "organization", (SAVED, *_of("replaces", *PUBLIC))),
    (Membership, "replaces", (SAVED, *_of("organization", *PUBLIC))),
    (RepresentationTerm, "organization", (SAVED,)),
    (Event, "organizations", PUBLIC),
    (Organization, "events__organizations", PUBLIC),
    (Statement, "organizations", PUBLIC),
    *(
        (Citation, path, CITED)
        for path in (
            "organization", "membership__organization", "membership__replaces",
            "representation_term__organization", "event__organizations",
        )
    ),
)  # fmt: skip
SOURCE = ((Citation, "source", FACTS),)


def _latest(found: list[Moments]) -> Moments:
    """Of each key, the latest of all."""
    keys = set(chain(*found))
    return {key: max(moments[key] for moments in found if key in moments) for key in keys}


def _shown(kind: tuple, ids: list[int]) -> Moments:
    """When what is shown beside these records last changed."""
    return _latest([_beside(*beside, ids) for beside in kind])


def _beside(model: type[Record], path: str, moments: tuple[str, ...], ids: list[int]) -> Moments:
    records = model.objects.visible_to(None).order_by()
    chosen = Q(**{f"{path}__in": ids})
    if path == "events__organizations":  # by way of events that a visitor may read
        chosen &= Q(events__in=Event.objects.visible_to(None))
    rows = records.filter(chosen).values_list(path).annotate(*map(Max, moments))
    return {key: max(filter(None, found)) for key, *found in rows if key is not None}


def _with_more(model: type[Record], keys: set[int], related: QuerySet, most: int) -> set[int]:
    """Those of the keys that have more than so many, counted no further."""
    counted = model.objects.filter(pk__in=keys).annotate(many=BoundedCount(related, most=most))
    return set(counted.filter(many__gt=most).order_by().values_list("pk", flat=True))


def _cited_too_often(sources: set[int]) -> set[int]:
    """Of the keys, those whose page lists the first of a passage's facts, or may."""
    every = Citation.objects.filter(source=OuterRef("pk"))
    too_many = _with_more(Source, sources, every, LOOKED_AT)
    others = Citation.objects.filter(source__in=sources - too_many).order_by()
    cut = others.values("source", "number").annotate(many=Count("pk")).filter(many__gt=LISTED)
    return too_many | set(cut.values_list("source", flat=True))


class _Parts(Paginator):
    """Parts by primary key, so that the last of many costs no more than the first; a part has fewer
    records where some were deleted or are not public. Each record has its `changed`."""

    def __init__(self, sitemap: "RecordSitemap") -> None:
        super().__init__(sitemap.items(), ON_A_SITEMAP)
        self.sitemap = sitemap

    @cached_property
    def num_pages(self) -> int:
        last = self.object_list.order_by("-pk").values_list("pk", flat=True).first() or 1
        return -(-last // self.per_page)

    def page(self, number: int | str) -> Page:
        number = self.validate_number(number)
        before = (number - 1) * self.per_page
        found = self.object_list.filter(pk__gt=before, pk__lte=before + self.per_page)
        records = list(found)
        unsaid = self.sitemap.unsaid(records)
        shown = self.sitemap.shown([record for record in records if record.pk not in unsaid])
        for record in records:
            moment = max(record.moment, shown.get(record.pk, record.moment))
            record.changed = None if record.pk in unsaid else moment
        return self._get_page(records, number, self)


class RecordSitemap(sitemaps.Sitemap):
    model: type[Record]
    beside: tuple = ()

    @property
    def paginator(self) -> Paginator:
        return _Parts(self)

    def items(self) -> RecordQuerySet:
        return self.model.objects.visible_to(None).order_by("pk").only("slug", *PUBLIC)

    def shown(self, records: list[Record]) -> Moments:
        return _shown(self.beside, [record.pk for record in records])

    def unsaid(self, records: list[Record]) -> set[int]:
        """The keys of those that show too many things to ask of all, and not all of them."""
        return set()

    def lastmod(self, record: Record) -> datetime | None:
        return record.changed

    def get_latest_lastmod(self) -> None:
        """Not said in an index: it would take every row."""


class OrganizationSitemap(RecordSitemap):
    model, beside = Organization, ORGANIZATION

    def unsaid(self, records: list[Organization]) -> set[int]:
        links = EventOrganization.objects.filter(organization=OuterRef("pk"))
        return _with_more(Organization, {one.pk for one in records}, links, RELATED)


class SourceSitemap(RecordSitemap):
    model, beside = Source, SOURCE

    def unsaid(self, records: list[Source]) -> set[int]:
        return _cited_too_often({source.pk for source in records})


class EventSitemap(RecordSitemap):
    model, beside = Event, EVENT


class StatementSitemap(RecordSitemap):
    """A statement's page shows all that the sources it is cited from are cited for."""

    model, beside = Statement, STATEMENT

    def unsaid(self, records: list[Statement]) -> set[int]:
        pairs = self._sources(records)
        too_often = _cited_too_often({source for _statement, source in pairs})
        return {statement for statement, source in pairs if source in too_often}

    def shown(self, records: list[Statement]) -> Moments:
        pairs = self._sources(records)
        of_source = _shown(SOURCE, [source for _statement, source in pairs])
        proved = [{statement: of_source[source]} for statement, source in pairs]
        return _latest([super().shown(records), *proved])

    def _sources(self, records: list[Statement]) -> list[tuple[int, int]]:
        """Statement and source, by key."""
        citations = Citation.objects.visible_to(None).filter(statement__in=records)
        return list(citations.order_by().values_list("statement", "source").distinct())


class PageSitemap(sitemaps.Sitemap):
    """The pages that are no record's. Their views are asked, which fetch all that a page shows
    and leave its writing for later."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = copy(request)
        self.request.GET = QueryDict()

    def items(self) -> tuple[str, ...]:
        return PAGES

    def location(self, name: str) -> str:
        return reverse(name)

    def lastmod(self, name: str) -> datetime | None:
        self.request.path = self.location(name)
        return resolve(self.request.path).func(self.request).context_data["changed"]

    def get_latest_lastmod(self) -> None:
        """Not said in an index."""


RECORDS: dict[str, type[RecordSitemap]] = {
    "organizaciones": OrganizationSitemap,
    "linea-de-tiempo": EventSitemap,
    "pronunciamientos": StatementSitemap,
    "fuentes": SourceSitemap,
}


def _sections(request: HttpRequest) -> dict[str, Any]:
    return {"paginas": PageSitemap(request)} | {name: kind() for name, kind in RECORDS.items()}


def sitemap(request: HttpRequest) -> HttpResponse:
    """All in one file, or an index of several where one would be too long."""
    sections = _sections(request)
    if any(section.paginator.num_pages > 1 for section in sections.values()):
        return views.index(request, sections, sitemap_url_name="sitemap_section")
    try:
        return views.sitemap(request, sections)
    except Http404:
        raise Http404("El mapa del sitio es uno solo.") from None


def section(request: HttpRequest, section: str) -> HttpResponse:
    try:
        return views.sitemap(request, _sections(request), section)
    except Http404:
        raise Http404("El mapa del sitio no tiene esa parte.") from None


def robots(request: HttpRequest) -> HttpResponse:
    """Everything may be read but the staff's pages."""
    address = request.build_absolute_uri(reverse("sitemap"))
    lines = ["User-agent: *", "Disallow: /admin/", "", f"Sitemap: {address}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
