"""Backups: one moment, whole or not there, and back into an empty place with every row the same."""

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
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import IntegrityError

from access.models import LoginEvent
from nucleo.backups import BackupError, contents, postgresql, sqlite
from nucleo.backups.archive import write_new_identity
from nucleo.backups.contents import left_out
from nucleo.backups.making import DATABASES
from nucleo.backups.scratch import PREFIX, scratch
from organizations.models import Organization
from search.index import differences
from timeline.models import Event

from .conftest import Person
from .records import citation, event, membership, organization, source, statement, term
from .test_logos import picture

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
        monkeypatch.setattr("nucleo.backups.restoring.connection", other)
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
    empty = DATABASES[database.vendor].is_empty(database)
    left = list(media.parent.glob(f"new*/{PREFIX}*")) + list(media.glob("*"))
    return empty and not left


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
        settings.BACKUP_RECIPIENT = [str(write_new_identity(key))]
        arguments = ["--identity", key]
    before, media = rows(connection), files(settings.MEDIA_ROOT)
    file = backed_up(folder)
    assert (b"manifest.json" in file.read_bytes()) is not encrypted
    assert file.stat().st_mode & 0o777 == 0o600
    place = elsewhere()
    call_command("restore", file, *arguments)
    after = rows(place)
    for name in left_out():
        before[name] = []
    assert after == before
    assert files(settings.MEDIA_ROOT) == media != {}
    assert "se compararon" in capsys.readouterr().out


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
    monkeypatch.setattr(postgresql.secrets, "token_hex", lambda _: "of_this_test")
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


def test_what_is_written_meanwhile_is_not_in_the_backup_at_all(
    record, folder, elsewhere, monkeypatch
):
    """Figures and dump are of one moment, whatever is written between the two."""
    database = DATABASES[connection.vendor]

    def after_a_write(function: Callable) -> Callable:
        def write_first(*args: Any, **kwargs: Any) -> Any:
            Event.objects.update(title="Después")
            event(title="Después")
            return function(*args, **kwargs)

        return write_first

    names = ["contents"] if connection.vendor == "sqlite" else ["contents", "_running"]
    before = sorted(Event.objects.values_list("title", flat=True))
    with monkeypatch.context() as patched:
        for name in names:
            patched.setattr(database, name, after_a_write(getattr(database, name)))
        file = backed_up(folder)
    assert set(Event.objects.values_list("title", flat=True)) == {"Después"}
    place = elsewhere()
    call_command("restore", file)
    with place.cursor() as cursor:
        cursor.execute("SELECT title FROM timeline_event")
        assert sorted(title for (title,) in cursor.fetchall()) == before


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
    settings.BACKUP_RECIPIENT = [str(write_new_identity(tmp_path / "key"))]
    write_new_identity(tmp_path / "other")
    (tmp_path / "words").write_text("no es una llave")
    (tmp_path / "nothing").write_text("# nada\n")
    file = backed_up(folder)
    place = elsewhere()
    assert "--identity" in refused("restore", file)
    assert "no es la de este" in refused("restore", file, "--identity", tmp_path / "other")
    assert "llaves de age" in refused("restore", file, "--identity", tmp_path / "words")
    assert "ninguna llave" in refused("restore", file, "--identity", tmp_path / "nothing")
    assert "«" in refused("restore", file, "--identity", tmp_path / "missing")
    assert holds_nothing(place, settings.MEDIA_ROOT)


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_a_truncated_or_changed_backup_is_refused_before_anything_is_done(
    encrypted, record, folder, elsewhere, settings, tmp_path
):
    key = write_new_identity(tmp_path / "key")
    settings.BACKUP_RECIPIENT = [str(key)] if encrypted else []
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
        said = refused("restore", broken, "--identity", tmp_path / "key")
        # The line of age that says for whom it is, changed, is for somebody else.
        assert "incompleto o cambió" in said or "no es" in said, said
        refused("restore", broken, "--identity", tmp_path / "key", "--check")
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_a_foreign_file_is_refused(folder, elsewhere, settings, tmp_path):
    place = elsewhere()
    for content in (b"", b"SQLite format 3\0" + b"\0" * 4000, "¿Respaldo?".encode()):
        (folder / "foreign").write_bytes(content)
        assert "no es un respaldo" in refused("restore", folder / "foreign")
    shutil.make_archive(str(folder / "foreign"), "zip", ROOT / "docs")
    assert "use otro" in refused("restore", folder / "foreign.zip")
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
    assert DATABASES[connection.vendor].is_empty(place)


def test_a_row_that_differs_is_found(record, folder, monkeypatch):
    """Though as many rows are there; in the tables and in the database's own structure."""
    database = DATABASES[connection.vendor]
    with monkeypatch.context() as patched:
        other = {"rows": 1, "digest": "f" * 64}
        counted = database.contents
        patched.setattr(
            database, "contents", lambda *args: counted(*args) | {"timeline_event": other}
        )
        file = backed_up(folder)
    assert "timeline_event (1 → 1 filas)" in refused("restore", file, "--check")


