"""Who belonged and who represented on a date: four answers, each with its reason and the sentences
that it rests on; dates as people write them; the moments before and after."""

import re
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from dates.edtf import parse
from organizations.as_of import moments, neighbours
from organizations.models import Membership, RepresentationTerm
from timeline.models import Event

from .markup import words
from .records import (
    HIDDEN,
    citation,
    event,
    many,
    membership,
    organization,
    proven,
    source,
    term,
)

pytestmark = pytest.mark.django_db
FORM = "/al/"


def named(name: str, **fields: Any) -> Membership:
    return membership(organization=organization(name=name), **fields)


# The page of a date


def test_the_four_answers_stand_apart_each_with_whom_it_is_about(visitor):
    named("Alfa", start="2012", end="[2016..]")
    named("Beta", start="2014-03", end="[2016..]")
    named("Gama", start="[2012..2015]", end="[2016..]")
    proven(named("Ópera", start="2015", end="[2016..]"))
    proven(named("Zeta", start="2015", end="[2016..]"))
    term(organization=organization(name="Épsilon"), start="2014", end="2014", order=2)
    page = words(visitor.get("/al/2014/"))
    assert "Una organización pertenecía todo el año; una más, una parte del año; de otra," in page
    assert re.search(
        r"sí 1 Alfa .* Lo era.*en parte 1 Beta .*no determinable 1 Gama "
        r".*no 2 Ópera ?Zeta ?Empezaron a serlo después, en 2015\.",
        page,
    )
    assert "¿Hablaban por la coalición? sí 0 De ninguna consta todo el año. en parte 1" in page
    assert re.search(r"2\.º Épsilon .*Lo fue en algún momento de 2014; .* Ninguna\. no 0", page)


@pytest.mark.parametrize(
    ("periods", "date", "answer"),
    [
        ([("2012-05", "2016")] * 2, "2012-05", "ya pertenecían al terminar el mes. Quién"),
        ([("2012", "2013-05")], "2013-05", "todavía pertenecía al empezar el mes."),
        ([("2012", "2015"), ("[2012..2015]", "")], "2013", "todo el año; de otra, la fuente"),
        ([("", "")], "2013", "De una organización, si pertenecía, la fuente no lo dice."),
        ([("2012", "2015")], "2020", "De ninguna organización consta que perteneciera entonces."),
    ],
)  # fmt: skip
def test_the_lead_answers_in_two_sentences(periods, date, answer, visitor):
    for start, end in periods:
        membership(start=start, end=end)
    assert answer in words(visitor.get(f"/al/{date}/"))


def test_the_lead_names_who_spoke_and_marks_what_lacks_proof(visitor):
    proven(term(organization=organization(name="Alfa"), start="2013", end="[2016..]"))
    term(organization=organization(name="Beta"), start="2013", role="co_representative", end="2017")
    assert "Quién hablaba por la coalición, la fuente no lo dice." in words(
        visitor.get("/al/2012/")
    )
    page = words(visitor.get("/al/2014/"))
    with_mark = "[ sin cita todavía ] Beta"
    assert f"Por la coalición hablaba Alfa, con {with_mark} como co-representante." in page
    assert "Por la coalición habló, una parte del año, Alfa" in words(visitor.get("/al/2016/"))


def test_a_day_a_month_and_a_year_have_a_page_from_year_1_to_9999(visitor):
    for start, end in (("2012", "[2016..]"), ("", ""), ("0001", "9999-12-31")):
        membership(start=start, end=end)
    event(start="9999-12-31")
    for date, heading in {
        "2014-02-11": "¿Quién, el 11 de febrero de 2014",
        "2014-02": "¿Quién, en febrero de 2014",
        "2014": "¿Quién, en 2014",
        "0001": "¿Quién, en 0001",
        "9999-12-31": "¿Quién, el 31 de diciembre de 9999?",
        "2016-02-29": "¿Quién, el 29 de febrero de 2016",
    }.items():
        assert heading in words(visitor.get(f"/al/{date}/"))


