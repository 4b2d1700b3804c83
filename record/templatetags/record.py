"""How templates show what the record holds."""

from datetime import date

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from record.answers import UNSAID
from record.dates import EDTF, in_words, parse
from record.richtext import sanitize

register = template.Library()


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
