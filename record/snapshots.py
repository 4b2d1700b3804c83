"""A record as it was at any of its versions: its own columns, its lists and its citations.

Lists are kept with each version. Citations have versions of their own: a version of a record lasts
until the next one, with all that was cited for it, corrected or taken away in between.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from record.publishing import Record


@dataclass
class Snapshot:
    """`record` and `parts`, its citations, are not to be saved themselves; `lists` hold keys."""

    record: Record
    lists: dict[str, list[int]]
    parts: list[Record]


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


class Past:
    """The versions of some records of one model, deleted records too: one query a table."""

    def __init__(self, model: type[Record], keys: Collection[int]) -> None:
        self.model = model
        self._timelines: dict[int, list[tuple[int, datetime]]] = {key: [] for key in keys}
        versions = model.history.filter(id__in=keys).order_by("history_id")
        for key, version, moment in versions.values_list("id", "history_id", "history_date"):
            self._timelines[key].append((version, moment))
        parts = [(rel.related_model, rel.field.attname) for rel in parts_of(model)]
        self._parts = [(owner, [*versions_ever(part, owner, keys)]) for part, owner in parts]

    def numbers(self, key: int) -> dict[int, int]:
        """By `history_id`, the number that a version is known by: the first is 1."""
        return {version: n for n, (version, _date) in enumerate(self._timelines[key], 1)}

    def snapshots(self, versions: Iterable[Any]) -> dict[int, Snapshot]:
        """By `history_id`; of a deletion, what there was before it."""
        versions = list(versions)
        lists = lists_of(self.model, [version.history_id for version in versions])
        return {
            version.history_id: Snapshot(
                version.instance,
                {name: of[version.history_id] for name, of in lists.items()},
                self._parts_until(version.id, self._end(version)),
            )
            for version in versions
        }

    def _end(self, version: Any) -> datetime | None:
        later = (date for n, date in self._timelines[version.id] if n > version.history_id)
        return next(later, None)

    def _parts_until(self, key: int, end: datetime | None) -> list[Record]:
        return [
            row.instance
            for attname, rows in self._parts
            for row in latest(row for row in rows if end is None or row.history_date < end)
            if getattr(row, attname) == key
        ]


def latest(rows: Iterable[Any]) -> list[Any]:
    """Of versions, oldest first: the last of each record that was not deleted."""
    last = {row.id: row for row in rows}
    return [row for _key, row in sorted(last.items()) if row.history_type != "-"]


def versions_ever(model: type[Record], owner: str, keys: Iterable[int]) -> models.QuerySet:
    """The versions, oldest first, of all rows that ever belonged to the records with these keys."""
    ever = model.history.filter(**{f"{owner}__in": keys}).order_by().values("id")
    return model.history.filter(id__in=ever).order_by("history_id")


def rows_at(model: type[Record], owner: str, key: int, last: int) -> list[Record]:
    """The rows that belonged to a record when `last` was the last `history_id` of their table."""
    versions = versions_ever(model, owner, [key]).filter(history_id__lte=last)
    return [row.instance for row in latest(versions) if getattr(row, owner) == key]
