"""Accounts and roles: the powers of Administración, and the permissions of each role."""

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from access.models import OneOffPassword
from record.publishing import Record, may_publish
from tests.conftest import Person, role
from tests.login import (  # fmt: skip
    ACCOUNT,
    CONFIRM,
    INDEX,
    NEW_PASSWORD,
    RIGHT,
    code_of,
    inside,
    now_is,
    phone_for,
    try_password,
)
from tests.records import event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production", "several_sessions")]
ADD = "/admin/auth/user/add/"
PERMISSIONS_LOG = "/admin/bitacora/?tipo=permisos"


@pytest.fixture
def keeper(keeper: Person) -> Person:
    return keeper.verify()


def account_form(user: User, **changes: Any) -> dict[str, Any]:
    form = {"username": user.username, "first_name": "", "last_name": "", "is_active": "on",
            "groups": [group.pk for group in user.groups.all()]}  # fmt: skip
    return {name: value for name, value in (form | changes).items() if value is not None}


def account_page(user: User, route: str = "change") -> str:
    return f"/admin/auth/user/{user.pk}/{route}/"


def test_administration_makes_an_account_whose_password_is_shown_once(keeper):
    page = keeper.post(ADD, {"username": "nueva", "groups": [role("Redacción").pk]})
    password = page.context["password"]
    assert password in page.text
    new = User.objects.get(username="nueva")
    assert (new.is_staff, new.is_superuser) == (True, False)
    assert check_password(password, new.password)
    person = Person()
    try_password(password, "nueva", person)
    assert person.get(INDEX, follow=True).redirect_chain[-1][0] == NEW_PASSWORD

    def choose(chosen: str) -> Any:
        return person.post(NEW_PASSWORD, dict.fromkeys(("password1", "password2"), chosen))

    assert "distinta" in choose(password).text
    assert choose("corta").status_code == 200
    assert choose("la frase que elige ella")["Location"] == ACCOUNT
    assert not OneOffPassword.objects.exists()


def test_a_one_off_password_expires(keeper, ana, clock):
    password = keeper.post(account_page(ana, "password")).context["password"]
    clock(timezone.now() + timedelta(days=3, minutes=1))
    answer = try_password(password)
    assert answer.status_code == 200
    assert "venció" in answer.text


def test_administration_mends_a_lost_password_and_a_lost_phone_without_mail(
    keeper, ana, ana_inside
):
    assert "Contraseña nueva de un solo uso" in keeper.get(account_page(ana)).text
    for route in ("password", "segundo-factor"):
        assert keeper.get(account_page(ana, route)).status_code == 200
    assert inside(ana_inside)
    password = keeper.post(account_page(ana, "password")).context["password"]
    assert not inside(ana_inside)
    ana.refresh_from_db()
    assert not check_password(RIGHT, ana.password)
    keeper.post(account_page(ana, "segundo-factor"))
    assert not Authenticator.objects.filter(user=ana).exists()
    person = Person()
    try_password(password, person=person)
    assert person.get(INDEX, follow=True).redirect_chain[-1][0] == NEW_PASSWORD
    messages = " ".join(LogEntry.objects.values_list("change_message", flat=True))
    assert "Dio una contraseña nueva de un solo uso." in messages
    assert "Quitó el segundo factor." in messages


@pytest.mark.parametrize("address", ["add/", "{}/change/", "{}/password/", "{}/segundo-factor/"])
def test_accounts_ask_for_the_factor_again_after_ten_minutes(address, keeper, reader, monkeypatch):
    page = "/admin/auth/user/" + address.format(reader.user.pk)
    assert keeper.get(page).status_code == 200
    now_is(monkeypatch, time.time() + 601)
    for answer in (keeper.get(page), keeper.post(page, {"username": "otra"})):
        assert answer["Location"].startswith(CONFIRM)
    assert not User.objects.filter(username="otra").exists()


@pytest.mark.parametrize("address", ["", "{}/delete/"])
def test_roles_are_not_deleted_without_the_factor(address, admin, monkeypatch):
    admin.verify()
    now_is(monkeypatch, time.time() + 601)
    key = role("Lectura").pk
    chosen = {"action": "delete_selected", "_selected_action": key, "post": "yes"}
    answer = admin.post(f"/admin/auth/group/{address.format(key)}", chosen)
    assert answer["Location"].startswith(CONFIRM)
    assert Group.objects.filter(pk=key).exists()


