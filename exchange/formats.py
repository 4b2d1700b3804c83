"""The file formats of imports and exports, for django-import-export, and downloads of them.

Cells are strings, as the spreadsheet shows them. Writers take rows, header first, and keep few of
them in memory.
"""

import codecs
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO

from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from import_export.formats import base_formats
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from tablib import Dataset

from exchange.models import Receipt
from exchange.tables import CUT, SheetDataset, disarm, read_dataset
from record.text import MAX_XLSX_CELL, utf16_length, without_controls

ADMIN_ROWS, ADMIN_BYTES = 20_000, 20 << 20
INCOMPLETE = "ARCHIVO INCOMPLETO: el sitio falló al prepararlo. Descárguelo de nuevo."
Row = Sequence[str]


class Upload(base_formats.TablibFormat):
    """The file of a receipt, CSV or XLSX. The receipt says how to read it, and then how it was
    read."""

    def create_dataset(self, receipt: Receipt) -> SheetDataset:
        """Raises TableError."""
        file = BytesIO(receipt.content)
        dataset = read_dataset(file, ADMIN_ROWS, receipt.encoding, receipt.delimiter)
        receipt.encoding, receipt.delimiter = dataset.encoding, dataset.delimiter
        receipt.sample = " · ".join(dataset.sample)
        return dataset

    def can_import(self) -> bool:
        return True


class _Written:
    """What the formats of exports share."""

    def export_data(self, dataset: Dataset, **_options: Any) -> bytes:
        file = BytesIO()
        self.write(file, [dataset.headers, *dataset], dataset.title or "datos")
        return file.getvalue()


class CSV(_Written, base_formats.CSV):
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


class XLSX(_Written, base_formats.XLSX):
    title = "Excel (XLSX)"

    def write(self, file: BinaryIO, rows: Iterable[Row], title: str) -> None:
        """Writes every cell as text, so that Excel shows just what it says."""
        book = Workbook(write_only=True)
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([_xlsx_cell(sheet, text) for text in row])
        book.save(file)


FORMATS = {"csv": CSV, "excel": ExcelCSV, "xlsx": XLSX}
_QUOTED = re.compile(r'[",;\t\r\n]')
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def _csv_cell(text: str) -> str:
    """Quoted where any usual delimiter stands in it, not only the delimiter of this file."""
    text = disarm(without_controls(text))
    return '"{}"'.format(text.replace('"', '""')) if _QUOTED.search(text) else text


def _xlsx_cell(sheet: Any, text: str) -> Any:
    """A text longer than Excel keeps ends with a mark, by which an import refuses it."""
    text = disarm(without_controls(text)).replace("\r\n", "\n").replace("\r", "\n")
    text = _ESCAPE.sub("_x005F_", text)
    if utf16_length(text) > MAX_XLSX_CELL:
        kept = text.encode("utf-16-le")[: 2 * (MAX_XLSX_CELL - len(CUT))]
        text = kept.decode("utf-16-le", "ignore") + CUT
    cell = WriteOnlyCell(sheet, text)
    cell.data_type, cell.number_format = "s", "@"
    return cell


def download(
    request: HttpRequest, name: str, format_name: str, rows: Iterator[list[str]]
) -> HttpResponseBase:
    """Rows, header first, as one of FORMATS: CSV is streamed, XLSX comes by way of a file on disk,
    so that memory stays flat. HEAD reads no rows, and says no length."""
    form = FORMATS[format_name]()
    file_name = f"{name}-{timezone.localdate().isoformat()}.{form.get_extension()}"
    options = {
        "content_type": form.get_content_type(),
        "headers": {"Content-Disposition": f'attachment; filename="{file_name}"'},
    }
    if request.method == "HEAD":
        return StreamingHttpResponse(**options)
    # Before 200 is said, for it may not answer; nothing is left open for an answer nobody reads.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if not isinstance(form, XLSX):
        return StreamingHttpResponse(_whole_or_told(form.stream(rows)), **options)
    file = tempfile.TemporaryFile()  # noqa: SIM115, the response closes it
    form.write(file, rows, name)
    file.seek(0)
    return FileResponse(file, **options)


def _whole_or_told(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A server ends a file that broke off as it ends one that is whole: so its last line tells."""
    try:
        yield from pieces
    except Exception:
        yield f"{INCOMPLETE}\r\n".encode()
        raise
