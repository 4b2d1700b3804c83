"""A record as it was at any of its versions: its own columns, its lists and its citations. The
token of its present state, and its lock.

Lists are kept with each version. Citations have versions of their own: a version of a record lasts
until the next one, with all that was cited for it, corrected or taken away in between.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.db import models

from record.publishing import Record
from record.text import is_key

Relation = tuple[type[Record], str]
"""A model edited along with another, and the attribute of its foreign key."""


@dataclass
class Snapshot:
    """`record` and `parts`, its citations and other rows, are not to be saved themselves; `lists`
    hold keys."""

    record: Record
    lists: dict[str, list[int]]
    parts: list[Record]

    @classmethod
    def of(cls, version: Any, parts: Iterable[Record] = ()) -> Self:
        record = version.instance
        lists = lists_of(type(record), [version.pk])
        return cls(record, {name: keys[version.pk] for name, keys in lists.items()}, [*parts])


def parts_of(model: type[Record]) -> list[models.ManyToOneRel]:
    """The relations of rows that are deleted with a record: its citations."""
    return [
        relation
        for relation in model._meta.related_objects
        if relation.on_delete is models.CASCADE and issubclass(relation.related_model, Record)
    ]


def title_of(version: Any) -> str:
    """The name of a version or a record, without a query for its relations."""
    return getattr(version, "title", "") or getattr(version, "name", "") or version.slug


def lists_of(model: type[Record], versions: Collection[int]) -> dict[str, dict[int, list[int]]]:
    """By list and by version's `history_id`, the keys of the records in it."""
    found: dict[str, dict[int, list[int]]] = {}
    for field in model.history.model._history_m2m_fields:
        found[field.name] = {version: [] for version in versions}
        rows = model.versions.m2m_models[field].objects.filter(history__in=versions)
        pairs = rows.order_by("pk").values_list("history_id", field.m2m_reverse_name())
        for version, key in pairs:
            found[field.name][version].append(key)
    return found


def read_past(model: type[Record], versions: Iterable[Any]) -> list[Any]:
    """The versions, each with its `snapshot` (of a deletion, the record before it), its `number`,
    from 1 on, and `last`, the number of the latest version. Their records may be deleted."""
    versions = list(versions)
    keys = {version.id for version in versions}
    timelines: dict[int, dict[int, datetime]] = defaultdict(dict)
    every = model.history.filter(id__in=keys).order_by("history_id")
    for key, version, moment in every.values_list("id", "history_id", "history_date"):
        timelines[key][version] = moment
    owners = [(part.related_model, part.field.attname) for part in parts_of(model)]
    parts = [(owner, [*versions_ever(part, owner, keys)]) for part, owner in owners]
    lists = lists_of(model, [version.pk for version in versions])
    for version in versions:
        timeline = timelines[version.id]
        ids = list(timeline)
        version.number, version.last = ids.index(version.pk) + 1, len(ids)
        end = timeline[ids[version.number]] if version.number < version.last else None
        version.snapshot = Snapshot(
            version.instance,
            {name: of[version.pk] for name, of in lists.items()},
            [part for owner, rows in parts for part in _parts_of(version.id, owner, rows, end)],
        )
    return versions


def _parts_of(key: int, owner: str, rows: list[Any], end: datetime | None) -> list[Record]:
    """The rows that belonged to a record before `end`, out of their versions."""
    then = latest(row for row in rows if end is None or row.history_date < end)
    return [row.instance for row in then if getattr(row, owner) == key]


def latest(rows: Iterable[Any]) -> list[Any]:
    """Of versions, oldest first: the last of each record that was not deleted."""
    last = {row.id: row for row in rows}
    return [row for _key, row in sorted(last.items()) if row.history_type != "-"]


def versions_ever(model: type[Record], owner: str, keys: Iterable[int]) -> models.QuerySet:
    """The versions, oldest first, of all rows that ever belonged to the records with these keys."""
    ever = model.history.filter(**{f"{owner}__in": keys}).order_by().values("id")
    return model.history.filter(id__in=ever).order_by("history_id")


# Tokens and locks


def hold(model: type[Record], keys: Iterable[int]) -> dict[int, Record]:
    """Locks the records with these keys until the transaction ends; the records that they belong
    to first, because a form there writes them too."""
    keys = list(keys)
    owners: dict[type[Record], set[int]] = defaultdict(set)
    for name in model.belongs_to:
        records = model._base_manager.filter(pk__in=keys, **{f"{name}__isnull": False})
        owner = model._meta.get_field(name).related_model
        owners[owner].update(records.values_list(f"{name}_id", flat=True))
    for owner in sorted(owners, key=lambda owner: owner._meta.label):
        list(_locked(owner, owners[owner]).values("pk"))
    return {record.pk: record for record in _locked(model, keys)}


def _locked(model: type[Record], keys: Iterable[int]) -> models.QuerySet:
    records = model._base_manager.select_for_update(no_key=True)
    return records.filter(pk__in=keys).order_by("pk")


def versions_of(
    model: type[Record], keys: Iterable[int], relations: Iterable[Relation]
) -> dict[int, str]:
    """By key, a token that any change of a record and of its related rows changes: of each table
    the number of versions and the last `history_id`, as «3.41-2.107»."""
    tables = [_versions_in(table, owner, keys) for table, owner in [(model, "id"), *relations]]
    return {
        key: "-".join(f"{len(table[key])}.{max(table[key], default=0)}" for table in tables)
        for key in keys
    }


def _versions_in(model: type[Record], owner: str, keys: Iterable[int]) -> dict[int, set[int]]:
    """By key, the versions of all rows that ever belonged to the record."""
    rows, owners = defaultdict(set), defaultdict(set)
    versions = versions_ever(model, owner, keys).values_list("id", owner, "history_id")
    for row, key, version in versions:
        rows[row].add(version)
        owners[key].add(row)
    return {key: set().union(*(rows[row] for row in owners[key])) for key in keys}


def snapshot_at(
    token: str, model: type[Record], key: int, relations: list[Relation]
) -> Snapshot | None:
    """A record and its related rows when `token` was its token; None for any other text."""
    pairs = [pair.partition(".") for pair in token.split("-")]
    if len(pairs) != 1 + len(relations) or not all(is_key(n) for pair in pairs for n in pair[::2]):
        return None
    last, *lasts = (int(last) for _count, _dot, last in pairs)
    version = model.history.filter(pk=last, id=key).first()
    parts = [
        row.instance
        for (part, owner), last in zip(relations, lasts, strict=True)
        for row in latest(versions_ever(part, owner, [key]).filter(history_id__lte=last))
        if getattr(row, owner) == key
    ]
    return version and Snapshot.of(version, parts)
