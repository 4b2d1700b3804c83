from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from nucleo.backups.archive import write_new_identity
from nucleo.backups.telling import told


class Command(BaseCommand):
    help = "Makes a key pair for backups: the secret key into a file, the public one is printed."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="not there yet; keep it away from the server")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        with told():
            public = write_new_identity(file)
        self.stdout.write(f"BACKUP_RECIPIENT={public}")
        self.stderr.write(
            f"«{file}» es la llave secreta: guárdela en dos lugares fuera del servidor. "
            "Sin ella nadie, tampoco ustedes, puede leer los respaldos."
        )
