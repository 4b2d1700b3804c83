"""Years and spans of years, as in addresses: `2015`, or with the unspecified digits of EDTF `201X`
(a decade), `20XX` (a century) and `2XXX`."""

import re
from collections.abc import Iterable

MOST = 40  # spans in a list; more years are grouped into longer spans
SPAN = re.compile(r"\d{4}|\d{3}X|\d{2}XX|\dXXX", re.ASCII)


def bounds(span: str) -> tuple[int, int]:
    """The first and the last year of a span."""
    return int(span.replace("X", "0")), int(span.replace("X", "9"))


def days(span: str) -> tuple[str, str]:
    """Two texts, before and after all days of a span: `2015` → `2015`, `2015-99`."""
    return span.replace("X", "0"), f"{span.replace('X', '9')}-99"


def words(span: str) -> str:
    """«2015», «2010 a 2019»."""
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
