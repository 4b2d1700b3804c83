"""A fact or a date without proof says so, on every page and in every file."""

import csv
import re
from collections.abc import Iterator
from datetime import time
from html import unescape
from itertools import groupby

import pytest
from django.core.management import call_command
from django.test import Client

from exchange.imports import RESOURCES
from record.proof import (
    MARK,
    UNCITED,
    WHOLE,
    Publication,
    dated,
    is_fact,
    models_of_facts,
    with_proof,
)
from sources.models import Citation
from tests import records
from tests.markup import CALENDAR, DATES, EVENTS, STATEMENTS, Page, read
from timeline.models import Event

pytestmark = pytest.mark.django_db
TABLES = [name for name, resource in RESOURCES.items() if is_fact(resource.model)]
FILES = (EVENTS, STATEMENTS, CALENDAR)
# The year of a page, an axis or a heading is no fact.
NOT_FACTS = re.compile(
    r"<h[12].*?</h[12]>|<p class=\"(?:lead|kicker).*?</p>|<nav class=\"filters.*?</nav>"
    r"|<svg class=\"chart-scale.*?</svg>|<title id.*?</title>|<form.*?</form>"
    r"|<ul class=\"jumps.*?</ul>",
    re.DOTALL,
)


def without_proof() -> None:
    """Deletes all citations, and gives the dates and labels of each fact a year of its own."""
    Citation.objects.all().delete()
    year = 1000
    for model in models_of_facts():
        for record in model.objects.all():
            year += 1
            texts = [f.name for f in dated(model) if f.name != "start_time"]
            years = {name: f"{year}" for name in texts if getattr(record, name)}
            model.objects.filter(pk=record.pk).update(**years)


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
    for _year, numbers in groupby(range(1, len(runs), 2), key=lambda number: runs[number]):
        first, *_others, last = [*numbers] * 2
        around = "".join([runs[first - 1][-120:], *runs[first:last], runs[last + 1][:300]])
        if MARK[2:-2] not in around:
            yield around


def look_proven(client: Client) -> list[tuple[str, str]]:
    """The facts of a record that look proven after its citations are deleted, with the address."""
    without_proof()
    places = []
    for url, text in crawled(client):
        graph = Page(text).graph if "ld+json" in text else []
        places += [
            (url, date) for date in re.findall(r'Date(?:Published)?": "(1\d{3})', str(graph))
        ]
        # The date that a page of /al/ answers for is no fact, also where the page is cited.
        end = r'<section id="citar"|<footer' if url.startswith("/al/") else "<footer"
        main = NOT_FACTS.sub("", re.split(end, text.split("<main", 1)[1])[0])
        plain = " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())
        places += [(url, around) for around in unmarked(plain)]
    for url in FILES:
        text = read(client, url).decode().replace("\r\n ", "")
        entries = re.split(r"<entry>|BEGIN:VEVENT", text)[1:]
        places += [(url, entry) for entry in entries if MARK not in entry]
    for table in TABLES:
        for row in read(client, f"/datos/{table}.csv").decode().splitlines()[1:]:
            places += [(table, row)] * bool(re.match(r".*,10\d\d,.*,sí", row))
    return places


@pytest.mark.once
def test_no_fact_without_proof_looks_proven_on_any_page(visitor):
    call_command("load_record", verbosity=0)
    assert look_proven(visitor) == []
    assert "Sin cita todavía" in visitor.get("/").text
    assert "18 acontecimientos, 18 sin cita todavía" in visitor.get("/datos/").text


@pytest.mark.parametrize(
    ("fields", "marks"),
    [
        ({"title"}, 1),
        ({"start"}, 0),
        ({"start_earliest"}, 0),
        ({"start_latest"}, 0),
        ({""}, 0),
        ({"title", "end"}, 1),
    ],
)
def test_a_date_is_proven_by_a_quote_for_it_for_a_bound_or_for_the_whole(
    fields, marks, visitor, publisher
):
    """On the page, in the table, for the staff, and when it is published."""
    record = records.event(slug="uno", title="Algo", start="2017-05-23")
    for field in fields:
        records.citation(record, source=records.source(), field=field)
    event = Event.objects.get()
    (table,) = rows(visitor, "eventos")
    page = visitor.get(event.get_absolute_url()).text
    assert (page.count(UNCITED) >= 5) == (UNCITED in page) == marks
    assert (table["con_cita"] == "no") == marks
    found = publisher.get("/admin/timeline/event/?citas=fechas").context["cl"].result_list
    assert len(found) == marks
    form = publisher.get(f"/admin/timeline/event/{event.pk}/change/").context["proofs"]
    assert form["start"].bare == marks
    assert len(Publication([event], records.NOW, lambda model: True).unproven) == marks
    assert ("a la vista con una fecha sin cita" in publisher.get("/admin/").text) == marks


@pytest.mark.parametrize(
    ("fields", "lacks"),
    [
        ({"title"}, "start start_time location"),
        ({"start"}, "location"),
        ({"start_time", "location"}, "start"),
        ({"start", "location"}, ""),
        ({""}, ""),
    ],
)
def test_a_time_needs_a_quote_for_it_or_its_day_and_a_place_one_of_its_own(
    fields, lacks, visitor, publisher
):
    """On the page, in lists, the calendar, linked data and the table, and when it is published."""
    record = records.event(
        title="Algo", start="2019-03-10", start_time=time(17, 30), location="Ágora"
    )
    for field in fields:
        records.citation(record, source=records.source(), field=field)
    event = with_proof(Event.objects.filter(pk=record.pk)).get()
    has_place, has_time = "location" not in lacks, "start" not in lacks
    assert {*event.uncited.split()} == {*lacks.split()}
    assert (rows(visitor, "eventos")[0]["con_cita"] == "no") == bool(lacks)
    page, lists = visitor.get(event.get_absolute_url()).text, visitor.get("/linea-de-tiempo/").text
    for text in (page, lists):
        text = " ".join(re.sub(r"<[^>]+>", " ", text).split())
        assert (f"Ágora {UNCITED}" in text) != has_place
        assert (f"17:30 horas {UNCITED}" in text) == ("start_time" in lacks)
    graph = str(Page(page).graph)
    assert ("'Ágora'" in graph, "T17:30" in graph) == (has_place, has_time)
    calendar = read(visitor, CALENDAR).decode()
    assert ("LOCATION:Ágora" in calendar, "DTSTART:2019" in calendar) == (has_place, has_time)
    unproven = Publication([event], records.NOW, lambda model: True).unproven
    assert {f.name for _, names in unproven for f in names} == {*lacks.split()}
    form = publisher.get(f"/admin/timeline/event/{event.pk}/change/").context["proofs"]
    assert {name for name in ("start", "start_time", "location") if form[name].bare} == {
        *lacks.split()
    }


def rows(client: Client, table: str) -> list[dict[str, str]]:
    text = read(client, f"/datos/{table}.csv").decode("utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_a_contradiction_and_a_quote_from_a_hidden_source_prove_nothing(visitor):
    for quote in ({"source": records.source(), "stance": "contradicts"},
                  {"source": records.source(publish_at=None)}):  # fmt: skip
        record = records.event(start="2017")
        records.citation(record, **quote)
        assert UNCITED in visitor.get(record.get_absolute_url()).text
        assert with_proof(Event.objects.filter(pk=record.pk)).get().uncited == f"{WHOLE} start"
