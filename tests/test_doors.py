"""Who gets in, how, and for how long: logins, sessions, the second factor, accounts, and what the
log tells of them. The pages are asked for as on a server: over TLS, with its settings."""

import time
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import BasePasswordHasher, check_password, get_hasher
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from access import second_factor
from access.models import LoginEvent, OneOffPassword
from access.sessions import SessionStore
from access.throttle import pseudonym
from nucleo.wsgi import application
from record.publishing import may_publish
from tests.conftest import Person, role
from tests.doors import code_of, now_is
from tests.records import YESTERDAY, event, organization
from tests.staff import address_of, confirm, save
from tests.test_versions import restore, restore_from_trash

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
LOGIN, INDEX = "/admin/login/", "/admin/"
CODE, RECOVERY, ENROL = (
    f"/admin/entrar/{step}/" for step in ("codigo", "recuperacion", "segundo-paso")
)
RIGHT, WRONG = "una frase bastante larga", "otra frase bastante larga"


@pytest.fixture
def ana() -> User:
    user = User.objects.create_user("ana", password=RIGHT, is_staff=True)
    user.groups.add(role("Publicación"))
    return user


@pytest.fixture
def phone(ana: User) -> TOTPDevice:
    return TOTPDevice.objects.create(user=ana, name="teléfono")


def post(client: Client, url: str, **data: Any) -> Any:
    return client.post(url, data, secure=True)


def get(client: Client, url: str, **headers: Any) -> Any:
    return client.get(url, secure=True, **headers)


def try_in(username: str, password: str, **headers: Any) -> Any:
    data = {"username": username, "password": password}
    return Client().post(LOGIN, data, secure=True, **headers)


def inside(client: Client) -> bool:
    return get(client, INDEX).status_code == 200


@pytest.fixture
def way_in(ana: User, phone: TOTPDevice) -> Client:
    """Ana's browser, the password given and the code not yet."""
    client = Client()
    assert post(client, LOGIN, username="ana", password=RIGHT)["Location"] == CODE
    return client


@pytest.fixture
def ana_inside(way_in: Client, phone: TOTPDevice) -> Client:
    assert post(way_in, CODE, code=code_of(phone))["Location"] == INDEX
    return way_in


# Wrong passwords


def test_after_five_wrong_passwords_the_right_one_waits_too_until_the_cool_off(ana, phone):
    answers = [try_in("ana", WRONG).status_code for _ in range(7)]
    assert answers == [200] * 4 + [429] * 3
    refused = try_in("ana", RIGHT)
    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    assert "Espere 15 minutos" in refused.text
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert try_in("ana", RIGHT)["Location"] == CODE


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP",
     "X-Forwarded", "True-Client-IP", "User-Agent", "Accept"],
)  # fmt: skip
def test_no_header_gets_around_the_wait(ana, header):
    for number in range(6):
        answer = try_in("ana", WRONG, headers={header: f"203.0.113.{number}"})
    assert answer.status_code == 429
    assert try_in("ana", RIGHT, headers={header: "198.51.100.7"}).status_code == 429


def test_other_users_and_other_addresses_are_unaffected_by_somebody_s_wait(ana, phone):
    User.objects.create_user("berta", password=RIGHT, is_staff=True)
    for _ in range(6):
        try_in("ana", WRONG)
    assert try_in("berta", RIGHT)["Location"] == ENROL
    assert try_in("berta", RIGHT, REMOTE_ADDR="198.51.100.7")["Location"] == ENROL


def test_an_address_that_tries_fifty_names_waits_and_no_header_changes_it(ana, phone):
    for number in range(50):
        headers = {"X-Forwarded-For": f"100.1.2.{number}"}
        answer = try_in(f"nombre{number}", WRONG, headers=headers, REMOTE_ADDR="100.20.30.40")
    assert answer.status_code == 429
    assert try_in("ana", RIGHT, REMOTE_ADDR="100.20.30.40").status_code == 429
    assert try_in("ana", RIGHT, REMOTE_ADDR="100.20.30.41")["Location"] == CODE


@pytest.mark.parametrize("address", ["127.0.0.1", "172.17.0.1", "10.0.0.1", "::1", ""])
def test_where_everybody_has_the_proxy_s_address_names_alone_are_counted(ana, phone, address):
    for number in range(50):
        assert try_in(f"nombre{number}", WRONG, REMOTE_ADDR=address).status_code == 200
    assert try_in("ana", RIGHT, REMOTE_ADDR=address)["Location"] == CODE


