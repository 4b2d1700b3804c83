"""The pages of a record's past: its history, two versions compared, any of them restored, and the
papelera. simple-history's own way back is not offered: it asks for no permission to publish.
"""

from datetime import datetime
from itertools import pairwise
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import IntegrityError, models, transaction
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from record.differences import Fact, Names, difference, differences, facts, how_many
from record.forms import LONGEST_REASON, WHY
from record.holding import hold, is_key, version_of
from record.pages import counted
from record.publishing import Publishable, Record
from record.restoring import Obstacles, obstacles, restore
from record.snapshots import Past, Snapshot, title_of

VERSIONS_SHOWN, TRASH_SHOWN = 100, 20
STALE = "Alguien lo cambió mientras usted lo veía; no se restauró nada. Compare de nuevo."


class VersionsAdmin:
    """Every address here asks what a save asks."""

    object_history_template = "admin/record/history.html"

    def get_urls(self) -> list[URLPattern]:
        meta, view = self.opts, self.admin_site.admin_view
        pages = [
            ("papelera/", require_safe(self.trash_view), "trash"),
            ("papelera/<int:version>/restaurar/", require_POST(self.untrash_view), "untrash"),
            ("<path:object_id>/history/comparar/", require_safe(self.compare_view), "compare"),
            ("<path:object_id>/history/<int:version>/", require_safe(self.version_view), "version"),
            (
                "<path:object_id>/history/<int:version>/restaurar/",
                require_POST(self.restore_view),
                "restore",
            ),
        ]
        return [
            path(route, view(page), name=f"{meta.app_label}_{meta.model_name}_{name}")
            for route, page, name in pages
        ] + super().get_urls()

    def address(self, name: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def _seen(self, request: HttpRequest, object_id: str) -> Record:
        record = self.get_object(request, unquote(object_id))
        if record is None:
            raise Http404
        if not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        return record

    # History

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Of what is in the papelera, there."""
        record = self.get_object(request, unquote(object_id))
        if record is None and self._is_in_trash(request, unquote(object_id)):
            return redirect(self.address("trash"))
        context = self._history(record, request) if record else {}
        return super().history_view(request, object_id, context | (extra_context or {}))

    def _history(self, record: Record, request: HttpRequest) -> dict[str, Any]:
        past = Past(self.model, [record.pk])
        versions = list(record.history.select_related("history_user")[: VERSIONS_SHOWN + 1])
        snapshots, numbers = past.snapshots(versions), past.numbers(record.pk)
        names = Names.of(snapshots.values())
        told = {v: self.facts(snapshots[v.history_id], names, v.history_date) for v in versions}
        for new, old in pairwise(versions):
            new.changes = [change.name for change in differences(told[old], told[new])]
        for version in versions:
            version.number = numbers[version.history_id]
        return {
            "versions": versions[:VERSIONS_SHOWN], "count": len(numbers), "next": len(numbers) + 1,
            "may_restore": self.has_change_permission(request, record), "original": record,
            "title": "Historial", "subtitle": str(record),
        }  # fmt: skip

    def version_view(self, request: HttpRequest, object_id: str, version: int) -> HttpResponse:
        """The address that simple-history reverts at: here it leads to what the version changed."""
        record = self._seen(request, object_id)
        number = Past(self.model, [record.pk]).numbers(record.pk).get(version)
        if number is None:
            raise Http404
        compared = f"?antes={max(1, number - 1)}&despues={number}"
        return redirect(self.address("compare", record.pk) + compared)

    # Compare

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        record = self._seen(request, object_id)
        return self._compare(request, record, *self._chosen_versions(request, record))

    def _chosen_versions(self, request: HttpRequest, record: Record) -> tuple[int, int]:
        """Numbers of versions; by themselves, the last one and that before."""
        last = record.history.count()
        texts = [request.GET.get(n, str(d)) for n, d in (("antes", last - 1), ("despues", last))]
        if not all(map(is_key, texts)):
            raise Http404
        before, after = (int(text) for text in texts)
        if not (1 <= max(before, 1) <= last and 1 <= after <= last):
            raise Http404
        return max(before, 1), after

    def _compared(self, past: Past, old: Any, new: Any) -> tuple[dict, dict]:
        snapshots = past.snapshots([old, new])
        names = Names.of(snapshots.values())
        return tuple(
            self.facts(snapshots[one.history_id], names, one.history_date) for one in (old, new)
        )

    def facts(self, snapshot: Snapshot, names: Names, at: datetime) -> dict[str, Fact]:
        """In the order of the form."""
        order = [*flatten_fieldsets(self.fieldsets or ()), "parts", "state"]
        told = facts(snapshot, names, at)
        names_in_order = sorted(told, key=lambda n: order.index(n) if n in order else len(order))
        return {name: told[name] for name in names_in_order}

    def _compare(
        self, request: HttpRequest, record: Record, before: int, after: int, problem: str = "",
        status: int = 200,
    ) -> HttpResponse:  # fmt: skip
        past = Past(self.model, [record.pk])
        keys = {number: key for key, number in past.numbers(record.pk).items()}
        history = record.history.select_related("history_user")
        versions = history.in_bulk([keys[before], keys[after]])
        old, new = versions[keys[before]], versions[keys[after]]
        old.number, new.number = before, after
        told = self._compared(past, old, new)
        shown = differences(*told)
        if request.GET.get("todos"):
            shown += _unchanged(*told)
        may_restore = self.has_change_permission(request, record) and before != len(keys)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "original": record,
            "title": "Comparar dos versiones", "subtitle": str(record), "old": old, "new": new,
            "differences": shown, "changed": counted(len(differences(*told)), "campo"),
            "same": len(told[1]) - len(differences(*told)), "all": request.GET.get("todos"),
            "last": len(keys), "next": len(keys) + 1, "earlier": before - 1,
            "may_restore": may_restore and old.history_type != "-", "problem": problem,
            "asks_why": record.is_public(), "longest": LONGEST_REASON,
            "opened_on": version_of(record, self.relations()),
            "lost": obstacles(self.model, [*past.snapshots([old]).values()])[0].lost
            if may_restore else (),
        }  # fmt: skip
        return TemplateResponse(request, "admin/record/compare.html", context, status=status)

    # Restore

    def restore_view(self, request: HttpRequest, object_id: str, version: int) -> HttpResponse:
        record = self._seen(request, object_id)
        past = Past(self.model, [record.pk])
        numbers = past.numbers(record.pk)
        if version not in numbers:
            raise Http404
        try:
            with transaction.atomic():
                problem, status = self._restore(request, record, past, version)
        except IntegrityError:
            problem, status = "Alguien guardó al mismo tiempo algo que choca con esto.", 409
        if not problem:
            messages.success(request, f"Se restauró la versión {numbers[version]}.")
            return redirect(self.address("change", record.pk))
        last = len(numbers)
        return self._compare(request, record, numbers[version], last, problem, status)

    def _restore(
        self, request: HttpRequest, record: Record, past: Past, version: int
    ) -> tuple[str, int]:
        """What keeps it from being restored, and the status to say so with."""
        held = hold(self.model, [record.pk]).get(record.pk)
        if held is None:
            return STALE, 409
        if not self.has_change_permission(request, held):
            raise PermissionDenied
        if request.POST.get("opened_on") != version_of(held, self.relations()):
            return STALE, 409
        why = request.POST.get("change_reason", "").strip()[:LONGEST_REASON].replace("\0", "")
        if held.is_public() and not why:
            return WHY, 422
        snapshot = past.snapshots([record.history.get(pk=version)])[version]
        reason = f"Se restauró la versión {past.numbers(record.pk)[version]}" + _colon(why)
        return self._bring_back(request, snapshot, held, reason), 409

    def _bring_back(
        self, request: HttpRequest, snapshot: Snapshot, present: Record | None, reason: str
    ) -> str:
        """What stands in its way, in words; empty when it was done."""
        found = obstacles(self.model, [snapshot])[0]
        other_slug = "otro_identificador" in request.POST
        if words := self.in_the_way(snapshot, found, other_slug):
            return words
        if found.lost and "sin_citas" not in request.POST:
            return "Falta algo: hay citas cuyas palabras ya no están en su fuente."
        try:
            with transaction.atomic():
                restore(snapshot, present, reason, request.user, found.lost, other_slug)
        except ValidationError as error:
            return f"No se puede todavía: {' '.join(error.messages)}"
        return ""

    def in_the_way(self, snapshot: Snapshot, found: Obstacles, other_slug: bool = False) -> str:
        if found.missing:
            return f"No se puede todavía: está en la papelera {'; '.join(found.missing)}."
        if found.slug_taken and not other_slug:
            another = f"otro registro «{self.opts.verbose_name}»"
            return f"No se puede todavía: {another} usa el identificador {snapshot.record.slug}."
        return ""

    # The papelera

    def _deletions(self) -> models.QuerySet:
        """The last version of each record that is not there."""
        history = self.model.history
        gone = history.filter(history_type="-").exclude(id__in=self.model.objects.values("id"))
        last = gone.order_by().values("id").annotate(last=Max("history_id")).values("last")
        return history.filter(history_id__in=last).select_related("history_user")

    def _is_in_trash(self, request: HttpRequest, key: str) -> bool:
        seen = is_key(key) and self.has_view_permission(request)
        return seen and self.model.history.filter(id=key, history_type="-").exists()

    def trash_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._trash(request)

    def _trash(self, request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
        pages = Paginator(self._deletions().order_by("-history_date", "-history_id"), TRASH_SHOWN)
        page = pages.get_page(request.GET.get("pagina"))
        past = Past(self.model, {version.id for version in page})
        snapshots = past.snapshots(self._before(list(page), past))
        by_key = {snapshot.record.pk: snapshot for snapshot in snapshots.values()}
        names = Names.of(by_key.values())
        found = obstacles(self.model, list(by_key.values()))
        in_the_way = dict(zip(by_key, found, strict=True))
        rows = [
            self._trash_row(version, by_key[version.id], in_the_way[version.id], names, past)
            for version in page if version.id in by_key
        ]  # fmt: skip
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "page": page, "rows": rows,
            "title": f"Papelera de {self.opts.verbose_name_plural}", "step": "Papelera",
            "may_restore": self.has_add_permission(request), "problem": problem,
            "publishable": issubclass(self.model, Publishable),
        }  # fmt: skip
        return TemplateResponse(request, "admin/record/trash.html", context, status=status)

    def _before(self, deletions: list[Any], past: Past) -> list[Any]:
        """Of each deletion the version before it, which still has its lists."""
        wanted = []
        for deletion in deletions:
            keys = [key for key in past.numbers(deletion.id) if key < deletion.history_id]
            wanted += keys[-1:] or [deletion.history_id]
        return list(self.model.history.filter(history_id__in=wanted))

    def _trash_row(
        self, deletion: Any, snapshot: Snapshot, found: Obstacles, names: Names, past: Past
    ) -> dict[str, Any]:
        with_it = [how_many(len(of), of[0]._meta) for of in [snapshot.parts] if of]
        for name, keys in snapshot.lists.items():
            kind = self.model._meta.get_field(name).related_model
            named = ", ".join(names.get(kind, key) for key in keys)
            with_it += [f"{how_many(len(keys), kind._meta)}: {named}"] if keys else []
        return {
            "version": deletion, "title": title_of(deletion), "with_it": with_it,
            "count": counted(len(past.numbers(deletion.id)), "versión", "versiones", feminine=True),
            "in_the_way": self.in_the_way(snapshot, found), "lost": len(found.lost),
            "slug_taken": found.slug_taken and not found.missing,
        }  # fmt: skip

    def untrash_view(self, request: HttpRequest, version: int) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        try:
            with transaction.atomic():
                deletion = self._deletions().filter(history_id=version).first()
                if deletion is None:
                    messages.info(request, "Ya no está en la papelera.")
                    return redirect(self.address("trash"))
                past = Past(self.model, [deletion.id])
                last = self._before([deletion], past)[0]
                snapshot = past.snapshots([last])[last.history_id]
                why = "Se restauró de la papelera"
                problem = self._bring_back(request, snapshot, None, why)
        except IntegrityError:
            problem = "Alguien guardó al mismo tiempo algo que choca con esto."
        if problem:
            return self._trash(request, problem, 409)
        messages.success(request, f"Se restauró «{title_of(last)}».")
        return redirect(self.address("change", last.id))


def _unchanged(before: dict[str, Fact], after: dict[str, Fact]) -> list[Any]:
    return [difference(before[name], fact) for name, fact in after.items() if before[name] == fact]


def _colon(why: str) -> str:
    return f": {why}" if why else ""
