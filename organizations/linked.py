"""Organizations in the words of schema.org, with who they belonged to and spoke for, and when."""

from collections.abc import Iterable

from django.http import HttpRequest

from organizations.models import Membership, Organization, RepresentationTerm
from record.linked import Node, role, told

# Sectors that schema.org has a word for; the others are organizations and no more.
KINDS = {
    "civil_society": "NGO",
    "government": "GovernmentOrganization",
    "media": "NewsMediaOrganization",
    "research": "ResearchOrganization",
    "company": "Corporation",
}


def organization_in_short(request: HttpRequest, organization: Organization) -> Node:
    url = request.build_absolute_uri(organization.get_absolute_url())
    kind = KINDS.get(organization.sector, "Organization")
    return told(kind=kind, id=f"{url}#organizacion", name=organization.name, url=url)


def organization_node(
    request: HttpRequest,
    organization: Organization,
    coalition: Organization | None = None,
    memberships: Iterable[Membership] = (),
    terms: Iterable[RepresentationTerm] = (),
) -> Node:
    """Its memberships and terms are the coalition's: none are told without a `coalition`."""
    roles = []
    if coalition:
        whole = organization_in_short(request, coalition)
        roles = [role("integrante", m.period, memberOf=whole) for m in memberships]
        roles += [role(t.get_role_display(), t.period, memberOf=whole) for t in terms]
    names = [organization.short_name, *organization.other_names_list]
    logo = request.build_absolute_uri(organization.logo.url) if organization.logo else ""
    return organization_in_short(request, organization) | told(
        alternateName=list(filter(None, names)),
        description=organization.summary,
        sameAs=organization.website,
        logo=logo,
        memberOf=roles,
    )


def members_of(
    request: HttpRequest,
    coalition: Organization | None,
    records: Iterable[Membership | RepresentationTerm],
) -> Node | None:
    """The coalition, if it is public, with its members or its representatives."""
    if coalition is None:
        return None
    members = []
    for record in records:
        name = record.get_role_display() if isinstance(record, RepresentationTerm) else "integrante"
        member = organization_in_short(request, record.organization)
        members.append(role(name, record.period, member=member))
    return organization_in_short(request, coalition) | told(member=members)
