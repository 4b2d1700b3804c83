"""Spreadsheets as files: whatever Excel saves is read, what is hostile is refused at once."""

import csv
import io
import time
import tracemalloc
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.tables import (
    TableError,
    UnreadableCell,
    csv_lines,
    disarm,
    read_table,
    rearm,
    write_xlsx,
)

ROWS = [
    ["identificador", "título"],
    ["uno", "Acción, «diálogo»; años"],
    ["dos", "Señales\nde vida"],
]


def as_csv(rows: list[list[str]], encoding: str, delimiter: str) -> io.BytesIO:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return io.BytesIO(text.getvalue().encode(encoding))


def as_xlsx(fill: object) -> io.BytesIO:
    book, file = openpyxl.Workbook(), io.BytesIO()
    fill(book.active)
    book.save(file)
    return file


def read(file: io.BytesIO, max_rows: int = 1000) -> tuple[list[str], list[tuple[int, list[str]]]]:
    table = read_table(file, max_rows)
    return table.headers, list(table.rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_usual_encoding_and_delimiter_gives_the_same_rows(
    encoding: str, delimiter: str
) -> None:
    if encoding == "utf-16-le-bom":
        file = io.BytesIO(b"\xff\xfe" + as_csv(ROWS, "utf-16-le", delimiter).getvalue())
    else:
        file = as_csv(ROWS, encoding, delimiter)
    table = read_table(file, 10)
    assert table.headers == ROWS[0]
    assert list(table.rows) == [(2, ROWS[1]), (3, ROWS[2])]
    assert table.reading.delimiter == delimiter
    assert "título" in table.reading.sample


def test_what_was_found_can_be_corrected_by_hand() -> None:
    file = as_csv(ROWS, "cp1252", ";")
    assert read_table(file, 10, delimiter=",").headers == ["identificador;título"]
    with pytest.raises(TableError, match="codificación"):
        read_table(file, 10, encoding="utf-16")


def test_blank_rows_are_passed_over_and_keep_their_numbers() -> None:
    assert read(io.BytesIO(b"a,b\n\n,\n1,2\n"))[1] == [(4, ["1", "2"])]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\xd0\xcf\x11\xe0 old excel",
        b"%PDF-1.4",
        b'a,b\n"open',
        b"PK\x03\x04 broken",
        b"a,b\nx\0,y\n",
        b"a" * 1_100_000 + b"\n",
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_spanish(content: bytes) -> None:
    with pytest.raises(TableError):
        read(io.BytesIO(content))


def test_too_many_rows_and_columns_are_refused() -> None:
    with pytest.raises(TableError, match="filas"):
        read(io.BytesIO(b"a\n" + b"1\n" * 11), max_rows=10)
    with pytest.raises(TableError, match="columnas"):
        read(io.BytesIO(b"a," * 300 + b"\n"))


def bomb(sheet: bytes) -> io.BytesIO:
    """A small workbook whose first sheet is replaced."""
    good, file = as_xlsx(lambda sheet: sheet.append(["identificador"])), io.BytesIO()
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, sheet if name.endswith("sheet1.xml") else old.read(name))
    return file


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


@pytest.mark.parametrize(
    "sheet",
    [
        f'{SHEET}<sheetData><row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>'
        "</worksheet>",
        f'{SHEET}<sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>',
        f"<!DOCTYPE x [<!ENTITY a 'b'>]>{SHEET}</worksheet>",
        f"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>{SHEET}<sheetData><row r='1'>"
        "<c r='A1'><v>&a;</v></c></row></sheetData></worksheet>",
        f"{SHEET}<sheetData>" + "<row/>" * 20_000_000 + "</sheetData></worksheet>",
        f"{SHEET}<sheetData>" + "<c><v>" + "1" * 3_000_000 + "</v></c></sheetData></worksheet>",
        "not xml",
    ],
    ids=["last row", "last column", "entity", "external entity", "zip bomb", "long cell", "no xml"],
)
def test_absurd_and_hostile_workbooks_are_refused_within_2_s_and_100_mb(sheet: str) -> None:
    file = bomb(sheet.encode())
    del sheet
    started = time.process_time()
    with pytest.raises(TableError):
        read(file)
    assert time.process_time() - started < 2
    tracemalloc.start()
    try:
        with pytest.raises(TableError):
            read(file)
        assert tracemalloc.get_traced_memory()[1] < 100 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_workbooks_dates_become_what_excel_shows() -> None:
    def fill(sheet: object) -> None:
        sheet.append(["día", "mes", "año", "sin año", "hora", "número", "texto"])
        sheet.append([date(2011, 8, 11), date(2011, 8, 1), date(2011, 1, 1), date(2011, 8, 11),
                      datetime(2011, 8, 11, 9, 30), 2011, "2011-08"])  # fmt: skip  # noqa: DTZ001
        for column, pattern in zip("ABCD", ["dd/mm/yyyy", "mmm-yy", "yyyy", "d-mmm"], strict=True):
            sheet[f"{column}2"].number_format = pattern

    (row,) = read(as_xlsx(fill))[1]
    shown = row[1]
    assert shown[:3] == ["2011-08-11", "2011-08", "2011"]
    assert isinstance(shown[3], UnreadableCell)
    assert shown[4:] == ["2011-08-11 09:30:00", "2011", "2011-08"]


