"""What the front page of the admin says of the record: what needs somebody, and what changed."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from typing import Any, NamedTuple

from django.contrib.admin import ModelAdmin
from django.db.models import Count, F, Max, Min, Q, Value
from django.db.models.functions import Length
from django.urls import reverse
from django.utils.text import Truncator, capfirst

from organizations.models import RepresentationTerm
from record.admin import RecordAdmin
from record.dates import in_words
from record.filters import ConditionFilter
from record.periods import Period
from sources.models import Citation, Source

TERMS_READ = 200
SOURCES_READ = 10
CHANGES_SHOWN, VERSIONS_READ = 10, 1000
MEND, PUBLISH, UNSAID, USE = (
    "Por arreglar",
    "Por publicar",
    "Lo que la fuente no deja saber (no es un error)",
    "Por aprovechar",
)


class Check(NamedTuple):
    """What to count: the records that the choice `value` of the filter `parameter` would list."""

    group: str
    parameter: str
    value: str
    fact: str
    why: str
    action: str


class Notice(NamedTuple):
    """A row of the table; zeros make none."""

    group: str
    count: int
    fact: str
    why: str
    action: str
    url: str


CHECKS = [
    Check(MEND, "citas", "sin", "sin ninguna cita", "El sitio no puede mostrar de dónde salen.",
          "Poner las citas"),
    Check(PUBLISH, "estado", "borrador", "en borrador", "", "Terminar o publicar"),
    Check(PUBLISH, "estado", "programado", "con publicación programada", "", "Ver lo programado"),
    Check(UNSAID, "fecha", "sin", "sin fecha",
          "Si la fuente no la dice, déjelos así: el sitio dirá [ la fuente no lo dice ].",
          "Ver cuáles"),
    Check(UNSAID, "traslape", "posible", "que podrían traslaparse",
          "La fuente no da sus fechas exactas.", "Comparar periodos"),
]  # fmt: skip


def survey(model_admin: ModelAdmin) -> tuple[int, list[Notice]]:
    """How many records there are, and what of CHECKS is found among them, in one query."""
    checks = list(_checks_of(model_admin))
    label = getattr(model_admin, "label", "pk")
    counts: dict[str, Any] = {"total": Count("pk")}
    for number, (_check, condition) in enumerate(checks):
        counts[f"count_{number}"] = Count("pk", filter=condition)
        counts[f"first_{number}"] = Min(label, filter=condition)
        counts[f"last_{number}"] = Max(label, filter=condition)
    found = model_admin.model._default_manager.aggregate(**counts)
    return found["total"], [
        _notice(model_admin, check, found[f"count_{n}"], found[f"first_{n}"], found[f"last_{n}"])
        for n, (check, _condition) in enumerate(checks)
        if found[f"count_{n}"]
    ]


def _checks_of(model_admin: ModelAdmin) -> Iterator[tuple[Check, Q]]:
    for kind in model_admin.list_filter:
        if isinstance(kind, type) and issubclass(kind, ConditionFilter):
            conditions = kind.conditions(model_admin)
            for check in CHECKS:
                if check.parameter == kind.parameter_name and check.value in conditions:
                    yield check, conditions[check.value][1]


def _notice(model_admin: ModelAdmin, check: Check, count: int, first: str, last: str) -> Notice:
    meta = model_admin.opts
    names = [f"«{Truncator(name).chars(60)}»" for name in dict.fromkeys((first, last))]
    shown = ", ".join(names) + f" y {count - 2} más" if count > 2 else " y ".join(names)
    return Notice(
        check.group,
        count,
        f"{_plural(count, meta.verbose_name, meta.verbose_name_plural)} {check.fact}",
        f"{shown}. {check.why}",
        check.action,
        f"{_list_of(meta)}?{check.parameter}={check.value}",
    )


def _plural(count: int, one: str, several: str) -> str:
    return one if count == 1 else several


def _list_of(meta: Any) -> str:
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def gaps_in_the_rotation() -> Iterator[Notice]:
    """Stretches, from the first day that any term may have begun to the last that one certainly
    held, on which nobody certainly was the representative."""
    terms = RepresentationTerm.objects.filter(role=RepresentationTerm.Role.REPRESENTATIVE)
    if gaps := list(_gaps([term.period for term in terms[:TERMS_READ]])):
        first, last = (in_words(day.isoformat()[:7]) for day in gaps[0])
        yield Notice(
            UNSAID,
            len(gaps),
            f"{_plural(len(gaps), 'tramo', 'tramos')} sin representante seguro",
            f"De {first} a {last} no se puede decir quién representaba en una fecha dada.",
            "Ver la rotación",
            f"{_list_of(RepresentationTerm._meta)}?role__exact=representative",
        )


def _gaps(periods: list[Period]) -> Iterator[tuple[date, date]]:
    spans = [(period.start.last_day, period.end.first_day) for period in periods]
    certain = sorted((start, end) for start, end in spans if start and end and start <= end)
    starts = [period.start.first_day for period in periods if period.start.first_day]
    covered = min(starts, default=None)
    for start, end in certain:
        if covered and (start - covered).days > 1:
            yield covered, start - timedelta(days=1)
        covered = max(covered or end, end)


def unused_sentences() -> Iterator[Notice]:
    quoted = defaultdict(list)
    sources = list(Source.objects.order_by("-updated_at")[:SOURCES_READ])
    spans = Citation.objects.filter(source__in=sources).order_by().distinct()
    for source_id, position, length in spans.values_list("source_id", "position", Length("exact")):
        quoted[source_id].append((position, position + length))
    for source in sources:
        passages = source.passages
        if unused := passages.unused(quoted[source.pk]):
            first = passages.text[unused[0].start : unused[0].end]
            yield Notice(
                USE,
                len(unused),
                f"{_plural(len(unused), 'oración', 'oraciones')} de «{source}» sin usar",
                f"La primera: «{Truncator(first).chars(90)}»",
                "Leerlas en la fuente",
                f"{source.get_absolute_url()}#p{passages.block_number(unused[0].start)}",
            )


def in_order(notices: list[Notice], admins: list[ModelAdmin]) -> list[Notice]:
    """All notices by group: those of the lists, and those that take the texts and terms to see."""
    seen, found = {model_admin.model for model_admin in admins}, [*notices]
    if RepresentationTerm in seen:
        found += gaps_in_the_rotation()
    if Source in seen:
        found += unused_sentences()
    return sorted(found, key=lambda notice: (MEND, PUBLISH, UNSAID, USE).index(notice.group))


# What changed


class Change(NamedTuple):
    """What somebody did at one moment: to one record, or the same to several of a kind."""

    kind: str  # `+`, `~` or `-`
    title: str
    url: str
    what: str
    who: str
    when: datetime


ACTS = {
    "+": ("se agregó", "se agregaron"),
    "~": ("se cambió", "se cambiaron"),
    "-": ("se movió a la papelera", "se movieron a la papelera"),
}
_ACT = ("of", "history_type", "history_change_reason", "history_user__username")


def recent_changes(admins: list[RecordAdmin]) -> list[Change]:
    """The latest acts on records of any kind, in one query."""
    kinds = {model_admin.opts.label_lower: model_admin for model_admin in admins}
    versions = [
        model_admin.model.history.order_by()
        .annotate(of=Value(kind), label=F(model_admin.label))
        .values("id", "label", "history_date", *_ACT)
        for kind, model_admin in kinds.items()
    ]
    latest = versions[0].union(*versions[1:], all=True) if versions else Source.history.none()
    acts = groupby(latest.order_by("-history_date")[:VERSIONS_READ], key=_act)
    return [_change([*act], kinds[key[0]]) for key, act in islice(acts, CHANGES_SHOWN)]


def _act(version: dict[str, Any]) -> tuple:
    minute = version["history_date"].replace(second=0, microsecond=0)
    return *(version[name] for name in _ACT), minute


def _change(versions: list[dict[str, Any]], model_admin: RecordAdmin) -> Change:
    first, meta = versions[0], model_admin.opts
    kind, several = first["history_type"], len(versions) > 1
    title, url = Truncator(first["label"]).chars(90), _list_of(meta)
    if several:
        title = f"{len(versions)} {meta.verbose_name_plural}"
    elif kind == "-":
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_trash")
    else:
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[first["id"]])
    what = (capfirst(meta.verbose_name), ACTS[kind][several], first["history_change_reason"])
    who = first["history_user__username"] or ""
    return Change(kind, title, url, " · ".join(filter(None, what)), who, first["history_date"])
