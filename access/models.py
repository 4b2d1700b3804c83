"""The log of logins, and one-off passwords. No address of a visitor is stored."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

EVENT_LIFETIME = timedelta(days=2 * 365)
ONE_OFF_LIFETIME = timedelta(days=3)


class LoginEventQuerySet(models.QuerySet):
    def note(self, kind: str, user: User | None) -> None:
        """Log an event. The name that was typed is not stored if it is no user's, because it may be
        a password in the wrong field."""
        account = {"user_id": user.pk, "username": user.get_username()} if user else {}
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
