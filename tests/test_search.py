"""What a reader's words find and how it is shown: the same on every database."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, strategies
from hypothesis import settings as hypothesis

from search.hits import excerpt, hits_of, marks, pieces
from search.models import Entry, EntryQuerySet
from search.query import parse
from tests.conftest import Person
from tests.records import (
    HIDDEN,
    by_raw_sql,
    citation,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)
from texts.words import stem_of
from timeline.models import Event

pytestmark = pytest.mark.django_db
WITHOUT_NUL = strategies.characters(exclude_categories=["Cs"], exclude_characters="\0")


def entries(typed: str) -> EntryQuerySet:
    return Entry.objects.public().matching(parse(typed))


def slugs(typed: str) -> list[str]:
    return [entry.slug for entry in entries(typed)]


def page(visitor: Person, typed: str, **more: Any) -> str:
    answer = visitor.get("/buscar/", {"q": typed} | more)
    assert answer.status_code == 200
    return answer.text


def words_of(html: str) -> str:
    """The text of a page's main part."""
    main = html.split("<main")[1].split("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


# Words


@pytest.mark.parametrize(
    "alike",
    [
        "participación participaciones participar participó PARTICIPACION",
        "joven jóvenes",
        "decidió decidieron decidio",
        "reunión reuniones REUNIÓN reunion",
        "público pública publica publicar",
        "inició iniciar iniciaron",
        "energía energías energia",
        "niñez ninez NIÑEZ",
        "orden órdenes",
        "decía decian",
        "imagen imágenes",
    ],
)
def test_forms_of_a_word_have_one_stem_with_accents_or_without(alike):
    assert len({stem_of(word) for word in alike.split()}) == 1


def test_other_words_have_another_stem():
    words = "acuerdo informe público gobierno decidir decir 2011 2012".split()
    assert len({stem_of(word) for word in words}) == len(words)


def test_an_accent_that_stands_beside_its_letter_is_folded_too():
    text = "La reunio\u0301n fue larga."
    statement(slug="uno", body=f"<p>{text}</p>")
    assert slugs("reunión") == slugs("reunion") == ["uno"]
    passage = excerpt(text, marks(text, parse("reunión").terms))
    assert [piece.text for piece in passage if piece.marked] == ["reunio\u0301n"]


def test_each_public_kind_is_found_by_its_words():
    source(slug="texto", title="Memoria", text="Habla la girafa.\nOtro renglón.")
    who = organization(slug="quien", name="Casa", description="<p>Una girafa</p>")
    membership(slug="desde", organization=who, note="Inferimos la girafa.")
    term(slug="vez", organization=who, note="Otra girafa.")
    event(slug="hecho", summary="Se vio una girafa.")
    statement(slug="dicho", title="La girafa")
    assert {entry.slug: entry.of_kind.name for entry in entries("girafas")} == {
        "dicho": "pronunciamientos", "hecho": "eventos", "desde": "membresias",
        "quien": "organizaciones", "texto": "fuentes", "vez": "representacion",
    }  # fmt: skip
    assert slugs("girafa") == ["dicho", "hecho", "desde", "quien", "texto", "vez"]


@pytest.mark.parametrize("state", HIDDEN, ids=["draft", "scheduled", "withdrawn"])
def test_what_is_not_public_is_found_by_no_search_and_counted_by_none(visitor, state, reader):
    canary = "canarioquenadiedebever"
    source(title=canary, text=canary, **state)
    who = organization(name=canary, other_names=canary, **state)
    membership(organization=who, note=canary)
    membership(organization=organization(), replaces=who, note=canary)
    term(organization=who, note=canary)
    event(title=canary, body=canary, **state)
    statement(title=canary, body=canary, **state)
    for person in (visitor, reader):
        assert f"Ningún registro tiene « {canary} »." in words_of(page(person, canary))
        assert "Quizá buscaba" not in person.get(f"/{canary}/").text
    assert not entries(canary)


def test_a_record_that_is_withdrawn_while_it_is_searched_is_no_hit():
    event(title="Girafa")
    matches = list(entries("girafa"))
    by_raw_sql(Event.objects.get(), publish_at=None)
    assert hits_of(matches, parse("girafa")) == []


def test_an_organization_is_found_by_its_other_names_and_its_short_one():
    organization(slug="iec", name="Instituto de Estudios", short_name="IEC",
                 other_names="Estudios Cívicos\nInstiEst")  # fmt: skip
    for name in ("iec", "estudios civicos", "INSTIEST", '"estudios cívicos"'):
        assert slugs(name) == ["iec"], name
    assert [entry.tier for entry in entries("instiest")] == [2]


# Queries


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        # All words must be in the text; very common words count only alone.
        ("plan acción", "junto suelto"),
        ("plan de la acción", "junto suelto"),
        ("plan hipopótamo", ""),
        ("de la", "suelto"),
        ("sin plan", "junto solo suelto"),
        # Words between quotes stand side by side, in one paragraph.
        ('"plan de acción"', "junto"),
        ("«plan de acción»", "junto"),
        ("“Planes de accion”", "junto"),
        ('"sin más"', "solo"),
        ('"año cuentas"', ""),
        ('"plan de cuentas"', ""),
        # A word after a hyphen must not be there; within a word a hyphen excludes nothing.
        ("plan -acción", "solo"),
        ('plan -"plan de acción"', "solo suelto"),
        ("-plan", ""),
        ("plan -", "junto solo suelto"),
        ("co-representante", "co"),
        ('"plan"-acción', "junto suelto"),
    ],
)
def test_a_query_finds_what_has_all_its_words_and_phrases_and_none_that_it_excludes(
    typed, expected
):
    event(slug="junto", title="Uno", body="<p>El plan de acción de este año.</p><p>Cuentas</p>")
    loose = "<p>La acción tenía un plan.</p><p>De cuentas</p><p>El plan de nadie</p>"
    event(slug="suelto", title="Dos", body=loose)
    event(slug="solo", title="Tres", body="<p>Un plan sin más.</p>")
    event(slug="co", title="Co-representante")
    event(slug="otra", title="Representante, co")
    assert sorted(slugs(typed)) == expected.split()


