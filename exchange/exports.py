"""The export of each model's list, by django-import-export; the pages of the exchange."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern
from import_export.admin import ExportMixin

from editing.resources import RecordResource
from exchange.formats import FORMATS, download
from exchange.models import may_export, may_import

OF_PAGES = ("p", "o", "all", "e", "_changelist_filters", "_popup", "_to_field")
"""What a list's address says of its pages, not of its records."""
UNKNOWN_FILTER = "La lista no conoce este filtro. Fíltrela otra vez y exporte desde ahí."


class Pages:
    """Pages of an admin in the templates of the exchange."""

    def exchange_page(
        self, request: HttpRequest, template: str, status: int = 200, **context: Any
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts} | context
        return render(request, f"admin/exchange/{template}.html", context, status=status)

    def problem_page(self, request: HttpRequest, status: int, problem: str) -> HttpResponse:
        title = "No se puede mostrar esta página"
        return self.exchange_page(request, "problem", status, title=title, problem=problem)


class ExportAdmin(Pages, ExportMixin):
    """Exports a model's list. The page of the export stands under «Intercambio»."""

    import_export_change_list_template = None

    def get_urls(self) -> list[URLPattern]:
        return super(ExportMixin, self).get_urls()  # without the package's own address

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
        """The records of the model's list, as the filters and the search of the address narrow it:
        first how many, then the file."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        filters = request.GET.copy()
        format_name = (filters.pop("formato", None) or [""])[-1]
        if format_name not in ("", *FORMATS):
            raise Http404
        for parameter in OF_PAGES:
            filters.pop(parameter, None)
        request.GET = filters
        try:
            records = self.get_export_queryset(request)
        except (IncorrectLookupParameters, SuspiciousOperation):
            return self.problem_page(request, 400, UNKNOWN_FILTER)
        if format_name:
            return self.export_file(request, format_name, records)
        return self.exchange_page(
            request, "export", resource=self.resource_classes[0](), formats=FORMATS,
            count=records.count(), filters=filters, step="Exportar",
            title=f"Exportar {self.opts.verbose_name_plural}",
        )  # fmt: skip

    def export_file(
        self, request: HttpRequest, format_name: str, listed: models.QuerySet
    ) -> HttpResponseBase:
        resource = self.resource_classes[0]()
        records = self.model.objects.filter(pk__in=listed.order_by().values("pk"))
        return download(request, resource.name, format_name, resource.rows(records))


def _export_action(format_name: str) -> Callable:
    label = f"Exportar lo elegido: {FORMATS[format_name].title}"

    @admin.action(description=label, permissions=["export"])
    def export_selected(
        model_admin: ExportAdmin, request: HttpRequest, records: models.QuerySet
    ) -> HttpResponseBase:
        return model_admin.export_file(request, format_name, records)

    export_selected.__name__ = f"export_{format_name}"
    return export_selected


def add_export(site: admin.AdminSite, resource: type[RecordResource]) -> None:
    """Register a model's admin again, with ExportAdmin before it."""
    model_admin = type(site.get_model_admin(resource.model))
    site.unregister(resource.model)
    site.register(
        resource.model,
        type(model_admin.__name__, (ExportAdmin, model_admin), {}),
        resource_classes=[resource],
        actions=[*map(_export_action, FORMATS), *model_admin.actions],
    )
