"""«Intercambio»: the receipts of imports, with the pages of the previews."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.text import capfirst
from django.views.decorators.csrf import csrf_exempt

from exchange.downloads import download
from exchange.formats import FORMATS
from exchange.forms import ConfirmForm, ReadingForm
from exchange.imports import RESOURCES, Refused, faulty_rows, preview, undo, versions_of
from exchange.model_admin import ExchangeMixin, Pages, add_to
from exchange.models import MAX_LOSSES, PAGE, Receipt
from exchange.rights import EXPORT, IMPORT, UNDO, may_export, may_import, may_see_receipts
from exchange.shown import changes_of, figure, receipt_rows, with_previous
from record.widgets import TableError

GONE = "Esta revisión ya no existe: se descartó, o nunca la hubo. Suba el archivo otra vez."
OF_ANOTHER = "Esta revisión es de otra persona: solo puede confirmarla quien subió el archivo."
STALE = "El registro cambió; no se guardó nada. Revise de nuevo."
NO_IMPORT = "No hay ninguna importación con este número."

for _resource in RESOURCES.values():
    add_to(admin.site, _resource)


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
        own = self._of_own_preview
        views = [
            ("importar/<slug:name>/", self.import_view, "import"),
            ("exportar/<slug:name>/", self.export_view, "export"),
            ("<int:pk>/revisar/", own(self.preview_view), "preview"),
            ("<int:pk>/releer/", own(self.reread_view), "reread"),
            (
                "<int:pk>/errores.<str:format_name>",
                own(self.faulty_view),
                "faulty",
            ),
            ("<int:pk>/confirmar/", own(self.confirm_view), "confirm"),
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

    def _of_own_preview(self, view: Callable) -> Callable:
        """`view` of the receipt of the user's own preview, or the page that says why there is
        none."""

        def checked(request: HttpRequest, pk: int, **options: str) -> HttpResponseBase:
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
            return view(request, receipt, **options)

        return checked

    def preview_view(
        self, request: HttpRequest, receipt: Receipt, status: int = 200
    ) -> HttpResponse:
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
        context |= changes_of(resource, changes)
        return self.exchange_page(request, template, status, **context)

    def reread_view(self, request: HttpRequest, receipt: Receipt) -> HttpResponse:
        form = ReadingForm(request.POST)
        if request.method == "POST" and form.is_valid():
            receipt.encoding = form.cleaned_data["encoding"]
            receipt.delimiter = form.cleaned_data["delimiter"]
            try:
                preview(receipt)
            except TableError as error:
                messages.error(request, str(error))
            except Receipt.DoesNotExist:
                pass  # the page of the preview says what became of it
        return redirect("admin:exchange_preview", receipt.pk)

    def faulty_view(
        self, request: HttpRequest, receipt: Receipt, format_name: str
    ) -> HttpResponseBase:
        if format_name not in FORMATS:
            raise Http404
        name = f"{receipt.resource}-con-errores"
        return download(request, name, format_name, faulty_rows(receipt))

    def confirm_view(self, request: HttpRequest, receipt: Receipt) -> HttpResponse:
        """Import, or show another preview if the record is not as this one showed it."""
        if request.method != "POST" or receipt.errors:
            return redirect("admin:exchange_preview", receipt.pk)
        try:
            answer = self._admin_of(receipt.resource).process_import(request)
            if answer.status_code == 302:
                return redirect(receipt)
        except Refused:
            pass
        except Receipt.DoesNotExist:
            return redirect("admin:exchange_preview", receipt.pk)
        return self._previewed_anew(request, receipt.pk)

    def _previewed_anew(self, request: HttpRequest, pk: int) -> HttpResponse:
        try:
            receipt = Receipt.objects.get(pk=pk, made_at=None)
            preview(receipt)
        except Receipt.DoesNotExist:
            return redirect("admin:exchange_preview", pk)
        return self.preview_view(request, receipt, 409)

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
