from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Count, F, Q, When
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.urls import reverse

from dates.edtf import EDTF, END_OF_TIME, parse
from dates.fields import (
    Earliest,
    EDTFField,
    Latest,
    SortDay,
    day_column,
    possible_date,
)
from dates.periods import Period, days_of
from dates.text import by_sources
from organizations.models import Organization
from record.history import Versions
from record.jsonld import Node, node, page_subject, proven
from record.proof import missing_proof
from record.publishing import Publishable
from record.richtext import RichTextField
from record.spanning import Spanning, padded
from sources.models import Citation
from timeline.vocabulary import (
    AUTHORS,
    EventCategory,
    EventOrganization,
    EventPart,
    Parted,
    PartedQuerySet,
    StatementKind,
    StatementOrganization,
    StatementPart,
)

TIME_OF_A_DAY = "Una hora va con un día completo: escriba el inicio con su día, o quite la hora."
BY_TIME = ("sort_day", "start_latest", "slug")
NEWEST_FIRST = tuple(f"-{name}" for name in BY_TIME)
DATED_FIRST = Length("sort_day").desc()  # an undated record has the empty text


class EventQuerySet(PartedQuerySet["Event"]):
    def by_time(self, newest_first: bool = False) -> Self:
        """Sorts by time, then the more precise date first; undated events last, in order of
        entry."""
        entered, events = Case(When(sort_day="", then="pk")), self.select_related("category")
        *days, slug = NEWEST_FIRST if newest_first else BY_TIME
        return events.order_by(DATED_FIRST, *days, entered, slug)

    def latest_dated(self) -> Self:
        """The events with a first possible day, newest first."""
        dated = self.filter(sort_day__gt="", start_earliest__gt="").select_related("category")
        return dated.order_by(*NEWEST_FIRST)

    def around(self, when: EDTF) -> Self:
        """The events that began or went on in `when`, a day, a month or a year. The certain ones
        are first and have `surely`. A date with one bound counts only on that bound."""
        first, last = when.earliest, padded(days_of(when)[1])
        began = Q(start_earliest__gte=first, start_latest__lte=last, sort_day__gte=first)
        went_on = Q(end_earliest__gt="", end_earliest__gte=first, start_latest__lte=last)
        may_have_begun = Q(
            start_earliest__gt="", start_latest__gte=first, start_latest__lt=END_OF_TIME
        )
        surely = Case(When(began | went_on, then=True), default=False)
        events = self.filter(
            began | went_on | may_have_begun | Q(sort_day__gte=first),
            sort_day__gt="",
            sort_day__lte=last,
        )
        return events.annotate(surely=surely).order_by("-surely", *BY_TIME)

    def quoting(self, citations: Iterable[Citation]) -> Self:
        """The events that quote a passage of these citations, with most shared passages first."""
        numbers = defaultdict[int, list[int]](list)
        for citation in citations:
            numbers[citation.source_id].append(citation.number)
        passages = (
            Q(citations__source=source, citations__number__in=shared)
            for source, shared in numbers.items()
        )
        either = reduce(or_, passages, Q(pk__in=[]))
        events = self.filter(either, citations__stance="supports")
        shared = Count("citations__number", distinct=True)
        return events.annotate(shared=shared).order_by("-shared", *BY_TIME)

    def before(self, event: "Event") -> Self:
        """The dated events before `event` in the timeline, nearest first."""
        earlier = self.filter(_side(event, "lt"), sort_day__lte=event.sort_day, sort_day__gt="")
        return earlier.order_by("-sort_day", "-start_latest", "-slug")

    def after(self, event: "Event") -> Self:
        """The dated events after `event` in the timeline, nearest first."""
        later = self.filter(_side(event, "gt"), sort_day__gte=event.sort_day)
        return later.order_by(*BY_TIME)


def _side(event: "Event", side: str) -> Q:
    """The condition of the events before (`lt`) or after (`gt`) `event` in the order BY_TIME."""
    condition = Q(**{f"slug__{side}": event.slug})
    for name in ("start_latest", "sort_day"):
        value = getattr(event, name)
        condition = Q(**{f"{name}__{side}": value}) | Q(condition, **{name: value})
    return condition


