"""Two people save one record: the second gets the form again, with their own text and the other's
value next to each field. No text is lost. Ana is the second person, Eva the first."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.http import HttpResponse

from sources.models import Citation
from tests import records
from tests.staff import QUOTE, act, address_of, confirm, draft, problems, quote, save, written
from timeline.models import Event

SALIDA = records.WORDS["salida"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
OTHER_QUOTE = "se convocó a cuatro organizaciones"
THIRD_QUOTE = "anunció su salida"


@pytest.fixture
def event() -> Event:
    return draft(title="Se firma", summary="Un resumen.", start="2011", body="<p>Uno</p>")


@pytest.fixture
def cited(event: Event) -> Citation:
    return records.citation(event, source=records.source())


@pytest.fixture
def ana(editor: Any) -> Any:
    return editor


@pytest.fixture
def eva(publisher: Any) -> Any:
    return publisher


def opened(person: Any, record: Any) -> dict[str, Any]:
    """The fields of the form that the person opened."""
    return written(person.get(address_of("change", record))) | {"change_reason": "lo mío"}


def conflict(person: Any, record: Any, sent: dict[str, Any]) -> HttpResponse:
    page = person.post(address_of("change", record), sent)
    assert page.status_code == 409
    return page


def meet(ana: Any, eva: Any, record: Any, mine: dict[str, Any], **theirs: Any) -> HttpResponse:
    """Ana's answer after she opened the form, Eva saved it, and Ana sent it."""
    sent = opened(ana, record) | mine
    assert save(eva, address_of("change", record), **theirs).status_code == 302
    return conflict(ana, record, sent)


def decide(person: Any, record: Any, page: HttpResponse, **changes: Any) -> HttpResponse:
    """Sends the form on the page of a conflict, with some changes."""
    started = {"started_on": page.context_data["review"].started_on}
    return person.post(address_of("change", record), written(page) | started | changes)


def use(person: Any, record: Any, page: HttpResponse, value: str, **changes: Any) -> HttpResponse:
    """Presses the button of a note, which saves nothing."""
    assert f'name="_use" value="{value}"' in page.text
    return decide(person, record, page, _use=value, **changes)


def clashes(page: HttpResponse) -> set[str]:
    """The labels of the fields that both changed."""
    return {field["label"] for field in page.context["review"].noted["clash"]}


def put(page: HttpResponse) -> set[str]:
    """The labels of the changes that only the other person made, which the form already shows."""
    return set(page.context["review"].put)


def words(page: HttpResponse) -> str:
    return " ".join(page.text.split())


