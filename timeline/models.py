from collections.abc import Collection
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Concat, Greatest, NullIf, Substr
from django.db.models.lookups import Exact
from django.utils import timezone

from organizations.models import Organization
from organizations.names import Named
from record.dates import (
    EDTF,
    END_OF_TIME,
    EDTFField,
    earliest_of,
    latest_of,
    parse,
    possible_date,
    sort_day_of,
)
from record.history import Versions
from record.keyset import Place, Stretch, Walk
from record.pages import MOST, Moment, address, moment_of
from record.periods import Spanning, padded
from record.prepared import NOW, Among, Given, prepared
from record.publishing import Publishable, PublishableQuerySet, visible
from record.richtext import RichTextField
from timeline.entries import Entry, StatementEntry
from timeline.years import days

MOST_NAMED = 24  # organizations to choose among
OFTEN = 5_000  # mentions, from which a page of them is found sooner along all events
BY_TIME = ("sort_day", "start_latest", "slug")
# Lest PostgreSQL walk along the index of all, where it should look among few and sort them.
IN_NO_INDEX = Concat(*BY_TIME, output_field=models.TextField())
DATED_FIRST = NullIf("sort_day", Value("")).asc(nulls_last=True)
# Written out, for SQLite knows an index with a condition only by the condition's very words.
_NOTHING = Func(template="''", output_field=models.CharField())
NO_DAY = Q(Exact(F("sort_day"), _NOTHING))
HAS_END = ~Q(Exact(F("end_earliest"), _NOTHING))
UNDATED = Stretch(
    ("id",), only=NO_DAY, word="sin-fecha", ahead="Siguientes", back="Anteriores", into="Sin fecha"
)
EVENTS_BY_TIME = (Stretch(BY_TIME, first="0"), UNDATED)
STATEMENTS_BY_TIME = (Stretch(("sort_day", "id"), first="0"), UNDATED)

# The many-to-many tables are written out, for what is referred to can't be deleted: PROTECT.


class EventOrganizationQuerySet(models.QuerySet):
    def most_named(
        self, events: models.QuerySet, organizations: models.QuerySet
    ) -> list[tuple[Organization, int]]:
        """Of the organizations, those that most of the events name, each with how many. In two
        queries: joined, SQLite would go through all that any event ever named."""
        counts = self.filter(event__in=events.values("pk")).values_list("organization")
        many = dict(counts.annotate(many=Count("pk")).order_by("-many")[: 5 * MOST_NAMED])
        named = organizations.filter(pk__in=many).only("slug", "name", "short_name")
        found = sorted(named, key=lambda one: -many[one.pk])[:MOST_NAMED]
        return [(one, many[one.pk]) for one in found]

    def name_often(self, organization: Organization) -> bool:
        return bool(_beyond_often(organization=organization.pk))

    def names_in(self, events: Collection[int]) -> dict[int, tuple[tuple[Named, ...], str]]:
        """By the key of an event, those that it names and everybody may see, and the Moment when
        one of these last changed. In one query."""
        found: dict[int, tuple[tuple[Named, ...], str]] = {}
        rows = _public_names(event_id=events, now=timezone.now()) if events else ()
        for key, *name, changed in rows:
            names, last = found.get(key, ((), ""))
            found[key] = (*names, Named(*name)), max(last, changed)
        return found

    def attach_to(self, events: Collection["Event"]) -> None:
        """Gives events the `names` in them, and `named_at`, when one of these last changed."""
        found = self.names_in([event.pk for event in events])
        for event in events:
            event.names, last = found.get(event.pk, ((), ""))
            event.named_at = moment_of(last)


@prepared
def _beyond_often() -> EventOrganizationQuerySet:
    organization = Given("organization", models.BigIntegerField())
    links = EventOrganization.objects.filter(organization=organization).order_by()
    return links.values_list("pk")[OFTEN : OFTEN + 1]


