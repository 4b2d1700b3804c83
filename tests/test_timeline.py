"""The timeline as a long list: every event once, whichever way it is walked; counts that hold for
what else is chosen, up to a bound; addresses that last; and a cost that an index keeps flat."""

import html
import pickle
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from record import pages
from record.keyset import Stretch, Walk, keyed_page
from sources.models import Citation
from timeline import charts, filters, years
from timeline.models import (
    BY_TIME,
    EVENTS_BY_TIME,
    NO_DAY,
    STATEMENTS_BY_TIME,
    Event,
    EventOrganization,
    Statement,
)

from .records import LONG_AGO, TOMORROW, citation, edtf, event, organization, source, statement

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
    found = re.findall(r'<li><a href="[^"]*"[^>]*>([^<]*) <span class="n">([^<]*)</span>', text)
    return dict(found)


# Every event once


def walk(every: Any, stretches: tuple[Stretch, ...], rel: str, key: str) -> Iterator[list[Any]]:
    while True:
        page = keyed_page(RequestFactory().get(f"/{key}"), Walk(every, stretches), 3)
        yield page.records
        if (way := getattr(page, rel)) is None:
            return
        key = way.url


@given(dates=st.lists(edtf(), max_size=14), hidden=st.integers(0, 13))
def test_every_visible_event_is_on_one_page_in_order_forwards_and_back(
    dates: list[str], hidden: int
) -> None:
    Event.objects.all().delete()
    made(dates)
    made(["2015-01-01"] * 4, category="relevo")
    made([dates[hidden]] if hidden < len(dates) else [""], publish_at=TOMORROW)
    every = Event.objects.visible_to(None)
    right = list(every.by_time())
    for some in (every, Event):
        onwards = list(walk(some, EVENTS_BY_TIME, "after", ""))
        assert [one for page in onwards for one in page] == right
        end = "?antes=sin-fecha~999999999"
        back = list(walk(some, EVENTS_BY_TIME, "before", end))
        assert [one for page in reversed(back) for one in page] == right
        assert all(len(page) == 3 for page in [*onwards[:-1], *back[:-1]])


def test_statements_of_one_day_keep_the_order_in_which_they_were_entered(visitor: Client) -> None:
    for n in range(120):
        statement(slug=f"s-{n * 7 % 120:03}", date=("2015", "", "2015-01")[n % 3])
    found, url = [], "/pronunciamientos/"
    while url:
        text = shown(visitor, url)
        found += listed(text)
        url = (way := link(text, "next")) and f"/pronunciamientos/{way}"
    assert found == [one.slug for one in Statement.objects.by_time()]


def test_the_undated_stand_apart_at_the_end_and_the_links_say_so(visitor: Client) -> None:
    made(["2015-02-03"] * 50 + [""] * 60)
    first = shown(visitor, HERE)
    assert "Sin fecha →" in first
    assert "Sin fecha en la fuente</h2>" not in first
    second = shown(visitor, HERE + link(first, "next"))
    assert "← Con fecha" in second
    assert "Siguientes →" in second
    assert '<h2 class="year phrase">Sin fecha en la fuente</h2>' in second
    assert "2015</h2>" not in second
    third = shown(visitor, HERE + link(second, "next"))
    assert "← Anteriores" in third
    assert len(listed(third)) == 10


# Addresses


def test_a_key_outlives_its_record_and_a_year_alone_is_one(visitor: Client) -> None:
    events = made([f"2015-01-{n % 28 + 1:02}" for n in range(60)] + ["2017"])
    text = shown(visitor, HERE)
    way = HERE + link(text, "next")
    right = listed(shown(visitor, way))
    Event.objects.filter(slug=right[0]).delete()
    assert listed(shown(visitor, way)) == right[1:]
    assert listed(shown(visitor, f"{HERE}?desde=2016")) == [events[-1].slug]
    assert "no llega hasta donde empieza" in shown(visitor, f"{HERE}?desde=2018")


