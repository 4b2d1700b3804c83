"""Spreadsheets in and out from the command line: the same rules, and a last line to count on."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exchange.formats import FORMATS
from exchange.imports import RESOURCES
from exchange.models import Receipt
from tests.records import event, organization
from timeline.models import Event

pytestmark = pytest.mark.django_db
HEADERS = "identificador,titulo,categoria"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three events: a new one, a changed one, one as it is."""
    event(slug="uno", title="Antes")
    event(slug="dos", title="Igual")
    path = tmp_path / "eventos.csv"
    path.write_text(f"{HEADERS}\nuno,Después,acuerdo\ndos,Igual,acuerdo\ntres,Nuevo,acuerdo\n")
    return path


def run(*words: Any, **options: Any) -> tuple[str, str]:
    """What a command wrote to its two streams."""
    out, err = io.StringIO(), io.StringIO()
    call_command(*map(str, words), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_a_good_run_ends_with_its_counts_and_leaves_a_receipt(file: Path) -> None:
    out, err = run("import_records", "eventos", file, "--reason", "por probar")
    assert out.splitlines()[-1] == "nuevos: 1, modificados: 1, sin cambios: 1, errores: 0"
    assert "\r" not in out + err
    assert "CSV, UTF-8, separado por coma" in err
    receipt = Receipt.objects.get()
    assert (receipt.new, receipt.changed, receipt.same) == (1, 1, 1)
    assert (receipt.file_name, receipt.reason, receipt.user) == ("eventos.csv", "por probar", None)
    for slug in ("uno", "tres"):
        version = Event.objects.get(slug=slug).history.latest()
        assert version.history_change_reason == receipt.change_reason
        assert version.history_receipt == receipt.pk


def test_a_dry_run_says_the_same_and_writes_nothing(file: Path) -> None:
    out, _err = run("import_records", "eventos", file, "--dry-run")
    assert out.splitlines()[-1] == "nuevos: 1, modificados: 1, sin cambios: 1, errores: 0"
    assert Event.objects.count() == 2
    assert Event.objects.get(slug="uno").title == "Antes"
    assert not Receipt.objects.exists()


def test_a_file_with_errors_tells_one_a_line_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "malo.csv"
    path.write_text(
        f'{HEADERS},inicio\nuno,T,"acu\nerdos",2017-13\ndos,,acuerdo,\ntres,T,acuerdo,\n'
    )
    with pytest.raises(SystemExit) as ended:
        call_command("import_records", "eventos", path)
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out.endswith("errores: 3\n")
    told = [line for line in err.splitlines() if line.startswith("Fila ")]
    assert [line[:6] for line in told] == ["Fila 2", "Fila 2", "Fila 3"]
    assert not Event.objects.exists()
    assert not Receipt.objects.exists()


def test_whose_import_it_is_limits_what_it_may(
    file: Path, editor: Any, reader: Any, publisher: Any
) -> None:
    with pytest.raises(CommandError, match="No hay usuario activo «nadie»"):
        run("import_records", "eventos", file, "--as", "nadie")
    with pytest.raises(CommandError, match="«reader» no tiene permiso"):
        run("import_records", "eventos", file, "--as", "reader")
    with pytest.raises(SystemExit):
        run("import_records", "eventos", file, "--as", "editor")
    assert Event.objects.get(slug="uno").title == "Antes"
    run("import_records", "eventos", file, "--as", "publisher")
    assert Event.objects.get(slug="uno").title == "Después"
    assert Receipt.objects.get().user == publisher.user
    assert Event.objects.get(slug="uno").history.latest().history_user == publisher.user


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"No se puede leer «.*nada.csv»"):
        run("import_records", "eventos", tmp_path / "nada.csv")
    for command in ("import_records", "export_records"):
        with pytest.raises(CommandError, match="organizaciones"):
            run(command, "nada", tmp_path / "x.csv")
    with pytest.raises(CommandError, match="No se puede escribir"):
        run("export_records", "eventos", tmp_path / "no" / "x.csv")
    (tmp_path / "otra.csv").write_text("nombre\nx\n")
    with pytest.raises(CommandError, match="Falta la columna «identificador»"):
        run("import_records", "eventos", tmp_path / "otra.csv")


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_table_goes_out_and_comes_back_unchanged(format_name: str, tmp_path: Path) -> None:
    call_command("load_record", verbosity=0)
    for name, resource in RESOURCES.items():
        path = tmp_path / f"{name}.tabla"
        run("export_records", name, path, "--format", format_name)
        out, _err = run("import_records", name, path, "--dry-run")
        count = resource.model.objects.count()
        assert out == f"nuevos: 0, modificados: 0, sin cambios: {count}, errores: 0\n"


def test_the_ending_of_the_file_says_its_format(tmp_path: Path) -> None:
    event()
    run("export_records", "eventos", tmp_path / "a.xlsx")
    assert (tmp_path / "a.xlsx").read_bytes().startswith(b"PK")
    run("export_records", "eventos", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes().startswith(b"identificador,")


def test_to_standard_output_go_the_bytes_of_the_file_and_nothing_else(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture
) -> None:
    event(slug="uno", title="Acción", summary="dos\nrenglones")
    organization()
    call_command("export_records", "eventos", tmp_path / "a.csv")
    for format_name in FORMATS:
        capsysbinary.readouterr()
        call_command("export_records", "eventos", "--format", format_name)
        out, err = capsysbinary.readouterr()
        assert err == b""
        if format_name == "csv":
            assert out == (tmp_path / "a.csv").read_bytes()
        assert out[:3] in (b"ide", b"\xef\xbb\xbf", b"PK\x03")
