"""What happens at the same moment: every rule holds, one of two rivals is told so, and nobody is
turned away because the database is busy. In threads, each with a connection of its own.
"""

import io
import time
from collections.abc import Callable
from threading import Barrier, Event, Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction

from exchange.imports import Refused, make, preview
from exchange.models import Receipt
from exchange.tables import read_dataset
from freshness.models import Stamp
from freshness.stamp import present
from organizations.models import RepresentationTerm
from record.publishing import Record
from sources.models import Citation, Source
from tests.records import TEXT, copy_of, event, organization, source, term
from timeline import models as timeline
from timeline.resources import EventResource

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 8
PATIENCE = 30


def at_once(*jobs: Callable[[], object]) -> list[Exception | None]:
    """Runs all jobs at the same moment; what each of them raised, in order."""
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
        assert not thread.is_alive(), "a writer waits for ever"
    return raised


def kinds(raised: list[Exception | None]) -> list[str]:
    return sorted(type(error).__name__ for error in raised)


def overlapping(count: int) -> list[RepresentationTerm]:
    """Terms not saved yet, each of which overlaps all others, and each of which may be saved."""
    whose = organization()
    terms = [
        RepresentationTerm(
            slug=f"t-{n}",
            organization=whose,
            role="representative",
            start="2015",
            end=f"{2017 + n}",
        )
        for n in range(count)
    ]
    for one in terms:
        one.full_clean()
    return terms


@pytest.mark.parametrize("count", [2, 4])
def test_of_overlapping_terms_saved_at_once_exactly_one_commits(count):
    for _ in range(ROUNDS):
        raised = at_once(*(one.save for one in overlapping(count)))
        assert kinds(raised) == ["IntegrityError"] * (count - 1) + ["NoneType"]
        RepresentationTerm.objects.get().delete()


def test_of_overlapping_terms_in_long_transactions_exactly_one_commits():
    def slowly(one: RepresentationTerm) -> None:
        with transaction.atomic():
            one.save()
            time.sleep(0.05)

    for _ in range(ROUNDS):
        raised = at_once(*(lambda one=one: slowly(one) for one in overlapping(2)))
        assert kinds(raised) == ["IntegrityError", "NoneType"]
        RepresentationTerm.objects.get().delete()


def test_of_terms_that_come_to_overlap_at_once_exactly_one_changes():
    a, b = term(), term()
    for _ in range(ROUNDS):
        RepresentationTerm.objects.update(start="", end="")
        raised = at_once(
            *(
                lambda pk=one.pk: RepresentationTerm.objects.filter(pk=pk).update(
                    start="2015", end="2017"
                )
                for one in (a, b)
            )
        )
        assert kinds(raised) == ["IntegrityError", "NoneType"]
        assert RepresentationTerm.objects.filter(start="2015").count() == 1


def test_of_a_new_term_and_one_that_comes_to_overlap_it_at_once_exactly_one_commits():
    old, new = term(), copy_of(term(), start="2015", end="2017")

    def change() -> None:
        RepresentationTerm.objects.filter(pk=old.pk).update(start="2016", end="2018")

    for _ in range(ROUNDS):
        raised = at_once(new.save, change)
        assert kinds(raised) == ["IntegrityError", "NoneType"]
        assert RepresentationTerm.objects.exclude(start="").count() == 1
        RepresentationTerm.objects.filter(slug=new.slug).delete()
        RepresentationTerm.objects.update(start="", end="")
        new.pk, new._state.adding = None, True


def test_of_overlapping_terms_imported_and_saved_at_once_exactly_one_commits():
    for _ in range(ROUNDS):
        (one,) = overlapping(1)
        row = f"importado,{one.organization.slug},representante,2016,2018"
        content = f"identificador,organizacion,papel,inicio,fin\n{row}\n".encode()
        told: list[str] = []
        raised = at_once(
            one.save,
            lambda content=content, told=told: told.append(importing(content, "representacion")),
        )
        refused = told[0].startswith("nuevos: 0")
        assert raised[1] is None
        assert refused == (raised[0] is None)
        RepresentationTerm.objects.get().delete()


