"""Fills the ordinary form with an older version of its record, or with values that were sent and
not saved."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import HttpRequest

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
    """Initial values: of the record and its rows by Key, of new rows by the prefix of a formset."""

    rows: dict[Key, Values] = field(default_factory=dict)
    added: dict[str, list[Values]] = field(default_factory=lambda: defaultdict(list))


class RecordFormSet(forms.BaseInlineFormSet):
    """`filled` replaces the initial values of rows; `initial` is for new rows."""

    def __init__(
        self,
        *args: Any,
        filled: dict[Key, Values] | None = None,
        initial: list[Values] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, initial=initial, **kwargs)
        self.filled = filled or {}
        self.extra += len(initial or ())

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        kwargs = super().get_form_kwargs(index)
        if self.filled and index is not None and index < self.initial_form_count():
            kwargs["initial"] = self.filled.get((self.prefix, self.get_queryset()[index].pk))
        return kwargs


def as_get(request: HttpRequest, **attributes: Any) -> HttpRequest:
    """The same request as a GET, which shows the form unbound."""
    shown = copy(request)
    shown.method = "GET"
    vars(shown).update({"filling": None} | attributes)
    return shown


def edition_of(
    model_admin: Any,
    request: HttpRequest,
    record: Record | None,
    version: Any = None,
    rows_of: Callable[[type[Record], str], Iterable[Record]] | None = None,
) -> Edition:
    """The present record, or as in `version`; `rows_of` gets the model of a formset and the
    attribute of its foreign key. `record` is None if it is deleted."""
    request = as_get(request)
    lists = lists_of(model_admin.model, [version.pk]) if version else {}
    initial = {name: keys[version.pk] for name, keys in lists.items()}
    form_class = model_admin.form_for(request, record)
    instance = version.instance if version else record
    edition = {RECORD: form_class(instance=instance, initial=initial)}
    for formset in model_admin.formsets_for(request, record):
        owner = formset.fk.attname
        for row in rows_of(formset.model, owner) if rows_of else formset.get_queryset():
            form = edition[formset.prefix, row.pk] = formset.form(instance=row)
            form.initial.pop(formset.fk.name, None)  # which the formset sets
    return edition


def fields_of(form: forms.ModelForm) -> Iterator[forms.BoundField]:
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
