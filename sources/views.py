"""The list of sources, and the page of a source: its full text with the passages marked."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from record.pages import RecordView, last_change, list_page, page_of
from record.publishing import viewer
from sources.models import Citation, Source
from sources.quotes import passage_counts, reference_to
from sources.reading import of_passages, paragraphs

ON_A_PAGE = 50
SOURCES = ("Fuentes", "sources:source_list")


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
        text = list(paragraphs(source, citations))
        return super().get_context_data(**kwargs) | {
            "paragraphs": text,
            "cut": any(passage.cut for _blocks, passages in text for passage in passages),
            "sentence_count": len(sentences),
            "used_count": len(sentences) - unused,
            "unused_count": unused,
            "fact_count": len({c.record for c in citations if not c.contradicts}),
            "contradicts": any(citation.contradicts for citation in citations),
            "changed": last_change(source, citations),
            "main": source.jsonld(),
            "quoted": [reference_to(source)],
        }
