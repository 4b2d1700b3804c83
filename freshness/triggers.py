"""Database triggers that replace the stamp in the transaction of each change to the record: by
saves, bulk writes, imports, undo, restores, and raw SQL."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections

from freshness.models import Stamp
from record.publishing import Record

PREFIX = "freshness_of_"
FUNCTION_NAME = "freshness_replace"
RANDOM = "floor(random() * 9007199254740992)"
# A writer adds a row if all rows are locked.
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
"""  # noqa: S608, made of constants of this module, without input of users
REPLACE = {
    "sqlite": "UPDATE freshness_stamp SET value = random()",
    "postgresql": f"UPDATE freshness_stamp SET value = {RANDOM}",  # noqa: S608, a constant
}
EXISTING = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
}


def tables() -> list[str]:
    """The tables behind public pages: records, their relations, and the index of words."""
    public: set[Any] = {model for model in apps.get_models() if issubclass(model, Record)}
    public |= {field.remote_field.through for m in public for field in m._meta.many_to_many}
    public |= {model for model in apps.get_models() if getattr(model, "shown_to_readers", False)}
    return sorted(model._meta.db_table for model in public)


def _triggers(vendor: str, table: str) -> Iterator[tuple[str, str]]:
    """The names of the triggers of a table, with the statements that create them."""
    name = f"{PREFIX}{table}"
    if vendor == "sqlite":
        for operation in ("insert", "update", "delete"):
            created = f"CREATE TRIGGER {name}_{operation} AFTER {operation} ON {table} "
            yield f"{name}_{operation}", f"{created}BEGIN {REPLACE[vendor]}; END"
    else:
        changes = f"AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT"
        yield name, f"CREATE TRIGGER {name} {changes} EXECUTE FUNCTION {FUNCTION_NAME}()"


def keep(using: str, **kwargs: Any) -> None:
    """Creates missing triggers and the first stamp. Replaces the stamp, since there may have been a
    change while a trigger was missing."""
    connection = connections[using]
    with connection.cursor() as cursor:
        existing = set(connection.introspection.table_names(cursor))
        if Stamp._meta.db_table not in existing:
            return
        if connection.vendor == "postgresql":
            cursor.execute(FUNCTION)
        present = _existing(connection.vendor, cursor)
        for table in existing.intersection(tables()):
            for name, statement in _triggers(connection.vendor, table):
                if name not in present:
                    cursor.execute(statement)
        if not Stamp.objects.using(using).exists():
            Stamp.objects.using(using).create(value=0)
        cursor.execute(REPLACE[connection.vendor])


def suspend(using: str, **kwargs: Any) -> None:
    """Removes the stamp, so that no page is stored until `keep` has run, even if a migration
    fails."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if Stamp._meta.db_table in connection.introspection.table_names(cursor):
            Stamp.objects.using(using).all().delete()


def remove(_apps: Any, schema_editor: Any) -> None:
    """Drops the triggers, for a migration that drops the table of stamps."""
    with schema_editor.connection.cursor() as cursor:
        if schema_editor.connection.vendor == "postgresql":
            cursor.execute(f"DROP FUNCTION IF EXISTS {FUNCTION_NAME} CASCADE")
            return
        for name in _existing("sqlite", cursor):
            cursor.execute(f"DROP TRIGGER {name}")


def _existing(vendor: str, cursor: Any) -> set[str]:
    cursor.execute(EXISTING[vendor])
    return {name for (name,) in cursor.fetchall() if name.startswith(PREFIX)}
