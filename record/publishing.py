"""The rule of publication, which every page and every form applies: which records are public, and
who may change them.

Visibility is computed from the clock, so that no scheduled job is needed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Lower
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from dates.text import name_keys
from record.history import Versions
from record.text import clean_text_fields

R = TypeVar("R", bound="Record", covariant=True)
P = TypeVar("P", bound="Publishable", covariant=True)
PUBLISH = "sources.publish_record"
NAMED = 5
BATCH = 500
written = Signal()
"""Sent after a write that does not call `save`, by the querysets below and by imports. `sender` is
the model, `keys` are the primary keys."""


def slug_in(text: str) -> str:
    """The slug that a text means: slugs have no capitals."""
    return text.strip().lower()


def may_publish(user: User | AnonymousUser | None) -> bool:
    """Whether `user` may change public records, and publish others."""
    return bool(user and user.is_active and user.has_perm(PUBLISH))


def whom_to_ask() -> str:
    """A sentence for the staff with the names of the people who may publish, which the history of
    records shows too. Superusers are not named."""
    backend = "django.contrib.auth.backends.ModelBackend"
    users = User.objects.with_perm(PUBLISH, include_superusers=False, backend=backend)
    users = users.filter(is_staff=True).order_by("first_name", "last_name", "username")
    names = [user.get_full_name() or user.username for user in users[:NAMED]]
    return f"Pídalo a {' o a '.join(names or ['quien administra el sitio'])}."


class StaffRequest(HttpRequest):
    """Annotates the request of a view behind the login, where `may_enter` is true of its user."""

    user: User


def may_enter(user: User | AnonymousUser) -> bool:
    """Whether `user` may see the admin and previews: an active account of the staff which has
    taken every step of the login in this session: `access.sessions.with_factor` sets it."""
    if not (user.is_active and user.is_staff):
        return False
    return getattr(user, "is_verified", not settings.SECOND_FACTOR)


def viewer(request: HttpRequest) -> User | None:
    """The member of the staff who sent the request, or None for a visitor. Does not open a session
    for a visitor, so that no cookie is set."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    user = getattr(request, "user", None)  # absent if a middleware before it refuses the request
    return user if isinstance(user, User) and may_enter(user) else None


def visible(model: type["Record"], at: datetime, path: str = "") -> Q:
    """The condition that a record of `model`, at the end of `path`, is public `at` that moment, and
    so are the records that it points to through `visible_through`."""
    rule = Q()
    if issubclass(model, Publishable):
        rule &= Q(**{f"{path}publish_at__lte": at})
        rule &= Q(**{f"{path}unpublish_at": None}) | Q(**{f"{path}unpublish_at__gt": at})
    for name in model.visible_through:
        field = model._meta.get_field(name)
        other = cast("type[Record]", field.related_model)
        if field.many_to_many:
            public = other._base_manager.filter(visible(other, at))
            rule &= ~Q(**{f"{path}{name}__in": other._base_manager.exclude(pk__in=public)})
            continue
        pointed_to = visible(other, at, f"{path}{name}__")
        rule &= pointed_to | Q(**{f"{path}{name}": None}) if field.null else pointed_to
    return rule


class RecordQuerySet(models.QuerySet[R]):
    def visible_to(self, user: User | AnonymousUser | None) -> Self:
        """The records that `user` may read. Lists, feeds and downloads pass None, for a visitor."""
        meta = self.model._meta
        view = f"{meta.app_label}.view_{meta.model_name}"
        if user and user.is_active and user.is_staff and user.has_perm(view):
            return self
        return self.filter(visible(self.model, timezone.now()))

    def update(self, **changes: Any) -> int:
        keys = list(self.order_by().values_list("pk", flat=True))
        count = super().update(**changes)
        written.send(self.model, keys=keys)
        return count

    def bulk_create(self, objs: Iterable[R], *args: Any, **options: Any) -> list[R]:
        created = super().bulk_create(objs, *args, **options)
        written.send(self.model, keys=[record.pk for record in created if record.pk])
        return created

    def get_by_natural_key(self, slug: str) -> R:
        return self.get(slug=slug)

    def slugs_by_name(self) -> dict[str, list[str]]:
        """The slugs of the records, by the `name_keys` of their slugs and names."""
        slugs: dict[str, list[str]] = defaultdict(list)
        for slug, *names in self.order_by().values_list("slug", *self.model.named_by).iterator():
            for key in name_keys(slug, *names):
                slugs[key].append(slug)
        return slugs

    def moved_from(self, old_slug: str) -> Self:
        """The record that was public under `old_slug`; if there are several, the latest."""
        versions = self.model.history.all()
        later = versions.filter(id=OuterRef("id"), history_id__gt=OuterRef("history_id"))
        until = Subquery(later.order_by("history_id").values("history_date")[:1])
        was_public = Q(until__isnull=False)
        if issubclass(self.model, Publishable):
            was_public = Q(publish_at__lt=F("until"))
        owners = versions.annotate(until=until).filter(was_public, slug=old_slug)
        latest = owners.order_by("-history_date", "-history_id").values_list("id", flat=True)[:1]
        return self.filter(pk__in=list(latest))


