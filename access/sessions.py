"""Sessions in the database that end twelve hours after the login, or two after the last request."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import db
from django.db import InternalError, OperationalError
from django.utils import timezone

BEGAN, SEEN = "began", "seen"
SEEN_INTERVAL = 5 * 60  # seconds between two writes of SEEN


class SessionStore(db.SessionStore):
    def begin(self) -> None:
        """Start counting the session's age."""
        self[BEGAN] = self[SEEN] = timezone.now().timestamp()

    def load(self) -> dict[str, Any]:
        data, now = super().load(), timezone.now().timestamp()
        began, seen = data.get(BEGAN, now), data.get(SEEN, now)
        if now - began >= settings.SESSION_COOKIE_AGE or now - seen >= settings.SESSION_IDLE:
            self.delete(self.session_key)
            self._session_key = None
            return {}
        if SEEN in data and now - seen >= SEEN_INTERVAL:
            data[SEEN] = now
            self._save_seen(data)
        return data

    def _save_seen(self, data: dict[str, Any]) -> None:
        """Save the time of the request. An error is suppressed, so that logged-in users can read
        pages while the disk is full."""
        expiry = self.get_expiry_date(expiry=self.get_session_cookie_age())
        with suppress(OperationalError, InternalError):
            self.model.objects.filter(session_key=self.session_key).update(
                session_data=self.encode(data), expire_date=expiry
            )
