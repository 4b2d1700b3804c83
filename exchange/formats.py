"""Spreadsheet files, CSV and XLSX: `read_dataset` reads them, FORMATS write them.

A row is a list of texts as the spreadsheet shows them, with the number that the spreadsheet gives
it. Reading raises TableError, in Spanish, for a file that cannot be read. Writers take rows, header
first, and hold few of them in memory.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from import_export.formats import base_formats
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from tablib import Dataset

from editing.widgets import ExcelDate, TableError, UnreadableCell
from exchange.models import Receipt
from exchange.workbooks import MAX_CELL, NumberedRows, workbook_rows
from record.text import MAX_XLSX_CELL, utf16_length, without_controls

ADMIN_ROWS, ADMIN_BYTES = 20_000, 20 << 20
MAX_COLUMNS = 200
MAX_CHARACTERS = 250_000_000  # in all cells of a table
MAX_BYTES = 250 << 20  # of a CSV file
BEGINNING = 50_000  # characters that show the encoding and the delimiter
LONGEST_WORD = 40  # bytes of a word of the sample
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 sin BOM",
    "utf-16-be": "UTF-16 sin BOM, al revés",
    "cp1252": "Windows-1252",
    "cp850": "MS-DOS (cp850)",
    "mac-roman": "Macintosh",
}
BYTE_ENCODINGS = ("cp1252", "cp850", "mac-roman")
"""The encodings of one byte per character, the most usual first."""
DELIMITERS = {",": "coma", ";": "punto y coma", "\t": "tabulador"}
WRONG_ENCODING = "La codificación no es la que parecía; elija otra, por ejemplo Windows-1252."
CUT = "… [CORTADO: Excel no admite textos más largos en una celda; el CSV lo lleva completo]"
TO_MEND = "[CORREGIR: "
"""Begins a cell whose text could not be read, in the file with marked errors."""
csv.field_size_limit(MAX_CELL)


class SheetDataset(Dataset):
    """A tablib dataset with the spreadsheet's row numbers. It keeps the encoding and the delimiter
    that were recognized, so that the user can check and correct them."""

    encoding: str = ""
    """A key of ENCODINGS; empty for a workbook."""
    delimiter: str = ""
    sample: Sequence[str] = ()
    """Some words with accents, which show whether the encoding is right."""

    def __init__(self, *rows: Sequence[str], **options: Any) -> None:
        super().__init__(*rows, **options)
        self.row_numbers: list[int] = []
        self.overlong: dict[int, str] = {}
        """The cells beyond the header, which are dropped, by the number of their row."""

    @property
    def reading(self) -> str:
        if not self.encoding:
            return "libro de Excel (XLSX), primera hoja"
        sample = f"; acentos: {', '.join(self.sample)}" if self.sample else ""
        delimiter = DELIMITERS[self.delimiter]
        return f"CSV, {ENCODINGS[self.encoding]}, separado por {delimiter}{sample}"


# Reading


class Upload(base_formats.TablibFormat):
    """Reads the file of a receipt, CSV or XLSX."""

    def create_dataset(self, receipt: Receipt) -> SheetDataset:
        """Use the receipt's encoding and delimiter, and store the recognized ones in it. Raises
        TableError."""
        file = io.BytesIO(receipt.content or b"")
        dataset = read_dataset(file, ADMIN_ROWS, receipt.encoding, receipt.delimiter)
        receipt.encoding, receipt.delimiter = dataset.encoding, dataset.delimiter
        receipt.sample = " · ".join(dataset.sample)
        return dataset

    def can_import(self) -> bool:
        return True


def read_dataset(
    file: BinaryIO, max_rows: int, encoding: str = "", delimiter: str = ""
) -> SheetDataset:
    """Read a table from an open binary file. The header is the first row that is not blank.

    An `encoding` and a `delimiter` override the recognized ones. `rearm` takes the apostrophes of
    `disarm` away.
    """
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
            dataset.overlong[number] = ", ".join(filter(None, cells[width:]))
        dataset.row_numbers.append(number)
        padding = [""] * (width - len(cells))
        dataset.append([*map(_read_cell, cells[:width]), *padding])
    return dataset


def _headers(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    if not cells:
        raise TableError("El archivo está vacío: su primer renglón debe tener los encabezados.")
    if len(cells) > MAX_COLUMNS:
        raise TableError(f"Tiene más de {MAX_COLUMNS} columnas; las del registro son menos de 20.")
    return [rearm(str(cell)) for cell in cells]


def _limited(rows: NumberedRows, max_rows: int) -> NumberedRows:
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


def _read_cell(cell: str) -> str:
    if isinstance(cell, UnreadableCell | ExcelDate):
        return cell
    if cell.startswith(TO_MEND):
        return UnreadableCell("sigue sin corregir")
    if cell.endswith(CUT):
        return UnreadableCell("está cortada: Excel no admite textos tan largos")
    return rearm(cell)


def _csv_rows(file: BinaryIO, dataset: SheetDataset, encoding: str, delimiter: str) -> NumberedRows:
    """Return the rows of a CSV file, and store its encoding and delimiter in `dataset`."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TableError(f"Pesa más de {MAX_BYTES >> 20} MB.")
    dataset.encoding = encoding or _guess_encoding(content)
    try:
        text = io.TextIOWrapper(io.BytesIO(content), dataset.encoding, newline="").read()
    except UnicodeError as error:
        raise TableError(WRONG_ENCODING) from error
    # Some programs name the delimiter in a first line, for Excel.
    delimiter_line = re.match(r'"?sep=([,;\t])"?\r?\n', text)
    start = text[:BEGINNING]
    recognized = delimiter_line[1] if delimiter_line else _guess_delimiter(start)
    dataset.delimiter = delimiter or recognized
    dataset.sample = accented_words(content, dataset.encoding)
    lines = io.StringIO(text, newline="")
    rows = _numbered(csv.reader(lines, delimiter=dataset.delimiter, strict=True))
    return islice(rows, 1 if delimiter_line else 0, None)


