from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from import_export.fields import Field

from editing.resources import Outcome, RecordResource, RowError
from editing.widgets import (
    AddressWidget,
    ChoiceWidget,
    DateWidget,
    LinesWidget,
    MomentWidget,
    NumberWidget,
    ReferencesWidget,
    ReferenceWidget,
    RichTextWidget,
    SlugWidget,
    TextWidget,
    refusal,
)
from organizations.fields import IdentifiersField
from organizations.models import Membership, Organization, RepresentationTerm
from organizations.succession import contradiction, release, succession_problem
from record.spanning import Spanning
from sources.resources import Cited, contradictions_column, proof_column


class IdentifiersWidget(LinesWidget):
    help = "Wikidata, ROR, CLUNI u OpenCorporates, separados por «;»: «wikidata:Q42; ror:03yrm5c26»"

    def read(self, cell: str) -> str:
        try:
            return IdentifiersField(blank=True).clean(super().read(cell), None)
        except ValidationError as error:
            raise refusal(str(error.message), self.help) from error


class YesNoWidget(ChoiceWidget):
    def bind(self, model_field: models.Field) -> None:
        super().bind(model_field)
        self.labels = {True: "sí", False: "no"}
        self.values, self.required = {"si": True, "no": False, "": False}, False


class OrganizationResource(Cited, RecordResource):
    slug = Field("slug", "identificador", SlugWidget("instituto-civico"))
    name = Field("name", "nombre", TextWidget("Instituto de Estudios Cívicos"))
    short_name = Field("short_name", "nombre_corto", TextWidget("IEC"))
    article = Field("article", "articulo", ChoiceWidget("la"))
    other_names = Field("other_names", "otros_nombres", LinesWidget("Estudios Cívicos; I. E. C."))
    sector = Field("sector", "sector", ChoiceWidget("sociedad civil"))
    website = Field("website", "sitio_web", AddressWidget("https://ejemplo.mx/"))
    identifiers = Field("identifiers", "identificadores", IdentifiersWidget("wikidata:Q42"))
    summary = Field("summary", "resumen", TextWidget())
    description = Field("description", "descripcion", RichTextWidget("<p>Un párrafo.</p>"))
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())
    uncited = proof_column()
    contradictions = contradictions_column()

    class Meta:
        model = Organization
        name = "organizaciones"

    @cached_property
    def slugs_by_name(self) -> dict[str, list[str]]:
        return Organization.objects.slugs_by_name()

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        super().before_save_instance(instance, row, **kwargs)
        if self.is_new:
            self._compare_names(instance)

    def _compare_names(self, new: Organization) -> None:
        """Warns of a new organization with a name that another one has, in the file too."""
        slugs = {slug for key in new.name_keys for slug in self.slugs_by_name.get(key, ())}
        if slugs:
            others = ", ".join(f"«{slug}»" for slug in sorted(slugs)[:5])
            problem = f"¿Es otra que ya está? Así se llama también {others}."
            expected = "El identificador de la que ya está, si es la misma"
            self.warnings.append(RowError(self.number, "nombre", new.name, problem, expected))
        for key in new.name_keys:
            self.slugs_by_name.setdefault(key, []).append(new.slug)


class MembershipResource(Cited, RecordResource):
    slug = Field("slug", "identificador", SlugWidget("instituto-civico"))
    organization = Field("organization", "organizacion", ReferenceWidget("instituto-civico"))
    start = Field(
        "start", "inicio", DateWidget("entre agosto de 2012 y febrero de 2014", end="fin")
    )
    end = Field("end", "fin", DateWidget("12 de mayo de 2020 o después"))
    start_label = Field("start_label", "inicio_en_la_fuente", TextWidget("a mediados de año"))
    end_label = Field("end_label", "fin_en_la_fuente", TextWidget())
    replaces = Field("replaces", "sustituye_a", ReferencesWidget("otra-organizacion"))
    note = Field("note", "nota", TextWidget())
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())
    uncited = proof_column()
    contradictions = contradictions_column()

    class Meta:
        model = Membership
        name = "membresias"
        batch_size = None
        """All rows are written at the end, after a comparison of their new states."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.memberships: dict[int, Membership] = {}

    def clean_instance(self, instance: Any) -> None:
        """Leaves out the comparison of the model with the stored memberships."""
        Spanning.clean(instance)

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        super().before_save_instance(instance, row, **kwargs)
        self.memberships[kwargs["row_number"]] = instance
        if "replaces" in instance.listed:
            known = self.fields["replaces"].widget.records
            instance.replaced = [known[slug] for slug in sorted(instance.listed["replaces"])]

    def bulk_create(self, *args: Any, result: Outcome, **options: Any) -> None:
        rows = self.memberships
        stored = Membership.objects.exclude(slug__in=[m.slug for m in rows.values()])
        every = [*stored.with_parties(), *rows.values()] if rows else []
        replaced = {organization.pk for m in every for organization in m.replaced}
        linked = [m for m in every if m.replaced or m.organization_id in replaced]
        for number, membership in rows.items():
            others = [other for other in linked if other is not membership]
            if membership in linked and (problem := succession_problem(membership, others)):
                result.totals["update" if membership.pk else "new"] -= 1
                result.append_invalid_row(number, {}, ValidationError(problem))
        super().bulk_create(*args, result=result, **options)


class RepresentationTermResource(Cited, RecordResource):
    slug = Field("slug", "identificador", SlugWidget("representante-1"))
    organization = Field("organization", "organizacion", ReferenceWidget("instituto-civico"))
    role = Field("role", "papel", ChoiceWidget("representante"))
    order = Field("order", "lugar", NumberWidget("1"))
    interim = Field("interim", "interina", YesNoWidget("no"))
    start = Field("start", "inicio", DateWidget("abril de 2020", end="fin"))
    end = Field("end", "fin", DateWidget("12 de mayo de 2020 o después"))
    start_label = Field("start_label", "inicio_en_la_fuente", TextWidget())
    end_label = Field("end_label", "fin_en_la_fuente", TextWidget())
    note = Field("note", "nota", TextWidget())
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())
    uncited = proof_column()
    contradictions = contradictions_column()

    class Meta:
        model = RepresentationTerm
        name = "representacion"
        batch_size = None
        """All terms are written at the end, after a comparison of the new states of all of them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.terms: dict[int, RepresentationTerm] = {}

    def clean_instance(self, instance: Any) -> None:
        """Leaves out the comparison of the model with the stored terms."""
        Spanning.clean(instance)

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        super().before_save_instance(instance, row, **kwargs)
        self.terms[kwargs["row_number"]] = instance

    def bulk_create(self, *args: Any, result: Outcome, **options: Any) -> None:
        slugs = {term.slug for term in self.terms.values()}
        others = list(
            RepresentationTerm.objects.exclude(slug__in=slugs).select_related("organization")
        )
        for number, term in self.terms.items():
            for other in others:
                if problem := contradiction(term, other, other.slug):
                    result.totals["update" if term.pk else "new"] -= 1
                    result.append_invalid_row(number, {}, ValidationError(problem))
                    break
            others.append(term)
        # A changed term may free the place of a new one.
        super().bulk_update(result=result)
        super().bulk_create(*args, result=result, **options)

    def _update(self, records: list[Any]) -> None:
        """Frees the places of all changed terms first: joint terms move together."""
        keys = [record.pk for record in records]
        unversioned = {*keys}.difference(self.model.history.values_list("id", flat=True))
        self.model.versions.write([*unversioned], "+", "Antes de importar")
        release(models.QuerySet(RepresentationTerm).filter(pk__in=keys))
        super()._update(records)
