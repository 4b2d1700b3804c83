from import_export.fields import Field

from record.resources import RecordResource
from record.widgets import Choice, Date, Moment, ReferenceList, RichText, Slug, Text
from timeline.models import Event, Statement


class EventResource(RecordResource):
    slug = Field("slug", "identificador", Slug("firma-del-acuerdo"))
    title = Field("title", "titulo", Text("Se firma el acuerdo"))
    category = Field("category", "categoria", Choice("acuerdo"))
    start = Field("start", "inicio", Date("entre agosto de 2011 y febrero de 2015"))
    end = Field("end", "fin", Date())
    date_label = Field("date_label", "palabras_de_la_fuente", Text("a principios de 2016"))
    summary = Field("summary", "resumen", Text())
    body = Field("body", "texto", RichText("<p>Un párrafo.</p>"))
    organizations = Field(
        "organizations", "organizaciones", ReferenceList("instituto-civico; otra-organizacion")
    )
    publish_at = Field("publish_at", "se_publica", Moment("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", Moment())

    class Meta:
        model = Event
        name = "eventos"


class StatementResource(RecordResource):
    slug = Field("slug", "identificador", Slug("por-que-se-firmo"))
    title = Field("title", "titulo", Text("¿Por qué se firmó?"))
    kind = Field("kind", "tipo", Choice("pregunta y respuesta"))
    date = Field("date", "fecha", Date("2017-05-23"))
    date_label = Field("date_label", "palabras_de_la_fuente", Text())
    summary = Field("summary", "resumen", Text())
    body = Field("body", "texto", RichText("<p>Un párrafo.</p>"))
    organizations = Field(
        "organizations", "organizaciones", ReferenceList("instituto-civico; otra-organizacion")
    )
    events = Field("events", "acontecimientos", ReferenceList("firma-del-acuerdo"))
    publish_at = Field("publish_at", "se_publica", Moment("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", Moment())

    class Meta:
        model = Statement
        name = "pronunciamientos"
