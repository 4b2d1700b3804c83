"""Every version of every record is kept, with its lists and the reason of its change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps

from record.publishing import Record
from sources.models import Citation
from tests.records import MAKERS, citation, event, organization, source, statement
from timeline.models import Event

pytestmark = pytest.mark.django_db
RECORDS = [model for model in apps.get_models() if issubclass(model, Record)]


def slugs(rows: Any) -> list[str]:
    return sorted(rows.values_list("organization__slug", flat=True))


def test_every_version_has_the_lists_and_the_columns_but_the_generated_ones():
    assert len(RECORDS) == 10
    for model in RECORDS:
        fields = model._meta.concrete_fields
        kept = {field.name for field in model.history.model._meta.concrete_fields}
        assert {field.name for field in fields if not field.generated} <= kept
        assert not kept & {field.name for field in fields if field.generated}
        lists = {field.name for field in model.history.model._history_m2m_fields}
        assert lists == {field.name for field in model._meta.many_to_many}, model


@pytest.mark.parametrize("make", [*MAKERS, lambda: citation(event(), source=source())])
def test_creating_changing_and_deleting_leave_a_version_each_which_gives_back_the_record(
    make: Callable,
):
    record = make()
    model, key = type(record), record.pk
    columns = [field.attname for field in record._meta.concrete_fields if not field.generated]
    before = {name: getattr(record, name) for name in columns}
    record.slug = "otro"
    record.save()
    then = record.history.last().instance
    assert {name: getattr(then, name) for name in before} == before
    then.save()
    assert model.objects.get(pk=key).slug == before["slug"]
    then.delete()
    versions = model.history.filter(id=key).order_by("history_id")
    assert [version.history_type for version in versions] == ["+", "~", "~", "-"]
    former = before["slug"]
    assert [version.slug for version in versions] == [former, "otro", former, former]


def test_a_version_keeps_what_a_record_named_then():
    record, position = event(), statement()
    a, b = organization(slug="a"), organization(slug="b")
    record.organizations.set([a, b])
    record.organizations.remove(a)
    record.title = "Otro"
    record.save()
    newest, *older = record.history.all()
    assert slugs(newest.organizations) == ["b"]
    assert ["a", "b"] in [slugs(version.organizations) for version in older]
    assert slugs(record.history.last().organizations) == []
    position.organizations.add(a)
    position.events.add(record)
    newest = position.history.first()
    assert slugs(newest.organizations) == ["a"]
    assert [row.event_id for row in newest.events.all()] == [record.pk]


def test_versions_outlive_the_records_and_what_they_named():
    record, named = event(), organization()
    record.organizations.add(named)
    key, named_key = record.pk, named.pk
    record.delete()
    named.delete()
    last_but_one = Event.history.filter(id=key).order_by("-history_id")[1]
    assert [row.organization_id for row in last_but_one.organizations.all()] == [named_key]


def test_who_changed_a_record_and_why_is_kept_even_when_the_account_goes(editor):
    record, reason = organization(), "porque " * 100
    record._history_user, record._change_reason = editor.user, reason
    record.name = "Otro nombre"
    record.save()
    assert record.history.first().history_user == editor.user
    editor.user.delete()
    version = record.history.first()
    assert (version.history_user, version.history_change_reason) == (None, reason)
    assert record.history.count() == 2


def test_what_was_rolled_back_leaves_no_version():
    record = citation(event(), source=source())
    before = Citation.history.count()
    record.exact = "no está en la fuente"
    with pytest.raises(Exception, match="No está"):
        record.save()
    assert Citation.history.count() == before
