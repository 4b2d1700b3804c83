"""What a reader's words find and how it is shown: the same on every database."""

import re
from collections import Counter
from html import unescape
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, strategies

from search.hits import excerpt, marks, pieces
from search.models import Entry, EntryQuerySet
from search.query import parse
from search.words import stem_of
from tests.records import (
    FAR_OFF,
    LONG_AGO,
    YESTERDAY,
    citation,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)

pytestmark = pytest.mark.django_db


def entries(typed: str) -> EntryQuerySet:
    return Entry.objects.public().matching(parse(typed))


def slugs(typed: str) -> list[str]:
    return [entry.slug for entry in entries(typed)]


def counts(typed: str) -> dict[str, int]:
    return dict(Counter(entry.of_kind.name for entry in entries(typed)))


def page(visitor: Any, typed: str, **more: Any) -> str:
    answer = visitor.get("/buscar/", {"q": typed} | more)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(html: str) -> str:
    """What a page's main part says, white space collapsed."""
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
    found = excerpt(text, marks(text, parse("reunión").wanted))
    marked = [piece.text for piece in found if piece.marked]
    assert marked == ["reunio\u0301n"]


def test_each_public_kind_is_found_by_its_words():
    here = source(slug="texto", title="Memoria", text="Habla la girafa.\nOtro renglón.")
    who = organization(slug="quien", name="Casa", description="<p>Una girafa</p>")
    membership(slug="desde", organization=who, note="Inferimos la girafa.")
    term(slug="vez", organization=who, note="Otra girafa.")
    event(slug="hecho", summary="Se vio una girafa.")
    statement(slug="dicho", title="La girafa")
    assert here.is_public()
    assert slugs("girafas") == ["dicho", "hecho", "desde", "quien", "texto", "vez"]
    assert counts("girafa") == {
        "organizaciones": 1, "membresias": 1, "representacion": 1,
        "eventos": 1, "pronunciamientos": 1, "fuentes": 1,
    }  # fmt: skip


def test_an_organization_is_found_by_its_other_names_and_its_short_one():
    organization(slug="iec", name="Instituto de Estudios", short_name="IEC",
                 other_names="Estudios Cívicos\nInstiEst")  # fmt: skip
    for name in ("iec", "estudios civicos", "INSTIEST", '"estudios cívicos"'):
        assert slugs(name) == ["iec"], name
    assert [entry.tier for entry in entries("instiest")] == [2]


# Queries


@pytest.fixture
def plans() -> None:
    event(slug="junto", title="Uno", body="<p>El plan de acción de este año.</p><p>Cuentas</p>")
    loose = "<p>La acción tenía un plan.</p><p>De cuentas</p><p>El plan de nadie</p>"
    event(slug="suelto", title="Dos", body=loose)
    event(slug="solo", title="Tres", body="<p>Un plan sin más.</p>")


def test_all_the_words_must_be_there(plans):
    assert slugs("plan acción") == ["junto", "suelto"]
    assert slugs("plan de la acción") == ["junto", "suelto"]
    assert slugs("plan hipopótamo") == []


@pytest.mark.parametrize("typed", ['"plan de acción"', "«plan de acción»", "“Planes de accion”"])
def test_words_between_quotes_stand_side_by_side(plans, typed):
    assert slugs(typed) == ["junto"]


def test_a_phrase_does_not_reach_from_one_paragraph_into_the_next(plans):
    assert slugs('"año cuentas"') == []
    assert slugs('"plan de cuentas"') == []


def test_a_word_after_a_hyphen_must_not_be_there(plans):
    assert slugs("plan -acción") == ["solo"]
    assert slugs('plan -"plan de acción"') == ["solo", "suelto"]
    assert slugs("-plan") == []
    assert slugs("plan -") == slugs("plan")


def test_a_hyphen_within_a_word_excludes_nothing():
    event(slug="co", title="La co-representante")
    event(slug="otra", title="La representante de la co")
    assert slugs("co-representante") == ["co"]


def test_words_that_are_everywhere_are_searched_when_there_is_no_other(plans):
    assert slugs("de la") == ["suelto"]
    assert slugs("sin plan") == slugs("plan")
    assert slugs('"sin más"') == ["solo"]


# Order


def test_hits_in_the_title_come_first_then_names_then_summary_then_body():
    words = "girafa"
    statement(slug="d-cuerpo", body=f"<p>{words}</p>", date="2024")
    event(slug="c-resumen", summary=words, start="2023")
    organization(slug="b-nombre", other_names=words)
    event(slug="z-titulo", title=words, start="2011")
    event(slug="y-titulo", title=words, start="2012")
    event(slug="x-titulo", title=words)
    source(slug="w-titulo", title=words, published="2012-05")
    assert slugs(words) == [
        "w-titulo", "y-titulo", "z-titulo", "x-titulo", "b-nombre", "c-resumen", "d-cuerpo",
    ]  # fmt: skip


def test_the_place_of_several_words_is_the_last_field_that_must_be_read():
    event(slug="a", title="Girafa", body="<p>azul</p>", start="2024")
    event(slug="b", title="Girafa", summary="azul", start="2023")
    event(slug="c", title="Girafa azul", start="2010")
    assert slugs("girafa azul") == ["c", "b", "a"]