def test_a_long_query_is_shortened_and_says_so(visitor):
    typed = " ".join(f"w{n}" for n in range(100))
    query = parse(typed)
    assert (query.text, len(query.wanted)) == (typed[:200].strip(), 12)
    assert query.shortened
    assert not parse("w1 w2").shortened
    assert "Era muy largo: se buscaron solo las primeras palabras." in page(visitor, typed)


# Order


def test_hits_in_the_title_come_first_then_names_then_summary_then_body():
    """Of several words, the last field that must be read counts."""
    word = "girafa"
    statement(slug="d-cuerpo", body=f"<p>{word}</p>", date="2024")
    event(slug="c-resumen", summary=word, start="2023")
    organization(slug="b-nombre", other_names=word)
    event(slug="z-titulo", title=word, body="<p>azul</p>", start="2011")
    event(slug="y-titulo", title=word, summary="azul", start="2010")
    event(slug="x-titulo", title=f"{word} azul")
    source(slug="w-titulo", title=word, published="2012-05")
    assert slugs(word) == [
        "w-titulo", "z-titulo", "y-titulo", "x-titulo", "b-nombre", "c-resumen", "d-cuerpo",
    ]  # fmt: skip
    assert slugs(f"{word} azul") == ["x-titulo", "y-titulo", "z-titulo"]


def test_within_a_field_the_newest_come_first_the_undated_last_and_then_by_slug():
    dates = dict.fromkeys(["b", "a", "a-b", "a-c", "ab", "a_c"], "2012")
    dates |= {"c": "[2011-03..2015]", "d": "[..2013]", "e": ""}
    for slug, date in dates.items():
        event(slug=slug, title="Girafa", start=date)
    assert slugs("girafa") == ["d", "a", "a-b", "a-c", "a_c", "ab", "b", "c", "e"]


# The page


def test_the_words_found_are_marked_in_the_original_text_and_link_to_their_paragraph(visitor):
    body = "<p>Nada.</p><p>Hubo <strong>reun</strong>iones & más, sin público.</p>"
    said = statement(slug="dicho", title="Qué se dijo", body=body, date="2016-05")
    here = source(text="La Red de Prueba\n\nUno dijo algo.\n\nHubo una girafa, dijo otro.")
    html = page(visitor, "reunion publica")
    assert "<mark>reuniones</mark>" in html
    assert "<mark>público</mark>" in html
    assert "Hubo reuniones & más, sin público ." in words_of(html)
    assert "mayo de 2016" in html
    for record, typed, number in ((said, "reunion publica", 2), (here, "girafa", 3)):
        assert f'href="{record.get_absolute_url()}#p{number}"' in page(visitor, typed)
        assert f'id="p{number}"' in visitor.get(record.get_absolute_url()).text


def test_the_paragraph_has_the_number_that_the_statements_page_gives_it(visitor):
    """Where its source has a list, the page shows its items as one paragraph."""
    text = "Hasta hoy estuvo a cargo de:\n\nAlfa\n\nBeta\n\nDespués hubo una girafa."
    said = statement(body="".join(f"<p>{line}</p>" for line in text.split("\n\n")))
    citation(said, "estuvo a cargo", source=source(text=text))
    url = said.get_absolute_url()
    for word, number in (("girafa", "3"), ("beta", "2")):
        assert re.findall(rf'href="{url}#p(\d+)"', page(visitor, word)) == [number]
    assert "<mark>Beta</mark>" in page(visitor, "beta")
    assert "girafa" in visitor.get(url).text.split('id="p3"')[1].split("</div>")[0]


def test_hits_are_counted_by_kind_and_one_kind_can_be_asked_for(visitor):
    for n in range(3):
        event(slug=f"e{n}", title="Girafa")
    statement(slug="s", title="Girafa")
    html = page(visitor, "girafa")
    assert "4 resultados: acontecimientos 3 · pronunciamientos 1" in words_of(html)
    assert 'href="/buscar/?q=girafa&amp;tipo=eventos"' in html
    only = page(visitor, "girafa", tipo="eventos")
    assert "/linea-de-tiempo/e0/" in only
    assert "/pronunciamientos/s/" not in only
    assert "1 pronunciamiento:" in words_of(page(visitor, "girafa", tipo="pronunciamientos"))
    assert visitor.get("/buscar/?q=girafa&tipo=otro").status_code == 404


