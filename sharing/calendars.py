"""Calendars of events (iCalendar, RFC 5545)."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import Any

import icalendar
from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse

from dates.edtf import END_OF_TIME, parse
from dates.text import by_sources, collapse
from record.proof import missing_proof
from record.text import printable
from sharing.entries import dates_of, named, proofs, public_id
from sources.quotes import with_citations
from timeline.filters import EventFilters
from timeline.models import Event

IN_CALENDAR = 2_000
CALENDAR = "text/calendar; charset=utf-8"
WHOLE = {
    "month": ("mes entero", "el día"),
    "year": ("año entero", "el mes ni el día"),
    "between": ("todo el tramo posible", "cuándo"),
}


def calendar(request: HttpRequest) -> HttpResponse:
    filters = EventFilters(request)
    name = f"línea de tiempo ({filters.words})" if filters.words else "línea de tiempo"
    return calendar_of(request, filters.records(), name, filters.url(orden=""))


def calendar_of(request: HttpRequest, events: Any, name: str, path: str) -> HttpResponse:
    """The latest IN_CALENDAR of the events on the page `path`, as whole days. Leaves out events
    without a first and a last possible day."""
    once = Q(end="", start_latest__lt=END_OF_TIME)
    bounded = ~Q(start_earliest="") & (once | (~Q(end="") & Q(end_latest__lt=END_OF_TIME)))
    counts = events.aggregate(every=Count("pk"), bounded=Count("pk", filter=bounded))
    calendar = _empty(name, request.build_absolute_uri(path), **counts)
    events = events.filter(bounded).defer("body").select_related("category")
    for event in with_citations(events.order_by("-sort_day", "-slug")[:IN_CALENDAR]):
        calendar.add_component(_vevent(request, event))
    headers = {"Content-Disposition": 'inline; filename="calendario.ics"'}
    return HttpResponse(calendar.to_ical(), content_type=CALENDAR, headers=headers)


def _empty(name: str, url: str, every: int, bounded: int) -> icalendar.Calendar:
    name = printable(f"{settings.SITE_NAME}: {name}")
    description = (
        f"Aquí están {min(bounded, IN_CALENDAR):,} de {every:,} acontecimientos. Las fechas "
        "parciales o acotadas ocupan todo su tramo posible y lo dicen. Lo que "
        f"{by_sources('la fuente no fecha', 'las fuentes no fechan')}, "
        f"o deja sin principio o sin fin, no cabe en un calendario: está en {url}"
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
    texts = (dates_of(event, whole), collapse(event.summary), *_quotes(request, event))
    start, end = _ends(event)
    return icalendar.Event.new(
        uid=f"event-{public_id(event)}@{settings.TAG_AUTHORITY.partition(',')[0]}",
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


def _quotes(request: HttpRequest, event: Event) -> Iterator[str]:
    """The cited words, with their source and their address."""
    for citation, _is_new in proofs(event):
        address = request.build_absolute_uri(citation.get_absolute_url())
        yield f"«{citation.exact}»\n{named(citation)}: {address}"
