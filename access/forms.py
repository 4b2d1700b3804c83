"""The forms of the login, which change labels and answer 429 to too many failures, and a rule of
passwords."""

import re
from itertools import pairwise
from typing import Any

from allauth.account import forms as account
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as keys
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db import DatabaseError

from access.adapters import locked_out, user_named
from access.models import OneOffPassword
from access.second_factor import former_code

EXPIRED = "Esa contraseña de un solo uso venció. Pida otra a quien administra el registro."
NO_KEY = "Esa llave no sirve aquí. Use otra, o entre con contraseña y código."
WAITING = {"too_many_login_attempts", "rate_limited"}


class Throttled:
    """Answers with the page that asks to wait. django-allauth would show an error of the form."""

    user: Any
    errors: Any
    data: Any
    fields: dict[str, Any]

    def full_clean(self) -> None:
        super().full_clean()  # type: ignore[misc]  # the other base class has it
        errors = [error for problems in self.errors.as_data().values() for error in problems]
        if any(error.code in WAITING for error in errors):
            name = self.data.get("login", "")
            user = self.user or user_named(name)
            raise ImmediateHttpResponse(locked_out(context.request, user, name))


class LoginForm(Throttled, account.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Cuenta"
        self.fields["login"].widget.attrs = {"autocomplete": "username webauthn", "autofocus": True}
        self.fields["password"].widget.attrs = {"autocomplete": "current-password"}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.user and OneOffPassword.objects.expired().filter(user=self.user).exists():
            raise ValidationError(EXPIRED)
        return data


class _CodeForm(Throttled):
    """Takes the code of a phone, or a recovery code."""

    cleaned_data: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code, self.fields["code"].label = self.fields["code"], "Seis cifras"
        code.widget.attrs = {"autocomplete": "one-time-code", "autofocus": True, "maxlength": "40"}

    def clean_code(self) -> str:
        self.cleaned_data["code"] = former_code(self.user, self.cleaned_data["code"])
        code: str = super().clean_code()  # type: ignore[misc]  # the other base class has it
        return code


class CodeForm(_CodeForm, mfa.AuthenticateForm):
    pass


class ConfirmCodeForm(_CodeForm, mfa.ReauthenticateForm):
    pass


class PhoneForm(_CodeForm, ActivateTOTPForm):
    pass


class _KeyForm(Throttled):
    """Refuses what no key has answered, for which the library raises errors of many kinds."""

    add_error: Any

    def full_clean(self) -> None:
        try:
            super().full_clean()
        except (DatabaseError, ImmediateHttpResponse):
            raise
        except Exception:  # fido2 raises many kinds for a hostile answer
            self.add_error("credential", NO_KEY)


class KeyLoginForm(_KeyForm, keys.LoginWebAuthnForm):
    pass


class KeyForm(_KeyForm, keys.AuthenticateWebAuthnForm):
    pass


class ConfirmKeyForm(_KeyForm, keys.ReauthenticateWebAuthnForm):
    pass


class NewKeyForm(_KeyForm, keys.AddWebAuthnForm):
    pass


class ConfirmPasswordForm(Throttled, account.ReauthenticateForm):
    pass


class NewPasswordForm(account.ChangePasswordForm):
    """Asks for the present password, unless it is a one-off password that was just used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if OneOffPassword.objects.filter(user=self.user).exists():
            del self.fields["oldpassword"]
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if self.user.check_password(data.get("password1") or ""):
            self.add_error("password1", "Elija una distinta de la que tiene.")
        return data


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
    """Refuses repetitions, sequences, and a common password followed by digits. Django's list of
    common passwords has very few of 15 characters or more."""

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
