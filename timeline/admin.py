from django.contrib import admin

from editing.admin import RecordAdmin, date_column
from editing.filters import CitationsFilter, DateFilter, StateFilter
from sources.admin import CitationInline
from timeline.models import Event, Statement


class TimelineAdmin(RecordAdmin):
    search_fields = ["title", "summary", "slug"]
    prepopulated_fields = {"slug": ["title"]}
    inlines = [CitationInline]


@admin.register(Event)
class EventAdmin(TimelineAdmin):
    list_display = ["title", "date_shown", "category", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter, "category"]
    fieldsets = [
        ("Qué pasó", {"fields": ["title", "slug", "category", "summary", "body", "organizations"]}),
        ("Cuándo", {"fields": ["start", "end", "date_label"]}),
    ]
    date_shown = date_column("start", "fecha", "sort_day")


@admin.register(Statement)
class StatementAdmin(TimelineAdmin):
    date_field = "date"
    list_display = ["title", "date_shown", "kind", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter, "kind"]
    fieldsets = [
        (
            "Qué se dijo",
            {"fields": ["title", "slug", "kind", "summary", "body", "organizations", "events"]},
        ),
        ("Cuándo", {"fields": ["date", "date_label"]}),
    ]
    date_shown = date_column("date", "fecha", "sort_day")
