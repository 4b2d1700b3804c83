"""Periods whose ends are partial dates, and the question «on D?» with its four honest answers.

The sentences say «lo era» of the organization that the page names, a member or a representative.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from django.utils.text import capfirst

from dates.edtf import (
    EDTF,
    at,
    in_words,
    of,
)


class Answer(Enum):
    """Whether something was so on a day, in a month or in a year; the value is the word shown."""

    YES = "sí"
    PARTLY = "en parte"
    NO = "no"
    UNKNOWN = "no determinable"


UNSAID = "la fuente no lo dice"
BESIDE = {"start": ("antes", "desde", "empezó"), "end": ("después", "hasta", "dejó de serlo")}
RANKED = (Answer.YES, Answer.PARTLY, Answer.UNKNOWN, Answer.NO)
"""In the order in which pages list them: from the surest «sí» to «no»."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to `end`, both included. «Still so when the source was written» is an end of
    `[2017-05-23..]`; «it ended, unknown when» one of `[..2017-04]`."""

    start: EDTF = field(default_factory=EDTF)
    end: EDTF = field(default_factory=EDTF)

    def on(self, when: EDTF) -> Answer:
        """Whether it was so on `when`, a day, a month or a year; ValueError for anything else."""
        first, last = days_of(when)
        certain_from, certain_until = self.start.last_day or date.max, self.end.first_day
        if certain_until and certain_from <= first and certain_until >= last:
            return Answer.YES
        if (self.start.first_day or date.min) > last or (self.end.last_day or date.max) < first:
            return Answer.NO
        is_partly = certain_until and certain_from <= last and certain_until >= first
        return Answer.PARTLY if is_partly else Answer.UNKNOWN

    @property
    def has_certain_day(self) -> bool:
        """Whether there is a day on which it certainly was so."""
        started, ending = self.start.last_day, self.end.first_day
        return bool(started and ending and started <= ending)

    def certainly_overlaps(self, other: "Period") -> bool:
        """Sharing no more than a day or month of hand-over is no overlap."""
        return self.start.latest < other.end.earliest and other.start.latest < self.end.earliest

    @property
    def is_possible(self) -> bool:
        """Whether it need not end before it starts."""
        return self.start.earliest <= self.end.latest

    @property
    def is_open(self) -> bool:
        """Whether it still was so when the source fell silent."""
        return self.end.kind == "after"

    @property
    def when(self) -> str:
        """In words; the start alone of something without an end. Empty if nothing is said."""
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

    def __str__(self) -> str:
        """«desde abril de 2017, al menos hasta el 23 de mayo de 2017»; empty if nothing is said."""
        end = f"hasta {self.end_words}" if self.end else ""
        if self.is_open and self.end.lower == self.start.text:
            end = "sin que conste hasta cuándo"
        elif self.is_open:
            end = f"al menos hasta {in_words(self.end.lower, 'el ')}"
        return ", ".join(filter(None, (f"desde {self.start_words}" if self.start else "", end)))

    def story(self, to_be: str = "serlo", was: str = "lo fue") -> str:
        """The whole of it: «Empezó a serlo en abril de 2017; lo seguía siendo el 23 de mayo de
        2017; después, la fuente no lo dice.»"""
        start, end = self.start, self.end
        if not start and not end:
            return f"{capfirst(was)}; desde cuándo y hasta cuándo, {UNSAID}."
        if start == end and start.kind == "between":
            return f"{capfirst(was)} en algún momento {start}; cuándo, {UNSAID}."
        said = started(start, to_be) if start else f"{was}; {started(start)}"
        after = f"; después, {UNSAID}" if self.is_open else ""
        return f"{capfirst(said)}; {ended(end)}{after}."


def _moment(date: EDTF) -> str:
    prefix = {"between": "algún momento ", "day": "el "}.get(date.kind, "")
    return f"{prefix}{date}"


def days_of(when: EDTF) -> tuple[date, date]:
    """The first and the last day of a day, a month or a year; ValueError for other dates."""
    if not when.is_exact:
        raise ValueError(f"{when.text!r} is no day, month or year")
    return when.first_day, when.last_day


@dataclass(frozen=True, slots=True)
class Reason:
    """`words` in Spanish, and the bounds they rest on, named as their columns: `start_latest`."""

    answer: Answer
    words: str
    bounds: tuple[str, ...]


def reason(period: Period, when: EDTF) -> Reason:
    """Why the period has its answer to «on `when`?», a day, a month or a year."""
    answer = period.on(when)
    explain = {Answer.YES: _yes, Answer.PARTLY: _partly, Answer.NO: _no}.get(answer, _unknown)
    words, bounds = explain(period, when)
    return Reason(answer, f"{capfirst(words)}.", bounds)


def started(start: EDTF, to_be: str = "serlo") -> str:
    """«empezó a serlo en 2016», «… a más tardar en abril de 2017»; when not said, so."""
    match start.kind:
        case "unknown":
            return f"desde cuándo, {UNSAID}"
        case "between":
            return f"empezó a {to_be} en algún momento {start}"
        case "after":
            return f"empezó a {to_be} no antes {of(start.lower)}"
        case "before":
            return f"empezó a {to_be} a más tardar {at(start.upper)}"
    return f"empezó a {to_be} {at(start.text)}"


def ended(end: EDTF) -> str:
    """«lo seguía siendo el 23 de mayo de 2017», «dejó de serlo a más tardar en 2017»…"""
    match end.kind:
        case "unknown":
            return f"hasta cuándo, {UNSAID}"
        case "between":
            return f"dejó de serlo en algún momento {end}"
        case "after":
            return f"lo seguía siendo {at(end.lower)}"
        case "before":
            return f"dejó de serlo a más tardar {at(end.upper)}"
    return f"lo fue hasta {in_words(end.text, 'el ')}"


def _since(start: EDTF) -> str:
    """By when it certainly had begun."""
    return f"{'' if start.is_exact else 'a más tardar '}desde {in_words(start.upper, 'el ')}"


def _until(end: EDTF) -> str:
    """Until when it certainly went on."""
    return f"{'' if end.is_exact else 'al menos '}hasta {in_words(end.lower, 'el ')}"


def _yes(period: Period, when: EDTF) -> tuple[str, tuple[str, ...]]:
    words = f"lo era {_since(period.start)} y {_until(period.end)}"
    return words, ("start_latest", "end_earliest")


def _no(period: Period, when: EDTF) -> tuple[str, tuple[str, ...]]:
    start, end = period.start, period.end
    if start.first_day and start.first_day > when.last_day:
        later = f"después, {at(start.text)}" if start.is_exact else f"no antes {of(start.lower)}"
        return f"empezó a serlo {later}", ("start_earliest",)
    words = ended(end) if end.is_exact else f"dejó de serlo a más tardar {at(end.upper)}"
    return words, ("end_latest",)


def _partly(period: Period, when: EDTF) -> tuple[str, tuple[str, ...]]:
    every = ("start_earliest", "start_latest", "end_earliest", "end_latest")
    if not period.has_certain_day:
        return f"lo fue en algún momento {of(when.text)}; qué días, {UNSAID}", every
    begins, stops = period.start.last_day > when.first_day, period.end.first_day < when.last_day
    before = _beside("start", period.start, when.first_day) if begins else ("", "")
    after = _beside("end", period.end, when.last_day) if stops else ("", "")
    no, unsaid = (" y ".join(filter(None, parts)) for parts in zip(before, after, strict=True))
    said = [_certain(period, when), f"{no}, no" * bool(no), f"{unsaid}, {UNSAID}" * bool(unsaid)]
    return "; ".join(filter(None, said)), every[:2] * begins + every[2:] * stops


def _certain(period: Period, when: EDTF) -> str:
    """Which part of `when` is certain."""
    if period.start.last_day == when.last_day:
        return f"al terminar {in_words(when.text)} ya lo era"
    if period.end.first_day == when.first_day:
        return f"al empezar {in_words(when.text)} todavía lo era"
    begins, stops = period.start.last_day > when.first_day, period.end.first_day < when.last_day
    since = _since(period.start) if begins else f"ya al empezar {in_words(when.text)}"
    until = _until(period.end) if stops else f"hasta terminar {in_words(when.text)}"
    return f"lo era {since} y {until}"


def _beside(side: str, bound: EDTF, limit: date) -> tuple[str, str]:
    """Two clauses about the days between `limit` and the certain days: the days with a «no», and
    the unknown; each may be empty. `bound` is the start or the end, named by `side`."""
    then, since, happened = BESIDE[side]
    if bound.kind == "day":
        return then, ""
    possible = bound.first_day if side == "start" else bound.last_day
    surely_not = possible and (possible > limit if side == "start" else possible < limit)
    no = f"{then} {of(bound.lower if side == 'start' else bound.upper)}" if surely_not else ""
    if bound.is_exact:
        return no, f"qué día {happened}"
    return no, f"{since} cuándo, {bound}" if surely_not else f"si lo era {then}"


def _unknown(period: Period, when: EDTF) -> tuple[str, tuple[str, ...]]:
    start, end = period.start, period.end
    if not start and not end:
        return "la fuente no dice desde cuándo ni hasta cuándo lo fue", ()
    if start == end and start.kind == "between":
        words = f"lo fue en algún momento {start}; cuándo, {UNSAID}"
        return words, ("start_earliest", "end_latest")
    said, bounds = [], ()
    begun = bool(start.last_day and start.last_day <= when.first_day)
    if not begun:
        said.append(started(start))
        bounds += ("start_earliest", "start_latest")
    if not end.first_day or end.first_day < when.last_day:
        said.append(ended(end))
        bounds += ("end_earliest", "end_latest")
    then = "después" if begun and period.is_open else f"si lo era {at(when.text)}"
    said.append(f"{then}, {UNSAID}")
    return "; ".join(said), bounds
