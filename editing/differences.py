"""Shows how two versions of a record differ: prose word by word, lists item by item; dates, choices
and relations as a whole."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst

from dates.edtf import parse
from dates.fields import EDTFField
from editing.snapshots import Snapshot, parts_of, related_model
from record.proof import by_model
from record.publishing import Publishable, Record
from record.richtext import RichTextField
from record.text import word_diff

Pieces = list[tuple[str, str]]
"""Pairs of «same», «del» or «ins» and words."""
Titles = dict[tuple[type[Record], int], str]
"""The titles of records, also of deleted ones, by model and primary key."""
_TAG = re.compile("<[^<>]*>")
NOT_COMPARED = ("id", "updated_at", "publish_at", "unpublish_at")
SINCE = {"scheduled": ("publish_at", "para el"), "public": ("publish_at", "desde el"),
         "withdrawn": ("unpublish_at", "desde el")}  # fmt: skip


def moment_in_words(moment: datetime | None) -> str:
    """«24 de noviembre de 2026, 9:05»."""
    if moment is None:
        return ""
    return date_format(timezone.localtime(moment), r"j \d\e F \d\e Y, G:i").lower()


def how_many(count: int, meta: Any) -> str:
    """«1 cita», «5 citas»; `meta` is the `_meta` of a model."""
    return f"{count} {meta.verbose_name if count == 1 else meta.verbose_name_plural}"


def name_or_counts(records: list[Any]) -> str:
    """«La fuente» by its name, or «2 fuentes y 1 organización»."""
    if len(records) == 1:
        return f"«{records[0]}»"
    *counts, last = (how_many(len(g), model._meta) for model, g in by_model(records).items())
    return f"{', '.join(counts)} y {last}" if counts else last


@dataclass(frozen=True)
class Fact:
    """The value of a field as it is shown.

    Its `kind` is `date` (the value is EDTF text), `list` (strings), `state` (the state of the
    publication and its date), `whole` or `prose` (text). `key` distinguishes values that look the
    same.
    """

    label: str
    kind: str
    value: Any
    key: Any = None


def differences(before: dict[str, Fact], after: dict[str, Fact]) -> list[dict[str, Any]]:
    return [difference(before[name], fact) for name, fact in after.items() if before[name] != fact]


def difference(before: Fact, after: Fact) -> dict[str, Any]:
    """The context of a row that compares two facts. `before` and `after` are rendered by
    `admin/record/_cell.html`; `name` summarizes the change: «Citas: +1»."""
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
    """The cell of the old value if `side` is «del», of the new value if it is «ins»."""
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
    pieces = word_diff(old, new) if kind == "prose" else whole_diff(old, new)
    return {"diff": [piece for piece in pieces if piece[0] in ("same", side)]}


def list_diff(before: list[str], after: list[str]) -> Pieces:
    """The difference of two lists, in one line."""
    old, new = [*filter(None, before)], [*filter(None, after)]
    kept = [("same" if item in new else "del", item) for item in old]
    return _joined(kept + [("ins", item) for item in new if item not in old])


def _joined(items: Pieces) -> Pieces:
    pieces = [("same", "; ")] * max(0, 2 * len(items) - 1)
    pieces[::2] = items
    return pieces


def whole_diff(before: str, after: str) -> Pieces:
    """The difference of two texts of which one replaces the other."""
    if before == after:
        return [("same", after)] if after else []
    pieces = [("del", before), ("same", " " if before and after else ""), ("ins", after)]
    return [(kind, words) for kind, words in pieces if words]


def html_to_text(html: str) -> str:
    """The text of `html`, a line for each paragraph. Not by `strip_tags`, whose time is quadratic
    in the length of a text that was sent and is not sanitised yet."""
    for end in ("</p>", "</li>", "</h2>", "</h3>", "<br>"):
        html = html.replace(end, f"{end}\n")
    return unescape(_TAG.sub("", html)).strip()


# Snapshots


def titles_in(snapshots: Iterable[Snapshot]) -> Titles:
    """The titles of all records that snapshots refer to, with two queries for each model."""
    titles: Titles = {}
    for model, keys in _references(snapshots).items():
        columns = {field.name for field in model._meta.concrete_fields}
        label = next(name for name in ("title", "name", "slug") if name in columns)
        versions = model.history.filter(id__in=keys).order_by("history_id")
        by_key = dict(versions.values_list("id", label))
        by_key |= dict(model.objects.filter(pk__in=keys).values_list("pk", label))
        titles |= {(model, key): by_key.get(key, f"({key})") for key in keys}
    return titles


def missing_from(snapshot: Snapshot) -> list[str]:
    """The records in the trash that a snapshot refers to: «Una» (organización)."""
    titles = titles_in([snapshot])
    return [
        f"«{titles[model, key]}» ({model._meta.verbose_name})"
        for model, keys in _references([snapshot]).items()
        for key in sorted(keys - set(model._base_manager.in_bulk(keys)))
        if (model, key) != (type(snapshot.record), snapshot.record.pk)
    ]


def _references(snapshots: Iterable[Snapshot]) -> dict[type[Record], set[int]]:
    """The primary keys of the records that snapshots refer to, by model."""
    references: dict[type[Record], set[int]] = defaultdict(set)
    for snapshot in snapshots:
        for record in (snapshot.record, *snapshot.parts):
            for field in record._meta.concrete_fields:
                if field.is_relation:
                    key = getattr(record, field.attname)
                    references[related_model(type(record), field.name)].add(key)
        for each, keys in snapshot.lists.items():
            references[each.related_model].update(keys)
    return {model: keys - {None} for model, keys in references.items()}


def facts_of(snapshot: Snapshot, titles: Titles, date: datetime) -> dict[str, Fact]:
    """The facts of a snapshot by field name, in the order of the model. The state of the
    publication is the state at `date`."""
    record, model = snapshot.record, type(snapshot.record)
    facts = {
        field.name: Fact(
            str(field.verbose_name),
            *_value(field, record, titles),
            key=getattr(record, field.attname),
        )
        for field in model.versions.fields_included(model)
        if field.name not in NOT_COMPARED and field.editable
    }
    for each, keys in snapshot.lists.items():
        values = sorted(titles[each.related_model, key] for key in keys)
        facts[each.name] = Fact(each.verbose_name, "list", values, sorted(keys))
    if parts_of(model):
        facts["parts"] = Fact("citas", "list", [_quoted(part) for part in snapshot.parts])
    if isinstance(record, Publishable):
        facts["state"] = Fact("publicación", "state", _state(record, date))
    return facts


def _value(field: models.Field, record: Record, titles: Titles) -> tuple[str, Any]:
    """The kind of a fact and its value."""
    value = getattr(record, field.attname)
    if isinstance(field, EDTFField):
        return "date", value
    if field.is_relation:
        return "whole", titles.get((related_model(type(record), field.name), value), "")
    if field.choices:
        return "whole", str(dict(field.flatchoices).get(value, value or ""))
    if isinstance(field, RichTextField):
        return "prose", html_to_text(value)
    if isinstance(field, models.CharField | models.TextField):
        return "prose", value
    return "whole", "" if value is None else str(value)


def _quoted(citation: Any) -> str:
    words, stance = f"«{citation.exact}»", citation.get_stance_display()
    if about := citation.get_field_display():
        words += f" ({stance} {about})"
    return f"{words}: dice {parse(citation.says)}" if citation.says else words


def _state(record: Publishable, date: datetime) -> tuple[str, str]:
    state = record.state_at(date)
    name, words = SINCE.get(state, ("", ""))
    return state, f"{words} {moment_in_words(getattr(record, name))}" if name else ""
