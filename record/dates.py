"""Dates no more precise than their source: a profile of the Extended Date/Time Format (EDTF).

Two forms are held: level 0 dates (`2011`, `2011-08`, `2011-08-11`) and, from level 2, «one of a
set» with a single range, where a source only bounds a date: `[2011-08..2015-02]`,
`[2017-05-23..]`, `[..2017-04]`. Empty text means that the source does not say.

`parse` takes EDTF alone; `read` in `record.spanish` takes what people write.
https://www.loc.gov/standards/datetime/
"""

import re
from calendar import monthrange
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Func

BEGINNING, END_OF_TIME = "", "9999-12-31"
MONTHS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
).split()
_LEVEL_0 = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
ADVICE = (
    "Escriba, por ejemplo, «11 de febrero de 2017» o «febrero de 2017»; "
    "déjelo vacío si la fuente no lo dice."
)


class ImpossibleDate(ValueError):
    """Text that is no date of ours; its message, in Spanish, says why and what to write."""

    def __init__(self, text: str, reason: str) -> None:
        shown = text if len(text) <= 60 else f"{text[:60]}…"
        super().__init__(f"«{shown}» no es una fecha posible: {reason}. {ADVICE}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class EDTF:
    """One date. `lower` and `upper` are level 0 texts: the same one for an exact date."""

    text: str = ""
    lower: str = ""
    upper: str = ""

    @property
    def earliest(self) -> str:
        """First possible day, `YYYY-MM-DD`; `''` when there is no bound."""
        return self.lower + "-01-01"[len(self.lower) - 4 :] if self.lower else BEGINNING

    @property
    def latest(self) -> str:
        """Last possible day as its generated column has it: every month's last is `-31`."""
        return self.upper + "-12-31"[len(self.upper) - 4 :] if self.upper else END_OF_TIME

    @property
    def first_day(self) -> date | None:
        return date.fromisoformat(self.earliest) if self.lower else None

    @property
    def last_day(self) -> date | None:
        if not self.upper:
            return None
        year, month, day = (int(part) for part in self.latest.split("-"))
        return date(year, month, min(day, monthrange(year, month)[1]))

    @property
    def kind(self) -> str:
        """`unknown`, `day`, `month`, `year`, `between`, `after` (or then) or `before` (or then)."""
        if not self.text:
            return "unknown"
        if self.text[0] != "[":
            return {4: "year", 7: "month", 10: "day"}[len(self.text)]
        if self.lower and self.upper:
            return "between"
        return "after" if self.lower else "before"

    @property
    def is_exact(self) -> bool:
        """Whether it is a day, a month or a year."""
        return self.kind in ("day", "month", "year")

    def __bool__(self) -> bool:
        return bool(self.text)

    def __str__(self) -> str:
        """In Spanish, as a sentence would have it: «entre agosto de 2011 y febrero de 2015»."""
        match self.kind:
            case "between":
                return f"entre {in_words(self.lower, 'el ')} y {in_words(self.upper, 'el ')}"
            case "after":
                return f"{in_words(self.lower, 'el ')} o después"
            case "before":
                return f"{in_words(self.upper, 'el ')} o antes"
        return in_words(self.text)


def in_words(level_0: str, article: str = "") -> str:
    """`2017-02-11` as «11 de febrero de 2017», a day preceded by `article`."""
    year, *rest = level_0.split("-")
    if not rest:
        return year
    month = f"{MONTHS[int(rest[0]) - 1]} de {year}"
    return f"{article}{int(rest[1])} de {month}" if len(rest) == 2 else month


def at(level_0: str) -> str:
    """«el 11 de febrero de 2017», «en febrero de 2017», «en 2017»."""
    return f"{'el' if len(level_0) == 10 else 'en'} {in_words(level_0)}"


def of(level_0: str) -> str:
    """«del 11 de febrero de 2017», «de febrero de 2017», «de 2017»."""
    return f"{'del' if len(level_0) == 10 else 'de'} {in_words(level_0)}"


def reach_in_words(dates: Sequence[EDTF]) -> str:
    """How far the dates of a list in order reach, each as precise as it is: «del 11 de febrero de
    2017 a mayo de 2017, y sin fecha»."""
    known = [when.lower or when.upper for when in dates if when]
    undated = ["sin fecha"] if len(known) < len(dates) else []
    if not known:
        return ", ".join(undated)
    first, last = known[0], known[-1]
    end = "" if first == last else f" {'al' if len(last) == 10 else 'a'} {in_words(last)}"
    return ", y ".join([f"{of(first)}{end}", *undated])


@lru_cache(maxsize=4096)
def parse(text: str) -> EDTF:
    """EDTF text as a value; raises ImpossibleDate."""
    if not text:
        return EDTF()
    if text[0] != "[":
        _check(text, whole=text)
        return EDTF(text, text, text)
    lower, dots, upper = text[1:-1].partition("..")
    if text[-1] != "]" or not dots or not (lower or upper):
        raise ImpossibleDate(text, "se esperaba la forma [2011-08..2015-02], [2017..] o [..2017]")
    for part in filter(None, (lower, upper)):
        _check(part, whole=text)
    value = EDTF(text, lower, upper)
    if value.earliest > value.latest:
        raise ImpossibleDate(text, f"{in_words(lower)} no es anterior a {in_words(upper)}")
    return value


def _check(level_0: str, whole: str) -> None:
    parts = _LEVEL_0.fullmatch(level_0)
    if not parts:
        raise ImpossibleDate(whole, "no se reconoce como día, mes o año")
    year, month, day = (int(part) if part else None for part in parts.groups())
    if not year:
        raise ImpossibleDate(whole, "no hubo año 0")
    if month is not None and not 1 <= month <= 12:
        raise ImpossibleDate(whole, f"no hay mes {month}; van de 1 a 12")
    if day is not None and not 1 <= day <= monthrange(year, month)[1]:
        days = monthrange(year, month)[1]
        raise ImpossibleDate(whole, f"{in_words(level_0[:7])} tiene {days} días")


def validate_edtf(text: str) -> None:
    """The model's own validator, so that `full_clean` refuses what the database would."""
    try:
        parse(text)
    except ImpossibleDate as error:
        raise ValidationError(str(error), code="impossible_date") from error


class EDTFField(models.CharField):
    """A partial date kept as EDTF text. A model that has one also has a `day_column` of its
    `Earliest` and of its `Latest`, and a `possible_date` constraint; `test_house` checks that."""

    default_validators = [validate_edtf]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 24, "blank": True, "default": ""} | kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        from record.forms import EDTFFormField

        return super().formfield(
            **{"form_class": EDTFFormField, "max_length": None} | kwargs,
        )


