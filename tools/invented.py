"""A large invented record for benchmarks and trials.

The seed determines all of it. Its pages state that their texts are invented.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, models, reset_queries, transaction

from organizations.models import Membership, Organization, Replacement, RepresentationTerm
from record.history import lists_in
from record.publishing import Record
from sources.models import Citation, Source
from timeline.models import Event, Statement
from timeline.vocabulary import EventCategory, StatementKind
from tools.invented_text import MOST_ORGANIZATIONS, SAID, TITLES, Prose, Zipf, names

MODELS = (
    Source, Organization, Membership, RepresentationTerm, EventCategory, StatementKind, Event,
    Statement, Citation,
)  # fmt: skip
BATCH, LINKED = 1000, 20
FIRST_YEAR, LAST_YEAR, MEMBERS, TERMS = 2001, 2024, 24, 8
PUBLIC, FAR_OFF = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
STATES = {"public": 93, "draft": 3, "scheduled": 1, "withdrawn": 3}
DATES = {"day": 54, "month": 18, "year": 8, "between": 7, "after": 3, "before": 3, "": 7}
CATEGORIES = dict(zip(TITLES, (10, 3, 14, 4, 40, 17, 9, 3), strict=True))
KINDS = dict(zip(SAID, (2, 5, 3), strict=True))
NOTICE = "Registro inventado: nada de esto ocurrió."
COALITION = "Coalición Inventada para Probar el Registro"
ABOUT = (
    "Esta coalición no existe. Sus organizaciones, fechas y textos son inventados, para probar el "
    "sitio con un registro grande."
)


@dataclass(frozen=True, slots=True)
class Size:
    events: int
    statements: int
    organizations: int

    @property
    def sources(self) -> int:
        return min(200, 2 + self.events // 2000)


@dataclass(slots=True)
class Paragraph:
    """A paragraph of a source, with unsaved citations of its sentences."""

    text: str
    quotes: list[Citation] = field(default_factory=list)


Text = list[Paragraph]


def invent(
    size: Size, seed: int = 1, search: bool = True, tell: Callable[[int], None] | None = None
) -> str:
    """Write an invented record into an empty database, and build the search index if `search`.

    Return the counts as text. Raise CommandError if the database holds a record.
    """
    if size.organizations > MOST_ORGANIZATIONS:
        raise CommandError(f"There are names for {MOST_ORGANIZATIONS:,} organizations.")
    with transaction.atomic():
        # Invented facts and versions must not mix with real ones.
        if any(model.objects.exists() or model.history.exists() for model in MODELS):
            raise CommandError("There is a record already; nothing was invented.")
        Demo(size, seed, tell).write()
    analyze()
    if search:
        call_command("rebuild_search", verbosity=0)
    return ", ".join(f"{m._meta.verbose_name_plural}: {m.objects.count():,}" for m in MODELS)


def analyze() -> None:
    """Update the planner's statistics. Within the transaction autovacuum cannot do it, and
    PostgreSQL would scan whole tables."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