def test_within_a_field_the_newest_come_first_the_undated_last_and_then_by_slug():
    dates = dict.fromkeys(["b", "a", "A-b", "a-c", "ab", "a_c"], "2012")
    dates |= {"c": "[2011-03..2015]", "d": "[..2013]", "e": ""}
    for slug, date in dates.items():
        event(slug=slug, title="Girafa", start=date)
    assert slugs("girafa") == ["d", "A-b", "a", "a-c", "a_c", "ab", "b", "c", "e"]


# The page


def test_the_words_found_are_marked_in_the_original_text_and_link_to_their_paragraph(visitor):
    told = "<p>Nada.</p><p>Hubo <strong>reun</strong>iones & más, sin público.</p>"
    said = statement(slug="dicho", title="Qué se dijo", body=told, date="2016-05")
    html = page(visitor, "reunion publica")
    assert "<mark>reuniones</mark>" in html
    assert "<mark>público</mark>" in html
    assert f'href="{said.get_absolute_url()}#p2"' in html
    assert "Hubo reuniones & más, sin público ." in shown(html)
    assert 'id="p2"' in visitor.get(said.get_absolute_url()).content.decode()
    assert "mayo de 2016" in html


def test_a_source_is_linked_at_the_paragraph_that_has_the_words(visitor):
    here = source(
        slug="texto", text="La Red de Prueba\n\nUno dijo algo.\n\nHubo una girafa, dijo otro."
    )
    html = page(visitor, "girafa")
    assert f'href="{here.get_absolute_url()}#p3"' in html
    assert 'id="p3"' in visitor.get(here.get_absolute_url()).content.decode()


def test_the_paragraph_has_the_number_that_the_statements_page_gives_it(visitor):
    """Where its source has a list, the page shows its items as one paragraph."""
    text = "Hasta hoy estuvo a cargo de:\n\nAlfa\n\nBeta\n\nDespués hubo una girafa."
    here = source(text=text)
    lines = "".join(f"<p>{line}</p>" for line in text.split("\n\n"))
    said = statement(slug="dicho", body=lines)
    citation(said, "estuvo a cargo", source=here)
    html = page(visitor, "girafa")
    [number] = re.findall(rf'href="{said.get_absolute_url()}#p(\d+)"', html)
    whole = visitor.get(said.get_absolute_url()).content.decode()
    assert "girafa" in whole.split(f'id="p{number}"')[1].split("</div>")[0]
    assert number == "3"


def test_texts_are_inert_on_the_page(visitor):
    evil = '<script>alert("girafa")</script><img src=x onerror=alert(1)>'
    organization(slug="mala", name=f"Girafa {evil}", other_names=evil, summary=evil)
    html = page(visitor, "girafa")
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;" in html
    again = page(visitor, f'{evil}"')
    assert "<script>alert" not in again
    assert 'value="&lt;script&gt;' in again


def test_hits_are_counted_by_kind_and_one_kind_can_be_asked_for(visitor):
    for n in range(3):
        event(slug=f"e{n}", title="Girafa")
    statement(slug="s", title="Girafa")
    html = page(visitor, "girafa")
    assert "4 resultados: acontecimientos 3 · pronunciamientos 1" in shown(html)
    assert 'href="/buscar/?q=girafa&amp;tipo=eventos"' in html
    only = page(visitor, "girafa", tipo="eventos")
    assert "/linea-de-tiempo/e0/" in only
    assert "/pronunciamientos/s/" not in only
    assert visitor.get("/buscar/?q=girafa&tipo=otro").status_code == 404


def test_one_hit_of_a_kind_is_said_in_the_singular(visitor):
    statement(slug="s", title="Girafa")
    event(slug="e", title="Girafa")
    assert "1 pronunciamiento:" in shown(page(visitor, "girafa", tipo="pronunciamientos"))


@pytest.mark.parametrize("unseen", ["\u202e", "\u2067", "\u200f", "\x01", "\x7f", "\ufffe"])
def test_what_turns_a_line_round_or_is_no_character_is_not_repeated(visitor, unseen):
    event(slug="e", title="Girafa")
    html = page(visitor, f"{unseen}girafa")
    assert unseen not in html
    assert "«<bdi>girafa</bdi>»" in html
    assert "/linea-de-tiempo/e/" in html
    missing = visitor.get("/buscar/", {"q": "girafa", "tipo": f"{unseen}otro"})
    assert "otro»." in missing.content.decode()
    assert unseen not in missing.content.decode()


def test_more_hits_than_a_page_holds_are_on_further_pages_each_once(visitor, monkeypatch):
    for n in range(45):
        event(slug=f"e{n:02}", title="Girafa")
    pages = (page(visitor, "girafa", pagina=number) for number in (1, 2, 3))
    found = [re.findall(r'/linea-de-tiempo/(e\d\d)/"', html) for html in pages]
    assert [len(some) for some in found] == [20, 20, 5]
    assert [slug for some in found for slug in some] == [f"e{n:02}" for n in range(45)]
    for beyond in ("4", "0", "x", "99999999999999999999"):
        assert visitor.get("/buscar/", {"q": "girafa", "pagina": beyond}).status_code == 404


