"""What changed, for feed readers, and when it was, for calendars: by their standards, and no date
more precise than its source."""

import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree as ET

import icalendar
import pytest
from django.conf import settings
from django.test import Client
from hypothesis import example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from dates.text import collapse
from record.text import printable
from tests.markup import CALENDAR, EVENTS, STATEMENTS, Page, read
from tests.records import (
    citation,
    event,
    membership,
    organization,
    proven,
    source,
    statement,
    term,
)
from tests.test_login_matrix import READERS, public_addresses
from timeline import feeds
from timeline.models import Event

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
ENTRY = f"{ATOM}entry/{ATOM}"
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)
WITHOUT_NUL = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
ANY_TEXT = st.text(WITHOUT_NUL, max_size=60)


# Atom


def feed(client: Client, url: str) -> ET.Element:
    """The feed, checked against RFC 4287."""
    root = ET.fromstring(read(client, url))  # noqa: S314, our own
    assert root.tag == f"{ATOM}feed"
    for element in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(element.findall(ATOM + name)) == 1, name
        assert datetime.fromisoformat(element.findtext(f"{ATOM}updated")).tzinfo
        others = [link for link in element.findall(f"{ATOM}link") if link.get("rel") != "self"]
        assert [link.get("rel") for link in others] == ["alternate"]
        assert others[0].get("href").startswith("http://testserver/")
    assert root.find(f"{ATOM}link[@rel='self']").get("href") == f"http://testserver{url}"
    assert root.findtext(f"{ATOM}author/{ATOM}name") == settings.SITE_NAME
    ids = [element.text for element in root.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"tag:[\w.-]+,\d{4}(-\d\d){0,2}:[\w/-]+", text) for text in ids)
    updated = [element.text for element in root.findall(f"{ENTRY}updated")]
    assert updated == sorted(updated, reverse=True)
    assert root.findtext(f"{ATOM}updated") == [*updated, "1970-01-01T00:00:00+00:00"][0]
    return root


def titles(root: ET.Element) -> list[str]:
    return [element.text for element in root.findall(f"{ENTRY}title")]


@pytest.mark.parametrize(("url", "make"), [(EVENTS, event), (STATEMENTS, statement)])
def test_an_entry_s_id_outlives_its_slug_its_title_and_the_host_asked(visitor, url, make):
    assert titles(feed(visitor, url)) == []
    record = make(slug="uno")
    before = feed(visitor, url).findtext(f"{ENTRY}id")
    record.slug, record.title = "dos", "Otro título"
    record.save()
    assert feed(visitor, url).findtext(f"{ENTRY}id") == before
    assert before in visitor.get(url, headers={"host": "localhost"}).text


def test_a_feed_holds_the_newest_by_either_moment_and_costs_four_queries(
    visitor, monkeypatch, django_assert_num_queries
):
    """The moment of an entry is its last change or its publication, the later of the two."""
    monkeypatch.setattr(feeds, "ENTRIES", 4)
    for n in range(7):
        newer, older = NOON + timedelta(days=n), NOON
        published, changed = (newer, older) if n % 2 else (older, newer)
        record = event(title=f"{n}")
        Event.objects.filter(pk=record.pk).update(publish_at=published, updated_at=changed)
    with django_assert_num_queries(4):
        assert titles(feed(visitor, EVENTS)) == ["6", "5", "4", "3"]


def test_an_entry_tells_the_date_as_its_source_has_it(visitor):
    for start, words in (
        ("2011-08", "Fecha: agosto de 2011."),
        ("[2011-08..2015-02]", "Fecha: entre agosto de 2011 y febrero de 2015."),
        ("", "Fecha: la fuente no la dice."),
    ):
        proven(event(start=start))
        assert words in feed(visitor, EVENTS).findtext(f"{ENTRY}content")


def test_the_words_of_the_source_for_a_date_reach_feeds_calendar_and_linked_data(visitor):
    words = {"date_label": "Tres de ellas"}
    dated = proven(event(start="2016", **words))
    spoken = proven(statement(date="2016", **words))
    sentence = "Fecha: 2016, «Tres de ellas»"
    for url in (EVENTS, STATEMENTS):
        assert f"{sentence}." in feed(visitor, url).findtext(f"{ENTRY}content")
    assert str(entries(visitor)[dated.title]["description"]).startswith(f"{sentence} (año entero")
    for record in (dated, spoken):
        assert f'"description":"{sentence}."' in visitor.get(record.get_absolute_url()).text
    organization(slug=settings.COALITION)
    proven(membership(start="2016", start_label="Tres de ellas"))
    members = visitor.get("/organizaciones/").text
    assert '"description":"desde 2016, «Tres de ellas»"' in members


