"""Who may import, export and undo, on every page of the exchange."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from exchange.admin import OF_ANOTHER
from exchange.models import Receipt
from tests.records import event
from tests.test_exchange_pages import (
    EXPORT,
    FAULTY,
    HERE,
    NEW,
    UPLOAD,
    confirm,
    imported,
    page_of,
    previewed,
    sent_by,
    text_of,
    upload,
)
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]
# The answers to a GET and to an empty POST. A preview belongs to the person who uploaded its file.
MATRIX = {
    # list, import, export; preview, reread, faulty, confirm; receipt, undo
    "visitor":   [(302, 403)] * 9,
    "reader":    [(200, 200), (403, 403), (403, 403), *[(403, 403)] * 4, (200, 200), (403, 403)],
    "editor":    [(200, 200), (200, 422), (200, 200), *[(403, 403)] * 4, (200, 200), (403, 403)],
    "publisher": [(200, 200), (200, 422), (200, 200), *[(403, 403)] * 4, (200, 200), (302, 302)],
    "admin":     [(200, 200), (200, 422), (200, 200), (200, 200), (302, 302), (200, 200),
                  (302, 409), (200, 200), (302, 302)],
}  # fmt: skip


@pytest.mark.once
def test_every_page_asks_for_its_permission(admin, request):
    made, faulty, waiting = imported(admin, NEW), previewed(admin, FAULTY), previewed(admin, NEW)
    addresses = [
        HERE, UPLOAD, EXPORT, page_of(waiting, "revisar/"), page_of(waiting, "releer/"),
        page_of(faulty, "errores.csv"), page_of(waiting, "confirmar/"), made.get_absolute_url(),
        page_of(made, "deshacer/"),
    ]  # fmt: skip
    for who, expected in MATRIX.items():
        person = request.getfixturevalue(who)
        answers = [(person.get(url).status_code, person.post(url).status_code) for url in addresses]
        assert dict(zip(addresses, answers, strict=True)) == dict(
            zip(addresses, expected, strict=True)
        ), who
    visitor = request.getfixturevalue("visitor")
    assert all("/admin/login/" in visitor.get(url)["Location"] for url in addresses)


def may_only(person: Client, *names: str) -> None:
    person.user.groups.clear()
    person.user.user_permissions.set(Permission.objects.filter(codename__in=names))


def test_imports_and_exports_ask_for_the_permissions_on_the_model_too(editor, reader):
    receipt = previewed(editor, NEW)
    editor.user.groups.get().permissions.remove(Permission.objects.get(codename="change_event"))
    assert editor.get(UPLOAD).status_code == 403
    assert editor.get(f"{HERE}importar/organizaciones/").status_code == 200
    assert editor.get(page_of(receipt, "revisar/")).status_code == 403
    assert confirm(editor, receipt).status_code == 403
    assert not Event.objects.exists()
    may_only(reader, "export_records")
    assert reader.get(EXPORT).status_code == 403
    assert "Exportar</a>" not in text_of(reader, HERE)


def test_links_are_shown_only_to_persons_who_may_follow_them(reader, editor):
    receipt = imported(editor, NEW)
    for url in ("/admin/timeline/event/", HERE):
        for person, may in ((editor, True), (reader, False)):
            assert [UPLOAD in text_of(person, url), EXPORT in text_of(person, url)] == [may, may]
    for person in (reader, editor):
        assert "Deshacer en" not in text_of(person, receipt.get_absolute_url())


def test_a_person_who_only_exports_sees_no_receipts(reader, admin):
    receipt = imported(admin, NEW)
    may_only(reader, "export_records", "view_event")
    assert receipt.file_name not in text_of(reader, HERE)
    assert EXPORT in text_of(reader, HERE)
    assert reader.get(receipt.get_absolute_url()).status_code == 403


def test_an_upload_from_another_site_is_refused(admin):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin.user)
    assert upload(strict, NEW).status_code == 403
    assert not Receipt.objects.exists()


def test_an_editor_imports_drafts_and_changes_nothing_public(editor):
    event(slug="publico", title="Como estaba")
    receipt = previewed(editor, "identificador,titulo\npublico,Otro")
    assert "Es o sería público" in text_of(editor, page_of(receipt, "revisar/"))
    confirm(editor, receipt)
    assert Event.objects.get(slug="publico").title == "Como estaba"
    imported(editor, NEW)
    assert Event.objects.get(slug="nuevo").is_draft()


def test_a_preview_is_confirmed_by_its_own_person_and_as_it_was_shown(admin, publisher):
    own, foreign, changed = previewed(admin, NEW), previewed(publisher, NEW), previewed(admin, NEW)
    sources = f"{HERE}importar/fuentes/"
    of_sources = previewed(admin, "identificador,titulo,texto\nf,F,Texto.", sources)
    answer = confirm(admin, foreign)
    assert (answer.status_code, OF_ANOTHER in answer.text) == (403, True)
    for other in (foreign, of_sources):
        assert admin.post(page_of(own, "confirmar/"), sent_by(other)).status_code == 409
    changed.sha256 = "0" * 64
    assert confirm(admin, changed).status_code == 409
    assert not Receipt.objects.made().exists()
    assert not Event.objects.exists()
