"""Preview, import, undo: the life of a Receipt."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import groupby, islice
from tempfile import TemporaryFile
from typing import IO, Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max, Q
from django.utils import timezone

from exchange.intake import TO_CORRECT, Batch, Outcome, RowChange, RowError, take
from exchange.models import PAGE, PreviewPage, Receipt
from exchange.tables import Table, read_table
from organizations.resources import (
    MembershipResource,
    OrganizationResource,
    RepresentationTermResource,
)
from record import bulk
from record.columns import ReferenceList
from record.publishing import Record, may_publish
from record.resources import Resource, Row
from sources.resources import CitationResource, SourceResource
from timeline.resources import EventResource, StatementResource

RESOURCES: dict[str, type[Resource]] = {
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
ADMIN_BYTES, ADMIN_ROWS = 20 * 1024 * 1024, 100_000
COMMAND_ROWS = 1_048_575
PATIENCE = 3600
"""Seconds that an import waits for another one to end."""
MAX_LOSSES = 200
"""Losses beyond these are agreed to all at once or not at all."""
Kept = Callable[[str, str], bool]


class Refused(Exception):
    """An import that wrote nothing: it has errors, or is not what was previewed."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def preview(receipt: Receipt, content: bytes) -> None:
    """Reads a file into a receipt that is not made yet: counts, errors, losses and pages of what
    it would change. Raises TableError, and then no receipt is left behind, and DoesNotExist for
    one that was made or cleaned away by now."""
    Receipt.objects.left_behind().delete()
    receipt.content, receipt.sha256 = content, hashlib.sha256(content).hexdigest()
    table = read_table(BytesIO(content), ADMIN_ROWS, receipt.encoding, receipt.delimiter)
    receipt.encoding, receipt.delimiter = table.reading.encoding, table.reading.delimiter
    receipt.sample, receipt.lost, receipt.losses = " · ".join(table.reading.sample), [], 0
    with TemporaryFile("w+", encoding="utf-8") as file:
        # Reading takes long, and must not keep others from writing: it is no part of a transaction.
        pages = _Pages(receipt, file)
        outcome = take(RESOURCES[receipt.resource](), table, receipt.user, show=pages.add)
        receipt.state = outcome.state
        receipt.problems = [error[:5] for error in outcome.errors]
        receipt.errors, receipt.faulty_rows = outcome.counts["errors"], outcome.faulty_rows
        _count(receipt, outcome)
        with transaction.atomic():
            if receipt.pk:
                Receipt.objects.select_for_update().get(pk=receipt.pk, made_at=None)
            receipt.save()
            pages.save()


def faulty_rows(receipt: Receipt) -> Iterator[list[str]]:
    """The rows of a previewed file that have errors, with a column for what to correct."""
    table = read_table(BytesIO(receipt.content), ADMIN_ROWS, receipt.encoding, receipt.delimiter)
    outcome = take(RESOURCES[receipt.resource](), table, receipt.user)
    yield [*table.headers, TO_CORRECT]
    for _, errors in groupby(outcome.errors, key=lambda error: error.row):
        some = list(errors)
        told = " ".join(f"{e.column}: {e.problem} Se esperaba: {e.expected}." for e in some)
        yield [*some[0].cells, told]


class _Pages:
    """Changes gathered into pages, a line of JSON each in a file, and losses into the receipt."""

    def __init__(self, receipt: Receipt, file: IO[str]) -> None:
        self.receipt, self.file = receipt, file
        self.changes: list[RowChange] = []

    def add(self, change: RowChange) -> None:
        for field in change.fields:
            if field.is_loss and not change.is_new:
                self.receipt.losses += 1
                if len(self.receipt.lost) < MAX_LOSSES:
                    self.receipt.lost.append([*change[:3], field.header, field.before])
        self.changes.append(change)
        if len(self.changes) == PAGE:
            self._turn()

    def _turn(self) -> None:
        self.file.write(f"{json.dumps(self.changes)}\n")
        self.changes = []

    def save(self) -> None:
        """In place of the pages that the receipt had."""
        if self.changes:
            self._turn()
        self.file.seek(0)
        self.receipt.pages.all().delete()
        pages = (
            PreviewPage(receipt=self.receipt, number=number, changes=json.loads(line))
            for number, line in enumerate(self.file, 1)
        )
        while some := list(islice(pages, 20)):
            PreviewPage.objects.bulk_create(some)


