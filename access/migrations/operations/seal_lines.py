"""Seals the lines of the log that were written before the seals, in the order of their moments."""

from typing import Any

from access.models import LINES, LogHead, append


def seal_lines(apps: Any, schema_editor: Any) -> None:
    events = apps.get_model("access", "LoginEvent").objects.all()
    entries = apps.get_model("admin", "LogEntry").objects.filter(content_type__app_label="auth")
    lines = [*events, *entries]
    lines.sort(key=lambda line: getattr(line, LINES[line._meta.label_lower][0]))
    head, seal_model = LogHead(pk=1, signature=LogHead().sign()), apps.get_model("access", "Seal")
    names = [field.name for field in seal_model._meta.fields]
    seals = [append(head, line) for line in lines]
    copies = [seal_model(**{name: getattr(seal, name) for name in names}) for seal in seals]
    seal_model.objects.bulk_create(copies, batch_size=500)
    values = {"count": head.count, "digest": head.digest, "signature": head.signature}
    apps.get_model("access", "LogHead").objects.create(pk=1, **values)
