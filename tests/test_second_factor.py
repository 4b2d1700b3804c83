"""The second factor after the password, the user's own account, and the life of a session."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from access import second_factor
from access.models import LoginEvent, OneOffPassword
from access.sessions import FACTORS, SessionStore
from tests.conftest import Person
from tests.login import (  # fmt: skip
    ACCOUNT,
    CODE,
    CODES,
    CONFIRM,
    CONFIRM_PASSWORD,
    INDEX,
    LOGIN,
    NEW_CODES,
    NEW_PASSWORD,
    PHONE,
    RIGHT,
    SESSIONS,
    WRONG,
    code_of,
    code_with,
    inside,
    now_is,
    phone_for,
    try_password,
)
from tests.records import event

pytestmark = [
    pytest.mark.django_db(transaction=True),  # the package acts when a transaction has ended
    pytest.mark.usefixtures("production", "several_sessions"),
]
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
Type, NEW_KEY = Authenticator.Type, f"{ACCOUNT}llaves/agregar/"


def recovery_codes(person: Person) -> list[str]:
    person.post(NEW_CODES)
    codes: list[str] = person.get(CODES).context["unused_codes"]
    return codes


# Codes


def test_only_password_and_code_together_let_in(way_in, phone):
    assert not inside(way_in)
    assert "_auth_user_id" not in way_in.session
    code = code_of(phone)
    assert way_in.post(CODE, {"code": f" {code[:3]} {code[3:]} "})["Location"] == INDEX
    assert inside(way_in)


def test_a_code_serves_once(ana_inside, phone):
    other = Person()
    try_password(person=other)
    answer = other.post(CODE, {"code": code_of(phone)})
    assert answer.status_code == 200
    assert "Ya no sirve" in answer.text
    assert not inside(other)


def test_only_a_code_of_the_own_phone_is_accepted(way_in, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    theirs = phone_for(User.objects.create_user("otra"))
    for code in ("", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "1e5000", "\0",
                 "x" * 5000, code_of(theirs)):  # fmt: skip
        assert way_in.post(CODE, {"code": code}).status_code == 200, code
        assert not inside(way_in), code


@pytest.mark.parametrize("step", [CODE, CONFIRM, PHONE])
def test_wrong_codes_wait_as_wrong_passwords_do(step, way_in, phone, request, monkeypatch):
    now, kinds = time.time(), LoginEvent.objects.values_list("kind", flat=True)
    person = request.getfixturevalue("ana_inside") if step != CODE else way_in
    person.get(step)
    answers = [person.post(step, {"code": "000000"}).status_code for _ in range(7)]
    assert answers == [200] * 5 + [429] * 2
    assert list(kinds.filter(username="ana")).count("locked") == 1
    now_is(monkeypatch, now + 120)
    assert person.post(step, {"code": code_of(phone)}).status_code == 429
    now_is(monkeypatch, now + 16 * 60)
    if step == CODE:  # the step has ended
        assert person.get(step)["Location"] == LOGIN


def test_a_recovery_code_serves_once_in_any_spelling_and_until_new_ones_are_made(ana_inside, ana):
    former = recovery_codes(ana_inside)
    codes = recovery_codes(ana_inside)
    assert len(set(codes)) == 10
    for typed, status in (
        (former[0], 200),
        (codes[0], 302),
        (codes[0], 200),
        (f"{codes[1][:4]}-{codes[1][4:8]} {codes[1][8:]}", 302),
    ):
        person = Person()
        try_password(person=person)
        assert person.post(CODE, {"code": typed}).status_code == status, typed
        assert inside(person) is (status == 302)
    assert "Le quedan 8 códigos" in ana_inside.get(ACCOUNT).text


def test_secrets_are_encrypted_and_another_key_opens_nothing(ana_inside, ana, phone, settings):
    codes = recovery_codes(ana_inside)
    secret = second_factor.decrypt(phone.data["secret"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        kept = str(cursor.fetchall())
    for text in (secret, *codes):
        assert text not in kept
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key, after a restored backup"
    assert second_factor.decrypt(phone.data["secret"]) != secret
    person = Person()
    try_password(person=person)
    for code in (code_of(phone), codes[0]):
        assert person.post(CODE, {"code": code}).status_code == 200
    settings.SECRET_KEY_FALLBACKS = [former]
    assert second_factor.decrypt(phone.data["secret"]) == secret


def test_no_page_of_the_admin_shows_secrets(admin, phone):
    for model in ("mfa/authenticator", "account/emailaddress", "usersessions/usersession"):
        assert admin.verify().get(f"/admin/{model}/").status_code == 404


# Keys


def answers_of_no_key() -> Iterator[str]:
    yield from ("null", "1", "[]", "{}", "{", "NaN", "1" * 5000, "[" * 100_000, '"\\ud800"')

    def text(content: bytes) -> str:
        return urlsafe_b64encode(content).decode().rstrip("=")

    response = dict.fromkeys(("authenticatorData", "signature", "attestationObject"), text(b"x"))
    client = b'{"type":"webauthn.create","challenge":"eA","origin":"https://testserver"}'
    response |= {"clientDataJSON": text(client), "userHandle": text(b"1")}
    answer = {"id": "eA", "rawId": "eA", "type": "public-key", "clientExtensionResults": {}}
    for name in ("id", "rawId", "type", "response"):
        for value in (None, 1, [], "é"):
            yield json.dumps(answer | {"response": response, name: value})
    for name in response:
        for value in (None, 1, {}, "é", text(b"\xff"), text(b"\xbf" * 99), text(b"[]")):
            yield json.dumps(answer | {"response": response | {name: value}})


@pytest.mark.once
def test_what_no_key_has_answered_is_refused_and_never_an_error(way_in, phone, visitor, settings):
    settings.ACCOUNT_RATE_LIMITS = False
    for person, address in ((visitor, "/admin/entrar/llave/"), (way_in, CODE), (way_in, NEW_KEY)):
        if address == NEW_KEY:
            assert not inside(way_in)
            way_in.post(CODE, {"code": code_of(phone)})
        for credential in answers_of_no_key():
            person.get(address, headers={"Accept": "application/json"})
            sent = {"credential": credential, "name": "x", "passwordless": "on"}
            answer = person.post(address, sent)
            assert answer.status_code < 400, (address, credential[:90])
            assert answer.headers.get("Location") in (None, LOGIN), (address, credential[:90])
    assert not Authenticator.objects.filter(type=Type.WEBAUTHN).exists()


# Phones


def test_at_the_first_login_the_phone_is_enrolled_and_ten_codes_are_shown_once(ana):
    person = Person()
    try_password(person=person)
    assert person.get(INDEX, follow=True).redirect_chain[-1][0] == ACCOUNT
    assert "llave de acceso" in person.get(ACCOUNT).text
    page = person.get(PHONE)
    assert "<svg" in page.text
    secret = page.context["form"].secret
    assert secret in page.text
    assert not inside(person)
    assert person.post(PHONE, {"code": "000000"}).status_code == 200
    assert person.post(PHONE, {"code": code_with(secret)})["Location"] == CODES
    kept = Authenticator.objects.values_list("data", flat=True)
    secrets = [data.get("secret") or data["seed"] for data in kept]
    assert [text[:4] for text in secrets] == ["gAAA", "gAAA"], "encrypted by Fernet"
    shown = person.get(CODES)
    codes = shown.context["unused_codes"]
    assert len(codes) == 10
    assert codes[0][:4] in shown.text
    assert "no-store" in shown["Cache-Control"]
    assert codes[0][:4] not in person.get(CODES).text
    assert inside(person)


@pytest.mark.parametrize("address", [PHONE, CODES, NEW_CODES, SESSIONS, ACCOUNT, NEW_PASSWORD,
                                  NEW_KEY, CONFIRM_PASSWORD])  # fmt: skip
def test_who_has_a_phone_reaches_nothing_with_the_password_alone(way_in, ana, address):
    """Nor with a session from before the phone was there."""
    early = Person(ana)
    for person in (way_in, early):
        assert person.get(address)["Location"].startswith(LOGIN)
        assert person.post(address)["Location"].startswith(LOGIN)
    assert Authenticator.objects.count() == 1


@pytest.mark.parametrize("address", [PHONE, NEW_CODES, NEW_KEY])
def test_another_factor_asks_for_the_present_one_again_after_ten_minutes(
    address, ana_inside, phone, monkeypatch
):
    now = time.time()
    assert ana_inside.get(address).status_code == 200
    now_is(monkeypatch, now + 601)
    for answer in (ana_inside.get(address), ana_inside.post(address, {"code": "000000"})):
        assert answer["Location"].startswith(CONFIRM)
    assert ana_inside.post(CONFIRM_PASSWORD, {"password": RIGHT})["Location"] == CONFIRM
    assert ana_inside.get(address)["Location"].startswith(CONFIRM)
    confirm = f"{CONFIRM}?next={address}"
    assert ana_inside.post(confirm, {"code": "000000"}).status_code == 200
    assert ana_inside.post(confirm, {"code": code_of(phone)}).status_code in (200, 302)
    assert ana_inside.get(address).status_code == 200


def test_another_phone_replaces_the_former_and_ends_its_sessions(ana_inside, ana, elsewhere):
    secret = ana_inside.get(PHONE).context["form"].secret
    assert ana_inside.post(PHONE, {"code": code_with(secret)}).status_code == 302
    new = Authenticator.objects.get(user=ana, type=Type.TOTP)
    assert second_factor.decrypt(new.data["secret"]) == secret
    assert inside(ana_inside)
    assert not inside(elsewhere)
    assert "phone" not in ana_inside.get(ACCOUNT).text


def test_the_last_factor_is_not_removed(ana_inside, ana):
    page = f"{PHONE}quitar/"
    assert "Es su único segundo paso" in ana_inside.post(page).text
    assert Authenticator.objects.filter(user=ana, type=Type.TOTP).exists()
    Authenticator.objects.all().delete()
    key = Authenticator.objects.create(user=ana, type=Type.WEBAUTHN, data={"name": "Llave"})
    person = Person(ana)
    person.note("mfa", **{FACTORS: [key.pk]})
    assert person.post(f"{ACCOUNT}llaves/{key.pk}/quitar/")["Location"] == SESSIONS
    assert Authenticator.objects.get() == key


# The steps in between


@pytest.mark.parametrize("change", ["ten minutes", "deactivated", "password", "left the staff"])
def test_the_step_between_password_and_code_ends(way_in, ana, phone, monkeypatch, change):
    if change == "ten minutes":
        now_is(monkeypatch, time.time() + 601)
    if change == "password":
        ana.set_password(WRONG)
    ana.is_active, ana.is_staff = change != "deactivated", change != "left the staff"
    ana.save()
    assert way_in.post(CODE, {"code": code_of(phone)})["Location"] == LOGIN
    assert not inside(way_in)


def test_a_one_off_password_is_changed_before_any_other_page(ana, phone):
    OneOffPassword.give(ana, RIGHT)
    person = Person()
    try_password(person=person)
    person.post(CODE, {"code": code_of(phone)})
    for page in (INDEX, PHONE, SESSIONS, ACCOUNT, NEW_CODES):
        assert person.get(page)["Location"].startswith(LOGIN)
    assert person.get(INDEX, follow=True).redirect_chain[-1][0] == NEW_PASSWORD
    same, new = (dict.fromkeys(("password1", "password2"), word) for word in (RIGHT, WRONG))
    assert "distinta" in person.post(NEW_PASSWORD, same).text
    assert person.post(NEW_PASSWORD, new)["Location"] == ACCOUNT
    assert inside(person)
    assert not OneOffPassword.objects.exists()


# Sessions


def test_every_step_of_the_login_changes_the_session_s_key(ana, phone):
    person = Person()
    fixed = SessionStore()  # by somebody who knows its key
    fixed.create()
    person.cookies["__Host-sessionid"] = fixed.session_key
    keys = [fixed.session_key]
    try_password(person=person)
    keys.append(person.cookies["__Host-sessionid"].value)
    person.post(CODE, {"code": code_of(phone)})
    keys.append(person.cookies["__Host-sessionid"].value)
    assert len(set(keys)) == 3
    assert set(Session.objects.values_list("session_key", flat=True)) == {keys[-1]}


@pytest.fixture
def thief(ana_inside: Person) -> Person:
    """Another browser with ana's cookie."""
    thief = Person()
    thief.cookies["__Host-sessionid"] = ana_inside.cookies["__Host-sessionid"].value
    assert inside(thief)
    return thief


