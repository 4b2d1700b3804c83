"""Each address of the site × each role × GET and POST. The addresses come from the resolver, so a
new one fails until the table below says who may do what there.

The answers: `+` done or shown, `-` refused (403, or 404 for what must not be known to exist),
`>` sent to the login, `x` a method that the page does not know (405).
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.template.response import SimpleTemplateResponse
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from desk.models import PublicationReceipt, ReceivedText
from exchange.imports import RESOURCES
from exchange.models import Receipt
from tests import records
from tests.conftest import Person
from texts.files import pasted
from timeline.models import Event

pytestmark = pytest.mark.django_db
ROLES = ("visitor", "unverified", "keeper", "reader", "editor", "publisher", "admin")

STEP = ">------ >------"  # for a user who has given the password but not the code
INSIDE = ">>+++++ >>+++++"
NOBODYS = ">>----- >>-----"
READING = ">>+++++ >>xxxxx"
LOG = READING
VIEW = ">>-++++ >>-++++"
RECORD = {
    "changelist": VIEW,
    "add": ">>--+++ >>--+++",
    "change": ">>-++++ >>--+++",
    "delete": ">>---++ >>---++",
    "history": VIEW,
    "compare": ">>-++++ >>xxxxx",
    "version": ">>-++++ >>xxxxx",
    "trash": ">>-++++ >>xxxxx",
    "open": ">>-++++ >>xxxxx",
}
# Users who may not publish only read a public record.
PUBLIC_RECORD = RECORD | {"change": ">>-++++ >>---++"}
PUBLISHABLE = dict.fromkeys(("publish", "withdraw", "draft"), ">>---++ >>---++")
PUBLISHING = ">>-++++ >>---++"
ACCOUNTS = ">>+---+ >>+---+"
SUPERUSER = ">>----+ >>----+"
TABLE = {
    "admin:index": INSIDE,
    "admin:login": "+++++++ +++++++",
    "admin:logout": "++xxxxx +++++++",
    "admin:password_change": INSIDE,
    "admin:password_change_done": READING,
    "admin:autocomplete": ">>-++++ >>xxxxx",
    "admin:jsi18n": READING,
    "admin:view_on_site": INSIDE,
    "admin:app_list": VIEW,
    "admin:read_date": READING,
    "admin:read_quote": ">>-++++ >>xxxxx",
    "admin:read_paste": ">>xxxxx >>+++++",
    "admin:log": LOG,
    "account_login": "+++++++ +++++++",
    "account_change_password": INSIDE,
    "account_late_post_download": "xxxxxxx +++++++",
    "account_send_again": ">>----- >>xxxxx",
    "account_session_end": ">>+++++ >>xxxxx",
    "account_reauthenticate": INSIDE,
    "mfa_authenticate": STEP,
    "mfa_login_webauthn": STEP,
    "mfa_index": READING,
    "mfa_reauthenticate": INSIDE,
    "mfa_reauthenticate_webauthn": INSIDE,
    "mfa_activate_totp": INSIDE,
    "mfa_deactivate_totp": INSIDE,
    "mfa_view_recovery_codes": ">>----- >>xxxxx",  # there are none
    "mfa_generate_recovery_codes": INSIDE,
    "mfa_add_webauthn": INSIDE,
    "mfa_list_webauthn": INSIDE,
    "mfa_edit_webauthn": NOBODYS,
    "mfa_remove_webauthn": NOBODYS,
    "usersessions_list": INSIDE,
    "admin:auth_user_changelist": ACCOUNTS,
    "admin:auth_user_add": ACCOUNTS,
    "admin:auth_user_change": ACCOUNTS,
    "admin:auth_user_delete": ">>----- >>-----",
    "admin:auth_user_history": ACCOUNTS,
    "admin:auth_user_password_change": ACCOUNTS,
    "admin:auth_user_phone": ACCOUNTS,
    "admin:auth_group_changelist": ACCOUNTS,
    "admin:auth_group_add": SUPERUSER,
    "admin:auth_group_change": ">>+---+ >>----+",
    "admin:auth_group_delete": SUPERUSER,
    "admin:auth_group_history": ACCOUNTS,
    "admin:sources_source_desk": ">>-++++ >>--+++",
    # Users who may not publish see whom to ask.
    "admin:sources_source_publish_all": PUBLISHING,
    "admin:sources_source_receipt": PUBLISHING,
    "admin:sources_source_received": ">>----+ >>----+",  # its own is the admin's
    "admin:exchange_receipt_changelist": VIEW,
    "admin:exchange_receipt_add": ">>----- >>-----",
    "admin:exchange_receipt_change": VIEW,
    "admin:exchange_receipt_delete": ">>----- >>-----",
    "admin:exchange_receipt_history": VIEW,
    "admin:exchange_import": ">>--+++ >>--+++",
    "admin:exchange_export": ">>--+++ >>--+++",
    "admin:exchange_preview": ">>----+ >>----+",  # its own is the admin's
    "admin:exchange_reread": ">>----+ >>----+",
    "admin:exchange_marked": ">>----+ >>----+",
    "admin:exchange_confirm": ">>----+ >>----+",
    "admin:exchange_undo": ">>---++ >>---++",
    **{
        f"admin:{label}_{page}": answers
        for label in (
            "sources_source", "sources_citation", "organizations_organization",
            "organizations_membership", "organizations_representationterm", "timeline_event",
            "timeline_statement", "timeline_eventcategory", "timeline_statementkind",
            "timeline_synonym",
        )
        for page, answers in PUBLIC_RECORD.items()
    },
    **{
        f"admin:{label}_{page}": answers
        for label in (
            "sources_source", "organizations_organization", "organizations_membership",
            "organizations_representationterm", "timeline_event", "timeline_statement",
        )
        for page, answers in PUBLISHABLE.items()
    },
}  # fmt: skip


def named(patterns: list, namespace: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from named(pattern.url_patterns, inner)
        elif pattern.name:
            yield f"{namespace}{pattern.name}", pattern


ADDRESSES = dict(named(get_resolver().url_patterns))


@pytest.fixture
def people(production, visitor, keeper, reader, editor, publisher, admin) -> dict[str, Person]:
    for person in (keeper, reader, editor, publisher, admin):
        person.verify()
    unverified = Person(publisher.user)
    people = (visitor, unverified, keeper, reader, editor, publisher, admin)
    return dict(zip(ROLES, people, strict=True))


@pytest.fixture
def world(people, reader) -> dict[str, Any]:
    """A record for every address."""
    organization, event = records.organization(slug="una"), records.event(slug="uno")
    source = records.source(slug="fuente")
    receipt = {"resource": "eventos", "file_name": "hoja.csv", "made_at": timezone.now()}
    ReceivedText.objects.create(pk=source.pk, user=people["admin"].user, document=pasted("Algo."))
    PublicationReceipt.objects.create(pk=source.pk, source=source)
    return {
        "sources_source": source,
        "sources_citation": records.citation(event, source=source),
        "organizations_organization": organization,
        "organizations_membership": records.membership(organization=organization),
        "organizations_representationterm": records.term(organization=organization),
        "timeline_event": event,
        "timeline_eventcategory": event.category,
        "timeline_statementkind": records.kind(),
        "timeline_synonym": records.synonym("vocero", "representante"),
        "timeline_statement": records.statement(slug="dicho"),
        "auth_user": reader.user,
        "auth_group": Group.objects.get(name="Lectura"),
        "exchange_receipt": Receipt.objects.create(user=people["admin"].user, **receipt),
    }


SLUGS = {"organizations:organization_detail": "una", "timeline:event_detail": "uno",
         "timeline:statement_detail": "dicho", "sources:source_detail": "fuente"}  # fmt: skip


def address(name: str, pattern: URLPattern, world: dict[str, Any]) -> str:
    """The pattern with its arguments; empty for a public address that its own tests prove."""
    wanted = pattern.pattern.converters
    if name == "admin:app_list":
        return reverse(name, kwargs={"app_label": "timeline"})
    if name == "admin:view_on_site":
        kind = ContentType.objects.get_for_model(Event)
        return reverse(name, args=[kind.pk, world["timeline_event"].pk])
    if name == "admin:autocomplete":
        query = "app_label=timeline&model_name=eventorganization&field_name=organization&term=a"
        return f"{reverse(name)}?{query}"
    if not name.startswith(OF_STAFF):
        arguments = {"slug": SLUGS.get(name, "uno")}
        return reverse(name, kwargs=arguments) if set(wanted) == set(arguments) else ""
    model = next((each for each in world if name.startswith(f"admin:{each}_")), "exchange_receipt")
    record = world[model]
    arguments = dict.fromkeys(("object_id", "id", "pk", "key"), record.pk)
    arguments |= {"name": "eventos", "format_name": "csv", "url": "nada"}
    if hasattr(record, "history"):
        arguments |= {"version": record.history.earliest().pk, "slug": record.slug}
    return reverse(name, kwargs={key: arguments[key] for key in wanted})


def public_addresses(name: str, slugs: list[str]) -> list[str]:
    """The pattern with each of the slugs, or with every table and format, in its holes."""
    wanted = set(ADDRESSES[name].pattern.converters)
    if not wanted:
        return [reverse(name)]
    addresses = []
    for hole in ("2017", *slugs, *RESOURCES):
        for format_name in ("csv", "xlsx", "json"):
            try:
                holes = dict.fromkeys(wanted, hole) | (
                    {"format_name": format_name} if "format_name" in wanted else {}
                )
                addresses.append(reverse(name, kwargs=holes))
            except NoReverseMatch:
                continue
    return list(dict.fromkeys(addresses))


def answer(person: Person, method: str, url: str) -> str:
    response = getattr(person, method)(url)
    status, there = response.status_code, response.headers.get("Location", "")
    if there.startswith("/admin/login/") or "Lo que escribió sigue aquí" in response.text:
        return ">"
    if (
        there == "/admin/" and "/log" not in url
    ):  # «no existe»: the user may not know that the record exists
        return "-"
    if status == 405:
        return "x"
    if status in (403, 404):
        return "-"
    assert status < 500, (method, url, status)
    return "+"


OF_STAFF = ("admin:", "account_", "mfa_", "usersessions_")
ADMIN = sorted(name for name in ADDRESSES if name.startswith(OF_STAFF))
READERS = sorted(set(ADDRESSES) - set(ADMIN))


def test_the_table_knows_every_address_of_the_admin():
    assert sorted(TABLE) == ADMIN


def undone(person: Person, method: str, url: str) -> str:
    """The answer, with its effects rolled back, so that each request meets the same world."""
    cookies = deepcopy(person.cookies)
    with transaction.atomic():
        mark = answer(person, method, url)
        transaction.set_rollback(True)
    person.cookies = cookies
    return mark


@pytest.mark.once
@pytest.mark.parametrize("method", ["get", "post"])
def test_each_role_gets_at_each_address_of_the_admin_what_the_table_says(
    method, people, world, monkeypatch
):
    """Permissions are decided before a page is rendered, so Django's pages stay unrendered."""
    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")
    wrong = {}
    for name in ADMIN:
        url = address(name, ADDRESSES[name], world)
        marks = "".join(undone(people[role], method, url) for role in ROLES)
        expected = TABLE[name].split()[method == "post"]
        if marks != expected:
            wrong[name] = f"{marks}, not {expected}"
    assert wrong == {}


@pytest.mark.once
def test_everybody_gets_the_public_pages_and_nobody_posts_to_them(people, world):
    for name in READERS:
        if url := address(name, ADDRESSES[name], world):
            for role in ROLES:
                assert answer(people[role], "post", url) == "x", (role, url)
                assert people[role].get(url).status_code in (200, 404), (role, url)
