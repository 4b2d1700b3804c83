"""Updates the index after every write of a record, and rebuilds or checks all of it."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.signals import post_delete, post_save

from record.publishing import Record, written
from search.kinds import BY_MODEL, KINDS, Kind
from search.models import Entry
from search.words import stems_of

BATCH = 200
UNIQUE = ["kind", "key"]
REST = ["day", "slug", "title_end", "names_end", "summary_end", "text"]


def listen() -> None:
    """Connects `keep` to every write: saves, deletions, and the signal `written` that imports and
    querysets send."""
    for kind in KINDS:
        post_save.connect(_saved, sender=kind.model, dispatch_uid=f"search-{kind.letter}")
        post_delete.connect(_saved, sender=kind.model, dispatch_uid=f"search-{kind.letter}")
        written.connect(keep, sender=kind.model, dispatch_uid=f"search-{kind.letter}")


def _saved(sender: type[Record], instance: Record, **kwargs: Any) -> None:
    keep(sender, [instance.pk])


def keep(sender: type[Record], keys: list[int], **kwargs: Any) -> None:
    """Updates the entries of these records, and of the records whose visibility depends on them."""
    for some in _batches(keys):
        _keep(BY_MODEL[sender], some)
        for kind in KINDS:
            for name in kind.model.belongs_to:
                if kind.model._meta.get_field(name).related_model is sender:
                    dependent = kind.model.objects.filter(**{f"{name}__in": some}).order_by()
                    keep(kind.model, list(dependent.values_list("pk", flat=True)))


def _batches(keys: list[int]) -> Iterator[list[int]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _keep(kind: Kind, keys: list[int]) -> None:
    """Locks and reads the records again, so that of two simultaneous saves of one record the later
    one's words stay."""
    with transaction.atomic(savepoint=False):
        held = kind.model.objects.select_for_update(of=("self",), no_key=True)
        entries = _entries(kind, held, keys)
        if gone := set(keys) - {entry.key for entry in entries}:
            Entry.objects.filter(kind=kind.letter, key__in=gone).delete()
        if entries:
            Entry.objects.bulk_create(
                entries, update_conflicts=True, unique_fields=UNIQUE, update_fields=REST
            )


def _entries(kind: Kind, records: models.QuerySet, keys: list[int]) -> list[Entry]:
    """Entries of the records with these keys that are no drafts and have words."""
    records = records.filter(pk__in=keys).order_by("pk")
    if kind.shown_with:
        records = records.select_related(*kind.shown_with)
    entries = (entry_of(kind, record) for record in records if not record.is_draft())
    return [entry for entry in entries if entry.text.strip(" |")]


def entry_of(kind: Kind, record: Record) -> Entry:
    text, ends = " ", []
    title, names, summary = kind.heads(record)
    for paragraphs in ([title], names, [summary], kind.body(record)):
        for paragraph in paragraphs:
            text += f"{' '.join([*stems_of(paragraph), '|'])} "
        ends.append(len(text))
    return Entry(
        kind=kind.letter, key=record.pk, day=kind.day(record), slug=record.slug,
        title_end=ends[0], names_end=ends[1], summary_end=ends[2], text=text,
    )  # fmt: skip


def rebuild(tell: Callable[[int], None] | None = None) -> int:
    """Writes every entry again, one transaction per batch, while the site stays up. Returns the
    number of records."""
    total = 0
    for kind in KINDS:
        for some in _batches(_keys(kind)):
            _keep(kind, some)
            total += len(some)
            if tell:
                tell(len(some))
        _orphans(kind).delete()
    return total


def differences(tell: Callable[[int], None] | None = None) -> int:
    """Counts the entries that differ from their records: missing, stale, or of no record."""
    wrong = 0
    for kind in KINDS:
        for some in _batches(_keys(kind)):
            entries = _entries(kind, kind.model.objects.all(), some)
            stored = Entry.objects.filter(kind=kind.letter, key__in=some)
            wrong += len({_values(e) for e in entries} ^ {_values(e) for e in stored})
            if tell:
                tell(len(some))
        wrong += _orphans(kind).count()
    return wrong


def _values(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in (*UNIQUE, *REST))


def _keys(kind: Kind) -> list[int]:
    return list(kind.model.objects.order_by("pk").values_list("pk", flat=True))


def _orphans(kind: Kind) -> models.QuerySet:
    records = kind.model.objects.filter(pk=OuterRef("key"))
    return Entry.objects.filter(~Exists(records), kind=kind.letter)
