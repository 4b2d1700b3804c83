"""Attacks on the reading desk and on what it keeps: what a draft, a change or a received text tells
to others, what staff without «Publicación» may do, and what it costs to read hostile texts."""

from time import process_time
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from desk import forms
from desk.changes import change_of, hold, withdraw
from desk.models import PendingChange
from organizations.models import RepresentationTerm
from sources.models import Citation, Source
from tests import records
from tests.staff import address_of, draft, save
from tests.test_desk import desk
from texts.passages import Passages

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]


@pytest.mark.once
def test_a_text_of_which_each_sentence_is_quoted_is_marked_in_a_moment() -> None:
    passages = Passages(" ".join(f"Esto dice la oración {n} de la fuente." for n in range(4000)))
    spans = [(start, end) for start, end, _kind in passages.sentences]
    began = process_time()
    assert passages.unused(spans[1:]) == passages.sentences[:1]
    (block,) = passages.marked(dict(enumerate(spans)))
    assert [sentence.numbers for sentence in block.sentences] == [(n,) for n in range(4000)]
    assert process_time() - began < 1


def test_a_draft_membership_leads_from_its_organization_to_no_other(visitor: Any) -> None:
    """Neither in the page of the organization nor in its feed."""
    gama, member = records.organization(name="Gama"), records.membership(start="2012")
    addresses = [gama.get_absolute_url(), f"{gama.get_absolute_url()}atom.xml"]
    before = [visitor.get(address).text.count("<entry>") for address in addresses]
    change = draft(records.membership, organization=gama, replaces=member.organization)
    assert [visitor.get(address).text.count("<entry>") for address in addresses] == before
    assert str(member.organization) not in visitor.get(addresses[0]).text
    change.publish_at = records.LONG_AGO
    change.save()
    assert visitor.get(addresses[1]).text.count("<entry>") == before[1] + 2


def held_change(user: Any, quote: str = "anunció su salida") -> PendingChange:
    quotes = [{"exact": quote, "field": "location"}]
    return hold(draft(records.source), records.event(), {"location": "Lima"}, quotes, user)


def test_a_corrected_text_keeps_the_quotes_of_changes_that_are_held(publisher: Any) -> None:
    """It moves them as it moves citations, or asks for new words."""
    held = held_change(publisher.user)
    address, text = address_of("change", held.source), held.source.text
    assert save(publisher, address, text=text.replace("La Red an", "Ella an")).status_code == 302
    assert change_of(held).quotes[0]["exact"] == "anunció su salida"
    asked = save(publisher, address, text=text.replace("su salida", "que sale"))
    assert "En vez de «anunció su salida»" in asked.text
    (requote,) = (field.html_name for field in asked.context["adminform"].form.requotes)
    broken = {"text": text.replace("su salida", "que sale"), requote: "anunció que sale"}
    assert save(publisher, address, **broken).status_code == 302
    held.refresh_from_db()
    assert held.quotes[0]["exact"] == "anunció que sale"
    assert change_of(held).citations


def test_a_change_of_two_people_is_discarded_by_a_publisher_alone(
    editor: Any, publisher: Any
) -> None:
    held = held_change(publisher.user)
    hold(held.source, held.record, {"summary": "Salió."}, [], editor.user)  # type: ignore[arg-type]  # a Person
    held.refresh_from_db()
    with pytest.raises(PermissionDenied):
        withdraw(held, editor.user)
    withdraw(held, publisher.user)


def test_a_source_stays_while_a_change_waits_for_it(publisher: Any) -> None:
    held = held_change(publisher.user)
    address = address_of("delete", held.source)
    page = publisher.get(address)
    assert "un cambio por publicar" in page.text
    sent = {"confirmed": "1", "shown": page.context["tokens"], "change_reason": "x"}
    publisher.post(address, sent)
    assert PendingChange.objects.exists()
    withdraw(held, publisher.user)
    publisher.post(address, sent)
    assert not Source.objects.exists()


def test_a_quote_of_the_desk_is_as_long_as_any_other_at_most(editor: Any) -> None:
    source = draft(records.source, text=f"Uno dos. Y una {'palabra larga ' * 400}.")
    records.category()
    fields = {"title": "Algo", "category": records.WORDS["acuerdo"], "start": "2012"}
    sheet = desk(editor, source, "?o=2&hecho=acontecimiento").press("save", **fields)
    assert "Una cita tiene como mucho 5,000 caracteres" in sheet.text
    assert not Citation.objects.exists()
    desk(editor, source, "?o=2:1-9&hecho=acontecimiento").press("save", "next", **fields)


def test_a_draft_that_is_published_at_the_same_moment_stays_as_it_was_published(
    editor: Any, monkeypatch: Any
) -> None:
    term = draft(records.term, start="2012")

    def publish_first(*line: Any) -> str:
        RepresentationTerm.objects.filter(pk=term.pk).update(publish_at=records.LONG_AGO)
        return str(token_of(*line))

    token_of = forms.token_of
    source, other = draft(records.source), records.organization()
    fields = {"organization": other.pk, "role": "representative", "start": "2013"}
    sheet = desk(editor, source, "?o=3&hecho=periodo")
    monkeypatch.setattr(forms, "token_of", publish_first)
    sheet.press("save", ends=term.pk, ends__end="2013", **fields)
    term.refresh_from_db()
    assert (term.end, term.is_draft()) == ("", False)
