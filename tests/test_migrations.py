"""Migrations on a database that holds something keep every row of it, and can be undone."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from access.models import LoginEvent
from exchange.models import Receipt
from tests.conftest import Person
from timeline.models import Event

OURS = [app.label for app in apps.get_app_configs() if Path(app.path).parent == settings.BASE_DIR]
Rows = dict[str, list[dict[str, Any]]]


def migrations_of(label: str) -> list[tuple[str, str]]:
    nodes = MigrationExecutor(connection).loader.graph.nodes
    return sorted(node for node in nodes if node[0] == label)


def migrate(targets: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(targets)


def everything() -> Rows:
    """Every row of every table, but for the list of migrations itself."""
    names = connection.introspection.table_names()
    found = {}
    with connection.cursor() as cursor:
        for name in set(names) - {"django_migrations"}:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(name)}")  # noqa: S608
            columns = [column[0] for column in cursor.description]
            found[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return found


def lost(before: Rows, after: Rows) -> list[tuple[str, dict[str, Any]]]:
    """The rows that are not there any more as they were; columns may have come."""
    gone = []
    for name, rows in before.items():
        columns = list(rows[0]) if rows else []
        there = {repr([row.get(c) for c in columns]) for row in after.get(name, [])}
        gone += [(name, row) for row in rows if repr(list(row.values())) not in there]
    return gone


def something_of_everything() -> None:
    call_command("load_record", verbosity=0)
    for one in Event.objects.all()[:5]:
        one.summary = f"{one.summary} Corregido."
        one.save()
    ana = User.objects.create_superuser("ana", password="only for tests")
    Person(ana).verify()
    LoginEvent.objects.note(LoginEvent.Kind.ENTERED, ana)
    Receipt.objects.create(resource="eventos", file_name="hoja.csv", user=ana)


@pytest.mark.django_db(transaction=True)
def test_each_migration_keeps_every_row_of_a_database_that_holds_something():
    something_of_everything()
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    try:
        migrate([migrations_of(label)[0] for label in OURS if len(migrations_of(label)) > 1])
        before = everything()
        assert sum(map(bool, before.values())) > 25
        migrate(newest)
        after = everything()
    finally:
        migrate(newest)
    assert lost(before, after) == []
    call_command("rebuild_search", "--check", verbosity=0)


@pytest.mark.django_db
def test_every_migration_of_ours_can_be_undone():
    nodes = MigrationExecutor(connection).loader.graph.nodes
    ours = [migration for (label, _name), migration in nodes.items() if label in OURS]
    assert [m for m in ours for operation in m.operations if not operation.reversible] == []
