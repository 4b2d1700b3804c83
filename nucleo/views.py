"""The pages that cross the apps: the front page, the record as of a date, the page about the site,
robots.txt and security.txt."""

from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.paginator import Page
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.text import capfirst
from django.utils.translation import to_locale
from django.views.decorators.cache import never_cache

from dates.edtf import EDTF, ImpossibleDate, at, of, parse
from dates.periods import Answer
from dates.spanish_dates import LONGEST, nearest, read
from dates.text import by_sources, fold
from organizations import rotation
from organizations.as_of import (
    SHOWN_MOMENTS,
    WHOLE,
    Column,
    belonging,
    columns,
    members,
    moments,
    moments_of,
    neighbours,
    organization_counts,
    organization_ranks,
    representatives,
    speaking,
    tally,
)
from organizations.models import STANDING, Membership, Organization, RepresentationTerm
from organizations.succession import one_of_each_place, set_partners
from record import jsonld
from record.pages import in_words, last_change, page_of, references
from sources.quotes import figures, of_passages, quoting, reach_of, with_citations
from timeline.models import Event, Statement

MAX_MEMBERSHIPS, MAX_TERMS, LATEST = 100, 50, 3
PLAIN_TEXT = "text/plain; charset=utf-8"
PAGE_SIZE, MAX_EVENTS, MAX_MOMENTS = 40, 6, 60
MEANINGS = {
    Answer.YES: "consta para toda la fecha",
    Answer.PARTLY: "consta para una parte",
    Answer.UNKNOWN: lazy(by_sources, str)("la fuente no alcanza", "las fuentes no alcanzan"),
    Answer.NO: "consta que no",
}


def site(request: HttpRequest) -> dict[str, str]:
    """Return what every template may show of the settings."""
    return {
        "site_name": settings.SITE_NAME,
        "publisher": settings.PUBLISHER,
        "publisher_address": settings.PUBLISHER_ADDRESS,
        "contact_email": settings.CONTACT_EMAIL,
        "source_url": settings.SOURCE_URL,
        "language": settings.LANGUAGE_TAG,
        "locale": to_locale(settings.LANGUAGE_CODE),
        "version": settings.VERSION,
    }


def home(request: HttpRequest) -> HttpResponse:
    coalition = Organization.objects.visible_to(None).coalition()
    events = Event.objects.visible_to(None)
    latest_events = list(events.latest_dated().defer("body").with_parts()[:LATEST])
    statements = Statement.objects.visible_to(None).defer("body")
    statements = statements.select_related("kind").with_parts().order_by("-sort_day", "pk")
    latest_statements = list(statements[:LATEST])
    counts = figures()
    terms, memberships = _terms(), _memberships()
    with_citations(
        [*filter(None, [coalition]), *latest_events, *latest_statements, *terms, *memberships]
    )
    context: dict[str, Any] = _representation(terms) | _membership(memberships)
    first = [term for term in terms if term.role == "representative"]
    context |= {
        "coalition": coalition,
        "chart": rotation.hero(terms, counts["reach"].until),
        "latest_events": latest_events,
        "gaps": rotation.of_all(first, coalition)["gaps"],
        "undated": list(events.filter(sort_day="").order_by("pk")[:LATEST]),
        "moments": moments_of([*memberships, *terms])[-SHOWN_MOMENTS:],
        "latest_statements": latest_statements,
        "source_count": f"{counts['sources']:,}",
        "fact_count": f"{counts['facts']:,}",
        "reach": counts["reach"],
        "uncited_count": counts["uncited"],
        "changed": last_change(coalition, terms, memberships, latest_events, latest_statements),
    }
    context["linked"] = _site_graph(request, coalition, context["changed"])
    return TemplateResponse(request, "home.html", context)


def _site_graph(
    request: HttpRequest, coalition: Organization | None, changed: datetime | None
) -> jsonld.Node:
    """Return the graph of the front page, with the whole site and its search."""
    main = coalition.jsonld() if coalition else None
    graph = jsonld.page(request, changed=changed, main=main)
    root = request.build_absolute_uri("/")
    address = jsonld.node(kind="EntryPoint", urlTemplate=f"{root}buscar/?q={{search_term_string}}")
    query = {"query-input": "required name=search_term_string"}
    search = jsonld.node(kind="SearchAction", target=address, **query)
    website = jsonld.node(
        kind="WebSite",
        id=f"{root}#sitio",
        name=settings.SITE_NAME,
        url=root,
        inLanguage=settings.LANGUAGE_TAG,
        publisher=jsonld.publisher(),
        potentialAction=search,
    )
    graph["@graph"].append(website)
    return graph


