"""Pages and files show the dates of two sources that contradict each other. A contradicting quote
proves nothing."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from record.proof import without_visible_quote
from sources.models import Citation, Source
from sources.quotes import with_citations
from tests.markup import words
from tests.records import (
    WAYS,
    by_raw_sql,
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
from tests.sheets import csv_of, dry_run, exported
from tests.staff import address_of, problems, quote, save
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]

AGAINST = {"field": "start", "stance": "contradicts", "says": "2020-12-15"}
MINUTES = "Acta 12\n\nLa Red firmó el acuerdo el 15 de diciembre de 2020. Nadie votó en contra.\n"
OTHER_WORDS = "el acuerdo el 15 de diciembre de 2020"


@pytest.fixture
def memoir() -> Source:
    return source(slug="memoria", title="Memoria de la Red")


@pytest.fixture
def minutes() -> Source:
    return source(slug="acta", title="Acta 12", text=MINUTES, describes_until="2020-12-15")


@pytest.fixture
def signing(memoir: Source, minutes: Source) -> Event:
    """An event that two sources date differently."""
    signing = event(title="Se firma el acuerdo", start="2020-11-03")
    citation(signing, "La Red anunció su salida", source=memoir, field="start")
    citation(signing, OTHER_WORDS, source=minutes, **AGAINST)
    return signing


WRONG: list[tuple[dict[str, str], str]] = [
    ({"stance": "supports"}, "elija «contradice» y la fecha"),
    ({"field": ""}, "elija «contradice» y la fecha"),
    ({"field": "title"}, "elija «contradice» y la fecha"),
    ({"says": "2020-11-03"}, "Dice lo mismo que el registro: márquela como apoyo."),
    ({"says": "[..2020-11-03]", "field": "start_latest"}, "Dice lo mismo que el registro"),
]


def test_a_date_that_contradicts_none_of_the_record_is_refused(signing, minutes, admin):
    header = "identificador,fuente,palabras_exactas,apoya,postura,dice,acontecimiento"
    for changes, reason in [*WRONG, ({"says": "2020-13"}, "mes 13")]:
        fields = AGAINST | changes
        other = Citation(source=minutes, exact="Nadie votó en contra", event=signing, **fields)
        assert reason in "".join(refusals(other)["says"]), changes
        sent = quote(None, "citations-2-", exact=other.exact, source=minutes.pk, **fields)
        sent["citations-TOTAL_FORMS"] = "3"
        assert reason in problems(save(admin, address_of("change", signing), **sent)), changes
        cells = (fields["field"], other.get_stance_display(), fields["says"], signing.slug)
        row = ",".join(("otra", "acta", other.exact, *cells))
        (error,) = dry_run("citas", csv_of(header, row)).errors
        assert (error.row, error.column, error.says) == (2, "dice", fields["says"])
        assert reason in error.problem
        assert error.expected
    assert signing.citations.count() == 2


def test_a_date_that_becomes_equal_to_its_contradiction_is_refused(signing, admin):
    sent = save(admin, address_of("change", signing), start="15 de diciembre de 2020")
    assert "Dice lo mismo que el registro: márquela como apoyo." in problems(sent)
    row = f"identificador,inicio\n{signing.slug},15 de diciembre de 2020\n"
    (error,) = dry_run("eventos", row.encode()).errors
    assert (error.row, error.column) == (2, "inicio")
    assert error.problem == "La cita 1 de «Acta 12» contradice con esta misma fecha."
    signing.refresh_from_db()
    assert signing.start == "2020-11-03"


def test_the_database_refuses_such_a_date_too(signing):
    against = signing.citations.get(stance="contradicts")
    ways = {"by_update", "by_bulk_update", "by_raw_sql"}
    for way in (way for way in WAYS if way.__name__ in ways):
        for changes in ({"stance": "supports"}, {"field": ""}, {"says": "2020-13"}):
            with pytest.raises(IntegrityError), transaction.atomic():
                way(Citation.objects.get(pk=against.pk), **changes)
    by_raw_sql(against, says="")


def test_a_contradiction_is_read_in_spanish_and_goes_out_and_in_again(signing, admin):
    against = signing.citations.get(stance="contradicts")
    sent: dict[str, Any] = {"citations-0-says": "diciembre de 2020"}
    assert save(admin, address_of("change", signing), **sent).status_code == 302
    against.refresh_from_db()
    assert (against.says, against.says_latest) == ("2020-12", "2020-12-31")
    assert 'value="diciembre de 2020"' in admin.get(address_of("change", signing)).text
    outcome = dry_run("citas", exported("citas"))
    assert (outcome.counts, outcome.errors) == ((0, 0, 2), [])
    table = exported("eventos").decode()
    assert "otra_fuente_dice" in table
    assert "diciembre de 2020 («Acta 12»)" in table
    assert dry_run("eventos", table.encode()).counts == (0, 0, 1)


def test_a_quote_that_contradicts_proves_nothing(signing, memoir, admin):
    (signing,) = with_citations([signing])
    assert [c.source.title for c in signing.visible_citations] == ["Memoria de la Red"]
    assert [c.source.title for c in signing.contradictions] == ["Acta 12"]
    listing = address_of("changelist", Event)
    assert "Se firma el acuerdo" in admin.get(listing, {"citas": "con"}).text
    signing.citations.filter(stance="supports").delete()
    assert without_visible_quote([signing]) == [signing]
    assert "Se firma el acuerdo" in admin.get(listing, {"citas": "sin"}).text
    form = admin.get(address_of("change", signing)).text
    assert "<strong>Sin cita</strong>" in form
    assert "Otra fuente dice otra cosa" in form


def test_a_name_is_contradicted_in_the_words_of_the_quote_alone(minutes):
    named = organization(name="La Red de Antes")
    against = Citation(
        source=minutes, exact="Nadie votó", organization=named, field="name", stance="contradicts"
    )
    assert refusals(copy_of(against)) == {}


def test_both_dates_stand_on_every_page_with_their_quotes_and_sources(signing, visitor):
    claim = "Otra fuente dice: 15 de diciembre de 2020 Cita 1, en «Acta 12»"
    for url in ("/", signing.get_absolute_url(), "/linea-de-tiempo/"):
        page = words(visitor.get(url))
        assert claim in page, url
        assert "3 de noviembre de 2020" in page, url
        assert "«Memoria de la Red» dice 1; «Acta 12» dice 1" in page, url
        assert "firmó el acuerdo el 15 de diciembre de 2020.»" in page, url


def test_feeds_calendar_linked_data_and_the_page_of_the_source_carry_both_dates(signing, visitor):
    said = "Fecha: 3 de noviembre de 2020. Otra fuente dice: 15 de diciembre de 2020 («Acta 12»)."
    for url in ("/linea-de-tiempo/atom.xml", signing.get_absolute_url()):
        assert said in visitor.get(url).text, url
    calendar = visitor.get("/linea-de-tiempo/calendario.ics").text.replace("\r\n ", "")
    assert said in calendar
    assert "VALUE=DATE:20201103" in calendar
    assert "VALUE=DATE:20201216" in calendar  # the day after the last day
    page = words(visitor.get("/fuentes/acta/"))
    assert "(contradice: acontecimiento)" in page
    assert "1 de sus 2 oraciones prueba 0 registros y contradice 1." in page
    page = words(visitor.get("/fuentes/memoria/"))
    assert "Prueba un registro: Se firma el acuerdo 1" in page


def test_an_answer_that_hangs_on_a_contradicted_date_says_that_the_sources_disagree(
    memoir, minutes, visitor
):
    member = membership(organization=organization(name="Alfa"), start="2020-11-03", end="[2022..]")
    citation(member, "La Red anunció su salida", source=memoir)
    against = citation(member, OTHER_WORDS, source=minutes, **AGAINST)
    apart, agree = "Las fuentes no coinciden", "en la fecha, sí en la respuesta"
    claim = "Otra fuente dice: desde el 15 de diciembre de 2020 Cita 1, en «Acta 12»"
    for when, same in (("2020-12-01", False), ("2021", True)):
        page = words(visitor.get(f"/al/{when}/"))
        assert apart in page, when
        assert (agree in page) is same, when
        assert claim in page, when
    against.delete()
    page = words(visitor.get("/al/2020-12-01/"))
    assert "Una organización pertenecía ese día. Quién" in page
    assert "no coinciden" not in page
    citation(member, OTHER_WORDS, source=minutes, field="end", stance="contradicts", says="2020")
    page = words(visitor.get(member.organization.get_absolute_url()))
    assert "integrante, hasta donde llegan las fuentes · las fuentes no coinciden" in page
    assert "Otra fuente dice: hasta 2020" in page
    assert "las fuentes no coinciden" in words(visitor.get("/"))


def test_sentences_speak_of_one_source_or_of_several_and_say_how_far_each_reaches(
    memoir, minutes, visitor
):
    member = membership(organization=organization(name="Alfa"), start="2012", end="[2020..]")
    citation(member, "La Red anunció su salida", source=memoir)
    term(organization=member.organization)
    Source.objects.filter(pk=memoir.pk).update(describes_until="[2019-02..2020-01]")
    reach = "«Acta 12», hasta el 15 de diciembre de 2020; «Memoria de la Red», hasta"
    for several in (False, True):
        if several:
            citation(member, OTHER_WORDS, source=minutes)
        for url in ("/", "/representacion/", "/al/2030/", "/al/", "/organizaciones/"):
            page = words(visitor.get(url))
            assert ("las fuentes" in page.lower()) is several, url
            assert ("la fuente" in page.lower()) is not several, url
        assert (reach in words(visitor.get("/al/2030/"))) is several
        assert (reach in words(visitor.get("/"))) is several


def test_a_contradicted_date_is_marked_in_charts_and_among_the_hits(
    signing, memoir, minutes, visitor
):
    apart = "las fuentes no coinciden"
    member = term(organization=organization(name="Alfa"), start="2020-11", end="2021", order=1)
    citation(member, "La Red anunció su salida", source=memoir)
    citation(member, OTHER_WORDS, source=minutes, **AGAINST)
    drawn_names = {"/": "1.º Alfa</text>", "/linea-de-tiempo/": "Se firma el acuerdo</span>"}
    for url, name in drawn_names.items():
        page = visitor.get(url).text
        drawn = page[page.index('<figure class="chart"') : page.index("</figure>")]
        assert f"≠ {name}" in drawn, url
        assert f"; {apart}</" in drawn, url
        assert "<b>≠</b> las fuentes" in drawn, url
    assert f"3 de noviembre de 2020 · {apart}" in words(visitor.get("/buscar/", {"q": "firma"}))
    Citation.objects.filter(stance="contradicts").delete()
    for url in ("/", "/representacion/", "/buscar/?q=firma"):
        assert apart not in visitor.get(url).text, url


def test_quotes_of_several_sources_say_which_source_the_number_is_of(memoir, minutes, visitor):
    first, second = "La Red firmó el acuerdo", "Nadie votó en contra"
    body = "<p>La Red firmó el acuerdo el 15 de diciembre de 2020. Nadie votó en contra.</p>"
    said = statement(title="Se dijo", body=body, summary="Firmó.")
    for exact in (first, second):
        citation(event(), exact, source=minutes)
        citation(said, exact, source=minutes)
    url = said.get_absolute_url()
    page = visitor.get(url).text
    assert 'aria-label="Cita 1, en su fuente"' in page
    assert "Firmó.1 2 Resumen" in words(visitor.get(url))
    citation(said, "La Red anunció su salida", source=memoir)
    page = visitor.get(url).text
    assert 'aria-label="Cita 1, en «Acta 12»"' in page
    assert "Citas en «Acta 12»:" in page
    sources = "«Acta 12» dice 1, 2; «Memoria de la Red» dice 1"
    assert all(sources in words(visitor.get(address)) for address in (url, "/pronunciamientos/"))
