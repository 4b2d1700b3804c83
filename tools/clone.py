"""Measures `make run` in a fresh clone until the site answers, and once more.

    python -m tools.clone

What is committed is cloned; pip takes the packages from its cache after the first run.
"""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tools import serving
from tools.report import machine, met, table, write

SLOWEST = {"git clone and make run": 60, "make run, again": 5}  # seconds
OURS = {"DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "MAKEFLAGS", "MAKELEVEL"}


def served(folder: Path) -> None:
    """Returns when the site of the clone listens; stops it."""
    port = serving.free_port()
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    make = subprocess.Popen(
        ["make", "--silent", "-C", folder, "run"], env=environment | {"PORT": f"{port}"},
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        if not serving.listens(port, make):
            raise SystemExit("make run did not serve the site.")
    finally:
        os.killpg(make.pid, signal.SIGTERM)
        make.wait()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="nucleo-clone-") as folder:
        clone = Path(folder) / "nucleo"
        started = time.perf_counter()
        subprocess.run(
            ["git", "clone", "--quiet", "--no-hardlinks", serving.ROOT, clone], check=True
        )
        served(clone)
        cloned = time.perf_counter()
        served(clone)
        seconds = (cloned - started, time.perf_counter() - cloned)
    rows = [
        [name, f"{taken:.1f}", f"{most}", met(taken <= most)]
        for (name, most), taken in zip(SLOWEST.items(), seconds, strict=True)
    ]
    text = table("step| s| at most|", rows)
    print(text)
    write("From a fresh clone", f"{machine()}\n\n{text}")


if __name__ == "__main__":
    main()
