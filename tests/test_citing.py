"""Every record says how it is cited: with the date of what it tells, as partial as its source has
it, the address that stays and the day of the version; and any title passes through unharmed."""

import json
import re
from datetime import date
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from record.citing import Reference
from record.dates import parse
from record.periods import Period
from record.text import collapse
from tests.records import TOMORROW, YESTERDAY, event, organization, source, statement

URL = "https://sitio.example/linea-de-tiempo/firma/"
VERSION = "Versión del 11 de noviembre de 2026"
MAKERS = (event, organization, source, statement)


def reference(start: str = "", end: str = "", **fields: Any) -> Reference:
    defaults = {
        "key": "event-firma",
        "title": "Se firma el acuerdo",
        "site": "El sitio",
        "url": URL,
        "changed": date(2026, 11, 11),
        "period": Period(parse(start), parse(end)),
    }
    return Reference(**defaults | fields)


# A small reader of BibTeX: braces counted as BibTeX counts them, what we escape unescaped.

TEX = {
    r"\textbackslash{}": "\\",
    r"\textbraceleft{}": "{",
    r"\textbraceright{}": "}",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
} | {f"\\{sign}": sign for sign in "%&#$_"}


def entry(bibtex: str) -> dict[str, str]:
    """The fields of the one entry, unbraced and unescaped; fails where braces do not match."""
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
    return re.sub(signs, lambda found: TEX[found[0]], text)


# Dates, as partial as their source has them


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2017-05-23", "", "2017, 23 de mayo"),
        ("2017-05-01", "", "2017, 1 de mayo"),
        ("2011-08", "", "2011, agosto"),
        ("2016", "", "2016"),
        ("", "", "s. f."),
        ("[2011-08..2015-02]", "", "entre agosto de 2011 y febrero de 2015"),
        ("[2017-05-23..]", "", "el 23 de mayo de 2017 o después"),
        ("[..2017-04]", "", "abril de 2017 o antes"),
        ("2016", "2017-05", "desde 2016, hasta mayo de 2017"),
        ("2016", "[2017-05-23..]", "desde 2016, al menos hasta el 23 de mayo de 2017"),
    ],
)
def test_apa_dates_what_is_told_no_more_precisely_than_its_source(start, end, told):
    whole = f"Se firma el acuerdo. ({told}). El sitio. {VERSION}. {URL}"
    assert "".join(reference(start, end).apa_parts) == whole


def test_apa_begins_with_the_author_and_doubles_no_final_sign():
    asked = reference("2017", title="¿Por qué?", author="La Red, A. C.", site="¡Sitio!")
    assert "".join(asked.apa_parts) == f"La Red, A. C. (2017). ¿Por qué? ¡Sitio! {VERSION}. {URL}"
    before, title, _after = asked.apa_parts
    assert (before, title) == ("La Red, A. C. (2017). ", "¿Por qué?")


@pytest.mark.parametrize(
    ("start", "end", "issued"),
    [
        ("2017-05-23", "", {"date-parts": [[2017, 5, 23]]}),
        ("2011-08", "", {"date-parts": [[2011, 8]]}),
        ("2016", "", {"date-parts": [[2016]]}),
        ("2016", "2017-05", {"date-parts": [[2016], [2017, 5]]}),
        ("[2011-08..2015-02]", "", {"literal": "entre agosto de 2011 y febrero de 2015"}),
        ("2016", "[2017..]", {"literal": "desde 2016, al menos hasta 2017"}),
        ("", "", None),
    ],
)
def test_csl_keeps_partial_dates_partial_and_tells_bounds_in_words(start, end, issued):
    (item,) = json.loads(reference(start, end).csl)
    assert item.pop("issued", None) == issued
    assert item == {
        "id": "event-firma",
        "type": "webpage",
        "title": "Se firma el acuerdo",
        "container-title": "El sitio",
        "version": "2026-11-11",
        "URL": URL,
        "language": "es-MX",
    }


@pytest.mark.parametrize(
    ("start", "end", "dates"),
    [
        ("2017-05-23", "", {"date": "2017-05-23", "year": "2017", "month": "may"}),
        ("2011-08", "", {"date": "2011-08", "year": "2011", "month": "aug"}),
        ("2016", "", {"date": "2016", "year": "2016"}),
        ("2016", "2017-05", {"date": "2016/2017-05", "year": "2016--2017"}),
        ("2016-01", "2016-05", {"date": "2016-01/2016-05", "year": "2016"}),
        ("[..2017-04]", "", {"note": f"Fecha: abril de 2017 o antes. {VERSION}"}),
        ("", "", {}),
    ],
)
def test_bibtex_keeps_partial_dates_partial_and_tells_bounds_in_a_note(start, end, dates):
    fields = {
        "title": "Se firma el acuerdo",
        "howpublished": "El sitio",
        "note": VERSION,
        "url": URL,
        "langid": "spanish",
    }
    assert entry(reference(start, end).bibtex) == fields | dates


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2017-05-23", "", "2017/05/23"),
        ("2011-08", "", "2011/08"),
        ("2016", "", "2016"),
        ("[2011-08..2015-02]", "", None),
        ("2016", "2017", None),
        ("", "", None),
    ],
)
def test_the_tags_for_zotero_leave_out_a_date_that_they_cannot_hold(start, end, told):
    html = render_to_string(
        "partials/_shared.html", {"reference": reference(start, end, author="La Red")}
    )
    metas = re.findall(r'<meta name="([^"]+)" content="([^"]*)">', html)
    tags = {name: content for name, content in metas if not name.startswith("twitter:")}
    assert tags.pop("citation_publication_date", None) == told
    assert tags == {
        "citation_title": "Se firma el acuerdo",
        "citation_author": "La Red",
        "citation_publisher": "El sitio",
        "citation_public_url": URL,
        "citation_language": "es-MX",
        "z:itemType": "webpage",
        "dcterms.modified": "2026-11-11",
    }


