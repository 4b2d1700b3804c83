"""What changes the site is done by buttons that say so, by those who may, and with a reason."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import Permission
from django.db import IntegrityError
from django.urls import reverse
from django.utils import timezone

from editing.admin import RecordAdmin
from organizations.models import Organization
from record.publishing import Publishable
from sources.models import Citation
from tests import records
from tests.records import LONG_AGO, TOMORROW, YESTERDAY
from tests.staff import QUOTE, address_of, confirm, draft, problems, quote, save
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
LISTED = address_of("changelist", Event)
SOON = {"publish_at_0": "2090-01-01", "publish_at_1": "09:00"}
MAKERS = (records.source, records.organization, records.event, records.statement)


def scheduled(**fields: Any) -> Event:
    return records.event(publish_at=TOMORROW, **fields)


def withdrawn(**fields: Any) -> Event:
    return records.event(unpublish_at=YESTERDAY, **fields)


def again(record: Any) -> Any:
    return type(record).objects.get(pk=record.pk)


def buttons(person: Any, record: Any) -> list[str]:
    shown = person.get(address_of("change", record)).text
    names = ("_publish", "_schedule", "_withdraw", "_schedule_withdrawal", "_draft", "_save")
    return [name for name in names if f'name="{name}"' in shown]


# Buttons


@pytest.mark.parametrize(
    ("make", "offered"),
    [
        (draft, ["_publish", "_schedule"]),
        (scheduled, ["_publish", "_schedule", "_draft"]),
        (records.event, ["_withdraw", "_schedule_withdrawal"]),
        (withdrawn, ["_publish", "_schedule", "_draft"]),
    ],
)
def test_each_state_offers_what_can_be_done_and_only_to_who_may_publish(
    make: Callable, offered: list[str], publisher: Any, editor: Any
) -> None:
    record = make()
    assert buttons(publisher, record) == [*offered, "_save"]
    assert not {*offered} & {*buttons(editor, record)}


def test_the_box_says_the_state_and_who_publishes(publisher: Any, editor: Any) -> None:
    said = {
        draft: "Borrador", scheduled: "Programado", records.event: "Público", withdrawn: "Retirado",
    }  # fmt: skip
    for make, word in said.items():
        shown = publisher.get(address_of("change", make())).text
        box = shown.partition('class="publication"')[2].partition("</section>")[0]
        assert f"<strong>{word}</strong>" in box
    shown = editor.get(address_of("change", draft())).text
    assert "Puede guardar el borrador; publica quien tiene permiso." in shown


@pytest.mark.parametrize("make", MAKERS)
def test_a_draft_is_published_along_with_what_was_written(make: Any, publisher: Any) -> None:
    record = draft(make)
    name = "name" if isinstance(record, Organization) else "title"
    filled = {"_publish": "1", name: "Otro título"}
    assert save(publisher, address_of("change", record), **filled).status_code == 302
    assert again(record).state == "public"
    assert getattr(again(record), name) == "Otro título"


def test_a_new_record_is_published_at_once(publisher: Any) -> None:
    filled = {"title": "Nuevo", "category": "acuerdo", "_publish": "1"}
    response = save(publisher, address_of("add", Event), **filled)
    assert response.url == address_of("change", Event.objects.get())
    assert Event.objects.get().is_public()


def test_a_draft_is_scheduled_and_a_schedule_taken_back(publisher: Any) -> None:
    event = draft()
    save(publisher, address_of("change", event), _schedule="1", **SOON)
    assert again(event).publish_at == datetime(2090, 1, 1, 15, tzinfo=UTC)
    save(publisher, address_of("change", event), _draft="1")
    assert again(event).is_draft()


@pytest.mark.parametrize("day", ["", "2001-01-01"])
def test_a_schedule_needs_a_day_to_come(day: str, publisher: Any) -> None:
    cases = (
        (draft(), "_schedule", "publish_at"),
        (records.event(), "_schedule_withdrawal", "unpublish_at"),
    )
    for event, button, name in cases:
        filled = {button: "1", f"{name}_0": day, f"{name}_1": day and "09:00"}
        response = save(publisher, address_of("change", event), **filled)
        assert "que estén por venir" in problems(response)
        assert again(event).state == event.state


def test_what_is_public_is_withdrawn_now_or_on_a_day(publisher: Any) -> None:
    event, other = records.event(), records.event()
    save(publisher, address_of("change", event), _withdraw="1")
    assert again(event).state == "withdrawn"
    later = {"unpublish_at_0": "2090-01-01", "unpublish_at_1": "09:00"}
    save(publisher, address_of("change", other), _schedule_withdrawal="1", **later)
    assert again(other).state == "public"
    assert again(other).unpublish_at == datetime(2090, 1, 1, 15, tzinfo=UTC)


def test_a_button_that_was_refused_is_offered_again(publisher: Any) -> None:
    for event, button in ((records.event(), "_withdraw"), (draft(), "_publish")):
        filled = {button: "1", "title": "", "change_reason": ""}
        refused = save(publisher, address_of("change", event), **filled)
        assert problems(refused)
        assert f'name="{button}"' in refused.text


def test_what_was_withdrawn_is_published_again_now_or_on_a_day(publisher: Any) -> None:
    now, later = withdrawn(), withdrawn()
    save(publisher, address_of("change", now), _publish="1")
    save(publisher, address_of("change", later), _schedule="1", **SOON)
    assert (again(now).state, again(later).state) == ("public", "scheduled")


@pytest.mark.parametrize("button", ["_publish", "_schedule", "_withdraw", "_draft"])
def test_an_editor_presses_no_button(button: str, editor: Any) -> None:
    event = draft()
    response = save(editor, address_of("change", event), **{button: "1"}, **SOON)
    assert "publica quien tiene permiso" in problems(response)
    filled = {"title": "Nuevo", "category": "acuerdo", button: "1"}
    response = save(editor, address_of("add", Event), **filled, **SOON)
    assert "publica quien tiene permiso" in problems(response)
    assert [*Event.objects.all()] == [event]
    assert again(event).is_draft()


def test_saving_as_new_is_no_way_round(publisher: Any, editor: Any) -> None:
    for person in (publisher, editor):
        assert save(person, address_of("change", draft()), _saveasnew="1").status_code == 403


def test_a_membership_says_what_shows_or_hides_it_and_has_no_buttons(publisher: Any) -> None:
    hidden = records.membership(organization=draft(records.organization, name="La oculta"))
    shown = publisher.get(address_of("change", hidden)).text
    assert "mientras no sea público" in shown
    assert "La oculta" in shown
    assert buttons(publisher, hidden) == ["_save"]
    shown = publisher.get(address_of("change", records.membership())).text
    assert "Se ve en el sitio porque todo lo que menciona es público" in shown


# The reason


def test_a_change_of_what_is_public_needs_a_reason_and_keeps_it(publisher: Any) -> None:
    event = records.event()
    address = address_of("change", event)
    for written in ({"title": "Otro"}, {"_withdraw": "1"}, {"organizations": []}):
        if written == {"organizations": []}:
            event.organizations.add(records.organization())
        assert "Diga por qué" in problems(save(publisher, address, change_reason="", **written))
        assert again(event).state == "public"
    save(publisher, address, title="Otro", change_reason="se corrige el nombre")
    assert event.history.first().history_change_reason == "se corrige el nombre"


def test_a_citation_on_what_is_public_needs_a_reason_too(publisher: Any) -> None:
    source, event = records.source(), records.event()
    address = address_of("change", event)
    assert "Diga por qué" in problems(save(publisher, address, change_reason="", **quote(event)))
    cited = {"event": event.pk, "source": source.pk, "exact": QUOTE}
    address = address_of("add", Citation) + "?apoya=event"
    assert "Diga por qué" in problems(save(publisher, address, change_reason="", **cited))
    save(publisher, address_of("change", event), change_reason="se prueba", **quote(event))
    assert Citation.history.get().history_change_reason == "se prueba"


def test_drafts_and_their_publication_need_none(publisher: Any, editor: Any) -> None:
    event = draft()
    address = address_of("change", event)
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
    chosen = {"action": "publish", "_selected_action": [mine.pk, waiting.pk, public.pk]}
    page = publisher.post(LISTED, chosen)
    for said in ("Se publica ahora.", "sin esperar a su día", "Ya es público: se queda igual."):
        assert said in page.text
    assert 'value="Publicar 2 acontecimientos"' in page.text
    assert again(mine).is_draft()
    before = public.history.count()
    assert confirm(publisher, LISTED, **chosen).status_code == 302
    assert {again(e).state for e in (mine, waiting, public)} == {"public"}
    assert public.history.count() == before
    assert mine.history.first().history_user == publisher.user


def test_a_list_is_scheduled_and_withdrawn(publisher: Any) -> None:
    mine, public = draft(), records.event()
    chosen = {"_selected_action": [mine.pk, public.pk]}
    later = {"moment_0": "2090-01-01", "moment_1": "09:00"}
    confirm(publisher, LISTED, action="schedule", **chosen, **later)
    assert (again(mine).state, again(public).state) == ("scheduled", "public")
    confirm(publisher, LISTED, action="withdraw", **chosen)
    assert (again(mine).state, again(public).state) == ("scheduled", "withdrawn")


def test_actions_ask_why_where_something_public_changes(publisher: Any) -> None:
    public = records.event()
    for action in ("withdraw", "delete_selected"):
        chosen = {"action": action, "_selected_action": [public.pk]}
        page = publisher.post(LISTED, chosen)
        sent = {"shown": page.context["shown"], "confirmed": "1"}
        asked = publisher.post(LISTED, chosen | sent)
        assert asked.status_code == 422
        assert "diga por qué" in asked.text
        assert again(public).is_public()


@pytest.mark.parametrize("action", ["publish", "schedule", "withdraw"])
def test_an_editor_has_no_action_on_the_publication(action: str, editor: Any) -> None:
    mine, public = draft(), records.event()
    assert f'value="{action}"' not in editor.get(LISTED).text
    chosen = {"action": action, "confirmed": "1", "_selected_action": [mine.pk, public.pk]}
    editor.post(LISTED, chosen | {"moment_0": "2090-01-01", "moment_1": "09:00"})
    assert (again(mine).state, again(public).state) == ("draft", "public")


def test_who_publishes_but_may_not_change_these_has_no_action_either(publisher: Any) -> None:
    publisher.user.groups.get().permissions.remove(Permission.objects.get(codename="change_event"))
    mine = draft()
    publisher.post(LISTED, {"action": "publish", "confirmed": "1", "_selected_action": [mine.pk]})
    page = publisher.get(LISTED)
    assert again(mine).is_draft()
    assert 'value="publish"' not in page.text


def test_what_changed_after_an_action_was_shown_is_not_touched(publisher: Any, admin: Any) -> None:
    for action, make in (("publish", draft), ("withdraw", records.event),
                         ("delete_selected", draft)):  # fmt: skip
        event = make()
        chosen = {"action": action, "_selected_action": [event.pk]}
        page = publisher.post(LISTED, chosen)
        save(admin, address_of("change", event), title="De otra mano")
        sent = {"shown": page.context["shown"], "confirmed": "1", "change_reason": "x"}
        refused = publisher.post(LISTED, chosen | sent)
        assert refused.status_code == 409
        assert "«De otra mano»: admin lo guardó" in refused.text
        assert again(event).state == event.state
        shown = {"shown": refused.context["shown"]}
        assert publisher.post(LISTED, chosen | sent | shown).status_code == 302


def test_no_list_is_edited_in_place() -> None:
    """There nobody would see whose change they overwrite."""
    for model_admin in django_admin.site._registry.values():
        assert not (isinstance(model_admin, RecordAdmin) and model_admin.list_editable)


def test_too_many_at_once_are_refused(publisher: Any) -> None:
    Event.objects.bulk_create(
        Event(slug=f"e-{n}", title="T", category="acuerdo") for n in range(201)
    )
    chosen = {"action": "publish", "select_across": "1", "_selected_action": ["1"]}
    assert "Elija 200 registros" in publisher.post(LISTED, chosen, follow=True).text
    assert not Event.objects.visible_to(None).exists()


# Previews


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("state", ["draft", "scheduled", "withdrawn"])
def test_a_preview_is_marked_and_neither_cached_nor_indexed(
    make: Any, state: str, reader: Any, visitor: Any, editor: Any
) -> None:
    moments = {
        "draft": {"publish_at": None},
        "scheduled": {"publish_at": TOMORROW},
        "withdrawn": {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
    }[state]
    record = make(**moments)
    address = record.get_absolute_url()
    shown = reader.get(address)
    assert shown.status_code == 200
    assert "solo lo ve la redacción" in shown.text
    assert "no-store" in shown["Cache-Control"]
    assert shown["X-Robots-Tag"] == "noindex"
    missing = visitor.get(f"{address.rstrip('/')}-no-hay/")
    assert visitor.get(address).status_code == missing.status_code == 404
    assert "Vista previa" in editor.get(address_of("change", record)).text


# Moving to the papelera


def test_what_is_referred_to_stays_and_leads_to_what_refers(publisher: Any) -> None:
    organization = records.organization()
    membership = records.membership(organization=organization)
    shown = publisher.get(address_of("delete", organization)).text
    assert "se refiere" in shown
    assert address_of("change", membership) in shown
    assert 'value="Mover a la papelera"' not in shown


@pytest.mark.parametrize("action", ["delete", "changelist"])
def test_a_rival_at_the_same_moment_makes_the_papelera_look_again(
    action: str, publisher: Any, monkeypatch: Any
) -> None:
    one = records.organization(publish_at=None)

    def delete(self: Organization) -> None:
        monkeypatch.undo()
        raise IntegrityError

    monkeypatch.setattr(Organization, "delete", delete)
    chosen = {"action": "delete_selected", "_selected_action": [one.pk]}
    of = one if action == "delete" else Organization
    assert confirm(publisher, address_of(action, of), **chosen).status_code == 302
    assert not Organization.objects.exists()


def test_an_editor_moves_nothing_public_to_the_papelera(editor: Any) -> None:
    editor.user.user_permissions.add(Permission.objects.get(codename="delete_event"))
    public, mine = records.event(), draft()
    assert editor.get(address_of("delete", public)).status_code == 403
    assert confirm(editor, address_of("delete", mine)).status_code == 302
    assert [*Event.objects.all()] == [public]


# At the stroke of the clock


def test_what_is_published_or_withdrawn_counts_from_that_moment(
    publisher: Any, visitor: Any, clock: Any
) -> None:
    event = draft()
    save(publisher, address_of("change", event), _publish="1")
    assert visitor.get(event.get_absolute_url()).status_code == 200
    save(publisher, address_of("change", event), _withdraw="1")
    assert visitor.get(event.get_absolute_url()).status_code == 404
    waiting = scheduled()
    assert visitor.get(waiting.get_absolute_url()).status_code == 404
    clock(timezone.now() + timedelta(days=2))
    assert visitor.get(waiting.get_absolute_url()).status_code == 200


def test_the_lists_of_all_that_is_published_have_their_actions(publisher: Any) -> None:
    for model, model_admin in django_admin.site._registry.items():
        if isinstance(model_admin, RecordAdmin):
            shown = publisher.get(address_of("changelist", model)).text
            if model._default_manager.exists():
                assert ('value="publish"' in shown) == issubclass(model, Publishable)
            assert reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_trash") in shown
