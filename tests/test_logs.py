"""The log of a server: one line for each event, without data of any person."""

import json
import logging
import sqlite3

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from nucleo.logs import JSONFormatter


def logged(caplog: pytest.LogCaptureFixture) -> list[dict]:
    lines = [JSONFormatter().format(record) for record in caplog.records]
    assert not any("\n" in line or "\r" in line or "secreto" in line for line in lines)
    return [json.loads(line) for line in lines]


@pytest.mark.django_db
def test_a_line_break_in_an_address_makes_no_second_line(client, caplog):
    logging.getLogger("nucleo").warning("one\nline\r\nof it")
    client.get("/no-existe%0A%0D%7B%22level%22%3A%22error%22%7D?q=secreto")
    _, line = logged(caplog)
    assert (line["status"], line["level"]) == (404, "warning")
    assert "/no-existe" in line["message"]


@pytest.mark.django_db
def test_a_refused_request_is_a_warning_in_the_log_and_a_failure_is_an_error(client, caplog):
    client.get("/?q=%00")
    client.get("/", headers={"Host": "secreto.example"})
    client.get("/admin/autocomplete/?p=%00secreto")
    logging.getLogger("django.request").error("Failed", extra={"status_code": 500})
    console, *_ = logging.root.handlers
    assert all(map(console.filter, caplog.records))
    lines = logged(caplog)
    assert [line["level"] for line in lines] == ["warning", "warning", "warning", "error"]
    assert lines[1]["message"] == "Refused: DisallowedHost"


def test_a_failure_is_logged_by_its_class_its_places_and_its_code(caplog):
    request = RequestFactory().get("/?q=secreto", REMOTE_ADDR="203.0.113.9")
    cause = sqlite3.OperationalError("secreto")
    cause.sqlite_errorname = "SQLITE_FULL"
    error = OperationalError("203.0.113.9 secreto")
    error.__cause__ = cause
    for raised in (ValueError("203.0.113.9 secreto"), error):
        try:
            raise raised
        except Exception:
            logging.getLogger("django.request").exception("Failed", extra={"request": request})
    first, second = logged(caplog)
    assert (first["error"], "code" in first) == ("builtins.ValueError", False)
    assert (second["error"], second["code"]) == ("django.db.utils.OperationalError", "SQLITE_FULL")
    for line in (first, second):
        assert "test_logs.py" in line["at"][-1]
        assert "203.0.113.9" not in json.dumps(line)
