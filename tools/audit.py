"""Check the site in production settings with Lighthouse and the Nu HTML checker.

    python -m tools.audit

Granian serves the record from an empty database, with DEBUG off and compressed static files. In
Lighthouse, the median of RUNS must be 100 in each category; pages must not load scripts, load from
other hosts, exceed their weight, or shift by more than the change of fonts does. The HTML checker
must report no error and no warning. Only a run that Lighthouse cannot finish is repeated. CI, whose
machine may be busy, runs each page once and prints the performance without judging it.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from tools.production import PRODUCTION

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "tools" / "node_modules"
IN_CI = bool(os.environ.get("CI"))
RUNS = 1 if IN_CI else 5
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TIMED = CATEGORIES[:1]
TRIES = 3  # of a run that Lighthouse cannot finish
LIGHTHOUSE = (
    "/ /linea-de-tiempo/ /pronunciamientos/que-es-y-quienes-conforman-el-nucleo/ "
    "/organizaciones/socialtic/ /buscar/?q=datos"
).split()
KINDS = (
    *LIGHTHOUSE,
    *"/organizaciones/ /representacion/ /al/2017-05/ /linea-de-tiempo/?categoria=relevo".split(),
    *"/linea-de-tiempo/salida-del-stt/ /pronunciamientos/ /fuentes/ /datos/ /acerca-de/".split(),
    *"/fuentes/nucleo-de-sociedad-civil/ /no-existe/ /?organizacion=a%00b".split(),
)
KILOBYTES = 90  # fonts, headers and icon too; `test_whole_record` weighs the pages without them
SHIFT = 0.01  # of 1; a tenth of the shift that Lighthouse calls good
CHROME_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
)
NEEDED = {
    "node": "Node.js 18.16 or newer (Debian: apt install nodejs)",
    "npm": "npm (Debian: apt install npm)",
    "java": "Java 11 or newer (Debian: apt install default-jre-headless)",
}


def main() -> int:
    for program, package in NEEDED.items():
        if not shutil.which(program):
            sys.exit(f"make audit needs {package}.")
    from tools.suite import find_chromium  # here, since the served `application` does not need it

    if not (chromium := find_chromium()):
        sys.exit("make audit needs Chromium (Debian: apt install chromium).")
    install()
    with tempfile.TemporaryDirectory(prefix="nucleo-audit-") as folder, served(folder) as site:
        problems = check_html(site, Path(folder))
        for path in LIGHTHOUSE:
            problems += check_page(site, path, chromium, Path(folder))
    print("\nNo problems." if not problems else "\n" + "\n".join(problems))
    return bool(problems)


def install() -> None:
    """Install the packages without their scripts, since one of them downloads Java."""
    installed, wanted = MODULES / ".package-lock.json", MODULES.parent / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return
    command = "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error".split()
    if subprocess.run(command, cwd=MODULES.parent).returncode:
        sys.exit("The packages of tools/package-lock.json could not be installed.")


def application(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
    """Serve the site as if behind a proxy with TLS."""
    from nucleo.wsgi import application as site

    return site(environ | {"HTTP_X_FORWARDED_PROTO": "https"}, start_response)


@contextmanager
def served(folder: str) -> Iterator[str]:
    """Start the site with its record on a free port, and yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = (
        os.environ
        | PRODUCTION
        | {
            "ALLOWED_HOSTS": "127.0.0.1",
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
        }
    )
    for command in ("migrate -v 0", "load_record", "collectstatic --no-input -v 0"):
        manage = [sys.executable, "manage.py", *command.split()]
        subprocess.run(manage, cwd=ROOT, env=settings, check=True)
    options = f"--interface wsgi --port {port} --blocking-threads 1 --log-level warning".split()
    command = [sys.executable, "-m", "granian", *options, "tools.audit:application"]
    log = Path(folder, "server.log")
    server = subprocess.Popen(command, cwd=ROOT, env=settings, stderr=log.open("w"))
    try:
        site = f"http://127.0.0.1:{port}"
        wait_for(f"{site}/healthz", server, log)
        yield site
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < end:
        try:
            urlopen(address, timeout=5).close()  # noqa: S310, our own server
            return
        except OSError:  # refused, or slow while the application loads
            time.sleep(0.2)
    sys.exit(f"The server did not start.\n{log.read_text()}")


