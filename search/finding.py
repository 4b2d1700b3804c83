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
from search.models import TIERS, Entry, EntryQuerySet
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
    for kind, held in _held(query).items() if query else ():
        some, counts[kind] = _find(kind, query, held, wanted)
        if chosen in (None, kind):
            found += some
    found.sort(key=lambda one: one.slug)  # stable: each sort keeps the order of those before it
    found.sort(key=lambda one: one.day, reverse=True)
    found.sort(key=lambda one: one.tier)
    return found[:wanted], counts


def _held(query: Query) -> dict[Kind, list[list[int]]]:
    """Keys of each kind, tier by tier, until there are more than MOST: those of a tier are among
    those of the next, and looking up what many have takes PostgreSQL long."""
    held: dict[Kind, list[list[int]]] = {kind: [] for kind in KINDS}
    for tier in TIERS:
        kinds = [kind for kind in KINDS if not held[kind] or len(held[kind][-1]) <= MOST]
        for kind, keys in zip(kinds, _look_up(query, tier, kinds), strict=True):
            held[kind].append(keys)
    return held


def _find(
    kind: Kind, query: Query, held: list[list[int]], wanted: int
) -> tuple[list[Found], Count]:
    *few, keys = held
    if not keys:
        return [], Count(0)
    entries = Entry.objects.visible(kind).matching(query)
    if len(keys) <= MOST:
        found = [Found(kind, *row) for row in entries.among(keys).values_list(*_ROW)]
        return found, Count(len(found))
    found = [Found(kind, *row) for row in _walk(kind, entries, few, wanted)]
    known = entries.among(keys[:MOST]).count()
    return found, Count(max(known, len(found)), more=True)


def _walk(kind: Kind, entries: EntryQuerySet, few: list[list[int]], wanted: int) -> list[tuple]:
    """The first rows in their order: of the first tiers those looked up, then tier by tier."""
    rows = entries.newest_first().values_list(*_ROW)
    found: list[tuple] = []
    if few and few[-1]:
        some = rows.among(few[-1]).filter(tier__lte=len(few))
        found += some.order_by("tier", "-day", "slug")[:wanted]
    for tier in TIERS[len(few) :]:
        if len(found) < wanted:
            found += rows.filter(kind=kind.letter, tier=tier)[: wanted - len(found)]
    return found


def _look_up(query: Query, tier: int, kinds: list[Kind]) -> list[list[int]]:
    """Of each kind, keys of entries that have all the words up to that tier, in any order: MOST and
    one at most. Of a phrase, that its pairs of neighbours stand there is all that this says."""
    if not kinds:
        return []
    stems = sorted({stem for term in query.wanted for stem in (pairs_of(term) or term)})
    asked: list[Any] = []
    for kind in kinds:
        words = [f"{kind.letter}{tier}{stem}" for stem in stems]
        quoted = " ".join(f'"{word}"' for word in words)
        asked += [quoted if connection.vendor == "sqlite" else words, MOST + 1]
    found: list[list[int]] = [[] for _ in kinds]
    look_up = _LOOK_UP[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(map(look_up.format, range(len(kinds)))), asked)
        for place, key in cursor.fetchall():
            found[place].append(key)
    return found
