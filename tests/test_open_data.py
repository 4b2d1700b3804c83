"""Tables that go out: for the staff from the lists of the admin, for everybody at /datos/."""

import re
from datetime import UTC, datetime

import pytest
from django.core.management import call_command

from exchange.exports import UNKNOWN_FILTER
from exchange.formats import FORMATS
from exchange.imports import RESOURCES
from tests.records import (
    LONG_AGO,
    TOMORROW,
    YESTERDAY,
    category,
    citation,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)
from tests.sheets import dataset_of, dry_run, first_cells
from tests.test_exchange_pages import EXPORT, HERE, text_of
from timeline.models import Event

pytestmark = pytest.mark.django_db
EVENTS = "/admin/timeline/event/"


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_whole_list_goes_out_drafts_included_or_the_chosen_rows(format_name, editor, reader):
    public, _draft = event(slug="publico", title="=1+1"), event(slug="borrador", publish_at=None)
    answer = editor.get(EXPORT, {"formato": format_name})
    assert re.fullmatch(
        r'attachment; filename="eventos-\d{4}-\d\d-\d\d\.(csv|xlsx)"', answer["Content-Disposition"]
    )
    outcome = dry_run("eventos", answer.getvalue(), editor.user)
    assert str(outcome) == "nuevos: 0, modificados: 0, sin cambios: 2, errores: 0"
    assert editor.head(EXPORT, {"formato": format_name}).getvalue() == b""
    chosen = {"action": f"export_{format_name}", "_selected_action": [public.pk]}
    assert first_cells(editor.post(EVENTS, chosen)) == ["publico"]
    assert "Content-Disposition" not in reader.post(EVENTS, chosen)


def test_the_list_goes_out_as_it_is_filtered_and_searched(editor):
    relevo = category("relevo")
    event(slug="uno", title="Acción", category="acuerdo")
    event(slug="dos", title="Acción", category="relevo", publish_at=None)
    event(slug="tres", title="Otra cosa", category="relevo")
    listed = text_of(editor, f"{EVENTS}?category__id__exact={relevo.pk}&q=accion")
    link = re.search(rf'href="({EXPORT}\?[^"]*)"', listed)[1].replace("&amp;", "&")
    page = " ".join(text_of(editor, link).split())
    assert "1 registro</strong>: el de la lista como la tenía filtrada" in page
    assert '<input type="hidden" name="q" value="accion">' in page
    for address in (f"{link}&formato=csv", f"{EXPORT}?estado=borrador&p=7&formato=csv"):
        assert first_cells(editor.get(address)) == ["dos"]


def test_unknown_filters_formats_and_tables_of_an_export_are_refused(editor):
    for query in ("categoria=x", "x__y=1", "id__exact=a", "organizations__name=x"):
        for address in (f"{EXPORT}?{query}", f"{EXPORT}?{query}&formato=csv"):
            answer = editor.get(address)
            assert (answer.status_code, UNKNOWN_FILTER in answer.text) == (400, True), query
    for url in (f"{EXPORT}?formato=pdf", f"{HERE}exportar/nada/", f"{HERE}importar/nada/"):
        assert editor.get(url).status_code == 404, url


# For everybody


def test_a_public_table_has_all_that_is_public_and_comes_back_unchanged(visitor, publisher):
    call_command("load_record", verbosity=0)
    event(publish_at=None)
    for name, resource in RESOURCES.items():
        for format_name in ("csv", "xlsx"):
            answer = visitor.get(f"/datos/{name}.{format_name}")
            assert f'filename="{name}-' in answer["Content-Disposition"]
            assert not answer.cookies
            assert "Vary" not in answer
            content = answer.getvalue()
            assert dataset_of(content).headers == resource().get_export_headers()
            outcome = dry_run(name, content, publisher.user)
            assert not outcome.errors
            assert outcome.counts == (0, 0, resource.model.objects.visible_to(None).count())


