"""Fills the form of a record from an older version, from the trash, or after two people changed the
record. Notes next to the fields show the differences."""

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
from editing.differences import Pieces, how_many, html_to_text, missing_from
from editing.forms import (
    RECORD,
    ExtraField,
    FormKey,
    FormValues,
    PageValues,
    RecordFormSet,
    edit_of,
)
from editing.snapshots import Snapshot, parts_of, snapshot_at, with_snapshots
from record.publishing import Record
from record.richtext import RichTextField
from record.text import is_key, word_diff

NOT_FILLED = ("slug",)
UNFILLED = (forms.FileField, forms.models.InlineForeignKeyField)


def as_get(request: HttpRequest, filling: PageValues) -> HttpRequest:
    """A copy of the request as a GET, which shows the form unbound, filled with other values."""
    get_request = copy(request)
    get_request.method = "GET"
    edit = vars(get_request)["edit"] = copy(edit_of(request))
    edit.filling = filling
    return get_request


def page_values(
    model_admin: Any, request: HttpRequest, record: Record | None, past: Snapshot | None = None
) -> PageValues:
    """The initial values of all forms of the page, for the present record or, with `past`, for an
    earlier state. `record` is None if it is deleted."""
    request = as_get(request, {})
    form_class = model_admin.get_form(request, record)
    lists = {each.name: keys for each, keys in past.lists.items()} if past else {}
    form = form_class(instance=past.record, initial=lists) if past else None
    values = {RECORD: _initial(form or form_class(instance=record))}
    for formset in model_admin.formsets_for(request, record):
        rows = formset.get_queryset()
        if past:
            rows = [part for part in past.parts if type(part) is formset.model]
        for row in rows:
            values[formset.prefix, row.pk] = _initial(formset.form(instance=row))
    return values


def _initial(form: forms.ModelForm) -> FormValues:
    return {
        name: form.get_initial_for_field(field, name)
        for name, field in form.fields.items()
        if not isinstance(field, ExtraField)
    }


class Review:
    """Compares the form with the present values (`now`) and with earlier ones (`before`).

    `kind` names the message above the form. Subclasses define note() and row_note().
    """

    kind = ""

    def __init__(
        self, model_admin: Any, request: HttpRequest, record: Record | None, past: Snapshot | None
    ) -> None:
        self.admin, self.request, self.record = model_admin, request, record
        self.now = page_values(model_admin, request, record) if record else {}
        self.before = page_values(model_admin, request, record, past) if past else {}
        self.opened: PageValues = {}
        self.models: dict[str, type[Record]] = {}
        self.noted: dict[str, list[dict[str, str]]] = defaultdict(list)
        """The label and the id of each field that has a note, by the kind of the note."""

    def note(self, bound: forms.BoundField, key: FormKey) -> FormValues | None:
        """The context of the note for a field that is in `now`."""
        raise NotImplementedError  # Conflict and Restoration define it

    def row_note(self, row: forms.ModelForm, key: FormKey) -> str:
        """The change of a whole row: `added`, `removed`, `newer` or `back`; empty if none."""
        raise NotImplementedError  # Conflict and Restoration define it

    # The values of the form

    def sent(self) -> PageValues:
        """The values sent; for fields that the sender did not change, the present values."""
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

    def _sent_values(self, form: forms.ModelForm, key: FormKey) -> FormValues:
        """The values sent in one form. The button `_use` names one input whose value is taken from
        `now` or `before` instead."""
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
            elif name in now and _is_untouched(bound, opened):
                values[name] = now[name]
            else:
                values[name] = bound.data
        return values

    def _is_written(self, row: forms.ModelForm, key: FormKey) -> bool:
        """Whether the sender changed a row that the record does not have."""
        if key not in self.opened:
            return row.has_changed()
        opened = self.opened[key]
        return any(bound.name in opened and not _is_untouched(bound, opened) for bound in row)

    def files(self) -> PageValues:
        """The files that a save keeps unless another is chosen. A browser cannot send them back."""
        return {}

    # Notes

    def annotate(self, form: forms.ModelForm, formsets: list[RecordFormSet]) -> None:
        """Adds each note to the help text of its field."""
        self._annotate(form, RECORD)
        for formset in formsets:
            self.models[formset.prefix] = formset.model
            for row in formset.forms:
                key = (formset.prefix, row.instance.pk or 0)
                self._annotate(row, key, capfirst(str(formset.model._meta.verbose_name)))

    def _annotate(self, form: forms.ModelForm, key: FormKey, row: str = "") -> None:
        unnoted = (*NOT_FILLED, DELETE)
        fields = [
            bound
            for bound in form.visible_fields()
            if bound.name not in unnoted and not isinstance(bound.field, ExtraField)
        ]
        for bound in fields:
            if bound.name in self.now.get(key, {}) and (note := self.note(bound, key)):
                self._add_note(bound, note)
                label = f"{row}: {bound.label}" if row else str(bound.label)
                self.noted[note["kind"]].append({"label": label, "id": bound.id_for_label})
        if row and fields and (change := self.row_note(form, key)):
            self._add_note(fields[-1], {"kind": "row", "change": change})

    def _add_note(self, bound: forms.BoundField, note: FormValues) -> None:
        note |= {"review": self, "name": bound.html_name}
        vars(bound.form)["noted"] = True
        bound.help_text = f"{render_to_string('admin/record/_note.html', note)}{bound.help_text}"


