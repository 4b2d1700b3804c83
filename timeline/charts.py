"""The timeline at a glance: a row per event or, where they would be too many, a count per year."""

from dataclasses import dataclass

from record.charts import (
    LETTER,
    PHONE,
    THIN_BAR,
    WIDE,
    Chart,
    Entry,
    Label,
    Mark,
    Row,
    event_stretches,
    fit,
    year_axis,
    years_between,
)
from timeline.models import EventQuerySet

MOST_ROWS, MOST_COLUMNS, MOST_NUMBERS = 60, 40, 12
ROW, TOP, FOOT = 24, 18, 158  # px of a row's height, and where the tallest column begins and ends
DIGIT, GAP, BASE = 8, 10, 10  # px of a digit's width, between things, of a row's baseline
TO_THE_LEFT, TO_THE_RIGHT = ("before", "unsaid-start"), ("after", "open", "unsaid-end")


@dataclass(frozen=True, slots=True)
class Column:
    """How many in a year or more; those whose date is only bounded stand upon the others."""

    label: str
    x: float
    width: float
    dated: int
    bounded: int
    dated_y: float
    y: float
    numbered: bool

    @property
    def total(self) -> int:
        return self.dated + self.bounded

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def dated_height(self) -> float:
        return FOOT - self.dated_y

    @property
    def bounded_height(self) -> float:
        return self.dated_y - self.y

    @property
    def number_y(self) -> float:
        return self.y - 4


def overview_chart(events: EventQuerySet, count: int) -> Chart | None:
    """Of `count` events, more or less; None when none has a date. One query, however many."""
    if count > MOST_ROWS:
        return columns_chart(events.counts_by_year())
    rows = events.by_time().only("slug", "title", "start", "end")[:MOST_ROWS]
    return rows_chart([Entry(row.title, row.period, row.get_absolute_url()) for row in rows])


def rows_chart(entries: list[Entry]) -> Chart | None:
    """In the order given, numbered through, the undated last and off the axis."""
    axis = year_axis(when for entry in entries for when in (entry.period.start, entry.period.end))
    if axis is None:
        return None
    chart = Chart("conjunto", axis, THIN_BAR, top=0, bottom=4)
    undated = [entry for entry in entries if not event_stretches(entry.period)]
    for number, entry in enumerate((e for e in entries if e not in undated), 1):
        marks = axis.marks(event_stretches(entry.period))
        labels = _labels(entry.name, str(number), marks)
        chart.rows.append(Row(entry, number, chart.bottom + 6, marks, *labels))
        chart.bottom += ROW
    chart.undated = list(enumerate(undated, len(chart.rows) + 1))
    return chart


def _labels(title: str, number: str, marks: list[Mark]) -> tuple[Label, Label]:
    """Title and number after the signs or before them, where the title has room; else within."""
    left = min(mark.end if mark.kind in TO_THE_LEFT else mark.x for mark in marks)
    right = max(mark.x if mark.kind in TO_THE_RIGHT else mark.end for mark in marks)
    goes_on = any(mark.kind in TO_THE_RIGHT for mark in marks)
    gap, needed = GAP * 2 + DIGIT * len(number), len(title) * LETTER
    before, after = left * WIDE / 100 - gap, 0 if goes_on else (100 - right) * WIDE / 100 - gap
    within = (right - left) * WIDE / 100 - gap - GAP
    if needed > max(before, after) and within > max(before, after):
        numeral = _numeral(number, left, right)
        return Label(fit(title, within), left, gap if numeral.dx > 0 else GAP, BASE), numeral
    if after >= needed or after > before:
        return Label(fit(title, after), right, gap, BASE), Label(number, right, GAP, BASE)
    name = Label(fit(title, before), left, -gap, BASE, "end")
    return name, Label(number, left, -GAP, BASE, "end")


def _numeral(number: str, left: float, right: float) -> Label:
    """The number of what has its title within: before or after it where a phone has room."""
    needed = 100 * (GAP + DIGIT * len(number)) / PHONE
    if right <= 100 - needed:
        return Label(number, right, GAP, BASE)
    return Label(number, left, *((-GAP, BASE, "end") if left >= needed else (GAP, BASE)))


def columns_chart(counts: dict[str, tuple[int, int]]) -> Chart | None:
    """A column per year or, where these would be too many, per decade, century or millennium."""
    years = sorted(int(year) for year in counts if year)
    if not years:
        return None
    span = next(s for s in (1, 10, 100, 1000) if (years[-1] - years[0]) / s < MOST_COLUMNS)
    sums = {start: [0, 0] for start in dict.fromkeys(year // span * span for year in years)}
    for year in years:
        for kind, count in enumerate(counts[f"{year:04}"]):
            sums[year // span * span][kind] += count
    first, last = min(sums), max(sums) + span
    chart = Chart("conjunto", years_between(max(first, 1), last - 1), THIN_BAR, TOP, FOOT)
    chart.columns = _columns(sums, first, last, span)
    chart.undated_count = sum(counts.get("", ()))
    return chart


def _columns(sums: dict[int, list[int]], first: int, last: int, span: int) -> list[Column]:
    """Of the same width, a tenth of it free on each side; the tallest is numbered, all if few."""
    tallest, width = max(map(sum, sums.values())), 100 * span / (last - first)
    columns = []
    for start, (dated, bounded) in sums.items():
        label = f"{start}" if span == 1 else f"{start} a {start + span - 1}"
        x, unit = (start - first) / span * width + width / 10, (FOOT - TOP) / tallest
        numbered = len(sums) <= MOST_NUMBERS or dated + bounded == tallest
        tops = (round(FOOT - unit * n, 2) for n in (dated, dated + bounded))
        columns.append(
            Column(label, round(x, 3), round(width * 0.8, 3), dated, bounded, *tops, numbered)
        )
    return columns
