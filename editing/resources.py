"""RecordResource, the django-import-export resource of a table of records.

Each app declares its tables in `resources.py`; `exchange` has the file formats and the pages.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import tablib
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import models
from import_export.fields import Field
from import_export.instance_loaders import BaseInstanceLoader
from import_export.resources import ModelResource
from import_export.results import Result

from dates.text import fold
from editing.snapshots import title_of
from editing.widgets import ReferenceWidget, TableError, UnreadableCell, closest_match, refusal
from record.history import lists_in, replace_lists, with_two_parts
from record.proof import check_labels, with_proof
from record.publishing import Record, may_publish, slug_in, written
from record.text import may_be_cut

BATCH, MOST_ERRORS = 1000, 1000
TO_CORRECT = "que_corregir"  # a column of the file with marked errors; an import ignores it
EMPTY: tuple[Any, ...] = ("", None, frozenset())


class RowError(NamedTuple):
    """`row` is the number of the row in the spreadsheet, or 0 for an error of the whole file."""

    row: int
    column: str
    says: str
    problem: str
    expected: str

    def __str__(self) -> str:
        says = f": «{self.says}»" if self.says else ""
        column = f", columna «{self.column}»" if self.column else ""
        row = f"Fila {self.row}" if self.row else "Todo el archivo"
        return f"{row}{column}{says}. {self.problem} Se esperaba: {self.expected}."


class Outcome(Result):
    """The counts of an import, its first errors, and its warnings.

    `state` is a digest of the records in the file before the import. While it is equal, a preview
    is still valid.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[RowError] = []
        self.warnings: list[RowError] = []
        self.error_count = self.faulty_rows = 0
        self.state = ""

    @property
    def counts(self) -> tuple[int, int, int]:
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
        """Raise errors that are not in the file, such as a lost connection."""
        raise errors[0].error


class RecordLoader(BaseInstanceLoader):
    """Fetches the records of 1,000 rows at a time, with the records to which they refer. Finds a
    record by its former slugs too."""

    def __init__(self, resource: "RecordResource", dataset: tablib.Dataset) -> None:
        super().__init__(resource, dataset)
        self.column = resource.fields["slug"].column_name
        self.records: dict[str, Record] = {}
        self.row_index = 0

    def get_instance(self, row: dict[str, str]) -> Record | None:
        if self.row_index % BATCH == 0:
            self.load(self.dataset[self.row_index : self.row_index + BATCH])
        self.row_index += 1
        return self.records.get(slug_in(row[self.column]))

    def load(self, rows: list[tuple[str, ...]]) -> None:
        columns = dict(zip(self.dataset.headers, zip(*rows, strict=True), strict=True))
        for column in self.resource.references:
            column.widget.gather(columns.get(column.column_name, ()))
        slugs = {*map(slug_in, columns[self.column])}
        records = self.resource.records()
        self.records = {record.slug: record for record in records.filter(slug__in=slugs)}
        if missing := slugs - self.records.keys():
            former = self.resource.model.history.filter(slug__in=missing)
            keys = dict(former.order_by("history_id").values_list("slug", "id"))
            by_key = {record.pk: record for record in records.filter(pk__in=keys.values())}
            self.records |= {slug: by_key[pk] for slug, pk in keys.items() if pk in by_key}
        self.resource.on_progress(len(rows))


