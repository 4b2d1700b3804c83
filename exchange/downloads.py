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

from exchange.formats import FORMATS, XLSX

INCOMPLETE = "ARCHIVO INCOMPLETO: el sitio falló al prepararlo. Descárguelo de nuevo."
CONTENT_TYPES = {name: form.CONTENT_TYPE for name, form in FORMATS.items()}


def download(
    request: HttpRequest, name: str, format_name: str, rows: Iterator[list[str]]
) -> HttpResponseBase:
    """Rows, header first, as one of FORMATS: CSV is streamed, XLSX comes by way of a file on disk,
    so that memory stays flat. HEAD reads no rows, and says no length."""
    form = FORMATS[format_name]()
    content_type = form.get_content_type()
    file_name = f"{name}-{timezone.localdate().isoformat()}.{form.get_extension()}"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    if request.method == "HEAD":
        return StreamingHttpResponse(content_type=content_type, headers=headers)
    # Before 200 is said, for it may not answer; nothing is left open for an answer nobody reads.
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if not isinstance(form, XLSX):
        lines = _whole_or_told(form.stream(rows))
        return StreamingHttpResponse(lines, content_type=content_type, headers=headers)
    file = tempfile.TemporaryFile()  # noqa: SIM115, the response closes it
    form.write(file, rows, name)
    file.seek(0)
    return FileResponse(file, content_type=content_type, headers=headers)


def _whole_or_told(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A server ends a file that broke off as it ends one that is whole: so its last line tells."""
    try:
        yield from pieces
    except Exception:
        yield f"{INCOMPLETE}\r\n".encode()
        raise
