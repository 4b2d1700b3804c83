"""The drawn charts show each date as far as its source goes, and no further."""

import re
from datetime import date
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from django.utils import translation
from hypothesis import given

from organizations import rotation
from organizations.charts import replacement_chart, rotation_chart, zoom_chart
from organizations.models import RepresentationTerm
from record.charts import (
    LETTER,
    Chart,
    Row,
    event_stretches,
    period_stretches,
    year_axis,
    years_between,
)
from record.dates import EDTF, parse
from record.periods import Period
from tests import records
from timeline.charts import MOST_ROWS, columns_chart, overview_chart, rows_chart
from timeline.models import Event

HOSTILE = '"><script>alert(1)</script>&amp;<![CDATA[ ]]> \u202e 組織'
LAST_DAY = parse("2017-05-23")


def period(start: str, end: str = "") -> Period:
    return Period(parse(start), parse(end))


def row_of(start: str, end: str = "", name: str = "Alfa", **fields) -> Row:
    return Row(name, period(start, end), **fields)


def days(stretches) -> list[tuple]:
    """The stretches with ISO days, their last one included."""
    return [
        (
            kind,
            first and date.fromordinal(first).isoformat(),
            end and date.fromordinal(end - 1).isoformat(),
        )
        for kind, first, end in stretches
    ]


def drawn(chart: Chart, **more) -> ElementTree.Element:
    """The partial's markup, which must be well-formed XML."""
    html = render_to_string("partials/_chart.html", {"chart": chart} | more)
    return ElementTree.fromstring(html)  # noqa: S314


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2017-05-23", "", [("day", "2017-05-23", "2017-05-23")]),
        ("2015-02", "", [("month", "2015-02-01", "2015-02-28")]),
        ("2016", "", [("year", "2016-01-01", "2016-12-31")]),
        ("[2011-08..2015-02]", "", [("between", "2011-08-01", "2015-02-28")]),
        ("[..2017-02-11]", "", [("before", None, "2017-02-11")]),
        ("[2017-02-11..]", "", [("after", "2017-02-11", None)]),
        ("", "", []),
    ],
)
def test_an_event_is_drawn_over_the_whole_of_its_date_and_no_more(start, end, expected):
    assert days(event_stretches(period(start, end))) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        # what is certain is solid, the month it starts in a wedge, and after the source an arrow
        (
            "2017-04",
            "[2017-05-23..]",
            [
                ("month-start", "2017-04-01", "2017-04-30"),
                ("solid", "2017-05-01", "2017-05-23"),
                ("open", "2017-05-24", None),
            ],
        ),
        ("2015-03-10", "2015-03-12", [("solid", "2015-03-10", "2015-03-12")]),
        (
            "[2011-08..2012]",
            "2014",
            [
                ("between", "2011-08-01", "2012-12-31"),
                ("solid", "2013-01-01", "2013-12-31"),
                ("year-end", "2014-01-01", "2014-12-31"),
            ],
        ),
        # bounds that leave no certain day are one stretch, never a solid bar
        ("[2011-08..2017-04]", "[2011-08..2017-04]", [("between", "2011-08-01", "2017-04-30")]),
        ("2015-03-10", "2015-03", [("between", "2015-03-10", "2015-03-31")]),
        # what is not said is dashed
        (
            "2015-03",
            "",
            [("month-start", "2015-03-01", "2015-03-31"), ("unsaid-end", "2015-04-01", None)],
        ),
        (
            "",
            "[2017-05-23..]",
            [("unsaid-start", None, "2017-05-23"), ("open", "2017-05-24", None)],
        ),
        ("", "[..2014]", [("before", None, "2014-12-31")]),
        ("", "", [("unknown", None, None)]),
    ],
)
def test_a_period_is_solid_only_where_it_is_certain(start, end, expected):
    assert days(period_stretches(period(start, end))) == expected


@given(records.edtf(), records.edtf())
def test_no_stretch_is_wider_or_narrower_than_what_the_dates_leave_open(start, end):
    when = period(start, end)
    if when.start.earliest > when.end.latest:
        return
    stretches = period_stretches(when)
    first = when.start.first_day and when.start.first_day.toordinal()
    end_day = when.end.last_day and when.end.last_day.toordinal() + 1
    starts = [s for _kind, s, _end in stretches if s is not None]
    ends = [e for _kind, _s, e in stretches if e is not None]
    if first is not None:
        assert min(starts) == first
    if end_day is not None:
        assert max(ends) == end_day
    certain_from, certain_until = when.start.last_day, when.end.first_day
    for _kind, since, until in (stretch for stretch in stretches if stretch[0] == "solid"):
        if certain_from and certain_until and certain_from <= certain_until:
            assert since >= certain_from.toordinal()
            assert until <= certain_until.toordinal() + 1
        else:
            assert until - since == 1, "only a known day may be solid by itself"
    assert all(a[2] == b[1] for a, b in pairwise(stretches))


