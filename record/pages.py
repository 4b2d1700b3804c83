"""What the public pages share: counts in words, numbered pages, the moment of the last change."""

from collections.abc import Iterable, Iterator
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


def sentence(text: str) -> str:
    """The text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def page_of(request: HttpRequest, records: QuerySet, size: int, count: int | None = None) -> Page:
    """The page that `?pagina=` asks for; `count` saves counting what is known already."""
    paginator = Paginator(records, size)
    if count is not None:
        paginator.count = count
    try:
        return paginator.page(request.GET.get("pagina", 1))
    except InvalidPage:
        pages = counted(paginator.num_pages, "página", feminine=True)
        raise Http404(f"Esta lista tiene {pages}.") from None


def last_change(*shown: Record | Iterable[Record] | None) -> datetime | None:
    """When anything shown, or fetched along with it, last changed or became public."""
    now, records = timezone.now(), chain(*(_as_many(one) for one in shown))
    moments = (record.__dict__.get(name) for record in _fetched(records, set()) for name in MOMENTS)
    return max((moment for moment in moments if moment and moment <= now), default=None)


def _as_many(shown: Any) -> Iterable[Any]:
    return [shown] if shown is None or isinstance(shown, Record) else shown


def _fetched(records: Iterable[Any], seen: set[int]) -> Iterator[Record]:
    """The records with those selected along and in lists set on them; asks no database."""
    for record in records:
        if not isinstance(record, Record) or id(record) in seen:
            continue
        seen.add(id(record))
        yield record
        yield from _fetched(record._state.fields_cache.values(), seen)
        yield from _fetched(chain(*(v for v in vars(record).values() if type(v) is list)), seen)
