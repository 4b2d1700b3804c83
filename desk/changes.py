"""Changes of records that are public. They are held until what their source says is published."""

import json
from collections.abc import Iterable, Mapping
from copy import copy
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from django.utils import timezone
from django.utils.text import capfirst

from desk.models import PendingChange
from editing.snapshots import lock
from organizations.models import Organization
from record.history import RecordList, listed_in, replace_lists, with_two_parts
from record.proof import texts_of, unsaid_labels
from record.publishing import Record, may_publish
from sources.models import Citation, Source

GONE = "Otra persona lo movió a la papelera."
OUTRUN = "Otra persona cambió después «{}». Haga el cambio otra vez en la mesa, o descártelo."
NOTHING = "No hay nada que cambiar: escriba otro valor o elija un dato que esta oración prueba."


def kind_of(record: Record) -> str:
    """The name, in SUPPORTED, of the key with which citations support the record."""
    citations: Any = type(record).citations  # type: ignore[attr-defined]  # of facts
    return str(citations.rel.field.name)


def changes_of(record: Record) -> models.QuerySet[PendingChange]:
    changes = PendingChange.objects.filter(kind=kind_of(record), key=record.pk)
    return changes.select_related("source").defer("source__text")


def hold(
    source: Source, record: Record, changes: dict[str, Any], quotes: list[dict], user: User
) -> PendingChange:
    """Holds new values of a public record, by the name of the field or list, with their quotes:
    `exact`, `field` and, if the text has no marks, `locator`. An earlier change of the record from
    this source takes them up. Raises ValidationError."""
    meta = record._meta
    if not user.has_perm(f"{meta.app_label}.change_{meta.model_name}"):
        raise PermissionDenied
    with transaction.atomic():
        stored = lock(type(record), [record.pk]).get(record.pk)
        text = source.stored_text()  # locks it, so that the quotes stay in it
        if stored is None or text is None:
            raise ValidationError(GONE)
        if text != source.text:
            source = Source.objects.get(pk=source.pk)
        pending = changes_of(record).filter(source=source).first() or PendingChange(
            source=source, kind=kind_of(record), key=record.pk
        )
        new = {name: value for name, (_old, value) in pending.changes.items()} | changes
        change = Change(source, stored, new, [*pending.quotes, *quotes])
        change.clean()
        now = _values(stored, listed_in(stored), changes)
        new = _values(change.record, change.lists, new)
        olds = {name: old for name, (old, _new) in pending.changes.items()} | now
        pending.changes = {n: [olds[n], new[n]] for n in new if olds[n] != new[n]}
        pending.quotes = change.quotes
        if not (pending.changes or pending.quotes):
            raise ValidationError(NOTHING)
        is_shared = pending.pk and pending.user_id != user.pk  # nobody's to withdraw
        pending.user, pending.made_at = None if is_shared else user, timezone.now()
        pending.save()
    return pending


def withdraw(pending: PendingChange, user: User) -> None:
    if not (may_publish(user) or pending.user_id == user.pk):
        raise PermissionDenied
    pending.delete()


def conflicts(pending: PendingChange) -> list[str]:
    """The labels of the fields that another change gave another value in the meantime."""
    if (record := pending.record) is None:
        return []
    now = _values(record, listed_in(record), pending.changes)
    outrun = [name for name, either in pending.changes.items() if now[name] not in either]
    citations = [Citation(field=name, **{pending.kind: record}) for name in outrun]
    return [citation.get_field_display() for citation in citations]


class Change:
    """A copy of a record with new values, the keys in its lists, and its new citations, unsaved."""

    def __init__(
        self, source: Source, record: Record, values: Mapping[str, Any], quotes: Iterable[dict]
    ) -> None:
        self.stored: Any = record
        self.record: Any = copy(record)
        self.lists = listed_in(record)
        lists = {each.name: each for each in self.lists}
        self.changed_lists = {
            lists[name]: [int(_key(each)) for each in values[name]]
            for name in values
            if name in lists
        }
        self.lists |= self.changed_lists
        for name in values.keys() - lists.keys():
            field: Any = record._meta.get_field(name)
            if isinstance(field, models.FileField):
                raise ValidationError({name: "Este archivo se cambia en su formulario."})
            setattr(self.record, field.attname, field.to_python(_key(values[name])))
        if "replaces" in values:
            keys = self.changed_lists[lists["replaces"]]
            vars(self.record)["replaced"] = [*Organization.objects.filter(pk__in=keys)]
        supported = {kind_of(record): self.record}
        self.citations = [Citation(source=source, **supported, **quote) for quote in quotes]

    @property
    def quotes(self) -> list[dict[str, str]]:
        names = ("exact", "field", "locator")
        return [{name: getattr(citation, name) for name in names} for citation in self.citations]

    def clean(self) -> None:
        self.record.full_clean()
        for key, each, other in with_two_parts(self.lists):
            listed = each.related_model._base_manager.get(pk=key)
            problem = f"«{listed}» está también en «{capfirst(other.verbose_name)}»."
            raise ValidationError({each.name: f"{problem} Déjela solo en una."})
        for citation in self.citations:
            citation.full_clean(exclude=["slug", "number", "position"])
        for citation in self.stored.citations.exclude(says=""):
            setattr(citation, citation.supported, self.record)
            citation.check_claim()
        known = set(self.stored.citations.values_list("source_id", "exact", "field"))
        rows = {(c.source_id, c.exact, c.field): c for c in self.citations}
        self.citations = [citation for row, citation in rows.items() if row not in known]
        texts = [*texts_of(self.stored), *(each.source.passages.text for each in rows.values())]
        if errors := unsaid_labels(self.record, texts):
            raise ValidationError(errors)

    def save(self, user: User, reason: str, at: datetime) -> None:
        """Writes one version of the record, then its new citations."""
        record = self.record
        record.skip_history_when_saving = True
        record.save()
        del record.skip_history_when_saving
        replace_lists({each: {record.pk: keys} for each, keys in self.changed_lists.items()})
        type(record).versions.write([record.pk], "~", reason, user.pk, at=at)
        for citation in self.citations:
            vars(citation).update(_change_reason=reason, _history_user=user)
            citation.save()


def change_of(pending: PendingChange) -> Change:
    """The change, on the record as it is now. Raises ValidationError if the record was changed
    where it changes, or does not allow it any more."""
    if (record := pending.record) is None:
        raise ValidationError(GONE)
    if labels := conflicts(pending):
        raise ValidationError(OUTRUN.format("», «".join(labels)))
    values = {name: new for name, (_old, new) in pending.changes.items()}
    change = Change(pending.source, record, values, pending.quotes)
    change.clean()
    return change


def _key(value: Any) -> Any:
    return getattr(value, "pk", value)


def _values(
    record: Record, lists: Mapping[RecordList, Iterable[int]], names: Iterable[str]
) -> dict[str, Any]:
    """The values of fields and lists as JSON has them; of records, their primary keys."""
    listed = {each.name: sorted(keys) for each, keys in lists.items()}
    attributes: Any = {field.name: field.attname for field in record._meta.fields}
    values = {n: listed[n] if n in listed else getattr(record, attributes[n]) for n in names}
    loaded: dict[str, Any] = json.loads(DjangoJSONEncoder().encode(values))
    return loaded
