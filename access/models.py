"""The log of logins, one-off passwords, and the counts of failed logins. No address of a visitor is
stored."""

import logging
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any, Self

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

log = logging.getLogger(__name__)

EVENT_LIFETIME = timedelta(days=2 * 365)
ONE_OFF_LIFETIME = timedelta(days=3)


class LoginEventQuerySet(models.QuerySet):
    def note(self, kind: str, user: User | None) -> None:
        """Log an event. The name that was typed is not stored if it is no user's, because it may be
        a password in the wrong field."""
        account = {"user_id": user.pk, "username": user.get_username()} if user else {}
        with transaction.atomic():  # with its seal
            self.create(kind=kind, **account)

    def expired(self) -> Self:
        return self.filter(at__lt=timezone.now() - EVENT_LIFETIME)


class LoginEvent(models.Model):
    """Something that happened to an account. A trigger refuses changes; `forget` deletes events
    after two years."""

    class Kind(models.TextChoices):
        ENTERED = "entered", "entró"
        LEFT = "left", "cerró su sesión"
        FAILED = "failed", "contraseña equivocada"
        WRONG_CODE = "wrong_code", "código equivocado"
        LOCKED = "locked", "quedó en espera por intentos fallidos"
        RECOVERED = "recovered", "usó un código de recuperación"
        ENROLLED = "enrolled", "activó el segundo paso"
        NEW_KEY = "new_key", "agregó una llave de acceso"
        REMOVED = "removed", "quitó un segundo paso"
        NEW_CODES = "new_codes", "pidió códigos de recuperación nuevos"
        NEW_PASSWORD = "new_password", "cambió su contraseña"

    kind = models.CharField("qué", max_length=20, choices=Kind)
    # No foreign key, so that the event stays the same when the account is deleted.
    user_id = models.BigIntegerField("cuenta", null=True)
    username = models.CharField("quién", max_length=150, blank=True)
    at = models.DateTimeField("cuándo", default=timezone.now)

    objects = LoginEventQuerySet.as_manager()

    class Meta:
        verbose_name = "entrada"
        verbose_name_plural = "entradas"
        default_permissions = ("view",)
        indexes = [models.Index(fields=["-at", "-id"], name="login_event_newest_first")]

    def __str__(self) -> str:
        return f"{self.username} {self.get_kind_display()}"


LINES = {
    "access.loginevent": ("at", "kind", "user_id", "username"),
    "admin.logentry": ("action_time", "user_id", "content_type_id", "object_id", "object_repr",
                       "action_flag", "change_message"),
}  # fmt: skip
"""The models of the sealed lines, with the columns that their seals cover; the first is the moment.
A new column is not covered: the seals of earlier lines would break."""


class LogHead(models.Model):
    """The end of the chain of seals, in one row: their number and the last digest, signed with
    SECRET_KEY. docs/security.md says what this does not show. The signature is missing once a
    writer has found a wrong one, so that later lines do not hide the fault."""

    count = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=64, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.count}:{self.digest}"

    def sign(self) -> str:
        return salted_hmac("access.seals", str(self), algorithm="sha256").hexdigest()

    def is_signed(self) -> bool:
        return constant_time_compare(self.signature, self.sign())


class SealQuerySet(models.QuerySet):
    def forget(self, table: str) -> None:
        """Delete the salts of lines that were deleted."""
        lines = apps.get_model(table)._default_manager.filter(pk=OuterRef("line"))
        self.filter(~Exists(lines), table=table).exclude(salt="").update(salt="")


class Seal(models.Model):
    """A link of the chain: its digest covers a line of the log and the digest before."""

    table = models.CharField(max_length=30)
    line = models.BigIntegerField()
    day = models.DateField()
    # Without its salt, the digest of a deleted line does not confirm a guess of its content.
    salt = models.CharField(max_length=32, blank=True)
    content = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    objects = SealQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["table", "line"], name="seal_of_line")]

    def __str__(self) -> str:
        return f"{self.table} {self.line}"

    def content_of(self, line: models.Model) -> str:
        values = [getattr(line, name) for name in LINES[self.table]]
        moment, *others = [v.astimezone(UTC) if isinstance(v, datetime) else v for v in values]
        return _digest(self.salt, moment.isoformat(), *others)

    def digest_after(self, digest: str) -> str:
        return _digest(digest, self.table, self.line, self.day, self.content)


def _digest(*values: object) -> str:
    return sha256("\0".join(map(str, values)).encode()).hexdigest()


@receiver(post_save, sender="access.LoginEvent", dispatch_uid="access.seal_login")
@receiver(post_save, sender="admin.LogEntry", dispatch_uid="access.seal_entry")
def seal_line(instance: Any, created: bool, **_: Any) -> None:
    if created and is_sealed(instance):
        with transaction.atomic():  # locks the head, so that the chain has one end
            heads = LogHead.objects.select_for_update().filter(pk=1)
            if (head := heads.first()) is None:
                first = LogHead(pk=1, signature=LogHead().sign())
                LogHead.objects.bulk_create([first], ignore_conflicts=True)
                head = heads.get()
            append(head, instance).save()
            head.save()


def is_sealed(line: Any) -> bool:
    """Whether the log shows the line: a login, or an entry of the admin about an account."""
    kind = getattr(line, "content_type_id", None)
    return kind is None or ContentType.objects.get_for_id(kind).app_label == "auth"


def append(head: LogHead, line: models.Model) -> Seal:
    """Return the seal of a line, and advance the head."""
    whole = head.is_signed()
    if not whole:
        log.error("The head of the log is not signed: run manage.py check_log")
    moment = getattr(line, LINES[line._meta.label_lower][0])
    seal = Seal(table=line._meta.label_lower, line=line.pk, day=moment.astimezone(UTC).date())
    seal.salt = token_hex(16)
    seal.content = seal.content_of(line)
    seal.digest = head.digest = seal.digest_after(head.digest)
    head.count += 1
    head.signature = head.sign() if whole else ""
    return seal


class OneOffQuerySet(models.QuerySet):
    def expired(self) -> Self:
        return self.filter(expires_at__lte=timezone.now())


class OneOffPassword(models.Model):
    """Marks a password that somebody else made. The user must change it at the next login."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="one_off_password"
    )
    expires_at = models.DateTimeField()

    objects = OneOffQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user}, {self.expires_at}"

    @classmethod
    def give(cls, user: User, password: str) -> None:
        """Set a one-off password. Its new hash ends the user's sessions."""
        user.set_password(password)
        user.save(update_fields=["password"])
        cls.objects.update_or_create(
            user=user, defaults={"expires_at": timezone.now() + ONE_OFF_LIFETIME}
        )


class CountQuerySet(models.QuerySet):
    def expired(self) -> Self:
        return self.filter(expires__lt=timezone.now())


class Count(models.Model):
    """A row of the cache in the database, which holds the counts of failed logins for all workers.
    Its columns are Django's."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    objects = CountQuerySet.as_manager()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.cache_key
