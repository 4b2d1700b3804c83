"""The panel of the desk: the ordinary form of a record beside the quotes that prove its fields."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.http import QueryDict
from django.utils.text import capfirst

from record.publishing import StaffRequest
from sources.models import Source, supported_model
from sources.proofs import citable
from texts.passages import Passages

KINDS = {
    "acontecimiento": "event",
    "membresia": "membership",
    "periodo": "representation_term",
    "organizacion": "organization",
    "pronunciamiento": "statement",
}
"""The name of the foreign key of a citation, by the name of the kind in the address."""
EXISTING = "existente"
UNSHOWN = ("slug", "website", "identifiers", "logo")
FOLDED = ("end", "start_label", "end_label", "date_label", "article", "other_names", "note")
"""Fields of the first fieldset that are folded too while they are empty."""
MOST_QUOTES = 20


class Selection(NamedTuple):
    """The words `first` to `last` of the sentence `number`, all counted from 1, or all its words.
    In the address, `2` or `2:5-12`."""

    number: int
    first: int = 0
    last: int = 0

    @classmethod
    def read(cls, text: str) -> Self | None:
        number, _, words = text.partition(":")
        first, _, last = words.partition("-")
        parts = [number, *([first, last] if words else [])]
        if not all(part.isdecimal() and 0 < len(part) < 7 and int(part) for part in parts):
            return None
        return cls(*map(int, parts))

    def __str__(self) -> str:
        return f"{self.number}:{self.first}-{self.last}" if self.first else str(self.number)

    def words(self, passages: Passages) -> str:
        sentence = passages.sentences[self.number - 1]
        words = passages.text[sentence.start : sentence.end]
        return " ".join(words.split()[self.first - 1 : self.last]) if self.first else words


def selected(query: QueryDict, passages: Passages) -> list[Selection]:
    """The selections in an address, without those that the text does not have."""
    read = [selection for text in query.getlist("o") if (selection := Selection.read(text))]
    within = [s for s in dict.fromkeys(read) if s.number <= len(passages.sentences)]
    return [s for s in within if s.words(passages)][:MOST_QUOTES]


@dataclass
class ChosenWords:
    """A quote of the panel: its `words`, the names of the fields that it `proves`, and why it is
    refused, with other words that the source offers."""

    number: int
    selection: Selection
    words: str
    proves: set[str]
    problem: str = ""
    offered: str = ""


class Tick(NamedTuple):
    quote: ChosenWords
    is_on: bool


@dataclass
class PanelRow:
    """A field of a record. `value` is the value of its ticks; it has none if it takes no proof."""

    bound: forms.BoundField
    value: str
    ticks: list[Tick]
    guess: str = ""


class PanelForm:
    """A record of the panel. The names of its fields, and of their ticks, begin with `prefix`."""

    def __init__(self, name: str, form: Any, quotes: list[ChosenWords], prefix: str = "") -> None:
        self.name, self.form, self.prefix = name, form, prefix
        self.model_admin: Any = admin.site.get_model_admin(supported_model(name))
        fieldsets: Any = self.model_admin.fieldsets
        rare = flatten_fieldsets(fieldsets[1:])
        self.shown: list[PanelRow] = []
        self.folded: list[PanelRow] = []
        for row in self._rows(quotes):
            is_rare = row.bound.name in (*FOLDED, *rare)
            is_folded = is_rare and not (row.bound.value() or row.bound.errors)
            (self.folded if is_folded else self.shown).append(row)

    def _rows(self, quotes: list[ChosenWords]) -> Iterator[PanelRow]:
        fields = dict(citable(self.model_admin.model))
        for bound in self.form.visible_fields():
            choice = "" if bound.name == self.model_admin.lead else bound.name
            value = f"{self.prefix}{choice}"
            ticks = [Tick(q, value in q.proves) for q in quotes] if choice in fields else []
            yield PanelRow(bound, value, ticks)

    @property
    def hidden(self) -> list[forms.BoundField]:
        return self.form.hidden_fields()


class Panel:
    """The form of the kind that the address names, for the selected sentences.

    `posted` is what was sent from the panel of `query`, to show it again; empty at first.
    """

    def __init__(
        self, request: StaffRequest, source: Source, query: QueryDict, posted: QueryDict
    ) -> None:
        self.request, self.source, self.posted = request, source, posted
        self.selections = selected(query, source.passages)
        self.kinds = {kind: name for kind, name in KINDS.items() if self._may_add(name)}
        asked = query.get("hecho", "")
        self.kind = asked if asked in (*self.kinds, EXISTING) else next(iter(self.kinds), "")
        self.quotes = [*self._quotes()]
        self.parts = [*self._parts()] if self.selections else []

    def _may_add(self, name: str) -> bool:
        model_admin: Any = admin.site.get_model_admin(supported_model(name))
        return model_admin.has_add_permission(self.request)

    def _quotes(self) -> Iterator[ChosenWords]:
        sent = {token: number for number, token in enumerate(self.posted.getlist("o"))}
        for number, selection in enumerate(self.selections):
            before = sent.get(str(selection), -1)
            words = self.posted.get(f"words-{before}", selection.words(self.source.passages))
            proves = self.posted.getlist(f"proves-{before}") if before >= 0 else [""]
            yield ChosenWords(number, selection, words, set(proves))

    def _parts(self) -> Iterator[PanelForm]:
        if name := self.kinds.get(self.kind):
            yield PanelForm(name, self._form(name), self.quotes)

    def _form(self, name: str) -> Any:
        """The unbound form, filled with what was sent."""
        model_admin: Any = admin.site.get_model_admin(supported_model(name))
        fieldsets = model_admin.get_fieldsets(self.request)
        names = [name for name in flatten_fieldsets(fieldsets) if name not in UNSHOWN]
        form_class = model_admin.get_form(self.request, fields=names)
        if self.posted:
            sent = form_class(self.posted)
            form_class.filled = {
                bound.name: bound.data
                for bound in sent
                if bound.data or self.posted.get("kind_shown") == self.kind
            }
        return form_class()

    @property
    def kind_links(self) -> list[tuple[str, str, str]]:
        """The kinds with their names («Acontecimiento», «Periodo») and addresses."""
        labels = {EXISTING: "Uno que ya existe"} if self.kinds else {}
        names = {k: str(supported_model(n)._meta.verbose_name) for k, n in self.kinds.items()}
        labels = {kind: capfirst(name.split()[0]) for kind, name in names.items()} | labels
        return [(k, label, self.queries(self.selections, k)) for k, label in labels.items()]

    @property
    def media(self) -> forms.Media:
        return sum((part.form.media for part in self.parts), forms.Media())

    @property
    def carried(self) -> Iterator[tuple[str, str]]:
        """What was typed in the forms of other kinds, to send it along."""
        shown = {bound.html_name for part in self.parts for bound in part.form}
        for name, values in self.posted.lists():
            own = name.partition("-")[0] in ("o", "words", "proves", "go", "kind_shown")
            if not own and name.removesuffix("_typed") not in shown | {"csrfmiddlewaretoken"}:
                yield from ((name, value) for value in values if value)

    def queries(self, selections: Iterable[Selection], kind: str = "") -> str:
        """The address of a choice, with the present kind or another one."""
        query = QueryDict(mutable=True)
        query.setlist("o", [str(selection) for selection in selections])
        query["hecho"] = kind or self.kind
        return query.urlencode(safe=":")
