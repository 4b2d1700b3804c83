"""The guesses of the desk: what a form may say from the words that were chosen for it."""

import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import call_command
from django.db import transaction

from dates.phrases import date_phrases
from desk.guesses import Guess, Quote, guesses_for, likely_doubles
from editing.pickers import entries_of
from organizations.models import Membership, Organization, RepresentationTerm
from sources.models import Source
from tests.records import event, organization, synonym
from timeline.vocabulary import EventCategory, StatementKind

TEXT = (Path(__file__).parent / "communique" / "comunicado.txt").read_text("utf-8")
BODY = "".join(f"<p>{line}</p>" for line in TEXT.splitlines()[1:] if line)

# A text, and its dates: value, words, side.
DATES: dict[str, list[tuple[str, ...]]] = {
    "El 9 de abril de 2018, reunidas en asamblea": [("2018-04-09", "El 9 de abril de 2018", "")],
    "está desde el 1 de mayo de 2018.": [("2018-05-01", "desde el 1 de mayo de 2018", "start")],
    "y, efectiva el 3 de abril de 2018": [("2018-04-03", "efectiva el 3 de abril de 2018", "")],
    "A principios de 2018 sostuvimos": [("2018", "A principios de 2018", "")],
    "desde finales de mayo de 2018": [("2018-05", "desde finales de mayo de 2018", "start")],
    "En 2018 sostuvimos reuniones": [("2018", "En 2018", "")],
    "México, a 22 de mayo de 2018.": [("2018-05-22", "a 22 de mayo de 2018", "")],
    "hubo, entre mayo y julio de 2011, tres": [
        ("[2011-05..2011-07]", "entre mayo y julio de 2011", "")
    ],
    "Del 3 al 5 de mayo de 2017 hubo": [("2017-05-03", "Del 3 al 5 de mayo de 2017", "")],
    "Antes de 2015, nada": [("[..2014]", "Antes de 2015", "")],
    "de 2016 en adelante": [("[2016..]", "de 2016 en adelante", "")],
    "al menos hasta el 3 de mayo de 2017": [
        ("[2017-05-03..]", "al menos hasta el 3 de mayo de 2017", "end")
    ],
    "El 3 de mayo de 2017 empezó, y ese mes; hasta ese mes": [
        ("2017-05-03", "El 3 de mayo de 2017", ""), ("2017-05", "hasta ese mes", "end"),
    ],
    "El 3 de mayo de 2017 y en junio de 2018; hasta ese día": [
        ("2017-05-03", "El 3 de mayo de 2017", ""), ("2018-06", "en junio de 2018", ""),
    ],
    "En sesión del 3 de mayo de 2017 se acordó": [("2017-05-03", "3 de mayo de 2017", "")],
    # No dates: names, numbers, other things, two days, no day of the calendar, vague words
    "la Agenda 2030 y el Plan de Acción 2013-2015, con 1500 personas": [],
    "en 2000 escuelas": [],
    "se reformó la Ley del 4 de mayo de 2015": [],
    "los días 3 y 9 de mayo de 2017": [],
    "el 31 de febrero de 2017": [],
    "hacia 2016, alrededor de mayo de 2015, poco antes de mediados de 2014": [],
    "hasta ese día estuvo a cargo": [],
    "el 9 de abril": [],
    "": [],
}  # fmt: skip


@pytest.mark.parametrize("text", DATES)
def test_the_dates_of_a_text_are_no_more_precise_than_its_words(text):
    for written in (
        text,
        unicodedata.normalize("NFD", text),
        text.replace(" ", "\N{NO-BREAK SPACE}"),
    ):
        found = [(phrase.date.text, phrase.words, phrase.side) for phrase in date_phrases(written)]
        assert found == DATES[text]


def test_that_day_is_the_date_of_the_sentence_of_the_chosen_words():
    words, sentence = (
        "que hasta ese día estuvo",
        "El 9 de abril de 2018 acordaron, que hasta ese día",
    )
    assert [phrase.date.text for phrase in date_phrases(words, sentence)] == ["2018-04-09"]
    assert date_phrases(words, "El 9 de abril acordaron que hasta ese día") == []


def test_thousands_of_letters_and_dates_are_read_soon():
    began = process_time()
    assert len(date_phrases("desde el 3 de mayo de 2017 y no, " * 150)) == 150
    assert date_phrases("a " * 2500) == date_phrases("2" * 5000) == []
    assert process_time() - began < 2


