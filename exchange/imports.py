"""Preview, import and undo: the life of a Receipt."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max, Q
from django.utils import timezone

from editing.differences import missing_from
from editing.resources import TO_CORRECT, Outcome, RecordResource, RowError
from editing.snapshots import Snapshot
from exchange.formats import Upload
from exchange.models import Receipt
from exchange.tables import SheetDataset
from organizations.resources import (
    MembershipResource,
    OrganizationResource,
    RepresentationTermResource,
)
from record.publishing import Record, may_publish
from sources.resources import CitationResource, SourceResource
from timeline.resources import EventResource, StatementResource

RESOURCES: dict[str, type[RecordResource]] = {
    resource.name: resource
    for resource in (
        OrganizationResource,
        MembershipResource,
        RepresentationTermResource,
        EventResource,
        StatementResource,
        SourceResource,
        CitationResource,
    )
}
COMMAND_ROWS = 100_000
LEFT_BEHIND = timedelta(days=1)
"""The age of a preview that nobody will confirm."""
PATIENCE = 3600
"""Seconds that an import waits for another one to end."""
CONTRADICTED = RowError(
    0, "", "", "Otra persona guardó algo al mismo tiempo que lo contradice.",
    "Que lo intente de nuevo", [],
)  # fmt: skip
"""The database refuses what the checks let through."""


class Refused(Exception):
    """An import that wrote nothing: it has errors, or differs from its preview."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def preview(receipt: Receipt) -> None:
    """Read the receipt's content into its counts, errors, losses and changes. Raises TableError,
    and then saves nothing; DoesNotExist if the import was made or the receipt deleted meanwhile."""
    oldest = timezone.now() - LEFT_BEHIND
    Receipt.objects.filter(made_at=None, created_at__lt=oldest).delete()
    changes: list[dict[str, Any]] = []
    resource = RESOURCES[receipt.resource](user=receipt.user, show=changes.append)
    receipt.keep(resource.import_data(Upload().create_dataset(receipt), dry_run=True), changes)


def faulty_rows(receipt: Receipt) -> Iterator[list[str]]:
    """The rows of a previewed file that have errors, with a column for what to correct."""
    dataset = Upload().create_dataset(receipt)
    outcome = RESOURCES[receipt.resource](user=receipt.user).import_data(dataset, dry_run=True)
    yield [*dataset.headers, TO_CORRECT]
    for _, errors in groupby(outcome.errors, key=lambda error: error.row):
        some = list(errors)
        told = " ".join(f"{e.column}: {e.problem} Se esperaba: {e.expected}." for e in some)
        yield [*some[0].cells, told]


def make(
    receipt: Receipt, dataset: SheetDataset, expected_state: str = "", **options: Callable
) -> Outcome:
    """Import all rows in one transaction, and complete the receipt; `options` are those of
    RecordResource. Raises Refused, and DoesNotExist for a preview that was confirmed meanwhile."""
    try:
        with _alone():
            if receipt.pk:
                Receipt.objects.select_for_update().get(pk=receipt.pk, made_at=None)
            receipt.made_at = timezone.now()
            receipt.save()
            resource = RESOURCES[receipt.resource](
                user=receipt.user, reason=receipt.change_reason, receipt=receipt.pk, **options
            )
            outcome = resource.import_data(dataset)
            if outcome.error_count or expected_state not in ("", outcome.state):
                raise Refused(outcome)
            receipt.new, receipt.changed, receipt.same = outcome.counts
            receipt.save()
    except IntegrityError as error:
        rejected = Outcome()
        rejected.error_count, rejected.errors = 1, [CONTRADICTED]
        raise Refused(rejected) from error
    return outcome


@contextmanager
def _alone() -> Iterator[None]:
    """A transaction beside which no other import writes: the next one waits for its end, however
    long that takes, and then finds what this one made."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
            usual = cursor.fetchone()[0]
            cursor.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('exchange.imports'))")
                yield
        finally:
            if connection.vendor == "sqlite":
                cursor.execute(f"PRAGMA busy_timeout = {usual}")


# Undo


def versions_of(receipt: Receipt) -> models.QuerySet:
    """The versions that an import made, each with `untouched`: whether it is the latest one."""
    history = RESOURCES[receipt.resource].model.history
    latest = history.filter(id=models.OuterRef("id")).values("id").annotate(m=Max("history_id"))
    made = history.filter(history_receipt=receipt.pk)
    return made.annotate(untouched=Q(history_id=models.Subquery(latest.values("m")[:1]))).order_by(
        "history_id"
    )


def undo(receipt: Receipt, user: AbstractBaseUser) -> tuple[int, int]:
    """Put back each record that nobody has changed since. Returns how many were put back, and how
    many were not."""
    with transaction.atomic():
        receipt = Receipt.objects.select_for_update().get(
            pk=receipt.pk, undone_at=None, made_at__isnull=False
        )
        versions = versions_of(receipt)
        total = versions.count()
        untouched = list(versions.filter(untouched=True))
        done = sum(_put_back(version, receipt.undo_reason, user) for version in untouched)
        receipt.undone_at, receipt.undone_by = timezone.now(), user
        receipt.save()
    return done, total - done


def _put_back(version: Any, reason: str, user: AbstractBaseUser) -> bool:
    """Whether the record is as it was before this version; not if it is public and `user` may not
    publish, or if another record refers to it by now."""
    record = version.instance_type.objects.filter(pk=version.id).first()
    if record is None or not _may_touch(user, record):
        return False
    try:
        with transaction.atomic():
            if version.history_type == "+":
                return _remove(record, reason, user)
            return _restore(version, reason, user)
    except (IntegrityError, ValidationError):  # ProtectedError is an IntegrityError
        return False


def _may_touch(user: AbstractBaseUser, record: Record) -> bool:
    return record.is_draft() or may_publish(user)


def _remove(record: Record, reason: str, user: AbstractBaseUser) -> bool:
    """Not with citations, which would go with it."""
    if hasattr(record, "citations") and record.citations.exists():
        return False
    record._change_reason, record._history_user = reason, user
    record.delete()
    return True


def _restore(version: Any, reason: str, user: AbstractBaseUser) -> bool:
    """Save the record as the version before had it; not if it refers to a record that is gone.
    Raises ValidationError if that breaks citations."""
    history = version.instance_type.history
    before = history.filter(id=version.id, history_id__lt=version.pk).latest("history_id")
    snapshot = Snapshot.of(before)
    record = snapshot.record
    if missing_from(snapshot) or not _may_touch(user, record):
        return False
    record.skip_history_when_saving = True
    record.save()
    for name, keys in snapshot.lists.items():
        getattr(record, name).set(keys)
    type(record).versions.write([record.pk], "~", reason, user.pk)
    return True
