"""The sentences of a source with the facts made of them, and the quotes chosen from them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from django.core.exceptions import ValidationError
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Length
from django.http import QueryDict
from django.utils import timezone

from desk.models import FactlessSentence
from record.publishing import visible
from record.text import is_key
from sources.forms import read_quote
from sources.models import SUPPORTED, Citation, Source, supported_model
from texts.alignment import LONGEST_QUOTE
from texts.passages import Passages

WINDOW = 100
"""The sentences that the page shows at once, and the cells of its strip."""
MOST_QUOTES = 20
TOO_LONG = f"Una cita tiene como mucho {LONGEST_QUOTE:,} caracteres: deje las que lo prueban."
UNTICKED = "Marque qué dato prueba esta cita, o suelte la oración."
FactKey = tuple[str, int]
"""The name of the foreign key of a citation, and the key of its record."""
STATES = {"used": ("hecho", "hechos"), "drafted": ("borrador", "borradores")}


class Use(NamedTuple):
    """A quote of a fact, from `start` to `end` of the text: `used` or, of a draft, `drafted`."""

    start: int
    end: int
    fact: FactKey
    state: str


class Reading:
    """The sentences of a source. The state of each is `used` by a public fact, `drafted`,
    `factless` or empty; a heading that nothing quotes is factless."""

    def __init__(self, source: Source) -> None:
        self.source, self.passages = source, source.passages
        self.sentences = self.passages.sentences
        self.uses = [*self._cited(), *self._pending()]
        self.facts = {
            state: Counter(use.fact for use in self.uses if use.state == state) for state in STATES
        }
        self._uses_of: list[list[Use]] = [[] for _ in self.sentences]
        for use in self.uses:
            for index in self.passages.touched_by(use.start, use.end):
                self._uses_of[index].append(use)
        digests = {mark.digest for mark in source.factless_sentences.all()}
        self.states = [self._state(n, digests) for n in range(1, len(self.sentences) + 1)]

    def _cited(self) -> Iterator[Use]:
        now = timezone.now()
        public = [
            Q(visible(supported_model(name), now, f"{name}__"), **{f"{name}__isnull": False})
            for name in SUPPORTED
        ]
        state = Case(*(When(each, then=Value("used")) for each in public), default=Value("drafted"))
        citations = Citation.objects.filter(source=self.source).order_by("position")
        citations = citations.annotate(length=Length("exact"), made=state)
        names = [f"{name}_id" for name in SUPPORTED]
        for start, length, made, *keys in citations.values_list(
            "position", "length", "made", *names
        ):
            fact = next((n, key) for n, key in zip(SUPPORTED, keys, strict=True) if key)
            yield Use(start, start + length, fact, made)

    def _pending(self) -> Iterator[Use]:
        for change in self.source.pending_changes.all():
            for quote in change.quotes:
                for span in self.passages.spans(quote["exact"])[:1]:
                    yield Use(*span, (change.kind, change.key), "drafted")

    def _state(self, number: int, digests: set[str]) -> str:
        if states := {use.state for use in self._uses_of[number - 1]}:
            return max(states)  # used, if there is one
        is_heading = not self.sentences[number - 1].is_told
        return "factless" if is_heading or (digests and self.digest(number) in digests) else ""

    def text(self, number: int) -> str:
        sentence = self.sentences[number - 1]
        return self.passages.text[sentence.start : sentence.end]

    def digest(self, number: int) -> str:
        return FactlessSentence.digest_of(self.text(number))

    @property
    def read_count(self) -> int:
        return sum(map(bool, self.states))

    def next_unread(self, after: int = 0) -> int | None:
        """The number of the first unread sentence after this one, else of the first of all."""
        unread = [number for number, state in enumerate(self.states, 1) if not state]
        return next((number for number in unread if number > after), next(iter(unread), None))

    def window(self, at: int) -> range:
        """The numbers of the sentences to show around one."""
        total = len(self.sentences)
        first = max(1, min(at - WINDOW // 3, total - WINDOW + 1))
        return range(first, min(first + WINDOW, total + 1))

    def row(self, number: int) -> dict[str, Any]:
        """The context of a sentence. Its `pieces` are words, and whether a quote has them."""
        sentence, state = self.sentences[number - 1], self.states[number - 1]
        facts = {(use.state, use.fact) for use in self._uses_of[number - 1]}
        counts = Counter(made for made, _fact in facts)
        words = ", ".join(f"{counts[s]} {STATES[s][counts[s] > 1]}" for s in STATES if counts[s])
        unquoted = "título" if not sentence.is_told else "sin hechos" if state else "sin usar"
        return {
            "number": number, "state": state, "words": words or unquoted,
            "block": self.passages.block_number(sentence.start),
            "pieces": [*self._pieces(number)],
        }  # fmt: skip

    def _pieces(self, number: int) -> Iterator[tuple[str, bool]]:
        text, sentence = self.passages.text, self.sentences[number - 1]
        at = sentence.start
        for start, end, *_made in sorted(self._uses_of[number - 1]):
            start, end = max(start, at), min(end, sentence.end)
            if start < end:
                yield from ((text[at:start], False), (text[start:end], True))
                at = end
        yield text[at : sentence.end], False


class Selection(NamedTuple):
    """The words `first` to `last` of the sentence `number`, all counted from 1, or all its words.
    In the address, `2` or `2:5-12`."""

    number: int
    first: int = 0
    last: int = 0

    @classmethod
    def read(cls, text: str) -> Self | None:
        number, _, words = text.partition(":")
        parts = [number, *(words.split("-") if words else [])]
        are_numbers = len(parts) in (1, 3) and all(is_key(part) and len(part) < 7 for part in parts)
        return cls(*map(int, parts)) if are_numbers and "0" not in parts else None

    def __str__(self) -> str:
        return f"{self.number}:{self.first}-{self.last}" if self.first else str(self.number)

    def sentence(self, passages: Passages) -> str:
        span = passages.sentences[self.number - 1]
        return passages.text[span.start : span.end]

    def words(self, passages: Passages) -> str:
        """The words without a full stop or a comma at their end, which a quote does not need."""
        words = self.sentence(passages).split()[max(0, self.first - 1) : self.last or None]
        return " ".join(words).rstrip(".,;:")


def selected(query: QueryDict, passages: Passages) -> list[Selection]:
    """The selections in an address that the text has."""
    read = [selection for text in query.getlist("o") if (selection := Selection.read(text))]
    within = [s for s in dict.fromkeys(read) if s.number <= len(passages.sentences)]
    return [s for s in within if s.words(passages)][:MOST_QUOTES]


@dataclass
class ChosenWords:
    """A quote of the panel: its `words`, the values of its ticks, and why it is refused, with other
    words that the source offers. It `is_new` to the kind of the panel, which guesses its ticks."""

    number: int
    selection: Selection
    words: str
    proves: set[str]
    is_new: bool = False
    again: str = ""
    """The address that adds another quote of the sentence."""
    problem: str = ""
    differences: str = ""
    offered: str = ""

    def sentence(self, passages: Passages) -> str:
        return self.selection.sentence(passages)

    def locate(self, source: Source) -> bool:
        """Takes the words as the source has them; if that fails, sets `problem`."""
        if len(self.words) > LONGEST_QUOTE:
            self.problem = TOO_LONG
            return False
        citation = Citation(source=source, exact=self.words)
        try:
            citation.locate()
        except ValidationError as error:
            self.problem, self.offered = " ".join(error.messages), self.offer(source)
            return False
        self.words, self.problem = citation.exact, "" if self.proves else UNTICKED
        self.differences = citation.differences
        return not self.problem

    def offer(self, source: Source) -> str:
        """The nearest words; of words that stand several times, those in the chosen sentence with
        the words that make them unique."""
        reading = read_quote(source, self.words)
        sentence = source.passages.sentences[self.selection.number - 1]
        spans = source.passages.spans(self.words)
        for (start, _end), place in zip(spans, reading.get("places", ()), strict=False):
            if sentence.start <= start < sentence.end:
                return str(place["unique"])
        return str(reading.get("nearest", {}).get("unique", ""))
