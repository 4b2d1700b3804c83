"""The words of a source beside a date stand in a source that the record cites, as they are."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from exchange.imports import Refused, run_import
from exchange.models import Receipt
from tests import records
from tests.sheets import csv_of, dataset_of, dry_run
from tests.staff import act, address_of, draft, problems, quote, save

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
SAID, UNSAID = "En mayo de 2012", "en mayo de 2012"  # the text has the capital


def labelled(label: str) -> Any:
    record = draft(start="2012-05", date_label=label)
    records.citation(record, source=records.source())
    return record


def test_the_form_refuses_a_label_as_soon_as_the_record_cites_something(publisher: Any) -> None:
    record, source = draft(start="2012-05"), records.source()
    address = address_of("change", record)
    save(publisher, address, date_label=UNSAID)
    record.refresh_from_db()
    assert record.date_label == UNSAID
    quoted = quote(record, source=source.pk)
    refused = problems(save(publisher, address, **quoted))
    assert f"Ninguna fuente citada dice «{UNSAID}»" in refused
    assert not record.citations.exists()
    assert save(publisher, address, **quoted, date_label=SAID).status_code == 302
    assert record.citations.exists()


def test_an_import_and_publishing_refuse_it_too(publisher: Any) -> None:
    record = labelled(SAID)
    header = "identificador,palabras_de_la_fuente"
    (error,) = dry_run("eventos", csv_of(header, f"{record.slug},{UNSAID}")).errors
    assert (error.column, error.says) == ("palabras_de_la_fuente", UNSAID)
    assert "Ninguna fuente citada dice" in error.problem
    assert dry_run("eventos", csv_of(header, f"{record.slug},decidieron sumarse")).errors == []
    for wrong in (labelled(UNSAID), draft(start="2012", date_label=SAID)):  # the second cites none
        refused = act(publisher, "publish", wrong, unproven="alone")
        assert "Ninguna fuente citada dice" in refused.text
        wrong.refresh_from_db()
        assert wrong.is_draft()
    act(publisher, "publish", record, unproven="alone")
    record.refresh_from_db()
    assert record.is_public()


def test_a_text_that_no_longer_says_a_label_is_refused_unless_another_cited_source_does() -> None:
    record = labelled(SAID)
    source = record.citations.get().source
    source.text = source.text.replace(SAID, "En mayo")
    with pytest.raises(ValidationError, match=SAID):
        source.full_clean()
    records.citation(record, source=records.source())
    source.full_clean()


def test_a_citation_is_not_deleted_or_moved_while_a_label_needs_it(publisher: Any) -> None:
    """In the form of the record, on the page of the citation, in the papelera and by an import."""
    record, other = (
        labelled(SAID),
        records.source(slug="otra", text="Otra dice: decidieron sumarse."),
    )
    quoting = record.citations.get()
    gone = save(publisher, address_of("change", record), **{"citations-0-DELETE": "on"})
    assert f"Ninguna fuente citada dice «{SAID}»" in problems(gone)
    moved = save(publisher, address_of("change", quoting), source=other.pk)
    assert f"dice «{SAID}»" in problems(moved)
    page = publisher.post(address_of("delete", quoting), {"confirmed": "1"})
    assert f"«{SAID}», palabras de la fuente" in page.text
    rows = csv_of("identificador,fuente", f"{quoting.slug},{other.slug}")
    (error,) = dry_run("citas", rows).errors
    assert f"dice «{SAID}»" in error.problem
    assert record.citations.get().source == quoting.source
    records.citation(record, "En mayo de 2012", source=quoting.source)
    assert dry_run("citas", rows).errors == []
    assert save(publisher, address_of("change", quoting), source=other.pk).status_code == 302


def test_rows_of_an_organization_and_published_rows_of_a_table_are_checked(publisher: Any) -> None:
    membership = records.membership(start="2012-05")
    records.citation(membership, source=records.source())
    address = address_of("change", membership.organization)
    row = "memberships-0-start_label"
    assert "Ninguna fuente citada dice" in problems(save(publisher, address, **{row: UNSAID}))
    assert save(publisher, address, **{row: SAID}).status_code == 302
    header = "identificador,se_publica"
    bare = draft(start="2012-05", date_label=SAID)
    (error,) = dry_run("eventos", csv_of(header, f"{bare.slug},2020-01-01 09:00")).errors
    assert "Ninguna fuente citada dice" in error.problem
    said = csv_of(header, f"{labelled(SAID).slug},2020-01-01 09:00")
    assert dry_run("eventos", said).errors == []
    header = "identificador,titulo,categoria,palabras_de_la_fuente,se_publica"
    (error,) = dry_run("eventos", csv_of(header, f"x,T,acuerdo,{SAID},2020-01-01 09:00")).errors
    assert (error.row, error.column, error.says) == (2, "palabras_de_la_fuente", SAID)
    assert "importe como borrador, agregue la cita y publique" in str(error)
    assert dry_run("eventos", csv_of(header, f"x,T,acuerdo,{SAID},")).errors == []


def test_a_label_needs_a_source_after_all_citations_of_a_file_moved() -> None:
    """Two citations that leave it together are refused; a new one in the same file may prove it."""
    record, other = labelled(SAID), records.source(slug="otra", text="Otra: decidieron sumarse.")
    first = record.citations.get()
    records.citation(record, "decidieron sumarse", source=first.source)
    leaving = [f"{quote.slug},otra,decidieron sumarse," for quote in record.citations.all()]
    header = "identificador,fuente,palabras_exactas,acontecimiento"
    for row in leaving:
        assert dry_run("citas", csv_of(header, f"{row}{record.slug}")).errors == []
    rows = [f"{row}{record.slug}" for row in leaving]
    (error,) = dry_run("citas", csv_of(header, *rows)).errors
    assert error.row == 3
    assert f"dice «{SAID}»" in error.problem
    with pytest.raises(Refused, match="errores: 1"):
        run_import(Receipt(resource="citas", file_name="x"), dataset_of(csv_of(header, *rows)))
    assert {*record.citations.values_list("source", flat=True)} == {first.source.pk}
    rows = [f"nueva,{first.source.slug},decidieron sumarse,{record.slug}", *rows]
    for ordered in (rows, [*reversed(rows)]):
        assert dry_run("citas", csv_of(header, *ordered)).errors == []
    run_import(Receipt(resource="citas", file_name="x"), dataset_of(csv_of(header, *rows)))
    assert record.citations.filter(source=other).count() == 2
