"""Dates as people write them in Spanish, and the reason when a date cannot be read."""

import time
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dates.edtf import MONTHS, ImpossibleDate, parse
from dates.forms import EDTFFormField
from dates.spanish_dates import read, span_in
from tests.records import edtf, level_0
from timeline.resources import EventResource


@given(edtf())
@example("")
@example("0001-01-01")
@example("2000-02-29")
@example("[0001..9999]")
@example("[2017-05-23..]")
@example("[..2017-04]")
def test_a_date_in_words_is_read_back_unchanged(text):
    date = parse(text)
    assert read(str(date)) == date
    assert read(str(date).upper()) == date
    assert read(f"  {date}.\n") == date if date else not read(" ")
    assert read(date.text) == date


# Each date, and the ways to write it that a semicolon separates.
READ = {
    "2011-08-11": "11/08/2011; 11-08-2011; 11.08.2011; 2011/08/11; 11 ago 2011; "
    "el 11 de agosto de 2011; el día 11 de agosto de 2011",
    "2017-05-03": "03-may-2017; miércoles 3 de mayo de 2017; MIÉRCOLES, 3 de mayo, 2017; "
    "Mié. 3 de mayo de 2017; el día mierc 3/5/2017; 3 de mayo de 2017 (miércoles); mayo 3, 2017",
    "2018-09-26": "26 set. 2018; 26-set-2018; 26 de septiembre, 2018; sept. 26 de 2018",
    "2017-02-11": "2017-02-11 00:00:00; 2017-02-11T00:00:00.000Z; 11/02/2017 0:00; "
    "11/02/2017 12:00:00 a. m.; sábado 11 de febrero de 2017, 00:00 h",
    "2011-08-01": "1/8/2011; 2011-8-1; 1 de agosto de 2011; 1.º de agosto de 2011; "
    "1º de agosto de 2011; 1° de agosto de 2011; 1ro de agosto de 2011; primero de agosto de 2011",
    "2016-02-29": "29 de febrero de 2016",
    "2011-08": "08/2011; agosto de 2011; Agosto 2011; AGOSTO DEL 2011; agosto del año 2011; "
    "ago. 2011; « agosto de 2011 »; agosto\N{NO-BREAK SPACE}de\n2011",
    "2017-03": "mar. 2017; marzo, 2017",
    "2011-09": "setiembre de 2011; sept. 2011",
    "2017-05": "may-2017",
    "2016": "en 2016; en el año 2016; «2016»; ２０１６",
    "[2011-08..2015-02]": "entre agosto de 2011 y febrero de 2015; [2011-08 .. 2015-02]",
    "[2011-08..2011-10]": "entre agosto y octubre de 2011",
    "[2017-05-03..2017-05-05]": "entre el miércoles 3 y el viernes 5 de mayo de 2017; "
    "entre el 3 y el 5 de mayo de 2017; entre 3 y 5 de mayo de 2017",
    "[2017-05-03..2017-06-05]": "entre el 3 de mayo y el 5 de junio de 2017",
    "[2011-08-11..2015-02-05]": "entre el 11/08/2011 y el 5/2/2015",
    "[2011..2015]": "entre 2011 y 2015; « entre 2011 y 2015 »",
    # Before: the date itself is left out
    "[..2017-05-02]": "antes del 3 de mayo de 2017",
    "[..2011-07]": "antes de agosto de 2011",
    "[..2010-12]": "antes de enero de 2011",
    "[..2014]": "antes de 2015; antes del año 2015",
    "[..2016-02-29]": "antes del 1 de marzo de 2016",
    "[..2017-02-28]": "antes del 1 de marzo de 2017",
    # After
    "[2016-01..]": "después de diciembre de 2015",
    "[2017-03-01..]": "después del 28 de febrero de 2017",
    "[2016..]": "después de 2015; desde 2016 o después; 2016 o más tarde; de 2016 en adelante; "
    "2016, o en adelante; no antes de 2016",
    "[2017-05-23..]": "desde el 23 de mayo de 2017 o después; "
    "a partir del 23 de mayo de 2017 o después; al menos hasta el 23 de mayo de 2017",
    "[2016-05-03..]": "no antes del 3 de mayo de 2016",
    # Then or before
    "[..2017-04]": "abril de 2017 o antes; en abril de 2017 o antes; hasta abril de 2017 o antes; "
    "a más tardar en abril de 2017",
    "[..2016-05-03]": "a más tardar el 3 de mayo de 2016; no después del 3 de mayo de 2016",
    "[..2016]": "no después de 2016",
    "": "; \n ",
}


