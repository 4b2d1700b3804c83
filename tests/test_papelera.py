"""A deleted record goes to the papelera with its citations, and comes back as a draft through the
form, with the permission to add it."""

from typing import Any

import pytest
from django.db import IntegrityError

from organizations.models import Membership, Organization
from sources.models import Citation
from tests import records
from tests.staff import (
    QUOTE,
    address_of,
    confirm,
    draft,
    from_trash,
    page_of,
    problems,
    restore_from_trash,
    save,
    written,
)
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
OTHER_QUOTE = "se convocó a cuatro organizaciones"


def chosen(*targets: Any) -> dict[str, Any]:
    return {"action": "delete_selected", "_selected_action": [record.pk for record in targets]}


def trash(model: Any) -> str:
    return page_of("trash", model())


def delete(person: Any, *targets: Any) -> None:
    for record in targets:
        assert confirm(person, address_of("delete", record)).status_code == 302


# Moving there


def test_what_is_referred_to_is_not_deleted_and_what_refers_is_listed(admin: Any) -> None:
    source, organization, event = records.source(), records.organization(), records.event()
    event.organizations.add(organization)
    statement = records.statement()
    statement.events.add(event)
    membership = records.membership(organization=organization)
    term = records.term(organization=organization)
    citation = records.citation(event, source=source)
    for record, referring in (
        (source, [citation]),
        (organization, [membership, term, event]),
        (event, [statement]),
    ):
        address, model = address_of("delete", record), type(record)
        page = admin.get(address).text
        assert "se refiere" in page
        assert 'value="Mover a la papelera"' not in page
        for other in referring:
            assert address_of("change", other) in page
        assert confirm(admin, address).status_code == 200
        listed = confirm(admin, address_of("changelist", model), **chosen(record))
        assert address_of("change", referring[0]) in listed.text
        assert model.objects.filter(pk=record.pk).exists()


@pytest.mark.parametrize("action", ["delete", "changelist"])
def test_a_rival_at_the_same_moment_makes_the_papelera_look_again(
    action: str, publisher: Any, monkeypatch: Any
) -> None:
    organization = draft(records.organization)

    def delete(self: Organization) -> None:
        monkeypatch.undo()
        raise IntegrityError

    monkeypatch.setattr(Organization, "delete", delete)
    address = address_of(action, organization if action == "delete" else Organization)
    response = confirm(publisher, address, **chosen(organization))
    assert response.status_code == 302
    assert not Organization.objects.exists()


# Coming back


@pytest.mark.parametrize("make", [*records.MAKERS[1:], None])
def test_what_was_deleted_comes_back_with_its_citations(make: Any, publisher: Any) -> None:
    source = records.source()
    record = make() if make else records.citation(records.event(), source=source)
    quotes = {QUOTE, OTHER_QUOTE} if make else set()
    for words in quotes:
        records.citation(record, words, source=source)
    model, key, slug = type(record), record.pk, record.slug
    assert ("Citas: 2" in publisher.get(address_of("delete", record)).text) == bool(quotes)
    delete(publisher, record)
    assert not Citation.objects.exists()
    page = publisher.get(trash(model))
    assert slug in page.text
    assert ("2 citas" in page.text) == bool(quotes)
    assert "por probar" in page.text
    (row,) = page.context["rows"]
    saved = save(publisher, row["restore"])
    assert saved.status_code == 302, problems(saved)
    back = model.objects.get()
    assert (back.pk, back.slug) == (key, slug)
    if quotes:
        assert {*back.citations.values_list("exact", flat=True)} == quotes
    assert slug not in publisher.get(trash(model)).text


def test_what_was_deleted_comes_back_as_a_draft_with_its_lists(publisher: Any) -> None:
    event, organization = records.event(title="Se firma"), records.organization(name="Otra")
    save(publisher, address_of("change", event), is_named=[organization.pk])
    versions, key = event.history.count(), event.pk
    delete(publisher, event)
    assert "Nombradas: Otra" in publisher.get(trash(Event)).text
    assert "vuelve como borrador" in publisher.get(from_trash(Event, key)).text
    assert not Event.objects.exists()
    answer = restore_from_trash(publisher, Event, key, _continue="1")
    back = Event.objects.get()
    assert answer.url == address_of("change", back)
    assert (back.title, [*back.organizations.all()]) == ("Se firma", [organization])
    assert back.is_draft()
    assert back.history.count() == versions + 2
    assert back.history.first().history_type == "+"


