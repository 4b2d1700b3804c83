"""The seals of the log, and `check_log`, which says whether a line was changed or deleted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from access.models import LogHead, LoginEvent, Seal
from tests.records import YESTERDAY
from tests.staff import address_of

pytestmark = pytest.mark.django_db


def checked(capsys: pytest.CaptureFixture[str], *head: str) -> str:
    """The head that `check_log` prints, or what it finds wrong."""
    try:
        call_command("check_log", *head)
    except CommandError:
        return capsys.readouterr().err
    return capsys.readouterr().out.rpartition(" ")[2].strip()


REMOVE_TRIGGER = {
    "sqlite": "DROP TRIGGER login_events_stay",
    "postgresql": "ALTER TABLE access_loginevent DISABLE TRIGGER USER",
}


def kept(**fields: Any) -> Any:
    """Lines of the log, open to changes, as for a person who writes into the database."""
    return LoginEvent.objects.filter(**fields)


def cut_the_end(signature: str) -> None:
    """Delete the last line with its seal, and make the seal before it the end."""
    last, earlier = Seal.objects.order_by("-pk")[:2]
    kept(pk=last.line).delete()
    last.delete()
    LogHead.objects.update(count=F("count") - 1, digest=earlier.digest, signature=signature)


def change_with_seal() -> None:
    """Change a line and its seal, with the digest that belongs to it."""
    first, seal = Seal.objects.order_by("pk")[:2]
    kept(pk=seal.line).update(username="otra")
    seal.content = seal.content_of(LoginEvent.objects.get(pk=seal.line))
    seal.digest = seal.digest_after(first.digest)
    seal.save()


DAMAGES: dict[str, tuple[Callable[[], Any], str]] = {
    "a line changed": (lambda: kept(kind="left").update(username="otra"), "se selló"),
    "a line deleted": (lambda: kept(kind="left").delete(), "se borró"),
    "a moment changed": (lambda: kept().update(at=YESTERDAY), "se selló"),
    "a line changed with its seal": (change_with_seal, "no sigue al anterior"),
    "a seal deleted": (lambda: Seal.objects.first().delete(), "no sigue al anterior"),
    "a seal of an older day": (lambda: Seal.objects.update(day="2020-01-01"), "no sigue"),
    "the last line deleted": (lambda: kept(kind="locked").delete(), "se borró"),
    "the end cut": (lambda: cut_the_end("f" * 64), "no lleva la firma"),
    "all seals deleted": (lambda: Seal.objects.all().delete(), "no tiene sello"),
    "a line added": (lambda: kept().bulk_create([LoginEvent(kind="left")]), "no tiene sello"),
}


@pytest.fixture
def lines(ana: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute(REMOVE_TRIGGER[connection.vendor])
    for kind in ("entered", "left", "locked"):
        LoginEvent.objects.note(kind, ana)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_is_told_from_a_whole_one_also_after_another_line(lines, ana, capsys, damage):
    assert checked(capsys) == str(LogHead.objects.get())
    harm, words = DAMAGES[damage]
    harm()
    assert words in checked(capsys)
    LoginEvent.objects.note("left", ana)
    assert words in checked(capsys)


def test_an_end_that_was_cut_back_to_an_earlier_signature_is_told_by_an_earlier_head(
    lines, ana, capsys
):
    before = LogHead.objects.get()
    LoginEvent.objects.note("left", ana)
    printed = checked(capsys)
    cut_the_end(before.signature)
    assert checked(capsys) == str(before)
    assert "no pasa por" in checked(capsys, printed)
    assert checked(capsys, str(before)) == str(before)


def test_forgotten_lines_leave_the_chain_whole_and_seals_that_confirm_no_guess(lines, ana, capsys):
    LoginEvent.objects.create(kind="left", username="ida", at=timezone.now() - timedelta(days=731))
    call_command("forget")
    printed = capsys.readouterr().out
    assert not LoginEvent.objects.filter(username="ida").exists()
    assert [seal.salt for seal in Seal.objects.order_by("-day")][-1] == ""
    assert f"log: {checked(capsys)}" in printed


def test_deleted_roles_are_in_the_chain_one_by_one(admin, capsys):
    roles = [Group.objects.create(name=f"Rol {number}").pk for number in range(3)]
    page = address_of("changelist", Group)
    admin.post(page, {"action": "delete_selected", "_selected_action": roles, "post": "yes"})
    assert LogEntry.objects.filter(action_flag=DELETION).count() == 3
    assert checked(capsys).startswith("4:")  # with the login
    admin.post(address_of("delete", Group.objects.create(name="Otro")), {"post": "yes"})
    assert checked(capsys).startswith("5:")
    LogEntry.objects.first().delete()
    assert "se borró" in checked(capsys)


def test_lines_from_before_the_seals_are_chained_by_the_migration(lines, capsys):
    Seal.objects.all().delete()
    LogHead.objects.all().delete()
    import_module("access.migrations.operations.seal_lines").seal_lines(apps, None)
    assert checked(capsys).startswith("3:")


@pytest.mark.django_db(transaction=True)
def test_lines_that_are_written_at_once_have_one_chain(ana, capsys):
    def log_in(_number: int) -> None:
        for _ in range(5):
            LoginEvent.objects.note("entered", ana)
        connection.close()

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(log_in, range(4)))
    assert checked(capsys).startswith("20:")
