"""The reading desk with its script: mouse, keyboard, brackets, history, a lost network."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import expect

from tests import records
from tests.login import log_in
from tests.screens import PHONE, unreadable, violations
from timeline.models import Event

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("words"),
]
TEXT = (Path(__file__).parent / "communique" / "comunicado.txt").read_text("utf-8")
MEETINGS = "A principios de 2018 sostuvimos varias reuniones con el INAI"
LOADS: list[str] = []


@pytest.fixture
def desk(page: Any, live_server: Any) -> Any:
    """The desk of the communiqué, where a second page load or a complaint is an error."""
    User.objects.create_superuser("ana", password="only for tests")
    source = records.source(text=TEXT, title="Comunicado")
    log_in(page, live_server.url, "ana")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(live_server.url + reverse("admin:sources_source_desk", args=[source.pk]) + "?o=1")
    page.wait_for_load_state("networkidle")
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("domcontentloaded", lambda _page: complaints.append("a page was loaded"))
    page.complaints = complaints
    return page


def row(page: Any, number: int) -> Any:
    return page.locator(f"#o{number}")


def chosen(page: Any, *tokens: str) -> None:
    """Waits until these sentences and words are the quotes of the panel."""
    address = re.escape("&".join(f"o={token}" for token in tokens))
    expect(page).to_have_url(re.compile(rf"\?{address}&hecho"))
    fields = page.locator("#panel [name=o]")
    expect(fields).to_have_count(len(tokens))
    for field, token in zip(fields.all(), tokens, strict=True):
        expect(field).to_have_value(token)


def place_of(page: Any, number: int, words: str, where: float) -> tuple[float, float]:
    """The point in a sentence where `words` begin (0) or end (1)."""
    box = row(page, number).evaluate(
        """(row, [words, where]) => {
            const text = document.createTreeWalker(row.querySelector("q"), 4).nextNode();
            const range = document.createRange();
            range.setStart(text, text.data.indexOf(words));
            range.setEnd(text, text.data.indexOf(words) + words.length);
            const box = [...range.getClientRects()].at(where ? -1 : 0);
            return [where ? box.right - 1 : box.left + 1, box.top + box.height / 2];
        }""",
        [words, where],
    )
    return tuple(box)


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=6)
    page.mouse.up()


def center(locator: Any) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_mouse_chooses_sentences_runs_and_words(desk: Any) -> None:
    row(desk, 3).locator("q").click()
    chosen(desk, "3")
    row(desk, 5).locator("q").click(modifiers=["Shift"])
    chosen(desk, "3", "4", "5")
    row(desk, 4).locator("q").click(modifiers=["Control"])
    chosen(desk, "3", "5")
    row(desk, 5).locator("q").click(modifiers=["Meta"])  # ⌘
    chosen(desk, "3")
    drag(desk, center(row(desk, 3).locator("q")), center(row(desk, 4).locator("q")))
    chosen(desk, "3", "4")
    words = "El 9 de abril de 2018"
    drag(desk, place_of(desk, 3, words, 0), place_of(desk, 3, words, 1))
    chosen(desk, "3:1-6")
    expect(desk.locator("#panel blockquote mark")).to_have_text(f"{words},")
    expect(desk.locator("#words-0")).to_have_value(words)
    desk.keyboard.down("Control")
    drag(desk, place_of(desk, 3, "hasta ese", 0), place_of(desk, 3, "hasta ese", 1))
    desk.keyboard.up("Control")
    chosen(desk, "3:1-6", "3:22-23")
    row(desk, 4).get_by_text("sumar").click()
    chosen(desk, "3:1-6", "3:22-23", "4")
    desk.get_by_text("Soltar", exact=True).click()
    expect(desk.locator("#panel-title")).to_contain_text("Elija una oración")
    row(desk, 2).get_by_role("link").click()
    chosen(desk, "2")
    expect(desk.locator("#panel-title")).to_be_focused()
    assert desk.complaints == []


def test_the_keyboard_chooses_goes_to_the_panel_and_comes_back(desk: Any) -> None:
    row(desk, 1).focus()
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("ArrowDown")
    expect(row(desk, 3)).to_be_focused()
    desk.keyboard.press(" ")
    chosen(desk, "3")
    expect(row(desk, 3)).to_be_focused()
    desk.keyboard.press("Shift+ArrowDown")
    chosen(desk, "3", "4")
    desk.keyboard.press("Shift+ArrowDown")
    chosen(desk, "3", "4", "5")
    expect(row(desk, 5)).to_be_focused()
    desk.keyboard.press("ArrowUp")
    desk.keyboard.press("Enter")
    chosen(desk, "4")
    expect(desk.locator("#panel-title")).to_be_focused()
    desk.keyboard.press("Tab")
    desk.keyboard.press("ArrowRight")  # «Empieza ◂»
    expect(desk.locator("#panel blockquote mark")).to_have_text(
        "co-representación quedó a cargo de Fundar."
    )
    expect(desk.locator("#desk-status")).to_have_text("co-representación")
    desk.keyboard.press("Escape")  # something would be lost
    expect(row(desk, 4)).to_be_focused()
    chosen(desk, "4")
    desk.reload()  # asks
    desk.keyboard.press("Tab")


def test_brackets_and_steps_bound_the_words_of_a_quote(desk: Any) -> None:
    row(desk, 6).locator("q").click()
    chosen(desk, "6")
    mark, field = desk.locator("#panel mark"), desk.locator("#words-0")
    word = desk.locator("#panel blockquote span")
    drag(desk, center(word.first), center(word.get_by_text("comunicó")))
    drag(desk, center(word.last), center(word.get_by_text("decisión")))
    expect(mark).to_have_text("comunicó su decisión")
    expect(field).to_be_hidden()
    expect(field).to_have_value("comunicó su decisión")
    desk.get_by_label("Empieza una palabra antes").click()
    desk.get_by_label("Termina una palabra antes").click()
    expect(field).to_have_value("IMCO comunicó su")
    drag(desk, center(word.get_by_text("concluir")), center(word.get_by_text("participación")))
    expect(field).to_have_value("concluir su participación")
    row(desk, 7).locator("q").click()  # adds, since something would be lost
    chosen(desk, "6", "7")
    expect(field).to_have_value("concluir su participación")


def test_back_shows_the_sentences_chosen_before_and_keeps_what_was_typed(desk: Any) -> None:
    row(desk, 3).locator("q").click()
    chosen(desk, "3")
    row(desk, 4).locator("q").click()
    chosen(desk, "4")
    desk.evaluate("history.back()")
    chosen(desk, "3")
    desk.fill("#id_title", "Un título")
    desk.evaluate("history.forward()")
    chosen(desk, "4")
    expect(desk.locator("#id_title")).to_have_value("Un título")
    assert desk.complaints == []


def test_a_field_that_is_filled_takes_its_tick(desk: Any) -> None:
    row(desk, 4).locator("q").click()
    chosen(desk, "4")
    whole = desk.get_by_label("La cita 1 prueba: Título")
    expect(whole).to_be_checked()
    desk.fill("#id_summary", "Fundar")
    expect(desk.get_by_label("La cita 1 prueba: Resumen")).to_be_checked()
    whole.uncheck()
    desk.fill("#id_title", "Fundar asume")
    expect(whole).not_to_be_checked()  # the quote proves the summary


def test_a_lost_network_loses_nothing_and_says_what_to_do(desk: Any) -> None:
    row(desk, 4).locator("q").click()
    chosen(desk, "4")
    desk.fill("#id_title", "Un título")
    desk.context.set_offline(True)
    row(desk, 5).locator("q").click()
    expect(desk.locator("#desk-failure")).to_be_visible()
    expect(desk.locator("#id_title")).to_have_value("Un título")
    desk.context.set_offline(False)
    row(desk, 5).locator("q").click()
    chosen(desk, "4", "5")
    expect(desk.locator("#desk-failure")).to_be_hidden()
    expect(desk.locator("#id_title")).to_have_value("Un título")


def test_on_a_phone_a_tap_chooses_and_the_panel_follows(desk: Any) -> None:
    desk.set_viewport_size(PHONE)
    desk.get_by_text("Soltar", exact=True).click()
    row(desk, 4).locator("q").click()
    chosen(desk, "4")
    expect(row(desk, 6)).to_be_hidden()

    assert unreadable(desk) == []
    assert violations(desk) == []


def test_the_keyboard_saves_in_place_and_goes_on_with_the_next_sentence(desk: Any) -> None:
    row(desk, 4).locator("q").click()
    chosen(desk, "4")
    desk.select_option("#id_category", label="relevo")
    desk.locator("#id_start").focus()
    desk.keyboard.press("Control+Enter")
    expect(desk.locator("#desk-status")).to_contain_text("Guardado como borrador")
    expect(row(desk, 5)).to_be_focused()
    expect(row(desk, 4)).to_contain_text("1 borrador")
    assert (
        Event.objects.get().citations.get().exact == "La co-representación quedó a cargo de Fundar"
    )
    desk.get_by_role("button", name="Deshacer").click()
    expect(row(desk, 4)).to_contain_text("sin usar")
    assert not Event.objects.exists()
    row(desk, 4).locator("q").click()
    chosen(desk, "4")
    desk.get_by_text("Fin, ").click()
    expect(desk.locator(".prose-editor")).to_be_visible()  # in the new desk too
    desk.fill("#id_title", "")
    desk.get_by_role("button", name="Guardar y seguir leyendo").last.click()
    expect(desk.locator("#problems")).to_be_focused()
    assert desk.complaints == []
