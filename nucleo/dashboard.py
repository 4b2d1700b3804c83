"""The front page of the admin: what needs a person's attention, and the latest changes."""

from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby, islice
from typing import Any

from django.contrib.admin.templatetags.admin_urls import admin_urlname
from django.db.models import Count, F, Max, Min, Model, Q, Value
from django.db.models.functions import TruncMinute
from django.urls import reverse
from django.utils.text import Truncator

from dates.edtf import in_words
from editing.admin import RecordAdmin
from organizations.models import RepresentationTerm
from sources.models import Source

TERMS_READ, SOURCES_READ, CHANGES_SHOWN, VERSIONS_READ = 200, 10, 10, 1000
GROUPS = MEND, PUBLISH, UNSAID, USE = (
    "Por arreglar",
    "Por publicar",
    "Lo que la fuente no deja saber (no es un error)",
    "Por aprovechar",
)
WITHOUT_DATE = "Si la fuente no la dice, déjelos así: el sitio dirá [ la fuente no lo dice ]."
# By parameter and value of a list's filter: group, fact, reason, action.
CHECKS = {
    ("citas", "sin"): (MEND, "sin ninguna cita", "El sitio no puede mostrar de dónde salen.",
                       "Poner las citas"),
    ("estado", "borrador"): (PUBLISH, "en borrador", "", "Terminar o publicar"),
    ("estado", "programado"): (PUBLISH, "con publicación programada", "", "Ver lo programado"),
    ("fecha", "sin"): (UNSAID, "sin fecha", WITHOUT_DATE, "Ver cuáles"),
    ("traslape", "posible"): (UNSAID, "que podrían traslaparse",
                              "La fuente no da sus fechas exactas.", "Comparar periodos"),
}  # fmt: skip
ACT = ("model", "history_type", "history_change_reason", "history_user__username", "minute")
Notice = namedtuple("Notice", "group count fact why action url")


def notices(admins: list[RecordAdmin]) -> list[Notice]:
    """Return the notices of all models in the order of GROUPS."""
    models = {model_admin.model for model_admin in admins}
    found = [notice for model_admin in admins for notice in _failed_checks(model_admin)]
    found += _gaps_in_the_rotation() if RepresentationTerm in models else []
    found += _unused_sentences() if Source in models else []
    return sorted(found, key=lambda notice: GROUPS.index(notice.group))


def _failed_checks(model_admin: RecordAdmin) -> Iterator[Notice]:
    """Count what the filters of the model's list choose."""
    for kind in model_admin.list_filter:
        conditions = kind.conditions(model_admin) if hasattr(kind, "conditions") else {}
        for value, (_words, condition) in conditions.items():
            if check := CHECKS.get((kind.parameter_name, value)):
                query = f"?{kind.parameter_name}={value}"
                yield from _counted(model_admin, condition, query, *check)


def _counted(
    model_admin: RecordAdmin, condition: Q, query: str, group: str, fact: str, why: str, action: str
) -> Iterator[Notice]:
    meta, label = model_admin.opts, model_admin.label
    records = model_admin.model._default_manager.filter(condition)
    found = records.aggregate(count=Count("pk"), first=Min(label), last=Max(label))
    if count := found.pop("count"):
        titles = [f"«{Truncator(title).chars(60)}»" for title in dict.fromkeys(found.values())]
        shown = f"{', '.join(titles)} y {count - 2} más" if count > 2 else " y ".join(titles)
        fact = f"{_noun(count, meta.verbose_name, meta.verbose_name_plural)} {fact}"
        url = _list_address(model_admin.model) + query
        yield Notice(group, count, fact, f"{shown}. {why}", action, url)


def _noun(count: int, singular: str, plural: str) -> str:
    return singular if count == 1 else plural


def _list_address(model: type[Model]) -> str:
    return reverse(admin_urlname(model._meta, "changelist"))


def _gaps_in_the_rotation() -> Iterator[Notice]:
    """Count the stretches of days between the first term and the last without a certain term."""
    terms = RepresentationTerm.objects.filter(role=RepresentationTerm.Role.REPRESENTATIVE)
    periods = [term.period for term in terms[:TERMS_READ]]
    spans = [(period.start.last_day, period.end.first_day) for period in periods]
    starts = [period.start.first_day for period in periods if period.start.first_day]
    gaps, covered = [], min(starts, default=None)
    for start, end in sorted(span for span in spans if all(span) and span[0] <= span[1]):
        if covered and (start - covered).days > 1:
            gaps.append((covered, start - timedelta(days=1)))
        covered = max(covered or end, end)
    if gaps:
        first, last = (in_words(day.isoformat()[:7]) for day in gaps[0])
        fact = f"{_noun(len(gaps), 'tramo', 'tramos')} sin representante seguro"
        why = f"De {first} a {last} no se puede decir quién representaba en una fecha dada."
        url = f"{_list_address(RepresentationTerm)}?role__exact=representative"
        yield Notice(UNSAID, len(gaps), fact, why, "Ver la rotación", url)


def _unused_sentences() -> Iterator[Notice]:
    latest = Source.objects.order_by("-updated_at")[:SOURCES_READ]
    for source in latest.prefetch_related("citations"):
        passages = source.passages
        if unused := passages.unused({citation.span for citation in source.citations.all()}):
            start, end, _kind = unused[0]
            fact = f"{_noun(len(unused), 'oración', 'oraciones')} de «{source}» sin usar"
            why = f"La primera: «{Truncator(passages.text[start:end]).chars(90)}»"
            url = f"{source.get_absolute_url()}#p{passages.block_number(start)}"
            yield Notice(USE, len(unused), fact, why, "Leerlas en la fuente", url)


def recent_changes(admins: list[RecordAdmin]) -> Iterator[dict[str, Any]]:
    """Yield the latest changes: the last version of each, their number and the model's options.
    Versions with the same ACT follow each other and are one change."""
    admin_of = {model_admin.opts.label_lower: model_admin for model_admin in admins}
    versions = [
        model_admin.model.history.order_by()
        .annotate(model=Value(name), label=F(model_admin.label), minute=TruncMinute("history_date"))
        .values("id", "label", "history_date", *ACT)
        for name, model_admin in admin_of.items()
    ] or [Source.history.none()]
    latest = versions[0].union(*versions[1:], all=True).order_by("-history_date")[:VERSIONS_READ]
    acts = groupby(latest, key=lambda version: [version[name] for name in ACT])
    for _act, group in islice(acts, CHANGES_SHOWN):
        version, *others = group
        yield version | {"count": 1 + len(others), "opts": admin_of[version["model"]].opts}
