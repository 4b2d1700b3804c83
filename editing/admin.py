"""The ModelAdmin of every record: search without accents, the permission to publish, errors that
link to their field. The mixins add actions, history and saving."""

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import (
    AdminTextareaWidget,
    AdminURLFieldWidget,
    AutocompleteSelect,
    AutocompleteSelectMultiple,
)
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import SuspiciousOperation
from django.db import models
from django.db.models import Count, ExpressionWrapper, F, Q, Subquery
from django.db.models.functions import Coalesce
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
from editing.filters import citations_of
from editing.forms import (
    DRAFTS_ONLY,
    MomentInput,
    PlainTextField,
    RecordForm,
    act_of,
    link,
)
from editing.reviews import RecordFormSet
from editing.saving import SavingAdmin
from editing.versions import VersionsAdmin
from record.publishing import Publishable, Record, may_publish
from record.richtext import RichTextField
from record.text import WebAddressField, folded, is_key

LONGEST_SEARCH, MOST_WORDS = 200, 12  # the database would refuse a condition for each of a thousand


def _citation_count(model: type[models.Model]) -> models.Expression:
    name = model._meta.get_field("citations").field.name
    counts = citations_of(model).order_by().values(name).annotate(count=Count("pk"))
    return Coalesce(Subquery(counts.values("count")[:1]), 0)


def date_column(field: str, label: str, ordering: str) -> Callable[[Any, Any], SafeString]:
    """A list's column for the date in `field`: glyph and words."""

    @admin.display(description=label, ordering=ordering)
    def column(self: admin.ModelAdmin, record: models.Model) -> SafeString:
        return _date(getattr(record, field))

    return column


def _date(text: str) -> SafeString:
    return render_to_string("dates/_date.html", {"date": parse(text)})


class StaffAdmin(admin.ModelAdmin):
    """Errors are gathered above the form, each leading to its field."""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        problems = [*_problems_of(context["adminform"].form)]
        for inline in context["inline_admin_formsets"]:
            problems += [{"text": text} for text in inline.formset.non_form_errors()]
            for number, form in enumerate(inline.formset.forms, 1):
                name = form.instance if form.instance.pk else f"{inline.opts.verbose_name} {number}"
                problems += _problems_of(form, f"{capfirst(str(name))}, ")
        return super().render_change_form(request, {"problems": problems} | context, **kwargs)

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
            found = [Q(**{f"{column}__contains": word}) for column in columns]
            queryset = queryset.alias(**columns).filter(Q(*found, _connector=Q.OR))
        return queryset, False


def _problems_of(form: forms.BaseForm, of: str = "") -> Iterator[dict[str, str]]:
    for name, errors in form.errors.items() if form.is_bound else ():
        if name not in form.fields:
            yield from ({"text": f"{of}{error}"} for error in errors)
            continue
        field = form[name]
        label = f"{of}{field.label}" if of else capfirst(field.label)
        yield from ({"text": f"{label}: {error}", "field": field.id_for_label} for error in errors)


class OnlyKeys:
    """Replaces values that are not primary keys by «0», which no record has: Django would pass
    them to the database, which fails."""

    def format_value(self, value: Any) -> list[str]:
        return list(filter(is_key, super().format_value(value)))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        value = super().value_from_datadict(data, files, name)
        if isinstance(value, list):
            return [key if is_key(key) else "0" for key in value]
        return value if not value or is_key(value) else "0"


class Picked(OnlyKeys, AutocompleteSelect):
    pass


class SeveralPicked(OnlyKeys, AutocompleteSelectMultiple):
    pass


class Relations:
    """Autocomplete widgets for relations; text areas keep the line ends of the text."""

    formfield_overrides = {
        WebAddressField: {
            "widget": AdminURLFieldWidget,
            "error_messages": {"invalid": WebAddressField.default_validators[0].message},
        },
        EDTFField: {"widget": EDTFInput},
        models.DateTimeField: {"form_class": forms.SplitDateTimeField, "widget": MomentInput},
        RichTextField: {"widget": AdminTextareaWidget},
        models.TextField: {
            "form_class": PlainTextField,
            "widget": AdminTextareaWidget(attrs={"rows": 3}),
        },
    }

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> forms.Field:
        widget = Picked(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **{"widget": widget} | kwargs)

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> forms.Field:
        """Also with a `through` model, which the admin leaves out of forms by default."""
        widget = SeveralPicked(db_field, self.admin_site)
        return db_field.formfield(**{"widget": widget} | kwargs)


