"""The form field of a partial date: it takes Spanish or EDTF and shows how it reads the text."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dates.edtf import EDTF, ImpossibleDate, parse
from dates.spanish_dates import SeveralDates, read


def reading_of(written: str) -> dict[str, EDTF | str]:
    """The context of `dates/_date_reading.html`: `date`, or `error` with the reason; `first` and
    `last` if the text says from when to when."""
    try:
        return {"date": read(written)}
    except SeveralDates as dates:
        return {"first": dates.first, "last": dates.last}
    except ImpossibleDate as error:
        return {"error": str(error)}


class EDTFInput(forms.TextInput):
    """A text input with its reading below, which `readings.js` updates while somebody types."""

    template_name = "dates/edtf_input.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        attrs = {"data-reads": "date", "size": 50} | (attrs or {})
        return super().get_context(name, value, attrs) | reading_of(value or "")


class EDTFFormField(forms.CharField):
    """Cleans to EDTF text; shows the date in Spanish."""

    widget = EDTFInput

    def to_python(self, value: Any) -> str:
        try:
            return read(super().to_python(value) or "").text
        except ImpossibleDate as error:
            raise ValidationError(str(error), code="impossible_date") from error

    def prepare_value(self, value: Any) -> Any:
        try:
            return str(parse(value or ""))
        except ImpossibleDate:
            return value
