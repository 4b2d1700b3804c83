"""From a fresh clone to a site that could be served: `make setup`, timed.

    python bench/clone.py

What is committed is cloned into a folder of its own; pip finds the packages where it has kept them
since they were installed for the first time. The figure is kept in docs/performance.md.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # not bench/, whose modules are named for what they measure
from bench.report import machine, met, table, write  # noqa: E402, found by the path

SLOWEST = 60  # seconds
OURS = {"DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "MAKEFLAGS", "MAKELEVEL"}


def set_up() -> dict[str, float]:
    """Seconds of each step, in a folder that is gone afterwards."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    with tempfile.TemporaryDirectory(prefix="nucleo-clone-") as folder:
        steps = {
            "git clone": ["git", "clone", "--quiet", "--no-hardlinks", ROOT, f"{folder}/nucleo"],
            "make setup": ["make", "--silent", "-C", f"{folder}/nucleo", "setup"],
            "make setup, once more": ["make", "--silent", "-C", f"{folder}/nucleo", "setup"],
        }
        seconds = {}
        for name, command in steps.items():
            started = time.perf_counter()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            seconds[name] = time.perf_counter() - started
    return seconds


def main() -> None:
    seconds = set_up()
    again = seconds.pop("make setup, once more")
    whole = sum(seconds.values())
    rows = [[name, f"{took:.1f}", "", ""] for name, took in seconds.items()]
    rows += [["both", f"{whole:.1f}", f"{SLOWEST}", met(whole <= SLOWEST)]]
    rows += [["make setup, once more", f"{again:.1f}", "", ""]]
    text = table("what| s| at most|", rows)
    print(text)
    write("From a fresh clone", f"{machine()}\n\n{text}")


if __name__ == "__main__":
    main()
