"""The migrations make every table, trigger and function, and remove them when they are reversed."""

from base64 import b32encode
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.loader import MigrationLoader
from django.db.models import QuerySet

from access.migrations.operations import devices
from access.migrations.operations.roles import ROLES
from access.models import LoginEvent
from desk.models import ReceivedText
from exchange.models import Receipt
from organizations.models import Membership, RepresentationTerm
from sources.models import Source
from tests import records
from tests.conftest import Person
from tests.login import CODE, code_of, code_with, try_password
from timeline.models import Event

OURS = [
    app.label
    for app in apps.get_app_configs()
    if Path(app.path).parent == settings.BASE_DIR and any(app.get_models())
]
SCHEMA = {
    "sqlite": "SELECT type || ' ' || name FROM sqlite_master",
    "postgresql": """
        SELECT relkind::text || ' ' || relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
        UNION SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
        UNION SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """,
}
FIRST = "0001_initial"
OF_PACKAGES = ("account_", "auth_", "django_", "mfa_", "sqlite_", "unique_", "usersessions_")


def schema() -> set[str]:
    """Tables, indexes, triggers and functions, by kind and name."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA[connection.vendor])
        return {name for (name,) in cursor.fetchall()}


def fill() -> None:
    call_command("load_record", verbosity=0)
    ana = User.objects.create_superuser("ana", password="only for tests")
    Person(ana).verify()
    LoginEvent.objects.note(LoginEvent.Kind.ENTERED, ana)
    Receipt.objects.create(resource="eventos", file_name="hoja.csv", user=ana)
    ReceivedText.objects.create(content=b"Un texto.", user=ana)


@pytest.mark.django_db(transaction=True)
def test_every_app_that_holds_rows_migrates_to_zero_and_all_of_them_back():
    """An app goes before the apps that it refers to, so that its rows are still there."""
    before, graph = schema(), MigrationLoader(None).graph
    fill()
    try:
        call_command("migrate", "search", "zero", verbosity=0)
        call_command("migrate", verbosity=0)
        call_command("rebuild_search", verbosity=0)
        call_command("rebuild_search", "--check", verbosity=0)
        assert schema() == before
        for label in sorted(OURS, key=lambda label: len(graph.backwards_plan((label, FIRST)))):
            models = [*apps.get_app_config(label).get_models()]
            there = set(connection.introspection.table_names())  # all but those of later migrations
            assert any(m.objects.exists() for m in models if m._meta.db_table in there), label
            call_command("migrate", label, "zero", verbosity=0)
            tables = {model._meta.db_table for model in models}
            assert not tables & set(connection.introspection.table_names()), label
        left = {name for name in schema() if not name.split()[1].startswith(OF_PACKAGES)}
    finally:
        call_command("migrate", verbosity=0)
    assert left == set()
    assert schema() == before
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)


# Second factors of version 1.0, whose packages are gone

FORMER = """
    CREATE TABLE otp_totp_totpdevice (id integer PRIMARY KEY, user_id integer, confirmed boolean,
        key varchar(80));
    CREATE TABLE otp_static_staticdevice (id integer PRIMARY KEY, user_id integer,
        confirmed boolean);
    CREATE TABLE otp_static_statictoken (id integer PRIMARY KEY, device_id integer,
        token varchar(16));
    CREATE TABLE axes_accessattempt (id integer PRIMARY KEY);
    INSERT INTO otp_totp_totpdevice VALUES (1, {user}, true, '{key}'), (2, {user}, false, 'ffff');
    INSERT INTO otp_static_staticdevice VALUES (1, {other}, true), (3, {user}, true);
    INSERT INTO otp_static_statictoken VALUES (1, 3, '{digest}'), (2, 3, 'X'), (3, 1, 'Y')
