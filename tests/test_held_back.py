"""A membership or a term is a draft of its own, also in an organization that is public."""

from typing import Any

import pytest
from django.urls import reverse

from editing.forms import link
from exchange.imports import RESOURCES
from organizations.models import Membership, Organization, RepresentationTerm
from record.publishing import Record
from tests import records
from tests.records import FAR_OFF, TOMORROW
from tests.sheets import csv_of, dataset_of
from tests.staff import act, address_of, draft, save
from tests.test_editing import again
from tests.test_publication import cited

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
WORD = "nota-reservada"
PERIODS = {Membership: records.membership, RepresentationTerm: records.term}
PAGES = (
    "organizations:organization_list", "organizations:representation", "home",
    "sharing:membership_feed", "sharing:term_feed",
)  # fmt: skip
PATHS = ("/al/2012/", "/datos/membresias.csv", "/datos/representacion.csv", "/buscar/?q=reservada")


def readers_see(visitor: Any, organization: Organization) -> bool:
    addresses = [organization.get_absolute_url(), *map(reverse, PAGES), *PATHS]
    return any(WORD in visitor.get(address).getvalue().decode() for address in addresses)


@pytest.mark.parametrize("model", PERIODS)
def test_an_editor_adds_a_draft_to_a_public_organization_and_readers_do_not_see_it(
    model: type[Record], editor: Any, publisher: Any, visitor: Any
) -> None:
    organization = records.organization(name="Alfa")
    word = {"organization": organization.pk, "role": "representative", "note": WORD}
    added = save(editor, address_of("add", model), start="2012", end="2013", **word)
    assert added.status_code == 302
    period: Any = model._default_manager.get()
    assert period.is_draft()
    assert save(editor, address_of("change", period), end="2014").status_code == 302
    assert editor.get(address_of("publish", period)).status_code == 403
    assert not readers_see(visitor, organization)
    preview = editor.get(organization.get_absolute_url()).text
    assert "<strong>Borrador:</strong>" in preview.partition(WORD)[0]
    act(publisher, "publish", period)
    assert readers_see(visitor, organization)
    assert "Borrador" not in editor.get(organization.get_absolute_url()).text
    assert again(period).end == "2014"
    assert save(editor, address_of("change", period), end="2015").status_code == 403


def test_a_new_row_in_the_form_of_an_organization_is_a_draft_and_says_so(publisher: Any) -> None:
    address = address_of("change", public := records.organization())
    records.term(organization=public)
    row = {"memberships-TOTAL_FORMS": 1, "memberships-0-start": "2012"}
    assert save(publisher, address, **row).status_code == 302
    member = Membership.objects.get()
    assert member.is_draft()
    rows = publisher.get(address).text.partition('id="memberships-group"')[2]
    members, _, terms = rows.partition('id="terms-group"')
    assert "<strong>Borrador</strong>" in " ".join(members.split())
    assert address_of("publish", member) in members
    assert "Publicar…" not in terms.partition('id="citations-group"')[0]


def test_an_organization_is_published_with_what_waits_for_it(publisher: Any) -> None:
    """Its drafts, and the records with the same moment of publication or withdrawal."""
    source = records.source()
    owner = cited(source, records.organization, publish_at=TOMORROW, name="Alfa")
    of_alfa = {"organization": owner}
    along = [
        cited(source, records.membership, publish_at=TOMORROW, **of_alfa),
        cited(source, records.term, publish_at=None, **of_alfa),
    ]
    apart = cited(source, records.term, role="co_representative", publish_at=FAR_OFF, **of_alfa)
    page = publisher.get(address_of("publish", owner))
    assert page.context["along"] == [*map(link, along)]
    assert "Con ella se publica también: Membresía" in page.text
    act(publisher, "publish", owner, when="now")
    assert all(again(record).is_public() for record in (owner, *along))
    assert again(apart).publish_at == FAR_OFF
    assert again(along[0]).history.first().history_change_reason
    act(publisher, "withdraw", source, facts="also")
    assert {again(record).state for record in (owner, *along)} == {"withdrawn"}
    act(publisher, "publish", owner)
    assert all(again(record).is_public() for record in (owner, *along))


def test_what_belongs_to_an_organization_that_waits_for_its_proof_waits_with_it(
    publisher: Any,
) -> None:
    owner = draft(records.organization)
    member = cited(records.source(), records.membership, organization=owner, publish_at=None)
    act(publisher, "publish", owner, bare="wait")
    assert again(owner).is_draft()
    assert again(member).publish_at is None
    bare = records.term(organization=owner, publish_at=None)
    records.citation(owner, source=records.source())
    act(publisher, "publish", owner, bare="wait")
    assert [again(record).is_public() for record in (owner, member, bare)] == [True, True, False]


def test_the_state_of_a_public_membership_says_what_hides_it(publisher: Any) -> None:
    member = draft(records.membership, organization=draft(records.organization, name="Alfa"))
    hidden = "mientras no sea público: Alfa"
    assert f"No se verá en el sitio {hidden}" in publisher.get(address_of("publish", member)).text
    act(publisher, "publish", member)
    assert (again(member).state, again(member).is_public()) == ("public", False)
    assert f"oculto {hidden}" in publisher.get(address_of("changelist", Membership)).text
    form = publisher.get(address_of("change", member)).text
    assert f"oculto {hidden}" in form
    assert "Guardar y mostrar en el sitio" not in form


@pytest.mark.parametrize("model", PERIODS)
def test_an_imported_membership_or_term_is_a_draft_unless_its_row_publishes_it(
    model: type[Record],
) -> None:
    records.organization(slug="alfa")
    role = ("papel", "representante") if model is RepresentationTerm else ("nota", "")
    header = f"identificador,organizacion,{role[0]},inicio,fin,se_publica,se_retira"
    rows = (f"uno,alfa,{role[1]},2012,2013,,", f"dos,alfa,{role[1]},2014,2015,2020-01-01 09:00,")
    name = next(name for name, resource in RESOURCES.items() if resource.model is model)
    assert not RESOURCES[name]().import_data(dataset_of(csv_of(header, *rows))).error_count
    states = model._default_manager.order_by("start").values_list("slug", "publish_at__year")
    assert [*states] == [("uno", None), ("dos", 2020)]
