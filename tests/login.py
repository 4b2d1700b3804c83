"""Logs in, with a browser or without one."""

import time
from base64 import b32encode
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from access.second_factor import decrypt, encrypt

LOGIN, INDEX, ACCOUNT, CODE = "/admin/login/", "/admin/", "/admin/cuenta/", "/admin/entrar/codigo/"
NEW_PASSWORD, SESSIONS = "/admin/password_change/", f"{ACCOUNT}sesiones/"
PHONE, CODES, NEW_CODES = (
    f"{ACCOUNT}{page}/" for page in ("telefono", "codigos", "codigos/nuevos")
)
CONFIRM, CONFIRM_PASSWORD = (f"{ACCOUNT}confirmar/{way}/" for way in ("codigo", "contrasena"))
RIGHT, WRONG = "una frase bastante larga", "otra frase bastante larga"


def try_password(
    password: str = RIGHT, username: str = "ana", person: Client | None = None, **request: Any
) -> Any:
    """The answer of the login page, asked over TLS."""
    person = person or Client(headers={"Host": "testserver", "X-Forwarded-Proto": "https"})
    following = {"next": request.pop("next", "")}
    return person.post(LOGIN, {"login": username, "password": password} | following, **request)


def inside(person: Client) -> bool:
    return person.get(INDEX).status_code == 200


def phone_for(user: User) -> Authenticator:
    secret = b32encode(user.username.encode().ljust(20)).decode()
    own = {"user": user, "type": Authenticator.Type.TOTP}
    data = {"secret": encrypt(secret)}
    return Authenticator.objects.get_or_create(**own, defaults={"data": data})[0]


def code_with(secret: str) -> str:
    """The code that a phone with this key shows."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def code_of(phone: Authenticator) -> str:
    return code_with(decrypt(phone.data["secret"]))


def now_is(monkeypatch: Any, moment: float) -> None:
    """Sets the time from which codes are calculated."""
    monkeypatch.setattr(time, "time", lambda: moment)


def log_in(page: Any, site: str, username: str, password: str = "only for tests") -> None:
    """Logs in with the password alone, which is enough on a site in DEBUG."""
    page.goto(f"{site}/admin/")
    page.get_by_label("Cuenta", exact=True).fill(username)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("button", name="Salir")).to_be_visible()
