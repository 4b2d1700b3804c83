"""The pages of an import: a file is uploaded, previewed, confirmed, kept as a receipt, undone."""

import io
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from playwright.sync_api import expect

from exchange import admin as pages
from exchange.formats import ADMIN_BYTES, FORMATS
from exchange.models import Receipt
from tests.login import log_in
from tests.records import event, organization
from tests.sheets import dataset_of, file_as
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]
HERE = "/admin/exchange/receipt/"
UPLOAD, EXPORT = f"{HERE}importar/eventos/", f"{HERE}exportar/eventos/"
NEW = "identificador,titulo,categoria\nnuevo,Título nuevo,acuerdo"
FAULTY = "identificador,titulo,categoria\nbueno,T,acuerdo\nmalo,T,acuerdoz"
SCRIPT = "<script>alert(1)</script>"


def upload(person: Client, content: str | bytes, url: str = UPLOAD, **data: str) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return person.post(url, {"import_file": SimpleUploadedFile("prueba.csv", content)} | data)


def previewed(person: Client, content: str | bytes, url: str = UPLOAD, **data: str) -> Receipt:
    response = upload(person, content, url, **data)
    assert response.status_code == 302, response.text
    return Receipt.objects.get(pk=re.search(r"/(\d+)/revisar/", response["Location"])[1])


def page_of(receipt: Receipt, name: str) -> str:
    return f"{HERE}{receipt.pk}/{name}"


def sent_by(receipt: Receipt) -> dict[str, Any]:
    """The data that the form of a preview sends."""
    hidden_fields = {"sha256": receipt.sha256, "state": receipt.state}
    return {"import_file_name": receipt.pk, "format": "0"} | hidden_fields


STANDS = {"prueba": ["alone"]}  # facts without a visible quote


def confirm(person: Client, receipt: Receipt, *losses: str) -> Any:
    return person.post(
        page_of(receipt, "confirmar/"), sent_by(receipt) | {"borrar": losses} | STANDS
    )


def imported(person: Client, content: str | bytes, *losses: str, **data: str) -> Receipt:
    receipt = previewed(person, content, **data)
    assert confirm(person, receipt, *losses)["Location"] == receipt.get_absolute_url()
    receipt.refresh_from_db()
    return receipt


def text_of(person: Client, url: str) -> str:
    response = person.get(url)
    assert response.status_code == 200, url
    return response.text


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_file_is_uploaded_reviewed_confirmed_kept_and_undone(format_name, publisher):
    organization(slug="una")
    record = event(slug="uno", title="Título de antes", start="2011")
    rows = [
        ["identificador", "titulo", "categoria", "inicio", "nombradas"],
        ["uno", "Título de después", "acuerdo", "entre 2011 y 2012", "una"],
        ["dos", "Es nuevo", "relevo", "", ""],
    ]
    receipt = previewed(publisher, file_as(format_name, rows), reason="por probar")
    preview = text_of(publisher, page_of(receipt, "revisar/"))
    for words in ("<dd>1</dd>", "Qué se leyó", "2 filas", "entre 2011 y 2012", "[2011..2012]",
                  "Es nuevo", "la fuente no lo dice", "Importar 2 registros"):  # fmt: skip
        assert words in preview
    assert re.search(r"<del><span[^>]*>\(se quita:\) </span> antes</del>", preview)
    assert re.search(r"<ins><span[^>]*>\(se agrega:\) </span> después</ins>", preview)
    record.refresh_from_db()
    assert record.title == "Título de antes"

    kept = publisher.post(page_of(receipt, "confirmar/"), sent_by(receipt), follow=True).text
    for words in ("Importación hecha en 2 registros: 1 nuevo y 1 modificado.", "por probar",
                  "Título; Inicio; Nombradas", "vuelve a la versión 1", "se quita",
                  "Deshacer en 2 registros"):  # fmt: skip
        assert words in kept
    record.refresh_from_db()
    assert (record.title, record.start) == ("Título de después", "[2011..2012]")
    assert record.history.latest().history_change_reason.endswith(": por probar")

    undone = publisher.post(page_of(receipt, "deshacer/"), follow=True).text
    for words in ("Se deshizo en 2 registros.", "se quitó", "volvió a la versión 1"):
        assert words in undone
    record.refresh_from_db()
    assert (record.title, record.start) == ("Título de antes", "2011")
    assert not Event.objects.filter(slug="dos").exists()
    again = publisher.post(page_of(receipt, "deshacer/"), follow=True).text
    assert "ya se había deshecho" in again


