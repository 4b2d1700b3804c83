"""Saves a record.

A save locks the record, compares it with the state on which the form was opened, and writes one
version with the reason. It never changes the publication.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from editing.forms import (
    RECORD,
    ExtraField,
    RecordForm,
    RecordFormSet,
    edit_of,
    record_reason,
)
from editing.pickers import pickers_of_parts
from editing.reviews import Conflict, Restoration, as_get
from editing.snapshots import Relation, lock, parts_of, relations_to, title_of, tokens_of
from editing.versions import VersionsAdmin
from record.history import lists_in
from record.proof import hanging, without_visible_quote
from record.publishing import Record, whom_to_ask
from record.text import is_key

SAVED_FIRST = (
    "Lo que escribió ya quedó guardado, sin publicarse. Falta decidir si sale.",
    "Lo que escribió ya quedó guardado y se ve en el sitio. Falta decidir si se retira.",
)
"""The messages after a button that leads to another page, of a hidden and of a public record."""

SEEN_BARE = (
    "Se ve en el sitio sin una cita visible, y por eso está en «Requiere atención». Póngale una "
    "cita de una fuente pública, o retírelo:"
)
NAMED = 5


class SavingAdmin(VersionsAdmin):
    def relations(self) -> list[Relation]:
        """The relations to the rows that the form edits, and to the citations of the record."""
        edited = [
            relation
            for inline in self.inlines
            for relation in relations_to(self.model)
            if relation.model is inline.model
            and inline.fk_name in (None, relation.foreign_key.removesuffix("_id"))
        ]
        return list(dict.fromkeys([*edited, *parts_of(self.model)]))

    def formsets_for(self, request: HttpRequest, record: Record | None) -> Iterator[RecordFormSet]:
        """The formsets of the form; bound if the request is a POST."""
        for formset_class, inline in self.get_formsets_with_inlines(request, record):
            prefix = formset_class.get_default_prefix()
            parent = record or self.model()
            yield formset_class(**self.get_formset_kwargs(request, parent, inline, prefix))

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[RecordForm]:
        if obj is None or self.has_change_permission(request, obj):
            pickers = pickers_of_parts(self.model, self.admin_site, request)
            kwargs["form"] = type(self.form.__name__, (self.form,), pickers)
        form: Any = super().get_form(request, obj, change, **kwargs)
        edit = edit_of(request)
        form.edit, form.filled = edit, edit.filling.get(RECORD, {})
        form.inlines_changed = staticmethod(
            lambda: any(formset.has_changed() for formset in self.formsets_for(request, obj))
        )
        form.base_fields["change_reason"] = record_reason(obj)
        if obj is not None and self.has_change_permission(request, obj):
            form.base_fields["opened_on"] = ExtraField(
                required=False, widget=forms.HiddenInput(), initial=edit.token
            )
        return form

    # The request

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Runs a POST in a transaction, and again after an IntegrityError: the second time,
        validation sees the rows that another person saved at the same moment."""
        if "_saveasnew" in request.POST:
            raise PermissionDenied
        for _attempt in range(2):
            try:
                with transaction.atomic() if request.method == "POST" else nullcontext():
                    return self._changeform(request, object_id, *args, **kwargs)
            except IntegrityError:
                continue
        edit = edit_of(request)
        edit.collided = edit.check_only = True
        return super().changeform_view(request, object_id, *args, **kwargs)

    def _changeform(
        self, request: HttpRequest, object_id: str | None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        edit = edit_of(request)
        open_form = self._open_deleted if object_id is None else self._open
        if response := open_form(request, unquote(object_id or "")):
            return response
        form_request = request
        if edit.review and request.method != "POST":
            form_request = as_get(request, edit.review.filling())
        elif edit.review and (edit.stale or "_use" in request.POST):
            form_request = as_get(request, edit.review.sent())
        elif edit.review:
            edit.filling = edit.review.files()
        response = super().changeform_view(form_request, object_id, *args, **kwargs)
        if edit.stale:
            response.status_code = 409
        return response

    def _open_deleted(self, request: HttpRequest, _add: str) -> HttpResponse | None:
        """Sets the review of the deleted record that the address names."""
        if "from" not in request.GET or not self.has_add_permission(request):
            return None
        key = request.GET["from"]
        deletion = self.deletions().filter(pk=key).first() if is_key(key) else None
        if deletion is None:
            messages.info(request, "Ya no está en la papelera.")
            return redirect(self.address("trash"))
        version = self.model.history.get(pk=deletion.before)
        edit_of(request).review = Restoration(self, request, None, version, deletion)
        return None

    def _open(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Sets the token and the review of a record; a POST locks it. Returns a page if the text
        that was sent cannot be saved any more."""
        edit, posted = edit_of(request), request.method == "POST"
        record = self.get_object(request, object_id)
        if record and posted:
            record = lock(self.model, [record.pk]).get(record.pk)
        if record is None:
            return self._deleted_page(request, object_id)
        edit.token = tokens_of(self.model, [record.pk], self.relations())[record.pk]
        opened = request.POST.get("opened_on") or "-"
        stale = posted and opened != edit.token
        if not self.has_change_permission(request, record):
            if stale and "opened_on" in request.POST and self.has_change_permission(request):
                return self._written_page(request, record, whom_to_ask())
            if "version" in request.GET and not posted:
                raise PermissionDenied
            return None
        edit.stale = stale
        if posted and (started := request.POST.get("started_on") or (stale and opened)):
            edit.review = Conflict(self, request, record, started, opened if stale else "")
        elif "version" in request.GET:
            edit.review = self._restoration(request, record)
        return None

    def _restoration(self, request: HttpRequest, record: Record) -> Restoration:
        key = request.GET["version"]
        version = record.history.filter(pk=key).first() if is_key(key) else None
        if version is None:
            raise Http404
        return Restoration(self, request, record, version)

    def _deleted_page(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """The page for text that was written while another person deleted the record."""
        if "opened_on" not in request.POST or not self.has_change_permission(request):
            return None
        deletions = self.model.history.filter(history_type="-")
        version = deletions.filter(id=object_id).first() if is_key(object_id) else None
        if version is None:
            return None
        return self._written_page(request, version.instance, gone=True)

    def _written_page(
        self, request: HttpRequest, record: Record, refused: str = "", gone: bool = False
    ) -> HttpResponse:
        """Shows the text that was sent, to copy it, since it cannot be saved any more."""
        return self.page(
            request, "written", 409, title="Dos personas editaron lo mismo", step="Conflicto",
            original=record, subtitle=title_of(record), last=self.last_version(record),
            written=self._written(request), refused=refused, gone=gone,
        )  # fmt: skip

    def _written(self, request: HttpRequest) -> list[tuple[str, str]]:
        fields = (*self.model._meta.fields, *self.model._meta.many_to_many)
        labels: dict[str, Any] = {field.name: field.verbose_name for field in fields}
        labels |= {each.name: each.verbose_name for each in lists_in(self.model)}
        labels |= {"change_reason": "por qué este cambio", "exact": "palabras exactas"}
        return [
            (labels[column], value)
            for name, values in request.POST.lists()
            for value in values
            if value.strip() and (column := name.split("-")[-1].removesuffix("_typed")) in labels
        ]

    def last_version(self, record: Record) -> Any:
        """The version of the last change of the record or of its related rows."""
        tables = [(self.model, "id"), *((r.model, r.foreign_key) for r in self.relations())]
        versions = [
            version
            for model, key in tables
            for version in model.history.filter(**{key: record.pk})
            .select_related("history_user").order_by("-history_id")[:1]
        ]  # fmt: skip
        return max(versions, key=lambda version: version.history_date, default=None)

    # One version for each save

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not form.changes_something():
            return
        edit_of(request).saved = obj.skip_history_when_saving = True
        if not change and (review := edit_of(request).review):
            obj.pk = review.deletion.id  # the key of its versions
            obj.save(force_insert=True)
        else:
            super().save_model(request, obj, form, change)
        for words in form.left_out():
            messages.info(request, words)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.forms:
            row.instance._change_reason = form.cleaned_data.get("change_reason") or None
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        record = form.instance
        form.save_lists()
        if not hasattr(record, "skip_history_when_saving"):
            return
        del record.skip_history_when_saving
        reason = form.cleaned_data.get("change_reason", "")
        kind, began = "~" if change else "+", edit_of(request).began
        self.model.versions.write([record.pk], kind, reason or None, request.user.pk, at=began)

    def shown_with(self, record: Record) -> list[Record]:
        """The facts on which a change of the record may tell: itself, its memberships and terms, or
        the record that it supports."""
        return [*dict.fromkeys([record, *hanging([record]), *record.owners()])]

    # The response

    def response_add(self, request: HttpRequest, obj: Any, *args: Any) -> HttpResponse:
        return self._response(super().response_add, request, obj, *args)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._response(super().response_change, request, obj)

    def _response(
        self, respond: Callable[..., HttpResponse], request: HttpRequest, record: Record, *args: Any
    ) -> HttpResponse:
        edit = edit_of(request)
        if edit.saved and (bare := without_visible_quote(self.shown_with(record))):
            messages.warning(request, f"{SEEN_BARE} {'; '.join(f'«{f}»' for f in bare[:NAMED])}.")
        if edit.pressed:
            if edit.saved:
                messages.success(request, SAVED_FIRST[record.is_public()])
            return redirect(self.address(edit.pressed, record.pk))
        response = respond(request, record, *args)
        filled = {"version", "from"} & request.GET.keys()
        if filled and {"_continue", "_addanother"} & request.POST.keys():
            # Django keeps the query, which would fill the form with the version again.
            response["Location"] = response["Location"].partition("?")[0]
        return response
