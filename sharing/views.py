"""The pictures of all pages; the feeds and the calendars of organizations."""

from io import BytesIO
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response

from freshness.middleware import REVALIDATE, store, stored
from freshness.stamp import edition
from organizations.models import Organization
from record.pages import RecordView
from record.proof import with_proof
from record.publishing import RecordQuerySet
from sharing.calendars import calendar_of
from sharing.drawing import Picture
from sharing.feeds import OrganizationFeed
from sharing.pictures import FILE, digest, general_picture, picture_of
from timeline.vocabulary import PartedQuerySet


class _FileView(RecordView):
    """A file under the address of a public record. A draft has none, for the staff either."""

    file_name: str

    def get_queryset(self) -> RecordQuerySet[Any]:
        records: RecordQuerySet[Any] = self.model.objects.visible_to(None)
        return records

    def address_of(self, record: Any) -> str:
        return f"{record.get_absolute_url()}{self.file_name}"


class PictureView(_FileView):
    file_name = FILE

    def get_queryset(self) -> RecordQuerySet[Any]:
        records = with_proof(super().get_queryset())
        return records.with_parts() if isinstance(records, PartedQuerySet) else records

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> Any:
        return _answer(self.request, picture_of(self.object))


class OrganizationFeedView(_FileView):
    model = Organization
    file_name = "atom.xml"
    feed = OrganizationFeed()

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        return self.feed(self.request, self.object)


class OrganizationCalendarView(_FileView):
    model = Organization
    file_name = "calendario.ics"

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        organization = self.object
        events, path = organization.events.visible_to(None), organization.get_absolute_url()
        return calendar_of(self.request, events, organization.name, path)


def picture(request: HttpRequest) -> HttpResponseBase:
    return _answer(request, general_picture())


def _answer(request: HttpRequest, picture: Picture) -> HttpResponseBase:
    """The ETag is made of what the picture shows, so that 304 needs no drawing."""
    name = f"{edition()[:16]}{digest(picture)}"
    etag = f'"{name}"'
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    response = response or FileResponse(_drawn(name, picture), content_type="image/png")
    response["ETag"], response["Cache-Control"] = etag, REVALIDATE
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _drawn(name: str, picture: Picture) -> BytesIO:
    """The PNG, which each worker or, with CACHE_FOLDER, each machine draws once."""
    content: bytes | None = stored(name)
    if content is None:
        content = picture.draw()
        store(name, content)
    return BytesIO(content)
