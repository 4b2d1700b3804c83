"""Which records a query finds, in which order: alike on SQLite and PostgreSQL.

The order is by tier (see `EntryQuerySet.matching`), then the newest first, the undated last, then
slug, then kind. A word is looked up in the database's index of words. When it stands in so many
records that sorting them all would take long, the records are walked in their order instead, tier
by tier, until there are as many as wanted.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

from search.kinds import KINDS, Kind
from search.models import BODY, TIERS, Entry, EntryQuerySet
from search.query import Query
from search.words import pairs_of

MOST = 500
"""Of each kind: beyond as many, hits are not counted."""
_LOOK_UP = {
    "sqlite": "SELECT {}, rowid FROM "
    "(SELECT rowid FROM search_words WHERE search_words MATCH %s LIMIT %s)",
    "postgresql": "SELECT {}, search_look_up(%s, %s)",
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
    held = _look_up(query, [(kind, BODY) for kind in KINDS]) if query else []
    for kind, keys in zip(KINDS, held, strict=False):
        some, counts[kind] = _find(kind, query, keys, wanted)
        if chosen in (None, kind):
            found += some
    found.sort(key=lambda one: one.slug)  # stable: each sort keeps the order of those before it
    found.sort(key=lambda one: one.day, reverse=True)
    found.sort(key=lambda one: one.tier)
    return found[:wanted], counts


def _find(kind: Kind, query: Query, keys: list[int], wanted: int) -> tuple[list[Found], Count]:
    """`keys` are those looked up."""
    if not keys:
        return [], Count(0)
    entries = Entry.objects.visible(kind).matching(query)
    few = len(keys) <= MOST
    rows = (
        list(entries.among(keys).values_list(*_ROW)) if few else _walk(kind, query, entries, wanted)
    )
    known = len(rows) if few else max(entries.among(keys[:MOST]).count(), len(rows))
    return [Found(kind, *row) for row in rows], Count(known, more=not few)


def _walk(kind: Kind, query: Query, entries: EntryQuerySet, wanted: int) -> list[tuple]:
    """The first rows in their order. Tiers in which few have the words, which are the first ones,
    are looked up; the others are walked one by one."""
    few = [k for k in _look_up(query, [(kind, tier) for tier in TIERS[:-1]]) if len(k) <= MOST]
    rows = entries.filter(kind=kind.letter).newest_first().values_list(*_ROW)
    found: list[tuple] = []
    if few and few[-1]:
        some = rows.among(few[-1]).filter(tier__lte=len(few))
        found += some.order_by("tier", "-day", "slug")[:wanted]
    for tier in TIERS[len(few) :]:
        if len(found) < wanted:
            found += rows.filter(tier=tier)[: wanted - len(found)]
    return found


def _look_up(query: Query, places: list[tuple[Kind, int]]) -> list[list[int]]:
    """For each of the places, a kind and a tier: keys of entries that have all the words up to that
    tier, in any order: one more than MOST at most. Of a phrase, that its pairs of neighbours stand
    there is all that this says."""
    stems = sorted({stem for term in query.wanted for stem in (pairs_of(term) or term)})
    asked: list[Any] = []
    for kind, tier in places:
        words = [f"{kind.letter}{tier}{stem}" for stem in stems]
        quoted = " ".join(f'"{word}"' for word in words)
        asked += [quoted if connection.vendor == "sqlite" else words, MOST + 1]
    found: list[list[int]] = [[] for _ in places]
    look_up = _LOOK_UP[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(map(look_up.format, range(len(places)))), asked)
        for place, key in cursor.fetchall():
            found[place].append(key)
    return found
