"""Spreadsheets as files: whatever Excel saves is read, what is hostile is refused at once."""

import csv
import io
import re
import time
import tracemalloc
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
import tablib
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.formats import CSV, FORMATS, XLSX, Upload
from exchange.models import Receipt
from exchange.tables import SheetDataset, disarm, read_dataset, rearm
from record.text import may_be_cut
from record.widgets import TableError, UnreadableCell

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


def received(content: bytes, **reading: str) -> SheetDataset:
    """An upload as the admin reads it."""
    return Upload().create_dataset(Receipt(content=content, **reading))


def read(file: io.BytesIO, max_rows: int = 1000) -> tuple[list[str], list[tuple[int, list[str]]]]:
    data = read_dataset(file, max_rows)
    return data.headers, [(n, list(row)) for n, row in zip(data.row_numbers, data, strict=True)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_usual_encoding_and_delimiter_gives_the_same_rows(
    encoding: str, delimiter: str
) -> None:
    if encoding == "utf-16-le-bom":
        file = io.BytesIO(b"\xff\xfe" + as_csv(ROWS, "utf-16-le", delimiter).getvalue())
    else:
        file = as_csv(ROWS, encoding, delimiter)
    assert read(file) == (ROWS[0], [(2, ROWS[1]), (3, ROWS[2])])
    dataset = read_dataset(file, 10)
    assert dataset.delimiter == delimiter
    assert "título" in dataset.sample


def test_what_was_found_can_be_corrected_by_hand() -> None:
    file = as_csv(ROWS, "cp1252", ";")
    assert read_dataset(file, 10, delimiter=",").headers == ["identificador;título"]
    with pytest.raises(TableError, match="codificación"):
        read_dataset(file, 10, encoding="utf-16")


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


def bomb(content: bytes, part: str = "xl/worksheets/sheet1.xml") -> io.BytesIO:
    """A small workbook with one part replaced."""
    good, file = as_xlsx(lambda sheet: sheet.append(["identificador"])), io.BytesIO()
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == part else old.read(name))
    return file


GOOD = as_xlsx(lambda sheet: sheet.append(["identificador"])).getvalue()
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


@pytest.mark.parametrize(
    "sheet",
    [
        f'{SHEET}<sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>',
        f"<!DOCTYPE x [<!ENTITY a 'b'>]>{SHEET}</worksheet>",
        f"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>{SHEET}<sheetData><row r='1'>"
        "<c r='A1'><v>&a;</v></c></row></sheetData></worksheet>",
        f"{SHEET}<sheetData>" + "<row/>" * 20_000_000 + "</sheetData></worksheet>",
        f"{SHEET}<sheetData>" + "<c><v>" + "1" * 3_000_000 + "</v></c></sheetData></worksheet>",
        "not xml",
        "<row " * 20_000,
        f"{SHEET}<sheetData>" + '<row r="1' * 40_000,
        f"{SHEET}<sheetData><row " + 'a="1" ' * 2_000_000,
        f"{SHEET}<!--" + "-" * 8_000_000,
    ],
    ids=[
        *("last column", "entity", "external entity", "zip bomb", "long cell", "no xml"),
        *("unfinished tags", "unfinished attributes", "a long tag", "a long comment"),
    ],
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


def limited(file: io.BytesIO, seconds: float, megabytes: int) -> str:
    """The message of a refusal, or "", within these limits."""
    started = time.process_time()
    message = refusal(file)
    assert time.process_time() - started < seconds
    tracemalloc.start()
    try:
        assert refusal(file) == message
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()
    return message


def refusal(file: io.BytesIO) -> str:
    try:
        read(file)
    except TableError as error:
        return str(error)
    return ""


STRINGS = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("xl/sharedStrings.xml", f"{STRINGS}{'<si/>' * 3_300_000}</sst>"),
        ("xl/sharedStrings.xml", f"{STRINGS}<si><t>{'x' * 2_000_000}</t></si></sst>"),
        ("xl/styles.xml", f"<styleSheet><cellXfs>{'<xf/>' * 200_000}</cellXfs></styleSheet>"),
        ("xl/workbook.xml", f"<workbook>{'<sheet/>' * 800_000}</workbook>"),
    ],
    ids=["strings", "a long string", "styles", "sheets"],
)
def test_other_parts_of_a_workbook_have_limits_too(part: str, content: str) -> None:
    limited(bomb(content.encode(), part), seconds=5, megabytes=100)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"<c><v>{'1' * 1_000_001}</v></c>", "1,000,000"),
        ('<c r="A2"/><c r="AAA2"><v>1</v></c>', "700 columnas"),
        (f"<!--{' ' * 3_000_000}-->", "no se puede leer"),
    ],
    ids=["a long cell", "a far cell", "a long comment"],
)
def test_a_row_beyond_a_limit_is_refused_for_its_reason(content: str, reason: str) -> None:
    sheet = f"{SHEET}<sheetData><row><c><v>1</v></c></row><row>{content}</row></sheetData>"
    assert reason in refusal(bomb(f"{sheet}</worksheet>".encode()))


