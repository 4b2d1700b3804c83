"""What `make bench` is made of works, whatever the figures are: nothing here is timed."""

import importlib
import re
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BENCHES = re.search(r"^BENCH \?= (.*)$", MAKEFILE, re.MULTILINE)[1].split()


@pytest.fixture(autouse=True)
def own_path(monkeypatch):
    """The benches, which are programs, change it."""
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])


@pytest.fixture
def hello():
    from bench import serving
    from bench.rounds import Page

    environment = serving.settings("sqlite://:memory:")
    with serving.granian(serving.HELLO, environment) as port:
        yield Page(port, "/", holds=b"hello")


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_of_make_is_a_program_that_readme_knows(name):
    assert importlib.import_module(f"bench.{name}").main
    assert f"| `{name}` |" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_bare_django_says_hello(hello):
    response, body = hello.answer()
    assert (response.status, body) == (200, b"hello")
    assert response.getheader("X-Frame-Options") == "DENY"  # its middleware is there


@pytest.mark.parametrize("wrong", [{"status": 304}, {"holds": b"goodbye"}, {"path": "/no"}])
def test_a_page_that_answers_something_else_is_no_figure(hello, wrong):
    from dataclasses import replace

    from bench.rounds import WrongAnswerError

    with pytest.raises(WrongAnswerError):
        replace(hello, **wrong).answer()


def loaded(monkeypatch, page, mean, failed=0):
    """As if wrk had counted answers of so many bytes each."""
    from bench import rounds

    counted = {"requests": 1000, "seconds": 2.0, "bytes": 1000 * mean, "failed": failed}
    monkeypatch.setattr(rounds, "wrk", lambda *_: counted)
    return rounds.load(page)


def test_a_rate_is_the_answers_of_a_second(hello, monkeypatch):
    assert loaded(monkeypatch, hello, hello.size()) == 500


def test_answers_of_another_size_under_load_are_no_figure(hello, monkeypatch):
    from bench.rounds import WrongAnswerError

    with pytest.raises(WrongAnswerError):
        loaded(monkeypatch, hello, hello.size() + 500)


def test_pages_take_turns_after_a_round_that_does_not_count():
    from bench.rounds import Page, in_turn

    asked = []
    one, other = Page(1, "/"), Page(2, "/")

    def measure(page):
        asked.append(page)
        return len(asked)

    assert in_turn({one: measure, other: measure}, 2) == {one: [3, 5], other: [4, 6]}
    assert asked == [one, other] * 3


def test_a_ratio_is_the_median_of_the_rounds_own():
    from bench.rounds import ratio

    assert ratio([400, 40, 40], [100, 10, 20]) == 4  # the later rounds were slow for both


def test_a_figure_is_held_against_what_is_wanted(monkeypatch):
    from bench import pages
    from bench.rounds import Page

    ours, reference = Page(1, "/"), Page(2, "/")
    samples = {ours: [300.0, 310, 320], reference: [100.0, 100, 100]}
    monkeypatch.setattr(pages.rounds, "in_turn", lambda *_: samples)
    figures = [
        pages.Figure("list", ours, "index", reference, wanted) for wanted in (3.0, 4.0, None)
    ]
    rows = list(pages.lines("SQLite", figures, 3))
    assert rows[0] == ["SQLite", "list", "310", "index", "100", "3.10", "3.0", "met"]
    assert [row[-1] for row in rows] == ["met", "**not met**", ""]


def test_a_million_events_are_held_against_a_thousand_and_against_each_other():
    from bench import large

    times = {(large.FEW, place): 10.0 for place in large.PLACES}
    times |= {(5000, "first"): 10.0, (5000, "middle"): 12.0, (5000, "last"): 14.0}
    rows = [row[-3:] for row in large.lines("SQLite", times, 5000)]
    assert [row[0] for row in rows] == ["1.00", "1.20", "1.40", "1.40"]
    assert [row[2] for row in rows] == ["met", "met", "**not met**", "**not met**"]


def test_a_section_of_the_report_is_replaced_and_the_others_stay(tmp_path, monkeypatch):
    from bench import report

    monkeypatch.setattr(report, "REPORT", tmp_path / "performance.md")
    report.write("Pages", "old pages")
    report.write("Search", "the search\n\n| a | b |")
    report.write("Pages", "new pages")
    text = report.REPORT.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Pages", "Search"]
    assert "new pages" in text
    assert "old pages" not in text
    assert "the search\n\n| a | b |\n" in text


@pytest.mark.parametrize(("load", "told"), [(0.2, False), (1.5, True)])
def test_the_report_tells_of_a_busy_machine(monkeypatch, load, told):
    from bench import report

    monkeypatch.setattr(report, "LOAD", load)
    assert ("the machine was busy" in report.machine()) is told


def test_a_table_has_numbers_to_the_right():
    from bench.report import table

    assert table("what| ms|", [["a", "1", "met"]]) == "\n".join(
        ["| what | ms |  |", "|---|---:|---|", "| a | 1 | met |"]
    )


def test_a_profile_counts_what_is_built_in_where_it_is_called_from():
    from bench.profiling import of_call
    from record.text import fold

    packages, functions = of_call(lambda: [fold("Población " * 50) for _ in range(200)])
    assert "record" in dict(packages)
    assert sum(share for _, share in packages) <= 1.001
    assert all("0x" not in name for name, _ in functions)
