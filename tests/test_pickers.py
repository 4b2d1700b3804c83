"""Pickers: the staff choose records by their names, with and without a script."""

from time import process_time
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import QuerySet
from django.urls import reverse
from playwright.sync_api import expect

from organizations.models import Organization
from tests import records
from tests.login import log_in
from tests.staff import address_of, problems, save
from timeline.models import Event, EventOrganization

pytestmark = pytest.mark.django_db
PICKER = reverse("admin:autocomplete")
ORGANIZATIONS = {"app_label": "timeline", "model_name": "event", "field_name": "organizations"}
EVENTS = {"app_label": "timeline", "model_name": "statement", "field_name": "events"}
UNION, COMMUNITY = "Unión Cívica de Prueba", "Comunidad Beta"
NAMES = (  # name, siglas, other names
    (UNION, "", ""),
    ("Centro Alfa", "ÑU", "El Ñu\nCentro de Estudios «Únicos»"),
    ("Red de Unidades", "RU", ""),
    (COMMUNITY, "", "Beta, Comunidad de Pruebas"),
    ("Beta", "", ""),
    ("Instituto Nacional de la Çedilla y São Gil", "INÇ", ""),
)


def named(*names: tuple[str, str, str]) -> dict[str, Organization]:
    return {
        name: records.organization(name=name, short_name=short, other_names=others)
        for name, short, others in names
    }


def offered(person: Any, term: str, of: dict[str, str] = ORGANIZATIONS) -> list[str]:
    results = person.get(PICKER, of | {"term": term}).json()["results"]
    return [f"{r['text']} = {r['also']}" if r["also"] else r["text"] for r in results]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        # equal, begins, a word begins, within
        ("beta", ["Beta", COMMUNITY]),
        ("UNI", [UNION, "ÑU = Centro de Estudios «Únicos»", "RU = Red de Unidades", COMMUNITY]),
        ("unidad", ["RU = Red de Unidades", COMMUNITY]),
        ("ñu", ["ÑU"]),
        ("el nu", ["ÑU = El Ñu"]),
        ("sao  GIL", ["INÇ = Instituto Nacional de la Çedilla y São Gil"]),
        ("inc", ["INÇ"]),
        ("estudios: (unicos)", ["ÑU = Centro de Estudios «Únicos»"]),
        ("beta, com", [COMMUNITY]),
        ("prueba unión", [UNION]),  # scattered words
        ("resumen", []),
        ("organization", []),  # the slug
        ("«»", []),
    ],
)
def test_a_picker_offers_the_nearest_names_first(reader, typed, expected):
    named(*NAMES)
    records.organization(name="Otra", summary="El resumen dice beta, unión y ñu.")
    assert offered(reader, typed) == expected


def test_of_names_equally_near_the_one_with_more_facts_is_first_then_the_alphabet(reader):
    every = named(("Alfa Uno", "", ""), ("Alfa Álamo", "", ""), ("Alfa Dos", "", ""))
    records.event().organizations.add(every["Alfa Uno"])
    records.membership(organization=every["Alfa Uno"])
    records.term(organization=every["Alfa Dos"])
    assert offered(reader, "alfa") == ["Alfa Uno", "Alfa Dos", "Alfa Álamo"]
    assert offered(reader, "")[0] == "Alfa Uno"
    records.membership(organization=every["Alfa Dos"])
    memberships = {"app_label": "sources", "model_name": "citation", "field_name": "membership"}
    expected = ["Membresía de Alfa Dos", "Membresía de Alfa Uno"]
    assert offered(reader, "alfa", memberships) == expected


def test_records_with_one_name_are_offered_with_their_slugs(reader):
    first, second = records.organization(name="Gemela"), records.organization(name="Gemela")
    assert offered(reader, "gemela") == [f"Gemela ({first.slug})", f"Gemela ({second.slug})"]


def test_a_picker_offers_records_only(admin):
    versions = {"app_label": "timeline", "model_name": "historicalevent"}
    address = versions | {"field_name": "history_user", "term": "a"}
    assert admin.get(PICKER, address).status_code == 403


def test_a_role_that_may_not_read_drafts_of_a_kind_is_told_no_name_of_them(editor):
    editor.user.groups.clear()
    rights = ("add_event", "change_event", "delete_event", "view_event", "publish_record")
    editor.user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    cited = records.event()
    records.statement(title="Secreto", publish_at=None).events.add(cited)
    records.organization(name="Secreto", publish_at=None)
    form = editor.post(address_of("add", Event), {"title": "x", "is_named_typed": "secret"})
    deletion = editor.get(address_of("delete", cited)).text
    assert "nada se llama «secret»" in form.text
    assert "Pronunciamiento que usted no puede ver" in deletion
    assert "Secreto" not in form.text + deletion


def test_pickers_stay_quick_in_a_large_record(admin, django_assert_max_num_queries):
    kept = {"publish_at": records.LONG_AGO}
    organizations = QuerySet(Organization).bulk_create(  # without versions
        Organization(slug=f"o-{n}", name=f"Organización número {n}", **kept) for n in range(2000)
    )
    events = QuerySet(Event).bulk_create(
        Event(slug=f"e-{n}", title=f"Se reúne la comisión {n}", category=records.category(), **kept)
        for n in range(20_000)
    )
    EventOrganization.objects.bulk_create(
        EventOrganization(event=event, organization=organizations[n % 2000])
        for n, event in enumerate(events)
    )
    for term in ("a", "comision 1999", "organizacion 7"):
        for of in (ORGANIZATIONS, EVENTS):
            began = process_time()
            with django_assert_max_num_queries(8):
                assert len(offered(admin, term, of)) <= 20
            assert process_time() - began < 2
    said = address_of("change", records.statement())
    for names, message in ((20, "«comisión 19»"), (20_000, "hasta 20 nombres")):
        typed = ";".join(f"comisión {n}" for n in range(names))
        began = process_time()
        assert message in problems(save(admin, said, events_typed=typed))
        assert process_time() - began < 4


