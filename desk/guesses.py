"""Guesses how the form of a fact may be filled from the quotes that were chosen for it.

A guess is a suggestion. It names the words on which it rests and is never more precise than these;
where the words leave a choice, there is no guess. Summaries are our own words: none is guessed.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.utils.html import escape
from django.utils.text import capfirst

from dates.edtf import END_OF_TIME, parse
from dates.phrases import DatePhrase, date_phrases
from dates.text import collapse
from editing.pickers import Mention, NamedRecord, entries_of, mentions_in, words_of
from organizations.models import Organization, RepresentationTerm
from record.pages import listed
from record.text import cut
from sources.models import Source
from texts.words import STOP_WORDS, kin, stem_of, stems_of
from texts.words import words_of as stemmed
from timeline.vocabulary import EventCategory, StatementKind, Synonym, Vocabulary

LONGEST_READ, LONGEST_TITLE, SHORTEST_CLAUSE, LONGEST_BODY = 5000, 80, 50, 20_000
LEADS = ("title", "name", "organization")
# Stems of the verbs that end a membership or a term.
ENDINGS = {
    stem_of(verb) for verb in "concluir terminar dejar salir renunciar retirar cesar".split()
}
_CAPITAL = r"[A-ZÁÉÍÓÚÑ][\w-]+"
_PROPER_NAME = re.compile(
    r"(?:\b(?P<article>[Dd]el|[Ll]as?|[Ee]l|[Ll]os) )?"
    rf"(?P<name>{_CAPITAL}(?: (?:(?:(?:del?|las?|los|el|[ye]|para|por|en) ){{1,2}})?{_CAPITAL})*)"
    r"(?: \((?P<short_name>[\w-]+)\))?"
)
_OPENING = re.compile(r"^[\s,;:.]*(?:(?:que|y|e|pero|pues|donde) )?")
_BREAK = re.compile(r"[,;:(]| (?:y|e|o|pero|para|sin|mediante|tras) ")


class Quote(NamedTuple):
    """The chosen words of a sentence."""

    sentence: str
    words: str


class Guess(NamedTuple):
    """The initial `value` of a field, and why. `quotes` are the places, in the list, of the quotes
    that prove it; none proves what we classify."""

    value: Any
    because: str
    quotes: tuple[int, ...] = ()


NO_GUESS = Guess(None, "")
Guesses = dict[str, Guess]
Dates = list[tuple[int, DatePhrase]]


def guesses_for(
    kind: str, quotes: list[Quote], source: Source, user: User, record: Any = None
) -> Guesses:
    """The guesses by the name of the field, for a new record of `kind`, a name of SUPPORTED; of a
    `record` that exists, only its empty dates and its open end. `ends` is the term that a hand-over
    ends, and `ends-end` its end."""
    texts, sentences = (
        [collapse(text)[:LONGEST_READ] for text in column]
        for column in zip(*((quote.words, quote.sentence) for quote in quotes), strict=True)
    )
    pairs = enumerate(zip(texts, sentences, strict=True))
    dates = [(n, phrase) for n, pair in pairs for phrase in date_phrases(*pair)]
    mentions = [*mentions_in(texts, entries_of(Organization.objects.visible_to(user)))]
    match kind:
        case "event":
            guesses = _moment(dates, "start", "date_label") | _title(texts, dates)
            guesses |= _word(EventCategory, "category", texts) | _organizations(mentions)
        case "statement":
            guesses = _moment(dates, "date", "date_label") | _heading(texts, source)
            guesses |= _word(StatementKind, "kind", [source.title, *texts])
            guesses |= _organizations(mentions)
        case "organization":
            guesses = _unknown_name(texts, mentions)
        case "membership":
            guesses = _member(mentions) | _span(dates, texts)
        case _:
            guesses = _term(texts, mentions, _span(dates, texts))
    if guesses.get("end", NO_GUESS)[:1] == guesses.get("start", NO_GUESS)[:1]:
        guesses.pop("end", None)  # «hasta ese día» ends another period
    if record:
        return {name: guess for name, guess in guesses.items() if _is_open(record, name)}
    return _with_rest(guesses, len(quotes))


def _is_open(record: Any, name: str) -> bool:
    date = parse(getattr(record, name)) if name in ("start", "end", "date") else None
    return date is not None and (not date or (name == "end" and date.latest == END_OF_TIME))


def _with_rest(guesses: Guesses, count: int) -> Guesses:
    """The quotes on which nothing else rests prove the record as a whole, beside its name."""
    used = {number for guess in guesses.values() for number in guess.quotes}
    rest = tuple(number for number in range(count) if number not in used)
    return {n: g._replace(quotes=g.quotes + rest) if n in LEADS else g for n, g in guesses.items()}


def _by(words: Iterable[str]) -> str:
    return f"Por {listed(f'«{each}»' for each in words)}"


def _numbers(pairs: Iterable[tuple[int, Any]]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(number for number, _rest in pairs))


def _dated(dates: Dates, name: str, label: str) -> Guesses:
    """The only date, or else the date with which a quote opens."""
    if len({phrase.date for _number, phrase in dates}) > 1:
        dates = [pair for pair in dates if not pair[1].start][:1]
    if not dates:
        return {}
    phrase = dates[0][1]
    values = {name: phrase.date.text, label: phrase.label}
    if name == "start":
        values["end"] = phrase.last.text
    why, numbers = _by([phrase.words]), _numbers(dates)
    return {name: Guess(value, why, numbers) for name, value in values.items() if value}


def _moment(dates: Dates, name: str, label: str) -> Guesses:
    return _dated([pair for pair in dates if pair[1].side != "end"], name, label)


def _span(dates: Dates, texts: list[str]) -> Guesses:
    """The start and the end: «desde» and «hasta» say it, or else the verbs of the quotes."""
    verbs = {stem for text in texts for stem in stems_of(text)}
    other = "start" if ENDINGS.isdisjoint(verbs) else "end"
    guesses: Guesses = {}
    for side in ("end", "start"):
        of_side = [pair for pair in dates if (pair[1].side or other) == side]
        guesses |= _dated(of_side, side, f"{side}_label")
    return guesses


def _word(model: type[Vocabulary], field: str, texts: list[str]) -> Guesses:
    """The first word of a vocabulary of which the texts have a form or a synonym."""
    stems = [(stem, word) for word in model._default_manager.all() for stem in stems_of(word.name)]
    for synonym in Synonym.objects.all():
        means = {*stems_of(synonym.means)}
        stems += [(stem_of(synonym.word), word) for stem, word in stems if stem in means]
    for text in texts:
        for said in stemmed(text):
            for stem, word in stems:
                if kin(said.stem, stem):
                    why = f"Sugerida por «{text[said.start : said.end]}»"
                    return {field: Guess(word.pk, why)}
    return {}


def _title(texts: list[str], dates: Dates) -> Guesses:
    """The first clause of the first quote, without its date."""
    text = texts[0]
    for phrase in (phrase for number, phrase in reversed(dates) if not number):
        text = text[: phrase.start].rstrip(" ,") + text[phrase.end :]
    text = re.split(r"[;:] |(?<=\w\w)[.?!] ", _OPENING.sub("", text))[0].rstrip(" ,;:.")
    if len(text) > LONGEST_TITLE:
        breaks = [b.start() for b in _BREAK.finditer(text, SHORTEST_CLAUSE, LONGEST_TITLE)]
        text = text[: breaks[-1]] if breaks else cut(text, LONGEST_TITLE).rstrip("…")
        while (shorter := text.rpartition(" "))[2] in STOP_WORDS:
            text = shorter[0]
        text = text.rstrip(" ,;:(")
    return {"title": Guess(capfirst(text), "De la oración; acórtelo")} if text else {}


def _heading(texts: list[str], source: Source) -> Guesses:
    """The question that a statement answers; or else the title of its source, and the text of a
    short source as the text of the statement."""
    if question := next((text for text in texts if text.endswith("?")), ""):
        return {"title": Guess(question, "De la oración")}
    guesses = {"title": Guess(source.title, "El título de la fuente")}
    if len(source.text) <= LONGEST_BODY:
        guesses["body"] = Guess(_body(source), "El texto de la fuente, entero")
    return guesses


def _body(source: Source) -> str:
    """The text as rich text, without the title with which it opens."""
    text, blocks = source.passages.text, source.passages.blocks
    tags = {"heading": "h2"}
    return "".join(
        f"<{tag}>{escape(text[block.start : block.end])}</{tag}>"
        for number, block in enumerate(blocks)
        if (tag := tags.get(block.kind, "p")) and (number or block.is_told)
    )


def _organizations(mentions: list[Mention]) -> Guesses:
    """Only that they are named: which part they have is for the reader to say."""
    keys = [*dict.fromkeys(mention.key for mention in mentions)]
    why = _by(mention.words for mention in mentions) if keys else ""
    numbers = _numbers((mention.text, mention) for mention in mentions)
    return {"is_named": Guess(keys, why, numbers)} if keys else {}


def _unknown_name(texts: list[str], mentions: list[Mention]) -> Guesses:
    """The first proper name that no organization has."""
    for number, text in enumerate(texts):
        for mention in (mention for mention in mentions if mention.text == number):
            end = mention.start + len(mention.words)
            text = f"{text[: mention.start]}{'·' * len(mention.words)}{text[end:]}"
        for match in _PROPER_NAME.finditer(text):
            parts = match.groupdict("")
            parts["article"] = parts["article"].lower().replace("del", "el")
            if parts["article"] or " " in parts["name"]:
                why, article = _by([parts["name"]]), parts.pop("article")
                guesses = {part: Guess(v, why, (number,)) for part, v in parts.items() if v}
                return guesses | ({"article": Guess(article, why)} if article else {})
    return {}


def likely_doubles(name: str, entries: Iterable[NamedRecord]) -> list[int]:
    """The keys of at most three organizations with a name like this one."""
    names = {words: e.key for e in entries for words in e.words.split("\n") if words}
    near = get_close_matches(words_of(name), names, cutoff=0.75)
    return [*dict.fromkeys(names[words] for words in near)]


def _member(mentions: list[Mention], holder: int = 0) -> Guesses:
    """The first organization, neither the coalition nor the `holder` of the term that ends."""
    coalition = Organization.objects.coalition()
    others = [m for m in mentions if not coalition or m.key != coalition.pk]
    first = next((m for m in others if m.key != holder), next(iter(others), None))
    return {"organization": Guess(first.key, _by([first.words]))} if first else {}


def _term(texts: list[str], mentions: list[Mention], span: Guesses) -> Guesses:
    """The term, its role and the hand-over from the only open term of this role."""
    said = ((n, *pair) for n, text in enumerate(texts) for pair in _roles_in(text))
    number, words, role = next(said, (0, "", ""))
    terms = [*RepresentationTerm.objects.filter(role=role, end_latest=END_OF_TIME)[:2]]
    before = terms[0] if len(terms) == 1 else None
    guesses = _member(mentions, before.organization_id if before else 0) | span
    if role:
        guesses["role"] = Guess(role, _by([words]), (number,))
    if before and guesses.get("organization", NO_GUESS).value not in (None, before.organization_id):
        guesses["ends"] = Guess(before.pk, "Su fin no consta")
        if end := guesses.pop("end", None) or span.get("start"):
            guesses["ends-end"] = end
    return guesses


def _roles_in(text: str) -> Iterator[tuple[str, str]]:
    """The words of a text that say a role, and the role: «co-representación»."""
    choices = RepresentationTerm.Role.choices
    roles = sorted(((stems_of(label), role) for role, label in choices), key=lambda r: -len(r[0]))
    words = [*stemmed(text)]
    for place in range(len(words)):
        for stems, role in roles:
            said = words[place : place + len(stems)]
            if [word.stem for word in said] == stems:
                yield text[said[0].start : said[-1].end], role
                break
