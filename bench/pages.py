"""Pages a second, ours beside a bare Django's, Wagtail's and Datasette's, in one run.

    python bench/pages.py [--only cached] [--rounds 5]

Each server is one worker of its own, with one blocking thread where it is granian; wrk loads them
in turn over four kept connections, round after round, on SQLite and on PostgreSQL. A whole run is
kept in docs/performance.md.
"""

import argparse
import csv
import io
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose modules are named for what they measure
from bench import rounds, serving  # noqa: E402, found by the path
from bench.profiling import PROFILED, profile  # noqa: E402, found by the path
from bench.report import machine, met, table, write  # noqa: E402, found by the path
from bench.rounds import GZIP, Page  # noqa: E402, found by the path
from tests.run import postgresql, sqlite  # noqa: E402, found by the path

EVENTS, ROWS = 1_000, 10_000  # of the timeline, and of the table beside Datasette's
ON_A_PAGE = 50
TIMELINE, STATEMENTS, EXPORT = "/linea-de-tiempo/", "/pronunciamientos/", "/datos/eventos.csv"


@dataclass(frozen=True)
class Figure:
    """A page of ours beside a reference; `wanted` is the ratio of their rates."""

    what: str
    ours: Page
    beside: str
    reference: Page
    wanted: float | None = None
    measure: Callable[[Page], float] = rounds.load
    profiled: dict[str, str] | None = None  # in this environment


class Servers:
    """Those that are asked for, each started when it first is, on one database."""

    def __init__(self, url: str, folder: Path, stack: ExitStack) -> None:
        self.url, self.folder, self.stack = url, folder, stack
        self.is_sqlite = url.startswith("sqlite")
        self.started: dict[tuple[str, bool], int] = {}

    @cached_property
    def hello(self) -> int:
        return self.stack.enter_context(serving.granian(serving.HELLO, serving.settings(self.url)))

    @cached_property
    def wagtail(self) -> int:
        url = serving.database(self.url, "wagtail")
        return self.stack.enter_context(serving.wagtail(url, self.folder))

    @cached_property
    def record(self) -> str:
        """The database of the record that comes with the code, with ten statements."""
        url = serving.database(self.url, "record")
        serving.manage(url, "migrate", "load_record", "collectstatic --no-input")
        serving.in_site(url, __file__, "--fill")
        return url

    @cached_property
    def demo(self) -> str:
        return self.made_up(EVENTS)

    def made_up(self, events: int) -> str:
        url = serving.database(self.url, f"demo{events}")
        serving.manage(url, "migrate", f"make_demo --events {events}")
        return url

    def environment(self, url: str, stored: bool = False) -> dict[str, str]:
        return serving.settings(url, STORE_PAGES=str(int(stored)))

    def ours(self, url: str, stored: bool) -> int:
        if (url, stored) not in self.started:
            site = serving.granian(serving.SITE, self.environment(url, stored))
            self.started[url, stored] = self.stack.enter_context(site)
        return self.started[url, stored]


def fill() -> None:
    """Statements up to ten, as the record's are: with a date, an introduction and a text."""
    import django

    django.setup()
    from django.utils import timezone

    from record import bulk
    from timeline.models import Statement

    now = timezone.now()
    bulk.insert([
        Statement(
            slug=f"pronunciamiento-{number}", kind="position", date=f"2017-05-{number + 1:02}",
            title=f"Lo que se dijo el día {number}", publish_at=now,
            summary=f"Una frase o dos que dicen qué hay en el pronunciamiento {number}. " * 2,
            body="<p>Todo lo que se dijo, en varias frases.</p>" * 5,
        )
        for number in range(10 - Statement.objects.count())
    ])  # fmt: skip


