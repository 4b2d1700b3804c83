"""The pages that cross the apps: the front page, the page about the site, robots and security."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from organizations.models import STATE, Membership, Organization, RepresentationTerm
from record import linked
from record.dates import parse
from record.pages import in_words, last_change, sentence
from record.text import fold
from sources.models import Citation, with_citations
from timeline.charts import overview_chart
from timeline.models import Event, Statement

MEMBERS, TERMS, LATEST = 100, 50, 3
PLAIN_TEXT = "text/plain; charset=utf-8"


def site(request: HttpRequest) -> dict[str, str]:
    """What every template may say about the site."""
    return {"site_name": settings.SITE_NAME, "contact_email": settings.CONTACT_EMAIL}


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
) -> linked.Node:
    """The front page's, with the whole site and how it is searched."""
    main = coalition.node() if coalition else None
    graph = linked.page(request, changed=changed, main=main)
    root = request.build_absolute_uri("/")
    address = linked.told(kind="EntryPoint", urlTemplate=f"{root}buscar/?q={{search_term_string}}")
    query = {"query-input": "required name=search_term_string"}
    search = linked.told(kind="SearchAction", target=address, **query)
    of_site = {"id": f"{root}#sitio", "name": settings.SITE_NAME, "url": root}
    website = linked.told(kind="WebSite", **of_site, inLanguage="es-MX", potentialAction=search)
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
        "member_count": sentence(number) if len(members) < MEMBERS else "",
        "former": list(
            dict.fromkeys(m.organization for m in members if m.organization not in named)
        ),
        "member_citations": citations,
    }


def about(request: HttpRequest) -> HttpResponse:
    coalition = Organization.objects.visible_to(None).coalition()
    context = {"coalition": coalition, "changed": last_change(coalition)}
    crumb = ("Acerca de y método", reverse("about"))
    context["linked"] = linked.page(request, crumb, kind="AboutPage", changed=context["changed"])
    return TemplateResponse(request, "about.html", context)


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
