"""The pages of organizations: who belonged to the coalition, and who else the record names."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Prefetch, Q, prefetch_related_objects
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, get_conditional_response
from django.utils.http import quote_etag

from organizations import rotation
from organizations.charts import replacement_chart
from organizations.linked import coalition_in_short, members_of, organization_node
from organizations.models import (
    Membership,
    MembershipQuerySet,
    Organization,
    RepresentationTerm,
    RepresentationTermQuerySet,
)
from organizations.names import Names
from record import linked
from record.charts import Chart, Entry
from record.dates import EDTF, parse
from record.pages import counted, in_words, last_change, page_of, sentence
from record.publishing import RecordQuerySet, readable, viewer
from record.richtext import with_contents
from record.text import fold
from record.views import RecordView
from sources.linked import cited_sources
from sources.models import Citation
from sources.quotes import Quote

ON_A_PAGE = 100
TERMS_ON_A_PAGE = 60
RELATED = 50
ORGANIZATIONS = ("Organizaciones", "organizations:organization_list")
TOGETHER = 12
HEADINGS = {
    "current": ("Integrante", "Integrantes"),
    "former": ("Anterior", "Anteriores"),
    "unsaid": ("De fin no dicho", "De fin no dicho"),
}


@dataclass(slots=True)
class Group:
    """Memberships that began alike, with a caption that says how."""

    caption: str
    memberships: list[Membership]
    citations: tuple[Quote, ...]

    @property
    def notes(self) -> list[str]:
        """Each once."""
        return list(dict.fromkeys(m.note for m in self.memberships if m.note))


def organization_list(request: HttpRequest) -> HttpResponse:
    memberships = Membership.objects.visible_to(None)
    counts = memberships.counts_by_state()
    named, coalition = _named_and_coalition()
    length = max(sum(rows for rows, _organizations in counts.values()), named)
    others = Organization.objects.visible_to(None).named()
    page = page_of(request, others, ON_A_PAGE, length)
    first = (page.number - 1) * ON_A_PAGE
    shown = memberships.with_state().select_related("organization", "replaces")
    shown = list(shown[first : first + ON_A_PAGE])
    Citation.objects.attach_to(shown)
    context = {
        "title": _title(counts, named),
        "coalition": coalition,
        "until": described_until(shown),
        "sections": list(_sections(shown, counts)),
        "named": sorted(page.object_list, key=lambda organization: fold(str(organization))),
        "page": page,
        "changed": last_change(shown, page.object_list),
    }
    name = coalition.name if coalition else ""
    context["linked"] = _coalition_page(request, ORGANIZATIONS, name, shown, context["changed"])
    return TemplateResponse(request, "organizations/organization_list.html", context)


def _coalition_page(
    request: HttpRequest,
    section: tuple[str, str],
    coalition: str,
    records: list[Membership] | list[RepresentationTerm],
    changed: datetime | None,
) -> linked.Node:
    """Of a page that shows who belonged to the coalition, or spoke for it."""
    crumb = (section[0], reverse(section[1]))
    main = members_of(request, coalition_in_short(request, coalition), records)
    kind, main = "CollectionPage", main if coalition else None
    return linked.page(request, crumb, kind=kind, changed=changed, main=main)


def _named_and_coalition() -> tuple[int, Organization | None]:
    """How many are only named, and the coalition's name and address, in one query."""
    organizations = Organization.objects.visible_to(None)
    named = Q(pk__in=organizations.named().values("pk"))
    the_coalition = Q(slug=settings.COALITION)
    found = organizations.aggregate(
        named=Count("pk", filter=named), coalition=Max("name", filter=the_coalition)
    )
    coalition = Organization(slug=settings.COALITION, name=found["coalition"] or "")
    return found["named"], coalition if coalition.name else None


