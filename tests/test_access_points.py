"""What leads from a fact back to its source: the kind, language, archived copy and original of the
source, and the page or minute of the quote."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from exchange.facts import FactsError, read_facts
from sources.models import Citation, Source
from tests.records import TEXT, YESTERDAY, citation, copy_of, event, refusals, source
from tests.sheets import csv_of, dry_run, exported

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


NO_PLACE = "No es un lugar"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("p. 14", "p. 14"),
        (" p.14 ", "p. 14"),
        ("pp. 14–15", "pp. 14-15"),
        ("12:31", "12:31"),
        ("1:02:03", "1:02:03"),
        ("", ""),
        ("14", NO_PLACE),
        ("p. 0", NO_PLACE),
        ("p. xiv", NO_PLACE),
        ("pp. 15-14", NO_PLACE),
        ("12:61", NO_PLACE),
        ("1:75:00", NO_PLACE),
        ("capítulo 3", NO_PLACE),
        ("javascript:1", NO_PLACE),
        ("p. ٣", NO_PLACE),
    ],
)
def test_the_place_of_a_quote_is_a_page_or_a_time_in_model_and_import(written, kept):
    quoted = copy_of(citation(event(), source=source()), locator=written)
    refused = refusals(quoted)
    assert (refused.get("locator", [quoted.locator])[0])[: len(kept)] == kept
    row = csv_of("identificador,lugar", f"{Citation.objects.get().slug},{written}")
    assert str(dry_run("citas", row).errors).count(NO_PLACE) == (kept == NO_PLACE)


def test_a_source_keeps_its_access_and_an_import_reads_all_but_the_digest():
    values = "identificador,titulo,texto,tipo,idioma,copia_archivada,sha256_original"
    row = f"acta,Acta,{TEXT.splitlines()[0]},Minuta,en,https://web.archive.org/acta,abc"
    assert dry_run("fuentes", csv_of(values, row)).error_count == 0
    for cells, problem in (
        (",carta,es,", "No es una de las opciones"),
        (",,inglés,", "No es un idioma"),
        (",,,javascript:alert(1)", "https://"),
    ):
        (error,) = dry_run("fuentes", csv_of(values, f"acta,Acta,Un texto.{cells},")).errors
        assert problem in str(error)
    source(kind="minutes", language="en")
    assert "minuta,en" in exported("fuentes").decode("utf-8-sig").replace(";", ",")


def test_the_fixtures_hold_the_original_and_load_it(tmp_path, media, settings):
    quote = {"exact": "decidieron sumarse", "locator": "p. 2"}
    facts = {
        "coalition": "alfa",
        "publish_at": YESTERDAY,
        "sources": [
            {"slug": "acta", "title": "Acta", "text_file": "a.txt", "original_file": "a.pdf"}
        ],
        "organizations": [{"slug": "alfa", "name": "Alfa", "citations": [quote]}],
    }
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a.pdf").write_bytes(PDF)
    path = tmp_path / "facts.yaml"
    path.write_text(yaml.safe_dump(facts), encoding="utf-8")
    call_command("build_fixtures", folder=tmp_path)
    settings.COALITION = "alfa"
    call_command("load_record", folder=tmp_path)
    with Source.objects.get().original.open() as original:
        assert original.read() == PDF
    assert Citation.objects.get().locator == "p. 2"
    (tmp_path / "a.pdf").write_bytes(b"no PDF")
    quote["locator"] = "12:31"
    path.write_text(yaml.safe_dump(facts).replace("'12:31'", "12:31"), encoding="utf-8")
    with pytest.raises(FactsError, match=r"original_file 'a.pdf'.*\n.*locator '751'"):
        read_facts(path)