def cached(servers: Servers) -> Iterator[Figure]:
    """A stored page, and the answer that it has not changed, beside a bare Django."""
    url, wanted = servers.record, 0.75 if servers.is_sqlite else 0.6
    port, environment = servers.ours(url, stored=True), servers.environment(url, stored=True)
    page, hello = Page(port, "/", GZIP), Page(servers.hello, "/", holds=b"hello")
    etag = page.answer()[0].getheader("ETag") or "none"
    unchanged = Page(port, "/", (*GZIP, ("If-None-Match", etag)), status=304)
    yield Figure("stored page", page, "hello", hello, wanted, profiled=environment)
    yield Figure("304", unchanged, "hello", hello, wanted, profiled=environment)


def uncached(servers: Servers) -> Iterator[Figure]:
    """Pages that nobody has asked for since the last change, beside Wagtail's index of ten."""
    port, demo = (servers.ours(url, stored=True) for url in (servers.record, servers.demo))
    index = Page(servers.wagtail, "/blog/", holds=b"on day 9", anew=True)
    tuned = Page(servers.wagtail, "/tuned/", holds=b"on day 9", anew=True)
    listed = Page(port, "/organizaciones/").answer()[1].decode()
    coalition, member = list(dict.fromkeys(re.findall(r'"(/organizaciones/[\w-]+/)"', listed)))[:2]
    ten = Page(port, STATEMENTS, holds=b"Lo que se dijo el d", anew=True)
    timeline = Page(demo, TIMELINE, holds=b"desde=", anew=True)
    environment = servers.environment(servers.record)
    of_ten, beside = "list of ten statements", "Wagtail's index of ten"
    yield Figure(of_ten, ten, beside, index, 4.0, profiled=environment)
    events = "timeline, 50 events"
    yield Figure(events, timeline, beside, index, 1.5, profiled=servers.environment(servers.demo))
    one = Page(port, member, holds=b"Membres", anew=True)
    yield Figure("an organization", one, beside, index, 3.0, profiled=environment)
    whole = Page(port, coalition, holds=b"Acontecimientos", anew=True)
    yield Figure("the coalition's own page", whole, beside, index)
    yield Figure(of_ten, ten, f"{beside}, tuned", tuned)
    compressed = Page(port, STATEMENTS, GZIP, anew=True)
    yield Figure(f"{of_ten}, compressed", compressed, f"{beside}, plain", index)


def datasette(servers: Servers) -> Iterator[Figure]:
    """The same events in Datasette's table, 50 on a page, and as CSV."""
    if not servers.is_sqlite:
        return
    url = servers.made_up(ROWS)
    stored, fresh = (servers.ours(url, stored=is_so) for is_so in (True, False))
    environment = servers.environment(url)
    export, file = Page(fresh, EXPORT, holds=b"identificador"), servers.folder / "table.db"
    content = export.answer()[1]
    copy_into_sqlite(content, file)
    port = servers.stack.enter_context(serving.datasette(file))
    shown = Page(port, f"/table/eventos?_size={ON_A_PAGE}", holds=b"rows-and-columns")
    streamed = Page(port, "/table/eventos.csv?_stream=on", holds=b"identificador")
    table, rows = f"its table, {ON_A_PAGE} rows", partial(rows_a_second, content=content)
    yield Figure("timeline, stored", Page(stored, TIMELINE), table, shown)
    yield Figure("timeline, rendered", Page(stored, TIMELINE, anew=True), table, shown)
    yield Figure("CSV, rows", export, "its CSV stream, rows", streamed, None, rows, environment)


def copy_into_sqlite(content: bytes, file: Path) -> None:
    """As `sqlite-utils insert table.db eventos eventos.csv --csv --pk identificador` does."""
    names, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    with sqlite3.connect(file) as database:
        columns = ", ".join(f'"{name}" TEXT' for name in names)
        database.execute(f'CREATE TABLE eventos ({columns}, PRIMARY KEY ("identificador"))')
        marks = ", ".join("?" for _ in names)
        database.executemany(f"INSERT INTO eventos VALUES ({marks})", rows)  # noqa: S608, marks
    database.close()


