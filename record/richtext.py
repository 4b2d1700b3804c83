"""Rich text, sanitised on the way into the database, whichever way that is."""

import re
from html import unescape
from typing import Any, NamedTuple

import nh3
from django.db import models
from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe
from django_prose_editor.fields import ProseEditorField

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
}
_CLEANER = nh3.Cleaner(
    tags={"p", "br", "strong", "em", "h2", "h3", "ul", "ol", "li", "blockquote", "a"},
    attributes={"a": {"href"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener",
)


def sanitize(html: str) -> str:
    """Headings, lists, quotes, links and emphasis; everything else goes, its text stays."""
    cleaned = _CLEANER.clean(html).strip()
    return "" if cleaned == "<p></p>" else cleaned


_BLOCK = re.compile(r"</?(?:p|h2|h3|ul|ol|li|blockquote)>")


def plain_lines(html: str) -> list[str]:
    """The words of sanitised HTML, a text a paragraph, heading or item."""
    lines = filter(str.strip, _BLOCK.split(html.replace("<br>", " ")))
    texts = (strip_tags(line) if "<" in line else line for line in lines)
    return [text for line in texts if (text := " ".join(unescape(line).split()))]


_HEADING = re.compile(r"<(h[23])>(.*?)</\1>", re.DOTALL)


class Heading(NamedTuple):
    """A line of a table of contents: the id that it leads to, a sign, what it says."""

    anchor: str
    sign: str
    text: str


def with_contents(html: str) -> tuple[SafeString, list[Heading]]:
    """Sanitised, each heading with an id, and the contents; a lone heading needs none."""
    contents: list[Heading] = []

    def anchored(heading: re.Match) -> str:
        number = len(contents) + 1
        contents.append(Heading(f"s{number}", f"§ {number}", unescape(strip_tags(heading[2]))))
        return f'<{heading[1]} id="s{number}">{heading[2]}</{heading[1]}>'

    html = mark_safe(_HEADING.sub(anchored, sanitize(html)))  # noqa: S308, sanitised here
    return html, contents if len(contents) > 1 else []


class RichTextField(ProseEditorField):
    """HTML. The package sanitises in `full_clean` alone; this one where every write passes:
    `save`, `create`, bulk writes, `update` and fixtures."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(
            *args,
            **{"extensions": EXTENSIONS, "sanitize": sanitize, "blank": True, "default": ""}
            | kwargs,
        )

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return sanitize(value) if isinstance(value, str) else value

    def deconstruct(self) -> tuple[str, str, list, dict]:
        name, _path, args, kwargs = models.Field.deconstruct(self)
        return name, "record.richtext.RichTextField", args, kwargs
