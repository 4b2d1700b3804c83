"""What a table of records is: its columns, its way out, and what an import must ask of it.

Each app declares its own in `resources.py`; `exchange` takes them in and out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from record.columns import Column, ReferenceList
from record.periods import Spanning
from record.publishing import Record

BATCH = 1000


class Resource:
    """A model as a table. Subclasses give `name` (as in addresses and commands), `model` and
    `columns`, and may override `check`."""

    name: str
    model: type[Record]
    columns: list[Column]

    def __init__(self) -> None:
        self.columns = [column.bind(self.model) for column in self.columns]

    @property
    def headers(self) -> list[str]:
        return [column.header for column in self.columns]

    @cached_property
    def relations(self) -> list[ReferenceList]:
        return [column for column in self.columns if column.many]

    # The way out

    def rows(self, records: models.QuerySet, for_readers: bool = False) -> Iterator[list[str]]:
        """Header and rows, a batch of records in memory at a time; `for_readers`, the cells name
        no other record but public ones."""
        yield self.headers
        singles = [c.field for c in self.columns if c.model_field.is_relation and not c.many]
        records = records.select_related(*singles) if singles else records
        records = records.prefetch_related(
            *(self._others(column, for_readers) for column in self.relations)
        )
        for record in records.order_by("pk").iterator(chunk_size=BATCH):
            yield [column.write(record) for column in self.columns]

    def _others(self, column: ReferenceList, for_readers: bool) -> models.Prefetch:
        others = column.model_field.related_model.objects
        return models.Prefetch(
            column.field, others.visible_to(None) if for_readers else others.all()
        )

    # What an import asks of it

    def check(self, row: "Row") -> None:
        """What must hold between the fields of a record; raises ValidationError by field."""
        record = row.record
        if isinstance(record, Spanning) and not record.period.is_possible:
            raise ValidationError({"end": "El fin es anterior al inicio."})
        ends, begins = (getattr(record, f"{name}publish_at", None) for name in ("un", ""))
        if ends and not (begins and begins < ends):
            raise ValidationError({"unpublish_at": "El retiro no es posterior a la publicación."})

    def check_all(self) -> "Iterator[tuple[Row, str, str]]":
        """What must hold between records, once all are read: the row, its field, the problem."""
        return iter(())

    def prepare(self, records: list[Record]) -> None:
        """Fills in what is not in the file, before new or changed records are written."""

    def written(self, rows: "list[Row]") -> None:
        """What follows from changed rows, after they are written."""


@dataclass
class Row:
    number: int
    cells: list[str]
    record: Record
    is_new: bool
    changed: list[tuple[Column, Any, Any]] = field(default_factory=list)
    """Column, value before, value after."""
