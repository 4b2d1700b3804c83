"""How long pages are: in pixels on a wide screen, in sheets of A4 when printed."""

import re
from typing import Any

import pytest

from tests.screens import DESK

pytestmark = [pytest.mark.django_db, pytest.mark.once]
STATEMENT = "/pronunciamientos/por-que-el-nucleo-concluyo-su-participacion/"


def test_home_and_the_timeline_are_short_and_home_answers_on_its_first_screen(
    site: str, page: Any
) -> None:
    page.set_viewport_size(DESK)
    for address, most in (("/linea-de-tiempo/", 5100), ("/", 3100)):
        page.goto(site + address)
        assert page.evaluate("document.documentElement.scrollHeight") <= most, address
    rotation, notes = page.locator("main figure svg").first, page.locator("main .notes > li")
    for part in (page.locator("h1"), page.locator(".lead").first, rotation, notes.nth(2)):
        box = part.bounding_box()
        assert box["y"] + box["height"] <= DESK["height"], part


@pytest.mark.parametrize(
    ("address", "sheets"), [("/", 3), ("/linea-de-tiempo/", 4), (STATEMENT, 3)]
)
def test_a_page_is_printed_on_few_sheets(site: str, page: Any, address: str, sheets: int) -> None:
    page.goto(site + address)
    pdf = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) <= sheets
