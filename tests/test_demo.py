"""The invented record: it has something for every kind of page, is the same for the same seed, and
never stands beside a real one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import models
from django.test import Client

from organizations.models import Membership, Organization, RepresentationTerm
from record.dates import parse
from search.models import Entry
from sources.models import FACTS, Citation, Source
from tests.records import organization
from timeline.models import Event, Statement
from tools import demo
from tools.invented import ABOUT, MODELS, NOTICE, Size, invent

pytestmark = pytest.mark.django_db
PAGES = (
    "/", "/organizaciones/", "/representacion/", "/al/", "/al/2012/", "/linea-de-tiempo/",
    "/linea-de-tiempo/?anio=2012", "/linea-de-tiempo/?anio=sin-fecha",
    "/linea-de-tiempo/?categoria=reunion&organizacion=organizacion-1",
    "/linea-de-tiempo/atom.xml", "/linea-de-tiempo/calendario.ics", "/pronunciamientos/",
    "/pronunciamientos/atom.xml", "/fuentes/", "/datos/", "/datos/citas.csv", "/acerca-de/",
    "/buscar/?q=archivos", "/sitemap.xml",
)  # fmt: skip


def make(seed: int = 1, events: int = 300, statements: int = 30, search: bool = True) -> None:
    invent(Size(events, statements, organizations=30), seed, search)


def content() -> Iterator[tuple[Any, ...]]:
    """What was invented, by slug; keys and the moment of writing apart."""
    for model in MODELS:
        names = ["slug"]
        for one in model._meta.concrete_fields:
            if isinstance(one, models.ForeignKey):
                names.append(f"{one.name}__slug")
            elif one.name not in ("id", "updated_at"):
                names.append(one.name)
        names += [f"{one.name}__slug" for one in model._meta.many_to_many]
        yield from model.objects.order_by(*names).values_list(*names)


def test_the_invented_record_fills_every_kind_of_page(visitor: Client) -> None:
    make()
    shown = [
        Organization.objects.get(slug="organizacion-1"),
        *(Event.objects.visible_to(None).exclude(citations=None)[:1]),
        *(Statement.objects.visible_to(None).exclude(citations=None)[:1]),
        *(Source.objects.visible_to(None)[:1]),
    ]
    for url in (*PAGES, *(record.get_absolute_url() for record in shown)):
        answer = visitor.get(url)
        assert answer.status_code == 200, url
    for record in shown[1:3]:
        assert "La fuente dice" in visitor.get(record.get_absolute_url()).content.decode()
    kinds = {parse(start).kind for start in Event.objects.values_list("start", flat=True)}
    assert kinds == {"day", "month", "year", "between", "after", "before", "unknown"}
    assert {*Event.objects.values_list("category", flat=True)} == {*Event.Category.values}
    assert Event.objects.exclude(end="").exists()
    assert Membership.objects.filter(replaces__isnull=False).exists()
    assert RepresentationTerm.objects.count() == 9


def test_the_invented_record_keeps_the_rules_of_a_real_one() -> None:
    make()
    for model in MODELS:
        for record in model.objects.all():
            record.full_clean()
            assert record.history.count() == 1


def test_the_invented_record_is_the_same_for_a_seed_and_another_for_another() -> None:
    made = []
    for seed in (1, 1, 2):
        make(seed, events=40, statements=6, search=False)
        made.append(list(content()))
        for model in reversed(MODELS):
            model.objects.all().delete()
            model.history.all().delete()
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_nothing_is_invented_beside_a_real_record_or_the_history_of_one() -> None:
    real = organization(slug="de-verdad")
    with pytest.raises(CommandError, match="nothing was invented"):
        make()
    real.delete()
    with pytest.raises(CommandError, match="nothing was invented"):
        make()
    assert not Event.objects.exists()


def test_what_is_invented_says_so_where_it_is_read(visitor: Client) -> None:
    make(search=False)
    assert "Coalición Inventada" in visitor.get("/").content.decode()
    assert ABOUT in visitor.get("/").content.decode()
    for records in (Statement.objects, Organization.objects.exclude(summary=ABOUT)):
        record = records.visible_to(None)[0]
        assert NOTICE in visitor.get(record.get_absolute_url()).content.decode()


@pytest.mark.parametrize("state", ["draft", "scheduled", "withdrawn"])
def test_drafts_scheduled_and_withdrawn_ones_among_it_are_not_public(
    visitor: Client, state: str
) -> None:
    make(search=False)
    hidden = [event for event in Event.objects.all() if event.state == state]
    assert hidden
    for event in hidden:
        assert visitor.get(event.get_absolute_url()).status_code == 404
    listed = b"".join(visitor.get("/datos/eventos.csv").streaming_content).decode()
    assert not [event for event in hidden if f"{event.slug}," in listed]


def test_its_index_of_words_is_made_at_the_end_or_not_at_all() -> None:
    make(search=False)
    assert not Entry.objects.exists()
    call_command("rebuild_search", verbosity=0)
    call_command("rebuild_search", check=True, verbosity=0)


@pytest.mark.parametrize("wrong", [{"events": "0"}, {"events": "-1"}, {"organizations": "7000"}])
def test_impossible_sizes_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SystemExit):
        demo.main([f"--{name}={value}" for name, value in wrong.items()])


# What it was made to show: a page costs what it is long


def test_a_passage_lists_the_first_of_many_facts_and_says_that_there_are_more(
    visitor: Client,
) -> None:
    make(search=False)
    quoted = Citation.objects.filter(source__slug="memoria-1", event__isnull=False).first()
    copies = [
        Citation(
            slug=f"otra-{n}", event=event, source=quoted.source, exact=quoted.exact,
            prefix=quoted.prefix, suffix=quoted.suffix, position=quoted.position,
            number=quoted.number,
        )
        for n, event in enumerate(Event.objects.visible_to(None))
    ]  # fmt: skip
    page = quoted.source.get_absolute_url()
    passage = rf'id="h{quoted.number}">.*?</li>'
    cut = "y más, que no se enlistan aquí"
    Citation.objects.filter(source=quoted.source, number=quoted.number).delete()
    Citation.objects.bulk_create(copies[:FACTS])
    whole = re.search(passage, visitor.get(page).content.decode(), re.S)[0]
    assert (whole.count("/linea-de-tiempo/"), cut in whole) == (FACTS, False)
    hidden = copies[-1]
    hidden.event = Event.objects.filter(publish_at=None).first()
    hidden.save()
    assert re.search(passage, visitor.get(page).content.decode(), re.S)[0] == whole
    Citation.objects.bulk_create(copies[FACTS:-1])
    text = visitor.get(page).content.decode()
    found = re.search(passage, text, re.S)[0]
    assert (found.count("/linea-de-tiempo/"), cut in found) == (FACTS, True)
    assert "prueban al menos" in text
