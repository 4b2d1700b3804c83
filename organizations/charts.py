"""Charts of the rotation and of replacements, with a row for each period; the ruler of a date."""

from dataclasses import replace
from datetime import date
from itertools import chain, groupby
from typing import Any

from django.utils.text import capfirst

from dates.edtf import EDTF, MONTHS
from dates.periods import Period
from dates.text import by_sources
from record.charts import (
    BAR,
    LEFTWARD,
    PHONE,
    RIGHTWARD,
    STUB,
    THIN_BAR,
    Axis,
    Bracket,
    Chart,
    Label,
    Mark,
    Row,
    Stretch,
    event_stretches,
    fit,
    fitted_axis,
    months_between,
    ordinals,
    period_stretches,
    width,
)
from record.pages import listed

ROW, LOW_ROW, MANY = 46, 30, 12  # px: the height of a row, and if there are more than MANY
BETWEEN = 30  # px between two rows, for the label of a replacement
FOOT, GAP = 28, 12  # px: from a bracket to the name in it, from a bar to its name
NOTE_ROOM, WIDE, LARGE = 390, 608, 1.5  # px: the words in a bracket, the narrowest chart that shows
# them; how much larger names are in it than on the narrowest phone
NAMED = 12  # moments in the words about a ruler


def rotation_chart(
    rows: list[Row], until: EDTF, axis: Axis | None = None, chart_id: str = "rotacion"
) -> Chart | None:
    """The chart of the rows; `until` is the last day of the source. None if no date is known."""
    dated = [row for row in rows if row.period.start or row.period.end]
    undated = [row for row in rows if not row.period.start and not row.period.end]
    limit: list[Stretch] = [("limit", *ordinals(until))] if dated and until else []
    stretches = chain(*(period_stretches(row.period) for row in dated))
    axis = axis or fitted_axis([*stretches, *limit], until)
    if axis is None:
        return None
    chart = Chart(chart_id, axis, rows=dated, undated=undated)
    chart.title = f"La rotación, {chart.years.lower()}"
    for row in dated:
        row.marks = axis.marks(period_stretches(row.period))
    for is_shared, group in groupby(dated, key=_shared_span):
        if is_shared:
            _add_bracket(chart, list(group))
        else:
            for row in group:
                _add_bar(chart, row)
    chart.limit = _limit(axis, until)
    return chart


def _shared_span(row: Row) -> tuple[Any, ...]:
    """What consecutive rows of one bracket share; empty if the row has a mark of another kind."""
    is_span = [mark.kind for mark in row.marks] == ["between"]
    return (row.marks[0], row.second) if is_span else ()


def _row_height(chart: Chart) -> int:
    return ROW if len(chart.rows) <= MANY else LOW_ROW


