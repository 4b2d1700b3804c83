"""A citation has one place in its source, and keeps its words when the text is corrected."""

import hashlib
from copy import copy

import pytest
from django.core.exceptions import ValidationError

from sources.models import Citation, Source
from sources.quotes import with_citations
from tests.markup import words
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
def cited() -> Source:
    return source(title="Página de prueba")


def cite(cited: Source, *quotes: str) -> list[Citation]:
    return [citation(event(), exact, source=cited) for exact in quotes]


def numbered(cited: Source) -> list[tuple[int, str]]:
    return list(cited.citations.order_by("number", "pk").values_list("number", "exact"))


def words_at(citation: Citation) -> str:
    """The words of the stored text where the citation stands."""
    start, end = citation.span
    return Source.objects.get(pk=citation.source_id).passages.text[start:end]


# The place of a quote


@pytest.mark.parametrize(
    ("prefix", "exact", "suffix"),
    [
        ("Tres de ellas ", "decidieron sumarse", " a la Red."),
        ("", "Tres de ellas", " decidieron sumarse a la Red."),
        ("Tres de ellas decidieron sumarse ", "a la Red.", ""),
        (
            "En mayo de 2012 se convocó a cuatro ",
            "organizaciones. Tres",
            " de ellas decidieron sumarse a la Red.",
        ),
        ("Hasta hoy la representación ha estado a cargo de: ", "Alfa Beta", ""),
        ("", "¿Por qué terminó? La Red", " anunció su salida."),
    ],
)
def test_a_quote_is_located_and_its_sentence_completed(cited, prefix, exact, suffix):
    (quoted,) = cite(cited, exact)
    assert (quoted.prefix, quoted.exact, quoted.suffix) == (prefix, exact, suffix)
    assert words_at(quoted) == exact
    assert prefix + exact + suffix in cited.passages.text


def test_white_space_in_a_quote_is_folded(cited):
    (quoted,) = cite(cited, "  Tres\tde\nellas\N{NO-BREAK SPACE}decidieron ")
    assert quoted.exact == "Tres de ellas decidieron"
    other = copy_of(quoted, exact=" Tres  de ellas ")
    assert refusals(other) == {}
    assert other.exact == "Tres de ellas"


@pytest.mark.parametrize(
    ("exact", "reason"),
    [
        ("decidieron no sumarse", "No está en la fuente «Página de prueba»"),
        ("decidieron no sumarse", "Lo más parecido que dice: «decidieron sumarse a»."),
        ("decidieron sumársé", "No está en la fuente"),
        ("la Red", "Está 2 veces en la fuente; una cita señala un solo lugar."),
        ("la Red", "Agregue palabras hasta que solo quede una."),
        ("decidieron", "Una sola palabra no prueba nada"),
        (" \n ", "No está en la fuente"),
        ("x" * 10_000, "No está en la fuente"),
        ("", "Este campo no puede estar en blanco."),
        ("decidieron sumarse\0", "nulo"),
    ],
)
def test_a_quote_that_does_not_stand_once_in_its_source_is_refused_with_a_reason(
    cited, exact, reason
):
    quoted = Citation(source=cited, exact=exact, event=event(), slug="cita")
    assert reason in refusals(quoted)["exact"][0]
    with pytest.raises(ValidationError, match="exact"):
        quoted.save()
    assert not Citation.objects.exists()


def test_a_citation_without_a_source_is_refused_with_a_reason():
    quoted = Citation(exact="dos palabras", event=event(), slug="cita")
    assert refusals(quoted).keys() == {"source"}
    quoted.source_id = 99_999
    assert refusals(quoted).keys() == {"source"}


# The record that it supports


