"""Feeds of changed records (Atom, RFC 4287), and a calendar of events (iCalendar, RFC 5545).

Ids are made of `settings.TAG_AUTHORITY` and digests of primary keys. If they contained slugs, feed
readers would show an entry as new when its slug changes; the keys themselves would tell how many
drafts there are.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.sax.xmlreader import AttributesImpl

import icalendar
from django.conf import settings
from django.contrib.syndication.views import Feed
from django.db.models import Count, Q, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.xmlutils import SimplerXMLGenerator

from dates.edtf import END_OF_TIME, parse
from dates.text import by_sources, collapse
from record.jsonld import LICENSE
from record.proof import missing_proof, with_proof
from record.text import printable
from sources.quotes import with_contradictions
from timeline.models import Event, Statement, date_sentence
from timeline.vocabulary import visible_parts

ENTRIES, IN_CALENDAR = 50, 2_000
CALENDAR = "text/calendar; charset=utf-8"
NO_ENTRY_YET = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE = {
    "month": ("mes entero", "el día"),
    "year": ("año entero", "el mes ni el día"),
    "between": ("todo el tramo posible", "cuándo"),
}


class _Atom(Atom1Feed):
    """Adds the text and the authors of each entry, and a fixed date for an empty feed."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["content"], {"type": "html"})
        for name in item["authors"]:
            handler.startElement("author", AttributesImpl({}))
            handler.addQuickElement("name", name)
            handler.endElement("author")

    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NO_ENTRY_YET


def _public_id(record: Event | Statement) -> str:
    name = f"{record._meta.label_lower} {record.pk}"
    return salted_hmac("timeline.feeds", name, algorithm="sha256").hexdigest()[:32]


class EventFeed(Feed):
    """The records that last changed or became public."""

    feed_type = _Atom
    language = settings.LANGUAGE_TAG
    model: type[Event | Statement] = Event
    word = "category"
    name, url_name = "Línea de tiempo", "timeline:event_list"
    subtitle = (
        "Lo que entró al registro o cambió en él, lo más reciente primero. "
        "La fecha de cada entrada es la de su último cambio; la de lo que cuenta va en su texto."
    )
    feed_copyright = (
        f"La curaduría: CC BY 4.0, {LICENSE} Los textos de las fuentes y las "
        "palabras que de ellos se citan: de sus autores."
    )
    item_description: Any = None

    def get_object(self, request: HttpRequest) -> HttpRequest:
        return request

    def title(self) -> str:
        return printable(f"{self.name} · {settings.SITE_NAME}")

    def author_name(self) -> str:
        return printable(settings.PUBLISHER or settings.SITE_NAME)

    def link(self) -> str:
        return reverse(self.url_name)

    def feed_guid(self) -> str:
        return f"tag:{settings.TAG_AUTHORITY}:{self.link().strip('/')}"

    def author_link(self, request: HttpRequest) -> str:
        return request.build_absolute_uri("/")

    def items(self) -> list[Event | Statement]:
        records = with_proof(self.model.objects.visible_to(None)).select_related(self.word)
        return with_contradictions(records.newest(ENTRIES))

    def item_title(self, item: Event | Statement) -> str:
        return printable(item.title)

    def item_guid(self, item: Event | Statement) -> str:
        return f"tag:{settings.TAG_AUTHORITY}:{item._meta.model_name}/{_public_id(item)}"

    def item_pubdate(self, item: Event | Statement) -> datetime | None:
        return item.publish_at

    def item_updateddate(self, item: Event | Statement) -> datetime:
        return item.moment

    def item_categories(self, item: Event | Statement) -> list[str]:
        return [str(getattr(item, self.word))]

    def item_extra_kwargs(self, item: Event | Statement) -> dict[str, Any]:
        """Date, summary and text, as on the page."""
        texts = [date_sentence(item), item.summary]
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in texts if text)
        authors = item.authors if isinstance(item, Statement) else []
        names = [printable(organization.name) for organization in authors]
        return {"content": printable(paragraphs + item.body), "authors": names}


class StatementFeed(EventFeed):
    model = Statement
    word = "kind"
    name, url_name = "Pronunciamientos", "timeline:statement_list"

    def items(self) -> list[Event | Statement]:
        statements = super().items()
        prefetch_related_objects(statements, visible_parts(Statement))
        return statements