@pytest.mark.parametrize(
    ("connected", "said", "believed"),
    [
        ("127.0.0.1", "100.6.6.6, 100.1.1.1", "100.1.1.1"),
        ("127.0.0.1", "100.1.1.1", "100.1.1.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("100.2.2.2", "100.6.6.6", "100.2.2.2"),
        ("", "100.6.6.6, 100.1.1.1", "100.1.1.1"),  # by a Unix socket
    ],
)
def test_of_x_forwarded_for_only_what_our_proxy_appended_is_believed(connected, said, believed, rf):
    environment = rf.get("/healthz").environ | {"REMOTE_ADDR": connected}
    if said:
        environment["HTTP_X_FORWARDED_FOR"] = said
    application(environment, lambda *_: None)
    assert environment["REMOTE_ADDR"] == believed


def test_the_addresses_of_one_network_of_ipv6_are_one(rf):
    def of(address: str) -> str:
        return pseudonym(rf.get("/", REMOTE_ADDR=address))

    assert of("2001:db8::1") == of("2001:db8::ffff:1")
    assert of("2001:db8::1") != of("2001:db8:0:1::1")
    assert of("203.0.113.1") != of("203.0.113.2")


def test_whoever_gets_in_wins_no_new_attempts_for_others(ana, phone, monkeypatch):
    for _ in range(4):
        try_in("berta", WRONG)
    client = Client()
    post(client, LOGIN, username="ana", password=RIGHT)
    post(client, CODE, code=code_of(phone))
    assert try_in("berta", WRONG).status_code == 429


def test_the_throttle_holds_no_address_and_forgets(ana, clock):
    try_in("ana", WRONG, REMOTE_ADDR="203.0.113.9", headers={"User-Agent": "Delator"})
    attempt = AccessAttempt.objects.get()
    kept = str({field.name: getattr(attempt, field.name) for field in attempt._meta.fields})
    for said in ("203.0.113.9", "Delator", WRONG):
        assert said not in kept
    assert not attempt.post_data + attempt.get_data
    clock(timezone.now() + timedelta(minutes=16))
    call_command("forget")
    assert not AccessAttempt.objects.exists()


def test_no_log_line_tells_of_an_address_a_name_or_a_password(ana, caplog):
    for _ in range(6):
        try_in("ana", WRONG, REMOTE_ADDR="203.0.113.9")
        try_in("ana\nroot logged in", WRONG, REMOTE_ADDR="203.0.113.9")
    assert caplog.records
    for record in caplog.records:
        line = record.getMessage()
        assert "\n" not in line
        for said in ("203.0.113.9", "ana", WRONG):
            assert said not in line


# Known and unknown names


@pytest.fixture
def hashings(monkeypatch: Any) -> list[str]:
    """Each time that a password is hashed."""
    seen: list[str] = []
    kind = type(get_hasher())
    encode = kind.encode

    def counted(self: BasePasswordHasher, password: str, *args: Any, **kwargs: Any) -> str:
        seen.append(password)
        return encode(self, password, *args, **kwargs)

    monkeypatch.setattr(kind, "encode", counted)
    return seen


def test_nothing_tells_a_name_that_exists_from_one_that_does_not(ana, hashings):
    User.objects.create_user("lector", password=RIGHT)
    User.objects.create_user("baja", password=RIGHT, is_staff=True, is_active=False)
    told = {}
    for name, password in (
        ("ana", WRONG), ("nadie", WRONG), ("lector", WRONG), ("baja", WRONG), ("baja", RIGHT),
        ("lector", RIGHT),
    ):  # fmt: skip
        hashings.clear()
        client = Client(enforce_csrf_checks=False)
        answer = post(client, LOGIN, username=name, password=password)
        body = answer.text.replace(name, "")
        token = answer.context["csrf_token"]
        told[name, password] = (answer.status_code, body.replace(str(token), ""), len(hashings))
    status, _body, hashed = told["ana", WRONG]
    assert (status, hashed) == (200, 1)
    assert {answer[0] for answer in told.values()} == {200}
    assert {answer[2] for answer in told.values()} == {1}
    assert "El usuario o la contraseña no son correctos" in told["nadie", WRONG][1]


def test_names_that_exist_wait_as_those_that_do_not(ana):
    waits = {}
    for name in ("ana", "nadie"):
        answers = [try_in(name, WRONG) for _ in range(6)]
        waits[name] = [(answer.status_code, answer.text) for answer in answers[4:]]
    assert waits["ana"] == waits["nadie"]


# Passwords


def test_passwords_under_fifteen_characters_are_refused():
    validate_password("quince, ni una.")
    with pytest.raises(ValidationError):
        validate_password("catorce, no mas"[:14])


@pytest.mark.parametrize(
    "common",
    ["passwordpassword", "contraseña12345", "123456789012345678", "abcdefghijklmnop",
     "aaaaaaaaaaaaaaaaa", "qwertyqwertyqwerty", "Iloveyou!!!!!!!!!!!!", "ababababababababab",
     "chocolate2026..."],
)  # fmt: skip
def test_common_passwords_are_refused_however_long(common):
    assert len(common) >= 15
    with pytest.raises(ValidationError):
        validate_password(common)


def test_passwords_need_no_mixture_and_may_be_long():
    for accepted in (
        "solo letras minusculas",
        "á é í ó ú ü ñ, y más",
        " ".join(map(str, range(10_000))),
    ):
        validate_password(accepted, User(username="ana"))


def test_passwords_like_the_name_are_refused():
    with pytest.raises(ValidationError):
        validate_password("fulanadetalperez", User(username="fulanadetalperez1"))


def test_passwords_are_hashed_with_argon2(settings):
    from nucleo import settings as ours

    settings.PASSWORD_HASHERS = ours.PASSWORD_HASHERS
    user = User.objects.create_user("carla", password=RIGHT)
    assert user.password.startswith("argon2$argon2id$")
    assert check_password(RIGHT, user.password)


# The second factor


def test_with_the_password_alone_nobody_is_in(way_in):
    assert not inside(way_in)
    assert "_auth_user_id" not in way_in.session


def test_with_password_and_code_one_is_in(ana_inside):
    assert inside(ana_inside)


def test_a_session_without_the_second_factor_is_none(ana):
    client = Client()
    client.force_login(ana)
    assert not inside(client)


def test_a_code_serves_once(ana_inside, ana, phone):
    other = Client()
    post(other, LOGIN, username="ana", password=RIGHT)
    answer = post(other, CODE, code=code_of(phone))
    assert answer.status_code == 200
    assert "Ya no sirve" in answer.text
    assert not inside(other)


def test_a_code_of_another_s_phone_is_refused(way_in):
    theirs = TOTPDevice.objects.create(user=User.objects.create_user("otra"), name="x")
    assert post(way_in, CODE, code=code_of(theirs)).status_code == 200
    assert not inside(way_in)


def test_wrong_codes_wait_as_wrong_passwords_do(way_in, phone, monkeypatch):
    now = time.time()
    for _ in range(5):
        answer = post(way_in, CODE, code="000000")
    assert answer.status_code == 429
    now_is(monkeypatch, now + 600)
    assert post(way_in, CODE, code=code_of(phone)).status_code == 429
    assert try_in("ana", RIGHT).status_code == 429


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "1e5000"]
)
def test_what_is_no_code_is_said_to_be_none(way_in, code):
    answer = post(way_in, CODE, code=code)
    assert answer.status_code == 200
    assert not inside(way_in)


