"""What makes pages quick: what is asked once, and that it does not show."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from organizations.names import Named
from organizations.views import _statements
from record.pages import Moment, latest, moment_of
from record.views import with_slug
from tests.records import citation, event, organization, source, statement
from timeline.models import Event, EventOrganization, Statement

pytestmark = pytest.mark.django_db

# Prepared queries


def names_of(found) -> list[str]:
    return [one.slug for one in found]


def test_a_prepared_query_answers_for_the_values_and_the_moment_that_it_is_given():
    one, other = organization(), organization()
    shown, later = statement(), statement(publish_at=timezone.now() + timedelta(hours=1))
    for said in (shown, later):
        said.organizations.add(one)
    assert names_of(_statements(None, organization=one.pk)) == [shown.slug]
    assert _statements(None, organization=other.pk) == []
    tomorrow = timezone.now() + timedelta(days=1)
    assert len(_statements.public(now=tomorrow, organization=one.pk)) == 2


def test_a_prepared_query_of_many_keys_answers_for_each_number_of_them():
    who = organization(name="Quien")
    for count in (1, 2, 3, 5):
        events = [event() for _ in range(count)]
        for happened in events:
            happened.organizations.add(who)
        EventOrganization.objects.attach_to(events)
        assert [one.names for one in events] == [(Named(who.slug, "Quien", ""),)] * count
    alone = Event.objects.get(pk=event().pk)
    EventOrganization.objects.attach_to([alone])
    assert alone.names == ()


def test_a_prepared_query_is_planned_once_unless_its_values_decide_what_plan_is_good():
    who, said = organization(), statement()
    for _ in range(5):
        assert _statements(None, organization=who.pk) == []
        assert with_slug(Statement)(None, slug=said.slug) == [said]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            planned = [text for (text,) in cursor.fetchall() if "timeline_statement" in text]
        assert len(planned) == 1
        assert "LIMIT" not in planned[0]


def test_moments_read_as_text_are_the_same_and_sort_the_same():
    whole = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    later = [whole, whole + timedelta(microseconds=1), whole + timedelta(microseconds=500_000)]
    for moment in later:
        event(publish_at=moment)
    read = Event.objects.values_list("publish_at", Moment("publish_at"))
    assert sorted((text for _, text in read)) == [text for _, text in sorted(read)]
    assert [moment_of(text) for _, text in read] == [moment for moment, _ in read]


def test_what_a_clock_ahead_of_ours_changed_has_not_changed_yet():
    now = timezone.now()
    ahead, past = (str((now + timedelta(days=n)).replace(tzinfo=None)) for n in (1, -1))
    assert latest([ahead, "", past, past]) == now - timedelta(days=1)
    assert latest(["", ahead]) is None


# Budgets


@pytest.fixture
def told():
    """An organization with events that name another one, each with its citation."""
    who, text = organization(), source()
    for _ in range(3):
        happened = event()
        happened.organizations.add(who, organization())
        citation(happened, source=text)
        said = statement()
        said.organizations.add(who)
    return who


def test_an_organizations_page_takes_nine_queries(visitor, told, django_assert_max_num_queries):
    with django_assert_max_num_queries(9):
        visitor.get(told.get_absolute_url())


@pytest.mark.parametrize(("address", "most"), [("/linea-de-tiempo/", 8), ("/pronunciamientos/", 4)])
def test_a_lists_page_takes_few_queries(
    visitor, told, address, most, django_assert_max_num_queries
):
    with django_assert_max_num_queries(most):
        visitor.get(address)
