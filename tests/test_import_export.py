"""Imports: a table that goes out and in again changes nothing; errors change nothing; an undo puts
back each record that nobody has changed since."""

import io
import time
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.text import slugify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from editing.widgets import TableError
from exchange.formats import FORMATS, Upload
from exchange.imports import RESOURCES, Refused, preview_import, run_import, undo_import
from exchange.models import Receipt
from organizations.models import Organization, RepresentationTerm
from sources.models import Citation
from tests.records import (
    LONG_AGO,
    TOMORROW,
    citation,
    edtf,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)
from tests.sheets import csv_of, dataset_of, dry_run, exported
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("words")]
EVENT = "identificador,titulo,categoria,inicio,nombradas"


def imported(name: str, content: bytes, user: User | None = None) -> Receipt:
    """Previewed and confirmed with all losses, as in the admin."""
    receipt = Receipt(resource=name, file_name="prueba.csv", user=user, content=content)
    preview_import(receipt)
    assert not receipt.errors, receipt.problems
    receipt = Receipt.objects.get(pk=receipt.pk)
    run_import(receipt, Upload().create_dataset(receipt), receipt.state)
    receipt.refresh_from_db()
    return receipt


def errors(name: str, content: bytes, user: User | None = None) -> list[str]:
    return [str(error) for error in dry_run(name, content, user).errors]


texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=40)
lines = st.lists(texts, max_size=3).map("\n".join)
moments = st.none() | st.datetimes(timezones=st.just(timezone.get_fixed_timezone(0)))
html = st.sampled_from(["", "<p>Uno</p><p>Dos &amp; tres</p>", "<h2>=1+1</h2><ul><li>a</li></ul>"])


@st.composite
def records_of_every_table(draw: st.DrawFn) -> None:
    """Records of all seven tables with any values that their fields may hold."""
    publish = draw(moments)
    until = publish + timedelta(days=1) if publish and publish.year < 9999 else None
    times = {"publish_at": publish, "unpublish_at": until}
    first, second = organization(
        name=draw(texts) or "x", short_name=draw(texts), other_names=draw(lines),
        summary=draw(texts), description=draw(html), sector=draw(st.sampled_from(["", "media"])),
        website=draw(st.sampled_from(["", "https://ejemplo.mx/?a=1;b=2,c"])), **times,
    ), organization()  # fmt: skip
    membership(organization=first, start=draw(edtf()), replaces=second, note=draw(texts))
    order = RepresentationTerm.objects.count() + 1  # of one role, each once
    term(organization=first, end=draw(edtf()), order=order if draw(st.booleans()) else None)
    happened = event(
        title=draw(texts) or "x", start=draw(edtf()), date_label=draw(texts), body=draw(html),
        **times,
    )  # fmt: skip
    happened.organizations.set([first, second])
    said = statement(title="x", date=draw(edtf()), summary=draw(texts), **times)
    said.events.add(happened)
    field = draw(st.sampled_from(["", "start"]))
    citation(happened, source=source(publisher=draw(texts)), field=field)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_out_and_in_again_is_zero_changes_for_every_table_in_every_format(data):
    with transaction.atomic():  # undone, for two examples may want one place in the rotation
        data.draw(records_of_every_table())
        for name, resource in RESOURCES.items():
            for format_name in FORMATS:
                outcome = dry_run(name, exported(name, format_name))
                assert not outcome.errors, outcome.errors[0]
                assert outcome.counts == (0, 0, resource.model.objects.count())
        transaction.set_rollback(True)


def test_new_rows_become_records_with_versions_that_carry_the_import(admin):
    founder = organization(slug="fundadora")
    row = "uno,Título,acuerdo,entre 2011 y 2012,fundadora"
    receipt = imported("eventos", csv_of(EVENT, row), admin.user)
    record = Event.objects.get(slug="uno")
    assert (record.title, record.start, record.publish_at) == ("Título", "[2011..2012]", None)
    assert list(record.organizations.all()) == [founder]
    version = record.history.get()
    assert (version.history_receipt, version.history_user) == (receipt.pk, admin.user)
    assert version.history_change_reason == receipt.change_reason
    assert [row.organization for row in version.organizations.all()] == [founder]
    assert (receipt.new, receipt.changed, receipt.same) == (1, 0, 0)


