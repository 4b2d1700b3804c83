"""The answers while the database or a disk is away, full or read-only, and after it is back.
`tests/test_hard_faults.py` breaks real ones."""

import errno
import json
import logging
import sqlite3
from typing import Any

import psycopg
import pytest
from django import db
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from playwright.sync_api import expect

from access.models import Count
from access.sessions import SEEN, SEEN_INTERVAL
from nucleo import views
from nucleo.errors import is_fault
from nucleo.logs import JSONFormatter
from tests import records
from tests.conftest import Person
from tests.faults import away, end_kept_connection, read_only
from tests.login import log_in
from tests.staff import address_of, draft, written
from tests.test_login_matrix import READERS, public_addresses
from timeline.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ("/", "/linea-de-tiempo/", "/linea-de-tiempo/atom.xml", "/sitemap.xml", "/no-existe/")
WITHOUT_THE_DATABASE = {"robots", "search:results", "sharing:picture"}
TYPED = "Una frase que alguien tecleó con calma"


@pytest.fixture
def anybody() -> Client:
    return Client(raise_request_exception=False)


@pytest.fixture
def staff(publisher: Person) -> Person:
    publisher.raise_request_exception = False
    return publisher


def changed_title(staff: Person) -> tuple[str, dict[str, Any]]:
    """The address of a draft's form, and the data of the form with another title."""
    address = address_of("change", draft(title="Antes"))
    return address, written(staff.get(address)) | {"title": TYPED}


def assert_unavailable(answer: Any) -> None:
    assert answer.status_code == 503, answer.request["PATH_INFO"]
    assert answer["Retry-After"] == "5"
    assert answer["Cache-Control"] == "no-store"
    for words in ('<html lang="es-MX">', "La falla es nuestra", 'class="site-nav"', "nucleo.css"):
        assert words in answer.text
    assert not answer.cookies


def caused(kind: type[Exception], cause: Exception) -> Exception:
    error = kind("message")
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> Exception:
    cause = sqlite3.OperationalError("message")
    cause.sqlite_errorcode = code
    return caused(db.OperationalError, cause)


FAULTS = (
    db.OperationalError("connection refused"),
    db.InterfaceError("connection already closed"),
    caused(db.OperationalError, psycopg.errors.AdminShutdown()),
    caused(db.OperationalError, psycopg.errors.DiskFull()),
    caused(db.OperationalError, psycopg.errors.TooManyConnections()),
    caused(db.OperationalError, psycopg.errors.DeadlockDetected()),
    caused(db.InternalError, psycopg.errors.ReadOnlySqlTransaction()),
    *map(of_sqlite, (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY,
                     sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_CANTOPEN)),
    OSError(errno.ENOSPC, "full"),
    OSError(errno.EROFS, "read-only"),
)  # fmt: skip
MISTAKES = (
    caused(db.InternalError, psycopg.errors.InFailedSqlTransaction()),
    caused(db.OperationalError, psycopg.errors.StatementTooComplex()),
    caused(db.ProgrammingError, psycopg.errors.UndefinedTable()),
    of_sqlite(sqlite3.SQLITE_ERROR),
    db.IntegrityError("duplicate"),
    OSError(errno.ENOENT, "no such file"),
    ValueError("ours"),
    None,
)


def test_a_fault_of_the_machine_is_told_from_a_mistake_in_our_code():
    assert [error for error in FAULTS if not is_fault(error)] == []
    assert [error for error in MISTAKES if is_fault(error)] == []


# Away


def test_without_a_database_every_public_address_says_so_in_spanish(anybody):
    guards = set(anybody.get("/").headers) - {"Content-Type", "Content-Length"}
    unavailable = 0
    with away():
        for name in set(READERS) - {"healthz"}:
            for url in public_addresses(name, ["uno"]):
                answer = anybody.get(url)
                if name in WITHOUT_THE_DATABASE:
                    assert answer.status_code == 200, url
                elif answer.status_code != 404:
                    assert_unavailable(answer)
                    assert guards <= set(answer.headers)
                    assert answer["Content-Security-Policy"]
                    unavailable += 1
    assert unavailable > 20


def test_stored_pages_survive_a_restart_and_their_error_carries_the_headers_of_a_page(
    anybody, settings
):
    settings.STORE_PAGES = True
    before = anybody.get("/")
    end_kept_connection()
    assert dict(anybody.get("/").items()) == dict(before.items())
    with away():
        answer = anybody.get("/")
    assert_unavailable(answer)
    assert answer["Content-Security-Policy"].count("'none'") == 3
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_first_request_after_the_database_is_back_is_answered_as_usual(anybody, staff):
    for person, url in (*((anybody, url) for url in PAGES), (staff, "/admin/")):
        usual = person.get(url).status_code
        with away():
            assert_unavailable(person.get(url))
            assert person.head(url).status_code == 503
        assert person.get(url).status_code == usual
    with away():
        answer = anybody.get("/healthz")
        assert (answer.status_code, answer.content) == (503, b"database")
        assert answer["Retry-After"]
    assert anybody.get("/healthz").status_code == 200


