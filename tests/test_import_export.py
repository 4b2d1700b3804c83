"""Out and in again is zero changes; what changes is shown beforehand, made whole, undone whole."""

import io
import random
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.formats import FORMATS, Upload
from exchange.imports import RESOURCES, Refused, faulty_rows, make, preview, undo
from exchange.models import Receipt
from exchange.tables import read_dataset
from organizations.models import Organization, RepresentationTerm
from record.resources import Outcome
from record.widgets import TableError
from sources.models import Citation
from timeline.models import Event

from .records import (
    LONG_AGO,
    citation,
    edtf,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)

pytestmark = pytest.mark.django_db


def csv_of(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def exported(name: str, format_name: str = "csv") -> bytes:
    resource, file = RESOURCES[name](), io.BytesIO()
    FORMATS[format_name]().write(file, resource.rows(resource.model.objects.all()), name)
    return file.getvalue()


def dry_run(name: str, content: bytes, user: User | None = None) -> Outcome:
    dataset = read_dataset(io.BytesIO(content), 10_000)
    return RESOURCES[name](user).import_data(dataset, dry_run=True)


def previewed(name: str, content: bytes, user: User | None = None) -> Receipt:
    receipt = Receipt(resource=name, file_name="prueba.csv", user=user, content=content)
    preview(receipt)
    return receipt


def confirmed(receipt: Receipt, lose: bool = True) -> None:
    """As the admin does: the receipt is read anew."""
    receipt = Receipt.objects.get(pk=receipt.pk)
    dataset = Upload().create_dataset(receipt)
    make(receipt, dataset, receipt.state, keeps=lambda slug, column: not lose)


def imported(name: str, content: bytes, user: User | None = None, lose: bool = True) -> Receipt:
    receipt = previewed(name, content, user)
    assert not receipt.errors, receipt.problems
    confirmed(receipt, lose)
    receipt.refresh_from_db()
    return receipt


def made(name: str, content: bytes) -> Outcome:
    """Imported as the command does."""
    return make(Receipt(resource=name, file_name="x"), read_dataset(io.BytesIO(content), 10_000))


def errors(name: str, content: bytes, user: User | None = None) -> list[str]:
    return [str(error) for error in dry_run(name, content, user).errors]


# Out and in again

texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=40)
lines = st.lists(texts, max_size=3).map("\n".join)
moments = st.none() | st.datetimes(timezones=st.just(timezone.get_fixed_timezone(0)))
html = st.sampled_from(["", "<p>Uno</p><p>Dos &amp; tres</p>", "<h2>=1+1</h2><ul><li>a</li></ul>"])


@st.composite
def record_of_everything(draw: st.DrawFn) -> None:
    """Records of all seven tables with whatever their fields may hold."""
    publish = draw(moments)
    until = publish + timedelta(days=1) if publish and publish.year < 9999 else None
    times = {"publish_at": publish, "unpublish_at": until}
    one = organization(
        name=draw(texts) or "x", short_name=draw(texts), other_names=draw(lines),
        summary=draw(texts), description=draw(html), sector=draw(st.sampled_from(["", "media"])),
        website=draw(st.sampled_from(["", "https://ejemplo.mx/?a=1;b=2,c"])), **times,
    )  # fmt: skip
    other = organization()
    membership(organization=one, start=draw(edtf()), replaces=other, note=draw(texts))
    order = RepresentationTerm.objects.count() + 1  # of one role, each once
    term(organization=one, end=draw(edtf()), order=order if draw(st.booleans()) else None)
    happened = event(
        title=draw(texts) or "x",
        start=draw(edtf()),
        date_label=draw(texts),
        body=draw(html),
        **times,
    )
    happened.organizations.set([one, other])
    said = statement(title="x", date=draw(edtf()), summary=draw(texts), **times)
    said.events.add(happened)
    citation(
        happened, source=source(publisher=draw(texts)), field=draw(st.sampled_from(["", "start"]))
    )


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_out_and_in_again_is_zero_changes_for_every_table_in_every_format(
    data: st.DataObject,
) -> None:
    with transaction.atomic():  # undone, for two examples may want one place in the rotation
        data.draw(record_of_everything())
        for name, resource in RESOURCES.items():
            for format_name in FORMATS:
                outcome = dry_run(name, exported(name, format_name))
                assert not outcome.errors, outcome.errors[0]
                assert outcome.counts == (0, 0, resource.model.objects.count())
        transaction.set_rollback(True)


# In

EVENT = "identificador,titulo,categoria,inicio,organizaciones"


