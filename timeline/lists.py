"""What the lists of events and of statements show: read as values, for a page of models takes
several times as long."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from record.pages import Moment, latest
from sources.models import Citation
from sources.quotes import Quote
from timeline.entries import Entry, StatementEntry
from timeline.models import CATEGORIES, KINDS, EventOrganization

MOMENTS = {"changed": Moment("updated_at"), "published": Moment("publish_at")}
EVENT = ("slug", "title", "summary", "start", "end", "date_label")  # as Entry begins
EVENT_BESIDE = ("category", "id", "sort_day", "start_latest")
STATEMENT = ("slug", "title", "kind", "date", "date_label", "summary", "id", "sort_day")
NOTHING = ((), "")


def event_rows(events: QuerySet) -> QuerySet:
    rows = events.annotate(**MOMENTS)
    return rows.values_list(*EVENT, *EVENT_BESIDE, *MOMENTS, named=True)


def statement_rows(statements: QuerySet) -> QuerySet:
    return statements.annotate(**MOMENTS).values_list(*STATEMENT, *MOMENTS, named=True)


def event_entries(rows: Sequence[Any]) -> tuple[list[Entry], datetime | None]:
    """And when anything that they show last changed."""
    keys = [row.id for row in rows]
    names = EventOrganization.objects.names_in(keys)
    quotes = Citation.objects.quotes_for({"event_id": keys})
    entries, moments = [], []
    for row in rows:
        named, named_at = names.get(row.id, NOTHING)
        quoted, quoted_at = quotes.get(("event_id", row.id), NOTHING)
        category = CATEGORIES.get(row.category, row.category)
        entries.append(Entry(*row[: len(EVENT)], category, named, quoted))
        moments += row.changed, row.published, named_at, quoted_at
    return entries, latest(moments)


def statement_entries(
    rows: Sequence[Any],
) -> tuple[list[tuple[StatementEntry, str, tuple[Quote, ...]]], datetime | None]:
    """Each with its summary and its quotes, and when any of this last changed."""
    quotes = Citation.objects.quotes_for({"statement_id": [row.id for row in rows]})
    entries, moments = [], []
    for row in rows:
        quoted, quoted_at = quotes.get(("statement_id", row.id), NOTHING)
        kind = KINDS.get(row.kind, row.kind)
        entry = StatementEntry(row.slug, row.title, kind, row.date, row.date_label)
        entries.append((entry, row.summary, quoted))
        moments += row.changed, row.published, quoted_at
    return entries, latest(moments)
