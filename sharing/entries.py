"""What the entries of feeds and of calendars share: ids, the date in words, and the proof.

Ids are made of `settings.TAG_AUTHORITY` and digests of primary keys. If they contained slugs, feed
readers would show an entry as new when its slug changes; the keys themselves would tell how many
drafts there are.
"""

from collections.abc import Iterator
from typing import Any

from django.utils.crypto import salted_hmac

from organizations.models import Membership, RepresentationTerm
from record.proof import missing_proof
from sources.models import Citation
from timeline.models import date_sentence

MOST_PROOFS = 6
Spanned = (Membership, RepresentationTerm)


def public_id(record: Any) -> str:
    name = f"{record._meta.label_lower} {record.pk}"
    return salted_hmac("timeline.feeds", name, algorithm="sha256").hexdigest()[:32]


def title_of(record: Any) -> str:
    """The title; for a membership or a term «Alfa: representante, desde abril de 2017», with the
    proof that its dates lack."""
    if not isinstance(record, Spanned):
        return str(record.title)
    role = f"{record.organization.name}: {record.role_name}"
    dated = ", ".join(filter(None, (role, str(record.period))))
    doubts = (missing_proof(record), "[las fuentes no coinciden]" if record.contested else "")
    return " ".join(filter(None, (dated, *doubts)))


def dates_of(record: Any, note: str = "") -> str:
    """The date of a record in sentences, with the proof that it lacks, and what other sources say.
    `note` is added to the date of an event or a statement."""
    if not isinstance(record, Spanned):
        return date_sentence(record, note)
    labels = [f"«{label}»" for label in (record.start_label, record.end_label) if label]
    words = f"En palabras de la fuente: {'; '.join(labels)}." if labels else ""
    replaced = record.replaced if isinstance(record, Membership) else []
    others = " y ".join(organization.name for organization in replaced)
    sentences = (
        record.period.story(record.role_name),
        missing_proof(record),
        words,
        f"Sustituye a {others}." if others else "",
        record.otherwise,
        record.note and f"Nota nuestra: {record.note.removeprefix('Nota nuestra: ')}",
    )
    return " ".join(filter(None, sentences))


def proofs(record: Any) -> Iterator[tuple[Citation, bool]]:
    """The first citations of the record, of different words, and whether their sentence is new
    there."""
    by_words = {citation.passage: citation for citation in record.quotes}
    sentences = set()
    for citation in [*by_words.values()][:MOST_PROOFS]:
        sentence = citation.source_id, citation.prefix + citation.exact + citation.suffix
        yield citation, sentence not in sentences
        sentences.add(sentence)


def named(citation: Citation) -> str:
    """«Cita 3, «Acta 12», p. 14»; «Otra fuente dice» before a contradiction."""
    name = f"{citation}, «{citation.source}»"
    place = f", {citation.locator}" if citation.locator else ""
    return f"{'Otra fuente lo contradice: ' if citation.contradicts else ''}{name}{place}"