class RecordInline(Relations, admin.StackedInline):
    form, formset = RecordForm, RecordFormSet
    extra = 0
    show_change_link = True
    view_on_site = False

    def get_formset(
        self, request: HttpRequest, obj: models.Model | None = None, **kwargs: Any
    ) -> type[forms.BaseInlineFormSet]:
        formset = super().get_formset(request, obj, **kwargs)
        act = act_of(request)
        formset.form.act, formset.filled = act, act.filling
        return formset


class RecordAdmin(ActionsAdmin, VersionsAdmin, SavingAdmin, Relations, StaffAdmin):
    """`label` is the column with a record's name, `date_field` the column of DateFilter."""

    form = RecordForm
    label = "title"
    date_field = "start"
    list_select_related = ()
    show_facets = admin.ShowFacets.ALWAYS
    list_per_page = 50
    empty_value_display = "(vacío)"
    search_help_text = "Todas las palabras; da igual si llevan acentos o mayúsculas."

    # Who may change what

    def may_touch(self, user: AbstractBaseUser, record: Record | None) -> bool:
        """Users without the permission to publish change drafts only."""
        return record is None or may_publish(user) or record.is_draft()

    def has_change_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return super().has_change_permission(request, obj) and self.may_touch(request.user, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self.may_touch(request.user, obj)

    # Lists

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        records = super().get_queryset(request)
        if self.list_select_related:  # on every page: a record's name may hold another's
            records = records.select_related(*self.list_select_related)
        if "citations_shown" in self.list_display:
            records = records.annotate(citation_count=_citation_count(self.model))
        return records

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural), "has_trash": True}
        return super().changelist_view(request, title | (extra_context or {}))

    @admin.display(description="citas", ordering="citation_count")
    def citations_shown(self, record: Record) -> str:
        if record.citation_count:
            return str(record.citation_count)
        return format_html('<strong class="loss">{} · falta</strong>', 0)

    @admin.display(description="estado")
    def state_shown(self, record: Record) -> SafeString:
        return render_to_string("editing/_state.html", {"record": record})

    # Forms

    def get_fieldsets(self, request: HttpRequest, obj: Record | None = None) -> list[tuple]:
        moments = []
        if issubclass(self.model, Publishable) and may_publish(request.user):
            is_public = obj is not None and obj.state == "public"
            moments = ["unpublish_at"] if is_public else ["publish_at", "unpublish_at"]
        box = {"fields": moments, "classes": ["publication"]}
        fieldsets = [("Publicación", box), *super().get_fieldsets(request, obj)]
        if obj is None or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (title, options | {"fields": [self._only_shown(name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    def _only_shown(self, name: Any) -> Any:
        """A date in words, for the read-only form; the name of any other field."""
        dates = {f.name: f for f in self.model._meta.fields if isinstance(f, EDTFField)}
        if name not in dates:
            return name
        show = admin.display(description=dates[name].verbose_name)
        return show(lambda record: _date(getattr(record, name)))

    def view_on_site(self, record: Record) -> str | None:
        try:
            return record.get_absolute_url()
        except NoReverseMatch:  # a form that empties its identifier
            return None

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        record, act = context["original"], request.act
        if act.review:
            formsets = [inline.formset for inline in context["inline_admin_formsets"]]
            act.review.annotate(context["adminform"].form, formsets)
        present = record
        if record and request.method == "POST":  # `record` holds the values sent, not saved
            present = self.get_object(request, str(record.pk))
        hiding = [r for r in present.points_to() if not r.is_public()] if record else []
        context |= {
            "can_check": True,
            "checked": "_check" in request.POST,
            "collided": act.collided,
            "may_change": record is None or self.has_change_permission(request, record),
            "may_publish": may_publish(request.user),
            "publishable": issubclass(self.model, Publishable),
            "present": present,
            "hiding": [link(r) for r in hiding],
            "drafts_only": DRAFTS_ONLY,
            "review": act.review,
            "show_save_and_add_another": record is None,
        }
        return super().render_change_form(request, context, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """No regular expressions from an address: a wrong one fails in the database."""
        return "regex" not in lookup and super().lookup_allowed(lookup, value, request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The values in the address, except the moments of publication."""
        given = super().get_changeform_initial_data(request)
        return {k: v for k, v in given.items() if k not in ("publish_at", "unpublish_at")}

    def response_action(
        self, request: HttpRequest, queryset: models.QuerySet, **options: Any
    ) -> Any:
        if not all(map(is_key, request.POST.getlist("_selected_action"))):
            raise SuspiciousOperation("A selected row that is no key")
        return super().response_action(request, queryset, **options)
