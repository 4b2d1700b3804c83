"""The words that classify events and statements. Each coalition has its own, and the staff edit
them."""

from django.db import models
from django.urls import reverse

from record.history import Versions
from record.publishing import Record


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
