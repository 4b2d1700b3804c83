from django.db import models
from django.urls import reverse

from organizations.models import Organization
from record.dates import EDTF, EDTFField, earliest_of, latest_of, parse, possible_date, sort_day_of
from record.history import Versions
from record.periods import Spanning
from record.publishing import Publishable
from record.richtext import RichTextField


# The many-to-many tables are written out, for what is referred to can't be deleted: PROTECT.


class EventOrganization(models.Model):
    event = models.ForeignKey("Event", models.CASCADE)
    organization = models.ForeignKey(Organization, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "organization"], name="event_names_once")
        ]


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
        "título", max_length=200, help_text="Por ejemplo «Se decide ampliar la participación»."
    )
    category = models.CharField("categoría", max_length=20, choices=Category)
    sort_day = sort_day_of("start")
    date_label = models.CharField(
        "palabras de la fuente",
        max_length=200,
        blank=True,
        help_text="Se muestran junto a la fecha, sin cambiarlas: «a principios de 2016».",
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

    history = Versions(m2m_fields=[organizations])

    class Meta:
        verbose_name = "acontecimiento"
        verbose_name_plural = "acontecimientos"
        ordering = ["sort_day", "slug"]
        indexes = [models.Index(fields=["sort_day", "slug"])]
        constraints = [*Spanning.span_constraints(), Publishable.publication_constraint()]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("timeline:event_detail", args=[self.slug])

    @property
    def when(self) -> EDTF:
        """When it happened, or began."""
        return parse(self.start)


class StatementOrganization(models.Model):
    statement = models.ForeignKey("Statement", models.CASCADE)
    organization = models.ForeignKey(Organization, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["statement", "organization"], name="statement_names_once"
            )
        ]


class StatementEvent(models.Model):
    statement = models.ForeignKey("Statement", models.CASCADE)
    event = models.ForeignKey(Event, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["statement", "event"], name="statement_tells_once")
        ]


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

    history = Versions(m2m_fields=[organizations, events])

    class Meta:
        verbose_name = "pronunciamiento"
        verbose_name_plural = "pronunciamientos"
        ordering = ["sort_day", "slug"]
        indexes = [models.Index(fields=["sort_day", "slug"])]
        constraints = [possible_date("date"), Publishable.publication_constraint()]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("timeline:statement_detail", args=[self.slug])

    @property
    def when(self) -> EDTF:
        return parse(self.date)
