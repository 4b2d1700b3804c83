"""Finds the quotes anew in texts whose page marks and two-character accents no longer count."""

from typing import Any

from dates.text import collapse
from texts.passages import Passages, lines_of


def find_quotes_anew(apps: Any, schema_editor: Any) -> None:
    for source in apps.get_model("sources", "Source").objects.iterator():
        passages = Passages(source.text)
        if passages.places or collapse(source.text) != " ".join(source.text.split()):
            marks = [line for line, mark in lines_of(source.text) if mark]
            for citation in source.citations.all():
                _find(citation, passages, marks)


def _find(citation: Any, passages: Passages, marks: list[str]) -> None:
    """A quote that is not there once, as only a mark could make it, stays as it was."""
    exact = collapse(citation.exact)
    for mark in marks:
        exact = exact.replace(f" {mark} ", " ")
    if len(places := passages.positions(exact)) == 1:
        citation.position, end = places[0], places[0] + len(exact)
        sentence = passages.sentence_around(citation.position, end)
        citation.exact = exact
        citation.prefix = passages.text[sentence.start : citation.position]
        citation.suffix = passages.text[end : sentence.end]
        citation.locator = passages.locator(citation.position, end) or citation.locator
        citation.save()
