"""What is public and who may change it: the one rule that every reader and every door asks.

Visibility is computed from the clock, so nothing has to run at midnight and nothing races.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from record.history import Versions
from record.text import clean_text_fields

PUBLISH = "sources.publish_record"
written = Signal()
"""Rows are written without `save`: `sender` is their model, `keys` are their primary keys. The
querysets below and imports send it after the write."""


def may_publish(user: User | AnonymousUser | None) -> bool:
    """Whether `user` may change what is public, or make public what is not."""
    return bool(user and user.is_active and user.has_perm(PUBLISH))


class StaffRequest(HttpRequest):
    """Annotates the request of a view behind the login, where `may_enter` is true of its user."""

    user: User


def may_enter(user: User | AnonymousUser) -> bool:
    """Whether all doors are behind `user`: an account of the staff, and the second factor given in
    this session, where the site asks for one. The admin and every preview ask here."""
    if not (user.is_active and user.is_staff):
        return False
    return not settings.SECOND_FACTOR or getattr(user, "otp_device", None) is not None


def viewer(request: HttpRequest) -> User | None:
    """Who looks, or None for a visitor, found without opening a session (so without a cookie)."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    user = request.user
    return user if isinstance(user, User) and may_enter(user) else None


def visible(model: type["Record"], at: datetime, path: str = "") -> Q:
    """The rule as a condition: `model`, reached over `path`, is public `at` that moment, and so
    is everything that it points to through `visible_through`."""
    rule = Q()
    if issubclass(model, Publishable):
        rule &= Q(**{f"{path}publish_at__lte": at})
        rule &= Q(**{f"{path}unpublish_at": None}) | Q(**{f"{path}unpublish_at__gt": at})
    for name in model.visible_through:
        field = model._meta.get_field(name)
        pointed_to = visible(field.related_model, at, f"{path}{name}__")
        rule &= pointed_to | Q(**{f"{path}{name}": None}) if field.null else pointed_to
    return rule


class RecordQuerySet(models.QuerySet):
    def visible_to(self, user: User | AnonymousUser | None) -> Self:
        """What `user` may read; None, as all lists, feeds and downloads say, is a visitor."""
        if user and user.is_active and user.is_staff and user.has_perm(_view(self.model)):
            return self
        return self.filter(visible(self.model, timezone.now()))

    def update(self, **changes: Any) -> int:
        keys = list(self.order_by().values_list("pk", flat=True))
        count = super().update(**changes)
        written.send(self.model, keys=keys)
        return count

    def bulk_create(self, objs: Iterable["Record"], *args: Any, **options: Any) -> list["Record"]:
        created = super().bulk_create(objs, *args, **options)
        written.send(self.model, keys=[record.pk for record in created if record.pk])
        return created

    def get_by_natural_key(self, slug: str) -> "Record":
        return self.get(slug=slug)

    def moved_from(self, old_slug: str) -> Self:
        """The record that was public under a slug it no longer has, the latest bearer first."""
        versions = self.model.history.all()
        later = versions.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))
        until = Subquery(later.order_by("history_id").values("history_date")[:1])
        was_public = Q(until__isnull=False)
        if issubclass(self.model, Publishable):
            was_public = Q(publish_at__lt=F("until"))
        bearers = versions.annotate(until=until).filter(was_public, slug=old_slug)
        latest = bearers.order_by("-history_date", "-history_id").values_list("id", flat=True)[:1]
        return self.filter(pk__in=list(latest))


def _view(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}.view_{model._meta.model_name}"


class Record(models.Model):
    """What every record has: a slug that never changes by itself, and when it last changed."""

    slug = models.SlugField(
        "identificador",
        max_length=120,
        unique=True,
        help_text="Forma la dirección de la página, por ejemplo «firma-del-acuerdo». "
        "Si lo cambia, la dirección anterior seguirá llevando aquí.",
    )
    updated_at = models.DateTimeField("último cambio", auto_now=True)

    objects = RecordQuerySet.as_manager()
    history: ClassVar[Versions]
    versions: ClassVar[Any]
    """The `Versions` object, to write versions; `history` is the manager that it installs."""
    visible_through: tuple[str, ...] = ()
    belongs_to: tuple[str, ...] = ()
    """Of those, the one (of several, the one there is) whose page it stands on."""

    class Meta:
        abstract = True

    def natural_key(self) -> tuple[str]:
        return (self.slug,)

    def full_clean(self, exclude: Collection[str] | None = None, **checks: bool) -> None:
        clean_text_fields(self, exclude or ())  # first, for `clean` may ask the database
        super().full_clean(exclude, **checks)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        clean_text_fields(self, exclude or ())
        super().clean_fields(exclude)

    def slug_words(self) -> str:
        """The words of a generated slug; empty if the model generates its own."""
        return str(getattr(self, "title", "") or getattr(self, "name", ""))

    def points_to(self) -> Iterator["Record"]:
        """The records that this one's visibility depends on."""
        for name in self.visible_through:
            if (record := getattr(self, name, None)) is not None:
                yield record

    @property
    def publication(self) -> str:
        """Of a record that is visible through others, the state of these that hides it."""
        states = {record.publication for record in self.points_to()} or {"draft"}
        return next(s for s in ("draft", "withdrawn", "scheduled", "public") if s in states)

    def is_public(self) -> bool:
        """`visible` for one record at hand."""
        return all(record.is_public() for record in self.points_to())

    def is_draft(self) -> bool:
        """Whether nobody has decided yet that it, or what it belongs to, becomes public. What it
        merely mentions does not count: a draft source keeps no public event's citation a draft."""
        owners = (getattr(self, name, None) for name in self.belongs_to)
        return any(owner.is_draft() for owner in owners if owner is not None)


