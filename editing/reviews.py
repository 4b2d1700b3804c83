"""The ordinary form with other values than its record's: two people on one record, an older
version, a record from the papelera. Notes beside its fields say what differs."""

from collections import defaultdict
from copy import copy
from typing import Any

from django import forms
from django.db.models.fields.files import FieldFile
from django.forms.formsets import DELETION_FIELD_NAME as DELETE
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.text import capfirst

from dates.forms import EDTFFormField
from editing.differences import how_many, missing_from, plain
from editing.forms import AsideField
from editing.snapshots import Snapshot, parts_of, read_past, snapshot_at
from record.publishing import Record
from record.richtext import RichTextField
from record.text import is_key, word_diff

Values = dict[str, Any]
Key = tuple[str, int]
"""A form on the page: the prefix of its formset and the primary key of its row; a negative number
for a row to add."""
RECORD: Key = ("", 0)
Edition = dict[Key, Values]
"""The initial values of the forms of a record and of its rows, at one moment."""
PUBLICATION = ("publish_at", "unpublish_at")
NOT_FILLED = ("slug", *PUBLICATION)
UNFILLED = (forms.FileField, forms.models.InlineForeignKeyField)


class RecordFormSet(forms.BaseInlineFormSet):
    """`filled` replaces the initial values of rows, and adds rows."""

    filled: Edition = {}

    def __init__(self, *args: Any, prefix: str, **kwargs: Any) -> None:
        added = [v for (of, key), v in self.filled.items() if of == prefix and key < 0]
        super().__init__(*args, prefix=prefix, initial=added, **kwargs)
        self.extra += len(added)

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        kwargs = super().get_form_kwargs(index)
        if self.filled and index is not None and index < self.initial_form_count():
            kwargs["initial"] = self.filled.get((self.prefix, self.get_queryset()[index].pk))
        return kwargs


def as_get(request: HttpRequest, filling: Edition) -> HttpRequest:
    """The same request as a GET, which shows the form unbound, with other values."""
    shown = copy(request)
    shown.method = "GET"
    shown.act = copy(request.act)
    shown.act.filling = filling
    return shown


def edition_of(
    model_admin: Any, request: HttpRequest, record: Record | None, past: Snapshot | None = None
) -> Edition:
    """The present record, or as it was; `record` is None if it is deleted."""
    request = as_get(request, {})
    form_class = model_admin.get_form(request, record)
    form = form_class(instance=past.record, initial=past.lists) if past else None
    edition = {RECORD: _initial(form or form_class(instance=record))}
    for formset in model_admin.formsets_for(request, record):
        rows = formset.get_queryset()
        if past:
            rows = [part for part in past.parts if type(part) is formset.model]
        for row in rows:
            edition[formset.prefix, row.pk] = _initial(formset.form(instance=row))
    return edition


def _initial(form: forms.ModelForm) -> Values:
    return {
        name: form.get_initial_for_field(field, name)
        for name, field in form.fields.items()
        if not isinstance(field, AsideField)
    }


