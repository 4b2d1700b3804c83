"""Why the question «on D?» has the answer that it has: a sentence made of the period's own bounds.

Each says «lo era» of the organization that the page names, a member or a representative.
"""

from dataclasses import dataclass
from datetime import date

from record.dates import EDTF, EXACT, in_words
from record.pages import sentence
from record.periods import Answer, Period

UNSAID = "la fuente no lo dice"


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
    return Reason(answer, f"{sentence(words)}.", bounds)


def at(level_0: str) -> str:
    """«el 11 de febrero de 2017», «en febrero de 2017», «en 2017»."""
    return f"{'el' if len(level_0) == 10 else 'en'} {in_words(level_0)}"


def of(level_0: str) -> str:
    """«del 11 de febrero de 2017», «de febrero de 2017», «de 2017»."""
    return f"{'del' if len(level_0) == 10 else 'de'} {in_words(level_0)}"


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


def story(period: Period, to_be: str = "serlo", was: str = "lo fue") -> str:
    """The whole of it: «Empezó a serlo en abril de 2017; lo seguía siendo el 23 de mayo de 2017;
    después, la fuente no lo dice.»"""
    start, end = period.start, period.end
    if not start and not end:
        return f"{sentence(was)}; desde cuándo y hasta cuándo, {UNSAID}."
    if start == end and start.kind == "between":
        return f"{sentence(was)} en algún momento {start}; cuándo, {UNSAID}."
    said = started(start, to_be) if start else f"{was}; {started(start)}"
    after = f"; después, {UNSAID}" if period.is_open else ""
    return f"{sentence(said)}; {ended(end)}{after}."


def _since(start: EDTF) -> str:
    """By when it certainly had begun."""
    return f"{'' if start.kind in EXACT else 'a más tardar '}desde {in_words(start.upper, 'el ')}"


def _until(end: EDTF) -> str:
    """Until when it certainly went on."""
    return f"{'' if end.kind in EXACT else 'al menos '}hasta {in_words(end.lower, 'el ')}"


def _yes(period: Period, when: EDTF) -> tuple[str, tuple[str, ...]]:
    words = f"lo era {_since(period.start)} y {_until(period.end)}"
    return words, ("start_latest", "end_earliest")


def _no(period: Period, when: EDTF) -> tuple[str, tuple[str, ...]]:
    start, end = period.start, period.end
    if start.first_day and start.first_day > when.last_day:
        exact = start.kind in EXACT
        later = f"después, {at(start.text)}" if exact else f"no antes {of(start.lower)}"
        return f"empezó a serlo {later}", ("start_earliest",)
    exact = end.kind in EXACT
    return ended(end) if exact else f"dejó de serlo a más tardar {at(end.upper)}", ("end_latest",)


def _partly(period: Period, when: EDTF) -> tuple[str, tuple[str, ...]]:
    every = ("start_earliest", "start_latest", "end_earliest", "end_latest")
    if not period.certain_part(when):
        return f"lo fue en algún momento {of(when.text)}; qué días, {UNSAID}", every
    begins, stops = period.start.last_day > when.first_day, period.end.first_day < when.last_day
    before = _before(period.start, when.first_day) if begins else ("", "")
    after = _after(period.end, when.last_day) if stops else ("", "")
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


def _before(start: EDTF, first: date) -> tuple[str, str]:
    """Of the days from `first` until it certainly had begun: on which it was not, and what is not
    said; each empty when there are none."""
    if start.kind == "day":
        return "antes", ""
    surely_not = bool(start.first_day and start.first_day > first)
    no = f"antes {of(start.lower)}" if surely_not else ""
    if start.kind in EXACT:
        return no, "qué día empezó"
    return no, f"desde cuándo, {start}" if surely_not else "si lo era antes"


def _after(end: EDTF, last: date) -> tuple[str, str]:
    """The same of the days from which it may have ended until `last`."""
    if end.kind == "day":
        return "después", ""
    surely_not = bool(end.last_day and end.last_day < last)
    no = f"después {of(end.upper)}" if surely_not else ""
    if end.kind in EXACT:
        return no, "qué día dejó de serlo"
    return no, f"hasta cuándo, {end}" if surely_not else "si lo era después"


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
