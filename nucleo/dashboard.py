"""The menu of the admin, and its front page: what needs a person's attention, and the latest
changes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby, islice
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, F, Max, Min, Model, Q, Value
from django.db.models.functions import TruncMinute
from django.urls import reverse
from django.utils.text import Truncator

from dates.edtf import in_words
from desk.reading import FactKey, Reading
from editing.admin import RecordAdmin
from editing.filters import ConditionFilter
from exchange.models import Receipt
from organizations.models import Membership, Organization, RepresentationTerm
from record.publishing import Publishable
from sources.models import Source, supported_model
from timeline.models import Event, Statement

MAX_TERMS, MAX_SOURCES, MAX_CHANGES, MAX_VERSIONS = 200, 10, 10, 1000
GROUPS = MEND, PUBLISH, UNSAID, USE = (
    "Por arreglar",
    "Por publicar",
    "Lo que la fuente no deja saber (no es un error)",
    "Por aprovechar",
)
WITHOUT_DATE = "Si la fuente no la dice, déjelos así: el sitio dirá [ la fuente no lo dice ]."
CHECKS = {
    ("citas", "sin"): (MEND, "sin ninguna cita", "El sitio no puede mostrar de dónde salen.",
                       "Poner las citas"),
    ("citas", "ocultas"): (MEND, "a la vista sin una cita que se vea",
                           "Sus citas son de fuentes que no son públicas.", "Ver cuáles"),
    ("citas", "fechas"): (MEND, "a la vista con una fecha sin cita",
                          "El sitio dice [ sin cita todavía ] junto a ella.", "Ver cuáles"),
    ("estado", "borrador"): (PUBLISH, "en borrador", "", "Terminar o publicar"),
    ("estado", "programado"): (PUBLISH, "con publicación programada", "", "Ver lo programado"),
    ("fecha", "sin"): (UNSAID, "sin fecha", WITHOUT_DATE, "Ver cuáles"),
    ("traslape", "posible"): (UNSAID, "que podrían traslaparse",
                              "La fuente no da sus fechas exactas.", "Comparar periodos"),
}  # fmt: skip
"""By parameter and value of a list's filter: group, fact, reason and action of the notice."""
ACT = ("model", "history_type", "history_change_reason", "history_user__username", "minute")


@dataclass(frozen=True)
class Notice:
    """Records that need attention: their number, and the address of the page that lists them."""

    group: str
    count: int
    fact: str
    why: str
    action: str
    url: str
    is_next: bool = False
    """Whether it leads on in a source that is not public."""


SECTIONS = {
    Source: "Fuentes",
    Event: "Acontecimientos",
    Statement: "Pronunciamientos",
    Organization: "Organizaciones",
    Membership: "Membresías",
    RepresentationTerm: "Representación",
    Receipt: "Importaciones",
    User: "Cuentas",
}
"""The menu, in its order."""


def place_of(model: type[Model]) -> int:
    """The place of a model in the menu; models that it leaves out come last."""
    return list(SECTIONS).index(model) if model in SECTIONS else len(SECTIONS)


def counts(models: Iterable[type[Model]]) -> Counter[type[Model]]:
    """Count the rows of each model, in one query."""
    by_label = {model._meta.label: model for model in models}
    queries = [
        model._base_manager.order_by()
        .annotate(label_of_model=Value(label))
        .values("label_of_model")
        .annotate(rows=Count("pk"))
        .values_list("label_of_model", "rows")
        for label, model in by_label.items()
    ]
    rows = queries[0].union(*queries[1:], all=True).order_by() if queries else ()
    return Counter({by_label[label]: count for label, count in rows})


def sections(models: list[dict[str, Any]], path: str) -> list[dict[str, Any]]:
    """Return the links of the menu to the lists that a user may see."""
    addresses = {model["model"]: model["admin_url"] for model in models if model["admin_url"]}
    listed = [model for model in SECTIONS if model in addresses]
    rows = counts(set(listed) - {Receipt, User})
    front = reverse("admin:index")
    links: list[dict[str, Any]] = [
        {"name": "Inicio", "url": front, "current": "page" if path == front else ""}
    ]
    for model in listed:
        url = addresses[model]
        current = "page" if path == url else "true" if path.startswith(url) else ""
        count = None if model in (Receipt, User) else rows[model]
        links.append({"name": SECTIONS[model], "url": url, "current": current, "count": count})
    return links


def notices(admins: list[RecordAdmin]) -> list[Notice]:
    """Return the notices of all models in the order of GROUPS."""
    models = {model_admin.model for model_admin in admins}
    notices = [notice for model_admin in admins for notice in _failed_checks(model_admin)]
    notices += _missing_coalition() if Organization in models else []
    notices += _gaps_in_the_rotation() if RepresentationTerm in models else []
    notices += _work_at_the_desk() if Source in models else []
    return sorted(notices, key=lambda notice: GROUPS.index(notice.group))


def _failed_checks(model_admin: RecordAdmin) -> Iterator[Notice]:
    """Yield a notice for each of the CHECKS with records, which the filters of the list select."""
    for list_filter in model_admin.list_filter:
        if not (isinstance(list_filter, type) and issubclass(list_filter, ConditionFilter)):
            continue
        name = list_filter.parameter_name or ""
        for value, (_label, condition) in list_filter.conditions(model_admin).items():
            if check := CHECKS.get((name, value)):
                yield from _failed_check(model_admin, condition, f"?{name}={value}", *check)


