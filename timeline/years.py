"""Years and longer spans of the timeline, as addresses have them: `2015`, and in the notation of
EDTF `201X`, `20XX`, `2XXX`, its decade, hundred and thousand."""

import re
from collections.abc import Iterable

MOST = 40  # side by side, before they are grouped into longer ones
SPAN = re.compile(r"\d{4}|\d{3}X|\d{2}XX|\dXXX", re.ASCII)


def is_span(text: str) -> bool:
    return bool(SPAN.fullmatch(text))


def first_year(span: str) -> int:
    return int(span.replace("X", "0"))


def length(span: str) -> int:
    """In years."""
    return 10 ** span.count("X")


def days(span: str) -> tuple[str, str]:
    """Two texts between which the days of a span sort, and none but these."""
    return span.replace("X", "0"), f"{span.replace('X', '9')}-99"


def words(span: str) -> str:
    """«2015», «2010 a 2019»."""
    first = first_year(span)
    return f"{first}" if span.isdigit() else f"{max(first, 1)} a {first + length(span) - 1}"


def around(year: str, unknown: int) -> str:
    """The span of `year` with so many digits left open."""
    return year[: 4 - unknown] + "X" * unknown


def between(first: str, last: str) -> list[str]:
    """From one year to another: years, or as long spans as it takes for them to be few."""
    unknown = next(n for n in range(4) if (int(last) - int(first)) / 10**n < MOST)
    starts = range(int(first) // 10**unknown, int(last) // 10**unknown + 1)
    return [around(f"{start * 10**unknown:04}", unknown) for start in starts]


def within(span: str) -> list[str]:
    """The ten next shorter spans of a span."""
    known = span.rstrip("X")
    return [f"{known}{digit}".ljust(4, "X") for digit in range(10)]


def offered(years: Iterable[str], chosen: str) -> list[str]:
    """What to choose among: spans for all `years`; once one is `chosen`, what narrows it down."""
    if "X" in chosen:
        return [chosen, *within(chosen)]
    known = [*years, *filter(None, [chosen])]
    top = between(min(known), max(known)) if known else []
    return within(around(chosen, 1)) if chosen and "X" in top[0] else top


def has(span: str, year: str) -> bool:
    return around(year, span.count("X")) == span
