"""Reads the cells of an Excel workbook (XLSX) as the texts that Excel shows.

The parts of the archive pass through expat a piece at a time. No document type is admitted, and
every part has a limit of bytes and tags, so that time and memory grow linearly with the file.
Elements are known by their local names: both the transitional and the strict form are read.
"""

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import chain
from typing import Any, BinaryIO
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils import column_index_from_string
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel, from_ISO8601

from editing.widgets import TableError, UnreadableCell

MAX_CELL = 1_000_000  # characters
MAX_SHEET, MAX_OTHER_PART = 250 << 20, 64 << 20  # bytes, unzipped
MAX_RATIO = 100  # unzipped to zipped bytes of a large part
MAX_TAGS, MAX_TAGS_OF_ROW = 2_000_000, 100  # in a part, and for each row that is admitted
MAX_COLUMN = 702  # ZZ
PIECE = 1 << 16  # bytes parsed at a time
MAX_TOKEN = 1 << 20  # expat reads an unfinished tag again with every piece
DAMAGED = "El archivo está dañado: ábralo en Excel y guárdelo de nuevo."
UNREADABLE = "El libro no se puede leer: guárdelo de nuevo como .xlsx."
TOO_MANY_TAGS = (
    "El libro tiene demasiadas celdas, o demasiado formato en celdas vacías: copie solo los datos "
    "a un libro nuevo."
)
Attributes = dict[str, str]
Element = tuple[str, Attributes, str | None]
"""Tag, attributes, text; None for a formula without a value."""


def workbook_rows(file: BinaryIO, max_rows: int) -> Iterator[tuple[int, list[str]]]:
    """The rows that have cells, each with its number, of the first visible sheet that has any."""
    file.seek(0)
    with _refusals():
        book = _Workbook(zipfile.ZipFile(file), max(MAX_TAGS, MAX_TAGS_OF_ROW * max_rows))
        sheets = (book.rows(part) for part in book.visible_sheets())
        for rows in sheets:
            if first := next(rows, None):
                yield from chain([first], rows)
                return


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise TableError(DAMAGED) from error  # RuntimeError: the part is encrypted
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise TableError(UNREADABLE) from error


class _Workbook:
    def __init__(self, archive: zipfile.ZipFile, max_tags: int) -> None:
        self.archive, self.max_tags, self.epoch = archive, max_tags, WINDOWS_EPOCH
        self.part = dict(self._relations("").values())["officeDocument"]
        self.relations = self._relations(self.part)
        parts = dict(self.relations.values())
        self.date_formats = self._date_formats(parts.get("styles", ""))
        self.strings = self._strings(parts.get("sharedStrings", ""))

    def visible_sheets(self) -> list[str]:
        """The parts of the worksheets; sheets that are charts are left out."""
        sheets = []
        for tag, attributes, _text in self._elements(self.part):
            if tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self.epoch = MAC_EPOCH
            if tag == "sheet" and attributes.get("state", "visible") == "visible":
                keys = [value for name, value in attributes.items() if name.endswith(":id")]
                sheets.append(self.relations[keys[0]])
        parts = [part for kind, part in sheets if kind == "worksheet"]
        if not parts:
            raise TableError("No es un libro de Excel: no tiene hojas a la vista.")
        return parts

    def rows(self, part: str) -> Iterator[tuple[int, list[str]]]:
        """The rows of a worksheet that have cells."""
        number, column, cells = 0, 0, {}
        for tag, attributes, text in self._elements(part, MAX_SHEET):
            if tag == "c":
                place = attributes.get("r", "").rstrip("0123456789")
                column = column_index_from_string(place) if place else column + 1
                if text != "" and (shown := self._shown(attributes, text or "")):
                    if column > MAX_COLUMN:
                        raise TableError("La hoja tiene más de 700 columnas.")
                    cells[column] = shown
            elif tag == "row":
                number = int(attributes.get("r", number + 1))
                if cells:
                    yield number, [cells.get(place, "") for place in range(1, max(cells) + 1)]
                column, cells = 0, {}

    def _shown(self, cell: Attributes, value: str) -> str:
        """A cell as Excel shows it."""
        match cell.get("t", "n"):
            case "s":
                return self.strings[int(value)]
            case "e":
                return UnreadableCell(f"es un error de Excel ({value})")
            case "b" if value:
                return "VERDADERO" if value == "1" else "FALSO"
            case "n" if value:
                return self._number(value, int(cell.get("s", 0)))
            case "d" if value:
                return _shown_date(from_ISO8601(value), "yyyy-mm-dd")
            case "n" | "b" | "d":
                return UnreadableCell(
                    "es una fórmula sin valor guardado; guárdela en Excel o escriba el valor"
                )
        return _unescaped(value)

    def _number(self, value: str, style: int) -> str:
        if code := self.date_formats[style] if style < len(self.date_formats) else "":
            try:
                days, is_span = float(value), is_timedelta_format(code)
                return _shown_date(from_excel(days, self.epoch, timedelta=is_span), code)
            except (OverflowError, ValueError):
                return UnreadableCell("es una fecha que no existe")
        if value.lstrip("-").isdecimal():
            return value
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)

    def _strings(self, part: str) -> list[str]:
        """The texts that cells refer to by number."""
        elements = self._elements(part) if part else ()
        return [_unescaped(text) for tag, _attributes, text in elements if tag == "si"]

    def _date_formats(self, part: str) -> list[str]:
        """The number format of each cell style, "" where it shows no date."""
        codes, styles = dict(BUILTIN_FORMATS), []
        for tag, attributes, _text in self._elements(part) if part else ():
            if tag == "numFmt":
                codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
            elif tag == "xf":
                styles.append(int(attributes.get("numFmtId", 0)))
            elif tag == "cellStyleXfs":
                styles.clear()  # they are no styles of cells
        dates = {number: code for number, code in codes.items() if is_date_format(code)}
        return [dates.get(number, "") for number in styles]

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """The relations of a part: kind and target part, by identifier."""
        folder, name = posixpath.split(part)
        return {
            attributes["Id"]: (
                attributes["Type"].rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, attributes["Target"])).lstrip("/"),
            )
            for tag, attributes, _text in self._elements(f"{folder}/_rels/{name}.rels".lstrip("/"))
            if tag == "Relationship"
        }

    def _elements(self, part: str, max_size: int = MAX_OTHER_PART) -> Iterator[Element]:
        """The elements of a part as they end."""
        entry = self.archive.getinfo(part)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise TableError(DAMAGED)
        if entry.file_size > min(max_size, max(1 << 24, entry.compress_size * MAX_RATIO)):
            raise TableError("Descomprimido es demasiado grande.")
        parser, parsed, tags = _Parser(), 0, 0
        with self.archive.open(entry) as xml:
            while piece := xml.read(PIECE):
                yield from parser.elements(piece)
                parsed, tags = parsed + len(piece), tags + piece.count(b"<")
                if parsed - parser.expat.CurrentByteIndex > MAX_TOKEN:
                    raise TableError(UNREADABLE)
                if tags > self.max_tags:
                    raise TableError(TOO_MANY_TAGS)
        yield from parser.elements(b"", True)