# Without a script


def test_names_siglas_other_names_and_slugs_that_are_typed_are_found_on_saving(editor):
    every = named(*NAMES)
    kept, other = records.organization(name="La que ya estaba"), records.organization(name="7")
    event = records.event(publish_at=None)
    event.organizations.add(kept)
    typed = f"beta; ru\r\n centro de estudios únicos;;\r\n{other.slug}; BETA"
    save(editor, address_of("change", event), is_named_typed=typed)
    chosen = [every["Beta"], every["Red de Unidades"], every["Centro Alfa"], kept, other]
    assert {*event.organizations.all()} == {*chosen}
    save(editor, address_of("change", event), is_named=[other.pk])
    assert [*event.organizations.all()] == [other]
    save(editor, address_of("change", event), is_named=[])
    assert not event.organizations.exists()
    assert Organization.objects.count() == len(NAMES) + 2


def test_a_name_that_is_not_clear_is_asked_about_and_nothing_is_lost(editor):
    twins = [records.organization(name="Gemela", short_name=short) for short in ("G1", "G2")]
    nearly, sure = records.organization(name="Gemela Menor"), records.organization(name="Clara")
    event = records.event(publish_at=None)
    address = address_of("change", event)
    sent = {"title": "Otro título", "is_named_typed": "gemela; menor; zzz; clara"}
    page = save(editor, address, **sent)
    errors = problems(page)
    assert "Hay 2 organizaciones con el nombre «gemela»" in errors
    assert "nada se llama «menor» tal cual" in errors
    assert "nada se llama «zzz». Revise" in errors
    assert "gemela; menor; zzz</textarea>" in page.text
    assert "Otro título" in page.text
    assert f'value="{sure.pk}" checked' in page.text
    assert page.text.count('name="is_named_answer"') == 4
    assert not event.organizations.exists()
    sent |= {"is_named": [sure.pk], "is_named_typed": "gemela; menor"}
    answers = [f"{nearly.pk} menor"]
    assert "«gemela»" in problems(save(editor, address, **sent, is_named_answer=answers))
    answers += [f"{twins[1].pk} gemela", f"{sure.pk} gemela", "x", "\0 gemela"]
    assert save(editor, address, **sent, is_named_answer=answers).status_code == 302
    assert {*event.organizations.all()} == {twins[1], nearly, sure}


def test_the_picker_of_one_record_is_changed_by_a_name_and_required(publisher):
    membership = records.membership(organization=records.organization(name="Alfa"))
    address = address_of("change", membership)
    gama = records.organization(name="Gama; hoy Delta")
    assert save(publisher, address, organization_typed="gama; HOY delta").status_code == 302
    membership.refresh_from_db()
    assert membership.organization == gama
    assert "Este campo es obligatorio" in problems(save(publisher, address, organization=""))
    assert Organization.objects.count() == 2


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "\0", "0"])
def test_a_key_of_no_record_is_an_error_of_the_form(editor, key):
    event = records.event(publish_at=None)
    assert "válida" in problems(save(editor, address_of("change", event), is_named=[key]))


def test_nothing_is_edited_or_deleted_from_a_picker(admin):
    records.membership(replaces=records.organization())
    for of in (records.event(), records.membership(), records.term(), records.organization()):
        page = admin.get(address_of("change", of)).text
        assert 'class="picker"' in page
        assert "related-widget-wrapper" not in page


# With the script


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_typing_offers_ticks_and_enter_takes_the_first_without_saving(page, live_server):
    every = named(*NAMES)
    event = records.event(publish_at=None)
    User.objects.create_superuser("eva", password="only for tests")
    log_in(page, live_server.url, "eva")
    address = live_server.url + address_of("change", event)
    page.goto(address)
    row = page.locator(".field-is_named")
    field, ticks = row.locator("textarea"), row.get_by_role("checkbox")
    field.press_sequentially("bet")
    expect(row.get_by_role("status")).to_have_text("Entrar marca «Beta».")
    field.press("Enter")
    expect(ticks).to_have_count(1)
    expect(field).to_be_focused()
    field.press_sequentially("estudios")
    row.get_by_role("checkbox", name="también llamada «Centro de Estudios").check()
    expect(row.get_by_role("checkbox", checked=True)).to_have_count(2)
    field.press_sequentially("zzz")
    expect(row.get_by_role("status")).to_have_text("Nada se llama así.")
    field.press("Enter")
    assert page.url == address
    field.fill("")
    expect(page.locator("#unsaved")).to_contain_text("Nombradas")
    row.get_by_role("checkbox", name="Beta").uncheck()
    with page.expect_navigation():
        page.locator("[name=_continue]").click()
    assert [*event.organizations.all()] == [every["Centro Alfa"]]
    page.goto(live_server.url + address_of("change", every["Beta"]))
    page.locator("#memberships-group").get_by_role("button", name="Agregar aquí").click()
    row = page.locator("#memberships-0 .field-replaces")  # a copy of the row that is hidden
    for count, typed in enumerate(("red de", "comunidad"), 1):
        row.locator("[name$=_typed]").press_sequentially(typed)
        row.get_by_role("checkbox", checked=False).check()
        expect(row.get_by_role("checkbox", checked=True)).to_have_count(count)
    page.get_by_label("Por qué este cambio").fill("por probar")
    with page.expect_navigation():
        page.locator("[name=_continue]").click()
    replaced = every["Beta"].memberships.get().replaces
    assert replaced.count() == 2
    assert every[COMMUNITY] in replaced.all()
