from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pyrage
from django.conf import settings
from django.core.management.base import CommandError

from nucleo.backups import BackupCommand, back_up, delete_oldest, summary


class Command(BackupCommand):
    help = "Backs up database and media into one file, while the site goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("place", type=Path, help="a folder, or a file that is not there yet")
        parser.add_argument(
            "--recipient",
            action="append",
            help="a public key of age; BACKUP_RECIPIENT when left out",
        )
        parser.add_argument("--keep", type=int, metavar="N", help="delete all but the newest N")

    def handle(self, *args: Any, place: Path, keep: int | None, **options: Any) -> None:
        if keep is not None and keep < 1:
            raise CommandError("--keep: al menos 1.")
        keys = options["recipient"] or settings.BACKUP_RECIPIENT
        try:
            recipients = [pyrage.x25519.Recipient.from_str(key.strip()) for key in keys]
        except pyrage.RecipientError as error:
            raise CommandError(f"Esto no es una clave pública de age (age1…): {keys}.") from error
        path, manifest = back_up(place, recipients)
        self.stdout.write(f"{path}: {summary(manifest)}, {path.stat().st_size:,} bytes.")
        if not recipients:
            self.stderr.write("Sin cifrar: quien lo lea lee borradores y cuentas.")
        for old in delete_oldest(path, keep) if keep else []:
            self.stdout.write(f"Se borró {old.name}.")
