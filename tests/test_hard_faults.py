"""A real PostgreSQL that is stopped, killed, restarted, frozen or silent behind the site: each
request gets its answer at once, and the site recovers without help."""

import socket
import time
from collections.abc import Iterator
from threading import Thread

import psycopg
import pytest

from tests.breaking import (
    NEW_EVENT,
    Answer,
    PostgreSQL,
    Site,
    folder_for_all,
    postgresql,
    prepared,
    served,
)

pytestmark = pytest.mark.hard
AT_ONCE, CONNECTING, RECOVERED = 2, 3, 5
"""Seconds: until a 503, more while a connection is given up, and until the site recovers."""
WORKERS = 2
READING = ("/", "/linea-de-tiempo/", "/linea-de-tiempo/calendario.ics", "/datos/eventos.csv",
           "/admin/", NEW_EVENT)  # fmt: skip
MODES = ("fast", "immediate", "kill")


@pytest.fixture(scope="module")
def database() -> Iterator[tuple[PostgreSQL, str]]:
    with folder_for_all() as folder, postgresql(folder) as server:
        yield server, prepared(server.url)


@pytest.fixture
def server(database: tuple[PostgreSQL, str]) -> PostgreSQL:
    return database[0]


@pytest.fixture
def site(database: tuple[PostgreSQL, str]) -> Iterator[Site]:
    """A site whose connections are all open."""
    server, session = database
    with served(server.url, session, WORKERS) as site:
        for path in READING * WORKERS:
            assert site.get(path).status == 200, path
        yield site


def assert_unavailable(answer: Answer, seconds: float = AT_ONCE) -> None:
    assert answer.status == 503
    assert answer.headers["retry-after"] == "5"
    assert "La falla es nuestra" in answer.text
    assert answer.seconds < seconds


@pytest.mark.parametrize("mode", MODES)
def test_a_database_that_is_down_is_told_at_once_and_recovered_from_alone(server, site, mode):
    server.stop(mode)
    for path in READING * WORKERS:
        assert_unavailable(site.get(path))
    answer = site.save(f"perdido-{mode}")
    assert_unavailable(answer)
    assert "Dé por no guardado" in answer.text
    health = site.get("/healthz")
    assert (health.status, health.text) == (503, "database")
    server.start()
    back = [site.get(path) for path in READING * WORKERS]
    assert [answer.status for answer in back] == [200] * len(back)
    assert sum(answer.seconds for answer in back) < RECOVERED
    assert site.save(f"guardado-{mode}").status == 302


def test_a_restart_between_two_requests_is_noticed_by_nobody(server, site):
    def restart() -> None:
        server.stop()
        server.start()

    for path in READING:
        restart()
        answers = [site.get(path) for _ in range(WORKERS * 2)]
        assert {answer.status for answer in answers} == {200}, path
        assert len({len(answer.text) for answer in answers if "csv" in path}) <= 1
    for number in range(3):
        restart()
        assert site.save(f"tras-reinicio-{number}").status == 302
    assert "Traceback" not in site.log()


def test_restarts_amid_writes_lose_no_acknowledged_write(server, site):
    saved, others, over = set(), [], []

    def write() -> None:
        while not over:
            slug = f"amid-{len(saved) + len(others)}"
            status = site.save(slug).status
            saved.add(slug) if status == 302 else others.append(status)
            time.sleep(0 if status == 302 else 0.05)

    writer = Thread(target=write)
    writer.start()
    for mode in MODES * 2:
        before = len(saved)
        while len(saved) < before + 3:
            assert writer.is_alive()
        server.stop(mode)
        server.start()
    over.append(True)
    writer.join()
    assert {*others} <= {503}
    with psycopg.connect(server.url) as connection:
        rows = connection.execute("SELECT slug FROM timeline_event WHERE slug LIKE 'amid-%'")
        assert saved <= {slug for (slug,) in rows}


def test_a_database_that_accepts_and_never_answers_is_given_up(database):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://postgres@127.0.0.1:{silent.getsockname()[1]}/postgres"
        with served(url, database[1], WORKERS) as site:
            for path in ("/", "/admin/", "/healthz"):
                answer = site.get(path)
                assert answer.status == 503
                assert answer.seconds < AT_ONCE + CONNECTING


def test_a_frozen_database_is_given_up_while_connecting_and_goes_on_where_it_stopped(database):
    server, session = database
    with served(server.url, session, WORKERS) as site:
        with server.frozen():
            assert_unavailable(site.get("/"), AT_ONCE + CONNECTING)
        answers: list[Answer] = []
        reader = Thread(target=lambda: answers.append(site.get("/")))
        for _ in range(WORKERS * 4):
            assert site.get("/").status == 200
        with server.frozen():
            reader.start()
            reader.join(AT_ONCE + 1)
            assert answers == []  # the proxy ends this wait
        reader.join()
        assert [answer.status for answer in answers] == [200]
