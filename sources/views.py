"""The list of sources; the page of a source: its full text with the passages marked; its files."""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag

from record.pages import RecordView, last_change, list_page, page_of
from record.publishing import RecordQuerySet, viewer
from sources.models import Citation, Source
from sources.quotes import passage_counts, reference_to, source_node
from sources.reading import (
    of_passages,
    paragraphs,
    passages_by_number,
    proven,
    totals_of,
    with_records,
)

ON_A_PAGE = 50
SOURCES = ("Fuentes", "sources:source_list")
NOT_INDEXED = {"X-Robots-Tag": "noindex"}  # search engines should find the page
INERT = NOT_INDEXED | {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}
"""The headers of a file that came from outside: a browser runs nothing in it."""


def source_list(request: HttpRequest) -> HttpResponse:
    page = page_of(request, Source.objects.visible_to(None).defer("text"), ON_A_PAGE)
    counts = passage_counts(page.object_list)
    for source in page.object_list:
        source.passage_count = counts.get(source.pk, 0)
    context = {"page": page, "changed": last_change(page.object_list)}
    return list_page(request, "sources/source_list.html", SOURCES, context)


class SourceView(RecordView):
    model = Source
    section = SOURCES
    is_ours = False

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        source = self.object
        visible = Citation.objects.visible_to(viewer(self.request))
        citations = list(of_passages(visible, [source]))
        sentences = [s for s in source.passages.sentences if s.is_told]
        unused = len(source.passages.unused({citation.span for citation in citations}))
        totals = totals_of(visible, citations)
        text = list(paragraphs(source, citations, totals))
        return super().get_context_data(**kwargs) | {
            "paragraphs": text,
            "cut": bool(totals),
            "sentence_count": len(sentences),
            "used_count": len(sentences) - unused,
            "unused_count": unused,
            "fact_count": len({c.record for c in citations if not c.contradicts}),
            "contradicts": len({c.record for c in citations if c.contradicts}),
            "changed": last_change(source, citations),
            "main": source_node(source),
            "quoted": [reference_to(source)],
        }


class PassageView(RecordView):
    """The records that a passage supports or contradicts, page by page."""

    model = Source
    section = SOURCES
    template_name = "sources/passage.html"
    is_ours = False

    def address_of(self, record: Source) -> str:
        return record.passage_address(self.kwargs["number"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        source, number = self.object, self.kwargs["number"]
        citations = Citation.objects.visible_to(viewer(self.request))
        citations = citations.filter(source=source, number=number).order_by("pk")
        page = page_of(self.request, with_records(citations), ON_A_PAGE)
        if not page.object_list:
            raise Http404
        passages = passages_by_number(
            page.object_list, {page.object_list[0].passage: page.paginator.count}
        )
        return super().get_context_data(**kwargs) | {
            "page": page,
            "number": number,
            "citation": page.object_list[0],
            "lines": proven(passages.values()),
            "changed": last_change(source, page.object_list),
            "main": source_node(source),
        }

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        response = super().render_to_response(context, **kwargs)
        response["X-Robots-Tag"] = "noindex"
        return response


class TextView(RecordView):
    """The text of a source as a file, whose SHA-256 the page of the source shows."""

    model = Source

    def address_of(self, record: Source) -> str:
        return record.text_address

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        kind = "text/plain; charset=utf-8"
        return HttpResponse(self.object.text, content_type=kind, headers=NOT_INDEXED)


class OriginalView(RecordView):
    """The original of a source, to be saved. The proxy does not serve it, since it does not know
    who may see it."""

    model = Source

    def address_of(self, record: Source) -> str:
        return record.original_address

    def get_queryset(self) -> RecordQuerySet[Any]:
        return super().get_queryset().exclude(original="")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().get(request, *args, **kwargs)
        except FileNotFoundError:
            raise Http404 from None

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> Any:
        source = self.object
        etag, original = quote_etag(source.original_sha256), source.original
        if source.is_public() and (same := get_conditional_response(self.request, etag=etag)):
            return same
        name = f"{source.slug}.{original.format.lower()}"
        headers = INERT | {"ETag": etag} if source.is_public() else INERT
        return FileResponse(
            original.open(),
            as_attachment=True,
            filename=name,
            content_type=original.content_type,
            headers=headers,
        )