def remade(file: io.BytesIO, parts: dict[str, tuple[str, str]]) -> io.BytesIO:
    """A workbook with something replaced in some of its parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).decode().replace(*parts.get(name, ("", ""))[:2]))
    return out


def test_the_sheet_that_is_read_is_the_first_one_on_show() -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["oculta"])
    book.active.sheet_state = "hidden"
    book.create_chartsheet("gráfica")
    book.create_sheet("última").append(["otra"])
    book.create_sheet("primera", 0).append(["identificador"])
    book.active = 1
    book.save(file)
    assert read(file)[0] == ["identificador"]


def test_a_bomb_in_the_sheet_that_is_read_is_found_wherever_its_file_is() -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["última"])
    book.create_sheet("primera", 0).append(["identificador"])
    book.save(file)
    swap = {
        "xl/_rels/workbook.xml.rels": ("sheet1.xml", "other.xml"),
        "[Content_Types].xml": ("sheet1.xml", "other.xml"),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(remade(file, swap)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name.endswith("sheet1.xml"):
                name, text = "xl/worksheets/other.xml", text.replace(b'r="1"', b'r="1048576"')
            new.writestr(name, text)
    with pytest.raises(TableError, match="1,048,576"):
        read(out)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/styles.xml"])
def test_entities_are_refused_in_every_part(part: str) -> None:
    file = as_xlsx(lambda sheet: sheet.append(["identificador"]))
    before = "<workbook" if "book" in part else "<styleSheet"
    with pytest.raises(TableError, match="entidades"):
        read(remade(file, {part: (before, f"<!DOCTYPE x [<!ENTITY a 'b'>]>{before}")}))


def test_dates_since_1904_truths_percentages_and_merged_cells_are_what_excel_shows() -> None:
    def fill(sheet: object) -> None:
        sheet.append(["a", "b", "c", "d"])
        sheet.append([date(2011, 8, 11), True, 0.5, "junto"])
        sheet.append(["", False, 3.0, ""])
        sheet.merge_cells("D2:D3")

    book, file = openpyxl.Workbook(), io.BytesIO()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    fill(book.active)
    book.save(file)
    assert [cells[:3] for _, cells in read(file)[1]] == [
        ["2011-08-11", "VERDADERO", "0.5"],
        ["", "FALSO", "3"],
    ]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_without_its_mark(encoding: str) -> None:
    assert read(as_csv(ROWS, encoding, ";"))[1] == [(2, ROWS[1]), (3, ROWS[2])]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"'])
def test_a_line_that_names_the_separator_is_believed_and_is_no_header(line: str) -> None:
    headers, rows = read(io.BytesIO(f"{line}\r\na;b,c\r\n1;2\r\n".encode()))
    assert headers == ["a", "b,c"]
    assert rows == [(3, ["1", "2"])]


def test_delimiters_at_the_end_of_lines_make_no_column_and_odd_quotes_are_text() -> None:
    table = read_table(io.BytesIO(b'a,b,,\n1,5" de ancho,,\n'), 10)
    assert list(table.rows) == [(2, ["1", '5" de ancho', "", ""])]


def test_formulas_without_a_value_and_error_cells_are_no_silent_blanks() -> None:
    def fill(sheet: object) -> None:
        sheet.append(["a", "b", "c"])
        sheet.append(["=1+1", "#VALUE!", "x"])

    ((_, cells),) = read(as_xlsx(fill))[1]
    assert [isinstance(cell, UnreadableCell) for cell in cells] == [True, True, False]


@given(st.text())
def test_a_disarmed_cell_never_runs_and_rearms_to_the_same_text(text: str) -> None:
    assert disarm(text)[:1] not in list("=+-@\t\r\n")
    assert rearm(disarm(text)) == text


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), min_size=1))
def test_what_is_written_reads_back_the_same_in_every_format(cells: list[str]) -> None:
    rows = [["a"] * len(cells), cells]
    for for_excel in (False, True):
        file = io.BytesIO(b"".join(csv_lines(rows, for_excel)))
        table = read_table(file, 10)
        assert [[rearm(cell) for cell in row] for _, row in table.rows] == [cells]
    file = io.BytesIO()
    write_xlsx(file, rows, "hoja")
    file.seek(0)
    assert [[rearm(cell) for cell in row] for _, row in read(file)[1]] == [cells]


def test_no_cell_of_a_workbook_of_ours_is_a_formula() -> None:
    file = io.BytesIO()
    write_xlsx(file, [["a"], ["=1+1"], ["+1"], ["@x"], ["'=1"]], "hoja")
    file.seek(0)
    for row in openpyxl.load_workbook(file).active:
        assert all(cell.data_type == "s" for cell in row)
