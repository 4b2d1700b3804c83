from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

import pyrage
from django.core.management.base import CommandError

from editing.differences import moment_in_words
from nucleo.backups import BackupCommand, Identities, drill, restore, summary


class Command(BackupCommand):
    help = "Restores a backup into an empty database and an empty media folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--identity", type=Path, help="the file with the secret key of age")
        parser.add_argument(
            "--check", action="store_true", help="a drill: in a temporary place, thrown away after"
        )

        parser.add_argument(
            "--unsigned",
            action="store_true",
            help="a backup of version 1.0, which is not signed, and whose origin you know",
        )

    def handle(
        self, *args: Any, file: Path, identity: Path | None, check: bool, **options: Any
    ) -> None:
        identities = _identities(identity) if identity else []
        manifest = (drill if check else restore)(file, identities, signed=not options["unsigned"])
        done = "Ensayo de restauración" if check else "Restaurado"
        moment = moment_in_words(datetime.fromisoformat(manifest["made"]))
        self.stdout.write(
            f"{done}: {summary(manifest)}. El archivo está completo, y cada tabla tiene tantas "
            f"filas como en el respaldo del {moment}."
        )
        if not check:
            self.stdout.write("Ahora: manage.py migrate.")


def _identities(path: Path) -> Identities:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    secrets = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        identities = [pyrage.x25519.Identity.from_str(secret) for secret in secrets]
    except pyrage.IdentityError:
        identities = []
    if not identities:
        raise CommandError(f"«{path}» no tiene ninguna llave de age.")
    return identities
