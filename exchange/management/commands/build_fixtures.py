from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange.facts import FactsError, read_facts


class Command(BaseCommand):
    help = "Turns facts.yaml and the sources' texts into fixtures, and lists their sentences."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        about = "write nothing; fail when the files would change"
        parser.add_argument("--check", action="store_true", help=about)
        parser.add_argument("--folder", type=Path, default=settings.RECORD)

        about = "fail when a fact, or one of its dates, has no quote"
        parser.add_argument("--strict", action="store_true", help=about)

    def handle(self, *args: Any, folder: Path, check: bool, strict: bool, **options: Any) -> None:
        try:
            facts = read_facts(folder / "facts.yaml")
        except FactsError as error:
            raise CommandError(str(error)) from error
        files = {folder / name: text.encode() for name, text in facts.fixtures().items()}
        stale = [f for f, text in files.items() if not f.exists() or f.read_bytes() != text]
        if check and stale:
            names = ", ".join(file.name for file in stale)
            raise CommandError(f"Not what facts.yaml says: {names}. Run build_fixtures.")
        for file in stale:
            file.write_bytes(files[file])
        for source, sentence, quoting in facts.sentences():
            if not quoting:
                self.stdout.write(f"No fact uses this sentence of {source.slug}: {sentence}")
        for quote in facts.citations:
            if kinds := quote.differences:
                self.stdout.write(f"Of its source, a quote has other {kinds}: «{quote.exact}»")
        uncited = [f"No quote proves {fact}" for fact in facts.uncited()]
        for line in uncited:
            self.stdout.write(line)
        counts = ", ".join(f"{len(r)} {m._meta.model_name}" for m, r in facts.records.items())
        self.stdout.write(f"{counts}, {len(facts.citations)} citation")
        if strict and uncited:
            raise CommandError(f"{len(uncited)} facts lack proof.")
