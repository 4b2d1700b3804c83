"""What readers ask in their own words and by date, and what a search without hits says."""

import re
from html import unescape
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from record.pages import counted
from search.models import Entry
from search.query import parse, synonyms
from tests import records
from tests.conftest import Person
from tests.staff import address_of, problems, save
from tests.test_search import words_of
from timeline.models import Event
from timeline.vocabulary import Synonym

pytestmark = pytest.mark.django_db


def slugs(typed: str) -> list[str]:
    entries = Entry.objects.public().matching(parse(typed, synonyms()))
    return [entry.slug for entry in entries]


def page(visitor: Person, typed: str, **more: Any) -> str:
    answer = visitor.get("/buscar/", {"q": typed} | more)
    assert answer.status_code == 200
    return answer.text


def answers(html: str) -> list[str]:
    """The addresses of the pages above the hits, then of the hits."""
    main = html.split("<main")[1]
    return re.findall(r'<(?:p class="lead"|h3)><a href="([^"]+)"', main)


@pytest.fixture
def first_record() -> None:
    call_command("load_record", verbosity=0)


QUESTIONS = {
    "23 de mayo": "/linea-de-tiempo/salida-del-stt/",
    "mayo 2017": "/linea-de-tiempo/salida-del-stt/",
    "2017": "/al/2017/",
    "representante 2014": "/al/2014/",
    "vocero": "/representacion/",
    "motivo de la salida": "/pronunciamientos/por-que-el-nucleo-concluyo-su-participacion/",
    "renuncia": "/linea-de-tiempo/salida-del-stt/",
    "quién sustituyó a citivox": "/linea-de-tiempo/socialtic-sustituye-a-citivox/",
    "pegasus": "/pronunciamientos/como-se-descubrio-la-vigilancia-digital-ilegal/",
    "observatorio mexicano": "/organizaciones/observatorio-nacional-ciudadano/",
}


@pytest.mark.usefixtures("first_record")
def test_the_first_three_answers_to_ten_questions_hold_the_one_that_the_record_has(visitor):
    for typed, address in QUESTIONS.items():
        assert address in answers(page(visitor, typed))[:3], typed


@pytest.mark.usefixtures("first_record")
def test_a_year_finds_all_its_events_and_counts_them(visitor):
    events = Event.objects.visible_to(None).around(parse("2017").when).filter(surely=True)
    assert {event.slug for event in events} <= {*slugs("2017")}
    number = counted(len(events), "acontecimiento")
    assert f"quién representaba en 2017, y qué pasó: {number}</a>" in page(visitor, "2017")
    assert number != "ningún acontecimiento"


# Dates


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("23 de mayo de 2017", "day told"),
        ("23/05/2017", "day told"),
        ("2017-05-23", "day told"),
        ("el 23 de mayo del 2017", "day told"),
        ("23 de mayo", "day told"),
        ('"mayo de 2017"', "day told"),
        ("MAYO 2017", "day told"),
        ("may 2017", "day told"),
        ("5/2017", "day told"),
        ("2017", "bounded day long told turn"),
        ("2016", "long turn"),
        ("2015", "joined long"),
        ("2018", "long turn"),
        ("principios 2015", "joined"),
        ("abril 2017", ""),
        ("noviembre 2017", ""),
        ("2014", ""),
        ("2019", ""),
    ],
)
def test_a_date_finds_what_is_surely_of_that_day_month_or_year(typed, expected):
    """Neither the bounds of a date nor a day after a source was written are dates of the record."""
    records.event(slug="day", start="2017-05-23", title="A")
    records.event(slug="bounded", start="[2017-02..2017-11]", title="B")
    records.event(slug="open", start="[2019-01..]", title="C")
    records.event(slug="between", start="[2013..2016]", title="D")
    records.event(slug="long", start="2015-12", end="2018-02-03", title="E")
    records.statement(slug="told", date="2017-05-23", title="F", body="")
    who = records.organization(slug="who", name="G")
    records.membership(
        slug="joined", organization=who, start="2015", end="[2019..]",
        start_label="a principios de 2015",
    )  # fmt: skip
    records.term(slug="turn", organization=who, start="2016", end="2018")
    records.source(slug="text", text="H", title="H", published="")
    assert sorted(slugs(typed)) == expected.split()


