"""What the public pages share: counts in words, numbered pages, the moment of the last change."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import IntegerField, QuerySet, Subquery, Value
from django.http import Http404, HttpRequest
from django.utils import timezone

from record.publishing import Record

NUMBERS = (
    "ninguno uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte"
).split()
BEFORE_NOUNS = {"ninguno": "ningún", "uno": "un"}
MOST = 10_000  # that a list is counted up to
MOMENTS = ("updated_at", "publish_at")


class BoundedCount(Subquery):
    """How many rows a queryset has or, of a `field`, how many values; most + 1 where there are
    more, at the cost of so many."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()

    def __init__(self, records: QuerySet, field: str = "", most: int | None = None) -> None:
        found = records.order_by()
        found = found.values(field).distinct() if field else found.values(one=Value(1))
        super().__init__(found[: (MOST if most is None else most) + 1])


def bounded_counts(lists: Mapping[Any, QuerySet]) -> dict[Any, int]:
    """The BoundedCount of each list, all in one query."""
    anything = next(iter(lists.values())).model._base_manager.order_by()
    row = anything.values_list(*map(BoundedCount, lists.values()))[:1]
    return dict(zip(lists, next(iter(row), [0] * len(lists)), strict=True))


def figure(count: int) -> str:
    """Of a BoundedCount: «1,234», «más de 10,000»."""
    return f"más de {MOST:,}" if count > MOST else f"{count:,}"


def in_words(count: int, feminine: bool = False, most: int | None = None) -> str:
    """«diecisiete»; figures from 21 on; «más de 10,000» beyond `most`."""
    if most is not None and count > most:
        return f"más de {most:,}"
    if feminine and count < 2:
        return ("ninguna", "una")[count]
    return NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"


def counted(
    count: int, singular: str, plural: str = "", feminine: bool = False, most: int | None = None
) -> str:
    """«una anterior», «17 acontecimientos» written «diecisiete acontecimientos»."""
    number, noun = (
        in_words(count, feminine, most),
        singular if count < 2 else plural or f"{singular}s",
    )
    return f"{BEFORE_NOUNS.get(number, number)} {noun}"


def sentence(text: str) -> str:
    """With a capital first, the rest as it is."""
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
    """The records with all that was selected or prefetched along, without asking the database."""
    for record in records:
        if not isinstance(record, Record) or id(record) in seen:
            continue
        seen.add(id(record))
        yield record
        yield from _fetched(record._state.fields_cache.values(), seen)
        prefetched = getattr(record, "_prefetched_objects_cache", {})
        yield from _fetched(chain(*prefetched.values()), seen)
