"""The forms of the staff save the values that were written, and explain errors in Spanish next to
their fields, also when two people save at the same moment."""

from datetime import datetime
from time import process_time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models
from django.urls import reverse

from editing.admin import RecordAdmin
from organizations.models import Membership, Organization, RepresentationTerm
from sources.forms import source_field
from sources.models import Citation, Source
from tests import records
from tests.records import MAKERS
from tests.staff import QUOTE, address_of, draft, problems, quote, save, written
from timeline.models import Event, Statement

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
FILLED: dict[type[models.Model], dict[str, Any]] = {
    Source: {"title": "Otra fuente", "text": "Un párrafo.\r\nOtro.\r\n"},
    Organization: {"name": "Organización Ñandú", "website": "https://example.org/"},
    Event: {
        "title": "Se firmó el acuerdo",
        "category": records.WORDS["acuerdo"],
        "start": "agosto de 2011",
    },
    Statement: {
        "title": "Lo que dijo",
        "kind": records.WORDS["posicionamiento"],
        "date": "11/08/2011",
    },
    Membership: {},
    RepresentationTerm: {"role": "representative"},
}
SLUGS = {
    Source: "otra-fuente",
    Organization: "organizacion-nandu",
    Event: "se-firmo-el-acuerdo",
    Statement: "lo-que-dijo",
    Membership: "alfa",
}


@pytest.fixture
def source() -> Source:
    return records.source()


def filled(model: type[models.Model]) -> dict[str, Any]:
    if model not in (Membership, RepresentationTerm):
        return FILLED[model]
    alfa = Organization.objects.filter(slug="alfa").first()
    alfa = alfa or draft(records.organization, slug="alfa")
    return FILLED[model] | {"organization": alfa.pk}


# Values are saved as written


@pytest.mark.parametrize("model", SLUGS)
def test_a_record_is_added_through_its_form_with_a_slug_of_its_own(
    model: Any, admin: Any, source: Source
) -> None:
    for number in ("", "-2"):
        assert save(admin, address_of("add", model), **filled(model)).status_code == 302
        record = model.objects.latest("pk")
        assert record.slug == SLUGS[model] + number
        assert record.is_draft()
    twin = save(admin, address_of("add", model), **filled(model) | {"slug": record.slug})
    assert "Otro registro tiene ya este identificador" in problems(twin)
    if model is Source:
        assert record.text == "Un párrafo.\nOtro.\n"


def test_a_new_organization_with_the_name_of_another_is_asked_about_after_it_is_saved(
    admin: Any,
) -> None:
    records.organization(slug="tm", name="Transparencia Mexicana", other_names="T. M.")
    address = address_of("add", Organization)
    for name, short_name, is_asked in (
        ("transparencia  mexicana", "", True), ("Otra", "TM", True), ("Nueva", "N", False)
    ):  # fmt: skip
        values = written(admin.get(address)) | {"name": name, "short_name": short_name}
        page = admin.post(address, values, follow=True)
        assert ("¿Es otra que ya está?" in page.content.decode()) == is_asked, name


def test_a_start_that_says_from_when_to_when_fills_an_empty_end(admin: Any) -> None:
    values = FILLED[Event] | {"start": "del 3 al 5 de mayo de 2017"}
    page = save(admin, address_of("add", Event), **values, end="2017")
    assert "una sola fecha" in page.content.decode()
    assert "son varias fechas" in problems(page)
    assert save(admin, address_of("add", Event), **values, slug="De-3-a-5").status_code == 302
    columns = Event.objects.values_list("slug", "start", "end")
    assert columns.get() == ("de-3-a-5", "2017-05-03", "2017-05-05")


def test_memberships_terms_and_citations_are_added_on_the_organization(
    admin: Any, source: Source
) -> None:
    organization = draft(records.organization, slug="alfa")
    rows = {
        "memberships-TOTAL_FORMS": 2, "memberships-0-start": "2011", "memberships-0-end": "2012",
        "memberships-1-start": "2015", "terms-TOTAL_FORMS": 2, "terms-0-role": "representative",
        "terms-0-order": 3, "terms-0-start": "2011", "terms-0-end": "2012",
        "terms-1-role": "co_representative", "terms-1-order": 1,
    }  # fmt: skip
    address = address_of("change", organization)
    response = save(admin, address, **rows, **quote(organization, field="name"))
    assert response.status_code == 302
    assert sorted(m.slug for m in organization.memberships.all()) == ["alfa", "alfa-2"]
    assert organization.terms.get(order=3).slug == "representante-3"
    assert organization.terms.count() == 2
    assert organization.citations.get().get_field_display() == "nombre"


