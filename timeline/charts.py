"""The chart of a list of events: a row for each event or, for many events, a column for each
year."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse

from record.charts import (
    LETTER,
    PHONE,
    THIN_BAR,
    WIDE,
    Chart,
    Label,
    Mark,
    Row,
    event_stretches,
    fit,
    year_axis,
    years_between,
)
from record.proof import marked, with_proof
from timeline import years
from timeline.models import Event, EventQuerySet

MOST_ROWS, MOST_NUMBERS = 50, 12
ROW, TOP, FOOT = 24, 18, 158  # px: the height of a row, the top and the foot of the tallest column
DIGIT, GAP, BASE = 8, 10, 10  # px: the width of a digit, a gap, the baseline of a row
TO_THE_LEFT, TO_THE_RIGHT = ("before", "unsaid-start"), ("after", "open", "unsaid-end")


def overview_chart(events: EventQuerySet) -> Chart | None:
    """The chart of all `events`; None if all are undated."""
    counts = events.counts_by_year()
    if sum(map(sum, counts.values())) <= MOST_ROWS:
        rows = with_proof(events.by_time()).select_related(None)
        return events_chart(rows.only("slug", "title", "start", "end"))
    undated = sum(counts.pop("", ()))
    return columns_chart(counts, undated, reverse("timeline:event_list"))


def events_chart(events: Iterable[Event]) -> Chart | None:
    rows = [
        Row(marked(e.title, e), e.period, e.get_absolute_url(), contested=e.contested)
        for e in events
    ]
    return rows_chart(rows)


def rows_chart(rows: list[Row]) -> Chart | None:
    """The chart of the rows, numbered in their order; undated rows are last and off the axis."""
    axis = year_axis(when for row in rows for when in (row.period.start, row.period.end))
    if axis is None:
        return None
    chart = Chart("conjunto", axis, THIN_BAR, top=0, bottom=4)
    for row in rows:
        row.marks = axis.marks(event_stretches(row.period))
    chart.rows = [row for row in rows if row.marks]
    chart.undated = [row for row in rows if not row.marks]
    for number, row in enumerate(chart.rows, 1):
        row.label, row.numeral = _labels(row.name, row.contest(number), row.marks)
        row.y = chart.bottom + 6
        chart.bottom += ROW
    return chart


def _labels(title: str, number: str, marks: list[Mark]) -> tuple[Label, Label]:
    """The title and the number: after the marks or before them, if the title has room there, else
    within the marks."""
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
    """The number of a row whose title is within the marks, which go from `left` to `right` per
    cent: after the marks or before them if a phone has room there, else within."""
    needed = 100 * (GAP + DIGIT * len(number)) / PHONE
    if right <= 100 - needed:
        return Label(number, right, GAP, BASE)
    return Label(number, left, *((-GAP, BASE, "end") if left >= needed else (GAP, BASE)))


def columns_chart(
    counts: Mapping[str, Sequence[int]], undated: int = 0, url: str = ""
) -> Chart | None:
    """A column for each year of `counts` (numbers of events with an exact date and with bounds) or,
    if there are too many years, for each longer span. A column links to its events in the list at
    `url`."""
    if not counts:
        return None
    sums: dict[str, list[int]] = {}
    unknown = years.between(min(counts), max(counts))[0].count("X")
    for year in sorted(counts):
        both = sums.setdefault(years.around(year, unknown), [0, 0])
        both[:] = map(sum, zip(both, counts[year], strict=True))
    (first, _), (_, last) = years.bounds(min(sums)), years.bounds(max(sums))
    chart = Chart("conjunto", years_between(max(first, 1), last), THIN_BAR, TOP, FOOT)
    tallest, width = max(map(sum, sums.values())), 100 * 10**unknown / (last + 1 - first)
    for span, (dated, bounded) in sums.items():
        x = 100 * (years.bounds(span)[0] - first) / (last + 1 - first)
        column = _column(x, width, dated, bounded, tallest)
        column["label"] = years.words(span)
        column["url"] = f"{url}{'&' if '?' in url else '?'}anio={span}"
        column["numbered"] = len(sums) <= MOST_NUMBERS or dated + bounded == tallest
        chart.columns.append(column)
    chart.undated_words = f"{undated:,}" if undated else ""
    return chart


def _column(x: float, width: float, dated: int, bounded: int, tallest: int) -> dict[str, Any]:
    """The column of a span, with a margin of a tenth of the width on each side: the bar of
    `bounded` events from `y` to `dated_y`, above the bar of `dated` events."""
    x, width = round(x + width / 10, 3), round(width * 0.8, 3)
    dated_y, y = (
        round(FOOT - (FOOT - TOP) * number / tallest, 2) for number in (dated, dated + bounded)
    )
    return {
        "x": x,
        "middle": round(x + width / 2, 3),
        "width": width,
        "dated": dated,
        "bounded": bounded,
        "number": f"{dated + bounded:,}",
        "y": y,
        "dated_y": dated_y,
        "heights": (FOOT - dated_y, dated_y - y),
    }
