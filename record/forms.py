"""The form field that takes a date in Spanish or as EDTF and says how it reads it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from record.dates import ImpossibleDate, parse
from record.spanish import read


class EDTFInput(forms.TextInput):
    """A text input with its reading below; `readings.js` keeps the reading up to date."""

    template_name = "record/edtf_input.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        try:
            context["reading"] = read(value or "")
        except ImpossibleDate as error:
            context["error"] = str(error)
        return context


class EDTFFormField(forms.CharField):
    """Cleans to EDTF text; shows the date in Spanish."""

    widget = EDTFInput

    def to_python(self, value: Any) -> str:
        try:
            return read(super().to_python(value)).text
        except ImpossibleDate as error:
            raise ValidationError(str(error), code="impossible_date") from error

    def prepare_value(self, value: Any) -> Any:
        try:
            return str(parse(value or ""))
        except ImpossibleDate:
            return value
