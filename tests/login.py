"""Logs in, with a browser or without one."""

import time
from typing import Any

from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect

LOGIN, INDEX, ACCOUNT = "/admin/login/", "/admin/", "/admin/cuenta/"
NEW_PASSWORD, CODE, RECOVERY, ENROL = (
    f"/admin/entrar/{step}/" for step in ("contrasena", "codigo", "recuperacion", "segundo-paso")
)
RIGHT, WRONG = "una frase bastante larga", "otra frase bastante larga"


def try_password(
    password: str = RIGHT, username: str = "ana", person: Client | None = None, **request: Any
) -> Any:
    """The answer of the login page, asked over TLS."""
    person = person or Client(headers={"Host": "testserver", "X-Forwarded-Proto": "https"})
    following = {"next": request.pop("next", "")}
    return person.post(LOGIN, {"username": username, "password": password} | following, **request)


def inside(person: Client) -> bool:
    return person.get(INDEX).status_code == 200


def code_of(phone: TOTPDevice) -> str:
    """The code on the phone."""
    clock = TOTP(phone.bin_key)
    clock.time = time.time()
    return f"{clock.token():06}"


def now_is(monkeypatch: Any, moment: float) -> None:
    """Sets the time from which codes are calculated."""
    monkeypatch.setattr(time, "time", lambda: moment)


def log_in(page: Any, site: str, username: str, password: str = "only for tests") -> None:
    """Logs in with the password alone, which is enough on a site in DEBUG."""
    page.goto(f"{site}/admin/")
    page.get_by_label("Usuario").fill(username)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("button", name="Salir")).to_be_visible()