@pytest.mark.parametrize(
    ("ticked", "left"),
    [((), ("Se queda", "o se va")), (["uno:palabras_de_la_fuente"], ("Se queda", "")),
     (["todos"], ("", ""))],
    ids=["none", "one", "all"],
)  # fmt: skip
def test_a_value_is_lost_only_where_its_loss_is_ticked(ticked, left, admin):
    event(slug="uno", title="Uno", summary="Se queda", date_label="o se va")
    receipt = previewed(admin, "identificador,resumen,palabras_de_la_fuente\nuno,,")
    assert receipt.lost == [
        [2, "uno", "Uno", "palabras_de_la_fuente", "o se va"],
        [2, "uno", "Uno", "resumen", "Se queda"],
    ]
    preview = text_of(admin, page_of(receipt, "revisar/"))
    assert "Se pierden 2 datos" in preview
    assert not re.search(r'name="borrar"[^>]* checked', preview)
    confirm(admin, receipt, *ticked)
    record = Event.objects.get()
    assert (record.summary, record.date_label) == left
    assert ("se borró" in text_of(admin, receipt.get_absolute_url())) == bool(ticked)


@pytest.mark.parametrize("existed", [True, False], ids=["changed", "appeared"])
def test_a_record_saved_since_the_preview_is_shown_again_and_not_overwritten(existed, admin):
    if existed:
        event(slug="uno", title="Antes")
    receipt = previewed(admin, "identificador,titulo,categoria\nuno,Mío,acuerdo")
    record = Event.objects.first() or event(slug="uno")
    record.title = "De otra persona"
    record.save()
    answer = confirm(admin, receipt)
    assert answer.status_code == 409
    assert pages.STALE in answer.text
    assert "De otra persona" in answer.text
    assert Event.objects.get().title == "De otra persona"
    receipt.refresh_from_db()
    confirm(admin, receipt)
    assert Event.objects.get().title == "Mío"


def test_previews_of_yesterday_are_deleted_and_every_page_of_theirs_says_so(admin):
    receipt = previewed(admin, NEW)
    Receipt.objects.filter(pk=receipt.pk).update(created_at=timezone.now() - timedelta(days=2))
    previewed(admin, NEW)
    for pk in (receipt.pk, 999_999, 10**30):
        for page in ("revisar/", "releer/", "confirmar/", "errores.csv"):
            answer = admin.post(f"{HERE}{pk}/{page}")
            assert (answer.status_code, pages.GONE in answer.text) == (404, True), page
        for page in ("deshacer/", "change/"):
            assert "No hay ninguna importación" in admin.post(f"{HERE}{pk}/{page}").text
    assert not Event.objects.exists()


def test_a_get_confirms_and_undoes_nothing_and_a_second_confirmation_leads_to_the_receipt(admin):
    receipt = previewed(admin, NEW)
    admin.get(page_of(receipt, "confirmar/"), sent_by(receipt))
    assert not Event.objects.exists()
    for _ in range(2):
        assert confirm(admin, receipt)["Location"] == receipt.get_absolute_url()
    for ask in (admin.get, admin.head):
        ask(page_of(receipt, "deshacer/"))
    assert Event.objects.count() == Event.history.count() == 1


def test_errors_are_listed_and_the_whole_file_comes_back_with_its_errors_marked(admin):
    receipt = previewed(admin, FAULTY)
    preview = text_of(admin, page_of(receipt, "revisar/"))
    for words in ("1 error en 1 de 2 filas", "Fila 3", "¿Quiso decir «acuerdo»?"):
        assert words in preview
    assert confirm(admin, receipt).status_code == 302
    assert not Event.objects.exists()
    for format_name in FORMATS:
        answer = admin.get(page_of(receipt, f"errores.{format_name}"))
        dataset = dataset_of(answer.getvalue())
        assert dataset.headers == ["que_corregir", "identificador", "titulo", "categoria"]
        assert [row[1:] for row in dataset] == [
            ("bueno", "T", "acuerdo"),
            ("malo", "T", "acuerdoz"),
        ]
        assert ["¿Quiso decir «acuerdo»?" in row[0] for row in dataset] == [False, True]
    again = previewed(admin, file_as("csv", [dataset.headers, *dataset]))
    answer = admin.get(page_of(again, "errores.csv"))
    assert dataset_of(answer.getvalue()).headers == dataset.headers
    corrected = [(*row[:3], "acuerdo") for row in dataset]
    assert imported(admin, file_as("csv", [dataset.headers, *corrected])).new == 2
    assert admin.get(page_of(receipt, "errores.pdf")).status_code == 404


