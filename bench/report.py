"""docs/performance.md, to which each bench writes a section of its own."""

import os
import platform
import re
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
# Before anything was measured: the first bench of a run is itself a load to the others.
LOAD, QUIET = float(os.environ.get("LOAD_BEFORE") or os.getloadavg()[0]), 1.0
HEADING = """# Performance

Rates and times depend on the machine and on what else it does; ratios are of one run.
"""


def write(title: str, text: str) -> None:
    """Puts `text` under its title, in place of what stood there; other sections stay."""
    whole = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    _, *sections = re.split(r"^## ", whole, flags=re.MULTILINE)
    found = dict(section.split("\n", 1) for section in sections) | {title: f"\n{text.strip()}\n\n"}
    body = "\n".join(f"## {name}\n\n{found[name].strip()}\n" for name in found)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(f"{HEADING}\n{body}", encoding="utf-8")


def machine(postgresql: str = "") -> str:
    """When and on what the figures were found; the machine's load before they were."""
    today = datetime.now(UTC).date().isoformat()
    load = f"load average {LOAD:.1f} before"
    if LOAD > QUIET:
        load += ":\n**the machine was busy**, so that times are longer than on a quiet one"
    server = f"PostgreSQL {postgresql}, " if postgresql else ""
    return (
        f"Written by `make bench` on {today}: {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},\n{server}{load}."
    )


def table(heading: str, rows: Iterable[Iterable[str]]) -> str:
    """In Markdown; a column is to the right where its heading begins with a space."""
    names = heading.split("|")
    lines = "|".join("---:" if name.startswith(" ") else "---" for name in names)
    cells = [" | ".join(row) for row in rows]
    return "\n".join(
        [f"| {' | '.join(map(str.strip, names))} |", f"|{lines}|", *(f"| {row} |" for row in cells)]
    )


def met(is_so: bool) -> str:
    return "met" if is_so else "**not met**"
