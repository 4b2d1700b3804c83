"""The note of pending changes in the form of a record."""

from typing import Any

from django import template

from desk.changes import changes_of
from record.proof import is_fact
from record.publishing import Record

register = template.Library()


@register.inclusion_tag("admin/desk/_pending.html")
def pending_changes(record: Record | None) -> dict[str, Any]:
    return {"changes": changes_of(record) if record and is_fact(type(record)) else ()}
