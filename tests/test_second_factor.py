"""The second factor after the password, and the life of a session."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from access import second_factor
from access.models import OneOffPassword
from access.sessions import SessionStore
from nucleo import settings as project
from tests.conftest import Person
from tests.login import (  # fmt: skip
    ACCOUNT,
    CODE,
    ENROL,
    INDEX,
    LOGIN,
    NEW_PASSWORD,
    RECOVERY,
    RIGHT,
    WRONG,
    code_of,
    inside,
    now_is,
    try_password,
)
from tests.records import event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]


def reset_throttles() -> None:
    """Ends django-otp's wait after a wrong code."""
    for device in (*TOTPDevice.objects.all(), *StaticDevice.objects.all()):
        device.throttle_reset()


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


def test_only_a_code_of_the_own_phone_is_accepted(way_in):
    theirs = TOTPDevice.objects.create(user=User.objects.create_user("otra"), name="x")
    for code in ("", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "1e5000",
                 code_of(theirs)):  # fmt: skip
        assert way_in.post(CODE, {"code": code}).status_code == 200, code
        assert not inside(way_in), code


@pytest.mark.parametrize("step", [CODE, RECOVERY, ENROL, ACCOUNT])
def test_wrong_codes_wait_as_wrong_passwords_do(step, way_in, ana, phone, request, monkeypatch):
    person, now = way_in, time.time()
    codes = second_factor.new_codes(ana)
    if step == ACCOUNT:
        person = request.getfixturevalue("ana_inside")
    elif step == ENROL:
        phone.delete()
        person.get(ENROL)
    wrong = {"code": "000000", "password": RIGHT, "codes": "1"}
    answers = [person.post(step, wrong).status_code for _ in range(5)]
    assert answers == [200] * 4 + [429]
    now_is(monkeypatch, now + 600)
    reset_throttles()
    code = codes[0] if step == RECOVERY else code_of(TOTPDevice.objects.get(user=ana))
    assert person.post(step, wrong | {"code": code}).status_code == 429
    assert person.get(step).status_code == 429
    assert try_password().status_code == 429


def test_a_recovery_code_serves_once_in_any_spelling_and_until_new_ones_are_made(ana, phone):
    former = second_factor.new_codes(ana)
    codes = second_factor.new_codes(ana)
    assert len(set(codes)) == 10
    for typed, status in (
        (former[0], 200),
        (codes[0], 302),
        (codes[0], 200),
        (codes[1].upper().replace("-", " "), 302),
    ):
        person = Person()
        try_password(person=person)
        reset_throttles()
        assert person.post(RECOVERY, {"code": typed}).status_code == status, typed
        assert inside(person) is (status == 302)
    assert second_factor.codes_left(ana) == 8


def test_recovery_codes_are_kept_as_slow_digests_that_differ_for_each_user(
    ana, settings, monkeypatch
):
    monkeypatch.setattr(second_factor, "random_code", lambda *_: "abcd-2345")
    monkeypatch.setattr(second_factor, "RECOVERY_CODES", 1)
    assert project.RECOVERY_CODE_COST >= 2**14
    kept = set()
    for cost in (2, project.RECOVERY_CODE_COST):
        settings.RECOVERY_CODE_COST = cost
        second_factor.new_codes(ana)
        kept |= set(StaticToken.objects.values_list("token", flat=True))
    second_factor.new_codes(User.objects.create_user("berta"))
    kept |= set(StaticToken.objects.values_list("token", flat=True))
    assert len(kept) == 3
    assert not any("abcd" in token.lower() for token in kept)


# Phones


def test_at_the_first_login_the_phone_is_enrolled_and_ten_codes_are_shown_once(ana):
    person = Person()
    assert try_password(person=person)["Location"] == ENROL
    page = person.get(ENROL).text
    phone = TOTPDevice.objects.get(user=ana, confirmed=False)
    assert "<svg" in page
    assert second_factor.key_of(phone) in page
    assert not inside(person)
    assert person.post(ENROL, {"code": "000000"}).status_code == 200
    assert TOTPDevice.objects.get(user=ana, confirmed=False) == phone
    reset_throttles()
    done = person.post(ENROL, {"code": code_of(phone)})
    codes = done.context["codes"]
    assert len(codes) == 10
    assert all(code in done.text for code in codes)
    assert "no-store" in done["Cache-Control"]
    assert inside(person)
    assert codes[0] not in person.get(ACCOUNT).text


def test_who_has_a_phone_cannot_enrol_another_with_the_password_alone(way_in, ana):
    assert way_in.get(ENROL)["Location"] == LOGIN
    assert not TOTPDevice.objects.filter(user=ana, confirmed=False).exists()


