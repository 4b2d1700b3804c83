"""Buttons and actions change the publication of records, with permission and with a reason."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import Permission
from django.utils import timezone

from editing.admin import RecordAdmin
from organizations.models import Membership, Organization
from record.publishing import Publishable
from sources.models import Citation
from tests import records
from tests.records import LONG_AGO, TOMORROW, YESTERDAY
from tests.staff import (
    QUOTE,
    act,
    address_of,
    answers,
    confirm,
    draft,
    page_of,
    problems,
    quote,
    save,
)
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
LISTED = address_of("changelist", Event)
IN_2090 = datetime(2090, 1, 1, 15, tzinfo=UTC)
SOON = {"publish_at": "2090-01-01T09:00", "publish_at_0": "2090-01-01", "publish_at_1": "09:00"}
LATER = {"when": "day", "day": "1 de enero de 2090"}
NEW = {"title": "Nuevo", "category": records.WORDS["acuerdo"]}
MAKERS = (records.source, records.organization, records.event, records.statement)
NOT_YOURS = "publica quien tiene permiso"


def scheduled(**fields: Any) -> Event:
    return records.event(publish_at=TOMORROW, **fields)


def withdrawn(**fields: Any) -> Event:
    return records.event(unpublish_at=YESTERDAY, **fields)


def ending(**fields: Any) -> Event:
    return records.event(unpublish_at=TOMORROW, **fields)


def again(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


def chosen(action: str, *events: Event) -> dict[str, Any]:
    return {"action": action, "_selected_action": [event.pk for event in events]}


def buttons(page: str) -> list[str]:
    """The names of the buttons of the form, in the order of the page."""
    return re.findall(r'<(?:input|button)[^>]* type="submit"[^>]* name="(_\w+)"', page)


# Buttons

SAVES = ["_save", "_continue", "_check"]


@pytest.mark.parametrize(
    ("make", "state", "save_as", "offered"),
    [
        (draft, "Borrador", "Guardar borrador", ["_publish"]),
        (scheduled, "Programado", "Guardar", ["_draft", "_publish"]),
        (records.event, "Público", "Guardar y mostrar en el sitio", ["_withdraw"]),
        (withdrawn, "Retirado", "Guardar", ["_draft", "_publish"]),
    ],
)
def test_the_first_button_saves_and_the_others_are_offered_to_who_may_publish(
    make: Callable, state: str, save_as: str, offered: list[str], publisher: Any, editor: Any
) -> None:
    """Enter in a text field presses the first button."""
    address = address_of("change", make())
    page = publisher.get(address).text
    box = page.partition('class="publication"')[2].partition("</section>")[0]
    assert f"<strong>{state}</strong>" in box
    assert buttons(page) == [*SAVES, *offered]
    assert f'name="_save" value="{save_as}"' in page
    page = editor.get(address).text
    assert buttons(page) == (SAVES if make is draft else [])


def test_enter_presses_a_disabled_button_on_the_page_that_asks(publisher: Any) -> None:
    for action, record in (("publish", draft()), ("withdraw", records.event())):
        page = publisher.get(address_of(action, record)).text
        first = re.findall("<button[^>]*>", page.partition("novalidate")[2])[0]
        assert 'type="submit"' in first
        assert " disabled" in first


@pytest.mark.parametrize(
    ("make", "action", "chosen", "state", "moments"),
    [
        (draft, "publish", {}, "public", {"unpublish_at": None}),
        (draft, "publish", LATER, "scheduled", {"publish_at": IN_2090}),
        (draft, "publish", LATER | {"hour": "9:00"}, "scheduled", {"publish_at": IN_2090}),
        (scheduled, "draft", {}, "draft", {"publish_at": None}),
        (scheduled, "publish", {"when": "now"}, "public", {}),
        (records.event, "withdraw", {}, "withdrawn", {}),
        (records.event, "withdraw", LATER, "public", {"unpublish_at": IN_2090}),
        (ending, "withdraw", {"when": "keep"}, "public", {"unpublish_at": None}),
        (withdrawn, "publish", {}, "public", {"unpublish_at": None}),
        (withdrawn, "publish", LATER, "scheduled", {"publish_at": IN_2090}),
        (withdrawn, "draft", {}, "draft", {"unpublish_at": None}),
    ],
)
def test_a_page_asks_and_its_button_does_what_it_says(
    make: Callable, action: str, chosen: dict, state: str, moments: dict, publisher: Any
) -> None:
    event = make()
    assert act(publisher, action, event, **chosen).url == address_of("change", event)
    assert again(event).state == state
    assert {name: getattr(again(event), name) for name in moments} == moments
    assert event.history.first().history_user == publisher.user


def test_a_day_without_an_hour_is_at_nine_and_says_so(publisher: Any) -> None:
    event, year = draft(), timezone.localdate().year + 1
    page = publisher.get(act(publisher, "publish", event, when="day", day="1 de enero").url)
    assert f"Se programó para el 1 de enero de {year}, 9:00" in page.text
    assert "como no se escribió la hora, a las 9:00" in page.text
    assert event.history.first().history_change_reason.startswith("Se programó para el 1 de enero")
    page = publisher.get(address_of("publish", event)).text
    assert f'value="1 de enero de {year}"' in page


@pytest.mark.parametrize(
    ("day", "hour", "reason"),
    [
        ("", "9:00", "que estén por venir"), ("2001-01-01", "", "que estén por venir"),
        ("enero de 2090", "", "Escriba un día"), ("9999-12-31", "", "Escriba un día"),
        ("30 de febrero de 2090", "", ": febrero de 2090 tiene 28 días. Escriba un día"),
        ("30 de febrero", "", "febrero"), ("x" * 9000, "", "demasiado larga"),
        ("1 de enero de 2090", "25:00", "9:00 o 17:30"), ("\0", "", "no se reconoce"),
    ],
)  # fmt: skip
def test_a_schedule_needs_a_day_to_come(day: str, hour: str, reason: str, publisher: Any) -> None:
    for make, action in ((draft, "publish"), (records.event, "withdraw")):
        event = make()
        refused = act(publisher, action, event, when="day", day=day, hour=hour)
        assert refused.status_code == 422
        assert reason in refused.text
        assert "déjelo vacío" not in refused.text
        assert again(event).state == event.state


@pytest.mark.parametrize("make", MAKERS)
def test_what_was_written_is_saved_before_the_page_asks(make: Any, publisher: Any) -> None:
    record = draft(make)
    name = "name" if isinstance(record, Organization) else "title"
    filled = {"_publish": "1", name: "Otro título"}
    response = save(publisher, address_of("change", record), **filled)
    assert response.url == address_of("publish", record)
    assert "ya quedó guardado" in publisher.get(response.url).text
    assert (again(record).state, getattr(again(record), name)) == ("draft", "Otro título")


def test_a_button_saves_nothing_new_in_silence_and_nothing_with_errors(publisher: Any) -> None:
    unchanged = records.event()
    before = unchanged.history.count()
    response = save(publisher, address_of("change", unchanged), _withdraw="1", change_reason="")
    assert response.url == address_of("withdraw", unchanged)
    assert unchanged.history.count() == before
    for event, button in ((records.event(), "_withdraw"), (draft(), "_publish")):
        fields = {button: "1", "title": "", "change_reason": ""}
        refused = save(publisher, address_of("change", event), **fields)
        assert problems(refused)
        assert f'name="{button}"' in refused.text


def test_a_new_record_is_saved_as_a_draft_before_the_page_asks(publisher: Any) -> None:
    response = save(publisher, address_of("add", Event), **NEW, _publish="1")
    assert response.url == address_of("publish", Event.objects.get())
    assert Event.objects.get().is_draft()


def test_a_citation_says_what_shows_or_hides_it_and_has_no_buttons(publisher: Any) -> None:
    source = records.source()
    hidden = records.citation(draft(title="La oculta"), source=source)
    page = publisher.get(address_of("change", hidden)).text
    assert "No se verá en el sitio mientras no sea público" in page
    assert "La oculta" in page
    assert buttons(page) == SAVES
    page = publisher.get(address_of("change", records.citation(records.event(), source=source)))
    assert "Se ve en el sitio porque todo lo que menciona es público" in page.text


def test_what_is_published_or_withdrawn_counts_from_that_moment(
    publisher: Any, visitor: Any, clock: Any
) -> None:
    event, waiting = draft(), scheduled()
    act(publisher, "publish", event)
    assert visitor.get(event.get_absolute_url()).status_code == 200
    act(publisher, "withdraw", event)
    assert visitor.get(event.get_absolute_url()).status_code == 404
    assert visitor.get(waiting.get_absolute_url()).status_code == 404
    clock(timezone.now() + timedelta(days=2))
    assert visitor.get(waiting.get_absolute_url()).status_code == 200


# Staff who may not publish


def test_an_editor_saves_drafts_and_publishes_by_no_field_or_button(editor: Any) -> None:
    source, event = records.source(), draft()
    change, add = address_of("change", event), address_of("add", Event)
    response = save(editor, change, title="Otro", **quote(event, source=source.pk), **SOON)
    assert response.status_code == 302
    assert again(event).title == "Otro"
    assert event.citations.exists()
    assert save(editor, add, **NEW, **SOON).status_code == 302
    for address in (change, add):
        for button in ("_publish", "_withdraw", "_draft"):
            pressed = {button: "1"} | NEW | SOON
            assert NOT_YOURS in problems(save(editor, address, **pressed)), button
    for action in ("publish", "withdraw", "draft"):
        assert editor.get(address_of(action, event)).status_code == 403
        assert editor.post(address_of(action, event), {"confirmed": "1"}).status_code == 403
    assert Event.objects.count() == 2
    assert not Event.objects.exclude(publish_at=None).exists()


def test_an_editor_adds_and_moves_nothing_to_what_is_public(editor: Any) -> None:
    """Also where another record that it names is a draft."""
    public, hidden = records.organization(), draft(records.organization)
    event, source = records.event(), records.source()
    membership = records.membership(organization=hidden)
    citation = records.citation(draft(), source=source)
    cite = address_of("add", Citation) + "?apoya=event"
    cited = {"event": event.pk, "source": source.pk, "exact": QUOTE}
    for address, fields in (
        (cite, cited),
        (cite, cited | {"source": draft(records.source).pk}),
        (address_of("change", membership), {"organization": public.pk}),
        (address_of("change", membership), {"organization": public.pk} | quote(membership)),
        (address_of("change", citation), {"event": event.pk}),
    ):
        assert "Pídalo a" in problems(save(editor, address, **fields)), (address, fields)
    assert list(Membership.objects.values_list("organization", flat=True)) == [hidden.pk]
    assert not Citation.objects.exclude(event=citation.event).exists()


def test_an_editor_moves_nothing_public_to_the_papelera(editor: Any) -> None:
    editor.user.user_permissions.add(Permission.objects.get(codename="delete_event"))
    public, mine, other = records.event(), draft(), draft()
    assert editor.get(address_of("delete", public)).status_code == 403
    both = chosen("delete_selected", public, mine)
    assert confirm(editor, LISTED, **both).status_code == 403
    assert Event.objects.count() == 3
    assert confirm(editor, LISTED, **chosen("delete_selected", mine)).status_code == 302
    assert confirm(editor, address_of("delete", other)).status_code == 302
    assert [*Event.objects.all()] == [public]


def test_saving_as_new_is_no_way_round(publisher: Any, editor: Any) -> None:
    for person in (publisher, editor):
        assert save(person, address_of("change", draft()), _saveasnew="1").status_code == 403


# The reason


def test_a_change_of_what_is_public_needs_a_reason_and_keeps_it(publisher: Any) -> None:
    event, _source = records.event(), records.source()
    event.organizations.add(records.organization())
    change = address_of("change", event)
    for fields in ({"title": "Otro"}, {"is_named": []}, quote(event)):
        assert "Diga por qué" in problems(save(publisher, change, change_reason="", **fields))
        assert again(event).state == "public"
    reason = "se corrige el nombre"
    save(publisher, change, title="Otro", change_reason=reason, **quote(event))
    for model in (Event, Citation):
        assert model.history.first().history_change_reason == reason


def test_drafts_and_new_records_are_not_asked_for_a_reason(publisher: Any, editor: Any) -> None:
    """New records that are public at once are not asked either."""
    event, source = records.event(), records.source()
    cited = {"event": event.pk, "source": source.pk, "exact": QUOTE}
    for person, address, fields in (
        (editor, address_of("change", draft()), {"title": "Otro"}),
        (editor, address_of("add", Event), NEW),
        (publisher, address_of("add", Membership), {"organization": records.organization().pk}),
        (publisher, address_of("add", Citation) + "?apoya=event", cited),
    ):
        assert "Por qué este cambio" not in person.get(address).text
        assert save(person, address, change_reason="", **fields).status_code == 302
    page = publisher.get(address_of("change", event)).text
    assert "Por qué este cambio" in page
    assert re.search(r'<input[^>]*name="change_reason"[^>]* required', page)


def test_a_form_saved_unchanged_asks_for_no_reason_and_leaves_no_version(publisher: Any) -> None:
    event = records.event(start="2011-08")
    before = again(event).updated_at, event.history.count()
    assert save(publisher, address_of("change", event), change_reason="").status_code == 302
    assert (again(event).updated_at, event.history.count()) == before


# Actions on a list


def test_an_action_says_what_it_will_do_before_it_does_it(publisher: Any) -> None:
    mine, waiting, public = draft(), scheduled(), records.event()
    publish = chosen("publish", mine, waiting, public)
    page = publisher.post(LISTED, publish)
    for words in ("Se publica.", "no el día de antes", "Ya es público: se queda igual."):
        assert words in page.text
    assert ">Publicar 2 acontecimientos</button>" in page.text
    assert again(mine).is_draft()
    before = public.history.count()
    assert confirm(publisher, LISTED, **publish).status_code == 302
    assert {again(event).state for event in (mine, waiting, public)} == {"public"}
    assert public.history.count() == before
    assert mine.history.first().history_user == publisher.user


def test_a_list_is_scheduled_and_withdrawn(publisher: Any) -> None:
    mine, public = draft(), records.event()
    confirm(publisher, LISTED, **chosen("publish", mine, public), **LATER)
    assert (again(mine).state, again(public).state) == ("scheduled", "public")
    confirm(publisher, LISTED, **chosen("withdraw", mine, public))
    assert (again(mine).state, again(public).state) == ("scheduled", "withdrawn")
    confirm(publisher, LISTED, **chosen("draft", mine, public))
    assert (again(mine).state, again(public).state) == ("draft", "draft")


def test_actions_ask_why_where_something_public_changes(publisher: Any) -> None:
    public = records.event()
    for action in ("withdraw", "delete_selected"):
        page = publisher.post(LISTED, chosen(action, public))
        sent = answers(page) | {"change_reason": ""}
        asked = publisher.post(LISTED, chosen(action, public) | sent)
        assert asked.status_code == 422
        assert "iga por qué" in asked.text
        assert again(public).is_public()


@pytest.mark.parametrize("person", ["editor", "publisher who may not change"])
def test_who_may_not_change_and_publish_has_no_action_on_the_publication(
    person: str, editor: Any, publisher: Any
) -> None:
    if person != "editor":
        permission = Permission.objects.get(codename="change_event")
        publisher.user.groups.get().permissions.remove(permission)
    person = editor if person == "editor" else publisher
    mine, public = draft(), records.event()
    for action in ("publish", "withdraw", "draft"):
        assert f'value="{action}"' not in person.get(LISTED).text
        person.post(LISTED, chosen(action, mine, public) | {"confirmed": "1"} | LATER)
        assert (again(mine).state, again(public).state) == ("draft", "public")


@pytest.mark.parametrize(
    ("action", "make"),
    [("publish", draft), ("withdraw", records.event), ("delete_selected", draft)],
)
def test_what_changed_after_an_action_was_shown_is_not_touched(
    action: str, make: Callable, publisher: Any, admin: Any
) -> None:
    event = make()
    page = publisher.post(LISTED, chosen(action, event))
    save(admin, address_of("change", event), title="De otra mano")
    refused = publisher.post(LISTED, chosen(action, event) | answers(page))
    assert refused.status_code == 409
    assert "«De otra mano»: admin lo guardó" in refused.text
    assert again(event).state == event.state
    assert publisher.post(LISTED, chosen(action, event) | answers(refused)).status_code == 302


def test_too_many_at_once_are_refused(publisher: Any) -> None:
    Event.objects.bulk_create(Event(slug=f"e-{n}", category=records.category()) for n in range(201))
    everything = {"action": "publish", "select_across": "1", "_selected_action": ["1"]}
    assert "Elija 200 registros" in publisher.post(LISTED, everything, follow=True).text
    assert not Event.objects.visible_to(None).exists()


def test_every_list_has_its_actions_and_is_not_edited_in_place(publisher: Any) -> None:
    """A list edited in place would overwrite other people's changes without a warning."""
    for make in (*MAKERS, records.membership, records.term):
        make()
    records.citation(records.event(), source=records.source())
    for model, model_admin in django_admin.site._registry.items():
        if isinstance(model_admin, RecordAdmin):
            page = publisher.get(address_of("changelist", model)).text
            assert ('value="publish"' in page) == issubclass(model, Publishable)
            assert page_of("trash", model()) in page
            assert not model_admin.list_editable


