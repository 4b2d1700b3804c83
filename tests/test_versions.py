"""Any version is compared word by word, and opens in the ordinary form with its relations and
citations; saving it is a save like any other."""

from typing import Any

import pytest
from django.urls import reverse

from editing.snapshots import read_past
from organizations.models import Membership, Organization, RepresentationTerm
from sources.models import Citation, Source
from tests import records
from tests.staff import QUOTE, address_of, confirm, draft, problems, quote, save, written
from timeline.models import Event, Statement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
OTHER_QUOTE = "se convocó a cuatro organizaciones"


def at(name: str, record: Any, *args: Any) -> str:
    meta = record._meta
    address = f"admin:{meta.app_label}_{meta.model_name}_{name}"
    return reverse(address, args=[*([record.pk] if record.pk else []), *args])


def compare(person: Any, record: Any, before: Any, after: Any, **more: Any) -> Any:
    return person.get(at("compare", record), {"antes": before, "despues": after} | more)


def version(record: Any, number: int) -> Any:
    return record.history.order_by("history_id")[number - 1]


def opening(record: Any, number: int) -> str:
    return f"{address_of('change', record)}?version={version(record, number).history_id}"


def restore(person: Any, record: Any, number: int, **changes: Any) -> Any:
    """Opens a version in the form and saves it."""
    return save(person, opening(record, number), **changes)


def from_trash(model: Any, key: int) -> str:
    last = model.history.filter(id=key).order_by("-history_id")[0]
    return f"{address_of('add', model)}?from={last.history_id}"


def restore_from_trash(person: Any, model: Any, key: int, **changes: Any) -> Any:
    return save(person, from_trash(model, key), **changes)


def notes(page: Any) -> set[str]:
    """The labels of the fields that say what they hold today."""
    return {field["label"] for field in page.context["review"].noted["version"]}


def trash(model: Any) -> str:
    return at("trash", model())


@pytest.fixture
def told(publisher: Any) -> Event:
    """An event of three versions: as added; named, cited and dated; all of that otherwise."""
    source = records.source(slug="fuente")
    one, other = records.organization(name="Una"), records.organization(name="Otra")
    event = draft(title="Se firma", summary="Se firma un acuerdo.", start="2011-08", slug="firma")
    address = address_of("change", event)
    save(
        publisher, address, organizations=[one.pk], body="<p>Uno</p>", date_label="en agosto",
        change_reason="se completa", **quote(event, field="start"),
    )  # fmt: skip
    save(
        publisher, address, organizations=[other.pk], summary="Se firma otro acuerdo público.",
        start="2011", category="salida", date_label="", body="<p>Dos</p>",
        **quote(event, source=source.pk, exact=OTHER_QUOTE),
    )  # fmt: skip
    assert event.history.count() == 3, "a version an act"
    event.refresh_from_db()
    return event


def as_it_is(event: Event) -> tuple:
    names = sorted(event.organizations.values_list("name", flat=True))
    cited = [*event.citations.order_by("pk").values_list("exact", "field")]
    return event.title, event.summary, event.start, event.body, names, cited


SECOND = ("Se firma", "Se firma un acuerdo.", "2011-08", "<p>Uno</p>", ["Una"], [(QUOTE, "start")])


# History and comparison


def test_a_version_has_the_lists_and_citations_that_the_record_had(told: Event) -> None:
    versions = read_past(Event, [version(told, n) for n in (1, 2, 3)])
    assert [(v.number, v.last) for v in versions] == [(1, 3), (2, 3), (3, 3)]
    names = [v.snapshot.lists["organizations"] for v in versions]
    assert [len(of) for of in names] == [0, 1, 1]
    assert names[1] != names[2]
    cited = [[part.exact for part in v.snapshot.parts] for v in versions]
    assert cited == [[], [QUOTE], [OTHER_QUOTE]]


