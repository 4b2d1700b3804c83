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
from hypothesis import strategies as st

from dates.edtf import EDTF, parse
from dates.periods import Period
from organizations.charts import replacement_chart, rotation_chart, ruler, zoom_chart
from record.charts import (
    PHONE,
    Axis,
    Chart,
    Label,
    Row,
    Stretch,
    event_stretches,
    fitted_axis,
    period_stretches,
    width,
    years_between,
)
from tests import records
from timeline.charts import columns_chart, rows_chart

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


def axis_of(*dates: str) -> Axis | None:
    return fitted_axis([s for when in dates for s in event_stretches(period(when))], EDTF())


def name(row: Row) -> str:
    return row.labels[0].text


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
        (["[2011-08..2015-02]", "", "2017-05-23"], "2011-01-01", "2018-01-01"),
        (["2011", "[2017-12-31..]"], "2011-01-01", "2019-01-01"),  # room for «o después»
        (["[..2011-01]", "2013"], "2010-01-01", "2014-01-01"),  # room for «o antes»
        (["2016-11-05", "2017-02"], "2016-11-01", "2017-03-01"),  # months, if all lie in twelve
        (["2017-05-23"], "2017-05-01", "2017-06-01"),
    ],
)
def test_the_axis_is_fitted_to_the_dates_in_whole_years_or_months(dates, first, end):
    axis = axis_of(*dates)
    assert (day(axis.first), day(axis.end)) == (first, end)


@pytest.mark.parametrize(
    "years", [("0001", "9999"), ("1810", "2017"), ("9999", "9999-12-31"), ("[..0001]", "[9999..]")]
)
def test_an_axis_of_any_length_has_labels_that_fit_a_phone(years):
    axis = axis_of(*years)
    assert sum(width(label.text) for label in axis.labels if label.dy == 16) < PHONE
    assert axis.labels


def test_no_chart_is_drawn_where_no_date_is_known():
    assert axis_of("", "") is None
    assert rotation_chart([row_of("")], LAST_DAY) is None
    assert rotation_chart([], LAST_DAY) is None
    assert rows_chart([row_of("")], LAST_DAY) is None
    assert columns_chart({}, undated=3) is None
    assert zoom_chart([row_of("2014", "2016")], LAST_DAY) is None


# Charts of periods


SPAN = ("[2011-08..2017-04]", "[2011-08..2017-04]")


def test_consecutive_terms_of_one_possible_span_stand_in_one_bracket():
    rows = [row_of(*SPAN, name=f"{n}.º", ordered=True) for n in (1, 2, 3)]
    rows += [row_of("2017-04", "[2017-05-23..]", "4.º"), row_of(*SPAN, "Beta", second=True)]
    chart = rotation_chart([*rows, row_of("", name="Gama")], LAST_DAY)
    assert [[row.name for row in b.rows] for b in chart.brackets] == [
        ["1.º", "2.º", "3.º"],
        ["Beta"],
    ]
    assert [(b.height, bool(b.note)) for b in chart.brackets] == [(3 * 46, True), (46, True)]
    assert [row.name for row in chart.bars] == ["4.º"]
    assert [row.y for row in chart.rows] == sorted(row.y for row in chart.rows)
    text = " ".join("".join(drawn(chart).itertext()).split())
    assert "[ cuándo cada una, la fuente no lo dice ]" in text
    assert "[ cuándo, la fuente no lo dice ]" in text
    assert "Gama sin fecha en la fuente" in text
    assert "en este orden" not in text  # the order of Beta is not known
    chart = rotation_chart(rows[:3], LAST_DAY)
    assert "en algún momento de este tramo, en este orden" in "".join(drawn(chart).itertext())


def spans(label: Label, room: float, scale: float) -> tuple[float, float]:
    """The left and the right end of a label, in px of a chart `room` px wide."""
    at, length = label.x * room / 100 + label.dx, width(label.text) * scale
    return (at - length, at) if label.anchor == "end" else (at, at + length)


@given(records.edtf(), records.edtf(), st.sampled_from([1, 12, 40]), st.integers(1, 200))
def test_no_label_lies_on_its_bar_or_outside_the_chart(start, end, number, length):
    when = period(start, end)
    if when.start.earliest > when.end.latest:
        return
    rows = [Row("x" * length, when), *(row_of(*SPAN, name="Beta") for _ in range(number))]
    chart = rotation_chart([*rows, row_of("2012", "2015-03")], LAST_DAY)
    for row in chart.rows:
        for label in row.labels:
            wide = label.shown == "wide"
            room = 608 if wide else PHONE
            left, right = spans(label, room, 1.5 if wide else 1)
            assert -3 <= left <= right <= room + 3, label
            bar = (row.marks[0].x * room / 100, row.marks[-1].end * room / 100)
            is_beside = right <= bar[0] or left >= bar[1]
            assert row not in chart.bars or is_beside or label.dy < 0, label
    tops = [row.y - 20 * (row.labels[0].dy < 0) for row in chart.rows]
    assert all(after - before >= 26 for before, after in pairwise(tops))


