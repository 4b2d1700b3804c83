"""A source's text taken apart into blocks, sentences and quoted passages, without loss."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dates.text import collapse
from tests.records import TEXT
from texts.passages import Passages, Span

# Sentences with every ending, lists, headings, odd white space.
pieces = st.sampled_from(
    [
        *("Alfa", "beta", "Ñandú", "¿Qué", "¿", "¡", "3er", "Plan", "de", "«", "»", "“", "(", ")"),
        *(".", ". ", "?", "? ", "!", "…", ":", ";", ",", ".» ", "?) "),
        *(" ", "  ", "\n", "\n\n", "\t", "\r\n", "\N{NO-BREAK SPACE}", "\x0b", "\x1c", "\u2028"),
    ]
)
texts = st.one_of(
    st.lists(pieces, max_size=60).map("".join),
    st.lists(
        st.sampled_from(["Uno dos.", "¿Tres?", "Lista:", "Cuatro", "Cinco seis"]), max_size=8
    ).map("\n".join),
    st.text(max_size=80),
)


@st.composite
def quoted(draw: st.DrawFn) -> tuple[Passages, dict[int, tuple[int, int]]]:
    """A text, and quotes anywhere in it: overlapping, nested, the same twice, across blocks."""
    passages = Passages(draw(texts))
    length = len(passages.text)
    borders = st.integers(0, length)
    spans = draw(st.lists(st.tuples(borders, borders), max_size=5)) if length else []
    spans = [(min(span), max(span)) for span in spans if span[0] != span[1]]
    return passages, dict(enumerate(spans, 1))


def texts_at(passages: Passages, spans: list[Span]) -> list[str]:
    return [passages.text[span.start : span.end] for span in spans]


def sentences_of(text: str) -> list[str]:
    passages = Passages(text)
    return texts_at(passages, passages.sentences)


@given(texts)
def test_blocks_and_sentences_joined_give_back_the_text(text):
    passages = Passages(text)
    assert " ".join(texts_at(passages, passages.blocks)) == collapse(text)
    assert " ".join(texts_at(passages, passages.sentences)) == collapse(text)


@given(quoted())
def test_pieces_joined_give_back_the_text(case):
    passages, quotes = case
    marked = passages.marked(quotes)
    assert [block.text for block in marked] == texts_at(passages, passages.blocks)
    assert [block.kind for block in marked] == [block.kind for block in passages.blocks]
    for block in marked:
        sentences = ["".join(piece.text for piece in s.pieces) for s in block.sentences]
        assert " ".join(sentences) == block.text
        assert all(piece.text for s in block.sentences for piece in s.pieces)


@given(quoted())
def test_every_character_is_marked_with_the_passages_that_hold_it_and_no_other(case):
    passages, quotes = case
    position, ends = 0, []
    for block in passages.marked(quotes):
        ends += block.numbers
        for sentence in block.sentences:
            position = passages.text.index(sentence.pieces[0].text, position)
            for piece in sentence.pieces:
                end = position + len(piece.text)
                holding = {n for n, (a, b) in quotes.items() if a < end and b > position}
                assert set(piece.numbers) == holding
                assert set(piece.opens) == {n for n in holding if quotes[n][0] == position}
                position = end
    # A passage is listed once at most, in the block where it ends.
    assert sorted(ends) == sorted(set(ends))
    assert {n for n, (_, end) in quotes.items() if passages.text[end - 1] != " "} <= set(ends)


@given(texts, st.integers(0, 80), st.integers(1, 40))
def test_words_of_the_text_are_found_where_they_stand_and_in_their_sentence(text, start, length):
    passages = Passages(text)
    quote = passages.text[start : start + length]
    places = passages.positions(quote)
    assert all(passages.text.startswith(collapse(quote), place) for place in places)
    if collapse(quote):
        assert start + len(quote) - len(quote.lstrip()) in places
    if quote:
        end = start + len(quote)
        around = passages.sentence_around(start, end)
        assert around.start <= start < end <= around.end
        assert passages.blocks[passages.block_number(start) - 1].start <= start


def test_blocks_are_headings_paragraphs_and_the_items_of_lists():
    passages = Passages(TEXT)
    kinds = [block.kind for block in passages.blocks]
    assert list(zip(kinds, texts_at(passages, passages.blocks), strict=True)) == [
        ("heading", "La Red de Prueba"),
        ("heading", "¿Quiénes forman la Red de Prueba?"),
        (
            "paragraph",
            "En mayo de 2012 se convocó a cuatro organizaciones. "
            "Tres de ellas decidieron sumarse a la Red.",
        ),
        ("paragraph", "Hasta hoy la representación ha estado a cargo de:"),
        ("item", "Alfa"),
        ("item", "Beta"),
        ("heading", "¿Por qué terminó?"),
        ("paragraph", "La Red anunció su salida. No se recibió respuesta alguna."),
    ]


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Uno\nDos\nTres\nCuatro.", 3),
        ("Uno\nDos\nTres\nCuatro\nCinco.", 0),  # rows
        ("El Núcleo decidió\nconcluir su participación.", 0),
        ("Acuerdos\na) Publicar.", 1),
        ("palabra " * 30, 0),
        ("• Publicar el acta", 0),
        ("2,018", 0),
    ],
)
def test_a_heading_is_short_and_stands_alone(text, headings):
    assert [block.kind for block in Passages(text).blocks].count("heading") == headings


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Uno. Dos.", ["Uno.", "Dos."]),
        ("Uno… Dos.", ["Uno…", "Dos."]),
        ("¿Uno? ¡Dos! Tres.", ["¿Uno?", "¡Dos!", "Tres."]),
        ("«Uno.» Dos.", ["«Uno.»", "Dos."]),
        ("(Uno.) «Dos». ¿Tres?", ["(Uno.)", "«Dos».", "¿Tres?"]),
        ("El 3.er Plan de Acción. Ñandú.", ["El 3.er Plan de Acción.", "Ñandú."]),
        ("Más de 300. 20 más.", ["Más de 300.", "20 más."]),
        ("Uno, etc. y dos.", ["Uno, etc. y dos."]),
        ("El art. 5, núm. 3, de la pág. 12. Fin.", ["El art. 5, núm. 3, de la pág. 12.", "Fin."]),
        ("Habló la Dra. Ruiz, p. ej. Ana, de EE. UU. Norte.",
         ["Habló la Dra. Ruiz, p. ej. Ana, de EE. UU. Norte."]),
        ("El C. Á. López Ruiz. El 3er. Plan.", ["El C. Á. López Ruiz.", "El 3er. Plan."]),
        ("Dijo que no. El pleno calló.", ["Dijo que no.", "El pleno calló."]),
        ("1. Uno. 2. Dos.", ["1. Uno.", "2. Dos."]),
        ("Uno.¹ Dos.[2] «Tres».3 Cuatro.", ["Uno.¹", "Dos.[2]", "«Tres».3", "Cuatro."]),
        ("uno dos " * 40, [("uno dos " * 40).strip()]),
        ("Uno", ["Uno"]),
        ("", []),
        (" \n ", []),
        # A list and the words that introduce it are one sentence.
        ("Dos. Se llaman:\nAlfa\nBeta\nFin.", ["Dos.", "Se llaman: Alfa Beta", "Fin."]),
    ],
)  # fmt: skip
def test_a_sentence_ends_where_the_next_one_begins(text, sentences):
    assert sentences_of(text) == sentences


def marked_pieces(text: str, *quotes: str) -> list[tuple]:
    passages, spans = Passages(text), {}
    for number, quote in enumerate(quotes, 1):
        (start,) = passages.positions(quote)
        spans[number] = (start, start + len(quote))
    blocks = passages.marked(spans)
    return [
        tuple(p)[:3] for block in blocks for sentence in block.sentences for p in sentence.pieces
    ]


def test_overlapping_passages_are_split_and_each_is_kept():
    quotes = ("Tres de ellas", "de ellas decidieron", "ellas")
    assert marked_pieces("Tres de ellas decidieron sumarse.", *quotes) == [
        ("Tres ", (1,), (1,)),
        ("de ", (1, 2), (2,)),
        ("ellas", (1, 2, 3), (3,)),
        (" decidieron", (2,), ()),
        (" sumarse.", (), ()),
    ]
    assert marked_pieces("Uno dos tres.", "dos tres", "dos tres") == [
        ("Uno ", (), ()),
        ("dos tres", (1, 2), (1, 2)),
        (".", (), ()),
    ]


def test_a_quote_across_sentences_and_blocks_is_marked_in_each():
    assert marked_pieces("Uno dos. Tres cuatro.\nCinco seis.", "dos. Tres cuatro. Cinco") == [
        ("Uno ", (), ()),
        ("dos.", (1,), (1,)),
        ("Tres cuatro.", (1,), ()),
        ("Cinco", (1,), ()),
        (" seis.", (), ()),
    ]


def test_a_quote_across_a_list_is_marked_in_each_item_and_ends_in_the_last():
    passages = Passages("Son:\nAlfa\nBeta\nGama\nFin.")
    start = passages.text.index("Alfa")
    blocks = passages.marked({7: (start, start + len("Alfa Beta"))})
    marked = [[piece.numbers for s in block.sentences for piece in s.pieces] for block in blocks]
    assert marked == [[()], [(7,)], [(7,)], [()], [()]]
    assert [block.numbers for block in blocks] == [[], [], [7], [], []]
    # The whole list is one sentence, so it is used.
    assert [block.used for block in blocks] == [True, True, True, True, False]


def test_every_place_of_a_quote_is_found_whatever_its_white_space_also_where_they_overlap():
    passages = Passages("Uno  dos\N{NO-BREAK SPACE}tres\n\ncuatro.")
    assert passages.positions("uno dos") == []
    assert passages.positions(" Uno\tdos tres\ncuatro ") == [0]
    assert passages.positions("") == passages.positions(" \n") == []
    assert Passages("ana banana y ana").positions("ana") == [0, 5, 7, 13]
    assert Passages("uno dos uno dos uno").positions("uno dos uno") == [0, 8]


def test_sentences_that_no_quote_touches_are_unused_headings_apart():
    passages = Passages(TEXT)
    start = passages.text.index("decidieron")
    unused = passages.unused([(start, start + 5)])
    assert texts_at(passages, unused) == [
        "En mayo de 2012 se convocó a cuatro organizaciones.",
        "Hasta hoy la representación ha estado a cargo de: Alfa Beta",
        "La Red anunció su salida.",
        "No se recibió respuesta alguna.",
    ]


def test_a_section_is_what_stands_between_its_heading_and_the_next():
    passages = Passages(TEXT)
    assert passages.sections("¿Por  qué terminó?") == [
        ["La Red anunció su salida. No se recibió respuesta alguna."]
    ]
    assert passages.sections("La Red de Prueba") == [[]]
    assert [passages.sections(text) for text in ("Alfa", "¿No está?", "")] == [[], [], []]


def test_marks_of_pages_are_no_headings_and_say_on_which_page_words_are():
    """Of 120 pages and 300 KB, of which a paragraph of each goes on after the mark."""
    lines = [f"[p. {n}]\nsigue el pleno {n}.\n{'Se leyó el acta. ' * 150}\n" for n in range(1, 121)]
    started = time.process_time()
    passages = Passages(
        "Acta\nSe abrió.\n" + "El pleno de ayer\n".join(lines) + "— 15 —\nPágina 3 de 120\n"
    )
    assert len(passages.text) > 300_000
    assert [block.kind for block in passages.blocks].count("heading") == 1
    assert len(passages.sections("Acta")[0]) == len(passages.blocks) - 1
    assert "p. 14" not in passages.text
    for quote, page in (
        ("sigue el pleno 14.", "p. 14"),
        ("El pleno de ayer sigue el pleno 14.", "pp. 13-14"),
        ("sigue el pleno 120.", "p. 120"),
        ("Acta Se abrió.", ""),
    ):
        (start,) = passages.positions(quote)
        assert passages.locator(start, start + len(quote)) == page
    marked = passages.marked({n: (n * 2400, n * 2400 + 20) for n in range(1, 120)})
    pieces = [
        piece for block in marked for sentence in block.sentences for piece in sentence.pieces
    ]
    assert [p.place for p in pieces if p.place] == [f"p. {n}" for n in range(1, 121)]
    assert time.process_time() - started < 3


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[p. 2]\nUno dos.", "p. 2"),
        ("[Página 2]\nUno dos.", "p. 2"),
        ("Antes.\n— 1 —\nUno dos.\n— 2 —", "p. 2"),  # at the foot of pages
        ("— 1 —\nAntes.\n- 2 -\nUno dos.", "p. 2"),  # at their head
        ("Página 2 de 120\nUno dos.", "p. 2"),
        ("Page 2 of 120\nUno dos.", "p. 2"),
        ("Antes.\nPágina 1 de 2\nUno dos.\nPÁGINA 2 DE 2\nFin.", "p. 2"),
        ("Antes.\n[12:31]\nUno dos.\n[12:40]\nFin.", "12:31"),
        ("Antes.\n1:02:03\nUno dos.", "1:02:03"),
        ("[p. 2]\nUno dos.\n— 17 —\nTres.", "p. 2"),
        ("Antes.\nPágina 1 de 2\nUno dos.", ""),
        ("2016\nUno dos.", ""),
        ("La página 2 es otra.\nUno dos.", ""),
    ],
)
def test_the_mark_of_a_page_or_time_is_the_place_of_the_words(text, place):
    passages = Passages(text)
    (start,) = passages.positions("Uno dos.")
    assert passages.locator(start, start + 8) == place


def test_english_has_its_own_quotes_and_titles():
    text = "“We met Mr. Smith of the U.S. Senate.” He said ‘no’. 'Then we left.'"
    assert sentences_of(text) == [
        "“We met Mr. Smith of the U.S. Senate.”",
        "He said ‘no’.",
        "'Then we left.'",
    ]
    assert Passages('He said "no."').blocks[0].kind == "paragraph"
