"""Failed logins are counted by name and by address. What stands in the table for an address is a
pseudonym of it, which only the secret key can make, and goes with the cool-off."""

from hashlib import sha256
from hmac import digest
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

NAMES_PER_ADDRESS = 10
"""An office shares an address: it may fail as often as ten names together."""


def pseudonym(request: HttpRequest) -> str:
    """In the form of an IPv6 address, as the column is. Only what the proxy says of the connection
    counts (`REMOTE_ADDR`); headers are the visitor's to write. IPv6 is taken by its network."""
    key = settings.SECRET_KEY.encode()
    network = _network(request.META.get("REMOTE_ADDR", ""))
    return str(IPv6Address(digest(key, f"throttle {network}".encode(), sha256)[:16]))


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def _is_the_proxy(request: HttpRequest) -> bool:
    """Where the proxy does not hand on who connects to it, everybody has its address, and fifty
    failures would keep all of them waiting: then names alone are counted."""
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_private
    except ValueError:
        return True


def nobody(*_: Any) -> str:
    """Whom the log names."""
    return "somebody"


class Throttle(AxesDatabaseHandler):
    def user_login_failed(
        self, sender: Any, credentials: dict, request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        if request is None:
            return
        # Of what the browser sent, nothing that we count and so nothing that we keep.
        request.axes_user_agent = request.axes_http_accept = request.axes_path_info = ""
        super().user_login_failed(sender, credentials, request, **kwargs)
        AccessAttempt.objects.exclude(post_data="", get_data="").update(post_data="", get_data="")

    def get_failures(self, request: HttpRequest, credentials: dict | None = None) -> int:
        by_name, by_address = (
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        )
        return by_name if _is_the_proxy(request) else max(by_name, by_address // NAMES_PER_ADDRESS)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict | None = None) -> int:
        """Whoever got in is forgiven; not whoever else tried from the same address."""
        by_name, _by_address = self.filter_user_attempts(request, credentials)
        return by_name.delete()[0]


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    response = render(request, "admin/access/wait.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = minutes * 60
    return response


def forget() -> int:
    """Attempts whose cool-off is over; any login does it as well."""
    over = timezone.now() - settings.AXES_COOLOFF_TIME
    return AccessAttempt.objects.filter(attempt_time__lte=over).delete()[0]
