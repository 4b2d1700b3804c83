"""The actions of a list of records.

A page shows beforehand the effect of the action on each record. If a record changes after that, the
action does nothing and the page is shown again.
"""

from collections.abc import Callable, Iterable, Iterator
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
from editing.saving import SavingAdmin
from editing.snapshots import lock, parts_of, related_model, tokens_of
from record.publishing import Publishable, Record, may_publish

MOST_RECORDS, REFERRERS_SHOWN = 200, 50
WHY = "Algo de esto es público: diga por qué cambia."


@dataclass(frozen=True)
class Action:
    """`takes` are the states in which the action changes a record."""

    name: str
    label: str
    done: str
    takes: tuple[str, ...]


NOT_PUBLIC = ("draft", "scheduled", "withdrawn")
ACTIONS = (
    Action("publish", "Publicar", "Se publicó en el sitio", NOT_PUBLIC),
    Action("schedule", "Programar", "Se programó", NOT_PUBLIC),
    Action("withdraw", "Retirar", "Se retiró del sitio", ("public",)),
)
TRASH = Action(
    "delete_selected", "Mover a la papelera", "Se movió a la papelera", ("public", *NOT_PUBLIC)
)


class ActionConfirmForm(forms.Form):
    """Asks for the reason and, to schedule a publication, for its `moment`."""

    moment = forms.SplitDateTimeField(label="El día", widget=MomentInput())
    change_reason = reason_field()

    def __init__(self, data: QueryDict | None, action: Action, records: Iterable[Record]) -> None:
        super().__init__(data)
        reason = self.fields["change_reason"]
        reason.required = any(record.is_public() for record in records)
        reason.error_messages["required"] = WHY
        if action.name != "schedule":
            del self.fields["moment"]

    def clean_moment(self) -> datetime:
        if self.cleaned_data["moment"] <= timezone.now():
            raise ValidationError("Escriba un día y una hora que estén por venir.")
        return self.cleaned_data["moment"]


def _admin_action(action: Action, permission: str) -> Callable[..., HttpResponse | None]:
    @admin.action(description=f"{action.label}…", permissions=[permission])
    def act(
        model_admin: "ActionsAdmin", request: HttpRequest, records: models.QuerySet, **kwargs: Any
    ) -> HttpResponse | None:
        return model_admin.confirm(request, records, action)

    act.__name__ = action.name
    return act


class ActionsAdmin(SavingAdmin):
    actions = [
        *(_admin_action(action, "publish") for action in ACTIONS),
        _admin_action(TRASH, "delete"),
    ]

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
        self, request: HttpRequest, records: models.QuerySet, action: Action
    ) -> HttpResponse | None:
        """Takes the action if it is confirmed; otherwise returns the page that asks for it. Returns
        None after the action, and after a refusal with a message."""
        keys = list(records.order_by().values_list("pk", flat=True)[: MOST_RECORDS + 1])
        if len(keys) > MOST_RECORDS:
            refusal = f"Elija {MOST_RECORDS} registros o menos a la vez; no se hizo nada."
            self.message_user(request, refusal, messages.WARNING)
            return None
        try:
            return self._confirm(request, keys, action)
        except (IntegrityError, models.ProtectedError):  # a reference was added meanwhile
            return self._confirm(request, keys, action)

    def _confirm(
        self, request: HttpRequest, keys: list[int], action: Action
    ) -> HttpResponse | None:
        confirmed = "confirmed" in request.POST
        with transaction.atomic():
            if confirmed:
                lock(self.model, keys)
            by_key = self.get_queryset(request).in_bulk(keys)
            records = [by_key[key] for key in keys if key in by_key]
            changing = [record for record in records if record.publication in action.takes]
            deletion = self._deletion(request, records) if action is TRASH else {}
            form = ActionConfirmForm(request.POST if confirmed else None, action, changing)
            states = tokens_of(self.model, by_key, self.relations())
            tokens = {record: f"{record.pk}:{states[record.pk]}" for record in records}
            known = tokens.values() if not confirmed else request.POST.getlist("shown")
            stale = [record for record in records if tokens[record] not in known]
            if form.is_valid() and changing and not (stale or deletion.get("kept")):
                self._take(request, action, changing, form.cleaned_data)
                return None
        count = how_many(len(changing), self.opts)
        return self.page(
            request, "confirm", 409 if stale else 422 if form.errors else 200, **deletion,
            stale=[(record, self.last_version(record)) for record in stale],
            title=action.label if action is TRASH else f"{action.label}: esto es lo que se hará",
            button=action.label if action is TRASH else f"{action.label} {count}",
            action=action.name, step=action.label, takes=action.takes, takes_any=bool(changing),
            records=records, tokens=list(tokens.values()), selected_name=ACTION_CHECKBOX_NAME,
            form=form, media=self.media + form.media,
        )  # fmt: skip

    def _deletion(self, request: HttpRequest, chosen: list[Record]) -> dict[str, Any]:
        """The context of a deletion: counts of the rows that are deleted too, and links to the
        records that prevent it."""
        missing = not all(self.has_delete_permission(request, record) for record in chosen)
        if missing and "confirmed" in request.POST:
            raise PermissionDenied
        counts = {self.opts.verbose_name_plural: len(chosen)}
        for part in parts_of(self.model):
            rows = part.model._base_manager.filter(**{f"{part.foreign_key}__in": chosen})
            counts[part.model._meta.verbose_name_plural] = rows.count()
        return {
            "counts": [(name, count) for name, count in counts.items() if count],
            "missing": missing,
            "kept": [link(record) for record in self._referrers(request, chosen)],
        }

    def _referrers(self, request: HttpRequest, chosen: list[Record]) -> Iterator[models.Model]:
        """The records that refer to these and so prevent their deletion."""
        for relation in self.model._meta.related_objects:
            if relation.on_delete is not models.PROTECT:
                continue
            model, condition = relation.related_model, {f"{relation.field.name}__in": chosen}
            if not self.admin_site.is_registered(model):  # the table of a many-to-many relation
                other = next(f for f in model._meta.fields if f.is_relation and f != relation.field)
                keys = model._base_manager.filter(**condition).values(other.name)
                model, condition = related_model(model, other.name), {"pk__in": keys}
            model_admin = self.admin_site.get_model_admin(model)
            yield from model_admin.get_queryset(request).filter(**condition)[:REFERRERS_SHOWN]

    def _take(
        self, request: HttpRequest, action: Action, records: list[Any], data: dict[str, Any]
    ) -> None:
        began, reason = timezone.now(), data["change_reason"]
        for record in records:
            if action is TRASH:
                record._change_reason = reason or None
                record.delete()
                continue
            if action.name == "withdraw":
                record.withdraw(began)
            else:
                record.publish(data.get("moment") or began)
            record.skip_history_when_saving = True
            record.save()
        if action is not TRASH:
            keys = [record.pk for record in records]
            reason = reason or f"{action.done} desde la lista"
            self.model.versions.write(keys, "~", reason, request.user.pk, at=began)
        done = f"{action.done}: {how_many(len(records), self.opts)}."
        self.message_user(request, done, messages.SUCCESS)
