"""Tables as files: each usual kind of CSV is read, and each written file is read back unchanged."""

import codecs
import csv
import io
import re
import tracemalloc
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest
import tablib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from editing.widgets import UnreadableCell
from exchange.formats import (
    ENCODINGS,
    FORMATS,
    UPLOADS,
    XLSX,
    SheetDataset,
    Upload,
    accented_words,
    disarm,
    read_dataset,
    rearm,
)
from exchange.models import Receipt
from exchange.reading import MAX_COLUMNS, read_table
from record.confined import Reader, UnreadableFile
from record.text import may_be_cut
from tests.sheets import dataset_of, file_as, refusal, rows_of
from texts.encodings import BYTE_ENCODINGS

ROWS = [
    ["identificador", "título"],
    ["uno", "Acción, «diálogo»; años"],
    ["dos", "Señales\nde vida"],
]
FORMULAS = list("=+-@")


def as_csv(encoding: str, delimiter: str) -> io.BytesIO:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(ROWS)
    return io.BytesIO(text.getvalue().encode(encoding))


class Here(Reader):
    """Reads in this process: to start a child for each of many short files takes long."""

    def read(self, content: bytes, **options: Any) -> Iterator[Any]:
        yield from read_table(io.BytesIO(content), **options)


def received(content: bytes, **reading: str) -> SheetDataset:
    """An upload as the admin reads it."""
    return Upload().create_dataset(Receipt(content=content, **reading))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_every_usual_encoding_and_delimiter_gives_the_same_rows(encoding):
    for delimiter in (",", ";", "\t"):
        file = as_csv(encoding, delimiter)
        assert rows_of(file.getvalue()) == (ROWS[0], [(2, ROWS[1]), (3, ROWS[2])])
        dataset = read_dataset(file, 10)
        assert dataset.delimiter == delimiter
        assert "título" in dataset.sample
    if encoding == "utf-16-le":
        assert rows_of(codecs.BOM_UTF16_LE + file.getvalue())[0] == ROWS[0]


SPANISH = (
    "organización", "máximo", "MÉXICO", "Índice", "año\nniño", "¿Quién?", "«Señal»", "pingüino",
    "ORGANIZACIÓN", "¡Acción!", "Ángel Núñez", "CORAZÓN DE LEÓN", "rotación: único; también",
)  # fmt: skip


@pytest.mark.parametrize("encoding", BYTE_ENCODINGS)
@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_the_encodings_of_windows_dos_and_macintosh_are_told_apart_by_their_accents(encoding, end):
    for text in (*SPANISH, "plain,“María” — L’Oréal…" if encoding != "cp850" else "él"):
        content = f'id;nombre{end}1;"{text}"{end}'.encode(encoding)
        dataset = read_dataset(io.BytesIO(content), 10, reader=Here(*UPLOADS))
        assert (dataset.encoding, dataset[0]) == (encoding, ("1", text)), text
        assert dataset.sample
        assert all(word in text for word in dataset.sample)


def test_signs_alone_are_read_as_windows_wrote_them_and_each_reading_has_its_sample():
    for text in ("a — b", "O’Brien", "2011–2015", "acción—reacción", "10 °C", "¡Hola!", "“x”"):
        assert read_dataset(io.BytesIO(f"id\n{text}".encode("cp1252")), 9).encoding == "cp1252"
    content = "id;nombre\n1;organización".encode("cp850")
    assert [accented_words(content, name) for name in ENCODINGS] == [
        (), (), (), (), ("organizaci¢n",), ("organización",), ("organizaci¢n",)
    ]  # fmt: skip
    wide = "id;nombre\n1;organización".encode("utf-16")
    assert accented_words(wide, "utf-16") == ("organización",)
    assert accented_words(wide, "cp1252") == accented_words(b"id\n1", "cp1252") == ()


def test_the_reading_of_a_file_can_be_corrected_by_hand():
    file = as_csv("cp1252", ";")
    assert read_dataset(file, 10, delimiter=",").headers == ["identificador;título"]
    with pytest.raises(UnreadableFile, match="codificación"):
        read_dataset(file, 10, encoding="utf-16")
    content = "a;é\n1;2\n".encode("cp1252")
    assert received(content, encoding="cp1252", delimiter=";").headers[1] == "é"


def test_blank_rows_are_passed_over_and_keep_their_numbers():
    assert rows_of(b"a,b\n\n,\n1,2\n") == (["a", "b"], [(4, ["1", "2"])])
    assert rows_of(b"\n,\na,b\n1,2\n") == (["a", "b"], [(4, ["1", "2"])])


def test_an_unreadable_file_is_refused_for_its_reason():
    for content, reason in (
        (b"", "vacío"),
        (b"\n\n", "vacío"),
        (b"\xd0\xcf\x11\xe0 old excel", "No es CSV ni XLSX"),
        (b"%PDF-1.4", "No es CSV ni XLSX"),
        (b'a,b\n"open', "comillas"),
        (b"PK\x03\x04 broken", "dañado"),
        (b"a,b\nx\0,y\n", "nulo"),
        (b"a" * 1_100_000 + b"\n", "demasiado larga"),
        (b"a\n" + b"1\n" * 1001, "1,000 filas"),
        (b"a," * 300 + b"\n", "columnas"),
        (b"a" * 201 + b"\n1\n", "encabezado"),
    ):
        assert reason in refusal(content), content[:20]