def test_a_marked_file_that_nobody_corrects_has_the_same_errors(admin):
    book = openpyxl.Workbook()
    for row in (
        ("identificador", "titulo", "categoria", "inicio"),
        ("uno", "=1+", "acuerdo", date(2016, 9, 10)),
        ("dos", "Título", "acuerdo", date(2016, 9, 30)),
        ("tres", "Título", "acuerdo", "24/10/2016"),
    ):
        book.active.append(row)
    book.save(file := io.BytesIO())
    receipt = previewed(admin, file.getvalue())
    for _ in range(2):
        assert [error[:2] for error in receipt.problems] == [[2, "titulo"], [2, "inicio"]]
        marked = admin.get(page_of(receipt, "errores.xlsx")).getvalue()
        assert dataset_of(marked)["inicio"][1:] == ["2016-09-30", "24/10/2016"]
        receipt = previewed(admin, marked)
    rows = [
        [str(cell).replace("sigue sin corregir", "T") for cell in row] for row in dataset_of(marked)
    ]
    rows[0][-1] = "9 de octubre de 2016"
    assert imported(admin, file_as("csv", [dataset_of(marked).headers, *rows])).new == 3


def test_an_encoding_read_wrong_is_corrected_by_hand(admin):
    table = "identificador;titulo;categoria\nuno;Acción pública;acuerdo"
    utf8 = {"encoding": "utf-8-sig", "delimiter": ";"}
    receipt = previewed(admin, table.encode("cp850"))
    assert receipt.encoding == "cp850"
    answer = admin.post(page_of(receipt, "releer/"), utf8, follow=True)
    assert "La codificación no es la que parecía" in answer.text
    garbled = previewed(admin, table, encoding="cp1252")
    preview = text_of(admin, page_of(garbled, "revisar/"))
    for words in (
        "Se leyó como</dt><dd>Windows-1252",
        "UTF-8: Acción · pública",
        "MS-DOS (cp850): Acci├",
    ):
        assert words in preview
    admin.post(page_of(garbled, "releer/"), utf8)
    garbled.refresh_from_db()
    confirm(admin, garbled)
    assert Event.objects.get().title == "Acción pública"


def test_an_unreadable_file_is_refused_beside_its_field(admin):
    for content, reason in (
        (b"", "vac"),
        (b"identificador,titulos\nx,T", "¿quiso decir «titulo»?"),
    ):
        answer = upload(admin, content)
        assert (answer.status_code, reason in answer.text) == (422, True), reason
    assert not Receipt.objects.exists()


def test_an_upload_that_is_too_large_is_refused_unread_with_the_command_to_use(admin, monkeypatch):
    monkeypatch.setattr(Receipt, "save", lambda *_: pytest.fail("it was read"))
    for more_bytes, status in ((10, 422), (100_000, 413)):
        answer = upload(admin, b"x" * (ADMIN_BYTES + more_bytes))
        assert answer.status_code == status
        assert "manage.py import_records" in answer.text
    assert upload(admin, NEW, reason="x" * 3_000_000).status_code == 413
    assert upload(admin, NEW, **{f"f{n}": "" for n in range(1100)}).status_code == 413


def test_hostile_file_names_and_cells_are_inert_on_every_page(admin):
    event(slug="uno", title=SCRIPT, summary=f"{SCRIPT} a", date_label=SCRIPT)
    table = (
        "identificador,titulo,categoria,resumen,palabras_de_la_fuente\n"
        f"uno,{SCRIPT} x,acuerdo,{SCRIPT} b,\ndos,{SCRIPT},acuerdo,{SCRIPT},{SCRIPT}"
    )
    faulty = f"identificador,titulo,categoria\ntres,T,{SCRIPT}"
    html = ""
    for name in ("a\nSet-Cookie: b.csv", "../../etc/passwd", "x" * 5000 + ".csv", SCRIPT):
        name = f'Content-Disposition: form-data; name="import_file"; filename="{name}"'
        for content in (faulty, table):
            body = f"--b\r\n{name}\r\n\r\n{content}\r\n--b--\r\n"
            answer = admin.generic("POST", UPLOAD, body, "multipart/form-data; boundary=b")
            assert answer.status_code in (302, 400, 422)
            html += admin.get(answer["Location"]).text if answer.status_code == 302 else ""
    assert Receipt.objects.exists()
    for receipt in Receipt.objects.all():
        assert not re.search(r"[\r\n/]|^.{201}", receipt.file_name)
        confirm(admin, receipt)
        html += admin.get(receipt.get_absolute_url()).text + text_of(admin, HERE)
    assert "&lt;script&gt;" in html
    assert "<script>alert" not in html


