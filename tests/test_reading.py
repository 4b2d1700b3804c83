"""Aids to reading: links where a text names an organization, the contents of a long text, and links
to neighbouring and related records."""

import re
from html import escape, unescape
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from organizations.models import Organization
from organizations.name_links import Names
from record.publishing import Record
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
    """The tags in order, except links within the site, and the text. Refuses an element that is
    not closed or not in order."""

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


def page_of(visitor: Client, record: Record) -> str:
    return visitor.get(record.get_absolute_url()).text


# Names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Lo dijo Alfa.", ["alfa: Alfa"]),
        ("Alfa y Beta, A.C. firmó", ["alfa-y-beta: Alfa y Beta, A.C"]),
        ("Alfa y Beta firmaron", ["alfa-y-beta: Alfa y Beta"]),
        ("Alfa y\n Beta", ["alfa-y-beta: Alfa y\n Beta"]),
        ("«Los dos» fueron", ["alfa-y-beta: Los dos"]),
        ("AyB; Alfa", ["alfa-y-beta: AyB", "alfa: Alfa"]),
        ("Uno & Dos, y Tres <Cuatro", ["ampersand: Uno & Dos", "ampersand: Tres <Cuatro"]),
        ("Alfabeto, betAlfa y Alfa2", []),
        ("quieren fundar una red con alfa", []),
        ("La Red de todos", []),
        ("Alfa y", ["alfa: Alfa"]),
        ("", []),
    ],
)
def test_a_name_is_found_as_spelled_whole_the_longest_first_and_only_if_one_organization_has_it(
    text: str, names: list[str]
) -> None:
    places = NAMES.places(text)
    assert [f"{who.slug}: {text[start:end]}" for start, end, who in places] == names


def test_a_paragraph_links_each_organization_once_outside_of_links_and_not_the_page() -> None:
    html = linked("<p>Alfa, AyB y Alfa.</p><ul><li><p>Alfa</p></li></ul>")
    assert [slug for slug, _ in links(html)] == ["alfa", "alfa-y-beta", "alfa"]
    html = linked('<p><a href="https://example.org/?a=b>c">Con <em>Alfa</em></a> y Alfa y AyB</p>')
    assert html.index("</a>") < html.index("/organizaciones/alfa/")
    assert [slug for slug, _ in links(html)] == ["alfa", "alfa-y-beta"]
    for text in ("<p>Alfa</p>", "Alfa"):
        assert links(linked(text, but=Organization(pk=1))) == []
    html = "<mark>Con Alfa</mark><sup><a href='#c1'>Alfa</a></sup>"
    assert NAMES.linked(SafeString(html)) == html.replace(
        "Con Alfa", 'Con <a href="/organizaciones/alfa/">Alfa</a>'
    )


WORDS = (
    "Alfa y Beta AyB Los dos Uno & Dos Tres < Cuatro > \" ' Fundar Red &amp; &lt; &#65; A.C. <p> "
    "</p> <li> <mark> </a> <br> <!-- <strong> </strong> <script>alert(1)</script> &lt;script&gt; "
    "<i> <!doctype"
).split()
WORDS += ["\xa0", "<a href=\"https://e.org/Alfa?x='>", '<a href="javascript:Alfa">']
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), max_size=40).map(" ".join)


@settings(max_examples=60)
@given(TEXTS)
def test_linking_never_changes_the_text_nor_breaks_the_markup(html: str) -> None:
    clean = sanitize(html)
    before, after = Markup(clean), Markup(NAMES.linked(SafeString(clean)))
    assert after.text == before.text
    assert after.tags == before.tags


@settings(max_examples=60)
@given(TEXTS, st.sampled_from(["Alfa", "<b>Alfa", "Alfa & <i>Beta", "A.C."]))
def test_plain_text_is_always_escaped(text: str, name: str) -> None:
    html = Names([Organization(pk=1, slug="x", name=name)]).linked(text)
    assert not re.findall(r'<(?!a href="/organizaciones/x/">|/a>)', html)
    assert Markup(html).text == Markup(escape(text)).text