def _terms() -> list[RepresentationTerm]:
    """Return the terms that end last, open terms first."""
    terms = RepresentationTerm.objects.visible_to(None).select_related("organization")
    return list(
        terms.order_by("-end_latest", "-end_earliest", "-role", "order", "slug")[:MAX_TERMS]
    )


def _representation(terms: list[RepresentationTerm]) -> dict[str, Any]:
    """Return the terms that were open when the source was written, and the earlier terms in their
    order."""
    set_partners(terms, terms)
    current = [term for term in terms if term.period.is_open]
    former = [term for term in terms if term.order and term.period.end.upper]
    former.sort(key=lambda term: term.order or 0)
    now = [term for term in current if term.role == "representative"]
    citations = [c for term in current for c in term.quotes]
    citations += [c for term in former for c in term.visible_citations if c.field == "order"]
    return {
        "current_terms": current,
        "speaking": list(one_of_each_place(now)),
        "former_terms": list(one_of_each_place(former)),
        "former_count": len({t.organization for t in former} - {t.organization for t in now}),
        "is_undated": not any(term.period.start.is_exact for term in former),
        "order_citations": [c for c in citations if c.field == "order"],
        "term_citations": tuple(citations),
    }


def _memberships() -> list[Membership]:
    """Return the memberships whose end is known or open, current memberships first."""
    memberships = Membership.objects.visible_to(None).exclude(end="")
    memberships = memberships.with_parties()
    return list(memberships.order_by(STANDING, "organization__name")[:MAX_MEMBERSHIPS])


def _membership(memberships: list[Membership]) -> dict[str, Any]:
    """Return the current and the former members, with their memberships."""
    current = {m.organization: m for m in memberships if m.standing == "current"}
    former = {m.organization: m for m in memberships if m.organization not in current}
    citations = (c for m in memberships for c in m.quotes if c.field[:3] in ("", "end"))
    number = in_words(len(current), feminine=True)
    return {
        "members": sorted(current.items(), key=lambda item: fold(str(item[0]))),
        "member_count": capfirst(number) if len(memberships) < MAX_MEMBERSHIPS else "",
        "former_members": list(former.items()),
        "member_citations": tuple(citations),
    }


def about(request: HttpRequest) -> HttpResponse:
    coalition = Organization.objects.visible_to(None).coalition()
    changed = last_change(coalition)
    crumb = ("Acerca de y método", reverse("about"))
    linked = jsonld.page(request, crumb, kind="AboutPage", changed=changed)
    context = {"coalition": coalition, "changed": changed, "linked": linked}
    return TemplateResponse(request, "about.html", context)


def as_of(request: HttpRequest, when: EDTF) -> HttpResponse:
    """Show who belonged and who represented on a day, in a month or in a year."""
    every_membership, every_term = members(when), representatives(when)
    founding = Membership.objects.visible_to(None).founding()
    if is_before := when.latest < parse(founding).earliest:
        every_term = every_term.none()
    ranks = organization_ranks(every_membership)
    counts = organization_counts(ranks), every_term.counts()
    longest = max(len(ranks), sum(counts[1].values()))
    page = page_of(request, every_membership, PAGE_SIZE, longest)
    on_page = slice((page.number - 1) * PAGE_SIZE, page.number * PAGE_SIZE)
    memberships, terms = list(every_membership[on_page]), list(every_term[on_page])
    events_around = Event.objects.visible_to(None).around(when).select_related("category")
    events = list(events_around.defer("body").with_parts()[: MAX_EVENTS + 1])
    records: list[Any] = [*memberships, *terms, *events]
    with_citations(records)
    answers = columns(memberships, counts[0], when), columns(terms, counts[1], when)
    changed, reach = last_change(records), reach_of([*memberships, *terms])
    title = f"Quién pertenecía y quién representaba {at(when.text)}"
    quotes = chain(*(record.quotes for record in records))
    context = _answered(answers, when, page) | {
        "when": when,
        "references": references(request, title, changed, quoting(quotes)["quoted"]),
        "at_date": at(when.text),
        "founding": of(founding) if is_before else "",
        "neighbours": neighbours(moments(), when),
        "page": page,
        "membership_tally": tally(counts[0], "organización", "organizaciones"),
        "term_tally": "La coalición no existía" if is_before else tally(counts[1], "periodo"),
        "reach": reach if reach.ends_before(when) else None,
        "certain_events": [event for event in events[:MAX_EVENTS] if event.surely],
        "possible_events": [event for event in events[:MAX_EVENTS] if not event.surely],
        "more_events": len(events) > MAX_EVENTS,
        "changed": changed,
        "linked": jsonld.page(request, _form_crumb(), (str(when), request.path), changed=changed),
    }
    return TemplateResponse(request, "as_of.html", context)


