"""What reading is made easy by: organizations linked where a text names them, contents of what is
long, the way to what stands beside, and to what is related."""

import re
from html import escape, unescape
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from organizations.models import Organization
from organizations.names import Names
from record.richtext import sanitize, with_contents

from .records import TOMORROW, citation, event, organization, source, statement

NAMES = Names(
    Organization(pk=pk, slug=slug, name=name, short_name=short_name, other_names=other_names)
    for pk, slug, name, short_name, other_names in [
        (1, "alfa", "Alfa", "", ""),
        (2, "alfa-y-beta", "Alfa y Beta, A.C.", "AyB", "Alfa y Beta\n«Los dos»"),
        (3, "fundar", "Fundar", "", ""),
        (4, "ampersand", "Uno & Dos", "", "Tres <Cuatro>"),
        (5, "una-red", "Red", "", ""),
        (6, "otra-red", "La otra", "Red", ""),
    ]
)


def linked(html: str, **but: Organization) -> str:
    return NAMES.linked(SafeString(sanitize(html)), **but)


def links(html: str) -> list[tuple[str, str]]:
    """Slug and words of each link within the site."""
    return [
        (slug, unescape(words))
        for slug, words in re.findall(r'<a href="/organizaciones/([\w-]+)/">(.*?)</a>', html)
    ]


