from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from editing.admin import RecordAdmin, RecordInline, date_column, rare
from editing.filters import (
    CitationsFilter,
    ConditionFilter,
    DateFilter,
    StateFilter,
    citation_count,
)
from editing.forms import ExtraField, RecordForm, RecordFormSet, link
from organizations.models import Membership, Organization, RepresentationTerm
from organizations.succession import are_joint, release
from record.pages import listed
from record.proof import check_labels
from record.publishing import may_publish, whom_to_ask
from sources.admin import CitationInline, CitedAdmin

IF_SAME = "Si es la misma, borre la que acaba de guardar y complete aquella."
MOVE = "Cambiar también a quienes comparten el lugar"
BESIDE_OTHERS = (
    "Comparte el lugar con {}, y el papel, el lugar y las fechas cambian a la vez: abra el periodo "
    f"en su propia página («Editar con sus citas») y marque «{MOVE}»."
)
SHARED = ("role", "order", "start", "end")
SPAN = ["start", "start_label", "end", "end_label"]


class MembershipForm(RecordForm):
    def clean(self) -> None:
        super().clean()
        self.instance.replaced = [*self.cleaned_data.get("replaces", ())]

    def save(self, commit: bool = True) -> Any:
        """Writes one version of a row, with its list. Leaves a list that did not change."""
        if not commit:
            return super().save(commit)
        if "replaces" not in self.changed_data:
            self.cleaned_data.pop("replaces", None)
        row, kind = self.instance, "+" if self.instance._state.adding else "~"
        row.skip_history_when_saving = True
        super().save()
        del row.skip_history_when_saving
        reason = getattr(row, "_change_reason", None)
        Membership.versions.write([row.pk], kind, reason, self.edit.user.pk, at=self.edit.began)
        return row


def joint_with(term: RepresentationTerm) -> list[RepresentationTerm]:
    terms = RepresentationTerm.objects.filter(role=term.role, start=term.start, end=term.end)
    terms = terms.exclude(pk=term.pk).select_related("organization")
    return [other for other in terms if are_joint(term, other)] if term.pk else []


class TermRowForm(RecordForm):
    """A term on the page of its organization, where joint terms cannot be changed together."""

    def clean(self) -> None:
        super().clean()
        shared = [name for name in SHARED if name in self.changed_data]
        if shared and (partners := joint_with(self.instance)):
            names = listed(partner.organization for partner in partners)
            self.add_error(shared[0], BESIDE_OTHERS.format(names))
            for name in shared:
                self.cleaned_data.pop(name, None)


class TermForm(RecordForm):
    moves_partners = ExtraField(
        label=MOVE,
        widget=forms.CheckboxInput(),
        required=False,
        help_text="Sus periodos toman el mismo papel, lugar, inicio y fin.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partners = joint_with(self.instance)
        if not self.partners and "moves_partners" in self.fields:
            self.fields["moves_partners"].widget = forms.HiddenInput()

    def clean(self) -> None:
        super().clean()
        term = self.instance
        if self.cleaned_data.get("moves_partners") in (None, "", "False"):
            self.partners = []
        if not may_publish(self.edit.user) and not all(t.is_draft() for t in self.partners):
            self.add_error("moves_partners", f"Alguna ya es pública. {whom_to_ask()}")
        term.moved = [partner.pk for partner in self.partners]


class PeriodFormSet(RecordFormSet):
    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            if form.has_changed() and form not in self.deleted_forms:
                try:
                    check_labels(form.instance)
                except ValidationError as error:
                    form.add_error(None, error)


class PeriodInline(RecordInline):
    """Memberships or terms. Their citations are edited on their own pages."""

    formset = PeriodFormSet
    template = "admin/edit_inline/period.html"

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).annotate(citation_count=citation_count(self.model))


class MembershipInline(PeriodInline):
    model, form = Membership, MembershipForm
    fields = [*SPAN, "replaces", "note"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).prefetch_related("replaces")


class TermInline(PeriodInline):
    model, form = RepresentationTerm, TermRowForm
    fields = ["role", "order", "interim", *SPAN, "note"]


@admin.register(Organization)
class OrganizationAdmin(CitedAdmin):
    label = "name"
    list_display = ["name", "short_name", "sector", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, "sector"]
    search_fields = ["name", "short_name", "other_names", "summary", "slug"]
    inlines = [MembershipInline, TermInline, CitationInline]
    fieldsets = [
        (None, {"fields": ["name", "short_name", "article", "other_names", "sector", "summary"]}),
        rare("description", "website", "identifiers", "logo", "slug"),
    ]

    def response_add(self, request: HttpRequest, obj: Organization, *args: Any) -> HttpResponse:
        for other in Organization.objects.namesakes(obj)[:5]:
            text = format_html(
                f"¿Es otra que ya está? Se llama igual: {{}}. {IF_SAME}", link(other)
            )
            self.message_user(request, text, messages.WARNING)
        return super().response_add(request, obj, *args)


class PeriodAdmin(CitedAdmin):
    """A membership or a term."""

    label = "organization__name"
    start_shown = date_column("start", "inicio", "start_earliest")
    end_shown = date_column("end", "fin", "end_latest")


@admin.register(Membership)
class MembershipAdmin(PeriodAdmin):
    form = MembershipForm
    list_display = ["organization", "start_shown", "end_shown", "citations_shown", "state_shown"]
    list_filter = [StateFilter, CitationsFilter, DateFilter]
    search_fields = [
        "organization__name", "organization__short_name", "organization__other_names", "note",
        "slug",
    ]  # fmt: skip
    list_select_related = ("organization",)
    fieldsets = [
        (None, {"fields": ["organization", *SPAN, "replaces", "note"]}),
        rare("slug"),
    ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).prefetch_related("replaces")


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
    form = TermForm
    fieldsets = [
        (None, {"fields": [
            "organization", "role", "order", "interim", *SPAN, "moves_partners", "note",
        ]}),
        rare("slug"),
    ]  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if partners := form.partners:
            keys = [obj.pk, *(partner.pk for partner in partners)]
            release(models.QuerySet(RepresentationTerm).filter(pk__in=keys))
        super().save_model(request, obj, form, change)
        for partner in partners:
            partner.role, partner.order = obj.role, obj.order
            partner.start, partner.end = obj.start, obj.end
            partner._change_reason = form.cleaned_data.get("change_reason") or None
            partner.save()