class _Parser:
    """Makes XML into elements as they end. Cells and shared strings come with their text, without
    the elements in it."""

    def __init__(self) -> None:
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.StartElementHandler, self.expat.EndElementHandler = self._start, self._end
        self.expat.CharacterDataHandler = self._data
        self.expat.StartDoctypeDeclHandler = self._refuse_document_type
        self.attributes: dict[str, Attributes] = {}
        self.pieces: list[str] = []
        self.length, self.collects, self.phonetic, self.formula = 0, False, False, False

    def elements(self, piece: bytes, is_last: bool = False) -> list[Element]:
        self.found = []
        self.expat.Parse(piece, is_last)
        return self.found

    def _start(self, tag: str, attributes: Attributes) -> None:
        tag = tag.rpartition(":")[2]
        if tag in ("t", "v"):
            self.collects = not self.phonetic
            return
        self.attributes[tag] = attributes
        if tag in ("c", "si"):
            self.pieces, self.length, self.formula = [], 0, False
        elif tag == "f":
            self.formula = True
        elif tag == "rPh":
            self.phonetic = True  # how a text is read aloud is no part of it

    def _data(self, text: str) -> None:
        if not self.collects:
            return
        self.length += len(text)
        if self.length > MAX_CELL:
            raise TableError(f"Una celda tiene más de {MAX_CELL:,} caracteres.")
        self.pieces.append(text)

    def _end(self, tag: str) -> None:
        tag, self.collects = tag.rpartition(":")[2], False
        if tag in ("c", "si"):
            text = None if self.formula and not self.pieces else "".join(self.pieces)
            self.found.append((tag, self.attributes[tag], text))
        elif tag == "rPh":
            self.phonetic = False
        elif tag not in ("t", "v", "is", "f"):
            self.found.append((tag, self.attributes[tag], ""))

    def _refuse_document_type(self, *_declaration: Any) -> None:
        raise TableError("El libro contiene entidades XML; no se admiten.")


def _unescaped(text: str) -> str:
    """With the characters that XML cannot hold, which Excel writes as «_x000B_»."""
    if "_x" not in text:
        return text
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), text)


def _shown_date(value: Any, code: str) -> str:
    """A date with as much of it as its number format shows; a time or a span of time as it is."""
    if not isinstance(value, date):
        return str(value)
    if isinstance(value, datetime) and value.time() != time():
        return value.strftime("%Y-%m-%d %H:%M:%S")
    letters = set(re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", code.lower()))
    day = value.strftime("%Y-%m-%d").zfill(10)
    if "y" not in letters and "a" not in letters:
        return UnreadableCell("es una fecha sin año; escríbala como texto, por ejemplo 2017-02-11")
    return day[: 10 if "d" in letters else 7 if "m" in letters else 4]
