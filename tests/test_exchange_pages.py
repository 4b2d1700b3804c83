"""Spreadsheets in and out through the pages: seen beforehand, confirmed by whoever uploaded, kept,
undone; and what anybody may download."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from playwright.sync_api import expect

from exchange import admin as pages
from exchange.exports import UNKNOWN_FILTER
from exchange.formats import ADMIN_BYTES, FORMATS
from exchange.imports import RESOURCES
from exchange.models import Receipt
from exchange.tables import read_dataset
from record.resources import Outcome
from timeline.models import Event

from .doors import log_in
from .records import (
    LONG_AGO,
    TOMORROW,
    YESTERDAY,
    citation,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)

pytestmark = pytest.mark.django_db
HERE = "/admin/exchange/receipt/"
UPLOAD, EXPORT = f"{HERE}importar/eventos/", f"{HERE}exportar/eventos/"
NEW = "identificador,titulo,categoria\nnuevo,Título nuevo,acuerdo"
FAULTY = "identificador,titulo,categoria\nbueno,T,acuerdo\nmalo,T,acuerdos"


def file_of(text: str, format_name: str = "csv", name: str = "") -> SimpleUploadedFile:
    """A table, written with commas, as a file of one of FORMATS."""
    out = io.BytesIO()
    FORMATS[format_name]().write(out, [line.split(",") for line in text.split("\n")], "hoja")
    ending = "xlsx" if format_name == "xlsx" else "csv"
    return SimpleUploadedFile(name or f"prueba.{ending}", out.getvalue())


def upload(person: Client, content: Any, url: str = UPLOAD, **data: str) -> Any:
    file = file_of(content) if isinstance(content, str) else content
    return person.post(url, {"import_file": file} | data)


def previewed(person: Client, content: Any, **data: str) -> Receipt:
    response = upload(person, content, **data)
    assert response.status_code == 302, response.content.decode()
    return Receipt.objects.get(pk=re.search(r"/(\d+)/revisar/", response["Location"])[1])


def confirm(person: Client, receipt: Receipt, *losses: str) -> Any:
    return person.post(f"{HERE}{receipt.pk}/confirmar/", shown_by(receipt) | {"borrar": losses})


def shown_by(receipt: Receipt) -> dict[str, Any]:
    """What the form of a preview sends back."""
    shown = {"sha256": receipt.sha256, "state": receipt.state}
    return {"import_file_name": receipt.pk, "format": "0"} | shown


def imported(person: Client, content: Any, *losses: str, **data: str) -> Receipt:
    receipt = previewed(person, content, **data)
    assert confirm(person, receipt, *losses)["Location"] == receipt.get_absolute_url()
    receipt.refresh_from_db()
    return receipt


def text_of(person: Client, url: str) -> str:
    response = person.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


def rows_of(response: Any) -> list[list[str]]:
    return [list(cells) for cells in read_dataset(io.BytesIO(response.getvalue()), 10_000)]


def dry_run(name: str, content: bytes, person: Client) -> Outcome:
    dataset = read_dataset(io.BytesIO(content), 10_000)
    return RESOURCES[name](person.user).import_data(dataset, dry_run=True)


# Who may


@pytest.fixture
def addresses(admin: Client) -> dict[str, str]:
    """Every address of the exchange; the preview, its errors and the import are the admin's."""
    made, faulty, waiting = imported(admin, NEW), previewed(admin, FAULTY), previewed(admin, NEW)
    return {
        "list": HERE, "import": UPLOAD, "export": EXPORT, "preview": f"{HERE}{waiting.pk}/revisar/",
        "reread": f"{HERE}{waiting.pk}/releer/", "faulty": f"{HERE}{faulty.pk}/errores.csv",
        "confirm": f"{HERE}{waiting.pk}/confirmar/", "receipt": made.get_absolute_url(),
        "undo": f"{HERE}{made.pk}/deshacer/",
    }  # fmt: skip


