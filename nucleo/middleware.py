from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.middleware.gzip import GZipMiddleware


def read_only_outside_the_admin(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Readers read: any other method is answered 405, before it could be taken for a form."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD") and not request.path.startswith("/admin/"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return get_response(request)

    return middleware


def compress_for_readers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Gzip for the public pages, which hold no secret that their length could betray. The admin's,
    with their tokens, go as they are; so do downloads, which are streamed."""
    compress = GZipMiddleware(get_response).process_response

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.streaming or request.path.startswith("/admin/"):
            return response
        return compress(request, response)

    return middleware


def refuse_nul(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """No query may carry a NUL: PostgreSQL would fail on it. Answers 400, as for a bad host."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "%00" in request.META.get("QUERY_STRING", "") or "\0" in request.path:
            raise SuspiciousOperation("NUL in the address")
        return get_response(request)

    return middleware
