"""Write the figures of each benchmark to docs/performance.md."""

import os
import platform
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
# The load before the first benchmark of a run. Each benchmark adds to the load of the next.
LOAD, QUIET = float(os.environ.get("LOAD_BEFORE") or os.getloadavg()[0]), 1.0


def write(name: str, *figures: str) -> None:
    """Replace the text between the two marks of `name`."""
    mark = f"<!-- {name} -->"
    before, _, after = REPORT.read_text(encoding="utf-8").split(mark)
    text = "\n\n".join(["", machine(), *figures, ""])
    REPORT.write_text(mark.join([before, text, after]), encoding="utf-8")


def machine() -> str:
    busy = " **The machine was busy**: it is quicker when it is not." if LOAD > QUIET else ""
    return (
        f"Written by `make bench` on {datetime.now(UTC).date()}: {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"load average {LOAD:.1f} before.{busy}"
    )


def table(heading: str, rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table. A heading that begins with a space aligns its column right."""
    names = heading.split("|")
    lines = "|".join("---:" if name.startswith(" ") else "---" for name in names)
    cells = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(map(str.strip, names))} |", f"|{lines}|", *cells])


def met(is_met: bool) -> str:
    return "met" if is_met else "**not met**"
