from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import BaseModelAdmin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import Truncator, capfirst

from editing.admin import RecordAdmin, RecordInline
from editing.filters import ConditionFilter, StateFilter
from editing.forms import RecordForm, RecordFormSet, link
from record.proof import quotes_of, unsaid_labels
from record.publishing import Record
from sources.forms import CitationForm, quote_field, source_field
from sources.models import SUPPORTED, Citation, date_and_bound, supported_model
from sources.proofs import Proofs, check_move, citable, labels_orphaned, said_beside


class CitationFields(BaseModelAdmin):
    """The form fields of a citation, for its inline and its admin."""

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        own = {"source": source_field, "exact": quote_field, "field": _supported_field}
        if db_field.name in own:
            return own[db_field.name]()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="de qué dato habla")
    def supported(self, citation: Citation) -> str:
        """The supported field in a read-only form."""
        return citation.get_field_display() or "todo el registro"


def _supported_field() -> forms.ChoiceField:
    return forms.ChoiceField(label="De qué dato habla", required=False)


def say_differences(request: HttpRequest, differences: Iterable[tuple[Any, str]]) -> None:
    """Says in what each quote differed from its source, if it did."""
    for quote, kinds in differences:
        if kinds:
            words = f"{quote}: solo difería en {kinds}. Se guardaron las palabras de la fuente."
            messages.info(request, words)


class CitationFormSet(RecordFormSet):
    """The citations of a record: their sources say its labels."""

    def clean(self) -> None:
        super().clean()
        kept = [form for form in self.forms if form not in self.deleted_forms]
        rows = (form.cleaned_data for form in kept if hasattr(form, "cleaned_data"))
        rows = (row for row in rows if row.get("stance") != Citation.Stance.CONTRADICTS)
        sources = {row["source"] for row in rows if row.get("exact") and row.get("source")}
        texts = [source.passages.text for source in sources]
        are_gone = any(form.instance.pk for form in self.deleted_forms)
        if (texts or are_gone) and (errors := unsaid_labels(self.instance, texts)):
            label_of = self.instance._meta.get_field
            raise ValidationError(
                [f"{capfirst(str(label_of(n).verbose_name))}: {e}." for n, e in errors.items()]
            )


class CitationInline(CitationFields, RecordInline):
    model = Citation
    form = CitationForm
    formset = CitationFormSet
    template = "admin/edit_inline/citation.html"
    readonly_fields = ["supported"]
    extra = 1

    def get_fields(self, request: HttpRequest, obj: Record | None = None) -> list[Any]:
        parent = self.admin_site.get_model_admin(self.parent_model)
        editable = obj is None or parent.has_change_permission(request, obj)
        field = "field" if editable else "supported"
        return ["exact", "source", "locator", field, "stance", "says"]

    def get_formset(
        self, request: HttpRequest, obj: Record | None = None, **kwargs: Any
    ) -> type[forms.BaseInlineFormSet]:
        formset = super().get_formset(request, obj, **kwargs)
        if "field" in formset.form.base_fields:  # the form is not read-only
            formset.form.base_fields["field"].choices = citable(self.parent_model)
        return formset

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        citations = super().get_queryset(request).order_by("position", "pk")
        return citations.select_related("source").defer("source__text")


class CitedAdmin(RecordAdmin):
    """A record that citations support: its form shows each next to the field that it proves."""

    inlines: ClassVar[Any] = [CitationInline]

    @property
    def lead(self) -> str:
        """The field that a quote for the whole record proves first."""
        return self.label.partition("__")[0]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for quote in quotes_of([form.instance])[form.instance]:
            name, _ = date_and_bound(quote.field or self.lead)
            if said := said_beside(form, name, quote.exact):
                words = f"La cita {quote.number} dice {said}: corrija el dato o la cita."
                messages.warning(request, words)
        for formset in formsets:
            if formset.model is Citation:
                citations = [row.instance for row in formset.forms]
                say_differences(request, [(quote, quote.differences) for quote in citations])

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rows = [
            row
            for inline in context["inline_admin_formsets"]
            for row in inline
            if inline.opts.model is Citation
        ]
        context |= {"proofs": Proofs(context["adminform"], rows, self.lead)}
        return super().render_change_form(request, context, *args, **kwargs)


