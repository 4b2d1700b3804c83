"""«Bitácora»: who logged in, published, imported and changed permissions. It is read from the
tables that tell so and has none of its own, so there is nothing in it to edit."""

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

from access.login import page
from access.models import LoginEvent
from editing.admin import RecordAdmin
from exchange.imports import RESOURCES
from exchange.models import Receipt, may_see_receipts
from record.publishing import Publishable
from record.text import is_key

READ = 200
KINDS = {
    "entradas": "Entradas",
    "publicaciones": "Publicaciones",
    "cambios": "Otros cambios del registro",
    "importaciones": "Importaciones",
    "permisos": "Cuentas y permisos",
}
ACTS = {"+": "agregó", "~": "cambió", "-": "movió a la papelera"}


class Line(NamedTuple):
    at: datetime
    strand: str
    id: int
    kind: str
    who: str
    what: str
    about: str = ""
    url: str = ""
    why: str = ""

    @property
    def key(self) -> str:
        return f"{self.at.isoformat()}~{self.strand}~{self.id}"


class Strand(NamedTuple):
    """What one table tells."""

    name: str
    rows: QuerySet
    at: str
    id: str
    line: Callable[[Any], tuple]

    def after(self, key: str) -> Iterator[Line]:
        """Its lines older than the one with that key, the newest first: by moment, and within one
        by strand and number, so that no line is shown twice or skipped."""
        rows = self.rows.order_by(f"-{self.at}", f"-{self.id}")
        if key:
            moment, strand, number = _parts(key)
            before = Q(**{f"{self.at}__lt": moment})
            if self.name > strand:
                before |= Q(**{self.at: moment})
            elif self.name == strand:
                before |= Q(**{self.at: moment, f"{self.id}__lt": number})
            rows = rows.filter(before)
        for row in rows[: READ + 1]:
            yield Line(getattr(row, self.at), self.name, getattr(row, self.id), *self.line(row))


def _parts(key: str) -> tuple[datetime, str, int]:
    moment, _, rest = key.partition("~")
    strand, _, number = rest.partition("~")
    try:
        at = parse_datetime(moment)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not is_key(number) or not 1900 < at.year < 9000:
        raise BadRequest("A key of no line")
    return at, strand, int(number)


@never_cache
def log(request: HttpRequest) -> HttpResponse:
    kind, key = request.GET.get("tipo", ""), request.GET.get("antes", "")
    if kind and kind not in KINDS:
        raise BadRequest("A kind of no line")
    strands = [strand.after(key) for strand in _strands(request, kind)]
    lines = merge(*strands, key=lambda line: (-line.at.timestamp(), line.strand, -line.id))
    shown = list(islice(lines, READ + 1))
    context = {
        "lines": list(_together(shown[:READ])),
        "kinds": KINDS,
        "kind": kind,
        "older": shown[READ - 1].key if len(shown) > READ else "",
        "newest": not key,
    }
    return page(request, "access/log", "Bitácora", **context)


def _together(lines: list[Line]) -> Iterator[tuple[Line, int]]:
    """Lines with how many there are of each: the same act of the same person within a minute."""

    def act(line: Line) -> tuple:
        return line.at.replace(second=0, microsecond=0), line.kind, line.who, line.what, line.why

    for _act, alike in groupby(lines, act):
        first, *others = alike
        yield first, 1 + len(others)


