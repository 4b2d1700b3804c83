"""«Importaciones», the pages of imports: upload, preview, confirmation, receipt and undo."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from import_export.admin import ImportMixin
from import_export.tmp_storages import BaseStorage

from editing.differences import moment_in_words
from editing.resources import Outcome, RecordResource
from exchange.exports import ExchangePages, add_export, download
from exchange.formats import (
    ADMIN_BYTES,
    DELIMITERS,
    ENCODINGS,
    FORMATS,
    SheetDataset,
    Upload,
)
from exchange.forms import TOO_LARGE, ConfirmForm, RereadingForm, UploadForm
from exchange.imports import (
    NAMED,
    RESOURCES,
    Refused,
    Unproven,
    marked_rows,
    preview_import,
    run_import,
    undo_import,
    versions_made_by,
)
from exchange.models import (
    EXPORT,
    IMPORT,
    MAX_LOSSES,
    PAGE_SIZE,
    UNDO,
    Receipt,
    may_export,
    may_import,
    may_see_receipts,
)
from exchange.preview import preview_context, receipt_rows
from record.confined import UnreadableFile
from record.proof import bare_facts, records_of
from record.publishing import StaffRequest

FORM_BYTES = 64 * 1024
"""The size of an upload without its file."""
GONE = "Esta revisión ya no existe: se descartó, o nunca la hubo. Suba el archivo otra vez."
OF_ANOTHER = "Esta revisión es de otra persona: solo puede confirmarla quien subió el archivo."
STALE = "El registro cambió; no se guardó nada. Revise de nuevo."
NO_IMPORT = "No hay ninguna importación con este número."

for resource in RESOURCES.values():
    add_export(admin.site, resource)


class ReceiptStorage(BaseStorage):
    """Stores an upload in the row of its receipt. `name` is the receipt from ConfirmForm."""

    def read(self) -> Receipt:
        """Return the receipt, which holds the content, its encoding and its delimiter."""
        return self.name

    def remove(self) -> None:
        Receipt.objects.filter(pk=self.name.pk).update(content=None)
        self.name.pages.all().delete()


def own_preview(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Pass the receipt of the user's own preview to `view`, or answer the page that says why the
    user has no such preview."""

    @wraps(view)
    def checked(
        self: "ReceiptAdmin", request: HttpRequest, pk: int, **options: str
    ) -> HttpResponseBase:
        if not self.has_import_permission(request):
            raise PermissionDenied
        receipt = Receipt.objects.filter(pk=pk).first()
        if receipt is None:
            return self.problem_page(request, 404, GONE)
        if receipt.user_id != request.user.pk:
            return self.problem_page(request, 403, OF_ANOTHER)
        if not may_import(request.user, RESOURCES[receipt.resource]):
            raise PermissionDenied
        if receipt.made_at:
            messages.info(request, "Este archivo ya se importó: aquí está su recibo.")
            return redirect(receipt)
        try:
            return view(self, request, receipt, **options)
        except Receipt.DoesNotExist:  # deleted or imported in the meantime
            return redirect("admin:exchange_preview", pk)

    return checked


def _resource_named(name: str) -> type[RecordResource]:
    if name not in RESOURCES:
        raise Http404
    return RESOURCES[name]


