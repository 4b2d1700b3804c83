"""One table of records in and out, on django-import-export.

Each app declares its tables in `resources.py`; `exchange` shows previews, receipts and files.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import tablib
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models
from import_export.fields import Field
from import_export.instance_loaders import BaseInstanceLoader
from import_export.resources import ModelResource
from import_export.results import Result

from dates.text import fold
from editing.snapshots import title_of
from editing.widgets import ReferenceWidget, TableError, UnreadableCell, nearest, refusal
from record.publishing import Record, may_publish, written
from record.text import may_be_cut

BATCH, MOST_ERRORS = 1000, 1000
TO_CORRECT = "que_corregir"
"""The column that the file of faulty rows has more; an import ignores it."""
EMPTY = ("", None, frozenset())


class RowError(NamedTuple):
    """`row` is the number in the spreadsheet, 0 for the whole file; `cells` is the whole row."""

    row: int
    column: str
    says: str
    problem: str
    expected: str
    cells: list[str]

    def __str__(self) -> str:
        says = f": «{self.says}»" if self.says else ""
        column = f", columna «{self.column}»" if self.column else ""
        row = f"Fila {self.row}" if self.row else "Todo el archivo"
        return f"{row}{column}{says}. {self.problem} Se esperaba: {self.expected}."


class Outcome(Result):
    """The counts of an import and its first errors.

    `state` is a digest of every record that the file names, as it was: equal digests mean that a
    preview still holds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[RowError] = []
        self.error_count = self.faulty_rows = 0
        self.state = ""

    @property
    def counts(self) -> tuple[int, int, int]:
        """New, changed and unchanged rows."""
        return self.totals["new"], self.totals["update"], self.totals["skip"]

    def __str__(self) -> str:
        (new, changed, same), errors = self.counts, self.error_count
        return f"nuevos: {new}, modificados: {changed}, sin cambios: {same}, errores: {errors}"

    def append_invalid_row(self, number: int, row: Any, validation_error: ValidationError) -> None:
        self.error_count += len(validation_error.message_dict)
        self.faulty_rows += 1
        if len(self.invalid_rows) < MOST_ERRORS:
            super().append_invalid_row(number, row, validation_error)

    def append_error_row(self, number: int, row: Any, errors: list[Any]) -> None:
        """Raise what is no error of the file, such as a lost connection."""
        raise errors[0].error


class RecordLoader(BaseInstanceLoader):
    """Fetches the records of 1,000 rows at a time, and what these rows refer to. A slug that a
    record had before finds it too."""

    def __init__(self, resource: "RecordResource", dataset: tablib.Dataset) -> None:
        super().__init__(resource, dataset)
        self.column = resource.fields["slug"].column_name
        self.records: dict[str, Record] = {}
        self.place = 0

    def get_instance(self, row: dict[str, str]) -> Record | None:
        if self.place % BATCH == 0:
            self.load(self.dataset[self.place : self.place + BATCH])
        self.place += 1
        return self.records.get(row[self.column].strip())

    def load(self, rows: list[tuple[str, ...]]) -> None:
        columns = dict(zip(self.dataset.headers, zip(*rows, strict=True), strict=True))
        for one in self.resource.references:
            one.widget.gather(columns.get(one.column_name, ()))
        slugs = {cell.strip() for cell in columns[self.column]}
        records = self.resource.records()
        self.records = {record.slug: record for record in records.filter(slug__in=slugs)}
        if missing := slugs - self.records.keys():
            former = self.resource.model.history.filter(slug__in=missing)
            keys = dict(former.order_by("history_id").values_list("slug", "id"))
            by_key = {record.pk: record for record in records.filter(pk__in=keys.values())}
            self.records |= {slug: by_key[pk] for slug, pk in keys.items() if pk in by_key}
        self.resource.tell(len(rows))


