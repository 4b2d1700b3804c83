"""Refuses long passwords that are easy to guess. Django's list of common passwords has very few of
15 characters or more."""

import re
from itertools import pairwise
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

MIN_DIFFERENT_CHARACTERS, MAX_CHECKED_LENGTH = 5, 200
SPANISH = {
    "contraseña",
    "contrasena",
    "administrador",
    "administracion",
    "bienvenido",
    "publicacion",
}


class PlainPasswordValidator(CommonPasswordValidator):
    """Refuses repetitions, sequences, and a common password followed by digits."""

    def validate(self, password: str, user: Any = None) -> None:
        letters = re.sub(r"[\W\d_]+$", "", password.lower())
        if (
            len(set(password)) < MIN_DIFFERENT_CHARACTERS
            or _repeats(password.lower())
            or _repeats(letters)
            or _is_sequence(password)
            or letters in self.passwords | SPANISH
        ):
            raise ValidationError("Es demasiado fácil de adivinar.", code="password_too_plain")

    def get_help_text(self) -> str:
        return "Que no repita lo mismo ni cuente («123456…»)."


def _repeats(text: str) -> bool:
    """Return whether a text repeats its beginning, as «abcabcab» does. Texts longer than
    MAX_CHECKED_LENGTH are not checked, because that takes quadratic time."""
    units = range(1, len(text) // 2 + 1) if len(text) <= MAX_CHECKED_LENGTH else ()
    return any(text == (text[:unit] * len(text))[: len(text)] for unit in units)


def _is_sequence(text: str) -> bool:
    """Return whether a text is a sequence, as «abcdefghijklmno» and «987654321098765» are."""
    steps = {(ord(b) - ord(a)) % 10 if (a + b).isdigit() else ord(b) - ord(a)
             for a, b in pairwise(text)}  # fmt: skip
    return len(steps) == 1 and steps <= {1, -1, 9}
