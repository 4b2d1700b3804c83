"""What visitors and staff are told when the database or a disk is away, full or only reads, and
that nothing is amiss once it is back. `tests/test_hard_faults.py` breaks real ones."""

import errno
import json
import logging
import sqlite3
from typing import Any

import psycopg
import pytest
from axes.models import AccessAttempt
from django import db
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from playwright.sync_api import expect

from access.sessions import SEEN, SEEN_EVERY
from nucleo import views
from nucleo.errors import is_fault
from nucleo.logs import Line
from tests import records
from tests.conftest import Person
from tests.doors import log_in
from tests.faults import away, end_kept_connection, read_only
from tests.staff import address_of, draft, written
from tests.test_doors_matrix import READERS, public_addresses
from timeline.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("/", "/linea-de-tiempo/", "/linea-de-tiempo/atom.xml", "/sitemap.xml", "/no-existe/")
WITHOUT_THE_DATABASE = {"robots", "search:results"}
TYPED = "Una frase que alguien tecleó con calma"


@pytest.fixture
def anybody() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def staff(publisher: Person) -> Person:
    publisher.raise_request_exception = False
    return publisher


def caused(kind: type[Exception], cause: Exception) -> Exception:
    error = kind("told")
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> Exception:
    cause = sqlite3.OperationalError("told")
    cause.sqlite_errorcode = code
    return caused(db.OperationalError, cause)


ERRORS = [
    (db.OperationalError("connection refused"), True),
    (db.InterfaceError("connection already closed"), True),
    (caused(db.OperationalError, psycopg.errors.AdminShutdown()), True),
    (caused(db.OperationalError, psycopg.errors.DiskFull()), True),
    (caused(db.OperationalError, psycopg.errors.TooManyConnections()), True),
    (caused(db.OperationalError, psycopg.errors.DeadlockDetected()), True),
    (caused(db.InternalError, psycopg.errors.ReadOnlySqlTransaction()), True),
    (caused(db.InternalError, psycopg.errors.InFailedSqlTransaction()), False),
    (caused(db.OperationalError, psycopg.errors.StatementTooComplex()), False),
    (caused(db.ProgrammingError, psycopg.errors.UndefinedTable()), False),
    (of_sqlite(sqlite3.SQLITE_FULL), True),
    (of_sqlite(sqlite3.SQLITE_READONLY), True),
    (of_sqlite(sqlite3.SQLITE_BUSY), True),
    (of_sqlite(sqlite3.SQLITE_IOERR_WRITE), True),
    (of_sqlite(sqlite3.SQLITE_CANTOPEN), True),
    (of_sqlite(sqlite3.SQLITE_ERROR), False),
    (db.IntegrityError("duplicate"), False),
    (OSError(errno.ENOSPC, "full"), True),
    (OSError(errno.EROFS, "read-only"), True),
    (OSError(errno.ENOENT, "no such file"), False),
    (ValueError("ours"), False),
    (None, False),
]


def test_a_fault_of_the_machine_is_told_from_a_mistake_of_ours():
    assert [error for error, fault in ERRORS if is_fault(error) is not fault] == []


# Away


def test_without_a_database_every_public_address_says_so_in_spanish(anybody):
    asked = 0
    with away():
        for name in set(READERS) - {"healthz"}:
            for url in public_addresses(name, ["uno"]):
                answer = anybody.get(url)
                if name in WITHOUT_THE_DATABASE:
                    assert answer.status_code == 200, url
                elif answer.status_code != 404:
                    assert_told(answer)
                    asked += 1
    assert asked > 20


def test_where_pages_are_stored_it_carries_what_guards_a_page_too(anybody, settings):
    settings.STORE_PAGES = True
    with away():
        answer = anybody.get("/")
    assert_told(answer)
    assert answer["Content-Security-Policy"].count("'none'") == 3
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_pages_are_stored_over_a_restart_of_the_database(anybody, settings):
    settings.STORE_PAGES = True
    before = anybody.get("/")
    end_kept_connection()
    assert dict(anybody.get("/").items()) == dict(before.items())


