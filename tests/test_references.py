"""Every page says how to cite it and its sources. The reference has the publisher as author, the
day of the last change as date, and the date of the event in the title. Any text passes
unchanged."""

import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.template.loader import render_to_string
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from dates.edtf import parse
from dates.text import collapse
from record.references import Reference, References
from tests.citing import assert_others_read_alike, entries
from tests.records import TOMORROW, YESTERDAY, citation, event, organization, source, statement

URL = "https://sitio.example/linea-de-tiempo/firma/"
MAKERS = (event, organization, source, statement)
TEX = {
    r"\textbackslash{}": "\\",
    r"\textbraceleft{}": "{",
    r"\textbraceright{}": "}",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
} | {f"\\{sign}": sign for sign in "%&#$_"}


def reference(issued: str = "2026-11-24", **fields: Any) -> Reference:
    defaults = {
        "key": "event-firma",
        "title": "Se firma el acuerdo (11 de febrero de 2017)",
        "site": "El sitio",
        "url": URL,
        "authors": ["Sociedad Civil, A. C."],
        "issued": parse(issued),
        "accessed": parse("2026-11-28"),
    }
    return Reference(**defaults | fields)


def unescaped(text: str) -> str:
    signs = "|".join(map(re.escape, TEX))
    return re.sub(signs, lambda match: TEX[match[0]], text.removeprefix("{").removesuffix("}"))


def test_a_page_is_cited_with_publisher_version_title_address_and_day_of_access():
    assert "".join(reference().apa_parts) == (
        "Sociedad Civil, A. C. (2026, 24 de noviembre). Se firma el acuerdo (11 de febrero de "
        f"2017). El sitio. Recuperado el 28 de noviembre de 2026, de {URL}"
    )
    assert reference().csl == {
        "id": "event-firma",
        "type": "webpage",
        "title": "Se firma el acuerdo (11 de febrero de 2017)",
        "author": [{"literal": "Sociedad Civil, A. C."}],
        "issued": {"date-parts": [[2026, 11, 24]]},
        "accessed": {"date-parts": [[2026, 11, 28]]},
        "container-title": "El sitio",
        "URL": URL,
        "language": "es-MX",
    }
    entry = entries(reference().bibtex)["event-firma"]
    assert dict(entry.fields) == {
        "title": "{Se firma el acuerdo (11 de febrero de 2017)}",
        "date": "2026-11-24",
        "year": "2026",
        "month": "November",
        "howpublished": "El sitio",
        "url": URL,
        "urldate": "2026-11-28",
        "langid": "spanish",
    }


@pytest.mark.parametrize(
    ("fields", "apa"),
    [
        ({"authors": ["Alfa", "Beta"], "issued": "2017-05"}, "Alfa y Beta. (2017, mayo). "),
        ({"authors": ["A", "B", "C"], "issued": "2017"}, "A, B y C. (2017). "),
        ({"authors": ["Alfa"], "issued": ""}, "Alfa. (s. f.). "),
        ({"title": "¿Por qué?", "accessed": parse("")}, "Sociedad Civil, A. C. (2026, 24 de "),
        ({"authors": [], "url": "https://x.example/", "title": "Nadie"}, ""),
    ],
)
def test_citeproc_renders_what_the_site_prints_and_pybtex_reads_it(fields, apa):
    cited = reference(**fields)
    assert cited.apa_parts[0].startswith(apa)
    assert_others_read_alike(References(reference(key="a"), [cited]))


def test_a_bounded_date_of_a_source_is_said_in_words():
    cited = reference("[2011-08..2011-09]")
    words = "entre agosto y septiembre de 2011"
    assert f" ({words}). " in cited.apa_parts[0]
    assert cited.csl["issued"] == {"literal": words}
    assert entries(cited.bibtex)["event-firma"].fields["note"] == f"Fecha: {words}"


def test_programs_get_a_group_author_that_zotero_does_not_split():
    html = render_to_string("partials/_reference.html", {"references": References(reference())})
    title = re.search(r'<span class="Z3988" title="([^"]*)">', html)[1].replace("&amp;", "&")
    fields = dict(parse_qsl(title, strict_parsing=True))
    assert fields.pop("rft.aucorp") == "Sociedad Civil, A. C."
    assert fields == {
        "ctx_ver": "Z39.88-2004",
        "rft_val_fmt": "info:ofi/fmt:kev:mtx:dc",
        "rft.type": "webpage",
        "rft.title": "Se firma el acuerdo (11 de febrero de 2017)",
        "rft.date": "2026-11-24",
        "rft.source": "El sitio",
        "rft.identifier": URL,
        "rft.language": "es-MX",
    }
    context = {"references": References(reference()), "language": "es-MX"}
    metas = re.findall(
        r'<meta name="((?:citation|z:|dcterms)[^"]*)" content="([^"]*)">',
        render_to_string("partials/_shared.html", context),
    )
    assert dict(metas) == {
        "citation_title": "Se firma el acuerdo (11 de febrero de 2017)",
        "citation_author": "Sociedad Civil, A. C.",
        "citation_publication_date": "2026/11/24",
        "citation_publisher": "Sociedad Civil, A. C.",
        "citation_public_url": URL,
        "citation_language": "es-MX",
        "z:itemType": "webpage",
        "dcterms.modified": "2026-11-24",
    }


