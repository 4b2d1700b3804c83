"""Template tags and filters for dates, texts and JSON-LD."""

from datetime import date
from html import unescape
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from dates.edtf import EDTF, in_words, parse
from dates.periods import UNSAID
from dates.text import collapse
from record import jsonld, pages
from record.richtext import sanitize
from record.text import cut

register = template.Library()
MOTTO = "Expediente público: cada hecho, con la oración que lo prueba."
SHORTEST, LONGEST = 50, 160

register.simple_tag(pages.counted)
register.filter(pages.in_words)
register.filter(pages.listed)


@register.filter
def edtf(text: str) -> EDTF:
    """`{% with date=event.start|edtf %}`: the EDTF text of a field as an `EDTF`."""
    return parse(text)


@register.filter
def day(value: date | None) -> str:
    """«23 de mayo de 2017». Not by strftime, which fails for years before 1000."""
    return in_words(value.isoformat()) if value else ""


@register.filter
def unsaid(text: str) -> SafeString:
    """Marks «la fuente no lo dice» in our own sentences as an unknown value."""
    marked = f'<span class="unsaid">{UNSAID}</span>'
    return mark_safe(escape(text).replace(UNSAID, marked))  # noqa: S308, escaped here


@register.filter
def prose(html: str) -> SafeString:
    """Rich text, sanitised again, since a record in memory may not have been written to the
    database."""
    return mark_safe(sanitize(html))  # noqa: S308, sanitised here


@register.simple_tag
def linked_data(graph: dict[str, Any]) -> SafeString:
    return jsonld.script(graph)


@register.simple_block_tag
def text(content: str, length: str = "") -> str:
    """`{% text as head_title %}…{% endtext %}` stores its content as a line of plain text;
    `{% text "description" as name %}` does so in the length of a description in search engines."""
    line = collapse(unescape(content))
    if length == "description":
        return cut(line if len(line) >= SHORTEST else f"{line} {MOTTO}".strip(), LONGEST)
    return line
