"""Finds the paragraphs in lines: by the lengths of the lines beside the width of their column, by
their last signs and first letters, by gaps and indents."""

import re
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import accumulate, pairwise
from math import inf
from typing import NamedTuple

from dates.text import fold
from texts.passages import is_mark, is_sentence_end

BREAK = "\u2010"
"""The hyphen that browsers print where they break a word."""
_HYPHEN = re.compile(rf"[^\W_][-{BREAK}]$")
_AUTHORS_HYPHEN = frozenset("y e o u ni and or".split())
"""«pre- y posconsulta»: before these words."""
_BULLET = re.compile(r"(?P<sign>[•●▪◦‣·*–—-])\s|\(?(?:[0-9]{1,2}[.)]|[a-z]\)|[IVX]{1,5}[.)])\s")
_LEADERS = re.compile(r"(?:\. ?){4,}|…{2,}")
_HANGING = frozenset(
    "a al ante con de del desde e el en entre hasta la las le les lo los más muy ni no o para por "
    "que se según sin sobre su sus u un una unas unos y a an and by for from in of on the to "
    "with".split()
)
"""Words that do not end a phrase."""
_SENTENCE_WITHIN = re.compile(r"[a-zñáéíóú»)][.?!] [¿¡«A-ZÁÉÍÓÚÑ]")
_LAST_SIGNS = ",;.:!?…»)"
_REACH = 15
"""The lines before and after a line that tell the width of its column."""
_NEAR = 5
_NARROWEST, _WIDEST = 30, 160
_LONGEST_TITLE = 4


class TextLine(NamedTuple):
    """`text` has all signs mended, `shown` only the chosen ones. `gap` is the number of empty lines
    before it on its page."""

    text: str
    shown: str = ""
    page: int = 0
    gap: int = 0
    indent: int = 0

    @property
    def is_question(self) -> bool:
        return self.text.startswith("¿") and self.text.endswith("?")

    @property
    def can_go_on(self) -> bool:
        """Whether the line can begin within a sentence: not with a capital or a figure."""
        letter = self.text.lstrip("«“\"'(¿¡")[:1]
        return letter.isalpha() and not letter.isupper()


class Ending(NamedTuple):
    """The end of a line. `room` is the share of its column that stays empty beside the line and the
    first word of the next line; `is_sentence`: a sentence ends here; `is_apart`: a gap follows."""

    line: TextLine
    after: TextLine
    room: float
    is_sentence: bool
    is_apart: bool

    @property
    def is_full(self) -> bool:
        return self.room < 0.12

    @property
    def is_marked(self) -> bool:
        """Whether a gap or an indent shows that a paragraph ends here."""
        return self.is_apart or (self.is_sentence and self.after.indent > self.line.indent + 1)

    @property
    def hangs(self) -> bool:
        """Whether the line ends within a phrase."""
        text = self.line.text
        is_open = any(text.rfind(sign) > text.rfind(end) for sign, end in ("¿?", "¡!", "«»", "()"))
        return is_open or text.rpartition(" ")[2].lower() in _HANGING

    @property
    def is_broken(self) -> bool:
        """Whether a sentence surely goes on in the next line."""
        text = self.line.text
        within = self.after.can_go_on or self.hangs or bool(_SENTENCE_WITHIN.search(text))
        return within and not self.has_sign and not is_mark(self.after.text)

    @property
    def has_sign(self) -> bool:
        return self.line.text[-1] in _LAST_SIGNS

    @property
    def begins_item(self) -> bool:
        bullet = _BULLET.match(self.after.text)
        if not bullet or self.hangs:
            return False
        return bool(bullet["sign"]) or self.is_sentence or not self.is_full


