"""Reads the text of a file. `read_text` runs in a child process (`record.confined`): this module
imports no Django."""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from ctypes import c_ushort
from io import BytesIO
from itertools import pairwise
from typing import Any, BinaryIO, NamedTuple

import pypdfium2 as pdfium
from lxml import etree
from pypdfium2 import raw

from record.confined import UnreadableFile
from texts.encodings import BYTE_ENCODINGS, guess_encoding

MOST_PAGES, MOST_CHARACTERS = 2_000, 3_000_000
MOST_UNZIPPED, MOST_RATIO = 32 << 20, 100  # bytes of a part; unzipped to zipped bytes
DAMAGED = "El archivo está dañado: ábralo en su programa y guárdelo de nuevo."
LOCKED = "El archivo tiene contraseña: guarde una copia sin ella y súbala."
NO_TEXT = "El archivo no trae texto: ábralo, copie el texto y péguelo."
OCR = "Transcríbalo o pase un lector de caracteres (OCR)."
TOO_LONG = "Es demasiado largo: suba solo la parte de la que salen las citas."
TOO_DEEP = "Sus elementos están unos dentro de otros sin fin: copie el texto y péguelo."
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
    except (pdfium.PdfiumError, zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise UnreadableFile(DAMAGED) from error
    if not any(lines for _number, lines in pages):
        raise UnreadableFile(NO_TEXT)
    if sum(len(line) for _number, lines in pages for line in lines) > MOST_CHARACTERS:
        raise UnreadableFile(TOO_LONG)
    yield card
    yield from pages


def _txt(content: bytes) -> Extract:
    """A form feed begins a page."""
    texts = content.decode(guess_encoding(content), "replace").rstrip("\f").split("\f")
    pages = enumerate(texts, 1 if len(texts) > 1 else 0)
    return [(number, text.splitlines()) for number, text in pages], "", "", []


# PDF


class _Row(NamedTuple):
    """A line of a page. `top` and `height`, in points, are those of a letter in its middle."""

    text: str
    top: float
    height: float

    def space(self, above: "_Row") -> float:
        """The distance from the line above, in heights of a letter."""
        return (above.top - self.top) / (max(above.height, self.height) or 1)


def _pdf(content: bytes) -> Extract:
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        locked = error.err_code in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
        raise UnreadableFile(LOCKED if locked else DAMAGED) from error
    if len(document) > MOST_PAGES:
        raise UnreadableFile(TOO_LONG)
    rows = [list(_rows(document, index)) for index in range(len(document))]
    letters = "".join(row.text for page in rows for row in page)
    if not letters:
        raise UnreadableFile(f"Este PDF es una foto: no trae texto. {OCR}")
    if len(re.findall("[\0-\x1f\ufffd\ue000-\uf8ff]", letters)) > len(letters) / 5:
        raise UnreadableFile(f"Este PDF no dice qué letras son sus signos. {OCR}")
    spaces = sorted(row.space(above) for page in rows for above, row in pairwise(page))
    spaces = [space for space in spaces if space > 0.5]
    usual = spaces[len(spaces) // 4] if spaces else 0
    pages = [(number, list(_with_blanks(page, usual))) for number, page in enumerate(rows, 1)]
    empty = [str(number) for number, lines in pages if not lines]
    several = f"{', '.join(empty[:20])}{'…' if empty[20:] else ''}"
    notes = [f"Páginas sin texto, porque son fotos o están vacías: {several}."] if empty else []
    raw.FPDFCatalog_GetLanguage(document, language := (c_ushort * 40)(), 80)
    tag = bytes(language).decode("utf-16-le", "ignore").rstrip("\0")
    return pages, document.get_metadata_value("Title"), tag, notes


def _rows(document: pdfium.PdfDocument, index: int) -> Iterator[_Row]:
    """The lines of a page; none if it is damaged. PDFium writes U+0002 for a hyphen at the end of
    a line, and joins the lines."""
    box = raw.FS_RECTF()
    with suppress(pdfium.PdfiumError):
        page = document[index]
        text = page.get_textpage()
        places = range(text.count_chars())
        letters = "".join(chr(raw.FPDFText_GetUnicode(text, place)) for place in places)
        for line in re.finditer(r"([^\r\n\x02]+)(\x02?)", letters):
            middle = range((line.start() + line.end(1)) // 2, line.end(1))
            place = next((place for place in middle if letters[place].isalnum()), line.start())
            raw.FPDFText_GetLooseCharBox(text, place, box)
            if words := line[1].strip():
                yield _Row(words + ("-" if line[2] else ""), box.top, box.top - box.bottom)
        text.close()
        page.close()


def _with_blanks(rows: list[_Row], usual: float) -> Iterator[str]:
    """The lines, with an empty line before those that have more space above than usual, or letters
    of another size."""
    for above, row in pairwise([*rows[:1], *rows]):
        if (
            row.space(above) > 1.25 * usual
            or not 0.8 * above.height <= row.height <= 1.25 * above.height
        ):
            yield ""
        yield row.text


# DOCX and ODT


def _part(archive: zipfile.ZipFile, name: str) -> Any:
    """The root of an XML part. Its declared size is looked at before it is unpacked."""
    entry = archive.getinfo(name)
    if entry.file_size > min(MOST_UNZIPPED, max(1 << 20, entry.compress_size * MOST_RATIO)):
        raise UnreadableFile("Descomprimido es demasiado grande: copie el texto y péguelo.")
    parser = etree.XMLParser(resolve_entities=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(archive.read(entry), parser)
    except (etree.XMLSyntaxError, RuntimeError, NotImplementedError) as error:  # or encrypted
        is_deep = getattr(error, "code", 0) == etree.ErrorTypes.ERR_RESOURCE_LIMIT
        raise UnreadableFile(TOO_DEEP if is_deep else DAMAGED) from error
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
    return next(value for name, value in element.items() if name.endswith("}id"))


def _docx_lines(root: Any) -> Lines:
    for run in [*root.iterfind(".//{*}r/{*}rPr/{*}vanish/../..")]:
        run.tag = "hidden"
    for paragraph in reversed([*root.iterfind(".//{*}p/{*}pPr/{*}rPr/{*}del/../../..")]):
        if (following := paragraph.getnext()) is not None:  # the end of the paragraph is deleted
            paragraph.extend(following)
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
    at_end = [line for note in root.iter("{*}note-body") for line in _lines(note, ())]
    lines = _lines(root, ("{*}tracked-changes", "{*}annotation", "{*}note"))
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
    text = re.sub(r"(?i)</(body|html)\s*>", "", _unicode(content))
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(NO_TEXT) from error
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        raise UnreadableFile(TOO_DEEP)
    title = root.xpath("string(//meta[@property='og:title']/@content)")
    title = title or root.xpath("string(//title)")
    for element in root.xpath(_HIDDEN):
        element.tag = "template"
    lines = _lines(root, _DROPPED)
    main = root.xpath("//main")
    lines = (len(main) == 1 and _lines(main[0], ())) or lines
    return [(0, lines)], title, root.get("lang", ""), []


def _unicode(content: bytes) -> str:
    """A page with an encoding of one byte has the one that it declares, if that can read it."""
    encoding = guess_encoding(content)
    declared = re.search(rb"charset=[\"']?([\w-]+)", content[:4096])
    if encoding in BYTE_ENCODINGS and declared:
        name = declared[1].decode().lower()
        with suppress(UnicodeError, LookupError):
            return content.decode("cp1252" if name in ("iso-8859-1", "latin1") else name)
    return content.decode(encoding, "replace")


# DOCX, ODT and HTML, by the local names of their elements

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
    """The lines of an element, without what is `dropped`. A row of a table whose cells have a
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
