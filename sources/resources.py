from collections import defaultdict
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from import_export.fields import Field

from dates.fields import EDTFField
from editing.resources import BATCH, Outcome, RecordResource, RowError
from editing.widgets import (
    AddressWidget,
    ChoiceWidget,
    DateWidget,
    MomentWidget,
    ReferenceWidget,
    SlugWidget,
    TextWidget,
)
from record.proof import dates_in, labels_of, quotes_of
from sources.models import SUPPORTED, Citation, Source, date_and_bound
from sources.proofs import labels_said, refuse_orphans, said_instead
from sources.quotes import claim


class DigestWidget(TextWidget):
    help = "El SHA-256 del archivo original. Al importar no se lee"


class ProofWidget(TextWidget):
    """Whether readers see proof of a fact and of its dates, in `uncited`."""

    help = (
        "«sí»: citas a la vista prueban el registro, sus fechas, su hora y su lugar; «no»: falta "
        "alguna. Al importar no se lee"
    )

    def bind(self, model_field: Any) -> None:
        self.required = False

    def render(self, value: str, obj: Any = None, **kwargs: Any) -> str:
        return "no" if value else "sí"


class ContradictionsWidget(ProofWidget):
    """What other sources say, in `contradictions`."""

    help = "Lo que dice otra fuente que contradice a este registro. Al importar no se lee"

    @property
    def fetched(self) -> models.Prefetch:
        against = Citation.objects.visible_to(None).filter(stance="contradicts")
        against = against.select_related("source").defer("source__text").order_by("pk")
        return models.Prefetch("citations", against, to_attr="contradictions")

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return "; ".join(f"{claim(citation)} («{citation.source}»)" for citation in value or ())


def contradictions_column() -> Field:
    widget = ContradictionsWidget("15 de diciembre de 2020 («Acta 12»)")
    return Field("contradictions", "otra_fuente_dice", widget, readonly=True)


def proof_column() -> Field:
    return Field("uncited", "con_cita", ProofWidget("sí"), readonly=True)


FITTING = "Un dato que esa cita diga, o después otra cita"
AS_PUBLISHED = "El texto como está publicado"


class Cited:
    """A table of records that citations support or contradict."""

    columns: list[Any]
    number: int
    warnings: list[RowError]
    changes: dict[str, list[str]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.changed: dict[Any, tuple[int, dict[str, list[str]]]] = {}
        """The number and the changes of up to BATCH rows, by the stored record that they change."""

    def check(self, instance: Any) -> None:
        super().check(instance)  # type: ignore[misc]  # of RecordResource
        changed = {c.attribute for c in self.columns if c.column_name in self.changes}
        if instance.pk and changed & dates_in(type(instance)):
            self._refuse_agreement(instance, changed)

    def _refuse_agreement(self, instance: Any, changed: set[str]) -> None:
        """Refuses a changed date that a stored citation contradicts with the same date."""
        fields = [
            field for field in dates_in(type(instance)) if date_and_bound(field)[0] in changed
        ]
        against = instance.citations.filter(field__in=fields).exclude(says="")
        for citation in against.select_related("source"):
            setattr(citation, citation.supported, instance)
            name, _bound = date_and_bound(citation.field)
            try:
                citation.check_claim()
            except ValidationError:
                which = f"La cita {citation.number} de «{citation.source}»"
                problem = f"{which} contradice con esta misma fecha."
                advice = "Otra fecha, o antes esa cita marcada como «apoya»"
                raise ValidationError({name: f"{problem}\n{advice}"}) from None

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        super().before_save_instance(instance, row, **kwargs)  # type: ignore[misc]
        if instance.pk:
            self.changed[instance] = self.number, self.changes
        if len(self.changed) == BATCH:
            self._compare_quotes()

    def after_import(self, dataset: Any, result: Outcome, **kwargs: Any) -> None:
        super().after_import(dataset, result, **kwargs)  # type: ignore[misc]
        self._compare_quotes()

    def _compare_quotes(self) -> None:
        for record, quotes in quotes_of(self.changed).items():
            self._warn_of_misfits(record, quotes)
        self.changed.clear()

    def _warn_of_misfits(self, record: Any, quotes: list[Citation]) -> None:
        """Warns of each quote that does not say a date or a text that changed."""
        headers = {column.attribute: column.column_name for column in self.columns}
        fields = {field.name: field for field in record._meta.fields}
        number, changes = self.changed[record]
        for quote in quotes:
            name, _bound = date_and_bound(quote.field or self.columns[1].attribute)
            if name in fields and (header := headers.get(name, "")) in changes:
                old, new = changes[header]
                value = getattr(record, name) if isinstance(fields[name], EDTFField) else new
                if said := said_instead(fields[name], old, value, quote.exact):
                    problem = f"La cita {quote.number} de «{quote.source}» dice {said}."
                    self.warnings.append(RowError(number, header, new[:200], problem, FITTING))


class SourceResource(RecordResource):
    slug = Field("slug", "identificador", SlugWidget("informe-anual"))
    title = Field("title", "titulo", TextWidget("Informe anual"))
    publisher = Field("publisher", "quien_la_publico", TextWidget())
    kind = Field("kind", "tipo", ChoiceWidget("documento"))
    language = Field("language", "idioma", TextWidget("es"))
    url = Field("url", "direccion_web", AddressWidget("https://ejemplo.mx/informe"))
    archived_url = Field("archived_url", "copia_archivada", AddressWidget())
    published = Field("published", "publicada", DateWidget("febrero de 2020"))
    describes_until = Field("describes_until", "describe_hasta", DateWidget("2020-05-12"))
    retrieved = Field("retrieved", "consultada", DateWidget("2026-11-24"))
    text = Field("text", "texto", TextWidget("El texto completo, un párrafo por renglón"))
    original_sha256 = Field("original_sha256", "sha256_original", DigestWidget(), readonly=True)
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())

    class Meta:
        model = Source
        name = "fuentes"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.rewritten: set[str] = set()

    def clean_instance(self, instance: Any) -> None:
        """Checks the citations of a source only if its text changes."""
        if not self.is_new and "texto" in self.changes:
            self.rewritten.add(instance.slug)
            super().clean_instance(instance)
            for quote, words in instance.quotes_in(instance.text).items():
                if words != quote:
                    problem = f"Con este texto, esa cita dirá «{words[:200]}»."
                    warning = RowError(self.number, "texto", quote[:200], problem, AS_PUBLISHED)
                    self.warnings.append(warning)

    def after_write(self, records: list[Any]) -> None:
        for source in records:
            if source.slug in self.rewritten:
                source.move_citations({})


