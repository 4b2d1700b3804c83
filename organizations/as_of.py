"""Memberships and terms on a date: the answers with their citations, and the moments at which
memberships and terms change or may change."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from django.db.models import F
from django.utils.text import capfirst

from dates.edtf import EDTF, parse
from dates.periods import RANKED, Answer, Period, Reason, reason
from dates.text import fold
from organizations import rotation
from organizations.models import Membership, RepresentationTerm
from organizations.succession import set_partners, set_successors, taking_over
from record.pages import counted, in_words, listed
from record.proof import missing_proof, with_proof
from record.spanning import SpanningQuerySet
from sources.models import Citation

ALIKE = ("start_earliest", "start_latest", "end_earliest", "end_latest")
VERBS = {
    "starts": ("empieza", "empiezan"),
    "ends": ("termina", "terminan"),
    "has started": ("entonces, o antes, empieza", "entonces, o antes, empiezan"),
    "has ended": ("entonces, o antes, termina", "entonces, o antes, terminan"),
    "is last seen": ("hasta entonces consta", "hasta entonces constan"),
    "may start": ("pudo empezar desde entonces", "pudieron empezar desde entonces"),
    "may end": ("pudo terminar desde entonces", "pudieron terminar desde entonces"),
}
NOUNS = {
    Membership: ("la membresía de", "membresías"),
    RepresentationTerm: ("el periodo de representación de", "periodos de representación"),
}
CLAUSES, AROUND = 3, 6
Lasting = Membership | RepresentationTerm
ReasonKey = tuple[str, Reason, tuple[str, ...], str]
DISAGREE = "las fuentes no coinciden"


def tally(counts: dict[Answer, int], singular: str, plural: str = "") -> str:
    """«Once organizaciones: sí, ocho; no determinable, una; no, dos». A noun with a `plural` of its
    own is feminine."""
    feminine = bool(plural)
    total = counted(sum(counts.values()), singular, plural, feminine)
    parts = (f"{answer.value}, {in_words(count, feminine)}" for answer, count in counts.items())
    return ": ".join(filter(None, (capfirst(total), "; ".join(parts))))


def members(when: EDTF) -> SpanningQuerySet[Membership]:
    """The public memberships with their answers, sorted by answer and bounds."""
    memberships = Membership.objects.visible_to(None).on(when)
    memberships = memberships.with_parties()
    return memberships.order_by(F("rank"), *ALIKE, "organization__name", "slug")


def organization_counts(memberships: SpanningQuerySet[Any]) -> dict[Answer, int]:
    """The number of organizations by their best answer, since some belonged twice."""
    best = dict(memberships.order_by("-rank").values_list("organization", "rank"))
    numbers = Counter(best.values())
    return {RANKED[rank]: numbers[rank] for rank in sorted(numbers)}


def representatives(when: EDTF) -> SpanningQuerySet[RepresentationTerm]:
    """The public terms with their answers, sorted by role, answer and bounds."""
    terms = RepresentationTerm.objects.visible_to(None).on(when).select_related("organization")
    order = F("order").asc(nulls_last=True)
    return terms.order_by("-role", F("rank"), *ALIKE, order, "slug")


def groups(records: Iterable[Lasting], when: EDTF) -> Iterator[dict[str, Any]]:
    """Groups the records of `members` or `representatives` by role and by reason of the answer.
    `labels` are the words of the source for the bounds of the reason, `dates` the names of the
    dates; `already` are the citations that an earlier group shows."""
    records = list(records)
    terms = [record for record in records if isinstance(record, RepresentationTerm)]
    set_partners(terms, terms)
    set_successors([record for record in records if isinstance(record, Membership)])
    earlier: set[tuple[int, int]] = set()
    for (_role, why, labels, dispute), alike in _by_reason(records, when).items():
        if isinstance(alike[0], Membership):
            alike.sort(key=lambda record: fold(str(record.organization)))
        citations = {citation.passage: citation for citation in _bearing(why, alike)}
        first_shown, already = (
            sorted(citations.keys() - earlier),
            sorted(citations.keys() & earlier),
        )
        earlier |= citations.keys()
        yield {
            "answer": why.answer,
            "dispute": dispute,
            "words": why.words,
            "labels": labels,
            "dates": " ".join(f"{side} {side}_label" for side in _sides(why)),
            "records": alike,
            "citations": [citations[passage] for passage in first_shown]
            + [c for record in alike for c in _against(why, record)],
            "already": [citations[passage] for passage in already],
            "notes": _notes(alike),
        }


def _notes(records: list[Lasting]) -> list[tuple[str, str]]:
    """The notes without repetition, with the names of their organizations unless a note is about
    all records."""
    notes = rotation.notes(records)
    is_about_all = len(notes) == 1 and all(record.note for record in records)
    return [("" if is_about_all else names, note) for names, note in notes]


def _by_reason(records: Iterable[Lasting], when: EDTF) -> dict[ReasonKey, list[Lasting]]:
    """The records by role, reason, the words of the source for the bounds of the reason, and how
    far the sources disagree."""
    alike = defaultdict[ReasonKey, list[Lasting]](list)
    for record in records:
        why = _reason(record, when)
        labels = (getattr(record, f"{side}_label") for side in _sides(why))
        words, dispute = tuple(filter(None, labels)), _dispute(why, record, when)
        alike[getattr(record, "role", ""), why, words, dispute].append(record)
    return alike


def _reason(record: Lasting, when: EDTF) -> Reason:
    """The reason of the answer; a membership that another one continues ends before its last day,
    so that both do not answer «sí» for it."""
    why = reason(record.period, when)
    rank = getattr(record, "rank", None)
    if not isinstance(record, Membership) or rank == RANKED.index(why.answer):
        return why
    after = Membership.objects.visible_to(None).filter(replaces=record.organization)
    if not (successors := taking_over(record, after.with_parties(), when)):
        return why
    is_day = when.kind == "day"
    words = f"{'' if is_day else f'{why.words[:-1]}; '}ese día la sustituyó {listed(successors)}."
    answer = Answer.NO if is_day else Answer.PARTLY
    return Reason(answer, f"{words[:1].upper()}{words[1:]}", ("end_earliest",))


def _against(why: Reason, record: Lasting) -> list[Citation]:
    """The contradictions of the dates on which the answer rests."""
    dates = tuple(_sides(why))
    return [c for c in record.contradictions if dates and c.field.startswith(dates)]


def _dispute(why: Reason, record: Lasting, when: EDTF) -> str:
    """Whether another source has another date and, with it, another answer."""
    answers = {_answer_of(citation, record, when) for citation in _against(why, record)}
    if answers == {why.answer}:
        return f"{DISAGREE} en la fecha, sí en la respuesta"
    return DISAGREE if answers else ""


def _answer_of(citation: Citation, record: Lasting, when: EDTF) -> Answer | None:
    """The answer with the date that a contradiction says; None if it says no whole date."""
    if not citation.says or citation.field not in ("start", "end"):
        return None
    return replace(record.period, **{citation.field: parse(citation.says)}).on(when)


def _sides(why: Reason) -> list[str]:
    """The dates on which the answer rests."""
    return [*dict.fromkeys(bound.partition("_")[0] for bound in why.bounds)]


def _bearing(why: Reason, records: list[Lasting]) -> list[Citation]:
    """The citations of the bounds of the reason and, unless the answer is «no», of the whole
    record; if there are none, all citations."""
    every = [c for record in records for c in record.visible_citations if c.field != "note"]
    return [citation for citation in every if _bears_on(why, citation.field)] or every


def _bears_on(why: Reason, field: str) -> bool:
    if field.startswith(("start", "end")):
        return any(bound.startswith(field) for bound in why.bounds)
    return why.answer != Answer.NO


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, a month or a year, with the records that change or may change then, by verb."""

    when: EDTF
    changes: dict[str, list[Lasting]]

    @property
    def records(self) -> list[Lasting]:
        return [record for records in self.changes.values() for record in records]

    @property
    def words(self) -> str:
        """«empiezan dos membresías; entonces, o antes, termina la membresía de…»."""
        clauses = [_clause(verb, self.changes[verb]) for verb in VERBS if verb in self.changes]
        return "; ".join([*clauses[:CLAUSES], *["y más"] * (len(clauses) > CLAUSES)])


