"""Who belonged and who represented on a date: the answers, with what they rest on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import F

from organizations import rotation
from organizations.models import Membership, RepresentationTerm
from record.answers import Reason, reason
from record.dates import EDTF
from record.pages import counted, in_words, sentence
from record.periods import Answer, SpanningQuerySet
from record.text import fold
from sources.models import Citation, visible_citations

ALIKE = ("start_earliest", "start_latest", "end_earliest", "end_latest")


@dataclass(frozen=True, slots=True)
class Group:
    """Memberships, or terms of one role, that have the same answer for the same reason."""

    reason: Reason
    labels: tuple[str, ...]
    """The source's own words for the bounds that the reason rests on."""
    records: list[Membership | RepresentationTerm]
    citations: tuple[Citation, ...]
    already: list[Citation]
    """Those of its citations whose words another group has shown before."""

    @property
    def count(self) -> str:
        """«siete», of memberships; «cuatro representantes», of terms."""
        number, first = len(self.records), self.records[0]
        if isinstance(first, Membership):
            return in_words(number, feminine=True)
        return counted(number, first.get_role_display())

    @property
    def why(self) -> str:
        """The reason's sentence; «Cada una: dejó de serlo…» of several."""
        words = self.reason.words
        return f"Cada una: {words[:1].lower()}{words[1:]}" if len(self.records) > 1 else words

    @property
    def notes(self) -> list[tuple[str, str]]:
        """Each once, with whom it is about unless that is all of them."""
        told = rotation.notes(self.records)
        return [("" if len(told) == 1 and self._all_noted else names, note) for names, note in told]

    @property
    def _all_noted(self) -> bool:
        return all(record.note for record in self.records)


def tally(counts: dict[Answer, int], noun: str, feminine: bool = False) -> str:
    """«Once membresías: sí, ocho; no determinable, una; no, dos»."""
    total = counted(sum(counts.values()), noun, feminine=feminine)
    said = (f"{answer.value}, {in_words(count, feminine)}" for answer, count in counts.items())
    return ": ".join(filter(None, (sentence(total), "; ".join(said))))


def members(when: EDTF) -> SpanningQuerySet:
    """The answers of the memberships, alike ones together."""
    found = Membership.objects.visible_to(None).on(when).select_related("organization", "replaces")
    return found.prefetch_related(visible_citations()).order_by(
        "rank", *ALIKE, "organization__name", "slug"
    )


def representatives(when: EDTF) -> SpanningQuerySet:
    """The answers of the terms, representatives first."""
    found = RepresentationTerm.objects.visible_to(None).on(when).select_related("organization")
    return found.prefetch_related(visible_citations()).order_by(
        "-role", "rank", *ALIKE, F("order").asc(nulls_last=True), "slug"
    )


def groups(records: Iterable[Membership | RepresentationTerm], when: EDTF) -> Iterator[Group]:
    """Of records in the order of `members` or `representatives`, citations attached."""
    shown: set[tuple[int, int]] = set()
    for (_role, why, labels), found in _by_reason(records, when).items():
        if isinstance(found[0], Membership):
            found.sort(key=lambda record: fold(str(record.organization)))
        quotes = {c.passage: c for c in _bearing(why, found)}
        new = tuple(quotes[key] for key in sorted(quotes.keys() - shown))
        already = [quotes[key] for key in sorted(quotes.keys() & shown)]
        shown |= quotes.keys()
        yield Group(why, labels, found, new, already)


def _by_reason(records: Iterable, when: EDTF) -> dict[tuple, list[Membership | RepresentationTerm]]:
    """Role, reason and the source's own words for its bounds, with the records that share them."""
    found = defaultdict(list)
    for record in records:
        why = reason(record.period, when)
        sides = dict.fromkeys(bound.partition("_")[0] for bound in why.bounds)
        labels = (getattr(record, f"{side}_label") for side in sides)
        found[getattr(record, "role", ""), why, tuple(filter(None, labels))].append(record)
    return found


def _bearing(why: Reason, records: list[Membership | RepresentationTerm]) -> list[Citation]:
    """The citations of the bounds that the reason rests on and, unless it is a «no», of the fact
    that there was such a period; all of them, if there are none of those."""
    every = [c for record in records for c in record.citations.all() if c.field != "note"]
    return [citation for citation in every if _bears_on(why, citation.field)] or every


def _bears_on(why: Reason, field: str) -> bool:
    if field.startswith(("start", "end")):
        return any(bound.startswith(field) for bound in why.bounds)
    return why.answer != Answer.NO
