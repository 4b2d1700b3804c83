"""Any version is compared word by word, and opens in the ordinary form with its relations and
citations; saving it is a save like any other."""

from typing import Any

import pytest

from editing.snapshots import with_snapshots
from organizations.models import Organization
from record.history import lists_in
from sources.models import Source
from tests import records
from tests.staff import (
    QUOTE,
    act,
    address_of,
    confirm,
    draft,
    opening,
    page_of,
    problems,
    quote,
    restore,
    restore_from_trash,
    save,
    version,
    written,
)
from tests.test_import_export import imported
from timeline.models import Event

IS_NAMED = next(each for each in lists_in(Event) if each.part == "is_named")
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
OTHER_QUOTE = "se convocó a cuatro organizaciones"


def compare(person: Any, record: Any, before: Any, after: Any, **more: Any) -> Any:
    return person.get(page_of("compare", record), {"antes": before, "despues": after} | more)


def words(page: Any) -> str:
    return " ".join(page.text.split())


def notes(page: Any) -> set[str]:
    """The labels of the fields whose note shows the present value."""
    return {field["label"] for field in page.context["review"].noted["version"]}


@pytest.fixture
def event(publisher: Any) -> Event:
    """An event of three versions: as added; named, cited and dated; all of that otherwise."""
    source = records.source(slug="fuente")
    first, second = records.organization(name="Una"), records.organization(name="Otra")
    event = draft(title="Se firma", summary="Se firma un acuerdo.", start="2011-08", slug="firma")
    address = address_of("change", event)
    save(
        publisher, address, is_named=[first.pk], body="<p>Uno</p>", date_label="Tres de ellas",
        change_reason="se completa", **quote(event, field="start"),
    )  # fmt: skip
    save(
        publisher, address, is_named=[second.pk], summary="Se firma otro acuerdo público.",
        start="2011", category=records.WORDS["salida"], date_label="", body="<p>Dos</p>",
        **quote(event, source=source.pk, exact=OTHER_QUOTE),
    )  # fmt: skip
    assert event.history.count() == 3, "a version an act"
    event.refresh_from_db()
    return event


def present() -> tuple:
    event = Event.objects.get()
    names = sorted(event.organizations.values_list("name", flat=True))
    citations = [*event.citations.order_by("pk").values_list("exact", "field")]
    return event.title, event.summary, event.start, event.body, names, citations


SECOND = ("Se firma", "Se firma un acuerdo.", "2011-08", "<p>Uno</p>", ["Una"], [(QUOTE, "start")])


# History and comparison


def test_a_version_has_the_lists_and_citations_that_the_record_had(event: Event) -> None:
    versions = with_snapshots(Event, [version(event, n) for n in (1, 2, 3)])
    assert [(v.number, v.last) for v in versions] == [(1, 3), (2, 3), (3, 3)]
    names = [v.snapshot.lists[IS_NAMED] for v in versions]
    assert [len(of) for of in names] == [0, 1, 1]
    assert names[1] != names[2]
    quotes = [[part.exact for part in v.snapshot.parts] for v in versions]
    assert quotes == [[], [QUOTE], [OTHER_QUOTE]]
    late = records.citation(event, "anunció su salida", source=Source.objects.get())
    third = version(event, 3)
    assert late in with_snapshots(Event, [third])[0].snapshot.parts
    late.delete()
    assert late not in with_snapshots(Event, [third])[0].snapshot.parts


def test_the_history_says_who_when_why_and_what(event: Event, reader: Any) -> None:
    page = reader.get(page_of("history", event)).text
    for part in ("Versión 3 · hoy", "publisher", "se completa", "por probar", "Citas: +1"):
        assert part in page
    assert "Restaurar" not in page


def test_two_versions_are_compared_with_names_in_spanish(
    event: Event, reader: Any, publisher: Any
) -> None:
    page = words(compare(reader, event, 2, 3))
    for label in ("Resumen", "Inicio", "Categoría", "Nombradas", "Citas", "Texto"):
        assert f'role="rowheader">{label}' in page
    assert "Título" not in page
    for part in (
        '<del><span class="visually-hidden">(se quita:) </span> un</del>',
        '<ins><span class="visually-hidden">(se agrega:) </span> otro</ins>',
        "agosto de 2011",
        "(se quita:) </span>acuerdo</del>",  # a choice, whole
        "(se quita:) </span>Una</del>",
        "«se convocó a cuatro organizaciones»",
        "Pérdida",
    ):
        assert part in page
    assert "Título" in compare(reader, event, 2, 3, todos=1).text
    act(publisher, "publish", event)
    page = words(compare(publisher, event, 3, 4))
    assert "Publicación" in page
    compared = page.partition("Comparar A con B")[2]
    assert compared.index("Borrador") < compared.index("Público") < compared.index("desde el")


def test_markup_in_any_version_is_inert(publisher: Any) -> None:
    event = draft()
    save(publisher, address_of("change", event), title="<script>alert(1)</script>", summary="<b>x")
    for address in (page_of("history", event), page_of("compare", event)):
        assert "<script>alert" not in publisher.get(address).text
    confirm(publisher, address_of("delete", event))
    assert "<script>alert" not in publisher.get(page_of("trash", Event())).text