def test_an_answer_cites_the_sentences_of_the_bounds_that_it_rests_on_and_no_other(visitor):
    here = source()
    member = named("Alfa", start="2012-05", end="[2014-05-23..]", note="Nota nuestra: inferido.")
    since = citation(member, "En mayo de 2012", source=here, field="start")
    until = citation(member, "No se recibió respuesta", source=here, field="end_earliest")
    note = citation(member, "La Red anunció su salida", source=here, field="note")
    whole_record = citation(member, "decidieron sumarse a la Red", source=here)

    def cited(date: str) -> set[int]:
        return set(map(int, re.findall(r"#c(\d+)", visitor.get(f"/al/{date}/").text)))

    assert cited("2013") == {since.number, until.number, whole_record.number}
    assert cited("2011") == {since.number}
    assert cited("2015") == {until.number, whole_record.number}
    assert note.number not in cited("2012")
    until.delete()
    since.delete()
    assert cited("2011") == {whole_record.number}  # the whole record's, for lack of its bound's


def test_what_several_answers_cite_is_quoted_once_and_each_leads_to_it(visitor):
    here = source()
    for name, end in (("Alfa", "[2016..]"), ("Beta", "2016")):
        citation(named(name, start="2012", end=end), "En mayo de 2012", source=here, field="start")
    page = visitor.get("/al/2013/").text
    assert page.count("<mark>En mayo de 2012</mark>") == 1
    assert page.count('<a href="#n1"') == 2


def test_who_belonged_twice_is_not_also_said_not_to_have_belonged(visitor):
    twice = organization(name="Alfa")
    membership(organization=twice, start="2010", end="2011")
    hidden = organization(publish_at=None)
    membership(organization=twice, start="2013", end="2015", replaces=hidden)
    membership(organization=hidden, start="2013", end="2015")
    assert "no 1 Alfa" in words(visitor.get("/al/2014/"))
    membership(organization=twice, start="2013", end="2015")
    membership(organization=twice, start="[2010..2018]", end="[2010..2018]")
    assert "sí 1 Alfa" in words(visitor.get("/al/2014/"))
    assert "no determinable 1 Alfa" in words(visitor.get("/al/2012/"))


def test_what_is_not_public_is_in_no_answer_no_moment_and_no_event(visitor, reader):
    for month, state in zip(("06", "07", "08"), HIDDEN, strict=True):
        hidden = organization(name="canario", **state)
        membership(organization=hidden, start="2013-05", end="2015")
        term(organization=hidden, start=f"2013-{month}", end=f"2013-{month}")
        event(title="canario", start="2014", **state)
    for person in (visitor, reader):
        for url in ("/al/2014/", "/al/2013/", FORM, "/al/abc/"):
            assert not re.search("canario|(mayo|junio|julio|agosto) de 2013", person.get(url).text)


def test_the_page_says_how_far_the_sources_go_when_that_is_not_to_its_end(visitor):
    here = source(describes_until="2014-05-23")
    citation(named("Alfa", start="2012", end="[2014-05-23..]"), source=here)
    limit = "La fuente llega hasta el 23 de mayo de 2014"
    assert limit in words(visitor.get("/al/2014/"))
    assert limit not in words(visitor.get("/al/2013/"))


def test_events_of_the_date_are_listed_and_possible_events_are_marked_as_possible(visitor):
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

    def around(when: str) -> dict[str, bool]:
        return {e.title: bool(e.surely) for e in Event.objects.around(parse(when))}

    then = {"Sucede": True, "Sigue": True, "Tal vez": False, "A más tardar": False}
    assert around("2014") == around("2014-02") == then
    assert around("2014-02-28") == then | {"Sucede": False}
    assert around("2012") == {"Sigue": True}
    page = words(visitor.get("/al/2014/"))
    assert re.search(r"Sucede.*Pudo ser entonces.*Tal vez", page)
    assert (page.count("Sucede"), page.count("Tal vez")) == (1, 1)
    assert "Nunca acaba" not in page


