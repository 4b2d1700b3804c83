"""«Bitácora»: logins, publications, other changes, imports and changes of accounts.

The log has no table. It merges the tables that hold these events, so that nothing in it can be
edited.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from heapq import merge
from itertools import groupby, islice
from typing import Any, NamedTuple

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import BadRequest
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.text import Truncator
from django.views.decorators.cache import never_cache

from access.models import LoginEvent
from access.views import admin_page
from editing.admin import RecordAdmin
from exchange.imports import RESOURCES
from exchange.models import Receipt, may_see_receipts
from record.publishing import Publishable
from record.text import is_key

PAGE_LINES = 200
KINDS = {
    "entradas": "Entradas",
    "publicaciones": "Publicaciones",
    "cambios": "Otros cambios del registro",
    "importaciones": "Importaciones",
    "permisos": "Cuentas y permisos",
}
VERBS = {"+": "agregó", "~": "cambió", "-": "movió a la papelera"}


class Line(NamedTuple):
    at: datetime
    source: str
    id: int
    kind: str
    who: str
    what: str
    about: str = ""
    url: str = ""
    why: str = ""

    @property
    def key(self) -> str:
        """Return the line's place in the order of the log, for the address of the next page."""
        return f"{self.at.isoformat()}~{self.source}~{self.id}"


class LineSource(NamedTuple):
    """A table that holds lines of the log. `at` and `id` name its columns, and `describe` returns
    the rest of a row's Line, from `kind` on."""

    name: str
    rows: QuerySet
    at: str
    id: str
    describe: Callable[[Any], tuple[str, ...]]

    def lines_after(self, key: str) -> Iterator[Line]:
        """Yield the lines that follow the line with this key, or all lines, the newest first.
        Lines of one moment are ordered by source and number, so that pages neither repeat nor skip
        a line."""
        rows = self.rows.order_by(f"-{self.at}", f"-{self.id}")
        if key:
            moment, source, number = _parse_key(key)
            before = Q(**{f"{self.at}__lt": moment})
            if self.name > source:
                before |= Q(**{self.at: moment})
            elif self.name == source:
                before |= Q(**{self.at: moment, f"{self.id}__lt": number})
            rows = rows.filter(before)
        for row in rows[: PAGE_LINES + 1]:
            at, number = getattr(row, self.at), getattr(row, self.id)
            yield Line(at, self.name, number, *self.describe(row))


def _parse_key(key: str) -> tuple[datetime, str, int]:
    moment, _, rest = key.partition("~")
    source, _, number = rest.partition("~")
    try:
        at = parse_datetime(moment)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not is_key(number) or not 1900 < at.year < 9000:
        raise BadRequest("A key of no line")
    return at, source, int(number)


@never_cache
def log(request: HttpRequest) -> HttpResponse:
    kind, key = request.GET.get("tipo", ""), request.GET.get("antes", "")
    if kind and kind not in KINDS:
        raise BadRequest("A kind of no line")
    streams = [source.lines_after(key) for source in _sources(request, kind)]
    merged = merge(*streams, key=lambda line: (-line.at.timestamp(), line.source, -line.id))
    lines = list(islice(merged, PAGE_LINES + 1))
    return admin_page(
        request, "access/log", "Bitácora", kinds=KINDS, kind=kind, newest=not key,
        lines=list(_grouped(lines[:PAGE_LINES])),
        older=lines[PAGE_LINES - 1].key if len(lines) > PAGE_LINES else "",
    )  # fmt: skip


def _grouped(lines: list[Line]) -> Iterator[tuple[Line, int]]:
    """Group equal acts of a user within a minute: yield the first line and the number of lines."""

    def act(line: Line) -> tuple[Any, ...]:
        return line.at.replace(second=0, microsecond=0), line.kind, line.who, line.what, line.why

    for _act, group in groupby(lines, act):
        first, *others = group
        yield first, 1 + len(others)


