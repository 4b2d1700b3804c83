"""The record as linked data: schema.org in JSON-LD, one graph per page.

The address of a page of this site is its path; `page` adds the scheme and the host.

Dates are ISO 8601, reduced if they are partial (`2011-08`). A date that its source only bounds has
no such form: it is left out, and a description says it in words.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from dates.edtf import EDTF
from dates.periods import Period
from record.publishing import Record

LICENSE = "https://creativecommons.org/licenses/by/4.0/"
ADDRESSES = ("@id", "url", "item", "logo", "contentUrl", "usageInfo")
Node = dict[str, Any]
# The signs that could end the element or its line, as JSON's own escapes.
_ESCAPES = [(sign, f"\\u{ord(sign):04x}") for sign in "<>&\u2028\u2029"]


def script(data: Node) -> SafeString:
    """A data block that no text can break out of, and that parses back equal."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _ESCAPES:
        text = text.replace(sign, escape)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308, escaped


def node(**properties: Any) -> Node:
    """A node without empty properties. `kind` and `id` are JSON-LD's `@type` and `@id`."""
    renamed = {"kind": "@type", "id": "@id"}
    return {renamed.get(name, name): value for name, value in properties.items() if value}


def iso(date: EDTF) -> str:
    """The date, reduced if it is partial; empty for bounds and for an unknown date."""
    return date.text if date.is_exact else ""


def page_subject(record: Record, kind: str, anchor: str, **name: str) -> Node:
    """The node of a record with a page, to which other nodes refer; `name` is `name=…` or
    `headline=…`."""
    url = record.get_absolute_url()
    return node(kind=kind, id=f"{url}#{anchor}", **name, url=url)


def role(name: str, period: Period, **party: Node) -> Node:
    """An OrganizationRole; `party` is `member=…` or `memberOf=…`."""
    return node(
        kind="OrganizationRole",
        roleName=name,
        startDate=iso(period.start),
        endDate=iso(period.end),
        description=str(period),
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
    """The graph of a page. `crumbs` (name, path) lead from the front page to this one. `main` is
    its subject, `sources` are the sources of that. Only a page mostly in our own words (`is_ours`)
    has our license."""
    url = request.path
    about = [
        node(
            kind=kind,
            id=url,
            url=url,
            name=crumbs[-1][0] if crumbs else settings.SITE_NAME,
            inLanguage="es-MX",
            dateModified=changed.isoformat() if changed else "",
            license=LICENSE if is_ours else "",
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


def with_host(value: Any, absolute: Callable[[str], str], name: str = "") -> Any:
    """A node, or a list of nodes, with each path among its addresses made absolute."""
    if isinstance(value, dict):
        return {name: with_host(part, absolute, name) for name, part in value.items()}
    if isinstance(value, list):
        return [with_host(part, absolute) for part in value]
    return absolute(value) if name in ADDRESSES else value
