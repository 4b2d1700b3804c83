import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from exchange.management.progress import progress
from search.index import differences, rebuild
from search.models import Entry


class Command(BaseCommand):
    help = "Rebuilds the search index from the record, while the site is in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--check", action="store_true", help="only check the index")
        instead.add_argument("--if-empty", action="store_true", help="keep an existing index")

    def handle(self, *args: Any, check: bool, if_empty: bool, **options: Any) -> None:
        if if_empty and Entry.objects.exists():
            return
        with progress(self.stderr) as tell:
            done = differences(tell) if check else rebuild(tell)
        if not check:
            self.stdout.write(f"The search index was rebuilt from {done:,} records.")
        elif done:
            self.stdout.write(f"The search index differs from the record in {done:,} places.")
            sys.exit(1)
        else:
            self.stdout.write("The search index agrees with the record.")
