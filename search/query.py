"""Parses the text of a search: words, "phrases" and -words."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from record.text import echoed
from search.words import is_stop_word, stem_of, words_of

LONGEST, MOST_TERMS = 200, 12
_PART = re.compile(
    r'(?P<minus>(?<!\S)-)?(?:["“”„«»](?P<phrase>[^"“”„«»]*)["“”„«»]|(?P<word>[^\s"“”„«»]+))'
)
Term = tuple[str, ...]
"""Adjacent stems: of a word, of a phrase, or of «co-representante»."""
Terms = tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """The `text` as typed; a record must contain all `wanted` terms and no `unwanted` term."""

    text: str
    wanted: Terms = ()
    unwanted: Terms = ()
    shortened: bool = False

    def __bool__(self) -> bool:
        return bool(self.wanted)

    def alone(self) -> list["Query"]:
        """A query for each wanted term, as typed, if there are several."""
        parts = _parts(self.text) if len(self.wanted) > 1 else iter(())
        return [
            Query(part.text, (part.term,))
            for part in parts
            if part.term in self.wanted and not part.unwanted
        ]


def parse(typed: str) -> Query:
    """Ignores stop words, except in phrases and in a text of stop words only."""
    text = " ".join(echoed(typed[:LONGEST]).split())
    parts = list(_parts(text))
    all_wanted = [part for part in parts if not part.unwanted]
    wanted = _different([part for part in all_wanted if part.tells] or all_wanted)
    unwanted = _different(part for part in parts if part.unwanted)
    shortened = len(typed) > LONGEST or max(len(wanted), len(unwanted)) > MOST_TERMS
    return Query(text, wanted[:MOST_TERMS], unwanted[:MOST_TERMS], shortened)


class _Part(NamedTuple):
    text: str
    term: Term
    unwanted: bool
    tells: bool  # it is not a stop word


def _different(parts: Iterable[_Part]) -> Terms:
    return tuple(dict.fromkeys(part.term for part in parts))


def _parts(text: str) -> Iterator[_Part]:
    for part in _PART.finditer(text):
        inside = part["phrase"] if part["phrase"] is not None else part["word"]
        words = [inside[word.start : word.end] for word in words_of(inside)]
        if words:
            tells = part["phrase"] is not None or not all(map(is_stop_word, words))
            yield _Part(part[0], tuple(map(stem_of, words)), bool(part["minus"]), tells)