def _strands(request: HttpRequest, kind: str) -> Iterator[Strand]:
    """Those of the kind, and of what the reader may see."""
    user = request.user
    if kind in ("", "entradas") and user.has_perm("access.view_loginevent"):
        yield Strand("entradas", LoginEvent.objects.all(), "at", "id", _entry)
    if kind in ("", "permisos") and user.has_perm("access.view_loginevent"):
        entries = LogEntry.objects.filter(content_type__app_label="auth")
        entries = entries.select_related("user", "content_type")
        yield Strand("permisos", entries, "action_time", "id", _account)
    if kind in ("", "importaciones") and may_see_receipts(user):
        made = Receipt.objects.made().select_related("user").defer("content", "problems", "lost")
        yield Strand("importaciones", made, "made_at", "id", _import)
        undone = made.filter(undone_at__isnull=False).select_related("undone_by")
        yield Strand("importaciones-deshechas", undone, "undone_at", "id", _undo)
    if kind in ("", "publicaciones", "cambios"):
        for model_admin in admin.site._registry.values():
            if isinstance(model_admin, RecordAdmin) and model_admin.has_view_permission(request):
                yield _record(model_admin, kind)


def _entry(event: LoginEvent) -> tuple:
    return "entradas", event.username or "(nadie de aquí)", event.get_kind_display()


def _account(entry: LogEntry) -> tuple:
    what = entry.get_change_message()
    return "permisos", entry.user.get_username(), what, entry.object_repr, entry.get_admin_url()


def _import(receipt: Receipt) -> tuple:
    table = RESOURCES[receipt.resource].model._meta.verbose_name_plural
    what = f"importó {table}: {receipt.new} nuevos, {receipt.changed} modificados"
    who = receipt.user.get_username() if receipt.user else ""
    return "importaciones", who, what, receipt.file_name, receipt.get_absolute_url()


def _undo(receipt: Receipt) -> tuple:
    who = receipt.undone_by.get_username() if receipt.undone_by else ""
    what = "deshizo una importación"
    return "importaciones", who, what, receipt.file_name, receipt.get_absolute_url()


def _record(model_admin: RecordAdmin, kind: str) -> Strand:
    """Versions, but for those of imports, which have their receipt."""
    model, meta = model_admin.model, model_admin.opts
    versions = model.history.filter(history_receipt=None).select_related("history_user")
    versions = versions.annotate(label=F(model_admin.label))
    published = issubclass(model, Publishable)
    if published:
        versions = _with_former(model, versions)
        moved = versions.filter(
            _moved("publish_at", "former_start") | _moved("unpublish_at", "former_end")
        )
        if kind == "publicaciones":
            versions = moved
        elif kind == "cambios":
            versions = versions.exclude(pk__in=moved.values("pk"))
    elif kind == "publicaciones":
        versions = versions.none()

    def line(version: Any) -> tuple:
        what = published and _publication(version)
        who = version.history_user.get_username() if version.history_user else "(el sistema)"
        words = [what or ACTS[version.history_type], meta.verbose_name]
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_history", args=[version.id])
        about = Truncator(version.label).chars(90)
        why = version.history_change_reason or ""
        return "publicaciones" if what else "cambios", who, " ".join(words), about, url, why

    return Strand(f"registro-{meta.model_name}", versions, "history_date", "history_id", line)


def _with_former(model: type[Publishable], versions: QuerySet) -> QuerySet:
    earlier = model.history.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
    earlier = earlier.order_by("-history_id")
    return versions.annotate(
        former_start=Subquery(earlier.values("publish_at")[:1]),
        former_end=Subquery(earlier.values("unpublish_at")[:1]),
    )


def _moved(now: str, former: str) -> Q:
    """Whether that moment is another one than in the version before."""
    return (
        Q(**{f"{now}__isnull": True, f"{former}__isnull": False})
        | Q(**{f"{now}__isnull": False, f"{former}__isnull": True})
        | Q(**{f"{now}__lt": F(former)})
        | Q(**{f"{now}__gt": F(former)})
    )


def _publication(version: Any) -> str:
    """What was done to when the record is public, if anything."""
    if version.publish_at != version.former_start:
        if version.publish_at is None:
            return "devolvió a borrador"
        return "publicó" if version.publish_at <= version.history_date else "programó"
    if version.unpublish_at != version.former_end:
        if version.unpublish_at is None:
            return "quitó el retiro"
        return "retiró" if version.unpublish_at <= version.history_date else "programó el retiro"
    return ""
