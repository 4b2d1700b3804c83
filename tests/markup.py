"""Parses public pages and files."""

import json
import re
from collections import Counter
from csv import DictReader
from functools import cached_property
from html import unescape
from html.parser import HTMLParser
from io import StringIO
from typing import Any

from django.http import HttpResponse
from django.test import Client

from exchange.imports import RESOURCES

LISTS = ["/organizaciones/", "/representacion/", "/pronunciamientos/", "/fuentes/"]
DATES = ["/al/", "/al/2017/", "/al/2015-02-11/"]
PAGES = ["/", *LISTS, "/linea-de-tiempo/", *DATES, "/datos/", "/acerca-de/"]
EVENTS, STATEMENTS = "/linea-de-tiempo/atom.xml", "/pronunciamientos/atom.xml"
CALENDAR = "/linea-de-tiempo/calendario.ics"
MEMBERSHIPS, TERMS = "/organizaciones/atom.xml", "/representacion/atom.xml"
TABLES = [f"/datos/{name}.csv" for name in RESOURCES]
DATE_COLUMNS = {"inicio", "fin", "fecha", "publicada", "describe_hasta", "consultada", "dice"}
DATA = {"type": "application/ld+json"}  # a block that no browser runs
BLOCK = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


class Page(HTMLParser):
    """The tags of a page with their attributes, its ids, its links and its linked data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict[str, Any]]:
        return [attrs for tag, attrs in self.tags if tag == name]

    @cached_property
    def ids(self) -> list[str]:
        return [attrs["id"] for _tag, attrs in self.tags if "id" in attrs]

    @cached_property
    def links(self) -> list[str]:
        return [attrs["href"] for attrs in self.all("a") if attrs.get("href")]

    @cached_property
    def graph(self) -> list[dict[str, Any]]:
        (block,) = BLOCK.findall(self.text)
        return json.loads(block)["@graph"]


def read(client: Client, url: str) -> bytes:
    response: HttpResponse = client.get(url)
    assert response.status_code == 200, url
    return response.getvalue()


def page(client: Client, url: str) -> Page:
    return Page(read(client, url).decode())


def crawl() -> dict[str, HttpResponse]:
    """The answer of each page that links lead to, by address, and of the pages of two dates."""
    visitor, answers, waiting = Client(), {}, ["/", *DATES]
    while waiting:
        url = waiting.pop()
        if url not in answers:
            answers[url] = visitor.get(url)
            assert answers[url].status_code == 200, url
            within = {link.split("#")[0] for link in Page(answers[url].text).links}
            within = {link for link in within if link.startswith("/") and "." not in link}
            within = {link for link in within if not link.startswith("/admin/")}
            # Combinations of filters have no end; the filters of the unfiltered page are enough.
            waiting += [link for link in within if "?" not in link or "?" not in url]
    return answers


def site_texts(pages: dict[str, HttpResponse]) -> dict[str, str]:
    """The text of each crawled page and of each file of the record, by address."""
    visitor, others = Client(), ("/sitemap.xml", "/robots.txt", "/.well-known/security.txt")
    files = [EVENTS, STATEMENTS, CALENDAR, *TABLES, *others]
    return {url: page.text for url, page in pages.items()} | {
        url: visitor.get(url).getvalue().decode("utf-8-sig") for url in files
    }


def edtf_of(texts: dict[str, str]) -> set[str]:
    """The dates in the linked data of the pages, and in the tables."""
    pattern = re.compile(r'"(?:startDate|endDate|datePublished)":"([^"]+)"')
    dates = {date for text in texts.values() for date in pattern.findall(text)}
    for table in TABLES:
        for row in DictReader(StringIO(texts[table])):
            dates |= {row[name] for name in DATE_COLUMNS & row.keys()}
    return dates - {""}


def words(response: HttpResponse) -> str:
    """The text of a page's main part."""
    body = re.sub(r"<[^>]+>", "", response.text.split("<main", 1)[1])
    return " ".join(unescape(body).split())


def repeated(response: HttpResponse) -> set[str]:
    """The quoted words, and the whole sentences, that stand twice in the notes of a page."""
    quotes = re.findall(r"<q[ >].*?</q>|<p class=\"sentence\".*?</p>", response.text, re.DOTALL)
    plain = [(quote[:2], re.sub(r"<[^>]+>|\s+", " ", quote).split()) for quote in quotes]
    counts = Counter((kind, " ".join(found)) for kind, found in plain)
    return {text for (_kind, text), count in counts.items() if count > 1}
