"""Makes records, public and with the required fields unless arguments say otherwise; random dates;
and the ways in which a record reaches the database.

    event(start="2017-04", publish_at=None)
"""

from calendar import monthrange
from collections.abc import Callable
from copy import copy
from datetime import timedelta
from itertools import count
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone
from hypothesis import strategies as st

from dates.edtf import parse
from organizations.models import Membership, Organization, RepresentationTerm
from record.publishing import Record
from sources.models import Citation, Source
from timeline.models import Event, EventOrganization, Statement
from timeline.vocabulary import EventCategory, StatementKind, Synonym

NOW = timezone.now()
YESTERDAY, TOMORROW = NOW - timedelta(days=1), NOW + timedelta(days=1)
LONG_AGO, FAR_OFF = NOW - timedelta(days=900), NOW + timedelta(days=900)
# A draft, a scheduled and a withdrawn record.
HIDDEN = (
    {"publish_at": None},
    {"publish_at": FAR_OFF},
    {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
)
TEXT = """La Red de Prueba

¿Quiénes forman la Red de Prueba?

En mayo de 2012 se convocó a cuatro organizaciones. Tres de ellas decidieron sumarse a la Red.

Hasta hoy la representación ha estado a cargo de:

Alfa

Beta

¿Por qué terminó?

La Red anunció su salida. No se recibió respuesta alguna.
"""
_numbers = count(1)


def _slug(kind: str) -> str:
    return f"{kind}-{next(_numbers)}"


def source(**fields: Any) -> Source:
    defaults = {"title": "La fuente", "text": TEXT, "publish_at": LONG_AGO}
    return Source.objects.create(**{"slug": _slug("source")} | defaults | fields)


def organization(**fields: Any) -> Organization:
    defaults = {"name": "La organización", "publish_at": LONG_AGO}
    return Organization.objects.create(**{"slug": _slug("organization")} | defaults | fields)


def membership(**fields: Any) -> Membership:
    """`replaces` is an organization, a list of them, or None."""
    replaces = fields.pop("replaces", None) or []
    if "organization" not in fields:
        fields["organization"] = organization()
    defaults = {"slug": _slug("membership"), "publish_at": LONG_AGO}
    record = Membership.objects.create(**defaults | fields)
    record.replaces.set(replaces if isinstance(replaces, list) else [replaces])
    return record


def term(**fields: Any) -> RepresentationTerm:
    if "organization" not in fields:
        fields["organization"] = organization()
    defaults = {"slug": _slug("term"), "role": "representative", "publish_at": LONG_AGO}
    return RepresentationTerm.objects.create(**defaults | fields)


# The keys of words, for forms; the database gives lower ones.
WORDS = {"acuerdo": 9001, "relevo": 9002, "salida": 9003, "posicionamiento": 9004}


def category(slug: str = "acuerdo") -> EventCategory:
    words = {"name": slug, "plural": f"{slug}s", "pk": WORDS.get(slug)}
    return EventCategory.objects.get_or_create(slug=slug, defaults=words)[0]


def kind(slug: str = "posicionamiento") -> StatementKind:
    words = {"name": slug.replace("-", " "), "plural": f"{slug}s", "pk": WORDS.get(slug)}
    words["is_question"] = slug == "pregunta-y-respuesta"
    return StatementKind.objects.get_or_create(slug=slug, defaults=words)[0]


def synonym(word: str, means: str) -> Synonym:
    return Synonym.objects.create(slug=word, word=word, means=means)


def event(**fields: Any) -> Event:
    """The category may be a slug."""
    if isinstance(chosen := fields.get("category", "acuerdo"), str):
        fields["category"] = category(chosen)
    defaults = {"title": "El acontecimiento", "publish_at": LONG_AGO}
    return Event.objects.create(**{"slug": _slug("event")} | defaults | fields)


def statement(**fields: Any) -> Statement:
    if isinstance(chosen := fields.get("kind", "posicionamiento"), str):
        fields["kind"] = kind(chosen)
    defaults = {"title": "El pronunciamiento", "publish_at": LONG_AGO}
    return Statement.objects.create(**{"slug": _slug("statement")} | defaults | fields)


def citation(
    record: Record, exact: str = "decidieron sumarse", *, source: Source, **fields: Any
) -> Citation:
    return Citation.objects.create(source=source, exact=exact, **supporting(record) | fields)


def proven(record: Any) -> Any:
    """The record, with a quote that proves it and its dates."""
    here = Source.objects.filter(slug="proof").first() or source(slug="proof")
    citation(record, source=here)
    return record


def supporting(record: Record) -> dict[str, Record]:
    """`record` as the citation's field for it."""
    names = {"representationterm": "representation_term"}
    return {names.get(record._meta.model_name, record._meta.model_name): record}


def many(rows: int) -> None:
    """`rows` public records of each kind, related, up to 200 of each kind cited; in bulk."""
    here, public = source(), {"publish_at": LONG_AGO}

    def bulk(model: Any, fields: Callable[[int], dict[str, Any]]) -> list[Any]:
        start = model.objects.count()
        records = (model(slug=f"m-{start + n}", **fields(n)) for n in range(rows))
        return model.objects.bulk_create(records)

    every = bulk(Organization, lambda n: public | {"name": f"Organización {n:05}"})
    bulk(Organization, lambda n: public | {"name": f"Nombrada {n:05}"})
    dates = public | {"start": "2011", "end": "[2017..]"}
    members = bulk(Membership, lambda n: dates | {"organization": every[n]})
    represented = public | {"role": "representative"}
    terms = bulk(RepresentationTerm, lambda n: represented | {"organization": every[n]})
    happened = public | {"title": "Algo", "category": category()}
    events = bulk(Event, lambda n: happened | {"start": f"{1990 + n % 30}"})
    said = public | {"title": "Dijo", "kind": kind(), "body": "<p>Algo.</p>"}
    statements = bulk(Statement, lambda n: said)
    bulk(Source, lambda n: public | {"title": "Otra", "text": "Algo dice aquí."})
    EventOrganization.objects.bulk_create(
        EventOrganization(event=event, organization=every[0]) for event in events
    )
    passage = {"exact": "decidieron sumarse", "prefix": "Tres de ellas ", "position": 1}
    Citation.objects.bulk_create(
        Citation(
            slug=f"c-{record._meta.model_name}-{record.pk}",
            source=here,
            number=1,
            **passage | supporting(record),
        )
        for cited in (every, members, events, terms, statements)
        for record in cited[:200]
    )


# One of each model, by the function that makes it.
MAKERS = (source, organization, membership, term, event, statement)


# Dates at random: years near each other, so that orders and overlaps differ, and far-off ones.

years = st.one_of(st.integers(2010, 2017), st.sampled_from([1, 4, 99, 1900, 2000, 9998, 9999]))


@st.composite
def level_0(draw: st.DrawFn) -> str:
    """A day, a month or a year."""
    year, month = draw(years), draw(st.integers(1, 12))
    day = draw(st.one_of(st.integers(1, 28), st.just(31))) if draw(st.booleans()) else 31
    precise = f"{year:04}-{month:02}-{min(day, monthrange(year, month)[1]):02}"
    return precise[: draw(st.sampled_from([4, 7, 10]))]


any_level_0 = level_0()


@st.composite
def edtf(draw: st.DrawFn, dates: st.SearchStrategy[str] = any_level_0) -> str:
    """The unknown date, or a date of any kind with bounds among `dates`."""
    lower, upper = draw(dates), draw(dates)
    if parse(lower).earliest > parse(upper).latest:
        lower, upper = upper, lower
    one_sided = [f"[{lower}..]", f"[..{lower}]"]
    return draw(st.sampled_from(["", lower, lower, f"[{lower}..{upper}]", *one_sided]))


def refusals(record: Record) -> dict[str, list[str]]:
    """The errors of `full_clean` by field; empty if the record may be saved."""
    try:
        record.full_clean()
    except ValidationError as refusal:
        return refusal.message_dict
    return {}


def copy_of(record: Record, **changes: Any) -> Record:
    """An unsaved copy of the record."""
    other = copy(record)
    other.pk, other.slug, other._state.adding = None, _slug("copy"), True
    return _changed(other, changes)


def _changed(record: Record, changes: dict[str, Any]) -> Record:
    for name, value in changes.items():
        setattr(record, name, value)
    return record


# The ways into the database. Each takes a record, and the changes to make in it or in a copy of
# it. Only `save` and `create` pass through a model's own code.


def by_create(record: Record, **changes: Any) -> None:
    copy_of(record, **changes).save(force_insert=True)


def by_save(record: Record, **changes: Any) -> None:
    _changed(record, changes).save()


def by_update(record: Record, **changes: Any) -> None:
    type(record).objects.filter(pk=record.pk).update(**changes)


def by_bulk_create(record: Record, **changes: Any) -> None:
    type(record).objects.bulk_create([copy_of(record, **changes)])


def by_bulk_update(record: Record, **changes: Any) -> None:
    type(record).objects.bulk_update([_changed(record, changes)], changes)


def by_raw_sql(record: Record, **changes: Any) -> None:
    columns, values = [], []
    for name, value in changes.items():
        field = record._meta.get_field(name)
        columns.append(f'"{field.column}" = %s')
        values.append(field.get_db_prep_save(getattr(value, "pk", value), connection))
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{record._meta.db_table}" SET {", ".join(columns)} WHERE id = %s',  # noqa: S608
            [*values, record.pk],
        )


WAYS = (by_create, by_save, by_update, by_bulk_create, by_bulk_update, by_raw_sql)
