from django.core.exceptions import ValidationError

from record.columns import (
    Address,
    Column,
    Date,
    Moment,
    Reference,
    Slug,
)
from record.resources import Resource, Row
from sources.models import SUPPORTED, Citation, Source


class SourceResource(Resource):
    name = "fuentes"
    model = Source
    columns = [
        Slug("identificador", "slug", "informe-anual"),
        Column("titulo", "title", "Informe anual"),
        Column("quien_la_publico", "publisher"),
        Address("direccion_web", "url", "https://ejemplo.mx/informe"),
        Date("publicada", "published", "febrero de 2017"),
        Date("describe_hasta", "describes_until", "2017-05-23"),
        Date("consultada", "retrieved", "2026-11-24"),
        Column("texto", "text", "El texto completo, un párrafo por renglón"),
        Moment("se_publica", "publish_at", "2026-11-24 09:00"),
        Moment("se_retira", "unpublish_at"),
    ]

    def check(self, row: Row) -> None:
        super().check(row)
        if not row.is_new and any(column.field == "text" for column, *_ in row.changed):
            row.record.clean()  # says which citations the text would break

    def written(self, rows: list[Row]) -> None:
        for row in rows:
            if any(column.field == "text" for column, *_ in row.changed):
                row.record.move_citations({})


class CitationResource(Resource):
    name = "citas"
    model = Citation
    columns = [
        Slug("identificador", "slug", "firma-del-acuerdo-event-1"),
        Reference("fuente", "source", "informe-anual"),
        Column("palabras_exactas", "exact", "firmaron el acuerdo"),
        Column("apoya", "field", "start_latest"),
        Reference("organizacion", "organization", "instituto-civico"),
        Reference("membresia", "membership", "instituto-civico"),
        Reference("periodo_de_representacion", "representation_term", "representante-1"),
        Reference("acontecimiento", "event", "firma-del-acuerdo"),
        Reference("pronunciamiento", "statement"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sources: dict[int, Source] = {}
        self._numbers: dict[int, dict[str, int]] = {}

    def check(self, row: Row) -> None:
        citation = row.record
        if sum(getattr(citation, f"{name}_id") is not None for name in SUPPORTED) != 1:
            raise ValidationError({"event": "Una cita apoya exactamente un registro."})
        if citation.source_id not in self._sources:
            self._sources[citation.source_id] = Source.objects.get(pk=citation.source_id)
        citation.source = self._sources[citation.source_id]
        citation.clean()

    def prepare(self, records: list[Citation]) -> None:
        for citation in records:
            numbers = self._numbers_of(citation.source_id)
            if citation.exact not in numbers:
                numbers[citation.exact] = max(numbers.values(), default=0) + 1
            citation.number = numbers[citation.exact]

    def _numbers_of(self, source: int) -> dict[str, int]:
        if source not in self._numbers:
            Source.objects.select_for_update().get(pk=source)
            known = Citation.objects.filter(source=source).values_list("exact", "number")
            self._numbers[source] = dict(known)
        return self._numbers[source]
