"""Every version of every record is kept, with its lists, and told from the others."""

import pytest
from django.apps import apps
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from record.publishing import Record
from sources.models import Citation
from tests.records import MAKERS, citation, copy_of, event, organization, source, statement
from timeline.models import Event

pytestmark = pytest.mark.django_db

RECORDS = [model for model in apps.get_models() if issubclass(model, Record)]
EACH = pytest.mark.parametrize("make", [*MAKERS, lambda: citation(event(), source=source())])


def slugs(names: object) -> list[str]:
    return sorted(names.values_list("organization__slug", flat=True))


def test_every_record_has_versions_with_all_its_columns_but_the_generated_ones():
    assert len(RECORDS) == 7
    for model in RECORDS:
        kept = {field.name for field in model.history.model._meta.concrete_fields}
        own = {field.name for field in model._meta.concrete_fields if not field.generated}
        assert own <= kept
        assert not kept & {field.name for field in model._meta.concrete_fields if field.generated}


def test_every_list_of_a_record_is_in_its_versions():
    for model in RECORDS:
        kept = {field.name for field in model.history.model._history_m2m_fields}
        assert kept == {field.name for field in model._meta.many_to_many}, model


@EACH
def test_creating_changing_and_deleting_leave_a_version_each(make):
    record = make()
    key, first = record.pk, record.slug
    record.slug = "otro"
    record.save()
    record.delete()
    versions = type(record).history.filter(id=key).order_by("history_id")
    assert [(version.history_type, version.slug) for version in versions] == [
        ("+", first),
        ("~", "otro"),
        ("-", "otro"),
    ]


@EACH
def test_a_version_gives_back_the_record_as_it_was(make):
    record = make()
    before = {f.attname: getattr(record, f.attname) for f in record._meta.concrete_fields
              if not f.generated}  # fmt: skip
    record.slug = "otro"
    record.save()
    then = record.history.last().instance
    assert {name: getattr(then, name) for name in before} == before
    then.save()
    assert type(record).objects.get(pk=record.pk).slug == before["slug"]


def test_versions_can_be_compared_and_asked_for_by_date():
    record = event(title="Uno", start="2016")
    between = timezone.now()
    record.title, record.start = "Dos", "2017"
    record.save()
    new, old = record.history.all()
    changed = {(c.field, c.old, c.new) for c in new.diff_against(old).changes}
    assert {("title", "Uno", "Dos"), ("start", "2016", "2017")} <= changed
    assert record.history.as_of(between).title == "Uno"


def test_a_version_keeps_the_organizations_that_an_event_named_then():
    record = event()
    a, b = organization(slug="a"), organization(slug="b")
    record.organizations.set([a, b])
    record.organizations.remove(a)
    record.title = "Otro"
    record.save()
    newest, *older = record.history.all()
    assert slugs(newest.organizations) == ["b"]
    assert ["a", "b"] in [slugs(version.organizations) for version in older]
    assert slugs(record.history.last().organizations) == []


def test_a_version_keeps_what_a_statement_named_and_told_then():
    record = statement()
    who, what = organization(slug="a"), event(slug="e")
    record.organizations.add(who)
    record.events.add(what)
    newest = record.history.first()
    assert slugs(newest.organizations) == ["a"]
    assert [row.event.slug for row in newest.events.all()] == ["e"]


def test_versions_outlive_the_records_and_what_they_named():
    record, who = event(), organization()
    record.organizations.add(who)
    key = record.pk
    record.delete()
    who_key = who.pk
    who.delete()
    last_but_one = Event.history.filter(id=key).order_by("-history_id")[1]
    assert [row.organization_id for row in last_but_one.organizations.all()] == [who_key]


def test_bulk_writes_through_the_package_leave_versions_too():
    made = bulk_create_with_history(
        [copy_of(event(), start="2016"), copy_of(event(), start="2017")], Event
    )
    for record in made:
        record.end = "2018"
    bulk_update_with_history(made, Event, ["end"])
    for record in Event.objects.filter(end="2018"):
        assert [version.end for version in record.history.all()] == ["2018", ""]
        assert record.end_latest == "2018-12-31"


def test_who_changed_a_record_is_kept_even_when_the_account_goes(editor):
    record = organization()
    record._history_user = editor.user
    record.name = "Otro nombre"
    record.save()
    assert record.history.first().history_user == editor.user
    editor.user.delete()
    assert record.history.first().history_user is None
    assert record.history.count() == 2


def test_the_reason_of_a_change_may_be_long():
    record = organization()
    record._change_reason = "porque " * 100
    record.save()
    assert record.history.first().history_change_reason == "porque " * 100


def test_what_was_rolled_back_leaves_no_version():
    one = citation(event(), source=source())
    before = Citation.history.count()
    one.exact = "no está en la fuente"
    with pytest.raises(Exception, match="No está"):
        one.save()
    assert Citation.history.count() == before
