"""The citations beside the records of public pages."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Max, Min, OuterRef, Q, Subquery, Value
from django.utils import timezone

from record.jsonld import Node
from record.proof import uncited_names
from record.publishing import visible
from sources.models import SUPPORTED, Citation, Source


def with_citations(records: Iterable[Any], user: User | None = None) -> list[Any]:
    """Sets `visible_citations` and `contradictions` on the records, which may be of several models
    and which `user` may read: the citations that `user` may read, with their sources, by number.
    A contradiction is no proof: `uncited` is what the others do not prove."""
    records, cited = list(records), defaultdict[str, dict[int, dict[str, list[Citation]]]](dict)
    for record in records:
        stances = cited[type(record).citations.rel.field.name].setdefault(
            record.pk, {stance: [] for stance in Citation.Stance.values}
        )
        record.visible_citations, record.contradictions = stances.values()
    if not cited:
        return records
    if user:
        citations = Citation.objects.visible_to(user)
    else:  # the rule without the record, which is public: three times as fast
        citations = Citation.objects.filter(visible(Source, timezone.now(), "source__"))
    supporting = [(f"{name}__in", list(keys)) for name, keys in cited.items()]
    citations = citations.filter(Q(*supporting, _connector=Q.OR)).order_by("number", "pk")
    for citation in citations.select_related("source").defer("source__text"):
        name = citation.supported
        cited[name][getattr(citation, f"{name}_id")][citation.stance].append(citation)
    for record in records:
        record.uncited = uncited_names(record, record.visible_citations)
    return records


def cited_sources(citations: Iterable[Citation]) -> list[Node]:
    """The nodes of the public sources of the citations."""
    sources = dict.fromkeys(citation.source for citation in citations)
    return [source.in_short for source in sources if source.is_public()]


def figures() -> dict[str, Any]:
    """The number of quoted public `sources`, the number of `facts` (supported records), and
    `until`, the last date (EDTF text) that these sources describe."""
    exact = ~Q(source__describes_until__startswith="[")
    proven = (Count(name, distinct=True, filter=Q(stance="supports")) for name in SUPPORTED)
    return Citation.objects.visible_to(None).aggregate(
        sources=Count("source", distinct=True),
        facts=sum(proven, Value(0)),
        until=Max("source__describes_until", filter=exact, default=""),
    )


def passage_counts(sources: Iterable[Source]) -> dict[int, int]:
    """The number of passages of each source that public citations quote, by the key of the source.
    Looks up one citation of each passage, which is faster than counting all."""
    public = Citation.objects.visible_to(None)
    same_words = public.filter(source=OuterRef("source"), number=OuterRef("number"))
    passages = Citation.objects.filter(source__in=sources).order_by().values("source", "number")
    firsts = Citation.objects.filter(pk__in=passages.annotate(first=Min("pk")).values("first"))
    quoting = firsts.annotate(quote=Subquery(same_words.order_by().values("pk")[:1]))
    quoted = quoting.exclude(quote=None).order_by().values_list("source")
    return dict(quoted.annotate(Count("pk")))
