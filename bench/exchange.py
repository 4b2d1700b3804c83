"""Importing and exporting events, ours beside django-import-export's default, in one run.

    python bench/exchange.py [--rows 100000] [--reference-rows 1000] [--only new]

Each figure is measured in a process of its own, on SQLite and on PostgreSQL; both sides write
versions with django-simple-history. A whole run is kept in docs/performance.md.
"""

import argparse
import csv
import io
import json
import resource as limits
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose modules are named for what they measure
from bench.profiling import PROFILED, in_words, of_call  # noqa: E402, found by the path
from bench.report import machine, met, write  # noqa: E402, found by the path
from bench.serving import in_site, server_version  # noqa: E402, found by the path
from tests.run import postgresql, sqlite  # noqa: E402, found by the path

WANTED = {"new": 10.0, "changed": 8.0, "preview": 10.0, "export": 2.5}
MAX_PEAK = {"new": 200, "changed": 200, "preview": 200, "export": 100}
PROFILED_STEPS, PROFILED_ROWS = ("new", "export"), 5_000
HEADERS = ["identificador", "titulo", "categoria", "inicio", "resumen", "organizaciones"]


def rows(count: int, edition: str) -> Iterator[list[str]]:
    for n in range(count):
        related = ("uno; dos", "tres", "")[n % 3]
        yield [
            f"acontecimiento-{n}", f"Acontecimiento {n}, {edition}", "acuerdo",
            f"20{n % 20:02}-{n % 9 + 1:02}", f"Resumen {edition} de lo que pasó, número {n}.",
            related,
        ]  # fmt: skip


def as_csv(count: int, edition: str) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([HEADERS, *rows(count, edition)])
    return out.getvalue().encode()


class Ours:
    def __init__(self) -> None:
        from exchange.imports import RESOURCES

        self.resource = RESOURCES["eventos"]

    def load(self, content: bytes) -> None:
        from exchange.imports import make
        from exchange.models import Receipt
        from exchange.tables import read_table

        table = read_table(io.BytesIO(content), 10**6)
        make(Receipt(resource="eventos", file_name="bench.csv"), table)

    def preview(self, content: bytes) -> None:
        from exchange.imports import preview
        from exchange.models import Receipt

        preview(Receipt(resource="eventos", file_name="bench.csv"), content)

    def export(self) -> None:

        from exchange.formats import CSV

        with tempfile.TemporaryFile() as file:
            resource = self.resource()
            CSV().write(file, resource.rows(resource.model.objects.all()), "eventos")


class Reference:
    """A ModelResource as its documentation has it, with all its defaults: keyed by slug, relations
    by slug, `clean_model_instances` off (with it on, it is five times slower)."""

    def __init__(self) -> None:
        from import_export import fields, resources, widgets

        from organizations.models import Organization
        from timeline.models import Event

        class EventResource(resources.ModelResource):
            titulo = fields.Field(attribute="title", column_name="titulo")
            categoria = fields.Field(attribute="category", column_name="categoria")
            inicio = fields.Field(attribute="start", column_name="inicio")
            resumen = fields.Field(attribute="summary", column_name="resumen")
            identificador = fields.Field(attribute="slug", column_name="identificador")
            organizaciones = fields.Field(
                attribute="organizations",
                column_name="organizaciones",
                widget=widgets.ManyToManyWidget(Organization, separator=";", field="slug"),
            )

            class Meta:
                model = Event
                fields = HEADERS
                import_id_fields = ["identificador"]

        self.resource = EventResource()

    def _import(self, content: bytes, dry_run: bool) -> None:
        import tablib

        data = tablib.Dataset().load(content.decode(), format="csv")
        result = self.resource.import_data(data, dry_run=dry_run, raise_errors=True)
        assert not result.has_errors()  # noqa: S101, a check of its own

    def load(self, content: bytes) -> None:
        self._import(content, dry_run=False)

    def preview(self, content: bytes) -> None:
        self._import(content, dry_run=True)

    def export(self) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(self.resource.export().csv.encode())