@pytest.mark.parametrize("make", [*MAKERS, lambda source: records.citation(draft(), source=source)])
def test_a_record_saved_unchanged_stays_the_same(make: Any, admin: Any, source: Source) -> None:
    record = make() if make in MAKERS else make(source)

    def values() -> dict[str, Any]:
        """The columns with moments to the second, but for `updated_at`."""
        columns = type(record).objects.filter(pk=record.pk).values().get() | {"updated_at": None}
        return {
            name: value.replace(microsecond=0) if isinstance(value, datetime) else value
            for name, value in columns.items()
        }

    before = values()
    assert save(admin, address_of("change", record)).status_code == 302
    assert values() == before


def test_a_form_shows_dates_in_spanish_and_saves_relations_and_citations(
    admin: Any, source: Source
) -> None:
    event, organization = records.event(start="2011-08"), records.organization()
    address = address_of("change", event)
    form = admin.get(address).text
    assert 'value="agosto de 2011"' in form
    assert "picker" in form
    for label in ("Todo el registro", "Inicio: no antes de", "Convocan", "Resumen"):
        assert f">{label}</option>" in form
    changes = {"start": "entre agosto de 2011 y febrero de 2015", "is_named": organization.pk}
    save(admin, address, **changes, **quote(event, field="start_latest"))
    event.refresh_from_db()
    assert event.start == "[2011-08..2015-02]"
    assert list(event.organizations.all()) == [organization]
    assert event.citations.get().field == "start_latest"


def test_a_citation_is_added_for_a_chosen_kind_of_record(admin: Any, source: Source) -> None:
    assert "?apoya=statement" in admin.get(address_of("add", Citation)).text
    statement = records.statement()
    address = address_of("add", Citation) + "?apoya=statement"
    assert problems(save(admin, address, exact=QUOTE, source=source.pk))
    response = save(admin, address, exact=QUOTE, source=source.pk, statement=statement.pk)
    assert response.status_code == 302
    assert statement.citations.get().source == source


def test_checking_saves_nothing_and_shows_how_all_is_read(admin: Any, source: Source) -> None:
    changes = {"start": "antes de 2015", "_check": "1"} | quote(None)
    response = save(admin, address_of("add", Event), **FILLED[Event] | changes)
    for words in ("Nada de esto está guardado todavía", "No después del", "una sola vez"):
        assert words in response.text
    assert not Event.objects.exists()


# Errors

WRONG = [
    (Event, {"start": "30 de febrero de 2017"}, "febrero de 2017 tiene 28 días"),
    (Event, {"start": "2017-13"}, "no hay mes 13"),
    (Event, {"start": "x" * 10_000}, "es demasiado larga"),
    (Event, {"start": "2017", "end": "2016"}, "no puede ser anterior"),
    (Event, {"title": "x" * 10_000}, "200 caracteres"),
    (Event, {"title": "con \0 nulo"}, "nulos"),
    (Event, {"summary": "con \0 nulo"}, "nulos"),
    (Event, {"body": "<p>con \0 nulo</p>"}, "nulos"),
    (Event, {"slug": "no vale"}, "Identificador"),
    (Event, {"is_named": ["x"]}, "Nombradas"),
    (Organization, {"website": "javascript:alert(1)"}, "https://"),
    (Event, quote(None, exact="no está ahí"), "No está en la fuente"),
    (Event, quote(None, exact="organizaciones"), "Una sola palabra"),
    (Event, quote(None, exact="la Red"), "veces"),
    (Event, quote(None, exact="con \0 nulo"), "nulos"),
    (Event, quote(None, exact="x " * 5000), "5000 caracteres"),
    (Event, quote(None, source="99999999999999999999"), "Fuente"),
    (Event, quote(None, field="slug"), "De qué dato habla"),
]


def test_bad_input_is_refused_beside_its_field(admin: Any, source: Source) -> None:
    for model, fields, reason in WRONG:
        response = save(admin, address_of("add", model), **FILLED[model] | fields)
        assert reason in problems(response), fields
        assert "No se guardó nada" in response.text
        assert not model.objects.exists()
        assert not Citation.objects.exists()