@prepared
def _public_names() -> EventOrganizationQuerySet:
    path = "organization__"
    found = EventOrganization.objects.filter(Among("event_id"))
    found = found.filter(visible(Organization, NOW, path)).order_by(f"{path}name", f"{path}slug")
    changed = Moment(Greatest(f"{path}updated_at", f"{path}publish_at"))
    return found.values_list("event_id", *(f"{path}{name}" for name in Named._fields), changed)


class EventOrganization(models.Model):
    event = models.ForeignKey("Event", models.CASCADE)
    organization = models.ForeignKey(Organization, models.PROTECT, db_index=False)

    objects = EventOrganizationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["organization", "event"], name="organization_in_events")]
        constraints = [
            models.UniqueConstraint(fields=["event", "organization"], name="event_names_once")
        ]

    def __str__(self) -> str:
        return f"{self.event} nombra a {self.organization}"


def readable_organizations() -> models.Prefetch:
    """Those of the organizations named that everybody may see."""
    return models.Prefetch("organizations", Organization.objects.visible_to(None))


def _beside(event: "Event", side: str) -> Q:
    """What stands on one side of `event` in the timeline: `lt` or `gt`."""
    found = Q(**{f"slug__{side}": event.slug})
    for name in ("start_latest", "sort_day"):
        value = getattr(event, name)
        found = Q(**{f"{name}__{side}": value}) | Q(found, **{name: value})
    return found


class EventQuerySet(PublishableQuerySet):
    def counts_by_year_and_category(self) -> list[tuple[str, str, bool, int]]:
        """Rows of year (`''`: undated), category, whether only bounded, and how many events."""
        bounded = Case(When(start__startswith="[", then=True), default=False)
        counts = self.order_by().annotate(bounded=bounded)
        columns = (Substr("sort_day", 1, 4), "category", "bounded")
        return list(counts.values_list(*columns).annotate(Count("pk")))

    def first_and_last_year(self) -> tuple[str, str] | None:
        """Of the dated ones; found in an index, however many there are."""
        dated = self.filter(sort_day__gt="").values("sort_day")
        ends = [Subquery(dated.order_by(order)[:1]) for order in ("sort_day", "-sort_day")]
        first, last = next(iter(Event.objects.order_by().values_list(*ends)[:1]), ("", ""))
        return (first[:4], last[:4]) if first and last else None

    def in_year(self, year: str) -> Self:
        """Those that stand in `year` of the timeline, or in a longer span of `timeline.years`;
        `''`: the undated."""
        if not year:
            return self.filter(sort_day="")
        first, last = days(year)
        return self.filter(sort_day__gte=first, sort_day__lt=last)

    def naming(self, organization: Organization, often: bool = False) -> Self:
        """Those that name it. `often` walks along the events and not along its many mentions."""
        links = EventOrganization.objects.filter(organization=organization)
        if often:
            return self.filter(Exists(links.filter(event=OuterRef("pk"))))
        return self.filter(pk__in=links.values("event"))

    def first_naming(self, organization: Organization, most: int) -> list["Event"]:
        """The first by time of those that name one that is named often."""
        walk = Walk(self.naming(organization, often=True), EVENTS_BY_TIME)
        return [event for _stretch, event in walk.take(most, Place())]

    def by_time(self) -> Self:
        """Oldest first, then the narrower; the undated last, as they were entered."""
        return self.order_by(
            DATED_FIRST, "start_latest", Case(When(sort_day="", then="pk")), "slug"
        )

    def latest_dated(self) -> Self:
        """Newest first, by the first possible day."""
        dated = self.filter(sort_day__gt="", start_earliest__gt="")
        return dated.order_by(*(f"-{name}" for name in BY_TIME))

    def around(self, when: EDTF, most: int = 50) -> list["Event"]:
        """Those that began on `when`, a day, a month or a year, or were going on then, `surely` or
        maybe, the sure ones first. One whose source leaves a side open may have begun at any time;
        it stands only where its bound does."""
        first, last = when.earliest, padded(when.last_day)
        began = self.filter(sort_day__gte=first, sort_day__lte=last, start_earliest__gte=first)
        began = began.filter(start_latest__lte=last).order_by(*BY_TIME)
        going_on = self.filter(slug__in=self._going_on(first, last).values("slug")[:most])
        found = {*began[:most], *going_on}
        sure = sorted(found, key=lambda event: [getattr(event, name) for name in BY_TIME])[:most]
        maybe = self._perhaps_begun(first, last).exclude(pk__in=[event.pk for event in sure])
        perhaps = list(maybe[: most - len(sure)]) if len(sure) < most else []
        for event in (*sure, *perhaps):
            event.surely = event in found
        return [*sure, *perhaps]

    def _going_on(self, first: str, last: str) -> Self:
        lasted = self.filter(HAS_END, end_earliest__gte=first, start_latest__lte=last)
        return lasted.order_by(IN_NO_INDEX)

    def _perhaps_begun(self, first: str, last: str) -> Self:
        """Looked for among the MOST that stand there or last before it: a source may bound a date
        by any distance, and no index knows how far."""
        before = self.filter(sort_day__gt="", sort_day__lte=last)
        nearest = before.order_by(*(f"-{name}" for name in BY_TIME)).values("pk")[:MOST]
        may_have_begun = Q(
            start_earliest__gt="", start_latest__gte=first, start_latest__lt=END_OF_TIME
        )
        bound_here = Q(sort_day__gte=first)
        found = self.filter(may_have_begun | bound_here, pk__in=nearest)
        return found.order_by(IN_NO_INDEX)

    def before(self, event: "Event") -> Self:
        """The dated ones that stand before `event`, nearest first."""
        earlier = self.filter(_beside(event, "lt"), sort_day__lte=event.sort_day, sort_day__gt="")
        return earlier.order_by("-sort_day", "-start_latest", "-slug")

    def after(self, event: "Event") -> Self:
        """Those that stand after it, nearest first."""
        later = self.filter(_beside(event, "gt"), sort_day__gte=event.sort_day)
        return later.order_by("sort_day", "start_latest", "slug")


