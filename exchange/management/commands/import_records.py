import hashlib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from dates.text import collapse
from editing.resources import Outcome, RecordResource
from exchange.formats import ENCODINGS, read_dataset
from exchange.imports import COMMAND_ROWS, RESOURCES, Refused, run_import
from exchange.management.progress import progress
from exchange.models import Receipt, may_import
from record.confined import UnreadableFile


class Command(BaseCommand):
    help = "Imports a CSV or XLSX file of one table: all of it, or nothing when a row has an error."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", choices=RESOURCES)
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--as", dest="username", help="whose import it is, with their rights")
        about = "of a CSV file, if it is not recognized"
        parser.add_argument("--encoding", choices=ENCODINGS, default="", help=about)
        parser.add_argument("--reason", default="", help="why, for the history")

    def handle(self, *args: Any, table: str, file: Path, **options: Any) -> None:
        try:
            with file.open("rb") as content:
                outcome = self._import(table, content, file.name, options)
        except OSError as error:
            raise CommandError(f"No se puede leer «{file}»: {error.strerror}.") from error
        except UnreadableFile as error:
            raise CommandError(str(error)) from error
        for problem in (*outcome.warnings, *outcome.errors):
            self.stderr.write(collapse(str(problem)))
        self.stdout.write(str(outcome))
        if outcome.error_count:
            sys.exit(1)

    def _import(self, name: str, content: Any, file_name: str, options: dict[str, Any]) -> Outcome:
        user = _user(options["username"], RESOURCES[name])
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        dataset = read_dataset(content, COMMAND_ROWS, options["encoding"])
        self.stderr.write(f"{file_name}: {dataset.reading}")
        with progress(self.stderr) as report:
            if options["dry_run"]:
                return RESOURCES[name](user, on_progress=report).import_data(dataset, dry_run=True)
            receipt = Receipt(
                resource=name, file_name=collapse(file_name)[:200], sha256=sha256, user=user,
                encoding=dataset.encoding, delimiter=dataset.delimiter,
                reason=options["reason"][:200],
            )  # fmt: skip
            try:
                return run_import(receipt, dataset, on_progress=report)
            except Refused as refused:
                return refused.outcome


def _user(username: str | None, resource: type[RecordResource]) -> Any:
    if username is None:
        return None
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"No hay usuario activo «{username}».")
    if not may_import(user, resource):
        raise CommandError(f"«{username}» no tiene permiso de importar {resource.name}.")
    return user
