"""Imports of files from a real LibreOffice, and imports that are killed. `make test-hard`."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import call_command
from django.db import connection

from editing.resources import RecordResource
from exchange.formats import FORMATS
from exchange.imports import RESOURCES
from exchange.models import Receipt
from tests.records import organization
from tests.sheets import dataset_of, exported, file_as
from timeline.models import Event, EventOrganization

pytestmark = [
    pytest.mark.hard,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("words"),
]

ROOT = Path(__file__).resolve().parent.parent
KILLS = 20
ROWS = 6_000
CSV_WINDOWS = "csv:Text - txt - csv (StarCalc):59,34,1252,1,,0,false,true,false"
UTF_8 = {"csv": "44,34,76,1", "excel": "59,34,76,1"}
TEXT_COLUMNS = "/".join(f"{number}/2" for number in range(1, 21))


def saved_by_libreoffice(files: list[Path], target: str, opened_as: str, folder: Path) -> None:
    """Opens the files and saves them in the folder, with one start for all of them."""
    office = shutil.which("soffice")
    assert office, "No LibreOffice, and none could be had: apt install libreoffice-calc"
    folder.mkdir()
    profile = f"-env:UserInstallation=file://{folder.parent}/profile"
    command = [office, profile, "--headless", opened_as, "--convert-to", target]
    done = subprocess.run(
        [*filter(None, command), "--outdir", str(folder), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert {file.stem for file in folder.iterdir()} == {file.stem for file in files}, done.stderr


@pytest.mark.once
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("target", [CSV_WINDOWS, "xlsx"], ids=["windows-1252", "xlsx"])
def test_our_files_saved_by_libreoffice_come_back_as_zero_changes(format_name, target, tmp_path):
    call_command("load_record", verbosity=0)
    ending, opened_as = "xlsx", ""
    if format_name != "xlsx":  # every column as text, as a careful person would choose
        reading = f"{UTF_8[format_name]},{TEXT_COLUMNS}"
        ending, opened_as = "csv", f"--infilter=Text - txt - csv (StarCalc):{reading}"
    files = [tmp_path / f"{name}.{ending}" for name in RESOURCES]
    for file in files:
        file.write_bytes(exported(file.stem, format_name))
    saved_by_libreoffice(files, target, opened_as, tmp_path / "saved")
    for name, resource in RESOURCES.items():
        (file,) = (tmp_path / "saved").glob(f"{name}.*")
        dataset = dataset_of(file.read_bytes())
        assert bool(dataset.encoding) == target.startswith("csv")
        outcome = resource().import_data(dataset, dry_run=True)
        lost = [] if target == "xlsx" else beyond_windows_1252(resource())
        slugs = dict(zip(dataset.row_numbers, dataset["identificador"], strict=True))
        assert [slugs[error.row] for error in outcome.errors] == lost
        assert outcome.counts == (0, 0, resource.model.objects.count() - len(lost))


@pytest.mark.once
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("format_name", ["csv", "excel"])
def test_no_text_runs_as_a_formula_in_libreoffice_whatever_the_separator(
    separator, format_name, tmp_path
):
    leads = [*"=+-@", "\t=", "\n=", "\r=", " =", "'=", '"=', "'\"="]
    separators = ["", *",;\t\r\n", "\r\n", ";;", "; ", '";', "';", '"\n']
    texts = [f"a{s}{lead}1+1" for s in separators for lead in leads] + [f"{c}1+1" for c in leads]
    rows = [["texto"], *([text] for text in texts)]
    file = tmp_path / "formulas.csv"
    file.write_bytes(file_as(format_name, rows))
    assert list(dataset_of(file.read_bytes())) == [tuple(row) for row in rows[1:]]
    bare = tmp_path / "bare.csv"
    bare.write_text(f"a{separator}=1+1\n")
    opened_as = f"--infilter=Text - txt - csv (StarCalc):{ord(separator)},34,76"
    saved_by_libreoffice([file, bare], "fods", opened_as, tmp_path / "saved")
    assert "table:formula" in (tmp_path / "saved" / "bare.fods").read_text()
    assert "table:formula" not in (tmp_path / "saved" / "formulas.fods").read_text()


def beyond_windows_1252(resource: RecordResource) -> list[str]:
    """The records with a character that Windows-1252 lacks, which must come back as errors and not
    as silent changes."""
    rows = resource.rows(resource.model.objects.all())
    return [
        row[0]
        for row in rows
        if "?" in "".join(row).replace("?", "").encode("cp1252", "replace").decode("cp1252")
    ]


# Processes


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two editions of one table, for organizations that exist."""
    for slug in ("uno", "dos"):
        organization(slug=slug)
    return [csv_file(tmp_path / f"{edition}.csv", edition) for edition in ("primera", "segunda")]


def csv_file(path: Path, edition: str) -> Path:
    lines = [f"e-{n},{edition} {n},acuerdo,{'uno; dos' if n % 2 else 'dos'}" for n in range(ROWS)]
    path.write_text("\n".join(["identificador,titulo,categoria,nombradas", *lines]))
    return path


def importer(path: Path) -> subprocess.Popen:
    """`manage.py import_records` on the database of the tests."""
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}"
    if connection.vendor == "postgresql":
        url = re.sub(r"/[^/]*$", f"/{name}", os.environ["DATABASE_URL"])
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_records", "eventos", str(path)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


RELATIONS = ROWS + ROWS // 2


class State(NamedTuple):
    """The numbers of rows of each kind."""

    records: int
    versions: int
    relations: int
    receipts: int


def state() -> State:
    """The present state. The database must be whole, and all records of one edition."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA integrity_check")
            assert cursor.fetchall() == [("ok",)]
    editions = {title.split()[0] for title in Event.objects.values_list("title", flat=True)}
    assert len(editions) <= 1
    counted = (Event.objects, Event.history, EventOrganization.objects, Receipt.objects)
    return State(*(manager.count() for manager in counted))


def test_an_import_killed_at_any_moment_leaves_all_or_nothing(files):
    chance, killed = random.Random(1), 0  # noqa: S311
    seconds = seconds_of(importer(files[0]), 120)
    assert state() == (ROWS, ROWS, RELATIONS, 1)
    for number in range(1, KILLS * 3):
        before = state()
        killed += not seconds_of(importer(files[number % 2]), seconds * chance.uniform(0, 0.9))
        unchanged = before._replace(receipts=before.receipts + 1)  # the edition was there already
        done = unchanged._replace(versions=before.versions + ROWS)
        assert state() in (before, unchanged, done)
        if killed == KILLS:
            return
    pytest.fail(f"It was killed {killed} times only; the others were done before")


def seconds_of(process: subprocess.Popen, at_most: float) -> float:
    """The seconds of the import itself; 0 for a process that took too long and was killed."""
    with process:
        process.stderr.readline()  # the kind of file, which the command prints first
        started = time.monotonic()
        try:
            assert process.wait(at_most) == 0
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return 0
    return time.monotonic() - started


def test_of_two_imports_of_one_file_at_once_both_end_well_and_one_makes_it(files):
    with importer(files[0]) as first, importer(files[0]) as second:
        output = [process.communicate(timeout=240) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), output
    assert sorted(out.splitlines()[-1] for out, _ in output) == [
        f"nuevos: 0, modificados: 0, sin cambios: {ROWS}, errores: 0",
        f"nuevos: {ROWS}, modificados: 0, sin cambios: 0, errores: 0",
    ]
    assert "locked" not in "".join(err for _, err in output)
    assert state() == (ROWS, ROWS, RELATIONS, 2)
