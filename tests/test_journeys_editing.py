"""Staff at a real browser: they write, look, publish, compare, bring back, and meet each other."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from tests import records
from tests.login import log_in
from timeline.models import Event

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("words"),
]
ADD = reverse("admin:timeline_event_add")
LISTED = reverse("admin:timeline_event_changelist")
# The summary of the errors takes the focus from the first field.
EXPECTED = (
    "409 (Conflict)",
    "422 (Unprocessable Entity)",
    "404 (Not Found)",
    "Autofocus processing was blocked",
)


def at_work(page: Any, live_server: Any, name: str, complaints: list[str]) -> Any:
    """A browser with `name` logged in, which gathers the messages of its console."""
    User.objects.create_superuser(name, password="only for tests")
    page.set_viewport_size({"width": 1280, "height": 2400})  # nothing under the bar of buttons
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    log_in(page, live_server.url, name)
    return page


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    texts: list[str] = []
    yield texts
    assert [text for text in texts if not any(words in text for words in EXPECTED)] == []


@pytest.fixture
def eva(page: Any, live_server: Any, complaints: list[str]) -> Any:
    return at_work(page, live_server, "eva", complaints)


@pytest.fixture
def ana(new_context: Any, live_server: Any, complaints: list[str]) -> Any:
    return at_work(new_context().new_page(), live_server, "ana", complaints)


def change(event: Event) -> str:
    return reverse("admin:timeline_event_change", args=[event.pk])


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


def link(page: Any, name: str) -> Any:
    return page.get_by_role("link", name=name, exact=True)


def test_a_form_reads_dates_and_quotes_while_they_are_typed_and_leads_to_its_errors(
    live_server: Any, eva: Any
) -> None:
    records.source()
    eva.goto(live_server.url + ADD)
    eva.wait_for_load_state()  # the scripts too
    eva.fill("#id_start", "30 de febrero de 2017")
    eva.get_by_text("febrero de 2017 tiene 28 días").first.wait_for()
    quote = eva.locator("#id_citations-0-exact")
    quote.fill("Tres de ellos decidieron unirse")
    eva.get_by_role("button", name="Usar las palabras de la fuente").click()
    expect(quote).to_have_value("Tres de ellas decidieron sumarse")
    eva.get_by_text("Está en la fuente, una sola vez").wait_for()
    eva.locator("form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
    button(eva, "Guardar y seguir editando").click()
    eva.locator(".problems:focus").get_by_text("No se guardó nada").wait_for()
    eva.get_by_role("link", name="febrero de 2017 tiene 28 días").click()
    expect(eva.locator("#id_start")).to_be_focused()
    eva.fill("#id_start", "antes de 2015")
    eva.get_by_text("No después del 31 de diciembre de 2014").wait_for()
    eva.fill("#id_title", "Se suman")
    eva.select_option("#id_category", label="acuerdo")
    button(eva, "Guardar borrador").click()
    eva.wait_for_url(f"{live_server.url}{LISTED}*")  # with the field's name
    event = Event.objects.get()
    assert event.start == "[..2014]"
    assert event.citations.get().exact == "Tres de ellas decidieron sumarse"


def test_a_draft_is_written_looked_at_scheduled_published_and_withdrawn(
    live_server: Any, eva: Any
) -> None:
    state = eva.locator(".publication")
    eva.goto(live_server.url + ADD)
    eva.fill("#id_title", "Se firma el acuerdo")
    eva.select_option("#id_category", label="acuerdo")
    button(eva, "Guardar y seguir editando").click()
    expect(state).to_contain_text("Borrador")
    link(eva, "Vista previa").click()
    expect(eva.get_by_text("solo lo ve la redacción")).to_be_visible()
    eva.go_back()
    eva.fill("#id_summary", "Un resumen.")
    button(eva, "Publicar…").click()
    expect(eva.get_by_text("Lo que escribió ya quedó guardado")).to_be_visible()
    eva.get_by_label("El día").check()
    eva.get_by_label("Publicarlo sin prueba").check()
    eva.fill("#id_day", "2 de enero de 2090")
    eva.press("#id_day", "Enter")  # does nothing
    expect(button(eva, "Publicar")).to_be_enabled()
    assert Event.objects.get().is_draft()
    button(eva, "Publicar").click()
    expect(state).to_contain_text("Programado")
    expect(state).to_contain_text("2 de enero de 2090")
    button(eva, "Publicar…").click()
    eva.get_by_label("Ahora").check()
    eva.get_by_label("Publicarlo sin prueba").check()
    button(eva, "Publicar").click()
    expect(eva.get_by_text("Se publicó en el sitio: 1 acontecimiento.")).to_be_visible()
    expect(state).to_contain_text("Público")
    button(eva, "Retirar…").click()
    button(eva, "Retirar").click()
    expect(eva.locator(".problems")).to_contain_text("Diga por qué")
    eva.fill("#id_change_reason", "se había publicado antes de tiempo")
    button(eva, "Retirar").click()
    expect(state).to_contain_text("Retirado")


def test_a_list_is_published_and_what_goes_to_the_papelera_comes_back(
    live_server: Any, eva: Any
) -> None:
    events = [records.event(publish_at=None, title=f"Número {n}") for n in range(3)]
    eva.goto(live_server.url + LISTED)
    eva.locator("#action-toggle").check()
    button(eva, "Publicar…").click()
    expect(eva.get_by_text("Se publica.")).to_have_count(len(events))
    eva.get_by_label("Publicarlo sin prueba").check()
    button(eva, "Publicar 3 acontecimientos").click()
    expect(eva.get_by_text("Se publicó en el sitio: 3 acontecimientos.")).to_be_visible()
    link(eva, "Número 1").click()
    link(eva, "Papelera…").click()
    eva.fill("#id_change_reason", "estaba repetido")
    button(eva, "Mover a la papelera").click()
    expect(eva.get_by_text("Se movió a la papelera: 1 acontecimiento.")).to_be_visible()
    link(eva, "Papelera").click()
    expect(eva.get_by_text("«estaba repetido»")).to_be_visible()
    link(eva, "Restaurar… «Número 1»").click()
    expect(eva.locator("#id_title")).to_have_value("Número 1")
    button(eva, "Guardar y seguir editando").click()
    expect(eva.locator(".publication")).to_contain_text("Borrador")
    assert eva.url == live_server.url + change(events[1])


def test_an_older_version_is_compared_and_comes_back(live_server: Any, eva: Any) -> None:
    event = records.event(publish_at=None, title="Antes", start="2011")
    eva.goto(live_server.url + change(event))
    eva.fill("#id_title", "Después")
    eva.fill("#id_start", "agosto de 2012")
    button(eva, "Guardar y seguir editando").click()
    link(eva, "Historial").click()
    button(eva, "Comparar A con B").click()
    row = eva.locator("#comparacion").get_by_role("row").filter(has_text="Título")
    expect(row.locator("del")).to_contain_text("Antes")
    expect(row.locator("ins")).to_contain_text("Después")
    link(eva, "Restaurar… la versión 1").click()
    expect(eva.get_by_text("Está viendo la versión 1")).to_be_visible()
    expect(eva.locator("#id_title")).to_have_value("Antes")
    expect(eva.locator("#id_start")).to_have_value("2011")
    eva.locator(".field-start").get_by_role("button", name="dejar lo de hoy").click()
    expect(eva.locator("#id_start")).to_have_value("agosto de 2012")
    button(eva, "Guardar como versión nueva").last.click()
    eva.wait_for_url(live_server.url + LISTED)
    event.refresh_from_db()
    assert (event.title, event.start) == ("Antes", "2012-08")


def test_two_browsers_on_one_record_lose_nothing(live_server: Any, eva: Any, ana: Any) -> None:
    event = records.event(publish_at=None, title="Se firma", summary="Un resumen.")
    for page in (eva, ana):
        page.goto(live_server.url + change(event))
    eva.fill("#id_summary", "Lo que escribió Eva.")
    eva.select_option("#id_category", label="salida")
    button(eva, "Guardar borrador").click()
    eva.wait_for_url(live_server.url + LISTED)
    ana.fill("#id_summary", "Lo que escribió Ana.")
    button(ana, "Guardar borrador").click()
    expect(ana.locator(".problems")).to_contain_text("Todavía no se guarda: eva guardó")
    expect(ana.locator("#unsaved")).to_contain_text("Nada de esto está guardado todavía. Resp")
    expect(ana.locator("#id_summary")).to_have_value("Lo que escribió Ana.")
    expect(ana.locator("#id_category")).to_have_value(str(records.WORDS["salida"]))
    expect(ana.locator(".field-category")).to_contain_text("Puesto por eva")
    button(ana, "usar lo de eva").click()
    expect(ana.locator("#id_summary")).to_have_value("Lo que escribió Eva.")
    ana.fill("#id_summary", "Lo que escribieron las dos.")
    ana.press("#id_title", "Enter")  # notes have buttons too
    ana.wait_for_url(live_server.url + LISTED)
    event.refresh_from_db()
    assert (event.summary, event.category.slug) == ("Lo que escribieron las dos.", "salida")
    assert event.is_draft()


def test_what_is_not_saved_is_said_and_asked_about_before_leaving(
    live_server: Any, eva: Any
) -> None:
    event = records.event(publish_at=None)
    eva.goto(live_server.url + change(event))
    dialogs: list[str] = []
    eva.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.accept()))
    link(eva, "Historial").click()
    expect(eva.get_by_text("1 versión.")).to_be_visible()
    eva.go_back()
    eva.fill("#id_summary", "Otro")
    eva.fill("#id_start", "2011")
    expect(eva.locator("#unsaved")).to_contain_text("Cambios sin guardar: Resumen, Inicio.")
    assert dialogs == []
    link(eva, "Historial").click()
    expect(eva.get_by_text("1 versión.")).to_be_visible()
    assert dialogs == ["beforeunload"]
    eva.goto(live_server.url + change(event))
    eva.fill("#id_summary", "Otro")
    button(eva, "Guardar borrador").click()
    eva.wait_for_url(live_server.url + LISTED)
    assert dialogs == ["beforeunload"]


def test_the_pages_of_the_staff_fit_a_phone_and_a_desk_and_serve_every_reader(
    live_server: Any, eva: Any
) -> None:
    event = records.event(title="Un título bastante largo " * 6, slug="un-titulo-" * 10 + "fin")
    event.summary = "palabra " * 200
    event.save()
    records.citation(event, source=records.source())
    records.event(publish_at=None).delete()
    of_event = ("change", "history", "compare", "delete")
    addresses = [reverse(f"admin:timeline_event_{name}", args=[event.pk]) for name in of_event]
    addresses += [LISTED, "/admin/", "/admin/sources/citation/", f"{LISTED}papelera/"]
    for address in addresses:
        eva.goto(live_server.url + address)
        for width in (1280, 320):
            eva.set_viewport_size({"width": width, "height": 800})
            assert eva.evaluate("document.documentElement.scrollWidth") <= width, address
        eva.get_by_text("Menú").click()
        expect(link(eva, "Importaciones").first).to_be_visible()
        result = Axe().run(eva)
        assert result.violations_count == 0, (address, result.generate_report())
