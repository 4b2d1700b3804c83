"""The moments at which memberships and terms of representation change or may change, in words."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from organizations.models import Membership, RepresentationTerm
from record.dates import EDTF, parse
from record.pages import counted
from record.periods import Period

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


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, a month or a year with the records that change or may change in it, by verb."""

    when: EDTF
    changes: dict[str, list[Membership | RepresentationTerm]]

    @property
    def records(self) -> list[Membership | RepresentationTerm]:
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


def _clause(verb: str, records: list[Membership | RepresentationTerm]) -> str:
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
