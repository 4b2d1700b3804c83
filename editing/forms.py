"""The forms of a record: generated slugs, the permission to publish, the reason of a change.
And the form that asks what becomes of facts without a visible quote."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst, slugify

from dates.edtf import parse
from dates.fields import EDTFField
from dates.spanish_dates import span_in
from editing.differences import name_or_counts
from editing.pickers import ListsForm
from record.pasting import losses_in_words, tidy
from record.proof import Publication, Withdrawal, sources_of
from record.publishing import Record, may_publish, whom_to_ask
from record.richtext import RichTextField

DRAFTS_ONLY = "Puede guardar el borrador; publica quien tiene permiso."
WHY = "Esto ya es público. Diga por qué lo cambia, por ejemplo «se acota la fecha»."
PUBLIC_WORK = "Es público o está por serlo: se vería en cuanto se guardara. Copie lo escrito."
LONGEST_REASON = 500
MOST_NEW_ROWS = 50  # that one save adds to a record; a form of each is made even if it is empty
ASKING = ("publish", "withdraw", "draft")
"""The buttons «Publicar…», «Retirar…» and «Volver a borrador…». Each saves the form and leads to
the page of that action."""
FormValues = dict[str, Any]
FormKey = tuple[str, int]
"""A form on the page: the prefix of its formset and the primary key of its row, or a negative
number for a row to add."""
RECORD: FormKey = ("", 0)
"""The form of the record itself."""
PageValues = dict[FormKey, FormValues]
"""The values of the forms of a record and of its rows."""


class PlainTextField(forms.CharField):
    """Text of several lines, stored with LF; browsers send CR LF."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class ExtraField(forms.CharField):
    """A field that does not belong to the record: its value never counts as a change."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


class ReasonField(ExtraField):
    """The reason in the form of a record. The form itself refuses an empty one, since it asks for
    none if nothing changes."""

    def validate(self, value: Any) -> None:
        pass


def reason_field(kind: type[ExtraField] = ExtraField, **options: Any) -> ExtraField:
    defaults: dict[str, Any] = {
        "label": "Por qué este cambio",
        "required": False,
        "max_length": LONGEST_REASON,
        "help_text": "Quedará en el historial. Por ejemplo «se acota la fecha con el párrafo 2».",
        "widget": forms.TextInput(attrs={"class": "vTextField", "spellcheck": "true"}),
    }
    return kind(**defaults | options)


def record_reason(record: Record | None) -> ExtraField:
    """The field of the reason in the form of a record: required and shown only if readers see the
    record already."""
    if record is not None and is_public_work(record):
        return reason_field(ReasonField, required=True)
    return reason_field(ReasonField, widget=forms.HiddenInput())


def link(record: models.Model) -> SafeString:
    """A link to the form of a record: «Acontecimiento: Firma del acuerdo»."""
    meta = record._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[record.pk])
    return format_html('{}: <a href="{}">{}</a>', capfirst(meta.verbose_name), address, record)


def free_slug(model: type[models.Model], words: str) -> str:
    """`words` as a slug that no other record of `model` has: `firma-del-acuerdo-2`."""
    base = slugify(words)[:110].strip("-") or str(model._meta.model_name)
    taken = set(model._base_manager.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(s for n in count(1) if (s := f"{base}-{n}" if n > 1 else base) not in taken)


def is_public_work(record: Record) -> bool:
    """Whether a change of the record needs a reason: readers see it already."""
    return not record._state.adding and record.is_public()


class Edit:
    """The state of one request to the form of a record.

    `token` is the token of the record's present state. `filling` replaces the initial values of the
    form, and `review` compares them with the record. The request is `stale` if another person saved
    the record after the form was opened, and has `collided` if that happened at the same moment.
    """

    token = ""
    review: Any = None
    stale = collided = saved = False

    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        self.filling: PageValues = {}
        self.pressed = next((name for name in ASKING if f"_{name}" in request.POST), "")
        self.check_only = "_check" in request.POST or "_use" in request.POST
        self.began = timezone.now()


def edit_of(request: HttpRequest) -> Edit:
    """The Edit of a request. The first call makes it."""
    attributes = vars(request)
    if "edit" not in attributes:
        attributes["edit"] = Edit(request)
    return attributes["edit"]


class RecordForm(ListsForm):
    """The form of a record or of one of its rows. ModelAdmin.get_form() sets these attributes."""

    edit: Edit
    inlines_changed: Callable[[], bool] = staticmethod(lambda: False)
    noted = False  # a field has a note
    filled: ClassVar[FormValues] = {}
    """Replaces initial values of the record. A bound form takes only its files from here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = (kwargs.get("initial") or {}) | self.filled
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False
            self.fields["slug"].error_messages["unique"] = SLUG_TAKEN

    def is_valid(self) -> bool:
        """False for a request that only checks the form, so that nothing is saved."""
        return super().is_valid() and not self.edit.check_only

    def changes_something(self) -> bool:
        decided = self.instance._state.adding or self.filled
        return bool(decided) or self.has_changed() or self.inlines_changed()

    def clean(self) -> None:
        super().clean()
        self._read_span()
        if self.edit.pressed and not may_publish(self.edit.user):
            self.add_error(None, DRAFTS_ONLY)

    def _read_span(self) -> None:
        """Reads a start such as «3-5 de mayo de 2017» as start and end, if the end is empty."""
        is_alone = "start" in self.errors and self.cleaned_data.get("end") == ""
        if is_alone and (dates := span_in(self["start"].data)):
            del self.errors["start"]
            self.cleaned_data |= {"start": dates.first.text, "end": dates.last.text}

    def _post_clean(self) -> None:
        """Checks the permission to publish and requires a reason for a change of public content.
        Only this hook sees the instance both before and after it takes the values of the form."""
        record = self.instance
        public = "change_reason" in self.fields and is_public_work(record)
        super()._post_clean()  # type: ignore[misc]  # django-stubs omits it
        if not self.errors and not may_publish(self.edit.user) and not record.is_draft():
            self.add_error(None, f"{PUBLIC_WORK} {whom_to_ask()}")
        reason = self.cleaned_data.get("change_reason", "")
        is_missing = not reason or reason.endswith(":")
        if public and not self.edit.check_only and is_missing and self.changes_something():
            self.add_error("change_reason", WHY)

    def left_out(self) -> Iterator[str]:
        """What the rich texts that were sent lost, as «Texto: se quitó 1 imagen»."""
        texts = (f for f in self._meta.model._meta.fields if isinstance(f, RichTextField))
        for field in texts:
            sent = self[field.name].data if field.name in self.changed_data else ""
            if words := losses_in_words(tidy(sent or "")[1]):
                yield f"{capfirst(str(field.verbose_name))}: {words[0].lower()}{words[1:]}"

    def save(self, commit: bool = True) -> Any:
        if not self.instance.slug and (words := self.instance.slug_words()):
            self.instance.slug = free_slug(type(self.instance), words)
        return super().save(commit)


