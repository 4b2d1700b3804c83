"""Staff at a real browser on a site with a server's settings: the login, and pages that work under
the Content-Security-Policy with a clean console."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from tests import records
from tests.login import code_of, code_with, phone_for
from timeline.models import Event

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("several_sessions"),
]
PASSWORD = "una frase bastante larga"


@pytest.fixture
def site(live_server: Any, page: Any, production: Any) -> Iterator[str]:
    """Without TLS, which a browser does not ask of its own machine. Every other origin is out of
    reach, and asking for one fails the test, as a word in the console does."""
    production.SECURE_SSL_REDIRECT = False
    complaints: list[str] = []

    def elsewhere(route: Any) -> None:
        complaints.append(route.request.url)
        route.abort()

    page.route(lambda url: not url.startswith((live_server.url, "data:")), elsewhere)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: message.type in ("error", "warning") and complaints.append(message.text),
    )
    User.objects.create_superuser("ana", password=PASSWORD)
    yield live_server.url
    assert complaints == []


def with_password(site: str, page: Any) -> None:
    page.goto(f"{site}/admin/timeline/event/")
    page.get_by_label("Cuenta", exact=True).fill("ana")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Continuar").click()


@pytest.fixture
def ana_inside(site: str, page: Any) -> str:
    phone = phone_for(User.objects.get())
    with_password(site, page)
    page.get_by_label("Seis cifras").fill(code_of(phone))
    page.get_by_role("button", name="Entrar", exact=True).click()
    page.wait_for_url("**/admin/timeline/event/")
    return site


def leave(page: Any) -> None:
    page.get_by_role("button", name="Salir").click()


@pytest.fixture
def sensor(page: Any) -> Any:
    """A computer with a sensor of fingerprints, which recognizes its user: `sensor(False)` ends
    that."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }  # fmt: skip
    added = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    number = {"authenticatorId": added["authenticatorId"]}

    def recognize(recognized: bool) -> None:
        session.send("WebAuthn.setUserVerified", number | {"isUserVerified": recognized})

    return recognize


def test_the_first_login_enrols_a_phone_and_shows_recovery_codes_which_open_the_next(
    site: str, page: Any
) -> None:
    with_password(site, page)
    page.get_by_role("link", name="Usar códigos de mi teléfono").click()
    expect(page.get_by_role("img", name="Código QR")).to_be_visible()
    secret = page.locator("code.code").inner_text()
    page.get_by_label("Seis cifras").fill(code_with(secret))
    page.get_by_role("button", name="Comprobar y continuar").click()
    expect(page.get_by_role("heading", name="Sus 10 códigos, cuenta ana")).to_be_visible()
    codes = page.locator(".codes li").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Descargar (.txt)").click()
    kept = download.value.path().read_text(encoding="utf-8")
    assert codes[9].replace("-", "") in kept
    page.get_by_label("Ya los guardé").check()
    page.get_by_role("button", name="Terminar").click()
    page.wait_for_url(re.compile(r"/admin/\??$"))
    leave(page)
    with_password(site, page)
    page.get_by_text("Usar un código de recuperación").click()
    page.get_by_label("Código de recuperación").fill(codes[3])
    page.get_by_role("button", name="Entrar con este código").click()
    expect(page.get_by_text("Le quedan 9 códigos")).to_be_visible()


def test_a_key_is_added_at_the_first_login_and_opens_the_next_without_a_password(
    site: str, page: Any, sensor: Any
) -> None:
    with_password(site, page)
    page.get_by_role("link", name="Agregar una llave de acceso").click()
    page.get_by_label("Nombre").fill("Portátil")
    page.get_by_role("button", name="Agregar la llave").click()
    expect(page.get_by_role("heading", name="Sus 10 códigos")).to_be_visible()
    page.goto(f"{site}/admin/cuenta/sesiones/")
    expect(page.get_by_role("rowheader", name="Portátil")).to_be_visible()
    leave(page)
    page.goto(f"{site}/admin/timeline/event/")
    page.get_by_role("button", name="Entrar con llave de acceso").click()
    page.wait_for_url(f"{site}/admin/timeline/event/")
    page.goto(f"{site}/admin/cuenta/sesiones/")
    expect(page.get_by_role("cell", name="llave «Portátil»")).to_be_visible()
    leave(page)
    sensor(False)  # somebody else's finger
    page.goto(f"{site}/admin/")
    page.get_by_role("button", name="Entrar con llave de acceso").click()
    expect(page.get_by_role("alert")).to_contain_text("No se usó ninguna llave")
    page.goto(f"{site}/admin/")
    expect(page.get_by_role("heading", name="Entrar a la redacción")).to_be_visible()


