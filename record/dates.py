"""Dates no more precise than their source: a profile of the Extended Date/Time Format (EDTF).

Two forms are held: level 0 dates (`2011`, `2011-08`, `2011-08-11`) and, from level 2, «one of a
set» with a single range, where a source only bounds a date: `[2011-08..2015-02]`,
`[2017-05-23..]`, `[..2017-04]`. Empty text means that the source does not say.

`parse` takes EDTF alone; `read` in `record.spanish` takes what people write.
https://www.loc.gov/standards/datetime/
"""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.functions import Concat, Length, StrIndex, Substr

BEGINNING, END_OF_TIME = "", "9999-12-31"
MONTHS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
).split()
_LEVEL_0 = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
EXACT = ("day", "month", "year")
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


def reach_in_words(dates: Sequence[EDTF]) -> str:
    """How far the dates of a list in order reach, each as precise as it is: «del 11 de febrero de
    2017 a mayo de 2017, y sin fecha»."""
    known = [when.lower or when.upper for when in dates if when]
    undated = ["sin fecha"] if len(known) < len(dates) else []
    if not known:
        return ", ".join(undated)
    first, last = ((in_words(day), len(day) == 10) for day in (known[0], known[-1]))
    start, end = (f"del {first[0]}" if first[1] else f"de {first[0]}"), last[0]
    reach = start if first == last else f"{start} {'al' if last[1] else 'a'} {end}"
    return ", y ".join([reach, *undated])


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
    """A partial date kept as EDTF text. Each goes with `earliest_of`, `latest_of` and, among the
    model's constraints, `possible_date`; a test sees to it that none is forgotten."""

    default_validators = [validate_edtf]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 24, "blank": True, "default": ""} | kwargs)

    def formfield(self, **kwargs: Any) -> Any:
        from record.forms import EDTFFormField

        return super().formfield(
            **{"form_class": EDTFFormField, "max_length": None} | kwargs,
        )


# The bounds in SQL. `[` opens a set; a level 0 date is its own lower and upper part; appending
# what «-01-01» or «-12-31» still has past the part's length completes it to a day.


def _is_set(name: str) -> Q:
    return Q(models.lookups.Exact(Substr(F(name), 1, 1), Value("[")))


def _lower_part(name: str) -> Case:
    dots = StrIndex(F(name), Value(".."))
    inside = Case(When(Q(models.lookups.GreaterThan(dots, 2)), then=Substr(F(name), 2, dots - 2)))
    return Case(When(_is_set(name), then=inside), default=F(name), output_field=models.CharField())


def _upper_part(name: str) -> Case:
    dots, length = StrIndex(F(name), Value("..")), Length(F(name))
    inside = Case(
        When(
            Q(models.lookups.GreaterThan(dots, 1))
            & Q(models.lookups.GreaterThan(length, dots + 2)),
            then=Substr(F(name), dots + 2, length - dots - 2),
        )
    )
    return Case(When(_is_set(name), then=inside), default=F(name), output_field=models.CharField())


def _completed(part: Case, ending: str) -> Concat:
    return Concat(part, Substr(Value(ending), Length(part) - 3))


def _bound(name: str, part: Case, ending: str, unbounded: str) -> Case:
    return Case(
        When(Q(models.lookups.GreaterThan(Length(part), 3)), then=_completed(part, ending)),
        default=Value(unbounded),
        output_field=models.CharField(),
    )


def earliest_of(name: str, label: str = "") -> models.GeneratedField:
    """The generated column with the first possible day of the date in column `name`."""
    return _generated(_bound(name, _lower_part(name), "-01-01", BEGINNING), label)


def latest_of(name: str, label: str = "") -> models.GeneratedField:
    """The generated column with the last possible day, months ending in a padded `-31`."""
    return _generated(_bound(name, _upper_part(name), "-12-31", END_OF_TIME), label)


def sort_day_of(name: str) -> models.GeneratedField:
    """Where a date stands in a list by time: its first possible day; its last one for «then or
    earlier»; `''` when nothing is known."""
    earliest = _bound(name, _lower_part(name), "-01-01", BEGINNING)
    latest = _bound(name, _upper_part(name), "-12-31", BEGINNING)
    place = Case(
        When(Q(models.lookups.GreaterThan(Length(earliest), 0)), then=earliest), default=latest
    )
    return _generated(place, "")


def _generated(expression: Any, label: str) -> models.GeneratedField:
    return models.GeneratedField(
        expression=expression,
        output_field=models.CharField(max_length=13),
        db_persist=True,
        verbose_name=label or None,
    )


class PossibleDay(Func):
    """True in SQL when its text, `YYYY-MM-DD`, is a day of the calendar."""

    output_field = models.BooleanField()
    conditional = True

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list]:
        day, params = compiler.compile(self.source_expressions[0])
        # GLOB, for date() also takes '-123-01-01' and '2017-01-01T…'.
        digits = "[0-9]" * 4 + "-" + "[0-9]" * 2 + "-" + "[0-9]" * 2
        return (
            f"({day} GLOB '{digits}' AND {day} >= '0001' AND date({day}, '+0 days') IS {day})",
            [*params] * 4,
        )

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list]:
        day, params = compiler.compile(self.source_expressions[0])
        calendar = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
        month = f"make_date(substr({day}, 1, 4)::int, substr({day}, 6, 2)::int, 1)"
        days = f"date_part('day', {month} + interval '1 month' - interval '1 day')"
        return (
            f"(CASE WHEN {day} ~ '{calendar}' AND {day} >= '0001'"
            f" THEN substr({day}, 9, 2)::int <= {days} ELSE false END)",
            [*params] * 5,
        )


class DatabaseCheck(models.CheckConstraint):
    """A CHECK for the database alone. `full_clean` need not ask it too, which would take a tenth of
    a second for SQL as long as this: a validator or `clean` has said the same in Python."""

    def validate(self, *args: Any, **kwargs: Any) -> None:
        pass

    def deconstruct(self) -> tuple[str, tuple, dict]:
        _path, args, kwargs = super().deconstruct()
        return "django.db.models.CheckConstraint", args, kwargs


def possible_date(name: str) -> DatabaseCheck:
    """The database's own refusal of impossible dates, through `update()` and raw SQL too."""
    lower, upper = _lower_part(name), _upper_part(name)
    simple = ~_is_set(name) & _level_0(lower)
    whole_set = Concat(Value("["), _or_empty(lower), Value(".."), _or_empty(upper), Value("]"))
    a_set = (
        _is_set(name)
        & Q(models.lookups.Exact(F(name), whole_set))
        & (_level_0(lower) | Q(models.lookups.IsNull(lower, True)))
        & (_level_0(upper) | Q(models.lookups.IsNull(upper, True)))
        & ~Q(**{name: "[..]"})
        & Q(**{f"{name}_earliest__lte": F(f"{name}_latest")})
    )
    return DatabaseCheck(
        name=f"%(app_label)s_%(class)s_{name}_possible",
        condition=Q(**{name: ""}) | simple | a_set,
        violation_error_message=f"La fecha no es posible. {ADVICE}",
    )


def _or_empty(part: Case) -> Any:
    return models.functions.Coalesce(part, Value(""))


def _level_0(part: Case) -> Q:
    return Q(models.lookups.In(Length(part), [4, 7, 10])) & Q(
        PossibleDay(_completed(part, "-01-01"))
    )
