"""The template tag for what a page says of itself to other sites."""

from typing import Any

from django import template
from django.urls import reverse

from dates.edtf import EDTF, parse
from record.jsonld import proven
from sharing.pictures import address_of, digest, general_picture, picture_of
from sources.models import Source
from timeline.models import Statement

register = template.Library()


@register.simple_tag
def shared(record: Any = None) -> dict[str, str]:
    """`{% shared object as shared %}`: the picture of a page, in words and by its `address`; the
    `kind` of the page in Open Graph, and the day on which its text was `published`."""
    if not (record and record.is_public()):
        picture = general_picture()
        address = f"{reverse('sharing:picture')}?v={digest(picture)}"
        return {"kind": "website", "address": address, "words": picture.words}
    picture = picture_of(record)
    is_article = isinstance(record, Statement | Source)
    return {
        "kind": "article" if is_article else "website",
        "address": address_of(record, picture),
        "words": picture.words,
        "published": _day(record) if is_article else "",
    }


def _day(text: Statement | Source) -> str:
    """The day on which a text was published, in ISO 8601; empty if its sources do not say the day,
    or not the same day."""
    if isinstance(text, Source):
        return _whole(parse(text.published))
    return "" if text.contested else _whole(text.when) and proven(text, "date", text.when)


def _whole(date: EDTF) -> str:
    return date.text if date.kind == "day" else ""
