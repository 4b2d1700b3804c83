"""The widgets of django-import-export: they write the value of a field into a cell and read it.

The package calls `clean` and `render`. Each widget defines `render` and `read`, which raises
refusal(). `normal` converts a stored value to the value that `read` returns; `show` writes a value
for people.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import models
from django.utils import timezone
from import_export.widgets import Widget

from dates.edtf import ADVICE, ImpossibleDate
from dates.spanish_dates import DAY_FIRST, MONTH_FIRST, readings_of, span_in
from dates.spanish_dates import read as read_date
from dates.text import fold, name_keys
from editing.differences import Pieces, list_diff, whole_diff
from record.confined import UnreadableFile
from record.publishing import Record, slug_in
from record.richtext import sanitize
from record.text import clean_controls, word_diff

DATE_EXAMPLE = "Por ejemplo «2020-02-11», «11 de febrero de 2020» o «febrero de 2020»"
MOST_NAMES = 30_000  # of records in a column of 1,000 rows; a database refuses more values
MOST_COMPARED = 100_000  # names that the hints of a column compare, in about 3 seconds


class TableError(UnreadableFile):
    """The file holds another table."""


class UnreadableCell(str):
    """The problem of a cell without a reliable text, such as an error or a date without a year."""


class ExcelDate(str):
    """A day that Excel stores as a number, as EDTF."""


def refusal(problem: str, expected: str) -> ValueError:
    return ValueError(f"{problem}\n{expected}")


def closest_match(word: str, words: Iterable[str]) -> str:
    return next(iter(get_close_matches(word, list(words), 1, cutoff=0.5)), "")


def normalize(text: str) -> str:
    """The text with line breaks as `\\n`, without white space at its ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _item_diff(before: str, after: str) -> Pieces:
    """The difference of two lists item by item."""
    return list_diff(*(text.replace("\n", "; ").split("; ") for text in (before, after)))


class TextWidget(Widget):
    """Text, and the base of the other widgets. The data dictionary shows `example` and `help`."""

    many = False
    compare = staticmethod(word_diff)
    """Returns the difference of two values, as `show` writes them."""

    def __init__(self, example: str = "") -> None:
        super().__init__()
        self.example = example

    def bind(self, model_field: Any) -> None:
        self.model_field, self.label = model_field, str(model_field.verbose_name)
        self.max_length = model_field.max_length or 1_000_000
        self.required = not (self.many or model_field.blank or model_field.null)

    def survey(self, numbers: Iterable[int], cells: Iterable[str]) -> None:
        """A hook to read the whole column, with the numbers of its rows, before the first row."""

    def doubt(self, cell: str) -> str:
        """Why the value of the cell is not certain; empty if it is."""
        return f"La celda {cell}." if isinstance(cell, UnreadableCell) else ""

    @property
    def help(self) -> str:
        """The values that a cell may have."""
        short = self.max_length < 1_000_000
        return f"Texto, hasta {self.max_length:,} caracteres" if short else "Texto"

    def clean(self, value: str, row: Any = None, **kwargs: Any) -> Any:
        return self.read(value)

    def read(self, cell: str) -> Any:
        try:
            text = normalize(clean_controls(cell))
        except ValidationError as error:
            raise refusal(str(error.message), "Texto sin él") from error
        if len(text) > self.max_length:
            most = f"Un texto de hasta {self.max_length:,}"
            raise refusal(f"Tiene {len(text):,} caracteres.", most)
        return text

    def normal(self, value: Any) -> Any:
        return normalize(value) if isinstance(value, str) else value

    def show(self, value: Any) -> str:
        return self.render(value)


class SlugWidget(TextWidget):
    help = (
        "Letras minúsculas sin acento, números y guiones. "
        "Si ya existe, la fila modifica ese registro; si no, crea uno"
    )

    def read(self, cell: str) -> str:
        slug = slug_in(super().read(cell))
        try:
            validate_slug(slug)
        except ValidationError:
            problem = "No es un identificador." if slug else "Falta el identificador."
            raise refusal(problem, "Letras sin acento, números y guiones") from None
        return slug


class RichTextWidget(TextWidget):
    help = "HTML: párrafos, subtítulos, listas, citas y enlaces"

    def read(self, cell: str) -> str:
        try:
            return normalize(sanitize(super().read(cell)))
        except ValidationError as error:
            raise refusal(str(error.message), "Un texto más sencillo") from error


