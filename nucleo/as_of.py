"""The pages that ask: who belonged and who represented on this day, in this month, in this year?"""

import re
from calendar import monthrange
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from organizations.as_of import groups, members, representatives, tally
from organizations.moments import moments, neighbours
from organizations.views import described_until
from record import linked
from record.answers import at
from record.dates import EDTF, ImpossibleDate, parse
from record.forms import LONGEST_DATE, read_briefly
from record.pages import last_change, page_of, sentence
from record.periods import Answer
from sources.models import visible_citations
from timeline.models import Event

ON_A_PAGE, EVENTS, MOMENTS = 100, 8, 60
MEANINGS = {
    Answer.YES: "consta para toda la fecha",
    Answer.PARTLY: "consta para una parte",
    Answer.UNKNOWN: "la fuente no alcanza",
    Answer.NO: "consta que no",
}
KICKERS = {"day": "El registro, al", "month": "El registro, en", "year": "El registro, en el año"}
WHOLE = {"day": "ese día", "month": "durante todo el mes", "year": "durante todo el año"}


def as_of(request: HttpRequest, date: str) -> HttpResponse:
    try:
        when = _precise(parse(date[: LONGEST_DATE + 1]))
    except ImpossibleDate as error:
        return _impossible(request, date[:LONGEST_DATE], error)
    asked = members(when), representatives(when)
    counts = [answers.counts() for answers in asked]
    page = page_of(request, asked[0], ON_A_PAGE, max(sum(count.values()) for count in counts))
    first = (page.number - 1) * ON_A_PAGE
    memberships, terms = (list(answers[first : first + ON_A_PAGE]) for answers in asked)
    events = Event.objects.visible_to(None).around(when).defer("body")
    events = list(events.prefetch_related(visible_citations())[: EVENTS + 1])
    context = {
        "page": page,
        "belonging": tally(counts[0], "membresía", feminine=True),
        "members": list(groups(memberships, when)),
        "representing": tally(counts[1], "periodo"),
        "representatives": list(groups(terms, when)),
        "until": _silence(described_until([*memberships, *terms]), when),
        "changed": last_change(memberships, terms, events),
    }
    here = (str(when), reverse("as_of", args=[when.text]))
    context["linked"] = _graph(request, here, changed=context["changed"])
    return TemplateResponse(request, "as_of.html", context | _about(when) | _happened(events))


def _graph(request: HttpRequest, *here: tuple[str, str], changed: datetime | None) -> linked.Node:
    return linked.page(request, ("En una fecha", reverse("as_of_form")), *here, changed=changed)


def _about(when: EDTF) -> dict[str, Any]:
    return {
        "when": when,
        "whole": WHOLE[when.kind],
        "kicker": KICKERS[when.kind],
        "asked": at(when.text),
        "meanings": MEANINGS,
        "neighbours": neighbours(when),
    }


def _happened(events: list[Event]) -> dict[str, Any]:
    """What surely happened then and what may have; `events` has one more than is shown, if any."""
    shown = events[:EVENTS]
    return {
        "happened": [event for event in shown if event.surely],
        "perhaps": [event for event in shown if not event.surely],
        "more_events": len(events) > EVENTS,
    }


def _silence(until: EDTF, when: EDTF) -> EDTF | None:
    """How far the sources go, if that is not to the end of `when`."""
    return until if until.last_day and until.last_day < when.last_day else None


def as_of_form(request: HttpRequest) -> HttpResponse:
    """The form; its answer leads to the page of the date, or says what is wrong with it."""
    written = request.GET.get("fecha")
    problem = ""
    if written is not None:
        try:
            return redirect("as_of", _precise(read_briefly(written)).text)
        except ImpossibleDate as error:
            problem = _problem(error)
    return _form(request, written or "", problem, status=400 if problem else 200)


def _impossible(request: HttpRequest, text: str, error: ImpossibleDate) -> HttpResponse:
    """The address of a date that there is not: why, the form, and a date nearby."""
    return _form(request, text, _problem(error), nearby=nearest(text), status=404)


def _form(request: HttpRequest, written: str, problem: str, **rest: Any) -> HttpResponse:
    status = rest.pop("status")
    every = moments()
    latest = every[-1].when if every else None
    context = {
        "written": written,
        "problem": problem,
        "nearby": rest.get("nearby") or latest,
        "status": status,
        "moments": every[-MOMENTS:],
        "changed": last_change(*(moment.records for moment in every)),
    }
    if status == 200:
        context["linked"] = _graph(request, changed=context["changed"])
    return TemplateResponse(request, "as_of_form.html", context, status=status)


def _problem(error: ImpossibleDate) -> str:
    return f"{sentence(error.reason)}."


def _precise(date: EDTF) -> EDTF:
    """A day, a month or a year; raises ImpossibleDate for what is no single one of them."""
    if not date:
        raise ImpossibleDate("", "falta la fecha: un día, un mes o un año")
    if date.kind not in WHOLE:
        raise ImpossibleDate(
            date.text, "es un tramo, y aquí se pregunta por un día, un mes o un año"
        )
    return date


def nearest(text: str) -> EDTF | None:
    """The possible date most like `text`: `2017-02-30` → `2017-02-28`; None if it is like none."""
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