def test_a_page_has_one_address_however_one_came_to_it(visitor: Client) -> None:
    made([f"201{n % 8}" for n in range(120)])
    first = shown(visitor, HERE)
    second = shown(visitor, HERE + link(first, "next"))
    third = shown(visitor, HERE + link(second, "next"))
    again = shown(visitor, HERE + link(third, "prev"))
    canonical = [re.search(r'rel="canonical" href="([^"]*)"', page)[1] for page in (second, again)]
    assert canonical[0] == canonical[1]
    assert "?desde=" in canonical[0]
    assert 'rel="canonical" href="http://testserver/linea-de-tiempo/"' in first
    back = shown(visitor, HERE + link(second, "prev"))
    assert listed(back) == listed(first)
    assert 'rel="canonical" href="http://testserver/linea-de-tiempo/"' in back
    assert "En esta página: de 2013 a 2016." in second


def test_filters_go_with_the_pages_and_pages_do_not_go_with_the_filters(visitor: Client) -> None:
    made(["2015"] * 60)
    made(["2016"] * 60, category="relevo")
    text = shown(visitor, f"{HERE}?anio=2015&categoria=acuerdo")
    way = link(text, "next")
    assert way.startswith("?anio=2015&categoria=acuerdo&desde=")
    second = shown(visitor, HERE + way)
    assert len(listed(second)) == 10
    assert link(second, "next") is None
    assert "Quitar Año: 2015" in second
    assert f'class="chip" href="{HERE}?categoria=acuerdo"' in second


def test_empty_and_repeated_parameters_are_as_if_said_once(visitor: Client) -> None:
    made(["2015", "2016"])
    for query in ("anio=", "anio=&desde=&antes=", "anio=2015&anio=2015", "categoria=&otra=cosa"):
        assert visitor.get(f"{HERE}?{query}").status_code == 200, query


# Filters


def test_filters_that_contradict_each_other_say_which_one_to_let_go(visitor: Client) -> None:
    made(["2015"] * 3)
    made(["2016"] * 2, category="relevo")
    text = shown(visitor, f"{HERE}?anio=2015&categoria=relevo")
    assert "Ninguno de cinco acontecimientos" in text
    assert f'<a href="{HERE}?categoria=relevo">Sin «Año: 2015»</a> <span class="n">2<' in text
    assert f'<a href="{HERE}?anio=2015">Sin «Categoría: relevo»</a> <span class="n">3<' in text


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


