"""Keeping the index as the record is, whichever way a record is written, and making it anew."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.signals import post_delete, post_save

from record import bulk
from record.publishing import Record, written
from search.kinds import BY_MODEL, KINDS, Kind
from search.models import BODY, TITLE, Entry
from search.words import pairs_of, stems_of

BATCH = 200


def listen() -> None:
    """Hears every write: `save` and what goes through it (forms, fixtures, undo), deletions, and
    the signal of imports and of querysets' own writes."""
    for kind in KINDS:
        post_save.connect(_saved, sender=kind.model, dispatch_uid=f"search-{kind.letter}")
        post_delete.connect(_saved, sender=kind.model, dispatch_uid=f"search-{kind.letter}")
        written.connect(_written, sender=kind.model, dispatch_uid=f"search-{kind.letter}")


def _saved(sender: type[Record], instance: Record, **told: Any) -> None:
    keep(sender, [instance.pk])


def _written(sender: type[Record], keys: list[int], **told: Any) -> None:
    keep(sender, keys)


def keep(model: type[Record], keys: Iterable[int]) -> None:
    """Brings the index up to date for these records, and for those that are drafts with them."""
    for some in _batches(keys):
        _keep(BY_MODEL[model], some)
        for kind in KINDS:
            for name in kind.model.belongs_to:
                if kind.model._meta.get_field(name).related_model is model:
                    with_them = kind.model.objects.filter(**{f"{name}__in": some}).order_by()
                    keep(kind.model, list(with_them.values_list("pk", flat=True)))


def _batches(keys: Iterable[int]) -> Iterator[list[int]]:
    keys = iter(keys)
    while some := list(islice(keys, BATCH)):
        yield some


def _keep(kind: Kind, keys: list[int]) -> None:
    """Reads the records anew, held until their entries are written: of two that save the same
    record at once, the later one's words stay."""
    with transaction.atomic(savepoint=False):
        held = kind.model.objects.select_for_update(of=("self",), no_key=True)
        entries = _entries(kind, held, keys)
        if gone := set(keys) - {entry.key for entry in entries}:
            Entry.objects.filter(kind=kind.letter, key__in=gone).delete()
        if entries:
            bulk.upsert(entries, ["kind", "key"])


def _entries(kind: Kind, records: models.QuerySet, keys: list[int]) -> list[Entry]:
    """Those of the records with these keys that are no drafts and have any words."""
    records = records.filter(pk__in=keys).order_by("pk")
    if kind.shown_with:
        records = records.select_related(*kind.shown_with)
    entries = (entry_of(kind, record) for record in records if not record.is_draft())
    return [entry for entry in entries if entry.words]


def entry_of(kind: Kind, record: Record) -> Entry:
    text, ends, tiers = " ", [], {}
    title, names, summary = kind.heads(record)
    for tier, paragraphs in enumerate(([title], names, [summary], kind.body(record)), TITLE):
        for paragraph in paragraphs:
            stems = stems_of(paragraph)
            text += f"{' '.join([*stems, '|'])} "
            tiers = dict.fromkeys((*stems, *pairs_of(stems)), tier) | tiers
        ends.append(len(text))
    words = (f"{kind.letter}{n}{s}" for s, tier in tiers.items() for n in range(tier, BODY + 1))
    return Entry(
        kind=kind.letter, key=record.pk, day=kind.day(record), slug=record.slug,
        title_end=ends[0], names_end=ends[1], summary_end=ends[2], text=text, words=" ".join(words),
    )  # fmt: skip


# All of it


def rebuild(tell: Callable[[int], None] | None = None) -> int:
    """Makes every entry anew, a batch a transaction, so that the site goes on; how many records."""
    total = 0
    for kind in KINDS:
        for some in _batches(_keys(kind)):
            _keep(kind, some)
            total += len(some)
            if tell:
                tell(len(some))
        _orphans(kind).delete()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO search_words (search_words) VALUES ('optimize')")
    return total


def differences(tell: Callable[[int], None] | None = None) -> int:
    """How many entries are not what their records say: missing, stale, or of no record."""
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
    return tuple(getattr(entry, field.name) for field in Entry._meta.concrete_fields[1:])


def _keys(kind: Kind) -> list[int]:
    return list(kind.model.objects.order_by("pk").values_list("pk", flat=True))


def _orphans(kind: Kind) -> models.QuerySet:
    records = kind.model.objects.filter(pk=OuterRef("key"))
    return Entry.objects.filter(~Exists(records), kind=kind.letter)