def assert_told(answer: Any) -> None:
    assert answer.status_code == 503, answer.request["PATH_INFO"]
    assert answer["Retry-After"] == "5"
    assert answer["Cache-Control"] == "no-store"
    assert '<html lang="es-MX">' in answer.text
    assert "La falla es nuestra" in answer.text
    assert 'class="site-nav"' in answer.text
    assert "nucleo.css" in answer.text
    assert not answer.cookies


@pytest.mark.parametrize("url", PAGES)
def test_it_is_right_again_with_the_first_request_after_the_database_is_back(anybody, url):
    usual = anybody.get(url).status_code
    with away():
        assert_told(anybody.get(url))
        assert anybody.head(url).status_code == 503
    assert anybody.get(url).status_code == usual


def test_without_a_database_healthz_says_so(anybody):
    with away():
        answer = anybody.get("/healthz")
        assert (answer.status_code, answer.content) == (503, b"database")
        assert answer["Retry-After"]
    assert anybody.get("/healthz").status_code == 200


def test_the_answer_without_a_database_carries_every_header_that_guards_a_page(anybody):
    usual = anybody.get("/")
    with away():
        answer = anybody.get("/")
    assert set(usual.headers) - {"Content-Type", "Content-Length"} <= set(answer.headers)
    assert answer["Content-Security-Policy"]


def test_staff_without_a_database_are_told_too_and_stay_logged_in(staff):
    with away():
        assert_told(staff.get("/admin/"))
    assert staff.get("/admin/").status_code == 200


def test_whoever_sends_a_form_is_told_to_take_it_for_unsaved(staff):
    one = draft(title="Antes")
    address = address_of("change", one)
    sent = written(staff.get(address)) | {"title": TYPED}
    with away():
        answer = staff.post(address, sent)
    assert answer.status_code == 503
    assert "No se pudo guardar" in answer.text
    assert "Dé por no guardado" in answer.text
    assert Event.objects.get().title == "Antes"
    assert staff.post(address, sent).status_code == 302
    assert Event.objects.get().title == TYPED


