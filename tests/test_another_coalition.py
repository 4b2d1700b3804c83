"""Another coalition: its folder, its settings, and a site without a word of the first."""

import json
import os
import re
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.test import Client

from exchange.facts import MODELS
from organizations.models import Organization
from sources.models import Citation
from tests.markup import PAGES, page
from tests.records import LONG_AGO, MAKERS, category, event, organization
from tests.sheets import csv_of, dry_run, exported
from timeline.models import Event
from timeline.vocabulary import EventCategory
from tools.production import PRODUCTION

ROOT = Path(__file__).resolve().parent.parent
ANSWERS = {
    "COALITION_NAME": 'Unión «Ciudadana»: la "U"',
    "COALITION_ARTICLE": "la",
    "COALITION": "union-ciudadana",
    "SITE_NAME": "Unión d'Ejemplo",
    "PUBLISHER": "Fundación Ñandú",
    "PUBLISHER_ADDRESS": "Calle 5 # 10, Lima",
    "CONTACT_EMAIL": "correo@ejemplo.pe",
    "TIME_ZONE": "America/Lima",
    "COUNTRY": "Perú",
}
database = pytest.mark.django_db


def python(*command: str, **variables: str) -> subprocess.CompletedProcess:
    """Runs Python without the settings of the tests."""
    ours = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=ours | variables, text=True,
        capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def new(folder: Path, **answers: str) -> subprocess.CompletedProcess:
    return python("tools/new.py", str(folder), **ANSWERS | answers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert new(tmp_path / "union").returncode == 0
    return tmp_path / "union"


def configured(**variables: str) -> dict[str, Any]:
    names = "COALITION SITE_NAME PUBLISHER TIME_ZONE COUNTRY MEDIA_ROOT DATABASE_URL".split()
    show = (
        "import json; from nucleo import settings as s; "
        f"print(json.dumps({{n: str(getattr(s, n)) for n in {names}}}))"
    )
    done = python("-c", show, **{"DEBUG": "1"} | variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_answers_become_a_folder_whose_settings_and_database_are_its_own(folder):
    assert (folder / "fuente.txt").read_text() == ""
    own = configured(RECORD=str(folder))
    assert own["SITE_NAME"] == "Unión d’Ejemplo"
    assert {own[name] == ANSWERS[name] for name in own.keys() & ANSWERS.keys() - {"SITE_NAME"}} == {
        True
    }
    assert own["DATABASE_URL"] == f"sqlite:///{folder}/db.sqlite3"
    assert own["MEDIA_ROOT"] == f"{folder}/media"
    first = configured(DATABASE_URL="sqlite://:memory:")
    assert first["COALITION"] != own["COALITION"]
    assert str(folder) not in "".join(first.values())


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"COALITION": "Unión Ciudadana"}, "por ejemplo «union-ciudadana»"),
        ({"COALITION": ""}, "Lleva solo letras minúsculas"),
        ({"COALITION_NAME": " "}, "Falta la respuesta"),
        ({"COALITION_ARTICLE": "lo"}, "Es el, la, los o las"),
        ({"TIME_ZONE": "Bogotá"}, "¿Quiso decir America/Bogota?"),
        ({"TIME_ZONE": "America/Atlantis"}, "No es una zona horaria"),
        ({"CONTACT_EMAIL": "correo"}, "No es un correo"),
        ({"PUBLISHER": "a ${HOME}"}, "No puede llevar"),
    ],
)
def test_an_answer_that_cannot_be_used_is_explained_and_nothing_is_written(
    tmp_path, answers, message
):
    done = new(tmp_path / "otra", **answers)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "otra").exists()


def test_a_folder_that_holds_something_or_is_a_file_is_left_as_it_is(tmp_path):
    (tmp_path / "llena").mkdir()
    for path in (tmp_path / "llena" / "tesis.txt", tmp_path / "archivo"):
        path.write_text("mío")
    for name in ("llena", "archivo"):
        done = new(tmp_path / name)
        assert (done.returncode, "no se escribió nada" in done.stderr) == (1, True)
    assert [path.name for path in (tmp_path / "llena").iterdir()] == ["tesis.txt"]
    assert "make new FOLDER=" in python("tools/new.py", "").stderr


