"""The geometry of the charts: a date covers all the days that its source leaves possible.

`partials/_chart.html` draws the charts. x and widths are per cent of the chart's width; other
lengths are px, so that text keeps its size on a phone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from typing import Any

from dates.edtf import EDTF, MONTHS
from dates.periods import Period

BAR, THIN_BAR = 16, 12  # px
PHONE, WIDE = 288, 576  # px: the width of a chart on the narrowest phone, and with titles
CONTESTED = "≠"  # before the name or number of a period about which sources disagree
LETTER = 7.2  # px: the average width of a letter
STEPS = [step * 10**power for power in range(5) for step in (1, 2, 5)]  # years between hairlines

Stretch = tuple[str, int | None, int | None]
"""The kind of a mark, its first day, and the day after its last one: ordinals, None if
unbounded."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A sign from `x` to `end` per cent."""

    kind: str
    x: float
    end: float

    @property
    def width(self) -> float:
        return round(self.end - self.x, 3)

    @property
    def middle(self) -> float:
        return round((self.x + self.end) / 2, 3)


@dataclass(frozen=True, slots=True)
class Label:
    """Text at `x` per cent plus `dx` px, with its baseline `dy` px below the top of the bar."""

    text: str
    x: float
    dx: float = 0
    dy: int = 13
    anchor: str = "start"


@dataclass(slots=True)
class Row:
    """A period and its name; `contested` if sources disagree about it; `second` selects the second
    colour. The chart sets the other fields; `y` is the top of the bar."""

    name: str
    period: Period
    url: str = ""
    second: bool = False
    contested: bool = False
    y: int = 0
    marks: list[Mark] = field(default_factory=list)
    label: Label | None = None
    numeral: Label | None = None

    def contest(self, text: object) -> str:
        """`text`, after CONTESTED if sources disagree."""
        return f"{CONTESTED} {text}" if self.contested else str(text)

    @property
    def otherwise(self) -> str:
        return "; las fuentes no coinciden" if self.contested else ""


@dataclass(frozen=True, slots=True)
class Axis:
    """The days from `first` to the day before `end`, as ordinals, with hairlines at `lines` per
    cent."""

    first: int
    end: int
    lines: list[float] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def x(self, day: int) -> float:
        return round(100 * min(max((day - self.first) / (self.end - self.first), 0), 1), 3)

    def marks(self, stretches: Iterable[Stretch]) -> list[Mark]:
        """The marks of the stretches, cut to the axis."""
        return [
            Mark(kind, 0 if first is None else self.x(first), 100 if end is None else self.x(end))
            for kind, first, end in stretches
            if (first is None or first < self.end) and (end is None or end > self.first)
        ]


@dataclass(slots=True)
class Chart:
    """Rows, or columns if there are too many rows, drawn from `top` to `bottom`. `undated` rows are
    off the axis; `limit` marks the last day of the source; arrows to the second row stand at
    `handover`."""

    id: str
    axis: Axis
    bar: int
    top: int
    bottom: int
    title: str = ""
    rows: list[Row] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    undated: list[Row] = field(default_factory=list)
    undated_words: str = ""
    limit: Label | None = None
    handover: list[float] = field(default_factory=list)
    handover_name: Label | None = None

    @property
    def years(self) -> str:
        """«De 2011 a 2017»."""
        first, last = (date.fromordinal(d).year for d in (self.axis.first, self.axis.end - 1))
        return f"De {first} a {last}" if first < last else f"En {first}"

    @property
    def signs(self) -> set[str]:
        """The kinds of marks in the key. A wedge also explains the solid bar."""
        drawn = {mark.kind for row in self.rows for mark in row.marks}
        drawn |= {"contested"} if any(row.contested for row in self.rows) else set()
        has_wedge = drawn & {"month-start", "year-start", "month-end", "year-end"}
        return drawn - {"solid"} if has_wedge else drawn


def ordinals(when: EDTF) -> tuple[int | None, int | None]:
    """The first possible day of a date and the day after the last one, as ordinals."""
    first, last = when.first_day, when.last_day
    return first.toordinal() if first else None, last.toordinal() + 1 if last else None


