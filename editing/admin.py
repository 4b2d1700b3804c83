"""RecordAdmin, the ModelAdmin of every record.

It adds the permission to publish and the widgets of the form to ActionsAdmin (actions), SavingAdmin
(saving) and VersionsAdmin (history and trash), each of which extends the next.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.options import BaseModelAdmin, IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import (
    AdminTextareaWidget,
    AdminTextInputWidget,
    AdminURLFieldWidget,
)
from django.core.exceptions import BadRequest, FieldError, SuspiciousOperation
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from dates.edtf import parse
from dates.fields import EDTFField
from dates.forms import EDTFInput
from dates.text import fold
from editing.actions import ActionsAdmin
from editing.filters import citation_count
from editing.forms import (
    PlainTextField,
    RecordForm,
    RecordFormSet,
    edit_of,
    link,
)
from editing.pickers import picker
from editing.versions import may_touch
from record.history import listed_in, lists_in
from record.publishing import Publishable, Record, may_publish, whom_to_ask
from record.richtext import RichTextField
from record.text import NO_WEB_ADDRESS, WebAddressField, folded, is_key

LONGEST_SEARCH, MOST_WORDS = 200, 12  # a database refuses thousands of conditions


def date_column(field: str, label: str, ordering: str) -> Callable[[Any, Any], SafeString]:
    """A column of a list that shows the date in `field` with its glyph."""

    @admin.display(description=label, ordering=ordering)
    def column(self: admin.ModelAdmin, record: models.Model) -> SafeString:
        return _date(getattr(record, field))

    return column


def _date(text: str) -> SafeString:
    return render_to_string("dates/_date.html", {"date": parse(text)})


class StaffList(ChangeList):
    """Narrows its records by its filters, its search and nothing else. Django accepts any lookup of
    any field, also lookups that fail in a database or keep it busy."""

    def get_filters(self, request: HttpRequest) -> Any:
        filters = super().get_filters(request)
        if lookups_of_no_filter := filters[2]:
            raise BadRequest(f"{len(lookups_of_no_filter)} lookups of no filter")
        return filters

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        try:
            return super().get_queryset(request, exclude_parameters)
        except (IncorrectLookupParameters, FieldError, ValueError) as error:
            raise BadRequest("A value of no filter") from error

    def get_results(self, request: HttpRequest) -> None:
        """Show the first page instead of a page that does not exist, perhaps since its records were
        deleted."""
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            self.page_num = 1
            super().get_results(request)


class StaffAdmin(admin.ModelAdmin):
    """Lists the errors above the form, each with a link to its field. Searches without accents."""

    empty_value_display = "(vacío)"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title} | (extra_context or {}))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Write the entries one by one: entries that are written in bulk get no seal. Django passes
        a queryset, or a list of one record."""
        for record in queryset:
            one: Any = [record]
            super().log_deletions(request, one)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StaffList

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        problems = [*problems_of(context["adminform"].form)]
        for inline in context["inline_admin_formsets"]:
            problems += [{"text": text} for text in inline.formset.non_form_errors()]
            for number, form in enumerate(inline.formset.forms, 1):
                name = form.instance if form.instance.pk else f"{inline.opts.verbose_name} {number}"
                problems += problems_of(form, f"{capfirst(str(name))}, ")
        context = {"problems": problems} | context
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        names = self.get_search_fields(request)
        columns = {
            f"searched_{number}": folded(ExpressionWrapper(F(name), models.CharField()))
            for number, name in enumerate(names)
        }
        words = fold(search_term[:LONGEST_SEARCH].replace("\0", " ")).split()
        for word in list(dict.fromkeys(words))[:MOST_WORDS]:
            matches = [Q(**{f"{column}__contains": word}) for column in columns]
            queryset = queryset.alias(**columns).filter(Q(*matches, _connector=Q.OR))
        return queryset, False


def problems_of(form: forms.BaseForm, prefix: str = "") -> Iterator[dict[str, str]]:
    for name, errors in form.errors.items() if form.is_bound else ():
        if name not in form.fields:
            yield from ({"text": f"{prefix}{error}"} for error in errors)
            continue
        field = form[name]
        label = f"{prefix}{field.label}" if prefix else capfirst(field.label)
        yield from ({"text": f"{label}: {error}", "field": field.id_for_label} for error in errors)


def focus_first_missing(form: forms.BaseForm) -> None:
    """Focuses the first empty required field."""
    for bound in form.visible_fields():
        if bound.field.required and not bound.value():
            bound.field.widget.attrs["autofocus"] = True
            return


