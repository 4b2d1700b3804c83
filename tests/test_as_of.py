"""Who belonged and who represented on a date: four answers, each with its reason and the sentences
that it rests on; dates as people write them; the moments before and after."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from nucleo.as_of import nearest
from organizations.as_of import moments, neighbours
from organizations.models import Membership, RepresentationTerm
from record.dates import parse
from record.periods import Answer, Period, reason
from timeline.models import Event

from .records import (
    FAR_OFF,
    LONG_AGO,
    TEXT,
    YESTERDAY,
    citation,
    event,
    membership,
    organization,
    source,
    term,
)
from .test_pages import many
from .test_periods import exact, periods

pytestmark = pytest.mark.django_db
FORM = "/al/"


def words(client: Client, url: str, status: int = 200) -> str:
    """What a page says, without its tags."""
    response = client.get(url)
    assert response.status_code == status, url
    body = re.sub(r"<[^>]+>", "", response.content.decode().split("<main", 1)[1])
    return " ".join(unescape(body).split())


def named(name: str, **fields) -> Membership:
    return membership(organization=organization(name=name), **fields)


# The reason, in words


@pytest.mark.parametrize(
    ("start", "end", "when", "said"),
    [
        # sí
        ("2012", "2014", "2013", "Lo era desde 2012 y hasta 2014."),
        (
            "[2012-05..2013-02]",
            "[2016-05-23..]",
            "2014",
            "Lo era a más tardar desde febrero de 2013 y al menos hasta el 23 de mayo de 2016.",
        ),
        # no
        ("2012-05-03", "", "2012-04", "Empezó a serlo después, el 3 de mayo de 2012."),
        ("[2012-05..2013]", "", "2012-04", "Empezó a serlo no antes de mayo de 2012."),
        ("", "2012-05-03", "2013", "Lo fue hasta el 3 de mayo de 2012."),
        ("", "[..2012-05-03]", "2013", "Dejó de serlo a más tardar el 3 de mayo de 2012."),
        # en parte: what is certain, then the rest: no, or not said
        (
            "2012-04",
            "[2012-05-23..]",
            "2012",
            "Lo era desde abril de 2012 y al menos hasta el 23 de mayo de 2012; antes de abril de "
            "2012, no; qué día empezó y si lo era después, la fuente no lo dice.",
        ),
        (
            "2012-04-03",
            "2012-05-23",
            "2012",
            "Lo era desde el 3 de abril de 2012 y hasta el 23 de mayo de 2012; "
            "antes y después, no.",
        ),
        (
            "2012",
            "2014",
            "2012",
            "Al terminar 2012 ya lo era; qué día empezó, la fuente no lo dice.",
        ),
        (
            "2012",
            "2014",
            "2014",
            "Al empezar 2014 todavía lo era; qué día dejó de serlo, la fuente no lo dice.",
        ),
        (
            "[2012-02..2012-04]",
            "2014",
            "2012",
            "Lo era a más tardar desde abril de 2012 y hasta terminar 2012; antes de febrero de "
            "2012, no; desde cuándo, entre febrero de 2012 y abril de 2012, la fuente no lo dice.",
        ),
        (
            "[..2012-04]",
            "2014",
            "2012",
            "Lo era a más tardar desde abril de 2012 y hasta terminar 2012; "
            "si lo era antes, la fuente no lo dice.",
        ),
        (
            "2012",
            "[2014-02..2014-04]",
            "2014",
            "Lo era ya al empezar 2014 y al menos hasta febrero de 2014; después de abril de 2014, "
            "no; hasta cuándo, entre febrero de 2014 y abril de 2014, la fuente no lo dice.",
        ),
        (
            "2012",
            "2012",
            "2012",
            "Lo fue en algún momento de 2012; qué días, la fuente no lo dice.",
        ),
        # no determinable
        ("", "", "2012", "La fuente no dice desde cuándo ni hasta cuándo lo fue."),
        (
            "[2012..2014]",
            "[2012..2014]",
            "2013",
            "Lo fue en algún momento entre 2012 y 2014; cuándo, la fuente no lo dice.",
        ),
        (
            "2012",
            "[2014-05-23..]",
            "2012-03-05",
            "Empezó a serlo en 2012; si lo era el 5 de marzo de 2012, la fuente no lo dice.",
        ),
        (
            "2012",
            "[2014-05-23..]",
            "2015",
            "Lo seguía siendo el 23 de mayo de 2014; después, la fuente no lo dice.",
        ),
        (
            "2011",
            "[2012..2014]",
            "2013",
            "Dejó de serlo en algún momento entre 2012 y 2014; "
            "si lo era en 2013, la fuente no lo dice.",
        ),
        (
            "",
            "[..2014]",
            "2013",
            "Desde cuándo, la fuente no lo dice; dejó de serlo a más tardar en 2014; "
            "si lo era en 2013, la fuente no lo dice.",
        ),
    ],
)
def test_each_answer_is_explained_in_a_sentence_made_of_its_bounds(start, end, when, said):
    assert reason(Period(parse(start), parse(end)), parse(when)).words == said


@given(periods, exact)
def test_a_reason_rests_on_bounds_that_alone_give_the_same_answer(period, when):
    why = reason(period, parse(when))
    assert why.answer is period.on(parse(when))
    assert re.fullmatch(r"[A-ZÁÉÍÓÚ][^.]*[^.;, ]\.", why.words), why.words
    if why.answer in (Answer.YES, Answer.NO):
        kept = {
            side: [
                getattr(date, part) if f"{side}_{bound}" in why.bounds else ""
                for part, bound in (("lower", "earliest"), ("upper", "latest"))
            ]
            for side, date in (("start", period.start), ("end", period.end))
        }
        texts = ["..".join(parts) for parts in kept.values()]
        alone = Period(*(parse(f"[{text}]" if text != ".." else "") for text in texts))
        assert alone.on(parse(when)) is why.answer


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        (
            "2012-04",
            "[2014-05-23..]",
            "Empezó a serlo en abril de 2012; lo seguía siendo el 23 de mayo de 2014; "
            "después, la fuente no lo dice.",
        ),
        ("", "", "Lo fue; desde cuándo y hasta cuándo, la fuente no lo dice."),
        ("", "2014", "Lo fue; desde cuándo, la fuente no lo dice; lo fue hasta 2014."),
        ("2012", "", "Empezó a serlo en 2012; hasta cuándo, la fuente no lo dice."),
        (
            "[2012..2014]",
            "[2012..2014]",
            "Lo fue en algún momento entre 2012 y 2014; cuándo, la fuente no lo dice.",
        ),
    ],
)
def test_a_period_is_told_whole_with_what_is_not_said(start, end, told):
    assert Period(parse(start), parse(end)).story() == told


def test_the_page_of_an_organization_tells_who_took_whose_place_and_when(visitor: Client) -> None:
    before = named("Alfa", start="2012", end="[2012..2014]")
    after = named("Beta", start="[2012..2014]", end="[2016..]", replaces=before.organization)
    first, second = (m.organization.get_absolute_url() for m in (before, after))
    assert "Empezó a ser integrante en 2012; dejó de serlo en algún momento" in words(
        visitor, first
    )
    assert "Su lugar lo tomó Beta; cuándo, la fuente no lo dice." in words(visitor, first)
    assert "Tomó el lugar de Alfa; cuándo, la fuente no lo dice." in words(visitor, second)
    Membership.objects.filter(pk=after.pk).update(start="2014-03")
    assert "Tomó el lugar de Alfa, en marzo de 2014." in words(visitor, second)


def test_the_page_of_an_organization_has_its_memberships_in_the_order_of_the_list(
    visitor: Client,
) -> None:
    one = organization()
    for start in ("[..2014]", "[..2012]"):
        membership(organization=one, start=start, end="2015")
    shown = visitor.get(one.get_absolute_url()).context["memberships"]
    assert [record.start for record in shown] == ["[..2012]", "[..2014]"]


# The page


def test_the_four_answers_stand_apart_each_with_whom_it_is_about(visitor: Client) -> None:
    named("Alfa", start="2012", end="[2016..]")
    named("Beta", start="2014-03", end="[2016..]")
    named("Gama", start="[2012..2015]", end="[2016..]")
    named("Delta", start="2015", end="[2016..]")
    term(organization=organization(name="Épsilon"), start="2014", end="2014", order=2)
    said = words(visitor, "/al/2014/")
    assert "Cuatro membresías: sí, una; en parte, una; no determinable, una; no, una." in said
    assert re.search(
        r"sí una Lo era.* Alfa .*en parte una .* Beta .*no determinable una .* Gama "
        r".*no una Empezó .* Delta",
        said,
    )
    assert "Un periodo: en parte, uno." in said
    assert "en parte un representante Lo fue en algún momento de 2014" in said
    assert "2.º Épsilon" in said


def test_a_reason_that_several_share_is_said_of_each_of_them(visitor: Client) -> None:
    named("Alfa", start="2015", end="[2016..]")
    named("Beta", start="2015", end="[2016..]")
    assert "no dos Cada una: empezó a serlo después, en 2015." in words(visitor, "/al/2014/")


@pytest.mark.parametrize(
    ("url", "heading"),
    [
        ("/al/2014-02-11/", "El registro, al 11 de febrero de 2014"),
        ("/al/2014-02/", "El registro, en febrero de 2014"),
        ("/al/2014/", "El registro, en el año 2014"),
        ("/al/0001/", "El registro, en el año 0001"),
        ("/al/9999-12-31/", "El registro, al 31 de diciembre de 9999"),
        ("/al/2016-02-29/", "El registro, al 29 de febrero de 2016"),
    ],
)
def test_a_day_a_month_and_a_year_have_a_page_from_year_1_to_9999(
    visitor: Client, url: str, heading: str
) -> None:
    for start, end in (("2012", "[2016..]"), ("", ""), ("0001", "9999-12-31")):
        membership(start=start, end=end)
    event(start="9999-12-31")
    assert heading in words(visitor, url)


def test_an_answer_cites_the_sentences_of_the_bounds_that_it_rests_on_and_no_other(
    visitor: Client,
) -> None:
    here = source(text=TEXT)
    one = named("Alfa", start="2012-05", end="[2014-05-23..]", note="Nota nuestra: inferido.")
    since = citation(one, "En mayo de 2012", source=here, field="start")
    until = citation(one, "No se recibió respuesta", source=here, field="end_earliest")
    note = citation(one, "La Red anunció su salida", source=here, field="note")

    def cited(url: str) -> set[str]:
        return set(re.findall(r"#c(\d+)", visitor.get(url).content.decode()))

    assert cited("/al/2013/") == {str(since.number), str(until.number)}
    assert cited("/al/2011/") == {str(since.number)}
    assert cited("/al/2015/") == {str(until.number)}
    assert str(note.number) not in cited("/al/2012/")
    until.delete()
    since.delete()
    whole = citation(one, "decidieron sumarse a la Red", source=here)
    assert cited("/al/2011/") == {str(whole.number)}  # better the whole record's than none


def test_what_others_have_cited_already_is_led_to_and_not_quoted_again(visitor: Client) -> None:
    here = source(text=TEXT)
    for name, end in (("Alfa", "[2016..]"), ("Beta", "2016")):
        citation(named(name, start="2012", end=end), "En mayo de 2012", source=here, field="start")
    page = visitor.get("/al/2013/").content.decode()
    assert page.count("<mark>En mayo de 2012</mark>") == 1
    assert len(re.findall(r"#c1\"", page)) == 2


def test_who_belonged_twice_is_not_also_said_not_to_have_belonged(visitor: Client) -> None:
    twice = organization(name="Alfa")
    membership(organization=twice, start="2010", end="2011")
    membership(organization=twice, start="2013", end="2015")
    membership(organization=twice, start="[2010..2018]", end="[2010..2018]")
    assert "Una membresía: sí, una." in words(visitor, "/al/2014/")
    assert "no determinable, una." in words(visitor, "/al/2012/")
    membership(organization=organization(publish_at=None), start="2013", end="2015")
    assert "Una membresía: sí, una." in words(visitor, "/al/2014/")


def test_a_hidden_membership_does_not_take_a_visible_answer_away(visitor: Client) -> None:
    twice = organization(name="Alfa")
    membership(organization=twice, start="2010", end="2011")
    hidden = organization(name="canario", publish_at=None)
    membership(organization=twice, start="2013", end="2015", replaces=hidden)
    assert "Una membresía: no, una." in words(visitor, "/al/2014/")


@pytest.mark.parametrize(
    "state",
    [
        {"publish_at": None},
        {"publish_at": FAR_OFF},
        {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
    ],
)
def test_what_is_not_public_is_in_no_answer_no_moment_and_no_event(
    visitor: Client, reader: Client, state: dict
) -> None:
    hidden = organization(name="canario", **state)
    membership(organization=hidden, start="2013-05", end="2015")
    term(organization=hidden, start="2013-06", end="2015")
    event(title="canario", start="2014", **state)
    for person in (visitor, reader):
        for url in ("/al/2014/", "/al/2013/", FORM, "/al/abc/"):
            page = person.get(url).content.decode()
            assert "canario" not in page, url
            assert "mayo de 2013" not in page, url


def test_the_page_says_how_far_the_sources_go_when_that_is_not_to_its_end(visitor: Client) -> None:
    here = source(text=TEXT, describes_until="2014-05-23")
    citation(named("Alfa", start="2012", end="[2014-05-23..]"), source=here)
    told = "La fuente llega hasta el 23 de mayo de 2014"
    assert told in words(visitor, "/al/2014/")
    assert told not in words(visitor, "/al/2013/")


def test_events_of_then_are_told_and_those_that_may_have_been_then_as_such(visitor: Client) -> None:
    for title, start, end in (
        ("Sucede", "2014-02", ""),
        ("Sigue", "2012", "[2015..]"),
        ("Tal vez", "[2013..2015]", ""),
        ("Antes", "2013", ""),
        ("Quién sabe", "", ""),
        ("Nunca acaba", "[2010..]", ""),
        ("Algún día", "[..2018]", ""),
        ("A más tardar", "[..2014-02-28]", ""),
    ):
        event(title=title, start=start, end=end)

    def told(when: str) -> dict[str, bool]:
        return {e.title: bool(e.surely) for e in Event.objects.around(parse(when))}

    then = {"Sucede": True, "Sigue": True, "Tal vez": False, "A más tardar": False}
    assert told("2014") == told("2014-02") == then
    assert told("2014-02-28") == then | {"Sucede": False}
    assert told("2012") == {"Sigue": True}
    said = words(visitor, "/al/2014/")
    assert re.search(r"Sucede.*Pudo ser entonces.*Tal vez", said)
    assert "Nunca acaba" not in said


# The moments before and after


def test_the_moments_before_and_after_say_what_changes(visitor: Client) -> None:
    named("Alfa", start="2012-08", end="[2016-05-23..]")
    named("Beta", start="[2010..2012-08]", end="[..2014]")
    term(organization=organization(name="Gama"), start="2014-11", end="2015")
    told = {moment.when.text: moment.words for moment in moments()}
    assert told == {
        "2010": "pudo empezar desde entonces la membresía de Beta",
        "2012-08": "empieza la membresía de Alfa; a más tardar empieza la membresía de Beta",
        "2014": "a más tardar termina la membresía de Beta",
        "2014-11": "empieza el periodo de representación de Gama",
        "2015": "termina el periodo de representación de Gama",
        "2016-05-23": "hasta entonces consta la membresía de Alfa",
    }
    page = visitor.get("/al/2013/").content.decode()
    assert 'rel="prev" href="/al/2012-08/"' in page
    assert 'rel="next" href="/al/2014/"' in page
    said = words(visitor, "/al/2013/")
    assert "Antes: agosto de 2012 empieza la membresía de Alfa" in said
    assert "Después: 2014 a más tardar termina la membresía de Beta" in said


@pytest.mark.parametrize(
    ("when", "before", "around", "after"),
    [
        ("2014", "2012-08", ["2014", "2014-11"], "2015"),
        ("2014-11-05", "2012-08", ["2014", "2014-11"], "2015"),
        ("2014-12", "2014-11", ["2014"], "2015"),
        ("2009", None, [], "2012-08"),
        ("9999-12-31", "2015", [], None),
    ],
)
def test_neighbours_neither_share_a_day_with_the_date_nor_skip_a_moment(
    when, before, around, after
):
    membership(start="2012-08", end="2014")
    term(start="2014-11", end="2015")
    found = neighbours(parse(when))
    assert (found["before"] and found["before"].when.text) == before
    assert [moment.when.text for moment in found["around"]] == around
    assert (found["after"] and found["after"].when.text) == after


def test_a_year_of_many_moments_shows_the_first_and_says_that_there_are_more(
    visitor: Client,
) -> None:
    for day in range(1, 20):
        membership(start=f"2014-03-{day:02}", end="")
    found = neighbours(parse("2014"))
    assert (len(found["around"]), found["more"]) == (6, True)
    assert "Entonces hubo más" in words(visitor, "/al/2014/")


# The form


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("agosto de 2011", "2011-08"),
        ("11/08/2011", "2011-08-11"),
        ("11 de agosto de 2011", "2011-08-11"),
        ("2011-08-11", "2011-08-11"),
        (" 2011 ", "2011"),
        ("el año 2011", "2011"),
    ],
)
def test_a_date_as_people_write_it_leads_to_its_page(visitor: Client, written, date) -> None:
    response = visitor.get(FORM, {"fecha": written})
    assert (response.status_code, response["Location"]) == (302, f"/al/{date}/")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("30 de febrero de 2017", "Febrero de 2017 tiene 28 días."),
        ("2017-13", "No hay mes 13; van de 1 a 12."),
        ("ayer", "No se reconoce como día, mes o año."),
        ("11 de agosto", "Falta el año."),
        ("entre 2011 y 2012", "Es un tramo, y aquí se pregunta por un día, un mes o un año."),
        ("antes de 2011", "Es un tramo, y aquí se pregunta por un día, un mes o un año."),
        ("", "Falta la fecha: un día, un mes o un año."),
        ("9" * 5000, "Es demasiado larga."),
        ("\"'><b>x", "No se reconoce como día, mes o año."),
    ],
)
def test_what_is_no_date_is_told_beside_the_field_which_keeps_it(visitor, written, problem) -> None:
    response = visitor.get(FORM, {"fecha": written})
    page = response.content.decode()
    assert response.status_code == 400
    assert problem in words(visitor, f"{FORM}?fecha={written}", 400)
    field = re.search(r'<input id="fecha"[^>]*>', page)[0]
    assert unescape(re.search(r'value="([^"]*)"', field)[1]) == written
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="fecha-problema"' in field
    assert "<b>x" not in page


def test_the_form_alone_complains_of_nothing_and_lists_when_something_changes(visitor) -> None:
    membership(start="2012-08", end="2014")
    page = visitor.get(FORM).content.decode()
    assert "aria-invalid" not in page
    assert 'href="/al/2012-08/"' in page
    assert "Último cambio de lo que muestra esta página" in page


@pytest.mark.parametrize(
    ("date", "why", "nearby"),
    [
        ("2017-02-30", "Febrero de 2017 tiene 28 días.", "2017-02-28"),
        ("2017-13", "No hay mes 13", "2017-12"),
        ("2017-00-05", "No hay mes 0", "2017-01-05"),
        ("0000", "No hubo año 0.", "0001"),
        ("20170", "No se reconoce", "2017"),
        ("2017-2-3", "No se reconoce", "2017-02-03"),
        ("agosto de 2011", "No se reconoce", "2011-08"),
        ("[2011-08..2012]", "Es un tramo", "2012"),
        ("[2011-08..]", "Es un tramo", "2011-08"),
        ("abc", "No se reconoce", "2014-05"),
        ("9" * 3000, "No se reconoce", "9999"),
    ],
)
def test_an_impossible_date_is_not_found_says_why_and_offers_one_nearby(
    visitor, date, why, nearby
) -> None:
    membership(
        start="2012", end="2014-05"
    )  # of which the last moment is offered for want of better
    said = words(visitor, f"/al/{date}/", 404)
    assert why in said
    page = visitor.get(f"/al/{date}/").content.decode()
    assert f'Una fecha posible: <a href="/al/{nearby}/">' in page
    assert '<form class="ask" action="/al/"' in page
    assert "canonical" not in page
    assert visitor.get(f"/al/{nearby}/").status_code == 200


def test_without_any_moment_an_impossible_date_offers_none(visitor: Client) -> None:
    assert "Una fecha posible" not in words(visitor, "/al/abc/", 404)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_nothing_that_is_typed_or_asked_for_is_an_error_of_ours(text):
    visitor = Client()
    assert visitor.get(FORM, {"fecha": text}).status_code in (302, 400)
    if text.strip("/.") and "/" not in text:
        url = reverse("as_of", args=[text])
        assert visitor.get(url).status_code in (200, 301, 404)
    date = nearest(text)
    assert date is None or date.kind in ("day", "month", "year")


def test_the_pages_of_dates_only_read(visitor: Client) -> None:
    for url in (FORM, "/al/2014/", "/al/abc/"):
        assert visitor.post(url).status_code == 405
        assert visitor.head(url).status_code == visitor.get(url).status_code


# Cost


def test_dates_cost_as_few_queries_with_thousands_of_members(visitor: Client) -> None:
    def cost(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert visitor.get(url).status_code in (200, 404)
        return len(queries)

    budgets = {"/al/2014/": 10, "/al/2014-02-11/": 10, "/al/2050/": 10, FORM: 2, "/al/abc/": 2}
    many(20)
    for rows in (20, 3000):
        many(rows)
        assert {url: n for url, most in budgets.items() if (n := cost(url)) > most} == {}


def test_many_members_are_paged_and_each_is_on_one_page(visitor: Client) -> None:
    many(120)
    found: list[str] = []
    for number in (1, 2):
        page = visitor.get("/al/2014/", {"pagina": number}).content.decode()
        found += re.findall(r'<li><a href="/organizaciones/([\w-]+)/"', page)
    assert visitor.get("/al/2014/", {"pagina": 3}).status_code == 404
    belonging = Membership.objects.values_list("organization__slug", flat=True)
    speaking = RepresentationTerm.objects.values_list("organization__slug", flat=True)
    assert sorted(found) == sorted([*belonging, *speaking])
