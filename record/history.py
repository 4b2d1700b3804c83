"""The versions of records, in a table for each model (django-simple-history), and the lists of
related records, which versions keep too."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.utils import timezone
from simple_history.manager import HistoryManager
from simple_history.models import HistoricalRecords


@dataclass(frozen=True)
class RecordList:
    """The records in a many-to-many field or, if the rows of its table have a `part`, the records
    with that part: an event has the organizations that convene, take part, and are only named."""

    field: Any
    verbose_name: str
    part: str = ""
    max_length = None

    @property
    def name(self) -> str:
        return self.part or self.field.name

    @property
    def related_model(self) -> Any:
        return self.field.related_model

    @property
    def through(self) -> Any:
        return self.field.remote_field.through

    @property
    def row(self) -> dict[str, str]:
        """The values that distinguish the rows of this list in the table."""
        return {"part": self.part} if self.part else {}

    def of(self, row: Any) -> "RecordList":
        """The list of a row in the table of this list."""
        name = getattr(row, "part", "")
        lists = lists_in(self.field.model)
        return next(each for each in lists if (each.field, each.part) == (self.field, name))

    def prefetch(self, records: models.QuerySet) -> models.Prefetch:
        """Prefetches the list, without records that are not among `records`, as an attribute of
        its name: a related manager or, if it has a part, the rows of the table."""
        if not self.part:
            return models.Prefetch(self.name, records)
        own, other = self.field.m2m_field_name(), self.field.m2m_reverse_field_name()
        rows = self.through.objects.filter(**self.row, **{f"{other}__in": records})
        rows = rows.select_related(other).only(own, f"{other}__slug")
        to_record = self.through._meta.get_field(own).remote_field
        return models.Prefetch(to_record.get_accessor_name(), rows, to_attr=self.name)

    def records(self, prefetched: Any) -> Iterable[Any]:
        """The records in a prefetched list."""
        if self.part:
            return [getattr(row, self.field.m2m_reverse_field_name()) for row in prefetched]
        return [*prefetched.all()]


def lists_in(model: type[models.Model]) -> Iterator[RecordList]:
    for field in model._meta.many_to_many:
        through: Any = field.remote_field.through
        columns = {column.name: column for column in through._meta.fields}
        if "part" in columns:
            choices = columns["part"].flatchoices
            yield from (RecordList(field, str(label), part) for part, label in choices)
        else:
            yield RecordList(field, str(field.verbose_name))


def listed_in(record: models.Model) -> dict[RecordList, list[int]]:
    """The primary keys in each list of a record, with a query for each table."""
    keys: dict[RecordList, list[int]] = {each: [] for each in lists_in(type(record))}
    for first in {each.field: each for each in keys}.values():
        rows = first.through.objects.filter(**{first.field.m2m_field_name(): record.pk})
        for row in rows.order_by("pk"):
            keys[first.of(row)].append(getattr(row, first.field.m2m_reverse_name()))
    return keys


def replace_lists(lists: Mapping[RecordList, Mapping[int, Iterable[int]]]) -> None:
    """Replaces lists of the records with these primary keys. Deletes before it adds, since a record
    that moves from one part to another has only one row."""
    rows: dict[Any, list[Any]] = defaultdict(list)
    for each, listed in lists.items():
        own, other = each.field.m2m_field_name(), each.field.m2m_reverse_field_name()
        each.through.objects.filter(**{f"{own}__in": listed}, **each.row).delete()
        pairs = ((key, other_key) for key, keys in listed.items() for other_key in keys)
        columns = (f"{own}_id", f"{other}_id")
        rows[each.through] += (
            each.through(**dict(zip(columns, pair, strict=True)), **each.row) for pair in pairs
        )
    for through, added in rows.items():
        through.objects.bulk_create(added)


def with_two_parts(lists: Mapping[RecordList, Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """The records that stand in two lists of one table, which has room for one part: each with the
    second list and the first."""
    first: dict[Any, RecordList] = {}
    for each, records in lists.items():
        for record in records:
            if (other := first.setdefault((each.field, record), each)) != each:
                yield record, each, other


class Version(models.Model):
    """Columns that the package does not have."""

    history_receipt = models.PositiveBigIntegerField(null=True, db_index=True)
    """The primary key of the `exchange.Receipt` of the import that made this version."""

    class Meta:
        abstract = True


class Versions(HistoricalRecords):
    """The `history` of a model: its versions, with their author, moment and reason.

    Versions leave out generated columns. The object itself is `versions` of the model, with which
    to write the versions of records that were written without signals.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            bases=[Version], history_change_reason_field=models.TextField(null=True), **kwargs
        )

    if TYPE_CHECKING:  # the descriptor that the package installs in place of this object

        def __get__(
            self, record: models.Model | None, model: type[models.Model]
        ) -> HistoryManager: ...

    def fields_included(self, model: type[models.Model]) -> list[models.Field]:
        return [field for field in super().fields_included(model) if not field.generated]

    def contribute_to_class(self, cls: type[models.Model], name: str) -> None:
        super().contribute_to_class(cls, name)
        cls.versions = self  # type: ignore[attr-defined]  # each record declares it

    def write(
        self,
        ids: list[int],
        history_type: str,
        reason: str,
        user_id: int | None = None,
        receipt: int | None = None,
        at: datetime | None = None,
    ) -> None:
        """Copies the rows with these ids, and their many-to-many rows, to the tables of versions,
        with a statement for each table. `at` is the start of the act that changed the records; the
        versions of their citations come later."""
        if not ids:
            return
        version = self.cls.history.model
        own = [str(field.column) for field in self.fields_included(self.cls)]
        added = ["history_date", "history_type", "history_change_reason", "history_user_id"]
        moment = connection.ops.adapt_datetimefield_value(at or timezone.now())
        values = [moment, history_type, reason, user_id, receipt]
        last = version.objects.aggregate(last=models.Max("history_id"))["last"] or 0
        columns = ", ".join(_quoted([*own, *added, "history_receipt"]))
        marks = ", ".join(["%s"] * len(values))
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {_table(version)} ({columns}) SELECT {', '.join(_quoted(own))},"  # noqa: S608, our own names
                f" {marks} FROM {_table(self.cls)} WHERE id IN ({_marks(ids)})",
                [*values, *ids],
            )
            for field in version._history_m2m_fields:
                self._write_relations(cursor, field, version, ids, last)

    def _write_relations(
        self, cursor: Any, field: Any, version: type[models.Model], ids: list[int], last: int
    ) -> None:
        through = field.remote_field.through
        own = _quoted([column.column for column in through._meta.fields])
        to_record = _quoted([through._meta.get_field(field.m2m_field_name()).column])[0]
        cursor.execute(
            f"INSERT INTO {_table(self.m2m_models[field])} ({', '.join(own)}, history_id)"  # noqa: S608, our own names
            f" SELECT {', '.join(f'related.{column}' for column in own)}, version.history_id"
            f" FROM {_table(through)} AS related JOIN {_table(version)} AS version"
            f" ON version.id = related.{to_record} WHERE version.history_id > %s"
            f" AND version.id IN ({_marks(ids)}) AND related.{to_record} IN ({_marks(ids)})",
            [last, *ids, *ids],
        )


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _quoted(names: list[str]) -> list[str]:
    return [connection.ops.quote_name(name) for name in names]


def _marks(ids: list[int]) -> str:
    return ", ".join(["%s"] * len(ids))
