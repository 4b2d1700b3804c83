"""Two people on one record: the second sees the other's change beside their own and decides.

Everything is compared as forms send it, so that what comes of it goes through the form again,
with all that the form asks for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.forms.models import InlineForeignKeyField
from django.http import HttpRequest, QueryDict
from django.utils.text import capfirst

from record.differences import Difference, Fact, difference, moment_in_words
from record.forms import ASIDE, EDTFFormField
from record.holding import Relation, is_key, lasts_in
from record.publishing import Record
from record.richtext import RichTextField, sanitize
from record.snapshots import latest, lists_of

Sent = dict[str, list[str]]
"""What a form sends: by name, its values."""
DECISIONS = ("decide-", "otro-", "_")
KEPT = ("_popup", "_to_field", "_changelist_filters")


def sent_by(form: forms.BaseForm) -> Sent:
    """What a form would send if nobody touched it."""
    data: Sent = {}
    for bound in form:
        data |= _sent_by_field(bound)
    return data


def _sent_by_field(bound: forms.BoundField) -> Sent:
    widget, value = _bare(bound.field.widget), bound.value()
    if isinstance(widget, forms.MultiWidget):
        parts = value if isinstance(value, list) else widget.decompress(value)
        named = zip(widget.widgets_names, widget.widgets, parts, strict=True)
        return {f"{bound.html_name}{n}": [w.format_value(part) or ""] for n, w, part in named}
    if isinstance(widget, forms.FileInput):
        return {}
    if isinstance(widget, forms.CheckboxInput):
        return {bound.html_name: ["on"]} if value else {}
    if isinstance(widget, forms.SelectMultiple):
        return {bound.html_name: [str(getattr(one, "pk", one)) for one in value or ()]}
    shown = widget.format_value(value)
    shown = shown[0] if isinstance(shown, list) and shown else shown or ""
    return {bound.html_name: [str(shown)]}


def _bare(widget: forms.Widget) -> forms.Widget:
    """Without the links that the admin puts beside a relation."""
    return widget.widget if isinstance(widget, RelatedFieldWidgetWrapper) else widget


def _differ(one: Fact, other: Fact) -> bool:
    return (one.value, one.key) != (other.value, other.key)


@dataclass
class Entry:
    """A field, or a whole row, as it was, as it is and as it is written."""

    key: str
    base: Fact
    theirs: Fact
    mine: Fact
    may_be_other: bool = False
    decision: str = ""

    @property
    def changed_by_me(self) -> bool:
        return _differ(self.mine, self.base)

    @property
    def changed_by_them(self) -> bool:
        return _differ(self.theirs, self.base)

    @property
    def clashes(self) -> bool:
        return _differ(self.mine, self.theirs) and self.changed_by_me and self.changed_by_them

    @property
    def keeps_mine(self) -> bool:
        return self.changed_by_me and (not self.clashes or self.decision != "suyo")

    @property
    def as_it_was(self) -> dict[str, Any]:
        return difference(self.base, self.base).after

    @property
    def their_change(self) -> Difference:
        return difference(self.base, self.theirs)

    @property
    def my_change(self) -> Difference:
        return difference(self.base, self.mine)

    @property
    def outcome(self) -> Difference:
        return self.my_change if self.changed_by_me else self.their_change


@dataclass
class Row:
    """A row of an inline; each of its forms is None where there is none."""

    inline: str
    pk: int | None
    base: forms.BaseForm | None
    theirs: forms.BaseForm | None
    sent: Sent | None
    """Mine, its names without the prefix."""
    form: forms.BaseForm
    """Any of them, for its fields."""

    @cached_property
    def entry(self) -> Entry:
        told = [_told(self._data(form), self.form) for form in (self.base, self.theirs)]
        label = capfirst(str(self.form._meta.model._meta.verbose_name))
        named = next((f.instance for f in (self.theirs, self.base) if f), None)
        called = str(named or label)
        *facts, mine = (Fact(called, "prose", *of) for of in (*told, _told(self.sent, self.form)))
        return Entry(f"{self.inline}-{self.pk or 'nueva'}", *facts, mine)

    @staticmethod
    def _data(form: forms.BaseForm | None) -> Sent | None:
        return None if form is None else _without_prefix(sent_by(form), f"{form.prefix}-")


def _without_prefix(data: Any, prefix: str) -> Sent:
    values = data.getlist if isinstance(data, QueryDict) else data.get
    return {name.removeprefix(prefix): values(name) for name in data if name.startswith(prefix)}


def _told(data: Sent | None, form: forms.BaseForm) -> tuple[str, Any]:
    """A row in words, «Fuente: …; Palabras exactas: …», and what tells it from others."""
    if data is None:
        return "", None
    facts = [
        _fact(form[name], _query(data), name)
        for name, field in form.fields.items()
        if not _is_of_the_row(name, field, form)
    ]
    told = ((fact.label, _as_text(fact)) for fact in facts)
    words = "; ".join(f"{capfirst(label)}: {text}" for label, text in told if text)
    return words, [(fact.value, fact.key) for fact in facts]


def _is_of_the_row(name: str, field: forms.Field, form: forms.BaseForm) -> bool:
    own = (forms.formsets.DELETION_FIELD_NAME, form._meta.model._meta.pk.name)
    return name in own or isinstance(field, InlineForeignKeyField)


def _as_text(fact: Fact) -> str:
    return ", ".join(fact.value) if isinstance(fact.value, list) else str(fact.value)


def _query(data: Sent) -> QueryDict:
    query = QueryDict(mutable=True)
    for name, values in data.items():
        query.setlist(name, values)
    return query


def _fact(bound: forms.BoundField, data: QueryDict, name: str = "") -> Fact:
    """What was sent for a field, as it would be stored; or as it was written, where it can't be."""
    widget, label = _bare(bound.field.widget), str(bound.label)
    raw = widget.value_from_datadict(data, {}, name or bound.html_name)
    if isinstance(bound.field, forms.ModelChoiceField):
        return _related(bound.field, label, raw)
    try:
        value = bound.field.clean(raw) if not isinstance(bound.field, forms.FileField) else ""
    except ValidationError:
        written = raw if isinstance(raw, str) else " ".join(filter(None, raw or ()))
        return Fact(label, "whole", written)
    if isinstance(bound.field, EDTFFormField):
        return Fact(label, "date", value)
    if isinstance(widget, forms.Select) or not isinstance(value, str):
        return Fact(label, "whole", _chosen(bound.field, value), str(value and raw))
    if _is_rich(bound):
        return Fact(label, "rich", sanitize(value))
    return Fact(label, "prose", value.strip())


