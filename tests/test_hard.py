"""What is slow or breaks things: a real LibreOffice, and processes killed in mid-import.

`make test-hard`; in CI always.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from editing.resources import RecordResource
from exchange.formats import FORMATS, read_dataset
from exchange.imports import RESOURCES
from exchange.models import Receipt
from tests.records import organization
from timeline.models import Event, EventOrganization

pytestmark = [pytest.mark.hard, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parent.parent
KILLS = 20
ROWS = 6_000
CSV_WINDOWS = "csv:Text - txt - csv (StarCalc):59,34,1252,1,,0,false,true,false"
UTF_8 = {"csv": "44,34,76,1", "excel": "59,34,76,1"}
TEXT_COLUMNS = "/".join(f"{number}/2" for number in range(1, 21))


# LibreOffice


@pytest.fixture(scope="session")
def office() -> str:
    path = shutil.which("soffice")
    assert path, "No LibreOffice, and none could be had: apt install libreoffice-calc"
    return path


def saved_by(
    office: str, files: list[Path], target: str, folder: Path, opened_as: str = ""
) -> None:
    """The files as LibreOffice saves them after opening them; one start for all of them."""
    opening = [f"--infilter={opened_as}"] if opened_as else []
    profile = f"-env:UserInstallation=file://{folder.parent}/profile"
    command = [office, profile, "--headless", *opening, "--convert-to", target, "--outdir"]
    done = subprocess.run(
        [*command, str(folder), *map(str, files)], capture_output=True, text=True, timeout=180
    )
    assert {file.stem for file in folder.iterdir()} == {file.stem for file in files}, done.stderr


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("target", [CSV_WINDOWS, "xlsx"], ids=["windows-1252", "xlsx"])
def test_what_libreoffice_saves_of_our_files_comes_back_as_zero_changes(
    office: str, format_name: str, target: str, tmp_path: Path
) -> None:
    call_command("load_record", verbosity=0)
    files = []
    for name, resource in RESOURCES.items():
        file = tmp_path / f"{name}.{'xlsx' if format_name == 'xlsx' else 'csv'}"
        with file.open("wb") as out:
            rows = resource().rows(resource.model.objects.all())
            FORMATS[format_name]().write(out, rows, name)
        files.append(file)
    opened_as = ""
    if format_name != "xlsx":  # every column as text, as a careful person would choose
        opened_as = f"Text - txt - csv (StarCalc):{UTF_8[format_name]},{TEXT_COLUMNS}"
    folder = tmp_path / "saved"
    folder.mkdir()
    saved_by(office, files, target, folder, opened_as)
    for name, resource in RESOURCES.items():
        (file,) = folder.glob(f"{name}.*")
        with file.open("rb") as content:
            dataset = read_dataset(content, 10_000)
        assert bool(dataset.encoding) == target.startswith("csv")
        outcome = resource().import_data(dataset, dry_run=True)
        lost = [] if target == "xlsx" else beyond_windows_1252(resource())
        assert [error.cells[0] for error in outcome.errors] == lost
        assert outcome.counts == (0, 0, resource.model.objects.count() - len(lost))


def beyond_windows_1252(resource: RecordResource) -> list[str]:
    """The records with a character that Windows-1252 has not, which must be errors when they come
    back, no silent changes."""
    rows = resource.rows(resource.model.objects.all())
    return [
        row[0]
        for row in rows
        if "?" in "".join(row).replace("?", "").encode("cp1252", "replace").decode("cp1252")
    ]


# Processes


def csv_file(path: Path, edition: str) -> Path:
    lines = [f"e-{n},{edition} {n},acuerdo,{'uno; dos' if n % 2 else 'dos'}" for n in range(ROWS)]
    path.write_text("\n".join(["identificador,titulo,categoria,organizaciones", *lines]))
    return path


def importer(path: Path) -> subprocess.Popen:
    """`manage.py import_records` in a process of its own, on the database of the tests."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{settings['NAME']}"
    else:
        url = re.sub(r"/[^/]*$", f"/{settings['NAME']}", os.environ["DATABASE_URL"])
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_records", "eventos", str(path)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def state() -> tuple[int, ...]:
    """How many records, versions, relations and receipts there are, the records of one edition."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchall() == [("ok",)]
    editions = {title.split()[0] for title in Event.objects.values_list("title", flat=True)}
    assert len(editions) <= 1
    counted = (Event.objects, Event.history, EventOrganization.objects, Receipt.objects)
    return tuple(manager.count() for manager in counted)


def test_an_import_killed_at_any_moment_leaves_all_or_nothing(tmp_path: Path) -> None:
    for slug in ("uno", "dos"):
        organization(slug=slug)
    files = [csv_file(tmp_path / f"{edition}.csv", edition) for edition in ("primera", "segunda")]
    relations, chance, killed = ROWS + ROWS // 2, random.Random(1), 0  # noqa: S311
    takes = _seconds_of(importer(files[0]), 120)
    assert state() == (ROWS, ROWS, relations, 1)
    for number in range(1, KILLS * 3):
        before = state()
        killed += not _seconds_of(importer(files[number % 2]), takes * chance.uniform(0, 0.9))
        receipt_more = before[3] + 1
        done, nothing_to_do = (
            (ROWS, before[1] + ROWS, relations, receipt_more),
            (*before[:3], receipt_more),
        )
        assert state() in (before, done, nothing_to_do)
        if killed == KILLS:
            return
    pytest.fail(f"It was killed {killed} times only; the others were done before")


def _seconds_of(process: subprocess.Popen, at_most: float) -> float:
    """How long the import itself took, of a process killed when that is too long: then 0."""
    with process:
        process.stderr.readline()  # says what kind of file it is, when it is about to begin
        started = time.monotonic()
        try:
            assert process.wait(at_most) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return 0
    return time.monotonic() - started


def test_of_two_imports_of_one_file_at_once_both_end_well_and_one_makes_it(tmp_path: Path) -> None:
    for slug in ("uno", "dos"):
        organization(slug=slug)
    path = csv_file(tmp_path / "a.csv", "primera")
    with importer(path) as one, importer(path) as other:
        processes = [one, other]
        said = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sorted(out.splitlines()[-1] for out, _ in said) == [
        f"nuevos: 0, modificados: 0, sin cambios: {ROWS}, errores: 0",
        f"nuevos: {ROWS}, modificados: 0, sin cambios: 0, errores: 0",
    ]
    assert "locked" not in "".join(err for _, err in said)
    assert state() == (ROWS, ROWS, ROWS + ROWS // 2, 2)