# What a GET and a POST without anything in it answer. A preview is only for who uploaded its file.
MATRIX = {
    # list, import, export; preview, reread, faulty, confirm; receipt, undo
    "visitor":   [(302, 302)] * 9,
    "reader":    [(200, 200), (403, 403), (403, 403), *[(403, 403)] * 4, (200, 200), (403, 403)],
    "editor":    [(200, 200), (200, 422), (200, 200), *[(403, 403)] * 4, (200, 200), (403, 403)],
    "publisher": [(200, 200), (200, 422), (200, 200), *[(403, 403)] * 4, (200, 200), (302, 302)],
    "admin":     [(200, 200), (200, 422), (200, 200), (200, 200), (302, 302), (200, 200),
                  (302, 409), (200, 200), (302, 302)],
}  # fmt: skip


@pytest.mark.parametrize("who", MATRIX)
def test_every_page_asks_for_its_permission(
    who: str, addresses: dict[str, str], request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(who)
    answers = [
        (person.get(url).status_code, person.post(url).status_code) for url in addresses.values()
    ]
    assert dict(zip(addresses, answers, strict=True)) == dict(
        zip(addresses, MATRIX[who], strict=True)
    )
    if who == "visitor":
        assert all("/admin/login/" in person.get(url)["Location"] for url in addresses.values())


def test_who_lacks_the_model_permissions_may_neither_take_in_nor_out(
    editor: Client, reader: Client
) -> None:
    editor.user.groups.get().permissions.remove(Permission.objects.get(codename="change_event"))
    reader.user.groups.clear()
    reader.user.user_permissions.set(Permission.objects.filter(codename="export_records"))
    assert editor.get(UPLOAD).status_code == 403
    assert editor.get(f"{HERE}importar/organizaciones/").status_code == 200
    assert reader.get(EXPORT).status_code == 403
    assert reader.get(HERE).status_code == 200
    assert "Exportar</a>" not in text_of(reader, HERE)


def test_a_preview_asks_for_the_model_permissions_again(editor: Client) -> None:
    receipt = previewed(editor, NEW)
    editor.user.groups.get().permissions.remove(Permission.objects.get(codename="change_event"))
    assert editor.get(f"{HERE}{receipt.pk}/revisar/").status_code == 403
    assert confirm(editor, receipt).status_code == 403
    assert not Event.objects.exists()


def test_links_are_shown_only_to_who_may_follow_them(reader: Client, editor: Client) -> None:
    made = imported(editor, NEW)
    for url in ("/admin/timeline/event/", HERE):
        assert UPLOAD in text_of(editor, url)
        assert EXPORT in text_of(editor, url)
        assert UPLOAD not in text_of(reader, url)
        assert EXPORT not in text_of(reader, url)
    for person in (reader, editor):
        assert "Deshacer en" not in text_of(person, made.get_absolute_url())


def test_who_only_exports_sees_no_receipts(reader: Client, admin: Client) -> None:
    made = imported(admin, NEW)
    allowed = Permission.objects.filter(codename__in=["export_records", "view_event"])
    reader.user.groups.clear()
    reader.user.user_permissions.set(allowed)
    assert made.file_name not in text_of(reader, HERE)
    assert EXPORT in text_of(reader, HERE)
    assert reader.get(made.get_absolute_url()).status_code == 403


def test_an_upload_from_another_site_is_refused(admin: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin.user)
    assert upload(strict, NEW).status_code == 403
    assert not Receipt.objects.exists()


def test_an_editor_imports_drafts_and_changes_nothing_public(editor: Client) -> None:
    event(slug="publico", title="Como estaba")
    receipt = previewed(editor, "identificador,titulo\npublico,Otro")
    assert "Es o sería público" in text_of(editor, f"{HERE}{receipt.pk}/revisar/")
    confirm(editor, receipt)
    assert Event.objects.get(slug="publico").title == "Como estaba"
    imported(editor, NEW)
    assert Event.objects.get(slug="nuevo").is_draft()


# In


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_file_is_uploaded_reviewed_confirmed_kept_and_undone(
    format_name: str, publisher: Client
) -> None:
    organization(slug="una")
    record = event(slug="uno", title="Título de antes", start="2011")
    table = (
        "identificador,titulo,categoria,inicio,organizaciones\n"
        "uno,Título de después,acuerdo,entre 2011 y 2012,una\ndos,Es nuevo,relevo,,"
    )
    receipt = previewed(publisher, file_of(table, format_name), reason="por probar")
    shown = text_of(publisher, f"{HERE}{receipt.pk}/revisar/")
    for words in ("<dd>1</dd>", "Qué se leyó", "2 filas", "entre 2011 y 2012", "[2011..2012]",
                  "Es nuevo", "la fuente no lo dice", "Importar 2 registros"):  # fmt: skip
        assert words in shown
    assert re.search(r"<del><span[^>]*>\(se quita:\) </span> antes</del>", shown)
    assert re.search(r"<ins><span[^>]*>\(se agrega:\) </span> después</ins>", shown)
    record.refresh_from_db()
    assert record.title == "Título de antes"

    answer = publisher.post(f"{HERE}{receipt.pk}/confirmar/", shown_by(receipt), follow=True)
    kept = answer.content.decode()
    for words in ("Importación hecha en 2 registros: 1 nuevo y 1 modificado.", "por probar",
                  "Título; Inicio; Organizaciones", "vuelve a la versión 1", "se quita",
                  "Deshacer en 2 registros"):  # fmt: skip
        assert words in kept
    record.refresh_from_db()
    assert (record.title, record.start) == ("Título de después", "[2011..2012]")
    assert record.history.latest().history_change_reason.endswith(": por probar")

    undone = publisher.post(f"{HERE}{receipt.pk}/deshacer/", follow=True).content.decode()
    for words in ("Se deshizo en 2 registros.", "se quitó", "volvió a la versión 1"):
        assert words in undone
    record.refresh_from_db()
    assert (record.title, record.start) == ("Título de antes", "2011")
    assert not Event.objects.filter(slug="dos").exists()
    again = publisher.post(f"{HERE}{receipt.pk}/deshacer/", follow=True).content.decode()
    assert "ya se había deshecho" in again


def test_a_loss_happens_only_where_it_is_ticked(admin: Client) -> None:
    event(slug="uno", summary="Se queda", date_label="se va")
    table = "identificador,resumen,palabras_de_la_fuente\nuno,,"
    receipt = previewed(admin, table)
    shown = text_of(admin, f"{HERE}{receipt.pk}/revisar/")
    assert "Se pierden 2 datos" in shown
    assert "checked" not in shown
    confirm(admin, receipt, "uno:palabras_de_la_fuente")
    record = Event.objects.get()
    assert (record.summary, record.date_label) == ("Se queda", "")
    assert "se borró" in text_of(admin, receipt.get_absolute_url())


def test_what_changed_since_the_preview_is_shown_anew_and_not_overwritten(admin: Client) -> None:
    record = event(slug="uno", title="Antes")
    receipt = previewed(admin, "identificador,titulo\nuno,Mío")
    record.title = "De otra persona"
    record.save()
    answer = confirm(admin, receipt)
    assert answer.status_code == 409
    assert pages.STALE in answer.content.decode()
    assert "De otra persona" in answer.content.decode()
    record.refresh_from_db()
    assert record.title == "De otra persona"
    receipt.refresh_from_db()
    confirm(admin, receipt)
    record.refresh_from_db()
    assert record.title == "Mío"


def test_another_file_than_was_shown_is_not_confirmed(admin: Client) -> None:
    receipt = previewed(admin, NEW)
    receipt.sha256 = "0" * 64
    assert confirm(admin, receipt).status_code == 409
    assert not Event.objects.exists()


def test_a_preview_is_not_confirmed_by_the_address_of_another(
    admin: Client, publisher: Client
) -> None:
    mine, theirs = previewed(admin, NEW), previewed(publisher, NEW)
    sources = f"{HERE}importar/fuentes/"
    other = upload(admin, "identificador,titulo,texto\nf,F,Texto.", sources)["Location"]
    other_table = Receipt.objects.get(pk=re.search(r"/(\d+)/revisar/", other)[1])
    for receipt in (theirs, other_table):
        assert admin.post(f"{HERE}{mine.pk}/confirmar/", shown_by(receipt)).status_code == 409
    assert not Receipt.objects.made().exists()


def test_a_second_confirmation_leads_to_the_receipt(admin: Client) -> None:
    receipt = imported(admin, NEW)
    assert confirm(admin, receipt)["Location"] == receipt.get_absolute_url()
    assert Event.history.count() == 1


def test_what_was_cleaned_away_or_never_was_gets_a_clear_page(admin: Client) -> None:
    receipt = previewed(admin, NEW)
    Receipt.objects.filter(pk=receipt.pk).update(created_at=timezone.now() - timedelta(days=2))
    previewed(admin, NEW)
    for pk in (receipt.pk, 999_999, 10**30):
        for page in ("revisar/", "releer/", "confirmar/", "errores.csv"):
            answer = admin.post(f"{HERE}{pk}/{page}")
            assert answer.status_code == 404
            assert pages.GONE in answer.content.decode()
        for page in ("deshacer/", "change/"):
            assert "No hay ninguna importación" in admin.post(f"{HERE}{pk}/{page}").content.decode()
    assert not Event.objects.exists()


def test_a_preview_is_only_for_who_uploaded_its_file(admin: Client, publisher: Client) -> None:
    receipt = previewed(publisher, NEW)
    answer = confirm(admin, receipt)
    assert answer.status_code == 403
    assert pages.OF_ANOTHER in answer.content.decode()
    assert not Event.objects.exists()


def test_a_get_confirms_and_undoes_nothing(admin: Client) -> None:
    waiting, made = previewed(admin, NEW), None
    admin.get(f"{HERE}{waiting.pk}/confirmar/", shown_by(waiting))
    assert not Event.objects.exists()
    made = imported(admin, NEW)
    for ask in (admin.get, admin.head):
        ask(f"{HERE}{made.pk}/deshacer/")
    assert Event.objects.exists()


def test_errors_are_listed_and_their_rows_come_back_corrected(admin: Client) -> None:
    receipt = previewed(admin, FAULTY)
    shown = text_of(admin, f"{HERE}{receipt.pk}/revisar/")
    for words in ("1 error en 1 de 2 filas", "Fila 3", "¿Quiso decir «acuerdo»?"):
        assert words in shown
    assert confirm(admin, receipt).status_code == 302
    assert not Event.objects.exists()
    for format_name in FORMATS:
        rows = rows_of(admin.get(f"{HERE}{receipt.pk}/errores.{format_name}"))
        assert [cells[:3] for cells in rows] == [["malo", "T", "acuerdos"]]
    told = rows[0][3].replace(",", "")
    corrected = f"identificador,titulo,categoria,que_corregir\nmalo,T,acuerdo,{told}"
    assert imported(admin, corrected).new == 1
    assert admin.get(f"{HERE}{receipt.pk}/errores.pdf").status_code == 404


def test_an_encoding_read_wrong_is_corrected_by_hand(admin: Client) -> None:
    content = "identificador;titulo;categoria\nuno;Acción pública;acuerdo".encode("cp1252")
    wrong = previewed(admin, SimpleUploadedFile("a.csv", content))
    assert wrong.encoding == "cp1252"
    url = f"{HERE}{wrong.pk}/releer/"
    told = admin.post(url, {"encoding": "utf-8-sig", "delimiter": ";"}, follow=True)
    assert "La codificación no es la que parecía" in told.content.decode()
    utf8 = "identificador;titulo;categoria\nuno;Acción pública;acuerdo".encode()
    file = SimpleUploadedFile("a.csv", utf8)
    garbled = previewed(admin, file, encoding="cp1252")
    assert "AcciÃ³n" in text_of(admin, f"{HERE}{garbled.pk}/revisar/")
    admin.post(f"{HERE}{garbled.pk}/releer/", {"encoding": "utf-8-sig", "delimiter": ";"})
    garbled.refresh_from_db()
    confirm(admin, garbled)
    assert Event.objects.get().title == "Acción pública"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "vac"),
        (b"\0\0\0", "nulo"),
        (b"%PDF-1.7", "No es CSV ni XLSX"),
        (b"PK\x03\x04 and no more", "dañado"),
        (b"identificador,titulos\nx,T", "¿quiso decir «titulo»?"),
        (b'identificador,titulo\nx,"T', "comillas"),
    ],
)
def test_what_cannot_be_read_is_refused_beside_its_field(
    content: bytes, told: str, admin: Client
) -> None:
    answer = upload(admin, SimpleUploadedFile("a.csv", content))
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not Receipt.objects.exists()