def test_a_file_of_too_many_bytes_or_characters_is_refused(monkeypatch):
    monkeypatch.setattr("exchange.formats.MAX_BYTES", 1 << 20)
    with pytest.raises(UnreadableFile, match="Pesa más de 1 MB"):
        read_dataset(io.BytesIO(b"a\n" * (1 << 20)), 10)
    assert len(list(read_table(io.BytesIO(b"a,b\n12345,12345\n"), 10, 10, "utf-8"))) == 3
    with pytest.raises(UnreadableFile, match="más de 10 caracteres"):
        list(read_table(io.BytesIO(b"a,b\n12345,123456\n"), 10, 10, "utf-8"))


def test_the_table_of_the_most_cells_takes_the_server_less_than_100_mb():
    """A tenth of the rows that the admin reads, in a tenth of the memory."""
    columns = MAX_COLUMNS
    rows = ((f"{row * column % 900 + 100}" for column in range(columns)) for row in range(2000))
    lines = [",".join(f"c{column}" for column in range(columns)), *map(",".join, rows)]
    file = io.BytesIO("\n".join(lines).encode())
    tracemalloc.start()
    dataset = read_dataset(file, 20_000)
    assert tracemalloc.get_traced_memory()[0] < 10 << 20
    tracemalloc.stop()
    assert dataset.height == 2000


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"'])
def test_a_line_that_names_the_separator_is_believed_and_is_no_header(line):
    content = f"{line}\r\na;b,c\r\n1;2\r\n".encode()
    assert rows_of(content) == (["a", "b,c"], [(3, ["1", "2"])])


def test_delimiters_at_the_end_of_lines_make_no_column_and_odd_quotes_are_text():
    assert rows_of(b'a,b,,\n1,5" de ancho,,\n') == (["a", "b"], [(2, ["1", '5" de ancho'])])


def test_a_dataset_keeps_row_numbers_reading_and_rows_that_are_too_long():
    data = received("\n\nid;título\n\n'=1;dos;tres\nuno\n".encode("cp1252"))
    assert data.headers == ["id", "título"]
    assert list(data) == [("=1", "dos"), ("uno", "")]
    assert (data.row_numbers, data.overlong) == ([5, 6], {5: "tres"})
    assert (data.encoding, data.delimiter) == ("cp1252", ";")
    assert data.sample == ("título",)


# Out, and in again

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")))
risky = st.text("'\"=+-@,; \t\r\na", max_size=12)


@given(st.text() | risky)
@example("\ta")
@example("\ra")
@example("\na")
@example(" \ta")
@settings(max_examples=60)
def test_a_disarmed_cell_never_runs_and_rearms_to_the_same_text(text):
    armed = disarm(text)
    assert armed[:1] not in [*FORMULAS, *"\t\r\n"]
    assert rearm(armed) == text
    for cell in re.split(r"[,;\t\r\n]", armed):
        assert cell.strip(' "')[:1] not in FORMULAS


@pytest.mark.parametrize("form", FORMATS.values())
@given(cells=st.lists(texts | risky, min_size=1, max_size=4).filter(any))
@settings(max_examples=20)
def test_a_table_reads_back_the_same_in_every_format(form, cells):
    data = tablib.Dataset(cells, headers=["a"] * len(cells))
    read_back = dataset_of(form().export_data(data))
    assert read_back.headers == data.headers
    if form is XLSX:  # XML has one kind of line break
        cells = [re.sub("\r\n?", "\n", cell) for cell in cells]
    assert [list(row) for row in read_back] == [cells]


@pytest.mark.parametrize(
    "text", ["Foo;=cmd|'/C calc'!A0", "a\t+1", "a,@x", 'a; "-1', "a\n=1", "\tx", "\rx", "\nx"]
)
def test_no_cell_begins_a_formula_whatever_a_program_takes_for_a_delimiter(text):
    for format_name in ("csv", "excel"):
        line = file_as(format_name, [[text, "b"]]).decode("utf-8-sig")
        assert line.startswith('"')
        assert line[1] not in "\t\r\n"
        for delimiter in ",;\t":
            for row in csv.reader(io.StringIO(line, newline=""), delimiter=delimiter):
                assert not any(cell.strip('" ').startswith(tuple(FORMULAS)) for cell in row), row


def test_every_cell_of_a_workbook_of_ours_is_text():
    texts = ["a", "=1+1", "+1", "@x", "'=1", "#N/A", "2017-04"]
    file = io.BytesIO(file_as("xlsx", [[text] for text in texts]))
    for row in openpyxl.load_workbook(file).active:
        assert [(cell.data_type, cell.number_format) for cell in row] == [("s", "@")]


@pytest.mark.parametrize("format_name", FORMATS)
def test_an_export_never_fails_on_a_control_character(format_name):
    stored = "uno\x0bdos\x0ctres\x07\ufffe\ud800\x00"
    assert received(file_as(format_name, [["a"], [stored]]))[0] == ("uno dos tres",)


def test_a_text_that_looks_like_an_escape_of_excel_stays_itself():
    text = "_x000B_ y _x005F_"
    assert received(file_as("xlsx", [["a"], [text]]))[0] == (text,)


def test_a_text_too_long_for_excel_is_marked_and_its_import_is_refused():
    rows = [["a", "b"], ["á" * 32_768, "é" * 32_767]]
    cut, whole = received(file_as("xlsx", rows))[0]
    assert isinstance(cut, UnreadableCell)
    assert "cortada" in cut
    assert whole == rows[1][1]
    assert list(received(file_as("csv", rows))[0]) == rows[1]


def test_a_cell_that_another_program_cut_is_known():
    stored = "🙂" + "a" * 40_000
    assert may_be_cut(stored[: 32_767 - 1], stored)
    assert not may_be_cut(stored[:30_000], stored)  # an editor may shorten a text
    assert not may_be_cut(stored, stored)
    assert not may_be_cut("b" * 32_767, stored)
