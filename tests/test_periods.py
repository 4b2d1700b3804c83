"""Periods with partial dates, and the question «on D?», checked against every world that the dates
leave possible: each pair of a first and a last day that the two dates allow."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import example, given
from hypothesis import strategies as st

from organizations.models import Membership
from record.dates import EDTF, parse
from record.periods import RANKED, Answer, Period
from tests.records import edtf, level_0, membership, refusals

# A leap February and a few days on each side: few enough that all worlds can be tried.
DAYS = [date(2016, 1, 28) + timedelta(days=n) for n in range(37)]
WITHIN = [day.isoformat() for day in DAYS[1:-1]]
exact = st.sampled_from([*WITHIN, "2016-02"])


@st.composite
def bounded(draw: st.DrawFn) -> str:
    """A date of any kind within those weeks."""
    one, other = sorted([draw(exact), draw(exact)], key=lambda text: parse(text).earliest)
    return draw(st.sampled_from(["", one, one, f"[{one}..{other}]", f"[{one}..]", f"[..{one}]"]))


periods = st.builds(
    lambda start, end: Period(parse(start), parse(end)), bounded(), bounded()
).filter(lambda period: period.start.earliest <= period.end.latest)


def days(value: EDTF) -> list[date]:
    first, last = value.first_day or date.min, value.last_day or date.max
    return [day for day in DAYS if first <= day <= last]


def worlds(period: Period) -> Iterator[tuple[date, date]]:
    lasts = days(period.end)
    return ((first, last) for first in days(period.start) for last in lasts if first <= last)


def truth(period: Period, when: EDTF) -> tuple[bool, bool, bool]:
    """Whether, in every world, it was so on all of `when`, on some of it, on none of it."""
    first, last = when.first_day, when.last_day
    known = set(worlds(period))
    return (
        all(start <= first and end >= last for start, end in known),
        all(start <= last and end >= first for start, end in known),
        all(start > last or end < first for start, end in known),
    )


@given(periods, exact)
def test_yes_is_true_and_no_is_false_in_every_possible_world(period, when):
    when = parse(when)
    wholly, partly, never = truth(period, when)
    match period.on(when):
        case Answer.YES:
            assert wholly
        case Answer.NO:
            assert never
        case Answer.PARTLY:
            assert partly


@st.composite
def apart(draw: st.DrawFn) -> Period:
    """A period whose last possible start is no later than its first possible end."""
    a, b, c, d = sorted(draw(st.lists(st.sampled_from(WITHIN), min_size=4, max_size=4)))
    start = draw(st.sampled_from([a, f"[{a}..{b}]", f"[..{b}]"]))
    end = draw(st.sampled_from([c, f"[{c}..{d}]", f"[{c}..]"]))
    return Period(parse(start), parse(end))


@given(apart(), exact)
def test_the_answer_says_all_that_is_certain_when_start_and_end_leave_each_other_free(period, when):
    when = parse(when)
    wholly, partly, never = truth(period, when)
    certain = {wholly: Answer.YES, never: Answer.NO, partly and not wholly: Answer.PARTLY}
    assert period.on(when) is certain.get(True, Answer.UNKNOWN)
    certain = [day for day in DAYS if all(f <= day <= last for f, last in worlds(period))]
    assert period.has_certain_day == bool(certain)


@given(periods)
def test_a_certain_day_is_one_in_every_possible_world(period):
    if period.has_certain_day:
        first, last = period.start.last_day, period.end.first_day
        assert all(start <= first <= last <= end for start, end in worlds(period))


@given(periods, periods)
def test_a_certain_overlap_is_one_in_every_possible_world(one, other):
    assert one.certainly_overlaps(other) == other.certainly_overlaps(one)
    # The worlds that decide: of each possible start, the earliest end.
    shortest = dict(reversed(list(worlds(other)))).items()
    if one.certainly_overlaps(other):
        assert all(f <= last and first <= la for first, last in worlds(one) for f, la in shortest)


@pytest.mark.parametrize(
    ("start", "end", "when", "answer"),
    [
        # Still so on the last date that the source speaks of
        ("2017-04", "[2017-05-23..]", "2017-05-23", Answer.YES),
        ("2017-04", "[2017-05-23..]", "2017-05-01", Answer.YES),
        ("2017-04", "[2017-05-23..]", "2017-04-30", Answer.YES),
        ("2017-04", "[2017-05-23..]", "2017-04-29", Answer.UNKNOWN),
        ("2017-04", "[2017-05-23..]", "2017-03-31", Answer.NO),
        ("2017-04", "[2017-05-23..]", "2017-05-24", Answer.UNKNOWN),
        ("2017-04", "[2017-05-23..]", "2017-05", Answer.PARTLY),
        ("2017-04", "[2017-05-23..]", "2017-04", Answer.PARTLY),
        ("2017-04", "[2017-05-23..]", "2017", Answer.PARTLY),
        ("2017-04", "[2017-05-23..]", "2016", Answer.NO),
        ("2017-04", "[2017-05-23..]", "2018", Answer.UNKNOWN),
        # Joined after one date and before another
        ("[2011-08..2015-02]", "[2017-05-23..]", "2013", Answer.UNKNOWN),
        ("[2011-08..2015-02]", "[2017-05-23..]", "2011-07-31", Answer.NO),
        ("[2011-08..2015-02]", "[2017-05-23..]", "2015-02-28", Answer.YES),
        ("[2011-08..2015-02]", "[2017-05-23..]", "2016", Answer.YES),
        # It ended, unknown when
        ("[2011-08..2015-02]", "[2011-08..2017-04]", "2016", Answer.UNKNOWN),
        ("[2011-08..2015-02]", "[..2017-04]", "2017-05", Answer.NO),
        # Nothing said
        ("", "", "2016", Answer.UNKNOWN),
        ("2016", "", "2016", Answer.UNKNOWN),
        ("2016", "", "2015", Answer.NO),
        ("", "2016", "2017", Answer.NO),
        ("", "[2017-05-23..]", "2016", Answer.UNKNOWN),
        # Exact days, a leap day, the end of the calendar
        ("2016-02-29", "2016-02-29", "2016-02-29", Answer.YES),
        ("2016-02-29", "2016-02-29", "2016-02", Answer.PARTLY),
        ("2016-02-01", "2016-02-29", "2016-02", Answer.YES),
        ("2017-02-01", "2017-02-28", "2017-02", Answer.YES),
        ("2015", "9999", "9999", Answer.PARTLY),
        ("2015", "[9999-12-31..]", "9999", Answer.YES),
        ("2015", "9998", "9999", Answer.NO),
    ],
)
def test_on_a_day_a_month_or_a_year_there_is_one_of_four_answers(start, end, when, answer):
    assert Period(parse(start), parse(end)).on(parse(when)) is answer


@pytest.mark.parametrize("when", ["", "[2011..2012]", "[2011..]", "[..2011]"])
def test_the_question_needs_a_day_a_month_or_a_year(when):
    with pytest.raises(ValueError, match="is no day, month or year"):
        Period(parse("2016"), parse("")).on(parse(when))


@pytest.mark.parametrize(
    ("one", "other", "certainly"),
    [
        (("2015", "2016-04"), ("2016-04", "2017"), False),  # a shared month of hand-over
        (("2015", "2016-04-05"), ("2016-04-05", "2017"), False),  # a shared day
        (("2015", "2016-04-06"), ("2016-04-05", "2017"), True),
        (("2015", "2017"), ("2015", "2017"), True),
        (("2017-04", "[2017-05-23..]"), ("2017-04", "[2017-05-23..]"), True),
        (("2015", ""), ("2016", ""), False),
        (("", ""), ("", ""), False),
        (("[2011-08..2017-04]", "[2011-08..2017-04]"), ("2017-04", "[2017-05-23..]"), False),
        (("2011", "2012"), ("2013", "2014"), False),
    ],
)
def test_a_hand_over_is_no_overlap_and_what_is_unknown_no_certain_one(one, other, certainly):
    one, other = (Period(*map(parse, dates)) for dates in (one, other))
    assert one.certainly_overlaps(other) is certainly


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("2017-04", "[2017-05-23..]", "desde abril de 2017, al menos hasta el 23 de mayo de 2017"),
        ("2016", "2017", "desde 2016, hasta 2017"),
        ("2016", "[2016..]", "desde 2016, sin que conste hasta cuándo"),
        ("2016-05", "[2016..]", "desde mayo de 2016, al menos hasta 2016"),
        ("2017-02-11", "", "desde el 11 de febrero de 2017"),
        ("", "2017-02-11", "hasta el 11 de febrero de 2017"),
        ("", "", ""),
        (
            "[2011-08..2015-02]",
            "[..2017-04]",
            "desde algún momento entre agosto de 2011 y febrero de 2015, "
            "hasta abril de 2017 o antes",
        ),
    ],
)
def test_a_period_is_shown_in_spanish_and_says_nothing_that_is_not_known(start, end, shown):
    assert str(Period(parse(start), parse(end))) == shown


@given(edtf(), edtf())
def test_model_and_database_agree_on_which_period_is_possible(kept, start, end):
    possible = parse(start).earliest <= parse(end).latest
    kept.start, kept.end = start, end
    assert list(refusals(kept)) == ([] if possible else ["end"])
    try:
        with transaction.atomic():
            Membership.objects.filter(pk=kept.pk).update(start=start, end=end)
    except IntegrityError:
        assert not possible
    else:
        assert possible


def says_the_same(kept: Membership, period: Period, when: EDTF) -> None:
    spans = {"start": period.start.text, "end": period.end.text}
    Membership.objects.filter(pk=kept.pk).update(**spans)
    assert RANKED[Membership.objects.on(when).get().rank] is period.on(when), (spans, when.text)
    assert Membership.objects.on(when).counts() == {period.on(when): 1}


@given(periods, exact)
@example(Period(parse("[..2016-02]"), parse("[2016-03..]")), "2016-02-29")
def test_the_database_gives_the_answer_that_python_gives(kept, period, when):
    """Also on the last day of a month, which its columns of latest days call the 31st."""
    says_the_same(kept, period, parse(when))


@given(edtf(), edtf(), level_0())
def test_the_database_answers_as_python_does_at_the_ends_of_the_calendar(kept, start, end, when):
    period = Period(parse(start), parse(end))
    if period.is_possible:
        says_the_same(kept, period, parse(when))


@pytest.fixture
def kept(db: None) -> Membership:
    return membership()


@pytest.mark.django_db
def test_members_are_those_that_the_source_left_as_such_and_former_those_that_it_saw_leave():
    still = membership(end="[2017-05-23..]")
    left = membership(end="[2011-08..2017-04]")
    unsaid = membership(end="")
    members = list(Membership.objects.by_state())
    assert [member.state for member in members] == ["current", "former", "unsaid"]
    assert members == [still, left, unsaid]