def test_a_mark_stands_where_its_days_do():
    axis = years_between(2011, 2020)
    (mark,) = axis.marks(event_stretches(period("2016")))
    whole = date(2021, 1, 1).toordinal() - date(2011, 1, 1).toordinal()
    assert mark.x == pytest.approx(
        100 * (date(2016, 1, 1) - date(2011, 1, 1)).days / whole, abs=0.01
    )
    assert mark.width == pytest.approx(100 * 366 / whole, abs=0.01)


def test_the_axis_has_whole_years_from_the_first_date_to_the_last():
    axis = year_axis(map(parse, ["[2011-08..2015-02]", "", "2017-05-23"]))
    assert date.fromordinal(axis.first) == date(2011, 1, 1)
    assert date.fromordinal(axis.end) == date(2018, 1, 1)
    assert [label.text for label in axis.labels] == [str(year) for year in range(2011, 2018)]
    assert year_axis(map(parse, ["", ""])) is None


def test_the_axis_leaves_room_for_the_arrow_of_what_went_on():
    axis = year_axis(map(parse, ["2011", "[2017-12-31..]"]))
    assert date.fromordinal(axis.end) == date(2019, 1, 1)


@pytest.mark.parametrize("years", [("0001", "9999"), ("1810", "2017"), ("9999", "9999-12-31")])
def test_an_axis_of_any_length_has_labels_that_fit_a_phone(years):
    axis = year_axis(map(parse, years))
    assert 1 <= len(axis.labels) <= 8


def test_rows_keep_the_order_given_and_the_unknown_has_its_row_too():
    chart = rotation_chart(
        [row_of("", name="Alfa"), row_of("2012-05", "2013-05", "Beta"), row_of("", "2011", "Gama")],
        LAST_DAY,
    )
    assert [row.label.text for row in chart.rows] == ["Alfa", "Beta", "Gama"]
    assert [row.y for row in chart.rows] == sorted(row.y for row in chart.rows)
    assert [mark.kind for mark in chart.rows[0].marks] == ["unknown"]
    assert "cuándo, la fuente no lo dice" in "".join(drawn(chart).itertext())


def test_no_chart_is_drawn_where_no_date_is_known():
    assert rotation_chart([row_of("")], EDTF()) is None
    assert rows_chart([row_of("")]) is None
    assert columns_chart({}, undated=3) is None


def test_the_key_explains_every_sign_that_occurs_and_no_other():
    chart = rotation_chart(
        [row_of("2017-04", "[2017-05-23..]"), row_of("[2011..2012]", "2013")], LAST_DAY
    )
    assert chart.signs == {"between", "month-start", "year-end", "open"}
    key = drawn(chart).find(".//ul[@class='chart-key']")
    assert ["".join(sign.itertext()).strip() for sign in key] == [
        "en algún momento de este tramo; los corchetes son sus límites",
        "consta; la cuña es el mes en que empieza",
        "consta; la cuña es el año en que termina",
        "al menos hasta aquí; después, la fuente calla",
    ]


def test_the_last_day_of_the_source_is_marked_where_that_day_ends():
    chart = rotation_chart([row_of("2011", "2012"), row_of("2017-04", "[2017-05-23..]")], LAST_DAY)
    assert chart.limit.text == "la fuente llega al 23 may 2017"
    assert chart.limit.x == chart.rows[1].marks[-1].x
    in_the_middle_of_a_phone = rotation_chart([row_of("2017-04", "[2017-05-23..]")], LAST_DAY)
    assert in_the_middle_of_a_phone.limit.text == "23 may 2017"


def test_seen_from_near_only_what_is_known_to_the_month_or_day_is_drawn():
    chart = zoom_chart(
        [
            row_of("[2011-08..2017-04]", "[2011-08..2017-04]", "Alfa"),
            row_of("2015", "2016", "Beta"),
            row_of("2017-04", "[2017-05-23..]", "Gama"),
        ],
        LAST_DAY,
    )
    assert [row.label.text for row in chart.rows] == ["Gama"]
    assert [label.text for label in chart.axis.labels] == "ene feb mar abr may jun".split()
    assert chart.title == "De cerca, 2017"
    assert zoom_chart([row_of("2015", "2016")], LAST_DAY) is None


def test_a_last_day_of_the_source_outside_the_months_seen_from_near_is_not_drawn_there():
    assert zoom_chart([row_of("2017-04", "2017-05-03")], parse("2020-01-01")).limit is None


def test_the_arrows_of_a_replacement_stand_within_what_both_dates_leave_open():
    chart = replacement_chart(
        row_of("[2011-08..2015-02]", "[2011-08..2017-04]"),
        row_of("[2011-08..2017-04]", "[2017-05-23..]", "Beta"),
        LAST_DAY,
    )
    first, last = chart.rows[1].marks[0].x, chart.rows[1].marks[0].end
    assert len(chart.handover) == 3
    assert all(first < x < last for x in chart.handover)


