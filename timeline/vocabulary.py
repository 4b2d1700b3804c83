"""The words that the staff edit: categories of events, kinds of statements, and synonyms of the
search. The parts of organizations in events and statements.

The tables of parts are explicit models, so that PROTECT covers the organizations in them.
"""

from typing import Any, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Count, Q, Value, When
from django.db.models.functions import Substr
from django.urls import reverse
from django.utils.http import urlencode

from organizations.models import Organization
from record.charts import Chart
from record.history import Versions
from record.publishing import P, PublishableQuerySet, Record
from timeline import years
from timeline.charts import columns_chart


class Vocabulary(Record):
    """A word of a list, which is always public. The slug is its value in addresses and tables."""

    name = models.CharField(
        "en singular", max_length=80, unique=True, help_text="En minúsculas: «acuerdo»."
    )
    plural = models.CharField("en plural", max_length=80, help_text="Por ejemplo «acuerdos».")
    order = models.PositiveSmallIntegerField(
        "lugar en la lista", default=1, help_text="1 para la primera; con el mismo, por nombre."
    )

    named_by = ("name", "plural")

    class Meta:
        abstract = True
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name


class EventCategory(Vocabulary):
    """A word for events, such as «acuerdo»."""

    history = Versions()

    class Meta(Vocabulary.Meta):
        verbose_name = "categoría"
        verbose_name_plural = "categorías"
        constraints = [Record.lower_slug()]

    def get_absolute_url(self) -> str:
        return f"{reverse('timeline:event_list')}?categoria={self.slug}"


class StatementKind(Vocabulary):
    """A word for statements, such as «comunicado»."""

    is_question = models.BooleanField(
        "pregunta y respuesta",
        default=False,
        help_text="El título pregunta y el texto responde: así lo leen los buscadores.",
    )

    history = Versions()

    class Meta(Vocabulary.Meta):
        verbose_name = "tipo de pronunciamiento"
        verbose_name_plural = "tipos de pronunciamiento"
        constraints = [Record.lower_slug()]

    def get_absolute_url(self) -> str:
        return reverse("timeline:statement_list")


class Synonym(Record):
    """A word that readers search for, and the words of the record that mean the same."""

    word = models.CharField(
        "quien busca escribe",
        max_length=60,
        unique=True,
        validators=[RegexValidator(r"\A[^\W_]+\Z", "Escriba una sola palabra, sin signos.")],
        help_text="Una palabra, por ejemplo «vocero».",
    )
    means = models.CharField(
        "y encuentra también",
        max_length=300,
        validators=[
            RegexValidator(
                r"\A\s*[^\W_][^,]*(,\s*[^\W_][^,]*)*\Z",
                "Escriba las palabras separadas por comas, sin comas de más.",
            )
        ],
        help_text="Las palabras del registro, separadas por comas: «representante, "
        "representación». Varias sin coma en medio se buscan seguidas: «por qué».",
    )

    named_by = ("word", "means")
    history = Versions()

    class Meta:
        verbose_name = "sinónimo de la búsqueda"
        verbose_name_plural = "sinónimos de la búsqueda"
        ordering = ["word"]
        constraints = [Record.lower_slug()]

    def __str__(self) -> str:
        return self.word

    def slug_words(self) -> str:
        return self.word

    def get_absolute_url(self) -> str:
        return f"{reverse('search:results')}?{urlencode({'q': self.word})}"


class EventPart(models.TextChoices):
    CONVENES = "convenes", "convocan"
    TAKES_PART = "takes_part", "participan"
    IS_NAMED = "is_named", "nombradas"


class StatementPart(models.TextChoices):
    SPEAKS = "speaks", "hablan"
    SIGNS = "signs", "firman"
    DECLINES = "declines", "declinan"
    IS_NAMED = "is_named", "nombradas"


ALONE = {
    "convocan": "convoca",
    "participan": "participa",
    "nombradas": "nombrada",
    "hablan": "habla",
    "firman": "firma",
    "declinan": "no firma",
}
"""The part of a single organization, by the word for several."""
AUTHORS = (StatementPart.SPEAKS, StatementPart.SIGNS)


def part_field(parts: type[models.TextChoices]) -> models.CharField:
    """The database has the default too, since the previous release runs during the migration and
    writes no parts."""
    named = parts["IS_NAMED"].value
    return models.CharField("papel", max_length=12, choices=parts, default=named, db_default=named)


