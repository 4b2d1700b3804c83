"""The form says which quote no longer fits a date or a name that changed."""

import re
from typing import Any

import pytest

from dates.spanish_dates import dates_in
from sources.proofs import misfit
from tests import records
from tests.sheets import csv_of
from tests.staff import address_of, save, written
from tests.test_exchange_pages import page_of, previewed, text_of

SAID = "Hasta el 23 de mayo de 2017, fecha en la que anunció su salida"


def test_dates_are_found_in_running_text():
    text = "De agosto de 2011 al 1ro de mayo del 2018; en 2016, con más de 3000; Ley 1234/2015."
    assert [date.text for date in dates_in(text)] == ["2011-08", "2018-05-01", "2016"]


@pytest.mark.parametrize(
    ("date", "words", "said"),
    [
        ("2017-05-23", SAID, ""),
        ("2017-05", SAID, ""),  # less precise than the quote
        ("2017-05-24", SAID, "23 de mayo de 2017"),
        ("2017-05-23", "en mayo de 2017", "mayo de 2017"),  # more precise than the quote
        ("[2011-08..2017-05]", SAID, ""),
        ("[2011-08..2016-12]", "en 2016", ""),
        ("[2011-08..2015-02]", SAID, "23 de mayo de 2017"),
        ("[2016..]", SAID, ""),
        ("", SAID, ""),
        ("2017", "sin fecha alguna", ""),
        ("no es fecha", SAID, ""),
    ],
)
def test_a_quote_fits_a_date_that_it_says(date, words, said):
    assert misfit(date, words) == said


@pytest.mark.django_db
@pytest.mark.usefixtures("forms_check_one_by_one")
def test_the_form_says_beside_a_date_what_its_quote_says(publisher: Any) -> None:
    record = records.event(start="2012-05")
    words = "En mayo de 2012 se convocó"
    records.citation(record, words, source=records.source(), field="start")
    address = address_of("change", record)
    assert "La cita dice" not in publisher.get(address).text
    type(record).objects.filter(pk=record.pk).update(start="2013-06")
    assert "La cita dice mayo de 2012" in publisher.get(address).text
    record.citations.update(stance="contradicts")
    assert "La cita dice" not in publisher.get(address).text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "stored", "changed", "said"),
    [
        ("title", {"title": "Se firma"}, {"title": "Se anuncia"}, "«Se firma»"),
        ("", {"title": "Se firma"}, {"title": "Se anuncia"}, "«Se firma»"),
        ("", {"title": "Se firma"}, {"title": "Se firma en 2012"}, ""),
        ("location", {"location": "la plaza"}, {"location": "el foro"}, "«la plaza»"),
        ("start", {"start": "2012"}, {"start": "2013"}, "2012"),
        ("start", {"start": "2012"}, {"summary": "Otro"}, ""),
    ],
)
def test_the_form_and_a_message_say_which_quote_no_longer_fits(
    field: str, stored: Any, changed: Any, said: str, publisher: Any
) -> None:
    record = records.event(**stored)
    source = records.source(text="Se firma en 2012 en la plaza, que es grande.")
    records.citation(record, "Se firma en 2012 en la plaza", source=source, field=field)
    address = address_of("change", record)
    page = save(publisher, address, **changed, _check="1")
    assert ("La cita dice" in page.text) == bool(said)
    assert f"La cita dice {said}" in page.text or not said
    page = publisher.post(address, written(page) | changed | {"change_reason": "x"}, follow=True)
    assert ("La cita 1 dice" in page.text) == bool(said)
    assert f"La cita 1 dice {said}: corrija" in page.text or not said


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("Se anuncia,junio de 2013,el foro", ["«Se firma»", "mayo de 2012", "«la plaza»"]),
        ("Se firma en mayo,2012,plaza", []),
    ],
)
def test_the_preview_of_an_import_says_which_quote_no_longer_fits(
    row: str, said: list[str], publisher: Any
) -> None:
    words = "Se firma en mayo de 2012 en la plaza"
    source = records.source(title="El acta", text=f"{words}, que es grande.")
    record = records.event(slug="uno", title="Se firma", start="2012-05", location="la plaza")
    for field in ("", "start_latest", "location", "convenes"):
        records.citation(record, words, source=source, field=field)
    rows = csv_of("identificador,titulo,inicio,lugar,convocan", f"uno,{row},el acta de otra")
    records.organization(name="El acta de otra")
    page = text_of(publisher, page_of(previewed(publisher, rows), "revisar/"))
    assert re.findall(r"La cita 1 de «El acta» dice (.+)\. Se esperaba: Un dato", page) == said
    assert ("<code>inicio</code>, «junio de 2013»:</strong>" in page) == bool(said)
