"""The migrations make every table, trigger and function, and take back what they made."""

from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection

from access.migrations.operations.roles import ROLES
from access.models import LoginEvent
from exchange.models import Receipt
from tests.conftest import Person

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
OF_PACKAGES = ("auth_", "axes_", "django_", "otp_", "sqlite_")


def schema() -> set[str]:
    """Tables, indexes, triggers and functions, by kind and name."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA[connection.vendor])
        return {name for (name,) in cursor.fetchall()}


def something_of_everything() -> None:
    call_command("load_record", verbosity=0)
    ana = User.objects.create_superuser("ana", password="only for tests")
    Person(ana).verify()
    LoginEvent.objects.note(LoginEvent.Kind.ENTERED, ana)
    Receipt.objects.create(resource="eventos", file_name="hoja.csv", user=ana)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("label", OURS)
def test_an_app_that_holds_something_migrates_to_zero_and_back(label):
    before = schema()
    something_of_everything()
    try:
        call_command("migrate", label, "zero", verbosity=0)
        tables = {model._meta.db_table for model in apps.get_app_config(label).get_models()}
        assert not tables & set(connection.introspection.table_names())
    finally:
        call_command("migrate", verbosity=0)
    assert schema() == before
    call_command("rebuild_search", verbosity=0)
    call_command("rebuild_search", "--check", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_all_apps_at_zero_leave_no_table_trigger_or_function():
    before = schema()
    try:
        for label in OURS:
            call_command("migrate", label, "zero", verbosity=0)
        left = {name for name in schema() if not name.split()[1].startswith(OF_PACKAGES)}
    finally:
        call_command("migrate", verbosity=0)
    assert left == set()
    assert schema() == before
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
