"""Template tags and filters for dates, texts and JSON-LD."""

from collections.abc import Iterable, Iterator
from datetime import date
from html import unescape
from typing import Any

from django import template
from django.conf import settings
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst

from dates.edtf import EDTF, in_words, parse
from dates.periods import UNSAID
from dates.text import by_sources, collapse
from record import jsonld, pages
from record.proof import UNCITED, WHOLE, dated, is_fact, missing_proof
from record.publishing import Record
from record.text import cut

register = template.Library()
MOTTO = "Expediente público: cada hecho, con la oración que lo prueba."
SHORTEST, LONGEST = 50, 160
UNPROVEN = format_html('<span class="unsaid">{}</span>', UNCITED)
CHANGES = {"del": "se quita", "ins": "se agrega"}

register.simple_tag(by_sources)
register.simple_tag(pages.counted)
register.filter(pages.in_words)
register.filter(pages.listed)


@register.filter
def links(records: Iterable[Any]) -> SafeString:
    """«Alfa, Beta y Gama», each name with a link to its page."""
    names = [*records]
    joints = [", "] * len(names)
    joints[-1:] = [f" {pages.joint(str(name))} " for name in names[-1:]]
    joints[:1] = [""] * len(names[:1])
    rows = ((word, n.get_absolute_url(), n) for word, n in zip(joints, names, strict=True))
    return format_html_join("", '{}<a href="{}">{}</a>', rows)


@register.filter
def figure(count: int) -> str:
    """«20,000»."""
    return f"{count:,}"


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
    return mark_safe(conditional_escape(text).replace(str(UNSAID), or_unsaid("")))  # noqa: S308


@register.filter
def or_unsaid(value: Any, pronoun: str = "lo") -> Any:
    """The value, or «la fuente no lo dice» if it is empty; with `la` if it is a date."""
    words = or_plainly_unsaid("", pronoun)
    return value or format_html('<span class="unsaid">{}</span>', words)


@register.filter
def or_plainly_unsaid(value: Any, pronoun: str = "lo") -> Any:
    """As `or_unsaid`, without markup."""
    return value or str(UNSAID).replace(" lo ", f" {pronoun} ")


@register.filter
def uncited(record: Record, names: str = "") -> str:
    """`{{ term|uncited:"start start_label" }}`: «sin cita todavía» if no citation proves the record
    or one of these fields. Without names, all dates count. If only some dates lack proof, the text
    names them."""
    if not is_fact(type(record)) or not missing_proof(record, names):
        return ""
    return format_html("{}{}", _lacking_names(record, names.split()), UNPROVEN)


def _lacking_names(record: Record, names: list[str]) -> str:
    """«inicio: », unless all dates of the record, or all in `names`, lack proof."""
    lacks = record.uncited.split()
    fields = [field for field in dated(type(record)) if not names or field.name in names]
    filled = [field for field in fields if getattr(record, field.attname)]
    labels = [str(field.verbose_name) for field in filled if field.name in lacks]
    return "" if len(labels) == len(filled) else f"{pages.listed(labels)}: "


@register.inclusion_tag("partials/_uncited.html")
def proof_missing(record: Record) -> dict[str, Any]:
    """The note in the place of the citations of a record that has none."""
    return {"is_bare": WHOLE in record.uncited.split(), "contact": settings.CONTACT_EMAIL}


@register.simple_block_tag
def change(content: str, kind: str) -> str:
    """`{% change "del" %}…{% endchange %}`: the content as removed («del») or added («ins»), for
    screen readers too; any other kind leaves it as it is."""
    if kind not in CHANGES:
        return content
    markup = '<{0}><span class="visually-hidden">({1}:) </span>{2}</{0}>'
    return format_html(markup, kind, CHANGES[kind], content)


@register.filter
def prose(html: str) -> SafeString:
    """Rich text of the database, which each write sanitises."""
    return mark_safe(html)  # noqa: S308, sanitised when it was written


@register.filter
def labelled(cells: Iterable[str], headers: Iterable[dict[str, Any]]) -> Iterator[SafeString]:
    """The cells of a row of the admin's list, each with the role of a cell and the name of its
    column, which phones show."""
    for cell, header in zip(cells, headers, strict=False):
        name = (
            ""
            if "<" in header["text"]
            else format_html(' data-label="{}"', capfirst(header["text"]))
        )
        yield mark_safe(  # noqa: S308, the admin escaped the cell
            cell.replace("<td", f'<td role="cell"{name}', 1).replace(
                "<th", '<th scope="row" role="rowheader"', 1
            )
        )


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