# Previews


@pytest.mark.parametrize("make", MAKERS)
def test_a_preview_is_marked_and_neither_cached_nor_indexed(
    make: Any, reader: Any, visitor: Any, editor: Any
) -> None:
    for moments in (
        {"publish_at": None},
        {"publish_at": TOMORROW},
        {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
    ):
        record = make(**moments)
        address = record.get_absolute_url()
        preview = reader.get(address)
        assert preview.status_code == 200
        assert "solo lo ve la redacción" in preview.text
        assert "no-store" in preview["Cache-Control"]
        assert preview["X-Robots-Tag"] == "noindex"
        assert visitor.get(address).status_code == 404
        assert "Vista previa" in editor.get(address_of("change", record)).text


def test_the_focus_is_where_the_work_is(publisher: Any) -> None:
    """On a new record at its first empty required field, on an existing record nowhere, after an
    error at the message."""
    event = draft()
    for address, focused in (
        (address_of("add", Event), ["title"]),
        (f"{address_of('add', Event)}?title=Ya", ["category"]),
        (address_of("change", event), []),
        (address_of("publish", event), []),
    ):
        tags = re.findall("<[^>]*autofocus[^>]*>", publisher.get(address).text)
        assert [re.search('name="([^"]*)"', tag)[1] for tag in tags] == focused
    refused = save(publisher, address_of("add", Event), title="").text
    (tag,) = re.findall("<[^>]*autofocus[^>]*>", refused)
    assert 'role="alert"' in tag
