"""Who sees what, and when: one rule, in `visible_to` for sets of records and in `is_public` for one
at hand, over every state in which a record and all that it points to can be.
"""

import zipfile
from datetime import timedelta
from io import BytesIO
from itertools import product
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.http import HttpRequest
from django.utils import timezone

from organizations.models import Membership, Organization, RepresentationTerm
from record.publishing import Record, may_publish, viewer
from sources.models import Citation, Source
from tests.records import (
    FAR_OFF,
    LONG_AGO,
    NOW,
    TOMORROW,
    YESTERDAY,
    citation,
    event,
    membership,
    organization,
    source,
    statement,
    term,
)
from timeline.models import Event, Statement

pytestmark = pytest.mark.django_db

PUBLISHABLE = pytest.mark.parametrize("make", [source, organization, event, statement])
STATES = {
    "public": {"publish_at": LONG_AGO, "unpublish_at": None},
    "still_public": {"publish_at": LONG_AGO, "unpublish_at": TOMORROW},
    "draft": {"publish_at": None, "unpublish_at": None},
    "draft_with_an_end": {"publish_at": None, "unpublish_at": YESTERDAY},
    "scheduled": {"publish_at": TOMORROW, "unpublish_at": None},
    "scheduled_with_an_end": {"publish_at": TOMORROW, "unpublish_at": FAR_OFF},
    "withdrawn": {"publish_at": LONG_AGO, "unpublish_at": YESTERDAY},
}
PUBLIC = {"public", "still_public"}
A_DRAFT = {"draft", "draft_with_an_end"}
SHOWN_AS = {
    "still_public": "public",
    "draft_with_an_end": "draft",
    "scheduled_with_an_end": "scheduled",
}


def seen(record: Record, user: User | None = None) -> bool:
    return type(record).objects.visible_to(user).filter(pk=record.pk).exists()


def assert_visible(record: Record, *, public: bool) -> None:
    """The queryset and the record itself, read anew, agree on it."""
    record = type(record).objects.get(pk=record.pk)
    assert seen(record) is public
    assert record.is_public() is public


@PUBLISHABLE
@pytest.mark.parametrize("state", STATES)
def test_a_record_is_public_from_its_publication_until_its_withdrawal(make, state):
    record = make(**STATES[state])
    assert_visible(record, public=state in PUBLIC)
    assert record.state == SHOWN_AS.get(state, state)
    assert record.is_draft() is (state in A_DRAFT)


@pytest.mark.parametrize(("state", "replaced"), list(product(STATES, [None, *STATES])))
def test_a_membership_is_public_when_both_its_organizations_are(state, replaced):
    one = membership(
        organization=organization(**STATES[state]),
        replaces=organization(**STATES[replaced]) if replaced else None,
    )
    assert_visible(one, public={state, replaced or "public"} <= PUBLIC)
    assert one.is_draft() is (state in A_DRAFT)


@pytest.mark.parametrize("state", STATES)
def test_a_term_is_public_when_its_organization_is(state):
    assert_visible(term(organization=organization(**STATES[state])), public=state in PUBLIC)


@pytest.mark.parametrize(
    ("make", "of_source", "of_record"),
    list(product([organization, event, statement], STATES, STATES)),
)
def test_a_citation_is_public_when_its_source_and_its_record_are(make, of_source, of_record):
    one = citation(make(**STATES[of_record]), source=source(**STATES[of_source]))
    assert_visible(one, public={of_source, of_record} <= PUBLIC)
    assert one.is_draft() is (of_record in A_DRAFT)


@pytest.mark.parametrize(
    ("of_source", "of_member", "of_replaced"),
    list(product(("public", "draft", "withdrawn"), STATES, [None, *STATES])),
)
def test_a_citation_of_a_membership_is_public_when_all_that_stands_behind_it_is(
    of_source, of_member, of_replaced
):
    member = membership(
        organization=organization(**STATES[of_member]),
        replaces=organization(**STATES[of_replaced]) if of_replaced else None,
    )
    one = citation(member, source=source(**STATES[of_source]))
    assert_visible(one, public={of_source, of_member, of_replaced or "public"} <= PUBLIC)


@pytest.mark.parametrize("state", STATES)
def test_a_citation_of_a_term_is_public_when_the_organization_behind_it_is(state):
    one = citation(term(organization=organization(**STATES[state])), source=source())
    assert_visible(one, public=state in PUBLIC)


