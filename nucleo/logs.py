"""One JSON object a line on standard error, fit for journald. It names what happened and where in
the code, and nobody: no address, no query, no value."""

import json
import logging
from datetime import UTC, datetime
from traceback import extract_tb
from types import TracebackType


class Line(logging.Formatter):
    """Of a failure its kind and the places it came through; not what it says, for there databases
    and parsers repeat what somebody typed. Django's `extra` holds the request, and is left out."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if status := getattr(record, "status_code", None):
            line["status"] = status
        if record.exc_info and record.exc_info[0]:
            kind, _, passed = record.exc_info
            line |= {"error": f"{kind.__module__}.{kind.__qualname__}", "at": _places(passed)}
        return json.dumps(line, ensure_ascii=False)


def _places(passed: TracebackType | None) -> list[str]:
    """`file:line function`, the innermost last."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(passed)]
