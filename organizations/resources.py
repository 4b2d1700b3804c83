from collections.abc import Iterator

from organizations.models import Membership, Organization, RepresentationTerm
from record.columns import (
    Address,
    Choice,
    Column,
    Date,
    Lines,
    Moment,
    Number,
    Reference,
    RichText,
    Slug,
)
from record.resources import Resource, Row


class OrganizationResource(Resource):
    name = "organizaciones"
    model = Organization
    columns = [
        Slug("identificador", "slug", "instituto-civico"),
        Column("nombre", "name", "Instituto de Estudios Cívicos"),
        Column("nombre_corto", "short_name", "IEC"),
        Lines("otros_nombres", "other_names", "Estudios Cívicos; I. E. C."),
        Choice("sector", "sector", "sociedad civil"),
        Address("sitio_web", "website", "https://ejemplo.mx/"),
        Column("resumen", "summary"),
        RichText("descripcion", "description", "<p>Un párrafo.</p>"),
        Moment("se_publica", "publish_at", "2026-11-24 09:00"),
        Moment("se_retira", "unpublish_at"),
    ]


class MembershipResource(Resource):
    name = "membresias"
    model = Membership
    columns = [
        Slug("identificador", "slug", "instituto-civico"),
        Reference("organizacion", "organization", "instituto-civico"),
        Date("inicio", "start", "entre agosto de 2011 y febrero de 2015"),
        Date("fin", "end", "23 de mayo de 2017 o después"),
        Column("inicio_en_la_fuente", "start_label", "a principios de 2016"),
        Column("fin_en_la_fuente", "end_label"),
        Reference("sustituye_a", "replaces", "otra-organizacion"),
        Column("nota", "note"),
    ]


class RepresentationTermResource(Resource):
    name = "representacion"
    model = RepresentationTerm
    columns = [
        Slug("identificador", "slug", "representante-1"),
        Reference("organizacion", "organization", "instituto-civico"),
        Choice("papel", "role", "representante"),
        Number("lugar", "order", "1"),
        Date("inicio", "start", "abril de 2017"),
        Date("fin", "end", "23 de mayo de 2017 o después"),
        Column("inicio_en_la_fuente", "start_label"),
        Column("fin_en_la_fuente", "end_label"),
        Column("nota", "note"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Row] = []

    def check(self, row: Row) -> None:
        super().check(row)
        self._rows.append(row)

    def check_all(self) -> Iterator[tuple[Row, str, str]]:
        """Each row's term against all the others as the import would leave them."""
        ours = {row.record.slug for row in self._rows}
        terms = [t for t in RepresentationTerm.objects.all() if t.slug not in ours]
        for row in self._rows:
            term = row.record
            for other in terms:
                if other.role == term.role and term.order and other.order == term.order:
                    yield row, "order", f"Ese lugar ya lo tiene «{other.slug}»."
                elif other.role == term.role and term.period.certainly_overlaps(other.period):
                    yield row, "start", f"Se traslapa con «{other.slug}» ({other.period})."
            terms.append(term)
