"""The paragraphs of a statement. A paragraph that is also in a source, word by word, has the marks
of the passages cited from it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import unescape

from django.conf import settings
from django.utils.html import strip_tags
from django.utils.text import Truncator

from dates.text import collapse
from organizations.models import Organization
from organizations.name_links import Names
from record.richtext import Heading
from sources.models import Citation, Source
from sources.reading import Passage, marked_blocks, passages_by_number
from texts.passages import MarkedBlock
from timeline.models import Statement

_TAG = re.compile(r"<(/?)(?:p|h2|h3|ul|ol|li|blockquote)>")
WORDS_IN_CONTENTS = 4
LONG = 4  # paragraphs of a text with a table of contents


@dataclass(slots=True)
class Paragraph:
    """A paragraph, or a list. `blocks` are the blocks of `source` with the same words: a block for
    each item of a list."""

    html: str
    text: str
    names: list[Organization]
    source: Source | None = None
    blocks: list[MarkedBlock] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)

    @property
    def is_list(self) -> bool:
        return bool(self.blocks) and self.blocks[0].kind == "item"

    def append(self, item: "Paragraph") -> None:
        """Adds an item of the list."""
        self.text += f" {item.text}"
        self.names = list(dict.fromkeys([*self.names, *item.names]))
        self.blocks += item.blocks
        self.passages += item.passages


def paragraphs(
    statement: Statement,
    sources: Iterable[Source],
    citations: Iterable[Citation] = (),
    names: Names | None = None,
    totals: dict[tuple[int, int], int] | None = None,
) -> list[Paragraph]:
    """The paragraphs of the body; a list is a single paragraph. `citations` are the citations of
    the sources; with `names`, a paragraph lists the organizations that it names."""
    proofs, items = _proofs(sources, citations, totals or {}), list[Paragraph]()
    for html in outermost(statement.body):
        text = collapse(unescape(strip_tags(html)))
        paragraph = Paragraph(html, text, _named(text, names) if names else [])
        if text in proofs:
            paragraph.source, block, passages = proofs[text]
            paragraph.blocks, paragraph.passages = [block], [*passages]
        before = items[-1] if paragraph.is_list and items else None
        if before and before.is_list and before.source == paragraph.source:
            before.append(paragraph)
        else:
            items.append(paragraph)
    return items


def _proofs(
    sources: Iterable[Source], citations: Iterable[Citation], totals: dict[tuple[int, int], int]
) -> dict[str, tuple[Source, MarkedBlock, list[Passage]]]:
    """The first source of a block, the block and its passages, by the text of the block."""
    proofs: dict[str, tuple[Source, MarkedBlock, list[Passage]]] = {}
    for source in sources:
        cited = [citation for citation in citations if citation.source_id == source.pk]
        passages = passages_by_number(cited, totals)
        blocks = {block.text: block for block in marked_blocks(source, cited)}
        for text, block in blocks.items():
            proofs.setdefault(text, (source, block, [passages[n] for n in block.numbers]))
    return proofs


def outermost(html: str) -> Iterator[str]:
    """The outermost elements of sanitised HTML, and the text between them."""
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
    """The organizations that the text names, without the coalition, which each page names."""
    named = dict.fromkeys(organization for _start, _end, organization in names.places(text))
    return [organization for organization in named if organization.slug != settings.COALITION]


def contents(paragraphs: list[Paragraph]) -> list[Heading]:
    """The table of contents of a long text: its headings or, if it has none, the first words of its
    paragraphs."""
    headings, lines = [], []
    for number, paragraph in enumerate(paragraphs, 1):
        is_heading = paragraph.html.startswith(("<h2", "<h3"))
        words = Truncator(paragraph.text).words(WORDS_IN_CONTENTS, truncate="…")
        line = Heading(f"p{number}", f"¶ {number}", paragraph.text if is_heading else words)
        lines.append(line)
        headings += [line] * is_heading
    return [] if len(paragraphs) < LONG else headings if len(headings) > 1 else lines
