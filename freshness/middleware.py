"""Pages for nothing: whoever has a page already is told that it still holds, and whoever has not
gets it as it was made for the one before. docs/freshness.md says why neither is ever out of date.
"""

import re
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotModified

from freshness.stamp import begun_in, keep, kept, named, present

Handler = Callable[[HttpRequest], HttpResponse]

REVALIDATE = "public, max-age=0, must-revalidate"
"""Browsers and CDNs may keep it, and ask each time whether it still holds."""
LARGEST = 64 * 1024  # bytes of a page that is stored
GZIP = re.compile(r"\bgzip\b")


def stored_pages(get_response: Handler) -> Handler:
    """As far out as can be, so that what is stored costs nothing further in."""
    if not settings.STORE_PAGES:
        raise MiddlewareNotUsed
    # Staff's, and what is answered without the database too.
    others = ("/admin/", "/healthz", "/robots.txt", settings.STATIC_URL)

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or request.path.startswith(others):
            return get_response(request)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            return _with_rule(get_response(request), "private, no-cache")
        state = present()
        return _with_rule(_answer(request, state, get_response), REVALIDATE)

    return middleware


def _answer(request: HttpRequest, state: str | None, get_response: Handler) -> HttpResponse:
    if state is None:
        return get_response(request)
    name = page_name(request, state)
    etag = f'"{name[:32]}"'
    sent = request.META  # making `request.headers` of it takes longer than all the rest
    if etag in sent.get("HTTP_IF_NONE_MATCH", ""):
        return HttpResponseNotModified(headers={"ETag": f"W/{etag}", "Vary": "Accept-Encoding"})
    if stored := kept(name):
        return stored
    with begun_in(state):
        response = get_response(request)
    if _is_for_everybody(response) and _is_whole(response):
        response["ETag"] = f"W/{etag}"
        if request.method == "GET" and not response.streaming and len(response.content) <= LARGEST:
            keep(name, HttpResponse(response.content, headers=dict(response.items())))
    return response


def page_name(request: HttpRequest, state: str) -> str:
    """Different for whatever makes a page different: the record's state, and all of an address.
    Whoever is logged in has no page with a name."""
    sent = request.META
    return named(
        state,
        request.scheme,
        request.get_host(),
        request.path_info,
        sent.get("QUERY_STRING", ""),
        bool(GZIP.search(sent.get("HTTP_ACCEPT_ENCODING", ""))),
    )


def _is_for_everybody(response: HttpResponse) -> bool:
    return (
        response.status_code == 200
        and not response.cookies
        and not response.has_header("Cache-Control")
        and "cookie" not in response.get("Vary", "").lower()
    )


def _is_whole(response: HttpResponse) -> bool:
    """What is still to be read from the database may break off, and whoever keeps such a piece
    must not be told that it holds."""
    return not response.streaming or isinstance(response, FileResponse)


def _with_rule(response: HttpResponse, rule: str) -> HttpResponse:
    if not response.has_header("Cache-Control"):
        response["Cache-Control"] = rule
    return response
