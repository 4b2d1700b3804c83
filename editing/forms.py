"""Form fields and the base form of the staff: dates in Spanish with their reading, generated
slugs, and the permission to publish."""

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

from record.publishing import Publishable, may_publish

DRAFTS_ONLY = "Puede guardar el borrador; publica quien tiene permiso."
WHY = "Esto ya es público. Diga por qué lo cambia, por ejemplo «se acota la fecha»."
LONGEST_REASON = 500
BUTTONS = {
    "_publish": "Se guardó y se publicó «{}».",
    "_schedule": "Se guardó «{}» y quedó programado.",
    "_withdraw": "Se guardó «{}» y ya no se ve en el sitio.",
    "_schedule_withdrawal": "Se guardó «{}» y quedó programado su retiro.",
    "_draft": "Se guardó «{}» como borrador.",
}
"""The buttons of the publication, which save too, and the message after each."""


class MomentInput(forms.SplitDateTimeWidget):
    """A day and an hour, in the browser's own fields."""

    template_name = "editing/moment_input.html"

    def __init__(self) -> None:
        super().__init__(
            date_format="%Y-%m-%d",
            time_format="%H:%M:%S",
            date_attrs={"type": "date", "aria-label": "Día"},
            time_attrs={"type": "time", "aria-label": "Hora"},
        )


class PlainTextField(forms.CharField):
    """Several lines of text, whose ends browsers send as CR LF."""

    def to_python(self, value: Any) -> str:
        return super().to_python(value).replace("\r\n", "\n")


class AsideField(forms.CharField):
    """Not of the record, so that writing in it changes no record."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return False


def reason_field() -> AsideField:
    return AsideField(
        label="Por qué este cambio",
        required=False,
        max_length=LONGEST_REASON,
        help_text="Quedará en el historial. Por ejemplo «se acota la fecha con el párrafo 2».",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


def link(record: models.Model) -> SafeString:
    """«Acontecimiento: Firma del acuerdo», which leads to its form."""
    meta = record._meta
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[record.pk])
    return format_html('{}: <a href="{}">{}</a>', capfirst(meta.verbose_name), address, record)


def free_slug(model: type[models.Model], words: str) -> str:
    """`words` as a slug that no other record of `model` has: `firma-del-acuerdo-2`."""
    base = slugify(words)[:110].strip("-") or model._meta.model_name
    taken = set(model._base_manager.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(s for n in count(1) if (s := f"{base}-{n}" if n > 1 else base) not in taken)


class Act:
    """One request to a form. `token` is the token of the present record; `filling` holds the values
    that the form shows instead of the record's, and `review` compares them; `stale` if somebody
    saved meanwhile, `collided` if at the same moment."""

    token = ""
    review: Any = None
    stale = collided = False

    def __init__(self, request: HttpRequest) -> None:
        self.user, self.filling = request.user, {}
        self.pressed = next((name for name in BUTTONS if name in request.POST), "")
        self.check_only = "_check" in request.POST or "_use" in request.POST
        self.began = timezone.now()


def act_of(request: HttpRequest) -> Act:
    if not hasattr(request, "act"):
        request.act = Act(request)
    return request.act


class RecordForm(forms.ModelForm):
    """One record as the staff edit it. The admin sets these for each request."""

    act: Act
    inlines_changed: Callable[[], bool] = staticmethod(lambda: False)
    filled: ClassVar[dict[str, Any]] = {}
    """Initial values instead of the record's; of a bound form, files alone."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = (kwargs.get("initial") or {}) | self.filled
        super().__init__(*args, **kwargs)
        if "slug" in self.fields:
            self.fields["slug"].required = False

    def is_valid(self) -> bool:
        """Never when only asked to check, so that nothing is saved."""
        return super().is_valid() and not self.act.check_only

    def changes_something(self) -> bool:
        decided = self.instance._state.adding or self.act.pressed or self.filled
        return bool(decided) or self.has_changed() or self.inlines_changed()

    def clean(self) -> None:
        super().clean()
        if self.act.pressed and not may_publish(self.act.user):
            self.add_error(None, DRAFTS_ONLY)
        elif self.act.pressed and not self.errors:
            self._press()

    def _press(self) -> None:
        """The moments as the button says."""
        data = self.cleaned_data
        scheduled = {"_schedule": "publish_at", "_schedule_withdrawal": "unpublish_at"}
        if name := scheduled.get(self.act.pressed):
            if not data.get(name) or data[name] <= self.act.began:
                self.add_error(name, "Escriba un día y una hora que estén por venir.")
            elif name == "publish_at" and (data.get("unpublish_at") or data[name]) < self.act.began:
                data["unpublish_at"] = None  # that of an earlier publication
        elif self.act.pressed == "_withdraw":
            data["unpublish_at"] = self.act.began
        else:
            data["publish_at"] = self.act.began if self.act.pressed == "_publish" else None
            data["unpublish_at"] = None

    def _post_clean(self) -> None:
        asks_why = "change_reason" in self.fields and not self.act.check_only
        adding = self.instance._state.adding
        public = asks_why and not adding and self.instance.is_public()
        super()._post_clean()
        # Here, for only now does the instance hold what the form says.
        if not self.errors and not may_publish(self.act.user) and not self.instance.is_draft():
            self.add_error(None, f"Esto ya es público o está por serlo. {DRAFTS_ONLY}")
        if asks_why and adding and not self.errors and not isinstance(self.instance, Publishable):
            public = self.instance.is_public()  # for all that it stands on is
        reason = self.cleaned_data.get("change_reason", "")
        if public and (not reason or reason.endswith(":")) and self.changes_something():
            self.add_error("change_reason", WHY)

    def save(self, commit: bool = True) -> models.Model:
        if not self.instance.slug and (words := self.instance.slug_words()):
            self.instance.slug = free_slug(type(self.instance), words)
        return super().save(commit)
