"""Reports the progress of a long command on a terminal, and writes nothing to a pipe or a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress(stream: Any) -> Iterator[Callable[[int], None]]:
    """Yield a function that adds to the number of finished rows and prints it."""
    if not stream.isatty():
        yield lambda rows: None
        return
    started, done = time.monotonic(), 0

    def report(rows: int) -> None:
        nonlocal done
        done += rows
        rate = done / max(time.monotonic() - started, 0.001)
        stream.write(f"\r{done:,} filas, {rate:,.0f} por segundo", ending="")
        stream.flush()

    yield report
    stream.write("")
