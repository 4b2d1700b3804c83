"""JSON-LD: the record in the vocabulary of schema.org, a graph for each page.

Nodes contain paths as addresses; `page` adds the scheme and the host.

Dates are ISO 8601, reduced if they are partial (`2011-08`). A bounded date has no such form, and no
property says that a date lacks proof: both are left out, and a description contains them in words.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from dates.edtf import EDTF
from record.proof import missing_proof
from record.publishing import Record

LICENSE = "https://creativecommons.org/licenses/by/4.0/"
ADDRESSES = ("@id", "url", "item", "logo", "contentUrl", "usageInfo")
Node = dict[str, Any]
# Characters that could end the element or its line, and their escapes in JSON.
_ESCAPES = [(sign, f"\\u{ord(sign):04x}") for sign in "<>&\u2028\u2029"]


def script(data: Node) -> SafeString:
    """A `<script>` element that no text in the data can end."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _ESCAPES:
        text = text.replace(sign, escape)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308, escaped


def node(**properties: Any) -> Node:
    """A node without empty properties. `kind` and `id` become `@type` and `@id`."""
    renamed = {"kind": "@type", "id": "@id"}
    return {renamed.get(name, name): value for name, value in properties.items() if value}


def iso(date: EDTF) -> str:
    """An exact date in ISO 8601; empty for other dates."""
    return date.text if date.is_exact else ""


def page_subject(record: Record, kind: str, anchor: str, **name: str) -> Node:
    """The node of a record that has a page; `name` is `name=…` or `headline=…`."""
    url = record.get_absolute_url()
    return node(kind=kind, id=f"{url}#{anchor}", **name, url=url)


def proven(record: Record, name: str, date: EDTF) -> str:
    """The date of a field in ISO 8601; empty if it is bounded or lacks proof."""
    return "" if missing_proof(record, name) else iso(date)


def role(record: Any, **party: Node) -> Node:
    """The OrganizationRole of a membership or a term; `party` is `member=…` or `memberOf=…`."""
    period, labels = record.period, filter(None, (record.start_label, record.end_label))
    words = ", ".join(filter(None, (str(period), *(f"«{label}»" for label in labels))))
    return node(
        kind="OrganizationRole",
        roleName=record.role_name,
        startDate=proven(record, "start", period.start),
        endDate=proven(record, "end", period.end),
        description=" ".join(filter(None, (words, missing_proof(record), record.otherwise))),
        **party,
    )


def page(
    request: HttpRequest,
    *crumbs: tuple[str, str],
    kind: str = "WebPage",
    changed: datetime | None = None,
    main: Node | list[Node] | None = None,
    sources: Iterable[Node] = (),
    is_ours: bool = True,
) -> Node:
    """The graph of a page. `crumbs` are the names and paths from the front page to this page,
    `main` is its subject and `sources` are the sources of the subject. Our licence covers the page
    if most of its text is our own (`is_ours`)."""
    url = request.path
    about = [
        node(
            kind=kind,
            id=url,
            url=url,
            name=crumbs[-1][0] if crumbs else settings.SITE_NAME,
            inLanguage=settings.LANGUAGE_TAG,
            dateModified=changed.isoformat() if changed else "",
            license=LICENSE if is_ours else "",
            publisher=publisher(),
            isPartOf=node(kind="WebSite", id="/#sitio", name=settings.SITE_NAME, url="/"),
            breadcrumb={"@id": f"{url}#ruta"},
            mainEntity=main,
            isBasedOn=list(sources),
        ),
        node(
            kind="BreadcrumbList",
            id=f"{url}#ruta",
            itemListElement=[
                node(kind="ListItem", position=position, name=name, item=path)
                for position, (name, path) in enumerate([("Inicio", "/"), *crumbs], start=1)
            ],
        ),
    ]
    graph = with_host(about, request.build_absolute_uri)
    return {"@context": "https://schema.org", "@graph": graph}


def publisher() -> Node | None:
    """The node of the organization or person who answers for the site."""
    name, address = settings.PUBLISHER, settings.PUBLISHER_ADDRESS
    return node(kind="Organization", name=name, address=address) if name else None


def with_host(value: Any, absolute: Callable[[str], str], name: str = "") -> Any:
    """Makes the addresses in a node, or in a list of nodes, absolute."""
    if isinstance(value, dict):
        return {name: with_host(part, absolute, name) for name, part in value.items()}
    if isinstance(value, list):
        return [with_host(part, absolute) for part in value]
    return absolute(value) if name in ADDRESSES else value
