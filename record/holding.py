"""No edit is lost: what a form was opened on, and holding a record while that is compared."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import models
from django.db.models import Count, Max, Subquery, Value
from django.db.models.functions import Coalesce

from record.publishing import Record

Relation = tuple[type[Record], str]
"""A kind of record edited along with another, and its foreign key's attribute."""


def hold(model: type[Record], keys: Iterable[int]) -> dict[int, Record]:
    """The records with these keys, theirs till the transaction ends who asked first; those that
    they belong to before them, for a form there writes them too."""
    keys = list(keys)
    owners: dict[type[Record], set[int]] = {}
    for name in model.belongs_to:
        found = model._base_manager.filter(pk__in=keys, **{f"{name}__isnull": False})
        kind = model._meta.get_field(name).related_model
        owners.setdefault(kind, set()).update(found.values_list(f"{name}_id", flat=True))
    for kind in sorted(owners, key=lambda kind: kind._meta.label):
        list(_held(kind, owners[kind]).values("pk"))
    return {record.pk: record for record in _held(model, keys)}


def _held(kind: type[Record], keys: Iterable[int]) -> models.QuerySet:
    held = kind._base_manager.select_for_update(no_key=True)
    return held.filter(pk__in=keys).order_by("pk")


def version_of(record: Record, relations: Iterable[Relation]) -> str:
    """What there is to see of a record and of what is edited along with it: of each table, how
    many versions and the last, as «3.41-2.107». Any change of any of it changes this."""
    tables = list(_versions(record, relations))
    counts = [_figure(table, Count("history_id")) for table in tables]
    lasts = [_figure(table, Max("history_id")) for table in tables]
    figures = type(record)._base_manager.filter(pk=record.pk).values_list(*counts, *lasts).first()
    half = len(tables)
    pairs = zip((figures or ())[:half], (figures or ())[half:], strict=True)
    return "-".join(f"{count}.{last}" for count, last in pairs)


def versions_of(
    model: type[Record], keys: Iterable[int], relations: Iterable[Relation]
) -> dict[int, str]:
    """The same for a list's confirmation, of many records at once, a query a table."""
    found = dict.fromkeys(keys, "")
    for versions, owner in [(model, "id"), *relations]:
        rows = versions.history.filter(**{f"{owner}__in": found}).order_by().values(owner)
        for key, *figures in rows.annotate(Count("history_id"), Max("history_id")).values_list(
            owner, "history_id__count", "history_id__max"
        ):
            found[key] += "-{}.{}.{}".format(owner, *figures)
    return found


def _versions(record: Record, relations: Iterable[Relation]) -> Iterator[models.QuerySet]:
    yield type(record).history.filter(id=record.pk)
    for model, owner in relations:
        ever = model.history.filter(**{owner: record.pk}).order_by().values("id")
        yield model.history.filter(id__in=ever)


def _figure(versions: models.QuerySet, of: models.Aggregate) -> Any:
    alone = versions.order_by().annotate(one=Value(1)).values("one")
    return Coalesce(Subquery(alone.annotate(figure=of).values("figure")), 0)


def lasts_in(version: str, tables: int) -> list[int] | None:
    """Of a text by `version_of`, each table's last `history_id`; None for any other text."""
    pairs = [pair.partition(".") for pair in version.split("-")]
    if len(pairs) != tables or not all(is_key(n) for pair in pairs for n in pair[::2]):
        return None
    return [int(last) for _count, _dot, last in pairs]


def is_key(text: Any) -> bool:
    """Whether a database can be asked for it as a primary key."""
    return str(text).isascii() and str(text).isdecimal() and len(str(text)) < 19
