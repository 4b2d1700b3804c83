"""Which records a query finds, in which order: alike on SQLite and PostgreSQL.

The order is by tier (see `EntryQuerySet.matching`), then the newest first, the undated last, then
slug, then kind. A word is looked up in the database's index of words. When it stands in so many
records that sorting them all would take long, the records are walked in their order instead, tier
by tier, until there are as many as wanted.
"""

from dataclasses import dataclass

from django.db import connection

from search.kinds import KINDS, Kind
from search.models import BODY, TIERS, Entry, EntryQuerySet
from search.query import Query
from search.words import pairs_of

MOST = 500
"""Of each kind: beyond as many, hits are not counted."""
_LOOK_UP = {
    "sqlite": "SELECT rowid FROM search_words WHERE search_words MATCH %s LIMIT %s",
    "postgresql": "SELECT search_look_up(%s, %s)",
}
_ROW = ("tier", "day", "slug", "key")


@dataclass(frozen=True, slots=True)
class Found:
    kind: Kind
    tier: int
    day: str
    slug: str
    key: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of a kind are found; `more` when there are more than that."""

    number: int
    more: bool = False


def find(query: Query, wanted: int, chosen: Kind | None = None) -> tuple[list[Found], dict]:
    """The first `wanted` records, of the `chosen` kind or of all, and the Count of every kind."""
    found, counts = [], {}
    for kind in KINDS if query else ():
        some, counts[kind] = _find(kind, query, wanted)
        if chosen in (None, kind):
            found += some
    found.sort(key=lambda one: one.slug)  # stable: each sort keeps the order of those before it
    found.sort(key=lambda one: one.day, reverse=True)
    found.sort(key=lambda one: one.tier)
    return found[:wanted], counts


def _find(kind: Kind, query: Query, wanted: int) -> tuple[list[Found], Count]:
    keys = _look_up(kind, query, BODY)
    if not keys:
        return [], Count(0)
    entries = Entry.objects.visible(kind).matching(query)
    if len(keys) <= MOST:
        rows = entries.filter(pk__in=keys).values_list(*_ROW)
        found = [Found(kind, *row) for row in rows]
        return found, Count(len(found))
    rows = _walk(kind, query, entries, wanted)
    known = entries.filter(pk__in=keys[:MOST]).count()
    return [Found(kind, *row) for row in rows], Count(max(known, len(rows)), more=True)


def _walk(kind: Kind, query: Query, entries: EntryQuerySet, wanted: int) -> list[tuple]:
    """The first rows in their order, tier by tier; a tier whose words few have is looked up."""
    found: list[tuple] = []
    seen: set[int] = set()
    for tier in TIERS:
        some = entries.filter(tier=tier).newest_first().values_list(*_ROW)
        keys = _look_up(kind, query, tier) if tier != BODY else None
        if keys is None or len(keys) > MOST:
            found += some.filter(kind=kind.letter)[: wanted - len(found)]
        elif new := set(keys) - seen:
            found += some.filter(pk__in=new)[: wanted - len(found)]
            seen |= new
        if len(found) >= wanted:
            break
    return found


def _look_up(kind: Kind, query: Query, tier: int) -> list[int]:
    """Keys of entries that have all the words, up to `tier`, in any order: one more than MOST at
    most. Of a phrase, that its pairs of neighbours stand there is all that this says."""
    stems = (stem for term in query.wanted for stem in (pairs_of(term) or term))
    words = sorted({f"{kind.letter}{tier}{stem}" for stem in stems})
    if connection.vendor == "sqlite":
        wanted: str | list[str] = " ".join(f'"{word}"' for word in words)
    else:
        wanted = words
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP[connection.vendor], [wanted, MOST + 1])
        return [key for (key,) in cursor.fetchall()]
