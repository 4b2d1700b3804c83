"""How two versions of a record differ, for people: prose word by word, lists item by item, dates,
choices and relations replaced whole."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import strip_tags
from django.utils.text import capfirst

from dates.edtf import parse
from dates.fields import EDTFField
from editing.snapshots import Snapshot, parts_of
from record.publishing import Publishable, Record
from record.richtext import RichTextField
from record.text import word_diff

Pieces = list[tuple[str, str]]
"""«same» | «del» | «ins», words."""
RecordNames = dict[tuple[type[Record], int], str]
"""The titles of records by model and primary key, deleted records too."""
NO_FACTS = ("id", "updated_at", "publish_at", "unpublish_at")
SINCE = {"scheduled": ("publish_at", "para el"), "public": ("publish_at", "desde el"),
         "withdrawn": ("unpublish_at", "desde el")}  # fmt: skip


def moment_in_words(moment: datetime | None) -> str:
    """«24 de noviembre de 2026, 9:05»."""
    if moment is None:
        return ""
    return date_format(timezone.localtime(moment), r"j \d\e F \d\e Y, G:i").lower()


def how_many(count: int, meta: Any) -> str:
    """«1 cita», «5 citas»; `meta` is a model's."""
    return f"{count} {meta.verbose_name if count == 1 else meta.verbose_name_plural}"


@dataclass(frozen=True)
class Fact:
    """A field's value as it is shown: `date`, EDTF text; `list`, strings; `state`, a publication
    and since when; `whole` and `prose`, text. `key` tells apart values that look the same."""

    label: str
    kind: str
    value: Any
    key: Any = None


def differences(before: dict[str, Fact], after: dict[str, Fact]) -> list[dict[str, Any]]:
    return [difference(before[name], fact) for name, fact in after.items() if before[name] != fact]


def difference(before: Fact, after: Fact) -> dict[str, Any]:
    """`before` and `after` are the cells of `admin/record/_cell.html`; `name` says briefly what
    changed: «Citas: +1»."""
    old, new = before.value, after.value
    grown = len(new) - len(old) if after.kind == "list" else 0
    return {
        "label": after.label,
        "before": _cell(after.kind, old, new, "del"),
        "after": _cell(after.kind, old, new, "ins"),
        "is_loss": bool(old) and not new,
        "name": capfirst(after.label) + (f": {grown:+}" if grown else ""),
    }


def _cell(kind: str, old: Any, new: Any, side: str) -> dict[str, Any]:
    """The cell of the old value, where words are deleted, or of the new one."""
    value = old if side == "del" else new
    if kind == "date":
        mark = side if old != new else ""
        return {"dates": [(mark, parse(value))] if value else []}
    if kind == "state":
        state, since = value
        return {"state": state, "since": since, "changed": old != new, "kind": side}
    if kind == "list":
        both = set(old) & set(new)
        return {"diff": _joined([("same" if item in both else side, item) for item in value])}
    pieces = word_diff(old, new) if kind == "prose" else whole(old, new)
    return {"diff": [piece for piece in pieces if piece[0] in ("same", side)]}


def items(before: list[str], after: list[str]) -> Pieces:
    """The changes of a list in one line."""
    old, new = [*filter(None, before)], [*filter(None, after)]
    kept = [("same" if item in new else "del", item) for item in old]
    return _joined(kept + [("ins", item) for item in new if item not in old])


def _joined(items: Pieces) -> Pieces:
    pieces = [("same", "; ")] * max(0, 2 * len(items) - 1)
    pieces[::2] = items
    return pieces


def whole(before: str, after: str) -> Pieces:
    if before == after:
        return [("same", after)] if after else []
    pieces = [("del", before), ("same", " " if before and after else ""), ("ins", after)]
    return [(kind, words) for kind, words in pieces if words]


def plain(html: str) -> str:
    """Rich text as its paragraphs."""
    for end in ("</p>", "</li>", "</h2>", "</h3>", "<br>"):
        html = html.replace(end, f"{end}\n")
    return unescape(strip_tags(html)).strip()


# Snapshots


def names_in(snapshots: Iterable[Snapshot]) -> RecordNames:
    """The names of all records that snapshots refer to: two queries a model."""
    names: RecordNames = {}
    for model, keys in _references(snapshots).items():
        columns = {f.name for f in model._meta.concrete_fields}
        label = next(name for name in ("title", "name", "slug") if name in columns)
        versions = model.history.filter(id__in=keys).order_by("history_id")
        titles = dict(versions.values_list("id", label))
        titles |= dict(model.objects.filter(pk__in=keys).values_list("pk", label))
        names |= {(model, key): titles.get(key, f"({key})") for key in keys}
    return names


def missing_from(snapshot: Snapshot) -> list[str]:
    """The records that a snapshot refers to and that are in the papelera: «Una» (organización)."""
    names = names_in([snapshot])
    return [
        f"«{names[model, key]}» ({model._meta.verbose_name})"
        for model, keys in _references([snapshot]).items()
        for key in sorted(keys - set(model._base_manager.in_bulk(keys)))
        if (model, key) != (type(snapshot.record), snapshot.record.pk)
    ]


def _references(snapshots: Iterable[Snapshot]) -> dict[type[Record], set[int]]:
    """The primary keys of the records that snapshots refer to, by model."""
    keys: dict[type[Record], set[int]] = defaultdict(set)
    for snapshot in snapshots:
        for record in (snapshot.record, *snapshot.parts):
            for f in record._meta.concrete_fields:
                if f.is_relation:
                    keys[f.related_model].add(getattr(record, f.attname))
        for name, of in snapshot.lists.items():
            keys[snapshot.record._meta.get_field(name).related_model].update(of)
    return {model: of - {None} for model, of in keys.items()}


def facts(snapshot: Snapshot, names: RecordNames, at: datetime) -> dict[str, Fact]:
    """By field name, in the order of the model; `at` is the moment of the state."""
    record = snapshot.record
    told = {
        f.name: Fact(str(f.verbose_name), *_value(f, record, names), getattr(record, f.attname))
        for f in type(record).versions.fields_included(type(record))
        if f.name not in NO_FACTS and f.editable
    }
    for name, keys in snapshot.lists.items():
        f = record._meta.get_field(name)
        titles = sorted(names[f.related_model, key] for key in keys)
        told[name] = Fact(str(f.verbose_name), "list", titles, sorted(keys))
    if parts_of(type(record)):
        told["parts"] = Fact("citas", "list", [_quoted(part) for part in snapshot.parts])
    if isinstance(record, Publishable):
        told["state"] = Fact("publicación", "state", _state(record, at))
    return told


def _value(f: models.Field, record: Record, names: RecordNames) -> tuple[str, Any]:
    """The kind of a fact and its value."""
    value = getattr(record, f.attname)
    if isinstance(f, EDTFField):
        return "date", value
    if f.is_relation:
        return "whole", names.get((f.related_model, value), "")
    if f.choices:
        return "whole", str(dict(f.flatchoices).get(value, value or ""))
    if isinstance(f, RichTextField):
        return "prose", plain(value)
    if isinstance(f, models.CharField | models.TextField):
        return "prose", value
    return "whole", "" if value is None else str(value)


def _quoted(citation: Record) -> str:
    supports = citation.get_field_display()
    return f"«{citation.exact}»" + (f" (apoya {supports})" if supports else "")


def _state(record: Publishable, at: datetime) -> tuple[str, str]:
    state = record.state_at(at)
    name, words = SINCE.get(state, ("", ""))
    return state, f"{words} {moment_in_words(getattr(record, name))}" if name else ""
