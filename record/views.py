"""The pages of lists and of records, with previews and redirects from old slugs."""

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.generic import DetailView

from dates.periods import Period
from record import jsonld
from record.publishing import RecordQuerySet, viewer
from record.references import FORMATS, Reference


def list_page(
    request: HttpRequest,
    template: str,
    section: tuple[str, str],
    context: dict[str, Any],
    main: jsonld.Node | None = None,
) -> TemplateResponse:
    """The page of a list. `section` is its title and its URL name, `main` its subject as JSON-LD.
    `context` contains `changed`, the moment of the last change."""
    crumb, changed = (section[0], reverse(section[1])), context["changed"]
    graph = jsonld.page(request, crumb, kind="CollectionPage", changed=changed, main=main)
    return TemplateResponse(request, template, context | {"linked": graph})


class RecordView(DetailView):
    """The page of a record, and its reference as a file. The page of a public record includes the
    reference and JSON-LD. For these, `get_context_data` returns `changed`, the moment of the last
    change; `main`, the record as JSON-LD; `based_on`, its sources as JSON-LD; and `cited`, the
    fields of the Reference that are specific to the model."""

    section: tuple[str, str]
    """The title and the URL name of the list that the record is in."""
    page_kind = "WebPage"
    is_ours = True
    """Whether most of the page is our own text, and not the text of a source."""

    def get_queryset(self) -> RecordQuerySet[Any]:
        records: RecordQuerySet[Any] = self.model.objects.visible_to(viewer(self.request))
        return records

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if kwargs.get("format_name", "bib") not in FORMATS:
            raise Http404("Las citas se descargan como BibTeX (.bib) o CSL-JSON (.json).")
        try:
            response = super().get(request, *args, **kwargs)
        except Http404:
            return self._redirect()
        if not self.object.is_public():
            response["X-Robots-Tag"] = "noindex"
        if viewer(request) or not self.object.is_public():  # staff also see related drafts
            add_never_cache_headers(response)
        return response

    def _redirect(self) -> HttpResponse:
        """Redirects from the old slug of a visible record. Raises Http404."""
        record = self.get_queryset().moved_from(self.kwargs["slug"]).first()
        if record is None:
            raise Http404
        name = self.kwargs.get("format_name")
        file_name = f"cita.{name}" if name else ""
        return HttpResponsePermanentRedirect(f"{record.get_absolute_url()}{file_name}")

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        meta = self.object._meta
        name = f"admin:{meta.app_label}_{meta.model_name}_open"
        context["edit"] = reverse(name, args=[self.object.slug])  # alike for all visitors
        if self.object.is_public():
            context["reference"] = self._reference(context)
            context["linked"] = self._linked(context)
        if "format_name" in self.kwargs:
            return self._file(context.get("reference"), self.kwargs["format_name"])
        return super().render_to_response(context, **kwargs)

    def _file(self, reference: Reference | None, format_name: str) -> HttpResponse:
        if reference is None:
            raise Http404
        text = reference.bibtex if format_name == "bib" else reference.csl
        headers = {
            "Content-Disposition": f'attachment; filename="{reference.key}.{format_name}"',
            "X-Robots-Tag": "noindex",  # search engines should find the page
        }
        content_type = f"{FORMATS[format_name]}; charset=utf-8"
        return HttpResponse(text, content_type=content_type, headers=headers)

    def _reference(self, context: dict[str, Any]) -> Reference:
        record, changed = self.object, context["changed"]
        common = {
            "key": f"{record._meta.model_name}-{record.slug}",
            "title": str(record),
            "site": settings.SITE_NAME,
            "url": self.request.build_absolute_uri(record.get_absolute_url()),
            "changed": timezone.localdate(changed) if changed else None,
            "period": getattr(record, "period", Period()),
        }
        return Reference(**common | context.get("cited", {}))

    def _linked(self, context: dict[str, Any]) -> jsonld.Node:
        title, url_name = self.section
        return jsonld.page(
            self.request,
            (title, reverse(url_name)),
            (str(self.object), self.object.get_absolute_url()),
            kind=self.page_kind,
            changed=context["changed"],
            main=context["main"],
            sources=context.get("based_on", ()),
            is_ours=self.is_ours,
        )
