"""Charts of the rotation and of replacements, with a row for each period."""

from datetime import date

from dates.edtf import EDTF, MONTHS
from dates.periods import Period
from dates.text import by_sources
from record.charts import (
    BAR,
    PHONE,
    Axis,
    Chart,
    Label,
    Mark,
    Row,
    fit,
    months_between,
    ordinals,
    period_stretches,
    share,
    year_axis,
)

BETWEEN = 24  # px between two rows, for the label of a replacement


def rotation_chart(
    rows: list[Row], until: EDTF, axis: Axis | None = None, chart_id: str = "rotacion"
) -> Chart | None:
    """The chart of the rows; `until` is the last day of the source. None if no date is known."""
    dates = [when for row in rows for when in (row.period.start, row.period.end)]
    axis = axis or year_axis([*dates, until])
    if axis is None:
        return None
    chart = Chart(chart_id, axis, BAR, top=24, bottom=30, rows=rows)
    chart.title = f"La rotación, {chart.years.lower()}"
    for row in rows:
        row.marks = axis.marks(period_stretches(row.period))
        row.label = _name(row.contest(row.name), row.marks)
        height = 44 if row.label.dy < 0 else 38
        row.y = chart.bottom + height - BAR - 8
        chart.bottom += height
    chart.limit = _limit(axis, until)
    return chart


def _name(text: str, marks: list[Mark]) -> Label:
    """The name before the bar, if it fits on a phone, else above its start, end or middle."""
    left, right, needed = marks[0].x, marks[-1].end, share(text)
    if left >= 40 and left > needed + 3:
        return Label(text, left, dx=-8, anchor="end")
    if left + needed <= 100:
        return Label(text, left, dy=-7)
    if needed <= right:
        return Label(text, right, dy=-7, anchor="end")
    middle = (left + right) / 2
    if needed / 2 <= min(middle, 100 - middle):
        return Label(text, middle, dy=-7, anchor="middle")
    return Label(fit(text, PHONE), 0, dy=-7)


def _limit(axis: Axis, until: EDTF) -> Label | None:
    """The label of the last day of the source, if it is on the axis; only the date if a phone has
    no room for more."""
    _, end = ordinals(until)
    if not end or not axis.first < end <= axis.end:
        return None
    year, month, day = [*until.upper.split("-"), "", ""][:3]
    parts = (day.lstrip("0"), MONTHS[int(month) - 1][:3] if month else "", year)
    when = " ".join(filter(None, parts))
    reach = by_sources("la fuente llega", "las fuentes llegan")
    text, x = f"{reach} {'al' if day else 'a'} {when}", axis.x(end)
    is_roomy = share(text) <= max(x, 100 - x)
    return Label(text if is_roomy else when, x, anchor="end" if x > 50 else "start")


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
    is_roomy = share(words) / 2 <= min(places[1], 100 - places[1])
    anchor = "middle" if is_roomy else "end" if places[1] > 50 else "start"
    chart.handover_name = Label(words, places[1], dy=-26, anchor=anchor)
    after.y += BETWEEN
    chart.bottom += BETWEEN
    return chart
