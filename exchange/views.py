"""The record as open data: every table as a file, with what each of its columns holds."""

from typing import Any

from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exchange.downloads import download
from exchange.imports import RESOURCES
from record.publishing import RecordQuerySet
from record.resources import Resource
from timeline import filters as timeline_filters
from timeline.models import Event

PUBLIC_FORMATS = ("csv", "xlsx")


@require_safe
def open_data(request: HttpRequest) -> HttpResponse:
    tables = [_described(resource()) for resource in RESOURCES.values()]
    changed = max((table["changed"] for table in tables if table["changed"]), default=None)
    return render(request, "exchange/open_data.html", {"tables": tables, "changed": changed})


def _described(resource: Resource) -> dict[str, Any]:
    records = resource.model.objects.visible_to(None).order_by()
    figures = records.aggregate(count=Count("pk"), changed=Max("updated_at"))
    meta = resource.model._meta
    return {
        "resource": resource,
        "one": meta.verbose_name,
        "title": meta.verbose_name_plural,
    } | figures


@require_safe
def table(request: HttpRequest, table: str, format_name: str) -> HttpResponseBase:
    """What a visitor may read of a table, narrowed like the list that links here."""
    if table not in RESOURCES or format_name not in PUBLIC_FORMATS:
        formats = " o ".join(name.upper() for name in PUBLIC_FORMATS)
        raise Http404(f"Los datos se descargan como {formats}, tabla por tabla.")
    resource = RESOURCES[table]()
    records = _chosen(request, resource.model.objects.visible_to(None))
    return download(request, table, format_name, resource.rows(records, for_readers=True))


def _chosen(request: HttpRequest, records: RecordQuerySet) -> RecordQuerySet:
    known = timeline_filters.TITLES if records.model is Event else ()
    for name in request.GET:
        if name not in known:
            raise Http404(f"Esta tabla no se puede filtrar por «{name[:60]}».")
    return timeline_filters.Filters(records, request).events() if request.GET else records
