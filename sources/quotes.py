"""The citations beside the records of public pages: whose words they are, and how far their sources
reach."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.auth.models import User
from django.db import DatabaseError
from django.db.models import (
    Count,
    Exists,
    Min,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    prefetch_related_objects,
)
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dates.edtf import EDTF, parse
from dates.periods import Period
from dates.text import by_sources, several_sources
from record.jsonld import Node, iso, node, page_subject
from record.proof import dates_in, models_of_facts, uncited_count, uncited_names
from record.publishing import visible
from record.references import Reference
from sources.models import SUPPORTED, Citation, Source, date_and_bound
from texts.passages import fragment

REACHES = 6  # sources that a page lists
OA = "http://www.w3.org/ns/oa#"
IN_SCHEMA = {
    "page": "WebPage", "document": "DigitalDocument", "press": "NewsArticle",
    "video": "VideoObject", "minutes": "DigitalDocument",
}  # fmt: skip
RULES = {"p": "https://www.rfc-editor.org/rfc/rfc8118", "t": "http://www.w3.org/TR/media-frags/"}


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
        _say_otherwise(record)
    return records


def with_contradictions(records: Iterable[Any]) -> list[Any]:
    """Sets `contradictions` on public records of a model, for their dates in feeds."""
    records = list(records)
    public = visible(Source, timezone.now(), "source__")
    against = Citation.objects.filter(public, stance="contradicts").defer("source__text")
    against = against.select_related("source").order_by("number", "pk")
    prefetch_related_objects(records, Prefetch("citations", against, to_attr="contradictions"))
    for record in records:
        _say_otherwise(record)
    return records


def _say_otherwise(record: Any) -> None:
    """Sets `contested`, and `otherwise`: «Otra fuente dice: 15 de diciembre de 2020
    («Acta 12»).»"""
    names = dates_in(type(record))
    record.contested = any(citation.field in names for citation in record.contradictions)
    for citation in record.contradictions:
        setattr(citation, citation.supported, record)
    record.otherwise = " ".join(
        f"Otra fuente dice: {claim(c)} («{c.source}»)." for c in record.contradictions
    )


def claim(citation: Citation) -> str:
    """What a contradiction says instead: «15 de diciembre de 2020», «desde 2015»; or its words."""
    if not citation.says:
        return f"«{citation.exact}»"
    (name, bound), date = date_and_bound(citation.field), parse(citation.says)
    if bound and date.is_exact:
        date = parse(f"[{date.text}..]" if bound == "_earliest" else f"[..{date.text}]")
    if name == "end":
        return str(Period(end=date))
    is_moment = name != "start" or (citation.event and not citation.event.end)
    return str(date if is_moment else Period(date))


def with_source(citation: Citation) -> str:
    """«Cita 3, en «Acta 12»»; «en su fuente» if the record quotes one source."""
    return f"{citation}, {in_source(citation.source)}"


def in_source(source: Source | None) -> str:
    return by_sources("en su fuente", f"en «{source}»")


def of_passages(citations: Iterable[Citation]) -> list[Citation]:
    """A citation of each passage, in order, and every contradiction."""
    by_passage = {(c.passage, c.contradicts and c.pk): c for c in citations}
    return [by_passage[key] for key in sorted(by_passage)]


def quoting(citations: Iterable[Citation]) -> dict[str, Any]:
    """The public sources of the citations, for a page that quotes them: `based_on`, their nodes,
    and `quoted`, the references to them."""
    quotes: dict[Source, list[Citation]] = {}
    for citation in citations:
        quotes.setdefault(citation.source, []).append(citation)
    sources = [source for source in quotes if source.is_public()]
    return {
        "based_on": [_with_places(source, quotes[source]) for source in sources],
        "quoted": [reference_to(source) for source in sources],
    }


def short_node(source: Source) -> Node:
    kind = IN_SCHEMA.get(source.kind, "CreativeWork")
    return page_subject(source, kind, "fuente", name=source.title)


def _with_places(source: Source, quotes: list[Citation]) -> Node:
    """The node of a source with the quotes of which the page or time is known."""
    return short_node(source) | node(
        hasPart=[_quotation(quote) for quote in quotes if quote.locator]
    )


def reference_to(source: Source) -> Reference:
    return Reference(
        key=f"original-source-{source.slug}",
        title=source.title,
        url=source.url,
        authors=[source.publisher] if source.publisher else [],
        issued=parse(source.published),
        accessed=parse(source.retrieved),
    )


def source_node(source: Source) -> Node:
    """The node of a source on its page, with its text and its original as files."""
    files = [(source.text_address, "text/plain", source.sha256)]
    original: Any = source.original
    if original:
        files.append((source.original_address, original.content_type, source.original_sha256))
    return short_node(source) | node(
        publisher=source.publisher and node(kind="Organization", name=source.publisher),
        datePublished=iso(parse(source.published)),
        sameAs=source.url,
        archivedAt=source.archived_url,
        inLanguage=source.language,
        encoding=[
            node(kind="MediaObject", contentUrl=url, encodingFormat=kind, sha256=digest)
            for url, kind, digest in files
        ],
    )


def _quotation(citation: Citation) -> Node:
    """A quote with its page or time: a FragmentSelector of the Web Annotation model."""
    value = fragment(citation.locator)
    selector = {
        "@type": f"{OA}FragmentSelector",
        "http://purl.org/dc/terms/conformsTo": {"@id": RULES[value[0]]},
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#value": value,
    }
    quote = node(kind="Quotation", text=citation.exact, url=citation.get_absolute_url())
    return quote | {f"{OA}hasSelector": selector}


def quoted_sources() -> QuerySet[Source]:
    """The public sources that the public record quotes."""
    citations = Citation.objects.visible_to(None).filter(source=OuterRef("pk"))
    return Source.objects.visible_to(None).filter(Exists(citations))


def _are_several() -> bool:
    try:
        return len(quoted_sources().order_by().values_list("pk")[:2]) > 1
    except DatabaseError:  # the page of this error also has such words
        return False


def name_sources(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Lets the words of a page depend on the number of quoted sources, with at most a query."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = several_sources.set(cache(_are_several))
        try:
            return get_response(request)
        finally:
            several_sources.reset(token)

    return middleware


@dataclass(frozen=True, slots=True)
class Reach:
    """How far sources reach: the title of each, and the last date that it describes."""

    dates: list[tuple[str, EDTF]]

    @property
    def until(self) -> EDTF:
        """The furthest date."""
        return max((date for _title, date in self.dates), key=_last_known_day, default=EDTF())

    @property
    def by_source(self) -> list[str]:
        """«Acta 12», hasta 2020; empty if the record has one source."""
        furthest = sorted(self.dates, key=lambda item: _last_known_day(item[1]), reverse=True)
        lines = [f"«{t}», {Period(end=d) if d else 'no consta hasta cuándo'}" for t, d in furthest]
        more = [f"y {len(lines) - REACHES} más"] if len(lines) > REACHES else []
        return lines[:REACHES] + more if several_sources.get()() else []

    def ends_before(self, when: EDTF) -> bool:
        return bool(self.until) and _last_known_day(self.until) < when.latest


def _last_known_day(date: EDTF) -> str:
    return date.latest if date.last_day else date.earliest


def reach_of(records: Iterable[Any]) -> Reach:
    """How far the sources of the records on a page reach."""
    sources = dict.fromkeys(quote.source for record in records for quote in record.quotes)
    return Reach([(source.title, parse(source.describes_until)) for source in sources])


def reach() -> Reach:
    """How far all sources that the public record quotes reach."""
    dates = quoted_sources().values_list("title", "describes_until")
    return Reach([(title, parse(date)) for title, date in dates])


def figures() -> dict[str, Any]:
    """The number of quoted public `sources`, the number of `facts` (supported records), the
    `reach` of these sources, and the number of facts that are `uncited` or have an uncited date."""
    proven = (Count(name, distinct=True, filter=Q(stance="supports")) for name in SUPPORTED)
    facts = Citation.objects.visible_to(None).aggregate(facts=sum(proven, Value(0)))
    whole, uncited = reach(), sum(map(uncited_count, models_of_facts()))
    return facts | {"sources": len(whole.dates), "reach": whole, "uncited": uncited}


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
