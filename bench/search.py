"""Searching many statements of Spanish text, on SQLite and on PostgreSQL, which must find the same.

    python bench/search.py [--rows 100000]

Words are drawn by Zipf's law from those of the record's source, and from others made of Spanish
roots and endings. Each database is measured in a process of its own. A run is kept in
docs/performance.md.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose modules are named for what they measure
from bench.profiling import PROFILED, in_words, of_calls  # noqa: E402, found by the path
from bench.report import machine, met, write  # noqa: E402, found by the path
from bench.serving import in_site, server_version  # noqa: E402, found by the path
from tests.run import postgresql, sqlite  # noqa: E402, found by the path

WANTED = {"median query": 20, "commonest word": 100}  # milliseconds
BATCH, TIMES, COMPARED = 1000, 5, 200
ROOTS = (
    "acord administr analiz aport asamble audit boletín capacit ciudadan colabor compart "
    "comunic concert consult contrat coordin debat decret deleg democr denunci desarroll document "
    "educ ejecut elabor empad escuch estatut estudi evalu exig federal financ form foment gestion "
    "gobern históric impuls indic inform innov integr investig legisl licit liter localiz mandat "
    "mejor mesur moderniz monitor municip negoci norm notific observ ofici operat orden pact "
    "parlament plane polític present presupuest program promoc propon protest public rastre "
    "recomend recort reform regul rendi report resolut resguard respald rinde sancion secret segur "
    "seguimient servici simplific solicit soport suscrib tecnolog territori tramit transform "
    "transmis tribunal trimestr ubic unific urban valid veedur verific vincul voluntari votac"
).split()
ENDINGS = (
    "o a os as ar ó aron aba ando ado ada ados adas ación aciones ador adora adores ante antes "
    "amiento able ables ativo ativa idad"
).split()


def vocabulary(chance: random.Random) -> list[str]:
    """The commonest first."""
    text = (ROOT / "fixtures" / "nucleo-de-sociedad-civil.txt").read_text(encoding="utf-8")
    source = Counter(word.strip('.,:;«»¿?()“”"').lower() for word in text.split())
    made = [root + ending for root in ROOTS for ending in ENDINGS]
    chance.shuffle(made)
    return [word for word, _ in source.most_common() if word] + made


class Writer:
    """Text at random, the same every time."""

    def __init__(self) -> None:
        self.chance = random.Random(2011)  # noqa: S311, no secret
        self.words = vocabulary(self.chance)
        self.weights = [*accumulate(1 / (rank + 2) for rank in range(len(self.words)))]

    def sentence(self, length: int) -> str:
        words = self.chance.choices(self.words, cum_weights=self.weights, k=length)
        return f"{' '.join(words).capitalize()}."

    def paragraph(self) -> str:
        lengths = (self.chance.randint(8, 22) for _ in range(self.chance.randint(1, 3)))
        return f"<p>{' '.join(map(self.sentence, lengths))}</p>"

    def statement(self, number: int) -> dict[str, Any]:
        chance = self.chance
        return {
            "slug": f"pronunciamiento-{chance.randrange(10**9)}-{number}",
            "title": self.sentence(chance.randint(4, 9)),
            "summary": self.sentence(18) if number % 2 else "",
            "body": "".join(self.paragraph() for _ in range(chance.randint(2, 4))),
            "date": f"{chance.randint(2005, 2025)}-{chance.randint(1, 12):02}"
            if number % 9
            else "",
        }

    def queries(self, statements: list[str]) -> list[str]:
        """A hundred: words common and rare, several, phrases, exclusions, none at all."""
        pick = self._word
        return [
            *(pick() for _ in range(40)),
            *(f"{pick()} {pick()}" for _ in range(20)),
            *(f"{pick()} {pick()} {pick()}" for _ in range(10)),
            *(f'"{self._phrase(self.chance.choice(statements))}"' for _ in range(10)),
            *(f"{pick()} -{pick()}" for _ in range(10)),
            *(pick().upper() for _ in range(5)),
            *(f"{pick()} hipopótamo{n}" for n in range(5)),
        ]

    def _word(self) -> str:
        """As likely among the ten commonest as among the thousand rarest."""
        return self.words[int(len(self.words) ** self.chance.random()) - 1]

    def _phrase(self, text: str) -> str:
        words = text.replace("<p>", " ").replace("</p>", " ").replace(".", " ").split()
        start = self.chance.randrange(len(words) - 2)
        return " ".join(words[start : start + self.chance.choice([2, 3])])


def prepare(writer: Writer, count: int) -> tuple[list[str], float]:
    """The queries, and how many statements a second were written and indexed."""
    from django.core.management import call_command
    from django.db import connection, transaction
    from django.utils import timezone

    from record import bulk
    from timeline.models import Statement

    call_command("migrate", verbosity=0)
    now, some, seconds = timezone.now(), [], 0.0
    with transaction.atomic():
        for first in range(0, count, BATCH):
            made = [writer.statement(n) for n in range(first, min(count, first + BATCH))]
            some += [one["body"] for one in made[:20]]
            started = time.perf_counter()
            bulk.insert([Statement(kind="position", publish_at=now, **one) for one in made])
            seconds += time.perf_counter() - started
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as autovacuum does within a minute
    return writer.queries(some), count / seconds


def search(typed: str) -> None:
    """All that a page shows."""
    from search.finding import find
    from search.hits import hits_of
    from search.query import parse

    query = parse(typed)
    hits_of(find(query, 20)[0], query)


def milliseconds(query: str, times: int) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        search(query)
        taken.append(1000 * (time.perf_counter() - started))
    return min(taken)


def found_by(typed: str) -> list[Any]:
    """The hits, and how many there are of each kind where they are counted to the end."""
    from search.finding import find
    from search.query import parse

    found, counts = find(parse(typed), COMPARED)
    return [[one.slug for one in found], [n.number for n in counts.values() if not n.more]]


def measure(count: int) -> dict[str, Any]:
    writer = Writer()
    queries, rate = prepare(writer, count)
    commonest = writer.words[0]
    return {
        "rate": rate,
        "median query": median(milliseconds(query, TIMES) for query in queries),
        "slowest": max(milliseconds(query, 1) for query in queries),
        "commonest word": milliseconds(commonest, TIMES),
        "shares": of_calls(lambda: [search(query) for query in queries]),
        "found": [found_by(query) for query in [*queries, commonest]],
    }


def in_own_process(url: str, count: int) -> dict[str, Any]:
    found = in_site(url, __file__, "--measure", "--rows", str(count))
    version = "" if url.startswith("sqlite") else server_version(url)
    return json.loads(found.splitlines()[-1]) | {"server": version}


def report(figures: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| database | what | ms | at most |  |"
    yield "|---|---|---:|---:|---|"
    for name, one in figures.items():
        for what, most in WANTED.items():
            yield f"| {name} | {what} | {one[what]:.1f} | {most} | {met(one[what] < most)} |"
    yield ""
    for name, one in figures.items():
        yield f"{name}: slowest query {one['slowest']:.0f} ms; written and indexed,"
        yield f"{one['rate']:,.0f} statements a second.\n"
    same = sum(a == b for a, b in zip(*(one["found"] for one in figures.values()), strict=True))
    every = len(next(iter(figures.values()))["found"])
    verdict = met(same == every)
    yield f"{PROFILED}\n"
    for name, one in figures.items():
        yield f"- {name}: {in_words(one['shares'])}"
    yield f"\nBoth find the same, in the same order, for {same} of {every} queries: {verdict}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        import django

        django.setup()
        return print(json.dumps(measure(options.rows)))
    figures = {}
    for name, database in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with database() as url:
            figures[name] = in_own_process(url, options.rows)
    table = "\n".join(report(figures))
    print(table)
    if options.rows == parser.get_default("rows"):
        write(
            "Search",
            f"{machine(figures['PostgreSQL']['server'])}\n\n{explained(options.rows)}\n{table}",
        )
    return None


def explained(count: int) -> str:
    return f"""Searching {count:,} statements of about a hundred Spanish words each, drawn by Zipf's
law: all that a page of results shows, counts by kind and marked passages too. «median query» is
that of a hundred: words common and rare, two and three of them, phrases, exclusions, words that are
nowhere; «commonest word» is in nearly every statement. Each is the best of {TIMES} runs.
"""


if __name__ == "__main__":
    main()
