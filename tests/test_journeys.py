"""People at a real browser: a reader with a phone, a reader with a keyboard, staff who edit."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import expect

from sources.models import Citation
from tests.login import log_in
from timeline.models import Event

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}
READERS_PAGES = [
    "/",
    "/organizaciones/",
    "/organizaciones/socialtic/",
    "/representacion/",
    "/linea-de-tiempo/",
    "/linea-de-tiempo/salida-del-stt/",
    "/pronunciamientos/",
    "/pronunciamientos/por-que-el-nucleo-concluyo-su-participacion/",
    "/fuentes/",
    "/fuentes/nucleo-de-sociedad-civil/",
    "/al/",
    "/al/2017/",
    "/al/2015-02-11/",
    "/datos/",
    "/acerca-de/",
    "/al/2017-02-30/",
    "/buscar/",
    "/buscar/?q=representante",
    "/buscar/?q=representante+hipopótamo",
    "/no-existe/",
]


@pytest.fixture
def site(live_server: Any, page: Any) -> Iterator[str]:
    """The site with its record; at the end the console must have stayed clean and every request
    must have gone to the site."""
    call_command("load_record", verbosity=0)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((live_server.url, "data:")) or complaints.append(request.url)
        ),
    )
    yield live_server.url
    expected = ("404 (Not Found)",)
    assert [text for text in complaints if not any(words in text for words in expected)] == []


def test_a_journalist_on_a_phone_finds_who_represented_and_the_sentence_that_proves_it(
    site: str, page: Any
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(site)
    page.get_by_role("link", name="Representación", exact=True).click()
    expect(page.locator("h1")).to_contain_text("habl")
    proof = page.locator("details.margin-note").last
    proof.locator("summary").click()
    quote = proof.locator("mark").last
    expect(quote).to_be_visible()
    words = quote.inner_text()
    proof.get_by_role("link").last.click()
    page.wait_for_url("**/fuentes/**")
    passage = page.locator(f"xpath=//*[@id='{page.url.split('#')[1]}']/following::mark[1]")
    expect(passage).to_be_visible()
    expect(passage).to_contain_text(words[:20])


def test_citations_stand_open_in_the_margin_of_a_wide_screen(site: str, page: Any) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{site}/linea-de-tiempo/salida-del-stt/")
    expect(page.locator("details.margin-note mark").first).to_be_visible()
    expect(page.locator("details.margin-note summary").first).to_be_hidden()


def test_a_reader_with_a_keyboard_alone_reaches_the_content_and_a_sentence(
    site: str, page: Any
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{site}/linea-de-tiempo/salida-del-stt/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#contenido")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    expect(page.locator("details.margin-note[open] mark").first).to_be_visible()


@pytest.mark.look
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_their_screen_and_have_no_accessibility_violation(
    site: str, page: Any, width: int, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    for address in READERS_PAGES:
        page.goto(site + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        found = Axe().run(page)
        assert found.violations_count == 0, f"{address}\n{found.generate_report()}"


def test_on_a_phone_no_name_of_a_column_is_broken(site: str, page: Any) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(f"{site}/datos/")
    names = page.locator("th code.key")
    expect(names.first).to_be_visible()
    assert names.evaluate_all("all => all.every(one => one.getClientRects().length == 1)")


def test_without_javascript_everything_is_there(site: str, live_server: Any, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for address in READERS_PAGES[:-1]:
        page.goto(live_server.url + address)
        expect(page.locator("h1"), address).to_be_visible()
    context.close()


STATEMENT = "/pronunciamientos/por-que-el-nucleo-concluyo-su-participacion/"


def test_contents_lead_to_a_paragraph_and_its_number_to_the_sentence_in_the_source(
    site: str, page: Any
) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(site + STATEMENT)
    contents = page.get_by_role("navigation", name="En esta página")
    contents.get_by_role("link").nth(3).click()
    page.wait_for_url("**#p4")
    paragraph = page.locator("#p4")
    expect(paragraph).to_be_in_viewport()
    number = paragraph.locator("sup a").first
    said = number.get_attribute("href")
    number.click()
    page.wait_for_url(f"**{said}")
    mark = page.locator(f"xpath=//*[@id='{said.split('#')[1]}']/following::mark[1]")
    expect(mark).to_be_in_viewport()
    page.locator("#h" + said.split("#c")[1]).get_by_role("link").first.click()
    page.wait_for_url(lambda address: "/fuentes/" not in address)
    expect(page.locator("h1")).to_be_visible()


def test_with_the_keyboard_alone_contents_open_and_lead_to_a_paragraph(
    site: str, page: Any
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(site + STATEMENT)
    page.get_by_text("En esta página").focus()
    page.keyboard.press("Enter")
    first = page.get_by_role("navigation", name="En esta página").get_by_role("link").first
    expect(first).to_be_visible()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    outline = "getComputedStyle(document.activeElement).outlineWidth"
    assert page.evaluate(outline) == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url("**#p1")


def test_an_organization_named_in_a_text_is_one_click_away(site: str, page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.goto(site + STATEMENT)
    named = page.locator("#p3 .prose a[href^='/organizaciones/']").last
    words = named.inner_text()
    named.click()
    page.wait_for_url("**/organizaciones/*/")
    expect(page.locator("main")).to_contain_text(words)


@pytest.mark.parametrize("address", ["/", STATEMENT, "/linea-de-tiempo/", "/representacion/"])
def test_a_printed_page_has_its_proofs_open_its_address_and_no_navigation(
    site: str, page: Any, address: str
) -> None:
    page.set_viewport_size({"width": 673, "height": 950})  # A4 between its margins
    page.emulate_media(media="print")
    page.goto(site + address)
    expect(page.locator("h1")).to_be_visible()
    for proof in page.locator("details.margin-note").locator("mark, .proven-facts a").all():
        expect(proof).to_be_visible()
    for link in page.locator("nav:not(.kicker) a, .fold a").all():
        expect(link).to_be_hidden()
    expect(page.locator(".print-only")).to_contain_text(f"{site}{address}")
    expect(page.locator(".print-only")).to_be_visible()
    expect(page.get_by_text("Último cambio de lo que")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 673


def test_what_the_charts_draw_is_seen_in_forced_colours(site: str, page: Any) -> None:
    page.emulate_media(forced_colors="active")
    page.goto(f"{site}/representacion/")
    color = "e => getComputedStyle(e).color"
    ground = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    for row in page.locator(".chart-first, .chart-second").all():
        assert row.evaluate(color) != ground


def test_nothing_moves_where_motion_is_not_wanted(site: str, page: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(site + STATEMENT)
    moving = "document.getAnimations().length"
    assert page.evaluate(moving) == 0


def test_every_target_is_at_least_24_pixels_or_stands_in_a_sentence(site: str, page: Any) -> None:
    page.set_viewport_size(PHONE)
    for address in ("/", STATEMENT, "/linea-de-tiempo/", "/fuentes/nucleo-de-sociedad-civil/"):
        page.goto(site + address)
        assert page.evaluate(SMALL_TARGETS) == [], address


# A link in a line of text may be as high as the line; its box is counted with its padding.
SMALL_TARGETS = """() => [...document.querySelectorAll("main a, main summary, nav a")]
  .filter(e => e.checkVisibility() && getComputedStyle(e).display !== "inline" && !e.closest("svg"))
  .map(e => [e.innerText, e.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([text, box]) => `${text}: ${box.width} × ${box.height}`)"""


# Staff


@pytest.fixture
def staff(site: str, page: Any) -> str:
    User.objects.create_superuser("admin", password="only for tests")
    log_in(page, site, "admin")
    return site


def event_form(site: str, slug: str) -> str:
    return f"{site}/admin/timeline/event/{Event.objects.get(slug=slug).pk}/change/"


def test_a_date_is_read_back_while_it_is_typed(staff: str, page: Any) -> None:
    page.goto(event_form(staff, "se-crea-el-nucleo"))
    page.fill("#id_start", "entre agosto de 2011 y febrero de 2015")
    page.get_by_text("[2011-08..2015-02]").wait_for()
    page.fill("#id_start", "30 de febrero de 2017")
    page.get_by_text("febrero de 2017 tiene 28 días").first.wait_for()


def test_a_pasted_sentence_is_found_in_the_source_or_its_nearest_words_offered(
    staff: str, page: Any
) -> None:
    page.goto(event_form(staff, "se-crea-el-nucleo"))
    words = page.locator("textarea[name^=citations-][name$=-exact]:visible").last
    words.fill("con más de 300 participantes")
    page.get_by_text("Está en la fuente, una sola vez").last.wait_for()
    words.fill("con más de 300 asistentes en las jornadas")
    page.get_by_role("button", name="Usar las palabras de la fuente").click()
    page.get_by_text("Está en la fuente, una sola vez").last.wait_for()
    page.fill("#id_change_reason", "se prueba")
    page.get_by_role("button", name="Guardar", exact=True).click()
    page.wait_for_url("**/admin/timeline/event/")
    saved = Citation.objects.filter(event__slug="se-crea-el-nucleo").latest("pk")
    assert saved.exact in saved.source.passages.text


def test_rich_text_is_written_with_headings_and_lists(staff: str, page: Any) -> None:
    page.goto(event_form(staff, "se-crea-el-nucleo"))
    editor = page.locator(".ProseMirror:visible").first
    editor.click()
    page.keyboard.type("Un párrafo con ")
    page.keyboard.press("Control+b")
    page.keyboard.type("énfasis")
    page.fill("#id_change_reason", "se prueba")
    page.get_by_role("button", name="Guardar", exact=True).click()
    page.wait_for_url("**/admin/timeline/event/")
    body = Event.objects.get(slug="se-crea-el-nucleo").body
    assert body == "<p>Un párrafo con <strong>énfasis</strong></p>"


def test_errors_are_told_above_the_form_and_lead_to_their_fields(staff: str, page: Any) -> None:
    page.goto(event_form(staff, "se-crea-el-nucleo"))
    page.fill("#id_title", "")
    page.fill("#id_start", "2017-13")
    page.locator("form").evaluate_all("forms => forms.forEach(form => form.noValidate = true)")
    page.get_by_role("button", name="Guardar", exact=True).click()
    summary = page.get_by_text("No se guardó nada")
    summary.wait_for()
    page.wait_for_load_state()
    page.get_by_role("link", name="no hay mes 13").click()
    expect(page.locator("#id_start")).to_be_focused()
    assert Event.objects.get(slug="se-crea-el-nucleo").title


def test_the_staff_pages_fit_a_phone_and_a_desk(staff: str, page: Any) -> None:
    addresses = ["/admin/", "/admin/timeline/event/", "/admin/sources/citation/"]
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        for address in (*addresses, event_form(staff, "salida-del-stt").removeprefix(staff)):
            page.goto(staff + address)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
