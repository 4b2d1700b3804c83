"""The database's own index of the words of `search_entry`: FTS5 on SQLite, kept by triggers, GIN on
PostgreSQL. Both see words as the tokens between spaces that `search.words` made, and nothing else.

On SQLite a later migration that rebuilds the table drops its triggers and must run `install` again,
then `manage.py rebuild_search`; tests/test_search.py would tell.
"""

from typing import Any


ADD = "INSERT INTO search_words (rowid, words) VALUES (new.id, new.words)"
REMOVE = "INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', old.id, old.words)"
SQLITE = [
    """
    CREATE VIRTUAL TABLE search_words USING fts5 (
        words, content='search_entry', content_rowid='id', tokenize='ascii', detail=none, columnsize=0
    )
    """,
    f"CREATE TRIGGER search_words_insert AFTER INSERT ON search_entry BEGIN {ADD}; END",
    f"CREATE TRIGGER search_words_delete AFTER DELETE ON search_entry BEGIN {REMOVE}; END",
    f"""
    CREATE TRIGGER search_words_update AFTER UPDATE ON search_entry WHEN old.words IS NOT new.words
    BEGIN {REMOVE}; {ADD}; END
    """,
    "INSERT INTO search_words (search_words) VALUES ('rebuild')",
]
# With LIMIT the planner takes a common word for one that any scan meets soon; of two words that
# seldom meet, that scan would read the whole table.
POSTGRESQL = [
    # Letters in the order of their codes, as on SQLite and in Python, whatever the server's locale.
    """
    ALTER TABLE search_entry
        ALTER COLUMN day TYPE varchar(13) COLLATE "C", ALTER COLUMN slug TYPE varchar(120) COLLATE "C"
    """,
    """
    CREATE INDEX search_words ON search_entry USING gin (string_to_array(words, ' '))
        WITH (fastupdate = off)
    """,
    """
    CREATE FUNCTION search_look_up(wanted text[], most integer) RETURNS SETOF bigint
        LANGUAGE sql STABLE SET enable_seqscan = off
        AS $$ SELECT id FROM search_entry WHERE string_to_array(words, ' ') @> wanted LIMIT most $$
    """,
]
UNDO = {
    "sqlite": [
        *(f"DROP TRIGGER search_words_{name}" for name in ("insert", "delete", "update")),
        "DROP TABLE search_words",
    ],
    "postgresql": ["DROP FUNCTION search_look_up", "DROP INDEX search_words"],
}


def install(apps: Any, schema_editor: Any) -> None:
    for statement in SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL:
        schema_editor.execute(statement, params=None)


def remove(apps: Any, schema_editor: Any) -> None:
    for statement in UNDO[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)
