"""Ports of this machine, for the servers that tests and benchmarks start."""

import socket
import subprocess
import time

SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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
