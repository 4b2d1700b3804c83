"""Dates no more precise than their source: a profile of the Extended Date/Time Format (EDTF).

Two forms are held: level 0 dates (`2011`, `2011-08`, `2011-08-11`) and, from level 2, «one of a
set» with a single range, where a source only bounds a date: `[2011-08..2015-02]`,
`[2017-05-23..]`, `[..2017-04]`. The bounds of a range have one precision, as the format demands.
Empty text means that the source does not say.

`parse` takes EDTF alone; `dates.spanish_dates.read` takes what people write.
https://www.loc.gov/standards/datetime/
"""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

BEGINNING, END_OF_TIME = "", "9999-12-31"
MONTHS = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
).split()
_LEVEL_0 = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)
ADVICE = (
    "Escriba, por ejemplo, «11 de febrero de 2020» o «febrero de 2020»; "
    "déjelo vacío si la fuente no lo dice."
)


class ImpossibleDate(ValueError):
    """The text is not a possible date; the message says why, in Spanish, and what to write."""

    def __init__(self, text: str, reason: str, advice: str = ADVICE) -> None:
        start = text if len(text) <= 60 else f"{text[:60]}…"
        super().__init__(f"«{start}» no es una fecha posible: {reason}. {advice}".strip())
        self.reason, self.advice = reason, advice


@dataclass(frozen=True, slots=True)
class EDTF:
    """A date. `lower` and `upper` are its bounds at level 0: the same text for an exact date, empty
    where there is no bound."""

    text: str = ""
    lower: str = ""
    upper: str = ""

    @property
    def earliest(self) -> str:
        """First possible day, `YYYY-MM-DD`; `''` when there is no bound."""
        return self.lower + "-01-01"[len(self.lower) - 4 :] if self.lower else BEGINNING

    @property
    def latest(self) -> str:
        """Last possible day as in the generated column, where each month ends in `-31`;
        `9999-12-31` when there is no bound."""
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
        """`unknown`, `day`, `month`, `year`, `between`, `after` («then or later») or `before`
        («then or earlier»)."""
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

    @property
    def shared(self) -> str:
        """The day, month or year that contains both bounds, at level 0; empty if there is none:
        `[2017-02..2017-04]` is surely in `2017`."""
        lengths = (n for n in (10, 7, 4) if len(self.lower) >= n)
        return next((self.lower[:n] for n in lengths if self.lower[:n] == self.upper[:n]), "")

    def __bool__(self) -> bool:
        return bool(self.text)

    def __str__(self) -> str:
        """The date in Spanish, for use in a sentence: «entre agosto de 2011 y febrero de 2015»."""
        match self.kind:
            case "between":
                return between(self.lower, self.upper)
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


def between(first: str, last: str) -> str:
    """«entre agosto y octubre de 2011», «entre el 3 y el 5 de mayo de 2011»."""
    article = "el " if len(first) == 10 else ""
    return f"entre {article}{_before(first, last)} y {in_words(last, 'el ')}"


def span(first: str, last: str) -> str:
    """«del 5 al 7 de octubre de 2021», «de agosto de 2011 a febrero de 2015»."""
    start, end = "del" if len(first) == 10 else "de", "al" if len(last) == 10 else "a"
    return f"{start} {_before(first, last)} {end} {in_words(last)}"


def _before(first: str, last: str) -> str:
    """`first` in words, without the month and the year if `last` repeats them."""
    shared = first[: 7 if len(first) == len(last) == 10 and first[:7] == last[:7] else 4]
    is_repeated = min(len(first), len(last)) > 4 and last.startswith(shared)
    return in_words(first).removesuffix(f" de {in_words(shared)}" if is_repeated else "")


def reach_in_words(dates: Sequence[EDTF]) -> str:
    """The first and the last of a list of ordered dates: «del 11 de febrero a mayo de 2017, y sin
    fecha»."""
    known = [when.lower or when.upper for when in dates if when]
    undated = ["sin fecha"] if len(known) < len(dates) else []
    if not known:
        return ", ".join(undated)
    first, last = known[0], known[-1]
    return ", y ".join([of(first) if first == last else span(first, last), *undated])


@lru_cache(maxsize=4096)
def parse(text: str) -> EDTF:
    """EDTF text as a value, whose `text` has the bounds of a range at the finer of their two
    precisions; raises ImpossibleDate."""
    if not text:
        return EDTF()
    if text[0] != "[":
        _check(text, whole=text)
        return EDTF(text, text, text)
    lower, dots, upper = text[1:-1].partition("..")
    if text[-1] != "]" or not dots or not (lower or upper):
        raise ImpossibleDate(text, "se esperaba la forma [2012-08..2014-02], [2020..] o [..2020]")
    for part in filter(None, (lower, upper)):
        _check(part, whole=text)
    value = EDTF(text, lower, upper)
    if value.earliest > value.latest:
        raise ImpossibleDate(text, f"{in_words(lower)} no es anterior a {in_words(upper)}")
    if not lower or not upper or len(lower) == len(upper):
        return value
    finer = max(len(lower), len(upper))
    lower, upper = str(value.first_day)[:finer], str(value.last_day)[:finer]
    return EDTF(f"[{lower}..{upper}]", lower, upper)


def _check(level_0: str, whole: str) -> None:
    """Raises ImpossibleDate, with the `whole` text, unless `level_0` is in the calendar."""
    parts = _LEVEL_0.fullmatch(level_0)
    if not parts:
        raise ImpossibleDate(whole, "no se reconoce como día, mes o año")
    year, month, day = (int(part or 1) for part in parts.groups())
    if not year:
        raise ImpossibleDate(whole, "no hubo año 0")
    if not 1 <= month <= 12:
        raise ImpossibleDate(whole, f"no hay mes {month}; van de 1 a 12")
    days = monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise ImpossibleDate(whole, f"{in_words(level_0[:7])} tiene {days} días")
