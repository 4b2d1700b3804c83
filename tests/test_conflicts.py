"""Two people on one record: the second sees the other's change beside their own, and nothing that
either wrote is lost; also when they save at the same moment, and without JavaScript."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse

from organizations.models import Organization
from sources.models import Citation
from tests import records
from tests.staff import QUOTE, address_of, confirm, draft, quote, save, written
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
OTHER_QUOTE = "se convocó a cuatro organizaciones"
NAMED = re.compile(r'\bname="([^"]*)"')
VALUE = re.compile(r'\bvalue="([^"]*)"')


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


def sent_by(page: HttpResponse) -> dict[str, list[str]]:
    """What the conflict's page would send, as a browser without JavaScript does."""
    found: dict[str, list[str]] = {}
    form = page.text.partition('<form method="post" novalidate>')[2].partition("</form>")[0]
    for tag in re.findall(r"<input [^>]*>", form):
        name = NAMED.search(tag)
        submits = 'type="submit"' in tag or ('type="radio"' in tag and "checked" not in tag)
        if name and not submits:
            found.setdefault(name[1], []).append(unescape(VALUE.search(tag)[1]))
    for name, text in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>([^<]*)<', form):
        found[name] = [unescape(text)]
    return found


def decide(person: Any, record: Any, page: HttpResponse, **decided: Any) -> HttpResponse:
    assert page.status_code == 409
    button = {} if "_mine" in decided else {"_resolve": "1"}
    return person.post(address_of("change", record), sent_by(page) | button | decided)


def fields(page: HttpResponse, which: str) -> set[str]:
    return {entry.theirs.label for entry in page.context[which]}


