"""The pages of the staff open for each role, in Spanish. Lists filter and search, the front page
counts gaps, and no page asks the database once per row."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import models
from django.urls import reverse
from django.utils import timezone

from organizations.models import Membership, Organization, RepresentationTerm
from sources.models import Citation, Source
from tests import records
from tests.records import MAKERS
from tests.staff import QUOTE, address_of, draft, page_of, save
from timeline.models import Event, Statement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
RECORDS = [Source, Citation, Organization, Membership, RepresentationTerm, Event, Statement]
FRONT = "/admin/"


@pytest.fixture
def source() -> Source:
    return records.source()


@pytest.fixture
def whole_record(source: Source) -> dict[type[models.Model], models.Model]:
    """One record of each model, related to each other, each fact with two citations."""
    member, other = records.organization(), records.organization(name="Otra")
    event = records.event(start="[2011-08..2015-02]")
    event.organizations.add(member, other)
    statement = records.statement(date="2017")
    statement.events.add(event)
    membership = records.membership(organization=member, replaces=other, start="2016")
    term = records.term(organization=member, order=1, start="2011")
    facts = [member, membership, term, event, statement]
    citations = [
        records.citation(fact, words, source=source)
        for fact in facts
        for words in (QUOTE, "se convocó a cuatro organizaciones")
    ]
    accounts = [User.objects.create_user("otra"), Group.objects.create()]
    return {type(record): record for record in (*facts, source, citations[0], *accounts)}


@pytest.mark.parametrize("model", [*RECORDS, User, Group])
def test_every_page_of_every_model_opens(
    model: Any, admin: Any, editor: Any, reader: Any, whole_record: dict
) -> None:
    """Editors and readers see a public record without a button to save it."""
    record, listed = whole_record[model], address_of("changelist", model)
    add = address_of("add", model) + ("?apoya=event" if model is Citation else "")
    for address in (listed, f"{listed}?q=á", add):
        assert admin.get(address).status_code == 200, address
    for action in ("change", "delete", "history"):
        kept = model is User and action == "delete"  # accounts are switched off, never deleted
        assert admin.get(address_of(action, record)).status_code == (403 if kept else 200), action
    if model not in RECORDS:
        return
    for person in (editor, reader):
        assert person.get(listed).status_code == 200
        assert person.get(address_of("history", record)).status_code == 200
        assert 'name="_save"' not in person.get(address_of("change", record)).text


ENGLISH = (
    '>Filter|>Run<|Change history|Add another|>Delete<|Search|Select|Breadcrumb|"True"|"False"'
)
OF_ONE_GENDER = (
    "os/as|[Ss]eleccionad|[Oo]tro (organización|cita|cuenta|fuente|membresía)|los (rol|cuenta)"
)
SLIPS = "Vista (?!previa)|[Aa]utenticación|Guía|Resúmen|Historia |Añadir|Agregar [A-Z]|[Ee]jecut"


@pytest.mark.once
def test_the_pages_speak_careful_spanish(admin: Any, whole_record: dict) -> None:
    pages = {FRONT, "/admin/auth/", "/admin/exchange/receipt/", "/admin/bitacora/"}
    for model, record in whole_record.items():
        pages |= {address_of("add", model), address_of("changelist", model)}
        pages |= {address_of(name, record) for name in ("change", "history", "delete")}
    for address in sorted(pages):
        page = re.sub(r"<script.*?</script>", "", admin.get(address, follow=True).text)
        for slips in (ENGLISH, OF_ONE_GENDER, SLIPS):
            assert re.findall(f".*(?:{slips}).*", page) == [], address
    assert (
        f'<li><a href="{address_of("changelist", Group)}">Roles</a></li>'
        in admin.get("/admin/auth/").text
    )
    permissions = admin.get(address_of("add", Group)).text
    assert "acontecimiento: puede modificar" in permissions
    assert "Puede publicar y cambiar lo que es público" in permissions
    assert "historical" not in permissions
    assert "Can add" not in permissions


def test_the_foot_of_each_page_names_the_version_after_the_login(
    reader: Any, visitor: Any, settings: Any
) -> None:
    settings.VERSION = "12.3.4"
    for path in (FRONT, "/admin/timeline/event/", "/admin/password_change/"):
        assert "Núcleo 12.3.4</a></footer>" in reader.get(path, follow=True).text
    assert "12.3.4" not in visitor.get("/admin/login/").text


def test_what_is_only_read_is_in_words(reader: Any, source: Source) -> None:
    event = records.event(start="[2011-08..2015-02]")
    citation = records.citation(event, source=source, field="start_earliest")
    pages = [reader.get(address_of("change", record)).text for record in (event, citation)]
    assert "entre agosto de 2011 y febrero de 2015" in pages[0]
    for page in pages:
        assert "no antes de" in page
        assert "start_earliest" not in page


@pytest.mark.parametrize("model", [Source, Organization, Event, Statement])
def test_the_public_page_of_a_record_leads_the_staff_to_its_form_and_others_to_the_login(
    model: Any, editor: Any, visitor: Any, whole_record: dict
) -> None:
    """The link and the answer to a visitor are alike for all, so that they tell of no draft."""
    record, hidden = whole_record[model], draft(getattr(records, model._meta.model_name))
    address = page_of("open", model(), record.slug)
    for person, at in ((visitor, record), (editor, record), (editor, hidden)):
        link = page_of("open", model(), at.slug)
        assert (
            f'<a href="{link}" rel="nofollow">editar</a>' in person.get(at.get_absolute_url()).text
        )
        assert editor.get(link).url == address_of("change", at)
    answers = [visitor.get(page_of("open", model(), slug)) for slug in (hidden.slug, "no-existe")]
    assert [(a.status_code, a.url.partition("?")[0]) for a in answers] == [
        (302, "/admin/login/")
    ] * 2
    assert editor.get(page_of("open", model(), "no-existe")).status_code == 404
    record.slug = "otro"
    record.save()
    assert editor.get(address).url == address_of("change", record)


# Lists


@pytest.mark.parametrize("model", RECORDS)
def test_every_filter_lists_what_it_counts(model: Any, admin: Any, whole_record: dict) -> None:
    page = admin.get(address_of("changelist", model)).context["cl"]
    for spec in page.filter_specs:
        for choice in spec.choices(page):
            filtered = admin.get(address_of("changelist", model) + choice["query_string"])
            count = filtered.context["cl"].result_count
            title = str(choice["display"])
            assert f"({count})" in title or title.startswith("Tod"), (spec, title)


def test_search_finds_all_words_whatever_their_accents(admin: Any) -> None:
    organization = records.organization(name="Organización Ñandú", other_names="LA OTRA\nOÑ")
    organizations, picker = address_of("changelist", Organization), reverse("admin:autocomplete")
    field = {"app_label": "timeline", "model_name": "event", "field_name": "organizations"}
    matches = ["ORGANIZACION nandu", "ÑANDÚ", "la otra", "oñ"]
    misses = ["nandu zorro", "100%", "_", "q " * 5000, "%" * 5000, '"', "'", "\\"]
    for words in (*matches, *misses):
        expected = [organization] if words in matches else []
        assert list(admin.get(organizations, {"q": words}).context["cl"].queryset) == expected
        picked = admin.get(picker, field | {"term": words}).json()["results"]
        assert len(picked) == len(expected), words[:20]


# The front page


def notices(person: Any) -> dict[str, Any]:
    page = person.get(FRONT).context
    return {notice.fact: notice for notice in [*page["notices"], *page["unsaid"]]}


def test_the_front_page_counts_what_the_lists_show(
    admin: Any, source: Source, whole_record: dict
) -> None:
    draft(title="Sin nada")
    records.event(title="Pronto", publish_at=timezone.now() + timedelta(days=1))
    facts = notices(admin)
    for fact, count in (
        ("acontecimientos sin ninguna cita", 2),
        ("acontecimiento en borrador", 1),
        ("acontecimiento con publicación programada", 1),
        ("acontecimientos sin fecha", 2),
        ("oraciones de «La fuente» sin usar", 3),
    ):
        assert facts[fact].count == count, fact
        if "oraciones" not in fact:
            assert admin.get(facts[fact].url).context["cl"].result_count == count, fact
    assert "«Pronto» y «Sin nada»" in facts["acontecimientos sin ninguna cita"].why
    assert address_of("desk", source) in facts["oraciones de «La fuente» sin usar"].url


def test_the_front_page_shows_gaps_and_possible_overlaps(admin: Any) -> None:
    assert notices(admin) == {}
    spans = (("2011", "2012"), ("[2011..2016]", ""), ("2015", "2016"))
    for order, (start, end) in enumerate(spans, 1):
        records.term(start=start, end=end, order=order)
    facts = notices(admin)
    assert facts["periodos de representación que podrían traslaparse"].count == 3
    gaps = next(notice for fact, notice in facts.items() if "representante seguro" in fact)
    assert gaps.count == 2
    assert "De enero de 2011 a diciembre de 2011" in gaps.why


def test_the_front_page_shows_who_changed_what(admin: Any, source: Source) -> None:
    def newest() -> str:
        return admin.get(FRONT).text.partition('<ul class="actionlist">')[2].partition("</li>")[0]

    event = records.event(title="El cambiado")
    save(admin, address_of("change", event), title="El cambiado dos veces")
    change = newest()
    assert f'<a href="{address_of("change", event)}">El cambiado dos veces</a>' in change
    assert "Acontecimiento · se cambió" in change
    assert "admin, " in change
    event.delete()
    deletion = newest()
    assert f'<a href="{page_of("trash", Event())}">El cambiado</a>' in deletion
    assert "Acontecimiento · se movió a la papelera" in deletion
    Event.versions.write([records.event().pk for _ in range(3)], "~", "Se corrigió")
    several = newest()
    assert f'<a href="{address_of("changelist", Event)}">3 acontecimientos</a>' in several
    assert "Acontecimiento · se cambiaron · Se corrigió" in several


# The number of queries


@pytest.mark.parametrize("make", [*MAKERS, None], ids=lambda make: make.__name__ if make else "all")
def test_the_number_of_queries_of_a_page_does_not_grow_with_its_rows(
    make: Any, admin: Any, source: Source, django_assert_max_num_queries: Any
) -> None:
    """The list of each kind of record and its form with ten citations. `make` makes a record; None
    means the list of citations."""
    for number in range(12):
        record = (make or records.event)()
        if make is not records.source and number % 2:
            records.citation(record, source=source)
    with django_assert_max_num_queries(16):
        model = Citation if make is None else type(record)
        assert admin.get(address_of("changelist", model)).status_code == 200
    if make in (records.source, None):
        return
    for _ in range(9):
        records.citation(record, source=source)
    with django_assert_max_num_queries(16):  # one asks for held changes
        assert admin.get(address_of("change", record)).text.count("una sola vez") == 10


def test_the_front_page_asks_the_database_48_times_at_most(
    publisher: Any, whole_record: dict, django_assert_max_num_queries: Any
) -> None:
    for _more in range(10):
        records.citation(draft(), source=whole_record[Source])
        records.term()
    with django_assert_max_num_queries(48):
        publisher.get(FRONT)