class RecordResource(ModelResource):
    """A table: its declared fields are its columns, in their order.

    `user` may change drafts only, unless they may publish. `reason` and `receipt` go into the
    versions. `keeps(slug, column)` says whether an emptied cell leaves its value as it is; `show`
    is called with each row that creates or changes a record, `tell` with the number of rows read.
    """

    class Meta:
        import_id_fields = ("slug",)
        instance_loader_class = RecordLoader
        use_bulk = True
        batch_size = BATCH
        skip_diff = True
        report_skipped = False

    name: str
    model: type[Record]

    def __init_subclass__(cls) -> None:
        cls.Meta.fields = tuple(cls.fields)
        cls.name, cls.model = cls.Meta.name, cls.Meta.model

    def __init__(
        self,
        user: AbstractBaseUser | None = None,
        reason: str = "",
        receipt: int | None = None,
        keeps: Callable[[str, str], bool] = lambda slug, column: False,
        show: Callable[[dict[str, Any]], None] | None = None,
        tell: Callable[[int], None] = lambda rows: None,
    ) -> None:
        super().__init__()
        self.user, self.reason, self.receipt = user, reason, receipt
        self.keeps, self.show, self.tell = keeps, show, tell
        for name, one in self.fields.items():
            one.widget.bind(self.model._meta.get_field(name))
        self.columns = self.get_export_fields()
        self.references = [one for one in self.columns if isinstance(one.widget, ReferenceWidget)]
        self.drafts_only = user is not None and not may_publish(user)
        self.writes = False
        self.digest = hashlib.sha256()
        self.rows_by_slug: dict[str, int] = {}

    @classmethod
    def get_result_class(cls) -> type[Outcome]:
        return Outcome

    # Out

    def records(self) -> models.QuerySet:
        """Records with what an import compares; locked if it writes them."""
        whole = (models.Prefetch(one.attribute, one.widget.whole()) for one in self.references)
        records = self.model.objects.order_by("pk").prefetch_related(*whole)
        return records.select_for_update(of=("self",)) if self.writes else records

    def rows(self, queryset: models.QuerySet, for_readers: bool = False) -> Iterator[list[str]]:
        """The header, then each record's cells; `for_readers`, lists name public records only."""
        yield self.get_export_headers()
        for one in self.references:
            others = one.widget.model.objects
            others = others.visible_to(None) if for_readers and one.widget.many else others.all()
            related = models.Prefetch(one.attribute, others.only("slug"))
            queryset = queryset.prefetch_related(related)
        for record in queryset.order_by("pk").iterator(chunk_size=BATCH):
            yield [one.export(record) for one in self.columns]

    # In

    def import_data(self, dataset: tablib.Dataset, dry_run: bool = False, **kwargs: Any) -> Outcome:
        """Import all rows, or none if any has an error. A dry run opens no transaction, which would
        lock SQLite against every writer."""
        self.writes = not dry_run
        if dry_run:
            return self.import_data_inner(dataset, True, False, False, False)
        return super().import_data(dataset, rollback_on_validation_errors=True)

    def handle_import_error(
        self, result: Any, error: Exception, raise_errors: bool = False
    ) -> None:
        """Raise errors of the whole file and of the database: nothing is imported."""
        raise error

    def init_instance(self, row: dict[str, str]) -> Record:
        return self.model(slug=row[self.fields["slug"].column_name].strip())

    def after_init_instance(self, instance: Record, new: bool, row: Any, **kwargs: Any) -> None:
        """Begin a row. `changes` holds the texts before and after, by column. The instance keeps
        its new lists in `listed`."""
        self.number, self.is_new = self.numbers[kwargs["row_number"] - 1], new
        self.was_draft = new or not self.drafts_only or instance.is_draft()
        self.changes: dict[str, tuple[str, str]] = {}
        instance.listed = {}
        self._digest(self.number, instance.pk)
        if self.number in self.overlong:
            expected = "Una celda por columna"
            raise ValidationError({"": f"Tiene más celdas que encabezados.\n{expected}"})

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        """Take the rows' numbers in the spreadsheet; refuse headers that are not ours."""
        self.numbers, self.overlong = dataset.row_numbers, set(dataset.overlong)
        dataset.headers = [re.sub(r"[\s_]+", "_", fold(name.strip())) for name in dataset.headers]
        if problems := " ".join(self._header_problems(dataset.headers)):
            problem = f"El encabezado no es el esperado. {problems} No se leyó ninguna fila."
            raise TableError(problem)

    def _header_problems(self, headers: list[str]) -> Iterator[str]:
        """Headers may have accents, capitals and spaces, and empty ones after the last."""
        ours = [one.column_name for one in self.columns]
        for name, times in Counter(filter(None, headers)).items():
            if times > 1:
                yield f"«{name}» está {times} veces."
        for place, name in enumerate(headers):
            if name not in (*ours, TO_CORRECT) and (name or any(headers[place:])):
                near = nearest(name, ours)
                yield f"No se reconoce «{name}»" + (f" (¿quiso decir «{near}»?)." if near else ".")
        if ours[0] not in headers:
            yield f"Falta la columna «{ours[0]}»."

    def import_field(
        self, field: Field, instance: Record, row: dict[str, str], is_m2m: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        """Set the value that a cell says where it differs, and remember the difference."""
        cell = row.get(field.column_name)
        if cell is None:
            return
        if isinstance(cell, UnreadableCell):
            raise refusal(f"La celda {cell}.", "Un valor escrito, o la celda vacía")
        if field.attribute == "slug":
            field.clean(row)
            self._claim(instance.slug)
            return
        stored = field.get_value(instance)
        shown = field.widget.render(stored)
        if cell == shown:
            return
        if may_be_cut(cell, shown):
            problem = "La celda está cortada: el texto guardado sigue."
            raise refusal(problem, "El texto completo, como en CSV")
        before, after = field.widget.normal(stored), field.clean(row)
        if before != after:
            self._digest(field.column_name, shown)
            self._change(field, instance, before, after)

    def _digest(self, *stored: Any) -> None:
        self.digest.update(repr(stored).encode())

    def _claim(self, slug: str) -> None:
        """Refuse two rows for one record. An import never changes a slug."""
        first = self.rows_by_slug.setdefault(slug, self.number)
        if first != self.number:
            raise refusal(f"Ya está en la fila {first}.", "Un identificador distinto en cada fila")

    def _change(self, field: Field, instance: Record, before: Any, after: Any) -> None:
        emptied = after in EMPTY and not self.is_new
        if emptied and self.keeps(instance.slug, field.column_name):
            return
        texts = ["" if value in EMPTY else field.widget.show(value) for value in (before, after)]
        self.changes[field.column_name] = tuple(texts)
        if field.widget.many:
            instance.listed[field.attribute] = after
        else:
            setattr(instance, field.attribute, after)

    def skip_row(
        self, instance: Record, original: None, row: Any, import_validation_errors: Any = None
    ) -> bool:
        """Whether nothing changes."""
        return not (import_validation_errors or self.is_new or self.changes)

    def validate_instance(
        self, instance: Record, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """Call `clean_fields` and `clean`; `full_clean` would ask the database for each row."""
        errors = self._missing(instance) | (import_validation_errors or {})
        if not errors:
            try:
                instance.clean_fields(exclude={one.attribute for one in self.references})
                self.check(instance)
            except ValidationError as error:
                errors = error.update_error_dict({})
        if errors:
            raise ValidationError(errors)

    def _missing(self, instance: Record) -> dict[str, str]:
        return {
            one.attribute: f"Falta.\n{one.widget.help}"
            for one in self.columns
            if one.widget.required and one.get_value(instance) in EMPTY
        }

    def check(self, instance: Record) -> None:
        """What must hold between the fields of a record; raises ValidationError by field."""
        if self.drafts_only and not (self.was_draft and instance.is_draft()):
            expected = "Un borrador; publica quien tiene permiso"
            raise ValidationError({"slug": f"Es o sería público.\n{expected}"})
        ends, begins = (getattr(instance, f"{name}publish_at", None) for name in ("un", ""))
        if ends and not (begins and begins < ends):
            raise ValidationError({"unpublish_at": "El retiro no es posterior a la publicación."})
        self.clean_instance(instance)

    def clean_instance(self, instance: Record) -> None:
        instance.clean()

    def before_save_instance(self, instance: Record, row: Any, **kwargs: Any) -> None:
        if self.show:
            change = {"row": self.number, "slug": instance.slug, "title": title_of(instance)}
            fields = {column: texts for column, texts in self.changes.items() if any(texts)}
            self.show(change | {"is_new": self.is_new, "fields": fields})

    def after_import(self, dataset: tablib.Dataset, result: Outcome, **kwargs: Any) -> None:
        result.state = self.digest.hexdigest()
        result.errors = list(islice(self._errors(dataset, result), MOST_ERRORS))

    def _errors(self, dataset: tablib.Dataset, result: Outcome) -> Iterator[RowError]:
        for invalid in result.invalid_rows:
            number, cells = self.numbers[invalid.number - 1], dataset[invalid.number - 1]
            says = dict(zip(dataset.headers, cells, strict=True))
            for name, messages in invalid.error_dict.items():
                one = self.fields.get(name)
                column = one.column_name if one else name
                problem, _, expected = " ".join(messages).partition("\n")
                expected = expected or (one.widget.help if one else "Datos que no se contradigan")
                text = says.get(column, "")[:200]
                yield RowError(number, column, text, problem, expected, list(cells))

    # Writing

    def bulk_create(self, *args: Any, result: Outcome, **kwargs: Any) -> None:
        self._write(self.create_instances, "+", result)

    def bulk_update(self, *args: Any, result: Outcome, **kwargs: Any) -> None:
        self._write(self.update_instances, "~", result)

    def _write(self, records: list[Record], kind: str, result: Outcome) -> None:
        """Write records, their lists and their versions, and send `written`; in a dry run or after
        an error, forget them."""
        if records and self.writes and not result.has_validation_errors():
            self.before_write(records)
            if kind == "+":  # Django's own queryset: ours sends `written` before there are lists
                models.QuerySet(self.model).bulk_create(records)
            else:
                self._update(records)
            for one in self.references:
                if one.widget.many:
                    self._relate(one, records)
            self.after_write(records)
            keys = [record.pk for record in records]
            written.send(self.model, keys=keys)
            user = self.user.pk if self.user else None
            self.model.versions.write(keys, kind, self.reason, user, self.receipt)
        records.clear()

    def _update(self, records: list[Record]) -> None:
        model, keys = self.model, {record.pk for record in records}
        versioned = model.history.filter(id__in=keys).values_list("id", flat=True)
        model.versions.write([*keys.difference(versioned)], "+", "Antes de importar")
        names = [f.name for f in model._meta.concrete_fields if not (f.primary_key or f.generated)]
        models.QuerySet(model).bulk_create(
            records, update_conflicts=True, unique_fields=["id"],
            update_fields=[name for name in names if name != "slug"],
        )  # fmt: skip

    def _relate(self, one: Field, records: list[Record]) -> None:
        """Each record's list as the file has it."""
        column, found = one.widget.column, one.widget.records
        own, other = column.m2m_field_name(), column.m2m_reverse_field_name()
        through = column.remote_field.through
        listed = {r.pk: r.listed[one.attribute] for r in records if one.attribute in r.listed}
        through.objects.filter(**{f"{own}__in": listed}).delete()
        through.objects.bulk_create(
            through(**{f"{own}_id": pk, f"{other}_id": found[slug].pk})
            for pk, slugs in listed.items()
            for slug in sorted(slugs)
        )

    def before_write(self, records: list[Record]) -> None:
        """Fill in what is not in the file."""

    def after_write(self, records: list[Record]) -> None:
        """Do what follows from changed records."""