def named(model: type[Any]) -> models.QuerySet[Any]:
    """The records of a model, with those whose names are in theirs."""
    records: models.QuerySet[Any] = model._base_manager.all()
    return records.select_related(*model.belongs_to) if model.belongs_to else records


class Record(models.Model):
    """The base of every record: a slug, and the moment of its last change."""

    slug = models.SlugField(
        "identificador",
        max_length=120,
        unique=True,
        help_text="Forma la dirección de la página, por ejemplo «firma-del-acuerdo». "
        "Si lo cambia, la dirección anterior seguirá llevando aquí.",
    )
    updated_at = models.DateTimeField("último cambio", auto_now=True)

    # The stubs call this manager a class variable, and subclass managers instance variables.
    objects = RecordQuerySet.as_manager()
    history: ClassVar[Versions]
    versions: ClassVar[Any]
    """The `Versions` object, to write versions; `history` is the manager that it installs."""
    visible_citations: list[Any]  # set by `sources.quotes.with_citations`, as the next
    contradictions: list[Any]
    otherwise = ""
    """What other sources say, as sentences without markup."""
    contested: bool  # a citation contradicts one of its dates
    uncited: str  # what no citation proves; also set by `proof.with_proof`
    named_by: tuple[str, ...] = ("title",)
    """The columns of its names, by which pickers find it."""
    visible_through: tuple[str, ...] = ()
    belongs_to: tuple[str, ...] = ()
    """Foreign keys, among `visible_through`, to the record whose page shows this record."""

    class Meta:
        abstract = True

    if TYPE_CHECKING:  # records with a page define it

        def get_absolute_url(self) -> str: ...

    @staticmethod
    def lower_slug() -> models.CheckConstraint:
        return models.CheckConstraint(
            name="%(app_label)s_%(class)s_lower_slug",
            condition=Q(slug=Lower("slug")),
            violation_error_message="El identificador va en minúsculas.",
        )

    def natural_key(self) -> tuple[str]:
        return (self.slug,)

    def full_clean(self, exclude: Iterable[str] | None = None, *args: Any, **checks: Any) -> None:
        exclude = set(exclude or ())
        clean_text_fields(self, exclude)  # first, since `clean` may query the database
        super().full_clean(exclude, *args, **checks)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        clean_text_fields(self, exclude or ())
        self.slug = slug_in(self.slug)
        super().clean_fields(exclude)

    def slug_words(self) -> str:
        """The text from which a slug is generated."""
        return str(getattr(self, "title", "") or getattr(self, "name", ""))

    @property
    def quotes(self) -> list[Any]:
        """The visible citations of the record: the supporting ones, then the contradicting ones."""
        return [*self.visible_citations, *self.contradictions]

    def points_to(self) -> Iterator["Record"]:
        """The records on which the visibility of this record depends."""
        for name in self.visible_through:
            if self._meta.get_field(name).many_to_many:
                yield from getattr(self, name).all() if self.pk else ()
            elif (record := getattr(self, name, None)) is not None:
                yield record

    def owners(self) -> Iterator["Record"]:
        owners = (getattr(self, name, None) for name in self.belongs_to)
        return (owner for owner in owners if owner is not None)

    @property
    def publication(self) -> str:
        """The state of the record, here the state of the hidden record that it points to."""
        states = {record.publication for record in self.points_to()} or {"draft"}
        return next(s for s in ("draft", "withdrawn", "scheduled", "public") if s in states)

    def is_public(self) -> bool:
        """The rule of `visible`, for a record in memory."""
        return not self.hiding

    @property
    def hiding(self) -> list["Record"]:
        """The records that it points to and that are not public, so that it is not."""
        return [record for record in self.points_to() if not record.is_public()]

    def is_draft(self) -> bool:
        """Whether the record, or a record that it belongs to, has no moment of publication. Other
        related records do not count: the citation of a draft source on a public event is public
        work."""
        return any(owner.is_draft() for owner in self.owners())


