"""What a reader gets: every fact with its sentence, both ways; the same cost at 20 and 20,000 rows;
no cookie, no script, no third party; and a clear page for what is not there."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.views.defaults import permission_denied

from exchange.facts import KINDS
from nucleo import errors
from organizations.models import Membership, Organization, RepresentationTerm
from sources.models import Citation, Source
from timeline.models import Event, EventOrganization, Statement

from .records import (
    FAR_OFF,
    LONG_AGO,
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

pytestmark = pytest.mark.django_db
LISTS = ["/organizaciones/", "/representacion/", "/pronunciamientos/", "/fuentes/"]
DATES = ["/al/", "/al/2017/", "/al/2015-02-11/"]
PAGES = ["/", *LISTS, "/linea-de-tiempo/", *DATES, "/datos/", "/acerca-de/"]
DATA = {"type": "application/ld+json"}  # a block that no browser runs


@pytest.fixture
def record() -> None:
    call_command("load_record", verbosity=0)


def details() -> list[str]:
    models = (Organization, Event, Statement, Source)
    return [record.get_absolute_url() for model in models for record in model.objects.all()]


class Page(HTMLParser):
    """The tags of a page, their attributes and the ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]

    @property
    def links(self) -> list[str]:
        return [attrs["href"] for tag, attrs in self.tags if tag == "a" and attrs.get("href")]


