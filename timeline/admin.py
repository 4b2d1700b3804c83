from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from editing.admin import RecordAdmin, date_column, rare
from editing.filters import CitationsFilter, DateFilter, StateFilter
from sources.admin import CitedAdmin
from timeline.models import Event, Statement
from timeline.vocabulary import EventCategory, StatementKind, Synonym


@admin.register(EventCategory)
class VocabularyAdmin(RecordAdmin):
    label = "name"
    list_display = ["name", "plural", "order"]
    search_fields = ["name", "plural", "slug"]
    fieldsets = [(None, {"fields": ["name", "plural", "order"]}), rare("slug")]


@admin.register(StatementKind)
class StatementKindAdmin(VocabularyAdmin):
    fieldsets = [(None, {"fields": ["name", "plural", "order", "is_question"]}), rare("slug")]


@admin.register(Synonym)
class SynonymAdmin(RecordAdmin):
    label = "word"
    list_display = ["word", "means"]
    search_fields = ["word", "means", "slug"]
    fieldsets = [(None, {"fields": ["word", "means"]}), rare("slug")]


class TimelineAdmin(CitedAdmin):
    search_fields = ["title", "summary", "slug"]

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Lists the words of a vocabulary: there are few."""
        if db_field.name in ("category", "kind"):
            return db_field.formfield()
        return super().formfield_for_dbfield(db_field, request, **kwargs)


@admin.register(Event)
class EventAdmin(TimelineAdmin):
    list_display = ["title", "date_shown", "category", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter, "category"]
    fieldsets = [
        (None, {"fields": [
            "title", "category", "summary", "start", "end", "date_label",
            "convenes", "takes_part", "is_named",
        ]}),
        rare("start_time", "location", "body", "slug"),
    ]  # fmt: skip
    list_select_related = ("category",)
    date_shown = date_column("start", "fecha", "sort_day")


@admin.register(Statement)
class StatementAdmin(TimelineAdmin):
    date_field = "date"
    list_display = ["title", "date_shown", "kind", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter, "kind"]
    fieldsets = [
        (None, {"fields": [
            "title", "kind", "summary", "date", "date_label",
            "speaks", "signs", "declines", "is_named", "events",
        ]}),
        rare("body", "slug"),
    ]  # fmt: skip
    list_select_related = ("kind",)
    date_shown = date_column("date", "fecha", "sort_day")
