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

from exchange.downloads import download
from exchange.formats import FORMATS
from exchange.forms import TOO_LARGE, ReadingForm, UploadForm
from exchange.imports import (
    ADMIN_BYTES,
    MAX_LOSSES,
    RESOURCES,
    Refused,
    confirm,
    faulty_rows,
    preview,
    undo,
    versions_of,
)
from exchange.models import PAGE, Receipt
from exchange.rights import EXPORT, IMPORT, UNDO, may_export, may_import, may_see_receipts
from exchange.shown import changes_of, figure, receipt_rows, with_previous
from exchange.tables import TableError
from record.resources import Resource

FORM_BYTES = 64 * 1024
"""What an upload has beside its file."""
OF_PAGES = ("p", "o", "all", "e", "_changelist_filters", "_popup", "_to_field")
"""What a list's address says of its pages, not of its records."""
FORMAT_NAMES = {name: form().get_title() for name, form in FORMATS.items()}
GONE = "Esta revisión ya no existe: se descartó, o nunca la hubo. Suba el archivo otra vez."
OF_ANOTHER = "Esta revisión es de otra persona: solo puede confirmarla quien subió el archivo."
STALE = "El registro cambió; no se guardó nada. Revise de nuevo."
UNKNOWN_FILTER = "La lista no conoce este filtro. Fíltrela otra vez y exporte desde ahí."


def _resource(name: str) -> type[Resource]:
    try:
        return RESOURCES[name]
    except KeyError:
        raise Http404 from None


