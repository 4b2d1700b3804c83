"""The ordinary form of a record in the panel of the desk, with the quotes that prove its fields."""

from collections.abc import Iterator
from copy import copy
from functools import cached_property
from typing import Any, NamedTuple
from zlib import crc32

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.forms import BoundField

from dates.edtf import EDTF
from dates.forms import EDTFFormField, reading_of
from desk.changes import changes_of, hold
from desk.guesses import Guess, guesses_for
from desk.guesses import Quote as GuessedQuote
from desk.models import PendingChange
from desk.reading import ChosenWords
from editing.admin import focus_first_missing
from editing.forms import ExtraField, edit_of, link
from editing.reviews import Conflict, as_get
from editing.snapshots import lock, snapshot_at, tokens_of
from record.proof import texts_of, unsaid_labels
from sources.models import BOUNDS, Citation, date_and_bound, supported_model
from sources.proofs import citable

SPAN = ["start", "start_label", "end", "end_label"]
ALSO = {
    "membership": ("membership", "Además: su membresía", SPAN),
    "term": ("representation_term", "Además: un periodo", ["role", "order", *SPAN]),
}
"""The companions of an organization, by prefix: their kind, title and fields."""
ENDS = {"membership": "Reemplazo: quién sale", "representation_term": "Relevo: quién termina"}
UNSHOWN = ("slug", "website", "identifiers", "logo")
FOLDED = ("end", "start_label", "end_label", "date_label", "article", "other_names", "note")
"""Fields of the first fieldset that are folded too while they are empty."""
AT_ONCE = "Alguien guardó al mismo tiempo algo que choca con esto. Revíselo y guarde otra vez."


def admin_of(name: str) -> Any:
    """The admin of a kind of record, by the name of the foreign key of a citation."""
    return admin.site.get_model_admin(supported_model(name))


def token_of(name: str, key: int) -> str:
    """The token of the present state of a record; without a name, of a change that is held. Empty
    if it is gone."""
    if not name:
        pending = PendingChange.objects.filter(pk=key).first()
        return pending.token if pending else ""
    exists = supported_model(name)._base_manager.filter(pk=key).exists()
    return tokens_of(supported_model(name), [key], admin_of(name).relations())[key] * exists


def mark_of(value: Any) -> int:
    """A mark of a value, or of the values of a list, equal for equal ones."""
    values = value if isinstance(value, list | tuple) else [value]
    texts = sorted(str(getattr(v, "pk", v)) for v in values if v not in ("", None))
    return crc32("\n".join(texts).replace("\r\n", "\n").strip().encode())


class Tick(NamedTuple):
    """Whether a quote proves a field or, with the label «no antes de», a bound of a date."""

    quote: ChosenWords
    value: str
    label: str
    is_on: bool


class PanelRow(NamedTuple):
    """A field of a record. It has no ticks if it takes no proof."""

    bound: BoundField
    ticks: list[Tick]
    notes: list[str]


def _is_between(bound: BoundField) -> bool:
    """Whether the field has a date between two others, of which each takes a proof."""
    date = isinstance(bound.field, EDTFFormField) and reading_of(bound.value() or "").get("date")
    return isinstance(date, EDTF) and date.kind == "between"


