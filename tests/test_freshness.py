"""A stored page is the same for all readers and never out of date: every change of the record draws
another stamp, pages that differ have different names, and a session gets no stored page."""

import gzip
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.core.management import call_command
from django.db import DatabaseError
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from django.template.response import TemplateResponse

from freshness.middleware import stored_pages
from freshness.models import Stamp
from freshness.stamp import present
from tests.conftest import Person
from tests.records import (
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

pytestmark = pytest.mark.django_db
LIST = "/linea-de-tiempo/"
GZIP = {"accept-encoding": "gzip"}
REVALIDATE = "public, max-age=0, must-revalidate"


@pytest.fixture(autouse=True)
def stored(settings: Any) -> None:
    settings.STORE_PAGES = True
    caches["pages"].clear()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of the pages that were rendered, and not taken from the store."""
    addresses: list[str] = []
    render = TemplateResponse.render

    def counted(response: TemplateResponse) -> Any:
        addresses.append(response._request.get_full_path())
        return render(response)

    monkeypatch.setattr(TemplateResponse, "render", counted)
    return addresses


def known(visitor: Person, url: str, page: HttpResponse) -> HttpResponse:
    """The answer to a browser that has this page."""
    return visitor.get(url, headers={"if-none-match": page["ETag"]})


@pytest.mark.django_db(transaction=True)
def test_after_a_migration_that_failed_pages_are_made_and_not_stored(
    visitor, monkeypatch, rendered
):
    """The migration may have replaced a table, whose triggers are missing then."""

    def fail(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError

    with monkeypatch.context() as patched:
        patched.setattr(MigrationExecutor, "migrate", fail)
        with pytest.raises(DatabaseError):
            call_command("migrate", verbosity=0)
    try:
        assert (present(), Stamp.objects.count()) == (None, 0)
        assert not any("ETag" in visitor.get(LIST) for _ in range(2))
        assert len(rendered) == 2
    finally:
        call_command("migrate", verbosity=0)
    assert "ETag" in visitor.get(LIST)


# Never a stale page


def test_a_page_is_made_once_and_then_stored_compressed(
    visitor, rendered, django_assert_max_num_queries
):
    event(title="Girafa")
    head, plain, first = visitor.head(LIST), visitor.get(LIST), visitor.get(LIST, headers=GZIP)
    assert rendered == [LIST] * 3  # HEAD stores nothing
    with django_assert_max_num_queries(3):
        second, head_again = visitor.get(LIST, headers=GZIP), visitor.head(LIST)
        held = visitor.get(LIST, headers=GZIP | {"if-none-match": f'"other", {first["ETag"]}'})
    assert rendered == [LIST] * 3
    assert b"Girafa" in gzip.decompress(second.content)
    assert (second.content, dict(second.items())) == (first.content, dict(first.items()))
    assert dict(head.items()) == dict(head_again.items()) == dict(plain.items())
    assert head.content == b""
    assert (held.status_code, held.content, held["ETag"]) == (304, b"", first["ETag"])
    assert visitor.get(LIST, headers={"if-none-match": '"other"'}).status_code == 200
    assert visitor.post(LIST).status_code == 405


@pytest.mark.parametrize("encoding", [{}, GZIP])
def test_no_page_tells_when_a_draft_is_saved(encoding, visitor):
    event(slug="girafa")
    cite = citation(statement(publish_at=None), source=source())
    pages = {url: visitor.get(url, headers=encoding) for url in (*WITHDRAWN_FROM, "/fuentes/")}
    state = present()
    for record in (event(title="Ornitorrinco", publish_at=None), cite, cite.record):
        record.save()
    assert present() != state
    for url, before in pages.items():
        again = visitor.get(url, headers=encoding | {"if-none-match": before.get("ETag", '"none"')})
        assert again.status_code == (304 if "ETag" in before else 200), url
        assert again.headers.get("ETag") == before.headers.get("ETag"), url
        assert "ETag" in before or again.getvalue() == before.getvalue(), url


@pytest.mark.parametrize("way", WAYS)
def test_a_page_shows_a_change_at_once(way, visitor):
    record = event(title="Ornitorrinco")
    page = visitor.get(LIST)
    way(record, title="Girafa")
    assert b"Girafa" in known(visitor, LIST, page).content


WITHDRAWN_FROM = (
    "/", LIST, f"{LIST}?categoria=acuerdo", f"{LIST}atom.xml", f"{LIST}calendario.ics",
    "/buscar/?q=girafa", "/sitemap.xml", "/datos/eventos.csv", "/al/2017/",
)  # fmt: skip


@pytest.mark.parametrize("way", [by_save, by_update, by_bulk_update, by_raw_sql])
def test_what_is_withdrawn_is_gone_from_every_stored_page_at_once(way, visitor):
    withdrawn = event(slug="girafa", title="Girafa", start="2017", category="acuerdo")
    organization(slug="other")
    addresses = (*WITHDRAWN_FROM, withdrawn.get_absolute_url())
    etags = {}
    for url in addresses:
        page = visitor.get(url)
        assert b"irafa" in page.getvalue(), url
        etags[url] = page.get("ETag", '"none"')
    way(withdrawn, unpublish_at=YESTERDAY)
    for url in addresses:
        page = visitor.get(url, headers={"if-none-match": etags[url]})
        assert page.status_code == (404 if url == withdrawn.get_absolute_url() else 200)
        assert b"Girafa" not in page.getvalue(), url


def test_a_scheduled_page_comes_and_goes_with_the_clock_and_nothing_else(visitor, clock):
    for make_record in (event, statement, source):
        make_record(title="Ornitorrinco", publish_at=TOMORROW)
    organization(name="Ornitorrinco", publish_at=TOMORROW)
    event(title="Girafa", publish_at=TOMORROW, unpublish_at=TOMORROW + timedelta(days=1))
    lists = (LIST, "/pronunciamientos/", "/fuentes/", "/organizaciones/")
    pages = {url: visitor.get(url) for url in lists}
    assert not any(b"Ornitorrinco" in page.content for page in pages.values())
    for moment, is_girafa_public in ((TOMORROW, True), (TOMORROW + timedelta(days=1), False)):
        clock(moment)
        answers = {url: known(visitor, url, page) for url, page in pages.items()}
        pages |= {url: answer for url, answer in answers.items() if answer.status_code == 200}
        assert all(b"Ornitorrinco" in page.content for page in pages.values())
        assert (b"Girafa" in pages[LIST].content) is is_girafa_public


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
        assert b"Girafa" in known(visitor, LIST, before).content
    assert len(names) == 3


# One name for each page


def test_each_address_host_scheme_and_encoding_has_its_own_page(visitor, settings):
    settings.ALLOWED_HOSTS = hosts = ["uno.example", "otro.example"]
    event(title="Girafa", category="acuerdo")
    event(title="Ornitorrinco", category="relevo")
    addresses = (LIST, f"{LIST}?categoria=acuerdo", f"{LIST}?categoria=relevo", "/", "/fuentes/")
    etags, texts = set(), set()
    for url in addresses:
        for host, secure in ((hosts[0], True), (hosts[0], False), (hosts[1], True)):
            plain, again, packed, packed_again = (
                visitor.get(url, secure=secure, headers={"host": host} | encoding)
                for encoding in ({}, {}, GZIP, GZIP)
            )
            here = f'href="{"https" if secure else "http"}://{host}{url}"'
            assert f'<link rel="canonical" {here}>' in plain.text.replace("&amp;", "&")
            assert "Content-Encoding" not in plain
            assert packed["Content-Encoding"] == "gzip"
            assert "Accept-Encoding" in plain["Vary"]
            assert plain.content == again.content == gzip.decompress(packed.content)
            assert packed.content == packed_again.content
            etags |= {plain["ETag"], packed["ETag"]}
            texts.add(plain.text)
    assert (len(etags), len(texts)) == (15, 15)
    assert visitor.get("/", headers={"host": "tercero.example"}).status_code == 400


# Nobody's page but a visitor's


def test_a_session_gets_no_stored_page_and_leaves_none(editor, visitor, rendered, settings):
    draft = event(title="Girafa", publish_at=None).get_absolute_url()
    preview = editor.get(draft)
    assert b"Girafa" in preview.content
    assert "no-store" in preview["Cache-Control"]
    missing = visitor.get(draft)
    assert missing.status_code == 404
    assert b"Girafa" not in missing.content
    visitor.get(LIST)
    rendered.clear()
    own = editor.get(LIST)
    assert own["Cache-Control"] == "private, no-cache"
    assert "ETag" not in preview
    assert "ETag" not in own
    visitor.cookies[settings.SESSION_COOKIE_NAME] = "made-up"
    visitor.get(LIST)  # rendered, though the first visit stored the page
    assert rendered == [LIST, LIST]


@pytest.mark.parametrize(
    ("url", "is_named", "is_stored", "rule"),
    [
        ("/", True, True, REVALIDATE),
        (LIST, True, True, REVALIDATE),
        ("/nada/", False, False, REVALIDATE),
        ("/fuentes", False, False, REVALIDATE),
        ("/buscar/?tipo=nada", False, False, REVALIDATE),
        ("/datos/eventos.xlsx", False, False, REVALIDATE),
        ("/datos/eventos.csv", False, False, REVALIDATE),  # a piece of it would be said to hold
        ("/admin/login/", False, False, "no-store"),
        ("/admin/", False, False, "no-store"),
        ("/healthz", False, False, "no-store"),
        ("/.well-known/security.txt", False, False, "no-store"),
        ("/robots.txt", False, False, None),
    ],
)
def test_only_whole_pages_for_everybody_are_named_and_stored(
    url, is_named, is_stored, rule, visitor, editor, settings, monkeypatch
):
    settings.SECURITY_CONTACT = "mailto:security@example.org"
    event(title="Girafa")
    writes: list[Any] = []
    monkeypatch.setattr(LocMemCache, "set", lambda *args, **kwargs: writes.append(args))
    answer = visitor.get(url)
    answer.getvalue()
    assert ("ETag" in answer, bool(writes)) == (is_named, is_stored)
    assert (rule or "") in (answer.get("Cache-Control") or "")
    assert ("Cache-Control" in answer) is bool(rule)
    if is_named:
        assert known(visitor, url, answer).status_code == 304
    own = editor.get(url)
    own.getvalue()
    assert "ETag" not in own


def test_too_long_a_page_is_not_stored_but_named(visitor, rendered, monkeypatch):
    monkeypatch.setattr("freshness.middleware.LARGEST", 100)
    page = visitor.get(LIST)
    visitor.get(LIST)
    assert len(rendered) == 2
    assert known(visitor, LIST, page).status_code == 304


def test_what_only_one_visitor_may_have_is_not_stored(rf):
    def has_name(url: str, cookie: str = "", **headers: str) -> bool:
        response = HttpResponse("x", headers=headers)
        if cookie:
            response.set_cookie("name", cookie)
        return "ETag" in stored_pages(lambda request: response)(rf.get(url))

    assert has_name("/a/", Vary="Accept-Encoding")
    assert not has_name("/b/", Vary="Accept-Encoding, Cookie")
    assert not has_name("/c/", **{"Cache-Control": "max-age=60"})
    assert not has_name("/d/", cookie="value")
    assert not has_name("/admin/without-any-rule/")


# A store that fails


class Dead(LocMemCache):
    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError

    set = get


def in_folder(settings: Any, folder: Path) -> None:
    backend = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = settings.CACHES | {"pages": {"BACKEND": backend, "LOCATION": str(folder)}}


@pytest.mark.parametrize("broken", ["dead", "no folder", "broken file"])
def test_when_the_store_fails_pages_are_made(broken, visitor, settings, rendered, tmp_path):
    if broken == "dead":
        settings.CACHES = settings.CACHES | {"pages": {"BACKEND": "tests.test_freshness.Dead"}}
    elif broken == "no folder":
        (tmp_path / "pages").write_text("in the way")
        in_folder(settings, tmp_path / "pages")
    else:
        in_folder(settings, tmp_path)
    event(title="Girafa")
    for _ in range(2):
        page = visitor.get(LIST)
        assert b"Girafa" in page.content
        assert b"Traceback" not in page.content
        for file in tmp_path.glob("*.djcache"):
            file.write_bytes(b"broken")
    assert len(rendered) == 2


def test_workers_that_share_a_folder_share_their_pages(settings, rendered, tmp_path):
    in_folder(settings, tmp_path / "pages")
    event(title="Girafa")
    for _ in range(2):
        assert b"Girafa" in Person().get(LIST).content
    assert len(rendered) == 1
