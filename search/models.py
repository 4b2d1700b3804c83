"""The index of what is searched: a row a record, in stems; what is shown is read from the record.

It holds no draft. Whether a record is public is asked of the record itself whenever somebody
searches, so that what was withdrawn is gone at once; see `search.finding`.
"""

from collections.abc import Iterable
from typing import Self

from django.db import connection, models
from django.db.models import BooleanField, Exists, IntegerField, OuterRef
from django.db.models.expressions import RawSQL

from search.kinds import Kind
from search.query import Query, Term

TITLE, NAMES, SUMMARY, BODY = TIERS = (1, 2, 3, 4)
_ENDS = {TITLE: "title_end", NAMES: "names_end", SUMMARY: "summary_end"}
_PLACE = {"sqlite": "instr(search_entry.text, %s)", "postgresql": "strpos(search_entry.text, %s)"}


def _spelled(terms: Iterable[Term]) -> list[str]:
    return [f" {' '.join(term)} " for term in terms]


def _is(condition: str, *values: str) -> RawSQL:
    """SQL of ours alone; what a reader typed is among the values."""
    return RawSQL(condition, values, BooleanField())  # noqa: S611


class EntryQuerySet(models.QuerySet):
    def visible(self, kind: Kind) -> Self:
        """Those, all of one kind, whose record a visitor may read."""
        return self.filter(Exists(kind.model.objects.visible_to(None).filter(pk=OuterRef("key"))))

    def among(self, keys: list[int]) -> Self:
        """Django would prepare some hundred keys one by one."""
        return self.filter(_is(f"search_entry.id IN ({', '.join(map(str, keys))})"))

    def matching(self, query: Query) -> Self:
        """With all its terms and none of the unwanted ones, each with its `tier`: the last field
        that must be read, from the title on, to have found every term."""
        place = _PLACE[connection.vendor]
        wanted, unwanted = _spelled(query.wanted), _spelled(query.unwanted)
        held = [f"{place} > 0" for _ in wanted] + [f"{place} = 0" for _ in unwanted]
        cases = (
            f"WHEN {' AND '.join(f'{place} < {end}' for _ in wanted)} THEN {tier}"
            for tier, end in _ENDS.items()
        )
        tier = f"CASE {' '.join(cases)} ELSE {BODY} END"
        return self.filter(_is(" AND ".join(held), *wanted, *unwanted)).annotate(
            tier=RawSQL(tier, wanted * len(_ENDS), IntegerField())  # noqa: S611, see `_is`
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

    shown_to_readers = True  # as hits, so that pages change with it

    objects = EntryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="search_entry_once")]
        indexes = [models.Index(fields=["kind", "-day", "slug"], name="search_entry_newest_first")]

    def __str__(self) -> str:
        return f"{self.kind} {self.slug}"
