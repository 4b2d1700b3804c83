"""Finds a quote in a text that writes its words otherwise: both are compared in canonical forms,
whose places lead back to the text."""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import accumulate, chain, islice, starmap, takewhile
from unicodedata import normalize

from dates.text import collapse, fold

LONGEST_QUOTE = 5000
RUNS, PLACES = 40, 200  # the most runs of letters, and places of each, that find similar words
UNSEEN = "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
"""Soft hyphens, and signs without width: joiners, directions, variants."""
HYPHENS = r"\-\u2010\u2011"
_SILENT = re.compile(f" ?[{UNSEEN}{HYPHENS}][{UNSEEN}{HYPHENS} ]*|[\ufb00-\ufb06]")
_STYLED = re.compile(
    r"(?P<comillas>« ?| ?»|[“”„‟\"‘’‚‛'‹›`´′″])"
    r"|(?P<guiones_o_rayas> ?[-‒–—―−][-‒–—―− ]*)"
    r"|(?P<puntos_suspensivos>…|\.(?: ?\.){2,})"
    r"|(?P<ordinales_o_voladitas>(?<=\d)\.(?=[ºª°]|(?:[oa]s?|er)\b)"
    r"|[ªº°²³¹\u02b0-\u02b8\u02e0-\u02e4\u1d2c-\u1d6a\u1d9b-\u1dbf\u2070-\u209c])"
)
_WORD = re.compile(r"[^\W_]+")