@given(ANY_TEXT, ANY_TEXT)
@example("]]>\x0b\r\n<b>,;\\\ud7ff", "</content><img src=x>\u2028\nEND:VEVENT\x1f&amp;")
@hypothesis(max_examples=40)
def test_any_text_passes_inert_through_a_feed_and_the_calendar(visitor, title, summary):
    Event.objects.all().delete()
    proven(event(title=title, summary=summary, start="2017-01-01"))
    root = feed(visitor, EVENTS)
    # XML reads every line break as one.
    expected = printable(title).replace("\r\n", "\n").replace("\r", "\n")
    assert (root.findtext(f"{ENTRY}title") or "") == expected
    assert {tag for tag, _ in Page(root.findtext(f"{ENTRY}content")).tags} <= {"p"}
    (entry,) = icalendar.Calendar.from_ical(read(visitor, CALENDAR)).walk("VEVENT")
    assert str(entry["summary"]) == printable(collapse(title))
    assert printable(collapse(summary)) in str(entry["description"])


# The calendar


def entries(client: Client) -> dict[str, icalendar.Event]:
    """The entries of the calendar by title without its date, checked against RFC 5545."""
    text = read(client, CALENDAR)
    lines = text.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    calendar = icalendar.Calendar.from_ical(text)
    assert (calendar["version"], bool(calendar["prodid"])) == ("2.0", True)
    events = list(calendar.walk("VEVENT"))
    assert len({entry["uid"] for entry in events}) == len(events)
    assert all(entry.get("dtstamp") and not entry.errors for entry in events)
    return {str(entry["summary"]).split(" [")[0]: entry for entry in events}


@pytest.mark.parametrize(
    ("start", "end", "first", "after", "words"),
    [
        ("2017-05-23", "", (2017, 5, 23), (2017, 5, 24), "23 de mayo de 2017."),
        (
            "2012-02", "", (2012, 2, 1), (2012, 3, 1),
            "febrero de 2012 (mes entero: la fuente no dice el día).",
        ),
        (
            "2016", "", (2016, 1, 1), (2017, 1, 1),
            "2016 (año entero: la fuente no dice el mes ni el día).",
        ),
        (
            "[2011-08..2015-02]", "", (2011, 8, 1), (2015, 3, 1),
            "entre agosto de 2011 y febrero de 2015 "
            "(todo el tramo posible: la fuente no dice cuándo).",
        ),
        (
            "2016-03-04", "2016-03-06", (2016, 3, 4), (2016, 3, 7),
            "del 4 al 6 de marzo de 2016.",
        ),
        ("0099", "", (99, 1, 1), (100, 1, 1), "0099 (año entero"),
    ],
    ids=["day", "month", "year", "bounds", "two days", "year 99"],
)  # fmt: skip
def test_a_date_stands_in_the_calendar_as_its_whole_span_and_says_so(
    visitor, start, end, first, after, words
):
    proven(event(title="Algo", start=start, end=end))
    entry = entries(visitor)["Algo"]
    assert (entry["dtstart"].dt, entry["dtend"].dt) == (date(*first), date(*after))
    assert str(entry["description"]).startswith(f"Fecha: {words}")
    says_the_day = start.count("-") == 2 and start[0] != "["
    assert (" [" in str(entry["summary"])) is not says_the_day


def test_the_calendar_leaves_out_open_and_undated_events_and_says_so(visitor):
    for start in ("", "[2017..]", "[..2017]", "9999", "9999-12-31"):
        event(title=f"Algo {start}", start=start)
    event(title="Algo abierto", start="2016", end="[2017..]")
    event(title="Otro", start="2016")
    assert list(entries(visitor)) == ["Otro"]
    calendar = icalendar.Calendar.from_ical(read(visitor, CALENDAR))
    assert str(calendar["x-wr-caldesc"]).startswith("Aquí están 1 de 7 acontecimientos.")


def test_a_calendar_entry_keeps_its_uid_and_says_when_it_changed(visitor):
    record = event(slug="uno", title="Algo", start="2016")
    before = entries(visitor)["Algo"]
    record.slug = "dos"
    record.save()
    after = entries(visitor)["Algo"]
    assert before["uid"] == after["uid"]
    assert after["last-modified"].dt == record.updated_at.replace(microsecond=0)
    assert str(after["url"]) == "http://testserver/linea-de-tiempo/dos/"


def test_no_public_address_tells_how_many_drafts_there_are(visitor):
    una = organization(pk=765432101, slug="una")
    records = [event(pk=765432102, slug="uno", start="2016"), statement(pk=765432103)]
    cited = source(pk=765432104)
    records += [cited, membership(pk=765432105, organization=una)]
    records.append(term(pk=765432106, organization=una))
    citation(records[0], source=cited, pk=765432107)
    slugs = ["una", *(record.slug for record in records)]
    texts = {url: visitor.get(url).getvalue() for name in READERS
             for url in public_addresses(name, slugs) if not url.endswith(".xlsx")}  # fmt: skip
    assert len(texts) > 20
    assert [url for url, text in texts.items() if b"7654321" in text] == []


def test_a_long_calendar_is_cut_to_the_latest_and_costs_four_queries(
    visitor, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(feeds, "IN_CALENDAR", 3)
    for year in range(2010, 2016):
        event(title=f"{year}", start=f"{year}-01-01")
    with django_assert_num_queries(4):
        assert list(entries(visitor)) == ["2015", "2014", "2013"]
