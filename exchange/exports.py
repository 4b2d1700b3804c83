"""Exports: the pages of an export in the admin of each model, by django-import-export, and the
download of a file."""

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import connection, models
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    QueryDict,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import URLPattern
from django.utils import timezone
from import_export.admin import ExportMixin

from editing.admin import StaffAdmin
from editing.resources import RecordResource
from exchange.formats import FORMATS, XLSX
from exchange.models import may_export, may_import

NOT_FILTERS = ("p", "o", "all", "e", "_changelist_filters", "_popup", "_to_field")
"""The parameters of a list's address that do not narrow its records."""
UNKNOWN_FILTER = "La lista no conoce este filtro. Fíltrela otra vez y exporte desde ahí."
INCOMPLETE = "ARCHIVO INCOMPLETO: el sitio falló al prepararlo. Descárguelo de nuevo."


class ExchangePages(StaffAdmin):
    """Renders pages with the templates of the exchange."""

    def exchange_page(
        self, request: HttpRequest, template: str, status: int = 200, **context: Any
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts} | context
        return render(request, f"admin/exchange/{template}.html", context, status=status)

    def problem_page(self, request: HttpRequest, status: int, problem: str) -> HttpResponse:
        title = "No se puede mostrar esta página"
        return self.exchange_page(request, "problem", status, title=title, problem=problem)


class ExportAdmin(ExportMixin, ExchangePages):
    """Exports a model's list. The address of its page is under «Importaciones»."""

    import_export_change_list_template = None

    def get_urls(self) -> list[URLPattern]:
        """Leave out the address of the package's own page."""
        return super(ExportMixin, self).get_urls()

    def has_export_permission(self, request: HttpRequest) -> bool:
        return may_export(request.user, self.resource_classes[0])

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        resource = self.resource_classes[0]
        links = {
            "table": resource.name,
            "has_import_permission": may_import(request.user, resource),
        }
        return super().changelist_view(request, links | (extra_context or {}))

    def export_action(self, request: HttpRequest) -> HttpResponseBase:
        """Export the list as the filters and the search in the address narrow it: answer the page
        with the number of records, or the file in the format that «formato» names."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        filters = request.GET.copy()
        format_name = (filters.pop("formato", None) or [""])[-1]
        if format_name not in ("", *FORMATS):
            raise Http404
        for parameter in NOT_FILTERS:
            filters.pop(parameter, None)
        request.GET = QueryDict(filters.urlencode())
        try:
            records = self.get_export_queryset(request)
        except (BadRequest, SuspiciousOperation):
            return self.problem_page(request, 400, UNKNOWN_FILTER)
        if format_name:
            return self.export_file(request, format_name, records)
        return self.exchange_page(
            request, "export", resource=self.resource_classes[0](), formats=FORMATS,
            count=records.count(), filters=filters, step="Exportar",
            title=f"Exportar {self.opts.verbose_name_plural}",
        )  # fmt: skip

    def export_file(
        self, request: HttpRequest, format_name: str, queryset: models.QuerySet
    ) -> HttpResponseBase:
        resource = self.resource_classes[0]()
        records = self.model.objects.filter(pk__in=queryset.order_by().values("pk"))
        return download(request, resource.name, format_name, resource.rows(records))


def add_export(site: admin.AdminSite, resource: type[RecordResource]) -> None:
    """Replace the registered admin of a model by a subclass with ExportAdmin."""
    model_admin = type(site.get_model_admin(resource.model))
    site.unregister(resource.model)
    site.register(
        resource.model,
        type(model_admin.__name__, (ExportAdmin, model_admin), {}),
        resource_classes=[resource],
        actions=[*(model_admin.actions or ()), *map(_export_action, FORMATS)],
    )


def _export_action(format_name: str) -> Callable[..., HttpResponseBase]:
    label = f"Exportar: {FORMATS[format_name].title}"

    @admin.action(description=label, permissions=["export"])
    def export_selected(
        model_admin: ExportAdmin, request: HttpRequest, records: models.QuerySet
    ) -> HttpResponseBase:
        return model_admin.export_file(request, format_name, records)

    export_selected.__name__ = f"export_{format_name}"
    return export_selected


def download(
    request: HttpRequest, name: str, format_name: str, rows: Iterator[list[str]]
) -> HttpResponseBase:
    """Answer a file with `rows`, header first, in one of the FORMATS.

    Streams CSV, and writes XLSX to a temporary file, so that memory stays flat. Reads no rows for
    HEAD, whose answer has no length.
    """
    form = FORMATS[format_name]()
    file_name = f"{name}-{timezone.localdate().isoformat()}.{form.get_extension()}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    content_type = form.get_content_type()
    if request.method == "HEAD":
        return StreamingHttpResponse(content_type=content_type, headers=headers)
    # Fail before the status 200 is sent if the database does not answer. The cursor is closed,
    # because a client may never read the rows.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if not isinstance(form, XLSX):
        chunks = _marked_if_incomplete(form.stream(rows))
        return StreamingHttpResponse(chunks, content_type=content_type, headers=headers)
    file = tempfile.TemporaryFile()  # noqa: SIM115, the response closes it
    form.write(file, rows, name)
    file.seek(0)
    return FileResponse(file, content_type=content_type, headers=headers)


def _marked_if_incomplete(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """End a file with a line that says INCOMPLETE if an error interrupts it. The server ends the
    response as if it were whole."""
    try:
        yield from chunks
    except Exception:
        yield f"{INCOMPLETE}\r\n".encode()
        raise