def test_a_csv_file_of_too_many_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.tables.MAX_BYTES", 1 << 20)
    assert refusal(io.BytesIO(b"a\n" + b"1\n" * 500)) == ""
    assert "Pesa más de 1 MB" in refusal(io.BytesIO(b"a\n" * (1 << 20)))


def test_a_table_of_too_many_characters_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.tables.MAX_CHARACTERS", 10)
    assert refusal(io.BytesIO(b"a,b\n12345,12345\n")) == ""
    assert "más de 10 caracteres" in refusal(io.BytesIO(b"a,b\n12345,123456\n"))


def test_a_sheet_of_tags_alone_is_refused_in_time() -> None:
    columns = "".join(f'<c r="A{n}" s="{n % 9}"/>' for n in range(3_000))
    file = bomb(f"{SHEET}<sheetData>{f'<row>{columns}</row>' * 2_500}</sheetData>".encode())
    started = time.process_time()
    assert "demasiado formato" in refusal(file)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("part", "before", "after"),
    [
        ("xl/workbook.xml", 'r:id="rId1"', 'r:id="rId9"'),
        ("xl/workbook.xml", "<sheets>", "<sheets><sheet name='a'/>"),
        ("xl/_rels/workbook.xml.rels", "sheet1.xml", "sheet9.xml"),
        ("_rels/.rels", "officeDocument", "nothing"),
        ("xl/workbook.xml", "</workbook>", ""),
        ("xl/styles.xml", 'numFmtId="0"', 'numFmtId="x"'),
        ("xl/worksheets/sheet1.xml", 'r="A1"', 'r="é"'),
        ("xl/worksheets/sheet1.xml", "inlineStr", "s"),
        ("xl/worksheets/sheet1.xml", ' t="inlineStr"><is>', ' t="s"><v>5</v><is>'),
        ("xl/worksheets/sheet1.xml", "<row", "<c t='s'><v>0</v></c><row r='x'/><row"),
        ("[Content_Types].xml", "<", "\0"),
    ],
)
def test_a_broken_workbook_is_refused_or_read(part: str, before: str, after: str) -> None:
    file = remade(as_xlsx(lambda sheet: sheet.append(["identificador"])), {part: (before, after)})
    assert refusal(file) or part == "[Content_Types].xml"  # which says nothing that is needed


@given(place=st.integers(0, 20_000), byte=st.integers(0, 255))
@settings(max_examples=300)
def test_a_workbook_with_a_wrong_byte_is_read_or_refused(place: int, byte: int) -> None:
    content = bytearray(GOOD)
    content[place % len(content)] = byte
    refusal(io.BytesIO(bytes(content)))


@pytest.mark.parametrize(("rows", "columns"), [(200_000, 1), (20, 1024)])
def test_colour_in_empty_rows_and_columns_is_no_content(rows: int, columns: int) -> None:
    coloured = '<c s="1"/>'
    sheet = SHEET + '<sheetData><row><c t="inlineStr"><is><t>identificador</t></is></c></row>'
    sheet += f"<row><c><v>1</v></c>{coloured * columns}</row>"
    sheet += "".join(
        f'<row r="{number}">{coloured * columns}</row>' for number in range(3, rows + 1)
    )
    file = bomb(f"{sheet}</sheetData></worksheet>".encode())
    assert read(file) == (["identificador"], [(2, ["1"])])