def test_new_rows_become_records_with_versions_that_carry_the_import(admin: object) -> None:
    fundadora = organization(slug="fundadora")
    receipt = imported(
        "eventos", csv_of(EVENT, "uno,Título,acuerdo,entre 2011 y 2012,fundadora"), admin.user
    )
    record = Event.objects.get(slug="uno")
    assert (record.title, record.start) == ("Título", "[2011..2012]")
    assert list(record.organizations.all()) == [fundadora]
    assert record.publish_at is None
    version = record.history.get()
    assert (version.history_receipt, version.history_user) == (receipt.pk, admin.user)
    assert version.history_change_reason == receipt.change_reason
    assert [row.organization for row in version.organizations.all()] == [fundadora]
    assert (receipt.new, receipt.changed, receipt.same) == (1, 0, 0)


def test_a_column_that_is_absent_leaves_its_field_alone() -> None:
    record = event(slug="uno", title="Antes", summary="Sigue")
    imported("eventos", csv_of("identificador,titulo", "uno,Después"))
    record.refresh_from_db()
    assert (record.title, record.summary) == ("Después", "Sigue")


def test_an_empty_cell_is_shown_as_a_loss_and_empties_only_when_agreed_to() -> None:
    record = event(slug="uno", summary="Se pierde")
    content = csv_of("identificador,resumen", "uno,")
    receipt = previewed("eventos", content)
    assert receipt.lost == [[2, "uno", record.title, "resumen", "Se pierde"]]
    imported("eventos", content, lose=False)
    record.refresh_from_db()
    assert record.summary == "Se pierde"
    imported("eventos", content, lose=True)
    record.refresh_from_db()
    assert record.summary == ""


def test_a_former_slug_finds_its_record_and_no_import_changes_a_slug() -> None:
    record = event(slug="antes", title="Viejo")
    record.slug = "ahora"
    record.save()
    imported("eventos", csv_of("identificador,titulo", "antes,Nuevo"))
    record.refresh_from_db()
    assert (record.slug, record.title) == ("ahora", "Nuevo")
    assert Event.objects.count() == 1


def test_relations_are_replaced_as_the_file_has_them() -> None:
    for slug in "abc":
        organization(slug=slug)
    record = event(slug="uno")
    record.organizations.set(Organization.objects.filter(slug__in="ab"))
    imported("eventos", csv_of("identificador,organizaciones", "uno,b; c"))
    assert sorted(record.organizations.values_list("slug", flat=True)) == ["b", "c"]


def test_citations_find_their_place_and_number() -> None:
    here = source(slug="fuente")
    event(slug="uno")
    imported(
        "citas",
        csv_of(
            "identificador,fuente,palabras_exactas,apoya,acontecimiento",
            "cita-1,fuente,decidieron sumarse,start,uno",
            "cita-2,fuente,decidieron sumarse,,uno",
            "cita-3,fuente,anunció su salida,,uno",
        ),
    )
    one, two, three = Citation.objects.order_by("slug")
    assert one.number == two.number != three.number
    assert here.passages.text[slice(*one.span)] == "decidieron sumarse"
    assert one.prefix == "Tres de ellas "


@pytest.mark.parametrize(
    ("name", "rows", "told"),
    [
        ("eventos", [EVENT, "x,T,acuerdos,,"], ["Fila 2", "«categoria»", "«acuerdos»", "¿Quiso decir «acuerdo»?"]),
        ("eventos", [EVENT, "x,T,acuerdo,2017-02-30,"], ["«inicio»", "«2017-02-30»", "28 días", "2017-02-11"]),
        ("eventos", [EVENT, "x,T,acuerdo,ago-11,"], ["cuatro cifras"]),
        ("eventos", [EVENT, "x,T,acuerdo,,fundadoa"], ["«organizaciones»", "¿Quiso decir «fundadora»?"]),
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
def test_an_error_names_row_column_value_and_what_was_expected(
    name: str, rows: list[str], told: list[str]
) -> None:
    organization(slug="fundadora")
    citation(event(slug="uno"), source=source(slug="fuente"))
    message = " ".join(errors(name, csv_of(*rows)))
    for words in told:
        assert words in message
    before = Event.objects.count()
    with pytest.raises(Refused):
        made(name, csv_of(*rows))
    assert Event.objects.count() == before
    assert not Receipt.objects.exists()


def test_a_cell_that_another_program_cut_is_an_error_and_no_change() -> None:
    record = event(slug="uno", body=f"<p>{'x' * 40_000}</p>")
    cut = csv_of("identificador,texto", f"uno,{record.body[:32_767]}")
    assert "cortada" in errors("eventos", cut)[0]
    assert not errors("eventos", csv_of("identificador,texto", "uno,<p>corto</p>"))


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ("titulo,categoria", "Falta la columna «identificador»"),
        ("identificador,titulo,titulo", "«titulo» está 2 veces"),
        ("identificador,titulos", "¿quiso decir «titulo»?"),
    ],
)
def test_missing_unknown_and_duplicate_headers_refuse_the_file(headers: str, told: str) -> None:
    with pytest.raises(TableError, match="encabezado") as refusal:
        previewed("eventos", csv_of(headers, "a,b,c"))
    assert told in str(refusal.value)
    assert not Receipt.objects.exists()


