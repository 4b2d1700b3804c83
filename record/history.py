"""Every version of every record, in a table beside the record's own (django-simple-history)."""

from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords


class Versions(HistoricalRecords):
    """A model's `history`: who saved which version, when and why.

    Generated columns follow from the others, so versions do not repeat them. The model has this
    object as `versions`, to write a version of what was loaded without signals.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(history_change_reason_field=models.TextField(null=True), **kwargs)

    def fields_included(self, model: type[models.Model]) -> list[models.Field]:
        return [field for field in super().fields_included(model) if not field.generated]

    def contribute_to_class(self, cls: type[models.Model], name: str) -> None:
        super().contribute_to_class(cls, name)
        cls.versions = self
