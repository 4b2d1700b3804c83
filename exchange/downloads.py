"""Tables as files that a browser keeps."""

import tempfile
from collections.abc import Iterator

from django.db import connection
from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils import timezone

from exchange.tables import csv_lines, write_xlsx

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
INCOMPLETE = "ARCHIVO INCOMPLETO: el sitio falló al prepararlo. Descárguelo de nuevo."
CONTENT_TYPES = {"csv": CSV, "xlsx": XLSX}


def download(
    request: HttpRequest, name: str, format_name: str, rows: Iterator[list[str]]
) -> HttpResponseBase:
    """Rows, header first, as one of FORMATS: CSV is streamed, XLSX comes by way of a file on disk,
    so that memory stays flat. HEAD reads no rows, and says no length."""
    ending, content_type = ("xlsx", XLSX) if format_name == "xlsx" else ("csv", CSV)
    file_name = f"{name}-{timezone.localdate().isoformat()}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    if request.method == "HEAD":
        return StreamingHttpResponse(content_type=content_type, headers=headers)
    # Before 200 is said, for it may not answer; nothing is left open for an answer nobody reads.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if ending == "csv":
        lines = _whole_or_told(csv_lines(rows, for_excel=format_name == "excel"))
        return StreamingHttpResponse(lines, content_type=content_type, headers=headers)
    file = tempfile.TemporaryFile()  # noqa: SIM115, the response closes it
    write_xlsx(file, rows, name)
    file.seek(0)
    return FileResponse(file, content_type=content_type, headers=headers)


def _whole_or_told(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A server ends a file that broke off as it ends one that is whole: so its last line tells."""
    try:
        yield from pieces
    except Exception:
        yield f"{INCOMPLETE}\r\n".encode()
        raise
