"""Triggers that draw the stamp anew in the transaction of any change to what the pages show: by
saves, bulk writes, imports, undo, restores, and by SQL that somebody writes by hand."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections, models

from freshness.models import Stamp
from record.publishing import Record

PREFIX = "freshness_of_"
FUNCTION_NAME = "freshness_draw_anew"
DRAWN = "floor(random() * 9007199254740992)"
# Where all rows are held by others, there is one more.
FUNCTION = f"""
    CREATE OR REPLACE FUNCTION {FUNCTION_NAME}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        drawn bigint := {DRAWN};
        free bigint;
    BEGIN
        SELECT id INTO free FROM freshness_stamp ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            UPDATE freshness_stamp SET value = drawn WHERE id = free;
        ELSE
            INSERT INTO freshness_stamp (value) VALUES (drawn);
        END IF;
        RETURN NULL;
    END $$
"""  # noqa: S608, our own names
FIRST = """
    INSERT INTO freshness_stamp (value)
    SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM freshness_stamp)
"""
DRAW_ANEW = {
    "sqlite": "UPDATE freshness_stamp SET value = random()",
    "postgresql": f"UPDATE freshness_stamp SET value = {DRAWN}",  # noqa: S608, ours
}
FOUND = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


def tables() -> list[str]:
    """Of all that the public pages show: records, what they are related by, and what is found by
    searching."""
    shown = {*filter(lambda model: issubclass(model, Record), apps.get_models())}
    shown |= {model for record in shown for model in _relations(record)}
    shown |= {model for model in apps.get_models() if getattr(model, "shown_to_readers", False)}
    return sorted(model._meta.db_table for model in shown)


def _relations(record: type[models.Model]) -> Iterator[type[models.Model]]:
    return (field.remote_field.through for field in record._meta.many_to_many)


def _statements(vendor: str, table: str) -> dict[str, str]:
    """By the name of the trigger, how it is made."""
    if vendor == "sqlite":
        return {
            f"{PREFIX}{table}_{operation}": f"CREATE TRIGGER {PREFIX}{table}_{operation} "
            f"AFTER {operation} ON {table} BEGIN {DRAW_ANEW[vendor]}; END"
            for operation in ("insert", "update", "delete")
        }
    return {
        f"{PREFIX}{table}": f"CREATE TRIGGER {PREFIX}{table} "
        f"AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION_NAME}()"
    }


def keep(using: str, **told: Any) -> None:
    """All triggers there, and a first stamp; what was missing may have missed a change."""
    connection = connections[using]
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        if Stamp._meta.db_table not in there:
            return
        wanted = {
            name: statement
            for table in there.intersection(tables())
            for name, statement in _statements(connection.vendor, table).items()
        }
        missing = wanted.keys() - _found(connection.vendor, cursor)
        if missing and connection.vendor == "postgresql":
            cursor.execute(FUNCTION)
        for name in missing:
            cursor.execute(wanted[name])
        cursor.execute(FIRST)
        cursor.execute(DRAW_ANEW[connection.vendor])


def suspend(using: str, **told: Any) -> None:
    """No stamp, so that pages are made and none is stored, until `keep` has seen to the triggers;
    after a migration that failed, whatever it did to them, until one that does not."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if Stamp._meta.db_table in connection.introspection.table_names(cursor):
            cursor.execute("DELETE FROM freshness_stamp")


def remove(schema_editor: Any) -> None:
    """Before the table of stamps goes."""
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {FUNCTION_NAME} CASCADE")
            return
        for name in _found("sqlite", cursor):
            cursor.execute(f"DROP TRIGGER {name}")


def _found(vendor: str, cursor: Any) -> set[str]:
    cursor.execute(FOUND[vendor])
    return {name for (name,) in cursor.fetchall() if name.startswith(PREFIX)}