class Canonical:
    """`text` is the original with each match of a pattern rewritten."""

    def __init__(self, original: str, pattern: re.Pattern, rewrite: Callable[..., str]) -> None:
        pieces: list[str] = []
        self._original, self._origins = (
            original,
            [0],
        )  # the places in the original where matches begin and end
        for match in pattern.finditer(original):
            pieces += original[self._origins[-1] : match.start()], rewrite(match)
            self._origins += match.span()
        pieces.append(original[self._origins[-1] :])
        self._origins.append(len(original))
        self._places = list(accumulate(map(len, pieces), initial=0))
        self.text = "".join(pieces)

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original of the words from `start` to `end`, in whole signs."""
        first, last = bisect_right(self._places, start), bisect_left(self._places, end)
        begins = self._origins[first - 1] + start - self._places[first - 1]
        ends = self._origins[last] + end - self._places[last]
        begins = min(begins, self._origins[first] - 1)
        ends = max(ends, self._origins[last - 1] + 1)
        return begins + self._original[begins].isspace(), ends - self._original[ends - 1].isspace()


def _seen(match: re.Match) -> str:
    """Leaves out a hyphen between letters, with the space after it; between digits, the space."""
    run, start, end = match[0], *match.span()
    if "\ufb00" <= run <= "\ufb06":
        return normalize("NFKC", run)
    around = match.string[max(0, start - 1) : start], match.string[end : end + 1]
    seen = re.sub(f"[{UNSEEN}]", "", run)
    if (seen.strip() or "\u00ad" in run) and run[0] != " " and all(map(str.isalnum, around)):
        return "-" if seen.strip() and not "".join(around).isalpha() else ""
    return re.sub(" +", " ", re.sub(f"[{HYPHENS}]", "-", seen))


def _plain(match: re.Match) -> str:
    after = match.string[match.end() : match.end() + 1]
    dash, raised = "-" * after.isdecimal(), normalize("NFKC", match[0].replace("°", "o")).lower()
    plain = {"comillas": "'", "guiones_o_rayas": dash, "puntos_suspensivos": "..."}
    return plain.get(str(match.lastgroup), raised.strip("."))


def silent(quote: str) -> str:
    """A quote without the differences that no reader sees."""
    return Canonical(collapse(quote), _SILENT, _seen).text.strip()


def _styled(silent_text: str) -> Canonical:
    """A silent text without the differences of style. The small form of «İ» is two characters."""
    return Canonical(silent_text.replace("İ", "I").lower(), _STYLED, _plain)


def is_single_word(quote: str) -> bool:
    return " " not in silent(quote)


def style_differences(quote: str, words: str) -> str:
    """In what a quote differs from the words that it matches: «comillas y mayúsculas»."""
    signs: dict[str, list[list[str]]] = {name: [[], []] for name in _STYLED.groupindex}
    texts = silent(quote), silent(words)
    for side, text in enumerate(texts):
        for match in _STYLED.finditer(text):
            signs[str(match.lastgroup)][side].append(match[0])
    kinds = [name.replace("_", " ") for name, (ours, theirs) in signs.items() if ours != theirs]
    ours, theirs = (list(filter(str.isupper, text)) for text in texts)
    kinds += ["mayúsculas"] * (ours != theirs)
    return " y ".join(", ".join(kinds).rsplit(", ", 1))


def _spans(words: str, text: str) -> Iterator[tuple[int, int]]:
    start = text.find(words) if words else -1
    while start != -1:
        yield start, start + len(words)
        start = text.find(words, start + 1)


class Letters:
    """The letters and digits of a text, without accents and capitals. `words` are the places of
    its words with their signs; `borders` are the places of their letters in `text`, and its end."""

    def __init__(self, text: str) -> None:
        self.words = [match.span() for match in re.finditer(r"\S+", text)]
        words = ["".join(_WORD.findall(fold(text[start:end]))) for start, end in self.words]
        self.text, self.borders = "".join(words), [*accumulate(map(len, words), initial=0)]

    def word_at(self, place: int) -> int:
        return bisect_right(self.borders, place) - 1

    def border_near(self, place: int) -> int:
        near = bisect_left(self.borders, place, 1, len(self.borders) - 1)
        return min(near - 1, near, key=lambda number: abs(self.borders[number] - place))

    def alike(self, quote: "Letters") -> tuple[int, int] | None:
        """The place of the words most similar to a quote; None if no words are similar."""
        length, count, most = len(quote.text), len(quote.borders) - 1, len(self.borders) - 1
        size = min(8, max(3, length // 5), length)
        if (shift := self._shift(quote.text, size)) is None:
            return None

        def place(start: int) -> int:
            run, near = quote.text[start : start + size], 10 + length // 10
            exact = self.text.find(run, low := max(0, start + shift), low + size)
            return self.text.find(run, max(0, low - near), low + near) if exact < 0 else exact

        head = next(start for start in range(length) if place(start) >= 0)
        tail = next(start for start in range(length - size, -1, -1) if place(start) >= 0)
        before, after, end = place(head), place(tail), size - 1
        first = self.word_at(before) - quote.word_at(head)
        last = self.word_at(after + end) - quote.word_at(tail + end) + count
        first = max(0, min(first, self.border_near(before - head)))
        last = min(most, max(last, self.border_near(after - tail + length)))
        count *= self.borders[last] - self.borders[first] < length  # no fewer words than the quote
        last = min(most, max(last, first + count))
        return self.words[max(0, min(first, last - count))][0], self.words[last - 1][1]

    def _shift(self, quote: str, size: int) -> int | None:
        """The distance between the places of most runs of letters in a quote and in the text."""
        votes: dict[int, float] = defaultdict(float)
        for start in range(0, len(quote) - size + 1, len(quote) // RUNS + 1):
            spans = list(islice(_spans(quote[start : start + size], self.text), PLACES))
            for place, _ in spans:
                votes[place - start] += 1 / len(spans)
        return max(votes, key=votes.__getitem__, default=None)


class QuotedText:
    """A collapsed `text` in which quotes are found."""

    text: str

    @cached_property
    def _silent(self) -> Canonical:
        return Canonical(self.text, _SILENT, _seen)

    @cached_property
    def _styled(self) -> Canonical:
        return _styled(self._silent.text)

    @cached_property
    def _letters(self) -> Letters:
        return Letters(self._silent.text)

    def positions(self, quote: str) -> list[int]:
        """The starts of all places where a quote stands verbatim, overlapping ones included."""
        return [start for start, _ in _spans(collapse(quote), self.text)]

    def spans(self, quote: str) -> list[tuple[int, int]]:
        """The places of a quote: verbatim; else, as no reader sees; else, in another style."""
        visible = silent(quote)
        if visible and (spans := list(_spans(collapse(quote), self.text))):
            return spans
        if spans := list(_spans(visible, self._silent.text)):
            return [self._silent.origin(*span) for span in spans]
        spans = list(_spans(_styled(visible).text.strip(), self._styled.text))
        return [self._silent.origin(*self._styled.origin(*span)) for span in spans]

    def nearest(self, quote: str) -> tuple[int, int] | None:
        """The place of the words most similar to a quote; None if no words are similar."""
        if not (span := self._letters.alike(Letters(silent(quote)))):
            return None
        start, end = self._silent.origin(*span)
        words = [match.span() for match in _WORD.finditer(self.text, start, end)] or [span]
        start = words[0][0] if collapse(quote)[0].isalnum() else start
        return start, words[-1][1] if collapse(quote)[-1].isalnum() else end

    def unique(self, start: int, end: int) -> str:
        """The whole words from `start` to `end`, and the words after them until they are two or
        more and occur only here; empty if that is impossible."""
        words, origin = self._letters.words, self._silent.origin
        number = bisect_right(words, start, key=lambda word: origin(*word)[0]) - 1
        if _WORD.search(self.text, first := origin(*words[number])[0], start):
            start = first
        ends = (last for _, last in starmap(origin, words[number:]) if last >= end)
        if _WORD.search(self.text, end, following := next(ends, end)):
            end = following
        for last in takewhile(lambda last: last - start <= LONGEST_QUOTE, chain([end], ends)):
            extended = self.text[start:last]
            if not is_single_word(extended) and self.text.count(extended) == 1:
                return extended
        return ""
