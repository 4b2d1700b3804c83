"""The file formats of imports and exports, for django-import-export.

`read` and `write` take text: cells are strings, as the spreadsheet shows them. Writers take rows,
header first, and keep few of them in memory.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO

from import_export.formats import base_formats
from tablib import Dataset

from exchange.tables import CUT, SheetDataset, disarm, read_dataset
from record.text import MAX_XLSX_CELL, utf16_length, without_controls

ADMIN_ROWS = 20_000
Row = Sequence[str]


class _Format:
    """What all formats share. `encoding` and `delimiter` override what the reader finds."""

    title: str
    max_rows = ADMIN_ROWS

    def __init__(self, encoding: str | None = None, delimiter: str = "") -> None:
        super().__init__(encoding)
        self.delimiter = delimiter

    def get_title(self) -> str:
        return self.title

    def is_binary(self) -> bool:
        return True  # the reader finds the encoding

    def get_read_mode(self) -> str:
        return "rb"

    def create_dataset(self, in_stream: bytes, **_options: Any) -> SheetDataset:
        """Raises TableError."""
        return read_dataset(BytesIO(in_stream), self.max_rows, self.encoding or "", self.delimiter)

    def export_data(self, dataset: Dataset, **_options: Any) -> bytes:
        file = BytesIO()
        self.write(file, [dataset.headers, *dataset], dataset.title or "datos")
        return file.getvalue()


class CSV(_Format, base_formats.CSV):
    """RFC 4180 in UTF-8."""

    title = "CSV"
    CONTENT_TYPE = "text/csv; charset=utf-8"
    mark, separator = b"", ","

    def stream(self, rows: Iterable[Row]) -> Iterator[bytes]:
        if self.mark:
            yield self.mark
        rows = iter(rows)
        while batch := list(islice(rows, 500)):
            lines = (self.separator.join(map(_csv_cell, row)) for row in batch)
            yield "".join(f"{line}\r\n" for line in lines).encode()

    def write(self, file: BinaryIO, rows: Iterable[Row], title: str) -> None:
        file.writelines(self.stream(rows))


class ExcelCSV(CSV):
    """The CSV that Excel opens right where the comma is for decimals or thousands."""

    title = "CSV para Excel"
    mark, separator = codecs.BOM_UTF8, ";"


class XLSX(_Format, base_formats.XLSX):
    title = "Excel (XLSX)"

    def write(self, file: BinaryIO, rows: Iterable[Row], title: str) -> None:
        """Writes every cell as text, so that Excel shows just what it says."""
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([_xlsx_cell(sheet, text) for text in row])
        book.save(file)


class AnyTable(_Format, base_formats.CSV):
    """Import only: detects CSV or XLSX, the encoding and the delimiter."""

    title = "CSV o Excel"

    def can_export(self) -> bool:
        return False


FORMATS = {"csv": CSV, "excel": ExcelCSV, "xlsx": XLSX}
_QUOTED = re.compile(r'[",;\t\r\n]')
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def _csv_cell(text: str) -> str:
    """Quoted where any usual delimiter stands in it, not only the delimiter of this file."""
    text = disarm(without_controls(text))
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text


def _xlsx_cell(sheet: Any, text: str) -> Any:
    """A text longer than Excel keeps ends with a mark, by which an import refuses it."""
    from openpyxl.cell import WriteOnlyCell

    text = disarm(without_controls(text)).replace("\r\n", "\n").replace("\r", "\n")
    text = _ESCAPE.sub("_x005F_", text)
    if utf16_length(text) > MAX_XLSX_CELL:
        kept = text.encode("utf-16-le")[: 2 * (MAX_XLSX_CELL - len(CUT))]
        text = kept.decode("utf-16-le", "ignore") + CUT
    cell = WriteOnlyCell(sheet, text)
    cell.data_type, cell.number_format = "s", "@"
    return cell
