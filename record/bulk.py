"""Writing many rows at once, a statement a batch.

Several times as fast as Django's bulk writes, which prepare every value of every row by itself,
though most values of a column are the same; alike in all else: every value passes its field's
preparation, and generated columns, constraints and triggers are the database's own.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from django.utils import timezone

from record.publishing import written


def insert(records: Sequence[models.Model], heard: bool = True) -> None:
    """New records into their table; each gets its primary key. Not `heard`, no signal is sent, and
    whoever writes them sees to what follows from it."""
    model = type(records[0])
    fields = [f for f in model._meta.concrete_fields if not (f.primary_key or f.generated)]
    rows = _rows(fields, records)
    keys = dict(_insert(model, fields, rows, f"RETURNING {_name('slug')}, {_name('id')}"))
    for record in records:
        record.pk = keys[record.slug]
    if heard:
        written.send(model, keys=list(keys.values()))


def update(records: Sequence[models.Model]) -> None:
    """All columns of records that exist, by an upsert, which takes one statement."""
    upsert(records, ["id"])
    written.send(type(records[0]), keys=[record.pk for record in records])


def upsert(records: Sequence[models.Model], unique: list[str]) -> None:
    """All columns of records, new ones or, by the columns that are `unique` together, those that
    exist; new ones get no primary key, and no signal is sent."""
    model = type(records[0])
    fields = [f for f in model._meta.concrete_fields if not f.generated]
    if "id" not in unique:
        fields.remove(model._meta.pk)
    changes = (
        f"{_name(f.column)} = EXCLUDED.{_name(f.column)}" for f in fields if f.column not in unique
    )
    conflict = ", ".join(map(_name, unique))
    ending = f"ON CONFLICT ({conflict}) DO UPDATE SET {', '.join(changes)}"
    _insert(model, fields, _rows(fields, records), ending)


def relate(field: models.ManyToManyField, pairs: Iterable[tuple[int, int]]) -> None:
    """Rows of a many-to-many table: key of the record, key of the other."""
    through = field.remote_field.through
    ends = [
        through._meta.get_field(name)
        for name in (field.m2m_field_name(), field.m2m_reverse_field_name())
    ]
    if rows := list(pairs):
        _insert(through, ends, rows)


def _rows(fields: list[models.Field], records: Sequence[models.Model]) -> list[tuple[Any, ...]]:
    now = timezone.now()
    for record in records:
        record.updated_at = now
    return list(zip(*(_column(field, records) for field in fields), strict=True))


def _column(field: models.Field, records: Sequence[models.Model]) -> list[Any]:
    """The values of a field as the database takes them, each different one prepared once."""
    values = [getattr(record, field.attname) for record in records]
    prepared = {value: field.get_db_prep_save(value, connection) for value in set(values)}
    return [prepared[value] for value in values]


def _insert(
    model: type[models.Model],
    fields: list[models.Field],
    rows: list[tuple[Any, ...]],
    ending: str = "",
) -> list[tuple[Any, ...]]:
    """What the statement returns, if it does."""
    columns = ", ".join(_name(field.column) for field in fields)
    marks = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_name(model._meta.db_table)} ({columns}) VALUES {marks} {ending}",  # noqa: S608, our own names
            [value for row in rows for value in row],
        )
        return cursor.fetchall() if cursor.description else []


def _name(name: str) -> str:
    return connection.ops.quote_name(name)