class Review:
    """Compares the form with the present edition (`now`) and an earlier one (`before`). `kind`
    names the message above the form. Subclasses give the `note` of a field that is in `now`, and
    in a `row_note` what became of a whole row."""

    kind = ""

    def __init__(
        self, model_admin: Any, request: HttpRequest, record: Record | None, past: Snapshot | None
    ) -> None:
        self.admin, self.request, self.record = model_admin, request, record
        self.now = edition_of(model_admin, request, record) if record else {}
        self.before = edition_of(model_admin, request, record, past) if past else {}
        self.opened: Edition = {}
        self.models: dict[str, type[Record]] = {}
        self.noted: dict[str, list[dict[str, str]]] = defaultdict(list)
        """Label and id of the fields that have a note, by its kind."""

    # What the form shows

    def sent(self) -> Edition:
        """The values sent; of fields that the sender left as they were opened, the present ones."""
        form_class = self.admin.get_form(self.request, self.record)
        form = form_class(self.request.POST, self.request.FILES, instance=self.record)
        filling = {RECORD: self._sent_values(form, RECORD)}
        for formset in self.admin.formsets_for(self.request, self.record):
            for number, row in enumerate(formset.forms, 1):
                sent = row.data.get(row.add_prefix("id"), "")
                key = (formset.prefix, int(sent) if is_key(sent) else 0)
                values = self._sent_values(row, key)
                if key in self.now:
                    filling[key] = values
                elif not values.get(DELETE) and self._is_written(row, key):
                    filling[formset.prefix, -number] = values | {"removed": key in self.opened}
        return filling

    def _sent_values(self, form: forms.ModelForm, key: Key) -> Values:
        """A button «name="_use"» takes the value of one input from another edition."""
        which, _, taken = self.request.POST.get("_use", "").partition(" ")
        source = (self.before if which == "before" else self.now).get(key, {})
        opened, now = self.opened.get(key, {}), self.now.get(key, {})
        values = {}
        for bound in form:
            name = bound.name
            if name in ("id", "opened_on") or isinstance(bound.field, UNFILLED):
                continue
            if bound.html_name == taken and name in source:
                values[name] = source[name]
            elif name in now and _is_left(bound, opened):
                values[name] = now[name]
            else:
                values[name] = bound.data
        return values

    def _is_written(self, row: forms.ModelForm, key: Key) -> bool:
        """Whether the sender wrote anything in a row that the record does not have."""
        if key not in self.opened:
            return row.has_changed()
        opened = self.opened[key]
        return any(bound.name in opened and not _is_left(bound, opened) for bound in row)

    def files(self) -> Edition:
        """Files that a save keeps unless another is chosen: a form cannot send them back."""
        return {}

    # Notes

    def annotate(self, form: forms.ModelForm, formsets: list[forms.BaseInlineFormSet]) -> None:
        """Puts each note into the help text of its field."""
        self._annotate(form, RECORD)
        for formset in formsets:
            self.models[formset.prefix] = formset.model
            for row in formset.forms:
                key = (formset.prefix, row.instance.pk or 0)
                self._annotate(row, key, capfirst(formset.model._meta.verbose_name))

    def _annotate(self, form: forms.ModelForm, key: Key, row: str = "") -> None:
        unnoted = (*NOT_FILLED, DELETE)
        fields = [
            bound
            for bound in form.visible_fields()
            if bound.name not in unnoted and not isinstance(bound.field, AsideField)
        ]
        for bound in fields:
            if bound.name in self.now.get(key, {}) and (note := self.note(bound, key)):
                self._put(bound, note)
                label = f"{row}: {bound.label}" if row else bound.label
                self.noted[note["kind"]].append({"label": label, "id": bound.id_for_label})
        if row and fields and (change := self.row_note(form, key)):
            self._put(fields[-1], {"kind": "row", "change": change})

    def _put(self, bound: forms.BoundField, note: Values) -> None:
        note |= {"review": self, "name": bound.html_name}
        bound.help_text = f"{render_to_string('admin/record/_note.html', note)}{bound.help_text}"


class Conflict(Review):
    """The form was opened on an older state. `started_on` is the token that the person began with,
    `opened_on` the token of the page that was sent, if that is not the present one."""

    kind = "conflict"

    def __init__(
        self, model_admin: Any, request: HttpRequest, record: Record, started_on: str,
        opened_on: str,
    ) -> None:  # fmt: skip
        def past(token: str) -> Snapshot | None:
            return snapshot_at(token, model_admin.model, record.pk, model_admin.relations())

        super().__init__(model_admin, request, record, past(started_on))
        self.started_on, self.last_version = started_on, model_admin.last_version(record)
        self.opened = self.before
        if opened_on != started_on:
            opened = past(opened_on)
            self.opened = edition_of(model_admin, request, record, opened) if opened else {}

    def note(self, bound: forms.BoundField, key: Key) -> Values | None:
        field, mine, now = bound.field, bound.value(), self.now[key][bound.name]
        before = self.before.get(key)
        changed = before is not None and _differ(field, before[bound.name], now)
        if isinstance(field, forms.FileField) or (self.before and not changed):
            return None
        if _differ(field, now, mine):
            return {"kind": "clash", "pieces": _change(bound, mine, now)}
        return {"kind": "put", "text": _words(bound, before[bound.name])} if changed else None

    def row_note(self, row: forms.ModelForm, key: Key) -> str:
        if row.initial.get("removed"):
            return "removed"
        return "added" if self.before and key in self.now.keys() - self.before.keys() else ""

    @property
    def put(self) -> list[str]:
        """«Título», «1 cita»: what only the other person changed."""
        changed = self.now.keys() ^ self.before.keys() if self.before else ()
        prefixes = [prefix for prefix, _key in changed]
        rows = [
            how_many(prefixes.count(prefix), model._meta)
            for prefix, model in self.models.items()
            if prefix in prefixes
        ]
        return [noted["label"] for noted in self.noted["put"]] + rows


