"""Full and read-only disks under the site as a server runs it: it is read, writes are refused, the
database stays whole, and writes succeed once there is room."""

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.breaking import PASSWORD, Site, postgresql, prepared, served

pytestmark = pytest.mark.hard
READING = ("/", "/linea-de-tiempo/", "/linea-de-tiempo/atom.xml", "/buscar/?q=organizaciones",
           "/datos/eventos.csv", "/admin/", "/admin/timeline/event/")  # fmt: skip
IMPORT = "/admin/exchange/receipt/importar/eventos/"
ATTEMPTS = 400
"""Writes until there is no room: a database uses its allocated space first."""


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)  # noqa: S607
    assert done.returncode == 0, f"A disk must be mounted here, so run this as root: {done.stderr}"


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nucleo-disk-") as folder:
        Path(folder).chmod(0o755)
        mount("-t", "tmpfs", "-o", f"size={size},mode=755", "nucleo", folder)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """The disk, filled to the last byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 16, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
    try:
        yield
    finally:
        filler.unlink()


def assert_readable(site: Site) -> None:
    for path in READING:
        assert site.get(path).status == 200, path


def saved_until_refused(site: Site) -> set[str]:
    """The slugs acknowledged before there was no room."""
    saved = set()
    for number in range(ATTEMPTS):
        answer = site.save(f"lleno-{number}")
        if answer.status != 302:
            assert answer.status == 503
            assert "Dé por no guardado" in answer.text
            return saved
        saved.add(f"lleno-{number}")
    pytest.fail("There was room for all")


def assert_refuses_writes(site: Site) -> None:
    """Also logins, whose failures could not be counted."""
    assert site.save("sin-lugar").status == 503
    for password in ("equivocada", PASSWORD):
        answer = site.post("/admin/login/", login="ana", password=password)
        assert (answer.status, "set-cookie" in answer.headers) == (503, False)
    assert site.upload(IMPORT, "identificador,titulo,categoria\nuno,Uno,acuerdo\n").status == 503


def slugs_of_whole(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        return {slug for (slug,) in database.execute("SELECT slug FROM timeline_event")}


def test_on_a_full_disk_sqlite_is_read_and_stays_whole_and_is_written_once_there_is_room():
    with small_disk("24m") as disk:
        path = disk / "db.sqlite3"
        url = f"sqlite:///{path}"
        with served(url, prepared(url)) as site:
            assert_readable(site)
            with full(disk):
                saved = saved_until_refused(site)
                assert_refuses_writes(site)
                assert_readable(site)
                assert site.get("/healthz").status == 200
            assert site.save("otra-vez").status == 302
            assert "Traceback" not in site.log()
        slugs = slugs_of_whole(path)
        assert {*saved, "otra-vez"} <= slugs
        assert "sin-lugar" not in slugs


def test_a_site_that_starts_on_a_full_disk_is_read_and_written_once_there_is_room():
    with small_disk("24m") as disk:
        path = disk / "db.sqlite3"
        url = f"sqlite:///{path}"
        session = prepared(url)
        reserved = {path.name, f"{path.name}-reserve"}
        with served(url, session) as site:
            assert site.save("antes").status == 302
        with closing(sqlite3.connect(path)) as last:  # removes the log when it closes
            last.execute("SELECT count(*) FROM timeline_event").fetchone()
        assert {file.name for file in disk.iterdir()} == reserved
        with full(disk), served(url, session, workers=2) as site:
            assert_readable(site)
            saved = saved_until_refused(site)
            assert_refuses_writes(site)
            assert_readable(site)
        with served(url, session) as site:
            assert site.save("otra-vez").status == 302
        assert {file.name for file in disk.iterdir()} > reserved
        assert {*saved, "antes", "otra-vez"} <= slugs_of_whole(path)


def test_on_a_read_only_disk_sqlite_is_read_and_written_again_once_it_may_be():
    with small_disk("24m") as disk:
        path = disk / "db.sqlite3"
        url = f"sqlite:///{path}"
        session = prepared(url)
        with served(url, session) as site:
            assert site.save("antes").status == 302
        # The site was killed: a disk that turns read-only by an error has these files open, too.
        suffixes = {file.suffix for file in disk.iterdir()}
        assert suffixes == {".sqlite3", ".sqlite3-wal", ".sqlite3-shm", ".sqlite3-reserve"}
        mount("-o", "remount,ro", str(disk))
        with served(url, session) as site:
            assert_readable(site)
            assert "antes" in site.get("/admin/timeline/event/?q=antes").text
            assert_refuses_writes(site)
            assert_readable(site)
            mount("-o", "remount,rw", str(disk))
            # SQLite opened the file to read only; the first failure closes the connection.
            assert 302 in (site.save("despues").status, site.save("despues").status)
        assert {"antes", "despues"} <= slugs_of_whole(path)


def test_on_a_full_disk_postgresql_loses_nothing_and_is_well_once_there_is_room():
    """It is read, or stays down until there is room: then the site answers 503, never 500."""
    with small_disk("160m") as disk, postgresql(disk) as server:
        with served(server.url, prepared(server.url)) as site:
            assert_readable(site)
            with full(disk):
                saved = saved_until_refused(site)
                assert site.save("sin-lugar").status == 503
                assert {site.get(path).status for path in READING} in ({200}, {503})
            if not server.processes():
                server.start()
            assert_readable(site)
            assert site.save("otra-vez").status == 302
            with psycopg.connect(server.url) as database:
                rows = database.execute("SELECT slug FROM timeline_event")
                assert {*saved, "otra-vez"} <= {slug for (slug,) in rows}
        server.check()
