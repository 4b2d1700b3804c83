"""Parses the text of a search: words, "phrases", -words and dates, with synonyms."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from dates.edtf import EDTF, ImpossibleDate, in_words
from dates.spanish_dates import read
from record.text import echoed
from texts.words import is_stop_word, stem_of, stems_of, words_of
from timeline.vocabulary import Synonym

LONGEST, MOST_TERMS, NO_DATE = 200, 12, EDTF()
_PART = re.compile(
    r'(?P<minus>(?<!\S)-)?(?:["“”„«»](?P<phrase>[^"“”„«»]*)["“”„«»]|(?P<word>[^\s"“”„«»]+))'
)
_EXACT = re.compile(r'["“”„«»]|(?<!\S)-')
Term = tuple[str, ...]
"""Adjacent stems: of a word, of a phrase, or of «co-representante»."""
Terms = tuple[Term, ...]
Synonyms = Mapping[Term, Terms]
REPRESENTATION = frozenset(stems_of("representante co-representante rotación"))
ROLES = REPRESENTATION | frozenset(stems_of("integrante miembro membresía pertenecer"))


class Wanted(NamedTuple):
    """A word or a phrase as typed. A record must contain one of the `terms`: the term of the text
    or one of its synonyms."""

    text: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class Query:
    """The `text` as typed; a record must contain all `wanted` words and no `unwanted` term. `when`
    is the day, month or year of a query that is a date, alone or with words for a role; `is_role`
    tells that the other words are such words for a representative."""

    text: str
    wanted: tuple[Wanted, ...] = ()
    unwanted: Terms = ()
    shortened: bool = False
    when: EDTF = NO_DATE
    is_role: bool = False

    def __bool__(self) -> bool:
        return bool(self.wanted)

    @property
    def terms(self) -> Terms:
        return tuple(term for wanted in self.wanted for term in wanted.terms)

    def alone(self) -> list["Query"]:
        """A query for each wanted word, if there are several."""
        wanted = self.wanted if len(self.wanted) > 1 else ()
        return [Query(each.text, (each,), self.unwanted) for each in wanted]

    def without(self, words: Iterable[Wanted]) -> "Query":
        return replace(self, wanted=tuple(each for each in self.wanted if each not in words))


def synonyms() -> Synonyms:
    """The terms of the synonyms, by the term of their word."""
    terms: dict[Term, Terms] = defaultdict(tuple)
    for word, means in Synonym.objects.visible_to(None).values_list("word", "means"):
        terms[_term(word)] += tuple(_term(each) for each in means.split(","))
    return terms


def _term(text: str) -> Term:
    return tuple(stems_of(text))


def parse(typed: str, synonyms: Synonyms | None = None) -> Query:
    """Ignores stop words, except in phrases and in a text of stop words only. A phrase has no
    synonyms. A date has the words of the index, however it is written: «23/5/2017»."""
    known, text = synonyms or {}, " ".join(echoed(typed[:LONGEST]).split())
    when, others = (NO_DATE, text) if _EXACT.search(text) else _date_in(text, known)
    parts = list(_parts(f"{others} {in_words(when.text)}" if when else text, known))
    all_wanted = [part for part in parts if not part.unwanted]
    telling = [part for part in all_wanted if part.tells] or all_wanted
    wanted = tuple({part.terms[0]: Wanted(part.text, part.terms) for part in telling}.values())
    unwanted = tuple(dict.fromkeys(part.terms[0] for part in parts if part.unwanted))
    return Query(
        text, wanted[:MOST_TERMS], unwanted[:MOST_TERMS],
        shortened=len(typed) > LONGEST or max(len(wanted), len(unwanted)) > MOST_TERMS,
        when=when,
        is_role=all(_is_of(REPRESENTATION, part.terms) for part in telling),
    )  # fmt: skip


def _date_in(text: str, synonyms: Synonyms) -> tuple[EDTF, str]:
    """The day, month or year that a text says without further words than stop words and words for
    roles, and these words; an empty date for other texts."""
    words = [word for word in (each.strip("¿?¡!.,;:()") for each in text.split()) if word]
    roles = [word for word in words if _is_of(ROLES, (_term(word), *synonyms.get(_term(word), ())))]
    rest = [word for word in words if word not in roles and not is_stop_word(word)]
    with suppress(ImpossibleDate):
        if (date := read(" ".join(rest))).is_exact:
            return date, " ".join(roles)
    return NO_DATE, text


def _is_of(stems: frozenset[str], terms: Terms) -> bool:
    return any(term and stems.issuperset(term) for term in terms)


class _Part(NamedTuple):
    text: str
    terms: Terms
    unwanted: bool
    tells: bool  # it is not a stop word


def _parts(text: str, synonyms: Synonyms) -> Iterator[_Part]:
    for part in _PART.finditer(text):
        inside = part["phrase"] if part["phrase"] is not None else part["word"]
        words = [inside[word.start : word.end] for word in words_of(inside)]
        if words:
            term, is_phrase = tuple(map(stem_of, words)), part["phrase"] is not None
            others = () if is_phrase or part["minus"] else synonyms.get(term, ())
            tells = is_phrase or not all(map(is_stop_word, words))
            yield _Part(part[0], (term, *others), bool(part["minus"]), tells)
