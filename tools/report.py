"""Writes each benchmark's section of docs/performance.md."""

import os
import platform
import re
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
# The load before the first benchmark of a run, which is itself a load for the next ones.
LOAD, QUIET = float(os.environ.get("LOAD_BEFORE") or os.getloadavg()[0]), 1.0
HEADING = "# Performance\n\nTimes depend on the machine and its load; each ratio is of one run.\n"


def write(title: str, text: str) -> None:
    """Replaces the section `title`; the other sections stay."""
    whole = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    _, *sections = re.split(r"^## ", whole, flags=re.MULTILINE)
    texts = dict(section.split("\n", 1) for section in sections) | {title: text}
    body = "\n".join(f"## {name}\n\n{section.strip()}\n" for name, section in texts.items())
    REPORT.write_text(f"{HEADING}\n{body}", encoding="utf-8")


def machine() -> str:
    busy = " **The machine was busy**: it is quicker when it is not." if LOAD > QUIET else ""
    return (
        f"Written by `make bench` on {datetime.now(UTC).date()}: {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"load average {LOAD:.1f} before.{busy}"
    )


def table(heading: str, rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; columns whose heading begins with a space are aligned to the right."""
    names = heading.split("|")
    lines = "|".join("---:" if name.startswith(" ") else "---" for name in names)
    cells = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(map(str.strip, names))} |", f"|{lines}|", *cells])


def met(is_met: bool) -> str:
    return "met" if is_met else "**not met**"