def test_another_phone_and_new_codes_ask_for_password_and_code_again(
    ana_inside, ana, phone, monkeypatch
):
    now = time.time()

    def ask(password: str, what: str, seconds: int = 0, code: str = "") -> Any:
        now_is(monkeypatch, now + seconds)
        reset_throttles()
        return ana_inside.post(
            ACCOUNT, {"password": password, "code": code or code_of(phone), what: "1"}
        )

    assert ana_inside.get(ENROL)["Location"] == ACCOUNT
    assert "No es su contraseña" in ask(WRONG, "codes", 30).text
    assert "Ya no sirve" in ask(RIGHT, "codes", 30, "000000").text
    assert second_factor.codes_left(ana) == 0
    assert len(ask(RIGHT, "codes", 60).context["codes"]) == 10
    assert ask(RIGHT, "phone", 120)["Location"] == ENROL
    ana_inside.get(ENROL)
    new = TOTPDevice.objects.get(user=ana, confirmed=False)
    ana_inside.post(ENROL, {"code": code_of(new)})
    assert list(TOTPDevice.objects.filter(user=ana)) == [new]
    assert inside(ana_inside)


# The steps in between


@pytest.mark.parametrize("change", ["ten minutes", "deactivated", "password"])
def test_the_step_between_password_and_code_ends(way_in, ana, phone, clock, change):
    if change == "ten minutes":
        clock(timezone.now() + timedelta(minutes=11))
    if change == "password":
        ana.set_password(WRONG)
    ana.is_active = change != "deactivated"
    ana.save()
    assert way_in.post(CODE, {"code": code_of(phone)})["Location"] == LOGIN


@pytest.mark.parametrize("step", [CODE, RECOVERY, ENROL])
def test_a_one_off_password_is_changed_before_any_other_step(step, ana, phone):
    OneOffPassword.give(ana, RIGHT)
    codes = second_factor.new_codes(ana)
    code = codes[0] if step == RECOVERY else code_of(phone)
    if step == ENROL:
        TOTPDevice.objects.update(confirmed=False)
    person = Person()
    assert try_password(person=person)["Location"] == NEW_PASSWORD
    for answer in (person.get(step), person.post(step, {"code": code})):
        assert answer["Location"] == NEW_PASSWORD
    assert not inside(person)


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
    passwords = {"old_password": RIGHT} | dict.fromkeys(("new_password1", "new_password2"), WRONG)
    assert ana_inside.post("/admin/password_change/", passwords).status_code == 302
    assert inside(ana_inside)
    assert not inside(thief)


@pytest.mark.parametrize("loss", ["is_active", "is_staff", "second factor"])
def test_a_session_ends_at_the_next_request_of_who_lost_access(ana_inside, ana, loss):
    if loss == "second factor":
        second_factor.remove(ana)
    else:
        User.objects.filter(pk=ana.pk).update(**{loss: False})
    assert not inside(ana_inside)


def test_a_session_ends_twelve_hours_after_the_login_however_busy(ana_inside, clock):
    start = timezone.now()
    for minutes in range(119, 12 * 60, 119):
        clock(start + timedelta(minutes=minutes))
        assert inside(ana_inside), minutes
    clock(start + timedelta(hours=12, seconds=1))
    assert not inside(ana_inside)
    assert not Session.objects.exists()


def test_a_session_ends_after_two_hours_of_nothing_and_shows_no_draft_either(ana_inside, clock):
    draft = event(publish_at=None).get_absolute_url()
    assert ana_inside.get(draft).status_code == 200
    clock(timezone.now() + timedelta(minutes=121))
    assert ana_inside.get(draft).status_code == 404
    assert not inside(ana_inside)


def test_without_the_second_factor_staff_see_no_draft(reader):
    draft = event(publish_at=None).get_absolute_url()
    assert reader.get(draft).status_code == 404
    assert reader.verify().get(draft).status_code == 200


def test_the_cookies_of_a_server_are_bound_to_it(ana):
    person = Person()
    person.get(LOGIN)
    try_password(person=person)
    assert set(person.cookies) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in person.cookies.values():
        expected = {"secure": True, "httponly": True, "samesite": "Lax", "path": "/", "domain": ""}
        assert {name: cookie[name] for name in expected} == expected
    assert not person.cookies["__Host-sessionid"]["max-age"]


def test_without_tls_the_site_redirects_but_for_its_health(client):
    assert client.get("/admin/login/")["Location"] == "https://testserver/admin/login/"
    assert client.get("/healthz").status_code == 200
    assert client.get("/", headers={"X-Forwarded-Proto": "https"}).status_code == 200
