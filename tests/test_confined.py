"""A child process reads the files of strangers: it has little memory and time, and no secrets."""

import resource
import time
from contextlib import suppress
from itertools import pairwise
from threading import Thread, Timer

import pytest

from exchange.formats import UPLOADS
from record import confined
from record.confined import MOST_CHILDREN, Reader, UnreadableFile
from tests.readers import TARGET
from tests.sheets import csv_of

ADVICE = "Guárdelo de otro modo."


def reader(name: str, seconds: int = 1) -> Reader:
    return Reader(f"tests.readers.{name}", 300 << 20, seconds, ADVICE)


def test_a_reader_gets_the_file_and_its_options_and_no_secrets():
    values = reader("echo").read("é".encode(), text="\ud800 «ñ»")
    assert list(values) == [["é", "\ud800 «ñ»"], {"secrets": []}]


@pytest.mark.parametrize("name", ["endless", "asleep", "large"])
def test_a_file_that_takes_too_much_time_or_memory_is_refused(name):
    started = time.monotonic()
    with pytest.raises(UnreadableFile, match=f"más memoria o más tiempo.* {ADVICE}"):
        list(reader(name).read(b"x" * 1_000_000))
    assert time.monotonic() - started < 5


def test_the_time_of_the_processor_has_a_limit_of_its_own(monkeypatch):
    monkeypatch.setattr(confined, "Timer", lambda _seconds, kill: Timer(30, kill))
    started = time.monotonic()
    with pytest.raises(UnreadableFile):
        list(reader("endless").read(b""))
    assert time.monotonic() - started < 20


def test_a_reader_refuses_a_file_in_its_own_words():
    values = reader("refusing").read(b"")
    assert next(values) == 1
    with pytest.raises(UnreadableFile, match=r"^No es así. ¿Se cortó\?$"):
        next(values)


@pytest.mark.parametrize("name", ["broken", "writing"])
def test_a_fault_of_a_reader_is_logged_briefly_and_answered(name, caplog):
    TARGET.unlink(missing_ok=True)  # of an earlier run
    with pytest.raises(UnreadableFile, match=f"^No se pudo leer. {ADVICE}$"):
        list(reader(name).read(b""))
    (record,) = caplog.records
    assert len(record.getMessage()) < 3000
    assert not TARGET.exists() or not TARGET.read_bytes()
    TARGET.unlink(missing_ok=True)


def test_few_files_are_read_at_a_time_and_the_next_waits_for_its_turn():
    values = [reader("refusing").read(b"") for _ in range(MOST_CHILDREN)]
    assert [next(value) for value in values] == [1] * MOST_CHILDREN
    with pytest.raises(UnreadableFile, match="Espere un minuto"):
        next(reader("echo").read(b"", text=""))
    for value in values:
        value.close()
    assert len(list(reader("echo").read(b"", text=""))) == 2


def test_a_child_costs_little_time():
    """About 0.1 s of the processor; a busy machine takes longer by the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    values = UPLOADS.read(csv_of("a", "1"), max_rows=9, max_characters=9, encoding="utf-8")
    assert list(values) == [",", ["a"], [2, ["1"]]]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_other_threads_go_on_while_a_file_is_read():
    ticks = []

    def read() -> None:
        with suppress(UnreadableFile):
            list(reader("endless").read(b""))

    thread = Thread(target=read)
    thread.start()
    while thread.is_alive():
        ticks.append(time.monotonic())
        time.sleep(0.01)
    assert max(b - a for a, b in pairwise(ticks)) < 0.5
