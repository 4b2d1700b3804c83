"""Measures pages a second beside a bare Django and the blog of Wagtail's tutorial.

    python -m tools.pages [--only grown] [--rounds 5]

A whole run is written to docs/performance.md.
"""

import argparse
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from tests.run import postgresql, sqlite
from tools import loading, serving
from tools.loading import GZIP, Page
from tools.report import machine, met, table, write

FEW, SOME, MANY = 200, 1_000, 20_000  # events
TIMELINE, STATEMENTS = "/linea-de-tiempo/", "/pronunciamientos/"
LISTS = (
    *("/", TIMELINE, f"{TIMELINE}?categoria=acuerdo", f"{TIMELINE}?anio=2012", STATEMENTS),
    *("/organizaciones/", "/representacion/", "/al/2012/", "/fuentes/", "/buscar/?q=archivos"),
)
STATEMENTS_CSV = "identificador,titulo,tipo,fecha,se_publica,resumen,texto\n" + "".join(
    f"dia-{n},Lo que se dijo el día {n},position,2017-05-0{n},2020-01-01,"
    f"{'Una frase que dice qué hay en él. ' * 3},{'<p>Lo que se dijo en varias frases.</p>' * 5}\n"
    for n in range(1, 8)  # beside the three of the record
)
INTRODUCTION = f"""Responses a second of one granian worker with one blocking thread, DEBUG off,
loaded by wrk over {loading.CONNECTIONS} kept connections: medians of {{rounds}} rounds of
{loading.SECONDS} seconds in which all pages of a group take turns, and the median of the rounds'
ratios.

- «hello» is a view that returns this word in the project of `startproject`. The stored page
  is the home page, compressed.
- Wagtail is its tutorial's blog in production settings: an index of ten entries. Our pages beside
  it are not stored: each request has another query. The timeline has {SOME:,} events.
- Each list page, not stored, at {MANY:,} events beside the same at {FEW}: at most three times the
  time, so at least a third of the rate.
"""


@dataclass(frozen=True)
class Figure:
    """A page beside a reference; `wanted` is the least ratio of their rates."""

    name: str
    page: Page
    beside: str
    reference: Page
    wanted: float

    def row(self, database: str, rates: dict[Page, list[float]]) -> list[str]:
        ours, reference = rates[self.page], rates[self.reference]
        ratio = loading.ratio(ours, reference)
        figures = [f"{median(ours):,.0f}", self.beside, f"{median(reference):,.0f}", f"{ratio:.2f}"]
        return [database, self.name, *figures, f"{self.wanted:.2f}", met(ratio >= self.wanted)]


class Servers:
    """Starts servers on databases beside `url`."""

    def __init__(self, url: str, folder: Path, stack: ExitStack) -> None:
        self.url, self.folder, self.stack = url, folder, stack

    @cache  # noqa: B019, it lives as long as the program
    def site(self, *commands: str) -> int:
        """The port of the site on a database that these commands fill."""
        url = serving.database(self.url, f"site{abs(hash(commands))}")
        serving.python(url, "manage.py migrate", *commands, "manage.py collectstatic --no-input")
        return self.stack.enter_context(serving.granian(serving.SITE, serving.settings(url)))

    def invented(self, events: int) -> int:
        return self.site(f"-m tools.demo --events {events}")

    def stored(self) -> Iterator[Figure]:
        """The stored page and its 304 beside a bare Django."""
        wanted = 0.75 if self.url.startswith("sqlite") else 0.4
        bare = self.stack.enter_context(serving.hello(self.url, self.folder))
        hello = Page(bare, "/", holds=b"hello")
        page = Page(self.invented(SOME), "/", GZIP)
        etag = page.answer()[0].getheader("ETag") or "none"
        unchanged = Page(page.port, "/", (*GZIP, ("If-None-Match", etag)), status=304)
        yield Figure("stored page", page, "hello", hello, wanted)
        yield Figure("304", unchanged, "hello", hello, wanted)

    def anew(self) -> Iterator[Figure]:
        """Pages that are not stored beside Wagtail's index."""
        blog = serving.wagtail(serving.database(self.url, "wagtail"), self.folder)
        index = Page(self.stack.enter_context(blog), "/blog/", holds=b"on day 9", anew=True)
        statements = self.folder / "statements.csv"
        statements.write_text(STATEMENTS_CSV, encoding="utf-8")
        bring = f"manage.py import_records pronunciamientos {statements}"
        record = self.site("manage.py load_record", bring)
        ten = Page(record, STATEMENTS, holds=b"Lo que se dijo el d", anew=True)
        events = Page(self.invented(SOME), TIMELINE, anew=True)
        listed = Page(record, "/organizaciones/").answer()[1].decode()
        member = [*dict.fromkeys(re.findall(r'"(/organizaciones/[\w-]+/)"', listed))][1]
        organization = Page(record, member, holds=b"Membres", anew=True)
        beside = "Wagtail's index of ten", index
        yield Figure("list of ten statements", ten, *beside, 2)
        yield Figure("an organization", organization, *beside, 1)
        yield Figure("timeline, first page", events, *beside, 0.75)

    def grown(self) -> Iterator[Figure]:
        """List pages at many events beside the same at few."""
        few, many = self.invented(FEW), self.invented(MANY)
        for path in LISTS:
            page, reference = (Page(port, path, anew=True) for port in (many, few))
            yield Figure(f"{path}, {MANY:,}", page, f"{FEW}", reference, 1 / 3)


GROUPS = ("stored", "anew", "grown")


def rows(names: list[str], rounds: int) -> Iterator[list[str]]:
    for name, database in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with database() as url, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            servers = Servers(url, Path(folder), stack)
            for group in names:
                figures = list(getattr(servers, group)())
                pages = dict.fromkeys(page for f in figures for page in (f.page, f.reference))
                rates = loading.in_turn(pages, rounds)
                yield from (figure.row(name, rates) for figure in figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=GROUPS, help="print this group; write nothing")
    parser.add_argument("--rounds", type=int, default=loading.ROUNDS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped too
    found = rows([options.only] if options.only else [*GROUPS], options.rounds)
    text = table("database|page| a second|reference| a second| ratio| wanted|", found)
    if options.only:
        print(text)
        return
    introduction = INTRODUCTION.format(rounds=options.rounds)
    write("Pages", f"{machine()}\n\n{introduction}\n{text}")


if __name__ == "__main__":
    main()
