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
from dates.periods import RANKED, UNSAID, Answer, Period, Reason, of_several, reason
from dates.text import fold
from organizations import rotation
from organizations.charts import ruler
from organizations.models import Membership, RepresentationTerm
from organizations.succession import set_partners, set_successors, taking_over
from record.pages import counted, in_words, listed
from record.proof import marked, missing_proof, with_proof
from record.spanning import SpanningQuerySet
from sources.models import Citation
from sources.quotes import of_passages

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
CLAUSES, AROUND, SHOWN_MOMENTS = 3, 6, 5
WHOLE = {"day": "ese día", "month": "todo el mes", "year": "todo el año"}
PART = {"day": "ese día", "month": "una parte del mes", "year": "una parte del año"}
EDGES = {"Al terminar": "ya {} al terminar el {}", "Al empezar": "todavía {} al empezar el {}"}
Lasting = Membership | RepresentationTerm
ReasonKey = tuple[Reason, tuple[str, ...], str]
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


def organization_ranks(memberships: SpanningQuerySet[Any]) -> list[tuple[int, int]]:
    """The organization and the rank of each membership, the best ranks last."""
    return list(memberships.order_by("-rank").values_list("organization", "rank"))


def organization_counts(ranks: Iterable[tuple[int, int]]) -> dict[Answer, int]:
    """The number of organizations by their best answer, since some belonged twice."""
    best = dict(ranks)
    numbers = Counter(best.values())
    return {RANKED[rank]: numbers[rank] for rank in sorted(numbers)}


def representatives(when: EDTF) -> SpanningQuerySet[RepresentationTerm]:
    """The public terms with their answers, sorted by role, answer and bounds."""
    terms = RepresentationTerm.objects.visible_to(None).on(when).select_related("organization")
    order = F("order").asc(nulls_last=True)
    return terms.order_by("-role", F("rank"), *ALIKE, order, "slug")


@dataclass(frozen=True, slots=True)
class Column:
    """One of the four answers, with the number of organizations or terms on all pages, and the
    groups of records on this page."""

    answer: Answer
    count: int
    groups: list[dict[str, Any]]

    @property
    def records(self) -> list[Any]:
        return [record for group in self.groups for record in group["records"]]

    @property
    def citations(self) -> list[Citation]:
        return [citation for group in self.groups for citation in group["citations"]]

    @property
    def disputed(self) -> bool:
        return any(group["dispute"] == DISAGREE for group in self.groups)


def columns(records: Iterable[Lasting], counts: dict[Answer, int], when: EDTF) -> list[Column]:
    """The four answers with the records of `members` or `representatives`."""
    by_answer = defaultdict[Answer, list[dict[str, Any]]](list)
    for group in _groups(list(records), when):
        by_answer[group["answer"]].append(group)
    return [Column(answer, counts.get(answer, 0), by_answer[answer]) for answer in RANKED]


def _groups(records: list[Any], when: EDTF) -> Iterator[dict[str, Any]]:
    """Groups the records by reason of the answer. `labels` are the words of the source for the
    bounds of the reason, `dates` the names of the dates."""
    terms = [record for record in records if isinstance(record, RepresentationTerm)]
    set_partners(terms, terms)
    set_successors([record for record in records if isinstance(record, Membership)])
    for (why, labels, dispute), alike in _by_reason(records, when).items():
        if isinstance(alike[0], Membership):
            alike.sort(key=lambda record: fold(str(record.organization)))
        against = (citation for record in alike for citation in _against(why, record))
        yield {
            "answer": why.answer,
            "dispute": dispute,
            "words": of_several(why.words) if alike[1:] else why.words,
            "labels": labels,
            "dates": " ".join(f"{side} {side}_label" for side in _sides(why)),
            "records": alike,
            "citations": [*of_passages(_bearing(why, alike)), *against],
            "notes": our_notes(alike),
        }


