"""One JSON object a line on standard error, for journald, without data of visitors or staff."""

import json
import logging
from datetime import UTC, datetime
from traceback import extract_tb


class Line(logging.Formatter):
    """Writes the class of an exception and the places in the code, not its message: databases and
    parsers repeat what a person typed. Leaves out the request, which Django adds as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if status := getattr(record, "status_code", None):
            line["status"] = status
        if record.exc_info and record.exc_info[1]:
            kind, error, trace = record.exc_info
            line["error"] = f"{kind.__module__}.{kind.__qualname__}"
            cause = error.__cause__
            if code := getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None):
                line["code"] = code
            line["at"] = [f"{at.filename}:{at.lineno} {at.name}" for at in extract_tb(trace)]
        return json.dumps(line, ensure_ascii=False)