def test_of_two_terms_for_one_place_saved_at_once_exactly_one_commits():
    terms = [copy_of(term(), order=1) for _ in "ab"]
    raised = at_once(*(one.save for one in terms))
    assert kinds(raised) == ["IntegrityError", "NoneType"]


def test_terms_that_follow_each_other_are_saved_at_once():
    terms = [copy_of(term(), start=f"{year}", end=f"{year + 1}") for year in range(2011, 2015)]
    assert at_once(*(one.save for one in terms)) == [None] * 4


def cite(words: str, number: int, cited: int, record: int) -> None:
    one = Citation(source_id=cited, event_id=record, exact=words, slug=f"cita-{number}")
    one.save()


def test_citations_of_different_words_saved_at_once_get_different_numbers():
    words = ("decidieron sumarse", "anunció su salida", "respuesta alguna", "se convocó")
    for _ in range(ROUNDS):
        cited, record = source().pk, event().pk
        jobs = [
            lambda n=n, each=each, cited=cited, record=record: cite(each, n, cited, record)
            for n, each in enumerate(words)
        ]
        assert at_once(*jobs) == [None] * 4
        numbers = Citation.objects.filter(source=cited).values_list("number", flat=True)
        assert sorted(numbers) == [1, 2, 3, 4]
        Citation.objects.all().delete()


def test_citations_of_the_same_words_saved_at_once_get_one_number_and_slugs_of_their_own():
    for _ in range(ROUNDS):
        cited, record = source(), event()
        ones = [Citation(source=cited, event=record, exact="anunció su salida") for _ in "abcd"]
        assert at_once(*(one.save for one in ones)) == [None] * 4
        assert set(cited.citations.values_list("number", flat=True)) == {1}
        assert len(set(cited.citations.values_list("slug", flat=True))) == 4


def corrected_meanwhile(pk: int, text: str, meanwhile: Callable[[], object]) -> Exception | None:
    """What `meanwhile` raised, begun when the source's text was changed but not yet committed."""
    changed = Event()

    def correct() -> None:
        with transaction.atomic():
            one = Source.objects.get(pk=pk)
            one.text = text
            one.requoted = {"decidieron sumarse": "decidieron unirse"}
            one.save()
            changed.set()
            time.sleep(0.3)

    def wait() -> None:
        assert changed.wait(PATIENCE)
        meanwhile()

    failed, raised = at_once(correct, wait)
    assert failed is None
    return raised


CORRECTED = TEXT.replace("decidieron sumarse", "decidieron unirse")


def test_words_that_go_from_a_source_while_they_are_cited_are_refused():
    cited, record = source(), event()
    one = Citation(source=cited, event=record, exact="decidieron sumarse")
    one.full_clean(exclude=["slug"])
    raised = corrected_meanwhile(cited.pk, CORRECTED, one.save)
    assert isinstance(raised, ValidationError)
    assert not Citation.objects.exists()


def test_a_source_saved_by_one_who_had_not_seen_its_correction_breaks_no_citation():
    cited = source()
    one = Citation(source=cited, event=event(), exact="decidieron sumarse")
    one.save()
    stale = Source.objects.get(pk=cited.pk)
    stale.title = "Otro título"
    raised = corrected_meanwhile(cited.pk, CORRECTED, stale.save)
    assert isinstance(raised, ValidationError)
    one.refresh_from_db()
    assert Source.objects.get(pk=cited.pk).passages.positions(one.exact) == [one.position]


def test_many_who_read_before_they_write_never_find_the_database_busy():
    key = event(title="0").pk

    def count_up() -> None:
        for _ in range(10):
            with transaction.atomic():
                one = timeline.Event.objects.select_for_update().get(pk=key)
                one.title = str(int(one.title) + 1)
                one.save()

    assert at_once(*[count_up] * 4) == [None] * 4
    assert timeline.Event.objects.get(pk=key).title == "40"


def test_a_record_deleted_while_it_is_referred_to_is_refused_to_one_of_the_two():
    for _ in range(ROUNDS):
        whose = organization()
        one = RepresentationTerm(slug="t", organization=whose, role="representative")
        raised = at_once(one.save, type(whose).objects.get(pk=whose.pk).delete)
        terms = RepresentationTerm.objects.filter(organization_id=whose.pk)
        assert terms.exists() == type(whose).objects.filter(pk=whose.pk).exists()
        assert raised.count(None) == 1
        assert issubclass(type(next(filter(None, raised))), IntegrityError)
        terms.delete()


