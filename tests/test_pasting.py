"""Text that is pasted from Word, Google Docs and Wikipedia keeps its words, lists and tables."""

from collections import Counter
from pathlib import Path
from time import process_time

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import expect

from record.pasting import losses_in_words, tidy
from record.richtext import MAX_CHARACTERS, MAX_TAGS, plain_lines, sanitize
from tests import records
from tests.login import log_in
from tests.staff import address_of, save
from timeline.models import Event

PASTED = Path(__file__).parent / "pasted"
TOP = "<h2>Acta de la Red</h2><p>La <strong>Red</strong> se reunió el <em>11 de mayo</em>[1]"
ALFA = '<a href="https://example.org/alfa" rel="noopener">Alfa</a>'
TABLE = "<ul><li>Ana: Vocal</li><li>Eva: Presidenta</li></ul>"
WIKI = "https://es.wikipedia.org/wiki"
TIDY = {
    "word": (
        f"{TOP} y acordó:</p><ul><li>Publicar el acta<ul><li>en el sitio</li></ul></li>"
        f"<li>Invitar a {ALFA}</li></ul><p>El orden del día:</p>"
        f"<ol><li>Lista de asistencia</li><li>Acuerdos</li></ol>{TABLE}<p>[1] Según la minuta.</p>",
        "Se quitaron 1 imagen, 1 comentario, 2 enlaces que no llevan a otra página y los estilos. "
        "1 tabla quedó como lista.",
    ),
    "google": (
        f"{TOP} y acordó:</p><ul><li><p>Publicar el acta</p></li>"
        f"<li><p>Invitar a {ALFA}</p></li></ul>{TABLE}",
        "Se quitaron 1 imagen, 1 enlace que no lleva a otra página y los estilos. "
        "1 tabla quedó como lista.",
    ),
    "wikipedia": (
        f'{TOP}\u200b con <a href="{WIKI}/Alfa" rel="noopener">Alfa</a> y Beta.[2]</p>'
        "<ul><li>Publicar el acta</li><li>Invitar a todas<ul><li>por carta</li></ul></li></ul>"
        "<p>La reunión</p><ul><li>Cargos</li><li>Nombre: Cargo; Desde</li>"
        f'<li><strong><a href="{WIKI}/Ana" rel="noopener">Ana</a></strong>: Vocal[3]; 2012</li>'
        "<li>Eva: Presidenta, Vocal</li></ul>",
        "Se quitaron 2 imágenes, 4 enlaces que no llevan a otra página y los estilos. "
        "1 tabla quedó como lista.",
    ),
}


@pytest.mark.parametrize("program", TIDY)
def test_a_text_from_another_program_keeps_its_words_lists_and_tables(program):
    html = (PASTED / f"{program}.html").read_text(encoding="utf-8")
    expected, words = TIDY[program]
    assert sanitize(html) == expected
    assert losses_in_words(tidy(html)[1]) == words
    assert tidy(expected) == (expected, Counter())


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("<div>uno</div><div>dos</div>", "<p>uno</p><p>dos</p>"),
        ("<section>uno <b>dos</b><p>tres</p>cuatro</section>",
         "<p>uno <strong>dos</strong></p><p>tres</p><p>cuatro</p>"),
        ("<p>a<b>b</b><i>c</i></p>", "<p>a<strong>b</strong><em>c</em></p>"),
        ('<span style="font-weight:bold;font-style:italic">a</span>',
         "<strong><em>a</em></strong>"),
        ("<h1>a</h1><h5>b</h5>", "<h2>a</h2><h3>b</h3>"),
        ("<table><tr><td>Ana<td>Vocal<tr><td>Eva<td></table>fin",
         "<ul><li>Ana: Vocal</li><li>Eva</li></ul><p>fin</p>"),
        ("<table><tr><td><table><tr><td>a</td><td>b</td></tr></table></td><td>c</td></tr></table>",
         "<ul><li>a, b: c</li></ul>"),
        ("<table><tr><td><p>&nbsp;</p></td></tr></table>", ""),
        ("<table><tr><td>Ana<td><ul><li>x<li>y</ul></table>", "<ul><li>Ana: x, y</li></ul>"),
        ("<table>suelto<tr><td>a</table>", "<ul><li>suelto</li><li>a</li></ul>"),
        ('<p style="mso-list:l0 level2 lfo1">a<p style="mso-list:l0 level1 lfo1">b<p>c',
         "<ul><li><ul><li>a</li></ul></li><li>b</li></ul><p>c</p>"),
        ('<p style="mso-list:l0 level1 lfo1"><span style="mso-list:Ignore">a)</span>x</p>',
         "<ol><li>x</li></ol>"),
        ("<p>a</p><p class=x><span style='display:none'>oculto</span></p>", "<p>a</p>"),
        ("<!--[if mso]><p>x</p><![endif]--><p>a</p>", "<p>a</p>"),
        *((f'<p><a href="{address}">a</a></p>', "<p>a</p>") for address in (
            "/admin/", "#nota", "nota.html", "//example.org/x", "?x=1", "file:///C:/x", "",
            "https://nucleo.example/admin/timeline/event/1/change/", "HTTPS://x.example/admin",
            f"{WIKI}/Red#cite_note-1", "https://x.example/y.htm#_ftn1", "javascript:alert(1)",
        )),
        ('<p><a href="https://x.example/a?b=1&amp;c=/admin/">a</a></p>',
         '<p><a href="https://x.example/a?b=1&amp;c=/admin/" rel="noopener">a</a></p>'),
        ('<p>a</p><p></p><p><a target="_blank" href="https://x.example/">b</a></p>',
         '<p>a</p><p></p><p><a href="https://x.example/" rel="noopener">b</a></p>'),
        ("<p>a &lt; b &amp; c</p><p></p><p>d</p>", "<p>a &lt; b &amp; c</p><p></p><p>d</p>"),
    ],
)  # fmt: skip
def test_markup_becomes_the_tags_of_rich_text(pasted, expected):
    assert sanitize(pasted) == expected
    assert sanitize(expected) == expected


