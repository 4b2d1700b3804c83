"""Compare pages per second with a bare Django and the blog of Wagtail's tutorial.

    python -m tools.pages [--only grown] [--rounds 5]

A full run writes its figures to docs/performance.md.
"""

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tools import serving
from tools.report import met, table, write
from tools.suite import install_debian_package

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 4
FORWARDED = (("X-Forwarded-Proto", "https"),)  # from a proxy that ends TLS
GZIP = (("Accept-Encoding", "gzip"),)
WRK = f"wrk -t 1 -c {CONNECTIONS} -d {SECONDS}s --timeout 60s".split()
FEW, SOME, MANY = 200, 1_000, 20_000  # events
TIMELINE, STATEMENTS = "/linea-de-tiempo/", "/pronunciamientos/"
LISTS = (
    *("/", TIMELINE, f"{TIMELINE}?categoria=acuerdo", f"{TIMELINE}?anio=2012", STATEMENTS),
    *("/organizaciones/", "/representacion/", "/al/2012/", "/fuentes/", "/buscar/?q=archivos"),
)
STATEMENTS_CSV = "identificador,titulo,tipo,fecha,se_publica,resumen,texto\n" + "".join(
    f"dia-{n},Lo que se dijo el día {n},posicionamiento,2017-05-0{n},2020-01-01,"
    f"{'Una frase que dice qué hay en él. ' * 3},{'<p>Lo que se dijo en varias frases.</p>' * 5}\n"
    for n in range(1, 8)  # with the three of the record, ten
)


class Page(NamedTuple):
    """A page of the server on `port`, and its expected answer. With `anew`, each request has a
    different query, so that no stored page answers it."""

    port: int
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    holds: bytes = b""
    anew: bool = False

    def answer(self) -> tuple[HTTPResponse, bytes]:
        """Return a response and its body. Raise HTTPException for another answer."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=120)) as connection:
            connection.request("GET", self.path, headers=dict(FORWARDED + self.headers))
            response = connection.getresponse()
            body = response.read()
        if response.status != self.status or self.holds not in body:
            raise HTTPException(f"{self.path}: {response.status}, {len(body)} bytes")
        return response, body

    def rate(self) -> float:
        """Return the responses per second over kept connections. Raise HTTPException on errors."""
        self.answer()
        counted = wrk(self)
        if "Non-2xx" in counted or "Socket errors" in counted:
            raise HTTPException(f"{self.path}: {counted}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", counted)[1])


def wrk(page: Page) -> str:
    """Return the output of wrk. A client in Python would be slower than the pages."""
    install_debian_package("wrk", "wrk")
    if not shutil.which("wrk"):
        sys.exit("make bench needs wrk (Debian: apt install wrk).")
    script = ["-s", serving.ROOT / "tools" / "anew.lua"] if page.anew else []
    headers = [f"-H{name}: {value}" for name, value in FORWARDED + page.headers]
    command = [*WRK, *script, *headers, f"http://127.0.0.1:{page.port}{page.path}"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def in_turn(pages: Iterable[Page], rounds: int = ROUNDS) -> dict[Page, list[float]]:
    """Return the rates of each page. Rounds alternate (A B C A B C); the first is not counted."""
    rates: dict[Page, list[float]] = {page: [] for page in pages}
    for _ in range(rounds + 1):
        for page in rates:
            rates[page].append(page.rate())
    return {page: counted[1:] for page, counted in rates.items()}


def median_ratio(ours: list[float], reference: list[float]) -> float:
    """Return the median of the ratios of each round, which a slow round does not change."""
    return median(rate / base for rate, base in zip(ours, reference, strict=True))


class Figure(NamedTuple):
    """A page and its reference; `wanted` is the minimum ratio of their rates."""

    name: str
    page: Page
    beside: str
    reference: Page
    wanted: float

    def row(self, database: str, rates: dict[Page, list[float]]) -> list[str]:
        ours, reference = rates[self.page], rates[self.reference]
        ratio = median_ratio(ours, reference)
        figures = [f"{median(ours):,.0f}", self.beside, f"{median(reference):,.0f}", f"{ratio:.2f}"]
        return [database, self.name, *figures, f"{self.wanted:.2f}", met(ratio >= self.wanted)]


class Servers(NamedTuple):
    """Start servers on databases of the same server as `url`."""

    url: str
    folder: Path
    stack: ExitStack

    @cache  # noqa: B019, lives as long as the program
    def site(self, *commands: str) -> int:
        """Return the port of the site on a database that these commands fill."""
        url = serving.database(self.url, f"site{abs(hash(commands))}")
        serving.python(url, "manage.py migrate", *commands, "manage.py collectstatic --no-input")
        return self.stack.enter_context(
            serving.granian("nucleo.wsgi:application", serving.settings(url))
        )

    def invented(self, events: int) -> int:
        return self.site(f"-m tools.demo --events {events}")

    def stored(self) -> Iterator[Figure]:
        """Compare the stored page and its 304 with a bare Django."""
        wanted = 0.75 if self.url.startswith("sqlite") else 0.4
        bare = self.stack.enter_context(serving.hello(self.url, self.folder))
        hello = Page(bare, "/", holds=b"hello")
        page = Page(self.invented(SOME), "/", GZIP)
        etag = page.answer()[0].getheader("ETag") or "none"
        unchanged = Page(page.port, "/", (*GZIP, ("If-None-Match", etag)), status=304)
        yield Figure("stored page", page, "hello", hello, wanted)
        yield Figure("304", unchanged, "hello", hello, wanted)

    def anew(self) -> Iterator[Figure]:
        """Compare pages that are not stored with the index of Wagtail's blog."""
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
        """Compare list pages at many events with the same pages at few."""
        few, many = self.invented(FEW), self.invented(MANY)
        for path in LISTS:
            page, reference = (Page(port, path, anew=True) for port in (many, few))
            yield Figure(f"{path}, {MANY:,}", page, f"{FEW}", reference, 1 / 3)


GROUPS = ("stored", "anew", "grown")


def rows(names: Iterable[str], rounds: int) -> Iterator[list[str]]:
    for name, database in serving.DATABASES.items():
        with database() as url, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            servers = Servers(url, Path(folder), stack)
            for group in names:
                figures = list(getattr(servers, group)())
                pages = dict.fromkeys(page for f in figures for page in (f.page, f.reference))
                rates = in_turn(pages, rounds)
                yield from (figure.row(name, rates) for figure in figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=GROUPS, help="print this group; write nothing")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops the servers too
    figures = rows([options.only] if options.only else GROUPS, options.rounds)
    text = table("database|page| a second|reference| a second| ratio| wanted|", figures)
    if options.only:
        print(text)
    else:
        write("pages", f"In {options.rounds} rounds.", text)


if __name__ == "__main__":
    main()
