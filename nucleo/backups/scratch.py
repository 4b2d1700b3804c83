"""Folders for what is not finished."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".nucleo-unfinished-"


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A private folder inside this one, gone afterwards, and with it those of killed processes."""
    clear(folder)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder) as name, _held(Path(name)):
        yield Path(name)


def clear(folder: Path) -> None:
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError), _held(left):  # held by another, whose work goes on
            shutil.rmtree(left)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """By this process, until it ends in whatever way."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(held)
