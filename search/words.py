"""The words of Spanish text as search compares them: the one function that folds and stems, for the
index and for what a reader types, so that every database finds the same."""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

from dates.text import fold

_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f])+")  # with accents that stand beside their letter
_PLURAL = re.compile(r"enes$")
_LONGEST = 60
# Words that are in every text and tell nothing; folded.
STOP_WORDS = frozenset(
    "a al ante aquel aquella aquellas aquello aquellos asi aun aunque bajo cada como con contra "
    "cual cuales cualquier cuando cuanto de del desde donde durante e el ella ellas ello ellos en "
    "entre era eran es esa esas ese eso esos esta estas este esto estos fue fueron ha haber habia "
    "han hasta hay la las le les lo los mas me mediante mi muy ni no nos o para pero por porque "
    "pues que quien quienes se sea ser si sin sino sobre son su sus tal tambien tan tanto te tras "
    "u un una unas uno unos y ya".split()
)


class Word(NamedTuple):
    """A word where it stands in a text."""

    start: int
    end: int
    stem: str


@cache
def _snowball() -> Any:
    """Loaded, with the stemmers of thirty languages, when the first word is looked for."""
    import snowballstemmer

    return snowballstemmer.stemmer("spanish")


@lru_cache(maxsize=30_000)
def stem_of(word: str) -> str:
    """«Decidió», «DECIDIERON» → `decid`; empty when nothing of it is a letter or a figure.

    Folded first, so that who types no accents finds the same. What accents would have told the
    stemmer is made up for by dropping a last `i` («decidi»); and «jóvenes» is taken for «joven»,
    whose ending it would take for a verb's."""
    plain = "".join(filter(str.isalnum, fold(word[:_LONGEST]))).lower()
    if plain.isdecimal():
        return plain
    stem = _snowball().stemWord(_PLURAL.sub("en", plain))
    return stem.removesuffix("i") if len(stem) > 3 else stem


def is_stop_word(word: str) -> bool:
    return fold(word) in STOP_WORDS


def words_of(text: str) -> Iterator[Word]:
    for found in _WORD.finditer(text):
        if stem := stem_of(found[0]):
            yield Word(found.start(), found.end(), stem)


def stems_of(text: str) -> list[str]:
    return [stem for word in _WORD.findall(text) if (stem := stem_of(word))]
