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
from organizations.models import Membership
from record.proof import MARK
from record.text import printable
from sharing import calendars, feeds
from tests.markup import (
    CALENDAR,
    EVENTS,
    MEMBERSHIPS,
    STATEMENTS,
    TERMS,
    Page,
    page,
    read,
)
from tests.records import (
    LONG_AGO,
    NOW,
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
    assert all(re.fullmatch(r"tag:[\w.-]+,\d{4}(-\d\d){0,2}:[\w/?&=-]+", text) for text in ids)
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
    tags = {tag for tag, _ in Page(root.findtext(f"{ENTRY}content")).tags}
    assert tags <= {"p", "blockquote", "mark", "a"}
    (entry,) = icalendar.Calendar.from_ical(read(visitor, CALENDAR)).walk("VEVENT")
    assert str(entry["summary"]) == printable(collapse(title))
    assert printable(collapse(summary)) in str(entry["description"])


# The calendar


def entries(client: Client, url: str = CALENDAR) -> dict[str, icalendar.Event]:
    """The entries of the calendar by title without its date, checked against RFC 5545."""
    text = read(client, url)
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
    monkeypatch.setattr(calendars, "IN_CALENDAR", 3)
    for year in range(2010, 2016):
        event(title=f"{year}", start=f"{year}-01-01")
    with django_assert_num_queries(4):
        assert list(entries(visitor)) == ["2015", "2014", "2013"]


# Filters, organizations, memberships and terms


def test_each_filter_has_its_feed_and_its_calendar(visitor):
    una = organization(name="Una", slug="una")
    records = [event(title=f"{year}", start=year, category=kind) for year, kind in (
        ("2016", "acuerdo"), ("2017", "acuerdo"), ("2017", "salida"))]  # fmt: skip
    records[1].organizations.add(una)
    said, other = statement(title="Dicho", slug="dicho"), statement(title="Otro")
    said.organizations.add(una)
    said.events.add(records[1])
    for query, expected in (
        ("", {"2016", "2017"}),
        ("anio=2016", {"2016"}),
        ("anio=2017&categoria=salida", {"2017"}),
        ("anio=2017&categoria=acuerdo&organizacion=una", {"2017"}),
        ("pronunciamiento=dicho", {"2017"}),
    ):
        asked = f"?{query}" if query else ""
        root = feed(visitor, f"{EVENTS}{asked}")
        assert set(titles(root)) == expected
        assert root.find(f"{ATOM}link[@rel='alternate']").get("href").endswith(f"/{asked}")
        assert set(entries(visitor, f"{CALENDAR}{asked}")) == expected
        if query:
            links = page(visitor, f"/linea-de-tiempo/{asked}")
            offered = {a["href"] for a in links.all("link") if a["rel"] == "alternate"}
            assert {f"{EVENTS}{asked}", f"{CALENDAR}{asked}"} <= offered & set(links.links)
    assert "(Año: 2017; Categoría: salida)" in feed(
        visitor, f"{EVENTS}?anio=2017&categoria=salida"
    ).findtext(f"{ATOM}title")
    for query in ("organizacion=una", f"acontecimiento={records[1].slug}"):
        assert titles(feed(visitor, f"{STATEMENTS}?{query}")) == ["Dicho"]
    for url in (EVENTS, CALENDAR, STATEMENTS):
        assert visitor.get(f"{url}?organizacion=nadie").status_code == 404
    assert titles(feed(visitor, STATEMENTS)) == [other.title, "Dicho"]


def test_every_entry_carries_the_words_that_prove_it_with_their_source_and_link(visitor):
    """A sentence once; contradictions too; nothing of a source that is not public."""
    acta, draft = source(title="Acta 12"), source(title="Borrador", publish_at=None)
    record = event(title="Uno", start="2012-05")
    said = citation(record, "decidieron sumarse", source=acta, field="start")
    citation(record, "Tres de ellas", source=acta)
    against = source(title="Acta 13")
    citation(record, "anunció su salida", source=against, stance="contradicts", field="start")
    citation(record, "cuatro organizaciones", source=draft)
    content = feed(visitor, EVENTS).findtext(f"{ENTRY}content")
    address = f"http://testserver{said.get_absolute_url()}"
    assert f'<a href="{address}">{said}, «Acta 12»</a>' in content
    assert content.count("<mark>«decidieron sumarse»</mark>") == 1
    assert content.count("a la Red.</p>") == 1, "the rest of the sentence, once"
    assert "<p><mark>«Tres de ellas»</mark></p>" in content, "the rest of its sentence is above"
    assert "Otra fuente lo contradice: " in content
    description = str(entries(visitor)["Uno"]["description"])
    assert f"«decidieron sumarse»\n{said}, «Acta 12»: {address}" in description
    for text in (content, description):
        assert "Acta 13" in text
        assert "Borrador" not in text
    bare = event(title="Dos", start="2013")
    assert "[ sin cita todavía ]" in feed(visitor, EVENTS).findtext(f"{ENTRY}content")
    assert "[ sin cita todavía ]" in str(entries(visitor)[bare.title]["summary"])


def test_memberships_and_terms_have_feeds(visitor):
    """A membership becomes public with its organization, and with that which it replaces."""
    before = organization(name="Antes", publish_at=NOW)
    una = organization(name="Una", publish_at=LONG_AGO)
    member = proven(membership(organization=una, start="2016", replaces=before))
    proven(term(organization=una, start="2017-04", end="[2017-05-23..]", note="Inferido."))
    Membership.objects.filter(pk=member.pk).update(updated_at=LONG_AGO)
    root = feed(visitor, MEMBERSHIPS)
    assert titles(root) == ["Una: integrante, desde 2016"]
    assert datetime.fromisoformat(root.findtext(f"{ENTRY}updated")) == NOW
    content = root.findtext(f"{ENTRY}content")
    assert "Empezó a ser integrante en 2016; hasta cuándo, la fuente no lo dice." in content
    assert "Sustituye a Antes." in content
    assert "decidieron sumarse" in content
    root = feed(visitor, TERMS)
    assert titles(root) == [
        "Una: representante, desde abril de 2017, al menos hasta el 23 de mayo de 2017"
    ]
    term(organization=una, role="co_representative", start="2017")
    assert titles(feed(visitor, TERMS))[0] == f"Una: co-representante, desde 2017 {MARK}"
    assert "Nota nuestra: Inferido." in root.findtext(f"{ENTRY}content")
    una.publish_at = None
    una.save()
    assert titles(feed(visitor, MEMBERSHIPS)) == titles(feed(visitor, TERMS)) == []


def test_an_organization_has_a_feed_of_all_that_names_it_and_a_calendar(visitor, editor):
    una, url = organization(name="Una", slug="una"), "/organizaciones/una/"
    membership(organization=una, start="2016")
    term(organization=una)
    happened, said = event(title="Uno", start="2016"), statement(title="Dicho")
    una.events.add(happened)
    una.statements.add(said)
    event(title="Otro", start="2016")
    membership()
    assert sorted(titles(feed(visitor, f"{url}atom.xml"))) == [
        "Dicho", f"Una: integrante, desde 2016 {MARK}", f"Una: representante {MARK}", "Uno"
    ]  # fmt: skip
    assert list(entries(visitor, f"{url}calendario.ics")) == ["Uno"]
    ids = feed(visitor, f"{url}atom.xml").findtext(f"{ATOM}id")
    una.slug = "dos"
    una.save()
    moved = visitor.get(f"{url}atom.xml")
    assert (moved.status_code, moved["Location"]) == (301, "/organizaciones/dos/atom.xml")
    assert feed(visitor, "/organizaciones/dos/atom.xml").findtext(f"{ATOM}id") == ids
    for record in (happened, said):
        record.publish_at = None
        record.save()
    left = titles(feed(visitor, "/organizaciones/dos/atom.xml"))
    assert sorted(left) == [
        f"Una: {role} {MARK}" for role in ("integrante, desde 2016", "representante")
    ]
    una.publish_at = None
    una.save()
    for person in (visitor, editor):
        for name in ("atom.xml", "calendario.ics"):
            assert person.get(f"/organizaciones/dos/{name}").status_code == 404
