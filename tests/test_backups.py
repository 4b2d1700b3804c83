"""Backups: one moment, whole or absent, restored into an empty place with every row the same."""

import io
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.graph import MigrationGraph
from django.db.utils import IntegrityError

from access.models import LoginEvent
from nucleo import backups
from organizations.models import Organization
from search.index import differences
from tests.conftest import Person
from tests.records import citation, event, membership, organization, source, statement, term
from tests.test_logos import picture
from timeline.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent
Rows = dict[str, list[str]]


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    settings.BACKUP_RECIPIENT = []


@pytest.fixture
def record(settings: Any) -> Organization:
    """One of each kind of record, and what else a site in use holds."""
    citation(event(), source=source())
    membership()
    term()
    statement()
    Person(User.objects.create_user("ana", password="only for tests"))  # with a session
    AccessAttempt.objects.create(username="ana", failures_since_start=2)
    LoginEvent.objects.note("entered", User.objects.get())
    logo = SimpleUploadedFile("logo.png", picture(), "image/png")
    return organization(name="Con logotipo", logo=logo)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


@pytest.fixture
def elsewhere(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Any]]:
    """Called, it makes an empty place the one that `restore` sees; gives its connection."""
    made = []

    def go() -> Any:
        other = connection.copy()
        number = len(made)
        if connection.vendor == "sqlite":
            (tmp_path / f"new{number}").mkdir()
            other.settings_dict["NAME"] = str(tmp_path / f"new{number}" / "db.sqlite3")
        else:
            other.settings_dict["NAME"] = f"{connection.settings_dict['NAME']}_new{number}"
            _on_the_server(f'DROP DATABASE IF EXISTS "{other.settings_dict["NAME"]}" WITH (FORCE)')
            _on_the_server(f'CREATE DATABASE "{other.settings_dict["NAME"]}" TEMPLATE template0')
        made.append(other)
        monkeypatch.setattr("nucleo.backups.connection", other)
        settings.MEDIA_ROOT = tmp_path / f"new-media{number}"
        return other

    yield go
    for other in made:
        other.close()
        if connection.vendor == "postgresql":
            _on_the_server(f'DROP DATABASE "{other.settings_dict["NAME"]}" WITH (FORCE)')


