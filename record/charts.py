"""The geometry of the charts: a date covers all the days that its source leaves possible.

`partials/_chart.html` draws the charts. x and widths are per cent of the chart's width; other
lengths are px, so that text keeps its size on a phone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import accumulate, chain
from math import ceil
from typing import Any
from unicodedata import east_asian_width

from dates.edtf import EDTF, MONTHS
from dates.periods import Period

BAR, THIN_BAR = 26, 12  # px
PHONE = 288  # px: the width of a chart on the narrowest phone
CONTESTED = "≠"  # before the name of a period about which sources disagree
LETTER, CAPITAL, WIDE_LETTER = 7.2, 10, 15  # px: average widths on the narrowest phone
STEPS = [step * 10**power for power in range(5) for step in (1, 2, 5)]  # years between hairlines
LEFTWARD, RIGHTWARD = ("before", "unsaid-start"), ("after", "open", "unsaid-end")
STUB = 44  # px: the length of a sign that says «or earlier» or «since when?», with its space
LEFT_ROOM, RIGHT_ROOM, LEAST = 12, 8, 6  # per cent: for signs without an end, for «until when?»

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
    """Text at `x` per cent plus `dx` px, with its baseline at `dy` px; `shown` may be
    only `narrow` or `wide` charts."""

    text: str
    x: float
    dx: float = 0
    dy: int = 20
    anchor: str = "start"
    shown: str = ""


@dataclass(slots=True)
class Row:
    """A period and its name; `contested` if sources disagree about it; `second` selects the second
    colour; `is_inside` a filter, if there is one. The chart sets the other fields; `y` is the top
    of the row."""

    name: str
    period: Period
    url: str = ""
    second: bool = False
    contested: bool = False
    ordered: bool = False
    number: int = 0
    is_inside: bool | None = None
    y: int = 0
    marks: list[Mark] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The name, after CONTESTED if sources disagree."""
        return f"{CONTESTED} {self.name}" if self.contested else self.name

    @property
    def is_cut(self) -> bool:
        """Whether a mark goes beyond the axis."""
        return any(mark.x < 0 or mark.end > 100 for mark in self.marks)

    @property
    def otherwise(self) -> str:
        return "; las fuentes no coinciden" if self.contested else ""


@dataclass(frozen=True, slots=True)
class Axis:
    """The days from `first` to the day before `end`, as ordinals, with hairlines at `lines` per
    cent. `until` is the day after the last day of the source."""

    first: int
    end: int
    lines: list[float] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    until: int = 0

    def x(self, day: int) -> float:
        return round(100 * (day - self.first) / (self.end - self.first), 3)

    def marks(self, stretches: Iterable[Stretch]) -> list[Mark]:
        """The marks of the stretches that are on the axis; if none is, an arrow to their side."""
        stretches = list(stretches)
        on_axis = [
            self._mark(kind, first, end)
            for kind, first, end in stretches
            if (first is None or first < self.end) and (end is None or end > self.first)
        ]
        if on_axis or not stretches:
            return on_axis
        is_earlier = (stretches[0][2] or self.end) <= self.first
        return [Mark("earlier", 0, 0) if is_earlier else Mark("later", 100, 100)]

    def _mark(self, kind: str, first: int | None, end: int | None) -> Mark:
        x, last = self.x(first or self.first), self.x(end or self.end)
        if kind in LEFTWARD:
            return Mark(kind, last, last)
        if kind == "unsaid-end":
            last = max(x, min(max(self.x(self.until), x + LEAST), 100 - LEAST / 2))
        return Mark(kind, x, x if kind == "after" else last)


@dataclass(frozen=True, slots=True)
class Bracket:
    """Consecutive rows with one possible span, which `mark` draws. `note` is the baseline of the
    words about it, None without room for them."""

    mark: Mark
    rows: list[Row]
    y: int
    height: int
    note: int | None = None


@dataclass(slots=True)
class Chart:
    """Rows, or columns if there are too many rows, drawn from `top` to `bottom`. `brackets` group
    rows, `bars` are the other rows, `undated` rows are off the axis. `limit` marks the last day of
    the source; arrows to the second row stand at `handover`."""

    id: str
    axis: Axis
    bar: int = BAR
    top: int = 18
    bottom: int = 30
    title: str = ""
    note: str = ""
    rows: list[Row] = field(default_factory=list)
    brackets: list[Bracket] = field(default_factory=list)
    bars: list[Row] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)
    undated: list[Row] = field(default_factory=list)
    limit: tuple[float, Label] | None = None
    handover: list[float] = field(default_factory=list)
    handover_name: Label | None = None

    @property
    def years(self) -> str:
        """«De 2011 a 2017»."""
        first, last = (date.fromordinal(d).year for d in (self.axis.first, self.axis.end - 1))
        return f"De {first} a {last}" if first < last else f"En {first}"

    @property
    def height(self) -> int:
        """With the labels of the axis."""
        return self.bottom + max((label.dy for label in self.axis.labels), default=0) + 6

    @property
    def is_in_order(self) -> bool:
        """Whether the order of all bracketed rows is known."""
        return all(row.ordered for bracket in self.brackets for row in bracket.rows)

    @property
    def is_filtered(self) -> bool:
        return any(row.is_inside is not None for row in chain(self.rows, self.undated))

    @property
    def signs(self) -> set[str]:
        """The kinds of marks in the key. A wedge also explains the solid bar."""
        drawn = {mark.kind for row in self.rows for mark in row.marks}
        drawn |= {"contested"} if any(row.contested for row in self.rows + self.undated) else set()
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


