"""How templates show what the record holds."""

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
    """`{% with date=event.start|edtf %}`: the EDTF text of a field as a value that shows itself in
    Spanish and knows its `kind`."""
    return parse(text)


@register.filter
def day(value: date | None) -> str:
    """«23 de mayo de 2017»; with years before 1000 too, which strftime gets wrong."""
    return in_words(value.isoformat()) if value else ""


@register.filter
def unsaid(text: str) -> SafeString:
    """Words of ours with «la fuente no lo dice» shown as the unknown is shown everywhere."""
    shown = f'<span class="unsaid">{UNSAID}</span>'
    return mark_safe(escape(text).replace(UNSAID, shown))  # noqa: S308, escaped here


@register.filter
def prose(html: str) -> SafeString:
    """Rich text, sanitised once more where it leaves: what is in memory was not yet in the
    database."""
    return mark_safe(sanitize(html))  # noqa: S308, sanitised here


@register.simple_tag
def linked_data(graph: dict[str, Any]) -> SafeString:
    return jsonld.script(graph)


@register.simple_block_tag
def text(content: str, length: str = "") -> str:
    """`{% text as head_title %}…{% endtext %}` keeps its content as one line of plain text;
    `{% text "description" as name %}` in the length that search engines show of a description."""
    line = collapse(unescape(content))
    if length == "description":
        return cut(line if len(line) >= SHORTEST else f"{line} {MOTTO}".strip(), LONGEST)
    return line
