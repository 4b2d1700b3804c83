"""What machines read: linked data, what is shared of a page, the sitemap; by their standards, no
date widened, and in them and in the feeds nothing that is not public."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nucleo import sitemaps
from organizations.models import Organization
from record import linked
from record.text import collapse, cut
from sources.models import Source
from tests.records import (
    TOMORROW,
    YESTERDAY,
    citation,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)
from tests.test_feeds import CALENDAR, EVENTS, NOON, STATEMENTS, any_text, read
from tests.test_pages import PAGES, Page, many
from timeline.models import Event, Statement

pytestmark = pytest.mark.django_db
SITEMAP = "/sitemap.xml"
LISTED = [page for page in PAGES if not page.startswith("/al/") or page == "/al/"]  # no date's own
ATOM = "{http://www.w3.org/2005/Atom}"
HIDDEN = ({"publish_at": None}, {"publish_at": TOMORROW}, {"unpublish_at": YESTERDAY})


@pytest.fixture
def record() -> None:
    call_command("load_record", verbosity=0)


def records() -> list[Any]:
    """All that have a page."""
    return [r for model in (Organization, Event, Statement, Source) for r in model.objects.all()]


# Linked data


def graph(client: Any, url: str) -> list[dict]:
    found = re.findall(
        r'<script type="application/ld\+json">(.*?)</script>', read(client, url).decode(), re.DOTALL
    )
    assert len(found) == 1, url
    return json.loads(found[0])["@graph"]


@given(st.recursive(any_text, lambda some: st.lists(some) | st.dictionaries(any_text, some)))
def test_a_data_block_parses_back_equal_and_cannot_be_broken_out_of(value):
    text = linked.script({"one": value})
    inside = text.removeprefix('<script type="application/ld+json">').removesuffix("</script>")
    assert json.loads(inside) == {"one": value}
    assert not set(inside) & set("<>&\u2028\u2029")


def test_every_page_has_its_trail_and_every_address_in_it_leads_somewhere(record, visitor):
    led_to: set[str] = set()
    for url in (*PAGES, *(one.get_absolute_url() for one in records())):
        page, trail, *_ = graph(visitor, url)
        here = f"http://testserver{url}"
        assert (page["url"], page["breadcrumb"]) == (here, {"@id": trail["@id"]})
        items = trail["itemListElement"]
        assert [item["position"] for item in items] == list(range(1, len(items) + 1))
        assert (items[0]["item"], items[-1]["item"]) == ("http://testserver/", here)
        led_to |= {item["item"].removeprefix("http://testserver") for item in items}
    assert all(visitor.head(path).status_code == 200 for path in led_to)


@pytest.fixture
def coalition(settings: Any) -> Organization:
    settings.COALITION = "red"
    return organization(slug="red", name="La Red", sector="civil_society")


def named(kind: str, name: str, path: str) -> dict:
    url = f"http://testserver{path}"
    return {"@type": kind, "@id": f"{url}#organizacion", "name": name, "url": url}


def test_an_organization_is_told_with_its_roles_and_no_date_is_widened(visitor, coalition):
    who = organization(slug="iep", name="Instituto", short_name="IEP", sector="government",
                       summary="Un instituto.", website="https://iep.example/")  # fmt: skip
    membership(organization=who, start="[2011-08..2015-02]", end="2016-01")
    term(organization=who, start="2017-04", end="[2017-05-23..]")
    whole = named("NGO", "La Red", "/organizaciones/red/")
    assert graph(visitor, who.get_absolute_url())[0]["mainEntity"] == named(
        "GovernmentOrganization", "Instituto", "/organizaciones/iep/"
    ) | {
        "alternateName": ["IEP"],
        "description": "Un instituto.",
        "sameAs": "https://iep.example/",
        "memberOf": [
            {
                "@type": "OrganizationRole",
                "roleName": "integrante",
                "endDate": "2016-01",
                "description": "desde algún momento entre agosto de 2011 y febrero de 2015, "
                "hasta enero de 2016",
                "memberOf": whole,
            },
            {
                "@type": "OrganizationRole",
                "roleName": "representante",
                "startDate": "2017-04",
                "description": "desde abril de 2017, al menos hasta el 23 de mayo de 2017",
                "memberOf": whole,
            },
        ],
    }
    for url, name in (("/organizaciones/", "integrante"), ("/representacion/", "representante")):
        main = graph(visitor, url)[0]["mainEntity"]
        assert (main["name"], [role["roleName"] for role in main["member"]]) == ("La Red", [name])


def test_an_event_is_told_with_reduced_dates_and_the_sources_it_is_based_on(visitor):
    here = source(slug="texto", title="El texto")
    who = organization(slug="iep", name="Instituto")
    one = event(slug="firma", title="Se firma", summary="Firman.", start="2011-08")
    one.organizations.add(who)
    citation(one, source=here)
    page = graph(visitor, one.get_absolute_url())[0]
    url = "http://testserver/linea-de-tiempo/firma/"
    assert page["mainEntity"] == {
        "@type": "Event",
        "@id": f"{url}#acontecimiento",
        "name": "Se firma",
        "url": url,
        "startDate": "2011-08",
        "description": "Firman.",
        "about": [named("Organization", "Instituto", "/organizaciones/iep/")],
    }
    text = "http://testserver/fuentes/texto/"
    assert page["isBasedOn"] == [
        {"@type": "CreativeWork", "@id": f"{text}#fuente", "name": "El texto", "url": text}
    ]


def test_a_bounded_event_has_no_date_but_words(visitor):
    one = event(title="Algo", start="[2011-08..2015-02]")
    main = graph(visitor, one.get_absolute_url())[0]["mainEntity"]
    assert not {"startDate", "endDate"} & set(main)
    assert main["description"] == "Fecha: entre agosto de 2011 y febrero de 2015."


def test_a_question_and_answer_is_a_faq_page_and_another_statement_an_article(visitor, coalition):
    asked = statement(title="¿Qué es?", kind="question_and_answer", body="<p>Es &lt;b&gt;.</p>")
    page = graph(visitor, asked.get_absolute_url())[0]
    assert page["@type"] == "FAQPage"
    (question,) = page["mainEntity"]
    assert (question["@type"], question["name"]) == ("Question", "¿Qué es?")
    assert question["acceptedAnswer"]["text"] == "Es <b>."
    assert question["acceptedAnswer"]["author"]["name"] == "La Red"
    said = statement(title="Decimos", kind="position", date="2017-05")
    page = graph(visitor, said.get_absolute_url())[0]
    assert (page["@type"], page["mainEntity"]["@type"]) == ("WebPage", "Article")
    assert page["mainEntity"]["datePublished"] == "2017-05"


def test_what_is_mostly_a_source_s_text_is_not_licensed_by_us(visitor):
    for make, ours in ((event, True), (organization, True), (source, False), (statement, False)):
        page = graph(visitor, make().get_absolute_url())[0]
        assert ("license" in page) is ours


def test_the_front_page_says_how_to_search_and_the_data_page_what_to_download(record, visitor):
    site = graph(visitor, "/")[-1]
    target = site["potentialAction"]["target"]["urlTemplate"]
    assert target == "http://testserver/buscar/?q={search_term_string}"
    dataset = graph(visitor, "/datos/")[0]["mainEntity"]
    assert len(dataset["distribution"]) == 14
    for file in dataset["distribution"]:
        path = file["contentUrl"].removeprefix("http://testserver")
        assert visitor.head(path)["Content-Type"] == file["encodingFormat"]


# What is shared of a page


def test_every_page_has_its_own_title_a_description_of_its_length_and_a_picture(record, visitor):
    seen = set()
    for url in (*PAGES, *(one.get_absolute_url() for one in records())):
        tags = Page(read(visitor, url).decode()).tags
        metas = [attrs for tag, attrs in tags if tag == "meta"]
        meta = {a.get("property") or a.get("name"): a.get("content") for a in metas}
        links = {a["rel"]: a["href"] for t, a in tags if t == "link"}
        assert links["canonical"] == meta["og:url"] == f"http://testserver{url}"
        assert meta["og:description"] == meta["description"]
        assert 50 <= len(meta["description"]) <= 160, (url, meta["description"])
        assert meta["og:image"] == "http://testserver/static/expediente.png"
        assert meta["og:locale"] == "es_MX"
        alternate = {a["href"] for t, a in tags if t == "link" and a["rel"] == "alternate"}
        assert alternate == {EVENTS, STATEMENTS, CALENDAR}
        seen.add(meta["og:title"])
    assert len(seen) == len(PAGES) + len(records())


def test_the_picture_is_as_large_as_said_and_light():
    path = settings.BASE_DIR / "static" / "expediente.png"
    with Image.open(path) as picture:
        assert picture.size == (1200, 630)
    assert path.stat().st_size <= 60_000


@given(st.text(), st.integers(2, 200))
def test_a_description_is_cut_at_a_word(text, length):
    kept = cut(collapse(text), length)
    assert len(kept) <= length
    assert kept == collapse(text) or collapse(text).startswith(kept.removesuffix("…"))


def test_a_cut_text_ends_in_a_whole_word():
    assert cut("uno dos, tres", 9) == "uno dos…"
    assert cut("uno dos tres", 12) == "uno dos tres"


# Sitemap and robots


def listed(client: Any) -> dict[str, datetime | None]:
    found = client.get(SITEMAP).context["urlset"]
    assert len({entry["location"] for entry in found}) == len(found)
    return {e["location"].removeprefix("http://testserver"): e["lastmod"] for e in found}


def test_the_sitemap_lists_every_public_page_once_and_robots_leads_to_it(record, visitor):
    expected = {*LISTED, *(one.get_absolute_url() for one in records())}
    assert set(listed(visitor)) == expected
    root = ET.fromstring(read(visitor, SITEMAP))  # noqa: S314, our own
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert root.tag == f"{space}urlset"
    assert len(root.findall(f"{space}url/{space}lastmod")) == len(records())
    robots = read(visitor, "/robots.txt").decode()
    assert robots == (
        "User-agent: *\nDisallow: /admin/\n\nSitemap: http://testserver/sitemap.xml\n"
    )


def test_the_sitemap_says_when_each_record_changed_or_became_public(visitor):
    for n, one in enumerate((organization(), event(), statement(), source())):
        changed, published = NOON + timedelta(hours=n), NOON + timedelta(hours=2)
        type(one).objects.filter(pk=one.pk).update(updated_at=changed, publish_at=published)
        assert listed(visitor)[one.get_absolute_url()] == max(changed, published)


def test_a_sitemap_too_long_becomes_an_index_that_costs_no_more_a_page(visitor, monkeypatch):
    monkeypatch.setattr(sitemaps.RecordSitemap, "limit", 10)
    many(10)
    here = "/sitemap-linea-de-tiempo.xml"

    def cost(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert visitor.get(url).status_code == 200
        return len(queries)

    few = cost(here), cost(SITEMAP)
    many(25)
    assert (cost(f"{here}?p=2"), cost(SITEMAP)) == few
    index = visitor.get(SITEMAP).context["sitemaps"]
    newest = max(one.moment for one in Event.objects.all())
    assert {part.last_mod for part in index if here in part.location} == {newest}
    found = [
        entry["location"]
        for part in index
        for entry in visitor.get(part.location.removeprefix("http://testserver")).context["urlset"]
    ]
    assert len(found) == len(set(found)) == len(records()) + len(LISTED)
    for wrong in (f"{here}?p=999999", f"{here}?p=x", "/sitemap-nada.xml", "/sitemap-.xml"):
        answer = visitor.get(wrong)
        assert answer.status_code == 404
        assert "no está en el registro" in answer.content.decode()


# Nothing that is not public


def test_a_canary_in_what_is_hidden_is_in_nothing_that_machines_read(record, visitor, reader):
    canary = "canarioquenadiedebever"
    public, said = Event.objects.first(), Statement.objects.first()
    for number, state in enumerate(HIDDEN):
        here = source(slug=f"{canary}-{number}", title=canary, text=f"{canary} dijo algo.", **state)
        who = organization(slug=f"{canary}-{number}", name=canary, **state)
        membership(slug=f"{canary}-m{number}", organization=who, start="2011", end="[2017..]")
        term(slug=f"{canary}-t{number}", organization=who, start="1990")
        one = event(slug=f"{canary}-{number}", title=canary, start="2017", **state)
        one.organizations.set(Organization.objects.all())
        other = statement(slug=f"{canary}-{number}", title=canary, **state)
        other.events.set(Event.objects.all())
        public.organizations.add(who)
        said.events.add(one)
        citation(public, "dijo algo", source=here, slug=f"{canary}-c{number}")
    files = [EVENTS, STATEMENTS, CALENDAR, SITEMAP, "/robots.txt"]
    files += [f"{one.get_absolute_url()}cita.bib" for one in (public, said)]
    for url in files:
        for person in (visitor, reader):
            assert canary not in read(person, url).decode(), url
    public_pages = [r.get_absolute_url() for r in records() if r.is_public()]
    for url in (*PAGES, *public_pages):
        for person in (visitor, reader):
            assert canary not in json.dumps(graph(person, url)), url
