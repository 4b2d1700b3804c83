"""The receipts of publications, and their undo."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from desk.models import PendingChange, PublicationReceipt
from editing.forms import link
from editing.snapshots import lock
from editing.versions import restore_before
from record.proof import Withdrawal, is_fact, records_of
from sources.models import Citation

HELD = ("kind", "key", "changes", "quotes")
Key = tuple[Any, int]
"""A model, and the primary key of its record."""


def entries_of(
    records: Iterable[Any], pending: PendingChange | None = None, added: Iterable[Citation] = ()
) -> list[dict[str, Any]]:
    """The entries of records that were just published, with their last versions, or of a record
    that took a pending change and new citations."""
    keys = {(type(record), record.pk): str(record) for record in records}
    held = {name: getattr(pending, name) for name in HELD} if pending else None
    author = pending.user_id if pending else None
    citations = [citation.pk for citation in added]
    return [
        {"model": model._meta.label_lower, "key": key, "title": keys[model, key],
         "version": version.pk, "held": held, "author": author, "citations": citations}
        for (model, key), version in _last_versions(keys).items()
    ]  # fmt: skip


def _last_versions(keys: Iterable[Key]) -> dict[Key, Any]:
    by_model = defaultdict(list)
    for model, key in keys:
        by_model[model].append(key)
    return {
        (model, version.id): version
        for model, group in by_model.items()
        for version in model.history.filter(
            history_id__in=model.history.filter(id__in=group).order_by()
            .values("id").annotate(last=Max("history_id")).values("last")
        ).select_related("history_user")
    }  # fmt: skip


def rows_of(receipt: PublicationReceipt) -> list[dict[str, Any]]:
    """Each entry with a link to its record, or the title of a deleted one, and the `later` version
    of the record if there is one."""
    keys = [(apps.get_model(entry["model"]), entry["key"]) for entry in receipt.entries]
    versions, records = _last_versions(keys), {(type(r), r.pk): r for r in records_of(keys)}
    rows = zip(keys, receipt.entries, strict=True)
    return [
        {"entry": entry, "link": link(records[key]) if key in records else entry["title"],
         "later": versions[key] if versions[key].pk != entry["version"] else None}
        for key, entry in rows
    ]  # fmt: skip


def undo_publication(receipt: PublicationReceipt, user: User) -> tuple[int, int]:
    """Puts back each record that was not changed since. Returns how many records were put back, and
    how many were not. Raises DoesNotExist if the publication is undone already."""
    with transaction.atomic():
        receipts = PublicationReceipt.objects.select_for_update(of=("self",))
        receipt = receipts.get(pk=receipt.pk, undone_at=None)
        entries = sorted(receipt.entries, key=lambda e: not is_fact(apps.get_model(e["model"])))
        for entry in entries:  # sources last: what stays public keeps its proof
            entry["is_undone"] = _put_back(receipt, entry, user)
        receipt.undone_at, receipt.undone_by = timezone.now(), user
        receipt.save()
    restored = len([entry for entry in entries if entry["is_undone"]])
    return restored, len(entries) - restored


def _put_back(receipt: PublicationReceipt, entry: dict[str, Any], user: User) -> bool:
    model, reason = apps.get_model(entry["model"]), f"Se deshizo la publicación {receipt.pk}"
    record = lock(model, [entry["key"]]).get(entry["key"])
    versions = model.history.filter(id=entry["key"], history_id__gte=entry["version"])[:2]
    if record is None or len(versions) != 1:
        return False
    if not is_fact(model) and Withdrawal([record], timezone.now(), lambda _model: False).losing:
        return False
    try:
        with transaction.atomic():
            if not restore_before(versions[0], reason, user):
                return False
            for citation in Citation.objects.filter(pk__in=entry["citations"]):
                if citation.history.count() == 1:
                    vars(citation).update(_change_reason=reason, _history_user=user)
                    citation.delete()
            if entry["held"]:
                author = User.objects.filter(pk=entry["author"]).first()
                PendingChange.objects.create(source=receipt.source, user=author, **entry["held"])
    except (IntegrityError, ValidationError):  # ProtectedError is an IntegrityError
        return False
    return True
