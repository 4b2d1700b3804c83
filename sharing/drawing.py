"""Draws the picture that a link to a page shows in other places, in the fonts of the pages.

A picture takes a few hundredths of a second, and memory for its fixed size only: a text that does
not fit is set smaller, then cut.
"""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

SIZE = WIDTH, HEIGHT = 1200, 630
PAPER, INK, SOFT, CRIMSON = "#faf6ec", "#211b16", "#53483e", "#8c1236"
LEFT, RIGHT, TOP, BOTTOM = 72, WIDTH - 72, 132, 450  # of the bracket
STROKE, FOOT, INSIDE = 10, 34, 58
KIND_LINE, DATE_LINE = 99, 555  # baselines
TEXT, ITALIC, TITLE = "newsreader-text.woff2", "newsreader-italic.woff2", "newsreader-title.ttf"
TITLE_SIZES = {112: 44, 84: 66, 68: 110, 54: 180, 42: 300}  # with the most letters
LEADING, TRACKING = 1.02, -0.015  # of the size
SMOOTH = 4  # the scale at which glyphs are drawn before they are reduced
OPENS, CLOSES = [(5, 1), (1, 1), (1, 11), (5, 11)], [(35, 1), (39, 1), (39, 11), (35, 11)]
LINES: dict[str, list[list[tuple[int, int]]]] = {
    "year": [[(1, 2), (39, 2), (39, 10), (1, 10), (1, 2)]],
    "between": [OPENS, CLOSES, *([(x, 10), (x + 6, 2)] for x in (10, 17, 24))],
    "after": [OPENS, [(10, 6), (16, 6)], [(20, 6), (24, 6)]],
    "before": [[(1, 6), (5, 6)], [(9, 6), (15, 6)], [(17, 1), (21, 1), (21, 11), (17, 11)]],
    "mark": [[(8, 2), (3, 2), (3, 22), (8, 22)], [(16, 2), (21, 2), (21, 22), (16, 22)]],
}
ROUND = {"day": (1, 1, 11, 11), "mark": (8, 8, 16, 16)}
WIDTHS = {"day": 12, "month": 12, "after": 25, "before": 22, "mark": 24}
"""The glyphs of dates, as on the pages, and the mark of the site, in units of their own."""


@dataclass(frozen=True)
class Picture:
    """`glyph` is the kind of the date `when`. `unsaid` has the words for a date that no source
    says, `doubt` those for the proof that the date lacks."""

    kind: str
    title: str
    when: str = ""
    glyph: str = ""
    unsaid: str = ""
    doubt: str = ""

    @property
    def words(self) -> str:
        """The text of the picture, for readers who do not see it."""
        when = self.when or (self.unsaid and f"cuándo, {self.unsaid}")
        words = ", ".join(filter(None, (f"{self.kind}: «{self.title}»", when)))
        return f"{words} {self.doubt}".strip()

    def draw(self) -> bytes:
        """The picture as a PNG. Where the font lacks letters of the title, the noun of the kind
        takes its place."""
        image, noun = Image.new("RGB", SIZE, PAPER), self.kind.partition(" · ")[0]
        ImageDraw.Draw(image).rectangle((0, 0, WIDTH, 13), CRIMSON)
        kind = self.kind if has_letters(self.kind, TEXT) else noun
        font, line = _fitted(kind, TEXT, [30], RIGHT - LEFT, 40)
        _write(image, (LEFT, KIND_LINE), line, font, SOFT)
        _draw_bracket(image)
        title = self.title if has_letters(self.title, TITLE) else ""
        _draw_title(image, title or noun)
        _draw_date(image, self, _draw_name(image) - 40)
        out = BytesIO()
        image.quantize(32, Image.Quantize.FASTOCTREE).save(out, "PNG")
        return out.getvalue()


def has_letters(text: str, font_name: str) -> bool:
    """Whether the font can write the text: its sign for a missing letter is blank."""
    font = _font(font_name, 30)
    return all(letter == " " or font.getmask(letter).getbbox() for letter in set(text))


@lru_cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(settings.BASE_DIR / "static" / "fonts" / name, size)


def _draw_bracket(image: Image.Image) -> None:
    canvas = ImageDraw.Draw(image)
    for side, foot in ((LEFT, LEFT), (RIGHT - STROKE, RIGHT - FOOT)):
        canvas.rectangle((side, TOP, side + STROKE - 1, BOTTOM - 1), CRIMSON)
        for y in (TOP, BOTTOM - STROKE):
            canvas.rectangle((foot, y, foot + FOOT - 1, y + STROKE - 1), CRIMSON)


