"""Each organization has one part in an event or a statement, which every way in and back keeps."""

from typing import Any

import pytest

from exchange.imports import undo_import
from record.history import listed_in
from tests import records
from tests.sheets import csv_of, dry_run, exported
from tests.staff import (
    address_of,
    draft,
    problems,
    restore,
    restore_from_trash,
    save,
    written,
)
from tests.test_import_export import imported
from timeline.models import Event, EventOrganization

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
PARTS = {"convenes": "Alfa", "takes_part": "Beta", "is_named": "Gama"}


def parts_of(event: Event) -> dict[str, str]:
    rows = EventOrganization.objects.filter(event=event.pk)
    return {row.part: row.organization.name for row in rows.select_related("organization")}


@pytest.fixture
def meeting() -> Event:
    event = draft()
    for part, name in PARTS.items():
        who = records.organization(name=name, slug=name.lower())
        event.organizations.add(who, through_defaults={"part": part})
    event.save()
    return event


def keys(event: Event) -> dict[str, list[int]]:
    return {each.name: listed for each, listed in listed_in(event).items()}


def test_the_form_has_a_list_for_each_part_and_saves_a_move_between_them(
    admin: Any, meeting: Event
) -> None:
    address, present = address_of("change", meeting), keys(meeting)
    assert {name: written(admin.get(address))[name] for name in PARTS} == present
    both = save(admin, address, takes_part=present["convenes"])
    assert "Participan: «Alfa» está también en «Convocan»" in problems(both)
    assert parts_of(meeting) == PARTS
    save(admin, address, convenes=present["takes_part"], takes_part_typed="Alfa", takes_part=[])
    assert parts_of(meeting) == {"convenes": "Beta", "takes_part": "Alfa", "is_named": "Gama"}
    page = admin.get(address_of("history", meeting)).text
    assert "Convocan" in page
    number = meeting.history.count() - 1
    restore(admin, meeting, number)
    assert parts_of(meeting) == PARTS


def test_the_papelera_gives_back_the_parts(admin: Any, meeting: Event) -> None:
    key = meeting.pk
    meeting.delete()
    restore_from_trash(admin, Event, key)
    assert parts_of(Event.objects.get(pk=key)) == PARTS


def test_the_second_of_two_people_sees_the_parts_that_the_first_changed(
    editor: Any, publisher: Any, meeting: Event
) -> None:
    address, present = address_of("change", meeting), keys(meeting)
    mine = written(editor.get(address)) | {"takes_part": [], "change_reason": "lo mío"}
    save(publisher, address, takes_part=[], convenes=present["takes_part"])
    page = editor.post(address, mine | {"convenes": present["takes_part"] + present["convenes"]})
    assert page.status_code == 409
    assert parts_of(meeting) == {"convenes": "Beta", "is_named": "Gama"}


def test_a_table_has_a_column_for_each_part_and_undo_gives_the_parts_back(
    admin: Any, meeting: Event
) -> None:
    header, row = exported("eventos").decode().splitlines()[:2]
    columns = ("convocan", "participan", "nombradas")
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert [cells[name] for name in columns] == ["alfa", "beta", "gama"]
    twice = dry_run("eventos", csv_of("identificador,participan", f"{meeting.slug},alfa"))
    assert "«alfa» está también en «convocan»" in str(twice.errors)
    moved = csv_of(f"identificador,{','.join(columns)}", f"{meeting.slug},beta,alfa; gama,")
    receipt = imported("eventos", moved, admin.user)
    rows = EventOrganization.objects.filter(event=meeting)
    assert {(row.part, row.organization.slug) for row in rows} == {
        ("convenes", "beta"), ("takes_part", "alfa"), ("takes_part", "gama"),
    }  # fmt: skip
    undo_import(receipt, admin.user)
    assert parts_of(meeting) == PARTS


def test_pages_tell_who_did_it_from_who_is_only_named(visitor: Any, meeting: Event) -> None:
    meeting.publish_at = records.LONG_AGO
    meeting.save()
    html = visitor.get(meeting.get_absolute_url()).text
    assert html.index("Convoca</h3>") < html.index("Participa</h3>") < html.index("Nombradas</h2>")
    pages = [visitor.get(f"/organizaciones/{slug}/") for slug in ("alfa", "beta", "gama")]
    titles = [[title for title, _events in page.context["events"]["by_part"]] for page in pages]
    assert titles == [["Convoca"], ["Participa"], ["Aconteci\u00admientos que la nombran"]]
    said = records.statement()
    assert "no consta" in visitor.get(said.get_absolute_url()).text
    for n in range(9):
        who = records.organization(name=f"Firmante {n}")
        said.organizations.add(who, through_defaults={"part": "signs" if n < 7 else "declines"})
    html = visitor.get(said.get_absolute_url()).text
    assert "7 de 9" in html
    assert "No firman</h3>" in html
    assert visitor.get("/pronunciamientos/atom.xml").text.count("<name>Firmante") == 7
