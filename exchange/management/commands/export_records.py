import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.imports import RESOURCES
from exchange.progress import progress
from exchange.tables import FORMATS, write_table


class Command(BaseCommand):
    help = "Exports one table, drafts included, to a file or to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", choices=RESOURCES)
        parser.add_argument("file", nargs="?", type=Path, help="standard output when left out")
        parser.add_argument("--format", choices=FORMATS, help="the file's ending, else csv")

    def handle(self, *args: Any, table: str, file: Path | None, **options: Any) -> None:
        ending = file.suffix.lstrip(".") if file else ""
        name = options["format"] or (ending if ending in FORMATS else "csv")
        resource = RESOURCES[table]()
        rows = resource.rows(resource.model.objects.all())
        try:
            with progress(self.stderr) as tell:
                if file:
                    with file.open("wb") as out:
                        write_table(out, name, rows, table, tell)
                else:
                    write_table(sys.stdout.buffer, name, rows, table, tell)
        except OSError as error:
            raise CommandError(f"No se puede escribir «{file}»: {error.strerror}.") from error
