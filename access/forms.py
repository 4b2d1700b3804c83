"""The forms of the login and of «Su cuenta»."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import SetPasswordForm
from django.core.exceptions import ValidationError

from access.models import OneOffPassword

WRONG = "El usuario o la contraseña no son correctos. Revise mayúsculas y acentos."
EXPIRED = "Esa contraseña de un solo uso venció. Pida otra a quien administra el registro."


class LoginForm(AdminAuthenticationForm):
    error_messages = {"invalid_login": WRONG, "inactive": WRONG}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Usuario"

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if OneOffPassword.objects.expired().filter(user=user).exists():
            raise ValidationError(EXPIRED)


def _code(label: str, **attrs: str) -> forms.CharField:
    field = forms.CharField(label=label, max_length=40, strip=True)
    field.widget.attrs |= {"autofocus": True, "autocomplete": "one-time-code", **attrs}
    return field


class CodeForm(forms.Form):
    """The code that a phone shows, «482 911» or «482911»."""

    code = _code("Código", inputmode="numeric")

    def clean_code(self) -> str:
        code = "".join(self.cleaned_data["code"].split())
        if not (len(code) == 6 and code.isascii() and code.isdecimal()):
            raise ValidationError("El código tiene 6 números.")
        return code


class RecoveryForm(forms.Form):
    code = _code("Código de recuperación", autocapitalize="none", spellcheck="false")


class NewPasswordForm(SetPasswordForm):
    """Replaces a one-off password. The new password must differ from it."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        if self.user.check_password(data.get("new_password2") or ""):
            self.add_error("new_password2", "Elija una distinta de la que le dieron.")
        return data


class ReauthenticationForm(CodeForm):
    """Asks for password and code again before the second factor changes."""

    password = forms.CharField(
        label="Contraseña",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["password", "code"]
