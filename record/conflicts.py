"""The notes beside the fields of a form that holds other values than its record: two
people on one record, an older version, a record from the papelera.

A review compares the form with the present record (`now`) and an earlier edition (`before`).
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django import forms
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.text import capfirst

from record.differences import how_many, missing_from, plain
from record.filling import (
    NOT_FILLED,
    RECORD,
    Edition,
    Filling,
    Key,
    Values,
    differs,
    edition_of,
    fields_of,
)
from record.forms import EDTFFormField
from record.holding import is_key, lasts_in
from record.publishing import Record
from record.richtext import RichTextField
from record.snapshots import Snapshot, parts_of, rows_at
from record.text import word_diff

Note = dict[str, Any]
WITHOUT_NOTE = (*NOT_FILLED, "id", "change_reason", forms.formsets.DELETION_FIELD_NAME)


class Review:
    """`kind` names the message above the form."""

    kind = ""

    def __init__(self, model_admin: Any, request: HttpRequest, record: Record | None) -> None:
        self.admin, self.request, self.record = model_admin, request, record
        self.opened: Edition = {}
        self.before: Edition = {}
        self.noted: list[tuple[Note, forms.BoundField | None, str]] = []

    @cached_property
    def now(self) -> Edition:
        return edition_of(self.admin, self.request, self.record) if self.record else {}

    def sent(self) -> Filling:
        """What was sent and is not saved; where the sender left what was opened, what `now` has."""
        form = self.admin.form_for(self.request, self.record)(
            self.request.POST, self.request.FILES, instance=self.record
        )
        filling = Filling({RECORD: self._sent_values(form, RECORD)})
        for formset in self.admin.formsets_for(self.request, self.record):
            for row in formset.forms:
                self._fill_row(filling, formset.prefix, row)
        return filling

    def _fill_row(self, filling: Filling, prefix: str, row: forms.ModelForm) -> None:
        sent = row.data.get(row.add_prefix("id"), "")
        key = (prefix, int(sent) if is_key(sent) else 0)
        values, opened = self._sent_values(row, key), self.opened.get(key)
        if key in self.now:
            filling.rows[key] = values
        elif values.get(forms.formsets.DELETION_FIELD_NAME):
            return
        elif opened is None:
            if row.has_changed():
                filling.added[prefix].append(values)
        elif any(differs(opened, bound.name, bound.data) for bound in fields_of(row)):
            filling.added[prefix].append(values | {"removed": True})

    def _sent_values(self, form: forms.ModelForm, key: Key) -> Values:
        """A button «name="_use"» takes the value of one input from another edition."""
        which, _, taken = self.request.POST.get("_use", "").partition(" ")
        source = self.before if which == "before" else self.now
        opened, now = self.opened.get(key), self.now.get(key)
        values = {}
        for bound in fields_of(form):
            name, widget = bound.name, bound.field.widget
            left = widget.value_omitted_from_data(form.data, form.files, bound.html_name) or (
                opened is not None and not differs(opened, name, bound.data)
            )
            if bound.html_name == taken and key in source and name in source[key].fields:
                values[name] = source[key][name].initial
            elif left and now is not None and name in now.fields:
                values[name] = now[name].initial
            else:
                values[name] = bound.data
        return values

    def files(self) -> Filling:
        """Files that a save keeps unless another is chosen: a form cannot send them back."""
        return Filling()

    def note(self, bound: forms.BoundField, key: Key) -> Note | None:
        """The note of a field that is in `now`."""

    def row_note(self, row: forms.ModelForm, key: Key) -> str:
        """The note of a whole row."""
        return ""

    def annotate(self, form: forms.ModelForm, formsets: list[forms.BaseInlineFormSet]) -> None:
        """Puts each note into the help text of its field."""
        self._annotate(form, RECORD, "")
        for formset in formsets:
            for row in formset.forms:
                key = (formset.prefix, row.instance.pk or 0)
                self._annotate(row, key, capfirst(row._meta.model._meta.verbose_name))

    def _annotate(self, form: forms.ModelForm, key: Key, row: str) -> None:
        fields = [bound for bound in form.visible_fields() if bound.name not in WITHOUT_NOTE]
        for bound in fields:
            there = key in self.now and bound.name in self.now[key].fields
            if there and (note := self.note(bound, key)):
                self._put(bound, {"name": bound.html_name, "review": self} | note, row)
        if row and fields and (text := self.row_note(form, key)):
            self._put(fields[-1], {"kind": "row", "text": text, "model": form._meta.model}, row)

    def _put(self, bound: forms.BoundField, note: Note, row: str) -> None:
        bound.help_text = f"{render_to_string('admin/record/_note.html', note)}{bound.help_text}"
        self.noted.append((note, bound, row))

    def fields_noted(self, kind: str) -> Iterator[dict[str, str]]:
        """Label and id of the fields that have a note of this kind."""
        for note, bound, row in self.noted:
            if note["kind"] == kind and kind != "row":
                label = f"{row}: {bound.label}" if row else bound.label
                yield {"label": label, "id": bound.id_for_label}


class Conflict(Review):
    """The form was opened on an older state. `started_on` is the token that the person began with,
    `opened_on` the token of the page that was sent, if that is not the present one."""

    kind = "conflict"

    def __init__(self, *args: Any, started_on: str, opened_on: str = "") -> None:
        super().__init__(*args)
        self.started_on = started_on
        self.before = self._at(started_on)
        self.opened = self._at(opened_on) if opened_on != started_on else self.before
        self.act = self.admin.last_act(self.record)

    def _at(self, token: str) -> Edition:
        relations = self.admin.relations()
        lasts = lasts_in(token, 1 + len(relations))
        model = self.admin.model
        version = lasts and model.history.filter(pk=lasts[0], id=self.record.pk).first()
        if not version:
            return {}

        def rows_of(model: type[Record], owner: str) -> list[Record]:
            return rows_at(model, owner, self.record.pk, lasts[1 + relations.index((model, owner))])

        return edition_of(self.admin, self.request, self.record, version, rows_of)

    def note(self, bound: forms.BoundField, key: Key) -> Note | None:
        if isinstance(bound.field, forms.FileField):
            return None
        name, mine, now = bound.name, bound.value(), self.now[key]
        before = self.before.get(key)
        if self.before and (before is None or not differs(before, name, _as_sent(now[name]))):
            return None
        if differs(now, name, _as_sent(bound)):
            pieces = _change(bound, mine, now[name].value())
            return {"kind": "clash", "pieces": pieces}
        if before is not None:
            return {"kind": "put", "text": _words(bound, before[name].value())}
        return None

    def row_note(self, row: forms.ModelForm, key: Key) -> str:
        who = self.act["short"]
        if row.initial.get("removed"):
            return f"{who} quitó esto. Si usted lo guarda, vuelve."
        if self.before and key in self.now and key not in self.before:
            return f"Puesto por {who}."
        return ""

    @property
    def clashes(self) -> list[dict[str, str]]:
        return list(self.fields_noted("clash"))

    @property
    def put(self) -> list[str]:
        """«Título», «1 cita»: what only the other person changed."""
        names = [note["label"] for note in self.fields_noted("put")]
        rows = [note["model"] for note, _bound, _row in self.noted if note["kind"] == "row"]
        rows += [self.before[key]._meta.model for key in self.before.keys() - self.now.keys()]
        return names + [how_many(rows.count(model), model._meta) for model in dict.fromkeys(rows)]


class Restoration(Review):
    """An older `version` in the form; `last` is the number of the present one. Without a record it
    is in the papelera, and `deletion` is its last version."""

    kind = "restoration"

    def __init__(
        self, *args: Any, version: Any, snapshot: Snapshot, number: int, last: int,
        deletion: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(*args)
        self.version, self.number, self.last, self.next = version, number, last, last + 1
        self.deletion, self.missing = deletion, missing_from(snapshot)
        self.prefixes = {part.get_accessor_name() for part in parts_of(self.admin.model)}

        def rows_of(model: type[Record], _owner: str) -> list[Record]:
            return [part for part in snapshot.parts if type(part) is model]

        self.before = edition_of(self.admin, self.request, self.record, version, rows_of)

    @property
    def changed(self) -> list[dict[str, str]]:
        return list(self.fields_noted("version"))

    def filling(self) -> Filling:
        """Rows that are gone are added, newer rows are ticked for deletion."""
        left = ("publish_at", "unpublish_at") if self.deletion else NOT_FILLED
        before = dict(self.before)
        record = {n: v for n, v in before.pop(RECORD).initial.items() if n not in left}
        again = f"Vuelve a la versión {self.number}:"
        record["change_reason"] = "Vuelve de la papelera" if self.deletion else again
        filling = Filling({RECORD: record})
        for key, form in before.items():
            if key in self.now:
                filling.rows[key] = form.initial
            else:
                filling.added[key[0]].append(form.initial)
        for key in self.now.keys() - self.before.keys():
            if key[0] in self.prefixes:
                filling.rows[key] = {forms.formsets.DELETION_FIELD_NAME: True}
        return filling

    def files(self) -> Filling:
        form, now = self.before[RECORD], self.now.get(RECORD)
        return Filling({RECORD: {
            name: value
            for name, value in form.initial.items()
            if isinstance(form.fields[name], forms.FileField)
            and not (now and str(now[name].initial) == str(value))
        }})  # fmt: skip

    def note(self, bound: forms.BoundField, key: Key) -> Note | None:
        name, now = bound.name, self.now[key]
        today = now[name].value()
        if isinstance(bound.field, forms.FileField):
            is_other = name in self.files().rows[RECORD]
            return {"kind": "file", "text": str(today or "")} if is_other else None
        if not differs(now, name, _as_sent(bound)):
            return None
        pieces = _change(bound, today, bound.value())
        return {"kind": "version", "pieces": pieces, "text": _words(bound, today)}

    def row_note(self, row: forms.ModelForm, key: Key) -> str:
        if key in self.now and key not in self.before and key[0] in self.prefixes:
            return f"No estaba en la versión {self.number}: se quita."
        is_back = self.record and not key[1] and row.initial.get("exact")
        return f"Vuelve con la versión {self.number}." if is_back else ""


def _as_sent(bound: forms.BoundField) -> Any:
    """The value that the browser sends for an untouched field."""
    value, widget = bound.value(), bound.field.widget
    if isinstance(widget, forms.MultiWidget) and not isinstance(value, list):
        return widget.decompress(value)
    return value


def _change(bound: forms.BoundField, before: Any, after: Any) -> list[tuple[str, str]]:
    """Prose word by word; dates, choices and relations as they are after."""
    words = _words(bound, after)
    if isinstance(bound.field, forms.CharField) and not isinstance(bound.field, EDTFFormField):
        return word_diff(_words(bound, before), words)
    return [("same", words)] if words else []


def _words(bound: forms.BoundField, value: Any) -> str:
    """A value as people read it."""
    field = bound.field
    if isinstance(field, forms.ModelChoiceField):
        keys = value if isinstance(value, list | tuple) else [value]
        records = field.queryset.filter(pk__in=[key for key in keys if is_key(key)])
        return "; ".join(sorted(map(str, records)))
    if isinstance(field, forms.ChoiceField):
        choices = {str(key): str(label) for key, label in field.choices}
        return choices.get(str(value or ""), str(value or "")) if value else ""
    model_fields = {f.name: f for f in bound.form._meta.model._meta.fields}
    text = str(value or "")
    return plain(text) if isinstance(model_fields.get(bound.name), RichTextField) else text
