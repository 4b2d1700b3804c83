"""Sessions in the database that end twelve hours after the login, or two after the last request.
They know which second factor was given."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER
from django.contrib.sessions.backends import db
from django.db import InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

BEGAN, SEEN = "began", "seen"
SEEN_INTERVAL = 5 * 60  # seconds between two writes of SEEN
FACTORS, ONE_OFF = "factors", "one_off"
"""The numbers of the factors that were given, and whether the password must be changed."""


class Expired(NamedTuple):
    """The primary key of the user of an expired session, and its end."""

    user: str
    at: datetime


def end_of(session: Any) -> datetime | None:
    """The end of a session with this data, or None before the login."""
    if BEGAN not in session:
        return None
    end = min(session[BEGAN] + settings.SESSION_COOKIE_AGE, session[SEEN] + settings.SESSION_IDLE)
    return datetime.fromtimestamp(end, UTC)


class SessionStore(db.SessionStore):
    expired: Expired | None = None

    def begin(self) -> None:
        """Start counting the session's age."""
        self[BEGAN] = self[SEEN] = timezone.now().timestamp()

    def load(self) -> dict[str, Any]:
        data = super().load()
        end = end_of(data)
        if end and end <= timezone.now():
            if USER in data:
                self.expired = Expired(data[USER], end)
            self.delete(self.session_key)
            self._session_key = None
            return {}
        return data

    def touch(self) -> None:
        """Save the time of the request. An error is suppressed, so that logged-in users can read
        pages while the disk is full."""
        now = timezone.now().timestamp()
        if now - self.get(SEEN, now) < SEEN_INTERVAL:
            return
        was_modified = self.modified
        self[SEEN], data = now, dict(self.items()) | {SEEN: now}
        self.modified = was_modified
        expiry = self.get_expiry_date(expiry=self.get_session_cookie_age())
        with suppress(OperationalError, InternalError):
            self.model.objects.filter(session_key=self.session_key).update(
                session_data=self.encode(data), expire_date=expiry
            )

    def add_factor(self, factor: Authenticator) -> None:
        self[FACTORS] = [*self.get(FACTORS, []), factor.pk]


def with_factor(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Set `is_verified` on the user of each request, when it is first asked for."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = SimpleLazyObject(partial(_user_with_factor, request, request.user))
        request.user = user  # type: ignore[assignment]  # it acts as the user
        return get_response(request)

    return middleware


def _user_with_factor(request: HttpRequest, user: Any) -> Any:
    if user.is_authenticated:
        request.session.touch()  # type: ignore[attr-defined]  # it is a SessionStore
        user.is_verified = not request.session.get(ONE_OFF) and (
            not settings.SECOND_FACTOR or _has_factor(request, user)
        )
    return user


def _has_factor(request: HttpRequest, user: Any) -> bool:
    """Return whether the session was opened with a factor that the user still has."""
    numbers = request.session.get(FACTORS, [])
    return bool(numbers) and Authenticator.objects.filter(user=user, pk__in=numbers).exists()


def browser_name(agent: str) -> str:
    """Return a name like «Firefox en Windows» for a User-Agent."""
    browsers = {"Edg": "Edge", "OPR": "Opera", "Firefox": "Firefox", "FxiOS": "Firefox",
                "Chrome": "Chrome", "CriOS": "Chrome", "Safari": "Safari"}  # fmt: skip
    systems = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows",
               "Mac OS": "Mac", "CrOS": "ChromeOS", "Linux": "Linux"}  # fmt: skip
    browser = next((name for mark, name in browsers.items() if f"{mark}/" in agent), "")
    system = next((name for mark, name in systems.items() if mark in agent), "")
    return " en ".join(filter(None, (browser or "Navegador", system)))
