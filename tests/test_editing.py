"""Buttons and actions change the publication of records, with permission and with a reason."""

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
from tests.staff import QUOTE, address_of, confirm, draft, page_of, problems, quote, save
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
LISTED = address_of("changelist", Event)
IN_2090 = datetime(2090, 1, 1, 15, tzinfo=UTC)
SOON = {"publish_at_0": "2090-01-01", "publish_at_1": "09:00"}
LATER = {"unpublish_at_0": "2090-01-01", "unpublish_at_1": "09:00"}
LATER_ALL = {"moment_0": "2090-01-01", "moment_1": "09:00"}
NEW = {"title": "Nuevo", "category": "acuerdo"}
MAKERS = (records.source, records.organization, records.event, records.statement)
NOT_YOURS = "publica quien tiene permiso"


def scheduled(**fields: Any) -> Event:
    return records.event(publish_at=TOMORROW, **fields)


def withdrawn(**fields: Any) -> Event:
    return records.event(unpublish_at=YESTERDAY, **fields)


def again(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


def chosen(action: str, *events: Event) -> dict[str, Any]:
    return {"action": action, "_selected_action": [event.pk for event in events]}


def buttons(page: str) -> list[str]:
    names = ("_publish", "_schedule", "_withdraw", "_schedule_withdrawal", "_draft", "_save")
    return [name for name in names if f'name="{name}"' in page]


# Buttons


@pytest.mark.parametrize(
    ("make", "state", "offered"),
    [
        (draft, "Borrador", ["_publish", "_schedule"]),
        (scheduled, "Programado", ["_publish", "_schedule", "_draft"]),
        (records.event, "Público", ["_withdraw", "_schedule_withdrawal"]),
        (withdrawn, "Retirado", ["_publish", "_schedule", "_draft"]),
    ],
)
def test_each_state_offers_what_can_be_done_and_only_to_who_may_publish(
    make: Callable, state: str, offered: list[str], publisher: Any, editor: Any
) -> None:
    address = address_of("change", make())
    page = publisher.get(address).text
    box = page.partition('class="publication"')[2].partition("</section>")[0]
    assert f"<strong>{state}</strong>" in box
    assert buttons(page) == [*offered, "_save"]
    page = editor.get(address).text
    assert not {*offered} & {*buttons(page)}
    if make is draft:
        assert f"Puede guardar el borrador; {NOT_YOURS}." in page


@pytest.mark.parametrize(
    ("make", "button", "fields", "state", "moments"),
    [
        (draft, "_schedule", SOON, "scheduled", {"publish_at": IN_2090}),
        (scheduled, "_draft", {}, "draft", {"publish_at": None}),
        (records.event, "_withdraw", {}, "withdrawn", {}),
        (records.event, "_schedule_withdrawal", LATER, "public", {"unpublish_at": IN_2090}),
        (withdrawn, "_publish", {}, "public", {"unpublish_at": None}),
        (withdrawn, "_schedule", SOON, "scheduled", {"publish_at": IN_2090}),
    ],
)
def test_a_button_does_what_it_says(
    make: Callable, button: str, fields: dict, state: str, moments: dict, publisher: Any
) -> None:
    event = make()
    save(publisher, address_of("change", event), **fields, **{button: "1"})
    event = again(event)
    assert event.state == state
    assert {name: getattr(event, name) for name in moments} == moments


@pytest.mark.parametrize("make", MAKERS)
def test_a_draft_is_published_along_with_what_was_written(make: Any, publisher: Any) -> None:
    record = draft(make)
    name = "name" if isinstance(record, Organization) else "title"
    filled = {"_publish": "1", name: "Otro título"}
    assert save(publisher, address_of("change", record), **filled).status_code == 302
    assert again(record).state == "public"
    assert getattr(again(record), name) == "Otro título"


def test_a_new_record_is_published_at_once(publisher: Any) -> None:
    response = save(publisher, address_of("add", Event), **NEW, _publish="1")
    assert response.url == address_of("change", Event.objects.get())
    assert Event.objects.get().is_public()


def test_a_schedule_needs_a_day_to_come(publisher: Any) -> None:
    for make, button, name in (
        (draft, "_schedule", "publish_at"),
        (records.event, "_schedule_withdrawal", "unpublish_at"),
    ):
        event = make()
        for day, hour in (("", ""), ("2001-01-01", "09:00")):
            fields = {button: "1", f"{name}_0": day, f"{name}_1": hour}
            response = save(publisher, address_of("change", event), **fields)
            assert "que estén por venir" in problems(response)
            assert again(event).state == event.state


def test_a_button_that_was_refused_is_offered_again(publisher: Any) -> None:
    for event, button in ((records.event(), "_withdraw"), (draft(), "_publish")):
        fields = {button: "1", "title": "", "change_reason": ""}
        refused = save(publisher, address_of("change", event), **fields)
        assert problems(refused)
        assert f'name="{button}"' in refused.text


def test_a_membership_says_what_shows_or_hides_it_and_has_no_buttons(publisher: Any) -> None:
    hidden = records.membership(organization=draft(records.organization, name="La oculta"))
    page = publisher.get(address_of("change", hidden)).text
    assert "No se verá en el sitio mientras no sea público" in page
    assert "La oculta" in page
    assert buttons(page) == ["_save"]
    page = publisher.get(address_of("change", records.membership())).text
    assert "Se ve en el sitio porque todo lo que menciona es público" in page


def test_what_is_published_or_withdrawn_counts_from_that_moment(
    publisher: Any, visitor: Any, clock: Any
) -> None:
    event, waiting = draft(), scheduled()
    save(publisher, address_of("change", event), _publish="1")
    assert visitor.get(event.get_absolute_url()).status_code == 200
    save(publisher, address_of("change", event), _withdraw="1")
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
        fields = editor.get(address).context["adminform"].form.fields
        assert not {"publish_at", "unpublish_at"} & fields.keys()
        for button in ("_publish", "_schedule", "_withdraw", "_schedule_withdrawal", "_draft"):
            pressed = {button: "1"} | NEW | SOON | LATER
            assert NOT_YOURS in problems(save(editor, address, **pressed)), button
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
        (address_of("add", Membership), {"organization": public.pk}),
        (address_of("add", Membership), {"organization": public.pk, "replaces": hidden.pk}),
        (cite, cited),
        (cite, cited | {"source": draft(records.source).pk}),
        (address_of("change", membership), {"organization": public.pk}),
        (address_of("change", membership), {"organization": public.pk} | quote(membership)),
        (address_of("change", citation), {"event": event.pk}),
    ):
        assert NOT_YOURS in problems(save(editor, address, **fields)), (address, fields)
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
    event, source = records.event(), records.source()
    event.organizations.add(records.organization())
    change, cite = address_of("change", event), address_of("add", Citation) + "?apoya=event"
    cited = {"event": event.pk, "source": source.pk, "exact": QUOTE}
    for address, fields in (
        (change, {"title": "Otro"}), (change, {"_withdraw": "1"}), (change, {"organizations": []}),
        (change, quote(event)), (cite, cited),
    ):  # fmt: skip
        assert "Diga por qué" in problems(save(publisher, address, change_reason="", **fields))
        assert again(event).state == "public"
    reason = "se corrige el nombre"
    save(publisher, change, title="Otro", change_reason=reason, **quote(event))
    for model in (Event, Citation):
        assert model.history.first().history_change_reason == reason


