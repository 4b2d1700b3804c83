"""Ways in, for tests at a browser or without one."""

import time
from typing import Any

from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect


def code_of(phone: TOTPDevice) -> str:
    """What the phone shows."""
    shown = TOTP(phone.bin_key)
    shown.time = time.time()
    return f"{shown.token():06}"


def now_is(monkeypatch: Any, moment: float) -> None:
    """The time by which codes are reckoned."""
    monkeypatch.setattr(time, "time", lambda: moment)


def log_in(page: Any, site: str, username: str, password: str = "only for tests") -> None:
    """With the password, which is all that a site in DEBUG asks for."""
    page.goto(f"{site}/admin/")
    page.get_by_label("Usuario").fill(username)
    page.get_by_label("Contraseña").fill(password)
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("button", name="Cerrar sesión")).to_be_visible()
