"""Bringing a record back as it was, with its lists and its citations, as a new version.

What must always be true holds here too: what stands in the way is said beforehand.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.utils import timezone

from record.forms import free_slug
from record.publishing import Publishable, Record, may_publish
from record.snapshots import Snapshot, parts_of, title_of

NOT_RESTORED = ("id", "updated_at", "publish_at", "unpublish_at")


@dataclass
class Obstacles:
    """What keeps a snapshot from being restored: `missing` records, in words; the slug; and the
    citations that cannot come back because their words are no longer in their source."""

    missing: list[str] = field(default_factory=list)
    slug_taken: bool = False
    lost: list[Record] = field(default_factory=list)


def obstacles(model: type[Record], snapshots: Collection[Snapshot]) -> list[Obstacles]:
    """For each snapshot of records of one kind, in as many queries as there are kinds of record
    that they refer to."""
    slugs = [one.record.slug for one in snapshots]
    taken = dict(model.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    wanted: dict[type[Record], set[int]] = {}
    for kind, key in (pair for one in snapshots for pair in _references(one)):
        wanted.setdefault(kind, set()).add(key)
    present = {kind: _present(kind, keys) for kind, keys in wanted.items()}
    missing = {
        (kind, version.id): f"«{title_of(version)}» ({kind._meta.verbose_name})"
        for kind, keys in wanted.items()
        if keys - present[kind].keys()
        for version in kind.history.filter(id__in=keys - present[kind].keys()).order_by("pk")
    }
    return [
        Obstacles(
            list(dict.fromkeys(missing[ref] for ref in _references(one) if ref in missing)),
            taken.get(one.record.slug, one.record.pk) != one.record.pk,
            [part for part in one.parts if _is_lost(part, present)],
        )
        for one in snapshots
    ]


def _present(kind: type[Record], keys: Collection[int]) -> dict[int, Record]:
    return kind._base_manager.in_bulk(keys)


def _references(snapshot: Snapshot) -> Iterator[tuple[type[Record], int]]:
    """The records that must be there: kind and key."""
    own = [f for rel in parts_of(type(snapshot.record)) for f in [rel.field.attname]]
    for record in (snapshot.record, *snapshot.parts):
        for f in record._meta.concrete_fields:
            key = getattr(record, f.attname) if f.is_relation else None
            if key is not None and not (record is not snapshot.record and f.attname in own):
                yield f.related_model, key
    for name, keys in snapshot.lists.items():
        kind = snapshot.record._meta.get_field(name).related_model
        yield from ((kind, key) for key in keys)


def _is_lost(part: Record, present: dict[type[Record], dict[int, Record]]) -> bool:
    """Whether a citation's words no longer stand in its source."""
    for f in part._meta.concrete_fields:
        found = present.get(f.related_model, {}) if f.is_relation else {}
        if getattr(part, f.attname) in found:
            setattr(part, f.name, found[getattr(part, f.attname)])
    if "source" not in part._state.fields_cache:
        return False
    try:
        part.locate()
    except ValidationError:
        return True
    return False


def restore(
    snapshot: Snapshot, present: Record | None, reason: str, user: AbstractBaseUser,
    lost: Iterable[Record] = (), other_slug: bool = False,
) -> Record:  # fmt: skip
    """In a transaction, `present` being held. A record from the papelera, `present` None, comes
    back as a draft; the publication of others stays. Raises ValidationError; PermissionDenied."""
    began, record = timezone.now(), _put_back(snapshot, present)
    if other_slug:
        record.slug = free_slug(type(record), record.slug)
    record.full_clean()
    if not (record.is_draft() or may_publish(user)):
        raise PermissionDenied
    record.skip_history_when_saving = True
    record.save(force_insert=present is None)
    for name, keys in snapshot.lists.items():
        getattr(record, name).set(keys)
    lost_keys = {part.pk for part in lost}
    for relation in parts_of(type(record)):
        _put_back_parts(relation, record, snapshot.parts, lost_keys, reason)
    del record.skip_history_when_saving
    kind = "+" if present is None else "~"
    type(record).versions.write([record.pk], kind, reason, user.pk, at=began)
    return record


def _put_back(snapshot: Snapshot, present: Record | None) -> Record:
    if present is not None:
        _copy(snapshot.record, present, NOT_RESTORED)
        return present
    record = snapshot.record
    record._state.adding = True
    if isinstance(record, Publishable):
        record.become_draft()
    return record


def _copy(old: Record, new: Record, but: Collection[str]) -> bool:
    """Whether anything differed."""
    fields = [f for f in type(new).versions.fields_included(type(new)) if f.name not in but]
    changed = [f for f in fields if getattr(new, f.attname) != getattr(old, f.attname)]
    for f in changed:
        setattr(new, f.attname, getattr(old, f.attname))
    return bool(changed)


def _put_back_parts(
    relation: models.ManyToOneRel, record: Record, parts: list[Record], lost: set[int], reason: str
) -> None:
    model, owner = relation.related_model, relation.field.attname
    for extra in model.objects.filter(**{owner: record.pk}).exclude(pk__in=[p.pk for p in parts]):
        extra._change_reason = reason
        extra.delete()
    present = model.objects.in_bulk([part.pk for part in parts])
    for part in parts:
        if part.pk in lost:
            continue  # if it is there, with words corrected since, it stays
        now = present.get(part.pk)
        if now is None or getattr(now, owner) != record.pk:
            _bring(part, now, reason)
        elif _copy(part, now, ("id", "updated_at", "slug", "number", "position")):
            now._change_reason = reason
            now.save()


def _bring(part: Record, elsewhere: Any, reason: str) -> None:
    """A citation that is gone; or, if it now supports another record, one like it."""
    if elsewhere is not None:
        part.pk = None
    if elsewhere is not None or type(part).objects.filter(slug=part.slug).exists():
        part.slug = ""
    part._state.adding, part._change_reason = True, reason
    part.save(force_insert=True)
