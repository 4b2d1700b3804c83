"""What the staff can count on: every page opens, what is saved is what was written, nothing goes
public without permission, and whatever is wrong is said in Spanish beside the field."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError, connection, models
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from editing.admin import RecordAdmin
from organizations.models import Membership, Organization, RepresentationTerm
from sources.models import Citation, Source
from tests import records
from tests.staff import QUOTE, address_of, confirm, draft, problems, quote, save, written
from timeline.models import Event, Statement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
RECORDS = [Source, Citation, Organization, Membership, RepresentationTerm, Event, Statement]
FACTS = [Organization, Membership, RepresentationTerm, Event, Statement]
MODELS = [*RECORDS, User, Group]
MAKERS = {
    Source: records.source,
    Organization: records.organization,
    Membership: records.membership,
    RepresentationTerm: records.term,
    Event: records.event,
    Statement: records.statement,
}


def add_page(model: type[models.Model]) -> str:
    return address_of("add", model) + ("?apoya=event" if model is Citation else "")


@pytest.fixture
def source() -> Source:
    return records.source()


@pytest.fixture
def whole_record(source: Source) -> dict[type[models.Model], models.Model]:
    """One of each, related to each other, every fact with two citations."""
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
    found = [*facts, source, citations[0], User.objects.create_user("otra"), Group.objects.create()]
    return {type(record): record for record in found}


# Every page opens


@pytest.mark.parametrize("model", MODELS)
def test_every_page_of_every_model_opens(model: Any, admin: Any, whole_record: dict) -> None:
    record = whole_record[model]
    opened = [
        address_of("changelist", model),
        address_of("changelist", model) + "?q=á",
        add_page(model),
    ]
    opened += [address_of(action, record) for action in ("change", "delete", "history")]
    for address in opened:
        kept = model is User and "/delete/" in address  # accounts are switched off, never deleted
        assert admin.get(address).status_code == (403 if kept else 200), address


@pytest.mark.parametrize("model", RECORDS)
def test_every_page_opens_for_who_may_only_read(
    model: Any, reader: Any, whole_record: dict
) -> None:
    for action, of in (("changelist", model), ("change", whole_record[model]),
                       ("history", whole_record[model])):  # fmt: skip
        response = reader.get(address_of(action, of))
        assert response.status_code == 200
        assert 'name="_save"' not in response.text


@pytest.mark.parametrize("model", RECORDS)
def test_every_filter_lists_what_it_counts(model: Any, admin: Any, whole_record: dict) -> None:
    response = admin.get(address_of("changelist", model))
    for spec in response.context["cl"].filter_specs:
        for choice in spec.choices(response.context["cl"]):
            listed = admin.get(address_of("changelist", model) + choice["query_string"])
            count = listed.context["cl"].result_count
            title = str(choice["display"])
            assert f"({count})" in title or title.startswith("Tod"), (spec, title)


@pytest.mark.parametrize("person", ["admin", "publisher", "editor", "reader"])
def test_the_front_page_opens(person: str, request: Any, whole_record: dict) -> None:
    assert request.getfixturevalue(person).get("/admin/").status_code == 200


def test_the_foot_of_each_page_names_the_version_after_the_login(
    reader: Any, visitor: Any, settings: Any
) -> None:
    settings.VERSION = "12.3.4"
    for path in ("/admin/", "/admin/timeline/event/", "/admin/password_change/"):
        assert "Núcleo 12.3.4</footer>" in reader.get(path, follow=True).content.decode()
    assert b"12.3.4" not in visitor.get("/admin/login/").content


def test_the_pages_speak_spanish(admin: Any, whole_record: dict) -> None:
    for address in (
        "/admin/",
        address_of("changelist", Event),
        address_of("change", whole_record[Event]),
    ):
        shown = admin.get(address).text
        english = ">Filter|>Run<|Change history|Add another|>Delete<|Search|Select"
        for words in english.split("|"):
            assert words not in shown


def test_permissions_of_users_are_in_spanish_and_only_ours(admin: Any) -> None:
    shown = admin.get(address_of("add", Group)).text
    assert "acontecimiento: puede modificar" in shown
    assert "Puede publicar y cambiar lo que es público" in shown
    assert "historical" not in shown
    assert "Can add" not in shown


def test_what_is_only_read_is_in_words(reader: Any, source: Source) -> None:
    event = records.event(start="[2011-08..2015-02]")
    citation = records.citation(event, source=source, field="start_earliest")
    shown = reader.get(address_of("change", event)).text
    assert "entre agosto de 2011 y febrero de 2015" in shown
    for address in (address_of("change", event), address_of("change", citation)):
        shown = reader.get(address).text
        assert "inicio: no antes de" in shown
        assert "start_earliest" not in shown


# What is written is what is saved


FILLED: dict[type[models.Model], dict[str, Any]] = {
    Source: {"title": "Otra fuente", "text": "Un párrafo.\r\nOtro.\r\n"},
    Organization: {"name": "Organización Ñandú", "website": "https://example.org/"},
    Event: {"title": "Se firmó el acuerdo", "category": "acuerdo", "start": "agosto de 2011"},
    Statement: {"title": "Lo que dijo", "kind": "position", "date": "11/08/2011"},
}


@pytest.mark.parametrize("model", FILLED)
def test_a_record_is_added_through_its_form_with_a_slug_of_its_own(
    model: Any, admin: Any, source: Source
) -> None:
    for number in ("", "-2"):
        assert save(admin, address_of("add", model), **FILLED[model]).status_code == 302
        record = model.objects.latest("pk")
        words = getattr(record, "title", "") or record.name
        assert record.slug == words.lower().replace(" ", "-").translate(_PLAIN) + number
        assert record.is_draft()


_PLAIN = str.maketrans("óñú", "onu")


def test_a_text_keeps_its_line_ends(admin: Any) -> None:
    save(admin, address_of("add", Source), **FILLED[Source])
    assert Source.objects.get().text == "Un párrafo.\nOtro.\n"


def test_memberships_and_terms_are_added_with_slugs_of_their_own(
    admin: Any, source: Source
) -> None:
    organization = records.organization(slug="alfa")
    for _time in range(2):
        assert (
            save(admin, address_of("add", Membership), organization=organization.pk).status_code
            == 302
        )
    assert {*Membership.objects.values_list("slug", flat=True)} == {"alfa", "alfa-2"}
    filled = {"organization": organization.pk, "role": "representative", "order": 3}
    assert save(admin, address_of("add", RepresentationTerm), **filled).status_code == 302
    assert RepresentationTerm.objects.get().slug == "representante-3"


def test_memberships_terms_and_citations_are_added_on_the_organization(
    admin: Any, source: Source
) -> None:
    organization = draft(records.organization, slug="alfa")
    counts = {f"{name}-TOTAL_FORMS": 2 for name in ("memberships", "terms")}
    several = {
        "memberships-0-start": "2011", "memberships-0-end": "2012", "memberships-1-start": "2015",
        "terms-0-role": "representative", "terms-0-start": "2011", "terms-0-end": "2012",
        "terms-1-role": "co_representative", "terms-1-order": 1,
    }  # fmt: skip
    address = address_of("change", organization)
    response = save(admin, address, **counts, **several, **quote(organization, field="name"))
    assert response.status_code == 302
    assert sorted(m.slug for m in organization.memberships.all()) == ["alfa", "alfa-2"]
    assert organization.terms.count() == 2
    assert organization.citations.get().get_field_display() == "nombre"


@pytest.mark.parametrize("model", RECORDS)
def test_a_record_saved_unchanged_stays_the_same(
    model: Any, admin: Any, whole_record: dict
) -> None:
    record = whole_record[model]
    before = model.objects.filter(pk=record.pk).values().get()
    assert save(admin, address_of("change", record)).status_code == 302
    after = model.objects.filter(pk=record.pk).values().get()
    assert _as_forms_know(before) == _as_forms_know(after)


def _as_forms_know(values: dict[str, Any]) -> dict[str, Any]:
    """Moments to the second, and not when it was saved."""
    rounded = {
        name: value.replace(microsecond=0) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return rounded | {"updated_at": None}


def test_dates_are_shown_in_spanish_and_stored_as_edtf(admin: Any, source: Source) -> None:
    event = records.event(start="2011-08")
    address = address_of("change", event)
    assert 'value="agosto de 2011"' in admin.get(address).text
    save(admin, address, start="entre agosto de 2011 y febrero de 2015")
    event.refresh_from_db()
    assert event.start == "[2011-08..2015-02]"


def test_relations_are_saved_and_picked_by_typing(admin: Any, source: Source) -> None:
    organization, event = records.organization(), records.event()
    save(admin, address_of("change", event), organizations=[organization.pk])
    assert list(event.organizations.all()) == [organization]
    assert "admin-autocomplete" in admin.get(address_of("change", event)).text


def test_each_citation_may_support_any_fact_of_its_record(admin: Any, source: Source) -> None:
    event = records.event()
    shown = admin.get(address_of("change", event)).text
    for label in ("Todo el registro", "Inicio: no antes de", "Organizaciones", "Resumen"):
        assert f">{label}</option>" in shown
    assert (
        save(admin, address_of("change", event), **quote(event, field="start_latest")).status_code
        == 302
    )
    assert event.citations.get().field == "start_latest"


def test_a_citation_is_added_for_a_chosen_kind_of_record(admin: Any, source: Source) -> None:
    assert "?apoya=statement" in admin.get(address_of("add", Citation)).text
    statement = records.statement()
    address = address_of("add", Citation) + "?apoya=statement"
    assert problems(save(admin, address, exact=QUOTE, source=source.pk))
    response = save(admin, address, exact=QUOTE, source=source.pk, statement=statement.pk)
    assert response.status_code == 302
    assert statement.citations.get().source == source


# Search


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ORGANIZACION nandu", True),
        ("ÑANDÚ", True),
        ("la otra", True),
        ("oñ", True),
        ("nandu zorro", False),
        ("100%", False),
        ("_", False),
    ],
)
def test_search_finds_all_words_whatever_their_accents(words: str, found: bool, admin: Any) -> None:
    organization = records.organization(name="Organización Ñandú", other_names="LA OTRA\nOÑ")
    listed = admin.get(address_of("changelist", Organization), {"q": words}).context["cl"].queryset
    assert (organization in listed) == found
    event = {"app_label": "timeline", "model_name": "event", "field_name": "organizations"}
    answer = admin.get(reverse("admin:autocomplete"), event | {"term": words}).json()
    assert bool(answer["results"]) == found


def test_a_search_beyond_reason_finds_nothing_and_fails_nobody(admin: Any) -> None:
    for words in ("a " * 5000, "%" * 5000, '"', "'", "\\"):
        response = admin.get(address_of("changelist", Event), {"q": words})
        assert response.status_code == 200


# Who may publish


def test_an_editor_saves_drafts(editor: Any, source: Source) -> None:
    event = draft()
    response = save(editor, address_of("change", event), title="Otro", **quote(event))
    assert response.status_code == 302
    event.refresh_from_db()
    assert event.title == "Otro"
    assert event.citations.exists()
    shown = editor.get(address_of("change", event)).text
    assert "publica quien tiene permiso" in shown
    assert 'name="publish_at_0"' not in shown


def test_an_editor_publishes_by_no_field_of_a_form(editor: Any) -> None:
    event = draft()
    moment = {"publish_at_0": "01/01/2020", "publish_at_1": "09:00:00"}
    for address in (address_of("change", event), address_of("add", Event)):
        fields = editor.get(address).context["adminform"].form.fields
        assert not {"publish_at", "unpublish_at"} & fields.keys()
    save(editor, address_of("change", event), **moment)
    save(editor, address_of("add", Event), **FILLED[Event], **moment)
    assert not Event.objects.exclude(publish_at=None).exists()


@pytest.mark.parametrize("model", RECORDS)
def test_an_editor_changes_nothing_that_is_public(
    model: Any, editor: Any, whole_record: dict
) -> None:
    record = whole_record[model]
    assert 'name="_save"' not in editor.get(address_of("change", record)).text
    assert editor.post(address_of("change", record), {"slug": "otro"}).status_code == 403
    assert editor.post(address_of("delete", record), {"post": "yes"}).status_code == 403


def test_an_editor_adds_nothing_to_what_is_public(editor: Any, source: Source) -> None:
    public, event = records.organization(), records.event()
    for address, filled in (
        (address_of("add", Membership), {"organization": public.pk}),
        (address_of("add", Citation) + "?apoya=event",
         {"event": event.pk, "source": source.pk, "exact": QUOTE}),
    ):  # fmt: skip
        assert "publica quien tiene permiso" in problems(save(editor, address, **filled))
    assert not Membership.objects.exists()
    assert not Citation.objects.exists()


def test_an_editor_moves_nothing_to_what_is_public(editor: Any, source: Source) -> None:
    membership = records.membership(organization=draft(records.organization))
    citation = records.citation(draft(), source=source)
    moves = ((membership, {"organization": records.organization().pk}),
             (citation, {"event": records.event().pk}))  # fmt: skip
    for record, filled in moves:
        response = save(editor, address_of("change", record), **filled)
        assert "publica quien tiene permiso" in problems(response)


def test_an_editor_adds_no_citation_inline_where_the_record_goes_public(
    editor: Any, source: Source
) -> None:
    membership = records.membership(organization=draft(records.organization))
    filled = {"organization": records.organization().pk} | quote(membership)
    assert "publica quien tiene permiso" in problems(
        save(editor, address_of("change", membership), **filled)
    )
    assert not Citation.objects.exists()


def test_deleting_a_list_needs_permission_for_each(editor: Any) -> None:
    editor.user.user_permissions.add(*_delete_permissions())
    public, mine = records.event(), draft()
    chosen = {"action": "delete_selected"}
    address = address_of("changelist", Event)
    both = confirm(editor, address, **chosen, _selected_action=[public.pk, mine.pk])
    assert both.status_code == 403
    assert Event.objects.count() == 2
    assert confirm(editor, address, **chosen, _selected_action=[mine.pk]).status_code == 302
    assert list(Event.objects.all()) == [public]


def _delete_permissions() -> Any:
    return Permission.objects.filter(codename__startswith="delete_")


def test_a_publisher_publishes(publisher: Any) -> None:
    event = draft()
    response = save(
        publisher, address_of("change", event), publish_at_0="01/01/2020", publish_at_1="09:00:00"
    )
    assert response.status_code == 302
    event.refresh_from_db()
    assert event.is_public()


def test_what_hides_a_membership_is_said(publisher: Any) -> None:
    shown = publisher.get(address_of("change", records.membership())).text
    assert "Se ve en el sitio porque todo lo que menciona es público" in shown
    hidden = records.membership(organization=draft(records.organization, name="La oculta"))
    assert (
        "No se verá en el sitio mientras no sea público"
        in publisher.get(address_of("change", hidden)).text
    )


# Nothing wrong is stored, and what is wrong is said


def _wrong() -> Iterator[Any]:
    yield Event, {"start": "30 de febrero de 2017"}, "febrero de 2017 tiene 28 días"
    yield Event, {"start": "2017-13"}, "no hay mes 13"
    yield Event, {"start": "x" * 10_000}, "es demasiado larga"
    yield Event, {"start": "2017", "end": "2016"}, "no puede ser anterior"
    yield Event, {"title": "x" * 10_000}, "200 caracteres"
    yield Event, {"title": "con \0 nulo"}, "nulos"
    yield Event, {"summary": "con \0 nulo"}, "nulos"
    yield Event, {"body": "<p>con \0 nulo</p>"}, "nulos"
    yield Event, {"slug": "no vale"}, "Identificador"
    yield Event, {"organizations": ["x"]}, "Organizaciones"
    yield Organization, {"website": "javascript:alert(1)"}, "https://"
    yield Event, quote(None, exact="no está ahí"), "No está en la fuente"
    yield Event, quote(None, exact="organizaciones"), "Una sola palabra"
    yield Event, quote(None, exact="la Red"), "veces"
    yield Event, quote(None, exact="con \0 nulo"), "nulos"
    yield Event, quote(None, exact="x " * 5000), "5000 caracteres"
    yield Event, quote(None, source="99999999999999999999"), "Fuente"
    yield Event, quote(None, field="slug"), "Apoya"
    yield Event, {
        "publish_at_0": "02/01/2020", "publish_at_1": "09:00", "unpublish_at_0": "01/01/2020",
        "unpublish_at_1": "09:00",
    }, "posterior"  # fmt: skip


@pytest.mark.parametrize(("model", "filled", "said"), list(_wrong()))
def test_bad_input_is_refused_beside_its_field(
    model: Any, filled: dict, said: str, admin: Any, source: Source
) -> None:
    response = save(admin, address_of("add", model), **FILLED[model] | filled)
    assert said in problems(response)
    assert "No se guardó nada" in response.text
    assert not model.objects.exists()
    assert not Citation.objects.exists()


def test_overlapping_terms_are_refused(admin: Any, source: Source) -> None:
    records.term(start="2011", end="2013")
    filled = {"organization": records.organization().pk, "role": "representative"}
    response = save(
        admin, address_of("add", RepresentationTerm), start="2012", end="2014", **filled
    )
    assert "Se traslapa" in problems(response)


def test_the_summary_of_errors_leads_to_the_fields(admin: Any, source: Source) -> None:
    response = save(
        admin, address_of("add", Event), start="2017-13", **quote(None, exact="no está")
    )
    fields = {problem.get("field") for problem in response.context["problems"]}
    assert fields == {"id_title", "id_category", "id_start", "id_citations-0-exact"}
    for field in fields:
        assert f'href="#{field}"' in response.text
        assert f'id="{field}"' in response.text
    assert "Corrija 4 puntos" in response.text


# At the same moment


def test_a_slug_taken_at_the_same_moment_is_a_form_error(
    admin: Any, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    _somebody_saves_first(monkeypatch, lambda: records.event(slug="acuerdo"))
    response = save(admin, address_of("add", Event), **FILLED[Event] | {"slug": "acuerdo"})
    assert "Identificador" in problems(response)


def test_a_slug_made_at_the_same_moment_gets_the_next_number(
    admin: Any, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    _somebody_saves_first(monkeypatch, lambda: records.event(slug="se-firmo-el-acuerdo"))
    assert save(admin, address_of("add", Event), **FILLED[Event]).status_code == 302
    assert Event.objects.filter(slug="se-firmo-el-acuerdo-2").exists()


def test_a_term_saved_at_the_same_moment_is_a_form_error(
    admin: Any, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    _somebody_saves_first(monkeypatch, lambda: records.term(start="2011", end="2013"))
    filled = {"organization": records.organization().pk, "role": "representative"}
    response = save(
        admin, address_of("add", RepresentationTerm), start="2012", end="2014", **filled
    )
    assert "Se traslapa" in problems(response)


def test_what_collides_again_and_again_is_not_saved_and_not_lost(
    admin: Any, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(RecordAdmin, "save_model", never)
    response = save(admin, address_of("add", Event), **FILLED[Event])
    assert "alguien guardó al mismo tiempo" in response.text
    assert "Se firmó el acuerdo" in response.text


def _somebody_saves_first(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    """Between the validation of a form and its saving, once."""
    save_model, waiting = RecordAdmin.save_model, [what]

    def late(self: Any, request: Any, obj: Any, form: Any, change: bool) -> None:
        if waiting:
            _as_committed_by_another(monkeypatch, waiting.pop())
        save_model(self, request, obj, form, change)

    monkeypatch.setattr(RecordAdmin, "save_model", late)


def _as_committed_by_another(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    """What is made here stays when the transactions around it are rolled back: it is made again."""
    rollback = connection.savepoint_rollback

    def then_again(sid: str) -> None:
        rollback(sid)
        what()

    what()
    monkeypatch.setattr(connection, "savepoint_rollback", then_again)


# Correcting a source


def test_a_corrected_text_asks_for_the_words_of_the_quotes_it_breaks(
    admin: Any, source: Source
) -> None:
    citation = records.citation(records.event(), "decidieron sumarse a la Red", source=source)
    corrected = source.text.replace("decidieron sumarse a", "resolvieron sumarse a")
    address = address_of("change", source)
    asked = save(admin, address, text=corrected)
    assert "se romperían citas" in problems(asked)
    requotes = asked.context["adminform"].form.requotes
    assert [field.value() for field in requotes] == ["resolvieron sumarse a la Red."]
    source.refresh_from_db()
    assert "decidieron" in source.text

    name = requotes[0].html_name
    for words in ("no está", "resolvieron", ""):
        assert "En vez de" in problems(admin.post(address, written(asked) | {name: words}))
    assert admin.post(address, written(asked)).status_code == 302
    citation.refresh_from_db()
    assert citation.exact == "resolvieron sumarse a la Red."
    assert citation.source.text == corrected


def test_a_text_that_breaks_nothing_is_saved_at_once(admin: Any, source: Source) -> None:
    citation = records.citation(records.event(), source=source)
    assert (
        save(admin, address_of("change", source), text="Algo antes. " + source.text).status_code
        == 302
    )
    moved = Citation.objects.select_related("source").get(pk=citation.pk)
    assert moved.position == citation.position + len("Algo antes. ")


# Deleting


def test_what_is_referred_to_is_not_deleted_and_what_refers_is_listed(
    admin: Any, whole_record: dict
) -> None:
    for model, referring in (
        (Source, [Citation]),
        (Organization, [Membership, RepresentationTerm, Event]),
        (Event, [Statement]),
    ):
        address = address_of("delete", whole_record[model])
        shown = admin.get(address).text
        for other in referring:
            assert address_of("change", whole_record[other]) in shown
        assert confirm(admin, address).status_code == 200
        chosen = {"action": "delete_selected", "_selected_action": [whole_record[model].pk]}
        listed = confirm(admin, address_of("changelist", model), **chosen)
        assert address_of("change", whole_record[referring[0]]) in listed.text
        assert model.objects.filter(pk=whole_record[model].pk).exists()


@pytest.mark.parametrize("model", FACTS)
def test_deleting_a_record_takes_its_citations(model: Any, admin: Any, source: Source) -> None:
    record = MAKERS[model]()
    records.citation(record, source=source)
    assert "Citas: 1" in admin.get(address_of("delete", record)).text
    assert confirm(admin, address_of("delete", record)).status_code == 302
    assert not model.objects.filter(pk=record.pk).exists()
    assert not Citation.objects.exists()


# How dates and quotes are read


def test_a_date_is_read_as_it_will_be_stored(reader: Any) -> None:
    address = reverse("admin:read_date")
    read = reader.get(address, {"texto": "entre agosto de 2011 y febrero de 2015"}).text
    assert "No antes del 1 de agosto de 2011 ni después del 28 de febrero de 2015" in read
    assert "[2011-08..2015-02]" in read
    assert "la fuente no lo dice" in reader.get(address).text
    for text in ("30 de febrero de 2017", "x" * 10_000, "<script>"):
        refused = reader.get(address, {"texto": text}).text
        assert "no es una fecha posible" in refused
        assert "<script>" not in refused


def test_a_quote_is_read_against_its_source(reader: Any, source: Source) -> None:
    def read(words: str, number: Any = source.pk) -> str:
        address = reverse("admin:read_quote")
        return " ".join(reader.get(address, {"fuente": number, "palabras": words}).text.split())

    once = read("decidieron  sumarse")
    assert "✓ Está en la fuente, una sola vez." in once
    assert "Tres de ellas <mark>decidieron sumarse</mark> a la Red." in once
    assert source.get_absolute_url() in once
    twice = read("la Red")
    assert "Está 2 veces en la fuente; una cita señala un solo lugar." in twice
    assert twice.count("<mark>") == 2
    assert 'data-use="la Red de"' in twice
    missing = read("Tres de ellos decidieron unirse")
    assert "No está en la fuente «La fuente». Copie las palabras sin cambiar nada." in missing
    assert "ellos</del>" in missing
    assert "ellas</ins>" in missing
    assert 'data-use="Tres de ellas decidieron sumarse"' in missing
    assert "demasiadas" in read("x " * 5000)
    for number in ("", "x", "999", "9" * 30, "²"):
        assert "Elija la fuente" in read(QUOTE, number)


def test_staff_read_dates_and_who_may_see_sources_quotes_and_only_by_get(
    visitor: Any, reader: Any, admin: Any
) -> None:
    outsider = User.objects.create_user("sin permiso", is_staff=True)
    for name, refused in (("read_date", 200), ("read_quote", 403)):
        address = reverse(f"admin:{name}")
        assert visitor.get(address).status_code == 302
        assert admin.post(address).status_code == 405
        assert reader.get(address).status_code == 200
        visitor.force_login(outsider)
        assert visitor.get(address).status_code == refused
        visitor.logout()


def test_checking_saves_nothing_and_shows_how_all_is_read(admin: Any, source: Source) -> None:
    changed = {"start": "antes de 2015", "_check": "1"} | quote(None)
    response = save(admin, address_of("add", Event), **FILLED[Event] | changed)
    assert "Nada de esto está guardado todavía" in response.text
    assert "[..2014]" in response.text
    assert "una sola vez" in response.text
    assert not Event.objects.exists()


# The front page


def test_the_front_page_counts_what_the_lists_show(
    admin: Any, source: Source, whole_record: dict
) -> None:
    draft(title="Sin nada")
    records.event(title="Pronto", publish_at=timezone.now() + timedelta(days=1))
    shown = {notice.fact: notice for notice in admin.get("/admin/").context["notices"]}
    for fact, count in (
        ("acontecimientos sin ninguna cita", 2),
        ("acontecimiento en borrador", 1),
        ("acontecimiento con publicación programada", 1),
        ("acontecimientos sin fecha", 2),
        ("oraciones de «La fuente» sin usar", 3),
    ):
        assert shown[fact].count == count, fact
        if "oraciones" not in fact:
            listed = admin.get(shown[fact].url).context["cl"]
            assert listed.result_count == count
    assert "«Pronto» y «Sin nada»" in shown["acontecimientos sin ninguna cita"].why
    assert source.get_absolute_url() in shown["oraciones de «La fuente» sin usar"].url


def test_the_front_page_says_nothing_of_what_is_in_order(admin: Any) -> None:
    assert admin.get("/admin/").context["notices"] == []


def test_the_front_page_shows_gaps_and_possible_overlaps(admin: Any) -> None:
    for order, (start, end) in enumerate(
        (("2011", "2012"), ("[2011..2016]", ""), ("2015", "2016"))
    ):
        records.term(start=start, end=end, order=order + 1)
    shown = {notice.fact: notice for notice in admin.get("/admin/").context["notices"]}
    assert shown["periodos de representación que podrían traslaparse"].count == 3
    gaps = next(notice for fact, notice in shown.items() if "representante seguro" in fact)
    assert gaps.count == 2
    assert "De enero de 2011 a diciembre de 2011" in gaps.why


def test_the_front_page_shows_who_changed_what(admin: Any, source: Source) -> None:
    event = records.event(title="El cambiado")
    save(admin, address_of("change", event), title="El cambiado dos veces")
    newest = latest_change(admin)
    assert f'<a href="{address_of("change", event)}">El cambiado dos veces</a>' in newest
    assert "Acontecimiento · se cambió" in newest
    assert "admin, " in newest
    event.delete()
    deleted = latest_change(admin)
    assert f'<a href="{address_of("trash", Event)}">El cambiado</a>' in deleted
    assert "Acontecimiento · se movió a la papelera" in deleted


def test_versions_of_one_act_are_one_change(admin: Any) -> None:
    Event.versions.write([records.event().pk for _ in range(3)], "~", "Se corrigió")
    newest = latest_change(admin)
    assert f'<a href="{address_of("changelist", Event)}">3 acontecimientos</a>' in newest
    assert "Acontecimiento · se cambiaron · Se corrigió" in newest


def latest_change(person: Any) -> str:
    listed = person.get("/admin/").text.partition('<ul class="actionlist">')[2]
    return listed.partition("</li>")[0]


# How often the database is asked


@pytest.mark.parametrize("model", RECORDS)
def test_a_list_asks_the_database_the_same_however_long_it_is(
    model: Any, admin: Any, source: Source, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        record = MAKERS.get(model, records.event)()
        if model is not Source and (model is Citation or number % 2):
            records.citation(record, source=source)
    with django_assert_max_num_queries(10):
        assert admin.get(address_of("changelist", model)).status_code == 200


def test_the_front_page_asks_the_database_40_times_at_most(
    publisher: Any, whole_record: dict, django_assert_max_num_queries: Any
) -> None:
    for _more in range(10):
        records.citation(draft(), source=whole_record[Source])
        records.term()
    with django_assert_max_num_queries(40):
        publisher.get("/admin/")


@pytest.mark.parametrize("model", FACTS)
def test_a_form_asks_the_database_the_same_however_many_citations(
    model: Any, admin: Any, source: Source, django_assert_max_num_queries: Any
) -> None:
    record = MAKERS[model]()
    for _more in range(10):
        records.citation(record, source=source)
    with django_assert_max_num_queries(14):
        assert admin.get(address_of("change", record)).text.count("una sola vez") == 10


# In a browser


@pytest.fixture
def at_work(page: Any, live_server: Any, transactional_db: None) -> Any:
    """A browser in which somebody is logged in, on the form of a new event."""
    User.objects.create_superuser("admin", password="only for tests")
    records.source()
    page.set_viewport_size({"width": 1280, "height": 2400})  # nothing under the bar of buttons
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(live_server.url + reverse("admin:timeline_event_add"))
    page.fill("#id_username", "admin")
    page.fill("#id_password", "only for tests")
    page.click("[type=submit]")
    page.locator("#id_start").wait_for()
    page.wait_for_load_state()  # the scripts too
    yield page
    assert page.problems == []


@pytest.mark.browser
def test_readings_follow_what_is_written(at_work: Any) -> None:
    at_work.fill("#id_start", "antes de 2015")
    at_work.get_by_text("Se guarda como [..2014]").wait_for()
    at_work.fill("#id_citations-0-exact", "Tres de ellos decidieron unirse")
    at_work.click("text=Usar las palabras de la fuente")
    quote = at_work.locator("#id_citations-0-exact")
    expect(quote).to_have_value("Tres de ellas decidieron sumarse")
    at_work.get_by_text("Está en la fuente, una sola vez").wait_for()


@pytest.mark.browser
def test_rich_text_is_written_with_buttons_in_spanish(at_work: Any) -> None:
    editor = at_work.locator("[contenteditable][aria-label='Texto']")
    editor.click()
    at_work.get_by_role("button", name="lista", exact=True).click()
    editor.press_sequentially("Alfa")
    for name in ("negritas", "cursivas", "cita", "poner enlace", "lista numerada"):
        expect(at_work.get_by_role("button", name=name, exact=True)).to_have_count(1)
    expect(at_work.locator("#id_body")).to_have_value("<ul><li><p>Alfa</p></li></ul>")


@pytest.mark.browser
def test_after_errors_the_focus_is_on_their_summary(at_work: Any) -> None:
    at_work.fill("#id_start", "2017-13")
    at_work.click("text=Guardar y seguir editando")
    at_work.locator(".problems:focus").wait_for()
    at_work.click(".problems a:has-text('Inicio')")
    expect(at_work.locator("#id_start")).to_be_focused()


# What an attacker sends


def test_odd_addresses_and_forms_are_refused_without_a_500(admin: Any, source: Source) -> None:
    event = records.event()
    form = address_of("change", event)
    huge = "9" * 4400
    for address in (
        f"{address_of('changelist', Event)}?slug__regex=(",
        f"{address_of('add', Event)}?publish_at=abc",
        f"{address_of('add', Event)}?unpublish_at=abc",
        f"/admin/leer/cita/?fuente={huge}&palabras=x",
        f"{address_of('changelist', Event)}?o={huge}",
        f"{address_of('changelist', User)}?q={'a ' * 3000}",
    ):
        assert admin.get(address).status_code < 500, address[:80]
    for filled in (
        {"publish_at_0": "31/12/9999", "publish_at_1": "23:59:59"},
        {"organizations": ["9" * 50]},
        {"_saveasnew": "1"},
    ):
        assert save(admin, form, **filled).status_code < 500, filled
    for key in ("abc", "9" * 50):
        sent = {"action": "delete_selected", "_selected_action": key}
        assert admin.post(address_of("changelist", Event), sent).status_code == 400


def test_an_organization_does_not_replace_itself(admin: Any) -> None:
    organization = records.organization()
    response = save(
        admin,
        address_of("change", organization),
        **{
            "memberships-TOTAL_FORMS": "1",
            "memberships-0-organization": organization.pk,
            "memberships-0-replaces": organization.pk,
        },
    )
    assert "no se sustituye a sí misma" in response.text


def test_an_editor_hangs_nothing_on_a_public_page_through_a_draft(
    editor: Any, source: Source
) -> None:
    public, hidden = records.organization(), records.organization(publish_at=None)
    draft_source = records.source(publish_at=None)
    filled = {"organization": public.pk, "replaces": hidden.pk}
    assert save(editor, address_of("add", Membership), **filled).status_code == 200
    cited = {"event": records.event().pk, "source": draft_source.pk, "exact": "decidieron sumarse"}
    address = address_of("add", Citation) + "?apoya=event"
    assert save(editor, address, **cited).status_code == 200
    assert not Membership.objects.exists()
    assert not Citation.objects.exists()
