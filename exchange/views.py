"""The record as open data: every table as a file, and a description of its columns."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from editing.resources import RecordResource
from exchange.exports import download
from exchange.formats import FORMATS
from exchange.imports import RESOURCES
from record import jsonld
from record.proof import is_fact, uncited_count
from timeline.filters import EventFilters, StatementFilters

PUBLIC_FORMATS = ("csv", "xlsx")
FILTERS = {filters.model: filters for filters in (EventFilters, StatementFilters)}


@require_safe
def open_data(request: HttpRequest) -> HttpResponse:
    tables = [_description(resource()) for resource in RESOURCES.values()]
    changed = max((table["changed"] for table in tables if table["changed"]), default=None)
    context = {"tables": tables, "changed": changed, "linked": _data_graph(request, changed)}
    return TemplateResponse(request, "exchange/open_data.html", context)


def _data_graph(request: HttpRequest, changed: datetime | None) -> jsonld.Node:
    """Return the record as a schema.org Dataset, with all files as its distribution."""
    url = request.path
    files = [
        jsonld.node(
            kind="DataDownload",
            name=f"{name}.{ending}",
            encodingFormat=FORMATS[ending].CONTENT_TYPE,
            contentUrl=reverse("exchange:table", args=[name, ending]),
        )
        for name in RESOURCES
        for ending in PUBLIC_FORMATS
    ]
    dataset = jsonld.node(
        kind="Dataset",
        id=f"{url}#datos",
        name=f"El registro de {settings.SITE_NAME}, en tablas",
        description="Todo lo público del registro: organizaciones, membresías, representación, "
        "acontecimientos, pronunciamientos, fuentes y las citas que prueban cada dato.",
        url=url,
        license=jsonld.LICENSE,
        usageInfo=f"{reverse('about')}#licencia",
        inLanguage=settings.LANGUAGE_TAG,
        dateModified=changed.isoformat() if changed else "",
        isAccessibleForFree=True,
        publisher=jsonld.publisher(),
        distribution=files,
    )
    return jsonld.page(request, ("Datos", request.path), changed=changed, main=dataset)


def _description(resource: RecordResource) -> dict[str, Any]:
    meta, records = resource.model._meta, resource.model.objects.visible_to(None)
    count, changed = records.aggregate(Count("pk"), Max("updated_at")).values()
    noun = meta.verbose_name if count == 1 else meta.verbose_name_plural
    uncited = uncited_count(resource.model) if is_fact(resource.model) else 0
    return {
        "resource": resource,
        "count": f"{count:,} {noun}" + (f", {uncited:,} sin cita todavía" if uncited else ""),
        "title": meta.verbose_name_plural,
        "changed": changed,
    }


@require_safe
def table(request: HttpRequest, table: str, format_name: str) -> HttpResponseBase:
    """Download the public records of a table, filtered like the list that links here."""
    if table not in RESOURCES or format_name not in PUBLIC_FORMATS:
        formats = " o ".join(name.upper() for name in PUBLIC_FORMATS)
        raise Http404(f"Los datos se descargan como {formats}, tabla por tabla.")
    resource = RESOURCES[table]()
    records = _filtered(request, resource.model.objects.visible_to(None))
    return download(request, table, format_name, resource.rows(records, for_readers=True))


def _filtered(request: HttpRequest, records: QuerySet) -> QuerySet:
    filters = FILTERS.get(records.model)
    for name in request.GET:
        if not filters or name not in filters.titles:
            raise Http404(f"Esta tabla no se puede filtrar por «{name[:60]}».")
    return filters(request).records() if filters and request.GET else records
