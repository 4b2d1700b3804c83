"""The index of words: a row for each record, with the stems of its text.

The index contains no drafts. Each search checks that the record is public, so that a withdrawn
record disappears at once.
"""

from functools import reduce
from operator import or_
from typing import Any, Self

from django.db import models
from django.db.models import Case, Exists, F, Func, OuterRef, Q, Value, When
from django.db.models.functions import NullIf, StrIndex
from django.db.models.lookups import LessThan

from search.kinds import BY_LETTER, KINDS, Kind
from search.query import Query, Term

TITLE, NAMES, SUMMARY, BODY = TIERS = (1, 2, 3, 4)
_ENDS = {TITLE: "title_end", NAMES: "names_end", SUMMARY: "summary_end"}


class HasWords(Func):
    """True if an entry contains every word of a text, by the index of words of the database."""

    output_field = models.BooleanField()
    conditional = True

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        rows = "SELECT rowid FROM search_words WHERE search_words MATCH %(expressions)s"
        template = f"search_entry.id IN ({rows})"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        words = "string_to_array(%(expressions)s, ' ')"
        template = f"string_to_array(search_entry.text, ' ') @> {words}"
        return self.as_sql(compiler, connection, template=template, **context)


class EntryQuerySet(models.QuerySet["Entry"]):
    def public(self) -> Self:
        """The entries of public records."""
        return self.filter(reduce(or_, map(_public, KINDS)))

    def matching(self, query: Query) -> Self:
        """The entries that contain all wanted words and no unwanted term, by `tier`, then newest
        first. The tier is the first field, in the order title, other names and dates, summary and
        body, by whose end a term of each wanted word has begun."""
        if not query:
            return self.none()
        wanted = (reduce(or_, map(_has, each.terms)) for each in query.wanted)
        without = [~Q(text__contains=_spelled(term)) for term in query.unwanted]
        tiers = (When(_within(end, query), then=Value(tier)) for tier, end in _ENDS.items())
        entries = self.filter(*wanted, *without).defer("text")
        entries = entries.annotate(tier=Case(*tiers, default=Value(BODY)))
        return entries.order_by("tier", "-day", "slug", "-kind")


def _public(kind: Kind) -> Q:
    records = kind.model.objects.visible_to(None).filter(pk=OuterRef("key"))
    return Q(kind=kind.letter) & Q(Exists(records))


def _spelled(term: Term) -> str:
    """A term as in the `text` of an entry."""
    return f" {' '.join(term)} "


def _has(term: Term) -> Q:
    words = Q(HasWords(Value(" ".join(sorted(set(term))))))
    return words & Q(text__contains=_spelled(term)) if len(term) > 1 else words


def _within(end: str, query: Query) -> Q:
    """The condition that a term of each wanted word begins before the column `end`."""
    return Q(*(reduce(or_, (_begins(t, end) for t in each.terms)) for each in query.wanted))


def _begins(term: Term, end: str) -> Q:
    return Q(LessThan(NullIf(StrIndex("text", Value(_spelled(term))), 0), F(end)))


class Entry(models.Model):
    """The indexed text of a record. `text` is ` title | other names | summary | body `: stems
    between spaces, with a bar after each paragraph, so that a phrase is a substring. `title_end`,
    `names_end` and `summary_end` are the positions in the text at which these fields end. The
    database indexes the words (FTS5 on SQLite, GIN on PostgreSQL)."""

    kind = models.CharField(max_length=1)
    key = models.PositiveBigIntegerField()
    day = models.CharField(max_length=10, blank=True)
    slug = models.CharField(max_length=120)
    title_end = models.PositiveIntegerField()
    names_end = models.PositiveIntegerField()
    summary_end = models.PositiveIntegerField()
    text = models.TextField()
    tier: int  # an annotation of `matching`

    shown_to_readers = True  # `freshness` discards stored pages when an entry changes

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="search_entry_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"

    @property
    def of_kind(self) -> Kind:
        return BY_LETTER[self.kind]
