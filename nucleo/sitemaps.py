"""Every public page for search engines. A record's page says when the record last changed."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.sitemaps import Sitemap, views
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from organizations.models import Organization
from record.publishing import Publishable, PublishableQuerySet
from sources.models import Source
from timeline.models import Event, Statement

PAGES = (
    "home", "organizations:organization_list", "organizations:representation",
    "timeline:event_list", "timeline:statement_list", "sources:source_list", "exchange:open_data",
    "as_of_form", "about",
)  # fmt: skip


class PageSitemap(Sitemap):
    """The pages that belong to no record."""

    def items(self) -> Sequence[str]:
        return PAGES

    def location(self, name: str) -> str:
        return reverse(name)


class RecordSitemap(Sitemap):
    limit = 5_000

    def __init__(self, model: type[Publishable]) -> None:
        self.records: PublishableQuerySet = model.objects.visible_to(None)

    def items(self) -> PublishableQuerySet:
        return self.records.order_by("pk").only("slug", "updated_at", "publish_at")

    def lastmod(self, record: Publishable) -> datetime:
        return record.moment

    def get_latest_lastmod(self) -> datetime | None:
        """For the index, without reading all records as Django would."""
        return next((record.moment for record in self.records.newest(1)), None)


def _sections() -> dict[str, Sitemap]:
    models = {
        "organizaciones": Organization,
        "linea-de-tiempo": Event,
        "pronunciamientos": Statement,
        "fuentes": Source,
    }
    return {"paginas": PageSitemap()} | {n: RecordSitemap(model) for n, model in models.items()}


def sitemap(request: HttpRequest) -> HttpResponse:
    """One file, or an index of several where one would be too long."""
    sections = _sections()
    if any(section.paginator.num_pages > 1 for section in sections.values()):
        return views.index(request, sections, sitemap_url_name="sitemap_section")
    try:
        return views.sitemap(request, sections)
    except Http404:
        raise Http404("El mapa del sitio es uno solo.") from None


def section(request: HttpRequest, section: str) -> HttpResponse:
    try:
        return views.sitemap(request, _sections(), section)
    except Http404:
        raise Http404("El mapa del sitio no tiene esa parte.") from None


def robots(request: HttpRequest) -> HttpResponse:
    """All may be read except the staff's pages."""
    address = request.build_absolute_uri(reverse("sitemap"))
    lines = ["User-agent: *", "Disallow: /admin/", "", f"Sitemap: {address}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
