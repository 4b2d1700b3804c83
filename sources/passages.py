"""A source's text as blocks (paragraphs), sentences, and the passages that citations quote.

Positions count characters of the text with collapsed white space, as quotes are compared.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import pairwise, takewhile
from typing import NamedTuple

from django.core.exceptions import ValidationError

from dates.text import collapse, fold

_SENTENCE_END = re.compile(r"(?<=[.?!…])[»”\")\]]*\s+(?=[«“\"(]?[¿¡A-ZÁÉÍÓÚÑ0-9])")

_LOCATOR = re.compile(
    r"p\. ?(?P<page>[1-9]\d{0,3})|pp\. ?(?P<first>[1-9]\d{0,3})[-–](?P<last>[1-9]\d{0,3})"
    r"|(?P<time>(?:\d{1,2}:[0-5]\d|\d{1,3}):[0-5]\d)",
    re.ASCII,
)


def read_locator(text: str) -> str:
    """The place in a source, as `p. 14`, `pp. 14-15`, `12:31` or `1:02:03`. Raises
    ValidationError."""
    match = _LOCATOR.fullmatch(text := collapse(text))
    if text and (not match or (match["first"] and int(match["first"]) >= int(match["last"]))):
        message = "No es un lugar: escriba la página, «p. 14» o «pp. 14-15», o el minuto, «12:31»."
        raise ValidationError({"locator": message})
    return re.sub(r"\. ?", ". ", text).replace("–", "-")


# The mark of a page, which has a line of its own. Only `[p. 14]` says on which page the next line
# is; a bare number may stand at the head or at the foot.
_PAGE = re.compile(
    r"\[(?:p|pp|pág|página|page)\.? ?(?P<number>[1-9]\d{0,3})\]|[-–—] ?\d{1,4} ?[-–—]|\d{1,4}"
    r"|(?:pág\.|página|page) ?\d{1,4}(?: (?:de|of) \d{1,4})?",
    re.IGNORECASE | re.ASCII,
)


class Span(NamedTuple):
    """A part of the collapsed text, without the character at `end`. `kind` is `paragraph`,
    `heading`, `item` or `page` (a mark such as `[p. 14]`)."""

    start: int
    end: int
    kind: str = ""

    @property
    def is_told(self) -> bool:
        """Whether it tells something; headings and marks of pages do not."""
        return self.kind not in ("heading", "page")


class Piece(NamedTuple):
    """The text between two borders of passages, with the numbers of the passages that contain it;
    `opens` are the passages that begin here. Overlapping passages are split into pieces."""

    text: str
    numbers: tuple[int, ...] = ()
    opens: tuple[int, ...] = ()


class MarkedSentence(NamedTuple):
    """A sentence. `numbers` are the passages that end in it; it is `used` if a passage touches
    it."""

    pieces: list[Piece]
    numbers: tuple[int, ...]
    used: bool


class MarkedBlock(NamedTuple):
    number: int
    kind: str
    text: str
    sentences: list[MarkedSentence]

    @property
    def numbers(self) -> list[int]:
        return [number for sentence in self.sentences for number in sentence.numbers]

    @property
    def used(self) -> bool:
        return any(sentence.used for sentence in self.sentences)


class Passages:
    """`text` is collapsed; `blocks` and `sentences` are its spans, in order."""

    def __init__(self, text: str) -> None:
        self.text = collapse(text)
        self.blocks = list(_blocks(text))
        self.sentences = list(self._sentences())
        self._sentence_starts = [sentence.start for sentence in self.sentences]

    def _sentences(self) -> Iterator[Span]:
        """A list is one sentence with the words, ending in a colon, that introduce it."""
        for number, block in enumerate(self.blocks):
            if block.kind == "item":
                continue
            start = block.start
            for border in _SENTENCE_END.finditer(self.text, block.start, block.end):
                yield Span(start, border.start() + len(border[0].rstrip()), block.kind)
                start = border.end()
            items = takewhile(lambda other: other.kind == "item", self.blocks[number + 1 :])
            yield Span(start, max([block.end, *(item.end for item in items)]), block.kind)

    def positions(self, quote: str) -> list[int]:
        """The starts of all places where a quote stands verbatim, overlapping ones included."""
        quote, places, start = collapse(quote), [], -1
        while quote and (start := self.text.find(quote, start + 1)) != -1:
            places.append(start)
        return places

    def sentence_around(self, start: int, end: int) -> Span:
        """The sentence, or run of sentences, in which `start` to `end` stands."""
        first = bisect_right(self._sentence_starts, start) - 1
        last = bisect_right(self._sentence_starts, max(start, end - 1)) - 1
        return Span(self.sentences[first].start, max(end, self.sentences[last].end))

    def block_number(self, position: int) -> int:
        """The number, from 1, of the block at a position."""
        return bisect_right([block.start for block in self.blocks], position)

    def page_at(self, position: int) -> str:
        """`p. 14` for a position after the mark of page 14; empty before the first mark."""
        marks = (b for b in reversed(self.blocks) if b.kind == "page" and b.start <= position)
        pages = (_PAGE.fullmatch(self.text[b.start : b.end]) for b in marks)
        return next((f"p. {page['number']}" for page in pages if page and page["number"]), "")

    def nearest(self, quote: str) -> str:
        """The words of the text most similar to `quote`; empty when no word is."""
        wanted = fold(collapse(quote)).split()
        if not wanted:
            return ""
        words = self.text.split()
        plain = [fold(word) for word in words]
        match = SequenceMatcher(a=plain, b=wanted, autojunk=False).find_longest_match()
        start = max(0, match.a - match.b)
        return " ".join(words[start : start + len(wanted)]) if match.size else ""

    def unused(self, spans: Iterable[tuple[int, int]]) -> list[Span]:
        """The sentences that no quoted span touches, without headings and marks of pages."""
        spans = list(spans)
        return [
            sentence
            for sentence in self.sentences
            if sentence.is_told
            and not any(start < sentence.end and end > sentence.start for start, end in spans)
        ]

    def sections(self, heading: str) -> list[list[str]]:
        """The paragraphs under each heading of these words, up to the next heading."""
        blocks = [block for block in self.blocks if block.kind != "page"]
        texts = [self.text[block.start : block.end] for block in blocks]
        headings = [n for n, block in enumerate(blocks) if block.kind == "heading"]
        starts = [n for n in headings if texts[n] == collapse(heading)]
        ends = (next((n for n in headings if n > start), len(texts)) for start in starts)
        return [texts[start + 1 : end] for start, end in zip(starts, ends, strict=True)]

    def marked(self, quotes: dict[int, tuple[int, int]]) -> list[MarkedBlock]:
        """All blocks with the passages marked: `quotes` maps their numbers to (start, end)."""
        blocks = []
        for number, block in enumerate(self.blocks, 1):
            first = max(0, bisect_right(self._sentence_starts, block.start) - 1)
            sentences = self.sentences[first : bisect_left(self._sentence_starts, block.end)]
            marked = [self._marked(sentence, block, quotes) for sentence in sentences]
            text = self.text[block.start : block.end]
            blocks.append(MarkedBlock(number, block.kind, text, marked))
        return blocks

    def _marked(
        self, sentence: Span, block: Span, quotes: dict[int, tuple[int, int]]
    ) -> MarkedSentence:
        touching = {
            number: span
            for number, span in quotes.items()
            if span[0] < sentence.end and span[1] > sentence.start
        }
        start, end = max(sentence.start, block.start), min(sentence.end, block.end)
        borders = {border for span in touching.values() for border in span if start < border < end}
        edges = [start, *sorted(borders), end]
        pieces = [self._piece(*edge, touching) for edge in pairwise(edges)]
        ending = [number for number, span in touching.items() if start < span[1] <= end]
        return MarkedSentence(pieces, tuple(sorted(ending)), bool(touching))

    def _piece(self, start: int, end: int, quotes: dict[int, tuple[int, int]]) -> Piece:
        covering = {n: span for n, span in quotes.items() if span[0] <= start and span[1] >= end}
        opens = tuple(sorted(n for n, span in covering.items() if span[0] == start))
        return Piece(self.text[start:end], tuple(sorted(covering)), opens)


def _blocks(text: str) -> Iterator[Span]:
    """Each line that is not empty. A list begins after a line that ends with a colon. A line
    that goes on after the mark of a page is a paragraph."""
    start, in_list = 0, False
    lines = [line for line in map(collapse, text.splitlines()) if line]
    for number, line in enumerate(lines):
        mark, after = (*lines[number + 1 : number + 3], "", "")[:2]
        kind = "page" if _PAGE.fullmatch(line) else _kind(line, in_list)
        if kind == "heading" and _PAGE.fullmatch(mark) and after[:1].islower():
            kind = "paragraph"
        yield Span(start, start + len(line), kind)
        in_list = in_list if kind == "page" else kind == "item" or line.endswith(":")
        start += len(line) + 1


def _kind(line: str, in_list: bool) -> str:
    """Questions are headings, and so are lines without a final sign outside of a list."""
    if line.startswith("¿") and line.endswith("?"):
        return "heading"
    if line[-1] in ".:;,!?…»”)":
        return "paragraph"
    return "item" if in_list else "heading"