def _draw_title(image: Image.Image, title: str) -> None:
    sizes = [size for size, letters in TITLE_SIZES.items() if len(title) <= letters or size == 42]
    font, lines = _fitted(title, TITLE, sizes, RIGHT - LEFT - 2 * INSIDE, BOTTOM - TOP)
    ascent, descent = font.getmetrics()
    height = LEADING * font.size * (len(lines) - 1)
    first = (TOP + BOTTOM + ascent - descent - height) / 2
    _write(image, (LEFT + INSIDE, first), lines, font, INK, TRACKING)


def _draw_name(image: Image.Image) -> float:
    """Draws the mark and the name of the site, and returns where they begin."""
    name = settings.SITE_NAME if has_letters(settings.SITE_NAME, TITLE) else ""
    font, line = _fitted(name, TITLE, [46, 36, 28], 400, 50)
    x = RIGHT - font.getlength(line[0])
    _write(image, (x, DATE_LINE + 2), line, font, INK)
    _draw_glyph(image, "mark", x - 58, 44 / 24)
    return x - 58


def _draw_date(image: Image.Image, picture: Picture, right: float) -> None:
    x: float = LEFT
    if picture.when:
        x = _draw_glyph(image, picture.glyph, x, 40 / 12) if picture.glyph else x
        words = f"{picture.when} {picture.doubt}".strip()
        font, lines = _fitted(words, TEXT, [38, 34, 31, 27, 23], right - x, 64)
        rise = LEADING * font.size * (len(lines) - 1) / 2
        _write(image, (x, DATE_LINE - rise), lines, font, INK)
    elif picture.unsaid:
        pieces = (
            ("[ ", TEXT, CRIMSON), (picture.unsaid, ITALIC, SOFT),
            (" ] ", TEXT, CRIMSON), (picture.doubt, TEXT, INK),
        )  # fmt: skip
        for text, name, ink in pieces:
            _write(image, (x, DATE_LINE), [text], _font(name, 38), ink)
            x += _font(name, 38).getlength(text)


def _draw_glyph(image: Image.Image, name: str, x: float, unit: float) -> float:
    """Draws a glyph around the middle of the last line, and returns where text after it begins."""
    width, height = WIDTHS.get(name, 40), 24 if name == "mark" else 12
    scale = unit * SMOOTH
    mask = Image.new("L", (round(width * scale), round(height * scale)))
    canvas = ImageDraw.Draw(mask)
    stroke = round((2.5 if name == "mark" else 1.8) * scale)
    for line in LINES.get(name, ()):
        points = [(a * scale, b * scale) for a, b in line]
        canvas.line(points, 255, stroke)
        for a, b in points[1:-1]:  # square corners
            half = stroke / 2
            canvas.rectangle((a - half, b - half, a + half, b + half), 255)
    if name in ROUND:
        canvas.ellipse([n * scale for n in ROUND[name]], 255)
    elif name == "month":
        canvas.rectangle((0, 0, *mask.size), 255)
    mask = mask.reduce(SMOOTH)
    image.paste(CRIMSON, (round(x), 546 - mask.height // 2), mask)
    return x + mask.width + 28


def _fitted(
    text: str, font_name: str, sizes: list[int], width: float, height: float
) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest of the sizes at which the text fits, and its lines, of similar length. Cuts the
    text at the last size."""
    for size in sizes:
        font, most = _font(font_name, size), int(height / (LEADING * size))
        lines = _lines(text, font, width)
        if len(lines) <= most:
            break
    else:
        last = _lines(lines[most - 1], font, width - size)[0].rstrip(" ,;:.")
        return font, [*lines[: most - 1], f"{last}…"]
    longest = max(map(font.getlength, text.split(" ")))
    widths = [part for tenth in range(5, 10) if (part := width * tenth / 10) >= longest]
    narrower = (_lines(text, font, width) for width in widths)
    return font, next((narrow for narrow in narrower if len(narrow) == len(lines)), lines)


def _lines(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The text in lines of at most `width`. Breaks a word only if it is longer than a line."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
            continue
        lines += [""] if lines[-1] else []
        for part in word if font.getlength(word) > width else [word]:
            if lines[-1] and font.getlength(lines[-1] + part) > width:
                lines.append("")
            lines[-1] += part
    return lines


def _write(
    image: Image.Image,
    at: tuple[float, float],
    lines: list[str],
    font: ImageFont.FreeTypeFont,
    ink: str,
    tracking: float = 0,
) -> None:
    """Writes lines, the first on the baseline `at`."""
    canvas, (x, y) = ImageDraw.Draw(image), at
    for line in lines:
        if not tracking:
            canvas.text((x, y), line, ink, font, "ls")
        for place, letter in enumerate(line if tracking else ""):
            left = font.getlength(line[: place + 1], features=["-liga"]) - font.getlength(letter)
            canvas.text((x + left + place * tracking * font.size, y), letter, ink, font, "ls")
        y += LEADING * font.size
