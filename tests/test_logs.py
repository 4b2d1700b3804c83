"""The log of a server: a line an event, and nothing of anybody."""

import json
import logging
import sqlite3

import pytest
from django.db import OperationalError
from django.test import RequestFactory

from nucleo.logs import Line


def logged(caplog: pytest.LogCaptureFixture) -> list[dict]:
    lines = [Line().format(record) for record in caplog.records]
    assert all("\n" not in line and "\r" not in line for line in lines)
    return [json.loads(line) for line in lines]


@pytest.mark.django_db
def test_a_line_break_in_an_address_makes_no_second_line(client, caplog):
    logging.getLogger("nucleo").warning("one\nline\r\nof it")
    client.get("/no-existe%0A%0D%7B%22level%22%3A%22error%22%7D?q=secreto")
    _, line = logged(caplog)
    assert line["status"] == 404
    assert line["level"] == "warning"
    assert "/no-existe" in line["message"]
    assert "secreto" not in json.dumps(line)


def test_of_a_failure_the_kind_and_the_places_are_told_and_not_what_was_typed(caplog):
    try:
        int("203.0.113.9 secreto")
    except ValueError:
        request = RequestFactory().get("/?q=secreto", REMOTE_ADDR="203.0.113.9")
        logging.getLogger("django.request").exception("Failed", extra={"request": request})
    (line,) = logged(caplog)
    assert line["error"] == "builtins.ValueError"
    assert "test_logs.py" in line["at"][-1]
    for said in ("secreto", "203.0.113.9"):
        assert said not in json.dumps(line)


def test_of_a_failed_query_the_database_s_code_is_told(caplog):
    cause = sqlite3.OperationalError("secreto")
    cause.sqlite_errorname = "SQLITE_FULL"
    try:
        raise OperationalError("secreto") from cause
    except OperationalError:
        logging.getLogger("django.request").exception("Failed")
    (line,) = logged(caplog)
    assert line["code"] == "SQLITE_FULL"
    assert "secreto" not in json.dumps(line)