@admin.register(Receipt)
class ReceiptAdmin(ImportMixin, ExchangePages):
    """The list of tables, each with links to import and export it, and of all receipts."""

    list_display = ("file_name", "table", "user", "made", "new", "changed", "same", "undone")
    list_display_links = ("file_name",)
    list_per_page = 50
    search_fields = ("file_name", "reason")
    change_list_template = "admin/exchange/receipt_list.html"
    empty_value_display = ""
    import_export_change_list_template = None
    confirm_form_class = ConfirmForm
    import_formats = [Upload]
    tmp_storage_class = ReceiptStorage
    skip_admin_log = True  # the receipt and the versions log the import

    @admin.display(description="tabla", ordering="resource")
    def table(self, receipt: Receipt) -> str:
        return str(RESOURCES[receipt.resource].model._meta.verbose_name_plural)

    @admin.display(description="importado", ordering="made_at")
    def made(self, receipt: Receipt) -> str:
        return moment_in_words(receipt.made_at)

    @admin.display(description="deshecho", ordering="undone_at")
    def undone(self, receipt: Receipt) -> str:
        return moment_in_words(receipt.undone_at)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        receipts = Receipt.objects.made().select_related("user").defer("problems", "lost")
        return receipts if may_see_receipts(request.user) else receipts.none()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission

    def has_import_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(IMPORT)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_see_receipts(request.user) or request.user.has_perm(EXPORT)

    def get_urls(self) -> list[URLPattern]:
        views: list[tuple[str, Callable[..., HttpResponseBase], str]] = [
            ("importar/<slug:name>/", self.import_action, "import"),
            ("exportar/<slug:name>/", self.export_view, "export"),
            ("<int:pk>/revisar/", self.preview_view, "preview"),
            ("<int:pk>/releer/", self.reread_view, "reread"),
            ("<int:pk>/errores.<str:format_name>", self.marked_view, "marked"),
            ("<int:pk>/confirmar/", self.confirm_view, "confirm"),
            ("<int:pk>/deshacer/", self.undo_view, "undo"),
        ]
        return [
            path(route, self.admin_site.admin_view(view), name=f"exchange_{name}")
            for route, view, name in views
        ] + super(ImportMixin, self).get_urls()  # leaves out the package's own addresses

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
        context = {"title": "Importaciones", "tables": tables} | (extra_context or {})
        return super().changelist_view(request, context)

    def export_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        model_admin: Any = self.admin_site.get_model_admin(_resource_named(name).model)
        return model_admin.export_action(request)

    # Upload

    @csrf_exempt
    def import_action(self, request: StaffRequest, name: str) -> HttpResponse:
        """Refuse an upload that is too large before reading it. The CSRF check reads the form and
        therefore runs after the check of the size."""
        resource = _resource_named(name)
        if not may_import(request.user, resource):
            raise PermissionDenied
        try:
            if int(request.headers.get("content-length") or 0) > ADMIN_BYTES + FORM_BYTES:
                raise RequestDataTooBig
            return csrf_protect(self._upload)(request, resource)
        except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
            return self._import_page(request, resource, UploadForm(), 413)

    def _upload(self, request: StaffRequest, resource: type[RecordResource]) -> HttpResponse:
        receipt = Receipt(user=request.user, resource=resource.name)
        data, files = (request.POST, request.FILES) if request.method == "POST" else (None, None)
        form = UploadForm(data, files, instance=receipt)
        if form.is_valid():
            receipt = form.save()
            try:
                preview_import(receipt)
            except UnreadableFile as error:
                form.add_error("import_file", str(error))
            else:
                return redirect("admin:exchange_preview", receipt.pk)
        return self._import_page(request, resource, form, 422 if form.errors else 200)

    def _import_page(
        self, request: HttpRequest, resource: type[RecordResource], form: UploadForm, status: int
    ) -> HttpResponse:
        opts = resource.model._meta
        return self.exchange_page(
            request, "import", status, form=form, resource=resource(), opts=opts, step="Importar",
            title=f"Importar {opts.verbose_name_plural}",
            may_export=may_export(request.user, resource),
            problem=TOO_LARGE if status == 413 else "",
        )  # fmt: skip

    # Preview

    @own_preview
    def preview_view(self, request: HttpRequest, receipt: Receipt) -> HttpResponse:
        return self._preview_page(request, receipt)

    def _preview_page(
        self, request: HttpRequest, receipt: Receipt, status: int = 200,
        unproven: Unproven | None = None,
    ) -> HttpResponse:  # fmt: skip
        resource = RESOURCES[receipt.resource]()
        page = Paginator(receipt.pages.order_by("number"), 1).get_page(request.GET.get("pagina"))
        changes = [change for preview_page in page for change in preview_page.changes]
        return self.exchange_page(
            request, "errors" if receipt.errors else "preview", status,
            receipt=receipt, page=page, opts=resource.model._meta,
            title="El archivo tiene errores" if receipt.errors else "Revisar antes de importar",
            step="Errores" if receipt.errors else "Revisar",
            total=receipt.new + receipt.changed, one_by_one=receipt.losses <= MAX_LOSSES,
            encoding=ENCODINGS.get(receipt.encoding), delimiter=DELIMITERS.get(receipt.delimiter),
            reading=RereadingForm(instance=receipt), stale=STALE if status == 409 else "",
            unproven=unproven, ticked=request.POST.getlist("borrar"),
            **preview_context(resource, changes),
        )  # fmt: skip

    @own_preview
    def reread_view(self, request: HttpRequest, receipt: Receipt) -> HttpResponse:
        if request.method == "POST" and RereadingForm(request.POST, instance=receipt).is_valid():
            try:
                preview_import(receipt)
            except UnreadableFile as error:
                messages.error(request, str(error))
        return redirect("admin:exchange_preview", receipt.pk)

    @own_preview
    def marked_view(
        self, request: HttpRequest, receipt: Receipt, format_name: str
    ) -> HttpResponseBase:
        if format_name not in FORMATS:
            raise Http404
        name = f"{receipt.resource}-con-errores"
        return download(request, name, format_name, marked_rows(receipt))

    # Confirm

    @own_preview
    def confirm_view(self, request: HttpRequest, receipt: Receipt) -> HttpResponse:
        """Import the file, or show a new preview if the records changed since the preview."""
        if request.method != "POST" or receipt.errors:
            return redirect("admin:exchange_preview", receipt.pk)
        is_this_preview = request.POST.get("import_file_name") == str(receipt.pk)
        try:
            if is_this_preview and self.process_import(request).status_code == 302:
                return redirect(receipt)
        except Unproven as unproven:
            receipt = Receipt.objects.get(pk=receipt.pk, made_at=None)
            return self._preview_page(request, receipt, 422, unproven)
        except Refused:
            pass
        receipt = Receipt.objects.get(pk=receipt.pk, made_at=None)
        preview_import(receipt)
        return self._preview_page(request, receipt, 409)

    def process_dataset(
        self, dataset: SheetDataset, form: ConfirmForm, request: HttpRequest, **kwargs: Any
    ) -> Outcome:
        receipt = form.cleaned_data["import_file_name"]
        answers = request.POST.getlist("prueba")
        return run_import(receipt, dataset, receipt.state, answers, keeps=form.keeps)

    def add_success_message(self, result: Outcome, request: HttpRequest) -> None:
        new, changed, _same = result.counts
        total = pluralized(new + changed, "registro")
        counts = f"{pluralized(new, 'nuevo')} y {pluralized(changed, 'modificado')}"
        messages.success(request, f"Importación hecha en {total}: {counts}.")

    # Receipt and undo

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not may_see_receipts(request.user):
            raise PermissionDenied
        receipt = self.get_object(request, object_id)
        if receipt is None:
            return self.problem_page(request, 404, NO_IMPORT)
        versions = versions_made_by(receipt)
        untouched = versions.filter(untouched=True).count()
        page = Paginator(versions, PAGE_SIZE).get_page(request.GET.get("pagina"))
        return self.exchange_page(
            request, "receipt", receipt=receipt, page=page, title="Recibo de importación",
            untouched=untouched, touched=page.paginator.count - untouched,
            rows=receipt_rows(receipt, [*page]), step=moment_in_words(receipt.made_at),
            table=RESOURCES[receipt.resource].model._meta,
            may_undo=request.user.has_perm(UNDO) and untouched and not receipt.undone_at,
        )  # fmt: skip

    def undo_view(self, request: StaffRequest, pk: int) -> HttpResponse:
        if not request.user.has_perm(UNDO):
            raise PermissionDenied
        receipt = Receipt.objects.made().filter(pk=pk).first()
        if receipt is None:
            return self.problem_page(request, 404, NO_IMPORT)
        if request.method == "POST":
            bare_before = bare_facts()
            try:
                restored, unrestored = undo_import(receipt, request.user)
            except Receipt.DoesNotExist:
                messages.info(request, "Esta importación ya se había deshecho.")
            else:
                messages.success(request, f"Se deshizo en {pluralized(restored, 'registro')}.")
                if unrestored:
                    number = pluralized(unrestored, "se queda como está", "se quedan como están")
                    messages.warning(request, f"Porque se tocaron después, {number}.")
                if facts := records_of(fact for fact in bare_facts() if fact not in bare_before):
                    names = "; ".join(f"«{fact}»" for fact in facts[:NAMED])
                    messages.warning(request, f"Queda a la vista sin una cita visible: {names}.")
        return redirect(receipt)


def pluralized(count: int, singular: str, plural: str = "") -> str:
    """«1 registro», «5 registros»."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"
