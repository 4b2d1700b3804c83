"""Excel workbooks: the texts that Excel shows are read, and hostile files are refused at once."""

import io
import itertools
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editing.widgets import UnreadableCell
from exchange import reading
from exchange.imports import marked_rows, preview_import
from exchange.models import Receipt
from tests.sheets import refusal, rows_of

BOOK, STYLES, STRINGS = "xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml"
SHEET1, RELATIONS = "xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"
XMLNS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = f'<worksheet xmlns="{XMLNS}"><sheetData>'
DOCTYPE = "<!DOCTYPE x [<!ENTITY a 'b'>]>"
READ = (["identificador"], [])
HEADER = ["identificador", "titulo", "categoria", "inicio", "nombradas", "se_publica"]
# Openpyxl writes the strings into the cells: a part of shared strings needs a relation.
_STRINGS = '<Relationship Id="s" Type="a/sharedStrings" Target="sharedStrings.xml"/></'
SHARED = {RELATIONS: ("</", _STRINGS)}


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_xlsx(fill: Callable[[Any], object]) -> bytes:
    book = openpyxl.Workbook()
    fill(book.active)
    return saved(book)


GOOD = as_xlsx(lambda sheet: sheet.append(["identificador"]))


def remade(parts: dict[str, str | bytes | tuple[str, str]], book: bytes = GOOD) -> bytes:
    """The workbook with some parts replaced as a whole, or one text in them by another."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(book)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in {**dict.fromkeys(old.namelist()), **parts}:
            change = parts.get(name)
            if not isinstance(change, str | bytes):
                change = old.read(name).decode().replace(*(change or ("", "")))
            new.writestr(name, change)
    return out.getvalue()


def sheet_of(rows: str) -> bytes:
    return remade({SHEET1: f"{SHEET}{rows}</sheetData></worksheet>"})


def row_of(cells: str) -> str:
    return f"<row><c><v>1</v></c></row><row>{cells}</row>"


@pytest.mark.parametrize(
    ("part", "content", "reason"),
    [
        (SHEET1, f'{SHEET}<row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>',
         "700 columnas"),
        (SHEET1, f"{DOCTYPE}{SHEET}</sheetData></worksheet>", "entidades"),
        (SHEET1, f"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>{SHEET}<row r='1'>"
         "<c r='A1'><v>&a;</v></c></row></sheetData></worksheet>", "entidades"),
        (SHEET1, SHEET + "<row/>" * 20_000_000 + "</sheetData></worksheet>", "demasiado grande"),
        (SHEET1, f"{SHEET}<c><v>{'1' * 1_000_001}</v></c></sheetData></worksheet>", "1,000,000"),
        (SHEET1, "not xml", "no se puede leer"),
        (SHEET1, "<row " * 20_000, "no se puede leer"),
        (SHEET1, SHEET + '<row r="1' * 40_000, "no se puede leer"),
        (SHEET1, f"{SHEET}<row " + 'a="1" ' * 2_000_000, "no se puede leer"),
        (SHEET1, f"{SHEET}<!--" + "-" * 8_000_000, "no se puede leer"),
        (SHEET1, SHEET + row_of(f"<c><v>{'1' * 1_000_001}</v></c>"), "1,000,000"),
        (SHEET1, SHEET + row_of('<c r="A2"/><c r="AAA2"><v>1</v></c>'), "700 columnas"),
        (SHEET1, SHEET + row_of(f"<!--{' ' * 3_000_000}-->"), "no se puede leer"),
        (STRINGS, f'<sst xmlns="{XMLNS}"><si><t>{"x" * 2_000_000}</t></si></sst>', "1,000,000"),
        (STYLES, f"<styleSheet><cellXfs>{'<xf/>' * 50_000}</cellXfs></styleSheet>", ""),
        (STYLES, f"<styleSheet><numFmt numFmtId='200' formatCode='d{'[' * 90_000}'/>"
         "<cellXfs><xf numFmtId='200'/></cellXfs></styleSheet>", ""),
        (BOOK, f"<workbook>{'<sheet/>' * 200_000}</workbook>", "no se puede leer"),
    ],
    ids=["last column", "entity", "external entity", "zip bomb", "long cell", "no xml",
         "unfinished tags", "unfinished attributes", "a long tag", "a long comment",
         "a long cell in a row", "a far cell in a row", "a long comment in a row",
         "a long string", "styles", "a long format", "sheets"],
)  # fmt: skip
def test_absurd_and_hostile_workbooks_are_refused_in_time_and_100_mb(part, content, reason):
    """The time is the processor's, and is measured without tracemalloc, which slows it."""
    file = remade({part: content} | (SHARED if part == STRINGS else {}))
    del content
    started = time.process_time()
    message = refusal(file)
    assert time.process_time() - started < 2
    assert reason in message
    assert bool(reason) == bool(message)
    tracemalloc.start()
    try:
        assert refusal(file) == message
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("part", [SHEET1, STRINGS])
def test_a_part_of_tags_alone_is_refused_in_time(part, monkeypatch):
    """A tenth of the tags that are admitted, in a tenth of the time."""
    tags = reading.MAX_TAGS // 10
    monkeypatch.setattr(reading, "MAX_TAGS", tags)
    columns = "".join(f'<c r="A{n}" s="{n % 9}"/>' for n in range(3_000))
    sheet = f"<row>{columns}</row>" * (tags // 3_000 + 1)
    strings = {STRINGS: f'<sst xmlns="{XMLNS}">{"<si/>" * (tags + 1)}</sst>'} | SHARED
    file = sheet_of(sheet) if part == SHEET1 else remade(strings)
    started = time.process_time()
    assert "demasiado formato" in refusal(file)
    assert time.process_time() - started < 1


def test_a_sheet_that_the_book_names_many_times_is_read_once():
    names = "<workbook xmlns:r='r'>" + "<sheet r:id='rId1'/>" * 100_000 + "</workbook>"
    sheet = f"{SHEET}{'<row/>' * 1000}</sheetData></worksheet>"
    started = time.process_time()
    assert "vacío" in refusal(remade({BOOK: names, SHEET1: sheet}))
    assert time.process_time() - started < 2


def test_a_broken_workbook_is_refused():
    for part, before, after in (
        (BOOK, 'r:id="rId1"', 'r:id="rId9"'),
        (BOOK, "<sheets>", "<sheets><sheet name='a'/>"),
        (RELATIONS, "sheet1.xml", "sheet9.xml"),
        ("_rels/.rels", "officeDocument", "nothing"),
        (BOOK, "</workbook>", ""),
        (STYLES, 'numFmtId="0"', 'numFmtId="x"'),
        (SHEET1, 'r="A1"', 'r="é"'),
        (SHEET1, "inlineStr", "s"),
        (SHEET1, ' t="inlineStr"><is>', ' t="s"><v>5</v><is>'),
        (SHEET1, "<row", "<c t='s'><v>0</v></c><row r='x'/><row"),
    ):
        assert refusal(remade({part: (before, after)})), (part, after)
    # This part says nothing that is needed.
    assert rows_of(remade({"[Content_Types].xml": ("<", "\0")})) == READ


@given(place=st.integers(0, 20_000), byte=st.integers(0, 255))
@settings(max_examples=300)
def test_a_workbook_with_a_wrong_byte_is_read_or_refused(place, byte):
    content = bytearray(GOOD)
    content[place % len(content)] = byte
    refusal(bytes(content))


@pytest.mark.parametrize(("rows", "columns"), [(5_000, 1), (20, 1024)])
def test_colour_in_empty_rows_and_columns_is_no_content(rows, columns):
    cells = '<c s="1"/>' * columns
    sheet = '<row><c t="inlineStr"><is><t>identificador</t></is></c></row>'
    sheet += f"<row><c><v>1</v></c>{cells}</row>"
    sheet += "".join(f'<row r="{number}">{cells}</row>' for number in range(3, rows + 1))
    assert rows_of(sheet_of(sheet)) == (["identificador"], [(2, ["1"])])


def test_a_row_far_below_the_others_keeps_its_number():
    rows = (
        '<row r="7"><c r="A7"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>2</v></c></row>'
    )
    assert rows_of(sheet_of(rows)) == (["1"], [(1_048_576, ["2"])])


def test_blank_rows_and_sheets_before_the_header_are_passed_over():
    book = openpyxl.Workbook()
    data = book.create_sheet("datos")
    data["A3"], data["A5"] = "identificador", "uno"
    assert rows_of(saved(book)) == (["identificador"], [(5, ["uno"])])
    assert "vacío" in refusal(as_xlsx(lambda sheet: None))


def test_the_sheet_that_is_read_is_the_first_one_on_show():
    book = openpyxl.Workbook()
    for name, state in (("oculta", "hidden"), ("muy oculta", "veryHidden")):
        hidden = book.create_sheet(name, 0)
        hidden.append([name])
        hidden.sheet_state = state
    book.create_chartsheet("gráfica", 2)
    book["Sheet"].append(["identificador"])
    book.create_sheet("última").append(["otra"])
    book.active = book.index(book["última"])
    assert rows_of(saved(book)) == READ
    for name in ("Sheet", "última"):
        del book[name]
    book._sheets.remove(book["gráfica"])
    book.create_sheet("datos").sheet_state = "hidden"
    visible = {BOOK: ('state="visible"', 'state="hidden"')}
    assert "hojas a la vista" in refusal(remade(visible))


def test_a_bomb_in_the_sheet_that_is_read_is_refused_wherever_its_file_is():
    parts = {
        RELATIONS: ("sheet1.xml", "other.xml"),
        "xl/worksheets/other.xml": f"{DOCTYPE}{SHEET}</sheetData></worksheet>",
    }
    assert "entidades" in refusal(remade(parts))
    for part, tag in ((BOOK, "<workbook"), (STYLES, "<styleSheet")):
        assert "entidades" in refusal(remade({part: (tag, DOCTYPE + tag)})), part


def test_a_strict_workbook_is_read():
    def fill(sheet: Any) -> None:
        sheet.append(["identificador", "inicio"])
        sheet.append(["uno"])

    relationships = "officeDocument/2006/relationships"
    strict = {
        BOOK: (XMLNS, "http://purl.oclc.org/ooxml/spreadsheetml/main"),
        "_rels/.rels": (
            f"http://schemas.openxmlformats.org/{relationships}/officeDocument",
            "http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument",
        ),
        SHEET1: ('<c r="A2"', '<c r="B2" t="d"><v>2011-08-11</v></c><c r="A2"'),
    }
    assert rows_of(remade(strict, as_xlsx(fill)))[1] == [(2, ["uno", "2011-08-11"])]


def test_prefixes_rich_text_phonetic_guides_and_utf_16_are_understood():
    sheet = (
        '<x:worksheet xmlns:x="m"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:r><x:t>iden'
        "</x:t></x:r><x:r><x:t>tificador</x:t></x:r><x:rPh><x:t>i</x:t></x:rPh></x:is></x:c>"
        '</x:row><x:row><x:c t="str"><x:f>A1</x:f><x:v>u_x000a_no</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    assert rows_of(remade({SHEET1: sheet})) == (["identificador"], [(2, ["u\nno"])])
    sheet = f'<?xml version="1.0" encoding="UTF-16"?>{sheet}'
    assert rows_of(remade({SHEET1: sheet.encode("utf-16")}))[0] == ["identificador"]


def test_dates_become_as_much_of_a_date_as_excel_shows():
    def fill(sheet: Any) -> None:
        sheet.append(["día", "mes", "año", "sin año", "hora", "número", "texto"])
        sheet.append([date(2011, 8, 11), date(2011, 8, 1), date(2011, 1, 1), date(2011, 8, 11),
                      datetime(2011, 8, 11, 9, 30), 2011, "2011-08"])  # fmt: skip  # noqa: DTZ001
        for column, pattern in zip("ABCD", ["dd/mm/yyyy", "mmm-yy", "yyyy", "d-mmm"], strict=True):
            sheet[f"{column}2"].number_format = pattern

    ((_, cells),) = rows_of(as_xlsx(fill))[1]
    assert cells[:3] == ["2011-08-11", "2011-08", "2011"]
    assert isinstance(cells[3], UnreadableCell)
    assert cells[4:] == ["2011-08-11 09:30:00", "2011", "2011-08"]


def test_dates_since_1904_truths_percentages_and_merged_cells_are_what_excel_shows():
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    for row in (
        ["a", "b", "c", "d"],
        [date(2011, 8, 11), True, 0.5, "junto"],
        ["", False, 3.0, ""],
    ):
        book.active.append(row)
    book.active.merge_cells("D2:D3")
    assert [cells for _, cells in rows_of(saved(book))[1]] == [
        ["2011-08-11", "VERDADERO", "0.5", "junto"],
        ["", "FALSO", "3", ""],
    ]


def test_formulas_without_a_value_and_error_cells_are_no_silent_blanks():
    def fill(sheet: Any) -> None:
        sheet.append(["a", "b", "c"])
        sheet.append(["=1+1", "#VALUE!", "x"])

    ((_, cells),) = rows_of(as_xlsx(fill))[1]
    assert [isinstance(cell, UnreadableCell) for cell in cells] == [True, True, False]


@pytest.mark.django_db
@pytest.mark.usefixtures("words")
def test_a_control_character_of_a_workbook_is_an_error_of_its_cell():
    """Excel writes it as «_x0000_». Databases refuse NUL and halves of characters."""
    codes, rows = ("0000", "001B", "D800", "FFFE"), [HEADER, ["y", "T_x000C_u", "acuerdo"]]
    for place, code in itertools.product(range(6), codes):
        row = [f"x{len(rows)}", "T", "acuerdo", "", "", ""]
        rows.append([*row[:place], f"a_x{code}_", *row[place + 1 :]])
    cells = ("".join(f'<c t="str"><v>{cell}</v></c>' for cell in row) for row in rows)
    book = sheet_of("".join(f"<row>{row}</row>" for row in cells))
    receipt = Receipt(resource="eventos", file_name="x", content=book)
    preview_import(receipt)
    assert (receipt.new, receipt.faulty_rows) == (1, 24)
    assert {problem[3] for problem in Receipt.objects.get().problems} == {
        "La celda lleva el carácter nulo (NUL).",
        *(f"La celda lleva el carácter de control U+{code}, que no se ve." for code in codes[1:]),
    }
    assert len([*marked_rows(receipt)]) == 26
