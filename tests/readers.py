"""Readers for test_confined, which runs them in a child process. This module imports no Django."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from record.confined import UnreadableFile

TARGET = Path("/tmp/nucleo-confined-test")  # noqa: S108, a reader makes it and cannot fill it


def echo(file: BinaryIO, text: str) -> Iterator[object]:
    yield [file.read().decode(), text]
    yield {"secrets": sorted({"SECRET_KEY", "DATABASE_URL"} & os.environ.keys())}


def endless(file: BinaryIO) -> Iterator[object]:
    yield 1
    while True:
        pass


def asleep(file: BinaryIO) -> Iterator[object]:
    yield time.sleep(60)


def large(file: BinaryIO) -> Iterator[object]:
    yield len(b"x" * (1 << 30))


def refusing(file: BinaryIO) -> Iterator[object]:
    yield 1
    raise UnreadableFile("No es así. ¿Se cortó?")


def broken(file: BinaryIO) -> Iterator[object]:
    raise LookupError("x" * 1_000_000)


def writing(file: BinaryIO) -> Iterator[object]:
    yield TARGET.write_bytes(b"x")
