"""Reads the text of a file. `read_text` runs in a child process (`record.confined`): this module
imports no Django."""

import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ctypes import c_double, c_ushort
from io import BytesIO
from itertools import pairwise
from math import hypot
from statistics import median
from typing import Any, BinaryIO, NamedTuple

import pypdfium2 as pdfium
from lxml import etree
from pypdfium2 import raw

from record.confined import UnreadableFile
from texts.encodings import guess_encoding

MOST_PAGES, MOST_CHARACTERS = 2_000, 3_000_000
MOST_UNZIPPED, MOST_RATIO = 32 << 20, 100  # bytes of a part; unzipped to zipped bytes
DAMAGED = "El archivo está dañado: ábralo en su programa y guárdelo de nuevo."
LOCKED = "El archivo tiene contraseña: guarde una copia sin ella y súbala."
NO_TEXT = "El archivo no trae texto: ábralo, copie el texto y péguelo."
OCR = "Transcríbalo o pase un lector de caracteres (OCR)."
TOO_LONG = "Es demasiado largo: suba solo la parte de la que salen las citas."
ENDLESS = "Sus elementos están unos dentro de otros sin fin: copie el texto y péguelo."
CHANGES = "Traía cambios marcados: se leyó el texto con los cambios aceptados."
COMMENTS = "Traía comentarios: quedaron fuera."
AT_END = "Traía notas al pie: van al final del texto, sin sus números."
Lines = list[str]
Extract = tuple[list[tuple[int, Lines]], str, str, list[str]]
"""The numbers and lines of pages; title; language; notes for the reader."""


