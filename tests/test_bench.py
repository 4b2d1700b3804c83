"""The programs of `make bench` start, measure the right pages and write their report. Nothing here
is timed."""

import importlib
import re
from http.client import HTTPException
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from organizations.models import Organization
from tests import records
from timeline.models import Event, Statement
from tools import exchange, pages, report, serving
from tools.pages import Page

ROOT = Path(settings.BASE_DIR)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BENCHES = re.search(r"^BENCH \?= (.*)$", MAKEFILE, re.MULTILINE)[1].split()
PRINTED = "  1000 requests in 2.00s, 0.3MB read\nRequests/sec:    500.25\n"


def test_every_bench_of_make_is_a_program_with_a_place_in_contributing_and_report():
    for name in BENCHES:
        assert importlib.import_module(f"tools.{name}").main
        assert f"| `{name}` |" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
        assert report.REPORT.read_text(encoding="utf-8").count(f"<!-- {name} -->") == 2


def test_a_page_counts_only_while_it_answers_as_expected(tmp_path, monkeypatch):
    with serving.hello("sqlite://:memory:", tmp_path) as port:
        hello = Page(port, "/", holds=b"hello")
        response, body = hello.answer()
        assert (response.status, body) == (200, b"hello")
        assert response.getheader("X-Frame-Options") == "DENY"  # its middleware is there
        for wrong in ({"status": 304}, {"holds": b"goodbye"}, {"path": "/no"}):
            with pytest.raises(HTTPException):
                hello._replace(**wrong).answer()
        monkeypatch.setattr(pages, "wrk", lambda _page: PRINTED)
        assert hello.rate() == 500.25
        for problem in ("Non-2xx or 3xx responses: 5", "Socket errors: connect 1"):
            output = f"{PRINTED}  {problem}\n"
            monkeypatch.setattr(pages, "wrk", lambda _page, output=output: output)
            with pytest.raises(HTTPException):
                hello.rate()


def test_pages_take_turns_and_a_figure_is_the_median_ratio_of_the_rounds(monkeypatch):
    asked = []
    monkeypatch.setattr(Page, "rate", lambda page: asked.append(page) or len(asked))
    ours, reference = Page(1, "/"), Page(2, "/")
    rates = pages.in_turn([ours, reference], 2)
    assert rates == {ours: [3, 5], reference: [4, 6]}  # the first round does not count
    assert asked == [ours, reference] * 3
    assert pages.median_ratio([400, 40, 40], [100, 10, 20]) == 4
    rates = {ours: [300.0, 310, 320], reference: [100.0, 100, 100]}
    for wanted, verdict in ((3, "met"), (4, "**not met**")):
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
    records.category()
    for slug in ("uno", "dos", "tres"):
        Organization.objects.create(slug=slug, name=slug)
    file.write_text(exchange.as_csv(6, "antes"), encoding="utf-8")
    run("preview", file)
    assert not Event.objects.exists()
    run("new", file)
    file.write_text(exchange.as_csv(6, "otra vez"), encoding="utf-8")
    run("changed", file)
    titles = {f"Acontecimiento {n}, otra vez" for n in range(6)}
    assert {*Event.objects.values_list("title", flat=True)} == titles
    run("export", file)
    assert file.with_suffix(".out.csv").read_text(encoding="utf-8").count("acontecimiento-") == 6
    linked = Event.objects.filter(organizations__slug="uno").count()
    assert linked == (0 if side == "expert" else 2)  # as the introduction of the report says


def test_the_figures_of_one_bench_are_replaced_and_say_that_the_machine_was_busy(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(report, "REPORT", tmp_path / "performance.md")
    figures = report.table("what| ms|", [["a", "1", "met"]])
    assert figures == "| what | ms |  |\n|---|---:|---|\n| a | 1 | met |"
    for load, is_busy in ((0.2, False), (1.5, True)):
        monkeypatch.setattr(report, "LOAD", load)
        report.REPORT.write_text("A <!-- a -->old<!-- a --> B <!-- b -->old<!-- b -->")
        report.write("a", "new", figures)
        text = f"A <!-- a -->\n\n{report.machine()}\n\nnew\n\n{figures}\n\n<!-- a --> B "
        assert report.REPORT.read_text() == f"{text}<!-- b -->old<!-- b -->"
        assert ("The machine was busy" in text) is is_busy
