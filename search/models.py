"""The index of what is searched: a row a record, in stems; what is shown is read from the record.

It holds no draft. Whether a record is public is asked of the record itself whenever somebody
searches, so that what was withdrawn is gone at once; see `search.finding`.
"""

from typing import Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import StrIndex

from search.kinds import Kind
from search.query import Query, Term

TITLE, NAMES, SUMMARY, BODY = TIERS = (1, 2, 3, 4)
_ENDS = ("title_end", "names_end", "summary_end")


def _spelled(term: Term) -> Value:
    return Value(f" {' '.join(term)} ")


class EntryQuerySet(models.QuerySet):
    def visible(self, kind: Kind) -> Self:
        """Those, all of one kind, whose record a visitor may read."""
        return self.filter(Exists(kind.model.objects.visible_to(None).filter(pk=OuterRef("key"))))

    def matching(self, query: Query) -> Self:
        """With all its terms and none of the unwanted ones, each with its `tier`: the last field
        that must be read, from the title on, to have found every term."""
        places = {f"place_{n}": StrIndex("text", _spelled(t)) for n, t in enumerate(query.wanted)}
        found = self.alias(**places).filter(**{f"{name}__gt": 0 for name in places})
        for number, term in enumerate(query.unwanted):
            name = f"unwanted_{number}"
            found = found.alias(**{name: StrIndex("text", _spelled(term))}).filter(**{name: 0})
        return found.annotate(
            tier=Case(
                *(
                    When(Q(**{f"{name}__lt": F(end) for name in places}), then=Value(tier))
                    for tier, end in zip(TIERS, _ENDS, strict=False)
                ),
                default=Value(BODY),
            )
        )

    def newest_first(self) -> Self:
        return self.order_by("-day", "slug")


class Entry(models.Model):
    """`text` is ` title | other names | summary | body `, each stem between spaces, paragraphs
    apart by bars too, so that a phrase is a piece of it; the ends are where the fields end in it.
    `words` are the different stems once more, and the pairs of neighbours, for the database's own
    index of words (FTS5 on SQLite, GIN on PostgreSQL): as `e4vigil` for a word somewhere in an
    event, as `e1vigil` too when the title has it, `e2vigil` when title or other names do, `e3vigil`
    title, names or summary."""

    kind = models.CharField(max_length=1)
    key = models.PositiveBigIntegerField()
    day = models.CharField(max_length=13, blank=True)
    slug = models.CharField(max_length=120)
    title_end = models.PositiveIntegerField()
    names_end = models.PositiveIntegerField()
    summary_end = models.PositiveIntegerField()
    text = models.TextField()
    words = models.TextField()

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="search_entry_once")]
        indexes = [models.Index(fields=["kind", "-day", "slug"], name="search_entry_newest_first")]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"