def test_a_code_may_be_typed_with_a_space(way_in, phone):
    code = code_of(phone)
    assert post(way_in, CODE, code=f" {code[:3]} {code[3:]} ").status_code == 302


def test_a_recovery_code_serves_once_and_in_whatever_way_it_is_typed(ana, phone):
    codes = second_factor.new_codes(ana)
    assert len(set(codes)) == 10
    for typed, status in (
        (codes[0], 302),
        (codes[0], 200),
        (codes[1].upper().replace("-", " "), 302),
    ):
        client = Client()
        post(client, LOGIN, username="ana", password=RIGHT)
        StaticToken.objects.first().device.throttle_reset()
        assert post(client, RECOVERY, code=typed).status_code == status
        assert inside(client) is (status == 302)
    assert second_factor.codes_left(ana) == 8


def test_recovery_codes_are_kept_as_digests_that_differ_for_each_user(ana, monkeypatch):
    monkeypatch.setattr(second_factor, "readable", lambda *_: "abcd-2345")
    second_factor.new_codes(ana)
    second_factor.new_codes(User.objects.create_user("berta"))
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert len(kept) == 2
    assert not any("abcd" in token.lower() for token in kept)


def test_new_codes_end_the_former_ones(ana, phone):
    former = second_factor.new_codes(ana)
    second_factor.new_codes(ana)
    assert second_factor.verified_by_recovery(ana, former[0]) is None


def test_at_the_first_login_the_phone_is_enrolled_and_ten_codes_are_shown_once(ana):
    client = Client()
    assert post(client, LOGIN, username="ana", password=RIGHT)["Location"] == ENROL
    shown = get(client, ENROL)
    phone = TOTPDevice.objects.get(user=ana, confirmed=False)
    assert "<svg" in shown.text
    assert second_factor.key_of(phone) in shown.text
    assert not inside(client)
    wrong = post(client, ENROL, code="000000")
    assert wrong.status_code == 200
    assert TOTPDevice.objects.get(user=ana, confirmed=False) == phone
    phone.refresh_from_db()
    phone.throttle_reset()
    done = post(client, ENROL, code=code_of(phone))
    codes = done.context["codes"]
    assert len(codes) == 10
    assert all(code in done.text for code in codes)
    assert inside(client)
    assert codes[0] not in get(client, "/admin/cuenta/").text
    assert "no-store" in done["Cache-Control"]