def day_column(day: "DateFunc", label: str = "") -> models.GeneratedField:
    """A generated column with the `Earliest`, `Latest` or `SortDay` of a date."""
    return models.GeneratedField(
        expression=day,
        output_field=models.CharField(max_length=10),
        db_persist=True,
        verbose_name=label or None,
    )


def possible_date(name: str) -> models.CheckConstraint:
    """The database's own refusal of impossible dates, through `update()` and raw SQL too."""
    return models.CheckConstraint(
        name=f"%(app_label)s_%(class)s_{name}_possible",
        condition=PossibleDate(name),
        violation_error_message=f"La fecha no es posible. {ADVICE}",
    )


# The same rules in SQL. Migrations name these classes, so their SQL keeps its meaning. SQLite and
# PostgreSQL share one text except for the function that finds a position and the rule of the
# calendar. A set, `[2011-08..2015-02]`, has a lower and an upper part; any of both may be empty.

_TEXT = "%(expressions)s"
_IS_SET = f"substr({_TEXT}, 1, 1) = '['"
_LOWER = f"substr({_TEXT}, 2, %(position)s({_TEXT} || '..', '..') - 2)"
_UPPER = f"rtrim(substr({_TEXT}, %(position)s({_TEXT}, '..') + 2), ']')"


def _day(level_0: str, ending: str, unbounded: str = "") -> str:
    """Completes a date to a day: `2011-08` takes the `-01` of the ending `-01-01`."""
    completed = f"{level_0} || substr('{ending}', length({level_0}) - 3)"
    return f"CASE {level_0} WHEN '' THEN '{unbounded}' ELSE {completed} END"


