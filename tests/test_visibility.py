"""Who sees which record, and when: `visible_to` for querysets and `is_public` for one record follow
one rule, in every state of a record and of all records to which it points.
"""

import zipfile
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from io import BytesIO
from itertools import product
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.http import HttpRequest

from record.publishing import Record, may_publish, viewer
from sources.models import Citation
from tests.conftest import Person
from tests.records import (
    FAR_OFF,
    LONG_AGO,
    MAKERS,
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
from tests.test_login_matrix import READERS, public_addresses
from timeline.models import Event, Statement

pytestmark = pytest.mark.django_db

PUBLISHABLE = (source, organization, membership, term, event, statement)
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
STATE_NAMES = {
    "still_public": "public",
    "draft_with_an_end": "draft",
    "scheduled_with_an_end": "scheduled",
}


def in_each_state(make: Callable[..., Record]) -> dict[str, Record]:
    return {state: make(**fields) for state, fields in STATES.items()}


def visible(record: Record, user: User | None = None) -> bool:
    return type(record).objects.visible_to(user).filter(pk=record.pk).exists()


def assert_public(expected: dict[Record, bool]) -> None:
    """The queryset and each record, read from the database, agree on it."""
    model = type(next(iter(expected)))
    visible = set(model.objects.visible_to(None))
    for record in model.objects.filter(pk__in=[record.pk for record in expected]):
        assert (record in visible, record.is_public()) == (expected[record],) * 2


@pytest.mark.parametrize("make", PUBLISHABLE)
def test_a_record_is_public_from_its_publication_until_its_withdrawal(make):
    records = in_each_state(make)
    assert_public({record: state in PUBLIC for state, record in records.items()})
    for state, record in records.items():
        assert record.state == STATE_NAMES.get(state, state)
        assert record.is_draft() is (state in A_DRAFT)


def test_a_membership_and_its_citations_are_public_when_all_that_they_point_to_is():
    organizations = in_each_state(organization)
    replaced = in_each_state(organization) | {None: None}
    sources = in_each_state(source)
    memberships, citations = {}, {}
    for own, other in product(organizations, replaced):
        record = membership(organization=organizations[own], replaces=replaced[other])
        memberships[record] = {own, other or "public"} <= PUBLIC
        assert record.is_draft() is (own in A_DRAFT)
        for cited in ("public", "draft", "withdrawn"):
            quoted = citation(record, source=sources[cited])
            citations[quoted] = memberships[record] and cited in PUBLIC
    assert_public(memberships)
    assert_public(citations)


def test_a_term_and_its_citation_are_public_when_it_and_the_organization_are():
    terms = {
        term(organization=record, **STATES[own]): {own, state} <= PUBLIC
        for state, record in in_each_state(organization).items()
        for own in STATES
    }
    assert_public(terms)
    cited = source()
    assert_public({citation(record, source=cited): public for record, public in terms.items()})


@pytest.mark.parametrize("make", [organization, event, statement])
def test_a_citation_is_public_when_its_source_and_its_record_are(make):
    records, sources = in_each_state(make), in_each_state(source)
    citations = {}
    for own, cited in product(records, sources):
        quoted = citation(records[own], source=sources[cited])
        citations[quoted] = {own, cited} <= PUBLIC
        assert quoted.is_draft() is (own in A_DRAFT)
    assert_public(citations)


def test_a_record_appears_and_goes_at_the_very_moment_that_it_says(clock):
    hour, tick = timedelta(hours=1), timedelta(microseconds=1)
    records = [make(publish_at=NOW, unpublish_at=NOW + hour) for make in PUBLISHABLE]
    for moment, state in (
        (NOW - tick, "scheduled"),
        (NOW, "public"),
        (NOW + hour - tick, "public"),
        (NOW + hour, "withdrawn"),
        (NOW + timedelta(days=400), "withdrawn"),
    ):
        clock(moment)
        for record in records:
            assert_public({record: state == "public"})
            assert record.state == state


def one_draft_of_each() -> list[Record]:
    hidden = {"publish_at": None}
    owner = organization(**hidden)
    quoted = citation(event(**hidden), source=source(**hidden))
    records = [owner, membership(organization=owner), term(organization=owner), statement(**hidden)]
    return [*records, quoted, quoted.source, quoted.event]


def test_staff_who_may_view_it_see_a_draft_and_nobody_else_does(reader, editor, publisher, admin):
    outsider = User.objects.create_user("outsider")
    of_events = User.objects.create_user("timeline", is_staff=True)
    of_events.user_permissions.add(Permission.objects.get(codename="view_event"))
    not_staff = User.objects.create_user("former")
    not_staff.user_permissions.set(Permission.objects.all())
    gone = User.objects.create_superuser("gone", is_active=False)
    for record in one_draft_of_each():
        for person in (reader, editor, publisher, admin):
            assert visible(record, person.user), (record, person.user)
        for user in (None, AnonymousUser(), outsider, not_staff, gone):
            assert not visible(record, user), (record, user)
        assert visible(record, of_events) is isinstance(record, Event)


def test_visibility_takes_one_query_and_repeats_no_row(django_assert_num_queries):
    cited = source()
    for _ in range(3):
        citation(membership(replaces=organization()), source=cited)
    with django_assert_num_queries(1):
        citations = list(Citation.objects.visible_to(None))
    assert len(citations) == 3


# Who may publish


def test_only_an_active_user_with_the_permission_may_publish(reader, editor, publisher, admin):
    assert may_publish(publisher.user)
    assert may_publish(admin.user)
    for user in (None, AnonymousUser(), reader.user, editor.user):
        assert not may_publish(user)
    for person in (publisher, admin):
        person.user.is_active = False
        assert not may_publish(person.user)


def test_a_reader_without_a_session_is_a_visitor_and_costs_no_session(editor, settings):
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
    assert viewer(request(session, User())) is None  # not of the staff
    settings.SECOND_FACTOR = True
    assert viewer(request(session, editor.user)) is None


# Moved slugs


def moved(model: type[Record], slug: str) -> Record | None:
    return model.objects.visible_to(None).moved_from(slug).first()


def renamed(record: Record, *slugs: str) -> Record:
    for slug in slugs:
        record.slug = slug
        record.save()
    return record


@pytest.mark.parametrize("make", MAKERS)
def test_every_former_slug_of_a_public_record_leads_to_it(make):
    record = renamed(make(slug="uno"), "dos", "tres")
    model, other = type(record), Statement if make is event else Event
    assert moved(model, "uno") == moved(model, "dos") == record
    assert moved(model, "tres") is moved(model, "cuatro") is moved(other, "uno") is None
    renamed(record, "uno")  # its old slug taken back
    assert moved(model, "dos") == moved(model, "tres") == record


def test_a_slug_that_another_took_over_leads_to_the_latest_bearer():
    renamed(event(slug="uno"), "dos")
    second = renamed(event(slug="uno"), "tres")
    assert moved(Event, "uno") == second


@pytest.mark.parametrize("publish_at", [None, TOMORROW])
def test_a_slug_borne_before_publication_leads_nowhere_and_is_taken_from_no_record(
    publish_at, clock
):
    first = renamed(event(slug="uno"), "dos")
    hidden = [event(slug=slug, publish_at=publish_at) for slug in ("uno", "tres")]
    for record, slug in zip(hidden, ("cuatro", "cinco"), strict=True):
        renamed(record, slug)
    clock(FAR_OFF)
    if publish_at is None:
        hidden[1].publish_at = NOW
        hidden[1].save()
    assert visible(hidden[1])
    assert moved(Event, "uno") == first
    assert moved(Event, "tres") is None


def test_the_slug_under_which_a_scheduled_record_became_public_leads_to_it(clock):
    record = event(slug="uno", publish_at=TOMORROW)
    clock(FAR_OFF)
    assert moved(Event, "uno") is None
    renamed(record, "dos")
    assert moved(Event, "uno") == record


def test_a_former_slug_leads_to_no_record_that_is_deleted_or_not_public_now():
    record = renamed(event(slug="uno"), "dos")
    for state, fields in STATES.items():
        Event.objects.filter(pk=record.pk).update(**fields)
        assert moved(Event, "uno") == (record if state in PUBLIC else None)
    Event.objects.update(**STATES["public"])
    record.delete()
    assert moved(Event, "uno") is moved(Event, "dos") is None


# Every public address of the site

CANARY = "canarioqx"


def hide_a_word_in_each_state() -> list[str]:
    """Records that are not public hold the word and are related to public ones; their slugs."""
    public_event, named, public_statement = (
        m(slug="visible") for m in (event, organization, statement)
    )
    slugs = []
    for number, state in enumerate(("draft", "scheduled", "withdrawn")):
        slugs.append(f"{CANARY}-{number}")
        word = {"slug": slugs[-1], **STATES[state]}
        owner = organization(name=f"{CANARY} {number}", summary=CANARY, **word)
        author = statement(title=CANARY, body=f"<p>{CANARY}</p>", **word)
        meeting = event(title=CANARY, start="2017", date_label=CANARY, **word)
        cited = source(title=CANARY, publisher=CANARY, **word)
        membership(organization=owner, note=CANARY)
        term(organization=owner, note=CANARY, order=number + 1)
        membership(organization=named, replaces=owner, note=CANARY)
        for record in (public_event, named, public_statement):
            citation(record, source=cited)
        owner.events.add(public_event)
        author.events.add(public_event)
        author.organizations.add(named)
        meeting.organizations.add(named)
        meeting.statements.add(public_statement)
    return slugs


def test_no_public_address_of_the_site_tells_of_a_record_that_is_not_public(visitor):
    """Asks every address of the resolver, so also pages, feeds and files that come later. A hidden
    record and a record that does not exist have the same page, byte for byte."""
    slugs = hide_a_word_in_each_state()
    missing = cache(lambda url: answer_without_address(visitor, url))
    addresses = [url for name in READERS for url in public_addresses(name, ["visible", *slugs])]
    assert len(addresses) > 30
    for url in addresses:
        status, text = answer_without_address(visitor, url)
        if status == 404 and CANARY in url:
            slug = next(slug for slug in slugs if slug in url)
            assert (status, text.replace(slug, "nohay")) == missing(url.replace(slug, "nohay"))
        else:
            assert status == 404 or CANARY not in text, url


def answer_without_address(visitor: Person, url: str) -> tuple[int, str]:
    """The status, and the text, of the sheets in a workbook too, without the address itself."""
    response = visitor.get(url)
    body = response.getvalue()
    if body.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(body)) as sheets:
            body = b"".join(map(sheets.read, sheets.namelist()))
    return response.status_code, body.replace(url.encode(), b"").decode("utf-8", "replace")
