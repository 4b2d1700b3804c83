"""Partial dates: which text is a date, and its bounds; Python and both databases agree."""

from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DatabaseError, transaction
from django.db.models import Value
from edtf_validate.valid_edtf import is_valid
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dates.edtf import EDTF, ImpossibleDate, parse
from dates.fields import (
    Earliest,
    Latest,
    PossibleDate,
    SortDay,
)
from organizations.models import Organization
from tests.records import WAYS, edtf, event, statement
from timeline.models import Event, Statement

POSSIBLE = """
2011 2011-08 2011-08-11 0001-01-01 9999-12-31 2016-02-29 2000-02-29 [2011-08..2015-02]
[2011-08-15..2011-08] [2011..2011] [2017-05-23..] [..2017-04] [0001..9999]
""".split()
RANGES = {
    "[2015-02..2016]": "[2015-02..2016-12]",
    "[2015..2016-02-11]": "[2015-01-01..2016-02-11]",
    "[2016-02-03..2016-02]": "[2016-02-03..2016-02-29]",
}
IMPOSSIBLE = [
    # No day of the calendar
    *"2017-02-30 2017-02-29 1900-02-29 2017-04-31 2017-13 2017-00 2017-12-00 2017-12-32".split(),
    *"0000 0000-01-01 [2018..2017] [2015-02..2011-08] [2011-08-12..2011-08-11]".split(),
    *"[0000..2017] [2017-02-30..] [..2017-13]".split(),
    # No form of ours
    *"[..] [] [ ] .. 2017.. ..2017 2011..2017 [2017] [2011..2017 2011..2017] [2011...2017]".split(),
    *"[2011..2013..2017] [2011.2017] [[2011..2017] [2011..2017]] [2011,2017] 2011/2017".split(),
    *"2017- 2017-1 2017-1-1 2017-011 201 20171 20170211 2017/02 -2017 -123 -123-01-01".split(),
    *"+2017 2017-02-1a 2017-02T 2017-02-11T0 201a now 2017~ 2017? 201X 2017-21 2017–02".split(),
    *"٢٠١٧ ２０１７ २०१७-०२ [٢٠١٧..] % ____ [0-9]".split(),
    *("agosto de 2011", " 2017", "2017 "),
    # White space and NUL, which PostgreSQL cannot store
    *("2017\n", "\n2017", "2017-02-11\n", "[2011..2017]\n", "[2011\n..2017]"),
    *("2017\0", "2017-02-11\0", "\x002017", "[2017\0..]", "[2017..]\0"),
]


def stored(text: str) -> bool:
    """Whether the database stores `text` as a date."""
    try:
        with transaction.atomic():
            Event.objects.filter(slug="dated").update(start=text)
    except (DatabaseError, ValueError):
        return False
    return True


def known(text: str) -> bool:
    try:
        parse(text)
    except ImpossibleDate:
        return False
    return True


@pytest.fixture
def dated(db: None) -> Event:
    return event(slug="dated")


@pytest.mark.parametrize("text", ["", *POSSIBLE])
def test_a_possible_date_is_taken_by_model_and_database(dated, text):
    dated.start = text
    dated.full_clean()
    assert stored(text)
    dated.refresh_from_db()
    assert dated.start == parse(text).text
    assert is_valid(dated.start or "2011")
    assert parse(dated.start).text == dated.start


@pytest.mark.parametrize("written", RANGES)
def test_a_range_of_two_precisions_is_stored_at_the_finer_one_with_the_same_days(dated, written):
    assert (is_valid(written), is_valid(RANGES[written])) == (False, True)
    for way in WAYS:
        way(dated, start=written)
    assert set(Event.objects.values_list("start", flat=True)) == {RANGES[written]}


def test_a_migration_mends_the_stored_ranges_of_two_precisions_and_their_versions(dated):
    for manager in (Event.objects, Event.history):
        manager.update(start=Value("[2015-02..2016]"))
    import_module("timeline.migrations.0004_ranges_of_one_precision").mend(apps, None)
    for manager in (Event.objects, Event.history):
        assert [*manager.values_list("start", flat=True)] == ["[2015-02..2016-12]"]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_an_impossible_date_is_refused_by_model_and_database(dated, text):
    dated.start = text
    with pytest.raises(ValidationError) as refusal:
        dated.full_clean()
    assert "start" in refusal.value.message_dict
    assert not stored(text)
    dated.refresh_from_db()
    assert dated.start == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2017-02-30", "febrero de 2017 tiene 28 días"),
        ("2017-13", "no hay mes 13; van de 1 a 12"),
        ("0000", "no hubo año 0"),
        ("[2018..2017]", "2018 no es anterior a 2017"),
        ("[..]", "se esperaba la forma"),
        ("ayer", "no se reconoce como día, mes o año"),
    ],
)
def test_a_refusal_shows_the_date_says_why_and_what_to_write(text, says):
    with pytest.raises(ImpossibleDate) as refusal:
        parse(text)
    assert str(refusal.value).startswith(f"«{text}» no es una fecha posible: ")
    assert says in str(refusal.value)
    assert "Escriba, por ejemplo, «11 de febrero de 2020»" in str(refusal.value)


def test_a_refusal_of_a_very_long_text_stays_short():
    with pytest.raises(ImpossibleDate) as refusal:
        parse("2017" * 2500)
    assert len(str(refusal.value)) < 300


