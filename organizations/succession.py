"""The rules between memberships, of which some replace others, and between terms of a role.

`models` imports this module, so it cannot name the types of its arguments.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When

from dates.edtf import EDTF
from dates.periods import RANKED, Answer, days_of
from record.spanning import padded, rank_on


def succession_problem(changed: Any, others: Iterable[Any]) -> dict[str, str]:
    """Why `changed` is refused beside the other memberships, by field; empty if it is not."""
    memberships = [changed, *others]
    if changed.organization in changed.replaced:
        return {"replaces": "Una organización no se sustituye a sí misma."}
    if circle := _circle(changed, memberships):
        names = [str(membership.organization) for membership in circle]
        chain = ", ".join(f"{a} sustituye a {b}" for a, b in pairwise([*names, names[0]]))
        return {"replaces": f"Se sustituyen en círculo: {chain}. Quite una de ellas."}
    for after in memberships:
        for replaced in after.replaced:
            if after is not changed and replaced != changed.organization:
                continue
            if before := _outlasting(after, replaced, memberships):
                return {
                    "replaces" if after is changed else "end": f"«{replaced}» fue integrante "
                    f"{before.period}; «{after.organization}», que la sustituye, empezó antes de "
                    f"ese fin ({after.period.start}). Corrija una de las dos fechas."
                }
    return {}


def relatives(membership: Any) -> Iterable[Any]:
    """The other memberships that replace or are replaced, and those of the organizations of this
    one."""
    named = [membership.organization_id, *(replaced.pk for replaced in membership.replaced)]
    linked = Q(replaces__isnull=False) | Q(organization__replaced_by__isnull=False)
    memberships = type(membership).objects.filter(linked | Q(organization__in=named))
    return memberships.exclude(pk=membership.pk).distinct().with_parties()


def predecessors(after: Any, replaced: Any, memberships: Iterable[Any]) -> list[Any]:
    """The memberships of `replaced` that `after` may continue. A membership that certainly begins
    later counts only if all do."""
    every = [m for m in memberships if m.organization == replaced]
    latest = after.period.start.latest
    return [m for m in every if m.period.start.earliest <= latest] or every


def set_successors(memberships: list[Any]) -> None:
    """Sets `successors`, the memberships among these that continue each, and `returns`."""
    for membership in memberships:
        membership.successors = []
        membership.returns = any(
            other.organization == membership.organization
            and other is not membership
            and other.period.end.latest <= membership.period.start.latest
            and other.period.end
            for other in memberships
        )
    for after in memberships:
        for replaced in after.replaced:
            for before in predecessors(after, replaced, memberships):
                before.successors.append(after)


def rank_on_handover(public: QuerySet, when: EDTF) -> Case:
    """`rank_on` for memberships: «sí» is «no» for the day on which a successor begins, among these
    public memberships, and «en parte» for the month or the year that ends with that day."""
    first, last = days_of(when)
    begun = {"start_latest__gte": OuterRef("end_earliest"), "start_latest__lte": padded(last)}
    handed_over = Exists(public.filter(replaces=OuterRef("organization"), **begun))
    whole = Q(start_latest__lte=padded(first), end_earliest__gte=last.isoformat())
    answer = Answer.NO if first == last else Answer.PARTLY
    then = When(whole & handed_over, then=Value(RANKED.index(answer)))
    return Case(then, default=rank_on(when))


def taking_over(membership: Any, public: Iterable[Any], when: EDTF) -> list[Any]:
    """The organizations of the public memberships that begin on the last certain day of a
    membership, if `when` ends with that day."""
    last = membership.period.end.first_day
    return [
        after.organization
        for after in public
        if last == days_of(when)[1] == after.period.start.last_day
        and membership.organization in after.replaced
    ]


def _outlasting(after: Any, replaced: Any, memberships: list[Any]) -> Any:
    """A membership of `replaced` that certainly lasted after the start of `after`, if `after`
    cannot continue another one."""
    before = predecessors(after, replaced, memberships)
    late = [m for m in before if m.period.end.earliest > after.period.start.latest]
    return late[0] if late and len(late) == len(before) else None


def _circle(changed: Any, memberships: list[Any]) -> list[Any]:
    """The memberships, each of which replaces the next and the last of which replaces `changed`,
    from `changed` on."""
    paths, seen = [[changed]], {id(changed)}
    for path in paths:
        for before in _replaced_by(path[-1], memberships):
            if before is changed:
                return path
            if id(before) not in seen:
                seen.add(id(before))
                paths.append([*path, before])
    return []


def _replaced_by(after: Any, memberships: list[Any]) -> Iterator[Any]:
    for replaced in after.replaced:
        yield from predecessors(after, replaced, memberships)


def are_joint(term: Any, other: Any) -> bool:
    """Whether two organizations hold one place of the rotation together. Terms without an order do
    if they certainly overlap."""
    alike = all(getattr(term, n) == getattr(other, n) for n in ("role", "order", "start", "end"))
    return alike and bool(term.order or term.period.certainly_overlaps(other.period))


def release(terms: QuerySet) -> None:
    """Takes the place and the dates from terms, so that joint terms can take others one by one."""
    terms.update(order=None, start="", end="")


def set_partners(terms: Iterable[Any], others: Iterable[Any]) -> None:
    """Sets `partners`: the organizations of the terms among `others` that are joint with each."""
    others = list(others)
    for term in terms:
        joint = (other for other in others if other.pk != term.pk and are_joint(term, other))
        term.partners = [other.organization for other in joint]


def one_of_each_place(terms: Iterable[Any]) -> Iterator[Any]:
    """The terms; of joint terms, which follow each other, the first. Sets `holders`: all
    organizations of the place."""
    drawn: list[Any] = []
    for term in terms:
        if term.organization not in drawn:
            term.holders = [term.organization, *term.partners]
            drawn = term.holders if term.partners else []
            yield term


def contradiction(term: Any, other: Any, name: str = "") -> dict[str, str]:
    """Why two terms cannot stand together, by field; empty if they can. `name` is the name of the
    other one, if its own is of no use."""
    if term.role != other.role or are_joint(term, other):
        return {}
    named = f"«{name or other}» ({str(other.period) or 'sin fechas'})"
    if term.order and term.order == other.order:
        return {
            "order": f"Ese lugar ya lo tiene {named}. Quienes comparten un lugar empiezan y "
            "terminan a la vez: ponga las mismas fechas u otro lugar."
        }
    if term.period.certainly_overlaps(other.period):
        return {
            "start": f"Se traslapa con {named}. Si lo ejercieron juntas, ponga el mismo lugar, el "
            "mismo inicio y el mismo fin."
        }
    return {}
