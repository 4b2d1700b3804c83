"""The moments at which who belonged, or who represented, changes or may change, in words."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, Count, F, Max, Min, When

from organizations.models import Membership, RepresentationTerm
from record.dates import EDTF, parse
from record.pages import counted
from record.periods import SpanningQuerySet

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
class Change:
    """What happens or may happen, by its key in `VERBS`, to how many of a model, one by name."""

    verb: str
    model: type
    count: int
    name: str
    changed: datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, a month or a year, and what changes or may change with it."""

    when: EDTF
    changes: list[Change]

    @property
    def words(self) -> str:
        """«empiezan dos membresías; a más tardar termina la membresía de…»."""
        verbs = [verb for verb in VERBS if verb in {change.verb for change in self.changes}]
        said = [_clause(verb, [c for c in self.changes if c.verb == verb]) for verb in verbs]
        return "; ".join([*said[:TOLD], *(["y más"] if len(said) > TOLD else [])])

    @property
    def changed(self) -> datetime:
        """When what it tells last changed."""
        return max(change.changed for change in self.changes)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The moments before a date, at it or within (the first ones; are there `more`?), and after."""

    before: Moment | None
    around: list[Moment]
    more: bool
    after: Moment | None


def moments() -> list[Moment]:
    """All of them, oldest first, as a visitor may read them."""
    changes: dict[str, list[Change]] = defaultdict(list)
    for model in (Membership, RepresentationTerm):
        for start, end, count, name, *changed in _spans(model.objects.visible_to(None)):
            for level_0, verb in _bounds(parse(start), parse(end)):
                changes[level_0].append(Change(verb, model, count, name, max(changed)))
    found = (Moment(parse(level_0), some) for level_0, some in changes.items())
    return sorted(found, key=lambda moment: (moment.when.earliest, moment.when.latest))


def _spans(records: SpanningQuerySet) -> Iterable[tuple]:
    """Each pair of a start and an end, how many have it, the name of one of them, and when these or
    their organizations last changed or became public."""
    short = F("organization__short_name")
    name = Case(When(organization__short_name="", then="organization__name"), default=short)
    changes = ("updated_at", "organization__updated_at", "organization__publish_at")
    latest = {f"latest_{number}": Max(path) for number, path in enumerate(changes)}
    spans = records.order_by().values_list("start", "end")
    return spans.annotate(count=Count("pk"), name=Min(name), **latest)


def _bounds(start: EDTF, end: EDTF) -> Iterator[tuple[str, str]]:
    """The level 0 dates of a period with what each means."""
    if start.kind == "between" and start == end:
        yield from ((start.lower, "may start"), (end.upper, "has ended"))
        return
    for date, happens, may, has in (
        (start, "starts", "may start", "has started"),
        (end, "ends", "is last seen" if end.kind == "after" else "may end", "has ended"),
    ):
        if date.lower == date.upper and date:
            yield date.lower, happens
        else:
            yield from (
                (part, verb) for part, verb in ((date.lower, may), (date.upper, has)) if part
            )


def _clause(verb: str, changes: list[Change]) -> str:
    """«empiezan dos membresías y el periodo de representación de…»."""
    subjects = []
    for model, (of_one, of_many) in NOUNS.items():
        found = [change for change in changes if change.model is model]
        count = sum(change.count for change in found)
        if count == 1:
            subjects.append(f"{of_one} {found[0].name}")
        elif count:
            subjects.append(counted(count, of_many, of_many, feminine=model is Membership))
    several = sum(change.count for change in changes) > 1
    return f"{VERBS[verb][several]} {' y '.join(subjects)}"


def neighbours(when: EDTF) -> Neighbours:
    """The nearest moments that end before `when` and begin after it, and those that it shares."""
    first, last = when.earliest, when.latest
    before, around, after = [], [], []
    for moment in moments():
        early, late = moment.when.latest < first, moment.when.earliest > last
        (before if early else after if late else around).append(moment)
    latest = max(before, key=lambda m: (m.when.latest, m.when.earliest), default=None)
    return Neighbours(latest, around[:AROUND], len(around) > AROUND, after[0] if after else None)
