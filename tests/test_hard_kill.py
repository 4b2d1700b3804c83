"""`kill -9` amid acknowledged writes, again and again: what was acknowledged is there, with all
that belongs to it, and the database is whole. On SQLite the one that writes is killed, on
PostgreSQL, which writes as on a server, all of the server at once.
"""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.breaking import Writer, folder_for_all, manage, postgresql

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
# FTS5's own check of an index against the table whose words it holds; raises.
INDEX_IS_WHOLE = "INSERT INTO search_words (search_words, rank) VALUES ('integrity-check', 1)"


@contextmanager
def writing(url: str) -> Iterator[Writer]:
    manage(url, "migrate", "-v", "0")
    writer = Writer(url)
    try:
        yield writer
    finally:
        writer.close()


def killed(
    writer: Writer, rounds: int, kill: Callable[[int], Any], recover: Callable[[], Any]
) -> list[str]:
    """What was acknowledged in all rounds; each ends amid a write, after a few of them."""
    chance, acknowledged = random.Random(7), []  # noqa: S311, nothing is secret
    for _ in range(rounds):
        writes = writer.begin()
        acknowledged += writer.some(chance.randint(1, 4))
        time.sleep(chance.uniform(0, 0.03))
        kill(writes)
        acknowledged += writer.acknowledged()
        recover()
    return acknowledged


def test_on_sqlite_no_acknowledged_write_is_lost_to_a_hundred_kills(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"

    def recover() -> None:
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]

    with writing(f"sqlite:///{path}") as writer:
        told = killed(writer, KILLS["sqlite"], lambda pid: os.kill(pid, signal.SIGKILL), recover)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        there = {slug for (slug,) in database.execute(WHOLE)}
        assert database.execute(HALF).fetchall() == []
        database.execute(INDEX_IS_WHOLE)
    assert len(told) >= KILLS["sqlite"]
    assert set(told) - there == set()
    print(f"\nSQLite: {len(told)} acknowledged, {len(there)} there")


def test_on_postgresql_no_acknowledged_write_is_lost_to_twenty_kills() -> None:
    with folder_for_all() as folder, postgresql(folder) as server, writing(server.url) as writer:

        def kill(_writes: int) -> None:
            server.kill()

        told = killed(writer, KILLS["postgresql"], kill, server.start)
        with psycopg.connect(server.url) as database:
            assert database.execute("SHOW fsync").fetchone() == ("on",)
            assert database.execute("SHOW synchronous_commit").fetchone() == ("on",)
            there = {slug for (slug,) in database.execute(WHOLE)}
            assert database.execute(HALF).fetchall() == []
        server.check()
        assert "was not properly shut down" in server.log()
    assert len(told) >= KILLS["postgresql"]
    assert set(told) - there == set()
    print(f"\nPostgreSQL: {len(told)} acknowledged, {len(there)} there")
