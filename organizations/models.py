from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Subquery, Value, When
from django.urls import reverse

from dates.edtf import EDTF, END_OF_TIME, ImpossibleDate, at, parse
from dates.periods import RANKED, UNSAID, Answer
from dates.text import fold, name_keys
from organizations.fields import Articled, Identifier, IdentifiersField, LogoField
from organizations.succession import contradiction, rank_on_handover, relatives, succession_problem
from record.history import Versions
from record.jsonld import Node, node, page_subject, role
from record.proof import marked, missing_proof, with_proof
from record.publishing import Publishable, PublishableQuerySet
from record.richtext import RichTextField
from record.spanning import Spanning, SpanningQuerySet
from record.text import WebAddressField

# The sectors with a type in schema.org.
SCHEMA_TYPES = {
    "civil_society": "NGO",
    "government": "GovernmentOrganization",
    "media": "NewsMediaOrganization",
    "research": "ResearchOrganization",
    "company": "Corporation",
}


class OrganizationQuerySet(PublishableQuerySet["Organization"]):
    def coalition(self) -> "Organization | None":
        """The organization of the coalition, whose slug is settings.COALITION."""
        return self.filter(slug=settings.COALITION).first()

    def namesakes(self, organization: "Organization") -> Self:
        """The other organizations that have a name of this one."""
        others = self.exclude(pk=organization.pk)
        slugs = others.slugs_by_name()
        alike = {slug for key in organization.name_keys for slug in slugs.get(key, ())}
        return others.filter(slug__in=alike)

    def named(self) -> Self:
        """The organizations without a public membership, except the coalition."""
        # Not a NOT EXISTS: without statistics, PostgreSQL runs it for each row.
        members = Membership.objects.visible_to(None).values("organization")
        return self.exclude(pk__in=members).exclude(slug=settings.COALITION)


class Organization(Articled, Publishable):
    """A member of the coalition, a former one, or another organization that the record names."""

    class Sector(models.TextChoices):
        CIVIL_SOCIETY = "civil_society", "sociedad civil"
        GOVERNMENT = "government", "gobierno"
        AUTONOMOUS_BODY = "autonomous_body", "organismo autónomo"
        INITIATIVE = "initiative", "iniciativa"
        RESEARCH = "research", "investigación"
        MEDIA = "media", "medio de comunicación"
        COMPANY = "company", "empresa"

    name = models.CharField(
        "nombre", max_length=300, help_text="Completo, por ejemplo «Instituto de Estudios Cívicos»."
    )
    short_name = models.CharField(
        "nombre corto", max_length=80, blank=True, help_text="Por ejemplo «IEC»."
    )
    article = models.CharField(
        "artículo",
        max_length=3,
        choices=[(article, article) for article in ("el", "la", "los", "las")],
        blank=True,
        help_text="El que va antes del nombre en una oración: «la Red». Vacío si no lleva.",
    )
    other_names = models.TextField(
        "otros nombres",
        blank=True,
        help_text="Como la escriben las fuentes, uno por renglón. La búsqueda los encuentra.",
    )
    sector = models.CharField(
        "sector",
        max_length=20,
        choices=Sector,
        blank=True,
        help_text="Clasificación nuestra, no de la fuente; puede quedar vacía.",
    )
    website = WebAddressField(
        "sitio web", max_length=500, blank=True, help_text="Vacío: la fuente no lo dice."
    )
    identifiers = IdentifiersField(
        "identificadores en otros registros",
        blank=True,
        help_text="De Wikidata, ROR, CLUNI u OpenCorporates, uno por renglón, como "
        "«wikidata:Q42», o la dirección de su página.",
    )
    summary = models.TextField(
        "resumen", blank=True, help_text="Una o dos oraciones, solo lo que dice la fuente."
    )
    description = RichTextField("descripción")
    logo = LogoField("logotipo", upload_to="logos/", blank=True)

    named_by = ("name", "short_name", "other_names")
    objects = OrganizationQuerySet.as_manager()  # type: ignore[misc]  # see Record
    history = Versions()

    class Meta:
        verbose_name = "organización"
        verbose_name_plural = "organizaciones"
        ordering = ["name", "slug"]
        constraints = [Publishable.publication_constraint(), Publishable.lower_slug()]

    def __str__(self) -> str:
        return self.short_name or self.name

    def get_absolute_url(self) -> str:
        return reverse("organizations:organization_detail", args=[self.slug])

    @property
    def name_keys(self) -> set[str]:
        return name_keys(self.slug, self.name, self.short_name, self.other_names)

    @property
    def identifiers_list(self) -> list[Identifier]:
        return [Identifier(*line.split(":", 1)) for line in self.identifiers.splitlines()]

    @property
    def other_names_list(self) -> list[str]:
        return [name for line in self.other_names.splitlines() if (name := line.strip())]

    @property
    def in_short(self) -> Node:
        kind = SCHEMA_TYPES.get(self.sector, "Organization")
        return page_subject(self, kind, "organizacion", name=self.name)

    def jsonld(
        self,
        coalition: "Organization | None" = None,
        records: Iterable["Membership | RepresentationTerm"] = (),
    ) -> Node:
        """The node of the organization, with its memberships and terms in the `coalition`."""
        whole = coalition.in_short if coalition else {}
        return self.in_short | node(
            alternateName=list(filter(None, [self.short_name, *self.other_names_list])),
            description=marked(self.summary, self),
            sameAs=[*filter(None, [self.website, *(i.page for i in self.identifiers_list)])],
            identifier=[identifier.node for identifier in self.identifiers_list],
            logo=self.logo.url if self.logo else "",
            memberOf=[role(r, memberOf=whole) for r in records if whole],
        )

    def with_members(self, records: Iterable["Membership | RepresentationTerm"]) -> Node:
        """The node of the coalition, with its members or representatives."""
        members = (role(r, member=r.organization.in_short) for r in records)
        return self.in_short | node(member=list(members))


