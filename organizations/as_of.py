"""Memberships and terms on a date: the answers, with the citations that prove them, and the moments
at which they change or may change."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.utils.text import capfirst

from dates.edtf import EDTF, parse
from dates.models import SpanningQuerySet
from dates.periods import (
    Answer,
    Period,
    Reason,
    reason,
)
from dates.text import fold
from organizations import rotation
from organizations.models import Membership, RepresentationTerm
from record.pages import counted, in_words
from sources.models import Citation

ALIKE = ("start_earliest", "start_latest", "end_earliest", "end_latest")
VERBS = {
    "starts": ("empieza", "empiezan"),
    "ends": ("termina", "terminan"),
    "has started": ("a más tardar empieza", "a más tardar empiezan"),
    "has ended": ("a más tardar termina", "a más tardar terminan"),
    "is last seen": ("hasta entonces consta", "hasta entonces constan"),
    "may start": ("pudo empezar desde entonces", "pudieron empezar desde entonces"),
    "may end": ("pudo terminar desde entonces", "pudieron terminar desde entonces"),
}
NOUNS = {
    Membership: ("la membresía de", "membresías"),
    RepresentationTerm: ("el periodo de representación de", "periodos de representación"),
}
TOLD, AROUND = 3, 6
Record = Membership | RepresentationTerm


def tally(counts: dict[Answer, int], noun: str, feminine: bool = False) -> str:
    """«Once membresías: sí, ocho; no determinable, una; no, dos»."""
    total = counted(sum(counts.values()), noun, feminine=feminine)
    parts = (f"{answer.value}, {in_words(count, feminine)}" for answer, count in counts.items())
    return ": ".join(filter(None, (capfirst(total), "; ".join(parts))))


def members(when: EDTF) -> SpanningQuerySet:
    """The public memberships with their answers, those with the same bounds together."""
    memberships = Membership.objects.visible_to(None).on(when)
    memberships = memberships.select_related("organization", "replaces")
    return memberships.order_by("rank", *ALIKE, "organization__name", "slug")


def representatives(when: EDTF) -> SpanningQuerySet:
    """The public terms with their answers, representatives first."""
    terms = RepresentationTerm.objects.visible_to(None).on(when).select_related("organization")
    order = F("order").asc(nulls_last=True)
    return terms.order_by("-role", "rank", *ALIKE, order, "slug")


def groups(records: Iterable[Record], when: EDTF) -> Iterator[dict[str, Any]]:
    """The records that `members` or `representatives` returns, those of one role with the same
    answer for the same reason together. `labels` are the source's words for the bounds of the
    reason; `already` are the citations that an earlier group shows."""
    shown: set[tuple[int, int]] = set()
    for (_role, why, labels), alike in _by_reason(records, when).items():
        if isinstance(alike[0], Membership):
            alike.sort(key=lambda record: fold(str(record.organization)))
        citations = {citation.passage: citation for citation in _bearing(why, alike)}
        first_shown, already = sorted(citations.keys() - shown), sorted(citations.keys() & shown)
        shown |= citations.keys()
        yield {
            "answer": why.answer,
            "words": why.words,
            "labels": labels,
            "records": alike,
            "citations": [citations[passage] for passage in first_shown],
            "already": [citations[passage] for passage in already],
            "notes": _notes(alike),
        }


def _notes(records: list[Record]) -> list[tuple[str, str]]:
    """Each note once, with the names of its organizations unless it is about all."""
    notes = rotation.notes(records)
    is_about_all = len(notes) == 1 and all(record.note for record in records)
    return [("" if is_about_all else names, note) for names, note in notes]


def _by_reason(records: Iterable[Record], when: EDTF) -> dict[tuple, list[Record]]:
    """The records by role, reason, and the source's words for the bounds of the reason."""
    alike = defaultdict(list)
    for record in records:
        why = reason(record.period, when)
        sides = dict.fromkeys(bound.partition("_")[0] for bound in why.bounds)
        labels = (getattr(record, f"{side}_label") for side in sides)
        alike[getattr(record, "role", ""), why, tuple(filter(None, labels))].append(record)
    return alike


def _bearing(why: Reason, records: list[Record]) -> list[Citation]:
    """The citations of the reason's bounds and, unless the answer is «no», of the whole record; all
    citations if there are none of these."""
    every = [c for record in records for c in record.visible_citations if c.field != "note"]
    return [citation for citation in every if _bears_on(why, citation.field)] or every


def _bears_on(why: Reason, field: str) -> bool:
    if field.startswith(("start", "end")):
        return any(bound.startswith(field) for bound in why.bounds)
    return why.answer != Answer.NO


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, a month or a year with the records that change or may change in it, by verb."""

    when: EDTF
    changes: dict[str, list[Record]]

    @property
    def records(self) -> list[Record]:
        return [record for records in self.changes.values() for record in records]

    @property
    def words(self) -> str:
        """«empiezan dos membresías; a más tardar termina la membresía de…»."""
        clauses = [_clause(verb, self.changes[verb]) for verb in VERBS if verb in self.changes]
        return "; ".join([*clauses[:TOLD], *["y más"] * (len(clauses) > TOLD)])


def moments() -> list[Moment]:
    """The moments of all public memberships and terms, oldest first."""
    changes: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for model in NOUNS:
        for record in model.objects.visible_to(None).select_related("organization"):
            for level_0, verb in _bounds(record.period):
                changes[level_0][verb].append(record)
    found = (Moment(parse(level_0), of_it) for level_0, of_it in changes.items())
    return sorted(found, key=lambda moment: (moment.when.earliest, moment.when.latest))


def _bounds(period: Period) -> Iterator[tuple[str, str]]:
    """The level 0 dates of a period, each with a key of VERBS."""
    start, end = period.start, period.end
    if start.kind == "between" and start == end:
        yield from ((start.lower, "may start"), (end.upper, "has ended"))
        return
    end_verb = "is last seen" if end.kind == "after" else "may end"
    for date, exactly, from_then, until_then in (
        (start, "starts", "may start", "has started"),
        (end, "ends", end_verb, "has ended"),
    ):
        if date and date.lower == date.upper:
            yield date.lower, exactly
        else:
            bounds = ((date.lower, from_then), (date.upper, until_then))
            yield from ((bound, verb) for bound, verb in bounds if bound)


def _clause(verb: str, records: list[Record]) -> str:
    """«empiezan dos membresías y el periodo de representación de…»."""
    subjects = []
    for model, (singular, plural) in NOUNS.items():
        changing = [record for record in records if isinstance(record, model)]
        if len(changing) == 1:
            subjects.append(f"{singular} {changing[0].organization}")
        elif changing:
            feminine = model is Membership
            subjects.append(counted(len(changing), plural, plural, feminine=feminine))
    return f"{VERBS[verb][len(records) > 1]} {' y '.join(subjects)}"


def neighbours(when: EDTF) -> dict[str, Any]:
    """The nearest moments `before` and `after` a date, the first moments `around` it, and whether
    there are `more` around it."""
    every = moments()
    before = [m for m in every if m.when.latest < when.earliest]
    after = [m for m in every if m.when.earliest > when.latest]
    around = [m for m in every if m.when.latest >= when.earliest and m.when.earliest <= when.latest]
    return {
        "before": max(before, key=lambda m: (m.when.latest, m.when.earliest), default=None),
        "around": around[:AROUND],
        "more": len(around) > AROUND,
        "after": next(iter(after), None),
    }
