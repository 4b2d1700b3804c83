from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import serializers
from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.test.utils import override_settings

from exchange.facts import FILES, MODELS, Facts, FactsError, read_facts
from record.publishing import Record
from sources.models import Citation, Source

OF_ANOTHER = (
    "El registro de «{folder}» es de la coalición «{own}», y este sitio es de la coalición "
    "«{coalition}» (COALITION): no se cargó nada. Cargue el registro de la suya con --folder, o "
    "empiece uno: make new FOLDER=../mi-coalicion (docs/otra-coalicion.md)."
)


class Command(BaseCommand):
    help = "Loads the record of a folder with its first versions, into an empty database only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        about = "the folder with facts.yaml and its texts; RECORD if not given"
        parser.add_argument("--folder", type=Path, default=settings.RECORD, help=about)

    @transaction.atomic
    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        models: list[type[Record]] = [*MODELS.values(), Citation]
        if any(model.objects.exists() for model in models):
            self.stdout.write("The record is there already; nothing was loaded.")
            return
        facts = _facts(folder)
        texts = facts.fixtures()
        with override_settings(SIMPLE_HISTORY_ENABLED=False):
            for name in FILES:
                for row in serializers.deserialize("json", texts[f"{name}.json"]):
                    row.save()
        for source in Source.objects.exclude(original=""):
            path = facts.originals[str(source.original)]
            with path.open("rb") as content:
                source.original.save(path.name, File(content), save=False)
        for model in models:
            record: Any
            for record in model.objects.all():
                record._change_reason = "Primera carga"
                model.versions.create_historical_record(record, "+")
        counts = ", ".join(
            f"{model._meta.verbose_name_plural}: {model.objects.count()}" for model in models
        )
        self.stdout.write(f"The record was loaded. {counts}.")


def _facts(folder: Path) -> Facts:
    try:
        facts = read_facts(folder / "facts.yaml")
    except FactsError as error:
        raise CommandError(str(error)) from error
    if facts.coalition != settings.COALITION:
        place = {"folder": folder, "own": facts.coalition, "coalition": settings.COALITION}
        raise CommandError(OF_ANOTHER.format(**place))
    return facts