def _related(field: forms.ModelChoiceField, label: str, raw: Any) -> Fact:
    """Chosen records by name, asked for all at once."""
    several = isinstance(field, forms.ModelMultipleChoiceField)
    keys = [key for key in (raw or [] if several else [raw]) if key]
    found = field.queryset.in_bulk([int(key) for key in keys if is_key(key)])
    names = sorted(str(found.get(int(key), f"({key})")) for key in keys if is_key(key))
    kind, value = ("list", names) if several else ("whole", "".join(names))
    return Fact(label, kind, value, sorted(map(str, keys)))


def _is_rich(bound: forms.BoundField) -> bool:
    fields = {f.name: f for f in bound.form._meta.model._meta.fields}
    return isinstance(fields.get(bound.name), RichTextField)


def _chosen(field: forms.Field, value: Any) -> str:
    if hasattr(value, "astimezone"):
        return moment_in_words(value)
    choices = getattr(field, "choices", ()) if isinstance(value, str) else ()
    return str(dict(choices).get(value, value if value is not None else ""))


class Conflict:
    """`opened`: what the form was opened on, as `version_of` says it."""

    def __init__(
        self, model_admin: Any, request: HttpRequest, record: Record, relations: list[Relation]
    ) -> None:
        self.admin, self.request, self.record = model_admin, request, record
        self.relations, self.posted = relations, request.POST
        opened = request.POST.get("opened_on", "")
        self.lasts = lasts_in(opened, 1 + len(relations))
        self._form_class = model_admin.form_for(request, record)
        self.theirs = self._form_class(instance=record)

    # What there was

    @cached_property
    def base(self) -> forms.BaseForm:
        """The form as it was opened; as it is now, where nobody knows."""
        history = type(self.record).history
        version = self.lasts and history.filter(pk=self.lasts[0], id=self.record.pk).first()
        if not version:
            return self.theirs
        lists = lists_of(type(self.record), [version.pk])
        initial = {name: of[version.pk] for name, of in lists.items()}
        return self._form_class(instance=version.instance, initial=initial)

    def _rows_before(self, model: type[Record], owner: str) -> list[Record] | None:
        if not self.lasts:
            return None
        last = self.lasts[1 + self.relations.index((model, owner))]
        ever = model.history.filter(**{owner: self.record.pk}).order_by().values("id")
        rows = model.history.filter(id__in=ever, history_id__lte=last).order_by("history_id")
        mine = (row for row in latest(rows) if getattr(row, owner) == self.record.pk)
        return [row.instance for row in mine]

    # Field by field, row by row

    @cached_property
    def fields(self) -> list[Entry]:
        before, now = _query(sent_by(self.base)), _query(sent_by(self.theirs))
        found = []
        for bound in self.theirs:
            if bound.name in ASIDE or isinstance(bound.field, forms.FileField):
                continue
            base = _fact(self.base[bound.name], before)
            mine = _fact(bound, self.posted) if self._was_sent(bound) else base
            entry = Entry(bound.name, base, _fact(bound, now), mine)
            entry.may_be_other = mine.kind == "prose"
            entry.decision = self.posted.get(f"decide-{bound.name}", "")
            found.append(entry)
        return found

    def _was_sent(self, bound: forms.BoundField) -> bool:
        widget = _bare(bound.field.widget)
        if isinstance(widget, forms.CheckboxInput | forms.SelectMultiple):
            return bound.name in self.base.fields
        return not widget.value_omitted_from_data(self.posted, {}, bound.html_name)

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """By prefix of the inline."""
        return {
            formset.prefix: list(self._rows_of(formset, model, owner))
            for formset, model, owner in self._formsets()
        }

    def _formsets(self) -> Iterator[tuple[Any, type[Record], str]]:
        pairs = self.admin.get_formsets_with_inlines(self.request, self.record)
        for formset_class, inline in pairs:
            options = {"instance": self.record, "queryset": inline.get_queryset(self.request)}
            yield formset_class(**options), formset_class.model, formset_class.fk.attname

    def _rows_of(self, formset: Any, model: type[Record], owner: str) -> Iterator[Row]:
        form_class, prefix = formset.form, formset.prefix
        theirs = {form.instance.pk: form for form in formset.initial_forms}
        mine = dict(self._mine(prefix, formset.empty_form))
        before = self._rows_before(model, owner)
        base = theirs if before is None else {
            one.pk: self._as_row(formset, form_class, one) for one in before
        }  # fmt: skip
        any_form = formset.empty_form
        for pk in [*theirs, *(pk for pk in base if pk not in theirs)]:
            row = Row(prefix, pk, base.get(pk), theirs.get(pk), mine.pop(pk, None), any_form)
            row.entry.decision = self.posted.get(f"decide-{row.entry.key}", "")
            yield row
        for number, sent in enumerate(mine.values(), 1):
            row = Row(prefix, None, None, None, sent, any_form)
            row.entry.key += str(number)
            yield row

    @staticmethod
    def _as_row(formset: Any, form_class: Any, record: Record) -> forms.BaseForm:
        form = form_class(instance=record, prefix=f"{formset.prefix}-antes")
        formset.add_fields(form, None)
        return form

    def _mine(self, prefix: str, empty: forms.BaseForm) -> Iterator[tuple[Any, Sent]]:
        """By key, or by number if new: what was sent of each row that was not taken away."""
        untouched = _without_prefix(sent_by(empty), f"{empty.prefix}-")
        total = self.posted.get(f"{prefix}-TOTAL_FORMS", "")
        for number in range(min(int(total) if is_key(total) else 0, 1000)):
            sent = _without_prefix(self.posted, f"{prefix}-{number}-")
            key = (sent.get("id") or [""])[0]
            blank = not key and all(sent.get(n, [""]) == untouched.get(n, [""]) for n in sent)
            if sent and "DELETE" not in sent and not blank:
                yield (int(key) if is_key(key) else f"nueva {number}"), sent

    @property
    def lost_files(self) -> bool:
        return bool(self.request.FILES)

    @property
    def entries(self) -> list[Entry]:
        return self.fields + [row.entry for rows in self.rows.values() for row in rows]

    # What comes of it

    def resolved(self) -> QueryDict:
        """What the form sends with each decision taken; mine where none is."""
        data = self.posted.copy()
        for name in [n for n in data if n.startswith(DECISIONS) and n not in KEPT]:
            del data[name]
        for entry in self.fields:
            self._put_field(data, entry)
        for prefix, rows in self.rows.items():
            _put_rows(data, prefix, rows, self.record.pk)
        return data

    def _put_field(self, data: QueryDict, entry: Entry) -> None:
        other = self.posted.get(f"otro-{entry.key}")
        if entry.may_be_other and other is not None and other.strip() != entry.mine.value:
            data[self.theirs[entry.key].html_name] = other
        elif not entry.keeps_mine:
            for name, values in _sent_by_field(self.theirs[entry.key]).items():
                data.setlist(name, values)

    def written(self) -> list[tuple[str, str]]:
        """What was sent, by label, to be copied where it can't be saved."""
        labels = {f.name: str(f.verbose_name) for f in self.record._meta.get_fields()
                  if hasattr(f, "verbose_name")}  # fmt: skip
        return [
            (labels.get(name.split("-")[-1], "por qué este cambio"), value)
            for name, value in self.sent()
            if value.strip() and name.split("-")[-1] in (*labels, "exact", "change_reason", "note")
        ]

    def sent(self) -> list[tuple[str, str]]:
        """What was sent, for hidden inputs."""
        decided = ("decide-", "otro-", "seen", "csrfmiddlewaretoken")
        return [
            (name, value)
            for name, values in self.posted.lists()
            for value in values
            if not name.startswith(decided) and (name[0] != "_" or name in KEPT)
        ]


def _put_rows(data: QueryDict, prefix: str, rows: list[Row], owner: int) -> None:
    """Theirs in their order, each with mine on it where I changed it; then the new ones."""
    for name in [name for name in data if name.startswith(f"{prefix}-")]:
        del data[name]
    there = [row for row in rows if row.theirs is not None]
    for row in there:
        sent = sent_by(row.theirs)
        if row.entry.keeps_mine:
            start = f"{row.theirs.prefix}-"
            mine = {f"{start}{name}": values for name, values in (row.sent or {}).items()}
            sent |= mine if row.sent is not None else {f"{start}DELETE": ["on"]}
        for name, values in sent.items():
            data.setlist(name, values)
    added = [r for r in rows if r.theirs is None and r.sent is not None and r.entry.keeps_mine]
    for number, row in enumerate(added, len(there)):
        for name, values in row.sent.items():
            data.setlist(f"{prefix}-{number}-{name}", [""] if name == "id" else values)
    data[f"{prefix}-TOTAL_FORMS"] = str(len(there) + len(added))
    data[f"{prefix}-INITIAL_FORMS"] = str(len(there))
    data[f"{prefix}-MIN_NUM_FORMS"], data[f"{prefix}-MAX_NUM_FORMS"] = "0", "1000"
