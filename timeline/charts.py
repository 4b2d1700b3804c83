"""The chart of a list of events: a row for each event or, for many events, a column for each
year or month."""

from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from dates.edtf import EDTF, in_words
from dates.text import by_sources
from record.charts import (
    PHONE,
    THIN_BAR,
    Axis,
    Chart,
    Row,
    event_stretches,
    fitted_axis,
    months_between,
    width,
    years_between,
)
from record.pages import counted
from record.proof import marked
from timeline import years

MOST_ROWS = 50
TOP, FOOT = 18, 138  # px: the top and the foot of the tallest column
NUMBERED = (("chart-name", PHONE), ("chart-name chart-wide", 2 * PHONE))
"""The classes of the number of a column, and the width of the chart in which it has room."""


def events_chart(
    events: Iterable[Any],
    in_list: Container[Any],
    until: EDTF,
    matching: Container[Any] | None = None,
) -> Chart | None:
    """The chart of the events, numbered in their order. Rows link to the list if their event is
    `in_list`; `matching` are the events inside the filter, if there is one; `until` is the last
    date of the sources."""
    rows = [
        Row(
            marked(event.title, event),
            event.period,
            f"#a{number}" if event in in_list else event.get_absolute_url(),
            contested=event.contested,
            number=number,
            is_inside=None if matching is None else event in matching,
        )
        for number, event in enumerate(events, 1)
    ]
    return rows_chart(rows, until)


def rows_chart(rows: list[Row], until: EDTF) -> Chart | None:
    """The chart of the rows, its axis fitted to the rows inside the filter; undated rows are off
    the axis. None if all are undated."""
    stretches = [event_stretches(row.period) for row in rows]
    shown = chain(
        *(days for row, days in zip(rows, stretches, strict=True) if row.is_inside is not False)
    )
    axis = fitted_axis(shown, until) or fitted_axis(chain(*stretches), until)
    if axis is None:
        return None
    for row, days in zip(rows, stretches, strict=True):
        row.marks = axis.marks(days)
    chart = Chart("conjunto", axis, THIN_BAR, top=0, bottom=0)
    chart.rows = [row for row in rows if row.marks]
    chart.undated = [row for row in rows if not row.marks]
    return chart


def columns_chart(
    counts: Mapping[str, Sequence[int]],
    undated: int = 0,
    url: str = "",
    noun: str = "acontecimiento",
) -> Chart | None:
    """A column for each year or month of `counts` (`2015` or `2015-02`: the numbers of records with
    an exact date and with bounds) or, if there are too many years, for each longer span. A column
    links to its records in the list at `url`. `2015-XX`, without a month, is off the axis."""
    undated += sum(sum(n) for span, n in counts.items() if span.endswith("-XX"))
    counts = {span: n for span, n in counts.items() if not span.endswith("-XX")}
    if not counts:
        return None
    sums: dict[str, list[int]] = {}
    unknown = years.between(min(counts)[:4], max(counts)[:4])[0].count("X")
    for span in sorted(counts):
        both = sums.setdefault(years.around(span, unknown) if unknown else span, [0, 0])
        both[:] = map(sum, zip(both, counts[span], strict=True))
    axis, places = _places(list(sums))
    chart = Chart("conjunto", axis, THIN_BAR, TOP, FOOT)
    tallest = max(map(sum, sums.values()))
    for (span, (dated, bounded)), (x, room) in zip(sums.items(), places, strict=True):
        column = _column(x, room, dated, bounded, tallest)
        column["label"] = in_words(span) if "-" in span else years.words(span)
        column["url"] = f"{url}{'&' if '?' in url else '?'}anio={span}"
        column["words"] = f"{column['label']}: {counted(dated + bounded, noun)}"
        if bounded:
            column["words"] += f", {bounded:,} con fecha acotada"
        column["shown"] = _shown(column, room, is_tallest=dated + bounded == tallest)
        chart.columns.append(column)
    is_by_month = "-" in min(sums)
    chart.title = f"{noun.capitalize()}s por {'mes' if is_by_month else 'año'}"
    if undated:
        where = by_sources("la fuente", "las fuentes")
        chart.note = f"Sin {'mes' if is_by_month else 'fecha'} en {where}: {undated:,}."
    return chart


def _shown(column: dict[str, Any], room: float, is_tallest: bool) -> str:
    """The classes of the number of a column; empty if it has no room, unless it is the tallest."""
    needed = width(column["number"])
    classes = (n for n, whole in NUMBERED if is_tallest or needed <= room * whole / 100)
    return next(classes, "")


def _places(spans: list[str]) -> tuple[Axis, list[tuple[float, float]]]:
    """The axis of the spans, and the x and the width of each."""
    if "-" in spans[0]:
        first, last = (int(span[:4]) * 12 + int(span[5:]) - 1 for span in (spans[0], spans[-1]))
        axis, room = months_between(first, last), 100 / (last + 1 - first)
        starts = [int(span[:4]) * 12 + int(span[5:]) - 1 for span in spans]
    else:
        (first, first_end), (_, last) = years.bounds(spans[0]), years.bounds(spans[-1])
        axis = years_between(max(first, 1), last)
        room = 100 * (first_end + 1 - first) / (last + 1 - first)
        starts = [years.bounds(span)[0] for span in spans]
    return axis, [(100 * (start - first) / (last + 1 - first), room) for start in starts]


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
        "anchor": "start" if x < 4 and width < 4 else "end" if x > 92 and width < 4 else "middle",
        "width": width,
        "dated": dated,
        "bounded": bounded,
        "number": f"{dated + bounded:,}",
        "y": y,
        "dated_y": dated_y,
        "heights": (FOOT - dated_y, dated_y - y),
    }
