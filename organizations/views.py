"""The pages of organizations and of the rotation, and the logos."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, get_conditional_response
from django.utils.http import quote_etag
from django.utils.text import capfirst

from dates.edtf import EDTF
from dates.text import fold
from organizations import rotation
from organizations.as_of import SHOWN_MOMENTS, moments_of, our_notes
from organizations.charts import replacement_chart
from organizations.models import (
    Membership,
    Organization,
    RepresentationTerm,
)
from organizations.name_links import Names
from organizations.succession import set_partners, set_successors
from record.charts import Chart, Row
from record.pages import RecordView, last_change, list_page, page_of
from record.proof import marked, with_proof
from record.publishing import viewer
from record.richtext import with_contents
from sources.models import Citation
from sources.quotes import quoting, reach_of, with_citations

ON_A_PAGE = 50
TERMS_ON_A_PAGE = 60
RELATED = 50
ORGANIZATIONS = ("Organizaciones", "organizations:organization_list")
REPRESENTATION = ("Representación", "organizations:representation")
TOGETHER = 12
MOST_LISTED, NEWEST = 12, 5  # records of a kind that a page lists; of more, the newest
LISTS = {"events": "timeline:event_list", "statements": "timeline:statement_list"}
PART_TITLES = {
    "convenes": "Convoca",
    "takes_part": "Participa",
    "speaks": "Dice",
    "signs": "Firma",
    "declines": "No firma",
    "is_named": "Nombrada",
}
NAMING = {
    "events": "Aconteci\u00admientos que la nombran",
    "statements": "Pronun\u00adciamientos que la nombran",
}
STANDINGS = {
    "current": ("integrante", "integrantes"),
    "former": ("anterior", "anteriores"),
    "unsaid": ("de fin no dicho", "de fin no dicho"),
}


def organization_list(request: HttpRequest) -> HttpResponse:
    organizations = Organization.objects.visible_to(None)
    memberships = Membership.objects.visible_to(None)
    others, coalition = organizations.named(), organizations.coalition()
    counts, named = memberships.counts_by_standing(), others.count()
    length = max(sum(rows for rows, _organizations in counts.values()), named)
    page = page_of(request, others, ON_A_PAGE, length)
    first = (page.number - 1) * ON_A_PAGE
    sorted_memberships = memberships.by_standing().with_parties()
    page_memberships = list(sorted_memberships[first : first + ON_A_PAGE])
    with_citations([*page_memberships, *page.object_list])
    context = {
        "counts": [
            *(
                (counts[standing][1], *nouns)
                for standing, nouns in STANDINGS.items()
                if standing in counts
            ),
            *([(named, "nombrada", "nombradas")] if named else []),
        ],
        "coalition": coalition,
        "reach": reach_of(page_memberships),
        "sections": list(_sections(page_memberships, counts)),
        "named": sorted(page.object_list, key=lambda organization: fold(str(organization))),
        "moments": moments_of(page_memberships)[-SHOWN_MOMENTS:],
        "page": page,
        "changed": last_change(page_memberships, page.object_list),
    }
    main = coalition.with_members(page_memberships) if coalition else None
    return list_page(request, "organizations/organization_list.html", ORGANIZATIONS, context, main)


def _sections(
    memberships: list[Membership], counts: dict[str, tuple[int, int]]
) -> Iterator[tuple[str, list[dict[str, Any]], list[Citation]]]:
    """For each standing: its heading, its memberships grouped by start, and the citations that all
    of them share."""
    set_successors(memberships)
    for standing, members in groupby(memberships, key=lambda m: m.standing):
        alike = groupby(members, key=lambda m: (m.start, m.start_label, m.replaced))
        groups = [list(group) for _key, group in alike]
        passages = [{c.passage for c in m.visible_citations} for m in chain(*groups)]
        common = set.intersection(*passages) if len(groups) > 1 else set()
        shared = [c for c in groups[0][0].visible_citations if c.passage in common]
        yield (
            capfirst(STANDINGS[standing][counts[standing][1] > 1]),
            [_group(group, common) for group in groups],
            sorted(shared, key=lambda citation: citation.passage),
        )


def _group(memberships: list[Membership], common: set[tuple[int, int]]) -> dict[str, Any]:
    """A group of memberships with the same start, and their citations that are not `common`."""
    memberships = sorted(memberships, key=lambda m: fold(str(m.organization)))
    citations = chain(*(membership.quotes for membership in memberships))
    own = (c for c in citations if c.contradicts or c.passage not in common)
    return {
        "memberships": memberships,
        "notes": our_notes(memberships),
        "citations": sorted(own, key=lambda citation: citation.number),
    }


class OrganizationView(RecordView):
    model = Organization
    section = ORGANIZATIONS

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        organization, names, user = self.object, Names.public(), viewer(self.request)
        description, contents = with_contents(organization.description)
        around = list(Membership.objects.visible_to(user).by_standing().of(organization))
        terms = RepresentationTerm.objects.visible_to(user).filter(organization=organization)
        terms = terms.select_related("organization")
        digests = {name: _digest(organization, name) for name in LISTS}
        records: dict[str, list[Any]] = {
            "memberships": [m for m in around if m.organization_id == organization.pk],
            "successors": [m for m in around if organization in m.replaced],
            "terms": list(terms[:RELATED]),
            **{name: digest["records"] for name, digest in digests.items()},
        }
        set_successors(around)
        set_partners(records["terms"], terms_beside(records["terms"], user))
        cited_records = [organization, *chain(*records.values())]
        with_citations([*cited_records, *around], user)
        memberships = [*records["memberships"], *records["successors"]]
        context = super().get_context_data(**kwargs) | records
        context |= _names(organization) | digests
        return context | {
            "is_coalition": organization.slug == settings.COALITION,
            "standing": next((m.standing for m in records["memberships"]), ""),
            "chart": _succession(around, reach_of(memberships).until),
            "together": _together(organization),
            "summary": names.linked(organization.summary, but=organization),
            "description": names.linked(description, but=organization),
            "contents": contents,
            "changed": last_change(cited_records),
            "cited_title": organization.name,
            "main": organization.jsonld(
                names.coalition, [*records["memberships"], *records["terms"]]
            ),
            **quoting(chain(*(record.quotes for record in cited_records))),
        }


def _names(organization: Organization) -> dict[str, Any]:
    """Whether there are `several_names`, the fields whose citations stand `below` the title, and
    whether the description has `only_noted` paragraphs: our own notes."""
    paragraphs = organization.description.split("<p>")[1:] or [""]
    several_names = organization.short_name or organization.other_names_list
    names = "name short_name other_names" if several_names else ""
    return {
        "several_names": several_names,
        "below": f"description {names}",
        "only_noted": all(p.startswith("Nota nuestra") for p in paragraphs),
    }


def terms_beside(terms: list[RepresentationTerm], user: Any) -> Iterable[RepresentationTerm]:
    """The visible terms that begin when one of these does."""
    starts = {term.start for term in terms}
    beside = RepresentationTerm.objects.visible_to(user).filter(start__in=starts)
    return beside.select_related("organization") if terms else ()


def _digest(organization: Organization, name: str) -> dict[str, Any]:
    """The public `records` of the organization, all of them `by_part`; or the newest of many, with
    the `total`, the `parts` with their numbers and addresses, and the `chart` of their years."""
    every: Any = getattr(organization, name).visible_to(None).defer("body")
    records = list(every.by_time(newest_first=True).with_parts()[: MOST_LISTED + 1])
    digest: dict[str, Any] = {"url": f"{reverse(LISTS[name])}?organizacion={organization.slug}"}
    if len(records) <= MOST_LISTED:
        dated = [record for record in records if record.sort_day]
        records = [*dated[::-1], *records[len(dated) :]]
        return digest | {"records": records, "by_part": _by_part(organization, name, records)}
    parts = list(_parts(organization, every, digest["url"]))
    return digest | {
        "records": records[:NEWEST],
        "total": sum(count for _title, count, _url in parts),
        "chart": every.columns(digest["url"], name),
        "parts": [(title, f"{count:,}", url) for title, count, url in parts],
    }


def _parts(organization: Organization, every: Any, url: str) -> Iterator[tuple[str, int, str]]:
    """The title of each part of the organization, the number of its records, and their address."""
    rows = every.model.organizations.through
    own = rows.objects.filter(organization=organization)
    own = own.filter(**{f"{rows.of}__in": every.order_by().values("pk")})
    counts = dict(own.values_list("part").annotate(Count("pk")))
    words = dict(rows._meta.get_field("part").choices)
    for part in filter(counts.get, PART_TITLES):
        yield PART_TITLES[part], counts[part], f"{url}&papel={words[part]}"


def _by_part(
    organization: Organization, name: str, records: list[Any]
) -> list[tuple[str, list[Any]]]:
    """The title of each part of the organization, with the records in which it has that part."""
    groups: dict[str, list[Any]] = {part: [] for part in PART_TITLES}
    for record in records:
        own = (row.part for row in record.visible_parts if row.organization == organization)
        groups[next(own, "is_named")].append(record)
    titles = PART_TITLES | {"is_named": NAMING[name]}
    return [(titles[part], group) for part, group in groups.items() if group]


def _together(organization: Organization) -> list[tuple[Organization, int]]:
    """The other organizations of its public events, each with its number of these events."""
    events = organization.events.visible_to(None).order_by().values("pk")
    rows = organization.events.through.objects.filter(event__in=events)
    counts = dict(rows.values_list("organization").annotate(Count("pk")))
    others = Organization.objects.visible_to(None).exclude(pk=organization.pk).filter(pk__in=counts)
    named = ((other, counts[other.pk]) for other in others.defer("summary", "description"))
    return sorted(named, key=lambda item: (-item[1], fold(str(item[0]))))[:TOGETHER]


def _succession(memberships: list[Membership], until: EDTF) -> Chart | None:
    """The chart of the first replacement among the memberships."""
    for before in memberships:
        if before.standing == "former" and before.successors:
            pair = (before, before.successors[0])
            first, second = (
                Row(marked(str(m.organization), m), m.period, contested=m.contested) for m in pair
            )
            return replacement_chart(first, second, until)
    return None


def representation(request: HttpRequest) -> HttpResponse:
    every = RepresentationTerm.objects.visible_to(None)
    page = page_of(request, every.select_related("organization"), TERMS_ON_A_PAGE)
    terms = with_citations(page.object_list)
    reach = reach_of(terms)
    coalition = Organization.objects.visible_to(None).coalition()
    context = {
        "page": page,
        "terms": terms,
        "changed": last_change(terms),
        "reach": reach,
        **quoting(chain(*(term.quotes for term in terms))),
        **rotation.of_page(terms, reach.until, whole=not page.has_other_pages()),
        **rotation.of_all(list(with_proof(every.order_by())), coalition),
    }
    main = coalition.with_members(terms) if coalition else None
    return list_page(request, "organizations/representation.html", REPRESENTATION, context, main)


def logo(request: HttpRequest, name: str) -> HttpResponseBase:
    """The logo of a visible organization. The proxy does not serve logos, since it does not know
    who may see them."""
    organizations = Organization.objects.visible_to(viewer(request))
    organization = get_object_or_404(organizations, logo=f"logos/{name}")
    if not_modified := get_conditional_response(request, etag=quote_etag(name)):
        return not_modified
    try:
        response = FileResponse(organization.logo.open())
    except FileNotFoundError:
        raise Http404 from None
    if organization.is_public():  # browsers revalidate for each request
        response["Cache-Control"], response["ETag"] = "no-cache", quote_etag(name)
    else:
        add_never_cache_headers(response)
    return response
