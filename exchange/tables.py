"""Reading and writing tables: CSV in any usual encoding and delimiter, and XLSX.

Whatever the file, a row is a list of texts as the spreadsheet shows them, and is numbered as the
spreadsheet numbers it. What can't be read raises TableError, in Spanish, before any of it is used.
"""

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

MAX_COLUMNS = 200
MAX_CELL = 1_000_000
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 sin BOM",
    "utf-16-be": "UTF-16 sin BOM, al revés",
    "cp1252": "Windows-1252",
}
DELIMITERS = {",": "coma", ";": "punto y coma", "\t": "tabulador"}
WRONG_ENCODING = "La codificación no es la que parecía; elija otra, por ejemplo Windows-1252."
csv.field_size_limit(MAX_CELL)


class TableError(Exception):
    """The file can't be read; the message says why and what to do."""


class UnreadableCell(str):
    """A cell without an honest text: an error, a formula without a value, a date without a year.
    Its text is what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found out about a file, to be shown and, if wrong, corrected by hand."""

    format: str
    encoding: str = ""
    delimiter: str = ""
    sample: tuple[str, ...] = ()
    """A few words with accents, to judge the encoding by."""

    def __str__(self) -> str:
        if self.format == "xlsx":
            return "libro de Excel (XLSX), primera hoja"
        return f"CSV, {ENCODINGS[self.encoding]}, separado por {DELIMITERS[self.delimiter]}"


@dataclass(slots=True)
class Table:
    reading: Reading
    headers: list[str]
    rows: Iterator[tuple[int, list[str]]]
    """Row number as the spreadsheet has it, and its cells; blank rows are passed over."""


def read_table(file: BinaryIO, max_rows: int, encoding: str = "", delimiter: str = "") -> Table:
    """A table from an open binary file; `encoding` and `delimiter` override what is found."""
    file.seek(0)
    start = file.read(4)
    if start.startswith(b"PK\x03\x04"):
        table = _read_xlsx(file, max_rows)
    elif start.startswith((b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise TableError("No es CSV ni XLSX. Guárdelo desde Excel como «Libro de Excel (.xlsx)».")
    else:
        table = _read_csv(file, encoding, delimiter)
    if not any(table.headers):
        raise TableError("El archivo está vacío: su primer renglón debe tener los encabezados.")
    if len(table.headers) > MAX_COLUMNS:
        raise TableError(f"Tiene más de {MAX_COLUMNS} columnas; las del registro son menos de 20.")
    table.rows = _limited(_not_blank(table.rows), max_rows)
    return table


def _not_blank(rows: Iterable[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for number, cells in rows:
        if any(cells):
            yield number, cells


def _limited(
    rows: Iterable[tuple[int, list[str]]], max_rows: int
) -> Iterator[tuple[int, list[str]]]:
    for count, row in enumerate(rows, 1):
        if count > max_rows:
            raise TableError(
                f"Tiene más de {max_rows:,} filas. Para archivos grandes use la orden "
                "«manage.py import_records»."
            )
        yield row


# CSV


def _read_csv(file: BinaryIO, encoding: str, delimiter: str) -> Table:
    encoding = encoding or _guess_encoding(file)
    try:
        start = "".join(islice(_decoded(file, encoding), 50))
    except UnicodeError as error:
        raise TableError(WRONG_ENCODING) from error
    told = re.match(r'"?sep=([,;\t])"?\r?\n', start)  # as some programs tell Excel
    delimiter = delimiter or (told[1] if told else _guess_delimiter(start))
    reader = csv.reader(_decoded(file, encoding), delimiter=delimiter, strict=True)
    rows = _numbered(reader)
    if told:
        next(rows)
    _, headers = next(rows, (1, []))
    sample = tuple(dict.fromkeys(re.findall(r"\w*[^\W\d_a-zA-Z]\w*", start)))[:6]
    return Table(Reading("csv", encoding, delimiter, sample), headers, rows)


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Spreadsheets number records, not lines: a cell with line breaks is still in one row."""
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any("\0" in cell for cell in cells):
                raise TableError(f"Fila {number}: lleva un carácter nulo (NUL).")
            yield number, cells
    except csv.Error as error:
        raise TableError(
            f"Después de la fila {number} el CSV no se puede leer: unas comillas quedaron "
            "abiertas o una celda es demasiado larga."
        ) from error
    except UnicodeError as error:
        raise TableError(WRONG_ENCODING) from error


def _decoded(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    file.seek(0)
    unclosed = io.TextIOWrapper(file, encoding=encoding, newline="")
    unclosed.close = lambda: None  # the caller closes what the caller opened
    return unclosed


def _guess_encoding(file: BinaryIO) -> str:
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    start = file.read(200)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(start) > 3 and start[place::2].count(0) > len(start) // 4 > start[
            1 - place :: 2
        ].count(0):
            return encoding
    file.seek(0)
    try:
        while chunk := file.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _guess_delimiter(start: str) -> str:
    """The one that the header row has most often outside quotes."""
    header = re.sub(r'"[^"]*"', "", start.split("\n", 1)[0])
    return max(DELIMITERS, key=header.count)


def digest_of(file: BinaryIO) -> str:
    """SHA-256 of a whole file, hexadecimal, read a piece at a time."""
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return digest


# Out

FORMATS = {"csv": "CSV", "excel": "CSV para Excel", "xlsx": "Excel (XLSX)"}

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_DISARMED = re.compile(r"'+[=+\-@\t\r\n]")


def disarm(text: str) -> str:
    """With an apostrophe before what a spreadsheet might run; `rearm` takes just that one away."""
    return f"'{text}" if _FORMULA.match(text) else text


def rearm(text: str) -> str:
    return text[1:] if _DISARMED.match(text) else text


class _Echo:
    def write(self, text: str) -> str:
        return text


def csv_lines(
    rows: Iterable[list[str]], for_excel: bool = False, tell: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """CSV (RFC 4180) in UTF-8, a piece at a time. Excel's own has a BOM and semicolons."""
    writer = csv.writer(_Echo(), delimiter=";" if for_excel else ",", lineterminator="\r\n")
    if for_excel:
        yield codecs.BOM_UTF8
    rows = iter(rows)
    while batch := list(islice(rows, 500)):
        yield "".join(writer.writerow([disarm(cell) for cell in row]) for row in batch).encode()
        if tell:
            tell(len(batch))


def write_table(
    file: BinaryIO,
    format_name: str,
    rows: Iterable[list[str]],
    title: str,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Rows, header first, as one of FORMATS."""
    if format_name == "xlsx":
        write_xlsx(file, rows, title, tell)
    else:
        for piece in csv_lines(rows, format_name == "excel", tell):
            file.write(piece)


# openpyxl takes a worker 8 MB and a tenth of its start: it is not loaded before somebody needs it.


def _read_xlsx(file: BinaryIO, max_rows: int) -> Table:
    from exchange.workbooks import read_workbook

    return read_workbook(file, max_rows)


def write_xlsx(
    file: BinaryIO,
    rows: Iterable[list[str]],
    title: str,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Every cell as text, so that Excel shows just what it says."""
    from exchange.workbooks import write_workbook

    write_workbook(file, rows, title, tell)
