"""The drawn charts show each date exactly as precisely as its source."""

import re
from datetime import date
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from django.utils import translation
from hypothesis import given

from dates.edtf import EDTF, parse
from dates.periods import Period
from organizations.charts import replacement_chart, rotation_chart, zoom_chart
from record.charts import (
    LETTER,
    Chart,
    Row,
    Stretch,
    event_stretches,
    period_stretches,
    year_axis,
    years_between,
)
from tests import records
from timeline.charts import MOST_ROWS, columns_chart, overview_chart, rows_chart
from timeline.models import Event

HOSTILE = '"><script>alert(1)</script>&amp;<![CDATA[ ]]> \u202e 組織'
LAST_DAY = parse("2017-05-23")


def period(start: str, end: str = "") -> Period:
    return Period(parse(start), parse(end))


def row_of(start: str, end: str = "", name: str = "Alfa", **fields: Any) -> Row:
    return Row(name, period(start, end), **fields)


def day(ordinal: int | None) -> str:
    return date.fromordinal(ordinal).isoformat() if ordinal else ".."


def days(stretches: list[Stretch]) -> list[str]:
    """Each stretch with its first and its last day, two dots where nothing bounds it."""
    return [f"{kind} {day(first)} {day(end and end - 1)}" for kind, first, end in stretches]


def drawn(chart: Chart) -> ElementTree.Element:
    """The partial's markup, which must be well-formed XML."""
    return ElementTree.fromstring(render_to_string("partials/_chart.html", {"chart": chart}))  # noqa: S314


# Dates


@pytest.mark.parametrize(
    ("start", "stretches"),
    [
        ("2017-05-23", ["day 2017-05-23 2017-05-23"]),
        ("2015-02", ["month 2015-02-01 2015-02-28"]),
        ("2016", ["year 2016-01-01 2016-12-31"]),
        ("[2011-08..2015-02]", ["between 2011-08-01 2015-02-28"]),
        ("[..2017-02-11]", ["before .. 2017-02-11"]),
        ("[2017-02-11..]", ["after 2017-02-11 .."]),
        ("", []),
    ],
)
def test_an_event_is_drawn_over_the_whole_of_its_date_and_no_more(start, stretches):
    assert days(event_stretches(period(start))) == stretches


@pytest.mark.parametrize(
    ("start", "end", "stretches"),
    [
        # Certain days are solid, the month of the start is a wedge, an arrow follows the source.
        ("2017-04", "[2017-05-23..]", ["month-start 2017-04-01 2017-04-30",
            "solid 2017-05-01 2017-05-23", "open 2017-05-24 .."]),
        ("2015-03-10", "2015-03-12", ["solid 2015-03-10 2015-03-12"]),
        ("[2011-08..2012]", "2014", ["between 2011-08-01 2012-12-31",
            "solid 2013-01-01 2013-12-31", "year-end 2014-01-01 2014-12-31"]),
        # Bounds that leave no certain day are one stretch, never a solid bar.
        ("[2011-08..2017-04]", "[2011-08..2017-04]", ["between 2011-08-01 2017-04-30"]),
        ("2015-03-10", "2015-03", ["between 2015-03-10 2015-03-31"]),
        # A side that the source does not give is dashed.
        ("2015-03", "", ["month-start 2015-03-01 2015-03-31", "unsaid-end 2015-04-01 .."]),
        ("", "[2017-05-23..]", ["unsaid-start .. 2017-05-23", "open 2017-05-24 .."]),
        ("", "[..2014]", ["before .. 2014-12-31"]),
        ("", "", ["unknown .. .."]),
    ],
)  # fmt: skip
def test_a_period_is_solid_only_where_it_is_certain(start, end, stretches):
    assert days(period_stretches(period(start, end))) == stretches


@given(records.edtf(), records.edtf())
def test_no_stretch_is_wider_or_narrower_than_what_the_dates_leave_open(start, end):
    when = period(start, end)
    if when.start.earliest > when.end.latest:
        return
    stretches = period_stretches(when)
    if when.start.first_day:
        starts = [start for _kind, start, _end in stretches if start is not None]
        assert min(starts) == when.start.first_day.toordinal()
    if when.end.last_day:
        ends = [end for _kind, _start, end in stretches if end is not None]
        assert max(ends) == when.end.last_day.toordinal() + 1
    certain_from, certain_until = when.start.last_day, when.end.first_day
    for _kind, since, until in (stretch for stretch in stretches if stretch[0] == "solid"):
        if certain_from and certain_until and certain_from <= certain_until:
            assert since >= certain_from.toordinal()
            assert until <= certain_until.toordinal() + 1
        else:
            assert until - since == 1, "only a known day may be solid by itself"
    assert all(before[2] == after[1] for before, after in pairwise(stretches))


