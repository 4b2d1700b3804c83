"""How two values of a field differ, for people: prose word by word, lists item by item, dates,
choices and relations replaced whole."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import strip_tags
from django.utils.text import capfirst

from record.dates import EDTF, EDTFField, parse
from record.publishing import Publishable, Record
from record.richtext import RichTextField
from record.snapshots import Snapshot, parts_of
from record.text import word_diff

Pieces = list[tuple[str, str]]
"""«same» | «del» | «ins», words."""
NO_FACTS = ("id", "updated_at", "publish_at", "unpublish_at")
STATES = {
    "draft": "Borrador",
    "scheduled": "Programado",
    "public": "Público",
    "withdrawn": "Retirado",
}
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
    """A field's value as it is shown: `date`, EDTF text; `list`, strings; `state`, a key of STATES
    and since when; `whole` and `prose`, text; `rich`, HTML."""

    label: str
    kind: str
    value: Any
    key: Any = None
    """What tells it from another that looks the same: two records may have one name."""


@dataclass(frozen=True)
class Difference:
    label: str
    before: dict[str, Any]
    after: dict[str, Any]
    inline: dict[str, Any]
    is_loss: bool
    name: str = ""
    """What changed, briefly: «Citas: +1»."""


def difference(before: Fact, after: Fact) -> Difference:
    old, new = before.value, after.value
    sides = _SIDES[after.kind](old, new)
    name = capfirst(after.label)
    if after.kind == "list" and len(old) != len(new):
        name = f"{name}: {len(new) - len(old):+}"
    return Difference(after.label, *sides, is_loss=bool(old) and not new, name=name)


def _dates(old: str, new: str) -> tuple[dict, dict, dict]:
    changed = old != new
    pairs = [("del" if changed else "", _edtf(old)), ("ins" if changed else "", _edtf(new))]
    before, after = ([pair] if pair[1] else [] for pair in pairs)
    return {"dates": before}, {"dates": after}, {"dates": before + after if changed else after}


def _edtf(text: str) -> EDTF | None:
    return parse(text) if text else None


def _states(old: tuple[str, str], new: tuple[str, str]) -> tuple[dict, dict, dict]:
    before, after = (
        {"state": state, "word": STATES[state], "since": since, "changed": old != new}
        for state, since in (old, new)
    )
    return before | {"kind": "del"}, after | {"kind": "ins"}, {}


def _lists(old: list[str], new: list[str]) -> tuple[dict, dict, dict]:
    before = [("same" if item in new else "del", item) for item in old]
    after = [("same" if item in old else "ins", item) for item in new]
    added = [piece for piece in after if piece[0] == "ins"]
    return tuple({"diff": _joined(items)} for items in (before, after, before + added))


def items(before: list[str], after: list[str]) -> Pieces:
    """What became of a list, in one line."""
    return _lists([*filter(None, before)], [*filter(None, after)])[2]["diff"]


def _joined(items: Pieces) -> Pieces:
    pieces = [("same", "; ")] * max(0, 2 * len(items) - 1)
    pieces[::2] = items
    return pieces


def whole(before: str, after: str) -> Pieces:
    if before == after:
        return [("same", after)] if after else []
    pieces = [("del", before), ("same", " " if before and after else ""), ("ins", after)]
    return [(kind, words) for kind, words in pieces if words]


def _wholes(old: str, new: str) -> tuple[dict, dict, dict]:
    return _split(whole(old, new))


def _proses(old: str, new: str) -> tuple[dict, dict, dict]:
    return _split(word_diff(old, new))


def _riches(old: str, new: str) -> tuple[dict, dict, dict]:
    return _proses(plain(old), plain(new))


def _split(pieces: Pieces) -> tuple[dict, dict, dict]:
    before, after = ([p for p in pieces if p[0] != other] for other in ("ins", "del"))
    return {"diff": before}, {"diff": after}, {"diff": pieces}


_SIDES = {"date": _dates, "state": _states, "list": _lists, "whole": _wholes, "prose": _proses,
          "rich": _riches}  # fmt: skip


# What snapshots say


@dataclass
class Names:
    """What records are called, those that are gone too; each kind asked for once."""

    known: dict[type[Record], dict[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshots: Iterable[Snapshot]) -> "Names":
        wanted: dict[type[Record], set[int]] = {}
        for kind, key in (ref for one in snapshots for ref in _mentioned(one)):
            wanted.setdefault(kind, set()).add(key)
        return cls({kind: _called(kind, keys) for kind, keys in wanted.items()})

    def get(self, kind: type[Record], key: int | None) -> str:
        return "" if key is None else self.known.get(kind, {}).get(key, f"({key})")


def _mentioned(snapshot: Snapshot) -> Iterable[tuple[type[Record], int]]:
    for record in (snapshot.record, *snapshot.parts):
        for f in record._meta.concrete_fields:
            if f.is_relation and getattr(record, f.attname) is not None:
                yield f.related_model, getattr(record, f.attname)
    for name, keys in snapshot.lists.items():
        kind = snapshot.record._meta.get_field(name).related_model
        yield from ((kind, key) for key in keys)


def missing_from(snapshot: Snapshot) -> list[str]:
    """The records that a snapshot refers to and that are in the papelera: «Una» (organización)."""
    wanted: dict[type[Record], set[int]] = defaultdict(set)
    for model, key in _mentioned(snapshot):
        if (model, key) != (type(snapshot.record), snapshot.record.pk):
            wanted[model].add(key)
    names = Names.of([snapshot])
    return [
        f"«{names.get(model, key)}» ({model._meta.verbose_name})"
        for model, keys in wanted.items()
        for key in sorted(keys - set(model._base_manager.in_bulk(keys)))
    ]


def _called(kind: type[Record], keys: Collection[int]) -> dict[int, str]:
    versions = kind.history.filter(id__in=keys).order_by("history_id")
    label = next(name for name in ("title", "name", "slug") if name in _columns(kind))
    names = dict(versions.values_list("id", label))
    return names | dict(kind.objects.filter(pk__in=keys).values_list("pk", label))


def _columns(kind: type[Record]) -> set[str]:
    return {f.name for f in kind._meta.concrete_fields}


def facts(snapshot: Snapshot, names: Names, at: datetime) -> dict[str, Fact]:
    """By field name, in the order of the model; `at` is when the state was so."""
    record = snapshot.record
    found = {
        f.name: Fact(str(f.verbose_name), *_value(f, record, names), getattr(record, f.attname))
        for f in type(record).versions.fields_included(type(record))
        if f.name not in NO_FACTS and f.editable
    }
    for name, keys in snapshot.lists.items():
        f = record._meta.get_field(name)
        called = sorted(names.get(f.related_model, key) for key in keys)
        found[name] = Fact(str(f.verbose_name), "list", called, sorted(keys))
    if parts_of(type(record)):
        found["parts"] = Fact("citas", "list", [_quoted(part) for part in snapshot.parts])
    if isinstance(record, Publishable):
        found["state"] = Fact("publicación", "state", _state(record, at))
    return found


def _value(f: models.Field, record: Record, names: Names) -> tuple[str, Any]:
    value = getattr(record, f.attname)
    if isinstance(f, EDTFField):
        return "date", value
    if f.is_relation:
        return "whole", names.get(f.related_model, value)
    if f.choices:
        return "whole", str(dict(f.flatchoices).get(value, value or ""))
    if isinstance(f, RichTextField):
        return "rich", value
    if isinstance(f, models.CharField | models.TextField):
        return "prose", value
    return "whole", "" if value is None else str(value)


def plain(html: str) -> str:
    """Rich text as its paragraphs."""
    for end in ("</p>", "</li>", "</h2>", "</h3>", "<br>"):
        html = html.replace(end, f"{end}\n")
    return unescape(strip_tags(html)).strip()


def _quoted(citation: Record) -> str:
    supports = citation.get_field_display()
    return f"«{citation.exact}»" + (f" (apoya {supports})" if supports else "")


def _state(record: Publishable, at: datetime) -> tuple[str, str]:
    state = record.state_at(at)
    name, words = SINCE.get(state, ("", ""))
    return state, f"{words} {moment_in_words(getattr(record, name))}" if name else ""


def differences(before: dict[str, Fact], after: dict[str, Fact]) -> list[Difference]:
    return [difference(before[name], fact) for name, fact in after.items() if before[name] != fact]