def test_what_is_too_large_is_refused_unread_with_the_command_to_use(
    admin: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(Receipt, "save", lambda *_: pytest.fail("it was read"))
    answer = upload(admin, SimpleUploadedFile("a.csv", b"x" * (ADMIN_BYTES + 10)))
    assert answer.status_code == 422
    assert "manage.py import_records" in answer.content.decode()
    answer = upload(admin, SimpleUploadedFile("a.csv", b"x" * (ADMIN_BYTES + 100_000)))
    assert answer.status_code == 413
    assert "manage.py import_records" in answer.content.decode()
    assert upload(admin, NEW, reason="x" * 3_000_000).status_code == 413
    assert upload(admin, NEW, **{f"f{n}": "" for n in range(1100)}).status_code == 413


@pytest.mark.parametrize(
    "name",
    [
        "a\r\nSet-Cookie: b.csv",
        "../../etc/passwd",
        "x" * 5000 + ".csv",
        "<script>alert(1)</script>",
    ],
)
def test_a_hostile_file_name_is_only_a_name(name: str, admin: Client) -> None:
    body = (
        '--b\r\nContent-Disposition: form-data; name="import_file"; filename="{}"\r\n'
        "\r\n{}\r\n--b--\r\n"
    ).format(name.replace("\r\n", "\n"), NEW)
    answer = admin.generic("POST", UPLOAD, body, "multipart/form-data; boundary=b")
    assert answer.status_code in (302, 400, 422)
    for receipt in Receipt.objects.all():
        assert not re.search(r"[\r\n/]|^.{201}", receipt.file_name)
        shown = text_of(admin, f"{HERE}{receipt.pk}/revisar/")
        confirm(admin, receipt)
        shown += text_of(admin, receipt.get_absolute_url()) + text_of(admin, HERE)
        assert "<script>alert" not in shown


def test_hostile_cells_are_inert_in_preview_errors_and_receipt(admin: Client) -> None:
    bad = "<script>alert(1)</script>"
    event(slug="uno", title=bad, summary=f"{bad} a", date_label=bad)
    table = (
        "identificador,titulo,categoria,resumen,palabras_de_la_fuente\n"
        f"uno,{bad} x,acuerdo,{bad} b,\ndos,{bad},acuerdo,{bad},{bad}"
    )
    receipt = previewed(admin, table)
    shown = text_of(admin, f"{HERE}{receipt.pk}/revisar/")
    confirm(admin, receipt)
    shown += text_of(admin, receipt.get_absolute_url())
    faulty = previewed(admin, f"identificador,titulo,categoria\ntres,T,{bad}")
    shown += text_of(admin, f"{HERE}{faulty.pk}/revisar/")
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown


def test_long_texts_are_compared_at_once(admin: Client) -> None:
    long = "palabra que se repite " * 20_000
    event(slug="uno", summary=long)
    receipt = previewed(admin, f"identificador,resumen\nuno,{long} y otra cosa {long}")
    assert len(text_of(admin, f"{HERE}{receipt.pk}/revisar/")) < 60_000


def test_a_receipt_says_what_was_changed_later_and_by_whom(admin: Client) -> None:
    event(slug="uno", title="Uno")
    receipt = imported(admin, "identificador,titulo,categoria\nuno,Otro,acuerdo\ndos,Dos,acuerdo")
    for record in Event.objects.all():
        record._history_user = admin.user
        record.summary = "Otra mano"
        record.save() if record.slug == "uno" else record.delete()
    shown = text_of(admin, receipt.get_absolute_url())
    assert "admin lo cambió después, el" in shown
    assert "lo borró después, el" in shown
    assert "Deshacer en" not in shown


# Out


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_whole_list_goes_out_drafts_included_and_comes_back_unchanged(
    format_name: str, editor: Client
) -> None:
    event(slug="publico", title="=1+1")
    event(slug="borrador", publish_at=None)
    answer = editor.get(EXPORT, {"formato": format_name})
    assert re.fullmatch(
        r'attachment; filename="eventos-\d{4}-\d\d-\d\d\.(csv|xlsx)"', answer["Content-Disposition"]
    )
    content = answer.getvalue()
    assert editor.head(EXPORT, {"formato": format_name}).getvalue() == b""
    assert (
        str(dry_run("eventos", content, editor))
        == "nuevos: 0, modificados: 0, sin cambios: 2, errores: 0"
    )


def test_the_list_goes_out_as_it_is_filtered_and_searched(editor: Client) -> None:
    event(slug="uno", title="Acción", category="acuerdo")
    event(slug="dos", title="Acción", category="relevo", publish_at=None)
    event(slug="tres", title="Otra cosa", category="relevo")
    listed = text_of(editor, "/admin/timeline/event/?category=relevo&q=accion")
    link = re.search(rf'href="({EXPORT}\?[^"]*)"', listed)[1].replace("&amp;", "&")
    shown = text_of(editor, link)
    assert "1 registro</strong>: el de la lista como la tenía filtrada" in shown
    assert '<input type="hidden" name="q" value="accion">' in shown
    assert [row[0] for row in rows_of(editor.get(f"{link}&formato=csv"))] == ["dos"]
    drafts = editor.get(f"{EXPORT}?estado=borrador&p=7&formato=csv")
    assert [row[0] for row in rows_of(drafts)] == ["dos"]


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_chosen_rows_go_out(format_name: str, editor: Client, reader: Client) -> None:
    one, _other = event(slug="uno"), event(slug="dos")
    chosen = {"action": f"export_{format_name}", "_selected_action": [one.pk]}
    answer = editor.post("/admin/timeline/event/", chosen)
    assert [row[0] for row in rows_of(answer)] == ["uno"]
    assert "Content-Disposition" not in reader.post("/admin/timeline/event/", chosen)


@pytest.mark.parametrize("query", ["categoria=x", "x__y=1", "id__exact=a", "organizations__name=x"])
def test_a_filter_that_the_list_does_not_know_is_refused_clearly(
    query: str, editor: Client
) -> None:
    for address in (f"{EXPORT}?{query}", f"{EXPORT}?{query}&formato=csv"):
        answer = editor.get(address)
        assert answer.status_code == 400
        assert UNKNOWN_FILTER in answer.content.decode()


@pytest.mark.parametrize(
    "url", [f"{EXPORT}?formato=pdf", f"{HERE}exportar/nada/", f"{HERE}importar/nada/"]
)
def test_unknown_formats_and_tables_are_not_found(url: str, editor: Client) -> None:
    assert editor.get(url).status_code == 404


# For everybody


@pytest.mark.parametrize("name", RESOURCES)
@pytest.mark.parametrize("format_name", ["csv", "xlsx"])
def test_a_public_table_has_all_that_is_public_and_comes_back_unchanged(
    name: str, format_name: str, visitor: Client, publisher: Client
) -> None:
    call_command("load_record", verbosity=0)
    answer = visitor.get(f"/datos/{name}.{format_name}")
    assert f'filename="{name}-' in answer["Content-Disposition"]
    assert not answer.cookies
    assert "Vary" not in answer
    content = answer.getvalue()
    headers = read_dataset(io.BytesIO(content), 10_000).headers
    assert headers == RESOURCES[name]().get_export_headers()
    count = RESOURCES[name].model.objects.visible_to(None).count()
    outcome = dry_run(name, content, publisher)
    assert str(outcome) == f"nuevos: 0, modificados: 0, sin cambios: {count}, errores: 0"


@pytest.mark.parametrize("hidden", ["draft", "scheduled", "withdrawn"])
def test_no_public_table_tells_of_what_is_not_public_not_even_in_a_cell(
    hidden: str, visitor: Client
) -> None:
    times = {
        "draft": {"publish_at": None},
        "scheduled": {"publish_at": TOMORROW},
        "withdrawn": {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
    }[hidden]
    secret = organization(slug="canario-o", name="canario", **times)
    known, here = organization(slug="conocida"), source(slug="fuente")
    happened, unknown = event(slug="publico"), event(slug="canario-e", title="canario", **times)
    happened.organizations.set([secret, known])
    said = statement(slug="dicho")
    said.organizations.set([secret, known])
    said.events.set([happened, unknown])
    membership(slug="canario-m", organization=known, replaces=secret)
    term(slug="canario-t", organization=secret)
    citation(unknown, source=here, slug="canario-c")
    citation(happened, source=source(slug="canario-f", title="canario", **times))
    for name in RESOURCES:
        content = visitor.get(f"/datos/{name}.csv").getvalue().decode()
        assert "canario" not in content, name
    assert rows_of(visitor.get("/datos/eventos.csv"))[0][8] == "conocida"
    assert rows_of(visitor.get("/datos/pronunciamientos.csv"))[0][7:9] == ["conocida", "publico"]
    assert "canario" not in visitor.get("/datos/").content.decode()


def test_staff_download_what_a_visitor_does(admin: Client) -> None:
    event(slug="borrador", publish_at=None)
    assert rows_of(admin.get("/datos/eventos.csv")) == []


def test_the_timeline_goes_out_as_it_is_filtered(visitor: Client) -> None:
    one = event(slug="uno", start="2011", category="acuerdo")
    event(slug="dos", start="2011", category="relevo")
    event(slug="tres", start="", category="acuerdo")
    one.organizations.add(organization(slug="una"))
    listed = text_of(visitor, "/linea-de-tiempo/?anio=2011&categoria=acuerdo&organizacion=una")
    link = re.search(r'href="(/datos/eventos.csv\?[^"]*)"', listed)[1].replace("&amp;", "&")
    assert [row[0] for row in rows_of(visitor.get(link))] == ["uno"]
    undated = visitor.get("/datos/eventos.csv?anio=sin-fecha")
    assert [row[0] for row in rows_of(undated)] == ["tres"]


def test_statements_go_out_as_they_are_filtered(visitor: Client) -> None:
    statement(slug="uno").organizations.add(organization(slug="una"))
    statement(slug="dos")
    narrowed = visitor.get("/datos/pronunciamientos.csv?organizacion=una")
    assert [row[0] for row in rows_of(narrowed)] == ["uno"]


def test_the_dictionary_says_of_each_moment_what_its_absence_means(visitor: Client) -> None:
    text = text_of(visitor, "/datos/")
    assert "Vacío: borrador" in text
    assert "Vacío: no se retira" in text


@pytest.mark.parametrize(
    "url",
    ["nada.csv", "eventos.pdf", "eventos.excel", "eventos.csv?anio=1", "eventos.csv?anio=x",
     "eventos.csv?organizacion=nadie", "eventos.csv?otra=cosa", "fuentes.csv?anio=2011",
     "pronunciamientos.csv?organizacion=nadie", "pronunciamientos.csv?anio=2011"],
)  # fmt: skip
def test_unknown_tables_formats_and_filters_are_not_found(url: str, visitor: Client) -> None:
    assert visitor.get(f"/datos/{url}").status_code == 404


def test_data_are_read_and_nothing_else(visitor: Client) -> None:
    for url in ("/datos/", "/datos/eventos.csv", "/datos/eventos.xlsx"):
        assert visitor.post(url).status_code == 405
        head, got = visitor.head(url), visitor.get(url)
        assert head.status_code == 200
        assert head.getvalue() == b""
        assert head["Content-Type"] == got["Content-Type"]
        assert head.get("Content-Length") in (None, got.get("Content-Length"))
        assert got.getvalue()


def test_the_dictionary_has_every_column_of_every_table(visitor: Client) -> None:
    shown = text_of(visitor, "/datos/")
    for name, resource in RESOURCES.items():
        section = shown.split(f'<section id="{name}">')[1].split("</section>")[0]
        for header in resource().get_export_headers():
            assert f'<code class="key">{header}</code>' in section
    assert 'rel="license' in shown


def test_lists_lead_to_their_tables(visitor: Client) -> None:
    for url, names in {
        "/organizaciones/": ("organizaciones", "membresias"), "/fuentes/": ("fuentes",),
        "/representacion/": ("representacion",), "/pronunciamientos/": ("pronunciamientos",),
        "/linea-de-tiempo/": ("eventos",),
    }.items():  # fmt: skip
        shown = text_of(visitor, url)
        for name in names:
            assert f'href="/datos/{name}.csv"' in shown
            assert f'href="/datos/{name}.xlsx"' in shown


# What it costs


def cost(ask: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = ask()
        assert response.status_code == 200
        response.getvalue()
    return len(queries)


def import_of(some: int, person: Client) -> Receipt:
    """A preview that changes some events and makes as many."""
    old = [event(slug=f"viejo-{some}-{n}").slug for n in range(some)]
    rows = [f"{slug},Otro,acuerdo,una" for slug in old]
    rows += [f"nuevo-{some}-{n},T,acuerdo,una" for n in range(some)]
    return previewed(person, "\n".join(["identificador,titulo,categoria,organizaciones", *rows]))


def test_pages_ask_the_database_the_same_however_many_rows(admin: Client, visitor: Client) -> None:
    organization(slug="una")

    def costs(some: int) -> list[int]:
        receipt = import_of(some, admin)
        found = [cost(lambda: admin.get(f"{HERE}{receipt.pk}/revisar/"))]
        confirm(admin, receipt)
        for record in Event.objects.filter(slug__startswith=f"viejo-{some}")[: some // 2]:
            record.save()
        for url in (HERE, receipt.get_absolute_url(), EXPORT, f"{EXPORT}?formato=csv"):
            found.append(cost(lambda url=url: admin.get(url)))
        for url in ("/datos/", "/datos/eventos.csv"):
            found.append(cost(lambda url=url: visitor.get(url)))
        return found

    few, many = costs(2), costs(20)
    assert few == many
    assert max(many) < 20


# By hand


@pytest.mark.django_db(transaction=True)
def test_a_file_is_imported_without_javascript_under_a_strict_policy(
    page: Any, browser: Any, live_server: Any
) -> None:
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
