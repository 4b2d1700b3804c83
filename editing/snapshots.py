"""Reads a record as it was at any of its versions, and locks it.

Each version keeps the lists of the record. Citations have versions of their own: a version of a
record includes the changes of its citations up to the next version of the record.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self, cast

from django.db import models

from record.history import RecordList, lists_in
from record.publishing import Record
from record.text import is_key


class Relation(NamedTuple):
    """The records of `model` that refer to another record by `foreign_key`, a column. `name` is the
    attribute that holds them there; `are_parts` if they are deleted with that record."""

    model: type[Record]
    foreign_key: str
    name: str
    are_parts: bool


def relations_to(model: type[Record]) -> list[Relation]:
    return [
        Relation(
            rel.related_model,
            rel.field.attname,
            rel.get_accessor_name(),
            rel.on_delete is models.CASCADE,
        )
        for rel in model._meta.related_objects
        if isinstance(rel, models.ManyToOneRel) and issubclass(rel.related_model, Record)
    ]


def parts_of(model: type[Record]) -> list[Relation]:
    """The relations whose rows are deleted with a record: its citations."""
    return [relation for relation in relations_to(model) if relation.are_parts]


def related_model(model: type[models.Model], name: str) -> type[Record]:
    """The model that a relation of a record leads to."""
    return cast("type[Record]", model._meta.get_field(name).related_model)


@dataclass
class Snapshot:
    """A record as it was. `parts` are its citations and other rows; `lists` hold primary keys. The
    instances are not saved."""

    record: Record
    lists: dict[RecordList, list[int]]
    parts: list[Record]

    @classmethod
    def of(cls, version: Any, parts: Iterable[Record] = ()) -> Self:
        record = version.instance
        lists = lists_of(type(record), [version.pk])
        return cls(record, {each: keys[version.pk] for each, keys in lists.items()}, [*parts])


def title_of(version: Any) -> str:
    """The name of a version or a record, without a query for its relations."""
    return getattr(version, "title", "") or getattr(version, "name", "") or version.slug


def lists_of(
    model: type[Record], versions: Collection[int]
) -> dict[RecordList, dict[int, list[int]]]:
    """The keys of the records in each list, by the version's `history_id`."""
    lists: dict[RecordList, dict[int, list[int]]] = {
        each: {version: [] for version in versions} for each in lists_in(model)
    }
    for first in {each.field: each for each in lists}.values():
        rows = model.versions.m2m_models[first.field].objects.filter(history__in=versions)
        for row in rows.order_by("pk"):
            key = getattr(row, first.field.m2m_reverse_name())
            lists[first.of(row)][row.history_id].append(key)
    return lists


def with_snapshots(model: type[Record], versions: Iterable[Any]) -> list[Any]:
    """Sets three attributes of each version: its `snapshot` (of a deletion, the record before it),
    its `number`, from 1 on, and `last`, the number of the record's latest version."""
    versions = list(versions)
    keys = {version.id for version in versions}
    dates_by_record: dict[int, dict[int, datetime]] = defaultdict(dict)
    history = model.history.filter(id__in=keys).order_by("history_id")
    for key, version_key, date in history.values_list("id", "history_id", "history_date"):
        dates_by_record[key][version_key] = date
    parts = [(relation, [*row_versions(relation, keys)]) for relation in parts_of(model)]
    lists = lists_of(model, [version.pk for version in versions])
    for version in versions:
        dates = dates_by_record[version.id]
        version_keys = list(dates)
        version.number, version.last = version_keys.index(version.pk) + 1, len(version_keys)
        end = dates[version_keys[version.number]] if version.number < version.last else None
        version.snapshot = Snapshot(
            version.instance,
            {each: by_version[version.pk] for each, by_version in lists.items()},
            [row for relation, rows in parts for row in _rows(version.id, relation, rows, end)],
        )
    return versions


def _rows(
    key: int, relation: Relation, versions: Iterable[Any], end: datetime | None = None
) -> list[Record]:
    """The rows that belonged to a record before `end`. `versions` come oldest first."""
    last = {v.id: v for v in versions if end is None or v.history_date < end}
    return [
        version.instance
        for _key, version in sorted(last.items())
        if version.history_type != "-" and getattr(version, relation.foreign_key) == key
    ]


def row_versions(relation: Relation, keys: Iterable[int]) -> models.QuerySet:
    """All versions, oldest first, of rows that belong or belonged to the records with `keys`."""
    history = relation.model.history
    rows = history.filter(**{f"{relation.foreign_key}__in": keys}).order_by().values("id")
    return history.filter(id__in=rows).order_by("history_id")


# Locks and tokens


def lock(model: type[Record], keys: Iterable[int]) -> dict[int, Record]:
    """Locks the records with these keys (FOR UPDATE) until the transaction ends, and returns them.

    The records that they belong to are locked first, since their form saves these records too.
    """
    keys = list(keys)
    owners: dict[type[Record], set[int]] = defaultdict(set)
    for name in model.belongs_to:
        records = model._base_manager.filter(pk__in=keys, **{f"{name}__isnull": False})
        owners[related_model(model, name)].update(records.values_list(f"{name}_id", flat=True))
    for owner in sorted(owners, key=lambda owner: owner._meta.label):
        list(_locked(owner, owners[owner]).values("pk"))
    return {record.pk: record for record in _locked(model, keys)}


def _locked(model: type[Record], keys: Iterable[int]) -> models.QuerySet:
    records = model._base_manager.select_for_update(no_key=True)
    return records.filter(pk__in=keys).order_by("pk")


def tokens_of(
    model: type[Record], keys: Iterable[int], relations: Iterable[Relation]
) -> dict[int, str]:
    """A token of the present state of each record, by key: «3.41-2.107».

    It holds the number of versions and the last `history_id` of each table, so any change of the
    record or of a related row changes it.
    """
    tables = [_version_keys(relation, keys) for relation in (_itself(model), *relations)]
    return {
        key: "-".join(f"{len(table[key])}.{max(table[key], default=0)}" for table in tables)
        for key in keys
    }


def _itself(model: type[Record]) -> Relation:
    return Relation(model, "id", "", False)


def _version_keys(relation: Relation, keys: Iterable[int]) -> dict[int, set[int]]:
    """The `history_id` of all versions of the rows of each record, by the record's key."""
    by_row, rows_of = defaultdict(set), defaultdict(set)
    versions = row_versions(relation, keys).values_list("id", relation.foreign_key, "history_id")
    for row, key, version in versions:
        by_row[row].add(version)
        rows_of[key].add(row)
    return {key: set().union(*(by_row[row] for row in rows_of[key])) for key in keys}


def snapshot_at(
    token: str, model: type[Record], key: int, relations: list[Relation]
) -> Snapshot | None:
    """The record and its related rows when `token` was its token; None for any other text."""
    pairs = [pair.partition(".") for pair in token.split("-")]
    if len(pairs) != 1 + len(relations) or not all(is_key(n) for pair in pairs for n in pair[::2]):
        return None
    last, *lasts = (int(last) for _count, _dot, last in pairs)
    version = model.history.filter(pk=last, id=key).first()
    rows = [
        row
        for relation, last in zip(relations, lasts, strict=True)
        for row in _rows(key, relation, row_versions(relation, [key]).filter(history_id__lte=last))
    ]
    return version and Snapshot.of(version, rows)
