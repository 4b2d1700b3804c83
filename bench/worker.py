"""What a worker costs: its memory at rest and after very many requests, and its start.

    python bench/worker.py [--only memory] [--requests 1010000]

One worker of granian with one blocking thread serves the record, on SQLite and on PostgreSQL. A
whole run is kept in docs/performance.md.
"""

import argparse
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from xml.etree import ElementTree

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose modules are named for what they measure
from bench import rounds, serving  # noqa: E402, found by the path
from bench.report import machine, met, table, write  # noqa: E402, found by the path
from bench.rounds import GZIP, Page  # noqa: E402, found by the path
from tests.run import postgresql, sqlite  # noqa: E402, found by the path

REQUESTS, ANEW = 1_010_000, 101  # one in so many to an address that is in no store
MOST, SAME = 90, 1.05  # megabytes, and how much more counts as the same
STARTS, SLOWEST = 5, 0.6  # seconds
SECONDS = 10  # of load at a time
EVENTS = 1_000
COMMON = ("/", "/organizaciones/", "/representacion/", "/linea-de-tiempo/", "/pronunciamientos/",
          "/fuentes/", "/datos/", "/acerca-de/", "/buscar/?q=datos", "/al/2017-05/")  # fmt: skip
FILES = tuple(
    f"/datos/{table}.{ending}" for table in ("eventos", "citas") for ending in ("csv", "xlsx")
)
FEEDS = ("/linea-de-tiempo/atom.xml", "/linea-de-tiempo/calendario.ics", "/sitemap.xml")
IN_TURN = """
local paths, n = {%s}, 0
request = function()
  n = n + 1
  return wrk.format(nil, paths[n %% #paths + 1])
end
"""


def megabytes(process: psutil.Process) -> float:
    """Resident memory of granian's worker: the greatest of its processes."""
    workers = process.children(recursive=True) or [process]
    return max(worker.memory_info().rss for worker in workers) / 2**20


def public_addresses(port: int) -> list[str]:
    """Every page of the sitemap."""
    body = Page(port, "/sitemap.xml").answer()[1]
    found = [one.text for one in ElementTree.fromstring(body).iter() if one.tag.endswith("}loc")]  # noqa: S314, our own
    return [re.sub(r"^https?://[^/]+", "", address) for address in found]


def ask_for(port: int, paths: list[str], requests: int) -> None:
    """So many answers at least, each path in its turn."""
    script = IN_TURN % ", ".join(f'"{path}"' for path in paths) + rounds.SUMMARY
    done = 0.0
    while done < requests:
        done += rounds.wrk(Page(port, "/", GZIP), script, SECONDS)["requests"]


def memory(url: str, requests: int) -> list[tuple[str, float]]:
    """Megabytes after the start, after every page, after so many requests, and after the downloads,
    which on a server another worker answers."""
    site = serving.granian(serving.SITE, serving.settings(url, STORE_PAGES="1"))
    with site as port:
        process, page = psutil.Process(site.process.pid), Page(port, "/", holds=b"</html>")
        page.answer()
        found = [("after the start", megabytes(process))]
        every = public_addresses(port)
        anew = [f"/buscar/?q=palabra+{number}" for number in range(3_000)]
        for path in (*COMMON, *FEEDS, *every, *anew[:100]):
            Page(port, path, GZIP).answer()
        found.append((f"after {len(every):,} pages and feeds", megabytes(process)))
        ask_for(port, [*COMMON], requests - requests // ANEW)
        ask_for(port, every + anew, requests // ANEW)
        page.answer()
        found.append((f"after {requests:,} requests", megabytes(process)))
        for path in FILES:
            Page(port, path).answer()
        return [*found, ("after downloads too", megabytes(process))]


def start(url: str) -> float:
    """Seconds from the server's command to its first page."""
    site = serving.granian(serving.SITE, serving.settings(url, STORE_PAGES="1"))
    started = time.perf_counter()
    with site as port:
        Page(port, "/", holds=b"</html>").answer()
        return time.perf_counter() - started


def memory_lines(url: str, requests: int) -> Iterator[list[str]]:
    figures = memory(url, requests)
    (started, first), (shown, pages), (asked, later), (downloaded, last) = figures
    name = "a worker's memory {}, MB".format
    yield [name(started), f"{first:.0f}", f"{MOST}", met(first <= MOST)]
    yield [name(shown), f"{pages:.0f}", f"{MOST}", met(pages <= MOST)]
    yield [name(asked), f"{later:.0f}", f"{MOST}", met(later <= min(MOST, SAME * pages))]
    yield [name(downloaded), f"{last:.0f}", "", ""]


def start_lines(url: str, _requests: int) -> Iterator[list[str]]:
    found = median(start(url) for _ in range(STARTS))
    yield ["start to first answer, s", f"{found:.2f}", f"{SLOWEST}", met(found <= SLOWEST)]


FIGURES = {"start": start_lines, "memory": memory_lines}


def measure(names: list[str], requests: int) -> tuple[str, str]:
    """The version of PostgreSQL, and what was found, in Markdown."""
    found, version = [], ""
    for name, database in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with database() as url:
            version = serving.server_version(url) if name == "PostgreSQL" else ""
            demo = f"make_demo --events {EVENTS}"
            serving.manage(url, "migrate", demo, "collectstatic --no-input")
            for chosen in names:
                for line in FIGURES[chosen](url, requests):
                    print(name, *line, sep=" | ", flush=True)
                    found.append([name, *line])
    return version, "\n\n".join([table("database|what| found| at most|", found), imports()])


def imports() -> str:
    """What takes longest to import, each with all that it imports first and nobody before."""
    code = "import nucleo.wsgi"
    environment = serving.settings("sqlite://:memory:")
    command = [sys.executable, "-X", "importtime", "-c", code]
    told = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    own, every = Counter(), 0
    for line in told.stderr.splitlines():
        if found := re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)", line):
            own[found[2]] += int(found[1])
            every += int(found[1])
    shares = ", ".join(f"{name} {time / every:.0%}" for name, time in own.most_common(8))
    return f"Of what importing takes, {every / 1e6:.2f} s while it is timed, {shares}."


def introduction() -> str:
    return f"""One worker of granian with one blocking thread, DEBUG off, stored pages on, with
{EVENTS:,} events. Memory is what its process holds (RSS), «after pages» when each page of the
sitemap and three feeds were asked for; one request in {ANEW} is to one of 4,000 addresses,
searches among them, more than are stored. It is the same when it grew by less than
{SAME - 1:.0%} since. Downloads are another worker's on a server, and come last. The start is
from the server's command to the end of its first page, the median of {STARTS}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=FIGURES, help="this figure alone, printed and not kept")
    parser.add_argument("--requests", type=int, default=REQUESTS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped too
    version, text = measure([options.only] if options.only else [*FIGURES], options.requests)
    if options.only:
        print(text.rpartition("\n")[2])
    else:
        write("A worker", f"{machine(version)}\n\n{introduction()}\n{text}")


if __name__ == "__main__":
    main()
