"""The page of the representation: who spoke, since when, and which days have no certain answer."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from organizations import rotation
from organizations.models import RepresentationTerm
from tests import records

from .test_charts import period

HERE = "/representacion/"
ANY = "[2011-08..2017-04]"


def terms(*dates: tuple[str, str]) -> list[RepresentationTerm]:
    """Representatives in this order, of the organizations O1, O2…"""
    return [
        records.term(start=start, end=end, order=n, organization=records.organization(name=f"O{n}"))
        for n, (start, end) in enumerate(dates, 1)
    ]


def gaps(*dates: tuple[str, str], founding: str = "") -> list[str]:
    return rotation.gaps([period(*pair) for pair in dates], "representante", founding)


def test_the_gaps_are_the_stretches_without_a_certain_representative():
    assert gaps((ANY, ANY), ("2017-04", "[2017-05-23..]")) == [
        "Entre agosto de 2011 y abril de 2017 no consta, de ningún día, quién era representante.",
        "Después del 23 de mayo de 2017, la fuente calla.",
    ]
    assert gaps(("", "")) == ["De ningún día consta quién era representante."]
    assert gaps() == []


@pytest.mark.parametrize(
    ("founding", "words"),
    [
        (
            "2011-08",
            ["Entre agosto y septiembre de 2011 no consta, de ningún día, quién era Eje."],
        ),
        ("2011-09", []),  # the first one began with the coalition
        ("", ["Antes de septiembre de 2011 no consta quién era Eje."]),
    ],
)
def test_nobody_is_missing_before_the_founding(founding, words):
    periods = [period("2011-09", "2012-04"), period("", "")]
    assert rotation.gaps(periods, "Eje", founding)[:-1] == words


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("dates", "orders", "words"),
    [
        ("2012", "1", "La fuente nombra a O1 y dice desde cuándo."),
        ("?", "1", "La fuente nombra a O1; desde cuándo, no lo dice."),
        (
            "2012 2013",
            "12",
            "La fuente nombra a las dos en este orden y dice desde cuándo cada una.",
        ),
        (
            "2012 ?",
            "12",
            "La fuente nombra a las dos en este orden; desde cuándo, solo lo dice de O1.",
        ),
        ("2012 2013", "1?", "La fuente dice desde cuándo cada una."),
        ("2012 ?", "1?", "Desde cuándo, la fuente solo lo dice de O1."),
        ("? ?", "?1", "Desde cuándo, la fuente no lo dice."),
        ("? ?", "??", "La fuente no da su orden; desde cuándo, no lo dice."),
        ("? ? ?", "12?", "La fuente da el orden de dos; desde cuándo, no lo dice."),
    ],
)
def test_the_lead_says_once_what_the_source_orders_and_dates(dates, orders, words):
    every = terms(*((date.replace("?", ""), "") for date in dates.split()))
    for term, order in zip(every, orders, strict=True):
        term.order, term.uncited = int(order) if order.isdigit() else None, ""
    assert rotation.lead(every) == words


@pytest.mark.parametrize(
    ("end", "start", "gap"),
    [
        ("2012-02", "2012-02", []),
        ("2012-03-31", "2012-04-01", []),
        (
            "2012",
            "2012",
            ["Dentro de 2012 no consta, de ningún día, quién era representante."],
        ),
    ],
    ids=["within a month", "on the next day", "within a year"],
)
def test_a_hand_over_within_a_month_or_on_the_next_day_is_no_gap(end, start, gap):
    assert gaps(("2011-01-01", end), (start, "2013-01-01")) == [
        "Antes del 1 de enero de 2011 no consta quién era representante.",
        *gap,
        "Después del 1 de enero de 2013 no consta quién era representante.",
    ]


@pytest.mark.django_db
def test_terms_that_may_overlap_are_named_and_those_that_only_share_a_month_are_not():
    assert rotation.overlaps(terms((ANY, ANY), (ANY, ANY), ("2017-04", "[2017-05-23..]"))) == [
        "O1 y O2 comparten un mismo tramo posible: la fuente da su orden, no cuándo termina una y "
        "empieza otra."
    ]


@pytest.mark.parametrize(
    ("spoke", "dated", "title"),
    [
        (0, 0, "No consta quién habló por la Red"),
        (1, 0, "Una habló por la Red; no se sabe desde cuándo"),
        (5, 1, "Cinco hablaron por la Red; de una se sabe desde cuándo"),
        (5, 0, "Cinco hablaron por la Red; de ninguna se sabe desde cuándo"),
        (2, 2, "Dos hablaron por la Red; de todas se sabe desde cuándo"),
    ],
)
@pytest.mark.django_db
def test_the_title_says_how_much_is_known(spoke, dated, title, settings, visitor):
    settings.SITE_NAME = "Red"
    records.organization(slug=settings.COALITION, name="Red", article="la")
    for term in terms(*[("2012", "")] * dated, *[("", "")] * (spoke - dated)):
        records.proven(term)
    response = visitor.get(HERE)
    assert response.status_code == 200
    assert f"<h1>{title}</h1>" in response.text
    assert f"<title>{title} · Red</title>" in response.text


@pytest.mark.django_db
def test_the_page_shows_each_quote_once_and_our_notes_as_ours(visitor):
    source = records.source(describes_until="2017-05-23")
    for term in terms(("[2012-05..2014]", "[2012-05..2014]"), ("2014-03", "[2017-05-23..]")):
        term.note = "Nota nuestra: no se dedujo nada."
        term.save()
        records.citation(term, source=source, field="start_earliest")
        records.citation(term, source=source, field="end")
    html = visitor.get(HERE).text
    assert html.count("<mark>decidieron sumarse</mark>") == 1
    assert "Nota nuestra, sobre O1 y O2:" in html
    assert html.count("No se dedujo nada.") == 1
    for attribute, name in (("labelledby", "rotacion-titulo"), ("describedby", "rotacion-key")):
        assert f'aria-{attribute}="{name}"' in html
        assert f'id="{name}"' in html


@pytest.mark.django_db
def test_the_page_costs_the_same_for_few_terms_and_for_many(visitor):
    first, _second = terms(("2012-05", "2012-06"), ("", ""))
    with CaptureQueriesContext(connection) as few:
        visitor.get(HERE)
    fields = {name: getattr(first, name) for name in ("organization", "role", "publish_at")}
    RepresentationTerm.objects.bulk_create(
        RepresentationTerm(slug=f"t{n}", **fields) for n in range(300)
    )
    with CaptureQueriesContext(connection) as many:
        response = visitor.get(HERE)
    assert len(many) == len(few) <= 8
    assert response.text.count("<tr id=") == 60
