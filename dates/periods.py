"""Periods between partial dates, and the four answers to the question «on D?».

The sentences say «lo era»: their subject is the organization on the page, a member or a
representative.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from django.utils.functional import lazy
from django.utils.text import capfirst

from dates.edtf import (
    EDTF,
    at,
    in_words,
    of,
    span,
)
from dates.text import by_sources


class Answer(Enum):
    """Whether a period covers a day, a month or a year; the value is the word on the page."""

    YES = "sí"
    PARTLY = "en parte"
    NO = "no"
    UNKNOWN = "no determinable"


UNSAID = lazy(by_sources, str)("la fuente no lo dice", "las fuentes no lo dicen")
"""That no source says a date."""
BESIDE = {"start": ("antes", "desde", "empezó"), "end": ("después", "hasta", "dejó de serlo")}
SEVERAL = {
    "qué día empezó": "qué día empezó cada una",
    "qué día dejó": "qué día dejó cada una",
    "; cuándo,": "; cuándo cada una,",
    "; qué días,": "; qué días cada una,",
    "lo era": "lo eran",
    "lo fue": "lo fueron",
    "lo seguía": "lo seguían",
    "empezó": "empezaron",
    "dejó": "dejaron",
    "la sustituyó": "las sustituyó",
}
"""Words of a reason about one organization, and about several."""
RANKED = (Answer.YES, Answer.PARTLY, Answer.UNKNOWN, Answer.NO)
"""The answers in the order of the pages."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to `end`, both included. An end of `[2017-05-23..]` means «still so when the
    source was written»; an end of `[..2017-04]` means that it ended by then."""

    start: EDTF = field(default_factory=EDTF)
    end: EDTF = field(default_factory=EDTF)

    def on(self, when: EDTF) -> Answer:
        """The answer for `when`, a day, a month or a year; ValueError for other dates."""
        first, last = days_of(when)
        certain_from, certain_until = self.start.last_day or date.max, self.end.first_day
        if certain_until and certain_from <= first and certain_until >= last:
            return Answer.YES
        if (self.start.first_day or date.min) > last or (self.end.last_day or date.max) < first:
            return Answer.NO
        is_partly = certain_until and certain_from <= last and certain_until >= first
        return Answer.PARTLY if is_partly else Answer.UNKNOWN

    @property
    def certain_days(self) -> tuple[date, date] | None:
        """The first and the last day that the period certainly covers."""
        first, last = self.start.last_day, self.end.first_day
        return (first, last) if first and last and first <= last else None

    def certainly_overlaps(self, other: "Period") -> bool:
        """Whether the two share more than the day or the month of a hand-over."""
        return self.start.latest < other.end.earliest and other.start.latest < self.end.earliest

    @property
    def is_possible(self) -> bool:
        """Whether the end can be at or after the start."""
        return self.start.earliest <= self.end.latest

    @property
    def is_open(self) -> bool:
        """Whether it had not ended by the last date of the source."""
        return self.end.kind == "after"

    @property
    def when(self) -> str:
        """The period in words, or its start alone if it has no end; empty if both are unknown."""
        return str(self) if self.end else str(self.start)

    @property
    def start_words(self) -> str:
        """«abril de 2017», «algún momento entre … y …»; empty when the source does not say."""
        return _moment(self.start)

    @property
    def end_words(self) -> str:
        """«abril de 2017», «al menos el 23 de mayo de 2017»; empty when the source does not say."""
        if self.is_open:
            return f"al menos {in_words(self.end.lower, 'el ')}"
        return _moment(self.end)

    @property
    def is_one_date(self) -> bool:
        """Whether the start and the end are one date, which is no bound."""
        return self.start == self.end and self.start.kind not in ("after", "before")

    def __str__(self) -> str:
        """«desde abril de 2017, al menos hasta el 23 de mayo de 2017», «de 2016 a 2017»; empty if
        both are unknown."""
        start, end = self.start, self.end
        if self.is_one_date:
            return str(start)
        if start.is_exact and end.is_exact:
            return span(start.text, end.text)
        until = f"hasta {self.end_words}" if end else ""
        if self.is_open and end.lower == start.text:
            until = "sin que conste hasta cuándo"
        elif self.is_open:
            until = f"al menos hasta {in_words(end.lower, 'el ')}"
        return ", ".join(filter(None, (f"desde {self.start_words}" if start else "", until)))

    def story(self, noun: str = "", began: str = "empezó") -> str:
        """The period as a sentence: «Empezó a ser integrante en abril de 2017; lo seguía siendo el
        23 de mayo de 2017; después, la fuente no lo dice.»"""
        to_be = f"ser {noun}" if noun else "serlo"
        was, used_to_be = (f"{verb} {noun}" if noun else f"lo {verb}" for verb in ("fue", "era"))
        start, end = self.start, self.end
        if self.is_one_date:
            words = f"{was}{_once(start)}"
        elif start.is_exact and end.is_exact:
            words = f"{was} {span(start.text, end.text)}"
        elif start:
            after = f"; después, {UNSAID}" if self.is_open else ""
            words = f"{started(start, to_be, began)}; {ended(end)}{after}"
        elif self.is_open:
            words = f"{used_to_be} {at(end.lower)}; desde cuándo y si lo era después, {UNSAID}"
        else:
            words = f"{ended(end, to_be, was)}; desde cuándo, {UNSAID}"
        return f"{capfirst(words)}."


def _once(when: EDTF) -> str:
    """The words after «lo fue» for a period whose start and end are one date."""
    match when.kind:
        case "unknown":
            return f"; desde cuándo y hasta cuándo, {UNSAID}"
        case "day":
            return f" {at(when.text)}"
        case "between":
            return f" en algún momento {when}; cuándo, {UNSAID}"
    return f" en algún momento {of(when.text)}; qué días, {UNSAID}"


def _moment(date: EDTF) -> str:
    prefix = {"between": "algún momento ", "day": "el "}.get(date.kind, "")
    return f"{prefix}{date}"


def days_of(when: EDTF) -> tuple[date, date]:
    """The first and the last day of a day, a month or a year; ValueError for other dates."""
    first, last = when.first_day, when.last_day
    if not when.is_exact or first is None or last is None:
        raise ValueError(f"{when.text!r} is not a day, a month or a year")
    return first, last


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a period has its answer: `words` in Spanish, and the columns of the bounds that decide,
    such as `start_latest`."""

    answer: Answer
    words: str
    bounds: tuple[str, ...]


