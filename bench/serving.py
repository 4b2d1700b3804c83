"""The servers that are measured: the site, a bare Django, Wagtail and Datasette, each in a process
of its own on a free port, with DEBUG off."""

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
REFERENCES = ROOT / "bench" / "references"
ONE_WORKER = "--interface wsgi --workers 1 --blocking-threads 1 --log-level warning".split()
SITE, HELLO = "nucleo.wsgi:application", "bench.references.hello:application"


def settings(url: str, **more: str) -> dict[str, str]:
    """The environment of a server that runs the site, whatever this machine's own says."""
    return os.environ | {
        "DATABASE_URL": url, "DEBUG": "0", "SECRET_KEY": "bench" * 12,
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver", "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "nucleo.settings",
    } | more  # fmt: skip


def database(url: str, name: str) -> str:
    """Another database, an empty one, beside that of `url`."""
    if url.startswith("sqlite"):
        return f"{url.rpartition('/')[0]}/{name}.sqlite3"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


def server_version(url: str) -> str:
    with psycopg.connect(url) as connection:
        return ".".join(map(str, divmod(connection.info.server_version, 10000)))


def manage(url: str, *commands: str) -> None:
    for command in commands:
        line = [sys.executable, "manage.py", *command.split()]
        subprocess.run(line, cwd=ROOT, env=settings(url), check=True, stdout=subprocess.DEVNULL)


def in_site(url: str, file: str, *arguments: str) -> str:
    """What a program says that runs with the site's settings: `django.setup()` is its to call."""
    command = [sys.executable, file, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=settings(url), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def granian(application: str, environment: Mapping[str, str], folder: Path = ROOT) -> "Server":
    command = [sys.executable, "-m", "granian", *ONE_WORKER, "--port", "{port}", application]
    return Server(command, environment, folder)


def datasette(file: Path) -> "Server":
    return Server([sys.executable, "-m", "datasette", "serve", file, "--port", "{port}"])


class Server:
    """`with server as port`, from its first answer on; stopped at the end."""

    def __init__(
        self,
        command: list[str | Path],
        environment: Mapping[str, str] = os.environ,
        folder: Path = ROOT,
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.command = [str(word).format(port=self.port) for word in command]
        self.environment, self.folder = environment, folder

    def __enter__(self) -> int:
        self.log = TemporaryFile()
        self.process = subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self._wait()
        return self.port

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()

    def _wait(self) -> None:
        """Until somebody listens; who asks then is answered as soon as the worker is ready."""
        end = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.002)
        self.process.terminate()
        self.log.seek(0)
        sys.exit(f"{' '.join(self.command)} did not start.\n{self.log.read().decode()}")


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
    """What `wagtail start` makes, with its settings for production and the tutorial's blog, whose
    index is at /blog/; the connection is kept as ours is."""
    project, environment = folder / "wagtail", settings(url, PYTHONPATH="")
    environment["DJANGO_SETTINGS_MODULE"] = "mysite.settings.bench"
    project.mkdir()
    command = "import sys; from wagtail.bin.wagtail import main; sys.argv[0] = 'wagtail'; main()"
    run = {"cwd": project, "env": environment, "check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([sys.executable, "-c", command, "start", "mysite", "."], **run)
    copytree(REFERENCES / "blog", project / "blog")
    (project / "mysite" / "settings" / "bench.py").write_text(WAGTAIL_SETTINGS, encoding="utf-8")
    for line in ("makemigrations blog", "migrate", "collectstatic --no-input"):
        subprocess.run([sys.executable, "manage.py", *line.split(), "-v", "0"], **run)
    fill = ["shell", "--no-imports", "-c", "from blog.models import fill; fill()"]
    subprocess.run([sys.executable, "manage.py", *fill], **run)
    with granian("mysite.wsgi:application", environment, project) as port:
        yield port