def test_long_texts_are_compared_at_once(admin):
    long = "palabra que se repite " * 20_000
    event(slug="uno", summary=long)
    receipt = previewed(admin, f"identificador,resumen\nuno,{long} y otra cosa {long}")
    assert len(text_of(admin, page_of(receipt, "revisar/"))) < 60_000


def test_a_receipt_says_what_was_changed_later_and_by_whom(admin):
    event(slug="uno", title="Uno")
    receipt = imported(admin, "identificador,titulo,categoria\nuno,Otro,acuerdo\ndos,Dos,acuerdo")
    for record in Event.objects.all():
        record._history_user = admin.user
        record.summary = "Otra mano"
        record.save() if record.slug == "uno" else record.delete()
    text = text_of(admin, receipt.get_absolute_url())
    assert "admin lo cambió después, el" in text
    assert "lo borró después, el" in text
    assert "Deshacer en" not in text


def queries(ask: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = ask()
        assert response.status_code == 200
        response.getvalue()
    return len(captured)


def preview_of(count: int, person: Client) -> Receipt:
    """A preview that changes `count` events and creates as many."""
    slugs = [event(slug=f"viejo-{count}-{n}").slug for n in range(count)]
    slugs += [f"nuevo-{count}-{n}" for n in range(count)]
    rows = [f"{slug},Otro,acuerdo,una" for slug in slugs]
    return previewed(person, "\n".join(["identificador,titulo,categoria,nombradas", *rows]))


def test_the_number_of_queries_does_not_grow_with_the_rows_of_the_import(admin, visitor):
    organization(slug="una")

    def costs(count: int) -> list[int]:
        receipt = preview_of(count, admin)
        numbers = [queries(lambda: admin.get(page_of(receipt, "revisar/")))]
        confirm(admin, receipt)
        for record in Event.objects.filter(slug__startswith=f"viejo-{count}")[: count // 2]:
            record.save()
        for url in (HERE, receipt.get_absolute_url(), EXPORT, f"{EXPORT}?formato=csv"):
            numbers.append(queries(lambda url=url: admin.get(url)))
        for url in ("/datos/", "/datos/eventos.csv"):
            numbers.append(queries(lambda url=url: visitor.get(url)))
        return numbers

    few, many = costs(2), costs(20)
    assert few == many
    assert max(many) < 20


@pytest.mark.django_db(transaction=True)
def test_a_file_is_imported_without_javascript_under_a_strict_policy(page, browser, live_server):
    event(slug="uno", title="Título de antes", summary="Se queda")
    User.objects.create_superuser("admin", password="only for tests")
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))

    def strictly(route: Any) -> None:
        answer = route.fetch(max_redirects=0)
        policy = {"content-security-policy": "default-src 'self'; img-src 'self' data:"}
        route.fulfill(response=answer, headers=answer.headers | policy)

    page.route(re.compile(r"/admin/exchange/.*/$"), strictly)
    log_in(page, live_server.url, "admin")
    page.goto(f"{live_server.url}{UPLOAD}")
    table = "identificador;titulo;resumen\nuno;Título de después;".encode("cp1252")
    file = {"name": "hoja.csv", "mimeType": "text/csv", "buffer": table}
    page.get_by_label("Archivo", exact=False).set_input_files(file)
    page.get_by_role("button", name="Ver qué cambiaría").press("Enter")
    expect(page.get_by_text("Windows-1252").first).to_be_visible()
    expect(page.get_by_text("Se pierde 1 dato")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Importar 1 registro").press("Enter")
    expect(page.get_by_role("heading", name="Recibo de importación")).to_be_visible()
    record = Event.objects.get()
    assert (record.title, record.summary) == ("Título de después", "Se queda")
    page.get_by_role("button", name="Deshacer en 1 registro").press("Enter")
    expect(page.get_by_text("Se deshizo en 1 registro.")).to_be_visible()
    assert complaints == []
    context.close()
