"""A source's text as blocks (paragraphs), sentences, and the passages that citations quote.

Positions count characters of the text with collapsed white space, as quotes are compared.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, pairwise, takewhile
from typing import NamedTuple

from django.core.exceptions import ValidationError

from dates.text import collapse
from texts.alignment import QuotedText

_CLOSING = r"[»”’\"')\]]*(?:[⁰¹²³⁴-⁹]+|\[[0-9]{1,3}\]|(?<=[a-zñáéíóúü»”)][.?!…])[0-9]{1,3})?"
"""After the last sign of a sentence: quotation marks, and the number of a note."""
_SENTENCE_END = re.compile(rf"(?<=[.?!…]){_CLOSING}\s+(?=[«“‘\"'(]?[¿¡A-ZÁÉÍÓÚÑ0-9])")
_NOTE = re.compile(r"(?<=[.?!…»”)])[0-9]{1,3}$")
_FINAL = re.compile(rf"[.?!…]{_CLOSING}$")
_ABBREVIATIONS = frozenset(
    "arq av blvd cf cfr cnel coord dip dr dra ed ee ej fr gob gral hnos ing lcda lcdo lic mr mrs "
    "ms mtra mtro prof profa sen sr sra sres srita srta sta sto uu vs".split()
)
_BEFORE_FIGURES = frozenset(
    "art arts cap caps col exp ext fig figs frac fracc inc lám no nos núm núms of p pág págs par "
    "párr pp sec t tab tel tels vol vols".split()
)
"""Abbreviations only where a figure follows: «Dijo que no. El pleno…» is two sentences."""
_SHORTENED = re.compile(r".*\b[A-ZÁÉÍÓÚÑ]\.|[0-9]+(?:[oaºª]s?|er|ro|do|to)\.")
_LIST_NUMBER = re.compile(r"(?:[0-9]{1,3}|[IVXLC]{1,6}|[a-z])\.")
_LONGEST_ABBREVIATION = 16
LONGEST_HEADING, MOST_HEADINGS = 200, 3
"""The characters of a heading; the headings that follow one another."""
_TIME = "(?:[0-9]{1,2}:[0-5][0-9]|[0-9]{1,3}):[0-5][0-9]"
_MARK = re.compile(
    r"\[p(?:\.|ág\.|ágina)? ?(?P<inserted>[1-9][0-9]{0,3})\]"
    r"|[-–—] ?(?P<dashed>[1-9][0-9]{0,3}) ?[-–—]"
    r"|(?:pág\.|página|page) (?P<named>[1-9][0-9]{0,3})(?: ?(?:de|of|/) ?[0-9]+)?"
    rf"|\[?(?P<time>{_TIME})\]?",
    re.IGNORECASE,
)
"""A line with nothing but the number of a page, or the time in a recording."""
_LOCATOR = re.compile(
    r"p\. ?[1-9][0-9]{0,3}|pp\. ?(?P<first>[1-9][0-9]{0,3})[-–](?P<last>[1-9][0-9]{0,3})"
    rf"|{_TIME}"
)


def read_locator(text: str) -> str:
    """The place in a source, as `p. 14`, `pp. 14-15`, `12:31` or `1:02:03`. Raises
    ValidationError."""
    match = _LOCATOR.fullmatch(text := collapse(text))
    if text and (not match or (match["first"] and int(match["first"]) >= int(match["last"]))):
        message = "No es un lugar: escriba la página, «p. 14» o «pp. 14-15», o el minuto, «12:31»."
        raise ValidationError({"locator": message})
    return re.sub(r"\. ?", ". ", text).replace("–", "-")


def fragment(locator: str) -> str:
    """A locator as the fragment of an address: `page=14` (RFC 8118), `t=751` (Media Fragments)."""
    if locator.startswith("p"):
        return f"page={locator.split()[1].partition('-')[0]}"
    seconds = 0
    for part in locator.split(":") if locator else ():
        seconds = 60 * seconds + int(part)
    return f"t={seconds}" if locator else ""


class Span(NamedTuple):
    """A part of the collapsed text, without the character at `end`. `kind` is `paragraph`,
    `heading` or `item`."""

    start: int
    end: int
    kind: str = ""

    @property
    def is_told(self) -> bool:
        return self.kind != "heading"


class Piece(NamedTuple):
    """The text between two borders of passages or pages, with the numbers of the passages that
    contain it; `opens` are the passages that begin here, `place` is the page that begins here, or
    the time. Overlapping passages are split into pieces."""

    text: str
    numbers: tuple[int, ...] = ()
    opens: tuple[int, ...] = ()
    place: str = ""


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


class Passages(QuotedText):
    """`text` is collapsed, without the marks of pages and times; `blocks` and `sentences` are its
    spans, in order; `places` maps the positions at which a page or time begins to its locator."""

    def __init__(self, text: str) -> None:
        lines, self.places = _without_marks(text)
        self.text = " ".join(lines)
        self.blocks = list(_blocks(lines))
        self._place_starts = list(self.places)
        self.sentences = list(self._sentences())
        self._sentence_starts = [sentence.start for sentence in self.sentences]
        self._sentence_ends = [sentence.end for sentence in self.sentences]

    def _sentences(self) -> Iterator[Span]:
        """A list is one sentence with the words, ending in a colon, that introduce it."""
        for number, block in enumerate(self.blocks):
            if block.kind == "item":
                continue
            start = block.start
            for border in _SENTENCE_END.finditer(self.text, block.start, block.end):
                last = max(start, border.start() - _LONGEST_ABBREVIATION)
                if _is_shortened(self.text[last : border.start()], self.text[border.end()]):
                    continue
                yield Span(start, border.start() + len(border[0].rstrip()), block.kind)
                start = border.end()
            last = number
            while last + 1 < len(self.blocks) and self.blocks[last + 1].kind == "item":
                last += 1
            yield Span(start, self.blocks[last].end, block.kind)

    def sentence_around(self, start: int, end: int) -> Span:
        """The sentence, or run of sentences, in which `start` to `end` stands."""
        first = bisect_right(self._sentence_starts, start) - 1
        last = bisect_right(self._sentence_starts, max(start, end - 1)) - 1
        return Span(self.sentences[first].start, max(end, self.sentences[last].end))

    def block_number(self, position: int) -> int:
        """The number, from 1, of the block at a position."""
        return bisect_right([block.start for block in self.blocks], position)

    def locator(self, start: int, end: int) -> str:
        """The marked place of the words from `start` to `end`: `p. 14`, `pp. 14-15`, `12:31`."""
        first, last = self._place_at(start), self._place_at(end - 1)
        if first != last and first.startswith("p") and last.startswith("p"):
            return f"pp. {first[3:]}-{last[3:]}"
        return first

    def _place_at(self, position: int) -> str:
        index = bisect_right(self._place_starts, position)
        return self.places[self._place_starts[index - 1]] if index else ""

    def touched_by(self, start: int, end: int) -> range:
        """The indexes of the sentences that the words from `start` to `end` touch."""
        return range(
            bisect_right(self._sentence_ends, start), bisect_left(self._sentence_starts, end)
        )

    def unused(self, spans: Iterable[tuple[int, int]]) -> list[Span]:
        """The sentences, except headings, that no quoted span touches."""
        touched = {number for span in spans for number in self.touched_by(*span)}
        told = enumerate(self.sentences)
        return [sentence for n, sentence in told if sentence.is_told and n not in touched]

    def sections(self, heading: str) -> list[list[str]]:
        """The paragraphs under each heading of these words, up to the next heading."""
        texts = [self.text[block.start : block.end] for block in self.blocks]
        headings = [n for n, block in enumerate(self.blocks) if block.kind == "heading"]
        starts = [n for n in headings if texts[n] == collapse(heading)]
        ends = (next((n for n in headings if n > start), len(texts)) for start in starts)
        return [texts[start + 1 : end] for start, end in zip(starts, ends, strict=True)]

    def marked(self, quotes: dict[int, tuple[int, int]]) -> list[MarkedBlock]:
        """All blocks with the passages marked: `quotes` maps their numbers to (start, end)."""
        blocks = []
        touching: list[dict[int, tuple[int, int]]] = [{} for _ in self.sentences]
        for number, span in quotes.items():
            for index in self.touched_by(*span):
                touching[index][number] = span
        for number, block in enumerate(self.blocks, 1):
            first = max(0, bisect_right(self._sentence_starts, block.start) - 1)
            last = bisect_left(self._sentence_starts, block.end)
            marked = [
                self._marked(self.sentences[index], block, touching[index])
                for index in range(first, last)
            ]
            text = self.text[block.start : block.end]
            blocks.append(MarkedBlock(number, block.kind, text, marked))
        return blocks

    def _marked(
        self, sentence: Span, block: Span, touching: dict[int, tuple[int, int]]
    ) -> MarkedSentence:
        start, end = max(sentence.start, block.start), min(sentence.end, block.end)
        places = self._place_starts[bisect_right(self._place_starts, start) :]
        borders = {*chain(*touching.values()), *takewhile(lambda place: place < end, places)}
        edges = [start, *sorted(border for border in borders if start < border < end), end]
        pieces = [self._piece(*edge, touching) for edge in pairwise(edges)]
        ending = [number for number, span in touching.items() if start < span[1] <= end]
        return MarkedSentence(pieces, tuple(sorted(ending)), bool(touching))

    def _piece(self, start: int, end: int, quotes: dict[int, tuple[int, int]]) -> Piece:
        covering = {n: span for n, span in quotes.items() if span[0] <= start and span[1] >= end}
        opens = tuple(sorted(n for n, span in covering.items() if span[0] == start))
        text, place = self.text[start:end], self.places.get(start, "")
        return Piece(text, tuple(sorted(covering)), opens, place)


def is_mark(line: str) -> bool:
    """Whether a line holds nothing but the number of a page, or the time in a recording."""
    return bool(_MARK.fullmatch(line))


def is_sentence_end(line: str, after: str) -> bool:
    """Whether a sentence ends with a line before the words `after`."""
    return bool(_FINAL.search(line)) and not _is_shortened(line, after[:1])


def _is_shortened(text: str, after: str) -> bool:
    """Whether a text ends with the full stop of an abbreviation, of initials or of the number of a
    list. `after` is the next letter or figure."""
    if not text.endswith("."):
        return False
    word = text[-_LONGEST_ABBREVIATION:].split()[-1].lstrip("(«“‘\"'[¿¡")
    name = word[:-1].lower()
    return bool(
        name in _ABBREVIATIONS
        or (name in _BEFORE_FIGURES and after.isdigit())
        or _SHORTENED.fullmatch(word)
        or _LIST_NUMBER.fullmatch(text)
    )


def lines_of(text: str) -> Iterator[tuple[str, re.Match | None]]:
    """The lines that are not empty, collapsed, each with its match if it is a mark."""
    for line in filter(None, map(collapse, text.splitlines())):
        yield line, _MARK.fullmatch(line)


def _without_marks(text: str) -> tuple[list[str], dict[int, str]]:
    """The lines of a text that are no marks, collapsed, and the `places` of the marks. A paragraph
    that a mark interrupts is one line."""
    lines: list[list[str]] = []
    marks: list[tuple[int, re.Match]] = []
    length, interrupted = 0, False
    for line, mark in lines_of(text):
        if mark:
            marks.append((length, mark))
        elif interrupted and line[0].islower() and lines and lines[-1][-1][-1] not in ".:;!?…":
            lines[-1].append(line)
        else:
            lines.append([line])
        interrupted = mark is not None
        length += 0 if mark else len(line) + 1
    return [" ".join(parts) for parts in lines], _places(marks)


def _places(marks: list[tuple[int, re.Match]]) -> dict[int, str]:
    """Where each place begins. `[p. 14]` and times stand before their words. Page numbers of the
    source count if the text has no such marks; after words, the first stands at the foot of its
    page, and so do all."""
    marks = [pair for pair in marks if pair[1]["inserted"] or pair[1]["time"]] or marks
    starts = [start for start, _mark in marks]
    labels = [mark["time"] or f"p. {next(filter(None, mark.groups()))}" for _start, mark in marks]
    if marks and starts[0] and (marks[0][1]["dashed"] or marks[0][1]["named"]):
        starts, labels = [0, *starts], [*labels, ""]
    return dict(zip(starts, labels, strict=True))


def _blocks(lines: list[str]) -> Iterator[Span]:
    start = 0
    for line, kind in zip(lines, _kinds(lines), strict=True):
        yield Span(start, start + len(line), kind)
        start += len(line) + 1


def _kinds(lines: list[str]) -> list[str]:
    """A list begins after a line that ends with a colon. A heading stands alone: it is no part of a
    longer run of lines without a final sign, and no sentence that the next line goes on with."""
    kinds: list[str] = []
    for line in lines:
        in_list = bool(kinds) and (kinds[-1] == "item" or lines[len(kinds) - 1].endswith(":"))
        kinds.append(_kind(line, in_list))
    is_open = [
        kind == "heading" and not line.endswith("?")
        for kind, line in zip(kinds, lines, strict=True)
    ]
    for opened, group in groupby(range(len(lines)), key=is_open.__getitem__):
        run = list(group)
        for n in run if opened else ():
            if len(run) > MOST_HEADINGS or any(map(_goes_on, lines[n + 1 : n + 2])):
                kinds[n] = "paragraph"
    return kinds


def _kind(line: str, in_list: bool) -> str:
    """Questions are headings, and so are lines without a final sign outside of a list, unless they
    are too long."""
    line = _NOTE.sub("", line)
    is_row = line[0] in "•-–*·" or not any(map(str.isalpha, line))
    if len(line) > LONGEST_HEADING or (is_row and not in_list):
        return "paragraph"
    if line.startswith("¿") and line.endswith("?"):
        return "heading"
    if (line.rstrip("\"'’") or line)[-1] in ".:;,!?…»”)":
        return "paragraph"
    return "item" if in_list else "heading"


def _goes_on(line: str) -> bool:
    return line[0].islower() and line[1:2] not in (")", ".")
