"""Publishes, withdraws and deletes records, alone or from a list.

A page shows beforehand the effect of the action on each record, and the facts that would stand
without a visible quote. If a record changes after that, the action does nothing and the page is
shown again.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import partial
from hashlib import sha256
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, models, transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone

from dates.forms import DayField
from editing.differences import how_many, moment_in_words
from editing.forms import DecisionForm, link
from editing.saving import SavingAdmin
from editing.snapshots import lock, tokens_of
from editing.versions import TrashForm
from record.proof import Publication, Withdrawal, by_model, going_along, is_fact
from record.publishing import Publishable, Record, may_publish, save_publication

MOST_RECORDS = 200


@dataclass(frozen=True)
class Action:
    """`takes` are the states in which the action changes a record; `address` is the last part of
    the address of its page."""

    name: str
    label: str
    done: str
    takes: tuple[str, ...]
    address: str = ""


PUBLISH = Action(
    "publish", "Publicar", "Se publicó en el sitio", ("draft", "scheduled", "withdrawn"), "publicar"
)
WITHDRAW = Action("withdraw", "Retirar", "Se retiró del sitio", ("public",), "retirar")
DRAFT = Action(
    "draft", "Volver a borrador", "Volvió a borrador", ("scheduled", "withdrawn"), "borrador"
)
ACTIONS = (PUBLISH, WITHDRAW, DRAFT)
TRASH = Action(
    "delete_selected", "Mover a la papelera", "Se movió a la papelera", ("public", *PUBLISH.takes)
)


NOW, DAY, KEEP = "now", "day", "keep"
NINE = time(9)


class MomentForm(forms.Form):
    """Asks when the act takes effect. `moment` of the cleaned data is None for `KEEP`."""

    when = forms.ChoiceField(label="Cuándo", widget=forms.RadioSelect, initial=NOW)
    day = DayField(
        label="Día",
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "por ejemplo, 1 de diciembre"}),
    )
    hour = forms.TimeField(
        label="Hora",
        required=False,
        input_formats=["%H:%M", "%H.%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"placeholder": "9:00"}),
        help_text="Sin hora, a las 9:00.",
        error_messages={"invalid": "Escriba la hora así: 9:00 o 17:30."},
    )

    def __init__(self, data: Any, began: datetime, ends: bool, records: Iterable[Any]) -> None:
        """`began` is the moment of the request; `ends`: whether the act is a withdrawal."""
        self.began = began
        planned = {record.unpublish_at if ends else record.publish_at for record in records}
        planned = {moment for moment in planned if moment is None or moment > began}
        (moment,) = planned if len(planned) == 1 else [None]
        super().__init__(data, initial=_planned(moment) if moment else {})
        field: Any = self.fields["when"]
        field.choices = [(NOW, "Ahora"), (DAY, "El día")]
        if ends and planned != {None}:
            field.choices += [(KEEP, "Nunca: cancelar el retiro programado")]

    def clean(self) -> None:
        super().clean()
        data, now = self.cleaned_data, self.began
        data["moment"] = None if data.get("when") == KEEP else now
        day = self["day"]
        if data.get("when") != DAY and (day.data or "").strip() not in ("", day.initial):
            self.add_error("when", "Escribió un día: elija «El día», o bórrelo.")
        if data.get("when") != DAY or self.errors:
            return
        moment = datetime.combine(data["day"] or date.min, data["hour"] or NINE)
        if not data["day"] or (moment := timezone.make_aware(moment)) <= now:
            self.add_error("day", "Escriba un día y una hora que estén por venir.")
        data["moment"] = moment

    @property
    def said(self) -> str:
        """«para el 1 de diciembre de 2026, 9:00 (sin hora escrita, a las 9:00)»."""
        data = self.cleaned_data
        if data["when"] != DAY:
            return ""
        assumed = "" if data["hour"] else "; como no se escribió la hora, a las 9:00"
        return f"para el {moment_in_words(data['moment'])}{assumed}"


def _planned(moment: datetime) -> dict[str, Any]:
    words = moment_in_words(moment).partition(",")[0]
    return {"when": DAY, "day": words, "hour": timezone.localtime(moment).time()}


class Questions:
    """The forms of the page of an action on the publication of `records`, of any models. Their
    effects are those at the `supposed` moment: now, until a day is written. Those `along` are
    published with them."""

    def __init__(
        self, data: QueryDict | None, action: Action, records: list[Any], may_act: Callable,
        along: Collection[Any] = (),
    ) -> None:  # fmt: skip
        self.action, self.began, self.moment = action, timezone.now(), None
        at = self.began
        if action is not DRAFT:
            self.moment = MomentForm(data, self.began, action is WITHDRAW, records)
            at = (self.moment.is_valid() and self.moment.cleaned_data["moment"]) or at
        self.supposed = at
        effects = Publication if action is PUBLISH else Withdrawal
        self.effects: Any = effects([*records, *along], at, may_act)
        self.decisions = DecisionForm(data, self.effects)

    @property
    def at(self) -> datetime | None:
        return self.moment.cleaned_data["moment"] if self.moment else self.began

    @property
    def done(self) -> str:
        if self.at is None:
            return "Ya no se retirará"
        said = self.moment.said if self.moment else ""
        return f"Se programó {said}" if said else self.action.done

    @property
    def errors(self) -> list[str]:
        asked = [self.moment, self.decisions] if self.moment else [self.decisions]
        return [str(text) for form in asked for texts in form.errors.values() for text in texts]


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

    def get_urls(self) -> list[Any]:
        name, view = f"{self.opts.app_label}_{self.opts.model_name}", self.admin_site.admin_view
        return [
            path(
                f"<path:object_id>/{action.address}/",
                view(partial(self.act_view, action=action)),
                name=f"{name}_{action.name}",
            )
            for action in ACTIONS
            if issubclass(self.model, Publishable)
        ] + super().get_urls()

    def has_publish_permission(self, request: HttpRequest) -> bool:
        publishable = issubclass(self.model, Publishable) and self.has_change_permission(request)
        return publishable and may_publish(request.user)

    def act_view(self, request: HttpRequest, object_id: str, action: Action) -> HttpResponse:
        """The page of an action on the publication of one record."""
        if not self.has_publish_permission(request):
            raise PermissionDenied
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404
        alone = self.model._default_manager.filter(pk=record.pk)
        page = self.confirm(request, alone, action, original=record)
        return page or redirect(self.address("change", record.pk))

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
        self, request: HttpRequest, records: models.QuerySet, action: Action, **context: Any
    ) -> HttpResponse | None:
        """Takes the action if it is confirmed; otherwise returns the page that asks for it. Returns
        None after the action, and after a refusal with a message."""
        keys = list(records.order_by().values_list("pk", flat=True)[: MOST_RECORDS + 1])
        if len(keys) > MOST_RECORDS:
            refusal = f"Elija {MOST_RECORDS} registros o menos a la vez; no se hizo nada."
            self.message_user(request, refusal, messages.WARNING)
            return None
        confirm = self._confirm_deletion if action is TRASH else self._confirm
        try:
            return confirm(request, keys, action, context)
        except (IntegrityError, models.ProtectedError):  # a reference was added meanwhile
            return confirm(request, keys, action, context)

    def _chosen(self, request: HttpRequest, keys: list[int], action: Action) -> dict[str, Any]:
        """The context of both pages: the records, the records that the action changes, and the
        records that were changed after the page was shown."""
        by_key = self.get_queryset(request).in_bulk(keys)
        records = [by_key[key] for key in keys if key in by_key]
        states = tokens_of(self.model, by_key, self.relations())
        tokens = {record: f"{record.pk}:{states[record.pk]}" for record in records}
        confirmed = "confirmed" in request.POST
        known = request.POST.getlist("shown") if confirmed else tokens.values()
        stale = [record for record in records if tokens[record] not in known]
        return {
            "records": records, "tokens": list(tokens.values()), "action": action.name,
            "changing": [record for record in records if record.publication in action.takes],
            "stale": [(record, self.last_version(record)) for record in stale],
            "step": action.label, "takes": action.takes, "selected_name": ACTION_CHECKBOX_NAME,
        }  # fmt: skip

    # Publication

    def _confirm(
        self, request: HttpRequest, keys: list[int], action: Action, context: dict[str, Any]
    ) -> HttpResponse | None:
        data = request.POST if "confirmed" in request.POST else None
        may_act = partial(self.may_act, request)
        with transaction.atomic():
            if data:
                chosen = [*self.model._base_manager.in_bulk(keys).values()]
                effects = Questions(None, action, chosen, may_act).effects
                self.lock({*chosen, *effects.depends_on})
            context |= self._chosen(request, keys, action)
            changing = context["changing"]
            along = going_along(changing, may_act) if action is PUBLISH else []
            questions = Questions(data, action, changing, may_act, along)
            known = self.digest_of(questions.effects.depends_on)
            changed = data is not None and data.get("known") != known
            if data and changing and not (changed or context["stale"] or questions.errors):
                self.act(request, questions)
                return None
        errors = questions.errors if data else []
        name = f"«{changing[0]}»" if len(changing) == 1 else how_many(len(changing), self.opts)
        return self.page(
            request, "publish", 409 if changed else 422 if errors else 200, **context,
            title=f"{action.label} {name}" if changing else action.label,
            button=action.label if len(changing) == 1 else f"{action.label} {name}",
            known=known, changed=changed, errors=errors, moment=questions.moment,
            form=questions.decisions, effects=questions.effects, along=[*map(link, along)],
        )  # fmt: skip

    def may_act(self, request: HttpRequest, model: type[Record]) -> bool:
        model_admin: Any = self.admin_site.get_model_admin(model)
        return model_admin.has_publish_permission(request)

    def lock(self, records: Iterable[Record]) -> None:
        """Locks the records, facts before their sources, as the form of a fact does."""
        groups = by_model(records)
        for model in sorted(groups, key=lambda model: (not is_fact(model), model._meta.label)):
            lock(model, [record.pk for record in groups[model]])

    def digest_of(self, records: Iterable[Record]) -> str:
        """A digest of the present state of the records."""
        tokens: list[str] = []
        for model, group in by_model(records).items():
            model_admin: Any = self.admin_site.get_model_admin(model)
            keys = [record.pk for record in group]
            states = tokens_of(model, keys, model_admin.relations())
            tokens += [f"{model._meta.label}:{key}:{state}" for key, state in states.items()]
        return sha256("\n".join(sorted(tokens)).encode()).hexdigest()

    def act(self, request: HttpRequest, questions: Questions) -> list[Any]:
        """Acts on the records of the questions, of any models, and returns those that changed."""
        decisions, at, action = questions.decisions, questions.at, questions.action
        waiting = decisions.waiting()
        acted = [record for record in questions.effects.records if record not in waiting]
        acted += decisions.companions(acted) if at else []
        owners = getattr(questions.effects, "owners", {})
        emptied = [f for f, fields in decisions.emptied() if fields and owners[f] in acted]
        for record in acted:
            self._change_publication(record, action, at)
        save_publication(acted)
        for fact in emptied:
            vars(fact)["skip_history_when_saving"] = True
            fact.save()
        reason = decisions.chose("change_reason") or questions.done
        changed = [*dict.fromkeys([*acted, *emptied])]
        for model, group in by_model(changed).items():
            keys = [record.pk for record in group]
            model.versions.write(keys, "~", reason, request.user.pk, at=questions.began)
        self._say(request, acted, waiting, questions)
        return changed

    def _change_publication(self, record: Any, action: Action, at: datetime | None) -> None:
        if action is DRAFT:
            record.publish_at = record.unpublish_at = None
        elif at is None:  # the scheduled withdrawal is called off
            record.unpublish_at = None
        elif action is PUBLISH:
            record.publish(at)
        else:
            record.withdraw(at)

    def _say(
        self, request: HttpRequest, acted: list[Any], waiting: set[Record], questions: Questions
    ) -> None:
        counts = [how_many(len(group), m._meta) for m, group in by_model(acted).items()]
        if acted:
            self.message_user(request, f"{questions.done}: {', '.join(counts)}.", messages.SUCCESS)
        if waiting:
            names = "; ".join(sorted(f"«{record}»" for record in waiting))
            left = f"No se publicó, mientras falta su prueba: {names}."
            self.message_user(request, left, messages.WARNING)

    # Trash

    def _confirm_deletion(
        self, request: HttpRequest, keys: list[int], action: Action, context: dict[str, Any]
    ) -> HttpResponse | None:
        confirmed = "confirmed" in request.POST
        with transaction.atomic():
            if confirmed:
                lock(self.model, keys)
            context |= self._chosen(request, keys, action)
            records = context["changing"]
            deletion = self._deletion(request, records)
            form = TrashForm(request.POST if confirmed else None, records)
            if form.is_valid() and records and not (context["stale"] or deletion["kept"]):
                for record in records:
                    record._change_reason = form.cleaned_data["change_reason"] or None
                    record.delete()
                done = f"{action.done}: {how_many(len(records), self.opts)}."
                self.message_user(request, done, messages.SUCCESS)
                return None
        return self.page(
            request, "confirm", 409 if context["stale"] else 422 if form.errors else 200,
            **context | deletion, title=action.label, form=form, media=self.media + form.media,
        )  # fmt: skip
