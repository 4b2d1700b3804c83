"""Answers 304, or the stored page. docs/freshness.md explains why neither is out of date."""

import gzip
import logging
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from freshness.stamp import edition, present

Handler = Callable[[HttpRequest], HttpResponse]
StoredPage = tuple[str, HttpResponse | None]
"""The ETag of a page, and the page unless it is too large to be stored."""

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
    kept: StoredPage | None = stored(name)
    etag, page = kept or ("", None)
    if etag and _is_known(request, etag):
        return _not_modified(etag)
    if page:
        return page
    response = get_response(request)
    if not _is_public(response):
        return response
    etag = _etag(response)
    response["ETag"] = f"W/{etag}"
    if request.method == "GET":
        is_small = len(response.content) <= LARGEST
        copy = HttpResponse(response.content, headers=dict(response.items()))
        store(name, (etag, copy if is_small else None))
    return _not_modified(etag) if _is_known(request, etag) else response


def _is_known(request: HttpRequest, etag: str) -> bool:
    environ = request.META  # request.headers would copy all headers: a quarter of the time
    return etag in environ.get("HTTP_IF_NONE_MATCH", "")


def _not_modified(etag: str) -> HttpResponse:
    return HttpResponseNotModified(headers={"ETag": f"W/{etag}", "Vary": "Accept-Encoding"})


def _etag(response: HttpResponse) -> str:
    """The digest of the page and the code. It does not change with the state of the record, so that
    it does not tell when a draft is saved."""
    content = response.content
    if response.get("Content-Encoding") == "gzip":  # with random bytes
        content = gzip.decompress(content)
    return f'"{sha256(edition().encode() + content).hexdigest()[:32]}"'


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


def stored(name: str) -> Any:
    """The stored page; None if there is none or if the store fails."""
    try:
        return caches["pages"].get(name)
    except Exception:  # each cache backend raises its own errors
        log.warning("The store of pages does not answer", exc_info=True)
        return None


def store(name: str, page: Any) -> None:
    try:
        caches["pages"].set(name, page)
    except Exception:
        log.warning("The store of pages takes nothing", exc_info=True)


def _is_public(response: HttpResponse) -> bool:
    return (
        response.status_code == 200
        and not response.cookies
        and not response.has_header("Cache-Control")
        and "cookie" not in response.get("Vary", "").lower()
        and not response.streaming  # it may break off, and an ETag would declare the part whole
    )


def _with_rule(response: HttpResponse, rule: str) -> HttpResponse:
    if not response.has_header("Cache-Control"):
        response["Cache-Control"] = rule
    return response
