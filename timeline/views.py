"""The pages of what happened and of what was said."""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from organizations.names import Names
from record import linked
from record.dates import EDTF, reach_in_words
from record.keyset import KeyedPage, Walk, keyed_page
from record.pages import (
    MOST,
    BoundedCount,
    bounded_counts,
    counted,
    in_words,
    last_change,
    sentence,
)
from record.periods import Period
from record.prepared import NOW, prepared
from record.publishing import viewer, visible
from record.richtext import with_contents
from record.views import RecordView
from sources.linked import cited_sources, source_in_short
from sources.models import Citation, Source
from timeline.charts import Overview
from timeline.entries import Entry
from timeline.filters import Filters, StatementFilters
from timeline.linked import event_node, question_node, statement_node
from timeline.lists import event_entries, event_rows, statement_entries, statement_rows
from timeline.models import (
    STATEMENTS_BY_TIME,
    Event,
    Statement,
    readable_organizations,
)
from timeline.paragraphs import contents, paragraphs

ON_A_PAGE = RELATED = 50
EVENTS = ("Línea de tiempo", "timeline:event_list")
STATEMENTS = ("Pronunciamientos", "timeline:statement_list")


def event_list(request: HttpRequest) -> HttpResponse:
    filters = Filters(request)
    found = filters.events(but="anio") if filters.chosen else Event
    walk = Walk(found, filters.stretches, event_rows)
    page = keyed_page(request, walk, ON_A_PAGE, filters.chosen)
    events, changed = event_entries(page.records)
    years = (row.sort_day[:4] for row in page.records)
    by_year = groupby(zip(years, events, strict=True), itemgetter(0))
    context = {
        "title": _title(filters),
        "choices": filters.choices,
        "query": urlencode(filters.chosen),
        "page": page,
        "place": reach_in_words([event.when for event in events]),
        "years": [(year, [event for _year, event in of_it]) for year, of_it in by_year],
        "overview": _overview(filters, page, events),
        "changed": changed,
    }
    context["linked"] = _list_graph(request, EVENTS, context)
    return TemplateResponse(request, "timeline/event_list.html", context)


def _list_graph(
    request: HttpRequest, section: tuple[str, str], context: dict[str, Any]
) -> linked.Node:
    crumb = (section[0], reverse(section[1]))
    return linked.page(request, crumb, kind="CollectionPage", changed=context["changed"])


def _title(filters: Filters) -> str:
    """«Diecisiete acontecimientos, catorce con fecha o con límites», «Dos de diecisiete…»."""
    total, found = filters.counts[:2]
    every = counted(total, "acontecimiento", most=MOST)
    if filters.chosen and found > MOST:
        return sentence(f"{every} con lo que se eligió")
    if filters.chosen:
        return sentence(f"{in_words(found)} de {every}")
    if not total:
        return "Ningún acontecimiento todavía"
    if total > MOST:
        return sentence(every)
    dated = total - filters.counts.tallies.undated
    return sentence(f"{every}, {in_words(dated)} con fecha o con límites")


def _overview(filters: Filters, page: KeyedPage, events: list[Entry]) -> Overview:
    """Of the whole list, on its first page; of a part of it, only if that takes several pages."""
    tallies = filters.counts.tallies
    if page.before or (filters.chosen and not page.after) or tallies.partial:
        return Overview()
    if not page.after:
        return Overview(events=tuple(events))
    if filters.year and "X" not in filters.year:
        return Overview()
    others = {name: value for name, value in filters.chosen.items() if name != "anio"}
    spans = tuple(counts for counts in tallies.years if counts[0] != filters.year)
    undated = 0 if filters.year else tallies.undated
    return Overview(spans, undated, urlencode(others), tallies.unsplit)


