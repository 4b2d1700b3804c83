"""The rules of the record: the database refuses what breaks them on every way in, and `full_clean`
says why in Spanish. `test_dates` proves which dates are possible.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models import CASCADE, PROTECT, ProtectedError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dates.edtf import parse
from dates.periods import Period
from organizations.models import RepresentationTerm
from record.publishing import Record
from sources.models import SUPPORTED, Citation
from tests.records import (
    FAR_OFF,
    LONG_AGO,
    MAKERS,
    NOW,
    TOMORROW,
    WAYS,
    YESTERDAY,
    citation,
    copy_of,
    edtf,
    event,
    membership,
    organization,
    refusals,
    source,
    statement,
    term,
)

pytestmark = pytest.mark.django_db

MODELS = [
    model
    for label in ("sources", "organizations", "timeline")
    for model in apps.get_app_config(label).get_models()
    if not model.__name__.startswith("Historical")
]
SPANNING = (membership, term, event)
PUBLISHABLE = (source, organization, event, statement)


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def dates(span: str) -> dict[str, str]:
    """Start and end, which a slash separates."""
    return dict(zip(("start", "end"), span.split("/"), strict=True))


def quote() -> Citation:
    return citation(event(), source=source())


def among_other_terms(**fields: Any) -> RepresentationTerm:
    """A new term, where each role has a term already."""
    cidac = organization(name="Centro de Prueba", short_name="CIDAC")
    term(organization=cidac, order=3, start="2015", end="2016-12")
    term(start="2016", end="2016-12", role="co_representative")
    return term(**fields)


def assert_refused(
    make: Callable[[], Record], words: str, field: str = NON_FIELD_ERRORS, **changes: Any
) -> None:
    """By the database on each way in, and by `full_clean` with `words` about `field` alone."""
    for by in WAYS:
        with undone():
            record = make()
            rows = list(type(record).objects.order_by("pk").values())
            try:
                with transaction.atomic():
                    by(record, **changes)
            except DatabaseError:
                assert list(type(record).objects.order_by("pk").values()) == rows
            else:
                pytest.fail(f"{by.__name__} stored {changes} of {type(record).__name__}")
    with undone():
        refused = refusals(copy_of(make(), **changes))
    assert refused.keys() == {field}
    assert refused[field][0].startswith(words)


def assert_stored(make: Callable[[], Record], **changes: Any) -> None:
    """On each way in, and allowed by `full_clean`."""
    for by in WAYS:
        with undone():
            record = make()
            by(record, **changes)
            stored = type(record).objects.filter(**changes)
            assert stored, f"{by.__name__} stored nothing"
            assert [refusals(record) for record in stored] == [{}] * len(stored)


@pytest.mark.parametrize("make", [*MAKERS, quote])
def test_a_slug_is_borne_by_one_record(make):
    assert_stored(make, slug="ocupado")
    if make is not quote:
        make(slug="ocupado")
        assert_refused(make, "Ya existe ", "slug", slug="ocupado")


# Dates and periods


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (source, ("published", "describes_until", "retrieved")),
        *((make, ("start", "end")) for make in SPANNING),
        (statement, ("date",)),
    ],
)
def test_an_impossible_date_is_refused(make, names):
    for name in names:
        for text in ("2017-02-30", "[2018..2017]", "ayer"):
            assert_refused(make, f"«{text}» no es una fecha posible: ", name, **{name: text})


@pytest.mark.parametrize("make", SPANNING)
def test_an_end_before_its_start_is_refused_with_both_dates_shown(make):
    words = "El fin (2016) no puede ser anterior al inicio (2017)."
    assert_refused(make, words, "end", **dates("2017/2016"))
    words = "El fin (abril de 2017 o antes) no puede ser anterior al inicio (mayo de 2017)."
    assert_refused(make, words, "end", **dates("2017-05/[..2017-04]"))
    assert_refused(make, "El fin (22 de mayo", "end", **dates("[2017-05-23..]/2017-05-22"))


@pytest.mark.parametrize("make", SPANNING)
def test_an_end_in_the_month_or_year_of_its_start_is_allowed(make):
    for span in ("2017-05-23/2017", "2017-05/2017-05", "2017/2017-01-01"):
        assert_stored(make, **dates(span))


# Publication


@pytest.mark.parametrize("make", PUBLISHABLE)
def test_a_withdrawal_not_after_publication_is_refused(make):
    words = "El retiro debe ser posterior a la publicación."
    assert_refused(make, words, publish_at=TOMORROW, unpublish_at=YESTERDAY)
    assert_refused(make, words, publish_at=NOW, unpublish_at=NOW)
    assert_stored(make, publish_at=LONG_AGO, unpublish_at=FAR_OFF)


# Terms


def test_a_place_of_the_rotation_is_one_term_s_and_counted_from_one():
    words = "Ese lugar ya lo tiene «3.º representante: CIDAC» (de 2015 a diciembre de 2016)"
    assert_refused(partial(among_other_terms, order=2), words, "order", order=3)
    assert_refused(term, "Los lugares de la rotación se cuentan desde 1.", order=0)


def test_place_and_dates_of_another_role_and_an_unknown_place_are_free():
    of_other_role = partial(among_other_terms, role="co_representative")
    assert_stored(of_other_role, order=3)
    assert_stored(of_other_role, **dates("2015/2016"))
    term(start="2018")
    assert_stored(partial(among_other_terms, order=2), order=None)


def test_overlapping_terms_are_refused_with_the_other_one_named():
    words = (
        "Se traslapa con «3.º representante: CIDAC» (de 2015 a diciembre de 2016). "
        "Si lo ejercieron juntas, "
    )
    for span in ("2015-06/2016-06", "2014/[2016-02-02..]", "2016-02-02/2016-02-02"):
        assert_refused(among_other_terms, words, "start", **dates(span))
    fields = dates("2014/[2016-06..]") | {"role": "co_representative"}
    assert_refused(partial(among_other_terms, **fields), words, "start", role="representative")


@pytest.mark.parametrize("span", "2014/2015 2016-12/2017 2016-12/[2017-05-23..] 2014/ /".split())
def test_a_hand_over_or_an_unknown_date_is_no_overlap(span):
    assert_stored(among_other_terms, **dates(span))


def test_overlapping_terms_written_by_one_statement_are_refused():
    terms = [copy_of(term(), **dates(span)) for span in ("2015/2016", "2015/2017")]
    with pytest.raises(DatabaseError), transaction.atomic():
        RepresentationTerm.objects.bulk_create(terms)
    term(role="co_representative", start="2015", end="2016")
    term(start="2014", end="2017")
    with pytest.raises(DatabaseError), transaction.atomic():
        RepresentationTerm.objects.update(role="representative")


@st.composite
def spans(draw: st.DrawFn) -> str:
    start, end = draw(edtf()), draw(edtf())
    if parse(start).earliest > parse(end).latest:
        start, end = end, start
    return f"{start}/{end}"


@settings(max_examples=40)
@given(spans(), spans())
@example("2015/2016-02", "2016-02/2017")
@example("2015/2016-02-29", "2016-02/2017")
@example("2015/2016-03-01", "2016-02/2017")
@example("2015/2016-12", "[2011..2015-06]/2016-06")
@example("2015/2016-04-05", "2016-04-05/2017")
@example("2016-04-05/2017", "2015/2016-04-05")
@example("2015/[2016-02..]", "[..2016-01]/2017")
@example("2015/[2016-02..]", "[2016-02..]/")
@example("/9999", "0001/9999-12-31")
def test_python_and_database_agree_on_which_terms_overlap(two_terms, span, other_span):
    here, other = two_terms
    stored = RepresentationTerm.objects
    stored.update(start="", end="")
    stored.filter(pk=here.pk).update(**dates(span))
    other.start, other.end = dates(other_span).values()
    period = Period(*map(parse, span.split("/")))
    overlap = period.certainly_overlaps(other.period) and span != other_span  # joint
    assert list(refusals(other)) == (["start"] if overlap else [])
    with pytest.raises(DatabaseError) if overlap else nullcontext(), transaction.atomic():
        stored.filter(pk=other.pk).update(**dates(other_span))
        assert refusals(other) == {}  # a term does not overlap itself


@pytest.fixture
def two_terms() -> tuple[RepresentationTerm, RepresentationTerm]:
    return term(), term()


# Relations


def test_an_organization_that_replaces_itself_is_refused():
    record = membership()
    record.replaces.add(record.organization)
    assert refusals(record) == {"replaces": ["Una organización no se sustituye a sí misma."]}


def test_a_citation_of_no_record_or_of_two_is_refused():
    words = "Una cita apoya exactamente un registro."
    assert_refused(quote, words, event=None)
    assert_refused(quote, words, statement=statement())


# A record's own citations and lists are deleted with it. All other references are protected.
OWN = {f"Citation.{name}" for name in SUPPORTED}
OWN |= {"EventOrganization.event", "StatementOrganization.statement", "StatementEvent.statement"}
OWN |= {"Replacement.membership"}


def referred_to() -> dict[str, Record]:
    """Each protected reference, with a record to which only that reference leads."""
    named, author, answered, meeting = organization(), statement(), event(), event()
    author_organization, former = organization(), organization()
    membership(replaces=former)
    meeting.organizations.add(named)
    author.organizations.add(author_organization)
    author.events.add(answered)
    return {
        "Membership.organization": membership().organization,
        "Replacement.replaced": former,
        "RepresentationTerm.organization": term().organization,
        "EventOrganization.organization": named,
        "Event.category": event(category="salida").category,
        "Statement.kind": statement(kind="carta").kind,
        "StatementOrganization.organization": author_organization,
        "StatementEvent.event": answered,
        "Citation.source": quote().source,
    }


def test_what_is_referred_to_cannot_be_deleted_by_raw_sql_either():
    references = {
        f"{model.__name__}.{field.name}": field.remote_field.on_delete
        for model in MODELS
        for field in model._meta.fields
        if isinstance(field, models.ForeignKey)
    }
    records = referred_to()
    assert references == dict.fromkeys(OWN, CASCADE) | dict.fromkeys(records, PROTECT)
    for name, record in records.items():
        stored = type(record).objects.filter(pk=record.pk)
        with pytest.raises(ProtectedError, match=name.split(".")[1]):
            record.delete()
        with pytest.raises(ProtectedError):
            stored.delete()
        with pytest.raises(DatabaseError), transaction.atomic():
            delete_by_raw_sql(record)
        assert stored.exists()


def delete_by_raw_sql(record: Record) -> None:
    with connection.cursor() as cursor:
        table = record._meta.db_table
        cursor.execute(f'DELETE FROM "{table}" WHERE id = %s', [record.pk])  # noqa: S608
    connection.check_constraints()  # as at the end of the transaction


# Text


@pytest.mark.parametrize("make", [*MAKERS, quote])
def test_a_nul_is_refused_in_every_text_with_a_reason(make):
    record = make()
    names = [
        field.name
        for field in record._meta.fields
        if isinstance(field, (models.CharField, models.TextField)) and field.editable
    ]
    for name in names:
        text = getattr(record, name)
        setattr(record, name, f"{text}\0")
        assert refusals(record) == {name: ["No se admite el carácter nulo (NUL)."]}
        with pytest.raises(ValidationError, match="NUL"):
            record.clean_fields()
        record.clean_fields(exclude=[name])
        setattr(record, name, text)


def test_a_control_character_is_refused_by_its_number_or_becomes_a_space():
    record = event()
    for character in "\x07\x1f\ufffe\uffff\ud800":
        record.title, record.body = f"Uno{character}dos", f"<p>{character}</p>"
        refused = refusals(record)
        assert set(refused) == {"title", "body"}
        assert f"U+{ord(character):04X}" in refused["title"][0]
    record.title, record.body = "Uno\x0bdos\x0ctres", ""
    record.full_clean()
    assert record.title == "Uno dos tres"


def test_a_title_of_ten_thousand_characters_is_refused_with_a_reason():
    for make in PUBLISHABLE:
        name = "name" if make is organization else "title"
        record = copy_of(make(), **{name: "x" * 10_000})
        assert "Asegúrese de que este valor tenga" in refusals(record)[name][0]


HOSTILE_ADDRESSES = [
    *"JaVaScRiPt:alert(1) data:text/html,<script>alert(1)</script> vbscript:x".split(),
    *"javascript:alert(1) ftp://example.org mailto:a@example.org //example.org".split(),
    *"file:///etc/passwd example.org http://".split(),
    *("java\nscript:alert(1)", " javascript:alert(1)"),
    *("https://example.org\n", "https://exa mple.org"),
]


@pytest.mark.parametrize(("make", "field"), [(organization, "website"), (source, "url")])
def test_only_an_address_that_runs_nothing_is_taken(make, field):
    record = copy_of(make())
    for address in HOSTILE_ADDRESSES:
        setattr(record, field, address)
        said = ["Escriba una dirección que empiece con https:// o http://."]
        assert refusals(record) == {field: said}, address
    for address in ("", "https://example.org", "http://example.org/á?b=c#d", "https://ñandú.mx/"):
        setattr(record, field, address)
        assert refusals(record) == {}, address