def test_a_row_far_below_the_others_keeps_its_number() -> None:
    sheet = (
        f'{SHEET}<sheetData><row r="7"><c r="A7"><v>1</v></c></row>'
        '<row r="1048576"><c r="A1048576"><v>2</v></c></row></sheetData></worksheet>'
    )
    assert read(bomb(sheet.encode())) == (["1"], [(1_048_576, ["2"])])


def test_blank_rows_and_sheets_before_the_header_are_passed_over() -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in ([], [None, None], ["identificador"], ["uno"]):
        book.create_sheet("datos").append(row) if row == [] else book["datos"].append(row)
    book.save(file)
    assert read(file)[1] == [(len(list(book["datos"].rows)), ["uno"])]
    assert read(io.BytesIO(b"\n,\na,b\n1,2\n")) == (["a", "b"], [(4, ["1", "2"])])


def test_a_workbook_without_any_cell_says_so() -> None:
    assert "vacío" in refusal(as_xlsx(lambda sheet: None))


def test_a_strict_workbook_is_read() -> None:
    strict = {
        "xl/workbook.xml": (
            "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            "http://purl.oclc.org/ooxml/spreadsheetml/main",
        ),
        "_rels/.rels": (
            "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            "http://purl.oclc.org/ooxml/officeDocument/relationships",
        ),
        "xl/worksheets/sheet1.xml": (
            '<c r="A2"',
            '<c r="B2" t="d"><v>2011-08-11</v></c><c r="A2"',
        ),
    }

    def fill(sheet: object) -> None:
        sheet.append(["identificador", "inicio"])
        sheet.append(["uno"])

    assert read(remade(as_xlsx(fill), strict))[1] == [(2, ["uno", "2011-08-11"])]


