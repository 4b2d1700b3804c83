import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nucleo.settings")

# A worker is forked with what the first process does when told to stop: it takes note. Nothing in a
# worker would ever read that note, and one that does not serve yet has nothing to finish.
if threading.current_thread() is threading.main_thread():  # not below runserver
    inherited = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if getattr(getattr(inherited, "__self__", None), "interrupt_signal", False):
        sys.exit()

# What a start makes stays: nothing of it is looked through for garbage, now or at any page.
gc.disable()

# Who connects to the proxy is, to all behind it, who connects: the last that it says, and only what
# a proxy of ours says.
through_proxies = wrap_wsgi_with_proxy_headers(
    get_wsgi_application(), trusted_hosts=settings.TRUSTED_PROXIES
)
import_module(settings.ROOT_URLCONF)  # before the first page asks for it
gc.freeze()
gc.enable()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Whoever comes by a Unix socket has no address, and is the proxy: nobody else may open it."""
    environ["REMOTE_ADDR"] = environ.get("REMOTE_ADDR") or "127.0.0.1"
    return through_proxies(environ, start_response)
