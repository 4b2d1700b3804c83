"""The pages of a record's past: its history with two versions compared, and the papelera. Restoring
is done in the ordinary form; simple-history's own way back asks for no permission to publish."""

from itertools import pairwise
from typing import Any

from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Max, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe

from editing.differences import (
    Fact,
    RecordNames,
    difference,
    differences,
    facts,
    how_many,
    names_in,
)
from editing.snapshots import read_past
from record.publishing import Publishable, Record
from record.text import is_key

VERSIONS_SHOWN, TRASH_SHOWN = 100, 20


class VersionsAdmin:
    object_history_template = "admin/record/history.html"

    def get_urls(self) -> list[URLPattern]:
        name, view = f"{self.opts.app_label}_{self.opts.model_name}", self.admin_site.admin_view
        history, version = require_safe(self.history_view), require_safe(self.version_view)
        return [
            path("papelera/", view(require_safe(self.trash_view)), name=f"{name}_trash"),
            path("<path:object_id>/history/comparar/", view(history), name=f"{name}_compare"),
            path("<path:object_id>/history/<int:version>/", view(version), name=f"{name}_version"),
            *super().get_urls(),
        ]

    def address(self, name: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def page(
        self, request: HttpRequest, name: str, status: int = 200, **context: Any
    ) -> HttpResponse:
        shared = self.admin_site.each_context(request) | {"opts": self.opts, "media": self.media}
        template = f"admin/record/{name}.html"
        return TemplateResponse(request, template, shared | context, status=status)

    # History

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Leads to the papelera if the record is there."""
        key = unquote(object_id)
        record = self.get_object(request, key)
        deletions = self.model.history.filter(history_type="-")
        may_look = record is None and is_key(key) and self.has_view_permission(request)
        if may_look and deletions.filter(id=key).exists():
            return redirect(self.address("trash"))
        context = self._history(record, request) if record else {}
        return super().history_view(request, object_id, context | (extra_context or {}))

    def _history(self, record: Record, request: HttpRequest) -> dict[str, Any]:
        if not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        history = record.history.select_related("history_user")
        compared = self._compared(request, history)
        *versions, old, new = read_past(self.model, [*history[: VERSIONS_SHOWN + 1], *compared])
        told = self._facts_of([*versions, old, new])
        for later, earlier in pairwise(versions):
            later.changes = [c["name"] for c in differences(told[earlier], told[later])]
        changes = differences(told[old], told[new])
        same = [difference(f, f) for name, f in told[new].items() if told[old][name] == f]
        every = bool(request.GET.get("todos"))
        return {
            "versions": versions[:VERSIONS_SHOWN], "count": new.last, "original": record,
            "may_restore": self.has_change_permission(request, record), "subtitle": str(record),
            "title": "Historial", "old": old, "new": new, "all": every, "same": len(same),
            "differences": changes + (same if every else []), "changed": len(changes),
        }  # fmt: skip

    def _compared(self, request: HttpRequest, history: models.QuerySet) -> list[Any]:
        """The versions whose numbers are in the address; else the last two."""
        last = history.count()
        before, after = request.GET.get("antes", last - 1), request.GET.get("despues", last)
        if not (is_key(before) and is_key(after)):
            raise Http404
        numbers = [max(int(before), 1), int(after)]
        if not all(1 <= number <= last for number in numbers):
            raise Http404
        oldest_first = history.order_by("history_id")
        return [oldest_first[number - 1] for number in numbers]

    def version_view(self, request: HttpRequest, object_id: str, version: int) -> HttpResponse:
        """The address where simple-history reverts; here it leads to what the version changed."""
        record = self.get_object(request, unquote(object_id))
        if record is not None and not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        if record is None or not record.history.filter(pk=version).exists():
            raise Http404
        number = record.history.filter(pk__lte=version).count()
        compared = f"?antes={max(1, number - 1)}&despues={number}"
        return redirect(self.address("compare", record.pk) + compared)

    def _facts_of(self, versions: list[Any]) -> dict[Any, dict[str, Fact]]:
        """The facts of each version, in the order of the form."""
        names = names_in(version.snapshot for version in versions)
        fields = [*flatten_fieldsets(self.fieldsets or ()), "parts", "state"]
        order = {name: position for position, name in enumerate(fields)}
        told = {v: facts(v.snapshot, names, v.history_date) for v in versions}
        return {
            version: {name: of[name] for name in sorted(of, key=lambda n: order.get(n, len(order)))}
            for version, of in told.items()
        }

    # The papelera

    def deletions(self) -> models.QuerySet:
        """The last version of each deleted record, with `before`, the key of the version before it,
        which still has its lists."""
        history = self.model.history
        gone = history.filter(history_type="-").exclude(id__in=self.model.objects.values("id"))
        last = gone.order_by().values("id").annotate(last=Max("history_id")).values("last")
        earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
        before = Subquery(earlier.order_by("-history_id").values("history_id")[:1])
        deletions = history.filter(history_id__in=last).select_related("history_user")
        return deletions.annotate(before=Coalesce(before, "history_id"))

    def trash_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        pages = Paginator(self.deletions().order_by("-history_date", "-history_id"), TRASH_SHOWN)
        page = pages.get_page(request.GET.get("pagina"))
        versions = self.model.history.in_bulk([deletion.before for deletion in page])
        names = names_in(v.snapshot for v in read_past(self.model, versions.values()))
        return self.page(
            request, "trash", page=page, step="Papelera",
            title=f"Papelera de {self.opts.verbose_name_plural}",
            rows=[self._trash_row(version, versions[version.before], names) for version in page],
            may_restore=self.has_add_permission(request),
            publishable=issubclass(self.model, Publishable),
        )  # fmt: skip

    def _trash_row(self, deletion: Any, before: Any, names: RecordNames) -> dict[str, Any]:
        snapshot = before.snapshot
        with_it = [how_many(len(of), of[0]._meta) for of in [snapshot.parts] if of]
        for name, keys in snapshot.lists.items():
            model = self.model._meta.get_field(name).related_model
            named = ", ".join(names[model, key] for key in keys)
            with_it += [f"{how_many(len(keys), model._meta)}: {named}"] if keys else []
        return {
            "version": deletion, "with_it": with_it, "count": before.last,
            "restore": self.restore_address(snapshot.record, deletion),
        }  # fmt: skip

    def restore_address(self, record: Record, deletion: Any) -> str:
        """The add form, filled with a deleted record."""
        return f"{self.address('add')}?from={deletion.history_id}"