class Restoration(Review):
    """An older `version` in the form. Without a record it is in the papelera, and `deletion` is its
    last version."""

    kind = "restoration"

    def __init__(
        self, model_admin: Any, request: HttpRequest, record: Record | None, version: Any,
        deletion: Any = None,
    ) -> None:  # fmt: skip
        (self.version,) = read_past(model_admin.model, [version])
        super().__init__(model_admin, request, record, self.version.snapshot)
        self.deletion, self.missing = deletion, missing_from(self.version.snapshot)
        prefixes = {part.get_accessor_name() for part in parts_of(self.admin.model)}
        newer = self.now.keys() - self.before.keys()
        self.newer = {key for key in newer if key[0] in prefixes}

    def filling(self) -> Edition:
        """Rows that are gone are added, newer rows are ticked for deletion."""
        filling = {
            key if key == RECORD or key in self.now else (key[0], -key[1]): values
            for key, values in self.before.items()
        }
        left = PUBLICATION if self.deletion else NOT_FILLED
        again = f"Vuelve a la versión {self.version.number}:"
        reason = "Vuelve de la papelera" if self.deletion else again
        record = {n: v for n, v in self.before[RECORD].items() if n not in left}
        filling[RECORD] = record | {"change_reason": reason}
        return filling | {key: {DELETE: True} for key in self.newer}

    def files(self) -> Edition:
        now = self.now.get(RECORD, {})
        return {RECORD: {
            name: value
            for name, value in self.before[RECORD].items()
            if isinstance(value, FieldFile) and str(now.get(name, "")) != str(value)
        }}  # fmt: skip

    def note(self, bound: forms.BoundField, key: Key) -> Values | None:
        today = self.now[key][bound.name]
        if isinstance(bound.field, forms.FileField):
            is_other = bound.name in self.files()[RECORD]
            return {"kind": "file", "text": str(today or "")} if is_other else None
        if not _differ(bound.field, today, bound.value()):
            return None
        pieces = _change(bound, today, bound.value())
        return {"kind": "version", "pieces": pieces, "text": _words(bound, today)}

    def row_note(self, row: forms.ModelForm, key: Key) -> str:
        if key in self.newer:
            return "newer"
        return "back" if self.record and not key[1] and row.initial.get("exact") else ""


def _is_left(bound: forms.BoundField, opened: Values) -> bool:
    """Whether the sender left a field alone: omitted, or sent with its opened value."""
    form, name = bound.form, bound.name
    if bound.field.widget.value_omitted_from_data(form.data, form.files, bound.html_name):
        return True
    return name in opened and not bound.field.has_changed(opened[name], bound.data)


def _differ(field: forms.Field, one: Any, other: Any) -> bool:
    """Whether two values of a field, initial or as the form shows them, would be saved as two."""
    other = field.prepare_value(other)
    if isinstance(field, forms.MultiValueField) and not isinstance(other, list):
        other = field.widget.decompress(other)
    return field.has_changed(one, other)


def _change(bound: forms.BoundField, before: Any, after: Any) -> list[tuple[str, str]]:
    """Prose word by word; dates, choices and relations as they are after."""
    words = _words(bound, after)
    if isinstance(bound.field, forms.CharField) and not isinstance(bound.field, EDTFFormField):
        return word_diff(_words(bound, before), words)
    return [("same", words)] if words else []


def _words(bound: forms.BoundField, value: Any) -> str:
    """A value as people read it."""
    field, value = bound.field, bound.field.prepare_value(value)
    if isinstance(field, forms.ModelChoiceField):
        keys = value if isinstance(value, list | tuple) else [value]
        records = field.queryset.filter(pk__in=[key for key in keys if is_key(key)])
        return "; ".join(sorted(map(str, records)))
    if isinstance(field, forms.ChoiceField):
        choices = {str(key): str(label) for key, label in field.choices}
        return choices.get(str(value), str(value)) if value else ""
    model_fields = {f.name: f for f in bound.form._meta.model._meta.fields}
    text = str(value or "")
    return plain(text) if isinstance(model_fields.get(bound.name), RichTextField) else text
