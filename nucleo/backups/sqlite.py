"""SQLite: one VACUUM INTO is one moment, without the pages of what was deleted."""

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from nucleo.backups import BackupError
from nucleo.backups.archive import flush_folder
from nucleo.backups.contents import SHAPE, Held, chunks, compare, left_out
from nucleo.backups.scratch import scratch

FILE = "database.sqlite3"
WAIT = 60  # seconds for whoever writes
TABLES = """
    SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'
    AND (name NOT LIKE 'sqlite%' OR name = 'sqlite_sequence')
"""


def back_up(database: Any, archive: ZipFile) -> dict[str, Any]:
    path = Path(database.settings_dict["NAME"])
    if is_empty(database):
        raise BackupError(f"No hay base de datos en «{path}», o está vacía: revise DATABASE_URL.")
    with scratch(path.parent) as folder:
        copy = folder / FILE
        with _opened(path) as source:
            source.execute("VACUUM INTO ?", [str(copy)])
        with _opened(copy) as emptied:
            emptied.execute("PRAGMA secure_delete = ON")
            for table in left_out():
                emptied.execute(f'DELETE FROM "{table}"')  # noqa: S608, a model's own
        archive.write(copy, FILE, ZIP_DEFLATED, compresslevel=1)
        return {"vendor": "sqlite", "version": sqlite3.sqlite_version, "tables": contents(copy)}


def _opened(path: Path) -> closing[sqlite3.Connection]:
    """An existing file: SQLite would make a new one of a misspelt name."""
    uri = f"{path.resolve().as_uri()}?mode=rw"
    return closing(sqlite3.connect(uri, uri=True, timeout=WAIT, isolation_level=None))


def is_empty(database: Any) -> bool:
    path = Path(database.settings_dict["NAME"])
    if not path.exists():
        return True
    with _opened(path) as found:
        return not found.execute("SELECT 1 FROM sqlite_master").fetchone()


def contents(path: Path) -> dict[str, Held]:
    with _opened(path) as database:
        database.text_factory = bytes  # whatever they hold, they are compared
        tables = [name.decode() for (name,) in database.execute(TABLES).fetchall()]
        held = {name: digest(database.execute(f'SELECT * FROM "{name}"')) for name in tables}  # noqa: S608, the database's own name
        held[SHAPE] = digest(
            database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        )
    return held


def digest(rows: Iterable[tuple]) -> Held:
    """The sum of the rows' SHA-256: the same in any order, another with a row twice or lost."""
    count = total = 0
    for row in rows:
        count += 1
        total += int.from_bytes(hashlib.sha256(repr(row).encode()).digest())
    return {"rows": count, "digest": f"{total % 2**256:064x}"}


def restore(database: Any, archive: ZipFile, kept: dict[str, Any]) -> None:
    """Renamed into place after it was compared."""
    path = Path(database.settings_dict["NAME"])
    with scratch(path.parent) as folder:
        copy = _unpacked(archive, folder, kept)
        for ending in ("-wal", "-shm", "-journal"):  # of the empty one, to be taken for ours
            path.with_name(path.name + ending).unlink(missing_ok=True)
        copy.rename(path)
    flush_folder(path.parent)


def drill(database: Any, archive: ZipFile, kept: dict[str, Any], folder: Path) -> None:
    _unpacked(archive, folder, kept)


def _unpacked(archive: ZipFile, folder: Path, kept: dict[str, Any]) -> Path:
    copy = folder / FILE
    with archive.open(FILE) as file, copy.open("xb") as out:
        for data in chunks(file):
            out.write(data)
        out.flush()
        os.fsync(out.fileno())
    copy.chmod(0o600)
    compare(kept["tables"], contents(copy))
    return copy
