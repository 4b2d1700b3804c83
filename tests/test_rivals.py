"""Eight people save one record at the same moment, again and again: each is saved or is shown the
change of the others; no edit is lost, and nobody reads that the database is busy."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from organizations.models import RepresentationTerm
from tests import records
from tests.conftest import Person
from tests.staff import address_of, draft, written
from tests.test_concurrency import at_once
from tests.test_conflicts import decide
from timeline.models import Event

pytestmark = [
    pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("forms_check_one_by_one"),
]  # fmt: skip
WRITERS = 8
ROUNDS = pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.hard)])
BUSY = re.compile("locked|deadlock", re.I)
Form = tuple[str, dict[str, Any]]


@pytest.fixture
def writers(db: None) -> list[Person]:
    names = [f"persona-{n}" for n in range(WRITERS)]
    return [
        Person(User.objects.create_superuser(name, password="only for tests")) for name in names
    ]


def answers_of(numbers: Any, ask: Callable[[int], Any]) -> dict[int, Any]:
    """The answers to requests that are sent at the same moment."""
    answers: dict[int, Any] = {}

    def send(number: int) -> None:
        answers[number] = ask(number)

    jobs = [lambda number=number: send(number) for number in numbers]
    assert at_once(*jobs) == [None] * len(jobs)
    assert not any(BUSY.search(answer.text) for answer in answers.values())
    return answers


def at_once_saved(writers: list[Person], forms: list[Form]) -> list[Any]:
    """The answers to forms all of which were opened before any was saved."""
    opened = [
        written(person.get(address)) | values
        for person, (address, values) in zip(writers, forms, strict=False)
    ]
    answers = answers_of(range(len(forms)), lambda n: writers[n].post(forms[n][0], opened[n]))
    return [answers[n] for n in range(len(forms))]


@ROUNDS
def test_of_eight_who_save_one_record_at_once_each_is_saved_or_asked(writers, rounds):
    event = draft()
    address = address_of("change", event)
    for number in range(rounds):
        before = event.history.count()
        texts = [f"Ronda {number}, de {person.user}" for person in writers]
        answers = at_once_saved(writers, [(address, {"summary": text}) for text in texts])
        assert sorted(answer.status_code for answer in answers) == [302] + [409] * (WRITERS - 1)
        for answer, text in zip(answers, texts, strict=True):
            assert answer.status_code == 302 or text in answer.text
        assert event.history.count() == before + 1
        _decide_until_all_are_saved(writers, event, answers)
        saved = event.history.order_by("history_id")[before:]
        assert sorted(version.summary for version in saved) == texts


def _decide_until_all_are_saved(writers: list[Person], event: Event, answers: list[Any]) -> None:
    """The others decide for their own text, at the same moment."""
    waiting = {n: answer for n, answer in enumerate(answers) if answer.status_code == 409}
    for _ in range(WRITERS):
        if not waiting:
            return
        answered = answers_of(waiting, lambda n, pages=waiting: decide(writers[n], event, pages[n]))
        waiting = {n: answer for n, answer in answered.items() if answer.status_code == 409}
    assert not waiting


@ROUNDS
def test_of_eight_who_want_one_place_at_once_one_gets_it(writers, rounds):
    organization = records.organization(publish_at=None)
    address = address_of("add", RepresentationTerm)
    for number in range(rounds):
        terms = [
            {"organization": organization.pk, "role": "representative", "start": "2015",
             "end": f"{2017 + n}", "slug": f"periodo-{number}-{n}"}
            for n in range(WRITERS)
        ]  # fmt: skip
        answers = at_once_saved(writers, [(address, term) for term in terms])
        assert RepresentationTerm.objects.count() == 1
        refused = [answer.text for answer in answers if answer.status_code != 302]
        assert len(refused) == WRITERS - 1
        assert all("Se traslapa" in text or "alguien guardó al mismo" in text for text in refused)
        RepresentationTerm.objects.all().delete()


@ROUNDS
def test_a_citation_saved_on_its_record_and_alone_at_once_is_saved_once(writers, rounds):
    event = draft()
    citation = records.citation(event, source=records.source(publish_at=None))
    words = ["decidieron sumarse", "se convocó a cuatro organizaciones", "anunció su salida"]
    for number in range(rounds):
        citation.refresh_from_db()
        first, second = (word for word in words if word != citation.exact)
        answers = at_once_saved(
            writers,
            [
                (address_of("change", event), {"citations-0-exact": first}),
                (address_of("change", citation), {"exact": second}),
            ],
        )
        assert sorted(answer.status_code for answer in answers) == [302, 409], number
        citation.refresh_from_db()
        assert citation.exact == (first if answers[0].status_code == 302 else second)
