"""The geometry of the charts: each date covers as much of the axis as its source leaves open.

`partials/_chart.html` draws it. x and widths are per cent of the chart's width, all else is px, so
that no text shrinks on a phone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from typing import Any

from dates.edtf import EDTF, MONTHS
from dates.periods import Period

BAR, THIN_BAR = 16, 12  # px
PHONE, WIDE = 288, 576  # px that a chart has on the narrowest phone, and where titles appear
LETTER = 7.2  # px of a letter of a label, on average
STEPS = [step * 10**power for power in range(5) for step in (1, 2, 5)]  # years between hairlines

Stretch = tuple[str, int | None, int | None]
"""A mark's kind, its first day and the day after its last: ordinals, None where nothing bounds."""


@dataclass(frozen=True, slots=True)
class Mark:
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
    """Words at `x` per cent and `dx` px, their baseline `dy` px below the top of the row's bar."""

    text: str
    x: float
    dx: float = 0
    dy: int = 13
    anchor: str = "start"


@dataclass(slots=True)
class Row:
    """A period with its name; `second` sets the second colour. A chart that draws it adds the rest;
    `y` is the top of its bar."""

    name: str
    period: Period
    url: str = ""
    second: bool = False
    y: int = 0
    marks: list[Mark] = field(default_factory=list)
    label: Label | None = None
    numeral: Label | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """From day `first` to the day before `end`, as ordinals; hairlines at `lines` per cent."""

    first: int
    end: int
    lines: list[float] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def x(self, day: int) -> float:
        return round(100 * min(max((day - self.first) / (self.end - self.first), 0), 1), 3)

    def marks(self, stretches: Iterable[Stretch]) -> list[Mark]:
        """The stretches, cut to the axis."""
        return [
            Mark(kind, 0 if first is None else self.x(first), 100 if end is None else self.x(end))
            for kind, first, end in stretches
            if (first is None or first < self.end) and (end is None or end > self.first)
        ]


@dataclass(slots=True)
class Chart:
    """Rows or, where they would be too many, columns, drawn from `top` to `bottom`. `undated` rows
    are off the axis; `limit` is the source's last day; at `handover` arrows lead to the second
    row."""

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
        """The kinds of marks that the key explains. A wedge explains the solid bar beside it."""
        drawn = {mark.kind for row in self.rows for mark in row.marks}
        has_wedge = drawn & {"month-start", "year-start", "month-end", "year-end"}
        return drawn - {"solid"} if has_wedge else drawn


def days_of(when: EDTF) -> tuple[int | None, int | None]:
    """Its first possible day and the day after its last one, as ordinals."""
    first, last = when.first_day, when.last_day
    return first and first.toordinal(), last and last.toordinal() + 1


def _edge(when: EDTF, side: str) -> list[Stretch]:
    """The stretch of a start or an end by itself. A day is sharp and has none."""
    kind = f"{when.kind}-{side}" if when.kind in ("month", "year") else when.kind
    return [(kind, *days_of(when))] if kind not in ("day", "after", "unknown") else []


def period_stretches(period: Period) -> list[Stretch]:
    """Solid from the last possible day of the start to the first possible one of the end."""
    (_, started), (ending, _) = days_of(period.start), days_of(period.end)
    if not period.has_certain_day:
        return _uncertain(period)
    since = started - 1 if period.start.kind == "day" else started
    until = ending + 1 if period.end.kind in ("day", "after") else ending
    solid: list[Stretch] = [("solid", since, until)] if since < until else []
    still: list[Stretch] = [("open", until, None)] if period.is_open else []
    return [*_edge(period.start, "start"), *solid, *_edge(period.end, "end"), *still]


def _uncertain(period: Period) -> list[Stretch]:
    """The stretches of a period with no certain day: all its room, or the known end."""
    (earliest, started), (ending, latest) = days_of(period.start), days_of(period.end)
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
    """An event without an end is the sign of its date; an unknown date has no sign."""
    if period.end:
        return period_stretches(period)
    return [(period.start.kind, *days_of(period.start))] if period.start else []


def year_axis(dates: Iterable[EDTF]) -> Axis | None:
    """Whole years, from the first to the last that a date names, with one more if the arrow of an
    open end has no room; None if no date names a year."""
    dates = list(dates)
    years = [int(part[:4]) for when in dates for part in (when.lower, when.upper) if part]
    if not years:
        return None
    axis = years_between(min(years), max(years))
    if any(axis.x(days_of(when)[0]) > 96 for when in dates if when.kind == "after"):
        more = 1 + (max(years) - min(years)) // 20
        return years_between(min(years), min(max(years) + more, date.max.year))
    return axis


def years_between(first: int, last: int) -> Axis:
    step = next(step for step in STEPS if (last - first + 1) / step <= 8)
    labelled = range(ceil(first / step) * step, last + 1, step)
    ticks = [(year * 12, year * 12 + 12, str(year)) for year in labelled]
    return _axis(first * 12, last * 12 + 12, ticks, beside=step > 1)


def months_between(first: int, last: int) -> Axis:
    """Months counted from the year 0: `12 * year + month - 1`."""
    ticks = [(month, month + 1, MONTHS[month % 12][:3]) for month in range(first, last + 1)]
    return _axis(first, last + 1, ticks)


def _axis(first: int, end: int, ticks: list[tuple[int, int, str]], beside: bool = False) -> Axis:
    axis = Axis(_month_start(first), _month_start(end))
    for start, until, text in ticks:
        x, right = axis.x(_month_start(start)), axis.x(_month_start(until))
        axis.lines.append(x)
        if not beside:
            axis.labels.append(Label(text, (x + right) / 2, anchor="middle"))
        elif x < 90:
            axis.labels.append(Label(text, x, dx=3))
    return axis


def _month_start(month: int) -> int:
    """As an ordinal, the month after the calendar's last included."""
    year, month = divmod(month, 12)
    return date(year, month + 1, 1).toordinal() if year <= 9999 else date.max.toordinal() + 1


def share(text: str) -> float:
    """The part of a phone's chart that a label takes, in per cent."""
    return 100 * len(text) * LETTER / PHONE


def fit(text: str, room: float) -> str:
    """The text, or as much of it as `room` px hold."""
    letters = max(int(room / LETTER), 2)
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"