def test_prefixes_rich_text_and_phonetic_guides_are_understood() -> None:
    sheet = (
        '<x:worksheet xmlns:x="m"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:r><x:t>iden'
        "</x:t></x:r><x:r><x:t>tificador</x:t></x:r><x:rPh><x:t>i</x:t></x:rPh></x:is></x:c>"
        '</x:row><x:row><x:c t="str"><x:f>A1</x:f><x:v>u_x000a_no</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    assert read(bomb(sheet.encode())) == (["identificador"], [(2, ["u\nno"])])


def test_a_workbook_in_utf_16_is_read() -> None:
    sheet = (
        f'<?xml version="1.0" encoding="UTF-16"?>{SHEET}<sheetData><row><c><v>1</v></c></row>'
        "</sheetData></worksheet>"
    )
    assert read(bomb(sheet.encode("utf-16")))[0] == ["1"]


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
    swap = {"xl/_rels/workbook.xml.rels": ("sheet1.xml", "other.xml")}
    out = remade(file, swap)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/worksheets/other.xml", f"<!DOCTYPE x [<!ENTITY a 'b'>]>{SHEET}")
    with pytest.raises(TableError, match="entidades"):
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
    assert read(io.BytesIO(b'a,b,,\n1,5" de ancho,,\n')) == (
        ["a", "b"],
        [(2, ["1", '5" de ancho'])],
    )


def test_formulas_without_a_value_and_error_cells_are_no_silent_blanks() -> None:
    def fill(sheet: object) -> None:
        sheet.append(["a", "b", "c"])
        sheet.append(["=1+1", "#VALUE!", "x"])

    ((_, cells),) = read(as_xlsx(fill))[1]
    assert [isinstance(cell, UnreadableCell) for cell in cells] == [True, True, False]


# Out, and in again

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")))
risky = st.text("'\"=+-@,; \t\r\na", max_size=12)


@given(st.text() | risky)
def test_a_disarmed_cell_never_runs_and_rearms_to_the_same_text(text: str) -> None:
    assert disarm(text)[:1] not in list("=+-@\t\r\n")
    assert rearm(disarm(text)) == text
    for cell in re.split(r"[,;\t\r\n]", disarm(text)):
        assert cell.strip(' "')[:1] not in list("=+-@")


@pytest.mark.parametrize("form", FORMATS.values())
@given(cells=st.lists(texts | risky, min_size=1, max_size=4).filter(any))
@settings(max_examples=30)
def test_what_is_written_reads_back_the_same_in_every_format(form: type, cells: list[str]) -> None:
    data = tablib.Dataset(cells, headers=["a"] * len(cells))
    read_back = received(form().export_data(data))
    assert read_back.headers == data.headers
    if form is XLSX:  # XML has one kind of line break
        cells = [re.sub("\r\n?", "\n", cell) for cell in cells]
    assert [list(row) for row in read_back] == [cells]


def written(form: type, *rows: list[str]) -> bytes:
    file = io.BytesIO()
    form().write(file, rows, "hoja")
    return file.getvalue()


@pytest.mark.parametrize("text", ["Foo;=cmd|'/C calc'!A0", "a\t+1", "a,@x", 'a; "-1', "a\n=1"])
def test_no_delimiter_begins_a_formula_whatever_a_program_takes_for_one(text: str) -> None:
    for form in (CSV, FORMATS["excel"]):
        line = written(form, [text, "b"]).decode("utf-8-sig")
        assert line.startswith('"')
        for delimiter in ",;\t":
            for row in csv.reader(io.StringIO(line, newline=""), delimiter=delimiter):
                assert not any(cell.strip('" ').startswith(tuple("=+-@")) for cell in row), row


def test_no_cell_of_a_workbook_of_ours_is_a_formula() -> None:
    file = io.BytesIO(written(XLSX, ["a"], ["=1+1"], ["+1"], ["@x"], ["'=1"]))
    for row in openpyxl.load_workbook(file).active:
        assert all(cell.data_type == "s" for cell in row)


@pytest.mark.parametrize("form", FORMATS.values())
def test_an_export_never_fails_on_a_control_character(form: type) -> None:
    stored = "uno\x0bdos\x0ctres\x07\ufffe\ud800\x00"
    data = received(written(form, ["a"], [stored]))
    assert data[0] == ("uno dos tres",)


def test_a_text_that_looks_like_an_escape_of_excel_stays_itself() -> None:
    data = received(written(XLSX, ["a"], ["_x000B_ y _x005F_"]))
    assert data[0] == ("_x000B_ y _x005F_",)


def test_a_text_too_long_for_excel_is_marked_and_its_import_is_refused() -> None:
    long, fits = "á" * 32_768, "é" * 32_767
    data = received(written(XLSX, ["a", "b"], [long, fits]))
    cut, whole = data[0]
    assert isinstance(cut, UnreadableCell)
    assert "cortada" in cut
    assert whole == fits
    assert received(written(CSV, ["a", "b"], [long, fits]))[0] == (long, fits)


def test_a_cell_that_another_program_cut_is_known() -> None:
    stored = "🙂" + "a" * 40_000
    assert may_be_cut(stored[: 32_767 - 1], stored)
    assert not may_be_cut(stored[:30_000], stored)  # an editor may shorten a text
    assert not may_be_cut(stored, stored)
    assert not may_be_cut("b" * 32_767, stored)


def test_a_dataset_keeps_row_numbers_reading_and_rows_that_are_too_long() -> None:
    data = received("\n\nid;título\n\n'=1;dos;tres\nuno\n".encode("cp1252"))
    assert data.headers == ["id", "título"]
    assert list(data) == [("=1", "dos"), ("uno", "")]
    assert (data.row_numbers, data.overlong) == ([5, 6], [5])
    assert (data.encoding, data.delimiter) == ("cp1252", ";")
    assert data.sample == ("título",)


def test_an_upload_is_read_as_its_receipt_says() -> None:
    content = "a;é\n1;2\n".encode("cp1252")
    assert received(content, encoding="cp1252", delimiter=";").headers[1] == "é"
    assert Upload().can_import()
    assert all(form().can_export() for form in FORMATS.values())
