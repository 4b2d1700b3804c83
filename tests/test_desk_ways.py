"""What a secretary who does not know the desk would lose or not see: without its script."""

from typing import Any

import pytest
from django.urls import reverse
from lxml import html

from organizations.models import Membership, Organization
from sources.models import Source
from tests import records
from tests.test_desk import CONVENED, LEFT, Sheet, desk
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
OWNED = "//button[not(@type='button')][@form='desk-form' or ancestor::form[@id='desk-form']]"


@pytest.fixture
def source() -> Source:
    return records.source(publish_at=None)


def buttons(sheet: Sheet) -> Any:
    """The buttons of the form, also those outside of it: Enter in a field presses the first."""
    return html.fromstring(sheet.text).xpath(OWNED)


def test_enter_saves_and_never_takes_the_last_save_back(editor: Any, source: Source) -> None:
    sheet = desk(editor, source, f"?o={CONVENED}")
    sheet = sheet.press("save", "next", title="Convocatoria", category=str(records.category().pk))
    names = [button.get("name") for button in buttons(sheet)]
    assert names[0] == "save"
    assert "undo" in names
    assert Event.objects.get().title == "Convocatoria"


def test_the_strip_and_the_next_unread_sentence_keep_what_was_typed(
    editor: Any, source: Source
) -> None:
    sheet = desk(editor, source, f"?o={CONVENED}")
    ways = [b for b in buttons(sheet) if b.get("name") == "go" and b.get("form")]
    assert len(ways) == len(source.passages.sentences) + 1
    for way in ways[LEFT - 1], ways[-1]:
        kept = sheet.press("go", way.get("value"), title="Un título")
        assert kept.fields["title"] == ["Un título"]
        assert f"o={CONVENED}" not in kept.form.action


def test_a_companion_that_is_filled_and_not_ticked_is_not_lost(editor: Any, source: Source) -> None:
    sheet = desk(editor, source, f"?o={CONVENED}&hecho=organizacion")
    assert sheet.fields["membership-start"] == ["mayo de 2012"]  # guessed
    sheet.press("save", "next", name="Delta")
    sheet.press("save", "next", name="Épsilon", words__0="se convocó a cuatro organizaciones")
    assert Organization.objects.filter(name__in=("Delta", "Épsilon")).count() == 2
    gone = sheet.press("go", f"o={CONVENED}:4-8&hecho=organizacion")
    assert "membership-start" not in gone.fields  # these words say no date
    sheet = sheet.press("save", "next", name="Gama", membership__start="2012")
    assert "su membresía: lo que escribió ahí no se guardaría" in sheet.words("problems")
    assert not Organization.objects.filter(name="Gama").exists()
    assert sheet.form.xpath(".//details[@id='also-membership-']/@open")
    assert sheet.fields["membership-start"] == ["2012"]
    sheet.press("save", "next", also="membership")
    assert [*Membership.objects.values_list("organization__name", "start")] == [("Gama", "2012")]
    assert Organization.objects.filter(name="Delta").exists()


def test_a_member_that_leaves_is_offered_the_membership_that_it_has(
    editor: Any, source: Source
) -> None:
    held = records.membership()
    sheet = desk(editor, source, f"?o={LEFT}&hecho=membresia")
    sheet = sheet.press("_check", organization=str(held.organization_id))
    assert str(held) in sheet.words("doubles")
    sheet = sheet.go(str(held))
    assert f"registro=membership-{held.pk}" in sheet.address


def test_the_preview_of_a_term_shows_it(editor: Any) -> None:
    term = records.term(publish_at=None, start="2031")
    page = editor.get(reverse("admin:organizations_representationterm_change", args=[term.pk]))
    (link,) = html.fromstring(page.text).xpath("//a[.='Vista previa']/@href")
    assert "2031" in editor.get(link).text


def test_a_sentence_gives_several_quotes_and_an_erased_quote_is_let_go(
    editor: Any, source: Source
) -> None:
    sheet = desk(editor, source, f"?o={CONVENED}")
    for count in (2, 3):
        (again, *_others) = (b for b in buttons(sheet) if "Otra cita" in b.text_content())
        sheet = sheet.press("go", again.get("value"))
        assert len({*sheet.fields["o"]}) == count
    words = [sheet.fields[f"words-{number}"][0] for number in range(3)]
    first, last = words[0].split()[:3], words[0].split()[-3:]
    sheet.press(
        "save", "next", title="Convocatoria", category=str(records.category().pk),
        words__0=" ".join(first), words__1=" ", words__2=" ".join(last),
        proves__0=["start"], proves__2=["summary"], summary="Convocan.",
    )  # fmt: skip
    proof = Event.objects.get().citations.values_list("field", "exact")
    assert {*proof} == {("start", " ".join(first)), ("summary", " ".join(last))}


def test_only_what_was_typed_goes_along_to_another_kind_or_record(
    editor: Any, source: Source
) -> None:
    member = records.proven(records.membership(start="2010", end="2011", note="Nota nuestra."))
    way = f"o={CONVENED}&hecho=existente&registro=membership-{member.pk}"
    sheet = desk(editor, source, f"?o={CONVENED}&hecho=acontecimiento")
    assert sheet.fields["start"] == ["mayo de 2012"]  # guessed
    sheet = sheet.press("go", way, title="Un título")
    assert sheet.fields["start"] == ["2010"]
    sheet = sheet.press("go", f"o={CONVENED}&hecho=acontecimiento")
    assert sheet.fields["title"] == ["Un título"]
    assert (sheet.fields["start"], sheet.fields.get("end")) == (["mayo de 2012"], None)
    assert "note" not in sheet.fields
    sheet = sheet.press("go", f"o={CONVENED}&hecho=membresia", start="2013")
    assert sheet.fields["start"] == ["2013"]
