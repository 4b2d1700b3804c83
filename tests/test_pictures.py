"""The pictures that other sites show with a link: what they show, how long that holds, and what
they cost."""

import re
import time
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.test import Client
from PIL import Image

from sharing import drawing, pictures
from sharing.drawing import Picture
from tests.markup import page, read
from tests.records import (
    HIDDEN,
    NOW,
    citation,
    event,
    membership,
    organization,
    proven,
    source,
    statement,
)  # fmt: skip
from tests.test_richtext import peak_memory

database = pytest.mark.django_db
UNSAID = "cuándo, la fuente no lo dice"
BOUNDS = {"start": "[2011-08..2015-02]"}


@pytest.fixture(autouse=True)
def _an_empty_store() -> None:
    caches["pages"].clear()


def shared(client: Client, url: str) -> dict[str, str]:
    """The properties of Open Graph on a page."""
    metas = page(client, url).all("meta")
    return {attrs["property"]: attrs["content"] for attrs in metas if "property" in attrs}


def words(client: Client, record: Any) -> str:
    return shared(client, record.get_absolute_url())["og:image:alt"]


def address(client: Client, url: str) -> str:
    return shared(client, url)["og:image"].removeprefix("http://testserver")


@database
def test_a_picture_shows_the_title_the_kind_and_the_date_as_the_source_has_it(visitor):
    """And an organization since when it belonged; a date without proof says so."""
    una = organization(name="Una", article="la")
    said = proven(statement(title="Dicho", date="2017-05"))
    said.organizations.add(una, through_defaults={"part": "speaks"})
    former = proven(membership(start="2016", end="2018"))
    for record, expected in (
        (proven(event(title="Uno", **BOUNDS)),
         "Acontecimiento · acuerdo: «Uno», entre agosto de 2011 y febrero de 2015"),
        (proven(event(title="Dos")), f"Acontecimiento · acuerdo: «Dos», {UNSAID}"),
        (event(title="Tres", start="2016"),
         "Acontecimiento · acuerdo: «Tres», 2016 [ sin cita todavía ]"),
        (said, "Pronunciamiento · habla la Una: «Dicho», mayo de 2017"),
        (una, "Organización: «Una»"),
        (former.organization,
         "Organización · anterior integrante: «La organización», de 2016 a 2018"),
        (source(title="Acta", kind="minutes", published="2017-05-23"),
         "Fuente · minuta: «Acta», 23 de mayo de 2017"),
    ):  # fmt: skip
        assert words(visitor, record) == expected
    contested = proven(event(title="Uno", start="2016"))
    other = source(title="Otra")
    citation(contested, source=other, field="start", stance="contradicts", says="2015")
    assert words(visitor, contested).endswith("2016 (las fuentes no coinciden)")


@database
def test_every_kind_of_page_leads_to_a_picture_of_its_size(visitor):
    records = [event(), statement(), organization(), source()]
    urls = ["/", "/fuentes/", *(record.get_absolute_url() for record in records)]
    addresses = {address(visitor, url) for url in urls}
    assert len(addresses) == len(urls) - 1, "lists share a picture"
    for url in addresses:
        content = read(visitor, url)
        assert len(content) < 40_000
        with Image.open(BytesIO(content)) as drawn:
            assert (drawn.format, drawn.size) == ("PNG", (1200, 630))


@database
@pytest.mark.parametrize("hidden", HIDDEN, ids=["draft", "scheduled", "withdrawn"])
def test_a_hidden_record_has_no_picture_for_anybody(visitor, editor, hidden):
    for record in (event(**hidden), statement(**hidden), organization(**hidden), source(**hidden)):
        for person in (visitor, editor):
            assert person.get(f"{record.get_absolute_url()}compartir.png").status_code == 404
        if editor.get(record.get_absolute_url()).status_code == 200:  # a preview
            assert address(editor, record.get_absolute_url()).startswith("/compartir.png?")


