"""Loads pages in turn, round after round, so that all of them meet the same machine."""

import http.client
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.run import install_of_debian

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 4
FORWARDED = (("X-Forwarded-Proto", "https"),)  # as a proxy that ends TLS says
GZIP = (("Accept-Encoding", "gzip"),)
ANEW = """
local asked = os.time() * 1000000
local joint = string.find(wrk.path, "?", 1, true) and "&" or "?"
request = function()
  asked = asked + 1
  return wrk.format(nil, string.format("%s%sn=%d", wrk.path, joint, asked))
end
"""


class WrongAnswerError(Exception):
    """The server answers another page than the one to measure."""


@dataclass(frozen=True)
class Page:
    """A page of the server on `port`, and what its answer must be."""

    port: int
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    holds: bytes = b""
    anew: bool = False
    """Every request has another query, so that no stored page answers it."""

    def answer(self) -> tuple[http.client.HTTPResponse, bytes]:
        """One response and its body; raises WrongAnswerError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", self.path, headers=dict(FORWARDED + self.headers))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != self.status or self.holds not in body:
            raise WrongAnswerError(f"{self.path}: {response.status}, {len(body)} bytes")
        return response, body

    def rate(self) -> float:
        """Responses a second over kept connections, none of which may fail."""
        self.answer()
        counted = wrk(self)
        if "Non-2xx" in counted or "Socket errors" in counted:
            raise WrongAnswerError(f"{self.path}: {counted}")
        return float(re.search(r"Requests/sec:\s+([\d.]+)", counted)[1])


def wrk(page: Page) -> str:
    """What wrk prints. A client in Python is slower than the pages that it would measure."""
    install_of_debian("wrk", "wrk")
    if not shutil.which("wrk"):
        sys.exit("make bench needs wrk (Debian: apt install wrk).")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        Path(file.name).write_text(ANEW * page.anew, encoding="utf-8")
        command = f"wrk -t 1 -c {CONNECTIONS} -d {SECONDS}s --timeout 60s -s {file.name}".split()
        for name, value in FORWARDED + page.headers:
            command += ["--header", f"{name}: {value}"]
        command.append(f"http://127.0.0.1:{page.port}{page.path}")
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def in_turn(pages: Iterable[Page], rounds: int = ROUNDS) -> dict[Page, list[float]]:
    """Each page's rate in each round, A B C A B C, after a first round that does not count."""
    rates: dict[Page, list[float]] = {page: [] for page in pages}
    for _ in range(rounds + 1):
        for page in rates:
            rates[page].append(page.rate())
    return {page: counted[1:] for page, counted in rates.items()}


def ratio(ours: list[float], reference: list[float]) -> float:
    """The median of the rounds' own ratios: a slow round counts for neither."""
    return median(one / other for one, other in zip(ours, reference, strict=True))