def test_a_citation_by_another_way_belongs_to_the_version_of_then(told: Event) -> None:
    late = records.citation(told, "anunció su salida", source=Source.objects.get())
    third = version(told, 3)
    assert late in read_past(Event, [third])[0].snapshot.parts
    late.delete()
    assert late not in read_past(Event, [third])[0].snapshot.parts


def test_the_history_says_who_when_why_and_what(told: Event, reader: Any) -> None:
    shown = reader.get(at("history", told)).text
    for said in ("Versión 3 · hoy", "publisher", "se completa", "por probar", "Citas: +1"):
        assert said in shown
    assert "Restaurar" not in shown


def test_two_versions_are_compared_with_names_in_spanish(told: Event, reader: Any) -> None:
    shown = " ".join(compare(reader, told, 2, 3).text.split())
    for label in ("Resumen", "Inicio", "Categoría", "Organizaciones", "Citas", "Texto"):
        assert f'role="rowheader">{label}' in shown
    assert "Título" not in shown
    assert '<del><span class="visually-hidden">(se quita:) </span> un</del>' in shown
    assert '<ins><span class="visually-hidden">(se agrega:) </span> otro</ins>' in shown
    assert "agosto de 2011" in shown
    assert "(se quita:) </span>acuerdo</del>" in shown  # a choice, whole
    assert "(se quita:) </span>Una</del>" in shown
    assert "«se convocó a cuatro organizaciones»" in shown
    assert "Pérdida" in shown
    assert "Título" in compare(reader, told, 2, 3, todos=1).text


def test_the_publication_is_compared_too(told: Event, publisher: Any) -> None:
    save(publisher, address_of("change", told), _publish="1")
    shown = " ".join(compare(publisher, told, 3, 4).text.split())
    assert "Publicación" in shown
    assert shown.index("Borrador") < shown.index("Público") < shown.index("desde el")


def test_markup_in_any_version_is_inert(publisher: Any) -> None:
    event = draft()
    save(publisher, address_of("change", event), title="<script>alert(1)</script>", summary="<b>x")
    for address in (at("history", event), at("compare", event)):
        assert "<script>alert" not in publisher.get(address).text
    confirm(publisher, address_of("delete", event))
    assert "<script>alert" not in publisher.get(trash(Event)).text


@pytest.mark.parametrize(
    "numbers", [("9", "1"), ("x", "1"), ("1", "0"), ("²", "1"), ("1", "9" * 30)]
)
def test_versions_that_are_not_there_are_not_found(
    numbers: tuple, told: Event, reader: Any
) -> None:
    asked = {"antes": numbers[0], "despues": numbers[1]}
    assert reader.get(at("compare", told), asked).status_code == 404


def test_simple_historys_address_leads_to_the_comparison_and_refuses_post(
    told: Event, publisher: Any, reader: Any, admin: Any
) -> None:
    address = at("version", told, version(told, 2).history_id)
    assert address == f"{at('history', told)}{version(told, 2).history_id}/"
    response = reader.get(address)
    assert response.url == f"{at('compare', told)}?antes=1&despues=2"
    before = as_it_is(told)
    for person in (reader, publisher, admin):
        assert person.post(address, {"title": "x"}).status_code == 405
    assert as_it_is(Event.objects.get()) == before
    assert reader.get(at("version", told, 999_999)).status_code == 404


# Restore


def test_a_version_opens_in_the_form_with_what_differs_marked(told: Event, publisher: Any) -> None:
    page = publisher.get(opening(told, 2))
    filled = written(page)
    assert (filled["title"], filled["summary"]) == ("Se firma", "Se firma un acuerdo.")
    assert (filled["start"], filled["citations-0-exact"]) == ("agosto de 2011", QUOTE)
    assert filled["change_reason"] == "Vuelve a la versión 2:"
    assert notes(page) == {
        "Resumen", "Inicio", "Categoría", "Texto", "Organizaciones", "Palabras de la fuente",
        "Cita: Palabras exactas",
    }  # fmt: skip
    said = " ".join(page.text.split())
    assert "Está viendo la versión 2" in said
    assert "Hoy es la 3" in said
    assert "Será la 4." in said
    assert "Hoy: <q>2011</q>" in said
    assert "(se quita:) </span> otro</del>" in said
    assert as_it_is(Event.objects.get()) == as_it_is(told)
    assert told.history.count() == 3


