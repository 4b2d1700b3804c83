"""The forms of a record: generated slugs, the permission to publish, the reason of a change."""

from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

from django import forms
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst, slugify

from dates.spanish_dates import span_in
from record.publishing import Publishable, Record, may_publish

DRAFTS_ONLY = "Puede guardar el borrador; publica quien tiene permiso."
WHY = "Esto ya es público. Diga por qué lo cambia, por ejemplo «se acota la fecha»."
LONGEST_REASON = 500
MOST_NEW_ROWS = 50  # that one save adds to a record; a form of each is made even if it is empty
BUTTONS = {
    "_publish": "Se guardó y se publicó «{}».",
    "_schedule": "Se guardó «{}» y quedó programado.",
    "_withdraw": "Se guardó «{}» y ya no se ve en el sitio.",
    "_schedule_withdrawal": "Se guardó «{}» y quedó programado su retiro.",
    "_draft": "Se guardó «{}» como borrador.",
}
"""The buttons that save a record and change its publication, with the message after each."""
FormValues = dict[str, Any]
FormKey = tuple[str, int]
"""A form on the page: the prefix of its formset and the primary key of its row, or a negative
number for a row to add."""
RECORD: FormKey = ("", 0)
"""The form of the record itself."""
PageValues = dict[FormKey, FormValues]
"""The values of the forms of a record and of its rows."""


class MomentInput(forms.SplitDateTimeWidget):
    """A date and a time, each in the browser's own input."""

    template_name = "editing/moment_input.html"

    def __init__(self) -> None:
        super().__init__(
            date_format="%Y-%m-%d",
            time_format="%H:%M:%S",
            date_attrs={"type": "date", "aria-label": "Día"},
            time_attrs={"type": "time", "aria-label": "Hora"},
        )