class LinesWidget(TextWidget):
    """The lines of a field, joined by `; `, or by line breaks if a line has a semicolon."""

    help = "Varios, separados por «;»"
    compare = staticmethod(_item_diff)

    def render(self, value: str, obj: Any = None, **kwargs: Any) -> str:
        lines = self.normal(value).split("\n")
        return "\n".join([*lines, ""]) if ";" in "".join(lines) else "; ".join(lines)

    def read(self, cell: str) -> str:
        text = super().read(cell)
        return self.normal(text if "\n" in cell.strip("\r ") else text.replace(";", "\n"))

    def normal(self, value: str) -> str:
        return "\n".join(filter(None, map(str.strip, normalize(value).split("\n"))))


class ChoiceWidget(TextWidget):
    """A choice of the field, by its label or its value. Ignores accents and case."""

    compare = staticmethod(whole_diff)

    def bind(self, model_field: models.Field) -> None:
        super().bind(model_field)
        choices = model_field.flatchoices
        self.labels = {value: str(label) for value, label in choices}
        self.values = {fold(str(name)): choice[0] for choice in choices for name in choice}

    @property
    def help(self) -> str:
        return "Uno de: " + ", ".join(self.labels.values())

    def render(self, value: str, obj: Any = None, **kwargs: Any) -> str:
        return self.labels.get(value, value)

    def read(self, cell: str) -> str:
        text = fold(cell.strip())
        if not text or text in self.values:
            return self.values.get(text, "")
        near = closest_match(text, self.values)
        expected = f"¿Quiso decir «{self.show(self.values[near])}»?" if near else self.help
        raise refusal("No es una de las opciones.", expected)


class DateWidget(TextWidget):
    """A date. `end` is the column that takes the last date of a text such as «3-5 de mayo de 2017»,
    if its own cell is empty.

    Dates in numbers have the day first, unless a date of the column has the month first: then all
    of the column that allow both readings are refused. Days that Excel read itself are refused too
    if Excel left another date in numbers as text, since its order may differ from the text's.
    """

    help = "Fecha, en español o EDTF. Vacía: la fuente no lo dice"
    month_first = left_as_text = ""

    def __init__(self, example: str = "", end: str = "") -> None:
        super().__init__(example)
        self.end = end

    def survey(self, numbers: Iterable[int], cells: Iterable[str]) -> None:
        for number, cell in zip(numbers, cells, strict=True):
            if not (match := MONTH_FIRST.search(cell) or DAY_FIRST.search(cell)):
                continue
            if not self.left_as_text:
                self.left_as_text = f"Excel no leyó como fecha la fila {number}, «{match[0]}»"
            if match.re is MONTH_FIRST:
                self.month_first = f"la fila {number}, «{match[0]}», pone primero el mes"
                return

    def doubt(self, cell: str) -> str:
        reason, written = self.month_first, cell
        if isinstance(cell, ExcelDate):
            reason = self.month_first or self.left_as_text
            written = "/".join(reversed(cell.split("-")))
        days = readings_of(written) if reason else ()
        return f"Puede ser {' o '.join(days)}: {reason}." if days else super().doubt(cell)

    def clean(self, value: str, row: Any = None, **kwargs: Any) -> str:
        try:
            return self.read(value)
        except ValueError:
            dates = span_in(value)
            if not dates or not self.end or row.get(self.end, "").strip():
                raise
            row[self.end] = dates.last.text
            return dates.first.text

    def read(self, cell: str) -> str:
        if problem := self.doubt(cell):
            raise refusal(problem, "El mes en letra en toda la columna")
        try:
            return read_date(cell).text
        except ImpossibleDate as error:
            advice = error.advice.rstrip(".") or "La celda vacía"
            expected = DATE_EXAMPLE if error.advice == ADVICE else advice
            raise refusal(f"No es una fecha posible: {error.reason}.", expected) from error

    def show(self, value: str) -> str:
        return str(read_date(value))


class MomentWidget(TextWidget):
    compare = staticmethod(whole_diff)

    @property
    def help(self) -> str:
        meaning = str(self.model_field.help_text).rstrip(".")
        return f"Día y hora de {settings.COUNTRY} o con su zona: 2026-11-24 09:00. {meaning}"

    def render(self, value: datetime | None, obj: Any = None, **kwargs: Any) -> str:
        try:
            return timezone.localtime(value).isoformat(sep=" ") if value else ""
        except OverflowError:  # the first day of the year 1
            return str(value)

    def show(self, value: datetime) -> str:
        return self.render(value)[:16]

    def read(self, cell: str) -> datetime | None:
        if not cell.strip():
            return None
        try:
            moment = datetime.fromisoformat(cell.strip())
            if moment.year < 1000:
                raise OverflowError
            local = moment.replace(tzinfo=moment.tzinfo or timezone.get_default_timezone())
            utc = local.astimezone(UTC)
        except (ValueError, OverflowError):
            raise refusal("No es un día con su hora.", "Por ejemplo «2026-11-24 09:00»") from None
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            raise refusal("A esa hora cambian los relojes.", f"Con zona: «{utc:%Y-%m-%d %H:%M}Z»")
        return utc


