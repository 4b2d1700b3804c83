"""Places the citations in the form of a record next to the fields that they prove."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.helpers import AdminForm, InlineAdminForm
from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst

from dates.edtf import ImpossibleDate
from dates.fields import EDTFField
from dates.spanish_dates import dates_in, read
from dates.text import collapse
from record.history import lists_in
from record.proof import dated, labels_of, proved_by, texts_of, unsaid_labels
from sources.models import BOUNDS, Citation, date_and_bound

NOT_FACTS = {"id", "slug", "updated_at", "publish_at", "unpublish_at", "sort_day"}
OURS = {"category", "kind", "sector"}
"""The classifications, which no source makes."""
UNASKED = {"website", "logo"}


def citable(model: type[models.Model]) -> list[tuple[str, str]]:
    """The fields of a record that a citation may support, as choices."""
    facts = {f.name: f.verbose_name for f in model._meta.fields if f.name not in NOT_FACTS | OURS}
    facts |= {each.name: each.verbose_name for each in lists_in(model)}
    labels = [(name, capfirst(str(label))) for name, label in facts.items()]
    return [("", "Todo el registro"), *labels]


def misfit(date: str, words: str) -> str:
    """«23 de mayo de 2017», if a quote says dates, and none of them is `date` or in it, or a bound
    of it; else empty. A date that is open on one side may rest on any date."""
    try:
        ours, said = read(date), dates_in(words)
    except ImpossibleDate:  # the form reports it
        return ""
    if not said or ours.kind in ("unknown", "after", "before"):
        return ""
    for other in said:
        for bound in (ours.lower, ours.upper):
            if other.text.startswith(bound) or (not ours.is_exact and bound.startswith(other.text)):
                return ""
    return str(said[0])


def said_instead(field: Any, old: str, new: str, words: str) -> str:
    """What a quote says in place of the new value of a field: another date, or the old text; else
    empty."""
    if isinstance(field, EDTFField):
        return misfit(new, words)
    is_text = isinstance(field, models.CharField)
    lost = is_text and old and collapse(old) in words and collapse(new) not in words
    return f"«{old}»" if lost else ""


def said_beside(form: Any, name: str, words: str) -> str:
    """What a quote says in place of the value of a field in the form of a record."""
    fields = {field.name: field for field in form._meta.model._meta.fields}
    if name not in form.fields:
        return ""
    old, new = (str(value or "") for value in (form.initial.get(name), form[name].value()))
    return said_instead(fields.get(name), old, new, words)


def labels_said(
    fact: Any, gone: Collection[Citation] = (), moved: Iterable[Citation] = ()
) -> set[str]:
    """The labels of a fact that its sources say, without the citations that are `gone` and with
    the citations that are `moved` to it."""
    texts = texts_of(fact, gone=gone)
    texts += {quote.source.passages.text for quote in moved if not quote.contradicts}
    unsaid = unsaid_labels(fact, texts)
    return {label for name, label in labels_of(fact).items() if name not in unsaid}


def labels_orphaned(
    gone: Collection[Citation], moved: Collection[Citation] = ()
) -> Iterator[tuple[Any, str]]:
    """The facts and their labels that no cited source says without the citations that are `gone`,
    or with the citations that are `moved` in their place."""
    for fact in dict.fromkeys(quote.record for quote in gone):
        arrived = [quote for quote in moved if quote.record == fact]
        for label in sorted(labels_said(fact) - labels_said(fact, gone, arrived)):
            yield fact, label


def refuse_orphans(orphans: Iterable[tuple[Any, str]]) -> None:
    """Raises ValidationError if there is a label that no quote proves any more."""
    if problems := [f"«{fact}» dice «{label}»" for fact, label in orphans]:
        words = f"{'; '.join(problems)}, palabras que solo dice la fuente de esta cita."
        raise ValidationError(f"{words} Quítelas antes, o agregue otra cita de esa fuente.")


def check_move(citation: Citation) -> None:
    """Raises ValidationError if a stored citation leaves a label that no other quote proves."""
    refuse_orphans(labels_orphaned(Citation.objects.filter(pk=citation.pk), [citation]))


@dataclass
class FieldProof:
    """The citations next to a field: the supporting ones by the bound of the date that they prove,
    and the contradicting ones. `choice` is the value of `field` for another citation; it is None if
    the field takes none."""

    choice: str | None = None
    ours: bool = False
    bare: bool = False
    misfits: list[str] = field(default_factory=list)
    """What quotes say in place of the date or the text."""
    groups: dict[str, list[InlineAdminForm]] = field(
        default_factory=lambda: {bound: [] for bound in BOUNDS.values()}
    )
    contradictions: list[InlineAdminForm] = field(default_factory=list)

    @property
    def is_cited(self) -> bool:
        return any(self.groups.values())


class Proofs(dict[str, FieldProof]):
    """The proof of each field of a form, by name. `others` are the citations of no field of the
    form, and the new ones; `empty` is the form for the next one."""

    def __init__(self, admin_form: AdminForm, rows: Iterable[InlineAdminForm], lead: str) -> None:
        super().__init__()
        self.others: list[InlineAdminForm] = []
        self.empty: InlineAdminForm | None = None
        self.form, self.lead = admin_form.form, lead
        fieldsets: Any = admin_form.fieldsets
        names = flatten_fieldsets(fieldsets)
        self.update((getattr(name, "__name__", name), FieldProof()) for name in names)
        self.proves_all = False
        cited = {self._place(row) for row in rows}
        for name, proof in self.items():
            self._ask(name, proof, cited)

    @property
    def bare_count(self) -> int:
        return sum(proof.bare for proof in self.values())

    def _place(self, row: InlineAdminForm) -> str:
        """Places a citation, and returns the name of the field that it proves; empty if it has no
        words, or contradicts."""
        form: Any = row.form
        if form.prefix.endswith("__prefix__"):
            self.empty = row
            return ""
        choice = form["field"].value() if "field" in form.fields else form.instance.field
        name, bound = date_and_bound(str(choice or self.lead))
        stored = form.instance.pk or form.initial.get("exact")
        stance = form["stance"].value() if "stance" in form.fields else form.instance.stance
        if stance == Citation.Stance.CONTRADICTS:
            place = self[name].contradictions if stored and name in self else self.others
            place.append(row)
            return ""
        if stored and name in self:
            self[name].groups[BOUNDS[bound]].append(row)
        else:
            self.others.append(row)
        if not (stored or form["exact"].value()):
            return ""
        self.proves_all |= not choice
        words = str(form["exact"].value() or form.instance.exact)
        if said := said_beside(self.form, name, words):
            self[name].misfits.append(said)
        return name

    def _ask(self, name: str, proof: FieldProof, cited: set[str]) -> None:
        """Decides whether a field that the form edits takes a citation, and lacks one."""
        proof.ours = name in OURS
        if name not in self.form.fields or name not in dict(citable(self.form._meta.model)):
            return
        is_filled, is_new = bool(self.form[name].value()), self.form.instance._state.adding
        if name not in UNASKED and (is_filled or proof.is_cited or is_new):
            proof.choice = "" if name == self.lead else name
        proof.bare = proof.choice is not None and is_filled and name not in cited
        # Each quote of a record proves that it exists, and a quote of all of it proves its dates.
        fields = {field.name: field for field in dated(self.form._meta.model)}
        is_proven = name in fields and not cited.isdisjoint(proved_by(fields[name])[1:])
        is_proven |= name in fields and self.proves_all
        if (name == self.lead and cited - {""}) or is_proven:
            proof.bare = False