def test_logout_ends_the_session(ana_inside, thief):
    ana_inside.post("/admin/logout/")
    assert not inside(thief)


def test_a_changed_password_ends_all_other_sessions(ana_inside, thief):
    passwords = {"oldpassword": RIGHT} | dict.fromkeys(("password1", "password2"), WRONG)
    assert ana_inside.post(NEW_PASSWORD, passwords | {"oldpassword": WRONG}).status_code == 200
    assert ana_inside.post(NEW_PASSWORD, passwords).status_code == 302
    assert inside(ana_inside)
    assert not inside(thief)


@pytest.fixture
def elsewhere(ana_inside: Person, phone: Authenticator, monkeypatch: Any) -> Person:
    """Ana in another browser, a minute later."""
    now_is(monkeypatch, time.time() + 60)
    person = Person()
    browser = {"headers": {"User-Agent": FIREFOX}, "REMOTE_ADDR": "9.9.9.9"}
    try_password(person=person, **browser)
    person.post(CODE, {"code": code_of(phone)}, **browser)
    assert inside(person)
    return person


def test_users_see_their_sessions_without_addresses_and_end_them(ana_inside, elsewhere, keeper):
    page = ana_inside.get(SESSIONS)
    for words in ("Firefox en Windows", "esta sesión", "contraseña y código", "2 abiertas"):
        assert words in page.text
    assert "9.9.9.9" not in page.text + str(list(UserSession.objects.values()))
    theirs, other = UserSession.objects.order_by("created_at")
    for number in (str(other.pk), "0", "9" * 30, "x"):
        keeper.verify().post(SESSIONS, {"session": number})
    assert inside(elsewhere)
    ana_inside.post(SESSIONS, {"session": str(other.pk)})
    assert inside(ana_inside)
    assert not inside(elsewhere)
    assert UserSession.objects.get() == theirs
    call_command("forget")
    assert UserSession.objects.get() == theirs
    ana_inside.post("/admin/logout/")
    call_command("forget")
    assert not UserSession.objects.exists()