def test_a_membership_does_not_replace_itself(admin: Any) -> None:
    organization = records.organization()
    row = {"TOTAL_FORMS": 1, "0-organization": organization.pk, "0-replaces": organization.pk}
    changes = {f"memberships-{name}": value for name, value in row.items()}
    response = save(admin, address_of("change", organization), **changes)
    assert "no se sustituye a sí misma" in response.text


def test_the_summary_of_errors_leads_to_the_fields(admin: Any, source: Source) -> None:
    wrong = {"start": "2017-13"} | quote(None, exact="no está")
    response = save(admin, address_of("add", Event), **wrong)
    fields = {problem.get("field") for problem in response.context["problems"]}
    assert fields == {"id_title", "id_category", "id_start", "id_citations-0-exact"}
    for field in fields:
        assert f'href="#{field}"' in response.text
        assert f'id="{field}"' in response.text
    assert "Corrija 4 puntos" in response.text


def test_odd_addresses_and_forms_are_refused_without_a_500(admin: Any, source: Source) -> None:
    huge, events = "9" * 4400, address_of("changelist", Event)
    for address in (
        f"{events}?slug__regex=(",
        f"{address_of('add', Event)}?publish_at=abc",
        f"{address_of('add', Event)}?unpublish_at=abc",
        f"/admin/leer/cita/?fuente={huge}&texto=x",
        f"{events}?o={huge}",
        f"{address_of('changelist', User)}?q={'a ' * 3000}",
    ):
        assert admin.get(address).status_code < 500, address[:80]
    form = address_of("change", records.event())
    for fields in (
        {"publish_at_0": "31/12/9999", "publish_at_1": "23:59:59"},
        {"is_named": ["9" * 50]},
        {"_saveasnew": "1"},
    ):
        assert save(admin, form, **fields).status_code < 500, fields
    for key in ("abc", "9" * 50):
        chosen = {"action": "delete_selected", "_selected_action": key}
        assert admin.post(events, chosen).status_code == 400


@pytest.mark.parametrize("rows", ["citations", "memberships", "terms"])
def test_more_rows_than_fit_are_refused_before_they_are_made(
    rows: str, admin: Any, source: Source
) -> None:
    organization = records.organization()
    began = process_time()
    page = save(admin, address_of("change", organization), **{f"{rows}-TOTAL_FORMS": 100_000})
    assert "Son demasiados renglones: en total caben 50" in problems(page)
    assert process_time() - began < 1.5, "the form is opened and sent, each in half a second"


def test_a_source_that_is_deleted_while_a_form_is_checked_is_refused(source: Source) -> None:
    field = source_field()
    assert field.clean(source.pk) == source
    field = source_field()
    assert [*field.choices]
    Source.objects.all().delete()
    with pytest.raises(ValidationError):
        field.clean(source.pk)


# At the same moment

TERM = {"start": "2012", "end": "2014"}