@pytest.fixture(scope="module")
def record(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("load_record", verbosity=0)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def guesses(record: None, db: None) -> Any:
    """The guesses from words of the communiqué beside the first record, with records by slug."""
    text = Source(title="Comunicado sobre su integración", text=TEXT)
    staff = User(username="ana", is_active=True, is_staff=True, is_superuser=True)
    return partial(_guesses, text, staff)


def _guesses(source: Source, user: Any, kind: str, *chosen: str, **more: Any) -> dict[str, Guess]:
    quotes = []
    for words in chosen:
        start = (source.passages.positions(words) or [0])[0]
        sentence = source.passages.sentence_around(start, start + len(words))
        quotes.append(Quote(source.passages.text[sentence.start : sentence.end], words))
    guesses = guesses_for(kind, quotes, source, user, **more)
    models = {
        "category": EventCategory, "kind": StatementKind, "organization": Organization,
        "is_named": Organization, "ends": RepresentationTerm,
    }  # fmt: skip

    def slug(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [slug(name, each) for each in value]
        return models[name].objects.get(pk=value).slug if name in models else value

    return {name: guess._replace(value=slug(name, guess.value)) for name, guess in guesses.items()}


def values(guesses: dict[str, Guess]) -> dict[str, Any]:
    return {name: guess.value for name, guess in guesses.items()}


ASSEMBLY = (
    "El 9 de abril de 2018, reunidas en asamblea, las organizaciones integrantes acordaron que "
)
TAKES = f"{ASSEMBLY}SocialTIC asumiera la representación del Núcleo"
UNTIL = "que hasta ese día estuvo a cargo de Cultura Ecológica"
CO = "La co-representación quedó a cargo de Fundar"
JOINS = "En la misma asamblea se aprobó la incorporación del Laboratorio de Datos Públicos"
SINCE = "que es integrante del Núcleo desde el 1 de mayo de 2018"
LEAVES = (
    "El IMCO comunicó su decisión de concluir su participación, efectiva el 30 de abril de 2018."
)
MEETINGS = (
    "A principios de 2018 sostuvimos varias reuniones con el INAI sobre la apertura de los padrones"
)
SIGNS = (
    "El 15 de mayo de 2018, el Núcleo y la Red Ciudadana por la Transparencia Local firmaron un "
    "acuerdo de colaboración para dar seguimiento"
)

GUESSED: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("event", (MEETINGS,), {
        "title": "Sostuvimos varias reuniones con el INAI sobre la apertura de los padrones",
        "category": "reunion", "start": "2018", "date_label": "A principios de 2018",
        "is_named": ["inai"],
    }),
    ("event", (SIGNS,), {
        "title": "El Núcleo y la Red Ciudadana por la Transparencia Local firmaron un acuerdo",
        "category": "acuerdo", "start": "2018-05-15", "is_named": ["nucleo"],
    }),
    ("event", (JOINS, SINCE), {
        "title": "En la misma asamblea se aprobó la incorporación del Laboratorio de Datos",
        "category": "incorporacion", "start": "2018-05-01", "is_named": ["nucleo"],
    }),
    ("event", ("La Agenda 2030 habla de 2 fechas: el 3 de mayo de 2017 y el 4 de junio de 2018",), {
        "title": "La Agenda 2030 habla de 2 fechas",
    }),
    ("organization", (SIGNS,), {
        "name": "Red Ciudadana por la Transparencia Local", "article": "la",
    }),
    ("organization", (JOINS,), {"name": "Laboratorio de Datos Públicos", "article": "el"}),
    ("organization", ("Agradecemos a Fundar y al INAI",), {}),
    ("organization", ("habló el Centro de Estudios Cívicos (CEC)",), {
        "name": "Centro de Estudios Cívicos", "short_name": "CEC", "article": "el",
    }),
    ("membership", (SINCE,), {"start": "2018-05-01"}),
    ("membership", (LEAVES,), {"organization": "imco", "end": "2018-04-30"}),
    ("membership", (f"{TAKES}, {UNTIL}",), {"organization": "socialtic", "start": "2018-04-09"}),
    ("representation_term", (f"{TAKES}, {UNTIL}",), {
        "organization": "socialtic", "role": "representative", "start": "2018-04-09",
        "ends": "representante-5", "ends-end": "2018-04-09",
    }),
    ("representation_term", (CO,), {
        "organization": "fundar", "role": "co_representative", "ends": "co-representante-socialtic",
    }),
    ("statement", ("Ciudad de México, a 22 de mayo de 2018.",), {
        "title": "Comunicado sobre su integración", "kind": "comunicado", "date": "2018-05-22",
        "body": BODY,
    }),
    ("statement", ("¿Por qué terminó?",), {"title": "¿Por qué terminó?", "kind": "comunicado"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "chosen", "expected"), GUESSED)
def test_the_words_that_were_chosen_fill_the_form(guesses, kind, chosen, expected):
    assert values(guesses(kind, *chosen)) == expected


def test_a_guess_names_its_words_and_the_quotes_that_prove_it(guesses):
    found = guesses("event", ASSEMBLY, CO, "Agradecemos sus más de seis años de trabajo")
    assert found["start"][1:] == ("Por «El 9 de abril de 2018»", (0,))
    assert found["is_named"][1:] == ("Por «Fundar»", (1,))
    assert found["category"][1:] == ("Sugerida por «reunidas»", ())
    assert found["title"].quotes == (2,)  # nothing else rests on it: it proves the record
    assert "summary" not in found
    found = guesses("representation_term", f"{TAKES}, {UNTIL}")
    assert found["ends-end"].because == "Por «hasta ese día»"
    assert "order" not in found  # no source says it


def test_of_a_record_that_exists_only_what_is_open_is_guessed(guesses):
    imco = Membership.objects.get(slug="imco")
    assert values(guesses("membership", LEAVES, record=imco)) == {"end": "2018-04-30"}
    imco.end = "2017"
    assert guesses("membership", LEAVES, record=imco) == {}
    assert guesses("event", MEETINGS, record=event(start="2016")) == {}


def test_only_what_the_user_may_read_is_named(guesses):
    organization(name="Grupo Oculto", publish_at=None)
    assert guesses("event", "se reunió Grupo Oculto")["is_named"].because == "Por «Grupo Oculto»"
    found = guesses_for("event", [Quote("", "Grupo Oculto")], Source(), AnonymousUser())
    assert "is_named" not in found


def test_words_of_the_site_suggest_the_category(guesses):
    synonym("asume", "relevo")
    assert guesses("event", "SocialTIC asumió el cargo")["category"].value == "relevo"
    assert guesses("event", "se hizo un comunicado y hubo una salida")["category"].value == "salida"


def test_an_organization_with_almost_the_same_name_is_a_likely_double(guesses):
    entries = [*entries_of(Organization.objects.all())]
    keys = likely_doubles("Observatorio Nacional Mexicana", entries)
    assert Organization.objects.get(pk=keys[0]).slug == "observatorio-nacional-ciudadano"
    assert likely_doubles("Laboratorio de Datos Públicos", entries) == []
