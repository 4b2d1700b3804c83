"""The versions of records, in a table for each model (django-simple-history)."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, models
from django.utils import timezone
from simple_history.manager import HistoryManager
from simple_history.models import HistoricalRecords


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