@pytest.mark.django_db
def test_texts_of_every_kind_link_the_public_organizations_alone_and_a_hostile_name_is_inert(
    visitor: Client, reader: Client
) -> None:
    bad = 'Mal <img src=x onerror="alert(1)">'
    organization(name="Organización Visible", slug="visible")
    organization(name=bad, slug="mal")
    for number, moment in enumerate((None, TOMORROW)):
        organization(name=f"Oculta {number}", slug=f"oculta-{number}", publish_at=moment)
    plain = f"La Organización Visible, {bad}, Oculta 0 y Oculta 1."
    text = f"<p>{escape(plain)}</p>"
    cited = source(text="Dijo la Organización Visible que la Red anunció su salida.")
    quoting = statement(body=f"<p>{cited.text}</p>", summary=plain)
    citation(quoting, "la Red anunció su salida", source=cited)
    for record in (
        event(body=text),
        event(summary=plain),
        organization(description=text),
        organization(summary=plain),
        statement(body=text),
        quoting,
    ):
        for person in (visitor, reader):
            page = page_of(person, record)
            assert ("visible", "Organización Visible") in links(page), record
            assert {slug for slug, _ in links(page)} <= {"visible", "mal", record.slug}, record
            assert "mal" in dict(links(page))
            assert "<img" not in page


# Contents


def test_headings_of_a_text_lead_to_their_places() -> None:
    html, contents = with_contents("<h2>Uno &amp; <em>más</em></h2><p>a</p><h3>Dos</h3>")
    assert [(line.anchor, line.text) for line in contents] == [("s1", "Uno & más"), ("s2", "Dos")]
    assert html == '<h2 id="s1">Uno &amp; <em>más</em></h2><p>a</p><h3 id="s2">Dos</h3>'
    assert with_contents("<h2>Sola</h2><p>a</p>")[1] == []


@pytest.mark.django_db
def test_a_long_text_has_a_table_of_contents(visitor: Client) -> None:
    headed = "<h2>Primero</h2><p>a</p><h2>Segundo</h2><p>b</p>"
    long, short = "<p>a b c d e</p>" * 5, "<p>a</p>" * 3
    for record, anchors in {
        event(body=headed): ["#s1", "#s2"],
        event(body=long): [],
        organization(description=headed): ["#s1", "#s2"],
        statement(body=headed): ["#p1", "#p3"],
        statement(body=long): ["#p1", "#p2", "#p3", "#p4", "#p5"],
        statement(body=short): [],
    }.items():
        page = page_of(visitor, record)
        contents = re.findall(r'<nav aria-label="En esta página">(.*?)</nav>', page, re.DOTALL)
        assert re.findall(r'href="(#\w+)"', "".join(contents)) == anchors, record
        assert all(f'id="{anchor[1:]}"' in page for anchor in anchors)


# Neighbouring and related records


@pytest.mark.django_db
def test_a_statement_links_to_its_neighbours_and_undated_ones_are_last(
    visitor: Client,
) -> None:
    statements = [
        statement(title=f"Dicho {date}{n}", date=date)
        for n, date in enumerate(("2011", "2016-05", "2016-05", "", ""))
    ]
    statement(title="Oculto", date="2016-05", publish_at=None)
    for number, record in enumerate(statements):
        page = page_of(visitor, record)
        neighbours = [statements[n] for n in (number - 1, number + 1) if 0 <= n < 5]
        assert [other for other in statements if f">{other}</a>" in page] == neighbours
        assert "Oculto" not in page