class Event(Spanning, Parted, Publishable):
    """Something that happened or went on."""

    dated_by = "start"
    surely: bool  # annotated by `EventQuerySet.around`
    number: int  # in the chart of a list

    title = models.CharField(
        "título", max_length=200, help_text="Por ejemplo «Se firma el acuerdo»."
    )
    category = models.ForeignKey(
        EventCategory, models.PROTECT, verbose_name="categoría", db_index=False
    )
    sort_day = day_column(SortDay("start"))
    date_label = models.CharField(
        "palabras de la fuente",
        max_length=200,
        blank=True,
        help_text="Se muestran junto a la fecha, sin cambiarlas: «a mediados de año».",
    )
    location = models.CharField(
        "lugar", max_length=300, blank=True, help_text="Vacío: la fuente no lo dice."
    )
    start_time = models.TimeField(
        "hora", null=True, blank=True,
        help_text="La de inicio, de un día completo: «17:30». Vacía: la fuente no la dice.",
    )  # fmt: skip
    summary = models.TextField(
        "resumen", blank=True, help_text="De una a tres oraciones, solo lo que dice la fuente."
    )
    body = RichTextField("texto")
    organizations = models.ManyToManyField(
        Organization,
        through=EventOrganization,
        verbose_name="organizaciones",
        related_name="events",
        blank=True,
    )

    objects = EventQuerySet.as_manager()  # type: ignore[misc]  # see Record
    history = Versions(m2m_fields=[organizations])

    class Meta:
        verbose_name = "acontecimiento"
        verbose_name_plural = "acontecimientos"
        ordering = ["sort_day", "slug"]
        indexes = [
            models.Index(fields=["sort_day", "slug"]),
            *Publishable.clock_indexes(),
            models.Index(DATED_FIRST, *BY_TIME, name="event_by_time"),
            models.Index(
                DATED_FIRST, *(F(name).desc() for name in BY_TIME), name="event_newest_first"
            ),
            Publishable.public_index("event_by_category", "category", *BY_TIME),
        ]
        constraints = [
            *Spanning.span_constraints(),
            Publishable.publication_constraint(),
            Publishable.lower_slug(),
            models.CheckConstraint(
                name="timeline_event_time_of_a_day",
                condition=Q(start_time=None) | Q(Exact(Length("start"), 10)),
                violation_error_message=TIME_OF_A_DAY,
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("timeline:event_detail", args=[self.slug])

    def clean(self) -> None:
        super().clean()
        if self.end and not self.start:
            raise ValidationError({"end": "Falta el inicio, que puede ser «… o antes»."})
        if self.start_time and len(self.start) != 10:
            raise ValidationError({"start_time": TIME_OF_A_DAY})

    @property
    def when(self) -> EDTF:
        """When it happened or began."""
        return parse(self.start)

    @property
    def began_at(self) -> datetime | None:
        """The day and the time of the start, in the time zone of the record, if both are proven."""
        day, hour = self.when.first_day, self.start_time
        if not (day and hour) or missing_proof(self, "start start_time"):
            return None
        return datetime.combine(day, hour, ZoneInfo(settings.TIME_ZONE))

    @property
    def hour(self) -> str:
        """«17:30 horas»; empty if the source does not say it."""
        return f"{self.start_time:%H:%M} horas" if self.start_time else ""

    @property
    def proven_location(self) -> str:
        return "" if missing_proof(self, "location") else self.location

    @property
    def in_short(self) -> Node:
        return page_subject(self, "Event", "acontecimiento", name=self.title)

    def jsonld(self, statements: Iterable["Statement"]) -> Node:
        """The node of the event."""
        start, end = proven(self, "start", self.when), proven(self, "end", self.period.end)
        is_plain = start and (end or not self.end) and not (self.date_label or self.otherwise)
        is_plain = is_plain and not missing_proof(self, "start_time location")
        return self.in_short | node(
            startDate=self.began_at.isoformat() if self.began_at else start,
            endDate=end,
            description=f"{self.summary} {'' if is_plain else date_sentence(self)}".strip(),
            location=node(kind="Place", name=place) if (place := self.proven_location) else None,
            organizer=_in_short(self.who(EventPart.CONVENES)),
            attendee=_in_short(self.who(EventPart.TAKES_PART)),
            about=_in_short(self.who(EventPart.IS_NAMED)),
            subjectOf=[statement.in_short for statement in statements],
        )


def _in_short(organizations: Iterable[Organization]) -> list[Node]:
    return [organization.in_short for organization in organizations]


class StatementEvent(models.Model):
    """An explicit model, so that PROTECT covers the events in the table."""

    statement = models.ForeignKey("Statement", models.CASCADE)
    event = models.ForeignKey(Event, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "event"], name="statement_tells_once")
        ]

    def __str__(self) -> str:
        return f"{self.statement} cuenta {self.event}"