@pytest.mark.parametrize(
    ("dropped", "words"),
    [
        ({}, ""),
        ({"image": 1}, "Se quitó 1 imagen."),
        ({"image": 2}, "Se quitaron 2 imágenes."),
        ({"style": 1}, "Se quitaron los estilos."),
        ({"link": 1, "comment": 1},
         "Se quitaron 1 comentario y 1 enlace que no lleva a otra página."),
        ({"table": 2}, "2 tablas quedaron como listas."),
    ],
)  # fmt: skip
def test_what_was_left_out_is_said_losses_in_words(dropped, words):
    assert losses_in_words(Counter(dropped)) == words


bits = st.sampled_from(
    "<p>_</p>_<b>_</b>_<div>_</div>_<table>_</table>_<tr>_<td>_</td>_<li>_<ul>_</ul>_<img>_<br>_uno_"
    "dos_ _<h1>_</h1>_<i>_</i>_&nbsp;_<hr>_<a>_</a>_&lt;_< _>_<svg>_</span>_<p class=x>_"
    "<a href='#x'>_<p style='mso-list:l0 level1'>_<p style='mso-list:l1 level3'>_"
    "<span style='mso-list:Ignore'>_<a href='https://x.example/'>".split("_")
)


@given(st.lists(bits, max_size=30).map("".join))
def test_every_word_outside_of_hidden_markup_stays_and_a_tidy_text_stays_as_it_is(html):
    once = sanitize(html)
    assert sanitize(once) == once
    if "Ignore" not in html and "<svg>" not in html:
        for word in ("uno", "dos"):
            assert once.count(word) == html.count(word), once


@pytest.mark.parametrize(
    "piece",
    [
        "<a ", "<p>", "<td>", "</td>", "<table>", "<table><td>", "<b style=font-weight:normal>",
        '<p style="mso-list:l0 level9">', "</b>", "<i>", '<a href="https://x.example/', "&nbsp;",
        f"<p {'a' * 3900}>", '<p x="', "<span class=x><", "<!--", "<div>a",
        '<a href="https://x.example/" rel="noopener">',
    ],
)  # fmt: skip
def test_the_time_of_a_hostile_text_is_linear(piece):
    html = piece * min(MAX_CHARACTERS // len(piece), MAX_TAGS // max(1, piece.count("<")))
    began = process_time()
    tidy(html)
    assert process_time() - began < 2


# In the form

PASTE = """([area, html]) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/html", html);
  clipboardData.setData("text/plain", "sin formato");
  area.focus();
  area.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


@pytest.mark.django_db
def test_without_a_script_the_form_says_after_saving_what_was_left_out(editor):
    event = records.event(publish_at=None)
    html = (PASTED / "wikipedia.html").read_text(encoding="utf-8")
    save(editor, address_of("change", event), body=html)
    event.refresh_from_db()
    expected, words = TIDY["wikipedia"]
    assert event.body == expected
    page = editor.get(address_of("changelist", Event)).text
    assert f"Texto: {words[0].lower()}{words[1:]}" in page
    save(editor, address_of("change", event), title="Otro título")
    assert "Texto:" not in editor.get(address_of("changelist", Event)).text


@pytest.mark.django_db
def test_a_paste_that_no_person_wrote_is_answered_with_the_reason(reader):
    address = reverse("admin:read_paste")
    answer = reader.post(address, {"html": "x" * (MAX_CHARACTERS + 1)}).json()
    assert answer["html"] == ""
    assert "caben 500,000" in answer["words"]


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_pasting_into_the_editor_tidies_the_text_and_says_what_was_left_out(page, live_server):
    event = records.event(publish_at=None)
    User.objects.create_superuser("eva", password="only for tests")
    log_in(page, live_server.url, "eva")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(live_server.url + address_of("change", event))
    area = page.locator(".tiptap")
    row = page.locator(".field-body")
    assert area.evaluate("area => area.spellcheck")
    for program, (expected, words) in TIDY.items():
        row.evaluate("row => row.closest('details')?.setAttribute('open', '')")
        area.fill("")
        html = (PASTED / f"{program}.html").read_text(encoding="utf-8")
        area.evaluate(f"(area, html) => ({PASTE})([area, html])", html)
        expect(row.get_by_role("status")).to_have_text(words)
        with page.expect_navigation():
            page.locator("[name=_continue]").click()
        event.refresh_from_db()
        assert plain_lines(event.body) == plain_lines(expected)
        assert event.body.count("<li>") == expected.count("<li>")
        assert event.body.count("<a ") == expected.count("<a ")
    row.evaluate("row => row.closest('details')?.setAttribute('open', '')")
    area.fill("")
    page.route("**/leer/pegado/", lambda route: route.abort())
    area.evaluate(f"(area, html) => ({PASTE})([area, html])", "<p>uno <b>dos</b></p>")
    expect(row.get_by_role("status")).to_contain_text("se revisará al guardar")
    expect(area).to_have_text("uno dos")
    assert [text for text in complaints if "ERR_FAILED" not in text] == []
