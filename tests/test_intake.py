"""«Agregar una fuente»: a file or a pasted text is read, mended in sight of its author, and saved
as a draft."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from textwrap import fill
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.http import HttpResponse
from django.utils import timezone
from playwright.sync_api import expect

from desk import intake
from desk.intake import date_of
from desk.models import ReceivedText
from sources.models import Source
from tests import screens
from tests.conftest import Person
from tests.documents import W, paragraphs, zip_of
from tests.login import log_in
from tests.markup import Page, words
from tests.staff import address_of, written
from texts.files import MOST_BYTES

pytestmark = pytest.mark.django_db
ADD = "/admin/sources/source/add/"
FILES = Path(__file__).with_name("communique")
PDF = (FILES / "comunicado.pdf").read_bytes()
TEXT = (FILES / "comunicado.txt").read_text(encoding="utf-8")
PARAGRAPHS = TEXT.splitlines()[4:7:2]
CUT = "\n\n".join(fill(paragraph, 66) for paragraph in PARAGRAPHS)


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def send(person: Person, file: tuple[str, bytes] | None = None, **typed: str) -> HttpResponse:
    upload = {"original": SimpleUploadedFile(*file)} if file else {}
    return person.post(ADD, typed | upload)


def receive(person: Person, *file: Any, **typed: str) -> str:
    """The address of the page on which the text is reviewed."""
    answer = send(person, file or None, **typed)
    assert answer.status_code == 302, words(answer)
    return answer["Location"]


def sent(page: HttpResponse) -> dict[str, Any]:
    """The values that an unchanged page of a received text sends."""
    inputs = [field for field in Page(page.text).all("input") if field.get("name")]
    hidden = {f["name"]: f.get("value", "") for f in inputs if f["type"] == "hidden"}
    ticks = [f["value"] for f in inputs if f["name"] == "mend" and "checked" in f]
    return written(page) | hidden | {"mend": ticks}


def save(person: Person, address: str, **changes: Any) -> HttpResponse:
    return person.post(address, sent(person.get(address)) | {"_save": "1"} | changes)


@pytest.mark.parametrize("name", ["comunicado.pdf", "comunicado.docx", "comunicado.html"])
def test_a_file_becomes_a_draft_with_the_text_that_was_shown_and_the_file_as_it_came(
    name: str, editor: Person
) -> None:
    content = (FILES / name).read_bytes()
    address = receive(editor, name, content)
    page = editor.get(address)
    assert not Source.objects.exists()
    assert f"Así se leyó «{name}»" in page.text
    assert hashlib.sha256(content).hexdigest() in page.text
    assert "<dt>párrafos</dt><dd>9</dd>" in page.text
    assert "<dt>oraciones</dt><dd>11</dd>" in page.text
    answer = save(editor, address, publisher="El Núcleo")
    source = Source.objects.get()
    assert answer["Location"] == address_of("desk", source)
    assert source.is_draft()
    assert (source.title, source.publisher) == (TEXT.splitlines()[0], "El Núcleo")
    assert source.published == "2018-05-22"
    assert [*filter(None, source.text.splitlines())][-1] == TEXT.splitlines()[-1]
    with source.original.open() as original:
        assert original.read() == content
    assert source.history.get().history_user == editor.user
    assert not ReceivedText.objects.exists()


def test_a_pasted_text_keeps_its_address_and_says_where_its_date_stands(editor: Person) -> None:
    address = receive(editor, text=TEXT, url="https://example.org/comunicado")
    page = words(editor.get(address))
    assert "Así se leyó el texto pegado" in page
    assert "Se lee: 22 de mayo de 2018." in page
    assert "Por «Ciudad de México, a 22 de mayo de 2018.»." in page
    assert "páginas" not in page
    save(editor, address)
    source = Source.objects.get()
    assert source.text == "\n".join(filter(None, TEXT.splitlines()))
    assert source.url == "https://example.org/comunicado"
    assert not source.original
    address = receive(editor, text="Puebla, mayo de 2018\n\nAlgo.\n\nPuebla, a 3 de mayo de 2018")
    assert "Por «" not in editor.get(address).text, "two date lines"


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("Ciudad de México, a 22 de mayo de 2018.", "2018-05-22"),
        ("México, D. F., a martes 22 de mayo de 2018", "2018-05-22"),
        ("Xalapa, Veracruz, mayo de 2018", "2018-05"),
        ("22 de mayo de 2018", "2018-05-22"),
        ("Puebla, a lunes 22 de mayo de 2018", ""),
        ("Informe 2018", ""),
        ("El acuerdo se firmó en Puebla, el 22 de mayo de 2018.", ""),
        ("Puebla, 31 de febrero de 2018", ""),
        ("Puebla, 22/05/2018", ""),
    ],
)
def test_only_a_line_of_a_place_and_a_date_in_words_is_a_date_line(line: str, date: str) -> None:
    assert date_of(line) == date


def test_mends_are_undone_by_kind_and_one_by_one_and_done_again(editor: Person) -> None:
    address = receive(editor, text=CUT)
    form = sent(editor.get(address))
    kind, first, *others = form["mend"]
    assert form["text"].splitlines() == PARAGRAPHS
    page = editor.post(address, form | {"mend": [kind, *others], "_check": "1"})
    assert "Así queda el texto con estos cambios." in words(page)
    assert sent(page)["text"].splitlines()[0] == CUT.splitlines()[0]
    assert sent(page)["mend"] == [kind, *others]
    page = editor.post(address, form | {"mend": [first, *others], "_check": "1"})
    assert sent(page)["text"] == CUT.replace("\n\n", "\n")
    assert sent(page)["mend"] == []
    editor.post(address, sent(page) | {"mend": [kind], "_save": "1"})
    assert Source.objects.get().text.splitlines() == PARAGRAPHS


def test_a_text_corrected_by_hand_wins_over_the_ticks_until_it_is_emptied(editor: Person) -> None:
    address = receive(editor, text=CUT)
    form = sent(editor.get(address)) | {"title": "Otro", "_check": "1"}
    page = editor.post(address, form | {"text": "Lo mío.\r\nY más.\r\n", "mend": []})
    page = editor.post(address, sent(page) | {"_check": "1"})
    assert sent(page)["text"] == "Lo mío.\nY más.\n"
    assert sent(page)["title"] == "Otro"
    back = editor.post(address, sent(page) | {"text": " ", "mend": ["lines"], "_check": "1"})
    assert sent(back)["text"].splitlines() == PARAGRAPHS
    editor.post(address, sent(page) | {"_save": "1"})
    assert Source.objects.get().text == "Lo mío.\nY más.\n"


def test_a_long_text_is_folded_and_its_many_mends_fit_a_form(editor: Person) -> None:
    page = editor.get(address := receive(editor, text="\n\n".join([CUT] * 200)))
    assert "Ver el texto completo" in page.text
    assert "más, que siguen a la marca de todos" in page.text
    form = sent(page)
    assert len(form["mend"]) == 101
    page = editor.post(address, form | {"mend": form["mend"][:-1], "_check": "1"})
    assert len(sent(page)["text"].splitlines()) == 2 * 200 + 1
    page = editor.post(address, form | {"mend": form["mend"][1:], "_check": "1"})
    assert sent(page)["text"] == "\n".join([CUT.replace("\n\n", "\n")] * 200)


@pytest.mark.parametrize(
    ("file", "typed", "reason"),
    [
        (None, {}, "Elija un archivo o pegue el texto"),
        (("a.txt", b"Algo."), {"text": "Otro."}, "solo uno de los dos"),
        (("a.pdf", b"%PDF-1.7\n"), {}, "El archivo está dañado"),
        (("a.jpg", b"\xff\xd8\xff"), {}, "Se admite un archivo PDF, DOCX, ODT, HTML o TXT."),
        (("a.txt", b"Algo. " * 3_400_000), {}, "Pesa más de 20 MB"),
        (("a.txt", b"Algo. " * 340_000), {}, "o trae más de 2 MB de texto"),
        (None, {"text": "Algo.", "url": "no es"}, "Escriba una dirección que empiece con https://"),
        (None, {"text": "Algo\0."}, "nulos"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason_and_keeps_what_was_typed(
    file: Any, typed: dict[str, str], reason: str, editor: Person
) -> None:
    answer = send(editor, file, **{"url": "https://example.org/a"} | typed)
    assert answer.status_code == 422
    assert "No se guardó nada. " in words(answer)
    assert reason in words(answer)
    assert typed.get("url", "https://example.org/a") in answer.text
    assert typed.get("text", "").strip("\0") in answer.text
    assert not ReceivedText.objects.exists()


def test_the_limits_are_of_20_megabytes_a_file_and_2_a_text(editor: Person) -> None:
    receive(editor, text="Tres de ellas. " * 20_000)
    document = f"<w:document {W}><w:body>{paragraphs('Algo.')}</w:body></w:document>"
    parts = {"word/document.xml": document, "word/media/a.jpg": os.urandom(MOST_BYTES - 10_000)}
    receive(editor, "a.docx", zip_of(parts))
    late = {"CONTENT_LENGTH": str(MOST_BYTES + 3_000_000)}
    for answer in (editor.post(ADD, {"text": "é" * 1_400_000}), editor.post(ADD, {}, **late)):
        assert answer.status_code == 413
        assert "Pesa más de 20 MB, o trae más de 2 MB de texto" in answer.text
    proxy = Path("deploy/nginx.conf").read_text(encoding="utf-8")
    assert "client_max_body_size 21m;" in proxy.partition("location /admin/ {")[2].split("}")[0]
    assert MOST_BYTES + 1_000_000 < 21 << 20


def test_a_person_has_at_most_five_texts_waiting_and_finds_them(
    editor: Person, publisher: Person
) -> None:
    addresses = [receive(editor, text=f"Texto {n}.") for n in range(intake.MOST_WAITING)]
    refused = send(editor, text="Otro más.")
    assert "Ya tiene 5 textos por revisar" in words(refused)
    assert {*addresses} <= {*Page(refused.text).links}
    receive(publisher, text="Otro más.")
    gone = editor.post(addresses[0], {"_discard": "1"}, follow=True)
    assert "Se descartó «texto pegado». Nada quedó guardado." in words(gone)
    receive(editor, text="Otro más.")


def test_only_its_author_sees_a_received_text_and_only_for_a_day(
    editor: Person, publisher: Person, reader: Person, admin: Person, visitor: Person
) -> None:
    address = receive(editor, text="Secreto.")
    for person, status in ((publisher, 404), (admin, 404), (reader, 403), (visitor, 302)):
        assert person.get(address).status_code == status
        if person is not visitor:
            assert person.post(address, {"_discard": "1"}).status_code == status
    assert reader.get(ADD).status_code == 403
    for clean in (lambda: call_command("forget"), lambda: receive(publisher, text="Otro.")):
        receive(editor, text="Secreto.")
        mine = ReceivedText.objects.filter(user=editor.user)
        mine.update(created_at=timezone.now() - timedelta(hours=25))
        assert editor.get(address).status_code == 404
        assert "recibido" not in editor.get(ADD).text
        clean()
        assert not mine.exists()


def test_a_source_with_the_same_text_or_file_is_named_before_another_is_saved(
    editor: Person,
) -> None:
    save(editor, receive(editor, "a.pdf", PDF), title="La primera")
    first = Source.objects.get()
    for file, typed in ((("b.pdf", PDF), {}), ((), {"text": first.text})):
        address = receive(editor, *file, **typed)
        assert address_of("change", first) in editor.get(address).text
        refused = save(editor, address, title="La segunda")
        assert refused.status_code == 200
        assert "No se guardó nada. Ya hay una fuente con este mismo" in words(refused)
        assert sent(refused)["title"] == "La segunda"
        assert Source.objects.count() == 1
    assert save(editor, address, another="on").status_code == 302
    assert Source.objects.count() == 2


def test_errors_of_the_card_keep_everything_and_save_nothing(editor: Person) -> None:
    address = receive(editor, text=CUT)
    answer = save(editor, address, title="", published="30/02/2018", text="Lo mío.")
    assert "febrero de 2018 tiene 28 días" in words(answer)
    assert (sent(answer)["published"], sent(answer)["text"]) == ("30/02/2018", "Lo mío.")
    assert ReceivedText.objects.exists() > Source.objects.exists()


def test_a_text_that_is_saved_twice_makes_one_source(
    editor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = receive(editor, text=CUT)
    monkeypatch.setattr(ReceivedText, "delete", lambda self: (0, {}))
    answer = save(editor, address)
    assert (answer.status_code, intake.GONE in words(answer)) == (404, True)
    assert not Source.objects.exists()


def test_the_ordinary_form_is_one_link_away_and_both_need_their_csrf_token(editor: Person) -> None:
    assert "?a-mano=1" in Page(editor.get(ADD).text).links
    form = {"title": "A mano", "text": "Algo."}
    assert editor.post(f"{ADD}?a-mano=1", form).status_code == 302
    assert Source.objects.get().title == "A mano"
    editor.handler.enforce_csrf_checks = True
    for page in (ADD, f"{ADD}?a-mano=1"):
        assert editor.post(page, form).status_code == 403


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_both_pages_fit_each_screen_and_work_by_keyboard(live_server: Any, page: Any) -> None:
    User.objects.create_superuser("eva", password="only for tests")
    log_in(page, live_server.url, "eva")
    page.get_by_role("link", name="Agregar una fuente").click()
    for title in ("Agregar una fuente", "Así se leyó «comunicado.pdf»"):
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        for width in screens.on_each_screen(page):
            assert page.evaluate("document.documentElement.scrollWidth") <= width, title
            assert screens.violations(page) == [], (title, width)
        if title == "Agregar una fuente":
            page.get_by_label("Archivo").set_input_files(FILES / "comunicado.pdf")
            page.get_by_label("Dirección web").press("Enter")
    page.get_by_label("unidos").press("Space")
    page.get_by_role("button", name="Leer otra vez").press("Enter")
    expect(page.get_by_label("como venían")).not_to_be_checked()
    page.get_by_label("Título").fill("Acuerdo")
    page.get_by_label("Título").press("Enter")
    expect(page.locator(".notice.good")).to_contain_text("Acuerdo")
    assert page.url == live_server.url + address_of("desk", Source.objects.get())
