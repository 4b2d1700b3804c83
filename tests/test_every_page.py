"""Each kind of page on a screen of 320, 390 and 1280 pixels, with two whole records and with odd
ones: nothing overlaps, nothing is cut, and axe finds nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command

from record.publishing import Record
from tests import odd, test_red_abierta
from tests.markup import PAGES
from tests.screens import on_each_screen, unreadable, violations

pytestmark = [pytest.mark.django_db, pytest.mark.once]
KINDS = (*PAGES, "/buscar/", "/buscar/?q=red", "/buscar/?q=hipopótamo", "/al/2017-02-30/", "/no/")
FIRST = """/organizaciones/socialtic/ /linea-de-tiempo/salida-del-stt/
    /linea-de-tiempo/?categoria=relevo
    /pronunciamientos/por-que-el-nucleo-concluyo-su-participacion/
    /pronunciamientos/que-es-y-quienes-conforman-el-nucleo/
    /fuentes/nucleo-de-sociedad-civil/ /buscar/?q=representante""".split()
SECOND = """/organizaciones/bitacora/ /organizaciones/instituto-ribera/ /fuentes/delta-herald/
    /linea-de-tiempo/encuentro-de-cuentas-claras/ /linea-de-tiempo/taller-de-presupuesto/
    /pronunciamientos/carta-sobre-los-permisos-de-pesca/""".split()


def loaded(*addresses: str, **options: Any) -> list[str]:
    call_command("load_record", verbosity=0, **options)
    return [*addresses]


def made(records: Callable[[], list[Record]]) -> list[str]:
    addresses = [record.get_absolute_url() for record in records()]
    organization = [path for path in addresses if "/organizaciones/" in path][1:]
    named = [f"/linea-de-tiempo/?organizacion={path.split('/')[2]}" for path in organization]
    return addresses + named


RECORDS = {
    "first": partial(loaded, *FIRST),
    "second": partial(loaded, *SECOND, folder=test_red_abierta.FOLDER),
    **{make.__name__: partial(made, make) for make in odd.ODD},
}


@pytest.fixture(scope="module", params=RECORDS)
def fill(request: pytest.FixtureRequest) -> Iterator[Callable[[], list[str]]]:
    if request.param == "second":
        with test_red_abierta.site():
            yield RECORDS[request.param]
    else:
        yield RECORDS[request.param]


def test_each_page_is_whole_on_each_screen_and_axe_finds_nothing(
    server: Any, site: str, page: Any
) -> None:
    problems = list[str]()
    tops = defaultdict[int, set[float]](set)
    for address in (*KINDS, *server.filled):
        page.goto(site + address)
        for width in on_each_screen(page):
            found = unreadable(page) + (violations(page) if server.filled == FIRST else [])
            problems += [f"{address} at {width}: {problem}" for problem in found]
            tops[width].add(page.locator("main").bounding_box()["y"])
    assert not problems, "\n".join(problems)
    # The header has the same height on each page.
    assert {width for width, heights in tops.items() if len(heights) > 1} == set()
