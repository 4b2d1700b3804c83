"""What readers would see of records, and of their proof, after an act of publication.

A fact is a record that citations support.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from dates.fields import EDTFField
from dates.text import collapse, fold
from record.publishing import Publishable, Record, visible

FAR_OFF = datetime(9000, 1, 1, tzinfo=UTC)
"""A moment after all that is scheduled."""

MayAct = Callable[[type[Record]], bool]
"""Whether the user may publish and withdraw records of a model."""


def is_fact(model: type[models.Model]) -> bool:
    """Whether citations support records of this model. Citations are deleted with these."""
    citations: Any = getattr(model, "citations", None)
    return citations is not None and citations.rel.on_delete is models.CASCADE


def by_model(records: Iterable[Any]) -> dict[type[Any], list[Any]]:
    groups = defaultdict(list)
    for record in records:
        groups[type(record)].append(record)
    return groups


def supporting(citations: type[Any]) -> Any:
    """The citations that prove a fact. A citation that contradicts proves nothing."""
    return citations._base_manager.filter(stance="supports")


def quotes_of(facts: Iterable[Record]) -> dict[Record, list[Any]]:
    """The citations that prove each fact, with their sources."""
    quotes: dict[Record, list[Any]] = {}
    for model, group in by_model(facts).items():
        key = model.citations.rel.field.attname
        by_key = {fact.pk: quotes.setdefault(fact, []) for fact in group}
        citations = supporting(model.citations.rel.related_model)
        citations = citations.filter(**{f"{key}__in": by_key})
        for citation in citations.select_related("source").defer("source__text").order_by("pk"):
            by_key[getattr(citation, key)].append(citation)
    return quotes


def hanging(records: Iterable[Record]) -> list[Record]:
    """The facts without a publication of their own that these records show or hide: memberships and
    terms of organizations."""
    facts: dict[Record, None] = {}
    for model, group in by_model(records).items():
        for relation in model._meta.related_objects:
            other, name = relation.related_model, relation.field.name
            through = getattr(other, "visible_through", ())
            if name in through and is_fact(other):
                rows = other._base_manager.select_related(*through)
                rows = rows.filter(**{f"{name}__in": group})
                facts |= dict.fromkeys(rows.order_by("pk"))
    return [*facts]


def unproven_fields(fact: Record, quotes: Iterable[Any], texts: dict[int, str]) -> Iterator[Any]:
    """The dates of a fact that none of these quotes supports, and its labels whose words are not in
    the sources of the quotes. `texts` are the folded texts of the sources, by key."""
    supported = {quote.field for quote in quotes}
    for field in fact._meta.fields:
        value = getattr(fact, field.attname)
        if value and isinstance(field, EDTFField):
            names = {"", field.name, f"{field.name}_earliest", f"{field.name}_latest"}
            is_proven = bool(names & supported)
        elif value and field.name.endswith("_label"):
            words = fold(collapse(value))
            is_proven = any(words in texts[quote.source_id] for quote in quotes)
        else:
            continue
        if not is_proven:
            yield field


class Publication:
    """The proof of `records` if they are published `at` a moment.

    `sources` are the hidden sources that could be published too; `resting` are the facts whose
    visible quotes would all be from these, `bare` the facts that would have no visible quote, and
    `unproven` the other facts with their dates and labels that no quote supports.
    """

    def __init__(self, records: Iterable[Record], at: datetime, may_act: MayAct) -> None:
        self.records = [*records]
        published, sources = set(self.records), dict[Any, None]()
        self.hanging = hanging(self.records)
        facts = [record for record in self.records if is_fact(type(record))]
        self.quotes = quotes_of([*facts, *self.hanging])
        self.owners = self._owners(published, at)
        self.resting: list[Record] = []
        self.bare: list[Record] = []
        for fact, quotes in self.quotes.items():
            if fact not in self.owners:
                continue
            states = [(quote.source, quote.source.state_at(at)) for quote in quotes]
            seen = any(s in published or state == "public" for s, state in states)
            offered = [
                source
                for source, state in states
                if source not in published and state in ("draft", "scheduled")
            ]
            offered = [source for source in offered if may_act(type(source))]
            sources |= dict.fromkeys(offered)
            if not seen:
                (self.resting if offered else self.bare).append(fact)
        self.sources = [*sources]
        self.unproven = self._unproven(published.union(self.sources), at)

    def _owners(self, published: set[Record], at: datetime) -> dict[Record, Record]:
        """The record that shows each fact: the fact itself, or the organization of a membership."""
        owners = {record: record for record in self.records if is_fact(type(record))}
        for fact in self.hanging:
            shown_by: list[Any] = [*fact.points_to()]
            if all(r in published or r.state_at(at) == "public" for r in shown_by):
                owners[fact] = next(r for r in shown_by if r in published)
        return owners

    def _unproven(self, published: set[Record], at: datetime) -> list[tuple[Record, list[Any]]]:
        seen = {
            fact: [q for q in quotes if q.source in published or q.source.state_at(at) == "public"]
            for fact, quotes in self.quotes.items()
            if fact in self.owners and fact not in self.bare
        }
        texts = _texts(quote for quotes in seen.values() for quote in quotes)
        fields = {fact: [*unproven_fields(fact, q, texts)] for fact, q in seen.items()}
        return [(fact, names) for fact, names in fields.items() if names]

    @property
    def depends_on(self) -> set[Record]:
        return {*self.records, *self.quotes, *sources_of(self.quotes)}


def sources_of(quotes: dict[Record, list[Any]]) -> set[Record]:
    return {quote.source for group in quotes.values() for quote in group}


def _texts(quotes: Iterable[Any]) -> dict[int, str]:
    """The folded text of each source of the quotes, by its key."""
    texts: dict[int, str] = {}
    for model, sources in by_model(dict.fromkeys(quote.source for quote in quotes)).items():
        rows = model._base_manager.filter(pk__in=[source.pk for source in sources])
        texts |= {key: fold(collapse(text)) for key, text in rows.values_list("pk", "text")}
    return texts


class Withdrawal:
    """The facts that lose their proof if `records` are withdrawn `at` a moment.

    Of the facts that cite them, `others` keep a visible quote and `losing` do not: `taken` could be
    withdrawn too, `staying` are shown by another record. `hanging` are the facts that are hidden
    with the records.
    """

    def __init__(self, records: Iterable[Record], at: datetime, may_act: MayAct) -> None:
        self.records = [*records]
        withdrawn = set(self.records)
        facts = [f for f in citing(self.records) if f.publication in ("public", "scheduled")]
        self.quotes = quotes_of(facts)
        self.losing: list[Record] = []
        self.others: list[Record] = []
        for fact, quotes in self.quotes.items():
            moment = max(at, getattr(fact, "publish_at", None) or at)
            seen = {q.source for q in quotes if q.source.state_at(moment) == "public"}
            if seen & withdrawn:
                (self.others if seen - withdrawn else self.losing).append(fact)
        self.taken = [f for f in self.losing if isinstance(f, Publishable) and may_act(type(f))]
        hidden = {*self.taken, *hanging(self.taken)}
        self.staying = [fact for fact in self.losing if fact not in hidden]
        self.hanging = [fact for fact in hanging(self.records) if fact.is_public()]

    @property
    def depends_on(self) -> set[Record]:
        return {*self.records, *self.quotes, *self.hanging, *sources_of(self.quotes)}


def citing(sources: Iterable[Record]) -> list[Record]:
    """The facts that quotes from these sources support, with the records that show them."""
    facts: dict[Record, None] = {}
    for model, group in by_model(record for record in sources if not is_fact(type(record))).items():
        citations = model.citations.rel.related_model
        names = citations.belongs_to
        related = [
            f"{name}__{through}"
            for name in names
            for through in citations._meta.get_field(name).related_model.visible_through
        ]
        rows = supporting(citations).select_related(*names, *related)
        for citation in rows.filter(**{f"{model.citations.rel.field.name}__in": group}):
            facts |= dict.fromkeys(filter(None, (getattr(citation, name) for name in names)))
    return [*facts]


def without_visible_quote(facts: Iterable[Record], gone: Collection[Record] = ()) -> list[Record]:
    """The public facts among these without a quote from a public source, not counting the citations
    that are `gone`."""
    public = [fact for fact in facts if is_fact(type(fact)) and fact.is_public()]
    return [
        fact
        for fact, quotes in quotes_of(public).items()
        if not any(quote.source.is_public() for quote in quotes if quote not in gone)
    ]


def proof_of(model: type[Any], at: datetime) -> Exists:
    """Whether the record of the outer query has a quote from a source that is public then."""
    relation = model.citations.rel
    source = relation.related_model._meta.get_field("source").related_model
    citations = supporting(relation.related_model).filter(visible(source, at, "source__"))
    return Exists(citations.filter(**{relation.field.name: OuterRef("pk")}))


def bare_facts() -> dict[tuple[type[Any], int], None]:
    """The model and the primary key of each fact that is public, or will be, without a visible
    quote."""
    facts: dict[tuple[type[Any], int], None] = {}
    models_of_facts: list[Any] = [*filter(is_fact, apps.get_models())]
    for model in models_of_facts:
        for at in (timezone.now(), FAR_OFF):
            records = model._base_manager.filter(visible(model, at), ~Q(proof_of(model, at)))
            facts |= dict.fromkeys((model, key) for key in records.values_list("pk", flat=True))
    return facts


def records_of(facts: Iterable[tuple[type[Any], int]]) -> list[Any]:
    """The records with these models and primary keys."""
    keys = defaultdict(list)
    for model, key in facts:
        keys[model].append(key)
    return [r for model, group in keys.items() for r in model._base_manager.in_bulk(group).values()]


def hidden_sources_of(facts: Iterable[Record]) -> list[Any]:
    """The drafts and scheduled sources that these facts cite."""
    now = timezone.now()
    sources: Iterable[Any] = sources_of(quotes_of(facts))
    return [s for s in sources if s.state_at(now) in ("draft", "scheduled")]