slips = st.text("0123456789-[]. \n٢２X", max_size=24)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    text = draw(edtf())
    place = draw(st.integers(0, len(text)))
    cut = draw(st.integers(0, 2))
    return (text[:place] + draw(st.text("0123456789-[].\n", max_size=2)) + text[place + cut :])[:24]


@settings(max_examples=150)
@given(st.one_of(edtf(), mangled(), slips))
@example("[2011-08-15..2011-08]")
def test_python_and_database_agree_on_which_text_is_a_date(dated, text):
    assert stored(text) == known(text)


def texts_of_every_form() -> list[str]:
    """Each day that five years could have, with months and days beyond the calendar; and sets."""
    years = ("0000", "0004", "1900", "2000", "2017")
    days = [f"{y}-{m:02}-{d:02}" for y in years for m in range(14) for d in range(33)]
    parts = ["", *"0001 9999 2000 2000-02 2000-02-29 2000-02-30 2000-1".split(), *days[::97]]
    sets = [f"[{lower}..{upper}]" for lower in parts for upper in parts]
    texts = {*days, *(day[:7] for day in days), *years, *parts, *sets}
    return sorted({parse(text).text if known(text) else text for text in texts})


@pytest.mark.django_db
def test_the_database_takes_and_bounds_every_form_as_python_does():
    texts = texts_of_every_form()
    Organization.objects.bulk_create(
        Organization(slug=n, name=text) for n, text in enumerate(texts)
    )
    functions = {"taken": PossibleDate, "earliest": Earliest, "latest": Latest, "place": SortDay}
    answers = Organization.objects.annotate(**{k: f("name") for k, f in functions.items()})
    for text, taken, *days in answers.values_list("name", *functions):
        assert taken == known(text), text
        if taken:
            assert days == bounds_and_place(text), text
            value = parse(text)
            assert str(value.first_day or "") == value.earliest
            assert str(value.last_day or value.latest)[:7] == value.latest[:7]


def bounds_and_place(text: str) -> list[str]:
    value = parse(text)
    return [value.earliest, value.latest, value.earliest or (value.latest if value else "")]


@settings(max_examples=50)
@given(edtf())
@example("2016-02-29")
@example("[..9999]")
@example("[0001..]")
@example("[2000-02..2000-02]")
def test_generated_columns_are_the_bounds_that_python_computes(dated, text):
    Event.objects.filter(slug="dated").update(start=text, end="")
    columns = Event.objects.values_list("start_earliest", "start_latest", "sort_day").get()
    assert list(columns) == bounds_and_place(text)


@pytest.mark.parametrize(
    ("text", "earliest", "latest", "first", "last", "kind"),
    [
        ("", "", "9999-12-31", "None", "None", "unknown"),
        ("2016", "2016-01-01", "2016-12-31", "2016-01-01", "2016-12-31", "year"),
        ("2016-02", "2016-02-01", "2016-02-31", "2016-02-01", "2016-02-29", "month"),
        ("2017-02", "2017-02-01", "2017-02-31", "2017-02-01", "2017-02-28", "month"),
        ("2017-05-23", "2017-05-23", "2017-05-23", "2017-05-23", "2017-05-23", "day"),
        ("[2011-08..2015-02]", "2011-08-01", "2015-02-31", "2011-08-01", "2015-02-28", "between"),
        ("[2017-05-23..]", "2017-05-23", "9999-12-31", "2017-05-23", "None", "after"),
        ("[..2017-04]", "", "2017-04-31", "None", "2017-04-30", "before"),
        ("9999", "9999-01-01", "9999-12-31", "9999-01-01", "9999-12-31", "year"),
        ("0001", "0001-01-01", "0001-12-31", "0001-01-01", "0001-12-31", "year"),
    ],
)
def test_bounds_and_kind_of_each_form(text, earliest, latest, first, last, kind):
    value = parse(text)
    assert (value.earliest, value.latest) == (earliest, latest)
    assert (str(value.first_day), str(value.last_day), value.kind) == (first, last, kind)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("2011", "2011"),
        ("2011-08", "agosto de 2011"),
        ("2017-02-11", "11 de febrero de 2017"),
        ("[2011-08..2015-02]", "entre agosto de 2011 y febrero de 2015"),
        ("[2011-08..2011-09]", "entre agosto y septiembre de 2011"),
        ("[2011-08-03..2011-08-05]", "entre el 3 y el 5 de agosto de 2011"),
        ("[2011-08-03..2011-09-05]", "entre el 3 de agosto y el 5 de septiembre de 2011"),
        ("[2011-08-01..2015]", "entre el 1 de agosto de 2011 y el 31 de diciembre de 2015"),
        ("[2017-05-23..]", "el 23 de mayo de 2017 o después"),
        ("[..2017-04]", "abril de 2017 o antes"),
    ],
)
def test_a_date_is_shown_in_spanish_as_precisely_as_it_is_known(text, words):
    assert str(parse(text)) == words


def test_only_the_unknown_date_is_false():
    assert not EDTF()
    assert parse("[..9999]")


@pytest.mark.django_db
def test_undated_records_are_listed_first_and_bounded_ones_by_their_first_day():
    for start in "2017-02-11 [2011-08..2015-02] 2016 [..2012-03] [2017-05-23..]".split():
        statement(date=start)
    statement(date="")
    dates = Statement.objects.values_list("date", flat=True)
    assert " ".join(dates) == " [2011-08..2015-02] [..2012-03] 2016 2017-02-11 [2017-05-23..]"
