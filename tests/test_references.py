"""Every record's page says how to cite it: with the date of the record, as partial as in its
source, the permanent address and the day of the version. Any title passes unchanged."""

import json
import re
from datetime import date
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from dates.edtf import parse
from dates.periods import Period
from dates.text import collapse
from record.references import Reference
from tests.records import TOMORROW, YESTERDAY, event, organization, source, statement

URL = "https://sitio.example/linea-de-tiempo/firma/"
VERSION = "Versión del 11 de noviembre de 2026"
MAKERS = (event, organization, source, statement)


def reference(span: str = "/", **fields: Any) -> Reference:
    """Of a record of a date, or from a date to another, which a slash separates."""
    defaults = {
        "key": "event-firma",
        "title": "Se firma el acuerdo",
        "site": "El sitio",
        "url": URL,
        "changed": date(2026, 11, 11),
        "period": Period(*map(parse, span.split("/"))),
    }
    return Reference(**defaults | fields)


# A small reader of BibTeX: counts braces as BibTeX does and unescapes what the site escapes.

TEX = {
    r"\textbackslash{}": "\\",
    r"\textbraceleft{}": "{",
    r"\textbraceright{}": "}",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
} | {f"\\{sign}": sign for sign in "%&#$_"}


def entry(bibtex: str) -> dict[str, str]:
    """The fields of the entry, unbraced and unescaped. Fails where braces do not match."""
    body = re.fullmatch(r"@misc\{[\w-]+,\n(.*)\n\}\n", bibtex, re.DOTALL)[1]
    fields, depth, start = [], 0, 0
    for place, sign in enumerate(body):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
        if sign == "," and not depth:
            fields.append(body[start:place])
            start = place + 1
    assert depth == 0
    pairs = (field.strip().split(" = ", 1) for field in [*fields, body[start:]])
    return {name: unescaped(unbraced(value)) for name, value in pairs}


def unbraced(value: str) -> str:
    while value.startswith("{") and value.endswith("}"):
        value = value[1:-1]
    return value


def unescaped(text: str) -> str:
    signs = "|".join(map(re.escape, TEX))
    return re.sub(signs, lambda match: TEX[match[0]], text)


# Dates, as partial as in their source


def assert_formats(span: str, apa: str, csl: Any, bibtex: dict[str, str]) -> None:
    cited = reference(span)
    whole = f"Se firma el acuerdo. ({apa}). El sitio. {VERSION}. {URL}"
    assert "".join(cited.apa_parts) == whole
    (item,) = json.loads(cited.csl)
    assert item.pop("issued", None) == csl
    assert item == {
        "id": "event-firma",
        "type": "webpage",
        "title": "Se firma el acuerdo",
        "container-title": "El sitio",
        "version": "2026-11-11",
        "URL": URL,
        "language": "es-MX",
    }
    fields = {
        "title": "Se firma el acuerdo",
        "howpublished": "El sitio",
        "note": VERSION,
        "url": URL,
        "langid": "spanish",
    }
    assert entry(cited.bibtex) == fields | bibtex


@pytest.mark.parametrize(
    ("span", "apa", "csl", "bibtex"),
    [
        ("2017-05-23", "2017, 23 de mayo", [[2017, 5, 23]], {"year": "2017", "month": "may"}),
        ("2017-05-01", "2017, 1 de mayo", [[2017, 5, 1]], {"year": "2017", "month": "may"}),
        ("2011-08", "2011, agosto", [[2011, 8]], {"year": "2011", "month": "aug"}),
        ("2016", "2016", [[2016]], {"year": "2016"}),
        ("2016/2017", "de 2016 a 2017", [[2016], [2017]], {"year": "2016--2017"}),
        ("2016-01/2016", "de enero de 2016 a 2016", [[2016, 1], [2016]], {"year": "2016"}),
    ],
)
def test_each_format_keeps_partial_dates_partial(span, apa, csl, bibtex):
    assert_formats(span, apa, {"date-parts": csl}, bibtex | {"date": span})


def test_each_format_says_bounds_in_words_and_apa_that_there_is_no_date():
    assert_formats("/", "s. f.", None, {})
    for span, words in {
        "[2011-08..2015-02]": "entre agosto de 2011 y febrero de 2015",
        "[2017-05-23..]": "el 23 de mayo de 2017 o después",
        "[..2017-04]": "abril de 2017 o antes",
        "2016/[2017-05-23..]": "desde 2016, al menos hasta el 23 de mayo de 2017",
    }.items():
        assert_formats(span, words, {"literal": words}, {"note": f"Fecha: {words}. {VERSION}"})