def test_who_has_a_phone_cannot_enrol_another_with_the_password_alone(way_in, ana):
    assert get(way_in, ENROL)["Location"] == LOGIN
    assert not TOTPDevice.objects.filter(user=ana, confirmed=False).exists()


def test_another_phone_and_new_codes_ask_for_password_and_code_again(
    ana_inside, ana, phone, monkeypatch
):
    account, now = "/admin/cuenta/", time.time()
    assert get(ana_inside, ENROL)["Location"] == account
    refused = post(ana_inside, account, password=WRONG, code="123456", codes="1")
    assert "No es su contraseña" in refused.text
    refused = post(ana_inside, account, password=RIGHT, code="000000", codes="1")
    assert second_factor.codes_left(ana) == 0
    now_is(monkeypatch, now + 60)
    TOTPDevice.objects.get(pk=phone.pk).throttle_reset()
    answer = post(ana_inside, account, password=RIGHT, code=code_of(phone), codes="1")
    assert len(answer.context["codes"]) == 10
    now_is(monkeypatch, now + 120)
    answer = post(ana_inside, account, password=RIGHT, code=code_of(phone), phone="1")
    assert answer["Location"] == ENROL
    get(ana_inside, ENROL)
    new = TOTPDevice.objects.get(user=ana, confirmed=False)
    post(ana_inside, ENROL, code=code_of(new))
    assert list(TOTPDevice.objects.filter(user=ana)) == [new]
    assert inside(ana_inside)


def test_in_debug_the_password_is_enough_unless_a_phone_was_enrolled(ana, settings):
    settings.SECOND_FACTOR = False
    assert try_in("ana", RIGHT)["Location"] == INDEX
    TOTPDevice.objects.create(user=ana, name="teléfono")
    assert try_in("ana", RIGHT)["Location"] == CODE


def test_the_step_between_password_and_code_ends_after_ten_minutes(way_in, phone, clock):
    clock(timezone.now() + timedelta(minutes=11))
    assert post(way_in, CODE, code=code_of(phone))["Location"] == LOGIN


@pytest.mark.parametrize("change", ["deactivated", "password"])
def test_the_step_between_ends_when_the_account_changes(way_in, ana, phone, change):
    if change == "password":
        ana.set_password(WRONG)
    ana.is_active = change != "deactivated"
    ana.save()
    assert post(way_in, CODE, code=code_of(phone))["Location"] == LOGIN


@pytest.mark.parametrize("url", [CODE, RECOVERY, ENROL, "/admin/entrar/contrasena/"])
def test_the_steps_are_nobody_s_who_has_not_shown_a_password(url):
    for answer in (get(Client(), url), post(Client(), url, code="123456")):
        assert answer["Location"] == LOGIN


# `next`


@pytest.mark.parametrize(
    "away",
    ["https://otro.example/", "//otro.example/", "http://testserver/admin/", "javascript:alert(1)",
     "\\\\otro.example", "/\\otro.example", "https:otro.example", " //otro.example", "ftp://testserver/"],
)  # fmt: skip
def test_a_next_that_leaves_the_site_is_ignored(ana, phone, away):
    client = Client()
    post(client, LOGIN, username="ana", password=RIGHT, next=away)
    assert post(client, CODE, code=code_of(phone))["Location"] == INDEX


def test_a_next_on_the_site_is_followed_after_the_last_step(ana, phone):
    client = Client()
    there = "/admin/timeline/event/?q=á"
    post(client, LOGIN, username="ana", password=RIGHT, next=there)
    assert post(client, CODE, code=code_of(phone))["Location"].startswith("/admin/timeline/event/")


# Sessions


def test_every_step_of_the_login_changes_the_session_s_key(ana, phone):
    client = Client()
    fixed = SessionStore()  # by somebody who knows its key
    fixed.create()
    client.cookies["__Host-sessionid"] = fixed.session_key
    keys = [fixed.session_key]
    post(client, LOGIN, username="ana", password=RIGHT)
    keys.append(client.cookies["__Host-sessionid"].value)
    post(client, CODE, code=code_of(phone))
    keys.append(client.cookies["__Host-sessionid"].value)
    assert len(set(keys)) == 3
    assert set(Session.objects.values_list("session_key", flat=True)) == {keys[-1]}


def stolen(client: Client) -> Client:
    """Another browser with the same cookie."""
    thief = Client()
    thief.cookies["__Host-sessionid"] = client.cookies["__Host-sessionid"].value
    return thief


def test_logout_ends_the_session(ana_inside):
    thief = stolen(ana_inside)
    assert inside(thief)
    post(ana_inside, "/admin/logout/")
    assert not inside(thief)


def test_logout_is_by_post(ana_inside):
    assert get(ana_inside, "/admin/logout/").status_code == 405
    assert inside(ana_inside)