def test_versions_that_are_not_there_are_not_found(event: Event, publisher: Any) -> None:
    for pair in (("9", "1"), ("x", "1"), ("1", "0"), ("²", "1"), ("1", "9" * 30)):
        assert compare(publisher, event, *pair).status_code == 404, pair
    assert publisher.get(page_of("version", event, 999_999)).status_code == 404
    of_another = version(draft(), 1).history_id
    for key in ("", "x", "²", "999999", "9" * 30, of_another):
        page = publisher.get(address_of("change", event), {"version": key})
        assert page.status_code == 404, key


def test_simple_historys_address_leads_to_the_comparison_and_refuses_post(
    event: Event, publisher: Any, reader: Any, admin: Any
) -> None:
    key = version(event, 2).history_id
    address = page_of("version", event, key)
    assert address == f"{page_of('history', event)}{key}/"
    assert reader.get(address).url == f"{page_of('compare', event)}?antes=1&despues=2"
    before = present()
    for person in (reader, publisher, admin):
        assert person.post(address, {"title": "x"}).status_code == 405
    assert present() == before


def test_a_history_is_for_who_may_see_it(visitor: Any, event: Event) -> None:
    for address in (page_of("compare", event), page_of("history", event), opening(event, 1)):
        assert visitor.get(address).status_code == 302
        assert visitor.post(address).status_code == 403


# Restore


def test_a_version_opens_in_the_form_with_what_differs_marked(event: Event, publisher: Any) -> None:
    before = present()
    page = publisher.get(opening(event, 2))
    fields = written(page)
    assert (fields["title"], fields["summary"]) == ("Se firma", "Se firma un acuerdo.")
    assert (fields["start"], fields["citations-0-exact"]) == ("agosto de 2011", QUOTE)
    assert fields["change_reason"] == "Vuelve a la versión 2:"
    assert notes(page) == {
        "Resumen", "Inicio", "Categoría", "Texto", "Nombradas", "Palabras de la fuente",
        "Cita: Palabras exactas",
    }  # fmt: skip
    for part in (
        "Está viendo la versión 2", "Hoy es la 3", "Será la 4.", "Hoy: <q>2011</q>",
        "(se quita:) </span> otro</del>",
    ):  # fmt: skip
        assert part in words(page)
    assert present() == before
    assert event.history.count() == 3


def test_a_version_comes_back_with_its_relations_and_citations(
    event: Event, publisher: Any
) -> None:
    citation = event.citations.get()
    answer = restore(publisher, event, 2, change_reason="Vuelve a la versión 2: X", _continue="1")
    assert answer.url == address_of("change", event)
    assert present() == SECOND
    assert event.citations.get() == citation
    newest = event.history.first()
    assert event.history.count() == 4
    assert newest.history_change_reason == "Vuelve a la versión 2: X"
    assert newest.history_user == publisher.user
    restore(publisher, event, 1)
    assert not event.citations.exists()
    restore(publisher, event, 3)
    assert present()[5] == [(OTHER_QUOTE, "start")]
    restore(publisher, event, 2, title="Se firma, al fin")
    assert present() == ("Se firma, al fin", *SECOND[1:])


def test_a_button_leaves_what_the_record_says_today(event: Event, publisher: Any) -> None:
    address = opening(event, 2)
    pressed = {"_use": "now summary", "title": "Con retoques"}
    page = publisher.post(address, written(publisher.get(address)) | pressed)
    assert page.status_code == 200
    fields = written(page)
    assert (fields["summary"], fields["title"]) == (event.summary, "Con retoques")
    assert "Resumen" not in notes(page)
    assert {"Inicio", "Título", "Cita: Palabras exactas"} <= notes(page)
    assert event.history.count() == 3
    assert publisher.post(address, fields).status_code == 302
    assert present()[1:3] == (event.summary, "2011-08")


def test_the_identifier_and_the_publication_stay(event: Event, publisher: Any) -> None:
    save(publisher, address_of("change", event), slug="otra-firma")
    act(publisher, "publish", event)
    restore(publisher, event, 2)
    assert Event.objects.get().is_public()
    act(publisher, "withdraw", event)
    restore(publisher, event, 4)
    assert Event.objects.get().state == "withdrawn"
    assert Event.objects.get().slug == "otra-firma"


def test_who_may_not_change_a_record_restores_none_of_its_versions(
    event: Event, publisher: Any, editor: Any, reader: Any
) -> None:
    def refused(person: Any, number: int) -> bool:
        address = opening(event, number)
        sent = written(publisher.get(address))
        answers = (person.get(address), person.post(address, sent | {"change_reason": "X"}))
        return [answer.status_code for answer in answers] == [403, 403]

    assert refused(reader, 2)
    assert restore(editor, event, 2).status_code == 302
    act(publisher, "publish", event)
    assert refused(editor, 1)
    assert present() == SECOND