def _note_field() -> models.TextField:
    help_text = "Lo que inferimos y la fuente no dice; así se muestra."
    return models.TextField("nota nuestra", blank=True, help_text=help_text)


STANDING = Case(
    When(end_latest__lt=END_OF_TIME, then=Value("former")),
    When(end="", then=Value("unsaid")),
    default=Value("current"),
)


class MembershipQuerySet(SpanningQuerySet["Membership"]):
    def on(self, when: EDTF) -> Self:
        """Keeps the best answer of each organization: leaves out «no» if another membership has
        another answer, and all other answers if a membership has «sí»."""
        public = Membership.objects.visible_to(None)
        rank = rank_on_handover(public, when)
        others = public.filter(organization=OuterRef("organization")).annotate(rank=rank)
        yes, no = RANKED.index(Answer.YES), RANKED.index(Answer.NO)
        contradicted = Q(rank=no) & Exists(others.exclude(Q(rank=no)))
        outdone = ~Q(rank=yes) & Exists(others.filter(Q(rank=yes)))
        return self.annotate(rank=rank).exclude(contradicted | outdone)

    def by_standing(self) -> Self:
        """Sorts by standing, then by start."""
        replaced = Replacement.objects.filter(membership=OuterRef("pk")).order_by("replaced__slug")
        alike = ("start_earliest", "start_latest", "start_label")
        first_replaced = Subquery(replaced.values("replaced__slug")[:1])
        return self.order_by(STANDING, *alike, first_replaced, "organization__name", "slug")

    def of(self, organization: Organization) -> Self:
        """The memberships of an organization, of its successors and of its predecessors."""
        successors = Replacement.objects.filter(replaced=organization).values("membership")
        replaced = Replacement.objects.filter(membership__in=self.filter(organization=organization))
        around = Q(pk__in=successors) | Q(organization__in=replaced.values("replaced"))
        return self.filter(around | Q(organization=organization)).with_parties()

    def with_parties(self) -> Self:
        return self.select_related("organization").prefetch_related("replaces")

    def founding(self) -> str:
        """The day, month or year before which nobody belonged, so that the coalition did not exist;
        empty if no source says, or a source leaves open, since when a member belonged."""
        first = with_proof(self.order_by("start_earliest", "start_latest")).first()
        return parse(first.start).lower if first and not missing_proof(first, "start") else ""

    def counts_by_standing(self) -> dict[str, tuple[int, int]]:
        """The numbers of memberships and organizations, by standing; returned ones are current."""
        open_ended = self.filter(end_latest=END_OF_TIME).order_by()
        past = Q(end_latest__lt=END_OF_TIME, organization__in=open_ended.values("organization"))
        each = Count("organization", distinct=True, filter=~past)
        counts = self.order_by().values_list(STANDING).annotate(Count("pk"), each=each)
        return {standing: numbers for standing, *numbers in counts}


