"""A quote is found in its source though it is written otherwise, and becomes the words of the
source."""

import re
import time
from typing import Any
from unicodedata import normalize

import pytest
import yaml
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from dates.text import collapse
from sources.models import Citation, Source
from tests.records import TEXT, citation, event, source
from tests.sheets import csv_of, dry_run
from tests.staff import address_of, quote, save
from tests.test_files import COMMUNIQUE
from texts.alignment import style_differences
from texts.files import read_document
from texts.passages import Passages

BROKEN = "Ayer acordaron la aten\u00ad\u2010\nción plena a «todas», de 2013-\n2015. Y así fue."


def found(text: str, words: str) -> list[str]:
    """The words of the text at the places of a quote."""
    passages = Passages(text)
    return [passages.text[slice(*span)] for span in passages.spans(words)]


def nearest(text: str, words: str) -> str:
    passages = Passages(text)
    return passages.text[slice(*(passages.nearest(words) or (0, 0)))]


# What no reader sees


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (BROKEN, "acordaron la atención plena a"),
        ("la atención plena", "la aten-\nción plena"),
        ("el pacto franco-mexicano de", "pacto franco-\nmexicano de"),
        ("el pacto franco\u2011mexicano de", "pacto franco-mexicano de"),
        ("años 2013-\n2015 y más", "años 2013-2015 y"),
        ("el COVID-19 llegó", "el COVID-\n19 llegó"),
        ("La decisión unánime", normalize("NFD", "La decisión unánime")),
        (normalize("NFD", "La decisión unánime"), "La decisión unánime"),
        ("La o\ufb01cina \ufb02uye", "oficina fluye"),
        ("uno\u200bdos\u2060 \u202btres\u202c y", "uno\u00addos tres\ufeff y"),
        ("uno \u200b dos", "uno dos"),
        ("uno\N{NO-BREAK SPACE}dos\u2009tres", "uno\u202fdos\u3000tres"),
    ],
)
def test_a_quote_matches_over_what_no_reader_sees_in_silence(text, written):
    (words,) = found(text, written)
    assert words in collapse(text)
    assert style_differences(written, words) == ""


letters = st.sampled_from(["acta", "pleno", "unión", "años", "2015", "sí", "la", "o\ufb01cio"])
noise = st.sampled_from(["", "", "\u00ad", "\u200b", "\u2060", "\u200f", "-\n", "\u00ad\u2010\n"])
spaces = st.sampled_from([" ", "  ", "\n", "\u00a0", "\u200b \u2009"])


@st.composite
def written_twice(draw: st.DrawFn) -> tuple[list[str], str, str]:
    """Words, and two writings of them that differ in what no reader sees."""

    def write(words: list[str]) -> str:
        parts = []
        for word in words:
            cut = 2 if word.isalpha() else 0
            parts += [word[:cut], draw(noise) if cut and word[cut:] else "", word[cut:]]
            parts.append(draw(spaces))
        return "".join(parts)

    words = draw(st.lists(letters, min_size=2, max_size=9))
    return words, write(words), write(words)


def letters_of(text: str) -> str:
    return re.sub(r"[\W_]", "", normalize("NFKC", text))


@given(written_twice())
def test_every_writing_of_the_same_words_is_found_as_the_words_of_the_text(case):
    words, text, written = case
    (place,) = found(f"Antes. {text}. Después.", written)
    assert letters_of(place) == letters_of("".join(words))
    assert place in collapse(text)


def strings_in(value: Any) -> list[str]:
    values = value.values() if isinstance(value, dict) else value
    return [value] if isinstance(value, str) else [s for each in values for s in strings_in(each)]


def test_the_quotes_of_a_communique_copied_from_each_file_match_in_each_other():
    """As their programs hold them: with line ends, hyphens, and running headers."""
    raw = {}
    for path in COMMUNIQUE.glob("comunicado.*"):
        document = read_document(path.read_bytes(), path.name)
        raw[path.suffix] = "\n".join(line for page in document.pages for line in page.lines)
    records = yaml.safe_load((COMMUNIQUE / "records.yaml").read_text("utf-8"))
    quotes = [q for kind in records.keys() - {"source"} for q in strings_in(records[kind])]
    assert (len(raw), len(quotes)) == (4, 23)
    matched = 0
    for written in quotes:
        copied = r"[\W_]*".join(letters_of(written))
        for mine in raw.values():
            (copy,) = re.findall(copied, mine)
            for text in raw.values():
                (words,) = found(text, copy)
                matched += letters_of(words) == letters_of(written)
                assert style_differences(copy, words) == ""
    assert matched == 23 * 4 * 4