def told(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


# The page


def test_the_second_sees_both_changes_and_keeps_their_text(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "Lo que escribió Ana.", "start": "2012"}
    save(eva, address_of("change", event), summary="Lo que escribió Eva.", start="2013")
    page = ana.post(address_of("change", event), mine)
    assert page.status_code == 409
    assert "publisher guardó este registro (acontecimiento)" in page.text
    assert "no se ha perdido y todavía no se guarda" in page.text
    assert fields(page, "clashes") == {"Resumen", "Inicio"}
    shown = " ".join(page.text.split())
    for words in ("Un resumen.", "Lo que escribió Eva", "Lo que escribió Ana", "2011", "2013"):
        assert words in re.sub(r"<[^>]*>(\(se (quita|agrega):\) )?", "", shown)
    assert told(event).summary == "Lo que escribió Eva."
    assert page.text.count('value="mio" checked') == 2


def test_mine_is_chosen_unless_decided_otherwise(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "De Ana", "start": "2012", "title": "De Ana"}
    save(eva, address_of("change", event), summary="De Eva", start="2013", title="De Eva")
    page = ana.post(address_of("change", event), mine)
    decided = {"decide-start": "suyo", "otro-title": "De las dos"}
    assert decide(ana, event, page, **decided).status_code == 302
    now = told(event)
    assert (now.summary, now.start, now.title) == ("De Ana", "2013", "De las dos")
    assert event.history.count() == 3
    assert event.history.first().history_change_reason == "lo mío"


def test_what_does_not_clash_is_kept_of_both_and_shown(event: Event, ana: Any, eva: Any) -> None:
    named = records.organization()
    mine = opened(ana, event) | {"date_label": "De Ana", "organizations": [named.pk]}
    save(eva, address_of("change", event), category="salida", body="<p>De <strong>Eva</strong></p>")
    page = ana.post(address_of("change", event), mine)
    assert fields(page, "clashes") == set()
    assert fields(page, "merged") == {
        "Palabras de la fuente", "Categoría", "Texto", "Organizaciones",
    }  # fmt: skip
    assert decide(ana, event, page).status_code == 302
    now = told(event)
    assert (now.date_label, now.category) == ("De Ana", "salida")
    assert now.body == "<p>De <strong>Eva</strong></p>"
    assert [*now.organizations.all()] == [named]


def test_formatting_alone_is_a_change_too(event: Event, ana: Any, eva: Any) -> None:
    save(eva, address_of("change", event), body="<p>Uno</p>")
    mine = opened(ana, event) | {"body": "<p><strong>Uno</strong></p>"}
    save(eva, address_of("change", event), title="De Eva")
    decide(ana, event, ana.post(address_of("change", event), mine))
    assert told(event).body == "<p><strong>Uno</strong></p>"


def test_the_same_change_twice_clashes_with_nothing(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"start": "marzo de 2011"}
    save(eva, address_of("change", event), start="2011-03")
    assert fields(ana.post(address_of("change", event), mine), "clashes") == set()


def test_going_on_editing_shows_the_form_with_mine_and_saves_nothing(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    save(eva, address_of("change", event), summary="De Eva", category="salida")
    form = decide(ana, event, ana.post(address_of("change", event), mine), _mine="1")
    assert form.status_code == 200
    assert told(event).summary == "De Eva"
    filled = written(form) | {"change_reason": ""}
    assert (filled["summary"], filled["category"]) == ("De Ana", "salida")
    assert ana.post(address_of("change", event), filled).status_code == 302
    assert told(event).summary == "De Ana"


def test_what_is_chosen_passes_the_form_again(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"start": "2017-13", "summary": "De Ana"}
    save(eva, address_of("change", event), start="2012")
    page = ana.post(address_of("change", event), mine)
    refused = decide(ana, event, page)
    assert "no hay mes 13" in refused.text
    assert "De Ana" in refused.text
    assert told(event).start == "2012"


def test_who_saves_while_one_decides_is_shown_as_well(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    save(eva, address_of("change", event), summary="De Eva")
    page = ana.post(address_of("change", event), mine)
    save(eva, address_of("change", event), summary="De Eva, otra vez")
    again = decide(ana, event, page)
    assert again.status_code == 409
    assert "otra vez" in again.text
    assert decide(ana, event, again).status_code == 302
    assert told(event).summary == "De Ana"


@pytest.mark.parametrize("version", [None, "", "x", "1.1", "9.9-9.9-9.9", "²-²"])
def test_a_form_that_does_not_say_what_it_was_opened_on_saves_nothing(
    version: str | None, event: Event, ana: Any
) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    del mine["opened_on"]
    mine |= {} if version is None else {"opened_on": version}
    page = ana.post(address_of("change", event), mine)
    assert page.status_code == 409
    assert told(event).summary == "Un resumen."
    assert decide(ana, event, page).status_code == 302
    assert told(event).summary == "De Ana"


def test_what_was_published_meanwhile_is_not_changed_but_not_lost(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "Lo que escribió Ana."}
    save(eva, address_of("change", event), _publish="1")
    page = ana.post(address_of("change", event), mine)
    assert page.status_code == 409
    assert "Lo que escribió Ana." in page.text
    assert "publica quien tiene permiso" in page.text
    assert 'name="_resolve"' not in page.text
    resolved = ana.post(address_of("change", event), mine | {"_resolve": "1", "seen": "x"})
    assert resolved.status_code == 409
    assert told(event).summary == "Un resumen."


def test_what_was_moved_to_the_papelera_meanwhile_is_not_lost(
    event: Event, ana: Any, eva: Any
) -> None:
    mine = opened(ana, event) | {"summary": "Lo que escribió Ana."}
    confirm(eva, address_of("delete", event))
    page = ana.post(f"/admin/timeline/event/{mine['citations-0-event']}/change/", mine)
    assert page.status_code == 409
    assert "está en la papelera" in page.text
    assert "Lo que escribió Ana." in page.text


def test_markup_in_a_conflict_is_inert(event: Event, ana: Any, eva: Any) -> None:
    mine = opened(ana, event) | {"summary": "<script>alert(1)</script>", "<b>x": "<b>y"}
    save(eva, address_of("change", event), summary="<script>alert(2)</script>")
    page = ana.post(address_of("change", event), mine)
    assert "<script>alert" not in page.text
    assert "<b>" not in page.text


# Citations and other rows


@pytest.fixture
def cited(event: Event) -> Citation:
    return records.citation(event, source=records.source())


@pytest.mark.parametrize("button", ["_save", "_resolve"])
@pytest.mark.parametrize("nasty", ["9" * 5000, "9" * 25, "٣", "\0"])
def test_whatever_is_sent_in_a_conflict_is_shown_or_refused(
    event: Event, ana: Any, cited: Citation, nasty: str, button: str
) -> None:
    address = address_of("change", event)
    sent = opened(ana, event) | {"summary": "De Ana"}
    seen = ana.post(address, sent | {"opened_on": "x"}).context["seen"]
    names = ["opened_on", "organizations", "category", "start", "publish_at_0", "decide-summary"]
    names += [n for n in sent if n.startswith("citations-")] + ["citations-1-id", "otro-summary"]
    for name in names:
        data = sent | {"opened_on": "1.1-1.1", "seen": seen, button: "1", name: nasty}
        assert ana.post(address, data).status_code < 500, name


def test_a_citation_added_by_another_way_is_seen(event: Event, ana: Any, cited: Citation) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    records.citation(event, OTHER_QUOTE, source=cited.source)
    page = ana.post(address_of("change", event), mine)
    assert decide(ana, event, page).status_code == 302
    assert told(event).summary == "De Ana"
    assert event.citations.count() == 2


def test_each_adds_a_citation_and_both_stay(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    added = {"citations-TOTAL_FORMS": 2, "citations-1-source": cited.source_id}
    mine = opened(ana, event) | added | quote(None, "citations-1-", exact=OTHER_QUOTE)
    theirs = quote(None, "citations-1-", exact="anunció su salida")
    save(eva, address_of("change", event), **added, **theirs)
    page = ana.post(address_of("change", event), mine)
    assert page.status_code == 409
    assert decide(ana, event, page).status_code == 302
    found = {*event.citations.values_list("exact", flat=True)}
    assert found == {QUOTE, OTHER_QUOTE, "anunció su salida"}


@pytest.mark.parametrize(
    ("decision", "kept"), [("mio", OTHER_QUOTE), ("suyo", "anunció su salida")]
)
def test_a_citation_that_both_changed_is_decided(
    decision: str, kept: str, event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | quote(None, exact=OTHER_QUOTE)
    save(eva, address_of("change", event), **quote(None, exact="anunció su salida"))
    page = ana.post(address_of("change", event), mine)
    assert fields(page, "clashes") == {"Cita 1"}
    key = page.context["clashes"][0].key
    assert decide(ana, event, page, **{f"decide-{key}": decision}).status_code == 302
    assert event.citations.get().exact == kept


def test_a_citation_that_one_took_away_and_the_other_changed_is_decided(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | quote(None, exact=OTHER_QUOTE)
    save(eva, address_of("change", event), **{"citations-0-DELETE": "on"})
    assert not event.citations.exists()
    page = ana.post(address_of("change", event), mine)
    assert fields(page, "clashes") == {"Cita 1"}
    assert decide(ana, event, page).status_code == 302
    assert event.citations.get().exact == OTHER_QUOTE


def test_a_citation_taken_away_stays_away_whoever_saves_next(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | {"summary": "De Ana"}
    save(eva, address_of("change", event), **{"citations-0-DELETE": "on"})
    decide(ana, event, ana.post(address_of("change", event), mine))
    assert not event.citations.exists()
    assert told(event).summary == "De Ana"


def test_a_citation_alone_and_on_its_record_are_one(
    event: Event, ana: Any, eva: Any, cited: Citation
) -> None:
    mine = opened(ana, event) | quote(None, exact=OTHER_QUOTE)
    save(eva, address_of("change", cited), exact="anunció su salida")
    assert ana.post(address_of("change", event), mine).status_code == 409
    alone = opened(ana, cited) | {"exact": OTHER_QUOTE}
    save(eva, address_of("change", event), **quote(None, exact="No se recibió respuesta"))
    page = ana.post(address_of("change", cited), alone)
    assert fields(page, "clashes") == {"Palabras exactas"}
    assert decide(ana, cited, page).status_code == 302
    assert told(cited).exact == OTHER_QUOTE


def test_a_membership_on_its_organization_and_alone_are_one(ana: Any, eva: Any) -> None:
    organization = draft(records.organization)
    membership = records.membership(organization=organization, start="2011")
    mine = opened(ana, organization) | {"memberships-0-start": "2012", "name": "De Ana"}
    save(eva, address_of("change", membership), start="2013", note="De Eva")
    page = ana.post(address_of("change", organization), mine)
    assert fields(page, "clashes") == {f"Membresía de {organization}"}
    decide(ana, organization, page, **{f"decide-memberships-{membership.pk}": "suyo"})
    assert told(membership).start == "2013"
    assert told(organization).name == "De Ana"


def test_two_records_of_one_name_are_two(event: Event, ana: Any, eva: Any) -> None:
    one, other = records.organization(name="La misma"), records.organization(name="La misma")
    save(ana, address_of("change", event), organizations=[one.pk])
    mine = opened(ana, event) | {"organizations": [other.pk]}
    save(eva, address_of("change", event), title="De Eva")
    decide(ana, event, ana.post(address_of("change", event), mine))
    assert [*told(event).organizations.all()] == [other]


def test_a_list_changed_by_both_is_decided(event: Event, ana: Any, eva: Any) -> None:
    one, other = records.organization(name="Una"), records.organization(name="Otra")
    mine = opened(ana, event) | {"organizations": [one.pk]}
    save(eva, address_of("change", event), organizations=[other.pk])
    page = ana.post(address_of("change", event), mine)
    assert fields(page, "clashes") == {"Organizaciones"}
    decide(ana, event, page, **{"decide-organizations": "suyo"})
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
    page = admin.post(address_of("change", record), mine)
    assert page.status_code == 409
    assert decide(admin, record, page).status_code == 302
    assert (getattr(told(record), name), told(record).slug) == ("De Ana", "de-ana")
