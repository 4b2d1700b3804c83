"""Reads dates as people write them: «agosto de 2011», «11/08/2011», «antes de 2015»…

`read` reads the text of `str(EDTF)` back unchanged. It refuses an ambiguous date and names both
readings. `span_in` reads two dates of a text that says from when to when: «3-5 de mayo de 2017».
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
_MONTH_NUMBERS |= {"febr": 2, "mzo": 3, "agto": 8, "sept": 9, "set": 9, "setiembre": 9}
_MONTH = "(?P<month>" + "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True)) + r")\.?"
_DAY = r"(?P<day>\d{1,2}|primero|1(?:\.?o|°|ro|er))"
_OF = r"(?:, ?| )(?:del? )?(?:(?:el )?ano )?"
_WEEKDAYS = "lunes martes miércoles jueves viernes sábado domingo".split()
_WEEKDAY = (
    r"(?:lun(?:es)?|mar(?:tes)?|mie(?:r|rc|rcoles)?|jue(?:v|ves)?|vie(?:r|rnes)?|sab(?:ado)?"
    r"|dom(?:ingo)?)"
)
_SIMPLE = [
    re.compile(pattern)
    for pattern in (
        r"(?:(?:el )?ano )?(?P<year>\d{4})",
        rf"{_MONTH}{_OF}(?P<year>\d{{4}})",
        rf"{_DAY}(?: de)? {_MONTH}{_OF}(?P<year>\d{{4}})",
        rf"{_MONTH} {_DAY}{_OF}(?P<year>\d{{4}})",
        rf"(?:{_DAY}[/-])?{_MONTH}[/-](?P<year>\d{{4}})",
        r"(?P<day>\d{1,2})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<year>\d{4})",
        r"(?P<month>\d{1,2})[/-](?P<year>\d{4})",
        r"(?P<year>\d{4})(?P<mark>[/-])(?P<month>\d{1,2})(?:(?P=mark)(?P<day>\d{1,2}))?",
    )
]
AFTERWARDS = r"(?: o (?:despues|mas tarde)|,? o (?:en )?adelante| en adelante)"
_NOT_BEFORE = re.compile(
    rf"(?:(?:desde|a partir del?|de) )?(?P<date>.+?){AFTERWARDS}"
    r"|(?:no antes del?|al menos hasta) (?P<only>.+)"
)
_NOT_AFTER = re.compile(
    r"(?:hasta )?(?P<date>.+?) o antes|(?:a mas tardar|no despues del?) (?P<only>.+)"
)
_BEFORE, _AFTER = re.compile(r"antes del? (.+)"), re.compile(r"despues del? (.+)")
_ONE_SIDED = re.compile(r"(?P<start>desde|a partir del?|hasta) (?P<date>.+)")
_DAY_OF_MONTH = re.compile(rf"(?:el )?(?:{_WEEKDAY}[., ]+)?{_DAY}")
_WITH_WEEKDAY = re.compile(
    rf"(?:(?P<first>{_WEEKDAY})[., ]+)?(?P<date>.+?)(?:,? \(?(?P<last>{_WEEKDAY})\.?\)?)?"
)
_WITH_TIME = re.compile(r"(?P<date>.+?)(?:t|,? (?:a las )?)(?P<time>\d{1,2}:\d{2}.*)")
# The time that programs write beside a day without a time; Excel in Spanish: «12:00:00 a. m.».
_MIDNIGHT = re.compile(
    r"(?:0?0:00(?::00(?:[.,]0+)?)?|12:00(?::00)? ?a\.? ?m\.?)"
    r"(?: ?(?:h|hrs?|horas)\.?)?(?: ?(?:z|utc|gmt|[+-]\d\d:?\d\d))?"
)
_DASH = "[-\u2010-\u2015]"
_SPAN = [
    re.compile(pattern)
    for pattern in (
        r"(?:desde|del?) (?P<first>.+?) (?:hasta|al?) (?P<last>.+)",
        r"(?P<first>.*\d.*?|[a-z.]+) (?:al?|hasta) (?P<last>.+)",
        rf"(?P<first>.+?) {_DASH} (?P<last>.+)",
        rf"(?:del? )?(?P<first>\d{{1,2}}) ?{_DASH} ?(?P<last>\d{{1,2}} .+)",
        rf"(?P<first>\d{{4}}) ?{_DASH} ?(?P<last>\d{{4}})",
        rf"(?P<first>{_MONTH}) ?{_DASH} ?(?P<last>[a-z]+{_OF}\d{{4}})",
        r"(?P<first>\d{4}-\d\d(?:-\d\d)?)/(?P<last>\d{4}-\d\d(?:-\d\d)?)",
    )
]
_SEVERAL = re.compile(r"(?:(?:el|los) )?(?:dias? )?[^,]+(?:, [^,]+)*,? [ye] .+")
_UNSAID = re.compile(
    r"(?:(?:la )?fecha )?(?:s ?[fd]|n ?[adce]|x+(?: x+)*|0+(?: 0+)*|null|none|nan|nat|ningun[ao]?"
    r"|pendiente|por (?:definir|confirmar)|(?:se )?(?:desconoc|ignora)\w*|sin \D+"
    r"|(?:la fuente )?no (?!antes|despues)\D+)?"
)
_SHORT_YEAR = re.compile(rf"(?!.*\d{{4}}).*(?:[/.-]|\b{_MONTH}{_OF})\d{{2}}")
_NO_YEAR = re.compile(rf"(?:{_DAY}(?: de)? )?{_MONTH}")
_VAGUE = re.compile(
    r"(?:a |en |hacia |alrededor de )?(?:principios|inicios|comienzos|mediados|fines|finales|"
    r"hacia|alrededor)\b.*"
)


IN_TEXT = re.compile(
    rf"(?<![\w/.-])(?:(?:{_DAY} de )?(?:{_MONTH}){_OF})?(?P<year>[12]\d{{3}})(?![\w/-])"
)


def dates_in(text: str) -> list[EDTF]:
    """The days, months and years that a running text says in words: «11 de febrero de 2017»."""
    found = (_simple(match[0]) for match in IN_TEXT.finditer(fold(collapse(text))))
    return [parse(level_0) for level_0 in found if level_0]


def _in_numbers(first: str, second: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\d/.-])({first})([/.-])({second})\2(?:\d{{4}}|\d\d)(?!\d)")


_TO_12, _FROM_13 = r"0?[1-9]|1[0-2]", r"1[3-9]|2\d|3[01]"
MONTH_FIRST, DAY_FIRST = _in_numbers(_TO_12, _FROM_13), _in_numbers(_FROM_13, _TO_12)
"""The dates in numbers that have one reading: «10/24/2016» and «24/10/2016»."""
_EITHER = _in_numbers(_TO_12, _TO_12)


def readings_of(written: str) -> tuple[str, ...]:
    """Both days that a date in numbers may be, without the year: «10/9/2016»."""
    match = _EITHER.search(written)
    day, month = (int(match[1]), int(match[3])) if match else (0, 0)
    pairs = ((day, month), (month, day)) if day != month else ()
    return tuple(f"el {number} de {MONTHS[place - 1]}" for number, place in pairs)


class SeveralDates(ImpossibleDate):
    """The text says from when to when: `first` and `last`, where a field holds one date."""

    def __init__(self, text: str, first: str, last: str) -> None:
        self.first, self.last = parse(first), parse(last)
        super().__init__(
            text,
            "son varias fechas, y aquí cabe una",
            f"Si duró, escriba «{self.first}» en el inicio y «{self.last}» en el fin; si fue en "
            f"una de ellas y la fuente no dice en cuál, «{parse(f'[{first}..{last}]')}».",
        )


def span_in(written: str) -> SeveralDates | None:
    """The first and the last date of a text that says from when to when; None for other texts."""
    try:
        read(written)
    except ImpossibleDate as error:
        return error if isinstance(error, SeveralDates) else None
    return None


def read(written: str) -> EDTF:
    """EDTF or Spanish text as a value; raises ImpossibleDate. Empty text is the unknown date."""
    if len(written) > LONGEST:
        raise ImpossibleDate(written, "es demasiado larga")
    text = collapse(written).strip("«»\"'“” ")
    if not text or re.fullmatch(r"\d{4}(-\d{2}){0,2}|\[.*", text, re.ASCII):
        return parse(text.replace(" .. ", ".."))
    try:
        return parse(_edtf(fold(text).rstrip(".")))
    except SeveralDates:
        raise
    except ImpossibleDate as error:  # say the whole text, and not the part that failed
        if _UNSAID.fullmatch(" ".join(re.findall(r"\w+", fold(text)))):
            unsaid = "si la fuente no dice la fecha, déjela vacía"
            raise ImpossibleDate(written, unsaid, advice="") from error
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
    if (level_0 := _simple(text)) is None:
        _refuse_span(text)
        _refuse_ambiguous(text)
    return level_0 or _level_0(text)


def _refuse_span(text: str) -> None:
    """Raises SeveralDates for a text of two dates, or of dates that follow each other, and
    ImpossibleDate for dates that do not."""
    for pattern in _SPAN:
        if match := pattern.fullmatch(text):
            last = _level_0(match["last"])
            first = _level_0(_completed(match["first"], last))
            if parse(first).earliest >= parse(last).latest:
                raise ImpossibleDate(text, f"{in_words(first)} no es anterior a {in_words(last)}")
            raise SeveralDates(text, first, last)
    if _SEVERAL.fullmatch(text):
        *before, upper = re.split(r",? [ye] |, ", re.sub(r"^(?:(?:el|los) )?(?:dias? )?", "", text))
        last = _level_0(upper)
        dates = [*(_level_0(_completed(part, last)) for part in before), last]
        if any(_neighbour(dates[i], 1) != later for i, later in enumerate(dates[1:])):
            raise ImpossibleDate(text, "son fechas separadas; haga un registro de cada una")
        raise SeveralDates(text, dates[0], last)


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
    day_of_month = _DAY_OF_MONTH.fullmatch(lower) and until[7:]
    return f"{lower} de {in_words(until[:7] if day_of_month else until[:4])}"


def _level_0(text: str) -> str:
    if level_0 := _simple(text) or _without_time(text) or _without_weekday(text):
        return level_0
    if _SHORT_YEAR.fullmatch(text):
        raise ImpossibleDate(text, "escriba el año con sus cuatro cifras")
    if _NO_YEAR.fullmatch(text):
        raise ImpossibleDate(text, "falta el año")
    raise ImpossibleDate(text, "no se reconoce como día, mes o año")


def _simple(text: str) -> str | None:
    """A day, a month or a year; None for any other text."""
    text = re.sub(r"^(?:(?:el|en) )?(?:(?:el )?dia )?", "", text)
    for pattern in _SIMPLE:
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            numbers = [parts["year"], parts.get("month"), parts.get("day")]
            return parse("-".join(map(_digits, filter(None, numbers)))).text
    return None


def _without_time(text: str) -> str | None:
    """The day before a time of zero."""
    match = _WITH_TIME.fullmatch(text)
    day = match and (_simple(match["date"]) or _without_weekday(match["date"]))
    if not match or not day or len(day) < 10:
        return None
    if not _MIDNIGHT.fullmatch(match["time"]):
        raise ImpossibleDate(text, f"aquí va solo el día, sin la hora: «{in_words(day)}»")
    return day


def _without_weekday(text: str) -> str | None:
    """The day beside its day of the week, which the calendar must confirm."""
    match = _WITH_WEEKDAY.fullmatch(re.sub(r"^(?:el )?(?:dia )?", "", text))
    day = match and _simple(match["date"])
    if not match or not day or len(day) < 10:
        return None
    weekday = _WEEKDAYS[date.fromisoformat(day).weekday()]
    for name in filter(None, match.group("first", "last")):
        if name[:3] != fold(weekday)[:3]:
            written = next(w for w in _WEEKDAYS if fold(w).startswith(name[:3]))
            raise ImpossibleDate(text, f"el {in_words(day)} cae en {weekday}, no en {written}")
    return day


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