class RecordFormSet(forms.BaseInlineFormSet):
    """The rows of a record. `filled` replaces initial values of rows, and adds rows."""

    default_error_messages = {
        "too_many_forms": "Son demasiados renglones: en total caben %(num)d. Guarde los primeros y "
        "agregue después los demás."
    }
    prefix: str
    model: type[Record]
    filled: PageValues = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        added = [
            values
            for (prefix, key), values in self.filled.items()
            if prefix == kwargs["prefix"] and key < 0
        ]
        super().__init__(*args, initial=added, **kwargs)
        self.extra += len(added)
        self.max_num = self.absolute_max = len(self.get_queryset()) + MOST_NEW_ROWS

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        kwargs = super().get_form_kwargs(index)
        if self.filled and index is not None and index < self.initial_form_count():
            kwargs["initial"] = self.filled.get((self.prefix, self.get_queryset()[index].pk))
        return kwargs


# The proof of records that are published or withdrawn

ALSO, WAIT, ALONE, EMPTY = "also", "wait", "alone", "empty"
SLUG_TAKEN = (
    "Otro registro tiene ya este identificador. Escriba otro, o bórrelo y se pondrá uno libre."
)
LATER = "«Requiere atención» lo recordará."
LISTED = 20


@dataclass
class Card:
    """The `facts` of which the page speaks, as links to their forms, with the question about them
    if there is one. `more` facts are not listed."""

    title: str
    facts: list[SafeString]
    more: int
    note: str = ""
    field: forms.BoundField | None = None
    asked: Sequence[tuple[Record, forms.BoundField]] = ()
    """Facts, each with the question about one of its fields."""


