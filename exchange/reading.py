"""Reads the cells of a CSV file, or of an Excel workbook (XLSX) as the texts that Excel shows.

`read_table` runs in a child process (`record.confined`): this module imports no Django. In a
workbook, expat parses each part of the archive in chunks. A document type is refused, and every
part has a limit of bytes and tags, so that time and memory grow linearly with the file. Elements
are matched by their local names, which are the same in the transitional and the strict form.
"""

import csv
import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import chain, islice
from typing import Any, BinaryIO
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils import column_index_from_string
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel, from_ISO8601

from record.confined import UnreadableFile

MAX_CELL = 1_000_000  # characters
MAX_SHEET, MAX_OTHER_PART = 250 << 20, 64 << 20  # bytes, unzipped
MAX_RATIO = 100  # unzipped to zipped bytes of a large part
MAX_TAGS, MAX_TAGS_OF_ROW = 1_000_000, 100  # in a part; per row that the caller admits
MAX_COLUMN, MAX_COLUMNS, MAX_HEADER = 702, 50, 200  # ZZ; of a header; its characters
MAX_CODE = 255  # characters of the format of a number, as in Excel
CHUNK = 1 << 16  # bytes parsed at a time
MAX_TOKEN = 1 << 20  # bytes; expat parses an unfinished tag again with every chunk
BEGINNING = 50_000  # characters that show the delimiter
WRONG_ENCODING = "La codificación no es la que parecía; elija otra, por ejemplo Windows-1252."
DAMAGED = "El archivo está dañado: ábralo en Excel y guárdelo de nuevo."
UNREADABLE = "El libro no se puede leer: guárdelo de nuevo como .xlsx."
TOO_LARGE_UNZIPPED = "Descomprimido es demasiado grande: copie solo los datos a un libro nuevo."
TOO_MANY_TAGS = (
    "El libro tiene demasiadas celdas, o demasiado formato en celdas vacías: copie solo los datos "
    "a un libro nuevo."
)
NO_VALUE = "es una fórmula sin valor guardado; guárdela en Excel o escriba el valor"
NO_YEAR = "es una fecha sin año; escríbala como texto, por ejemplo 2020-02-11"
Attributes = dict[str, str]
Element = tuple[str, Attributes, str | None]
"""Tag, attributes, and text, which is None for a formula without a stored value."""
Cell = str | dict[str, str]
"""The text of a cell; or `date`, a day that Excel stores as a number, as EDTF; or `problem`, of a
cell without a reliable text, such as an error or a date without a year."""
NumberedRows = Iterator[tuple[int, Sequence[Cell]]]
csv.field_size_limit(MAX_CELL)


