"""The pages of a day, a month or a year: who belonged and who represented then."""

import re
from calendar import monthrange

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse, reverse_lazy

from organizations.as_of import (
    groups,
    members,
    moments,
    neighbours,
    representatives,
    tally,
)
from organizations.views import described_until
from record import linked
from record.dates import EDTF, ImpossibleDate, at, parse
from record.forms import LONGEST_DATE, read_briefly
from record.pages import last_change, page_of, sentence
from record.periods import Answer
from sources.models import with_citations
from timeline.models import Event

ON_A_PAGE, EVENTS, MOMENTS = 100, 8, 60
FORM = ("En una fecha", reverse_lazy("as_of_form"))
MEANINGS = {
    Answer.YES: "consta para toda la fecha",
    Answer.PARTLY: "consta para una parte",
    Answer.UNKNOWN: "la fuente no alcanza",
    Answer.NO: "consta que no",
}


def as_of(request: HttpRequest, date: str) -> HttpResponse:
    try:
        when = _precise(parse(date[: LONGEST_DATE + 1]))
    except ImpossibleDate as error:
        return _form(request, date[:LONGEST_DATE], error, status=404)
    answers = members(when), representatives(when)
    counts = [some.counts() for some in answers]
    page = page_of(request, answers[0], ON_A_PAGE, max(sum(count.values()) for count in counts))
    first = (page.number - 1) * ON_A_PAGE
    memberships, terms = (list(some[first : first + ON_A_PAGE]) for some in answers)
    events = Event.objects.visible_to(None).around(when).defer("body")
    events = list(events[: EVENTS + 1])
    with_citations([*memberships, *terms, *events])
    until = described_until([*memberships, *terms])
    ends_before = until.last_day and until.last_day < when.last_day
    changed = last_change(memberships, terms, events)
    context = {
        "when": when,
        "asked": at(when.text),
        "meanings": MEANINGS,
        "neighbours": neighbours(when),
        "page": page,
        "belonging": tally(counts[0], "membresía", feminine=True),
        "members": list(groups(memberships, when)),
        "representing": tally(counts[1], "periodo"),
        "representatives": list(groups(terms, when)),
        "until": until if ends_before else None,
        "happened": [event for event in events[:EVENTS] if event.surely],
        "perhaps": [event for event in events[:EVENTS] if not event.surely],
        "more_events": len(events) > EVENTS,
        "changed": changed,
        "linked": linked.page(
            request, FORM, (str(when), reverse("as_of", args=[when.text])), changed=changed
        ),
    }
    return TemplateResponse(request, "as_of.html", context)


def as_of_form(request: HttpRequest) -> HttpResponse:
    """The form. Redirects to the page of the date, or says what is wrong with it."""
    written = request.GET.get("fecha")
    if written is None:
        return _form(request)
    try:
        return redirect("as_of", _precise(read_briefly(written)).text)
    except ImpossibleDate as error:
        return _form(request, written, error, status=400)


def _form(
    request: HttpRequest, written: str = "", error: ImpossibleDate | None = None, status: int = 200
) -> HttpResponse:
    every = moments()
    changed = last_change(*(moment.records for moment in every))
    context = {
        "written": written,
        "problem": f"{sentence(error.reason)}." if error else "",
        "nearby": nearest(written) or (every[-1].when if every else None),
        "status": status,
        "moments": every[-MOMENTS:],
        "changed": changed,
        "linked": None if error else linked.page(request, FORM, changed=changed),
    }
    return TemplateResponse(request, "as_of_form.html", context, status=status)


def _precise(date: EDTF) -> EDTF:
    """The date if it is a day, a month or a year; raises ImpossibleDate otherwise."""
    if not date:
        raise ImpossibleDate("", "falta la fecha: un día, un mes o un año")
    if not date.is_exact:
        raise ImpossibleDate(
            date.text, "es un tramo, y aquí se pregunta por un día, un mes o un año"
        )
    return date


def nearest(text: str) -> EDTF | None:
    """The possible date most like `text`: `2017-02-30` → `2017-02-28`; None without a year."""
    try:
        date = read_briefly(text)
        return parse(date.upper or date.lower) or None
    except ImpossibleDate:
        found = re.search(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", text, re.ASCII)
    if not found:
        return None
    year, month, day = (number and max(int(number), 1) for number in found.groups())
    date = f"{year:04}"
    if month:
        month = min(month, 12)
        date += f"-{month:02}"
    if day:
        date += f"-{min(day, monthrange(year, month)[1]):02}"
    return parse(date)