def _title(counts: dict[str, tuple[int, int]], named: int) -> str:
    """«Diez integrantes, una anterior, diez nombradas»; what there is none of is left out."""
    numbers = {state: organizations for state, (_rows, organizations) in counts.items()}
    parts = [
        (numbers.get("current", 0), "integrante", "integrantes"),
        (numbers.get("former", 0), "anterior", "anteriores"),
        (numbers.get("unsaid", 0), "de fin no dicho", "de fin no dicho"),
        (named, "nombrada", "nombradas"),
    ]
    told = [counted(count, *nouns, feminine=True) for count, *nouns in parts if count]
    return sentence(", ".join(told)) or "Ninguna organización todavía"


def described_until(memberships: list[Membership]) -> EDTF:
    """How far the sources of these memberships reach."""
    citations = chain(*(membership.quotes for membership in memberships))
    dates = {parse(citation.source.describes_until) for citation in citations}
    return max(dates, key=lambda date: date.earliest, default=EDTF())


def _sections(
    memberships: list[Membership], counts: dict[str, tuple[int, int]]
) -> Iterator[tuple[str, list[Group], tuple[Quote, ...]]]:
    """A heading for each state, its groups, and the quotes common to them. Adds `successor` to
    each membership."""
    successors = {m.replaces_id: m.organization for m in memberships if m.replaces_id}
    for membership in memberships:
        membership.successor = successors.get(membership.organization_id)
    for state, members in groupby(memberships, key=lambda m: m.state):
        alike = groupby(members, key=lambda m: (m.start, m.start_label, m.replaces_id))
        groups = [_group(list(found)) for _how, found in alike]
        yield HEADINGS[state][counts[state][1] > 1], groups, _taken_out(groups)


def _taken_out(groups: list[Group]) -> tuple[Quote, ...]:
    """The quotes that all memberships of several groups share, which stay in none of them."""
    every = chain(*(group.memberships for group in groups))
    quotes = [{(c.source_id, c.number): c for c in m.quotes} for m in every]
    common = set(quotes[0]).intersection(*quotes[1:]) if len(groups) > 1 else set()
    for group in groups:
        kept = (c for c in group.citations if (c.source_id, c.number) not in common)
        group.citations = tuple(kept)
    return tuple(quotes[0][quote] for quote in sorted(common))


def _group(memberships: list[Membership]) -> Group:
    first = memberships[0]
    if first.replaces:
        how = f"en lugar de {first.replaces}"
    elif first.start_label:
        how = first.start_label
    elif first.start:
        how = f"desde {first.period.start_words}"
    else:
        how = "desde cuándo, la fuente no lo dice"
    caption = f"{sentence(in_words(len(memberships), feminine=True))}, {how}"
    memberships = sorted(memberships, key=lambda m: fold(str(m.organization)))
    citations = chain(*(membership.quotes for membership in memberships))
    return Group(caption, memberships, tuple(sorted(citations, key=lambda c: c.number)))


@readable("organizations.Membership")
def _memberships(every: MembershipQuerySet, organization: int) -> MembershipQuerySet:
    return every.with_state().of(organization)


@readable("organizations.RepresentationTerm")
def _terms(every: RepresentationTermQuerySet, organization: int) -> RepresentationTermQuerySet:
    return every.filter(organization=organization)[:RELATED]


@readable("timeline.Event")
def _events(every: RecordQuerySet, organization: int) -> RecordQuerySet:
    return every.filter(organizations=organization).by_time().defer("body")[:RELATED]


def _events_naming(organization: Organization) -> list[Any]:
    events = _events(None, organization=organization.pk)
    named = Prefetch("organizations", Organization.objects.visible_to(None))
    prefetch_related_objects(events, named)
    return events


@readable("timeline.Statement")
def _statements(every: RecordQuerySet, organization: int) -> RecordQuerySet:
    return every.filter(organizations=organization).by_time().defer("body")[:RELATED]