def test_the_tags_for_zotero_leave_out_a_date_that_they_cannot_hold():
    for span, published in {
        "2017-05-23": "2017/05/23",
        "2011-08": "2011/08",
        "2016": "2016",
        "[2011-08..2015-02]": None,
        "2016/2017": None,
        "/": None,
    }.items():
        html = render_to_string(
            "partials/_shared.html",
            {"reference": reference(span, author="La Red"), "language": "es-MX"},
        )
        metas = re.findall(r'<meta name="([^"]+)" content="([^"]*)">', html)
        tags = {name: content for name, content in metas if not name.startswith("twitter:")}
        assert tags.pop("citation_publication_date", None) == published
        assert tags == {
            "citation_title": "Se firma el acuerdo",
            "citation_author": "La Red",
            "citation_publisher": "El sitio",
            "citation_public_url": URL,
            "citation_language": "es-MX",
            "z:itemType": "webpage",
            "dcterms.modified": "2026-11-11",
        }


def test_apa_begins_with_the_author_and_doubles_no_final_sign():
    asked = reference("2017", title="¿Por qué?", author="La Red, A. C.", site="¡Sitio!")
    assert "".join(asked.apa_parts) == f"La Red, A. C. (2017). ¿Por qué? ¡Sitio! {VERSION}. {URL}"
    before, title, _after = asked.apa_parts
    assert (before, title) == ("La Red, A. C. (2017). ", "¿Por qué?")


# Any text


@given(st.text(), st.text())
@example("a}b", "{")
@example("\\", "\\{}")
@example("100 % & más_$#", "~^")
@example("«Ñandú»: ¿qué?", "@x,")
def test_any_title_and_author_come_out_of_every_format_as_they_went_in(title, author):
    cited = reference("2017", title=title, author=author)
    (item,) = json.loads(cited.csl)
    assert item.get("title", "") == title
    assert item.get("author", [{"literal": ""}]) == [{"literal": author}]
    fields = entry(cited.bibtex)
    assert fields.get("title", "") == collapse(title)
    assert fields.get("author", "") == collapse(author)
    assert cited.apa_parts[1] == collapse(title)
    assert "\n" not in "".join(cited.apa_parts)


# On the pages


@pytest.mark.django_db
@pytest.mark.parametrize("make", MAKERS)
def test_a_record_s_page_and_files_cite_its_permanent_address_and_the_day_of_the_version(
    make, visitor
):
    record = make(slug="uno")
    address = record.get_absolute_url()
    url = f"http://testserver{address}"
    response = visitor.get(address)
    cited = response.context["reference"]
    assert cited.url == url
    assert cited.changed == timezone.localdate(record.updated_at)
    assert f"<cite>{cited.title}</cite>" in response.text
    assert cited.apa_parts[2].endswith(f"{cited.version}. {url}")
    assert f'<meta name="citation_public_url" content="{url}">' in response.text
    assert f'content="{cited.changed.isoformat()}"' in response.text
    for ending, text, kind, version in (
        ("bib", cited.bibtex, "application/x-bibtex", cited.version),
        ("json", cited.csl, "application/vnd.citationstyles.csl+json", f'"{cited.changed}"'),
    ):
        file = visitor.get(f"{address}cita.{ending}")
        assert (file.text, file["Content-Type"]) == (text, f"{kind}; charset=utf-8")
        assert f"{address}cita.{ending}" in response.text
        assert url in text
        assert version in text


@pytest.mark.django_db
def test_a_statement_is_cited_as_the_coalition_s_and_a_source_as_its_publisher_s(visitor, settings):
    def cited(record: Any) -> Reference:
        return visitor.get(record.get_absolute_url()).context["reference"]

    settings.COALITION = "red"
    position = statement(date="2017-05")
    assert not cited(position).author
    organization(slug="red", name="La Red de Prueba", short_name="Red")
    assert (cited(position).author, cited(position).exact) == ("La Red de Prueba", ["2017-05"])
    article = cited(source(publisher="El Diario", published="2016"))
    assert (article.author, article.exact) == ("El Diario", ["2016"])
    institute = cited(organization(name="Instituto de Prueba", short_name="IP"))
    assert "".join(institute.apa_parts).startswith("Instituto de Prueba. (s. f.). ")


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
