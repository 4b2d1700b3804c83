"""The columns of a table: how a field is written into a cell and read back, exactly.

`read` takes a cell's text and gives the field's value, or raises CellError with what is wrong and
what was expected. Texts compare with line breaks as `\\n` and without white space at their ends.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.utils import timezone

from record.dates import ImpossibleDate
from record.publishing import Record
from record.richtext import sanitize
from record.spanish import read as read_date
from record.text import clean_controls, fold

DATE_EXAMPLE = "Por ejemplo «2017-02-11», «11 de febrero de 2017» o «febrero de 2017»"


class CellError(Exception):
    """What is wrong with a cell, and what was expected instead."""

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(problem)
        self.problem, self.expected = problem, expected


class References:
    """Slugs to primary keys, looked up once for all the rows of a batch."""

    def __init__(self) -> None:
        self._known: dict[type[Record], dict[str, int | None]] = {}

    def gather(self, model: type[Record], slugs: Iterable[str]) -> None:
        known = self._known.setdefault(model, {})
        unknown = [slug for slug in set(slugs) if slug and slug not in known]
        for start in range(0, len(unknown), 500):
            some = unknown[start : start + 500]
            known |= dict.fromkeys(some)
            known |= dict(model.objects.filter(slug__in=some).values_list("slug", "pk"))

    def find(self, model: type[Record], slug: str) -> int:
        if (found := self._known.get(model, {}).get(slug)) is not None:
            return found
        near = nearest(slug, model.objects.values_list("slug", flat=True)[:20_000].iterator())
        name = model._meta.verbose_name
        raise CellError(
            f"No hay registro de tipo «{name}» con ese identificador.",
            f"¿Quiso decir «{near}»?" if near else f"El identificador de un registro «{name}»",
        )


def nearest(word: str, words: Iterable[str]) -> str:
    return next(iter(get_close_matches(word, list(words), 1, cutoff=0.5)), "")


def plain(text: str) -> str:
    """As texts are compared: line breaks as `\\n`, no white space at the ends."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


class Column:
    """Text. Subclasses say how other kinds of value are written and read."""

    many = False

    def __init__(self, header: str, field: str, example: str = "") -> None:
        self.header, self.field, self.example = header, field, example

    def bind(self, model: type[Record]) -> "Column":
        self.model = model
        self.model_field = model._meta.get_field(self.field)
        self.attname = getattr(self.model_field, "attname", self.field)
        return self

    @cached_property
    def required(self) -> bool:
        return not self.many and not self.model_field.blank and not self.model_field.null

    @cached_property
    def max_length(self) -> int:
        return getattr(self.model_field, "max_length", None) or 1_000_000

    @property
    def label(self) -> str:
        return str(self.model_field.verbose_name)

    @property
    def help(self) -> str:
        """What a cell may hold, for the data dictionary."""
        return (
            f"Texto, hasta {self.max_length:,} caracteres" if self.max_length < 10**6 else "Texto"
        )

    def current(self, record: Record) -> Any:
        """The value that the record has, as `read` would give it."""
        return plain(getattr(record, self.attname))

    def write(self, record: Record) -> str:
        return getattr(record, self.attname)

    def show(self, value: Any) -> str:
        """A value that `read` gave, for a person."""
        return str(value)

    def read(self, text: str, references: References) -> Any:
        try:
            text = plain(clean_controls(text))
        except ValidationError as error:
            raise CellError(error.message, "Texto sin él") from error
        if len(text) > self.max_length:
            raise CellError(
                f"Tiene {len(text):,} caracteres.", f"Un texto de hasta {self.max_length:,}"
            )
        return text

    def gather(self, texts: Iterable[str], references: References) -> None:
        """A chance to look up what a batch refers to."""

    def put(self, record: Record, value: Any) -> None:
        setattr(record, self.attname, value)


class Slug(Column):
    help = (
        "Letras minúsculas sin acento, números y guiones. "
        "Si ya existe, la fila modifica ese registro; si no, crea uno"
    )

    def read(self, text: str, references: References) -> str:
        slug = super().read(text, references)
        try:
            validate_slug(slug)
        except ValidationError:
            problem = "No es un identificador." if slug else "Falta el identificador."
            raise CellError(problem, "Letras sin acento, números y guiones") from None
        return slug


class RichText(Column):
    help = "HTML: párrafos, subtítulos, listas, citas y enlaces"

    def current(self, record: Record) -> str:
        return plain(sanitize(getattr(record, self.attname)))

    def read(self, text: str, references: References) -> str:
        return plain(sanitize(super().read(text, references)))


class Lines(Column):
    """Several texts, one a line in the field, joined by `; ` in the cell; by line breaks if one of
    them has a semicolon."""

    help = "Varios, separados por «;»"

    def write(self, record: Record) -> str:
        names = self.current(record).split("\n")
        return "\n".join([*names, ""]) if ";" in "".join(names) else "; ".join(names)

    def current(self, record: Record) -> str:
        return self._joined(super().current(record).split("\n"))

    def read(self, text: str, references: References) -> str:
        cell = super().read(text, references)
        return self._joined(cell.split("\n" if "\n" in text.strip("\r ") else ";"))

    def _joined(self, names: list[str]) -> str:
        return "\n".join(stripped for name in names if (stripped := name.strip()))


