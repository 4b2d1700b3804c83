"""References to a page of the record: APA in Spanish, BibTeX, CSL-JSON, and the meta tags of
reference managers.

A reference contains the partial date of the record, and the day of the last change of the page as
its version.
"""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings

from dates.edtf import MONTHS, in_words
from dates.periods import Period
from dates.text import collapse

FORMATS = {"bib": "application/x-bibtex", "json": "application/vnd.citationstyles.csl+json"}
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
    """The data of a reference. `url` is absolute; `changed` is the day of the version; `period` has
    an end if the record lasted."""

    key: str
    title: str
    site: str
    url: str
    changed: date | None = None
    period: Period = field(default_factory=Period)
    author: str = ""
    uncited: str = ""
    """`MARK` of a page whose record or date lacks proof."""

    @property
    def exact(self) -> list[str]:
        """The start and, if there is one, the end, in ISO 8601; empty if either is bounded, since
        the formats have no bounds."""
        ends = [end for end in (self.period.start, self.period.end) if end]
        return [end.text for end in ends] if all(end.is_exact for end in ends) else []

    @property
    def version(self) -> str:
        """«Versión del 24 de noviembre de 2026», with the mark of a page that lacks proof."""
        day = f"Versión del {in_words(self.changed.isoformat())}" if self.changed else ""
        return f"{day} {self.uncited}".strip()

    @property
    def apa_parts(self) -> tuple[str, str, str]:
        """The text before the title, the title (in italics), and the text after it."""
        when = f"({self._apa_date()})."
        title, author = collapse(self.title), collapse(self.author)
        version = f"{self.version}." if self.version else ""
        rest = ["" if author else when, _sentence(self.site), version, self.url]
        before = f"{_sentence(author)} {when} " if author else ""
        return before, title, f"{_sentence(title)[len(title) :]} {' '.join(filter(None, rest))}"

    def _apa_date(self) -> str:
        """«2017, 23 de mayo», «2011, agosto», «2016», a bounded date in words, or «s. f.»."""
        if len(self.exact) != 1:
            return self.period.when or "s. f."
        year, month, day = [*self.exact[0].split("-"), "", ""][:3]
        if not month:
            return year
        return f"{year}, {f'{int(day)} de ' if day else ''}{MONTHS[int(month) - 1]}"

    @property
    def bibtex(self) -> str:
        """For BibTeX (year and month) and biblatex (date), in UTF-8."""
        bounds = f"Fecha: {self.period.when}" if self.period.when and not self.exact else ""
        fields = {
            "author": f"{{{_tex(self.author)}}}" if self.author else "",
            "title": f"{{{_tex(self.title)}}}",
            "date": "/".join(self.exact),
            "year": "--".join(dict.fromkeys(date[:4] for date in self.exact)),
            "howpublished": _tex(self.site),
            "note": _tex(". ".join(filter(None, (bounds, self.version)))),
            "url": self.url,
            "langid": "spanish",
        }
        lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
        if len(self.exact) == 1 and (month := self.exact[0][5:7]):
            lines.append(f"  month = {_MACROS[int(month) - 1]}")
        return "\n".join([f"@misc{{{self.key},", ",\n".join(lines), "}", ""])

    @property
    def csl(self) -> str:
        """https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html"""
        item = {
            "id": self.key,
            "type": "webpage",
            "title": self.title,
            "author": [{"literal": self.author}] if self.author else [],
            "issued": self._csl_date(),
            "container-title": self.site,
            "version": self.changed.isoformat() if self.changed else "",
            "note": self.uncited,
            "URL": self.url,
            "language": settings.LANGUAGE_TAG,
        }
        item = {name: value for name, value in item.items() if value}
        return json.dumps([item], ensure_ascii=False, indent=2) + "\n"

    def _csl_date(self) -> dict[str, Any]:
        """`date-parts` of exact dates, such as `[[2011, 8]]`; bounded dates in words."""
        if self.exact:
            return {"date-parts": [[int(n) for n in date.split("-")] for date in self.exact]}
        return {"literal": self.period.when} if self.period.when else {}

    @property
    def highwire_date(self) -> str:
        """The date in the format of Highwire's `<meta>` tags; empty for a bounded or a second
        date."""
        return self.exact[0].replace("-", "/") if len(self.exact) == 1 else ""


def _sentence(text: str) -> str:
    """Adds a full stop, unless the text ends in a punctuation mark."""
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def _tex(text: str) -> str:
    return collapse(text).translate(_TEX)
