"""The timeline's pages at a million events beside the same at a thousand.

    python bench/large.py [--events 1000000] [--rounds 5]

Asked for over one kept connection, in turn, on SQLite and on PostgreSQL, from one worker, each
time at an address that nobody has asked for. Making the events takes minutes. A run is kept in
docs/performance.md.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose modules are named for what they measure
from bench import rounds, serving  # noqa: E402, found by the path
from bench.profiling import PROFILED, profile  # noqa: E402, found by the path
from bench.report import machine, met, table, write  # noqa: E402, found by the path
from bench.rounds import Page  # noqa: E402, found by the path
from tests.run import postgresql, sqlite  # noqa: E402, found by the path

FEW, MANY, MOST = 1_000, 1_000_000, 1.3
ON_A_PAGE = 50
PLACES = ("first", "middle", "last")


def addresses() -> dict[str, str]:
    """The first page, one from the middle record on, and one of the last records, all full."""
    import django

    django.setup()
    from timeline.models import EVENTS_BY_TIME, Event

    dated, undated = EVENTS_BY_TIME
    events = Event.objects.visible_to(None).defer("body")
    middle = dated.records(events, (), back=False)[events.count() // 2]
    ends = [(s, e) for s in (undated, dated) for e in s.records(events, (), True)[:ON_A_PAGE]]
    stretch, last = ends[:ON_A_PAGE][-1]
    keys = {"first": "", "middle": dated.key(middle), "last": stretch.key(last)}
    return {place: f"/linea-de-tiempo/{key and '?desde='}{key}" for place, key in keys.items()}


def prepared(url: str, events: int) -> str:
    """The address of a database with so many events."""
    url = serving.database(url, f"demo{events}")
    serving.manage(url, "migrate", f"make_demo --events {events} --no-search")
    return url


def figures(url: str, many: int, number: int) -> tuple[dict[tuple[int, str], float], str]:
    """Milliseconds of a page by number of events and place, and what a profile says."""
    pages: dict[tuple[int, str], Page] = {}
    with ExitStack() as stack:
        for events in (FEW, many):
            demo = prepared(url, events)
            port = stack.enter_context(serving.granian(serving.SITE, serving.settings(demo)))
            paths = json.loads(serving.in_site(demo, __file__, "--addresses"))
            for place in PLACES:
                page = Page(port, paths[place], holds=b"</html>", anew=True)
                pages[events, place] = page
        alone = partial(rounds.load, connections=1)
        samples = rounds.in_turn(dict.fromkeys(pages.values(), alone), number)
        middle = profile(pages[many, "middle"], serving.settings(demo, STORE_PAGES="0"))
    return {key: 1000 / median(samples[page]) for key, page in pages.items()}, middle


def lines(name: str, found: dict[tuple[int, str], float], many: int) -> Iterator[list[str]]:
    """Each place beside the same at a thousand, and the slowest beside the quickest."""
    for place in PLACES:
        few, lot = found[FEW, place], found[many, place]
        ratio = lot / few
        yield [
            name,
            place,
            f"{few:.1f}",
            f"{lot:.1f}",
            f"{ratio:.2f}",
            f"{MOST}",
            met(ratio <= MOST),
        ]
    times = [found[many, place] for place in PLACES]
    ratio = max(times) / min(times)
    yield [name, "slowest to quickest", "", "", f"{ratio:.2f}", f"{MOST}", met(ratio <= MOST)]


def measure(many: int, number: int) -> tuple[str, str]:
    """The version of PostgreSQL, and what was found, in Markdown."""
    found, profiles, version = [], [], ""
    for name, database in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with database() as url:
            version = serving.server_version(url) if name == "PostgreSQL" else ""
            started = time.perf_counter()
            times, dominates = figures(url, many, number)
            for line in lines(name, times, many):
                print(*line, sep=" | ", flush=True)
                found.append(line)
            profiles.append(f"- middle page, {name}: {dominates}")
            print(f"{name} took {time.perf_counter() - started:.0f} s", flush=True)
    heading = f"database|page| {FEW:,}, ms| {many:,}, ms| ratio| at most|"
    return version, "\n".join([table(heading, found), "", PROFILED, "", *profiles])


INTRODUCTION = """The timeline's pages of fifty events, made anew for each request, DEBUG off, over
one kept connection: medians of rounds in which all take turns, after one in which what holds until
the next change is counted. The profile counts it each time. The last page has the events
whose date is not known, where they are as many.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=MANY, help="if others, printed and not kept")
    parser.add_argument("--rounds", type=int, default=rounds.ROUNDS)
    parser.add_argument("--addresses", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped too
    if options.addresses:
        return print(json.dumps(addresses()))
    version, text = measure(options.events, options.rounds)
    if options.events == MANY:
        write("A million events", f"{machine(version)}\n\n{INTRODUCTION}\n{text}")
    return None


if __name__ == "__main__":
    main()