def fitted_axis(stretches: Iterable[Stretch], until: EDTF) -> Axis | None:
    """An axis of months if all days lie within twelve, else of years, wider where a sign without an
    end has no room; None without days. `until` is the last date of the source, at which the dashes
    of «until when?» end."""
    stretches, reach = list(stretches), ordinals(until)[1] or 0
    days = [day for _kind, first, end in stretches for day in (first, end and end - 1) if day]
    if not days:
        return None
    if any(kind == "unsaid-end" for kind, *_days in stretches):
        days.append(max(reach - 1, days[0]))
    first, last = date.fromordinal(min(days)), date.fromordinal(max(days))
    ends = first.year * 12 + first.month - 1, last.year * 12 + last.month - 1
    if ends[1] - ends[0] < 12:
        axis = _with_room(stretches, months_between, *ends, range(12, 10_000 * 12))
    else:
        axis = _with_room(stretches, years_between, first.year, last.year, range(1, 10_000))
    return replace(axis, until=reach)


def _with_room(
    stretches: list[Stretch],
    between: Callable[[int, int], Axis],
    first: int,
    last: int,
    possible: range,
) -> Axis:
    axis, more = between(first, last), 1 + (last - first) // 8
    starts = [axis.x(end) for kind, _first, end in stretches if kind in LEFTWARD and end]
    ends = [axis.x(start) for kind, start, _end in stretches if kind in RIGHTWARD and start]
    if min(starts, default=100) < LEFT_ROOM:
        first = max(first - more, possible[0])
    if max(ends, default=0) > 100 - RIGHT_ROOM:
        last = min(last + more, possible[-1])
    return between(first, last)


def years_between(first: int, last: int) -> Axis:
    step = next(step for step in STEPS if (last - first + 1) / step <= 8)
    labelled = range(ceil(first / step) * step, last + 1, step)
    axis = Axis(_month_start(first * 12), _month_start(last * 12 + 12))
    for year in labelled:
        x, right = axis.x(_month_start(year * 12)), axis.x(_month_start(year * 12 + 12))
        axis.lines.append(x)
        if step == 1:
            axis.labels.append(Label(str(year), (x + right) / 2, dy=16, anchor="middle"))
        elif x < 90:
            axis.labels.append(Label(str(year), x, dx=3, dy=16))
    return axis


def months_between(first: int, last: int) -> Axis:
    """An axis of months, given as `12 * year + month - 1`, with the years below."""
    axis = Axis(_month_start(first), _month_start(last + 1))
    for month in range(first, last + 1):
        x, right = axis.x(_month_start(month)), axis.x(_month_start(month + 1))
        axis.lines.append(x)
        shown = "wide" if last - first > 7 and (month - first) % 2 else ""
        name = Label(MONTHS[month % 12][:3], (x + right) / 2, 0, 16, "middle", shown)
        axis.labels.append(name)
        is_first = month == first and (month % 12 < 11 or first == last)
        if is_first or (month % 12 == 0 and x < 88):
            axis.labels.append(Label(str(month // 12), x, dx=3, dy=32))
    return axis


def _month_start(month: int) -> int:
    """The first day of a month as an ordinal; also of January 10000."""
    year, month = divmod(month, 12)
    return date(year, month + 1, 1).toordinal() if year <= 9999 else date.max.toordinal() + 1


def width(text: str) -> float:
    """The width of a label on the narrowest phone, in px."""
    return sum(map(_letter_width, text))


def _letter_width(letter: str) -> float:
    if east_asian_width(letter) in "WF":
        return WIDE_LETTER
    return CAPITAL if letter.isupper() else LETTER


def fit(text: str, room: float) -> str:
    """The text, cut to `room` px."""
    if width(text) <= room:
        return text
    ends = accumulate(map(_letter_width, text), initial=LETTER * 2)
    letters = sum(end <= room for end in ends) - 1
    return f"{text[: max(letters, 1)].rstrip()}…"