Explanation = tuple[str, tuple[str, ...]]
"""The words and the bounds of a Reason. The words begin in lower case and have no full stop."""


def reason(period: Period, when: EDTF) -> Reason:
    """Why the period has its answer for `when`, a day, a month or a year."""
    answer = period.on(when)
    explain = {Answer.YES: _yes, Answer.PARTLY: _partly, Answer.NO: _no}.get(answer, _unknown)
    words, bounds = explain(period, when)
    return Reason(answer, f"{capfirst(words)}.", bounds)


def of_several(words: str) -> str:
    """«Empezaron a serlo en 2016.» for «Empezó a serlo en 2016.»"""
    words = f"{words[:1].lower()}{words[1:]}"
    return capfirst(re.sub("|".join(SEVERAL), lambda match: SEVERAL[match[0]], words))


def started(start: EDTF, to_be: str = "serlo", began: str = "empezó") -> str:
    """«empezó a serlo en 2016», «… a más tardar en abril de 2017», «… en 2015 o después»."""
    return f"{began} a {to_be} {_then(start)}"


def ended(end: EDTF, to_be: str = "serlo", was: str = "lo fue") -> str:
    """«lo seguía siendo el 23 de mayo de 2017», «dejó de serlo a más tardar en 2017»…"""
    match end.kind:
        case "unknown":
            return f"hasta cuándo, {UNSAID}"
        case "after":
            return f"lo seguía siendo {at(end.lower)}"
        case "between" | "before":
            return f"dejó de {to_be} {_then(end)}"
    return f"{was} hasta {in_words(end.text, 'el ')}"


def _then(when: EDTF) -> str:
    match when.kind:
        case "between":
            return f"en algún momento {when}"
        case "after":
            return f"{at(when.lower)} o después"
        case "before":
            return f"a más tardar {at(when.upper)}"
    return at(when.text)


def _since(start: EDTF) -> str:
    """The day by which it had certainly begun."""
    return f"{'' if start.is_exact else 'a más tardar '}desde {in_words(start.upper, 'el ')}"


