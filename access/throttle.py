"""Counts failed logins by name and by address (django-axes). The table holds a pseudonym of the
address, made with the secret key, and forgets it after the cool-off."""

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
"""An address may fail as often as ten names, because an office shares an address."""


def pseudonym(request: HttpRequest) -> str:
    """Return the pseudonym of an address as an IPv6 address, which the column holds.

    The proxy sets REMOTE_ADDR; other headers could be forged. All addresses of an IPv6 network
    have one pseudonym.
    """
    key = settings.SECRET_KEY.encode()
    network = _network(request.META.get("REMOTE_ADDR", ""))
    return str(IPv6Address(digest(key, f"throttle {network}".encode(), sha256)[:16]))


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    return str(ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _is_proxy(request: HttpRequest) -> bool:
    """Return whether the address is the proxy's own, which all visitors share if the proxy does not
    pass theirs. Failures are then counted by name only; fifty would lock everybody out."""
    try:
        return ip_address(request.META.get("REMOTE_ADDR", "")).is_private
    except ValueError:
        return True


def client_name(*_: Any) -> str:
    """Return the name for all clients in the log of django-axes, which holds no personal data."""
    return "somebody"


class Throttle(AxesDatabaseHandler):
    """Counts failures by name, and by address with NAMES_PER_ADDRESS times the limit."""

    def user_login_failed(
        self,
        sender: Any,
        credentials: dict[str, Any],
        request: HttpRequest | None = None,
        **kwargs: Any,
    ) -> None:
        if request is None:
            return
        # Attributes that django-axes sets on the request, and stores.
        request.axes_user_agent = request.axes_http_accept = request.axes_path_info = ""  # type: ignore[attr-defined]
        super().user_login_failed(sender, credentials, request, **kwargs)
        AccessAttempt.objects.exclude(post_data="", get_data="").update(post_data="", get_data="")

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        by_name, by_address = (
            sum(attempts.values_list("failures_since_start", flat=True))
            for attempts in self.get_user_attempts(request, credentials)
        )
        return by_name if _is_proxy(request) else max(by_name, by_address // NAMES_PER_ADDRESS)

    def reset_user_attempts(
        self, request: HttpRequest, credentials: dict[str, Any] | None = None
    ) -> int:
        """Forget the failures of the name that logged in, and keep the failures of its address."""
        by_name, _by_address = self.filter_user_attempts(request, credentials)
        return by_name.delete()[0]


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    response = render(request, "admin/access/wait.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = minutes * 60
    return response


def delete_expired_attempts() -> int:
    """Delete the attempts whose cool-off is over. django-axes does so at each login."""
    oldest = timezone.now() - settings.AXES_COOLOFF_TIME
    return AccessAttempt.objects.filter(attempt_time__lte=oldest).delete()[0]