def test_absent_columns_leave_their_fields_and_lists_are_replaced_as_the_file_has_them():
    for slug in "abc":
        organization(slug=slug)
    record = event(slug="uno", title="Antes", summary="Sigue")
    record.organizations.set(Organization.objects.filter(slug__in="ab"))
    imported("eventos", csv_of("identificador,titulo,nombradas", "uno,Después,b; c"))
    record.refresh_from_db()
    assert (record.title, record.summary) == ("Después", "Sigue")
    assert sorted(record.organizations.values_list("slug", flat=True)) == ["b", "c"]


def test_a_former_slug_finds_its_record_and_no_import_changes_a_slug():
    record = event(slug="antes", title="Viejo")
    record.slug = "ahora"
    record.save()
    imported("eventos", csv_of("identificador,titulo", "antes,Nuevo"))
    assert [*Event.objects.values_list("slug", "title")] == [("ahora", "Nuevo")]


def test_citations_find_their_place_and_number():
    here = source(slug="fuente")
    event(slug="uno")
    rows = (
        "cita-1,fuente,decidieron sumarse,start,uno",
        "cita-2,fuente,decidieron sumarse,,uno",
        "cita-3,fuente,anunció su salida,,uno",
    )
    header = "identificador,fuente,palabras_exactas,apoya,acontecimiento"
    imported("citas", csv_of(header, *rows))
    first, second, third = Citation.objects.order_by("slug")
    assert first.number == second.number != third.number
    assert here.passages.text[slice(*first.span)] == "decidieron sumarse"
    assert first.prefix == "Tres de ellas "


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("eventos", [EVENT, "x,T,acuerdoz,,"], ["Fila 2", "«categoria»", "«acuerdoz»", "¿Quiso decir «acuerdo»?"]),
        ("eventos", [EVENT, "x,T,acuerdo,2017-02-30,"], ["«inicio»", "«2017-02-30»", "28 días", "2020-02-11"]),
        ("eventos", [EVENT, "x,T,acuerdo,ago-11,"], ["cuatro cifras"]),
        ("eventos", [EVENT, "x,T,acuerdo,,fundadoa"], ["«nombradas»", "¿Quiso decir «fundadora»?"]),
        ("eventos", [EVENT, "x,,acuerdo,,"], ["«titulo»", "Falta"]),
        ("eventos", [EVENT, f"x,{'y' * 10_000},acuerdo,,"], ["10,000", "200"]),
        ("eventos", [EVENT, "x\x01y,T,acuerdo,,"], ["Fila 2"]),
        ("eventos", [EVENT, "x,T\x02,acuerdo,,"], ["control"]),
        ("eventos", [EVENT, ",T,acuerdo,,"], ["Falta el identificador"]),
        ("eventos", [EVENT, "a b,T,acuerdo,,"], ["No es un identificador"]),
        ("eventos", [EVENT, "x,T,acuerdo,,", "y,T,acuerdo,,", "x,T,acuerdo,,"], ["Fila 4", "fila 2"]),
        ("eventos", [EVENT + ",fin", "x,T,acuerdo,2017,,2016"], ["anterior"]),
        ("eventos", [EVENT + ",se_publica,se_retira", "x,T,acuerdo,,,2026-01-02,2026-01-01"], ["retiro"]),
        ("eventos", [EVENT + ",se_publica", "x,T,acuerdo,,,mañana"], ["«se_publica»", "2026-11-24 09:00"]),
        ("eventos", [EVENT + ",se_publica", "x,T,acuerdo,,,0001-01-01 00:00+00:00"], ["«se_publica»"]),
        ("eventos", [EVENT, "x,T,acuerdo,,,de más"], ["más celdas"]),
        ("organizaciones", ["identificador,nombre,sitio_web", "x,N,javascript:alert(1)"], ["https://"]),
        ("membresias", ["identificador,organizacion", "x,"], ["«organizacion»", "Falta"]),
        ("representacion", ["identificador,organizacion,papel,lugar", "x,fundadora,representante,0"], ["«lugar»"]),
        ("representacion", ["identificador,organizacion,papel,inicio,fin",
                            "x,fundadora,representante,2011,2013", "y,fundadora,representante,2012,2014"],
         ["Fila 3", "Se traslapa con «x»"]),
        ("citas", ["identificador,fuente,palabras_exactas,acontecimiento", "x,fuente,no está ahí,uno"],
         ["No está en la fuente"]),
        ("citas", ["identificador,fuente,palabras_exactas,acontecimiento", "x,fuente,la Red,uno"], ["2 veces"]),
        ("citas", ["identificador,fuente,palabras_exactas", "x,fuente,decidieron sumarse"], ["exactamente un"]),
        ("fuentes", ["identificador,texto", "fuente,Otro texto."], ["romperían", "decidieron sumarse"]),
    ],
)  # fmt: skip
def test_an_error_names_row_column_value_and_what_was_expected(name, rows, expected):
    organization(slug="fundadora")
    citation(event(slug="uno"), source=source(slug="fuente"))
    message = " ".join(errors(name, csv_of(*rows)))
    assert [words for words in expected if words not in message] == [], message


