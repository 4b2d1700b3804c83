"""Text as the record compares it: white space collapsed, accents and case folded, no NUL."""

import re
import unicodedata
from collections.abc import Collection
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, URLValidator
from django.db import models
from django.db.models.functions import Lower, Replace
from django.forms import Field

_refuse_nul = ProhibitNullCharactersValidator("No se admite el carácter nulo (NUL).")
# What Spanish text needs; SQLite lowers ASCII alone, so capitals are listed too.
_PLAIN = dict(zip("áéíóúüñÁÉÍÓÚÜÑ", "aeiouunaeiouun", strict=True))


def collapse(text: str) -> str:
    """Every run of white space, line breaks and no-break spaces included, as one space."""
    return " ".join(text.split())


def fold(text: str) -> str:
    """Lower case without accents: to a search, «Pública» and «publica» are the same word."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def folded(expression: Any) -> models.Expression:
    """`fold` in SQL for the letters of Spanish, alike on SQLite and PostgreSQL."""
    for accented, plain in _PLAIN.items():
        expression = Replace(expression, models.Value(accented), models.Value(plain))
    return Lower(expression)


def words(text: str) -> list[str]:
    """The words of a text, with the punctuation that clings to them left out."""
    return re.findall(r"\w+", text)


def refuse_nul(record: models.Model, exclude: Collection[str] = ()) -> None:
    """SQLite would store a NUL and PostgreSQL would fail on it, so neither gets one."""
    errors: dict[str, ValidationError] = {}
    for field in record._meta.concrete_fields:
        value = None if field.generated else getattr(record, field.attname)
        if isinstance(value, str) and field.name not in exclude:
            try:
                _refuse_nul(value)
            except ValidationError as error:
                errors[field.name] = error
    if errors:
        raise ValidationError(errors)


class WebAddressField(models.URLField):
    """An address that a reader may follow: http or https, nothing that runs."""

    default_validators = [
        URLValidator(
            schemes=["http", "https"],
            message="Escriba una dirección que empiece con https:// o http://.",
        )
    ]

    def formfield(self, **kwargs: Any) -> Field:
        return super().formfield(assume_scheme="https", **kwargs)
