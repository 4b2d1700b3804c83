from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.middleware.gzip import GZipMiddleware
from django.template.response import TemplateResponse
from js_asset import Media

Handler = Callable[[HttpRequest], HttpResponse]

# Nothing that a page here could want: what a browser does not know, it ignores.
POWERS = (
    "accelerometer autoplay camera display-capture encrypted-media fullscreen "
    "geolocation gyroscope hid idle-detection magnetometer microphone midi payment "
    "picture-in-picture publickey-credentials-get screen-wake-lock serial usb "
    "xr-spatial-tracking"
).split()
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{power}=()" for power in POWERS),
}
# The style that the rich text editor writes into the page by itself, in this version of it:
# `test_the_editor_writes_under_the_policy` fails when a newer one writes another.
EDITOR_STYLE = "'sha256-PlumsSlvJ7vvWzjqibGAYKq92O3y/4JTxWWsWJvyUYA='"


def headers(get_response: Handler) -> Handler:
    """What Django's SecurityMiddleware does not send, on every answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response

    return middleware


def known_methods(get_response: Handler) -> Handler:
    """Readers read: any other method is answered 405, before it could be taken for a form."""

    def middleware(request: HttpRequest) -> HttpResponse:
        known = ["GET", "HEAD"]
        if request.path.startswith("/admin/"):
            known.append("POST")
        if request.method not in known:
            return HttpResponseNotAllowed(known)
        return get_response(request)

    return middleware


def compress_for_readers(get_response: Handler) -> Handler:
    """Gzip for the public pages, which hold no secret that their length could betray. The admin's,
    with their tokens, go as they are; so do downloads, which are streamed."""
    compress = GZipMiddleware(get_response).process_response

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if response.streaming or request.path.startswith("/admin/"):
            return response
        return compress(request, response)

    return middleware


def refuse_nul(get_response: Handler) -> Handler:
    """No query may carry a NUL: PostgreSQL would fail on it. Answers 400, as for a bad host; and no
    page has one in its address."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path:
            raise Http404("Ninguna dirección de este sitio lleva ese carácter.")
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise SuspiciousOperation("NUL in the address")
        return get_response(request)

    return middleware


class EditorPolicy:
    """The rich text editor under the policy: its import map carries the page's nonce, which no
    public page has, for those are stored; its one style is allowed where it is."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_template_response(
        self, request: HttpRequest, response: TemplateResponse
    ) -> TemplateResponse:
        media = (response.context_data or {}).get("media")
        if isinstance(media, Media):
            nonced = Media.from_media(media, nonce=request.csp_nonce)
            response.context_data["media"] = nonced
            response._csp_update = {"style-src": [EDITOR_STYLE]}
        return response
