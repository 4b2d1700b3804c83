"""docs/performance.md, to which each bench writes a section of its own."""

import os
import platform
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
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


def machine(postgresql: str) -> str:
    today = datetime.now(UTC).date().isoformat()
    return (
        f"Written by `make bench` on {today}: {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL {postgresql}, load\naverage {os.getloadavg()[2]:.1f}."
    )


def met(is_so: bool) -> str:
    return "met" if is_so else "**not met**"
