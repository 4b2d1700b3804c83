"""The reading desk without its script: choosing sentences, making records of them with their proof,
marking sentences without facts, taking a save back; rights, long sources and other people."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from lxml import html

from desk.models import PendingChange
from organizations.models import Membership, Organization, RepresentationTerm
from sources.models import Citation, Source
from tests import records
from tests.staff import draft
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
CONVENED, JOINED, LEFT = 3, 4, 7
"""The numbers of sentences in the text of `records`."""


class Sheet:
    """The desk in a browser without scripts: its fields as they would be sent."""

    def __init__(self, person: Any, answer: Any) -> None:
        self.person, self.answer, self.text = person, answer, answer.text
        self.form = html.fromstring(self.text).get_element_by_id("desk-form")
        self.address = answer.request["PATH_INFO"] + self.form.action
        self.fields: dict[str, list[str]] = {}
        for field in self.form.inputs:
            is_tick = getattr(field, "checkable", False)
            values = [field.get("value")] if is_tick else [field.value]
            values = [] if is_tick and not field.checked else values
            for value in values if (field.name and field.value is not None) or is_tick else ():
                self.fields.setdefault(field.name, []).append(value.removeprefix("\n"))

    def press(self, button: str, value: str = "1", **changes: Any) -> "Sheet":
        sent = self.fields | {name.replace("__", "-"): each for name, each in changes.items()}
        return follow(
            self.person, self.person.post(self.address, sent | {button: value}, follow=True)
        )

    def go(self, words: str, **changes: Any) -> "Sheet":
        """Presses the button of the choice whose name begins with these words."""
        buttons = self.form.xpath(".//button[@name='go']")
        (value,) = {b.get("value") for b in buttons if b.text_content().split() == words.split()}
        return self.press("go", value, **changes)

    def words(self, name: str) -> str:
        """The text of the element with this id; empty if there is none."""
        found = html.fromstring(self.text).xpath(f"//*[@id='{name}']")
        return " ".join(found[0].text_content().split()) if found else ""


def follow(person: Any, answer: Any) -> Sheet:
    assert answer.status_code in (200, 409), answer.status_code
    return Sheet(person, answer)


def desk(person: Any, source: Source, query: str = "") -> Sheet:
    return follow(
        person, person.get(reverse("admin:sources_source_desk", args=[source.pk]) + query)
    )


@pytest.fixture
def source() -> Source:
    return records.source(publish_at=None)


def proof(record: Any) -> set[tuple[str, str]]:
    return {*record.citations.values_list("exact", "field")}


def test_an_event_is_made_of_two_quotes_with_three_ticks(editor: Any, source: Source) -> None:
    sheet = desk(editor, source, f"?o={CONVENED}").go(f"sumar la oración {JOINED}")
    assert "¿Qué prueban estas 2 citas?" in sheet.text
    sheet = sheet.press(
        "save", "next", title="Convocatoria", category=records.WORDS["acuerdo"],
        start="mayo de 2012", words__0="En mayo de 2012 se convocó a cuatro organizaciones",
        proves__0=["start", "summary"], proves__1=[""],
    )  # fmt: skip
    event = Event.objects.get()
    assert (event.title, event.start, event.slug) == ("Convocatoria", "2012-05", "convocatoria")
    assert event.is_draft()
    assert proof(event) == {
        ("En mayo de 2012 se convocó a cuatro organizaciones", "start"),
        ("En mayo de 2012 se convocó a cuatro organizaciones", "summary"),
        ("Tres de ellas decidieron sumarse a la Red", ""),
    }
    assert event.history.count() == 1
    assert "Guardado como borrador: Acontecimiento: Convocatoria, con 2 citas." in sheet.words(
        "saved"
    )
    assert "o=5&hecho=acontecimiento" in sheet.address


def test_an_organization_is_made_with_its_membership_by_one_save(
    editor: Any, source: Source
) -> None:
    records.organization(slug="red", name="La Red de Prueba")
    sheet = desk(editor, source, f"?o={JOINED}&hecho=organizacion")
    sheet = sheet.press(
        "save", "another", name="Gama", also="membership", membership__start="2012",
        membership__start_label="Tres de ellas", proves__0=["", "membership-start"],
    )  # fmt: skip
    organization = Organization.objects.get(name="Gama")
    (membership,) = organization.memberships.all()
    words = "Tres de ellas decidieron sumarse a la Red"
    assert (membership.start, membership.start_label) == ("2012", "Tres de ellas")
    assert proof(organization) == {(words, "")}
    assert proof(membership) == {(words, "start")}
    assert f"?o={JOINED}&hecho=organizacion" in sheet.address
    sheet = sheet.press("save", "next", name="Delta", also="membership")
    assert proof(Membership.objects.get(organization__name="Delta")) == {(words, "")}


def test_a_hand_over_and_a_replacement_write_both_records(publisher: Any, source: Source) -> None:
    alfa, beta = (records.organization(name=n, publish_at=None) for n in ("Alfa", "Beta"))
    before = records.term(organization=alfa, start="2012")
    sheet = desk(publisher, source, "?o=5&hecho=periodo")
    sheet.press(
        "save", "next", organization=str(beta.pk), role="representative", start="2014",
        ends=str(before.pk), ends__end="2014", proves__0=["start", "ends-end"],
    )  # fmt: skip
    after = RepresentationTerm.objects.get(organization=beta)
    before.refresh_from_db()
    words = "Hasta hoy la representación ha estado a cargo de: Alfa Beta"
    assert (before.end, after.start) == ("2014", "2014")
    assert proof(before) == {(words, "end")}
    assert proof(after) == {(words, "start")}
    left = records.membership(organization=alfa, start="2012")
    sheet = desk(publisher, source, "?o=5&hecho=membresia")
    sheet.press(
        "save", "next", organization=str(beta.pk), ends=str(left.pk), ends__end="2013 o antes",
        proves__0=["", "ends-end"],
    )  # fmt: skip
    left.refresh_from_db()
    assert left.end == "[..2013]"
    assert [*Membership.objects.get(organization=beta).replaces.all()] == [alfa]


def test_a_record_that_exists_takes_another_quote(editor: Any, source: Source) -> None:
    event = draft(title="La Red sale", summary="Sale.", start="2012")
    records.citation(event, "La Red anunció", source=source, field="start")
    sheet = desk(editor, source, f"?o={LEFT}&hecho=existente").press(
        "go", f"o={LEFT}&hecho=existente", buscar="red sale"
    )
    assert "La Red sale" in sheet.words("offers")
    sheet = sheet.go("La Red sale")
    assert "ya tiene cita 1" in sheet.text
    assert "sin cita hasta ahora" in sheet.text
    assert sheet.fields["summary"] == ["Sale."]
    sheet = sheet.press("save", "next", proves__0=["summary"], summary="Anuncia su salida.")
    event.refresh_from_db()
    assert event.summary == "Anuncia su salida."
    assert proof(event) == {("La Red anunció", "start"), ("La Red anunció su salida", "summary")}
    assert event.history.count() == 2
    undone = sheet.press("undo", saved(sheet))
    event.refresh_from_db()
    assert "Deshecho" in undone.text
    assert event.summary == "Sale."
    assert proof(event) == {("La Red anunció", "start")}


def saved(sheet: Sheet) -> str:
    return html.fromstring(sheet.text).xpath("//button[@name='undo']")[0].get("value")


def test_a_save_is_taken_back_by_its_author_while_nobody_changed_it(
    editor: Any, publisher: Any, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = desk(editor, source, f"?o={LEFT}&hecho=organizacion")
    sheets = [
        sheet.press("save", "next", name=name, also="membership") for name in ("A", "B", "C", "D")
    ]
    other = Sheet(publisher, sheets[0].answer)
    assert "Ya no se puede deshacer" in other.press("undo", saved(sheets[0])).text
    assert "Deshecho" in sheets[0].press("undo", saved(sheets[0])).text
    Organization.objects.get(name="B").save()
    records.event().organizations.add(Organization.objects.get(name="D"))
    assert "Ya no se puede deshacer" in sheets[3].press("undo", saved(sheets[3])).text
    assert "Ya no se puede deshacer" in sheets[1].press("undo", saved(sheets[1])).text
    monkeypatch.setattr("desk.desk.UNDONE_WITHIN", -1)
    assert "Ya no se puede deshacer" in sheets[2].press("undo", saved(sheets[2])).text
    assert {*Organization.objects.values_list("name", flat=True)} == {"B", "C", "D"}
    assert Membership.objects.count() == 3


def test_a_public_record_stays_as_it_is_until_its_change_is_published(
    editor: Any, source: Source
) -> None:
    event = records.event(title="La Red sale", summary="Sale.")
    sheet = desk(editor, source, f"?o={LEFT}&hecho=existente&registro=event-{event.pk}")
    assert "El cambio se guarda aparte" in sheet.words("existing")
    sheet = sheet.press("save", "next", summary="Anuncia su salida.", proves__0=["summary"])
    event.refresh_from_db()
    assert event.summary == "Sale."
    change = PendingChange.objects.get()
    assert change.changes == {"summary": ["Sale.", "Anuncia su salida."]}
    assert [quote["field"] for quote in change.quotes] == ["summary"]
    assert "Queda por publicar" in sheet.words("saved")
    assert "1 borrador" in sheet.words(f"o{LEFT}")
    other = desk(editor, source, f"?o=8&hecho=existente&registro=event-{event.pk}")
    other = other.press("save", "next", proves__0=["location"], location="Aquí")
    other.press("undo", saved(other))
    assert PendingChange.objects.get().changes == {"summary": ["Sale.", "Anuncia su salida."]}
    sheet.press("undo", saved(sheet))
    assert not PendingChange.objects.exists()


def test_a_member_of_the_public_record_joins_as_a_draft_and_leaves_when_its_source_is_published(
    editor: Any, source: Source
) -> None:
    alfa = records.organization(name="Alfa")
    sheet = desk(editor, source, "?o=5&hecho=membresia")
    sheet.press("save", "next", organization=str(alfa.pk), proves__0=[""])
    assert Membership.objects.get().is_draft()
    left = records.membership(organization=records.organization(name="Beta"), start="2012")
    sheet = desk(editor, source, f"?o={LEFT}&hecho=existente&registro=membership-{left.pk}")
    sheet.press("save", "next", end="2013", proves__0=["end"])
    left.refresh_from_db()
    assert left.end == ""
    assert PendingChange.objects.get().changes == {"end": ["", "2013"]}


def test_each_bound_of_a_date_takes_a_proof(editor: Any, source: Source) -> None:
    sheet = desk(editor, source, "?o=4&hecho=membresia")
    assert 'value="start_latest"' not in sheet.text
    alfa = str(records.organization(name="Alfa").pk)
    sheet = sheet.press("_check", organization=alfa, start="entre 2011 y 2012")
    assert 'value="start_latest"' in sheet.text
    sheet.press("save", "next", proves__0=["start_latest"])
    assert [field for _words, field in proof(Membership.objects.get())] == ["start_latest"]


def test_a_sentence_without_facts_is_marked_read_and_unmarked(editor: Any, source: Source) -> None:
    sheet = desk(editor, source, "?o=8")
    (button,) = sheet.form.xpath(".//button[@name='factless']")
    assert "3 de 8 oraciones leídas" in sheet.text
    sheet = sheet.press("factless", button.get("value"))
    assert "4 de 8 oraciones leídas" in sheet.text
    assert "sin hechos" in sheet.words("o8")
    assert "o=3" in sheet.address
    assert "3 de 8" in sheet.press("factless", button.get("value")).text
    assert "3 de 8" in sheet.press("factless", "0" * 64).text


def test_a_new_organization_that_may_be_an_old_one_says_so(editor: Any, source: Source) -> None:
    old = records.organization(name="Red de Pruebas")
    sheet = desk(editor, source, "?o=4&hecho=organizacion")
    sheet = sheet.press("_check", name="Red de Prueba")
    assert "¿Ya está en el registro? Red de Pruebas" in sheet.words("doubles")
    assert f"registro=organization-{old.pk}" in sheet.go("Red de Pruebas").address


def test_what_was_typed_survives_another_sentence_and_another_kind(
    editor: Any, source: Source
) -> None:
    typed = {"title": "A medias", "summary": "Algo.", "proves__0": ["summary"], "words__0": "mayo"}
    sheet = desk(editor, source, "?o=3").go("sumar la oración 4", **typed)
    sheet = sheet.go("Organización").go("Acontecimiento").go("soltar la oración 4")
    assert sheet.fields["proves-0"]
    for name, value in (("title", "A medias"), ("summary", "Algo."), ("words-0", "mayo")):
        assert sheet.fields[name] == [value], name
    assert sheet.fields["o"] == ["3"]
    assert "choosing" in sheet.text
    whole = sheet.go("Ver todo el texto")
    assert "choosing" not in whole.text
    assert whole.fields["title"] == ["A medias"]
    assert "soltar" in sheet.words("o3")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"words__0": "Cuatro de ellas decidieron"}, "Usar las palabras de la fuente"),
        ({"words__0": "Red"}, "Usar las palabras de la fuente"),
        ({"proves__0": []}, "Marque qué dato prueba"),
        ({"start": "30/02/2017"}, "30/02/2017"),
        ({"date_label": "a mediados de año"}, "Ninguna fuente citada dice"),
        ({"title": ""}, "obligatorio"),
    ],
)
def test_what_is_refused_is_said_beside_its_field_and_nothing_is_lost(
    editor: Any, source: Source, changes: dict[str, Any], said: str
) -> None:
    typed = {"title": "Se suman", "category": records.WORDS["acuerdo"], "summary": "Tres."}
    sheet = desk(editor, source, "?o=4").press("save", "next", **typed | changes)
    assert said in sheet.text
    assert sheet.fields["summary"] == ["Tres."]
    assert sheet.words("problems")
    assert not Event.objects.exists()
    assert not Citation.objects.exists()


def test_words_of_the_source_replace_words_that_are_not(editor: Any, source: Source) -> None:
    sheet = desk(editor, source, "?o=4").press("_check", words__0="Tres de ella decidieron sumarse")
    sheet = sheet.press("use", "0", words__0="Tres de ella decidieron sumarse")
    assert sheet.fields["words-0"] == ["Tres de ellas decidieron sumarse"]
    form = desk(editor, source, "?o=4&hecho=acontecimiento")
    sheet = form.press(
        "save", "next", title="Tres se suman", category=records.WORDS["acuerdo"],
        words__0="tres de ellas decidieron su-\nmarse", proves__0=[""],
    )  # fmt: skip
    assert "Cita 1: solo difería en mayúsculas." in sheet.text
    assert Citation.objects.get().exact == "Tres de ellas decidieron sumarse"


def test_two_people_on_one_draft_lose_nothing(editor: Any, publisher: Any, source: Source) -> None:
    event = draft(title="La Red sale", summary="Sale.", location="Aquí")
    query = f"?o={LEFT}&hecho=existente&registro=event-{event.pk}"
    mine = desk(editor, source, query)
    desk(publisher, source, query).press("save", "next", summary="Salió.", proves__0=["summary"])
    sheet = mine.press("save", "next", summary="Anuncia que sale.", proves__0=["summary"])
    assert sheet.answer.status_code == 409
    assert "publisher escribió" in sheet.text
    assert sheet.fields["summary"] == ["Anuncia que sale."]
    sheet = sheet.press("_use", "now summary")
    assert sheet.fields["summary"] == ["Salió."]
    sheet.press("save", "next", summary="Anuncia que sale.")
    event.refresh_from_db()
    assert event.summary == "Anuncia que sale."


def test_a_reader_sees_the_text_alone_and_writes_nothing(
    reader: Any, keeper: Any, visitor: Any, source: Source
) -> None:
    address = reverse("admin:sources_source_desk", args=[source.pk])
    page = reader.get(f"{address}?o=3&hecho=existente")
    assert "En mayo de 2012" in page.text
    for words in ("usar", "sumar", "Guardar", "Publicar todo"):
        assert f">{words}" not in page.text
    for data in ({"save": "next"}, {"factless": "0"}, {"undo": "x"}):
        assert reader.post(f"{address}?o=3", data).status_code == 403
    assert keeper.get(address).status_code == 403
    assert visitor.get(address).status_code == 302
    assert reader.get(reverse("admin:sources_source_desk", args=[99])).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "?o=0&o=-1&o=99&o=a&o=3:9-2&o=3:1-99999999&o=&hecho=x&desde=x&guardado=x",
        "?hecho=existente&registro=event-1&o=3",
        "?hecho=existente&registro=x-1&o=3:2-3",
        "?o=1&o=1&desde=999999",
        "?" + "&".join(f"o=3:{n}-9" for n in range(1, 60)),
    ],
)
def test_an_address_that_makes_no_sense_shows_the_text(
    editor: Any, source: Source, query: str
) -> None:
    assert "En mayo de 2012" in desk(editor, source, query).text


def test_a_long_source_costs_as_many_queries_and_few_bytes(editor: Any, source: Source) -> None:
    long = records.source(
        slug="long", text="\n".join(f"Esto es lo que dice el renglón {n}." for n in range(3000))
    )
    sizes, queries = [], []
    for each in (source, long):
        event = draft()
        for words in ("En mayo de 2012", "Tres de ellas") if each == source else ("renglón 7.",):
            records.citation(event, words, source=each)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            sheet = desk(editor, each, "?o=4&hecho=organizacion")
        sizes.append(len(sheet.text.encode()))
        queries.append(len(captured))
    assert queries[1] <= queries[0]
    assert sizes[1] < 300_000
    assert "1 de 3,000 oraciones leídas" in sheet.text
    assert 90 <= len(sheet.form.xpath(".//*[@data-sentence]")) <= 110
    assert "renglón 120." in sheet.go("Las oraciones que siguen").text
    assert "elegida" in desk(editor, long, "?o=2990").words("o2990")