@given(st.text(), st.text())
@example("a}b", "{")
@example("\\", "\\{}")
@example("100 % & más_$#", "~^")
@example("«Ñandú»: ¿qué?", "@x,")
def test_any_title_and_author_come_out_of_every_format_as_they_went_in(title, author):
    cited = reference(title=title, authors=[author])
    item = json.loads(References(cited).csl)[0]
    assert (item.get("title", ""), item["author"]) == (title, [{"literal": author}])
    entry = entries(cited.bibtex)["event-firma"]
    assert unescaped(entry.fields["title"]) == collapse(title)
    assert " and " not in author or len(entry.persons["author"]) == 1
    assert cited.apa_parts[1] == collapse(title)
    assert "\n" not in "".join(cited.apa_parts)


# On the pages


@pytest.mark.django_db
@pytest.mark.parametrize("make", MAKERS)
def test_a_record_s_page_and_files_cite_its_permanent_address_and_the_day_of_the_version(
    make, visitor, settings
):
    settings.PUBLISHER = "Sociedad Civil, A. C."
    record = make(slug="uno")
    address = record.get_absolute_url()
    response = visitor.get(address)
    cited = response.context["references"]
    assert cited.page.url == f"http://testserver{address}"
    assert cited.page.authors == [settings.PUBLISHER]
    assert cited.page.issued.text == timezone.localdate(record.updated_at).isoformat()
    assert cited.page.accessed.text == timezone.localdate().isoformat()
    assert f"<cite>{cited.page.title}</cite>" in response.text
    for ending, text, kind in (
        ("bib", cited.bibtex, "application/x-bibtex"),
        ("json", cited.csl, "application/vnd.citationstyles.csl+json"),
    ):
        file = visitor.get(f"{address}cita.{ending}")
        assert (file.text, file["Content-Type"]) == (text, f"{kind}; charset=utf-8")
        assert f"{address}cita.{ending}" in response.text


@pytest.mark.django_db
def test_a_page_has_the_date_of_its_record_in_the_title_and_references_to_what_it_quotes(
    visitor, settings
):
    settings.COALITION = "red"
    network = organization(slug="red", name="La Red de Prueba", short_name="Red")
    article = source(
        title="Nota", publisher="El Diario", published="2016", url="https://d.example/"
    )
    signed, spoken = event(title="Se firma", start="2017-05-23"), statement(date="2017-05")
    for record in (signed, spoken):
        citation(record, source=article)
    for name, part in (("Alfa", "signs"), ("Beta", "declines"), ("Gama", "is_named")):
        spoken.organizations.add(organization(name=name), through_defaults={"part": part})
    spoken.organizations.add(network, through_defaults={"part": "speaks"})
    secret = organization(name="Secreta", publish_at=None)
    spoken.organizations.add(secret, through_defaults={"part": "signs"})
    cited = visitor.get(signed.get_absolute_url()).context["references"]
    assert cited.page.title == "Se firma (23 de mayo de 2017)"
    assert ["".join(quoted.apa_parts) for quoted in cited.quoted] == [
        "El Diario. (2016). Nota. https://d.example/"
    ]
    text, paper = visitor.get(spoken.get_absolute_url()).context["references"].quoted
    assert (text.authors, text.issued.text, text.site) == (
        ["Alfa", "La Red de Prueba"],
        "2017-05",
        "Nota",
    )
    assert paper.key == f"original-source-{article.slug}"


@pytest.mark.django_db
def test_the_rotation_the_timeline_and_a_date_say_how_to_cite_them(visitor):
    event(title="Se firma", start="2017-05-23")
    for url, title in {
        "/linea-de-tiempo/": "Línea de tiempo",
        "/al/2017-05/": "Quién pertenecía y quién representaba en mayo de 2017",
    }.items():
        response = visitor.get(url)
        assert f"<cite>{title}</cite>" in response.text
        assert response.context["references"].page.url == f"http://testserver{url}"
        assert "cita.bib" not in response.text
    assert "Cómo citar" not in visitor.get("/representacion/").text  # without a term


@pytest.mark.django_db
@pytest.mark.parametrize("make", MAKERS)
def test_a_record_that_is_not_public_is_cited_nowhere(make, visitor, reader):
    """Its files answer like missing ones, byte for byte; its preview holds nothing for machines."""
    states = ({"publish_at": None}, {"publish_at": TOMORROW}, {"unpublish_at": YESTERDAY})
    for number, hidden in enumerate(states):
        url = make(slug=f"oculto-{number}", **hidden).get_absolute_url()
        for ending in ("bib", "json"):
            answer = visitor.get(f"{url}cita.{ending}")
            missing = visitor.get(f"{url[:-1]}no/cita.{ending}")
            assert (answer.status_code, answer.content) == (404, missing.content)
            assert reader.get(f"{url}cita.{ending}").status_code == 404
        preview = reader.get(url)
        assert preview.status_code == 200
        for text in ("citation_", "ld+json", "Cómo citar"):
            assert text not in preview.text


@pytest.mark.django_db
def test_an_old_slug_s_file_leads_to_the_present_one_and_other_formats_to_a_clear_404(visitor):
    moved = event(slug="uno")
    moved.slug = "dos"
    moved.save()
    answer = visitor.get("/linea-de-tiempo/uno/cita.bib")
    assert (answer.status_code, answer["Location"]) == (301, "/linea-de-tiempo/dos/cita.bib")
    assert visitor.get("/linea-de-tiempo/dos/cita.ris").status_code == 404