class CitationResource(RecordResource):
    slug = Field("slug", "identificador", SlugWidget("firma-del-acuerdo-event-1"))
    source = Field("source", "fuente", ReferenceWidget("informe-anual"))
    exact = Field("exact", "palabras_exactas", TextWidget("firmaron el acuerdo"))
    locator = Field("locator", "lugar", TextWidget("p. 14"))
    field = Field("field", "apoya", TextWidget("start_latest"))
    stance = Field("stance", "postura", ChoiceWidget("apoya"))
    says = Field("says", "dice", DateWidget("15 de diciembre de 2020"))
    organization = Field("organization", "organizacion", ReferenceWidget("instituto-civico"))
    membership = Field("membership", "membresia", ReferenceWidget("instituto-civico"))
    representation_term = Field(
        "representation_term", "periodo_de_representacion", ReferenceWidget("representante-1")
    )
    event = Field("event", "acontecimiento", ReferenceWidget("firma-del-acuerdo"))
    statement = Field("statement", "pronunciamiento", ReferenceWidget())

    class Meta:
        model = Citation
        name = "citas"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.passages: dict[int, dict[str, int]] = {}
        self.gone: dict[Any, dict[int, Citation]] = defaultdict(dict)
        """The stored citations that rows change, by fact with labels and by number of the row."""
        self.moved: dict[Any, list[Citation]] = defaultdict(list)
        self.said: dict[Any, set[str]] = {}
        """The labels that the sources of a fact say before the import."""

    def clean_instance(self, instance: Any) -> None:
        if sum(getattr(instance, f"{name}_id") is not None for name in SUPPORTED) != 1:
            raise ValidationError({"event": "Una cita apoya exactamente un registro."})
        quote = instance.exact
        super().clean_instance(instance)
        if kinds := instance.differences:
            problem = f"Solo difiere en {kinds}: se guardan las palabras de la fuente."
            words = f"«{instance.exact[:200]}»"
            self.warnings.append(
                RowError(self.number, "palabras_exactas", quote[:200], problem, words)
            )

    def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
        super().before_save_instance(instance, row, **kwargs)
        if labels_of(instance.record):
            self.moved[instance.record].append(instance)
        if instance.pk:
            stored = Citation.objects.get(pk=instance.pk)
            fact: Any = stored.record
            if labels_of(fact):
                self.said.setdefault(fact, labels_said(fact))
                self.gone[fact][kwargs["row_number"]] = stored

    def after_import(self, dataset: Any, result: Outcome, **kwargs: Any) -> None:
        """Checks the labels after all rows: the citations of a fact may change places."""
        for fact, gone in self.gone.items():
            left = labels_said(fact, gone.values(), self.moved[fact])
            try:
                refuse_orphans((fact, label) for label in sorted(self.said[fact] - left))
            except ValidationError as error:
                result.totals["update"] -= 1
                result.append_invalid_row(max(gone), {}, ValidationError({"source": error}))
        super().after_import(dataset, result, **kwargs)

    def before_write(self, records: list[Any]) -> None:
        """Numbers the passages of each source; equal quotes are the same passage."""
        for citation in records:
            numbers = self._passages_of(citation.source_id)
            if citation.exact not in numbers:
                numbers[citation.exact] = max(numbers.values(), default=0) + 1
            citation.number = numbers[citation.exact]

    def _passages_of(self, source: int) -> dict[str, int]:
        if source not in self.passages:
            Source.objects.select_for_update().get(pk=source)
            known = Citation.objects.filter(source=source).values_list("exact", "number")
            self.passages[source] = dict(known)
        return self.passages[source]