# Signs of style


@pytest.mark.parametrize(
    ("text", "written", "difference"),
    [
        ("El «Plan de “acción”» fue", "El \"Plan de 'acción'\" fue", "comillas"),
        ("Dijo —claro— que", "Dijo - claro - que", "guiones o rayas"),
        ("de 2013–2015 en", "de 2013-2015 en", "guiones o rayas"),
        ("Y entonces… nada", "Y entonces... nada", "puntos suspensivos"),
        ("el 3.er Plan y el 1.º de m²", "el 3er Plan y el 1o de m2", "ordinales o voladitas"),
        ("LA RED CÍVICA anunció", "La Red Cívica anunció", "mayúsculas"),
        ("«Fin»… Y NADA", '"Fin"... y nada', "comillas, puntos suspensivos y mayúsculas"),
        ("El «Plan» de aten-\nción", 'El "Plan" de atención', "comillas"),
    ],
)
def test_a_quote_of_another_style_matches_and_what_differs_is_said(text, written, difference):
    (words,) = found(text, written)
    assert words in collapse(text)
    assert style_differences(written, words) == difference


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("El espacio público es", "El espacio publico es"),
        ("La sesión - cerrada", "La sesión cerrada"),
        ("de 2013-2015 en", "de 20132015 en"),
        ("baja de −5 puntos", "baja de 5 puntos"),
        ("Se aprobó, y fue", "Se aprobó y fue"),
        (BROKEN, "\u200b"),
    ],
)
def test_other_letters_and_other_signs_are_other_words(text, written):
    assert found(text, written) == []


def test_the_same_words_are_found_before_those_that_are_only_alike():
    text = "La Red Cívica. La red cívica. LA RED CÍVICA."
    assert found(text, "La red cívica") == ["La red cívica"]
    assert len(found(text, "la Red cívica")) == 3


# The most similar words


@pytest.mark.parametrize(
    ("text", "written", "words"),
    [
        (TEXT, "TRES DE ELLAS DECIDIÉRON", "Tres de ellas decidieron"),
        (TEXT, "la representacion ha estado", "la representación ha estado"),
        (TEXT, "cuatro de ellas decidieron sumarse", "Tres de ellas decidieron sumarse"),
        (TEXT, "«Tres de ellas se sumaron»", "Tres de ellas decidieron sumarse"),
        (BROKEN, "acordaron la atencion plena", "acordaron la aten\u00ad\u2010 ción plena"),
        (BROKEN, "acordaron la aten ción plena", "acordaron la aten\u00ad\u2010 ción plena"),
        (BROKEN, "ción plena á", "aten\u00ad\u2010 ción plena a"),
        (BROKEN, "plena a todas de 2015", "plena a «todas», de 2013- 2015"),
        (BROKEN, "xyz", ""),
        (BROKEN, "¿?", ""),
        ("", "dos palabras", ""),
    ],
)
def test_the_most_similar_words_are_aligned_by_letters(text, written, words):
    assert nearest(text, written) == words


@given(st.data())
def test_the_most_similar_words_are_never_fewer_nor_half_ones(data):
    words = collapse(re.sub(r"[^\w\s]", "", TEXT)).split()
    first = data.draw(st.integers(0, len(words) - 4))
    wrong = words[first : first + data.draw(st.integers(4, 12))]
    place = data.draw(st.integers(0, len(wrong) - 1))
    wrong[place] = data.draw(st.sampled_from(["", "otra", "dos cosas", wrong[place] + "s"]))
    text = TEXT.replace("representación", "represen\u00ad\ntación").replace("sumarse", "su-\nmarse")
    offered = re.sub("\u00ad |- |[^\\w\\s]", "", nearest(text, " ".join(wrong)))
    assert f" {offered} " in f" {' '.join(words)} "
    assert len(offered.split()) >= len(" ".join(wrong).split())


odd = st.text(st.sampled_from("aáAb1 .-—«»…\u00ad\u200b\u2010\ufb03º°\u338fİ\u0301\n"), max_size=25)


@given(odd, odd)
def test_any_words_are_looked_for_in_any_text_and_are_words_of_it(text, written):
    passages = Passages(text)
    for start, end in filter(None, (*passages.spans(written), passages.nearest(written))):
        words = passages.text[start:end]
        assert words
        assert words == collapse(words)
        assert passages.unique(start, end) in passages.text
    assert nearest("5 \N{SQUARE KG}", "kg") == "\N{SQUARE KG}"
    assert found("La o\ufb03cina", "La of") == ["La o\ufb03"]