def test_the_list_moves_many_to_the_papelera_and_they_come_back(publisher: Any) -> None:
    source, events = records.source(), [draft() for _ in "abc"]
    for event in events:
        records.citation(event, source=source)
    address = address_of("changelist", Event)
    assert confirm(publisher, address, **chosen(*events)).status_code == 302
    assert not Event.objects.exists()
    for event in events:
        restore_from_trash(publisher, Event, event.pk)
    assert Event.objects.count() == Citation.objects.count() == 3


def test_restoring_from_the_papelera_asks_what_adding_asks(
    editor: Any, reader: Any, publisher: Any
) -> None:
    membership, event = records.membership(organization=records.organization()), records.event()
    keys = {Membership: membership.pk, Event: event.pk}
    delete(publisher, membership, event)
    for model, key in keys.items():
        address = from_trash(model, key)
        assert reader.get(address).status_code == 403
        assert reader.post(address, written(publisher.get(address))).status_code == 403
    unknown = reader.get(address_of("add", Event), {"from": "999999"})
    assert unknown.status_code == 403
    for model, key in keys.items():
        assert restore_from_trash(editor, model, key).status_code == 302
        assert model.objects.get().is_draft()
    assert "?from=" not in reader.get(trash(Membership)).text


def test_a_slug_in_use_is_an_error_and_a_free_one_is_made(publisher: Any) -> None:
    event = draft(slug="salida", title="La salida")
    key = event.pk
    delete(publisher, event)
    records.event(slug="salida")
    assert "tiene ya este identificador" in problems(restore_from_trash(publisher, Event, key))
    restore_from_trash(publisher, Event, key, slug="")
    assert Event.objects.get(pk=key).slug == "la-salida"


def test_what_it_belongs_to_must_come_back_first(publisher: Any) -> None:
    organization = records.organization(name="La dueña")
    membership = records.membership(organization=organization)
    key, owner = membership.pk, organization.pk
    delete(publisher, membership, organization)
    page = publisher.get(from_trash(Membership, key)).text
    assert "restáurelo antes: «La dueña» (organización)" in page
    assert "Organización:" in problems(restore_from_trash(publisher, Membership, key))
    restore_from_trash(publisher, Organization, owner)
    assert restore_from_trash(publisher, Membership, key).status_code == 302
    assert Membership.objects.get().organization_id == owner


def test_a_quote_that_is_gone_is_an_error_in_the_papelera_too(publisher: Any) -> None:
    source, event = records.source(), draft()
    key = records.citation(event, source=source).event_id
    delete(publisher, event)
    corrected = source.text.replace(QUOTE, "resolvieron unirse")
    save(publisher, address_of("change", source), text=corrected)
    assert "No está en la fuente" in problems(restore_from_trash(publisher, Event, key))
    restore_from_trash(publisher, Event, key, **{"citations-0-DELETE": "on"})
    assert not Event.objects.get().citations.exists()


def test_what_came_back_already_is_not_brought_back_twice(publisher: Any, admin: Any) -> None:
    event = draft()
    key = event.pk
    delete(publisher, event)
    address = from_trash(Event, key)
    late = written(admin.get(address)) | {"title": "Tarde"}
    restore_from_trash(publisher, Event, key)
    assert "Ya no está en la papelera" in admin.post(address, late, follow=True).text
    assert Event.objects.get().title != "Tarde"
    for unknown in ("", "x", "²", "999999", "9" * 30):
        page = publisher.get(address_of("add", Event), {"from": unknown}, follow=True)
        assert "Ya no está en la papelera" in page.text


def test_the_number_of_queries_of_the_papelera_does_not_grow_with_its_records(
    publisher: Any, django_assert_max_num_queries: Any
) -> None:
    source, organization = records.source(), records.organization()
    for _ in range(8):
        event = draft()
        event.organizations.add(organization)
        records.citation(event, source=source)
        event.delete()
    with django_assert_max_num_queries(20):
        assert publisher.get(trash(Event)).text.count("1 cita;") == 8