def test_users_end_all_their_other_sessions_at_once(ana_inside, elsewhere):
    assert ana_inside.post(SESSIONS)["Location"] == SESSIONS
    assert inside(ana_inside)
    assert not inside(elsewhere)


@pytest.mark.parametrize("loss", ["is_active", "is_staff", "second factor"])
def test_a_session_ends_at_the_next_request_of_who_lost_access(ana_inside, ana, loss):
    if loss == "second factor":
        second_factor.remove(ana)
    else:
        User.objects.filter(pk=ana.pk).update(**{loss: False})
    assert not inside(ana_inside)
    assert ana_inside.get(INDEX, follow=True).redirect_chain[-1][0].startswith(LOGIN)


def test_a_session_ends_twelve_hours_after_the_login_however_busy(ana_inside, clock):
    start = timezone.now()
    for minutes in range(119, 12 * 60, 119):
        clock(start + timedelta(minutes=minutes))
        assert inside(ana_inside), minutes
    clock(start + timedelta(hours=12, seconds=1))
    assert not inside(ana_inside)
    assert not Session.objects.exists()


def test_a_session_ends_after_two_hours_of_nothing_and_shows_no_draft_either(
    ana_inside, elsewhere, clock
):
    """That its user looks at the list from another browser is no use of it."""
    draft = event(publish_at=None).get_absolute_url()
    assert ana_inside.get(draft).status_code == 200
    for minutes in (60, 110):
        clock(timezone.now() + timedelta(minutes=minutes))
        elsewhere.get(SESSIONS)
    assert ana_inside.get(draft).status_code == 404
    assert not inside(ana_inside)