_FIRST, _LAST = _day(_LOWER, "-01-01", BEGINNING), _day(_UPPER, "-12-31", END_OF_TIME)
_EARLIEST = f"CASE WHEN {_IS_SET} THEN {_FIRST} ELSE {_day(_TEXT, '-01-01', BEGINNING)} END"
_LATEST = f"CASE WHEN {_IS_SET} THEN {_LAST} ELSE {_day(_TEXT, '-12-31', END_OF_TIME)} END"


def _possible(is_level_0: Callable[[str], str]) -> str:
    """`is_level_0` gives the SQL that a text is empty or a day, month or year of the calendar."""
    is_possible_set = (
        f"{_TEXT} = '[' || {_LOWER} || '..' || {_UPPER} || ']' AND {_TEXT} <> '[..]'"
        f" AND {is_level_0(_LOWER)} AND {is_level_0(_UPPER)} AND {_FIRST} <= {_LAST}"
    )
    return f"CASE WHEN {_IS_SET} THEN {is_possible_set} ELSE {is_level_0(_TEXT)} END"


def _is_level_0_on_sqlite(text: str) -> str:
    # GLOB, because date() also takes '-123-01-01' and '2017-01-01T…'.
    day, digits = f"({_day(text, '-01-01')})", "[0-9]" * 4 + "-[0-9][0-9]" * 2
    return (
        f"({text} = '' OR (length({text}) IN (4, 7, 10) AND {day} GLOB '{digits}'"
        f" AND {day} >= '0001' AND date({day}, '+0 days') IS {day}))"
    )


def _is_level_0_on_postgresql(text: str) -> str:
    any_month, all_but_february = "(0[1-9]|1[0-2])", "(0[13-9]|1[0-2])"
    leap = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
    form = (
        f"(?!0000)([0-9]{{4}}(-{any_month}(-(0[1-9]|1[0-9]|2[0-8]))?|-{all_but_february}-(29|30)"
        f"|-(0[13578]|1[02])-31)?|{leap}-02-29)"
    )
    return f"{text} ~ '^({form})?$'"


class DateFunc(Func):
    """SQL of the EDTF text in a column."""

    arity = 1
    output_field = models.CharField(max_length=10)

    def template_on(self, vendor: str) -> str:
        return self.template

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list]:
        """The template names its expression several times, so its parameters are as many."""
        template = self.template_on(connection.vendor)
        position = {"sqlite": "instr", "postgresql": "strpos"}[connection.vendor]
        context |= {"template": template, "position": position}
        sql, params = super().as_sql(compiler, connection, **context)
        return sql, [*params] * template.count(_TEXT)


class Earliest(DateFunc):
    """The first possible day, `YYYY-MM-DD`; `''` when there is no bound."""

    template = _EARLIEST


class Latest(DateFunc):
    """The last possible day, months ending in a padded `-31`; `9999-12-31` without a bound."""

    template = _LATEST


class SortDay(DateFunc):
    """The place of a date in a list by time: its first possible day; its last one for «then or
    earlier»; `''` when nothing is known."""

    template = f"CASE WHEN substr({_TEXT}, 1, 3) = '[..' THEN {_LATEST} ELSE {_EARLIEST} END"


class PossibleDate(DateFunc):
    """True when the text is a date of the two forms, as for `parse`."""

    output_field = models.BooleanField()
    conditional = True

    def template_on(self, vendor: str) -> str:
        on_sqlite = vendor == "sqlite"
        return _possible(_is_level_0_on_sqlite if on_sqlite else _is_level_0_on_postgresql)