class Event(Spanning, Publishable):
    """Something that happened, or went on."""

    class Category(models.TextChoices):
        CALL = "convocatoria", "convocatoria"
        INCORPORATION = "incorporacion", "incorporación"
        AGREEMENT = "acuerdo", "acuerdo"
        HANDOVER = "relevo", "relevo"
        MEETING = "reunion", "reunión"
        PUBLICATION = "publicacion", "publicación"
        STATEMENT = "pronunciamiento", "pronunciamiento"
        EXIT = "salida", "salida"

    title = models.CharField(
        "título", max_length=200, help_text="Por ejemplo «Se firma el acuerdo»."
    )
    category = models.CharField("categoría", max_length=20, choices=Category)
    sort_day = sort_day_of("start")
    date_label = models.CharField(
        "palabras de la fuente",
        max_length=200,
        blank=True,
        help_text="Se muestran junto a la fecha, sin cambiarlas: «a mediados de año».",
    )
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

    objects = EventQuerySet.as_manager()
    history = Versions(m2m_fields=[organizations])

    class Meta:
        verbose_name = "acontecimiento"
        verbose_name_plural = "acontecimientos"
        ordering = ["sort_day", "slug"]
        indexes = [
            models.Index(fields=["sort_day", "slug"]),
            *Publishable.clock_indexes(),
            Publishable.public_index("event_by_time", *BY_TIME),
            Publishable.public_index("event_by_category", "category", *BY_TIME),
            Publishable.public_index("event_undated", "sort_day", "id", only=Q(sort_day="")),
            Publishable.public_index(
                "event_going_on", "end_earliest", *BY_TIME, only=~Q(end_earliest="")
            ),
        ]
        constraints = [*Spanning.span_constraints(), Publishable.publication_constraint()]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return address("timeline:event_detail", self.slug)

    def clean(self) -> None:
        super().clean()
        if self.end and not self.start:
            raise ValidationError({"end": "Falta el inicio, que puede ser «… o antes»."})

    @property
    def when(self) -> EDTF:
        """When it happened, or began."""
        return parse(self.start)

    @property
    def entry(self) -> Entry:
        """With the names and quotes that were attached to it."""
        category = CATEGORIES.get(self.category, self.category)
        dates = self.start, self.end, self.date_label
        beside = getattr(self, "names", ()), getattr(self, "quotes", ())
        return Entry(self.slug, self.title, self.summary, *dates, category, *beside)


