"""Memberships and terms on a date: the answers, with the citations that prove them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import F

from organizations import rotation
from organizations.models import Membership, RepresentationTerm
from record.dates import EDTF
from record.pages import counted, in_words, sentence
from record.periods import Answer, Reason, SpanningQuerySet, reason
from record.text import fold
from sources.models import Citation, visible_citations

ALIKE = ("start_earliest", "start_latest", "end_earliest", "end_latest")
Record = Membership | RepresentationTerm


@dataclass(frozen=True, slots=True)
class Group:
    """Memberships, or terms of one role, with the same answer for the same reason. `labels` are the
    source's words for the bounds of the reason; `already` are citations that an earlier group
    shows."""

    reason: Reason
    labels: tuple[str, ...]
    records: list[Record]
    citations: list[Citation]
    already: list[Citation]

    @property
    def count(self) -> str:
        """«siete», of memberships; «cuatro representantes», of terms."""
        number, first = len(self.records), self.records[0]
        if isinstance(first, Membership):
            return in_words(number, feminine=True)
        return counted(number, first.get_role_display())

    @property
    def why(self) -> str:
        """The reason's sentence; «Cada una: dejó de serlo…» for several records."""
        words = self.reason.words
        return f"Cada una: {words[:1].lower()}{words[1:]}" if len(self.records) > 1 else words

    @property
    def notes(self) -> list[tuple[str, str]]:
        """Each note once, with the names of its organizations unless it is about all."""
        notes = rotation.notes(self.records)
        about_all = len(notes) == 1 and all(record.note for record in self.records)
        return [("" if about_all else names, note) for names, note in notes]


def tally(counts: dict[Answer, int], noun: str, feminine: bool = False) -> str:
    """«Once membresías: sí, ocho; no determinable, una; no, dos»."""
    total = counted(sum(counts.values()), noun, feminine=feminine)
    parts = (f"{answer.value}, {in_words(count, feminine)}" for answer, count in counts.items())
    return ": ".join(filter(None, (sentence(total), "; ".join(parts))))


def members(when: EDTF) -> SpanningQuerySet:
    """The public memberships with their answers, those with the same bounds together."""
    memberships = Membership.objects.visible_to(None).on(when)
    memberships = memberships.select_related("organization", "replaces")
    memberships = memberships.order_by("rank", *ALIKE, "organization__name", "slug")
    return memberships.prefetch_related(visible_citations())


def representatives(when: EDTF) -> SpanningQuerySet:
    """The public terms with their answers, representatives first."""
    terms = RepresentationTerm.objects.visible_to(None).on(when).select_related("organization")
    order = F("order").asc(nulls_last=True)
    terms = terms.order_by("-role", "rank", *ALIKE, order, "slug")
    return terms.prefetch_related(visible_citations())


def groups(records: Iterable[Record], when: EDTF) -> Iterator[Group]:
    """The groups of records that `members` or `representatives` returns."""
    shown: set[tuple[int, int]] = set()
    for (_role, why, labels), alike in _by_reason(records, when).items():
        if isinstance(alike[0], Membership):
            alike.sort(key=lambda record: fold(str(record.organization)))
        citations = {citation.passage: citation for citation in _bearing(why, alike)}
        new, already = (
            [citations[passage] for passage in sorted(passages)]
            for passages in (citations.keys() - shown, citations.keys() & shown)
        )
        shown |= citations.keys()
        yield Group(why, labels, alike, new, already)


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
    every = [c for record in records for c in record.citations.all() if c.field != "note"]
    return [citation for citation in every if _bears_on(why, citation.field)] or every


def _bears_on(why: Reason, field: str) -> bool:
    if field.startswith(("start", "end")):
        return any(bound.startswith(field) for bound in why.bounds)
    return why.answer != Answer.NO
