"""The exchange pages of the admin: upload, preview, confirm, receipt, undo and export."""

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
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from import_export.admin import ExportMixin, ImportExportMixin
from import_export.tmp_storages import BaseStorage

from exchange.downloads import download
from exchange.formats import FORMATS
from exchange.forms import TOO_LARGE, ConfirmForm, ReadingForm, UploadForm
from exchange.imports import (
    ADMIN_BYTES,
    RESOURCES,
    Refused,
    Upload,
    faulty_rows,
    make,
    preview,
    undo,
    versions_of,
)
from exchange.models import MAX_LOSSES, PAGE, Receipt
from exchange.rights import EXPORT, IMPORT, UNDO, may_export, may_import, may_see_receipts
from exchange.shown import changes_of, figure, receipt_rows, with_previous
from exchange.tables import SheetDataset
from record.resources import Outcome
from record.widgets import TableError

FORM_BYTES = 64 * 1024
"""What an upload has beside its file."""
OF_PAGES = ("p", "o", "all", "e", "_changelist_filters", "_popup", "_to_field")
"""What a list's address says of its pages, not of its records."""
FORMAT_NAMES = {name: form().get_title() for name, form in FORMATS.items()}
GONE = "Esta revisión ya no existe: se descartó, o nunca la hubo. Suba el archivo otra vez."
OF_ANOTHER = "Esta revisión es de otra persona: solo puede confirmarla quien subió el archivo."
STALE = "El registro cambió; no se guardó nada. Revise de nuevo."
UNKNOWN_FILTER = "La lista no conoce este filtro. Fíltrela otra vez y exporte desde ahí."
NO_IMPORT = "No hay ninguna importación con este número."


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
        return super().get_confirm_form_kwargs(request) | {"user": request.user}

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


for _resource in RESOURCES.values():
    _admin = type(admin.site.get_model_admin(_resource.model))
    admin.site.unregister(_resource.model)
    admin.site.register(
        _resource.model,
        type(_admin.__name__, (ExchangeMixin, _admin), {}),
        resource_classes=[_resource],
        actions=[*_admin.actions, *(_export_action(*one) for one in FORMAT_NAMES.items())],
    )


