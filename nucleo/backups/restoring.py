"""Restoring into an empty place, or trying it in a place that is thrown away."""

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from nucleo.backups import BackupError
from nucleo.backups.archive import Identity, reading
from nucleo.backups.contents import read_manifest, unknown_migrations, unpack_media
from nucleo.backups.making import DATABASES
from nucleo.backups.scratch import clear, scratch

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def restore(path: Path, identities: list[Identity]) -> dict[str, Any]:
    """All of it or nothing; the manifest with which it was compared."""
    media = Path(settings.MEDIA_ROOT)
    database = DATABASES[connection.vendor]
    _refuse_what_is_not_empty(database, media)
    with reading(path, identities) as archive:
        kept = read_manifest(archive)
        _refuse_another_vendor(kept)
        if unknown := unknown_migrations(kept):
            raise BackupError(
                "El respaldo es de un código más nuevo que este: actualícelo primero. "
                f"Faltan las migraciones {', '.join(unknown)}."
            )
        media.mkdir(parents=True, exist_ok=True)
        with scratch(media) as folder:
            unpack_media(archive, kept["media"], folder)
            database.restore(connection, archive, kept)
            for entry in folder.iterdir():
                entry.rename(media / entry.name)
    return kept


def _refuse_what_is_not_empty(database: Any, media: Path) -> None:
    if not database.is_empty(connection):
        raise BackupError(
            "La base de datos ya tiene tablas, y un respaldo solo se restaura en una vacía, "
            "antes de migrate. Cree otra, nómbrela en DATABASE_URL y repita; nada se cambió."
        )
    if media.is_dir():
        clear(media)
        if any(media.iterdir()):
            raise BackupError(
                f"La carpeta «{media}» no está vacía: renómbrela y repita; nada se cambió."
            )


def _refuse_another_vendor(kept: dict[str, Any]) -> None:
    if kept["vendor"] != connection.vendor:
        raise BackupError(
            f"El respaldo es de {NAMES[kept['vendor']]} y DATABASE_URL nombra una base de "
            f"{NAMES[connection.vendor]}."
        )


def drill(path: Path, identities: list[Identity]) -> dict[str, Any]:
    """The same in temporary places; nothing else is touched."""
    with (
        reading(path, identities) as archive,
        tempfile.TemporaryDirectory(prefix="nucleo-drill-") as folder,
    ):
        kept = read_manifest(archive)
        if kept["vendor"] != "sqlite":  # which needs no server
            _refuse_another_vendor(kept)
        media, place = Path(folder, "media"), Path(folder, "database")
        media.mkdir()
        place.mkdir()
        unpack_media(archive, kept["media"], media)
        DATABASES[kept["vendor"]].drill(connection, archive, kept, place)
    return kept


def pending_migrations() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _backwards in plan]
