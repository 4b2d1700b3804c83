"""Rich text holds nothing that runs, on every way into the database, and takes no time."""

import json
import re
import time
from pathlib import Path

import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import transaction
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from record.richtext import sanitize
from tests.markup import Page
from tests.records import WAYS, event, organization, refusals, statement
from tests.sheets import csv_of, dry_run
from timeline.models import Event

HOSTILE = [
    "<script>alert(1)</script>",
    "<p>a<script src=//evil.example/x.js></script>b</p>",
    "<img src=x onerror=alert(1)>",
    '<p onclick="alert(1)" style="background:url(javascript:alert(1))" class=x id=y>a</p>',
    '<a href="javascript:alert(1)">a</a>',
    '<a href=" jAvAsCrIpT:alert(1)">a</a>',
    '<a href="java\nscript:alert(1)">a</a>',
    '<a href="&#106;avascript:alert(1)">a</a>',
    '<a href="data:text/html,<script>alert(1)</script>">a</a>',
    '<a href="vbscript:x">a</a>',
    '<a href="//evil.example" target="_blank" onmouseover="alert(1)">a</a>',
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)>",
    "<math><mtext></mtext><mglyph><style><!--</style><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=x></object><embed src=x><form action=x><input autofocus onfocus=alert(1)></form>",
    "<style>@import '//evil.example'</style><link rel=stylesheet href=x><meta http-equiv=refresh>",
    "<base href=//evil.example/>",
    "<template><script>alert(1)</script></template>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<p>a<!-- <script>alert(1)</script> --></p>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>script>alert(1)<</script>/script>",
    '"><script>alert(1)</script>',
    "<p>a</p></body></html><script>alert(1)</script>",
    "<p\x0conclick=alert(1)>a</p>",
    "<h1>a</h1><table><td>b</td></table><video src=x></video><details open ontoggle=alert(1)>",
]
ALLOWED = {"p", "br", "strong", "em", "h2", "h3", "ul", "ol", "li", "blockquote", "a"}
HONEST = (
    "<h2>Título</h2><h3>Otro</h3><p>Uno <strong>dos</strong> <em>tres</em><br>cuatro</p>"
    "<ul><li><p>a</p></li></ul><ol><li>b</li></ol><blockquote><p>«cita»</p></blockquote>"
    '<p><a href="https://example.org/?a=1&amp;b=2" rel="noopener">x</a> '
    '<a href="mailto:a@example.org" rel="noopener">y</a></p>'
)
MAKERS = pytest.mark.parametrize(
    ("make", "field"), [(organization, "description"), (event, "body"), (statement, "body")]
)


def assert_inert(html: str) -> None:
    assert "<!" not in html
    for tag, attributes in Page(html).tags:
        assert tag in ALLOWED, html
        assert attributes.keys() <= ({"href", "rel"} if tag == "a" else set()), html
        address = attributes.get("href")
        if address:
            scheme = address.partition(":")[0] if ":" in address.split("/")[0] else ""
            assert scheme in {"", "http", "https", "mailto"}, html


@pytest.mark.parametrize("html", HOSTILE)
def test_hostile_html_is_made_inert(html):
    assert_inert(sanitize(html))


def test_headings_lists_quotes_links_and_emphasis_stay_as_they_are():
    assert sanitize(HONEST) == HONEST


@pytest.mark.parametrize("empty", ["", " ", "<p></p>", "\n<p></p>\n", "<script>x</script>"])
def test_a_text_of_nothing_is_empty(empty):
    assert sanitize(empty) == ""


bits = st.sampled_from(
    "< > \" ' = / & ; : script img svg style p a on href onerror javascript: <!-- --> \n \x00 x "
    "<p> </p> <a href= <ul> <li> <svg> <math> <style> </style> <![CDATA[ ]]> &lt; &#x6a;".split(" ")
)


@given(st.one_of(st.text(max_size=60), st.lists(bits, max_size=25).map("".join)))
def test_any_html_is_inert_and_unchanged_when_it_is_sanitised_again(html):
    once = sanitize(html)
    assert_inert(once)
    assert sanitize(once) == once


SCRIPT = "<p>a<img src=x onerror=alert(1)></p><script>alert(1)</script>"


@pytest.mark.django_db
@MAKERS
def test_hostile_html_is_made_inert_on_every_way_into_the_database(make, field):
    for by in WAYS:
        record = make()
        model = type(record)
        by(record, **{field: SCRIPT})
        stored = model.objects.exclude(**{field: ""})
        assert list(stored.values_list(field, flat=True)) == ["<p>a</p>"], by.__name__
        versions = model.history.exclude(**{field: ""}).values_list(field, flat=True)
        assert set(versions) <= {"<p>a</p>"}
        stored.delete()
    assert model.history.filter(**{field: "<p>a</p>"}).exists()


@pytest.mark.django_db
@MAKERS
def test_full_clean_shows_the_html_that_will_be_stored(make, field):
    record = make()
    setattr(record, field, SCRIPT)
    assert refusals(record) == {}
    assert getattr(record, field) == "<p>a</p>"


