"""The picture of each kind of record, and its addresses."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.conf import settings

from dates.edtf import EDTF, parse
from dates.periods import UNSAID
from dates.text import collapse
from organizations.models import Membership, Organization
from record.pages import listed
from record.proof import is_fact, missing_proof, with_proof
from record.text import printable
from sharing.drawing import Picture
from sources.models import Source
from timeline.models import Event, Statement
from timeline.vocabulary import StatementPart

FILE = "compartir.png"
PARTS = {StatementPart.SPEAKS: ("habla", "hablan"), StatementPart.SIGNS: ("firma", "firman")}


def general_picture() -> Picture:
    """The picture of the pages that show no single record."""
    motto = "cada hecho, con la oración que lo prueba"
    return Picture("Expediente público", settings.SITE_NAME, motto)


def picture_of(record: Any) -> Picture:
    """The picture of a record that has `uncited` and `contested`, and its parts if it has parts."""
    return OF[type(record)](record)


def address_of(record: Any, picture: Picture) -> str:
    """The address on pages. Other sites fetch a picture again only if its address changes, so it
    ends in a digest of the texts of the picture."""
    return f"{record.get_absolute_url()}{FILE}?v={digest(picture)}"


def digest(picture: Picture) -> str:
    return sha256(repr((picture, settings.SITE_NAME)).encode()).hexdigest()[:16]


def _picture(
    kind: str, title: str, record: Any, when: str, date: EDTF, unknown: str = ""
) -> Picture:
    """`when` are the words for the dates of the record, `date` is the first of them, and `unknown`
    are the words for no date."""
    kind, title = (printable(collapse(text)) for text in (kind, title))
    doubts = [missing_proof(record)] if is_fact(type(record)) else []
    doubts += ["(las fuentes no coinciden)"] if getattr(record, "contested", False) else []
    unsaid, doubt = "" if when else unknown or str(UNSAID), " ".join(filter(None, doubts))
    return Picture(kind, title, when, date.kind, unsaid, doubt)


def _of_event(event: Event) -> Picture:
    kind = f"Acontecimiento · {event.category}"
    return _picture(kind, event.title, event, event.period.when, event.when)


def _of_statement(statement: Statement) -> Picture:
    authors = (
        f"{verbs[len(names) > 1]} {listed(n.with_article for n in names)}"
        for part, verbs in PARTS.items()
        if (names := statement.who(part))
    )
    kind = " · ".join(("Pronunciamiento", *authors))
    return _picture(kind, statement.title, statement, str(statement.when), statement.when)


def _of_organization(organization: Organization) -> Picture:
    memberships = Membership.objects.visible_to(None).filter(organization=organization)
    membership = with_proof(memberships.by_standing()).first()
    if not membership:
        return Picture("Organización", printable(collapse(organization.name)))
    standing = "anterior integrante" if membership.standing == "former" else "integrante"
    when, period = membership.period.when, membership.period
    kind = f"Organización · {standing}"
    return _picture(kind, organization.name, membership, when, period.start or period.end)


def _of_source(source: Source) -> Picture:
    kind = " · ".join(filter(None, ("Fuente", source.get_kind_display())))
    published = parse(source.published)
    return _picture(kind, source.title, source, str(published), published, "no consta")


OF: dict[type[Any], Callable[[Any], Picture]] = {
    Event: _of_event,
    Statement: _of_statement,
    Organization: _of_organization,
    Source: _of_source,
}