class Conflict(Review):
    """The record changed after the form was opened.

    `started_on` is the token of the page on which the person began to write; `opened_on` is the
    token of the page that was sent, or empty if that is the present token.
    """

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
            self.opened = page_values(model_admin, request, record, opened) if opened else {}

    def note(self, bound: forms.BoundField, key: FormKey) -> FormValues | None:
        field, mine, now = bound.field, bound.value(), self.now[key][bound.name]
        values = self.before.get(key)
        before = values[bound.name] if values else None
        changed = values is not None and _differ(field, before, now)
        if isinstance(field, forms.FileField) or (self.before and not changed):
            return None
        if _differ(field, now, mine):
            return {"kind": "clash", "pieces": _change(bound, mine, now)}
        return {"kind": "put", "text": _words(bound, before)} if changed else None

    def row_note(self, row: forms.ModelForm, key: FormKey) -> str:
        if row.initial.get("removed"):
            return "removed"
        return "added" if self.before and key in self.now.keys() - self.before.keys() else ""

    @property
    def put(self) -> list[str]:
        """The labels of the changes that only the other person made: «Título», «1 cita»."""
        changed = self.now.keys() ^ self.before.keys() if self.before else set()
        prefixes = [prefix for prefix, _key in changed]
        rows = [
            how_many(prefixes.count(prefix), model._meta)
            for prefix, model in self.models.items()
            if prefix in prefixes
        ]
        return [noted["label"] for noted in self.noted["put"]] + rows


class Restoration(Review):
    """Fills the form with an older `version`. If `record` is None, the record is in the trash and
    `deletion` is its last version."""

    kind = "restoration"

    def __init__(
        self, model_admin: Any, request: HttpRequest, record: Record | None, version: Any,
        deletion: Any = None,
    ) -> None:  # fmt: skip
        (self.version,) = with_snapshots(model_admin.model, [version])
        super().__init__(model_admin, request, record, self.version.snapshot)
        self.deletion, self.missing = deletion, missing_from(self.version.snapshot)
        prefixes = {relation.name for relation in parts_of(self.admin.model)}
        newer = self.now.keys() - self.before.keys()
        self.newer = {key for key in newer if key[0] in prefixes}

    def filling(self) -> PageValues:
        """The values of the version. Rows that were deleted since are added again; newer rows are
        ticked for deletion."""
        filling = {
            key if key == RECORD or key in self.now else (key[0], -key[1]): values
            for key, values in self.before.items()
        }
        omitted = () if self.deletion else NOT_FILLED
        again = f"Vuelve a la versión {self.version.number}:"
        reason = "Vuelve de la papelera" if self.deletion else again
        values = self.before[RECORD].items()
        record = {name: value for name, value in values if name not in omitted}
        filling[RECORD] = record | {"change_reason": reason}
        return filling | {key: {DELETE: True} for key in self.newer}

    def files(self) -> PageValues:
        now = self.now.get(RECORD, {})
        return {RECORD: {
            name: value
            for name, value in self.before[RECORD].items()
            if isinstance(value, FieldFile) and str(now.get(name, "")) != str(value)
        }}  # fmt: skip

    def note(self, bound: forms.BoundField, key: FormKey) -> FormValues | None:
        today = self.now[key][bound.name]
        if isinstance(bound.field, forms.FileField):
            is_other = bound.name in self.files()[RECORD]
            return {"kind": "file", "text": str(today or "")} if is_other else None
        if not _differ(bound.field, today, bound.value()):
            return None
        pieces = _change(bound, today, bound.value())
        return {"kind": "version", "pieces": pieces, "text": _words(bound, today)}

    def row_note(self, row: forms.ModelForm, key: FormKey) -> str:
        if key in self.newer:
            return "newer"
        return "back" if self.record and not key[1] and row.initial.get("exact") else ""


def _is_untouched(bound: forms.BoundField, opened: FormValues) -> bool:
    """Whether a field was omitted, or sent with the value with which it was opened."""
    form, name = bound.form, bound.name
    if bound.field.widget.value_omitted_from_data(form.data, form.files, bound.html_name):
        return True
    return name in opened and not bound.field.has_changed(opened[name], bound.data)


def _differ(field: forms.Field, initial: Any, value: Any) -> bool:
    """Whether `value`, as the form shows it or as an initial value, would change `initial`."""
    value = field.prepare_value(value)
    if isinstance(field, forms.MultiValueField) and not isinstance(value, list):
        value = field.widget.decompress(value)
    return field.has_changed(initial, value)


def _change(bound: forms.BoundField, before: Any, after: Any) -> Pieces:
    """The difference of two values: prose word by word; of dates, choices and relations, the value
    after the change."""
    text = _words(bound, after)
    if isinstance(bound.field, forms.CharField) and not isinstance(bound.field, EDTFFormField):
        return word_diff(_words(bound, before), text)
    return [("same", text)] if text else []


def _words(bound: forms.BoundField, value: Any) -> str:
    """A value in words: the titles of records, the label of a choice, the text without tags."""
    field, value = bound.field, bound.field.prepare_value(value)
    if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
        keys = value if isinstance(value, list | tuple) else [value]
        records = field.queryset.filter(pk__in=[key for key in keys if is_key(key)])
        return "; ".join(sorted(map(str, records)))
    if isinstance(field, forms.ChoiceField):
        options: Any = field.choices
        labels = {str(key): str(label) for key, label in options}
        return labels.get(str(value), str(value)) if value else ""
    text = str(value or "")
    return html_to_text(text) if _is_rich_text(bound) else text


def _is_rich_text(bound: forms.BoundField) -> bool:
    form: Any = bound.form
    fields = form._meta.model._meta.fields
    return any(f.name == bound.name and isinstance(f, RichTextField) for f in fields)
