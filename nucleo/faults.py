"""503 in Spanish while the database or a disk is away, full, read-only or busy for too long.

Errors without a handler end in `handler500`, which asks here for the cause. An error in our code
stays 500.
"""

import errno
import sqlite3
import sys

from csp.utils import build_policy
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

HEADERS = {"Retry-After": "5", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
READ_ONLY, BEYOND_A_LIMIT = "25006", "54"
"""A SQLSTATE of PostgreSQL, and the class of those that ask too much of it."""


def is_fault(error: BaseException | None) -> bool:
    """Return whether the request is right, and a working machine could answer it."""
    if isinstance(error, OSError):
        return error.errno in DISK_ERRORS
    cause = getattr(error, "__cause__", None)
    state = getattr(cause, "sqlstate", None) or ""
    if isinstance(error, InternalError):
        return state == READ_ONLY
    # SQLite has the same class for a missing table or a syntax error, with the code SQLITE_ERROR.
    mistake = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    is_operational = isinstance(error, OperationalError | InterfaceError)
    return is_operational and not mistake and not state.startswith(BEYOND_A_LIMIT)


def unavailable(request: HttpRequest) -> HttpResponse | None:
    """Answer the request whose exception is being handled; None if no fault raised it."""
    if not is_fault(sys.exc_info()[1]):
        return None
    if not connection.in_atomic_block:  # only tests hold a transaction around a request
        connection.close()  # SQLite keeps a connection from a read-only disk read-only
    context = {"site_name": settings.SITE_NAME, "contact_email": settings.CONTACT_EMAIL}
    context["sent"] = request.method not in ("GET", "HEAD")
    response = HttpResponse(render_to_string("503.html", context), status=503, headers=HEADERS)
    # The middleware that stores pages fails outside of the one that adds the policy.
    response["Content-Security-Policy"] = build_policy()
    return response
