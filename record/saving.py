"""Saving a record: nothing that somebody else saved meanwhile is lost, each act is one version with
its reason, and the buttons of the publication do what they say."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.db import IntegrityError
from django.forms.models import _get_foreign_key
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from record.conflicts import Conflict
from record.differences import moment_in_words
from record.forms import BUTTONS, DRAFTS_ONLY, RecordForm, opened_on_field, reason_field
from record.holding import Relation, hold, is_key, version_of
from record.publishing import Publishable, Record, may_publish
from record.snapshots import parts_of, title_of

DONE = {
    "_publish": "Se guardó y se publicó «{}».",
    "_schedule": "Se guardó «{}» y quedó programado.",
    "_withdraw": "Se guardó «{}» y ya no se ve en el sitio.",
    "_schedule_withdrawal": "Se guardó «{}» y quedó programado su retiro.",
    "_draft": "Se guardó «{}» como borrador.",
}


def prepare(form: type[RecordForm], request: HttpRequest) -> None:
    """Tells a form, or a row of an inline, who saves what, and when."""
    form.user = request.user
    form.check_only = "_check" in request.POST or getattr(request, "collided", False)
    form.pressed = next((name for name in BUTTONS if name in request.POST), "")
    form.began = request.began = getattr(request, "began", None) or timezone.now()
    form.inlines_changed = staticmethod(
        lambda: any(formset.has_changed() for formset in getattr(request, "formsets", ()))
    )


class SavingAdmin:
    def relations(self) -> list[Relation]:
        """What is edited along with a record, and what goes with it."""
        found = [
            (inline.model, _get_foreign_key(self.model, inline.model, fk_name=inline.fk_name))
            for inline in self.inlines
        ]
        found += [(relation.related_model, relation.field) for relation in parts_of(self.model)]
        return list(dict.fromkeys((model, key.attname) for model, key in found))

    def form_for(self, request: HttpRequest, record: Record) -> type[RecordForm]:
        fields = flatten_fieldsets(self.get_fieldsets(request, record))
        return self.get_form(request, record, change=True, fields=fields)

    def get_form(
        self, request: HttpRequest, obj: Record | None = None, change: bool = False, **kwargs: Any
    ) -> type[RecordForm]:
        form = super().get_form(request, obj, change, **kwargs)
        prepare(form, request)
        form.base_fields["change_reason"] = reason_field()
        if obj is not None and self.has_change_permission(request, obj):
            form.base_fields["opened_on"] = opened_on_field()
            form.base_fields["opened_on"].initial = version_of(obj, self.relations())
        return form

    def _create_formsets(self, request: HttpRequest, obj: Record, change: bool) -> tuple:
        request.formsets, inlines = super()._create_formsets(request, obj, change)
        return request.formsets, inlines

    # Nothing is lost

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        for _attempt in range(2):
            try:
                return super().changeform_view(request, object_id, *args, **kwargs)
            except IntegrityError:
                # Somebody saved something at the same moment. The second time, validation sees it.
                continue
        request.collided = True
        return super().changeform_view(request, object_id, *args, **kwargs)

    def _changeform_view(
        self, request: HttpRequest, object_id: str | None, *args: Any
    ) -> HttpResponse:
        """In a transaction, which holds the record until what was written is saved."""
        if request.method == "POST" and object_id is not None:
            answer = self._unless_current(request, unquote(object_id))
            if answer is not None:
                return answer
        return super()._changeform_view(request, object_id, *args)

    def _unless_current(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        record = self.get_object(request, object_id)
        if record is not None:
            record = hold(self.model, [record.pk]).get(record.pk)
        if record is None:
            return self._gone(request, object_id)
        now = version_of(record, self.relations())
        if request.POST.get("opened_on") == now:
            return None
        if not self.has_change_permission(request, record):
            sent = "opened_on" in request.POST and self.has_change_permission(request)
            return self._conflict_page(request, record, DRAFTS_ONLY) if sent else None
        decided = {"_resolve", "_mine"} & set(request.POST)
        if decided and request.POST.get("seen") == now:
            data = Conflict(self, request, record, self.relations()).resolved()
            data["opened_on"] = now
            if "_mine" in decided:
                data["_check"] = "1"
            request.POST = data
            return None
        return self._conflict_page(request, record, seen=now)

    def _gone(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        """What somebody wrote in a record that is in the papelera by now."""
        if "opened_on" not in request.POST or not self.has_change_permission(request):
            return None
        if not is_key(object_id):
            return None
        version = self.model.history.filter(id=object_id, history_type="-").first()
        return version and self._conflict_page(request, version.instance, "gone", version=version)

    def _conflict_page(
        self, request: HttpRequest, record: Record, refused: str = "", seen: str = "",
        version: Any = None,
    ) -> HttpResponse:  # fmt: skip
        conflict = Conflict(self, request, record, self.relations())
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "original": record,
            "title": "Dos personas editaron lo mismo", "step": "Conflicto", "refused": refused,
            "subtitle": title_of(record), "act": self.last_act(record), "seen": seen,
            "gone": version is not None, "conflict": conflict, "media": self.media,
        }  # fmt: skip
        if refused:
            context |= {"written": conflict.written()}
        else:
            changed = [e for e in conflict.entries if e.changed_by_me or e.changed_by_them]
            context |= {
                "clashes": [entry for entry in changed if entry.clashes],
                "merged": [entry for entry in changed if not entry.clashes],
            }
        return TemplateResponse(request, "admin/record/conflict.html", context, status=409)

    def last_act(self, record: Record) -> dict[str, Any]:
        """Who last changed the record or what is edited along with it, and when."""
        tables = [(self.model, "id"), *self.relations()]
        found = [
            version
            for model, owner in tables
            if (version := model.history.filter(**{owner: record.pk})
                .select_related("history_user").order_by("-history_id").first())
        ]  # fmt: skip
        last = max(found, key=lambda version: version.history_date, default=None)
        user = last and last.history_user
        return {
            "record": record, "who": str(user) if user else "Alguien",
            "when": moment_in_words(last and last.history_date),
            "time": last and timezone.localtime(last.history_date).strftime("%-H:%M"),
        }  # fmt: skip

    # One act, one version

    def save_model(self, request: HttpRequest, obj: Record, form: Any, change: bool) -> None:
        if form.changes_something():
            obj.skip_history_when_saving = True
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
            [record.pk], kind, reason or None, request.user.pk, at=request.began
        )

    # Publication

    def publication_fields(self, request: HttpRequest, record: Record | None) -> list[str]:
        """The moments that its buttons work with."""
        if not issubclass(self.model, Publishable) or not may_publish(request.user):
            return []
        if record is not None and record.state == "public":
            return ["unpublish_at"]
        return ["publish_at", "unpublish_at"]

    def response_add(self, request: HttpRequest, obj: Record, *args: Any) -> HttpResponse:
        return self._pressed(request, obj) or super().response_add(request, obj, *args)

    def response_change(self, request: HttpRequest, obj: Record) -> HttpResponse:
        return self._pressed(request, obj) or super().response_change(request, obj)

    def _pressed(self, request: HttpRequest, record: Record) -> HttpResponse | None:
        if (name := next((name for name in BUTTONS if name in request.POST), "")) == "":
            return None
        messages.success(request, DONE[name].format(record))
        meta = self.opts
        return redirect(f"admin:{meta.app_label}_{meta.model_name}_change", record.pk)