# The last days of the year 9999 have no moment in Mexico City.
_in_calendar = MaxValueValidator(datetime(9000, 1, 1, tzinfo=UTC), "Un año anterior a 9000.")


class PublishableQuerySet(RecordQuerySet):
    def newest(self, count: int) -> list["Publishable"]:
        """The last by their `moment`, latest first; of those that are public."""
        later = self.filter(publish_at__gt=F("updated_at")).order_by("-publish_at")
        found = {*self.order_by("-updated_at")[:count], *later[:count]}
        return sorted(found, key=lambda record: (record.moment, record.pk), reverse=True)[:count]

    def turns(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The last moment, up to `now`, at which one of these became public or ceased to be because
        that had been decided before, and the next at which one will. A change that another clock
        made, which is ahead of this one, is such a moment too, and what it published at once."""
        later = self.filter(publish_at__gt=F("updated_at"))
        ahead = self.filter(updated_at__gt=now)
        ends = [
            Subquery(moments.order_by(order).values(name)[:1])
            for records, name in (
                (later, "publish_at"),
                (ahead, "publish_at"),
                (self, "unpublish_at"),
                (self, "updated_at"),
            )
            for moments, order in (
                (records.filter(**{f"{name}__lte": now}), f"-{name}"),
                (records.filter(**{f"{name}__gt": now}), name),
            )
        ]
        found = next(iter(self.order_by().values_list(*ends)[:1]), ())
        last, following = filter(None, found[::2]), filter(None, found[1::2])
        return max(last, default=None), min(following, default=None)


class Publishable(Record):
    """A record that is published in its own right. No `publish_at`: a draft."""

    publish_at = models.DateTimeField(
        "se publica",
        null=True,
        blank=True,
        validators=[_in_calendar],
        help_text="Vacío: borrador, solo lo ve la redacción.",
    )
    unpublish_at = models.DateTimeField(
        "se retira",
        null=True,
        blank=True,
        validators=[_in_calendar],
        help_text="Vacío: no se retira.",
    )

    objects = PublishableQuerySet.as_manager()

    class Meta:
        abstract = True

    @staticmethod
    def clock_indexes() -> list[models.Index]:
        """What `newest` and `turns` read. The second holds the few that became public after their
        last change: one of all would tempt SQLite to find by it whatever is public, and then to
        sort it all."""
        return [
            models.Index(fields=["updated_at"], name="%(class)s_updated"),
            models.Index(
                fields=["publish_at"],
                name="%(class)s_published_later",
                condition=Q(publish_at__gt=F("updated_at")),
            ),
            models.Index(
                fields=["unpublish_at"],
                name="%(class)s_withdrawn",
                condition=Q(unpublish_at__isnull=False),
            ),
        ]

    @staticmethod
    def publication_constraint() -> models.CheckConstraint:
        return models.CheckConstraint(
            name="%(app_label)s_%(class)s_unpublish_after_publish",
            condition=Q(unpublish_at=None) | Q(publish_at__lt=F("unpublish_at")),
            violation_error_message="El retiro debe ser posterior a la publicación.",
        )

    @staticmethod
    def public_index(name: str, *fields: str) -> models.Index:
        """For lists in the order of `fields`: it holds all that the clock's rule asks, so that what
        is not public is passed over within the index, and drafts are not in it at all."""
        fields = (*fields, "publish_at", "unpublish_at")
        return models.Index(name=name, fields=fields, condition=Q(publish_at__isnull=False))

    @property
    def moment(self) -> datetime:
        """Of what is public: when it last changed or, if later, became public."""
        return max(self.updated_at, self.publish_at)

    @property
    def state(self) -> str:
        """`draft`, `scheduled`, `public` or `withdrawn`."""
        return self.state_at(timezone.now())

    publication = state

    def state_at(self, now: datetime) -> str:
        if self.publish_at is None:
            return "draft"
        if self.unpublish_at is not None and self.unpublish_at <= now:
            return "withdrawn"
        return "public" if self.publish_at <= now else "scheduled"

    def publish(self, at: datetime) -> None:
        """Public from `at` on, until further notice."""
        self.publish_at, self.unpublish_at = at, None

    def withdraw(self, at: datetime) -> None:
        self.unpublish_at = at

    def is_public(self) -> bool:
        return self.state == "public" and super().is_public()

    def is_draft(self) -> bool:
        return self.publish_at is None or super().is_draft()
