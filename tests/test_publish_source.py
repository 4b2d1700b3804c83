"""What is made of a source is published in one act, with its proof, or not at all."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from desk.changes import change_of, changes_of, conflicts, hold, withdraw
from desk.models import PendingChange
from tests import records
from tests.test_editing import again

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
QUOTE = {"exact": "decidieron sumarse", "field": "start"}


def hidden_source(**fields: Any) -> Any:
    return records.source(title="El comunicado", **{"publish_at": None} | fields)


# Changes of what is public


def test_a_change_of_a_public_record_waits_and_grows_by_the_next(editor: Any) -> None:
    source, event = hidden_source(), records.event(start="2012", location="Lima")
    beta = records.organization()
    held = hold(source, event, {"start": "2012-05"}, [QUOTE], editor.user)
    more = {"location": "Quito", "is_named": [beta], "category": records.category("relevo")}
    again_held = hold(source, event, more, [QUOTE | {"exact": "decidieron  sumarse"}], editor.user)
    assert held == again_held == PendingChange.objects.get()
    stored = changes_of(event).get()
    assert stored.changes["start"] == ["2012", "2012-05"]
    assert stored.changes["location"] == ["Lima", "Quito"]
    assert stored.changes["is_named"] == [[], [beta.pk]]
    assert [quote["exact"] for quote in stored.quotes] == ["decidieron sumarse"]
    assert (again(event).start, event.citations.count()) == ("2012", 0)
    hold(source, event, {"start": "2012", "location": "Lima"}, [], editor.user)
    assert changes_of(event).get().changes.keys() == {"is_named", "category"}


def test_a_change_that_the_record_does_not_allow_is_refused_at_once(editor: Any) -> None:
    source, event = hidden_source(), records.event(start="2012", end="2013")
    for changes, quote, field in (
        ({"end": "2011"}, QUOTE, "end"),
        ({"start": "2012-13"}, QUOTE, "start"),
        ({"title": ""}, QUOTE, "title"),
        ({"date_label": "a finales de año"}, QUOTE, "date_label"),
        ({}, {"exact": "no lo dice nadie"}, "exact"),
        ({}, QUOTE | {"field": "no_such_field"}, "field"),
        ({"convenes": [organization := records.organization()], "is_named": [organization]},
         QUOTE, "is_named"),
        ({"title": event.title}, None, "__all__"),
    ):  # fmt: skip
        with pytest.raises(ValidationError) as refused:
            hold(source, event, changes, [quote] if quote else [], editor.user)
        assert field in getattr(refused.value, "error_dict", {"__all__": ""})
    assert not PendingChange.objects.exists()


def test_who_may_not_write_drafts_holds_no_change(reader: Any, editor: Any, publisher: Any) -> None:
    source, event = hidden_source(), records.event()
    with pytest.raises(PermissionDenied):
        hold(source, event, {"title": "Otro"}, [], reader.user)
    held = hold(source, event, {"title": "Otro"}, [], publisher.user)
    with pytest.raises(PermissionDenied):
        withdraw(held, editor.user)
    withdraw(held, publisher.user)
    assert not changes_of(event).exists()


def test_a_change_is_saved_as_one_version_unless_its_field_changed_meanwhile(
    editor: Any, publisher: Any
) -> None:
    source, event, beta = hidden_source(), records.event(start="2012"), records.organization()
    held = hold(source, event, {"start": "2012-05", "convenes": [beta]}, [QUOTE], editor.user)
    change_of(held).save(publisher.user, "sale la fuente", timezone.now())
    stored, version = again(event), event.history.first()
    assert (stored.start, [*stored.organizations.all()]) == ("2012-05", [beta])
    assert (version.history_change_reason, version.history_user) == (
        "sale la fuente", publisher.user,
    )  # fmt: skip
    assert event.history.count() == 2
    assert event.citations.get().history.get().history_user == publisher.user
    assert conflicts(held) == []
    records.by_save(stored, start="2011")
    assert conflicts(held) == ["inicio"]
    with pytest.raises(ValidationError, match="inicio"):
        change_of(held)


def test_a_membership_takes_what_it_replaces_from_the_change(editor: Any) -> None:
    beta = records.organization()
    member = records.membership(start="2015")
    held = hold(hidden_source(), member, {"replaces": [beta]}, [], editor.user)
    change_of(held).save(editor.user, "", timezone.now())
    assert [*again(member).replaces.all()] == [beta]
    with pytest.raises(ValidationError, match="a sí misma"):
        hold(hidden_source(), member, {"replaces": [member.organization]}, [], editor.user)
