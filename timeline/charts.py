"""The chart of a list of events: a row per event or, of many events, a column per year."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse

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
from timeline import years
from timeline.models import Event, EventQuerySet

MOST_ROWS, MOST_NUMBERS = 50, 12
ROW, TOP, FOOT = 24, 18, 158  # px of a row's height, and where the tallest column begins and ends
DIGIT, GAP, BASE = 8, 10, 10  # px of a digit's width, between things, of a row's baseline
TO_THE_LEFT, TO_THE_RIGHT = ("before", "unsaid-start"), ("after", "open", "unsaid-end")


@dataclass(frozen=True, slots=True)
class Column:
    """The numbers of events of a span of years. The bar of `bounded` events, whose source gives
    only bounds, is above that of the `dated` ones, from `y` to `dated_y`."""

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
    def number(self) -> str:
        return f"{self.dated + self.bounded:,}"

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 3)

    @property
    def heights(self) -> tuple[float, float]:
        """Of the bars of dated and of bounded events."""
        return FOOT - self.dated_y, self.dated_y - self.y


def overview_chart(events: EventQuerySet) -> Chart | None:
    """The chart of all `events`; None when none has a date."""
    counts = events.counts_by_year()
    if sum(map(sum, counts.values())) <= MOST_ROWS:
        return events_chart(events.by_time().only("slug", "title", "start", "end"))
    undated = sum(counts.pop("", ()))
    return columns_chart(counts, undated, reverse("timeline:event_list"))


def events_chart(events: Iterable[Event]) -> Chart | None:
    return rows_chart([Entry(one.title, one.period, one.get_absolute_url()) for one in events])


def rows_chart(shown: list[Entry]) -> Chart | None:
    """A numbered row per entry, in the order given; the undated ones last and off the axis."""
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
    """Title and number, after the marks or before them, where the title has room; else within."""
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
    """The number beside a title that stands within: after it or before it, as a phone has room."""
    needed = 100 * (GAP + DIGIT * len(number)) / PHONE
    if right <= 100 - needed:
        return Label(number, right, GAP, BASE)
    return Label(number, left, *((-GAP, BASE, "end") if left >= needed else (GAP, BASE)))


def columns_chart(
    counts: Mapping[str, Sequence[int]], undated: int = 0, url: str = ""
) -> Chart | None:
    """A column per year of `counts` (events with a date, with bounds) or, where these are too many,
    per longer span. Each links to its events in the list at `url`."""
    if not counts:
        return None
    sums: dict[str, list[int]] = {}
    unknown = years.between(min(counts), max(counts))[0].count("X")
    for year in sorted(counts):
        both = sums.setdefault(years.around(year, unknown), [0, 0])
        both[:] = map(sum, zip(both, counts[year], strict=True))
    first, last = years.first_year(min(sums)), years.first_year(max(sums)) + 10**unknown
    chart = Chart("conjunto", years_between(max(first, 1), last - 1), THIN_BAR, TOP, FOOT)
    chart.columns = _columns(sums, first, last, url)
    chart.undated_words = f"{undated:,}" if undated else ""
    return chart


def _columns(sums: dict[str, list[int]], first: int, last: int, url: str) -> list[Column]:
    """Columns of one width, a tenth of it free on each side; numbers on all if they are few, else
    on the tallest."""
    tallest, columns = max(map(sum, sums.values())), []
    for span, (dated, bounded) in sums.items():
        width = 100 * years.length(span) / (last - first)
        x = 100 * (years.first_year(span) - first) / (last - first) + width / 10
        numbered = len(sums) <= MOST_NUMBERS or dated + bounded == tallest
        tops = (round(FOOT - (FOOT - TOP) * n / tallest, 2) for n in (dated, dated + bounded))
        link = f"{url}{'&' if '?' in url else '?'}anio={span}"
        sizes = round(x, 3), round(width * 0.8, 3), dated, bounded
        columns.append(Column(years.words(span), link, *sizes, *tops, numbered))
    return columns