class NumberWidget(TextWidget):
    help = "Número entero desde 1"
    compare = staticmethod(whole_diff)

    def read(self, cell: str) -> int | None:
        text = cell.strip()
        if text and not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII):
            raise refusal("No es un número de orden.", self.help)
        return int(text) if text else None


class AddressWidget(TextWidget):
    help = "Dirección web, con https:// o http://"


class ReferenceWidget(TextWidget):
    """A record, by its slug or one of its names. `gather` fetches the records of many cells."""

    compare = staticmethod(whole_diff)

    def bind(self, model_field: Any) -> None:
        super().bind(model_field)
        self.model = model_field.related_model
        self.records: dict[str, Record | None] = {}
        self.hints, self.comparisons = dict[str, str](), 0

    @property
    def help(self) -> str:
        return f"Identificador o nombre: {self.model._meta.verbose_name}"

    def render(self, value: Record | None, obj: Any = None, **kwargs: Any) -> str:
        return value.slug if value else ""

    def gather(self, cells: Iterable[str]) -> None:
        words = {word for cell in cells for word in self.words_in(cell)} - self.records.keys()
        if len(words) > MOST_NAMES:
            raise TableError(f"«{self.label}» nombra más de {MOST_NAMES:,} registros distintos.")
        records = {record.slug: record for record in self.queryset().filter(slug__in=words)}
        slugs = {word: self.slugs_of(word) for word in words - records.keys()}
        named = self.queryset().filter(slug__in=[s[0] for s in slugs.values() if len(s) == 1])
        records |= {record.slug: record for record in named}
        self.records |= {
            word: records.get(s[0]) if len(s) == 1 else None for word, s in slugs.items()
        } | records

    def queryset(self) -> models.QuerySet:
        """Records with the related records that decide whether they are drafts."""
        return self.model.objects.prefetch_related(*self.model.belongs_to)

    def prefetch(self, records: models.QuerySet) -> models.Prefetch:
        field = self.model_field
        return field.prefetch(records) if self.many else models.Prefetch(field.name, records)

    def words_in(self, cell: str) -> list[str]:
        """The slugs and names in a cell."""
        return [cell.strip()] if cell.strip() else []

    @cached_property
    def slugs_by_name(self) -> dict[str, list[str]]:
        return self.model.objects.slugs_by_name()

    def slugs_of(self, word: str) -> list[str]:
        """The slugs of the records with this name."""
        return sorted({slug for key in name_keys(word) for slug in self.slugs_by_name.get(key, ())})

    def read(self, cell: str) -> Any:
        return next(map(self.find, self.words_in(cell)), None)

    def find(self, word: str) -> Record:
        if record := self.records.get(word):
            return record
        name = self.model._meta.verbose_name
        if slugs := self.slugs_of(word):
            listed = ", ".join(f"«{slug}»" for slug in slugs[:5])
            raise refusal(
                f"Así se llaman {len(slugs)}: {listed}.", "El identificador de uno de ellos"
            )
        raise refusal(
            f"No hay registro de tipo «{name}» con ese identificador ni con ese nombre.",
            self._hint(word) or f"El identificador o el nombre de un registro «{name}»",
        )

    def _hint(self, word: str) -> str:
        """The record with the nearest name."""
        if word not in self.hints and self.comparisons < MOST_COMPARED:
            names = list(islice(self.slugs_by_name, MOST_COMPARED // 10))
            self.comparisons += len(names)
            near = closest_match("".join(name_keys(word)), names)
            slugs = " o ".join(f"«{slug}»" for slug in self.slugs_by_name.get(near, ()))
            self.hints[word] = f"¿Quiso decir {slugs}?" if slugs else ""
        return self.hints.get(word, "")


class ReferencesWidget(ReferenceWidget):
    """Records, by their slugs or names joined with `;`. The value is a frozenset of slugs."""

    many = True
    compare = staticmethod(_item_diff)

    @property
    def help(self) -> str:
        names = self.model._meta.verbose_name_plural
        return f"Identificadores o nombres de {names}, separados por «;»"

    def normal(self, value: Any) -> frozenset[str]:
        """`value` is the prefetched list, or None if the record is not saved."""
        return frozenset(r.slug for r in self.model_field.records(value)) if value else frozenset()

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return self.show(self.normal(value))

    def show(self, value: frozenset[str]) -> str:
        return "; ".join(sorted(value))

    def read(self, cell: str) -> frozenset[str]:
        return frozenset(self.find(word).slug for word in self.words_in(cell))

    def words_in(self, cell: str) -> list[str]:
        return [word for part in cell.split(";") if (word := part.strip())]

    def queryset(self) -> models.QuerySet:
        return self.model.objects.only("slug")