def _answered(answers: tuple[list[Column], list[Column]], when: EDTF, page: Page) -> dict[str, Any]:
    """The answers in columns and in two sentences, of which a later page lacks the second, since it
    lacks the first records."""
    of_members, of_terms = answers
    coalition = Organization.objects.visible_to(None).coalition()
    name = coalition.with_article if coalition else "la coalición"
    whom = "ellas" if of_members[0].count + of_members[1].count > 1 else name
    is_first = page.number == 1
    return {
        "answers": answers,
        "meanings": MEANINGS,
        "whole": WHOLE[when.kind],
        "proof": of_passages(c for column in chain(*answers) for c in column.citations),
        "coalition_name": name,
        "lead": f"{belonging(of_members, when)} {speaking(of_terms, whom, when) * is_first}",
        "disputed": any(column.disputed for column in (*of_members[:2], *of_terms[:2])),
    }


def _form_crumb() -> tuple[str, str]:
    return ("En una fecha", reverse("as_of_form"))


def as_of_form(request: HttpRequest) -> HttpResponse:
    """Show the form, or redirect to the page of the date in it. Show the error of another text."""
    written = request.GET.get("fecha")
    if written is None:
        return _form(request)
    try:
        return redirect("as_of", _exact(read(written)))
    except ImpossibleDate as error:
        return _form(request, written, error, status=400)


def as_of_impossible(request: HttpRequest, written: str) -> HttpResponse:
    """Show the form with an error for an address that names no day, month or year."""
    try:
        return redirect("as_of", _exact(parse(written)))
    except ImpossibleDate as error:
        return _form(request, written[:LONGEST], error, status=404)


def _form(
    request: HttpRequest, written: str = "", error: ImpossibleDate | None = None, status: int = 200
) -> HttpResponse:
    every_moment = moments()
    changed = last_change(*(moment.records for moment in every_moment))
    context = {
        "written": written,
        "problem": f"{capfirst(error.reason)}." if error else "",
        "nearby": nearest(written) or (every_moment[-1].when if every_moment else None),
        "status": status,
        "moments": every_moment[-MAX_MOMENTS:],
        "changed": changed,
        "linked": None if error else jsonld.page(request, _form_crumb(), changed=changed),
    }
    return TemplateResponse(request, "as_of_form.html", context, status=status)


def _exact(date: EDTF) -> EDTF:
    """Return a date that is a day, a month or a year. Raises ImpossibleDate for any other."""
    if not date:
        raise ImpossibleDate("", "falta la fecha: un día, un mes o un año")
    if not date.is_exact:
        raise ImpossibleDate(
            date.text, "es un tramo, y aquí se pregunta por un día, un mes o un año"
        )
    return date


def robots(request: HttpRequest) -> HttpResponse:
    """Allow all pages but the staff's."""
    return render(request, "robots.txt", content_type=PLAIN_TEXT)


@never_cache
def security_txt(request: HttpRequest) -> HttpResponse:
    """Answer the contact for reports of vulnerabilities (RFC 9116), or 404 if none is set."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    context = {"contact": settings.SECURITY_CONTACT, "until": timezone.now() + timedelta(days=300)}
    return render(request, "security.txt", context, content_type=PLAIN_TEXT)