def _numbered(reader: Iterable[list[str]]) -> NumberedRows:
    """Number records instead of lines, as spreadsheets do: a cell may have line breaks."""
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
        accented = _accented_part(content)
        return max(
            BYTE_ENCODINGS, key=lambda name: len(_SPANISH.findall(accented.decode(name, "replace")))
        )
    return "utf-8-sig"


# The accents and signs of Spanish in their places: no capital follows a small letter, and no sign
# is between small letters.
_SPANISH = re.compile(
    "[áéíóúüñ](?=[a-z])|(?<=[A-Za-z])[áéíóúüñ](?![A-Z])|(?<![a-z])[ÁÉÍÓÚÜÑ](?=[A-Za-z])"
    "|(?<=[A-Z])[ÁÉÍÓÚÜÑ](?![a-z])|(?<![a-z])[«»“”‘’–—…°ºª€]|[«»“”‘’–—…°ºª€](?![a-z])"
    "|[¿¡](?=[A-Za-zÁÉÍÓÚÑáéíóúñ])"
)


def _accented_part(content: bytes) -> bytes:
    """Return the part that begins with the first word that is not ASCII."""
    first = re.search(rb"[\x80-\xff]", content)
    start = max(first.start() - LONGEST_WORD, 0) if first else len(content)
    return content[start : start + BEGINNING]


def accented_words(content: bytes, encoding: str) -> tuple[str, ...]:
    """Return the first words that are not ASCII, as an encoding reads them; none if it cannot."""
    is_utf_16 = encoding.startswith("utf-16")
    if is_utf_16 != (b"\0" in content[:200]):
        return ()
    if is_utf_16:
        text = content[: 2 * BEGINNING].decode(encoding, "ignore")
        content, encoding = text.encode("utf-8", "ignore"), "utf-8"
    part = _accented_part(content.removeprefix(codecs.BOM_UTF8))
    words = (word for word in re.findall(rb"[A-Za-z\x80-\xff]+", part) if not word.isascii())
    return tuple(
        text[:LONGEST_WORD]
        for word in islice(dict.fromkeys(words), 6)
        if (text := word.decode(encoding, "replace")) and "\ufffd" not in text
    )


