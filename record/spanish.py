"""Reading dates as people write them: «agosto de 2011», «11/08/2011», «antes de 2015»…

What `str(EDTF)` writes, `read` reads back unchanged. What can be read in two ways is refused,
naming both.
"""

import re
from datetime import date, timedelta

from record.dates import EDTF, MONTHS, ImpossibleDate, parse
from record.text import collapse, fold

_MONTH_NUMBERS = {name: number for number, name in enumerate(MONTHS, 1)}
_MONTH_NUMBERS |= {name[:3]: number for name, number in _MONTH_NUMBERS.items()}
_MONTH_NUMBERS |= {"sept": 9, "setiembre": 9}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True)) + r")\.?"
_DAY = r"(?P<day>\d{1,2}|primero|1o|1\.o)"
_OF = r"(?: de)?(?: del?)?(?: ano)? "
_SIMPLE = [
    re.compile(pattern)
    for pattern in (
        r"(?:(?:el )?ano )?(?P<year>\d{4})",
        rf"{_MONTH}{_OF}(?P<year>\d{{4}})",
        rf"{_DAY}(?: de)? {_MONTH}{_OF}(?P<year>\d{{4}})",
        r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})",
        r"(?P<month>\d{1,2})[/-](?P<year>\d{4})",
        r"(?P<year>\d{4})[/-](?P<month>\d{1,2})(?:[/-](?P<day>\d{1,2}))?",
    )
]
_AFTERWARDS = r"(?: o (?:despues|mas tarde)|,? o (?:en )?adelante| en adelante)"
_NOT_BEFORE = re.compile(
    rf"(?:(?:desde|a partir de|de) )?(?P<date>.+?){_AFTERWARDS}|(?:no antes de|al menos hasta) (?P<only>.+)"
)
_NOT_AFTER = re.compile(
    r"(?:en )?(?P<date>.+?) o antes|(?:a mas tardar(?: en)?|no despues de) (?P<only>.+)"
)
_VAGUE = re.compile(
    r"(?:a |en |hacia |alrededor de )?(?:principios|inicios|comienzos|mediados|fines|finales|"
    r"hacia|alrededor)\b.*"
)


def read(written: str) -> EDTF:
    """EDTF or Spanish text as a value; raises ImpossibleDate. Empty text is the unknown date."""
    text = collapse(written).strip("«»\"'“”")
    if not text or re.fullmatch(r"\d{4}(-\d{2}){0,2}|\[.*", text, re.ASCII):
        return parse(text)
    return _read_spanish(_without_article(fold(text).rstrip(".")), written)


def _read_spanish(text: str, written: str) -> EDTF:
    if text.startswith("entre "):
        return _between(text.removeprefix("entre "), written)
    if found := _NOT_BEFORE.fullmatch(text):
        return parse(f"[{_level_0(found['date'] or found['only'], written)}..]")
    if found := _NOT_AFTER.fullmatch(text):
        return parse(f"[..{_level_0(found['date'] or found['only'], written)}]")
    if text.startswith("antes de"):
        return parse(f"[..{_neighbour(text.removeprefix('antes de'), -1, written)}]")
    if text.startswith("despues de"):
        return parse(f"[{_neighbour(text.removeprefix('despues de'), 1, written)}..]")
    _refuse_ambiguous(text, written)
    return parse(_level_0(text, written))


def _refuse_ambiguous(text: str, written: str) -> None:
    start, _, rest = text.partition(" ")
    if start in ("desde", "hasta") and rest:
        bound = "o después" if start == "desde" else "o antes"
        raise ImpossibleDate(
            written,
            f"puede leerse de dos maneras; escriba «{rest}» si fue entonces, "
            f"o «{rest} {bound}» si la fuente solo lo acota",
        )
    if _VAGUE.fullmatch(text):
        raise ImpossibleDate(
            written,
            "escriba aquí solo el mes o el año, y estas palabras junto a la fecha, "
            "en «palabras de la fuente»",
        )


def _between(text: str, written: str) -> EDTF:
    for place in re.finditer(" y ", text):
        lower, upper = text[: place.start()], text[place.end() :]
        upper_date = _level_0(upper, written)
        if not re.search(r"\d{4}", lower):  # «entre agosto y octubre de 2011»
            lower = f"{lower} de {upper_date[:4]}"
        return parse(f"[{_level_0(lower, written)}..{upper_date}]")
    raise ImpossibleDate(written, "después de «entre» se esperaban dos fechas unidas por «y»")


def _level_0(text: str, written: str) -> str:
    text = _without_article(text.strip())
    for pattern in _SIMPLE:
        if found := pattern.fullmatch(text):
            return _checked(found.groupdict(), written)
    if re.search(r"[/.-]\d{2}$", text):
        raise ImpossibleDate(written, "escriba el año con sus cuatro cifras")
    raise ImpossibleDate(written, "no se reconoce como día, mes o año")


def _checked(parts: dict[str, str | None], written: str) -> str:
    numbers = [parts["year"], parts.get("month"), parts.get("day")]
    text = "-".join(_two_digits(number) for number in numbers if number)
    try:
        return parse(text).text
    except ImpossibleDate as error:
        reason = str(error).split(": ", 1)[1].rsplit(". Escriba", 1)[0]
        raise ImpossibleDate(written, reason) from error


def _two_digits(number: str) -> str:
    if number in _MONTH_NUMBERS:
        number = str(_MONTH_NUMBERS[number])
    return "01" if number in ("primero", "1o", "1.o") else number.zfill(2)


def _neighbour(text: str, step: int, written: str) -> str:
    """The day, month or year next to the one written: «antes de 2015» ends with 2014."""
    text = _level_0(text.removeprefix("l "), written)  # «antes del 3 de mayo»
    year, *rest = (int(part) for part in text.split("-"))
    try:
        if not rest:
            return parse(f"{year + step:04}").text
        if len(rest) == 1:
            months = year * 12 + rest[0] - 1 + step
            return parse(f"{months // 12:04}-{months % 12 + 1:02}").text
        return (date(year, *rest) + timedelta(days=step)).isoformat()
    except (ImpossibleDate, OverflowError) as error:
        raise ImpossibleDate(written, "queda fuera de los años 1 a 9999") from error


def _without_article(text: str) -> str:
    return re.sub(r"^(?:el|en|l) (?=\S)", "", text)