def _until(end: EDTF) -> str:
    """The day until which it certainly lasted."""
    return f"{'' if end.is_exact else 'al menos '}hasta {in_words(end.lower, 'el ')}"


def _yes(period: Period, when: EDTF) -> Explanation:
    return f"lo era {_certainly(period)}", ("start_latest", "end_earliest")


def _certainly(period: Period) -> str:
    start, end = period.start, period.end
    if start.is_exact and end.is_exact:
        return span(start.text, end.text) if start != end else at(start.text)
    return f"{_since(start)} y {_until(end)}"


def _no(period: Period, when: EDTF) -> Explanation:
    start, end = period.start, period.end
    if start.first_day and start.first_day > days_of(when)[1]:
        later = f"después, {at(start.text)}" if start.is_exact else f"{at(start.lower)} o después"
        return f"empezó a serlo {later}", ("start_earliest",)
    words = ended(end) if end.is_exact else f"dejó de serlo a más tardar {at(end.upper)}"
    return words, ("end_latest",)


def _partly(period: Period, when: EDTF) -> Explanation:
    all_bounds = ("start_earliest", "start_latest", "end_earliest", "end_latest")
    certain, (first, last) = period.certain_days, days_of(when)
    if not certain:
        return f"lo fue en algún momento {of(when.text)}; qué días, {UNSAID}", all_bounds
    begins, stops = certain[0] > first, certain[1] < last
    before = _beside("start", period.start, first) if begins else ("", "")
    after = _beside("end", period.end, last) if stops else ("", "")
    no, unsaid = (" y ".join(filter(None, parts)) for parts in zip(before, after, strict=True))
    clauses = [
        _certain(period, when, certain),
        f"{no}, no" * bool(no),
        f"{unsaid}, {UNSAID}" * bool(unsaid),
    ]
    return "; ".join(filter(None, clauses)), all_bounds[:2] * begins + all_bounds[2:] * stops


def _certain(period: Period, when: EDTF, certain: tuple[date, date]) -> str:
    """The part of `when` that is certain."""
    first, last = days_of(when)
    if certain[0] == last:
        return f"al terminar {in_words(when.text)} ya lo era"
    if certain[1] == first:
        return f"al empezar {in_words(when.text)} todavía lo era"
    if certain[0] > first and certain[1] < last:
        return f"lo era {_certainly(period)}"
    since = _since(period.start) if certain[0] > first else f"ya al empezar {in_words(when.text)}"
    until = _until(period.end) if certain[1] < last else f"hasta terminar {in_words(when.text)}"
    return f"lo era {since} y {until}"


def _beside(side: str, bound: EDTF, limit: date) -> tuple[str, str]:
    """Two clauses about the days between `limit` and the certain days: the first about days with a
    «no», the second about unknown days; each may be empty. `bound` is the start or the end, as
    `side` says."""
    then, since, happened = BESIDE[side]
    if bound.kind == "day":
        return then, ""
    possible = bound.first_day if side == "start" else bound.last_day
    surely_not = possible and (possible > limit if side == "start" else possible < limit)
    no = f"{then} {of(bound.lower if side == 'start' else bound.upper)}" if surely_not else ""
    if bound.is_exact:
        return no, f"qué día {happened}"
    return no, f"{since} cuándo, {bound}" if surely_not else f"si lo era {then}"


def _unknown(period: Period, when: EDTF) -> Explanation:
    """Names the start, the end or both: each that leaves part of `when` uncertain."""
    start, end = period.start, period.end
    if period.is_one_date and start:
        return f"lo fue{_once(start)}", ("start_earliest", "end_latest")
    clauses: list[str] = []
    unsaid: list[str] = []
    bounds: tuple[str, ...] = ()
    first, last = days_of(when)
    begun = bool(start.last_day and start.last_day <= first)
    if not begun:
        (clauses if start else unsaid).append(started(start) if start else "desde cuándo")
        bounds += ("start_earliest", "start_latest")
    if not end.first_day or end.first_day < last:
        (clauses if end else unsaid).append(ended(end) if end else "hasta cuándo")
        bounds += ("end_earliest", "end_latest")
    then = "después" if begun and period.is_open else f"si lo era {at(when.text)}"
    clauses.append(f"{' y '.join(filter(None, (', '.join(unsaid), then)))}, {UNSAID}")
    return "; ".join(clauses), bounds