def _edge(when: EDTF, side: str) -> list[Stretch]:
    """The stretch of a start or an end. A day has no stretch."""
    kind = f"{when.kind}-{side}" if when.kind in ("month", "year") else when.kind
    return [(kind, *ordinals(when))] if kind not in ("day", "after", "unknown") else []


def period_stretches(period: Period) -> list[Stretch]:
    """Solid from the last possible day of the start to the first possible day of the end."""
    if not period.certain_days:
        return _uncertain(period)
    started, ending = (day.toordinal() for day in period.certain_days)
    started += 1
    since = started - 1 if period.start.kind == "day" else started
    until = ending + 1 if period.end.kind in ("day", "after") else ending
    solid: list[Stretch] = [("solid", since, until)] if since < until else []
    still: list[Stretch] = [("open", until, None)] if period.is_open else []
    return [*_edge(period.start, "start"), *solid, *_edge(period.end, "end"), *still]


def _uncertain(period: Period) -> list[Stretch]:
    """The stretches of a period without certain days: all its possible days, or its known end."""
    (earliest, started), (ending, latest) = ordinals(period.start), ordinals(period.end)
    if earliest is not None and latest is not None:
        return [("between", earliest, latest)]
    if latest is not None and (period.start or ending is None):
        return [("before", None, latest)]
    if period.start.kind == "after":
        return [("after", earliest, None)]
    if started is not None:
        day: list[Stretch] = [("solid", earliest, started)] * (period.start.kind == "day")
        return [*_edge(period.start, "start"), *day, ("unsaid-end", started, None)]
    if ending is None:
        return [("unknown", None, None)]
    if period.is_open:
        return [("unsaid-start", None, ending + 1), ("open", ending + 1, None)]
    day = [("solid", ending, latest)] * (period.end.kind == "day")
    return [("unsaid-start", None, ending), *day, *_edge(period.end, "end")]


def event_stretches(period: Period) -> list[Stretch]:
    """An event without an end is drawn as its date; an unknown date is not drawn."""
    if period.end:
        return period_stretches(period)
    return [(period.start.kind, *ordinals(period.start))] if period.start else []


def year_axis(dates: Iterable[EDTF]) -> Axis | None:
    """An axis of whole years, from the first to the last year of the dates, and a few more if the
    arrow of an open end has no room; None if all dates are unknown."""
    dates = list(dates)
    years = [int(part[:4]) for when in dates for part in (when.lower, when.upper) if part]
    if not years:
        return None
    axis = years_between(min(years), max(years))
    open_days = [when.first_day for when in dates if when.kind == "after"]
    if any(axis.x(day.toordinal()) > 96 for day in open_days if day):
        more = 1 + (max(years) - min(years)) // 20
        return years_between(min(years), min(max(years) + more, date.max.year))
    return axis


def years_between(first: int, last: int) -> Axis:
    step = next(step for step in STEPS if (last - first + 1) / step <= 8)
    labelled = range(ceil(first / step) * step, last + 1, step)
    ticks = [(year * 12, year * 12 + 12, str(year)) for year in labelled]
    return _axis(first * 12, last * 12 + 12, ticks, offset=step > 1)


def months_between(first: int, last: int) -> Axis:
    """An axis of months, given as `12 * year + month - 1`."""
    ticks = [(month, month + 1, MONTHS[month % 12][:3]) for month in range(first, last + 1)]
    return _axis(first, last + 1, ticks)


def _axis(first: int, end: int, ticks: list[tuple[int, int, str]], offset: bool = False) -> Axis:
    axis = Axis(_month_start(first), _month_start(end))
    for start, until, text in ticks:
        x, right = axis.x(_month_start(start)), axis.x(_month_start(until))
        axis.lines.append(x)
        if not offset:
            axis.labels.append(Label(text, (x + right) / 2, anchor="middle"))
        elif x < 90:
            axis.labels.append(Label(text, x, dx=3))
    return axis


def _month_start(month: int) -> int:
    """The first day of a month as an ordinal; also of January 10000."""
    year, month = divmod(month, 12)
    return date(year, month + 1, 1).toordinal() if year <= 9999 else date.max.toordinal() + 1


def share(text: str) -> float:
    """The width of a label on a phone, in per cent of the chart."""
    return 100 * len(text) * LETTER / PHONE


def fit(text: str, room: float) -> str:
    """The text, cut to `room` px."""
    letters = max(int(room / LETTER), 2)
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"