def test_what_was_sent_before_the_factor_was_asked_for_is_done_after_it(
    keeper, reader, monkeypatch
):
    page = f"{account_page(reader.user)}"
    now_is(monkeypatch, time.time() + 601)
    form = account_form(reader.user, first_name="Lía")
    confirm = keeper.post(page, form)["Location"]
    assert "Al confirmar se hará lo que se envió" in keeper.post(confirm, {"code": "000000"}).text
    assert User.objects.get(pk=reader.user.pk).first_name == ""
    keeper.post(confirm, {"code": code_of(phone_for(keeper.user))})
    assert User.objects.get(pk=reader.user.pk).first_name == "Lía"


def test_what_was_sent_and_left_is_not_done_when_its_page_is_opened_and_confirmed(
    keeper, reader, monkeypatch
):
    page = f"{account_page(reader.user)}"
    now_is(monkeypatch, time.time() + 601)
    keeper.post(page, account_form(reader.user, first_name="Lía"))
    confirm = keeper.get(page)["Location"]
    assert "Al confirmar se hará" not in keeper.get(confirm).text
    keeper.post(confirm, {"code": code_of(phone_for(keeper.user))})
    assert User.objects.get(pk=reader.user.pk).first_name == ""


def test_administration_gives_roles_and_the_log_tells_which(keeper, reader):
    form = account_form(reader.user, groups=[role("Publicación").pk])
    keeper.post(account_page(reader.user), form)
    assert may_publish(User.objects.get(pk=reader.user.pk))
    assert "Roles: Lectura → Publicación." in keeper.get(PERMISSIONS_LOG).text


@pytest.mark.parametrize("escalation", ["is_superuser", "user_permissions", "is_staff"])
def test_administration_gives_nothing_beyond_the_roles(keeper, reader, escalation):
    value = "on"
    if escalation == "user_permissions":
        value = list(Permission.objects.values_list("pk", flat=True))
    assert escalation not in keeper.get(account_page(reader.user)).text
    keeper.post(account_page(reader.user), account_form(reader.user, **{escalation: value}))
    keeper.post(ADD, {"username": "otra", "groups": [], escalation: value})
    accounts = User.objects.filter(username__in=["reader", "otra"])
    assert len(accounts) == 2
    for account in accounts:
        assert not account.is_superuser
        assert not account.user_permissions.exists()


def test_administration_touches_no_superuser_and_not_their_own_roles(keeper, admin):
    for user in (admin.user, keeper.user):
        password = user.password
        form = account_form(user, groups=[role("Publicación").pk], is_active=None)
        answers = [keeper.post(account_page(user), form)]
        for route in ("password", "segundo-factor"):
            answers += [
                keeper.get(account_page(user, route)),
                keeper.post(account_page(user, route)),
            ]
        assert [answer.status_code for answer in answers] == [403] * 5
        user.refresh_from_db()
        assert (user.is_active, user.password) == (True, password)
        assert not user.groups.filter(name="Publicación").exists()


def test_administration_sees_nothing_of_a_draft(keeper):
    draft = event(publish_at=None, title="Canario")
    assert keeper.get(draft.get_absolute_url()).status_code == 404
    for url in (INDEX, "/admin/bitacora/"):
        assert "Canario" not in keeper.get(url).text


def test_accounts_are_deleted_from_no_list(admin, keeper, reader):
    chosen = {"action": "delete_selected", "_selected_action": [reader.user.pk], "post": "yes"}
    for person in (admin.verify(), keeper):
        person.post("/admin/auth/user/", chosen)
    assert User.objects.filter(pk=reader.user.pk).exists()


HOLDS = {  # the actions on each kind of record, and other permissions
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
    of_records, besides = (words.split() for words in HOLDS[name])
    kinds = [model for base in Record.__subclasses__() for model in (base, *base.__subclasses__())]
    models = {model._meta for model in kinds if not model._meta.abstract}
    expected = {
        f"{meta.app_label}.{action}_{meta.model_name}" for meta in models for action in of_records
    }
    expected |= {permission for word in besides for permission in BESIDES[word]}
    held = role(name).permissions.select_related("content_type")
    assert {f"{p.content_type.app_label}.{p.codename}" for p in held} == expected
