"""Logs the signals of logins as LoginEvents, and notes the factors in the session."""

from typing import Any

from allauth.account.signals import password_changed
from allauth.core import context
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import pre_save
from django.dispatch import receiver

from access.adapters import user_named
from access.models import LoginEvent, OneOffPassword
from access.sessions import FACTORS, ONE_OFF, browser_name

Kind, Type = LoginEvent.Kind, Authenticator.Type
ADDED = {Type.WEBAUTHN: Kind.NEW_KEY, Type.TOTP: Kind.ENROLLED}


@receiver(user_logged_in, dispatch_uid="access.entered")
def log_login(request: Any, user: Any, **_: Any) -> None:
    if hasattr(request, "session"):
        request.session.begin()
        request.session[ONE_OFF] = OneOffPassword.objects.filter(user=user).exists()
    LoginEvent.objects.note(Kind.ENTERED, user)


@receiver(user_logged_out, dispatch_uid="access.left")
def log_logout(user: Any, **_: Any) -> None:
    if user is not None:
        LoginEvent.objects.note(Kind.LEFT, user)


@receiver(user_login_failed, dispatch_uid="access.failed")
def log_failure(credentials: dict[str, Any], **_: Any) -> None:
    LoginEvent.objects.note(Kind.FAILED, user_named(credentials.get("username")))


@receiver(mfa.authentication_failed, dispatch_uid="access.wrong_code")
def log_wrong_code(user: Any, **_: Any) -> None:
    LoginEvent.objects.note(Kind.WRONG_CODE, user)


@receiver(mfa.authenticator_used, dispatch_uid="access.used")
def log_use(request: Any, user: Any, authenticator: Authenticator, **_: Any) -> None:
    request.session.add_factor(authenticator)
    if authenticator.type == Type.RECOVERY_CODES:
        LoginEvent.objects.note(Kind.RECOVERED, user)
        authenticator.refresh_from_db()
        left = len(authenticator.wrap().get_unused_codes())
        messages.warning(request, f"Le quedan {left} códigos de recuperación.")


@receiver([mfa.authenticator_added, mfa.authenticator_reset], dispatch_uid="access.added")
def log_addition(request: Any, user: Any, authenticator: Authenticator, **_: Any) -> None:
    request.session.add_factor(authenticator)
    LoginEvent.objects.note(ADDED.get(authenticator.type, Kind.NEW_CODES), user)


@receiver(mfa.authenticator_removed, dispatch_uid="access.removed")
def log_removal(user: Any, **_: Any) -> None:
    LoginEvent.objects.note(Kind.REMOVED, user)


@receiver(password_changed, dispatch_uid="access.new_password")
def log_password(request: Any, user: Any, **_: Any) -> None:
    OneOffPassword.objects.filter(user=user).delete()
    request.session[ONE_OFF] = False
    LoginEvent.objects.note(Kind.NEW_PASSWORD, user)


@receiver(pre_save, sender=UserSession, dispatch_uid="access.no_address")
def keep_no_address(instance: UserSession, **_: Any) -> None:
    """Keep the name of the browser and the means of the login, and no address."""
    instance.ip = "::"
    if instance._state.adding:
        instance.user_agent = browser_name(instance.user_agent)
        numbers = context.request.session.get(FACTORS, [])
        factor = Authenticator.objects.filter(pk__in=numbers).last()
        instance.data = {"means": _means(factor)}


def _means(factor: Authenticator | None) -> str:
    if factor is None:
        return "contraseña"
    if factor.type == Type.WEBAUTHN:
        return f"llave «{factor}»"
    return "contraseña y código"