@admin.register(Receipt)
class ReceiptAdmin(Pages, admin.ModelAdmin):
    """«Intercambio»: the tables with their ways in and out, and the receipts of all imports."""

    list_display = ("file_name", "table", "user", "made", "new", "changed", "same", "undone")
    list_display_links = ("file_name",)
    list_per_page = 50
    search_fields = ("file_name", "reason")
    change_list_template = "admin/exchange/receipt_list.html"
    empty_value_display = ""

    @admin.display(description="tabla", ordering="resource")
    def table(self, receipt: Receipt) -> str:
        return RESOURCES[receipt.resource].model._meta.verbose_name_plural

    @admin.display(description="importado", ordering="made_at")
    def made(self, receipt: Receipt) -> str:
        return receipt.made_words

    @admin.display(description="deshecho", ordering="undone_at")
    def undone(self, receipt: Receipt) -> str:
        return receipt.undone_words

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        receipts = Receipt.objects.made().select_related("user").defer("problems", "lost")
        return receipts if may_see_receipts(request.user) else receipts.none()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_see_receipts(request.user) or request.user.has_perm(EXPORT)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        views = [
            ("importar/<slug:name>/", self.import_view, "import"),
            ("exportar/<slug:name>/", self.export_view, "export"),
            ("<int:pk>/revisar/", self.preview_view, "preview"),
            ("<int:pk>/releer/", self.reread_view, "reread"),
            ("<int:pk>/errores.<str:format_name>", self.faulty_view, "faulty"),
            ("<int:pk>/confirmar/", self.confirm_view, "confirm"),
            ("<int:pk>/deshacer/", self.undo_view, "undo"),
        ]
        return [
            path(route, self.admin_site.admin_view(view), name=f"exchange_{name}")
            for route, view, name in views
        ] + super().get_urls()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        tables = [
            {
                "name": resource.name,
                "title": capfirst(resource.model._meta.verbose_name_plural),
                "may_import": may_import(request.user, resource),
                "may_export": may_export(request.user, resource),
            }
            for resource in RESOURCES.values()
        ]
        context = {"title": "Intercambio", "tables": tables} | (extra_context or {})
        return super().changelist_view(request, context)

    # In and out

    def _admin_of(self, name: str) -> ExchangeMixin:
        if name not in RESOURCES:
            raise Http404
        return self.admin_site.get_model_admin(RESOURCES[name].model)

    @csrf_exempt
    def import_view(self, request: HttpRequest, name: str) -> HttpResponse:
        return self._admin_of(name).import_action(request)

    def export_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        return self._admin_of(name).export_action(request)

    def _own_preview(self, request: HttpRequest, pk: int) -> Receipt | HttpResponse:
        """The caller's own preview that is not confirmed yet, or the page that says why there is
        none."""
        if not request.user.has_perm(IMPORT):
            raise PermissionDenied
        receipt = Receipt.objects.filter(pk=pk).first()
        if receipt is None:
            return self.problem_page(request, 404, GONE)
        if receipt.user_id != request.user.pk:
            return self.problem_page(request, 403, OF_ANOTHER)
        if not self._admin_of(receipt.resource).has_import_permission(request):
            raise PermissionDenied
        if receipt.made_at:
            messages.info(request, "Este archivo ya se importó: aquí está su recibo.")
            return redirect(receipt)
        return receipt

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        receipt = self._own_preview(request, pk)
        return receipt if isinstance(receipt, HttpResponseBase) else self._preview(request, receipt)

    def _preview(self, request: HttpRequest, receipt: Receipt, status: int = 200) -> HttpResponse:
        resource = RESOURCES[receipt.resource]()
        page = Paginator(receipt.pages.order_by("number"), 1).get_page(request.GET.get("pagina"))
        changes = [change for part in page for change in part.changes]
        reading = {"encoding": receipt.encoding, "delimiter": receipt.delimiter}
        context = {
            "receipt": receipt, "page": page, "opts": resource.model._meta,
            "title": "El archivo tiene errores" if receipt.errors else "Revisar antes de importar",
            "step": "Errores" if receipt.errors else "Revisar",
            "total": receipt.new + receipt.changed, "one_by_one": receipt.losses <= MAX_LOSSES,
            "reading": ReadingForm(initial=reading), "confirm_form": ConfirmForm.of(receipt),
            "stale": STALE if status == 409 else "",
        }  # fmt: skip
        template = "errors" if receipt.errors else "preview"
        return self.exchange_page(
            request, template, status, **context | changes_of(resource, changes)
        )

    def reread_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        receipt = self._own_preview(request, pk)
        if isinstance(receipt, HttpResponseBase):
            return receipt
        form = ReadingForm(request.POST)
        if request.method == "POST" and form.is_valid():
            receipt.encoding = form.cleaned_data["encoding"]
            receipt.delimiter = form.cleaned_data["delimiter"]
            try:
                preview(receipt)
            except TableError as error:
                messages.error(request, str(error))
            except Receipt.DoesNotExist:
                return self.preview_view(request, pk)
        return redirect("admin:exchange_preview", pk)

    def faulty_view(self, request: HttpRequest, pk: int, format_name: str) -> HttpResponseBase:
        receipt = self._own_preview(request, pk)
        if isinstance(receipt, HttpResponseBase):
            return receipt
        if format_name not in FORMATS:
            raise Http404
        name = f"{receipt.resource}-con-errores"
        return download(request, name, format_name, faulty_rows(receipt))

    def confirm_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        receipt = self._own_preview(request, pk)
        if isinstance(receipt, HttpResponseBase):
            return receipt
        if request.method != "POST" or receipt.errors:
            return redirect("admin:exchange_preview", pk)
        try:
            answer = self._admin_of(receipt.resource).process_import(request)
            if answer.status_code == 302:
                return redirect(receipt)
        except Receipt.DoesNotExist:
            return self.preview_view(request, pk)
        except Refused:
            pass
        return self._anew(request, receipt.pk)

    def _anew(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Another preview, of the record as it is now."""
        try:
            receipt = Receipt.objects.get(pk=pk, made_at=None)
            preview(receipt)
        except Receipt.DoesNotExist:
            return self.preview_view(request, pk)
        return self._preview(request, receipt, 409)

    # Receipt and undo

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not may_see_receipts(request.user):
            raise PermissionDenied
        receipt = self.get_object(request, object_id)
        if receipt is None:
            return self.problem_page(request, 404, NO_IMPORT)
        versions = versions_of(receipt)
        untouched = versions.filter(untouched=True).count()
        page = Paginator(with_previous(versions), PAGE).get_page(request.GET.get("pagina"))
        return self.exchange_page(
            request, "receipt", receipt=receipt, page=page, title="Recibo de importación",
            untouched=untouched, touched=page.paginator.count - untouched,
            rows=receipt_rows(receipt, page), step=receipt.made_words,
            table=RESOURCES[receipt.resource].model._meta,
            may_undo=request.user.has_perm(UNDO) and untouched and not receipt.undone_at,
        )  # fmt: skip

    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm(UNDO):
            raise PermissionDenied
        receipt = Receipt.objects.made().filter(pk=pk).first()
        if receipt is None:
            return self.problem_page(request, 404, NO_IMPORT)
        if request.method == "POST":
            try:
                done, left = undo(receipt, request.user)
            except Receipt.DoesNotExist:
                messages.info(request, "Esta importación ya se había deshecho.")
            else:
                messages.success(request, f"Se deshizo en {figure(done, 'registro')}.")
                if left:
                    stay = figure(left, "se queda como está", "se quedan como están")
                    messages.warning(request, f"Porque se tocaron después, {stay}.")
        return redirect(receipt)
