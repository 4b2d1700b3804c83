"""The abstract model of a record that lasts from a partial date to another."""

from calendar import monthrange
from datetime import date
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.lookups import LessThanOrEqual

from dates.edtf import EDTF, ImpossibleDate, parse
from dates.fields import Earliest, EDTFField, Latest, day_column, possible_date
from dates.periods import RANKED, Answer, Period, days_of
from record.publishing import P, PublishableQuerySet


def possible_period() -> models.CheckConstraint:
    """Refuses a period that certainly ends before it starts."""
    return models.CheckConstraint(
        name="%(app_label)s_%(class)s_period_possible",
        condition=LessThanOrEqual(Earliest("start"), Latest("end")),
        violation_error_message="El fin no puede ser anterior al inicio.",
    )


def padded(day: date) -> str:
    """`day` as in the columns of latest days, where each month ends in `-31`."""
    last = day.day == monthrange(day.year, day.month)[1]
    return f"{day.isoformat()[:8]}31" if last else day.isoformat()


def rank_on(when: EDTF) -> Case:
    """`Period.on` in SQL: the answer's place in `RANKED`."""
    first, last = days_of(when)
    surely_begun = {"start_latest__lte": padded(last), "end_earliest__gte": first.isoformat()}
    before, after = Q(end_latest__lt=first.isoformat()), Q(start_earliest__gt=last.isoformat())
    whole = Q(start_latest__lte=padded(first), end_earliest__gte=last.isoformat())
    cases = [(whole, Answer.YES), (before | after, Answer.NO), (Q(**surely_begun), Answer.PARTLY)]
    return Case(
        *(When(condition, then=Value(RANKED.index(answer))) for condition, answer in cases),
        default=Value(RANKED.index(Answer.UNKNOWN)),
    )


class SpanningQuerySet(PublishableQuerySet[P]):
    def on(self, when: EDTF) -> Self:
        """Adds `rank`, the place in `RANKED` of the answer for `when`; ValueError if `when` is not
        a day, a month or a year."""
        return self.annotate(rank=rank_on(when))

    def counts(self) -> dict[Answer, int]:
        """The number of records with each answer, after `on`, in the order of `RANKED`."""
        counts = self.order_by("rank").values_list("rank").annotate(models.Count("pk"))
        return {RANKED[rank]: count for rank, count in counts}


class Spanning(models.Model):
    """`start` and `end` with their generated bounds."""

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
            return  # the validator of the field reports it
        if not period.is_possible:
            raise ValidationError(
                {"end": f"El fin ({period.end}) no puede ser anterior al inicio ({period.start})."}
            )
