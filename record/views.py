"""The page of one record: its draft is a preview for staff, its former addresses lead to it."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.generic import DetailView

from record import linked
from record.citing import FORMATS, Reference
from record.publishing import RecordQuerySet, viewer


class RecordView(DetailView):
    """It shows what its reader may see. What is public also says how it is cited and what it is to
    a machine."""

    section: tuple[str, str]
    """Where it is listed: name on screen, name of the URL."""
    page_kind = "WebPage"
    is_ours = True
    """Whether most of the page is our own words, and not a source's."""

    def cited(self, context: dict[str, Any]) -> dict[str, Any]:
        """What of a Reference only this kind of record has, or has otherwise."""
        return {}

    def main(self, context: dict[str, Any]) -> linked.Node | list[linked.Node]:
        """What the page is about, in the words of schema.org."""
        raise NotImplementedError

    def sources(self, context: dict[str, Any]) -> Iterable[linked.Node]:
        return ()

    def get_queryset(self) -> RecordQuerySet:
        return self.model.objects.visible_to(viewer(self.request))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if kwargs.get("format_name", "bib") not in FORMATS:
            raise Http404("Las citas se descargan como BibTeX (.bib) o CSL-JSON (.json).")
        try:
            response = super().get(request, *args, **kwargs)
        except Http404:
            return self._moved_or_missing(kwargs["slug"])
        if not self.object.is_public():
            response["X-Robots-Tag"] = "noindex"
        if viewer(request) or not self.object.is_public():  # staff see drafts beside it, too
            add_never_cache_headers(response)
        return response

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if self.object.is_public():
            context["reference"] = self._reference(context)
            context["linked"] = self._linked(context)
        if "format_name" in self.kwargs:
            return self._citation(context.get("reference"), self.kwargs["format_name"])
        return super().render_to_response(context, **kwargs)

    def _citation(self, reference: Reference | None, format_name: str) -> HttpResponse:
        if reference is None:
            raise Http404
        text = reference.bibtex if format_name == "bib" else reference.csl
        response = HttpResponse(text, content_type=f"{FORMATS[format_name]}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{reference.key}.{format_name}"'
        response["X-Robots-Tag"] = "noindex"  # the page it cites is the one to find
        return response

    def _reference(self, context: dict[str, Any]) -> Reference:
        record = self.object
        common = {
            "key": f"{record._meta.model_name}-{record.slug}",
            "title": str(record),
            "site": settings.SITE_NAME,
            "url": self.request.build_absolute_uri(record.get_absolute_url()),
            "changed": timezone.localdate(context["changed"]) if context["changed"] else None,
        }
        return Reference(**common | self.cited(context))

    def _linked(self, context: dict[str, Any]) -> linked.Node:
        name, listed = self.section
        return linked.page(
            self.request,
            (name, reverse(listed)),
            (str(self.object), self.object.get_absolute_url()),
            kind=self.page_kind,
            changed=context["changed"],
            main=self.main(context),
            sources=self.sources(context),
            is_ours=self.is_ours,
        )

    def _moved_or_missing(self, slug: str) -> HttpResponse:
        moved = self.get_queryset().moved_from(slug).first()
        if moved is None:
            raise Http404
        name = self.kwargs.get("format_name")
        end = f"cita.{name}" if name else ""
        return HttpResponsePermanentRedirect(f"{moved.get_absolute_url()}{end}")
