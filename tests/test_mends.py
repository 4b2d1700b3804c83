"""The lines of a file as the text of a source: each mend is named, counted, and can be undone."""

import textwrap
from itertools import chain
from pathlib import Path
from random import Random
from time import process_time

import pytest

from dates.text import collapse
from tests.documents import column, pdf
from tests.records import TEXT
from texts.files import Document, Page, pasted, read_document
from texts.mends import Mended, mend
from texts.passages import Passages
from tools.invented_text import PLACES, Prose, names

TESTS = Path(__file__).parent
FIRST = (TESTS.parent / "fixtures/nucleo-de-sociedad-civil.txt").read_text("utf-8")
COMMUNIQUE = (TESTS / "communique/comunicado.txt").read_text("utf-8")
CHANCE = Random(16)  # noqa: S311, no secret
PROSE = Prose(CHANCE, [name for name, _short in names(CHANCE, 30)])


def sentences(text: str) -> list[str]:
    passages = Passages(text)
    return [passages.text[span.start : span.end] for span in passages.sentences]


def lines_of(text: str) -> list[str]:
    return [collapse(line) for line in text.splitlines() if line.strip()]


def mended(*lines: str, **choices: bool) -> str:
    return mend(pasted("\n".join(lines)), (), choices).text


def pages(*pages: str) -> Document:
    numbered = enumerate(pages, 1)
    return Document([Page(n, text.splitlines()) for n, text in numbered], True, "", "", [])


def counts(document: Mended) -> dict[str, int]:
    kinds = [mend.kind for mend in document.mends]
    return {kind: kinds.count(kind) for kind in kinds}


def wrapped(text: str, width: int, between: str = "\n") -> str:
    paragraphs = filter(str.strip, text.splitlines())
    return between.join(textwrap.fill(line, width, break_on_hyphens=False) for line in paragraphs)


# Paragraphs


@pytest.mark.parametrize("ending", ["pdf", "docx", "html", "txt"])
def test_each_file_of_the_communique_gives_the_sentences_of_its_text(ending):
    name = f"comunicado.{ending}"
    document = read_document((TESTS / "communique" / name).read_bytes(), name)
    text = mend(document).text
    assert sentences(text) == sentences(COMMUNIQUE)
    assert [line for line in text.splitlines() if not line.startswith("[p. ")] == [
        line for line in COMMUNIQUE.splitlines() if line
    ]


@pytest.mark.parametrize("between", ["\n", "\n\n"])
@pytest.mark.parametrize("width", [40, 60, 72, 95])
@pytest.mark.parametrize("text", [FIRST, COMMUNIQUE], ids=["first", "communique"])
def test_a_text_wrapped_hard_gives_the_sentences_that_it_had(text, width, between):
    again = mend(pasted(wrapped(text, width, between)))
    assert sentences(again.text) == sentences(text)
    if between == "\n\n":
        assert again.text.splitlines() == lines_of(text)


@pytest.mark.parametrize("text", [FIRST, COMMUNIQUE, TEXT])
def test_a_text_whose_lines_are_paragraphs_stays_as_it_is(text):
    document = mend(pasted(text))
    assert document.text.splitlines() == lines_of(text)
    assert document.mends == []


def set_in_points(paragraph: str, width: float) -> list[str]:
    """The lines of a paragraph in the widths of Times."""
    lines, left = [[]], width
    for word in paragraph.split():
        size = sum(0.28 if c in "iljtfr.,;:" else 0.7 if c.isupper() else 0.47 for c in word)
        if size > left and lines[-1]:
            lines.append([])
            left = width
        lines[-1].append(word)
        left -= size + 0.25
    return [" ".join(line) for line in lines]


