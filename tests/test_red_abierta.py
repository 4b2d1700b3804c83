"""A second, invented coalition in another country: three sources that overlap and contradict each
other, joint and interim terms, a merger, a return. Nothing of the first record is in it."""

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import transaction
from django.http import HttpResponse
from django.test import override_settings
from edtf_validate.valid_edtf import is_valid

from exchange.facts import FILES, read_facts
from exchange.imports import RESOURCES, run_import
from exchange.models import Receipt
from organizations.models import Membership, Organization, RepresentationTerm
from sources.models import Citation, Source
from tests import oracle
from tests.markup import DATES, Page, crawl, edtf_of, repeated, site_texts
from tests.sheets import dataset_of, exported
from timeline.models import Event, Statement

pytestmark = pytest.mark.django_db
FOLDER = Path(__file__).parent / "red_abierta"
NAMES = [str(name) for name in RESOURCES]
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


def site() -> override_settings:
    """The settings of the folder."""
    lines = (FOLDER / "settings.env").read_text(encoding="utf-8").splitlines()
    values = {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}
    contact = {"SECURITY_CONTACT": f"mailto:{values['CONTACT_EMAIL']}"}
    return override_settings(LANGUAGE_TAG=values["LANGUAGE_CODE"], **values | contact)


@pytest.fixture(scope="module", autouse=True)
def record(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock(), site(), transaction.atomic():
        call_command("load_record", folder=FOLDER, verbosity=0)
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def responses(record: None) -> dict[str, HttpResponse]:
    return crawl()


class Words(HTMLParser):
    """The text of a page without its quotes in other languages."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[bool] = []  # of each open tag, whether its text is to be read
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        foreign = dict(attrs).get("lang", "es") != "es" or tag in ("script", "style")
        if tag not in VOID:
            self.open.append(not foreign and all(self.open[-1:]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if all(self.open[-1:]):
            self.words.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.words).split())


def text_of(response: HttpResponse) -> str:
    return str(Words(response.text))


ENGLISH = r"\b(of|with|said|that|had|signed|members|known)\b"
WRONG_ARTICLES = (
    r"\b(el|del|al) (Red|Fundación|Asociación|Mesa|Veeduría)\b",
    r"\b(la|de la|a la) (Foro|Observatorio|OCP|Colectivo|Instituto|Laboratorio|Ministerio)\b",
    r"\b(de|a) el\b",
)
IN_GENERAL = ("/acerca-de/", "/datos/")  # which speak of any source


# On each database, test_oracle asks for the facts of this record.
@pytest.mark.once
def test_every_page_is_in_spanish_with_the_right_articles_and_names_its_sources(responses):
    assert len(responses) > 40
    english = ("Open Network", "Ministry of Fisheries and Ports")
    for url, response in responses.items():
        words = re.sub("|".join(english), "", text_of(response))
        one_source = () if url.startswith(IN_GENERAL) else (r"\bla fuente\b",)
        for wrong in (ENGLISH, *one_source, r"\bNone\b", r"\{%", *WRONG_ARTICLES):
            found = re.search(wrong, words)
            assert not found, (url, words[found.start() - 80 : found.end() + 80])


@pytest.fixture(scope="module")
def texts(responses: dict[str, HttpResponse]) -> dict[str, str]:
    return site_texts(responses)


@pytest.mark.once
def test_no_word_of_the_first_record_is_on_a_page_or_in_a_file(texts, visitor, settings):
    names = {"2017", "México", "mexicano", "es-MX", "es_MX", "Mexico_City", "0600"}
    names |= oracle.names(Path(settings.BASE_DIR, "fixtures"))
    wrong = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b", re.IGNORECASE)
    for url, text in (texts | {"/al/2022-02-30/": visitor.get("/al/2022-02-30/").text}).items():
        # The feeds have the language with which the process started.
        text = "" if url in DATES else text.replace('xml:lang="es-MX"', "")
        found = wrong.search(text)
        assert not found, (url, text[found.start() - 80 : found.end() + 80])


@pytest.mark.once
def test_each_date_that_leaves_the_site_is_valid_edtf(texts):
    """Contradictions, joint terms and open bounds reach forms that the first record lacks."""
    dates = edtf_of(texts)
    assert len(dates) > 20
    assert [date for date in dates if not is_valid(date)] == []


@pytest.mark.once
def test_what_the_sources_say_and_contradict_is_on_the_pages(responses):
    def on(url: str, *expected: str) -> str:
        words = text_of(responses[url])
        for sentence in expected:
            assert sentence in words, (url, sentence, words)
        return words

    on("/representacion/", "interina", "20 de diciembre de 2021", "OCP", "Mesa Vecinal")
    on("/organizaciones/laboratorio-marea/", "mayo de 2020")
    on("/organizaciones/instituto-ribera/", "Volvió a ser integrante", "a fines de 2019")
    on("/organizaciones/datos-y-bitacora/", "Asociación Datos del Sur", "Colectivo Bitácora")
    on("/organizaciones/bitacora/", "Datos y Bitácora")
    on("/linea-de-tiempo/taller-de-presupuesto/", "[ sin cita todavía ]")
    event = "/linea-de-tiempo/encuentro-de-cuentas-claras/"
    on(event, "20 al 22 de agosto de 2021", "Centro Cultural La Ensenada, San Telmo", "09:30")
    on("/pronunciamientos/carta-sobre-los-permisos-de-pesca/", "Firman", "No firman", "7 de 9")
    on("/pronunciamientos/comunicado-del-16-de-diciembre/", "Habla Red Abierta")
    nobody = responses["/pronunciamientos/que-es-la-red-abierta/"].text
    (about, *_) = Page(nobody).graph
    assert "author" not in str(about["mainEntity"])
    assert 'lang="en"' in responses["/fuentes/delta-herald/"].text


def test_no_page_quotes_words_twice_or_a_sentence_twice_in_full(responses):
    assert {url: twice for url, page in responses.items() if (twice := repeated(page))} == {}


def tables(form: str) -> dict[str, bytes]:
    return {name: exported(name, form) for name in NAMES}


def empty() -> None:
    for model in (Citation, Statement, Event, RepresentationTerm, Membership, Organization, Source):
        model.objects.all().delete()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_the_record_goes_out_and_in_again_without_change(form):
    before, csv = tables(form), tables("csv")
    empty()
    for is_draft in (True, False):  # words of a source are published after their citations
        for name, content in before.items():
            dataset = dataset_of(content)
            for column in {"se_publica", "se_retira"}.intersection(
                dataset.headers if is_draft else ()
            ):
                del dataset[column]
            assert run_import(Receipt(resource=name, file_name=name), dataset).error_count == 0
    assert tables("csv") == csv


def test_the_record_is_loaded_from_its_fixtures_without_change(tmp_path):
    before = tables("csv")
    empty()
    for name, text in read_facts(FOLDER / "facts.yaml").fixtures().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    call_command("loaddata", *(str(tmp_path / f"{name}.json") for name in FILES), verbosity=0)
    assert tables("csv") == before


def cited(**changes: Any) -> dict[str, Any]:
    quote = "Bitácora dejó la representación el 20 de diciembre de 2021"
    return {"citations": [{"exact": quote, "source": "conversatorio", "field": "end"} | changes]}


@pytest.mark.parametrize(
    ("section", "slug", "values", "complaint"),
    [
        ("memberships", "ocp", {"start_label": "en primavera"}, "no source that it cites says"),
        ("memberships", "bitacora", {"replaces": ["datos-y-bitacora"]}, "en círculo"),
        ("representation_terms", "representante-3-ocp", {"end": "2021-02"}, "las mismas fechas"),
        ("representation_terms", "representante-4", cited(source=None), "name under `source`"),
        ("representation_terms", "representante-4", cited(locator="al final"), "locator"),
        ("representation_terms", "representante-4", cited(stance="duda"), "stance"),
        ("representation_terms", "representante-4", cited(says="2021-12-20"), "says"),
        ("statements", "que-es-la-red-abierta", {"source": None}, "of memoria, conversatorio;"),
    ],
)
def test_bad_input_is_refused_by_name_and_nothing_is_built(
    tmp_path, section, slug, values, complaint
):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    data = oracle.facts(FOLDER)
    next(record for record in data[section] if record["slug"] == slug).update(values)
    text = yaml.safe_dump(data, allow_unicode=True)
    (tmp_path / "facts.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CommandError, match=complaint):
        call_command("build_fixtures", folder=tmp_path)
    assert not list(tmp_path.glob("*.json"))


def test_a_source_whose_accents_are_two_characters_gives_the_same_record(tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.glob("*.txt"):
        path.write_text(normalize("NFD", path.read_text(encoding="utf-8")), encoding="utf-8")
    files = [read_facts(folder / "facts.yaml").fixtures() for folder in (FOLDER, tmp_path)]
    for name in ("organizations", "timeline", "citations"):
        assert files[0][f"{name}.json"] == files[1][f"{name}.json"]