def _guess_delimiter(start: str) -> str:
    """Return the most frequent delimiter of the header, outside quotes."""
    start = start.lstrip("\ufeff\r\n")
    header = re.sub(r'"[^"]*"', "", re.split(r"[\r\n]", start, maxsplit=1)[0])
    return max(DELIMITERS, key=header.count)


# Formulas

# After each delimiter too, because Excel may open a file with commas as one with semicolons.
# Spreadsheets skip spaces and quotes before a formula.
_FORMULA = re.compile(r"""^(?=[ "']*[=+\-@\t\r\n])|(?<=[,;\t\r\n])(?=[ "']*[=+\-@])""")
_DISARMED = re.compile(r"""^'(?=[ "']*[=+\-@\t\r\n])|(?<=[,;\t\r\n])'(?=[ "']*[=+\-@])""")


def disarm(text: str) -> str:
    """Put an apostrophe before each text that a spreadsheet could run as a formula, at the start
    and after each character that a program may read as a delimiter."""
    return _FORMULA.sub("'", text)


def rearm(text: str) -> str:
    """Remove the apostrophes that `disarm` adds, and no others."""
    return _DISARMED.sub("", text)


# Writing


class ExportFormat(base_formats.TablibFormat):
    """A format that writes rows to a file."""

    title: str

    def write(self, file: BinaryIO, rows: Iterable[Sequence[str]], title: str) -> None:
        raise NotImplementedError  # CSV and XLSX define it

    def export_data(self, dataset: Dataset, **_options: Any) -> bytes:
        file = io.BytesIO()
        self.write(file, [dataset.headers, *dataset], dataset.title or "datos")
        return file.getvalue()


class CSV(ExportFormat, base_formats.CSV):
    """RFC 4180 in UTF-8."""

    title = "CSV"
    CONTENT_TYPE = "text/csv; charset=utf-8"
    byte_order_mark, delimiter = b"", ","

    def stream(self, rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
        if self.byte_order_mark:
            yield self.byte_order_mark
        rows = iter(rows)
        while batch := list(islice(rows, 500)):
            lines = (self.delimiter.join(map(_csv_cell, row)) for row in batch)
            yield "".join(f"{line}\r\n" for line in lines).encode()

    def write(self, file: BinaryIO, rows: Iterable[Sequence[str]], title: str) -> None:
        file.writelines(self.stream(rows))


class ExcelCSV(CSV):
    """The CSV that Excel opens correctly where the comma is the decimal or thousands mark."""

    title = "CSV para Excel"
    byte_order_mark, delimiter = codecs.BOM_UTF8, ";"


class XLSX(ExportFormat, base_formats.XLSX):
    title = "Excel (XLSX)"

    def write(self, file: BinaryIO, rows: Iterable[Sequence[str]], title: str) -> None:
        """Write every cell as text, so that Excel does not change its value."""
        book = Workbook(write_only=True)
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([_xlsx_cell(sheet, text) for text in row])
        book.save(file)


FORMATS: dict[str, type[CSV] | type[XLSX]] = {"csv": CSV, "excel": ExcelCSV, "xlsx": XLSX}
_QUOTED = re.compile(r'[",;\t\r\n]')
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def _csv_cell(text: str) -> str:
    """Quote a text with any usual delimiter, not only the delimiter of this file."""
    text = disarm(without_controls(text))
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text


def _xlsx_cell(sheet: Any, text: str) -> Any:
    """Cut a text that is too long for Excel, and end it with a mark that an import refuses."""
    text = disarm(without_controls(text)).replace("\r\n", "\n").replace("\r", "\n")
    text = _ESCAPE.sub("_x005F_", text)
    if utf16_length(text) > MAX_XLSX_CELL:
        beginning = text.encode("utf-16-le")[: 2 * (MAX_XLSX_CELL - len(CUT))]
        text = beginning.decode("utf-16-le", "ignore") + CUT
    cell = WriteOnlyCell(sheet, text)
    cell.data_type, cell.number_format = "s", "@"
    return cell
