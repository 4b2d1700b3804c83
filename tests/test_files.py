"""The text of a file, as its format has it, read in a child process; or why it cannot be read."""

from pathlib import Path

import pytest

from record.confined import UnreadableFile
from tests.documents import column, docx, odt, paragraphs, pdf
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


# DOCX and ODT


def test_the_accepted_text_of_a_docx_is_read_without_its_comments():
    changed = (
        "<w:p><w:r><w:t>Se </w:t></w:r><w:ins><w:r><w:t>aprobó</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>rechazó</w:delText></w:r></w:del>"
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
    declared = "<meta charset=iso-8859-2><p>Łódź"
    assert lines_of(declared.encode("iso-8859-2"), "a.html") == ["Łódź"]


def test_a_form_feed_in_a_text_begins_a_page_and_other_controls_go():
    assert read_document(b"uno\fdos\n\x0btres\f", "a.txt").pages == [
        (1, ["uno"]),
        (2, ["dos", "", "tres"]),
    ]
    assert pasted("uno\r\n\r\ndos\x01").pages == [(0, ["uno", "", "dos"])]