def fetch(address: str) -> bytes:
    """Return the body of a page, also of an error page."""
    try:
        with urlopen(address, timeout=30) as answer:  # noqa: S310, our own server
            return answer.read()
    except HTTPError as error:
        return error.read()


def check_html(site: str, folder: Path) -> list[str]:
    pages = {f"page-{number}.html": path for number, path in enumerate(KINDS)}
    for name, path in pages.items():
        (folder / name).write_bytes(fetch(site + path))
    jar = MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = ["java", "-Xss4m", "-jar", jar, "--format", "json", "--stdout", "--exit-zero-always"]
    files = [folder / name for name in pages]
    output = subprocess.run([*command, *files], capture_output=True, check=True).stdout
    problems = [
        f"HTML {pages[Path(m['url']).name]}, line {m.get('lastLine')}: {m['message']}"
        for m in json.loads(output)["messages"]
    ]
    print(f"The HTML checker read {len(pages)} pages: {len(problems)} errors and warnings.\n")
    return problems


def check_page(site: str, path: str, chromium: str, folder: Path) -> list[str]:
    reports = [report(site + path, chromium, folder) for _ in range(RUNS)]
    problems = []
    for name in CATEGORIES:
        scores = [round(100 * (each["categories"][name]["score"] or 0)) for each in reports]
        print(f"{path:55} {name:15} {median(scores):3.0f}  {scores}", flush=True)
        if median(scores) < 100 and not (IN_CI and name in TIMED):
            worst = reports[scores.index(min(scores))]
            problems.append(f"{path} {name}: {', '.join(failing(worst, name))}")
    return problems + loading_problems(site, path, reports)


def report(address: str, chromium: str, folder: Path) -> dict[str, Any]:
    output = folder / "lighthouse.json"
    command = ["node", MODULES / "lighthouse" / "cli" / "index.js", address, "--quiet"]
    command += ["--output=json", f"--output-path={output}", f"--chrome-flags={CHROME_FLAGS}"]
    command += [f"--only-categories={','.join(CATEGORIES)}"]
    for _ in range(TRIES):
        done = subprocess.run(command, cwd=folder, env=os.environ | {"CHROME_PATH": chromium})
        if not done.returncode:
            return json.loads(output.read_text())
        print(f"Lighthouse could not finish {address}.", flush=True)
    sys.exit(f"Lighthouse failed on {address}, {TRIES} times.")


def failing(report: dict[str, Any], category: str) -> list[str]:
    """Return the failed audits of a category, with their values."""
    weighty = [ref["id"] for ref in report["categories"][category]["auditRefs"] if ref["weight"]]
    audits = [report["audits"][name] for name in weighty]
    return [
        f"{audit['id']} {audit.get('displayValue', '')}".strip()
        for audit in audits
        if audit["score"] is not None and audit["score"] < 1
    ]


def loading_problems(site: str, path: str, reports: list[dict[str, Any]]) -> list[str]:
    """Return the shifts, scripts, foreign requests and excess weight of a page."""
    problems = []
    shift = max(each["audits"]["cumulative-layout-shift"]["numericValue"] for each in reports)
    loaded = reports[0]["audits"]["network-requests"]["details"]["items"]
    home = urlsplit(site).netloc
    elsewhere = [i["url"] for i in loaded if urlsplit(i["url"]).netloc not in (home, "")]
    scripts = [i["url"] for i in loaded if i.get("resourceType") == "Script"]
    weight = sum(i.get("transferSize", 0) for i in loaded) / 1024
    print(f"{path:55} shift {shift}, {len(loaded)} requests, {weight:.1f} KB\n", flush=True)
    if shift > SHIFT or elsewhere or scripts:
        problems.append(f"{path} shifts by {shift}, loads {elsewhere + scripts}")
    if weight > KILOBYTES:
        problems.append(f"{path} weighs {weight:.1f} KB")
    return problems


if __name__ == "__main__":
    sys.exit(main())
