"""Eight people save one record at the same moment, again and again: each is saved or is shown the
others' change; no edit is lost and nobody is told that the database is busy."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from organizations.models import RepresentationTerm
from sources.models import Source
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
BUSY = re.compile("locked|deadlock", re.I)


@pytest.fixture
def writers(db: None) -> list[Person]:
    names = [f"persona-{n}" for n in range(WRITERS)]
    return [
        Person(User.objects.create_superuser(name, password="only for tests")) for name in names
    ]


def at_once_saved(writers: list[Person], address: str, filled: list[dict[str, Any]]) -> list[Any]:
    """The answers to forms that all of them opened before any was saved."""
    opened = [
        written(person.get(address)) | one for person, one in zip(writers, filled, strict=True)
    ]
    answers: list[Any] = [None] * len(writers)

    def post(n: int) -> None:
        answers[n] = writers[n].post(address, opened[n])

    assert at_once(*(lambda n=n: post(n) for n in range(len(writers)))) == [None] * len(writers)
    assert not any(BUSY.search(answer.text) for answer in answers)
    return answers


def one_record(writers: list[Person], rounds: int) -> None:
    event = draft()
    address = address_of("change", event)
    for number in range(rounds):
        before = event.history.count()
        texts = [f"Ronda {number}, de {person.user}" for person in writers]
        answers = at_once_saved(writers, address, [{"summary": text} for text in texts])
        codes = sorted(answer.status_code for answer in answers)
        assert codes == [302] + [409] * (WRITERS - 1)
        for answer, text in zip(answers, texts, strict=True):
            assert answer.status_code == 302 or text in answer.text
        assert event.history.count() == before + 1
        _until_all_are_saved(writers, event, answers, before)
        saved = event.history.order_by("history_id")[before:]
        assert sorted(version.summary for version in saved) == texts


def _until_all_are_saved(
    writers: list[Person], event: Event, answers: list[Any], before: int
) -> None:
    """Each of the others decides for their own, at the same moment, until it is in."""
    waiting = {n: answer for n, answer in enumerate(answers) if answer.status_code == 409}
    for _ in range(WRITERS):
        jobs = dict(waiting)

        def take(n: int, jobs: dict[int, Any] = jobs) -> None:
            jobs[n] = decide(writers[n], event, jobs[n])

        assert at_once(*(lambda n=n: take(n) for n in waiting)) == [None] * len(waiting)
        waiting = {n: answer for n, answer in jobs.items() if answer.status_code == 409}
        if not waiting:
            break
    assert event.history.count() == before + WRITERS


def one_place(writers: list[Person], rounds: int) -> None:
    """Terms that all overlap: one of them is saved, the others are told why not."""
    organization = records.organization(publish_at=None)
    for number in range(rounds):
        filled = [
            {"organization": organization.pk, "role": "representative", "start": "2015",
             "end": f"{2017 + n}", "slug": f"periodo-{number}-{n}"}
            for n in range(WRITERS)
        ]  # fmt: skip
        answers = at_once_saved(writers, address_of("add", RepresentationTerm), filled)
        assert RepresentationTerm.objects.count() == 1
        assert sum(answer.status_code == 302 for answer in answers) == 1
        told = [a for a in answers if a.status_code != 302]
        assert all("Se traslapa" in a.text or "alguien guardó al mismo" in a.text for a in told)
        RepresentationTerm.objects.all().delete()


def row_and_record(writers: list[Person], rounds: int) -> None:
    """A citation on its record's form and alone: one of two is saved, the other is asked."""
    source = records.source(publish_at=None)
    event = draft()
    citation = records.citation(event, source=source)
    words = ["decidieron sumarse", "se convocó a cuatro organizaciones", "anunció su salida"]
    for number in range(rounds):
        now = type(citation).objects.get(pk=citation.pk).exact
        mine, theirs = (word for word in words if word != now)
        forms = [(address_of("change", event), {"citations-0-exact": mine}),
                 (address_of("change", citation), {"exact": theirs})]  # fmt: skip
        opened = [written(w.get(a)) | f for w, (a, f) in zip(writers, forms, strict=False)]
        answers: list[Any] = [None, None]

        def post(n: int, forms: Any = forms, opened: Any = opened, answers: Any = answers) -> None:
            answers[n] = writers[n].post(forms[n][0], opened[n])

        assert at_once(lambda: post(0), lambda: post(1)) == [None, None]
        assert sorted(answer.status_code for answer in answers) == [302, 409], number
        exact = type(citation).objects.get(pk=citation.pk).exact
        assert exact == (mine if answers[0].status_code == 302 else theirs)


def test_of_eight_who_save_one_record_at_once_each_is_saved_or_asked(
    writers: list[Person],
) -> None:
    one_record(writers, rounds=2)


def test_of_eight_who_want_one_place_at_once_one_gets_it(writers: list[Person]) -> None:
    one_place(writers, rounds=2)


def test_a_citation_saved_on_its_record_and_alone_at_once_is_saved_once(
    writers: list[Person],
) -> None:
    row_and_record(writers, rounds=4)
    assert Source.objects.count() == 1


@pytest.mark.hard
def test_eight_writers_lose_nothing_in_twenty_rounds(writers: list[Person]) -> None:
    one_record(writers, rounds=20)


@pytest.mark.hard
def test_eight_writers_overlap_in_none_of_twenty_rounds(writers: list[Person]) -> None:
    one_place(writers, rounds=20)


@pytest.mark.hard
def test_rows_and_records_lose_nothing_in_twenty_rounds(writers: list[Person]) -> None:
    row_and_record(writers, rounds=20)