class Demo:
    """Writes the record. Calls `tell` with the number of records after each batch."""

    def __init__(self, size: Size, seed: int, tell: Callable[[int], None] | None = None) -> None:
        self.size, self.tell, self.chance = size, tell, Random(seed)  # noqa: S311, no secret
        self.names = names(self.chance, size.organizations)
        self.prose = Prose(self.chance, [short or name for name, short in self.names])
        self.events: list[int] = []  # keys of some events

    def write(self) -> None:
        organizations = list(self._organizations())
        self._store(organizations)
        self._store_vocabularies()
        self.organizations = [organization.pk for organization in organizations[1:]]
        self.named = Zipf(self.chance, self.organizations)
        self.texts = Zipf(self.chance, self._sources())
        for records in (self._memberships(), self._terms()):
            self._store(records := list(records))
            self._cite(records)
        self._cite(organizations, share=0.5)
        for first in range(0, self.size.events, BATCH):
            self._write_events(range(first, min(first + BATCH, self.size.events)))
            if first // BATCH in (0, 9, 99):
                analyze()
        for first in range(0, self.size.statements, BATCH):
            self._write_statements(range(first, min(first + BATCH, self.size.statements)))

    def _store(self, records: Sequence[Record]) -> None:
        """Write records, the relations from `_related`, and first versions. Django's own queryset
        sends no signal, so the search index is built once, at the end."""
        if not records:
            return
        model = type(records[0])
        models.QuerySet(model).bulk_create(records)
        keys = [record.pk for record in records]
        for name, others in self._related(model):
            field = model._meta.get_field(name)
            through = field.remote_field.through
            own, other = f"{field.m2m_field_name()}_id", f"{field.m2m_reverse_field_name()}_id"
            parts = [each.row for each in lists_in(model) if each.field == field]
            through.objects.bulk_create(
                through(**{own: key, other: pk}, **self.chance.choice(parts))
                for key in keys
                for pk in sorted(others())
            )
        if model is Membership and len(keys) > 2:
            Replacement.objects.create(membership_id=keys[2], replaced_id=self.organizations[1])
        model.versions.write(keys, "+", NOTICE)
        reset_queries()  # DEBUG keeps them
        if self.tell:
            self.tell(len(records))

    def _store_vocabularies(self) -> None:
        """Write the categories and the kinds; `words` has their keys by slug."""
        self.words: dict[str, int] = {}
        for model, slugs in ((EventCategory, CATEGORIES), (StatementKind, KINDS)):
            for order, slug in enumerate(slugs, 1):
                words = {"name": slug.replace("-", " "), "plural": f"{slug}s", "order": order}
                record = model(slug=slug, **words)
                self._store([record])
                self.words[slug] = record.pk

    def _related(self, model: type[Record]) -> Iterator[tuple[str, Callable[[], set[int]]]]:
        if model in (Event, Statement):
            yield "organizations", lambda: set(self.named.some(self._few()))
        if model is Statement and self.events:
            yield "events", lambda: set(self.chance.choices(self.events, k=self._few()))

    def _few(self) -> int:
        """Draw a number from 0 to 3."""
        return int(self.chance.random() * 3.4)

    # Dates and publication

    def _drawn(self, weights: dict[str, int]) -> str:
        return self.chance.choices([*weights], weights.values())[0]

    def _publication(self) -> dict[str, Any]:
        record, moment = Event(), timedelta(minutes=self.chance.randrange(500_000))
        match self._drawn(STATES):
            case "public":
                record.publish(PUBLIC + moment)
            case "scheduled":
                record.publish(FAR_OFF + moment)
            case "withdrawn":
                record.publish(PUBLIC + moment)
                record.withdraw(PUBLIC + 2 * moment + timedelta(days=1))
        return {name: getattr(record, name) for name in ("publish_at", "unpublish_at")}

    def _public(self) -> dict[str, Any]:
        return {"publish_at": PUBLIC}

    def _date(self) -> tuple[str, int]:
        """Return EDTF text of a random kind, and a year that is not before it."""
        kind, year = self._drawn(DATES), self.chance.randint(FIRST_YEAR, LAST_YEAR)
        month = f"{year}-{self.chance.randint(1, 12):02}"
        until = year + self.chance.randint(1, 3)
        dates = {
            "day": f"{month}-{self.chance.randint(1, 28):02}",
            "month": month,
            "year": f"{year}",
            "between": f"[{month}..{until}]",
            "after": f"[{month}..]",
            "before": f"[..{month}]",
        }
        return dates.get(kind, ""), until

    # Organizations

    def _organizations(self) -> Iterator[Organization]:
        yield Organization(
            slug=settings.COALITION, name=COALITION, summary=ABOUT, sector="initiative",
            description=f"<p>{ABOUT}</p>", **self._public(),
        )  # fmt: skip
        sectors = Zipf(self.chance, Organization.Sector.values)
        for number, (name, short) in enumerate(self.names, 1):
            yield Organization(
                slug=f"organizacion-{number}",
                name=name,
                short_name=short,
                other_names=f"{name.partition(' de ')[0]} {number}" if number % 3 else "",
                sector=sectors.some(1)[0],
                website=f"https://organizacion-{number}.example/" if number % 2 else "",
                summary=self.prose.sentence(),
                description=f"<p>{self.prose.sentences(1, 3)}</p><p>{NOTICE}</p>",
                **self._public() if number <= MEMBERS or number % 20 else {},
            )

    def _memberships(self) -> Iterator[Membership]:
        """The third member replaces the second. The fourth has no known end."""
        for number, key in enumerate(self.organizations[:MEMBERS], 1):
            start = ("2001-03", "2001-03", "[2009..2011]", "", "2012", "2015-06-01")[number % 6]
            end = {2: "[2008..2010]", 4: ""}.get(number, f"[{LAST_YEAR}-05..]")
            yield Membership(
                slug=f"membresia-{number}",
                organization_id=key,
                start="[2009..2011]" if number == 3 else start,
                end=end,
                note=f"{NOTICE} Las fechas también." if number == 1 else "",
                **self._public(),
            )

    def _terms(self) -> Iterator[RepresentationTerm]:
        """Consecutive terms. The last has no end and overlaps with a co-representative's."""
        for number, key in enumerate(self.organizations[:TERMS], 1):
            year = FIRST_YEAR + 3 * number - 3
            yield RepresentationTerm(
                slug=f"representante-{number}", organization_id=key, role="representative",
                order=number, start=f"{year}-04",
                end=f"{year + 3}-04" if number < TERMS else f"[{LAST_YEAR}-05..]",
                **self._public(),
            )  # fmt: skip
        for key in self.organizations[TERMS : TERMS + 1]:
            yield RepresentationTerm(
                slug="co-representante-1", organization_id=key, role="co_representative",
                start=f"{LAST_YEAR - 2}", end=f"[{LAST_YEAR}-05..]", **self._public(),
            )  # fmt: skip

    # Sources

    def _sources(self) -> list[Text]:
        """Return the texts of the sources, the most cited first."""
        paragraphs = [
            [self.prose.sentences(2, 4) for _ in range(self.chance.randint(8, 16))]
            for _ in range(self.size.sources)
        ]
        sources = [self._source(number, text) for number, text in enumerate(paragraphs, 1)]
        self._store(sources)
        return [self._text(*both) for both in zip(sources, paragraphs, strict=True)]

    def _source(self, number: int, paragraphs: list[str]) -> Source:
        year = LAST_YEAR - number % 9
        half = len(paragraphs) // 2
        heads = (f"Memoria inventada {number}", f"¿Qué más se hizo hasta {year}?")
        lines = [heads[0], *paragraphs[:half], heads[1], *paragraphs[half:], NOTICE]
        return Source(
            slug=f"memoria-{number}",
            title=heads[0],
            publisher="Imprenta Inventada" if number % 4 else "",
            url=f"https://memoria-{number}.example/" if number % 3 else "",
            published=f"{year + 1}" if number % 2 else "",
            describes_until=f"{year}-12-31",
            retrieved="2025-01-15",
            text="\n\n".join(lines),
            **self._public() if number % 11 else {},
        )

    def _text(self, source: Source, paragraphs: list[str]) -> Text:
        """Draw citations of most sentences: of the first words, or of the whole sentence."""
        text, number = [Paragraph(words) for words in paragraphs], 0
        for paragraph in text:
            for sentence in paragraph.text.split(". "):
                exact = sentence.rstrip(".")
                if self.chance.random() < 0.4:
                    exact = exact[: exact.find(" ", len(exact) // 2)]
                if self.chance.random() < 0.8 and len(source.passages.positions(exact)) == 1:
                    number += 1
                    citation = Citation(source=source, exact=exact, number=number)
                    citation.locate()
                    paragraph.quotes.append(citation)
        return [paragraph for paragraph in text if paragraph.quotes]

    def _cite(self, records: Sequence[Record], share: float = 0.9) -> None:
        cited = [record for record in records if self.chance.random() < share]
        texts = self.texts.some(len(cited))
        self._store(
            [
                self._citation(record, self.chance.choice(self.chance.choice(text).quotes), 1)
                for record, text in zip(cited, texts, strict=True)
            ]
        )

    def _citation(self, record: Record, quote: Citation, number: int) -> Citation:
        name = type(record).citations.rel.field.name
        kept = ("source_id", "exact", "prefix", "suffix", "position", "number")
        values = {column: getattr(quote, column) for column in kept}
        about = "start" if getattr(record, "start", "") and number % 2 == 0 else ""
        slug = f"{record.slug}-{record._meta.model_name}-{number}"
        return Citation(slug=slug, field=about, **{f"{name}_id": record.pk}, **values)

    # Events and statements

    def _write_events(self, numbers: range) -> None:
        events = [self._event(number) for number in numbers]
        self._store(events)
        self.events += [event.pk for event in events[:LINKED]]
        self._cite(events, share=0.4)

    def _event(self, number: int) -> Event:
        category, (start, until) = self._drawn(CATEGORIES), self._date()
        lasted = bool(start) and self.chance.random() < 0.1
        return Event(
            slug=f"{category}-{number}",
            title=self.prose.fill(self.chance.choice(TITLES[category])),
            category_id=self.words[category],
            start=start,
            end=f"{until}" if lasted else "",
            summary=self.prose.sentence(),
            body=f"<p>{self.prose.sentences(1, 4)}</p><p>{NOTICE}</p>" if number % 3 == 0 else "",
            **self._publication(),
        )

    def _write_statements(self, numbers: range) -> None:
        drawn = [self._statement(number) for number in numbers]
        self._store([statement for statement, _quotes in drawn])
        self._store(
            [
                self._citation(statement, quote, number)
                for statement, quotes in drawn
                for number, quote in enumerate(quotes, 1)
            ]
        )

    def _statement(self, number: int) -> tuple[Statement, list[Citation]]:
        """Take the text and its quotes from a source for each third statement."""
        kind, text, quotes = self._drawn(KINDS), [self.prose.sentences(2, 5)], []
        if number % 3 == 0:
            (source,) = self.texts.some(1)
            first = self.chance.randrange(len(source))
            text = [paragraph.text for paragraph in source[first : first + 3]]
            quotes = [paragraph.quotes[0] for paragraph in source[first : first + 3]]
        statement = Statement(
            slug=f"pronunciamiento-{number}",
            title=self.prose.fill(SAID[kind]),
            kind_id=self.words[kind],
            date=self._date()[0],
            summary=self.prose.sentence() if number % 2 else "",
            body="".join(f"<p>{words}</p>" for words in (*text, NOTICE)),
            **self._publication(),
        )
        return statement, quotes
