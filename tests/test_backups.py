"""Backups: one moment, whole or absent, restored into an empty place with every row the same."""

import hashlib
import hmac
import io
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.migrations.graph import MigrationGraph
from django.db.utils import IntegrityError
from django.utils import timezone

from access.models import Count, LoginEvent
from nucleo import backups
from search.index import differences
from tests.conftest import Person
from tests.records import citation, event, membership, organization, source, statement, term
from tests.test_logos import picture
from timeline.models import Event

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent
ENCRYPTED = pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    settings.BACKUP_RECIPIENT = []


@pytest.fixture
def record() -> None:
    """A record of each kind, and the other rows that a site in use holds."""
    citation(event(title="Acontecimiento «1» \\ ' \" \n ñ"), source=source())
    membership()
    term(slug="first", start="2012", end="2013")
    statement()
    Person(User.objects.create_user("ana", password="only for tests"))  # with a session
    Count.objects.create(cache_key="x", value="2", expires=timezone.now())
    LoginEvent.objects.note("entered", User.objects.get())
    organization(logo=SimpleUploadedFile("logo.png", picture(), "image/png"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


@pytest.fixture
def elsewhere(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Any]]:
    """A function that gives `restore` an empty database and an empty folder for media, and returns
    the connection to that database."""
    other = connection.copy()
    name = f"{connection.settings_dict['NAME']}_new"
    if connection.vendor == "sqlite":
        name = str(tmp_path / "new.sqlite3")

    def go() -> Any:
        if connection.vendor == "postgresql":
            on_the_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            on_the_server(f'CREATE DATABASE "{name}" TEMPLATE template0')
        other.settings_dict["NAME"] = name
        monkeypatch.setattr("nucleo.backups.connection", other)
        settings.MEDIA_ROOT = tmp_path / "new-media"
        return other

    yield go
    other.close()
    if connection.vendor == "postgresql":
        on_the_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def on_the_server(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def at(place: Any) -> Iterator[None]:
    """The code of the site asks that database instead of the tests'."""
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = place.settings_dict["NAME"]
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def rows(database: Any) -> dict[str, list[str]]:
    """Every row of every table, read without the code of backups."""
    with database.cursor() as cursor:
        tables = {}
        for name in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{name}"')  # noqa: S608, the database's own name
            tables[name] = sorted(repr(row) for row in cursor.fetchall())
    return tables


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def backed_up(folder: Path, *arguments: str) -> Path:
    before = set(folder.iterdir())
    call_command("backup", str(folder), *arguments)
    (new,) = set(folder.iterdir()) - before
    return new


def is_empty(database: Any, media: Path) -> bool:
    return not database.introspection.table_names() and not list(media.glob("*"))


def new_key(path: Path) -> str:
    """The public key."""
    out = io.StringIO()
    call_command("backup_key", str(path), stdout=out, stderr=io.StringIO())
    return out.getvalue().strip().removeprefix("BACKUP_RECIPIENT=")


def refused(*arguments: Any) -> str:
    with pytest.raises(CommandError) as refusal:
        call_command(*map(str, arguments))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@ENCRYPTED
def test_a_restored_site_is_the_one_that_was_backed_up_and_keeps_its_rules(
    encrypted, record, folder, elsewhere, settings, tmp_path, capsys, monkeypatch
):
    settings.BACKUP_RECIPIENT = [new_key(tmp_path / "key")] if encrypted else []
    identity = ["--identity", tmp_path / "key"] if encrypted else []
    monkeypatch.setattr(sqlite3, "connect", connect_and_keep_deleted_rows)
    before, media = rows(connection), files(settings.MEDIA_ROOT)
    session = Session.objects.get().session_key.encode()
    file = backed_up(folder)
    assert (b"manifest.json" in file.read_bytes()) is not encrypted
    assert file.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(backups.secrets, "token_hex", lambda _: "of_this_test")
    call_command("restore", file, "--check", *identity)
    assert "Ensayo" in capsys.readouterr().out
    assert rows(connection) == before
    assert files(settings.MEDIA_ROOT) == media
    assert not drill_is_left()
    place = elsewhere()
    if encrypted:
        assert_needs_its_own_key(file, tmp_path)
        assert is_empty(place, settings.MEDIA_ROOT)
    call_command("restore", file, *identity)
    assert "cada tabla tiene tantas filas" in capsys.readouterr().out
    for name in ("django_session", "access_count"):
        assert before[name]
        before[name] = []
    assert rows(place) == before
    assert before["access_loginevent"]
    assert files(settings.MEDIA_ROOT) == media != {}
    if place.vendor == "sqlite":
        database = Path(place.settings_dict["NAME"])
        content = b"".join(file.read_bytes() for file in tmp_path.glob("new.sqlite3*"))
        assert b"La organizaci" in content
        assert session not in content  # nor in a page that no table uses
        assert database.stat().st_mode & 0o777 == 0o600
    with at(place):  # triggers, generated columns and the index of words are there
        assert differences() == 0
        with pytest.raises(IntegrityError):
            term(slug="second", start="2012-06", end="2014")
        assert event(start="2017-04").start_latest == "2017-04-31"
        assert differences() == 0
        call_command("migrate", "--check", verbosity=0)


def connect_and_keep_deleted_rows(*args: Any, **options: Any) -> sqlite3.Connection:
    """Debian's SQLite overwrites deleted rows, others leave them in the file."""
    database = sqlite3.dbapi2.connect(*args, **options)
    database.execute("PRAGMA secure_delete = OFF")
    return database


def drill_is_left() -> bool:
    """SQLite makes a drill in a temporary folder."""
    if connection.vendor == "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'nucleo_drill_of_this_test'")
        return bool(cursor.fetchall())


def assert_needs_its_own_key(file: Path, folder: Path) -> None:
    new_key(folder / "other")
    (folder / "words").write_text("no es una llave")
    (folder / "nothing").write_text("# nada\n")
    assert "--identity" in refused("restore", file)
    for name, reason in (
        ("other", "La llave no es la de este"),
        ("words", "ninguna llave"),
        ("nothing", "ninguna llave"),
        ("missing", "No se pudo"),
    ):
        assert reason in refused("restore", file, "--identity", folder / name)


def test_a_backup_among_many_writes_is_of_one_moment(folder, elsewhere):
    for _ in range(20):
        event(title="0")
    stop, written = threading.Event(), []

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
        assert len(written) > begun, "nothing was written meanwhile"
    finally:
        stop.set()
        writer.join()
    place = elsewhere()
    call_command("restore", file)
    with place.cursor() as cursor:
        cursor.execute("SELECT title, count(*) FROM timeline_event GROUP BY title")
        ((title, count),) = cursor.fetchall()
    assert count == 20 + int(title)


@ENCRYPTED
def test_a_truncated_or_changed_backup_is_refused_before_anything_is_done(
    encrypted, folder, elsewhere, settings, tmp_path
):
    key = new_key(tmp_path / "key")
    settings.BACKUP_RECIPIENT = [key] if encrypted else []
    whole, broken = backed_up(folder).read_bytes(), folder / "broken"
    place, size = elsewhere(), len(whole)
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
    assert is_empty(place, settings.MEDIA_ROOT)


def test_a_foreign_file_is_refused(folder, elsewhere, settings):
    place, foreign = elsewhere(), folder / "foreign"
    for content in (b"", b"SQLite format 3\0" + b"\0" * 4000, "¿Respaldo?".encode()):
        foreign.write_bytes(content)
        assert "no es un respaldo" in refused("restore", foreign)
    shutil.make_archive(str(foreign), "zip", ROOT / "deploy")
    assert "no es un respaldo" in refused("restore", f"{foreign}.zip")
    assert "missing" in refused("restore", folder / "missing")
    assert is_empty(place, settings.MEDIA_ROOT)


def rewritten(file: Path, manifest: str | None, digest: Any) -> Path:
    """A copy of a backup with another manifest, or with none, and with its digest."""
    copy = file.with_name(f"copy-{len(list(file.parent.iterdir()))}.zip")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            text = old.read(name) if name != "manifest.json" else manifest
            if text is not None:
                new.writestr(name, text)
        new.comment = b" " * backups.DIGEST_SIZE
    digest.update(content := copy.read_bytes()[: -backups.DIGEST_SIZE])
    copy.write_bytes(content + digest.hexdigest().encode())
    return copy


def test_a_backup_that_another_site_made_is_not_read(folder, elsewhere, settings, monkeypatch):
    settings.BACKUP_KEY = "the key of this site"
    file, manifest = backed_up(folder), '{"made": "2026-01-01", "tables": {}, "files": 0}'
    unsigned = rewritten(file, manifest, hashlib.sha256())
    of_another = rewritten(file, manifest, hmac.new(b"another key", digestmod="sha256"))
    place = elsewhere()
    with monkeypatch.context() as patched:
        patched.delattr(zipfile.ZipFile, "read")
        for forged in (unsigned, of_another):
            assert "otra BACKUP_KEY" in refused("restore", forged)
            assert "otra BACKUP_KEY" in refused("restore", forged, "--check")
    assert "manifiesto" in refused("restore", unsigned, "--unsigned")  # it was read
    assert is_empty(place, settings.MEDIA_ROOT)


@pytest.mark.parametrize(
    "manifest",
    [None, "", "{", "[]", "7", "{}", '{"made": "ayer", "tables": {}, "files": 0, "migrations": []}',
     '{"made": "2026-01-01", "tables": [], "files": 0, "migrations": []}', '"\\ud800"', "\0" * 9,
     '{"made": "2026-01-01", "tables": {"a": "x"}, "files": 0, "migrations": []}',
     '{"made": "2026-01-01", "tables": {}, "files": 0, "migrations": [7]}'],
)  # fmt: skip
def test_a_damaged_manifest_is_told_in_one_line(manifest, folder, settings):
    digest = hmac.new(settings.BACKUP_KEY.encode(), digestmod="sha256")
    damaged = rewritten(backed_up(folder), manifest, digest)
    assert "manifiesto" in refused("restore", damaged, "--check")


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


def test_a_backup_of_other_rows_newer_code_or_another_database_is_not_restored(
    folder, elsewhere, settings, monkeypatch
):
    event()
    count_rows = backups._count_rows
    with monkeypatch.context() as patched:
        patched.setattr(backups, "_count_rows", lambda *a: count_rows(*a) | {"timeline_event": 7})
        file = backed_up(folder)
    assert "timeline_event (7 → 1 filas)" in refused("restore", file, "--check")
    leaves, vendor = MigrationGraph.leaf_nodes, connection.vendor
    other = {"sqlite": "postgresql", "postgresql": "sqlite"}[vendor]
    with monkeypatch.context() as patched:
        later = [("timeline", "0099_later")]
        patched.setattr(MigrationGraph, "leaf_nodes", lambda *args: leaves(*args) + later)
        call_command("backup", f"{folder}/newer.zip")
    with monkeypatch.context() as patched:
        patched.setitem(backups.DUMPS, vendor, backups.DUMPS[other])
        call_command("backup", f"{folder}/other.zip")
    place = elsewhere()
    assert "0099_later" in refused("restore", folder / "newer.zip")
    assert f"no es de {vendor}" in refused("restore", folder / "other.zip")
    assert is_empty(place, settings.MEDIA_ROOT)


# Files that must not be left behind


def manage(*arguments: Any, limit: int | None = None, **environment: str) -> tuple[int, str]:
    """Runs a command that may write no file longer than `limit` bytes, as on a full disk; this also
    limits root. Returns its exit code and its standard error."""
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
    return re.sub(r"/[^/?]*(?=$|\?)", f"/{name}", os.environ["DATABASE_URL"], count=1)


@pytest.mark.hard
@ENCRYPTED
def test_a_full_disk_leaves_no_backup_and_restores_nothing(
    encrypted, record, folder, elsewhere, settings, tmp_path
):
    (settings.MEDIA_ROOT / "large.png").write_bytes(os.urandom(9_000_000))
    keys = [f"--recipient={new_key(tmp_path / 'key')}"] if encrypted else []
    identity = ["--identity", tmp_path / "key"] if encrypted else []
    backup, media = ("backup", folder, *keys), {"MEDIA_ROOT": str(settings.MEDIA_ROOT)}
    code, errors = manage(*backup, limit=6_000_000, **media)
    assert (code, "No se pudo" in errors, "Traceback" in errors) == (1, True, False)
    assert list(folder.iterdir()) == []
    assert manage(*backup, **media)[0] == 0
    (file,) = folder.iterdir()
    place = elsewhere()
    there = {
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "DATABASE_URL": url_of(place.settings_dict["NAME"]),
    }
    code, errors = manage("restore", file, *identity, limit=6_000_000, **there)
    assert (code, "Traceback" in errors) == (1, False)
    assert is_empty(place, settings.MEDIA_ROOT)
    assert manage("restore", file, *identity, **there)[0] == 0


def test_a_backup_is_not_written_over_nor_where_there_is_no_folder(folder, elsewhere, monkeypatch):
    (folder / "mine.zip").write_bytes(b"mine")
    assert "ya existe" in refused("backup", folder / "mine.zip")
    assert (folder / "mine.zip").read_bytes() == b"mine"
    assert "missing" in refused("backup", folder / "missing" / "x.zip")
    assert "clave pública" in refused("backup", folder, "--recipient", "age1x")
    # An empty database means a misspelt name in DATABASE_URL.
    monkeypatch.setattr("nucleo.backups.connection", elsewhere())
    assert "DATABASE_URL" in refused("backup", folder)
    assert [path.name for path in folder.iterdir()] == ["mine.zip"]


def test_only_the_newest_backups_are_kept_and_no_other_file_goes(folder):
    names = [f"nucleo-202001{day:02}-030000.zip" for day in range(1, 6)]
    names[1] += ".age"
    others = ["nucleo-final.zip", "fotos.zip", ".nucleo-20200101-030000.zip.part"]
    for name in names + others:
        (folder / name).touch()
    new = backed_up(folder, "--keep", "3")
    kept = {*others, *names[3:], new.name}
    assert {path.name for path in folder.iterdir()} == kept
    assert "al menos 1" in refused("backup", folder, "--keep", "0")
    assert "missing" in refused("backup", folder / "missing" / "x", "--keep", "1")
    assert {path.name for path in folder.iterdir()} == kept
