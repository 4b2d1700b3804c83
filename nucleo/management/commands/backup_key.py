from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pyrage

from nucleo.backups import BackupCommand


class Command(BackupCommand):
    help = "Makes a key pair for backups: the secret key into a file, the public one is printed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="not there yet; keep it away from the server")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        identity = pyrage.x25519.Identity.generate()
        public = identity.to_public()
        file.touch(0o600, exist_ok=False)
        file.write_text(f"# public key: {public}\n{identity}\n")
        self.stdout.write(f"BACKUP_RECIPIENT={public}")
        self.stderr.write(
            f"«{file}» es la llave secreta: guárdela en dos lugares fuera del servidor. "
            "Sin ella nadie, tampoco ustedes, puede leer los respaldos."
        )