class Choice(Column):
    @cached_property
    def _labels(self) -> dict[str, str]:
        return {value: str(label) for value, label in self.model_field.flatchoices}

    @cached_property
    def _values(self) -> dict[str, str]:
        choices = self.model_field.choices
        return {fold(str(name)): value for value, label in choices for name in (value, label)}

    @property
    def help(self) -> str:
        return "Uno de: " + ", ".join(str(label) for _, label in self.model_field.choices)

    def write(self, record: Record) -> str:
        return self.show(getattr(record, self.attname))

    def show(self, value: str) -> str:
        return self._labels.get(value, value)

    def read(self, text: str, references: References) -> str:
        text = text.strip()
        if not text:
            return ""
        if (value := self._values.get(fold(text))) is not None:
            return value
        near = nearest(fold(text), self._values)
        expected = f"¿Quiso decir «{self.show(self._values[near])}»?" if near else self.help
        raise CellError("No es una de las opciones.", expected)


class Date(Column):
    help = "Fecha, en español o EDTF. Vacía: la fuente no lo dice"

    def current(self, record: Record) -> str:
        return getattr(record, self.attname)

    def show(self, value: str) -> str:
        return str(read_date(value))

    def read(self, text: str, references: References) -> str:
        try:
            return read_date(text).text
        except ImpossibleDate as error:
            raise CellError(f"No es una fecha posible: {error.reason}.", DATE_EXAMPLE) from error


class Moment(Column):
    @property
    def help(self) -> str:
        meaning = str(self.model_field.help_text).rstrip(".")
        return f"Día y hora de México o con su zona: 2026-11-24 09:00. {meaning}"

    def current(self, record: Record) -> datetime | None:
        return getattr(record, self.attname)

    def write(self, record: Record) -> str:
        moment = self.current(record)
        return timezone.localtime(moment).isoformat(sep=" ") if moment else ""

    def show(self, value: datetime | None) -> str:
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M") if value else ""

    def read(self, text: str, references: References) -> datetime | None:
        text = text.strip()
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
            return moment.astimezone(ZoneInfo("UTC"))
        except (ValueError, OverflowError):
            raise CellError("No es un día con su hora.", "Por ejemplo «2026-11-24 09:00»") from None


class Number(Column):
    help = "Número entero desde 1"

    def current(self, record: Record) -> int | None:
        return getattr(record, self.attname)

    def write(self, record: Record) -> str:
        return self.show(self.current(record))

    def show(self, value: int | None) -> str:
        return "" if value is None else str(value)

    def read(self, text: str, references: References) -> int | None:
        text = text.strip()
        if not text:
            return None
        if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII):
            raise CellError("No es un número de orden.", self.help)
        return int(text)


class Address(Column):
    help = "Dirección web, con https:// o http://"

    def read(self, text: str, references: References) -> str:
        address = super().read(text, references)
        if address:
            try:
                self.model_field.run_validators(address)
            except ValidationError:
                raise CellError("No es una dirección web.", self.help) from None
        return address


class Reference(Column):
    """Another record, by its slug."""

    @property
    def help(self) -> str:
        return f"Identificador: {self.model_field.related_model._meta.verbose_name}"

    def write(self, record: Record) -> str:
        other = getattr(record, self.field)
        return other.slug if other else ""

    def current(self, record: Record) -> int | None:
        return getattr(record, self.attname)

    def gather(self, texts: Iterable[str], references: References) -> None:
        references.gather(self.model_field.related_model, (text.strip() for text in texts))

    def read(self, text: str, references: References) -> int | None:
        slug = text.strip()
        return references.find(self.model_field.related_model, slug) if slug else None


class ReferenceList(Column):
    """Other records, by their slugs joined with `;`."""

    many = True

    @property
    def help(self) -> str:
        kind = self.model_field.related_model._meta.verbose_name_plural
        return f"Identificadores de {kind}, separados por «;»"

    def write(self, record: Record) -> str:
        return "; ".join(sorted(other.slug for other in getattr(record, self.field).all()))

    def pairs(self, ids: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Keys of these records, each with the key of a record that it refers to."""
        own, other = self.model_field.m2m_field_name(), self.model_field.m2m_reverse_field_name()
        rows = self.model_field.remote_field.through.objects.filter(**{f"{own}__in": ids})
        return rows.values_list(f"{own}_id", f"{other}_id").iterator()

    def gather(self, texts: Iterable[str], references: References) -> None:
        slugs = (slug.strip() for text in texts for slug in text.split(";"))
        references.gather(self.model_field.related_model, slugs)

    def read(self, text: str, references: References) -> frozenset[int]:
        model = self.model_field.related_model
        slugs = filter(None, (slug.strip() for slug in text.split(";")))
        return frozenset(references.find(model, slug) for slug in slugs)

    def put(self, record: Record, value: Any) -> None:
        """Many-to-many rows are written apart, when the record has its key."""
