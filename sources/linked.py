"""Sources in the words of schema.org."""

from collections.abc import Iterable

from django.http import HttpRequest

from record.dates import parse
from record.linked import Node, iso, told
from sources.models import Citation, Source


def source_in_short(request: HttpRequest, source: Source) -> Node:
    url = request.build_absolute_uri(source.get_absolute_url())
    return told(kind="CreativeWork", id=f"{url}#fuente", name=source.title, url=url)


def source_node(request: HttpRequest, source: Source) -> Node:
    publisher = told(kind="Organization", name=source.publisher) if source.publisher else None
    return source_in_short(request, source) | told(
        publisher=publisher,
        datePublished=iso(parse(source.published)),
        sameAs=source.url,
    )


def cited_sources(request: HttpRequest, citations: Iterable[Citation]) -> list[Node]:
    """Each public source once."""
    sources = dict.fromkeys(citation.source for citation in citations)
    return [source_in_short(request, source) for source in sources if source.is_public()]
