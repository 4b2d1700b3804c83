"""Updates the index of words after each write of a record, and rebuilds or checks it."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.signals import post_delete, post_save

from record.publishing import Record, written
from search.kinds import BY_MODEL, KINDS, Kind
from search.models import Entry
from texts.words import stems_of

BATCH = 200
UNIQUE = ["kind", "key"]
REST = ["day", "slug", "title_end", "names_end", "summary_end", "text"]


def listen() -> None:
    """Connects `keep` to saves, to deletions, and to the signal `written` of imports and
    querysets."""
    for kind in KINDS:
        post_save.connect(_saved, sender=kind.model, dispatch_uid=f"search-{kind.letter}")
        post_delete.connect(_saved, sender=kind.model, dispatch_uid=f"search-{kind.letter}")
        written.connect(keep, sender=kind.model, dispatch_uid=f"search-{kind.letter}")


def _saved(sender: type[Record], instance: Record, **kwargs: Any) -> None:
    keep(sender, [instance.pk])


def keep(sender: type[Record], keys: list[int], **kwargs: Any) -> None:
    """Updates the entries of these records, and of the records whose visibility depends on them."""
    for batch in _batches(keys):
        _keep(BY_MODEL[sender], batch)
        for kind in KINDS:
            for name in kind.model.belongs_to:
                if kind.model._meta.get_field(name).related_model is sender:
                    dependent = kind.model.objects.filter(**{f"{name}__in": batch}).order_by()
                    keep(kind.model, list(dependent.values_list("pk", flat=True)))


def _batches(keys: list[int]) -> Iterator[list[int]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _keep(kind: Kind, keys: list[int]) -> None:
    """Locks the records and reads them again, so that after two simultaneous saves the index has
    the words of the later one."""
    with transaction.atomic(savepoint=False):
        locked = kind.model.objects.select_for_update(of=("self",), no_key=True)
        entries = _entries(kind, locked, keys)
        if gone := set(keys) - {entry.key for entry in entries}:
            Entry.objects.filter(kind=kind.letter, key__in=gone).delete()
        if entries:
            Entry.objects.bulk_create(
                entries, update_conflicts=True, unique_fields=UNIQUE, update_fields=REST
            )


def _entries(kind: Kind, records: models.QuerySet, keys: list[int]) -> list[Entry]:
    """The entries of the records with these keys, without drafts and without empty texts."""
    records = records.filter(pk__in=keys).order_by("pk")
    if kind.shown_with:
        records = records.select_related(*kind.shown_with)
    entries = (entry_of(kind, record) for record in records if not record.is_draft())
    return [entry for entry in entries if entry.text.strip(" |")]


def entry_of(kind: Kind, record: Record) -> Entry:
    text, ends = " ", list[int]()
    title, names, summary = kind.heads(record)
    for paragraphs in ([title], [*names, *kind.dates(record)], [summary], kind.body(record)):
        for paragraph in paragraphs:
            text += f"{' '.join([*stems_of(paragraph), '|'])} "
        ends.append(len(text))
    return Entry(
        kind=kind.letter, key=record.pk, day=kind.day(record), slug=record.slug,
        title_end=ends[0], names_end=ends[1], summary_end=ends[2], text=text,
    )  # fmt: skip


def rebuild(tell: Callable[[int], None] | None = None) -> int:
    """Writes all entries again, in a transaction for each batch, while the site is in use. Calls
    `tell` with the size of each batch. Returns the number of records."""
    total = 0
    for kind in KINDS:
        for batch in _batches(_keys(kind)):
            _keep(kind, batch)
            total += len(batch)
            if tell:
                tell(len(batch))
        _orphans(kind).delete()
    return total


def differences(tell: Callable[[int], None] | None = None) -> int:
    """The number of entries that are missing or without a record; an entry that is out of date
    counts twice."""
    wrong = 0
    for kind in KINDS:
        for batch in _batches(_keys(kind)):
            entries = _entries(kind, kind.model.objects.all(), batch)
            stored = Entry.objects.filter(kind=kind.letter, key__in=batch)
            wrong += len({_values(e) for e in entries} ^ {_values(e) for e in stored})
            if tell:
                tell(len(batch))
        wrong += _orphans(kind).count()
    return wrong


def _values(entry: Entry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in (*UNIQUE, *REST))


def _keys(kind: Kind) -> list[int]:
    return list(kind.model.objects.order_by("pk").values_list("pk", flat=True))


def _orphans(kind: Kind) -> models.QuerySet:
    records = kind.model.objects.filter(pk=OuterRef("key"))
    return Entry.objects.filter(~Exists(records), kind=kind.letter)
