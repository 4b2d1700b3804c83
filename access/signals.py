"""Logins as Django tells of them, into the table that the staff read."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from access.models import LoginEvent

KIND = LoginEvent.Kind


@receiver(user_logged_in, dispatch_uid="access.entered")
def entered(request: Any, user: Any, **_: Any) -> None:
    if hasattr(request, "session"):
        request.session.begin()
    LoginEvent.objects.note(KIND.ENTERED, user)


@receiver(user_logged_out, dispatch_uid="access.left")
def left(user: Any, **_: Any) -> None:
    if user is not None:
        LoginEvent.objects.note(KIND.LEFT, user)


@receiver(user_login_failed, dispatch_uid="access.failed")
def failed(credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    if not getattr(request, "axes_locked_out", False):
        kind = KIND.WRONG_CODE if "code" in credentials else KIND.FAILED
        LoginEvent.objects.note(kind, _known(credentials.get("username")))


@receiver(user_locked_out, dispatch_uid="access.locked")
def locked(request: Any, username: str | None = None, **_: Any) -> None:
    """Noted once, when it begins: not for every attempt during the wait."""
    if request.axes_failures_since_start is not None:
        LoginEvent.objects.note(KIND.LOCKED, _known(username))


def _known(username: str | None) -> Any:
    if not username or "\0" in username:
        return None
    return get_user_model()._default_manager.filter(username=username).first()