def stored(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


# The page


def test_the_second_keeps_their_text_and_sees_what_the_other_wrote(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = {"summary": "Lo que escribió Ana.", "start": "2012"}
    page = meet(ana, eva, event, mine, summary="Lo que escribió Eva.", start="2013")
    assert "Todavía no se guarda: publisher guardó" in page.text
    assert clashes(page) == {"Resumen", "Inicio"}
    assert put(page) == set()
    fields = written(page)
    assert (fields["summary"], fields["start"]) == ("Lo que escribió Ana.", "2012")
    assert "publisher escribió: <q>2013</q>" in words(page)
    assert '<ins><span class="visually-hidden">(se agrega:) </span> Eva</ins>' in page.text
    assert stored(event).summary == "Lo que escribió Eva."
    assert decide(ana, event, page, title="De las dos").status_code == 302
    saved = stored(event)
    assert (saved.summary, saved.start) == ("Lo que escribió Ana.", "2012")
    assert saved.title == "De las dos"
    assert event.history.count() == 3
    assert event.history.first().history_change_reason == "lo mío"


def test_a_button_puts_what_the_other_wrote_and_saves_nothing(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = {"summary": "De Ana", "start": "2012"}
    page = meet(ana, eva, event, mine, summary="De Eva", start="agosto de 2013")
    page = use(ana, event, page, "now start", title="Y esto")
    assert page.status_code == 200
    fields = written(page)
    assert (fields["start"], fields["summary"]) == ("agosto de 2013", "De Ana")
    assert (fields["title"], fields["change_reason"]) == ("Y esto", "lo mío")
    assert clashes(page) == {"Resumen"}
    assert event.history.count() == 2
    assert decide(ana, event, page).status_code == 302
    assert (stored(event).start, stored(event).summary) == ("2013-08", "De Ana")


def test_what_the_other_put_can_be_taken_back(event: Event, ana: Any, eva: Any) -> None:
    page = meet(ana, eva, event, {"summary": "De Ana"}, title="De Eva")
    page = use(ana, event, page, "before title")
    assert written(page)["title"] == "Se firma"
    assert clashes(page) == {"Título"}
    assert put(use(ana, event, page, "now title")) == {"Título"}
    assert decide(ana, event, page).status_code == 302
    assert stored(event).title == "Se firma"


def test_what_is_sent_again_passes_the_form_again(event: Event, ana: Any, eva: Any) -> None:
    mine = {"start": "2017-13", "summary": "De Ana"}
    refused = decide(ana, event, meet(ana, eva, event, mine, start="2012"))
    assert "no hay mes 13" in problems(refused)
    assert clashes(refused) == {"Inicio"}
    assert "De Ana" in refused.text
    assert stored(event).start == "2012"


def test_a_third_save_shows_the_page_again_and_is_seen_by_the_button_too(
    event: Event, ana: Any, eva: Any
) -> None:
    page = meet(ana, eva, event, {"summary": "De Ana"}, summary="De Eva", start="2012")
    save(eva, address_of("change", event), summary="De Eva, otra vez", start="2013")
    pressed = use(ana, event, page, "now summary")
    assert pressed.status_code == 409
    assert written(pressed)["summary"] == "De Eva, otra vez"
    again = decide(ana, event, page)
    assert again.status_code == 409
    assert "otra vez" in again.text
    assert written(again)["start"] == "2013"
    assert decide(ana, event, again).status_code == 302
    assert (stored(event).summary, stored(event).start) == ("De Ana", "2013")


@pytest.mark.parametrize("version", [None, "", "x", "1.1", "9.9-9.9-9.9", "²-²"])
def test_a_form_that_does_not_say_what_it_was_opened_on_saves_nothing(
    version: str | None, event: Event, ana: Any
) -> None:
    mine = opened(ana, event) | {"summary": "De Ana", "opened_on": version}
    page = conflict(ana, event, {name: value for name, value in mine.items() if value is not None})
    assert clashes(page) == {"Resumen"}
    assert use(ana, event, page, "now summary").status_code == 200
    assert stored(event).summary == "Un resumen."
    assert decide(ana, event, page).status_code == 302
    assert stored(event).summary == "De Ana"


def test_the_button_of_a_note_never_saves(event: Event, cited: Citation, ana: Any) -> None:
    """Nor does it change a field that the other form does not have."""
    address, sent = address_of("change", event), opened(ana, event)
    pressed = sent | {"summary": "De Ana", "_use": "now title", "_save": "1"}
    odd = {"_use": "before citations-0-DELETE", "citations-0-DELETE": ""}
    for data in (pressed, sent | odd | {"started_on": sent["opened_on"]}):
        assert ana.post(address, data).status_code == 200
        assert stored(event).summary == "Un resumen."
        assert event.citations.count() == 1


def test_what_was_published_meanwhile_is_not_changed_but_not_lost(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "Lo que escribió Ana."}
    act(eva, "publish", event)
    for sent in (mine, mine | {"_use": "now summary"}):
        page = conflict(ana, event, sent)
        assert "Lo que escribió Ana." in page.text
        assert "Pídalo a" in page.text
        assert "<textarea" not in page.text
    assert stored(event).summary == "Un resumen."


def test_what_was_moved_to_the_papelera_meanwhile_is_not_lost(
    event: Event, ana: Any, eva: Any
) -> None:
    texts = {"summary": "Lo que escribió Ana.", "is_named_typed": "Alfa; Beta"}
    mine = opened(ana, event) | texts
    confirm(eva, address_of("delete", event))
    page = conflict(ana, event, mine)
    assert "está en la papelera" in page.text
    assert all(text in page.text for text in texts.values())


def test_markup_in_a_conflict_is_inert(event: Event, ana: Any, eva: Any) -> None:
    mine = {"summary": "<script>alert(1)</script>", "<b>x": "<b>y", "started_on": '"><b>'}
    mine |= {"is_named_typed": "<b>y y nadie"}
    page = meet(ana, eva, event, mine, summary="<script>alert(2)</script>", title="<b>x")
    assert "<script>alert" not in page.text
    assert "y y nadie</textarea>" in page.text
    assert not [words for words in ("<b>x", "<b>y", '"><b>') if words in page.text]


def test_hostile_values_in_a_conflict_are_shown_or_refused(
    event: Event, ana: Any, cited: Citation
) -> None:
    address, sent = address_of("change", event), opened(ana, event) | {"summary": "De Ana"}
    names = ["opened_on", "started_on", "is_named", "category", "start", "publish_at_0"]
    names += [n for n in sent if n.startswith("citations-")] + ["citations-1-id", "_use"]
    alone = [{name: value} for name, value in product(names, ("9" * 25, "\0"))]
    together = [dict.fromkeys(names, value) for value in ("9" * 5000, "9" * 25, "٣", "\0")]
    for changes, button in [*product(alone, ["_use"]), *product(together, ["_save", "_use"])]:
        data = sent | {button: "now summary", "opened_on": "1.1-1.1"} | changes
        assert ana.post(address, data).status_code < 500, (changes, button)


# Changes that clash, and the result

GONE = {"citations-0-DELETE": "on"}
NEW_ROW = {"citations-TOTAL_FORMS": 2}
ADD_OTHER = NEW_ROW | quote(None, "citations-1-", exact=OTHER_QUOTE)
ADD_THIRD = NEW_ROW | quote(None, "citations-1-", exact=THIRD_QUOTE)
OTHER, THIRD = quote(None, exact=OTHER_QUOTE), quote(None, exact=THIRD_QUOTE)
BOLD = "<p><strong>Uno</strong></p>"
MINE = {"summary": "De Ana"}
# Ana's changes; Eva's changes; the fields that clash; the fields that only Eva changed; the fields
# and the quotes after Ana sends the page again.
MEETINGS = {
    "formatting alone": (
        {"body": BOLD}, {"title": "De Eva"}, set(), {"Título"},
        {"body": BOLD, "title": "De Eva"}, {QUOTE},
    ),
    "the same change": (
        {"start": "marzo de 2011"}, {"start": "2011-03"}, set(), {"Inicio"},
        {"start": "2011-03"}, {QUOTE},
    ),
    "fields that Ana left": (
        {"date_label": "Tres de ellas"}, {"category": SALIDA, "body": BOLD}, set(),
        {"Categoría", "Texto"}, {"date_label": "Tres de ellas", "category": SALIDA, "body": BOLD},
        {QUOTE},
    ),
    "a quote that both changed": (
        OTHER, THIRD, {"Cita: Palabras exactas"}, set(), {}, {OTHER_QUOTE},
    ),
    "another field of a citation": (
        OTHER, {"citations-0-field": "start"}, set(), {"Cita: De qué dato habla"}, {},
        {OTHER_QUOTE},
    ),
    "a citation that Ana changed and Eva deleted": (
        OTHER, GONE, set(), {"1 cita"}, {}, {OTHER_QUOTE},
    ),
    "a citation that Ana deleted and Eva changed": (
        GONE, OTHER, set(), {"Cita: Palabras exactas"}, {}, set(),
    ),
    "a citation that Eva deleted": (MINE, GONE, set(), {"1 cita"}, MINE, set()),
    "a new citation by each": (
        ADD_OTHER, ADD_THIRD, set(), {"1 cita"}, {}, {QUOTE, OTHER_QUOTE, THIRD_QUOTE},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MEETINGS)
def test_what_both_changed_clashes_and_nothing_is_lost(
    case: str, event: Event, admin: Any, eva: Any, cited: Citation
) -> None:
    mine, theirs, by_both, by_eva, fields, quotes = MEETINGS[case]
    page = meet(admin, eva, event, mine, **theirs)
    assert (clashes(page), put(page)) == (by_both, by_eva)
    if case == "fields that Ana left":
        assert "Puesto por publisher. Antes: <q>acuerdo</q>" in words(page)
    if case == "a citation that Ana changed and Eva deleted":
        assert "publisher quitó esto. Si usted lo guarda, vuelve." in page.text
    assert decide(admin, event, page).status_code == 302
    saved = stored(event)
    assert {n: getattr(saved, "category_id" if n == "category" else n) for n in fields} == fields
    assert {*event.citations.values_list("exact", flat=True)} == quotes
    if case == "another field of a citation":
        assert event.citations.get().field == "start"


def test_a_citation_added_by_another_way_is_seen(event: Event, ana: Any, cited: Citation) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    records.citation(event, OTHER_QUOTE, source=cited.source)
    page = conflict(ana, event, mine)
    assert put(page) == {"1 cita"}
    assert decide(ana, event, page).status_code == 302
    assert stored(event).summary == "De Ana"
    assert event.citations.count() == 2


def test_a_citation_alone_and_on_its_record_are_one(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | OTHER
    save(eva, address_of("change", cited), exact=THIRD_QUOTE)
    page = conflict(ana, event, mine)
    assert clashes(page) == {"Cita: Palabras exactas"}
    page = use(ana, event, page, "now citations-0-exact")
    assert decide(ana, event, page).status_code == 302
    assert stored(cited).exact == THIRD_QUOTE
    alone = opened(ana, cited) | {"exact": OTHER_QUOTE}
    save(eva, address_of("change", event), **quote(None, exact="No se recibió respuesta"))
    page = conflict(ana, cited, alone)
    assert clashes(page) == {"Palabras exactas"}
    assert decide(ana, cited, page).status_code == 302
    assert stored(cited).exact == OTHER_QUOTE


def test_a_membership_on_its_organization_and_alone_are_one(ana: Any, eva: Any) -> None:
    organization = draft(records.organization)
    membership = records.membership(organization=organization, start="2011")
    mine = opened(ana, organization) | {"memberships-0-start": "2012", "name": "De Ana"}
    save(eva, address_of("change", membership), start="2013", note="De Eva")
    page = conflict(ana, organization, mine)
    assert clashes(page) == {"Membresía: Inicio"}
    page = use(ana, organization, page, "now memberships-0-start")
    assert decide(ana, organization, page).status_code == 302
    assert (stored(membership).start, stored(membership).note) == ("2013", "De Eva")
    assert stored(organization).name == "De Ana"


def test_a_list_changed_by_both_is_decided(event: Event, ana: Any, eva: Any) -> None:
    """Two records may have the same name."""
    first, second, namesake = (records.organization(name=name) for name in ("Una", "Otra", "Una"))
    mine = {"is_named": [first.pk]}
    page = meet(ana, eva, event, mine, is_named=[second.pk])
    assert clashes(page) == {"Nombradas"}
    assert "publisher escribió: <q>Otra</q>" in words(page)
    decide(ana, event, use(ana, event, page, "now is_named"))
    assert [*stored(event).organizations.all()] == [second]
    save(ana, address_of("change", event), is_named=[first.pk])
    page = meet(ana, eva, event, {"is_named": [namesake.pk]}, title="De Eva")
    decide(ana, event, page)
    assert [*stored(event).organizations.all()] == [namesake]


@pytest.mark.parametrize("make", records.MAKERS)
def test_every_kind_of_record_is_held_to_what_its_form_was_opened_on(
    make: Callable, admin: Any, eva: Any
) -> None:
    record = make()
    name = next(n for n in ("title", "name", "note") if hasattr(record, n))
    page = meet(admin, eva, record, {name: "De Ana", "slug": "de-ana"}, **{name: "De Eva"})
    assert decide(admin, record, page).status_code == 302
    assert (getattr(stored(record), name), stored(record).slug) == ("De Ana", "de-ana")