def _on_the_server(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def rows(database: Any) -> Rows:
    """Every row of every table, in a way of the test's own."""
    with database.cursor() as cursor:
        held = {}
        for name in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{name}"')  # noqa: S608, the database's own name
            held[name] = sorted(repr(row) for row in cursor.fetchall())
    return held


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def backed_up(folder: Path, *arguments: str) -> Path:
    before = set(folder.iterdir())
    call_command("backup", str(folder), *arguments)
    (new,) = set(folder.iterdir()) - before
    return new


def holds_nothing(database: Any, media: Path) -> bool:
    return not database.introspection.table_names() and not list(media.glob("*"))


def new_key(path: Path) -> str:
    """The public key."""
    out = io.StringIO()
    call_command("backup_key", str(path), stdout=out, stderr=io.StringIO())
    return out.getvalue().strip().removeprefix("BACKUP_RECIPIENT=")


def refused(*arguments: Any) -> str:
    with pytest.raises(CommandError) as refusal:
        call_command(*map(str, arguments))
    assert str(refusal.value).count("\n") == 0
    return str(refusal.value)


# There and back


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_what_is_restored_is_what_was_backed_up(
    encrypted, record, folder, elsewhere, settings, tmp_path, capsys
):
    for number in range(40):
        event(title=f"Acontecimiento {number}, «{number * 7}» \\ ' \" \n ñ")
    key = tmp_path / "key.txt"
    arguments = []
    if encrypted:
        settings.BACKUP_RECIPIENT = [new_key(key)]
        arguments = ["--identity", key]
    before, media = rows(connection), files(settings.MEDIA_ROOT)
    file = backed_up(folder)
    assert (b"manifest.json" in file.read_bytes()) is not encrypted
    assert file.stat().st_mode & 0o777 == 0o600
    place = elsewhere()
    call_command("restore", file, *arguments)
    after = rows(place)
    for name in backups._left_out():
        before[name] = []
    assert after == before
    assert files(settings.MEDIA_ROOT) == media != {}
    if place.vendor == "sqlite":
        assert Path(place.settings_dict["NAME"]).stat().st_mode & 0o777 == 0o600
    assert "cada tabla tiene tantas filas" in capsys.readouterr().out


def test_what_is_restored_works_on_and_keeps_its_rules(record, folder, elsewhere):
    """Triggers, generated columns and the index of words are there too."""
    term(slug="first", start="2012", end="2013")
    file = backed_up(folder)
    place = elsewhere()
    call_command("restore", file)
    with at(place):
        assert differences() == 0
        with pytest.raises(IntegrityError):
            term(slug="second", start="2012", end="2013")
        assert event(start="2017-04").start_latest == "2017-04-31"
        assert differences() == 0
        call_command("migrate", "--check", verbosity=0)


@contextmanager
def at(place: Any) -> Iterator[None]:
    """The code of the site there, instead of at the tests' database."""
    ours = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = place.settings_dict["NAME"]
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = ours


def test_sessions_and_failed_logins_stay_behind(record, folder, elsewhere):
    assert Session.objects.exists()
    assert AccessAttempt.objects.exists()
    file = backed_up(folder)
    key = Session.objects.get().session_key.encode()
    place = elsewhere()
    call_command("restore", file)
    after = rows(place)
    assert not after["django_session"]
    assert not after["axes_accessattempt"]
    assert after["access_loginevent"]
    if place.vendor == "sqlite":  # nor in a page that nobody sees
        assert key not in Path(place.settings_dict["NAME"]).read_bytes()


def test_a_drill_compares_all_of_it_and_touches_nothing(
    record, folder, settings, capsys, monkeypatch
):
    monkeypatch.setattr(backups.secrets, "token_hex", lambda _: "of_this_test")
    file = backed_up(folder)
    before, media = rows(connection), files(settings.MEDIA_ROOT)
    call_command("restore", file, "--check")
    assert "Ensayo" in capsys.readouterr().out
    assert rows(connection) == before
    assert files(settings.MEDIA_ROOT) == media
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'nucleo_drill_of_this_test'")
            assert not cursor.fetchall()


# While the site goes on


def test_a_backup_among_many_writes_is_of_one_moment(folder, elsewhere):
    for _ in range(20):
        event(title="0")
    stop = threading.Event()
    written = []

    def write() -> None:
        with closing(connection):
            while not stop.is_set():
                with transaction.atomic():
                    Event.objects.update(title=str(len(written) + 1))
                    event(title=str(len(written) + 1))
                written.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(written) < 3:
            time.sleep(0.01)
        begun = len(written)
        file = backed_up(folder)
        done = len(written)
    finally:
        stop.set()
        writer.join()
    assert done > begun, "nothing was written meanwhile"
    place = elsewhere()
    call_command("restore", file)
    with place.cursor() as cursor:
        cursor.execute("SELECT title, count(*) FROM timeline_event GROUP BY title")
        ((title, count),) = cursor.fetchall()
    assert count == 20 + int(title)


# What must not be restored


def test_an_encrypted_backup_needs_its_own_key(folder, elsewhere, settings, tmp_path):
    event()
    settings.BACKUP_RECIPIENT = [new_key(tmp_path / "key")]
    new_key(tmp_path / "other")
    (tmp_path / "words").write_text("no es una llave")
    (tmp_path / "nothing").write_text("# nada\n")
    file = backed_up(folder)
    place = elsewhere()
    assert "--identity" in refused("restore", file)
    assert "La llave no es la de este" in refused("restore", file, "--identity", tmp_path / "other")
    assert "ninguna llave" in refused("restore", file, "--identity", tmp_path / "words")
    assert "ninguna llave" in refused("restore", file, "--identity", tmp_path / "nothing")
    assert "No se pudo" in refused("restore", file, "--identity", tmp_path / "missing")
    assert holds_nothing(place, settings.MEDIA_ROOT)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_truncated_or_changed_backup_is_refused_before_anything_is_done(
    encrypted, record, folder, elsewhere, settings, tmp_path
):
    key = new_key(tmp_path / "key")
    settings.BACKUP_RECIPIENT = [key] if encrypted else []
    whole = backed_up(folder).read_bytes()
    place = elsewhere()
    broken = folder / "broken"
    size = len(whole)
    cuts = [whole[:at] for at in (0, 3, 40, 300, size // 2, size - 65, size - 1)]
    flips = [
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        for at in (0, 12, 40, 120, 250, size // 3, size // 2, size - 100, size - 30, size - 1)
    ]
    for content in (*cuts, *flips, whole + b"x"):
        broken.write_bytes(content)
        message = refused("restore", broken, "--identity", tmp_path / "key")
        assert "cambió" in message or "No se pudo" in message, message
        refused("restore", broken, "--identity", tmp_path / "key", "--check")
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_a_foreign_file_is_refused(folder, elsewhere, settings, tmp_path):
    place = elsewhere()
    for content in (b"", b"SQLite format 3\0" + b"\0" * 4000, "¿Respaldo?".encode()):
        (folder / "foreign").write_bytes(content)
        assert "no es un respaldo" in refused("restore", folder / "foreign")
    shutil.make_archive(str(folder / "foreign"), "zip", ROOT / "docs")
    assert "no es un respaldo" in refused("restore", folder / "foreign.zip")
    assert "missing" in refused("restore", folder / "missing")
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_nothing_is_restored_over_anything(record, folder, elsewhere, settings):
    file = backed_up(folder)
    before, media = rows(connection), files(settings.MEDIA_ROOT)
    assert "ya tiene tablas" in refused("restore", file)
    assert rows(connection) == before
    assert files(settings.MEDIA_ROOT) == media
    place = elsewhere()
    settings.MEDIA_ROOT.mkdir()
    (settings.MEDIA_ROOT / "theirs.png").write_bytes(b"theirs")
    assert "no está vacía" in refused("restore", file)
    assert not place.introspection.table_names()


def test_another_number_of_rows_is_found(record, folder, monkeypatch):
    count_rows = backups._count_rows
    with monkeypatch.context() as patched:
        patched.setattr(backups, "_count_rows", lambda *a: count_rows(*a) | {"timeline_event": 7})
        file = backed_up(folder)
    assert "timeline_event (7 → 1 filas)" in refused("restore", file, "--check")


def test_a_backup_of_newer_code_is_not_restored(record, folder, elsewhere, settings, monkeypatch):
    leaves = MigrationGraph.leaf_nodes
    with monkeypatch.context() as patched:
        later = [("timeline", "0099_later")]
        patched.setattr(MigrationGraph, "leaf_nodes", lambda *args: leaves(*args) + later)
        newer = backed_up_as(folder / "newer.zip")
    place = elsewhere()
    assert "0099_later" in refused("restore", newer)
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_a_backup_of_another_database_is_not_restored(
    record, folder, elsewhere, settings, monkeypatch
):
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[connection.vendor]
    with monkeypatch.context() as patched:
        patched.setitem(backups.DUMPS, connection.vendor, backups.DUMPS[other])
        file = backed_up_as(folder / "other.zip")
    place = elsewhere()
    assert f"no es de {connection.vendor}" in refused("restore", file)
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_who_may_not_make_a_database_is_told_so_by_a_drill(record, folder, monkeypatch):
    file = backed_up(folder)
    if connection.vendor == "sqlite":
        call_command("restore", file, "--check")  # which needs no right
        return
    _on_the_server("CREATE ROLE nobody_s_backup LOGIN")
    other = connection.copy()
    other.settings_dict["USER"] = "nobody_s_backup"
    monkeypatch.setattr("nucleo.backups.connection", other)
    try:
        assert "permission denied to create database" in refused("restore", file, "--check")
    finally:
        other.close()
        _on_the_server("DROP ROLE nobody_s_backup")


def backed_up_as(file: Path) -> Path:
    call_command("backup", str(file))
    return file


# What must not be left behind


def manage(*arguments: Any, limit: int | None = None, **environment: str) -> tuple[int, str]:
    """A process of its own that may write no file longer than `limit` bytes: a full disk, for
    root too. Its exit code, and what it says on standard error."""
    database = {"DATABASE_URL": url_of(connection.settings_dict["NAME"])}
    done = subprocess.run(  # noqa: S603, ours
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | database | environment,
        capture_output=True,
        text=True,
        preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))),
    )
    return done.returncode, done.stderr


def url_of(name: str) -> str:
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    head, _, tail = os.environ["DATABASE_URL"].partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{tail}" if tail else "")


@pytest.mark.hard
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_full_disk_leaves_no_backup_and_no_half_of_one(
    encrypted, record, folder, settings, tmp_path
):
    (settings.MEDIA_ROOT / "large.png").write_bytes(os.urandom(9_000_000))
    keys = [f"--recipient={new_key(tmp_path / 'key')}"] if encrypted else []
    media = {"MEDIA_ROOT": str(settings.MEDIA_ROOT)}
    code, said = manage("backup", folder, *keys, limit=6_000_000, **media)
    assert code == 1
    assert "No se pudo" in said
    assert "Traceback" not in said
    assert list(folder.iterdir()) == []
    assert manage("backup", folder, *keys, **media)[0] == 0


@pytest.mark.hard
def test_a_full_disk_restores_nothing(record, folder, elsewhere, settings):
    (settings.MEDIA_ROOT / "large.png").write_bytes(os.urandom(9_000_000))
    file = backed_up(folder)
    place = elsewhere()
    there = {
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "DATABASE_URL": url_of(place.settings_dict["NAME"]),
    }
    code, said = manage("restore", file, limit=6_000_000, **there)
    assert code == 1
    assert "Traceback" not in said
    assert holds_nothing(place, settings.MEDIA_ROOT)
    assert manage("restore", file, **there)[0] == 0


def test_a_backup_is_not_written_over_nor_where_there_is_no_folder(record, folder):
    (folder / "mine.zip").write_bytes(b"mine")
    assert "ya existe" in refused("backup", folder / "mine.zip")
    assert (folder / "mine.zip").read_bytes() == b"mine"
    assert "missing" in refused("backup", folder / "missing" / "x.zip")
    assert "clave pública" in refused("backup", folder, "--recipient", "age1x")
    assert [path.name for path in folder.iterdir()] == ["mine.zip"]


def test_an_empty_database_is_no_backup(folder, elsewhere, monkeypatch):
    """A misspelt name in DATABASE_URL must not be found out on the day of need."""
    place = elsewhere()
    monkeypatch.setattr("nucleo.backups.connection", place)
    assert "DATABASE_URL" in refused("backup", folder)
    assert list(folder.iterdir()) == []


def test_only_the_newest_backups_are_kept_and_nothing_of_others_goes(record, folder):
    names = [f"nucleo-202001{day:02}-030000.zip" for day in range(1, 6)]
    names[1] += ".age"
    theirs = ["nucleo-final.zip", "fotos.zip", ".nucleo-20200101-030000.zip.part"]
    for name in names + theirs:
        (folder / name).touch()
    new = backed_up_keeping(folder, 3)
    assert {path.name for path in folder.iterdir()} == {*theirs, *names[3:], new}
    refused("backup", folder, "--keep", "0")
    with pytest.raises(CommandError):
        call_command("backup", str(folder / "missing" / "x"), "--keep", "1")
    assert {path.name for path in folder.iterdir()} == {*theirs, *names[3:], new}


def backed_up_keeping(folder: Path, keep: int) -> str:
    before = {path.name for path in folder.iterdir()}
    call_command("backup", str(folder), "--keep", str(keep))
    (new,) = {path.name for path in folder.iterdir()} - before
    return new


# The programs of PostgreSQL


def test_a_missing_pg_dump_leaves_nothing(record, folder, tmp_path, monkeypatch):
    """SQLite needs none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if connection.vendor == "postgresql":
        assert "pg_dump" in refused("backup", folder)
        assert list(folder.iterdir()) == []
    else:
        backed_up(folder)


def test_pg_dump_gets_no_password_among_its_arguments_and_its_complaint_is_told(
    record, folder, tmp_path, monkeypatch
):
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "no:\n$*, password: $PGPASSWORD" >&2; exit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "secreta")
    if connection.vendor == "postgresql":
        complaint = refused("backup", folder)
        assert complaint.startswith("pg_dump no terminó: no: ")
        assert complaint.endswith("password: secreta")
        assert complaint.count("secreta") == 1
        assert list(folder.iterdir()) == []
    else:
        backed_up(folder)


# Keys


def test_a_new_key_is_for_its_owner_s_eyes_and_never_replaces_one(tmp_path, capsys):
    key = tmp_path / "key.txt"
    call_command("backup_key", str(key))
    public = capsys.readouterr().out.strip().partition("BACKUP_RECIPIENT=")[2]
    assert public.startswith("age1")
    text = key.read_text()
    assert "AGE-SECRET-KEY-" in text
    assert public in text
    assert key.stat().st_mode & 0o777 == 0o600
    assert "key.txt" in refused("backup_key", key)
    assert key.read_text() == text
