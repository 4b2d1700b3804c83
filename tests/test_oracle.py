"""The answers to «on D?» are those of an independent calculation, in both records."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from dates.edtf import parse
from dates.periods import RANKED
from organizations.as_of import members, representatives
from tests import oracle

FOLDERS = {
    "nucleo": Path(settings.BASE_DIR, "fixtures"),
    "red-abierta": Path(settings.BASE_DIR, "tests/red_abierta"),
}


def given(records: Any) -> dict[str, str]:
    return {record.slug: RANKED[record.rank].value for record in records}


@pytest.mark.parametrize(
    ("start", "end", "when", "expected"),
    [
        ("2011", "2013", "2012", "sí"),
        ("2011", "2013", "2010", "no"),
        ("2011", "2013", "2011", "en parte"),
        ("[2011-08..2015-02]", "[2017-05-23..]", "2013", "no determinable"),
        ("", "", "2013", "no determinable"),
        ("", "[..2012]", "2013", "no"),
    ],
)
def test_the_oracle_gives_each_of_the_four_answers(start, end, when, expected):
    assert oracle.answer(start, end, when) == expected


@pytest.mark.django_db
@pytest.mark.parametrize("coalition", FOLDERS)
def test_the_answers_of_the_record_are_those_of_the_oracle(coalition, settings):
    settings.COALITION = coalition
    call_command("load_record", folder=FOLDERS[coalition], verbosity=0)
    facts = oracle.facts(FOLDERS[coalition])
    memberships, terms = facts["memberships"], facts["representation_terms"]
    dates = [*oracle.dates(memberships + terms)]
    assert len(dates) > 30
    for when in dates:
        assert given(members(parse(when))) == oracle.of_organizations(memberships, when), when
        assert given(representatives(parse(when))) == oracle.answers(terms, when), when