MONTH_FIRST = "la fila {}, «{}», pone primero el mes"


@pytest.mark.parametrize(
    ("starts", "evidence", "refused"),
    [
        (["10/24/2016", "10/9/2016", "2016", "9/9/2016"], ("10/24/2016", 2), [2, 3]),
        (["10/9/2016", "10/24/2016", "9/9/2016"], ("10/24/2016", 3), [2, 3]),
        (["24/10/2016", "10/9/2016", "10/24/2016"], ("10/24/2016", 4), [3, 4]),
        (["10-9-2016", "9.10.2016", "10/24/16 14:30"], ("10/24/16", 4), [2, 3, 4]),
        (["entre 10/9/2016 y 11/9/2016", "antes de 10-24-2016"], ("10-24-2016", 3), [2, 3]),
        (["10/9/16 0:00", "10/24/2016 0:00:00"], ("10/24/2016", 3), [2, 3]),
        (["10/9/2016", "24/10/2016", "2016-10-24"], None, []),
    ],
)
def test_a_date_with_the_month_first_makes_the_ambiguous_ones_of_its_column_errors(
    starts, evidence, refused
):
    rows = (f"e-{n},T,acuerdo,{start}" for n, start in enumerate(starts))
    header = "identificador,titulo,categoria,inicio"
    outcome = dry_run("eventos", csv_of(header, *rows))
    assert [error.row for error in outcome.errors] == refused, outcome.errors
    for error in outcome.errors:
        is_evidence = evidence[0] in error.says
        assert is_evidence or MONTH_FIRST.format(*evidence[::-1]) in error.problem
    # Another column of dates has its own evidence.
    other = csv_of(header + ",fin", "a,T,acuerdo,1/1/2016,10/9/2016", f"b,T,acuerdo,{starts[0]},")
    assert {error.column for error in dry_run("eventos", other).errors} <= {"inicio"}


@pytest.mark.parametrize("left", ["10/24/2016", "24/10/2016"])
def test_the_dates_that_excel_read_are_ambiguous_beside_one_that_it_left_as_text(left):
    def rows(*starts: Any) -> bytes:
        sheet = openpyxl.Workbook()
        sheet.active.append(["identificador", "titulo", "categoria", "inicio"])
        for number, start in enumerate(starts):
            sheet.active.append([f"e-{number}", "T", "acuerdo", start])
        sheet.save(file := io.BytesIO())
        return file.getvalue()

    dates = [date(2016, 9, 10), date(2016, 9, 9), date(2016, 9, 30), "2016-09-10"]
    assert not errors("eventos", rows(*dates))
    refused = dry_run("eventos", rows(*dates, left)).errors
    assert "el 10 de septiembre o el 9 de octubre" in refused[0].problem
    assert "fila 6" in refused[0].problem
    assert [error.row for error in refused] == ([2, 6] if left == "10/24/2016" else [2])


