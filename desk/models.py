"""What the desk keeps beside the record. None of it is public."""

import hashlib
import json
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from record.publishing import Record, named
from sources.models import SUPPORTED, Citation, Source, supported_model

KEPT = timedelta(days=1)


def _who() -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name="quién"
    )


class ReceivedTextQuerySet(models.QuerySet):
    def expired(self) -> Self:
        return self.filter(created_at__lt=timezone.now() - KEPT)

    def waiting_for(self, user: Any) -> Self:
        """The texts that `user` may still save, the last one first."""
        kept = self.filter(user=user, created_at__gte=timezone.now() - KEPT)
        return kept.order_by("-created_at", "-pk")


class ReceivedText(models.Model):
    """A text on its way in: a file, or a pasted text without `file_name`. It is deleted when its
    source is saved, when its author discards it, and after a day."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name="quién")
    file_name = models.CharField("archivo", max_length=200, blank=True)
    content = models.BinaryField(editable=False)
    document = models.JSONField(default=list, editable=False)
    """The `texts.files.Document` as lists: a file is read once."""
    url = models.CharField("dirección web", max_length=500, blank=True)
    created_at = models.DateTimeField("subido", default=timezone.now, db_index=True)

    objects = ReceivedTextQuerySet.as_manager()

    class Meta:
        verbose_name = "texto por revisar"
        verbose_name_plural = "textos por revisar"
        default_permissions = ()

    def __str__(self) -> str:
        return self.file_name or "texto pegado"


class FactlessSentence(models.Model):
    """A sentence in which a reader found nothing to record, by the digest of its words: a
    sentence that is corrected is unread again."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="factless_sentences")
    digest = models.CharField(max_length=64)
    user = _who()
    marked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "oración sin hechos"
        verbose_name_plural = "oraciones sin hechos"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["source", "digest"], name="factless_sentence_once")
        ]

    def __str__(self) -> str:
        return self.digest[:8]

    @staticmethod
    def digest_of(words: str) -> str:
        """SHA-256 of the collapsed words in UTF-8, hexadecimal."""
        return hashlib.sha256(words.encode()).hexdigest()


class PendingChange(models.Model):
    """A change of a record that is public, and its quotes. It waits until what the source says is
    published, so that no reader sees a fact before its proof."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="pending_changes")
    kind = models.CharField(max_length=30, choices=[(name, name) for name in SUPPORTED])
    key = models.PositiveBigIntegerField()
    changes = models.JSONField(default=dict)
    """By the name of the field, its value when the change was written, and the new value."""
    quotes = models.JSONField(default=list)
    """The `exact` words, and the `field` that they prove, of each citation to add."""
    user = _who()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "cambio por publicar"
        verbose_name_plural = "cambios por publicar"
        default_permissions = ()
        ordering = ["pk"]
        indexes = [models.Index(fields=["kind", "key"], name="pending_change_of")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @property
    def token(self) -> str:
        """A digest of the changes and the quotes."""
        content = json.dumps([self.changes, self.quotes], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def record(self) -> Record | None:
        """The public record; None if it was deleted."""
        record: Any = named(supported_model(self.kind)).filter(pk=self.key).first()
        return record

    def move_quotes(self, source: Source, requoted: dict[str, str]) -> dict[str, str]:
        """Finds the quotes in the new text of their source, as `Source.move_citations`. Returns the
        words of each before and after."""
        moved = {}
        for quote in self.quotes:
            exact = requoted.get(quote["exact"], quote["exact"])
            place = "" if source.passages.places else quote.get("locator", "")
            citation = Citation(source=source, exact=exact, locator=place)
            citation.locate()
            moved[quote["exact"]] = citation.exact
            quote |= {"exact": citation.exact, "locator": citation.locator}
        self.save()
        return moved


class PublicationReceipt(models.Model):
    """What one act published of a source, to undo it."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="publication_receipts")
    user = _who()
    reason = models.CharField("por qué", max_length=500, blank=True)
    made_at = models.DateTimeField("publicado", default=timezone.now)
    entries = models.JSONField(default=list)
    undone_at = models.DateTimeField("deshecho", null=True)
    undone_by = _who()

    class Meta:
        verbose_name = "publicación de una fuente"
        verbose_name_plural = "publicaciones de fuentes"
        default_permissions = ()
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.source}, {self.made_at:%Y-%m-%d %H:%M}"
