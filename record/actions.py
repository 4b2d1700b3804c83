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
from record.publishing import Publishable, Record, may_publish
from record.snapshots import hold, versions_of

MOST_RECORDS = 200
WHY = "Algo de esto es público: diga por qué cambia."


@dataclass(frozen=True)
class Step:
    """`does` says by state what becomes of a record; in another state it stays as it is."""

    name: str
    label: str
    done: str
    does: dict[str, str]


STAYS = {
    "draft": "Es un borrador: se queda igual.",
    "scheduled": "Todavía no es público: se queda igual.",
    "public": "Ya es público: se queda igual.",
    "withdrawn": "Ya está retirado: se queda igual.",
}
STEPS = (
    Step(
        "publish", "Publicar", "Se publicó en el sitio",
        {"draft": "Se publica ahora.", "scheduled": "Se publica ahora, sin esperar a su día.",
         "withdrawn": "Vuelve a publicarse."},
    ),
    Step(
        "schedule", "Programar", "Se programó",
        {"draft": "Se publicará ese día.", "scheduled": "Se publicará ese día, no el de antes.",
         "withdrawn": "Volverá a publicarse ese día."},
    ),
    Step("withdraw", "Retirar", "Se retiró del sitio", {"public": "Deja de verse en el sitio."}),
)  # fmt: skip
TRASH = Step(
    "delete_selected", "Mover a la papelera", "Se movió a la papelera",
    dict.fromkeys(STAYS, "Va a la papelera, con sus citas y sus versiones."),
)  # fmt: skip


class StepForm(forms.Form):
    """`moment` only where a step is for later."""

    moment = forms.SplitDateTimeField(label="El día", widget=MomentInput())
    change_reason = reason_field()

    def __init__(self, *args: Any, asks_why: bool, moment: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["change_reason"].required = asks_why
        self.fields["change_reason"].error_messages["required"] = WHY
        if not moment:
            del self.fields["moment"]

    def clean_moment(self) -> datetime:
        if self.cleaned_data["moment"] <= timezone.now():
            raise ValidationError("Escriba un día y una hora que estén por venir.")
        return self.cleaned_data["moment"]


def _action(step: Step) -> Callable:
    def action(model_admin: Any, request: HttpRequest, records: models.QuerySet) -> Any:
        return model_admin.confirm(request, records, step)

    return action


class ActionsAdmin:
    """The actions of a list of records, each with its page that says what it will do."""

    def get_actions(self, request: HttpRequest, **options: Any) -> dict[str, tuple]:
        actions = super().get_actions(request, **options)
        steps = [TRASH] if actions.pop("delete_selected", None) else []
        own = issubclass(self.model, Publishable) and self.has_change_permission(request)
        if own and may_publish(request.user) and IS_POPUP_VAR not in request.GET:
            steps = [*STEPS, *steps]
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
        confirmed = "confirmed" in request.POST
        with transaction.atomic():
            chosen = self._chosen(request, records)
            if chosen is None:
                return None
            touched = [record for record in chosen if record.publication in step.does]
            page = self._deleted(request, chosen) if step is TRASH else {}
            form = StepForm(
                request.POST if confirmed else None,
                asks_why=any(record.is_public() for record in touched),
                moment=step.name == "schedule",
            )
            tokens = versions_of(self.model, [r.pk for r in chosen], self.relations())
            shown = {record: f"{record.pk}:{tokens[record.pk]}" for record in chosen}
            known = request.POST.getlist("shown")
            stale = [r for r, token in shown.items() if confirmed and token not in known]
            if form.is_valid() and touched and not (stale or page.get("kept")):
                return self._act(request, step, touched, form.cleaned_data)
        page |= {"form": form, "stale": [(record, self.last_version(record)) for record in stale]}
        return self._confirmation(request, step, shown, page | {"count": len(touched)})

    def _chosen(self, request: HttpRequest, records: models.QuerySet) -> list[Record] | None:
        """Locked if confirmed; None and a message if there are too many."""
        keys = list(records.order_by().values_list("pk", flat=True)[: MOST_RECORDS + 1])
        if len(keys) > MOST_RECORDS:
            said = f"Elija {MOST_RECORDS} registros o menos a la vez; no se hizo nada."
            self.message_user(request, said, messages.WARNING)
            return None
        if "confirmed" in request.POST:
            hold(self.model, keys)
        found = self.get_queryset(request).in_bulk(keys)
        return [found[key] for key in keys if key in found]

    def _deleted(self, request: HttpRequest, chosen: list[Record]) -> dict[str, Any]:
        """The rows that go to the papelera with the records, and the records that protect them."""
        _gone, counts, missing, kept = self.get_deleted_objects(chosen, request)
        if "confirmed" in request.POST and missing:
            raise PermissionDenied
        return {"counts": counts.items(), "missing": missing, "kept": kept}

    def _act(
        self, request: HttpRequest, step: Step, records: list[Record], data: dict[str, Any]
    ) -> None:
        began, why = timezone.now(), data["change_reason"]
        for record in records:
            if step is TRASH:
                record._change_reason = why or None
                record.delete()
                continue
            if step.name == "withdraw":
                record.withdraw(began)
            else:
                record.publish(data.get("moment") or began)
            record.skip_history_when_saving = True
            record.save()
        if step is not TRASH:
            keys, why = [record.pk for record in records], why or f"{step.done} desde la lista"
            self.model.versions.write(keys, "~", why, request.user.pk, at=began)
        done = f"{step.done}: {how_many(len(records), self.opts)}."
        self.message_user(request, done, messages.SUCCESS)

    def _confirmation(
        self, request: HttpRequest, step: Step, shown: dict[Record, str], page: dict[str, Any]
    ) -> HttpResponse:
        trash, form = step is TRASH, page["form"]
        context = page | {
            **self.admin_site.each_context(request), "opts": self.opts, "step": step.label,
            "title": step.label + ("" if trash else ": esto es lo que se hará"),
            "action": step.name, "media": self.media + form.media,
            "button": step.label + ("" if trash else f" {how_many(page['count'], self.opts)}"),
            "selected_name": ACTION_CHECKBOX_NAME, "shown": list(shown.values()),
            "rows": [
                {"record": record, "state": self.state_shown(record),
                 "does": step.does.get(record.publication), "stays": STAYS[record.publication]}
                for record in shown
            ],
        }  # fmt: skip
        status = 409 if page["stale"] else 422 if form.errors else 200
        return TemplateResponse(request, "admin/record/confirm.html", context, status=status)