class Layout:
    def __init__(self, lines: list[TextLine], words: Collection[str]) -> None:
        self.words = words
        self.text = " ".join(line.text for line in lines)
        self.endings = list(_endings(lines))
        self.is_cut = self._cuts()
        lasts = [ending for ending in self.endings if ending.is_sentence and ending.room > 0.3]
        has_marks = sum(ending.is_marked for ending in lasts) > 0.5 * len(lasts)
        rooms = sorted(e.room for e, cut in zip(self.endings, self.is_cut, strict=True) if cut)
        # Without gaps, a paragraph ends where the first word of the next line would have fitted.
        self.most_room = 0.12 if has_marks else 0.07
        self.usual_room = 0.12 if has_marks or not rooms else rooms[int(0.95 * len(rooms))]
        self.titles = self._titles()

    @cached_property
    def own_words(self) -> set[str]:
        return set(re.findall(r"[^\W\d_]+", fold(self.text)))

    @cached_property
    def writes_break(self) -> bool:
        return bool(re.search(rf"{BREAK}\w", self.text))

    def links(self) -> list[str]:
        """For each line: empty, if it begins a paragraph; else `lines`, `whole` (the hyphen stays),
        `hyphens` or `doubtful`."""
        return ["", *map(self._link, range(len(self.endings) - 1))][: len(self.endings)]

    def _cuts(self) -> list[bool]:
        """Where a column cuts a sentence. Full lines most of which end with a sign are verses."""
        full = [0, *accumulate(ending.is_full for ending in self.endings)]
        with_sign = [0, *accumulate(ending.is_full and ending.has_sign for ending in self.endings)]
        cuts = []
        for number, ending in enumerate(self.endings):
            first, last = max(0, number - _REACH), min(number + _REACH + 1, len(self.endings))
            is_verse = with_sign[last] - with_sign[first] > 0.5 * (full[last] - full[first])
            cuts.append(ending.is_full and ending.is_broken and not is_verse)
        return cuts

    def _titles(self) -> list[bool]:
        """Marks the short lines of a title that go on: up to four lines, without a sign at an end.
        Other runs of short lines are verses or, after a colon, a list."""
        titles = [False] * len(self.endings)
        run: list[int] = []
        for number, ending in enumerate(self.endings):
            run += [] if ending.is_full else [number]
            if ending.is_full or ending.is_sentence or ending.is_apart:
                has_sign = any(self.endings[n].line.text[-1] in ",;.:!…" for n in run)
                if len(run) <= _LONGEST_TITLE and not has_sign:
                    is_list = run[:1] > [0] and self.endings[run[0] - 1].line.text[-1] == ":"
                    for n in run:
                        goes_on = self.endings[n].after.can_go_on and self.endings[n].room < 0.6
                        titles[n] = self.endings[n].hangs or (goes_on and not is_list)
                run = []
        return titles

    def _link(self, number: int) -> str:
        ending = self.endings[number]
        line, after = ending.line.text, ending.after.text
        if any(is_mark(text) or _LEADERS.search(text) for text in (line, after)):
            return ""
        if ending.is_sentence and ending.line.page != ending.after.page:
            return ""
        is_cut = ending.is_full and ending.after.can_go_on and not ending.is_sentence
        if ending.is_apart and not is_cut:
            return ""
        first = after.partition(" ")[0]
        if _HYPHEN.search(line) and after[0].isalnum() and first not in _AUTHORS_HYPHEN:
            return self._hyphen(line, first)
        is_wrapped = any(self.is_cut[max(0, number - _NEAR) : number + _NEAR + 1])
        return "lines" if is_wrapped and self._flows(number) else ""

    def _hyphen(self, line: str, first: str) -> str:
        """«2013-2015», «México-Centroamérica» keep their hyphen; «franco-mexicano» too, which is no
        word of the text or the record without it."""
        left = re.findall(r"[^\W_]+", line)[-1]
        right = re.findall(r"[^\W_]+", first)[0]
        if not (left + right).isalpha() or left[-1].isupper() != right[0].isupper():
            return "whole"
        word = fold(left + right)
        is_break = line.endswith(BREAK) and not self.writes_break
        is_known = is_break or word in self.own_words or word in self.words
        return "hyphens" if is_known else "doubtful"

    def _flows(self, number: int) -> bool:
        """Whether a line in a column goes on in the next, with a space between."""
        ending, following = self.endings[number : number + 2]
        line, after = ending.line, ending.after
        if ending.begins_item or line.is_question or after.is_question:
            return False
        if line.text.endswith(":"):
            return ending.is_full and (after.can_go_on or following.is_full)
        if ending.is_sentence and not after.can_go_on:
            goes_on = following.is_full or following.is_sentence or following.after.can_go_on
            return goes_on and ending.room <= self.usual_room and not ending.is_marked
        if ending.is_sentence or after.can_go_on or ending.hangs:
            return ending.is_full or self.titles[number]
        return ending.room < self.most_room


def _endings(lines: list[TextLine]) -> Iterator[Ending]:
    least = _least_gap(lines)
    lengths = [0 if _LEADERS.search(line.text) else len(line.text) for line in lines]
    for number, (line, after) in enumerate(pairwise([*lines, TextLine("", gap=least)])):
        width = _width(lines, lengths, number)
        used = len(line.text) + 1 + len(after.text.partition(" ")[0])
        room = 1 - used / width if after.text else 1
        is_sentence = is_sentence_end(line.text, after.text)
        yield Ending(line, after, room, is_sentence, after.gap >= least)


def _least_gap(lines: list[TextLine]) -> int:
    """The empty lines between paragraphs: two in a text with an empty line after each line."""
    pairs = [(line, after) for line, after in pairwise(lines) if after.gap]
    within = [a for b, a in pairs if a.can_go_on and not is_sentence_end(b.text, a.text)]
    return 2 if len(within) > 0.4 * len(pairs) else 1


def _width(lines: list[TextLine], lengths: list[int], number: int) -> float:
    """The width of the column of a line: that of the lines around it, or of a narrower column that
    begins or ends here."""
    around = _upper(lengths[max(0, number - _REACH) : number + _REACH + 1])
    for start, end in ((number, number + 9), (max(0, number - 8), number + 1)):
        width = _upper(lengths[start:end])
        if _NARROWEST <= width < 0.9 * around and lengths[number] < 1.1 * width:
            part = [line for line in lines[start:end] if len(line.text) > 0.8 * width]
            if sum(line.can_go_on for line in part) > 0.4 * (end - start):
                return width
    return around if _NARROWEST <= around <= _WIDEST else inf


def _upper(lengths: list[int]) -> int:
    return sorted(lengths)[int(0.85 * len(lengths))]
