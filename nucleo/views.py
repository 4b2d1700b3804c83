"""The pages that cross the apps: the front page, who belonged and represented on a date, the page
about the site, robots.txt and security.txt."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.text import capfirst
from django.views.decorators.cache import never_cache

from dates.edtf import EDTF, ImpossibleDate, at, parse
from dates.periods import Answer
from dates.spanish_dates import LONGEST, nearest, read
from dates.text import fold
from organizations.as_of import groups, members, moments, neighbours, representatives, tally
from organizations.models import STATE, Membership, Organization, RepresentationTerm
from organizations.views import described_until
from record import jsonld
from record.pages import in_words, last_change, page_of
from sources.models import Citation, with_citations
from timeline.charts import overview_chart
from timeline.models import Event, Statement

MEMBERS, TERMS, LATEST = 100, 50, 3
PLAIN_TEXT = "text/plain; charset=utf-8"
ON_A_PAGE, EVENTS, MOMENTS = 100, 8, 60
FORM = ("En una fecha", reverse_lazy("as_of_form"))
MEANINGS = {
    Answer.YES: "consta para toda la fecha",
    Answer.PARTLY: "consta para una parte",
    Answer.UNKNOWN: "la fuente no alcanza",
    Answer.NO: "consta que no",
}


def site(request: HttpRequest) -> dict[str, str]:
    """What every template may say about the site."""
    return {
        "site_name": settings.SITE_NAME,
        "contact_email": settings.CONTACT_EMAIL,
        "version": settings.VERSION,
    }


def home(request: HttpRequest) -> HttpResponse:
    coalition = Organization.objects.visible_to(None).coalition()
    events = Event.objects.visible_to(None)
    latest = list(events.latest_dated().defer("body")[:LATEST])
    statements = Statement.objects.visible_to(None).defer("body")
    said = statements.order_by("-sort_day", "pk")[:LATEST]
    figures = Citation.objects.visible_to(None).figures()
    terms, members = _terms(), _members()
    with_citations([*filter(None, [coalition]), *latest, *terms, *members])
    context = {
        "coalition": coalition,
        "chart": overview_chart(events),
        "latest": latest,
        "said": said,
        "source_count": f"{figures['sources']:,}",
        "fact_count": f"{figures['facts']:,}",
        "until": parse(figures["until"]),
        "changed": last_change(coalition, terms, members, latest, said),
    }
    context |= _representation(terms) | _membership(members)
    context["linked"] = _site_graph(request, coalition, context["changed"])
    return TemplateResponse(request, "home.html", context)


def _site_graph(
    request: HttpRequest, coalition: Organization | None, changed: datetime | None
) -> jsonld.Node:
    """The front page's, with the whole site and how it is searched."""
    main = coalition.jsonld() if coalition else None
    graph = jsonld.page(request, changed=changed, main=main)
    root = request.build_absolute_uri("/")
    address = jsonld.node(kind="EntryPoint", urlTemplate=f"{root}buscar/?q={{search_term_string}}")
    query = {"query-input": "required name=search_term_string"}
    search = jsonld.node(kind="SearchAction", target=address, **query)
    of_site = {"id": f"{root}#sitio", "name": settings.SITE_NAME, "url": root}
    website = jsonld.node(kind="WebSite", **of_site, inLanguage="es-MX", potentialAction=search)
    graph["@graph"].append(website)
    return graph


def _terms() -> list[RepresentationTerm]:
    """The terms that end last, open ones first."""
    terms = RepresentationTerm.objects.visible_to(None).select_related("organization")
    return list(terms.order_by("-end_latest", "-end_earliest", "-role", "order", "slug")[:TERMS])


def _representation(terms: list[RepresentationTerm]) -> dict[str, Any]:
    """The representatives when the source was written, and the earlier ones in their order."""
    now = [term for term in terms if term.period.is_open]
    before = [term for term in terms if term.order and term.period.end.upper]
    before.sort(key=lambda term: term.order)
    proofs = [c for term in now for c in term.visible_citations]
    proofs += [c for term in before for c in term.visible_citations if c.field == "order"]
    return {
        "representing": now,
        "represented": before,
        "undated": not any(term.period.start.is_exact for term in before),
        "term_citations": tuple(proofs),
    }


