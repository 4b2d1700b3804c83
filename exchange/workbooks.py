"""Workbooks of Excel (XLSX), read and written a row at a time."""

import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._read_only import ReadOnlyWorksheet

from exchange.tables import MAX_CELL, Reading, Table, TableError, UnreadableCell, disarm

MAX_UNZIPPED = 250 * 1024 * 1024
MAX_RATIO = 100
"""How much smaller than its content a large part of an honest workbook is at most."""
DAMAGED = "El archivo está dañado: ábralo en Excel y guárdelo de nuevo."
UNREADABLE = "El libro no se puede leer: guárdelo de nuevo como .xlsx."


def read_workbook(file: BinaryIO, max_rows: int) -> Table:
    book = _opened(file)
    path = _first_sheet(book)
    has_formulas = _survey(file, path, max_rows)
    shown = _sheet_rows(book, path)
    if has_formulas:
        shown = _with_formulas(shown, _sheet_rows(_opened(file, data_only=False), path))
    rows = ((number, [_shown(cell) for cell in cells]) for number, cells in enumerate(shown, 1))
    _, headers = next(rows, (1, []))
    while headers and not headers[-1]:
        headers.pop()
    return Table(Reading("xlsx"), [str(header) for header in headers], rows)


class _Sheet(ReadOnlyWorksheet):
    def _get_size(self) -> None:
        """Nothing: a sheet that does not tell its size would be parsed whole, in memory."""


def _opened(file: BinaryIO, data_only: bool = True) -> ExcelReader:
    """A workbook whose sheets are not looked at yet."""
    file.seek(0)
    try:
        book = ExcelReader(file, read_only=True, data_only=data_only, keep_links=False)
        _refuse_bombs(book.archive)
        book.read_manifest()
        book.read_strings()
        book.read_workbook()
        apply_stylesheet(book.archive, book.wb)
    except TableError:
        raise
    except zipfile.BadZipFile as error:
        raise TableError(DAMAGED) from error
    except Exception as error:  # openpyxl lets through whatever its parsers raise
        raise TableError(UNREADABLE) from error
    return book


def _first_sheet(book: ExcelReader) -> str:
    """Where in the archive the first sheet is that is shown and has cells, not a chart."""
    for sheet, relation in book.parser.find_sheets():
        if sheet.state == "visible" and "chartsheet" not in relation.Type:
            return relation.target
    raise TableError("No es un libro de Excel: no tiene hojas a la vista.")


def _refuse_bombs(archive: zipfile.ZipFile) -> None:
    """Looks at sizes, and in all but the sheets, which are surveyed, for what XML may hide."""
    entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > MAX_UNZIPPED or any(
        entry.file_size > max(1 << 24, entry.compress_size * MAX_RATIO) for entry in entries
    ):
        raise TableError("Descomprimido es demasiado grande.")
    for entry in entries:
        if entry.filename.endswith((".xml", ".rels")) and "/worksheets/" not in entry.filename:
            with archive.open(entry) as part:
                _refuse_entities(part.read(1 << 20))


def _refuse_entities(xml: bytes) -> None:
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml or b"\0" in xml:
        raise TableError("El libro contiene entidades XML; no se admiten.")


def _survey(file: BinaryIO, sheet: str, max_rows: int) -> bool:
    """Refuses absurd sheets before they are parsed; True when there are formulas."""
    formulas, tail = False, b""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(sheet) as xml:
            while chunk := xml.read(1 << 20):
                text = tail + chunk
                if b"<" not in chunk:
                    raise TableError(f"Una celda tiene más de {MAX_CELL:,} caracteres.")
                _refuse_entities(text)
                formulas = formulas or b"<f>" in text or b"<f " in text or b"<f/" in text
                for row in re.findall(rb'<row[^>]*? r="(\d+)"', text):
                    if int(row) > max_rows + 1000:
                        raise TableError(f"La hoja llega a la fila {int(row):,}; es demasiado.")
                if re.search(rb'<c[^>]*? r="[A-Z]{3}', text):
                    raise TableError("La hoja tiene más de 700 columnas.")
                tail = text[-200:]
    except (zipfile.BadZipFile, KeyError, EOFError, OSError, zipfile.zlib.error) as error:
        raise TableError(DAMAGED) from error
    return formulas


def _sheet_rows(book: ExcelReader, path: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from _Sheet(book.wb, "", path, book.shared_strings).iter_rows()
    except Exception as error:  # openpyxl lets through whatever its parsers raise
        raise TableError(UNREADABLE) from error


def _with_formulas(
    shown: Iterator[tuple[Any, ...]], written: Iterator[tuple[Any, ...]]
) -> Iterator[list[Any]]:
    for values, formulas in zip(shown, written, strict=False):
        yield [
            UnreadableCell(
                "es una fórmula sin valor guardado; guárdela en Excel o escriba el valor"
            )
            if value.value is None and formula.data_type == "f"
            else value
            for value, formula in zip(values, formulas, strict=False)
        ]


def _shown(cell: Any) -> str:
    """A cell as Excel shows it."""
    if isinstance(cell, UnreadableCell):
        return cell
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return UnreadableCell(f"es un error de Excel ({value})") if cell.data_type == "e" else value
    if isinstance(value, datetime | date):
        return _shown_date(value, cell.number_format)
    if isinstance(value, bool):
        return "VERDADERO" if value else "FALSO"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _shown_date(value: date, number_format: str) -> str:
    if isinstance(value, datetime) and value.time() != time():
        return value.strftime("%Y-%m-%d %H:%M:%S")
    letters = set(re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", number_format.lower()))
    day = value.strftime("%Y-%m-%d").zfill(10)
    if "y" not in letters and "a" not in letters:
        return UnreadableCell("es una fecha sin año; escríbala como texto, por ejemplo 2017-02-11")
    return day[: 10 if "d" in letters else 7 if "m" in letters else 4]


def write_workbook(
    file: BinaryIO,
    rows: Iterable[list[str]],
    title: str,
    tell: Callable[[int], None] | None = None,
) -> None:
    """Every cell as text, so that Excel shows just what it says."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for row in rows:
        sheet.append([_text_cell(sheet, text) for text in row])
        if tell:
            tell(1)
    book.save(file)


def _text_cell(sheet: Any, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, disarm(text))
    cell.data_type, cell.number_format = "s", "@"
    return cell
