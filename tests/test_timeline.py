"""The timeline as a long list: every event once; counts that hold for what else is chosen; and the
same few queries however long it is."""

import html
import re
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from timeline import years
from timeline.models import Event, EventOrganization, Statement

from .records import LONG_AGO, TOMORROW, category, edtf, event, organization, statement

pytestmark = pytest.mark.django_db
HERE, SAID = "/linea-de-tiempo/", "/pronunciamientos/"
OLDEST = "orden=antiguo"


def made(dates: list[str], **fields: Any) -> list[Event]:
    """Public events with these dates, of the category «acuerdo», their slugs in another order."""
    fields = {"title": "Algo", "category": "acuerdo", "publish_at": LONG_AGO} | fields
    fields["category"] = category(fields["category"])
    start = Event.objects.count()
    return Event.objects.bulk_create(
        Event(slug=f"e-{(start + n) * 7919 % 1000:03}-{start + n}", start=date, **fields)
        for n, date in enumerate(dates)
    )


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, url
    return html.unescape(response.text)


def link(text: str, rel: str) -> str | None:
    match = re.search(rf'<a rel="{rel}" href="([^"]*)">', text)
    return match and match[1]


def listed(text: str) -> list[str]:
    return re.findall(r'<h3>(?:<b class="number">\d+</b> )?<a href="[^"]*/([\w-]+)/">', text)


def choices(text: str) -> dict[str, str]:
    """The counts of the options. Each says to screen readers what it counts."""
    counts = (
        r'<li><a href="[^"]*"[^>]*>([^<]*?)\s*<span class="count">(\d+)<span [^>]*> \w+miento(s?)<'
    )
    found = re.findall(counts, text)
    assert all((number != "1") == bool(plural) for _name, number, plural in found)
    return {name: number for name, number, _plural in found}


# Every event once


def pages(client: Client, url: str) -> list[str]:
    """The pages of a list, from its first to its last."""
    texts = [text_of(client, url)]
    while query := link(texts[-1], "next"):
        texts.append(text_of(client, f"{url.partition('?')[0]}{query}"))
    return texts


