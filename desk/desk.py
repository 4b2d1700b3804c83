"""The reading desk of a source: its sentences, with what was made of each, beside the panel that
makes records of them."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Case, Q, When
from django.db.models.functions import Length
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone

from desk.models import FactlessSentence
from desk.panel import Panel, Selection
from record.publishing import Record, may_publish, visible
from record.text import is_key
from sources.models import SUPPORTED, Citation, Source, supported_model

WINDOW = 100
"""The sentences that the page shows at once, and the cells of its strip."""
LISTED = 12
FactKey = tuple[str, int]
"""The name of the foreign key of a citation, and the key of its record."""
MarkedWords = tuple[str, bool]
"""Words of a sentence, and whether a quote has them."""


class Use(NamedTuple):
    """A quote of a fact, from `start` to `end` of the text."""

    start: int
    end: int
    fact: FactKey
    is_public: bool


@dataclass
class SentenceRow:
    """A sentence of the page. `state` is `used` by a public fact, `drafted`, `factless` or empty;
    a heading that nothing quotes is factless."""

    number: int
    block: int
    pieces: list[MarkedWords]
    state: str
    words: str
    link: str = ""
    is_chosen: bool = False


class MadeRecord(NamedTuple):
    record: Record
    kind: str
    address: str
    quotes: int


class StripCell(NamedTuple):
    """A run of sentences in the strip, from `first` to `last`."""

    first: int
    last: int
    read: int
    state: str
    link: str
    is_chosen: bool


class Reading:
    """The sentences of a source, with what was made of each."""

    def __init__(self, source: Source) -> None:
        self.source, self.passages = source, source.passages
        self.sentences = self.passages.sentences
        self._starts = [sentence.start for sentence in self.sentences]
        self.uses = [*self._cited(), *self._pending()]
        self.public: list[set[FactKey]] = [set() for _ in self.sentences]
        self.drafts: list[set[FactKey]] = [set() for _ in self.sentences]
        for use in self.uses:
            facts = self.public if use.is_public else self.drafts
            for number in range(*self._touched(use)):
                facts[number].add(use.fact)
        digests = set(source.factless_sentences.values_list("digest", flat=True))
        self.states = [self._state(number, digests) for number in range(len(self.sentences))]

    def _cited(self) -> Iterator[Use]:
        now = timezone.now()
        public = [
            Q(visible(supported_model(name), now, f"{name}__"), **{f"{name}__isnull": False})
            for name in SUPPORTED
        ]
        is_public = Case(*(When(each, then=True) for each in public), default=False)
        citations = Citation.objects.filter(source=self.source).order_by("position")
        citations = citations.annotate(length=Length("exact"), shown=is_public)
        names = [f"{name}_id" for name in SUPPORTED]
        for start, length, shown, *keys in citations.values_list(
            "position", "length", "shown", *names
        ):
            fact = next((n, key) for n, key in zip(SUPPORTED, keys, strict=True) if key)
            yield Use(start, start + length, fact, shown)

    def _pending(self) -> Iterator[Use]:
        for change in self.source.pending_changes.all():
            for quote in change.quotes:
                for start in self.passages.positions(quote["exact"])[:1]:
                    end = start + len(quote["exact"])
                    yield Use(start, end, (change.kind, change.key), False)

    def _touched(self, use: Use) -> tuple[int, int]:
        """The indexes of the first sentence of a quote and of the sentence after the last."""
        return bisect_right(self._starts, use.start) - 1, bisect_left(self._starts, use.end)

    def _state(self, index: int, digests: set[str]) -> str:
        if self.public[index]:
            return "used"
        if self.drafts[index]:
            return "drafted"
        is_factless = digests and FactlessSentence.digest_of(self.text(index + 1)) in digests
        return "factless" if is_factless or not self.sentences[index].is_told else ""

    def text(self, number: int) -> str:
        sentence = self.sentences[number - 1]
        return self.passages.text[sentence.start : sentence.end]

    @property
    def read_count(self) -> int:
        return sum(map(bool, self.states))

    def next_unread(self, after: int = 0) -> int | None:
        """The number of the first sentence without a use after this one; else of the first."""
        unread = [number for number, state in enumerate(self.states, 1) if not state]
        return next((number for number in unread if number > after), next(iter(unread), None))

    @property
    def draft_count(self) -> int:
        return len({use.fact for use in self.uses if not use.is_public})

    @property
    def public_count(self) -> int:
        return len({use.fact for use in self.uses if use.is_public})

    @property
    def facts(self) -> Counter[FactKey]:
        """The facts made of the source with the number of their quotes, drafts first."""
        drafts = Counter(use.fact for use in self.uses if not use.is_public)
        return drafts + Counter(use.fact for use in self.uses if use.is_public)

    def window(self, at: int) -> range:
        """The numbers of the sentences to show around one."""
        total = len(self.sentences)
        if total <= WINDOW:
            return range(1, total + 1)
        first = max(1, min(at - WINDOW // 3, total - WINDOW + 1))
        return range(first, first + WINDOW)

    def rows(self, numbers: range) -> Iterator[SentenceRow]:
        start, end = self._starts[numbers[0] - 1], self.sentences[numbers[-1] - 1].end
        spans = [(use.start, use.end) for use in self.uses if use.start < end and use.end > start]
        for number in numbers:
            sentence, state = self.sentences[number - 1], self.states[number - 1]
            yield SentenceRow(
                number,
                self.passages.block_number(sentence.start),
                [*self._pieces(sentence.start, sentence.end, spans)],
                state,
                self._state_in_words(number, state),
            )

    def _pieces(self, start: int, end: int, spans: list[tuple[int, int]]) -> Iterator[MarkedWords]:
        text, at = self.passages.text, start
        for first, last in sorted(span for span in spans if span[0] < end and span[1] > start):
            first, last = max(first, at), min(last, end)
            if first < last:
                yield from ((text[at:first], False), (text[first:last], True))
                at = last
        yield text[at:end], False

    def _state_in_words(self, number: int, state: str) -> str:
        public, drafts = len(self.public[number - 1]), len(self.drafts[number - 1])
        counts = [f"{public} hecho{'s' * (public > 1)}"] if public else []
        counts += [f"{drafts} borrador{'es' * (drafts > 1)}"] if drafts else []
        unused = "sin hechos" if state else "sin usar"
        is_heading = state and not self.sentences[number - 1].is_told
        return ", ".join(counts) or ("título" if is_heading else unused)


class Desk:
    """The context of the page."""

    def __init__(self, request: Any, source: Source, query: QueryDict, posted: QueryDict) -> None:
        self.request, self.source = request, source
        self.reading = Reading(source)
        self.panel = Panel(request, source, query, posted)
        self.may_write = bool(self.panel.kinds)
        shown = query.get("desde", "")
        chosen = self.panel.selections
        self.at = chosen[-1].number if chosen else 1
        if is_key(shown):
            self.at = min(int(shown) + WINDOW // 3, len(self.reading.sentences))

    @cached_property
    def numbers(self) -> range:
        return self.reading.window(self.at)

    @property
    def address(self) -> str:
        return self.panel.queries(self.panel.selections)

    @property
    def whole(self) -> str:
        return f"{self.address}&texto=todo"

    @property
    def near(self) -> set[int]:
        """The numbers of the paragraphs with a chosen sentence."""
        sentences, passages = self.reading.sentences, self.reading.passages
        starts = [sentences[chosen.number - 1].start for chosen in self.panel.selections]
        return {*map(passages.block_number, starts)}

    @property
    def let_go(self) -> str:
        return self.panel.queries([])

    @property
    def before(self) -> str:
        """The address of the sentences before the window; empty if there are none."""
        first = max(1, self.numbers[0] - WINDOW)
        return f"{self.address}&desde={first}" if self.numbers[0] > 1 else ""

    @property
    def after(self) -> str:
        last = self.numbers[-1]
        return f"{self.address}&desde={last + 1}" if last < len(self.reading.sentences) else ""

    @property
    def factless(self) -> str:
        """The digests of the chosen sentences."""
        numbers = dict.fromkeys(selection.number for selection in self.panel.selections)
        return " ".join(FactlessSentence.digest_of(self.reading.text(n)) for n in numbers)

    @property
    def rows(self) -> Iterator[SentenceRow]:
        chosen = self.panel.selections
        numbers = {selection.number for selection in chosen}
        for row in self.reading.rows(self.numbers) if self.reading.sentences else ():
            row.is_chosen = row.number in numbers
            others = [selection for selection in chosen if selection.number != row.number]
            added = [] if row.is_chosen else [Selection(row.number)]
            row.link = self.panel.queries([*others, *added])
            yield row

    @property
    def strip(self) -> Iterator[StripCell]:
        total = len(self.reading.sentences)
        size = -(-total // WINDOW) or 1
        numbers = {selection.number for selection in self.panel.selections}
        for first in range(1, total + 1, size):
            last = min(first + size - 1, total)
            states = self.reading.states[first - 1 : last]
            read = sum(map(bool, states))
            state = states[0] if len({*states}) == 1 else "drafted" if read else ""
            link = self.panel.queries([Selection(first)]) if size == 1 else f"desde={first}"
            yield StripCell(
                first, last, read, state, link, not numbers.isdisjoint(range(first, last + 1))
            )

    @property
    def next_unread(self) -> tuple[int, str] | None:
        """The next unread sentence, and the address that chooses it."""
        number = self.reading.next_unread(
            self.panel.selections[-1].number if self.panel.selections else 0
        )
        return (number, self.panel.queries([Selection(number)])) if number else None

    @property
    def made(self) -> list[MadeRecord]:
        """The first facts made of the source."""
        facts = self.reading.facts
        firsts = [*facts][: LISTED if self.panel.selections else WINDOW]
        made: dict[FactKey, MadeRecord] = {}
        for name in SUPPORTED:
            model_admin: Any = admin.site.get_model_admin(supported_model(name))
            keys = [key for kind, key in firsts if kind == name]
            by_key = model_admin.get_queryset(self.request).in_bulk(keys) if keys else {}
            for key, record in by_key.items():
                kind, address = model_admin.opts.verbose_name, model_admin.address("change", key)
                made[name, key] = MadeRecord(record, kind, address, facts[name, key])
        return [made[fact] for fact in firsts if fact in made]


def desk_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    source = model_admin.get_object(request, unquote(object_id))
    if source is None:
        raise Http404
    if not model_admin.has_view_or_change_permission(request, source):
        raise PermissionDenied
    query = QueryDict(request.POST["go"]) if "go" in request.POST else request.GET
    desk = Desk(request, source, query, request.POST)
    context = model_admin.admin_site.each_context(request) | {
        "desk": desk,
        "panel": desk.panel,
        "reading": desk.reading,
        "original": source,
        "title": "Mesa de lectura",
        "opts": model_admin.opts,
        "media": model_admin.media + desk.panel.media,
        "may_change": model_admin.has_change_permission(request, source),
        "has_delete_permission": model_admin.has_delete_permission(request, source),
        "may_publish": may_publish(request.user),
    }
    return TemplateResponse(request, "admin/desk/desk.html", context)
