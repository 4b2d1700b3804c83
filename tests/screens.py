"""A page on screens of three widths, in light and dark: what a reader could not read, and what axe
finds."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
SCREENS = ({"width": 320, "height": 800}, PHONE, DESK)
LAYOUT = Path(__file__).with_name("layout.js").read_text(encoding="utf-8")
LEVELS = "wcag2a wcag2aa wcag2aaa wcag21a wcag21aa wcag22aa best-practice".split()
COLORS = ["color-contrast", "color-contrast-enhanced", "link-in-text-block"]
# Nothing but the colours depends on the scheme.
SCHEMES = {"light": {"type": "tag", "values": LEVELS}, "dark": {"type": "rule", "values": COLORS}}


def on_each_screen(page: Any) -> Iterator[int]:
    """The widths, after the page has taken them."""
    for screen in SCREENS:
        page.set_viewport_size(screen)
        yield screen["width"]


def unreadable(page: Any) -> list[str]:
    """Text that overlaps, is cut, or stands beside the screen."""
    return page.evaluate(LAYOUT)


def violations(page: Any) -> list[str]:
    """What axe finds, at each level of WCAG and in its best practice, in light and dark."""
    found = []
    for scheme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        result = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        if result.violations_count:
            found.append(f"{scheme}: {result.generate_report()}")
    page.emulate_media(color_scheme="light")
    return found
