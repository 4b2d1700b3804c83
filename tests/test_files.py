"""The text of a file, as its format has it, read in a child process; or why it cannot be read."""

import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from record.confined import UnreadableFile
from tests.documents import (
    column,
    docx,
    odt,
    paragraphs,
    pdf,
    pdf_of,
    pdf_of_stream,
    stream_of,
    zip_of,
)
from texts.files import Document, pasted, read_document

COMMUNIQUE = Path(__file__).parent / "communique"
PARAGRAPHS = [
    line for line in (COMMUNIQUE / "comunicado.txt").read_text("utf-8").splitlines() if line
]
TITLE = PARAGRAPHS[0]


def communique(ending: str) -> Document:
    name = f"comunicado.{ending}"
    return read_document((COMMUNIQUE / name).read_bytes(), name)


def lines_of(content: bytes, name: str) -> list[str]:
    return [line for page in read_document(content, name).pages for line in page.lines]


def refusal(content: bytes, name: str) -> str:
    with pytest.raises(UnreadableFile) as error:
        read_document(content, name)
    return str(error.value)


# The communiqué, as people meet it


@pytest.mark.parametrize("ending", ["docx", "html", "txt"])
def test_a_paragraph_of_the_communique_is_a_line(ending):
    document = communique(ending)
    ((number, lines),) = document.pages
    words = [line.replace("\xad", "").replace("\u200b", "") for line in lines if line]
    assert (number, words) == (0, PARAGRAPHS)
    assert document.is_wrapped == (ending == "txt")


def test_marks_that_do_not_show_stay_in_the_lines():
    text = "\n".join(communique("html").pages[0].lines)
    assert "sobre\u200b su" in text
    assert "cola\xadboración" in text


def test_a_pdf_gives_the_lines_of_each_page_and_empty_lines_between_its_blocks():
    document = communique("pdf")
    assert document.is_wrapped
    assert [page.number for page in document.pages] == [1, 2]
    first, second = ("\n".join(page.lines).split("\n\n") for page in document.pages)
    assert first[0] == "Núcleo de la Sociedad Civil · Sala de prensa · Inicio"
    assert [block.replace("\n", " ") for block in first[1:5]] == PARAGRAPHS[:4]
    assert first[5:] == ["Comunicado · Núcleo de la Sociedad Civil", "Página 1 de 2"]
    assert "un acuerdo de cola‐\nboración" in second[2]
    assert [block.replace("\n", " ") for block in second[3:5]] == PARAGRAPHS[7:]


def test_title_and_language_come_from_the_file_if_it_says_them():
    cards = {ending: communique(ending)[2:4] for ending in ("pdf", "html", "docx", "txt")}
    nothing = ("", "")
    assert cards == {"pdf": (TITLE, ""), "html": (TITLE, "es-MX"), "docx": nothing, "txt": nothing}
    spoken = pdf(column("Acta"), catalog="/Lang(es_MX)", info="/Title(Acta de abril)")
    assert read_document(spoken, "a.pdf")[2:4] == ("Acta de abril", "es-MX")
    card = "<dc:title>Acta de abril</dc:title><dc:language>es-MX</dc:language>"
    assert read_document(odt("<text:p>Acta</text:p>", card), "a.odt")[2:4] == (
        "Acta de abril",
        "es-MX",
    )


@pytest.mark.parametrize(
    "title",
    ["Microsoft Word - Acta de abril.doc", "acta de abril.pdf", "Documento1", "sin título 2",
     "Presentación de PowerPoint", "https://a.mx/ acta", "x " * 200],
)  # fmt: skip
def test_a_title_that_a_program_made_up_is_left_out(title):
    content = pdf(column("Acta"), info=f"/Title({title})", catalog="/Lang(es MX)")
    assert read_document(content, "a.pdf")[2:4] == ("", "")


# PDF


def test_a_hyphen_at_the_end_of_a_line_stays_there():
    lines = [
        "acuerdo de cola-",
        "boración franco-",
        "mexicano de 2013-",
        "2015 con el IFAI-",
        "INAI",
    ]
    assert lines_of(pdf(column(*lines)), "a.pdf") == lines


def test_columns_are_read_one_after_the_other_and_rows_of_a_table_across():
    left, right = [f"uno {n}" for n in range(5)], [f"dos {n}" for n in range(5)]
    page = [*column(*left), *column(*right, left=300)]
    assert lines_of(pdf(page), "a.pdf") == [*left, *right]
    cells = [(50, 780, "IMCO"), (300, 780, "2018"), (50, 760, "Fundar"), (300, 760, "2019")]
    assert lines_of(pdf(cells), "a.pdf") == ["IMCO 2018", "Fundar 2019"]


