"""Readers at a real browser: with a phone, a keyboard, a printer, other colours, no script."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.screens import DESK, PHONE
from tests.test_search_answers import QUESTIONS

# What a browser shows of the record is the same on any database.
pytestmark = [pytest.mark.django_db, pytest.mark.once]
STATEMENT = "/pronunciamientos/por-que-el-nucleo-concluyo-su-participacion/"
EVENT = "/linea-de-tiempo/salida-del-stt/"
SOURCE = "/fuentes/nucleo-de-sociedad-civil/"
PAGES = f"""/ /organizaciones/ /organizaciones/socialtic/ /representacion/ /linea-de-tiempo/ {EVENT}
    /pronunciamientos/ {STATEMENT} /fuentes/ {SOURCE} /al/ /al/2017/ /al/2015-02-11/ /datos/
    /acerca-de/ /al/2017-02-30/ /buscar/ /buscar/?q=representante
    /buscar/?q=representante+hipopótamo /no-existe/""".split()


def test_citations_stand_open_in_the_margin_of_a_wide_screen(site: str, page: Any) -> None:
    page.set_viewport_size(DESK)
    page.goto(site + EVENT)
    expect(page.locator("details.margin-note q").first).to_be_visible()
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
    expect(page.locator("details.margin-note[open] q").first).to_be_visible()
    page.goto(site + STATEMENT)
    page.get_by_text("En esta página", exact=True).focus()
    page.keyboard.press("Enter")
    first = page.get_by_role("navigation", name="En esta página").get_by_role("link").first
    expect(first).to_be_visible()
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url("**#p1")


def test_without_javascript_everything_is_there(server: Any, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for address in PAGES[:-1]:
        page.goto(server.url + address)
        expect(page.locator("h1"), address).to_be_visible()
    context.close()


def test_contents_lead_to_a_paragraph_and_its_number_to_the_sentence_in_the_source(
    site: str, page: Any
) -> None:
    page.set_viewport_size(DESK)
    page.goto(site + STATEMENT)
    page.get_by_text("En esta página", exact=True).click()
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
    proven = page.locator(f"xpath=//*[@id='h{anchor.split('#c')[1]}']/following::li[1]")
    proven.get_by_role("link").first.click()
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
    page.set_viewport_size({"width": 680, "height": 950})  # A4 between its margins
    page.emulate_media(media="print")
    for address in ("/", STATEMENT, "/linea-de-tiempo/", "/representacion/"):
        page.goto(site + address)
        expect(page.locator("h1")).to_be_visible()
        for proof in page.locator("details.margin-note").locator("q, .proven-facts > li > a").all():
            expect(proof).to_be_visible()
        for link in page.locator("nav:not(.kicker) a, .fold a").all():
            expect(link).to_be_hidden()
        expect(page.locator(".print-only")).to_contain_text(f"{site}{address}")
        expect(page.locator(".print-only")).to_be_visible()
        expect(page.get_by_text("Último cambio de lo que")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 680


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
    page.get_by_text("columnas").first.click()
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


class Walk:
    """A reader with a phone, who counts the pages and the screens that are seen on a way."""

    def __init__(self, page: Any, site: str) -> None:
        self.page, self.pages, self.screens = page, 1, 1
        page.set_viewport_size(PHONE)
        page.goto(site)

    def look(self, place: Any) -> None:
        """Scroll down, a screen at a time, until the place is seen."""
        expect(place).to_be_visible()
        while place.bounding_box()["y"] + 24 > PHONE["height"]:
            self.page.mouse.wheel(0, PHONE["height"])
            self.page.wait_for_timeout(100)
            self.screens += 1

    def click(self, place: Any) -> None:
        self.look(place)
        before = self.page.url.split("#")
        place.click()
        self.page.wait_for_load_state()
        after = self.page.url.split("#")
        self.pages += after[0] != before[0]
        self.screens += after != before

    def open_menu(self, name: str) -> None:
        self.click(self.page.get_by_text("Menú y búsqueda"))
        self.click(self.page.get_by_role("link", name=name, exact=True))

    def is_short(self) -> bool:
        return self.pages <= 3 and self.screens <= 4


def test_a_journalist_finds_who_spoke_in_2016_and_the_sentence_that_says_it(
    site: str, page: Any
) -> None:
    walk = Walk(page, site)
    walk.open_menu("¿Quién, cuándo?")
    page.get_by_label("Fecha").fill("2016")
    walk.click(page.get_by_role("button", name="Ver"))
    walk.look(page.locator(".lead").get_by_text("Quién hablaba"))
    walk.click(page.get_by_role("link", name="las pruebas"))
    walk.look(page.locator("#pruebas q").get_by_text("esta representación ha estado a cargo"))
    assert walk.is_short(), vars(walk)


def test_a_researcher_takes_the_events_of_an_organization_as_a_table_with_their_proof(
    site: str, page: Any
) -> None:
    walk = Walk(page, site)
    walk.open_menu("Línea de tiempo")
    walk.click(page.get_by_text("Filtrar por año, categoría u organización"))
    walk.click(page.get_by_role("navigation", name="Filtros").get_by_role("link", name="SocialTIC"))
    with page.expect_download() as download:
        walk.click(page.get_by_role("link", name="CSV"))
    assert "SocialTIC" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    walk.click(page.get_by_role("link", name="Saltar a los acontecimientos"))
    walk.click(page.locator("#lista summary").get_by_text("La fuente dice").first)
    walk.look(page.locator("#lista .notes q").first)
    assert walk.is_short(), vars(walk)


def test_a_citizen_reads_in_their_words_why_they_left(site: str, page: Any) -> None:
    walk = Walk(page, site)
    walk.click(page.get_by_text("Menú y búsqueda"))
    page.get_by_label("Buscar en el registro").fill("motivo de la salida")
    walk.click(page.get_by_role("button", name="Buscar"))
    walk.click(page.get_by_role("link", name="¿Por qué el Núcleo concluyó su participación"))
    walk.look(page.locator("#p1").get_by_text("por la pérdida de confianza").first)
    assert walk.is_short(), vars(walk)
