"""Actions on chosen records. A page says beforehand what an action does to each record; a record
that changed since that page was shown is not touched."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, models, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone

from editing.differences import how_many
from editing.forms import MomentInput, link, reason_field
from editing.snapshots import hold, parts_of, versions_of
from record.publishing import Publishable, Record, may_publish

MOST_RECORDS, REFERRERS_SHOWN = 200, 50
WHY = "Algo de esto es público: diga por qué cambia."


@dataclass(frozen=True)
class Step:
    """`takes` are the states in which it changes a record; in another one it stays as it is."""

    name: str
    label: str
    done: str
    takes: tuple[str, ...]


NOT_PUBLIC = ("draft", "scheduled", "withdrawn")
STEPS = (
    Step("publish", "Publicar", "Se publicó en el sitio", NOT_PUBLIC),
    Step("schedule", "Programar", "Se programó", NOT_PUBLIC),
    Step("withdraw", "Retirar", "Se retiró del sitio", ("public",)),
)
TRASH = Step(
    "delete_selected", "Mover a la papelera", "Se movió a la papelera", ("public", *NOT_PUBLIC)
)


class StepForm(forms.Form):
    """`moment` only where a step is for later."""

    moment = forms.SplitDateTimeField(label="El día", widget=MomentInput())
    change_reason = reason_field()

    def __init__(self, data: QueryDict | None, step: Step, records: list[Record]) -> None:
        super().__init__(data)
        why = self.fields["change_reason"]
        why.required = any(record.is_public() for record in records)
        why.error_messages["required"] = WHY
        if step.name != "schedule":
            del self.fields["moment"]

    def clean_moment(self) -> datetime:
        if self.cleaned_data["moment"] <= timezone.now():
            raise ValidationError("Escriba un día y una hora que estén por venir.")
        return self.cleaned_data["moment"]


def _action(step: Step, permission: str) -> Callable:
    @admin.action(description=f"{step.label}…", permissions=[permission])
    def take(
        model_admin: "ActionsAdmin", request: HttpRequest, records: models.QuerySet
    ) -> HttpResponse | None:
        return model_admin.confirm(request, records, step)

    take.__name__ = step.name
    return take


class ActionsAdmin:
    """The actions of a list of records, each with its page that says what it will do."""

    actions = (*(_action(step, "publish") for step in STEPS), _action(TRASH, "delete"))

    def has_publish_permission(self, request: HttpRequest) -> bool:
        publishable = issubclass(self.model, Publishable) and self.has_change_permission(request)
        return publishable and may_publish(request.user)

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
        keys = list(records.order_by().values_list("pk", flat=True)[: MOST_RECORDS + 1])
        if len(keys) > MOST_RECORDS:
            said = f"Elija {MOST_RECORDS} registros o menos a la vez; no se hizo nada."
            self.message_user(request, said, messages.WARNING)
            return None
        try:
            return self._confirm(request, keys, step)
        except (IntegrityError, models.ProtectedError):  # something refers to it since a moment ago
            return self._confirm(request, keys, step)

    def _confirm(self, request: HttpRequest, keys: list[int], step: Step) -> HttpResponse | None:
        confirmed = "confirmed" in request.POST
        with transaction.atomic():
            if confirmed:
                hold(self.model, keys)
            found = self.get_queryset(request).in_bulk(keys)
            records = [found[key] for key in keys if key in found]
            touched = [record for record in records if record.publication in step.takes]
            deleted = self._deleted(request, records) if step is TRASH else {}
            form = StepForm(request.POST if confirmed else None, step, touched)
            tokens = versions_of(self.model, found, self.relations())
            shown = {record: f"{record.pk}:{tokens[record.pk]}" for record in records}
            known = shown.values() if not confirmed else request.POST.getlist("shown")
            stale = [record for record in records if shown[record] not in known]
            if form.is_valid() and touched and not (stale or deleted.get("kept")):
                return self._act(request, step, touched, form.cleaned_data)
        return self.page(
            request, "confirm", 409 if stale else 422 if form.errors else 200, **deleted,
            stale=[(record, self.last_version(record)) for record in stale],
            title=step.label + ("" if step is TRASH else ": esto es lo que se hará"),
            button=step.label + ("" if step is TRASH else f" {how_many(len(touched), self.opts)}"),
            action=step.name, step=step.label, takes=step.takes, takes_any=bool(touched),
            records=records, shown=list(shown.values()), selected_name=ACTION_CHECKBOX_NAME,
            form=form, media=self.media + form.media,
        )  # fmt: skip

    def _deleted(self, request: HttpRequest, chosen: list[Record]) -> dict[str, Any]:
        """The rows that go to the papelera with the records, and the records that protect them."""
        missing = not all(self.has_delete_permission(request, record) for record in chosen)
        if missing and "confirmed" in request.POST:
            raise PermissionDenied
        counts = {self.opts.verbose_name_plural: len(chosen)}
        for part in parts_of(self.model):
            rows = part.related_model._base_manager.filter(**{f"{part.field.name}__in": chosen})
            counts[part.related_model._meta.verbose_name_plural] = rows.count()
        counts = [(name, count) for name, count in counts.items() if count]
        kept = [link(record) for record in self._referrers(request, chosen)]
        return {"counts": counts, "missing": missing, "kept": kept}

    def _referrers(self, request: HttpRequest, chosen: list[Record]) -> Iterator[Record]:
        """The records that refer to these and so keep them from being deleted."""
        for relation in self.model._meta.related_objects:
            if relation.on_delete is not models.PROTECT:
                continue
            model, condition = relation.related_model, {f"{relation.field.name}__in": chosen}
            if not self.admin_site.is_registered(model):  # the table of a many-to-many relation
                other = next(f for f in model._meta.fields if f.is_relation and f != relation.field)
                found = model._base_manager.filter(**condition).values(other.name)
                model, condition = other.related_model, {"pk__in": found}
            found = self.admin_site.get_model_admin(model).get_queryset(request).filter(**condition)
            yield from found[:REFERRERS_SHOWN]

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
