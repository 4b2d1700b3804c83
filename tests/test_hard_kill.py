"""`kill -9` amid acknowledged writes: each acknowledged write is there with all that belongs to it,
and the database is whole. On SQLite the writing process is killed, on PostgreSQL, which writes as
on a server, the whole server.
"""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from tests.breaking import Writer, folder_for_all, postgresql, run_python

pytestmark = pytest.mark.hard
KILLS = {"sqlite": 100, "postgresql": 20}
WHOLE = """
    SELECT event.slug FROM timeline_event event
    JOIN timeline_historicalevent version ON version.id = event.id AND version.history_type = '+'
    JOIN timeline_eventorganization named ON named.event_id = event.id
    JOIN sources_citation cited ON cited.event_id = event.id
    JOIN sources_historicalcitation kept ON kept.id = cited.id
    JOIN search_entry entry ON entry.slug = event.slug AND entry.text <> ''
"""
HALF = """
    SELECT event.slug FROM timeline_event event WHERE NOT EXISTS
    (SELECT 1 FROM sources_citation cited WHERE cited.event_id = event.id)
"""
# FTS5 compares an index with the table whose words it holds, and raises where they differ.
INDEX_IS_WHOLE = "INSERT INTO search_words (search_words, rank) VALUES ('integrity-check', 1)"


@contextmanager
def writing(url: str) -> Iterator[Writer]:
    run_python(url, "manage.py", "migrate", "-v", "0")
    writer = Writer(url)
    try:
        yield writer
    finally:
        writer.close()


def acknowledged_until_killed(
    writer: Writer, rounds: int, kill: Callable[[int], Any], recover: Callable[[], Any]
) -> set[str]:
    """The acknowledged slugs of all rounds; each round ends amid a write, after a few writes."""
    chance, slugs = random.Random(7), set()  # noqa: S311, nothing is secret
    for _ in range(rounds):
        pid = writer.begin()
        slugs |= {*writer.next(chance.randint(1, 4))}
        time.sleep(chance.uniform(0, 0.03))
        kill(pid)
        slugs |= {*writer.rest()}
        recover()
    assert len(slugs) >= rounds
    return slugs


def test_on_sqlite_no_acknowledged_write_is_lost_to_a_hundred_kills(tmp_path):
    path = tmp_path / "db.sqlite3"

    def recover() -> None:
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]

    with writing(f"sqlite:///{path}") as writer:
        acknowledged = acknowledged_until_killed(
            writer, KILLS["sqlite"], lambda pid: os.kill(pid, signal.SIGKILL), recover
        )
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert acknowledged <= {slug for (slug,) in database.execute(WHOLE)}
        assert database.execute(HALF).fetchall() == []
        database.execute(INDEX_IS_WHOLE)


def test_on_postgresql_no_acknowledged_write_is_lost_to_twenty_kills():
    with folder_for_all() as folder, postgresql(folder) as server, writing(server.url) as writer:
        acknowledged = acknowledged_until_killed(
            writer, KILLS["postgresql"], lambda _pid: server.stop("kill"), server.start
        )
        with psycopg.connect(server.url) as database:
            for setting in ("fsync", "synchronous_commit"):
                assert database.execute(f"SHOW {setting}").fetchone() == ("on",)
            assert acknowledged <= {slug for (slug,) in database.execute(WHOLE)}
            assert database.execute(HALF).fetchall() == []
        server.check()
        assert "was not properly shut down" in server.log()