def test_drafts_and_their_publication_need_none(publisher: Any, editor: Any) -> None:
    address = address_of("change", draft())
    assert save(editor, address, title="Otro", change_reason="").status_code == 302
    assert save(publisher, address, _publish="1", change_reason="").status_code == 302


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
    for words in ("Se publica ahora.", "sin esperar a su día", "Ya es público: se queda igual."):
        assert words in page.text
    assert 'value="Publicar 2 acontecimientos"' in page.text
    assert again(mine).is_draft()
    before = public.history.count()
    assert confirm(publisher, LISTED, **publish).status_code == 302
    assert {again(event).state for event in (mine, waiting, public)} == {"public"}
    assert public.history.count() == before
    assert mine.history.first().history_user == publisher.user


def test_a_list_is_scheduled_and_withdrawn(publisher: Any) -> None:
    mine, public = draft(), records.event()
    confirm(publisher, LISTED, **chosen("schedule", mine, public), **LATER_ALL)
    assert (again(mine).state, again(public).state) == ("scheduled", "public")
    confirm(publisher, LISTED, **chosen("withdraw", mine, public))
    assert (again(mine).state, again(public).state) == ("scheduled", "withdrawn")


def test_actions_ask_why_where_something_public_changes(publisher: Any) -> None:
    public = records.event()
    for action in ("withdraw", "delete_selected"):
        page = publisher.post(LISTED, chosen(action, public))
        sent = {"shown": page.context["tokens"], "confirmed": "1"}
        asked = publisher.post(LISTED, chosen(action, public) | sent)
        assert asked.status_code == 422
        assert "diga por qué" in asked.text
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
    for action in ("publish", "schedule", "withdraw"):
        assert f'value="{action}"' not in person.get(LISTED).text
        person.post(LISTED, chosen(action, mine, public) | {"confirmed": "1"} | LATER_ALL)
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
    sent = chosen(action, event) | {"confirmed": "1", "change_reason": "x"}
    refused = publisher.post(LISTED, sent | {"shown": page.context["tokens"]})
    assert refused.status_code == 409
    assert "«De otra mano»: admin lo guardó" in refused.text
    assert again(event).state == event.state
    assert publisher.post(LISTED, sent | {"shown": refused.context["tokens"]}).status_code == 302


def test_too_many_at_once_are_refused(publisher: Any) -> None:
    Event.objects.bulk_create(Event(slug=f"e-{n}", **NEW) for n in range(201))
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
