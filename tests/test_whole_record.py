"""Every page of the loaded record, read once: each fact with its sentence, links that lead on, no
cookie, no script, no third party, little weight, and what search engines read."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from edtf_validate.valid_edtf import is_valid

from exchange.facts import MODELS
from organizations.models import Organization
from search.models import Entry
from sources.models import Citation, Source
from tests import oracle
from tests.citing import assert_others_read_alike
from tests.markup import (
    CALENDAR,
    DATA,
    EVENTS,
    MEMBERSHIPS,
    PAGES,
    STATEMENTS,
    TERMS,
    Page,
    crawl,
    edtf_of,
    read,
    repeated,
    site_texts,
)
from tests.test_feeds import feed, titles
from timeline.models import Event, Statement

pytestmark = pytest.mark.django_db
HERE = "http://testserver"
STATIC = Path(settings.BASE_DIR, "static")


@pytest.fixture(scope="module", autouse=True)
def record(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The record, loaded once for all tests of this file."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("load_record", verbosity=0)
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def responses(record: None) -> dict[str, HttpResponse]:
    """The answer of each page that links lead to, by address, and of the pages of two dates."""
    return crawl()


@pytest.fixture(scope="module")
def pages(responses: dict[str, HttpResponse]) -> dict[str, Page]:
    return {url: Page(answer.text) for url, answer in responses.items()}


@pytest.fixture
def plain_pages(pages: dict[str, Page]) -> dict[str, Page]:
    """The pages without a query: the page of each record, the lists and the other pages."""
    plain = {url: page for url, page in pages.items() if "?" not in url and url != "/buscar/"}
    assert set(plain) >= {*PAGES, *(record.get_absolute_url() for record in records())}
    return plain


def records() -> list[Any]:
    """All records with a page of their own."""
    return [r for model in (Organization, Event, Statement, Source) for r in model.objects.all()]


# Honesty


def test_every_fact_on_a_page_leads_to_its_marked_sentence_and_back(pages):
    text = pages[Source.objects.get().get_absolute_url()]
    for kind in ("organizations", "events", "statements"):
        for fact in MODELS[kind].objects.all():
            assert fact.get_absolute_url() in text.links, fact
            for quote in fact.citations.all():
                assert quote.get_absolute_url() in pages[fact.get_absolute_url()].links, quote.exact
                assert f"c{quote.number}" in text.ids


def test_memberships_and_terms_show_their_citations_where_they_are_told(pages):
    for quote in Citation.objects.filter(membership__isnull=False):
        own = quote.membership.organization.get_absolute_url()
        for url in ("/organizaciones/", own):
            assert quote.get_absolute_url() in pages[url].links
    for quote in Citation.objects.filter(representation_term__isnull=False):
        assert quote.get_absolute_url() in pages["/representacion/"].links


def test_every_link_within_the_site_leads_somewhere(pages, visitor):
    """The crawl has read each linked page. This test checks the files and the anchors."""
    assert len(pages) > 60
    files: dict[tuple[str, str], str] = {}  # one of each name in each section of the site
    for url, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), url
        for link in page.links:
            path, _, anchor = link.partition("#")
            if anchor and (target := path or url) in pages:
                assert anchor in pages[target].ids, (url, link)
            if path.startswith("/") and "." in path:
                _root, section, *_slug, name = path.split("/")
                files[section, name] = path
    assert all(visitor.head(path).status_code == 200 for path in files.values())


def test_a_page_says_when_what_it_shows_last_changed(plain_pages):
    for url in plain_pages.keys() - {"/datos/", "/acerca-de/"}:
        assert "Último cambio de lo que muestra esta página" in plain_pages[url].text, url
        (moment,) = (attrs for tag, attrs in Page(plain_pages[url].text).tags if tag == "time")
        assert re.fullmatch(r"[-\d]+T[:\d]{8}-0600", moment["datetime"]), url


# Privacy and weight


def test_a_reader_gets_no_cookie_no_script_and_nothing_of_third_parties(responses, visitor):
    for url, response in (responses | {"/no-existe/": visitor.get("/no-existe/")}).items():
        assert not response.cookies, url
        assert "Cookie" not in response.get("Vary", ""), url
        for tag, attrs in Page(response.text).tags:
            assert tag not in ("style", "iframe"), url
            assert tag != "script" or attrs == DATA, url
            assert "style" not in attrs, url
            loaded = attrs.get("src") or (attrs.get("href", "") if tag == "link" else "")
            if attrs.get("rel") != "canonical":
                assert not loaded.startswith(("http", "//")), url


def test_the_first_view_of_any_page_weighs_little(plain_pages):
    def kilobytes(*parts: bytes) -> float:
        return sum(len(gzip.compress(part, 6)) for part in parts) / 1024

    styles = [(STATIC / name).read_bytes() for name in ("tokens.css", "nucleo.css")]
    fonts = sum(path.stat().st_size for path in STATIC.glob("fonts/*.woff2")) / 1024
    for url, page in plain_pages.items():
        weight = kilobytes(page.text.encode(), *styles)
        assert weight <= (18 if url == "/linea-de-tiempo/" else 16.2), url
        assert weight + fonts <= 90, url


def test_no_page_quotes_words_twice_or_a_sentence_twice_in_full(responses):
    assert {url: twice for url, page in responses.items() if (twice := repeated(page))} == {}


def test_every_named_page_has_a_template_of_its_name(responses):
    for name in (
        "organizations:organization_list",
        "organizations:representation",
        "timeline:event_list",
        "timeline:statement_list",
        "sources:source_list",
        "exchange:open_data",
    ):
        used = [template.name for template in responses[reverse(name)].templates]
        assert f"{name.replace(':', '/')}.html" in used


# What machines read


def test_every_page_has_its_trail_and_every_address_in_it_leads_somewhere(plain_pages):
    for url, page in plain_pages.items():
        about, trail, *_ = page.graph
        assert (about["url"], about["breadcrumb"]) == (f"{HERE}{url}", {"@id": trail["@id"]})
        items = trail["itemListElement"]
        assert [item["position"] for item in items] == list(range(1, len(items) + 1))
        assert (items[0]["item"], items[-1]["item"]) == (f"{HERE}/", f"{HERE}{url}")
        assert {item["item"].removeprefix(HERE) for item in items} <= plain_pages.keys()


def test_every_page_has_its_own_title_a_description_of_its_length_and_a_picture(plain_pages):
    titles_of_pages = set()
    for url, page in plain_pages.items():
        metas = page.all("meta")
        meta = {a.get("property") or a.get("name"): a.get("content") for a in metas}
        links = page.all("link")
        canonical = [attrs["href"] for attrs in links if attrs["rel"] == "canonical"]
        assert canonical == [meta["og:url"]] == [f"{HERE}{url}"]
        assert meta["og:description"] == meta["description"]
        assert 50 <= len(meta["description"]) <= 160, (url, meta["description"])
        assert re.fullmatch(rf"{HERE}/([\w/-]+/)?compartir\.png\?v=\w+", meta["og:image"])
        assert meta["og:locale"] == "es_MX"
        alternate = {attrs["href"] for attrs in links if attrs["rel"] == "alternate"}
        own = {f"{url}atom.xml", f"{url}calendario.ics"}
        is_organization = re.fullmatch("/organizaciones/[^/]+/", url)
        everywhere = {EVENTS, STATEMENTS, CALENDAR, MEMBERSHIPS, TERMS}
        assert alternate == everywhere | (own if is_organization else set())
        titles_of_pages.add(meta["og:title"])
    assert len(titles_of_pages) == len(plain_pages)


def test_the_front_page_says_how_to_search_and_the_data_page_what_to_download(pages, visitor):
    target = pages["/"].graph[-1]["potentialAction"]["target"]["urlTemplate"]
    assert target == f"{HERE}/buscar/?q={{search_term_string}}"
    dataset = pages["/datos/"].graph[0]["mainEntity"]
    assert len(dataset["distribution"]) == 14
    for file in dataset["distribution"]:
        head = visitor.head(file["contentUrl"].removeprefix(HERE))
        assert head["Content-Type"] == file["encodingFormat"]


def test_the_sitemap_lists_every_public_page_once_and_robots_leads_to_it(plain_pages, visitor):
    root = ET.fromstring(read(visitor, "/sitemap.xml"))  # noqa: S314, our own
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    assert root.tag == f"{space}urlset"
    listed = [url.text for url in root.findall(f"{space}url/{space}loc")]
    without_days = (url for url in plain_pages if not url.startswith("/al/2"))
    assert sorted(listed) == sorted(f"{HERE}{url}" for url in without_days)
    assert len(root.findall(f"{space}url/{space}lastmod")) == len(records())
    assert read(visitor, "/robots.txt").decode() == (
        "User-agent: *\nDisallow: /admin/\n\nSitemap: http://testserver/sitemap.xml\n"
    )


@pytest.mark.parametrize(("url", "model"), [(EVENTS, Event), (STATEMENTS, Statement)])
def test_a_feed_is_atom_with_every_public_record(url, model, visitor):
    assert sorted(titles(feed(visitor, url))) == sorted(r.title for r in model.objects.all())
    assert visitor.get(url)["Content-Type"].startswith("application/atom+xml")


def test_the_record_is_loaded_with_its_index(visitor, capsys):
    assert Entry.objects.filter(kind="e").count() == Event.objects.count()
    call_command("rebuild_search", check=True)
    assert "agrees with the record" in capsys.readouterr().out
    assert "<mark>" in visitor.get("/buscar/?q=representantes").text
    assert "<mark>" not in visitor.get("/buscar/?q=hipopótamo").text


# Machines


@pytest.mark.once
def test_other_programs_read_every_reference_as_it_is_printed(responses):
    cited = [a.context["references"] for a in responses.values() if "references" in a.context]
    every = {references.page.url: references for references in cited if references}
    assert len(every) > 40
    for references in every.values():
        assert_others_read_alike(references)


@pytest.fixture(scope="module")
def texts(responses: dict[str, HttpResponse]) -> dict[str, str]:
    return site_texts(responses)


def test_every_date_that_leaves_the_site_is_valid_edtf(texts):
    dates = edtf_of(texts)
    assert len(dates) > 8
    assert [date for date in dates if not is_valid(date)] == []


@pytest.mark.once
def test_no_word_of_the_second_record_is_on_a_page_or_in_a_file(texts):
    invented = {"Costamar", "Puerto Sereno", "San Telmo", "Montevideo", "Delta Herald"}
    names = invented | oracle.names(Path(__file__).parent / "red_abierta")
    wrong = re.compile("|".join(map(re.escape, names)), re.IGNORECASE)
    assert {url: wrong.findall(text) for url, text in texts.items() if wrong.search(text)} == {}
