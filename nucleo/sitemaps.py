"""Lists every public page for search engines, with the last change of the record that it shows."""

from collections.abc import Sequence
from typing import Any

from django.contrib.sitemaps import GenericSitemap, Sitemap, views
from django.db.models.functions import Greatest
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from organizations.models import Organization
from sources.models import Source
from timeline.models import Event, Statement

PAGES = (
    "home", "organizations:organization_list", "organizations:representation",
    "timeline:event_list", "timeline:statement_list", "sources:source_list", "exchange:open_data",
    "as_of_form", "about",
)  # fmt: skip
MODELS = {
    "organizaciones": Organization,
    "linea-de-tiempo": Event,
    "pronunciamientos": Statement,
    "fuentes": Source,
}


class PageSitemap(Sitemap):
    """The pages that show no single record."""

    def items(self) -> Sequence[str]:
        return PAGES

    def location(self, name: str) -> str:
        return reverse(name)


class RecordSitemap(GenericSitemap):
    limit = 5_000


def _sections() -> dict[str, Any]:
    sections: dict[str, Sitemap] = {"paginas": PageSitemap()}
    for name, model in MODELS.items():
        records = model.objects.visible_to(None).order_by("pk").only("slug")
        records = records.annotate(changed=Greatest("updated_at", "publish_at"))
        sections[name] = RecordSitemap({"queryset": records, "date_field": "changed"})
    return sections


def sitemap(request: HttpRequest) -> HttpResponse:
    """Answer one file, or an index of several files if one would be too long."""
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