def test_a_cell_that_another_program_cut_is_an_error_and_no_change():
    record = event(slug="uno", body=f"<p>{'x' * 40_000}</p>")
    cut = csv_of("identificador,texto", f"uno,{record.body[:32_767]}")
    assert "cortada" in errors("eventos", cut)[0]
    assert not errors("eventos", csv_of("identificador,texto", "uno,<p>corto</p>"))


def test_a_reference_is_a_slug_or_any_name_of_one_record_and_no_query_is_made_for_a_row():
    for fields in (
        {
            "slug": "civica",
            "name": "Datos Cívicos, A. C.",
            "short_name": "DC",
            "other_names": "Una\nOtra",
        },
        {"slug": "oficina", "name": "Oficina para México", "short_name": "Artículo 19"},
        {"slug": "tm", "name": "Transparencia Mexicana"},
        {"slug": "tm-2", "name": "Otra cosa", "other_names": "TRANSPARENCIA  MEXICANA"},
    ):
        organization(**fields)
    event(slug="firma", title="Se firma el acuerdo")
    citation(event(), source=source(slug="informe", title="Informe anual"))
    for name, header, row in (
        ("eventos", EVENT, "uno,T,acuerdo,,DC; articulo 19; OTRA; tm; Datos civicos A.C."),
        ("membresias", "identificador,organizacion,sustituye_a", "uno,ARTÍCULO 19,Oficina para mexico"),
        ("citas", "identificador,fuente,palabras_exactas,acontecimiento",
         "uno,informe anual,decidieron sumarse,Se firma el acuerdo"),
    ):  # fmt: skip
        found = errors(name, csv_of(header, row))
        assert found == [] or "sustituye" in found[0]
    imported("eventos", csv_of(EVENT, "uno,T,acuerdo,,DC; articulo 19; OTRA; tm"))
    named = Event.objects.get(slug="uno").organizations.values_list("slug", flat=True)
    assert sorted(named) == ["civica", "oficina", "tm"]
    assert dry_run("eventos", csv_of(EVENT, "uno,T,acuerdo,,dc; Artículo 19; TM")).counts[2] == 1
    for word, expected in (
        ("transparencia mexicana", "Así se llaman 2: «tm», «tm-2»."),
        ("Dato civico", "¿Quiso decir «civica»?"),
        ("transparencia mexicna", "¿Quiso decir «tm» o «tm-2»?"),
        ("+", "No hay registro"),
    ):
        assert expected in errors("eventos", csv_of(EVENT, f"uno,T,acuerdo,,{word}"))[0]
    rows = csv_of(EVENT, *(f"e-{n},T,acuerdo,,Artículo 19" for n in range(999)))
    with CaptureQueriesContext(connection) as queries:
        assert dry_run("eventos", rows).counts == (999, 0, 0)
    assert len(queries) < 10


def test_a_new_organization_with_the_name_of_another_is_warned_of_and_imported(admin):
    organization(slug="data-civica", name="Data Cívica", other_names="Los Datos")
    rows = csv_of(
        "identificador,nombre,nombre_corto", "otra,DATA-CIVICA,", "tercera,Otra Cosa,los datos",
        "cuarta,Distinta,", "quinta,Más,OTRA  COSA", "DATA-CIVICA,Data Cívica,",
    )  # fmt: skip
    receipt = imported("organizaciones", rows, admin.user)
    problem = "¿Es otra que ya está? Así se llama también"
    assert [(row, text) for row, _column, _says, text, _expected in receipt.warnings] == [
        (2, f"{problem} «data-civica»."), (3, f"{problem} «data-civica»."), (5, f"{problem} «tercera».")
    ]  # fmt: skip
    assert (receipt.new, receipt.same) == (4, 1)


