"""A real PostgreSQL that is stopped, killed, restarted, frozen or deaf behind the site as a server
runs it: everybody is told so at once, and nobody has to do anything once it is back."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg
import pytest

from tests.breaking import NEW_EVENT, Answer, PostgreSQL, Site, folder_for_all, postgresql, prepared

pytestmark = pytest.mark.hard
AT_ONCE, RECOVERED = 2, 5
"""Seconds: in which 503 is said, and in which the site recovers."""
WORKERS = 2
READING = ("/", "/linea-de-tiempo/", "/linea-de-tiempo/calendario.ics", "/datos/eventos.csv",
           "/admin/", NEW_EVENT)  # fmt: skip


@pytest.fixture(scope="module")
def database() -> Iterator[tuple[PostgreSQL, str]]:
    with folder_for_all() as folder, postgresql(folder) as server:
        yield server, prepared(server.url)


@contextmanager
def served(url: str, session: str) -> Iterator[Site]:
    site = Site(url, session, WORKERS)
    try:
        for _ in range(WORKERS * 4):  # what a worker loads once
            assert site.get("/robots.txt").status == 200
        yield site
    finally:
        site.kill()


@pytest.fixture
def site(database: tuple[PostgreSQL, str]) -> Iterator[Site]:
    """Whose connections are all open already."""
    server, session = database
    with served(server.url, session) as site:
        for path in READING * WORKERS:
            assert site.get(path).status == 200, path
        yield site


def assert_told(answer: Answer, seconds: float = AT_ONCE) -> None:
    assert answer.status == 503
    assert answer.headers["retry-after"] == "5"
    assert "La falla es nuestra" in answer.text
    assert answer.seconds < seconds


@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_a_database_that_is_down_is_told_at_once_and_recovered_from_alone(database, site, mode):
    server, _session = database
    server.kill() if mode == "kill" else server.stop(mode)
    answers = [site.get(path) for path in READING * WORKERS]
    for answer in answers:
        assert_told(answer)
    sent = site.save(f"perdido-{mode}")
    assert_told(sent)
    assert "Dé por no guardado" in sent.text
    health = site.get("/healthz")
    assert (health.status, health.text) == (503, "database")
    server.start()
    back = [site.get(path) for path in READING * WORKERS]
    assert [answer.status for answer in back] == [200] * len(back)
    assert sum(answer.seconds for answer in back) < RECOVERED
    assert site.save(f"guardado-{mode}").status == 302
    slowest = max(answer.seconds for answer in answers)
    print(f"\n{mode}: 503 after {slowest * 1000:.0f} ms; back in {back[0].seconds * 1000:.0f} ms")


def test_a_restart_between_two_requests_is_noticed_by_nobody(database, site):
    server, _session = database
    for path in READING:
        server.stop()
        server.start()
        answers = [site.get(path) for _ in range(WORKERS * 2)]
        assert {answer.status for answer in answers} == {200}, path
        assert len({len(answer.text) for answer in answers if "csv" in path}) <= 1
    for number in range(3):
        server.stop()
        server.start()
        assert site.save(f"tras-reinicio-{number}").status == 302
    assert "Traceback" not in site.told()


def test_restarts_amid_writes_lose_none_that_was_acknowledged(database, site):
    server, _session = database
    saved, others, over = [], [], []

    def write() -> None:
        while not over:
            slug = f"amid-{len(saved) + len(others)}"
            status = site.save(slug).status
            (saved if status == 302 else others).append((slug, status))
            time.sleep(0 if status == 302 else 0.05)

    writer = Thread(target=write)
    writer.start()
    for mode in ("fast", "immediate", "kill", "fast", "immediate", "kill"):
        before = len(saved)
        while len(saved) < before + 3:
            assert writer.is_alive()
        server.kill() if mode == "kill" else server.stop(mode)
        server.start()
    over.append(True)
    writer.join()
    assert {status for _slug, status in others} <= {503}
    with psycopg.connect(server.url) as connection:
        found = connection.execute("SELECT slug FROM timeline_event WHERE slug LIKE 'amid-%'")
        there = {slug for (slug,) in found}
    assert {slug for slug, _status in saved} - there == set()
    print(f"\n{len(saved)} acknowledged, {len(others)} told 503, {len(there)} there")


def test_a_database_that_accepts_and_never_answers_is_given_up(database):
    _server, session = database
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"postgres://postgres@127.0.0.1:{deaf.getsockname()[1]}/postgres"
        with served(url, session) as site:
            for path in ("/", "/admin/", "/healthz"):
                answer = site.get(path)
                assert answer.status == 503
                assert answer.seconds < AT_ONCE + 3  # two are those of connecting alone
            print(f"\ndeaf: 503 after {answer.seconds * 1000:.0f} ms")


def test_a_frozen_database_is_given_up_by_who_connects_and_goes_on_where_it_stopped(database):
    server, session = database
    with served(server.url, session) as site:
        with server.frozen():
            assert_told(site.get("/"), AT_ONCE + 3)
        assert site.get("/").status == 200
        kept: list[Answer] = []
        asking = Thread(target=lambda: kept.append(site.get("/")))
        for _ in range(WORKERS * 4):
            site.get("/")
        with server.frozen():
            asking.start()
            asking.join(AT_ONCE + 1)
            assert kept == []  # this wait is the proxy's to end
        asking.join()
        assert [answer.status for answer in kept] == [200]