def test_a_changed_date_is_found_at_once():
    happened = records.event(slug="day", title="A", start="2017-05-23")
    happened.start = "2018-06"
    happened.save()
    assert (slugs("mayo 2017"), slugs("junio de 2018")) == ([], ["day"])


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("2014", "/al/2014/"),
        ("mayo de 2017", "/al/2017-05/"),
        ("23/5/2017", "/al/2017-05-23/"),
        ("¿Quién representaba en 2014?", "/al/2014/"),
        ("representantes, mayo de 2017", "/al/2017-05/"),
        ("2014 vocera", "/al/2014/"),
        ("¿Qué pasó en 2014?", "/al/2014/"),
        ("¿quiénes eran integrantes en 2014?", "/al/2014/"),
        ("co-representante 2014", "/al/2014/"),
        ("vocera", "/representacion/"),
        ("¿Quién representa?", "/representacion/"),
        ("rotación", "/representacion/"),
        ("informe 2014", ""),
        ("2014 -2015", ""),
        ("30 de febrero de 2014", ""),
        ("antes de 2015", ""),
        ("23 de mayo", ""),
        ("integrantes", ""),
        ("quién", ""),
        ("", ""),
    ],
)
def test_a_date_or_a_role_offers_first_the_page_that_answers_it(visitor, typed, offered):
    records.synonym("vocera", "representante")
    for _ in range(2):
        records.event(title="Informe de 2014 de quien representa, en rotación", start="2014")
    assert [a for a in answers(page(visitor, typed)) if "tiempo" not in a] == [offered][
        : len(offered)
    ]


def test_a_turn_of_the_rotation_is_found_by_its_role_and_by_its_organization():
    for slug, name in (("turno-1", "Casa Azul"), ("turno-2", "Casa Roja")):
        organization = records.organization(slug=f"o-{slug}", name=name)
        records.term(slug=slug, organization=organization)
    assert slugs("representantes") == ["turno-1", "turno-2"]
    assert slugs("representante roja") == ["turno-2"]
    organization.name = "Casa Verde"
    organization.save()
    assert (slugs("representante roja"), slugs("representante verde")) == ([], ["turno-2"])


# Words

QUESTION_WORDS = (
    "quién quiénes cuándo dónde cómo qué cuál cuáles cuánto cuántas por-qué porque pasó ocurrió"
)


def test_no_word_of_a_question_and_no_invisible_character_hides_a_record():
    records.event(slug="plain", title="Participación eficaz")
    records.event(slug="soft", title="Parti\u00adcipa\u00adción e\u200bﬁcaz")
    records.event(slug="apart", title="Participacio\u0301n e\ufb01caz")
    for word in QUESTION_WORDS.replace("-", " ").split(" "):
        assert len(slugs(f"¿{word} participación?")) == 3, word
    for typed in (
        "participación eficaz", "par\u00adtici\u00adpación", "participacio\u0301n", "eﬁcaz",
        "\u200eparti\u200dcipación\u200f", "\ufeffeficaz", "ＥＦＩＣＡＺ", "¿cua\u00adndo eficaz?",
    ):  # fmt: skip
        assert sorted(slugs(typed)) == ["apart", "plain", "soft"], typed


