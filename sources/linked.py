"""Sources in the words of schema.org."""

from collections.abc import Iterable

from record.dates import parse
from record.linked import Node, iso, page_subject, told
from sources.models import Citation, Source


def source_in_short(source: Source) -> Node:
    return page_subject(source, "CreativeWork", "fuente", name=source.title)


def source_node(source: Source) -> Node:
    publisher = told(kind="Organization", name=source.publisher) if source.publisher else None
    return source_in_short(source) | told(
        publisher=publisher,
        datePublished=iso(parse(source.published)),
        sameAs=source.url,
    )


def cited_sources(citations: Iterable[Citation]) -> list[Node]:
    """Each public source once."""
    sources = dict.fromkeys(citation.source for citation in citations)
    return [source_in_short(source) for source in sources if source.is_public()]
