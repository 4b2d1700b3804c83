"""Long passwords that are short in truth: Django's list of common ones has hardly any of 15."""

import re
from itertools import pairwise
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

FEWEST_CHARACTERS, LONGEST_LOOKED_AT = 5, 200
SPANISH = {
    "contraseña",
    "contrasena",
    "administrador",
    "administracion",
    "bienvenido",
    "publicacion",
}


class PlainPasswordValidator(CommonPasswordValidator):
    """Refuses what repeats itself or counts on, and a common password with figures behind it."""

    def validate(self, password: str, user: Any = None) -> None:
        bare = re.sub(r"[\W\d_]+$", "", password.lower())
        if (
            len(set(password)) < FEWEST_CHARACTERS
            or _repeats(password.lower())
            or _repeats(bare)
            or _counts_on(password)
            or bare in self.passwords | SPANISH
        ):
            raise ValidationError("Es demasiado fácil de adivinar.", code="password_too_plain")

    def get_help_text(self) -> str:
        return "Que no repita lo mismo ni cuente («123456…»)."


def _repeats(text: str) -> bool:
    """«abcabcab». Of what is longer than anybody types, nothing is asked: it would take long."""
    units = range(1, len(text) // 2 + 1) if len(text) <= LONGEST_LOOKED_AT else ()
    return any(text == (text[:unit] * len(text))[: len(text)] for unit in units)


def _counts_on(text: str) -> bool:
    """«abcdefghijklmno», «987654321098765»: each character the next one, or the one before."""
    steps = {(ord(b) - ord(a)) % 10 if (a + b).isdigit() else ord(b) - ord(a)
             for a, b in pairwise(text)}  # fmt: skip
    return len(steps) == 1 and steps <= {1, -1, 9}