def _sources(request: HttpRequest, kind: str) -> Iterator[LineSource]:
    """Yield the sources of a kind of line, or of all kinds, that the user may see."""
    user = request.user
    if kind in ("", "entradas") and user.has_perm("access.view_loginevent"):
        yield LineSource("entradas", LoginEvent.objects.all(), "at", "id", _login)
    if kind in ("", "permisos") and user.has_perm("access.view_loginevent"):
        entries = LogEntry.objects.filter(content_type__app_label="auth")
        entries = entries.select_related("user", "content_type")
        yield LineSource("permisos", entries, "action_time", "id", _account)
    if kind in ("", "importaciones") and may_see_receipts(user):
        made = Receipt.objects.made().select_related("user").defer("content", "problems", "lost")
        yield LineSource("importaciones", made, "made_at", "id", _import)
        undone = made.filter(undone_at__isnull=False).select_related("undone_by")
        yield LineSource("importaciones-deshechas", undone, "undone_at", "id", _undo)
    if kind in ("", "publicaciones", "cambios"):
        for model_admin in admin.site._registry.values():
            if isinstance(model_admin, RecordAdmin) and model_admin.has_view_permission(request):
                yield _versions(model_admin, kind)


def _login(event: LoginEvent) -> tuple[str, ...]:
    return "entradas", event.username or "(nadie de aquí)", event.get_kind_display()


def _account(entry: LogEntry) -> tuple[str, ...]:
    who, what = entry.user.get_username(), entry.get_change_message()
    return "permisos", who, what, entry.object_repr, entry.get_admin_url() or ""


def _import(receipt: Receipt) -> tuple[str, ...]:
    table = RESOURCES[receipt.resource].model._meta.verbose_name_plural
    what = f"importó {table}: {receipt.new} nuevos, {receipt.changed} modificados"
    who = receipt.user.get_username() if receipt.user else ""
    return "importaciones", who, what, receipt.file_name, receipt.get_absolute_url()


def _undo(receipt: Receipt) -> tuple[str, ...]:
    who = receipt.undone_by.get_username() if receipt.undone_by else ""
    what = "deshizo una importación"
    return "importaciones", who, what, receipt.file_name, receipt.get_absolute_url()


def _versions(model_admin: RecordAdmin, kind: str) -> LineSource:
    """Return the versions of a model, except the versions of imports, whose receipts are logged."""
    model, meta = model_admin.model, model_admin.opts
    versions = model.history.filter(history_receipt=None).select_related("history_user")
    versions = versions.annotate(label=F(model_admin.label))
    is_publishable = issubclass(model, Publishable)
    if is_publishable:
        versions = _with_former(model, versions)
        publications = versions.filter(
            _differs("publish_at", "former_start") | _differs("unpublish_at", "former_end")
        )
        if kind == "publicaciones":
            versions = publications
        elif kind == "cambios":
            versions = versions.exclude(pk__in=publications.values("pk"))
    elif kind == "publicaciones":
        versions = versions.none()

    def describe(version: Any) -> tuple[str, ...]:
        publication = _publication(version) if is_publishable else ""
        who = version.history_user.get_username() if version.history_user else "(el sistema)"
        what = f"{publication or VERBS[version.history_type]} {meta.verbose_name}"
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_history", args=[version.id])
        about = Truncator(version.label).chars(90)
        why = version.history_change_reason or ""
        return "publicaciones" if publication else "cambios", who, what, about, url, why

    name = f"registro-{meta.model_name}"
    return LineSource(name, versions, "history_date", "history_id", describe)


def _with_former(model: type[Publishable], versions: QuerySet) -> QuerySet:
    """Annotate the publication and the withdrawal of the version before."""
    earlier = model.history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
    earlier = earlier.order_by("-history_id")
    return versions.annotate(
        former_start=Subquery(earlier.values("publish_at")[:1]),
        former_end=Subquery(earlier.values("unpublish_at")[:1]),
    )


def _differs(column: str, former: str) -> Q:
    """Compare two moments of which either may be NULL."""
    return (
        Q(**{f"{column}__isnull": True, f"{former}__isnull": False})
        | Q(**{f"{column}__isnull": False, f"{former}__isnull": True})
        | Q(**{f"{column}__lt": F(former)})
        | Q(**{f"{column}__gt": F(former)})
    )


def _publication(version: Any) -> str:
    """Return the verb for a change of publication or withdrawal, or "" if neither changed."""
    if version.publish_at != version.former_start:
        if version.publish_at is None:
            return "devolvió a borrador"
        return "publicó" if version.publish_at <= version.history_date else "programó"
    if version.unpublish_at != version.former_end:
        if version.unpublish_at is None:
            return "quitó el retiro"
        return "retiró" if version.unpublish_at <= version.history_date else "programó el retiro"
    return ""