def test_without_the_second_factor_staff_see_no_draft(reader):
    draft = event(publish_at=None).get_absolute_url()
    assert reader.get(draft).status_code == 404
    assert reader.verify().get(draft).status_code == 200


def test_the_cookies_of_a_server_are_bound_to_it(ana, phone):
    person = Person()
    person.get(LOGIN)
    try_password(person=person)
    person.post(CODE, {"code": code_of(phone)})
    names = {"__Host-sessionid", "__Host-csrftoken", "__Host-browser", "messages"}
    assert set(person.cookies) <= names
    for cookie in person.cookies.values():
        expected = {"secure": True, "httponly": True, "samesite": "Lax", "path": "/", "domain": ""}
        assert {name: cookie[name] for name in expected} == expected
    assert not person.cookies["__Host-sessionid"]["max-age"]


def test_without_tls_the_site_redirects_but_for_its_health(client):
    assert client.get("/admin/login/")["Location"] == "https://testserver/admin/login/"
    assert client.get("/healthz").status_code == 200
    assert client.get("/", headers={"X-Forwarded-Proto": "https"}).status_code == 200


# Notices


def test_where_mail_is_set_up_notices_go_out(ana, phone, settings):
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    User.objects.update(email="ana@example.org")
    person = Person()

    def subjects() -> list[str]:
        assert all(message.to == ["ana@example.org"] for message in mail.outbox)
        assert not any("127.0.0.1" in message.body for message in mail.outbox)
        subjects = [message.subject for message in mail.outbox]
        mail.outbox.clear()
        return subjects

    def log_in() -> None:
        try_password(person=person)
        Authenticator.objects.filter(pk=phone.pk).update(last_used_at=None)
        assert person.post(CODE, {"code": recovery.pop()}).status_code == 302

    second = Person(ana)
    recovery = recovery_codes(second.verify())
    assert len(subjects()) == 1
    log_in()
    assert "navegador nuevo" in subjects()[0]
    person.post("/admin/logout/")
    log_in()
    assert subjects() == []
    passwords = {"oldpassword": RIGHT} | dict.fromkeys(("password1", "password2"), WRONG)
    person.post(NEW_PASSWORD, passwords)
    secret = person.get(PHONE).context["form"].secret
    person.post(PHONE, {"code": code_with(secret)})
    assert len(subjects()) == 2


def test_mail_that_does_not_go_out_stops_nobody(phone, settings, way_in, caplog, monkeypatch):
    def fail(*_: Any) -> None:
        raise ConnectionRefusedError

    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    monkeypatch.setattr(mail.EmailMessage, "send", fail)
    User.objects.update(email="ana@example.org")
    assert way_in.post(CODE, {"code": code_of(phone)})["Location"] == INDEX
    assert "could not be sent" in caplog.text
