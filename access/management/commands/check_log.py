from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils import timezone

from access.models import EVENT_LIFETIME, LINES, LogHead, LoginEvent, Seal, is_sealed

MOST, BATCH = 20, 1000
LIFETIMES = {LoginEvent._meta.label_lower: EVENT_LIFETIME}


class Command(BaseCommand):
    help = "Checks the seals of the log, and exits with 1 if a line was changed or deleted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("head", nargs="?", default="", help="a head that `forget` printed")

    def handle(self, *args: Any, head: str, **options: Any) -> None:
        problems = [*faults(head)]
        for problem in problems[:MOST]:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"La bitácora no está entera: {len(problems)} fallas.")
        last = LogHead.objects.first() or LogHead()
        self.stdout.write(f"La bitácora está entera: {last.count:,} líneas. log: {last}")


def faults(known: str = "") -> Iterator[str]:
    """Yield the faults of the log, in Spanish. `known` is a head that was printed earlier.
    Lines that are written meanwhile are no fault."""
    before = LogHead.objects.filter(pk=1).first() or LogHead()
    if before.count and not before.is_signed():
        yield "El final de la cadena no lleva la firma de esta SECRET_KEY."
    heads, chain = {str(before), known or str(before)} - {":", "0:"}, LogHead()
    for seal, line in _sealed_lines():
        if seal.digest != seal.digest_after(chain.digest):
            yield f"El sello {seal.pk} no sigue al anterior: falta un sello, o cambió."
        if line and seal.content != seal.content_of(line):
            yield f"La línea {seal} no es la que se selló."
        if not line and timezone.now().date() - seal.day < LIFETIMES.get(seal.table, timedelta.max):
            yield f"La línea {seal}, del {seal.day}, se borró."
        chain.count, chain.digest = chain.count + 1, seal.digest
        heads.discard(str(chain))
    for head in sorted(heads):
        yield f"La cadena no pasa por {head}: faltan sellos, o cambiaron."
    for name in LINES:
        seals = Seal.objects.filter(table=name, line=OuterRef("pk"))
        for line in apps.get_model(name)._default_manager.filter(~Exists(seals)):
            if is_sealed(line):
                yield f"La línea {name} {line.pk} no tiene sello."


def _sealed_lines() -> Iterator[tuple[Seal, models.Model | None]]:
    last = 0
    while seals := list(Seal.objects.filter(pk__gt=last).order_by("pk")[:BATCH]):
        last, lines = seals[-1].pk, {}
        for name in LINES:
            keys = [seal.line for seal in seals if seal.table == name]
            lines[name] = apps.get_model(name)._default_manager.in_bulk(keys)
        yield from ((seal, lines[seal.table].get(seal.line)) for seal in seals)
