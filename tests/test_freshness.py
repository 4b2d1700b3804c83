"""A page is stored once for all readers, and never out of date: what changes the record changes its
stamp, what makes two pages different makes two names, and who is logged in has no page here.
"""

import gzip
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test import RequestFactory
from django.utils import timezone

from exchange.imports import make, undo
from exchange.models import Receipt
from exchange.tables import read_dataset
from freshness import stamp, triggers
from freshness.middleware import page_name
from freshness.models import Stamp
from freshness.stamp import present
from search.index import rebuild
from search.models import Entry
from tests.conftest import Person
from tests.records import (
    LONG_AGO,
    NOW,
    TOMORROW,
    WAYS,
    YESTERDAY,
    by_bulk_update,
    by_raw_sql,
    by_save,
    by_update,
    citation,
    event,
    organization,
    source,
    statement,
)
from timeline.models import Event, EventOrganization

pytestmark = pytest.mark.django_db
LIST = "/linea-de-tiempo/"
GZIPPED = {"headers": {"accept-encoding": "gzip"}}


@pytest.fixture(autouse=True)
def stored(settings: Any) -> None:
    settings.STORE_PAGES = True
    cache.clear()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of which a page was made, and not taken from the store."""
    made: list[str] = []
    from django.template.response import TemplateResponse

    render = TemplateResponse.render

    def counted(response: TemplateResponse) -> Any:
        made.append(response._request.get_full_path())
        return render(response)

    monkeypatch.setattr(TemplateResponse, "render", counted)
    return made


# The stamp


def changed_by(act: Any) -> bool:
    before = present()
    act()
    return present() != before


@pytest.mark.parametrize("way", WAYS)
def test_whichever_way_a_record_is_written_the_stamp_changes(way):
    one = event()
    assert changed_by(lambda: way(one, title="Otro título"))


def test_adding_taking_away_and_replacing_what_an_event_names_changes_the_stamp():
    one, other = event(), organization()
    assert changed_by(lambda: one.organizations.add(other))
    assert changed_by(lambda: one.organizations.remove(other))
    assert changed_by(lambda: one.organizations.set([other]))
    assert changed_by(lambda: one.organizations.clear())


def test_deleting_changes_the_stamp():
    one, others = citation(event(), source=source()), [event(), event()]
    assert changed_by(one.delete)
    assert changed_by(Event.objects.filter(pk__in=[other.pk for other in others]).delete)


def test_what_an_import_changes_and_its_undoing_changes_back_changes_the_stamp_each_time():
    admin = User.objects.create_superuser("admin")
    header = "identificador,titulo,categoria,se_publica\n"
    receipt = Receipt(resource="eventos", user=admin, file_name="eventos.csv")
    dataset = read_dataset(BytesIO(f"{header}nuevo,Nuevo,acuerdo,2020-01-01 00:00".encode()), 10)
    assert changed_by(lambda: make(receipt, dataset))
    assert changed_by(lambda: undo(receipt, admin))


def test_loading_fixtures_and_rebuilding_the_search_change_the_stamp():
    assert changed_by(lambda: call_command("load_record", verbosity=0))
    Entry.objects.all()[0].delete()
    assert changed_by(rebuild)


def test_what_is_rolled_back_gives_the_stamp_back():
    before = present()
    with transaction.atomic():
        event()
        assert present() != before
        transaction.set_rollback(True)
    assert present() == before


def test_every_table_that_pages_show_is_watched():
    """And whatever becomes of its rows, also by writes that skip a row that is there already."""
    with connection.cursor() as cursor:
        found = triggers._found(connection.vendor, cursor)
        for table in triggers.tables():
            names = {name for name, _statement in triggers._triggers(connection.vendor, table)}
            assert names <= found, table
    records = {model._meta.db_table for model in (Event, EventOrganization, Entry)}
    assert records <= set(triggers.tables())
    one, other = event(), organization()
    links = [EventOrganization(event=one, organization=other)]
    assert changed_by(lambda: EventOrganization.objects.bulk_create(links, ignore_conflicts=True))


@pytest.mark.django_db(transaction=True)
def test_a_table_that_a_migration_made_anew_is_watched_again():
    with connection.schema_editor() as editor:
        field = Event._meta.get_field("title")
        longer = models.CharField(max_length=210)
        longer.set_attributes_from_name("title")
        longer.model = Event
        editor.alter_field(Event, field, longer, strict=True)
    before = present()
    call_command("migrate", verbosity=0)
    assert present() != before, "what was missing may have missed a change"
    assert changed_by(event)
    with connection.schema_editor() as editor:
        editor.alter_field(Event, longer, field, strict=True)
    call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_the_migration_takes_its_triggers_back_before_its_table():
    call_command("migrate", "freshness", "zero", verbosity=0)
    try:
        one = event()
    finally:
        call_command("migrate", verbosity=0)
    assert changed_by(one.delete)


@pytest.mark.django_db(transaction=True)
def test_a_failure_to_read_the_stamp_is_the_databases_own():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE freshness_stamp RENAME TO elsewhere")
        try:
            with pytest.raises(DatabaseError):
                present()
        finally:
            cursor.execute("ALTER TABLE elsewhere RENAME TO freshness_stamp")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_cut_fails_as_the_databases_own_too():
    connection.ensure_connection()
    driver = connection.connection
    (driver.close if connection.vendor == "sqlite" else driver.pgconn.finish)()
    try:
        with pytest.raises(DatabaseError):
            present()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_after_a_migration_that_failed_pages_are_made_and_not_stored(visitor, monkeypatch):
    """It may have made a table anew, and its triggers are not there yet."""

    def fail(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(MigrationExecutor, "migrate", fail)
        with pytest.raises(DatabaseError):
            call_command("migrate", verbosity=0)
    try:
        assert present() is None
        assert "ETag" not in visitor.get(LIST)
    finally:
        call_command("migrate", verbosity=0)
    assert "ETag" in visitor.get(LIST)


def test_without_a_stamp_pages_are_made_and_not_stored(visitor, rendered):
    Stamp.objects.all().delete()
    for _ in range(2):
        assert "ETag" not in visitor.get(LIST)
    assert len(rendered) == 2


# Never a stale page


def test_a_page_is_made_once_and_then_stored_compressed(
    visitor, rendered, django_assert_max_num_queries
):
    event(title="Girafa")
    first = visitor.get(LIST, **GZIPPED)
    with django_assert_max_num_queries(1):
        second = visitor.get(LIST, **GZIPPED)
    assert rendered == [LIST]
    assert second.content == first.content
    assert dict(second.items()) == dict(first.items())
    assert b"Girafa" in gzip.decompress(second.content)


def test_who_has_the_page_is_told_that_it_holds(visitor, rendered, django_assert_max_num_queries):
    etag = visitor.get(LIST)["ETag"]
    with django_assert_max_num_queries(1):
        answer = visitor.get(LIST, headers={"if-none-match": f'"other", {etag}'})
    assert answer.status_code == 304
    assert answer.content == b""
    assert answer["ETag"] == etag
    assert rendered == [LIST]
    assert visitor.get(LIST, headers={"if-none-match": '"other"'}).status_code == 200


def test_head_is_as_get_and_stores_nothing(visitor, rendered):
    head, get = visitor.head(LIST), visitor.get(LIST)
    assert dict(head.items()) == dict(get.items())
    assert head.content == b""
    assert len(rendered) == 2
    assert dict(visitor.head(LIST).items()) == dict(get.items())
    assert len(rendered) == 2


@pytest.mark.parametrize("way", WAYS)
def test_a_page_shows_a_change_at_once(way, visitor):
    one = event(title="Ornitorrinco")
    etag = visitor.get(LIST)["ETag"]
    way(one, title="Girafa")
    answer = visitor.get(LIST, headers={"if-none-match": etag})
    assert "Girafa" in answer.content.decode()


WITHDRAWN_FROM = (
    "/", LIST, f"{LIST}?categoria=acuerdo", f"{LIST}atom.xml", f"{LIST}calendario.ics",
    "/buscar/?q=girafa", "/sitemap.xml", "/datos/eventos.csv", "/al/2017/",
)  # fmt: skip


@pytest.mark.parametrize("way", [by_save, by_update, by_bulk_update, by_raw_sql])
def test_what_is_withdrawn_is_gone_from_every_stored_page_at_once(way, visitor):
    one = event(slug="girafa", title="Girafa", start="2017", category="acuerdo")
    organization(slug="other")
    asked = (*WITHDRAWN_FROM, one.get_absolute_url())
    etags = {}
    for url in asked:
        answer = visitor.get(url)
        assert "irafa" in answer.getvalue().decode(), url
        etags[url] = answer.get("ETag", '"none"')
    way(one, unpublish_at=YESTERDAY)
    for url in asked:
        answer = visitor.get(url, headers={"if-none-match": etags[url]})
        assert answer.status_code == (404 if url == one.get_absolute_url() else 200)
        assert "Girafa" not in answer.getvalue().decode(), url


def test_a_scheduled_page_comes_and_goes_with_the_clock_and_nothing_else(visitor, clock):
    event(title="Girafa", publish_at=TOMORROW, unpublish_at=TOMORROW + timedelta(days=1))
    event(title="Ornitorrinco", publish_at=TOMORROW)
    before = visitor.get(LIST)
    assert b"Girafa" not in before.content
    clock(TOMORROW)
    during = visitor.get(LIST, headers={"if-none-match": before["ETag"]})
    assert b"Girafa" in during.content
    clock(TOMORROW + timedelta(days=1))
    after = visitor.get(LIST, headers={"if-none-match": during["ETag"]})
    assert after.status_code == 200
    assert b"Girafa" not in after.content
    assert b"Ornitorrinco" in after.content


def test_a_worker_that_starts_after_a_moment_has_its_own_name_for_it(monkeypatch, clock):
    """Two that ask at the same time say the same, however long each has known the record."""
    event(publish_at=TOMORROW)
    event(publish_at=LONG_AGO, unpublish_at=TOMORROW + timedelta(hours=1))
    names = []
    for hours in (-1, 0, 1, 2):
        clock(TOMORROW + timedelta(hours=hours))
        long_running = present()
        monkeypatch.setattr(stamp, "_known", ("", None, None))
        assert present() == long_running
        names.append(long_running)
    assert names[2] == names[3]
    assert len(set(names)) == 3


def test_what_another_clock_published_a_little_ahead_comes_with_the_clock_here(visitor, clock):
    """Two machines' clocks differ, and a clock may be set back."""
    ahead = NOW + timedelta(seconds=5)
    clock(ahead + timedelta(seconds=1))
    event(title="Girafa", publish_at=ahead)
    clock(NOW)
    before = visitor.get(LIST)
    assert b"Girafa" not in before.content
    names = {present()}
    for seconds in (5, 6, 7):
        clock(NOW + timedelta(seconds=seconds))
        names.add(present())
        after = visitor.get(LIST, headers={"if-none-match": before["ETag"]})
        assert b"Girafa" in after.content
    assert len(names) == 3


