"""Publishes in one act all that was made of a source."""

from collections.abc import Collection, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html

from desk.changes import Change, change_of, kind_of, withdraw
from desk.models import PendingChange, PublicationReceipt
from desk.receipts import entries_of, rows_of, undo_publication
from editing.actions import DAY, MOST_RECORDS, PUBLISH, Questions
from editing.admin import RecordAdmin
from editing.differences import differences, facts_of, titles_in
from editing.forms import WHY, reason_field
from editing.snapshots import Snapshot
from record.history import listed_in
from record.pages import listed
from record.proof import MayAct, Publication, is_fact, unproven_fields
from record.publishing import Publishable, Record, StaffRequest, may_publish, whom_to_ask
from record.text import is_key
from sources.models import SUPPORTED, Source, supported_model

AT_ONCE = "Un cambio de lo que ya es público no se programa: quítele la marca, o elija «Ahora»."
BEHIND = "No se vería sin {}: publíquelo también, o quite esta marca."
NOT_YOURS = "Su cuenta no puede publicarlo: quite su marca."
NOTHING_TICKED = "Marque algo de lo que se puede publicar."


class Item:
    """A record to publish, or a change of a public record. `problem` says what prevents it."""

    problem = ""
    change: Change | None = None
    quotes: Collection[Any] = ()
    is_ticked = False

    def __init__(self, record: Any, pending: PendingChange | None = None) -> None:
        self.record, self.pending = record, pending
        self.name = f"change-{pending.pk}" if pending else f"{record._meta.model_name}-{record.pk}"
        try:
            self.change = change_of(pending) if pending else None
        except ValidationError as error:
            self.problem = " ".join(error.messages)

    @property
    def unproven(self) -> list[str]:
        """The labels of the fields without a quote; for a change, only of the fields it changes."""
        changes: Any = self.pending.changes if self.pending else None
        fact = self.change.record if self.change else self.record
        fields = unproven_fields(fact, self.quotes) if self.quotes or self.change else ()
        return [str(f.verbose_name) for f in fields if changes is None or f.name in changes]

    @property
    def lacking(self) -> int:
        """The number of fields, or records as a whole, without a quote."""
        is_bare = is_fact(type(self.record)) and not (self.quotes or self.pending)
        return 1 if is_bare else len(self.unproven)

    @property
    def count(self) -> int:
        is_source = isinstance(self.record, Source)
        return self.record.citations.count() if is_source else len(self.quotes)

    @property
    def differences(self) -> list[dict[str, Any]]:
        """What the change changes, as the comparison of two versions shows it."""
        if self.change is None:
            return []
        old = Snapshot(self.change.stored, listed_in(self.record), [])
        new = Snapshot(self.change.record, self.change.lists, [])
        titles, now = titles_in([old, new]), timezone.now()
        return differences(*(facts_of(each, titles, now) for each in (old, new)))

    @property
    def kind(self) -> str:
        """The heading under which the page lists it."""
        if self.pending:
            return "cambios de lo que ya es público"
        meta = self.record._meta
        return "la fuente" if meta.model is Source else str(meta.verbose_name_plural)

    def check(self, chosen: Collection[Record], at: datetime) -> None:
        """Sets the problem if the record would stay hidden after the `chosen` are published."""
        fact = self.change.record if self.change else self.record
        if fact is None or self.problem:
            return
        needed = {*fact.points_to(), *vars(fact).get("replaced", ())}.difference(chosen)
        if hidden := sorted(f"«{r}»" for r in needed if r.state_at(at) != "public"):
            self.problem = BEHIND.format(listed(hidden))


