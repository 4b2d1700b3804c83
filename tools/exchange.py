"""Compare imports and exports of events with django-import-export alone.

    python -m tools.exchange [--only new]

Each figure comes from a separate process. A full run writes docs/performance.md.
"""

import argparse
import io
import json
import resource as limits
import tempfile
import time
from pathlib import Path

import django
import tablib
from django.core.management import call_command

from tools import serving
from tools.report import met, table, write

WANTED = {"new": 20, "changed": 10, "preview": 10, "export": 2}  # times the package's rate
COUNTS = {"ours": 20_000, "defaults": 1_000, "expert": 20_000}  # rows
MEMORY = {20_000: 250, 100_000: 550}  # rows, megabytes


def as_csv(count: int, edition: str) -> str:
    lines = ["identificador,titulo,categoria,inicio,resumen,nombradas"]
    for n in range(count):
        date, related = f"20{n % 20:02}-{n % 9 + 1:02}", ("uno; dos", "tres", "")[n % 3]
        texts = f'"Acontecimiento {n}, {edition}",acuerdo,{date},"Lo que pasó, {edition}, {n}."'
        lines.append(f"acontecimiento-{n},{texts},{related}")
    return "\n".join([*lines, ""])


def ours(step: str, file: Path) -> None:
    if step == "export":
        call_command("export_records", "eventos", str(file.with_suffix(".out.csv")))
    else:
        options = ["--dry-run"] if step == "preview" else []
        call_command("import_records", "eventos", str(file), *options, stdout=io.StringIO())


def package(step: str, file: Path, is_expert: bool) -> None:
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
    from timeline.vocabulary import EventCategory

    slug_of_category = widgets.ForeignKeyWidget(EventCategory, "slug")
    slugs = widgets.ManyToManyWidget(Organization, separator=";", field="slug")

    class EventResource(resources.ModelResource):
        slug = fields.Field("slug", "identificador")
        title = fields.Field("title", "titulo")
        category = fields.Field("category", "categoria", slug_of_category)
        start = fields.Field("start", "inicio")
        summary = fields.Field("summary", "resumen")
        organizations = fields.Field("organizations", "nombradas", slugs)

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


def prepare(step: str, file: Path, count: int) -> None:
    """Write the file for a step, and the records that the step needs in the database."""
    from organizations.models import Organization

    for slug in ("uno", "dos", "tres"):
        Organization.objects.create(slug=slug, name=slug)
    file.write_text(as_csv(count, "antes"), encoding="utf-8")
    if step in ("changed", "export"):
        ours("new", file)
        file.write_text(as_csv(count, "otra vez"), encoding="utf-8")


def measure(side: str, step: str, count: int) -> None:
    """Print the rate and the peak memory of this process."""
    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "eventos.csv"
        prepare(step, file, count)
        started = time.perf_counter()
        ours(step, file) if side == "ours" else package(step, file, side == "expert")
        rate = count / (time.perf_counter() - started)
    peak = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": rate, "peak": peak}))


def figure(url: str, side: str, count: int, step: str) -> dict[str, float]:
    """Measure in a separate process, on an empty database."""
    program = f"-m tools.exchange --measure {side} {step} {count}"
    empty = ("manage.py migrate -v 0", "manage.py flush --no-input -v 0")
    return json.loads(serving.python(url, *empty, program))


def rates(name: str, url: str, step: str) -> list[str]:
    ours, defaults, expert = (figure(url, *side, step)["rate"] for side in COUNTS.items())
    ratio, wanted = ours / defaults, WANTED[step]
    row = [name, step, f"{ours:,.0f}", f"{defaults:,.0f}", f"{ratio:.1f}", f"{wanted}"]
    return [*row, met(ratio >= wanted), f"{expert:,.0f}", f"{ours / expert:.1f}"]


def memory(name: str, url: str, count: int) -> list[str]:
    peak, most = figure(url, "ours", count, "new")["peak"], MEMORY[count]
    return [name, f"{count:,}", f"{peak:.0f}", f"{most}", met(peak < most)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=WANTED, help="print this step; write nothing")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        side, step, count = options.measure
        measure(side, step, int(count))
        return
    speed, peaks = [], []
    for name, database in serving.DATABASES.items():
        with database() as url:
            speed += [rates(name, url, step) for step in WANTED if options.only in (None, step)]
            peaks += [memory(name, url, count) for count in MEMORY if not options.only]
    text = table("database|step| ours| defaults| ratio| wanted|| expert| ratio", speed)
    if options.only:
        print(text)
    else:
        memories = table("database| rows| MB| at most|", peaks)
        write("exchange", text, memories)


if __name__ == "__main__":
    main()