def test_the_staff_who_publish_edit_synonyms_which_the_search_uses_at_once(
    words, publisher, editor, reader
):
    records.event(slug="left", title="Salida de la mesa")
    records.event(slug="reason", title="Por qué se fue", start="2012")
    records.event(slug="both", title="Renuncias")
    records.event(slug="text", title="Después", body="<p>La salida de otra.</p>", start="2020")
    add = address_of("add", Synonym)
    for word, means in (("renuncia", "salida"), ("Motivo", "razón, por qué"), ("ad", "salida")):
        assert save(publisher, add, word=word, means=means).status_code == 302
    assert (slugs("renuncia"), slugs("renuncia mesa")) == (["both", "left", "text"], ["left"])
    assert (slugs("motivos"), slugs('"renuncia"')) == (["reason"], ["both"])
    assert slugs("salida -renuncia") == ["left", "text"]
    synonym = Synonym.objects.get(word="renuncia")
    change = address_of("change", synonym)
    for person in (editor, reader):
        assert person.post(change, {"word": "renuncia", "means": "nada"}).status_code == 403
    assert save(publisher, change, means="despedida").status_code == 302
    assert slugs("renuncia") == ["both"]
    assert synonym.history.count() == 2
    for field, text in (
        ("word", "dos palabras"),
        ("word", "Motivo"),
        ("means", "una,, dos"),
        ("means", ","),
    ):
        refused = save(publisher, add, **{"word": "otra", "means": "una"} | {field: text})
        assert problems(refused), (field, text)


# A miss


def test_a_miss_says_which_word_it_leaves_out_and_counts_what_it_finds_without_it(visitor):
    for n in range(3):
        records.event(slug=f"e{n}", title="Girafa azul")
    records.statement(slug="s", title="Girafa")
    records.event(slug="lone", title="Ornitorrinco")
    rare = page(visitor, "girafa azul ornitorrinco")
    said = words_of(rare)
    assert (
        "Ningún registro tiene todas esas palabras. Sin « ornitorrinco » se encuentra esto:" in said
    )
    assert "3 resultados: acontecimientos 3" in said
    assert "Cada palabra sola: girafa 4 · azul 3 · ornitorrinco 1" in said
    assert "/linea-de-tiempo/e0/" in rare
    assert "Nada de lo público" not in said
    absent = page(visitor, "hipopótamo girafa ñandú ornitorrinco jabalí")
    said = words_of(absent)
    assert (
        "Sin « hipopótamo », « ñandú », « ornitorrinco » ni « jabalí » se encuentra esto:" in said
    )
    assert "4 resultados: acontecimientos 3 · pronunciamientos 1" in said
    link = unescape(re.findall(r'href="([^"]+tipo=pronunciamientos)"', absent)[0])
    chosen = words_of(visitor.get(link).text)
    assert "1 pronunciamiento: acontecimientos 3 · pronunciamientos 1" in chosen
    assert "ni « jabalí » se encuentra esto:" in chosen


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"q": "hipopótamo"}, "Ningún registro tiene « hipopótamo ». Que no conste aquí"),
        ({"q": "hipopótamo ñandú"}, "Ningún registro tiene todas esas palabras. Que no conste"),
        ({"q": '"azul girafa"'}, 'Ningún registro tiene « "azul girafa" ». Que no'),
        ({"q": "girafa", "tipo": "fuentes"}, "del tipo «fuente», ninguno tiene « girafa »."),
        ({"q": "girafa", "tipo": "fuentes"}, "0 fuentes: acontecimientos 1 · fuentes 0"),
        ({"q": "girafa azul", "tipo": "fuentes"}, "«fuente», ninguno tiene todas esas palabras."),
        ({"q": "gato", "tipo": "fuentes"}, "Ningún registro tiene « gato ». Que no conste"),
        ({"q": "girafa -azul"}, "Ningún registro tiene « girafa » sin lo que se excluye."),
    ],
)
def test_a_search_without_hits_says_so_and_never_that_there_is_no_such_thing(visitor, asked, says):
    records.event(title="Girafa azul")
    assert says in words_of(visitor.get("/buscar/", asked).text)


def test_a_miss_costs_few_queries_for_each_word(visitor):
    def cost_of(typed: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            page(visitor, typed)
        return len(queries)

    records.event(title=" ".join(f"x{n}" for n in range(11)))
    few = cost_of("x1 nada")
    assert cost_of(" ".join([*(f"x{n}" for n in range(11)), "nada"])) <= few + 11


def test_a_year_leads_to_all_its_events_in_the_timeline_the_bounded_ones_too(visitor):
    for start in ("2014", "[..2014-05]", "2015"):
        records.event(start=start)
    shown = page(visitor, "2014")
    assert 'href="/linea-de-tiempo/?anio=2014">La línea de tiempo de 2014: dos acontec' in shown
