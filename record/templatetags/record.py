"""How templates show what the record holds."""

from datetime import date
from html import unescape
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from record import linked
from record.answers import UNSAID
from record.dates import EDTF, in_words, parse
from record.richtext import sanitize
from record.text import collapse, cut

register = template.Library()
MOTTO = "Expediente público: cada hecho, con la oración que lo prueba."
SHORTEST, LONGEST = 50, 160


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
    return linked.script(graph)


class TextNode(template.Node):
    def __init__(self, nodelist: template.NodeList, name: str, is_description: bool) -> None:
        self.nodelist, self.name, self.is_description = nodelist, name, is_description

    def render(self, context: template.Context) -> str:
        text = collapse(unescape(self.nodelist.render(context)))
        if self.is_description:
            text = cut(text if len(text) >= SHORTEST else f"{text} {MOTTO}".strip(), LONGEST)
        context[self.name] = text
        return ""


@register.tag
def text(parser: template.base.Parser, token: template.base.Token) -> TextNode:
    """`{% text head_title %}…{% endtext %}` keeps what is inside as one line of plain text, to be
    shown wherever it is asked for; `{% text name description %}` in the length that search engines
    show of a page's description."""
    name, *option = token.split_contents()[1:]
    nodelist = parser.parse(("endtext",))
    parser.delete_first_token()
    return TextNode(nodelist, name, is_description=option == ["description"])