class PlainTextField(forms.CharField):
    """Text of several lines, stored with LF; browsers send CR LF."""

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class ExtraField(forms.CharField):
    """A field that does not belong to the record: its value never counts as a change."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


def reason_field() -> ExtraField:
    return ExtraField(
        label="Por qué este cambio",
        required=False,
        max_length=LONGEST_REASON,
        help_text="Quedará en el historial. Por ejemplo «se acota la fecha con el párrafo 2».",
        widget=forms.TextInput(attrs={"class": "vTextField", "spellcheck": "true"}),
    )


def link(record: models.Model) -> SafeString:
    """A link to the form of a record: «Acontecimiento: Firma del acuerdo»."""
    meta = record._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[record.pk])
    return format_html('{}: <a href="{}">{}</a>', capfirst(meta.verbose_name), address, record)


def free_slug(model: type[models.Model], words: str) -> str:
    """`words` as a slug that no other record of `model` has: `firma-del-acuerdo-2`."""
    base = slugify(words)[:110].strip("-") or str(model._meta.model_name)
    taken = set(model._base_manager.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(s for n in count(1) if (s := f"{base}-{n}" if n > 1 else base) not in taken)


class Edit:
    """The state of one request to the form of a record.

    `token` is the token of the record's present state. `filling` replaces the initial values of the
    form, and `review` compares them with the record. The request is `stale` if another person saved
    the record after the form was opened, and has `collided` if that happened at the same moment.
    """

    token = ""
    review: Any = None
    stale = collided = False

    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        self.filling: PageValues = {}
        self.pressed = next((name for name in BUTTONS if name in request.POST), "")
        self.check_only = "_check" in request.POST or "_use" in request.POST
        self.began = timezone.now()


def edit_of(request: HttpRequest) -> Edit:
    """The Edit of a request. The first call makes it."""
    attributes = vars(request)
    if "edit" not in attributes:
        attributes["edit"] = Edit(request)
    return attributes["edit"]


class RecordForm(forms.ModelForm):
    """The form of a record or of one of its rows. ModelAdmin.get_form() sets these attributes."""

    edit: Edit
    inlines_changed: Callable[[], bool] = staticmethod(lambda: False)
    filled: ClassVar[FormValues] = {}
    """Replaces initial values of the record. A bound form takes only its files from here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = (kwargs.get("initial") or {}) | self.filled
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False

    def is_valid(self) -> bool:
        """False for a request that only checks the form, so that nothing is saved."""
        return super().is_valid() and not self.edit.check_only

    def changes_something(self) -> bool:
        decided = self.instance._state.adding or self.edit.pressed or self.filled
        return bool(decided) or self.has_changed() or self.inlines_changed()

    def clean(self) -> None:
        super().clean()
        self._read_span()
        if self.edit.pressed and not may_publish(self.edit.user):
            self.add_error(None, DRAFTS_ONLY)
        elif self.edit.pressed and not self.errors:
            self._set_publication()

    def _read_span(self) -> None:
        """Reads a start such as «3-5 de mayo de 2017» as start and end, if the end is empty."""
        is_alone = "start" in self.errors and self.cleaned_data.get("end") == ""
        if is_alone and (dates := span_in(self["start"].data)):
            del self.errors["start"]
            self.cleaned_data |= {"start": dates.first.text, "end": dates.last.text}

    def _set_publication(self) -> None:
        """Sets the dates of publication that the pressed button means."""
        data, pressed, began = self.cleaned_data, self.edit.pressed, self.edit.began
        scheduled = {"_schedule": "publish_at", "_schedule_withdrawal": "unpublish_at"}
        if name := scheduled.get(pressed):
            if not data.get(name) or data[name] <= began:
                self.add_error(name, "Escriba un día y una hora que estén por venir.")
            elif name == "publish_at" and (data.get("unpublish_at") or data[name]) < began:
                data["unpublish_at"] = None  # the end of an earlier publication
        elif pressed == "_withdraw":
            data["unpublish_at"] = began
        else:
            data["publish_at"] = began if pressed == "_publish" else None
            data["unpublish_at"] = None

    def _post_clean(self) -> None:
        """Checks the permission to publish and requires a reason for a change of public content.
        Only this hook sees the instance both before and after it takes the values of the form."""
        asks_why = "change_reason" in self.fields and not self.edit.check_only
        adding = self.instance._state.adding
        public = asks_why and not adding and self.instance.is_public()
        super()._post_clean()  # type: ignore[misc]  # django-stubs omits it
        if not self.errors and not may_publish(self.edit.user) and not self.instance.is_draft():
            self.add_error(None, f"Esto ya es público o está por serlo. {DRAFTS_ONLY}")
        if asks_why and adding and not self.errors and not isinstance(self.instance, Publishable):
            public = self.instance.is_public()  # a new row of public records is public at once
        reason = self.cleaned_data.get("change_reason", "")
        if public and (not reason or reason.endswith(":")) and self.changes_something():
            self.add_error("change_reason", WHY)

    def save(self, commit: bool = True) -> Any:
        if not self.instance.slug and (words := self.instance.slug_words()):
            self.instance.slug = free_slug(type(self.instance), words)
        return super().save(commit)


class RecordFormSet(forms.BaseInlineFormSet):
    """The rows of a record. `filled` replaces initial values of rows, and adds rows."""

    default_error_messages = {
        "too_many_forms": "Son demasiados renglones: en total caben %(num)d. Guarde los primeros y "
        "agregue después los demás."
    }
    prefix: str
    model: type[Record]
    filled: PageValues = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        added = [
            values
            for (prefix, key), values in self.filled.items()
            if prefix == kwargs["prefix"] and key < 0
        ]
        super().__init__(*args, initial=added, **kwargs)
        self.extra += len(added)
        self.max_num = self.absolute_max = len(self.get_queryset()) + MOST_NEW_ROWS

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        kwargs = super().get_form_kwargs(index)
        if self.filled and index is not None and index < self.initial_form_count():
            kwargs["initial"] = self.filled.get((self.prefix, self.get_queryset()[index].pk))
        return kwargs
