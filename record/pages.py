"""What the public pages share: counts in words, numbered pages, the moment of the last change."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import Any

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import F, Func, IntegerField, QuerySet, Subquery, TextField, Value
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from record.publishing import Record

NUMBERS = (
    "ninguno uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte"
).split()
BEFORE_NOUNS = {"ninguno": "ningún", "uno": "un"}
MOST = 10_000  # that a list is counted up to
# A record's own, and those of the values that were attached to it.
MOMENTS = ("updated_at", "publish_at", "quoted_at", "named_at")


@lru_cache(maxsize=4096)
def address(view: str, slug: str) -> str:
    """The path of a record's page. A page has dozens, and Django makes each anew."""
    return reverse(view, args=[slug])


class BoundedCount(Subquery):
    """How many rows a queryset has or, of a `field`, how many values; most + 1 where there are
    more, at the cost of so many."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()

    def __init__(self, records: QuerySet, field: str = "", most: int | None = None) -> None:
        found = records.order_by()
        found = found.values(field).distinct() if field else found.values(one=Value(1))
        super().__init__(found[: (MOST if most is None else most) + 1])


class FirstKeys(Subquery):
    """The first so many primary keys of a queryset, as text with commas between; None of none."""

    template = "(SELECT GROUP_CONCAT(key) FROM (%(subquery)s) AS first)"
    output_field = TextField()

    def __init__(self, records: QuerySet, most: int) -> None:
        super().__init__(records.order_by("pk").values(key=F("pk"))[:most])

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        template = self.template.replace("GROUP_CONCAT(key)", "STRING_AGG(key::text, ',')")
        return self.as_sql(compiler, connection, template=template)


class Moment(Func):
    """A moment as text, in UTC. The later sorts after the earlier, and hundreds of them are read
    and compared in the time that it takes to make a few `datetime`s."""

    template = "CAST(%(expressions)s AS TEXT)"  # as SQLite keeps them
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        return self.as_sql(compiler, connection, template=template)


def moment_of(text: str | None) -> datetime | None:
    """What a `Moment` says; None of nothing."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def latest(moments: Iterable[str]) -> datetime | None:
    """The last of these `Moment`s that has passed."""
    now, backwards = timezone.now(), sorted(filter(None, set(moments)), reverse=True)
    return next((moment for moment in map(moment_of, backwards) if moment <= now), None)


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