@pytest.mark.django_db
def test_related_records_lead_to_the_whole_list_of_them(visitor: Client) -> None:
    named, meeting, position = (
        organization(),
        event(title="Pasó esto"),
        statement(title="Se dijo esto"),
    )
    event(title="Otra cosa")
    statement(title="Otro dicho")
    meeting.organizations.add(named)
    position.organizations.add(named)
    position.events.add(meeting)
    for record, address, name, other in (
        (named, f"/linea-de-tiempo/?organizacion={named.slug}", "Pasó esto", "Otra cosa"),
        (named, f"/pronunciamientos/?organizacion={named.slug}", "Se dijo esto", "Otro dicho"),
        (meeting, f"/pronunciamientos/?acontecimiento={meeting.slug}", "Se dijo", "Otro dicho"),
        (position, f"/linea-de-tiempo/?pronunciamiento={position.slug}", "Pasó esto", "Otra cosa"),
    ):
        page = page_of(visitor, record)
        assert f'href="{address}"' in page
        assert name in page
        whole = visitor.get(address).text
        assert name in whole
        assert other not in whole


@pytest.mark.django_db
def test_a_list_related_to_a_hidden_record_is_not_found(visitor: Client) -> None:
    for make in (organization, event, statement):
        make(slug="oculto", publish_at=None)
    for address in (
        "/pronunciamientos/?organizacion=",
        "/pronunciamientos/?acontecimiento=",
        "/linea-de-tiempo/?pronunciamiento=",
    ):
        for slug in ("oculto", "no-hay", "a'b", "9" * 10_000):
            response = visitor.get(address + slug)
            assert response.status_code == 404
            assert "En l" in response.text


@pytest.mark.django_db
def test_organizations_named_together_most_often_come_first(visitor: Client) -> None:
    own, often, once = (organization(name=name) for name in ("Una", "Muchas veces", "Una vez"))
    never, hidden = organization(name="Jamás"), organization(name="Oculta", publish_at=None)
    for others in ([often, once, hidden], [often]):
        event().organizations.add(own, *others)
    event(publish_at=None).organizations.add(own, never)
    event().organizations.add(never)
    together = page_of(visitor, own).partition("Nombrada junto con")[2]
    assert [words for _, words in links(together)] == ["Muchas veces", "Una vez"]
    assert "en dos acontecimientos" in together


@pytest.mark.django_db
def test_an_organization_of_many_records_has_their_number_their_years_and_the_newest(
    visitor: Client,
) -> None:
    own, other = organization(slug="una", name="Una"), organization(name="Otra")
    for n in range(14):
        happened = event(title=f"Pasó {n}", start=f"20{n + 10}" if n else "")
        happened.organizations.add(
            own, through_defaults={"part": "convenes" if n < 3 else "is_named"}
        )
        happened.organizations.add(other)
        said = statement(title=f"Dijo {n}", date=f"20{n + 10}")
        said.organizations.add(own, through_defaults={"part": "signs"})
    event(title="Oculto", start="2040", publish_at=TOMORROW).organizations.add(own)
    page = page_of(visitor, own)
    for url, noun, verb, parts in (
        ("/linea-de-tiempo/", "acontecimientos", "Pasó", {"convocan": 3, "nombradas": 11}),
        ("/pronunciamientos/", "pronunciamientos", "Dijo", {"firman": 14}),
    ):
        assert f"Catorce {noun}, de 20" in page
        titles = re.findall(rf"<h3><a[^>]*>({verb} \d+)</a>", page)
        assert titles == [f"{verb} {n}" for n in range(13, 8, -1)]
        address = f"{url}?organizacion=una"
        assert f'<a href="{address}&amp;anio=2023"' in page  # a column
        assert f'<a href="{address}&amp;orden=reciente">Catorce {noun}, del más' in page
        counted = re.findall(
            rf'{re.escape(address)}&amp;papel=(\w+)">[^<]*</a> <span[^>]*>(\d+)<', page
        )
        assert {part: int(count) for part, count in counted} == parts
        for part, count in parts.items():
            assert visitor.get(f"{address}&papel={part}").context["page"].paginator.count == count
    assert "en catorce acontecimientos" in page.partition("Nombrada junto con")[2]