def _add_bracket(chart: Chart, rows: list[Row]) -> None:
    mark, height, top = rows[0].marks[0], _row_height(chart), chart.bottom
    longest = max(width(row.title) for row in rows)
    for number, row in enumerate(rows):
        row.y = top + number * height
        sizes = {"narrow": PHONE, "wide": WIDE / LARGE}
        labels = {s: _in_bracket(row.title, mark, longest, room) for s, room in sizes.items()}
        if labels["narrow"] == labels["wide"]:
            labels = {"": labels["wide"]}
        dy = height // 2 + 7
        row.labels = [replace(label, dy=dy, shown=shown) for shown, label in labels.items()]
    whole, between = height * len(rows), height * (len(rows) // 2) + 6
    is_apart = len(rows) > 1 and height == ROW
    needed = NOTE_ROOM + (0 if is_apart else longest * LARGE)
    note = top + (between if len(rows) > 1 else height // 2 + 7)
    has_room = mark.width * WIDE / 100 > needed
    chart.brackets.append(Bracket(mark, rows, top, whole, note if has_room else None))
    chart.bottom = top + whole + 18


def _in_bracket(text: str, mark: Mark, longest: float, chart_width: float) -> Label:
    """The name inside the bracket or, if the longest name has no room there, before or after it."""
    inside, before, after = (
        room * chart_width / 100 - used
        for room, used in ((mark.width, FOOT + GAP), (mark.x, GAP), (100 - mark.end, GAP))
    )
    if longest <= inside or inside > max(before, after):
        return Label(fit(text, inside), mark.x, dx=FOOT)
    if before > after:
        return Label(fit(text, before), mark.x, dx=-GAP, anchor="end")
    return Label(fit(text, after), mark.end, dx=GAP)


def _add_bar(chart: Chart, row: Row) -> None:
    row.labels = _beside(row)
    row.y = chart.bottom + (2 if row.labels[0].dy > 0 else 24)
    chart.bars.append(row)
    chart.bottom = row.y + BAR + (14 if _row_height(chart) == ROW else 6)


def _beside(row: Row) -> list[Label]:
    """The name before or after its marks, if it fits on a phone; else above them, and there where
    they start if it fits."""
    text, needed = row.title, width(row.title)
    first, last = row.marks[0], row.marks[-1]
    start, stub = first.x, STUB if first.kind in LEFTWARD else 0
    left, right = start * PHONE / 100 - stub - GAP, (100 - last.end) * PHONE / 100 - GAP
    if left >= needed:
        return [Label(text, start, dx=-stub - GAP, anchor="end")]
    if right >= needed and last.kind not in RIGHTWARD:
        return [Label(text, last.end, dx=GAP)]
    x = max(min(start, 100 - 100 * needed / PHONE), 0)
    wide_x = max(min(start, 100 - 100 * needed * LARGE / WIDE), 0)
    if x == wide_x:
        return [Label(fit(text, PHONE), x, dy=-7)]
    narrow = Label(fit(text, PHONE), round(x, 3), dy=-7, shown="narrow")
    return [narrow, Label(fit(text, WIDE / LARGE), round(wide_x, 3), dy=-7, shown="wide")]


def _limit(axis: Axis, until: EDTF) -> tuple[float, Label] | None:
    """The place and the label of the last day of the source, if it is on the axis."""
    _, end = ordinals(until)
    if not end or not axis.first < end <= axis.end:
        return None
    year, month, day = [*until.upper.split("-"), "", ""][:3]
    parts = (day.lstrip("0"), MONTHS[int(month) - 1][:3] if month else "", year)
    reach = by_sources("la fuente llega", "las fuentes llegan")
    text = f"{reach} {'al' if day else 'a'} {' '.join(filter(None, parts))}"
    x = axis.x(end)
    has_room = 100 - x >= 100 * width(text) / PHONE
    return x, Label(text, x, dy=12) if has_room else Label(text, 100, dy=12, anchor="end")


def zoom_chart(rows: list[Row], until: EDTF) -> Chart | None:
    """The last months with a certain day; None if no period is known to the month."""
    close = [(row, day) for row in rows if (day := _last_close_day(row.period))]
    if not close:
        return None
    last = max(day for _row, day in close)
    month = last.year * 12 + last.month - 1
    first = max(min(last.year * 12, month - 4), 12)
    axis = months_between(first, min(month + 1, 9999 * 12 + 11))
    near = [row for row, day in close if day.toordinal() >= axis.first]
    chart = rotation_chart(near, until, axis, "de-cerca")
    if chart:
        years = sorted({first // 12, last.year})
        chart.title = f"De cerca, {' y '.join(map(str, years))}"
    return chart


def _last_close_day(period: Period) -> date | None:
    """The last certain day of a period whose ends are known to the month or the day, if there is a
    certain day between them."""
    is_exact = period.start.kind in ("day", "month") and period.end.kind in (
        "day",
        "month",
        "after",
    )
    kinds = {kind for kind, *_days in period_stretches(period)}
    return period.end.first_day if is_exact and "solid" in kinds else None


def replacement_chart(before: Row, after: Row, until: EDTF) -> Chart | None:
    """Two rows, with arrows at the days on which the second may have replaced the first."""
    chart = rotation_chart([before, after], until, chart_id="sustitucion")
    stretches = ordinals(before.period.end), ordinals(after.period.start)
    starts, ends = ([day for day in days if day] for days in zip(*stretches, strict=True))
    if chart is None or len(starts) + len(ends) < 4:
        return chart
    first, last = max(starts), min(ends)
    if first >= last:
        return chart
    is_exact = last - first <= 31
    places = [chart.axis.x(round(first + (last - first) * at)) for at in (0.4, 0.6, 0.8)]
    words = f"sustituida: {after.period.start}" if is_exact else "sustituida en algún momento"
    chart.title = f"{after.name} en lugar de {before.name}"
    chart.handover = places[1:2] if is_exact else places
    has_room = 50 * width(words) / PHONE <= min(places[1], 100 - places[1])
    anchor = "middle" if has_room else "end" if places[1] > 50 else "start"
    chart.handover_name = Label(words, places[1], dy=-26, anchor=anchor)
    after.y += BETWEEN
    chart.bottom += BETWEEN
    return chart


def ruler(when: EDTF, moments: list[EDTF]) -> Chart | None:
    """The date in brackets among the moments at which something changes."""
    rows = [Row(str(moment), Period(moment)) for moment in (when, *moments)]
    axis = fitted_axis(chain(*(event_stretches(row.period) for row in rows)), EDTF())
    if axis is None:
        return None
    for row in rows:
        row.marks = axis.marks(event_stretches(row.period))
    asked, *others = rows
    chart = Chart("regla", axis, THIN_BAR, top=12, bottom=34, rows=others, bars=[asked])
    names = [row.name for row in others if row.period != asked.period]
    among = f"otros {len(names):,} momentos en que algo cambia"
    if len(names) <= NAMED:
        among = f"los demás momentos en que algo cambia: {listed(names)}" if names else ""
    chart.title = capfirst(f"{asked.name}, entre {among}" if among else asked.name)
    return chart
