"""Logs the signals of logins as LoginEvents."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from access.models import LoginEvent


@receiver(user_logged_in, dispatch_uid="access.entered")
def log_login(request: Any, user: Any, **_: Any) -> None:
    if hasattr(request, "session"):
        request.session.begin()
    LoginEvent.objects.note(LoginEvent.Kind.ENTERED, user)


@receiver(user_logged_out, dispatch_uid="access.left")
def log_logout(user: Any, **_: Any) -> None:
    if user is not None:
        LoginEvent.objects.note(LoginEvent.Kind.LEFT, user)


@receiver(user_login_failed, dispatch_uid="access.failed")
def log_failure(credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    if not getattr(request, "axes_locked_out", False):
        kind = LoginEvent.Kind.WRONG_CODE if "code" in credentials else LoginEvent.Kind.FAILED
        LoginEvent.objects.note(kind, _user_named(credentials.get("username")))


@receiver(user_locked_out, dispatch_uid="access.locked")
def log_lockout(request: Any, username: str | None = None, **_: Any) -> None:
    """Log the beginning of a lockout, and no attempts during it."""
    if request.axes_failures_since_start is not None:
        LoginEvent.objects.note(LoginEvent.Kind.LOCKED, _user_named(username))


def _user_named(username: str | None) -> Any:
    if not username or "\0" in username:
        return None
    return get_user_model()._default_manager.filter(username=username).first()
