"""The page of a form: each field with its proof beside it, and a copy in the tab."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from organizations.models import Organization
from sources.models import Citation
from tests import records
from tests.login import log_in
from tests.staff import QUOTE, address_of, draft, problems, quote, save
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
TEN = (
    "decidieron sumarse", "Tres de ellas", "a la Red", "anunció su salida",
    "se convocó a cuatro organizaciones",
)  # fmt: skip


def rows(person: Any, record: Any, **sent: Any) -> dict[str, str]:
    """The rows of the form by the names of their fields; those of citations stay inside."""
    address = address_of("change", record)
    page = save(person, address, **sent) if sent else person.get(address)
    start = r'<div class="form-row(?: field-(\w+))?(?: errors| hidden)*"'
    names, texts = re.findall(start, page.text), re.split(start, page.text)[2::2]
    return dict(zip(names, texts, strict=True))


# The proof of each field


def test_each_citation_stands_once_beside_the_field_that_it_proves(admin: Any, reader: Any) -> None:
    source, event = records.source(), records.event(summary="Se suman.", start="[2011..2015]")
    fields = ("", "summary", "start_earliest", "start_latest", "category")
    for field in fields:
        records.citation(event, source=source, field=field)
    for person in (admin, reader):
        form = rows(person, event)
        assert "citations-0" in form["title"]
        assert "citations-1" in form["summary"]
        start = form["start"]
        places = ["no antes de", "citations-2", "no después de", "citations-3"]
        assert sorted(places, key=start.index) == places
        assert "citations-4" in form["category"]  # chosen before the classifications took none
        page = person.get(address_of("change", event)).text
        assert page.count('<details class="proof"') == len(fields)
    for number in range(len(fields)):
        assert page.count(f'id="citations-{number}"') == 1
    assert save(admin, address_of("change", event), summary="Se sumaron.").status_code == 302
    assert {c.field for c in event.citations.all()} == {*fields}


def test_only_a_person_who_may_delete_citations_reads_how(admin: Any, editor: Any) -> None:
    event = draft()
    records.citation(event, source=records.source())
    for person, times in ((admin, 1), (editor, 0)):
        assert person.get(address_of("change", event)).text.count("Quitar esta cita") == times


def test_a_field_without_proof_says_so_unless_it_is_empty_or_ours(admin: Any) -> None:
    event = draft(summary="Se suman.")
    form = rows(admin, event)
    bare = {name for name, row in form.items() if "Sin cita" in row}
    assert bare == {"title", "summary"}
    assert "2 datos sin cita" in admin.get(address_of("change", event)).text
    assert "Clasificación nuestra: no lleva cita" in form["category"]
    assert 'data-supports="summary"' in form["summary"]
    assert 'data-supports=""' in form["title"]
    assert "cita" not in form["end"]
    records.citation(event, source=records.source(), field="summary")
    form = rows(admin, event)
    assert "Sin cita" not in form["title"] + form["summary"]
    page = save(admin, address_of("change", event), date_label="a mediados de 2011", _check="1")
    assert "1 dato sin cita" in page.text
    assert "Sin cita" in page.text.partition("field-date_label")[2].partition("form-row")[0]


def test_a_new_citation_without_words_is_blank(admin: Any) -> None:
    records.source()
    event = records.event()
    address = address_of("change", event)
    assert save(admin, address, **quote(event, exact=" ", field="summary")).status_code == 302
    assert not Citation.objects.exists()
    citation = records.citation(event, source=records.source(slug="otra"))
    assert "Palabras exactas" in problems(save(admin, address, **quote(event, exact="")))
    save(admin, address, **{"citations-0-DELETE": "on"})
    assert not Citation.objects.filter(pk=citation.pk).exists()


def test_rare_fields_are_folded_until_they_are_filled_or_faulty(admin: Any) -> None:
    def folded(record: Any, **sent: Any) -> set[str]:
        address = address_of("change", record)
        page = save(admin, address, **sent) if sent else admin.get(address)
        fold = page.text.partition('<details class="fold more">')[2].partition("</details>")[0]
        return {*re.findall(r'name="(\w+)"', fold)}

    event = records.event()
    rare = {"start_time", "location", "body", "slug"}
    assert folded(event) == rare
    assert folded(event, slug="no vale") == rare - {"slug"}
    assert folded(records.event(body="<p>Largo</p>", location="Plaza")) == {"start_time", "slug"}


def test_memberships_and_terms_lead_to_their_own_page_with_their_citations(admin: Any) -> None:
    organization, source = records.organization(), records.source()
    member = records.membership(organization=organization, start="2011")
    term = records.term(organization=organization)
    for field in ("start", "note"):
        records.citation(member, source=source, field=field)
    page = " ".join(admin.get(address_of("change", organization)).text.split())
    for record, count in ((member, 2), (term, 0)):
        assert f'href="{address_of("change", record)}">Editar con sus citas: {count}</a>' in page
    assert f"{address_of('add', type(term))}?organization={organization.pk}" in page
    assert "citations-0" in rows(admin, member)["start"]


# In a browser


@pytest.fixture
def eva(page: Any, live_server: Any) -> Any:
    User.objects.create_superuser("eva", password="only for tests")
    log_in(page, live_server.url, "eva")
    return page


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_name_that_another_record_has_is_saved_and_asked_about(
    live_server: Any, eva: Any
) -> None:
    records.organization(slug="alianza", name="Alianza")
    eva.goto(live_server.url + address_of("add", Organization))
    eva.locator("#id_name").press_sequentially("Alianza")
    eva.locator("#id_name").press("Enter")
    expect(eva.get_by_text("¿Es otra que ya está?")).to_be_visible()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_ten_citations_fit_two_screens_and_every_width(live_server: Any, eva: Any) -> None:
    source = records.source()
    event = draft(summary="Se suman tres. " * 9, start="[2011..2015]", end="2016")
    for number, words in enumerate(TEN * 2):
        fields = ("", "summary", "start_earliest", "start_latest", "end")
        records.citation(event, words, source=source, field=fields[number % 5])
    eva.goto(live_server.url + address_of("change", event))
    for width, most in ((1280, 1700), (390, 3600), (320, 4200)):
        eva.set_viewport_size({"width": width, "height": 800})
        size = eva.evaluate("[document.documentElement.scrollWidth, document.body.scrollHeight]")
        assert size[0] <= width
        assert size[1] <= most, width
    eva.set_viewport_size({"width": 1280, "height": 800})
    proof = eva.locator(".field-title .proof").first
    proof.locator("summary").first.click()
    expect(proof.locator("mark")).to_have_text(TEN[0])
    proof.get_by_label("Quitar esta cita").check()
    row = eva.locator(".field-summary")
    for number, words in ((10, "No se recibió"), (11, "respuesta alguna")):
        row.get_by_role("link", name="+ Otra cita").click()
        new = eva.locator(f"#id_citations-{number}-exact")
        expect(new).to_be_focused()
        new.fill(words)
    eva.get_by_role("link", name="+ Otra cita").first.click()  # and leaves it blank
    expect(eva.locator("#unsaved")).to_contain_text("Cambios sin guardar: Cita 1, Cita nueva.")
    button(eva, "Guardar y seguir editando").click()
    expect(eva.locator(".notice.good")).to_be_visible()
    assert event.citations.count() == 11
    assert {c.exact for c in event.citations.filter(field="summary")} >= {"No se recibió"}


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_copy_in_the_tab_brings_back_what_was_written_until_it_is_saved(
    live_server: Any, eva: Any
) -> None:
    records.source()
    event = draft()
    address = live_server.url + address_of("change", event)
    eva.on("dialog", lambda dialog: dialog.accept())
    offer = eva.get_by_text("quedó sin guardar")
    eva.goto(address)
    eva.fill("#id_summary", "Un resumen largo.")
    eva.fill("#id_citations-0-exact", QUOTE)
    expect(eva.locator("#unsaved")).to_contain_text("Respaldado en este equipo a las")
    eva.reload()
    expect(eva.locator("#id_summary")).to_have_value("")
    expect(offer).to_be_visible()
    button(eva, "Recuperarlo").click()
    expect(eva.locator("#id_summary")).to_have_value("Un resumen largo.")
    expect(eva.locator("#id_citations-0-exact")).to_have_value(QUOTE)
    expect(eva.get_by_text("Nada de esto está guardado todavía").first).to_be_visible()
    button(eva, "Guardar y seguir editando").click()
    expect(eva.locator("#citations-0")).to_be_visible()
    assert Event.objects.get().summary == "Un resumen largo."
    eva.reload()
    expect(offer).not_to_be_visible()
    eva.fill("#id_summary", "Un resumen más largo.")
    button(eva, "Guardar borrador").click()  # leads to the list
    expect(eva.locator(".notice.good")).to_be_visible()
    eva.goto(address)
    expect(offer).not_to_be_visible()
    eva.fill("#id_summary", "Otro.")
    expect(eva.locator("#unsaved")).to_contain_text("Respaldado")
    eva.goto(f"{live_server.url}/admin/")
    eva.locator("#logout-form button").click()
    log_in(eva, live_server.url, "eva")
    eva.goto(address)
    expect(eva.locator("#id_summary")).to_have_value("Un resumen más largo.")
    expect(offer).not_to_be_visible()
