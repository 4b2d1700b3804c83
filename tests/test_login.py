"""The login page: wrong passwords, the throttle, names that cannot be guessed, the rules for
passwords, and the page after the login. The site has a server's settings."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.core.internal import ratelimit
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, get_hasher
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.utils import timezone

from access.models import Count, LoginEvent
from nucleo import settings as project
from nucleo.wsgi import application
from tests.conftest import Person
from tests.login import ACCOUNT, CODE, INDEX, LOGIN, RIGHT, WRONG, code_of, now_is, try_password

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production", "several_sessions")]
HEADERS = (
    "X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "CF-Connecting-IP", "X-Forwarded",
    "True-Client-IP", "User-Agent", "Accept",
)  # fmt: skip


def disguised(number: int) -> dict[str, str]:
    return dict.fromkeys(HEADERS, f"100.1.2.{number}")


# Wrong passwords


def test_after_five_wrong_passwords_the_right_one_waits_too_until_the_cool_off(
    ana, phone, monkeypatch
):
    """No header gets around the wait, and nobody else waits. Its beginning is logged, once."""
    now = timezone.now().timestamp()
    now_is(monkeypatch, now)
    answers = [try_password(WRONG, headers=disguised(n)).status_code for n in range(7)]
    assert answers == [200] * 5 + [429] * 2
    refused = try_password(headers=disguised(8), REMOTE_ADDR="198.51.100.7")
    assert refused.status_code == 429
    assert refused["Retry-After"] == "900"
    assert "Espere 15 minutos" in refused.text
    kinds = list(LoginEvent.objects.values_list("kind", flat=True))
    assert sorted(kinds) == ["failed"] * 5 + ["locked"]
    User.objects.create_user("berta", password=RIGHT, is_staff=True)
    for address in ("127.0.0.1", "198.51.100.7"):
        assert try_password(username="berta", REMOTE_ADDR=address)["Location"] == INDEX
    now_is(monkeypatch, now + 16 * 60)
    assert try_password()["Location"] == CODE


def test_an_address_that_tries_fifty_names_waits_and_no_header_changes_it(ana, phone):
    def attempt(name: str, password: str = WRONG, address: str = "100.20.30.40") -> Any:
        headers = disguised(len(name))
        return try_password(password, name, headers=headers, REMOTE_ADDR=address)

    answers = [attempt("x" * n).status_code for n in range(1, 52)]
    assert answers == [200] * 50 + [429]
    assert [attempt("y" * n).status_code for n in range(1, 4)] == [429] * 3
    assert LoginEvent.objects.filter(kind="locked").count() == 1
    assert attempt("ana", RIGHT).status_code == 429
    assert attempt("ana", RIGHT, "100.20.30.41")["Location"] == CODE


@pytest.mark.parametrize("address", ["127.0.0.1", "172.17.0.1", "10.0.0.1", "::1", ""])
def test_where_everybody_has_the_proxy_s_address_names_alone_are_counted(
    ana, phone, settings, address
):
    settings.ACCOUNT_RATE_LIMITS = project.ACCOUNT_RATE_LIMITS | {"login": "2/15m/ip"}
    for name in "abcd":
        assert try_password(WRONG, name, REMOTE_ADDR=address).status_code == 200
    assert try_password(REMOTE_ADDR=address)["Location"] == CODE


@pytest.mark.parametrize(
    ("connected", "header", "believed"),
    [
        ("127.0.0.1", "100.6.6.6, 100.1.1.1", "100.1.1.1"),
        ("127.0.0.1", "100.1.1.1", "100.1.1.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("100.2.2.2", "100.6.6.6", "100.2.2.2"),
        ("", "100.6.6.6, 100.1.1.1", "100.1.1.1"),  # by a Unix socket
    ],
)
def test_of_x_forwarded_for_only_what_our_proxy_appended_is_believed(
    connected, header, believed, rf
):
    environment = rf.get("/healthz").environ | {"REMOTE_ADDR": connected}
    if header:
        environment["HTTP_X_FORWARDED_FOR"] = header
    application(environment, lambda *_: None)
    assert environment["REMOTE_ADDR"] == believed


def test_the_addresses_of_one_network_of_ipv6_are_one(ana, settings):
    settings.ACCOUNT_RATE_LIMITS = project.ACCOUNT_RATE_LIMITS | {"login": "1/15m/ip"}
    addresses = ("2a01:db8::1", "2a01:db8::ffff:1", "2a01:db8:0:1::1", "100.0.113.1", "100.0.113.2")
    answers = [try_password(WRONG, "x", REMOTE_ADDR=ip).status_code for ip in addresses]
    assert answers == [200, 429, 200, 200, 200]


def test_a_login_gives_no_new_attempts_to_others_nor_to_its_address(ana, phone, settings):
    settings.ACCOUNT_RATE_LIMITS = project.ACCOUNT_RATE_LIMITS | {"login": "6/15m/ip"}
    far = {"REMOTE_ADDR": "100.20.30.40"}
    for _ in range(5):
        try_password(WRONG, "berta", **far)
    person = Person()
    try_password(person=person, **far)
    person.post(CODE, {"code": code_of(phone)}, **far)
    assert try_password(WRONG, "berta").status_code == 429
    assert try_password(WRONG, "carla", **far).status_code == 429


def test_the_throttle_is_shared_holds_neither_name_nor_address_and_forgets(ana, clock):
    try_password(WRONG, "nombre", REMOTE_ADDR="100.0.113.9", headers={"User-Agent": "Delator"})
    kept = str(list(Count.objects.values()))
    assert Count.objects.count() >= 2
    for secret in ("100.0.113.9", "Delator", WRONG, "nombre"):
        assert secret not in kept
    clock(timezone.now() + timedelta(minutes=16))
    call_command("forget")
    assert not Count.objects.exists()


def test_where_the_count_is_busy_nobody_gets_in(ana, monkeypatch):
    """As when many workers count one name at once."""
    monkeypatch.setattr(ratelimit, "CACHE_LOCK_WAIT_TIMEOUT", 0)
    monkeypatch.setattr(ratelimit.cache, "add", lambda *_, **__: False)
    assert try_password().status_code == 429


def test_no_log_line_tells_of_an_address_a_name_or_a_password(ana, caplog):
    for name in ("ana", "ana\nroot logged in") * 6:
        try_password(WRONG, name, REMOTE_ADDR="203.0.113.9")
    for record in caplog.records:
        for secret in ("\n", "203.0.113.9", "ana", WRONG):
            assert secret not in record.getMessage()


# Known and unknown names


@pytest.fixture
def hashings(monkeypatch: Any) -> list[str]:
    """Each password that was hashed."""
    passwords: list[str] = []
    kind = type(get_hasher())
    encode = kind.encode

    def counted(hasher: Any, password: str, *args: Any, **kwargs: Any) -> str:
        passwords.append(password)
        return encode(hasher, password, *args, **kwargs)

    monkeypatch.setattr(kind, "encode", counted)
    return passwords


def test_nothing_tells_a_name_that_exists_from_one_that_does_not(ana, hashings):
    User.objects.create_user("lector", password=RIGHT)
    User.objects.create_user("baja", password=RIGHT, is_staff=True, is_active=False)
    pages = set()
    for name, password in (
        ("nadie", WRONG), ("ana", WRONG), ("lector", WRONG), ("baja", WRONG), ("baja", RIGHT),
        ("lector", RIGHT),
    ):  # fmt: skip
        hashings.clear()
        answer = try_password(password, name)
        assert (answer.status_code, len(hashings)) == (200, 1), name
        token = str(answer.context["csrf_token"])
        pages.add(answer.text.replace(token, "").replace(f'value="{name}"', ""))
    assert len(pages) == 1
    assert "La cuenta o la contraseña no son correctas" in pages.pop()
    for name in ("ana", "nadie"):
        hashings.clear()
        waits = [try_password(WRONG, name) for _ in range(6)][4:]
        pages |= {(answer.status_code, answer.text) for answer in waits}
        assert len(hashings) == 4
    assert len(pages) == 1


@pytest.mark.parametrize("page", """signup/ email/ password/reset/ password/set/ inactive/
    confirm-email/ login/code/ 2fa/ logout/""".split())  # fmt: skip
def test_the_package_s_other_pages_do_not_exist(visitor, page):
    for prefix in ("/accounts/", "/admin/", "/admin/cuenta/", "/admin/entrar/"):
        if prefix + page in ("/admin/logout/",):
            continue
        answer = visitor.get(prefix + page)
        assert answer.status_code == 404 or answer["Location"].startswith(LOGIN), prefix
    assert not User.objects.exists()


# Passwords


def test_a_password_needs_fifteen_characters_and_no_mixture():
    for password in ("quince, ni una.", "solo letras minusculas", "á é í ó ú ü ñ, y más",
                     " ".join(map(str, range(10_000)))):  # fmt: skip
        validate_password(password, User(username="ana"))


@pytest.mark.parametrize("password", """contraseña12345 passwordpassword 123456789012345678
    abcdefghijklmnop aaaaaaaaaaaaaaaaa qwertyqwertyqwerty Iloveyou!!!!!!!!!!!! catorce_no_mas
    ababababababababab chocolate2026... fulanadetalperez""".split())  # fmt: skip
def test_passwords_that_are_short_common_or_like_the_name_are_refused(password):
    with pytest.raises(ValidationError):
        validate_password(password, User(username="fulanadetalperez1"))


def test_passwords_are_hashed_with_argon2(settings, monkeypatch):
    settings.PASSWORD_HASHERS = project.PASSWORD_HASHERS
    monkeypatch.setattr(Argon2PasswordHasher, "memory_cost", 64)
    user = User.objects.create_user("carla", password=RIGHT)
    assert user.password.startswith("argon2$argon2id$")
    assert check_password(RIGHT, user.password)


# `next`


def test_a_next_that_leaves_the_site_is_ignored(ana, settings):
    settings.SECOND_FACTOR = False
    for away in ("https://otro.example/", "//otro.example/", "http://testserver/admin/",
                 "javascript:alert(1)", "\\\\otro.example", "/\\otro.example",
                 "https:otro.example", " //otro.example", "ftp://testserver/"):  # fmt: skip
        assert try_password(next=away)["Location"] == INDEX, away


def test_a_next_on_the_site_is_followed_after_the_last_step(ana, phone):
    person = Person()
    assert try_password(person=person, next="/admin/timeline/event/?q=a")["Location"] == CODE
    answer = person.post(CODE, {"code": code_of(phone)})
    assert answer["Location"] == "/admin/timeline/event/?q=a"


def test_in_debug_the_password_is_enough_unless_a_phone_was_enrolled(ana, settings, request):
    settings.SECOND_FACTOR = False
    person = Person()
    assert try_password(person=person)["Location"] == INDEX
    assert person.get(INDEX).status_code == 200
    assert person.get(ACCOUNT).status_code == 200
    request.getfixturevalue("phone")
    assert try_password()["Location"] == CODE