class OrganizationView(RecordView):
    model = Organization
    section = ORGANIZATIONS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        organization, user = self.object, viewer(self.request)
        every = _memberships(user, organization=organization.pk)
        memberships = [m for m in every if m.organization_id == organization.pk]
        successors = [m for m in every if m.replaces_id == organization.pk]
        terms = _terms(user, organization=organization.pk)
        events = _events_naming(organization)
        statements = _statements(None, organization=organization.pk)
        shown = [organization, *memberships, *successors, *terms, *events]
        Citation.objects.attach_to(shown, user)
        together = _together(organization, events)
        paragraphs = organization.description.split("<p>")[1:] or [""]
        names = Names.public()
        description, contents = with_contents(organization.description)
        return super().get_context_data(**kwargs) | {
            "state": memberships[0].state if memberships else "",
            "is_coalition": organization.slug == settings.COALITION,
            "several_names": organization.short_name or organization.other_names_list,
            "only_noted": all(p.startswith("Nota nuestra") for p in paragraphs),
            "memberships": memberships,
            "successors": successors,
            "chart": _succession(every, described_until([*memberships, *successors])),
            "terms": terms,
            "events": events,
            "statements": statements,
            "shown": shown,
            "together": together,
            "cut": len(events) == RELATED,
            "summary": names.linked(organization.summary, but=organization),
            "description": names.linked(description, but=organization),
            "contents": contents,
            "coalition": names.coalition,
            "changed": last_change(shown, statements),
        }

    def cited(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"title": self.object.name}

    def main(self, context: dict[str, Any]) -> linked.Node:
        roles = (context[name] for name in ("coalition", "memberships", "terms"))
        return organization_node(self.request, self.object, *roles)

    def sources(self, context: dict[str, Any]) -> list[linked.Node]:
        quotes = chain(*(record.quotes for record in context["shown"]))
        return cited_sources(self.request, quotes)


def _together(organization: Organization, events: Iterable[Any]) -> list[tuple[Organization, int]]:
    """The other organizations named in these events, each with the number of its events."""
    named = Counter(chain(*(event.organizations.all() for event in events)))
    named.pop(organization, None)
    return sorted(named.items(), key=lambda item: (-item[1], fold(str(item[0]))))[:TOGETHER]


def _succession(memberships: Iterable[Membership], until: EDTF) -> Chart | None:
    """The first of these that took another's place, drawn beneath the one whose place it took."""
    memberships = list(memberships)
    ended = {m.organization_id: m for m in memberships if m.state == "former"}
    for after in memberships:
        if before := ended.get(after.replaces_id):
            rows = (Entry(str(m.organization), m.period) for m in (before, after))
            return replacement_chart(*rows, until)
    return None


def representation(request: HttpRequest) -> HttpResponse:
    every = RepresentationTerm.objects.visible_to(None)
    named = every.select_related("organization").with_coalition_name()
    page = page_of(request, named, TERMS_ON_A_PAGE, every.count())
    terms = page.object_list = list(page.object_list)
    Citation.objects.attach_to(terms)
    told = rotation.of_page(terms, described_until(terms), whole=not page.has_other_pages())
    changed, coalition = last_change(terms), terms[0].coalition_name if terms else ""
    section = ("Representación", "organizations:representation")
    graph = _coalition_page(request, section, coalition or "", terms, changed)
    context = {"page": page, "terms": terms, "changed": changed, "linked": graph}
    context |= told | rotation.of_all(every)
    return TemplateResponse(request, "organizations/representation.html", context)


def logo(request: HttpRequest, name: str) -> HttpResponseBase:
    """From here and not from the proxy: seen while its organization is, and under our headers."""
    organizations = Organization.objects.visible_to(viewer(request))
    whose = get_object_or_404(organizations, logo=f"logos/{name}")
    if same := get_conditional_response(request, etag=quote_etag(name)):
        return same
    try:
        response = FileResponse(whose.logo.open())
    except FileNotFoundError:
        raise Http404 from None
    if whose.is_public():  # whoever keeps it asks each time whether it still is
        response["Cache-Control"], response["ETag"] = "no-cache", quote_etag(name)
    else:
        add_never_cache_headers(response)
    return response