def test_headers_may_have_accents_capitals_and_spaces() -> None:
    headers = " Identificador ,Título,CATEGORÍA,Palabras de la fuente,,"
    imported("eventos", csv_of(headers, "uno,T,acuerdo,a mediados,,"))
    assert Event.objects.get().date_label == "a mediados"


def test_the_faulty_rows_come_back_with_what_to_correct_and_may_be_uploaded_again() -> None:
    receipt = previewed("eventos", csv_of(EVENT, "uno,T,acuerdo,,", "dos,T,acuerdos,,"))
    header, row = list(faulty_rows(receipt))
    assert header[-1] == "que_corregir"
    assert row[0] == "dos"
    assert "¿Quiso decir «acuerdo»?" in row[-1]
    file = io.BytesIO()
    FORMATS["csv"]().write(file, [header, ["dos", "T", "acuerdo", "", "", row[-1]]], "x")
    assert imported("eventos", file.getvalue()).new == 1


def test_one_error_and_nothing_is_written() -> None:
    rows = [f"e-{n},T,acuerdo,," for n in range(2500)] + ["mala,T,nada,,"]
    with pytest.raises(Refused):
        made("eventos", csv_of(EVENT, *rows))
    RESOURCES["eventos"]().import_data(read_dataset(io.BytesIO(csv_of(EVENT, *rows)), 10_000))
    assert not Event.objects.exists()
    assert not Event.history.exists()


def test_a_row_with_too_many_cells_leaves_the_rows_after_it_what_they_are() -> None:
    event(slug="e-1000", title="T", category="acuerdo")
    rows = [f"e-{n},T,acuerdo,," for n in range(1001)]
    rows[0] += ",de más"
    outcome = dry_run("eventos", csv_of(EVENT, *rows))
    assert (outcome.counts, outcome.error_count) == ((999, 0, 1), 1)


# Confirming


def test_what_changed_between_preview_and_confirm_stops_the_import() -> None:
    record = event(slug="uno", title="Antes")
    receipt = previewed("eventos", csv_of("identificador,titulo", "uno,Mío", "dos,T"))
    assert receipt.errors  # «dos» lacks a category
    receipt = previewed("eventos", csv_of("identificador,titulo", "uno,Mío"))
    record.title = "De otra persona"
    record.save()
    with pytest.raises(Refused):
        confirmed(receipt)
    record.refresh_from_db()
    assert record.title == "De otra persona"


def test_a_record_that_appeared_in_between_stops_the_import() -> None:
    receipt = previewed("eventos", csv_of(EVENT, "uno,T,acuerdo,,"))
    event(slug="uno", title="Otro")
    with pytest.raises(Refused):
        confirmed(receipt)
    assert Event.objects.get().title == "Otro"


def test_a_second_confirmation_finds_the_import_made() -> None:
    receipt = imported("eventos", csv_of(EVENT, "uno,T,acuerdo,,"))
    receipt.content = csv_of(EVENT)
    with pytest.raises(Receipt.DoesNotExist):
        make(receipt, Upload().create_dataset(receipt), receipt.state)


def test_previews_left_behind_are_cleaned_away() -> None:
    old = previewed("eventos", csv_of(EVENT, "uno,T,acuerdo,,"))
    Receipt.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    previewed("eventos", csv_of(EVENT, "dos,T,acuerdo,,"))
    assert not Receipt.objects.filter(pk=old.pk).exists()


# Rights


def test_who_may_not_publish_brings_drafts_only_and_cannot_change_what_is_public(
    editor: object,
) -> None:
    event(slug="publico")
    event(slug="borrador", publish_at=None)
    organization(slug="o")
    user = editor.user
    assert errors("eventos", csv_of("identificador,titulo", "publico,Otro"), user)
    assert not errors("eventos", csv_of("identificador,titulo", "borrador,Otro"), user)
    assert not errors("eventos", csv_of(EVENT, "nuevo,T,acuerdo,,"), user)
    assert errors("eventos", csv_of(EVENT + ",se_publica", "nuevo,T,acuerdo,,,2020-01-01"), user)
    assert errors("eventos", csv_of("identificador,se_publica", "borrador,2020-01-01"), user)
    assert errors("membresias", csv_of("identificador,organizacion", "m,o"), user)


