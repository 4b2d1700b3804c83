"""Why a period has its answer to a date, and the whole of a period, in words."""

import re

import pytest
from hypothesis import given

from dates.edtf import EDTF, parse
from dates.periods import Answer, Period, of_several, reason

from .test_periods import exact, periods


def cases(table: str) -> list[tuple[list[str], str]]:
    """The dates before the colon of each row, `?` for an unknown one, and the sentence."""
    rows = (" ".join(row.split()).partition(": ") for row in re.split(r"\n(?! )", table.strip()))
    return [
        (dates.replace("?", "").replace(" en ", " a ").split(" a "), sentence)
        for dates, _colon, sentence in rows
    ]


# Start a end en date: the reason for «yes», «no», «partly» and «unknown», in this order. Of a part,
# the certain days come first, then the denied and the unknown ones.
REASONS = """
2012 a 2014 en 2013: Lo era de 2012 a 2014.
2012-05-03 a 2012-05-03 en 2012-05-03: Lo era el 3 de mayo de 2012.
[2012-05..2013-02] a [2016-05-23..] en 2014: Lo era a más tardar desde febrero de 2013 y al menos
    hasta el 23 de mayo de 2016.
2012-05-03 a ? en 2012-04: Empezó a serlo después, el 3 de mayo de 2012.
[2012-05..2013] a ? en 2012-04: Empezó a serlo en mayo de 2012 o después.
? a 2012-05-03 en 2013: Lo fue hasta el 3 de mayo de 2012.
? a [..2012-05-03] en 2013: Dejó de serlo a más tardar el 3 de mayo de 2012.
2012-04 a [2012-05-23..] en 2012: Lo era desde abril de 2012 y al menos hasta el 23 de mayo de 2012;
    antes de abril de 2012, no; qué día empezó y si lo era después, la fuente no lo dice.
2012-04-03 a 2012-05-23 en 2012: Lo era del 3 de abril al 23 de mayo de 2012; antes y
    después, no.
2012 a 2014 en 2012: Al terminar 2012 ya lo era; qué día empezó, la fuente no lo dice.
2012 a 2014 en 2014: Al empezar 2014 todavía lo era; qué día dejó de serlo, la fuente no lo dice.
[2012-02..2012-04] a 2014 en 2012: Lo era a más tardar desde abril de 2012 y hasta terminar 2012;
    antes de febrero de 2012, no; desde cuándo, entre febrero y abril de 2012, la fuente no lo dice.
[..2012-04] a 2014 en 2012: Lo era a más tardar desde abril de 2012 y hasta terminar 2012; si lo era
    antes, la fuente no lo dice.
2012 a [2014-02..2014-04] en 2014: Lo era ya al empezar 2014 y al menos hasta febrero de 2014;
    después de abril de 2014, no; hasta cuándo, entre febrero y abril de 2014, la fuente no lo dice.
2012 a 2012 en 2012: Lo fue en algún momento de 2012; qué días, la fuente no lo dice.
? a ? en 2012: Desde cuándo, hasta cuándo y si lo era en 2012, la fuente no lo dice.
2012 a 2012 en 2012-05: Lo fue en algún momento de 2012; qué días, la fuente no lo dice.
[2012..2014] a [2012..2014] en 2013: Lo fue en algún momento entre 2012 y 2014; cuándo, la fuente no
    lo dice.
2012 a [2014-05-23..] en 2012-03-05: Empezó a serlo en 2012; si lo era el 5 de marzo de 2012, la
    fuente no lo dice.
2012 a [2014-05-23..] en 2015: Lo seguía siendo el 23 de mayo de 2014; después, la fuente no lo
    dice.
2011 a [2012..2014] en 2013: Dejó de serlo en algún momento entre 2012 y 2014; si lo era en 2013, la
    fuente no lo dice.
? a [..2014] en 2013: Dejó de serlo a más tardar en 2014; desde cuándo y si lo era en 2013, la
    fuente no lo dice.
"""
STORIES = """
2012-04 a [2014-05-23..]: Empezó a ser socia en abril de 2012; lo seguía siendo el 23 de mayo de
    2014; después, la fuente no lo dice.
2016 a 2017: Fue socia de 2016 a 2017.
2012-04-03 a 2012-05-23: Fue socia del 3 de abril al 23 de mayo de 2012.
2012-04-03 a 2012-04-03: Fue socia el 3 de abril de 2012.
2012 a 2012: Fue socia en algún momento de 2012; qué días, la fuente no lo dice.
[2012..2014] a [2012..2014]: Fue socia en algún momento entre 2012 y 2014; cuándo, la fuente no lo
    dice.
[2012..] a [..2014]: Empezó a ser socia en 2012 o después; dejó de serlo a más tardar en 2014.
[..2012] a 2014: Empezó a ser socia a más tardar en 2012; lo fue hasta 2014.
2012 a ?: Empezó a ser socia en 2012; hasta cuándo, la fuente no lo dice.
? a ?: Fue socia; desde cuándo y hasta cuándo, la fuente no lo dice.
? a 2014: Fue socia hasta 2014; desde cuándo, la fuente no lo dice.
? a [..2014]: Dejó de ser socia a más tardar en 2014; desde cuándo, la fuente no lo dice.
? a [2014-05-23..]: Era socia el 23 de mayo de 2014; desde cuándo y si lo era después, la fuente no
    lo dice.
"""


@pytest.mark.parametrize(("dates", "words"), cases(REASONS))
def test_each_answer_is_explained_in_a_sentence_made_of_its_bounds(dates, words):
    start, end, when = map(parse, dates)
    assert reason(Period(start, end), when).words == words


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("Empezó a serlo en 2012.", "Empezaron a serlo en 2012."),
        ("Ya lo era; qué día empezó, la", "Ya lo eran; qué día empezó cada una, la"),
        ("Lo fue en 2012; cuándo, la", "Lo fueron en 2012; cuándo cada una, la"),
        ("Dejó de serlo; desde cuándo y si", "Dejaron de serlo; desde cuándo y si"),
    ],
)
def test_a_reason_of_several_is_in_the_plural_and_says_that_each_has_its_own_day(one, several):
    assert of_several(one) == several


@pytest.mark.parametrize(("dates", "words"), cases(STORIES))
def test_the_story_of_a_period_says_which_dates_are_not_said(dates, words):
    period = Period(*map(parse, dates))
    assert period.story("socia") == words
    assert period.story() == words.replace("ser socia", "serlo").replace(
        "Fue socia", "Lo fue"
    ).replace("Era socia", "Lo era")


@given(periods, exact)
def test_a_reason_rests_on_bounds_that_alone_give_the_same_answer(period, when):
    why = reason(period, parse(when))
    assert why.answer is period.on(parse(when))
    assert re.fullmatch(r"[A-ZÁÉÍÓÚ][^.]*[^.;, ]\.", why.words), why.words
    if why.answer in (Answer.YES, Answer.NO):
        alone = Period(*(date_of(why.bounds, side, period) for side in ("start", "end")))
        assert alone.on(parse(when)) is why.answer


def date_of(bounds: tuple[str, ...], side: str, period: Period) -> EDTF:
    """The start or the end of the period with these bounds alone."""
    date = getattr(period, side)
    lower = date.lower if f"{side}_earliest" in bounds else ""
    upper = date.upper if f"{side}_latest" in bounds else ""
    return parse(f"[{lower}..{upper}]" if lower or upper else "")
