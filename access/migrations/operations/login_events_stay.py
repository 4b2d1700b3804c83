"""Triggers that refuse changes of login events.

On PostgreSQL they also refuse to delete events of the last two years. SQLite has no such trigger,
because it would refuse the flush of all tables after a test too.
"""

from typing import Any


MESSAGE = "what the log tells stays"
STATEMENTS = {
    "sqlite": [
        f"""
        CREATE TRIGGER login_events_stay BEFORE UPDATE ON access_loginevent
        BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
        """
    ],
    "postgresql": [
        f"""
        CREATE FUNCTION login_events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' AND OLD.at < now() - interval '729 days' THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        """
        CREATE TRIGGER login_events_stay BEFORE UPDATE OR DELETE ON access_loginevent
        FOR EACH ROW EXECUTE FUNCTION login_events_stay()
        """,
    ],
}
REMOVE = {
    "sqlite": ["DROP TRIGGER IF EXISTS login_events_stay"],
    "postgresql": [
        "DROP TRIGGER IF EXISTS login_events_stay ON access_loginevent",
        "DROP FUNCTION IF EXISTS login_events_stay()",
    ],
}


def install(apps: Any, schema_editor: Any) -> None:
    remove(apps, schema_editor)
    for statement in STATEMENTS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def remove(apps: Any, schema_editor: Any) -> None:
    for statement in REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)
