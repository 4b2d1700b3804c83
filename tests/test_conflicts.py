"""Two people on one record: the second gets the ordinary form again, with their own text and,
beside each field, what the other wrote; nothing that either wrote is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse

from organizations.models import Organization
from sources.models import Citation
from tests import records
from tests.staff import QUOTE, address_of, confirm, draft, problems, quote, save, written
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
OTHER_QUOTE = "se convocó a cuatro organizaciones"
THIRD_QUOTE = "anunció su salida"


@pytest.fixture
def event() -> Event:
    return draft(title="Se firma", summary="Un resumen.", start="2011")


@pytest.fixture
def ana(editor: Any) -> Any:
    return editor


@pytest.fixture
def eva(publisher: Any) -> Any:
    return publisher


def opened(person: Any, record: Any) -> dict[str, Any]:
    """The form as it was shown to them; what they will send."""
    return written(person.get(address_of("change", record))) | {"change_reason": "lo mío"}


def conflict(person: Any, record: Any, sent: dict[str, Any]) -> HttpResponse:
    page = person.post(address_of("change", record), sent)
    assert page.status_code == 409
    return page


def decide(person: Any, record: Any, page: HttpResponse, **changes: Any) -> HttpResponse:
    """Sends the form of a conflict's page, as it is but for some changes."""
    started = {"started_on": page.context_data["review"].started_on}
    return person.post(address_of("change", record), written(page) | started | changes)


def use(person: Any, record: Any, page: HttpResponse, value: str, **changes: Any) -> HttpResponse:
    """Presses the button of a note, which saves nothing."""
    assert f'name="_use" value="{value}"' in page.text
    return decide(person, record, page, _use=value, **changes)


def clashes(page: HttpResponse) -> set[str]:
    return {field["label"] for field in page.context["review"].noted["clash"]}


def put(page: HttpResponse) -> set[str]:
    return set(page.context["review"].put)


def words(page: HttpResponse) -> str:
    return " ".join(page.text.split())


