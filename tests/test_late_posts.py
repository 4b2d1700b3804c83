"""A form that is sent after the session expired loses no text."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.utils import timezone

from access import late_posts
from access.sessions import SEEN, SessionStore
from tests.conftest import Person, role
from tests.login import CODE, LOGIN, RIGHT, WRONG, code_of, now_is, phone_for
from tests.markup import Page
from tests.records import event
from tests.staff import address_of, draft, written
from timeline.models import Event

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("production", "several_sessions"),
]
SENT_AGAIN = "/admin/entrar/guardar/"
TYPED = {"title": "Ocho <b>deciden</b>", "body": "<p>Uno <em>y</em></p><p>dos</p>"}


def expire(person: Person) -> None:
    row = Session.objects.get(pk=person.session.session_key)
    data = row.get_decoded() | {SEEN: row.get_decoded()[SEEN] - 3 * 60 * 60}
    row.session_data = SessionStore().encode(data)
    row.save()


def send_late(person: Person, record: Any, **changes: Any) -> HttpResponse:
    """Sends the form of `record` three hours after the last request."""
    address = address_of("change", record)
    data = written(person.get(address)) | TYPED | changes
    expire(person)
    return person.post(address, {name: value for name, value in data.items() if value is not None})


def hidden(response: HttpResponse) -> dict[str, str]:
    """The hidden fields of a page; of two with one name, the last."""
    fields = Page(response.text).all("input")
    return {
        field["name"]: field["value"]
        for field in fields
        if field.get("type") == "hidden" and "value" in field
    }


def make_eva() -> User:
    eva = User.objects.create_user("eva", password=RIGHT, is_staff=True)
    eva.groups.add(role("Publicación"))
    phone_for(eva)
    return eva


def log_in_again(
    person: Person, late: HttpResponse, user: User, monkeypatch: pytest.MonkeyPatch
) -> HttpResponse:
    """Logs in with the fields of the page, first with a wrong password, and follows its `next`. It
    is a minute later, since a code serves once."""
    now_is(monkeypatch, time.time() + 60)
    data = {"login": user.get_username()} | hidden(late)
    again = person.post(LOGIN, data | {"password": WRONG})
    assert "Lo que escribió no se ha perdido" in again.text
    data = {"login": user.get_username(), "password": RIGHT} | hidden(again)
    assert person.post(LOGIN, data)["Location"] == CODE
    assert person.post(CODE, {"code": code_of(phone_for(user))})["Location"] == SENT_AGAIN
    return person.get(SENT_AGAIN)


def test_a_form_that_is_sent_late_is_shown_and_saved_after_the_login(
    ana_inside: Person, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = draft(title="Antes")
    late = send_late(ana_inside, record)
    assert late.status_code == 403
    for words in ("Su sesión venció a las ", "Nada se guardó todavía", "<b>ana</b>",
                  "Ocho &lt;b&gt;deciden&lt;/b&gt;", "<p>Uno y</p><p>dos</p>"):  # fmt: skip
        assert words in late.text
    assert Event.objects.get().title == "Antes"
    page = log_in_again(ana_inside, late, ana, monkeypatch)
    assert "Guardar lo que escribí" in page.text
    ana_inside.post(address_of("change", record), hidden(page))
    saved = Event.objects.get()
    assert (saved.title, saved.body) == (TYPED["title"], TYPED["body"])
    assert ana_inside.get(SENT_AGAIN).status_code == 302, "it would be sent twice"


def test_another_account_gets_the_form_filled_and_unsaved(
    ana_inside: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = draft(title="Antes")
    late = send_late(ana_inside, record)
    page = log_in_again(ana_inside, late, make_eva(), monkeypatch)
    assert "Abrir el formulario con lo escrito" in page.text
    form = ana_inside.post(address_of("change", record), hidden(page))
    assert form.context["adminform"].form["title"].value() == TYPED["title"]
    assert Event.objects.get().title == "Antes"


def test_another_account_gets_a_new_record_filled_and_unsaved(
    ana_inside: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = address_of("add", Event)
    data = written(ana_inside.get(address)) | TYPED
    expire(ana_inside)
    late = ana_inside.post(address, {name: value for name, value in data.items() if value})
    page = log_in_again(ana_inside, late, make_eva(), monkeypatch)
    form = ana_inside.post(address, hidden(page))
    assert form.context["adminform"].form["title"].value() == TYPED["title"]
    assert not Event.objects.exists()


def test_a_pasted_source_and_the_corrections_of_its_text_pass_through_the_login(
    ana_inside: Person, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, text = "/admin/sources/source/add/", "Tres de ellas se suman.\n" * 10_000
    expire(ana_inside)
    late = ana_inside.post(address, {"text": text, "url": "https://example.org/"})
    assert "<p>Tres de ellas se suman.</p>" in late.text
    page = log_in_again(ana_inside, late, ana, monkeypatch)
    received = ana_inside.post(address, hidden(page))["Location"]
    expire(ana_inside)
    late = ana_inside.post(received, {"text": "Corregido.", "digest": "", "_check": ""})
    assert "<p>Corregido.</p>" in late.text
    assert hidden(late)["late_post"]


@pytest.mark.parametrize("page", ["changelist", "publish"])
def test_what_somebody_else_sent_to_another_page_than_a_form_is_not_done_again(
    page: str, visitor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = draft()
    address = address_of(page, Event if page == "changelist" else record)
    data = {"action": "delete_selected", "_selected_action": record.pk, "opened_on": "-"}
    late = visitor.post(address, data)
    page = log_in_again(visitor, late, make_eva(), monkeypatch)
    assert "send-again" not in page.text
    assert "Nada se hizo" in page.text


def test_an_act_is_not_done_again_before_its_author_confirms_it(
    ana_inside: Person, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire(ana_inside)
    late = ana_inside.post(address_of("publish", draft()), {"confirmed": "1"})
    page = log_in_again(ana_inside, late, ana, monkeypatch).text
    assert "Guardar lo que escribí" in page
    assert "send_again" not in page, "the script presses the button"


@pytest.mark.parametrize("page", ["{}/change/", "{}/password/", "{}/segundo-factor/", "add/"])
def test_forms_of_accounts_are_not_kept(page: str, ana_inside: Person, ana: User) -> None:
    expire(ana_inside)
    late = ana_inside.post(f"/admin/auth/user/{page.format(ana.pk)}", {"opened_on": "-"})
    assert late.status_code == 302


def test_the_proxy_lets_the_longest_form_through_the_login() -> None:
    configuration = Path("deploy/nginx.conf").read_text(encoding="utf-8")
    login = configuration.partition("location ~ ^/admin/(login|entrar)/ {")[2].partition("}")[0]
    assert "client_max_body_size 2m;" in login
    assert late_posts.MAX_BYTES * 4 / 3 < 2 * 1024 * 1024


def test_the_page_shows_nothing_of_the_record(ana_inside: Person, visitor: Person) -> None:
    record = draft(title="Secreto", summary="canario")
    late = send_late(ana_inside, record, summary="mío")
    stranger = visitor.post(address_of("change", record), TYPED)
    missing = visitor.post("/admin/timeline/event/99999/change/", TYPED)
    assert stranger.status_code == missing.status_code == 403
    for page in (late, stranger, missing):
        assert "Secreto" not in page.text
        assert "canario" not in page.text
    assert "<b>ana</b>" not in stranger.text


def test_a_late_form_needs_its_csrf_token(ana_inside: Person) -> None:
    ana_inside.handler.enforce_csrf_checks = True
    expire(ana_inside)
    for address in (address_of("add", Event), "/admin/exchange/receipt/importar/eventos/"):
        late = ana_inside.post(address, TYPED | {"file_name": "Uno y"})
        assert late.status_code == 403
        assert "Uno" not in late.text
        assert late_posts.LATE_POST not in late.text


@pytest.mark.parametrize("token", ["", "x", "eyJ:x:y", "\0"])
def test_a_forged_form_is_neither_kept_nor_returned(
    token: str, way_in: Person, phone: Any, visitor: Person
) -> None:
    assert visitor.post("/admin/entrar/texto/", {"late_post": token}).status_code == 400
    visitor.post(LOGIN, {"login": "ana", "password": RIGHT, "late_post": token})
    assert late_posts.LATE_POST not in visitor.session


def test_a_form_is_sent_again_for_two_hours(
    ana_inside: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = hidden(send_late(ana_inside, event()))["late_post"]
    assert late_posts.read(token)
    monkeypatch.setattr(late_posts, "MAX_AGE", -1)
    assert late_posts.read(token) is None


def test_a_text_that_no_person_wrote_is_shown_as_it_was_sent(visitor: Person) -> None:
    late = visitor.post(address_of("add", Event), {"body": "<em>" * 20_001})
    assert late.status_code == 403
    assert "&lt;em&gt;" in late.text


def test_a_long_form_is_shown_and_a_file_asked_for_again(ana_inside: Person) -> None:
    late = send_late(ana_inside, draft(), summary="é" * 600_000)
    assert "copie sus textos" in late.text
    assert "é" * 600_000 in late.text
    assert not hidden(late).get("late_post")
    late = send_late_logo(ana_inside)
    assert "Vuelva a elegir el archivo" in late.text


def send_late_logo(visitor: Person) -> HttpResponse:
    logo = SimpleUploadedFile("logo.png", b"x")
    return visitor.post("/admin/organizations/organization/add/", {"name": "Nombre", "logo": logo})


def test_the_texts_can_be_downloaded(ana_inside: Person) -> None:
    late = send_late(ana_inside, draft(), summary=None)
    token = hidden(late)["late_post"]
    file = ana_inside.post("/admin/entrar/texto/", {"late_post": token})
    assert file["Content-Disposition"].startswith("attachment")
    assert "TÍTULO\nOcho <b>deciden</b>\n\nTEXTO" in file.text


def test_pages_know_the_end_of_the_session_and_a_request_puts_it_off(
    ana_inside: Person, clock: Callable[[datetime], None]
) -> None:
    began = timezone.now()
    (notice,) = filter(lambda p: "data-ends" in p, Page(ana_inside.get("/admin/").text).all("p"))
    end = datetime.fromisoformat(notice["data-ends"])
    assert timedelta(0) <= end - began <= timedelta(hours=2)
    clock(began + timedelta(minutes=110))
    put_off = datetime.fromisoformat(ana_inside.get("/admin/sesion/").text)
    assert put_off - end >= timedelta(minutes=109)
    clock(put_off + timedelta(seconds=1))
    assert ana_inside.get("/admin/sesion/").status_code == 302
