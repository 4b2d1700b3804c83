"""Receipts of imports, and the permissions to import, export and undo. Every page, link and command
calls these functions."""

import hashlib
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db import models, transaction
from django.urls import reverse

from editing.resources import Outcome, RecordResource

PAGE_SIZE = 50  # changes on a page of a preview or a receipt
MAX_LOSSES = 200
"""The most losses that are confirmed one by one. More are confirmed all at once."""

IMPORT, EXPORT, UNDO = (
    f"exchange.{name}" for name in ("import_records", "export_records", "undo_import")
)


def may_import(user: User | AnonymousUser, resource: type[RecordResource]) -> bool:
    return user.has_perms([IMPORT, *_permissions(resource, "add", "change")])


def may_export(user: User | AnonymousUser, resource: type[RecordResource]) -> bool:
    return user.has_perms([EXPORT, *_permissions(resource, "view")])


def may_see_receipts(user: User | AnonymousUser) -> bool:
    return any(map(user.has_perm, ("exchange.view_receipt", IMPORT, UNDO)))


def _permissions(resource: type[RecordResource], *names: str) -> list[str]:
    meta = resource.model._meta
    return [f"{meta.app_label}.{name}_{meta.model_name}" for name in names]


class ReceiptQuerySet(models.QuerySet):
    def made(self) -> Self:
        return self.filter(made_at__isnull=False)


class Receipt(models.Model):
    """An import. Before the user confirms it, it is a preview and holds the file. The versions that
    an import makes store its primary key as `history_receipt`."""

    resource = models.CharField("tabla", max_length=30)
    file_name = models.CharField("archivo", max_length=200)
    sha256 = models.CharField("huella SHA-256", max_length=64)
    encoding = models.CharField("codificación", max_length=20, blank=True)
    delimiter = models.CharField("separador", max_length=1, blank=True)
    sample = models.CharField("muestra de acentos", max_length=300, blank=True)
    content = models.BinaryField(null=True, editable=False)
    state = models.CharField(max_length=64, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name="quién"
    )
    reason = models.CharField("por qué", max_length=200, blank=True)
    created_at = models.DateTimeField("subido", auto_now_add=True)
    made_at = models.DateTimeField("importado", null=True)
    undone_at = models.DateTimeField("deshecho", null=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name="quién"
    )
    new = models.PositiveIntegerField("nuevos", default=0)
    changed = models.PositiveIntegerField("modificados", default=0)
    same = models.PositiveIntegerField("sin cambios", default=0)
    errors = models.PositiveIntegerField("errores", default=0)
    faulty_rows = models.PositiveIntegerField(default=0, editable=False)
    problems = models.JSONField(default=list, editable=False)
    """The first RowErrors as lists."""
    warnings = models.JSONField(default=list, null=True, editable=False)
    """The first warnings as lists; null from a server of release 1.0.0, which still runs while a
    newer release migrates."""
    losses = models.PositiveIntegerField("datos que se pierden", default=0)
    lost = models.JSONField(default=list, editable=False)
    """The first losses: [row, slug, title, header, lost text]."""

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        verbose_name = "importación"
        verbose_name_plural = "importaciones"
        ordering = ["-created_at", "-pk"]
        default_permissions = ("view",)
        permissions = [
            ("import_records", "Puede importar registros"),
            ("export_records", "Puede exportar registros"),
            ("undo_import", "Puede deshacer importaciones"),
        ]

    def __str__(self) -> str:
        return self.file_name

    def get_absolute_url(self) -> str:
        return reverse("admin:exchange_receipt_change", args=[self.pk])

    def save_preview(self, outcome: Outcome, changes: list[dict[str, Any]]) -> None:
        """Save the preview. Raises DoesNotExist if the import was made in the meantime."""
        self.new, self.changed, self.same = outcome.counts
        self.state, self.sha256 = outcome.state, hashlib.sha256(self.content or b"").hexdigest()
        self.errors, self.faulty_rows = outcome.error_count, outcome.faulty_rows
        self.problems = [list(error) for error in outcome.errors]
        self.warnings = [list(warning) for warning in outcome.warnings[:MAX_LOSSES]]
        lost = [
            [change["row"], change["slug"], change["title"], column, before]
            for change in changes
            if not change["is_new"]
            for column, (before, after) in change["fields"].items()
            if before and not after
        ]
        self.losses, self.lost = len(lost), lost[:MAX_LOSSES]
        pages = [
            PreviewPage(
                receipt=self,
                number=start // PAGE_SIZE + 1,
                changes=changes[start : start + PAGE_SIZE],
            )
            for start in range(0, len(changes), PAGE_SIZE)
        ]
        with transaction.atomic():
            if self.pk:
                Receipt.objects.select_for_update().get(pk=self.pk, made_at=None)
            self.save()
            self.pages.all().delete()
            PreviewPage.objects.bulk_create(pages, batch_size=20)

    @property
    def rows(self) -> int:
        """The number of rows of the file."""
        return self.new + self.changed + self.same + self.faulty_rows

    @property
    def undo_reason(self) -> str:
        return f"Se deshizo la importación {self.pk}"

    @property
    def change_reason(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"Importación {self.pk}, {self.file_name}{reason}"


class PreviewPage(models.Model):
    """A page of the changes that an import would make, as RecordResource passes them to `show`."""

    receipt = models.ForeignKey(Receipt, models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    changes = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receipt", "number"], name="preview_page_once")
        ]

    def __str__(self) -> str:
        return f"{self.receipt}, {self.number}"
