"""`kill -9` amid acknowledged writes: each acknowledged record is there with all of its parts, and
the database is whole. On SQLite the site is killed, on PostgreSQL, which writes as on a server, the
whole server."""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from threading import Thread
from typing import Any

import psycopg
import pytest

from tests.breaking import Site, folder_for_all, postgresql, prepared

pytestmark = pytest.mark.hard
KILLS = int(os.environ.get("KILLS", "20"))
WHOLE = """
    SELECT event.slug FROM timeline_event event
    JOIN timeline_historicalevent version ON version.id = event.id AND version.history_type = '+'
    JOIN timeline_eventorganization named ON named.event_id = event.id
    JOIN sources_citation cited ON cited.event_id = event.id
    JOIN sources_historicalcitation kept ON kept.id = cited.id
"""
HALF = """
    SELECT event.slug FROM timeline_event event WHERE event.slug LIKE 'ronda-%' AND NOT EXISTS
    (SELECT 1 FROM sources_citation cited WHERE cited.event_id = event.id)
"""
# FTS5 compares an index with the table whose words it holds, and raises where they differ.
INDEX_IS_WHOLE = "INSERT INTO search_words (search_words, rank) VALUES ('integrity-check', 1)"


@contextmanager
def writing(site: Site, name: str, saved: set[str]) -> Iterator[None]:
    """Adds the slugs of acknowledged records to `saved` until the site no longer answers."""

    def write() -> None:
        with suppress(OSError, HTTPException):
            for number in range(10**6):
                if site.save(f"{name}-{number}").status == 302:
                    saved.add(f"{name}-{number}")

    writer = Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        site.kill()
        writer.join()


def saved_until_killed(url: str, kill: Callable[[], Any], recover: Callable[[], Any]) -> set[str]:
    """The acknowledged slugs of all rounds, each of which ends amid a write."""
    session, chance, saved = prepared(url), random.Random(7), set()  # noqa: S311, no secret
    for number in range(KILLS):
        before, site = len(saved), Site(url, session)
        with writing(site, f"ronda-{number}", saved):
            end = time.monotonic() + 60
            while len(saved) < before + chance.randint(1, 4):
                assert time.monotonic() < end, site.log()
            time.sleep(chance.uniform(0, 0.03))
            kill()
        recover()
    return saved


def test_on_sqlite_no_acknowledged_write_is_lost_to_kills(tmp_path):
    path = tmp_path / "db.sqlite3"

    def recover() -> None:
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA quick_check").fetchall() == [("ok",)]

    saved = saved_until_killed(f"sqlite:///{path}", lambda: None, recover)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert saved <= {slug for (slug,) in database.execute(WHOLE)}
        assert database.execute(HALF).fetchall() == []
        database.execute(INDEX_IS_WHOLE)


def test_on_postgresql_no_acknowledged_write_is_lost_to_kills():
    with folder_for_all() as folder, postgresql(folder) as server:
        saved = saved_until_killed(server.url, lambda: server.stop("kill"), server.start)
        with psycopg.connect(server.url) as database:
            for setting in ("fsync", "synchronous_commit"):
                assert database.execute(f"SHOW {setting}").fetchone() == ("on",)
            assert saved <= {slug for (slug,) in database.execute(WHOLE)}
            assert database.execute(HALF).fetchall() == []
        server.check()
        assert "was not properly shut down" in server.log()
