from django.contrib import admin

from editing.admin import date_column, rare
from editing.filters import CitationsFilter, DateFilter, StateFilter
from sources.admin import CitedAdmin
from timeline.models import Event, Statement


class TimelineAdmin(CitedAdmin):
    search_fields = ["title", "summary", "slug"]


@admin.register(Event)
class EventAdmin(TimelineAdmin):
    list_display = ["title", "date_shown", "category", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter, "category"]
    fieldsets = [
        (None, {"fields": [
            "title", "category", "summary", "start", "end", "date_label", "organizations",
        ]}),
        rare("body", "slug"),
    ]  # fmt: skip
    date_shown = date_column("start", "fecha", "sort_day")


@admin.register(Statement)
class StatementAdmin(TimelineAdmin):
    date_field = "date"
    list_display = ["title", "date_shown", "kind", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter, "kind"]
    fieldsets = [
        (None, {"fields": [
            "title", "kind", "summary", "date", "date_label", "organizations", "events",
        ]}),
        rare("body", "slug"),
    ]  # fmt: skip
    date_shown = date_column("date", "fecha", "sort_day")