# Undo


def test_undo_puts_back_what_nobody_touched_and_leaves_what_somebody_did(admin: object) -> None:
    for slug in "ab":
        organization(slug=slug)
    kept, touched = event(slug="uno", title="Uno"), event(slug="dos", title="Dos")
    kept.organizations.set(Organization.objects.filter(slug="a"))
    receipt = imported(
        "eventos",
        csv_of(EVENT, "uno,UNO,acuerdo,2011,b", "dos,DOS,acuerdo,,", "tres,TRES,acuerdo,,",
               "cuatro,CUATRO,acuerdo,,"),
        admin.user,
    )  # fmt: skip
    touched.refresh_from_db()
    touched.summary = "Otra mano"
    touched.save()
    citation(Event.objects.get(slug="cuatro"), source=source())
    assert undo(receipt, admin.user) == (2, 2)
    kept.refresh_from_db()
    touched.refresh_from_db()
    assert (kept.title, kept.start) == ("Uno", "")
    assert [o.slug for o in kept.organizations.all()] == ["a"]
    assert touched.title == "DOS"
    assert not Event.objects.filter(slug="tres").exists()
    assert Event.objects.filter(slug="cuatro").exists()
    latest = kept.history.latest("history_id")
    assert latest.history_change_reason == f"Se deshizo la importación {receipt.pk}"
    assert [row.organization.slug for row in latest.organizations.all()] == ["a"]
    with pytest.raises(Receipt.DoesNotExist):
        undo(receipt, admin.user)


def test_undo_by_who_may_not_publish_leaves_what_is_public(admin: object, editor: object) -> None:
    record = event(slug="uno", title="Antes")
    receipt = imported("eventos", csv_of("identificador,titulo", "uno,Después"), admin.user)
    assert undo(receipt, editor.user) == (0, 1)
    record.refresh_from_db()
    assert record.title == "Después"


@pytest.mark.parametrize(("before", "after"), [(LONG_AGO, ""), (None, "2020-01-01 00:00")])
def test_undo_by_who_may_not_publish_neither_publishes_nor_withdraws(
    before: datetime | None, after: str, admin: object, editor: object
) -> None:
    record = event(slug="uno", publish_at=before)
    receipt = imported("eventos", csv_of("identificador,se_publica", f"uno,{after}"), admin.user)
    assert undo(receipt, editor.user) == (0, 1)
    record.refresh_from_db()
    assert record.is_draft() == (not after)


@pytest.mark.django_db(transaction=True)
def test_undo_leaves_a_record_that_would_refer_to_one_that_is_gone(admin: object) -> None:
    gone = organization(slug="a", publish_at=None)
    organization(slug="b", publish_at=None)
    record = event(slug="uno")
    record.organizations.add(gone)
    record.save()
    membership(slug="una", organization=gone)
    events = imported("eventos", csv_of("identificador,organizaciones", "uno,b"), admin.user)
    members = imported("membresias", csv_of("identificador,organizacion", "una,b"), admin.user)
    gone.delete()
    assert undo(events, admin.user) == undo(members, admin.user) == (0, 1)
    assert [one.slug for one in record.organizations.all()] == ["b"]


def test_undo_of_a_text_moves_its_citations_back(admin: object) -> None:
    text = source(slug="uno")
    cited = citation(event(), source=text)
    place = cited.position
    longer = csv_of("identificador,texto", f"uno,Antes. {cited.exact.capitalize()}: {cited.exact}.")
    receipt = imported("fuentes", longer, admin.user)
    cited.refresh_from_db()
    assert cited.position != place
    assert undo(receipt, admin.user) == (1, 0)
    cited.refresh_from_db()
    assert cited.position == place


def test_undo_goes_by_the_order_of_the_versions_and_not_by_clocks(admin: object) -> None:
    record = event(slug="uno", title="Antes")
    record.history.update(history_date=timezone.now() + timedelta(days=1))
    receipt = imported("eventos", csv_of("identificador,titulo", "uno,Después"), admin.user)
    assert undo(receipt, admin.user) == (1, 0)
    record.refresh_from_db()
    assert record.title == "Antes"


def test_an_import_of_many_batches_makes_and_undoes_them_all(admin: object) -> None:
    rows = [f"e-{n},T {random.Random(n).random()},acuerdo,," for n in range(2300)]  # noqa: S311
    receipt = imported("eventos", csv_of(EVENT, *rows), admin.user)
    assert Event.objects.count() == Event.history.count() == 2300
    assert receipt.new == 2300
    assert undo(receipt, admin.user) == (2300, 0)
    assert not Event.objects.exists()