class PanelForm:
    """A record of the panel with its ordinary form. The names of its fields and of its ticks begin
    with `prefix`, unless it is the main record, which has no `title`. The change of a `stored`
    record that is no draft `is_held`."""

    def __init__(
        self, panel: Any, name: str, stored: Any = None, prefix: str = "", title: str = "",
        fields: list[str] | None = None,
    ) -> None:  # fmt: skip
        self.panel, self.name, self.stored = panel, name, stored
        self.prefix, self.title, self.companion = f"{prefix}-" if prefix else "", title, prefix
        self.model = supported_model(name)
        self.model_admin = admin_of(name)
        self.is_held = stored is not None and not stored.is_draft()
        self.is_open = not title or prefix in panel.companions
        self.choice_of = {f"{self.prefix}{choice}": choice for choice, _ in citable(self.model)}
        names = flatten_fieldsets(self.model_admin.get_fieldsets(panel.request))
        self.fields = fields or [name for name in names if name not in UNSHOWN]
        self.token = token_of(name, stored.pk) if stored else ""
        self.address = f"{name}-{stored.pk}" if stored else ""
        self.typed: dict[str, Any] = {}
        self.form = self._form(panel.request, panel.posted)

    @cached_property
    def guesses(self) -> dict[str, Guess]:
        """The guesses of the fields. The main record guesses the end of another record too."""
        panel, prefix = self.panel, self.prefix
        if self.companion == "ends":
            guesses = panel.forms[0].guesses.items()
            return {n.removeprefix(prefix): g for n, g in guesses if n.startswith(prefix)}
        quotes = [GuessedQuote(q.sentence(panel.source.passages), q.words) for q in panel.quotes]
        return guesses_for(self.name, quotes, panel.source, panel.request.user, self.stored)

    def _form(self, request: Any, posted: Any) -> Any:
        instance, lists = self._opened(posted)
        edit_of(request).token = self.token
        form_class = self.model_admin.get_form(
            request, None if self.is_held else self.stored, fields=self.fields
        )
        form_class.inlines_changed = staticmethod(lambda: bool(self.choices()))
        options = {"instance": instance, "prefix": self.companion or None, "initial": lists}
        form = form_class(posted, **options)
        if not self.panel.is_bound:
            typed = self.typed = {b.name: b.data for b in form if posted and self._is_typed(b)}
            guessed = {name: guess.value for name, guess in self.guesses.items()}
            form_class.filled = guessed | typed | ({"opened_on": self.token} if self.stored else {})
            form = form_class(**options)
        for each in form.fields.values():
            each.help_text = ""  # the panel has no room for it
        if not (form.is_bound or self.stored or self.title):
            focus_first_missing(form)
        return form

    def _opened(self, posted: Any) -> tuple[Any, dict[str, Any] | None]:
        """The record that the form changes. For a change that is held, a copy of what the person
        saw: what others changed since is then no change, and the form asks for no reason."""
        if self.is_held:
            opened = "" if self._is_other else posted.get("opened_on", "")
            past = snapshot_at(opened, self.model, self.stored.pk, self.model_admin.relations())
            record: Any = past.record if past else copy(self.stored)
            vars(record).update(dict.fromkeys(("publish_at", "unpublish_at")))
            return record, {each.name: k for each, k in past.lists.items()} if past else None
        record = self.stored or self.model()
        if self.companion in ALSO:
            record.organization = self.panel.forms[0].form.instance
        return record, None

    @property
    def link(self) -> str:
        return link(self.stored)

    # What the user typed

    @property
    def _is_other(self) -> bool:
        """Whether the values that were sent come from the form of another record."""
        return bool(self.stored and not self.title) and self.panel.shown.get("of") != self.address

    def _is_typed(self, bound: BoundField) -> bool:
        """Whether a value was sent that is neither a guess nor the stored value."""
        mark = self.panel.shown.get(bound.html_name)
        return bool(bound.data) and not self._is_other and mark_of(bound.data) != mark

    @property
    def marks(self) -> dict[str, int]:
        """A mark of each value that the page shows and the user did not type."""
        fields = (bound for bound in self.form.visible_fields() if bound.name not in self.typed)
        return {bound.html_name: mark_of(bound.value()) for bound in fields}

    @property
    def is_unticked(self) -> bool:
        """Whether the user filled the form of a companion and did not tick it."""
        return self.form.is_bound and not self.is_open and any(map(self._is_typed, self.form))

    # The rows

    @property
    def rows(self) -> list[PanelRow]:
        return [row for row in self._rows if not self._is_folded(row)]

    @property
    def folded(self) -> list[PanelRow]:
        return [*filter(self._is_folded, self._rows)]

    @cached_property
    def _rows(self) -> list[PanelRow]:
        rows = []
        for bound in self.form.visible_fields():
            choice = "" if bound.name == self.model_admin.lead else bound.name
            endings = BOUNDS if _is_between(bound) else [""]
            ticks = [tick for ending in endings for tick in self._ticks(f"{choice}{ending}")]
            rows.append(PanelRow(bound, ticks, [*self._notes(bound.name, choice)]))
        return rows

    @property
    def whole_ticks(self) -> list[Tick]:
        """The ticks of a companion as a whole: the panel does not show the field of its name."""
        return self._ticks("")

    def _ticks(self, choice: str) -> list[Tick]:
        value, quotes = f"{self.prefix}{choice}", self.panel.quotes
        label = BOUNDS[date_and_bound(choice)[1]]
        ticks = [Tick(quote, value, label, value in quote.proves) for quote in quotes]
        return ticks if value in self.choice_of else []

    def _is_folded(self, row: PanelRow) -> bool:
        rare = (*FOLDED, *flatten_fieldsets(self.model_admin.fieldsets[1:]))
        is_filled = row.bound.value() or row.bound.errors
        return not (self.prefix or is_filled) and row.bound.name in rare

    def _notes(self, name: str, choice: str) -> Iterator[str]:
        if guess := self.guesses.get(name):
            yield guess.because
        if self.stored and choice in self.choice_of.values():
            numbers = sorted({n for n, f in self._cited if date_and_bound(f)[0] == choice})
            words = f"ya tiene cita {', '.join(map(str, numbers))}"
            yield words if numbers else "sin cita hasta ahora"

    @cached_property
    def _cited(self) -> list[tuple[int, str]]:
        citations = Citation.objects.filter(**{self.name: self.stored})
        return [*citations.values_list("number", "field")]

    def guessed_ticks(self, number: int) -> set[str]:
        """The values of the ticks of the fields whose guesses rest on a quote."""
        names = {name for name, guess in self.guesses.items() if number in guess.quotes}
        lead = self.model_admin.lead
        return {self.prefix + ("" if name == lead else name) for name in names}

    # Saving

    def choices(self) -> list[tuple[ChosenWords, str]]:
        """Each quote with the field that it proves; empty for the record as a whole. All quotes
        prove a companion without ticks."""
        quotes, of = self.panel.quotes, self.choice_of.items()
        ticked = [(q, choice) for q in quotes for value, choice in of if value in q.proves]
        default = "end" if self.companion == "ends" else ""
        return ticked or ([(quote, default) for quote in quotes] if self.title else [])

    def clashes(self) -> bool:
        """Whether somebody changed the draft after the form was opened. The form then shows the
        values that were sent, with notes on the changes of the other person."""
        request, posted = self.panel.request, self.panel.posted
        if not self.stored or self.is_held:
            return False
        edit, stored = edit_of(request), lock(self.model, [self.stored.pk])
        opened = self.token if self.title else posted.get("opened_on", "-")
        edit.token = self.token = token_of(self.name, self.stored.pk) if stored else ""
        is_stale = opened != self.token or not all(r.is_draft() for r in stored.values())
        if self.title or not stored:
            if is_stale:
                self.form.add_error(None, AT_ONCE)
            return is_stale
        if not is_stale and "_use" not in posted:
            return False
        edit.stale, (record,) = is_stale, stored.values()
        started, stale = posted.get("started_on") or opened, opened if is_stale else ""
        edit.review = Conflict(self.model_admin, request, record, started, stale)
        shown = as_get(request, edit.review.sent())
        form_class = self.model_admin.get_form(shown, record, fields=self.fields)
        self.form = form_class(instance=record)
        edit.review.annotate(self.form, [])
        return True

    def is_valid(self) -> bool:
        form = self.form
        if not form.errors and not self.is_held:
            texts = texts_of(self.stored) if self.stored else []
            texts += [self.panel.source.passages.text] if self.choices() else []
            for name, error in unsaid_labels(form.instance, texts).items():
                form.add_error(name if name in form.fields else None, error)
        return bool(form.is_valid())

    def save(self) -> list[Any]:
        """Saves the record and its citations, or holds them. Returns the name of its kind, its key
        and its token before. Raises ValidationError."""
        if self.is_held:
            return self._hold()
        request, record, is_change = self.panel.request, self.form.instance, bool(self.stored)
        if self.title and not is_change:
            record.organization = self.panel.forms[0].form.instance
            record.full_clean(exclude=["slug"])
        self.form.save(commit=False)
        self.model_admin.save_model(request, record, self.form, is_change)
        source, supported = self.panel.source, {self.name: record}
        citations = Citation.objects.filter(**supported)
        known = set(citations.values_list("source_id", "exact", "field"))
        for quote, choice in self.choices():
            citation = Citation(source=source, exact=quote.words, field=choice, **supported)
            citation.full_clean(exclude=["slug", "number", "position"])
            if (source.pk, citation.exact, choice) not in known:
                citation.save()
        self.model_admin.save_related(request, self.form, [], is_change)
        return [self.name, record.pk, self.token]

    def _hold(self) -> list[Any]:
        """Holds the change. The name is empty; the earlier content of the change is the token."""
        form, source = self.form, self.panel.source
        fields = {n: field for n, field in form.fields.items() if not isinstance(field, ExtraField)}
        changes = {n: form.cleaned_data[n] for n in form.changed_data if n in fields}
        quotes = [{"exact": quote.words, "field": choice} for quote, choice in self.choices()]
        earlier = changes_of(self.stored).filter(source=source).first()
        before = [earlier.changes, len(earlier.quotes)] if earlier else ""
        user: Any = self.panel.request.user
        pending = hold(source, self.stored, changes, quotes, user)
        return ["", pending.pk, before]