@pytest.mark.parametrize(
    ("make", "field", "label"),
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
def test_a_citation_supports_any_kind_of_record_and_names_its_field(cited, make, field, label):
    record = make()
    quoted = citation(record, source=cited, field=field)
    assert refusals(quoted) == {}
    assert quoted.record == record
    assert list(record.citations.all()) == [quoted]
    assert quoted.get_field_display() == label


def test_a_field_that_the_record_does_not_have_is_refused_with_a_reason(cited):
    quoted = copy_of(citation(event(), source=cited), field="website")
    assert refusals(quoted) == {"field": ["«website» no es un dato de acontecimiento."]}


# Its number and its slug


def test_each_source_numbers_its_passages_as_they_are_cited_and_the_same_words_alike(cited):
    cite(source(), "decidieron sumarse")
    for record in (event(), organization(), membership()):
        citation(record, "anunció su salida", source=cited)
        citation(record, "decidieron sumarse", source=cited)
    cite(cited, " anunció\nsu salida")
    expected = [(1, "anunció su salida")] * 4 + [(2, "decidieron sumarse")] * 3
    assert numbered(cited) == expected


def test_a_number_stays_when_others_come_go_or_are_saved_again(cited):
    first, second, third = cite(cited, "se convocó", "decidieron sumarse", "anunció su salida")
    for quoted in (third, second, first):
        quoted.save()
    first.delete()
    second.save()
    cite(cited, "respuesta alguna")
    assert numbered(cited) == [
        (2, "decidieron sumarse"),
        (3, "anunció su salida"),
        (4, "respuesta alguna"),
    ]


def test_a_citation_with_new_words_keeps_its_number_unless_others_have_it(cited):
    alone, shared, other = cite(cited, "se convocó", "decidieron sumarse", "decidieron sumarse")
    for quoted, exact, number in (
        (alone, "En mayo de 2012", 1),
        (shared, "anunció su salida", 3),
        (shared, "decidieron sumarse", 2),
    ):
        quoted.exact = exact
        quoted.save()
        assert (quoted.number, other.number) == (number, 2)


def test_a_citation_gets_a_free_slug_from_its_record_that_fits(cited):
    record = event(slug="salida")
    slugs = [citation(record, source=cited).slug for _ in "ab"]
    assert slugs == ["salida-event-1", "salida-event-2"]
    Citation.objects.get(slug="salida-event-1").delete()
    assert citation(record, source=cited).slug == "salida-event-1"
    record = term(slug="x" * 120)
    assert {len(citation(record, source=cited).slug) for _ in range(11)} == {111, 112}


# Corrections of the source

CORRECTED = "Aviso previo.\n\n" + TEXT.replace("decidieron sumarse", "decidieron  unirse")


def test_quotes_that_a_text_does_not_say_once_are_known(cited):
    joining, leaving = "de ellas decidieron sumarse", "anunció su salida"
    cite(cited, joining, joining, leaving)
    for text, expected in (
        (TEXT, [joining, leaving]),
        (CORRECTED, ["", leaving]),
        (f"Antes anunció su salida otra.\n{TEXT}", [joining, ""]),
        # Invisible signs and signs of style move with the text.
        (
            TEXT.replace("sumarse", "su-\nmarse").replace("anunció", "Anunció"),
            ["de ellas decidieron su- marse", "Anunció su salida"],
        ),
        ("", ["", ""]),
    ):
        assert cited.quotes_in(text) == dict(zip((joining, leaving), expected, strict=True))
    assert Source(text="x").quotes_in("y") == {}


def test_the_words_of_a_citation_follow_those_of_a_corrected_text_and_are_named(cited):
    first, other = cite(cited, "decidieron sumarse", "anunció su salida")
    cited.text = TEXT.replace("decidieron sumarse", "deci\u00ad\u2010\ndieron sumarse")
    assert refusals(cited) == {}
    cited.save()
    moved = {"decidieron sumarse": "deci\u00ad\u2010 dieron sumarse"}
    assert cited.moved == moved | {"anunció su salida": "anunció su salida"}
    for quoted in (first, other):
        quoted.refresh_from_db()
        assert words_at(quoted) == quoted.exact
    assert (first.number, first.suffix) == (1, " a la Red.")


def test_a_text_that_breaks_citations_is_refused_and_nothing_is_saved(cited):
    cite(cited, "anunció su salida", "decidieron sumarse")
    rows = list(Citation.objects.order_by("pk").values())
    cited.title, cited.text = "Otro título", CORRECTED
    assert refusals(cited) == {
        "text": ["Con este texto se romperían las citas de estas palabras: «decidieron sumarse»."]
    }
    for exact in (None, "decidieron no unirse", "la Red", "unirse", ""):
        cited.requoted = {} if exact is None else {"decidieron sumarse": exact}
        with pytest.raises(ValidationError):
            cited.save()
        stored = Source.objects.get(pk=cited.pk)
        assert (stored.title, stored.text) == ("Página de prueba", TEXT)
        assert list(Citation.objects.order_by("pk").values()) == rows


def test_citations_move_with_their_words_when_the_text_before_them_changes(cited):
    (quoted,) = cite(cited, "anunció su salida")
    old = copy(quoted)
    cited.text = "Aviso previo.\n\n" + TEXT.replace("su salida.", "su salida del Secretariado.")
    assert refusals(cited) == {}
    cited.save()
    quoted.refresh_from_db()
    assert quoted.position == old.position + len("Aviso previo. ")
    assert (quoted.number, quoted.prefix) == (old.number, "La Red ")
    assert quoted.suffix == " del Secretariado."
    assert quoted.history.count() == 2


def test_new_words_for_broken_ones_are_saved_with_the_text_and_share_a_number(cited):
    quotes = ("anunció su salida", "decidieron sumarse", "decidieron sumarse", "Tres de ellas")
    citations = cite(cited, *quotes)
    cited.text = CORRECTED
    cited.requoted = dict.fromkeys(quotes[1:], "decidieron unirse")
    assert refusals(cited) == {}
    cited.save()
    assert numbered(cited) == [(1, "anunció su salida"), *[(2, "decidieron unirse")] * 3]
    for quoted in citations:
        quoted.refresh_from_db()
        assert words_at(quoted) == quoted.exact
    assert (citations[1].prefix, citations[1].suffix) == ("Tres de ellas ", " a la Red.")


def test_saving_another_field_moves_no_citation(cited, django_assert_max_num_queries):
    (quoted,) = cite(cited, "decidieron sumarse")
    cited.title = "Otro título"
    with django_assert_max_num_queries(8):
        cited.save()
    assert quoted.history.count() == 1
    cited.title, cited.text = "Tercer título", "Un texto que nadie guardó."
    cited.save(update_fields=["title"])
    cited.refresh_from_db()
    assert (cited.title, cited.text) == ("Tercer título", TEXT)
    assert words_at(quoted) == "decidieron sumarse"


def test_a_quote_is_located_in_the_text_as_it_is_stored_not_as_it_was_read(cited):
    stale = Source.objects.get(pk=cited.pk)
    assert stale.passages.text
    cited.text = CORRECTED
    cited.save()
    with pytest.raises(ValidationError):
        cite(stale, "decidieron sumarse")
    (quoted,) = cite(Source.objects.get(pk=cited.pk), "decidieron unirse")
    assert words_at(quoted) == "decidieron unirse"


def test_the_hash_of_a_text_is_that_of_its_utf_8():
    cited = source(text="Acción")
    assert cited.sha256 == hashlib.sha256("Acción".encode()).hexdigest()
    cited.text = "Acción."
    assert cited.sha256 == hashlib.sha256("Acción.".encode()).hexdigest()


# With their records


def test_citations_are_fetched_with_all_that_a_page_shows_of_them(cited, django_assert_num_queries):
    records = [event(pk=1_000_000), event(), organization(pk=1_000_000)]
    for record in records:
        for exact in ("decidieron sumarse", "anunció su salida"):
            citation(record, exact, source=cited)
    cite(cited, "decidieron sumarse")
    records.append(copy(records[0]))
    with django_assert_num_queries(1):
        with_citations(records)
    for record in records:
        citations = [(quoted.number, str(quoted.source)) for quoted in record.visible_citations]
        assert citations == [(1, cited.title), (2, cited.title)]


def test_a_record_is_fetched_with_the_citations_that_the_user_may_view(reader):
    record = event()
    citation(record, source=source(publish_at=None))
    for user, number in ((None, 0), (reader.user, 1)):
        assert len(with_citations([record], user)[0].visible_citations) == number


def test_an_event_links_to_what_the_same_sentences_tell_of_before_and_after(visitor, cited):
    dates = {"El llamado": "[..2017-05-23]", "La salida": "2017-05-23", "Aparte": "2017-05-20"}
    call, leaving, apart = (event(title=title, start=date) for title, date in dates.items())
    shared, other = TEXT.split(". ")[:2]
    for record in (call, leaving):
        citation(record, shared, source=cited)
    citation(apart, other, source=cited)
    why = "Por qué Lo que las mismas oraciones cuentan de antes o de entonces."
    page = visitor.get(leaving.get_absolute_url())
    assert f"{why} el 23 de mayo de 2017 o antes El llamado" in words(page)
    assert "Después Lo que" in words(visitor.get(call.get_absolute_url()))
    for record in (call, apart):  # before it, or of other sentences
        assert why not in words(visitor.get(record.get_absolute_url()))
    call.publish_at = None
    call.save()
    assert why not in words(visitor.get(leaving.get_absolute_url()))
