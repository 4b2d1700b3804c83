"""Spreadsheet files, CSV and XLSX: `read_dataset` reads them, FORMATS write them.

A row is a list of texts as the spreadsheet shows them, with the number that the spreadsheet gives
it. Writers take rows, header first, and hold few of them in memory.
"""

import codecs
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO

from import_export.formats import base_formats
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from tablib import Dataset

from editing.widgets import ExcelDate, UnreadableCell
from exchange.models import Receipt
from exchange.reading import Cell
from record.confined import Reader, UnreadableFile
from record.text import MAX_XLSX_CELL, unstorable, utf16_length, without_controls
from texts.encodings import LONGEST_WORD, SAMPLE, accented_part, guess_encoding

ADMIN_ROWS, ADMIN_BYTES = 20_000, 20 << 20
MAX_BYTES = 250 << 20  # of a file
CHARACTERS_OF_ROW = 1000  # on the average of the most rows
_ADVICE = "Copie los datos a un libro nuevo, guárdelo como .xlsx o como CSV, y vuelva a intentarlo."
UPLOADS = Reader("exchange.reading.read_table", 300 << 20, 20, _ADVICE)
FILES = UPLOADS._replace(memory=2 << 30, seconds=600)
"""Read the uploads of the admin, and the files of the command."""
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 sin BOM",
    "utf-16-be": "UTF-16 sin BOM, al revés",
    "cp1252": "Windows-1252",
    "cp850": "MS-DOS (cp850)",
    "mac-roman": "Macintosh",
}
DELIMITERS = {",": "coma", ";": "punto y coma", "\t": "tabulador"}
CUT = "… [CORTADO: Excel no admite textos más largos en una celda; el CSV lo lleva completo]"
TO_MEND = "[CORREGIR: "
"""Begins a cell whose text could not be read, in the file with marked errors."""


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
        UnreadableFile."""
        file = io.BytesIO(receipt.content or b"")
        dataset = read_dataset(file, ADMIN_ROWS, receipt.encoding, receipt.delimiter)
        receipt.encoding, receipt.delimiter = dataset.encoding, dataset.delimiter
        receipt.sample = " · ".join(dataset.sample)
        return dataset

    def can_import(self) -> bool:
        return True


def read_dataset(
    file: BinaryIO,
    max_rows: int,
    encoding: str = "",
    delimiter: str = "",
    reader: Reader | None = None,
) -> SheetDataset:
    """Read a table from an open binary file in a child process. Raises UnreadableFile.

    An `encoding` and a `delimiter` override the recognized ones. `rearm` takes the apostrophes of
    `disarm` away.
    """
    file.seek(0)
    content, dataset = file.read(MAX_BYTES + 1), SheetDataset()
    if len(content) > MAX_BYTES:
        raise UnreadableFile(f"Pesa más de {MAX_BYTES >> 20} MB.")
    if not content.startswith(b"PK\x03\x04"):
        dataset.encoding = encoding or guess_encoding(content)
        dataset.sample = accented_words(content, dataset.encoding)
    reader = reader or (UPLOADS if max_rows <= ADMIN_ROWS else FILES)
    values = reader.read(
        content,
        max_rows=max_rows,
        max_characters=CHARACTERS_OF_ROW * max(max_rows, ADMIN_ROWS),
        encoding=dataset.encoding,
        delimiter=delimiter,
    )
    dataset.delimiter, headers = next(values), next(values)
    dataset.headers = [_read_cell(cell) for cell in headers]
    for number, cells in values:
        if any(beyond := cells[len(headers) :]):
            dataset.overlong[number] = ", ".join(map(_read_cell, filter(None, beyond)))
        dataset.row_numbers.append(number)
        padding = [""] * (len(headers) - len(cells))
        dataset.append([*map(_read_cell, cells[: len(headers)]), *padding])
    return dataset


def _read_cell(cell: Cell) -> str:
    if isinstance(cell, dict):
        return ExcelDate(cell["date"]) if "date" in cell else UnreadableCell(cell["problem"])
    if control := unstorable(cell):
        return UnreadableCell(f"lleva {control}")
    if cell.startswith(TO_MEND):
        return UnreadableCell("sigue sin corregir")
    if cell.endswith(CUT):
        return UnreadableCell("está cortada: Excel no admite textos tan largos")
    return rearm(cell)


def accented_words(content: bytes, encoding: str) -> tuple[str, ...]:
    """Return the first words that are not ASCII, as an encoding reads them; none if it cannot."""
    is_utf_16 = encoding.startswith("utf-16")
    if is_utf_16 != (b"\0" in content[:200]):
        return ()
    if is_utf_16:
        text = content[: 2 * SAMPLE].decode(encoding, "ignore")
        content, encoding = text.encode("utf-8", "ignore"), "utf-8"
    part = accented_part(content.removeprefix(codecs.BOM_UTF8))
    words = (word for word in re.findall(rb"[A-Za-z\x80-\xff]+", part) if not word.isascii())
    return tuple(
        text[:LONGEST_WORD]
        for word in islice(dict.fromkeys(words), 6)
        if (text := word.decode(encoding, "replace")) and "\ufffd" not in text
    )


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
