"""The pages of what happened and of what was said."""

from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from record.pages import counted, in_words, last_change, page_of, sentence
from record.publishing import RecordQuerySet, viewer
from record.views import RecordView
from sources.models import Citation, Source, with_citations
from timeline.charts import overview_chart
from timeline.filters import Filters
from timeline.models import Event, Statement
from timeline.paragraphs import paragraphs

ON_A_PAGE = RELATED = 50


def event_list(request: HttpRequest) -> HttpResponse:
    filters = Filters(Event.objects.visible_to(None), request)
    events = filters.events().by_time().with_organizations()
    page = page_of(request, events, ON_A_PAGE, filters.count())
    events = page.object_list = list(page.object_list)
    Citation.objects.for_readers().attach_to(events)
    context = {
        "title": _title(filters),
        "filters": filters.groups(),
        "query": urlencode(filters.chosen),
        "page": page,
        "years": [(year, list(of_it)) for year, of_it in groupby(events, lambda e: e.sort_day[:4])],
        "chart": overview_chart(filters.events(), filters.count()) if page.number == 1 else None,
        "changed": last_change(events),
    }
    return render(request, "timeline/event_list.html", context)


def _title(filters: Filters) -> str:
    """«Diecisiete acontecimientos, catorce con fecha o con límites», «Dos de diecisiete…»."""
    every = counted(filters.total(), "acontecimiento")
    if filters.chosen:
        return sentence(f"{in_words(filters.count())} de {every}")
    if not filters.total():
        return "Ningún acontecimiento todavía"
    return sentence(f"{every}, {in_words(filters.total(dated=True))} con fecha o con límites")


class EventView(RecordView):
    model = Event

    def prefetched(self, records: RecordQuerySet) -> RecordQuerySet:
        return records.with_organizations().prefetch_related(with_citations(viewer(self.request)))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        event, others = self.object, Event.objects.visible_to(None)
        statements = list(event.statements.visible_to(None).by_time()[:RELATED])
        before = others.before(event).first() if event.start else None
        after = others.after(event).first() if event.start else None
        return super().get_context_data(**kwargs) | {
            "statements": statements,
            "before": before,
            "after": after,
            "changed": last_change(event, statements, before, after),
        }


def statement_list(request: HttpRequest) -> HttpResponse:
    page = page_of(request, Statement.objects.visible_to(None).by_time(), ON_A_PAGE)
    statements = page.object_list = list(page.object_list)
    Citation.objects.for_readers().attach_to(statements)
    context = {
        "title": sentence(counted(page.paginator.count, "pronunciamiento")),
        "page": page,
        "changed": last_change(statements),
    }
    return render(request, "timeline/statement_list.html", context)


class StatementView(RecordView):
    model = Statement

    def prefetched(self, records: RecordQuerySet) -> RecordQuerySet:
        return records.with_organizations().prefetch_related(with_citations(viewer(self.request)))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        statement, user = self.object, viewer(self.request)
        cited = {citation.source_id for citation in statement.citations.all()}
        sources = list(Source.objects.visible_to(user).filter(pk__in=cited))
        others = Citation.objects.visible_to(user).exclude(statement=statement)
        citations = list(others.filter(source__in=cited).with_facts())
        events = list(statement.events.visible_to(None).by_time()[:RELATED])
        return super().get_context_data(**kwargs) | {
            "paragraphs": paragraphs(statement, sources, citations),
            "events": events,
            "changed": last_change(statement, sources, citations, events),
        }