@pytest.mark.parametrize(
    "times",
    [{"publish_at": None}, {"publish_at": TOMORROW},
     {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY}],
    ids=["draft", "scheduled", "withdrawn"],
)  # fmt: skip
def test_no_public_table_tells_of_what_is_not_public_not_even_in_a_cell(times, visitor, admin):
    secret = organization(slug="canario-o", name="canario", **times)
    known, here = organization(slug="conocida"), source(slug="fuente")
    happened, hidden = event(slug="publico"), event(slug="canario-e", title="canario", **times)
    happened.organizations.set([secret, known])
    said = statement(slug="dicho")
    said.organizations.set([secret, known])
    said.events.set([happened, hidden])
    membership(slug="canario-m", organization=known, replaces=secret)
    term(slug="canario-t", organization=secret)
    citation(hidden, source=here, slug="canario-c")
    citation(happened, source=source(slug="canario-f", title="canario", **times))
    tables = {}
    for person in (visitor, admin):  # the staff download what a visitor does
        for name in RESOURCES:
            content = person.get(f"/datos/{name}.csv").getvalue()
            assert b"canario" not in content, name
            tables[name] = dataset_of(content)
    assert tables["eventos"]["nombradas"] == ["conocida"]
    assert tables["pronunciamientos"]["nombradas"] == ["conocida"]
    assert tables["pronunciamientos"]["acontecimientos"] == ["publico"]
    page = text_of(visitor, "/datos/")
    assert "canario" not in page
    assert "1 acontecimiento" in page
    assert "2 acontecimientos" not in page


def test_events_and_statements_go_out_as_they_are_filtered(visitor):
    named = organization(slug="una")
    event(slug="uno", start="2011", category="acuerdo").organizations.add(named)
    event(slug="dos", start="2011", category="relevo")
    event(slug="tres", start="", category="acuerdo")
    statement(slug="dicho").organizations.add(named)
    statement(slug="otro")
    listed = text_of(visitor, "/linea-de-tiempo/?anio=2011&categoria=acuerdo&organizacion=una")
    link = re.search(r'href="(/datos/eventos.csv\?[^"]*)"', listed)[1].replace("&amp;", "&")
    for url, slugs in (
        (link, ["uno"]),
        ("/datos/eventos.csv?anio=sin-fecha", ["tres"]),
        ("/datos/pronunciamientos.csv?organizacion=una", ["dicho"]),
    ):
        assert first_cells(visitor.get(url)) == slugs, url


def test_unknown_tables_formats_and_filters_of_open_data_are_not_found(visitor):
    for url in (
        "nada.csv", "eventos.pdf", "eventos.excel", "eventos.csv?anio=1", "eventos.csv?anio=x",
        "eventos.csv?organizacion=nadie", "eventos.csv?otra=cosa", "fuentes.csv?anio=2011",
        "pronunciamientos.csv?organizacion=nadie", "pronunciamientos.csv?anio=2011",
    ):  # fmt: skip
        assert visitor.get(f"/datos/{url}").status_code == 404, url


def test_data_are_read_and_nothing_else(visitor):
    for url in ("/datos/", "/datos/eventos.csv", "/datos/eventos.xlsx"):
        assert visitor.post(url).status_code == 405
        head, got = visitor.head(url), visitor.get(url)
        assert (head.status_code, head.getvalue()) == (200, b"")
        assert head["Content-Type"] == got["Content-Type"]
        assert head.get("Content-Length") in (None, got.get("Content-Length"))
        assert got.getvalue()


def test_the_dictionary_has_every_column_of_every_table_and_lists_lead_to_them(visitor):
    page = text_of(visitor, "/datos/")
    for name, resource in RESOURCES.items():
        section = page.split(f'<section id="{name}">')[1].split("</section>")[0]
        for header in resource().get_export_headers():
            assert f'<code class="key">{header}</code>' in section
    for words in ('rel="license', "Vacío: borrador", "Vacío: no se retira"):
        assert words in page
    for url, names in {
        "/organizaciones/": ("organizaciones", "membresias"), "/fuentes/": ("fuentes",),
        "/representacion/": ("representacion",), "/pronunciamientos/": ("pronunciamientos",),
        "/linea-de-tiempo/": ("eventos",),
    }.items():  # fmt: skip
        listed = text_of(visitor, url)
        for name in names:
            assert f'href="/datos/{name}.csv"' in listed
            assert f'href="/datos/{name}.xlsx"' in listed


def test_a_download_never_fails_on_what_is_stored(visitor):
    """Neither on what other programs write, without the checks of a form."""
    event(slug="uno")
    text = "a\x0bb\x0cc\x07d\ufffee=1;=2\r\n\x1b\x85\u2028" + "z" * 40_000
    first_day = datetime(1, 1, 1, tzinfo=UTC)
    Event.objects.update(
        title=text[:200], summary=text, body=f"<p>{text}</p>", publish_at=first_day
    )
    for format_name in ("csv", "xlsx"):
        answer = visitor.get(f"/datos/eventos.{format_name}")
        assert (answer.status_code, first_cells(answer)) == (200, ["uno"])
    assert "0001-01-01 00:00:00+00:00" in visitor.get("/datos/eventos.csv").getvalue().decode()