def test_a_mark_stands_where_its_days_do():
    (mark,) = years_between(2011, 2020).marks(event_stretches(period("2016")))
    first, whole = date(2011, 1, 1), (date(2021, 1, 1) - date(2011, 1, 1)).days
    start = 100 * (date(2016, 1, 1) - first).days / whole
    assert (mark.x, mark.width) == pytest.approx((start, 100 * 366 / whole), abs=0.01)


@pytest.mark.parametrize(
    ("dates", "first", "end"),
    [
        (["[2011-08..2015-02]", "", "2017-05-23"], 2011, 2018),
        (["2011", "[2017-12-31..]"], 2011, 2019),  # room for the arrow of the open end
    ],
)
def test_the_axis_has_whole_years_from_the_first_date_to_the_last(dates, first, end):
    axis = year_axis(map(parse, dates))
    assert (day(axis.first), day(axis.end)) == (f"{first}-01-01", f"{end}-01-01")
    assert [label.text for label in axis.labels] == [str(year) for year in range(first, end)]


@pytest.mark.parametrize("years", [("0001", "9999"), ("1810", "2017"), ("9999", "9999-12-31")])
def test_an_axis_of_any_length_has_labels_that_fit_a_phone(years):
    assert 1 <= len(year_axis(map(parse, years)).labels) <= 8


def test_no_chart_is_drawn_where_no_date_is_known():
    assert year_axis(map(parse, ["", ""])) is None
    assert rotation_chart([row_of("")], EDTF()) is None
    assert rows_chart([row_of("")]) is None
    assert columns_chart({}, undated=3) is None
    assert zoom_chart([row_of("2014", "2016")], LAST_DAY) is None


# Charts of periods


def test_rows_keep_the_order_given_and_the_unknown_has_its_row_too():
    rows = [row_of(""), row_of("2012-05", "2013-05", "Beta"), row_of("", "2011", "Gama")]
    chart = rotation_chart(rows, LAST_DAY)
    assert [row.label.text for row in chart.rows] == ["Alfa", "Beta", "Gama"]
    assert [row.y for row in chart.rows] == sorted(row.y for row in chart.rows)
    assert [mark.kind for mark in chart.rows[0].marks] == ["unknown"]
    assert "cuándo, la fuente no lo dice" in "".join(drawn(chart).itertext())


def test_the_key_explains_every_sign_that_occurs_and_no_other():
    rows = [row_of("2017-04", "[2017-05-23..]"), row_of("[2011..2012]", "2013")]
    chart = rotation_chart(rows, LAST_DAY)
    assert chart.signs == {"between", "month-start", "year-end", "open"}
    key = drawn(chart).find(".//ul[@class='chart-key']")
    assert ["".join(sign.itertext()).strip() for sign in key] == [
        "en algún momento de este tramo; los corchetes son sus límites",
        "consta; la cuña es el mes en que empieza",
        "consta; la cuña es el año en que termina",
        "al menos hasta aquí; después, la fuente calla",
    ]


def test_the_last_day_of_the_source_is_marked_where_that_day_ends():
    open_row = row_of("2017-04", "[2017-05-23..]")
    chart = rotation_chart([row_of("2011", "2012"), open_row], LAST_DAY)
    assert chart.limit.text == "la fuente llega al 23 may 2017"
    assert chart.limit.x == chart.rows[1].marks[-1].x
    # In the middle of a phone the words have no room.
    assert rotation_chart([open_row], LAST_DAY).limit.text == "23 may 2017"
    # Outside the months seen from near it is not drawn.
    assert zoom_chart([row_of("2017-04", "2017-05-03")], parse("2020-01-01")).limit is None


def test_seen_from_near_only_what_is_known_to_the_month_or_day_is_drawn():
    bounds, years = row_of("[2011-08..2017-04]", "[2011-08..2017-04]"), row_of("2015", "2017")
    chart = zoom_chart([bounds, years, row_of("2017-04", "[2017-05-23..]", "Gama")], LAST_DAY)
    assert [row.label.text for row in chart.rows] == ["Gama"]
    assert [label.text for label in chart.axis.labels] == "ene feb mar abr may jun".split()
    assert chart.title == "De cerca, 2017"


