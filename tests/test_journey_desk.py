"""A member of the staff takes a communiqué from its file to public facts, in few gestures."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import expect

from sources.models import Citation
from tests.gestures import Person
from tests.login import log_in
from timeline.models import Statement

MOST_LOADS, MOST_CLICKS, MOST_FIELDS = 12, 70, 35
FOLDER = Path(__file__).parent / "communique"
KINDS = {
    "organizations": "organization",
    "memberships": "membership",
    "terms": "representation_term",
    "events": "event",
    "statement": "statement",
}
AGREED = "acordaron que SocialTIC asumiera la representación del Núcleo"
UNTIL = "que hasta ese día estuvo a cargo de Cultura Ecológica"
CO_TERM = "La co-representación quedó a cargo de Fundar"
JOINED = "que es integrante del Núcleo desde el 1 de mayo de 2018"
APPROVED = "se aprobó la incorporación del Laboratorio de Datos Públicos"
LEFT = "efectiva el 30 de abril de 2018"
SIGNED = "firmaron un acuerdo de colaboración para dar seguimiento, en cinco estados, a los"
DAY = "9 de abril de 2018"


def expected() -> Counter[tuple[str, str, str]]:
    """The kind, the field and the words of each of the 23 quotes."""
    listed = yaml.safe_load((FOLDER / "records.yaml").read_text("utf-8"))
    quotes = Counter[tuple[str, str, str]]()
    for section, kind in KINDS.items():
        for fields in listed[section].values():
            for field, words in fields.items():
                field = {"organizations": "takes_part", "name": ""}.get(field, field)
                for exact in words if isinstance(words, list) else [words]:
                    quotes[kind, field, exact] += 1
    return quotes


class Desk(Person):
    """A person at the reading desk."""

    def mark(self, number: int, words: str, hold: str = "") -> None:
        before = self.page.locator("#panel [name=o]").evaluate_all("all => all.map(o => o.value)")
        self.drag(self.page.locator(f"[data-sentence='{number}'] q"), words, hold)
        self.page.wait_for_function(
            "before => JSON.stringify([...document.querySelectorAll('#panel [name=o]')]"
            ".map(o => o.value)) !== JSON.stringify(before)",
            arg=before,
        )

    def is_of_kind(self, name: str) -> None:
        button = self.page.locator("#panel nav").get_by_text(name, exact=True)
        if button.get_attribute("aria-current") != "true":
            button.click()
            expect(self.page.locator("#panel nav [aria-current]")).to_have_text(name)

    def write(self, **values: str) -> None:
        """Fills in each field with another value than the guess."""
        for name, value in values.items():
            field = self.page.locator(f"#panel [name='{name.replace('__', '-')}']")
            picker = self.page.locator(f"#panel .picker:has([name={name}_typed])")
            if picker.count():
                self.pick(picker, value)
            elif field.evaluate("field => field.matches('select')"):
                if value not in field.locator("option:checked").inner_text():
                    option = field.locator("option", has_text=value).first
                    field.select_option(option.get_attribute("value"))
            elif field.input_value() != value:
                field.fill(value)
                field.blur()

    def pick(self, picker: Any, name: str) -> None:
        chosen = picker.locator("label:has(:checked)")
        if name in chosen.all_inner_texts():
            return
        typed = picker.locator("[name$=_typed]")
        typed.fill(name)
        expect(picker.locator("[role=status]")).to_contain_text(name)
        typed.press("Enter")

    def prove(self, *fields: str) -> None:
        """The fields, separated by spaces, that each quote proves."""
        for number, names in enumerate(fields):
            wanted = {*names.split(" ")}
            for tick in self.page.locator(f"#panel [name='proves-{number}']").all():
                is_wanted = tick.get_attribute("value") in wanted
                if tick.is_visible() and tick.is_checked() != is_wanted:
                    tick.click()

    def also(self, title: str) -> None:
        self.page.get_by_text(title).click()
        self.page.get_by_label("Guardarlo también").first.check()

    def save(self, again: bool = False) -> None:
        name = "Guardar y otro con esta oración" if again else "Guardar y seguir leyendo"
        self.page.locator(".panel .buttons").get_by_role("button", name=name).click()
        expect(self.page.locator("#saved, #problems")).to_be_visible()
        assert self.page.locator("#problems").count() == 0, self.page.locator(
            "#problems"
        ).inner_text()
        self.page.locator("#saved").evaluate("node => node.id = ''")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_communique_becomes_15_cited_and_public_records_in_few_gestures(
    live_server: Any, page: Any, capsys: Any
) -> None:
    call_command("load_record", verbosity=0)
    ours = set(Citation.objects.values_list("pk", flat=True))
    User.objects.create_superuser("ana", password="only for tests")
    page.set_viewport_size({"width": 1280, "height": 2400})
    log_in(page, live_server.url, "ana")
    ana = Desk(page)
    page.goto(f"{live_server.url}/admin/")
    receive(ana)
    read(ana)
    publish(ana)
    new = Citation.objects.exclude(pk__in=ours)
    assert Counter((c.supported, c.field, c.exact) for c in new) == expected()
    assert all(c.is_public() for c in new)
    assert Statement.objects.get(citations__in=new.filter(field="date")).body.count("<p>") > 5
    capsys.readouterr()
    with capsys.disabled():
        sys.stdout.write(f"\nThe communiqué took {ana.counts}.\n")
    assert ana.loads <= MOST_LOADS
    assert ana.clicks <= MOST_CLICKS
    assert ana.fields <= MOST_FIELDS
    assert len(page.context.pages) == 1


def receive(ana: Desk) -> None:
    page = ana.page
    page.get_by_role("link", name="Agregar una fuente").click()
    page.locator("[type=file]").set_input_files(FOLDER / "comunicado.pdf")
    ana.press("button", "Leer y revisar")
    page.get_by_label("Título").fill("Comunicado sobre su integración y su representación")
    page.get_by_label("Quién la publicó").fill("Núcleo de la Sociedad Civil")
    expect(page.get_by_label("Publicada")).to_have_value("22 de mayo de 2018")
    ana.press("button", "Guardar y abrir la mesa")


def read(ana: Desk) -> None:
    """Sentence by sentence, from 3: before it stand the title and what the text is about."""
    hand_over(ana)
    new_member(ana)
    leaving(ana)
    meetings(ana)
    agreement(ana)
    statement(ana)


def hand_over(ana: Desk) -> None:
    ana.mark(3, "El 9 de abril de 2018, reunidas en asamblea")
    ana.mark(3, f"{AGREED}, {UNTIL}", "Control")
    ana.write(
        title="SocialTIC asume la representación",
        category="relevo",
        start=DAY,
        summary="Las organizaciones acordaron que SocialTIC asumiera la representación.",
    )
    ana.mark(4, CO_TERM, "Control")
    ana.prove("start", "summary", "takes_part")
    ana.save()
    ana.mark(
        3, f"El 9 de abril de 2018, reunidas en asamblea, las organizaciones integrantes {AGREED}"
    )
    ana.mark(3, UNTIL, "Control")
    ana.mark(3, "El 9 de abril de 2018", "Control")
    ana.is_of_kind("Periodo")
    ana.write(
        organization="SocialTIC",
        role="representante",
        start=DAY,
        ends="Cultura Ecológica",
        ends__end=DAY,
    )
    ana.prove("start", "ends-end", "ends-end")
    ana.save()
    ana.mark(4, CO_TERM)
    ana.write(
        organization="Fundar", role="co-representante", start=DAY, ends="Social", ends__end=DAY
    )
    ana.prove("start ends-end")
    ana.save()


def new_member(ana: Desk) -> None:
    ana.mark(5, APPROVED)
    ana.mark(
        5,
        "organización dedicada a la apertura de información presupuestaria en los estados",
        "Control",
    )
    ana.is_of_kind("Organización")
    ana.write(
        name="Laboratorio de Datos Públicos",
        summary="Organización dedicada a la apertura de información presupuestaria.",
    )
    ana.mark(5, JOINED, "Control")
    ana.mark(5, f"En la misma asamblea {APPROVED}", "Control")
    ana.also("Su membresía")
    ana.write(membership__start="1 de mayo de 2018")
    ana.prove("", "summary", "membership-start", "membership-")
    ana.save()
    ana.mark(5, JOINED)
    ana.mark(5, f"En la misma asamblea {APPROVED}", "Control")
    ana.is_of_kind("Acontecimiento")
    ana.write(
        title="El Laboratorio de Datos Públicos se incorpora",
        category="incorporación",
        start="1 de mayo de 2018",
        summary="La asamblea aprobó su incorporación.",
    )
    ana.prove("start", "summary")
    ana.save()


def leaving(ana: Desk) -> None:
    ana.mark(6, LEFT)
    ana.mark(6, "El IMCO comunicó su decisión de concluir su participación en el Núcleo", "Control")
    ana.write(
        title="El IMCO concluye su participación",
        category="salida",
        start="30 de abril de 2018",
        summary="El IMCO comunicó su decisión.",
    )
    ana.prove("start", "summary")
    ana.save()
    ana.mark(6, LEFT)
    ana.is_of_kind("Uno que ya existe")
    ana.page.get_by_role("button", name="Membresía de IMCO").click()
    ana.write(end="30 de abril de 2018")
    ana.prove("end")
    ana.save()


def meetings(ana: Desk) -> None:
    ana.mark(
        8,
        "A principios de 2018 sostuvimos varias reuniones con el INAI sobre la apertura de "
        "los padrones de beneficiarios",
    )
    ana.is_of_kind("Acontecimiento")
    ana.write(
        title="Reuniones con el INAI sobre padrones de beneficiarios",
        category="reunión",
        start="2018",
    )
    ana.prove("start")
    ana.save()


def agreement(ana: Desk) -> None:
    ana.mark(9, "El 15 de mayo de 2018")
    ana.mark(9, f"{SIGNED} compromisos del Tercer Plan de Acción", "Control")
    ana.write(
        title="Acuerdo con la Red Ciudadana por la Transparencia Local",
        category="acuerdo",
        start="15 de mayo de 2018",
        summary="El acuerdo da seguimiento a los compromisos.",
    )
    ana.prove("start", "summary")
    ana.save()
    ana.mark(
        9,
        "el Núcleo y la Red Ciudadana por la Transparencia Local firmaron un acuerdo de "
        "colaboración",
    )
    ana.is_of_kind("Organización")
    ana.write(name="Red Ciudadana por la Transparencia Local")
    ana.prove("")
    ana.save()


def statement(ana: Desk) -> None:
    ana.mark(11, "Ciudad de México, a 22 de mayo de 2018")
    ana.mark(
        2,
        "informa a la opinión pública sobre los cambios recientes en su integración y en su "
        "representación",
        "Control",
    )
    ana.is_of_kind("Pronunciamiento")
    ana.write(
        title="Comunicado sobre la integración y la representación del Núcleo",
        kind="comunicado",
        date="22 de mayo de 2018",
        summary="Informa de los cambios en la integración y la representación.",
    )
    ana.prove("date", "summary")
    ana.save()


def publish(ana: Desk) -> None:
    page = ana.page
    page.get_by_role("link", name="Publicar todo lo de esta fuente").click()
    page.get_by_label("Por qué").fill("Comunicado del 22 de mayo de 2018")
    ana.press("button", "Publicar los")
    if page.get_by_role("alert").count():
        raise AssertionError(page.locator("main").inner_text())
    expect(page.get_by_role("button", name="Deshacer")).to_be_visible()