def told(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


# The page


def test_the_second_keeps_their_text_and_sees_what_the_other_wrote(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "Lo que escribió Ana.", "start": "2012"}
    save(eva, address_of("change", event), summary="Lo que escribió Eva.", start="2013")
    page = conflict(ana, event, mine)
    assert "Todavía no se guarda: publisher guardó" in page.text
    assert clashes(page) == {"Resumen", "Inicio"}
    assert put(page) == set()
    filled = written(page)
    assert (filled["summary"], filled["start"]) == ("Lo que escribió Ana.", "2012")
    assert "publisher escribió: <q>2013</q>" in words(page)
    assert '<ins><span class="visually-hidden">(se agrega:) </span> Eva</ins>' in page.text
    assert told(event).summary == "Lo que escribió Eva."


def test_saving_from_there_keeps_what_the_form_shows(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "De Ana", "title": "De Ana"}
    save(eva, address_of("change", event), summary="De Eva", title="De Eva")
    page = conflict(ana, event, mine)
    assert decide(ana, event, page, title="De las dos").status_code == 302
    now = told(event)
    assert (now.summary, now.title) == ("De Ana", "De las dos")
    assert event.history.count() == 3
    assert event.history.first().history_change_reason == "lo mío"


def test_a_button_puts_what_the_other_wrote_and_saves_nothing(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "De Ana", "start": "2012"}
    save(eva, address_of("change", event), summary="De Eva", start="agosto de 2013")
    page = use(ana, event, conflict(ana, event, mine), "now start", title="Y esto")
    assert page.status_code == 200
    filled = written(page)
    assert (filled["start"], filled["summary"]) == ("agosto de 2013", "De Ana")
    assert filled["title"] == "Y esto"
    assert filled["change_reason"] == "lo mío"
    assert clashes(page) == {"Resumen"}
    assert event.history.count() == 2
    assert decide(ana, event, page).status_code == 302
    assert (told(event).start, told(event).summary) == ("2013-08", "De Ana")


def test_what_i_never_touched_takes_the_others_value_and_says_so(
    event: Event, ana: Any, eva: Any
) -> None:
    named = records.organization()
    mine = opened(ana, event) | {"date_label": "De Ana", "organizations": [named.pk]}
    save(eva, address_of("change", event), category="salida", body="<p>De <strong>Eva</strong></p>")
    page = conflict(ana, event, mine)
    assert clashes(page) == set()
    assert put(page) == {"Categoría", "Texto"}
    assert "Puesto por publisher. Antes: <q>acuerdo</q>" in words(page)
    assert decide(ana, event, page).status_code == 302
    now = told(event)
    assert (now.date_label, now.category) == ("De Ana", "salida")
    assert now.body == "<p>De <strong>Eva</strong></p>"
    assert [*now.organizations.all()] == [named]


def test_what_the_other_put_can_be_taken_back(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    save(eva, address_of("change", event), title="De Eva")
    page = use(ana, event, conflict(ana, event, mine), "before title")
    assert written(page)["title"] == "Se firma"
    assert clashes(page) == {"Título"}
    again = use(ana, event, page, "now title")
    assert put(again) == {"Título"}
    assert decide(ana, event, page).status_code == 302
    assert told(event).title == "Se firma"


def test_formatting_alone_is_a_change_too(event: Event, ana: Any, eva: Any) -> None:
    save(eva, address_of("change", event), body="<p>Uno</p>")
    mine = opened(ana, event) | {"body": "<p><strong>Uno</strong></p>"}
    save(eva, address_of("change", event), title="De Eva")
    decide(ana, event, conflict(ana, event, mine))
    assert told(event).body == "<p><strong>Uno</strong></p>"


def test_the_same_change_twice_clashes_with_nothing(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"start": "marzo de 2011"}
    save(eva, address_of("change", event), start="2011-03")
    assert clashes(conflict(ana, event, mine)) == set()


def test_what_is_sent_again_passes_the_form_again(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"start": "2017-13", "summary": "De Ana"}
    save(eva, address_of("change", event), start="2012")
    refused = decide(ana, event, conflict(ana, event, mine))
    assert "no hay mes 13" in problems(refused)
    assert clashes(refused) == {"Inicio"}
    assert "De Ana" in refused.text
    assert told(event).start == "2012"


def test_a_third_save_shows_the_page_again(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    save(eva, address_of("change", event), summary="De Eva", start="2012")
    page = conflict(ana, event, mine)
    save(eva, address_of("change", event), summary="De Eva, otra vez", start="2013")
    again = decide(ana, event, page)
    assert again.status_code == 409
    assert "otra vez" in again.text
    assert written(again)["start"] == "2013"
    assert decide(ana, event, again).status_code == 302
    assert (told(event).summary, told(event).start) == ("De Ana", "2013")


def test_a_third_save_is_seen_by_the_button_too(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    save(eva, address_of("change", event), summary="De Eva")
    page = conflict(ana, event, mine)
    save(eva, address_of("change", event), summary="De Eva, otra vez")
    again = use(ana, event, page, "now summary")
    assert again.status_code == 409
    assert written(again)["summary"] == "De Eva, otra vez"


@pytest.mark.parametrize("version", [None, "", "x", "1.1", "9.9-9.9-9.9", "²-²"])
def test_a_form_that_does_not_say_what_it_was_opened_on_saves_nothing(
    version: str | None, event: Event, ana: Any
) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    del mine["opened_on"]
    mine |= {} if version is None else {"opened_on": version}
    page = conflict(ana, event, mine)
    assert told(event).summary == "Un resumen."
    assert clashes(page) == {"Resumen"}
    assert use(ana, event, page, "now summary").status_code == 200
    assert told(event).summary == "Un resumen."
    assert decide(ana, event, page).status_code == 302
    assert told(event).summary == "De Ana"


def test_the_button_of_a_note_never_saves(event: Event, ana: Any) -> None:
    mine = opened(ana, event) | {"summary": "De Ana", "_use": "now title", "_save": "1"}
    assert ana.post(address_of("change", event), mine).status_code == 200
    assert told(event).summary == "Un resumen."


def test_what_was_published_meanwhile_is_not_changed_but_not_lost(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "Lo que escribió Ana."}
    save(eva, address_of("change", event), _publish="1")
    for sent in (mine, mine | {"_use": "now summary"}):
        page = conflict(ana, event, sent)
        assert "Lo que escribió Ana." in page.text
        assert "publica quien tiene permiso" in page.text
        assert "<textarea" not in page.text
    assert told(event).summary == "Un resumen."


def test_what_was_moved_to_the_papelera_meanwhile_is_not_lost(
    event: Event, ana: Any, eva: Any
) -> None:
    address = address_of("change", event)
    mine = opened(ana, event) | {"summary": "Lo que escribió Ana."}
    confirm(eva, address_of("delete", event))
    page = ana.post(address, mine)
    assert page.status_code == 409
    assert "está en la papelera" in page.text
    assert "Lo que escribió Ana." in page.text


def test_markup_in_a_conflict_is_inert(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "<script>alert(1)</script>", "<b>x": "<b>y"}
    save(eva, address_of("change", event), summary="<script>alert(2)</script>", title="<b>x")
    page = conflict(ana, event, mine | {"started_on": '"><b>'})
    assert "<script>alert" not in page.text
    assert "<b>" not in page.text.replace("<b>Cita", "")


# Citations and other rows


@pytest.fixture
def cited(event: Event) -> Citation:
    return records.citation(event, source=records.source())


@pytest.mark.parametrize("button", ["_save", "_use"])
@pytest.mark.parametrize("nasty", ["9" * 5000, "9" * 25, "٣", "\0"])
def test_whatever_is_sent_in_a_conflict_is_shown_or_refused(
    event: Event, ana: Any, cited: Citation, nasty: str, button: str
) -> None:
    address = address_of("change", event)
    sent = opened(ana, event) | {"summary": "De Ana", button: "now summary"}
    names = ["opened_on", "started_on", "organizations", "category", "start", "publish_at_0"]
    names += [n for n in sent if n.startswith("citations-")] + ["citations-1-id", "_use"]
    for name in names:
        data = sent | {"opened_on": "1.1-1.1", name: nasty}
        assert ana.post(address, data).status_code < 500, name


def test_a_citation_added_by_another_way_is_seen(event: Event, ana: Any, cited: Citation) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    records.citation(event, OTHER_QUOTE, source=cited.source)
    page = conflict(ana, event, mine)
    assert put(page) == {"1 cita"}
    assert decide(ana, event, page).status_code == 302
    assert told(event).summary == "De Ana"
    assert event.citations.count() == 2


def test_each_adds_a_citation_and_both_stay(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    added = {"citations-TOTAL_FORMS": 2, "citations-1-source": cited.source_id}
    mine = opened(ana, event) | added | quote(None, "citations-1-", exact=OTHER_QUOTE)
    theirs = quote(None, "citations-1-", exact=THIRD_QUOTE)
    save(eva, address_of("change", event), **added, **theirs)
    page = conflict(ana, event, mine)
    assert decide(ana, event, page).status_code == 302
    found = {*event.citations.values_list("exact", flat=True)}
    assert found == {QUOTE, OTHER_QUOTE, THIRD_QUOTE}


@pytest.mark.parametrize(("taken", "kept"), [(False, OTHER_QUOTE), (True, THIRD_QUOTE)])
def test_a_citation_that_both_changed_is_decided(
    taken: bool, kept: str, event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | quote(None, exact=OTHER_QUOTE)
    save(eva, address_of("change", event), **quote(None, exact=THIRD_QUOTE))
    page = conflict(ana, event, mine)
    assert clashes(page) == {"Cita: Palabras exactas"}
    page = use(ana, event, page, "now citations-0-exact") if taken else page
    assert decide(ana, event, page).status_code == 302
    assert event.citations.get().exact == kept


def test_each_changes_another_field_of_a_citation_and_both_stay(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | quote(None, exact=OTHER_QUOTE)
    save(eva, address_of("change", event), **{"citations-0-field": "start"})
    page = conflict(ana, event, mine)
    assert put(page) == {"Cita: Apoya"}
    assert decide(ana, event, page).status_code == 302
    assert (event.citations.get().exact, event.citations.get().field) == (OTHER_QUOTE, "start")


def test_a_citation_that_one_took_away_and_the_other_changed_is_decided(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | quote(None, exact=OTHER_QUOTE)
    save(eva, address_of("change", event), **{"citations-0-DELETE": "on"})
    assert not event.citations.exists()
    page = conflict(ana, event, mine)
    assert "publisher quitó esto. Si usted lo guarda, vuelve." in page.text
    assert decide(ana, event, page).status_code == 302
    assert event.citations.get().exact == OTHER_QUOTE


def test_a_citation_that_i_take_away_goes_though_the_other_changed_it(
    event: Event, admin: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(admin, event) | {"citations-0-DELETE": "on"}
    save(eva, address_of("change", event), **quote(None, exact=OTHER_QUOTE))
    page = conflict(admin, event, mine)
    assert put(page) == {"Cita: Palabras exactas"}
    assert decide(admin, event, page).status_code == 302
    assert not event.citations.exists()


def test_a_citation_taken_away_stays_away_whoever_saves_next(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    save(eva, address_of("change", event), **{"citations-0-DELETE": "on"})
    page = conflict(ana, event, mine)
    assert put(page) == {"1 cita"}
    decide(ana, event, page)
    assert not event.citations.exists()
    assert told(event).summary == "De Ana"


def test_a_citation_alone_and_on_its_record_are_one(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | quote(None, exact=OTHER_QUOTE)
    save(eva, address_of("change", cited), exact=THIRD_QUOTE)
    assert clashes(conflict(ana, event, mine)) == {"Cita: Palabras exactas"}
    alone = opened(ana, cited) | {"exact": OTHER_QUOTE}
    save(eva, address_of("change", event), **quote(None, exact="No se recibió respuesta"))
    page = conflict(ana, cited, alone)
    assert clashes(page) == {"Palabras exactas"}
    assert decide(ana, cited, page).status_code == 302
    assert told(cited).exact == OTHER_QUOTE


def test_a_membership_on_its_organization_and_alone_are_one(ana: Any, eva: Any) -> None:
    organization = draft(records.organization)
    membership = records.membership(organization=organization, start="2011")
    mine = opened(ana, organization) | {"memberships-0-start": "2012", "name": "De Ana"}
    save(eva, address_of("change", membership), start="2013", note="De Eva")
    page = conflict(ana, organization, mine)
    assert clashes(page) == {"Membresía: Inicio"}
    page = use(ana, organization, page, "now memberships-0-start")
    assert decide(ana, organization, page).status_code == 302
    assert (told(membership).start, told(membership).note) == ("2013", "De Eva")
    assert told(organization).name == "De Ana"


def test_two_records_of_one_name_are_two(event: Event, ana: Any, eva: Any) -> None:
    one, other = records.organization(name="La misma"), records.organization(name="La misma")
    save(ana, address_of("change", event), organizations=[one.pk])
    mine = opened(ana, event) | {"organizations": [other.pk]}
    save(eva, address_of("change", event), title="De Eva")
    decide(ana, event, conflict(ana, event, mine))
    assert [*told(event).organizations.all()] == [other]


def test_a_list_changed_by_both_is_decided(event: Event, ana: Any, eva: Any) -> None:
    one, other = records.organization(name="Una"), records.organization(name="Otra")
    mine = opened(ana, event) | {"organizations": [one.pk]}
    save(eva, address_of("change", event), organizations=[other.pk])
    page = conflict(ana, event, mine)
    assert clashes(page) == {"Organizaciones"}
    assert "publisher escribió: <q>Otra</q>" in words(page)
    decide(ana, event, use(ana, event, page, "now organizations"))
    assert [*told(event).organizations.all()] == [other]
    assert Organization.objects.count() == 2


@pytest.mark.parametrize(
    "make", [records.source, records.organization, records.membership, records.term,
             records.event, records.statement],
)  # fmt: skip
def test_every_kind_of_record_is_held_to_what_its_form_was_opened_on(
    make: Callable, admin: Any, publisher: Any
) -> None:
    record = make()
    name = next(n for n in ("title", "name", "note") if hasattr(record, n))
    mine = opened(admin, record) | {name: "De Ana", "slug": "de-ana"}
    save(publisher, address_of("change", record), **{name: "De Eva"})
    page = conflict(admin, record, mine)
    assert decide(admin, record, page).status_code == 302
    assert (getattr(told(record), name), told(record).slug) == ("De Ana", "de-ana")


def test_a_button_of_a_field_that_the_other_form_has_not_changes_nothing(ana: Any) -> None:
    event = draft(title="Se firma")
    records.citation(event, source=records.source())
    sent = opened(ana, event)
    token = {"started_on": sent["opened_on"]}
    odd = {"_use": "before citations-0-DELETE", "citations-0-DELETE": ""}
    page = ana.post(address_of("change", event), sent | token | odd)
    assert page.status_code == 200
    assert told(event).citations.count() == 1