def test_a_version_comes_back_with_its_relations_and_citations(told: Event, publisher: Any) -> None:
    kept = told.citations.get()
    assert restore(publisher, told, 2, change_reason="Vuelve a la versión 2: se prueba").url
    event = Event.objects.get()
    assert as_it_is(event) == SECOND
    assert event.citations.get().pk == kept.pk
    newest = event.history.first()
    assert event.history.count() == 4
    assert newest.history_change_reason == "Vuelve a la versión 2: se prueba"
    assert newest.history_user == publisher.user
    restore(publisher, told, 1)
    assert not event.citations.exists()
    restore(publisher, told, 3)
    assert as_it_is(Event.objects.get())[5] == [(OTHER_QUOTE, "start")]


def test_going_on_editing_shows_what_was_saved(told: Event, publisher: Any) -> None:
    answer = restore(publisher, told, 2, _continue="1")
    assert answer.url == address_of("change", told)
    confirm(publisher, address_of("delete", told))
    answer = restore_from_trash(publisher, Event, told.pk, _continue="1")
    assert answer.url == address_of("change", told)


def test_a_version_can_be_touched_up_before_it_is_saved(told: Event, publisher: Any) -> None:
    restore(publisher, told, 2, title="Se firma, al fin")
    assert as_it_is(Event.objects.get()) == ("Se firma, al fin", *SECOND[1:])


def test_a_button_leaves_what_the_record_says_today(told: Event, publisher: Any) -> None:
    address = opening(told, 2)
    left = {"_use": "now summary", "title": "Con retoques"}
    page = publisher.post(address, written(publisher.get(address)) | left)
    assert page.status_code == 200
    filled = written(page)
    assert (filled["summary"], filled["title"]) == (told.summary, "Con retoques")
    assert "Resumen" not in notes(page)
    assert {"Inicio", "Título", "Cita: Palabras exactas"} <= notes(page)
    assert told.history.count() == 3
    assert publisher.post(address, filled).status_code == 302
    assert as_it_is(Event.objects.get())[1:3] == (told.summary, "2011-08")


def test_the_identifier_and_the_publication_stay(told: Event, publisher: Any) -> None:
    save(publisher, address_of("change", told), _publish="1", slug="otra-firma")
    restore(publisher, told, 2)
    assert Event.objects.get().is_public()
    save(publisher, address_of("change", told), _withdraw="1")
    restore(publisher, told, 4)
    assert Event.objects.get().state == "withdrawn"
    assert Event.objects.get().slug == "otra-firma"


def test_who_may_not_change_a_record_opens_none_of_its_versions(
    told: Event, publisher: Any, editor: Any, reader: Any
) -> None:
    address, sent = opening(told, 2), written(publisher.get(opening(told, 2)))
    for answer in (reader.get(address), reader.post(address, sent)):
        assert answer.status_code == 403
    assert restore(editor, told, 2).status_code == 302
    save(publisher, address_of("change", told), _publish="1")
    assert editor.get(opening(told, 1)).status_code == 403
    sent = written(publisher.get(opening(told, 1)))
    assert editor.post(opening(told, 1), sent).status_code == 403
    assert as_it_is(Event.objects.get()) == SECOND


def test_an_editor_moves_nothing_to_a_public_page_by_restoring(editor: Any, publisher: Any) -> None:
    public, hidden = records.organization(), draft(records.organization)
    membership = records.membership(organization=public)
    save(publisher, address_of("change", membership), organization=hidden.pk)
    assert "Esto ya es público" in problems(restore(editor, membership, 1))
    membership.refresh_from_db()
    assert membership.organization == hidden