def test_a_key_serves_after_the_password_and_to_confirm(
    site: str, page: Any, sensor: Any, settings: Any
) -> None:
    with_password(site, page)
    page.get_by_role("link", name="Agregar una llave de acceso").click()
    page.get_by_role("button", name="Agregar la llave").click()
    expect(page.get_by_role("heading", name="Sus 10 códigos")).to_be_visible()
    leave(page)
    with_password(site, page)
    page.get_by_role("button", name="Usar la llave de acceso").click()
    page.wait_for_url("**/admin/timeline/event/")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    page.goto(f"{site}/admin/auth/user/add/")
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
    page.get_by_role("button", name="Usar mi llave de acceso").click()
    page.wait_for_url("**/admin/auth/user/add/")


def test_without_script_no_key_is_offered_and_password_and_code_open_the_site(
    site: str, browser: Any
) -> None:
    phone = phone_for(User.objects.get())
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{site}/admin/")
    expect(page.get_by_role("button", name="Entrar con llave de acceso")).to_be_hidden()
    with_password(site, page)
    page.get_by_label("Seis cifras").fill(code_of(phone))
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/timeline/event/")
    page.goto(f"{site}/admin/cuenta/llaves/agregar/")
    expect(page.get_by_text("Aquí no se puede")).to_be_visible()
    expect(page.get_by_role("button", name="Agregar la llave")).to_be_hidden()
    page.context.close()


def test_the_editor_writes_under_the_policy_with_buttons_in_spanish(
    ana_inside: str, page: Any
) -> None:
    def late(route: Any) -> None:  # the editor is ready before its Spanish names
        time.sleep(0.5)
        route.continue_()

    event = records.event(publish_at=None)
    page.route("**/readings*.js", late)
    page.goto(f"{ana_inside}/admin/timeline/event/{event.pk}/change/")
    page.get_by_text("Más", exact=True).click()
    page.locator("[contenteditable][aria-label='Texto']").click()
    page.keyboard.type("Un párrafo con ")
    page.keyboard.press("Control+b")
    page.keyboard.type("énfasis")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="lista", exact=True).click()
    page.keyboard.type("Alfa")
    for name in ("negritas", "cursivas", "cita", "poner enlace", "lista numerada"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(1)
    page.get_by_role("button", name="Guardar borrador", exact=True).click()
    page.wait_for_url("**/admin/timeline/event/")
    paragraph = "<p>Un párrafo con <strong>énfasis</strong></p>"
    assert Event.objects.get().body.startswith(f"{paragraph}<ul><li><p>")


def test_the_pages_of_the_admin_leave_the_console_clean(ana_inside: str, page: Any) -> None:
    """Every page that links lead to from the front page, but for files and other people's steps."""
    records.citation(records.event(), source=records.source())
    records.term()
    records.membership()
    records.statement()
    waiting, seen = ["/admin/"], set()
    while waiting and len(seen) < 60:
        url = waiting.pop(0)
        if re.sub(r"\d+", "1", url) in seen:
            continue
        seen.add(re.sub(r"\d+", "1", url))
        page.goto(ana_inside + url)
        page.wait_for_load_state("load")
        links = page.locator("a[href]").evaluate_all("all => all.map(a => a.pathname)")
        waiting += [link for link in dict.fromkeys(links) if re.match(r"/admin/[^.]*$", link)]
    assert len(seen) > 40


def test_the_policy_stops_a_script_a_style_and_another_origin(
    live_server: Any, page: Any, db: None
) -> None:
    """As if something had got into a page after all."""
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(live_server.url)
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend",
                '<img src="https://example.org/x.png" onerror="window.ran = true">' +
                '<p id="styled" style="color: red">x</p>' +
                '<iframe src="https://example.org/"></iframe>');
        }"""
    )
    expect(page.locator("#styled")).not_to_have_css("color", "rgb(255, 0, 0)")
    assert page.evaluate("window.ran") is None
    assert page.url == f"{live_server.url}/"
    for directive in ("script-src", "style-src", "img-src", "default-src"):
        assert any(directive in text for text in refused), directive
