"""Loads several pages in turn, round after round, so that all meet the same machine."""

import http.client
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.run import install_of_debian

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 4
# Behind a proxy that ends TLS, as the site stands on a server.
FORWARDED = (("X-Forwarded-Proto", "https"),)
GZIP = (("Accept-Encoding", "gzip"),)
SUMMARY = """
done = function(summary)
  local errors = summary.errors
  io.write(string.format('{"requests": %d, "seconds": %f, "bytes": %d, "failed": %d}',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


ANEW = """
local asked = os.time() * 1000000
local joint = string.find(wrk.path, "?", 1, true) and "&" or "?"
request = function()
  asked = asked + 1
  return wrk.format(nil, string.format("%s%sn=%d", wrk.path, joint, asked))
end
"""


class WrongAnswerError(Exception):
    """What was measured is not what was to be measured."""


@dataclass(frozen=True)
class Page:
    """A page of a server, `port`, and what it must answer."""

    port: int
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    holds: bytes = b""
    anew: bool = False
    """Each time at an address that nobody has asked for, so that no stored page answers."""

    def answer(self) -> tuple[http.client.HTTPResponse, bytes]:
        """One answer with its body; WrongAnswerError if it is another than it must be."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", self.path, headers=dict(FORWARDED + self.headers))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != self.status or self.holds not in body:
            raise WrongAnswerError(
                f"{self.path} answers {response.status} and {len(body)} bytes, "
                f"not {self.status} with «{self.holds.decode()}»"
            )
        return response, body

    def size(self) -> int:
        """Bytes of an answer, its head too."""
        response, body = self.answer()
        lines = [f"{name}: {value}\r\n" for name, value in response.getheaders()]
        return len(f"HTTP/1.1 {response.status} {response.reason}\r\n\r\n{''.join(lines)}") + len(
            body
        )


def load(page: Page, seconds: float = SECONDS, connections: int = CONNECTIONS) -> float:
    """Answers a second over connections that are kept, each of them the right one: none fails, and
    together they have the bytes that so many have."""
    size = page.size()
    done = wrk(page, SUMMARY + ANEW * page.anew, seconds, connections)
    mean = done["bytes"] / max(done["requests"], 1)
    if abs(mean - size) > 64 + size / 50:
        raise WrongAnswerError(f"{page.path} answers {mean:.0f} bytes under load, else {size}")
    return done["requests"] / done["seconds"]


def wrk(
    page: Page, script: str, seconds: float = SECONDS, connections: int = CONNECTIONS
) -> dict[str, float]:
    """What wrk has counted. A client in Python would be slower than what it measures."""
    install_of_debian("wrk", "wrk")
    if not shutil.which("wrk"):
        sys.exit("make bench needs wrk (Debian: apt install wrk).")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        Path(file.name).write_text(script, encoding="utf-8")
        command = ["wrk", "--threads", "1", "--connections", str(connections)]
        command += ["--duration", f"{seconds:.0f}s", "--timeout", "60s", "--script", file.name]
        lines = [f"{name}: {value}" for name, value in FORWARDED + page.headers]
        command += [word for line in lines for word in ("--header", line)]
        command.append(f"http://127.0.0.1:{page.port}{page.path}")
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    counted = json.loads(done.stdout.splitlines()[-1])
    if counted["failed"] or not counted["requests"]:
        raise WrongAnswerError(f"{page.path}: {counted}")
    return counted


def in_turn(
    measures: Mapping[Page, Callable[[Page], float]], rounds: int = ROUNDS
) -> dict[Page, list[float]]:
    """Each page's figure in each round, A B C A B C, after one round that does not count."""
    samples: dict[Page, list[float]] = {page: [] for page in measures}
    for _ in range(rounds + 1):
        for page, measure in measures.items():
            samples[page].append(measure(page))
    return {page: figures[1:] for page, figures in samples.items()}


def ratio(ours: list[float], reference: list[float]) -> float:
    """The median of the rounds' own ratios: what slows a whole round does not count."""
    return median(one / other for one, other in zip(ours, reference, strict=True))
