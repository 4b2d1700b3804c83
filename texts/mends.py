"""Lines of a file mended into the text of a source: one paragraph a line, and `[p. 2]` in a line of
its own where a page begins.

The mends are found in the document as it came, so that their numbers do not depend on choices.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from itertools import groupby, pairwise, product
from typing import NamedTuple

from dates.text import fold
from texts.files import Document
from texts.layout import BREAK, Layout, TextLine
from texts.passages import is_mark, is_sentence_end

_HIDDEN = "\u00ad\u180e\u200b\u2060\ufeff"
_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_LETTERS = rf"[\ufb00-\ufb06{_HIDDEN}]|\w[\u0300-\u036f]+|(?<=[A-Za-z\u00c0-\u024f])[\u200c\u200d]"
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_SIGNS = {True: re.compile(_LETTERS), False: re.compile(f"{_LETTERS}|[{_BIDI}]")}
"""Signs without words. In a line written from right to left (True), the marks of direction stay:
they order the figures."""
_SOFT_END = re.compile("\u00ad\\s*$")
_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,4}(?![0-9])")
_PAGE = re.compile(
    r"\W*(?:p(?:ágina|age|ágs?|g)?\.? ?)?[0-9]{1,4}(?: ?(?:de|of|/) ?[0-9]{1,4})?\W*", re.IGNORECASE
)
_FOOTNOTE = re.compile(r"(?:[0-9]{1,3}|[*¹²³⁴-⁹]{1,3})[ .)]")
_MENU = re.compile(
    r"[^·|›•]{1,60}(?: [·|›•] [^·|›•]{1,60}){2,}(?<!\.)|https?://\S+(?: [0-9]+/[0-9]+)?"
    r"|[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4},? [0-9]{1,2}:[0-9]{2}\b.{0,120}"
)


class Mend(NamedTuple):
    """A change of the text. `kind` is `letters`, `pages`, `headers`, `menus`, `notes` (put before
    the paragraph that they interrupt), `lines`, `hyphens` or `doubtful`. `before` holds a newline
    where a line ended. A sign that was mended in `times` places is one mend."""

    number: int
    kind: str
    before: str
    after: str
    is_applied: bool
    times: int = 1

    @property
    def key(self) -> str:
        return f"{self.kind}-{self.number}"


Patches = list[tuple[str, Mend | None]]


class Mended(NamedTuple):
    """`blocks` are the lines of `text`, cut where a mend shows. A line taken out of its page leaves
    a mend without text beside the mark of the page."""

    text: str
    mends: list[Mend]
    blocks: list[Patches]


def mend(
    document: Document, words: Collection[str] = (), choices: Mapping[str, bool] | None = None
) -> Mended:
    """Mend a document. `words` are folded words of the record's sources. `choices` apply or undo
    the mends of a kind (`lines`) or one mend (`hyphens-3`)."""
    draft = Draft(choices or {})
    lines = list(draft.lines(document))
    taken = _furniture(lines, document.title) if document.is_wrapped else {}
    _gather_notes(lines, taken)
    body = [line for number, line in enumerate(lines) if number not in taken]
    links = Layout(body, words).links() if document.is_wrapped else [""] * len(body)
    draft.write(lines, taken, links)
    text = "\n".join("".join(text for text, _mend in block) for block in draft.blocks)
    return Mended(text, draft.mends, draft.blocks)


class Draft:
    """The text while it is written, with its mends."""

    def __init__(self, choices: Mapping[str, bool]) -> None:
        self.choices = choices
        self.mends: list[Mend] = []
        self.blocks: list[Patches] = []
        self.paragraph: Patches | None = None

    def add(
        self, kind: str, before: str, after: str, times: int = 1, possible: bool = True
    ) -> Mend:
        number = len(self.mends) + 1
        usual = self.choices.get(kind, kind != "doubtful")
        is_applied = possible and self.choices.get(f"{kind}-{number}", usual)
        self.mends.append(Mend(number, kind, before, after, is_applied, times))
        return self.mends[-1]

    def lines(self, document: Document) -> Iterator[TextLine]:
        """The lines that hold words. A page's first line has no gap."""
        raw = [(page.number, line) for page in document.pages for line in page.lines]
        if document.is_wrapped:
            raw = [(page, _SOFT_END.sub(BREAK, line)) for page, line in raw]
        counts = Counter(sign for _page, line in raw for sign in _signs(line).findall(line))
        mended = {sign: _mended(sign) for sign in counts if _mended(sign) != sign}
        mends = [self.add("letters", sign, mended[sign], counts[sign]) for sign in mended]
        chosen = {mend.before: mend.after for mend in mends if mend.is_applied}
        for number, lines in groupby(raw, key=lambda pair: pair[0]):
            gap = None
            for _page, line in lines:
                text, shown = _replaced(line, mended), _replaced(line, chosen)
                if text:
                    indent = len(line) - len(line.lstrip())
                    yield TextLine(text, shown, number, gap or 0, indent)
                    gap = 0
                elif gap is not None:
                    gap += 1

    def write(self, lines: list[TextLine], taken: dict[int, str], links: list[str]) -> None:
        following = iter(links)
        has_marks = len({line.page for line in lines}) > 1
        for page, numbered in groupby(enumerate(lines), key=lambda pair: pair[1].page):
            on_page = list(numbered)
            place = f"p. {page}" if has_marks else ""
            mends = {
                n: self.add(taken[n], line.text, place if taken[n] == "pages" else "")
                for n, line in on_page
                if taken.get(n)
            }
            is_first = has_marks
            if has_marks:
                beside = [("", m) for m in mends.values() if m.is_applied and m.kind != "notes"]
                self.blocks.append([(f"[{place}]", None), *beside])
            notes: list[Patches] = []
            for n, line in on_page:
                if n not in taken:
                    self.follow(line, next(following), is_first)
                    is_first = False
                elif n in mends and not mends[n].is_applied:
                    self.blocks.append([(line.shown, mends[n])])
                    self.paragraph = None
                elif taken[n] == "notes":
                    notes.append([(line.shown, mends[n])])
            self.blocks[-1:-1] = notes

    def begin(self, text: str) -> None:
        if text:
            self.paragraph = [(text, None)]
            self.blocks.append(self.paragraph)

    def follow(self, line: TextLine, link: str, is_first: bool) -> None:
        """Add a line to the paragraph, or begin the next. Of a paragraph that goes on in the next
        page, a cut word, or words before the first in lower case, stay before the mark: so
        `Passages` joins its parts."""
        first, _space, rest = line.shown.partition(" ")
        if is_first and link == "lines":
            link, first, rest = _split(line.shown)
        if not link:
            return self.begin(line.shown)
        paragraph = self.paragraph or [("", None)]
        text, earlier = paragraph[-1]
        head, space, last = text.rpartition(" ")
        kind = "lines" if link == "whole" else link
        after = {"lines": f"{last} {first}", "whole": last + first}.get(link, last[:-1] + first)
        mend = self.add(kind, f"{last}\n{first}", after, possible=self.paragraph is not None)
        if not self.paragraph or (kind == "lines" and not mend.is_applied):
            return self.begin(line.shown)
        paragraph[-1:] = [(head + space, earlier)] if head or earlier else []
        paragraph.append((after if mend.is_applied else last + first, mend))
        if is_first or (kind != "lines" and not self.choices.get("lines", True)):
            return self.begin(rest)
        if rest:
            paragraph.append((f" {rest}", None))
        return None


