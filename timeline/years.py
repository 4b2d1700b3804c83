"""Years and spans of years, as in addresses: `2015`, or with the unspecified digits of EDTF `201X`
(a decade), `20XX` (a century) and `2XXX`; and months: `2015-02`, or `2015-XX` for the dates of a
year whose month no source says."""

import re
from collections.abc import Iterable

from django.db.models import Q

from dates.edtf import MONTHS

MOST = 40  # spans in a list; more years are grouped into longer spans
SPAN = re.compile(r"\d{4}(-(0[1-9]|1[0-2]|XX))?|\d{3}X|\d{2}XX|\dXXX", re.ASCII)


def bounds(span: str) -> tuple[int, int]:
    """The first and the last year of a span."""
    return int(span.replace("X", "0")), int(span.replace("X", "9"))


def days(span: str) -> tuple[str, str]:
    """Two texts, before and after all days of a span: `2015` → `2015`, `2015-99`."""
    return span.replace("X", "0"), f"{span.replace('X', '9')}-99"


def within(span: str, field: str) -> Q:
    """The condition that the date `field` of a record is in a span, by its `sort_day`."""
    year, _, month = span.partition("-")
    first, last = days(year if month == "XX" else span)
    condition, unsaid = Q(sort_day__gte=first, sort_day__lt=last), without_month(year, field)
    if not month:
        return condition
    return condition & (unsaid if month == "XX" else ~unsaid)


def without_month(year: str, field: str) -> Q:
    """The condition that the bound by which a date of `year` is sorted says no month."""
    bounded = Q(**{f"{field}__startswith": f"[{year}.."})
    return bounded | Q(**{f"{field}__in": (year, f"[..{year}]")})


def month_words(span: str) -> str:
    """«febrero», «sin mes»."""
    month = span.partition("-")[2]
    return "sin mes" if month == "XX" else MONTHS[int(month) - 1]


def words(span: str) -> str:
    """«2015», «2010 a 2019», «febrero de 2015», «2015, sin mes»."""
    if "-" in span:
        year, month = span[:4], month_words(span)
        return f"{year}, {month}" if span.endswith("XX") else f"{month} de {year}"
    first, last = bounds(span)
    return span if span.isdigit() else f"{max(first, 1)} a {last}"


def around(year: str, unknown: int) -> str:
    """The span of `year` with its last `unknown` digits unspecified."""
    return year[: 4 - unknown] + "X" * unknown


def has(span: str, year: str) -> bool:
    return around(year, span.count("X")) == span


def between(first: str, last: str) -> list[str]:
    """All spans from the year `first` to `last`, of the shortest length that gives fewer than
    MOST."""
    unknown = next(n for n in range(4) if (int(last) - int(first)) / 10**n < MOST)
    starts = range(int(first) // 10**unknown, int(last) // 10**unknown + 1)
    return [around(f"{start * 10**unknown:04}", unknown) for start in starts]


def offered(years: Iterable[str], chosen: str) -> list[str]:
    """The spans of the filter: all `years`, or the shorter spans of the `chosen` span."""
    if "X" in chosen:
        return [chosen, *_shorter(chosen)]
    known = [*years, *filter(None, [chosen])]
    spans = between(min(known), max(known)) if known else []
    return _shorter(around(chosen, 1)) if chosen and "X" in spans[0] else spans


def _shorter(span: str) -> list[str]:
    """`201X` → `2010` to `2019`."""
    known = span.rstrip("X")
    return [f"{known}{digit}".ljust(4, "X") for digit in range(10)]