def test_a_file_of_names_that_do_not_exist_is_refused_in_time():
    names = (f"Organización {n:05}" for n in range(6000))
    Organization.objects.bulk_create(Organization(slug=slugify(n), name=n) for n in names)
    rows = csv_of(EVENT, *(f"e-{n},T,acuerdo,,Organización que no hay {n}" for n in range(500)))
    begun = time.perf_counter()
    assert dry_run("eventos", rows).error_count == 500
    with pytest.raises(TableError, match="nombra más de 30,000 registros"):
        dry_run("eventos", csv_of(EVENT, f"uno,T,acuerdo,,{';'.join(map(str, range(150_000)))}"))
    assert time.perf_counter() - begun < 10


def test_missing_unknown_and_duplicate_headers_refuse_the_file():
    for headers, reason in (
        ("titulo,categoria", "Falta la columna «identificador»"),
        ("identificador,titulo,titulo", "«titulo» está 2 veces"),
        ("identificador,titulos", "¿quiso decir «titulo»?"),
    ):
        with pytest.raises(TableError, match="encabezado") as refusal:
            dry_run("eventos", csv_of(headers, "a,b,c"))
        assert reason in str(refusal.value)


def test_headers_may_have_accents_capitals_and_spaces():
    headers = " Identificador ,Título,CATEGORÍA,Palabras de la fuente,,"
    imported("eventos", csv_of(headers, "uno,T,acuerdo,a mediados,,"))
    assert Event.objects.get().date_label == "a mediados"


def test_an_error_in_the_second_batch_leaves_nothing_written():
    rows = [f"e-{n},T,acuerdo,," for n in range(1001)] + ["mala,T,nada,,"]
    dataset = dataset_of(csv_of(EVENT, *rows))
    with pytest.raises(Refused):
        run_import(Receipt(resource="eventos", file_name="x"), dataset)
    assert RESOURCES["eventos"]().import_data(dataset).error_count == 1
    assert not Event.objects.exists()
    assert not Event.history.exists()
    assert not Receipt.objects.exists()


def test_a_row_with_too_many_cells_leaves_the_rows_after_it_what_they_are():
    event(slug="e-1000", title="T", category="acuerdo")
    rows = [f"e-{n},T,acuerdo,," for n in range(1001)]
    rows[0] += ",de más"
    outcome = dry_run("eventos", csv_of(EVENT, *rows))
    assert (outcome.counts, outcome.error_count) == ((999, 0, 1), 1)


def test_an_import_of_two_batches_makes_them_all():
    receipt = imported("eventos", csv_of(EVENT, *(f"e-{n},T,acuerdo,," for n in range(1001))))
    assert Event.objects.count() == Event.history.count() == receipt.new == 1001


def test_a_second_confirmation_finds_the_import_made():
    receipt = imported("eventos", csv_of(EVENT, "uno,T,acuerdo,,"))
    with pytest.raises(Receipt.DoesNotExist):
        run_import(receipt, dataset_of(csv_of(EVENT)), receipt.state)


def test_who_may_not_publish_brings_drafts_only_and_cannot_change_what_is_public(editor):
    event(slug="publico")
    event(slug="borrador", publish_at=None)
    organization(slug="o")
    for name, rows, is_refused in (
        ("eventos", ["identificador,titulo", "publico,Otro"], True),
        ("eventos", ["identificador,titulo", "borrador,Otro"], False),
        ("eventos", [EVENT, "nuevo,T,acuerdo,,"], False),
        ("eventos", [EVENT + ",se_publica", "nuevo,T,acuerdo,,,2020-01-01"], True),
        ("eventos", ["identificador,se_publica", "borrador,2020-01-01"], True),
        ("membresias", ["identificador,organizacion", "m,o"], False),
        ("membresias", ["identificador,organizacion,se_publica", "m,o,2020-01-01"], True),
    ):
        assert bool(errors(name, csv_of(*rows), editor.user)) == is_refused, rows


# Undo


