"""Reads files of strangers in a child process, with limits of memory and time.

A `Reader` names a function of a module that imports no Django. The function takes an open binary
file and options, and yields values that JSON can hold. For a file that it cannot read it raises
UnreadableFile.
"""

import io
import json
import logging
import os
import resource
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from threading import BoundedSemaphore, Timer
from typing import Any, NamedTuple

MOST_CHILDREN = 2
"""The files that are read at the same time. A server process has more threads than this, so that
it answers other requests meanwhile."""
BUSY = "En este momento se leen otros archivos. Espere un minuto y súbalo otra vez."
TOO_COSTLY = "No se pudo leer: necesita más memoria o más tiempo del que se da a un archivo."
FAILED = "No se pudo leer."
_ROOT = str(Path(__file__).parents[1])
_CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from record import confined; confined.main()"
_slots = BoundedSemaphore(MOST_CHILDREN)
logger = logging.getLogger(__name__)


class UnreadableFile(Exception):
    """The file cannot be read. The message, in Spanish, says what to do."""


class Reader(NamedTuple):
    """`function` is dotted; `memory` in bytes; `seconds` of the processor, and twice as many of the
    clock; `advice` says what to do with a file that cannot be read."""

    function: str
    memory: int
    seconds: int
    advice: str

    def read(self, content: bytes, **options: Any) -> Iterator[Any]:
        """Yield what the function yields. Raises UnreadableFile."""
        if not _slots.acquire(blocking=False):
            raise UnreadableFile(BUSY)
        try:
            yield from self._values(content, options)
        finally:
            _slots.release()

    def _values(self, content: bytes, options: dict[str, Any]) -> Iterator[Any]:
        limits = json.dumps([self.function, self.memory, self.seconds, options])
        command = [sys.executable, "-I", "-B", "-c", _CHILD, _ROOT, limits]
        pipe = subprocess.PIPE
        # The child sets its limits: `preexec_fn` is not safe in a server with threads.
        child: Any = subprocess.Popen(  # noqa: S603, no shell
            command, stdin=pipe, stdout=pipe, stderr=pipe, env={}
        )
        with child:
            timer = Timer(2 * self.seconds, child.kill)
            timer.start()
            try:
                with suppress(BrokenPipeError):  # the child ended before it read everything
                    child.stdin.write(content)
                    child.stdin.close()
                for line in child.stdout:
                    yield json.loads(line)
                errors = child.stderr.read()
            finally:
                timer.cancel()
                child.kill()
        self._check_end(child.returncode, errors)

    def _check_end(self, status: int, errors: bytes) -> None:
        """Raise the error of a child. It ends with 0, with a status of `main`, or by a signal."""
        if status == _REFUSED:
            raise UnreadableFile(errors.decode())
        if status == 1:
            logger.error("%s failed: %s", self.function, errors.decode(errors="replace"))
        if status:
            raise UnreadableFile(f"{FAILED if status == 1 else TOO_COSTLY} {self.advice}")


_REFUSED, _OUT_OF_MEMORY = 3, 4


def main() -> None:
    """Run in the child: read the file from the standard input, and write a line of JSON for each
    value. All of the file is read first, so that the parent can write it before it reads."""
    function, memory, seconds, options = json.loads(sys.argv[2])
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    with suppress(OSError):  # the filter of calls in the unit of systemd
        os.nice(10)
    module, _, name = function.rpartition(".")
    try:
        file = io.BytesIO(sys.stdin.buffer.read())
        for value in getattr(import_module(module), name)(file, **options):
            sys.stdout.write(f"{json.dumps(value)}\n")
    except UnreadableFile as error:
        sys.stderr.buffer.write(str(error).encode())
        sys.exit(_REFUSED)
    except MemoryError:
        sys.exit(_OUT_OF_MEMORY)
    except Exception:
        sys.exit(traceback.format_exc()[-2000:])  # with the status 1
