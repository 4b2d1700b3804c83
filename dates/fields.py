"""The model field of a partial date, its generated columns, and its rules in SQL."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Func

from dates.edtf import ADVICE, BEGINNING, END_OF_TIME, ImpossibleDate, parse
from dates.forms import EDTFFormField


def validate_edtf(text: str) -> None:
    """Refuses in `full_clean` the dates that the database refuses."""
    try:
        parse(text)
    except ImpossibleDate as error:
        raise ValidationError(str(error), code="impossible_date") from error


class EDTFField(models.CharField):
    """A partial date, stored as EDTF text. Its model also has a `day_column` for its `Earliest` and
    for its `Latest`, and a `possible_date` constraint; `test_house` checks it."""

    default_validators = [validate_edtf]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults: dict[str, Any] = {"max_length": 24, "blank": True, "default": ""}
        super().__init__(*args, **defaults | kwargs)

    def to_python(self, value: Any) -> Any:
        """Stores a possible date as `parse` writes it, from every way into the database but SQL."""
        text = super().to_python(value)
        with suppress(ImpossibleDate):
            return text and parse(text).text
        return text

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(
            **{"form_class": EDTFFormField, "max_length": None} | kwargs,
        )


def day_column(day: "DateFunc", label: str = "") -> models.GeneratedField:
    """A generated column with the `Earliest`, the `Latest` or the `SortDay` of a date."""
    return models.GeneratedField(
        expression=day,
        output_field=models.CharField(max_length=10),
        db_persist=True,
        verbose_name=label or None,
    )


def possible_date(name: str) -> models.CheckConstraint:
    """Makes the database refuse impossible dates, also from `update()` and raw SQL."""
    return models.CheckConstraint(
        name=f"%(app_label)s_%(class)s_{name}_possible",
        condition=PossibleDate(name),
        violation_error_message=f"La fecha no es posible. {ADVICE}",
    )


# The same rules in SQL. Migrations refer to these classes, so never change the meaning of their
# SQL. SQLite and PostgreSQL differ only in the function that finds a position and in the check of
# the calendar. A set, `[2011-08..2015-02]`, has a lower and an upper part; either may be empty.

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
    """`is_level_0` returns SQL that is true for empty text and for a day, month or year of the
    calendar."""
    is_possible_set = (
        f"{_TEXT} = '[' || {_LOWER} || '..' || {_UPPER} || ']' AND {_TEXT} <> '[..]'"
        f" AND {is_level_0(_LOWER)} AND {is_level_0(_UPPER)} AND {_FIRST} <= {_LAST}"
    )
    return f"CASE WHEN {_IS_SET} THEN {is_possible_set} ELSE {is_level_0(_TEXT)} END"


def _is_level_0_on_sqlite(text: str) -> str:
    # GLOB, because date() also accepts '-123-01-01' and '2017-01-01T…'.
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
    """A function of the EDTF text in a column."""

    arity = 1
    output_field: models.Field = models.CharField(max_length=10)

    def template_on(self, vendor: str) -> str:
        return self.template

    def as_sql(
        self, compiler: Any, connection: Any, *args: Any, **context: Any
    ) -> tuple[str, tuple[Any, ...]]:
        """Repeats the parameters, since the template contains its expression several times."""
        template = self.template_on(connection.vendor)
        position = {"sqlite": "instr", "postgresql": "strpos"}[connection.vendor]
        context |= {"template": template, "position": position}
        sql, params = super().as_sql(compiler, connection, *args, **context)
        return sql, tuple(params) * template.count(_TEXT)


class Earliest(DateFunc):
    """The first possible day, `YYYY-MM-DD`; `''` when there is no bound."""

    template = _EARLIEST


class Latest(DateFunc):
    """The last possible day, where each month ends in `-31`; `9999-12-31` when there is no
    bound."""

    template = _LATEST


class SortDay(DateFunc):
    """The day by which lists are sorted: the first possible day; for «then or earlier», the last
    possible day; `''` for an unknown date."""

    template = f"CASE WHEN substr({_TEXT}, 1, 3) = '[..' THEN {_LATEST} ELSE {_EARLIEST} END"


class PossibleDate(DateFunc):
    """True if `parse` accepts the text."""

    output_field = models.BooleanField()
    conditional = True

    def template_on(self, vendor: str) -> str:
        on_sqlite = vendor == "sqlite"
        return _possible(_is_level_0_on_sqlite if on_sqlite else _is_level_0_on_postgresql)