def read_table(
    file: BinaryIO, max_rows: int, max_characters: int, encoding: str = "", delimiter: str = ""
) -> Iterator[Any]:
    """Yield the delimiter, "" for a workbook; the header, which is the first row that is not blank;
    the other rows with their numbers. A `delimiter` overrides the recognized one."""
    start = file.read(4)
    file.seek(0)
    if start.startswith((b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise UnreadableFile(
            "No es CSV ni XLSX. Guárdelo desde Excel como «Libro de Excel (.xlsx)», sin contraseña."
        )
    if encoding:
        delimiter, rows = _csv_rows(file, encoding, delimiter)
    else:
        rows = workbook_rows(file, max_rows)
    yield delimiter
    rows = ((number, cells) for number, cells in rows if any(cells))
    yield _header(next(rows, (1, []))[1])
    yield from _limited(rows, max_rows, max_characters)


def _header(cells: Sequence[Cell]) -> Sequence[Cell]:
    width = max((number for number, cell in enumerate(cells, 1) if cell), default=0)
    if not width:
        raise UnreadableFile("El archivo está vacío: su primer renglón debe tener los encabezados.")
    if width > MAX_COLUMNS:
        raise UnreadableFile(
            f"Tiene más de {MAX_COLUMNS} columnas; las del registro son menos de 20."
        )
    if any(len(cell) > MAX_HEADER for cell in cells):
        raise UnreadableFile(f"Un encabezado tiene más de {MAX_HEADER} caracteres.")
    return cells[:width]


def _limited(rows: NumberedRows, max_rows: int, max_characters: int) -> NumberedRows:
    command = "Para archivos grandes use la orden «manage.py import_records»."
    characters = 0
    for count, (number, cells) in enumerate(rows, 1):
        if count > max_rows:
            raise UnreadableFile(f"Tiene más de {max_rows:,} filas. {command}")
        characters += sum(map(len, cells))
        if characters > max_characters:
            raise UnreadableFile(f"Tiene más de {max_characters:,} caracteres. {command}")
        yield number, cells


# CSV


def _csv_rows(file: BinaryIO, encoding: str, delimiter: str) -> tuple[str, NumberedRows]:
    try:
        text = io.TextIOWrapper(file, encoding, newline="").read()
    except UnicodeError as error:
        raise UnreadableFile(WRONG_ENCODING) from error
    # Some programs name the delimiter in a first line, for Excel.
    delimiter_line = re.match(r'"?sep=([,;\t])"?\r?\n', text)
    recognized = delimiter_line[1] if delimiter_line else _guess_delimiter(text[:BEGINNING])
    delimiter = delimiter or recognized
    lines = io.StringIO(text, newline="")
    rows = _numbered(csv.reader(lines, delimiter=delimiter, strict=True))
    return delimiter, islice(rows, 1 if delimiter_line else 0, None)


def _numbered(reader: Iterable[list[str]]) -> NumberedRows:
    """Number records instead of lines, as spreadsheets do: a cell may have line breaks."""
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any("\0" in cell for cell in cells):
                raise UnreadableFile(f"Fila {number}: lleva un carácter nulo (NUL).")
            yield number, cells
    except csv.Error as error:
        raise UnreadableFile(
            f"Después de la fila {number} el CSV no se puede leer: unas comillas quedaron "
            "abiertas o una celda es demasiado larga."
        ) from error


def _guess_delimiter(start: str) -> str:
    """Return the most frequent delimiter of the header, outside quotes."""
    start = start.lstrip("\ufeff\r\n")
    header = re.sub(r'"[^"]*"', "", re.split(r"[\r\n]", start, maxsplit=1)[0])
    return max(",;\t", key=header.count)


# Workbooks


def workbook_rows(file: BinaryIO, max_rows: int) -> NumberedRows:
    """Yield the rows with cells of the first visible sheet that has such rows."""
    file.seek(0)
    with _table_errors():
        book = OpenedWorkbook(zipfile.ZipFile(file), max(MAX_TAGS, MAX_TAGS_OF_ROW * max_rows))
        sheets = (book.rows(part) for part in book.visible_sheets())
        for rows in sheets:
            if first := next(rows, None):
                yield from chain([first], rows)
                return


@contextmanager
def _table_errors() -> Iterator[None]:
    """Turn the errors of a broken file into UnreadableFile."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise UnreadableFile(DAMAGED) from error  # RuntimeError if the part is encrypted
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableFile(UNREADABLE) from error


class OpenedWorkbook:
    def __init__(self, archive: zipfile.ZipFile, max_tags: int) -> None:
        self.archive, self.max_tags, self.epoch = archive, max_tags, WINDOWS_EPOCH
        self.part = dict(self._relations("").values())["officeDocument"]
        self.relations = self._relations(self.part)
        parts = dict(self.relations.values())
        self.date_formats = self._date_formats(parts.get("styles", ""))
        self.strings = self._strings(parts.get("sharedStrings", ""))

    def visible_sheets(self) -> list[str]:
        """Return the parts of the visible worksheets, and leave out sheets that are charts."""
        sheets = []
        for tag, attributes, _text in self._elements(self.part):
            if tag == "workbookPr" and attributes.get("date1904") in ("1", "true"):
                self.epoch = MAC_EPOCH
            if tag == "sheet" and attributes.get("state", "visible") == "visible":
                keys = [value for name, value in attributes.items() if name.endswith(":id")]
                sheets.append(self.relations[keys[0]])
        parts = [*dict.fromkeys(part for kind, part in sheets if kind == "worksheet")]
        if not parts:
            raise UnreadableFile("No es un libro de Excel: no tiene hojas a la vista.")
        return parts

    def rows(self, part: str) -> NumberedRows:
        """Yield the rows of a worksheet that have cells."""
        number, column = 0, 0
        cells: dict[int, Cell] = {}
        for tag, attributes, text in self._elements(part, MAX_SHEET):
            if tag == "c":
                place = attributes.get("r", "").rstrip("0123456789")
                column = column_index_from_string(place) if place else column + 1
                if text != "" and (displayed := self._displayed(attributes, text or "")):
                    if column > MAX_COLUMN:
                        raise UnreadableFile("La hoja tiene más de 700 columnas.")
                    cells[column] = displayed
            elif tag == "row":
                number = int(attributes.get("r", number + 1))
                if cells:
                    yield number, [cells.get(place, "") for place in range(1, max(cells) + 1)]
                column, cells = 0, {}

    def _displayed(self, cell: Attributes, value: str) -> Cell:
        """Return the text that Excel shows for a cell."""
        match cell.get("t", "n"):
            case "s":
                return self.strings[int(value)]
            case "e":
                return {"problem": f"es un error de Excel ({value})"}
            case "b" if value:
                return "VERDADERO" if value == "1" else "FALSO"
            case "n" if value:
                return self._number(value, int(cell.get("s", 0)))
            case "d" if value:
                return _displayed_date(from_ISO8601(value), "yyyy-mm-dd")
            case "n" | "b" | "d":
                return {"problem": NO_VALUE}
        return _unescaped(value)

    def _number(self, value: str, style: int) -> Cell:
        if code := self.date_formats[style] if style < len(self.date_formats) else "":
            try:
                days, is_span = float(value), is_timedelta_format(code)
                return _displayed_date(from_excel(days, self.epoch, timedelta=is_span), code)
            except (OverflowError, ValueError):
                return {"problem": "es una fecha que no existe"}
        if value.lstrip("-").isdecimal():
            return value
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)

    def _strings(self, part: str) -> list[str]:
        """Return the shared texts, which cells refer to by number."""
        elements = self._elements(part) if part else ()
        return [_unescaped(text or "") for tag, _attributes, text in elements if tag == "si"]

    def _date_formats(self, part: str) -> list[str]:
        """Return the number format of each cell style, "" if it shows no date."""
        codes: dict[int, str] = dict(BUILTIN_FORMATS)
        styles: list[int] = []
        for tag, attributes, _text in self._elements(part) if part else ():
            if tag == "numFmt":
                codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")[:MAX_CODE]
            elif tag == "xf":
                styles.append(int(attributes.get("numFmtId", 0)))
            elif tag == "cellStyleXfs":
                styles.clear()  # the styles so far are not styles of cells
        dates = {n: codes[n] for n in {*styles} & codes.keys() if is_date_format(codes[n])}
        return [dates.get(number, "") for number in styles]

    def _relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the type and the target of each relation of a part, by identifier."""
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
        """Yield the elements of a part in the order in which they end."""
        entry = self.archive.getinfo(part)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnreadableFile(DAMAGED)
        if entry.file_size > min(max_size, max(1 << 24, entry.compress_size * MAX_RATIO)):
            raise UnreadableFile(TOO_LARGE_UNZIPPED)
        parser, parsed, tags = ElementParser(), 0, 0
        with self.archive.open(entry) as xml:
            while chunk := xml.read(CHUNK):
                yield from parser.elements(chunk)
                parsed, tags = parsed + len(chunk), tags + chunk.count(b"<")
                if parsed - parser.expat.CurrentByteIndex > MAX_TOKEN:
                    raise UnreadableFile(UNREADABLE)
                if tags > self.max_tags:
                    raise UnreadableFile(TOO_MANY_TAGS)
        yield from parser.elements(b"", True)


class ElementParser:
    """Parses XML into elements. The text of cells and shared strings is joined from the elements
    in them."""

    def __init__(self) -> None:
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.StartElementHandler, self.expat.EndElementHandler = self._start, self._end
        self.expat.CharacterDataHandler = self._data
        self.expat.StartDoctypeDeclHandler = self._refuse_document_type
        self.attributes: dict[str, Attributes] = {}
        self.ended: list[Element] = []
        self.texts: list[str] = []
        # `collects` is true inside of the elements whose text is read.
        self.length, self.collects, self.phonetic, self.formula = 0, False, False, False

    def elements(self, chunk: bytes, is_last: bool = False) -> list[Element]:
        """Parse a chunk and return the elements that end in it."""
        self.ended = []
        self.expat.Parse(chunk, is_last)
        return self.ended

    def _start(self, tag: str, attributes: Attributes) -> None:
        tag = tag.rpartition(":")[2]
        if tag in ("t", "v"):
            self.collects = not self.phonetic
            return
        self.attributes[tag] = attributes
        if tag in ("c", "si"):
            self.texts, self.length, self.formula = [], 0, False
        elif tag == "f":
            self.formula = True
        elif tag == "rPh":
            self.phonetic = True  # the pronunciation of a text, which is left out

    def _data(self, text: str) -> None:
        if not self.collects:
            return
        self.length += len(text)
        if self.length > MAX_CELL:
            raise UnreadableFile(f"Una celda tiene más de {MAX_CELL:,} caracteres.")
        self.texts.append(text)

    def _end(self, tag: str) -> None:
        tag, self.collects = tag.rpartition(":")[2], False
        if tag in ("c", "si"):
            text = None if self.formula and not self.texts else "".join(self.texts)
            self.ended.append((tag, self.attributes[tag], text))
        elif tag == "rPh":
            self.phonetic = False
        elif tag not in ("t", "v", "is", "f"):
            self.ended.append((tag, self.attributes[tag], ""))

    def _refuse_document_type(self, *_declaration: Any) -> None:
        raise UnreadableFile("El libro contiene entidades XML; no se admiten.")


def _unescaped(text: str) -> str:
    """Decode the characters that XML cannot hold, which Excel writes as «_x000B_»."""
    if "_x" not in text:
        return text
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), text)


def _displayed_date(value: Any, code: str) -> Cell:
    """Return a date as precisely as its number format shows it, or a time or duration as text."""
    if not isinstance(value, date):
        return str(value)
    if isinstance(value, datetime) and value.time() != time():
        return value.strftime("%Y-%m-%d %H:%M:%S")
    letters = set(re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", code.lower()))
    day = value.strftime("%Y-%m-%d").zfill(10)
    if "y" not in letters and "a" not in letters:
        return {"problem": NO_YEAR}
    return {"date": day} if "d" in letters else day[: 7 if "m" in letters else 4]