def test_the_key_explains_every_sign_that_occurs_and_no_other():
    rows = [row_of("2017-04", "[2017-05-23..]"), row_of("[2011..2012]", "2013")]
    chart = rotation_chart(rows, LAST_DAY)
    assert chart.signs == {"between", "month-start", "year-end", "open"}
    key = drawn(chart).find(".//ul[@class='chart-key']")
    assert ["".join(sign.itertext()).strip() for sign in key] == [
        "en algún momento de este tramo",
        "consta; la cuña es el mes en que empieza",
        "consta; la cuña es el año en que termina",
        "al menos hasta aquí; después, la fuente calla",
    ]


def test_the_last_day_of_the_source_is_marked_where_that_day_ends():
    open_row = row_of("2017-04", "[2017-05-23..]")
    chart = rotation_chart([row_of("2011", "2012"), open_row], LAST_DAY)
    x, label = chart.limit
    assert (label.text, label.anchor) == ("la fuente llega al 23 may 2017", "end")
    assert x == chart.rows[1].marks[-1].x
    # Outside the months seen from near it is not drawn.
    assert zoom_chart([row_of("2017-04", "2017-05-03")], parse("2020-01-01")).limit is None


def test_dashes_until_when_end_where_the_source_line_stands():
    rows = [row_of("2011", "2012"), row_of("2013", "[2013..]")]
    for chart in (rotation_chart(rows, LAST_DAY), rows_chart(rows, LAST_DAY)):
        unsaid = chart.rows[1].marks[-1]
        stands = chart.axis.x(LAST_DAY.last_day.toordinal() + 1)
        assert (unsaid.kind, unsaid.end) == ("unsaid-end", stands)
    for until in (EDTF(), parse("2012")):  # the source says nothing of that time
        assert rotation_chart(rows, until).rows[1].marks[-1].width >= 3


def test_seen_from_near_only_what_is_known_to_the_month_or_day_is_drawn():
    bounds, years = row_of("[2011-08..2017-04]", "[2011-08..2017-04]"), row_of("2015", "2017")
    chart = zoom_chart([bounds, years, row_of("2017-04", "[2017-05-23..]", "Gama")], LAST_DAY)
    assert [name(row) for row in chart.rows] == ["Gama"]
    assert [label.text for label in chart.axis.labels] == "ene 2017 feb mar abr may jun".split()
    assert chart.title == "De cerca, 2017"


def test_the_arrows_of_a_replacement_stand_within_what_both_dates_leave_open():
    before = row_of("[2011-08..2015-02]", "[2011-08..2017-04]")
    after = row_of("[2011-08..2017-04]", "[2017-05-23..]", "Beta")
    chart = replacement_chart(before, after, LAST_DAY)
    first, last = chart.rows[1].marks[0].x, chart.rows[1].marks[0].end
    assert len(chart.handover) == 3
    assert all(first < x < last for x in chart.handover)


# Charts of events


def test_rows_outside_the_filter_stay_off_an_axis_fitted_to_the_others():
    dates = {"2011": False, "[2016-08..2017-03]": False, "2017-02-11": True, "[..2017-05]": True}
    rows = [row_of(when, number=1, is_inside=inside) for when, inside in dates.items()]
    chart = rows_chart([*rows, row_of("", number=5, is_inside=True)], LAST_DAY)
    assert [label.text for label in chart.axis.labels] == "feb 2017 mar abr may".split()
    assert [[mark.kind for mark in row.marks] for row in chart.rows] == [
        ["earlier"], ["between"], ["day"], ["before"],
    ]  # fmt: skip
    assert [row.is_cut for row in chart.rows] == [False, True, False, False]
    items = drawn(chart).findall(".//ol/li")
    assert [item.get("class") for item in items] == ["outside"] * 2 + ["inside"] * 3
    # With only undated rows inside, the axis is that of all.
    chart = rows_chart([row_of("2011", is_inside=False), row_of("", is_inside=True)], LAST_DAY)
    assert chart.years == "En 2011"