def test_nothing_found_tells_how_to_search_and_what_each_word_finds(visitor):
    event(title="Girafa")
    html = page(visitor, "girafa hipopótamo")
    assert "Nada de lo público lo dice" in html
    assert '<a href="/buscar/?q=girafa">girafa</a>' in html
    assert "q=hipop" not in html
    assert "Entre comillas" in html


def test_the_field_in_the_header_is_on_every_page_and_keeps_what_was_typed(visitor):
    assert 'action="/buscar/"' in visitor.get("/").content.decode()
    assert 'value="«girafa» &quot;x&quot;"' in page(visitor, '«girafa» "x"')


def test_a_missing_page_offers_what_its_address_may_have_meant(visitor):
    meant = event(slug="se-crea-la-red", title="La Red se crea en una reunión")
    for address in (
        "/linea-de-tiempo/creacion-red/",
        "/reuniones",
        "/la_reunion/",
        "/x/RED-hipopotamo/",
    ):
        answer = visitor.get(address)
        assert answer.status_code == 404
        assert meant.get_absolute_url() in answer.content.decode(), address
    assert "Quizá buscaba" not in visitor.get("/hipopotamo/").content.decode()


# Bad input


@pytest.mark.parametrize(
    "typed",
    [
        "de la que y", '"', '""""', "« »", "- -- -", "-a -b", "AND OR NOT NEAR(", "* ^ : ( )", "%",
        "_", "a" * 10_000, "girafa " * 2_000, '"' * 5_000, "-x " * 3_000, "🦒", "🦒🏽‍♀️ é́́́́", "زرافة",
        "\u202egirafa\u202c", "ﬁn ½ ² Ⅷ ªº", "\ufffd", "\u0301", "'; DROP TABLE x; --",
        "{title} : x", "|", "girafa | azul", "\x01\x1f", "x" * 61 + " y", " ", "İ ß ŉ ǰ",
    ],
)  # fmt: skip
def test_no_query_is_an_error(visitor, typed):
    event(title="Girafa de la que y")
    assert visitor.get("/buscar/", {"q": typed}).status_code == 200


def test_invalid_utf8_is_searched_as_far_as_it_goes_and_nul_is_refused(visitor):
    assert visitor.get("/buscar/?q=%ff%fegirafa%80").status_code == 200
    assert visitor.get("/buscar/?q=a%00b").status_code == 400


@given(strategies.text(max_size=60))
def test_any_text_is_answered(typed):
    for query in (typed, f'"{typed}"', f"a -{typed}"):
        list(entries(query)[:1])


@given(strategies.text(max_size=80))
def test_any_word_of_any_text_finds_it_and_marks_cut_nothing(text):
    words = text.split()
    wanted = parse(" ".join(words)).wanted
    assert "".join(piece.text for piece in pieces(text, marks(text, wanted))) == text
    cut = excerpt(text, marks(text, wanted))
    assert all(piece.text in text or piece.text == "…" for piece in cut)


@given(strategies.text(strategies.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_record_is_found_by_any_word_of_it(text):
    one = statement(body="", title=text.strip()[:60] or "x")
    for word in parse(one.title).alone():
        assert one.slug in slugs(word.text)
    one.delete()


# What it costs


def test_a_search_asks_the_database_the_same_however_much_it_finds(visitor):
    here, who = source(text="Una girafa\n\nOtra vez la girafa azul."), organization(name="Girafa")

    def more(some: int) -> None:
        for _ in range(some):
            event(title="Girafa", summary="azul")
            said = statement(title="Girafa", body="<p>Otra vez la girafa azul.</p>")
            said.organizations.add(who)
            citation(said, "Otra vez", source=here)
            membership(organization=who, note="girafa")
            term(organization=who, note="girafa")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(visitor, "girafa")
        return len(queries)

    more(1)
    few = cost()
    more(30)
    assert cost() <= few < 30


@pytest.mark.parametrize(
    "hidden",
    [
        {"publish_at": None},
        {"publish_at": FAR_OFF},
        {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
    ],
)
def test_what_is_not_public_is_found_by_no_search_and_counted_by_none(visitor, hidden, reader):
    canary = "canarioquenadiedebever"
    source(title=canary, text=canary, **hidden)
    who = organization(name=canary, other_names=canary, **hidden)
    membership(organization=who, note=canary)
    membership(organization=organization(), replaces=who, note=canary)
    term(organization=who, note=canary)
    event(title=canary, body=canary, **hidden)
    statement(title=canary, body=canary, **hidden)
    for person in (visitor, reader):
        assert "Nada de lo público lo dice" in page(person, canary)
        assert "Quizá buscaba" not in person.get(f"/{canary}/").content.decode()
    assert counts(canary) == {}


def test_the_records_own_search_finds_what_its_source_says(visitor):
    call_command("load_record", verbosity=0)
    assert slugs("hipopótamo") == []
    assert "<mark>" in page(visitor, "representantes")
