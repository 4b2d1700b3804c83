"""How the pages of an import show what it changes, and what it changed."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Count, Max, OuterRef, Subquery
from django.urls import reverse

from exchange.imports import RESOURCES
from exchange.models import Receipt
from record.dates import EDTF, ImpossibleDate
from record.differences import items, whole
from record.publishing import Publishable, Record
from record.resources import RecordResource
from record.snapshots import lists_of, title_of
from record.spanish import read as read_date
from record.text import word_diff
from record.widgets import Choice, Date, Lines, Moment, Number, Reference, ReferenceList, Text

WHOLE = (Choice, Moment, Number, Reference)
LONGEST_SAME, LONGEST_CHANGED = 300, 3000  # letters


def figure(count: int, one: str, several: str = "") -> str:
    """«1 registro», «5 registros»."""
    return f"{count} {one if count == 1 else several or one + 's'}"


def form_url(model: type[Record], pk: int) -> str:
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[pk])


def version_url(model: type[Record], version: Any) -> str:
    """Where what a version changed is compared with what was before."""
    meta = model._meta
    args = [version.id, version.history_id]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_version", args=args)


# What would change


def changes_of(resource: RecordResource, changes: list[list[Any]]) -> dict[str, Any]:
    """For the preview: RowChange tuples as JSON, told apart into `new` and `changed`."""
    widgets = {field.column_name: field.widget for field in resource.columns}
    slugs = [slug for _row, slug, _title, is_new, _fields in changes if not is_new]
    keys = dict(resource.model.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    telling = _telling(resource)
    found: dict[str, Any] = {"new": [], "changed": []}
    for row, slug, title, is_new, fields in changes:
        shown = [_field(widgets[column], *values) for column, *values in fields]
        change = {"row": row, "title": title, "fields": shown}
        if is_new:
            change["cells"] = [_cell(widget, shown) for widget in telling]
        elif slug in keys:
            change["url"] = form_url(resource.model, keys[slug])
        found["new" if is_new else "changed"].append(change)
    return found | {
        "telling": [widget.label for widget in telling],
        "drafts": issubclass(resource.model, Publishable),
    }


def _telling(resource: RecordResource) -> list[Text]:
    """What a list of new records shows beside their titles: the first date and the first choice."""
    widgets = [field.widget for field in resource.columns]
    firsts = (next((w for w in widgets if isinstance(w, kind)), None) for kind in (Date, Choice))
    return [widget for widget in firsts if widget]


def _cell(widget: Text, fields: list[dict[str, Any]]) -> dict[str, Any]:
    field = next((field for field in fields if field["widget"] is widget), {})
    shown = {"label": widget.label, "is_date": isinstance(widget, Date)}
    return shown | {"date": field.get("date"), "text": field.get("after", "")}


def _field(widget: Text, label: str, before: str, after: str) -> dict[str, Any]:
    field = {"widget": widget, "label": label, "before": before, "after": after}
    field["is_loss"] = bool(before) and not after
    if isinstance(widget, Date):
        dates = (("del", _date(before)), ("ins", _date(after)))
        return field | {"date": _date(after), "dates": [(k, date) for k, date in dates if date]}
    return field | {"diff": [_shortened(*piece) for piece in _difference(widget, before, after)]}


def _date(words: str) -> EDTF | None:
    try:
        return read_date(words) if words else None
    except ImpossibleDate:  # by a later version of the words
        return None


def _difference(widget: Text, before: str, after: str) -> list[tuple[str, str]]:
    """Prose word by word; lists item by item; the rest is replaced whole."""
    if isinstance(widget, ReferenceList | Lines):
        return items(*(text.replace("\n", "; ").split("; ") for text in (before, after)))
    return (whole if isinstance(widget, WHOLE) else word_diff)(before, after)


def _shortened(kind: str, words: str) -> tuple[str, str]:
    longest = LONGEST_SAME if kind == "same" else LONGEST_CHANGED
    if len(words) <= longest:
        return kind, words
    return kind, f"{words[: longest // 2]} […] {words[-longest // 2 :]}"


# What was changed


def with_previous(versions: models.QuerySet) -> models.QuerySet:
    """Versions, each with `previous`, the key of the one before, and `number`, how many before."""
    every = versions.model.objects.order_by()
    earlier = every.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).values("id")
    return versions.annotate(
        previous=Subquery(earlier.annotate(last=Max("history_id")).values("last")),
        number=Subquery(earlier.annotate(count=Count("history_id")).values("count")),
    )


def receipt_rows(receipt: Receipt, versions: Iterable[Any]) -> list[dict[str, Any]]:
    """A row for each of an import's versions: what it changed, and whether it can be undone."""
    versions, resource = list(versions), RESOURCES[receipt.resource]()
    model = resource.model
    history = model.history.model.objects
    ids = [version.id for version in versions]
    before = history.in_bulk([version.previous for version in versions if version.previous])
    relations = lists_of(model, [*before, *(version.pk for version in versions)])
    undone = history.filter(id__in=ids, history_change_reason=receipt.undo_reason)
    undone = set(undone.values_list("id", flat=True))
    present = set(model.objects.filter(pk__in=ids).values_list("pk", flat=True))
    later = _latest([version.id for version in versions if not version.untouched], history)
    return [
        {
            "version": version,
            "title": title_of(version),
            "is_new": version.history_type == "+",
            "fields": _changed_fields(resource, before.get(version.previous), version, relations),
            "undone": version.id in undone,
            "later": later.get(version.id),
            "url": form_url(model, version.id) if version.id in present else "",
            "compared": version_url(model, version) if version.id in present else "",
        }
        for version in versions
    ]


def _latest(ids: list[int], history: models.Manager) -> dict[int, Any]:
    latest = history.filter(id__in=ids).order_by().values("id").annotate(last=Max("history_id"))
    versions = history.filter(pk__in=[one["last"] for one in latest])
    return {version.id: version for version in versions.select_related("history_user")}


def _changed_fields(
    resource: RecordResource, before: Any, after: Any, relations: dict[str, dict[int, list[int]]]
) -> list[tuple[str, bool]]:
    """The names of the fields that differ, each with whether it was emptied."""
    if before is None:
        return []
    changed = []
    for field in resource.columns:
        name = field.attribute
        if field.widget.many:
            old, new = (sorted(relations[name][v.pk]) for v in (before, after))
        else:
            old, new = (
                getattr(version, field.widget.column.attname) for version in (before, after)
            )
        if old != new:
            changed.append((field.widget.label, bool(old) and not new))
    return changed