# Any text


@pytest.mark.parametrize(
    "title", ["a}b", "{", "\\", "100 % & más_$#", "~^", "«Ñandú»: ¿qué?", "@x,"]
)
def test_bibtex_holds_what_tex_would_take_for_its_own(title):
    assert entry(reference(title=title, author=title).bibtex)["title"] == title


@given(st.text(), st.text())
def test_any_title_and_author_come_out_of_every_format_as_they_went_in(title, author):
    one = reference("2017", title=title, author=author)
    (item,) = json.loads(one.csl)
    assert item.get("title", "") == title
    assert item.get("author", [{"literal": ""}]) == [{"literal": author}]
    fields = entry(one.bibtex)
    assert fields.get("title", "") == collapse(title)
    assert fields.get("author", "") == collapse(author)
    assert one.apa_parts[1] == collapse(title)
    assert "\n" not in "".join(one.apa_parts)


# On the pages


def shown(client: Any, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("make", MAKERS)
def test_a_record_s_page_and_files_cite_the_address_that_stays_and_the_version_s_day(
    make, visitor, clock
):
    record = make(slug="uno")
    url = f"http://testserver{record.get_absolute_url()}"
    page = shown(visitor, record.get_absolute_url())
    day = record.updated_at.astimezone().date()
    found = visitor.get(record.get_absolute_url()).context["reference"]
    assert (found.url, abs(found.changed - day).days <= 1) == (url, True)
    assert f"<cite>{found.title}</cite>" in page
    assert found.apa_parts[2].endswith(f"{found.version}. {url}")
    assert f'<meta name="citation_public_url" content="{url}">' in page
    assert f'content="{found.changed.isoformat()}"' in page
    for ending, text, kind in (
        ("bib", found.bibtex, "application/x-bibtex; charset=utf-8"),
        ("json", found.csl, "application/vnd.citationstyles.csl+json; charset=utf-8"),
    ):
        answer = visitor.get(f"{record.get_absolute_url()}cita.{ending}")
        assert (answer.content.decode(), answer["Content-Type"]) == (text, kind)
        assert f"/cita.{ending}" in page
        assert url in text
        assert found.version in text or f'"{found.changed}"' in text


@pytest.mark.django_db
def test_a_statement_is_cited_as_the_coalition_s_and_a_source_as_its_publisher_s(visitor, settings):
    settings.COALITION = "red"
    said = statement(date="2017-05")
    assert not visitor.get(said.get_absolute_url()).context["reference"].author
    organization(slug="red", name="La Red de Prueba", short_name="Red")
    cited = visitor.get(said.get_absolute_url()).context["reference"]
    assert (cited.author, cited.exact) == ("La Red de Prueba", ["2017-05"])
    one = source(publisher="El Diario", published="2016")
    cited = visitor.get(one.get_absolute_url()).context["reference"]
    assert (cited.author, cited.exact) == ("El Diario", ["2016"])


@pytest.mark.django_db
def test_an_organization_is_cited_by_its_whole_name_without_a_date(visitor):
    one = organization(name="Instituto de Prueba", short_name="IP")
    cited = visitor.get(one.get_absolute_url()).context["reference"]
    assert "".join(cited.apa_parts).startswith("Instituto de Prueba. (s. f.). ")


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["bib", "json"])
@pytest.mark.parametrize("make", MAKERS)
def test_what_is_not_public_is_cited_nowhere(make, ending, visitor, reader):
    """Its files answer like missing ones, byte for byte; its preview holds nothing for machines."""
    states = ({"publish_at": None}, {"publish_at": TOMORROW}, {"unpublish_at": YESTERDAY})
    for number, hidden in enumerate(states):
        url = make(slug=f"oculto-{number}", **hidden).get_absolute_url()
        answer = visitor.get(f"{url}cita.{ending}")
        missing = visitor.get(f"{url[:-1]}no/cita.{ending}")
        assert (answer.status_code, answer.content) == (404, missing.content)
        assert reader.get(f"{url}cita.{ending}").status_code == 404
        preview = shown(reader, url)
        assert "citation_" not in preview
        assert "ld+json" not in preview
        assert "Cómo citar" not in preview


@pytest.mark.django_db
def test_an_old_slug_s_file_leads_to_the_present_one_and_other_formats_to_a_clear_404(visitor):
    moved = event(slug="uno")
    moved.slug = "dos"
    moved.save()
    answer = visitor.get("/linea-de-tiempo/uno/cita.bib")
    assert (answer.status_code, answer["Location"]) == (301, "/linea-de-tiempo/dos/cita.bib")
    answer = visitor.get("/linea-de-tiempo/dos/cita.ris")
    assert answer.status_code == 404
