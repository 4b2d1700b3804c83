from functools import partial
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import path

from desk.desk import desk_view
from editing.admin import RecordAdmin, date_column, rare
from editing.filters import CitationsFilter, StateFilter
from sources.forms import SourceForm
from sources.models import Source


@admin.register(Source)
class SourceAdmin(RecordAdmin):
    form = SourceForm
    date_field = "describes_until"
    list_display = ["title", "describes_until_shown", "citations_shown", "state_shown"]
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

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).defer("text")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(partial(desk_view, self))
        return [
            path("<path:object_id>/mesa/", view, name="sources_source_desk"),
            *super().get_urls(),
        ]
