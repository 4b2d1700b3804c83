"""The paragraphs of a statement's body. A paragraph that stands verbatim in a source carries the
marks of the passages cited from it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape

from django.conf import settings
from django.utils.html import strip_tags
from django.utils.text import Truncator

from organizations.models import Organization
from organizations.names import Names
from record.richtext import Heading, sanitize
from record.text import collapse
from sources.models import Citation, Source
from sources.passages import MarkedBlock
from sources.reading import Passage, marked_blocks, passages_by_number
from timeline.models import Statement

_TAG = re.compile(r"<(/?)(?:p|h2|h3|ul|ol|li|blockquote)>")
WORDS_IN_CONTENTS = 4
LONG = 4  # paragraphs of a text that needs a table of contents


@dataclass(slots=True)
class Paragraph:
    """`blocks` are the blocks of `source` with the same words: several for a list's items."""

    html: str
    text: str
    names: list[Organization]
    source: Source | None = None
    blocks: list[MarkedBlock] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)

    @property
    def is_list(self) -> bool:
        return bool(self.blocks) and self.blocks[0].kind == "item"

    @property
    def label(self) -> str:
        if self.is_heading:
            return self.text
        return Truncator(self.text).words(WORDS_IN_CONTENTS, truncate="…")

    @property
    def is_heading(self) -> bool:
        return self.html.startswith(("<h2", "<h3"))


def paragraphs(
    statement: Statement,
    sources: Iterable[Source],
    citations: Iterable[Citation] = (),
    names: Names | None = None,
) -> list[Paragraph]:
    """The paragraphs of the body. `citations` are those of the sources, whatever they support;
    `names` finds the organizations that a paragraph names."""
    elements = outermost(sanitize(statement.body))
    found = [Paragraph(html, collapse(unescape(strip_tags(html))), []) for html in elements]
    for paragraph in found if names else ():
        paragraph.names = _named(paragraph.text, names)
    for source in sources:
        _mark(found, source, [c for c in citations if c.source_id == source.pk])
    return _with_whole_lists(found)


def _with_whole_lists(found: list[Paragraph]) -> list[Paragraph]:
    """The paragraphs with the items of each list joined into one."""
    whole: list[Paragraph] = []
    for paragraph in found:
        before = whole[-1] if whole else None
        if before and before.is_list and paragraph.is_list and before.source == paragraph.source:
            before.text += f" {paragraph.text}"
            before.names = list(dict.fromkeys([*before.names, *paragraph.names]))
            before.blocks += paragraph.blocks
            before.passages += paragraph.passages
        else:
            whole.append(paragraph)
    return whole


def outermost(html: str) -> Iterator[str]:
    """The outermost elements of sanitised HTML, each whole; loose text by itself."""
    depth = start = 0
    for tag in _TAG.finditer(html):
        if depth == 0 and html[start : tag.start()].strip():
            yield html[start : tag.start()]
        start = start if depth else tag.start()
        depth += -1 if tag[1] else 1
        if depth == 0:
            yield html[start : tag.end()]
            start = tag.end()
    if html[start:].strip():
        yield html[start:]


def _named(text: str, names: Names) -> list[Organization]:
    """Each organization once, without the coalition, which every page names."""
    found = dict.fromkeys(organization for _start, _end, organization in names.found(text))
    return [organization for organization in found if organization.slug != settings.COALITION]


def contents(found: list[Paragraph]) -> list[Heading]:
    """The headings of a long text or, without headings, the first words of its paragraphs."""
    lines = [Heading(f"p{n}", f"¶ {n}", p.label) for n, p in enumerate(found, 1)]
    headings = [line for line, p in zip(lines, found, strict=True) if p.is_heading]
    return ((headings[1:] and headings) or lines) if len(found) >= LONG else []


def _mark(found: list[Paragraph], source: Source, citations: list[Citation]) -> None:
    passages = passages_by_number(citations)
    blocks = {block.text: block for block in marked_blocks(source, citations)}
    for paragraph in found:
        block = blocks.get(paragraph.text)
        if block and not paragraph.blocks:
            paragraph.source, paragraph.blocks = source, [block]
            paragraph.passages = [passages[number] for number in block.numbers]
