"""What a database and a media folder hold, in figures that can be compared."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import ZipFile

from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from nucleo.backups import BackupError
from nucleo.backups.archive import CHUNK
from nucleo.backups.scratch import PREFIX

FORMAT = 1
MANIFEST, MEDIA = "manifest.json", "media"
SHAPE = "(estructura)"
"""Beside the tables: the database's own triggers, functions, indexes and columns."""
LEFT_OUT = ("sessions", "axes")
"""Apps whose rows stay behind: a session that ended, an address that was forgotten, must not come
back with an old backup."""

Held = dict[str, Any]
"""{"rows": how many, "digest": of all of them, in no order}, or of a file {"size", "sha256"}."""
EMPTY: Held = {"rows": 0, "digest": f"{0:064x}"}


def left_out() -> list[str]:
    """The names of the tables."""
    models = (model for label in LEFT_OUT for model in apps.get_app_config(label).get_models())
    return [model._meta.db_table for model in models]


def manifest(database: dict[str, Any], media: dict[str, Held]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made": timezone.now().isoformat(timespec="seconds"),
        "site": settings.SITE_NAME,
        "migrations": [".".join(leaf) for leaf in sorted(MigrationLoader(None).graph.leaf_nodes())],
        **database,
        "media": media,
    }


def read_manifest(archive: ZipFile) -> dict[str, Any]:
    try:
        found = json.loads(archive.read(MANIFEST))
    except (KeyError, ValueError) as problem:
        raise BackupError("El archivo no es un respaldo de este programa.") from problem
    if found.get("format") != FORMAT:
        raise BackupError("El respaldo es de otra versión de este programa: use esa versión.")
    return found


def unknown_migrations(found: dict[str, Any]) -> list[str]:
    """Those up to which the backup's code came and ours does not."""
    known = {".".join(key) for key in MigrationLoader(None).disk_migrations}
    return [name for name in found["migrations"] if name not in known]


def compare(kept: dict[str, Held], found: dict[str, Held]) -> None:
    """BackupError with every table that is not as the manifest says."""
    if kept == found:
        return
    names = [name for name in sorted(kept | found) if kept.get(name) != found.get(name)]
    told = (f"{name} ({_rows(kept, name)} → {_rows(found, name)} filas)" for name in names)
    raise BackupError(f"Lo restaurado no es lo respaldado, no lo use: {', '.join(told)}.")


def _rows(held: dict[str, Held], name: str) -> str:
    return f"{held[name]['rows']:,}" if name in held else "no está"


# Media


def pack_media(archive: ZipFile) -> dict[str, Held]:
    """Every file of the folder; after the database, so that no file that it names is missing."""
    root = Path(settings.MEDIA_ROOT)
    held = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not path.is_symlink() and not name.startswith(PREFIX):
            with path.open("rb") as file, archive.open(f"{MEDIA}/{name}", "w") as out:
                held[name] = _copied(file, out)
    return held


def unpack_media(archive: ZipFile, media: dict[str, Held], folder: Path) -> None:
    """Into the folder, each file compared."""
    for name, kept in media.items():
        path = folder / _inside(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(f"{MEDIA}/{name}") as file, path.open("xb") as out:
            if _copied(file, out) != kept:
                raise BackupError(f"El archivo «{name}» no es como se respaldó.")


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BackupError(f"El respaldo nombra un archivo fuera de su carpeta: «{name}».")
    return path


def _copied(file: Any, out: Any) -> Held:
    digest, size = hashlib.sha256(), 0
    for data in chunks(file):
        out.write(data)
        digest.update(data)
        size += len(data)
    return {"size": size, "sha256": digest.hexdigest()}


def chunks(file: Any) -> Iterator[bytes]:
    while data := file.read(CHUNK):
        yield data
