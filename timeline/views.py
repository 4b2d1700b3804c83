"""The pages of events and statements."""

from itertools import chain
from typing import Any

from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse

from dates.edtf import EDTF, reach_in_words
from organizations.name_links import Names
from record import jsonld
from record.charts import Chart
from record.pages import RecordView, last_change, list_page, listed, page_of
from record.proof import with_proof
from record.publishing import RecordQuerySet, viewer
from record.references import Reference
from record.richtext import with_contents
from sources.models import Citation, Source
from sources.quotes import quoting, reach, reference_to, short_node, with_citations
from sources.reading import of_passages, totals_of
from timeline import years
from timeline.charts import MOST_ROWS, columns_chart, events_chart
from timeline.filters import EventFilters, Filters, StatementFilters
from timeline.models import Event, EventQuerySet, Statement
from timeline.paragraphs import Paragraph, contents, paragraphs

ON_A_PAGE, RELATED, CONNECTED = 25, 50, 4
EVENTS = ("Línea de tiempo", "timeline:event_list")
STATEMENTS = ("Pronunciamientos", "timeline:statement_list")


def event_list(request: HttpRequest) -> HttpResponse:
    filters = EventFilters(request)
    context = _of_list(request, filters)
    page = context["page"]
    context |= {
        "total": filters.total,
        "dated": filters.count - filters.undated,
        "chart": _overview(filters, page),
    }
    context |= quoting(chain(*(event.quotes for event in page)))
    return list_page(request, "timeline/event_list.html", EVENTS, context)


def _of_list(request: HttpRequest, filters: Filters) -> dict[str, Any]:
    """The context of a page of the filtered records. The `months` are those of the chosen month's
    year or, in a list of several pages, of the first year on the page."""
    newest_first = filters.newest_first(ON_A_PAGE)
    records = filters.records().by_time(newest_first).defer("body").with_parts()
    page = page_of(request, records, ON_A_PAGE, filters.count)
    page.object_list = with_citations(page.object_list)
    days = [record.sort_day for record in page] if page.has_other_pages() else []
    year = filters.year if "-" in filters.chosen.get("anio", "") else "".join(days[:1])[:4]
    dates = [record.when for record in page]
    return {
        "filters": filters,
        "page": page,
        "place": reach_in_words(dates[::-1] if newest_first else dates),
        "other_order": filters.other_order(ON_A_PAGE) if filters.count > 1 else None,
        "months_of": year,
        "months": filters.months(year) if year else [],
        "changed": last_change(page),
    }


def _overview(filters: EventFilters, page: Page) -> Chart | None:
    """The chart of the list: a row for each event of the record or, if there are too many, of the
    list; else, on the first page, columns. Sets the `number` of the events that have a row."""
    every, is_whole = filters.every, filters.total <= MOST_ROWS
    if is_whole or filters.count <= MOST_ROWS:
        events = with_proof((every if is_whole else filters.records()).by_time())
        rows = list(events.select_related(None).only("slug", "title", "start", "end"))
        numbers = {event.pk: number for number, event in enumerate(rows, 1)}
        for event in page:
            event.number = numbers[event.pk]
        matching = None
        if is_whole and filters.chosen:
            matching = set(filters.records() if page.has_other_pages() else page)
        in_list = rows if filters.total <= ON_A_PAGE else list(page)
        until = reach().until if any(event.end for event in rows) else EDTF()
        return events_chart(rows, in_list, until, matching)
    if page.has_previous():
        return None
    url, undated = filters.url(anio=""), 0 if filters.year else filters.undated
    if filters.year.isdigit():
        return columns_chart(filters.by_month(filters.year), url=url)
    counts = {year: n for year, n in filters.by_year.items() if year}
    if filters.year:
        counts = {year: n for year, n in counts.items() if years.has(filters.year, year)}
    return columns_chart(counts, undated, url)


class TimelineView(RecordView):
    word: str

    def get_queryset(self) -> RecordQuerySet[Any]:
        records: Any = super().get_queryset().select_related(self.word)
        return records.with_parts()


