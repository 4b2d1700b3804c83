"""The links of the timeline's filters, with their counts: made of values alone, so that equal ones
are written once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from django.urls import reverse

from record.pages import MOST, figure
from timeline import years
from timeline.models import CATEGORIES

TITLES = {
    "anio": "Año",
    "categoria": "Categoría",
    "organizacion": "Organización",
    "pronunciamiento": "Pronunciamiento",
}
UNDATED = "sin-fecha"


@dataclass(frozen=True, slots=True)
class Choice:
    """`url` chooses it or, where it is the one chosen, lets it go."""

    text: str
    count: int
    url: str
    chosen: bool
    at_least: bool = False

    @property
    def number(self) -> str:
        """«1,234», «más de 10,000»; «al menos 1,234» where not all were looked at."""
        return f"{'al menos ' if self.at_least and self.count <= MOST else ''}{figure(self.count)}"


class Tallies(NamedTuple):
    """How many events each choice of year and category would show. `years` has, by span, those
    with a date and those with bounds only, or all together where they are `unsplit`."""

    years: tuple[tuple[str, int, int], ...]
    undated: int
    categories: tuple[tuple[str, int], ...]
    unsplit: bool = False
    partial: bool = False


class Counts(NamedTuple):
    """All that costs more than a page. `total`, `found` and `without` are how many events there
    are, MOST + 1 if more: in all, with what is chosen, and by filter without what is chosen of it.
    `named` has slug, name and count of the organizations named most; `looked_at_all`: whether those
    events were few enough to look at each."""

    total: int
    found: int
    without: tuple[tuple[str, int], ...]
    tallies: Tallies
    named: tuple[tuple[str, str, int], ...]
    looked_at_all: bool


class Choices(NamedTuple):
    """What is `chosen`, by filter, and what else there is to choose. `records` are the names of the
    records chosen."""

    chosen: tuple[tuple[str, str], ...]
    records: tuple[tuple[str, str], ...]
    counts: Counts

    @property
    def groups(self) -> Iterator[tuple[str, list[Choice]]]:
        """The choices of each filter, with its title."""
        tallies, chosen, records = self.counts.tallies, dict(self.chosen), dict(self.records)
        found = {
            "anio": {span: (years.words(span), sum(both)) for span, *both in tallies.years},
            "categoria": {name: (CATEGORIES[name], count) for name, count in tallies.categories},
            "organizacion": {},
            "pronunciamiento": {},
        }
        found["anio"][UNDATED] = ("sin fecha", tallies.undated)
        for name, words in records.items():
            found[name][chosen[name]] = (words, self.counts.found)
        found["organizacion"] |= {slug: (name, n) for slug, name, n in self.counts.named}
        for name, title in TITLES.items():
            yield title, list(self._choices(name, found[name]))

    def _choices(self, name: str, found: dict[str, tuple[str, int]]) -> Iterator[Choice]:
        seen = not self.counts.tallies.partial
        if name == "organizacion":
            seen = self.counts.looked_at_all
        for value, (text, count) in found.items():
            chosen = (name, value) in self.chosen
            if count or chosen:
                url = self._url(**{name: "" if chosen else value})
                count = self.counts.found if chosen else count
                yield Choice(text, count, url, chosen, at_least=not (chosen or seen))

    @property
    def let_go(self) -> list[Choice]:
        """For each filter chosen, what there would be without it."""
        pairs = zip(self.chosen, self.counts.without, strict=True)
        return [
            Choice(f"{TITLES[name]}: {self._words(*one)}", count, self._url(**{name: ""}), True)
            for one, (name, count) in pairs
        ]

    @property
    def ways_out(self) -> list[Choice]:
        """Those of `let_go` that leave anything."""
        return [choice for choice in self.let_go if choice.count]

    @property
    def words(self) -> str:
        """«Año: 2017; Categoría: acuerdo»; empty when nothing is chosen."""
        return "; ".join(choice.text for choice in self.let_go)

    def _words(self, name: str, value: str) -> str:
        if name == "anio":
            return "sin fecha" if value == UNDATED else years.words(value)
        return CATEGORIES[value] if name == "categoria" else dict(self.records)[name]

    def _url(self, **instead: str) -> str:
        """The list's address with other choices `instead`, from its first page on."""
        chosen = {n: value for n, value in (dict(self.chosen) | instead).items() if value}
        return f"{reverse('timeline:event_list')}{'?' if chosen else ''}{urlencode(chosen)}"