class RecordResource(ModelResource):
    """A table, whose columns are the declared fields in their order.

    Without the permission to publish, `user` may change only drafts. Versions store `reason` and
    `receipt`. `keeps(slug, column)` says whether an empty cell leaves the value as it is. The hook
    `on_change` gets each row that changes a record, `on_progress` the number of rows read.
    """

    class Meta:
        import_id_fields = ("slug",)
        instance_loader_class = RecordLoader
        use_bulk = True
        batch_size = BATCH
        skip_diff = True
        report_skipped = False
        fields: tuple[str, ...]
        name: str
        model: type[Record]

    name: str
    model: type[Record]

    def __init_subclass__(cls) -> None:
        cls.Meta.fields = tuple(cls.fields)
        cls.name, cls.model = cls.Meta.name, cls.Meta.model

    def __init__(
        self,
        user: User | None = None,
        reason: str = "",
        receipt: int | None = None,
        keeps: Callable[[str, str], bool] = lambda slug, column: False,
        on_change: Callable[[dict[str, Any]], None] | None = None,
        on_progress: Callable[[int], None] = lambda rows: None,
    ) -> None:
        super().__init__()
        self.user, self.reason, self.receipt, self.keeps = user, reason, receipt, keeps
        self.on_change, self.on_progress = on_change, on_progress
        fields: dict[str, Any] = {field.name: field for field in self.model._meta.get_fields()}
        fields |= {each.name: each for each in lists_in(self.model)}
        for name, column in self.fields.items():
            column.widget.bind(fields.get(name))
        self.columns = self.get_export_fields()
        self.references = [c for c in self.columns if isinstance(c.widget, ReferenceWidget)]
        self.lists = [column for column in self.references if column.widget.many]
        self.drafts_only = user is not None and not may_publish(user)
        self.writes, self.digest = False, hashlib.sha256()
        self.rows_by_slug, self.warnings = dict[str, int](), list[RowError]()

    @classmethod
    def get_result_class(cls) -> type[Outcome]:
        return Outcome

    # Export

    def records(self) -> models.QuerySet:
        """The records with the values that an import compares; locks them if it writes."""
        related = (c.widget.prefetch(c.widget.queryset()) for c in self.references)
        records = self.model.objects.order_by("pk").prefetch_related(*related)
        return records.select_for_update(of=("self",)) if self.writes else records

    def rows(self, queryset: models.QuerySet, for_readers: bool = False) -> Iterator[list[str]]:
        """Yield the header, then the cells of each record; `for_readers`, without hidden ones."""
        yield self.get_export_headers()
        for column in self.references:
            slugs = column.widget.model.objects.only("slug")
            related = slugs.visible_to(None) if for_readers and column.widget.many else slugs
            queryset = queryset.prefetch_related(column.widget.prefetch(related))
        more = filter(None, (getattr(c.widget, "fetched", None) for c in self.columns))
        for record in with_proof(queryset.prefetch_related(*more)).order_by("pk").iterator(BATCH):
            yield [column.export(record) for column in self.columns]

    # Import

    def import_data(self, dataset: tablib.Dataset, dry_run: bool = False, **kwargs: Any) -> Outcome:
        """Import all rows, or no row if any has an error. A dry run opens no transaction, because
        that would lock SQLite for every writer."""
        self.writes = not dry_run
        if dry_run:
            return self.import_data_inner(dataset, True, False, False, False)
        return super().import_data(dataset, rollback_on_validation_errors=True)

    def handle_import_error(self, result: Any, error: Exception, *args: Any) -> None:
        """Raise errors of the whole file and of the database: nothing is imported."""
        raise error

    def init_instance(self, row: dict[str, str]) -> Record:
        return self.model(slug=slug_in(row[self.fields["slug"].column_name]))

    def after_init_instance(self, instance: Any, new: bool, row: Any, **kwargs: Any) -> None:
        """Begin a row: `changes` has the texts before and after, `listed` the lists, by column."""
        self.number, self.is_new = self.numbers[kwargs["row_number"] - 1], new
        self.was_draft = new or not self.drafts_only or instance.is_draft()
        self.changes: dict[str, list[str]] = {}
        instance.listed = {}
        self._digest(self.number, instance.pk)
        if self.number in self.overlong:
            raise ValidationError({"": "Tiene más celdas que encabezados.\nUna celda por columna"})

    def before_import(self, dataset: tablib.Dataset, **kwargs: Any) -> None:
        """Read the numbers of the rows in the spreadsheet; refuse unknown headers."""
        self.numbers, self.overlong = dataset.row_numbers, dataset.overlong
        dataset.headers = [re.sub(r"[\s_]+", "_", fold(name.strip())) for name in dataset.headers]
        if problems := " ".join(self._header_problems(dataset.headers)):
            raise TableError(f"El encabezado no es el esperado. {problems} No se leyó nada.")
        for column in self.columns:
            if column.column_name in dataset.headers:
                column.widget.survey(self.numbers, dataset[column.column_name])

    def _header_problems(self, headers: list[str]) -> Iterator[str]:
        """Headers after the last column may be empty."""
        expected = [column.column_name for column in self.columns]
        for name, times in Counter(filter(None, headers)).items():
            if times > 1:
                yield f"«{name}» está {times} veces."
        for index, name in enumerate(headers):
            if name not in (*expected, TO_CORRECT) and (name or any(headers[index:])):
                near = closest_match(name, expected)
                yield f"No se reconoce «{name}»" + (f" (¿quiso decir «{near}»?)." if near else ".")
        if expected[0] not in headers:
            yield f"Falta la columna «{expected[0]}»."

    def import_field(
        self, field: Field, instance: Any, row: dict[str, str], is_m2m: bool = False, **kwargs: Any
    ) -> None:
        """Set the value of a cell if it differs, and record the difference."""
        cell = row.get(field.column_name)
        if cell is None or field.readonly:
            return
        if isinstance(cell, UnreadableCell):
            raise refusal(field.widget.doubt(cell), "Un valor escrito, o la celda vacía")
        if field.attribute == "slug":
            field.clean(row)
            self._claim(instance.slug)
            return
        stored = field.get_value(instance)
        if cell == (stored_cell := field.widget.render(stored)):
            return
        if may_be_cut(cell, stored_cell):
            raise refusal(
                "Está cortada: el texto guardado sigue.", "El texto completo, como en CSV"
            )
        before, after = field.widget.normal(stored), field.clean(row)
        if before != after:
            texts = ["" if v in EMPTY else field.widget.show(v) for v in (before, after)]
            self._digest(field.column_name, stored_cell, texts[1])
            self._change(field, instance, after, texts)

    def _digest(self, *stored: Any) -> None:
        self.digest.update(repr(stored).encode())

    def _claim(self, slug: str) -> None:
        """Refuse two rows for the same record. An import never changes a slug."""
        first = self.rows_by_slug.setdefault(slug, self.number)
        if first != self.number:
            raise refusal(f"Ya está en la fila {first}.", "Un identificador distinto en cada fila")

    def _change(self, field: Field, instance: Any, after: Any, texts: list[str]) -> None:
        if not self.is_new and after in EMPTY and self.keeps(instance.slug, field.column_name):
            return
        self.changes[field.column_name] = texts
        if field.widget.many:
            instance.listed[field.attribute] = after
        else:
            setattr(instance, field.attribute, after)

    def skip_row(
        self, instance: Record, original: None, row: Any, import_validation_errors: Any = None
    ) -> bool:
        return not (import_validation_errors or self.is_new or self.changes)

    def validate_instance(
        self, instance: Record, import_validation_errors: Any = None, validate_unique: bool = True
    ) -> None:
        """Call `clean_fields` and `clean`; `full_clean` would query the database for each row."""
        if not (errors := self._missing(instance) | (import_validation_errors or {})):
            try:
                instance.clean_fields(exclude={column.attribute for column in self.references})
                self.check(instance)
            except ValidationError as error:
                errors = error.update_error_dict({})
        if errors:
            raise ValidationError(errors)

    def _missing(self, instance: Record) -> dict[str, str]:
        return {
            column.attribute: f"Falta.\n{column.widget.help}"
            for column in self.columns
            if column.widget.required and column.get_value(instance) in EMPTY
        }

    def check(self, instance: Record) -> None:
        if self.drafts_only and not (self.was_draft and instance.is_draft()):
            raise ValidationError({"slug": "Es o sería público.\nUn borrador; publica quien puede"})
        ends, begins = (getattr(instance, f"{name}publish_at", None) for name in ("un", ""))
        if ends and not (begins and begins < ends):
            raise ValidationError({"unpublish_at": "El retiro no es posterior a la publicación."})
        is_published = "se_publica" in self.changes and not instance.is_draft()
        if is_published or any(column.endswith("_la_fuente") for column in self.changes):
            check_labels(instance, is_published)
        self._refuse_two_parts(instance)
        self.clean_instance(instance)

    def _refuse_two_parts(self, instance: Any) -> None:
        columns = {c.attribute: c for c in self.lists if instance.listed}
        stored = {name: c.widget.normal(c.get_value(instance)) for name, c in columns.items()}
        lists = {columns[n].widget.model_field: v for n, v in (stored | instance.listed).items()}
        for slug, each, other in with_two_parts(lists):
            problem = f"«{slug}» está también en «{columns[other.name].column_name}»."
            raise ValidationError({each.name: f"{problem}\nCada organización en una sola columna"})

    def clean_instance(self, instance: Any) -> None:
        instance.clean()

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        if self.on_change:
            change = {"row": self.number, "slug": instance.slug, "title": title_of(instance)}
            fields = {column: texts for column, texts in self.changes.items() if any(texts)}
            self.on_change(change | {"is_new": self.is_new, "fields": fields})

    def after_import(self, dataset: tablib.Dataset, result: Outcome, **kwargs: Any) -> None:
        result.state, result.warnings = self.digest.hexdigest(), self.warnings
        result.errors = list(islice(self._errors(dataset, result), MOST_ERRORS))

    def _errors(self, dataset: tablib.Dataset, result: Outcome) -> Iterator[RowError]:
        for invalid in result.invalid_rows:
            number, cells = self.numbers[invalid.number - 1], dataset[invalid.number - 1]
            says = dict(zip(dataset.headers, cells, strict=True)) | {"": self.overlong.get(number)}
            for name, messages in invalid.error_dict.items():
                column = self.fields.get(name)
                header = column.column_name if column else name
                help_text = column.widget.help if column else "Datos que no se contradigan"
                problem, _, expected = " ".join(messages).partition("\n")
                text = (says.get(header) or "")[:200]
                yield RowError(number, header, text, problem, expected or help_text)

    # Write

    def bulk_create(self, *args: Any, result: Outcome, **kwargs: Any) -> None:
        self._write(self.create_instances, "+", result)

    def bulk_update(self, *args: Any, result: Outcome, **kwargs: Any) -> None:
        self._write(self.update_instances, "~", result)

    def _write(self, records: list[Any], kind: str, result: Outcome) -> None:
        """Write records, their lists and their versions, and send `written`. In a dry run or after
        an error, only clear the list of records."""
        if records and self.writes and not result.has_validation_errors():
            self.before_write(records)
            if kind == "+":
                self._queryset().bulk_create(records)
            else:
                self._update(records)
            replace_lists({c.widget.model_field: self._listed(c, records) for c in self.lists})
            self.after_write(records)
            keys = [record.pk for record in records]
            written.send(self.model, keys=keys)
            user = self.user.pk if self.user else None
            self.model.versions.write(keys, kind, self.reason, user, self.receipt)
        records.clear()

    def _queryset(self) -> models.QuerySet:
        """Django's own queryset. RecordQuerySet sends `written` before the lists are written."""
        return models.QuerySet(self.model)

    def _update(self, records: list[Any]) -> None:
        model, keys = self.model, {record.pk for record in records}
        versioned = model.history.filter(id__in=keys).values_list("id", flat=True)
        model.versions.write([*keys.difference(versioned)], "+", "Antes de importar")
        fields = [f for f in model._meta.concrete_fields if not (f.primary_key or f.generated)]
        names = [field.name for field in fields if field.name != "slug"]
        self._queryset().bulk_create(
            records, update_conflicts=True, unique_fields=["id"], update_fields=names
        )

    def _listed(self, column: Field, records: list[Any]) -> dict[int, list[int]]:
        """The primary keys in a list that is in the file, by that of the record."""
        known, name = column.widget.records, column.attribute
        changed = (record for record in records if name in record.listed)
        return {r.pk: [known[slug].pk for slug in sorted(r.listed[name])] for r in changed}

    def before_write(self, records: list[Any]) -> None:
        """A hook to set fields that are not in the file."""

    def after_write(self, records: list[Any]) -> None:
        """A hook to update rows that depend on the records."""
