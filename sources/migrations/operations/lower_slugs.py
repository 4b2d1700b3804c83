"""Slugs without capitals, before a constraint asks for it.

Each record whose slug has capitals gets the slug without them, with a number if another record has
it. A version with each slug keeps the old address working. There is no way back: the versions
tell what the slugs were.
"""

from itertools import count
from typing import Any

from django.db import migrations
from django.db.models import F
from django.db.models.functions import Lower
from django.utils import timezone

REASON = "Los identificadores van en minúsculas"


def lower_slugs(app: str, *names: str) -> migrations.RunPython:
    """The operation for the models of an app, by name."""

    def lower(apps: Any, _editor: Any) -> None:
        for name in names:
            history = apps.get_model(app, f"Historical{name}")
            for record in apps.get_model(app, name).objects.exclude(slug=Lower(F("slug"))):
                _rename(apps, history, record)

    return migrations.RunPython(lower, migrations.RunPython.noop)


def _rename(apps: Any, history: Any, record: Any) -> None:
    records, now = type(record).objects, timezone.now()
    if not history.objects.filter(id=record.pk).exists():
        _write_version(apps, history, record, "+", now)
    base = record.slug.lower()
    slugs = (f"{base[:110]}-{n}" if n > 1 else base for n in count(1))
    record.slug = next(s for s in slugs if not records.filter(slug=s).exists())
    record.updated_at = now
    records.filter(pk=record.pk).update(slug=record.slug, updated_at=now)
    _write_version(apps, history, record, "~", timezone.now())


def _write_version(apps: Any, history: Any, record: Any, kind: str, now: Any) -> None:
    """Writes a version of the record, with its lists."""
    about = {"history_date": now, "history_type": kind, "history_change_reason": REASON}
    version = history.objects.create(**_values(history, record), **about)
    for field in record._meta.many_to_many:
        through = field.remote_field.through
        rows = apps.get_model(through._meta.app_label, f"Historical{through.__name__}")
        for row in through.objects.filter(**{field.m2m_field_name(): record}):
            rows.objects.create(history=version, **_values(rows, row))


def _values(history: Any, row: Any) -> dict[str, Any]:
    """The values of the columns that a row and its versions share."""
    columns = (field.attname for field in history._meta.concrete_fields)
    return {c: getattr(row, c) for c in columns if "history" not in c}
