"""What changed, for feed readers (Atom, RFC 4287), and when it was, for calendars (RFC 5545).

Ids are made of `settings.TAG_AUTHORITY` and the row's primary key: a slug may change, and then
readers would be shown an old entry as a new one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import escape
from django.utils.xmlutils import SimplerXMLGenerator

from record.dates import END_OF_TIME
from record.linked import LICENSE
from record.pages import bounded_counts, figure, sentence
from record.publishing import PublishableQuerySet
from record.richtext import sanitize
from record.text import collapse, printable
from timeline.models import Event, EventQuerySet, Statement

if TYPE_CHECKING:
    import icalendar

ENTRIES, IN_CALENDAR = 50, 2_000
CALENDAR = "text/calendar; charset=utf-8"
NO_ENTRY_YET = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE = {
    "month": "mes entero: la fuente no dice el día",
    "year": "año entero: la fuente no dice el mes ni el día",
    "between": "todo el tramo posible: la fuente no dice cuándo",
}


# Atom


class _Feed(Atom1Feed):
    """With each entry's text as its content, and a date that is true of a feed without entries."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["content"], {"type": "html"})

    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NO_ENTRY_YET


def event_feed(request: HttpRequest) -> HttpResponse:
    return _feed(request, Event.objects.visible_to(None), "Línea de tiempo")


def statement_feed(request: HttpRequest) -> HttpResponse:
    return _feed(request, Statement.objects.visible_to(None), "Pronunciamientos")


def _feed(request: HttpRequest, records: PublishableQuerySet, title: str) -> HttpResponse:
    """The records that changed, or became public, last."""
    here, listed = request.build_absolute_uri(request.path), request.path.removesuffix("atom.xml")
    feed = _Feed(
        title=printable(f"{title} · {settings.SITE_NAME}"),
        subtitle="Lo que entró al registro o cambió en él, lo más reciente primero. "
        "La fecha de cada entrada es la de su último cambio; la de lo que cuenta va en su texto.",
        link=request.build_absolute_uri(listed),
        feed_url=here,
        feed_guid=f"tag:{settings.TAG_AUTHORITY}:{listed.strip('/')}",
        language="es-MX",
        author_name=printable(settings.SITE_NAME),
        author_link=request.build_absolute_uri("/"),
        feed_copyright=f"La curaduría: CC BY 4.0, {LICENSE} Los textos de las fuentes y las "
        "palabras que de ellos se citan: de sus autores.",
        description=None,
    )
    for record in records.newest(ENTRIES):
        _add(feed, record, request)
    return HttpResponse(feed.writeString("utf-8"), content_type=Atom1Feed.content_type)


def _add(feed: _Feed, record: Event | Statement, request: HttpRequest) -> None:
    kind = record.get_category_display() if isinstance(record, Event) else record.get_kind_display()
    feed.add_item(
        title=printable(record.title),
        link=request.build_absolute_uri(record.get_absolute_url()),
        description=None,
        unique_id=f"tag:{settings.TAG_AUTHORITY}:{record._meta.model_name}/{record.pk}",
        pubdate=record.publish_at,
        updateddate=record.moment,
        categories=[kind],
        content=printable(_html(record)),
    )


def _html(record: Event | Statement) -> str:
    """Date, summary and text, as the page has them."""
    told = [f"Fecha: {_when(record) or 'la fuente no la dice'}.", record.summary]
    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in told if text)
    return paragraphs + sanitize(record.body)


def _when(record: Event | Statement) -> str:
    lasted = isinstance(record, Event) and record.period.end
    return str(record.period if lasted else record.when)


# iCalendar


def calendar(request: HttpRequest) -> HttpResponseBase:
    """Events as whole days, the latest IN_CALENDAR. One that a source leaves open or does not date
    fits no calendar. HEAD reads no rows, and says no length."""
    headers = {"Content-Disposition": 'inline; filename="calendario.ics"'}
    if request.method == "HEAD":
        return StreamingHttpResponse(content_type=CALENDAR, headers=headers)
    lines = _lines(request, Event.objects.visible_to(None))
    begun = chain([next(lines)], lines)  # before 200 is said: the database may not answer
    return StreamingHttpResponse(begun, content_type=CALENDAR, headers=headers)


