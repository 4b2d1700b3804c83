import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exchange.formats import FORMATS
from exchange.imports import RESOURCES
from exchange.management.progress import progress


class Command(BaseCommand):
    help = "Exports one table, drafts included, to a file or to standard output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", choices=RESOURCES)
        parser.add_argument("file", nargs="?", type=Path, help="standard output when left out")
        parser.add_argument("--format", choices=FORMATS, help="the file's ending, else csv")

    def handle(self, *args: Any, table: str, file: Path | None, **options: Any) -> None:
        ending = file.suffix.lstrip(".") if file else ""
        form = FORMATS[options["format"] or (ending if ending in FORMATS else "csv")]()
        resource = RESOURCES[table]()
        rows = resource.rows(resource.model.objects.all())
        try:
            opened = file.open("wb") if file else nullcontext(sys.stdout.buffer)
            with opened as output, progress(self.stderr) as report:
                form.write(output, _reported(rows, report), table)
        except OSError as error:
            raise CommandError(f"No se puede escribir «{file}»: {error.strerror}.") from error


def _reported(rows: Iterator[list[str]], report: Callable[[int], None]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, 1):
        yield row
        if not number % 500:
            report(500)