def test_moments_that_were_past_when_a_record_was_saved_are_none_to_wait_for(clock):
    event(publish_at=LONG_AGO)
    now = timezone.now()
    assert Event.objects.turns(now) == (Event.objects.get().updated_at, None)
    event(publish_at=TOMORROW, unpublish_at=TOMORROW + timedelta(days=1))
    assert Event.objects.turns(timezone.now())[1] == TOMORROW
    assert Event.objects.turns(TOMORROW) == (TOMORROW, TOMORROW + timedelta(days=1))


# One name for each page


def test_each_address_has_its_own_page(visitor):
    event(title="Girafa", category="acuerdo")
    event(title="Ornitorrinco", category="relevo")
    pages = [
        visitor.get(url).content
        for url in (LIST, f"{LIST}?categoria=acuerdo", f"{LIST}?categoria=relevo", "/", "/fuentes/")
    ]
    assert len(set(pages)) == 5


def test_an_address_is_not_taken_for_another_by_where_its_parts_end(visitor):
    one, other = RequestFactory().get("/a", {"b": "c"}), RequestFactory().get("/ab", {"": "c"})
    assert page_name(one, "state") != page_name(other, "state")
    assert page_name(one, "ab") != page_name(one, "a")
    visitor.get(f"{LIST}?categoria=acuerdo")
    assert visitor.get("/linea-de-tiempo/%0Acategoria=acuerdo").status_code == 404
    assert visitor.get("/linea-de-tiempo/%3Fcategoria=acuerdo").status_code == 404