class Batch:
    """What a source has to publish: itself, the drafts that cite it, and changes of public records,
    at most MOST_RECORDS; `left` are the others."""

    def __init__(self, source: Source, may_act: MayAct) -> None:
        self.source = source
        hidden = [source] if source.state != "public" else []
        changes = [(change.record, change) for change in source.pending_changes.all()]
        items = [*((record, None) for record in [*hidden, *drafts_of(source)]), *changes]
        self.items = [Item(*each) for each in items[:MOST_RECORDS]]
        self.left = len(items[MOST_RECORDS:])
        records = [item.record for item in self.items if item.record]
        effects = Publication(records, timezone.now(), may_act)
        self.depends_on = {source, *effects.depends_on}
        for item in self.items:
            added = item.change.citations if item.change else []
            item.quotes = [*effects.quotes.get(item.record, ()), *added]

    @property
    def ticked(self) -> list[Item]:
        return [item for item in self.items if item.is_ticked]

    def ask(self, data: QueryDict | None, may_act: MayAct) -> Questions:
        """Ticks the source and the items that were sent, by default all that can be published, and
        returns the questions about them."""
        for item in self.items:
            is_source = item.record == self.source
            item.is_ticked = data is None or is_source or item.name in data.getlist("item")
        records = [item.record for item in self.ticked if not item.pending]
        questions = Questions(data, PUBLISH, records, may_act)
        changes = [item for item in self.ticked if item.pending]
        if any(item.pending for item in self.items):
            questions.decisions.fields["change_reason"] = reason_field(
                required=bool(changes), error_messages={"required": WHY}
            )
        for item in self.ticked:
            item.check(records, questions.supposed)
            item.is_ticked = data is not None or not item.problem
        return questions

    def problems(self, questions: Questions, may_act: MayAct) -> Iterator[str]:
        moment: Any = questions.moment
        if not self.ticked:
            yield NOTHING_TICKED
        if any(item.pending for item in self.ticked) and moment["when"].data == DAY:
            yield AT_ONCE
        for item in self.ticked:
            if problem := item.problem or ("" if may_act(type(item.record)) else NOT_YOURS):
                yield f"«{item.record or 'Un registro'}»: {problem}"


def drafts_of(source: Source) -> list[Any]:
    """The drafts that cite a source, and the drafts without which these would not be visible."""
    drafts: dict[Any, None] = {}
    for name in SUPPORTED:
        model = supported_model(name)
        if issubclass(model, Publishable):
            keys = source.citations.order_by().values(name)
            citing = model.objects.drafts().filter(pk__in=keys).order_by("pk")
            for draft in citing.prefetch_related(*model.visible_through):
                drafts |= dict.fromkeys([*(r for r in draft.points_to() if r.is_draft()), draft])
    return sorted(drafts, key=lambda draft: SUPPORTED.index(kind_of(draft)))