def read_text(file: BinaryIO, kind: str) -> Iterator[Any]:
    """Yield the title, language and notes of a file, then the number and lines of each page."""
    extract = {"pdf": _pdf, "docx": _docx, "odt": _odt, "html": _html, "txt": _txt}[kind]
    try:
        pages, *card = extract(file.read())
    except (RuntimeError, zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        # RuntimeError of PDFium, or of a ZIP with a part that is encrypted
        raise UnreadableFile(DAMAGED) from error
    if not any(lines for _number, lines in pages):
        raise UnreadableFile(NO_TEXT)
    if sum(len(line) for _number, lines in pages for line in lines) > MOST_CHARACTERS:
        raise UnreadableFile(TOO_LONG)
    yield card
    yield from pages


def _txt(content: bytes) -> Extract:
    """A form feed begins a page."""
    if len(content) > 4 * MOST_CHARACTERS:
        raise UnreadableFile(TOO_LONG)
    texts = content.decode(guess_encoding(content), "replace").rstrip("\f").split("\f")
    pages = enumerate(texts, 1 if len(texts) > 1 else 0)
    return [(number, text.splitlines()) for number, text in pages], "", "", []


# PDF


class _Row(NamedTuple):
    """A line of a page, in points from the left and from the foot; `height` is the size of its
    letters."""

    text: str
    left: float
    right: float
    foot: float
    height: float

    def space(self, above: "_Row") -> float:
        """The distance from the line above, in heights of a letter."""
        return (above.foot - self.foot) / (max(above.height, self.height) or 1)

    def begins(self, above: "_Row", below: "_Row", usual: dict[int, float]) -> bool:
        """Whether a paragraph seems to begin: more space than usual, letters of another size, or a
        first line that is indented."""
        is_indented = self.left - max(above.left, below.left) > 0.8 * self.height
        return (
            self.space(above) > 1.2 * usual.get(round(self.height), 0)
            or not 0.8 * above.height <= self.height <= 1.25 * above.height
            or (is_indented and abs(above.left - below.left) < 1)
        )


def _pdf(content: bytes) -> Extract:
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        locked = error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise UnreadableFile(LOCKED if locked else DAMAGED) from error
    if len(document) > MOST_PAGES:
        raise UnreadableFile(TOO_LONG)
    rows = [_rows(document, index) for index in range(len(document))]
    letters = "".join(row.text for page in rows for row in page)
    if not letters:
        raise UnreadableFile(f"Este PDF es una foto: no trae texto. {OCR}")
    if len(re.findall("[\0-\x1f\ufffd\ue000-\uf8ff]", letters)) > len(letters) / 5:
        raise UnreadableFile(f"Este PDF no dice qué letras son sus signos. {OCR}")
    usual = _usual_spaces(rows)
    pages = [(number, _lines_of(page, usual)) for number, page in enumerate(rows, 1)]
    empty = [str(number) for number, lines in pages if not lines]
    several = f"{', '.join(empty[:20])}{'…' if empty[20:] else ''}"
    notes = [f"Páginas sin texto, porque son fotos o están vacías: {several}."] if empty else []
    raw.FPDFCatalog_GetLanguage(document, language := (c_ushort * 40)(), 80)
    tag = bytes(language).decode("utf-16-le", "ignore").rstrip("\0")
    return pages, document.get_metadata_value("Title"), tag, notes


def _usual_spaces(pages: list[list[_Row]]) -> dict[int, float]:
    """The space between lines of a paragraph, by the height of their letters: a quarter of the
    spaces are smaller, since most lines go on in the next."""
    spaces = defaultdict(list)
    for page in pages:
        for above, row in pairwise(page):
            if 0.5 < row.space(above) < 3 and round(row.height) == round(above.height):
                spaces[round(row.height)].append(row.space(above))
    return {height: sorted(group)[len(group) // 4] for height, group in spaces.items()}


def _lines_of(page: list[_Row], usual: dict[int, float]) -> Lines:
    """The lines of a page, with an empty line before each paragraph that seems to begin."""
    lines = [row.text for row in page[:1]]
    for above, row, below in zip(page, page[1:], [*page[2:], *page[-1:]], strict=False):
        lines += ["", row.text] if row.begins(above, below, usual) else [row.text]
    return lines


def _rows(document: pdfium.PdfDocument, index: int) -> list[_Row]:
    """The lines of a page; none if it is damaged. PDFium writes U+0002 for a hyphen at the end of
    a line, and joins the lines; it breaks a line at a raised figure."""
    rows: list[_Row] = []
    with suppress(pdfium.PdfiumError):
        page = document[index]
        text = page.get_textpage()
        places = range(text.count_chars())
        letters = "".join(chr(raw.FPDFText_GetUnicode(text, place)) for place in places)
        for line in re.finditer("([^\r\n\x02]+)(\x02?)", letters):
            if not (words := line[1].strip()):
                continue
            start = line.start() + line[1].index(words)
            row = _row(text, words + ("-" if line[2] else ""), start, start + len(words))
            above = rows[-1] if rows else row
            gap = (row.left - above.right) / (above.height or 1)
            if rows and abs(row.space(above)) < 0.5 and -0.2 < gap < 2:
                joined = f"{above.text}{' ' if gap > 0.15 else ''}{row.text}"
                rows[-1] = above._replace(text=joined, right=row.right)
            else:
                rows.append(row)
        text.close()
        page.close()
    return rows


def _row(text: pdfium.PdfTextPage, line: str, start: int, end: int) -> _Row:
    """A line, measured at its first, middle and last letter."""
    edges, feet, sizes = [], [], []
    box, matrix, x, y = raw.FS_RECTF(), raw.FS_MATRIX(), c_double(), c_double()
    for place in (start, (start + end) // 2, end - 1):
        raw.FPDFText_GetLooseCharBox(text, place, box)
        raw.FPDFText_GetCharOrigin(text, place, x, y)
        raw.FPDFText_GetMatrix(text, place, matrix)
        edges += [box.left, box.right]
        feet.append(y.value)
        sizes.append(raw.FPDFText_GetFontSize(text, place) * hypot(matrix.c, matrix.d))
    return _Row(line, edges[0], edges[-1], median(feet), median(sizes))


# DOCX and ODT


def _part(archive: zipfile.ZipFile, name: str) -> Any:
    """The root of an XML part. Its declared size is looked at before it is unpacked."""
    entry = archive.getinfo(name)
    if entry.file_size > min(MOST_UNZIPPED, max(1 << 20, entry.compress_size * MOST_RATIO)):
        raise UnreadableFile("Descomprimido es demasiado grande: copie el texto y péguelo.")
    parser = etree.XMLParser(resolve_entities=False, remove_comments=True, remove_pis=True)
    if (root := _root(archive.read(entry), parser)) is None:
        raise UnreadableFile(DAMAGED)
    if root.getroottree().docinfo.doctype:
        raise UnreadableFile("Contiene entidades XML, que no se admiten: copie el texto y péguelo.")
    return root


def _card(archive: zipfile.ZipFile, name: str) -> tuple[str, str]:
    """The title and the language, in Dublin Core."""
    root = _part(archive, name) if name in archive.namelist() else etree.Element("none")
    title, language = (root.findtext(f".//{{*}}{key}") or "" for key in ("title", "language"))
    return title, language


def _docx(content: bytes) -> Extract:
    """The text with all changes accepted, and at its end the notes that it refers to."""
    archive = zipfile.ZipFile(BytesIO(content))
    root = _part(archive, "word/document.xml")
    has_changes, has_comments = _has(root, "ins", "del", "moveFrom"), _has(root, "commentReference")
    lines, at_end = _docx_lines(root), []
    for kind in ("footnote", "endnote"):
        references = [_id(element) for element in root.iter(f"{{*}}{kind}Reference")]
        part = _part(archive, f"word/{kind}s.xml") if references else root
        notes = {_id(note): note for note in part.iter(f"{{*}}{kind}")}
        at_end += [line for key in references if key in notes for line in _docx_lines(notes[key])]
    said = [CHANGES] * has_changes + [COMMENTS] * has_comments + [AT_END] * bool(at_end)
    return [(0, lines + at_end)], *_card(archive, "docProps/core.xml"), said


def _has(root: Any, *tags: str) -> bool:
    return next(root.iter(*(f"{{*}}{tag}" for tag in tags)), None) is not None


def _id(element: Any) -> str:
    return next((value for name, value in element.items() if name.endswith("}id")), "")


def _docx_lines(root: Any) -> Lines:
    for run in [*root.iterfind(".//{*}r/{*}rPr/{*}vanish/../..")]:
        run.tag = "hidden"
    beginnings: dict[Any, Any] = {}
    for paragraph in [*root.iterfind(".//{*}p/{*}pPr/{*}rPr/{*}del/../../..")]:
        following = paragraph.getnext()  # the end of the paragraph is deleted: they are one
        if following is not None and following.tag == paragraph.tag:
            beginnings[following] = beginnings.get(paragraph, paragraph)
            beginnings[following].extend(following)
    dropped = "hidden del moveFrom Fallback rt pPr rPr tblPr trPr sectPr"
    return _lines(root, (f"{{*}}{tag}" for tag in dropped.split()), "t")


def _odt(content: bytes) -> Extract:
    """The deletions of an ODT stand apart from its text; its notes, inside of it."""
    archive = zipfile.ZipFile(BytesIO(content))
    if b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise UnreadableFile(LOCKED)
    root = _part(archive, "content.xml").find("{*}body")
    for space in root.iter("{*}s"):
        space.text = " "
    has_changes, has_comments = _has(root, "tracked-changes"), _has(root, "annotation")
    etree.strip_elements(root, "{*}annotation", "{*}tracked-changes", with_tail=False)
    at_end = [line for note in root.iter("{*}note-body") for line in _lines(note, ())]
    lines = _lines(root, ["{*}note"])
    said = [CHANGES] * has_changes + [COMMENTS] * has_comments + [AT_END] * bool(at_end)
    return [(0, lines + at_end)], *_card(archive, "meta.xml"), said


# HTML

_DROPPED = (
    "aside audio button canvas dialog footer iframe nav noscript object script select style "
    "svg template textarea title video"
).split()
_HIDDEN = (
    "//*[not(self::body)][@hidden or @aria-hidden='true'"
    " or contains(translate(@style, ' ', ''), 'display:none')"
    " or contains(' banner complementary contentinfo navigation search ', concat(' ', @role, ' '))]"
    " | //header[not(ancestor::article or ancestor::main or ancestor::section)]"
)


def _html(content: bytes) -> Extract:
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    # The parser leaves out what comes after the end of the body.
    text = content.decode(guess_encoding(content), "replace")
    text = re.sub(r"(?i)</(body|html)\s*>", "", text)
    if (root := _root(text.encode("utf-8", "replace"), parser)) is None:
        raise UnreadableFile(NO_TEXT)
    title = root.xpath("string(//meta[@property='og:title']/@content)")
    title = title or root.xpath("string(//title)")
    for element in root.xpath(_HIDDEN):
        element.tag = "template"
    lines = _lines(root, _DROPPED)
    main = root.xpath("//main")
    lines = (len(main) == 1 and _lines(main[0], ())) or lines
    return [(0, lines)], title, root.get("lang", ""), []


# DOCX, ODT and HTML, by the local names of their elements


def _root(content: bytes, parser: Any) -> Any:
    """The root of a document; None if it is empty or, as XML, broken."""
    root = None
    with suppress(etree.XMLSyntaxError):
        root = etree.fromstring(content, parser)
    errors = {entry.type for entry in parser.error_log}
    if etree.ErrorTypes.ERR_NO_MEMORY in errors:
        raise MemoryError
    if etree.ErrorTypes.ERR_RESOURCE_LIMIT in errors:
        raise UnreadableFile(ENDLESS)
    return root


_BLOCKS = frozenset(
    (
        "address article blockquote body caption center dd details div dl dt fieldset figcaption "
        "figure form h h1 h2 h3 h4 h5 h6 header hgroup legend li main ol p pre section summary "
        "table table-row tr txbxContent ul"
    ).split()
)
_ROWS, _CELLS = ("tr", "table-row"), ("tc", "td", "th", "table-cell")
_SIGNS = {
    **dict.fromkeys(("br", "hr", "cr", "line-break"), "\n"),
    **{"tab": "\t", "noBreakHyphen": "\u2011", "softHyphen": "\u00ad"},
}


def _lines(root: Any, dropped: Iterable[str], holding: str = "") -> Lines:
    """The lines of an element, without the `dropped` ones. A row of a table whose cells have a
    paragraph each is a line. Text is read in the elements `holding` it, if they are named."""
    etree.strip_elements(root, *dropped, with_tail=False)
    pieces: list[str] = []
    row = None
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = _local(element)
        if (row is None and tag in _BLOCKS) or element is row:
            pieces.append("\n")
        if event == "start":
            row = element if row is None and tag in _ROWS and _is_line(element) else row
            sign = _SIGNS.get(tag, "")
            pieces += [sign if row is None else sign.replace("\n", " ")]
            pieces += [_flowing(element.text)] if holding in ("", tag) else []
        else:
            row = None if element is row else row
            pieces += ["\n" if row is None else "\t"] if tag in _CELLS else []
            pieces += [] if holding else [_flowing(element.tail)]
    lines = (re.sub(" {2,}", " ", line).strip(" \t") for line in "".join(pieces).split("\n"))
    return [line for line in lines if line.strip()]


def _local(element: Any) -> str:
    name: str = element.tag.rpartition("}")[2]
    return name


def _flowing(text: str | None) -> str:
    return re.sub("[ \t\r\n\f]+", " ", text or "")


def _is_line(row: Any) -> bool:
    """Whether no cell of a row has several paragraphs."""
    return all(sum(_local(block) in _BLOCKS for block in cell.iter()) < 2 for cell in row)