@PUBLISHABLE
def test_a_record_appears_and_goes_at_the_very_moment_that_it_says(make, clock):
    record = make(publish_at=NOW, unpublish_at=NOW + timedelta(hours=1))
    tick = timedelta(microseconds=1)
    for moment, public, state in (
        (NOW - tick, False, "scheduled"),
        (NOW, True, "public"),
        (NOW + timedelta(hours=1) - tick, True, "public"),
        (NOW + timedelta(hours=1), False, "withdrawn"),
        (NOW + timedelta(days=400), False, "withdrawn"),
    ):
        clock(moment)
        assert_visible(record, public=public)
        assert record.state == state


def one_draft_of_each() -> list[Record]:
    hidden = {"publish_at": None}
    who = organization(**hidden)
    cited = citation(event(**hidden), source=source(**hidden))
    return [who, membership(organization=who), term(organization=who), cited, cited.source,
            cited.event, statement(**hidden)]  # fmt: skip


def test_staff_who_may_view_it_see_a_draft_and_nobody_else_does(reader, editor, publisher, admin):
    outsider = User.objects.create_user("outsider")
    staff_of_other_things = User.objects.create_user("other", is_staff=True)
    not_staff = User.objects.create_user("former")
    not_staff.user_permissions.set(Permission.objects.all())
    gone = User.objects.create_superuser("gone", is_active=False)
    for record in one_draft_of_each():
        for person in (reader, editor, publisher, admin):
            assert seen(record, person.user), (record, person.user)
        for user in (None, AnonymousUser(), outsider, staff_of_other_things, not_staff, gone):
            assert not seen(record, user), (record, user)


