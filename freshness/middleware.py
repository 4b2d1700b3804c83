"""Answers 304, or the stored page. docs/freshness.md explains why neither is out of date."""

import logging
import re
from collections.abc import Callable
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import MiddlewareNotUsed
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotModified

from freshness.stamp import edition, present

Handler = Callable[[HttpRequest], HttpResponse]

log = logging.getLogger(__name__)
# Browsers and CDNs may keep a page, but must revalidate it for each request.
REVALIDATE = "public, max-age=0, must-revalidate"
LARGEST = 64 * 1024  # bytes of a stored page
GZIP = re.compile(r"\bgzip\b")


def stored_pages(get_response: Handler) -> Handler:
    """Answers public pages from the store. It stands early in MIDDLEWARE, so that a stored page
    does not pass through the rest."""
    if not settings.STORE_PAGES:
        raise MiddlewareNotUsed
    # The pages of the staff, and pages without a query.
    others = ("/admin/", "/healthz", "/robots.txt", settings.STATIC_URL)

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or request.path.startswith(others):
            return get_response(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            return _with_rule(get_response(request), "private, no-cache")
        state = present()
        response = _answer(request, state, get_response) if state else get_response(request)
        return _with_rule(response, REVALIDATE)

    return middleware


def _answer(request: HttpRequest, state: str, get_response: Handler) -> HttpResponse:
    name = page_name(request, state)
    etag = f'"{name[:32]}"'
    environ = request.META  # request.headers would copy all headers: a quarter of the time
    if etag in environ.get("HTTP_IF_NONE_MATCH", ""):
        return HttpResponseNotModified(headers={"ETag": f"W/{etag}", "Vary": "Accept-Encoding"})
    if stored := _stored(name):
        return stored
    response = get_response(request)
    if _is_public(response):
        response["ETag"] = f"W/{etag}"
        if request.method == "GET" and not response.streaming and len(response.content) <= LARGEST:
            _store(name, HttpResponse(response.content, headers=dict(response.items())))
    return response


def page_name(request: HttpRequest, state: str) -> str:
    """The digest of everything that a public page depends on: code, record and request."""
    environ = request.META
    parts = (
        edition(),
        state,
        request.scheme,
        request.get_host(),
        request.path_info,
        environ.get("QUERY_STRING", ""),
        bool(GZIP.search(environ.get("HTTP_ACCEPT_ENCODING", ""))),
    )
    return sha256(repr(parts).encode()).hexdigest()


def _stored(name: str) -> HttpResponse | None:
    """The stored page; None if there is none or if the store fails."""
    try:
        page: HttpResponse | None = cache.get(name)
        return page
    except Exception:  # each cache backend raises its own errors
        log.warning("The store of pages does not answer", exc_info=True)
        return None


def _store(name: str, response: HttpResponse) -> None:
    try:
        cache.set(name, response)
    except Exception:
        log.warning("The store of pages takes nothing", exc_info=True)


def _is_public(response: HttpResponse) -> bool:
    return (
        response.status_code == 200
        and not response.cookies
        and not response.has_header("Cache-Control")
        and "cookie" not in response.get("Vary", "").lower()
        # A stream of rows may break off, and an ETag would declare the part to be whole.
        and (not response.streaming or isinstance(response, FileResponse))
    )


def _with_rule(response: HttpResponse, rule: str) -> HttpResponse:
    if not response.has_header("Cache-Control"):
        response["Cache-Control"] = rule
    return response
