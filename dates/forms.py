"""The form field of a partial date, which takes Spanish or EDTF and shows how it reads the text;
and the field of a day."""

import re
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from dates.edtf import EDTF, ImpossibleDate, parse
from dates.spanish_dates import SeveralDates, read

DAY_ADVICE = "Escriba un día, por ejemplo «1 de diciembre de 2026»."


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


class DayField(forms.CharField):
    """A day in words, in digits or in EDTF; without a year, the next such day."""

    def to_python(self, value: Any) -> Any:
        if not (written := super().to_python(value)):
            return None
        today = timezone.localdate()
        next_years = (f" de {today.year}", f" de {today.year + 1}")
        for year in ("", *next_years) if not re.search(r"\d{4}", written) else ("",):
            try:
                day = read(written + year)
            except ImpossibleDate as error:
                reason = error.reason
                continue
            if day.kind != "day" or day.earliest >= "9000":
                raise ValidationError(DAY_ADVICE)
            if not year or day.earliest >= today.isoformat():
                return date.fromisoformat(day.earliest)
        raise ValidationError(f"No es un día posible: {reason}. {DAY_ADVICE}")