class Markup(HTMLParser):
    """Tags in order but for links within the site, and text; an element that is not closed, or not
    in order, is an error."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._open: list[tuple[str, bool]] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        ours = tag == "a" and ("href", "/organizaciones") in [(n, (v or "")[:15]) for n, v in attrs]
        assert not (tag == "a" and "a" in [name for name, _ours in self._open])
        if tag != "br":
            self._open.append((tag, ours))
        self.tags += [] if ours else [self.get_starttag_text() or ""]

    def handle_endtag(self, tag: str) -> None:
        opened, ours = self._open.pop()
        assert opened == tag
        self.tags += [] if ours else [f"</{tag}>"]

    def handle_data(self, data: str) -> None:
        self.text += data


# Names


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Lo dijo Alfa.", [("alfa", "Alfa")]),
        ("Alfa y Beta, A.C. firmó", [("alfa-y-beta", "Alfa y Beta, A.C")]),
        ("Alfa y Beta firmaron", [("alfa-y-beta", "Alfa y Beta")]),
        ("Alfa y\n Beta", [("alfa-y-beta", "Alfa y\n Beta")]),
        ("«Los dos» fueron", [("alfa-y-beta", "Los dos")]),
        ("AyB; Alfa", [("alfa-y-beta", "AyB"), ("alfa", "Alfa")]),
        ("Uno & Dos, y Tres <Cuatro", [("ampersand", "Uno & Dos"), ("ampersand", "Tres <Cuatro")]),
        ("Alfabeto, betAlfa y Alfa2", []),
        ("quieren fundar una red con alfa", []),
        ("La Red de todos", []),
        ("Alfa y", [("alfa", "Alfa")]),
        ("", []),
    ],
)
def test_a_name_is_found_as_spelled_whole_the_longest_first_and_only_if_it_is_one_s_own(
    text: str, found: list[tuple[str, str]]
) -> None:
    spans = list(NAMES.found(text))
    assert [(who.slug, text[start:end]) for start, end, who in spans] == found


def test_each_is_linked_where_a_paragraph_first_names_it() -> None:
    html = linked("<p>Alfa, AyB y Alfa.</p><ul><li><p>Alfa</p></li></ul>")
    assert [slug for slug, _ in links(html)] == ["alfa", "alfa-y-beta", "alfa"]


def test_no_link_stands_within_another_nor_leads_to_the_page_itself() -> None:
    html = linked('<p><a href="https://example.org/?a=b>c">Con <em>Alfa</em></a> y Alfa y AyB</p>')
    assert html.index("</a>") < html.index("/organizaciones/alfa/")
    assert [slug for slug, _ in links(html)] == ["alfa", "alfa-y-beta"]
    assert links(linked("<p>Alfa</p>", but=Organization(pk=1))) == []


def test_marks_and_notes_around_a_name_stay_as_they_are() -> None:
    html = "<mark>Con Alfa</mark><sup><a href='#c1'>Alfa</a></sup>"
    assert NAMES.linked(SafeString(html)) == html.replace(
        "Con Alfa", 'Con <a href="/organizaciones/alfa/">Alfa</a>'
    )


WORDS = (
    "Alfa y Beta AyB Los dos Uno & Dos Tres < Cuatro > \" ' Fundar Red &amp; &lt; &#65; A.C. <p> "
    "</p> <li> <mark> </a> <br> <!-- <strong> </strong> <script>alert(1)</script>"
).split()
WORDS += [
    "&lt;script&gt;",
    "<i>",
    "<!doctype",
    "\xa0",
    "<a href=\"https://e.org/Alfa?x='>",
    '<a href="javascript:Alfa">',
]
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), max_size=40).map(" ".join)


@given(TEXTS)
def test_linking_never_changes_the_text_nor_breaks_the_markup(html: str) -> None:
    clean = sanitize(html)
    before, after = Markup(clean), Markup(NAMES.linked(SafeString(clean)))
    assert after.text == before.text
    assert after.tags == before.tags


@given(TEXTS, st.sampled_from(["Alfa", "<b>Alfa", "Alfa & <i>Beta", "A.C."]))
def test_plain_text_is_escaped_whatever_is_in_it(text: str, name: str) -> None:
    html = Names([Organization(pk=1, slug="x", name=name)]).linked(text)
    assert not re.findall(r'<(?!a href="/organizaciones/x/">|/a>)', html)
    assert Markup(html).text == Markup(escape(text)).text


@pytest.mark.django_db
def test_a_hostile_name_is_inert_where_it_is_linked(visitor: Client) -> None:
    bad = 'Mal <img src=x onerror="alert(1)">'
    organization(name=bad, slug="mal")
    said = statement(body=f"<p>Dijo {escape(bad)} eso.</p>")
    shown = visitor.get(said.get_absolute_url()).content.decode()
    assert 'href="/organizaciones/mal/"' in shown
    assert "<img" not in shown


@pytest.mark.django_db
def test_texts_of_every_kind_link_what_everybody_may_see_and_nothing_else(
    visitor: Client, reader: Client
) -> None:
    organization(name="Organización Visible", slug="visible")
    for number, moment in enumerate((None, TOMORROW)):
        organization(name=f"Oculta {number}", slug=f"oculta-{number}", publish_at=moment)
    text = "<p>La Organización Visible, Oculta 0 y Oculta 1.</p>"
    plain = strip_tags(text)
    here = source(text="Dijo la Organización Visible que la Red anunció su salida.")
    said = statement(body=f"<p>{here.text}</p>", summary=plain)
    citation(said, "la Red anunció su salida", source=here)
    pages = [
        event(body=text),
        event(summary=plain),
        organization(description=text),
        organization(summary=plain),
        statement(body=text),
        said,
    ]
    for one in pages:
        for person in (visitor, reader):
            found = links(person.get(one.get_absolute_url()).content.decode())
            assert ("visible", "Organización Visible") in found, one
            assert not [slug for slug, _ in found if slug.startswith("oculta")], one


# Contents


def test_headings_of_a_text_lead_to_their_places() -> None:
    html, contents = with_contents("<h2>Uno &amp; <em>más</em></h2><p>a</p><h3>Dos</h3>")
    assert [(line.anchor, line.text) for line in contents] == [("s1", "Uno & más"), ("s2", "Dos")]
    assert html == '<h2 id="s1">Uno &amp; <em>más</em></h2><p>a</p><h3 id="s2">Dos</h3>'
    assert with_contents("<h2>Sola</h2><p>a</p>")[1] == []


@pytest.mark.django_db
def test_what_is_long_has_a_table_of_contents(visitor: Client) -> None:
    headed = "<h2>Primero</h2><p>a</p><h2>Segundo</h2><p>b</p>"
    long, short = "<p>a b c d e</p>" * 5, "<p>a</p>" * 3
    expected = {
        event(body=headed): ["#s1", "#s2"],
        event(body=long): [],
        organization(description=headed): ["#s1", "#s2"],
        statement(body=headed): ["#p1", "#p3"],
        statement(body=long): ["#p1", "#p2", "#p3", "#p4", "#p5"],
        statement(body=short): [],
    }
    for one, anchors in expected.items():
        shown = visitor.get(one.get_absolute_url()).content.decode()
        contents = re.findall(r'<nav aria-label="En esta página">(.*?)</nav>', shown)
        assert re.findall(r'href="(#\w+)"', "".join(contents)) == anchors, one
        for anchor in anchors:
            assert f'id="{anchor[1:]}"' in shown


# Beside, and related


@pytest.mark.django_db
def test_statements_lead_to_those_before_and_after_and_the_undated_stand_last(
    visitor: Client,
) -> None:
    said = [
        statement(title=f"Dicho {date}{n}", date=date)
        for n, date in enumerate(("2011", "2016-05", "2016-05", "", ""))
    ]
    statement(title="Oculto", date="2016-05", publish_at=None)
    pages = [visitor.get(one.get_absolute_url()).content.decode() for one in said]
    for number, shown in enumerate(pages):
        beside = {f"Dicho {said[n].date}{n}" for n in (number - 1, number + 1) if 0 <= n < 5}
        assert {str(one) for one in said if f">{one}</a>" in shown} == beside
        assert "Oculto" not in shown


@pytest.mark.django_db
def test_what_is_related_leads_to_the_whole_list_of_it(visitor: Client) -> None:
    who, happened, said = organization(), event(title="Pasó esto"), statement(title="Se dijo esto")
    event(title="Otra cosa")
    statement(title="Otro dicho")
    happened.organizations.add(who)
    said.organizations.add(who)
    said.events.add(happened)
    for one, more, name, other in (
        (who, f"/linea-de-tiempo/?organizacion={who.slug}", "Pasó esto", "Otra cosa"),
        (who, f"/pronunciamientos/?organizacion={who.slug}", "Se dijo esto", "Otro dicho"),
        (happened, f"/pronunciamientos/?acontecimiento={happened.slug}", "Se dijo", "Otro dicho"),
        (said, f"/linea-de-tiempo/?pronunciamiento={said.slug}", "Pasó esto", "Otra cosa"),
    ):
        shown = visitor.get(one.get_absolute_url()).content.decode()
        assert f'href="{more}"' in shown
        assert name in shown
        whole = visitor.get(more).content.decode()
        assert name in whole
        assert other not in whole


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "/pronunciamientos/?organizacion=",
        "/pronunciamientos/?acontecimiento=",
        "/linea-de-tiempo/?pronunciamiento=",
    ],
)
def test_a_list_related_to_what_is_hidden_is_not_found(visitor: Client, address: str) -> None:
    for make in (organization, event, statement):
        make(slug="oculto", publish_at=None)
    for slug in ("oculto", "no-hay", "a'b", "9" * 10_000):
        response = visitor.get(address + slug)
        assert response.status_code == 404
        assert "En l" in response.content.decode()


@pytest.mark.django_db
def test_organizations_named_together_most_often_come_first(visitor: Client) -> None:
    who, often, once = (organization(name=name) for name in ("Una", "Muchas veces", "Una vez"))
    never, hidden = organization(name="Jamás"), organization(name="Oculta", publish_at=None)
    for others in ([often, once, hidden], [often]):
        event().organizations.add(who, *others)
    event(publish_at=None).organizations.add(who, never)
    event().organizations.add(never)
    shown = visitor.get(who.get_absolute_url()).content.decode()
    together = shown[shown.index("Nombrada junto con") :]
    assert re.findall(r"/organizaciones/[\w-]+/\">([^<]+)</a>", together) == [
        "Muchas veces",
        "Una vez",
    ]
    assert "en 2 acontecimientos" in together
