"""Rich text: HTML that is sanitised at each write to the database, and shown as it is stored."""

import re
from collections import Counter
from collections.abc import Sequence
from html import unescape
from typing import Any, NamedTuple

import nh3
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from django_prose_editor.fields import ProseEditorField

from record.pasting import MARKUP, MAX_ATTRIBUTES, tidy

EXTENSIONS = {
    "Bold": True,
    "Italic": True,
    "Heading": {"levels": [2, 3]},
    "BulletList": True,
    "OrderedList": True,
    "ListItem": True,
    "Blockquote": True,
    "Link": {"protocols": ["http", "https", "mailto"]},
    "HardBreak": True,
    "NoSpellCheck": False,
}
MAX_CHARACTERS, MAX_TAGS, MAX_DEPTH = 500_000, 20_000, 100
_TAGS = {"p", "br", "strong", "em", "h2", "h3", "ul", "ol", "li", "blockquote", "a"}
_ENDED_BY_OTHERS = {"p", "br", "li"}
"""The tags that need no end tag. A parser nests them no deeper than the other tags."""
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",  # it would lead to a page of this site
    link_rel="noopener",
)
_BARE = re.compile(r"&(?!#?\w{1,32};)")


def sanitize(html: str) -> str:
    """Keeps headings, lists, quotes, links and emphasis, and only the text of other elements.
    Raises ValidationError for a text whose length, tags or depth are no person's work."""
    known = _with_known_tags(html)
    if (tidied := tidy(html)[0]) != html:
        known = _with_known_tags(tidied)
    cleaned = _CLEANER.clean(known).strip()
    if cleaned != known:
        _with_known_tags(cleaned)  # so that a stored text can be saved again
    return "" if cleaned == "<p></p>" else cleaned


def _with_known_tags(html: str) -> str:
    """Leaves out the markup that takes the parser more than linear time: it copies emphasis with
    attributes into each paragraph, compares all attributes of a tag with each other, and looks
    through all open tags. The time of this function is linear."""
    html = _BARE.sub("&amp;", html)
    if len(html) > MAX_CHARACTERS:
        raise ValidationError(f"Tiene {len(html):,} caracteres; caben {MAX_CHARACTERS:,}.")
    if html.count("<") > MAX_TAGS:
        raise ValidationError(f"Tiene más de {MAX_TAGS:,} etiquetas: péguelo sin formato.")
    depth = Counter[str]()

    def known(markup: re.Match[str]) -> str:
        end, name, attributes = markup[2], (markup[3] or "").lower(), markup[4]
        if markup[0] == "<":
            return "&lt;"
        if name not in _TAGS or not markup[0].endswith(">"):
            return ""
        if name not in _ENDED_BY_OTHERS:
            depth[name] = max(0, depth[name] + (-1 if end else 1))
            if depth.total() > MAX_DEPTH:
                raise ValidationError(
                    f"Tiene más de {MAX_DEPTH} etiquetas una dentro de otra: péguelo sin formato."
                )
        is_link = name == "a" and not end and len(attributes) < MAX_ATTRIBUTES
        return f"<{end}{name}{attributes if is_link else ''}>"

    return MARKUP.sub(known, html)


_BLOCK = re.compile(r"</?(?:p|h2|h3|ul|ol|li|blockquote)>")


def plain_lines(html: str) -> list[str]:
    """The texts of the paragraphs, headings and items of sanitised HTML."""
    lines = filter(str.strip, _BLOCK.split(html.replace("<br>", " ")))
    texts = (strip_tags(line) if "<" in line else line for line in lines)
    return [text for line in texts if (text := " ".join(unescape(line).split()))]


_HEADING = re.compile(r"<(h[23])>(.*?)</\1>", re.DOTALL)


class Heading(NamedTuple):
    """A line of a table of contents, with the id of its heading."""

    anchor: str
    sign: str
    text: str


def with_contents(html: str) -> tuple[SafeString, list[Heading]]:
    """The sanitised HTML, with an id on each heading, and its table of contents, empty for a single
    heading."""
    contents: list[Heading] = []

    def anchored(heading: re.Match[str]) -> str:
        number = len(contents) + 1
        contents.append(Heading(f"s{number}", f"§ {number}", unescape(strip_tags(heading[2]))))
        return f'<{heading[1]} id="s{number}">{heading[2]}</{heading[1]}>'

    html = mark_safe(_HEADING.sub(anchored, html))  # noqa: S308, sanitised when it was written
    return html, contents if len(contents) > 1 else []


class RichTextField(ProseEditorField):
    """HTML, sanitised at each write: `save`, `create`, bulk writes, `update` and fixtures. The
    field of the package sanitises only in `full_clean`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args,
            **{"extensions": EXTENSIONS, "sanitize": sanitize, "blank": True, "default": ""}
            | kwargs,
        )

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return sanitize(value) if isinstance(value, str) else value

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _path, args, kwargs = models.Field.deconstruct(self)
        return name, "record.richtext.RichTextField", args, kwargs