def test_or_earlier_and_or_later_are_stubs_of_one_length_and_no_line_to_an_edge():
    rows = [row_of("[..2013]", number=1), row_of("[2015..]", number=2), row_of("2020", number=3)]
    tree = drawn(rows_chart(rows, LAST_DAY))
    paths = [path.get("d") for path in tree.findall(".//ol//path")]
    assert [d for d in paths if "h" in d] == ["M-9 0h-5m-4 0h-4m-4 0h-2", "M9 0h5m4 0h4m4 0h2"]
    assert not tree.findall(".//ol//line")
    before = drawn(rotation_chart([row_of("", "2013"), row_of("2012", "2020")], LAST_DAY))
    assert not before.findall(".//line[@class='chart-onward']")


@pytest.mark.parametrize(
    ("moments", "words"),
    [
        ([], "Febrero de 2015"),
        (["2015-02"], "Febrero de 2015"),
        (["2011-08", "2015-02", "2016"], "Febrero de 2015, entre los demás momentos en que algo "
            "cambia: agosto de 2011 y 2016"),
        ([str(year) for year in range(1900, 2000)], "entre otros 100 momentos"),
    ],
)  # fmt: skip
def test_the_ruler_has_the_date_in_brackets_among_the_moments(moments, words):
    chart = ruler(parse("2015-02"), [parse(moment) for moment in moments])
    assert words in chart.title
    figure = ElementTree.fromstring(  # noqa: S314
        render_to_string("partials/_chart_ruler.html", {"chart": chart})
    )
    assert figure.get("aria-label") == chart.title
    thick = figure.findall(".//path[@class='chart-stroke chart-thick']")
    assert len(thick) == 2


@pytest.mark.parametrize("years", [range(1990, 2018), range(1700, 2018), range(1, 10_000)])
def test_many_years_become_decades_or_longer(years):
    columns = columns_chart({f"{year:04}": (1, 1) for year in years}).columns
    assert len(columns) <= 40
    assert sum(column["dated"] + column["bounded"] for column in columns) == 2 * len(years)
    assert all(column["x"] >= 0 for column in columns)
    assert all(column["x"] + column["width"] <= 100.01 for column in columns)


def test_months_are_columns_too():
    chart = columns_chart({"2015-02": (2, 1), "2015-12": (1_234, 0)}, url="/x/?a=1")
    assert [column["label"] for column in chart.columns] == ["febrero de 2015", "diciembre de 2015"]
    assert [label.text for label in chart.axis.labels][:3] == ["feb", "2015", "mar"]
    assert chart.columns[0]["url"] == "/x/?a=1&anio=2015-02"
    assert chart.columns[0]["words"] == "febrero de 2015: tres acontecimientos, 1 con fecha acotada"


@given(st.dictionaries(st.integers(1990, 2030), st.integers(1, 20_000), min_size=1))
def test_the_numbers_of_columns_do_not_touch(counts):
    chart = columns_chart({str(year): (number, 0) for year, number in counts.items()})
    tallest = max(counts.values())
    for shown, room in (("chart-name", PHONE), ("chart-name chart-wide", 2 * PHONE)):
        for column in chart.columns:
            if column["shown"] == shown and column["dated"] != tallest:
                assert width(column["number"]) <= column["width"] / 0.8 * room / 100 + 0.1
    assert any(column["shown"] for column in chart.columns)


# Their markup


def charts_of_all_dates() -> list[Chart]:
    dates = ["2011", "2011-02", "2011-02-03", "[2011..2012]", "[2011..]", "[..2011]", ""]
    pairs = ((a, b) for a in dates for b in dates if parse(a).earliest <= parse(b).latest)
    return [
        rotation_chart([row_of(a, b, HOSTILE, second=True) for a, b in pairs], LAST_DAY),
        rows_chart([row_of(d, "", HOSTILE, url="/?a=1&b=2", number=1) for d in dates], LAST_DAY),
    ]


@pytest.mark.parametrize("chart", charts_of_all_dates(), ids=["periods", "events"])
def test_every_kind_of_mark_is_drawn_inert_and_with_unique_ids(chart):
    """No inline style, no script, and a decimal point in each number."""
    with translation.override("es"):
        tree = drawn(chart)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    assert tree.get("aria-describedby") in ids
    for element in tree.iter():
        assert element.tag not in ("script", "style")
        assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
    assert HOSTILE in "".join(tree.itertext())
    groups = tree.findall(f".//svg[@height='{chart.bar}'][@y]")
    rows = chart.bars or chart.rows
    for row, group in zip(rows, groups, strict=True):
        titles = group.findall("title") + group.findall("text[@class]")
        assert len(list(group)) - len(titles) >= len(row.marks), "something is drawn for each mark"
    markup = ElementTree.tostring(tree, encoding="unicode")
    assert re.search(r'="\d+\.\d', markup)
    assert not re.search(r'="\d+,\d', markup)
