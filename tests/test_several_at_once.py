"""Mergers, returns, joint and interim terms, identifiers of organizations."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from dates.edtf import parse
from dates.periods import RANKED, Answer
from exchange.facts import Facts
from organizations.models import Membership, RepresentationTerm
from tests.conftest import Person
from tests.markup import words
from tests.records import membership, organization, refusals, term
from tests.sheets import csv_of, dry_run
from tests.staff import address_of, problems, save
from tests.test_import_export import imported

pytestmark = pytest.mark.django_db
MERGED = "2014-05-23"


def named(name: str, **fields: Any) -> Membership:
    return membership(organization=organization(name=name, slug=name.lower()), **fields)


@pytest.fixture
def merger() -> list[Membership]:
    """Alfa and Beta, which Gama replaces on the day on which they end."""
    before = [named(name, start="2012", end=MERGED) for name in ("Alfa", "Beta")]
    replaced = [m.organization for m in before]
    return [*before, named("Gama", start=MERGED, end="[2016..]", replaces=replaced)]


def test_both_pages_and_the_list_say_that_one_replaced_several(merger, visitor):
    pages = [words(visitor.get(m.organization.get_absolute_url())) for m in merger]
    assert "Sustituyó a Alfa y Beta, el 23 de mayo de 2014." in pages[2]
    for page in pages[:2]:
        assert "La sustituyó Gama, el 23 de mayo de 2014." in page
    page = words(visitor.get("/organizaciones/"))
    assert "en lugar de Alfa y Beta" in page
    assert page.count("en su lugar, Gama") == 2


@pytest.mark.parametrize(
    ("on", "answers"),
    [
        (MERGED, {"Alfa": Answer.NO, "Beta": Answer.NO, "Gama": Answer.YES}),
        ("2014-05-22", {"Alfa": Answer.YES, "Beta": Answer.YES, "Gama": Answer.NO}),
        ("2014", dict.fromkeys(("Alfa", "Beta", "Gama"), Answer.PARTLY)),
    ],
)
def test_on_the_day_of_a_merger_only_the_successor_is_a_member(merger, on, answers, visitor):
    memberships = Membership.objects.visible_to(None).on(parse(on))
    assert {str(m.organization): RANKED[m.rank] for m in memberships} == answers
    page = words(visitor.get(f"/al/{on}/"))
    assert ("Ese día las sustituyó Gama." in page) is (on == MERGED)


def test_a_circle_of_replacements_is_refused_with_its_chain(merger):
    alfa, _beta, gama = merger
    alfa.replaces.add(gama.organization)
    alfa.replaced = [gama.organization]
    assert refusals(alfa) == {
        "replaces": ["Se sustituyen en círculo: Alfa sustituye a Gama, Gama sustituye a Alfa. "
                     "Quite una de ellas."]
    }  # fmt: skip


def test_a_member_that_lasted_after_its_successor_began_is_refused(merger):
    alfa, _beta, gama = merger
    alfa.end = "[2015..]"
    assert [*refusals(alfa)] == ["end"]
    alfa.save()
    gama = Membership.objects.get(pk=gama.pk)
    assert "«Gama», que la sustituye, empezó antes de ese fin" in refusals(gama)["replaces"][0]


def test_an_import_refuses_what_a_form_refuses_and_stores_nothing(merger):
    header = "identificador,sustituye_a"
    errors = dry_run("membresias", csv_of(header, f"{merger[0].slug},gama")).errors
    assert "Se sustituyen en círculo" in str(errors[0])
    imported("membresias", csv_of(header, f"{merger[2].slug},beta"))
    assert [str(o) for o in merger[2].replaces.all()] == ["Beta"]


def test_a_member_that_returned_is_counted_once(visitor):
    first = named("Alfa", start="2011", end="2013")
    left = named("Gama", start="2011", end="2015-02")
    membership(organization=left.organization, start="2015-10", end="2018")
    page = words(visitor.get("/al/2015/"))
    assert re.search("en parte 1 Gama .*no 1 Alfa", page)
    assert "Gama volvió a ser integrante" in page
    assert "no 2 Alfa" in words(visitor.get("/al/2020/"))
    left.organization.memberships.all().delete()
    membership(organization=first.organization, start="2015", end="[2016..]")
    named("Beta", start="2011", end="2013")
    page = words(visitor.get("/organizaciones/"))
    assert "Una integrante, una anterior" in page
    assert "volvió a ser integrante" in page
    assert "Volvió a ser integrante." in words(visitor.get("/organizaciones/alfa/"))


JOINT = {"order": 2, "start": "2015", "end": "[2016..]"}


@pytest.fixture
def joint() -> list[RepresentationTerm]:
    names = ("Alfa", "Beta")
    return [term(slug=n.lower(), organization=organization(name=n), **JOINT) for n in names]


def test_joint_and_interim_terms_are_said_on_each_page(joint, visitor):
    term(organization=organization(name="Gama"), order=1, start="2014", end="2014", interim=True)
    address = joint[0].organization.get_absolute_url()
    for page in (address, "/representacion/", "/al/2015/"):
        assert "Junto con Beta." in words(visitor.get(page)), page
    assert "Alfa y Beta, juntas" in words(visitor.get("/"))
    for page in ("/representacion/", "/al/2014/"):
        assert "De manera interina." in words(visitor.get(page)), page
    rows = visitor.get("/representacion/").context["rotation_chart"].rows
    drawn = [row.name.removeprefix("[ sin cita todavía ] ") for row in rows]
    assert drawn == ["1.º Gama (interina)", "2.º Alfa y Beta"]


@pytest.mark.parametrize("changes", [{"start": "2015-02"}, {"end": "2016"}, {"order": 3}])
def test_a_place_is_shared_with_the_same_dates_only(joint, changes):
    other = partial(term, organization=organization(name="Gama"))
    with pytest.raises(DatabaseError), transaction.atomic():
        other(**JOINT | changes)
    new = RepresentationTerm(
        slug="x", role="representative", organization=organization(), **JOINT | changes
    )
    problems = [problem for group in refusals(new).values() for problem in group]
    assert len(problems) == 1
    assert "«2.º representante: Alfa»" in problems[0]
    other(**JOINT)


def test_the_dates_of_joint_terms_change_together_in_an_import(joint):
    imported("representacion", csv_of("identificador,inicio", "alfa,2014", "beta,2014"))
    assert {*RepresentationTerm.objects.values_list("start", "order")} == {("2014", 2)}
    assert dry_run("representacion", csv_of("identificador,inicio", "alfa,2013")).errors


def test_identifiers_are_read_shown_linked_and_found(visitor, publisher: Person):
    lines = "https://www.wikidata.org/wiki/q42\ncluni:abc0102030901d\nROR: 03YRM5C26\nhttps://opencorporates.com/companies/mx/12/"
    known = organization(name="Alfa", identifiers=lines)
    assert refusals(known) == {}
    known.save()
    assert (
        known.identifiers
        == "wikidata:Q42\ncluni:ABC0102030901D\nror:03yrm5c26\nopencorporates:mx/12"
    )
    page = visitor.get(known.get_absolute_url())
    assert '<a href="https://ror.org/03yrm5c26"' in page.text
    assert '"propertyID":"Wikidata","value":"Q42"' in page.text
    assert "Alfa" in words(visitor.get("/buscar/", {"q": "03yrm5c26"}))
    for line, problem in (
        ("isni:1", "«wikidata:Q42»"),
        ("ror:x", "«x» no es un identificador"),
        ("ror:03yrm5c27", "«03yrm5c27»"),
        ("cluni:ABCD010203090", "CLUNI"),
    ):
        known.identifiers = line
        assert problem in refusals(known)["identifiers"][0]


def test_the_form_of_a_joint_term_changes_the_dates_of_both_if_asked(joint, publisher):
    address = address_of("change", joint[0])
    refused = save(publisher, address, start="2014")
    assert "«2.º representante: Beta»" in problems(refused)
    assert save(publisher, address, start="2014", moves_partners="on").status_code == 302
    row = {"terms-0-start": "2013", "terms-0-order": "1"}
    refused = save(publisher, address_of("change", joint[0].organization), **row)
    assert "Comparte el lugar con Beta" in problems(refused)
    assert "en su propia página" in problems(refused)
    stored = RepresentationTerm.objects.order_by("slug")
    assert [(t.start, t.order, t.history.count()) for t in stored] == [("2014", 2, 2)] * 2


def test_fixtures_refuse_a_circle_of_replacements():
    facts = Facts(Path(), {"publish_at": "2026-01-01T00:00:00Z"} | {
        "organizations": [{"slug": slug, "name": slug} for slug in "ab"],
        "memberships": [
            {"slug": own, "organization": own, "replaces": [other]} for own, other in ("ab", "ba")
        ],
    })  # fmt: skip
    facts.read()
    assert "memberships 'a': Se sustituyen en círculo: a sustituye a b, b sustituye a a." in (
        " ".join(facts.problems)
    )
