"""What leads from a fact back to its source: the kind, language, archived copy and original of the
source, and the page or minute of the quote."""

import hashlib
import re
from html import unescape
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import yaml
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from exchange.facts import FactsError, read_facts
from sources.migrations.operations.places import find_quotes_anew
from sources.models import Citation, Source
from tests.documents import docx, odt, zip_of
from tests.records import TEXT, YESTERDAY, citation, copy_of, event, refusals, source
from tests.sheets import csv_of, dry_run, exported
from tests.staff import problems
from texts.files import MOST_BYTES

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


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.pdf", PDF, ""),
        ("A.PDF", PDF, ""),
        ("a.docx", docx(""), ""),
        ("a.odt", odt(""), ""),
        ("a.html", b"<script>alert(1)</script>", ""),
        ("a.txt", "Acción".encode("cp1252"), ""),
        ("a.pdf", b"<html>%PDF-1.7", "no es un PDF"),
        ("a.docx", zip_of({"xl/workbook.xml": ""}), "no es un DOCX"),
        ("a.docx", odt(""), "no es un DOCX que se pueda leer. Por dentro es un ODT: cámbiele la"),
        ("a.docx", b"\xd0\xcf\x11\xe0\0", "Es de un Word antiguo, o tiene contraseña: guárdelo"),
        ("a.docx", b"word/document.xml", "no es un DOCX"),
        ("a.html", b"<p>\0", "no es un HTML"),
        ("a.txt", PDF + b"\1", "no es un TXT"),
        ("a.svg", b"<svg/>", "Se admite un archivo PDF, DOCX, ODT, HTML o TXT"),
        ("pdf", PDF, "Se admite un archivo"),
        ("a.pdf", PDF + b" " * MOST_BYTES, "Pesa más de 20 MB: suba solo las páginas que cita"),
    ],
)
def test_an_original_is_kept_as_it_came_or_refused(admin, media, name, content, problem):
    form = {"title": "Acta", "slug": "acta", "text": TEXT}
    answer = admin.post(
        "/admin/sources/source/add/?a-mano=1",
        form | {"original": SimpleUploadedFile(name, content)},
    )
    assert answer.status_code == (200 if problem else 302)
    stored = [path for path in media.rglob("*") if path.is_file()]
    if problem:
        assert problem in problems(answer)
        assert stored == []
    else:
        kept = Source.objects.get()
        assert [path.read_bytes() for path in stored] == [content]
        assert kept.original_sha256 == hashlib.sha256(content).hexdigest() == stored[0].stem


def test_an_original_is_read_by_those_who_read_its_source_and_runs_nothing(visitor, reader, media):
    kept = source(slug="acta", original=ContentFile(b"<script>alert(1)</script>", "a.html"))
    address = "/fuentes/acta/original"
    answer = visitor.get(address)
    assert answer.getvalue() == b"<script>alert(1)</script>"
    assert answer["Content-Disposition"] == 'attachment; filename="acta.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert visitor.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert visitor.get(f"/media/{kept.original.name}").status_code == 404
    assert reader.get(address).getvalue()
    kept.publish_at = None
    kept.save()
    for headers in ({}, {"If-None-Match": answer["ETag"]}):
        assert visitor.get(address, headers=headers).status_code == 404
    preview = reader.get(address)
    assert preview.getvalue()
    assert "no-store" in preview["Cache-Control"]
    kept.slug, kept.publish_at, kept.original = "acta-2", YESTERDAY, ContentFile(PDF, "b.pdf")
    kept.save()
    assert b"".join(visitor.get("/fuentes/acta-2/original")) == PDF
    assert len(list((media / "originals").iterdir())) == 2  # the versions name the former one
    (media / kept.original.name).unlink()
    assert visitor.get("/fuentes/acta-2/original").status_code == 404
    assert visitor.get("/fuentes/acta-2/").status_code == 200
    source(slug="otra")
    assert visitor.get("/fuentes/otra/original").status_code == 404