@pytest.mark.parametrize(("fault", "read"), [(away, 503), (read_only, 200)])
def test_a_person_who_sends_a_form_is_told_to_take_it_for_unsaved(fault, read, staff):
    address, data = changed_title(staff)
    with fault():
        answer = staff.post(address, data)
        assert answer.status_code == 503
        assert "No se pudo guardar" in answer.text
        assert "Dé por no guardado" in answer.text
        assert staff.get(address).status_code == read
    assert Event.objects.get().title == "Antes"
    assert staff.post(address, data).status_code == 302
    assert Event.objects.get().title == TYPED


def asks_the_database(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        User.objects.exists()
        return get_response(request)

    return middleware


def test_a_fault_in_a_middleware_is_answered_as_in_a_view(anybody, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.test_faults.asks_the_database"]
    with away():
        assert_unavailable(anybody.get("/robots.txt"))


def test_a_fault_is_logged_in_a_line_that_holds_nothing_of_the_request(staff, caplog):
    address, data = changed_title(staff)
    with away(), caplog.at_level(logging.INFO):
        staff.post(f"{address}?pista=secreta", data)
        staff.get("/admin/%0Afalsa")
    lines = [JSONFormatter().format(record) for record in caplog.records]
    assert len(lines) == 2
    line = json.loads(lines[0])
    assert line["message"] == f"Service Unavailable: {address}"
    assert line["status"] == 503
    assert line["error"] == "django.db.utils.OperationalError"
    assert not any(word in line for word in (TYPED, "secreta", "\n") for line in lines)


def test_a_mistake_in_our_code_stays_500_and_a_full_disk_is_503(anybody, monkeypatch):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(views, "last_change", full)
    assert_unavailable(anybody.get("/acerca-de/"))
    for sql in ("SELECT * FROM nowhere", "SELEC 1"):
        monkeypatch.setattr(views, "last_change", lambda *_, sql=sql: list(Event.objects.raw(sql)))
        answer = anybody.get("/acerca-de/")
        assert answer.status_code == 500, sql
        assert "Retry-After" not in answer.headers


# Kept connections


@pytest.fixture
def kept() -> Any:
    """Connections stay open between requests, as on a server; the tests' client closes them."""
    usual = connection.settings_dict["CONN_MAX_AGE"]
    connection.settings_dict["CONN_MAX_AGE"] = None
    yield
    connection.settings_dict["CONN_MAX_AGE"] = usual
    connection.close()


def test_no_reader_meets_a_connection_that_died(anybody, kept):
    records.event()
    for url in (*PAGES, "/healthz", "/datos/eventos.csv"):
        usual = anybody.get(url)
        body = usual.getvalue()
        end_kept_connection()
        answer = anybody.get(url)
        assert answer.status_code == usual.status_code, url
        assert len(answer.getvalue()) == len(body), url


def test_no_editor_meets_a_connection_that_died(staff, kept):
    address, data = changed_title(staff)
    end_kept_connection()
    assert staff.get(address).status_code == 200
    end_kept_connection()
    assert staff.post(address, data).status_code == 302
    assert Event.objects.get().title == TYPED


# A disk that only reads


def test_where_nothing_can_be_written_readers_and_staff_read_on(anybody, staff):
    """Also when it is time to note in the session that its user is still there."""
    address = address_of("change", draft())
    session = staff.session
    session.begin()
    session[SEEN] -= SEEN_INTERVAL + 1
    session.save()
    before = Session.objects.get().session_data
    with read_only():
        for url in PAGES[:-1]:
            assert anybody.get(url).status_code == 200, url
        assert staff.get(address).status_code == 200
    assert Session.objects.get().session_data == before
    staff.get("/admin/")
    assert Session.objects.get().session_data != before


def test_where_failed_logins_cannot_be_counted_nobody_gets_in(anybody, settings):
    right, wrong = "una frase bastante larga", "otra frase bastante larga"
    User.objects.create_user("ana", password=right, is_staff=True)
    with read_only():
        for password in [wrong] * 7 + [right]:
            answer = anybody.post("/admin/login/", {"login": "ana", "password": password})
            assert answer.status_code == 503
            assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert not Count.objects.exists()
    assert not Session.objects.exists()
    answer = anybody.post("/admin/login/", {"login": "ana", "password": right})
    assert answer.status_code == 302


def test_a_text_that_could_not_be_saved_is_kept_by_the_browser(
    page, live_server, admin, monkeypatch
):
    """Whether its author goes back or sends the page again."""
    log_in(page, live_server.url, "admin")
    address = f"{live_server.url}{address_of('change', draft(title='Antes'))}"

    def full(*_: Any, **__: Any) -> None:
        raise db.OperationalError("database or disk is full")

    for way, text in (("back", TYPED), ("again", f"{TYPED}, otra vez")):
        page.goto(address)
        page.locator("[name=title]").fill(text)
        with monkeypatch.context() as patched:
            patched.setattr(Event, "save", full)
            page.locator("[name=_save]").click()
            expect(page.locator("h1")).to_have_text("No se pudo guardar")
        if way == "again":
            page.reload()
        else:
            page.go_back()
            expect(page.locator("[name=title]")).to_have_value(text)
            page.locator("[name=_save]").click()
        page.wait_for_url("**/event/")
        assert Event.objects.get().title == text


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