def _count(receipt: Receipt, outcome: Outcome) -> None:
    receipt.new, receipt.changed = outcome.counts["new"], outcome.counts["changed"]
    receipt.same = outcome.counts["same"]


def confirm(receipt: Receipt, kept: Kept) -> Outcome:
    """Makes a previewed import. Raises Refused when what it showed is no longer so."""
    table = read_table(BytesIO(receipt.content), ADMIN_ROWS, receipt.encoding, receipt.delimiter)
    with _alone():
        receipt = Receipt.objects.select_for_update().get(pk=receipt.pk, made_at=None)
        outcome = make(receipt, table, expected_state=receipt.state, kept=kept)
        receipt.pages.all().delete()
    return outcome


def make(
    receipt: Receipt,
    table: Table,
    expected_state: str = "",
    kept: Kept = lambda slug, header: False,
    tell: Callable[[int], None] | None = None,
) -> Outcome:
    """Writes a table in one transaction, all of it or nothing; raises Refused."""
    resource = RESOURCES[receipt.resource]()
    try:
        with _alone():
            receipt.made_at, receipt.content = timezone.now(), None
            receipt.save()
            outcome = take(
                resource, table, receipt.user,
                write=lambda batch: _write(resource, batch, receipt), kept=kept, tell=tell,
            )  # fmt: skip
            if outcome.counts["errors"] or expected_state not in ("", outcome.state):
                raise Refused(outcome)
            _count(receipt, outcome)
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
    """What to say when the database refuses what we would have let through."""
    return Outcome(
        Counter(errors=1),
        [RowError(0, "", "", "Otra persona guardó algo al mismo tiempo que lo contradice.",
                  "Que lo intente de nuevo", [])],
    )  # fmt: skip


def _write(resource: Resource, batch: Batch, receipt: Receipt) -> None:
    new, changed = batch.new(), batch.changed()
    records = [row.record for row in (*new, *changed)]
    resource.prepare(records)
    versions = resource.model.versions
    if new:
        bulk.insert([row.record for row in new])
    if changed:
        _keep_versions_of_the_unversioned(resource.model, [row.record.pk for row in changed])
        bulk.update([row.record for row in changed])
    for column in resource.relations:
        _relate(column, new, changed)
    resource.written(changed)
    for rows, kind in ((new, "+"), (changed, "~")):
        ids = [row.record.pk for row in rows]
        versions.write(ids, kind, receipt.change_reason, receipt.user_id, receipt.pk)


def _keep_versions_of_the_unversioned(model: type[Record], ids: list[int]) -> None:
    versioned = set(model.history.filter(id__in=ids).values_list("id", flat=True))
    model.versions.write([pk for pk in ids if pk not in versioned], "+", "Antes de importar")


def _relate(column: ReferenceList, new: list[Row], changed: list[Row]) -> None:
    """Each row's relations as the file has them, where it changes them."""
    field = column.model_field
    after = {
        row.record.pk: keys
        for row in (*new, *changed)
        for changed_column, _, keys in row.changed
        if changed_column is column
    }
    if touched := [row.record.pk for row in changed if row.record.pk in after]:
        own = field.m2m_field_name()
        field.remote_field.through.objects.filter(**{f"{own}__in": touched}).delete()
    bulk.relate(field, ((pk, key) for pk, keys in after.items() for key in keys))


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
    """Puts back every record that nobody has touched since; how many were, and were not."""
    model = RESOURCES[receipt.resource].model
    with transaction.atomic():
        receipt = Receipt.objects.select_for_update().get(
            pk=receipt.pk, undone_at=None, made_at__isnull=False
        )
        done = 0
        versions = versions_of(receipt)
        total = versions.count()
        for version in list(versions.filter(untouched=True)):
            done += _put_back(model, version, receipt.undo_reason, user)
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
