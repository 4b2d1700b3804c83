"""The rotation: its gaps and overlaps in words, and the rows of its charts."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from django.utils.text import capfirst

from dates.edtf import EDTF, between, of, parse
from dates.periods import Period
from dates.text import by_sources
from organizations.charts import rotation_chart, zoom_chart
from organizations.models import Membership, Organization, RepresentationTerm
from organizations.succession import are_joint, one_of_each_place, set_partners
from record import pages
from record.charts import Chart, Row
from record.pages import listed
from record.proof import marked, missing_proof
from sources.quotes import of_passages

GAPS_SHOWN = HERO = 12
Role = RepresentationTerm.Role


def gaps(periods: Iterable[Period], role: str, founding: str = "") -> list[str]:
    """Sentences about the stretches without a certain holder of the role: from the founding, if it
    is known, to the first certain period, between certain periods, and after the latest end."""
    periods = list(periods)
    certain = [period for period in periods if period.certain_days]
    certain.sort(key=lambda period: period.start.latest)
    if not certain:
        return [f"De ningún día consta quién era {role}."] if periods else []
    first, until = certain[0].start, certain[0].end
    if founding:
        is_apart = founding != first.upper and parse(founding).earliest < first.latest
        sentences = [_between(founding, first.upper, role)] * is_apart
    else:
        sentences = [_before(periods, first, role)]
    for period in certain[1:]:
        if _leaves_a_gap(until, period.start):
            sentences.append(_between(until.lower, period.start.upper, role))
        until = max(until, period.end, key=lambda end: end.earliest)
    silence = by_sources(", la fuente calla", ", las fuentes callan")
    silence = silence if until.kind == "after" else f" no consta quién era {role}"
    return [*sentences, f"Después {of(until.lower)}{silence}."][:GAPS_SHOWN]


def _leaves_a_gap(end: EDTF, start: EDTF) -> bool:
    """Whether more than a day lies between the two, in different months."""
    if not start.last_day or not end.first_day:
        return False
    days_between = (start.last_day - end.first_day).days - 1
    return days_between > 0 and end.earliest[:7] != start.latest[:7]


def _before(periods: list[Period], first: EDTF, role: str) -> str:
    """The gap before the first certain day, from the earliest bound."""
    bounded = [period.start for period in periods if period.start.lower]
    earliest = min(bounded, key=lambda start: start.earliest, default=EDTF())
    if earliest.lower and earliest.earliest < first.earliest:
        return _between(earliest.lower, first.upper, role)
    return f"Antes {of(first.upper)} no consta quién era {role}."


def _between(lower: str, upper: str, role: str) -> str:
    stretch = f"dentro {of(lower)}" if lower == upper else between(lower, upper)
    return f"{capfirst(stretch)} no consta, de ningún día, quién era {role}."


def overlaps(terms: list[RepresentationTerm]) -> list[str]:
    """Sentences about terms of a role that may have overlapped by more than the month of a
    hand-over."""
    runs: list[list[RepresentationTerm]] = []
    until = ""
    for term in sorted(terms, key=lambda term: (term.role, term.start_earliest)):
        is_new = not runs or runs[-1][0].role != term.role
        if is_new or term.start_earliest[:7] >= until[:7]:
            runs.append([])
            until = ""
        runs[-1].append(term)
        until = max(until, term.end_latest)
    return [_sharing(run) for run in runs if not all(are_joint(run[0], t) for t in run[1:])]


def _sharing(terms: list[RepresentationTerm]) -> str:
    names = listed(term.organization for term in sorted(terms, key=lambda t: t.order or 0))
    same = len({(term.start, term.end) for term in terms}) == 1
    room = "comparten un mismo tramo posible" if same else "tienen tramos posibles que coinciden"
    ordered = all(term.order for term in terms)
    order = by_sources("la fuente no los separa", "las fuentes no los separan")
    if ordered:
        order = by_sources("la fuente da su orden", "las fuentes dan su orden")
        order += ", no cuándo termina una y empieza otra"
    return f"{names} {room}: {order}."


def notes(records: Iterable[Membership | RepresentationTerm]) -> list[tuple[str, str]]:
    """The notes without repetition, each after the names of its organizations."""
    about: dict[str, list[str]] = {}
    for record in records:
        if note := record.note.removeprefix("Nota nuestra:").strip():
            about.setdefault(capfirst(note), []).append(str(record.organization))
    return [(listed(names), note) for note, names in about.items()]


def rows(terms: list[RepresentationTerm], close: bool = False) -> list[Row]:
    """«5.º Alfa», «Co-representante: Beta»; for the chart seen `close`, «Alfa», «Beta (co-)»."""
    rows = []
    for term in one_of_each_place(_in_time(terms)):
        name, second = listed(term.holders), term.role == Role.CO_REPRESENTATIVE
        if close:
            name += " (co-)" if second else ""
        else:
            place = f"{term.order}.º " if term.order else ""
            name = f"{place}{'Co-representante: ' if second else ''}{name}"
        name += " (interina)" if term.interim else ""
        row = Row(marked(name, term), term.period, second=second, contested=term.contested)
        row.ordered = bool(term.order)
        rows.append(row)
    return rows


def _in_time(terms: list[RepresentationTerm]) -> list[RepresentationTerm]:
    """By role and order; a term without an order after the last term that begins before it."""

    def place(term: RepresentationTerm) -> tuple[bool, int, bool, str]:
        earlier = (
            other.order or 0
            for other in terms
            if other.role == term.role and other.start_earliest <= term.start_earliest
        )
        is_second, has_order = term.role != Role.REPRESENTATIVE, term.order is not None
        return is_second, term.order or max(earlier), not has_order, term.start_earliest

    return sorted(terms, key=place)


def hero(terms: list[RepresentationTerm], until: EDTF) -> Chart | None:
    """The chart of the front page, of the terms that end last."""
    chart = rotation_chart(rows(terms[:HERO]), until)
    if chart and len(terms) > HERO:
        chart.note = f"Los {pages.in_words(HERO)} periodos más recientes."
    return chart


def _proven(term: RepresentationTerm) -> Period:
    """The period of a term; unknown if it lacks proof."""
    return Period() if missing_proof(term) else term.period


def is_dated(term: RepresentationTerm) -> bool:
    """Whether a source says when the term began."""
    return term.period.start.is_exact and not missing_proof(term, "start")


def lead(terms: list[RepresentationTerm]) -> str:
    """Sentences: whom the source names as representatives, in which order and since when, and whom
    as co-representatives."""
    first = [term for term in terms if term.role == Role.REPRESENTATIVE]
    second = [term.organization for term in terms if term.role == Role.CO_REPRESENTATIVE]
    words = _in_order(first) if first else ""
    if second:
        names = by_sources("nombra", "nombran")
        words += f" Como co-representante {names} a {listed(second)}."
    return words.strip()


def _in_order(terms: list[RepresentationTerm]) -> str:
    dated = [term.organization for term in terms if is_dated(term)]
    names, say = _named(terms), by_sources("dice", "dicen")
    source = by_sources("la fuente", "las fuentes")
    if len(dated) == len(terms):
        since = f"{say} desde cuándo{' cada una' if terms[1:] else ''}"
        return f"{names} y {since}." if names else f"{capfirst(source)} {since}."
    since = f"solo lo {say} de {listed(dated)}" if dated else f"no lo {say}"
    return f"{names}; desde cuándo, {since}." if names else f"Desde cuándo, {source} {since}."


def _named(terms: list[RepresentationTerm]) -> str:
    """«La fuente nombra a las cinco en este orden»; empty if the source orders a single one of
    several."""
    ordered = sum(term.order is not None for term in terms)
    number = pages.in_words(ordered, feminine=True)
    names = by_sources("La fuente nombra", "Las fuentes nombran")
    if len(terms) == 1:
        return f"{names} a {terms[0].organization}"
    if ordered == len(terms):
        return f"{names} a las {number} en este orden"
    none = by_sources("La fuente no da su orden", "Las fuentes no dan su orden")
    some = by_sources("La fuente da", "Las fuentes dan")
    return {0: none, 1: ""}.get(ordered, f"{some} el orden de {number}")


def of_page(terms: list[RepresentationTerm], until: EDTF, whole: bool) -> dict[str, Any]:
    """The context of a page of terms; `whole` if there is no other page."""
    set_partners(terms, terms)
    citations = list(chain(*(term.quotes for term in terms)))
    general = of_passages(c for c in citations if c.field in ("order", "role"))
    passages = {citation.passage for citation in general}
    others = (c for c in citations if c.contradicts or c.passage not in passages)
    return {
        "lead": lead(terms) if whole else "",
        "overlaps": overlaps(terms) if whole else [],
        "notes": notes(terms),
        "rotation_chart": rotation_chart(rows(terms), until),
        "zoom_chart": zoom_chart(rows(terms, close=True), until),
        "general_citations": general,
        "term_citations": of_passages(c for c in others if c not in general),
    }


def of_all(terms: list[RepresentationTerm], coalition: Organization | None) -> dict[str, Any]:
    """The context from the terms of all pages: the number of representatives, the number of
    representatives with a known start, and the gaps."""
    founding = Membership.objects.visible_to(None).founding()
    first = [term for term in terms if term.role == Role.REPRESENTATIVE]
    spoke = {term.organization_id for term in first}
    dated = {term.organization_id for term in first if is_dated(term)}
    sentences = (
        gaps([_proven(term) for term in terms if term.role == role], role.label, founding)
        for role in Role
    )
    return {
        "coalition_name": coalition.with_article if coalition else "la coalición",
        "spoke": len(spoke),
        "dated": len(dated),
        "gaps": sorted(dict.fromkeys(chain(*sentences)), key=lambda s: s.startswith("Después")),
    }