class EventView(TimelineView):
    model = Event
    word = "category"
    section = EVENTS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        event, others = self.object, Event.objects.visible_to(None)
        with_citations([event], viewer(self.request))
        causes, effects = self._around(others.exclude(pk=event.pk))
        statements = list(event.statements.visible_to(None).by_time()[:RELATED])
        before = others.before(event).first() if event.start else None
        after = others.after(event).first() if event.start else None
        with_citations(
            [*statements, *causes, *effects, *filter(None, [before, after])], viewer(self.request)
        )
        body, contents = with_contents(event.body)
        return super().get_context_data(**kwargs) | {
            "body": body,
            "contents": contents,
            "names": Names.public(),
            "statements": statements,
            "causes": causes,
            "effects": effects,
            "before": before,
            "after": after,
            # Without the events before and after: the page only links to them.
            "changed": last_change(event, statements),
            "main": event.jsonld(statements),
            **quoting(event.quotes),
        }

    def _around(self, others: EventQuerySet) -> tuple[list[Event], list[Event]]:
        """The events that quote the same passages: before or at this date, then after or at it."""
        event = self.object
        sharing = others.quoting(event.visible_citations) if event.start else others.none()
        first, last = event.start_earliest, event.start_latest
        dated = sharing.exclude(start_earliest=first, start_latest=last).filter(sort_day__gt="")
        before = dated.filter(start_earliest__lte=first, start_latest__lte=last)
        after = dated.filter(start_earliest__gte=first, start_latest__gte=last)
        return list(before[:CONNECTED]), list(after[:CONNECTED])


def statement_list(request: HttpRequest) -> HttpResponse:
    context = _of_list(request, StatementFilters(request))
    return list_page(request, "timeline/statement_list.html", STATEMENTS, context)


class StatementView(TimelineView):
    model = Statement
    word = "kind"
    section = STATEMENTS
    is_ours = False

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        statement, user = self.object, viewer(self.request)
        events = list(statement.events.visible_to(None).by_time()[:RELATED])
        others = Statement.objects.visible_to(None)
        before, after = others.before(statement).first(), others.after(statement).first()
        with_citations([statement, *filter(None, [before, after]), *events], user)
        cited = {citation.source_id for citation in statement.visible_citations}
        sources = list(Source.objects.visible_to(user).filter(pk__in=cited))
        others_citations = Citation.objects.visible_to(user).exclude(statement=statement)
        citations = list(of_passages(others_citations, sources))
        names = Names.public()
        public = [source for source in sources if source.is_public()]
        text = paragraphs(
            statement, sources, citations, names, totals_of(others_citations, citations)
        )
        return super().get_context_data(**kwargs) | {
            "sources": sources,
            "paragraphs": text,
            "contents": contents(text),
            "names": names,
            "events": events,
            "before": before,
            "after": after,
            "changed": last_change(statement, sources, citations, events, before, after),
            "main": self._main(events, text),
            "based_on": [short_node(source) for source in public],
            "quoted": [self._spoken(public), *map(reference_to, public)],
        }

    def _spoken(self, sources: list[Source]) -> Reference:
        """The reference to the statement itself, in the sources that contain it."""
        statement = self.object
        return Reference(
            key=f"original-statement-{statement.slug}",
            title=statement.title,
            url=next((source.url for source in sources), ""),
            site=listed(sources) if sources else "",
            authors=[organization.name for organization in statement.authors],
            issued=statement.when,
        )

    def _main(self, events: list[Event], text: list[Paragraph]) -> jsonld.Node | list[jsonld.Node]:
        if self.page_kind == "WebPage":
            return self.object.jsonld(events)
        return [self.object.question_node("\n".join(paragraph.text for paragraph in text))]

    @property
    def page_kind(self) -> str:  # type: ignore[override]  # a class attribute of other pages
        return "FAQPage" if self.object.kind.is_question else "WebPage"
