"""The WSGI application, with the addresses of visitors from our proxies."""

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nucleo.settings")
# Workers inherit the signal handler of granian's main process, and would ignore a stop while they
# start.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

RESERVE = 64 * 1024


def kept_open(path: str) -> sqlite3.Connection | None:
    """Open the SQLite database for as long as the worker runs. The first connection needs room for
    the index of the log: on a full disk that room is the reserve, a file next to the database.
    Later connections share the index."""
    reserve, held = Path(f"{path}-reserve"), None
    for _attempt in range(2):
        with suppress(sqlite3.Error, OSError):
            held = sqlite3.connect(f"file:{quote(path)}?mode=rw", uri=True, check_same_thread=False)
            held.execute("SELECT 1 FROM sqlite_master").fetchone()
            if not reserve.exists():
                _fill(reserve)
            return held
        with suppress(OSError):
            reserve.unlink(missing_ok=True)
    return held


def _fill(reserve: Path) -> None:
    try:
        reserve.write_bytes(bytes(RESERVE))
    except OSError:
        reserve.unlink()  # a part of it
        raise


_database = settings.DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3") and not settings.DEBUG:
    # All connections of a process share one index, which would stay read-only.
    _held = kept_open(str(_database["NAME"])) if os.access(_database["NAME"], os.W_OK) else None

behind_proxies = wrap_wsgi_with_proxy_headers(
    get_wsgi_application(), trusted_hosts=settings.TRUSTED_PROXIES
)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Fill in the proxy's address for a Unix socket, which only the proxy may open."""
    environ["REMOTE_ADDR"] = environ.get("REMOTE_ADDR") or "127.0.0.1"
    return behind_proxies(environ, start_response)
