"""What is withdrawn is gone at once from everywhere that a reader may look, whatever the way."""

import zipfile
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from django.urls import reverse

from organizations.models import Organization
from sources.models import Source
from tests import records
from tests.conftest import Person
from tests.records import LONG_AGO, NOW, TOMORROW
from tests.staff import address_of, confirm
from tests.test_login_matrix import READERS, public_addresses
from timeline.models import Event, Statement

pytestmark = pytest.mark.django_db
CANARY = "canarioqx"
KINDS = (Organization, Event, Statement, Source)
EVERYWHERE = {
    "home", "sitemap", "sitemap_section", "as_of", "search:results", "exchange:table",
    "organizations:organization_list", "organizations:organization_detail",
    "organizations:representation", "timeline:event_list", "timeline:event_detail",
    "timeline:event_feed", "timeline:statement_list", "timeline:statement_detail",
    "timeline:statement_feed", "timeline:calendar", "sources:source_list",
    "sources:source_detail",
}  # fmt: skip


@pytest.fixture
def known() -> list[Any]:
    """One record of each kind, related to what stays, and nothing else that holds the word."""
    shown, cited = records.event(slug="visible"), records.source(slug="queda")
    word = {"slug": CANARY, "publish_at": LONG_AGO}
    who = records.organization(name=f"Red {CANARY}", summary=CANARY, **word)
    said = records.statement(title=f"Dicho {CANARY}", date="2017", **word)
    happened = records.event(title=f"Acuerdo {CANARY}", start="2017-04-11", **word)
    whence = records.source(title=f"Fuente {CANARY}", **word)
    records.membership(organization=who, start="2017")
    records.term(organization=who, start="2017", end="2018", order=1)
    records.citation(shown, source=whence)
    records.citation(happened, source=cited)
    who.events.add(shown)
    said.events.add(shown)
    return [who, happened, said, whence]


def heard(visitor: Person) -> set[str]:
    """The names of the addresses that tell the word."""
    found = set()
    for name in READERS:
        for url in public_addresses(name, [CANARY, "visible", "timeline", "sources"]):
            asked = f"{url}?q=acuerdo" if name == "search:results" else url
            answer = visitor.get(asked)
            body = answer.getvalue()
            if body.startswith(b"PK"):
                with zipfile.ZipFile(BytesIO(body)) as sheets:
                    body = b"".join(map(sheets.read, sheets.namelist()))
            told = body.decode("utf-8", "replace").replace(asked, "").replace(f'"{CANARY}"', "")
            told = told.replace(f"«{CANARY}»", "")
            if answer.status_code == 200 and CANARY in told:
                found.add(name)
            elif CANARY in url:
                assert answer.status_code == 404
    return found


def by_the_admin(model: Any, publisher: Person, clock: Callable) -> None:
    chosen = {"action": "withdraw", "_selected_action": [model.objects.get(slug=CANARY).pk]}
    assert confirm(publisher, address_of("changelist", model), **chosen).status_code == 302


def by_update(model: Any, publisher: Person, clock: Callable) -> None:
    model.objects.filter(slug=CANARY).update(publish_at=None)


def by_save(model: Any, publisher: Person, clock: Callable) -> None:
    one = model.objects.get(slug=CANARY)
    one.publish_at = None
    one.save()


def by_the_clock(model: Any, publisher: Person, clock: Callable[[datetime], None]) -> None:
    model.objects.filter(slug=CANARY).update(unpublish_at=TOMORROW)
    clock(TOMORROW)


@pytest.mark.parametrize("way", [by_the_admin, by_update, by_save, by_the_clock])
def test_what_is_withdrawn_is_gone_at_once_from_everywhere(way, known, visitor, publisher, clock):
    clock(NOW)
    sung = heard(visitor)
    assert sung >= EVERYWHERE, EVERYWHERE - sung
    for model in KINDS:
        way(model, publisher, clock)
    assert heard(visitor) == set()


def test_what_is_withdrawn_is_no_longer_counted(known, visitor):
    def counted() -> tuple[int, ...]:
        context = visitor.get("/").context
        listed = visitor.get(reverse("timeline:event_list")).text
        return context["fact_count"], context["source_count"], listed.count('class="count">')

    before = counted()
    for model in KINDS:
        model.objects.filter(slug=CANARY).update(publish_at=None)
    assert all(now < then for now, then in zip(counted(), before, strict=True))