def known_part(parts: type[models.TextChoices]) -> models.CheckConstraint:
    return models.CheckConstraint(
        name="%(app_label)s_%(class)s_known_part", condition=Q(part__in=parts.values)
    )


class PartQuerySet(models.QuerySet[Any]):
    def get_by_natural_key(self, slug: str, organization: str) -> Any:
        return self.get(**{f"{self.model.of}__slug": slug}, organization__slug=organization)


class Part(models.Model):
    """A row of a list of organizations. `of` is the name of the other foreign key."""

    of: str
    organization: Any
    objects = PartQuerySet.as_manager()

    class Meta:
        abstract = True

    def natural_key(self) -> tuple[str, str]:
        return getattr(self, self.of).slug, self.organization.slug


class EventOrganization(Part):
    of = "event"
    event = models.ForeignKey("timeline.Event", models.CASCADE)
    organization = models.ForeignKey(Organization, models.PROTECT, db_index=False)
    part = part_field(EventPart)

    class Meta:
        indexes = [models.Index(fields=["organization", "event"], name="organization_in_events")]
        constraints = [
            models.UniqueConstraint(fields=["event", "organization"], name="event_names_once"),
            known_part(EventPart),
        ]

    def __str__(self) -> str:
        return f"{self.event} ({self.get_part_display()}): {self.organization}"


class StatementOrganization(Part):
    of = "statement"
    statement = models.ForeignKey("timeline.Statement", models.CASCADE)
    organization = models.ForeignKey(Organization, models.PROTECT)
    part = part_field(StatementPart)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "organization"], name="statement_names_once"
            ),
            known_part(StatementPart),
        ]

    def __str__(self) -> str:
        return f"{self.statement} ({self.get_part_display()}): {self.organization}"


def visible_parts(model: Any) -> models.Prefetch:
    """Prefetches the public organizations with their parts, by name, as `visible_parts`."""
    organizations = Organization.objects.visible_to(None)
    rows = model.organizations.through.objects.filter(organization__in=organizations)
    rows = rows.select_related("organization").order_by("organization__name", "organization")
    rows = rows.defer("organization__summary", "organization__description")
    return models.Prefetch(f"{rows.model._meta.model_name}_set", rows, to_attr="visible_parts")


class PartedQuerySet(PublishableQuerySet[P]):
    def with_parts(self) -> Self:
        return self.prefetch_related(visible_parts(self.model))

    def counts_by_year(self) -> dict[str, tuple[int, int]]:
        """The numbers of records with an exact date and with bounds, by year (`""` if undated)."""
        return self._counts(Substr("sort_day", 1, 4))

    def counts_by_month(self, year: str) -> dict[str, tuple[int, int]]:
        """These numbers by month: `2015-02`; `2015-XX` if no source says it."""
        model: Any = self.model
        unsaid = When(years.without_month(year, model.dated_by), then=Value(f"{year}-XX"))
        records = self.filter(years.within(year, model.dated_by))
        return records._counts(Case(unsaid, default=Substr("sort_day", 1, 7)))

    def columns(self, url: str, name: str) -> Chart | None:
        """The chart of the numbers by year, which links to the list at `url`."""
        counts = self.counts_by_year()
        undated = sum(counts.pop("", ()))
        chart = columns_chart(counts, undated, url, str(self.model._meta.verbose_name))
        if chart:
            chart.id = name
        return chart

    def _counts(self, span: Any) -> dict[str, tuple[int, int]]:
        model: Any = self.model
        bounded = Count("pk", filter=Q(**{f"{model.dated_by}__startswith": "["}))
        counts = self.order_by().values_list(span).annotate(every=Count("pk"), bounded=bounded)
        return {name: (every - bounded, bounded) for name, every, bounded in counts}


class Parted(models.Model):
    """A record whose organizations have parts."""

    dated_by: str
    """The name of the date by which lists sort it."""
    visible_parts: list[Any]  # prefetched by `with_parts`

    class Meta:
        abstract = True

    def who(self, *parts: str) -> list[Organization]:
        """The public organizations with one of these parts."""
        return [row.organization for row in self.visible_parts if row.part in parts]

    @property
    def organizations_by_part(self) -> dict[str, list[Organization]]:
        return {row.part: self.who(row.part) for row in self.visible_parts}

    @property
    def visible_organizations(self) -> list[Organization]:
        return [row.organization for row in self.visible_parts]