def moments() -> list[Moment]:
    """The moments of all public memberships and terms, oldest first."""
    every = (model.objects.visible_to(None) for model in (Membership, RepresentationTerm))
    return moments_of(chain(*(with_proof(r.select_related("organization")) for r in every)))


def moments_of(records: Iterable[Any]) -> list[Moment]:
    """The moments of these memberships and terms, oldest first."""
    changes: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        for level_0, verb in _bounds(record.period):
            changes[level_0][verb].append(record)
    moments = (Moment(parse(level_0), by_verb) for level_0, by_verb in changes.items())
    return sorted(moments, key=lambda moment: (moment.when.earliest, moment.when.latest))


def _bounds(period: Period) -> Iterator[tuple[str, str]]:
    """The dates of a period at level 0, each with a key of VERBS."""
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


def _clause(verb: str, records: list[Lasting]) -> str:
    """«empiezan dos membresías y el periodo de representación de…»."""
    subjects = []
    for model, (singular, plural) in NOUNS.items():
        changing = [record for record in records if isinstance(record, model)]
        if len(changing) == 1:
            subjects.append(f"{singular} {changing[0].organization}")
        elif changing:
            feminine = model is Membership
            subjects.append(counted(len(changing), plural, plural, feminine=feminine))
    side = "start" if "start" in verb else "end"
    mark = max(missing_proof(record, side) for record in records)
    return f"{VERBS[verb][len(records) > 1]} {' y '.join(subjects)} {mark}".strip()


def neighbours(when: EDTF) -> dict[str, Any]:
    """The nearest moments `before` and `after` a date, the first moments `around` it (that share a
    day with it), and whether there are `more` of these."""
    every = moments()
    before = [moment for moment in every if moment.when.latest < when.earliest]
    after = [moment for moment in every if moment.when.earliest > when.latest]
    around = [moment for moment in every if moment not in before and moment not in after]
    return {
        "before": max(before, key=lambda m: (m.when.latest, m.when.earliest), default=None),
        "around": around[:AROUND],
        "more": len(around) > AROUND,
        "after": next(iter(after), None),
    }