"""
DIGEST = "EV73YD57PJJJTHII"  # of abcd-2345 with the device 3, the key «tests» and a cost of 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("production", "several_sessions")
def test_phones_and_recovery_codes_of_version_1_stay_valid_and_are_encrypted(ana, keeper, settings):
    settings.SECRET_KEY = "tests"
    words = {"user": ana.pk, "other": keeper.user.pk, "key": "00ff" * 10, "digest": DIGEST}
    with connection.schema_editor() as editor:
        for statement in FORMER.format(**words).split(";"):
            editor.execute(statement)
    with connection.schema_editor() as editor:
        devices.move(apps, editor)
        devices.move(apps, editor)  # a database without the tables
    assert not [t for t in connection.introspection.table_names() if t.startswith(("otp", "axes"))]
    phone = Authenticator.objects.get(type="totp")
    assert "00ff" not in str(phone.data)
    for code, status in ((code_of(phone), 302), ("ABCD 2345", 302), ("abcd-2345", 200)):
        person = Person()
        try_password(person=person)
        assert person.post(CODE, {"code": code}).status_code == status, code
    assert code_of(phone) == code_with(b32encode(bytes.fromhex("00ff" * 10)).decode())
    assert not Authenticator.objects.filter(user=keeper.user).exists()


@pytest.mark.django_db(transaction=True)
def test_slugs_with_capitals_lose_them_and_their_old_addresses_lead_to_the_new_ones(client):
    call_command("load_record", verbosity=0)
    taken, other = Event.objects.exclude(organizations=None).distinct()[:2]
    source, member = Source.objects.first(), Membership.objects.first()
    words = [*Event.objects.values_list("pk", "category__slug").order_by("pk")]
    try:
        for label in ("timeline", "organizations", "sources"):
            call_command("migrate", label, FIRST, verbosity=0)
        capitals = (taken, "firma"), (other, "FIRMA"), (source, "Fuente"), (member, "Una")
        for record, slug in capitals:  # the tables lack columns of the present models
            QuerySet(type(record)).filter(pk=record.pk).update(slug=slug)
        with connection.cursor() as cursor:
            for table, column in (("organization", "event_id"), ("", "id")):
                name = f"timeline_historicalevent{table}"
                cursor.execute(f"DELETE FROM {name} WHERE {column} = %s", [other.pk])  # noqa: S608
    finally:
        call_command("migrate", verbosity=0)
    other.refresh_from_db()
    assert [*Event.objects.values_list("pk", "category__slug").order_by("pk")] == words
    assert (other.slug, Event.objects.get(pk=taken.pk).slug) == ("firma-2", "firma")
    assert Source.objects.filter(slug="fuente").exists()
    assert Membership.objects.filter(slug="una").exists()
    versions = [*other.history.order_by("history_id")]
    assert [version.slug for version in versions] == ["FIRMA", "firma-2"]
    organizations = set(other.organizations.values_list("pk", flat=True))
    assert (
        {row.organization_id for row in versions[1].organizations.all()} == organizations != set()
    )
    answer = client.get("/linea-de-tiempo/FIRMA/")
    assert (answer.status_code, answer["Location"]) == (301, "/linea-de-tiempo/firma-2/")
    with pytest.raises(IntegrityError):
        Event.objects.filter(pk=taken.pk).update(slug="Firma")


@pytest.mark.django_db(transaction=True)
def test_replaced_organizations_and_those_of_versions_become_lists_and_columns_again():
    call_command("load_record", verbosity=0)
    membership = Membership.objects.get(slug="socialtic")
    replaced = [*membership.replaces.values_list("pk", flat=True)]
    others = Membership.objects.exclude(organization__in=[membership.organization_id, *replaced])
    membership.replaces.add(others.order_by("pk").last().organization)  # after the first, and lost
    try:
        call_command("migrate", "organizations", "0002", verbosity=0)
        with connection.cursor() as cursor:
            for table in ("membership", "historicalmembership"):
                cursor.execute(f"SELECT replaces_id FROM organizations_{table} WHERE slug=%s",  # noqa: S608
                               [membership.slug])  # fmt: skip
                assert {key for (key,) in cursor.fetchall()} == set(replaced)
    finally:
        call_command("migrate", verbosity=0)
    assert [*membership.replaces.values_list("pk", flat=True)] == replaced
    versions = membership.history.order_by("history_id")
    assert [[row.replaced_id for row in v.replaces.all()] for v in versions] == [replaced] * 2


@pytest.mark.django_db(transaction=True)
def test_memberships_and_terms_take_the_moment_of_their_organization_and_hide_nothing():
    states = ({"publish_at": records.LONG_AGO}, *records.HIDDEN)
    owners = [records.organization(**state) for state in states]
    kept = {"publish_at": records.LONG_AGO}
    for owner in owners:
        records.membership(organization=owner, **kept)
        records.term(organization=owner, **kept)
    renamed = records.membership(organization=owners[1], slug="antes", **kept)
    renamed.save()
    owners[1].publish_at = records.YESTERDAY
    owners[1].save()
    renamed.slug = "ahora"
    renamed.save()
    renamed.delete()
    held = records.term(organization=owners[0], publish_at=None, slug="reservado")
    models = (Membership, RepresentationTerm)
    visible = [{*m.objects.visible_to(None).values_list("pk", flat=True)} for m in models]
    with pytest.raises(IrreversibleError, match="reservado"):
        call_command("migrate", "organizations", "0003", verbosity=0)
    held.delete()
    try:
        call_command("migrate", "organizations", "0003", verbosity=0)
    finally:
        call_command("migrate", verbosity=0)
    assert [{*m.objects.visible_to(None).values_list("pk", flat=True)} for m in models] == visible
    moments = [owner.publish_at for owner in owners]
    for model in models:
        records_now = model.objects.order_by("organization")
        assert [*records_now.values_list("publish_at", flat=True)] == moments
        assert [record.history.get().publish_at for record in records_now] == moments
    versions = Membership.history.filter(slug__in=["antes", "ahora"]).order_by("history_id")
    since = records.YESTERDAY
    moments = [*versions.values_list("slug", "publish_at")]
    assert moments == [("antes", None), ("antes", since), ("ahora", since), ("ahora", since)]
