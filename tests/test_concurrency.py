"""Writes at the same moment: every rule holds, one of two rivals is refused, and no writer is
turned away because the database is busy. In threads, each with its own connection.
"""

import io
import time
from collections.abc import Callable
from functools import partial
from threading import Barrier, Event, Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction

from exchange.formats import read_dataset
from exchange.imports import Refused, preview_import, run_import
from exchange.models import Receipt
from freshness.models import Stamp
from freshness.stamp import present
from organizations.models import Organization, RepresentationTerm
from record.publishing import Record
from sources.models import Citation, Source
from tests.records import TEXT, citation, copy_of, event, organization, source, term
from timeline import models as timeline
from timeline.resources import EventResource

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("words")]

ROUNDS = 8
PATIENCE = 30


def at_once(*jobs: Callable[[], object]) -> list[Exception | None]:
    """Runs all jobs at the same moment. Returns what each of them raised, in order."""
    start, raised = Barrier(len(jobs)), [None] * len(jobs)

    def run(number: int, job: Callable[[], object]) -> None:
        try:
            start.wait(PATIENCE)
            job()
        except Exception as error:
            raised[number] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=each, daemon=True) for each in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "a writer waits forever"
    return raised


def assert_one_succeeds(*jobs: Callable[[], object]) -> None:
    raised = at_once(*jobs)
    assert raised.count(None) == 1
    assert {type(error) for error in raised if error} == {IntegrityError}


def overlapping(count: int) -> list[RepresentationTerm]:
    """Terms that are not saved; each overlaps all others, and each alone may be saved."""
    fields = {"organization": organization(), "role": "representative", "start": "2015"}
    terms = [RepresentationTerm(slug=f"t-{n}", end=f"{2017 + n}", **fields) for n in range(count)]
    for record in terms:
        record.full_clean()
    return terms


def slowly(save: Callable[[], None]) -> None:
    with transaction.atomic():
        save()
        time.sleep(0.05)


def change(pk: int, start: str, end: str) -> None:
    RepresentationTerm.objects.filter(pk=pk).update(start=start, end=end)


