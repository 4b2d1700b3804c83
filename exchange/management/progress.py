"""How far a long command has come, on a terminal; nothing in a pipe or a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress(stream: Any) -> Iterator[Callable[[int], None]]:
    """Gives a function that hears how many rows more are done; off a terminal it does nothing."""
    if not stream.isatty():
        yield lambda rows: None
        return
    started, done = time.monotonic(), 0

    def tell(rows: int) -> None:
        nonlocal done
        done += rows
        rate = done / max(time.monotonic() - started, 0.001)
        stream.write(f"\r{done:,} filas, {rate:,.0f} por segundo", ending="")
        stream.flush()

    yield tell
    stream.write("")
