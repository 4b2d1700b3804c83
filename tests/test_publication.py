"""No fact becomes or stays public without its proof in silence."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from exchange.models import Receipt
from organizations.models import Membership
from sources.models import Source
from tests import records
from tests import test_exchange_pages as exchange
from tests.records import TOMORROW, YESTERDAY
from tests.staff import act, address_of, answers, confirm, draft, from_trash, save
from tests.staff import written as form_values
from tests.test_editing import again, chosen
from timeline.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("forms_check_one_by_one")]
LISTED = address_of("changelist", Event)


def hidden_source(**fields: Any) -> Source:
    return records.source(title="La fuente oculta", **{"publish_at": None} | fields)


def cited(source: Any, make: Any = records.event, **fields: Any) -> Any:
    record = make(**fields)
    records.citation(record, source=source)
    return record


def cards(person: Any, action: str, record: Any) -> dict[str, list[str]]:
    """The titles of the questions on a page, each with its facts."""
    page = person.get(address_of(action, record))
    return {
        card.title: [str(fact) for fact in card.facts]
        + [str(field.label) for _, field in card.asked]
        for card in page.context["form"].cards
    }


@pytest.mark.parametrize(
    ("choice", "states"),
    [("also", ("public", "public")), ("wait", ("draft", "draft")), ("alone", ("public", "draft"))],
)
def test_a_draft_source_is_named_and_can_be_published_too(
    choice: str, states: tuple, publisher: Any
) -> None:
    source = hidden_source()
    event = cited(source, publish_at=None)
    page = publisher.get(address_of("publish", event))
    assert "La fuente oculta" in page.text
    assert answers(page)["sources"] == "also"
    act(publisher, "publish", event, sources=choice)
    assert (again(event).state, again(source).state) == states


def test_a_scheduled_publication_takes_its_source_along(publisher: Any) -> None:
    source = hidden_source()
    event = cited(source, publish_at=None)
    act(publisher, "publish", event, when="day", day="1 de enero de 2090")
    assert again(source).publish_at == again(event).publish_at
    assert again(event).state == "scheduled"


def test_a_source_that_is_public_by_then_is_not_asked_about(publisher: Any) -> None:
    source = hidden_source(publish_at=TOMORROW)
    event = cited(source, publish_at=None)
    assert len(cards(publisher, "publish", event)) == 1
    sent = {"when": "day", "day": "1 de enero de 2090", "sources": ""}
    assert act(publisher, "publish", event, **sent).status_code == 302
    assert again(source).publish_at == TOMORROW


def test_a_source_that_is_withdrawn_by_then_is_no_proof(publisher: Any) -> None:
    source = records.source(unpublish_at=TOMORROW)
    event = cited(source, publish_at=None)
    assert cards(publisher, "publish", event) == {}
    sent = {"when": "day", "day": "1 de enero de 2090"}
    asked = act(publisher, "publish", event, **sent)
    assert asked.status_code == 422
    assert "1 hecho se quedaría sin ninguna cita a la vista" in asked.text
    assert again(event).is_draft()


def test_a_withdrawn_source_is_not_published_along(publisher: Any) -> None:
    source = hidden_source(publish_at=records.LONG_AGO, unpublish_at=YESTERDAY)
    (title,) = cards(publisher, "publish", cited(source, publish_at=None))
    assert "sin ninguna cita a la vista" in title


def test_a_fact_without_a_quote_is_published_only_by_choice(publisher: Any) -> None:
    event = draft()
    page = publisher.get(address_of("publish", event))
    sent = answers(page) | {"bare": ""}
    assert publisher.post(address_of("publish", event), sent).status_code == 422
    assert act(publisher, "publish", event, bare="wait").status_code == 302
    assert again(event).is_draft()
    act(publisher, "publish", event, bare="alone")
    assert again(event).is_public()


def test_the_memberships_of_an_organization_are_facts_too(publisher: Any) -> None:
    source = records.source()
    organization = cited(source, records.organization, publish_at=None, name="Alfa")
    cited(source, records.membership, organization=organization)
    records.term(organization=organization)
    hidden = records.organization(publish_at=None)
    records.membership(organization=organization, replaces=hidden)  # stays hidden
    (facts,) = cards(publisher, "publish", organization).values()
    assert ["representante: Alfa" in fact for fact in facts] == [True]
    act(publisher, "publish", organization, bare="wait")
    assert again(organization).is_draft()


def test_dates_and_labels_without_proof_are_emptied_or_published(publisher: Any) -> None:
    source = records.source()

    def event(**fields: Any) -> Any:
        record = draft(start="2012-05", **fields)
        records.citation(record, source=source, field="title")
        return record

    (facts,) = cards(publisher, "publish", event(date_label="a mediados de año")).values()
    assert [fact.partition(": ")[2] for fact in facts] == [
        "inicio (mayo de 2012)", "palabras de la fuente (a mediados de año)",
    ]  # fmt: skip
    labelled = event(date_label="En mayo de 2012")
    records.citation(labelled, "se convocó a cuatro organizaciones", source=source, field="title")
    (facts,) = cards(publisher, "publish", labelled).values()
    assert "palabras" not in str(facts)
    kept, emptied, ended = event(), event(), event(end="2012-06")
    act(publisher, "publish", kept, unproven="alone")
    act(publisher, "publish", emptied)
    assert (again(kept).start, again(emptied).start) == ("2012-05", "")
    assert emptied.history.first().start == ""
    records.citation(ended, source=source, field="end")
    refused = act(publisher, "publish", ended)
    assert refused.status_code == 422
    assert "Falta el inicio" in refused.text
    assert again(ended).start == "2012-05"
    whole = cited(source, publish_at=None, start="2012-05")
    assert cards(publisher, "publish", whole) == {}


def test_a_list_is_asked_about_like_one_record(publisher: Any) -> None:
    source = hidden_source()
    resting, bare = cited(source, publish_at=None), draft()
    proven = cited(records.source(), publish_at=None)
    both = chosen("publish", resting, bare, proven)
    assert len(publisher.post(LISTED, both).context["form"].cards) == 2
    confirm(publisher, LISTED, **both, sources="wait", bare="wait")
    states = [again(event).state for event in (resting, bare, proven)]
    assert states == ["draft", "draft", "public"]
    assert again(source).is_draft()
    confirm(publisher, LISTED, **both)
    assert again(resting).is_public()
    assert again(source).is_public()


@pytest.mark.parametrize(("choice", "state"), [("also", "withdrawn"), ("alone", "public")])
def test_withdrawing_a_source_names_the_facts_that_lose_their_proof(
    choice: str, state: str, publisher: Any
) -> None:
    source = records.source()
    event, waiting = cited(source, title="El que se queda solo"), cited(source, publish_at=TOMORROW)
    two = cited(source, title="El de dos fuentes")
    records.citation(two, source=records.source())
    cited(source, publish_at=None)
    member = cited(source, records.membership)
    page = publisher.get(address_of("withdraw", source))
    (card,) = page.context["form"].cards
    assert card.title == "3 hechos se quedarían sin ninguna cita a la vista"
    assert "1 más tienen además otra fuente" in card.note
    act(publisher, "withdraw", source, facts=choice)
    assert again(source).state == "withdrawn"
    assert [again(record).state for record in (event, member, two)] == [state, state, "public"]
    assert again(waiting).state == ("draft" if choice == "also" else "scheduled")
    assert member.organization.is_public()


def test_an_organization_takes_its_memberships_along(publisher: Any) -> None:
    source = records.source()
    organization = cited(source, records.organization, name="Alfa")
    cited(source, records.membership, organization=organization)
    (card,) = publisher.get(address_of("withdraw", source)).context["form"].cards
    assert card.note == ""
    (facts,) = cards(publisher, "withdraw", organization).values()
    assert "Membresía de Alfa" in facts[0]


def test_a_scheduled_source_that_becomes_a_draft_is_asked_about_too(publisher: Any) -> None:
    source = hidden_source(publish_at=TOMORROW)
    waiting, now = cited(source, publish_at=TOMORROW), cited(source)
    (facts,) = cards(publisher, "draft", source).values()
    assert len(facts) == 1
    act(publisher, "draft", source)
    assert (again(waiting).state, again(now).state) == ("draft", "public")


def test_calling_off_a_withdrawal_leaves_the_facts(publisher: Any) -> None:
    source = records.source(unpublish_at=TOMORROW)
    event = cited(source, unpublish_at=records.FAR_OFF)
    act(publisher, "withdraw", source, when="keep")
    assert (again(source).unpublish_at, again(event).unpublish_at) == (None, records.FAR_OFF)


def test_nothing_is_done_if_the_proof_changed_after_the_page(publisher: Any, admin: Any) -> None:
    source = records.source()
    event = cited(source, publish_at=None)
    for action, record in (("publish", event), ("withdraw", source)):
        sent = answers(publisher.get(address_of(action, record)))
        if action == "publish":
            save(admin, address_of("change", source), title="Otra")
        else:
            cited(source)
        refused = publisher.post(address_of(action, record), sent)
        assert refused.status_code == 409
        assert again(record).state == record.state


def test_who_may_not_change_sources_is_not_offered_to_publish_them(publisher: Any) -> None:
    change = Permission.objects.get(codename="change_source")
    publisher.user.groups.get().permissions.remove(change)
    source = hidden_source()
    event = cited(source, publish_at=None)
    assert act(publisher, "publish", event, sources="also").status_code == 302
    assert again(source).is_draft()


def test_the_front_page_counts_public_facts_whose_quotes_are_not_visible(publisher: Any) -> None:
    source = records.source()
    cited(source), cited(source, records.membership)
    cited(hidden_source(), publish_at=None)
    assert "sin una cita que se vea" not in publisher.get("/admin/").text
    act(publisher, "withdraw", source, facts="alone")
    page = publisher.get("/admin/").text
    assert page.count("sin una cita que se vea") == 2
    assert len(publisher.get(f"{LISTED}?citas=ocultas").context["cl"].result_list) == 1


def test_a_save_that_leaves_a_public_fact_without_a_visible_quote_says_so(publisher: Any) -> None:
    source, other = records.source(), hidden_source(text=records.TEXT)
    event, organization = cited(source), records.organization(name="Alfa")
    quote = event.citations.get()
    kept = {"citations-0-exact": quote.exact}
    for address, fields, named in (
        (address_of("change", event), {"title": "Con su cita"}, ""),
        (address_of("change", event), kept | {"citations-0-source": other.pk}, "«Con su cita»"),
        (address_of("change", quote), {"source": source.pk}, ""),
        (address_of("change", quote), {"source": other.pk}, "«Con su cita»"),
        (address_of("add", Membership), {"organization": organization.pk}, "«Membresía de Alfa»"),
    ):
        page = publisher.get(save(publisher, address, **fields).url).text
        assert ("sin una cita visible" in page) == bool(named), fields
        assert named in page


def test_moving_the_last_quote_to_the_papelera_names_the_fact(publisher: Any) -> None:
    event = cited(records.source(), title="El que se queda solo")
    quote = event.citations.get()
    assert "El que se queda solo" in publisher.get(address_of("delete", quote)).text
    records.citation(event, source=records.source())
    assert "El que se queda solo" not in publisher.get(address_of("delete", quote)).text


def send(person: Any, table: str, file: str, *answers: str) -> Any:
    """Uploads a file and confirms its preview with these answers."""
    url = reverse("admin:exchange_import", args=[table])
    receipt = exchange.previewed(person, file, url)
    sent = exchange.sent_by(receipt) | {"prueba": answers}
    return person.post(exchange.page_of(receipt, "confirmar/"), sent)


def test_an_import_asks_before_a_fact_stands_without_its_proof(publisher: Any) -> None:
    source = hidden_source(slug="oculta")
    event = cited(source, publish_at=None, slug="uno")
    header = "identificador,titulo,categoria,se_publica\n"
    rows = "uno,El acontecimiento,acuerdo,2020-01-01 09:00\ndos,Otro,acuerdo,2020-01-01 09:00\n"

    def answer(*ticked: str) -> Any:
        return send(publisher, "eventos", header + rows, *ticked)

    asked = answer()
    assert asked.status_code == 422
    assert "2 hechos quedarían a la vista" in asked.text
    assert "La fuente oculta" in asked.text
    assert "1 hecho quedaría" in answer("also").text
    assert again(event).is_draft()
    assert again(source).is_draft()
    assert answer("also", "alone").status_code == 302
    assert again(event).is_public()
    assert again(source).is_public()
    assert source.history.first().history_user == publisher.user


def test_an_import_that_withdraws_a_source_asks_too(publisher: Any) -> None:
    source = records.source(slug="fuente")
    event = cited(source)
    file = f"identificador,se_retira\nfuente,{YESTERDAY:%Y-%m-%d} 09:00\n"
    assert "1 hecho quedaría" in send(publisher, "fuentes", file).text
    assert again(source).is_public()
    assert send(publisher, "fuentes", file, "alone").status_code == 302
    assert again(source).state == "withdrawn"
    assert again(event).is_public()
    receipt = Receipt.objects.made().get()
    undone = publisher.post(reverse("admin:exchange_undo", args=[receipt.pk]), follow=True)
    assert "sin una cita visible" not in undone.text


def test_undoing_an_import_says_which_facts_lose_their_proof(publisher: Any) -> None:
    source = hidden_source(slug="fuente")
    cited(source, title="El que se queda solo")
    file = "identificador,se_publica\nfuente,2020-01-01 09:00\n"
    assert send(publisher, "fuentes", file).status_code == 302
    receipt = Receipt.objects.made().get()
    undone = publisher.post(reverse("admin:exchange_undo", args=[receipt.pk]), follow=True)
    assert "sin una cita visible: «El que se queda solo»" in undone.text


def test_a_day_that_was_written_is_not_ignored(publisher: Any) -> None:
    event = draft()
    assert act(publisher, "publish", event, day="1 de enero de 2090").status_code == 422
    assert again(event).is_draft()
    act(publisher, "publish", event, when="day", day="1 de enero de 2090")
    act(publisher, "publish", event, when="now")
    assert again(event).is_public()


@pytest.mark.once
@pytest.mark.parametrize("role", ["reader", "editor", "keeper"])
def test_no_route_makes_public_what_a_person_may_not_publish(
    role: str, publisher: Any, request: pytest.FixtureRequest
) -> None:
    """Pages of actions, lists, forms, versions, the trash, saving as new, imports, undo."""
    person = request.getfixturevalue(role)
    organization = records.organization(slug="publica")
    event, source, gone = draft(slug="uno"), hidden_source(slug="oculta"), records.event()
    key = gone.pk
    act(publisher, "publish", event)
    act(publisher, "withdraw", event)
    act(publisher, "draft", event)
    confirm(publisher, address_of("delete", gone))
    exchange.previewed(publisher, "identificador,titulo\nuno,Otro\n")
    public = event.history.filter(publish_at__isnull=False).first()
    now = {"publish_at": "2020-01-01", "publish_at_0": "2020-01-01", "publish_at_1": "09:00"}
    written = {"title": "X", "category": records.WORDS["acuerdo"], "change_reason": "x", **now}
    change, add = address_of("change", event), address_of("add", Event)
    for address, fields in (
        *((address_of(action, r), {}) for action in ("publish", "draft") for r in (event, source)),
        *((LISTED, chosen(action, event)) for action in ("publish", "draft")),
        (change, {}), (change, {"_saveasnew": "1"}), (f"{change}?version={public.history_id}", {}),
        (add, {}), (from_trash(Event, key), {}), (f"{add}?publish_at=2020-01-01", {}),
        (address_of("add", Membership), {"organization": organization.pk}),
        *((exchange.page_of(receipt, "confirmar/"), exchange.sent_by(receipt) | {"prueba": "alone"})
          for receipt in Receipt.objects.all()),
        *((exchange.page_of(receipt, "deshacer/"), {}) for receipt in Receipt.objects.all()),
    ):  # fmt: skip
        person.post(address, written | fields | {"_publish": "1"})
        person.post(address, opened(person, address, fields) | written | fields)
        assert not Event.objects.exclude(publish_at=None).exists(), (address, fields)
        assert not Source.objects.exclude(publish_at=None).exists(), (address, fields)
        assert not Membership.objects.exclude(publish_at=None).exists(), (address, fields)
    for table, file in (
        ("eventos", "identificador,titulo,categoria,se_publica\nuno,X,acuerdo,2020-01-01\n"),
        ("membresias", "identificador,organizacion,se_publica\nnueva,publica,2020-01-01\n"),
    ):
        uploaded = exchange.upload(person, file, reverse("admin:exchange_import", args=[table]))
        person.get(uploaded.get("Location", "/admin/"))
        for receipt in Receipt.objects.all():
            person.post(exchange.page_of(receipt, "confirmar/"), exchange.sent_by(receipt))
    assert not Event.objects.exclude(publish_at=None).exists()
    assert not Membership.objects.exclude(publish_at=None).exists()


def opened(person: Any, address: str, fields: dict[str, Any]) -> dict[str, Any]:
    """What the page at this address sends, if the person may open it."""
    asked = person.post(address, fields)
    if asked.context and "tokens" in asked.context:
        return answers(asked)
    page = person.get(address)
    return form_values(page) if page.context and "adminform" in page.context else {}
