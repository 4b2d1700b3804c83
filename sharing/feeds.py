"""Feeds of changed records (Atom, RFC 4287)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from xml.sax.xmlreader import AttributesImpl

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.db.models import Max
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.xmlutils import SimplerXMLGenerator

from organizations.models import Membership, Organization, RepresentationTerm
from record.jsonld import LICENSE
from record.text import printable
from sharing.entries import Spanned, dates_of, named, proofs, public_id, title_of
from sources.quotes import with_citations
from timeline.filters import EventFilters, Filters, StatementFilters
from timeline.models import Event, Statement

ENTRIES = 50
NO_ENTRY_YET = datetime(1970, 1, 1, tzinfo=UTC)
WORDS: dict[type[Any], str] = {
    Event: "category", Statement: "kind",
    Membership: "role_name", RepresentationTerm: "role_name",
}  # fmt: skip
"""The attribute that classifies the records of each model."""


class _Atom(Atom1Feed):
    """Adds the text and the authors of each entry, and a fixed date for an empty feed."""

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["content"], {"type": "html"})
        for name in item["authors"]:
            handler.startElement("author", AttributesImpl({}))
            handler.addQuickElement("name", name)
            handler.endElement("author")

    def latest_post_date(self) -> datetime:
        return super().latest_post_date() if self.items else NO_ENTRY_YET


@dataclass(frozen=True)
class Followed:
    """What a feed follows: the page with its `name` at `path`, and public records of some models.
    `id` names the feed for ever, if the path may change."""

    request: HttpRequest
    name: str
    path: str
    records: list[Any]
    id: str = ""


class FeedItem(NamedTuple):
    """`site` is the scheme and the host of the addresses."""

    record: Any
    site: str


class _RecordFeed(Feed):
    """The records that last changed or became public, with the words that prove them."""

    feed_type = _Atom
    language = settings.LANGUAGE_TAG
    subtitle = (
        "Lo que entró al registro o cambió en él, lo más reciente primero. "
        "La fecha de cada entrada es la de su último cambio; la de lo que cuenta va en su texto."
    )
    feed_copyright = (
        f"La curaduría: CC BY 4.0, {LICENSE} Los textos de las fuentes y las "
        "palabras que de ellos se citan: de sus autores."
    )
    item_description: Any = None

    def title(self, followed: Followed) -> str:
        return printable(f"{followed.name} · {settings.SITE_NAME}")

    def author_name(self) -> str:
        return printable(settings.PUBLISHER or settings.SITE_NAME)

    def author_link(self, followed: Followed) -> str:
        return followed.request.build_absolute_uri("/")

    def link(self, followed: Followed) -> str:
        return followed.path

    def feed_url(self, followed: Followed) -> str:
        """The address with the filters only."""
        _path, mark, query = followed.path.partition("?")
        return f"{followed.request.path}{mark}{query}"

    def feed_guid(self, followed: Followed) -> str:
        path = followed.id or followed.path.strip("/").replace("/?", "?")
        return f"tag:{settings.TAG_AUTHORITY}:{path}"

    def items(self, followed: Followed) -> list[FeedItem]:
        newest = [record for records in followed.records for record in _newest(records)]
        newest.sort(key=lambda record: (record.moment, record.pk), reverse=True)
        site = followed.request.build_absolute_uri("/").rstrip("/")
        return [FeedItem(record, site) for record in with_citations(newest[:ENTRIES])]

    def item_title(self, item: FeedItem) -> str:
        return printable(title_of(item.record))

    def item_link(self, item: FeedItem) -> str:
        return item.record.get_absolute_url()

    def item_guid(self, item: FeedItem) -> str:
        kind = item.record._meta.model_name
        return f"tag:{settings.TAG_AUTHORITY}:{kind}/{public_id(item.record)}"

    def item_pubdate(self, item: FeedItem) -> datetime | None:
        # The upgrade gave memberships and terms the moment of their organization.
        return None if isinstance(item.record, Spanned) else item.record.publish_at

    def item_updateddate(self, item: FeedItem) -> datetime:
        return item.record.moment

    def item_categories(self, item: FeedItem) -> list[str]:
        return [str(getattr(item.record, WORDS[type(item.record)]))]

    def item_extra_kwargs(self, item: FeedItem) -> dict[str, Any]:
        record = item.record
        authors = record.authors if isinstance(record, Statement) else []
        names = [printable(organization.name) for organization in authors]
        return {"content": printable(_content(item)), "authors": names}


def _content(entry: FeedItem) -> str:
    """Date, summary and text, as on the page, and the words of the sources."""
    record = entry.record
    texts = (dates_of(record), getattr(record, "summary", ""))
    paragraphs = format_html_join("", "<p>{}</p>", ((text,) for text in texts if text))
    return f"{paragraphs}{getattr(record, 'body', '')}{''.join(map(str, _quotes(entry)))}"


def _quotes(entry: FeedItem) -> Iterator[SafeString]:
    """The sentence of each citation with its words marked; its words alone if the sentence is
    above."""
    for citation, is_new in proofs(entry.record):
        prefix, suffix = (citation.prefix, citation.suffix) if is_new else ("", "")
        address = f"{entry.site}{citation.get_absolute_url()}"
        yield format_html(
            '<blockquote cite="{0}"><p>{1}<mark>«{2}»</mark>{3}</p></blockquote>'
            '<p><a href="{0}">{4}</a></p>',
            address, prefix, citation.exact, suffix, named(citation),
        )  # fmt: skip


def _newest(records: Any) -> list[Any]:
    """The records of a queryset with the latest `moment`. A membership or a term becomes public
    with the organizations that it names."""
    if not (names := records.model.visible_through):
        return list(records.newest(ENTRIES))
    moments = (Coalesce(Max(f"{name}__publish_at"), "updated_at") for name in names)
    records = records.annotate(latest=Greatest("updated_at", "publish_at", *moments))
    return list(records.order_by("-latest", "-pk")[:ENTRIES])


def _title(name: str, filters: Filters) -> str:
    """«Línea de tiempo (Año: 2017)»."""
    return f"{name} ({filters.words})" if filters.words else name


class EventFeed(_RecordFeed):
    def get_object(self, request: HttpRequest) -> Followed:
        filters = EventFilters(request)
        name = _title("Línea de tiempo", filters)
        events = filters.records().select_related("category")
        return Followed(request, name, filters.url(orden=""), [events])


class StatementFeed(_RecordFeed):
    def get_object(self, request: HttpRequest) -> Followed:
        filters = StatementFilters(request)
        name = _title("Pronunciamientos", filters)
        statements = filters.records().select_related("kind").with_parts()
        return Followed(request, name, filters.url(orden=""), [statements])


class MembershipFeed(_RecordFeed):
    def get_object(self, request: HttpRequest) -> Followed:
        memberships = Membership.objects.visible_to(None).with_parties()
        path = reverse("organizations:organization_list")
        return Followed(request, "Membresías", path, [memberships])


class TermFeed(_RecordFeed):
    def get_object(self, request: HttpRequest) -> Followed:
        terms = RepresentationTerm.objects.visible_to(None).select_related("organization")
        path = reverse("organizations:representation")
        return Followed(request, "Representación", path, [terms])


class OrganizationFeed(_RecordFeed):
    """Its memberships, its terms, and the events and statements that name it."""

    def get_object(self, request: HttpRequest, organization: Organization) -> Followed:
        terms = RepresentationTerm.objects.visible_to(None).filter(organization=organization)
        statements = organization.statements.visible_to(None).select_related("kind")
        records = [
            Membership.objects.visible_to(None).of(organization),
            terms.select_related("organization"),
            organization.events.visible_to(None).select_related("category"),
            statements.with_parts(),
        ]
        id = f"organization/{public_id(organization)}"
        path = organization.get_absolute_url()
        return Followed(request, organization.name, path, records, id)