@given(dates=st.lists(edtf(), max_size=14), hidden=st.integers(0, 13))
@hypothesis(max_examples=25)
def test_every_visible_event_is_on_one_page_in_order(dates: list[str], hidden: int) -> None:
    Event.objects.all().delete()
    made(dates)
    made(["2015-01-01"] * 4, category="relevo")
    made([dates[hidden]] if hidden < len(dates) else [""], publish_at=TOMORROW)
    events = list(Event.objects.visible_to(None))
    dated = [record for record in events if record.sort_day]
    dated.sort(key=lambda record: (record.sort_day, record.start_latest, record.slug))
    undated = sorted(
        (record for record in events if not record.sort_day), key=lambda record: record.pk
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("timeline.views.ON_A_PAGE", 3)
        for query, right in ((f"?{OLDEST}", dated), ("", dated[::-1])):
            slugs = [listed(text) for text in pages(Client(), f"{HERE}{query}")]
            every = [slug for on_page in slugs for slug in on_page]
            assert every == [record.slug for record in (*right, *undated)]
            assert all(len(on_page) == 3 for on_page in slugs[:-1])


def test_statements_of_one_day_keep_the_order_in_which_they_were_entered(visitor, monkeypatch):
    monkeypatch.setattr("timeline.views.ON_A_PAGE", 5)
    for n in range(12):
        statement(slug=f"s-{n * 7 % 12:02}", date=("2015", "", "2015-01")[n % 3])
    for query, newest_first in ((OLDEST, False), ("", True)):
        slugs = [slug for text in pages(visitor, f"{SAID}?{query}") for slug in listed(text)]
        assert slugs == [record.slug for record in Statement.objects.by_time(newest_first)]
        assert slugs[-4:] == ["s-07", "s-04", "s-01", "s-10"]


@pytest.fixture
def fifty(monkeypatch):
    monkeypatch.setattr("timeline.views.ON_A_PAGE", 50)


def test_the_undated_stand_apart_at_the_end_of_numbered_pages(visitor, fifty):
    made([f"201{n % 8}" for n in range(100)] + [""] * 20)
    _first, second, third = pages(visitor, f"{HERE}?{OLDEST}")
    assert "En esta página: de 2013 a 2017." in second
    assert "de 2013 a 2017, página 2 ·" in second
    assert "Página 2 de 3" in second
    assert "Sin fecha en la fuente</h2>" not in second
    assert "<h2>Sin fecha en la fuente</h2>" in third
    assert "2017</h2>" not in third
    assert link(third, "prev") == f"?{OLDEST}&pagina=2"
    assert len(listed(third)) == 20
    newest = text_of(visitor, f"{HERE}?pagina=2")
    assert "En esta página: de 2010 a 2013." in newest
    assert (
        f'rel="canonical" href="http://testserver{HERE}?pagina=2"' in second
    )  # of the usual order


def test_a_long_list_opens_on_its_newest_year_with_months_and_a_short_one_on_request(visitor):
    """The month of «2016» and of «[2016..2018]» is not said, though they are sorted by January."""
    dates = ["2016-01-05", "2016-01", "2016", "[2016..2018]", "[..2016]", "[2016-03..2017]"]
    made(["2015-06"] * 4 + dates)
    assert listed(text_of(visitor, HERE))[0].endswith("-0")
    newest, months = text_of(visitor, f"{HERE}?orden=reciente"), f"{HERE}?anio=2016-01"
    assert listed(newest)[0] == Event.objects.get(start="[..2016]").slug
    assert "mes por mes" not in newest
    made(["2011"] * 20)
    text = text_of(visitor, HERE)
    assert "2016, mes por mes" in text
    assert listed(text)[0] == listed(newest)[0]
    offered = {**choices(text[text.index("mes por mes") :])}
    assert offered == {"enero": "2", "marzo": "1", "sin mes": "3"}
    for span, count in (("01", 2), ("03", 1), ("XX", 3)):
        month = text_of(visitor, f"{HERE}?anio=2016-{span}")
        assert len(listed(month)) == count
        assert f"Año: {'2016, sin mes' if span == 'XX' else ''}" in month
        assert f'href="{HERE}?anio=2016" aria-current="true"' in month
    assert f'href="{months}"' in text
    for span in ("2016-13", "2016-02", "2016-1", "2016-X1"):
        assert visitor.get(f"{HERE}?anio={span}").status_code == 404
    assert visitor.get(f"{HERE}?orden=azar").status_code == 404


# Addresses


@pytest.mark.parametrize("url", [HERE, SAID])
def test_an_address_of_the_pages_there_were_before_leads_to_the_list(visitor, url):
    event(start="2015")
    statement(date="2015")
    for query in ("desde=2015", "desde=sin-fecha~7", "antes=2017-1", "desde=2017&antes=x~y"):
        assert f'rel="canonical" href="http://testserver{url}"' in text_of(
            visitor, f"{url}?{query}"
        )


def test_filters_go_with_the_pages_and_pages_do_not_go_with_the_filters(visitor, fifty):
    made(["2015"] * 60)
    made(["2016"] * 60, category="relevo")
    _first, second = pages(visitor, f"{HERE}?anio=2015&categoria=acuerdo")
    address = f"http://testserver{HERE}?anio=2015&categoria=acuerdo&pagina=2"
    assert f'rel="canonical" href="{address}"' in second
    assert len(listed(second)) == 10
    assert "Quitar Año: 2015" in second
    assert f'class="chip" href="{HERE}?categoria=acuerdo"' in second
    for query in ("anio=", "anio=2015&anio=2015", "categoria=&otra=cosa"):
        assert visitor.get(f"{HERE}?{query}").status_code == 200, query


# Filters


def test_filters_without_a_common_event_link_to_the_list_without_each_of_them(visitor):
    made(["2015"] * 3)
    made(["2016"] * 2, category="relevo")
    text = text_of(visitor, f"{HERE}?anio=2015&categoria=relevo")
    assert "Ninguno de cinco acontecimientos" in text
    assert f'<a href="{HERE}?categoria=relevo">Sin «Año: 2015»</a> <span class="count">2<' in text
    assert f'<a href="{HERE}?anio=2015">Sin «Categoría: relevo»</a> <span class="count">3<' in text
    # No link leads to an empty list.
    nobody = organization(slug="nadie")
    text = text_of(visitor, f"{HERE}?anio=2015&categoria=relevo&organizacion={nobody.slug}")
    assert "Sin «" not in text
    assert "Al quitar" not in text
    assert "Quitar todo" in text
    # The title names the filters.
    text = text_of(visitor, f"{HERE}?anio=2016&categoria=relevo")
    title = "Dos de cinco acontecimientos (Año: 2016; Categoría: relevo)"
    assert f"<title>{title} ·" in text
    assert f'<meta property="og:title" content="{title}' in text


def test_filters_of_statements_hold_together_on_every_page_and_in_its_address(visitor, monkeypatch):
    monkeypatch.setattr("timeline.views.ON_A_PAGE", 1)
    named, happened = organization(slug="una", name="Una"), event(slug="esto", title="Esto")
    for n in range(4):
        said = statement(slug=f"s{n}", date=f"201{n}")
        said.organizations.set([named] if n else [])
        said.events.set([happened] if n < 3 else [])
    url = f"{SAID}?organizacion=una&acontecimiento=esto"
    first, second = pages(visitor, url)
    assert "<title>Dos pronunciamientos (Organización: Una; Acontecimiento: Esto) ·" in first
    assert f'rel="canonical" href="http://testserver{url}"' in first
    assert f'<meta property="og:url" content="http://testserver{url}">' in first
    assert f'<a class="chip" href="{SAID}?acontecimiento=esto"' in first
    assert f'<a class="chip" href="{SAID}?organizacion=una"' in first
    assert 'href="/datos/pronunciamientos.csv?organizacion=una&acontecimiento=esto"' in first
    assert sorted(listed(first) + listed(second)) == ["s1", "s2"]


def test_counts_hold_for_the_other_filters(visitor):
    named = organization(name="Una")
    events = made(["2014", "2015", "2015", "", "[2015..2016]"])
    events += made(["2015", "2016", ""], category="relevo")
    EventOrganization.objects.bulk_create(
        EventOrganization(event=happened, organization=named) for happened in events[::2]
    )
    made(["2015"], publish_at=TOMORROW)
    for query, counts in {
        "": "2014 1, 2015 4, 2016 1, sin fecha 2, acuerdo 5, relevo 3, Una 4",
        "anio=2015": "2014 1, 2015 4, 2016 1, sin fecha 2, acuerdo 3, relevo 1, Una 2",
        f"organizacion={named.slug}&anio=2015": "2014 1, 2015 2, 2016 1, acuerdo 2, Una 2",
        "anio=sin-fecha&categoria=relevo": "2015 1, 2016 1, sin fecha 1, acuerdo 1, relevo 1",
    }.items():
        offered = choices(text_of(visitor, f"{HERE}?{query}"))
        assert offered == dict(count.rsplit(" ", 1) for count in counts.split(", ")), query


def test_organizations_to_filter_by_are_found_by_a_part_of_any_of_their_names(visitor):
    many = [organization(name=f"Colegio {n}") for n in range(30)]
    meant = organization(name="Instituto de Estudios Cívicos", short_name="IEC", slug="iec")
    organization(name="Instituto que nadie nombra")
    meant.other_names = "Casa del Árbol"
    meant.save()
    event(start="2015").organizations.set([*many, meant])
    said = statement(date="2015")
    said.organizations.set([*many, meant])
    for url in (HERE, SAID):
        text = text_of(visitor, f"{url}?anio=2015&orden=antiguo")
        assert '<details class="fold">' in text
        assert '<input type="hidden" name="anio" value="2015">' in text
        assert len([name for name in choices(text) if name.startswith("Colegio")]) == 12
        for typed, also in (
            ("estudios civ", ""),
            ("IEC", ""),
            ("arbol", ", también «Casa del Árbol»"),
        ):
            text = text_of(visitor, f"{url}?anio=2015&nombre={typed}")
            assert '<details class="fold" open>' in text
            name = f"Instituto de Estudios Cívicos (IEC){also}"
            assert [choice for choice in choices(text) if choice.startswith("Inst")] == [name]
            assert f'href="{url}?anio=2015&organizacion=iec"' in text
            assert f'rel="canonical" href="http://testserver{url}?anio=2015"' in text
        assert "Hay 6 más" in text_of(visitor, f"{url}?nombre=colegio")
        assert "Ninguna tiene ese nombre" in text_of(visitor, f"{url}?nombre=<nadie>")


def test_the_part_of_an_organization_is_a_filter_of_its_own_records(visitor):
    one, other = organization(slug="una", name="Una"), organization(slug="otra", name="Otra")
    for url, records, parts in (
        (HERE, made(["2015"] * 3), ("convenes", "takes_part", "convocan", "convoca")),
        (
            SAID,
            [statement(date="2015") for _ in range(3)],
            ("signs", "declines", "firman", "firma"),
        ),
    ):
        for record, part in zip(records, (*parts[:2], parts[1]), strict=True):
            record.organizations.add(one, through_defaults={"part": part})
            record.organizations.add(other, through_defaults={"part": parts[0]})
        chosen = text_of(visitor, f"{url}?organizacion=una&papel={parts[2]}")
        assert listed(chosen) == [records[0].slug]
        assert f"Papel: {parts[3]}" in chosen
        assert choices(chosen)["Otra"] == "3"
        assert f'class="chip" href="{url}"' in chosen  # the part goes with its organization
        assert choices(text_of(visitor, f"{url}?organizacion=una"))[parts[3]] == "1"
        for query in (f"papel={parts[2]}", "organizacion=una&papel=nada"):
            assert visitor.get(f"{url}?{query}").status_code == 404


def test_many_years_are_chosen_by_decades_and_then_by_year(visitor):
    made(["1905", "1907", "1960", "2015"] * 20)
    text = text_of(visitor, HERE)
    assert f'href="{HERE}?anio=190X"' in text
    assert choices(text)["1900 a 1909"] == "40"
    decade = text_of(visitor, f"{HERE}?anio=190X")
    assert "Año: 1900 a 1909" in decade
    assert choices(decade)["1905"] == "20"
    assert "1960" not in choices(decade)
    assert len(listed(text_of(visitor, f"{HERE}?anio=1907"))) == 20


@given(span=st.from_regex(r"[0-9]{4}|[0-9]{3}X|[0-9]{2}XX|[0-9]XXX", fullmatch=True))
def test_the_days_of_a_span_are_those_of_its_years_and_no_others(span: str) -> None:
    first, last = years.days(span)
    start, end = years.bounds(span)
    assert end - start + 1 == 10 ** span.count("X")
    assert first <= f"{start:04}-01-01" <= f"{end:04}-12-31" < last
    assert f"{max(start - 1, 0):04}-12-31" < first or start == 0
    assert end == 9999 or last <= f"{end + 1:04}-01-01"


# The overview


def test_a_column_leads_to_its_year_with_the_other_filters_and_in_a_year_to_its_month(
    visitor, fifty
):
    made(["2014-03"] * 100 + ["[2016..2017]"] * 5)
    url = f"{HERE}?categoria=acuerdo"
    first, second, *_others = pages(visitor, url)
    assert f'<a href="{url}&anio=2016" aria-label="2016: cinco acontecimientos, 5' in first
    assert "En conjunto" in first
    assert "En conjunto" not in second
    months = text_of(visitor, f"{url}&anio=2014")
    assert f'<a href="{url}&anio=2014-03" aria-label="marzo de 2014: 100' in months


def test_the_chart_keeps_all_rows_and_their_numbers_under_a_filter(visitor):
    made(["2011", "2012", "2017-02-11", "2017-05", ""])
    rows = r'<li( class="[a-z]+")?>\s*<a href="([^"]+)">\s*<b class="number">(\d)</b>'
    whole = text_of(visitor, HERE)
    assert re.findall(rows, whole) == [("", f"#a{n}", str(n)) for n in range(1, 6)]
    assert re.findall(r'<li class="fact" id="a(\d)">', whole) == list("12345")
    within = text_of(visitor, f"{HERE}?anio=2017")
    outside, inside = ' class="outside"', ' class="inside"'
    assert re.findall(rows, within) == [
        *((outside, f"{HERE}#a{n}", n) for n in "12"),
        *((inside, f"#a{n}", n) for n in "34"),
        (outside, f"{HERE}#a5", "5"),
    ]
    assert re.findall(r'<li class="fact" id="a(\d)">', within) == list("34")
    assert re.findall(r'text-anchor="middle">(\w+)<', within) == ["feb", "mar", "abr", "may"]
    assert "sin fecha en la fuente" in within
