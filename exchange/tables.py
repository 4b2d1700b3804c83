"""Reads tables: CSV in any usual encoding and delimiter, and XLSX.

A row is a list of texts as the spreadsheet shows them, with the number that the spreadsheet gives
it. A file that can't be read raises TableError, in Spanish, before any row of it is used.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from tablib import Dataset

from exchange.workbooks import MAX_CELL, TableError, UnreadableCell, workbook_rows

MAX_COLUMNS = 200
BEGINNING = 50_000  # characters that say how the rest is written
MAX_CHARACTERS = 250_000_000  # of all the cells of a table
MAX_BYTES = 250 << 20  # of a CSV file
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 sin BOM",
    "utf-16-be": "UTF-16 sin BOM, al revés",
    "cp1252": "Windows-1252",
}
DELIMITERS = {",": "coma", ";": "punto y coma", "\t": "tabulador"}
WRONG_ENCODING = "La codificación no es la que parecía; elija otra, por ejemplo Windows-1252."
CUT = "… [CORTADO: Excel no admite textos más largos en una celda; el CSV lo lleva completo]"
csv.field_size_limit(MAX_CELL)
Rows = Iterator[tuple[int, list[str]]]


class SheetDataset(Dataset):
    """A tablib dataset that keeps how the file was read, for the user to check and to correct, and
    the spreadsheet's own row numbers."""

    encoding: str = ""
    """A key of ENCODINGS, "" for a workbook."""
    delimiter: str = ""
    sample: Sequence[str] = ()
    """A few words with accents, to judge the encoding by."""

    def __init__(self, *rows: Sequence[str], **options: Any) -> None:
        super().__init__(*rows, **options)
        self.row_numbers: list[int] = []
        self.overlong: list[int] = []
        """The numbers of the rows that have more cells than the header, which are cut."""

    @property
    def reading(self) -> str:
        if not self.encoding:
            return "libro de Excel (XLSX), primera hoja"
        return f"CSV, {ENCODINGS[self.encoding]}, separado por {DELIMITERS[self.delimiter]}"


def read_dataset(
    file: BinaryIO, max_rows: int, encoding: str = "", delimiter: str = ""
) -> SheetDataset:
    """A table from an open binary file; `encoding` and `delimiter` override what is found. The
    first row that is not blank is the header. Cells come without the apostrophes of `disarm`."""
    file.seek(0)
    dataset, start = SheetDataset(), file.read(4)
    file.seek(0)
    if start.startswith(b"PK\x03\x04"):
        rows = workbook_rows(file, max_rows)
    elif start.startswith((b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise TableError(
            "No es CSV ni XLSX. Guárdelo desde Excel como «Libro de Excel (.xlsx)», sin contraseña."
        )
    else:
        rows = _csv_rows(file, dataset, encoding, delimiter)
    rows = ((number, cells) for number, cells in rows if any(cells))
    dataset.headers = _headers(next(rows, (1, []))[1])
    width = len(dataset.headers)
    for number, cells in _limited(rows, max_rows):
        if any(cells[width:]):
            dataset.overlong.append(number)
        dataset.row_numbers.append(number)
        padding = [""] * (width - len(cells))
        dataset.append([*map(_text, cells[:width]), *padding])
    return dataset


def _headers(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    if not cells:
        raise TableError("El archivo está vacío: su primer renglón debe tener los encabezados.")
    if len(cells) > MAX_COLUMNS:
        raise TableError(f"Tiene más de {MAX_COLUMNS} columnas; las del registro son menos de 20.")
    return [rearm(str(cell)) for cell in cells]


def _limited(rows: Rows, max_rows: int) -> Rows:
    characters = 0
    for count, (number, cells) in enumerate(rows, 1):
        if count > max_rows:
            raise TableError(
                f"Tiene más de {max_rows:,} filas. Para archivos grandes use la orden "
                "«manage.py import_records»."
            )
        characters += sum(map(len, cells))
        if characters > MAX_CHARACTERS:
            raise TableError(f"Tiene más de {MAX_CHARACTERS:,} caracteres.")
        yield number, cells


def _text(cell: str) -> str:
    if isinstance(cell, UnreadableCell):
        return cell
    if cell.endswith(CUT):
        return UnreadableCell("está cortada: Excel no admite textos tan largos")
    return rearm(cell)


# CSV


def _csv_rows(file: BinaryIO, dataset: SheetDataset, encoding: str, delimiter: str) -> Rows:
    """The rows of a CSV file; `dataset` takes how it is read."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TableError(f"Pesa más de {MAX_BYTES >> 20} MB.")
    dataset.encoding = encoding or _guess_encoding(content)
    try:
        text = io.TextIOWrapper(io.BytesIO(content), dataset.encoding, newline="").read()
    except UnicodeError as error:
        raise TableError(WRONG_ENCODING) from error
    named = re.match(r'"?sep=([,;\t])"?\r?\n', text)  # some programs name it to Excel
    start = text[:BEGINNING]
    dataset.delimiter = delimiter or (named[1] if named else _guess_delimiter(start))
    words = (word for word in re.findall(r"\w+", start) if not word.isascii())
    dataset.sample = tuple(islice(dict.fromkeys(words), 6))
    lines = io.StringIO(text, newline="")
    rows = _numbered(csv.reader(lines, delimiter=dataset.delimiter, strict=True))
    return islice(rows, 1 if named else 0, None)


def _numbered(reader: Iterable[list[str]]) -> Rows:
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


def _guess_encoding(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = [content[place:200:2].count(0) for place in (0, 1)]
    few = len(content[:200]) // 4
    if len(content) > 3 and min(zeros) < few < max(zeros):
        return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _guess_delimiter(start: str) -> str:
    """The one that the header row has most often outside quotes."""
    header = re.sub(r'"[^"]*"', "", start.lstrip("\ufeff\r\n").split("\n", 1)[0])
    return max(DELIMITERS, key=header.count)


# Formulas

# Any delimiter counts: a comma file may be opened with semicolons. Spaces and quotes are skipped.
_FORMULA = re.compile(r"""^(?=[ "']*[=+\-@\t\r\n])|(?<=[,;\t\r\n])(?=[ "']*[=+\-@])""")
_DISARMED = re.compile(r"""^'(?=[ "']*[=+\-@\t\r\n])|(?<=[,;\t\r\n])'(?=[ "']*[=+\-@])""")


def disarm(text: str) -> str:
    """Puts an apostrophe before whatever a spreadsheet might run as a formula, at the start and
    after each character that a program may take for a delimiter; `rearm` takes just those away."""
    return _FORMULA.sub("'", text)


def rearm(text: str) -> str:
    return _DISARMED.sub("", text)