def test_a_media_file_that_differs_is_found(record, folder, elsewhere, settings, monkeypatch):
    pack = contents.pack_media
    with monkeypatch.context() as patched:
        lost = {"size": 1, "sha256": "0" * 64}
        patched.setattr(
            "nucleo.backups.making.pack_media",
            lambda archive: dict.fromkeys(pack(archive), lost),
        )
        file = backed_up(folder)
    place = elsewhere()
    assert "no es como se respaldó" in refused("restore", file)
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_figures_change_with_any_row_and_not_with_their_order():
    rows = [(1, "uno", None), (2, "dos", b"\0")]
    said = sqlite.digest(rows)
    assert sqlite.digest(reversed(rows)) == said
    others = [(1, "uno", "")], [("1", "uno", None)], [(1, "un", "o", None)]
    twice = [*rows, rows[0], rows[0]]
    for other in ([], rows[:1], twice, *([*one, rows[1]] for one in others)):
        assert sqlite.digest(other)["digest"] != said["digest"]


def test_a_backup_of_newer_code_is_not_restored(record, folder, elsewhere, settings, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("nucleo.backups.contents.FORMAT", 2)
        other_format = backed_up(folder)
    leaves = MigrationGraph.leaf_nodes
    with monkeypatch.context() as patched:
        later = [("timeline", "0099_later")]
        patched.setattr(MigrationGraph, "leaf_nodes", lambda *args: leaves(*args) + later)
        newer = backed_up_as(folder / "newer.zip")
    place = elsewhere()
    assert "otra versión" in refused("restore", other_format)
    assert "timeline.0099_later" in refused("restore", newer)
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_a_backup_of_another_database_is_not_restored(
    record, folder, elsewhere, settings, monkeypatch
):
    database, other = DATABASES[connection.vendor], {"sqlite": "postgresql"}
    said = {"vendor": other.get(connection.vendor, "sqlite")}
    place = None
    for change, words in ((said, "DATABASE_URL nombra"), ({"version": 990_000}, "PostgreSQL 99")):
        if connection.vendor == "sqlite" and "version" in change:
            continue  # any SQLite reads any other's files
        back_up = database.back_up
        with monkeypatch.context() as patched:
            patched.setattr(database, "back_up", lambda *args: back_up(*args) | change)  # noqa: B023, called at once
            file = backed_up_as(folder / f"{words}.zip")
        place = place or elsewhere()
        assert words in refused("restore", file)
    assert holds_nothing(place, settings.MEDIA_ROOT)


def test_who_may_not_make_a_database_is_told_so_by_a_drill(record, folder, monkeypatch):
    file = backed_up(folder)
    if connection.vendor == "sqlite":
        call_command("restore", file, "--check")  # which needs no right
        return
    _on_the_server("CREATE ROLE nobody_s_backup LOGIN")
    try:
        other = connection.copy()
        other.settings_dict["USER"] = "nobody_s_backup"
        monkeypatch.setattr("nucleo.backups.restoring.connection", other)
        assert "CREATEDB" in refused("restore", file, "--check")
    finally:
        _on_the_server("DROP ROLE nobody_s_backup")


def test_a_backup_of_older_code_tells_which_migrations_wait(record, folder, elsewhere, capsys):
    _on_the_server("DELETE FROM django_migrations WHERE app = 'search' AND name LIKE '0002%'")
    try:
        file = backed_up(folder)
        elsewhere()
        call_command("restore", file)
        assert "migrate: search.0002" in capsys.readouterr().out
    finally:
        MigrationRecorder(connection).record_applied("search", "0002_index_of_words")


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
    keys = [f"--recipient={write_new_identity(tmp_path / 'key')}"] if encrypted else []
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
    assert "No hay carpeta" in refused("backup", folder / "missing" / "x.zip")
    assert "clave pública" in refused("backup", folder, "--recipient", "age1x")
    assert [path.name for path in folder.iterdir()] == ["mine.zip"]


def test_an_empty_database_is_no_backup(folder, elsewhere, monkeypatch):
    """A misspelt name in DATABASE_URL must not be found out on the day of need."""
    place = elsewhere()
    monkeypatch.setattr("nucleo.backups.making.connection", place)
    assert "DATABASE_URL" in refused("backup", folder)
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_backup_and_no_other_one_s(record, folder):
    left = folder / f"{PREFIX}left"
    left.mkdir()
    (left / "half.zip").write_bytes(b"half")
    with scratch(folder) as anothers:
        (anothers / "goes-on").touch()
        backed_up(folder)
        assert not left.exists()
        assert (anothers / "goes-on").exists()


def test_only_the_newest_backups_are_kept_and_nothing_of_others_goes(record, folder):
    names = [f"nucleo-202001{day:02}-030000.zip" for day in range(1, 6)]
    names[1] += ".age"
    theirs = ["nucleo-final.zip", "fotos.zip", "nucleo-20200101-030000.zip.txt"]
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


def test_without_the_program_of_its_version_it_says_which_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN", str(tmp_path / "{major}"))
    with pytest.raises(BackupError, match=r"pg_dump de PostgreSQL 18.*no hay ninguno"):
        postgresql.program("pg_dump", 18)
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 15.18 (Debian 15.18-0)'\n")
    old.chmod(0o755)
    with pytest.raises(BackupError, match=r"PostgreSQL 18.*la versión 15\.18"):
        postgresql.program("pg_dump", 18)
    assert postgresql.program("pg_dump", 15) == str(old)
    (tmp_path / "16").mkdir()
    shutil.copy(old, tmp_path / "16")
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.2'\n")
    (tmp_path / "16" / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 16.14'\n")
    assert postgresql.program("pg_dump", 16) == str(tmp_path / "16" / "pg_dump")


def test_a_missing_pg_dump_leaves_nothing(record, folder, tmp_path, monkeypatch):
    """SQLite needs none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN", str(tmp_path))
    if connection.vendor == "postgresql":
        assert "pg_dump" in refused("backup", folder)
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