@pytest.mark.django_db
@MAKERS
def test_a_fixture_with_hostile_html_loads_inert(make, field, tmp_path):
    record = make()
    (row,) = json.loads(serializers.serialize("json", [record], use_natural_primary_keys=True))
    row["fields"][field] = SCRIPT
    path = tmp_path / "hostile.json"
    path.write_text(json.dumps([row]))
    call_command("loaddata", str(path), verbosity=0)
    record.refresh_from_db()
    assert getattr(record, field) == "<p>a</p>"


EMPHASIS = "".join(f"<em id={number}>" for number in range(1000))
ATTRIBUTES = " ".join(f"a{number}" for number in range(30_000))
NINE = "<blockquote>" * 9 + "</em>" + "</blockquote>" * 9
EXCESSIVE = {
    f"<p>{EMPHASIS}{'<p>x' * 1000}": "una dentro de otra",
    "<blockquote>" * 19_000: "una dentro de otra",
    "<ul><li>" * 9000: "una dentro de otra",
    "<strong><em><a href=x>" * 34: "una dentro de otra",
    "<blockquote><!--</blockquote>-->" * 6000: "una dentro de otra",
    "<blockquote><script></blockquote></script>" * 4000: "una dentro de otra",
    "<blockquote><a title='</blockquote>'></a>" * 4000: "una dentro de otra",
    "<blockquote><select></blockquote></select><svg>" * 4000: "",
    "<p>" + EMPHASIS.replace("em", "font") + "<p>x" * 1000: "",
    "".join(f"<em id={number}>{NINE}" for number in range(400)) + "<p>x" * 500: "",
    f"<p {ATTRIBUTES}>x</p><a {ATTRIBUTES}>y</a>": "",
    "<p>x</p>" * 10_001: "etiquetas",
    "<p>x" * 15_000: "etiquetas",
    "<" * 1_000_000: "caracteres",
    "x" * 500_001: "caracteres",
    "&" * 490_000: "caracteres",
    "&lt;" * 120_000: "",
    "<a" + "='\"" * 120_000: "",
    "</script" * 19_000: "",
}


@pytest.mark.parametrize(("html", "reason"), EXCESSIVE.items(), ids=range(len(EXCESSIVE)))
def test_html_that_is_no_persons_work_is_refused_or_read_in_1_s_and_30_mb(html, reason):
    peak_memory()
    before, started, message = peak_memory(), time.process_time(), ""
    try:
        sanitize(html)
    except ValidationError as error:
        message = error.message
    assert time.process_time() - started < 1
    assert peak_memory() - before < 30
    assert reason in message
    assert bool(reason) == bool(message)


def peak_memory() -> int:
    """The most memory of this process in MB since the last call, Rust's too. Linux only."""
    peak = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    Path("/proc/self/clear_refs").write_text("5")
    return int(peak[1]) // 1024


def test_honest_html_of_the_most_tags_and_depth_is_read_and_can_be_saved_again():
    nested = "<ul><li>" * 90 + "<p>a</p>" + "</li></ul>" * 90
    item = "<p>Uno <strong>dos</strong> <em>tres</em><br>a &lt; b &amp; c «é»</p>"
    for html in (nested, item * 2000, f"<p>{'palabra ' * 60_000}</p>"):
        assert sanitize(html) == html
    assert sanitize("<ul>" + "<li>a" * 300) == "<ul>" + "<li>a</li>" * 300 + "</ul>"
    assert sanitize("<p>a" * 300) == "<p>a</p>" * 300
    assert sanitize("<P CLASS='a>b'>1 < 2 & 3<o:p>x</o:p><br/></P>") == (
        "<p>1 &lt; 2 &amp; 3x<br></p>"
    )


@pytest.mark.django_db
def test_excessive_html_is_refused_on_every_way_into_the_database():
    html = "<blockquote>" * 101
    record = event()
    record.body = html
    assert "una dentro de otra" in refusals(record)["body"][0]
    rows = csv_of("identificador,titulo,categoria,texto", f"uno,T,acuerdo,{html}")
    assert [error.column for error in dry_run("eventos", rows).errors] == ["texto"]
    for by in WAYS:
        record = event()
        with (
            pytest.raises(ValidationError, match="una dentro de otra"),
            transaction.atomic(),
        ):
            by(record, body=html)
    assert not Event.objects.exclude(body="").exists()


@pytest.mark.django_db
def test_a_stored_text_is_shown_without_sanitising_it_again(visitor, monkeypatch):
    pages = [event(body=HONEST), statement(body=HONEST), organization(description=HONEST)]
    monkeypatch.setattr("record.richtext._CLEANER", None)
    for page in pages:
        assert "<strong>dos</strong>" in visitor.get(page.get_absolute_url()).text
    for feed in ("/linea-de-tiempo/atom.xml", "/pronunciamientos/atom.xml"):
        assert "&lt;strong&gt;dos" in visitor.get(feed).text
    assert (
        Template("{% load record %}{{ a|prose }}").render(Context({"a": "<p>a</p>"})) == "<p>a</p>"
    )
