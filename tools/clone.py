"""Measure `make run` in a fresh clone until the site answers, twice.

    python -m tools.clone

Only committed files are cloned. After the first run, pip reads the packages from its cache.
"""

import os
import signal
import subprocess
import tempfile
import time

from tests.ports import free_port, opens
from tools.report import met, table, write
from tools.serving import ROOT

SLOWEST = {"git clone and make run": 60, "make run, again": 5}  # seconds
OURS = {"DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "MAKEFLAGS", "MAKELEVEL"}


def serve(clone: str) -> float:
    """Start the site, stop it when it listens, and return that moment."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    make = subprocess.Popen(
        ["make", "--silent", "-C", clone, "run"], env=environment | {"PORT": f"{port}"},
        stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        if not opens(port, make):
            raise SystemExit("make run did not serve the site.")
        return time.perf_counter()
    finally:
        os.killpg(make.pid, signal.SIGTERM)
        make.wait()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="nucleo-clone-") as clone:
        started = time.perf_counter()
        command = ["git", "clone", "--quiet", "--no-hardlinks", ROOT, clone]
        subprocess.run(command, check=True)
        seconds = [serve(clone) - started]
        started = time.perf_counter()
        seconds.append(serve(clone) - started)
    rows = [
        [name, f"{taken:.1f}", f"{most}", met(taken <= most)]
        for (name, most), taken in zip(SLOWEST.items(), seconds, strict=True)
    ]
    text = table("step| s| at most|", rows)
    print(text)
    write("clone", text)


if __name__ == "__main__":
    main()