def test_each_host_and_scheme_has_its_own_page(visitor, settings):
    settings.ALLOWED_HOSTS = ["uno.example", "otro.example"]
    pages = [
        visitor.get("/", secure=secure, headers={"host": host}).content.decode()
        for host in settings.ALLOWED_HOSTS
        for secure in (True, False)
    ]
    assert len(set(pages)) == 4
    assert '<link rel="canonical" href="https://uno.example/">' in pages[0]
    assert visitor.get("/", headers={"host": "tercero.example"}).status_code == 400


def test_who_takes_no_gzip_gets_none(visitor):
    compressed, plain = visitor.get(LIST, **GZIPPED), visitor.get(LIST)
    assert compressed["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert gzip.decompress(compressed.content) == plain.content == visitor.get(LIST).content
    assert "Accept-Encoding" in plain["Vary"]


def test_another_edition_of_the_code_has_pages_of_its_own(visitor, monkeypatch):
    etag = visitor.get(LIST)["ETag"]
    monkeypatch.setattr("freshness.middleware.edition", lambda: "another")
    assert visitor.get(LIST, headers={"if-none-match": etag}).status_code == 200


def test_an_edition_is_all_that_writes_pages(settings, tmp_path):
    edition = stamp.edition.__wrapped__
    settings.BASE_DIR = tmp_path
    names = set()
    for name in (
        "",
        "app/views.py",
        "app/templatetags/a.py",
        "templates/a.html",
        "templates/b/c.html",
    ):
        if name:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
        names.add(edition())
    settings.SITE_NAME = "Otro"
    assert len({*names, edition()}) == 6
    for name in ("SECURITY_CONTACT", "SECURE_HSTS_INCLUDE_SUBDOMAINS"):
        before = edition()
        setattr(settings, name, "other")
        assert edition() != before, name


# Nobody's page but a visitor's


def test_staff_get_their_own_page_and_leave_none(editor, visitor):
    draft = event(title="Girafa", publish_at=None)
    shown = editor.get(draft.get_absolute_url())
    assert b"Girafa" in shown.content
    assert "no-store" in shown["Cache-Control"]
    assert "ETag" not in shown
    missing = visitor.get(draft.get_absolute_url())
    assert missing.status_code == 404
    assert b"Girafa" not in missing.content


def test_staff_are_not_given_the_page_that_a_visitor_left(editor, visitor, rendered):
    visitor.get(LIST)
    answer = editor.get(LIST)
    assert rendered == [LIST, LIST]
    assert answer["Cache-Control"] == "private, no-cache"
    assert "ETag" not in answer


def test_a_made_up_session_gets_nothing_from_the_store(visitor, rendered, settings):
    visitor.get(LIST)
    visitor.cookies[settings.SESSION_COOKIE_NAME] = "made-up"
    visitor.get(LIST)
    assert len(rendered) == 2


def test_the_admin_is_never_stored(visitor, editor):
    for person in (visitor, editor):
        for url in ("/admin/login/", "/admin/", "/healthz", "/robots.txt"):
            assert "ETag" not in person.get(url)


def test_a_page_that_sets_its_own_rules_keeps_them(visitor):
    for url in ("/healthz", "/.well-known/security.txt"):
        answer = visitor.get(url)
        assert "ETag" not in answer
    assert "no-store" in visitor.get("/healthz")["Cache-Control"]


@pytest.mark.parametrize("url", ["/", LIST, "/nada/", "/fuentes", "/buscar/?tipo=nada"])
def test_browsers_and_cdns_may_keep_what_is_public_if_they_ask_each_time(visitor, url):
    assert visitor.get(url)["Cache-Control"] == "public, max-age=0, must-revalidate"


def test_what_is_missing_or_moved_is_never_stored(visitor):
    event(slug="despues")
    for url in ("/linea-de-tiempo/antes/", "/fuentes"):
        assert "ETag" not in visitor.get(url)
    Event.objects.filter(slug="despues").update(slug="antes")
    assert visitor.get("/linea-de-tiempo/antes/").status_code == 200


def test_files_that_are_whole_are_named_but_not_stored(visitor, monkeypatch):
    event(title="Girafa")
    kept: list[str] = []
    monkeypatch.setattr(LocMemCache, "set", lambda *args, **kwargs: kept.append("something"))
    answer = visitor.get("/datos/eventos.xlsx")
    assert answer.getvalue().startswith(b"PK")
    again = visitor.get("/datos/eventos.xlsx", headers={"if-none-match": answer["ETag"]})
    assert again.status_code == 304
    assert kept == []


def test_a_file_that_broke_off_is_never_said_to_hold_still(visitor):
    event(title="Girafa")
    event(title="Ornitorrinco")
    assert "ETag" not in visitor.get("/datos/eventos.csv")


def test_until_when_the_contact_holds_is_reckoned_anew_each_time(visitor, settings, clock):
    settings.SECURITY_CONTACT = "mailto:security@example.org"
    first = visitor.get("/.well-known/security.txt")
    assert "ETag" not in first
    clock(TOMORROW)
    assert visitor.get("/.well-known/security.txt").content != first.content


def test_too_long_a_page_is_not_stored_but_named(visitor, rendered, monkeypatch):
    monkeypatch.setattr("freshness.middleware.LARGEST", 100)
    etag = visitor.get(LIST)["ETag"]
    visitor.get(LIST)
    assert len(rendered) == 2
    assert visitor.get(LIST, headers={"if-none-match": etag}).status_code == 304


def test_what_only_one_visitor_may_have_is_not_stored(visitor, rf, settings):
    from django.http import HttpResponse

    from freshness.middleware import stored_pages

    def answer(url: str, cookie: str = "", **headers: str) -> HttpResponse:
        response = HttpResponse("x", headers=headers)
        if cookie:
            response.set_cookie("name", cookie)
        return stored_pages(lambda request: response)(rf.get(url))

    assert "ETag" in answer("/a/", Vary="Accept-Encoding")
    assert "ETag" not in answer("/b/", Vary="Accept-Encoding, Cookie")
    assert "ETag" not in answer("/c/", **{"Cache-Control": "max-age=60"})
    assert "ETag" not in answer("/d/", cookie="value")
    assert "ETag" not in answer("/admin/without-any-rule/")


# A store that fails


class Dead(LocMemCache):
    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError

    def set(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError


def test_when_the_store_is_dead_pages_are_made(visitor, settings, rendered, caplog):
    settings.CACHES = {"default": {"BACKEND": "tests.test_freshness.Dead"}}
    event(title="Girafa")
    for _ in range(2):
        assert b"Girafa" in visitor.get(LIST).content
    assert len(rendered) == 2
    assert "Traceback" not in visitor.get(LIST).content.decode()


def in_folder(settings: Any, folder: Path) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(folder),
        }
    }


