"""Splits Spanish text into words and stems them, both for the index and for queries, so that all
databases give the same hits."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

from dates.text import fold

# With accents as separate characters, and with soft hyphens and other characters without width.
_WORD = re.compile(
    r"(?:[^\W_]|[\u0300-\u036f\u00ad\u034f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff])+"
)
_PLURAL = re.compile(r"enes$")
_LONGEST = 60
# Words that are in almost every text, and the verbs of «¿Qué pasó?»; folded.
STOP_WORDS = frozenset(
    "a al ante aquel aquella aquellas aquello aquellos asi aun aunque bajo cada como con "
    "contra cual cuales cualquier cuando cuanta cuantas cuanto cuantos de del desde donde "
    "durante e el ella ellas ello ellos en entre era eran es esa esas ese eso esos esta "
    "estas este esto estos fue fueron ha haber habia han hasta hay la las le les lo los mas "
    "me mediante mi muy ni no nos o ocurrio para paso pero por porque pues que quien "
    "quienes se sea ser si sin sino sobre son su sucedio sus tal tambien tan tanto te tras "
    "u un una unas uno unos y ya".split()
)


class Word(NamedTuple):
    """The stem of a word, and its place in the text."""

    start: int
    end: int
    stem: str


@cache
def _snowball() -> Any:
    """The stemmer. Imported late, since the package loads thirty languages."""
    import snowballstemmer

    return snowballstemmer.stemmer("spanish")


@lru_cache(maxsize=30_000)
def stem_of(word: str) -> str:
    """«Decidió», «DECIDIERON» → `decid`; empty if the word has no letter and no figure.

    The word is folded first, so that a query without accents has the same hits. Without accents the
    stemmer leaves a last `i` («decidi»), which is dropped, and takes the ending of «jóvenes» for a
    verb's, so that this ending is replaced first."""
    plain = "".join(filter(str.isalnum, fold(word)))[:_LONGEST].lower()
    if plain.isdecimal():
        return plain
    stem: str = _snowball().stemWord(_PLURAL.sub("en", plain))
    return stem.removesuffix("i") if len(stem) > 3 else stem


def is_stop_word(word: str) -> bool:
    return "".join(filter(str.isalnum, fold(word))) in STOP_WORDS


def words_of(text: str) -> Iterator[Word]:
    for match in _WORD.finditer(text):
        if stem := stem_of(match[0]):
            yield Word(match.start(), match.end(), stem)


def stems_of(text: str) -> list[str]:
    return [stem for word in _WORD.findall(text) if (stem := stem_of(word))]


def kin(stem: str, other: str) -> bool:
    """Whether two stems are of a verb and its noun: «acordar», «acuerdo»; «reunir», «reunión»."""
    short, long = sorted((s.replace("ue", "o").replace("ie", "e") for s in (stem, other)), key=len)
    return short == long or (len(short) > 3 and long.startswith(short))
