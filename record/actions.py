"""What may be done to chosen records at once. A page says beforehand what it will do to each; what
changed since that page was shown is not touched before somebody has seen it."""

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
from django.utils.text import capfirst

from record.differences import how_many
from record.forms import MomentInput, reason_field
from record.holding import hold, versions_of
from record.publishing import Publishable, Record, may_publish

MOST_RECORDS = 200
WHY = "Algo de esto es público: diga por qué cambia."


@dataclass(frozen=True)
class Step:
    """`does`: by state, what becomes of a record; `leaves`: why one in another state is left."""

    name: str
    label: str
    done: str
    does: dict[str, str]
    leaves: dict[str, str]
    act: Callable[[Publishable, datetime], None]


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


def _action(name: str) -> Callable:
    def action(model_admin: Any, request: HttpRequest, records: models.QuerySet) -> Any:
        return model_admin.confirm_step(request, records, STEPS[name])

    return action


class ActionsAdmin:
    """The actions of a list of records, each with its page that says what it will do."""

    def get_actions(self, request: HttpRequest) -> dict[str, tuple]:
        found = super().get_actions(request)
        found.pop("delete_selected", None)
        if self.actions is None or IS_POPUP_VAR in request.GET:
            return {}
        own = issubclass(self.model, Publishable) and self.has_change_permission(request)
        if own and may_publish(request.user):
            found |= {n: (_action(n), n, f"{step.label}…") for n, step in STEPS.items()}
        if self.has_delete_permission(request):
            found["delete_selected"] = (_to_trash, "delete_selected", "Mover a la papelera…")
        return found

    def confirm_step(
        self, request: HttpRequest, records: models.QuerySet, step: Step
    ) -> HttpResponse | None:
        """Asked for by who has it among their actions."""
        with transaction.atomic():
            chosen = self._chosen(request, records)
            if chosen is None:
                return None
            touched = [one for one in chosen if one.state in step.does]
            form = StepForm(
                request.POST if "confirmed" in request.POST else None,
                asks_why=any(one.is_public() for one in touched), moment=step.name == "schedule",
            )  # fmt: skip
            stale = self._stale(request, chosen)
            if form.is_valid() and not stale and touched:
                return self._take_step(request, step, touched, form.cleaned_data)
        rows = [self._row(one, step) for one in chosen]
        return self._confirmation(
            request, chosen, rows, form, stale, title=f"{step.label}: esto es lo que se hará",
            action=step.name, count=len(touched),
            button=f"{step.label} {how_many(len(touched), self.opts)}",
        )  # fmt: skip

    def _chosen(self, request: HttpRequest, records: models.QuerySet) -> list[Record] | None:
        """Held; None, and said why, where there are too many."""
        keys = list(records.order_by().values_list("pk", flat=True)[: MOST_RECORDS + 1])
        if len(keys) > MOST_RECORDS:
            said = f"Elija {MOST_RECORDS} registros o menos a la vez; no se hizo nada."
            self.message_user(request, said, messages.WARNING)
            return None
        if "confirmed" in request.POST:
            hold(self.model, keys)
        order = {pk: n for n, pk in enumerate(keys)}
        return sorted(self.get_queryset(request).filter(pk__in=keys), key=lambda r: order[r.pk])

    def _stale(self, request: HttpRequest, chosen: list[Record]) -> list[Record]:
        """Those that changed since the page was shown, and those that it did not show."""
        if "confirmed" not in request.POST:
            return []
        shown = set(request.POST.getlist("shown"))
        versions = versions_of(self.model, [r.pk for r in chosen], self.relations())
        return [record for record in chosen if f"{record.pk}:{versions[record.pk]}" not in shown]

    def _row(self, record: Publishable, step: Step) -> dict[str, Any]:
        does = record.state in step.does
        words = (step.does if does else step.leaves)[record.state]
        return {"record": record, "state": self.state_shown(record), "does": does, "words": words}

    def _take_step(
        self, request: HttpRequest, step: Step, records: list[Publishable], data: dict[str, Any]
    ) -> None:
        began = timezone.now()
        for record in records:
            step.act(record, data.get("moment") or began)
            record.skip_history_when_saving = True
            record.save()
        keys = [record.pk for record in records]
        reason = data["change_reason"] or f"{step.done} desde la lista"
        self.model.versions.write(keys, "~", reason, request.user.pk, at=began)
        done = how_many(len(records), self.opts)
        self.message_user(request, f"{step.done}: {done}.", messages.SUCCESS)

    def _confirmation(
        self, request: HttpRequest, chosen: list[Record], rows: list[dict], form: forms.Form,
        stale: list[Record], **context: Any,
    ) -> HttpResponse:  # fmt: skip
        versions = versions_of(self.model, [r.pk for r in chosen], self.relations())
        context |= {
            **self.admin_site.each_context(request), "opts": self.opts, "rows": rows, "form": form,
            "media": self.media + form.media, "step": capfirst(context["title"].partition(":")[0]),
            "shown": [f"{key}:{version}" for key, version in versions.items()],
            "stale": [self.last_act(record) for record in stale],
            "selected_name": ACTION_CHECKBOX_NAME, "keys": [record.pk for record in chosen],
        }  # fmt: skip
        status = 409 if stale else 422 if form.is_bound and form.errors else 200
        return TemplateResponse(request, "admin/record/confirm.html", context, status=status)

    # The papelera

    def trash(self, request: HttpRequest, records: models.QuerySet) -> HttpResponse | None:
        """Moves them there, or asks whether to. None where it was done or said why not."""
        try:
            return self._to_trash(request, records)
        except (IntegrityError, models.ProtectedError):  # something refers to it since a moment ago
            return self._to_trash(request, records)

    def _to_trash(self, request: HttpRequest, records: models.QuerySet) -> HttpResponse | None:
        with transaction.atomic():
            chosen = self._chosen(request, records)
            if chosen is None:
                return None
            _gone, counts, missing, kept = self.get_deleted_objects(chosen, request)
            if "confirmed" in request.POST and missing:
                raise PermissionDenied
            form = StepForm(
                request.POST if "confirmed" in request.POST else None,
                asks_why=any(record.is_public() for record in chosen), moment=False,
            )  # fmt: skip
            stale = self._stale(request, chosen)
            if form.is_valid() and not (kept or stale):
                for record in chosen:
                    record._change_reason = form.cleaned_data["change_reason"] or None
                    record.delete()
                said = f"Se movió a la papelera: {how_many(len(chosen), self.opts)}."
                self.message_user(request, said, messages.SUCCESS)
                return None
        words = "Va a la papelera, con sus citas y sus versiones."
        rows = [
            {"record": one, "state": self.state_shown(one), "does": True, "words": words}
            for one in chosen
        ]
        return self._confirmation(
            request, chosen, rows, form, stale, title="Mover a la papelera",
            action="delete_selected", button="Mover a la papelera", kept=kept,
            counts=counts.items(), missing=missing, count=len(chosen),
        )  # fmt: skip

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        record = self.get_object(request, unquote(object_id))
        if record is None:
            return super().delete_view(request, object_id, extra_context)
        if not self.has_delete_permission(request, record):
            raise PermissionDenied
        alone = self.model._default_manager.filter(pk=record.pk)
        asked = self.trash(request, alone)
        return asked or redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")


def _to_trash(model_admin: Any, request: HttpRequest, records: models.QuerySet) -> Any:
    return model_admin.trash(request, records)