def test_many_members_are_paged_and_each_is_on_one_page(visitor):
    many(120)
    slugs: list[str] = []
    for number in (1, 2, 3):
        page = visitor.get("/al/2014/", {"pagina": number}).text
        slugs += re.findall(r'<li><a href="/organizaciones/([\w-]+)/"', page)
    assert visitor.get("/al/2014/", {"pagina": 4}).status_code == 404
    models = (Membership, RepresentationTerm)
    expected = (model.objects.values_list("organization__slug", flat=True) for model in models)
    assert sorted(slugs) == sorted(slug for names in expected for slug in names)


# The pages of an organization


def test_the_page_of_an_organization_tells_who_took_whose_place_and_when(visitor):
    before = named("Alfa", start="2012", end="[2012..2014]")
    after = named("Beta", start="[2012..2014]", end="[2016..]", replaces=before.organization)
    proven(after)
    membership(organization=before.organization, start="[..2014]", end="2015")
    membership(organization=before.organization, start="[..2012]", end="2015")
    first, second = (m.organization.get_absolute_url() for m in (before, after))
    page = visitor.get(first)
    starts = [membership.start for membership in page.context["memberships"]]
    assert starts.index("[..2012]") < starts.index("[..2014]")  # in the order of the list
    assert "Empezó a ser integrante en 2012; dejó de serlo en algún momento" in words(page)
    assert "La sustituyó Beta; cuándo, la fuente no lo dice." in words(page)
    assert "Sustituyó a Alfa; cuándo, la fuente no lo dice." in words(visitor.get(second))
    Membership.objects.filter(pk=after.pk).update(start="2014-03")
    assert "Sustituyó a Alfa, en marzo de 2014." in words(visitor.get(second))


def test_before_the_founding_the_coalition_did_not_exist_and_nobody_is_missing(visitor):
    proven(named("Alfa", start="[2012-05..2014]"))
    term(organization=organization(name="Beta"))
    page = words(visitor.get("/al/2012-04/"))
    assert "La coalición no existía: ninguna membresía empieza antes de mayo de 2012." in page
    assert "no 1 Alfa Empezó a serlo en mayo de 2012 o después." in page
    assert "Beta" not in page
    for date in ("2012-05", "2012", "2012-04"):
        if date == "2012-04":  # since when somebody belonged is open
            named("Gama")
        page = words(visitor.get(f"/al/{date}/"))
        assert ("no existía" in page, "Beta" in page) == (False, True)


# The moments before and after


def test_the_moments_before_and_after_say_what_changes(visitor):
    proven(named("Alfa", start="2012-08", end="[2016-05-23..]"))
    proven(named("Beta", start="[2010..2012-08]", end="[..2014]"))
    proven(term(organization=organization(name="Gama"), start="2014-11", end="2015"))
    assert {moment.when.text: moment.words for moment in moments()} == {
        "2010-01": "pudo empezar desde entonces la membresía de Beta",
        "2012-08": "empieza la membresía de Alfa; entonces, o antes, empieza la membresía de Beta",
        "2014": "entonces, o antes, termina la membresía de Beta",
        "2014-11": "empieza el periodo de representación de Gama",
        "2015": "termina el periodo de representación de Gama",
        "2016-05-23": "hasta entonces consta la membresía de Alfa",
    }
    page = visitor.get("/al/2013/")
    assert 'rel="prev" href="/al/2012-08/"' in page.text
    assert 'rel="next" href="/al/2014/"' in page.text
    assert "Antes: agosto de 2012 empieza la membresía de Alfa" in words(page)
    assert "Después: 2014 entonces, o antes, termina la membresía de Beta" in words(page)