def test_a_folder_without_a_record_is_named_by_make_run(tmp_path):
    done = python("tools/bootstrap.py", "run", RECORD=str(tmp_path))
    assert done.returncode == 1
    assert f"make new FOLDER={tmp_path}" in done.stderr


def test_a_server_gets_the_answers_a_key_of_its_own_and_the_authority_of_its_feeds(folder):
    path = folder / "nucleo.env"
    server = {"ALLOWED_HOSTS": "registro.pe", "SOURCE_URL": "https://codigo.pe/union"}
    for missing in server:
        rest = {name: value for name, value in server.items() if name != missing}
        assert (
            missing
            in python("tools/new.py", "--server", str(path), **rest, RECORD=str(folder)).stderr
        )
    done = python("tools/new.py", "--server", str(path), RECORD=str(folder), **server)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = dict(re.findall(r"^([A-Z_]+)='(.*)'$", path.read_text(), re.M))
    assert values["PUBLISHER"] == ANSWERS["PUBLISHER"]
    assert values["RECORD"] == str(folder)
    assert re.fullmatch(r"registro\.pe,20\d\d", values["TAG_AUTHORITY"])
    assert len(values["SECRET_KEY"]) > 50
    assert python("tools/new.py", "--server", str(path), **values).returncode == 1


def test_a_server_does_not_start_before_it_knows_who_answers_and_where_its_code_is():
    names = ("PUBLISHER", "PUBLISHER_ADDRESS", "SOURCE_URL")
    site = PRODUCTION | {"ALLOWED_HOSTS": "x", "DATABASE_URL": "sqlite://:memory:"}
    for changes, message in (
        (dict.fromkeys(names, ""), f"Set {', '.join(names)} in the environment"),
        ({"SOURCE_URL": "codigo.pe"}, "SOURCE_URL=codigo.pe is no web address"),
        ({"COALITION": "", "SITE_NAME": ""}, "Set COALITION, SITE_NAME"),
    ):
        done = python("manage.py", "check", **site | changes)
        assert (done.returncode, message in done.stderr) == (1, True), done.stderr


@database
def test_the_new_record_holds_the_coalition_and_the_example_loads_as_it_stands(folder, settings):
    settings.COALITION = "union-ciudadana"
    call_command("load_record", folder=folder)
    coalition = Organization.objects.get()
    assert coalition.with_article == f"la {ANSWERS['COALITION_NAME']}"
    for model in MODELS.values():
        model.objects.all().delete()
    facts = (folder / "facts.yaml").read_text()
    (folder / "fuente.txt").write_text("\n".join(re.findall("^#> (.*)", facts, re.M)))
    example = re.sub("^#(  .*)", r"\1", facts, flags=re.M)
    (folder / "facts.yaml").write_text(example.replace('    summary: ""\n', ""))
    call_command("load_record", folder=folder)
    assert Organization.objects.count() == 3
    assert Citation.objects.count() > 9


@database
def test_a_record_loads_only_where_the_site_is_its_coalition_s(folder, settings):
    own = r"es de la coalición «union-ciudadana».*make new FOLDER="
    with pytest.raises(CommandError, match=own):
        call_command("load_record", folder=folder)
    settings.COALITION = "union-ciudadana"
    with pytest.raises(CommandError, match="es de la coalición «nucleo»"):
        call_command("load_record")
    facts = folder / "facts.yaml"
    facts.write_text(facts.read_text().replace("coalition: union-ciudadana", "coalition: otra"))
    with pytest.raises(CommandError, match="unknown organization 'otra'"):
        call_command("load_record", folder=folder)
    with pytest.raises(CommandError, match=r"facts\.yaml"):
        call_command("load_record", folder=folder / "nada")
    assert not Organization.objects.exists()


@database
def test_every_page_says_who_publishes_and_links_to_its_source_code(visitor, settings):
    settings.PUBLISHER, settings.PUBLISHER_ADDRESS = "Fundación Ñandú", "Calle 5, Lima"
    settings.SOURCE_URL, settings.LANGUAGE_TAG = "https://codigo.pe/union", "es-PE"
    for url in [*PAGES, event().get_absolute_url(), "/buscar/?q=x"]:
        here = page(visitor, url)
        assert settings.SOURCE_URL in here.links, url
        assert "Publica este sitio" in here.text, url
        assert here.all("html") == [{"lang": "es-PE"}]
    assert settings.SOURCE_URL in visitor.get("/no-existe/").text
    about = page(visitor, "/acerca-de/")
    assert about.text.count("Calle 5, Lima") == 2 + 1  # the notice, who publishes, linked data
    assert about.graph[0]["publisher"]["name"] == "Fundación Ñandú"
    assert about.graph[0]["inLanguage"] == "es-PE"
    assert "<name>Fundación Ñandú</name>" in visitor.get("/linea-de-tiempo/atom.xml").text


