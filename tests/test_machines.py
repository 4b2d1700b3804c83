"""What machines read of a page, by their standards and with no date widened: linked data, the
description, the sitemap. `test_whole_record` reads it on every page."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from dates.text import collapse
from nucleo import sitemaps
from organizations.models import Organization
from record import jsonld
from record.text import cut
from tests.markup import PAGES, page
from tests.records import (
    citation,
    event,
    many,
    membership,
    organization,
    proven,
    source,
    statement,
    term,
)
from tests.test_feeds import NOON
from timeline.models import Event

database = pytest.mark.django_db
any_text = st.text(max_size=60)
HERE = "http://testserver"
SITEMAP = "/sitemap.xml"


# Linked data


@given(st.recursive(any_text, lambda values: st.lists(values) | st.dictionaries(any_text, values)))
def test_a_data_block_parses_back_equal_and_cannot_be_broken_out_of(value):
    text = jsonld.script({"one": value})
    inside = text.removeprefix('<script type="application/ld+json">').removesuffix("</script>")
    assert json.loads(inside) == {"one": value}
    assert not set(inside) & set("<>&\u2028\u2029")


@pytest.fixture
def coalition(settings, db) -> Organization:
    settings.COALITION = "red"
    return organization(slug="red", name="La Red", sector="civil_society")


def named(kind: str, name: str, path: str) -> dict[str, str]:
    url = f"{HERE}{path}"
    return {"@type": kind, "@id": f"{url}#organizacion", "name": name, "url": url}


def test_an_organization_is_told_with_its_roles_and_no_date_is_widened(visitor, coalition):
    who = organization(slug="iep", name="Instituto", short_name="IEP", sector="government",
                       summary="Un instituto.", website="https://iep.example/")  # fmt: skip
    proven(who)
    proven(membership(organization=who, start="[2011-08..2015-02]", end="2016-01"))
    proven(term(organization=who, start="2017-04", end="[2017-05-23..]"))
    role = {
        "@type": "OrganizationRole",
        "memberOf": named("NGO", "La Red", "/organizaciones/red/"),
    }
    assert page(visitor, who.get_absolute_url()).graph[0]["mainEntity"] == named(
        "GovernmentOrganization", "Instituto", "/organizaciones/iep/"
    ) | {
        "alternateName": ["IEP"],
        "description": "Un instituto.",
        "sameAs": ["https://iep.example/"],
        "memberOf": [
            role
            | {
                "roleName": "integrante",
                "endDate": "2016-01",
                "description": "desde algún momento entre agosto de 2011 y febrero de 2015, "
                "hasta enero de 2016",
            },
            role
            | {
                "roleName": "representante",
                "startDate": "2017-04",
                "description": "desde abril de 2017, al menos hasta el 23 de mayo de 2017",
            },
        ],
    }
    for url, name in (("/organizaciones/", "integrante"), ("/representacion/", "representante")):
        main = page(visitor, url).graph[0]["mainEntity"]
        assert (main["name"], [role["roleName"] for role in main["member"]]) == ("La Red", [name])


@database
def test_an_event_is_told_with_reduced_dates_and_the_sources_it_is_based_on(visitor):
    here = source(slug="texto", title="El texto")
    signing = event(slug="firma", title="Se firma", summary="Firman.", start="2011-08")
    for part in ("convenes", "takes_part", "is_named"):
        who = organization(slug=part.replace("_", "-"), name=part)
        signing.organizations.add(who, through_defaults={"part": part})
    citation(signing, source=here)
    about = page(visitor, signing.get_absolute_url()).graph[0]
    url, text = f"{HERE}/linea-de-tiempo/firma/", f"{HERE}/fuentes/texto/"
    assert about["mainEntity"] == {
        "@type": "Event",
        "@id": f"{url}#acontecimiento",
        "name": "Se firma",
        "url": url,
        "startDate": "2011-08",
        "description": "Firman.",
        "organizer": [named("Organization", "convenes", "/organizaciones/convenes/")],
        "attendee": [named("Organization", "takes_part", "/organizaciones/takes-part/")],
        "about": [named("Organization", "is_named", "/organizaciones/is-named/")],
    }
    assert about["isBasedOn"] == [
        {"@type": "CreativeWork", "@id": f"{text}#fuente", "name": "El texto", "url": text}
    ]
    bounded = proven(event(title="Algo", start="[2011-08..2015-02]"))
    main = page(visitor, bounded.get_absolute_url()).graph[0]["mainEntity"]
    assert not {"startDate", "endDate"} & set(main)
    assert main["description"] == "Fecha: entre agosto de 2011 y febrero de 2015."


def test_a_question_and_answer_is_a_faq_page_and_another_statement_an_article(visitor, coalition):
    asked = statement(title="¿Qué es?", kind="pregunta-y-respuesta", body="<p>Es &lt;b&gt;.</p>")
    asked.organizations.add(coalition, through_defaults={"part": "speaks"})
    about = page(visitor, asked.get_absolute_url()).graph[0]
    assert about["@type"] == "FAQPage"
    (question,) = about["mainEntity"]
    assert (question["@type"], question["name"]) == ("Question", "¿Qué es?")
    assert question["acceptedAnswer"]["text"] == "Es <b>."
    assert question["acceptedAnswer"]["author"][0]["name"] == "La Red"
    said = proven(statement(title="Decimos", kind="posicionamiento", date="2017-05"))
    about = page(visitor, said.get_absolute_url()).graph[0]
    assert (about["@type"], about["mainEntity"]["@type"]) == ("WebPage", "Article")
    assert about["mainEntity"]["datePublished"] == "2017-05"
    assert "author" not in about["mainEntity"]


@database
def test_what_is_mostly_a_source_s_text_is_not_licensed_by_us(visitor):
    for make, ours in ((event, True), (organization, True), (source, False), (statement, False)):
        about = page(visitor, make().get_absolute_url()).graph[0]
        assert ("license" in about) is ours


# Description


@given(st.text(), st.integers(2, 200))
def test_a_description_is_cut_at_a_word(text, length):
    whole, kept = collapse(text), cut(collapse(text), length)
    assert len(kept) <= length
    assert kept == whole or whole.startswith(kept.removesuffix("…"))
    assert cut("uno dos, tres", 9) == "uno dos…"
    assert cut("uno dos tres", 12) == "uno dos tres"


# The sitemap


@database
def test_the_sitemap_says_when_each_record_changed_or_became_public(visitor):
    published, moments = NOON + timedelta(hours=2), {}
    for n, record in enumerate((organization(), event(), statement(), source())):
        changed = NOON + timedelta(hours=n)
        type(record).objects.filter(pk=record.pk).update(updated_at=changed, publish_at=published)
        moments[f"{HERE}{record.get_absolute_url()}"] = max(changed, published)
    entries = visitor.get(SITEMAP).context["urlset"]
    assert moments.items() <= {e["location"]: e["lastmod"] for e in entries}.items()


@database
def test_a_sitemap_too_long_becomes_an_index_that_costs_no_more_a_page(visitor, monkeypatch):
    monkeypatch.setattr(sitemaps.RecordSitemap, "limit", 10)
    many(10)
    events = "/sitemap-linea-de-tiempo.xml"

    def cost(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert visitor.get(url).status_code == 200
        return len(queries)

    few = cost(events), cost(SITEMAP)
    many(25)
    assert (cost(f"{events}?p=2"), cost(SITEMAP)) == few
    parts = visitor.get(SITEMAP).context["sitemaps"]
    newest = max(record.moment for record in Event.objects.all())
    assert {part.last_mod for part in parts if events in part.location} == {newest}
    listed = [
        entry["location"].removeprefix(HERE)
        for part in parts
        for entry in visitor.get(part.location.removeprefix(HERE)).context["urlset"]
    ]
    # 35 records each of two series of organizations and of three other kinds, and two sources.
    assert len(listed) == len(set(listed)) == 5 * 35 + 2 + len(PAGES) - 2
    for wrong in (f"{events}?p=999999", f"{events}?p=x", "/sitemap-nada.xml", "/sitemap-.xml"):
        answer = visitor.get(wrong)
        assert answer.status_code == 404
        assert "no consta" in answer.text