def importing(content: bytes, resource: str = "eventos") -> str:
    """How an import ended."""
    dataset = read_dataset(io.BytesIO(content), 10_000)
    try:
        return str(make(Receipt(resource=resource, file_name="x"), dataset))
    except Refused as refused:
        return str(refused)


def test_an_edit_while_an_import_goes_on_waits_for_it_and_neither_is_lost(monkeypatch):
    record, compared = event(slug="uno", title="Antes", summary="Antes"), Event()

    def check(self: EventResource, instance: Record) -> None:
        compared.set()  # the import has read the record, and has not written it yet
        time.sleep(0.5)

    def edit() -> None:
        assert compared.wait(PATIENCE)
        with transaction.atomic():
            timeline.Event.objects.filter(pk=record.pk).update(summary="De otra mano")

    monkeypatch.setattr(EventResource, "check", check)
    content = b"identificador,titulo\nuno,Importado\n"
    assert at_once(lambda: importing(content), edit) == [None, None]
    record.refresh_from_db()
    assert (record.title, record.summary) == ("Importado", "De otra mano")


def test_of_two_imports_of_one_file_at_once_the_second_finds_nothing_to_do():
    content = "\n".join(
        ["identificador,titulo,categoria", *(f"e-{n},T,acuerdo" for n in range(1500))]
    ).encode()
    told = []
    assert at_once(*[lambda: told.append(importing(content))] * 2) == [None, None]
    assert sorted(told) == [
        "nuevos: 0, modificados: 0, sin cambios: 1500, errores: 0",
        "nuevos: 1500, modificados: 0, sin cambios: 0, errores: 0",
    ]
    assert timeline.Event.objects.count() == timeline.Event.history.count() == 1500


def test_a_record_made_while_an_import_goes_on_refuses_it_whole_and_says_so(monkeypatch):
    compared = Event()

    def check(self: EventResource, instance: Record) -> None:
        compared.set()
        time.sleep(0.5)

    def rival() -> None:
        assert compared.wait(PATIENCE)
        event(slug="uno", title="De otra mano")

    monkeypatch.setattr(EventResource, "check", check)
    told = []
    content = b"identificador,titulo,categoria\nuno,Importado,acuerdo\n"
    raised = at_once(lambda: told.append(importing(content)), rival)
    done = {"nuevos: 1, modificados: 0, sin cambios: 0, errores: 0": "Importado",
            "nuevos: 0, modificados: 0, sin cambios: 0, errores: 1": "De otra mano"}  # fmt: skip
    assert timeline.Event.objects.get().title == done[told[0]]
    assert (told[0][8] == "1") == (raised[1] is not None)


def test_a_preview_keeps_nobody_from_writing(monkeypatch):
    reading, saved = Event(), Event()

    def check(self: EventResource, instance: Record) -> None:
        reading.set()
        assert saved.wait(PATIENCE)

    def edit() -> None:
        assert reading.wait(PATIENCE)
        event(slug="otro")
        saved.set()

    monkeypatch.setattr(EventResource, "check", check)
    content = b"identificador,titulo,categoria\nuno,Importado,acuerdo\n"
    receipt = Receipt(resource="eventos", file_name="x", content=content)
    assert at_once(lambda: preview(receipt), edit) == [None, None]


def test_who_changes_the_record_waits_for_nobody_who_is_changing_something_else():
    """The stamp of what is public is nobody's to hold."""
    if connection.vendor == "sqlite":  # there is one writer at a time, and so one stamp
        assert Stamp.objects.count() == 1
        return
    one, other = event(), event()
    with transaction.atomic():
        one.save()
        assert at_once(other.save) == [None]


def test_of_several_changes_made_at_once_each_shows():
    before = {present()}
    records = [event() for _ in range(4)]
    for _ in range(ROUNDS):
        assert at_once(*(one.save for one in records)) == [None] * 4
        assert present() not in before
        before.add(present())
