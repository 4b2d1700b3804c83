"""A fact or a date without proof says so, on every page and in every file."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.core.management import call_command
from django.test import Client

from record.proof import MARK, dated, models_of_facts
from sources.models import Citation
from tests.markup import DATES, Page, read
from tests.test_feeds import CALENDAR, EVENTS, STATEMENTS

pytestmark = pytest.mark.django_db
FILES = (EVENTS, STATEMENTS, CALENDAR)
# The year of a page, an axis or a heading is no fact.
NOT_FACTS = re.compile(
    r"<h[12].*?</h[12]>|<p class=\"(?:lead|kicker).*?</p>|<nav class=\"filters.*?</nav>"
    r"|<svg class=\"chart-scale.*?</svg>|<title id.*?</title>|<form.*?</form>",
    re.DOTALL,
)


def without_proof() -> None:
    """Deletes all citations, and gives the dates and labels of each fact a year of its own."""
    Citation.objects.all().delete()
    year = 1000
    for model in models_of_facts():
        for record in model.objects.all():
            year += 1
            dates = {f.name: getattr(record, f.name) for f in dated(model)}
            model.objects.filter(pk=record.pk).update(
                **{name: f"{year}" for name, date in dates.items() if date}
            )


def crawled(client: Client) -> Iterator[tuple[str, str]]:
    """The address and the text of all pages that links lead to, without filters."""
    waiting, seen = ["/", *DATES, "/buscar/?q=Red"], set[str]()
    while waiting:
        url = waiting.pop()
        if url not in seen:
            seen.add(url)
            text = read(client, url).decode()
            yield url, text
            links = {link.split("#")[0].split("?")[0] for link in Page(text).links}
            waiting += [x for x in links if x[:1] == "/" and "." not in x and x[:7] != "/admin/"]


def unmarked(text: str) -> Iterator[str]:
    """The years of facts without a mark between them and another year."""
    runs = re.split(r"(?<![\d/#])(10\d\d)(?!\d)", text)
    years, between = runs[1::2], runs[::2]
    for number, year in enumerate(years):
        before, after = between[number][-120:], between[number + 1][:300]
        is_same = years[number + 1 : number + 2] == [year]
        if not is_same and MARK[2:-2] not in before + after:
            yield f"{before}{year}{after}"


def look_proven(client: Client) -> list[tuple[str, str]]:
    """The facts of a record that look proven after its citations are deleted, with the address."""
    without_proof()
    places = []
    for url, text in crawled(client):
        graph = Page(text).graph if "ld+json" in text else []
        places += [
            (url, date) for date in re.findall(r'Date(?:Published)?": "(1\d{3})', str(graph))
        ]
        main = NOT_FACTS.sub("", text.split("<main", 1)[1].split("<footer")[0])
        plain = " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())
        places += [(url, around) for around in unmarked(plain)]
    return places


def test_no_fact_without_proof_looks_proven_on_any_page(visitor):
    call_command("load_record", verbosity=0)
    assert look_proven(visitor) == []