@pytest.mark.parametrize("why", ["", "Vuelve a la versión 2:"])
def test_what_is_public_comes_back_with_a_reason_only(
    why: str, told: Event, publisher: Any
) -> None:
    save(publisher, address_of("change", told), _publish="1")
    asked = restore(publisher, told, 2, change_reason=why)
    assert "Diga por qué" in problems(asked)
    assert "Resumen" in notes(asked)
    assert Event.objects.get().summary == told.summary


def test_what_changed_since_a_version_was_opened_is_not_saved_over(
    told: Event, publisher: Any, admin: Any
) -> None:
    sent = written(publisher.get(opening(told, 2)))
    save(admin, address_of("change", told), title="De otra mano", start="2014")
    page = publisher.post(opening(told, 2), sent)
    assert page.status_code == 409
    assert "admin guardó" in page.text
    assert written(page)["title"] == "De otra mano"
    assert {field["label"] for field in page.context["review"].noted["clash"]} == {"Inicio"}
    assert Event.objects.get().title == "De otra mano"


def test_what_must_always_be_true_is_so_after_restoring_too(publisher: Any) -> None:
    term = records.term(start="2011", end="2013")
    save(publisher, address_of("change", term), start="2015", end="2016")
    records.term(start="2012", end="2014")
    assert "Se traslapa" in problems(restore(publisher, term, 1))


def test_what_a_version_names_and_is_gone_is_said(told: Event, publisher: Any) -> None:
    key = Organization.objects.get(name="Una").pk
    confirm(publisher, address_of("delete", Organization.objects.get(name="Una")))
    page = publisher.get(opening(told, 2))
    assert "Está en la papelera y no vuelve: «Una» (organización)" in page.text
    restore_from_trash(publisher, Organization, key)
    assert restore(publisher, told, 2).status_code == 302
    assert as_it_is(Event.objects.get()) == SECOND


def test_a_quote_that_its_source_no_longer_says_is_an_error_of_its_row(
    told: Event, publisher: Any
) -> None:
    source = Source.objects.get()
    corrected = source.text.replace(QUOTE, "resolvieron unirse")
    assert save(publisher, address_of("change", source), text=corrected).status_code == 302
    refused = restore(publisher, told, 2)
    assert "Palabras exactas: No está en la fuente" in problems(refused)
    assert "Cita 1" in problems(refused)
    assert Event.objects.get().summary == told.summary
    assert restore(publisher, told, 2, **quote(told, exact=OTHER_QUOTE)).status_code == 302
    assert Event.objects.get().summary == "Se firma un acuerdo."


def test_a_text_that_would_break_citations_asks_for_new_words_when_it_comes_back(
    publisher: Any,
) -> None:
    source = draft(records.source)
    text = source.text
    save(publisher, address_of("change", source), text=f"{text}\n\nSe agrega otro párrafo.")
    records.citation(records.event(), "Se agrega otro párrafo", source=source)
    asked = restore(publisher, source, 1)
    assert "se romperían citas" in problems(asked)
    assert Source.objects.get().text != text


def test_a_citation_that_is_gone_comes_back(told: Event, publisher: Any) -> None:
    save(publisher, address_of("change", told), **{"citations-0-DELETE": "on"})
    page = publisher.get(opening(told, 3))
    assert "Vuelve con la versión 3." in page.text
    restore(publisher, told, 3)
    assert told.citations.get().exact == OTHER_QUOTE


def test_a_citation_newer_than_the_version_is_ticked_to_go(told: Event, publisher: Any) -> None:
    page = publisher.get(opening(told, 1))
    assert "No estaba en la versión 1: se quita." in page.text
    assert written(page)["citations-0-DELETE"] is True
    restore(publisher, told, 1, **{"citations-0-DELETE": ""})
    assert told.citations.get().exact == OTHER_QUOTE


def test_a_citation_that_supports_another_record_by_now_stays_there(
    told: Event, publisher: Any
) -> None:
    other, moved = draft(), told.citations.get()
    save(publisher, address_of("change", moved), event=other.pk)
    restore(publisher, told, 2)
    assert [*other.citations.all()] == [moved]
    assert told.citations.get().exact == QUOTE


