"""Makes, reads and imports spreadsheets."""

import io
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.models import User

from editing.resources import Outcome
from exchange.formats import FORMATS, UPLOADS, SheetDataset, read_dataset
from exchange.imports import RESOURCES
from exchange.reading import read_table
from record.confined import Reader, UnreadableFile


def csv_of(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def file_as(format_name: str, rows: Any) -> bytes:
    """The rows, header first, as a file of one of FORMATS."""
    file = io.BytesIO()
    FORMATS[format_name]().write(file, rows, "hoja")
    return file.getvalue()


def exported(name: str, format_name: str = "csv") -> bytes:
    """A whole table, with its drafts."""
    resource = RESOURCES[name]()
    return file_as(format_name, resource.rows(resource.model.objects.all()))


class InProcess(Reader):
    """Reads in this process, which is quicker than in a child."""

    def read(self, content: bytes, **options: Any) -> Iterator[Any]:
        return read_table(io.BytesIO(content), **options)


def dataset_of(content: bytes, max_rows: int = 10_000) -> SheetDataset:
    return read_dataset(io.BytesIO(content), max_rows, reader=InProcess(*UPLOADS))


def dry_run(name: str, content: bytes, user: User | None = None) -> Outcome:
    return RESOURCES[name](user).import_data(dataset_of(content), dry_run=True)


def first_cells(response: Any) -> list[str]:
    """The identifiers of a downloaded table."""
    return [row[0] for row in dataset_of(response.getvalue())]


def rows_of(content: bytes, max_rows: int = 1000) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the rows with the numbers that a spreadsheet gives them."""
    dataset = dataset_of(content, max_rows)
    rows = zip(dataset.row_numbers, map(list, dataset), strict=True)
    return dataset.headers, list(rows)


def refusal(content: bytes) -> str:
    """The message that refuses the file; "" for a file that is read."""
    try:
        rows_of(content)
    except UnreadableFile as error:
        return str(error)
    return ""
