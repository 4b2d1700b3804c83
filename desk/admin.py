from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from desk.desk import desk_view
from desk.intake import IntakeAdmin
from desk.publishing import PublishingAdmin
from editing.admin import date_column, rare
from editing.filters import CitationsFilter, StateFilter
from record.text import cut
from sources.forms import SourceForm
from sources.models import Source

MOVED = 20  # quotes with new words that a message names


@admin.register(Source)
class SourceAdmin(IntakeAdmin, PublishingAdmin):
    form = SourceForm
    date_field = "describes_until"
    list_display = [
        "title",
        "describes_until_shown",
        "citations_shown",
        "state_shown",
        "desk_shown",
    ]
    list_filter = [StateFilter, CitationsFilter]
    search_fields = ["title", "publisher", "slug"]
    change_form_template = "admin/sources/source/change_form.html"
    fieldsets = [
        (None, {"fields": [
            "title", "kind", "publisher", "published", "describes_until", "language", "url",
            "archived_url", "retrieved", "text", "original",
        ]}),
        rare("slug"),
    ]  # fmt: skip
    describes_until_shown = date_column(
        "describes_until", "describe hasta", "describes_until_latest"
    )

    @admin.display(description="mesa")
    def desk_shown(self, source: Source) -> SafeString:
        words = '<a href="{}">Leer en la mesa<span class="visually-hidden"> «{}»</span></a>'
        return format_html(words, self.address("desk", source.pk), source)

    def save_related(self, request: HttpRequest, form: Any, *args: Any) -> None:
        super().save_related(request, form, *args)
        moved = [pair for pair in getattr(form.instance, "moved", {}).items() if len({*pair}) > 1]
        pairs = [f"«{cut(a, 200)}» es ahora «{cut(b, 200)}»" for a, b in moved[:MOVED]]
        if len(moved) > MOVED:
            pairs.append(f"y {len(moved) - MOVED} más")
        if moved:
            messages.info(request, f"Con el texto cambiaron sus citas: {'; '.join(pairs)}.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).defer("text")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(partial(desk_view, self))
        return [
            path("<path:object_id>/mesa/", view, name="sources_source_desk"),
            *super().get_urls(),
        ]
