"""Reads dates as people write them: «agosto de 2011», «11/08/2011», «antes de 2015»…

`read` reads the text of `str(EDTF)` back unchanged. It refuses an ambiguous date and names both
readings.
"""

import re
from calendar import monthrange
from datetime import date, timedelta

from dates.edtf import (
    EDTF,
    MONTHS,
    ImpossibleDate,
    in_words,
    parse,
)
from dates.text import collapse, fold

LONGEST = 200  # characters of a written date
_MONTH_NUMBERS = {name: number for number, name in enumerate(MONTHS, 1)}
_MONTH_NUMBERS |= {name[:3]: number for name, number in _MONTH_NUMBERS.items()}
_MONTH_NUMBERS |= {"sept": 9, "setiembre": 9}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True)) + r")\.?"
_DAY = r"(?P<day>\d{1,2}|primero|1(?:\.?o|°|ro|er))"
_OF = r"(?: de)?(?: del?)?(?: ano)? "
_SIMPLE = [
    re.compile(pattern)
    for pattern in (
        r"(?:(?:el )?ano )?(?P<year>\d{4})",
        rf"{_MONTH}{_OF}(?P<year>\d{{4}})",
        rf"{_DAY}(?: de)? {_MONTH}{_OF}(?P<year>\d{{4}})",
        rf"(?:{_DAY}[/-])?{_MONTH}[/-](?P<year>\d{{4}})",
        r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})",
        r"(?P<month>\d{1,2})[/-](?P<year>\d{4})",
        r"(?P<year>\d{4})[/-](?P<month>\d{1,2})(?:[/-](?P<day>\d{1,2}))?",
    )
]
_AFTERWARDS = r"(?: o (?:despues|mas tarde)|,? o (?:en )?adelante| en adelante)"
_NOT_BEFORE = re.compile(
    rf"(?:(?:desde|a partir del?|de) )?(?P<date>.+?){_AFTERWARDS}"
    r"|(?:no antes del?|al menos hasta) (?P<only>.+)"
)
_NOT_AFTER = re.compile(
    r"(?:hasta )?(?P<date>.+?) o antes|(?:a mas tardar|no despues del?) (?P<only>.+)"
)
_BEFORE, _AFTER = re.compile(r"antes del? (.+)"), re.compile(r"despues del? (.+)")
_ONE_SIDED = re.compile(r"(?P<start>desde|a partir del?|hasta) (?P<date>.+)")
_SHORT_YEAR = re.compile(rf".*(?:[/.-]|\b{_MONTH}{_OF})\d{{2}}")
_NO_YEAR = re.compile(rf"(?:{_DAY}(?: de)? )?{_MONTH}")
_VAGUE = re.compile(
    r"(?:a |en |hacia |alrededor de )?(?:principios|inicios|comienzos|mediados|fines|finales|"
    r"hacia|alrededor)\b.*"
)


def read(written: str) -> EDTF:
    """EDTF or Spanish text as a value; raises ImpossibleDate. Empty text is the unknown date."""
    if len(written) > LONGEST:
        raise ImpossibleDate(written, "es demasiado larga")
    text = collapse(written).strip("«»\"'“” ")
    if not text or re.fullmatch(r"\d{4}(-\d{2}){0,2}|\[.*", text, re.ASCII):
        return parse(text.replace(" .. ", ".."))
    try:
        return parse(_edtf(fold(text).rstrip(".")))
    except ImpossibleDate as error:  # say the whole text, and not the part that failed
        raise ImpossibleDate(written, error.reason) from error


def _edtf(text: str) -> str:
    if text.startswith("entre "):
        return _between(text.removeprefix("entre "))
    if match := _NOT_BEFORE.fullmatch(text):
        return f"[{_level_0(match['date'] or match['only'])}..]"
    if match := _NOT_AFTER.fullmatch(text):
        return f"[..{_level_0(match['date'] or match['only'])}]"
    if match := _BEFORE.fullmatch(text):
        return f"[..{_neighbour(match[1], -1)}]"
    if match := _AFTER.fullmatch(text):
        return f"[{_neighbour(match[1], 1)}..]"
    _refuse_ambiguous(text)
    return _level_0(text)