def test_events_are_numbered_in_order_and_the_undated_stand_off_the_axis():
    chart = rows_chart([row_of("2011", url="/a"), row_of("2012", url="/b"), row_of("", url="/c")])
    assert [(row.numeral.text, row.url) for row in chart.rows] == [("1", "/a"), ("2", "/b")]
    assert [undated.url for undated in chart.undated] == ["/c"]
    assert drawn(chart).find(".//p[@class='chart-undated']/a/b").text == "3"


@given(records.edtf(), records.edtf())
def test_labels_of_any_event_stay_within_the_chart(start, other):
    chart = rows_chart([row_of(start, name="x" * 200, url="/"), row_of(other, url="/")])
    for row in chart.rows if chart else []:
        for label, room in ((row.label, 576), (row.numeral, 288)):
            at = label.x * room / 100 + label.dx
            length = len(label.text) * LETTER
            left, right = (at - length, at) if label.anchor == "end" else (at, at + length)
            assert left >= -3, label
            assert right <= room + 3, label


def test_hostile_titles_do_not_break_the_markup():
    for chart in (
        rows_chart(
            [row_of("2011", name=HOSTILE, url="/?a=1&b=2"), row_of("", name=HOSTILE, url="/")]
        ),
        rotation_chart([row_of("2011-03", "[2012..]", HOSTILE), row_of("", "", HOSTILE)], LAST_DAY),
    ):
        tree = drawn(chart)
        assert tree.find(".//script") is None
        assert HOSTILE in "".join(tree.itertext())


