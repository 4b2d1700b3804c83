"""Previews, runs and undoes imports."""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.text import capfirst

from editing.forms import ALONE, ALSO
from editing.resources import TO_CORRECT, Outcome, RecordResource, RowError
from editing.versions import may_touch, restore_before
from editing.widgets import TextWidget
from exchange.formats import TO_MEND, SheetDataset, Upload
from exchange.models import Receipt
from organizations.resources import (
    MembershipResource,
    OrganizationResource,
    RepresentationTermResource,
)
from record.proof import bare_facts, hidden_sources_of, records_of
from record.publishing import Record, may_publish, save_publication
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
NAMED = 20
COMMAND_ROWS = 100_000
PREVIEW_LIFETIME = timedelta(days=1)
LOCK_TIMEOUT = 3600
"""Seconds that an import waits for the import that runs."""
CONFLICT = RowError(
    0, "", "", "Otra persona guardó algo al mismo tiempo que lo contradice.",
    "Que lo intente de nuevo",
)  # fmt: skip
"""A constraint of the database refuses rows that passed the checks."""


class Refused(Exception):
    """An import wrote nothing: it has errors, or its result differs from the preview."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class Unproven(Exception):
    """An import wrote nothing: it would leave `facts` public without a visible quote. `sources` are
    hidden sources of their quotes, which could be published too."""

    def __init__(self, facts: list[Record], sources: list[Record]) -> None:
        super().__init__(f"{len(facts)} facts without a visible quote")
        # Their names: after the transaction, new records do not exist any more.
        self.count = len(facts)
        self.facts = [f"{capfirst(f._meta.verbose_name)}: {f}" for f in facts[:NAMED]]
        self.sources = [str(source) for source in sources]


def preview_import(receipt: Receipt) -> None:
    """Read the file of a receipt, and save its counts, errors, losses and changes.

    Raises UnreadableFile if the file cannot be read, and DoesNotExist if the receipt was deleted or
    its import made in the meantime. Deletes expired previews.
    """
    oldest = timezone.now() - PREVIEW_LIFETIME
    Receipt.objects.filter(made_at=None, created_at__lt=oldest).delete()
    changes: list[dict[str, Any]] = []
    resource = RESOURCES[receipt.resource](user=receipt.user, on_change=changes.append)
    outcome = resource.import_data(Upload().create_dataset(receipt), dry_run=True)
    receipt.save_preview(outcome, changes)


def marked_rows(receipt: Receipt) -> Iterator[list[str]]:
    """Yield the header and all rows of the file, after a column that says how to correct them."""
    dataset = Upload().create_dataset(receipt)
    resource = RESOURCES[receipt.resource](user=receipt.user)
    advice: dict[int, list[str]] = defaultdict(list)
    for error in resource.import_data(dataset, dry_run=True).errors:
        advice[error.row].append(str(error))
    if TO_CORRECT in dataset.headers:
        del dataset[TO_CORRECT]
    yield [TO_CORRECT, *dataset.headers]
    widgets = {column.column_name: column.widget for column in resource.columns}
    for number, cells in zip(dataset.row_numbers, dataset, strict=True):
        marked = zip(map(widgets.get, dataset.headers), cells, strict=True)
        yield [" ".join(advice[number]), *(_marked_cell(*pair) for pair in marked)]


def _marked_cell(widget: TextWidget | None, cell: str) -> str:
    """Mark a value that is not the text of its cell and has to be corrected. An import refuses the
    mark."""
    is_doubtful = type(cell) is not str and widget and widget.doubt(cell)
    return f"{TO_MEND}{cell}]" if is_doubtful else cell


def run_import(
    receipt: Receipt,
    dataset: SheetDataset,
    expected_state: str = "",
    answers: Container[str] = (ALONE,),
    **options: Callable[..., Any],
) -> Outcome:
    """Import all rows in one transaction, complete the receipt, and save it.

    `answers` say what becomes of public facts without a visible quote: with ALSO, their hidden
    sources are published too; with ALONE, the others stand. `options` go to RecordResource. Raises
    Refused, Unproven, and DoesNotExist if the preview was confirmed in the meantime.
    """
    may_act = receipt.user is None or may_publish(receipt.user)
    try:
        with _exclusive_transaction():
            if receipt.pk:
                Receipt.objects.select_for_update().get(pk=receipt.pk, made_at=None)
            receipt.made_at = timezone.now()
            receipt.save()
            bare_before = bare_facts() if may_act else {}
            resource = RESOURCES[receipt.resource](
                user=receipt.user, reason=receipt.change_reason, receipt=receipt.pk, **options
            )
            outcome = resource.import_data(dataset)
            if outcome.error_count or expected_state not in ("", outcome.state):
                raise Refused(outcome)
            if may_act:
                _prove(receipt, bare_before, answers, outcome)
            receipt.new, receipt.changed, receipt.same = outcome.counts
            receipt.save()
    except IntegrityError as error:
        conflict = Outcome()
        conflict.error_count, conflict.errors = 1, [CONFLICT]
        raise Refused(conflict) from error
    return outcome


def _prove(
    receipt: Receipt, bare_before: Container[Any], answers: Container[str], outcome: Outcome
) -> None:
    """Publish the sources of new public facts without a visible quote, if that was chosen. Raises
    Unproven if facts are left that may not stand without one."""
    facts = records_of(fact for fact in bare_facts() if fact not in bare_before)
    may_act = receipt.user and receipt.user.has_perm("sources.change_source")
    sources = hidden_sources_of(facts) if may_act else []
    if sources and ALSO in answers:
        for source in sources:
            source.publish(receipt.made_at)
        save_publication(sources)
        keys = [source.pk for source in sources]
        reason, user = receipt.change_reason, receipt.user and receipt.user.pk
        type(sources[0]).versions.write(keys, "~", reason, user)
        facts = records_of(fact for fact in bare_facts() if fact not in bare_before)
    if facts and ALONE not in answers:
        raise Unproven(facts, sources)
    if facts:
        names = "; ".join(map(str, facts[:NAMED]))
        problem = f"Queda a la vista sin una cita visible ({len(facts)}): {names}."
        outcome.warnings.append(RowError(0, "", "", problem, "Una cita de una fuente pública"))


@contextmanager
def _exclusive_transaction() -> Iterator[None]:
    """Run a transaction that other imports wait for, so that each import reads the records that
    the import before it wrote."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA busy_timeout")
            usual_timeout = cursor.fetchone()[0]
            cursor.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT * 1000}")
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    cursor.execute("SELECT pg_advisory_xact_lock(hashtext('exchange.imports'))")
                yield
        finally:
            if connection.vendor == "sqlite":
                cursor.execute(f"PRAGMA busy_timeout = {usual_timeout}")


