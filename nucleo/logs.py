"""Formats log records for journald as JSON lines, without data of visitors or staff."""

import json
import logging
from datetime import UTC, datetime
from traceback import extract_tb
from typing import Any


class Refusals(logging.Filter):
    """Turns the error that Django logs for a refused request into a warning, without the exception,
    whose message repeats the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        _, is_refusal, kind = record.name.partition("django.security.")
        if is_refusal and getattr(record, "status_code", None) == 400:
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args, record.exc_info = f"Refused: {kind}", (), None
        return True


class JSONFormatter(logging.Formatter):
    """Writes the class and the traceback of an exception without its message, in which databases
    and parsers repeat the input. Leaves out the request, which Django adds as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if status := getattr(record, "status_code", None):
            line["status"] = status
        if record.exc_info and record.exc_info[1]:
            error_class, error, trace = record.exc_info
            line["error"] = f"{error_class.__module__}.{error_class.__qualname__}"
            cause = error.__cause__
            if code := getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None):
                line["code"] = code
            frames = extract_tb(trace)
            line["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)
