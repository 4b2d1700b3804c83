"""Readers at a real browser: with a phone, a keyboard, a printer, other colours, no script."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.test_search_answers import QUESTIONS

# What a browser shows of the record is the same on any database.
pytestmark = [pytest.mark.django_db, pytest.mark.once]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
STATEMENT = "/pronunciamientos/por-que-el-nucleo-concluyo-su-participacion/"
EVENT = "/linea-de-tiempo/salida-del-stt/"
SOURCE = "/fuentes/nucleo-de-sociedad-civil/"
PAGES = f"""/ /organizaciones/ /organizaciones/socialtic/ /representacion/ /linea-de-tiempo/ {EVENT}
    /pronunciamientos/ {STATEMENT} /fuentes/ {SOURCE} /al/ /al/2017/ /al/2015-02-11/ /datos/
    /acerca-de/ /al/2017-02-30/ /buscar/ /buscar/?q=representante
    /buscar/?q=representante+hipopótamo /no-existe/""".split()


@pytest.fixture(scope="module")
def server(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The site with its record, which readers leave as it is."""
    with django_db_blocker.unblock():
        call_command("load_record", verbosity=0)
        server = LiveServer("127.0.0.1")
        yield server.url
        server.stop()
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def site(server: str, page: Any) -> Iterator[str]:
    """Fails the test where the console complains or a request leaves the site."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url))
    yield server
    expected = (server, "data:", "404 (Not Found)")
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
    page.set_viewport_size(DESK)
    page.goto(site + EVENT)
    expect(page.locator("details.margin-note mark").first).to_be_visible()
    expect(page.locator("details.margin-note summary").first).to_be_hidden()


def test_a_keyboard_alone_reaches_the_content_a_sentence_and_a_paragraph(
    site: str, page: Any
) -> None:
    page.set_viewport_size(PHONE)
    page.goto(site + EVENT)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#contenido")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    page.keyboard.press("Enter")
    expect(page.locator("details.margin-note[open] mark").first).to_be_visible()
    page.goto(site + STATEMENT)
    page.get_by_text("En esta página").focus()
    page.keyboard.press("Enter")
    first = page.get_by_role("navigation", name="En esta página").get_by_role("link").first
    expect(first).to_be_visible()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url("**#p1")


def test_pages_fit_their_screen_and_have_no_accessibility_violation(site: str, page: Any) -> None:
    """At 390 px the style is that of 320; dark colours are the same at each width."""
    for address in PAGES:
        page.goto(site + address)
        for width, schemes in ((320, ["light"]), (390, []), (1280, ["light", "dark"])):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            for scheme in schemes:
                page.emulate_media(color_scheme=scheme)
                result = Axe().run(page)
                assert result.violations_count == 0, f"{address}\n{result.generate_report()}"
        page.emulate_media(color_scheme="light")


def test_without_javascript_everything_is_there(server: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for address in PAGES[:-1]:
        page.goto(server + address)
        expect(page.locator("h1"), address).to_be_visible()
    context.close()


def test_contents_lead_to_a_paragraph_and_its_number_to_the_sentence_in_the_source(
    site: str, page: Any
) -> None:
    page.set_viewport_size(DESK)
    page.goto(site + STATEMENT)
    contents = page.get_by_role("navigation", name="En esta página")
    contents.get_by_role("link").nth(3).click()
    page.wait_for_url("**#p4")
    paragraph = page.locator("#p4")
    expect(paragraph).to_be_in_viewport()
    number = paragraph.locator("sup a").first
    anchor = number.get_attribute("href")
    number.click()
    page.wait_for_url(f"**{anchor}")
    mark = page.locator(f"xpath=//*[@id='{anchor.split('#')[1]}']/following::mark[1]")
    expect(mark).to_be_in_viewport()
    page.locator("#h" + anchor.split("#c")[1]).get_by_role("link").first.click()
    page.wait_for_url(lambda address: "/fuentes/" not in address)
    expect(page.locator("h1")).to_be_visible()


def test_an_organization_named_in_a_text_is_one_click_away(site: str, page: Any) -> None:
    page.set_viewport_size(PHONE)
    page.goto(site + STATEMENT)
    link = page.locator("#p3 .prose a[href^='/organizaciones/']").last
    words = link.inner_text()
    link.click()
    page.wait_for_url("**/organizaciones/*/")
    expect(page.locator("main")).to_contain_text(words)


def test_a_printed_page_has_its_proofs_open_its_address_and_no_navigation(
    site: str, page: Any
) -> None:
    page.set_viewport_size({"width": 673, "height": 950})  # A4 between its margins
    page.emulate_media(media="print")
    for address in ("/", STATEMENT, "/linea-de-tiempo/", "/representacion/"):
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


def test_on_a_phone_targets_are_large_names_whole_and_nothing_moves_against_the_reader_s_wish(
    site: str, page: Any
) -> None:
    """Targets outside sentences are at least 24 pixels wide and high."""
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size(PHONE)
    for address in ("/", STATEMENT, "/linea-de-tiempo/", SOURCE):
        page.goto(site + address)
        assert page.evaluate(SMALL_TARGETS) == [], address
        assert page.evaluate("document.getAnimations().length") == 0
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto(f"{site}/datos/")
    page.get_by_text("Sus 14 columnas").first.click()
    columns = page.locator("details[open] th code.key")
    expect(columns.first).to_be_visible()
    assert columns.evaluate_all("all => all.every(name => name.getClientRects().length == 1)")


# A link in a line of text may be as high as the line; its box is counted with its padding.
SMALL_TARGETS = """() => [...document.querySelectorAll("main a, main summary, nav a")]
  .filter(e => e.checkVisibility() && getComputedStyle(e).display !== "inline" && !e.closest("svg"))
  .map(e => [e.innerText, e.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([text, box]) => `${text}: ${box.width} × ${box.height}`)"""


def test_ten_questions_are_answered_on_the_first_screen(site: str, page: Any) -> None:
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        for typed, address in QUESTIONS.items():
            page.goto(f"{site}/buscar/?q={typed}")
            box = page.locator(f'main a[href="{address}"]').first.bounding_box()
            assert box["y"] + box["height"] < size["height"], (typed, size)
