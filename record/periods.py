"""Periods whose ends are partial dates, and the question «on D?» with its four honest answers."""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.lookups import LessThanOrEqual

from record.dates import (
    EDTF,
    Earliest,
    EDTFField,
    ImpossibleDate,
    Latest,
    day_column,
    parse,
    possible_date,
)
from record.publishing import RecordQuerySet


class Answer(Enum):
    """Whether something was so on a day, in a month or in a year; the value is the word shown."""

    YES = "sí"
    PARTLY = "en parte"
    NO = "no"
    UNKNOWN = "no determinable"


RANKED = (Answer.YES, Answer.PARTLY, Answer.UNKNOWN, Answer.NO)
"""In the order in which pages list them: from the surest «sí» to «no»."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to `end`, both included. «Still so when the source was written» is an end of
    `[2017-05-23..]`; «it ended, unknown when» one of `[..2017-04]`."""

    start: EDTF = field(default_factory=EDTF)
    end: EDTF = field(default_factory=EDTF)

    def on(self, when: EDTF) -> Answer:
        """Whether it was so on `when`, a day, a month or a year; ValueError for anything else."""
        first, last = _days(when)
        certain_from, certain_until = self.start.last_day or date.max, self.end.first_day
        if certain_until and certain_from <= first and certain_until >= last:
            return Answer.YES
        if (self.start.first_day or date.min) > last or (self.end.last_day or date.max) < first:
            return Answer.NO
        if certain_until and certain_from <= last and certain_until >= first:
            return Answer.PARTLY
        return Answer.UNKNOWN

    def certain_part(self, when: EDTF) -> tuple[date, date] | None:
        """The days of `when` on which it certainly was so, first and last, or None."""
        first, last = _days(when)
        if not self.start.last_day or not self.end.first_day:
            return None
        certain = max(first, self.start.last_day), min(last, self.end.first_day)
        return certain if certain[0] <= certain[1] else None

    def certainly_overlaps(self, other: "Period") -> bool:
        """Sharing no more than a day or month of hand-over is no overlap."""
        return self.start.latest < other.end.earliest and other.start.latest < self.end.earliest

    @property
    def is_possible(self) -> bool:
        """Whether it need not end before it starts."""
        return self.start.earliest <= self.end.latest

    @property
    def is_open(self) -> bool:
        """Whether it still was so when the source fell silent."""
        return self.end.kind == "after"

    @property
    def when(self) -> str:
        """In words; the start alone of something without an end. Empty if nothing is said."""
        return str(self) if self.end else str(self.start)

    @property
    def start_words(self) -> str:
        """«abril de 2017», «algún momento entre … y …»; empty when the source does not say."""
        prefix = {"between": "algún momento ", "day": "el "}.get(self.start.kind, "")
        return f"{prefix}{self.start}"

    @property
    def end_words(self) -> str:
        """«abril de 2017», «al menos el 23 de mayo de 2017»; empty when the source does not say."""
        if self.is_open:
            return f"al menos {str(self.end).removesuffix(' o después')}"
        prefix = {"between": "algún momento ", "day": "el "}.get(self.end.kind, "")
        return f"{prefix}{self.end}"

    def __str__(self) -> str:
        """«desde abril de 2017, al menos hasta el 23 de mayo de 2017»; empty if nothing is said."""
        end = f"hasta {self.end_words}" if self.end else ""
        if self.is_open and self.end.lower == self.start.text:
            end = "sin que conste hasta cuándo"
        elif self.is_open:
            end = f"al menos hasta {str(self.end).removesuffix(' o después')}"
        return ", ".join(filter(None, (f"desde {self.start_words}" if self.start else "", end)))


def _days(when: EDTF) -> tuple[date, date]:
    if when.kind not in ("day", "month", "year"):
        raise ValueError(f"{when.text!r} is no day, month or year")
    return when.first_day, when.last_day


def possible_period() -> models.CheckConstraint:
    """A period is possible: it does not certainly end before it starts."""
    return models.CheckConstraint(
        name="%(app_label)s_%(class)s_period_possible",
        condition=LessThanOrEqual(Earliest("start"), Latest("end")),
        violation_error_message="El fin no puede ser anterior al inicio.",
    )


def padded(day: date) -> str:
    """`day` as the columns of latest days have it, where every month's last one is `-31`."""
    last = day.day == monthrange(day.year, day.month)[1]
    return f"{day.isoformat()[:8]}31" if last else day.isoformat()


def rank_on(when: EDTF) -> Case:
    """`Period.on` in SQL: the answer's place in `RANKED`."""
    first, last = _days(when)
    surely_begun = {"start_latest__lte": padded(last), "end_earliest__gte": first.isoformat()}
    before, after = Q(end_latest__lt=first.isoformat()), Q(start_earliest__gt=last.isoformat())
    whole = Q(start_latest__lte=padded(first), end_earliest__gte=last.isoformat())
    cases = [(whole, Answer.YES), (before | after, Answer.NO), (Q(**surely_begun), Answer.PARTLY)]
    return Case(
        *(When(condition, then=Value(RANKED.index(answer))) for condition, answer in cases),
        default=Value(RANKED.index(Answer.UNKNOWN)),
    )


class SpanningQuerySet(RecordQuerySet):
    def on(self, when: EDTF) -> Self:
        """With `rank`, the place in `RANKED` of the answer to «on `when`?»; ValueError if `when` is
        no day, month or year."""
        return self.annotate(rank=rank_on(when))

    def counts(self) -> dict[Answer, int]:
        """How many have each answer, after `on`; in the order of `RANKED`."""
        counts = self.order_by("rank").values_list("rank").annotate(models.Count("pk"))
        return {RANKED[rank]: count for rank, count in counts}


class Spanning(models.Model):
    """A model that lasts: `start` and `end` with their generated bounds."""

    start = EDTFField(
        "inicio",
        help_text="Como en la fuente: «11 de febrero de 2017», «agosto de 2011», «2016», "
        "«entre … y …», «desde … o después», «… o antes». Vacío: la fuente no lo dice.",
    )
    start_earliest = day_column(Earliest("start"), "inicio: no antes de")
    start_latest = day_column(Latest("start"), "inicio: no después de")
    end = EDTFField(
        "fin",
        help_text="«23 de mayo de 2017 o después» si seguía así cuando se escribió la fuente; "
        "vacío si la fuente calla o si pasó de una vez.",
    )
    end_earliest = day_column(Earliest("end"), "fin: no antes de")
    end_latest = day_column(Latest("end"), "fin: no después de")

    class Meta:
        abstract = True

    @staticmethod
    def span_constraints() -> list[models.CheckConstraint]:
        return [possible_date("start"), possible_date("end"), possible_period()]

    @property
    def period(self) -> Period:
        return Period(parse(self.start), parse(self.end))

    def clean(self) -> None:
        super().clean()
        try:
            period = self.period
        except ImpossibleDate:
            return  # the field itself has said so
        if not period.is_possible:
            raise ValidationError(
                {"end": f"El fin ({period.end}) no puede ser anterior al inicio ({period.start})."}
            )
