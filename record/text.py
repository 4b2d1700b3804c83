"""Text without control characters, its folded form in SQL, and its differences by word."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.db.models.functions import Lower, Replace
from django.forms import Field

MOST_COMPARISONS = 250_000  # pairs of words; beyond this, a text is replaced as a whole
MAX_XLSX_CELL = 32_767  # the most characters that Excel keeps in a cell
_TURNERS = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_UNSTORABLE = re.compile(r"[\x00-\x08\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile(r"[\x0b\x0c]")  # vertical tab, form feed
# The letters of Spanish. SQLite lowers only ASCII, so capitals are listed too.
_PLAIN = dict(zip("áéíóúüñÁÉÍÓÚÜÑ", "aeiouunaeiouun", strict=True))


def printable(text: str) -> str:
    """Removes the control characters that XML and calendars forbid; keeps tabs and line breaks."""
    return _CONTROLS.sub("", text)


def echoed(text: str) -> str:
    """Replaces control characters and marks of direction in a visitor's text by spaces."""
    return _CONTROLS.sub(" ", _TURNERS.sub(" ", text))


def cut(text: str, length: int) -> str:
    """Shortens a text to whole words, with «…», in at most `length` characters."""
    if len(text) <= length:
        return text
    kept = text[: length - 1]
    if not text[length - 1].isspace():
        kept = kept.rpartition(" ")[0] or kept
    return f"{kept.rstrip(' ,;:.')}…"


def folded(expression: Any) -> models.Expression:
    """`dates.text.fold` in SQL, for the letters of Spanish."""
    for accented, plain in _PLAIN.items():
        expression = Replace(expression, models.Value(accented), models.Value(plain))
    return Lower(expression)


def word_diff(before: str, after: str) -> list[tuple[str, str]]:
    """The difference of two texts word by word: pairs of `same`, `del` or `ins` with words."""
    old, new = _with_space_before(before), _with_space_before(after)
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    last = (len(old) - end, len(new) - end)
    pieces = [("same", old[:start])]
    for kind, a, b, c, d in _differences(old[start : last[0]], new[start : last[1]]):
        removed, added = old[start + a : start + b], new[start + c : start + d]
        pieces += [("same", removed)] if kind == "equal" else [("del", removed), ("ins", added)]
    pieces.append(("same", old[last[0] :]))
    return [(kind, "".join(words)) for kind, words in pieces if words]


def _with_space_before(text: str) -> list[str]:
    """Splits a text into words and signs, each with the white space before it."""
    return re.findall(r"\s*(?:\w+|[^\w\s])|\s+$", text)


def _alike(old: list[str], new: list[str]) -> int:
    """The number of equal words at the start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _differences(old: list[str], new: list[str]) -> Iterable[tuple[str, int, int, int, int]]:
    if len(old) * len(new) > MOST_COMPARISONS:
        return [("replace", 0, len(old), 0, len(new))]
    return SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()


def utf16_length(text: str) -> int:
    """The number of characters as Excel counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def may_be_cut(cell: str, stored: str) -> bool:
    """Whether the cell is the stored text cut to the most characters of a cell."""
    stored = stored.replace("\r\n", "\n")
    is_beginning = len(cell) < len(stored) and stored.startswith(cell)
    return is_beginning and utf16_length(cell) >= MAX_XLSX_CELL - 1  # an emoji is two characters


def without_controls(text: str) -> str:
    """Removes the characters that XML forbids; vertical tabs and form feeds become spaces."""
    return _UNSTORABLE.sub("", _BREAKS.sub(" ", text))


def unstorable(text: str) -> str:
    """The first character that files or PostgreSQL cannot hold, in words, or ""."""
    if not (control := _UNSTORABLE.search(text)):
        return ""
    if control[0] == "\0":
        return "el carácter nulo (NUL)"
    return f"el carácter de control U+{ord(control[0]):04X}, que no se ve"


def clean_controls(text: str) -> str:
    """Replaces vertical tabs and form feeds by spaces, and composes accents (NFC). Raises
    ValidationError for other control characters: files cannot hold them, and PostgreSQL fails on a
    NUL."""
    text = unicodedata.normalize("NFC", _BREAKS.sub(" ", text))
    if control := unstorable(text):
        raise ValidationError(f"No se admite {control}.")
    return text


def clean_text_fields(record: models.Model, exclude: Collection[str] = ()) -> None:
    """Applies `clean_controls` to all texts of a record; raises the errors by field."""
    errors: dict[str, ValidationError] = {}
    for field in record._meta.concrete_fields:
        value = None if field.generated else getattr(record, field.attname)
        if isinstance(value, str) and field.name not in exclude:
            try:
                setattr(record, field.attname, clean_controls(value))
            except ValidationError as error:
                errors[field.name] = error
    if errors:
        raise ValidationError(errors)


def is_key(text: Any) -> bool:
    """Whether `text` can be a primary key."""
    return str(text).isascii() and str(text).isdecimal() and len(str(text)) < 19


NO_WEB_ADDRESS = "Escriba una dirección que empiece con https:// o http://."


class WebAddressField(models.URLField):
    """The address of a page: http or https only, so that no link runs a script."""

    default_validators = [URLValidator(schemes=["http", "https"], message=NO_WEB_ADDRESS)]

    def formfield(self, **kwargs: Any) -> Field | None:
        return super().formfield(assume_scheme="https", **kwargs)


class LanguageField(models.CharField):
    """The tag of a language (BCP 47)."""

    default_validators = [
        RegexValidator(
            r"\A[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*\Z", "No es un idioma. Escriba «es» o «es-MX»."
        )
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        defaults: dict[str, Any] = {
            "max_length": 35,
            "help_text": "Su etiqueta: «es», «es-MX», «en».",
        }
        super().__init__(*args, **defaults | kwargs)