def test_what_fails_in_a_middleware_is_told_as_well(anybody, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.test_faults.asking"]
    with away():
        assert_told(anybody.get("/robots.txt"))


def asking(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        User.objects.exists()
        return get_response(request)

    return middleware


def test_a_fault_is_logged_in_one_line_that_holds_nothing_of_what_was_sent(staff, caplog):
    one = draft()
    address = address_of("change", one)
    sent = written(staff.get(address)) | {"title": TYPED}
    with away(), caplog.at_level(logging.INFO):
        staff.post(f"{address}?pista=secreta", sent)
        staff.get("/admin/%0Afalsa")
    lines = [Line().format(record) for record in caplog.records]
    assert len(lines) == 2
    line = json.loads(lines[0])
    assert line["message"] == f"Service Unavailable: {address}"
    assert line["status"] == 503
    assert line["error"] == "django.db.utils.OperationalError"
    assert not any("\n" in line for line in lines)
    assert not any(word in line for word in (TYPED, "secreta") for line in lines)


@pytest.mark.parametrize("sql", ["SELECT * FROM nowhere", "SELEC 1"])
def test_a_mistake_of_ours_stays_an_error_of_ours(anybody, monkeypatch, sql):
    def mistaken(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    monkeypatch.setattr(views, "last_change", mistaken)
    answer = anybody.get("/acerca-de/")
    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers


def test_a_disk_that_is_full_is_told_as_a_database_is(anybody, monkeypatch):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(views, "last_change", full)
    assert_told(anybody.get("/acerca-de/"))


# Kept connections


@pytest.fixture
def kept() -> Any:
    """Connections stay open between requests, as on a server; the tests' client closes them."""
    usual = connection.settings_dict["CONN_MAX_AGE"]
    connection.settings_dict["CONN_MAX_AGE"] = None
    yield
    connection.settings_dict["CONN_MAX_AGE"] = usual
    connection.close()


@pytest.mark.parametrize("url", [*PAGES, "/healthz", "/datos/eventos.csv"])
def test_no_reader_meets_a_connection_that_died(anybody, kept, url):
    records.event()
    usual = anybody.get(url)
    body = usual.getvalue()
    end_kept_connection()
    answer = anybody.get(url)
    assert answer.status_code == usual.status_code
    assert len(answer.getvalue()) == len(body)


def test_no_editor_meets_a_connection_that_died(staff, kept):
    one = draft(title="Antes")
    address = address_of("change", one)
    end_kept_connection()
    page = staff.get(address)
    assert page.status_code == 200
    sent = written(page) | {"title": TYPED}
    end_kept_connection()
    assert staff.post(address, sent).status_code == 302
    assert Event.objects.get().title == TYPED


# A disk that only reads


def test_where_nothing_can_be_written_readers_and_staff_read_on(anybody, staff):
    """Also when it is time to note in the session that they are still there."""
    one = draft()
    session = staff.session
    session.begin()
    session[SEEN] -= SEEN_EVERY + 1
    session.save()
    before = Session.objects.get().session_data
    with read_only():
        for url in PAGES[:-1]:
            assert anybody.get(url).status_code == 200, url
        assert staff.get(address_of("change", one)).status_code == 200
    assert Session.objects.get().session_data == before
    staff.get("/admin/")
    assert Session.objects.get().session_data != before


def test_where_nothing_can_be_written_what_is_sent_is_refused_and_changes_nothing(staff):
    one = draft(title="Antes")
    address = address_of("change", one)
    sent = written(staff.get(address)) | {"title": TYPED}
    with read_only():
        answer = staff.post(address, sent)
        assert (answer.status_code, "Dé por no guardado" in answer.text) == (503, True)
        assert staff.get(address).status_code == 200
    assert Event.objects.get().title == "Antes"
    assert staff.post(address, sent).status_code == 302


def test_where_failed_logins_cannot_be_counted_nobody_gets_in(anybody, settings):
    right, wrong = "una frase bastante larga", "otra frase bastante larga"
    User.objects.create_user("ana", password=right, is_staff=True)
    with read_only():
        for password in [wrong] * 7 + [right]:
            answer = anybody.post("/admin/login/", {"username": "ana", "password": password})
            assert answer.status_code == 503
            assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert not AccessAttempt.objects.exists()
    assert not Session.objects.exists()
    answer = anybody.post("/admin/login/", {"username": "ana", "password": right})
    assert answer.status_code == 302


# In a browser


@pytest.mark.parametrize("way", ["back", "again"])
def test_what_was_typed_is_still_there(page, live_server, admin, monkeypatch, way):
    log_in(page, live_server.url, "admin")
    one = draft(title="Antes")
    page.goto(f"{live_server.url}{address_of('change', one)}")
    page.locator("[name=title]").fill(TYPED)

    def full(*_: Any, **__: Any) -> None:
        raise db.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Event, "save", full)
        page.locator("[name=_save]").click()
        expect(page.locator("h1")).to_have_text("No se pudo guardar")
    if way == "again":
        page.reload()
    else:
        page.go_back()
        expect(page.locator("[name=title]")).to_have_value(TYPED)
        page.locator("[name=_save]").click()
    page.wait_for_url("**/event/")
    assert Event.objects.get().title == TYPED


def test_a_download_that_breaks_off_says_so_in_its_last_line(anybody, monkeypatch):
    def broken(*_: Any) -> Any:
        yield b"identificador\r\n"
        raise db.OperationalError("the connection is lost")

    monkeypatch.setattr("exchange.formats.CSV.stream", broken)
    stream = anybody.get("/datos/eventos.csv").streaming_content
    assert next(stream) == b"identificador\r\n"
    assert next(stream).startswith(b"ARCHIVO INCOMPLETO")
    with pytest.raises(db.OperationalError):
        next(stream)
