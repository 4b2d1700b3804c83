"""Disks that are full, and one that only reads, under the site as a server runs it: reading goes
on, what is written is refused, the database stays whole, and all is well once there is room."""

import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.breaking import PASSWORD, Site, postgresql, prepared

pytestmark = pytest.mark.hard
READING = ("/", "/linea-de-tiempo/", "/linea-de-tiempo/atom.xml", "/buscar/?q=organizaciones",
           "/datos/eventos.csv", "/admin/", "/admin/timeline/event/")  # fmt: skip
IMPORT = "/admin/exchange/receipt/importar/eventos/"
ATTEMPTS = 400
"""Writes until there is no room: what the database has at hand is used first."""


def mounted(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True)  # noqa: S607
    assert done.returncode == 0, f"A disk must be mounted here, so run this as root: {done.stderr}"


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nucleo-disk-") as folder:
        Path(folder).chmod(0o755)
        mounted("-t", "tmpfs", "-o", f"size={size},mode=755", "nucleo", folder)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """To the last byte."""
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


@contextmanager
def served(url: str, session: str) -> Iterator[Site]:
    site = Site(url, session)
    try:
        yield site
    finally:
        site.kill()


def reads(site: Site) -> None:
    for path in READING:
        assert site.get(path).status == 200, path


def saved_until_refused(site: Site, name: str) -> list[str]:
    """What was acknowledged before there was no room for more."""
    saved = []
    for number in range(ATTEMPTS):
        answer = site.save(f"{name}-{number}")
        if answer.status != 302:
            assert answer.status == 503
            assert "Dé por no guardado" in answer.text
            return saved
        saved.append(f"{name}-{number}")
    pytest.fail("There was room for all")


def refuses(site: Site) -> None:
    """Whatever writes; and lets nobody in, for whom no failure could be counted."""
    assert site.save("sin-lugar").status == 503
    for password in ("equivocada", PASSWORD):
        answer = site.post("/admin/login/", username="ana", password=password)
        assert answer.status == 503
        assert "set-cookie" not in answer.headers
    assert site.upload(IMPORT, "identificador,titulo,categoria\nuno,Uno,acuerdo\n").status == 503


def whole(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        return {slug for (slug,) in database.execute("SELECT slug FROM timeline_event")}


def test_on_a_full_disk_sqlite_is_read_and_stays_whole_and_is_written_once_there_is_room() -> None:
    with small_disk("24m") as disk:
        path = disk / "db.sqlite3"
        url = f"sqlite:///{path}"
        with served(url, prepared(url)) as site:
            reads(site)
            with full(disk):
                saved = saved_until_refused(site, "lleno")
                refuses(site)
                reads(site)
                assert site.get("/healthz").status == 200
            assert site.save("otra-vez").status == 302
            assert "Traceback" not in site.told()
        there = whole(path)
        assert {*saved, "otra-vez"} <= there
        assert "sin-lugar" not in there


def test_on_a_disk_that_only_reads_sqlite_is_read_and_written_again_once_it_may_be() -> None:
    with small_disk("24m") as disk:
        path = disk / "db.sqlite3"
        url = f"sqlite:///{path}"
        session = prepared(url)
        with served(url, session) as site:
            assert site.save("antes").status == 302
        # Killed: a disk that an error of its own makes read-only has these files open, too.
        assert {file.suffix for file in disk.iterdir()} == {".sqlite3", ".sqlite3-wal",
                                                            ".sqlite3-shm"}  # fmt: skip
        mounted("-o", "remount,ro", str(disk))
        with served(url, session) as site:
            reads(site)
            assert "antes" in site.get("/admin/timeline/event/?q=antes").text
            refuses(site)
            reads(site)
            mounted("-o", "remount,rw", str(disk))
            # SQLite opened the file to read only; what fails on that closes it.
            assert 302 in (site.save("despues").status, site.save("despues").status)
        assert {"antes", "despues"} <= whole(path)


def test_on_a_full_disk_postgresql_loses_nothing_and_is_well_once_there_is_room() -> None:
    """It may go on reading, or give up and stay down until there is room: 503 then, never 500."""
    with small_disk("160m") as disk, postgresql(disk) as server:
        with served(server.url, prepared(server.url)) as site:
            reads(site)
            with full(disk):
                saved = saved_until_refused(site, "lleno")
                assert site.save("sin-lugar").status == 503
                answers = {site.get(path).status for path in READING}
                assert answers in ({200}, {503})
            if not server.processes():
                server.start()
            reads(site)
            assert site.save("otra-vez").status == 302
            with psycopg.connect(server.url) as database:
                found = database.execute("SELECT slug FROM timeline_event")
                there = {slug for (slug,) in found}
        server.check()
    assert {*saved, "otra-vez"} <= there
    print(f"\nPostgreSQL full: {len(saved)} more were saved; then reading gave {answers}")
