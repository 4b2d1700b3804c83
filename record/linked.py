"""The record as linked data: schema.org in JSON-LD, one graph per page.

Dates are ISO 8601, reduced if they are partial (`2011-08`). A date that its source only bounds has
no such form: it is left out, and a description says it in words.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from record.dates import EDTF, EXACT
from record.periods import Period

LICENSE = "https://creativecommons.org/licenses/by/4.0/"
Node = dict[str, Any]
# The signs that could end the element or its line, as JSON's own escapes.
_ESCAPES = [(sign, f"\\u{ord(sign):04x}") for sign in "<>&\u2028\u2029"]


def script(data: Node) -> SafeString:
    """A data block that no text can break out of, and that parses back equal."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _ESCAPES:
        text = text.replace(sign, escape)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308, escaped


def told(**properties: Any) -> Node:
    """A node without empty properties. `kind` and `id` are JSON-LD's `@type` and `@id`."""
    renamed = {"kind": "@type", "id": "@id"}
    return {renamed.get(name, name): value for name, value in properties.items() if value}


def iso(date: EDTF) -> str:
    """The date, reduced if it is partial; empty for bounds and for an unknown date."""
    return date.text if date.kind in EXACT else ""


def role(name: str, period: Period, **party: Node) -> Node:
    """An OrganizationRole; `party` is `member=…` or `memberOf=…`."""
    return told(
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
    absolute = request.build_absolute_uri
    url, root = absolute(request.path), absolute("/")
    about = [
        told(
            kind=kind,
            id=url,
            url=url,
            name=crumbs[-1][0] if crumbs else settings.SITE_NAME,
            inLanguage="es-MX",
            dateModified=changed.isoformat() if changed else "",
            license=LICENSE if is_ours else "",
            isPartOf=told(kind="WebSite", id=f"{root}#sitio", name=settings.SITE_NAME, url=root),
            breadcrumb={"@id": f"{url}#ruta"},
            mainEntity=main,
            isBasedOn=list(sources),
        ),
        told(
            kind="BreadcrumbList",
            id=f"{url}#ruta",
            itemListElement=[
                told(kind="ListItem", position=position, name=name, item=absolute(path))
                for position, (name, path) in enumerate([("Inicio", "/"), *crumbs], start=1)
            ],
        ),
    ]
    return {"@context": "https://schema.org", "@graph": about}
