"""A withdrawn record disappears at once from every page and file of the readers, for each way to
withdraw it."""

import zipfile
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

import pytest
from django.db import transaction
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
    "sharing:event_feed", "timeline:statement_list", "timeline:statement_detail",
    "sharing:statement_feed", "sharing:calendar", "sources:source_list",
    "sources:source_detail", "sharing:organization_picture", "sharing:event_picture",
    "sharing:statement_picture", "sharing:source_picture", "sharing:membership_feed",
    "sharing:term_feed", "sharing:organization_feed", "sharing:organization_calendar",
}  # fmt: skip


@pytest.fixture(autouse=True)
def canaries() -> None:
    """One record of each kind with the word, related to records that stay public without it."""
    event, source = records.event(slug="visible"), records.source(slug="queda")
    word = {"slug": CANARY, "publish_at": LONG_AGO}
    organization = records.organization(name=f"Red {CANARY}", summary=CANARY, **word)
    statement = records.statement(title=f"Dicho {CANARY}", date="2017", **word)
    text = f"Fuente {CANARY}\n{records.TEXT}"
    records.citation(event, source=records.source(title=f"Fuente {CANARY}", text=text, **word))
    records.citation(
        records.event(title=f"Acuerdo {CANARY}", start="2017-04-11", **word), source=source
    )
    records.membership(organization=organization, start="2017")
    records.term(organization=organization, start="2017", end="2018", order=1)
    organization.events.add(event)
    statement.events.add(event)


def asked_addresses() -> list[tuple[str, str]]:
    """Each address of the readers with its name, and with each of the slugs that it may take."""
    slugs = [CANARY, "visible", "timeline", "sources"]
    return [
        (name, f"{url}?q=acuerdo" if name == "search:results" else url)
        for name in READERS
        for url in public_addresses(name, slugs)
    ]


def names_with_the_word(visitor: Person, addresses: list[tuple[str, str]]) -> set[str]:
    """The names of the addresses whose pages or files hold the word, but for the address asked.
    Removes the addresses that do not exist and lack the word, so that they are asked for once."""
    names = set()
    for name, asked in list(addresses):
        answer = visitor.get(asked)
        body = answer.getvalue()
        if body.startswith(b"PK"):
            with zipfile.ZipFile(BytesIO(body)) as sheets:
                body = b"".join(map(sheets.read, sheets.namelist()))
        text = body.decode("utf-8", "replace")
        if answer["Content-Type"] == "image/png" and CANARY in asked:
            text = CANARY
        for echo in (asked, f'"{CANARY}"', f"«{CANARY}»"):
            text = text.replace(echo, "")
        if answer.status_code == 200 and CANARY in text:
            names.add(name)
        elif CANARY in asked:
            assert answer.status_code == 404
        elif answer.status_code == 404:
            addresses.remove((name, asked))
    return names


def by_the_admin(model: Any, publisher: Person, clock: Callable) -> None:
    chosen = {"action": "withdraw", "_selected_action": [model.objects.get(slug=CANARY).pk]}
    assert confirm(publisher, address_of("changelist", model), **chosen).status_code == 302


def by_update(model: Any, publisher: Person, clock: Callable) -> None:
    model.objects.filter(slug=CANARY).update(publish_at=None)


def by_save(model: Any, publisher: Person, clock: Callable) -> None:
    record = model.objects.get(slug=CANARY)
    record.publish_at = None
    record.save()


def by_the_clock(model: Any, publisher: Person, clock: Callable[[datetime], None]) -> None:
    model.objects.filter(slug=CANARY).update(unpublish_at=TOMORROW)
    clock(TOMORROW)


@pytest.mark.once
def test_what_is_withdrawn_is_gone_at_once_from_everywhere(visitor, publisher, clock):
    """And is not counted."""

    def counts() -> tuple[int, ...]:
        context = visitor.get("/").context
        timeline = visitor.get(reverse("timeline:event_list")).text
        return context["fact_count"], context["source_count"], timeline.count('class="count">')

    clock(NOW)
    addresses = asked_addresses()
    before, names = counts(), names_with_the_word(visitor, addresses)
    assert names >= EVERYWHERE, EVERYWHERE - names
    for way in (by_the_admin, by_update, by_save, by_the_clock):
        with transaction.atomic():
            for model in KINDS:
                way(model, publisher, clock)
            assert names_with_the_word(visitor, addresses) == set(), way
            assert all(now < then for now, then in zip(counts(), before, strict=True)), way
            transaction.set_rollback(True)