def test_pages_without_text_are_named_and_a_pdf_of_nothing_else_is_a_picture():
    document = read_document(pdf(column("Acta"), [], column("Fin"), []), "a.pdf")
    assert [page.lines for page in document.pages] == [["Acta"], [], ["Fin"], []]
    assert document.notes == ["Páginas sin texto, porque son fotos o están vacías: 2, 4."]
    assert refusal(pdf([], []), "a.pdf") == (
        "Este PDF es una foto: no trae texto. Transcríbalo o pase un lector de caracteres (OCR)."
    )


def test_a_raised_figure_stays_in_its_line():
    raised = b"/F1 12 Tf 50 700 Td (Acta) Tj 5 Ts /F1 7 Tf (1) Tj 0 Ts /F1 12 Tf ( y anexo) Tj"
    assert lines_of(pdf_of_stream(b"BT %s ET" % raised), "a.pdf") == ["Acta1 y anexo"]


def test_an_empty_line_stands_where_a_paragraph_of_a_pdf_seems_to_begin():
    spaced = column("uno", "dos", "tres", "", "cuatro", "cinco")
    assert lines_of(pdf(spaced), "a.pdf") == ["uno", "dos", "tres", "", "cuatro", "cinco"]
    first, (_left, top, second), *others = column("uno", "dos", "tres", "cuatro")
    indented = pdf([first, (62, top, second), *others])
    assert lines_of(indented, "a.pdf") == ["uno", "", "dos", "tres", "cuatro"]
    large = b"BT /F1 12 Tf 50 700 Td (uno) Tj /F1 18 Tf 0 -18 Td (dos) Tj 0 -18 Td (tres) Tj ET"
    assert lines_of(pdf_of_stream(large), "a.pdf") == ["uno", "", "dos", "tres"]


def with_letters(content: bytes, signs: dict[str, str]) -> bytes:
    """A PDF with a table of the signs, in UTF-16, that the letters of its font stand for."""
    table = "".join(f"<{ord(letter):02x}> <{sign}> " for letter, sign in signs.items())
    table = f"{len(signs)} beginbfchar {table}endbfchar endcmap"
    cmap = f"begincmap 1 begincodespacerange <00> <ff> endcodespacerange {table}"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/X/ToUnicode 6 0 R>>"
    content = b"BT /F1 12 Tf 50 700 Td %s ET" % content
    return pdf_of_stream(content, "", font, stream_of(cmap.encode()))


def test_any_sign_of_a_pdf_is_read():
    """Emoji, letters of Hebrew from right to left, a ligature, a soft hyphen."""
    signs = {"a": "D83DDE00", "b": "05D1", "c": "05D0", "d": "00660069", "e": "00AD", "f": "0061"}
    content = with_letters(b"(a) Tj 0 -14 Td (bc) Tj 0 -14 Td (ddef) Tj", signs)
    assert lines_of(content, "a.pdf") == ["😀", "אב", "fifi\xada"]


# DOCX and ODT


def test_the_accepted_text_of_a_docx_is_read_without_its_comments():
    changed = (
        "<w:p><w:r><w:t>Se </w:t></w:r><w:ins><w:r><w:t>aprobó</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>rechazó</w:delText><w:br/></w:r></w:del>"
        "<w:moveFrom><w:r><w:t>antes</w:t></w:r></w:moveFrom>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>oculto</w:t></w:r>"
        "<w:r><w:commentReference/><w:t xml:space='preserve'> el</w:t></w:r></w:p>"
        "<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>acta de la </w:t></w:r></w:p>"
    )
    document = read_document(docx(changed + paragraphs("asamblea")), "a.docx")
    assert document.pages[0].lines == ["Se aprobó el", "acta de la asamblea"]
    assert document.notes == [
        "Traía cambios marcados: se leyó el texto con los cambios aceptados.",
        "Traía comentarios: quedaron fuera.",
    ]