def test_a_changed_password_ends_all_other_sessions(ana_inside):
    thief = stolen(ana_inside)
    new = "una frase nueva y larga"
    answer = post(ana_inside, "/admin/password_change/", old_password=RIGHT, new_password1=new,
                  new_password2=new)  # fmt: skip
    assert answer.status_code == 302
    assert inside(ana_inside)
    assert not inside(thief)


@pytest.mark.parametrize("change", ["is_active", "is_staff"])
def test_a_session_ends_at_the_next_request_of_who_is_switched_off(ana_inside, ana, change):
    User.objects.filter(pk=ana.pk).update(**{change: False})
    assert not inside(ana_inside)


def test_a_session_ends_at_the_next_request_of_who_lost_the_second_factor(ana_inside, ana):
    second_factor.remove(ana)
    assert not inside(ana_inside)


def test_a_session_ends_twelve_hours_after_the_login_however_busy(ana_inside, clock):
    start = timezone.now()
    for hours in range(1, 12):
        clock(start + timedelta(hours=hours))
        assert inside(ana_inside), hours
    clock(start + timedelta(hours=12, seconds=1))
    assert not inside(ana_inside)
    assert not Session.objects.exists()


def test_a_session_ends_after_two_hours_of_nothing(ana_inside, clock):
    start = timezone.now()
    clock(start + timedelta(minutes=119))
    assert inside(ana_inside)
    clock(start + timedelta(minutes=119 + 121))
    assert not inside(ana_inside)


def test_an_old_session_shows_no_draft_either(ana_inside, clock):
    draft = event(publish_at=None)
    assert get(ana_inside, draft.get_absolute_url()).status_code == 200
    clock(timezone.now() + timedelta(hours=3))
    assert get(ana_inside, draft.get_absolute_url()).status_code == 404


def test_the_cookies_of_a_server_are_bound_to_it(ana, phone, client):
    get(client, LOGIN)
    post(client, LOGIN, username="ana", password=RIGHT)
    assert set(client.cookies) == {"__Host-sessionid", "__Host-csrftoken"}
    for cookie in client.cookies.values():
        assert cookie["secure"] is True
        assert cookie["httponly"] is True
        assert cookie["samesite"] == "Lax"
        assert cookie["path"] == "/"
        assert not cookie["domain"]
    assert not client.cookies["__Host-sessionid"]["max-age"]


def test_without_tls_the_site_redirects_but_for_its_health(client):
    assert client.get("/admin/login/")["Location"] == "https://testserver/admin/login/"
    assert client.get("/healthz").status_code == 200
    assert client.get("/", headers={"X-Forwarded-Proto": "https"}).status_code == 200


# Drafts


def test_without_the_second_factor_staff_see_no_draft(reader):
    draft = event(publish_at=None)
    missing = get(reader, draft.get_absolute_url())
    assert missing.status_code == 404
    assert get(reader.verify(), draft.get_absolute_url()).status_code == 200


# Accounts


def account_form(user: User, **changes: Any) -> dict[str, Any]:
    given = {"username": user.username, "first_name": "", "last_name": "", "is_active": "on",
             "groups": [group.pk for group in user.groups.all()]}  # fmt: skip
    return {name: value for name, value in (given | changes).items() if value is not None}


def page_of(user: User, route: str = "change") -> str:
    return f"/admin/auth/user/{user.pk}/{route}/"


def test_administration_makes_an_account_whose_password_is_shown_once(keeper):
    keeper.verify()
    data = {"username": "nueva", "groups": [role("Redacción").pk]}
    answer = post(keeper, "/admin/auth/user/add/", **data)
    password = answer.context["password"]
    assert password in answer.text
    new = User.objects.get(username="nueva")
    assert new.is_staff
    assert not new.is_superuser
    assert check_password(password, new.password)
    client = Client()
    assert post(client, LOGIN, username="nueva", password=password)["Location"].endswith(
        "contrasena/"
    )
    assert get(client, ENROL).status_code == 302
    chosen = "la frase que elige ella"
    answer = post(
        client, "/admin/entrar/contrasena/", new_password1=password, new_password2=password
    )
    assert "distinta" in answer.text
    answer = post(client, "/admin/entrar/contrasena/", new_password1="corta", new_password2="corta")
    assert answer.status_code == 200
    answer = post(client, "/admin/entrar/contrasena/", new_password1=chosen, new_password2=chosen)
    assert answer["Location"] == ENROL
    assert not OneOffPassword.objects.exists()


def test_a_one_off_password_expires(keeper, ana, clock):
    keeper.verify()
    password = post(keeper, page_of(ana, "password")).context["password"]
    clock(timezone.now() + timedelta(days=3, minutes=1))
    answer = try_in("ana", password)
    assert answer.status_code == 200
    assert "venció" in answer.text