def test_of_overlapping_terms_saved_at_once_exactly_one_commits():
    for count in (2, 4) * (ROUNDS // 2):
        assert_one_succeeds(*(record.save for record in overlapping(count)))
        RepresentationTerm.objects.get().delete()
        # In transactions that go on for a while
        assert_one_succeeds(*(partial(slowly, record.save) for record in overlapping(count)))
        RepresentationTerm.objects.get().delete()


def test_of_terms_that_come_to_overlap_at_once_exactly_one_changes():
    changed, other, new = term(), term(), copy_of(term(), start="2015", end="2017")
    dated = RepresentationTerm.objects.exclude(start="")
    for _ in range(ROUNDS):
        assert_one_succeeds(
            partial(change, changed.pk, "2015", "2017"), partial(change, other.pk, "2016", "2018")
        )
        assert dated.count() == 1
        dated.update(start="", end="")
        # A new term and one that comes to overlap it
        assert_one_succeeds(new.save, partial(change, changed.pk, "2016", "2018"))
        assert dated.count() == 1
        RepresentationTerm.objects.filter(slug=new.slug).delete()
        dated.update(start="", end="")
        new.pk, new._state.adding = None, True


@pytest.mark.parametrize(
    ("here", "there", "number"),
    [
        ("2 2012 2013", "2 2014 2015", 1),  # one place with other dates
        ("2 2012 2015", "3 2014 2016", 1),  # different places that overlap
        ("2 2012 2013", "2 2012 2013", 2),  # joint
        ("- 2012 2014", "- 2012 2014", 2),
    ],
)
def test_at_once_as_one_by_one_a_place_is_shared_with_the_same_dates_only(here, there, number):
    for _ in range(ROUNDS):
        terms = []
        for place, start, end in (here.split(), there.split()):
            fields = {"order": int(place) if place != "-" else None, "start": start, "end": end}
            terms.append(copy_of(overlapping(1)[0], organization=organization(), **fields))
        raised = at_once(*(partial(slowly, record.save) for record in terms))
        assert [raised.count(None), RepresentationTerm.objects.count()] == [number] * 2
        assert {type(error) for error in raised if error} <= {IntegrityError}
        RepresentationTerm.objects.all().delete()


def test_of_overlapping_terms_imported_and_saved_at_once_exactly_one_commits():
    for _ in range(ROUNDS):
        (record,) = overlapping(1)
        row = f"importado,{record.organization.slug},representante,2016,2018"
        content = f"identificador,organizacion,papel,inicio,fin\n{row}\n".encode()
        outcomes: list[str] = []
        job = partial(import_rows, content, outcomes, "representacion")
        save_raised, import_raised = at_once(record.save, job)
        assert import_raised is None
        assert outcomes[0].startswith("nuevos: 0") == (save_raised is None)
        RepresentationTerm.objects.get().delete()


def test_terms_that_follow_each_other_are_saved_at_once():
    terms = [copy_of(term(), start=f"{year}", end=f"{year + 1}") for year in range(2011, 2015)]
    assert at_once(*(record.save for record in terms)) == [None] * 4


def test_citations_saved_at_once_are_numbered_by_their_words_and_get_slugs_of_their_own():
    words = ("decidieron sumarse", "anunció su salida", "respuesta alguna", "se convocó")
    for quotes, numbers in ((words, [1, 2, 3, 4]), (words[:1] * 4, [1] * 4)) * (ROUNDS // 2):
        cited, record = source(), event()
        # Each with its own copy of the source, as in requests of their own
        citations = [Citation(source_id=cited.pk, event=record, exact=exact) for exact in quotes]
        assert at_once(*(quoted.save for quoted in citations)) == [None] * 4
        assert sorted(cited.citations.values_list("number", flat=True)) == numbers
        assert len(set(cited.citations.values_list("slug", flat=True))) == 4


CORRECTED = TEXT.replace("decidieron sumarse", "decidieron unirse")


def raised_during_correction(pk: int, job: Callable[[], object]) -> Exception | None:
    """What `job` raises when it begins after the source's text is changed and before the commit."""
    changed = Event()

    def correct() -> None:
        with transaction.atomic():
            cited = Source.objects.get(pk=pk)
            cited.text = CORRECTED
            cited.requoted = {"decidieron sumarse": "decidieron unirse"}
            cited.save()
            changed.set()
            time.sleep(0.3)

    def wait() -> None:
        assert changed.wait(PATIENCE)
        job()

    correction_raised, raised = at_once(correct, wait)
    assert correction_raised is None
    return raised


def test_words_that_go_from_a_source_while_they_are_cited_are_refused():
    cited = source()
    quoted = Citation(source=cited, event=event(), exact="decidieron sumarse")
    quoted.full_clean(exclude=["slug"])
    assert isinstance(raised_during_correction(cited.pk, quoted.save), ValidationError)
    assert not Citation.objects.exists()


def test_a_source_saved_by_a_person_who_had_not_seen_its_correction_breaks_no_citation():
    cited = source()
    quoted = citation(event(), source=cited)
    stale = Source.objects.get(pk=cited.pk)
    stale.title = "Otro título"
    assert isinstance(raised_during_correction(cited.pk, stale.save), ValidationError)
    quoted.refresh_from_db()
    assert Source.objects.get(pk=cited.pk).passages.positions(quoted.exact) == [quoted.position]


def test_many_who_read_before_they_write_never_find_the_database_busy():
    key = event(title="0").pk

    def count_up() -> None:
        for _ in range(10):
            with transaction.atomic():
                record = timeline.Event.objects.select_for_update().get(pk=key)
                record.title = str(int(record.title) + 1)
                record.save()

    assert at_once(*[count_up] * 4) == [None] * 4
    assert timeline.Event.objects.get(pk=key).title == "40"


def test_a_record_deleted_while_it_is_referred_to_is_refused_to_one_of_the_two():
    for _ in range(ROUNDS):
        owner = organization()
        record = RepresentationTerm(slug="t", organization=owner, role="representative")
        owners = Organization.objects.filter(pk=owner.pk)
        raised = at_once(record.save, owners.get().delete)
        terms = RepresentationTerm.objects.filter(organization_id=owner.pk)
        assert terms.exists() == owners.exists()
        assert raised.count(None) == 1
        assert issubclass(type(next(filter(None, raised))), IntegrityError)
        terms.delete()


# Imports


def import_rows(content: bytes, outcomes: list[str], resource: str = "eventos") -> None:
    dataset = read_dataset(io.BytesIO(content), 10_000)
    try:
        outcomes.append(str(run_import(Receipt(resource=resource, file_name="x"), dataset)))
    except Refused as refused:
        outcomes.append(str(refused))


@pytest.fixture
def during_import(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[[], None]]:
    """Makes a job that begins when an import has read its records and has not written them. The
    import goes on after `pause`."""
    compared = Event()

    def job(action: Callable[[], object], pause: Callable[[], object]) -> Callable[[], None]:
        def check(self: EventResource, instance: Record) -> None:
            compared.set()
            pause()

        def wait() -> None:
            assert compared.wait(PATIENCE)
            action()

        monkeypatch.setattr(EventResource, "check", check)
        return wait

    return job


ROW = b"identificador,titulo,categoria\nuno,Importado,acuerdo\n"
half_a_second = partial(time.sleep, 0.5)


def test_an_edit_while_an_import_goes_on_waits_for_it_and_neither_is_lost(during_import):
    record = event(slug="uno", title="Antes", summary="Antes")
    stored = timeline.Event.objects.filter(pk=record.pk)
    edit = during_import(lambda: stored.update(summary="De otra mano"), half_a_second)
    content = b"identificador,titulo\nuno,Importado\n"
    assert at_once(partial(import_rows, content, []), edit) == [None, None]
    record.refresh_from_db()
    assert (record.title, record.summary) == ("Importado", "De otra mano")


def test_of_two_imports_of_one_file_at_once_the_second_changes_nothing():
    rows = ["identificador,titulo,categoria", *(f"e-{n},T,acuerdo" for n in range(300))]
    outcomes: list[str] = []
    job = partial(import_rows, "\n".join(rows).encode(), outcomes)
    assert at_once(job, job) == [None, None]
    assert sorted(outcomes) == [
        "nuevos: 0, modificados: 0, sin cambios: 300, errores: 0",
        "nuevos: 300, modificados: 0, sin cambios: 0, errores: 0",
    ]
    assert timeline.Event.objects.count() == timeline.Event.history.count() == 300


def test_a_record_made_while_an_import_goes_on_refuses_it_whole_and_says_so(during_import):
    rival = during_import(lambda: event(slug="uno", title="De otra mano"), half_a_second)
    outcomes: list[str] = []
    _, raised = at_once(partial(import_rows, ROW, outcomes), rival)
    number, title = (1, "De otra mano") if raised is None else (0, "Importado")
    assert outcomes == [f"nuevos: {1 - number}, modificados: 0, sin cambios: 0, errores: {number}"]
    assert timeline.Event.objects.get().title == title


def test_a_preview_keeps_nobody_from_writing(during_import):
    saved = Event()

    def edit() -> None:
        event(slug="otro")
        saved.set()

    def wait() -> None:
        assert saved.wait(PATIENCE)

    job = during_import(edit, wait)
    receipt = Receipt(resource="eventos", file_name="x", content=ROW)
    assert at_once(lambda: preview_import(receipt), job) == [None, None]


# The stamp of the public record


def test_a_change_of_the_record_waits_for_no_change_of_another_record():
    """No transaction keeps the stamp to itself."""
    if connection.vendor == "sqlite":  # there is one writer at a time, and so one stamp
        assert Stamp.objects.count() == 1
        return
    record, other = event(), event()
    with transaction.atomic():
        record.save()
        assert at_once(other.save) == [None]


def test_of_several_changes_made_at_once_each_shows():
    stamps = {present()}
    records = [event() for _ in range(4)]
    for _ in range(ROUNDS):
        assert at_once(*(record.save for record in records)) == [None] * 4
        assert present() not in stamps
        stamps.add(present())
