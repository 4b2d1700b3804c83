"""Spreadsheets in and out from the command line: the same rules, and a last line to count on."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exchange.formats import FORMATS
from exchange.imports import RESOURCES
from exchange.models import Receipt
from tests.records import event
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]
HEADERS = "identificador,titulo,categoria"
COUNTS = "nuevos: 1, modificados: 1, sin cambios: 1, errores: 0"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three events: a new one, a changed one, one as it is."""
    event(slug="uno", title="Antes")
    event(slug="dos", title="Igual")
    path = tmp_path / "eventos.csv"
    path.write_text(f"{HEADERS}\nuno,Después,acuerdo\ndos,Igual,acuerdo\ntres,Nuevo,acuerdo\n")
    return path


def run(*words: Any) -> tuple[str, str]:
    """The two streams of a command."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*map(str, words), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_dry_run_says_the_same_as_an_import_which_leaves_a_receipt(file):
    out, _err = run("import_records", "eventos", file, "--dry-run")
    assert out.splitlines()[-1] == COUNTS
    assert sorted(Event.objects.values_list("title", flat=True)) == ["Antes", "Igual"]
    assert not Receipt.objects.exists()
    out, err = run("import_records", "eventos", file, "--reason", "por probar")
    assert out.splitlines()[-1] == COUNTS
    assert "\r" not in out + err
    assert "CSV, UTF-8, separado por coma" in err
    receipt = Receipt.objects.get()
    assert (receipt.new, receipt.changed, receipt.same) == (1, 1, 1)
    assert (receipt.file_name, receipt.reason, receipt.user) == ("eventos.csv", "por probar", None)
    for slug in ("uno", "tres"):
        version = Event.objects.get(slug=slug).history.latest()
        assert version.history_change_reason == receipt.change_reason
        assert version.history_receipt == receipt.pk


def test_a_file_with_errors_tells_one_a_line_and_changes_nothing(tmp_path, capsys):
    path = tmp_path / "malo.csv"
    rows = ('uno,T,"acu\nerdos",2017-13', "dos,,acuerdo,", "tres,T,acuerdo,")
    path.write_text("\n".join([f"{HEADERS},inicio", *rows]))
    with pytest.raises(SystemExit) as ended:
        call_command("import_records", "eventos", path)
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out.endswith("errores: 3\n")
    lines = [line[:6] for line in err.splitlines() if line.startswith("Fila ")]
    assert lines == ["Fila 2", "Fila 2", "Fila 3"]
    assert not Event.objects.exists()
    assert not Receipt.objects.exists()


def test_an_import_has_the_rights_of_the_person_whose_it_is(file, editor, reader, publisher):
    for name, reason in (
        ("nadie", "No hay usuario activo «nadie»"),
        ("reader", "no tiene permiso"),
    ):
        with pytest.raises(CommandError, match=reason):
            run("import_records", "eventos", file, "--as", name)
    with pytest.raises(SystemExit):
        run("import_records", "eventos", file, "--as", "editor")
    assert Event.objects.get(slug="uno").title == "Antes"
    run("import_records", "eventos", file, "--as", "publisher")
    record = Event.objects.get(slug="uno")
    assert record.title == "Después"
    assert Receipt.objects.get().user == record.history.latest().history_user == publisher.user


def test_a_missing_file_table_or_column_is_named(tmp_path):
    (tmp_path / "otra.csv").write_text("nombre\nx\n")
    for command, table, name, reason in (
        ("import_records", "eventos", "nada.csv", r"No se puede leer «.*nada.csv»"),
        ("import_records", "nada", "x.csv", "organizaciones"),
        ("export_records", "nada", "x.csv", "organizaciones"),
        ("export_records", "eventos", "no/x.csv", "No se puede escribir"),
        ("import_records", "eventos", "otra.csv", "Falta la columna «identificador»"),
    ):
        with pytest.raises(CommandError, match=reason):
            run(command, table, tmp_path / name)


def test_every_table_goes_out_in_every_format_and_comes_back_unchanged(tmp_path):
    call_command("load_record", verbosity=0)
    for name, resource in RESOURCES.items():
        counts = f"sin cambios: {resource.model.objects.count()}, errores: 0\n"
        for format_name in FORMATS:
            path = tmp_path / f"{name}.tabla"
            run("export_records", name, path, "--format", format_name)
            out, _err = run("import_records", name, path, "--dry-run")
            assert out == f"nuevos: 0, modificados: 0, {counts}", (name, format_name)


def test_the_ending_says_the_format_and_standard_output_gets_the_same_bytes(tmp_path, capsysbinary):
    event(slug="uno", title="Acción", summary="dos\nrenglones")
    for ending, start in (("xlsx", b"PK\x03\x04"), ("csv", b"identificador,")):
        run("export_records", "eventos", tmp_path / f"a.{ending}")
        assert (tmp_path / f"a.{ending}").read_bytes().startswith(start)
    written = {}
    for format_name in FORMATS:
        capsysbinary.readouterr()
        call_command("export_records", "eventos", "--format", format_name)
        written[format_name], err = capsysbinary.readouterr()
        assert err == b""
    assert written["csv"] == (tmp_path / "a.csv").read_bytes()
    assert written["excel"].startswith(b"\xef\xbb\xbf")
    assert written["xlsx"].startswith(b"PK\x03\x04")