def test_a_pdf_of_100_pages_gives_the_paragraphs_that_went_in():
    paragraphs = [PROSE.sentences(1, 7) for _ in range(1000)]
    for n in range(0, 1000, 9):
        paragraphs[n] = PROSE.fill("Acuerdo sobre {tema}")
    lines = list(chain.from_iterable(["", *set_in_points(p, 36)] for p in paragraphs))
    bodies = [lines[len(lines) * n // 100 : len(lines) * (n + 1) // 100] for n in range(100)]
    content = pdf(
        *(
            [*column("Memoria de la Red", *body, leading=11), (50, 40, f"Página {n} de 100")]
            for n, body in enumerate(bodies, 1)
        )
    )
    document = mend(read_document(content, "memoria.pdf"))
    assert counts(document)["headers"] == counts(document)["pages"] == 100
    passages = Passages(document.text)
    blocks = [passages.text[block.start : block.end] for block in passages.blocks]
    # A sentence that ends with its page ends the block.
    assert len(set(paragraphs) - set(blocks)) < 10
    assert sentences(document.text) == sentences("\n".join(paragraphs))
    assert mend(pasted(document.text)).text == document.text


LINES = (
    "El Núcleo de la Sociedad Civil de la Alianza para el",
    "Gobierno Abierto informa a la opinión pública sobre los",
    "cambios recientes en su integración.",
)
"""Three lines that tell the width of a column."""


@pytest.mark.parametrize(
    "lines",
    [
        ("Se acordó:", "Alfa", "Beta", "Gamma"),
        ("Se acordó:", "- publicar el acta;", "- invitar a las", "organizaciones."),
        ("1. Publicar el acta", "2. Invitar a todas"),
        ("Con diez cañones por banda,", "viento en popa, a toda vela,",
         "no corta el mar, sino vuela", "un velero bergantín."),
        ("Acuerdos", "Se publica el acta."),
        ("¿Por qué terminó?", "La Red anunció su salida."),
        ("IMCO 2018 300", "Fundar 2019 1,200"),
        ("Introducción ........ 3", "los acuerdos ........ 14"),
    ],
)  # fmt: skip
def test_lists_verses_headings_and_rows_stay_lines(lines):
    text = mended(*LINES, *lines, *LINES)
    assert text.splitlines()[1:-1] == list(lines)


@pytest.mark.parametrize(
    ("lines", "paragraphs"),
    [
        (("Comunicado sobre la integración y su", "representación", *LINES),
         ["Comunicado sobre la integración y su representación", " ".join(LINES)]),
        (("¿Por qué el Núcleo concluyó su participación en el", "Secretariado?", *LINES),
         ["¿Por qué el Núcleo concluyó su participación en el Secretariado?", " ".join(LINES)]),
        ((*LINES[:2], "cambios que el Núcleo había propuesto, según el Dr.", "Ruiz.",),
         [" ".join(LINES[:2]) + " cambios que el Núcleo había propuesto, según el Dr. Ruiz."]),
        ((*LINES, "  " + LINES[0], *LINES[1:]), [" ".join(LINES)] * 2),
        (tuple(chain(*((line, "") for line in LINES))), [" ".join(LINES)]),  # double spaced
    ],
)  # fmt: skip
def test_a_line_goes_on_where_its_phrase_does(lines, paragraphs):
    assert mended(*lines).splitlines() == paragraphs


# Hyphens


@pytest.mark.parametrize(
    ("left", "right", "kind", "text"),
    [
        ("de incor-", "poración", "hyphens", "de incorporación"),
        ("de inte-", "gración", "hyphens", "de integración"),
        ("del cola\u00ad", "borador", "hyphens", "del colaborador"),
        ("del cola\u2010", "borador", "hyphens", "del colaborador"),
        ("franco-", "mexicano", "doubtful", "franco-mexicano"),
        ("de co-", "creación", "doubtful", "de co-creación"),
        ("de 2013-", "2015", "lines", "de 2013-2015"),
        ("de México-", "Centroamérica", "lines", "de México-Centroamérica"),
        ("pre-", "y posconsulta", "lines", "pre- y posconsulta"),
    ],
)
def test_a_hyphen_is_undone_if_the_word_is_known(left, right, kind, text):
    first = "El Núcleo de la Sociedad Civil informa sobre acciones "
    lines = (*LINES, first + left, right + " en los próximos meses.")
    document = mend(pasted("\n".join(lines)), {"incorporacion"})
    found = document.mends[-1]
    assert (found.kind, found.is_applied) == (kind, kind != "doubtful")
    assert document.text.splitlines()[1] == f"{first}{text} en los próximos meses."
    other = mend(pasted("\n".join(lines)), {"incorporacion"}, {found.key: not found.is_applied})
    whole = (left + right).replace("\u00ad", "\u2010")
    undone = {"hyphens": whole, "doubtful": (left[:-1] + right)}.get(kind, f"{left}\n{right}")
    assert f"{first}{undone} en" in other.text


# Pages and signs

REPORT = pages(
    *(
        f"Memoria de la Red\n{n} de 5\nEn la sesión {n} se leyó el acta de la sesión {n - 1} y se\n"
        f"acordó publicar el informe {n} de la Secre-\ntaría de {place}.\n\nArtículo {n * n}\n"
        for n, place in enumerate(PLACES[:5], 1)
    )
)


def test_what_repeats_at_the_edges_of_pages_is_taken_out_and_pages_are_marked():
    document = mend(REPORT, {"secretaria"})
    assert document.text.splitlines()[3:6] == [
        "[p. 2]",
        "En la sesión 2 se leyó el acta de la sesión 1 y se acordó publicar el informe 2 de la "
        f"Secretaría de {PLACES[1]}.",
        "Artículo 4",
    ]
    assert counts(document) == {"headers": 5, "pages": 5, "lines": 5, "hyphens": 5}
    assert document.blocks[0][0] == ("[p. 1]", None)
    assert [m.before for _text, m in document.blocks[0][1:] if m] == ["Memoria de la Red", "1 de 5"]


def test_a_paragraph_goes_on_in_the_next_page():
    for end, start in (
        ("se publicó el acta de la Secre-", "taría de la Red."),
        ("se publicó el acta de la", "Secretaría de la Red."),
        ("se publicó el acta", "de la Secretaría de la Red."),
    ):
        last = f"cambios que decidió en abril; por eso {end}"
        text = mend(pages("\n".join([*LINES[:2], last]), start), {"secretaria"}).text
        assert sentences(text)[-1].endswith("se publicó el acta de la Secretaría de la Red.")
        assert "\n[p. 2]\n" in text


def test_notes_that_interrupt_a_paragraph_stand_before_it():
    body = (*LINES, "", "En abril se publicó el acta de la sesión en la que")
    notes = ("1 Véase el informe de 2017, que se publicó", "en el sitio.", "", "2 Ídem.")
    report = pages("\n".join((*body, "", *notes)), "se leyó el informe.")
    joined = "1 Véase el informe de 2017, que se publicó en el sitio."
    assert mend(report).text.splitlines()[2:] == [
        joined,
        "2 Ídem.",
        body[-1],
        "[p. 2]",
        "se leyó el informe.",
    ]
    undone = mend(report, (), {"notes": False}).text.splitlines()
    assert undone[2:5] == [body[-1], joined, "2 Ídem."]
    ended = pages("\n".join((*body[:3], "", *notes)), "En abril se leyó.")
    assert "notes" not in counts(mend(ended))


@pytest.mark.parametrize(
    ("line", "text", "signs"),
    [
        ("la \ufb01rma del o\ufb03cio", "la firma del officio", {"\ufb01": "fi", "\ufb03": "ffi"}),
        ("cola\u00adbo\u00adración", "colaboración", {"\u00ad": ""}),
        ("\ufeffla\u200b mesa", "la mesa", {"\ufeff": "", "\u200b": ""}),
        ("la accio\u0301n", "la acción", {"o\u0301": "ó"}),
        ("la \u200emesa\u202c", "la mesa", {"\u200e": "", "\u202c": ""}),
        ("قرار \u200f12-2018", "قرار \u200f12-2018", {}),
        ("می\u200cخواهم", "می\u200cخواهم", {}),
        ("la 👩\u200d🌾", "la 👩\u200d🌾", {}),
    ],
)
def test_signs_without_words_are_mended(line, text, signs):
    document = mend(Document([Page(0, [line])], False, "", "", []))
    assert document.text == text
    assert {mend.before: mend.after for mend in document.mends} == signs
    choices = dict.fromkeys((mend.key for mend in document.mends), False)
    assert mend(Document([Page(0, [line])], False, "", "", []), (), choices).text == line


# Choices


def test_each_mend_is_undone_alone_and_by_kind_and_says_so():
    document = mend(REPORT)
    for chosen in (document.mends[n] for n in (0, 1, 2, 3)):
        again = mend(REPORT, (), {chosen.key: not chosen.is_applied})
        changed = [m for m, n in zip(again.mends, document.mends, strict=True) if m != n]
        assert changed == [chosen._replace(is_applied=not chosen.is_applied)]
        assert again.text != document.text
    for kind in counts(document):
        again = mend(REPORT, (), {kind: False})
        assert {m.kind for m in again.mends if not m.is_applied} == {kind, "doubtful"}
        assert [m[:4] for m in again.mends] == [m[:4] for m in document.mends]


def test_the_blocks_are_the_lines_of_the_text_with_their_mends():
    document = mend(REPORT)
    blocks = ["".join(text for text, _mend in block) for block in document.blocks]
    assert blocks == document.text.split("\n")
    shown = {m.number: text for block in document.blocks for text, m in block if m}
    assert list(shown) == [m.number for m in document.mends]
    assert shown[3] == document.mends[2].after == "se acordó"


# Bad input


@pytest.mark.parametrize(
    "text",
    [
        "palabra " * 12_500,
        "palabra, " * 12_500,
        "Dr. A. " * 15_000,
        "a.\n" * 30_000,
        "a\n\n" * 30_000,
        "El acta-\n" * 30_000,
        "1 " * 150_000,
        "· a " * 75_000,
        "e\u0301" * 100_000,
        "de la\n" * 30_000,
        "x" * 100_000,
        "",
        "\n \n",
    ],
    ids=range(13),
)
def test_the_time_of_an_odd_text_is_linear(text):
    began = process_time()
    once = mend(pasted(text)).text
    Passages(once)
    assert process_time() - began < 2
    assert mend(pasted(once)).text == once
