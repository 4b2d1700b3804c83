from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from editing.admin import RecordAdmin, RecordInline, date_column
from editing.filters import CitationsFilter, ConditionFilter, DateFilter, StateFilter
from editing.forms import link
from organizations.models import Membership, Organization, RepresentationTerm
from sources.admin import CitationInline

IF_SAME = "Si es la misma, borre la que acaba de guardar y complete aquella."
SPAN: tuple[str, Any] = ("Cuándo", {"fields": ["start", "start_label", "end", "end_label"]})


class MembershipInline(RecordInline):
    model = Membership
    fk_name = "organization"
    fields = ["start", "start_label", "end", "end_label", "replaces", "note"]


class TermInline(RecordInline):
    model = RepresentationTerm
    fields = [("role", "order"), "start", "start_label", "end", "end_label", "note"]


@admin.register(Organization)
class OrganizationAdmin(RecordAdmin):
    label = "name"
    list_display = ["name", "short_name", "sector", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, "sector"]
    search_fields = ["name", "short_name", "other_names", "summary", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline, TermInline, CitationInline]
    fieldsets = [
        ("Quién es", {"fields": ["name", "slug", "short_name", "other_names", "sector"]}),
        ("Qué se dice de ella", {"fields": ["summary", "description", "website", "logo"]}),
    ]

    def response_add(self, request: HttpRequest, obj: Organization, *args: Any) -> HttpResponse:
        for other in Organization.objects.namesakes(obj)[:5]:
            text = format_html(
                f"¿Es otra que ya está? Se llama igual: {{}}. {IF_SAME}", link(other)
            )
            self.message_user(request, text, messages.WARNING)
        return super().response_add(request, obj, *args)


class PeriodAdmin(RecordAdmin):
    """A membership or a term."""

    label = "organization__name"
    inlines = [CitationInline]
    start_shown = date_column("start", "inicio", "start_earliest")
    end_shown = date_column("end", "fin", "end_latest")


@admin.register(Membership)
class MembershipAdmin(PeriodAdmin):
    list_display = ["organization", "start_shown", "end_shown", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter]
    search_fields = [
        "organization__name", "organization__short_name", "organization__other_names", "note",
        "slug",
    ]  # fmt: skip
    list_select_related = ("organization", "replaces")
    fieldsets = [
        ("Quién", {"fields": ["organization", "slug", "replaces"]}),
        SPAN,
        ("Nota", {"fields": ["note"]}),
    ]


class OverlapFilter(ConditionFilter):
    title, parameter_name = "traslape", "traslape"

    @classmethod
    def conditions(cls, model_admin: RecordAdmin) -> dict[str, tuple[str, Q]]:
        overlapping = RepresentationTerm.objects.possibly_overlapping().values("pk")
        return {"posible": ("Podría traslaparse", Q(pk__in=overlapping))}


@admin.register(RepresentationTerm)
class TermAdmin(PeriodAdmin):
    list_display = [
        "organization", "role", "order", "start_shown", "end_shown", "citations_shown",
        "state_shown",
    ]  # fmt: skip
    list_filter = [StateFilter, CitationsFilter, DateFilter, "role", OverlapFilter]
    search_fields = ["organization__name", "organization__short_name", "note", "slug"]
    list_select_related = ("organization",)
    fieldsets = [
        ("Quién", {"fields": ["organization", "slug", "role", "order"]}),
        SPAN,
        ("Nota", {"fields": ["note"]}),
    ]
