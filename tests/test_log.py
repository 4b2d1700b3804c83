"""«Bitácora», the log that the staff read: logins, publications, changes, imports, permissions."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from access import log
from access.models import LoginEvent
from exchange.models import Receipt
from tests.conftest import Person
from tests.login import RIGHT, WRONG, try_password
from tests.records import YESTERDAY, event, organization
from tests.staff import address_of, confirm, restore, restore_from_trash, save
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("production")]
LOG = "/admin/bitacora/"


def lines(person: Person, kind: str) -> str:
    return person.get(LOG, {"tipo": kind}).text.split("<table")[1]


def test_logins_are_in_the_log_without_any_address(ana_inside, admin):
    try_password(WRONG, REMOTE_ADDR="203.0.113.9")
    try_password(WRONG, RIGHT, REMOTE_ADDR="203.0.113.9")
    ana_inside.post("/admin/logout/")
    entries = lines(admin.verify(), "entradas")
    for words in ("entró", "contraseña equivocada", "cerró su sesión", "(nadie de aquí)"):
        assert words in entries
    assert RIGHT not in entries  # a password in the wrong box
    assert "203.0.113" not in entries
    assert not any("203.0.113" in str(event.__dict__) for event in LoginEvent.objects.all())


def test_publications_imports_and_changes_are_in_the_log(publisher):
    record = event(publish_at=None)
    for change in ({"publish_at": YESTERDAY}, {"unpublish_at": timezone.now()}):
        vars(record).update(change)
        record.save()
    receipt = Receipt.objects.create(
        resource="eventos", file_name="hoja.csv", user=publisher.user, made_at=timezone.now(),
        undone_at=timezone.now(), undone_by=publisher.user, new=1,
    )  # fmt: skip
    imported = event(title="De la hoja")
    imported.history.update(history_receipt=receipt.pk)
    publisher.verify()
    published, changed, imports = (
        lines(publisher, kind) for kind in ("publicaciones", "cambios", "importaciones")
    )
    assert "publicó acontecimiento" in published
    assert "retiró acontecimiento" in published
    assert "agregó acontecimiento" in changed
    assert "publicó" not in changed
    assert "De la hoja" not in published + changed
    assert "hoja.csv" in imports
    assert "importó acontecimientos: 1 nuevos, 0 modificados" in imports
    assert "deshizo una importación" in imports


@pytest.mark.usefixtures("forms_check_one_by_one")
def test_what_comes_back_and_what_goes_is_in_the_log_with_its_reason(publisher):
    publisher.verify()
    record = event(publish_at=None, title="Antes")
    save(publisher, address_of("change", record), title="Después")
    why = "Vuelve a la versión 1: se había confundido"
    assert restore(publisher, record, 1, change_reason=why).status_code == 302
    assert why in lines(publisher, "cambios")
    confirm(publisher, address_of("delete", record), change_reason="repetido")
    page = publisher.get(LOG, {"tipo": "cambios"})
    assert "movió a la papelera acontecimiento" in page.text
    address = next(line.url for line, _times in page.context["lines"] if "papelera" in line.what)
    assert publisher.get(address)["Location"] == "/admin/timeline/event/papelera/"
    restore_from_trash(publisher, Event, record.pk, change_reason="Vuelve de la papelera")
    assert "Vuelve de la papelera" in lines(publisher, "cambios")


def test_an_account_without_a_role_reads_an_empty_log():
    user = User.objects.create_user("nueva", is_staff=True)
    LoginEvent.objects.note("left", user)
    LogEntry.objects.log_actions(user.pk, [user], CHANGE, change_message="Roles")
    Receipt.objects.create(resource="eventos", user=user, made_at=timezone.now())
    event()
    assert list(Person(user).verify().get(LOG).context["lines"]) == []


def test_the_log_is_read_to_its_end_without_a_line_twice_or_skipped(reader, monkeypatch):
    monkeypatch.setattr(log, "PAGE_LINES", 7)
    moment = timezone.now()
    LoginEvent.objects.bulk_create(
        LoginEvent(kind="left", username=f"u{n}", at=moment) for n in range(20)
    )
    for number in range(9):
        organization(name=f"Organización {number}")
        event(title=f"Acontecimiento {number}")
    reader.verify()
    keys: list[str] = []
    key: Any = ""
    while key or not keys:
        context = reader.get(LOG, {"antes": key}).context
        keys += [line.key for line, _times in context["lines"]]
        key = context["older"]
    assert len(keys) == len(set(keys))
    strands = [key.split("~")[1] for key in keys]
    assert strands.count("entradas") >= 20
    assert strands.count("registro-event") + strands.count("registro-organization") >= 2


def test_a_log_that_cannot_be_is_a_bad_request(reader):
    reader.verify()
    moment = "2026-01-01T00:00:00+00:00"
    keys = ("x", "2026-01-01~a~1", "~~", f"9999{moment}~a~1", f"{moment}~a~{'9' * 20}",
            "2026-13-41T00:00:00+00:00~a~1")  # fmt: skip
    for query in ({"tipo": "nada"}, *({"antes": key} for key in keys)):
        assert reader.get(LOG, query).status_code == 400, query


def test_the_log_of_logins_is_changed_by_nobody():
    LoginEvent.objects.note("left", None)
    with pytest.raises(DatabaseError), transaction.atomic():
        LoginEvent.objects.update(username="otra")
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), transaction.atomic():
            LoginEvent.objects.all().delete()


def test_login_events_and_sessions_past_keeping_go_and_others_stay():
    for days, key in ((-1, "over"), (1, "under way")):
        Session.objects.create(session_key=key, expire_date=timezone.now() + timedelta(days=days))
    LoginEvent.objects.create(kind="left", at=timezone.now() - timedelta(days=731))
    new = LoginEvent.objects.create(kind="left")
    call_command("forget")
    assert list(LoginEvent.objects.all()) == [new]
    assert Session.objects.get().session_key == "under way"
