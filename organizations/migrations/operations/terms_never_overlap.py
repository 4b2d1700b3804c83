"""No two terms of one role that certainly overlap or have the same order, unless they are joint:
alike in order, start and end. Also when both are saved at the same moment.

A constraint can't compare rows, and checking before inserting lets simultaneous savers through.
So a trigger does it, holding a lock on PostgreSQL until the transaction ends; SQLite has one
writer at a time. On SQLite a later migration that rebuilds this table drops its triggers and must
run `install` again: `test_overlapping_terms_are_refused_by_the_database` would tell.
"""

from typing import Any


OVERLAP = """
    SELECT 1 FROM organizations_representationterm AS other
    WHERE other.id <> NEW.id AND other.role = NEW.role
      AND NOT (other.start = NEW.start AND other."end" = NEW."end"
               AND COALESCE(other."order", 0) = COALESCE(NEW."order", 0))
      AND (other."order" = NEW."order"
           OR NEW.start_latest < other.end_earliest AND other.start_latest < NEW.end_earliest)
"""
MESSAGE = "terms of one role overlap"
TABLE = "organizations_representationterm"

SQLITE = [
    f"""
    CREATE TRIGGER terms_never_overlap_{operation} AFTER {operation} ON {TABLE}
    WHEN EXISTS ({OVERLAP}) BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """
    for operation in ("INSERT", "UPDATE")
]
POSTGRESQL = [
    f"""
    CREATE FUNCTION terms_never_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock('{TABLE}'::regclass::oid::bigint);
        IF EXISTS ({OVERLAP}) THEN
            RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'exclusion_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE TRIGGER terms_never_overlap AFTER INSERT OR UPDATE ON {TABLE}
    FOR EACH ROW EXECUTE FUNCTION terms_never_overlap()
    """,
]
REMOVE = {
    "sqlite": [
        "DROP TRIGGER IF EXISTS terms_never_overlap_INSERT",
        "DROP TRIGGER IF EXISTS terms_never_overlap_UPDATE",
    ],
    "postgresql": [
        f"DROP TRIGGER IF EXISTS terms_never_overlap ON {TABLE}",
        "DROP FUNCTION IF EXISTS terms_never_overlap()",
    ],
}


def install(apps: Any, schema_editor: Any) -> None:
    remove(apps, schema_editor)
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def remove(apps: Any, schema_editor: Any) -> None:
    for statement in REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)
