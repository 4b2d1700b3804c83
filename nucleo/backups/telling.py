"""What the commands say."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zipfile import BadZipFile

import psycopg
from django.core.management.base import CommandError
from django.db import Error as DatabaseException

from nucleo.backups import BackupError
from nucleo.backups.contents import SHAPE
from record.differences import moment_in_words


@contextmanager
def told() -> Iterator[None]:
    """Whatever a disk, a database or a file refuses, in a line and with exit 1."""
    try:
        yield
    except BackupError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        where = f"«{error.filename}»: " if error.filename else ""
        raise CommandError(f"No se pudo: {where}{error.strerror or error}.") from error
    except (sqlite3.Error, psycopg.Error, DatabaseException) as error:
        raise CommandError(f"La base de datos no lo permite: {error}.") from error
    except BadZipFile as error:
        raise CommandError(f"El respaldo está dañado: {error}.") from error


def in_words(kept: dict[str, Any]) -> str:
    tables = {name: table for name, table in kept["tables"].items() if name != SHAPE}
    rows = sum(table["rows"] for table in tables.values())
    return f"tablas: {len(tables)}, filas: {rows:,}, archivos: {len(kept['media'])}"


def moment_of(kept: dict[str, Any]) -> str:
    return moment_in_words(datetime.fromisoformat(kept["made"]))
