"""Every address of the site × every role × GET and POST, from the resolver itself: an address that
the table below does not know fails, so whoever adds one says who may do what there.

The answers: `+` done or shown, `-` refused (403, or 404 for what must not be known to be there),
`>` sent to the login, `x` a method that the page does not know (405).
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from exchange.imports import RESOURCES
from exchange.models import Receipt
from tests import records
from tests.conftest import Person

pytestmark = pytest.mark.django_db
ROLES = ("visitor", "unverified", "keeper", "reader", "editor", "publisher", "admin")

STEP = ">>>>>>> >>>>>>>"  # for who has shown a password and is not in yet
INSIDE = ">>+++++ >>+++++"
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
}
# Of a record that is public, who may not publish only reads it.
PUBLIC_RECORD = RECORD | {"change": ">>-++++ >>---++"}
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
    "admin:account": INSIDE,
    "admin:log": LOG,
    "admin:new_password": STEP,
    "admin:code": STEP,
    "admin:recovery": STEP,
    "admin:enrol": ">>+++++ >>+++++",
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
    "admin:exchange_receipt_changelist": VIEW,
    "admin:exchange_receipt_add": ">>----- >>-----",
    "admin:exchange_receipt_change": VIEW,
    "admin:exchange_receipt_delete": ">>----- >>-----",
    "admin:exchange_receipt_history": VIEW,
    "admin:exchange_import": ">>--+++ >>--+++",
    "admin:exchange_export": ">>--+++ >>--+++",
    "admin:exchange_preview": ">>----+ >>----+",  # its own is the admin's
    "admin:exchange_reread": ">>----+ >>----+",
    "admin:exchange_faulty": ">>----+ >>----+",
    "admin:exchange_confirm": ">>----+ >>----+",
    "admin:exchange_undo": ">>---++ >>---++",
    **{
        f"admin:{label}_{page}": answers
        for label in (
            "sources_source", "sources_citation", "organizations_organization",
            "organizations_membership", "organizations_representationterm", "timeline_event",
            "timeline_statement",
        )
        for page, answers in PUBLIC_RECORD.items()
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
    unverified = Person(publisher.user)
    for person in (visitor, keeper, reader, editor, publisher, admin, unverified):
        person.defaults["HTTP_X_FORWARDED_PROTO"] = "https"
        if person.user and person is not unverified:
            person.verify()
    return {"visitor": visitor, "unverified": unverified, "keeper": keeper, "reader": reader,
            "editor": editor, "publisher": publisher, "admin": admin}  # fmt: skip


@pytest.fixture
def world(people, reader) -> dict[str, Any]:
    """Something at every address."""
    source = records.source(slug="fuente")
    organization = records.organization(slug="una")
    event = records.event(slug="uno")
    statement = records.statement(slug="dicho")
    membership = records.membership(organization=organization)
    term = records.term(organization=organization)
    citation = records.citation(event, source=source)
    found = {
        "sources_source": source, "organizations_organization": organization,
        "timeline_event": event, "timeline_statement": statement,
        "organizations_membership": membership, "organizations_representationterm": term,
        "sources_citation": citation, "auth_user": reader.user,
        "auth_group": Group.objects.get(name="Lectura"),
        "exchange_receipt": Receipt.objects.create(
            resource="eventos", file_name="hoja.csv", user=people["admin"].user,
            made_at=timezone.now(),
        ),
    }  # fmt: skip
    return found


SLUGS = {"organizations:organization_detail": "una", "timeline:event_detail": "uno",
         "timeline:statement_detail": "dicho", "sources:source_detail": "fuente"}  # fmt: skip


def address(name: str, pattern: URLPattern, world: dict[str, Any]) -> str:
    """The pattern with what it wants filled in."""
    model = name.removeprefix("admin:").rpartition("_")[0]
    record = world.get(model) or world["exchange_receipt"]
    if name.startswith("admin:auth_user"):
        record = world["auth_user"]
    of_admin = {
        "object_id": record.pk, "id": record.pk, "pk": record.pk, "app_label": "timeline",
        "content_type_id": 1, "name": "eventos", "format_name": "csv", "url": "nada",
    }  # fmt: skip
    if hasattr(record, "history"):
        of_admin["version"] = record.history.earliest().pk
    arguments = of_admin if name.startswith("admin:") else {"slug": SLUGS.get(name, "uno")}
    wanted = pattern.pattern.converters
    if name == "admin:app_list":
        return reverse(name, kwargs={"app_label": "timeline"})
    if name == "admin:view_on_site":
        event = world["timeline_event"]
        kind = ContentType.objects.get_for_model(event)
        return reverse(name, args=[kind.pk, event.pk])
    if name == "admin:autocomplete":
        asks = "app_label=timeline&model_name=eventorganization&field_name=organization&term=a"
        return f"{reverse(name)}?{asks}"
    if not set(wanted) <= set(arguments):
        assert not name.startswith("admin:"), name
        return ""  # a public address that its own tests look after
    return reverse(name, kwargs={key: arguments[key] for key in wanted})


def public_addresses(name: str, slugs: list[str]) -> list[str]:
    """The pattern with each of the slugs, or with every table and format, in its holes."""
    wanted = set(ADDRESSES[name].pattern.converters)
    if not wanted:
        return [reverse(name)]
    found = []
    for hole in ("2017", *slugs, *RESOURCES):
        for format_name in ("csv", "xlsx", "json"):
            try:
                holes = dict.fromkeys(wanted, hole) | (
                    {"format_name": format_name} if "format_name" in wanted else {}
                )
                found.append(reverse(name, kwargs=holes))
            except NoReverseMatch:
                continue
    return list(dict.fromkeys(found))


def answer(person: Person, method: str, url: str) -> str:
    response = getattr(person, method)(url)
    status, there = response.status_code, response.headers.get("Location", "")
    if there.startswith("/admin/login/"):
        return ">"
    if there == "/admin/" and "/log" not in url:  # «no existe»: what may not be known to be there
        return "-"
    if status == 405:
        return "x"
    if status in (403, 404):
        return "-"
    assert status < 500, (method, url, status)
    return "+"


ADMIN = sorted(name for name in ADDRESSES if name.startswith("admin:"))
READERS = sorted(set(ADDRESSES) - set(ADMIN))


def test_the_table_knows_every_address_of_the_admin():
    assert sorted(TABLE) == ADMIN


def asked(person: Person, method: str, url: str) -> str:
    """And what it did undone, so that each is asked of the same world."""
    cookies = deepcopy(person.cookies)
    with transaction.atomic():
        got = answer(person, method, url)
        transaction.set_rollback(True)
    person.cookies = cookies
    return got


@pytest.mark.parametrize("method", ["get", "post"])
def test_each_role_gets_at_each_address_of_the_admin_what_the_table_says(method, people, world):
    wrong = {}
    for name in ADMIN:
        url = address(name, ADDRESSES[name], world)
        got = "".join(asked(people[role], method, url) for role in ROLES)
        said = TABLE[name].split()[method == "post"]
        if got != said:
            wrong[name] = f"{got}, not {said}"
    assert wrong == {}


def test_everybody_gets_the_public_pages_and_nobody_posts_to_them(people, world):
    for name in READERS:
        if url := address(name, ADDRESSES[name], world):
            for role in ROLES:
                assert answer(people[role], "post", url) == "x", (role, url)
                assert people[role].get(url).status_code in (200, 404), (role, url)


def test_no_address_of_the_admin_opens_without_the_second_factor(people, world):
    """Over every pattern, named or not, by whichever method."""
    person = people["unverified"]
    for name in ADMIN:
        url = address(name, ADDRESSES[name], world)
        for method in ("get", "head", "post"):
            response = getattr(person, method)(url)
            if name in ("admin:login", "admin:logout"):  # the ways in and out
                continue
            assert response.status_code in (302, 405), (name, method)
            assert response.headers.get("Location", "/admin/login/").startswith("/admin/login/")