def test_every_kind_of_mark_is_drawn_without_inline_style_or_script_and_with_unique_ids():
    dates = ["2011", "2011-02", "2011-02-03", "[2011..2012]", "[2011..]", "[..2011]", ""]
    rows = [
        row_of(a, b, second=True)
        for a in dates
        for b in dates
        if parse(a).earliest <= parse(b).latest
    ]
    for chart in (
        rotation_chart(rows, LAST_DAY),
        rows_chart([row_of(d, url="/") for d in dates]),
    ):
        tree = drawn(chart)
        ids = [element.get("id") for element in tree.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        for element in tree.iter():
            assert element.tag not in ("script", "style")
            assert not [name for name in element.attrib if name == "style" or name.startswith("on")]
        rows = tree.findall(f".//svg[@height='{chart.bar}'][@overflow]")
        assert len(rows) == len(chart.rows)
        for row, group in zip(chart.rows, rows, strict=True):
            assert len(list(group)) >= len(row.marks) + 2, "something is drawn for each mark"


def test_numbers_are_written_with_a_point_in_every_language():
    with translation.override("es"):
        tree = drawn(rotation_chart([row_of("2011-03", "2012-04")], LAST_DAY))
    markup = ElementTree.tostring(tree, encoding="unicode")
    assert re.search(r'="\d+\.\d', markup)
    assert not re.search(r'="\d+,\d', markup)


@pytest.mark.django_db
def test_many_events_become_counts_by_year_and_the_bounded_ones_are_told_apart():
    dates = ["2015"] * MOST_ROWS + ["[2016..2017]"] * 5 + [""] * 2
    Event.objects.bulk_create(
        Event(slug=f"e{n}", title="E", category="acuerdo", start=start)
        for n, start in enumerate(dates)
    )
    chart = overview_chart(Event.objects.all())
    assert not chart.rows
    assert [(c["label"], c["dated"], c["bounded"]) for c in chart.columns] == [
        ("2015", MOST_ROWS, 0),
        ("2016", 0, 5),
    ]
    assert chart.undated_words == "2"
    assert "solo con límites" in "".join(drawn(chart).itertext())


@pytest.mark.parametrize(
    ("first", "last", "most"), [(1990, 2017, 40), (1700, 2017, 40), (1, 9999, 40)]
)
def test_many_years_become_decades_or_longer(first, last, most):
    chart = columns_chart({f"{year:04}": (1, 1) for year in range(first, last + 1)})
    assert len(chart.columns) <= most
    assert sum(column["dated"] + column["bounded"] for column in chart.columns) == 2 * (
        last - first + 1
    )
    assert all(
        column["x"] >= 0 and column["x"] + column["width"] <= 100.01 for column in chart.columns
    )


@pytest.mark.django_db
def test_the_overview_costs_no_more_for_many_events_than_for_few(django_assert_max_num_queries):
    records.event(start="2016")
    with django_assert_max_num_queries(2):
        overview_chart(Event.objects.visible_to(None))
    Event.objects.bulk_create(
        Event(
            slug=f"e{n}", title="E", category="acuerdo", start="2015", publish_at=records.LONG_AGO
        )
        for n in range(500)
    )
    with django_assert_max_num_queries(1):
        overview_chart(Event.objects.visible_to(None))


# What the page of the rotation says


def terms(*dates: tuple[str, str], role: str = "representative") -> list[RepresentationTerm]:
    return [
        records.term(
            start=start,
            end=end,
            role=role,
            order=n,
            organization=records.organization(name=f"O{n}"),
        )
        for n, (start, end) in enumerate(dates, 1)
    ]


def test_the_gaps_are_the_stretches_without_a_certain_representative():
    periods = [
        period("[2011-08..2017-04]", "[2011-08..2017-04]"),
        period("2017-04", "[2017-05-23..]"),
    ]
    assert rotation.gaps(periods, "representante") == [
        "Entre agosto de 2011 y abril de 2017 no consta, de ningún día, quién era representante.",
        "Después del 23 de mayo de 2017, la fuente calla.",
    ]


def test_a_hand_over_within_a_month_or_on_the_next_day_is_no_gap_and_a_year_of_it_is_one():
    months = [period("2011-01-01", "2012-02"), period("2012-02", "2013-01-01")]
    days = [period("2011-01-01", "2012-03-31"), period("2012-04-01", "2013-01-01")]
    years = [period("2011-01-01", "2012"), period("2012", "2013-01-01")]
    for periods in (months, days):
        assert [sentence.split()[0] for sentence in rotation.gaps(periods, "r")] == [
            "Antes",
            "Después",
        ]
    assert "Dentro de 2012 no consta, de ningún día, quién era r." in rotation.gaps(years, "r")


def test_where_nothing_is_certain_no_day_is():
    assert rotation.gaps([period("", "")], "representante") == [
        "De ningún día consta quién era representante."
    ]
    assert rotation.gaps([], "representante") == []


@pytest.mark.django_db
def test_terms_that_may_overlap_are_named_and_those_that_only_share_a_month_are_not():
    shared = ("[2011-08..2017-04]", "[2011-08..2017-04]")
    assert rotation.overlaps(terms(shared, shared, ("2017-04", "[2017-05-23..]"))) == [
        "O1 y O2 comparten un mismo tramo posible: la fuente da su orden, no cuándo termina una y "
        "empieza otra."
    ]


@pytest.mark.parametrize(
    ("spoke", "dated", "title"),
    [
        (0, 0, "No consta quién habló por la Red"),
        (1, 0, "Una habló por la Red; no se sabe desde cuándo"),
        (5, 1, "Cinco hablaron por la Red; de una se sabe desde cuándo"),
        (5, 0, "Cinco hablaron por la Red; de ninguna se sabe desde cuándo"),
        (2, 2, "Dos hablaron por la Red; de todas se sabe desde cuándo"),
    ],
)
@pytest.mark.django_db
def test_the_title_says_how_much_is_known(spoke, dated, title, settings, visitor):
    settings.SITE_NAME = "Red"
    terms(*[("2012", "")] * dated, *[("", "")] * (spoke - dated))
    page = visitor.get("/representacion/").content.decode()
    assert f"<h1>{title}</h1>" in page
    assert f"<title>{title} · Red</title>" in page


@pytest.mark.django_db
def test_the_page_shows_each_quote_once_and_our_notes_as_ours(visitor):
    source = records.source(describes_until="2017-05-23")
    for term in terms(("[2012-05..2014]", "[2012-05..2014]"), ("2014-03", "[2017-05-23..]")):
        term.note = "Nota nuestra: no se dedujo nada."
        term.save()
        records.citation(term, source=source, field="start_earliest")
        records.citation(term, source=source, field="end")
    html = visitor.get("/representacion/").content.decode()
    assert html.count("<mark>decidieron sumarse</mark>") == 1
    assert "Nota nuestra, sobre O1 y O2:" in html
    assert html.count("No se dedujo nada.") == 1
    assert 'id="rotacion-title"' in html


@pytest.mark.django_db
def test_the_page_costs_the_same_for_few_terms_and_for_many(visitor, django_assert_max_num_queries):
    terms(("2012-05", "2012-06"), ("", ""))
    with django_assert_max_num_queries(8) as few:
        visitor.get("/representacion/")
    organization = records.organization()
    RepresentationTerm.objects.bulk_create(
        RepresentationTerm(slug=f"t{n}", organization=organization, role="representative")
        for n in range(300)
    )
    with django_assert_max_num_queries(len(few)) as many:
        response = visitor.get("/representacion/")
    assert len(many) == len(few)
    assert response.content.decode().count("<tr id=") == 60


@pytest.mark.django_db
def test_without_any_term_the_page_says_so(visitor):
    response = visitor.get("/representacion/")
    assert response.status_code == 200
    assert "No consta quién habló" in response.content.decode()