# Undo


def versions_made_by(receipt: Receipt) -> models.QuerySet:
    """Return the versions that an import made. `untouched` is true of a version without a later
    version of its record."""
    history = RESOURCES[receipt.resource].model.history
    latest = history.filter(id=models.OuterRef("id")).values("id").annotate(m=Max("history_id"))
    made = history.filter(history_receipt=receipt.pk)
    return made.annotate(untouched=Q(history_id=models.Subquery(latest.values("m")[:1]))).order_by(
        "history_id"
    )


def undo_import(receipt: Receipt, user: User) -> tuple[int, int]:
    """Put back each record that was not changed since the import. Returns how many records were
    put back, and how many were not."""
    with transaction.atomic():
        receipt = Receipt.objects.select_for_update().get(
            pk=receipt.pk, undone_at=None, made_at__isnull=False
        )
        versions = versions_made_by(receipt)
        total = versions.count()
        untouched = list(versions.filter(untouched=True))
        restored = sum(_put_back(version, receipt.undo_reason, user) for version in untouched)
        receipt.undone_at, receipt.undone_by = timezone.now(), user
        receipt.save()
    return restored, total - restored


def _put_back(version: Any, reason: str, user: User) -> bool:
    """Undo a version and return True. Return False if the record is public and `user` may not
    publish, or if other records prevent it."""
    record = version.instance_type.objects.filter(pk=version.id).first()
    if record is None or not may_touch(user, record):
        return False
    try:
        with transaction.atomic():
            if version.history_type == "+":
                return _remove(record, reason, user)
            return restore_before(version, reason, user)
    except (IntegrityError, ValidationError):  # ProtectedError is an IntegrityError
        return False


def _remove(record: Any, reason: str, user: User) -> bool:
    """Delete a record, unless it has citations, which would be deleted too."""
    if hasattr(record, "citations") and record.citations.exists():
        return False
    record._change_reason, record._history_user = reason, user
    record.delete()
    return True
