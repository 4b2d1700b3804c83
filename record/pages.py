"""What the public pages share: counts in words, numbered pages, the moment of the last change."""

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import chain
from typing import Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone

from record.publishing import Record

NUMBERS = (
    "ninguno uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte"
).split()
BEFORE_NOUNS = {"ninguno": "ningún", "uno": "un"}
NAMES_SHOWN = 12
MOMENTS = ("updated_at", "publish_at")


def in_words(count: int, feminine: bool = False) -> str:
    """«diecisiete»; figures from 21 on."""
    if feminine and count < 2:
        return ("ninguna", "una")[count]
    return NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"


def counted(count: int, singular: str, plural: str = "", feminine: bool = False) -> str:
    """«una anterior», «diecisiete acontecimientos»."""
    number = in_words(count, feminine)
    noun = singular if count < 2 else plural or f"{singular}s"
    return f"{BEFORE_NOUNS.get(number, number)} {noun}"


def listed(records: Iterable[Any]) -> str:
    """«Alfa, Beta y Gama»; «Alfa e Iota»; «catorce organizaciones» for too many."""
    names = list(dict.fromkeys(map(str, records)))
    if len(names) > NAMES_SHOWN:
        return counted(len(names), "organización", "organizaciones", feminine=True)
    *others, last = names
    joint = "e" if last.lower().startswith(("i", "í", "hi")) else "y"
    return f"{', '.join(others)} {joint} {last}" if others else last


def page_of(
    request: HttpRequest, records: QuerySet | list[Any], size: int, count: int | None = None
) -> Page:
    """The page that `?pagina=` requests; pass `count` if it is known. Raises Http404."""
    paginator = Paginator(records, size)
    if count is not None:
        paginator.count = count
    try:
        return paginator.page(request.GET.get("pagina", 1))
    except InvalidPage:
        pages = counted(paginator.num_pages, "página", feminine=True)
        raise Http404(f"Esta lista tiene {pages}.") from None


def last_change(*records: Record | Iterable[Record] | None) -> datetime | None:
    """When the records, or the related records fetched with them, last changed or became public."""
    now, fields = timezone.now(), chain(*(vars(record).items() for record in _fetched(records)))
    moments = (value for name, value in fields if name in MOMENTS and value and value <= now)
    return max(moments, default=None)


def _fetched(values: Iterable[Any]) -> Collection[Record]:
    """The records in nested lists, with the records in their fetched foreign keys and in the lists
    set on them."""
    records: dict[int, Record] = {}
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, Record):
            if id(value) not in records:
                records[id(value)] = value
                waiting += value._state.fields_cache.values()
                waiting += (field for field in vars(value).values() if type(field) is list)
        elif value is not None and not isinstance(value, str):
            waiting += value
    return records.values()
