"""Locks a record, and tells by a token whether it changed since a form was opened."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import models

from record.publishing import Record
from record.snapshots import versions_ever

Relation = tuple[type[Record], str]
"""A model edited along with another, and the attribute of its foreign key."""


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


def version_of(model: type[Record], key: int, relations: Iterable[Relation]) -> str:
    """The token of one record."""
    return versions_of(model, [key], relations)[key]


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


def lasts_in(token: str, tables: int) -> list[int] | None:
    """The last `history_id` of each table in a token; None for any other text."""
    pairs = [pair.partition(".") for pair in token.split("-")]
    if len(pairs) != tables or not all(is_key(n) for pair in pairs for n in pair[::2]):
        return None
    return [int(last) for _count, _dot, last in pairs]


def is_key(text: Any) -> bool:
    """Whether the database accepts it as a primary key."""
    return str(text).isascii() and str(text).isdecimal() and len(str(text)) < 19
