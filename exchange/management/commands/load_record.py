from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django.test.utils import override_settings

from exchange.facts import FILES, MODELS
from record.publishing import Record
from sources.models import Citation


class Command(BaseCommand):
    help = "Loads the record of fixtures/ with its first versions, into an empty database only."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        models: list[type[Record]] = [*MODELS.values(), Citation]
        if any(model.objects.exists() for model in models):
            self.stdout.write("The record is there already; nothing was loaded.")
            return
        with override_settings(SIMPLE_HISTORY_ENABLED=False):
            call_command("loaddata", *FILES, verbosity=0)
        for model in models:
            record: Any
            for record in model.objects.all():
                record._change_reason = "Primera carga"
                model.versions.create_historical_record(record, "+")
        counts = ", ".join(
            f"{model._meta.verbose_name_plural}: {model.objects.count()}" for model in models
        )
        self.stdout.write(f"The record was loaded. {counts}.")
