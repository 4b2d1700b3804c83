"""What is always true of the record: the database refuses the contrary whichever way it comes, and
`full_clean` says in Spanish why. That a date is possible has its own file, `test_dates`.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction
from django.db.models import CASCADE, PROTECT, ProtectedError
from hypothesis import given

from organizations.models import RepresentationTerm
from record.dates import parse
from record.periods import Period
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
    supporting,
    term,
)

pytestmark = pytest.mark.django_db

OURS = [
    model
    for label in ("sources", "organizations", "timeline")
    for model in apps.get_app_config(label).get_models()
    if not model.__name__.startswith("Historical")
]
BY_WAY = pytest.mark.parametrize("by", WAYS)
SPANNING = pytest.mark.parametrize("make", [membership, term, event])
PUBLISHABLE = pytest.mark.parametrize("make", [source, organization, event, statement])


def assert_refused(by: Callable[..., None], record: Record, **changes: Any) -> None:
    model = type(record)
    before = list(model.objects.order_by("pk").values())
    with pytest.raises(DatabaseError), transaction.atomic():
        by(record, **changes)
    assert list(model.objects.order_by("pk").values()) == before


@BY_WAY
@pytest.mark.parametrize("make", [*MAKERS, lambda: citation(event(), source=source())])
def test_each_way_stores_what_is_allowed(by, make):
    record = make()
    by(record, slug="otro")
    assert type(record).objects.filter(slug="otro").exists()


# Dates and periods


@BY_WAY
@pytest.mark.parametrize(
    ("make", "field"),
    [
        *((source, name) for name in ("published", "describes_until", "retrieved")),
        *((make, name) for make in (membership, term, event) for name in ("start", "end")),
        (statement, "date"),
    ],
)
def test_an_impossible_date_is_refused_by_the_database(by, make, field):
    for impossible in ("2017-02-30", "2017-13", "0000", "[2018..2017]", "ayer"):
        record = make()
        assert_refused(by, record, **{field: impossible})
        assert (
            "no es una fecha posible" in refusals(copy_of(record, **{field: impossible}))[field][0]
        )


@BY_WAY
@SPANNING
def test_an_end_before_its_start_is_refused_by_the_database(by, make):
    for start, end in (
        ("2017", "2016"),
        ("[2017-05-23..]", "2017-05-22"),
        ("2017-05", "[..2017-04]"),
    ):
        assert_refused(by, make(), start=start, end=end)


@SPANNING
def test_an_end_before_its_start_is_refused_with_both_dates_shown(make):
    record = copy_of(make(), start="2017-05-23", end="[..2017-04]")
    assert refusals(record) == {
        "end": [
            "El fin (abril de 2017 o antes) no puede ser anterior al inicio (23 de mayo de 2017)."
        ]
    }


@BY_WAY
@SPANNING
def test_an_end_in_the_month_or_year_of_its_start_is_allowed(by, make):
    for start, end in (("2017-05-23", "2017"), ("2017-05", "2017-05"), ("2017", "2017-01-01")):
        by(make(), start=start, end=end)


# Publication


@BY_WAY
@PUBLISHABLE
def test_a_withdrawal_not_after_publication_is_refused_by_the_database(by, make):
    for publish_at, unpublish_at in ((TOMORROW, YESTERDAY), (NOW, NOW)):
        assert_refused(by, make(), publish_at=publish_at, unpublish_at=unpublish_at)


@PUBLISHABLE
def test_a_withdrawal_not_after_publication_is_refused_with_a_reason(make):
    record = copy_of(make(), publish_at=NOW, unpublish_at=NOW)
    said = "El retiro debe ser posterior a la publicación."
    assert [said] in refusals(record).values()


# Terms


@BY_WAY
def test_two_terms_in_one_place_of_a_role_are_refused_by_the_database(by):
    term(order=1)
    assert_refused(by, term(order=2), order=1)


def test_two_terms_in_one_place_of_a_role_are_refused_with_a_reason():
    term(order=1)
    said = "Otro periodo de este papel ya tiene ese lugar."
    assert [said] in refusals(copy_of(term(order=2), order=1)).values()


@BY_WAY
def test_the_place_of_another_role_and_an_unknown_place_are_free(by):
    term(order=1)
    by(term(order=2, role="co_representative"), order=1)
    term()
    by(term(order=3), order=None)


@BY_WAY
def test_places_are_counted_from_one(by):
    assert_refused(by, term(order=1), order=0)
    said = "Los lugares de la rotación se cuentan desde 1."
    assert said in str(refusals(copy_of(term(order=2), order=0)))


@BY_WAY
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2015-06", "2016-06"),
        ("2014", "[2016-02-02..]"),
        ("2015-01", "[2017-05-23..]"),
        ("2016-02-02", "2016-03-02"),
        ("2016-02-02", "2016-02-02"),
        ("[2011..2015-06]", "2016-06"),
    ],
)
def test_overlapping_terms_are_refused_by_the_database(by, start, end):
    term(start="2015", end="2016-12")
    term(start="2016", end="2016-12", role="co_representative")
    assert_refused(by, term(), start=start, end=end)


@BY_WAY
def test_a_term_that_takes_the_role_of_one_it_overlaps_is_refused_by_the_database(by):
    term(start="2015", end="2016")
    other = term(start="2014", end="[2016-06..]", role="co_representative")
    assert_refused(by, other, role="representative")


@BY_WAY
@pytest.mark.parametrize(
    ("start", "end"),
    [("2014", "2015"), ("2016", "2017"), ("2016-12", "[2017-05-23..]"), ("2014", ""), ("", "")],
)
def test_a_hand_over_or_an_unknown_date_is_no_overlap(by, start, end):
    term(start="2015", end="2016")
    by(term(), start=start, end=end)


def test_overlapping_terms_are_refused_with_the_other_one_named():
    cidac = organization(name="Centro de Prueba", short_name="CIDAC")
    term(organization=cidac, order=3, start="2015", end="2016-12")
    said = (
        "Se traslapa con «3.º representante: CIDAC» (desde 2015, hasta diciembre de 2016): "
        "un papel, una a la vez."
    )
    assert refusals(copy_of(term(), start="2015-06", end="2016-06")) == {"start": [said]}


def test_a_term_does_not_overlap_itself():
    one = term(start="2015", end="2016")
    one.note = "Otra nota"
    assert refusals(one) == {}
    one.save()


def test_overlapping_terms_written_by_one_statement_are_refused():
    one, other = (copy_of(term(), start="2015", end="2016") for _ in "ab")
    with pytest.raises(DatabaseError), transaction.atomic():
        RepresentationTerm.objects.bulk_create([one, other])
    term(role="co_representative", start="2015", end="2016")
    term(start="2014", end="2017")
    with pytest.raises(DatabaseError), transaction.atomic():
        RepresentationTerm.objects.update(role="representative")


@given(edtf(), edtf(), edtf(), edtf())
def test_python_and_database_agree_on_which_terms_overlap(two_terms, a, b, c, d):
    here, other = two_terms
    (start, end), (its_start, its_end) = sorted_period(a, b), sorted_period(c, d)
    RepresentationTerm.objects.filter(pk=other.pk).update(start="", end="")
    RepresentationTerm.objects.filter(pk=here.pk).update(start=start, end=end)
    overlap = Period(parse(start), parse(end)).certainly_overlaps(
        Period(parse(its_start), parse(its_end))
    )
    other.start, other.end = its_start, its_end
    assert list(refusals(other)) == (["start"] if overlap else [])
    try:
        with transaction.atomic():
            RepresentationTerm.objects.filter(pk=other.pk).update(start=its_start, end=its_end)
    except DatabaseError:
        assert overlap
    else:
        assert not overlap


def sorted_period(start: str, end: str) -> tuple[str, str]:
    return (start, end) if parse(start).earliest <= parse(end).latest else (end, start)


@pytest.fixture
def two_terms() -> tuple[RepresentationTerm, RepresentationTerm]:
    return term(), term()


# Relations


@BY_WAY
def test_an_organization_that_replaces_itself_is_refused_by_the_database(by):
    record = membership()
    assert_refused(by, record, replaces=record.organization)
    said = "Una organización no se sustituye a sí misma."
    assert said in str(refusals(copy_of(membership(), organization=record.organization,
                                        replaces=record.organization)))  # fmt: skip


@BY_WAY
def test_a_citation_of_no_record_or_of_two_is_refused_by_the_database(by):
    one = citation(event(), source=source())
    assert_refused(by, one, event=None)
    one.refresh_from_db()
    assert_refused(by, one, statement=statement())


def test_a_citation_of_no_record_or_of_two_is_refused_with_a_reason():
    one = citation(event(), source=source())
    said = ["Una cita apoya exactamente un registro."]
    assert said in refusals(copy_of(one, event=None)).values()
    assert said in refusals(copy_of(one, statement=statement())).values()


@pytest.mark.parametrize("kind", SUPPORTED)
def test_a_citation_supports_any_one_of_the_five_kinds(kind):
    record = {
        "organization": organization,
        "membership": membership,
        "representation_term": term,
        "event": event,
        "statement": statement,
    }[kind]()
    one = citation(record, source=source())
    assert refusals(one) == {}
    assert one.record == record
    assert list(record.citations.all()) == [one]
    assert supporting(record) == {kind: record}


# What goes when the record that has it goes: its own citations and lists. Nothing else.
OWN = {
    *((Citation, name) for name in SUPPORTED),
    (apps.get_model("timeline", "EventOrganization"), "event"),
    (apps.get_model("timeline", "StatementOrganization"), "statement"),
    (apps.get_model("timeline", "StatementEvent"), "statement"),
}
REFERENCES = [
    (model, field)
    for model in OURS
    for field in model._meta.fields
    if isinstance(field, models.ForeignKey)
]


def test_all_references_but_a_record_s_own_are_protected():
    for model, field in REFERENCES:
        expected = CASCADE if (model, field.name) in OWN else PROTECT
        assert field.remote_field.on_delete is expected, f"{model.__name__}.{field.name}"


def referred_to() -> dict[str, tuple[Record, models.Model]]:
    """Each protected reference, with a record that is referred to by it and by nothing else."""
    party, author, told, teller = organization(), statement(), event(), event()
    party_of_statement = organization()
    teller.organizations.add(party)
    author.organizations.add(party_of_statement)
    author.events.add(told)
    cited = source()
    return {
        "Membership.organization": membership().organization,
        "Membership.replaces": membership(replaces=organization()).replaces,
        "RepresentationTerm.organization": term().organization,
        "EventOrganization.organization": party,
        "StatementOrganization.organization": party_of_statement,
        "StatementEvent.event": told,
        "Citation.source": citation(event(), source=cited).source,
    }


def test_what_is_referred_to_cannot_be_deleted():
    records = referred_to()
    protected = {f"{m.__name__}.{f.name}" for m, f in REFERENCES if (m, f.name) not in OWN}
    assert records.keys() == protected
    for name, record in records.items():
        model = type(record)
        with pytest.raises(ProtectedError, match=name.split(".")[1]):
            record.delete()
        with pytest.raises(ProtectedError):
            model.objects.filter(pk=record.pk).delete()
        assert model.objects.filter(pk=record.pk).exists()


def test_raw_sql_cannot_delete_what_is_referred_to():
    for record in referred_to().values():
        with pytest.raises(DatabaseError), transaction.atomic():
            delete_by_raw_sql(record)


def delete_by_raw_sql(record: Record) -> None:
    with connection.cursor() as cursor:
        table = record._meta.db_table
        cursor.execute(f'DELETE FROM "{table}" WHERE id = %s', [record.pk])  # noqa: S608
    connection.check_constraints()  # as at the end of the transaction


def test_deleting_a_record_takes_its_citations_along_and_leaves_its_sources():
    cited, record = source(), event()
    citation(record, source=cited)
    record.delete()
    assert not Citation.objects.exists()
    cited.refresh_from_db()


@BY_WAY
@pytest.mark.parametrize("make", MAKERS)
def test_a_slug_is_borne_by_one_record(by, make):
    one, other = make(), make()
    assert_refused(by, other, slug=one.slug)
    assert "slug" in refusals(copy_of(other, slug=one.slug))


# Text


@pytest.mark.parametrize(
    ("model", "name"),
    [
        pytest.param(model, field.name, id=f"{model.__name__}.{field.name}")
        for model in OURS
        if issubclass(model, Record)
        for field in model._meta.fields
        if isinstance(field, (models.CharField, models.TextField)) and field.editable
    ],
)
def test_a_nul_is_refused_in_every_text_with_a_reason(model, name):
    one = citation(event(), source=source()) if model is Citation else of(model)
    before = getattr(one, name)
    setattr(one, name, f"{before}\0")
    assert refusals(one)[name] == ["No se admite el carácter nulo (NUL)."]
    with pytest.raises(ValidationError, match="NUL"):
        one.clean_fields()
    one.clean_fields(exclude=[name])


@pytest.mark.parametrize("character", ["\x07", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_a_control_character_is_refused_by_its_number(character):
    record = event()
    record.title, record.body = f"Uno{character}dos", f"<p>{character}</p>"
    refused = refusals(record)
    assert set(refused) == {"title", "body"}
    assert f"U+{ord(character):04X}" in refused["title"][0]


def test_vertical_tabs_and_form_feeds_become_spaces():
    record = event()
    record.title = "Uno\x0bdos\x0ctres"
    record.full_clean()
    assert record.title == "Uno dos tres"


def of(model: type[Record]) -> Record:
    return next(record for make in MAKERS if isinstance(record := make(), model))


@pytest.mark.parametrize("make", [source, event, statement, organization])
def test_a_title_of_ten_thousand_characters_is_refused_with_a_reason(make):
    name = "name" if make is organization else "title"
    record = copy_of(make(), **{name: "x" * 10_000})
    assert "Asegúrese de que este valor tenga" in refusals(record)[name][0]


@pytest.mark.parametrize(("make", "field"), [(organization, "website"), (source, "url")])
def test_only_an_address_that_runs_nothing_is_taken(make, field):
    said = "Escriba una dirección que empiece con https:// o http://."
    for address in (
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://example.org",
        "mailto:a@example.org",
        "//example.org",
        "example.org",
        "http://",
        "https://example.org\n",
        "https://exa mple.org",
    ):
        assert refusals(copy_of(make(), **{field: address})).get(field) == [said], address
    for address in ("", "https://example.org", "http://example.org/á?b=c#d", "https://ñandú.mx/"):
        assert refusals(copy_of(make(), **{field: address})) == {}, address


def test_what_is_made_for_these_tests_may_be_saved():
    for make in MAKERS:
        assert refusals(make()) == {}
    assert refusals(copy_of(event(), publish_at=LONG_AGO, unpublish_at=FAR_OFF)) == {}