def _split(text: str) -> tuple[str, str, str]:
    """A text before its first word in lower case, or before its next sentence."""
    words = text.split()
    begins = (
        n
        for n, word in enumerate(words[:7])
        if word[0].islower() or (n and words[n - 1][-1] in ".?!…")
    )
    count = next(begins, len(words))
    if not 0 < count < 7:
        return "", "", ""
    return "lines", " ".join(words[:count]), " ".join(words[count:])


def _signs(line: str) -> re.Pattern[str]:
    return _SIGNS[bool(_RIGHT_TO_LEFT.search(line))]


def _mended(sign: str) -> str:
    if "\ufb00" <= sign <= "\ufb06":
        return unicodedata.normalize("NFKC", sign)
    return unicodedata.normalize("NFC", sign) if len(sign) > 1 else ""


def _replaced(line: str, mended: Mapping[str, str]) -> str:
    return " ".join(_signs(line).sub(lambda match: mended.get(match[0], match[0]), line).split())


def _furniture(lines: list[TextLine], title: str) -> dict[int, str]:
    """The kinds of the lines at the edges of pages that belong to the page and not to the text, by
    number."""
    pages = [list(page) for _n, page in groupby(range(len(lines)), key=lambda n: lines[n].page)]
    places = defaultdict(set)
    for page, way in product(pages, (1, -1)):
        for n in page[::way][:3]:
            for key in _keys(lines[n]):
                places[way, key].add(lines[n].page)
    least = 2 if len(pages) <= 4 else 3
    taken: dict[int, str] = {}
    for page, way in product(pages, (1, -1)):
        for n in page[::way]:
            number = lines[n].page
            near = {number - 2, number - 1, number + 1, number + 2}
            every = (places[way, key] for key in _keys(lines[n]))
            repeats = any(len(those) >= least and those & near for those in every)
            kind = _furniture_kind(lines[n], repeats)
            if not kind or (n == 0 and fold(title) == fold(lines[0].text)):
                break
            taken[n] = kind
    return taken


def _gather_notes(lines: list[TextLine], taken: dict[int, str]) -> None:
    """Take the notes at the foot of a page that interrupt a paragraph, each as one line."""
    body = (n for n in range(len(lines)) if n not in taken)
    pages = [list(page) for _n, page in groupby(body, key=lambda n: lines[n].page)]
    for page, following in pairwise(pages):
        starts = [n for n in page[1:] if lines[n].gap and _FOOTNOTE.match(lines[n].text)]
        before = lines[page[page.index(starts[0]) - 1]].text if starts else "."
        is_whole = is_sentence_end(lines[page[-1]].text, "")
        if is_whole and lines[following[0]].can_go_on and before[-1] not in ".:;?!…":
            for start, end in pairwise([*starts, page[-1] + 1]):
                note = [lines[n] for n in page if start <= n < end]
                text, shown = (
                    " ".join(parts) for parts in zip(*(x[:2] for x in note), strict=True)
                )
                lines[start] = lines[start]._replace(text=text, shown=shown)
                taken |= {n: "notes" if n == start else "" for n in page if start <= n < end}


def _furniture_kind(line: TextLine, repeats: bool) -> str:
    if line.page and (repeats or is_mark(line.text)):
        return "pages" if _PAGE.fullmatch(line.text) else "headers"
    return "menus" if _MENU.fullmatch(line.text) else ""


def _keys(line: TextLine) -> Iterator[str]:
    """A line, and the line with each figure as its distance from the number of the page."""
    text = fold(line.text)
    yield text
    for match in _NUMBER.finditer(text[:200]):
        yield f"{text[: match.start()]}#{int(match[0]) - line.page}{text[match.end() :]}"
