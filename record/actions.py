"""Actions on chosen records. A page says beforehand what an action does to each record; a record
that changed since that page was shown is not touched."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone

from record.differences import how_many
from record.forms import MomentInput, reason_field
from record.holding import hold, versions_of
from record.publishing import Publishable, Record, may_publish

MOST_RECORDS = 200
WHY = "Algo de esto es público: diga por qué cambia."


@dataclass(frozen=True)
class Step:
    """`does` says by state what becomes of a record; `leaves`, why it stays as it is."""

    name: str
    label: str
    done: str
    does: dict[str, str]
    leaves: dict[str, str]
    act: Callable[[Publishable, datetime], None]

    def words(self, record: Publishable) -> tuple[bool, str]:
        """Whether it touches a record, and what becomes of it."""
        does = record.state in self.does
        return does, (self.does if does else self.leaves)[record.state]


PUBLIC = "Ya es público: se queda igual."
STEPS = {
    step.name: step
    for step in (
        Step(
            "publish", "Publicar", "Se publicó en el sitio",
            {"draft": "Se publica ahora.", "scheduled": "Se publica ahora, sin esperar a su día.",
             "withdrawn": "Vuelve a publicarse."},
            {"public": PUBLIC}, Publishable.publish,
        ),
        Step(
            "schedule", "Programar", "Se programó",
            {"draft": "Se publicará ese día.", "scheduled": "Se publicará ese día, no el de antes.",
             "withdrawn": "Volverá a publicarse ese día."},
            {"public": PUBLIC}, Publishable.publish,
        ),
        Step(
            "withdraw", "Retirar", "Se retiró del sitio",
            {"public": "Deja de verse en el sitio."},
            {"draft": "Es un borrador: se queda igual.",
             "scheduled": "Todavía no es público: se queda igual.",
             "withdrawn": "Ya está retirado: se queda igual."},
            Publishable.withdraw,
        ),
    )
}  # fmt: skip


class ToTrash(Step):
    def words(self, record: Record) -> tuple[bool, str]:
        return True, "Va a la papelera, con sus citas y sus versiones."


TRASH = ToTrash(
    "delete_selected", "Mover a la papelera", "Se movió a la papelera", {}, {}, Record.delete
)


class StepForm(forms.Form):
    """`moment` only where a step is for later."""

    moment = forms.SplitDateTimeField(label="El día", widget=MomentInput())
    change_reason = reason_field()

    def __init__(self, *args: Any, asks_why: bool, moment: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asks_why = asks_why
        if not moment:
            del self.fields["moment"]

    def clean_moment(self) -> datetime:
        if self.cleaned_data["moment"] <= timezone.now():
            raise ValidationError("Escriba un día y una hora que estén por venir.")
        return self.cleaned_data["moment"]

    def clean_change_reason(self) -> str:
        if self.asks_why and not self.cleaned_data["change_reason"]:
            raise ValidationError(WHY)
        return self.cleaned_data["change_reason"]


def _action(step: Step) -> Callable:
    def action(model_admin: Any, request: HttpRequest, records: models.QuerySet) -> Any:
        return model_admin.confirm(request, records, step)

    return action


class ActionsAdmin:
    """The actions of a list of records, each with its page that says what it will do."""

    def get_actions(self, request: HttpRequest, **options: Any) -> dict[str, tuple]:
        actions = super().get_actions(request, **options)
        actions.pop("delete_selected", None)
        if self.actions is None or IS_POPUP_VAR in request.GET:
            return {}
        own = issubclass(self.model, Publishable) and self.has_change_permission(request)
        steps = list(STEPS.values()) if own and may_publish(request.user) else []
        steps += [TRASH] if self.has_delete_permission(request) else []
        return actions | {s.name: (_action(s), s.name, f"{s.label}…") for s in steps}

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        record = self.get_object(request, unquote(object_id))
        if record is None:
            return super().delete_view(request, object_id, extra_context)
        if not self.has_delete_permission(request, record):
            raise PermissionDenied
        alone = self.model._default_manager.filter(pk=record.pk)
        return self.confirm(request, alone, TRASH) or redirect(self.address("changelist"))

    def confirm(
        self, request: HttpRequest, records: models.QuerySet, step: Step
    ) -> HttpResponse | None:
        """Takes the step, or asks first. None after it was taken, or refused with a message."""
        try:
            return self._confirm(request, records, step)
        except (IntegrityError, models.ProtectedError):  # something refers to it since a moment ago
            return self._confirm(request, records, step)

    def _confirm(
        self, request: HttpRequest, records: models.QuerySet, step: Step
    ) -> HttpResponse | None:
        with transaction.atomic():
            chosen = self._chosen(request, records)
            if chosen is None:
                return None
            touched = [record for record in chosen if step.words(record)[0]]
            deleted = self._deleted(request, chosen) if step is TRASH else {}
            form = StepForm(
                request.POST if "confirmed" in request.POST else None,
                asks_why=any(record.is_public() for record in touched),
                moment=step.name == "schedule",
            )
            stale = self._stale(request, chosen)
            if form.is_valid() and touched and not (stale or deleted.get("kept")):
                return self._act(request, step, touched, form.cleaned_data)
        page = deleted | {"form": form, "stale": stale, "count": len(touched)}
        return self._confirmation(request, step, chosen, page)

    def _chosen(self, request: HttpRequest, records: models.QuerySet) -> list[Record] | None:
        """Locked if confirmed; None and a message if there are too many."""
        keys = list(records.order_by().values_list("pk", flat=True)[: MOST_RECORDS + 1])
        if len(keys) > MOST_RECORDS:
            said = f"Elija {MOST_RECORDS} registros o menos a la vez; no se hizo nada."
            self.message_user(request, said, messages.WARNING)
            return None
        if "confirmed" in request.POST:
            hold(self.model, keys)
        order = {pk: n for n, pk in enumerate(keys)}
        return sorted(self.get_queryset(request).filter(pk__in=keys), key=lambda r: order[r.pk])

    def _deleted(self, request: HttpRequest, chosen: list[Record]) -> dict[str, Any]:
        """The rows that go to the papelera with the records, and the records that protect them."""
        _gone, counts, missing, kept = self.get_deleted_objects(chosen, request)
        if "confirmed" in request.POST and missing:
            raise PermissionDenied
        return {"counts": counts.items(), "missing": missing, "kept": kept}

    def _stale(self, request: HttpRequest, chosen: list[Record]) -> list[Record]:
        """The records that changed since the page was shown, or that it did not show."""
        if "confirmed" not in request.POST:
            return []
        shown = set(request.POST.getlist("shown"))
        versions = versions_of(self.model, [r.pk for r in chosen], self.relations())
        return [record for record in chosen if f"{record.pk}:{versions[record.pk]}" not in shown]

    def _act(
        self, request: HttpRequest, step: Step, records: list[Record], data: dict[str, Any]
    ) -> None:
        began, why = timezone.now(), data["change_reason"]
        keys = [record.pk for record in records]
        for record in records:
            if step is TRASH:
                record._change_reason = why or None
                record.delete()
            else:
                step.act(record, data.get("moment") or began)
                record.skip_history_when_saving = True
                record.save()
        if step is not TRASH:
            why = why or f"{step.done} desde la lista"
            self.model.versions.write(keys, "~", why, request.user.pk, at=began)
        done = f"{step.done}: {how_many(len(keys), self.opts)}."
        self.message_user(request, done, messages.SUCCESS)

    def _confirmation(
        self, request: HttpRequest, step: Step, chosen: list[Record], page: dict[str, Any]
    ) -> HttpResponse:
        versions = versions_of(self.model, [r.pk for r in chosen], self.relations())
        what = "" if step is TRASH else f" {how_many(page['count'], self.opts)}"
        rows = [
            dict(zip(("does", "words"), step.words(record), strict=True))
            | {"record": record, "state": self.state_shown(record)}
            for record in chosen
        ]
        form, stale = page["form"], page["stale"]
        context = page | {
            **self.admin_site.each_context(request), "opts": self.opts, "rows": rows,
            "title": step.label + ("" if step is TRASH else ": esto es lo que se hará"),
            "step": step.label, "action": step.name, "button": f"{step.label}{what}",
            "media": self.media + form.media, "selected_name": ACTION_CHECKBOX_NAME,
            "shown": [f"{key}:{version}" for key, version in versions.items()],
            "stale": [self.last_act(record) for record in stale],
            "keys": [record.pk for record in chosen],
        }  # fmt: skip
        status = 409 if stale else 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "admin/record/confirm.html", context, status=status)