def test_the_page_keeps_the_typed_words_without_control_and_direction_characters(visitor):
    assert 'value="«girafa» &quot;x&quot;"' in page(visitor, '«girafa» "x"')
    event(slug="e", title="Girafa")
    for unseen in ("\u202e", "\u2067", "\u200f", "\x01", "\x7f", "\ufffe"):
        html = page(visitor, f"{unseen}girafa")
        assert unseen not in html
        assert "«<bdi>girafa</bdi>»" in html
        assert "/linea-de-tiempo/e/" in html
        missing = visitor.get("/buscar/", {"q": "girafa", "tipo": f"{unseen}otro"}).text
        assert "otro»." in missing
        assert unseen not in missing


def test_more_hits_than_a_page_holds_are_on_further_pages_each_once(visitor):
    for n in range(45):
        event(slug=f"e{n:02}", title="Girafa")
    texts = [page(visitor, "girafa", pagina=number) for number in (1, 2, 3)]
    hits = [re.findall(r'/linea-de-tiempo/(e\d\d)/"', text) for text in texts]
    assert [len(on_page) for on_page in hits] == [20, 20, 5]
    assert [slug for on_page in hits for slug in on_page] == [f"e{n:02}" for n in range(45)]
    for beyond in ("4", "0", "x", "99999999999999999999"):
        assert visitor.get("/buscar/", {"q": "girafa", "pagina": beyond}).status_code == 404


def test_a_missing_page_offers_what_its_address_may_have_meant(visitor):
    meant = event(slug="se-crea-la-red", title="La Red se crea en una reunión").get_absolute_url()
    addresses = (
        "/linea-de-tiempo/creacion-red/", "/reuniones", "/la_reunion/", "/x/RED-hipopotamo/",
        "/hipopotamo/",
    )  # fmt: skip
    answers = [visitor.get(address) for address in addresses]
    assert {answer.status_code for answer in answers} == {404}
    assert [meant in answer.text for answer in answers] == [True, True, True, True, False]
    assert "Quizá buscaba" not in answers[-1].text
    assert all('action="/buscar/"' in answer.text for answer in answers)


# Bad input


def test_no_query_is_an_error(visitor):
    event(title="Girafa de la que y")
    for typed in (
        "de la que y", '"', '""""', "« »", "- -- -", "-a -b", "AND OR NOT NEAR(", "* ^ : ( )", "%",
        "_", "a" * 10_000, "girafa " * 2_000, '"' * 5_000, "-x " * 3_000, "🦒", "🦒🏽‍♀️ é́́́́", "زرافة",
        "\u202egirafa\u202c", "ﬁn ½ ² Ⅷ ªº", "\ufffd", "\u0301", "'; DROP TABLE x; --",
        "{title} : x", "|", "girafa | azul", "\x01\x1f", "x" * 61 + " y", " ", "İ ß ŉ ǰ",
    ):  # fmt: skip
        assert visitor.get("/buscar/", {"q": typed}).status_code == 200, typed
    assert visitor.get("/buscar/?q=%ff%fegirafa%80").status_code == 200
    assert visitor.get("/buscar/?q=a%00b").status_code == 400


@given(strategies.text(max_size=60))
@hypothesis(max_examples=50)
def test_any_text_is_answered(typed):
    for query in (typed, f'"{typed}"', f"a -{typed}"):
        list(entries(query)[:1])


@given(strategies.text(max_size=80))
def test_any_word_of_any_text_finds_it_and_marks_cut_nothing(text):
    marked = marks(text, parse(" ".join(text.split())).terms)
    assert "".join(piece.text for piece in pieces(text, marked)) == text
    assert all(piece.text in text or piece.text == "…" for piece in excerpt(text, marked))


@given(strategies.text(WITHOUT_NUL))
@hypothesis(max_examples=50)
def test_a_record_is_found_by_any_word_of_it(text):
    record = statement(body="", title=text.strip()[:60] or "x")
    for word in parse(record.title).alone():
        assert record.slug in slugs(word.text)
    record.delete()


# Cost


def test_the_number_of_queries_of_a_search_does_not_grow_with_its_hits(visitor):
    here, who = source(text="Una girafa\n\nOtra vez la girafa azul."), organization(name="Girafa")

    def cost_of(more: int) -> int:
        for _ in range(more):
            event(title="Girafa", summary="azul")
            said = statement(title="Girafa", body="<p>Otra vez la girafa azul.</p>")
            said.organizations.add(who)
            citation(said, "Otra vez", source=here)
            membership(organization=who, note="girafa")
            term(organization=who, note="girafa")
        with CaptureQueriesContext(connection) as queries:
            page(visitor, "girafa")
        return len(queries)

    few = cost_of(1)
    assert cost_of(10) <= few < 30
