"""What the pages of an import show: what it would change, and what it changed."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from dates.spanish_dates import read as read_date
from editing.resources import RecordResource
from editing.snapshots import lists_of, title_of
from editing.widgets import ChoiceWidget, DateWidget, TextWidget
from exchange.imports import RESOURCES
from exchange.models import Receipt
from record.publishing import Publishable

LONGEST_SAME, LONGEST_CHANGED = 300, 3000  # letters


def changes_of(resource: RecordResource, changes: list[dict[str, Any]]) -> dict[str, Any]:
    """For the preview: what `resource` would change, told apart into `new` and `changed`. `telling`
    are the fields that a list of new records shows beside their titles."""
    widgets = {field.column_name: field.widget for field in resource.columns}
    telling = [*_first(widgets, DateWidget), *_first(widgets, ChoiceWidget)]
    slugs = [change["slug"] for change in changes if not change["is_new"]]
    keys = dict(resource.model.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    for change in changes:
        texts = change["fields"]
        change["key"] = keys.get(change["slug"])
        change["fields"] = [
            _shown(widgets[name], *texts[name]) for name in widgets if name in texts
        ]
        change["cells"] = [_shown(widgets[name], *texts.get(name, ("", ""))) for name in telling]
    return {
        "new": [change for change in changes if change["is_new"]],
        "changed": [change for change in changes if not change["is_new"]],
        "telling": [widgets[name].label for name in telling],
        "drafts": issubclass(resource.model, Publishable),
    }


def _first(widgets: dict[str, TextWidget], kind: type[TextWidget]) -> list[str]:
    return [name for name, widget in widgets.items() if isinstance(widget, kind)][:1]


def _shown(widget: TextWidget, before: str, after: str) -> dict[str, Any]:
    field = {"label": widget.label, "after": after, "is_loss": bool(before) and not after}
    if isinstance(widget, DateWidget):
        dates = [
            (kind, read_date(text)) for kind, text in (("del", before), ("ins", after)) if text
        ]
        return field | {"date": read_date(after) if after else None, "dates": dates}
    return field | {"diff": [_shortened(*piece) for piece in widget.compare(before, after)]}


def _shortened(kind: str, words: str) -> tuple[str, str]:
    longest = LONGEST_SAME if kind == "same" else LONGEST_CHANGED
    if len(words) <= longest:
        return kind, words
    return kind, f"{words[: longest // 2]} […] {words[-longest // 2 :]}"


def receipt_rows(receipt: Receipt, made: list[Any]) -> Iterator[dict[str, Any]]:
    """A row for each of the versions that an import made: what it changed, and whether it can be
    undone."""
    resource = RESOURCES[receipt.resource]()
    keys, history = [version.id for version in made], defaultdict(list)
    versions = resource.model.history.filter(id__in=keys).select_related("history_user")
    for version in versions.order_by("history_id"):
        history[version.id].append(version)
    lists = lists_of(resource.model, [version.pk for some in history.values() for version in some])
    present = set(resource.model.objects.filter(pk__in=keys).values_list("pk", flat=True))
    for version in made:
        versions = history[version.id]
        number = versions.index(version)  # of the version before; the first is 1
        before = versions[number - 1]
        yield {
            "version": version,
            "number": number,
            "title": title_of(version),
            "is_new": version.history_type == "+",
            "fields": _changed_fields(resource, lists, before, version) if number else (),
            "undone": any(v.history_change_reason == receipt.undo_reason for v in versions),
            "later": versions[-1] if versions[-1] != version else None,
            "is_present": version.id in present,
        }


def _changed_fields(
    resource: RecordResource, lists: dict[str, dict[int, list[int]]], before: Any, after: Any
) -> Iterator[tuple[str, bool]]:
    """The names of the fields that differ, each with whether it was emptied."""
    for field in resource.columns:
        if field.widget.many:
            old, new = (sorted(lists[field.attribute][v.pk]) for v in (before, after))
        else:
            old, new = (getattr(v, field.widget.column.attname) for v in (before, after))
        if old != new:
            yield field.widget.label, bool(old) and not new
