from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from nucleo.backups.archive import recipient
from nucleo.backups.making import back_up, delete_oldest
from nucleo.backups.telling import in_words, told


class Command(BaseCommand):
    help = "Backs up database and media into one file, while the site goes on."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("place", type=Path, help="a folder, or a file that is not there yet")
        parser.add_argument(
            "--recipient", action="append",
            help="encrypt for this public key of age; BACKUP_RECIPIENT when left out",
        )  # fmt: skip
        parser.add_argument("--keep", type=int, metavar="N", help="delete all but the newest N")

    def handle(self, *args: Any, place: Path, **options: Any) -> None:
        if options["keep"] is not None and options["keep"] < 1:
            raise CommandError("--keep: al menos 1.")
        with told():
            keys = options["recipient"] or settings.BACKUP_RECIPIENT
            path, held = back_up(place, [recipient(key) for key in keys])
            self.stdout.write(f"{path}: {in_words(held)}, {path.stat().st_size:,} bytes.")
            if not keys:
                self.stderr.write("Sin cifrar: quien lo lea lee borradores y cuentas.")
            for old in delete_oldest(path, options["keep"]) if options["keep"] else []:
                self.stdout.write(f"Se borró {old.name}.")