def test_the_notes_of_a_docx_stand_at_its_end_in_the_order_of_their_numbers():
    reference = "<w:p><w:r><w:t>Acta</w:t><w:footnoteReference w:id='{}'/></w:r></w:p>"
    notes = "".join(
        f"<w:footnote w:id='{key}'>{paragraphs(f'Nota {key}.')}</w:footnote>" for key in "0123"
    )
    content = docx(reference.format(3) + reference.format(2), footnotes=notes)
    document = read_document(content, "a.docx")
    assert document.pages[0].lines == ["Acta", "Acta", "Nota 3.", "Nota 2."]
    assert document.notes == ["Traía notas al pie: van al final del texto, sin sus números."]


def test_a_line_is_a_row_of_a_table_if_its_cells_have_a_paragraph_each():
    def row(*cells: str) -> str:
        return f"<w:tr>{''.join(f'<w:tc>{cell}</w:tc>' for cell in cells)}</w:tr>"

    table = row(paragraphs("IMCO"), paragraphs("2018")) + row(paragraphs("A", "B"), paragraphs("C"))
    assert lines_of(docx(f"<w:tbl>{table}</w:tbl>"), "a.docx") == ["IMCO\t2018", "A", "B", "C"]


def test_an_odt_is_read_as_a_docx_is():
    document = read_document(
        odt(
            "<text:tracked-changes><text:p>borrado</text:p></text:tracked-changes>"
            "<text:h>Acta</text:h><text:p>Uno<text:s/>dos<text:note><text:note-citation>1"
            "</text:note-citation><text:note-body><text:p>La nota.</text:p></text:note-body>"
            "</text:note>.<office:annotation><text:p>¿Sí?</text:p></office:annotation></text:p>"
            "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
            "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
        ),
        "a.odt",
    )
    assert document.pages[0].lines == ["Acta", "Uno dos.", "a\tb", "La nota."]
    assert len(document.notes) == 3


# HTML and TXT


def test_the_text_of_a_page_is_read_without_menus_scripts_and_what_is_hidden():
    page = (
        "<!doctype html><title>Acta de abril</title><nav>Menú</nav><header><h1>Sitio</h1></header>"
        "<article><header><h1>Acta</h1></header><p>Se <!-- no --><b>apro</b>bó<script>alert(1)"
        "</script>\n el acta.<br>Firman:<ul><li>uno<li>dos</ul><table><tr><th>Quién<th>Cuándo"
        "<tr><td>IMCO<td><p>2018</table><p hidden>oculto<p style='display: none'>oculto</article>"
        "<aside>Compartir</aside><div role=search>Buscar</div><footer>Aviso</footer></html><p>Fin"
    )
    read = "Acta|Se aprobó el acta.|Firman:|uno|dos|Quién\tCuándo|IMCO\t2018|Fin".split("|")
    assert lines_of(page.encode(), "a.html") == read
    assert lines_of(page.encode().replace(b"article", b"main"), "a.htm") == read[:-1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "mac-roman"])
def test_the_encoding_of_a_text_is_recognized(encoding):
    text = "La representación quedó a cargo del «Núcleo»."
    assert lines_of(text.encode(encoding), "a.txt") == [text]
    assert lines_of(f"<meta charset=utf-8><p>{text}".encode(encoding), "a.html") == [text]


def test_a_form_feed_in_a_text_begins_a_page_and_other_controls_go():
    assert read_document(b"uno\fdos\n\x0btres\f", "a.txt").pages == [
        (1, ["uno"]),
        (2, ["dos", "", "tres"]),
    ]
    assert pasted("uno\r\n\r\ndos\x01").pages == [(0, ["uno", "", "dos"])]


# What cannot be read

LOCKED = pdf(column("Acta"), info="/Filter/Standard/V 1/R 2/O(o)/U(u)/P -4").replace(
    b"/Info", b"/ID[(a)(b)]/Encrypt"
)
NO_LETTERS = with_letters(b"(abab) Tj", {"a": "E061", "b": "E062"})
OLE = b"\xd0\xcf\x11\xe0" + b"\0" * 99
REFUSED = [
    ("a.pdf", pdf([]), "Este PDF es una foto: no trae texto. Transcríbalo o pase un lector"),
    ("a.pdf", LOCKED, "El archivo tiene contraseña: guarde una copia sin ella y súbala"),
    ("a.pdf", NO_LETTERS, "Este PDF no dice qué letras son sus signos. Transcríbalo o pase"),
    ("a.pdf", b"%PDF-1.7\n" + bytes(range(256)), "El archivo está dañado: ábralo en su programa"),
    ("a.pdf", docx(""), "no es un PDF que se pueda leer. Por dentro es un DOCX: cámbiele la"),
    ("a.txt", pdf(column("Acta")), "no es un TXT que se pueda leer. Por dentro es un PDF"),
    ("a.docx", OLE, "Es de un Word antiguo, o tiene contraseña: guárdelo como DOCX, sin ella"),
    ("a.docx", docx("")[:-9], "El archivo está dañado"),
    ("a.docx", docx("<w:p>"), "El archivo está dañado"),
    ("a.docx", docx("<w:p/>"), "El archivo no trae texto: ábralo, copie el texto y péguelo"),
    ("a.odt", odt("", manifest="<encryption-data/>"), "El archivo tiene contraseña"),
    ("a.html", b"<!-- nada -->", "El archivo no trae texto"),
    ("a.doc", OLE, "Se admite un archivo PDF, DOCX, ODT, HTML o TXT. De otro programa, guárdelo"),
    ("a.txt", b"a" * 20_000_001, "Pesa más de 20 MB: suba solo las páginas que cita"),
]