class StatementQuerySet(PartedQuerySet["Statement"]):
    def by_time(self, newest_first: bool = False) -> Self:
        """Sorts by time; undated statements last, in order of entry."""
        entered, statements = Case(When(sort_day="", then="pk")), self.select_related("kind")
        days = ("-sort_day", entered, "-pk") if newest_first else ("sort_day", "pk")
        return statements.order_by(DATED_FIRST, *days)

    def before(self, statement: "Statement") -> Self:
        """The statements before `statement`, nearest first."""
        alike = Q(sort_day=statement.sort_day, pk__lt=statement.pk)
        dated = Q(sort_day__lt=statement.sort_day) if statement.sort_day else Q()
        return self.filter(alike | (dated & Q(sort_day__gt=""))).by_time().reverse()

    def after(self, statement: "Statement") -> Self:
        """The statements after `statement`, nearest first."""
        later = Q(sort_day=statement.sort_day, pk__gt=statement.pk)
        if statement.sort_day:
            later |= Q(sort_day__gt=statement.sort_day) | Q(sort_day="")
        return self.filter(later).by_time()


class Statement(Parted, Publishable):
    """A text of the coalition, in its own words."""

    dated_by = "date"
    title = models.CharField("título", max_length=300)
    kind = models.ForeignKey(StatementKind, models.PROTECT, verbose_name="tipo", db_index=False)
    date = EDTFField("fecha", help_text="Vacío: la fuente no lo dice.")
    date_earliest = day_column(Earliest("date"), "fecha: no antes de")
    date_latest = day_column(Latest("date"), "fecha: no después de")
    sort_day = day_column(SortDay("date"))
    date_label = models.CharField("palabras de la fuente", max_length=200, blank=True)
    summary = models.TextField("resumen", blank=True)
    body = RichTextField("texto")
    organizations = models.ManyToManyField(
        Organization,
        through=StatementOrganization,
        verbose_name="organizaciones que nombra",
        related_name="statements",
        blank=True,
    )
    events = models.ManyToManyField(
        Event,
        through=StatementEvent,
        verbose_name="acontecimientos que cuenta",
        related_name="statements",
        blank=True,
    )

    objects = StatementQuerySet.as_manager()  # type: ignore[misc]  # see Record
    history = Versions(m2m_fields=[organizations, events])

    class Meta:
        verbose_name = "pronunciamiento"
        verbose_name_plural = "pronunciamientos"
        ordering = ["sort_day", "slug"]
        indexes = [
            models.Index(fields=["sort_day", "slug"]),
            *Publishable.clock_indexes(),
        ]
        constraints = [
            possible_date("date"),
            Publishable.publication_constraint(),
            Publishable.lower_slug(),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("timeline:statement_detail", args=[self.slug])

    @property
    def when(self) -> EDTF:
        return parse(self.date)

    @property
    def period(self) -> Period:
        return Period(self.when)

    @property
    def in_short(self) -> Node:
        return page_subject(self, "Article", "texto", headline=self.title)

    @property
    def authors(self) -> list[Organization]:
        """The public organizations that speak or sign, by name; empty if no source says who."""
        return self.who(*AUTHORS)

    @property
    def asked_to_sign(self) -> int:
        """The number of organizations that signed or declined, if any declined; else 0."""
        declined = len(self.who(StatementPart.DECLINES))
        return declined and declined + len(self.who(StatementPart.SIGNS))

    def jsonld(self, events: Iterable[Event]) -> Node:
        """The node of the statement."""
        return self.in_short | node(
            **self._said_by(),
            abstract=self.summary,
            about=[event.in_short for event in events],
            mentions=_in_short(self.who(StatementPart.DECLINES, StatementPart.IS_NAMED)),
        )

    def question_node(self, text: str) -> Node:
        """The node of a question, for a FAQPage; `text` is the answer."""
        short = self.in_short
        answer = node(kind="Answer", text=text, url=short["url"], **self._said_by())
        return node(
            kind="Question",
            id=short["@id"],
            name=self.title,
            acceptedAnswer=answer if text else None,
        )

    def _said_by(self) -> Node:
        """The authors, and the date: in words too, unless it is exact, proven and undisputed."""
        published, said_by = proven(self, "date", self.when), _in_short(self.authors)
        more = self.date_label or missing_proof(self) or self.otherwise or published != self.date
        dated = date_sentence(self) if more else ""
        return node(author=said_by, datePublished=published, description=dated)


def date_sentence(record: Event | Statement, note: str = "") -> str:
    """«Fecha: 2016, «a mediados de año»; lugar: Plaza [ sin cita todavía ].», and what another
    source says. `note` comes before the full stop."""
    when = record.period.when or by_sources("la fuente no la dice", "las fuentes no la dicen")
    when += f", «{record.date_label}»" if record.date_label else ""
    if isinstance(record, Event):
        when = ", ".join(filter(None, (when, record.hour)))
        when = "; lugar: ".join(filter(None, (when, record.location)))
    words = (f"Fecha: {when}", missing_proof(record), f"({note})" if note else "")
    return f"{' '.join(filter(None, words))}. {record.otherwise}".strip()