@pytest.mark.parametrize("text", READ)
def test_every_usual_way_to_write_a_date_is_read(text):
    for written in READ[text].split("; "):
        assert read(written).text == text, written


# Each reason, and the texts that are refused with it.
REFUSED = {
    "«palabras de la fuente»": "a principios de 2016; principios de 2016; "
    "a mediados de marzo de 2016; hacia 2016",
    "escriba «2016» si fue entonces, o «2016 o después»": "desde 2016; a partir de 2016; "
    "desde el año 2016",
    "«abril de 2017» si fue entonces, o «abril de 2017 o antes»": "hasta abril de 2017",
    "el año con sus cuatro cifras": "11/08/11; 03-may-17; agosto de 11",
    "falta el año": "3 de mayo; mayo; 3 y 4 de mayo; del 3 al 5 de mayo",
    "cae en miércoles, no en martes": "martes 3 de mayo de 2017; mar. 3/5/2017",
    "sin la hora: «11 de febrero de 2017»": "2017-02-11 14:30; 11/02/2017 00:00:01",
    "si la fuente no dice la fecha, déjela vacía": "s/f; S. F.; s.f.; N/D; #N/D; n.d.; N/A; -; —; "
    "?; ¿?; Se desconoce; sin fecha; (Fecha desconocida); no se sabe; no consta; xx/xx; 00/00/0000",
    "son fechas separadas; haga un registro de cada una": "3 y 7 de mayo de 2017",
    "5 de mayo de 2017 no es anterior a 3 de mayo de 2017": "5-3 de mayo de 2017",
    "febrero de 2017 tiene 28 días": "30 de febrero de 2017; 31/02/2017; 2017-02-30; "
    "antes del 30 de febrero de 2017",
    "no hay mes 30; van de 1 a 12": "02/30/2017",
    "no hay mes 13; van de 1 a 12": "2017-13",
    "no hubo año 0": "0000",
    "octubre de 2011 no es anterior a agosto de 2011": "entre octubre y agosto de 2011",
    "dos fechas unidas por «y»": "entre 2011",
    "fuera de los años 1 a 9999": "antes de 0001; antes del 1 de enero de 0001; después de 9999; "
    "después de diciembre de 9999; después del 31 de diciembre de 9999",
    "no se reconoce": "٢٠١٧; ١ de agosto de 2011; 2017\0; ayer; entre; antes de; o después; "
    "antes de 2015 o después; lunes 2017; sábado 2017; 2017-02 00:00:00; 10-11/2016; "
    "2016/10-11; del 3 a mayo de 2017; primera semana de mayo de 2017; 2 o 3 de mayo de 2017",
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_text_that_cannot_be_read_is_refused_as_it_was_written_with_a_reason(reason):
    for written in REFUSED[reason].split("; "):
        with pytest.raises(ImpossibleDate) as refusal:
            read(written)
        assert str(refusal.value).startswith(f"«{written}» no es una fecha posible: ")
        assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("first", "last", "texts"),
    [
        ("2017-05-03", "2017-05-05", "3-5 de mayo de 2017; 3 – 5 de mayo de 2017; "
         "del 3 al 5 de mayo de 2017; del miércoles 3 al viernes 5 de mayo de 2017; "
         "desde el 3 hasta el 5 de mayo de 2017; los días 3, 4 y 5 de mayo de 2017; "
         "2017-05-03/2017-05-05; 3/5/2017 - 5/5/2017; 3-5 de mayo, 2017"),
        ("2017-05-03", "2017-05-04", "3 y 4 de mayo de 2017"),
        ("2017-04-30", "2017-05-02", "del 30 de abril al 2 de mayo de 2017"),
        ("2017-05", "2017-06", "de mayo a junio de 2017; mayo-junio de 2017; mayo y junio de 2017"),
        ("2011", "2015", "2011-2015; de 2011 a 2015"),
    ],
)  # fmt: skip
def test_two_dates_are_never_read_as_one_and_a_record_with_both_takes_them(first, last, texts):
    for text in texts.split("; "):
        with pytest.raises(ImpossibleDate, match="son varias fechas, y aquí cabe una"):
            read(text)
        assert (dates := span_in(text))
        assert (dates.first.text, dates.last.text) == (first, last), text
        cells = {"inicio": text, "fin": ""}
        event = EventResource(None).fields["start"].widget
        assert (event.clean(text, cells), cells["fin"]) == (first, last)


@given(level_0())
@example("0001-01")
@example("9999-12-31")
@example("2016-03-01")
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


@settings(max_examples=200)
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
