from import_export.fields import Field

from editing.resources import RecordResource
from editing.widgets import (
    ChoiceWidget,
    DateWidget,
    MomentWidget,
    ReferencesWidget,
    RichTextWidget,
    SlugWidget,
    TextWidget,
)
from sources.resources import proof_column
from timeline.models import Event, Statement


class EventResource(RecordResource):
    slug = Field("slug", "identificador", SlugWidget("firma-del-acuerdo"))
    title = Field("title", "titulo", TextWidget("Se firma el acuerdo"))
    category = Field("category", "categoria", ChoiceWidget("acuerdo"))
    start = Field(
        "start", "inicio", DateWidget("entre agosto de 2011 y febrero de 2015", end="fin")
    )
    end = Field("end", "fin", DateWidget())
    date_label = Field("date_label", "palabras_de_la_fuente", TextWidget("a principios de 2016"))
    summary = Field("summary", "resumen", TextWidget())
    body = Field("body", "texto", RichTextWidget("<p>Un párrafo.</p>"))
    organizations = Field(
        "organizations",
        "organizaciones",
        ReferencesWidget("instituto-civico; otra-organizacion"),
    )
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())
    uncited = proof_column()

    class Meta:
        model = Event
        name = "eventos"


class StatementResource(RecordResource):
    slug = Field("slug", "identificador", SlugWidget("por-que-se-firmo"))
    title = Field("title", "titulo", TextWidget("¿Por qué se firmó?"))
    kind = Field("kind", "tipo", ChoiceWidget("pregunta y respuesta"))
    date = Field("date", "fecha", DateWidget("2017-05-23"))
    date_label = Field("date_label", "palabras_de_la_fuente", TextWidget())
    summary = Field("summary", "resumen", TextWidget())
    body = Field("body", "texto", RichTextWidget("<p>Un párrafo.</p>"))
    organizations = Field(
        "organizations",
        "organizaciones",
        ReferencesWidget("instituto-civico; otra-organizacion"),
    )
    events = Field("events", "acontecimientos", ReferencesWidget("firma-del-acuerdo"))
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())
    uncited = proof_column()

    class Meta:
        model = Statement
        name = "pronunciamientos"