class FormFieldsAdmin(BaseModelAdmin):
    """The form fields of records: pickers for relations, text areas that keep line ends, spelling
    marks in prose."""

    formfield_overrides = {
        WebAddressField: {
            "widget": AdminURLFieldWidget,
            "error_messages": {"invalid": NO_WEB_ADDRESS},
        },
        models.CharField: {"widget": AdminTextInputWidget(attrs={"spellcheck": "true"})},
        models.SlugField: {"widget": AdminTextInputWidget(attrs={"spellcheck": "false"})},
        EDTFField: {"widget": EDTFInput},
        RichTextField: {"widget": AdminTextareaWidget},
        models.TextField: {
            "form_class": PlainTextField,
            "widget": AdminTextareaWidget(attrs={"rows": 3, "spellcheck": "true"}),
        },
    }

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Makes a picker of a relation; Django adds buttons that edit and delete the other record,
        and leaves out relations with a `through` model."""
        if isinstance(db_field, models.ForeignKey | models.ManyToManyField):
            return picker(db_field, self.admin_site, request)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def rare(*names: str) -> tuple[str, Any]:
    """The fieldset «Más», which folds fields without a value or an error."""
    return "Más", {"fields": list(names), "classes": ["collapse"]}


def _is_filled(form: forms.ModelForm, name: str, noted: Collection[str]) -> bool:
    if name not in form.fields:
        return name != "slug" and bool(getattr(form.instance, name, ""))
    field = form[name]
    has_value = name != "slug" and field.value()
    return bool(has_value or field.errors or field.id_for_label in noted)


class RecordInline(FormFieldsAdmin, admin.StackedInline):
    form, formset = RecordForm, RecordFormSet
    extra = 0
    show_change_link = True
    view_on_site = False

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        edit = edit_of(request)
        formset.form.edit, formset.filled = edit, edit.filling
        return formset


class RecordAdmin(ActionsAdmin, FormFieldsAdmin, StaffAdmin):
    """`label` is the column with the name of a record, `date_field` the column of DateFilter."""

    form = RecordForm
    label = "title"
    date_field = "start"
    list_select_related: ClassVar[tuple[str, ...]] = ()
    show_facets = admin.ShowFacets.ALWAYS
    list_per_page = 50
    search_help_text = "Todas las palabras; da igual si llevan acentos o mayúsculas."

    # Permissions

    def has_change_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return super().has_change_permission(request, obj) and may_touch(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return super().has_delete_permission(request, obj) and may_touch(request.user, obj)

    # Lists

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        records = super().get_queryset(request)
        if self.list_select_related:  # on every page: the name of a record may include another
            records = records.select_related(*self.list_select_related)
        if "citations_shown" in self.list_display:
            records = records.annotate(citation_count=citation_count(self.model))
        return records

    @admin.display(description="citas", ordering="citation_count")
    def citations_shown(self, record: Any) -> str:
        if record.citation_count:
            return str(record.citation_count)
        return format_html('<strong class="loss">{} · falta</strong>', 0)

    @admin.display(description="estado")
    def state_shown(self, record: Record) -> SafeString:
        return render_to_string("editing/_state.html", {"record": record})

    # Forms

    def get_fieldsets(self, request: HttpRequest, obj: Record | None = None) -> list[tuple]:
        box: dict[str, Any] = {"fields": [], "classes": ["publication"]}
        fieldsets = [("Publicación", box), *super().get_fieldsets(request, obj)]
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, options | {"fields": [self._read_only(name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    def _read_only(self, name: Any) -> Any:
        """The column that shows a date in words, or the records with a part; for any other field,
        its name."""
        fields = self.model._meta.fields
        dates = {f.name: f.verbose_name for f in fields if isinstance(f, EDTFField)}
        parts = {each.name: each for each in lists_in(self.model) if each.part}
        if name not in dates | parts:
            return name

        @admin.display(description=dates[name] if name in dates else parts[name].verbose_name)
        def shown(record: Any) -> str:
            if name in dates:
                return _date(getattr(record, name))
            listed = parts[name].related_model.objects.filter(pk__in=listed_in(record)[parts[name]])
            return ", ".join(map(str, listed))

        shown.__name__ = name
        return shown

    def view_on_site(self, record: Any) -> str | None:
        try:
            return record.get_absolute_url()
        except NoReverseMatch:  # the form empties the slug
            return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        record, edit = context["original"], edit_of(request)
        if edit.review:
            formsets = [inline.formset for inline in context["inline_admin_formsets"]]
            edit.review.annotate(context["adminform"].form, formsets)
        admin_form = context["adminform"]
        admin_form.fieldsets = [*self._unfold(admin_form, edit.review)]
        if record is None and request.method != "POST":
            focus_first_missing(admin_form.form)
        present = record
        if record and request.method == "POST":  # `record` has the values that were sent
            present = self.get_object(request, str(record.pk))
        context |= {
            "can_check": True,
            "checked": "_check" in request.POST,
            "collided": edit.collided,
            "may_change": record is None or self.has_change_permission(request, record),
            "may_publish": may_publish(request.user),
            "publishable": issubclass(self.model, Publishable),
            "present": present,
            "hiding": [*map(link, present.hiding)] if record else [],
            "whom_to_ask": "" if may_publish(request.user) else whom_to_ask(),
            "may_change_drafts": self.has_change_permission(request),
            "review": edit.review,
            "show_save_and_add_another": record is None,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def _unfold(self, admin_form: AdminForm, review: Any) -> Iterator[tuple[str, dict]]:
        """The fieldsets. Rare fields with a value, an error or a note are taken out of their fold;
        each record has a slug, whose value is no reason."""
        noted = {note["id"] for notes in review.noted.values() for note in notes} if review else ()
        for title, options in admin_form.fieldsets:
            if "collapse" not in options.get("classes", ()):
                yield title, options
                continue
            names = options["fields"]
            shown = [name for name in names if _is_filled(admin_form.form, name, noted)]
            if shown:
                yield "", {"fields": shown}
            if folded := [name for name in names if name not in shown]:
                yield title, options | {"fields": folded}

    def response_action(
        self, request: HttpRequest, queryset: models.QuerySet, *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        if not all(map(is_key, request.POST.getlist("_selected_action"))):
            raise SuspiciousOperation("The selection holds a value that is no primary key")
        return super().response_action(request, queryset, *args, **kwargs)
