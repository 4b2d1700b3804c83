"""The parts of `make bench` work, whatever the figures are: nothing here is timed."""

import importlib
import re
from http.client import HTTPException
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from organizations.models import Organization
from timeline.models import Event, Statement
from tools import exchange, pages, report, serving
from tools.pages import Page

ROOT = Path(settings.BASE_DIR)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BENCHES = re.search(r"^BENCH \?= (.*)$", MAKEFILE, re.MULTILINE)[1].split()


@pytest.fixture
def hello(tmp_path):
    with serving.hello("sqlite://:memory:", tmp_path) as port:
        yield Page(port, "/", holds=b"hello")


@pytest.mark.parametrize("name", BENCHES)
def test_a_bench_of_make_is_a_program_that_readme_knows(name):
    assert importlib.import_module(f"tools.{name}").main
    assert f"| `{name}` |" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_bare_django_says_hello(hello):
    response, body = hello.answer()
    assert (response.status, body) == (200, b"hello")
    assert response.getheader("X-Frame-Options") == "DENY"  # its middleware is there


@pytest.mark.parametrize("wrong", [{"status": 304}, {"holds": b"goodbye"}, {"path": "/no"}])
def test_a_page_that_answers_something_else_is_no_figure(hello, wrong):
    with pytest.raises(HTTPException):
        hello._replace(**wrong).answer()


PRINTED = "  1000 requests in 2.00s, 0.3MB read\nRequests/sec:    500.25\n"


def test_a_rate_is_what_wrk_counts(hello, monkeypatch):
    monkeypatch.setattr(pages, "wrk", lambda _page: PRINTED)
    assert hello.rate() == 500.25


@pytest.mark.parametrize("problem", ["Non-2xx or 3xx responses: 5", "Socket errors: connect 1"])
def test_answers_that_fail_under_load_are_no_figure(hello, monkeypatch, problem):
    monkeypatch.setattr(pages, "wrk", lambda _page: f"{PRINTED}  {problem}\n")
    with pytest.raises(HTTPException):
        hello.rate()


def test_pages_take_turns_after_a_round_that_does_not_count(monkeypatch):
    asked = []

    def rate(page):
        asked.append(page)
        return len(asked)

    monkeypatch.setattr(Page, "rate", rate)
    one, other = Page(1, "/"), Page(2, "/")
    assert pages.in_turn([one, other], 2) == {one: [3, 5], other: [4, 6]}
    assert asked == [one, other] * 3


def test_a_ratio_is_the_median_of_the_rounds_own():
    assert (
        pages.median_ratio([400, 40, 40], [100, 10, 20]) == 4
    )  # the later rounds were slow for both


@pytest.mark.parametrize(("wanted", "verdict"), [(3, "met"), (4, "**not met**")])
def test_a_figure_is_held_against_what_is_wanted(wanted, verdict):
    ours, reference = Page(1, "/"), Page(2, "/")
    rates = {ours: [300.0, 310, 320], reference: [100.0, 100, 100]}
    row = pages.Figure("list", ours, "index", reference, wanted).row("SQLite", rates)
    assert row == ["SQLite", "list", "310", "index", "100", "3.10", f"{wanted}.00", verdict]


@pytest.mark.django_db(transaction=True)
def test_the_record_gets_as_many_statements_as_the_list_of_wagtail_has(tmp_path):
    file = tmp_path / "statements.csv"
    file.write_text(pages.STATEMENTS_CSV, encoding="utf-8")
    call_command("load_record")
    call_command("import_records", "pronunciamientos", str(file))
    assert Statement.objects.visible_to(None).count() == 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("side", ["ours", "defaults", "expert"])
def test_each_side_of_the_exchange_imports_changes_and_exports(side, tmp_path):
    file = tmp_path / "eventos.csv"
    run = exchange.ours if side == "ours" else lambda *a: exchange.package(*a, side == "expert")
    for slug in ("uno", "dos", "tres"):
        Organization.objects.create(slug=slug, name=slug)
    file.write_text(exchange.as_csv(6, "antes"), encoding="utf-8")
    run("preview", file)
    assert not Event.objects.exists()
    run("new", file)
    file.write_text(exchange.as_csv(6, "otra vez"), encoding="utf-8")
    run("changed", file)
    assert {event.title for event in Event.objects.all()} == {
        f"Acontecimiento {n}, otra vez" for n in range(6)
    }
    run("export", file)
    assert file.with_suffix(".out.csv").read_text(encoding="utf-8").count("acontecimiento-") == 6
    linked = Event.objects.filter(organizations__slug="uno").count()
    assert linked == (0 if side == "expert" else 2)  # which the introduction says


def test_the_figures_of_a_bench_are_replaced_and_the_rest_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "REPORT", tmp_path / "performance.md")
    marks = {name: f"<!-- {name} -->" for name in BENCHES}
    between = "".join(f"About {name}\n\n{mark}old{mark}\n" for name, mark in marks.items())
    report.REPORT.write_text(between, encoding="utf-8")
    report.write("exchange", "new", "| a | b |")
    text = report.REPORT.read_text(encoding="utf-8")
    figures = f"{report.machine()}\n\nnew\n\n| a | b |"
    assert text == between.replace(
        f"{marks['exchange']}old", f"{marks['exchange']}\n\n{figures}\n\n"
    )


@pytest.mark.parametrize("name", BENCHES)
def test_the_report_has_a_place_for_the_figures_of_each_bench(name):
    assert report.REPORT.read_text(encoding="utf-8").count(f"<!-- {name} -->") == 2


@pytest.mark.parametrize(("load", "is_busy"), [(0.2, False), (1.5, True)])
def test_the_report_says_that_the_machine_was_busy(monkeypatch, load, is_busy):
    monkeypatch.setattr(report, "LOAD", load)
    assert ("The machine was busy" in report.machine()) is is_busy


def test_a_table_has_numbers_to_the_right():
    assert report.table("what| ms|", [["a", "1", "met"]]) == "\n".join(
        ["| what | ms |  |", "|---|---:|---|", "| a | 1 | met |"]
    )
