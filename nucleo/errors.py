"""The error pages and the health check.

The status is 503 while the database or a disk is absent, full, read-only or busy for too long, and
500 for an error in our code.
"""

import errno
import sqlite3
import sys
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.db import Error as DatabaseException
from django.db import InterfaceError, InternalError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache

from nucleo.views import site
from record.text import echoed
from search.views import meant_by

HEADERS = {"Retry-After": "5", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
READ_ONLY, BEYOND_A_LIMIT = "25006", "54"
"""SQLSTATE of PostgreSQL: a read-only transaction, and the class «program limit exceeded»."""


def is_fault(error: BaseException | None) -> bool:
    """Return whether the error is a fault of the database or a disk, and not of the request or the
    code."""
    if isinstance(error, OSError):
        return error.errno in DISK_ERRORS
    cause = getattr(error, "__cause__", None)
    state = getattr(cause, "sqlstate", None) or ""
    if isinstance(error, InternalError):
        return state == READ_ONLY
    # SQLite raises OperationalError for a missing table and a syntax error too.
    mistake = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    is_operational = isinstance(error, OperationalError | InterfaceError)
    return is_operational and not mistake and not state.startswith(BEYOND_A_LIMIT)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 503 if a fault raised the current exception, and 500 otherwise."""
    context: dict[str, Any] = site(request)
    if not is_fault(sys.exc_info()[1]):
        return HttpResponse(render_to_string("500.html", context), status=500)
    if not connection.in_atomic_block:  # only tests hold a transaction around a request
        connection.close()  # SQLite would keep a connection to a read-only disk read-only
    context["sent"] = request.method not in ("GET", "HEAD")
    response = HttpResponse(render_to_string("503.html", context), status=503, headers=HEADERS)
    # The policy's middleware does not run when the middleware before it fails.
    response["Content-Security-Policy"] = build_policy()
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(render_to_string("400.html", site(request)), status=400)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the message of an Http404 of our own code, in Spanish. Django's messages are hidden."""
    reason = next((message for message in exception.args if isinstance(message, str)), "")
    meant = [] if reason else meant_by(request.path)
    return render(request, "404.html", {"reason": echoed(reason), "meant": meant}, status=404)


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer `ok` and the version while the database answers and has all migrations."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseException:
        return HttpResponse("database", status=503, content_type="text/plain", headers=HEADERS)
    if pending:
        return HttpResponse("migrations", status=503, content_type="text/plain")
    return HttpResponse(f"ok {settings.VERSION}", content_type="text/plain")