def test_a_logo_comes_back_with_its_version(publisher: Any, tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    organization = draft(records.organization)
    for name in ("logos/uno.png", "logos/otro.png"):
        organization.logo = name
        organization.save()
    page = publisher.get(opening(organization, 2))
    assert "Hoy: <q>logos/otro.png</q>" in " ".join(page.text.split())
    assert restore(publisher, organization, 2, logo="").status_code == 302
    organization.refresh_from_db()
    assert organization.logo.name == "logos/uno.png"


@pytest.mark.parametrize("key", ["", "x", "²", "999999", "9" * 30])
def test_a_version_that_is_not_there_is_not_found(key: str, told: Event, publisher: Any) -> None:
    assert publisher.get(address_of("change", told), {"version": key}).status_code == 404
    other = version(draft(), 1).history_id
    assert publisher.get(address_of("change", told), {"version": other}).status_code == 404
    found = publisher.get(address_of("add", Event), {"from": key}, follow=True)
    assert "Ya no está en la papelera" in found.text


# The papelera


@pytest.mark.parametrize(
    "model", [Organization, Membership, RepresentationTerm, Event, Statement, Citation]
)
def test_what_was_deleted_comes_back_with_its_citations(model: Any, publisher: Any) -> None:
    source = records.source()
    make = {Organization: records.organization, Membership: records.membership,
            RepresentationTerm: records.term, Event: records.event, Statement: records.statement,
            Citation: lambda: records.citation(records.event(), source=source)}[model]  # fmt: skip
    record = make()
    cited = [] if model is Citation else [QUOTE, OTHER_QUOTE]
    for words in cited:
        records.citation(record, words, source=source)
    key, slug = record.pk, record.slug
    confirm(publisher, address_of("delete", record))
    page = publisher.get(trash(model))
    assert slug in page.text
    assert ("2 citas" in page.text) == bool(cited)
    assert "por probar" in page.text
    (row,) = page.context["rows"]
    saved = save(publisher, row["restore"])
    assert saved.status_code == 302, problems(saved)
    back = model.objects.get()
    assert (back.pk, back.slug) == (key, slug)
    if cited:
        assert {*back.citations.values_list("exact", flat=True)} == {*cited}
    assert slug not in publisher.get(trash(model)).text


def test_what_was_deleted_comes_back_as_a_draft_with_its_lists(told: Event, publisher: Any) -> None:
    save(publisher, address_of("change", told), _publish="1")
    before, key = as_it_is(told), told.pk
    confirm(publisher, address_of("delete", told))
    assert "1 organización: Otra" in publisher.get(trash(Event)).text
    page = publisher.get(from_trash(Event, key))
    assert "vuelve como borrador" in page.text
    assert not Event.objects.exists()
    restore_from_trash(publisher, Event, key)
    back = Event.objects.get()
    assert as_it_is(back) == before
    assert back.is_draft()
    assert back.history.count() == 6
    assert back.history.first().history_type == "+"


def test_the_list_moves_many_to_the_papelera_and_they_come_back(publisher: Any) -> None:
    source, events = records.source(), [draft() for _ in "abc"]
    for event in events:
        records.citation(event, source=source)
    chosen = {"action": "delete_selected", "_selected_action": [e.pk for e in events]}
    assert confirm(publisher, address_of("changelist", Event), **chosen).status_code == 302
    assert not Event.objects.exists()
    for event in events:
        restore_from_trash(publisher, Event, event.pk)
    assert Event.objects.count() == Citation.objects.count() == 3


def test_restoring_from_the_papelera_asks_what_adding_asks(
    editor: Any, reader: Any, publisher: Any
) -> None:
    membership, event = records.membership(organization=records.organization()), records.event()
    keys = {Membership: membership.pk, Event: event.pk}
    for record in (membership, event):
        confirm(publisher, address_of("delete", record))
    for model, key in keys.items():
        address = from_trash(model, key)
        assert reader.get(address).status_code == 403
        assert reader.post(address, written(publisher.get(address))).status_code == 403
    refused = restore_from_trash(editor, Membership, keys[Membership])
    assert "Esto ya es público" in problems(refused)
    assert not Membership.objects.exists()
    assert restore_from_trash(editor, Event, keys[Event]).status_code == 302
    assert Event.objects.get().is_draft()
    assert "?from=" not in reader.get(trash(Membership)).text


def test_a_slug_in_use_is_an_error_and_a_free_one_is_made(publisher: Any) -> None:
    event = draft(slug="salida", title="La salida")
    key = event.pk
    confirm(publisher, address_of("delete", event))
    records.event(slug="salida")
    assert "Ya existe" in problems(restore_from_trash(publisher, Event, key))
    restore_from_trash(publisher, Event, key, slug="")
    assert Event.objects.get(pk=key).slug == "la-salida"


def test_what_it_belongs_to_must_come_back_first(publisher: Any) -> None:
    organization = records.organization(name="La dueña")
    membership = records.membership(organization=organization)
    key, owner = membership.pk, organization.pk
    for record in (membership, organization):
        confirm(publisher, address_of("delete", record))
    shown = publisher.get(from_trash(Membership, key)).text
    assert "restáurelo antes: «La dueña» (organización)" in shown
    assert "Organización:" in problems(restore_from_trash(publisher, Membership, key))
    restore_from_trash(publisher, Organization, owner)
    assert restore_from_trash(publisher, Membership, key).status_code == 302
    assert Membership.objects.get().organization_id == owner


def test_a_quote_that_is_gone_is_an_error_in_the_papelera_too(publisher: Any) -> None:
    source, event = records.source(), draft()
    key = records.citation(event, source=source).event_id
    confirm(publisher, address_of("delete", event))
    corrected = source.text.replace(QUOTE, "resolvieron unirse")
    save(publisher, address_of("change", source), text=corrected)
    assert "No está en la fuente" in problems(restore_from_trash(publisher, Event, key))
    restore_from_trash(publisher, Event, key, **{"citations-0-DELETE": "on"})
    assert not Event.objects.get().citations.exists()


def test_what_came_back_already_is_not_brought_back_twice(publisher: Any, admin: Any) -> None:
    event = draft()
    key = event.pk
    confirm(publisher, address_of("delete", event))
    address = from_trash(Event, key)
    late = written(admin.get(address)) | {"title": "Tarde"}
    restore_from_trash(publisher, Event, key)
    assert "Ya no está en la papelera" in admin.post(address, late, follow=True).text
    assert Event.objects.get().title != "Tarde"


def test_the_papelera_asks_the_database_the_same_however_much_is_in_it(
    publisher: Any, django_assert_max_num_queries: Any
) -> None:
    source, one = records.source(), records.organization()
    for _ in range(8):
        event = draft()
        event.organizations.add(one)
        records.citation(event, source=source)
        event.delete()
    with django_assert_max_num_queries(20):
        assert publisher.get(trash(Event)).text.count("1 cita;") == 8


def test_a_papelera_and_a_history_are_for_who_may_see_them(visitor: Any, told: Event) -> None:
    for address in (trash(Event), at("compare", told), at("history", told), opening(told, 1)):
        assert visitor.get(address).status_code == 302
        assert visitor.post(address).status_code == 302


def test_a_receipt_leads_to_what_each_version_changed(publisher: Any) -> None:
    from tests.test_import_export import csv_of, imported

    event = draft(slug="uno", title="Antes")
    receipt = imported("eventos", csv_of("identificador,titulo", "uno,Después"), publisher.user)
    shown = publisher.get(reverse("admin:exchange_receipt_change", args=[receipt.pk])).text
    address = at("version", event, event.history.first().history_id)
    assert address in shown
    assert "Después" in publisher.get(address, follow=True).text
    assert not problems(publisher.get(address_of("change", event)))
