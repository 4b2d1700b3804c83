"""The migrations make every table, trigger and function, and remove them when they are reversed."""

from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

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
FIRST = "0001_initial"
OF_PACKAGES = ("auth_", "axes_", "django_", "otp_", "sqlite_")


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
            assert any(model.objects.exists() for model in models), label
            call_command("migrate", label, "zero", verbosity=0)
            tables = {model._meta.db_table for model in models}
            assert not tables & set(connection.introspection.table_names()), label
        left = {name for name in schema() if not name.split()[1].startswith(OF_PACKAGES)}
    finally:
        call_command("migrate", verbosity=0)
    assert left == set()
    assert schema() == before
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