def test_neighbours_neither_share_a_day_with_the_date_nor_skip_a_moment():
    membership(start="2012-08", end="2014")
    term(start="2014-11", end="2015")
    for when, *expected in (
        ("2014", "2012-08", ["2014", "2014-11"], "2015"),
        ("2014-11-05", "2012-08", ["2014", "2014-11"], "2015"),
        ("2014-12", "2014-11", ["2014"], "2015"),
        ("2009", None, [], "2012-08"),
        ("9999-12-31", "2015", [], None),
    ):
        near = neighbours(moments(), parse(when))
        before, after = (near[side] and near[side].when.text for side in ("before", "after"))
        around = [moment.when.text for moment in near["around"]]
        assert [before, around, after] == expected, when


def test_a_year_of_many_moments_shows_the_first_and_says_that_there_are_more(visitor):
    for day in range(1, 20):
        membership(start=f"2014-03-{day:02}", end="")
    page = words(visitor.get("/al/2014/"))
    assert page.count("Entonces: ") == 6
    assert "Entonces hubo más" in page


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
def test_a_date_as_people_write_it_leads_to_its_page(visitor, written, date):
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
    ids=range(9),
)
def test_text_that_is_no_date_stays_in_the_field_with_an_error_next_to_it(
    visitor, written, problem
):
    response = visitor.get(FORM, {"fecha": written})
    assert response.status_code == 400
    assert problem in words(response)
    field = re.search(r'<input id="date"[^>]*>', response.text)[0]
    assert unescape(re.search(r'value="([^"]*)"', field)[1]) == written
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="date-problem"' in field
    assert "<b>x" not in response.text


def test_the_form_alone_complains_of_nothing_and_lists_when_something_changes(visitor):
    assert "Una fecha posible" not in visitor.get("/al/abc/").text
    membership(start="2012-08", end="2014")
    page = visitor.get(FORM).text
    assert "aria-invalid" not in page
    assert 'href="/al/2012-08/"' in page
    assert "Último cambio de lo que muestra esta página" in page


@pytest.mark.parametrize(
    ("date", "reason", "nearby"),
    [
        ("2017-02-30", "Febrero de 2017 tiene 28 días.", "2017-02-28"),
        ("2017-13", "No hay mes 13", "2017-12"),
        ("2017-00-05", "No hay mes 0", "2017-01-05"),
        ("0000", "No hubo año 0.", "0001"),
        ("20170", "No se reconoce", "2017"),
        ("2017-2-3", "No se reconoce", "2017-02-03"),
        ("agosto de 2011", "No se reconoce", "2011-08"),
        ("[2011-08..2012]", "Es un tramo", "2012-12"),
        ("[2011-08..]", "Es un tramo", "2011-08"),
        ("abc", "No se reconoce", "2014-05"),  # the last moment, for lack of a likelier date
        ("9" * 3000, "No se reconoce", "9999"),
    ],
    ids=lambda value: value[:20],
)
def test_an_impossible_date_is_not_found_says_why_and_offers_one_nearby(
    visitor, date, reason, nearby
):
    membership(start="2012", end="2014-05")
    response = visitor.get(f"/al/{date}/")
    assert response.status_code == 404
    assert reason in words(response)
    assert f'Una fecha posible: <a href="/al/{nearby}/">' in response.text
    assert '<form class="date-form" action="/al/"' in response.text
    assert "canonical" not in response.text
    assert "ld+json" not in response.text
    assert visitor.get(f"/al/{nearby}/").status_code == 200


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
@hypothesis(max_examples=50)
def test_no_typed_date_or_address_is_answered_with_500(text):
    visitor = Client()
    assert visitor.get(FORM, {"fecha": text}).status_code in (302, 400)
    response = visitor.get(f"/al/{quote(text, safe='')}/")
    assert response.status_code in (200, 301, 302, 404)
    if offered := re.search(r'Una fecha posible: <a href="/al/([^/]*)/">', response.text):
        assert parse(offered[1]).is_exact


def test_the_pages_of_dates_only_read(visitor):
    for url in (FORM, "/al/2014/", "/al/abc/"):
        assert visitor.post(url).status_code == 405
        assert visitor.head(url).status_code == visitor.get(url).status_code
