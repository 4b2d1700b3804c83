"""Odd records: empty, undated, crowded, and of letters that lines do not expect. Each function
fills the database and returns the records whose pages are to be seen."""

from collections.abc import Callable
from typing import Any

from organizations.models import Organization
from record.publishing import Record
from tests import records

COALITION = "nucleo"  # the slug that the settings name
UNBROKEN = "TransparenciaYRendiciónDeCuentasEnLosMunicipiosCosterosDelSurSureste" * 2
LEFTWARDS = ("منظمة الشفافية والمساءلة في البلديات الساحلية", "עמותה לשקיפות ולאחריותיות")
TITLE = ("Se firma, después de catorce meses de reuniones, el acuerdo de " * 4)[:199] + "."
QUOTE = ("La coalición convino en rendir cuentas de cada uno de sus acuerdos; " * 14)[:899] + "."
LONG = f"Todo empezó así. {QUOTE} Después calló.\n\n{UNBROKEN} y {' y '.join(LEFTWARDS)} firmaron."


def nothing() -> list[Record]:
    return []


def one_event() -> list[Record]:
    return [records.event()]


def undated() -> list[Record]:
    return _filled([records.organization(name=f"Organización {n}") for n in range(4)])


def crowded() -> list[Record]:
    names = [f"Observatorio Ciudadano del Municipio {n}" for n in range(1, 201)]
    return _filled([records.organization(name=name) for name in names], start="2012-05")


def long_words() -> list[Record]:
    everyone = [records.organization(name=UNBROKEN, short_name=UNBROKEN[:80], summary=UNBROKEN)]
    everyone += [
        records.organization(name=name, description=f"<p>{name}</p>") for name in LEFTWARDS
    ]
    fields = {"title": TITLE, "summary": f"{UNBROKEN} {QUOTE}", "body": f"<p>{LONG}</p>"}
    return _filled(everyone, text=LONG, quote=QUOTE, start="2012", **fields)


def _filled(
    everyone: list[Organization],
    text: str = records.TEXT,
    quote: str = "decidieron sumarse",
    start: str = "",
    **fields: Any,
) -> list[Record]:
    """A coalition in which all belong, spoke, met and signed, each fact with the same quote."""
    coalition = records.organization(slug=COALITION, name="La Red de Prueba", summary="Una red.")
    source = records.source(text=text, title=fields.get("title", "La fuente"))
    event = records.event(start=start, location=fields.get("title", ""), **fields)
    statement = records.statement(date=start, **fields)
    for role in ("convenes", "takes_part", "is_named"):
        records.event(start=start, **fields).organizations.add(
            *everyone, through_defaults={"part": role}
        )
    event.organizations.add(*everyone)
    statement.organizations.add(*everyone)
    statement.events.add(event)
    facts = [coalition, event, statement, *everyone]
    facts += [records.membership(organization=each, start=start) for each in everyone]
    facts += [
        records.term(organization=each, order=order, start=start and f"[{start}..]")
        for order, each in enumerate(everyone[:12], 1)
    ]
    for fact in facts:
        records.citation(fact, quote, source=source)
    return [coalition, everyone[0], event, statement, source]


ODD: tuple[Callable[[], list[Record]], ...] = (nothing, one_event, undated, crowded, long_words)
