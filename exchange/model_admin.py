"""The mixin that gives a model's admin its ways in and out, by django-import-export."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern
from django.views.decorators.csrf import csrf_protect
from import_export.admin import ExportMixin, ImportExportMixin
from import_export.tmp_storages import BaseStorage

from exchange.downloads import download
from exchange.formats import FORMATS
from exchange.forms import TOO_LARGE, ConfirmForm, UploadForm
from exchange.imports import ADMIN_BYTES, Upload, make, preview
from exchange.models import Receipt
from exchange.rights import may_export, may_import
from exchange.shown import figure
from exchange.tables import SheetDataset
from record.resources import Outcome, RecordResource
from record.widgets import TableError

FORM_BYTES = 64 * 1024
"""What an upload has beside its file."""
OF_PAGES = ("p", "o", "all", "e", "_changelist_filters", "_popup", "_to_field")
"""What a list's address says of its pages, not of its records."""
FORMAT_NAMES = {name: form().get_title() for name, form in FORMATS.items()}
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


class ReceiptStorage(BaseStorage):
    """The upload in the row of its receipt. `name` is the receipt that ConfirmForm found."""

    def read(self) -> Receipt:
        """The receipt, which says how to read its content."""
        return self.name

    def remove(self) -> None:
        Receipt.objects.filter(pk=self.name.pk).update(content=None)
        self.name.pages.all().delete()


class ExchangeMixin(Pages, ImportExportMixin):
    """A model's ways in and out. The pages stand under «Intercambio», beside the receipts."""

    import_export_change_list_template = None
    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    import_formats = [Upload]
    tmp_storage_class = ReceiptStorage
    skip_admin_log = True  # the receipt and the versions say it

    def get_urls(self) -> list[URLPattern]:
        return super(ExportMixin, self).get_urls()  # without the package's own addresses

    def has_import_permission(self, request: HttpRequest) -> bool:
        return may_import(request.user, self.resource_classes[0])

    def has_export_permission(self, request: HttpRequest) -> bool:
        return may_export(request.user, self.resource_classes[0])

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        table = {"table": self.resource_classes[0].name}
        return super().changelist_view(request, table | (extra_context or {}))

    # In

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Refuse what is too large before any of it is read; so the CSRF check, which reads the
        form, comes after that."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        try:
            if int(request.headers.get("content-length") or 0) > ADMIN_BYTES + FORM_BYTES:
                raise RequestDataTooBig
            return csrf_protect(self._upload)(request)
        except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
            form = UploadForm(self.get_import_formats(), self.resource_classes)
            return self._import_page(request, form, 413, problem=TOO_LARGE)

    def _upload(self, request: HttpRequest) -> HttpResponse:
        form = self.create_import_form(request)
        if form.is_valid():
            receipt = form.receipt(request.user, self.resource_classes[0].name)
            try:
                preview(receipt)
            except TableError as error:
                form.add_error("import_file", str(error))
            else:
                return redirect("admin:exchange_preview", receipt.pk)
        return self._import_page(request, form, 422 if form.errors else 200)

    def _import_page(
        self, request: HttpRequest, form: UploadForm, status: int, **context: Any
    ) -> HttpResponse:
        return self.exchange_page(
            request, "import", status, form=form, resource=self.resource_classes[0](),
            title=f"Importar {self.opts.verbose_name_plural}", step="Importar",
            may_export=self.has_export_permission(request), **context,
        )  # fmt: skip

    def get_import_form_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        return {"data": request.POST, "files": request.FILES} if request.method == "POST" else {}

    def get_confirm_form_kwargs(
        self, request: HttpRequest, import_form: None = None
    ) -> dict[str, Any]:
        """The previews of this user and this table."""
        table = self.resource_classes[0].name
        previews = Receipt.objects.filter(user=request.user, resource=table, made_at=None)
        return super().get_confirm_form_kwargs(request) | {"previews": previews}

    def process_dataset(
        self, dataset: SheetDataset, form: ConfirmForm, request: HttpRequest, **kwargs: Any
    ) -> Outcome:
        receipt = form.cleaned_data["import_file_name"]
        return make(receipt, dataset, receipt.state, keeps=form.keeps)

    def add_success_message(self, result: Outcome, request: HttpRequest) -> None:
        new, changed, _same = result.counts
        total = figure(new + changed, "registro")
        words = f"{figure(new, 'nuevo')} y {figure(changed, 'modificado')}"
        messages.success(request, f"Importación hecha en {total}: {words}.")

    # Out

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
            return self._file(request, format_name, records)
        return self.exchange_page(
            request, "export", resource=self.resource_classes[0](), formats=FORMAT_NAMES,
            count=records.count(), filters=filters, step="Exportar",
            title=f"Exportar {self.opts.verbose_name_plural}",
        )  # fmt: skip

    def _file(
        self, request: HttpRequest, format_name: str, listed: models.QuerySet
    ) -> HttpResponseBase:
        resource = self.resource_classes[0]()
        records = self.model.objects.filter(pk__in=listed.order_by().values("pk"))
        return download(request, resource.name, format_name, resource.rows(records))


def export_selected(
    format_name: str, model_admin: ExchangeMixin, request: HttpRequest, records: models.QuerySet
) -> HttpResponseBase:
    return model_admin._file(request, format_name, records)


def _export_action(format_name: str, label: str) -> Callable:
    action = partial(export_selected, format_name)
    action.__name__ = f"export_{format_name}"
    action.short_description = f"Exportar lo elegido: {label}"
    action.allowed_permissions = ("export",)
    return action


def add_to(site: admin.AdminSite, resource: type[RecordResource]) -> None:
    """Register a model's admin again, with the mixin before it."""
    model_admin = type(site.get_model_admin(resource.model))
    site.unregister(resource.model)
    site.register(
        resource.model,
        type(model_admin.__name__, (ExchangeMixin, model_admin), {}),
        resource_classes=[resource],
        actions=[*model_admin.actions, *(_export_action(*one) for one in FORMAT_NAMES.items())],
    )
