"""Rich text: HTML that is sanitised at each write to the database."""

import re
from collections.abc import Sequence
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
    """Keeps headings, lists, quotes, links and emphasis, and only the text of other elements."""
    cleaned = _CLEANER.clean(html).strip()
    return "" if cleaned == "<p></p>" else cleaned


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

    html = mark_safe(_HEADING.sub(anchored, sanitize(html)))  # noqa: S308, sanitised here
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
