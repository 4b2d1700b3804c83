"""The database's own index of the words in `search_entry.text`: FTS5 on SQLite, kept by triggers,
GIN on PostgreSQL. Both take words as the tokens between spaces that `texts.words` made.

On SQLite a migration that rebuilds the table drops its triggers. It must run `install` again, and
the site `manage.py rebuild_search`; tests/test_search_index.py fails without them.
"""

from typing import Any

ADD = "INSERT INTO search_words (rowid, text) VALUES (new.id, new.text)"
REMOVE = "INSERT INTO search_words (search_words, rowid, text) VALUES ('delete', old.id, old.text)"
INSTALL = {
    "sqlite": [
        """
        CREATE VIRTUAL TABLE search_words USING fts5 (
            text, content='search_entry', content_rowid='id', tokenize='ascii', detail=none, columnsize=0
        )
        """,
        f"CREATE TRIGGER search_words_insert AFTER INSERT ON search_entry BEGIN {ADD}; END",
        f"CREATE TRIGGER search_words_delete AFTER DELETE ON search_entry BEGIN {REMOVE}; END",
        f"""
        CREATE TRIGGER search_words_update AFTER UPDATE ON search_entry WHEN old.text IS NOT new.text
        BEGIN {REMOVE}; {ADD}; END
        """,
    ],
    "postgresql": [
        "CREATE INDEX search_words ON search_entry USING gin (string_to_array(text, ' '))"
    ],
}
REMOVE_ALL = {
    "sqlite": [
        *(f"DROP TRIGGER search_words_{name}" for name in ("insert", "delete", "update")),
        "DROP TABLE search_words",
    ],
    "postgresql": ["DROP INDEX search_words"],
}


def install(apps: Any, schema_editor: Any) -> None:
    for statement in INSTALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def empty(apps: Any, schema_editor: Any) -> None:
    """Deletes the entries: another version of the code indexes other words. `rebuild_search` writes
    them again."""
    apps.get_model("search", "Entry").objects.all().delete()


def remove(apps: Any, schema_editor: Any) -> None:
    for statement in REMOVE_ALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)
