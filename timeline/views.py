"""The pages of what happened and of what was said."""

from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from organizations.models import Organization
from organizations.names import Names
from record import linked
from record.dates import EDTF
from record.pages import counted, in_words, last_change, page_of, sentence
from record.periods import Period
from record.publishing import RecordQuerySet, viewer
from record.richtext import with_contents
from record.views import RecordView
from sources.linked import cited_sources, source_in_short
from sources.models import Citation, Source, with_citations
from timeline.charts import overview_chart
from timeline.filters import Filters, chosen_statements
from timeline.linked import event_node, question_node, statement_node
from timeline.models import Event, Statement
from timeline.paragraphs import contents, paragraphs

ON_A_PAGE = RELATED = 50
EVENTS = ("Línea de tiempo", "timeline:event_list")
STATEMENTS = ("Pronunciamientos", "timeline:statement_list")


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
    context["linked"] = _list_graph(request, EVENTS, context)
    return TemplateResponse(request, "timeline/event_list.html", context)


def _list_graph(
    request: HttpRequest, section: tuple[str, str], context: dict[str, Any]
) -> linked.Node:
    crumb = (section[0], reverse(section[1]))
    return linked.page(request, crumb, kind="CollectionPage", changed=context["changed"])


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
    section = EVENTS

    def prefetched(self, records: RecordQuerySet) -> RecordQuerySet:
        return records.with_organizations().prefetch_related(with_citations(viewer(self.request)))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        event, others = self.object, Event.objects.visible_to(None)
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
            "changed": last_change(event, statements, before, after),
        }

    def cited(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"period": self.object.period}

    def main(self, context: dict[str, Any]) -> linked.Node:
        return event_node(self.request, self.object, context["statements"])

    def sources(self, context: dict[str, Any]) -> list[linked.Node]:
        return cited_sources(self.request, self.object.citations.all())


def statement_list(request: HttpRequest) -> HttpResponse:
    found, chosen, by = chosen_statements(request)
    page = page_of(request, found.by_time(), ON_A_PAGE)
    statements = page.object_list = list(page.object_list)
    Citation.objects.for_readers().attach_to(statements)
    context = {
        "title": sentence(counted(page.paginator.count, "pronunciamiento")),
        "chosen": chosen,
        "by": by,
        "page": page,
        "changed": last_change(statements),
    }
    context["linked"] = _list_graph(request, STATEMENTS, context)
    return TemplateResponse(request, "timeline/statement_list.html", context)


class StatementView(RecordView):
    model = Statement
    section = STATEMENTS
    is_ours = False

    def prefetched(self, records: RecordQuerySet) -> RecordQuerySet:
        return records.with_organizations().prefetch_related(with_citations(viewer(self.request)))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        statement, user = self.object, viewer(self.request)
        cited = {citation.source_id for citation in statement.citations.all()}
        sources = list(Source.objects.visible_to(user).filter(pk__in=cited))
        others = Citation.objects.visible_to(user).exclude(statement=statement)
        citations = list(others.filter(source__in=cited).with_facts())
        events = list(statement.events.visible_to(None).by_time()[:RELATED])
        names, said = Names.public(), Statement.objects.visible_to(None)
        found = paragraphs(statement, sources, citations, names)
        before, after = said.beside(statement)
        return super().get_context_data(**kwargs) | {
            "sources": sources,
            "author": Organization.objects.visible_to(None).coalition(),
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
