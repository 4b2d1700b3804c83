"""The state of the record on public pages: the stamp, which each change replaces, and the last
moment at which the clock published or withdrew a record. Also the edition of the code."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from record.publishing import Publishable

SHOWN = (
    "SITE_NAME", "COALITION", "CONTACT_EMAIL", "PUBLISHER", "PUBLISHER_ADDRESS", "SOURCE_URL",
    "LANGUAGE_TAG", "TIME_ZONE", "TAG_AUTHORITY", "SECURITY_CONTACT", "DEBUG",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
)  # fmt: skip
WRITES = ("[a-z]*/*.py", "[a-z]*/templatetags/*.py", "templates/**/*.html", "locale/**/*.mo")
STAMP = "SELECT value FROM freshness_stamp"
_known: tuple[str, datetime | None, datetime | None] = ("", None, None)
"""A stamp, the last scheduled moment before now, and the next one."""


def present() -> str | None:
    """The name of the present state of the record for a visitor, unique to that state and to the
    day, which pages name as the day of access; None if there is no stamp. Needs one query, and six
    more after a change or a scheduled moment."""
    global _known
    stamp, now = _stamp(), timezone.now()
    if not stamp:
        return None
    known, last, following = _known
    if known != stamp or (last and now < last) or (following and now >= following):
        last, following = _moments(now)
        _known = (stamp, last, following)
    return f"{stamp} {last and last.timestamp()} {timezone.localdate()}"


def _stamp() -> str:
    """All numbers of the stamp. Since each request reads them, PostgreSQL gets a prepared query on
    the open connection, without Django's check of the connection."""
    opened = connection.connection if connection.vendor == "postgresql" else None
    if opened is not None:
        with suppress(OperationalError), connection.wrap_database_errors:
            return _joined(psycopg.Cursor(opened).execute(STAMP, prepare=True))
    with connection.cursor() as cursor:
        return _joined(cursor.execute(STAMP) or cursor)


def _joined(rows: Iterable[tuple[int]]) -> str:
    return " ".join(sorted(str(value) for (value,) in rows))


def _moments(now: datetime) -> tuple[datetime | None, datetime | None]:
    """The last moment at which the clock published or withdrew a record, and the next one."""
    turns = [m.objects.turns(now) for m in apps.get_models() if issubclass(m, Publishable)]
    last, following = zip(*turns, strict=True)
    return max(filter(None, last), default=None), min(filter(None, following), default=None)


@cache
def edition() -> str:
    """The digest of the code, templates and settings."""
    root = Path(settings.BASE_DIR)
    digest = sha256(repr([getattr(settings, name) for name in SHOWN]).encode())
    for pattern in WRITES:
        for path in sorted(root.glob(pattern)):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(path.read_bytes())
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if manifest.exists():
        digest.update(manifest.read_bytes())
    return digest.hexdigest()
