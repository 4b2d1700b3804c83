"""Whether what pages say can be read, and how they travel. `test_whole_record` weighs them."""

import gzip
import re
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

STATIC = Path(settings.BASE_DIR, "static")
TOKENS, PUBLIC, STAFF = (
    (STATIC / name).read_text() for name in ("tokens.css", "nucleo.css", "staff/staff.css")
)
TEXT = ("ink", "ink-soft", "crimson", "indigo")
ON_MARKS = ("ink", "indigo")
DRAWN = ("stroke", "stroke-second", "marigold", "rule-strong")


@pytest.mark.django_db
def test_pages_are_compressed_for_readers_and_not_where_they_hold_secrets(visitor: Client) -> None:
    asked = {"Accept-Encoding": "gzip"}
    public = visitor.get("/acerca-de/", headers=asked)
    assert public["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in public["Vary"]
    assert gzip.decompress(public.content) == visitor.get("/acerca-de/").content
    assert "Content-Encoding" not in visitor.get("/admin/login/", headers=asked)


# Contrast


def colors(after: str, styles: str = TOKENS) -> dict[str, str]:
    """The custom properties that are plain colours in the first `:root` after those words."""
    block = styles[styles.index(after) :].split(":root {", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})\b", block))


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(color: str, other: str) -> float:
    lighter, darker = sorted((luminance(color), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


DARK = "@media (prefers-color-scheme: dark)"
Pairs = list[tuple[str, str, float]]


def too_faint(palette: dict[str, str], pairs: Pairs) -> Pairs:
    return [
        (front, ground, round(contrast(palette[front], palette[ground]), 2))
        for front, ground, least in pairs
        if contrast(palette[front], palette[ground]) < least
    ]


@pytest.mark.parametrize("after", ["", DARK, "@media print"])
def test_text_contrasts_by_seven_and_what_is_drawn_by_three(after: str) -> None:
    pairs: Pairs = [(text, ground, 7) for text, ground in product(TEXT, ("paper", "panel"))]
    pairs += [(text, "highlight", 7) for text in ON_MARKS]
    pairs += [(drawn, "paper", 3) for drawn in DRAWN]
    assert too_faint(colors(after), pairs) == []


@pytest.mark.parametrize("after", ["", DARK])
def test_text_of_the_staff_contrasts_by_six_and_edges_of_fields_by_three(after: str) -> None:
    text, grounds = (*TEXT, "added", "removed"), ("paper", "panel", "field")
    pairs: Pairs = [(front, ground, 6.5) for front, ground in product(text, grounds)]
    pairs += [(front, f"{front}-ground", 6) for front in ("added", "removed")]
    pairs += [("on-button", ground, 6.5) for ground in ("indigo", "crimson")]
    pairs += [("rule-strong", ground, 3.3) for ground in grounds]
    assert too_faint(colors(after) | colors(after, STAFF), pairs) == []


def test_the_styles_and_the_scripts_of_the_staff_stay_small() -> None:
    assert len(STAFF.encode()) <= 24_000
    sizes = {script.name: script.stat().st_size for script in STATIC.glob("staff/*.js")}
    assert sizes.pop("desk.js") <= 8 * 1024
    assert sum(sizes.values()) <= 12 * 1024


def test_every_colour_of_the_styles_is_one_of_the_properties() -> None:
    rules = re.sub(r":root \{.*?\}|/\*.*?\*/", "", TOKENS + PUBLIC + STAFF, flags=re.DOTALL)
    assert re.findall(r"(?<![\w&-])#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(", rules) == []
