"""Periods with partial dates, and the question «on D?», compared with every world that the dates
leave possible: each pair of a first and a last day that both dates allow."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dates.edtf import EDTF, parse
from dates.periods import RANKED, Answer, Period
from organizations.models import Membership
from tests.records import edtf, level_0, membership, refusals

# A leap February and a few days on each side: few enough that all worlds can be tried.
DAYS = [date(2016, 1, 28) + timedelta(days=n) for n in range(37)]
WITHIN = [day.isoformat() for day in DAYS[1:-1]]
exact = st.sampled_from([*WITHIN, "2016-02"])


periods = st.builds(Period, edtf(exact).map(parse), edtf(exact).map(parse)).filter(
    lambda period: period.is_possible
)


def days(value: EDTF) -> list[date]:
    first, last = value.first_day or date.min, value.last_day or date.max
    return [day for day in DAYS if first <= day <= last]


def worlds(period: Period) -> Iterator[tuple[date, date]]:
    lasts = days(period.end)
    return ((first, last) for first in days(period.start) for last in lasts if first <= last)


def truth(period: Period, when: EDTF) -> tuple[bool, bool, bool]:
    """Whether the period covers all of `when`, a part of it, or no day of it, in every world."""
    first, last = when.first_day, when.last_day
    known = set(worlds(period))
    return (
        all(start <= first and end >= last for start, end in known),
        all(start <= last and end >= first for start, end in known),
        all(start > last or end < first for start, end in known),
    )


@given(periods, exact)
def test_yes_no_in_part_and_a_certain_day_are_so_in_every_possible_world(period, when):
    when = parse(when)
    wholly, partly, never = truth(period, when)
    known = {Answer.YES: wholly, Answer.NO: never, Answer.PARTLY: partly, Answer.UNKNOWN: True}
    assert known[period.on(when)]
    if period.certain_days:
        first, last = period.certain_days
        assert all(start <= first <= last <= end for start, end in worlds(period))


@st.composite
def apart(draw: st.DrawFn) -> Period:
    """A period whose last possible start is no later than its first possible end."""
    a, b, c, d = sorted(draw(st.lists(st.sampled_from(WITHIN), min_size=4, max_size=4)))
    start = draw(st.sampled_from([a, f"[{a}..{b}]", f"[..{b}]"]))
    end = draw(st.sampled_from([c, f"[{c}..{d}]", f"[{c}..]"]))
    return Period(parse(start), parse(end))


@given(apart(), exact)
def test_the_answer_says_all_that_is_certain_if_every_start_is_possible_with_every_end(
    period, when
):
    when = parse(when)
    wholly, partly, never = truth(period, when)
    answers = {wholly: Answer.YES, never: Answer.NO, partly and not wholly: Answer.PARTLY}
    assert period.on(when) is answers.get(True, Answer.UNKNOWN)
    certain = [day for day in DAYS if all(f <= day <= last for f, last in worlds(period))]
    assert bool(period.certain_days) == bool(certain)


@given(periods, periods)
def test_a_certain_overlap_is_one_in_every_possible_world(period, other):
    assert period.certainly_overlaps(other) == other.certainly_overlaps(period)
    # The decisive worlds: the earliest end for each possible start.
    shortest = dict(reversed(list(worlds(other)))).items()
    if period.certainly_overlaps(other):
        assert all(
            f <= last and first <= la for first, last in worlds(period) for f, la in shortest
        )


# By period: each answer, and the days, months and years that have it.
ANSWERS = {
    # Still so on the last date of which the source speaks
    "2017-04/[2017-05-23..]": {
        Answer.YES: "2017-05-23 2017-05-01 2017-04-30",
        Answer.PARTLY: "2017-05 2017-04 2017",
        Answer.UNKNOWN: "2017-04-29 2017-05-24 2018",
        Answer.NO: "2017-03-31 2016",
    },
    # Joined after one date and before another
    "[2011-08..2015-02]/[2017-05-23..]": {
        Answer.YES: "2015-02-28 2016",
        Answer.UNKNOWN: "2013",
        Answer.NO: "2011-07-31",
    },
    # It ended, unknown when
    "[2011-08..2015-02]/[2011-08..2017-04]": {Answer.UNKNOWN: "2016"},
    "[2011-08..2015-02]/[..2017-04]": {Answer.NO: "2017-05"},
    # Nothing said
    "/": {Answer.UNKNOWN: "2016"},
    "2016/": {Answer.UNKNOWN: "2016", Answer.NO: "2015"},
    "/2016": {Answer.NO: "2017"},
    "/[2017-05-23..]": {Answer.UNKNOWN: "2016"},
    # Exact days, a leap day, the end of the calendar
    "2016-02-29/2016-02-29": {Answer.YES: "2016-02-29", Answer.PARTLY: "2016-02"},
    "2016-02-01/2016-02-29": {Answer.YES: "2016-02"},
    "2017-02-01/2017-02-28": {Answer.YES: "2017-02"},
    "2015/9999": {Answer.PARTLY: "9999"},
    "2015/[9999-12-31..]": {Answer.YES: "9999"},
    "2015/9998": {Answer.NO: "9999"},
}


def period_of(span: str) -> Period:
    return Period(*map(parse, span.split("/")))


@pytest.mark.parametrize("span", ANSWERS)
def test_on_a_day_a_month_or_a_year_there_is_one_of_four_answers(kept, span):
    for answer, dates in ANSWERS[span].items():
        for when in dates.split():
            assert period_of(span).on(parse(when)) is answer, when
            assert_database_agrees(kept, period_of(span), parse(when))


def assert_database_agrees(kept: Membership, period: Period, when: EDTF) -> None:
    span = {"start": period.start.text, "end": period.end.text}
    Membership.objects.filter(pk=kept.pk).update(**span)
    asked = Membership.objects.on(when)
    assert RANKED[asked.get().rank] is period.on(when), when
    assert asked.counts() == {period.on(when): 1}


def test_the_question_needs_a_day_a_month_or_a_year():
    for when in ("", "[2011..2012]", "[2011..]", "[..2011]"):
        with pytest.raises(ValueError, match="is not a day, a month or a year"):
            period_of("2016/").on(parse(when))


@pytest.mark.parametrize(
    ("span", "other", "certainly"),
    [
        ("2015/2016-04", "2016-04/2017", False),  # a shared month of hand-over
        ("2015/2016-04-05", "2016-04-05/2017", False),  # a shared day
        ("2015/2016-04-06", "2016-04-05/2017", True),
        ("2015/2017", "2015/2017", True),
        ("2017-04/[2017-05-23..]", "2017-04/[2017-05-23..]", True),
        ("2015/", "2016/", False),
        ("/", "/", False),
        ("[2011-08..2017-04]/[2011-08..2017-04]", "2017-04/[2017-05-23..]", False),
        ("2011/2012", "2013/2014", False),
    ],
)
def test_a_hand_over_is_no_overlap_and_an_unknown_date_no_certain_one(span, other, certainly):
    assert period_of(span).certainly_overlaps(period_of(other)) is certainly


IN_WORDS = {
    "2017-04/[2017-05-23..]": "desde abril de 2017, al menos hasta el 23 de mayo de 2017",
    "2016/2017": "de 2016 a 2017",
    "2021-10-05/2021-10-07": "del 5 al 7 de octubre de 2021",
    "2021-09-30/2021-10-02": "del 30 de septiembre al 2 de octubre de 2021",
    "2020-12-30/2021-01-02": "del 30 de diciembre de 2020 al 2 de enero de 2021",
    "2011-08/2011-09": "de agosto a septiembre de 2011",
    "2021-10-05/2021": "del 5 de octubre de 2021 a 2021",
    "2021-10-05/2021-12": "del 5 de octubre a diciembre de 2021",
    "2021-10-05/2021-10-05": "5 de octubre de 2021",
    "[2011..2017]/[2011..2017]": "entre 2011 y 2017",
    "[2015..]/2017": "desde 2015 o después, hasta 2017",
    "2016/[2016..]": "desde 2016, sin que conste hasta cuándo",
    "2016-05/[2016..]": "desde mayo de 2016, al menos hasta 2016",
    "2017-02-11/": "desde el 11 de febrero de 2017",
    "/2017-02-11": "hasta el 11 de febrero de 2017",
    "/": "",
    "[2011-08..2015-02]/[..2017-04]": "desde algún momento entre agosto de 2011 y febrero de 2015, "
    "hasta abril de 2017 o antes",
}


@pytest.mark.parametrize("span", IN_WORDS)
def test_a_period_is_shown_in_spanish_and_says_nothing_that_is_not_known(span):
    assert str(period_of(span)) == IN_WORDS[span]


@settings(max_examples=50)
@given(edtf(), edtf())
@example("2016-02-29", "2016")
@example("2016-03-01", "2016-02")
@example("[2017-05-23..]", "[..2017-05-22]")
def test_model_and_database_agree_on_which_period_is_possible(kept, start, end):
    possible = parse(start).earliest <= parse(end).latest
    kept.start, kept.end = start, end
    assert list(refusals(kept)) == ([] if possible else ["end"])
    with nullcontext() if possible else pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.filter(pk=kept.pk).update(start=start, end=end)


@settings(max_examples=50)
@given(
    st.one_of(
        st.tuples(periods, exact),
        st.tuples(st.builds(Period, edtf().map(parse), edtf().map(parse)), level_0()),
    )
)
@example((period_of("[..2016-02]/[2016-03..]"), "2016-02-29"))  # whose column says 2016-02-31
@example((period_of("9999/9999"), "9999-12-31"))
@example((period_of("0001/0001-01"), "0001"))
@example((period_of("/[..9999]"), "9999"))
def test_the_database_gives_the_answer_that_python_gives(kept, case):
    assume(case[0].is_possible)
    assert_database_agrees(kept, case[0], parse(case[1]))


@pytest.fixture
def kept(db: None) -> Membership:
    return membership()


@pytest.mark.django_db
def test_the_end_of_a_membership_makes_it_current_former_or_unsaid():
    ends = {"current": "[2017-05-23..]", "former": "[2011-08..2017-04]", "unsaid": ""}
    expected = [(state, membership(end=end)) for state, end in ends.items()]
    assert [(record.standing, record) for record in Membership.objects.by_standing()] == expected


@pytest.mark.django_db
def test_answers_are_counted_from_the_surest_yes_to_no():
    for start, end in (("2017", ""), ("2018", ""), ("", "2012"), ("2011", "2017"), ("2016-02", "")):
        membership(start=start, end=end)
    counts = Membership.objects.on(parse("2016")).counts()
    assert list(counts.items()) == [(Answer.YES, 1), (Answer.UNKNOWN, 1), (Answer.NO, 3)]