def test_staff_see_drafts_of_what_they_may_view_alone():
    user = User.objects.create_user("timeline", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_event"))
    assert seen(event(publish_at=None), user)
    assert not seen(statement(publish_at=None), user)


def test_every_record_has_the_one_rule():
    for model in (Source, Citation, Organization, Membership, RepresentationTerm, Event, Statement):
        assert issubclass(model, Record)
        assert hasattr(model.objects.all(), "visible_to")
        assert hasattr(model.objects.all(), "moved_from")


def test_related_records_of_a_public_one_are_asked_for_by_the_same_rule():
    shown = organization()
    shown.events.add(event(), event(publish_at=None))
    membership(organization=shown, replaces=organization(publish_at=None))
    assert shown.events.visible_to(None).count() == 1
    assert shown.memberships.visible_to(None).count() == 0


def test_visibility_takes_one_query_and_repeats_no_row(django_assert_num_queries):
    cited = source()
    for _ in range(3):
        citation(membership(replaces=organization()), source=cited)
    with django_assert_num_queries(1):
        found = list(Citation.objects.visible_to(None))
    assert len(found) == 3


# Who may publish


def test_only_an_active_user_with_the_permission_may_publish(reader, editor, publisher, admin):
    assert may_publish(publisher.user)
    assert may_publish(admin.user)
    for user in (None, AnonymousUser(), reader.user, editor.user):
        assert not may_publish(user)
    for person in (publisher, admin):
        person.user.is_active = False
        assert not may_publish(person.user)


def test_a_reader_without_a_session_is_nobody_and_costs_no_session(editor):
    def request(cookies: dict[str, str], user: object) -> HttpRequest:
        return SimpleNamespace(COOKIES=cookies, user=user)

    class Unread:
        @property
        def is_authenticated(self) -> bool:
            raise AssertionError("the session was opened")

    session = {settings.SESSION_COOKIE_NAME: "x"}
    assert viewer(request({}, Unread())) is None
    assert viewer(request(session, AnonymousUser())) is None
    assert viewer(request(session, editor.user)) == editor.user


# Moved slugs


def moved(model: type[Record], slug: str) -> Record | None:
    return model.objects.visible_to(None).moved_from(slug).first()


def renamed(record: Record, *slugs: str) -> Record:
    for slug in slugs:
        record.slug = slug
        record.save()
    return record


@PUBLISHABLE
def test_every_former_slug_of_a_public_record_leads_to_it(make):
    record = renamed(make(slug="uno"), "dos", "tres")
    assert moved(type(record), "uno") == moved(type(record), "dos") == record
    for not_former in ("tres", "cuatro"):
        assert moved(type(record), not_former) is None


def test_a_slug_that_another_took_over_leads_to_the_latest_bearer():
    renamed(event(slug="uno"), "dos")
    second = renamed(event(slug="uno"), "tres")
    assert moved(Event, "uno") == second


def test_a_record_that_took_its_old_slug_back_is_found_under_all_others():
    record = renamed(event(slug="uno"), "dos", "uno")
    assert moved(Event, "dos") == record


def test_a_draft_that_bore_a_slug_takes_it_from_nobody():
    first = renamed(event(slug="uno"), "dos")
    renamed(event(slug="uno", publish_at=None), "tres")
    assert moved(Event, "uno") == first


def test_the_former_slug_of_a_draft_leads_nowhere_even_once_it_is_public():
    record = renamed(event(slug="uno", publish_at=None), "dos")
    record.publish_at = timezone.now()
    record.save()
    assert moved(Event, "uno") is None


def test_the_former_slug_of_a_scheduled_record_leads_nowhere_even_once_it_is_public(clock):
    renamed(event(slug="uno", publish_at=TOMORROW), "dos")
    clock(FAR_OFF)
    assert moved(Event, "uno") is None


def test_a_scheduled_record_that_bore_a_slug_takes_it_from_nobody():
    first = renamed(event(slug="uno"), "dos")
    renamed(event(slug="uno", publish_at=TOMORROW), "tres")
    assert moved(Event, "uno") == first


def test_the_slug_under_which_a_scheduled_record_became_public_leads_to_it(clock):
    record = event(slug="uno", publish_at=TOMORROW)
    clock(FAR_OFF)
    assert moved(Event, "uno") is None
    renamed(record, "dos")
    assert moved(Event, "uno") == record


@pytest.mark.parametrize("state", [name for name in STATES if name not in PUBLIC])
def test_a_former_slug_leads_to_no_record_that_is_not_public_now(state):
    record = renamed(event(slug="uno"), "dos")
    Event.objects.filter(pk=record.pk).update(**STATES[state])
    assert moved(Event, "uno") is None


def test_the_former_slug_of_a_deleted_record_leads_nowhere():
    renamed(event(slug="uno"), "dos").delete()
    assert moved(Event, "uno") is None
    assert moved(Event, "dos") is None


@pytest.mark.parametrize("make", [membership, term])
def test_a_record_without_a_page_of_its_own_has_former_slugs_too(make):
    record = renamed(make(slug="uno"), "dos")
    assert moved(type(record), "uno") == record


def test_slugs_are_of_one_kind_of_record():
    renamed(event(slug="uno"), "dos")
    assert moved(Statement, "uno") is None


# Every public address of the site


CANARY = "canarioqx"
NOT_PUBLIC = [name for name in STATES if name not in PUBLIC]


def test_no_public_address_of_the_site_sings(visitor):
    """Over the resolver itself, so over pages, feeds, downloads and files that come later."""
    from tests.test_doors_matrix import READERS, public_addresses

    shown, named, said_openly = (make(slug="visible") for make in (event, organization, statement))
    for number, state in enumerate(NOT_PUBLIC):
        word = {"slug": f"{CANARY}-{number}", **STATES[state]}
        who = organization(name=f"{CANARY} {number}", summary=CANARY, **word)
        said = statement(title=CANARY, body=f"<p>{CANARY}</p>", **word)
        happened = event(title=CANARY, start="2017", date_label=CANARY, **word)
        whence = source(title=CANARY, publisher=CANARY, **word)
        membership(organization=who, note=CANARY)
        term(organization=who, note=CANARY, order=number + 1)
        membership(organization=named, replaces=who, note=CANARY)
        for record in (shown, named, said_openly):
            citation(record, source=whence)
        who.events.add(shown)
        said.events.add(shown)
        said.organizations.add(named)
        happened.organizations.add(named)
        happened.statements.add(said_openly)
    asked = 0
    for name in READERS:
        for url in public_addresses(name, ["visible", *(f"{CANARY}-{n}" for n in range(9))]):
            answer = visitor.get(url)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
            if body.startswith(b"PK"):
                with zipfile.ZipFile(BytesIO(body)) as sheets:
                    body = b"".join(map(sheets.read, sheets.namelist()))
            told = body.replace(url.encode(), b"").decode("utf-8", "replace")
            if answer.status_code != 404:
                assert CANARY not in told, url
            elif CANARY in url:
                missing = visitor.get(url.replace(CANARY, "nohay")).content.decode()
                assert told.replace(CANARY, "nohay") == missing.replace(
                    url.replace(CANARY, "nohay"), ""
                )
            asked += 1
    assert asked > 30