def test_an_editor_moves_nothing_to_a_public_page_by_restoring(editor: Any, publisher: Any) -> None:
    public, hidden = records.organization(), draft(records.organization)
    membership = records.membership(organization=public)
    save(publisher, address_of("change", membership), organization=hidden.pk)
    assert "Es público o está por serlo" in problems(restore(editor, membership, 1))
    membership.refresh_from_db()
    assert membership.organization == hidden


def test_what_is_public_comes_back_with_a_reason_only(event: Event, publisher: Any) -> None:
    act(publisher, "publish", event)
    for reason in ("", "Vuelve a la versión 2:"):
        asked = restore(publisher, event, 2, change_reason=reason)
        assert "Diga por qué" in problems(asked)
        assert "Resumen" in notes(asked)
        assert present()[1] == event.summary


def test_what_changed_since_a_version_was_opened_is_not_saved_over(
    event: Event, publisher: Any, admin: Any
) -> None:
    sent = written(publisher.get(opening(event, 2)))
    save(admin, address_of("change", event), title="De otra mano", start="2014")
    page = publisher.post(opening(event, 2), sent)
    assert page.status_code == 409
    assert "admin guardó" in page.text
    assert written(page)["title"] == "De otra mano"
    assert {field["label"] for field in page.context["review"].noted["clash"]} == {"Inicio"}
    assert present()[0] == "De otra mano"


def test_what_must_always_be_true_is_so_after_restoring_too(publisher: Any) -> None:
    term = records.term(start="2011", end="2013")
    save(publisher, address_of("change", term), start="2015", end="2016")
    records.term(start="2012", end="2014")
    assert "Se traslapa" in problems(restore(publisher, term, 1))


def test_what_a_version_names_and_is_gone_is_said(event: Event, publisher: Any) -> None:
    organization = Organization.objects.get(name="Una")
    key = organization.pk
    confirm(publisher, address_of("delete", organization))
    page = publisher.get(opening(event, 2))
    assert "Está en la papelera y no vuelve: «Una» (organización)" in page.text
    restore_from_trash(publisher, Organization, key)
    assert restore(publisher, event, 2).status_code == 302
    assert present() == SECOND


def test_a_quote_that_its_source_no_longer_says_is_an_error_of_its_row(
    event: Event, publisher: Any
) -> None:
    source = Source.objects.get()
    corrected = source.text.replace(QUOTE, "resolvieron unirse")
    assert save(publisher, address_of("change", source), text=corrected).status_code == 302
    refused = restore(publisher, event, 2)
    assert "Palabras exactas: No está en la fuente" in problems(refused)
    assert "Cita 1" in problems(refused)
    assert present()[1] == event.summary
    assert restore(publisher, event, 2, **quote(event, exact=OTHER_QUOTE)).status_code == 302
    assert present()[1] == "Se firma un acuerdo."


def test_a_text_that_would_break_citations_asks_for_new_words_when_it_comes_back(
    publisher: Any,
) -> None:
    source = draft(records.source)
    text = source.text
    save(publisher, address_of("change", source), text=f"{text}\n\nSe agrega otro párrafo.")
    records.citation(records.event(), "Se agrega otro párrafo", source=source)
    assert "se romperían citas" in problems(restore(publisher, source, 1))
    assert Source.objects.get().text != text


def test_a_citation_that_is_gone_comes_back_and_a_newer_one_is_ticked_to_go(
    event: Event, publisher: Any
) -> None:
    page = publisher.get(opening(event, 1))
    assert "No estaba en la versión 1: se quita." in page.text
    assert written(page)["citations-0-DELETE"] is True
    restore(publisher, event, 1, **{"citations-0-DELETE": ""})
    assert event.citations.get().exact == OTHER_QUOTE
    save(publisher, address_of("change", event), **{"citations-0-DELETE": "on"})
    assert "Vuelve con la versión 3." in publisher.get(opening(event, 3)).text
    restore(publisher, event, 3)
    assert event.citations.get().exact == OTHER_QUOTE


def test_a_citation_that_supports_another_record_by_now_stays_there(
    event: Event, publisher: Any
) -> None:
    other, moved = draft(), event.citations.get()
    save(publisher, address_of("change", moved), event=other.pk)
    restore(publisher, event, 2)
    assert [*other.citations.all()] == [moved]
    assert event.citations.get().exact == QUOTE


def test_a_logo_comes_back_with_its_version(publisher: Any, tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    organization = draft(records.organization)
    for name in ("logos/uno.png", "logos/otro.png"):
        organization.logo = name
        organization.save()
    assert "Hoy: <q>logos/otro.png</q>" in words(publisher.get(opening(organization, 2)))
    assert restore(publisher, organization, 2, logo="").status_code == 302
    organization.refresh_from_db()
    assert organization.logo.name == "logos/uno.png"


def test_a_receipt_leads_to_what_each_version_changed(publisher: Any) -> None:
    event = draft(slug="uno", title="Antes")
    receipt = imported("eventos", "identificador,titulo\r\nuno,Después".encode(), publisher.user)
    page = publisher.get(address_of("change", receipt)).text
    address = page_of("version", event, event.history.first().history_id)
    assert address in page
    assert "Después" in publisher.get(address, follow=True).text
    assert not problems(publisher.get(address_of("change", event)))