def belonging(answers: list[Column], when: EDTF) -> str:
    """«Siete organizaciones ya pertenecían al terminar el mes; de otras dos, la fuente no lo
    dice.»"""
    yes, partly, unknown, _no = (column.count for column in answers)
    clauses = []
    if yes:
        clauses.append(f"{_organizations(yes)} {_belonged(yes)} {WHOLE[when.kind]}")
    if yes and partly:
        clauses.append(f"{in_words(partly, feminine=True)} más, {PART[when.kind]}")
    elif partly:
        clauses.append(f"{_organizations(partly)} {_in_part(answers[1], when)}")
    if unknown and clauses:
        others = "otra" if unknown == 1 else f"otras {in_words(unknown, feminine=True)}"
        clauses.append(f"de {others}, {UNSAID}")
    elif unknown:
        clauses.append(f"de {_organizations(unknown)}, si {_belonged(unknown)}, {UNSAID}")
    none = "de ninguna organización consta que perteneciera entonces"
    return f"{capfirst('; '.join(clauses) or none)}."


def _organizations(count: int) -> str:
    return counted(count, "organización", "organizaciones", feminine=True)


def _belonged(count: int) -> str:
    return "pertenecían" if count > 1 else "pertenecía"


def _in_part(column: Column, when: EDTF) -> str:
    """«ya pertenecían al terminar el mes», if that is the reason of all."""
    openings = {" ".join(group["words"].split()[:2]) for group in column.groups}
    edge = EDGES.get(openings.pop()) if len(openings) == 1 else None
    unit, belonged = "mes" if when.kind == "month" else "año", _belonged(column.count)
    return edge.format(belonged, unit) if edge else f"{belonged} {PART[when.kind]}"


def speaking(answers: list[Column], whom: str, when: EDTF) -> str:
    """«Por ellas hablaba Alfa, con Beta como co-representante.»; or that no source says who."""
    for column, verb, plural, extent in (
        (answers[0], "hablaba", "hablaban", ""),
        (answers[1], "habló", "hablaron", f", {PART[when.kind]},"),
    ):
        first, second = (
            [term for term in column.records if term.role == role]
            for role in RepresentationTerm.Role.values
        )
        if first:
            also = f", con {_marked(second)} como co-representante" if second else ""
            said = plural if first[1:] else verb
            return f"Por {whom} {said}{extent} {_marked(first)}{also}."
    return f"Quién hablaba por {whom}, {UNSAID}."


def _marked(terms: list[Any]) -> str:
    return listed(marked(str(term.organization), term) for term in terms)


def our_notes(records: Iterable[Lasting]) -> list[tuple[str, str]]:
    """The notes without repetition, with the names of their organizations unless a note is about
    all records."""
    records = list(records)
    notes = rotation.notes(records)
    is_about_all = len(notes) == 1 and all(record.note for record in records)
    return [("" if is_about_all else names, note) for names, note in notes]


def _by_reason(records: Iterable[Lasting], when: EDTF) -> dict[ReasonKey, list[Lasting]]:
    """The records by reason, the words of the source for the bounds of the reason, and how far the
    sources disagree."""
    alike = defaultdict[ReasonKey, list[Lasting]](list)
    for record in records:
        why = _reason(record, when)
        labels = (getattr(record, f"{side}_label") for side in _sides(why))
        words, dispute = tuple(filter(None, labels)), _dispute(why, record, when)
        alike[why, words, dispute].append(record)
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


def neighbours(every: list[Moment], when: EDTF) -> dict[str, Any]:
    """The nearest moments `before` and `after` a date, the first moments `around` it (that share a
    day with it), whether there are `more` of these, and the `ruler` of all."""
    before = [moment for moment in every if moment.when.latest < when.earliest]
    after = [moment for moment in every if moment.when.earliest > when.latest]
    around = [moment for moment in every if moment not in before and moment not in after]
    return {
        "before": max(before, key=lambda m: (m.when.latest, m.when.earliest), default=None),
        "around": around[:AROUND],
        "more": len(around) > AROUND,
        "after": next(iter(after), None),
        "ruler": ruler(when, [moment.when for moment in every]),
    }
