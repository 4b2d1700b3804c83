"""The history of a record, where two versions are compared, and the trash.

The ordinary form restores a version. The package's own view for that is not used: it asks for no
permission to publish.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import Max, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst
from django.views.decorators.http import require_safe

from editing.differences import (
    Fact,
    Titles,
    difference,
    differences,
    facts_of,
    how_many,
    missing_from,
    titles_in,
)
from editing.forms import link, reason_field
from editing.snapshots import Snapshot, parts_of, related_model, with_snapshots
from record.history import replace_lists
from record.proof import without_visible_quote
from record.publishing import Publishable, Record, may_publish
from record.text import is_key

VERSIONS_PER_PAGE, TRASH_PER_PAGE, REFERRERS_SHOWN = 100, 20, 50
WHY = "Algo de esto es público: diga por qué cambia."


class TrashForm(forms.Form):
    """Asks for the reason of a deletion."""

    change_reason = reason_field()

    def __init__(self, data: QueryDict | None, records: Iterable[Record]) -> None:
        super().__init__(data)
        reason = self.fields["change_reason"]
        reason.required = any(record.is_public() for record in records)
        reason.error_messages["required"] = WHY


def may_touch(user: User | AnonymousUser, record: Record | None) -> bool:
    """Users without the permission to publish change drafts only."""
    return record is None or may_publish(user) or record.is_draft()


def restore_before(version: Any, reason: str, user: User) -> bool:
    """Saves the record as it was in the version before, unless a record that it referred to was
    deleted or `user` may not. Raises ValidationError if a citation would break."""
    earlier = version.instance_type.history.filter(id=version.id, history_id__lt=version.pk)
    snapshot = Snapshot.of(earlier.order_by("-history_id")[0])
    record: Any = snapshot.record
    if missing_from(snapshot) or not may_touch(user, record):
        return False
    record.skip_history_when_saving = True
    record.save()
    replace_lists({each: {record.pk: keys} for each, keys in snapshot.lists.items()})
    type(record).versions.write([record.pk], "~", reason, user.pk)
    return True


class VersionsAdmin(admin.ModelAdmin):
    object_history_template = "admin/record/history.html"
    has_trash = True

    def get_urls(self) -> list[Any]:
        name, view = f"{self.opts.app_label}_{self.opts.model_name}", self.admin_site.admin_view
        history, version = require_safe(self.history_view), require_safe(self.version_view)
        return [
            path("abrir/<slug:slug>/", view(require_safe(self.open_view)), name=f"{name}_open"),
            path("papelera/", view(require_safe(self.trash_view)), name=f"{name}_trash"),
            path("<path:object_id>/history/comparar/", view(history), name=f"{name}_compare"),
            path("<path:object_id>/history/<int:version>/", view(version), name=f"{name}_version"),
            *super().get_urls(),
        ]

    def address(self, name: str, *args: Any) -> str:
        """The address of a page of this model: `change`, `trash`."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def page(
        self, request: HttpRequest, name: str, status: int = 200, room: str = "record",
        **context: Any,
    ) -> HttpResponse:  # fmt: skip
        """Renders `admin/<room>/<name>.html`."""
        shared = self.admin_site.each_context(request) | {"opts": self.opts, "media": self.media}
        template = f"admin/{room}/{name}.html"
        return TemplateResponse(request, template, shared | context, status=status)

    def open_view(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Redirects from the address that the public page of a record links to. The address holds
        no primary key, and answers an anonymous user alike whether the record exists or not."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        records: Any = self.model.objects
        record = records.filter(slug=slug).first() or records.all().moved_from(slug).first()
        if record is None:
            raise Http404
        return redirect(self.address("change", record.pk))

    # History

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirects to the trash if the record is there."""
        key = unquote(object_id)
        record = self.get_object(request, key)
        deletions = self.model.history.filter(history_type="-")
        may_view = record is None and is_key(key) and self.has_view_permission(request)
        if may_view and deletions.filter(id=key).exists():
            return redirect(self.address("trash"))
        context = self._history(record, request) if record else {}
        return super().history_view(request, object_id, context | (extra_context or {}))

    def _history(self, record: Record, request: HttpRequest) -> dict[str, Any]:
        if not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        history = record.history.select_related("history_user")
        compared = self._compared(request, history)
        latest = history[: VERSIONS_PER_PAGE + 1]
        *versions, old, new = with_snapshots(self.model, [*latest, *compared])
        facts_by_version = self._facts([*versions, old, new])
        for later, earlier in pairwise(versions):
            changes = differences(facts_by_version[earlier], facts_by_version[later])
            later.changes = [change["name"] for change in changes]
        with_same = bool(request.GET.get("todos"))
        may_change = self.has_change_permission(request, record)
        return {
            "versions": versions[:VERSIONS_PER_PAGE], "count": new.last, "original": record,
            "may_restore": may_change, "may_change": may_change, "subtitle": str(record),
            "has_delete_permission": self.has_delete_permission(request, record),
            "title": "Historial", "old": old, "new": new,
            **_comparison(facts_by_version[old], facts_by_version[new], with_same),
        }  # fmt: skip

    def _compared(self, request: HttpRequest, history: models.QuerySet) -> list[Any]:
        """The two versions whose numbers are in the address; by default the last two."""
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
        """Redirects to the changes of a version. The package reverts a record at this address."""
        record = self.get_object(request, unquote(object_id))
        if record is not None and not self.has_view_or_change_permission(request, record):
            raise PermissionDenied
        if record is None or not record.history.filter(pk=version).exists():
            raise Http404
        number = record.history.filter(pk__lte=version).count()
        compared = f"?antes={max(1, number - 1)}&despues={number}"
        return redirect(self.address("compare", record.pk) + compared)

    def _facts(self, versions: list[Any]) -> dict[Any, dict[str, Fact]]:
        """The facts of each version, in the order of the form."""
        titles = titles_in(version.snapshot for version in versions)
        fields = [*flatten_fieldsets(self.fieldsets or ()), "parts", "state"]
        position = {name: number for number, name in enumerate(fields)}
        facts_by_version = {}
        for version in versions:
            by_name = facts_of(version.snapshot, titles, version.history_date)
            names = sorted(by_name, key=lambda name: position.get(name, len(position)))
            facts_by_version[version] = {name: by_name[name] for name in names}
        return facts_by_version

    # Trash

    def deletions(self) -> models.QuerySet:
        """The last version of each deleted record. Its `before` is the key of the version before
        it, which still has its lists."""
        history = self.model.history
        deleted = history.filter(history_type="-").exclude(id__in=self.model.objects.values("id"))
        last = deleted.order_by().values("id").annotate(last=Max("history_id")).values("last")
        earlier = history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
        before = Subquery(earlier.order_by("-history_id").values("history_id")[:1])
        deletions = history.filter(history_id__in=last).select_related("history_user")
        return deletions.annotate(before=Coalesce(before, "history_id"))

    def trash_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        deletions = self.deletions().order_by("-history_date", "-history_id")
        page = Paginator(deletions, TRASH_PER_PAGE).get_page(request.GET.get("pagina"))
        versions = self.model.history.in_bulk([deletion.before for deletion in page])
        snapshots = [v.snapshot for v in with_snapshots(self.model, versions.values())]
        titles = titles_in(snapshots)
        return self.page(
            request, "trash", page=page, step="Papelera",
            title=f"Papelera de {self.opts.verbose_name_plural}",
            rows=[self._trash_row(version, versions[version.before], titles) for version in page],
            may_restore=self.has_add_permission(request),
            publishable=issubclass(self.model, Publishable),
        )  # fmt: skip

    def _trash_row(self, deletion: Any, before: Any, titles: Titles) -> dict[str, Any]:
        snapshot = before.snapshot
        parts = snapshot.parts
        related = [how_many(len(parts), parts[0]._meta)] if parts else []
        for each, keys in snapshot.lists.items():
            listed = ", ".join(titles[each.related_model, key] for key in keys)
            related += [f"{capfirst(each.verbose_name)}: {listed}"] if keys else []
        return {
            "version": deletion, "with_it": related, "count": before.last,
            "restore": self.restore_address(snapshot.record, deletion),
        }  # fmt: skip

    def restore_address(self, record: Any, deletion: Any) -> str:
        """The address of the add form, filled with a deleted record."""
        return f"{self.address('add')}?from={deletion.history_id}"

    def _deletion(self, request: HttpRequest, chosen: list[Record]) -> dict[str, Any]:
        """The context of a deletion: counts of the rows that are deleted too, and links to the
        records that prevent it."""
        missing = not all(self.has_delete_permission(request, record) for record in chosen)
        if missing and "confirmed" in request.POST:
            raise PermissionDenied
        counts = {self.opts.verbose_name_plural: len(chosen)}
        for part in parts_of(self.model):
            rows = part.model._base_manager.filter(**{f"{part.foreign_key}__in": chosen})
            counts[part.model._meta.verbose_name_plural] = rows.count()
        return {
            "counts": [(name, count) for name, count in counts.items() if count],
            "missing": missing,
            "bare": [link(fact) for fact in self._left_bare(chosen)],
            "kept": [self._named(request, r) for r in self._referrers(request, chosen)],
        }

    def _named(self, request: HttpRequest, record: Any) -> str:
        """A link to a record, or the kind of a record that the user may not read."""
        model_admin = self.admin_site.get_model_admin(type(record))
        if record.is_public() or model_admin.has_view_permission(request):
            return link(record)
        return f"{capfirst(record._meta.verbose_name)} que usted no puede ver"

    def _left_bare(self, chosen: list[Record]) -> list[Record]:
        """The public facts that lose their last visible quote with the chosen citations."""
        owners = dict.fromkeys(owner for record in chosen for owner in record.owners())
        facts = [o for o in owners if any(self.model is part.model for part in parts_of(type(o)))]
        return without_visible_quote(facts, chosen)

    def _referrers(self, request: HttpRequest, chosen: list[Record]) -> Iterator[models.Model]:
        """The records that refer to these and so prevent their deletion."""
        for relation in self.model._meta.related_objects:
            if relation.on_delete is not models.PROTECT:
                continue
            model, condition = relation.related_model, {f"{relation.field.name}__in": chosen}
            if not self.admin_site.is_registered(model):  # the table of a many-to-many relation
                other = next(f for f in model._meta.fields if f.is_relation and f != relation.field)
                keys = model._base_manager.filter(**condition).values(other.name)
                model, condition = related_model(model, other.name), {"pk__in": keys}
            model_admin = self.admin_site.get_model_admin(model)
            yield from model_admin.get_queryset(request).filter(**condition)[:REFERRERS_SHOWN]


def _comparison(old: dict[str, Fact], new: dict[str, Fact], with_same: bool) -> dict[str, Any]:
    """The rows that compare two versions; `with_same`, fields that did not change too."""
    changes = differences(old, new)
    same = [difference(fact, fact) for name, fact in new.items() if old[name] == fact]
    return {
        "differences": changes + (same if with_same else []),
        "changed": len(changes),
        "same": len(same),
        "all": with_same,
    }
