"""The way in: from a table of texts to records.

It is one pass over the rows in batches, and the same pass serves preview and import: it
reads, compares with the database and validates; an import also writes, inside one transaction
that is rolled back when there was any error or when the records are not those that were previewed.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import models, reset_queries

from exchange.tables import Table, TableError, UnreadableCell, rearm
from record.columns import CellError, Column, References, Slug, nearest
from record.publishing import Record, may_publish
from record.resources import BATCH, Resource, Row
from record.text import fold

MAX_ERRORS = 1000
TO_CORRECT = "que_corregir"
"""The column that the file of faulty rows has more; ignored when it comes back."""


class RowError(NamedTuple):
    """`row` as the spreadsheet numbers it, 0 for the whole file; `cells` is the whole row, for the
    file of faulty rows."""

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


class FieldChange(NamedTuple):
    header: str
    label: str
    before: str
    after: str

    @property
    def is_loss(self) -> bool:
        return bool(self.before) and not self.after


class RowChange(NamedTuple):
    """A row that makes a record or changes one."""

    row: int
    slug: str
    title: str
    is_new: bool
    fields: list[FieldChange]


@dataclass
class Outcome:
    """What a pass over a table found, and did. `state` is a digest of every record that it met, as
    it was: equal digests mean that nothing it shows has changed."""

    counts: Counter = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)
    faulty_rows: int = 0
    state: str = ""

    def __str__(self) -> str:
        new, changed, same, errors = (self.counts[k] for k in ("new", "changed", "same", "errors"))
        return f"nuevos: {new}, modificados: {changed}, sin cambios: {same}, errores: {errors}"


@dataclass
class Batch:
    resource: Resource
    rows: list[Row] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def counts(self) -> Counter:
        kinds = ("new" if r.is_new else "changed" if r.changed else "same" for r in self.rows)
        return Counter(kinds) + Counter(errors=len(self.errors))

    def new(self) -> list[Row]:
        return [row for row in self.rows if row.is_new]

    def changed(self) -> list[Row]:
        return [row for row in self.rows if row.changed and not row.is_new]

    def add_state(self, digest: Any) -> None:
        digest.update("\n".join(self.states).encode())

    def changes(self) -> Iterator[RowChange]:
        names = self._names()
        for row in self.rows:
            if row.is_new or row.changed:
                yield _shown(row, names)

    def _names(self) -> dict[Column, dict[int, str]]:
        """Slugs of the records that changes refer to, before and after, by their keys."""
        keys: dict[Column, set[int]] = {}
        for row in self.rows:
            for column, *values in row.changed:
                if column.model_field.is_relation:
                    keys.setdefault(column, set()).update(*(_keys(value) for value in values))
        return {
            column: dict(
                column.model_field.related_model.objects.filter(pk__in=some).values_list(
                    "pk", "slug"
                )
            )
            for column, some in keys.items()
        }


def _keys(value: Any) -> frozenset[int]:
    if value is None:
        return frozenset()
    return value if isinstance(value, frozenset) else frozenset([value])


def _shown(row: Row, names: dict[Column, dict[int, str]]) -> RowChange:
    fields = []
    for column, *values in row.changed:
        if column.model_field.is_relation:
            texts = ["; ".join(sorted(names[column][key] for key in _keys(v))) for v in values]
        else:
            texts = [column.show(value) if value not in ("", None) else "" for value in values]
        if any(texts):
            fields.append(FieldChange(column.header, column.label, *texts))
    title = getattr(row.record, "title", "") or getattr(row.record, "name", "")
    return RowChange(row.number, row.record.slug, title or row.record.slug, row.is_new, fields)


def take(
    resource: Resource,
    table: Table,
    user: AbstractBaseUser | None,
    write: Callable[[Batch], None] | None = None,
    show: Callable[[RowChange], None] | None = None,
    kept: Callable[[str, str], bool] = lambda slug, header: False,
    tell: Callable[[int], None] | None = None,
) -> Outcome:
    """One pass. `write` gets each faultless batch; `show` each change; `kept` says of a loss,
    by slug and header, that it is not to happen; `tell` hears how many rows are done. Raises
    TableError for a table that is not ours."""
    reader = _Reader(resource, table.headers, user, kept, locks=write is not None)
    outcome, digest = Outcome(), hashlib.sha256()
    rows = iter(table.rows)
    while some := list(islice(rows, BATCH)):
        batch = reader.read(some)
        outcome.counts.update(batch.counts())
        outcome.faulty_rows += len({error.row for error in batch.errors})
        outcome.errors += batch.errors[: MAX_ERRORS - len(outcome.errors)]
        batch.add_state(digest)
        if show:
            for change in batch.changes():
                show(change)
        if write and not outcome.counts["errors"]:
            write(batch)
        if tell:
            tell(len(some))
        if settings.DEBUG:
            reset_queries()  # they are kept, and there would be no end to them
    for row, name, problem in resource.check_all():
        outcome.counts["errors"] += 1
        outcome.faulty_rows += 1
        reader.blame(row, ValidationError({name: problem}), outcome.errors)
    outcome.state = digest.hexdigest()
    return outcome


def _named(header: str) -> str:
    """A header as ours are written: «Título» and «Otros nombres» are `titulo`, `otros_nombres`."""
    return re.sub(r"[\s_]+", "_", fold(rearm(header).strip()))


class _Reader:
    """Rows of texts to rows of records, one batch after the other."""

    def __init__(
        self,
        resource: Resource,
        headers: list[str],
        user: AbstractBaseUser | None,
        kept: Callable[[str, str], bool],
        locks: bool,
    ) -> None:
        self.resource, self.kept, self.locks = resource, kept, locks
        self.places = self._places([_named(header) for header in headers])
        self.width = len(headers)
        self.drafts_only = user is not None and not may_publish(user)
        self.references = References()
        self.seen: dict[str, int] = {}
        self.memory: dict[Column, dict[str, Any]] = {column: {} for column, _ in self.places}

    def _places(self, headers: list[str]) -> list[tuple[Column, int]]:
        while headers and not headers[-1]:
            headers.pop()
        ours = {column.header: column for column in self.resource.columns}
        problems = [
            f"«{name}» está {times} veces." for name, times in Counter(headers).items() if times > 1
        ]
        for name in headers:
            if name not in ours and name != TO_CORRECT:
                near = nearest(name, ours)
                hint = f" (¿quiso decir «{near}»?)" if near else ""
                problems.append(f"No se reconoce «{name}»{hint}.")
        if "identificador" not in headers:
            problems.append("Falta la columna «identificador».")
        if problems:
            raise TableError(
                f"El encabezado no es el esperado. {' '.join(problems)} No se leyó ninguna fila."
            )
        return [(ours[name], place) for place, name in enumerate(headers) if name in ours]

    def read(self, rows: list[tuple[int, list[str]]]) -> Batch:
        batch = Batch(self.resource)
        self._gather(rows)
        existing = self._existing(rows)
        self._relate(record.pk for record in existing.values())
        for number, cells in rows:
            cells = cells + [""] * (self.width - len(cells))
            errors: list[RowError] = []
            row = self._row(number, cells, existing, errors, batch)
            batch.errors += errors
            if row and not errors:
                batch.rows.append(row)
        return batch

    def _gather(self, rows: list[tuple[int, list[str]]]) -> None:
        for column, place in self.places:
            if column.model_field.is_relation:
                texts = {rearm(cells[place]) for _, cells in rows if place < len(cells)}
                column.gather(texts, self.references)

    @cached_property
    def _slug_place(self) -> int:
        return next(place for column, place in self.places if isinstance(column, Slug))

    def _existing(self, rows: list[tuple[int, list[str]]]) -> dict[str, Record]:
        """The records of a batch by the slugs that the file has for them, former ones included."""
        model, place = self.resource.model, self._slug_place
        slugs = {cells[place].strip() for _, cells in rows if place < len(cells)} - {""}
        records = self._whole(model.objects.filter(slug__in=slugs))
        found = {record.slug: record for record in records}
        if missing := slugs - found.keys():
            found |= self._former(missing)
        return found

    def _whole(self, records: models.QuerySet) -> models.QuerySet:
        """With what it is seen by whether they are drafts; locked, when they are to be written, so
        that what is compared is what is written over."""
        points_to = self.resource.model.visible_through if self.drafts_only else ()
        records = records.select_related(*points_to) if points_to else records
        return records.order_by("pk").select_for_update(of=("self",)) if self.locks else records

    def _relate(self, ids: Iterable[int]) -> None:
        """What the batch's records refer to now."""
        ids = list(ids)
        self.related: dict[Column, dict[int, frozenset[int]]] = {}
        for column, _ in self.places:
            if column.many:
                related = self.related[column] = {}
                for pk, other in column.pairs(ids) if ids else ():
                    related[pk] = related.get(pk, frozenset()) | {other}

    def _current(self, column: Column, row: Row) -> Any:
        if column.many:
            return self.related[column].get(row.record.pk, frozenset())
        return column.current(row.record)

    def _former(self, slugs: set[str]) -> dict[str, Record]:
        model = self.resource.model
        former = model.history.filter(slug__in=slugs).order_by("history_id")
        ids = dict(former.values_list("slug", "id"))
        records = self._whole(model.objects.filter(pk__in=ids.values()))
        by_id = {record.pk: record for record in records}
        return {slug: by_id[pk] for slug, pk in ids.items() if pk in by_id}

    def _row(
        self,
        number: int,
        cells: list[str],
        existing: dict[str, Record],
        errors: list[RowError],
        batch: Batch,
    ) -> Row | None:
        if len(cells) > self.width and any(cells[self.width :]):
            self._fail(
                errors,
                number,
                cells,
                "",
                "",
                "Tiene más celdas que encabezados.",
                "Una celda por columna",
            )
            return None
        values = self._values(number, cells, errors)
        slug = values.pop(self._slug_column, None)
        if slug is None:
            return None
        record = existing.get(slug)
        key = record.slug if record else slug
        if key in self.seen:
            self._fail(
                errors, number, cells, "identificador", slug,
                f"Ya está en la fila {self.seen[key]}.", "Un identificador distinto en cada fila",
            )  # fmt: skip
        self.seen.setdefault(key, number)
        row = Row(number, cells, record or self.resource.model(slug=slug), record is None)
        batch.states.append(self._compare(row, values))
        self._check(row, errors)
        return row

    @cached_property
    def _slug_column(self) -> Column:
        return next(column for column, _ in self.places if isinstance(column, Slug))

    def _values(self, number: int, cells: list[str], errors: list[RowError]) -> dict[Column, Any]:
        values = {}
        for column, place in self.places:
            text = cells[place]
            try:
                values[column] = self._value(column, text)
            except CellError as error:
                self._fail(
                    errors, number, cells, column.header, text, error.problem, error.expected
                )
        return values

    def _value(self, column: Column, text: str) -> Any:
        if text.__class__ is UnreadableCell:
            raise CellError(f"La celda {text}.", "Un valor escrito, o la celda vacía")
        if len(text) > 40 or isinstance(column, Slug):
            return column.read(rearm(text), self.references)
        memory = self.memory[column]
        if text not in memory:
            if len(memory) > 10_000:
                memory.clear()
            memory[text] = column.read(rearm(text), self.references)
        return memory[text]

    def _fail(
        self, errors: list[RowError], number: int, cells: list[str], column: str, says: str,
        problem: str, expected: str,
    ) -> None:  # fmt: skip
        errors.append(RowError(number, column, says[:200], problem, expected, cells))

    def _compare(self, row: Row, values: dict[Column, Any]) -> str:
        """Finds what changes; the state it gives is what a preview shows of the record as it was,
        by which it is decided whether the preview still holds."""
        shown = []
        for column, after in values.items():
            before = self._current(column, row)
            if before == after:
                continue
            shown.append((column.header, sorted(before) if column.many else before))
            empties = after in ("", None, frozenset()) and not row.is_new
            if not (empties and self.kept(row.record.slug, column.header)):
                row.changed.append((column, before, after))
        return f"{row.number} {None if row.is_new else row.record.pk} {shown}"

    def _check(self, row: Row, errors: list[RowError]) -> None:
        was_draft = row.is_new or not self.drafts_only or row.record.is_draft()
        for column, _, after in row.changed:
            column.put(row.record, after)
        if not row.is_new and not row.changed:
            return
        failed = {error.column for error in errors}
        for column in self.resource.columns:
            if column.header in failed:
                continue
            if column.required and getattr(row.record, column.attname) in ("", None):
                self._fail(errors, row.number, row.cells, column.header, "", "Falta.", column.help)
        if errors:
            return
        if self.drafts_only and not (was_draft and row.record.is_draft()):
            self._fail(
                errors, row.number, row.cells, "identificador", row.record.slug,
                "Es o sería público.", "Un borrador; publica quien tiene permiso",
            )  # fmt: skip
        try:
            self.resource.check(row)
        except ValidationError as error:
            self.blame(row, error, errors)

    def blame(self, row: Row, error: ValidationError, errors: list[RowError]) -> None:
        for name, messages in error.message_dict.items():
            column = next((c for c, _ in self.places if c.field == name), None)
            header = column.header if column else name
            place = {c.header: p for c, p in self.places}.get(header)
            says = row.cells[place] if place is not None else ""
            expected = column.help if column else "Datos que no se contradigan"
            self._fail(errors, row.number, row.cells, header, says, " ".join(messages), expected)
