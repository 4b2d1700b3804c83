"""Makes, reads and imports spreadsheets."""

import io
from typing import Any

from django.contrib.auth.models import User

from editing.resources import Outcome
from editing.widgets import TableError
from exchange.formats import FORMATS, SheetDataset, read_dataset
from exchange.imports import RESOURCES


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


def dataset_of(content: bytes) -> SheetDataset:
    return read_dataset(io.BytesIO(content), 10_000)


def dry_run(name: str, content: bytes, user: User | None = None) -> Outcome:
    return RESOURCES[name](user).import_data(dataset_of(content), dry_run=True)


def first_cells(response: Any) -> list[str]:
    """The identifiers of a downloaded table."""
    return [row[0] for row in dataset_of(response.getvalue())]


def rows_of(content: bytes, max_rows: int = 1000) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and the rows with the numbers that a spreadsheet gives them."""
    dataset = read_dataset(io.BytesIO(content), max_rows)
    rows = zip(dataset.row_numbers, map(list, dataset), strict=True)
    return dataset.headers, list(rows)


def refusal(content: bytes) -> str:
    """The message that refuses the file; "" for a file that is read."""
    try:
        rows_of(content)
    except TableError as error:
        return str(error)
    return ""