@pytest.mark.parametrize(
    ("model", "rival", "fields", "problem"),
    [
        (Event, lambda: records.event(slug="acuerdo"), {"slug": "acuerdo"}, "Identificador"),
        (Event, lambda: records.event(slug="se-firmo-el-acuerdo"), {}, None),
        (RepresentationTerm, lambda: records.term(start="2011", end="2013"), TERM, "Se traslapa"),
    ],
    ids=["a slug", "a generated slug", "a term"],
)
def test_what_is_saved_at_the_same_moment_is_a_form_error_or_the_next_number(
    model: Any, rival: Any, fields: dict, problem: str | None, admin: Any, source: Source,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    _somebody_saves_first(monkeypatch, rival)
    response = save(admin, address_of("add", model), **filled(model) | fields)
    if problem:
        assert problem in problems(response)
    else:
        assert response.status_code == 302
        assert Event.objects.filter(slug="se-firmo-el-acuerdo-2").exists()


def _somebody_saves_first(monkeypatch: pytest.MonkeyPatch, rival: Any) -> None:
    """Calls `rival` between the validation of a form and its saving, once. The row stays when the
    transactions around it are rolled back, because `rival` is called again."""
    save_model, rollback, waiting = RecordAdmin.save_model, connection.savepoint_rollback, [rival]

    def late(self: Any, request: Any, obj: Any, form: Any, change: bool) -> None:
        if waiting:
            waiting.pop()()
            monkeypatch.setattr(connection, "savepoint_rollback", then_again)
        save_model(self, request, obj, form, change)

    def then_again(sid: str) -> None:
        rollback(sid)
        rival()

    monkeypatch.setattr(RecordAdmin, "save_model", late)


def test_what_collides_again_and_again_is_not_saved_and_not_lost(
    admin: Any, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(RecordAdmin, "save_model", never)
    response = save(admin, address_of("add", Event), **FILLED[Event])
    assert "alguien guardó al mismo tiempo" in response.text
    assert "Se firmó el acuerdo" in response.text


# Correcting a source


def test_a_corrected_text_asks_for_the_words_of_the_quotes_it_breaks(
    admin: Any, source: Source
) -> None:
    """A text that breaks none is saved at once."""
    citation = records.citation(records.event(), "decidieron sumarse a la Red", source=source)
    address, position = address_of("change", source), citation.position
    longer = "Algo antes. Otras decidieron ir. " + source.text
    assert save(admin, address, text=longer).status_code == 302
    citation = Citation.objects.select_related("source").get()
    assert citation.position == position + len("Algo antes. Otras decidieron ir. ")

    corrected = longer.replace("decidieron sumarse a", "resolvieron sumarse a")
    asked = save(admin, address, text=corrected)
    assert "se romperían citas" in problems(asked)
    requotes = asked.context["adminform"].form.requotes
    assert [field.value() for field in requotes] == ["resolvieron sumarse a la Red"]
    source.refresh_from_db()
    assert source.text == longer

    twice = f"No decidieron sumarse a la Red.\n{longer}"
    (field,) = save(admin, address, text=twice).context["adminform"].form.requotes
    assert field.value() == "decidieron sumarse a la Red. Hasta"

    name = requotes[0].html_name
    for words in ("no está", "resolvieron", ""):
        assert "En vez de" in problems(admin.post(address, written(asked) | {name: words}))
    assert admin.post(address, written(asked)).status_code == 302
    citation.refresh_from_db()
    assert citation.exact == "resolvieron sumarse a la Red"
    assert citation.source.text == corrected

    assert save(admin, address, text=corrected.replace("la Red", "LA RED")).status_code == 302
    told = admin.get(address_of("changelist", Source)).text
    assert "«resolvieron sumarse a la Red» es ahora «resolvieron sumarse a LA RED»" in told


# How dates and quotes are read


def test_a_date_is_read_as_it_will_be_stored(reader: Any) -> None:
    def reading(words: str) -> str:
        return reader.get(reverse("admin:read_date"), {"texto": words}).text

    read = reading("entre agosto de 2011 y febrero de 2015")
    assert "No antes del 1 de agosto de 2011 ni después del 28 de febrero de 2015" in read
    assert "la fuente no lo dice" in reading("")
    for words in ("30 de febrero de 2017", "x" * 10_000, "<script>"):
        assert "no es una fecha posible" in reading(words)
        assert "<script>" not in reading(words)


def test_a_quote_is_read_against_its_source(reader: Any, source: Source) -> None:
    def reading(words: str, number: Any = source.pk) -> str:
        query = {"fuente": number, "texto": words}
        return " ".join(reader.get(reverse("admin:read_quote"), query).text.split())

    once = reading("decidieron  sumarse")
    assert "✓ Está en la fuente, una sola vez." in once
    assert "Tres de ellas <mark>decidieron sumarse</mark> a la Red." in once
    assert source.get_absolute_url() in once
    twice = reading("la Red")
    assert "Está 2 veces en la fuente; una cita señala un solo lugar." in twice
    assert twice.count("<mark>") == 2
    assert 'data-use="la Red de"' in twice
    missing = reading("Tres de ellos decidieron unirse")
    assert "No está en la fuente «La fuente». Copie las palabras sin cambiar nada." in missing
    for part in ("ellos</del>", "ellas</ins>", 'data-use="Tres de ellas decidieron sumarse"'):
        assert part in missing
    assert "demasiadas" in reading("x " * 5000)
    for number in ("", "x", "999", "9" * 30, "²"):
        assert "Elija la fuente" in reading(QUOTE, number)