def _members() -> list[Membership]:
    """The memberships whose end is known or open, current ones first."""
    memberships = Membership.objects.visible_to(None).exclude(end="")
    memberships = memberships.select_related("organization", "replaces")
    return list(memberships.order_by(STATE, "organization__name")[:MEMBERS])


def _membership(members: list[Membership]) -> dict[str, Any]:
    current = [membership for membership in members if membership.state == "current"]
    citations = tuple(c for m in members for c in m.visible_citations if c.field[:3] in ("", "end"))
    named = {membership.organization: membership.listed_as for membership in current}
    number = in_words(len(named), feminine=True)
    return {
        "members": sorted(named.items(), key=lambda item: fold(str(item[0]))),
        "member_count": capfirst(number) if len(members) < MEMBERS else "",
        "former": list(
            dict.fromkeys(m.organization for m in members if m.organization not in named)
        ),
        "member_citations": citations,
    }


def about(request: HttpRequest) -> HttpResponse:
    coalition = Organization.objects.visible_to(None).coalition()
    context = {"coalition": coalition, "changed": last_change(coalition)}
    crumb = ("Acerca de y método", reverse("about"))
    context["linked"] = jsonld.page(request, crumb, kind="AboutPage", changed=context["changed"])
    return TemplateResponse(request, "about.html", context)


def as_of(request: HttpRequest, when: EDTF) -> HttpResponse:
    """Who belonged and who represented on a day, in a month or in a year."""
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
        "linked": jsonld.page(
            request, FORM, (str(when), reverse("as_of", args=[when])), changed=changed
        ),
    }
    return TemplateResponse(request, "as_of.html", context)


def as_of_form(request: HttpRequest) -> HttpResponse:
    """The form. Redirects to the page of the date, or says what is wrong with it."""
    written = request.GET.get("fecha")
    if written is None:
        return _form(request)
    try:
        return redirect("as_of", _exact(read(written)))
    except ImpossibleDate as error:
        return _form(request, written, error, status=400)


def as_of_impossible(request: HttpRequest, written: str) -> HttpResponse:
    """The form, under an address that names no day, month or year."""
    try:
        return redirect("as_of", _exact(parse(written)))
    except ImpossibleDate as error:
        return _form(request, written[:LONGEST], error, status=404)


def _form(
    request: HttpRequest, written: str = "", error: ImpossibleDate | None = None, status: int = 200
) -> HttpResponse:
    every = moments()
    changed = last_change(*(moment.records for moment in every))
    context = {
        "written": written,
        "problem": f"{capfirst(error.reason)}." if error else "",
        "nearby": nearest(written) or (every[-1].when if every else None),
        "status": status,
        "moments": every[-MOMENTS:],
        "changed": changed,
        "linked": None if error else jsonld.page(request, FORM, changed=changed),
    }
    return TemplateResponse(request, "as_of_form.html", context, status=status)


def _exact(date: EDTF) -> EDTF:
    """The date if it is a day, a month or a year; raises ImpossibleDate otherwise."""
    if not date:
        raise ImpossibleDate("", "falta la fecha: un día, un mes o un año")
    if not date.is_exact:
        raise ImpossibleDate(
            date.text, "es un tramo, y aquí se pregunta por un día, un mes o un año"
        )
    return date


def robots(request: HttpRequest) -> HttpResponse:
    """All may be read except the staff's pages."""
    return render(request, "robots.txt", content_type=PLAIN_TEXT)


@never_cache
def security_txt(request: HttpRequest) -> HttpResponse:
    """Where to report a weakness (RFC 9116), while there is somebody to report it to."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    context = {"contact": settings.SECURITY_CONTACT, "until": timezone.now() + timedelta(days=300)}
    return render(request, "security.txt", context, content_type=PLAIN_TEXT)
