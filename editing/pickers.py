"""Pickers: form fields in which the staff choose records by their names.

The chosen records are ticks. A script finds the names that are typed; without it, the server finds
them on saving. If not exactly one record has a name, the form asks which record is meant.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from heapq import nsmallest
from typing import Any, NamedTuple

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst

from dates.text import collapse, fold
from record.history import listed_in, lists_in, replace_lists, with_two_parts
from record.publishing import Record
from record.text import cut, is_key

MOST_OFFERED, MOST_COMPARED, MOST_TYPED, LONGEST_NAME = 20, 1000, 20, 300
NOWHERE = 5


class NamedRecord(NamedTuple):
    """A record with its names, one a line, and with these names as `words_of` reads them."""

    key: int
    slug: str
    names: str
    words: str


class Match(NamedTuple):
    """A record that a picker offers. `also` is the name by which it was found, if `label` has
    another one."""

    key: int
    label: str
    also: str


def words_of(name: str) -> str:
    """The words of a name without accents, capitals and signs."""
    return " ".join(re.findall(r"\w+", fold(name)))


def entries_of(records: models.QuerySet) -> Iterator[NamedRecord]:
    rows = (
        records.order_by().prefetch_related(None).values_list("pk", "slug", *records.model.named_by)
    )
    for key, slug, *columns in rows.iterator():
        names = "\n".join(columns)
        words = "\n".join(map(words_of, names.splitlines()))
        yield NamedRecord(key, slug, names, f"\n{words}\n")


class Mention(NamedTuple):
    """The words by which a text, of several, names a record."""

    text: int
    start: int
    words: str
    key: int


def mentions_in(texts: list[str], entries: Iterable[NamedRecord]) -> Iterator[Mention]:
    """The records that the texts name in whole words, capitals included; of several names that
    begin at a word, the longest. A name of two records names none."""
    keys = defaultdict[str, set[int]](set)
    for entry in entries:
        for words in entry.words.split("\n"):
            keys[words].add(entry.key)
    longest = max((words.count(" ") + 1 for words in keys), default=0)
    for number, text in enumerate(texts):
        places, free = [*re.finditer(r"\w+", text)], 0
        for place, first in enumerate(places):
            ends = [word.end() for word in places[place : place + longest]]
            for end in reversed(ends) if place >= free else ():
                name = text[first.start() : end]
                named = keys.get(words_of(name), ())
                if len(named) == 1 and len(name) > 1 and not (name.islower() or name.isdecimal()):
                    yield Mention(number, first.start(), name, *named)
                    free = place + ends.index(end) + 1
                    break


def distance(words: str, names: str) -> int:
    """0 if one of the `names`, each between line breaks, equals the words, 1 if one begins with
    them, 2 if a word of one does, 3 if one holds them, 4 if all together do, or NOWHERE."""
    if words in names:
        parts = (f"\n{words}\n", f"\n{words}", f" {words}", words)
        return next(number for number, part in enumerate(parts) if part in names)
    return 4 if all(word in names for word in words.split()) else NOWHERE


def matches(records: models.QuerySet, entries: Iterable[NamedRecord], typed: str) -> list[Match]:
    """The records whose names match the words that were typed, at most one more than MOST_OFFERED:
    the nearest first; of equally near ones, those with more facts first."""
    words = words_of(typed[:LONGEST_NAME])
    if typed.strip() and not words:
        return []
    near = ((distance(words, entry.words), entry.names, entry) for entry in entries)
    best = nsmallest(MOST_COMPARED, (each for each in near if each[0] < NOWHERE))
    compared = records.filter(pk__in=[entry.key for _distance, _names, entry in best])
    facts = dict(compared.order_by().values_list("pk", _fact_count(records.model)))
    best.sort(key=lambda each: (each[0], -facts.get(each[2].key, 0), fold(each[1])))
    return _labelled(records, [entry for _n, _names, entry in best[: MOST_OFFERED + 1]], words)


def _fact_count(model: type[models.Model]) -> models.Expression:
    """The number of rows that refer to a record."""
    counts = []
    for relation in model._meta.related_objects:
        if relation.one_to_many:
            name = relation.field.name
            rows = relation.related_model._base_manager.filter(**{name: OuterRef("pk")})
            count = rows.order_by().values(name).annotate(count=Count("pk")).values("count")
            counts.append(Coalesce(Subquery(count), 0))
    return sum(counts[1:], counts[0])


def _labelled(records: models.QuerySet, entries: list[NamedRecord], words: str) -> list[Match]:
    """Adds the slug to labels that several records have."""
    by_key = records.in_bulk([entry.key for entry in entries])
    labels = {key: str(record) for key, record in by_key.items()}
    times = Counter(labels.values())
    return [
        Match(
            key,
            f"{labels[key]} ({slug})" if times[labels[key]] > 1 else labels[key],
            other_name(labels[key], names, words),
        )
        for key, slug, names, _words in entries
        if key in labels
    ]


def other_name(label: str, names: str, words: str) -> str:
    """The nearest of the names, if the label does not hold the words."""

    def how_far(name: str) -> int:
        return distance(words, f"\n{words_of(name)}\n")

    nearest = min(names.splitlines(), key=how_far, default="")
    return collapse(nearest) if how_far(nearest) < NOWHERE == how_far(label) else ""


class PickerView(AutocompleteJsonView):
    """Answers the script of a picker with the records that match a typed name."""

    paginate_by = MOST_OFFERED

    def get_queryset(self) -> Any:
        if not issubclass(self.model_admin.model, Record):
            raise PermissionDenied
        records = self.model_admin.get_queryset(self.request)
        return matches(records, entries_of(records), self.term)

    # The stubs expect a record; the view passes a Match.
    def serialize_result(  # type: ignore[override]  # see above
        self, obj: Match, to_field_name: str
    ) -> dict[str, str]:
        return {"id": str(obj.key), "text": obj.label, "also": obj.also}


class Typed(str):
    """A name that was typed, and that not exactly one record has."""

    __slots__ = ()


class PickerInput(forms.Widget):
    """Ticks of the chosen records, and a field for the names of others."""

    template_name = "editing/picker.html"
    choices: Any  # set by the form field

    def __init__(
        self, label: str, many: bool, asked: dict[str, str], records: models.QuerySet
    ) -> None:
        """`records` holds the records that the user may read."""
        super().__init__()
        self.label, self.many, self.asked, self.records = label, many, asked, records
        self.offered: dict[str, list[Match]] = {}

    @property
    def media(self) -> forms.Media:
        return forms.Media(js=[forms.Script("staff/pickers.js", type="module")])  # type: ignore[list-item]  # the stubs lack Script

    def use_required_attribute(self, initial: Any) -> bool:
        return False  # a tick may be removed if another name is typed

    @cached_property
    def entries(self) -> list[NamedRecord]:
        return [*entries_of(self.records)]

    def offers(self, name: str) -> list[Match]:
        """The records that a name may mean."""
        if name not in self.offered:
            nearest = matches(self.records, self.entries, name)
            self.offered[name] = nearest[:MOST_OFFERED]
        return self.offered[name]

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Keys and names; names only if they are Typed. Values that are no keys become «0», which
        no record has, because the database would fail on them."""
        keys = [key if is_key(key) else "0" for key in data.getlist(name) if self.many or key]
        typed, answers = "\n".join(data.getlist(f"{name}_typed")), data.getlist(f"{name}_answer")
        names = filter(None, map(collapse, re.split(r"[;\r\n]", typed) if self.many else [typed]))
        found = self._found([*names], set(answers))
        if self.many:
            return list(dict.fromkeys([*keys, *found]))
        return next(iter(found or keys), "")

    def _found(self, names: list[str], answers: set[str]) -> list[str]:
        if len(names) > MOST_TYPED:
            return [*map(Typed, names)]
        return [key for name in names for key in self._keys(name, answers)]

    def _keys(self, name: str, answers: set[str]) -> list[str]:
        """The key of the only record with this name or slug, or the keys of the answers."""
        equal = self.namesakes(name)
        if len(equal) == 1:
            return [str(equal[0].key)]
        offers = self.offers(name) if answers else []
        return [str(o.key) for o in offers if f"{o.key} {name}" in answers] or [Typed(name)]

    def namesakes(self, name: str) -> list[NamedRecord]:
        words = words_of(name)
        line = f"\n{words}\n"
        return [e for e in self.entries if e.slug == name or (words and line in e.words)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return not self.many and name not in data and f"{name}_typed" not in data

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        values: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
        keys = [each for each in values if is_key(each) and not isinstance(each, Typed)]
        typed = [each for each in values if isinstance(each, Typed)]
        records = self.choices.queryset
        required = {"aria-required": "true"} if self.is_required else {}
        context = super().get_context(name, None, required | (attrs or {}))
        context["widget"] |= {
            "label": self.label,
            "many": self.many,
            "address": f"{reverse('admin:autocomplete')}?{urlencode(self.asked)}",
            "chosen": records.filter(pk__in=keys) if keys else [],
            "sought": "nombre o siglas" if len(records.model.named_by) > 1 else "título",
            "typed": "; ".join(typed),
            "questions": [(n, self.offers(n)) for n in typed if len(typed) <= MOST_TYPED],
        }
        return context


class ExplainsNames(forms.ModelChoiceField):
    """Says which names belong to no record, or to several."""

    widget: PickerInput
    queryset: models.QuerySet

    def clean(self, value: Any) -> Any:
        values = value if isinstance(value, list) else [value]
        typed = [each for each in values if isinstance(each, Typed)]
        if len(typed) > MOST_TYPED:
            raise ValidationError(f"Escriba hasta {MOST_TYPED} nombres a la vez.")
        if typed:
            raise ValidationError([self._refusal(name) for name in typed])
        return super().clean(value)

    def _refusal(self, name: str) -> str:
        kind, short = self.queryset.model._meta.verbose_name_plural, cut(name, 80)
        if namesakes := self.widget.namesakes(name):
            count = len(namesakes)
            return f"Hay {count} {kind} con el nombre «{short}». Marque abajo de cuál se trata."
        if self.widget.offers(name):
            return (
                f"En «{kind}» nada se llama «{short}» tal cual. Marque abajo lo que quiso decir, o "
                "borre el nombre."
            )
        return (
            f"En «{kind}» nada se llama «{short}». Revise cómo está escrito, o agréguelo antes en "
            "su propia página."
        )


class PickerField(ExplainsNames):
    def to_python(self, value: Any) -> Any:
        record = self.queryset.filter(pk=value).first() if value else None
        if value and record is None:
            raise ValidationError(self.error_messages["invalid_choice"], "invalid_choice")
        return record


class PickersField(ExplainsNames, forms.ModelMultipleChoiceField):
    pass


def picker(db_field: Any, admin_site: AdminSite, request: HttpRequest, label: str = "") -> Any:
    """The form field of a relation."""
    label = capfirst(label or str(db_field.verbose_name))
    many = bool(db_field.many_to_many)
    records: Any = admin_site.get_model_admin(db_field.related_model).get_queryset(request)
    readable = records.visible_to(request.user)
    meta = db_field.model._meta
    asked = {
        "app_label": meta.app_label,
        "model_name": meta.model_name,
        "field_name": db_field.name,
    }
    return db_field.formfield(
        form_class=PickersField if many else PickerField,
        label=label,
        queryset=records,
        widget=PickerInput(label, many, asked, readable),
    )


class ListsForm(forms.ModelForm):
    """A form with a picker for each list that is a part of a many-to-many field, which Django does
    not know."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parts = {each.name: each for each in lists_in(self._meta.model) if each.part}
        if not self.parts.keys() <= self.initial.keys():
            for each, keys in listed_in(self.instance).items():
                self.initial.setdefault(each.name, keys)

    def clean(self) -> None:
        super().clean()
        sent = {each: self.cleaned_data.get(name, ()) for name, each in self.parts.items()}
        for record, each, other in with_two_parts(sent):
            problem = f"«{record}» está también en «{capfirst(other.verbose_name)}»."
            self.add_error(each.name, f"{problem} Déjela solo en una, la que dice la fuente.")

    def save_lists(self) -> None:
        """Saves the parts that were changed, after the record."""
        replace_lists({
            each: {self.instance.pk: [record.pk for record in self.cleaned_data[name]]}
            for name, each in self.parts.items()
            if name in self.changed_data
        })  # fmt: skip


def pickers_of_parts(
    model: type[models.Model], admin_site: AdminSite, request: HttpRequest
) -> dict[str, Any]:
    """The form fields of ListsForm, by name."""
    return {
        each.name: picker(each.field, admin_site, request, each.verbose_name)
        for each in lists_in(model)
        if each.part
    }