class Replacement(models.Model):
    membership = models.ForeignKey("Membership", models.CASCADE)
    replaced = models.ForeignKey(Organization, models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["membership", "replaced"], name="membership_replaces_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.membership} sustituye a {self.replaced}"


class Membership(Spanning, Publishable):
    """The period in which an organization belonged to the coalition."""

    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name="organización", related_name="memberships"
    )
    start_label = models.CharField(
        "inicio, en palabras de la fuente",
        max_length=200,
        blank=True,
        help_text="Se muestran junto a la fecha, sin cambiarlas: «a mediados de año».",
    )
    end_label = models.CharField("fin, en palabras de la fuente", max_length=200, blank=True)
    replaces = models.ManyToManyField(
        Organization,
        through=Replacement,
        verbose_name="sustituye a",
        related_name="replaced_by",
        blank=True,
    )
    note = _note_field()

    role_name = "integrante"
    successors: list["Membership"]  # set by `set_successors`
    named_by = tuple(f"organization__{name}" for name in Organization.named_by)
    visible_through = ("organization", "replaces")
    belongs_to = ("organization",)
    objects = MembershipQuerySet.as_manager()  # type: ignore[misc]  # see Record
    history = Versions(m2m_fields=[replaces])

    class Meta:
        verbose_name = "membresía"
        verbose_name_plural = "membresías"
        ordering = ["start_earliest", "organization__name", "slug"]
        constraints = [
            Publishable.publication_constraint(),
            Publishable.lower_slug(),
            *Spanning.span_constraints(),
        ]

    def __str__(self) -> str:
        return f"Membresía de {self.organization}"

    def slug_words(self) -> str:
        return self.organization.slug

    def get_absolute_url(self) -> str:
        return f"{self.organization.get_absolute_url()}#membresia-{self.slug}"

    @cached_property
    def replaced(self) -> list[Organization]:
        """The organizations in `replaces`; forms and imports set it before they save the list."""
        return [*self.replaces.all()] if self.pk else []

    def clean(self) -> None:
        super().clean()
        with suppress(ImpossibleDate):  # the validators of the fields report it
            if self.organization_id and (problem := succession_problem(self, relatives(self))):
                raise ValidationError(problem)

    @property
    def standing(self) -> str:
        """`current`, `former`, or `unsaid` if the source does not say the end; STANDING in SQL."""
        if self.end_latest < END_OF_TIME:
            return "former"
        return "current" if self.end else "unsaid"

    @property
    def story(self) -> str:
        return self.period.story("integrante")

    @property
    def handover(self) -> str:
        """When it replaced another organization, after the name of the other: «, en 2016»."""
        is_known = self.period.start.is_exact
        return f", {at(self.start)}" if is_known else f"; cuándo, {UNSAID}"

    @property
    def listed_as(self) -> str:
        """The other name of the organization that the citations of its end use; empty if they use
        its own."""
        words = fold(" ".join(c.exact for c in self.visible_citations if c.field == "end"))
        others = (name for name in self.organization.other_names_list if fold(name) in words)
        return "" if fold(str(self.organization)) in words else next(others, "")


class RepresentationTermQuerySet(SpanningQuerySet["RepresentationTerm"]):
    def possibly_overlapping(self) -> Self:
        """The terms that may overlap with another term of their role."""
        others = RepresentationTerm.objects.filter(
            ~Q(pk=OuterRef("pk")),
            role=OuterRef("role"),
            start_earliest__lt=OuterRef("end_latest"),
            end_latest__gt=OuterRef("start_earliest"),
        )
        return self.filter(Exists(others))


class RepresentationTerm(Spanning, Publishable):
    """The period in which an organization represented the coalition, with its role and, if the
    source says it, its place in the rotation."""

    class Role(models.TextChoices):
        REPRESENTATIVE = "representative", "representante"
        CO_REPRESENTATIVE = "co_representative", "co-representante"

    organization = models.ForeignKey(
        Organization, models.PROTECT, verbose_name="organización", related_name="terms"
    )
    role = models.CharField("papel", max_length=20, choices=Role)
    order = models.PositiveSmallIntegerField(
        "lugar en la rotación",
        null=True,
        blank=True,
        help_text="1 para quien representó primero; vacío: la fuente no dice el orden.",
    )
    interim = models.BooleanField("interina", default=False)
    start_label = models.CharField("inicio, en palabras de la fuente", max_length=200, blank=True)
    end_label = models.CharField("fin, en palabras de la fuente", max_length=200, blank=True)
    note = _note_field()

    named_by = Membership.named_by
    partners: list[Organization]  # set by `set_partners`
    holders: list[Organization]  # set by `one_of_each_place`
    moved: Iterable[int] = ()  # the keys of joint terms that the form changes too
    visible_through = belongs_to = ("organization",)
    objects = RepresentationTermQuerySet.as_manager()  # type: ignore[misc]  # see Record
    history = Versions()

    class Meta:
        verbose_name = "periodo de representación"
        verbose_name_plural = "periodos de representación"
        ordering = ["-role", F("order").asc(nulls_last=True), "start_earliest", "slug"]
        constraints = [
            Publishable.publication_constraint(),
            Publishable.lower_slug(),
            *Spanning.span_constraints(),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_order_from_one",
                condition=Q(order=None) | Q(order__gte=1),
                violation_error_message="Los lugares de la rotación se cuentan desde 1.",
            ),
        ]
        # A trigger refuses terms of a role that certainly overlap: see the migration.

    @property
    def role_name(self) -> str:
        return self.get_role_display() + (", de manera interina" if self.interim else "")

    def __str__(self) -> str:
        place = f"{self.order}.º " if self.order else ""
        return f"{place}{self.get_role_display()}: {self.organization}"

    def slug_words(self) -> str:
        return f"{self.get_role_display()}-{self.order or self.organization.slug}"

    def get_absolute_url(self) -> str:
        return f"{reverse('organizations:representation')}#{self.slug}"

    def clean(self) -> None:
        super().clean()
        with suppress(ImpossibleDate):  # the validators of the fields report it
            start, end = self.period.start, self.period.end
            overlaps = Q(start_latest__lt=end.earliest, end_earliest__gt=start.latest)
            terms = RepresentationTerm.objects.filter(overlaps | Q(order=self.order))
            terms = terms.filter(role=self.role).select_related("organization")
            for other in terms.exclude(pk__in=[self.pk, *self.moved]):
                if problem := contradiction(self, other):
                    raise ValidationError(problem)
