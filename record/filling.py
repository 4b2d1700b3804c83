"""Fills the ordinary form with an older version of its record, or with values that were sent and
not saved."""

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import HttpRequest

from record.forms import RecordForm
from record.publishing import Record
from record.snapshots import lists_of

Values = dict[str, Any]
Key = tuple[str, int]
"""A form on the page: the prefix of its formset and the primary key of its row."""
RECORD: Key = ("", 0)
Edition = dict[Key, forms.ModelForm]
"""The unbound forms of a record and of its rows, as they were at one moment."""
NOT_FILLED = ("opened_on", "slug", "publish_at", "unpublish_at")


@dataclass
class Filling:
    """Initial values of the record, of its rows by formset and primary key, and of new rows."""

    fields: Values = field(default_factory=dict)
    rows: dict[str, dict[int, Values]] = field(default_factory=dict)
    added: dict[str, list[Values]] = field(default_factory=dict)

    def add(self, prefix: str, values: Values) -> None:
        self.added.setdefault(prefix, []).append(values)

    def change(self, prefix: str, key: int, values: Values) -> None:
        self.rows.setdefault(prefix, {})[key] = values


class RecordFormSet(forms.BaseInlineFormSet):
    """`filled` replaces the initial values of rows by primary key; `initial` is for new rows."""

    def __init__(
        self,
        *args: Any,
        filled: dict[int, Values] | None = None,
        initial: list[Values] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, initial=initial, **kwargs)
        self.filled = filled or {}
        self.extra += len(initial or ())

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        kwargs = super().get_form_kwargs(index)
        if self.filled and index is not None and index < self.initial_form_count():
            kwargs["initial"] = self.filled.get(self.get_queryset()[index].pk)
        return kwargs


def as_get(request: HttpRequest, **attributes: Any) -> HttpRequest:
    """The same request as a GET, which shows the form unbound."""
    shown = copy(request)
    shown.method = "GET"
    vars(shown).update({"filling": None} | attributes)
    return shown


def edition_now(model_admin: Any, request: HttpRequest, record: Record) -> Edition:
    request = as_get(request)
    edition = {RECORD: model_admin.form_for(request, record)(instance=record)}
    for formset in model_admin.formsets_for(request, record):
        edition |= {(formset.prefix, row.instance.pk): row for row in formset.initial_forms}
    return edition


def edition_of(
    model_admin: Any,
    request: HttpRequest,
    record: Record | None,
    version: Any,
    rows_of: Callable[[type[Record], str], list[Record]],
) -> Edition:
    """As in `version`; `rows_of` gets the model of a formset and the attribute of its foreign key.
    `record` is the present record, or None if it is deleted."""
    request = as_get(request)
    lists = lists_of(model_admin.model, [version.pk])
    initial = {name: keys[version.pk] for name, keys in lists.items()}
    form_class = model_admin.form_for(request, record)
    edition = {RECORD: form_class(instance=version.instance, initial=initial)}
    for formset in model_admin.formsets_for(request, record):
        for row in rows_of(formset.model, formset.fk.attname):
            form = edition[formset.prefix, row.pk] = formset.form(instance=row)
            form.initial.pop(formset.fk.name, None)  # which the formset sets
    return edition


def filling_of(old: Edition, now: Edition, prefixes: set[str], but: tuple[str, ...]) -> Filling:
    """`old` put into the form of `now`: of the formsets in `prefixes`, rows that are gone are added
    and newer rows are ticked for deletion."""
    filling = Filling(_initial(old[RECORD], but))
    for (prefix, key), form in old.items():
        if prefix and (prefix, key) in now:
            filling.change(prefix, key, form.initial)
        elif prefix:
            filling.add(prefix, form.initial)
    for prefix, key in now.keys() - old.keys():
        if prefix in prefixes:
            filling.change(prefix, key, {"DELETE": True})
    return filling


def _initial(form: forms.ModelForm, but: tuple[str, ...]) -> Values:
    return {name: value for name, value in form.initial.items() if name not in but}


@dataclass
class Sent:
    """A POST read again: what was sent for each field, or what `now` has where the sender left what
    was `opened`. `taken` is the name of one input, whose value comes from the edition `source`."""

    opened: Edition
    now: Edition
    taken: str = ""
    source: Edition = field(default_factory=dict)

    def filling(self, form: RecordForm, formsets: list[RecordFormSet]) -> Filling:
        filling = Filling(self._values(form, RECORD))
        for formset in formsets:
            for row in formset.forms:
                self._fill_row(filling, formset.prefix, row)
        return filling

    def _fill_row(self, filling: Filling, prefix: str, row: forms.ModelForm) -> None:
        sent = row.data.get(row.add_prefix("id"), "")
        key = (prefix, int(sent) if sent.isdecimal() and len(sent) < 19 else 0)
        if key in self.now:
            filling.change(*key, self._values(row, key))
        elif key not in self.opened:
            if row.has_changed() and not _deleted(row):
                filling.add(prefix, self._values(row, key))
        elif self._changed(row, key) and not _deleted(row):
            filling.add(prefix, self._values(row, key) | {"removed": True})

    def _changed(self, row: forms.ModelForm, key: Key) -> bool:
        return any(differs(self.opened[key], bound.name, bound.data) for bound in _fields(row))

    def _values(self, form: forms.ModelForm, key: Key) -> Values:
        opened, now = self.opened.get(key), self.now.get(key)
        values = {}
        for bound in _fields(form):
            name = bound.name
            there = now is not None and name in now.fields
            left = bound.field.widget.value_omitted_from_data(
                form.data, form.files, bound.html_name
            ) or (opened is not None and not differs(opened, name, bound.data))
            if bound.html_name == self.taken and key in self.source:
                values[name] = self.source[key][name].initial
            else:
                values[name] = now[name].initial if left and there else bound.data
        return values


def _deleted(row: forms.ModelForm) -> bool:
    name = forms.formsets.DELETION_FIELD_NAME
    return name in row.fields and bool(row[name].data)


def _fields(form: forms.ModelForm) -> Iterator[forms.BoundField]:
    """The fields that can be filled: no files, no keys, no token."""
    skipped = (forms.FileField, forms.models.InlineForeignKeyField)
    for bound in form:
        if bound.name not in ("id", "opened_on") and not isinstance(bound.field, skipped):
            yield bound


def differs(form: forms.ModelForm, name: str, value: Any) -> bool:
    """Whether a value, as sent, is another than the initial value of the form's field."""
    if name not in form.fields:  # DELETE of a row that was read without its formset
        return bool(value) and name == forms.formsets.DELETION_FIELD_NAME
    return name == "change_reason" or form.fields[name].has_changed(form[name].initial, value)