class SupportsFilter(ConditionFilter):
    title, parameter_name = "lo que apoya", "apoya"

    @classmethod
    def conditions(cls, model_admin: RecordAdmin) -> dict[str, tuple[str, Q]]:
        return {name: (_kind(name), Q(**{f"{name}__isnull": False})) for name in SUPPORTED}


def _kind(name: str) -> str:
    return capfirst(str(supported_model(name)._meta.verbose_name))


class OwnCitationForm(CitationForm):
    """The form of a citation on its own page."""

    def _post_clean(self) -> None:
        super()._post_clean()
        if not self.errors and self.instance.pk:
            try:
                check_move(self.instance)
            except ValidationError as error:
                self.add_error(None, error)


@admin.register(Citation)
class CitationAdmin(CitationFields, RecordAdmin):
    form = OwnCitationForm
    label = "exact"
    list_display = ["number", "words", "record_shown", "source", "state_shown"]
    list_display_links = ["number", "words"]
    list_filter = [StateFilter, SupportsFilter, ("source", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["exact", "slug"]
    list_select_related = (
        "source", *SUPPORTED, "membership__organization", "representation_term__organization",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        citations = super().get_queryset(request).defer("source__text")
        return citations.prefetch_related("membership__replaces")

    def save_related(self, request: HttpRequest, form: Any, *args: Any) -> None:
        super().save_related(request, form, *args)
        say_differences(request, [(form.instance, form.instance.differences)])

    @admin.display(description="palabras", ordering="exact")
    def words(self, citation: Citation) -> str:
        return Truncator(citation.exact).words(20)

    @admin.display(description="registro")
    def record_shown(self, citation: Any) -> str:
        return link(citation.record)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """First asks for the kind of record that the citation supports."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.GET.get("apoya") in SUPPORTED:
            return super().add_view(request, *args, **kwargs)
        kinds = [(name, supported_model(name)._meta.verbose_name) for name in SUPPORTED]
        context = {
            **self.admin_site.each_context(request),
            "title": "¿Qué apoya la cita?",
            "kinds": kinds,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/sources/citation/choose.html", context)

    def _deletion(self, request: HttpRequest, chosen: list[Any]) -> dict[str, Any]:
        deletion = super()._deletion(request, chosen)
        words = "{}: «{}», palabras de la fuente que ninguna otra cita prueba"
        labels = [format_html(words, link(f), label) for f, label in labels_orphaned(chosen)]
        return deletion | {"kept": [*deletion["kept"], *labels]}

    def restore_address(self, record: Citation, deletion: Any) -> str:
        return f"{super().restore_address(record, deletion)}&apoya={record.supported}"

    def _supported(self, request: HttpRequest, citation: Citation | None) -> str:
        return citation.supported if citation else request.GET["apoya"]

    def get_fields(self, request: HttpRequest, obj: Citation | None = None) -> list[Any]:
        editable = obj is None or self.has_change_permission(request, obj)
        field = "field" if editable else "supported"
        return [
            self._supported(request, obj),
            field,
            "source",
            "exact",
            "locator",
            "stance",
            "says",
        ]

    def get_form(
        self, request: HttpRequest, obj: Citation | None = None, *args: Any, **kwargs: Any
    ) -> type[RecordForm]:
        form: Any = super().get_form(request, obj, *args, **kwargs)
        name = self._supported(request, obj)
        if name in form.base_fields:  # the form is not read-only
            form.base_fields[name].required = True
            form.base_fields["field"].choices = citable(supported_model(name))
        return form
