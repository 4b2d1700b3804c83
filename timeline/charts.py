"""The timeline at a glance: a row per event or, where they would be too many, a count per year."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.urls import reverse

from freshness.stamp import remembered
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
from record.pages import MOST, bounded_counts, figure
from timeline import entries, years
from timeline.models import Event, EventQuerySet

MOST_ROWS, MOST_NUMBERS = 50, 12
ROW, TOP, FOOT = 24, 18, 158  # px of a row's height, and where the tallest column begins and ends
DIGIT, GAP, BASE = 8, 10, 10  # px of a digit's width, between things, of a row's baseline
TO_THE_LEFT, TO_THE_RIGHT = ("before", "unsaid-start"), ("after", "open", "unsaid-end")


@dataclass(frozen=True, slots=True)
class Column:
    """How many in a year or more; those whose date is only bounded stand upon the others. Where
    there are more than are counted, it is `torn` at its top."""

    label: str
    url: str
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
    def torn(self) -> bool:
        return self.total > MOST

    @property
    def number(self) -> str:
        """«1,234», «más de 10,000»."""
        return figure(self.total)

    @property
    def torn_y(self) -> float:
        """Through its upper end, where a torn one is cut."""
        return self.y + 8

    @property
    def end(self) -> float:
        return round(self.x + self.width, 3)

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 3)

    @property
    def dated_height(self) -> float:
        return FOOT - self.dated_y

    @property
    def bounded_height(self) -> float:
        return self.dated_y - self.y

    @property
    def number_y(self) -> float:
        return self.y - 4


class Overview(NamedTuple):
    """What the chart of a list is drawn of: by span of years, how many events with a date and with
    bounds only, or else the events. As values, so that it is drawn once of equal ones."""

    spans: tuple[tuple[str, int, int], ...] = ()
    undated: int = 0
    query: str = ""
    unsplit: bool = False
    events: tuple[entries.Entry, ...] = ()

    @property
    def chart(self) -> Chart | None:
        if self.events:
            return events_chart(self.events)
        counts = {span: both for span, *both in self.spans}
        return columns_chart(counts, self.undated, self.query, self.unsplit)


def overview_chart(events: EventQuerySet) -> Chart | None:
    """Of what everybody may see; None when nothing has a date. However many there are, it costs no
    more than counting MOST of them for each column."""
    if columns := remembered("overview", lambda: _columns_of(events)):
        spans, undated, unsplit = columns
        return columns_chart(spans, undated, unsplit=unsplit)
    return events_chart(events.by_time().only("slug", "title", "start", "end")[:MOST_ROWS])


def _columns_of(events: EventQuerySet) -> tuple[dict[str, tuple[int, int]], int, bool] | None:
    """What `columns_chart` draws; None of as few as have a row each."""
    dated = events.filter(sort_day__gt="")
    sizes = bounded_counts({"dated": dated, "": events.in_year("")})
    if sum(sizes.values()) <= MOST_ROWS:
        return None
    if sizes["dated"] > MOST:
        spans = years.between(*events.first_and_last_year())
        found = bounded_counts({span: events.in_year(span) for span in spans})
        return {span: (count, 0) for span, count in found.items()}, sizes[""], True
    counts: dict[str, list[int]] = {}
    for year, _category, bounded, some in dated.counts_by_year_and_category():
        counts.setdefault(year, [0, 0])[bounded] += some
    return {year: tuple(both) for year, both in counts.items()}, sizes[""], False


def events_chart(events: Iterable[Event | entries.Entry]) -> Chart | None:
    return rows_chart([Entry(one.title, one.period, one.get_absolute_url()) for one in events])


def rows_chart(shown: list[Entry]) -> Chart | None:
    """In the order given, numbered through, the undated last and off the axis."""
    axis = year_axis(when for entry in shown for when in (entry.period.start, entry.period.end))
    if axis is None:
        return None
    chart = Chart("conjunto", axis, THIN_BAR, top=0, bottom=4)
    undated = [entry for entry in shown if not event_stretches(entry.period)]
    for number, entry in enumerate((e for e in shown if e not in undated), 1):
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


def columns_chart(
    counts: Mapping[str, Sequence[int]], undated: int = 0, query: str = "", unsplit: bool = False
) -> Chart | None:
    """A column per span of `counts` or, where these are years and too many, per longer one: dated
    ones and those with bounds only. Each leads to its events in the list that `query` narrows."""
    sums = _wide_enough({span: both for span, both in counts.items() if sum(both)})
    if not sums:
        return None
    first, last = years.first_year(min(sums)), years.first_year(max(sums))
    last += years.length(max(sums))
    chart = Chart("conjunto", years_between(max(first, 1), last - 1), THIN_BAR, TOP, FOOT)
    chart.columns = _columns(sums, first, last, query)
    chart.undated_words, chart.unsplit = figure(undated) if undated else "", unsplit
    return chart


def _wide_enough(counts: Mapping[str, Sequence[int]]) -> dict[str, Sequence[int]]:
    if not counts or not all(span.isdigit() for span in counts):
        return dict(counts)
    unknown = years.between(min(counts), max(counts))[0].count("X")
    sums = {years.around(year, unknown): [0, 0] for year in sorted(counts)}
    for year, both in counts.items():
        for kind, count in enumerate(both):
            sums[years.around(year, unknown)][kind] += count
    return sums


def _columns(sums: dict[str, Sequence[int]], first: int, last: int, query: str) -> list[Column]:
    """Of the same width, a tenth of it free on each side; the tallest is numbered, all if few."""
    tallest, columns, address = max(map(sum, sums.values())), [], reverse("timeline:event_list")
    for span, (dated, bounded) in sums.items():
        width = 100 * years.length(span) / (last - first)
        x = 100 * (years.first_year(span) - first) / (last - first) + width / 10
        numbered = len(sums) <= MOST_NUMBERS or dated + bounded == tallest <= MOST
        unit = (FOOT - TOP) / tallest
        tops = (round(FOOT - unit * n, 2) for n in (dated, dated + bounded))
        url = f"{address}?{f'{query}&' if query else ''}anio={span}"
        sizes = round(x, 3), round(width * 0.8, 3), dated, bounded
        columns.append(Column(years.words(span), url, *sizes, *tops, numbered))
    return columns
