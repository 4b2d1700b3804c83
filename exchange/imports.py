"""Preview, import and undo: the life of a Receipt."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max, Q
from django.utils import timezone

from exchange.formats import AnyTable
from exchange.models import Receipt
from exchange.tables import SheetDataset
from organizations.resources import (
    MembershipResource,
    OrganizationResource,
    RepresentationTermResource,
)
from record.publishing import Record, may_publish
from record.resources import TO_CORRECT, Outcome, RecordResource, RowChange, RowError
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
ADMIN_BYTES = 20 * 1024 * 1024
COMMAND_ROWS = 100_000
PATIENCE = 3600
"""Seconds that an import waits for another one to end."""


class Refused(Exception):
    """An import that wrote nothing: it has errors, or differs from its preview."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class Upload(AnyTable):
    """The file of a receipt, read as the receipt says, which then says how it was read."""

    def create_dataset(self, receipt: Receipt, **options: Any) -> SheetDataset:
        self.encoding, self.delimiter = receipt.encoding, receipt.delimiter
        dataset = super().create_dataset(bytes(receipt.content))
        reading = dataset.reading
        receipt.encoding, receipt.delimiter = reading.encoding, reading.delimiter
        receipt.sample = " · ".join(reading.sample)
        return dataset


def preview(receipt: Receipt) -> None:
    """Read the receipt's content into its counts, errors, losses and changes. Raises TableError,
    and then saves nothing; DoesNotExist if the import was made or the receipt deleted meanwhile."""
    Receipt.objects.left_behind().delete()
    changes: list[RowChange] = []
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
    receipt: Receipt,
    dataset: SheetDataset,
    expected_state: str = "",
    **options: Callable,
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
            receipt.count(outcome)
            receipt.save()
    except IntegrityError as error:
        raise Refused(_rejected()) from error
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


def _rejected() -> Outcome:
    """The outcome when the database refuses what the checks let through."""
    outcome, problem = Outcome(), "Otra persona guardó algo al mismo tiempo que lo contradice."
    outcome.error_count = 1
    outcome.errors = [RowError(0, "", "", problem, "Que lo intente de nuevo", [])]
    return outcome


# Undo


def versions_of(receipt: Receipt) -> models.QuerySet:
    """The versions that an import made, each with `untouched`: whether it is the latest one."""
    history = RESOURCES[receipt.resource].model.history
    latest = history.filter(id=models.OuterRef("id")).values("id").annotate(m=Max("history_id"))
    made = history.filter(history_receipt=receipt.pk)
    return made.annotate(untouched=Q(history_id=models.Subquery(latest.values("m")))).order_by(
        "history_id"
    )


def undo(receipt: Receipt, user: AbstractBaseUser) -> tuple[int, int]:
    """Put back each record that nobody has changed since. Returns how many were put back, and how
    many were not."""
    model = RESOURCES[receipt.resource].model
    with transaction.atomic():
        receipt = Receipt.objects.select_for_update().get(
            pk=receipt.pk, undone_at=None, made_at__isnull=False
        )
        versions = versions_of(receipt)
        total = versions.count()
        done = sum(
            _put_back(model, version, receipt.undo_reason, user)
            for version in list(versions.filter(untouched=True))
        )
        receipt.undone_at, receipt.undone_by = timezone.now(), user
        receipt.save()
    return done, total - done


def _put_back(model: type[Record], version: Any, reason: str, user: AbstractBaseUser) -> bool:
    record = model.objects.filter(pk=version.id).first()
    if record is None:
        return False
    record._change_reason, record._history_user = reason, user
    try:
        with transaction.atomic():
            _refuse_public(record, user)
            if version.history_type == "+":
                _remove(record)
            else:
                _restore(record, version)
                _refuse_public(record, user)
    except (IntegrityError, ValidationError):  # ProtectedError too: something refers to it by now
        return False
    return True


def _refuse_public(record: Record, user: AbstractBaseUser) -> None:
    if not (record.is_draft() or may_publish(user)):
        raise ValidationError("It is public, and they may not publish.")


def _remove(record: Record) -> None:
    if hasattr(record, "citations") and record.citations.exists():
        raise ValidationError("Somebody has cited sentences for it since.")
    record.delete()


def _restore(record: Record, version: Any) -> None:
    before = (
        type(record)
        .history.filter(id=record.pk, history_id__lt=version.history_id)
        .latest("history_id")
    )
    for field in type(record).versions.fields_included(type(record)):
        if field.name not in ("id", "updated_at"):
            setattr(record, field.attname, getattr(before, field.attname))
    record.skip_history_when_saving = True
    models.Model.save(record)
    for field in before._history_m2m_fields:
        kept = [getattr(row, field.m2m_reverse_name()) for row in getattr(before, field.name).all()]
        getattr(record, field.name).set(kept)
    del record.skip_history_when_saving
    type(record).versions.write([record.pk], "~", record._change_reason, record._history_user.pk)
