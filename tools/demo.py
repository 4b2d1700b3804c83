"""Fill an empty database with a large invented record. The seed determines the record.

    python -m tools.demo [--events 1000000] [--seed 1] [--no-search]

Reads the same settings as manage.py.
"""

import argparse
import os
import sys

import django
from django.core.management import CommandError
from django.core.management.base import OutputWrapper


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nucleo.settings")
    django.setup()
    from exchange.management.progress import progress
    from tools.invented import Size, invent

    statements = options.events // 50 if options.statements is None else options.statements
    size = Size(options.events, statements, options.organizations)
    try:
        with progress(OutputWrapper(sys.stderr)) as tell:
            counts = invent(size, options.seed, not options.no_search, tell)
    except CommandError as error:
        sys.exit(str(error))
    print(f"A record was invented. {counts}.")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=_count, default=1000)
    parser.add_argument("--statements", type=_count, help="a fiftieth of the events by default")
    parser.add_argument("--organizations", type=_count, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-search", action="store_true", help="leave the index of words empty")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on.")
    return int(text)


if __name__ == "__main__":
    main()
