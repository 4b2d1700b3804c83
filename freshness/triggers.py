"""Database triggers that redraw the stamp in the transaction of any change to what pages show: by
saves, bulk writes, imports, undo, restores, and SQL written by hand."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections

from freshness.models import Stamp
from record.publishing import Record

PREFIX = "freshness_of_"
FUNCTION_NAME = "freshness_draw_anew"
RANDOM = "floor(random() * 9007199254740992)"
# A writer that finds all rows locked by others adds one.
FUNCTION = f"""
    CREATE OR REPLACE FUNCTION {FUNCTION_NAME}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        drawn bigint := {RANDOM};
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
"""  # noqa: S608, constants of this module
DRAW_ANEW = {
    "sqlite": "UPDATE freshness_stamp SET value = random()",
    "postgresql": f"UPDATE freshness_stamp SET value = {RANDOM}",  # noqa: S608, a constant
}
FOUND = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


def tables() -> list[str]:
    """The tables that public pages show: records, their relations, and the index of words."""
    shown = {model for model in apps.get_models() if issubclass(model, Record)}
    shown |= {field.remote_field.through for one in shown for field in one._meta.many_to_many}
    shown |= {model for model in apps.get_models() if getattr(model, "shown_to_readers", False)}
    return sorted(model._meta.db_table for model in shown)


def _triggers(vendor: str, table: str) -> Iterator[tuple[str, str]]:
    """The names of a table's triggers, each with the statement that creates it."""
    name = f"{PREFIX}{table}"
    if vendor == "sqlite":
        for operation in ("insert", "update", "delete"):
            created = f"CREATE TRIGGER {name}_{operation} AFTER {operation} ON {table} "
            yield f"{name}_{operation}", f"{created}BEGIN {DRAW_ANEW[vendor]}; END"
    else:
        changes = f"AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
        yield name, f"CREATE TRIGGER {name} {changes} EXECUTE FUNCTION {FUNCTION_NAME}()"


def keep(using: str, **kwargs: Any) -> None:
    """Creates missing triggers and the first stamp. Redraws it: a missing trigger may have missed
    a change."""
    connection = connections[using]
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        if Stamp._meta.db_table not in existing:
            return
        if connection.vendor == "postgresql":
            cursor.execute(FUNCTION)
        there = _found(connection.vendor, cursor)
        for table in existing.intersection(tables()):
            for name, statement in _triggers(connection.vendor, table):
                if name not in there:
                    cursor.execute(statement)
        if not Stamp.objects.using(using).exists():
            Stamp.objects.using(using).create(value=0)
        cursor.execute(DRAW_ANEW[connection.vendor])


def suspend(using: str, **kwargs: Any) -> None:
    """Removes the stamp, so that pages are made and not stored until `keep` has run, also after a
    migration that failed."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if Stamp._meta.db_table in connection.introspection.table_names(cursor):
            Stamp.objects.using(using).all().delete()


def remove(_apps: Any, schema_editor: Any) -> None:
    """Drops the triggers before the migration drops the table of stamps."""
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {FUNCTION_NAME} CASCADE")
            return
        for name in _found("sqlite", cursor):
            cursor.execute(f"DROP TRIGGER {name}")


def _found(vendor: str, cursor: Any) -> set[str]:
    cursor.execute(FOUND[vendor])
    return {name for (name,) in cursor.fetchall() if name.startswith(PREFIX)}
