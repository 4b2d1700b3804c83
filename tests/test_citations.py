"""A citation stands in one place of its source and follows its words when the text is corrected."""

import hashlib
from copy import copy

import pytest
from django.core.exceptions import ValidationError

from sources.models import Citation, Source, with_citations
from tests.records import (
    TEXT,
    citation,
    copy_of,
    event,
    membership,
    organization,
    refusals,
    source,
    statement,
    term,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def text() -> Source:
    return source(title="Página de prueba")


def words(cited: Source) -> list[tuple[int, str]]:
    return list(cited.citations.order_by("number", "pk").values_list("number", "exact"))


# Where a quote stands


@pytest.mark.parametrize(
    ("exact", "prefix", "suffix"),
    [
        ("decidieron sumarse", "Tres de ellas ", " a la Red."),
        ("Tres de ellas", "", " decidieron sumarse a la Red."),
        ("a la Red.", "Tres de ellas decidieron sumarse ", ""),
        ("organizaciones. Tres", "En mayo de 2012 se convocó a cuatro ",
         " de ellas decidieron sumarse a la Red."),
        ("Alfa Beta", "Hasta hoy la representación ha estado a cargo de: ", ""),
        ("¿Por qué terminó? La Red", "", " anunció su salida."),
    ],
)  # fmt: skip
def test_a_quote_is_located_and_its_sentence_completed(text, exact, prefix, suffix):
    one = citation(event(), exact, source=text)
    assert (one.prefix, one.exact, one.suffix) == (prefix, exact, suffix)
    start = one.position
    assert text.passages.text[start : start + len(exact)] == exact
    assert prefix + exact + suffix in text.passages.text


def test_white_space_in_a_quote_is_folded(text):
    one = citation(event(), "  Tres\tde\nellas\N{NO-BREAK SPACE}decidieron ", source=text)
    assert one.exact == "Tres de ellas decidieron"
    other = copy_of(one, exact=" Tres  de ellas ")
    assert refusals(other) == {}
    assert other.exact == "Tres de ellas"


@pytest.mark.parametrize(
    ("exact", "told"),
    [
        ("decidieron no sumarse", "No está en la fuente «Página de prueba»"),
        ("decidieron no sumarse", "Lo más parecido que dice: «decidieron sumarse a»."),
        ("Decidieron sumarse", "No está en la fuente"),
        ("decidieron sumarse\0", "nulo"),
        ("la Red", "Está 2 veces en la fuente; una cita señala un solo lugar."),
        ("la Red", "Agregue palabras hasta que solo quede una."),
        ("decidieron", "Una sola palabra no prueba nada"),
        ("xyz", "No está en la fuente"),
        (" \n ", "No está en la fuente"),
        ("x" * 10_000, "No está en la fuente"),
    ],
)
def test_a_quote_that_does_not_stand_once_in_its_source_is_refused_with_a_reason(text, exact, told):
    record = event()
    one = Citation(source=text, exact=exact, event=record, slug="cita")
    assert told in refusals(one)["exact"][0]
    if "\0" not in exact:
        with pytest.raises(ValidationError, match="exact"):
            one.save()
    assert not Citation.objects.exists()


def test_no_words_are_refused(text):
    assert "exact" in refusals(Citation(source=text, exact="", event=event(), slug="cita"))
    with pytest.raises(ValidationError):
        citation(event(), "", source=text)


def test_a_citation_without_a_source_is_refused_with_a_reason():
    one = Citation(exact="dos palabras", event=event(), slug="cita")
    assert refusals(one).keys() == {"source"}
    one.source_id = 99_999
    assert refusals(one).keys() == {"source"}


def test_words_of_another_source_prove_nothing(text):
    other = source(text="Otra fuente dice otra cosa.")
    assert "exact" in refusals(
        Citation(source=other, exact="decidieron sumarse", event=event(), slug="cita")
    )


# What it supports


@pytest.mark.parametrize(
    ("make", "field", "shown"),
    [
        (event, "start", "inicio"),
        (event, "start_earliest", "inicio: no antes de"),
        (membership, "end_latest", "fin: no después de"),
        (organization, "name", "nombre"),
        (statement, "date", "fecha"),
        (term, "order", "lugar en la rotación"),
        (event, "", ""),
    ],
)
def test_a_citation_names_the_field_that_it_supports(text, make, field, shown):
    one = citation(make(), source=text, field=field)
    assert refusals(one) == {}
    assert one.get_field_display() == shown


def test_a_field_that_the_record_does_not_have_is_refused_with_a_reason(text):
    one = copy_of(citation(event(), source=text), field="website")
    assert refusals(one) == {"field": ["«website» no es un dato de acontecimiento."]}


# Its number and its key


def test_passages_are_numbered_as_they_are_cited(text):
    citation(event(), "anunció su salida", source=text)
    citation(event(), "decidieron sumarse", source=text)
    assert words(text) == [(1, "anunció su salida"), (2, "decidieron sumarse")]


def test_citations_of_the_same_words_share_their_number(text):
    for record in (event(), organization(), membership()):
        citation(record, "anunció su salida", source=text)
        citation(record, "decidieron sumarse", source=text)
    citation(event(), " anunció\nsu salida", source=text)
    assert {number for number, exact in words(text) if "salida" in exact} == {1}
    assert {number for number, exact in words(text) if "sumarse" in exact} == {2}


def test_each_source_numbers_its_own_passages(text):
    other = source()
    citation(event(), source=other)
    one = citation(event(), "anunció su salida", source=text)
    assert one.number == 1


def test_a_number_stays_when_others_come_go_or_are_saved_again(text):
    first, second, third = (
        citation(event(), exact, source=text)
        for exact in ("se convocó", "decidieron sumarse", "anunció su salida")
    )
    for one in (third, second, first):
        one.save()
    first.delete()
    second.save()
    citation(event(), "respuesta alguna", source=text)
    assert words(text) == [
        (2, "decidieron sumarse"),
        (3, "anunció su salida"),
        (4, "respuesta alguna"),
    ]


def test_a_citation_with_new_words_keeps_its_number_unless_others_bear_it(text):
    alone = citation(event(), "se convocó", source=text)
    alone.exact = "En mayo de 2012"
    alone.save()
    assert alone.number == 1
    shared, other = (citation(event(), "decidieron sumarse", source=text) for _ in "ab")
    shared.exact = "anunció su salida"
    shared.save()
    assert (shared.number, other.number) == (3, 2)
    shared.exact = "decidieron sumarse"
    shared.save()
    assert shared.number == 2


def test_a_citation_gets_a_slug_from_its_record(text):
    record = event(slug="salida")
    assert [citation(record, source=text).slug for _ in "ab"] == [
        "salida-event-1",
        "salida-event-2",
    ]
    Citation.objects.get(slug="salida-event-1").delete()
    assert citation(record, source=text).slug == "salida-event-1"


def test_a_citation_of_a_record_with_the_longest_slug_gets_one_that_fits(text):
    record = term(slug="x" * 120)
    for _ in range(11):
        one = citation(record, source=text)
        assert len(one.slug) <= 120
    assert refusals(one) == {}


# Correcting the source


CORRECTED = "Aviso previo.\n\n" + TEXT.replace("decidieron sumarse", "decidieron  unirse")


def test_quotes_that_a_text_would_break_are_named_with_what_it_says_instead(text):
    citation(event(), "de ellas decidieron sumarse", source=text)
    citation(event(), "de ellas decidieron sumarse", source=text)
    citation(event(), "anunció su salida", source=text)
    assert text.quotes_broken_by(text.text) == {}
    assert text.quotes_broken_by(CORRECTED) == {
        "de ellas decidieron sumarse": "de ellas decidieron unirse"
    }
    assert text.quotes_broken_by(f"{TEXT} La Red anunció su salida.") == {
        "anunció su salida": "anunció su salida."
    }
    assert set(text.quotes_broken_by("")) == {"de ellas decidieron sumarse", "anunció su salida"}
    assert Source(text="x").quotes_broken_by("y") == {}


def test_a_text_that_breaks_citations_is_refused_with_the_words_named(text):
    citation(event(), "decidieron sumarse", source=text)
    text.text = CORRECTED
    assert refusals(text) == {
        "text": ["Con este texto se romperían las citas de estas palabras: «decidieron sumarse»."]
    }


def test_a_text_that_breaks_citations_is_not_saved_and_nothing_else_is(text):
    citation(event(), "anunció su salida", source=text)
    citation(event(), "decidieron sumarse", source=text)
    before = list(Citation.objects.order_by("pk").values())
    text.title, text.text = "Otro título", CORRECTED
    with pytest.raises(ValidationError):
        text.save()
    text.refresh_from_db()
    assert (text.title, text.text) == ("Página de prueba", TEXT)
    assert list(Citation.objects.order_by("pk").values()) == before


def test_citations_move_with_their_words_when_the_text_before_them_changes(text):
    one = citation(event(), "anunció su salida", source=text)
    text.text = "Aviso previo.\n\n" + TEXT.replace("su salida.", "su salida del Secretariado.")
    assert refusals(text) == {}
    text.save()
    before, position = one.number, one.position
    one.refresh_from_db()
    assert one.position == position + len("Aviso previo. ")
    assert (one.number, one.prefix, one.suffix) == (before, "La Red ", " del Secretariado.")
    assert one.history.count() == 2


def test_new_words_for_broken_ones_are_saved_with_the_text(text):
    other = citation(event(), "anunció su salida", source=text)
    ones = [citation(event(), "decidieron sumarse", source=text) for _ in "ab"]
    text.text = CORRECTED
    text.requoted = {"decidieron sumarse": "decidieron unirse"}
    assert refusals(text) == {}
    text.save()
    assert words(text) == [(1, "anunció su salida"), *[(2, "decidieron unirse")] * 2]
    for one in (other, *ones):
        one.refresh_from_db()
        start = one.position
        assert text.passages.text[start : start + len(one.exact)] == one.exact
    assert (ones[0].prefix, ones[0].suffix) == ("Tres de ellas ", " a la Red.")


def test_new_words_that_do_not_stand_once_in_the_text_are_not_saved(text):
    citation(event(), "decidieron sumarse", source=text)
    for wrong in ("decidieron no unirse", "la Red", "unirse", ""):
        text.text = CORRECTED
        text.requoted = {"decidieron sumarse": wrong}
        with pytest.raises(ValidationError):
            text.save()
        assert Source.objects.get(pk=text.pk).text == TEXT
    assert words(text) == [(1, "decidieron sumarse")]


def test_citations_whose_new_words_are_the_same_share_their_number(text):
    citation(event(), "anunció su salida", source=text)
    citation(event(), "decidieron sumarse", source=text)
    citation(event(), "Tres de ellas", source=text)
    text.text = CORRECTED
    text.requoted = {
        "decidieron sumarse": "decidieron unirse",
        "Tres de ellas": "decidieron unirse",
    }
    text.save()
    assert words(text) == [(1, "anunció su salida"), *[(2, "decidieron unirse")] * 2]


def test_saving_another_field_moves_no_citation(text, django_assert_max_num_queries):
    one = citation(event(), source=text)
    text.title = "Otro título"
    with django_assert_max_num_queries(8):
        text.save()
    assert one.history.count() == 1


def test_saving_only_some_fields_leaves_text_and_citations_as_they_are(text):
    one = citation(event(), source=text)
    text.title, text.text = "Otro título", "Un texto que nadie guardó."
    text.save(update_fields=["title"])
    one.refresh_from_db()
    assert one.exact == "decidieron sumarse"
    text.refresh_from_db()
    assert (text.title, text.text) == ("Otro título", TEXT)


def test_a_quote_is_located_in_the_text_as_it_is_stored_not_as_it_was_read(text):
    stale = Source.objects.get(pk=text.pk)
    assert stale.passages.text
    text.text = CORRECTED
    text.save()
    with pytest.raises(ValidationError):
        citation(event(), "decidieron sumarse", source=stale)
    one = citation(event(), "decidieron unirse", source=Source.objects.get(pk=text.pk))
    assert text.passages.text[one.position :].startswith("decidieron unirse")


def test_the_hash_of_a_text_is_that_of_its_utf_8():
    one = source(text="Acción")
    assert one.sha256 == hashlib.sha256("Acción".encode()).hexdigest()
    one.text = "Acción."
    assert one.sha256 == hashlib.sha256("Acción.".encode()).hexdigest()


def test_citations_are_fetched_with_what_a_page_shows_of_them(text, django_assert_num_queries):
    records = [event(pk=1_000_000), event(), organization(pk=1_000_000)]
    for record in records:
        for exact in ("decidieron sumarse", "anunció su salida"):
            citation(record, exact, source=text)
    citation(event(), source=text)
    records.append(copy(records[0]))
    with django_assert_num_queries(1):
        with_citations(records)
    for record in records:
        shown = [(one.number, str(one.source)) for one in record.visible_citations]
        assert shown == [(1, text.title), (2, text.title)]


def test_a_record_is_fetched_with_the_citations_that_the_user_may_view(reader):
    record = event()
    citation(record, source=source(publish_at=None))
    for user, number in ((None, 0), (reader.user, 1)):
        assert len(with_citations([record], user)[0].visible_citations) == number
