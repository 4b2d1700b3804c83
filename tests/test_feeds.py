"""What changed, for feed readers, and when it was, for calendars: by their standards, and no date
more precise than its source."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import icalendar
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from record.text import collapse, printable
from tests.records import event, statement
from tests.test_pages import Page, many
from timeline import feeds
from timeline.models import Event, Statement

pytestmark = pytest.mark.django_db
EVENTS, STATEMENTS = "/linea-de-tiempo/atom.xml", "/pronunciamientos/atom.xml"
ATOM = "{http://www.w3.org/2005/Atom}"
CALENDAR = "/linea-de-tiempo/calendario.ics"
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
any_text = st.text(max_size=60)


@pytest.fixture
def record() -> None:
    call_command("load_record", verbosity=0)


def read(client: Any, url: str) -> bytes:
    response = client.get(url)
    assert response.status_code == 200, url
    return b"".join(response.streaming_content) if response.streaming else response.content


# Atom


def feed(client: Any, url: str) -> ET.Element:
    """The feed, found to be as RFC 4287 wants it."""
    root = ET.fromstring(read(client, url))  # noqa: S314, our own
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(ATOM + name)) == 1, name
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated")).tzinfo
        alternate = [link for link in element.findall(f"{ATOM}link") if link.get("rel") != "self"]
        assert [link.get("rel") for link in alternate] == ["alternate"]
        assert alternate[0].get("href").startswith("http://testserver/")
    assert root.find(f"{ATOM}link[@rel='self']").get("href") == f"http://testserver{url}"
    assert root.findtext(f"{ATOM}author/{ATOM}name") == settings.SITE_NAME
    ids = [one.text for one in root.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"tag:[\w.-]+,\d{4}(-\d\d){0,2}:[\w/-]+", one) for one in ids)
    updated = [e.findtext(f"{ATOM}updated") for e in root.iter(f"{ATOM}entry")]
    assert updated == sorted(updated, reverse=True)
    assert not updated or root.findtext(f"{ATOM}updated") == updated[0]
    return root


def titles(root: ET.Element) -> list[str]:
    return [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]


@pytest.mark.parametrize("url", [EVENTS, STATEMENTS])
def test_a_feed_is_atom_with_every_public_record_and_none_without(record, visitor, url):
    model = Event if url == EVENTS else Statement
    assert sorted(titles(feed(visitor, url))) == sorted(one.title for one in model.objects.all())
    assert visitor.get(url)["Content-Type"].startswith("application/atom+xml")


@pytest.mark.parametrize("url", [EVENTS, STATEMENTS])
def test_an_empty_feed_is_true_and_valid(visitor, url):
    assert feed(visitor, url).findtext(f"{ATOM}updated") == "1970-01-01T00:00:00+00:00"


@pytest.mark.parametrize(("url", "make"), [(EVENTS, event), (STATEMENTS, statement)])
def test_an_entry_s_id_outlives_its_slug_its_title_and_the_host_asked(visitor, url, make):
    one = make(slug="uno")
    path = f"{ATOM}entry/{ATOM}id"
    before = feed(visitor, url).findtext(path)
    one.slug, one.title = "dos", "Otro título"
    one.save()
    assert feed(visitor, url).findtext(path) == before
    elsewhere = visitor.get(url, headers={"host": "localhost"})
    assert before in elsewhere.content.decode()


def test_an_entry_is_as_new_as_its_last_change_or_its_publication(visitor):
    changed, scheduled, old = (event(title=name) for name in ("cambiado", "publicado", "viejo"))
    moments = {changed: (-9, -2), scheduled: (-1, -7), old: (-9, -8)}
    for one, (published, saved) in moments.items():
        Event.objects.filter(pk=one.pk).update(
            publish_at=NOON + timedelta(days=published), updated_at=NOON + timedelta(days=saved)
        )
    assert titles(feed(visitor, EVENTS)) == ["publicado", "cambiado", "viejo"]


def test_a_feed_holds_the_newest_by_either_moment_and_costs_two_queries(visitor):
    many(70)
    for n, one in enumerate(Event.objects.order_by("pk")):
        newer, older = NOON + timedelta(days=n), NOON
        published, changed = (newer, older) if n % 2 else (older, newer)
        Event.objects.filter(pk=one.pk).update(
            title=f"{n}", publish_at=published, updated_at=changed
        )
    with CaptureQueriesContext(connection) as queries:
        found = titles(feed(visitor, EVENTS))
    assert found == [f"{n}" for n in range(69, 69 - feeds.ENTRIES, -1)]
    assert len(queries) == 2


def test_an_entry_tells_the_date_as_its_source_has_it(visitor):
    for start, words in (
        ("2011-08", "Fecha: agosto de 2011."),
        ("[2011-08..2015-02]", "Fecha: entre agosto de 2011 y febrero de 2015."),
        ("", "Fecha: la fuente no la dice."),
    ):
        event(start=start, title=start or "ninguna")
        assert words in feed(visitor, EVENTS).findtext(f"{ATOM}entry/{ATOM}content")


@given(any_text, any_text)
def test_any_text_passes_through_a_feed_inert(visitor, title, summary):
    Event.objects.all().delete()
    event(title=title.replace("\0", ""), summary=summary.replace("\0", ""), start="2017")
    entry = feed(visitor, EVENTS).find(f"{ATOM}entry")
    # XML reads every line break as one.
    expected = printable(title).replace("\r\n", "\n").replace("\r", "\n")
    assert (entry.findtext(f"{ATOM}title") or "") == expected
    tags = {tag for tag, _ in Page(entry.findtext(f"{ATOM}content")).tags}
    assert tags <= {"p"}


# The calendar


def entries(client: Any) -> dict[str, icalendar.Event]:
    """What stands in the calendar, by title without its date; found to be as RFC 5545 wants it."""
    text = read(client, CALENDAR)
    lines = text.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    calendar = icalendar.Calendar.from_ical(text)
    assert (calendar["version"], bool(calendar["prodid"])) == ("2.0", True)
    found = list(calendar.walk("VEVENT"))
    assert len({one["uid"] for one in found}) == len(found)
    assert all(one.get("dtstamp") and not one.errors for one in found)
    return {str(one["summary"]).split(" [")[0]: one for one in found}


@pytest.mark.parametrize(
    ("start", "end", "first", "after", "told"),
    [
        ("2017-05-23", "", (2017, 5, 23), (2017, 5, 24), "Fecha: 23 de mayo de 2017."),
        (
            "2012-02", "", (2012, 2, 1), (2012, 3, 1),
            "Fecha: febrero de 2012 (mes entero: la fuente no dice el día).",
        ),
        (
            "2016", "", (2016, 1, 1), (2017, 1, 1),
            "Fecha: 2016 (año entero: la fuente no dice el mes ni el día).",
        ),
        (
            "[2011-08..2015-02]", "", (2011, 8, 1), (2015, 3, 1),
            "Fecha: entre agosto de 2011 y febrero de 2015 "
            "(todo el tramo posible: la fuente no dice cuándo).",
        ),
        (
            "2016-03-04", "2016-03-06", (2016, 3, 4), (2016, 3, 7),
            "Fecha: desde el 4 de marzo de 2016, hasta el 6 de marzo de 2016.",
        ),
        ("0099", "", (99, 1, 1), (100, 1, 1), "Fecha: 0099 (año entero"),
    ],
)  # fmt: skip
def test_a_date_stands_in_the_calendar_as_its_whole_span_and_says_so(
    visitor, start, end, first, after, told
):
    event(title="Algo", start=start, end=end)
    one = entries(visitor)["Algo"]
    assert (one["dtstart"].dt, one["dtend"].dt) == (date(*first), date(*after))
    assert str(one["description"]).startswith(told)
    exact = start.count("-") == 2 and start[0] != "["
    assert (" [" in str(one["summary"])) is not exact


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("", ""),
        ("[2017..]", ""),
        ("[..2017]", ""),
        ("2016", "[2017..]"),
        ("9999", ""),
        ("9999-12-31", ""),
    ],
)
def test_what_is_open_or_undated_stands_in_no_calendar_which_says_so(visitor, start, end):
    event(title="Algo", start=start, end=end)
    event(title="Otro", start="2016")
    assert list(entries(visitor)) == ["Otro"]
    calendar = icalendar.Calendar.from_ical(read(visitor, CALENDAR))
    assert str(calendar["x-wr-caldesc"]).startswith("Aquí están 1 de 2 acontecimientos.")


def test_a_calendar_entry_keeps_its_uid_and_says_when_it_changed(visitor):
    one = event(slug="uno", title="Algo", start="2016")
    before = entries(visitor)["Algo"]
    one.slug = "dos"
    one.save()
    after = entries(visitor)["Algo"]
    assert before["uid"] == after["uid"]
    assert after["last-modified"].dt == one.updated_at.replace(microsecond=0)
    assert str(after["url"]) == "http://testserver/linea-de-tiempo/dos/"


@given(any_text, any_text)
def test_any_text_passes_through_the_calendar(visitor, title, summary):
    Event.objects.all().delete()
    title, summary = title.replace("\0", ""), summary.replace("\0", "")
    event(title=title, summary=summary, start="2017-01-01")
    (one,) = icalendar.Calendar.from_ical(read(visitor, CALENDAR)).walk("VEVENT")
    assert str(one["summary"]) == printable(collapse(title))
    assert printable(collapse(summary)) in str(one["description"])


def test_a_long_calendar_is_cut_to_the_latest_and_costs_two_queries(visitor, monkeypatch):
    monkeypatch.setattr(feeds, "IN_CALENDAR", 3)
    for year in range(2010, 2016):
        event(title=f"{year}", start=f"{year}-01-01")
    with CaptureQueriesContext(connection) as queries:
        assert list(entries(visitor)) == ["2015", "2014", "2013"]
    assert len(queries) == 2
