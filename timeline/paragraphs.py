"""The paragraphs of a statement's body. A paragraph that stands verbatim in a source carries the
marks of the passages cited from it."""

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
from record.richtext import Heading, sanitize
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

    def append(self, item: "Paragraph") -> None:
        """Adds another item of the same list."""
        self.text += f" {item.text}"
        self.names = list(dict.fromkeys([*self.names, *item.names]))
        self.blocks += item.blocks
        self.passages += item.passages


def paragraphs(
    statement: Statement,
    sources: Iterable[Source],
    citations: Iterable[Citation] = (),
    names: Names | None = None,
) -> list[Paragraph]:
    """The paragraphs of the body, a list as one. `citations` are those of the sources, whatever
    they support; `names` finds the organizations that a paragraph names."""
    proofs, found = _proofs(sources, citations), []
    for html in outermost(sanitize(statement.body)):
        text = collapse(unescape(strip_tags(html)))
        paragraph = Paragraph(html, text, _named(text, names) if names else [])
        if text in proofs:
            paragraph.source, block, passages = proofs[text]
            paragraph.blocks, paragraph.passages = [block], [*passages]
        before = found[-1] if paragraph.is_list and found else None
        if before and before.is_list and before.source == paragraph.source:
            before.append(paragraph)
        else:
            found.append(paragraph)
    return found


def _proofs(
    sources: Iterable[Source], citations: Iterable[Citation]
) -> dict[str, tuple[Source, MarkedBlock, list[Passage]]]:
    """By the words of a block: the first source that has it, the block, and its passages."""
    proofs: dict[str, tuple[Source, MarkedBlock, list[Passage]]] = {}
    for source in sources:
        cited = [citation for citation in citations if citation.source_id == source.pk]
        passages = passages_by_number(cited)
        blocks = {block.text: block for block in marked_blocks(source, cited)}
        for text, block in blocks.items():
            proofs.setdefault(text, (source, block, [passages[n] for n in block.numbers]))
    return proofs


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
    headings, lines = [], []
    for number, paragraph in enumerate(found, 1):
        is_heading = paragraph.html.startswith(("<h2", "<h3"))
        words = Truncator(paragraph.text).words(WORDS_IN_CONTENTS, truncate="…")
        line = Heading(f"p{number}", f"¶ {number}", paragraph.text if is_heading else words)
        lines.append(line)
        headings += [line] * is_heading
    return [] if len(found) < LONG else headings if len(headings) > 1 else lines