def _bounded() -> Q:
    """Those that a first and a last possible day are known of."""
    once = Q(end="", start_latest__lt=END_OF_TIME)
    return ~Q(start_earliest="") & (once | (~Q(end="") & Q(end_latest__lt=END_OF_TIME)))


def _lines(request: HttpRequest, events: EventQuerySet) -> Iterator[bytes]:
    counts = bounded_counts({"every": events, "bounded": events.filter(_bounded())})
    head, end = _empty(request, **counts).to_ical().split(b"END:VCALENDAR")
    yield head
    shown = events.filter(_bounded()).order_by("-sort_day", "-slug")[:IN_CALENDAR]
    for event in shown.iterator(chunk_size=500):
        yield _vevent(request, event).to_ical()
    yield b"END:VCALENDAR" + end


def _empty(request: HttpRequest, every: int, bounded: int) -> "icalendar.Calendar":
    import icalendar  # where it is needed: it takes a tenth of a worker's start

    calendar = icalendar.Calendar()
    name = printable(f"{settings.SITE_NAME}: línea de tiempo")
    told = (
        f"Aquí están {min(bounded, IN_CALENDAR):,} de {figure(every)} acontecimientos. Las fechas "
        "parciales o acotadas ocupan todo su tramo posible y lo dicen. Lo que la fuente no fecha, "
        "o deja sin principio o sin fin, no cabe en un calendario: está en "
        f"{request.build_absolute_uri(reverse('timeline:event_list'))}"
    )
    for property_name, value in {
        "version": "2.0",
        "prodid": "-//Nucleo//Linea de tiempo//ES",
        "calscale": "GREGORIAN",
        "name": name,
        "x-wr-calname": icalendar.vText(name),
        "description": told,
        "x-wr-caldesc": icalendar.vText(told),
        "refresh-interval": timedelta(days=1),
    }.items():
        parameters = {"value": "DURATION"} if property_name == "refresh-interval" else None
        calendar.add(property_name, value, parameters)
    return calendar


def _vevent(request: HttpRequest, event: Event) -> "icalendar.Event":
    import icalendar

    url, kind = request.build_absolute_uri(event.get_absolute_url()), event.get_category_display()
    told = [f"{_told_date(event)}.", collapse(event.summary), url]
    vevent = icalendar.Event()
    for name, value in {
        "uid": f"event-{event.pk}@{settings.TAG_AUTHORITY.partition(',')[0]}",
        "dtstamp": event.moment.astimezone(UTC),
        "last-modified": event.moment.astimezone(UTC),
        "dtstart": event.period.start.first_day,
        "dtend": (event.period.end or event.period.start).last_day + timedelta(days=1),
        "summary": printable(_told_title(event)),
        "description": printable("\n\n".join(filter(None, told))),
        "url": url,
        "categories": [kind],
        "transp": "TRANSPARENT",
    }.items():
        vevent.add(name, value)
    return vevent


def _is_exact(event: Event) -> bool:
    """Whether every day of the calendar's span is one that the source says."""
    ends = (event.period.start, event.period.end)
    return all(not date or date.kind == "day" for date in ends)


def _told_title(event: Event) -> str:
    title = collapse(event.title)
    return title if _is_exact(event) else f"{title} [{_when(event)}]"


def _told_date(event: Event) -> str:
    """«Fecha: agosto de 2011 (mes entero: la fuente no dice el día)»."""
    inexact = [date for date in (event.period.start, event.period.end) if date.kind in WHOLE]
    whole = "; ".join(dict.fromkeys(WHOLE[date.kind] for date in inexact))
    return sentence(f"fecha: {_when(event)}{f' ({whole})' if whole else ''}")