class DecisionForm(forms.Form):
    """Asks what becomes of the facts that an act would leave without a visible quote."""

    def __init__(self, data: Any, effects: Publication | Withdrawal) -> None:
        super().__init__(data)
        self.effects = effects
        self.cards: list[Card] = []
        if isinstance(effects, Publication):
            self._ask_before_publishing(effects)
        else:
            self._ask_before_withdrawing(effects)

    def _show(self, title: str, facts: Iterable[Any], note: str = "") -> Card:
        facts = [*facts]
        links = [*map(link, facts[:LISTED])]
        card = Card(title, links, max(0, len(facts) - LISTED), note)
        self.cards.append(card)
        return card

    def _ask(self, title: str, name: str, initial: str, choices: dict) -> forms.BoundField:
        self.fields[name] = forms.ChoiceField(
            label=title, choices=[*choices.items()], initial=initial, widget=forms.RadioSelect,
            error_messages={"required": f"{title}: elija qué hacer."},
        )  # fmt: skip
        return self[name]

    def _ask_before_publishing(self, effects: Publication) -> None:
        if effects.sources:
            card = self._show("Hay citas que no se verían: su fuente no es pública",
                              effects.sources, _resting(effects.resting))  # fmt: skip
            wait = "Esperar: no publicar todavía lo que se quedaría sin prueba"
            waiting = {WAIT: wait} if effects.resting else {}
            card.field = self._ask(card.title, "sources", ALSO, {
                ALSO: f"Publicar también {name_or_counts(effects.sources)}, con su texto completo",
                **waiting,
                ALONE: f"Publicar sin esas citas. {LATER if effects.resting else ''}",
            })  # fmt: skip
        if effects.bare:
            card = self._show(f"{_facts(effects.bare)} sin ninguna cita a la vista", effects.bare)
            wait = "Esperar: no publicarlo todavía"
            choices = {WAIT: wait, ALONE: f"Publicarlo sin prueba. {LATER}"}
            card.field = self._ask(card.title, "bare", "", choices)
        if effects.unproven:
            note = f"Lo que se publique así se verá sin prueba. {LATER}"
            card = self._show("Datos que ninguna cita prueba", [], note)
            choices = {EMPTY: "Dejarlo vacío", ALONE: "Publicarlo así"}
            card.asked = [
                (fact, self._ask(_shown(fact, field), _question(fact, field), EMPTY, choices))
                for fact, fields in effects.unproven
                for field in fields
            ]

    def _ask_before_withdrawing(self, effects: Withdrawal) -> None:
        if effects.losing:
            others = len(effects.others)
            note = f"{others} más tienen además otra fuente." if others else ""
            title = f"{_facts(effects.losing)} sin ninguna cita a la vista"
            card = self._show(title, effects.losing, note)
            if effects.taken:
                card.field = self._ask(card.title, "facts", ALSO, {
                    ALSO: f"Retirar también {name_or_counts(effects.taken)}",
                    ALONE: f"Dejarlos a la vista, sin su prueba. {LATER}",
                })  # fmt: skip
        if effects.hanging:
            self._show("Con esto también deja de verse", effects.hanging)
        if any(record.is_public() for record in effects.records):
            self.fields["change_reason"] = reason_field(
                label="Por qué se retira", help_text="Se lee en el historial.", required=True,
                error_messages={"required": "Diga por qué se retira."},
            )  # fmt: skip

    def clean(self) -> None:
        """Empties the fields without proof, if that was chosen. Refuses labels that no source of
        their record says."""
        super().clean()
        emptied = [(fact, fields) for fact, fields in self.emptied() if fields]
        for fact, fields in emptied:
            for field in fields:
                setattr(fact, field.attname, field.get_default())
            try:
                fact.full_clean()
            except ValidationError as error:
                self.add_error(None, f"«{fact}»: {' '.join(error.messages)}")
        if isinstance(self.effects, Publication):
            for problem in self.effects.unsaid(self.waiting()):
                self.add_error(None, problem)

    def chose(self, name: str) -> str:
        return self.cleaned_data.get(name, "")

    def emptied(self) -> list[tuple[Record, list[Any]]]:
        """The facts with the fields to empty."""
        return [
            (fact, [field for field in fields if self.chose(_question(fact, field)) == EMPTY])
            for fact, fields in getattr(self.effects, "unproven", ())
        ]

    def waiting(self) -> set[Record]:
        """The records to leave as they are."""
        effects: Any = self.effects
        facts = effects.resting if self.chose("sources") == WAIT else []
        facts = [*facts, *(effects.bare if self.chose("bare") == WAIT else [])]
        waiting = {effects.owners[fact] for fact in facts}
        return waiting | {r for r in effects.records if not waiting.isdisjoint(r.owners())}

    def companions(self, records: Iterable[Record]) -> list[Any]:
        """The records on which the act is taken too: sources that these `records` cite, or facts
        that cite them."""
        if isinstance(self.effects, Withdrawal):
            return self.effects.taken if self.chose("facts") == ALSO else []
        if self.chose("sources") != ALSO:
            return []
        owners, acted = self.effects.owners, set(records)
        quotes = {f: q for f, q in self.effects.quotes.items() if owners.get(f) in acted}
        cited = sources_of(quotes)
        return [source for source in self.effects.sources if source in cited]


def _facts(facts: list[Record]) -> str:
    return "1 hecho se quedaría" if len(facts) == 1 else f"{len(facts)} hechos se quedarían"


def _shown(fact: Record, field: Any) -> str:
    """««Firma»: inicio (agosto de 2011)»."""
    value = getattr(fact, field.attname)
    value = parse(value) if isinstance(field, EDTFField) else localize(value)
    return f"«{fact}»: {field.verbose_name} ({value})"


def _question(fact: Record, field: Any) -> str:
    return f"unproven-{fact._meta.model_name}-{fact.pk}-{field.name}"


def _resting(facts: list[Record]) -> str:
    names = "; ".join(f"«{fact}»" for fact in facts[:LISTED])
    return f"Toda la prueba visible depende de esto: {names}." if facts else ""