class EventView(RecordView):
    model = Event
    section = EVENTS

    def beside(self) -> Iterable[Prefetch]:
        return [readable_organizations()]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        event, others = self.object, Event.objects.visible_to(None)
        Citation.objects.attach_to([event], viewer(self.request))
        statements = list(event.statements.visible_to(None).by_time()[:RELATED])
        before = others.before(event).first() if event.start else None
        after = others.after(event).first() if event.start else None
        body, contents = with_contents(event.body)
        return super().get_context_data(**kwargs) | {
            "body": body,
            "contents": contents,
            "names": Names.public(),
            "statements": statements,
            "before": before,
            "after": after,
            # The entries beside it are ways on, and not what the page tells.
            "changed": last_change(event, statements),
        }

    def cited(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"period": self.object.period}

    def main(self, context: dict[str, Any]) -> linked.Node:
        return event_node(self.request, self.object, context["statements"])

    def sources(self, context: dict[str, Any]) -> list[linked.Node]:
        return cited_sources(self.request, self.object.quotes)


@prepared
def _count() -> QuerySet:
    every = Statement.objects.filter(visible(Statement, NOW))
    return Statement._base_manager.order_by().values_list(BoundedCount(every), flat=True)[:1]


def statement_list(request: HttpRequest) -> HttpResponse:
    filters = StatementFilters(Statement.objects.visible_to(None), request)
    found = filters.statements
    walk = Walk(found if filters.chosen else Statement, STATEMENTS_BY_TIME, statement_rows)
    page = keyed_page(request, walk, ON_A_PAGE, filters.chosen)
    statements, changed = statement_entries(page.records)
    counts = (
        bounded_counts({"found": found}).values() if filters.chosen else _count(now=timezone.now())
    )
    context = {
        "title": sentence(counted(next(iter(counts), 0), "pronunciamiento", most=MOST)),
        "filters": filters,
        "query": urlencode(filters.chosen),
        "page": page,
        "statements": statements,
        "place": reach_in_words([entry.when for entry, *_beside in statements]),
        "changed": changed,
    }
    context["linked"] = _list_graph(request, STATEMENTS, context)
    return TemplateResponse(request, "timeline/statement_list.html", context)


class StatementView(RecordView):
    model = Statement
    section = STATEMENTS
    is_ours = False

    def beside(self) -> Iterable[Prefetch]:
        return [readable_organizations()]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        statement, user = self.object, viewer(self.request)
        Citation.objects.attach_to([statement], user)
        cited = {quote.source_id for quote in statement.quotes}
        sources = list(Source.objects.visible_to(user).filter(pk__in=cited))
        others = Citation.objects.visible_to(user).exclude(statement=statement)
        citations = others.of_passages(sources)
        events = list(statement.events.visible_to(None).by_time()[:RELATED])
        names, said = Names.public(), Statement.objects.visible_to(None)
        found = paragraphs(statement, sources, citations, names)
        before, after = said.beside(statement)
        return super().get_context_data(**kwargs) | {
            "sources": sources,
            "author": names.coalition,
            "paragraphs": found,
            "contents": contents(found),
            "names": names,
            "events": events,
            "before": before,
            "after": after,
            "changed": last_change(statement, sources, citations, events, before, after),
        }

    @property
    def page_kind(self) -> str:
        return "FAQPage" if self._is_question else "WebPage"

    @property
    def _is_question(self) -> bool:
        return self.object.kind == Statement.Kind.QUESTION_AND_ANSWER

    def cited(self, context: dict[str, Any]) -> dict[str, Any]:
        author = context["author"]
        return {
            "period": Period(self.object.when, EDTF()),
            "author": author.name if author else "",
        }

    def main(self, context: dict[str, Any]) -> linked.Node | list[linked.Node]:
        said = (self.request, self.object, context["author"])
        if self._is_question:
            return [question_node(*said, context["paragraphs"])]
        return statement_node(*said, context["events"])

    def sources(self, context: dict[str, Any]) -> list[linked.Node]:
        public = (source for source in context["sources"] if source.is_public())
        return [source_in_short(self.request, source) for source in public]
