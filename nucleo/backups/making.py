"""Making a backup, and keeping no more than wanted."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from nucleo.backups import BackupError, postgresql, sqlite
from nucleo.backups.archive import Recipient, writing
from nucleo.backups.contents import MANIFEST, manifest, pack_media

DATABASES = {"sqlite": sqlite, "postgresql": postgresql}
NAME = re.compile(r"nucleo-\d{8}-\d{6}\.zip(\.age)?")


def back_up(place: Path, recipients: list[Recipient]) -> tuple[Path, dict[str, Any]]:
    """Into a folder under a name of ours, or into this file; where, and the manifest."""
    path = place
    if place.is_dir():
        name = f"nucleo-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip"
        path = place / (f"{name}.age" if recipients else name)
    elif not place.parent.is_dir():
        raise BackupError(f"No hay carpeta «{place.parent}».")
    with writing(path, recipients) as archive:
        held = manifest(
            DATABASES[connection.vendor].back_up(connection, archive), pack_media(archive)
        )
        archive.writestr(MANIFEST, json.dumps(held, ensure_ascii=False, indent=1))
    return path, held


def delete_oldest(new: Path, keep: int) -> list[Path]:
    """Of the backups beside the new one that bear a name of ours; never the new one."""
    others = [path for path in new.parent.iterdir() if NAME.fullmatch(path.name) and path != new]
    oldest = sorted(others, reverse=True)[keep - 1 :]
    for path in oldest:
        path.unlink()
    return oldest
