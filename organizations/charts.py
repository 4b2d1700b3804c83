"""Charts of the rotation and of replacements: a row for each period, in the order given."""

from dataclasses import replace

from record.charts import (
    BAR,
    LETTER,
    PHONE,
    Axis,
    Chart,
    Entry,
    Label,
    Mark,
    Row,
    days_of,
    fit,
    months_between,
    period_stretches,
    year_axis,
)
from record.dates import EDTF, MONTHS
from record.periods import Period

BETWEEN = 24  # px between two rows, for the label of a replacement


def rotation_chart(
    entries: list[Entry], until: EDTF, axis: Axis | None = None, chart_id: str = "rotacion"
) -> Chart | None:
    """A row per period; `until` is the source's last day. None if no date is known."""
    axis = axis or year_axis([d for e in entries for d in (e.period.start, e.period.end)] + [until])
    if axis is None:
        return None
    chart = Chart(chart_id, axis, BAR, top=24, bottom=30)
    chart.title = f"La rotación, {chart.years.lower()}"
    for number, entry in enumerate(entries, 1):
        marks = axis.marks(period_stretches(entry.period))
        name = _name(entry.name, marks)
        height = 44 if name.dy < 0 else 38
        chart.rows.append(Row(entry, number, chart.bottom + height - BAR - 8, marks, name))
        chart.bottom += height
    chart.limit = _limit(axis, until)
    return chart


def _name(text: str, marks: list[Mark]) -> Label:
    """Before the bar if it fits there on a phone, else above its start, end or middle."""
    left, right, needed = marks[0].x, marks[-1].end, 100 * len(text) * LETTER / PHONE
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
    """The source's last day, if it is on the axis; only its date where a phone has no room."""
    if not until.upper or not axis.first < days_of(until)[1] <= axis.end:
        return None
    year, month, day = [*until.upper.split("-"), "", ""][:3]
    parts = (day.lstrip("0"), MONTHS[int(month) - 1][:3] if month else "", year)
    when = " ".join(filter(None, parts))
    text, x = f"la fuente llega {'al' if day else 'a'} {when}", axis.x(days_of(until)[1])
    roomy = 100 * len(text) * LETTER / PHONE <= max(x, 100 - x)
    return Label(text if roomy else when, x, anchor="end" if x > 50 else "start")


def zoom_chart(entries: list[Entry], until: EDTF) -> Chart | None:
    """The last months with a certain day; None if no period is known to the month."""
    close = [entry for entry in entries if _is_close(entry.period)]
    if not close:
        return None
    last = max(entry.period.end.first_day for entry in close)
    month = last.year * 12 + last.month - 1
    first = max(min(last.year * 12, month - 4), 12)
    axis = months_between(first, min(month + 1, 9999 * 12 + 11))
    near = [e for e in close if days_of(e.period.end)[0] >= axis.first]
    chart = rotation_chart(near, until, axis, "de-cerca")
    chart.title = "De cerca, " + " y ".join(str(y) for y in sorted({first // 12, last.year}))
    return chart


def _is_close(period: Period) -> bool:
    """Whether both ends are known to the month or the day, with certain days between them."""
    exact = period.start.kind in ("day", "month") and period.end.kind in ("day", "month", "after")
    return exact and "solid" in {kind for kind, *_days in period_stretches(period)}


def replacement_chart(before: Entry, after: Entry, until: EDTF) -> Chart | None:
    """Two rows, with arrows between them wherever the second may have replaced the first."""
    chart = rotation_chart([before, after], until, chart_id="sustitucion")
    room = [*days_of(before.period.end), *days_of(after.period.start)]
    if chart is None or None in room:
        return chart
    first, last = max(room[0], room[2]), min(room[1], room[3])
    if first >= last:
        return chart
    exact = last - first <= 31
    places = [chart.axis.x(round(first + (last - first) * at)) for at in (0.4, 0.6, 0.8)]
    words = f"sustituida: {after.period.start}" if exact else "sustituida en algún momento"
    chart.title = f"{after.name} en lugar de {before.name}"
    chart.handover = places[1:2] if exact else places
    chart.handover_name = _centred(words, places[1])
    chart.rows[1] = replace(chart.rows[1], y=chart.rows[1].y + BETWEEN)
    chart.bottom += BETWEEN
    return chart


def _centred(text: str, x: float) -> Label:
    roomy = 50 * len(text) * LETTER / PHONE <= min(x, 100 - x)
    return Label(text, x, dy=-26, anchor="middle" if roomy else "end" if x > 50 else "start")
