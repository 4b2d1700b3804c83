"""Backups: the database and the media files of one moment in one file.

The file is a ZIP with the database, `media/…`, and `manifest.json` with the number of rows of each
table. The comment of the ZIP is the HMAC of all bytes before it, with settings.BACKUP_KEY, so that
`restore` reads no archive that somebody else made. age (https://age-encryption.org) encrypts the
file for the recipients, but does not sign it.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pyrage
from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django.utils.crypto import constant_time_compare

Manifest = dict[str, Any]
Recipients = list[pyrage.x25519.Recipient]
Identities = list[pyrage.x25519.Identity]
ERRORS = (
    OSError, DatabaseError, sqlite3.Error, pyrage.EncryptError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
DIGEST_SIZE, CHUNK = 64, 1 << 20
DUMPS = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
LEFT_OUT = ("sessions.Session", "usersessions.UserSession", "access.Count")
"""Models whose rows a backup omits, so that ended sessions and old failures stay deleted."""
NAME = re.compile(r"nucleo-\d{8}-\d{6}\.zip(\.age)?")


class BackupCommand(BaseCommand):
    """A command that reports an error of the system in one line."""

    requires_system_checks = []

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except ERRORS as error:
            raise CommandError(f"No se pudo: {' '.join(str(error).split())}") from error


def summary(manifest: Manifest) -> str:
    tables = manifest["tables"]
    rows = f"{sum(tables.values()):,}"
    return f"tablas: {len(tables)}, filas: {rows}, archivos: {manifest['files']}"


def back_up(place: Path, recipients: Recipients) -> tuple[Path, Manifest]:
    """Write the new file `place`, or a file with a dated name in the folder `place`."""
    name = f"nucleo-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip{'.age' if recipients else ''}"
    path = place / name if place.is_dir() else place
    if path.exists():
        raise CommandError(f"«{path}» ya existe y no se sobrescribe.")
    if not connection.introspection.table_names():
        raise CommandError("La base de datos está vacía: revise DATABASE_URL.")
    part = path.with_name(f".{path.name}.part")
    part.touch(0o600)
    try:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder, "archive")
            manifest = _write_archive(archive, Path(folder))
            if recipients:
                pyrage.encrypt_file(str(archive), str(part), recipients)
            else:
                shutil.copyfile(archive, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return path, manifest


def delete_oldest(new: Path, keep: int) -> list[Path]:
    """Delete the oldest backups with a dated name in the folder of `new`, so that `keep` are left.
    Return the deleted files."""
    others = [path for path in new.parent.iterdir() if NAME.fullmatch(path.name) and path != new]
    oldest = sorted(others, reverse=True)[keep - 1 :]
    for path in oldest:
        path.unlink()
    return oldest


def _write_archive(path: Path, folder: Path) -> Manifest:
    """Write the ZIP. The media follow the database, so that it names no missing file."""
    dump, media = folder / DUMPS[connection.vendor], Path(settings.MEDIA_ROOT)
    tables = _dump_sqlite(dump) if connection.vendor == "sqlite" else _dump_postgresql(dump)
    files = [file for file in media.rglob("*") if file.is_file() and not file.is_symlink()]
    manifest = {
        "made": timezone.now().isoformat(timespec="seconds"),
        "migrations": MigrationLoader(None).graph.leaf_nodes(),
        "tables": tables,
        "files": len(files),
    }
    with zipfile.ZipFile(path, "w", strict_timestamps=False) as archive:
        archive.comment = b" " * DIGEST_SIZE
        archive.write(dump, dump.name, zipfile.ZIP_DEFLATED, compresslevel=1)
        for file in files:
            archive.write(file, f"media/{file.relative_to(media).as_posix()}")
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
    with path.open("r+b") as zip_file:
        digest = _digest(zip_file, hmac.new(settings.BACKUP_KEY.encode(), digestmod="sha256"))
        zip_file.seek(-DIGEST_SIZE, os.SEEK_END)
        zip_file.write(digest)
    return manifest


def _digest(file: BinaryIO, digest: Any) -> bytes:
    """Return the digest, in hexadecimal, of all bytes before the comment."""
    left = file.seek(0, os.SEEK_END) - DIGEST_SIZE
    file.seek(0)
    while left > 0:
        data = file.read(min(CHUNK, left))
        digest.update(data)
        left -= len(data)
    return digest.hexdigest().encode()


def _dump_sqlite(path: Path) -> dict[str, int]:
    connection.ensure_connection()
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        connection.connection.backup(copy)
        for table in _left_out():
            copy.execute(f'DELETE FROM "{table}"')  # noqa: S608, the name comes from a model
        copy.execute("VACUUM")  # removes the deleted rows from the file
    with closing(_connection_to(str(path))) as copy:
        return _count_rows(copy)


def _dump_postgresql(path: Path) -> dict[str, int]:
    """Dump and count in one snapshot."""
    arguments = [f"--exclude-table-data={table}" for table in _left_out()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        arguments += ["--format=custom", f"--file={path}", f"--snapshot={cursor.fetchone()[0]}"]
        _run("pg_dump", connection, *arguments)
        return _count_rows(connection) | dict.fromkeys(_left_out(), 0)


def _left_out() -> list[str]:
    return [apps.get_model(name)._meta.db_table for name in LEFT_OUT]


def _count_rows(database: BaseDatabaseWrapper) -> dict[str, int]:
    rows = {}
    with database.cursor() as cursor:
        for name in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{name}"')  # noqa: S608, a table of the database
            rows[name] = cursor.fetchone()[0]
    return rows


def _connection_to(name: str) -> BaseDatabaseWrapper:
    other = connection.copy()
    other.settings_dict["NAME"] = name
    return other


def _run(program: str, database: BaseDatabaseWrapper, *arguments: str) -> None:
    """Run a program of PostgreSQL, and pass the password in the environment, as `dbshell` does."""
    shell, environment = database.client.settings_to_cmd_args_env(database.settings_dict, [])
    command = [program, *shell[1:-1], f"--dbname={shell[-1]}", "--no-owner", "--no-privileges"]
    environment = os.environ | (environment or {})
    try:
        subprocess.run([*command, *arguments], env=environment, check=True, capture_output=True)  # noqa: S603, no shell
    except FileNotFoundError as error:
        raise CommandError(f"Hace falta {program}: apt install postgresql-client.") from error
    except subprocess.CalledProcessError as error:
        words = " ".join(error.stderr.decode(errors="replace").split())
        raise CommandError(f"{program} no terminó: {words}") from error


def restore(path: Path, identities: Identities, signed: bool = True) -> Manifest:
    """Restore into an empty database and an empty media folder."""
    media = Path(settings.MEDIA_ROOT)
    if connection.vendor == "sqlite":
        Path(connection.settings_dict["NAME"]).touch(0o600)  # readable by its owner only
    if connection.introspection.table_names():
        raise CommandError(
            "La base de datos ya tiene tablas, y un respaldo solo se restaura en una vacía, "
            "antes de migrate. Cree otra, nómbrela en DATABASE_URL y repita; nada se cambió."
        )
    media.mkdir(parents=True, exist_ok=True)
    if any(media.iterdir()):
        raise CommandError(f"«{media}» no está vacía: renómbrela y repita; nada se cambió.")
    opened = _opened(path, identities, signed)
    with opened as archive, tempfile.TemporaryDirectory(dir=media) as folder:
        manifest = _load(archive, Path(folder), connection)
        for file in Path(folder).glob("media/*"):
            file.rename(media / file.name)
    return manifest


def drill(path: Path, identities: Identities, signed: bool = True) -> Manifest:
    """Restore into a temporary database and a temporary folder."""
    with _opened(path, identities, signed) as archive, tempfile.TemporaryDirectory() as folder:
        if connection.vendor == "sqlite":
            with closing(_connection_to(f"{folder}/drill.sqlite3")) as database:
                return _load(archive, Path(folder), database)
        name = f"nucleo_drill_{secrets.token_hex(4)}"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
            try:
                with closing(_connection_to(name)) as database:
                    return _load(archive, Path(folder), database)
            finally:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _opened(path: Path, identities: Identities, signed: bool) -> Iterator[zipfile.ZipFile]:
    """Decrypt the archive, compare its digest, and yield it. Backups of version 1.0 are not signed:
    their digest is a SHA-256."""
    with path.open("rb") as file, tempfile.TemporaryFile() as decrypted:
        archive: BinaryIO = file
        if file.peek().startswith(b"age-encryption.org/v1"):
            archive = decrypted
            if not identities:
                raise CommandError("El respaldo está cifrado: indique su llave con --identity.")
            try:
                pyrage.decrypt_io(file, decrypted, identities)
            except pyrage.DecryptError as error:
                raise CommandError(
                    "La llave no es la de este respaldo, o el archivo está incompleto o cambió."
                ) from error
        key = settings.BACKUP_KEY.encode()
        digest = _digest(archive, hmac.new(key, digestmod="sha256") if signed else hashlib.sha256())
        if not constant_time_compare(archive.read(), digest):
            raise CommandError(
                f"«{path}» no es un respaldo, o está incompleto o cambió, o se hizo con otra "
                "BACKUP_KEY: use otro, o esa llave. Con --unsigned se lee uno de la versión 1.0."
            )
        yield zipfile.ZipFile(archive)


def _load(archive: zipfile.ZipFile, folder: Path, database: BaseDatabaseWrapper) -> Manifest:
    """Unpack into `folder`, load the database, and compare the number of rows of each table."""
    manifest = _read_manifest(archive)
    _refuse_other_code(archive, manifest)
    archive.extractall(folder)
    dump = folder / DUMPS[database.vendor]
    if database.vendor == "sqlite":
        database.ensure_connection()
        with closing(sqlite3.connect(dump)) as copy:
            copy.backup(database.connection)
    else:
        _run("pg_restore", database, "--single-transaction", "--exit-on-error", str(dump))
    expected, rows = manifest["tables"], _count_rows(database)
    different = [
        f"{name} ({expected.get(name)} → {rows.get(name)} filas)"
        for name in sorted(rows | expected)
        if rows.get(name) != expected.get(name)
    ]
    if different:
        raise CommandError(f"Lo restaurado no es lo respaldado, no lo use: {', '.join(different)}.")
    return manifest


def _read_manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        manifest: Manifest = json.loads(archive.read("manifest.json"))
        datetime.fromisoformat(manifest["made"])
        summary(manifest)
        dict(manifest["migrations"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CommandError(
            "El manifiesto del respaldo falta o no se entiende: use otro."
        ) from error
    return manifest


def _refuse_other_code(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    if DUMPS[connection.vendor] not in archive.namelist():
        raise CommandError(
            f"El respaldo no es de {connection.vendor}, como la base que DATABASE_URL nombra."
        )
    known = MigrationLoader(None).disk_migrations
    if unknown := [name for app, name in manifest["migrations"] if (app, name) not in known]:
        names = ", ".join(unknown)
        raise CommandError(f"El respaldo es de un código más nuevo, con {names}: actualícelo.")
