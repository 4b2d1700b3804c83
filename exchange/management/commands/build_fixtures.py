from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange.facts import Facts, FactsError, read_facts


class Command(BaseCommand):
    help = "Turns fixtures/facts.yaml and the source's text into fixtures/*.json."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail when the files would change"
        )
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "fixtures")

    def handle(self, *args: Any, folder: Path, check: bool, **options: Any) -> None:
        try:
            facts = read_facts(folder / "facts.yaml")
        except FactsError as error:
            raise CommandError(str(error)) from error
        stale = [name for name, text in facts.fixtures().items() if _read(folder / name) != text]
        if check and stale:
            raise CommandError(f"Not what facts.yaml says: {', '.join(stale)}. Run build_fixtures.")
        for name in stale:
            (folder / name).write_text(facts.fixtures()[name], encoding="utf-8")
        self._report(facts)

    def _report(self, facts: Facts) -> None:
        for source, sentence in facts.unused_sentences():
            self.stdout.write(f"No fact uses this sentence of {source.slug}: {sentence}")
        counts = ", ".join(f"{len(r)} {m._meta.model_name}" for m, r in facts.records.items())
        self.stdout.write(f"{counts}, {len(facts.citations)} citation")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
