from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from exchange.demo import Demo, Size, analyze
from exchange.demo_text import MOST_ORGANIZATIONS
from exchange.facts import KINDS
from exchange.progress import progress
from sources.models import Citation

MODELS = (*KINDS.values(), Citation)


class Command(BaseCommand):
    help = "Fills an empty database with a large invented record, the same for the same seed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--events", type=_count, default=1000)
        parser.add_argument("--statements", type=_count, help="a fiftieth of the events, by itself")
        parser.add_argument("--organizations", type=_count, default=400)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--no-search", action="store_true", help="leave its index empty")

    def handle(self, *args: Any, events: int, organizations: int, **options: Any) -> None:
        if organizations > MOST_ORGANIZATIONS:
            raise CommandError(f"There are names for {MOST_ORGANIZATIONS:,} organizations.")
        statements = options["statements"]
        statements = events // 50 if statements is None else statements
        size = Size(events, statements, organizations)
        with transaction.atomic(), progress(self.stderr) as tell:
            _refuse_what_is_real()
            Demo(size, options["seed"], tell).write()
        analyze()
        if not options["no_search"]:
            call_command("rebuild_search", stdout=self.stdout, stderr=self.stderr)
        counts = ", ".join(
            f"{model._meta.verbose_name_plural}: {model.objects.count():,}" for model in MODELS
        )
        self.stdout.write(f"A record was invented. {counts}.")


def _refuse_what_is_real() -> None:
    """No invented fact may stand among real ones, nor its version among theirs."""
    if any(model.objects.exists() or model.history.exists() for model in MODELS):
        raise CommandError("There is a record already; nothing was invented.")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no number from 1 on.")
    return int(text)