def test_words_that_stand_twice_are_offered_with_whole_words_after_them():
    passages = Passages("Dijo a la Red y a la Re\u00ad\u2010\nforma. Fin.")
    offers = [passages.unique(*span) for span in passages.spans("a la Re")]
    assert offers == ["a la Red", "a la Re\u00ad\u2010 forma."]
    assert Passages("la Red y la Red").unique(9, 12) == ""


def test_a_quote_of_5000_letters_is_found_in_300_kb_in_time():
    """And its most similar words, in texts that no word tells apart too."""
    minutes = "".join(f"El {n}.º punto «{n}» se a\u00ad\nprobó en sesión.\n" for n in range(8000))
    for text in (minutes, "de la " * 50_000):
        passages, written = Passages(text), Passages(text).text[100_000:104_900].upper()
        began = time.process_time()
        passages.spans(written.replace("«", '"'))
        passages.nearest(written.replace("SESIÓN", "JUNTA"))
        passages.unique(100_000, 104_900)
        assert time.process_time() - began < 3


# In the forms and in imports


@pytest.fixture
def broken(db: None) -> Source:
    return source(title="El acta", slug="acta", text=BROKEN)


def test_the_form_stores_the_words_of_the_source_and_says_what_differed(
    admin: Any, reader: Any, broken: Source
) -> None:
    record, written = event(publish_at=None), 'la atención plena a "todas"'
    asked = {"fuente": broken.pk, "texto": written}
    reading = " ".join(reader.get(reverse("admin:read_quote"), asked).text.split())
    assert "Solo difiere en comillas: se guardan las palabras de la fuente" in reading
    typed = quote(record, exact=written, source=broken.pk)
    assert save(admin, address_of("change", record), **typed).status_code == 302
    quoted = record.citations.get()
    assert quoted.exact == "la aten\u00ad\u2010 ción plena a «todas»"
    said = "Cita 1: solo difería en comillas. Se guardaron las palabras de la fuente."
    assert said in admin.get(reverse("admin:index")).text
    assert save(admin, address_of("change", quoted), exact="LA ATENCIÓN PLENA").status_code == 302
    quoted.refresh_from_db()
    assert quoted.exact == "la aten\u00ad\u2010 ción plena"
    assert "solo difería en mayúsculas" in admin.get(reverse("admin:index")).text
    save(admin, address_of("change", quoted), exact="la atención plena")
    assert "solo difería" not in admin.get(reverse("admin:index")).text


def test_one_word_that_a_hyphen_divides_is_one_word(broken):
    with pytest.raises(Exception, match="Una sola palabra no prueba nada"):
        citation(event(), "atención", source=broken)


def test_an_import_warns_of_other_style_and_of_words_that_a_new_text_changes(broken):
    event(slug="uno")
    header = "identificador,fuente,palabras_exactas,acontecimiento"
    rows = ("a,acta,la atención plena,uno", "b,acta,LA ATENCIÓN PLENA,uno")
    (warning,) = dry_run("citas", csv_of(header, *rows)).warnings
    assert (warning.row, warning.column) == (3, "palabras_exactas")
    assert warning.problem == "Solo difiere en mayúsculas: se guardan las palabras de la fuente."
    citation(event(), "la atención plena", source=broken)
    text = csv_of("identificador,texto", "acta,Ayer acordaron la atención plena.")
    (warning,) = dry_run("fuentes", text).warnings
    assert (warning.row, warning.column) == (2, "texto")
    assert warning.problem == "Con este texto, esa cita dirá «la atención plena»."


def test_the_citations_of_a_long_text_are_moved_in_time(db):
    """1,000 citations of 300 KB."""
    text = "".join(f"El punto {n} de la sesión, «tal» como es, se aprobó.\n" for n in range(6000))
    long, citations = source(text=text), []
    fields = {"source": long, "event": event()}
    for n in range(0, 6000, 6):
        fields |= {"slug": f"c{n}", "number": n, "exact": f"punto {n} de la sesión, «tal»"}
        citations.append(Citation(position=text.index(fields["exact"]), **fields))
    Citation.objects.bulk_create(citations)
    long.text = re.sub("«tal»", '"tal"', text.replace("sesión", "se-\nsión"))
    began = time.process_time()
    long.full_clean()
    long.save()
    assert time.process_time() - began < 10
    assert len(long.moved) == 1000
    assert long.citations.filter(exact__contains='se- sión, "tal"').count() == 1000