def _failed_check(
    model_admin: RecordAdmin, condition: Q, query: str, group: str, fact: str, why: str, action: str
) -> Iterator[Notice]:
    meta, label = model_admin.opts, model_admin.label
    records = model_admin.model._default_manager.filter(condition)
    figures = records.aggregate(count=Count("pk"), first=Min(label), last=Max(label))
    if count := figures.pop("count"):
        titles = [f"«{Truncator(title).chars(60)}»" for title in dict.fromkeys(figures.values())]
        examples = f"{', '.join(titles)} y {count - 2:,} más" if count > 2 else " y ".join(titles)
        fact = f"{meta.verbose_name if count == 1 else meta.verbose_name_plural} {fact}"
        url = _list_address(model_admin.model) + query
        yield Notice(group, count, fact, f"{examples}. {why}", action, url)


def _noun(count: int, singular: str, plural: str) -> str:
    return singular if count == 1 else plural


def _list_address(model: type[Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _missing_coalition() -> Iterator[Notice]:
    others = Organization.objects.exists()
    if others and not Organization.objects.visible_to(None).coalition():
        why = f"Ninguna organización pública tiene el identificador «{settings.COALITION}»."
        url = _list_address(Organization)
        yield Notice(MEND, 1, "coalición que no se ve", why, "Ver las organizaciones", url)


def _gaps_in_the_rotation() -> Iterator[Notice]:
    """Yield a notice of the stretches of days, from the first term to the last, on which no term is
    certain."""
    terms = RepresentationTerm.objects.filter(role=RepresentationTerm.Role.REPRESENTATIVE)
    periods = [term.period for term in terms[:MAX_TERMS]]
    bounds = [(period.start.last_day, period.end.first_day) for period in periods]
    certain_spans = [(start, end) for start, end in bounds if start and end and start <= end]
    starts = [period.start.first_day for period in periods if period.start.first_day]
    gaps: list[tuple[date, date]] = []
    covered = min(starts, default=None)
    for start, end in sorted(certain_spans):
        if covered and (start - covered).days > 1:
            gaps.append((covered, start - timedelta(days=1)))
        covered = max(covered or end, end)
    if gaps:
        first, last = (in_words(day.isoformat()[:7]) for day in gaps[0])
        fact = f"{_noun(len(gaps), 'tramo', 'tramos')} sin representante seguro"
        why = f"De {first} a {last} no se puede decir quién representaba en una fecha dada."
        url = f"{_list_address(RepresentationTerm)}?role__exact=representative"
        yield Notice(UNSAID, len(gaps), fact, why, "Ver la rotación", url)


def _work_at_the_desk() -> Iterator[Notice]:
    """Yield the unread sentences of each of the latest sources, and what waits for publication."""
    sources = Source.objects.prefetch_related("pending_changes", "factless_sentences")
    readings = [Reading(source) for source in sources.order_by("-updated_at")[:MAX_SOURCES]]
    drafts = _drafts(fact for reading in readings for fact in reading.facts["drafted"])
    for reading in readings:
        source, total, number = reading.source, len(reading.sentences), reading.next_unread()
        is_public = source.publication == "public"
        if number:
            unread = total - reading.read_count
            fact = f"{_noun(unread, 'oración', 'oraciones')} de «{source}» sin usar"
            why = f"La primera: «{Truncator(reading.text(number)).chars(90)}»"
            action = f"Seguir leyendo: oración {number} de {total}"
            url = f"{reverse('admin:sources_source_desk', args=[source.pk])}?o={number}"
            yield Notice(USE, unread, fact, why, action, url, not is_public)
        count = len(drafts & reading.facts["drafted"].keys()) + len(source.pending_changes.all())
        if count:
            fact = f"{_noun(count, 'borrador o cambio', 'borradores y cambios')} de «{source}»"
            why = "La fuente ya es pública." if is_public else "La fuente tampoco es pública."
            url = reverse("admin:sources_source_publish_all", args=[source.pk])
            yield Notice(PUBLISH, count, fact, why, "Revisar y publicar", url)


def _drafts(facts: Iterable[FactKey]) -> set[FactKey]:
    """Return the facts that are drafts of their own."""
    keys = defaultdict(list)
    for name, key in facts:
        keys[name].append(key)
    models = {name: supported_model(name) for name in keys}
    return {
        (name, key)
        for name, model in models.items()
        if issubclass(model, Publishable)
        for key in model.objects.drafts().filter(pk__in=keys[name]).values_list("pk", flat=True)
    }


def recent_changes(admins: list[RecordAdmin]) -> Iterator[dict[str, Any]]:
    """Yield the latest changes: the last version, the number of versions and the model's options.
    Consecutive versions with the same ACT are one change."""
    admin_of = {model_admin.opts.label_lower: model_admin for model_admin in admins}
    versions = [
        model_admin.model.history.order_by()
        .annotate(model=Value(name), label=F(model_admin.label), minute=TruncMinute("history_date"))
        .values("id", "label", "history_date", *ACT)
        for name, model_admin in admin_of.items()
    ] or [Source.history.none()]
    latest = versions[0].union(*versions[1:], all=True).order_by("-history_date")[:MAX_VERSIONS]
    acts = groupby(latest, key=lambda version: [version[name] for name in ACT])
    for _act, group in islice(acts, MAX_CHANGES):
        version, *others = group
        yield version | {"count": 1 + len(others), "opts": admin_of[version["model"]].opts}