def test_workers_that_share_a_folder_share_their_pages(settings, rendered, tmp_path):
    in_folder(settings, tmp_path / "pages")
    event(title="Girafa")
    for _ in range(2):
        assert b"Girafa" in Person().get(LIST).content
    assert len(rendered) == 1


def test_when_the_folder_is_no_folder_pages_are_made(settings, visitor, tmp_path):
    (tmp_path / "pages").write_text("in the way")
    in_folder(settings, tmp_path / "pages")
    event(title="Girafa")
    for _ in range(2):
        assert b"Girafa" in visitor.get(LIST).content


def test_a_broken_file_in_the_folder_is_as_none(settings, visitor, tmp_path):
    in_folder(settings, tmp_path)
    event(title="Girafa")
    visitor.get(LIST)
    for file in tmp_path.iterdir():
        file.write_bytes(b"broken")
    assert b"Girafa" in visitor.get(LIST).content


def test_statements_and_sources_are_watched_by_the_clock_too(visitor, clock):
    statement(title="Girafa", publish_at=TOMORROW)
    source(title="Ornitorrinco", publish_at=TOMORROW)
    organization(name="Ajolote", publish_at=TOMORROW)
    pages = {
        "/pronunciamientos/": b"Girafa",
        "/fuentes/": b"Ornitorrinco",
        "/organizaciones/": b"Ajolote",
    }
    for url, word in pages.items():
        assert word not in visitor.get(url).content
    clock(TOMORROW)
    for url, word in pages.items():
        assert word in visitor.get(url).content