def test_administration_mends_a_lost_password_and_a_lost_phone_without_mail(
    keeper, ana, ana_inside, phone
):
    keeper.verify()
    assert "Contraseña nueva de un solo uso" in get(keeper, page_of(ana)).text
    assert get(keeper, page_of(ana, "password")).status_code == 200
    assert get(keeper, page_of(ana, "segundo-factor")).status_code == 200
    assert inside(ana_inside)
    password = post(keeper, page_of(ana, "password")).context["password"]
    assert not inside(ana_inside)
    assert not check_password(RIGHT, User.objects.get(pk=ana.pk).password)
    post(keeper, page_of(ana, "segundo-factor"))
    assert not TOTPDevice.objects.filter(user=ana).exists()
    assert try_in("ana", password)["Location"].endswith("contrasena/")
    told = " ".join(LogEntry.objects.values_list("change_message", flat=True))
    assert "Dio una contraseña nueva de un solo uso." in told
    assert "Quitó el segundo factor." in told


def test_administration_gives_roles_and_the_log_tells_which(keeper, reader):
    keeper.verify()
    user = reader.user
    post(keeper, page_of(user), **account_form(user, groups=[role("Publicación").pk]))
    assert may_publish(User.objects.get(pk=user.pk))
    assert "Roles: Lectura → Publicación." in get(keeper, "/admin/bitacora/?tipo=permisos").text


@pytest.mark.parametrize("escalation", ["is_superuser", "user_permissions", "is_staff"])
def test_administration_gives_nothing_beyond_the_roles(keeper, reader, escalation):
    keeper.verify()
    user = reader.user
    everything = list(Permission.objects.values_list("pk", flat=True))
    value = everything if escalation == "user_permissions" else "on"
    form = account_form(user) | {escalation: value}
    assert escalation not in get(keeper, page_of(user)).text.replace("nav", "")
    post(keeper, page_of(user), **form)
    data = {"username": "otra", "groups": [], escalation: value}
    post(keeper, "/admin/auth/user/add/", **data)
    for changed in User.objects.filter(username__in=[user.username, "otra"]):
        assert not changed.is_superuser
        assert not changed.user_permissions.exists()


def test_administration_touches_no_superuser_and_not_their_own_roles(keeper, admin):
    keeper.verify()
    for user in (admin.user, keeper.user):
        before = user.password
        form = account_form(user, groups=[role("Publicación").pk], is_active=None)
        assert post(keeper, page_of(user), **form).status_code == 403
        for route in ("password", "segundo-factor"):
            assert get(keeper, page_of(user, route)).status_code == 403
            assert post(keeper, page_of(user, route)).status_code == 403
        user.refresh_from_db()
        assert user.is_active
        assert user.password == before
        assert not user.groups.filter(name="Publicación").exists()


def test_administration_changes_no_role_and_sees_nothing_of_the_record(keeper, reader):
    keeper.verify()
    draft = event(publish_at=None, title="Canario")
    group = Group.objects.get(name="Lectura")
    assert post(keeper, f"/admin/auth/group/{group.pk}/change/", name="x").status_code == 403
    assert post(keeper, "/admin/auth/group/add/", name="x").status_code == 403
    for url in (
        "/admin/timeline/event/",
        f"/admin/timeline/event/{draft.pk}/change/",
        "/admin/exchange/receipt/",
        "/admin/exchange/receipt/importar/eventos/",
    ):
        assert get(keeper, url).status_code == 403
    assert get(keeper, draft.get_absolute_url()).status_code == 404
    for url in (INDEX, "/admin/bitacora/"):
        assert "Canario" not in get(keeper, url).text


def test_accounts_are_deleted_by_nobody(admin, keeper, reader):
    for person in (admin.verify(), keeper.verify()):
        assert post(person, page_of(reader.user, "delete"), post="yes").status_code == 403
        post(person, "/admin/auth/user/", action="delete_selected", post="yes",
             _selected_action=[reader.user.pk])  # fmt: skip
    assert User.objects.filter(pk=reader.user.pk).exists()


def test_the_secrets_of_devices_and_the_throttle_have_no_page(admin):
    admin.verify()
    for app in ("otp_totp", "otp_static", "axes", "access"):
        assert get(admin, f"/admin/{app}/").status_code == 404


# Roles

HOLDS = {  # what each role may do with each kind of record, and besides
    "Lectura": ("view", "see"),
    "Redacción": ("view add change", "see import export"),
    "Publicación": ("view add change delete", "see import export publish undo"),
    "Administración": ("", "log accounts"),
}
BESIDES = {
    "see": ["access.view_loginevent", "exchange.view_receipt"],
    "log": ["access.view_loginevent"],
    "import": ["exchange.import_records"],
    "export": ["exchange.export_records"],
    "undo": ["exchange.undo_import"],
    "publish": ["sources.publish_record"],
    "accounts": ["auth.view_user", "auth.add_user", "auth.change_user", "auth.view_group"],
}