def test_the_text_of_a_source_is_a_file_with_the_digest_that_its_page_shows(visitor, reader):
    kept = source(slug="acta", text=TEXT.replace("mayo", normalize("NFD", "acción")), language="en")
    kept.full_clean()
    kept.save()
    answer = visitor.get("/fuentes/acta.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == normalize("NFC", kept.text) == kept.text
    assert hashlib.sha256(answer.content).hexdigest() in visitor.get("/fuentes/acta/").text
    kept.slug = "nueva"
    kept.save()
    moved = visitor.get("/fuentes/acta.txt")
    assert (moved.status_code, moved["Location"]) == (301, "/fuentes/nueva.txt")
    kept.publish_at = None
    kept.save()
    assert visitor.get("/fuentes/nueva.txt").status_code == 404
    assert "no-store" in reader.get("/fuentes/nueva.txt")["Cache-Control"]


def test_the_page_of_a_source_says_what_is_known_of_it_and_no_consta_of_the_rest(visitor):
    bare, full = source(), source(
        kind="press", language="en", archived_url="https://web.archive.org/x", retrieved="2026",
        original=ContentFile(PDF, "a.pdf"),
    )  # fmt: skip
    page = visitor.get(bare.get_absolute_url()).text
    assert page.count('<span class="unsaid">no consta</span>') == 7
    assert "la fuente no lo dice" not in page.partition("<h2>Texto")[0]
    page = visitor.get(full.get_absolute_url()).text
    for words in (
        "<dd>prensa</dd>", "<dd>inglés</dd>", 'href="https://web.archive.org/x"', "PDF,",
        '"@type":"NewsArticle"', '"inLanguage":"en"', '"archivedAt":"https://web.archive.org/x"',
        hashlib.sha256(PDF).hexdigest(), full.original_address,
        '"encodingFormat":"text/plain"',
        '<div class="body" lang="en">',
    ):  # fmt: skip
        assert words in page, words


@pytest.mark.parametrize(
    ("fields", "locator", "address"),
    [
        (
            {"url": "https://example.org/acta.pdf#x"},
            "p. 14",
            "https://example.org/acta.pdf#page=14",
        ),
        ({"url": "https://example.org/v?id=1"}, "1:02:03", "https://example.org/v?id=1#t=3723"),
        ({"original": ContentFile(PDF, "a.pdf")}, "pp. 14-15", "/fuentes/acta/original#page=14"),
        ({}, "p. 14", ""),
    ],
)
def test_a_quote_shows_its_place_and_leads_to_it(visitor, fields, locator, address):
    fact = event()
    citation(fact, source=source(slug="acta", language="en-GB", **fields), locator=locator)
    page = visitor.get(fact.get_absolute_url()).text
    assert '<q lang="en-GB">' in page
    assert '<p class="sentence" lang="en-GB">' in page
    link = re.search(rf'<a href="([^"]*)"[^>]*>{re.escape(locator)}</a>', page)
    assert (unescape(link[1]) if link else "") == address
    assert locator in page
    value = {"p": "page=14", "1": "t=3723"}[locator[0]]
    assert f'rdf-syntax-ns#value":"{value}"' in page


def test_a_text_with_page_marks_gives_each_quote_its_page(admin, visitor):
    text = "Acta\n\n[p. 1]\n\nSe acordó publicar el\n\n[p. 2]\n\ninforme del año. Nadie se opuso.\n"
    marked, fact = source(text=text, slug="acta"), event()
    for exact, page in (("publicar el informe", "pp. 1-2"), ("Nadie se opuso", "p. 2")):
        assert citation(fact, exact, source=marked).locator == page
    wrong = Citation(source=marked, exact="Nadie se", locator="p. 3", event=fact, slug="otra")
    assert refusals(wrong)["locator"][0].startswith("El texto marca ahí «p. 2»")
    marked.text = text.replace("p. 2", "p. 7")
    marked.save()
    assert set(Citation.objects.values_list("locator", flat=True)) == {"pp. 1-7", "p. 7"}
    assert '<span class="place">p. 7</span>' in visitor.get("/fuentes/acta/").text
    quoted = Citation.objects.get(locator="p. 7")
    quoted.position = 9
    Citation.objects.bulk_update([quoted], ["position"])
    find_quotes_anew(apps, None)
    quoted.refresh_from_db()
    assert quoted.position == marked.passages.text.index("Nadie")
