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

import psycopg

ROOT = Path(__file__).resolve().parent.parent
GRANIAN = "-m granian --interface wsgi --workers 1 --blocking-threads 1 --log-level warning".split()
SITE, HELLO = "nucleo.wsgi:application", "tools.references.hello:application"
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


WAGTAIL_SETTINGS = """
import os
import dj_database_url
from .production import *
INSTALLED_APPS += ["blog"]
SECRET_KEY = "a key for the bench alone, which guards nothing at all of anybody"
ALLOWED_HOSTS = ["*"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60)}
"""


@contextmanager
def wagtail(url: str, folder: Path) -> Iterator[int]:
    """Serves the project of `wagtail start` with the tutorial's blog, whose index is /blog/."""
    project, environment = folder / "wagtail", settings(url, PYTHONPATH="")
    environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings.bench"
    project.mkdir()
    run = {"cwd": project, "env": environment, "check": True, "stdout": subprocess.DEVNULL}
    start = "import sys; from wagtail.bin.wagtail import main; sys.argv[0] = 'wagtail'; main()"
    subprocess.run([sys.executable, "-c", start, "start", "mysite", "."], **run)
    copytree(ROOT / "tools" / "references" / "blog", project / "blog")
    (project / "mysite" / "settings" / "bench.py").write_text(WAGTAIL_SETTINGS, encoding="utf-8")
    for line in ("makemigrations blog", "migrate", "collectstatic --no-input"):
        subprocess.run([sys.executable, "manage.py", *line.split(), "-v", "0"], **run)
    fill = ["shell", "--no-imports", "-c", "from blog.models import fill; fill()"]
    subprocess.run([sys.executable, "manage.py", *fill], **run)
    with granian("mysite.wsgi:application", environment, project) as port:
        yield port
