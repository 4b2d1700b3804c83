from record.columns import Choice, Column, Date, Moment, ReferenceList, RichText, Slug
from record.resources import Resource
from timeline.models import Event, Statement


class EventResource(Resource):
    name = "eventos"
    model = Event
    columns = [
        Slug("identificador", "slug", "firma-del-acuerdo"),
        Column("titulo", "title", "Se firma el acuerdo"),
        Choice("categoria", "category", "acuerdo"),
        Date("inicio", "start", "entre agosto de 2011 y febrero de 2015"),
        Date("fin", "end"),
        Column("palabras_de_la_fuente", "date_label", "a principios de 2016"),
        Column("resumen", "summary"),
        RichText("texto", "body", "<p>Un párrafo.</p>"),
        ReferenceList("organizaciones", "organizations", "instituto-civico; otra-organizacion"),
        Moment("se_publica", "publish_at", "2026-11-24 09:00"),
        Moment("se_retira", "unpublish_at"),
    ]


class StatementResource(Resource):
    name = "pronunciamientos"
    model = Statement
    columns = [
        Slug("identificador", "slug", "por-que-se-firmo"),
        Column("titulo", "title", "¿Por qué se firmó?"),
        Choice("tipo", "kind", "pregunta y respuesta"),
        Date("fecha", "date", "2017-05-23"),
        Column("palabras_de_la_fuente", "date_label"),
        Column("resumen", "summary"),
        RichText("texto", "body", "<p>Un párrafo.</p>"),
        ReferenceList("organizaciones", "organizations", "instituto-civico; otra-organizacion"),
        ReferenceList("acontecimientos", "events", "firma-del-acuerdo"),
        Moment("se_publica", "publish_at", "2026-11-24 09:00"),
        Moment("se_retira", "unpublish_at"),
    ]
