"""Saves a record: locked, against the state that the form was opened on, as one version with its
reason, with the publication that the pressed button means."""

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
    BUTTONS,
    DRAFTS_ONLY,
    AsideField,
    RecordForm,
    act_of,
    reason_field,
)
from editing.reviews import RECORD, Conflict, RecordFormSet, Restoration, as_get
from editing.snapshots import Relation, hold, parts_of, title_of, versions_of
from record.publishing import Record
from record.text import is_key


class SavingAdmin:
    def relations(self) -> list[Relation]:
        """The models edited along with a record, and those of its citations."""
        inlines = [(inline.model, inline.fk_name) for inline in self.inlines]
        edited = [
            relation
            for model, name in inlines
            for relation in self.model._meta.related_objects
            if relation.related_model is model and name in (None, relation.field.name)
        ]
        found = [*edited, *parts_of(self.model)]
        return list(dict.fromkeys((r.related_model, r.field.attname) for r in found))

    def formsets_for(self, request: HttpRequest, record: Record | None) -> Iterator[RecordFormSet]:
        """The formsets of the ordinary form; bound if the request is a POST."""
        for formset_class, inline in self.get_formsets_with_inlines(request, record):
            prefix = formset_class.get_default_prefix()
            parent = record or self.model()
            yield formset_class(**self.get_formset_kwargs(request, parent, inline, prefix))

    def get_form(
        self, request: HttpRequest, obj: Record | None = None, change: bool = False, **kwargs: Any
    ) -> type[RecordForm]:
        form, act = super().get_form(request, obj, change, **kwargs), act_of(request)
        form.act, form.filled = act, act.filling.get(RECORD, {})
        form.inlines_changed = staticmethod(
            lambda: any(formset.has_changed() for formset in self.formsets_for(request, obj))
        )
        form.base_fields["change_reason"] = reason_field()
        if obj is not None and self.has_change_permission(request, obj):
            form.base_fields["opened_on"] = AsideField(
                required=False, widget=forms.HiddenInput(), initial=act.token
            )
        return form

    # Nothing is lost

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """In one transaction, with a second attempt after an IntegrityError: then validation sees
        the rows that another person saved at the same moment."""
        if "_saveasnew" in request.POST:
            raise PermissionDenied
        for _attempt in range(2):
            try:
                with transaction.atomic() if request.method == "POST" else nullcontext():
                    return self._changeform(request, object_id, *args, **kwargs)
            except IntegrityError:
                continue
        request.act.collided = request.act.check_only = True
        return super().changeform_view(request, object_id, *args, **kwargs)

    def _changeform(
        self, request: HttpRequest, object_id: str | None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        act = act_of(request)
        add_or_change = self._open_deleted if object_id is None else self._open
        if answer := add_or_change(request, unquote(object_id or "")):
            return answer
        shown = request
        if act.review and request.method != "POST":
            shown = as_get(request, act.review.filling())
        elif act.review and (act.stale or "_use" in request.POST):
            shown = as_get(request, act.review.sent())
        elif act.review:
            act.filling = act.review.files()
        response = super().changeform_view(shown, object_id, *args, **kwargs)
        if act.stale:
            response.status_code = 409
        return response

    def _open_deleted(self, request: HttpRequest, _add: str) -> HttpResponse | None:
        """Sets the review of a record in the papelera, if one is asked for."""
        if "from" not in request.GET or not self.has_add_permission(request):
            return None
        key = request.GET["from"]
        deletion = self.deletions().filter(pk=key).first() if is_key(key) else None
        if deletion is None:
            messages.info(request, "Ya no está en la papelera.")
            return redirect(self.address("trash"))
        version = self.model.history.get(pk=deletion.before)
        request.act.review = Restoration(self, request, None, version, deletion)
        return None

    def _open(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Sets the token and the review of a record, which a POST locks. The answer is a page for
        text that cannot be saved any more."""
        act, posted = request.act, request.method == "POST"
        record = self.get_object(request, object_id)
        if record and posted:
            record = hold(self.model, [record.pk]).get(record.pk)
        if record is None:
            return self._gone(request, object_id)
        act.token = versions_of(self.model, [record.pk], self.relations())[record.pk]
        opened = request.POST.get("opened_on") or "-"
        stale = posted and opened != act.token
        if not self.has_change_permission(request, record):
            if stale and "opened_on" in request.POST and self.has_change_permission(request):
                return self._written_page(request, record, DRAFTS_ONLY)
            if "version" in request.GET and not posted:
                raise PermissionDenied
            return None
        act.stale = stale
        if posted and (started := request.POST.get("started_on") or (stale and opened)):
            act.review = Conflict(self, request, record, started, opened if stale else "")
        elif "version" in request.GET:
            act.review = self._restoration(request, record)
        return None

    def _restoration(self, request: HttpRequest, record: Record) -> Restoration:
        key = request.GET["version"]
        version = record.history.filter(pk=key).first() if is_key(key) else None
        if version is None:
            raise Http404
        return Restoration(self, request, record, version)

    def _gone(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """Another person moved the record to the papelera meanwhile."""
        if "opened_on" not in request.POST or not self.has_change_permission(request):
            return None
        deletions = self.model.history.filter(history_type="-")
        version = deletions.filter(id=object_id).first() if is_key(object_id) else None
        return version and self._written_page(request, version.instance, gone=True)

    def _written_page(
        self, request: HttpRequest, record: Record, refused: str = "", gone: bool = False
    ) -> HttpResponse:
        """The text that a person wrote, to copy it: the record cannot be saved any more."""
        return self.page(
            request, "written", 409, title="Dos personas editaron lo mismo", step="Conflicto",
            original=record, subtitle=title_of(record), last=self.last_version(record),
            written=self._written(request), refused=refused, gone=gone,
        )  # fmt: skip

    def _written(self, request: HttpRequest) -> list[tuple[str, str]]:
        labels = {f.name: f.verbose_name for f in self.model._meta.get_fields() if f.concrete}
        labels |= {"change_reason": "por qué este cambio", "exact": "palabras exactas"}
        return [
            (labels[name.split("-")[-1]], value)
            for name, values in request.POST.lists()
            for value in values
            if value.strip() and name.split("-")[-1] in labels
        ]

    def last_version(self, record: Record) -> Any:
        """The version of the last change of the record or of its related rows."""
        found = [
            version
            for model, owner in [(self.model, "id"), *self.relations()]
            for version in model.history.filter(**{owner: record.pk})
            .select_related("history_user").order_by("-history_id")[:1]
        ]  # fmt: skip
        return max(found, key=lambda version: version.history_date, default=None)

    # One act, one version

    def save_model(self, request: HttpRequest, obj: Record, form: Any, change: bool) -> None:
        if not form.changes_something():
            return
        obj.skip_history_when_saving = True
        if not change and (review := request.act.review):
            obj.pk = review.deletion.id  # the former key, which its versions have
            obj.save(force_insert=True)
        else:
            super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.forms:
            row.instance._change_reason = form.cleaned_data.get("change_reason") or None
        super().save_formset(request, form, formset, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: list, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        record = form.instance
        if not hasattr(record, "skip_history_when_saving"):
            return
        del record.skip_history_when_saving
        reason = form.cleaned_data.get("change_reason", "")
        kind = "~" if change else "+"
        self.model.versions.write(
            [record.pk], kind, reason or None, request.user.pk, at=request.act.began
        )

    # The answer

    def response_add(self, request: HttpRequest, obj: Record, *args: Any) -> HttpResponse:
        return self._response(super().response_add, request, obj, *args)

    def response_change(self, request: HttpRequest, obj: Record) -> HttpResponse:
        return self._response(super().response_change, request, obj)

    def _response(
        self, respond: Callable[..., HttpResponse], request: HttpRequest, record: Record, *args: Any
    ) -> HttpResponse:
        if pressed := request.act.pressed:
            messages.success(request, BUTTONS[pressed].format(record))
            return redirect(self.address("change", record.pk))
        answer = respond(request, record, *args)
        filled = {"version", "from"} & request.GET.keys()
        if filled and {"_continue", "_addanother"} & request.POST.keys():
            # Django keeps the query, which would fill the form with the version again.
            answer["Location"] = answer.url.partition("?")[0]
        return answer