class PublishingAdmin(RecordAdmin):
    object_history_template = "admin/sources/source/history.html"

    def get_urls(self) -> list[Any]:
        view, address = self.admin_site.admin_view, "<path:object_id>/publicar-todo/"
        return [
            path(address, view(self.publish_all_view), name="sources_source_publish_all"),
            path(f"{address}<int:key>/", view(self.receipt_view), name="sources_source_receipt"),
            *super().get_urls(),
        ]

    def _history(self, record: Any, request: HttpRequest) -> dict[str, Any]:
        receipts = record.publication_receipts.select_related("user")
        return super()._history(record, request) | {"receipts": receipts}

    def _deletion(self, request: HttpRequest, chosen: list[Any]) -> dict[str, Any]:
        """A change that is held keeps its source, whose deletion would discard it."""
        deletion = super()._deletion(request, chosen)
        for held in PendingChange.objects.filter(source__in=chosen):
            address = self.address("publish_all", held.source_id)
            words = '<a href="{}">un cambio por publicar: {}</a>'
            deletion["kept"].append(format_html(words, address, held.record))
        return deletion

    def _source(self, request: HttpRequest, object_id: str) -> Source:
        sources = Source.objects.filter(pk=int(object_id) if is_key(object_id) else 0)
        if (source := sources.first()) is None:
            raise Http404
        if not self.has_view_permission(request, source):
            raise PermissionDenied
        return source

    def publish_all_view(self, request: StaffRequest, object_id: str) -> HttpResponse:
        source = self._source(request, object_id)
        if is_key(withdrawn := request.POST.get("withdraw", "")):
            withdraw(get_object_or_404(source.pending_changes, pk=withdrawn), request.user)
            messages.success(request, "Se descartó el cambio; lo público sigue como está.")
            return redirect(self.address("publish_all", source.pk))
        if request.method == "POST" and not self.has_publish_permission(request):
            raise PermissionDenied
        try:
            return self._publish_all(request, source)
        except IntegrityError:  # another person saved at the same moment
            return self._publish_all(request, source)

    def _publish_all(self, request: StaffRequest, source: Source) -> HttpResponse:
        data = request.POST if "confirmed" in request.POST else None
        may_act = partial(self.may_act, request)
        with transaction.atomic():
            if data:
                self.lock(Batch(source, may_act).depends_on)
                source = self._source(request, str(source.pk))
            batch = Batch(source, may_act)
            questions = batch.ask(data, may_act)
            known = self._known(batch)
            changed = data is not None and data.get("known") != known
            errors = [*questions.errors, *batch.problems(questions, may_act)] if data else []
            if data and not (changed or errors):
                receipt = self._publish(request, batch, questions)
                return redirect(self.address("receipt", source.pk, receipt.pk))
        return self.page(
            request, "publish", 409 if changed else 422 if errors else 200, room="desk",
            **self._context(request, batch), known=known, changed=changed, errors=errors,
            moment=questions.moment, form=questions.decisions, effects=questions.effects,
        )  # fmt: skip

    def _known(self, batch: Batch) -> str:
        """A digest of all that the page shows."""
        changes = [item.pending for item in batch.items if item.pending]
        moments = [f"{change.pk}:{change.made_at.timestamp()}" for change in changes]
        return " ".join([self.digest_of(batch.depends_on), *moments])

    def _context(self, request: StaffRequest, batch: Batch) -> dict[str, Any]:
        source, ticked = batch.source, len(batch.ticked)
        records = [item.record for item in batch.items if not item.pending]
        changes, drafts = len(batch.items) - len(records), len(records) - records.count(source)
        parts = ["esta fuente"] * records.count(source)
        parts += [f"{drafts} borrador{'es' * (drafts > 1)}"] if drafts else []
        parts += [f"{changes} cambio{'s' * (changes > 1)}"] if changes else []
        return {
            "source": source, "original": source, "batch": batch, "step": "Publicar",
            "title": f"Publicar {listed(parts)}" if parts else "No hay nada por publicar",
            "ticked": ticked, "button": f"Publicar los {ticked}" if ticked > 1 else "Publicar",
            "pages": len([record for record in records if not record.belongs_to]),
            "changes": changes, "lacking": sum(item.lacking for item in batch.items),
            "changing": parts if self.has_publish_permission(request) else [],
            "whom_to_ask": "" if may_publish(request.user) else whom_to_ask(),
        }  # fmt: skip

    def _publish(
        self, request: StaffRequest, batch: Batch, questions: Questions
    ) -> PublicationReceipt:
        reason = questions.decisions.chose("change_reason")
        entries = entries_of(self.act(request, questions))
        for change, pending in ((item.change, item.pending) for item in batch.ticked):
            if change and pending:
                change.save(request.user, reason, questions.began)
                entries += entries_of([change.record], pending, change.citations)
                pending.delete()
        return PublicationReceipt.objects.create(
            source=batch.source, user=request.user, reason=reason, entries=entries
        )

    def receipt_view(self, request: StaffRequest, object_id: str, key: int) -> HttpResponse:
        source = self._source(request, object_id)
        receipts = source.publication_receipts.select_related("user", "undone_by")
        receipt, may_act = get_object_or_404(receipts, pk=key), self.has_publish_permission(request)
        if request.method == "POST":
            if not may_act:
                raise PermissionDenied
            self._undo(request, receipt)
            return redirect(self.address("receipt", source.pk, key))
        rows = rows_of(receipt)
        return self.page(
            request, "receipt", room="desk", original=source, receipt=receipt, rows=rows,
            title="Recibo de publicación", step="Recibo", may_act=may_act,
            untouched=len([row for row in rows if not row["later"]]),
        )  # fmt: skip

    def _undo(self, request: StaffRequest, receipt: PublicationReceipt) -> None:
        try:
            restored, kept = undo_publication(receipt, request.user)
        except PublicationReceipt.DoesNotExist:
            return messages.info(request, "Esta publicación ya se había deshecho.")
        messages.success(request, f"Se deshizo en {restored} registro{'s' * (restored != 1)}.")
        if kept:
            messages.warning(request, f"Se quedan como están: {kept}. Abajo se dice por qué.")