def work_of(it: "Ours | Reference", step: str, count: int) -> Callable[[], None]:
    content = (
        b"" if step == "export" else as_csv(count, "segunda" if step == "changed" else "primera")
    )
    return {
        "new": lambda: it.load(content),
        "changed": lambda: it.load(content),
        "preview": lambda: it.preview(content),
        "export": it.export,
    }[step]


def measure(side: str, step: str, count: int) -> None:
    """One figure, in this process: rows a second and peak memory, as JSON on standard output.
    `prepare` makes the database that a step needs."""
    work = work_of({"ours": Ours, "reference": Reference}[side](), step, count)
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    peak = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": count / seconds, "peak": peak}))


def prepare(step: str, count: int) -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _empty()
    if step in ("changed", "export"):
        Ours().load(as_csv(count, "primera"))
    print("{}")


def _empty() -> None:
    from django.core.management import call_command

    from organizations.models import Organization

    call_command("flush", verbosity=0, interactive=False)
    for slug in ("uno", "dos", "tres"):
        Organization.objects.create(slug=slug, name=slug)


def in_own_process(url: str, *arguments: str) -> dict[str, Any]:
    return json.loads(in_site(url, __file__, "--measure", *arguments).splitlines()[-1])


def figure(url: str, side: str, step: str, count: int) -> dict[str, float]:
    in_own_process(url, "prepare", step, str(count))
    return in_own_process(url, side, step, str(count))


HEADING = [
    "database", "what", "rows/s", "reference rows/s", "ratio", "wanted", "",
    "peak MB", "at most", "",
]  # fmt: skip


def report(steps: list[str], count: int, reference_count: int) -> Iterator[str]:
    """A table in Markdown, line by line as the figures come."""
    profiles = []
    yield f"| {' | '.join(HEADING)} |"
    yield "|---|---|" + "---:|" * 4 + "---|---:|---:|---|"
    for name, database in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with database() as url:
            for step in steps:
                reference = figure(url, "reference", step, reference_count)
                ours = figure(url, "ours", step, count)
                ratio = ours["rate"] / reference["rate"]
                cells = [name, step, f"{ours['rate']:,.0f}", f"{reference['rate']:,.0f}"]
                cells += [f"{ratio:.1f}", f"{WANTED[step]}", met(ratio >= WANTED[step])]
                peak, most = ours["peak"], MAX_PEAK[step]
                cells += [f"{peak:.0f}", f"{most}", met(peak < most)]
                yield f"| {' | '.join(cells)} |"
            profiles += [profiled(url, name, step) for step in steps if step in PROFILED_STEPS]
    yield from ["", PROFILED, "", *profiles]


def profiled(url: str, name: str, step: str) -> str:
    in_own_process(url, "prepare", step, str(PROFILED_ROWS))
    shares = in_own_process(url, "profile", step, str(PROFILED_ROWS))["shares"]
    return f"- {step}, {name}: {in_words(shares)}"


def introduction(count: int, reference_count: int) -> str:
    with postgresql() as url:
        server = server_version(url)
    return f"""{machine(server)}

Importing and exporting {count:,} events of six columns, one of them a relation, with validation,
versions and receipt. The reference is django-import-export's `ModelResource` with its defaults
(keyed by slug, relations by slug, no model validation) on the same model with
django-simple-history, on {reference_count:,} rows; its rate does not depend on how many. «new»
makes them, «changed» changes two columns of each, «preview» says what «new» would do. Peak memory
is the whole process's, ours, with Django and the file in memory.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--reference-rows", type=int, default=1_000)
    parser.add_argument("--only", choices=WANTED, help="this figure alone, printed and not kept")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return in_this_process(*options.measure)
    lines = []
    for line in report(
        [options.only] if options.only else [*WANTED], options.rows, options.reference_rows
    ):
        print(line, flush=True)
        lines.append(line)
    if not options.only:
        text = introduction(options.rows, options.reference_rows)
        write("Imports and exports", "\n".join([text, *lines]))
    return None


def in_this_process(what: str, step: str, count: str) -> None:
    import django

    django.setup()
    if what == "prepare":
        prepare(step, int(count))
    elif what == "profile":
        print(json.dumps({"shares": of_call(work_of(Ours(), step, int(count)))}))
    else:
        measure(what, step, int(count))


if __name__ == "__main__":
    main()