def test_undo_puts_back_what_nobody_touched_and_leaves_what_somebody_did(admin):
    for slug in "ab":
        organization(slug=slug)
    kept, touched = event(slug="uno", title="Uno"), event(slug="dos", title="Dos")
    kept.organizations.set(Organization.objects.filter(slug="a"))
    # The order of the versions counts, not their clocks.
    kept.history.update(history_date=timezone.now() + timedelta(days=1))
    rows = ("uno,UNO,acuerdo,2011,b", "dos,DOS,acuerdo,,", "tres,TRES,acuerdo,,",
            "cuatro,CUATRO,acuerdo,,")  # fmt: skip
    receipt = imported("eventos", csv_of(EVENT, *rows), admin.user)
    touched.refresh_from_db()
    touched.summary = "Otra mano"
    touched.save()
    citation(Event.objects.get(slug="cuatro"), source=source())
    assert undo_import(receipt, admin.user) == (2, 2)
    kept.refresh_from_db()
    touched.refresh_from_db()
    assert (kept.title, kept.start, touched.title) == ("Uno", "", "DOS")
    assert [o.slug for o in kept.organizations.all()] == ["a"]
    assert {*Event.objects.values_list("slug", flat=True)} == {"uno", "dos", "cuatro"}
    latest = kept.history.latest("history_id")
    assert latest.history_change_reason == f"Se deshizo la importación {receipt.pk}"
    assert latest.history_user == admin.user
    assert [row.organization.slug for row in latest.organizations.all()] == ["a"]
    with pytest.raises(Receipt.DoesNotExist):
        undo_import(receipt, admin.user)


@pytest.mark.parametrize(
    ("before", "column", "cell"),
    [(LONG_AGO, "titulo", "Otro"), (LONG_AGO, "se_publica", ""), (TOMORROW, "se_publica", ""),
     (None, "se_publica", "2020-01-01 00:00")],
    ids=["changes", "republishes", "schedules again", "withdraws"],
)  # fmt: skip
def test_undo_by_who_may_not_publish_leaves_what_is_or_was_public(
    before, column, cell, admin, editor
):
    record = event(slug="uno", publish_at=before)
    receipt = imported("eventos", csv_of(f"identificador,{column}", f"uno,{cell}"), admin.user)
    now = Event.objects.values().get()
    assert undo_import(receipt, editor.user) == (0, 1)
    assert Event.objects.values().get() == now
    assert record.history.count() == 2


def test_undo_by_who_may_not_publish_puts_drafts_back_and_removes_them(admin, editor):
    event(slug="uno", title="Antes", publish_at=None)
    event(slug="publico", title="Antes")
    rows = ("uno,Otro,acuerdo,,", "dos,T,acuerdo,,")
    assert undo_import(imported("eventos", csv_of(EVENT, *rows), admin.user), editor.user) == (2, 0)
    assert [*Event.objects.order_by("slug").values_list("slug", "title")] == [
        ("publico", "Antes"), ("uno", "Antes"),
    ]  # fmt: skip
    published = csv_of(EVENT + ",se_publica", "tres,T,acuerdo,,,2020-01-01")
    assert undo_import(imported("eventos", published, admin.user), editor.user) == (0, 1)
    assert Event.objects.filter(slug="tres").exists()


@pytest.mark.django_db(transaction=True)
def test_undo_leaves_a_record_that_would_refer_to_one_that_is_gone(admin):
    gone = organization(slug="a", publish_at=None)
    organization(slug="b", publish_at=None)
    record = event(slug="uno")
    record.organizations.add(gone)
    record.save()
    membership(slug="una", organization=gone)
    events = imported("eventos", csv_of("identificador,nombradas", "uno,b"), admin.user)
    members = imported("membresias", csv_of("identificador,organizacion", "una,b"), admin.user)
    gone.delete()
    assert undo_import(events, admin.user) == undo_import(members, admin.user) == (0, 1)
    assert [other.slug for other in record.organizations.all()] == ["b"]


def test_undo_of_a_text_moves_its_citations_back(admin):
    cited = citation(event(), source=source(slug="uno"))
    place = cited.position
    longer = csv_of("identificador,texto", f"uno,Antes. {cited.exact.capitalize()}: {cited.exact}.")
    receipt = imported("fuentes", longer, admin.user)
    cited.refresh_from_db()
    assert cited.position != place
    assert undo_import(receipt, admin.user) == (1, 0)
    cited.refresh_from_db()
    assert cited.position == place
