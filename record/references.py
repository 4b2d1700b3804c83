"""How to cite a page and what it quotes: APA in Spanish, BibTeX, CSL-JSON, COinS and the meta tags
of Highwire.

A page is cited as of its last change, with the publisher of the site as its author. The date of
what it tells, as partial as in its source, is part of the title.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings

from dates.edtf import EDTF, MONTHS, at
from dates.text import collapse

FORMATS = {"bib": "application/x-bibtex", "json": "application/vnd.citationstyles.csl+json"}
MOST_AUTHORS = 20  # in APA
_MACROS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
# BibTeX also counts braces after a backslash, so braces become commands.
_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "%&#$_"},
    }
)


@dataclass(frozen=True, slots=True)
class Reference:
    """The data of a reference. The authors are groups; `site` is what contains the cited text, and
    `url` is absolute."""

    key: str
    title: str
    url: str = ""
    site: str = ""
    authors: Sequence[str] = ()
    issued: EDTF = field(default_factory=EDTF)
    accessed: EDTF = field(default_factory=EDTF)

    @property
    def apa_parts(self) -> tuple[str, str, str]:
        """The text before the title, the title (in italics), and the text after it."""
        title, authors = collapse(self.title), self._apa_authors()
        when = f"({self._apa_date()})."
        before = f"{_sentence(authors)} {when} " if authors else ""
        url = self.url
        if url and self.accessed.is_exact:
            url = f"Recuperado {at(self.accessed.text)}, de {url}"
        rest = ["" if authors else when, _sentence(collapse(self.site)), url]
        after = " ".join([_sentence(title)[len(title) :], *filter(None, rest)])
        return before, title, after.rstrip()

    def _apa_authors(self) -> str:
        """«Alfa, Beta y Gama»; of too many, the first ones and the last."""
        names = [collapse(author) for author in self.authors]
        if len(names) > MOST_AUTHORS:
            return f"{', '.join(names[: MOST_AUTHORS - 1])}, … {names[-1]}"
        return " y ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))

    def _apa_date(self) -> str:
        """«2017, 23 de mayo», «2011, agosto», «2016», a bounded date in words, or «s. f.»."""
        if not self.issued.is_exact:
            return str(self.issued) or "s. f."
        year, month, day = [*self.issued.text.split("-"), "", ""][:3]
        month = f", {f'{int(day)} de ' if day else ''}{MONTHS[int(month) - 1]}" if month else ""
        return f"{year}{month}"

    @property
    def bibtex(self) -> str:
        """For BibTeX (year and month) and biblatex (dates), in UTF-8."""
        issued = self.issued.text if self.issued.is_exact else ""
        fields = {
            "author": " and ".join(f"{{{_tex(author)}}}" for author in self.authors),
            "title": f"{{{_tex(self.title)}}}",
            "date": issued,
            "year": issued[:4],
            "howpublished": _tex(self.site),
            "note": "" if issued or not self.issued else f"Fecha: {self.issued}",
            "url": self.url,
            "urldate": self.accessed.text if self.accessed.is_exact else "",
            "langid": "spanish",
        }
        lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
        if month := issued[5:7]:
            lines.append(f"  month = {_MACROS[int(month) - 1]}")
        return "\n".join([f"@misc{{{self.key},", ",\n".join(lines), "}", ""])

    @property
    def csl(self) -> dict[str, Any]:
        """https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html"""
        item = {
            "id": self.key,
            "type": "webpage",
            "title": self.title,
            "author": [{"literal": author} for author in self.authors],
            "issued": _csl_date(self.issued),
            "accessed": _csl_date(self.accessed),
            "container-title": self.site,
            "URL": self.url,
            "language": settings.LANGUAGE_TAG,
        }
        return {name: value for name, value in item.items() if value}

    @property
    def coins(self) -> str:
        """A ContextObject for Zotero, which splits the authors of other tags as names of people.
        https://www.zotero.org/support/dev/exposing_metadata"""
        fields = [
            ("ctx_ver", "Z39.88-2004"),
            ("rft_val_fmt", "info:ofi/fmt:kev:mtx:dc"),
            ("rft.type", "webpage"),
            ("rft.title", self.title),
            *(("rft.aucorp", author) for author in self.authors),
            ("rft.date", self.issued.text),
            ("rft.source", self.site),
            ("rft.identifier", self.url),
            ("rft.language", settings.LANGUAGE_TAG),
        ]
        return urlencode([field for field in fields if field[1]], quote_via=quote)

    @property
    def highwire_date(self) -> str:
        return self.issued.text.replace("-", "/")


@dataclass(frozen=True, slots=True)
class References:
    """The reference to a page, and those to what it quotes."""

    page: Reference
    quoted: Sequence[Reference] = ()

    @property
    def bibtex(self) -> str:
        return "\n".join(reference.bibtex for reference in (self.page, *self.quoted))

    @property
    def csl(self) -> str:
        items = [reference.csl for reference in (self.page, *self.quoted)]
        return json.dumps(items, ensure_ascii=False, indent=2) + "\n"


def _csl_date(when: EDTF) -> dict[str, Any]:
    """`date-parts` of an exact date, such as `[[2011, 8]]`; a bounded date in words."""
    if when.is_exact:
        return {"date-parts": [[int(number) for number in when.text.split("-")]]}
    return {"literal": str(when)} if when else {}


def _sentence(text: str) -> str:
    """Adds a full stop, unless the text is empty or ends in a punctuation mark."""
    return text if not text or text.endswith((".", "?", "!", "…")) else f"{text}."


def _tex(text: str) -> str:
    return collapse(text).translate(_TEX)