def rows_a_second(page: Page, content: bytes) -> float:
    """How quickly a file comes that has as many lines as this one."""
    started = time.perf_counter()
    found = page.answer()[1].count(b"\n")
    seconds = time.perf_counter() - started
    if found != content.count(b"\n"):
        raise rounds.WrongAnswerError(f"{page.path} has {found} lines, not those of {EXPORT}")
    return found / seconds


FIGURES = {figures.__name__: figures for figures in (cached, uncached, datasette)}
HEADING = "database|what| a second|reference| a second| ratio| wanted|"


def lines(database: str, figures: list[Figure], number: int) -> Iterator[list[str]]:
    """Rows of the table, of figures whose pages are loaded in turn."""
    measures = {figure.reference: figure.measure for figure in figures}
    samples = rounds.in_turn(measures | {f.ours: f.measure for f in figures}, number)
    for figure in figures:
        ours, beside = samples[figure.ours], samples[figure.reference]
        ratio, wanted = rounds.ratio(ours, beside), figure.wanted
        rates = [f"{median(ours):,.0f}", figure.beside, f"{median(beside):,.0f}", f"{ratio:.2f}"]
        verdict = [f"{wanted}", met(ratio >= wanted)] if wanted else ["", ""]
        yield [database, figure.what, *rates, *verdict]


def measure(names: list[str], number: int) -> tuple[str, str]:
    """The version of PostgreSQL, and what was found, in Markdown."""
    found, profiles, version = [], [], ""
    for name, database in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with database() as url, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            version = serving.server_version(url) if name == "PostgreSQL" else ""
            servers = Servers(url, Path(folder), stack)
            for chosen in names:
                figures = list(FIGURES[chosen](servers))
                for line in lines(name, figures, number):
                    print(*line, sep=" | ", flush=True)
                    found.append(line)
                profiles += [
                    f"- {figure.what}, {name}: {profile(figure.ours, figure.profiled)}"
                    for figure in figures
                    if figure.profiled
                ]
    print(*profiles, sep="\n")
    return version, "\n".join([table(HEADING, found), "", PROFILED, "", *profiles])


def introduction() -> str:
    return f"""Answers a second of one worker of granian with one blocking thread, DEBUG off, loaded
by wrk over {rounds.CONNECTIONS} kept connections: medians of {rounds.ROUNDS} rounds of
{rounds.SECONDS} seconds, in which all pages of a figure take turns, and the median of the rounds'
ratios. Every answer is checked to be the one that was asked for.

- «hello» is a view that says just that, behind all that `startproject` sets up, its connection to
  the database kept. The stored page is the first one, compressed; the 304 says that a reader has
  it.
- Wagtail is what `wagtail start` makes, with its settings for production and its tutorial's blog:
  an index with title, introduction and text of ten entries, its code as the tutorial has it,
  which fetches each entry by itself; «tuned» fetches them at once. Our list of ten has title,
  date, kind and introduction of ten statements; the timeline is the first page of {EVENTS:,}
  events, the organization the first member of the record. Each is asked for at an address of
  its own (`?n=1`, `?n=2` …), so that none comes from the store, while what is counted once after
  each change, and fragments that are written once, are. But for the last line
  none is compressed, as Wagtail's is not.
- Datasette serves from SQLite, with its own settings, the rows of our own CSV, those of
  {ROWS:,} events that are public; both streams give all of them.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=FIGURES, help="this figure alone, printed and not kept")
    parser.add_argument("--rounds", type=int, default=rounds.ROUNDS)
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped too
    if options.fill:
        return fill()
    version, text = measure([options.only] if options.only else [*FIGURES], options.rounds)
    if not options.only:
        write("Pages", f"{machine(version)}\n\n{introduction()}\n{text}")
    return None


if __name__ == "__main__":
    main()
