"""The timeline as a long list: every event once; counts that hold for what else is chosen; and the
same few queries however long it is."""

import html
import re
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from timeline import years
from timeline.models import Event, EventOrganization, Statement

from .records import LONG_AGO, TOMORROW, edtf, event, organization, statement

pytestmark = pytest.mark.django_db
HERE = "/linea-de-tiempo/"


def made(dates: list[str], **fields: Any) -> list[Event]:
    stamp = {"title": "Algo", "category": "acuerdo", "publish_at": LONG_AGO} | fields
    start = Event.objects.count()
    return Event.objects.bulk_create(
        Event(slug=f"e-{(start + n) * 7919 % 1000:03}-{start + n}", start=date, **stamp)
        for n, date in enumerate(dates)
    )


def shown(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return html.unescape(response.content.decode())


def link(text: str, rel: str) -> str | None:
    found = re.search(rf'<a rel="{rel}" href="([^"]*)">', text)
    return found and found[1]


def listed(text: str) -> list[str]:
    return re.findall(r'<h3><a href="[^"]*/([\w-]+)/">', text)


def choices(text: str) -> dict[str, str]:
    found = re.findall(r'<li><a href="[^"]*"[^>]*>([^<]*) <span class="count">([^<]*)</span>', text)
    return dict(found)


# Every event once


def pages(client: Client, url: str) -> list[str]:
    """The pages of a list, from its first to its last."""
    found, way = [], url
    while way:
        found.append(shown(client, way))
        way = (query := link(found[-1], "next")) and f"{url.partition('?')[0]}{query}"
    return found


@given(dates=st.lists(edtf(), max_size=14), hidden=st.integers(0, 13))
def test_every_visible_event_is_on_one_page_in_order(dates: list[str], hidden: int) -> None:
    Event.objects.all().delete()
    made(dates)
    made(["2015-01-01"] * 4, category="relevo")
    made([dates[hidden]] if hidden < len(dates) else [""], publish_at=TOMORROW)
    events = list(Event.objects.visible_to(None))
    dated = [one for one in events if one.sort_day]
    right = sorted(dated, key=lambda one: (one.sort_day, one.start_latest, one.slug))
    right += sorted((one for one in events if not one.sort_day), key=lambda one: one.pk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("timeline.views.ON_A_PAGE", 3)
        found = [listed(page) for page in pages(Client(), HERE)]
    assert [slug for page in found for slug in page] == [one.slug for one in right]
    assert all(len(page) == 3 for page in found[:-1])


def test_statements_of_one_day_keep_the_order_in_which_they_were_entered(visitor: Client) -> None:
    for n in range(120):
        statement(slug=f"s-{n * 7 % 120:03}", date=("2015", "", "2015-01")[n % 3])
    found = [slug for page in pages(visitor, "/pronunciamientos/") for slug in listed(page)]
    assert found == [one.slug for one in Statement.objects.by_time()]


def test_the_undated_stand_apart_at_the_end(visitor: Client) -> None:
    made(["2015-02-03"] * 50 + [""] * 60)
    first, second, third = pages(visitor, HERE)
    assert "Sin fecha en la fuente</h2>" not in first
    assert '<h2 class="year undated">Sin fecha en la fuente</h2>' in second
    assert "2015</h2>" not in second
    assert len(listed(third)) == 10


# Addresses


def test_a_page_says_its_number_its_years_and_its_one_address(visitor: Client) -> None:
    made([f"201{n % 8}" for n in range(120)])
    first, second, third = pages(visitor, HERE)
    for page, address in ((first, HERE), (second, f"{HERE}?pagina=2")):
        assert f'rel="canonical" href="http://testserver{address}"' in page
    assert "En esta página: de 2013 a 2016." in second
    assert "de 2013 a 2016, página 2 ·" in second
    assert "Página 2 de 3" in second
    assert link(third, "prev") == "?pagina=2"


@pytest.mark.parametrize("url", [HERE, "/pronunciamientos/"])
def test_an_address_of_the_pages_there_were_before_leads_to_the_list(
    visitor: Client, url: str
) -> None:
    event(start="2015")
    statement(date="2015")
    for query in ("desde=2015", "desde=sin-fecha~7", "antes=2017-1", "desde=2017&antes=x~y"):
        assert f'rel="canonical" href="http://testserver{url}"' in shown(visitor, f"{url}?{query}")


def test_filters_go_with_the_pages_and_pages_do_not_go_with_the_filters(visitor: Client) -> None:
    made(["2015"] * 60)
    made(["2016"] * 60, category="relevo")
    _first, second = pages(visitor, f"{HERE}?anio=2015&categoria=acuerdo")
    address = f"http://testserver{HERE}?anio=2015&categoria=acuerdo&pagina=2"
    assert f'rel="canonical" href="{address}"' in second
    assert len(listed(second)) == 10
    assert "Quitar Año: 2015" in second
    assert f'class="chip" href="{HERE}?categoria=acuerdo"' in second


def test_empty_and_repeated_parameters_are_as_if_said_once(visitor: Client) -> None:
    made(["2015", "2016"])
    for query in ("anio=", "anio=2015&anio=2015", "categoria=&otra=cosa"):
        assert visitor.get(f"{HERE}?{query}").status_code == 200, query


# Filters


def test_filters_that_contradict_each_other_say_which_one_to_let_go(visitor: Client) -> None:
    made(["2015"] * 3)
    made(["2016"] * 2, category="relevo")
    text = shown(visitor, f"{HERE}?anio=2015&categoria=relevo")
    assert "Ninguno de cinco acontecimientos" in text
    assert f'<a href="{HERE}?categoria=relevo">Sin «Año: 2015»</a> <span class="count">2<' in text
    assert f'<a href="{HERE}?anio=2015">Sin «Categoría: relevo»</a> <span class="count">3<' in text


def test_no_way_out_is_offered_that_leads_to_nothing(visitor: Client) -> None:
    made(["2015"])
    made(["2016"], category="relevo")
    unnamed = organization(slug="nadie")
    text = shown(visitor, f"{HERE}?anio=2015&categoria=relevo&organizacion={unnamed.slug}")
    assert "Sin «" not in text
    assert "Al quitar" not in text
    assert "Quitar todo" in text


def test_the_title_of_a_filtered_list_says_what_was_chosen(visitor: Client) -> None:
    made(["2015"])
    made(["2016"], category="relevo")
    text = shown(visitor, f"{HERE}?anio=2016&categoria=relevo")
    assert "<title>Uno de dos acontecimientos (Año: 2016; Categoría: relevo) ·" in text
    assert '<meta property="og:title" content="Uno de dos acontecimientos (Año: 2016;' in text


def test_filters_of_statements_hold_together_on_every_page_and_in_its_address(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("timeline.views.ON_A_PAGE", 1)
    one, happened = organization(slug="una", name="Una"), event(slug="esto", title="Esto")
    for n in range(4):
        said = statement(slug=f"s{n}", date=f"201{n}")
        said.organizations.set([one] if n else [])
        said.events.set([happened] if n < 3 else [])
    url = "/pronunciamientos/?organizacion=una&acontecimiento=esto"
    text = shown(visitor, url)
    assert "<title>Dos pronunciamientos (Organización: Una; Acontecimiento: Esto) ·" in text
    assert f'rel="canonical" href="http://testserver{url}"' in text
    assert f'<meta property="og:url" content="http://testserver{url}">' in text
    assert '<a class="chip" href="/pronunciamientos/?acontecimiento=esto"' in text
    assert '<a class="chip" href="/pronunciamientos/?organizacion=una"' in text
    assert 'href="/datos/pronunciamientos.csv?organizacion=una&acontecimiento=esto"' in text
    first, (way,) = listed(text), re.findall(r'<a rel="(?:next|prev)" href="([^"]*)">', text)
    second = shown(visitor, f"/pronunciamientos/{way}")
    assert sorted(first + listed(second)) == ["s1", "s2"]


def test_counts_hold_for_the_other_filters(visitor: Client) -> None:
    one = organization(name="Una")
    some = made(["2014", "2015", "2015", "", "[2015..2016]"])
    some += made(["2015", "2016", ""], category="relevo")
    EventOrganization.objects.bulk_create(
        EventOrganization(event=happened, organization=one) for happened in some[::2]
    )
    made(["2015"], publish_at=TOMORROW)
    assert choices(shown(visitor, HERE)) == {
        "2014": "1", "2015": "4", "2016": "1", "sin fecha": "2",
        "acuerdo": "5", "relevo": "3", "Una": "4",
    }  # fmt: skip
    assert choices(shown(visitor, f"{HERE}?anio=2015")) == {
        "2014": "1", "2015": "4", "2016": "1", "sin fecha": "2",
        "acuerdo": "3", "relevo": "1", "Una": "2",
    }  # fmt: skip
    assert choices(shown(visitor, f"{HERE}?organizacion={one.slug}&anio=2015")) == {
        "2014": "1", "2015": "2", "2016": "1", "acuerdo": "2", "Una": "2",
    }  # fmt: skip
    assert choices(shown(visitor, f"{HERE}?anio=sin-fecha&categoria=relevo")) == {
        "2015": "1", "2016": "1", "sin fecha": "1", "acuerdo": "1", "relevo": "1",
    }  # fmt: skip


def test_many_years_are_chosen_by_decades_and_then_by_year(visitor: Client) -> None:
    made(["1905", "1907", "1960", "2015"] * 20)
    text = shown(visitor, HERE)
    assert f'href="{HERE}?anio=190X"' in text
    assert choices(text)["1900 a 1909"] == "40"
    decade = shown(visitor, f"{HERE}?anio=190X")
    assert "Año: 1900 a 1909" in decade
    assert choices(decade)["1905"] == "20"
    assert "1960" not in choices(decade)
    assert len(listed(shown(visitor, f"{HERE}?anio=1907"))) == 20


@given(span=st.from_regex(r"[0-9]{4}|[0-9]{3}X|[0-9]{2}XX|[0-9]XXX", fullmatch=True))
def test_the_days_of_a_span_are_those_of_its_years_and_no_others(span: str) -> None:
    first, last = years.days(span)
    start, end = years.bounds(span)
    assert end - start + 1 == 10 ** span.count("X")
    assert first <= f"{start:04}-01-01" <= f"{end:04}-12-31" < last
    assert f"{max(start - 1, 0):04}-12-31" < first or start == 0
    assert end == 9999 or last <= f"{end + 1:04}-01-01"


# The overview


def test_a_column_leads_to_its_year_with_the_other_filters(visitor: Client) -> None:
    made(["2014"] * 60 + ["[2016..2017]"] * 5)
    text = shown(visitor, f"{HERE}?categoria=acuerdo")
    assert f'<a href="{HERE}?categoria=acuerdo&anio=2016" aria-label="2016: 5">' in text
    assert "En conjunto" in text
    assert "En conjunto" not in shown(visitor, HERE + link(text, "next"))
