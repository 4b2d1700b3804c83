"""What of a record is proven, and what readers would see of records and of their proof after an act
of publication.

A fact is a record that citations support. The dates of a fact, its time and its place need proof of
their own: a quote for the field, for a bound of the date, or for the whole record.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.db.models.functions import Concat, StrIndex, Trim
from django.db.models.lookups import GreaterThan
from django.utils import timezone

from dates.fields import EDTFField
from dates.text import collapse
from record.publishing import Record, named, visible

FAR_OFF = datetime(9000, 1, 1, tzinfo=UTC)
"""A moment after all that is scheduled."""

WHOLE = "record"
"""In `uncited`, the record as a whole: no quote proves it."""
UNCITED = "sin cita todavía"
SENTENCE = ("prefix", "exact", "suffix")
MARK = f"[ {UNCITED} ]"
BESIDE = {"start_time": ("start", "start_earliest", "start_latest"), "location": ()}
"""The time and the place of a fact, with the other fields whose quotes prove them."""

S = TypeVar("S", bound=models.QuerySet[Any])
MayAct = Callable[[type[Record]], bool]
"""Whether the user may publish and withdraw records of a model."""


def is_fact(model: type[models.Model]) -> bool:
    """Whether citations support records of this model. Citations are deleted with these."""
    citations: Any = getattr(model, "citations", None)
    return citations is not None and citations.rel.on_delete is models.CASCADE


def models_of_facts() -> list[Any]:
    return [*filter(is_fact, apps.get_models())]


def by_model(records: Iterable[Any]) -> dict[type[Any], list[Any]]:
    groups = defaultdict(list)
    for record in records:
        groups[type(record)].append(record)
    return groups


def supporting(citations: type[Any], stance: str = "supports") -> Any:
    """The citations that prove a fact. A citation that contradicts proves nothing."""
    return citations._base_manager.filter(stance=stance)


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
    """The facts that these records show or hide: memberships and terms of organizations."""
    facts: dict[Record, None] = {}
    for model, group in by_model(records).items():
        for relation in model._meta.related_objects:
            other, name = relation.related_model, relation.field.name
            through = getattr(other, "visible_through", ())
            if name in through and is_fact(other):
                rows = other._base_manager.prefetch_related(*through)
                rows = rows.filter(**{f"{name}__in": group})
                facts |= dict.fromkeys(rows.order_by("pk"))
    return [*facts]


def going_along(records: Collection[Any], may_act: MayAct) -> list[Record]:
    """The hidden memberships and terms that are published with their organizations."""
    hidden: list[Any] = [fact for fact in hanging(records) if may_act(type(fact))]
    return [f for f in hidden if any(f.goes_with(o) for o in f.owners() if o in records)]


def dated(model: type[models.Model]) -> list[Any]:
    """The dates of a model, and beside them the words of the source, the time and the place."""
    fields = model._meta.fields
    return [f for f in fields if isinstance(f, EDTFField) or is_label(f) or f.name in BESIDE]


def is_label(field: Any) -> bool:
    """Whether a field holds words of the source."""
    return str(field.name).endswith("_label")


def labels_of(fact: models.Model) -> dict[str, str]:
    """The words of the source beside the dates of a fact, by the name of their field."""
    names = [f.name for f in dated(type(fact)) if is_label(f)]
    return {name: label for name in names if (label := getattr(fact, name))}


def texts_of(fact: Record, *others: Record, gone: Iterable[Any] = ()) -> list[str]:
    """The texts of the sources that a fact cites, except `others`, as `collapse` returns them. The
    citations that are `gone` do not count."""
    quotes = supporting(fact.citations.model).filter(**{fact.citations.field.name: fact})  # type: ignore[attr-defined]
    quotes = quotes.exclude(source__in=others).exclude(pk__in=[c.pk for c in gone]).order_by()
    return [*map(collapse, quotes.values_list("source__text", flat=True).distinct())]


def unsaid_labels(fact: models.Model, texts: Collection[str]) -> dict[str, str]:
    """An error for each label that stands in none of the texts, by the name of its field."""
    uncited = "Sin «se_publica»: importe como borrador, agregue la cita y publique"
    expected = "Las palabras tal como están en ella, o nada" if texts else uncited
    return {
        name: f"Ninguna fuente citada dice «{label}».\n{expected}"
        for name, label in labels_of(fact).items()
        if not any(collapse(label) in text for text in texts)
    }


def check_labels(fact: Record, is_published: bool = False) -> None:
    """Raises ValidationError for a label that no source of the stored citations says. A fact
    without citations may still get them, unless it is published."""
    texts = texts_of(fact) if fact.pk and labels_of(fact) else []
    if (texts or is_published) and (errors := unsaid_labels(fact, texts)):
        raise ValidationError(errors)


def labels_lost(source: Record, text: str) -> list[str]:
    """The labels that no cited source says any more if the text of `source` becomes `text`."""
    citations: Any = source.citations  # type: ignore[attr-defined]
    labelled = Q()
    for name in citations.model.belongs_to:
        for field in dated(citations.model._meta.get_field(name).related_model):
            if is_label(field):
                labelled |= Q(**{f"{name}__{field.name}__gt": ""})
    quotes = supporting(citations.model).filter(labelled, source=source)
    facts = {quote.record for quote in quotes.select_related(*citations.model.belongs_to)}
    return [
        f"«{labels_of(fact)[name]}»"
        for fact in facts
        for name in unsaid_labels(fact, [collapse(text), *texts_of(fact, source)])
    ]


def proved_by(field: Any) -> list[str]:
    """The fields of the citations that prove a date, a time or a place: the field itself, the
    bounds of a date, and the empty field of a quote for the whole record."""
    bounds = ("", "_earliest", "_latest") if isinstance(field, EDTFField) else ("",)
    return ["", *BESIDE.get(field.name, ()), *(f"{field.name}{bound}" for bound in bounds)]


def dates_in(model: type[models.Model]) -> set[str]:
    """The fields of the citations that prove or contradict a date of the model, not a record."""
    return {n for f in dated(model) if isinstance(f, EDTFField) for n in proved_by(f)} - {""}


def _sentence(quote: Any) -> str:
    return "".join(getattr(quote, part) for part in SENTENCE)


def unproven_fields(fact: models.Model, quotes: Collection[Any]) -> Iterator[Any]:
    """The dates of a fact that none of these quotes proves, and its labels that stand in the
    sentence of none. `lacking` is the same rule in SQL."""
    supported = {quote.field for quote in quotes}
    for field in dated(type(fact)):
        value, is_proven = getattr(fact, field.attname), not supported.isdisjoint(proved_by(field))
        if is_label(field):
            is_proven = any(value in _sentence(quote) for quote in quotes)
        if value and not is_proven:
            yield field


def uncited_names(fact: models.Model, quotes: Collection[Any]) -> str:
    """«record start end»: the names of the `unproven_fields`, after WHOLE if there is no quote."""
    names = [field.name for field in unproven_fields(fact, quotes)]
    return " ".join([*([] if quotes else [WHOLE]), *names])


def lacking(model: type[Any], at: datetime) -> dict[str, Q]:
    """For WHOLE and for each date of the record of the outer query, the condition that no quote
    from a source that is public then proves it."""
    quotes = quotes_for(model, at)
    conditions = {WHOLE: ~Q(Exists(quotes))}
    for field in dated(model):
        if is_label(field):
            sentence = Concat(*SENTENCE)
            proof = quotes.filter(GreaterThan(StrIndex(sentence, OuterRef(field.name)), 0))
        else:
            proof = quotes.filter(field__in=proved_by(field))
        conditions[field.name] = ~Q(**{field.name: field.get_default()}) & ~Q(Exists(proof))
    return conditions


def with_proof(records: S) -> S:
    """Annotates facts with `uncited`, as `uncited_names` returns it, and with `contested`, for
    readers. Sources, which prove, need no proof."""
    if not is_fact(records.model):
        return records
    model, now = records.model, timezone.now()
    names = [
        Case(When(condition, then=Value(f"{name} ")), default=Value(""))
        for name, condition in lacking(model, now).items()
    ]
    against = quotes_for(model, now, "contradicts").filter(field__in=dates_in(model))
    return records.annotate(uncited=Trim(Concat(*names, Value(""))), contested=Exists(against))


def missing_proof(record: Record, names: str = "") -> str:
    """MARK, if no citation proves the record or one of its dates, among `names` if there are any;
    else empty. The record has `uncited`."""
    lacks = {*record.uncited.split()}
    return MARK if lacks & {WHOLE, *(names.split() or lacks)} else ""


def marked(text: str, record: Record) -> str:
    """`text`, after MARK if the record or one of its dates lacks proof."""
    return f"{missing_proof(record)} {text}".strip()


def uncited_count(model: type[Any]) -> int:
    """The number of public records that lack proof, of themselves or of a date."""
    now = timezone.now()
    lacks = reduce(or_, lacking(model, now).values())
    records: models.QuerySet[Any] = model._base_manager.filter(visible(model, now), lacks)
    return records.count()


class Publication:
    """The proof of `records` if they are published `at` a moment.

    `sources` are the hidden sources that could be published too; `resting` are the facts whose
    visible quotes would all be from these, `bare` the facts that would have no visible quote, and
    `unproven` the other facts with their dates and labels that no quote supports.
    """

    def __init__(self, records: Iterable[Record], at: datetime, may_act: MayAct) -> None:
        self.records = [*records]
        published, sources = set(self.records), dict[Any, None]()
        shown = (*self.records, *hanging(self.records))
        self.quotes = quotes_of(record for record in shown if is_fact(type(record)))
        self.owners = self._owners(published, at)
        self.resting: list[Record] = []
        self.bare: list[Record] = []
        for fact, quotes in self.quotes.items():
            if fact not in self.owners:
                continue
            states = [(quote.source, quote.source.state_at(at)) for quote in quotes]
            seen = any(s in published or state == "public" for s, state in states)
            hidden = [source for source, state in states if state in ("draft", "scheduled")]
            offered = [s for s in hidden if s not in published and may_act(type(s))]
            sources |= dict.fromkeys(offered)
            if not seen:
                (self.resting if offered else self.bare).append(fact)
        self.sources = [*sources]
        self.unproven = self._unproven(published.union(self.sources), at)

    def _owners(self, published: set[Record], at: datetime) -> dict[Record, Record]:
        """The record whose publication shows each fact: the fact itself, or the organization of a
        public membership."""
        owners = {}
        for fact in self.quotes:
            shown_by: list[Any] = [fact] if fact in published else [fact, *fact.points_to()]
            if all(r in published or r.state_at(at) == "public" for r in shown_by):
                owners[fact] = next(r for r in shown_by if r in published)
        return owners

    def _unproven(self, published: set[Record], at: datetime) -> list[tuple[Record, list[Any]]]:
        seen = {
            fact: [q for q in quotes if q.source in published or q.source.state_at(at) == "public"]
            for fact, quotes in self.quotes.items()
            if fact in self.owners and fact not in self.bare
        }
        fields = {fact: [*unproven_fields(fact, q)] for fact, q in seen.items()}
        return [(fact, names) for fact, names in fields.items() if names]

    def unsaid(self, waiting: Collection[Record]) -> Iterator[str]:
        """The errors of the labels that no source says, except of records that are `waiting`."""
        for fact, owner in self.owners.items():
            if owner not in waiting and labels_of(fact):
                for error in unsaid_labels(fact, texts_of(fact)).values():
                    yield f"«{fact}»: {error.partition(chr(10))[0]} Corríjalas en su formulario."

    @property
    def depends_on(self) -> set[Record]:
        return {*self.records, *self.quotes, *sources_of(self.quotes)}


def sources_of(quotes: dict[Record, list[Any]]) -> set[Record]:
    return {quote.source for group in quotes.values() for quote in group}


class Withdrawal:
    """The facts that lose their proof if `records` are withdrawn `at` a moment.

    Of the facts that cite them, `others` keep a visible quote and `losing` do not: `taken` could be
    withdrawn too. `hanging` are the facts that are hidden with the records.
    """

    def __init__(self, records: Iterable[Record], at: datetime, may_act: MayAct) -> None:
        self.records = [*records]
        withdrawn = set(self.records)
        self.quotes = quotes_of(citing(self.records))
        self.losing: list[Record] = []
        self.others: list[Record] = []
        for fact, quotes in self.quotes.items():
            moment = max(at, fact.publish_at)  # type: ignore[attr-defined]  # of Publishable
            seen = {q.source for q in quotes if q.source.state_at(moment) == "public"}
            if seen & withdrawn:
                (self.others if seen - withdrawn else self.losing).append(fact)
        self.taken = [fact for fact in self.losing if may_act(type(fact))]
        self.hanging = [fact for fact in hanging(self.records) if fact.is_public()]

    @property
    def depends_on(self) -> set[Record]:
        return {*self.records, *self.quotes, *self.hanging, *sources_of(self.quotes)}


def citing(sources: Iterable[Record]) -> list[Record]:
    """The facts that quotes from these sources support, and that readers see or will see."""
    facts: dict[Record, None] = {}
    for model, group in by_model(record for record in sources if not is_fact(type(record))).items():
        citations = model.citations.rel.related_model
        names = citations.belongs_to
        related = [
            f"{name}__{through}"
            for name in names
            for through in citations._meta.get_field(name).related_model.visible_through
        ]
        rows = supporting(citations).select_related(*names).prefetch_related(*related)
        for citation in rows.filter(**{f"{model.citations.rel.field.name}__in": group}):
            facts |= dict.fromkeys(filter(None, (getattr(citation, name) for name in names)))
    states = ("public", "scheduled")
    return [f for f in facts if all(r.publication in states for r in (f, *f.points_to()))]


def without_visible_quote(facts: Iterable[Record], gone: Collection[Record] = ()) -> list[Record]:
    """The public facts among these without a quote from a public source, not counting the citations
    that are `gone`."""
    public = [fact for fact in facts if is_fact(type(fact)) and fact.is_public()]
    return [
        fact
        for fact, quotes in quotes_of(public).items()
        if not any(quote.source.is_public() for quote in quotes if quote not in gone)
    ]


def quotes_for(model: type[Any], at: datetime, stance: str = "supports") -> models.QuerySet[Any]:
    """The citations of the record of the outer query from sources that are public then."""
    relation = model.citations.rel
    source = relation.related_model._meta.get_field("source").related_model
    citations = supporting(relation.related_model, stance).filter(visible(source, at, "source__"))
    quotes: models.QuerySet[Any] = citations.filter(**{relation.field.name: OuterRef("pk")})
    return quotes


def proof_of(model: type[Any], at: datetime) -> Exists:
    """Whether the record of the outer query has a quote from a source that is public then."""
    return Exists(quotes_for(model, at))


def bare_facts() -> dict[tuple[type[Any], int], None]:
    """The model and the primary key of each fact that is public, or will be, without a visible
    quote."""
    facts: dict[tuple[type[Any], int], None] = {}
    for model in models_of_facts():
        for at in (timezone.now(), FAR_OFF):
            records = model._base_manager.filter(visible(model, at), ~Q(proof_of(model, at)))
            facts |= dict.fromkeys((model, key) for key in records.values_list("pk", flat=True))
    return facts


def records_of(facts: Iterable[tuple[type[Any], int]]) -> list[Any]:
    """The records with these models and primary keys."""
    keys = defaultdict(list)
    for model, key in facts:
        keys[model].append(key)
    return [r for model, group in keys.items() for r in named(model).in_bulk(group).values()]


def hidden_sources_of(facts: Iterable[Record]) -> list[Any]:
    """The drafts and scheduled sources that these facts cite."""
    now = timezone.now()
    sources: Iterable[Any] = sources_of(quotes_of(facts))
    return [s for s in sources if s.state_at(now) in ("draft", "scheduled")]