def page(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200, url
    return Page(response.content.decode())


def cost(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(url).status_code == 200, url
    return len(queries)


# Honesty


def test_every_fact_on_a_page_leads_to_its_marked_sentence_and_back(
    record: None, visitor: Client
) -> None:
    here = Source.objects.get()
    marked = page(visitor, here.get_absolute_url())
    for kind in ("organizations", "events", "statements"):
        for fact in KINDS[kind].objects.all():
            shown = page(visitor, fact.get_absolute_url())
            assert fact.get_absolute_url() in marked.links, fact
            for one in fact.citations.all():
                assert one.get_absolute_url() in shown.links, (fact, one.exact)
                assert f"c{one.number}" in marked.ids


def test_memberships_and_terms_show_their_citations_where_they_are_told(
    record: None, visitor: Client
) -> None:
    members, rotation = (page(visitor, url) for url in ("/organizaciones/", "/representacion/"))
    for one in Citation.objects.filter(membership__isnull=False):
        own = page(visitor, one.membership.organization.get_absolute_url())
        assert one.get_absolute_url() in members.links
        assert one.get_absolute_url() in own.links
    for one in Citation.objects.filter(representation_term__isnull=False):
        assert one.get_absolute_url() in rotation.links


def test_every_link_within_the_site_leads_somewhere(record: None, visitor: Client) -> None:
    seen: dict[str, Page] = {}
    waiting = ["/"]
    while waiting:
        url = waiting.pop()
        if url not in seen:
            seen[url] = page(visitor, url)
            within = {link.split("#")[0] for link in seen[url].links if link.startswith("/")}
            files = {link for link in within if "." in link}
            assert all(visitor.head(link).status_code == 200 for link in files)
            # Filters on filters are without number: those of the unfiltered page will do.
            waiting += [link for link in within - files if "?" not in link or "?" not in url]
    assert len(seen) > 60
    for url, shown in seen.items():
        assert len(shown.ids) == len(set(shown.ids)), url
        for link in shown.links:
            path, _, anchor = link.partition("#")
            if anchor and (target := path or url) in seen:
                assert anchor in seen[target].ids, (url, link)


def test_what_the_source_does_not_say_is_shown_as_not_said(visitor: Client) -> None:
    unknown = event(title="Algo", start="")
    assert "la fuente no lo dice" in visitor.get(unknown.get_absolute_url()).content.decode()
    assert "la fuente no lo dice" in visitor.get("/linea-de-tiempo/").content.decode()
    nobody = term(organization=organization(name="Nadie sabe cuándo"))
    assert "la fuente no lo dice" in visitor.get("/representacion/").content.decode()
    assert nobody.organization.name in visitor.get("/representacion/").content.decode()


def test_overlapping_passages_are_split_and_both_lead_to_their_facts(visitor: Client) -> None:
    here = source()
    one, two = event(title="Una cosa"), event(title="Otra cosa")
    first = citation(one, "Tres de ellas decidieron", source=here)
    second = citation(two, "ellas decidieron sumarse", source=here)
    shown = page(visitor, here.get_absolute_url())
    assert {f"c{first.number}", f"c{second.number}"} <= set(shown.ids)
    assert {one.get_absolute_url(), two.get_absolute_url()} <= set(shown.links)


def test_a_page_says_when_what_it_shows_last_changed(record: None, visitor: Client) -> None:
    for url in ("/", *LISTS, *DATES, *details()):
        assert "Último cambio de lo que muestra esta página" in visitor.get(url).content.decode()


def test_hostile_text_is_inert_on_every_page(visitor: Client) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    here = source(title=bad, publisher=bad, text=f"{bad} dijo algo. Y otra cosa más.")
    who = organization(name=bad, short_name=bad[:80], other_names=bad, summary=bad, description=bad)
    happened = event(title=bad, summary=bad, body=bad, date_label=bad, start="2017")
    happened.organizations.add(who)
    said = statement(title=bad, summary=bad, body=f"<p>{bad}</p>")
    membership(organization=who, note=bad, start_label=bad)
    term(organization=who, note=bad, start_label=bad)
    citation(happened, "dijo algo", source=here)
    for url in (*PAGES, *(r.get_absolute_url() for r in (here, who, happened, said))):
        shown = page(visitor, url)
        running = [attrs for tag, attrs in shown.tags if tag == "script" and attrs != DATA]
        assert not running, url
        assert not [tag for tag, _ in shown.tags if tag in ("img", "iframe")], url
        assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on")], url


# Privacy


def test_a_reader_gets_no_cookie_no_script_and_nothing_of_third_parties(
    record: None, visitor: Client
) -> None:
    for url in (*PAGES, *details(), "/no-existe/"):
        response = visitor.get(url)
        assert not response.cookies, url
        assert "Cookie" not in response.get("Vary", ""), url
        for tag, attrs in Page(response.content.decode()).tags:
            assert tag not in ("style", "iframe"), url
            assert tag != "script" or attrs == DATA, url
            assert "style" not in attrs, url
            loaded = attrs.get("src") or (attrs.get("href", "") if tag == "link" else "")
            if attrs.get("rel") != "canonical":
                assert not loaded.startswith(("http", "//")), url


# Cost


def many(rows: int) -> None:
    """`rows` of each kind, cited and related; written in bulk."""
    here = source()
    stamp = {"publish_at": LONG_AGO}

    def made(model: type, **fields: Callable[[int], Any] | Any) -> list:
        start = model.objects.count()
        return model.objects.bulk_create(
            model(
                slug=f"m-{start + n}", **{k: v(n) if callable(v) else v for k, v in fields.items()}
            )
            for n in range(rows)
        )

    organizations = made(Organization, name=lambda n: f"Organización {n:05}", **stamp)
    made(Organization, name=lambda n: f"Nombrada {n:05}", **stamp)
    members = made(
        Membership, organization=lambda n: organizations[n], start="2011", end="[2017..]"
    )
    terms = made(RepresentationTerm, organization=lambda n: organizations[n], role="representative")
    events = made(
        Event, title="Algo", category="acuerdo", start=lambda n: f"{1990 + n % 30}", **stamp
    )
    statements = made(Statement, title="Dijo", kind="position", body="<p>Algo.</p>", **stamp)
    made(Source, title="Otra", text="Algo dice aquí.", **stamp)
    EventOrganization.objects.bulk_create(
        EventOrganization(event=one, organization=organizations[0]) for one in events
    )
    Citation.objects.bulk_create(
        Citation(
            slug=f"c-{name}-{one.pk}",
            source=here,
            exact="decidieron sumarse",
            prefix="Tres de ellas ",
            position=1,
            number=1,
            **{name: one},
        )
        for name, some in (
            ("organization", organizations),
            ("membership", members),
            ("event", events),
            ("representation_term", terms),
            ("statement", statements),
        )
        for one in some[:200]
    )


BUDGETS = {
    "/": 12,
    **dict.fromkeys(LISTS, 6),
    "/linea-de-tiempo/": 8,
    "/linea-de-tiempo/?categoria=acuerdo&anio=1999": 10,
    "/datos/": 8,
    "/acerca-de/": 1,
}


def test_a_page_costs_few_queries_and_no_more_with_thousands_of_rows(visitor: Client) -> None:
    many(20)
    detail = [
        m.objects.exclude(text="") if m is Source else m.objects.all()
        for m in (Organization, Event, Statement, Source)
    ]
    urls = BUDGETS | {records.first().get_absolute_url(): 13 for records in detail}
    few = {url: cost(visitor, url) for url in urls}
    assert {url: n for url, n in few.items() if n > urls[url]} == {}
    many(3000)
    more = {url: n for url in urls if (n := cost(visitor, url)) > few[url]}
    assert more == {}


# What is not there


@pytest.mark.parametrize(
    "hidden",
    [
        {"publish_at": None},
        {"publish_at": TOMORROW},
        {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
    ],
)
def test_what_is_not_public_answers_like_what_does_not_exist_byte_for_byte(
    visitor: Client, hidden: dict
) -> None:
    for make in (organization, event, statement, source):
        url = make(slug="oculto", **hidden).get_absolute_url()
        missing = visitor.get(url.replace("oculto", "no-hay"))
        answer = visitor.get(url)
        assert (answer.status_code, missing.status_code) == (404, 404)
        assert answer.content.replace(b"oculto", b"no-hay") == missing.content


def test_a_canary_in_drafts_is_on_no_public_page(
    record: None, visitor: Client, reader: Client
) -> None:
    canary = "canarioquenadiedebever"
    hidden = [
        {"publish_at": None},
        {"publish_at": FAR_OFF},
        {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
    ]
    public = Event.objects.first()
    for state in hidden:
        here = source(title=canary, text=f"{canary} dijo algo. Fin.", **state)
        who = organization(name=canary, **state)
        membership(organization=who, start="2011", end="[2017..]")
        membership(organization=organization(), replaces=who, note=canary)
        term(organization=who, start="1990", note=canary)
        event(title=canary, start="2017", **state).organizations.add(Organization.objects.first())
        said = statement(title=canary, **state)
        said.organizations.add(Organization.objects.first())
        said.events.add(public)
        public.organizations.add(who)
        citation(public, "dijo algo", source=here)
    for url in (*PAGES, *details()):
        for person in (visitor, *([reader] if url in PAGES else [])):
            assert canary not in person.get(url).content.decode(), url


def test_staff_see_a_draft_as_a_marked_preview_that_nobody_keeps(
    reader: Client, visitor: Client
) -> None:
    for make in (organization, event, statement, source):
        url = make(publish_at=None).get_absolute_url()
        response = reader.get(url)
        assert response.status_code == 200
        assert "Borrador" in response.content.decode()
        assert "no-store" in response["Cache-Control"]
        assert response["X-Robots-Tag"] == "noindex"
        assert visitor.get(url).status_code == 404


def test_an_old_slug_leads_once_to_the_present_one_and_a_reused_slug_wins(visitor: Client) -> None:
    moved = event(slug="uno")
    for slug in ("dos", "tres"):
        moved.slug = slug
        moved.save()
    for old in ("uno", "dos"):
        response = visitor.get(f"/linea-de-tiempo/{old}/")
        assert (response.status_code, response["Location"]) == (301, "/linea-de-tiempo/tres/")
    event(slug="uno", title="El nuevo")
    assert visitor.get("/linea-de-tiempo/uno/").status_code == 200


def test_an_old_slug_of_what_is_hidden_leads_nowhere(visitor: Client) -> None:
    moved = event(slug="uno")
    moved.slug, moved.publish_at = "dos", None
    moved.save()
    assert visitor.get("/linea-de-tiempo/uno/").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "anio=3000",
        "anio=abc",
        "categoria=nada",
        "organizacion=nadie",
        "anio=2017&anio=2018",
        "anio=20X7",
        "pagina=2",
        "pagina=0",
        "pagina=x",
        f"pagina={'9' * 5_000}",
        f"anio={'9' * 10_000}",
        "organizacion=%F0%9F%98%80",
    ],
)
def test_filters_and_pages_beyond_reason_are_not_found_in_spanish(
    visitor: Client, query: str
) -> None:
    event(start="2017")
    response = visitor.get(f"/linea-de-tiempo/?{query}")
    assert response.status_code == 404
    assert "no está en el registro" in response.content.decode()


def test_a_nul_in_an_address_is_refused(visitor: Client) -> None:
    response = visitor.get("/linea-de-tiempo/?organizacion=a%00b")
    assert response.status_code == 400
    assert "<h1" in response.content.decode()
    assert visitor.get("/linea-de-tiempo/a%00b/").status_code == 404


def test_our_own_error_pages_are_in_spanish() -> None:
    request = RequestFactory().get("/")
    pages = {
        400: errors.bad_request(request, ValueError()),
        403: permission_denied(request, PermissionDenied()),
        404: errors.not_found(request, ValueError()),
        500: errors.server_error(request),
    }
    for status, response in pages.items():
        assert response.status_code == status
        assert '<html lang="es-MX">' in response.content.decode()
        assert str(status) in response.content.decode()


def test_a_bad_host_is_refused_without_an_echo(visitor: Client) -> None:
    response = visitor.get("/", headers={"host": "malo.example"})
    assert response.status_code == 400
    assert b"malo.example" not in response.content


# Health


def test_healthz_is_well_when_the_database_answers_and_is_migrated(visitor: Client) -> None:
    response = visitor.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


def test_healthz_is_ill_without_a_database_or_with_migrations_pending(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError
    from django.db.migrations.executor import MigrationExecutor

    monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_: [("one", False)])
    assert visitor.get("/healthz").status_code == 503

    def down(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(MigrationExecutor, "migration_plan", down)
    assert visitor.get("/healthz").status_code == 503


def test_every_named_page_has_a_template_of_its_name(record: None, visitor: Client) -> None:
    for name in (
        "organizations:organization_list",
        "organizations:representation",
        "timeline:event_list",
        "timeline:statement_list",
        "sources:source_list",
        "exchange:open_data",
    ):
        used = [template.name for template in visitor.get(reverse(name)).templates]
        assert f"{name.replace(':', '/')}.html" in used