def calendar(request: HttpRequest) -> HttpResponse:
    """The latest IN_CALENDAR events as whole days. Leaves out events without a first and a last
    possible day."""
    once = Q(end="", start_latest__lt=END_OF_TIME)
    bounded = ~Q(start_earliest="") & (once | (~Q(end="") & Q(end_latest__lt=END_OF_TIME)))
    events = Event.objects.visible_to(None).defer("body")
    counts = events.aggregate(every=Count("pk"), bounded=Count("pk", filter=bounded))
    calendar = _empty(request, **counts)
    events = with_proof(events.filter(bounded)).select_related("category")
    for event in with_contradictions(events.order_by("-sort_day", "-slug")[:IN_CALENDAR]):
        calendar.add_component(_vevent(request, event))
    headers = {"Content-Disposition": 'inline; filename="calendario.ics"'}
    return HttpResponse(calendar.to_ical(), content_type=CALENDAR, headers=headers)


def _empty(request: HttpRequest, every: int, bounded: int) -> icalendar.Calendar:
    name = printable(f"{settings.SITE_NAME}: línea de tiempo")
    description = (
        f"Aquí están {min(bounded, IN_CALENDAR):,} de {every:,} acontecimientos. Las fechas "
        "parciales o acotadas ocupan todo su tramo posible y lo dicen. Lo que "
        f"{by_sources('la fuente no fecha', 'las fuentes no fechan')}, "
        "o deja sin principio o sin fin, no cabe en un calendario: está en "
        f"{request.build_absolute_uri(reverse('timeline:event_list'))}"
    )
    calendar = icalendar.Calendar()
    calendar.version, calendar.calscale = "2.0", "GREGORIAN"
    calendar.prodid = "-//Nucleo//Linea de tiempo//ES"
    for property_name, text in (("name", name), ("description", description)):
        calendar.add(property_name, text)
    for property_name, text in (("x-wr-calname", name), ("x-wr-caldesc", description)):
        calendar.add(property_name, icalendar.vText(text))
    calendar.add("refresh-interval", timedelta(days=1), {"value": "DURATION"})
    return calendar


def _whole(stretch: str, unsaid: str) -> str:
    """«mes entero: la fuente no dice el día»."""
    return f"{stretch}: {by_sources('la fuente no dice', 'las fuentes no dicen')} {unsaid}"


def _ends(event: Event) -> tuple[date | None, date | None]:
    """The first day, and the day after the last, of the dates that other sources say too; the time
    and no end for an event of a day with a time."""
    others = [parse(citation.says) for citation in event.contradictions if citation.says]
    if event.began_at and not event.end and not others:
        return event.began_at.astimezone(UTC), None
    starts = filter(None, (when.first_day for when in (event.when, *others)))
    ends = filter(None, (when.last_day for when in (event.period.end or event.when, *others)))
    end = max(ends, default=None)
    return min(starts, default=None), end + timedelta(days=1) if end else None


def _vevent(request: HttpRequest, event: Event) -> icalendar.Event:
    """An event of the calendar. Its title ends in the date in words, unless the days are known."""
    url = request.build_absolute_uri(event.get_absolute_url())
    dates = (event.when, event.period.end)
    kinds = dict.fromkeys(date.kind for date in dates if date.kind in WHOLE)
    whole = "; ".join(_whole(*WHOLE[kind]) for kind in kinds)
    when = event.period.when
    title = (
        collapse(event.title),
        f"[{when}]" if whole else "",
        missing_proof(event),
        "[las fuentes no coinciden]" if event.contradictions else "",
    )
    texts = (date_sentence(event, whole), collapse(event.summary))
    start, end = _ends(event)
    return icalendar.Event.new(
        uid=f"event-{_public_id(event)}@{settings.TAG_AUTHORITY.partition(',')[0]}",
        stamp=event.moment.astimezone(UTC),
        last_modified=event.moment.astimezone(UTC),
        start=start,
        end=end,
        location=event.proven_location or None,
        summary=printable(" ".join(filter(None, title))),
        description=printable("\n\n".join(filter(None, (*texts, url)))),
        url=url,
        categories=[str(event.category)],
        transparency=icalendar.TRANSP.TRANSPARENT,
    )
