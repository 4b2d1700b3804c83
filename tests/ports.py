"""Ports of this machine, for the servers that tests and benchmarks start."""

import secrets
import socket
import subprocess
import time
from contextlib import suppress

SECONDS = 60


def free_port() -> int:
    """A free port below the ephemeral range. An outgoing connection could take a port of that range
    before the server starts."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return not probe.connect_ex(("127.0.0.1", port))


def opens(port: int, server: subprocess.Popen) -> bool:
    """Waits until the server accepts connections; False when it ends or takes too long."""
    end = time.monotonic() + SECONDS
    while not is_open(port):
        if server.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
