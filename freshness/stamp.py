"""Which state of the record the pages show: the stamp that every change draws anew, and the last
moment at which something became public, or ceased to be, because that had been decided before."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.core.cache import cache as store
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from record.publishing import Publishable

T = TypeVar("T")
log = logging.getLogger(__name__)
STAMP = "SELECT value FROM freshness_stamp"
_known: tuple[str, datetime | None, datetime | None] = ("", None, None)
"""Of a stamp, the last moment that has passed, and the next."""
_begun: ContextVar[str | None] = ContextVar("begun", default=None)


def present() -> str | None:
    """A name of what the record now shows to a visitor, never used for anything else; None while
    there is no stamp. Costs one small query, and five after a change or a moment."""
    global _known
    stamp, now = _stamp(), timezone.now()
    if not stamp:
        return None
    known, last, following = _known
    if known != stamp or (last and now < last) or (following and now >= following):
        last, following = _moments(now)
        _known = (stamp, last, following)
    return f"{stamp} {last and last.timestamp()}"


@contextmanager
def begun_in(state: str | None) -> Iterator[None]:
    """What is remembered meanwhile is so under this name, without its being asked for again."""
    token = _begun.set(state)
    try:
        yield
    finally:
        _begun.reset(token)


def _stamp() -> str:
    """All that was drawn. Every request asks this, so it is asked of the driver itself, and planned
    once: of Django's cursor it takes four times as long."""
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    with database.wrap_database_errors:
        if database.vendor == "sqlite":
            found = database.connection.execute(STAMP).fetchall()
        else:
            from psycopg import Cursor  # where there is SQLite, there need be no psycopg

            found = Cursor(database.connection).execute(STAMP, prepare=True).fetchall()
    return " ".join(sorted(str(value) for (value,) in found))


def _moments(now: datetime) -> tuple[datetime | None, datetime | None]:
    """The last at which anything turned, and the next."""
    turned = [
        model.objects.turns(now) for model in apps.get_models() if issubclass(model, Publishable)
    ]
    last, following = zip(*turned, strict=True)
    return max(filter(None, last), default=None), min(filter(None, following), default=None)


@cache
def edition() -> str:
    """A name of this code with its settings, for it writes the pages too."""
    root = Path(settings.BASE_DIR)
    written = sha256(repr([getattr(settings, name) for name in SHOWN]).encode())
    for pattern in WRITES:
        for path in sorted(root.glob(pattern)):
            written.update(f"{path.relative_to(root)}\0".encode())
            written.update(path.read_bytes())
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if manifest.exists():
        written.update(manifest.read_bytes())
    return written.hexdigest()


SHOWN = (
    "SITE_NAME", "COALITION", "CONTACT_EMAIL", "TAG_AUTHORITY", "SECURITY_CONTACT", "DEBUG",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
)  # fmt: skip
WRITES = ("[a-z]*/*.py", "[a-z]*/templatetags/*.py", "templates/**/*.html", "locale/**/*.mo")


def kept(key: str) -> Any:
    """None if nothing is; also where the store does not answer, for then pages are made anew."""
    try:
        return store.get(key)
    except Exception:  # whatever the store's own kind of failure is
        log.warning("The store of pages does not answer", exc_info=True)
        return None


def keep(key: str, value: Any) -> None:
    try:
        store.set(key, value)
    except Exception:
        log.warning("The store of pages takes nothing", exc_info=True)


def remembered(name: str, make: Callable[[], T]) -> T:
    """What `make` makes, until the record changes. Its value is stored, so it is plain data, and
    depends on nothing but the record and what `name` says."""
    state = (_begun.get() or present()) if settings.STORE_PAGES else None
    if state is None:
        return make()
    key = named(state, name)
    if (found := kept(key)) is None:
        found = (make(),)
        keep(key, found)
    return found[0]


def named(*parts: str | bool) -> str:
    """One name for all of them, whatever they hold."""
    return sha256(repr((edition(), *parts)).encode()).hexdigest()
