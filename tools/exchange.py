"""Measures imports and exports of events beside django-import-export alone.

    python -m tools.exchange [--only new]

Each figure is of a process of its own. A whole run is written to docs/performance.md.
"""

import argparse
import csv
import io
import json
import resource as limits
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.run import postgresql, sqlite
from tools import serving
from tools.report import machine, met, table, write

WANTED = {"new": 20, "changed": 10, "preview": 10, "export": 2}  # times the defaults' rate
COUNTS = {"ours": 20_000, "defaults": 1_000, "expert": 20_000}  # rows
MEMORY = {20_000: 250, 100_000: 550}  # rows, megabytes
HEADERS = ["identificador", "titulo", "categoria", "inicio", "resumen", "organizaciones"]
INTRODUCTION = """Rows a second of events with six columns, one of them many-to-many. «new» makes
them, «changed» changes two columns of each, «preview» says what «new» would do.

- **Ours**: `import_records` and `export_records`, 20,000 rows, with validation, relations,
  versions and receipt.
- **Defaults**: django-import-export's `ModelResource` as its documentation has it, 1,000 rows (its
  rate does not depend on their number): relations, and versions by django-simple-history's signal;
  no model validation, no receipt.
- **Expert**: the same on 20,000 rows with `use_bulk`, `CachedInstanceLoader`, `skip_diff` and
  `skip_html_diff`. The package's bulk mode writes no relations and no versions: it does less.

Memory is the peak of the process of «new»."""


def as_csv(count: int, edition: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADERS)
    for n in range(count):
        date, related = f"20{n % 20:02}-{n % 9 + 1:02}", ("uno; dos", "tres", "")[n % 3]
        texts = [f"Acontecimiento {n}, {edition}", "acuerdo", date, f"Lo que pasó, {edition}, {n}."]
        writer.writerow([f"acontecimiento-{n}", *texts, related])
    return out.getvalue()


def ours(step: str, file: Path) -> None:
    from django.core.management import call_command

    if step == "export":
        call_command("export_records", "eventos", str(file.with_suffix(".out.csv")))
    else:
        options = ["--dry-run"] if step == "preview" else []
        call_command("import_records", "eventos", str(file), *options, stdout=io.StringIO())


def package(step: str, file: Path, is_expert: bool) -> None:
    import tablib

    resource = resource_of(is_expert)()
    if step == "export":
        file.with_suffix(".out.csv").write_text(resource.export().csv, encoding="utf-8")
        return
    data = tablib.Dataset().load(file.read_text(encoding="utf-8"), format="csv")
    result = resource.import_data(data, dry_run=step == "preview", raise_errors=True)
    if result.totals["new"] + result.totals["update"] != len(data):
        raise SystemExit(f"The package imported other rows: {result.totals}")


def resource_of(is_expert: bool) -> type:
    from import_export import fields, instance_loaders, resources, widgets

    from organizations.models import Organization
    from timeline.models import Event

    slugs = widgets.ManyToManyWidget(Organization, separator=";", field="slug")

    class EventResource(resources.ModelResource):
        slug = fields.Field("slug", "identificador")
        title = fields.Field("title", "titulo")
        category = fields.Field("category", "categoria")
        start = fields.Field("start", "inicio")
        summary = fields.Field("summary", "resumen")
        organizations = fields.Field("organizations", "organizaciones", slugs)

        class Meta:
            model, import_id_fields = Event, ["slug"]
            fields = "slug title category start summary organizations".split()

    class ExpertResource(EventResource):
        class Meta:
            use_bulk, batch_size, skip_diff, skip_html_diff = True, 1000, True, True
            instance_loader_class = instance_loaders.CachedInstanceLoader

        def get_bulk_update_fields(self) -> list[str]:
            return ["title", "category", "start", "summary"]  # bulk_update takes no relations

    return ExpertResource if is_expert else EventResource


def measure(side: str, step: str, count: int) -> None:
    """Prints the rate and the peak memory of this process; «prepare» makes a step's database."""
    import django

    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "eventos.csv"
        edition = "otra vez" if step == "changed" and side != "prepare" else "antes"
        file.write_text(as_csv(count, edition), encoding="utf-8")
        started = time.perf_counter()
        if side == "prepare":
            prepare(step, file)
        elif side == "ours":
            ours(step, file)
        else:
            package(step, file, side == "expert")
        rate = count / (time.perf_counter() - started)
    peak = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": rate, "peak": peak}))


def prepare(step: str, file: Path) -> None:
    from django.core.management import call_command

    from organizations.models import Organization

    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    for slug in ("uno", "dos", "tres"):
        Organization.objects.create(slug=slug, name=slug)
    if step in ("changed", "export"):
        ours("new", file)


def figure(url: str, side: str, count: int, step: str) -> dict[str, float]:
    lines = [f"-m tools.exchange --measure {who} {step} {count}" for who in ("prepare", side)]
    return json.loads(serving.python(url, *lines).splitlines()[-1])


def rates(name: str, url: str, step: str) -> list[str]:
    ours, defaults, expert = (figure(url, *side, step)["rate"] for side in COUNTS.items())
    ratio, wanted = ours / defaults, WANTED[step]
    row = [name, step, f"{ours:,.0f}", f"{defaults:,.0f}", f"{ratio:.1f}", f"{wanted}"]
    return [*row, met(ratio >= wanted), f"{expert:,.0f}", f"{ours / expert:.1f}"]


def memory(name: str, url: str, count: int) -> list[str]:
    peak, most = figure(url, "ours", count, "new")["peak"], MEMORY[count]
    return [name, f"{count:,}", f"{peak:.0f}", f"{most}", met(peak < most)]


def main() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=WANTED, help="print this step; write nothing")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(*options.measure[:2], int(options.measure[2]))
    speed, peaks = [], []
    for name, database in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with database() as url:
            steps = [options.only] if options.only else [*WANTED]
            speed += [rates(name, url, step) for step in steps]
            peaks += [memory(name, url, count) for count in MEMORY if not options.only]
    text = table("database|step| ours| defaults| ratio| wanted|| expert| ratio", speed)
    if options.only:
        return print(text)
    memories = table("database| rows| MB| at most|", peaks)
    return write("Imports and exports", "\n\n".join([machine(), INTRODUCTION, text, memories]))


if __name__ == "__main__":
    main()
