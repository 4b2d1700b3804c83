"""Public pages say when a source gives no date, cost the same at any size, have one address each,
and answer clearly when a record does not exist."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.views.defaults import permission_denied

from nucleo import errors
from organizations.models import Organization
from sources.models import Source
from timeline.models import Event, Statement

from .markup import CALENDAR, DATA, EVENTS, LISTS, PAGES, STATEMENTS, page, read
from .records import (
    citation,
    event,
    many,
    membership,
    organization,
    source,
    statement,
    term,
)
from .test_visibility import CANARY, hide_a_word_in_each_state

pytestmark = pytest.mark.django_db
WITH_PAGES = (organization, event, statement, source)


# Honesty


def test_what_the_source_does_not_say_is_shown_as_not_said(visitor):
    unknown = event(title="Algo", start="")
    term(organization=organization(name="Nadie sabe cuándo"))
    for url in (unknown.get_absolute_url(), "/linea-de-tiempo/", "/representacion/"):
        assert "la fuente no lo dice" in visitor.get(url).text
    assert "Nadie sabe cuándo" in visitor.get("/representacion/").text


def test_overlapping_passages_are_split_and_both_lead_to_their_facts(visitor):
    here, facts = source(), [event(title="Una cosa"), event(title="Otra cosa")]
    passages = ("Tres de ellas decidieron", "ellas decidieron sumarse")
    quotes = [citation(*pair, source=here) for pair in zip(facts, passages, strict=True)]
    text = page(visitor, here.get_absolute_url())
    assert {f"c{quote.number}" for quote in quotes} <= set(text.ids)
    assert {fact.get_absolute_url() for fact in facts} <= set(text.links)


def test_hostile_text_is_inert_on_every_page(visitor):
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    here = source(title=bad, publisher=bad, text=f"{bad} dijo algo. Y otra cosa más.")
    who = organization(name=bad, short_name=bad[:80], other_names=bad, summary=bad, description=bad)
    happened = event(title=bad, summary=bad, body=bad, date_label=bad, start="2017")
    happened.organizations.add(who)
    said = statement(title=bad, summary=bad, body=f"<p>{bad}</p>")
    membership(organization=who, note=bad, start_label=bad)
    term(organization=who, note=bad, start_label=bad)
    citation(happened, "dijo algo", source=here)
    details = (record.get_absolute_url() for record in (here, who, happened, said))
    for url in (*PAGES, *details, "/buscar/?q=alert", f'/buscar/?q={bad}"'):
        parsed = page(visitor, url)
        assert all(attrs == DATA for attrs in parsed.all("script")), url
        assert not parsed.all("img") + parsed.all("iframe"), url
        assert not [name for _, attrs in parsed.tags for name in attrs if name.startswith("on")], (
            url
        )
    assert "&lt;script&gt;" in parsed.text


# Cost and addresses


BUDGETS = {
    "/": 19,
    **dict.fromkeys(LISTS, 8),
    "/linea-de-tiempo/": 12,
    "/linea-de-tiempo/?categoria=acuerdo&anio=1999": 15,
    **dict.fromkeys(["/al/2014/", "/al/2014-02-11/", "/al/2050/"], 14),
    **dict.fromkeys(["/al/", "/al/abc/"], 3),
    "/datos/": 13,
    "/acerca-de/": 2,
}


def test_a_page_costs_few_queries_and_no_more_with_many_rows(visitor):
    def cost(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert visitor.get(url).status_code == (404 if "abc" in url else 200), url
        return len(queries)

    many(30)  # more than a page of events
    models = (Organization, Event, Statement)
    records = [*(model.objects.first() for model in models), Source.objects.exclude(text="")[0]]
    budgets = BUDGETS | {record.get_absolute_url(): 14 for record in records}
    budgets[records[0].get_absolute_url()] = 19
    few = {url: cost(url) for url in budgets}
    assert {url: n for url, n in few.items() if n > budgets[url]} == {}
    many(120)
    assert {url: n for url in budgets if (n := cost(url)) > few[url]} == {}


def test_each_page_of_a_list_has_an_address_of_its_own(visitor):
    many(101)
    for url in (*LISTS, "/linea-de-tiempo/", "/al/2014/"):
        for number, address in ((1, url), (2, f"{url}?pagina=2")):
            parsed = page(visitor, f"{url}?pagina={number}")
            links = {attrs["rel"]: attrs["href"] for attrs in parsed.all("link")}
            shared = [attrs for attrs in parsed.all("meta") if attrs.get("property") == "og:url"]
            assert links["canonical"] == f"http://testserver{address}"
            assert shared[0]["content"] == links["canonical"]
            assert links.get("prev") == ("?pagina=1" if number > 1 else None)
            assert (", página 2" in parsed.text.split("</title>")[0]) is (number > 1)


# Records that are hidden, renamed or missing


def test_staff_see_a_draft_as_a_marked_preview_that_nobody_keeps(reader, visitor):
    for make in WITH_PAGES:
        url = make(publish_at=None).get_absolute_url()
        response = reader.get(url)
        assert response.status_code == 200
        assert "Borrador" in response.text
        assert "no-store" in response["Cache-Control"]
        assert response["X-Robots-Tag"] == "noindex"
        assert visitor.get(url).status_code == 404


def test_staff_see_related_drafts_on_the_pages_of_records_and_nowhere_else(reader):
    hide_a_word_in_each_state()
    details = [model.objects.get(slug="visible") for model in (Organization, Event, Statement)]
    details = [record.get_absolute_url() for record in details]
    files = [EVENTS, STATEMENTS, CALENDAR, "/sitemap.xml", *(f"{url}cita.bib" for url in details)]
    for url in (*PAGES, *files):
        assert CANARY not in read(reader, url).decode(), url
    for url in details:
        assert CANARY in page(reader, url).text
        assert CANARY not in str(page(reader, url).graph), url


def test_an_old_slug_leads_once_to_the_present_one_and_a_reused_slug_wins(visitor):
    moved = event(slug="uno")
    for slug in ("dos", "tres"):
        moved.slug = slug
        moved.save()
    for slug in ("uno", "dos"):
        response = visitor.get(f"/linea-de-tiempo/{slug}/")
        assert (response.status_code, response["Location"]) == (301, "/linea-de-tiempo/tres/")
    Event.objects.update(publish_at=None)
    assert visitor.get("/linea-de-tiempo/uno/").status_code == 404
    event(slug="uno")
    assert visitor.get("/linea-de-tiempo/uno/").status_code == 200


def test_filters_and_pages_beyond_reason_are_not_found_in_spanish(visitor):
    event(start="2017")
    for query in (
        "anio=3000", "anio=abc", "categoria=nada", "organizacion=nadie", "anio=2017&anio=2018",
        "anio=20X7", "pagina=2", "pagina=0", "pagina=x", f"pagina={'9' * 5_000}",
        f"anio={'9' * 10_000}", "organizacion=%F0%9F%98%80",
    ):  # fmt: skip
        response = visitor.get(f"/linea-de-tiempo/?{query}")
        assert response.status_code == 404, query
        assert "no consta" in response.text


# Errors


def test_what_no_browser_sends_is_refused_without_an_echo(visitor):
    nul = visitor.get("/linea-de-tiempo/?organizacion=a%00b")
    assert nul.status_code == 400
    assert "<h1" in nul.text
    assert visitor.get("/linea-de-tiempo/a%00b/").status_code == 404
    host = visitor.get("/", headers={"host": "malo.example"})
    assert host.status_code == 400
    assert "malo.example" not in host.text


def test_our_own_error_pages_are_in_spanish(rf):
    request = rf.get("/")
    pages = {
        400: errors.bad_request(request, ValueError()),
        403: permission_denied(request, PermissionDenied()),
        404: errors.not_found(request, ValueError()),
        500: errors.server_error(request),
    }
    for status, response in pages.items():
        assert response.status_code == status
        assert '<html lang="es-MX">' in response.text
        assert str(status) in response.text


def test_healthz_says_ok_and_the_version_while_the_database_answers_and_has_all_migrations(
    visitor, monkeypatch, settings
):
    settings.VERSION = "12.3.4"
    response = visitor.get("/healthz")
    assert (response.status_code, response.text) == (200, "ok 12.3.4")

    def down(*_: object) -> None:
        raise OperationalError

    for plan in (lambda *_: [("one", False)], down):
        monkeypatch.setattr(MigrationExecutor, "migration_plan", plan)
        assert visitor.get("/healthz").status_code == 503
