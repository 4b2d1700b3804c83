import re
from datetime import time
from typing import Any

from import_export.fields import Field

from editing.differences import whole_diff
from editing.resources import RecordResource
from editing.widgets import (
    DateWidget,
    MomentWidget,
    ReferencesWidget,
    ReferenceWidget,
    RichTextWidget,
    SlugWidget,
    TextWidget,
    refusal,
)
from sources.resources import Cited, contradictions_column, proof_column
from timeline.models import Event, Statement


class TimeWidget(TextWidget):
    help = "Hora de 24 horas, por ejemplo 17:30"
    compare = staticmethod(whole_diff)

    def render(self, value: time | None, obj: Any = None, **kwargs: Any) -> str:
        return f"{value:%H:%M}" if value else ""

    def read(self, cell: str) -> time | None:
        """Excel adds the seconds."""
        text = re.sub(r"^(\d:)", r"0\1", cell.strip().removesuffix(" h")).removesuffix(":00:00")
        if not text:
            return None
        try:
            moment = time.fromisoformat(text)
        except ValueError:
            moment = time.max
        if moment.second or moment.tzinfo or ":" not in text:
            raise refusal("No es una hora.", self.help)
        return moment


class EventResource(Cited, RecordResource):
    slug = Field("slug", "identificador", SlugWidget("firma-del-acuerdo"))
    title = Field("title", "titulo", TextWidget("Se firma el acuerdo"))
    category = Field("category", "categoria", ReferenceWidget("acuerdo"))
    start = Field(
        "start", "inicio", DateWidget("entre agosto de 2012 y febrero de 2014", end="fin")
    )
    end = Field("end", "fin", DateWidget())
    start_time = Field("start_time", "hora", TimeWidget("17:30"))
    date_label = Field("date_label", "palabras_de_la_fuente", TextWidget("a mediados de año"))
    location = Field("location", "lugar", TextWidget("Plaza Mayor"))
    summary = Field("summary", "resumen", TextWidget())
    body = Field("body", "texto", RichTextWidget("<p>Un párrafo.</p>"))
    convenes = Field("convenes", "convocan", ReferencesWidget("instituto-civico; otra-mas"))
    takes_part = Field("takes_part", "participan", ReferencesWidget())
    is_named = Field("is_named", "nombradas", ReferencesWidget())
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())
    uncited = proof_column()
    contradictions = contradictions_column()

    class Meta:
        model = Event
        name = "eventos"


class StatementResource(Cited, RecordResource):
    slug = Field("slug", "identificador", SlugWidget("por-que-se-firmo"))
    title = Field("title", "titulo", TextWidget("¿Por qué se firmó?"))
    kind = Field("kind", "tipo", ReferenceWidget("comunicado"))
    date = Field("date", "fecha", DateWidget("2020-05-12"))
    date_label = Field("date_label", "palabras_de_la_fuente", TextWidget())
    summary = Field("summary", "resumen", TextWidget())
    body = Field("body", "texto", RichTextWidget("<p>Un párrafo.</p>"))
    speaks = Field("speaks", "hablan", ReferencesWidget("instituto-civico; otra-mas"))
    signs = Field("signs", "firman", ReferencesWidget())
    declines = Field("declines", "declinan", ReferencesWidget())
    is_named = Field("is_named", "nombradas", ReferencesWidget())
    events = Field("events", "acontecimientos", ReferencesWidget("firma-del-acuerdo"))
    publish_at = Field("publish_at", "se_publica", MomentWidget("2026-11-24 09:00"))
    unpublish_at = Field("unpublish_at", "se_retira", MomentWidget())
    uncited = proof_column()
    contradictions = contradictions_column()

    class Meta:
        model = Statement
        name = "pronunciamientos"