def _refuse_ambiguous(text: str) -> None:
    if match := _ONE_SIDED.fullmatch(text):
        when = in_words(_level_0(match["date"]))
        bound = "o antes" if match["start"] == "hasta" else "o después"
        raise ImpossibleDate(
            text,
            f"puede leerse de dos maneras; escriba «{when}» si fue entonces, "
            f"o «{when} {bound}» si la fuente solo lo acota",
        )
    if _VAGUE.fullmatch(text):
        raise ImpossibleDate(
            text,
            "escriba aquí solo el mes o el año, y estas palabras junto a la fecha, "
            "en «palabras de la fuente»",
        )


def _between(text: str) -> str:
    lower, _, upper = text.partition(" y ")
    if not upper:
        raise ImpossibleDate(text, "después de «entre» se esperaban dos fechas unidas por «y»")
    until = _level_0(upper)
    return f"[{_level_0(_completed(lower, until))}..{until}]"


def _completed(lower: str, until: str) -> str:
    """Completes the first date of «entre … y …» from the second: «agosto» takes the year of
    «octubre de 2011», «3» the month of «5 de mayo de 2011»."""
    if re.search(r"\d{4}", lower):
        return lower
    day_of_month = re.fullmatch(rf"(?:el )?{_DAY}", lower) and until[4:]
    return f"{lower} de {in_words(until[:7] if day_of_month else until[:4])}"


def _level_0(text: str) -> str:
    text = re.sub(r"^(?:(?:el|en) )?(?:(?:el )?dia )?", "", text)
    for pattern in _SIMPLE:
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            numbers = [parts["year"], parts.get("month"), parts.get("day")]
            return parse("-".join(map(_digits, filter(None, numbers)))).text
    if _SHORT_YEAR.fullmatch(text):
        raise ImpossibleDate(text, "escriba el año con sus cuatro cifras")
    if _NO_YEAR.fullmatch(text):
        raise ImpossibleDate(text, "falta el año")
    raise ImpossibleDate(text, "no se reconoce como día, mes o año")


def _digits(number: str) -> str:
    if number in _MONTH_NUMBERS:
        return f"{_MONTH_NUMBERS[number]:02}"
    return number.zfill(2) if number.isdigit() else "01"  # «primero», «1.o», «1°»


def _neighbour(text: str, step: int) -> str:
    """The day, month or year before (`step` -1) or after (1) the written one: «antes de 2015» ends
    with 2014."""
    year, *rest = (int(part) for part in _level_0(text).split("-"))
    try:
        if not rest:
            return parse(f"{year + step:04}").text
        if len(rest) == 1:
            months = year * 12 + rest[0] - 1 + step
            return parse(f"{months // 12:04}-{months % 12 + 1:02}").text
        return (date(year, *rest) + timedelta(days=step)).isoformat()
    except (ImpossibleDate, OverflowError) as error:
        raise ImpossibleDate(text, "queda fuera de los años 1 a 9999") from error


def nearest(written: str) -> EDTF | None:
    """The possible date most like `written`: `2017-02-30` → `2017-02-28`; None without a year."""
    try:
        date = read(written)
        return parse(date.upper or date.lower) or None
    except ImpossibleDate:
        numbers = re.search(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", written, re.ASCII)
    if not numbers:
        return None
    year, month, day = (max(int(number or 1), 1) for number in numbers.groups())
    month = min(month, 12)
    day = min(day, monthrange(year, month)[1])
    precision = sum(number is not None for number in numbers.groups())
    return parse(f"{year:04}-{month:02}-{day:02}"[: (4, 7, 10)[precision - 1]])
