"""Response headers, compression, refused requests, and the policy of the rich text editor."""

from collections.abc import Callable

from django.core.exceptions import SuspiciousOperation
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
)
from django.middleware.gzip import GZipMiddleware
from django.template.response import TemplateResponse
from js_asset import Media

GetResponse = Callable[[HttpRequest], HttpResponse]

FEATURES = (
    "accelerometer autoplay camera display-capture encrypted-media fullscreen geolocation "
    "gyroscope hid idle-detection magnetometer microphone midi payment picture-in-picture "
    "screen-wake-lock serial usb xr-spatial-tracking"
).split()
KEYS = (f"publickey-credentials-{act}=(self)" for act in ("create", "get"))
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join([*(f"{feature}=()" for feature in FEATURES), *KEYS]),
}
# The digest of the style that this version of the rich text editor writes into the page.
EDITOR_STYLE = "'sha256-PlumsSlvJ7vvWzjqibGAYKq92O3y/4JTxWWsWJvyUYA='"


def headers(get_response: GetResponse) -> GetResponse:
    """Add the headers that Django's SecurityMiddleware does not send."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        return response

    return middleware


class CompressPublicPages(GZipMiddleware):
    """Compresses neither downloads nor the admin, whose tokens the length of a page could reveal
    (BREACH)."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.streaming or request.path.startswith("/admin/"):
            return response
        return super().process_response(request, response)


def refuse(get_response: GetResponse) -> GetResponse:
    """Answer 404 or 400 to an address with a NUL, which PostgreSQL refuses, and 405 to a method
    without a view."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.get_host()  # the pages of errors contain it, so a wrong host gets 400 first
        if "\0" in request.path:
            raise Http404("Ninguna dirección de este sitio lleva ese carácter.")
        if "%00" in request.META.get("QUERY_STRING", ""):
            raise SuspiciousOperation("NUL in the address")
        methods = ["GET", "HEAD", *(["POST"] if request.path.startswith("/admin/") else [])]
        if request.method not in methods:
            return HttpResponseNotAllowed(methods)
        return get_response(request)

    return middleware


class EditorPolicy:
    """Lets the rich text editor run: adds the page's nonce to its import map, and its style to the
    policy. Public pages have no nonce, because they are stored."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_template_response(
        self, request: HttpRequest, response: TemplateResponse
    ) -> TemplateResponse:
        context = response.context_data or {}
        if isinstance(context.get("media"), Media):
            # django-csp sets and reads these two attributes.
            nonce = request.csp_nonce  # type: ignore[attr-defined]
            response._csp_update = {"style-src": [EDITOR_STYLE]}  # type: ignore[attr-defined]
            context["media"] = Media.from_media(context["media"], nonce=nonce)
        return response
