"""Start the measured servers, each in its own process on a free port."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import psycopg

from tests.ports import free_port, opens
from tools.production import PRODUCTION
from tools.suite import postgresql, sqlite

DATABASES = {"SQLite": sqlite, "PostgreSQL": postgresql}
ROOT = Path(__file__).resolve().parent.parent
GRANIAN = "-m granian --interface wsgi --workers 1 --blocking-threads 1 --log-level warning".split()


def settings(url: str, **more: str) -> dict[str, str]:
    """Return the environment of a production server, over the settings of this machine."""
    return os.environ | PRODUCTION | {
        "DATABASE_URL": url,
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver", "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "nucleo.settings",
    } | more  # fmt: skip


def database(url: str, name: str) -> str:
    """Create an empty database on the server of `url`, and return its URL."""
    if url.startswith("sqlite"):
        return f"{url.rpartition('/')[0]}/{name}.sqlite3"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


def python(url: str, *commands: str) -> str:
    """Run Python once for each command, and return the output of the last."""
    run = {"cwd": ROOT, "env": settings(url), "check": True, "text": True}
    for line in commands:
        done = subprocess.run([sys.executable, *line.split()], stdout=subprocess.PIPE, **run)
    return done.stdout


@contextmanager
def granian(application: str, environment: Mapping[str, str], folder: Path = ROOT) -> Iterator[int]:
    """Start one worker with one blocking thread, and yield its port when it listens."""
    port = free_port()
    command = [sys.executable, *GRANIAN, "--port", f"{port}", application]
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    try:
        if not opens(port, server):
            sys.exit(f"{application} did not start.")
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


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


def hello(url: str, folder: Path) -> AbstractContextManager[int]:
    """Serve a view that answers «hello» in the project of `startproject`."""
    run = _started("django startproject", folder / "hello", url, "settings")
    (run["cwd"] / "mysite" / "urls.py").write_text(HELLO, encoding="utf-8")
    return granian("mysite.wsgi:application", run["env"], run["cwd"])


def wagtail(url: str, folder: Path) -> AbstractContextManager[int]:
    """Serve the project of `wagtail start` with the blog of its tutorial at /blog/."""
    more, base = 'INSTALLED_APPS += ["blog"]', "settings.production"
    run = _started("wagtail.bin.wagtail start", folder / "wagtail", url, base, more)
    copytree(ROOT / "tools" / "blog", run["cwd"] / "blog")
    for line in ("makemigrations blog", "migrate", "collectstatic --no-input"):
        subprocess.run([sys.executable, "manage.py", *line.split(), "-v", "0"], **run)
    fill = ["shell", "--no-imports", "-c", "from blog.models import fill; fill()"]
    subprocess.run([sys.executable, "manage.py", *fill], **run)
    return granian("mysite.wsgi:application", run["env"], run["cwd"])


def _started(command: str, project: Path, url: str, base: str, more: str = "") -> dict[str, Any]:
    """Make a project with settings for the bench. Return the options to run a program in it."""
    environment = settings(url, PYTHONPATH="", DJANGO_SETTINGS_MODULE="mysite.bench")
    run = {"cwd": project, "env": environment, "check": True, "stdout": subprocess.DEVNULL}
    project.mkdir()
    subprocess.run([sys.executable, "-m", *command.split(), "mysite", "."], **run)
    (project / "mysite" / "bench.py").write_text(BENCH_SETTINGS.format(base) + more, "utf-8")
    return run