@pytest.mark.parametrize("name", HOLDS)
def test_the_roles_hold_exactly_what_is_said_of_them(name):
    from record.publishing import Record

    of_records, besides = (words.split() for words in HOLDS[name])
    kinds = [model for model in Record.__subclasses__() if not model._meta.abstract]
    kinds += [m for abstract in Record.__subclasses__() for m in abstract.__subclasses__()]
    labels = {model._meta.label_lower.split(".")[0] + "." + "{}_" + model._meta.model_name
              for model in kinds if not model._meta.abstract}  # fmt: skip
    expected = {label.format(action) for label in labels for action in of_records}
    expected |= {permission for word in besides for permission in BESIDES[word]}
    held = role(name).permissions.select_related("content_type")
    assert {f"{p.content_type.app_label}.{p.codename}" for p in held} == expected


# The log


def test_logins_are_in_the_log_without_any_address(ana_inside, ana, admin):
    try_in("ana", WRONG, REMOTE_ADDR="203.0.113.9")
    try_in(RIGHT, WRONG, REMOTE_ADDR="203.0.113.9")
    post(ana_inside, "/admin/logout/")
    shown = get(admin.verify(), "/admin/bitacora/?tipo=entradas").text
    for told in ("entró", "contraseña equivocada", "cerró su sesión", "(nadie de aquí)"):
        assert told in shown
    assert RIGHT not in shown  # a password in the wrong box
    assert "203.0.113" not in shown
    assert not any("203.0.113" in str(event.__dict__) for event in LoginEvent.objects.all())


def test_publications_imports_and_changes_are_in_the_log(publisher):
    from tests.test_exchange_pages import NEW, imported

    one = event(publish_at=None, title="Uno")
    one.publish_at = YESTERDAY
    one.save()
    one.unpublish_at = timezone.now()
    one.save()
    receipt = imported(publisher_over_http(publisher), NEW)
    shown = {kind: get(publisher, f"/admin/bitacora/?tipo={kind}").text
             for kind in ("publicaciones", "cambios", "importaciones")}  # fmt: skip
    assert "publicó acontecimiento" in shown["publicaciones"]
    assert "retiró acontecimiento" in shown["publicaciones"]
    assert "agregó acontecimiento" in shown["cambios"]
    assert "publicó" not in shown["cambios"].split("<table")[1]
    assert receipt.file_name in shown["importaciones"]


@pytest.mark.usefixtures("forms_check_one_by_one")
def test_what_comes_back_and_what_goes_is_in_the_log_with_its_reason(publisher):
    publisher_over_http(publisher)
    one = event(publish_at=None, title="Antes")
    save(publisher, address_of("change", one), title="Después")
    why = "Vuelve a la versión 1: se había confundido"
    assert restore(publisher, one, 1, change_reason=why).status_code == 302
    assert why in get(publisher, "/admin/bitacora/?tipo=cambios").text
    confirm(publisher, address_of("delete", one), change_reason="repetido")
    gone = get(publisher, "/admin/bitacora/?tipo=cambios")
    assert "movió a la papelera acontecimiento" in gone.text
    there = next(line.url for line, _times in gone.context["lines"] if "papelera" in line.what)
    assert get(publisher, there)["Location"] == "/admin/timeline/event/papelera/"
    restore_from_trash(publisher, type(one), one.pk, change_reason="Vuelve de la papelera")
    assert "Vuelve de la papelera" in get(publisher, "/admin/bitacora/?tipo=cambios").text


def publisher_over_http(person: Person) -> Person:
    """Past the second factor and TLS, for tests that speak to the exchange pages as it is."""
    person.verify()
    person.defaults["HTTP_X_FORWARDED_PROTO"] = "https"
    return person


def test_the_log_is_read_to_its_end_without_a_line_twice_or_skipped(reader, monkeypatch):
    from access import log

    monkeypatch.setattr(log, "READ", 7)
    moment = timezone.now()
    LoginEvent.objects.bulk_create(LoginEvent(kind="left", username=f"u{n}", at=moment)
                                   for n in range(20))  # fmt: skip
    for number in range(9):
        organization(name=f"Organización {number}")
        event(title=f"Acontecimiento {number}")
    reader.verify()
    seen, url = [], "/admin/bitacora/"
    while url:
        context = get(reader, url).context
        seen += [line.key for line, _times in context["lines"]]
        url = f"?antes={context['older']}".replace("+", "%2B") if context["older"] else ""
        url = url and "/admin/bitacora/" + url
    assert len(seen) == len(set(seen))
    strands = [key.split("~")[1] for key in seen]
    assert strands.count("entradas") >= 20
    assert strands.count("registro-event") + strands.count("registro-organization") >= 2


