"""The stamp names the state of the record: each change draws another in its own transaction. The
clock and the code belong to the name of a page too."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone

from exchange.formats import read_dataset
from exchange.imports import run_import, undo_import
from exchange.models import Receipt
from freshness import stamp, triggers
from freshness.middleware import page_name
from freshness.stamp import present
from search.index import rebuild
from search.models import Entry
from tests.records import LONG_AGO, TOMORROW, citation, event, organization, source
from timeline.models import Event, EventOrganization
from timeline.vocabulary import Synonym

pytestmark = pytest.mark.django_db


def test_every_write_of_what_pages_show_changes_the_stamp():
    def changes(name: str, write: Any) -> None:
        before = present()
        write()
        assert present() != before, name

    changes("fixtures", lambda: call_command("load_record", verbosity=0))
    Entry.objects.all()[0].delete()
    changes("index", rebuild)
    happened, member = event(), organization()
    relation = EventOrganization(event=happened, organization=member)
    manager = EventOrganization.objects
    changes("skipping", lambda: manager.bulk_create([relation], ignore_conflicts=True))
    changes("removed", lambda: happened.organizations.remove(member))
    changes("added", lambda: happened.organizations.add(member))
    changes("cleared", lambda: happened.organizations.clear())
    changes("set", lambda: happened.organizations.set([member]))
    changes("synonym", lambda: Synonym.objects.update(means="girafa"))
    changes("deleted", citation(happened, source=source()).delete)
    changes("deleted in bulk", Event.objects.filter(pk=happened.pk).delete)
    admin = User.objects.create_superuser("admin")
    row = b"identificador,titulo,categoria,se_publica\nnuevo,Nuevo,acuerdo,2020-01-01 00:00"
    receipt = Receipt(resource="eventos", user=admin, file_name="eventos.csv")
    changes("imported", lambda: run_import(receipt, read_dataset(BytesIO(row), 10)))
    changes("undone", lambda: undo_import(receipt, admin))


def test_what_is_rolled_back_gives_the_stamp_back():
    before = present()
    with transaction.atomic():
        event()
        assert present() != before
        transaction.set_rollback(True)
    assert present() == before


def test_every_table_that_pages_show_is_watched():
    with connection.cursor() as cursor:
        existing = triggers._existing(connection.vendor, cursor)
    for table in triggers.tables():
        names = {name for name, _statement in triggers._triggers(connection.vendor, table)}
        assert names <= existing, table
    tables = {model._meta.db_table for model in (Event, EventOrganization, Entry)}
    assert tables <= set(triggers.tables())


@pytest.mark.django_db(transaction=True)
def test_a_table_that_a_migration_made_anew_is_watched_again():
    field, longer = Event._meta.get_field("title"), models.CharField(max_length=210)
    longer.set_attributes_from_name("title")
    longer.model = Event
    with connection.schema_editor() as editor:
        editor.alter_field(Event, field, longer, strict=True)
    stamps = [present()]
    call_command("migrate", verbosity=0)
    stamps.append(present())  # a missing trigger may have missed a change
    event()
    stamps.append(present())
    assert len(set(stamps)) == 3
    with connection.schema_editor() as editor:
        editor.alter_field(Event, longer, field, strict=True)
    call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_the_migration_takes_its_triggers_back_before_its_table():
    call_command("migrate", "freshness", "zero", verbosity=0)
    try:
        record = event()
    finally:
        call_command("migrate", verbosity=0)
    before = present()
    record.delete()
    assert present() != before


@pytest.mark.django_db(transaction=True)
def test_a_failure_to_read_the_stamp_is_the_databases_own():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE freshness_stamp RENAME TO elsewhere")
        try:
            with pytest.raises(DatabaseError):
                present()
        finally:
            cursor.execute("ALTER TABLE elsewhere RENAME TO freshness_stamp")
    driver = connection.connection
    (driver.close if connection.vendor == "sqlite" else driver.pgconn.finish)()
    try:
        with pytest.raises(DatabaseError):
            present()
    finally:
        connection.close()


def test_a_worker_that_starts_after_a_moment_has_its_own_name_for_it(monkeypatch, clock):
    """Two workers give one moment the same name, however long each has known the record."""
    noon = timezone.localtime(TOMORROW).replace(hour=12)  # stored pages are named by day too
    event(publish_at=noon)
    event(publish_at=LONG_AGO, unpublish_at=noon + timedelta(hours=1))
    names = []
    for hours in (-1, 0, 1, 2, 0):  # a clock may be set back
        clock(noon + timedelta(hours=hours))
        long_running = present()
        monkeypatch.setattr(stamp, "_known", ("", None, None))
        assert present() == long_running
        names.append(long_running)
    assert (names[2], names[1]) == (names[3], names[4])
    assert len(set(names)) == 3


def test_moments_that_were_past_when_a_record_was_saved_are_none_to_wait_for():
    event(publish_at=LONG_AGO)
    assert Event.objects.turns(timezone.now()) == (Event.objects.get().updated_at, None)
    event(publish_at=TOMORROW, unpublish_at=TOMORROW + timedelta(days=1))
    assert Event.objects.turns(timezone.now())[1] == TOMORROW
    assert Event.objects.turns(TOMORROW) == (TOMORROW, TOMORROW + timedelta(days=1))


def test_a_page_has_another_name_where_a_part_of_it_ends_elsewhere(rf):
    request, other = rf.get("/a", {"b": "c"}), rf.get("/ab", {"": "c"})
    names = {page_name(request, "state"), page_name(other, "state"), page_name(request, "states")}
    assert len(names | {page_name(request, "a")}) == 4


def test_another_edition_of_the_code_has_pages_of_its_own(rf, monkeypatch):
    name = page_name(rf.get("/"), "state")
    monkeypatch.setattr("freshness.middleware.edition", lambda: "another")
    assert page_name(rf.get("/"), "state") != name


def test_an_edition_is_all_that_writes_pages(settings, tmp_path):
    edition = stamp.edition.__wrapped__
    settings.BASE_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
    editions = [edition()]
    for name in ("app/views.py", "app/templatetags/a.py", "templates/a.html", "templates/b/c.html",
                 "locale/es/x.mo", "static/staticfiles.json"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
        editions.append(edition())
    for name in stamp.SHOWN:
        setattr(settings, name, f"another {name}")
        editions.append(edition())
    assert len(set(editions)) == len(editions) == 7 + len(stamp.SHOWN)
