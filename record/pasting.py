"""HTML as word processors and web pages copy it, in the few tags of rich text.

Tables become lists of lines («Ana: Vocal»), the bullets of Word become lists, and bold and italic
styles become tags. Images, comments, styles and links that lead nowhere are left out and counted.
"""

import re
from collections import Counter
from html import escape, unescape
from typing import NamedTuple

from dates.text import collapse

MARKUP = re.compile(
    r"""<!--(?:-?>|.*?(?:--!?>|\Z))            # a comment
      | <(?:[!?]|/(?![a-z]))[^>]*(?:>|\Z)     # a declaration
      | <(script|style)\b.*?(?:</\1\s*>|\Z)
      | <(/?)([a-z][^\s/>]*)((?:[^>=]+|=\s*"[^"]*(?:"|\Z)|=\s*'[^']*(?:'|\Z)|=)*+)(?:>|\Z)
      | <""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
"""Comments, tags and what a parser would take for tags, in linear time."""
MAX_ATTRIBUTES = 4_000
_ATTRIBUTE = re.compile(r"""(?<![\w:-])([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_EMPHASIS = {"b", "strong", "i", "em", "span", "font"}
_TEXT_BLOCKS = {"p": "p", "h1": "h2", "h2": "h2"} | dict.fromkeys(("h3", "h4", "h5", "h6"), "h3")
_LISTS = {name: name for name in ("ul", "ol", "li", "blockquote")}
_CELLS = {"td", "th"}
_TABLE = {"table", "tr", "caption", "thead", "tbody", "tfoot", *_CELLS}
_OTHER_BLOCKS = _TABLE | set(
    "address article aside body center dd details div dl dt fieldset figcaption figure footer form "
    "header hr html main nav pre section summary".split()
)
_VOID = set("area base br col embed hr img input link meta param source track wbr".split())
_ALL_BLOCKS = {*_TEXT_BLOCKS, *_LISTS, *_OTHER_BLOCKS}
_HIDDEN_TAGS = {"head", "math", "svg", "title", "xml"}
_HIDDEN = re.compile(r"display:\s*none|mso-hide:\s*all|mso-element:\s*comment(?!-)")
_HIDDEN_CLASSES = re.compile("MsoCommentReference|mw-editsection")
_COMMENT = re.compile(r"mso-element:\s*comment(?!-)")
_MARKER = re.compile(r"mso-list:\s*ignore")
_ITEM = re.compile(r"mso-list:\s*(\w+)\s+level(\d)")
_NUMBER = re.compile(r"\s*\(?\w{1,5}[.)]")
_BOLD = re.compile(r"(?<![\w-])font-weight:\s*(?:(bold|[6-9]00)|\w)")
_ITALIC = re.compile(r"(?<![\w-])font-style:\s*(?:(italic|oblique)|\w)")
_WEB = re.compile(
    r"\s*(?:https?://(?![^/?#\"<>]*/admin(?:[/?#\"]|$))|mailto:)(?![^\"<>]*#(?:cite_|_ftn))", re.I
)
"""An address of another page. Footnotes are none, nor are the pages of the staff."""
_FOREIGN = re.compile(
    r"<(?!/?(?:p|br|strong|em|h2|h3|ul|ol|li|blockquote)>|/a>"
    rf'|a href="(?={_WEB.pattern})[^"<>]*" rel="noopener">)',
    re.IGNORECASE,
)
_BREAK = "\x1f"  # between the paragraphs of a cell
_NAMES = {
    "image": ("imagen", "imágenes"),
    "comment": ("comentario", "comentarios"),
    "link": ("enlace que no lleva a otra página", "enlaces que no llevan a otra página"),
}


class OpenTag(NamedTuple):
    """An open element, the end tags to write, and the place of its start tag. The text editor
    writes an empty line as a paragraph, which `may_be_empty`."""

    name: str
    end: str
    start: int
    may_be_empty: bool


class Tidying:
    """Reads markup once, in order, and writes `pieces`. `dropped` counts the omissions."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.dropped = Counter[str]()
        self.elements: list[OpenTag] = []
        self.open = Counter[str]()
        self.text_end = 0  # the place after the last text
        self.block_start = 0
        self.image_place = 0  # the place of the last image
        self.hidden_from = 0  # the depth of the hidden element, or 0
        self.marker: list[str] | None = None  # the hidden text before an item of Word
        self.lists: list[tuple[str, int]] = []  # the lists of Word, and their places
        self.list_name = ""
        self.is_loose = False  # text outside of paragraphs needs paragraphs
        self.paragraph: int | None = None  # the place of such a paragraph
        self.tables = 0
        self.rows: list[list[str]] = []
        self.outer: list[str] = []  # the pieces before the table

    def read(self, html: str) -> None:
        position = 0
        for markup in MARKUP.finditer(html):
            self.text(html[position : markup.start()])
            position = markup.end()
            self.markup(markup)
        self.text(html[position:])
        self.close_to(0)
        self.end_paragraph()
        self.end_lists()

    def markup(self, markup: re.Match[str]) -> None:
        name, attributes = (markup[3] or "").lower(), markup[4] or ""
        if markup[0] == "<":
            self.text("<")
        elif (markup[1] or "").lower() == "style":
            self.dropped["style"] = 1
        elif name and markup[2]:
            self.end(name)
        elif name and markup[0].endswith(">"):
            pairs = _ATTRIBUTE.findall(attributes) if len(attributes) < MAX_ATTRIBUTES else []
            self.start(name, {key.lower(): unescape("".join(value)) for key, *value in pairs})

    def text(self, text: str) -> None:
        if self.hidden_from:
            if self.marker is not None:
                self.marker.append(text)
            return
        is_blank = not text.replace("&nbsp;", " ").strip()
        if is_blank and self.text_end <= self.block_start:
            return  # white space between blocks
        if not is_blank:
            if self.lists and not self.open["p"]:
                self.end_lists()
            self.begin_paragraph()
        self.pieces.append(text.replace("&nbsp;", " ") if self.tables else text)
        self.text_end = self.text_end if is_blank else len(self.pieces)

    # Elements

    def start(self, name: str, attributes: dict[str, str]) -> None:
        style, end = attributes.get("style", "").lower(), ""
        self.dropped["style"] |= bool(style)
        if name == "img" and not self.hidden_from:
            self.dropped["image"] += 1
            self.image_place = len(self.pieces)
        self.dropped["comment"] += bool(_COMMENT.search(style))
        if not self.hidden_from and name not in _VOID and self.is_hidden(name, attributes, style):
            self.hidden_from = len(self.elements) + 1
            self.marker = [] if _MARKER.search(style) else None
        elif not self.hidden_from:
            end = self.shown(name, attributes, style)
        if name not in _VOID:
            may_be_empty = name == "p" and not attributes
            place = len(self.pieces) - bool(end)
            self.elements.append(OpenTag(name, end, place, may_be_empty))
            self.open[name] += 1

    def is_hidden(self, name: str, attributes: dict[str, str], style: str) -> bool:
        is_hidden = _HIDDEN.search(style) or _MARKER.search(style)
        in_class = _HIDDEN_CLASSES.search(attributes.get("class", ""))
        return name in _HIDDEN_TAGS or bool(is_hidden or in_class)

    def shown(self, name: str, attributes: dict[str, str], style: str) -> str:
        """Writes the start tag, and returns the end tags."""
        if name == "br" and self.text_end > self.block_start:
            self.pieces.append(_BREAK if self.tables else "<br>")
        elif name == "a":
            href = attributes.get("href", "")
            if _WEB.match(href):
                return self.inline(f'<a href="{escape(href)}">', "</a>")
            self.dropped["link"] += bool(href)
        elif name in _EMPHASIS:
            return self.emphasis(name, style)
        elif name in _ALL_BLOCKS:
            return self.block(name, style)
        return ""

    def emphasis(self, name: str, style: str) -> str:
        bold, italic = _BOLD.search(style), _ITALIC.search(style)
        in_heading = any(self.open[name] for name in _TEXT_BLOCKS if name != "p")
        is_bold = bool(bold[1]) and not in_heading if bold else name in ("b", "strong")
        tags = ["strong"] if is_bold else []
        if bool(italic[1]) if italic else name in ("i", "em"):
            tags.append("em")
        start = "".join(f"<{tag}>" for tag in tags)
        return self.inline(start, "".join(f"</{tag}>" for tag in reversed(tags))) if tags else ""

    def inline(self, start: str, end: str) -> str:
        self.begin_paragraph()
        self.pieces.append(start)
        return end

    def block(self, name: str, style: str) -> str:
        if name not in _LISTS:
            self.end("p")
        self.end_paragraph()
        self.block_start = len(self.pieces)
        item = _ITEM.search(style)
        if name in _TABLE:
            self.table(name)
        elif self.tables:
            self.pieces.append(_BREAK)
        elif item and name in _TEXT_BLOCKS:
            self.begin_item(item[1], min(int(item[2]), 9))
        else:
            self.end_lists()
            if known := _TEXT_BLOCKS.get(name) or _LISTS.get(name):
                self.pieces.append(f"<{known}>")
                return f"</{known}>"
            self.is_loose = True
        return ""

    def end(self, name: str) -> None:
        if self.open[name]:
            depth = len(self.elements) - 1
            while self.elements[depth].name != name:
                depth -= 1
            self.close_to(depth)

    def close_to(self, depth: int) -> None:
        while len(self.elements) > depth:
            element = self.elements.pop()
            self.open[element.name] -= 1
            if self.hidden_from > len(self.elements):
                self.hidden_from = 0
                self.set_kind_of_list()
            elif not self.hidden_from:
                self.close(element)

    def close(self, element: OpenTag) -> None:
        is_block = element.name in _ALL_BLOCKS
        if is_block:
            self.end_paragraph()
        if element.name == "table":
            self.end_table()
        elif self.tables and is_block:
            self.pieces.append(_BREAK)
        elif element.end and self.is_empty(element):
            del self.pieces[element.start :]
        elif element.end:
            self.pieces.append(element.end)
        if is_block:
            self.block_start = len(self.pieces)

    def is_empty(self, element: OpenTag) -> bool:
        may_go = not element.may_be_empty or self.image_place > element.start
        return may_go and self.text_end <= element.start

    # Paragraphs around text that has none

    def begin_paragraph(self) -> None:
        is_inside = self.tables or any(self.open[name] for name in (*_TEXT_BLOCKS, "li"))
        if self.is_loose and self.paragraph is None and not is_inside:
            self.paragraph = len(self.pieces)
            self.pieces.append("<p>")

    def end_paragraph(self) -> None:
        if self.paragraph is not None:
            if self.text_end > self.paragraph:
                self.pieces.append("</p>")
            else:
                del self.pieces[self.paragraph]
            self.paragraph = None

    # The lists of Word: paragraphs with a level

    def begin_item(self, name: str, level: int) -> None:
        self.end_lists(level if name == self.list_name else 0)
        self.list_name = name
        if len(self.lists) == level:
            self.pieces.append("</li><li>")
        while len(self.lists) < level:
            self.lists.append(("ul", len(self.pieces)))
            self.pieces += ["<ul>", "<li>"]
        self.block_start = len(self.pieces)

    def end_lists(self, level: int = 0) -> None:
        while len(self.lists) > level:
            self.pieces.append(f"</li></{self.lists.pop()[0]}>")

    def set_kind_of_list(self) -> None:
        """Numbers the list whose first item has a number."""
        is_number = self.marker is not None and _NUMBER.match("".join(self.marker))
        self.marker = None
        if is_number and self.lists and self.lists[-1][1] == self.block_start - 2:
            self.pieces[self.block_start - 2] = "<ol>"
            self.lists[-1] = ("ol", self.block_start - 2)

    # Tables

    def table(self, name: str) -> None:
        if name == "table":
            self.end_lists()
            self.tables += 1
            if self.tables == 1:
                self.outer, self.pieces, self.rows = self.pieces, [], [[]]
                self.block_start = self.text_end = 0
        elif not self.tables:
            self.is_loose = True
        elif self.tables > 1:
            self.pieces.append(_BREAK)
        else:
            for cell in _CELLS:
                self.end(cell)
            self.end_cell()
            if name not in _CELLS:
                self.rows.append([])

    def end_cell(self) -> None:
        parts = "".join(self.pieces).split(_BREAK)
        self.rows[-1].append(", ".join(filter(None, map(collapse, parts))))
        self.pieces = []
        self.block_start = self.text_end = 0

    def end_table(self) -> None:
        self.tables -= 1
        if self.tables:
            return
        self.end_cell()
        self.pieces = self.outer
        if lines := [line for cells in self.rows if (line := _line(cells))]:
            self.dropped["table"] += 1
            self.pieces.append(f"<ul><li>{'</li><li>'.join(lines)}</li></ul>")
        self.block_start = self.text_end = len(self.pieces)
        self.is_loose = True


def _line(cells: list[str]) -> str:
    """The cells of a row: «Ana: Vocal; 2012»."""
    first, *rest = [cell for cell in cells if cell] or [""]
    return f"{first.removesuffix(':')}: {'; '.join(rest)}" if rest else first


def tidy(html: str) -> tuple[str, Counter[str]]:
    """The HTML in the tags of rich text, and the counts of omissions and changes."""
    if not _FOREIGN.search(html):
        return html, Counter()
    tidying = Tidying()
    tidying.read(html)
    return "".join(tidying.pieces), tidying.dropped


def losses_in_words(dropped: Counter[str]) -> str:
    """«Se quitaron 2 imágenes y los estilos. 1 tabla quedó como lista.»"""
    counts = [(dropped[key], names) for key, names in _NAMES.items() if dropped[key]]
    parts = [f"{count} {names[count > 1]}" for count, names in counts]
    parts += ["los estilos"] if dropped["style"] else []
    verb = (
        "Se quitó" if parts == parts[:1] and sum(c for c, _names in counts) == 1 else "Se quitaron"
    )
    *most, last = parts or [""]
    sentences = [f"{verb} {' y '.join(filter(None, [', '.join(most), last]))}."] if parts else []
    if tables := dropped["table"]:
        changed = "tabla quedó como lista" if tables == 1 else "tablas quedaron como listas"
        sentences.append(f"{tables} {changed}.")
    return " ".join(sentences)