@pytest.mark.parametrize("query", ["tipo=nada", "antes=x", "antes=2026-01-01~a~1", "antes=~~",
                                   "antes=99999-01-01T00:00:00%2B00:00~a~1",
                                   "antes=2026-01-01T00:00:00%2B00:00~a~99999999999999999999",
                                   "antes=2026-13-41T00:00:00%2B00:00~a~1"])  # fmt: skip
def test_a_log_that_cannot_be_is_a_bad_request(reader, query):
    assert get(reader.verify(), f"/admin/bitacora/?{query}").status_code == 400


def test_the_log_of_logins_is_changed_by_nobody():
    LoginEvent.objects.note("left", None)
    with pytest.raises(DatabaseError), transaction.atomic():
        LoginEvent.objects.update(username="otra")
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic():
            LoginEvent.objects.all().delete()


def test_login_events_past_keeping_go_and_others_stay():
    old = LoginEvent.objects.create(kind="left", at=timezone.now() - timedelta(days=731))
    new = LoginEvent.objects.create(kind="left")
    call_command("forget")
    assert list(LoginEvent.objects.all()) == [new]
    assert old.pk


# What every answer carries


@pytest.mark.parametrize("url", ["/", "/admin/login/", "/no-existe/", "/static/favicon.svg",
                                 "/admin/entrar/codigo/", "/datos/", "/healthz"])  # fmt: skip
def test_every_answer_carries_the_headers(url, client):
    headers = get(client, url)
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for never in ("unsafe", "data:", "*", "http:", "https:", "nonce-", "sha256-"):
        assert never not in policy
    assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    if not url.startswith("/static"):
        assert headers["X-Frame-Options"] == "DENY"
    headers.close()


def test_the_editor_s_page_alone_has_nonce_and_hash_and_each_time_another(admin):
    admin.verify()
    policies = [get(admin, "/admin/timeline/event/add/")["Content-Security-Policy"] for _ in "ab"]
    assert all("'nonce-" in policy and "'sha256-" in policy for policy in policies)
    assert policies[0] != policies[1]
    assert "unsafe" not in policies[0]
    assert "nonce-" not in get(admin, "/admin/timeline/event/")["Content-Security-Policy"]


def test_an_error_of_the_server_carries_the_policy_too(client, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("nucleo.views._terms", lambda: 1 / 0)
    answer = get(client, "/")
    assert answer.status_code == 500
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"])
@pytest.mark.parametrize(("url", "allowed"), [("/", "GET, HEAD"), ("/admin/", "GET, HEAD, POST")])
def test_methods_that_a_page_does_not_know_are_405(client, method, url, allowed):
    answer = client.generic(method, url, secure=True)
    assert answer.status_code == 405
    assert answer["Allow"] == allowed


@pytest.mark.parametrize("host", ["otro.example", "testserver\r\nX-A: b", "<script>", "a" * 300])
def test_a_bad_host_is_refused_and_not_repeated(client, host):
    for url in ("/", "/admin/login/", "/.well-known/security.txt"):
        answer = client.get(url, secure=True, headers={"Host": host})
        assert answer.status_code == 400
        assert host not in answer.text
        assert "X-A" not in answer


def test_an_address_that_names_no_field_is_a_bad_request(admin):
    admin.verify()
    one = event()
    for url in (f"/admin/timeline/event/{one.pk}/change/", "/admin/exchange/receipt/1/delete/"):
        assert get(admin, f"{url}?_to_field=").status_code == 400


# security.txt


def test_security_txt_says_whom_to_tell_until_when_and_where(client, settings):
    settings.SECURITY_CONTACT = "mailto:avisos@example.org"
    answer = get(client, "/.well-known/security.txt")
    lines = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert lines["Contact"] == "mailto:avisos@example.org"
    assert lines["Preferred-Languages"] == "es, en"
    assert lines["Canonical"] == "https://testserver/.well-known/security.txt"
    until = timezone.datetime.fromisoformat(lines["Expires"].replace("Z", "+00:00"))
    assert timedelta(days=180) < until - timezone.now() < timedelta(days=365)


def test_without_a_contact_there_is_no_security_txt(client, settings):
    settings.SECURITY_CONTACT = ""
    assert get(client, "/.well-known/security.txt").status_code == 404


# Nothing of it costs a reader


def test_a_reader_gets_no_cookie_no_session_and_no_vary(client, django_assert_num_queries):
    organization(slug="una")
    for url in ("/", "/organizaciones/una/", "/datos/", "/.well-known/security.txt"):
        answer = get(client, url)
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")
    assert not Session.objects.exists()
    assert not LoginEvent.objects.exists()
