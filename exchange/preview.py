"""The changes of an import for its pages: the preview and the receipt."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from dates.spanish_dates import read as read_date
from editing.resources import RecordResource
from editing.snapshots import lists_of, title_of
from editing.widgets import ChoiceWidget, DateWidget, TextWidget
from exchange.imports import RESOURCES
from exchange.models import Receipt
from record.history import RecordList
from record.publishing import Publishable

LONGEST_SAME, LONGEST_CHANGED = 300, 3000  # characters


def preview_context(resource: RecordResource, changes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the context of a page of the preview: the `new` and the `changed` records. `columns`
    are the labels of the cells that the list of new records shows after their titles."""
    widgets = {field.column_name: field.widget for field in resource.columns}
    listed = [*_first(widgets, DateWidget), *_first(widgets, ChoiceWidget)]
    slugs = [change["slug"] for change in changes if not change["is_new"]]
    keys = dict(resource.model.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    for change in changes:
        texts = change["fields"]
        change["key"] = keys.get(change["slug"])
        change["fields"] = [
            _field_change(widgets[name], *texts[name]) for name in widgets if name in texts
        ]
        change["cells"] = [
            _field_change(widgets[name], *texts.get(name, ("", ""))) for name in listed
        ]
    return {
        "new": [change for change in changes if change["is_new"]],
        "changed": [change for change in changes if not change["is_new"]],
        "columns": [widgets[name].label for name in listed],
        "drafts": issubclass(resource.model, Publishable),
    }


def _first(widgets: dict[str, TextWidget], kind: type[TextWidget]) -> list[str]:
    return [name for name, widget in widgets.items() if isinstance(widget, kind)][:1]


def _field_change(widget: TextWidget, before: str, after: str) -> dict[str, Any]:
    field = {"label": widget.label, "after": after, "is_loss": bool(before) and not after}
    if isinstance(widget, DateWidget):
        dates = [
            (kind, read_date(text)) for kind, text in (("del", before), ("ins", after)) if text
        ]
        return field | {"date": read_date(after) if after else None, "dates": dates}
    return field | {"diff": [_shortened(*part) for part in widget.compare(before, after)]}


def _shortened(kind: str, words: str) -> tuple[str, str]:
    longest = LONGEST_SAME if kind == "same" else LONGEST_CHANGED
    if len(words) <= longest:
        return kind, words
    return kind, f"{words[: longest // 2]} […] {words[-longest // 2 :]}"


def receipt_rows(receipt: Receipt, made: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each version that an import made: the changed fields, and the state of the
    record since."""
    resource = RESOURCES[receipt.resource]()
    keys = [version.id for version in made]
    history: dict[int, list[Any]] = defaultdict(list)
    versions = resource.model.history.filter(id__in=keys).select_related("history_user")
    for version in versions.order_by("history_id"):
        history[version.id].append(version)
    lists = lists_of(
        resource.model, [version.pk for group in history.values() for version in group]
    )
    present = set(resource.model.objects.filter(pk__in=keys).values_list("pk", flat=True))
    for version in made:
        versions = history[version.id]
        number = versions.index(version)  # the number of the version before, counted from 1
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
    resource: RecordResource, lists: dict[RecordList, dict[int, list[int]]], before: Any, after: Any
) -> Iterator[tuple[str, bool]]:
    """Yield the label of each field that differs, and whether it was emptied."""
    for field in (column for column in resource.columns if not column.readonly):
        if field.widget.many:
            old, new = (sorted(lists[field.widget.model_field][v.pk]) for v in (before, after))
        else:
            old, new = (getattr(v, field.widget.model_field.attname) for v in (before, after))
        if old != new:
            yield field.widget.label, bool(old) and not new
