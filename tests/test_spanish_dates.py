"""Dates as people write them in Spanish, and what they are told when a date can't be read."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from record.dates import MONTHS, ImpossibleDate, parse
from record.forms import EDTFFormField
from record.spanish import read
from tests.records import edtf, level_0


@settings(max_examples=400)
@given(edtf())
def test_what_is_shown_is_read_back_unchanged(text):
    date = parse(text)
    assert read(str(date)) == date
    assert read(str(date).upper()) == date
    assert read(f"  {date}.\n") == date if date else not read(" ")
    assert read(date.text) == date


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("11/08/2011", "2011-08-11"),
        ("11-08-2011", "2011-08-11"),
        ("11.08.2011", "2011-08-11"),
        ("1/8/2011", "2011-08-01"),
        ("08/2011", "2011-08"),
        ("2011/08/11", "2011-08-11"),
        ("2011-8-1", "2011-08-01"),
        ("03-may-2017", "2017-05-03"),
        ("may-2017", "2017-05"),
        ("agosto de 2011", "2011-08"),
        ("Agosto 2011", "2011-08"),
        ("AGOSTO DEL 2011", "2011-08"),
        ("agosto del año 2011", "2011-08"),
        ("ago. 2011", "2011-08"),
        ("setiembre de 2011", "2011-09"),
        ("sept. 2011", "2011-09"),
        ("1 de agosto de 2011", "2011-08-01"),
        ("1.º de agosto de 2011", "2011-08-01"),
        ("1º de agosto de 2011", "2011-08-01"),
        ("1° de agosto de 2011", "2011-08-01"),
        ("1ro de agosto de 2011", "2011-08-01"),
        ("primero de agosto de 2011", "2011-08-01"),
        ("el 11 de agosto de 2011", "2011-08-11"),
        ("el día 11 de agosto de 2011", "2011-08-11"),
        ("11 ago 2011", "2011-08-11"),
        ("29 de febrero de 2016", "2016-02-29"),
        ("en 2016", "2016"),
        ("en el año 2016", "2016"),
        ("«2016»", "2016"),
        ("« agosto de 2011 »", "2011-08"),
        ("agosto\N{NO-BREAK SPACE}de\n2011", "2011-08"),
        ("２０１７", "2017"),
        ("entre agosto de 2011 y febrero de 2015", "[2011-08..2015-02]"),
        ("entre agosto y octubre de 2011", "[2011-08..2011-10]"),
        ("entre el 3 y el 5 de mayo de 2017", "[2017-05-03..2017-05-05]"),
        ("entre 3 y 5 de mayo de 2017", "[2017-05-03..2017-05-05]"),
        ("entre el 3 de mayo y el 5 de junio de 2017", "[2017-05-03..2017-06-05]"),
        ("entre el 11/08/2011 y el 5/2/2015", "[2011-08-11..2015-02-05]"),
        ("entre 2011 y 2015", "[2011..2015]"),
        ("« entre 2011 y 2015 »", "[2011..2015]"),
        ("[2011-08 .. 2015-02]", "[2011-08..2015-02]"),
        ("antes del 3 de mayo de 2017", "[..2017-05-02]"),
        ("antes de agosto de 2011", "[..2011-07]"),
        ("antes de enero de 2011", "[..2010-12]"),
        ("antes de 2015", "[..2014]"),
        ("antes del año 2015", "[..2014]"),
        ("antes del 1 de marzo de 2016", "[..2016-02-29]"),
        ("antes del 1 de marzo de 2017", "[..2017-02-28]"),
        ("después de 2015", "[2016..]"),
        ("después de diciembre de 2015", "[2016-01..]"),
        ("después del 28 de febrero de 2017", "[2017-03-01..]"),
        ("desde 2016 o después", "[2016..]"),
        ("desde el 23 de mayo de 2017 o después", "[2017-05-23..]"),
        ("a partir del 23 de mayo de 2017 o después", "[2017-05-23..]"),
        ("2016 o más tarde", "[2016..]"),
        ("de 2016 en adelante", "[2016..]"),
        ("2016, o en adelante", "[2016..]"),
        ("al menos hasta el 23 de mayo de 2017", "[2017-05-23..]"),
        ("no antes de 2016", "[2016..]"),
        ("no antes del 3 de mayo de 2016", "[2016-05-03..]"),
        ("abril de 2017 o antes", "[..2017-04]"),
        ("en abril de 2017 o antes", "[..2017-04]"),
        ("hasta abril de 2017 o antes", "[..2017-04]"),
        ("a más tardar en abril de 2017", "[..2017-04]"),
        ("a más tardar el 3 de mayo de 2016", "[..2016-05-03]"),
        ("no después de 2016", "[..2016]"),
        ("no después del 3 de mayo de 2016", "[..2016-05-03]"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_what_people_write_is_read(written, meant):
    assert read(written).text == meant


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("a principios de 2016", "«palabras de la fuente»"),
        ("principios de 2016", "«palabras de la fuente»"),
        ("a mediados de marzo de 2016", "«palabras de la fuente»"),
        ("hacia 2016", "«palabras de la fuente»"),
        ("desde 2016", "escriba «2016» si fue entonces, o «2016 o después»"),
        ("a partir de 2016", "escriba «2016» si fue entonces, o «2016 o después»"),
        ("desde el año 2016", "escriba «2016» si fue entonces, o «2016 o después»"),
        ("hasta abril de 2017", "«abril de 2017» si fue entonces, o «abril de 2017 o antes»"),
        ("11/08/11", "el año con sus cuatro cifras"),
        ("03-may-17", "el año con sus cuatro cifras"),
        ("agosto de 11", "el año con sus cuatro cifras"),
        ("3 de mayo", "falta el año"),
        ("mayo", "falta el año"),
        ("30 de febrero de 2017", "febrero de 2017 tiene 28 días"),
        ("31/02/2017", "febrero de 2017 tiene 28 días"),
        ("2017-02-30", "febrero de 2017 tiene 28 días"),
        ("antes del 30 de febrero de 2017", "febrero de 2017 tiene 28 días"),
        ("02/30/2017", "no hay mes 30; van de 1 a 12"),
        ("2017-13", "no hay mes 13; van de 1 a 12"),
        ("0000", "no hubo año 0"),
        ("entre octubre y agosto de 2011", "octubre de 2011 no es anterior a agosto de 2011"),
        ("entre 2011", "dos fechas unidas por «y»"),
        ("antes de 0001", "fuera de los años 1 a 9999"),
        ("antes del 1 de enero de 0001", "fuera de los años 1 a 9999"),
        ("después de 9999", "fuera de los años 1 a 9999"),
        ("después de diciembre de 9999", "fuera de los años 1 a 9999"),
        ("después del 31 de diciembre de 9999", "fuera de los años 1 a 9999"),
        ("٢٠١٧", "no se reconoce"),
        ("١ de agosto de 2011", "no se reconoce"),
        ("2017\0", "no se reconoce"),
        ("ayer", "no se reconoce"),
        ("entre", "no se reconoce"),
        ("antes de", "no se reconoce"),
        ("o después", "no se reconoce"),
        ("antes de 2015 o después", "no se reconoce"),
        ("2011-2015", "no se reconoce"),
    ],
)
def test_what_cannot_be_read_is_told_as_it_was_written_and_why(written, told):
    with pytest.raises(ImpossibleDate) as refusal:
        read(written)
    assert str(refusal.value).startswith(f"«{written}» no es una fecha posible: ")
    assert told in str(refusal.value)


@given(level_0())
def test_before_and_after_a_date_leave_it_out(text):
    date = parse(text)
    for word, bound in (("antes de", "latest"), ("después de", "earliest")):
        try:
            other = read(f"{word} {date}")
        except ImpossibleDate:
            assert text.startswith(("0001", "9999"))
        else:
            assert (getattr(other, bound) < date.earliest) == (bound == "latest")
            assert (getattr(other, bound) > date.latest) == (bound == "earliest")


words = st.sampled_from(
    [*MONTHS, *"de del el entre y o antes después desde hasta año 1.º 31 2017 [ ] .. /".split()]
)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=40), st.lists(words, max_size=9).map(" ".join)))
def test_any_text_is_a_date_or_refused(written):
    with suppress(ImpossibleDate):
        date = read(written)
        assert parse(date.text) == date
        assert date.text.isascii()


@pytest.mark.parametrize("again", ["entre ", "de ", " o despues", "1", "9/", "el ", "año "])
def test_a_very_long_text_is_refused_at_once(again):
    begun = time.perf_counter()
    with pytest.raises(ImpossibleDate):
        read(again * (10_000 // len(again)) + "o después")
    assert time.perf_counter() - begun < 0.5


def test_the_form_keeps_edtf_and_shows_spanish():
    field = EDTFFormField(required=False)
    assert field.clean("entre agosto de 2011 y febrero de 2015") == "[2011-08..2015-02]"
    assert field.prepare_value("[2011-08..2015-02]") == "entre agosto de 2011 y febrero de 2015"
    assert field.clean("") == ""
    assert field.prepare_value("30 de febrero de 2017") == "30 de febrero de 2017"
