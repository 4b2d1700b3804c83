from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from nucleo.backups.archive import identities
from nucleo.backups.restoring import drill, pending_migrations, restore
from nucleo.backups.telling import in_words, moment_of, told


class Command(BaseCommand):
    help = "Restores a backup into an empty database and media folder, and compares all of it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--identity", type=Path, help="the file with the secret key of age")
        parser.add_argument(
            "--check", action="store_true", help="a drill: in a temporary place, thrown away after"
        )

    def handle(
        self, *args: Any, file: Path, identity: Path | None, check: bool, **options: Any
    ) -> None:
        with told():
            keys = identities(identity) if identity else []
            kept = (drill if check else restore)(file, keys)
            done = "Ensayo de restauración" if check else "Restaurado"
            self.stdout.write(
                f"{done}: {in_words(kept)}. Todas las filas y todos los archivos se compararon y "
                f"son los del respaldo del {moment_of(kept)}."
            )
            if not check and (pending := pending_migrations()):
                self.stdout.write(f"Falta manage.py migrate: {', '.join(pending)}.")