# Converting the last days of the year 9999 to the time of America would overflow.
_in_calendar = MaxValueValidator(datetime(9000, 1, 1, tzinfo=UTC), "Un año anterior a 9000.")


class PublishableQuerySet(RecordQuerySet[P]):
    def drafts(self) -> Self:
        return self.filter(publish_at=None)

    def newest(self, count: int) -> list[Any]:
        """The records with the latest `moment`, latest first; call it on public records."""
        later = self.filter(publish_at__gt=F("updated_at")).order_by("-publish_at")
        records: set[Any] = {*self.order_by("-updated_at")[:count], *later[:count]}
        return sorted(records, key=lambda record: (record.moment, record.pk), reverse=True)[:count]

    def turns(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The last moment, up to `now`, at which the clock published or withdrew a record, and the
        next such moment. A change saved by a server whose clock is ahead counts as such a moment,
        and so does its publication."""
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
        row = next(iter(self.order_by().values_list(*ends)[:1]), ())
        last, following = filter(None, row[::2]), filter(None, row[1::2])
        return max(last, default=None), min(following, default=None)


class Publishable(Record):
    """A record with moments of publication. Without `publish_at` it is a draft."""

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

    objects = PublishableQuerySet.as_manager()  # type: ignore[misc]  # see Record

    class Meta:
        abstract = True

    @staticmethod
    def clock_indexes() -> list[models.Index]:
        """The indexes of `newest` and `turns`. The second contains only records that became public
        after their last change: with an index of all records, SQLite would use it to find public
        records and then sort them all."""
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
        """An index for lists in the order of `fields`. It includes the moments of publication, so
        that the rule is applied within the index, and it leaves out drafts."""
        fields = (*fields, "publish_at", "unpublish_at")
        return models.Index(name=name, fields=fields, condition=Q(publish_at__isnull=False))

    @property
    def moment(self) -> datetime:
        """When a public record last changed or, if later, became public: all that it points to
        is public then."""
        moments = [r.publish_at for r in (self, *self.points_to()) if isinstance(r, Publishable)]
        return max([self.updated_at, *filter(None, moments)])

    @property
    def state(self) -> str:
        """`draft`, `scheduled`, `public` or `withdrawn`."""
        return self.state_at(timezone.now())

    @property
    def publication(self) -> str:
        return self.state

    def state_at(self, now: datetime) -> str:
        if self.publish_at is None:
            return "draft"
        if self.unpublish_at is not None and self.unpublish_at <= now:
            return "withdrawn"
        return "public" if self.publish_at <= now else "scheduled"

    def publish(self, at: datetime) -> None:
        """Makes the record public from `at` on. An end that comes later stays."""
        end = self.unpublish_at
        self.publish_at, self.unpublish_at = at, end if end and end > at else None

    def withdraw(self, at: datetime) -> None:
        """Hides the record from `at` on. If it would be published later, it becomes a draft."""
        if self.publish_at and self.publish_at < at:
            self.unpublish_at = at
        else:
            self.publish_at = self.unpublish_at = None

    def goes_with(self, owner: "Publishable") -> bool:
        """Whether the publication of `owner` publishes this hidden record too: a draft, or a record
        that was scheduled or withdrawn for the same moment."""
        column = {"scheduled": "publish_at", "withdrawn": "unpublish_at"}.get(self.state)
        if column:
            return bool(getattr(self, column) == getattr(owner, column))
        return self.state == "draft"

    def is_public(self) -> bool:
        return self.state == "public" and super().is_public()

    def is_draft(self) -> bool:
        return self.publish_at is None or super().is_draft()


def save_publication(records: Iterable[Publishable]) -> None:
    """Saves the moments of publication, with few statements for many records."""
    by_model = defaultdict(list)
    for record in records:
        record.updated_at = timezone.now()
        by_model[type(record)].append(record)
    for model, group in by_model.items():
        model.objects.bulk_update(group, ["publish_at", "unpublish_at", "updated_at"], BATCH)
