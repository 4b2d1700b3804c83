"""The dates of a running text, each with the words that say it: «desde el 1 de mayo de 2018»."""

import re
from typing import Any, NamedTuple

from dates.edtf import EDTF, ImpossibleDate, parse
from dates.spanish_dates import AFTERWARDS, IN_TEXT, SeveralDates, read
from dates.text import collapse, fold

_VAGUELY = r"(?:(?:a|en|para) )?(?:principios|inicios|comienzos|mediados|fines|finales) del? "
_LEAD = re.compile(
    r"(?:\b(?P<about>hacia|alrededor|cerca|casi|aproximadamente|antes|despues)(?: del?| en| a)? )?"
    r"(?:\b(?:desde|a partir|a contar|hasta)(?: del?)? )?"
    rf"(?P<vague>\b{_VAGUELY}(?:el )?(?:ano )?)?(?:\b(?:efectiv[oa] (?:el )?|durante |a ))?$"
)
_SIDES = {
    "start": re.compile("desde|a partir|a contar"),
    "end": re.compile("(?:al menos )?hasta"),
}
_THAT_DAY = re.compile(
    r"\b(?P<words>(?:desde|hasta) (?:entonces|(?:es[ea]|dich[oa]|aquella?) "
    r"(?:(?P<month>mes)|(?P<year>ano)|dia|fecha|momento)))\b"
)
_OF_A_THING = re.compile(r"(?!(?:en|durante) [^,;]*$).* del? ")
_COUNTED = re.compile(r" (?!(?:[ltn]?[ao]s|sus|mas|tras|dos|tres) )\w+(?<!mo)s\b")
_SUFFIX, _BORDER = re.compile(rf"(?:{AFTERWARDS}| o antes)"), re.compile(r"(?<![^ («“\"])\S")
_SEPARATE = re.compile(r"(?<!\d)\d\d?(?:, \d\d?)* [ye] (?:el )?$")


class DatePhrase(NamedTuple):
    """What a running text says of a date, in `words` from `start` to `end`. `last` is the last day,
    month or year of a span, `side` is `start` («desde») or `end` («hasta») if the words say it,
    and `label` are the words if they say more than the date: «a principios de 2018»."""

    start: int
    words: str
    date: EDTF
    last: EDTF = EDTF()
    side: str = ""
    label: str = ""

    @property
    def end(self) -> int:
        return self.start + len(self.words)


def date_phrases(text: str, sentence: str = "") -> list[DatePhrase]:
    """The dates of a text, in order, each no more precise than its words. «Ese día» is the only
    date of the sentence. A number without a word of time, as in «Agenda 2030», is no date."""
    text = collapse(text)
    plain = "".join(fold(letter)[:1] or " " for letter in text)
    phrases: list[DatePhrase] = []
    for match in reversed([*IN_TEXT.finditer(plain)]):
        is_free = not phrases or match.end() <= phrases[-1].start
        if is_free and (phrase := _phrase(text, plain, match)):
            phrases.append(phrase)
    if that := _THAT_DAY.search(plain):
        dates = {p.date.text for p in (date_phrases(sentence) if sentence else phrases)}
        if len(dates) == 1 and (date := parse(dates.pop())).is_exact:
            level_0 = date.text[: 7 if that["month"] else 4 if that["year"] else 10]
            words = text[that.start() : that.end()]
            phrases.append(DatePhrase(that.start(), words, parse(level_0), side=_side(that[0])))
    return sorted(phrases)


def _phrase(text: str, plain: str, match: re.Match) -> DatePhrase | None:
    """The longest text up to the end of the matched date that the reader reads, with the words
    before it that change its meaning."""
    end = match.end() + len((_SUFFIX.match(plain, match.end()) or [""])[0])
    borders = (
        b.start() for b in _BORDER.finditer(plain, max(0, match.start() - 60), match.start())
    )
    for start in (*borders, match.start()):
        if dates := _dates_of(plain[start:end]):
            break
    else:
        return None
    lead: Any = _LEAD.search(plain, max(0, start - 60), start)  # it matches the empty text too
    is_bare = start == match.start() and not (match["month"] or lead[0])
    is_count = not match["month"] and _COUNTED.match(plain, end)
    is_of_a_thing = _OF_A_THING.fullmatch(plain[: lead.start()])
    if is_bare or is_count or is_of_a_thing or lead["about"] or _SEPARATE.search(plain[:start]):
        return None
    words = text[lead.start() : end]
    label = text[lead.start("vague") : end] if lead["vague"] else ""
    return DatePhrase(lead.start(), words, *dates, _side(plain[lead.start() : end]), label)


def _dates_of(plain: str) -> tuple[EDTF, EDTF] | None:
    try:
        return read(plain), EDTF()
    except SeveralDates as span:
        return span.first, span.last
    except ImpossibleDate:
        return None


def _side(plain: str) -> str:
    return next((side for side, words in _SIDES.items() if words.match(plain)), "")
