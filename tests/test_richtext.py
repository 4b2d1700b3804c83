"""Rich text holds nothing that runs, on every way into the database."""

import json

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import connection
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from record.richtext import sanitize
from tests.markup import Page
from tests.records import WAYS, event, organization, refusals, statement

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


@pytest.mark.django_db
def test_html_that_was_written_around_the_field_is_sanitised_when_it_is_shown():
    record = event()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE timeline_event SET body = %s", [SCRIPT])
    record.refresh_from_db()
    assert record.body == SCRIPT
    template = Template("{% load record %}{{ event.body|prose }}")
    assert template.render(Context({"event": record})) == "<p>a</p>"
