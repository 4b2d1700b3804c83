"""The panel of the desk: the forms of the records that the chosen quotes prove."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.forms import Media
from django.http import QueryDict
from django.utils.text import capfirst

from dates.edtf import END_OF_TIME
from desk.forms import ALSO, AT_ONCE, ENDS, PanelForm, admin_of, mark_of, token_of
from desk.guesses import likely_doubles
from desk.reading import ChosenWords, Selection, selected
from editing.admin import problems_of
from editing.pickers import entries_of, matches, mentions_in
from record.publishing import StaffRequest
from record.text import is_key
from sources.admin import say_differences
from sources.models import Source, supported_model

KINDS = {
    "acontecimiento": "event",
    "membresia": "membership",
    "periodo": "representation_term",
    "organizacion": "organization",
    "pronunciamiento": "statement",
}
"""The name of the foreign key of a citation, by the name of the kind in the address."""
EXISTING = "existente"
OWN = (
    "o words proves go use save undo also ends shown factless buscar csrfmiddlewaretoken "
    "started_on _use _check opened_on"
).split()
"""The fields of the panel itself, before a hyphen."""
MOST_OFFERED = 12
UNSAVED = "{}: lo que escribió ahí no se guardaría. {}, o bórrelo."


class Panel:
    """The forms of the kind that the address names, for the selected sentences, with the values
    that were sent from them before."""

    def __init__(self, request: StaffRequest, source: Source, query: QueryDict) -> None:
        self.request, self.source, self._query = request, source, query
        self.posted: Any = request.POST.copy()
        self.is_bound = not {"save", "_check", "_use"}.isdisjoint(self.posted)
        self.is_checked = "_check" in self.posted
        self.shown = self._shown()
        selections = selected(query, source.passages)
        self.selections = [s for s in selections if not self._is_erased(s)] or selections
        self.kinds = {kind: name for kind, name in KINDS.items() if self._may("add", name)}
        asked = query.get("hecho", "")
        self.kind = asked if asked in (*self.kinds, EXISTING) else next(iter(self.kinds), "")
        self.companions = {*self.posted.getlist("also"), "ends" if self.posted.get("ends") else ""}
        self.quotes = [*self._quotes()]
        self.forms: list[PanelForm] = []
        if self.selections and self.kinds:
            self._add_forms()

    def _shown(self) -> dict[str, Any]:
        """The marks of the values that the page showed before, by the names of their fields, and
        under `of` the record whose form it was."""
        with suppress(ValueError, TypeError):
            return dict(json.loads(self.posted.get("shown", "")))
        return {}

    @property
    def showing(self) -> str:
        """The marks to send along, as JSON."""
        if self.is_bound:
            return json.dumps(self.shown)
        marks: dict[str, Any] = {"of": self.forms[0].address if self.forms else ""}
        for form in self.forms:
            marks |= form.marks
        return json.dumps(marks)

    def _is_erased(self, selection: Selection) -> bool:
        """Whether its words were erased before saving, which lets go of it."""
        tokens = self.posted.getlist("o")
        if not self.is_bound or str(selection) not in tokens:
            return False
        return not self.posted.get(f"words-{tokens.index(str(selection))}", "").strip()

    def _may(self, action: str, name: str) -> bool:
        return bool(getattr(admin_of(name), f"has_{action}_permission")(self.request))

    def _may_change(self, record: Any) -> bool:
        """Whether the user may change a draft. Of other records, changes are held."""
        model_admin: Any = admin.site.get_model_admin(type(record))
        return not record.is_draft() or model_admin.has_change_permission(self.request, record)

    def _quotes(self) -> Iterator[ChosenWords]:
        sent = {token: number for number, token in enumerate(self.posted.getlist("o"))}
        for number, selection in enumerate(self.selections):
            before = sent.get(str(selection), -1)
            words = self.posted.get(f"words-{before}", selection.words(self.source.passages))
            ticks = set(self.posted.getlist(f"proves-{before}"))
            is_new = before < 0 or self.request.GET.get("hecho", self.kind) != self.kind
            quote = ChosenWords(number, selection, words, ticks, is_new, self._again(selection))
            if self.posted.get("use") == str(before):
                quote.words = quote.offer(self.source) or words
            yield quote

    def _again(self, selection: Selection) -> str:
        """The address that adds another quote of the same sentence; empty if none is left."""
        count = len(selection.sentence(self.source.passages).split())
        runs = (Selection(selection.number, first, count) for first in range(1, count + 1))
        run = next((run for run in runs if run not in self.selections), None)
        return self.query([*self.selections, run]) if run else ""

    def _add_forms(self) -> None:
        name = self.kinds.get(self.kind, "")
        if name:
            self.forms.append(PanelForm(self, name))
        elif chosen := self._chosen_record():
            self.forms.append(PanelForm(self, *chosen))
        for prefix, (kind, title, fields) in ALSO.items() if name == "organization" else ():
            if self._may("add", kind):
                self.forms.append(PanelForm(self, kind, None, prefix, title, fields))
        if name in ENDS and self._may("change", name):
            self._add_ending(name)
        for quote in (quote for quote in self.quotes if quote.is_new):
            guesses = (form.guessed_ticks(quote.number) for form in self.forms)
            quote.proves = set().union(*guesses) or {""}

    def _add_ending(self, name: str) -> None:
        """Adds the form of the term, or of the membership, that ends with a new one."""
        if (key := self.posted.get("ends")) is None:
            guess = self.forms[0].guesses.get("ends")
            key = str(guess.value) if guess else ""
        ending = next((record for record in self.endings if str(record.pk) == key), None)
        self.companions |= {"ends"} if ending else set()
        if ending and name == "membership" and self.is_bound:
            self.posted.appendlist("replaces", str(ending.organization_id))
        fields = ["end", "end_label"]
        self.forms.append(PanelForm(self, name, ending, "ends", ENDS[name], fields))

    @cached_property
    def endings(self) -> list[Any]:
        """The terms, or the memberships, of which no end is known."""
        records = self._readable(self.kinds[self.kind]).filter(end_latest=END_OF_TIME)
        return [record for record in records if self._may_change(record)]

    def _readable(self, name: str) -> Any:
        return admin_of(name).get_queryset(self.request).visible_to(self.request.user)

    # A record that exists

    def _chosen_record(self) -> tuple[str, Any] | None:
        name, _, key = self._query.get("registro", "").partition("-")
        if name not in KINDS.values() or not is_key(key) or not self._may("change", name):
            return None
        record = self._readable(name).filter(pk=key).first()
        return (name, record) if record and self._may_change(record) else None

    @property
    def sought(self) -> str:
        return str(self.posted.get("buscar", ""))

    @property
    def other_record(self) -> str:
        """The address that lets go of the chosen record."""
        return self.query(kind=EXISTING)

    @property
    def offers(self) -> list[dict[str, Any]]:
        """The records that match the search, first the records that the quotes name; without a
        search, only these."""
        texts = [quote.sentence(self.source.passages) for quote in self.quotes]
        offers: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
        for name in (name for name in KINDS.values() if self._may("change", name)):
            records = self._readable(name)
            entries = [*entries_of(records)]
            named = {mention.key: "" for mention in mentions_in(texts, entries)}
            near = named
            if self.sought:
                near = {m.key: m.also for m in matches(records, entries, self.sought)}
            for key, record in records.in_bulk([*near][:MOST_OFFERED]).items():
                address = self.query(kind=EXISTING, record=f"{name}-{key}")
                offer = {"record": record, "also": near[key], "address": address}
                offers[key in named].append(offer | {"kind": record._meta.verbose_name})
        return [*offers[True], *offers[False]]

    @property
    def doubles(self) -> list[tuple[Any, str]]:
        """The records that a new one may repeat, and the addresses that choose them: organizations
        with a name like its name, memberships and terms without a known end of its organization."""
        if not self.forms or self.forms[0].stored or not self._may("change", self.forms[0].name):
            return []
        name, form = self.forms[0].name, self.forms[0].form
        records = self._readable(name)
        if name == "organization":
            records = records.filter(
                pk__in=likely_doubles(form["name"].value() or "", entries_of(records))
            )
        elif name in ENDS and is_key(str(key := form["organization"].value() or "")):
            records = records.filter(organization=key, end_latest=END_OF_TIME)
        else:
            return []
        keys = {record: f"{name}-{record.pk}" for record in records}
        return [(each, self.query(kind=EXISTING, record=key)) for each, key in keys.items()]

    # Saving

    def save(self) -> list[list[Any]]:
        """Saves all records in one transaction. Returns a line for each record: the name of its
        kind, its key, and its tokens before and after; no line if something is refused."""
        forms = [form for form in self.forms if form.is_open]
        try:
            with transaction.atomic():
                if not forms or any(form.clashes() for form in forms):
                    return []
                valid = [quote.locate(self.source) for quote in self.quotes]
                valid += [form.is_valid() for form in forms]
                valid += [False for form in self.forms if form.is_unticked]
                lines = [form.save() for form in forms] if all(valid) else []
                quotes = self.quotes if lines else []
                differences = [(f"Cita {q.number + 1}", q.differences) for q in quotes]
                say_differences(self.request, differences)
                return [[*line, token_of(*line[:2])] for line in lines]
        except ValidationError as error:
            forms[0].form.add_error(None, error.messages)
        except IntegrityError:
            forms[0].form.add_error(None, AT_ONCE)
        return []

    @property
    def problems(self) -> list[dict[str, str]]:
        """Why the records cannot be saved, each with the id of its field."""
        problems = [
            {"text": f"Cita {quote.number + 1}: {quote.problem}", "field": f"words-{quote.number}"}
            for quote in self.quotes
            if quote.problem
        ]
        for form in (form for form in self.forms if form.is_unticked):
            field, way_on = f"also-{form.companion}", "Marque «Guardarlo también»"
            if form.companion == "ends":
                field, way_on = "ends", "Elija quién"
            problems.append({"text": UNSAVED.format(form.title, way_on), "field": field})
        for form in (form for form in self.forms if form.is_open):
            problems += problems_of(form.form, f"{form.title}, " if form.title else "")
        return problems

    # The page

    @property
    def kind_links(self) -> list[tuple[str, str, str]]:
        """The kinds with their names («Acontecimiento», «Periodo») and addresses."""
        names = {k: str(supported_model(n)._meta.verbose_name) for k, n in self.kinds.items()}
        labels = {kind: capfirst(name.split()[0]) for kind, name in names.items()}
        labels[EXISTING] = "Uno que ya existe"
        return [(kind, label, self.query(kind=kind)) for kind, label in labels.items()]

    @property
    def media(self) -> Media:
        """That of an event, which has every widget, since a script changes the kind in place."""
        fields = admin_of("event").get_form(self.request).base_fields.values()
        return sum((field.widget.media for field in fields), Media())

    @property
    def carried(self) -> Iterator[tuple[str, str]]:
        """The values that the user typed in the forms of other kinds."""
        names = {bound.html_name for form in self.forms for bound in form.form}
        for name, values in self.posted.lists():
            if name.partition("-")[0] in OWN or name.removesuffix("_typed") in names:
                continue
            if mark_of(values) != self.shown.get(name):
                yield from ((name, value) for value in values if value)

    def query(
        self, selections: Iterable[Selection] | None = None, kind: str = "", record: str = ""
    ) -> str:
        """The address of a choice: with the present one, kind and record, or others."""
        query = QueryDict(mutable=True)
        chosen = self.selections if selections is None else selections
        query.setlist("o", [str(selection) for selection in chosen])
        query["hecho"] = kind or self.kind
        if record := record or ("" if kind else self._query.get("registro", "")):
            query["registro"] = record
        return query.urlencode(safe=":")