@admin.register(Receipt)
class ReceiptAdmin(admin.ModelAdmin):
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
            ("importar/<slug:name>/", self.upload_view, "import"),
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

    def _page(
        self, request: HttpRequest, template: str, status: int = 200, **context: Any
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": Receipt._meta} | context
        return render(request, f"admin/exchange/{template}.html", context, status=status)

    def _problem(self, request: HttpRequest, status: int, problem: str) -> HttpResponse:
        title = "No se puede mostrar esta página"
        return self._page(request, "problem", status, title=title, problem=problem)

    # The way in

    @csrf_exempt
    def upload_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """What is too large is refused before any of it is read, so the CSRF check, which reads
        the form, comes after that."""
        resource = _resource(name)
        if not may_import(request.user, resource):
            raise PermissionDenied
        try:
            if int(request.headers.get("content-length") or 0) > ADMIN_BYTES + FORM_BYTES:
                raise RequestDataTooBig
            return csrf_protect(self._upload)(request, resource)
        except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
            return self._upload_page(request, resource, UploadForm(), 413, problem=TOO_LARGE)

    def _upload(self, request: HttpRequest, resource: type[Resource]) -> HttpResponse:
        posted = (request.POST, request.FILES) if request.method == "POST" else ()
        form = UploadForm(*posted)
        if form.is_valid():
            data = form.cleaned_data
            receipt = Receipt(
                resource=resource.name, file_name=data["file"].name[:200], user=request.user,
                reason=data["reason"], encoding=data["encoding"], delimiter=data["delimiter"],
            )  # fmt: skip
            try:
                preview(receipt, data["file"].read())
            except TableError as error:
                form.add_error("file", str(error))
            else:
                return redirect("admin:exchange_preview", receipt.pk)
        return self._upload_page(request, resource, form, 422 if form.errors else 200)

    def _upload_page(
        self, request: HttpRequest, resource: type[Resource], form: UploadForm, status: int,
        **context: Any,
    ) -> HttpResponse:  # fmt: skip
        meta = resource.model._meta
        return self._page(
            request, "import", status, form=form, resource=resource(), opts=meta, step="Importar",
            title=f"Importar {meta.verbose_name_plural}",
            may_export=may_export(request.user, resource), **context,
        )  # fmt: skip

    def _own_preview(self, request: HttpRequest, pk: int) -> Receipt | HttpResponse:
        """The caller's own preview that waits for them, or the page that says why there is none."""
        if not request.user.has_perm(IMPORT):
            raise PermissionDenied
        receipt = Receipt.objects.filter(pk=pk).first()
        if receipt is None:
            return self._problem(request, 404, GONE)
        if receipt.user_id != request.user.pk:
            return self._problem(request, 403, OF_ANOTHER)
        if not may_import(request.user, _resource(receipt.resource)):
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
            "reading": ReadingForm(initial=reading), "stale": STALE if status == 409 else "",
        }  # fmt: skip
        template = "errors" if receipt.errors else "preview"
        return self._page(request, template, status, **context | changes_of(resource, changes))

    def reread_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        receipt = self._own_preview(request, pk)
        if isinstance(receipt, HttpResponseBase):
            return receipt
        form = ReadingForm(request.POST)
        if request.method == "POST" and form.is_valid():
            receipt.encoding = form.cleaned_data["encoding"]
            receipt.delimiter = form.cleaned_data["delimiter"]
            try:
                preview(receipt, bytes(receipt.content))
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
        shown = {"sha256": receipt.sha256, "state": receipt.state}
        try:
            if any(request.POST.get(name) != value for name, value in shown.items()):
                raise Refused(None)
            confirm(receipt, _kept(request))
        except Receipt.DoesNotExist:
            return self.preview_view(request, pk)
        except Refused:
            return self._anew(request, receipt)
        receipt.refresh_from_db()
        total = figure(receipt.new + receipt.changed, "registro")
        new, changed = figure(receipt.new, "nuevo"), figure(receipt.changed, "modificado")
        messages.success(request, f"Importación hecha en {total}: {new} y {changed}.")
        return redirect(receipt)

    def _anew(self, request: HttpRequest, receipt: Receipt) -> HttpResponse:
        try:
            preview(receipt, bytes(receipt.content))
        except Receipt.DoesNotExist:
            return self.preview_view(request, receipt.pk)
        return self._preview(request, receipt, 409)

    # Receipt and undo

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not may_see_receipts(request.user):
            raise PermissionDenied
        receipt = self.get_object(request, object_id)
        if receipt is None:
            return self._problem(request, 404, "No hay ninguna importación con este número.")
        versions = versions_of(receipt)
        untouched = versions.filter(untouched=True).count()
        page = Paginator(with_previous(versions), PAGE).get_page(request.GET.get("pagina"))
        return self._page(
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
            return self._problem(request, 404, "No hay ninguna importación con este número.")
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

    # The way out

    def export_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        resource = _resource(name)
        if not may_export(request.user, resource):
            raise PermissionDenied
        filters = request.GET.copy()
        format_name = (filters.pop("formato", None) or [""])[-1]
        if format_name not in ("", *FORMATS):
            raise Http404
        for parameter in OF_PAGES:
            filters.pop(parameter, None)
        try:
            records = self._listed(request, resource, filters)
        except (IncorrectLookupParameters, SuspiciousOperation):
            return self._problem(request, 400, UNKNOWN_FILTER)
        if format_name:
            return download(request, name, format_name, resource().rows(records))
        return self._page(
            request, "export", resource=resource(), formats=FORMAT_NAMES, count=records.count(),
            filters=filters, title=f"Exportar {resource.model._meta.verbose_name_plural}",
            opts=resource.model._meta, step="Exportar",
        )  # fmt: skip

    def _listed(
        self, request: HttpRequest, resource: type[Resource], filters: Any
    ) -> models.QuerySet:
        """The records of the model's list, as its filters and search in the address narrow it."""
        request.GET = filters
        model_admin = self.admin_site.get_model_admin(resource.model)
        listed = model_admin.get_changelist_instance(request).get_queryset(request)
        return resource.model.objects.filter(pk__in=listed.order_by().values("pk"))


def _kept(request: HttpRequest) -> Callable[[str, str], bool]:
    agreed = set(request.POST.getlist("borrar"))
    everything = "todos" in agreed
    return lambda slug, header: not everything and f"{slug}:{header}" not in agreed


def export_selected(
    format_name: str, model_admin: admin.ModelAdmin, request: HttpRequest, records: models.QuerySet
) -> HttpResponseBase:
    resource = next(r for r in RESOURCES.values() if r.model is model_admin.model)
    if not may_export(request.user, resource):
        raise PermissionDenied
    chosen = resource.model.objects.filter(pk__in=records.order_by().values("pk"))
    return download(request, resource.name, format_name, resource().rows(chosen))


for _format, _label in FORMAT_NAMES.items():
    _action = partial(export_selected, _format)
    _action.__name__ = f"export_{_format}"
    _action.short_description = f"Exportar lo elegido: {_label}"
    _action.allowed_permissions = ("export",)
    for _taken in RESOURCES.values():
        _admin = admin.site.get_model_admin(_taken.model)
        _admin.actions = [*_admin.actions, _action]
