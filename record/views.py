"""The page of one record: its draft is a preview for staff, its former addresses lead to it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.utils.cache import add_never_cache_headers
from django.views.generic import DetailView

from record.publishing import RecordQuerySet, viewer


class RecordView(DetailView):
    """`prefetched` narrows and enriches the queryset; it always starts from `visible_to`."""

    def prefetched(self, records: RecordQuerySet) -> RecordQuerySet:
        return records

    def get_queryset(self) -> RecordQuerySet:
        return self.prefetched(self.model.objects.visible_to(viewer(self.request)))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = super().get(request, *args, **kwargs)
        except Http404:
            return self._moved_or_missing(kwargs["slug"])
        if not self.object.is_public():
            response["X-Robots-Tag"] = "noindex"
        if viewer(request) or not self.object.is_public():  # staff see drafts beside it, too
            add_never_cache_headers(response)
        return response

    def _moved_or_missing(self, slug: str) -> HttpResponse:
        moved = self.model.objects.visible_to(viewer(self.request)).moved_from(slug).first()
        if moved is None:
            raise Http404
        return HttpResponsePermanentRedirect(moved.get_absolute_url())