def test_counts_hold_for_the_other_filters_alike_when_grouped_and_when_bounded(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = organization(name="Una")
    some = made(["2014", "2015", "2015", "", "[2015..2016]"])
    some += made(["2015", "2016", ""], category="relevo")
    EventOrganization.objects.bulk_create(
        EventOrganization(event=happened, organization=one) for happened in some[::2]
    )
    made(["2015"], publish_at=TOMORROW)
    urls = [
        HERE,
        f"{HERE}?anio=2015",
        f"{HERE}?categoria=acuerdo",
        f"{HERE}?organizacion={one.slug}",
    ]
    urls += [f"{HERE}?anio=2015&organizacion={one.slug}", f"{HERE}?anio=sin-fecha&categoria=relevo"]
    grouped = {url: choices(shown(visitor, url)) for url in urls}
    monkeypatch.setattr(filters, "MOST", -1)
    assert {url: choices(shown(visitor, url)) for url in urls} == grouped
    assert grouped[urls[1]] == {
        "2014": "1", "2015": "4", "2016": "1", "sin fecha": "2",
        "acuerdo": "3", "relevo": "1", "Una": "2",
    }  # fmt: skip


def test_beyond_the_bound_counts_say_more_than(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (pages, filters, charts):
        monkeypatch.setattr(module, "MOST", 60)
    monkeypatch.setattr("timeline.views.MOST", 60)
    made(["2015"] * 61 + ["2016"] * 60 + [""])
    text = shown(visitor, HERE)
    assert "<h1>Más de 60 acontecimientos</h1>" in text
    assert choices(text) == {
        "2015": "más de 60", "2016": "60", "sin fecha": "1", "acuerdo": "más de 60"
    }  # fmt: skip
    assert 'aria-label="2015: más de 60"' in text
    assert 'aria-label="2016: 60"' in text
    assert "<h1>60 de más de 60 acontecimientos</h1>" in shown(visitor, f"{HERE}?anio=2016")


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
    start, end = years.first_year(span), years.first_year(span) + years.length(span) - 1
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


# Cost


def plan(records: Any) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # which otherwise sorts so few rows
            for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
    return records.explain()


@pytest.mark.parametrize("back", [False, True])
def test_a_page_is_read_along_an_index_and_nothing_is_sorted(back: bool) -> None:
    event(start="2015")
    events, statements = Event.objects.visible_to(None), Statement.objects.visible_to(None)
    dated, undated = EVENTS_BY_TIME
    said, said_undated = STATEMENTS_BY_TIME
    key = ("2015-01-01", "2015-12-31", "uno")
    for index, stretch, every, place in (
        ("event_by_time", dated, events, key),
        ("event_by_category", dated, events.filter(category="acuerdo"), key),
        ("event_undated", undated, events, (5,)),
        ("statement_by_time", said, statements, ("2015-01-01", 5)),
        ("statement_by_time", said_undated, statements, (5,)),
    ):
        steps = plan(stretch.records(every, place, back)[:51])
        assert index in steps or "_pkey" in steps
        nothing_is_sorted(steps)


def nothing_is_sorted(steps: str) -> None:
    assert "Sort" not in steps
    assert "TEMP B-TREE" not in steps


def nothing_is_read_whole(steps: str) -> None:
    """The organizations, which are few, may be."""
    assert not re.search(r"SCAN \w+(?! USING)", steps.replace("SCAN counted", "")), steps
    assert not re.search(r"Seq Scan on timeline_", steps), steps


@pytest.mark.parametrize("often", [False, True])
def test_what_names_an_organization_is_found_along_an_index(often: bool) -> None:
    happened, one = event(start="2015"), organization()
    happened.organizations.set([one])
    events = Event.objects.visible_to(None).naming(one, often)
    dated, undated = EVENTS_BY_TIME
    for stretch, place in ((dated, ("2015-01-01",)), (undated, (5,))):
        steps = plan(stretch.records(events, place, back=False)[:51])
        nothing_is_read_whole(steps)
        if often and connection.vendor == "sqlite":  # PostgreSQL chooses by how many there are
            nothing_is_sorted(steps)
            assert "event_by_time" in steps or "event_undated" in steps


def test_the_latest_on_the_front_page_are_read_along_an_index() -> None:
    event(start="2015")
    steps = plan(Event.objects.visible_to(None).latest_dated()[:3])
    assert "event_by_time" in steps
    nothing_is_sorted(steps)


def test_what_went_on_at_a_date_is_found_among_what_lasted() -> None:
    event(start="2015", end="2016")
    events = Event.objects.visible_to(None)
    assert "event_going_on" in plan(events._going_on("2016-01-01", "2016-12-31")[:9])
    began = events.filter(sort_day__gte="2015-01-01", sort_day__lte="2015-12-31")
    steps = plan(began.filter(start_earliest__gte="2015-01-01").order_by(*BY_TIME)[:9])
    assert "event_by_time" in steps
    nothing_is_sorted(steps)


def test_choices_are_counted_in_an_index_and_not_in_the_table() -> None:
    event(start="2015")
    events = Event.objects.visible_to(None)
    for index, some in (
        ("event_by_time", events.in_year("2015")),
        ("event_by_category", events.filter(category="acuerdo").in_year("2015")),
        ("event_undated", events.filter(NO_DAY)),
    ):
        steps = plan(some.order_by().values("sort_day")[:10])
        assert index in steps, steps
        # SQLite finds in no index by itself what is computed from a column outside of it.
        assert connection.vendor == "sqlite" or "Index Only Scan" in steps


def test_citations_of_a_record_and_of_a_passage_are_found_along_an_index() -> None:
    here, happened = source(), event()
    citation(happened, source=here)
    for index, some in (
        ("cited_event", Citation.objects.filter(event__in=[happened.pk]).order_by()),
        ("citation_of_passage", Citation.objects.filter(source=here, number=1).order_by("pk")),
        ("citation_updated", Citation.objects.order_by("-updated_at")[:1]),
    ):
        steps = plan(some)
        assert index in steps, steps
        nothing_is_sorted(steps)


def test_all_that_costs_more_than_a_page_is_plain_data_that_can_be_kept(visitor: Client) -> None:
    one = organization(slug="una")
    for happened in made(["2014", "2015", ""]):
        happened.organizations.set([one])
    request = RequestFactory().get(HERE, {"anio": "2015", "organizacion": "una"})
    counts = filters.Filters(request).counts
    assert pickle.loads(pickle.dumps(counts)) == counts  # noqa: S301, our own
    assert b"models" not in pickle.dumps(counts)
