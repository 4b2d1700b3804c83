"""The invented record has something for every kind of page, is the same for the same seed, and
is never mixed with a real one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import models

from dates.edtf import parse
from organizations.models import Membership, Organization, RepresentationTerm
from search.models import Entry
from sources.models import Source
from sources.reading import FACTS
from tests.records import citation, event, organization, source
from timeline.models import Event, Statement
from tools import demo
from tools.invented import ABOUT, CATEGORIES, MODELS, NOTICE, Size, invent

pytestmark = pytest.mark.django_db
PAGES = (
    "/", "/organizaciones/", "/representacion/", "/al/", "/al/2012/", "/linea-de-tiempo/",
    "/linea-de-tiempo/?anio=2012", "/linea-de-tiempo/?anio=sin-fecha",
    "/linea-de-tiempo/?categoria=reunion&organizacion=organizacion-1",
    "/linea-de-tiempo/atom.xml", "/linea-de-tiempo/calendario.ics", "/pronunciamientos/",
    "/pronunciamientos/atom.xml", "/fuentes/", "/datos/", "/datos/citas.csv", "/acerca-de/",
    "/buscar/?q=archivos", "/sitemap.xml",
)  # fmt: skip


def make(seed: int = 1, events: int = 40, search: bool = False) -> None:
    invent(Size(events, statements=events // 8, organizations=30), seed, search)


def test_the_invented_record_fills_every_kind_of_page_and_says_that_it_is_invented(visitor):
    make(events=250, search=True)
    for url in PAGES:
        assert visitor.get(url).status_code == 200, url
    for record in (
        Event.objects.visible_to(None).exclude(citations=None)[0],
        Statement.objects.visible_to(None).exclude(citations=None)[0],
    ):
        assert "» dice" in visitor.get(record.get_absolute_url()).text
    assert visitor.get(Source.objects.visible_to(None)[0].get_absolute_url()).status_code == 200
    for words in ("Coalición Inventada", ABOUT):
        assert words in visitor.get("/").text
    for records in (Statement.objects, Organization.objects.exclude(summary=ABOUT)):
        assert NOTICE in visitor.get(records.visible_to(None)[0].get_absolute_url()).text
    dates = {parse(start).kind for start in Event.objects.values_list("start", flat=True)}
    assert dates == {"day", "month", "year", "between", "after", "before", "unknown"}
    assert {*Event.objects.values_list("category__slug", flat=True)} == {*CATEGORIES}
    assert Event.objects.exclude(end="").exists()
    assert Membership.objects.filter(replaces__isnull=False).exists()
    assert RepresentationTerm.objects.count() == 9
    for model in MODELS:  # the rules of a real record hold
        for record in model.objects.all():
            record.full_clean()
            assert record.history.count() == 1
    hidden = [event for event in Event.objects.all() if event.state != "public"]
    assert {event.state for event in hidden} == {"draft", "scheduled", "withdrawn"}
    listed = visitor.get("/datos/eventos.csv").getvalue().decode()
    for record in hidden:
        assert visitor.get(record.get_absolute_url()).status_code == 404
        assert f"{record.slug}," not in listed


def content() -> Iterator[tuple[Any, ...]]:
    """The invented values, by slug, without keys and the moment of writing."""
    for model in MODELS:
        names = ["slug"]
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey):
                names.append(f"{field.name}__slug")
            elif field.name not in ("id", "updated_at"):
                names.append(field.name)
        names += [f"{field.name}__slug" for field in model._meta.many_to_many]
        yield from model.objects.order_by(*names).values_list(*names)


def test_the_same_seed_makes_the_same_record_and_the_words_only_where_asked_to():
    made = []
    for seed in (1, 1, 2):
        make(seed)
        made.append(list(content()))
        assert not Entry.objects.exists()
        for model in reversed(MODELS):
            model.objects.all().delete()
            model.history.all().delete()
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_nothing_is_invented_beside_a_real_record_or_the_history_of_one():
    real = organization(slug="de-verdad")
    for _ in range(2):
        with pytest.raises(CommandError, match="nothing was invented"):
            make()
        if real.pk:
            real.delete()
    assert not Event.objects.exists()
    call_command("rebuild_search", check=True, verbosity=0)


@pytest.mark.parametrize("wrong", ["--events=0", "--events=-1", "--organizations=7000"])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(SystemExit):
        demo.main([wrong])


def test_a_passage_lists_the_first_of_many_facts_and_says_that_there_are_more(visitor):
    here = source()
    address = here.get_absolute_url()

    def passage() -> tuple[int, bool]:
        text = re.search(r'id="h1">.*?</section>', visitor.get(address).text, re.S)[0]
        return text.count(
            'href="/linea-de-tiempo/'
        ), f"citada {FACTS + 1} veces" in text and "Prueba al menos" in text

    for _ in range(FACTS):
        citation(event(), source=here)
    citation(event(publish_at=None), source=here)
    assert passage() == (FACTS, False)
    citation(event(), source=here)
    assert passage() == (FACTS, True)
    assert "oraciones prueba al menos" in visitor.get(address).text
    every = visitor.get(f"{address}citas/1/")
    assert len(set(re.findall('href="(/linea-de-tiempo/event-[^"]+)"', every.text))) == 50
    assert every["X-Robots-Tag"] == "noindex"
    assert visitor.get(f"{address}citas/2/").status_code == 404