@database
def test_a_picture_is_drawn_once_and_never_stale(visitor, monkeypatch):
    drawn: list[str] = []
    draw = Picture.draw
    monkeypatch.setattr(Picture, "draw", lambda self: drawn.append(self.title) or draw(self))
    record = event(slug="uno", title="Antes")
    old = address(visitor, "/linea-de-tiempo/uno/")
    first, again = visitor.get(old), visitor.get(old)
    assert first.getvalue() == again.getvalue()
    event(title="Otro")
    known = {"headers": {"if-none-match": first["ETag"]}}
    assert (visitor.get(old, **known).status_code, drawn) == (304, ["Antes"])
    assert first["Cache-Control"] == "public, max-age=0, must-revalidate"

    record.title = "Después"
    record.save()
    assert address(visitor, "/linea-de-tiempo/uno/") != old
    fresh = visitor.get(old, **known)
    assert (fresh.status_code, drawn) == (200, ["Antes", "Después"])

    record.slug = "dos"
    record.save()
    moved = visitor.get("/linea-de-tiempo/uno/compartir.png")
    assert (moved.status_code, moved["Location"]) == (301, "/linea-de-tiempo/dos/compartir.png")
    record.unpublish_at = NOW - timedelta(hours=1)
    record.save()
    assert visitor.get("/linea-de-tiempo/dos/compartir.png", **known).status_code == 404


LONGEST = "Una palabra larga y otra, ¿quién la dice?"
CASES = {
    "200 letters": "título " * 29,
    "300 letters": f"{LONGEST} " * 7,
    "no spaces": "x" * 300,
    "one letter": "Y",
    "right to left": "مركز الدراسات",
    "both directions": "ONG مركز",
    "emoji": "Firma 🎉",
    "no title": "",
}


@pytest.mark.parametrize("title", CASES.values(), ids=CASES)
def test_any_title_gives_a_picture_inside_its_bracket(title):
    long = "entre el 11 de febrero de 2011 y el 23 de septiembre de 2017"
    kind = f"Pronunciamiento · hablan {'Alguna Organización, ' * 20}"
    picture = Picture(kind, title, long, "between", doubt="[ sin cita todavía ]")
    with Image.open(BytesIO(picture.draw())) as drawn:
        light = drawn.convert("L").point(lambda value: 255 * (value < 128))
    assert light.crop((106, 142, 1094, 440)).getbbox(), "a title, or the noun of the kind"
    for margin in ((0, 14, 70, 630), (1130, 14, 1200, 630), (110, 112, 1090, 142),
                   (110, 442, 1090, 500), (0, 590, 1200, 630)):  # fmt: skip
        assert light.crop(margin).getbbox() is None, margin


def test_a_title_with_letters_that_the_font_lacks_is_left_out_and_latin_ones_stay():
    noun = Picture("Acontecimiento · acuerdo", "Acontecimiento").draw()
    for title in ("مركز الدراسات", "ONG 中心", "Firma 🎉"):
        assert Picture("Acontecimiento · acuerdo", title).draw() == noun
    for title in ("Łódź, Škoda e İş Bankası", "Açaí «¿…?» — Núcleo"):
        assert drawing.has_letters(title, drawing.TITLE)
        assert Picture("Acontecimiento · acuerdo", title).draw() != noun


@pytest.mark.once
def test_a_picture_costs_little_whatever_it_shows():
    pictures.general_picture().draw()  # opens the fonts
    worst = Picture("Fuente · " + "x " * 2_000, "y" * 300, "z" * 300, "between")
    peak_memory()
    before, began = peak_memory(), time.process_time()
    worst.draw()
    assert (time.process_time() - began < 2, peak_memory() - before < 20) == (True, True)


@database
def test_the_type_and_the_times_of_a_page_are_true(visitor):
    """An article has the day on which its sources say that it was published."""
    day, when = "2017-05-23", "article:published_time"
    for record, expected in (
        (proven(statement(date=day)), day),
        (statement(date=day), ""),  # no citation
        (proven(statement(date="2017-05")), ""),
        (proven(statement()), ""),
        (source(published=day), day),
        (source(published="[2017-05-23..]"), ""),
    ):
        meta = shared(visitor, record.get_absolute_url())
        assert (meta["og:type"], meta.get(when, "")) == ("article", expected)
        assert re.match(r"\d{4}-\d\d-\d\dT", meta["article:modified_time"])
    for url in (event(start=day).get_absolute_url(), organization().get_absolute_url(), "/"):
        meta = shared(visitor, url)
        assert meta["og:type"] == "website"
        assert [name for name in meta if name.startswith("article:")] == []


def test_the_fonts_of_pictures_are_shipped_with_their_licence():
    fonts = settings.BASE_DIR / "static" / "fonts"
    assert "SIL OPEN FONT LICENSE" in (fonts / "OFL.txt").read_text("utf-8")
    for name in (drawing.TEXT, drawing.ITALIC, drawing.TITLE):
        assert drawing.has_letters("«¿Qué dice la Constitución?» — Ñandú 2017", name)