@database
def test_a_coalition_that_is_not_in_the_record_is_an_error_of_the_check_and_no_page_fails(
    visitor, publisher, settings
):
    call_command("check", databases=["default"])  # an empty record is no error
    settings.COALITION = "ninguna"
    for make in MAKERS:
        make()
    with pytest.raises(SystemCheckError, match=r"Ninguna organización.*COALITION=ninguna"):
        call_command("check", databases=["default"])
    for url in PAGES:
        page(visitor, url)
    assert "La coalición misma no está en el registro todavía" in visitor.get("/").text
    assert "tiene el identificador «ninguna»" in publisher.get("/admin/").text
    organization(slug="ninguna")
    call_command("check", databases=["default"])
    assert "«ninguna»" not in publisher.get("/admin/").text


@database
def test_a_record_without_a_fact_promises_nothing(visitor, settings):
    organization(slug=settings.COALITION, name="La Red")
    front = page(visitor, "/").text
    assert "no cita ninguna fuente todavía" in front
    for words in (">la fuente no lo dice<", "Quién representaba", "Qué se dijo", "Lo último"):
        assert words not in front
    for url, words in (
        ("/organizaciones/", "El registro no nombra a ninguna, fuera de la coalición misma."),
        ("/pronunciamientos/", "<h1>Ningún pronunciamiento todavía</h1>"),
        ("/linea-de-tiempo/", "Ningún acontecimiento todavía"),
        ("/fuentes/", "Ninguna fuente todavía"),
        ("/representacion/", "No consta quién habló"),
    ):
        assert words in page(visitor, url).text, url
    for url in PAGES:
        page(visitor, url)


@database
@pytest.mark.parametrize(
    ("zone", "written", "hour_in_utc"),
    [
        ("America/Bogota", "2026-07-01 09:00", 14),
        ("Europe/Madrid", "2026-07-01 09:00", 7),
        ("Europe/Madrid", "2026-01-15 09:00", 8),
        ("Europe/Madrid", "2026-03-29 02:30", None),  # this hour does not exist
        ("Europe/Madrid", "2026-10-25 02:30", None),  # and this one exists twice
        ("Europe/Madrid", "2026-10-25 02:30+01:00", 1),
    ],
)
def test_tables_forms_and_pages_have_the_time_of_the_record(
    settings, visitor, publisher, tmp_path, zone, written, hour_in_utc
):
    settings.TIME_ZONE, settings.COUNTRY = zone, "otra parte"
    rows = csv_of("identificador,titulo,categoria,se_publica", f"uno,T,acuerdo,{written}")
    category("acuerdo")
    outcome = dry_run("eventos", rows)
    assert outcome.error_count == (hour_in_utc is None)
    if hour_in_utc is None:
        assert "A esa hora cambian los relojes" in str(outcome.errors[0])
        return
    path = tmp_path / "eventos.csv"
    path.write_bytes(rows)
    call_command("import_records", "eventos", path)
    record = Event.objects.get()
    assert record.publish_at.astimezone(UTC).hour == hour_in_utc
    assert written[:16] in exported("eventos").decode()
    shown = publisher.get(f"/admin/timeline/event/{record.pk}/change/").text
    assert f"de 2026, {written[11:16].lstrip('0')}" in shown
    assert "hora de otra parte" in visitor.get("/datos/").text
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    Event.objects.update(publish_at=LONG_AGO, updated_at=late)
    EventCategory.objects.update(updated_at=late)
    day = "2 de julio" if zone == "Europe/Madrid" else "1 de julio"
    assert f">{day} de 2026</time>" in visitor.get(record.get_absolute_url()).text


@database
def test_a_copy_that_nobody_publishes_says_so(visitor: Client):
    assert "nadie la publica todavía" in visitor.get("/acerca-de/").text
    assert "Publica este sitio" not in visitor.get("/").text