@pytest.mark.parametrize(("name", "content", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_a_file_without_readable_text_is_refused_with_a_way_on(name, content, reason):
    assert reason in refusal(content, name)


def deflated(piece: bytes, times: int) -> bytes:
    way = zlib.compressobj(9)
    return b"".join([*(way.compress(piece) for _ in range(times)), way.flush()])


DEFLATED = "/Filter/FlateDecode"
COSTLY = "necesita más memoria o más tiempo"
LONG = "Es demasiado largo: suba solo la parte"
DEEP = "unos dentro de otros sin fin: copie el texto y péguelo"
PAGES = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 99999/Kids[2 0 R 2 0 R]>>"]
ROW = b"BT /F1 9 Tf (Acta de la asamblea) Tj ET "
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 9}">' for n in range(1, 20))


def xml(declarations: str) -> bytes:
    doctype = f'<!DOCTYPE a [<!ENTITY a0 "ja">{declarations}]>'
    return zip_of({"word/document.xml": f"{doctype}<a>&a9;</a>"})


BOMBS: list[tuple[str, Callable[[], bytes], str]] = [
    ("a.pdf", lambda: pdf_of_stream(deflated(b" " * 1_000_000, 400), DEFLATED), COSTLY),
    ("a.pdf", lambda: pdf_of_stream(deflated(ROW * 1000, 400), DEFLATED), COSTLY),
    ("a.pdf", lambda: pdf_of(PAGES), LONG),
    ("a.docx", lambda: docx(paragraphs("x" * 30_000_000)), "Descomprimido es demasiado grande"),
    ("a.docx", lambda: docx(paragraphs(*map(str, range(600_000)))), COSTLY),
    ("a.docx", lambda: docx("<w:p>" * 9000 + "".join(map(str, range(40_000)))), DEEP),
    ("a.docx", lambda: xml(LAUGHS), DEEP),
    ("a.docx", lambda: xml('<!ENTITY a9 "ja">'), "Contiene entidades XML"),
    ("a.docx", lambda: xml('<!ENTITY a9 SYSTEM "file:///etc/passwd">'), "Contiene entidades XML"),
    ("a.html", lambda: b"<div>" * 1_000_000, DEEP),
    ("a.html", lambda: b"<p>Acta" * 2_800_000, COSTLY),
    ("a.txt", lambda: b"Acta\n" * 3_900_000, LONG),
]


@pytest.mark.parametrize(("name", "bomb", "reason"), BOMBS)
def test_a_bomb_is_refused_soon_and_within_the_memory_of_the_child(name, bomb, reason):
    content = bomb()
    started = time.monotonic()
    assert reason in refusal(content, name)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("ending", ["docx", "html", "txt", "pdf"])
def test_long_texts_and_long_lines_are_read(ending):
    longest = 30_000 if ending == "pdf" else 100_000  # PDFium cuts a string at 32,767
    lines = ["x" * longest, *(f"La oración número {n} del acta." for n in range(7000))]
    content = {
        "docx": docx(paragraphs(*lines)),
        "html": "".join(f"<p>{line}" for line in lines).encode(),
        "txt": "\n".join(lines).encode(),
        "pdf": pdf(*(column(*lines[n : n + 12]) for n in range(0, 7001, 12))),
    }[ending]
    document = read_document(content, f"a.{ending}")
    assert [line for page in document.pages for line in page.lines] == lines
    assert len(document.pages) == (584 if ending == "pdf" else 1)
