"""Builds `fixtures/*.json` from `fixtures/facts.yaml` and the source's text.

Each record of facts.yaml has its fields by name, its relations by slug, and under `citations` the
sentences that support it. FactsError lists all errors, in English.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder

from organizations.models import Membership, Organization, RepresentationTerm
from organizations.succession import contradiction, succession_problem
from record.history import RecordList, lists_in, with_two_parts
from record.proof import is_fact, uncited_names
from record.publishing import Publishable, Record
from sources.models import SUPPORTED, Citation, Source
from sources.originals import checked_name
from timeline.models import Event, Statement
from timeline.vocabulary import EventCategory, StatementKind, Synonym

MODELS: dict[str, type[Record]] = {
    "sources": Source,
    "organizations": Organization,
    "memberships": Membership,
    "representation_terms": RepresentationTerm,
    "event_categories": EventCategory,
    "statement_kinds": StatementKind,
    "synonyms": Synonym,
    "events": Event,
    "statements": Statement,
}
FILES = ("sources", "organizations", "timeline", "citations")
"""The fixtures, in the order in which `loaddata` loads them."""
SENTENCES = "sentences.md"


class FactsError(Exception):
    """The errors of facts.yaml, one a line."""


@dataclass
class Facts:
    """Unsaved records with their lists and citations, and the errors so far."""

    folder: Path
    data: dict[str, Any]
    records: dict[type[Record], dict[str, Any]] = field(default_factory=dict)
    """By model and slug."""
    lists: dict[int, dict[RecordList, list[str]]] = field(default_factory=dict)
    """By `id` of the record, the slugs in its lists."""
    citations: list[Citation] = field(default_factory=list)
    originals: dict[str, Path] = field(default_factory=dict)
    """The original files of sources, by the name under which they are stored."""
    problems: list[str] = field(default_factory=list)

    def read(self) -> None:
        for name in self.data.keys() - MODELS.keys() - {"publish_at", "coalition"}:
            self.problems.append(f"{name}: unknown section")
        for section, model in MODELS.items():
            self.records[model] = {}
            for entry in self.data.get(section) or []:
                self._read_record(model, dict(entry), f"{section} {entry.get('slug', '')!r}")
        if self.coalition not in self.records[Organization]:
            self.problems.append(f"coalition: unknown organization {self.coalition!r}")
        self._number_citations()
        self._refuse_overlaps()
        self._refuse_succession()
        self._refuse_labels()

    @property
    def coalition(self) -> str:
        """The slug of the organization whose record this is."""
        return str(self.data.get("coalition", ""))

    def _read_record(self, model: type[Record], entry: dict[str, Any], place: str) -> None:
        citations = entry.pop("citations", None) or []
        self._complete(model, entry, place)
        record = self._build(model, entry, place)
        if record.slug in self.records[model]:
            self.problems.append(f"{place}: duplicate slug")
            return
        self.records[model][record.slug] = record
        self._validate(record, place)
        for number, quote in enumerate(citations, 1):
            self._cite(record, quote, f"{place}, citation {number}", number)

    def _complete(self, model: type[Record], entry: dict[str, Any], place: str) -> None:
        """Fill in a source's text and original from their files, and a statement's body from a
        source's section."""
        if issubclass(model, Publishable):
            entry.setdefault("publish_at", self.data["publish_at"])
        if name := entry.pop("text_file", None):
            try:
                entry["text"] = (self.folder / name).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                self.problems.append(f"{place}, text_file: {error}")
        if name := entry.pop("original_file", None):
            try:
                entry["original"] = checked_name(path := self.folder / name)
                self.originals[entry["original"]] = path
            except (OSError, ValidationError) as error:
                self.problems.append(f"{place}, original_file {name!r}: {_words(error)}")
        if heading := entry.pop("body_section", None):
            entry["body"] = self._section(heading, entry.pop("source", None), place)

    def _section(self, heading: str, slug: str | None, place: str) -> str:
        """Return the paragraphs under a heading as HTML. `slug` names the source, which is needed
        if several sources have the heading."""
        sources = [s for s in self.records[Source].values() if slug in (None, s.slug)]
        sections = [(s.slug, found) for s in sources for found in s.passages.sections(heading)]
        if len(sections) != 1:
            places = ", ".join(source for source, _found in sections) or "none"
            wrong = f"{heading!r} is a heading of {places}; `source` names one that has it once"
            self.problems.append(f"{place}, body_section: {wrong}")
            return ""
        return "".join(f"<p>{escape(text, quote=False)}</p>" for text in sections[0][1])

    def _build(self, model: type[Record], entry: dict[str, Any], place: str) -> Record:
        values: dict[str, Any] = {}
        lists = {each: entry.pop(each.name, None) or [] for each in lists_in(model)}
        for name, value in entry.items():
            model_field = _field(model, name)
            if model_field is None or model_field.many_to_many:
                wrong = f"unknown field {name!r}; its fields: {_field_names(model)}"
                self.problems.append(f"{place}: {wrong}")
            elif model_field.is_relation:
                values[name] = self._find(model_field.related_model, value, f"{place}, {name}")
            else:
                values[name] = "\n".join(value) if isinstance(value, list) else value
        record = model(updated_at=self.data["publish_at"], **values)
        self.lists[id(record)] = lists
        self._check_lists(lists, place)
        return record

    def _check_lists(self, lists: dict[RecordList, list[str]], place: str) -> None:
        for each, slugs in lists.items():
            for slug in slugs:
                self._find(each.related_model, slug, f"{place}, {each.name}")
        for slug, each, other in with_two_parts(lists):
            self.problems.append(f"{place}, {each.name}: {slug!r} is in {other.name} too")

    def _find(self, model: type[Record], slug: str | None, place: str) -> Record | None:
        record = self.records.get(model, {}).get(str(slug)) if slug else None
        if slug and record is None:
            known = ", ".join(self.records.get(model, {})) or "none"
            wrong = f"unknown {model._meta.model_name} {slug!r}; those of the record: {known}"
            self.problems.append(f"{place}: {wrong}")
        return record

    def _validate(self, record: Record, place: str) -> None:
        """Validate the fields, except relations to unsaved records, which have no primary key."""
        relations = {f.name for f in record._meta.concrete_fields if f.is_relation}
        try:
            record.clean_fields(exclude={n for n in relations if getattr(record, n, None)})
            period = getattr(record, "period", None)
            if period and not period.is_possible:
                self.problems.append(f"{place}: ends before it starts ({period})")
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                values = ", ".join(
                    str(value) for value, _ in _field(type(record), name).choices or ()
                )
                choices = f" Values: {values}." if values else ""
                self.problems.append(f"{place}, {name}: {' '.join(messages)}{choices}")

    def _cite(self, record: Record, quote: Any, place: str, number: int) -> None:
        quote = {"exact": quote} if isinstance(quote, str) else dict(quote or {})
        source, model = self._source(quote.get("source")), type(record)
        if not quote.get("exact") or source is None:
            choices = ", ".join(self.records[Source]) or "there is none"
            wrong = "no quote" if source else f"name under `source` one of the sources: {choices}"
            self.problems.append(f"{place}: {wrong}")
            return
        citation = Citation(
            slug=quote.get("slug") or f"{record.slug[:100]}-{model._meta.model_name}-{number}",
            source=source,
            exact=quote["exact"],
            locator=str(quote.get("locator", "")),
            **{name: quote[name] for name in ("field", "stance", "says") if name in quote},
            updated_at=self.data["publish_at"],
            **{} if isinstance(record, Source) else {_citation_field(model): record},
        )
        listed = {each.name for each in lists_in(model)}
        if citation.field and not (citation.field in listed or _field(model, citation.field)):
            wrong = f"{citation.field!r} is no field of it; its fields: {_field_names(model)}"
            self.problems.append(f"{place}: {wrong}")
        self._check_stance(citation, place)
        try:
            citation.locate()
        except ValidationError as error:
            times = len(source.passages.spans(citation.exact))
            self.problems.append(
                f"{place}, locator {citation.locator!r}: {_words(error)}"
                if "locator" in error.message_dict
                else f"{place}: the quote stands {times} times in {source.slug!r}, "
                f"not once, or is a single word: «{citation.exact}»"
            )
        else:
            self.citations.append(citation)

    def _source(self, slug: str | None) -> Source | None:
        """Return the source of a slug; without a slug, the only source."""
        sources = self.records[Source]
        return (
            next(iter(sources.values()))
            if not slug and len(sources) == 1
            else sources.get(slug or "")
        )

    def _check_stance(self, citation: Citation, place: str) -> None:
        try:
            citation.clean_fields({"source", "exact", "position", "number", *SUPPORTED})
            citation.check_claim()
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                self.problems.append(f"{place}, {name}: {' '.join(messages)}")

    def _number_citations(self) -> None:
        """Number the cited passages in the order of the text. Equal quotes share a number."""
        for source in self.records[Source].values():
            citations = [citation for citation in self.citations if citation.source is source]
            passages = sorted({(c.position, -len(c.exact), c.exact) for c in citations})
            numbers = {exact: number for number, (*_, exact) in enumerate(passages, 1)}
            for citation in citations:
                citation.number = numbers[citation.exact]

    def _refuse_overlaps(self) -> None:
        for term, other in combinations(self.records[RepresentationTerm].values(), 2):
            for problem in contradiction(term, other, other.slug).values():
                self.problems.append(f"representation_terms {term.slug!r}: {problem}")

    def _refuse_succession(self) -> None:
        organizations = self.records[Organization]
        memberships = [m for m in self.records[Membership].values() if m.organization]
        for membership in memberships:
            lists = self.lists[id(membership)].items()
            slugs = next(slugs for each, slugs in lists if each.name == "replaces")
            membership.replaced = [organizations[slug] for slug in slugs if slug in organizations]
        for membership in memberships:
            others = [other for other in memberships if other is not membership]
            for problem in succession_problem(membership, others).values():
                self.problems.append(f"memberships {membership.slug!r}: {problem}")

    def _refuse_labels(self) -> None:
        """A label is words of a source that its record cites."""
        cited: dict[int, list[Source]] = defaultdict(list)
        for citation in self.citations:
            cited[id(citation.record)].append(citation.source)
        for record in (record for records in self.records.values() for record in records.values()):
            for name in (f.name for f in record._meta.concrete_fields if f.name.endswith("_label")):
                label = getattr(record, name)
                if label and not any(s.passages.positions(label) for s in cited[id(record)]):
                    wrong = f"no source that it cites says «{label}»"
                    self.problems.append(f"{_section_of(record)} {record.slug!r}, {name}: {wrong}")

    def fixtures(self) -> dict[str, str]:
        """Return the text of each file, in a stable order: rows with natural keys only, and the
        list of sentences."""
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in FILES}
        for model, records in self.records.items():
            rows[model._meta.app_label] += map(self._row, records.values())
            for record in records.values():
                rows[model._meta.app_label] += self._part_rows(record)
        rows["citations"] = [*map(self._row, self.citations)]
        encode = DjangoJSONEncoder(ensure_ascii=False, indent=1).encode
        files = {f"{name}.json": f"{encode(file_rows)}\n" for name, file_rows in rows.items()}
        return files | {SENTENCES: "\n".join(self._sentence_lines())}

    def _row(self, record: Record) -> dict[str, Any]:
        names = [column.name for column in record._meta.concrete_fields if not column.generated]
        options = {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}
        (row,) = serializers.serialize("python", [record], fields=names, **options)
        lists = self.lists.get(id(record), {})
        row["fields"] |= {each.name: [[s] for s in lists[each]] for each in lists if not each.part}
        return row

    def _part_rows(self, record: Record) -> Iterator[dict[str, Any]]:
        for each, slugs in self.lists[id(record)].items():
            own, other = each.field.m2m_field_name(), each.field.m2m_reverse_field_name()
            for slug in slugs if each.part else ():
                fields = {own: [record.slug], other: [slug], **each.row}
                yield {"model": each.through._meta.label_lower, "fields": fields}

    def _sentence_lines(self) -> Iterator[str]:
        yield "# Each sentence of the sources, with the facts that quote it"
        for source, sentence, facts in self.sentences():
            yield f"\n> {sentence} ({source.slug})\n"
            yield from (f"- {fact}: {', '.join(fields)}" for fact, fields in facts.items())
        yield ""

    def sentences(self) -> Iterator[tuple[Source, str, dict[str, dict[str, None]]]]:
        """Yield the sentences of each source, and the headings that are quoted, with the facts that
        quote them: `{"event salida-del-stt": {"start": None}}`."""
        for source in self.records[Source].values():
            citations = [citation for citation in self.citations if citation.source is source]
            for sentence in source.passages.sentences:
                facts: dict[str, dict[str, None]] = {}
                for c in citations:
                    record, (start, end) = c.record, c.span
                    if record and start < sentence.end and end > sentence.start:
                        fact = f"{record._meta.model_name} {record.slug}"
                        facts.setdefault(fact, {})[c.field or "whole"] = None
                if facts or sentence.is_told:
                    yield source, source.passages.text[sentence.start : sentence.end], facts

    def uncited(self) -> Iterator[str]:
        """Yield «event salida-del-stt: start» for each fact that lacks proof of a date, or of
        itself: «record»."""
        for model in filter(is_fact, self.records):
            for record in self.records[model].values():
                quotes = [c for c in self.citations if c.record is record]
                proof = [c for c in quotes if c.stance == Citation.Stance.SUPPORTS]
                if names := uncited_names(record, proof):
                    yield f"{model._meta.model_name} {record.slug}: {names.replace(' ', ', ')}"


def read_facts(path: Path) -> Facts:
    """Read facts.yaml into unsaved records. Raises FactsError with all errors."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise FactsError(f"{path.name}: {error}") from error
    facts = Facts(path.parent, data)
    facts.read()
    if facts.problems:
        raise FactsError("\n".join(f"{path.name}: {problem}" for problem in facts.problems))
    return facts


def _words(error: OSError | ValidationError) -> str:
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)


def _section_of(record: Record) -> str:
    return next(section for section, model in MODELS.items() if isinstance(record, model))


def _field(model: type[Record], name: str) -> Any:
    return next((f for f in model._meta.get_fields() if f.name == name), None)


def _field_names(model: type[Record]) -> str:
    lists = {each.name for each in lists_in(model)}
    fields = {
        field.name
        for field in model._meta.concrete_fields
        if field.editable and not field.primary_key
    }
    return ", ".join(sorted(fields | lists))


def _citation_field(model: type[Record]) -> str:
    """Return the name of the foreign key from Citation to a model."""
    return _field(model, "citations").field.name
