"""PostgreSQL: pg_dump and the figures see one exported snapshot; pg_restore is one transaction.

Both programs must be of the server's major version: an older pg_dump refuses the server, a newer
one writes what the server's own pg_restore cannot read.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from psycopg.errors import InsufficientPrivilege
from psycopg.pq import Conninfo

from nucleo.backups import BackupError
from nucleo.backups.contents import EMPTY, SHAPE, Held, chunks, compare, left_out

FILE = "database.pgdump"
DEBIAN = "/usr/lib/postgresql/{major}/bin"
"""Where Debian keeps the programs of each version, beside the one that is on PATH."""
TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
"""
# By name, with the functions' own text: versions write definitions each in their way.
SHAPES = """
    SELECT 'column', c.relname, a.attname, a.atttypid::regtype::text, a.attgenerated::text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'index', t.relname, c.relname, m.amname, i.indisunique::text
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_am m ON m.oid = c.relam WHERE c.relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, contype::text, ''
    FROM pg_constraint WHERE connamespace = current_schema()::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'trigger', tgrelid::regclass::text, tgname, tgfoid::regproc::text, tgenabled::text
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function', proname, pg_get_function_identity_arguments(oid), prosrc, provolatile::text
    FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
"""
DIGEST = """
    SELECT count(*), coalesce(sum(('x' || left(hash, 16))::bit(64)::bigint::numeric), 0),
        coalesce(sum(('x' || substr(hash, 17, 16))::bit(64)::bigint::numeric), 0)
    FROM (
        SELECT encode(sha256(convert_to(whole_row::text, 'UTF8')), 'hex') AS hash
        FROM {rows} AS whole_row
    ) AS hashed
"""
# Values are written alike whatever this server, role or database is set to.
ALIKE = (
    "SET TimeZone = 'UTC'", "SET DateStyle = 'ISO'", "SET IntervalStyle = 'postgres'",
    "SET bytea_output = 'hex'", "SET extra_float_digits = 1", "SET statement_timeout = 0",
)  # fmt: skip


def back_up(database: Any, archive: ZipFile) -> dict[str, Any]:
    if is_empty(database):
        raise BackupError("La base de datos está vacía: revise DATABASE_URL.")
    with _connected(database) as connection:
        version = connection.info.server_version
        pg_dump = program("pg_dump", version // 10_000)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone()
        flags = [f"--snapshot={snapshot}", "--format=custom", "--compress=1", "--no-owner"]
        flags += ["--no-privileges", *(f"--exclude-table-data={name}" for name in left_out())]
        with (
            _running([pg_dump, *flags], database, stdout=subprocess.PIPE) as process,
            archive.open(FILE, "w", force_zip64=True) as out,
        ):
            for data in chunks(process.stdout):
                out.write(data)
        tables = contents(connection, left_out())
    return {"vendor": "postgresql", "version": version, "tables": tables}


@contextmanager
def _connected(database: Any) -> Iterator[Any]:
    """psycopg's connection, of our own, in autocommit."""
    own = database.copy()
    with closing(own):
        own.ensure_connection()
        for statement in ALIKE:
            own.connection.execute(statement)
        yield own.connection


def is_empty(database: Any) -> bool:
    with _connected(database) as connection:
        return not connection.execute(TABLES).fetchone()


def contents(connection: Any, without: list[str] = ()) -> dict[str, Held]:
    names = [name for (name,) in connection.execute(TABLES).fetchall()]
    held = {name: EMPTY if name in without else _digest(connection, f'"{name}"') for name in names}
    return held | {SHAPE: _digest(connection, f"({SHAPES})")}


def _digest(connection: Any, rows: str) -> Held:
    """Sums of halves of the rows' SHA-256, reckoned by the server, in any order."""
    count, *sums = connection.execute(DIGEST.format(rows=rows)).fetchone()
    return {
        "rows": count,
        "digest": "".join(f"{int(part) % 2**64:016x}" for part in sums).rjust(64, "0"),
    }


def program(name: str, major: int) -> str:
    """The one of this version, on PATH or where Debian keeps it."""
    seen = []
    for path in (os.environ.get("PATH", ""), DEBIAN.format(major=major)):
        if found := shutil.which(name, path=path):
            said = subprocess.run([found, "--version"], capture_output=True, text=True).stdout  # noqa: S603, found on PATH
            number = re.search(r"(\d+)(\.\d+)?", said)
            seen.append(number[0] if number else said.strip())
            if number and int(number[1]) == major:
                return found
    there = f"el que hay es de la versión {seen[0]}" if seen else "no hay ninguno"
    raise BackupError(
        f"Hace falta el programa {name} de PostgreSQL {major}, como el servidor; {there} en PATH. "
        f"En Debian: apt install postgresql-client-{major}."
    )


@contextmanager
def _running(command: list[str], database: Any, **streams: Any) -> Iterator[subprocess.Popen]:
    """Stopped when what is done with it fails; BackupError with its own words when it fails."""
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(  # noqa: S603, ours
            [*command, f"--dbname={database.settings_dict['NAME']}", "--no-password"],
            env=os.environ | _where(database),
            stderr=told,
            **streams,
        )
        with process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            told.seek(0)
            words = told.read().decode(errors="replace").strip()
            raise BackupError(f"{Path(command[0]).name} no terminó: {words}")


def _where(database: Any) -> dict[str, str]:
    """How Django connects, as the environment that libpq reads: no password among arguments."""
    names = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar
    }
    given = database.get_connection_params()
    return {names[key]: str(value) for key, value in given.items() if key in names}


def restore(database: Any, archive: ZipFile, kept: dict[str, Any]) -> None:
    with _connected(database) as connection:
        major = connection.info.server_version // 10_000
    theirs = kept["version"] // 10_000
    if theirs > major:
        raise BackupError(
            f"El respaldo es de PostgreSQL {theirs} y el servidor es de la versión {major}."
        )
    flags = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    command = [program("pg_restore", major), *flags]
    with (
        _running(command, database, stdin=subprocess.PIPE) as process,
        archive.open(FILE) as file,
        suppress(BrokenPipeError),  # it ended first, and says why
    ):
        for data in chunks(file):
            process.stdin.write(data)
        process.stdin.close()
    with _connected(database) as connection:
        compare(kept["tables"], contents(connection))
        connection.execute("ANALYZE")


def drill(database: Any, archive: ZipFile, kept: dict[str, Any], folder: Path) -> None:
    """In a database of its own on the same server, dropped afterwards."""
    other = database.copy()
    other.settings_dict["NAME"] = name = f"nucleo_drill_{secrets.token_hex(4)}"
    with _connected(database) as connection:
        try:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        except InsufficientPrivilege as problem:
            raise BackupError(
                f"El usuario «{connection.info.user}» no puede crear la base de datos del ensayo: "
                f'ALTER ROLE "{connection.info.user}" CREATEDB, o ensaye en otro servidor.'
            ) from problem
        try:
            restore(other, archive, kept)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