def test_the_arrows_of_a_replacement_stand_within_what_both_dates_leave_open():
    before = row_of("[2011-08..2015-02]", "[2011-08..2017-04]")
    after = row_of("[2011-08..2017-04]", "[2017-05-23..]", "Beta")
    chart = replacement_chart(before, after, LAST_DAY)
    first, last = chart.rows[1].marks[0].x, chart.rows[1].marks[0].end
    assert len(chart.handover) == 3
    assert all(first < x < last for x in chart.handover)


# Charts of events


def test_events_are_numbered_in_order_and_the_undated_stand_off_the_axis():
    chart = rows_chart([row_of("2011", url="/a"), row_of("2012", url="/b"), row_of("", url="/c")])
    assert [(row.numeral.text, row.url) for row in chart.rows] == [("1", "/a"), ("2", "/b")]
    assert [undated.url for undated in chart.undated] == ["/c"]
    assert drawn(chart).find(".//figcaption/p/a/b").text == "3"


@given(records.edtf(), records.edtf())
def test_labels_of_any_event_stay_within_the_chart(start, other):
    chart = rows_chart([row_of(start, name="x" * 200, url="/"), row_of(other, url="/")])
    for row in chart.rows if chart else []:
        for label, room in ((row.label, 576), (row.numeral, 288)):
            at, length = label.x * room / 100 + label.dx, len(label.text) * LETTER
            left, right = (at - length, at) if label.anchor == "end" else (at, at + length)
            assert left >= -3, label
            assert right <= room + 3, label


@pytest.mark.parametrize("years", [range(1990, 2018), range(1700, 2018), range(1, 10_000)])
def test_many_years_become_decades_or_longer(years):
    columns = columns_chart({f"{year:04}": (1, 1) for year in years}).columns
    assert len(columns) <= 40
    assert sum(column["dated"] + column["bounded"] for column in columns) == 2 * len(years)
    assert all(column["x"] >= 0 for column in columns)
    assert all(column["x"] + column["width"] <= 100.01 for column in columns)


@pytest.mark.django_db
def test_many_events_become_counts_by_year_and_cost_no_more_than_few(django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        assert overview_chart(Event.objects.visible_to(None)) is None
    dates = ["2015"] * MOST_ROWS + ["[2016..2017]"] * 5 + [""] * 2
    fields = {"title": "E", "category": records.category(), "publish_at": records.LONG_AGO}
    Event.objects.bulk_create(
        Event(slug=f"e{n}", start=start, **fields) for n, start in enumerate(dates)
    )
    with django_assert_max_num_queries(1):
        chart = overview_chart(Event.objects.visible_to(None))
    assert not chart.rows
    assert [(c["label"], c["dated"], c["bounded"]) for c in chart.columns] == [
        ("2015", MOST_ROWS, 0),
        ("2016", 0, 5),
    ]
    assert chart.undated_words == "2"
    assert "solo con límites" in "".join(drawn(chart).itertext())


# Their markup


def charts_of_all_dates() -> list[Chart]:
    dates = ["2011", "2011-02", "2011-02-03", "[2011..2012]", "[2011..]", "[..2011]", ""]
    pairs = ((a, b) for a in dates for b in dates if parse(a).earliest <= parse(b).latest)
    return [
        rotation_chart([row_of(a, b, HOSTILE, second=True) for a, b in pairs], LAST_DAY),
        rows_chart([row_of(d, name=HOSTILE, url="/?a=1&b=2") for d in dates]),
    ]


@pytest.mark.parametrize("chart", charts_of_all_dates(), ids=["periods", "events"])
def test_every_kind_of_mark_is_drawn_inert_and_with_unique_ids(chart):
    """No inline style, no script, and a decimal point in each number."""
    with translation.override("es"):
        tree = drawn(chart)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for element in tree.iter():
        assert element.tag not in ("script", "style")
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
    assert HOSTILE in "".join(tree.itertext())
    groups = tree.findall(f".//svg[@height='{chart.bar}'][@overflow]")
    for row, group in zip(chart.rows, groups, strict=True):
        assert len(list(group)) >= len(row.marks) + 2, "something is drawn for each mark"
    markup = ElementTree.tostring(tree, encoding="unicode")
    assert re.search(r'="\d+\.\d', markup)
    assert not re.search(r'="\d+,\d', markup)
