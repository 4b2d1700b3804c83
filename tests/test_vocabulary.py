"""The words that classify events and statements, and the place and the time of events."""

from datetime import time

import icalendar
import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, QuerySet

from editing.resources import Outcome
from exchange.imports import RESOURCES
from tests import records
from tests.markup import page
from tests.sheets import dataset_of
from tests.staff import address_of, problems, save
from timeline.models import Event
from timeline.vocabulary import EventCategory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
TIMED = {"start": "2019-03-10", "start_time": time(17, 30), "location": "Plaza Mayor"}


def imported(text: str) -> Outcome:
    return RESOURCES["eventos"](None).import_data(dataset_of(text.encode()))


ADD = address_of("add", EventCategory)


def test_the_staff_add_and_rename_a_category_that_pages_and_filters_show(publisher, visitor):
    elections = {"name": "elección", "plural": "elecciones", "order": 3}
    assert save(publisher, ADD, **elections).status_code == 302
    category = EventCategory.objects.get(slug="eleccion")
    happened = records.event(category=category, title="Se eligió mesa")
    renamed = {"name": "elección interna", "slug": "interna"}
    assert save(publisher, address_of("change", category), **renamed).status_code == 302
    assert "elección interna" in visitor.get(happened.get_absolute_url()).text
    filtered = visitor.get("/linea-de-tiempo/?categoria=interna").text
    assert "Se eligió mesa" in filtered
    assert "Categoría: elección interna" in filtered
    assert category.history.count() == 2
    with pytest.raises(ProtectedError):
        category.delete()


def test_only_who_publishes_changes_words_that_readers_see(editor, reader):
    category = records.category()
    assert reader.post(ADD, {"name": "a", "plural": "b", "order": 1}).status_code == 403
    for person in (editor, reader):
        assert person.get(address_of("changelist", EventCategory)).status_code == 200
        change = person.post(address_of("change", category), {"name": "otra"})
        assert change.status_code == 403
        category.refresh_from_db()
        assert category.name == "acuerdo"


def test_a_sheet_names_a_category_by_slug_or_name_and_a_word_of_no_list_is_refused():
    records.category("relevo")
    EventCategory.objects.create(slug="eleccion", name="elección", plural="elecciones")
    head = "identificador,titulo,categoria,inicio,hora,lugar\n"
    rows = "uno,Uno,Elección,2019-03-10,17:30,Plaza Mayor\ndos,Dos,relevo,2019,,\n"
    assert imported(head + rows).errors == []
    one = Event.objects.get(slug="uno")
    assert (one.category.slug, one.location) == ("eleccion", "Plaza Mayor")
    assert one.start_time == time(17, 30)
    for cells, column in (
        ("tres,Tres,eleciones,2019,,", "categoria"),
        ("tres,Tres,relevo,2019-03,17:30,", "hora"),
        ("tres,Tres,relevo,2019-03-10,25:00,", "hora"),
        ("tres,Tres,relevo,2019-03-10,17,", "hora"),
    ):
        (error,) = imported(head + cells).errors
        assert (error.row, error.column) == (2, column), cells
    assert not Event.objects.filter(slug="tres").exists()


def test_place_and_time_stand_on_the_page_in_the_calendar_and_in_linked_data(visitor, settings):
    settings.TIME_ZONE = "America/Bogota"
    happened = records.event(title="Se firma", **TIMED)
    records.citation(happened, source=records.source())
    shown = page(visitor, happened.get_absolute_url())
    for words in ("17:30 horas", "Plaza Mayor"):
        assert words in shown.text
        assert words in visitor.get("/linea-de-tiempo/").text
        assert words in visitor.get("/linea-de-tiempo/atom.xml").text
    node = shown.graph[0]["mainEntity"]
    assert node["startDate"] == "2019-03-10T17:30:00-05:00"
    assert node["location"]["name"] == "Plaza Mayor"
    calendar = icalendar.Calendar.from_ical(visitor.get("/linea-de-tiempo/calendario.ics").content)
    (entry,) = calendar.events
    assert entry["DTSTART"].dt.isoformat() == "2019-03-10T22:30:00+00:00"
    assert "DTEND" not in entry
    assert str(entry["LOCATION"]) == "Plaza Mayor"
    silent = visitor.get(records.event(start="2019-03-11").get_absolute_url()).text
    assert silent.count("la fuente no lo dice") + silent.count("la fuente no la dice") >= 2


def test_a_time_stands_beside_a_whole_day_only(publisher):
    happened = records.event(publish_at=None, **TIMED)
    for start in ("2019-03", "2019", "", "[2019-03-10..]"):
        assert "start_time" in records.refusals(records.copy_of(happened, start=start))
        with pytest.raises(IntegrityError), transaction.atomic():
            QuerySet(Event).filter(pk=happened.pk).update(start=start)
    refused = save(publisher, address_of("change", happened), start="marzo de 2019")
    assert "Una hora va con un día completo" in str(problems(refused))
