"""When the database is away, full, read-only or busy for too long, or a disk is: 503, in Spanish,
without asking it for anything; and right again with the first request after it is back.

An exception becomes an answer wherever it is raised, so a middleware further out never sees it. All
that nobody caught end in `handler500`, which asks here what it was: `is_fault` tells a fault of the
machine from a mistake in our code, which stays 500. What `unanswered` says of it is marked, and
`withstand`, around everything, does the rest.

Connections are kept between requests and not tried before each: that would cost every page a round
trip more. One that died meanwhile, with a restart of PostgreSQL, is noticed by the query that fails
on it. Reading is then done again, once, on a new one; what writes can't be done again, so it is
tried before.
"""

import errno
import logging
import sqlite3
import sys
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from nucleo.middleware import Handler

RETRY_AFTER = 5
"""Seconds."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
READ_ONLY, BEYOND_A_LIMIT = "25006", "54"
"""What PostgreSQL says when it only reads, and the class of what asks too much of it."""
SAFE = ("GET", "HEAD")
logger = logging.getLogger("nucleo.faults")


def is_fault(error: BaseException | None) -> bool:
    """Whether what was asked is right, and could be done by a machine that works."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    state, code = _as_the_database_says(error)
    if isinstance(error, InternalError):
        return state == READ_ONLY
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    # SQLite calls what it cannot read an operational error too: no such table, a wrong word.
    return code != sqlite3.SQLITE_ERROR and not state.startswith(BEYOND_A_LIMIT)


def _as_the_database_says(error: BaseException | None) -> tuple[str, int]:
    """PostgreSQL's SQLSTATE, SQLite's code; empty and 0 where it did not get to say."""
    cause = getattr(error, "__cause__", None)
    return getattr(cause, "sqlstate", None) or "", getattr(cause, "sqlite_errorcode", 0)


def unanswered(request: HttpRequest) -> HttpResponse | None:
    """The answer to a request that a fault ended, while its exception is handled; else None."""
    error = sys.exc_info()[1]
    if not is_fault(error):
        return None
    said = {"site_name": settings.SITE_NAME, "contact_email": settings.CONTACT_EMAIL}
    said |= {"sent": request.method not in SAFE}
    response = HttpResponse(render_to_string("503.html", said), status=503)
    # Where the stamp of the pages cannot be read, nothing further in adds these.
    response["Content-Security-Policy"] = build_policy()
    response["X-Content-Type-Options"] = "nosniff"
    response._has_been_logged = True  # by Django, with a traceback, and whatever a row held
    return marked(response, error)


def marked(response: HttpResponse, error: BaseException) -> HttpResponse:
    response.fault = error
    response["Retry-After"], response["Cache-Control"] = RETRY_AFTER, "no-store"
    return response


def withstand(get_response: Handler) -> Handler:
    """Outermost, so that whatever fails further in may be done again."""

    def middleware(request: HttpRequest) -> HttpResponse:
        kept = connection.connection is not None
        if request.method not in SAFE:
            _try_connection()
        response = get_response(request)
        if kept and request.method in SAFE and hasattr(response, "fault") and _is_dead():
            _close()
            logger.warning("A kept connection to the database was dead: asked again on a new one")
            response = get_response(request)
        if hasattr(response, "fault"):
            _close()
            logger.error("503 (%s): %s %s", *_told(request, response.fault))
        return response

    return middleware


def _try_connection() -> None:
    if connection.connection is not None and not connection.is_usable():
        _close()


def _is_dead() -> bool:
    return connection.connection is None or not connection.is_usable()


def _close() -> None:
    """Also one that still reads, for one that SQLite opened on a read-only disk stays so."""
    if not connection.in_atomic_block:  # as only tests are, around a whole request
        connection.close()


def _told(request: HttpRequest, error: Any) -> tuple[str, str, str]:
    """On one line, and nothing of what was sent: messages of the database may quote it."""
    state, code = _as_the_database_says(error)
    kind = f"{type(error).__name__} {state or code or getattr(error, 'errno', None) or ''}".strip()
    path = request.path.encode("unicode_escape").decode("ascii")
    return kind, str(request.method), path