CATEGORIES = dict(Event.Category.choices)


class StatementOrganization(models.Model):
    statement = models.ForeignKey("Statement", models.CASCADE)
    organization = models.ForeignKey(Organization, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "organization"], name="statement_names_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.statement} nombra a {self.organization}"


class StatementEvent(models.Model):
    statement = models.ForeignKey("Statement", models.CASCADE)
    event = models.ForeignKey(Event, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "event"], name="statement_tells_once")
        ]

    def __str__(self) -> str:
        return f"{self.statement} cuenta {self.event}"


class StatementQuerySet(PublishableQuerySet):
    def by_time(self) -> Self:
        """Oldest first, the undated last, as they were entered."""
        return self.order_by(DATED_FIRST, "pk")

    def before(self, statement: "Statement") -> Self:
        """Those that stand before `statement`, nearest first."""
        alike = Q(sort_day=statement.sort_day, pk__lt=statement.pk)
        dated = Q(sort_day__lt=statement.sort_day) if statement.sort_day else Q()
        return self.filter(alike | (dated & Q(sort_day__gt=""))).by_time().reverse()

    def after(self, statement: "Statement") -> Self:
        """Those that stand after it, nearest first."""
        found = Q(sort_day=statement.sort_day, pk__gt=statement.pk)
        if statement.sort_day:
            found |= Q(sort_day__gt=statement.sort_day) | Q(sort_day="")
        return self.filter(found).by_time()

    def beside(self, statement: "Statement") -> tuple["Statement | None", "Statement | None"]:
        """The one before it and the one after it, in one query."""
        before, after = (
            some.values("pk")[:1] for some in (self.before(statement), self.after(statement))
        )
        found = {
            one.place > statement.place: one
            for one in self.filter(Q(pk__in=before) | Q(pk__in=after))
        }
        return found.get(False), found.get(True)


class Statement(Publishable):
    """What the coalition said, in its own words."""

    class Kind(models.TextChoices):
        QUESTION_AND_ANSWER = "question_and_answer", "pregunta y respuesta"
        COMMUNIQUE = "communique", "comunicado"
        POSITION = "position", "posicionamiento"

    title = models.CharField("título", max_length=300)
    kind = models.CharField("tipo", max_length=20, choices=Kind)
    date = EDTFField("fecha", help_text="Vacío: la fuente no lo dice.")
    date_earliest = earliest_of("date", "fecha: no antes de")
    date_latest = latest_of("date", "fecha: no después de")
    sort_day = sort_day_of("date")
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

    objects = StatementQuerySet.as_manager()
    history = Versions(m2m_fields=[organizations, events])

    class Meta:
        verbose_name = "pronunciamiento"
        verbose_name_plural = "pronunciamientos"
        ordering = ["sort_day", "slug"]
        indexes = [
            models.Index(fields=["sort_day", "slug"]),
            *Publishable.clock_indexes(),
            Publishable.public_index("statement_by_time", "sort_day", "id"),
        ]
        constraints = [possible_date("date"), Publishable.publication_constraint()]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return address("timeline:statement_detail", self.slug)

    @property
    def when(self) -> EDTF:
        return parse(self.date)

    @property
    def entry(self) -> StatementEntry:
        kind = KINDS.get(self.kind, self.kind)
        return StatementEntry(self.slug, self.title, kind, self.date, self.date_label)

    @property
    def place(self) -> tuple[bool, str, int]:
        """Where `by_time` puts it."""
        return not self.sort_day, self.sort_day, self.pk


KINDS = dict(Statement.Kind.choices)
