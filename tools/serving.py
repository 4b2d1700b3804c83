"""Starts the servers that are measured, each in a process of its own on a free port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryFile
from typing import Any

import psycopg

ROOT = Path(__file__).resolve().parent.parent
GRANIAN = "-m granian --interface wsgi --workers 1 --blocking-threads 1 --log-level warning".split()
SITE = "nucleo.wsgi:application"
START_SECONDS = 60


def settings(url: str, **more: str) -> dict[str, str]:
    """A server's environment, whatever this machine's own settings are."""
    return os.environ | {
        "DATABASE_URL": url, "DEBUG": "0", "SECRET_KEY": "bench" * 12,
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver", "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "nucleo.settings",
    } | more  # fmt: skip


def database(url: str, name: str) -> str:
    """The address of an empty database beside that of `url`."""
    if url.startswith("sqlite"):
        return f"{url.rpartition('/')[0]}/{name}.sqlite3"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


def python(url: str, *commands: str) -> str:
    """Runs Python with the site's settings, once for each command; returns what they print."""
    run = {"cwd": ROOT, "env": settings(url), "check": True, "text": True}
    return "".join(
        subprocess.run([sys.executable, *line.split()], stdout=subprocess.PIPE, **run).stdout
        for line in commands
    )


@contextmanager
def granian(application: str, environment: Mapping[str, str], folder: Path = ROOT) -> Iterator[int]:
    """Gives the port of one worker with one blocking thread, which listens by then."""
    port = free_port()
    with TemporaryFile() as log:
        server = subprocess.Popen(
            [sys.executable, *GRANIAN, "--port", f"{port}", application],
            cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            if not listens(port, server):
                log.seek(0)
                sys.exit(f"{application} did not start.\n{log.read().decode()}")
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int, server: subprocess.Popen) -> bool:
    """Waits until the server accepts connections; False when it ends or takes too long."""
    end = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return True
        time.sleep(0.01)
    return False


BENCH_SETTINGS = """
import os
import dj_database_url
from .{} import *
DEBUG, ALLOWED_HOSTS = False, ["*"]
SECRET_KEY = "a key for the bench alone, which guards nothing at all of anybody"
DATABASES = {{"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60)}}
"""
HELLO = """
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("hello"))]
"""


@contextmanager
def hello(url: str, folder: Path) -> Iterator[int]:
    """Serves a view that says «hello» in the project of `startproject`."""
    run = _started("django startproject", folder / "hello", url, "settings")
    mysite = folder / "hello" / "mysite"
    (mysite / "urls.py").write_text(HELLO, encoding="utf-8")
    with granian("mysite.wsgi:application", run["env"], run["cwd"]) as port:
        yield port


@contextmanager
def wagtail(url: str, folder: Path) -> Iterator[int]:
    """Serves the project of `wagtail start` with the tutorial's blog, whose index is /blog/."""
    run = _started("wagtail.bin.wagtail start", folder / "wagtail", url, "settings.production")
    copytree(ROOT / "tools" / "blog", run["cwd"] / "blog")
    with (run["cwd"] / "mysite" / "bench.py").open("a", encoding="utf-8") as file:
        file.write('INSTALLED_APPS += ["blog"]')
    for line in ("makemigrations blog", "migrate", "collectstatic --no-input"):
        subprocess.run([sys.executable, "manage.py", *line.split(), "-v", "0"], **run)
    fill = ["shell", "--no-imports", "-c", "from blog.models import fill; fill()"]
    subprocess.run([sys.executable, "manage.py", *fill], **run)
    with granian("mysite.wsgi:application", run["env"], run["cwd"]) as port:
        yield port


def _started(command: str, project: Path, url: str, base: str) -> dict[str, Any]:
    """Makes a project with settings for the bench; returns how to run a program in it."""
    environment = settings(url, PYTHONPATH="", DJANGO_SETTINGS_MODULE="mysite.bench")
    run = {"cwd": project, "env": environment, "check": True, "stdout": subprocess.DEVNULL}
    project.mkdir()
    subprocess.run([sys.executable, "-m", *command.split(), "mysite", "."], **run)
    (project / "mysite" / "bench.py").write_text(BENCH_SETTINGS.format(base), encoding="utf-8")
    return run
